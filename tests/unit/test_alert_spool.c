/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A target's queue on disk: what waits outlives a restart in order and once, damage costs no more than what is damaged, and a disk that
 * does not work costs nothing while the daemon lives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exporters/alert/alert.h"

static const struct bw_alert_target_config config = {
    .name = "t", .kind = BW_ALERT_WEBHOOK, .queue = 100, .digest_after = 3, .digest_ns = 60 * BW_SEC, .timeout_ns = BW_SEC};

struct lab {
    char path[64], file[96];
    int dir;
    bool lazy; /* the disk is not waited for each time */
    struct bw_flow flow;
    struct bw_spool spool;
};

static void open_flow(struct lab *l)
{
    memset(&l->flow, 0, sizeof(l->flow));
    bw_flow_configure(&l->flow, &config);
    l->spool = (struct bw_spool){.dir = l->dir, .path = l->path, .cluster = 17, .member = 1, .name = "t"};
    bw_spool_open(&l->spool, &l->flow, BW_SEC);
}

static void close_flow(struct lab *l)
{
    bw_spool_close(&l->spool);
    bw_flow_free(&l->flow);
}

static int begin(void **state)
{
    struct lab *l = calloc(1, sizeof(*l));

    strcpy(l->path, "/tmp/bwalertXXXXXX");
    if (mkdtemp(l->path) == NULL)
        return -1;
    l->dir = open(l->path, O_RDONLY | O_DIRECTORY);
    snprintf(l->file, sizeof(l->file), "%s/t.queue", l->path);
    open_flow(l);
    *state = l;
    return 0;
}

static int end(void **state)
{
    struct lab *l = *state;
    char command[96];

    close_flow(l);
    close(l->dir);
    snprintf(command, sizeof(command), "rm -rf %s", l->path);
    if (system(command) != 0)
        return -1;
    free(l);
    return 0;
}

static void offer(struct lab *l, uint64_t number, const char *object)
{
    struct bw_alert_message m = {.type = BW_ALERT_EVENT, .status = BW_EVENT_RAISED, .severity = BW_SEVERITY_WARNING, .stands_for = 1,
                                 .event = {.number = number, .kind = BW_EVENT_PNOTE, .time_wall = (int64_t)number}};

    bw_copy(m.event.object, sizeof(m.event.object), object);
    bw_spool_last(&l->spool, number, (int64_t)number);
    bw_flow_offer(&l->flow, &m, BW_SEC);
    if (!l->lazy)
        bw_spool_flush(&l->spool, BW_SEC);
}

static uint64_t deliver(struct lab *l)
{
    const struct bw_alert_message *m = bw_flow_next(&l->flow, 1000 * BW_SEC);
    uint64_t number = m != NULL ? m->event.number : 0;

    if (m != NULL)
        bw_flow_result(&l->flow, BW_ALERT_DELIVERED, "", 1000 * BW_SEC, 1);
    if (!l->lazy)
        bw_spool_flush(&l->spool, BW_SEC);
    return number;
}

static void restart(struct lab *l)
{
    close_flow(l);
    open_flow(l);
}

static void test_restart(void **state)
{
    struct lab *l = *state;
    char object[8];

    assert_false(l->spool.last_known);
    for (uint64_t n = 1; n <= 20; n++) {
        bw_format(object, sizeof(object), "o%u", (unsigned)n);
        offer(l, n, object);
    }
    for (uint64_t n = 1; n <= 5; n++)
        assert_int_equal(deliver(l), n);
    restart(l);
    assert_true(l->spool.last_known);
    assert_int_equal(l->spool.last_number, 20);
    for (uint64_t n = 6; n <= 20; n++)
        assert_int_equal(deliver(l), n);
    restart(l);
    assert_int_equal(deliver(l), 0);
    assert_int_equal(l->spool.last_number, 20);
}

static void test_gathering_goes_on(void **state)
{
    struct lab *l = *state;
    const struct bw_alert_message *m;

    for (uint64_t n = 1; n <= 10; n++)
        offer(l, n, "a");
    restart(l);
    for (uint64_t n = 11; n <= 15; n++)
        offer(l, n, "a");
    for (uint64_t n = 1; n <= 3; n++)
        assert_int_equal(deliver(l), n);
    bw_flow_turn(&l->flow, 1000 * BW_SEC);
    bw_spool_flush(&l->spool, BW_SEC);
    restart(l);
    m = bw_flow_next(&l->flow, 2000 * BW_SEC);
    assert_int_equal(m->type, BW_ALERT_DIGEST);
    assert_int_equal(m->stands_for, 12);
    assert_int_equal(m->first_number, 4);
    bw_flow_result(&l->flow, BW_ALERT_DELIVERED, "", 2000 * BW_SEC, 1);
    assert_int_equal(deliver(l), 0);
}

/* Cut anywhere: what is whole in front of the cut is there again, and what comes then is kept. */
static void test_torn(void **state)
{
    struct lab *l = *state;
    struct stat st;
    char object[8];

    for (uint64_t n = 1; n <= 4; n++) {
        bw_format(object, sizeof(object), "o%u", (unsigned)n);
        offer(l, n, object);
    }
    assert_int_equal(stat(l->file, &st), 0);
    assert_int_equal(truncate(l->file, st.st_size - 40), 0); /* within the last LAST or MESSAGE */
    l->spool.dir = -1; /* a crash writes nothing more */
    close_flow(l);
    open_flow(l);
    assert_in_range(l->flow.count, 3, 4);
    offer(l, 5, "new");
    restart(l);
    assert_int_equal(deliver(l), 1);
    assert_int_equal(deliver(l), 2);
    assert_int_equal(deliver(l), 3);
}

static void test_damaged_and_foreign(void **state)
{
    struct lab *l = *state;
    char aside[128];
    int fd;

    offer(l, 1, "a");
    offer(l, 2, "b");
    offer(l, 3, "c");
    fd = open(l->file, O_WRONLY);
    assert_int_equal(pwrite(fd, "XXXX", 4, 200), 4);
    close(fd);
    l->spool.dir = -1;
    close_flow(l);
    open_flow(l);
    assert_int_equal(l->flow.count, 2);
    snprintf(aside, sizeof(aside), "%s.damaged", l->file);
    assert_int_equal(access(aside, F_OK), 0);
    offer(l, 4, "d");
    restart(l);
    assert_int_equal(l->flow.count, 3);
    close_flow(l);
    memset(&l->flow, 0, sizeof(l->flow));
    bw_flow_configure(&l->flow, &config);
    l->spool = (struct bw_spool){.dir = l->dir, .path = l->path, .cluster = 18, .member = 1, .name = "t"};
    bw_spool_open(&l->spool, &l->flow, BW_SEC);
    assert_int_equal(l->flow.count, 0);
    assert_false(l->spool.last_known);
}

/* A file that grows for what is long done is written anew; a disk that fails for a while is made up for. */
static void test_size_and_failing_disk(void **state)
{
    struct lab *l = *state;
    struct stat st;

    l->lazy = true;
    for (uint64_t n = 1; n <= 3000; n++) {
        char object[12];

        bw_format(object, sizeof(object), "o%u", (unsigned)n);
        offer(l, n, object);
        assert_int_equal(deliver(l), n);
        if (n % 50 == 0)
            bw_spool_flush(&l->spool, BW_SEC);
    }
    l->lazy = false;
    assert_int_equal(stat(l->file, &st), 0);
    assert_in_range(st.st_size, 1, 600 * 1024);
    assert_int_equal(unlink(l->file), 0);
    assert_int_equal(mkdir(l->file, 0700), 0); /* nothing can be written there */
    offer(l, 3001, "x");
    assert_true(l->spool.failing);
    assert_int_equal(rmdir(l->file), 0);
    bw_spool_flush(&l->spool, 60 * BW_SEC);
    assert_false(l->spool.failing);
    restart(l);
    assert_int_equal(deliver(l), 3001);
}

/* What a receiver without acknowledgement was sent is in doubt: it is sent again when it breaks off, and after a restart. */
static void test_doubt(void **state)
{
    struct lab *l = *state;
    char object[8];

    l->flow.remembers = true;
    for (uint64_t n = 1; n <= 6; n++) {
        bw_format(object, sizeof(object), "o%u", (unsigned)n);
        offer(l, n, object);
    }
    for (uint64_t n = 1; n <= 3; n++)
        assert_int_equal(deliver(l), n);
    assert_int_equal(bw_flow_again(&l->flow, BW_SEC), 3);
    assert_null(bw_flow_next(&l->flow, BW_SEC)); /* not in one breath */
    l->flow.retry_ns = 0;
    l->spool.sound = false;
    for (uint64_t n = 1; n <= 4; n++)
        assert_int_equal(deliver(l), n);
    restart(l);
    for (uint64_t n = 1; n <= 6; n++)
        assert_int_equal(deliver(l), n);
    l->flow.remembers = true;
    offer(l, 7, "late");
    assert_int_equal(deliver(l), 7);
    bw_flow_turn(&l->flow, 2000 * BW_SEC); /* long after: no doubt any more */
    assert_int_equal(bw_flow_again(&l->flow, 2000 * BW_SEC), 0);
    restart(l);
    assert_int_equal(deliver(l), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_restart, begin, end),
        cmocka_unit_test_setup_teardown(test_gathering_goes_on, begin, end),
        cmocka_unit_test_setup_teardown(test_torn, begin, end),
        cmocka_unit_test_setup_teardown(test_damaged_and_foreign, begin, end),
        cmocka_unit_test_setup_teardown(test_size_and_failing_disk, begin, end),
        cmocka_unit_test_setup_teardown(test_doubt, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
