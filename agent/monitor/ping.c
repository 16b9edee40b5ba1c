/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ICMP echo, IPv4 and IPv6, by one raw socket each for all monitors; a filter in the kernel keeps out whatever is not for us. The kernel
 * chooses the source: virtual addresses have no network of their own, so it is the interface's own address.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/monitor/monitor.h"
#include "bellwether/text.h"

#define READ_PER_TURN 256

/* An echo request as it goes out, and as its answer comes back. */
struct echo {
    uint8_t type, code;
    uint16_t checksum, id, sequence;
    uint8_t monitor, target;
    uint8_t reserved[2];
    uint32_t serial;
    uint64_t cookie;
};

static uint16_t checksum(const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    uint32_t sum = 0;

    for (size_t i = 0; i + 1 < length; i += 2)
        sum += (uint32_t)(at[i] << 8 | at[i + 1]);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return htons((uint16_t)~sum);
}

static void take_echo(struct bw_monitors *all, const struct echo *echo, const struct bw_address *from)
{
    struct bw_monitor *m = &all->monitors[echo->monitor];
    char text[BW_ADDRESS_TEXT_MAX];

    if (echo->id != all->ping_id || echo->monitor >= all->count || m->ops != &bw_monitor_ping || !m->busy ||
        echo->serial != m->ping.serial || echo->cookie != m->ping.cookie || echo->target >= m->config->targets_count)
        return;
    if (from->family != m->config->targets[echo->target].family ||
        memcmp(from->bytes, m->config->targets[echo->target].bytes, sizeof(from->bytes)) != 0)
        return;
    bw_monitor_done(m, true, "%s answers in %.1f ms", bw_address_to_text(from, false, text), bw_monitor_took_ms(m));
}

static void ready4(struct bw_source *source, uint32_t events)
{
    uint8_t packet[256];

    (void)events;
    for (int i = 0; i < READ_PER_TURN; i++) {
        ssize_t n = recv(source->fd, packet, sizeof(packet), MSG_DONTWAIT);
        const struct iphdr *ip = (const struct iphdr *)packet;
        struct bw_address from = {.family = 4, .prefix = 32};
        struct echo echo;
        size_t header;

        if (n < 0)
            return;
        if ((size_t)n < sizeof(*ip))
            continue;
        header = ip->ihl * 4U;
        if ((size_t)n < header + sizeof(echo))
            continue;
        memcpy(&echo, packet + header, sizeof(echo));
        memcpy(from.bytes, &ip->saddr, 4);
        if (echo.type == ICMP_ECHOREPLY)
            take_echo(source->owner, &echo, &from);
    }
}

static void ready6(struct bw_source *source, uint32_t events)
{
    uint8_t packet[256];

    (void)events;
    for (int i = 0; i < READ_PER_TURN; i++) {
        struct sockaddr_in6 address;
        socklen_t length = sizeof(address);
        ssize_t n = recvfrom(source->fd, packet, sizeof(packet), MSG_DONTWAIT, (struct sockaddr *)&address, &length);
        struct bw_address from = {.family = 6, .prefix = 128};
        struct echo echo;

        if (n < 0)
            return;
        if ((size_t)n < sizeof(echo))
            continue;
        memcpy(&echo, packet, sizeof(echo));
        memcpy(from.bytes, &address.sin6_addr, 16);
        if (echo.type == ICMP6_ECHO_REPLY)
            take_echo(source->owner, &echo, &from);
    }
}

/* Lets only packets with our id pass; at: where the ICMP header is. */
static void filter_id(int fd, bool ipv4, uint16_t id)
{
    struct sock_filter code[] = {
        ipv4 ? (struct sock_filter)BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0) : (struct sock_filter)BPF_STMT(BPF_LDX | BPF_IMM, 0),
        BPF_STMT(BPF_LD | BPF_H | BPF_IND, offsetof(struct echo, id)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohs(id), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0x40000),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

    /* Without it there is only more to pass over. */
    (void)!setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

static int open_socket(struct bw_monitors *all, struct bw_source *source, bool ipv4)
{
    int fd = ipv4 ? socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMP)
                  : socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6);

    if (fd < 0)
        return -errno;
    if (ipv4) {
        struct icmp_filter_v4 {
            uint32_t blocked;
        } filter = {~(1U << ICMP_ECHOREPLY)};

        (void)!setsockopt(fd, SOL_RAW, ICMP_FILTER, &filter, sizeof(filter));
    } else {
        struct icmp6_filter filter;

        ICMP6_FILTER_SETBLOCKALL(&filter);
        ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter);
        (void)!setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof(filter));
    }
    filter_id(fd, ipv4, all->ping_id);
    source->fd = fd;
    source->owner = all;
    source->ready = ipv4 ? ready4 : ready6;
    return bw_source_watch(all, source, EPOLLIN);
}

int bw_ping_open_sockets(struct bw_monitors *all)
{
    if (getrandom(&all->ping_id, sizeof(all->ping_id), GRND_NONBLOCK) < 0)
        all->ping_id = (uint16_t)getpid();
    return 0;
}

static int open_ping(struct bw_monitor *m)
{
    for (unsigned i = 0; i < m->config->targets_count; i++) {
        bool ipv4 = m->config->targets[i].family == 4;
        struct bw_source *source = ipv4 ? &m->all->ping4 : &m->all->ping6;
        int error = source->fd < 0 ? open_socket(m->all, source, ipv4) : 0;

        if (error != 0)
            return error;
    }
    return 0;
}

static int send_echo(struct bw_monitor *m, uint8_t target)
{
    const struct bw_address *address = &m->config->targets[target];
    bool ipv4 = address->family == 4;
    struct echo echo = {.type = ipv4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST,
                        .id = m->all->ping_id,
                        .sequence = htons((uint16_t)m->ping.serial),
                        .monitor = (uint8_t)m->index,
                        .target = target,
                        .serial = m->ping.serial,
                        .cookie = m->ping.cookie};
    struct sockaddr_in to4 = {.sin_family = AF_INET};
    struct sockaddr_in6 to6 = {.sin6_family = AF_INET6};
    ssize_t n;

    if (ipv4) {
        memcpy(&to4.sin_addr, address->bytes, 4);
        echo.checksum = checksum(&echo, sizeof(echo));
        n = sendto(m->all->ping4.fd, &echo, sizeof(echo), MSG_DONTWAIT, (struct sockaddr *)&to4, sizeof(to4));
    } else {
        memcpy(&to6.sin6_addr, address->bytes, 16);
        n = sendto(m->all->ping6.fd, &echo, sizeof(echo), MSG_DONTWAIT, (struct sockaddr *)&to6, sizeof(to6));
    }
    return n < 0 ? -errno : 0;
}

/* "10.0.0.1, 10.0.0.2" */
static const char *target_names(const struct bw_monitor *m, char *text, size_t cap)
{
    size_t at = 0;

    for (unsigned i = 0; i < m->config->targets_count; i++) {
        char address[BW_ADDRESS_TEXT_MAX];

        at += bw_format(text + at, cap - at, "%s%s", i > 0 ? ", " : "", bw_address_to_text(&m->config->targets[i], false, address));
    }
    return text;
}

static void begin_ping(struct bw_monitor *m)
{
    char names[BW_DETAIL_MAX];

    m->ping.serial++;
    m->ping.send_errors = 0;
    if (getrandom(&m->ping.cookie, sizeof(m->ping.cookie), GRND_NONBLOCK) < 0)
        m->ping.cookie = m->began_ns;
    for (uint8_t i = 0; i < m->config->targets_count; i++) {
        int error = send_echo(m, i);

        m->ping.send_errors += error != 0;
        m->ping.send_error = error != 0 ? error : m->ping.send_error;
    }
    if (m->ping.send_errors == m->config->targets_count)
        bw_monitor_done(m, false, "%s: %s", target_names(m, names, sizeof(names) - 32),
                        strerrordesc_np(-m->ping.send_error));
}

static void late_ping(struct bw_monitor *m)
{
    char names[BW_DETAIL_MAX];

    bw_monitor_done(m, false, "no answer from %s within %lu ms", target_names(m, names, sizeof(names) - 40),
                    (unsigned long)(m->config->timeout_ns / BW_MS));
}

static void close_ping(struct bw_monitor *m)
{
    (void)m;
}

const struct bw_monitor_ops bw_monitor_ping = {
    .open = open_ping, .begin = begin_ping, .late = late_ping, .close = close_ping};
