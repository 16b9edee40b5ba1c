/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keeper's judgement, in made-up time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "agent/keeper/private.h"

static void engine_has_one_second(void **state)
{
    struct bw_judge j;
    uint64_t now = 1000 * BW_SEC, turn;

    (void)state;
    memset(&j, 0, sizeof(j));
    bw_judge_started(&j, now);
    turn = now + 10 * BW_MS;
    for (int i = 0; i < 10; i++) {
        now += BW_KEEPER_TICK_NS;
        assert_false(bw_judge_stuck(&j, now, turn));
    }
    now += BW_KEEPER_TICK_NS;
    assert_true(bw_judge_stuck(&j, now, turn));
    assert_false(bw_judge_stuck(&j, now, now - BW_MS));
    assert_false(bw_judge_stuck(&j, now, now + BW_MS)); /* it turned while we read the clock */
}

static void start_has_longer(void **state)
{
    struct bw_judge j;
    uint64_t now = 1000 * BW_SEC;
    int ticks = 0;

    (void)state;
    memset(&j, 0, sizeof(j));
    bw_judge_started(&j, now);
    do {
        now += BW_KEEPER_TICK_NS;
        ticks++;
    } while (!bw_judge_stuck(&j, now, 0));
    assert_int_equal(ticks, 301);
}

static void own_pause_gives_a_fresh_second(void **state)
{
    struct bw_judge j;
    uint64_t now = 1000 * BW_SEC, turn = now;

    (void)state;
    memset(&j, 0, sizeof(j));
    bw_judge_started(&j, now);
    now += 5 * BW_SEC; /* nobody ran */
    assert_false(bw_judge_stuck(&j, now, turn));
    for (int i = 0; i < 10; i++) {
        now += BW_KEEPER_TICK_NS;
        assert_false(bw_judge_stuck(&j, now, turn));
    }
    now += BW_KEEPER_TICK_NS;
    assert_true(bw_judge_stuck(&j, now, turn));
}

static void restarts_are_held_back_more_and_more(void **state)
{
    static const uint64_t expected_ms[] = {0, 100, 200, 400, 800, 1000, 1000};
    struct bw_judge j;
    uint64_t now = 1000 * BW_SEC;

    (void)state;
    memset(&j, 0, sizeof(j));
    for (unsigned i = 0; i < sizeof(expected_ms) / sizeof(expected_ms[0]); i++)
        assert_int_equal(bw_judge_backoff(&j, now - BW_SEC, now), expected_ms[i] * BW_MS);
    assert_int_equal(bw_judge_backoff(&j, now - 11 * BW_SEC, now), 0); /* it had lived well */
    assert_int_equal(bw_judge_backoff(&j, now, now), 100 * BW_MS);
}

static void third_crash_within_a_minute(void **state)
{
    struct bw_judge j;
    uint64_t now = 1000 * BW_SEC;

    (void)state;
    memset(&j, 0, sizeof(j));
    assert_false(bw_judge_crash(&j, 0, now));
    assert_false(bw_judge_crash(&j, 1, now + BW_SEC));
    assert_false(bw_judge_crash(&j, 0, now + 40 * BW_SEC));
    assert_false(bw_judge_crash(&j, 0, now + 70 * BW_SEC)); /* three, but over 70 s */
    assert_true(bw_judge_crash(&j, 0, now + 90 * BW_SEC));
    assert_false(bw_judge_crash(&j, 1, now + 90 * BW_SEC));
    assert_false(bw_judge_crash(&j, 99, now)); /* no such surface */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(engine_has_one_second),          cmocka_unit_test(start_has_longer),
        cmocka_unit_test(own_pause_gives_a_fresh_second), cmocka_unit_test(restarts_are_held_back_more_and_more),
        cmocka_unit_test(third_crash_within_a_minute),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
