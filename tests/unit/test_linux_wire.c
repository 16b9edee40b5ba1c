/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the Linux edge says and hears on the wire: announcements, probes, strangers. */
#include "tests/unit/linux_fixture.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "agent/linux/announce.h"
#include "agent/linux/frames.h"

static struct bw_cluster_config config;
static const uint8_t stranger[6] = {2, 0, 0, 0, 0, 0x99};
static pid_t host; /* a process in a namespace of its own: another host on w0's network */

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
    (void)state;
    kill(host, SIGKILL);
    return waitpid(host, NULL, 0) == host ? 0 : -1;
}

static struct bw_linux *open_edge(void)
{
    struct bw_linux *edge = NULL;

    assert_int_equal(bw_linux_new(&config, &edge), 0);
    run_edge(edge, 0, 0, 50, NULL);
    return edge;
}

struct counts {
    unsigned requests, replies, advertisements;
};

/* Counts announcements of a virtual address within the time. */
static struct counts announcements(int fd, const struct bw_address *address, const uint8_t mac[6], unsigned within_ms)
{
    uint64_t end = bw_now_ns() + within_ms * BW_MS;
    struct counts counts = {0};
    uint8_t frame[2048];

    while (bw_now_ns() < end) {
        struct bw_neighbour_frame read;
        int n = captured(fd, frame, sizeof(frame), (unsigned)((end - bw_now_ns()) / BW_MS) + 1);
        bool six = n > 14 && frame[12] == 0x86 && frame[13] == 0xdd, arp = n > 14 && frame[12] == 8 && frame[13] == 6;

        if (!(arp && bw_frame_read_arp(frame + 14, (size_t)n - 14, &read)) &&
            !(six && bw_frame_read_nd(frame + 14, (size_t)n - 14, &read)))
            continue;
        if (read.from.family != address->family || memcmp(read.from.bytes, address->bytes, 16) != 0 ||
            memcmp(read.from.bytes, read.about.bytes, 16) != 0)
            continue;
        assert_memory_equal(read.mac, mac, 6);
        assert_memory_equal(frame + 6, mac, 6);
        if (six)
            counts.advertisements++;
        else if (read.answer)
            counts.replies++;
        else
            counts.requests++;
    }
    return counts;
}

static void taking_is_announced(void **state)
{
    struct bw_linux *edge = open_edge();
    struct bw_address four = address_of("192.168.10.100"), six = address_of("fd00:10::100"),
                      two = address_of("10.10.0.100");
    int fds[] = {capture("x0"), capture("x0"), capture("x1")};
    const uint8_t *mac = bw_linux_link(edge, 0)->mac;
    struct counts c;

    (void)state;
    bw_linux_announce(edge, 0); /* nothing is there yet */
    assert_int_equal(announcements(fds[0], &four, mac, 50).requests, 0);
    bw_linux_grant(edge, 0, bw_now_ns() + 20 * BW_SEC);
    c = announcements(fds[0], &four, mac, 300); /* by the address thread itself: nobody turns the engine */
    assert_int_equal(c.requests, 1);
    assert_int_equal(c.replies, 1);
    assert_int_equal(announcements(fds[1], &six, mac, 10).advertisements, 1);
    assert_int_equal(announcements(fds[2], &two, bw_linux_link(edge, 1)->mac, 10).requests, 1);
    run_edge(edge, 0, 0, 400, NULL);
    assert_int_equal(announcements(fds[0], &four, mac, 10).requests, 0); /* renewals are silent */
    bw_linux_announce(edge, 0);
    c = announcements(fds[0], &four, mac, 200);
    assert_int_equal(c.requests, 1);
    assert_int_equal(c.replies, 1);
    assert_int_equal(announcements(fds[1], &six, mac, 10).advertisements, 1);
    bw_linux_revoke(edge, 0);
    run_edge(edge, 0, BW_INPUT_RELEASED, 1000, NULL);
    bw_linux_announce(edge, 0);
    assert_int_equal(announcements(fds[0], &four, mac, 100).requests, 0);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    bw_linux_free(edge);
}

static void return_of_the_cable_is_announced(void **state)
{
    struct bw_linux *edge = open_edge();
    struct bw_address four = address_of("192.168.10.100");
    int fd;

    (void)state;
    assert_true(run_edge(edge, 1, BW_INPUT_INSTALLED, 1000, NULL) >= 0);
    shell("ip link set x0 down");
    run_edge(edge, 1, 0, 100, NULL);
    fd = capture("x0");
    shell("ip link set x0 up");
    run_edge(edge, 1, 0, 300, NULL);
    assert_int_equal(announcements(fd, &four, bw_linux_link(edge, 0)->mac, 10).requests, 1);
    close(fd);
    bw_linux_free(edge);
}

static void many_are_announced_by_the_thread(void **state)
{
    struct bw_address last = address_of("192.168.10.130");
    struct bw_linux *edge;
    int fd = capture("x0");

    (void)state;
    for (unsigned i = 101; i <= 130; i++) {
        char text[32];

        snprintf(text, sizeof(text), "192.168.10.%u/24", i);
        add_virtual(&config, text, 0, 0);
    }
    edge = open_edge();
    assert_true(run_edge(edge, 1, BW_INPUT_INSTALLED, 1000, NULL) >= 0);
    assert_int_equal(announcements(fd, &last, bw_linux_link(edge, 0)->mac, 50).requests, 1);
    bw_linux_announce(edge, 0);
    assert_int_equal(announcements(fd, &last, bw_linux_link(edge, 0)->mac, 200).requests, 1);
    close(fd);
    bw_linux_free(edge);
}

static void neighbours_believe_announcements(void **state)
{
    char command[256], mac[32];
    const uint8_t *m;
    struct bw_linux *edge = open_edge();

    (void)state;
    m = bw_linux_link(edge, 0)->mac;
    snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
    assert_int_equal(
        shell("nsenter -t %d -n sh -c 'ip neigh add 192.168.10.100 dev x0 lladdr 02:00:00:00:00:99 nud stale; "
              "ip neigh add fd00:10::100 dev x0 lladdr 02:00:00:00:00:99 nud stale'",
              host),
        0);
    assert_true(run_edge(edge, 1, BW_INPUT_INSTALLED, 1000, NULL) >= 0);
    run_edge(edge, 1, 0, 100, NULL);
    snprintf(command, sizeof(command), "nsenter -t %d -n ip neigh show to 192.168.10.100", host);
    assert_int_equal(lines_with(command, mac), 1);
    snprintf(command, sizeof(command), "nsenter -t %d -n ip -6 neigh show to fd00:10::100", host);
    assert_int_equal(lines_with(command, mac), 1);
    bw_linux_free(edge);
}

static void known_neighbours_answer_probes(void **state)
{
    struct bw_linux *edge;
    struct bw_input input;

    (void)state;
    /* The kernel knows them before this process starts. */
    assert_int_equal(shell("ping -c 1 -W 2 192.168.10.50 >/dev/null && ping -c 1 -W 2 fd00:10::50 >/dev/null"), 0);
    edge = open_edge();
    run_edge(edge, 0, 0, 100, NULL);
    assert_int_equal(run_edge(edge, 0, BW_INPUT_PROBE_REPLY, 200, NULL), -1); /* not asked */
    bw_linux_probe(edge, 0);
    assert_true(run_edge(edge, 0, BW_INPUT_PROBE_REPLY, 1000, &input) >= 0);
    assert_int_equal(input.interface, 0);
    bw_linux_probe(edge, 0);
    assert_true(run_edge(edge, 0, BW_INPUT_RECEIVED, 1000, &input) >= 0);
    assert_int_equal(input.interface, 0);
    /* IPv6 alone answers as well. */
    shell("nsenter -t %d -n ip addr del 192.168.10.50/24 dev x0", host);
    run_edge(edge, 0, 0, 200, NULL);
    bw_linux_probe(edge, 0);
    assert_true(run_edge(edge, 0, BW_INPUT_PROBE_REPLY, 1000, &input) >= 0);
    /* Nobody is there any more. */
    shell("nsenter -t %d -n ip link set x0 arp off; nsenter -t %d -n ip -6 addr flush dev x0", host, host);
    run_edge(edge, 0, 0, 300, NULL);
    for (int i = 0; i < 10; i++) {
        bw_linux_probe(edge, 0);
        assert_int_equal(run_edge(edge, 0, BW_INPUT_PROBE_REPLY, 20, NULL), -1);
    }
    bw_linux_free(edge);
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

static void only_others_count_as_neighbours(void **state)
{
    struct bw_linux *edge = open_edge();
    struct bw_input input;

    (void)state;
    bw_linux_probe(edge, 1);
    inject_arp("x1", "10.0.10.2", stranger, true);   /* the other member */
    inject_arp("x1", "10.10.0.100", stranger, true); /* a virtual address */
    assert_int_equal(run_edge(edge, 0, BW_INPUT_PROBE_REPLY, 200, NULL), -1);
    inject_arp("x1", "10.0.10.77", stranger, false);
    assert_true(run_edge(edge, 0, BW_INPUT_PROBE_REPLY, 500, &input) >= 0);
    assert_int_equal(input.interface, 1);
    bw_linux_free(edge);
}

static void heard_neighbours_are_asked(void **state)
{
    struct bw_address asked = address_of("10.0.10.77");
    struct bw_linux *edge = open_edge();
    bool direct = false, broadcast = false;
    uint8_t frame[2048];
    int fd, n;

    (void)state;
    inject_arp("x1", "10.0.10.77", stranger, false);
    run_edge(edge, 0, 0, 50, NULL);
    fd = capture("x1");
    bw_linux_probe(edge, 1);
    bw_linux_probe(edge, 1);
    while ((n = captured(fd, frame, sizeof(frame), 100)) > 0) {
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
    bw_linux_free(edge);
}

static void any_frame_moves_the_counter(void **state)
{
    static const uint8_t frame[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 0x99, 0x88, 0xb5};
    struct bw_linux *edge = open_edge();
    struct bw_input input;
    int fd = bw_sender_open();

    (void)state;
    run_edge(edge, 0, 0, 1500, NULL); /* let the kernels' own chatter end */
    bw_linux_probe(edge, 1);
    for (int i = 0; i < 5; i++) {
        bw_linux_probe(edge, 1);
        run_edge(edge, 0, 0, 10, NULL);
    }
    assert_int_equal(bw_sender_send(fd, (int)if_nametoindex("x1"), frame, sizeof(frame)), 0);
    assert_true(run_edge(edge, 0, BW_INPUT_RECEIVED, 500, &input) >= 0);
    assert_int_equal(input.interface, 1);
    close(fd);
    bw_linux_free(edge);
}

static void stranger_with_our_address_is_told(void **state)
{
    struct bw_address six = address_of("fd00:10::100");
    struct bw_linux *edge = open_edge();
    uint8_t frame[BW_NEIGHBOUR_FRAME_MAX];
    struct bw_input input;
    int fd = bw_sender_open();

    (void)state;
    inject_arp("x0", "192.168.10.100", stranger, true); /* not ours yet: not our business */
    assert_true(run_edge(edge, 1, BW_INPUT_INSTALLED, 1000, NULL) >= 0);
    inject_arp("x0", "192.168.10.100", stranger, true); /* the former holder may say so for a moment */
    assert_int_equal(run_edge(edge, 1, BW_INPUT_ADDRESS_DUPLICATE, 2500, NULL), -1);
    inject_arp("x0", "192.168.10.100", bw_linux_link(edge, 0)->mac, true); /* our own, come back */
    assert_int_equal(run_edge(edge, 1, BW_INPUT_ADDRESS_DUPLICATE, 1500, NULL), -1);
    inject_arp("x0", "192.168.10.100", stranger, true);
    assert_true(run_edge(edge, 1, BW_INPUT_ADDRESS_DUPLICATE, 3000, &input) >= 0);
    assert_string_equal(input.text, "02:00:00:00:00:99");
    assert_int_equal(input.address.family, 4);
    assert_int_equal(input.interface, 0);
    bw_frame_advertisement(frame, stranger, &six, false);
    assert_int_equal(bw_sender_send(fd, (int)if_nametoindex("x0"), frame, 86), 0);
    assert_true(run_edge(edge, 1, BW_INPUT_ADDRESS_DUPLICATE, 3000, &input) >= 0);
    assert_int_equal(input.address.family, 6);
    /* Once in ten seconds is enough. */
    inject_arp("x0", "192.168.10.100", stranger, true);
    assert_int_equal(run_edge(edge, 1, BW_INPUT_ADDRESS_DUPLICATE, 1500, NULL), -1);
    close(fd);
    bw_linux_free(edge);
}

static void storm_is_shut_out_for_a_moment(void **state)
{
    struct bw_address a = address_of("10.0.10.66");
    struct bw_linux *edge = open_edge();
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
    bw_linux_probe(edge, 1);
    inject_arp("x1", "10.0.10.77", stranger, true);
    assert_true(run_edge(edge, 0, BW_INPUT_PROBE_REPLY, 500, &input) >= 0);
    close(fd);
    bw_linux_free(edge);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(taking_is_announced, fresh_devices),
        cmocka_unit_test_setup(return_of_the_cable_is_announced, fresh_devices),
        cmocka_unit_test_setup(many_are_announced_by_the_thread, fresh_devices),
        cmocka_unit_test_setup_teardown(neighbours_believe_announcements, fresh_devices_and_host, end_host),
        cmocka_unit_test_setup_teardown(known_neighbours_answer_probes, fresh_devices_and_host, end_host),
        cmocka_unit_test_setup(only_others_count_as_neighbours, fresh_devices),
        cmocka_unit_test_setup(heard_neighbours_are_asked, fresh_devices),
        cmocka_unit_test_setup(any_frame_moves_the_counter, fresh_devices),
        cmocka_unit_test_setup(stranger_with_our_address_is_told, fresh_devices),
        cmocka_unit_test_setup(storm_is_shut_out_for_a_moment, fresh_devices),
    };

    return cmocka_run_group_tests(tests, enter_namespace, NULL);
}
