/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ports between two network namespaces: joined by a veth pair, without addresses, with a firewall whose input policy is
 * drop and with the strict reverse-path filter. Needs root.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "agent/net/inet.h"
#include "test_net_fixture.h"

#define PATIENCE_MS 3000

/* One side of the veth pair. */
struct side {
    char space[32]; /* its namespace */
    int fd;         /* the same, open */
    struct bw_port *port;
    uint8_t mac[6];
    int ifindex;
};

static struct side a, b;
static int home = -1;

static void run(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void run(const char *format, ...)
{
    char command[512];
    va_list args;

    va_start(args, format);
    vsnprintf(command, sizeof(command), format, args);
    va_end(args);
    if (system(command) != 0)
        fail_msg("failed: %s", command);
}

static void enter(int fd)
{
    if (setns(fd, CLONE_NEWNET) != 0)
        fail_msg("setns: %s", strerror(errno));
}

static void make_space(struct side *side, const char *letter)
{
    char path[64];

    snprintf(side->space, sizeof(side->space), "bw%d%s", (int)getpid(), letter);
    run("ip netns add %s", side->space);
    snprintf(path, sizeof(path), "/run/netns/%s", side->space);
    side->fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(side->fd >= 0);
    run("ip netns exec %s sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.default.rp_filter=1 "
        "net.ipv6.conf.default.disable_ipv6=1",
        side->space);
    run("ip netns exec %s nft 'add table inet f; add chain inet f input { type filter hook input priority 0; policy "
        "drop; }'",
        side->space);
}

static void make_link(void)
{
    run("ip -n %s link add w0 type veth peer name w0 netns %s", a.space, b.space);
    run("ip -n %s link set w0 up", a.space);
    run("ip -n %s link set w0 up", b.space);
}

/* Looks up the device and attaches the side's port to it. */
static void attach(struct side *side, const struct bw_address *source)
{
    struct ifreq request = {.ifr_name = "w0"};
    int fd;

    enter(side->fd);
    side->ifindex = (int)if_nametoindex("w0");
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(ioctl(fd, SIOCGIFHWADDR, &request), 0);
    memcpy(side->mac, request.ifr_hwaddr.sa_data, 6);
    close(fd);
    assert_int_equal(bw_port_attach(side->port, side->ifindex, side->mac, source), 0);
    enter(home);
}

static void close_ports(void)
{
    bw_port_free(a.port);
    bw_port_free(b.port);
    a.port = b.port = NULL;
}

/* The next frame, waiting up to ms milliseconds for it. 0 when none came. */
static int receive(struct side *side, uint8_t *frame, size_t cap, int ms)
{
    struct timespec start, now;

    clock_gettime(CLOCK_MONOTONIC, &start);
    for (;;) {
        int fds[2], length = bw_port_receive(side->port, frame, cap), left;
        struct pollfd polls[2];

        if (length != 0)
            return length;
        clock_gettime(CLOCK_MONOTONIC, &now);
        left = ms - (int)((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000);
        if (left <= 0)
            return 0;
        bw_port_fds(side->port, fds);
        polls[0] = (struct pollfd){.fd = fds[0], .events = POLLIN};
        polls[1] = (struct pollfd){.fd = fds[1], .events = POLLIN};
        poll(polls, 2, left);
    }
}

/* From sends, to receives just that, from itself hears nothing. */
static void exchange(struct side *from, struct side *to, size_t length)
{
    uint8_t sent[BW_FRAME_MAX], got[BW_FRAME_MAX];

    for (size_t i = 0; i < length; i++)
        sent[i] = (uint8_t)fixture_random();
    assert_int_equal(bw_port_send(from->port, sent, length), 0);
    assert_int_equal(receive(to, got, sizeof(got), PATIENCE_MS), (int)length);
    assert_memory_equal(sent, got, length);
    assert_int_equal(receive(to, got, sizeof(got), 0), 0);
    assert_int_equal(receive(from, got, sizeof(got), 0), 0);
}

/* Until the kernel has both ends going again. */
static void settle(struct side *from, struct side *to)
{
    uint8_t frame[8] = {0}, got[BW_FRAME_MAX];
    unsigned tries = 0;

    while (bw_port_send(from->port, frame, sizeof(frame)) != 0 || receive(to, got, sizeof(got), 10) == 0)
        assert_true(++tries < PATIENCE_MS / 10);
    while (receive(to, got, sizeof(got), 20) != 0)
        ;
}

static void open_ports(enum bw_transport transport)
{
    struct bw_port_setup setup = {
        .device = "w0", .transport = transport, .multicast4 = "224.0.0.254", .multicast6 = "ff02::114"};
    static const struct bw_address none;

    a.port = bw_port_new(&setup);
    b.port = bw_port_new(&setup);
    assert_non_null(a.port);
    assert_non_null(b.port);
    attach(&a, &none);
    attach(&b, &none);
    settle(&a, &b);
    settle(&b, &a);
}

/* A raw socket in a side's namespace, for what ports would never send and to see what they do. */
static int raw_socket(struct side *side)
{
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = side->ifindex};
    int fd;

    enter(side->fd);
    fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    enter(home);
    return fd;
}

static void test_multicast(void **state)
{
    (void)state;
    open_ports(BW_TRANSPORT_MULTICAST);
    for (size_t length = 1; length <= BW_FRAME_MAX; length += 147) {
        exchange(&a, &b, length);
        exchange(&b, &a, length);
    }
    exchange(&a, &b, BW_FRAME_MAX);
    assert_int_equal(bw_port_send(a.port, (const uint8_t *)"", 0), -EMSGSIZE);
    close_ports();
}

static void test_broadcast(void **state)
{
    (void)state;
    open_ports(BW_TRANSPORT_BROADCAST);
    exchange(&a, &b, 100);
    exchange(&b, &a, 1001);
    close_ports();
}

/* The headers, byte by byte. */
static void test_headers(void **state)
{
    static const uint8_t group[] = {0x01, 0x00, 0x5e, 0x00, 0x00, 0xfe};
    struct bw_address own = {.family = 4, .prefix = 24, .bytes = {10, 99, 0, 1}};
    uint8_t packet[2048], frame[101];
    int fd;

    (void)state;
    open_ports(BW_TRANSPORT_MULTICAST);
    fd = raw_socket(&b);
    memset(frame, 0x5a, sizeof(frame));
    for (unsigned round = 0; round < 2; round++) {
        const uint8_t *payload, *ip = packet + 14;
        size_t payload_length;
        ssize_t length;
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        uint32_t sum = 0;

        if (round == 1)
            attach(&a, &own);
        assert_int_equal(bw_port_send(a.port, frame, sizeof(frame)), 0);
        assert_int_equal(poll(&poll_fd, 1, PATIENCE_MS), 1);
        length = recv(fd, packet, sizeof(packet), 0);
        assert_int_equal(length, 14 + 28 + sizeof(frame));
        assert_memory_equal(packet, group, 6);
        assert_memory_equal(packet + 6, a.mac, 6);
        assert_memory_equal(packet + 12, "\x08\x00", 2);
        assert_int_equal(ip[8], 255);
        assert_memory_equal(ip + 12, round ? own.bytes : (const uint8_t[4]){0}, 4);
        assert_memory_equal(ip + 16, "\xe0\x00\x00\xfe", 4);
        for (unsigned i = 0; i < 20; i += 2)
            sum += (uint32_t)(ip[i] << 8 | ip[i + 1]);
        assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff);
        assert_int_equal(bw_inet_parse(ip, (size_t)length - 14, BW_CCP_PORT, false, &payload, &payload_length), 0);
        assert_int_equal(payload_length, sizeof(frame));
        assert_true(payload[-2] || payload[-1]);
        assert_memory_equal(payload - 8, "\x1f\xb4\x1f\xb4", 4);
        packet[14 + 28 + 50] ^= 1;
        assert_int_equal(bw_inet_parse(ip, (size_t)length - 14, BW_CCP_PORT, false, &payload, &payload_length),
                         -EBADMSG);
        assert_int_equal(bw_inet_parse(ip, (size_t)length - 14, BW_CCP_PORT, true, &payload, &payload_length), 0);
        for (size_t cut = 0; cut < (size_t)length - 14; cut++)
            assert_int_equal(bw_inet_parse(ip, cut, BW_CCP_PORT, true, &payload, &payload_length), -EBADMSG);
    }
    close(fd);
    close_ports();
}

/* Sends an Ethernet frame of b's: `tag` is put before the type when it is not empty. */
static void send_raw(int fd, uint16_t port, const char *tag, size_t tag_length, bool damaged, bool later_fragment)
{
    static const uint8_t source[4] = {10, 99, 0, 2}, target[4] = {224, 0, 0, 254};
    uint8_t packet[256] = {0x01, 0x00, 0x5e, 0x00, 0x00, 0xfe, 0x02, 0, 0, 0, 0, 9};
    size_t at = 12;

    memcpy(packet + at, tag, tag_length);
    at += tag_length;
    memcpy(packet + at, "\x08\x00", 2);
    at += 2;
    bw_inet_build(packet + at, source, target, port, (const uint8_t *)"payload", 7);
    memcpy(packet + at + BW_INET_HEADER_BYTES, "payload", 7);
    if (damaged)
        packet[at + BW_INET_HEADER_BYTES] ^= 0x40;
    if (later_fragment)
        packet[at + 7] = 1;
    at += BW_INET_HEADER_BYTES + 7;
    assert_int_equal(send(fd, packet, at, 0), (ssize_t)at);
}

static void test_filter(void **state)
{
    uint8_t got[BW_FRAME_MAX];
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(BW_CCP_PORT)};
    int fd, udp;

    (void)state;
    open_ports(BW_TRANSPORT_MULTICAST);
    fd = raw_socket(&b);
    send_raw(fd, BW_CCP_PORT + 1, "", 0, false, false);
    send_raw(fd, BW_CCP_PORT, "\x81\x00\x00\x15", 4, false, false); /* VLAN 21 */
    send_raw(fd, BW_CCP_PORT, "", 0, true, false);
    send_raw(fd, BW_CCP_PORT, "", 0, false, true);
    send_raw(fd, BW_CCP_PORT, "", 0, false, false);
    assert_int_equal(receive(&a, got, sizeof(got), PATIENCE_MS), 7);
    assert_memory_equal(got, "payload", 7);
    assert_int_equal(receive(&a, got, sizeof(got), 50), 0);
    send_raw(fd, BW_CCP_PORT, "\x81\x00\x00\x00", 4, false, false); /* a priority tag is of no VLAN */
    assert_int_equal(receive(&a, got, sizeof(got), PATIENCE_MS), 7);
    /* Too long for the caller: dropped, and nothing is written past its end. */
    send_raw(fd, BW_CCP_PORT, "", 0, false, false);
    memset(got, 0xee, sizeof(got));
    assert_int_equal(receive(&a, got, 6, 100), 0);
    assert_int_equal(got[6], 0xee);
    close(fd);

    /* By a UDP socket of another namespace: its checksum is not filled in yet. */
    run("ip -n %s addr add 10.99.0.2/24 dev w0", b.space);
    enter(b.fd);
    udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(setsockopt(udp, SOL_SOCKET, SO_BINDTODEVICE, "w0", 2), 0);
    enter(home);
    inet_pton(AF_INET, "224.0.0.254", &to.sin_addr);
    assert_int_equal(sendto(udp, "by a socket", 11, 0, (struct sockaddr *)&to, sizeof(to)), 11);
    assert_int_equal(receive(&a, got, sizeof(got), PATIENCE_MS), 11);
    close(udp);
    run("ip -n %s addr flush dev w0", b.space);
    close_ports();
}

static void test_drain(void **state)
{
    uint8_t frame[300] = {0}, got[BW_FRAME_MAX];

    (void)state;
    open_ports(BW_TRANSPORT_MULTICAST);
    for (unsigned i = 0; i < 200; i++)
        assert_int_equal(bw_port_send(a.port, frame, sizeof(frame)), 0);
    assert_int_equal(receive(&b, got, sizeof(got), PATIENCE_MS), sizeof(frame));
    bw_port_drain(b.port);
    assert_int_equal(receive(&b, got, sizeof(got), 0), 0);
    exchange(&a, &b, 64);
    close_ports();
}

/* Devices come and go; the descriptor stays. */
static void test_attachment(void **state)
{
    static const struct bw_address none;
    uint8_t frame[64] = {1}, got[BW_FRAME_MAX];
    struct bw_port_setup setup = {.device = "w0", .transport = BW_TRANSPORT_MULTICAST, .multicast4 = "224.0.0.254"};
    int before[2], after[2];

    (void)state;
    a.port = bw_port_new(&setup);
    bw_port_fds(a.port, before);
    assert_int_equal(before[0], -1);
    assert_int_equal(bw_port_send(a.port, frame, sizeof(frame)), -ENETDOWN);
    assert_int_equal(bw_port_receive(a.port, got, sizeof(got)), 0);
    bw_port_drain(a.port);
    assert_int_equal(bw_port_attach(a.port, 0, NULL, &none), 0);
    enter(a.fd);
    assert_int_equal(bw_port_attach(a.port, 4711, a.mac, &none), -ENODEV);
    enter(home);
    assert_int_equal(bw_port_send(a.port, frame, sizeof(frame)), -ENETDOWN);
    bw_port_free(a.port);

    open_ports(BW_TRANSPORT_MULTICAST);
    exchange(&a, &b, 64);
    bw_port_fds(a.port, before);

    /* Link down and up: the same attachment goes on. */
    run("ip -n %s link set w0 down", a.space);
    assert_true(bw_port_send(a.port, frame, sizeof(frame)) < 0);
    assert_int_equal(receive(&a, got, sizeof(got), 0), 0);
    run("ip -n %s link set w0 up", a.space);
    settle(&a, &b);
    settle(&b, &a);
    exchange(&a, &b, 64);
    exchange(&b, &a, 64);

    /* Detached: deaf and dumb. */
    assert_int_equal(bw_port_attach(a.port, 0, NULL, NULL), 0);
    assert_int_equal(bw_port_send(b.port, frame, sizeof(frame)), 0);
    assert_int_equal(receive(&a, got, sizeof(got), 100), 0);
    assert_int_equal(bw_port_send(a.port, frame, sizeof(frame)), -ENETDOWN);

    /* The device is gone; another one comes under its name. */
    run("ip -n %s link del w0", a.space);
    make_link();
    attach(&a, NULL);
    attach(&b, NULL);
    bw_port_fds(a.port, after);
    assert_int_equal(before[0], after[0]);
    settle(&a, &b);
    settle(&b, &a);
    exchange(&a, &b, 64);
    exchange(&b, &a, 64);
    close_ports();
}

/* The device is told to let the group's frames in. */
static void test_membership(void **state)
{
    char line[256];
    bool joined = false;

    (void)state;
    open_ports(BW_TRANSPORT_MULTICAST);
    for (unsigned i = 0; i < PATIENCE_MS / 10 && !joined; i++) {
        FILE *file;

        enter(a.fd);
        file = fopen("/proc/thread-self/net/dev_mcast", "r");
        enter(home);
        assert_non_null(file);
        while (fgets(line, sizeof(line), file))
            joined = joined || (strstr(line, "w0") && strstr(line, "01005e0000fe"));
        fclose(file);
        usleep(10000);
    }
    assert_true(joined);
    close_ports();
}

static void test_unicast(void **state)
{
    struct bw_port_setup setup = {.device = "w0", .transport = BW_TRANSPORT_UNICAST, .peers_count = 2};
    struct bw_port *keeper;
    uint8_t frame[64] = {7}, got[BW_FRAME_MAX];
    int fds[2];

    (void)state;
    run("ip -n %s addr add 10.99.0.1/24 dev w0", a.space);
    run("ip -n %s addr add 10.99.0.2/24 dev w0", b.space);
    run("ip netns exec %s nft 'add rule inet f input udp dport 8116 accept'", a.space);
    run("ip netns exec %s nft 'add rule inet f input udp dport 8116 accept'", b.space);
    setup.peers[0] = (struct bw_address){.family = 4, .prefix = 32, .bytes = {10, 99, 0, 2}};
    setup.peers[1] = (struct bw_address){.family = 4, .prefix = 32, .bytes = {10, 99, 0, 77}};
    a.port = bw_port_new(&setup);
    setup.send_only = true;
    keeper = bw_port_new(&setup);
    setup.send_only = false;
    setup.peers[0].bytes[3] = 1;
    setup.peers_count = 1;
    b.port = bw_port_new(&setup);
    attach(&a, NULL);
    enter(a.fd);
    assert_int_equal(bw_port_attach(keeper, a.ifindex, a.mac, NULL), 0); /* leaves the port number to a */
    enter(home);
    attach(&b, NULL);
    exchange(&a, &b, 64);
    exchange(&b, &a, BW_FRAME_MAX);
    assert_int_equal(bw_port_send(keeper, frame, sizeof(frame)), 0);
    assert_int_equal(receive(&b, got, sizeof(got), PATIENCE_MS), sizeof(frame));
    exchange(&b, &a, 32);
    bw_port_fds(a.port, fds);
    assert_true(fds[0] >= 0);
    assert_int_equal(fds[1], -1);

    assert_int_equal(bw_port_attach(b.port, 0, NULL, NULL), 0);
    assert_int_equal(bw_port_send(a.port, frame, sizeof(frame)), 0);
    assert_int_equal(receive(&b, got, sizeof(got), 100), 0);
    assert_int_equal(bw_port_send(b.port, frame, sizeof(frame)), -ENETDOWN);
    run("ip -n %s link del w0", a.space);
    make_link();
    run("ip -n %s addr add 10.99.0.1/24 dev w0", a.space);
    run("ip -n %s addr add 10.99.0.2/24 dev w0", b.space);
    attach(&a, NULL);
    attach(&b, NULL);
    settle(&a, &b);
    settle(&b, &a);
    exchange(&a, &b, 64);
    exchange(&b, &a, 64);
    bw_port_free(keeper);
    close_ports();
    run("ip -n %s addr flush dev w0", a.space);
    run("ip -n %s addr flush dev w0", b.space);
}

static void test_unicast6(void **state)
{
    struct bw_port_setup setup = {.device = "w0", .transport = BW_TRANSPORT_UNICAST, .peers_count = 1};

    (void)state;
    run("ip netns exec %s sysctl -qw net.ipv6.conf.w0.disable_ipv6=0", a.space);
    run("ip netns exec %s sysctl -qw net.ipv6.conf.w0.disable_ipv6=0", b.space);
    run("ip netns exec %s nft flush chain inet f input", a.space);
    run("ip netns exec %s nft 'add rule inet f input meta l4proto { udp, ipv6-icmp } accept'", a.space);
    run("ip netns exec %s nft 'add rule inet f input meta l4proto { udp, ipv6-icmp } accept'", b.space);
    run("ip -n %s addr add fd99::1/64 dev w0 nodad", a.space);
    run("ip -n %s addr add fd99::2/64 dev w0 nodad", b.space);
    setup.peers[0] = (struct bw_address){.family = 6, .prefix = 128, .bytes = {0xfd, 0x99, [15] = 2}};
    a.port = bw_port_new(&setup);
    setup.peers[0].bytes[15] = 1;
    b.port = bw_port_new(&setup);
    attach(&a, NULL);
    attach(&b, NULL);
    settle(&a, &b);
    settle(&b, &a);
    exchange(&a, &b, 64);
    exchange(&b, &a, 1000);
    close_ports();
}

static int set_up(void **state)
{
    (void)state;
    home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    make_space(&a, "a");
    make_space(&b, "b");
    make_link();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    close(a.fd);
    close(b.fd);
    return 0;
}

/* Also when a test gave up. */
static void remove_spaces(void)
{
    const struct side *sides[] = {&a, &b};

    for (unsigned i = 0; i < 2; i++) {
        char command[128];

        snprintf(command, sizeof(command), "ip netns del %s 2>/dev/null", sides[i]->space);
        if (sides[i]->space[0] && system(command) != 0)
            fprintf(stderr, "cannot remove %s\n", sides[i]->space);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_multicast),  cmocka_unit_test(test_broadcast), cmocka_unit_test(test_headers),
        cmocka_unit_test(test_filter),     cmocka_unit_test(test_drain),     cmocka_unit_test(test_attachment),
        cmocka_unit_test(test_membership), cmocka_unit_test(test_unicast),   cmocka_unit_test(test_unicast6),
    };

    atexit(remove_spaces);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
