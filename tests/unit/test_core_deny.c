/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The core: a group's resources fail on a member; what then moves, what stays, and what lifts the denial. */
#include "core_lab.h"

static enum bw_result ask(struct lab *lab, uint8_t who, enum bw_request_kind kind, uint32_t member, enum bw_deny deny)
{
    struct bw_request request = {.kind = kind, .group = 1, .member = member, .deny = deny};

    bw_copy(request.who, sizeof(request.who), "cli root");
    bw_copy(request.text, sizeof(request.text), kind == BW_REQUEST_GROUP_DENY ? "192.0.2.1 does not answer" : "192.0.2.1 answers again");
    lab_ask(lab, who, &request);
    if (lab->m[who].answered == 0)
        lab_run(lab, 50);
    return lab->m[who].answered != 0 ? lab->m[who].answer.result : BW_RESULT_PENDING;
}

static void deny(struct lab *lab, uint8_t who, enum bw_deny cause)
{
    assert_int_equal(ask(lab, who, BW_REQUEST_GROUP_DENY, 0, cause), BW_RESULT_DONE);
    lab_run(lab, 1000);
}

static void allow(struct lab *lab, uint8_t who, enum bw_deny cause)
{
    assert_int_equal(ask(lab, who, BW_REQUEST_GROUP_ALLOW, 0, cause), BW_RESULT_DONE);
    lab_run(lab, 1000);
}

static void move(struct lab *lab, uint8_t to)
{
    enum bw_result result = ask(lab, to, BW_REQUEST_GROUP_MOVE, to + 1U, 0);

    if (result != BW_RESULT_DONE)
        fail_msg("%s", lab->m[to].answer.text);
    lab_run(lab, 1000);
}

static uint8_t holder(const struct lab *lab)
{
    uint8_t found = BW_NONE;

    for (uint8_t i = 0; i < lab->members; i++)
        if (lab->m[i].alive && lab->m[i].holds[0])
            found = i;
    return lab_holders(lab, 0) == 1 ? found : BW_NONE;
}

static const struct bw_group_member_row *row_of(struct lab *lab, uint8_t by, uint8_t member)
{
    return &lab_snapshot(lab, by)->group_members[member];
}

#define assert_start(lab, member, wanted)                                                     \
    do {                                                                                      \
        for (uint8_t by = 0; by < (lab)->members; by++)                                       \
            if ((lab)->m[by].alive)                                                           \
                assert_int_equal(row_of(lab, by, member)->start, wanted);                     \
    } while (0)

static const enum bw_deny causes[] = {BW_DENY_RESOURCE, BW_DENY_WATCH};

static void failure_moves_the_group_and_denies(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);

        deny(lab, 0, causes[i]);
        assert_int_equal(holder(lab), 1);
        assert_start(lab, 0, BW_START_DENY);
        assert_start(lab, 1, BW_START_ALLOW);
        assert_string_equal(row_of(lab, 0, 0)->start_reason, "192.0.2.1 does not answer");
        assert_true(row_of(lab, 1, 0)->start_reason[0] != '\0');
        assert_state(lab, 0, BW_MEMBER_STANDBY); /* the group is not well there; the member is */
        assert_false(lab_snapshot(lab, 1)->cluster.takeover_possible);
        for (uint8_t by = 0; by < 2; by++) {
            assert_int_equal(lab_event(lab, by, BW_EVENT_FAILOVER)->cause, BW_CAUSE_RESOURCE);
            assert_string_equal(lab_event(lab, by, BW_EVENT_FAILOVER)->reason, "fw2 took group1 over from fw1: resource");
            assert_int_equal(lab_snapshot(lab, by)->causes[BW_CAUSE_RESOURCE - 1].failovers, 1);
        }
        assert_string_equal(lab_row(lab, 1, 1)->reason, "took over from fw1: a resource of the group failed there");
        lab_free(lab);
    }
}

/* Of a version that knows one cause more than this one. */
static void tell_unknown_cause(struct lab *lab, uint8_t from, struct bw_message *message)
{
    (void)lab;
    if (from == 1 && message->kind == BW_MESSAGE_HEARTBEAT && message->heartbeat.groups[0].cause == BW_CAUSE_RESOURCE)
        message->heartbeat.groups[0].cause = BW_CAUSE_LAST + 1;
}

static void cause_of_a_newer_version_counts_as_none(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);

    (void)state;
    lab->forge = tell_unknown_cause;
    deny(lab, 0, BW_DENY_RESOURCE);
    assert_int_equal(holder(lab), 1);
    assert_int_equal(lab_event(lab, 0, BW_EVENT_FAILOVER)->cause, BW_CAUSE_NONE);
    assert_int_equal(lab_snapshot(lab, 0)->causes[BW_CAUSE_NONE - 1].failovers, 1);
    assert_int_equal(lab_event(lab, 1, BW_EVENT_FAILOVER)->cause, BW_CAUSE_RESOURCE);
    lab_free(lab);
}

/* Each way in which it is lifted, or not. */
static void what_lifts_a_denial(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);

        deny(lab, 0, causes[i]);
        if (causes[i] == BW_DENY_WATCH) {
            allow(lab, 0, BW_DENY_WATCH); /* the address answers again */
            assert_start(lab, 0, BW_START_ALLOW);
            assert_true(lab_snapshot(lab, 1)->cluster.takeover_possible);
            assert_int_equal(holder(lab), 1); /* failback is manual */
        } else {
            assert_int_equal(ask(lab, 0, BW_REQUEST_GROUP_ALLOW, 0, BW_DENY_RESOURCE), BW_RESULT_REFUSED);
            assert_non_null(strstr(lab->m[0].answer.text, "an administrator starts it there"));
            lab_run(lab, 1000);
            assert_start(lab, 0, BW_START_DENY);
            move(lab, 0); /* an administrator starts it there */
            assert_start(lab, 0, BW_START_ALLOW);
            assert_int_equal(holder(lab), 0);
            deny(lab, 0, causes[i]); /* and it fails again */
            assert_int_equal(holder(lab), 1);
            assert_start(lab, 0, BW_START_DENY);
        }
        deny(lab, 0, causes[i]);
        assert_start(lab, 0, BW_START_DENY);
        lab_kill(lab, 0);
        lab_run(lab, 1000);
        lab_start(lab, 0); /* the server restarts */
        lab_run(lab, 3000);
        assert_start(lab, 0, BW_START_ALLOW);
        lab_free(lab);
    }
}

static void both_denied_nothing_moves(void **state)
{
    static const enum bw_recovery recoveries[] = {BW_RECOVERY_ACTIVE_UP, BW_RECOVERY_PRIMARY_UP};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct lab *lab = lab_settled(2, 2, recoveries[i]);

        deny(lab, 0, BW_DENY_WATCH);
        assert_int_equal(holder(lab), 1);
        deny(lab, 1, BW_DENY_WATCH); /* the one that runs it fails, too: it stays, whatever the policy says */
        assert_int_equal(holder(lab), 1);
        assert_state(lab, 1, BW_MEMBER_ATTENTION);
        assert_true(lab_row(lab, 1, 1)->problem);
        assert_true(lab_row(lab, 0, 1)->problem);
        assert_non_null(strstr(lab_row(lab, 1, 1)->reason, "192.0.2.1 does not answer"));
        assert_true(lab_count_events(lab, 1, BW_EVENT_CANCELLED) > 0);
        /* No other fault moves it to one that is denied, either. */
        lab_pnote(lab, 1, BW_REQUEST_PNOTE_REGISTER, "service", BW_PNOTE_PROBLEM, 0);
        lab_run(lab, 1000);
        assert_int_equal(holder(lab), 1);
        lab_link(lab, 1, 1, false);
        lab_run(lab, 1000);
        assert_int_equal(holder(lab), 1);
        allow(lab, 0, BW_DENY_WATCH); /* one that may start it is there again */
        assert_int_equal(holder(lab), 0);
        lab_free(lab);
    }
}

static void denied_standby_is_no_successor(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);

    (void)state;
    deny(lab, 1, BW_DENY_WATCH);
    assert_int_equal(holder(lab), 0);
    lab_pnote(lab, 0, BW_REQUEST_PNOTE_REGISTER, "service", BW_PNOTE_PROBLEM, 0);
    lab_run(lab, 1000);
    assert_int_equal(holder(lab), 0);
    assert_state(lab, 0, BW_MEMBER_ATTENTION);
    lab_pnote(lab, 0, BW_REQUEST_PNOTE_REPORT, "service", BW_PNOTE_OK, 0);
    lab_run(lab, 100);
    move(lab, 1); /* an administrator's move still works */
    assert_int_equal(holder(lab), 1);
    assert_start(lab, 1, BW_START_ALLOW);
    deny(lab, 1, BW_DENY_WATCH); /* said again while it is still so: that was known when it was moved */
    assert_int_equal(holder(lab), 1);
    allow(lab, 1, BW_DENY_WATCH);
    deny(lab, 1, BW_DENY_WATCH); /* it answered, and is lost anew */
    assert_int_equal(holder(lab), 0);
    lab_free(lab);
}

static void denied_server_runs_it_when_it_is_alone(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);

    (void)state;
    deny(lab, 1, BW_DENY_WATCH);
    lab_cut_both(lab, 0, 1, true); /* all interconnects are lost */
    lab_run(lab, 1500);
    assert_int_equal(lab_holders(lab, 0), 2);
    assert_state(lab, 1, BW_MEMBER_ATTENTION);
    lab_cut_both(lab, 0, 1, false);
    lab_run(lab, 1000);
    assert_int_equal(holder(lab), 0); /* the one that may */
    assert_start(lab, 1, BW_START_DENY);
    lab_kill(lab, 0);
    lab_run(lab, 1500);
    assert_int_equal(holder(lab), 1);
    lab_free(lab);
}

/* What failed and works again before anything moved is no reason for a move later. */
static void resource_repaired_in_place(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);

    (void)state;
    deny(lab, 1, BW_DENY_WATCH);
    deny(lab, 0, BW_DENY_RESOURCE);
    assert_int_equal(holder(lab), 0);
    allow(lab, 0, BW_DENY_RESOURCE);
    assert_start(lab, 0, BW_START_ALLOW);
    assert_state(lab, 0, BW_MEMBER_ACTIVE);
    allow(lab, 1, BW_DENY_WATCH);
    assert_int_equal(holder(lab), 0);
    lab_free(lab);
}

/* Two causes: each is lifted by itself. */
static void causes_add_up(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);

    (void)state;
    deny(lab, 0, BW_DENY_RESOURCE);
    deny(lab, 0, BW_DENY_WATCH);
    allow(lab, 0, BW_DENY_WATCH);
    assert_start(lab, 0, BW_START_DENY);
    move(lab, 0);
    assert_start(lab, 0, BW_START_ALLOW);
    assert_int_equal(ask(lab, 0, BW_REQUEST_GROUP_DENY, 0, BW_DENY_LAST + 1), BW_RESULT_INVALID);
    assert_int_equal(ask(lab, 0, BW_REQUEST_GROUP_DENY, 0, BW_DENY_NONE), BW_RESULT_INVALID);
    lab_free(lab);
}

static void a_third_member_takes_it(void **state)
{
    struct lab *lab = lab_settled(3, 2, BW_RECOVERY_ACTIVE_UP);

    (void)state;
    deny(lab, 1, BW_DENY_WATCH);
    deny(lab, 0, BW_DENY_RESOURCE);
    assert_int_equal(holder(lab), 2);
    lab_kill(lab, 2);
    lab_run(lab, 1000);
    assert_true(holder(lab) != BW_NONE); /* better one that is denied than none */
    lab_free(lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cause_of_a_newer_version_counts_as_none),
        cmocka_unit_test(failure_moves_the_group_and_denies), cmocka_unit_test(what_lifts_a_denial),
        cmocka_unit_test(both_denied_nothing_moves), cmocka_unit_test(denied_standby_is_no_successor),
        cmocka_unit_test(denied_server_runs_it_when_it_is_alone), cmocka_unit_test(resource_repaired_in_place),
        cmocka_unit_test(causes_add_up), cmocka_unit_test(a_third_member_takes_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
