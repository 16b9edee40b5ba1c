/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keeper's judgement, in made-up time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "agent/keeper/private.h"

static uint64_t now;

static void begin(struct bw_judge *j)
{
    memset(j, 0, sizeof(*j));
    now = 1000 * BW_SEC;
    bw_judge_started(j, now);
}

/* One look after so many milliseconds. */
static enum bw_standing look(struct bw_judge *j, unsigned gap_ms, uint64_t turn_ns, char state, bool waiting, uint64_t ran_ns)
{
    struct bw_look l = {.turn_ns = turn_ns, .state = state, .waiting = waiting, .ran_ns = ran_ns};

    now += gap_ms * BW_MS;
    l.now_ns = now;
    return bw_judge_look(j, &l);
}

/* An agent that has begun well. Returns its last turn, which was when it was last looked at. */
static uint64_t begun(struct bw_judge *j)
{
    begin(j);
    for (int i = 0; i < 5; i++)
        assert_int_equal(look(j, 100, now + 50 * BW_MS, 'S', true, 0), BW_ENGINE_TURNS);
    return j->turn_ns;
}

/* How often it is looked at in such a way until it counts as stuck; 0: it does not within `most` looks. */
static unsigned looks_until_stuck(struct bw_judge *j, unsigned gap_ms, uint64_t turn_ns, char state, bool waiting, unsigned ran_ms,
                                  unsigned most)
{
    uint64_t ran_ns = BW_SEC;

    for (unsigned i = 1; i <= most; i++) {
        ran_ns += ran_ms * BW_MS;
        if (look(j, gap_ms, turn_ns, state, waiting, ran_ns) == BW_ENGINE_STUCK)
            return i;
    }
    return 0;
}

static void who_stands_still_has_one_second(void **state)
{
    static const struct {
        char state;
        unsigned ran_ms, looks;
    } hangs[] = {
        {'T', 0, 10}, /* stopped */
        {'t', 0, 10}, {'Z', 0, 10}, {'X', 0, 10},
        {'S', 0, 10}, /* waits for something that it may not wait for */
        {'R', 99, 11}, /* spins: known from the second look on */
        {'R', 25, 11}, /* with a quarter of a processor */
        {'\0', 0, 10}, /* nothing is known of it */
    };
    struct bw_judge j;

    (void)state;
    for (unsigned i = 0; i < sizeof(hangs) / sizeof(hangs[0]); i++) {
        uint64_t turn_ns = begun(&j);

        assert_int_equal(looks_until_stuck(&j, 100, turn_ns, hangs[i].state, false, hangs[i].ran_ms, 100), hangs[i].looks);
    }
    begun(&j); /* where the kernel keeps no processor times */
    for (int i = 0; i < 9; i++)
        assert_int_equal(look(&j, 100, j.turn_ns, 'R', false, 0), BW_ENGINE_TURNS);
    assert_int_equal(look(&j, 100, j.turn_ns, 'R', false, 0), BW_ENGINE_STUCK);
}

/* Each for seconds: a second of standing still is no hang then. */
static void who_is_starved_is_left_alone(void **state)
{
    static const struct {
        char state;
        bool waiting;
        unsigned ran_ms;
    } starved[] = {
        {'R', false, 0}, /* ready, and not chosen */
        {'R', true, 0}, /* woken, and not chosen */
        {'R', false, 2},
        {'D', false, 0}, /* within the kernel: memory, a grace period */
        {'I', false, 0},
        {'S', true, 0}, /* its time is over, and its processor does not say so */
    };
    struct bw_judge j;

    (void)state;
    for (unsigned i = 0; i < sizeof(starved) / sizeof(starved[0]); i++) {
        uint64_t turn_ns = begun(&j);
        unsigned told = 0;

        for (int n = 0; n < 90; n++) {
            uint64_t ran_ns = BW_SEC + (unsigned)n * starved[i].ran_ms * BW_MS;
            enum bw_standing standing = look(&j, 100, turn_ns, starved[i].state, starved[i].waiting, ran_ns);

            assert_int_not_equal(standing, BW_ENGINE_STUCK);
            told += standing == BW_ENGINE_STARVED;
        }
        assert_int_equal(told, 1);
        /* Not for ever. */
        assert_in_range(looks_until_stuck(&j, 100, turn_ns, starved[i].state, starved[i].waiting, 0, 20), 1, 20);
    }
}

/* Standstills of the whole machine, each too short to be taken for one. */
static void late_looks_do_not_add_up(void **state)
{
    static const unsigned gaps_ms[] = {450, 350, 499, 250, 400, 300};
    struct bw_judge j;
    uint64_t turn_ns = begun(&j);

    (void)state;
    for (int i = 0; i < 30; i++)
        assert_int_not_equal(look(&j, gaps_ms[i % 6], turn_ns, 'T', false, 0), BW_ENGINE_STUCK);
    /* With looks in time between them it is not the machine's alone. */
    turn_ns = begun(&j);
    for (int i = 0; i < 9; i++) {
        assert_int_not_equal(look(&j, 450, turn_ns, 'T', false, 0), BW_ENGINE_STUCK);
        assert_int_not_equal(look(&j, 100, turn_ns, 'T', false, 0), BW_ENGINE_STUCK);
    }
    assert_int_equal(look(&j, 100, turn_ns, 'T', false, 0), BW_ENGINE_STUCK);
}

static void every_turn_begins_anew(void **state)
{
    struct bw_judge j;
    uint64_t turn_ns = begun(&j);

    (void)state;
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 9; i++)
            assert_int_equal(look(&j, 100, turn_ns, 'T', false, 0), BW_ENGINE_TURNS);
        turn_ns = now + 100 * BW_MS; /* it turned while the clock was read */
        assert_int_equal(look(&j, 100, turn_ns, 'T', false, 0), BW_ENGINE_TURNS);
    }
}

/* The keeper is woken by other things, too. */
static void looks_that_come_too_often_change_nothing(void **state)
{
    struct bw_judge j;
    uint64_t turn_ns = begun(&j);
    unsigned looks = looks_until_stuck(&j, 1, turn_ns, 'R', false, 1, 5000);

    (void)state;
    assert_in_range(looks, 1000, 1200);
    turn_ns = begun(&j);
    assert_in_range(looks_until_stuck(&j, 1, turn_ns, 'T', false, 0, 5000), 950, 1100);
}

static void start_has_longer(void **state)
{
    struct bw_judge j;
    uint64_t first_ns;

    (void)state;
    begin(&j);
    assert_int_equal(looks_until_stuck(&j, 100, 0, 'S', false, 0, 1000), 300);
    /* Then its first turn. */
    begin(&j);
    assert_int_equal(look(&j, 100, 0, 'S', false, 0), BW_ENGINE_TURNS);
    first_ns = now + 50 * BW_MS;
    assert_int_equal(look(&j, 100, first_ns, 'S', false, 0), BW_ENGINE_TURNS);
    assert_int_equal(looks_until_stuck(&j, 100, first_ns, 'S', false, 0, 1000), 20);
    /* An agent that is started again has both once more. */
    bw_judge_started(&j, now);
    assert_int_equal(looks_until_stuck(&j, 100, 0, 'S', false, 0, 1000), 300);
}

static void own_pause_gives_a_fresh_second(void **state)
{
    struct bw_judge j;
    uint64_t turn_ns = begun(&j);

    (void)state;
    assert_int_equal(looks_until_stuck(&j, 100, turn_ns, 'T', false, 0, 9), 0);
    assert_int_equal(look(&j, 5000, turn_ns, 'T', false, 0), BW_ENGINE_TURNS); /* nobody ran */
    assert_int_equal(looks_until_stuck(&j, 100, turn_ns, 'T', false, 0, 100), 10);
}

static void restarts_are_held_back_more_and_more(void **state)
{
    static const uint64_t expected_ms[] = {0, 100, 200, 400, 800, 1000, 1000};
    struct bw_judge j;

    (void)state;
    begin(&j);
    for (unsigned i = 0; i < sizeof(expected_ms) / sizeof(expected_ms[0]); i++)
        assert_int_equal(bw_judge_backoff(&j, now - BW_SEC, now), expected_ms[i] * BW_MS);
    assert_int_equal(bw_judge_backoff(&j, now - 11 * BW_SEC, now), 0); /* it had lived well */
    assert_int_equal(bw_judge_backoff(&j, now, now), 100 * BW_MS);
}

static void third_crash_within_a_minute(void **state)
{
    struct bw_judge j;

    (void)state;
    begin(&j);
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
        cmocka_unit_test(who_stands_still_has_one_second),
        cmocka_unit_test(who_is_starved_is_left_alone),
        cmocka_unit_test(late_looks_do_not_add_up),
        cmocka_unit_test(every_turn_begins_anew),
        cmocka_unit_test(looks_that_come_too_often_change_nothing),
        cmocka_unit_test(start_has_longer),
        cmocka_unit_test(own_pause_gives_a_fresh_second),
        cmocka_unit_test(restarts_are_held_back_more_and_more),
        cmocka_unit_test(third_crash_within_a_minute),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
