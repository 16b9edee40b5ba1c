/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tests of the Linux edge share: a network namespace of their own with pairs of veth devices w0-x0, w1-x1 …, a
 * configuration for it, and small looks into the kernel. w… are the member's, x… the network's side.
 */
#ifndef BELLWETHER_TESTS_LINUX_FIXTURE_H
#define BELLWETHER_TESTS_LINUX_FIXTURE_H

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/linux/linux.h"
#include "bellwether/text.h"

/* Every wait for something that has to come is this long: only a failure takes it. */
#define PATIENCE_MS 20000
/* Grants that nobody means to lapse: the tests' own commands may take their time. */
#define GRANT_NS (60 * BW_SEC)

/* Runs a shell command. Returns its status. */
__attribute__((format(printf, 1, 2))) static inline int shell(const char *format, ...)
{
    char command[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(command, sizeof(command), format, args);
    va_end(args);
    return system(command);
}

static inline void sleep_ms(unsigned ms)
{
    usleep(ms * 1000);
}

static inline bool device_runs(const char *name)
{
    struct ifreq request = {0};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool runs;

    memcpy(request.ifr_name, name, strnlen(name, IFNAMSIZ - 1));
    runs = ioctl(fd, SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_RUNNING);
    close(fd);
    return runs;
}

/* A pair of devices with carrier: the kernel tells of it a little after "up". */
static inline void make_pair(unsigned n)
{
    char names[2][IFNAMSIZ];

    assert_int_equal(
        shell("ip link add w%u type veth peer name x%u && ip link set w%u up && ip link set x%u up", n, n, n, n), 0);
    for (int end = 0; end < 2; end++) {
        snprintf(names[end], sizeof(names[end]), "%c%u", "wx"[end], n);
        for (unsigned waited = 0; !device_runs(names[end]); waited++) {
            assert_true(waited < PATIENCE_MS);
            sleep_ms(1);
        }
    }
}

static inline int enter_namespace(void **state)
{
    (void)state;
    if (unshare(CLONE_NEWNET) != 0)
        return -1;
    return shell("ip link set lo up");
}

static inline struct bw_address address_of(const char *text)
{
    struct bw_address a;

    assert_int_equal(bw_address_from_text(text, &a), 0);
    return a;
}

/* Two members, the first is local, `interfaces` cluster interfaces on w0, w1 … without addresses. */
static inline void make_config(struct bw_cluster_config *c, unsigned interfaces)
{
    memset(c, 0, sizeof(*c));
    c->id = 17;
    strcpy(c->name, "edge");
    c->mode = BW_MODE_HA;
    c->auth_none = true;
    strcpy(c->multicast4, "224.0.0.254");
    strcpy(c->multicast6, "ff02::114");
    c->interval_ns = 10 * BW_MS;
    c->dead_after = 3;
    c->lease_ns = 30 * BW_SEC; /* nothing lapses by a stall of the machine; who tests leases says so */
    c->renew_ns = 300 * BW_MS;
    c->groups_count = 1;
    c->members_count = 2;
    c->interfaces_count = (uint8_t)interfaces;
    for (unsigned m = 0; m < 2; m++) {
        c->members[m].id = c->members[m].priority = (uint8_t)(m + 1);
        snprintf(c->members[m].name, sizeof(c->members[m].name), "fw%u", m + 1);
        c->members[m].address = address_of(m == 0 ? "10.0.10.1" : "10.0.10.2");
        for (unsigned i = 0; i < interfaces; i++)
            snprintf(c->members[m].device[i], sizeof(c->members[m].device[i]), "w%u", i);
    }
    for (unsigned i = 0; i < interfaces; i++) {
        snprintf(c->interfaces[i].name, sizeof(c->interfaces[i].name), "eth%u", i);
        c->interfaces[i].role = BW_ROLE_CLUSTER;
        c->interfaces[i].transport = BW_TRANSPORT_MULTICAST;
    }
}

static inline int by_address(const void *a, const void *b)
{
    const struct bw_address_config *x = a, *y = b;

    return bw_address_compare(&x->address, &y->address);
}

static inline void add_virtual(struct bw_cluster_config *c, const char *text, uint8_t interface, uint8_t group)
{
    struct bw_address_config *a = &c->addresses[c->addresses_count++];

    a->address = address_of(text);
    a->interface = interface;
    a->group = group;
    if (group >= c->groups_count)
        c->groups_count = (uint8_t)(group + 1);
    qsort(c->addresses, c->addresses_count, sizeof(*a), by_address);
}

/* How many lines the command prints that hold the text. */
static inline int lines_with(const char *command, const char *text)
{
    char line[1024];
    FILE *out = popen(command, "r");
    int count = 0;

    assert_non_null(out);
    while (fgets(line, sizeof(line), out) != NULL)
        count += strstr(line, text) != NULL;
    pclose(out);
    return count;
}

static inline bool has_address(const char *text)
{
    char wanted[64];

    snprintf(wanted, sizeof(wanted), " %s ", text);
    return lines_with("ip -o addr show", wanted) > 0;
}

/* Turns the edge as the engine would, once at least, keeping groups in the mask granted, until an input of the kind
 * comes (then *input is it) or the time is over. kind 0: for the whole time. Returns the milliseconds it took, or -1. */
static inline int run_edge(struct bw_linux *edge, uint32_t granted, enum bw_input_kind kind, unsigned within_ms,
                           struct bw_input *input)
{
    uint64_t start = bw_now_ns();
    struct bw_input scratch;
    int fds[16];
    int count = bw_linux_fds(edge, fds, 16);

    if (input == NULL)
        input = &scratch;
    do {
        struct pollfd polls[16];

        for (uint8_t g = 0; g < BW_MAX_GROUPS; g++)
            if (granted >> g & 1)
                bw_linux_grant(edge, g, bw_now_ns() + GRANT_NS);
        for (int i = 0; i < count; i++)
            polls[i] = (struct pollfd){fds[i], POLLIN, 0};
        poll(polls, (nfds_t)count, 10);
        while (bw_linux_next(edge, input) == 1)
            if (input->kind == kind)
                return (int)((bw_now_ns() - start) / BW_MS);
    } while (bw_now_ns() - start < within_ms * BW_MS);
    return kind == 0 ? (int)within_ms : -1;
}

/* Turns the edge, keeping groups granted, until the condition holds; it must, some time. */
#define UNTIL(edge, granted, condition)                                       \
    for (uint64_t end_ns_ = bw_now_ns() + PATIENCE_MS * BW_MS; !(condition);) { \
        assert_true(bw_now_ns() < end_ns_);                                   \
        run_edge(edge, granted, 0, 20, NULL);                                 \
    }

/* The edge of the present test. One that a failed test leaves open would go on holding addresses in those after it. */
static struct bw_linux *left_open;

static inline struct bw_linux *open_edge(const struct bw_cluster_config *c)
{
    assert_int_equal(bw_linux_new(c, &left_open), 0);
    return left_open;
}

static inline void close_edge(struct bw_linux *edge)
{
    left_open = NULL;
    bw_linux_free(edge);
}

static inline int close_left_open(void **state)
{
    (void)state;
    bw_linux_free(left_open);
    left_open = NULL;
    return 0;
}

/* All netlink sockets of this process get as little room as the kernel allows. */
static inline void starve_netlink(void)
{
    for (int fd = 3; fd < 64; fd++) {
        struct sockaddr_nl local;
        socklen_t length = sizeof(local);
        int bytes = 1;

        if (getsockname(fd, (struct sockaddr *)&local, &length) == 0 && local.nl_family == AF_NETLINK &&
            local.nl_groups != 0)
            assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)), 0);
    }
}

/* A socket that captures all frames that come in on a device. */
static inline int capture(const char *device)
{
    struct sockaddr_ll local = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)if_nametoindex(device)};
    int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&local, sizeof(local)), 0);
    return fd;
}

/* The next captured frame that is not the device's own; its length, or -1 when none comes in that time. */
static inline int captured(int fd, uint8_t *frame, size_t cap, unsigned within_ms)
{
    uint64_t end = bw_now_ns() + within_ms * BW_MS;

    for (;;) {
        struct sockaddr_ll from;
        socklen_t length = sizeof(from);
        struct pollfd p = {fd, POLLIN, 0};
        ssize_t n = recvfrom(fd, frame, cap, MSG_DONTWAIT, (struct sockaddr *)&from, &length);
        uint64_t now = bw_now_ns();

        if (n > 0 && from.sll_pkttype != PACKET_OUTGOING)
            return (int)n;
        if (n < 0 && (now >= end || poll(&p, 1, (int)((end - now) / BW_MS) + 1) < 0))
            return -1;
    }
}

#endif
