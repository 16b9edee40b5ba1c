/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A steady stream of echo requests (ICMP or ICMPv6, up to thousands a second) through the host's own routing and neighbour tables,
 * with every probe accounted for: what a user of the cluster feels.
 *
 *   lab_ping ADDRESS [RATE [SECONDS]]      until SIGTERM/SIGINT when SECONDS is 0 or missing
 *
 * Last lines: "P <sent ns> <round trip ns, or 0 when lost>" for every probe, then "sent N lost N longest_gap_ms X".
 * The longest gap is the longest time between two answered probes, as sent. Times are CLOCK_MONOTONIC.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define PROBES_MAX 4000000u
#define GRACE_NS 1000000000ull /* how long answers are waited for after the last probe */

struct probe {
    uint64_t sent_ns;
    uint64_t took_ns; /* 0 = no answer */
};

struct packet {
    uint8_t type, code;
    uint16_t checksum, id, sequence;
    uint32_t number;
} __attribute__((packed));

struct pinger {
    int fd;
    int family;
    uint16_t id;
    struct sockaddr_storage to;
    socklen_t to_length;
    uint32_t count;
    struct probe *probes;
};

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint16_t checksum(const void *data, size_t length)
{
    const uint8_t *bytes = data;
    uint32_t sum = 0;
    for (size_t i = 0; i + 1 < length; i += 2)
        sum += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
    sum = (sum & 0xffff) + (sum >> 16);
    sum += sum >> 16;
    return htons((uint16_t)~sum);
}

static int open_pinger(struct pinger *p, const char *address)
{
    struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_RAW }, *found;
    int size = 4 << 20;
    if (getaddrinfo(address, NULL, &hints, &found) != 0)
        return -EINVAL;
    p->family = found->ai_family;
    p->to_length = found->ai_addrlen;
    memcpy(&p->to, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    p->id = (uint16_t)getpid();
    p->probes = calloc(PROBES_MAX, sizeof(*p->probes));
    p->fd = socket(p->family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, p->family == AF_INET6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
    if (p->fd < 0 || !p->probes)
        return -errno;
    setsockopt(p->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
    return 0;
}

static void send_probe(struct pinger *p)
{
    struct packet packet = { .type = p->family == AF_INET6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO, .id = htons(p->id) };
    if (p->count >= PROBES_MAX)
        return;
    packet.sequence = htons((uint16_t)p->count);
    packet.number = htonl(p->count);
    if (p->family == AF_INET)
        packet.checksum = checksum(&packet, sizeof(packet));
    /* A probe that the host itself refuses to send (no route, no neighbour) counts as lost, as for a user. */
    p->probes[p->count].sent_ns = now_ns();
    if (sendto(p->fd, &packet, sizeof(packet), 0, (struct sockaddr *)&p->to, p->to_length) < 0 && errno == EINVAL)
        perror("lab_ping: sendto");
    p->count++;
}

static void read_answers(struct pinger *p)
{
    uint8_t buffer[2048];
    ssize_t got;
    while ((got = recv(p->fd, buffer, sizeof(buffer), 0)) >= 0) {
        uint64_t t = now_ns();
        size_t skip = p->family == AF_INET ? (size_t)(buffer[0] & 15) * 4 : 0;
        struct packet answer;
        if ((size_t)got < skip + sizeof(answer))
            continue;
        memcpy(&answer, buffer + skip, sizeof(answer));
        uint32_t number = ntohl(answer.number);
        if (answer.type != (p->family == AF_INET6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY) || ntohs(answer.id) != p->id ||
            number >= p->count || p->probes[number].took_ns)
            continue;
        p->probes[number].took_ns = t - p->probes[number].sent_ns;
    }
}

static int open_timer(double rate)
{
    struct itimerspec when = { .it_value.tv_nsec = 1 };
    uint64_t period = (uint64_t)(1e9 / rate);
    when.it_interval.tv_sec = (time_t)(period / 1000000000u);
    when.it_interval.tv_nsec = (long)(period % 1000000000u);
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (fd >= 0 && timerfd_settime(fd, 0, &when, NULL) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* All that was sent may still be answered: true when something is outstanding. */
static int waiting(const struct pinger *p)
{
    return p->count > 0 && p->probes[p->count - 1].took_ns == 0;
}

static int run(struct pinger *p, double rate, double seconds)
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
        /* Every missed tick is sent late rather than left out: the rate is the promise. */
        uint64_t expired = 0;
        if (read(timer, &expired, sizeof(expired)) == sizeof(expired))
            for (uint64_t i = 0; i < expired && i < 100; i++)
                send_probe(p);
    }
    for (uint64_t last = now_ns() + GRACE_NS; waiting(p) && now_ns() < last;) {
        poll(fds, 1, 10);
        read_answers(p);
    }
    close(timer);
    close(signals);
    return 0;
}

static void report(const struct pinger *p)
{
    uint64_t longest = 0, previous = p->count ? p->probes[0].sent_ns : 0;
    uint32_t lost = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        printf("P %lu %lu\n", (unsigned long)p->probes[i].sent_ns, (unsigned long)p->probes[i].took_ns);
        if (!p->probes[i].took_ns) {
            lost++;
            continue;
        }
        if (p->probes[i].sent_ns - previous > longest)
            longest = p->probes[i].sent_ns - previous;
        previous = p->probes[i].sent_ns;
    }
    printf("sent %u lost %u longest_gap_ms %.1f\n", p->count, lost, (double)longest / 1e6);
}

int main(int argc, char **argv)
{
    struct pinger p = { .fd = -1 };
    struct sched_param priority = { .sched_priority = 40 };
    double rate = argc > 2 ? atof(argv[2]) : 1000;

    if (argc < 2 || argc > 4 || rate <= 0) {
        fprintf(stderr, "usage: lab_ping ADDRESS [RATE [SECONDS]]\n");
        return 2;
    }
    sched_setscheduler(0, SCHED_FIFO, &priority);
    int rc = open_pinger(&p, argv[1]);
    if (rc == 0)
        rc = run(&p, rate, argc > 3 ? atof(argv[3]) : 0);
    if (rc == 0)
        report(&p);
    else
        fprintf(stderr, "lab_ping: %s\n", strerror(-rc));
    free(p.probes);
    if (p.fd >= 0)
        close(p.fd);
    return rc < 0;
}
