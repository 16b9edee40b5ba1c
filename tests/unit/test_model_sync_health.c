/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules about state synchronisation, each at its limit and just over it: agent/model/sync_health.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "bellwether/sync_health.h"

static const struct bw_sync_verdict *verdict(const struct bw_sync_row *row, const char *key)
{
    static struct bw_sync_verdict all[BW_SYNC_VERDICTS_MAX];
    unsigned count = bw_sync_verdicts(row, all);

    for (unsigned i = 0; i < count; i++)
        if (strcmp(all[i].key, key) == 0)
            return &all[i];
    fail_msg("no verdict %s", key);
    return NULL;
}

static struct bw_sync_row busy(void)
{
    return (struct bw_sync_row){.state = BW_SYNC_OK, .generated = 1000, .received = 1000, .sending_queue = 500};
}

static void limits(void **state)
{
    static const struct {
        const char *key;
        size_t offset;
        bool wide;
        uint64_t good, bad;
        const char *shown; /* of the bad one */
    } cases[] = {
        {"retransmission_requests", offsetof(struct bw_sync_row, requests_sent), true, 300, 301, "30.10 %"},
        {"old_or_too_new", offsetof(struct bw_sync_row, too_old), true, 100, 101, "10.10 %"},
        {"unsynced_missing", offsetof(struct bw_sync_row, missing_unsynced), true, 10, 11, "1.10 %"},
        {"lost_connections", offsetof(struct bw_sync_row, lost_connections), true, 0, 1, "1"},
        {"timed_out_connections", offsetof(struct bw_sync_row, timed_out_connections), true, 0, 1, "1"},
        {"queue_average", offsetof(struct bw_sync_row, queue_average), false, 400, 401, "80.20 %"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bw_sync_row row = busy();
        char *at = (char *)&row + cases[i].offset;

        for (int bad = 0; bad < 2; bad++) {
            uint64_t value = bad ? cases[i].bad : cases[i].good;
            uint32_t narrow = (uint32_t)value;

            memcpy(at, cases[i].wide ? (void *)&value : (void *)&narrow, cases[i].wide ? 8 : 4);
            assert_int_equal(verdict(&row, cases[i].key)->healthy, !bad);
            bw_sync_judge(&row);
            assert_int_equal(row.healthy, !bad);
            assert_int_equal(row.advice[0] == '\0', !bad);
        }
        assert_string_equal(verdict(&row, cases[i].key)->shown, cases[i].shown);
        assert_non_null(strstr(row.advice, verdict(&row, cases[i].key)->title));
        assert_non_null(strstr(row.advice, verdict(&row, cases[i].key)->advice)); /* whole */
        /* What happened once would stay a verdict for ever: the advice says how to have it over. */
        assert_int_equal(strstr(row.advice, "\"bellwether sync --reset\"") != NULL,
                         verdict(&row, cases[i].key)->unit == BW_SYNC_UNIT_EVENTS);
    }
}

/* A standby generates next to nothing: its requests are held against what it receives. */
static void a_standby_is_not_judged_by_what_it_does_not_make(void **state)
{
    struct bw_sync_row row = busy();

    (void)state;
    row.generated = 2;
    row.requests_sent = 5;
    assert_true(verdict(&row, "retransmission_requests")->healthy);
    row.received = 10;
    assert_false(verdict(&row, "retransmission_requests")->healthy);
}

static void something_of_nothing_is_too_much(void **state)
{
    struct bw_sync_row row = {.state = BW_SYNC_OK, .too_old = 1};

    (void)state;
    assert_false(verdict(&row, "old_or_too_new")->healthy);
    assert_string_equal(verdict(&row, "old_or_too_new")->shown, "100.00 %");
    row.too_old = 0;
    assert_true(verdict(&row, "old_or_too_new")->healthy);
    row.too_old = UINT64_MAX;
    row.received = 1;
    assert_false(verdict(&row, "old_or_too_new")->healthy);
}

static void states(void **state)
{
    struct bw_sync_verdict all[BW_SYNC_VERDICTS_MAX];
    struct bw_sync_row row = busy();

    (void)state;
    row.lost_connections = 3;
    row.state = BW_SYNC_OFF;
    assert_int_equal(bw_sync_verdicts(&row, all), 0);
    bw_sync_judge(&row);
    assert_true(row.healthy);
    row.lost_connections = 0;
    row.state = BW_SYNC_LOST;
    bw_sync_judge(&row);
    assert_false(row.healthy);
    assert_non_null(strstr(row.advice, "secured network"));
    row.state = BW_SYNC_BEHIND; /* passes by itself */
    bw_sync_judge(&row);
    assert_true(row.healthy);
    assert_string_equal(row.advice, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits),
        cmocka_unit_test(a_standby_is_not_judged_by_what_it_does_not_make),
        cmocka_unit_test(something_of_nothing_is_too_much),
        cmocka_unit_test(states),
    };

    return cmocka_run_group_tests_name("sync_health", tests, NULL, NULL);
}
