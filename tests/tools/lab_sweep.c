/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who answers for each of many addresses, from when to when? Asks by ARP for every address once in a period, evenly spread, out of one
 * interface, until SIGTERM or SIGINT; then prints a line "<address> <mac> <first ns> <last ns>" for each address and each who answered
 * for it (CLOCK_MONOTONIC). Announcements don't count: only answers do.
 *
 *   lab_sweep INTERFACE PERIOD_MS ADDRESS…
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ADDRESSES_MAX 1024
#define WHO_MAX 4

struct answerer {
    uint8_t mac[6];
    uint64_t first_ns, last_ns; /* 0 = unused */
};

static struct {
    uint8_t address[4];
    struct answerer who[WHO_MAX];
} targets[ADDRESSES_MAX];
static unsigned count;
static volatile sig_atomic_t done;

static void end(int number)
{
    (void)number;
    done = 1;
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int open_socket(const char *interface, struct sockaddr_ll *to, struct ether_arp *request)
{
    struct sockaddr_ll from = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP)};
    int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_ARP)), size = 4 << 20;
    struct ifreq device = {0};

    if (fd < 0)
        return -errno;
    snprintf(device.ifr_name, sizeof(device.ifr_name), "%s", interface);
    from.sll_ifindex = (int)if_nametoindex(interface);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
    if (ioctl(fd, SIOCGIFHWADDR, &device) < 0 || bind(fd, (struct sockaddr *)&from, sizeof(from)) < 0) {
        close(fd);
        return -errno;
    }
    *to = from;
    to->sll_halen = ETH_ALEN;
    memset(to->sll_addr, 0xff, ETH_ALEN);
    request->arp_hrd = htons(ARPHRD_ETHER);
    request->arp_pro = htons(ETHERTYPE_IP);
    request->arp_hln = ETH_ALEN;
    request->arp_pln = 4;
    request->arp_op = htons(ARPOP_REQUEST);
    memcpy(request->arp_sha, device.ifr_hwaddr.sa_data, ETH_ALEN);
    return fd;
}

static void note_answer(const struct ether_arp *a, uint64_t at_ns)
{
    for (unsigned i = 0; i < count; i++) {
        if (memcmp(targets[i].address, a->arp_spa, 4) != 0)
            continue;
        for (struct answerer *who = targets[i].who; who < targets[i].who + WHO_MAX; who++) {
            if (who->first_ns == 0) {
                memcpy(who->mac, a->arp_sha, 6);
                who->first_ns = at_ns;
            } else if (memcmp(who->mac, a->arp_sha, 6) != 0) {
                continue;
            }
            who->last_ns = at_ns;
            return;
        }
    }
}

static void read_answers(int fd)
{
    struct ether_arp a;

    while (recv(fd, &a, sizeof(a), 0) == (ssize_t)sizeof(a)) {
        if (a.arp_op == htons(ARPOP_REPLY) && memcmp(a.arp_spa, a.arp_tpa, 4) != 0)
            note_answer(&a, now_ns());
    }
}

static void sweep(int fd, const struct sockaddr_ll *to, struct ether_arp *request, uint64_t period_ns)
{
    uint64_t began_ns = now_ns(), sent = 0;

    while (!done) {
        uint64_t wanted = (now_ns() - began_ns) * count / period_ns;

        if (wanted > sent + count) /* it stood still itself: nothing is made up for */
            sent = wanted - count;
        for (; sent < wanted; sent++) {
            memcpy(request->arp_tpa, targets[sent % count].address, 4);
            (void)sendto(fd, request, sizeof(*request), 0, (const struct sockaddr *)to, sizeof(*to));
        }
        read_answers(fd);
        clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){0, 200000}, NULL);
    }
    read_answers(fd);
}

static void print(void)
{
    for (unsigned i = 0; i < count; i++) {
        char address[INET_ADDRSTRLEN];

        inet_ntop(AF_INET, targets[i].address, address, sizeof(address));
        for (const struct answerer *who = targets[i].who; who < targets[i].who + WHO_MAX && who->first_ns; who++)
            printf("%s %02x:%02x:%02x:%02x:%02x:%02x %lu %lu\n", address, who->mac[0], who->mac[1], who->mac[2],
                   who->mac[3], who->mac[4], who->mac[5], (unsigned long)who->first_ns, (unsigned long)who->last_ns);
    }
}

int main(int argc, char **argv)
{
    struct sched_param priority = {.sched_priority = 40};
    struct ether_arp request = {0};
    struct sockaddr_ll to;
    int fd;

    for (int i = 3; i < argc && count < ADDRESSES_MAX; i++)
        count += inet_pton(AF_INET, argv[i], targets[count].address) == 1;
    if (count == 0 || atof(argv[2]) <= 0) {
        fprintf(stderr, "usage: lab_sweep INTERFACE PERIOD_MS ADDRESS...\n");
        return 2;
    }
    signal(SIGTERM, end);
    signal(SIGINT, end);
    sched_setscheduler(0, SCHED_FIFO, &priority);
    fd = open_socket(argv[1], &to, &request);
    if (fd < 0) {
        fprintf(stderr, "lab_sweep: %s\n", strerror(-fd));
        return 1;
    }
    sweep(fd, &to, &request, (uint64_t)(atof(argv[2]) * 1e6));
    print();
    close(fd);
    return 0;
}
