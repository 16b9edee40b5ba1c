/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who answers for an address? Sends ARP requests for one IPv4 address at a fixed rate out of one interface and writes down, with
 * CLOCK_MONOTONIC nanoseconds, every request sent, every answer and every announcement (gratuitous ARP) heard. A broadcast request
 * reaches everybody, so each host that holds the address answers each request: this is the laboratory's proof of who held what when.
 *
 *   lab_arp INTERFACE ADDRESS [RATE [SECONDS]]      until SIGTERM/SIGINT when SECONDS is 0 or missing; RATE 0 only listens
 *
 * Lines: "Q <ns>" a request went out, "A <ns> <mac>" an answer, "G <ns> <mac>" an announcement.
 * The sender address of the requests is 0.0.0.0, so they leave nothing in anybody's neighbour table.
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
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

struct prober {
    int fd;
    struct sockaddr_ll to;
    struct ether_arp request;
    uint8_t target[4];
};

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int open_prober(struct prober *p, const char *interface, const char *target)
{
    struct ifreq request = { 0 };
    struct sockaddr_ll from = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP) };

    if (inet_pton(AF_INET, target, p->target) != 1)
        return -EINVAL;
    p->fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_ARP));
    if (p->fd < 0)
        return -errno;
    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
    if (ioctl(p->fd, SIOCGIFHWADDR, &request) < 0)
        return -errno;
    from.sll_ifindex = (int)if_nametoindex(interface);
    if (bind(p->fd, (struct sockaddr *)&from, sizeof(from)) < 0)
        return -errno;
    p->to = from;
    p->to.sll_halen = ETH_ALEN;
    memset(p->to.sll_addr, 0xff, ETH_ALEN);
    p->request.arp_hrd = htons(ARPHRD_ETHER);
    p->request.arp_pro = htons(ETHERTYPE_IP);
    p->request.arp_hln = ETH_ALEN;
    p->request.arp_pln = 4;
    p->request.arp_op = htons(ARPOP_REQUEST);
    memcpy(p->request.arp_sha, request.ifr_hwaddr.sa_data, ETH_ALEN);
    memcpy(p->request.arp_tpa, p->target, 4);
    return 0;
}

static void send_request(struct prober *p)
{
    uint64_t t = now_ns();
    if (sendto(p->fd, &p->request, sizeof(p->request), 0, (struct sockaddr *)&p->to, sizeof(p->to)) ==
        (ssize_t)sizeof(p->request))
        printf("Q %lu\n", (unsigned long)t);
}

static void read_answers(struct prober *p)
{
    struct ether_arp a;
    struct sockaddr_ll from;
    socklen_t length = sizeof(from);
    ssize_t got;

    while ((got = recvfrom(p->fd, &a, sizeof(a), 0, (struct sockaddr *)&from, &length)) >= 0) {
        uint64_t t = now_ns();
        char kind = 'A';
        length = sizeof(from);
        if (got < (ssize_t)sizeof(a) || from.sll_pkttype == PACKET_OUTGOING || memcmp(a.arp_spa, p->target, 4) != 0)
            continue;
        if (memcmp(a.arp_tpa, p->target, 4) == 0)
            kind = 'G';
        else if (ntohs(a.arp_op) != ARPOP_REPLY)
            continue;
        printf("%c %lu %02x:%02x:%02x:%02x:%02x:%02x\n", kind, (unsigned long)t, a.arp_sha[0], a.arp_sha[1], a.arp_sha[2],
               a.arp_sha[3], a.arp_sha[4], a.arp_sha[5]);
    }
}

static int open_timer(double rate)
{
    struct itimerspec when = { 0 };
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (fd < 0 || rate <= 0)
        return fd;
    uint64_t period = (uint64_t)(1e9 / rate);
    when.it_interval.tv_sec = (time_t)(period / 1000000000u);
    when.it_interval.tv_nsec = (long)(period % 1000000000u);
    when.it_value.tv_nsec = 1;
    if (timerfd_settime(fd, 0, &when, NULL) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static int run(struct prober *p, double rate, double seconds)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int signals = signalfd(-1, &set, SFD_CLOEXEC);
    int timer = open_timer(rate);
    if (signals < 0 || timer < 0)
        return -errno;
    uint64_t end = seconds > 0 ? now_ns() + (uint64_t)(seconds * 1e9) : UINT64_MAX;
    struct pollfd fds[3] = { { p->fd, POLLIN, 0 }, { timer, POLLIN, 0 }, { signals, POLLIN, 0 } };

    while (now_ns() < end) {
        if (poll(fds, 3, 50) < 0 && errno != EINTR)
            return -errno;
        read_answers(p);
        if (fds[2].revents)
            break;
        uint64_t expired;
        if (read(timer, &expired, sizeof(expired)) == sizeof(expired))
            send_request(p);
    }
    close(timer);
    close(signals);
    return 0;
}

int main(int argc, char **argv)
{
    static char buffer[1 << 16];
    struct prober p = { .fd = -1 };
    struct sched_param priority = { .sched_priority = 40 };

    if (argc < 3 || argc > 5) {
        fprintf(stderr, "usage: lab_arp INTERFACE ADDRESS [RATE [SECONDS]]\n");
        return 2;
    }
    setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
    sched_setscheduler(0, SCHED_FIFO, &priority);
    int rc = open_prober(&p, argv[1], argv[2]);
    if (rc == 0)
        rc = run(&p, argc > 3 ? atof(argv[3]) : 1000, argc > 4 ? atof(argv[4]) : 0);
    if (p.fd >= 0)
        close(p.fd);
    if (rc < 0)
        fprintf(stderr, "lab_arp: %s\n", strerror(-rc));
    return rc < 0;
}
