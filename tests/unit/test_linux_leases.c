/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The address thread against a real kernel: install, renew, expire, remove, put back. */
#include "tests/unit/linux_fixture.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static int fresh_devices(void **state)
{
    (void)state;
    shell("ip link del w0 2>/dev/null; ip link del w1 2>/dev/null");
    make_pair(0);
    make_pair(1);
    return shell("ip addr add 192.168.10.1/24 dev w0; ip addr add fd00:10::1/64 dev w0 nodad");
}

static void grant_installs_and_revoke_releases(void **state)
{
    static struct bw_cluster_config c;
    struct bw_linux *edge;
    struct bw_input input;

    (void)state;
    make_config(&c, 2);
    c.lease_ns = 2 * BW_SEC;
    add_virtual(&c, "192.168.10.100/24", 0, 0);
    add_virtual(&c, "10.10.0.100/24", 1, 0);
    add_virtual(&c, "fd00:10::100/64", 0, 0);
    edge = open_edge(&c);
    assert_false(has_address("192.168.10.100/32"));
    assert_true(run_edge(edge, 1, BW_INPUT_INSTALLED, PATIENCE_MS, &input) >= 0);
    assert_int_equal(input.group, 0);
    assert_true(has_address("192.168.10.100/32"));
    assert_true(has_address("10.10.0.100/32"));
    assert_true(has_address("fd00:10::100/128"));
    assert_int_equal(lines_with("ip -o -d addr show to 192.168.10.100", "deprecated"), 1);
    assert_int_equal(lines_with("ip -o -d addr show to 192.168.10.100", "noprefixroute"), 1);
    UNTIL(edge, 1, lines_with("ip -o addr show", "valid_lft 2sec") == 3);
    assert_int_equal(lines_with("ip -o -6 addr show to fd00:10::100", "tentative"), 0);
    for (uint16_t i = 0; i < 3; i++)
        assert_true(bw_linux_installed(edge, i));
    /* Kept for longer than a lease. */
    assert_int_equal(run_edge(edge, 1, BW_INPUT_ADDRESS_LOST, 3500, NULL), -1);
    assert_true(has_address("192.168.10.100/32"));
    assert_true(has_address("fd00:10::100/128"));
    bw_linux_revoke(edge, 0);
    assert_true(run_edge(edge, 0, BW_INPUT_RELEASED, PATIENCE_MS, &input) >= 0);
    assert_false(has_address("192.168.10.100/32"));
    assert_false(has_address("10.10.0.100/32"));
    assert_false(has_address("fd00:10::100/128"));
    assert_false(bw_linux_installed(edge, 0));
    assert_true(has_address("192.168.10.1/24"));
    close_edge(edge);
}

static void grant_that_is_not_renewed_ends(void **state)
{
    static struct bw_cluster_config c;
    struct bw_linux *edge;
    uint64_t until;

    (void)state;
    make_config(&c, 1);
    add_virtual(&c, "192.168.10.100/24", 0, 0);
    edge = open_edge(&c);
    until = bw_now_ns() + 1500 * BW_MS;
    bw_linux_grant(edge, 0, until);
    assert_true(run_edge(edge, 0, BW_INPUT_INSTALLED, 1500, NULL) >= 0);
    while (has_address("192.168.10.100/32")) { /* nobody turns the engine: the thread acts by itself … */
        assert_true(bw_now_ns() < until + 20 * BW_SEC); /* … before the kernel would, after 30 s */
        sleep_ms(10);
    }
    assert_true(bw_now_ns() >= until);
    /* A later grant finds the thread awake. */
    assert_true(run_edge(edge, 1, BW_INPUT_INSTALLED, PATIENCE_MS, NULL) >= 0);
    assert_true(has_address("192.168.10.100/32"));
    close_edge(edge);
    assert_false(has_address("192.168.10.100/32"));
}

static void release_is_told_for_what_was_never_there(void **state)
{
    static struct bw_cluster_config c;
    struct bw_linux *edge;

    (void)state;
    make_config(&c, 1);
    add_virtual(&c, "192.168.10.100/24", 0, 0);
    c.groups_count = 2; /* the second one is empty */
    edge = open_edge(&c);
    bw_linux_revoke(edge, 0);
    assert_true(run_edge(edge, 0, BW_INPUT_RELEASED, PATIENCE_MS, NULL) >= 0);
    bw_linux_revoke(edge, 1);
    assert_true(run_edge(edge, 0, BW_INPUT_RELEASED, PATIENCE_MS, NULL) >= 0);
    assert_true(run_edge(edge, 2, BW_INPUT_INSTALLED, PATIENCE_MS, NULL) >= 0);
    close_edge(edge);
}

static void quick_changes_of_mind_end_right(void **state)
{
    static struct bw_cluster_config c;
    struct bw_linux *edge;

    (void)state;
    make_config(&c, 1);
    add_virtual(&c, "192.168.10.100/24", 0, 0);
    add_virtual(&c, "fd00:10::100/64", 0, 0);
    edge = open_edge(&c);
    for (int i = 0; i < 200; i++) {
        bw_linux_grant(edge, 0, bw_now_ns() + GRANT_NS);
        if (i % 7 == 0)
            run_edge(edge, 0, 0, 2, NULL);
        bw_linux_revoke(edge, 0);
        if (i % 5 == 0)
            run_edge(edge, 0, 0, 2, NULL);
    }
    bw_linux_grant(edge, 0, bw_now_ns() + GRANT_NS);
    /* Answers to what was revoked since are void: the one that comes is of the last grant. */
    assert_true(run_edge(edge, 1, BW_INPUT_INSTALLED, PATIENCE_MS, NULL) >= 0);
    assert_true(has_address("192.168.10.100/32"));
    assert_int_equal(run_edge(edge, 1, BW_INPUT_RELEASED, 200, NULL), -1);
    bw_linux_revoke(edge, 0);
    assert_true(run_edge(edge, 0, BW_INPUT_RELEASED, PATIENCE_MS, NULL) >= 0);
    assert_false(has_address("192.168.10.100/32"));
    assert_int_equal(run_edge(edge, 0, BW_INPUT_INSTALLED, 200, NULL), -1);
    close_edge(edge);
}

static void what_others_remove_comes_back(void **state)
{
    static struct bw_cluster_config c;
    struct bw_linux *edge;
    struct bw_input input;
    const char *const removals[] = {"ip addr del 192.168.10.100/32 dev w0", "ip addr del fd00:10::100/128 dev w0",
                                    "ip -4 addr flush dev w0 2>/dev/null"};

    (void)state;
    make_config(&c, 1);
    add_virtual(&c, "192.168.10.100/24", 0, 0);
    add_virtual(&c, "fd00:10::100/64", 0, 0);
    edge = open_edge(&c);
    assert_true(run_edge(edge, 1, BW_INPUT_INSTALLED, PATIENCE_MS, NULL) >= 0);
    for (unsigned i = 0; i < 3; i++) {
        run_edge(edge, 1, 0, 1100, NULL); /* it is told once a second at most */
        shell("%s", removals[i]);         /* "flush" may complain that it comes back faster than it goes */
        assert_true(run_edge(edge, 1, BW_INPUT_ADDRESS_LOST, PATIENCE_MS, &input) >= 0);
        assert_int_equal(input.address.family, i == 1 ? 6 : 4);
        UNTIL(edge, 1, has_address("192.168.10.100/32"));
        assert_true(has_address("fd00:10::100/128"));
    }
    /* What this process itself removes is not lost. */
    bw_linux_revoke(edge, 0);
    assert_int_equal(run_edge(edge, 0, BW_INPUT_ADDRESS_LOST, 300, NULL), -1);
    close_edge(edge);
}

static void what_others_add_goes(void **state)
{
    static struct bw_cluster_config c;
    struct bw_linux *edge;

    (void)state;
    make_config(&c, 1);
    add_virtual(&c, "192.168.10.100/24", 0, 0);
    edge = open_edge(&c);
    shell("ip addr add 192.168.10.100/32 dev w0");
    UNTIL(edge, 0, !has_address("192.168.10.100/32"));
    close_edge(edge);
}

static void leftovers_go_at_start(void **state)
{
    static struct bw_cluster_config c;
    struct bw_linux *edge;

    (void)state;
    make_config(&c, 2);
    add_virtual(&c, "192.168.10.100/24", 0, 0);
    add_virtual(&c, "10.10.0.100/24", 1, 0);
    add_virtual(&c, "fd00:10::100/64", 0, 0);
    shell("ip addr add 192.168.10.100/32 dev w0; ip addr add fd00:10::100/128 dev w0 nodad; "
          "ip route add 10.10.0.0/24 dev w1 proto 116");
    assert_true(has_address("192.168.10.100/32"));
    edge = open_edge(&c);
    assert_false(has_address("192.168.10.100/32"));
    assert_false(has_address("fd00:10::100/128"));
    assert_int_equal(lines_with("ip route show proto 116", "10.10.0.0/24"), 0);
    assert_true(has_address("192.168.10.1/24"));
    close_edge(edge);
    /* And by the keeper's way. */
    shell("ip addr add 192.168.10.100/32 dev w0; ip addr add fd00:10::100/128 dev w0 nodad");
    assert_int_equal(bw_linux_remove_all(&c), 2);
    assert_int_equal(bw_linux_remove_all(&c), 0);
    assert_false(has_address("192.168.10.100/32"));
}

static void route_of_ours_where_none_covers(void **state)
{
    static struct bw_cluster_config c;
    struct bw_linux *edge;

    (void)state;
    make_config(&c, 2);
    add_virtual(&c, "192.168.10.100/24", 0, 0); /* covered by the member's own address */
    add_virtual(&c, "10.10.0.100/24", 1, 0);
    add_virtual(&c, "10.10.0.101/24", 1, 0);
    add_virtual(&c, "fd00:20::100/64", 1, 0);
    edge = open_edge(&c);
    assert_true(run_edge(edge, 1, BW_INPUT_INSTALLED, PATIENCE_MS, NULL) >= 0);
    assert_int_equal(lines_with("ip route show proto 116", "10.10.0.0/24 dev w1"), 1);
    assert_int_equal(lines_with("ip route show proto 116", "192.168.10.0/24"), 0);
    assert_int_equal(lines_with("ip -6 route show proto 116", "fd00:20::/64 dev w1"), 1);
    /* Somebody removes it: it comes back with the next renewal. */
    shell("ip route del 10.10.0.0/24 proto 116");
    UNTIL(edge, 1, lines_with("ip route show proto 116", "10.10.0.0/24 dev w1") == 1);
    /* The member gets an address there: ours is not needed any more. */
    shell("ip addr add 10.10.0.1/24 dev w1");
    UNTIL(edge, 1, lines_with("ip route show proto 116", "10.10.0.0/24") == 0);
    assert_int_equal(lines_with("ip route show proto kernel", "10.10.0.0/24 dev w1"), 1);
    bw_linux_revoke(edge, 0);
    assert_true(run_edge(edge, 0, BW_INPUT_RELEASED, PATIENCE_MS, NULL) >= 0);
    assert_int_equal(lines_with("ip route show proto 116; ip -6 route show proto 116", "dev"), 0);
    close_edge(edge);
}

/* Waits for an address that another process installs. */
static void until_address(const char *text)
{
    for (uint64_t end_ns = bw_now_ns() + PATIENCE_MS * BW_MS; !has_address(text);) {
        assert_true(bw_now_ns() < end_ns);
        sleep_ms(10);
    }
}

static void kernel_ends_the_lease_of_a_stopped_process(void **state)
{
    static struct bw_cluster_config c;
    uint64_t start;
    pid_t child;
    int status;

    (void)state;
    make_config(&c, 2);
    c.lease_ns = BW_SEC;
    add_virtual(&c, "192.168.10.100/24", 0, 0);
    add_virtual(&c, "10.10.0.100/24", 1, 0);
    add_virtual(&c, "fd00:10::100/64", 0, 0);
    child = fork();
    if (child == 0) {
        struct bw_linux *edge;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (bw_linux_new(&c, &edge) != 0)
            _exit(1);
        run_edge(edge, 1, 0, 60000, NULL);
        _exit(0);
    }
    until_address("fd00:10::100/128");
    sleep_ms(700); /* renewed by now */
    until_address("192.168.10.100/32");
    kill(child, SIGSTOP);
    start = bw_now_ns();
    while (has_address("192.168.10.100/32") || has_address("fd00:10::100/128"))
        assert_true(bw_now_ns() - start < 10 * BW_SEC);
    printf("# gone %u ms after the stop\n", (unsigned)((bw_now_ns() - start) / BW_MS));
    /* The route went along. */
    assert_int_equal(lines_with("ip route show proto 116", "10.10.0.0/24"), 0);
    kill(child, SIGCONT);
    until_address("192.168.10.100/32");
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    bw_linux_remove_all(&c);
}

static void many_addresses(void **state)
{
    static struct bw_cluster_config c;
    struct bw_linux *edge;
    int took;

    (void)state;
    make_config(&c, 2);
    c.lease_ns = 2 * BW_SEC;
    for (unsigned i = 0; i < 255; i++) {
        char text[64];

        snprintf(text, sizeof(text), i % 2 ? "fd00:10::1:%x/64" : "192.168.10.%u/24", i % 2 ? i : i / 2 + 100);
        add_virtual(&c, text, 0, 0);
    }
    edge = open_edge(&c);
    took = run_edge(edge, 1, BW_INPUT_INSTALLED, PATIENCE_MS, NULL);
    assert_true(took >= 0);
    printf("# 255 addresses in %d ms\n", took);
    UNTIL(edge, 1, lines_with("ip -o addr show", "valid_lft 2sec") == 255);
    run_edge(edge, 1, 0, 3500, NULL);
    UNTIL(edge, 1, lines_with("ip -o addr show", "deprecated") == 255);
    bw_linux_revoke(edge, 0);
    took = run_edge(edge, 0, BW_INPUT_RELEASED, PATIENCE_MS, NULL);
    assert_true(took >= 0);
    printf("# off in %d ms\n", took);
    assert_int_equal(lines_with("ip -o addr show", "deprecated"), 0);
    close_edge(edge);
}

static void writes_that_fail_are_told(void **state)
{
    static struct bw_cluster_config c;
    struct bw_linux *edge;
    struct bw_input input;
    bool overdue;

    (void)state;
    make_config(&c, 1);
    c.lease_ns = BW_SEC;
    add_virtual(&c, "fd00:10::100/64", 0, 0);
    edge = open_edge(&c);
    shell("echo 1 >/proc/sys/net/ipv6/conf/w0/disable_ipv6");
    assert_true(run_edge(edge, 1, BW_INPUT_OVERDUE, PATIENCE_MS, &input) >= 400);
    assert_true(input.up);
    overdue = true;
    /* Told again, perhaps: a stall of this process excuses for a moment. */
    for (uint64_t end_ns = bw_now_ns() + 300 * BW_MS; bw_now_ns() < end_ns;)
        if (run_edge(edge, 1, BW_INPUT_OVERDUE, 50, &input) >= 0)
            overdue = input.up;
    assert_false(bw_linux_installed(edge, 0));
    shell("echo 0 >/proc/sys/net/ipv6/conf/w0/disable_ipv6");
    for (uint64_t end_ns = bw_now_ns() + PATIENCE_MS * BW_MS; overdue || !bw_linux_installed(edge, 0);) {
        assert_true(bw_now_ns() < end_ns);
        if (run_edge(edge, 1, BW_INPUT_OVERDUE, 50, &input) >= 0)
            overdue = input.up;
    }
    UNTIL(edge, 1, has_address("fd00:10::100/128"));
    close_edge(edge);
}

static void own_pause_is_not_overdue(void **state)
{
    static struct bw_cluster_config c;
    pid_t child;
    int status;

    (void)state;
    make_config(&c, 1);
    c.lease_ns = 2 * BW_SEC; /* overdue would be one second */
    add_virtual(&c, "192.168.10.100/24", 0, 0);
    child = fork();
    if (child == 0) {
        struct bw_linux *edge;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (bw_linux_new(&c, &edge) != 0)
            _exit(1);
        _exit(run_edge(edge, 1, BW_INPUT_OVERDUE, 5500, NULL) == -1 ? 0 : 2);
    }
    for (int i = 0; i < 2; i++) {
        sleep_ms(600);
        kill(child, SIGSTOP);
        sleep_ms(1200 + 600 * (unsigned)i);
        kill(child, SIGCONT);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), 0);
    bw_linux_remove_all(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(grant_installs_and_revoke_releases, fresh_devices, close_left_open),
        cmocka_unit_test_setup_teardown(grant_that_is_not_renewed_ends, fresh_devices, close_left_open),
        cmocka_unit_test_setup_teardown(release_is_told_for_what_was_never_there, fresh_devices, close_left_open),
        cmocka_unit_test_setup_teardown(quick_changes_of_mind_end_right, fresh_devices, close_left_open),
        cmocka_unit_test_setup_teardown(what_others_remove_comes_back, fresh_devices, close_left_open),
        cmocka_unit_test_setup_teardown(what_others_add_goes, fresh_devices, close_left_open),
        cmocka_unit_test_setup_teardown(leftovers_go_at_start, fresh_devices, close_left_open),
        cmocka_unit_test_setup_teardown(route_of_ours_where_none_covers, fresh_devices, close_left_open),
        cmocka_unit_test_setup_teardown(kernel_ends_the_lease_of_a_stopped_process, fresh_devices, close_left_open),
        cmocka_unit_test_setup_teardown(many_addresses, fresh_devices, close_left_open),
        cmocka_unit_test_setup_teardown(writes_that_fail_are_told, fresh_devices, close_left_open),
        cmocka_unit_test_setup_teardown(own_pause_is_not_overdue, fresh_devices, close_left_open),
    };

    return cmocka_run_group_tests(tests, enter_namespace, NULL);
}
