/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Clocks, randomness, scheduling, locked memory, and what is left after privileges were given up. */
#include "tests/unit/linux_fixture.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "agent/linux/announce.h"

static void clocks(void **state)
{
    uint64_t a = bw_now_ns(), b;
    int64_t wall = bw_wall();

    (void)state;
    sleep_ms(20);
    b = bw_now_ns();
    assert_in_range(b - a, 20 * BW_MS, 10 * BW_SEC);
    assert_true(wall / (int64_t)BW_SEC - time(NULL) <= 1 && wall / (int64_t)BW_SEC - time(NULL) >= -1);
}

static void randomness(void **state)
{
    uint8_t a[4096] = {0}, b[4096] = {0};

    (void)state;
    assert_int_equal(bw_random(a, sizeof(a)), 0);
    assert_int_equal(bw_random(b, sizeof(b)), 0);
    assert_memory_not_equal(a, b, 64);
    assert_memory_not_equal(a + 4032, b + 4032, 64);
}

static void scheduling_is_not_inherited(void **state)
{
    pid_t child;
    int status;

    (void)state;
    child = fork();
    if (child == 0) {
        pid_t grandchild;

        if (bw_realtime(5) != 0)
            _exit(77); /* not permitted here */
        if ((sched_getscheduler(0) & ~SCHED_RESET_ON_FORK) != SCHED_FIFO)
            _exit(1);
        grandchild = fork();
        if (grandchild == 0)
            _exit(sched_getscheduler(0) == SCHED_OTHER ? 0 : 2);
        waitpid(grandchild, &status, 0);
        _exit(WEXITSTATUS(status));
    }
    waitpid(child, &status, 0);
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* The effective capabilities of this process as /proc shows them. */
static uint64_t capabilities(const char *which)
{
    FILE *f = fopen("/proc/self/status", "r");
    unsigned long long value = 0;
    char line[256];

    while (f != NULL && fgets(line, sizeof(line), f) != NULL)
        if (strncmp(line, which, strlen(which)) == 0)
            sscanf(line + strlen(which) + 1, "%llx", &value);
    if (f != NULL)
        fclose(f);
    return value;
}

/* Bind service 10, net admin 12, net raw 13, ipc lock 14, sys nice 23. */
#define FIVE (1ULL << 10 | 1ULL << 12 | 1ULL << 13 | 1ULL << 14 | 1ULL << 23)

static int live_without(const char *user)
{
    struct bw_cluster_config c;
    struct bw_linux *edge = NULL;

    make_config(&c, 1);
    add_virtual(&c, "192.168.10.100/24", 0, 0);
    if (bw_drop_privileges(user) != 0)
        return 1;
    if (capabilities("CapEff:") != FIVE || capabilities("CapPrm:") != FIVE || (capabilities("CapBnd:") & ~FIVE) != 0)
        return 2;
    if ((user != NULL) != (geteuid() != 0))
        return 3;
    if (bw_linux_new(&c, &edge) != 0)
        return 4;
    if (run_edge(edge, 1, BW_INPUT_INSTALLED, PATIENCE_MS, NULL) < 0)
        return 5;
    bw_linux_free(edge);
    if (bw_linux_remove_all(&c) != 0)
        return 6;
    if (bw_realtime(3) == -EPERM || bw_lock_memory() == -EPERM)
        return 7;
    return bw_drop_privileges(NULL) == 0 ? 0 : 8;
}

static void five_capabilities_are_enough(void **state)
{
    const char *const users[] = {NULL, "nobody"};

    (void)state;
    make_pair(0);
    for (unsigned i = 0; i < 2; i++) {
        pid_t child = fork();
        int status;

        if (child == 0)
            _exit(live_without(users[i]));
        waitpid(child, &status, 0);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
}

static void unknown_user_is_refused(void **state)
{
    pid_t child = fork();
    int status;

    (void)state;
    if (child == 0)
        _exit(bw_drop_privileges("nobody-of-that-name") == -ENOENT ? 0 : 1);
    waitpid(child, &status, 0);
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void start_without_permission_is_refused(void **state)
{
    pid_t child = fork();
    int status;

    (void)state;
    if (child == 0) {
        struct bw_cluster_config c;
        struct bw_linux *edge = NULL;

        make_config(&c, 1);
        add_virtual(&c, "192.168.10.100/24", 0, 0);
        if (setuid(65534) != 0)
            _exit(2);
        _exit(bw_linux_new(&c, &edge) == -EPERM && edge == NULL ? 0 : 1);
    }
    waitpid(child, &status, 0);
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clocks),
        cmocka_unit_test(randomness),
        cmocka_unit_test(scheduling_is_not_inherited),
        cmocka_unit_test(five_capabilities_are_enough),
        cmocka_unit_test(unknown_user_is_refused),
        cmocka_unit_test(start_without_permission_is_refused),
    };

    return cmocka_run_group_tests(tests, enter_namespace, NULL);
}
