/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Links against a real kernel: loss and return, devices that go, come and change names, notices that are lost. */
#include "tests/unit/linux_fixture.h"

static struct bw_cluster_config config;

static int fresh_devices(void **state)
{
    (void)state;
    shell("ip link del w0 2>/dev/null; ip link del w1 2>/dev/null; ip link del other 2>/dev/null");
    make_pair(0);
    make_pair(1);
    make_config(&config, 2);
    add_virtual(&config, "192.168.10.100/24", 0, 0);
    add_virtual(&config, "10.10.0.100/24", 1, 0);
    return shell("ip addr add 192.168.10.1/24 dev w0");
}

/* Waits until the interface's link is as wanted; every LINK input has to agree with the picture. */
static bool until_link(struct bw_linux *edge, uint32_t granted, uint8_t interface, bool up, bool exists)
{
    for (uint64_t end_ns = bw_now_ns() + PATIENCE_MS * BW_MS; bw_now_ns() < end_ns;) {
        const struct bw_link *link = bw_linux_link(edge, interface);
        struct bw_input input;

        if (link->up == up && (link->ifindex != 0) == exists)
            return true;
        if (run_edge(edge, granted, BW_INPUT_LINK, 20, &input) >= 0)
            assert_int_equal(input.up, bw_linux_link(edge, input.interface)->up);
    }
    return false;
}

static void start_tells_all(void **state)
{
    struct bw_linux *edge = open_edge(&config);
    const struct bw_link *link = bw_linux_link(edge, 0);
    struct bw_input input;
    uint16_t told = 0;

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_true(run_edge(edge, 0, BW_INPUT_LINK, PATIENCE_MS, &input) >= 0);
        assert_true(input.up);
        told |= (uint16_t)(1U << input.interface);
    }
    assert_int_equal(told, 3);
    assert_int_equal(link->ifindex, if_nametoindex("w0"));
    assert_true(link->up);
    assert_int_equal(link->mtu, 1500);
    assert_int_equal(link->address4.family, 4);
    assert_int_equal(link->address4.prefix, 24);
    assert_memory_equal(link->address4.bytes, "\xc0\xa8\x0a\x01", 4);
    run_edge(edge, 0, 0, 100, NULL);
    assert_int_equal(bw_linux_link(edge, 1)->address4.family, 0);
    close_edge(edge);
}

static void loss_is_told_at_once(void **state)
{
    struct bw_linux *edge = open_edge(&config);

    (void)state;
    assert_true(run_edge(edge, 1, BW_INPUT_INSTALLED, PATIENCE_MS, NULL) >= 0);
    shell("ip link set x0 down"); /* the cable */
    assert_true(until_link(edge, 1, 0, false, true));
    assert_true(bw_linux_link(edge, 1)->up);
    shell("ip link set x0 up");
    assert_true(until_link(edge, 1, 0, true, true));
    shell("ip link set w0 down"); /* the administrator */
    assert_true(until_link(edge, 1, 0, false, true));
    shell("ip link set w0 up");
    assert_true(until_link(edge, 1, 0, true, true));
    UNTIL(edge, 1, has_address("192.168.10.100/32") && bw_linux_installed(edge, 0));
    close_edge(edge);
}

static void device_goes_and_comes_back(void **state)
{
    struct bw_linux *edge = open_edge(&config);
    int before = (int)if_nametoindex("w1");

    (void)state;
    assert_true(run_edge(edge, 1, BW_INPUT_INSTALLED, PATIENCE_MS, NULL) >= 0);
    shell("ip link del w1");
    assert_true(until_link(edge, 1, 1, false, false));
    run_edge(edge, 1, 0, 400, NULL);
    make_pair(1);
    assert_true(until_link(edge, 1, 1, true, true));
    assert_int_not_equal(bw_linux_link(edge, 1)->ifindex, before);
    UNTIL(edge, 1, has_address("10.10.0.100/32"));
    UNTIL(edge, 1, bw_linux_installed(edge, 0) && bw_linux_installed(edge, 1));
    bw_linux_revoke(edge, 0);
    assert_true(run_edge(edge, 0, BW_INPUT_RELEASED, PATIENCE_MS, NULL) >= 0);
    assert_false(has_address("10.10.0.100/32"));
    close_edge(edge);
}

static void names_decide(void **state)
{
    struct bw_linux *edge = open_edge(&config);

    (void)state;
    assert_true(run_edge(edge, 1, BW_INPUT_INSTALLED, PATIENCE_MS, NULL) >= 0);
    shell("ip link set w0 down; ip link set w0 name other; ip link set other up");
    assert_true(until_link(edge, 1, 0, false, false));
    UNTIL(edge, 1, lines_with("ip -o addr show dev other", "192.168.10.100") == 0);
    assert_int_equal(lines_with("ip -o addr show dev other", "192.168.10.1/24"), 1);
    shell("ip link set other down; ip link set other name w0; ip link set w0 up");
    assert_true(until_link(edge, 1, 0, true, true));
    UNTIL(edge, 1, has_address("192.168.10.100/32"));
    /* Its own address came along without a notice of its own. */
    UNTIL(edge, 1, bw_linux_link(edge, 0)->address4.family == 4);
    close_edge(edge);
}

static void without_devices_at_start(void **state)
{
    struct bw_linux *edge;

    (void)state;
    shell("ip link del w0; ip link del w1");
    edge = open_edge(&config);
    assert_int_equal(bw_linux_link(edge, 0)->ifindex, 0);
    assert_true(run_edge(edge, 1, BW_INPUT_INSTALLED, PATIENCE_MS, NULL) >= 0); /* nothing to install yet */
    make_pair(0);
    assert_true(until_link(edge, 1, 0, true, true));
    UNTIL(edge, 1, has_address("192.168.10.100/32"));
    close_edge(edge);
}

static void own_addresses_are_followed(void **state)
{
    struct bw_linux *edge = open_edge(&config);

    (void)state;
    assert_true(run_edge(edge, 1, BW_INPUT_INSTALLED, PATIENCE_MS, NULL) >= 0);
    shell("ip addr add 10.10.0.1/24 dev w1");
    UNTIL(edge, 1, bw_linux_link(edge, 1)->address4.family != 0);
    assert_memory_equal(bw_linux_link(edge, 1)->address4.bytes, "\x0a\x0a\x00\x01", 4);
    shell("ip addr del 10.10.0.1/24 dev w1");
    UNTIL(edge, 1, bw_linux_link(edge, 1)->address4.family == 0);
    /* A virtual address is never taken for an own one. */
    assert_true(has_address("10.10.0.100/32"));
    assert_int_equal(bw_linux_link(edge, 1)->address4.family, 0);
    close_edge(edge);
}

static void overrun_is_mended(void **state)
{
    struct bw_linux *edge = open_edge(&config);

    (void)state;
    assert_true(run_edge(edge, 1, BW_INPUT_INSTALLED, PATIENCE_MS, NULL) >= 0);
    starve_netlink();
    /* Nobody reads meanwhile; what happens to w0 and w1 is said in notices that are lost. */
    assert_int_equal(
        shell("i=0; while [ $i -lt 40 ]; do ip link add junk$i type veth peer name knuj$i; i=$((i+1)); done;"
              "ip link set x0 down; ip link del w1; ip addr del 192.168.10.100/32 dev w0; "
              "i=0; while [ $i -lt 40 ]; do ip link del junk$i; i=$((i+1)); done"),
        0);
    assert_true(until_link(edge, 1, 0, false, true));
    assert_true(until_link(edge, 1, 1, false, false));
    UNTIL(edge, 1, has_address("192.168.10.100/32"));
    make_pair(1);
    shell("ip link set x0 up");
    assert_true(until_link(edge, 1, 0, true, true));
    assert_true(until_link(edge, 1, 1, true, true));
    UNTIL(edge, 1, has_address("10.10.0.100/32"));
    close_edge(edge);
}

static void bridge_ports_are_not_mistaken(void **state)
{
    struct bw_linux *edge = open_edge(&config);

    (void)state;
    run_edge(edge, 0, 0, 100, NULL);
    /* A bridge tells "link deleted" of a port that leaves it: the device is still there. The last notice marks the end. */
    shell("ip link add br0 type bridge; ip link set w0 master br0; ip link set w0 nomaster; ip link del br0; "
          "ip link set w0 mtu 1400");
    for (uint64_t end_ns = bw_now_ns() + PATIENCE_MS * BW_MS; bw_linux_link(edge, 0)->mtu != 1400;) {
        assert_true(bw_now_ns() < end_ns);
        run_edge(edge, 0, BW_INPUT_LINK, 20, NULL);
        assert_true(bw_linux_link(edge, 0)->ifindex != 0);
        assert_true(bw_linux_link(edge, 0)->up);
    }
    close_edge(edge);
}

static void keeper_sees_the_same(void **state)
{
    struct bw_watch *watch = NULL;

    (void)state;
    assert_int_equal(bw_watch_new(&config, &watch), 0);
    assert_int_equal(bw_watch_link(watch, 0)->ifindex, if_nametoindex("w0"));
    assert_int_equal(bw_watch_link(watch, 0)->address4.family, 4);
    assert_int_equal(bw_watch_read(watch, false), 0);
    shell("ip link del w1");
    for (unsigned waited = 0; bw_watch_link(watch, 1)->ifindex != 0; waited++) { /* it may lose its carrier first */
        assert_true(waited < PATIENCE_MS);
        assert_int_equal(bw_watch_read(watch, false) & ~2, 0);
        sleep_ms(1);
    }
    assert_int_equal(bw_watch_link(watch, 1)->ifindex, 0);
    shell("ip addr del 192.168.10.1/24 dev w0");
    assert_int_equal(bw_watch_read(watch, true), 1);
    assert_int_equal(bw_watch_link(watch, 0)->address4.family, 0);
    bw_watch_free(watch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(start_tells_all, fresh_devices, close_left_open),
        cmocka_unit_test_setup_teardown(loss_is_told_at_once, fresh_devices, close_left_open),
        cmocka_unit_test_setup_teardown(device_goes_and_comes_back, fresh_devices, close_left_open),
        cmocka_unit_test_setup_teardown(names_decide, fresh_devices, close_left_open),
        cmocka_unit_test_setup_teardown(without_devices_at_start, fresh_devices, close_left_open),
        cmocka_unit_test_setup_teardown(own_addresses_are_followed, fresh_devices, close_left_open),
        cmocka_unit_test_setup_teardown(overrun_is_mended, fresh_devices, close_left_open),
        cmocka_unit_test_setup_teardown(bridge_ports_are_not_mistaken, fresh_devices, close_left_open),
        cmocka_unit_test_setup_teardown(keeper_sees_the_same, fresh_devices, close_left_open),
    };

    return cmocka_run_group_tests(tests, enter_namespace, NULL);
}
