/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The core: several groups; start, stop and move of a group, start permission, failback by group. */
#include "core_lab.h"

static enum bw_result ask(struct lab *lab, uint8_t who, enum bw_request_kind kind, uint32_t group, uint32_t member)
{
    struct bw_request request = {.kind = kind, .group = group, .member = member};

    bw_copy(request.who, sizeof(request.who), "cli root");
    lab_ask(lab, who, &request);
    if (lab->m[who].answered == 0)
        lab_run(lab, 50);
    return lab->m[who].answered != 0 ? lab->m[who].answer.result : BW_RESULT_PENDING;
}

#define assert_done(lab, who, kind, group, member)                                        \
    do {                                                                                    \
        enum bw_result got = ask(lab, who, kind, group, member);                            \
        if (got != BW_RESULT_DONE)                                                          \
            fail_msg("result %d: %s", (int)got, (lab)->m[who].answer.text);                 \
    } while (0)
#define assert_refused(lab, who, kind, group, member, what)                               \
    do {                                                                                    \
        assert_int_equal(ask(lab, who, kind, group, member), BW_RESULT_REFUSED);            \
        if (strstr((lab)->m[who].answer.text, what) == NULL)                                \
            fail_msg("refused: %s", (lab)->m[who].answer.text);                             \
    } while (0)

#define START BW_REQUEST_GROUP_START
#define STOP  BW_REQUEST_GROUP_STOP
#define MOVE  BW_REQUEST_GROUP_MOVE

/* Who holds a group: its index, 0xff = not exactly one. */
static uint8_t holder(const struct lab *lab, uint8_t group)
{
    uint8_t found = BW_NONE;

    for (uint8_t i = 0; i < lab->members; i++)
        if (lab->m[i].alive && lab->m[i].holds[group])
            found = i;
    return lab_holders(lab, group) == 1 ? found : BW_NONE;
}

/* Groups with opposite primaries, on two servers. */
static struct lab *pair(enum bw_recovery recovery, uint8_t groups, enum bw_auto start)
{
    struct lab *lab = lab_new(2, 2, recovery);

    lab->groups = groups;
    lab->start = start;
    lab_start(lab, 0);
    lab_start(lab, 1);
    lab_run(lab, 4000);
    return lab;
}

static const struct bw_group_member_row *row_of(struct lab *lab, uint8_t by, uint8_t group, uint8_t member)
{
    return &lab_snapshot(lab, by)->group_members[group * lab->members + member];
}

static void load_is_shared_and_the_survivor_has_both(void **state)
{
    struct lab *lab = pair(BW_RECOVERY_PRIMARY_UP, 2, BW_AUTO);

    (void)state;
    assert_int_equal(holder(lab, 0), 0);
    assert_int_equal(holder(lab, 1), 1);
    assert_state(lab, 0, BW_MEMBER_ACTIVE);
    assert_state(lab, 1, BW_MEMBER_ACTIVE);
    assert_int_equal(lab_row(lab, 0, 0)->expected, BW_MEMBER_ACTIVE);
    assert_int_equal(lab_row(lab, 0, 1)->expected, BW_MEMBER_ACTIVE);
    assert_true(lab_snapshot(lab, 0)->cluster.takeover_possible);
    lab_kill(lab, 0);
    lab_run(lab, 700);
    assert_int_equal(holder(lab, 0), 1);
    assert_int_equal(holder(lab, 1), 1);
    assert_false(lab_snapshot(lab, 1)->cluster.takeover_possible);
    lab_start(lab, 0);
    lab_run(lab, 2000);
    assert_int_equal(holder(lab, 0), 0); /* failback auto: to the first of its policy */
    assert_int_equal(holder(lab, 1), 1);
    lab_free(lab);
}

static void manual_failback_leaves_roles_swapped(void **state)
{
    struct lab *lab = pair(BW_RECOVERY_ACTIVE_UP, 2, BW_AUTO);

    (void)state;
    assert_int_equal(holder(lab, 1), 1);
    lab_kill(lab, 0);
    lab_run(lab, 700);
    lab_start(lab, 0);
    lab_run(lab, 3000);
    assert_int_equal(holder(lab, 0), 1);
    assert_int_equal(holder(lab, 1), 1);
    assert_state(lab, 0, BW_MEMBER_STANDBY);
    assert_done(lab, 1, MOVE, 1, 1);
    lab_run(lab, 5);
    assert_int_equal(holder(lab, 0), 0);
    assert_int_equal(holder(lab, 1), 1);
    lab_free(lab);
}

static void stopped_stays_stopped_everywhere(void **state)
{
    struct lab *lab = pair(BW_RECOVERY_ACTIVE_UP, 2, BW_AUTO);
    const struct bw_event *event;

    (void)state;
    assert_done(lab, 1, STOP, 1, 0); /* asked of fw2, it runs on fw1 */
    assert_int_equal(lab_holders(lab, 0), 0);
    lab_run(lab, 5);
    for (uint8_t i = 0; i < 2; i++) {
        assert_true(lab_snapshot(lab, i)->groups[0].stopped);
        assert_int_equal(lab_snapshot(lab, i)->groups[0].holder, 0);
        assert_int_equal(row_of(lab, i, 0, 0)->state, BW_GROUP_OFFLINE);
    }
    event = lab_event(lab, 1, BW_EVENT_ADMIN);
    assert_int_equal(event->group, 1);
    assert_string_equal(event->to, "stopped");
    assert_state(lab, 0, BW_MEMBER_STANDBY);
    assert_int_equal(holder(lab, 1), 1); /* the other one goes on */
    lab_kill(lab, 0);
    lab_run(lab, 3000);
    assert_int_equal(lab_holders(lab, 0), 0);
    lab_start(lab, 0); /* it learns so from the other */
    lab_run(lab, 5000);
    assert_int_equal(lab_holders(lab, 0), 0);
    lab_kill(lab, 1);
    lab_run(lab, 5000);
    assert_int_equal(lab_holders(lab, 0), 0);
    assert_int_equal(holder(lab, 1), 0);
    assert_refused(lab, 0, STOP, 1, 0, "stopped already");
    assert_refused(lab, 0, MOVE, 1, 1, "is stopped: start it");
    assert_done(lab, 0, START, 1, 0);
    assert_int_equal(holder(lab, 0), 0);
    assert_false(lab_snapshot(lab, 0)->groups[0].stopped);
    lab_free(lab);
}

static void start_and_its_refusals(void **state)
{
    struct lab *lab = pair(BW_RECOVERY_ACTIVE_UP, 1, BW_MANUAL);

    (void)state;
    assert_int_equal(lab_holders(lab, 0), 0); /* not by itself */
    assert_true(lab_snapshot(lab, 0)->groups[0].stopped);
    assert_state(lab, 0, BW_MEMBER_STANDBY);
    assert_string_equal(lab_row(lab, 0, 0)->reason, "able to serve; what it could serve is stopped");
    assert_string_equal(lab_snapshot(lab, 0)->cluster.takeover_obstacle, "group1 is stopped");
    assert_refused(lab, 0, STOP, 1, 0, "stopped already");
    assert_done(lab, 0, START, 1, 2); /* by fw1, on fw2 */
    lab_run(lab, 5);
    assert_int_equal(holder(lab, 0), 1);
    assert_int_equal(lab_snapshot(lab, 1)->cluster.failovers, 0);
    assert_refused(lab, 0, START, 1, 0, "runs on fw2 already");
    assert_refused(lab, 0, START, 1, 1, "runs on fw2 already");
    assert_refused(lab, 1, START, 1, 0, "runs on fw2 already");
    assert_refused(lab, 1, STOP, 1, 1, "it runs on fw2");
    assert_int_equal(ask(lab, 0, START, 2, 0), BW_RESULT_NOT_FOUND);
    assert_int_equal(ask(lab, 0, START, 1, 9), BW_RESULT_NOT_FOUND);
    assert_int_equal(ask(lab, 0, STOP, 1, 9), BW_RESULT_NOT_FOUND);
    lab_kill(lab, 1); /* started: now it is kept running */
    lab_run(lab, 700);
    assert_int_equal(holder(lab, 0), 0);
    assert_refused(lab, 0, START, 1, 2, "fw2 is unreachable");
    lab_free(lab);
}

static void start_where_it_cannot_run(void **state)
{
    struct lab *lab = pair(BW_RECOVERY_ACTIVE_UP, 1, BW_MANUAL);

    (void)state;
    lab_pnote(lab, 1, BW_REQUEST_PNOTE_REGISTER, "service", BW_PNOTE_PROBLEM, 0);
    lab_run(lab, 50);
    assert_refused(lab, 0, START, 1, 2, "fw2 works less well than fw1");
    assert_int_equal(lab_admin(lab, 1, 1, BW_ADMIN_MAINTENANCE), BW_RESULT_DONE);
    assert_refused(lab, 0, START, 1, 2, "fw2 cannot run group1");
    assert_int_equal(lab_admin(lab, 0, 0, BW_ADMIN_MAINTENANCE), BW_RESULT_DONE);
    lab_run(lab, 50);
    assert_refused(lab, 0, START, 1, 0, "fw1 is in maintenance; fw2 is in maintenance");
    assert_true(lab_snapshot(lab, 0)->groups[0].stopped); /* a refusal decides nothing */
    lab_free(lab);
}

static void start_away_from_the_preferred(void **state)
{
    struct lab *lab = pair(BW_RECOVERY_PRIMARY_UP, 1, BW_MANUAL);

    (void)state;
    assert_refused(lab, 0, START, 1, 2, "would fail back to fw1 at once");
    assert_done(lab, 1, START, 1, 0);
    lab_run(lab, 5);
    assert_int_equal(holder(lab, 0), 0);
    lab_free(lab);
}

static void stop_on_one_member_denies_it(void **state)
{
    struct lab *lab = pair(BW_RECOVERY_PRIMARY_UP, 2, BW_AUTO);

    (void)state;
    assert_done(lab, 1, STOP, 1, 1);
    lab_run(lab, 5);
    assert_int_equal(holder(lab, 0), 1);
    for (uint8_t i = 0; i < 2; i++) {
        assert_int_equal(row_of(lab, i, 0, 0)->start, BW_START_DENY);
        assert_non_null(strstr(row_of(lab, i, 0, 0)->start_reason, "stopped"));
        assert_int_equal(row_of(lab, i, 1, 0)->start, BW_START_ALLOW); /* that group only */
    }
    assert_non_null(strstr(row_of(lab, 0, 0, 0)->start_reason, "cli root on fw2"));
    assert_int_equal(lab_event(lab, 1, BW_EVENT_FAILOVER)->cause, BW_CAUSE_ADMIN);
    assert_non_null(strstr(lab_snapshot(lab, 1)->cluster.takeover_obstacle, "denied"));
    lab_run(lab, 5000);
    assert_int_equal(holder(lab, 0), 1); /* no failback to it */
    /* The other one's problem does not move it back to the denied one. */
    lab_pnote(lab, 1, BW_REQUEST_PNOTE_REGISTER, "service", BW_PNOTE_PROBLEM, 0);
    lab_run(lab, 500);
    assert_int_equal(holder(lab, 0), 1);
    assert_int_equal(holder(lab, 1), 0);
    assert_refused(lab, 1, STOP, 1, 2, "no other member can run group1");
    lab_pnote(lab, 1, BW_REQUEST_PNOTE_REPORT, "service", BW_PNOTE_OK, 0);
    lab_run(lab, 500);
    /* When no other is left it serves all the same. */
    lab_cut_both(lab, 0, 1, true);
    lab_run(lab, 1000);
    assert_true(lab->m[0].holds[0]);
    lab_cut_both(lab, 0, 1, false);
    lab_run(lab, 500);
    assert_int_equal(holder(lab, 0), 1);
    /* Started there, by a move since it runs elsewhere. */
    assert_refused(lab, 0, START, 1, 1, "move it instead");
    assert_done(lab, 1, MOVE, 1, 1);
    lab_run(lab, 5);
    assert_int_equal(holder(lab, 0), 0);
    assert_int_equal(row_of(lab, 1, 0, 0)->start, BW_START_ALLOW);
    lab_free(lab);
}

static void deny_is_lifted_by_a_start_or_a_restart(void **state)
{
    struct lab *lab = pair(BW_RECOVERY_ACTIVE_UP, 1, BW_AUTO);

    (void)state;
    assert_done(lab, 0, STOP, 1, 1);
    assert_done(lab, 0, STOP, 1, 0);
    assert_done(lab, 0, START, 1, 1);
    lab_run(lab, 5);
    assert_int_equal(holder(lab, 0), 0);
    assert_int_equal(row_of(lab, 1, 0, 0)->start, BW_START_ALLOW);
    assert_done(lab, 0, STOP, 1, 1);
    lab_run(lab, 5);
    assert_int_equal(row_of(lab, 1, 0, 0)->start, BW_START_DENY);
    lab_kill(lab, 0);
    lab_run(lab, 1000);
    lab_start(lab, 0);
    lab_run(lab, 1000);
    assert_int_equal(row_of(lab, 1, 0, 0)->start, BW_START_ALLOW);
    lab_free(lab);
}

static void pnote_loss_is_no_deny(void **state)
{
    struct lab *lab = pair(BW_RECOVERY_PRIMARY_UP, 2, BW_AUTO);

    (void)state;
    lab_pnote(lab, 0, BW_REQUEST_PNOTE_REGISTER, "service", BW_PNOTE_PROBLEM, 0);
    lab_run(lab, 100);
    assert_int_equal(holder(lab, 0), 1);
    assert_int_equal(row_of(lab, 1, 0, 0)->start, BW_START_ALLOW);
    lab_pnote(lab, 0, BW_REQUEST_PNOTE_REPORT, "service", BW_PNOTE_OK, 0);
    lab_run(lab, 1000);
    assert_int_equal(holder(lab, 0), 0);
    lab_free(lab);
}

/* Decided in two halves: the newest decision counts when they meet. */
static void halves_agree_when_they_meet(void **state)
{
    struct lab *lab = pair(BW_RECOVERY_ACTIVE_UP, 1, BW_AUTO);

    (void)state;
    lab_cut_both(lab, 0, 1, true);
    lab_run(lab, 1000);
    assert_int_equal(lab_holders(lab, 0), 2);
    assert_done(lab, 1, STOP, 1, 0);
    lab_cut_both(lab, 0, 1, false);
    lab_run(lab, 500);
    assert_int_equal(lab_holders(lab, 0), 0);
    lab_cut_both(lab, 0, 1, true);
    lab_run(lab, 1000);
    assert_done(lab, 0, START, 1, 0);
    assert_done(lab, 0, STOP, 1, 0);
    assert_done(lab, 0, START, 1, 0);
    assert_done(lab, 1, START, 1, 0);
    lab_cut_both(lab, 0, 1, false);
    lab_run(lab, 500);
    assert_int_equal(holder(lab, 0), 0);
    assert_false(lab_snapshot(lab, 1)->groups[0].stopped);
    lab_free(lab);
}

/* All members were off: what they kept counts, the newest first. */
static void decisions_outlive_all_members(void **state)
{
    struct lab *lab = pair(BW_RECOVERY_ACTIVE_UP, 2, BW_AUTO);

    (void)state;
    assert_done(lab, 0, STOP, 1, 0);
    lab_run(lab, 5);
    for (uint8_t g = 0; g < 2; g++)
        lab->decisions[g] = lab_snapshot(lab, 1)->groups[g].decision;
    assert_int_equal(lab->decisions[0], 1);
    assert_int_equal(lab->decisions[1], 0);
    lab_kill(lab, 0);
    lab_kill(lab, 1);
    lab_run(lab, 1000);
    lab_start(lab, 0);
    lab_start(lab, 1);
    lab_run(lab, 4000);
    assert_int_equal(lab_holders(lab, 0), 0);
    assert_true(lab_snapshot(lab, 0)->groups[0].stopped);
    assert_int_equal(holder(lab, 1), 1);
    assert_done(lab, 1, START, 1, 0);
    lab_run(lab, 5);
    assert_int_equal(lab_holders(lab, 0), 1);
    lab_kill(lab, 0); /* one comes back with what it kept from before */
    lab_run(lab, 1000);
    lab_start(lab, 0);
    lab_run(lab, 4000);
    assert_int_equal(lab_holders(lab, 0), 1);
    assert_false(lab_snapshot(lab, 0)->groups[0].stopped);
    lab->decisions[0] = UINT64_MAX; /* nothing that a disk can hold harms */
    lab_kill(lab, 0);
    lab_run(lab, 1000);
    lab_start(lab, 0);
    lab_run(lab, 4000);
    assert_int_equal(lab_holders(lab, 0), 1);
    lab_free(lab);
}

static void three_groups_on_three_members(void **state)
{
    struct lab *lab = lab_new(3, 2, BW_RECOVERY_PRIMARY_UP);

    (void)state;
    lab->groups = 3;
    for (uint8_t i = 0; i < 3; i++)
        lab_start(lab, i);
    lab_run(lab, 4000);
    for (uint8_t g = 0; g < 3; g++)
        assert_int_equal(holder(lab, g), g);
    lab_kill(lab, 2);
    lab_run(lab, 700);
    assert_int_equal(holder(lab, 2), 0);
    lab_kill(lab, 0);
    lab_run(lab, 700);
    for (uint8_t g = 0; g < 3; g++)
        assert_int_equal(holder(lab, g), 1);
    assert_done(lab, 1, STOP, 2, 0);
    assert_int_equal(lab_holders(lab, 1), 0);
    assert_state(lab, 1, BW_MEMBER_ACTIVE); /* it holds others */
    lab_free(lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(load_is_shared_and_the_survivor_has_both), cmocka_unit_test(manual_failback_leaves_roles_swapped),
        cmocka_unit_test(stopped_stays_stopped_everywhere), cmocka_unit_test(start_and_its_refusals),
        cmocka_unit_test(start_where_it_cannot_run), cmocka_unit_test(start_away_from_the_preferred),
        cmocka_unit_test(stop_on_one_member_denies_it), cmocka_unit_test(deny_is_lifted_by_a_start_or_a_restart),
        cmocka_unit_test(pnote_loss_is_no_deny), cmocka_unit_test(halves_agree_when_they_meet),
        cmocka_unit_test(three_groups_on_three_members), cmocka_unit_test(decisions_outlive_all_members),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
