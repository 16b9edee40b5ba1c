/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the Linux edge says and hears on the wire: announcements, probes, strangers. */
#include "tests/unit/linux_fixture.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "agent/linux/announce.h"
#include "agent/linux/frames.h"
#include "agent/linux/rtnl.h"

static struct bw_cluster_config config;
static const uint8_t stranger[6] = {2, 0, 0, 0, 0, 0x99};
static pid_t host; /* a process beside this one, often in a namespace of its own: another host on w0's network */

static int fresh_devices(void **state)
{
    (void)state;
    shell("ip link del w0 2>/dev/null; ip link del w1 2>/dev/null");
    make_pair(0);
    make_pair(1);
    make_config(&config, 2);
    add_virtual(&config, "192.168.10.100/24", 0, 0);
    add_virtual(&config, "fd00:10::100/64", 0, 0);
    add_virtual(&config, "10.10.0.100/24", 1, 0);
    return shell("ip addr add 192.168.10.1/24 dev w0; ip addr add 10.0.10.1/24 dev w1");
}

/* x0 moves to another host with these addresses. */
static int fresh_devices_and_host(void **state)
{
    int ready[2];
    char byte;

    if (fresh_devices(state) != 0 || pipe(ready) != 0)
        return -1;
    host = fork();
    if (host == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (unshare(CLONE_NEWNET) != 0)
            _exit(1);
        (void)!write(ready[1], "", 1);
        for (;;)
            pause();
    }
    close(ready[1]);
    if (read(ready[0], &byte, 1) != 1)
        return -1;
    close(ready[0]);
    return shell("ip link set x0 netns %d && nsenter -t %d -n sh -c 'ip addr add 192.168.10.50/24 dev x0; "
                 "ip addr add fd00:10::50/64 dev x0 nodad; ip link set x0 up; ip link set lo up' && "
                 "ip addr add fd00:10::1/64 dev w0 nodad",
                 host, host);
}

static int end_host(void **state)
{
    close_left_open(state);
    kill(host, SIGKILL);
    return waitpid(host, NULL, 0) == host ? 0 : -1;
}

/* What was announced of an address since the capture began: exact counts, whenever it is looked at. */
struct counts {
    int fd;
    struct bw_address address;
    const uint8_t *mac;
    unsigned requests, replies, advertisements, markers;
};

#define MARKER 0x88b5 /* a local experiment's ethertype */

/* Counts what has come so far, waiting for the next frame at most within_ms. */
static void count(struct counts *c, unsigned within_ms)
{
    uint8_t frame[2048];
    int n;

    while ((n = captured(c->fd, frame, sizeof(frame), within_ms)) > 0) {
        struct bw_neighbour_frame read;
        bool six = n > 14 && frame[12] == 0x86 && frame[13] == 0xdd, arp = n > 14 && frame[12] == 8 && frame[13] == 6;

        within_ms = 0;
        c->markers += n > 14 && frame[12] == MARKER >> 8 && frame[13] == (MARKER & 0xff);
        if (!(arp && bw_frame_read_arp(frame + 14, (size_t)n - 14, &read)) &&
            !(six && bw_frame_read_nd(frame + 14, (size_t)n - 14, &read)))
            continue;
        if (read.from.family != c->address.family || memcmp(read.from.bytes, c->address.bytes, 16) != 0 ||
            memcmp(read.from.bytes, read.about.bytes, 16) != 0)
            continue;
        assert_memory_equal(read.mac, c->mac, 6);
        assert_memory_equal(frame + 6, c->mac, 6);
        if (six)
            c->advertisements++;
        else if (read.answer)
            c->replies++;
        else
            c->requests++;
    }
}

/* Waits, turning nothing, until the address was announced `times` times, each in all its forms. */
static void until_announced(struct counts *c, unsigned times)
{
    bool six = c->address.family == 6;

    for (uint64_t end_ns = bw_now_ns() + PATIENCE_MS * BW_MS;
         six ? c->advertisements < times : c->requests < times || c->replies < times;) {
        assert_true(bw_now_ns() < end_ns);
        count(c, 20);
    }
}

/* A frame out of the member's device: what was sent before it is there when it is. */
static void until_marked(struct counts *c, const char *device)
{
    uint8_t frame[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 0x98, MARKER >> 8, MARKER & 0xff};
    unsigned before = c->markers;
    int fd = bw_sender_open();

    assert_int_equal(bw_sender_send(fd, (int)if_nametoindex(device), frame, sizeof(frame)), 0);
    close(fd);
    for (uint64_t end_ns = bw_now_ns() + PATIENCE_MS * BW_MS; c->markers == before;) {
        assert_true(bw_now_ns() < end_ns);
        count(c, 20);
    }
    count(c, 50);
}

static void visit_renewal(void *arg, const struct nlmsghdr *message)
{
    *(unsigned *)arg += message->nlmsg_type == RTM_NEWADDR;
}

/* Turns the edge until the kernel has told of so many additions or renewals of IPv4 addresses. */
static void until_renewed(struct bw_linux *edge, unsigned times)
{
    struct bw_rtnl notices;
    unsigned told = 0;

    assert_int_equal(bw_rtnl_open(&notices, RTMGRP_IPV4_IFADDR), 0);
    for (uint64_t end_ns = bw_now_ns() + PATIENCE_MS * BW_MS; told < times;) {
        assert_true(bw_now_ns() < end_ns);
        run_edge(edge, 0, 0, 20, NULL);
        assert_true(bw_rtnl_notices(&notices, 100, visit_renewal, &told) >= 0);
    }
    bw_rtnl_close(&notices);
}

static void taking_is_announced(void **state)
{
    struct bw_linux *edge = open_edge(&config);
    const uint8_t *mac = bw_linux_link(edge, 0)->mac;
    struct counts four = {.fd = capture("x0"), .address = address_of("192.168.10.100"), .mac = mac},
                  six = {.fd = capture("x0"), .address = address_of("fd00:10::100"), .mac = mac},
                  two = {.fd = capture("x1"), .address = address_of("10.10.0.100"), .mac = bw_linux_link(edge, 1)->mac};

    (void)state;
    bw_linux_announce(edge, 0); /* nothing is there yet */
    until_marked(&four, "w0");
    assert_int_equal(four.requests, 0);
    bw_linux_grant(edge, 0, bw_now_ns() + 600 * BW_SEC);
    until_announced(&four, 1); /* by the address thread itself: nobody turns the engine */
    until_announced(&six, 1);
    until_announced(&two, 1);
    until_renewed(edge, 6); /* each of two at least twice, whatever went before: renewals are silent */
    bw_linux_announce(edge, 0);
    until_announced(&four, 2);
    until_announced(&six, 2);
    bw_linux_revoke(edge, 0);
    assert_true(run_edge(edge, 0, BW_INPUT_RELEASED, PATIENCE_MS, NULL) >= 0);
    bw_linux_announce(edge, 0);
    until_marked(&four, "w0");
    count(&six, 0);
    assert_int_equal(four.requests, 2);
    assert_int_equal(four.replies, 2);
    assert_int_equal(six.advertisements, 2);
    close(four.fd);
    close(six.fd);
    close(two.fd);
    close_edge(edge);
}

static void return_of_the_cable_is_announced(void **state)
{
    struct bw_linux *edge = open_edge(&config);
    struct counts four = {.address = address_of("192.168.10.100"), .mac = bw_linux_link(edge, 0)->mac};

    (void)state;
    assert_true(run_edge(edge, 1, BW_INPUT_INSTALLED, PATIENCE_MS, NULL) >= 0);
    shell("ip link set x0 down");
    UNTIL(edge, 1, !bw_linux_link(edge, 0)->up);
    four.fd = capture("x0");
    shell("ip link set x0 up");
    UNTIL(edge, 1, bw_linux_link(edge, 0)->up);
    until_announced(&four, 1);
    run_edge(edge, 1, 0, 300, NULL);
    until_marked(&four, "w0");
    assert_int_equal(four.requests, 1);
    assert_int_equal(four.replies, 1);
    close(four.fd);
    close_edge(edge);
}

/* The hardware address that the next announcement of an IPv4 address tells, or false when none comes in that time. */
static bool announced_mac(int fd, const struct bw_address *address, unsigned within_ms, uint8_t mac[6])
{
    uint8_t frame[2048];
    int n;

    while ((n = captured(fd, frame, sizeof(frame), within_ms)) > 0) {
        struct bw_neighbour_frame read;

        if (n < 42 || frame[12] != 8 || frame[13] != 6 || !bw_frame_read_arp(frame + 14, (size_t)n - 14, &read) ||
            memcmp(read.from.bytes, address->bytes, 16) != 0 || memcmp(read.about.bytes, address->bytes, 16) != 0)
            continue;
        memcpy(mac, read.mac, 6);
        return true;
    }
    return false;
}

/* A process that stood still finds old notices and the word that newer ones are lost: the old ones don't win. */
static void overrun_leaves_no_past_behind(void **state)
{
    static const uint8_t fresh[6] = {2, 0, 0, 0, 0, 0x77};
    struct bw_address two = address_of("10.10.0.100");
    int fd = capture("x1"), status;
    uint8_t mac[6] = {0};

    (void)state;
    host = fork();
    if (host == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        open_edge(&config);
        starve_netlink();
        run_edge(left_open, 1, 0, 4 * PATIENCE_MS, NULL);
        _exit(0);
    }
    assert_true(announced_mac(fd, &two, PATIENCE_MS, mac));
    kill(host, SIGSTOP);
    waitpid(host, &status, WUNTRACED);
    assert_int_equal(shell("ip link set w1 mtu 1400; i=0; while [ $i -lt 20 ]; do ip link add junk$i type veth peer name "
                           "knuj$i; i=$((i+1)); done; ip link set w1 address 02:00:00:00:00:77; i=0; "
                           "while [ $i -lt 20 ]; do ip link del junk$i; i=$((i+1)); done"),
                     0);
    kill(host, SIGCONT);
    for (uint64_t end_ns = bw_now_ns() + PATIENCE_MS * BW_MS; memcmp(mac, fresh, 6) != 0;) {
        assert_true(bw_now_ns() < end_ns);
        announced_mac(fd, &two, 100, mac);
    }
    while (announced_mac(fd, &two, 500, mac))
        assert_memory_equal(mac, fresh, 6);
    close(fd);
}

static void many_are_announced_by_the_thread(void **state)
{
    struct counts last = {.fd = capture("x0"), .address = address_of("192.168.10.130")};
    struct bw_linux *edge;

    (void)state;
    for (unsigned i = 101; i <= 130; i++) {
        char text[32];

        snprintf(text, sizeof(text), "192.168.10.%u/24", i);
        add_virtual(&config, text, 0, 0);
    }
    edge = open_edge(&config);
    last.mac = bw_linux_link(edge, 0)->mac;
    assert_true(run_edge(edge, 1, BW_INPUT_INSTALLED, PATIENCE_MS, NULL) >= 0);
    until_announced(&last, 1);
    bw_linux_announce(edge, 0);
    until_announced(&last, 2);
    until_marked(&last, "w0");
    assert_int_equal(last.requests, 2);
    close(last.fd);
    close_edge(edge);
}

static void neighbours_believe_announcements(void **state)
{
    char four[256], six[256], mac[32];
    const uint8_t *m;
    struct bw_linux *edge = open_edge(&config);

    (void)state;
    m = bw_linux_link(edge, 0)->mac;
    snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
    assert_int_equal(
        shell("nsenter -t %d -n sh -c 'ip neigh add 192.168.10.100 dev x0 lladdr 02:00:00:00:00:99 nud stale; "
              "ip neigh add fd00:10::100 dev x0 lladdr 02:00:00:00:00:99 nud stale'",
              host),
        0);
    assert_true(run_edge(edge, 1, BW_INPUT_INSTALLED, PATIENCE_MS, NULL) >= 0);
    snprintf(four, sizeof(four), "nsenter -t %d -n ip neigh show to 192.168.10.100", host);
    snprintf(six, sizeof(six), "nsenter -t %d -n ip -6 neigh show to fd00:10::100", host);
    UNTIL(edge, 1, lines_with(four, mac) == 1 && lines_with(six, mac) == 1);
    close_edge(edge);
}

/* Probes again and again until an input of that kind comes. */
static void until_probed(struct bw_linux *edge, uint8_t interface, enum bw_input_kind kind)
{
    struct bw_input input = {0};

    for (uint64_t end_ns = bw_now_ns() + PATIENCE_MS * BW_MS;;) {
        assert_true(bw_now_ns() < end_ns);
        bw_linux_probe(edge, interface);
        if (run_edge(edge, 0, kind, 200, &input) >= 0)
            break;
    }
    assert_int_equal(input.interface, interface);
}

static void known_neighbours_answer_probes(void **state)
{
    struct bw_linux *edge;

    (void)state;
    /* The kernel knows them before this process starts. */
    assert_int_equal(shell("ping -c 1 -W 10 192.168.10.50 >/dev/null && ping -c 1 -W 10 fd00:10::50 >/dev/null"), 0);
    edge = open_edge(&config);
    run_edge(edge, 0, 0, 100, NULL);
    assert_int_equal(run_edge(edge, 0, BW_INPUT_PROBE_REPLY, 200, NULL), -1); /* not asked */
    until_probed(edge, 0, BW_INPUT_PROBE_REPLY);
    until_probed(edge, 0, BW_INPUT_RECEIVED);
    /* IPv6 alone answers as well. */
    shell("nsenter -t %d -n ip addr del 192.168.10.50/24 dev x0", host);
    run_edge(edge, 0, 0, 200, NULL);
    until_probed(edge, 0, BW_INPUT_PROBE_REPLY);
    /* Nobody is there any more. */
    shell("nsenter -t %d -n ip link set x0 arp off; nsenter -t %d -n ip -6 addr flush dev x0", host, host);
    run_edge(edge, 0, 0, 300, NULL);
    for (int i = 0; i < 10; i++) {
        bw_linux_probe(edge, 0);
        assert_int_equal(run_edge(edge, 0, BW_INPUT_PROBE_REPLY, 20, NULL), -1);
    }
    close_edge(edge);
}

/* Sends an ARP packet in at the network's end of a pair. */
static void inject_arp(const char *device, const char *from, const uint8_t mac[6], bool reply)
{
    struct bw_address a = address_of(from);
    uint8_t frame[BW_NEIGHBOUR_FRAME_MAX];
    size_t length = bw_frame_gratuitous(frame, mac, &a, reply);
    int fd = bw_sender_open();

    assert_int_equal(bw_sender_send(fd, (int)if_nametoindex(device), frame, length), 0);
    close(fd);
}

/* A neighbour speaks after a probe, again and again until it is heard. */
static void until_spoken_of(struct bw_linux *edge, uint8_t interface, const char *device, const char *who, bool reply)
{
    struct bw_input input = {0};

    for (uint64_t end_ns = bw_now_ns() + PATIENCE_MS * BW_MS;;) {
        assert_true(bw_now_ns() < end_ns);
        bw_linux_probe(edge, interface);
        inject_arp(device, who, stranger, reply);
        if (run_edge(edge, 0, BW_INPUT_PROBE_REPLY, 500, &input) >= 0)
            break;
    }
    assert_int_equal(input.interface, interface);
}

static void only_others_count_as_neighbours(void **state)
{
    struct bw_linux *edge = open_edge(&config);

    (void)state;
    bw_linux_probe(edge, 1);
    inject_arp("x1", "10.0.10.2", stranger, true);   /* the other member */
    inject_arp("x1", "10.10.0.100", stranger, true); /* a virtual address */
    assert_int_equal(run_edge(edge, 0, BW_INPUT_PROBE_REPLY, 200, NULL), -1);
    until_spoken_of(edge, 1, "x1", "10.0.10.77", false);
    close_edge(edge);
}

static void heard_neighbours_are_asked(void **state)
{
    struct bw_address asked = address_of("10.0.10.77");
    struct bw_linux *edge = open_edge(&config);
    bool direct = false, broadcast = false;
    uint8_t frame[2048];
    int fd, n;

    (void)state;
    until_spoken_of(edge, 1, "x1", "10.0.10.77", false);
    fd = capture("x1");
    bw_linux_probe(edge, 1);
    bw_linux_probe(edge, 1);
    while (!(direct && broadcast) && (n = captured(fd, frame, sizeof(frame), PATIENCE_MS)) > 0) {
        struct bw_neighbour_frame read;

        if (n < 42 || frame[12] != 8 || frame[13] != 6 || !bw_frame_read_arp(frame + 14, (size_t)n - 14, &read))
            continue;
        assert_false(read.answer);
        assert_memory_equal(read.about.bytes, asked.bytes, 4);
        assert_memory_equal(read.from.bytes, "\x0a\x00\x0a\x01", 4); /* the interface's own address */
        direct |= memcmp(frame, stranger, 6) == 0;
        broadcast |= frame[0] == 0xff;
    }
    assert_true(direct && broadcast);
    close(fd);
    close_edge(edge);
}

static void any_frame_moves_the_counter(void **state)
{
    static const uint8_t frame[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 0x99, 0x88, 0xb5};
    struct bw_linux *edge = open_edge(&config);
    struct bw_input input = {0};
    int fd = bw_sender_open();

    (void)state;
    run_edge(edge, 0, 0, 1500, NULL); /* let the kernels' own chatter end */
    bw_linux_probe(edge, 1);
    for (int i = 0; i < 5; i++) {
        bw_linux_probe(edge, 1);
        run_edge(edge, 0, 0, 10, NULL);
    }
    for (uint64_t end_ns = bw_now_ns() + PATIENCE_MS * BW_MS;;) {
        assert_true(bw_now_ns() < end_ns);
        assert_int_equal(bw_sender_send(fd, (int)if_nametoindex("x1"), frame, sizeof(frame)), 0);
        if (run_edge(edge, 0, BW_INPUT_RECEIVED, 500, &input) >= 0)
            break;
        bw_linux_probe(edge, 1);
    }
    assert_int_equal(input.interface, 1);
    close(fd);
    close_edge(edge);
}

static void stranger_with_our_address_is_told(void **state)
{
    struct bw_address six = address_of("fd00:10::100");
    struct bw_linux *edge = open_edge(&config);
    uint8_t frame[BW_NEIGHBOUR_FRAME_MAX];
    struct bw_input input;
    int fd = bw_sender_open();

    (void)state;
    inject_arp("x0", "192.168.10.100", stranger, true); /* not ours yet: not our business */
    for (int attempt = 0;; attempt++) {
        uint64_t granted_ns;

        assert_true(attempt < 10);
        bw_linux_revoke(edge, 0);
        assert_true(run_edge(edge, 0, BW_INPUT_RELEASED, PATIENCE_MS, NULL) >= 0);
        granted_ns = bw_now_ns();
        assert_true(run_edge(edge, 1, BW_INPUT_INSTALLED, PATIENCE_MS, NULL) >= 0);
        inject_arp("x0", "192.168.10.100", stranger, true); /* the former holder may say so for a moment */
        run_edge(edge, 1, 0, 1, NULL);
        if (bw_now_ns() - granted_ns < BW_SEC) /* that moment is over, when the machine stalled meanwhile */
            break;
    }
    assert_int_equal(run_edge(edge, 1, BW_INPUT_ADDRESS_DUPLICATE, 2500, NULL), -1);
    inject_arp("x0", "192.168.10.100", bw_linux_link(edge, 0)->mac, true); /* our own, come back */
    assert_int_equal(run_edge(edge, 1, BW_INPUT_ADDRESS_DUPLICATE, 1500, NULL), -1);
    inject_arp("x0", "192.168.10.100", stranger, true);
    assert_true(run_edge(edge, 1, BW_INPUT_ADDRESS_DUPLICATE, PATIENCE_MS, &input) >= 0);
    assert_string_equal(input.text, "02:00:00:00:00:99");
    assert_int_equal(input.address.family, 4);
    assert_int_equal(input.interface, 0);
    bw_frame_advertisement(frame, stranger, &six, false);
    assert_int_equal(bw_sender_send(fd, (int)if_nametoindex("x0"), frame, 86), 0);
    assert_true(run_edge(edge, 1, BW_INPUT_ADDRESS_DUPLICATE, PATIENCE_MS, &input) >= 0);
    assert_int_equal(input.address.family, 6);
    /* Once in ten seconds is enough. */
    inject_arp("x0", "192.168.10.100", stranger, true);
    assert_int_equal(run_edge(edge, 1, BW_INPUT_ADDRESS_DUPLICATE, 1500, NULL), -1);
    close(fd);
    close_edge(edge);
}

static void storm_is_shut_out_for_a_moment(void **state)
{
    struct bw_address a = address_of("10.0.10.66");
    struct bw_linux *edge = open_edge(&config);
    uint8_t frame[BW_NEIGHBOUR_FRAME_MAX];
    size_t length = bw_frame_gratuitous(frame, stranger, &a, false);
    int fd = bw_sender_open(), ifindex = (int)if_nametoindex("x1");
    struct bw_input input;
    unsigned turns = 0;
    int fds[16], count;

    (void)state;
    for (int i = 0; i < 50; i++) {
        for (int k = 0; k < 400; k++)
            bw_sender_send(fd, ifindex, frame, length);
        turns++;
        while (bw_linux_next(edge, &input) == 1)
            ;
    }
    /* It quiets down within few readings although nothing was sent slower. */
    count = bw_linux_fds(edge, fds, 16);
    for (int i = 0; i < 100; i++) {
        struct pollfd polls[16];

        for (int k = 0; k < count; k++)
            polls[k] = (struct pollfd){fds[k], POLLIN, 0};
        for (int k = 0; k < 400; k++)
            bw_sender_send(fd, ifindex, frame, length);
        if (poll(polls, (nfds_t)count, 0) == 0)
            break;
        assert_true(turns++ < 120);
        while (bw_linux_next(edge, &input) == 1)
            ;
    }
    /* And it listens again afterwards. */
    run_edge(edge, 0, 0, 300, NULL);
    until_spoken_of(edge, 1, "x1", "10.0.10.77", true);
    close(fd);
    close_edge(edge);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(taking_is_announced, fresh_devices, close_left_open),
        cmocka_unit_test_setup_teardown(return_of_the_cable_is_announced, fresh_devices, close_left_open),
        cmocka_unit_test_setup_teardown(overrun_leaves_no_past_behind, fresh_devices, end_host),
        cmocka_unit_test_setup_teardown(many_are_announced_by_the_thread, fresh_devices, close_left_open),
        cmocka_unit_test_setup_teardown(neighbours_believe_announcements, fresh_devices_and_host, end_host),
        cmocka_unit_test_setup_teardown(known_neighbours_answer_probes, fresh_devices_and_host, end_host),
        cmocka_unit_test_setup_teardown(only_others_count_as_neighbours, fresh_devices, close_left_open),
        cmocka_unit_test_setup_teardown(heard_neighbours_are_asked, fresh_devices, close_left_open),
        cmocka_unit_test_setup_teardown(any_frame_moves_the_counter, fresh_devices, close_left_open),
        cmocka_unit_test_setup_teardown(stranger_with_our_address_is_told, fresh_devices, close_left_open),
        cmocka_unit_test_setup_teardown(storm_is_shut_out_for_a_moment, fresh_devices, close_left_open),
    };

    return cmocka_run_group_tests(tests, enter_namespace, NULL);
}
