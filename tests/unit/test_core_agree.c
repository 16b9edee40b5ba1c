/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The core: members whose configurations, modes or protocol versions differ; mode service. */
#include "core_lab.h"

static uint8_t holder(const struct lab *lab, uint8_t group)
{
    uint8_t found = BW_NONE;

    for (uint8_t i = 0; i < lab->members; i++)
        if (lab->m[i].alive && lab->m[i].holds[group])
            found = i;
    return lab_holders(lab, group) == 1 ? found : BW_NONE;
}

static struct lab *started(uint8_t members, uint8_t groups, enum bw_recovery recovery, void (*change)(struct lab *, uint8_t))
{
    struct lab *lab = lab_new(members, 2, recovery);

    lab->groups = groups;
    lab->change = change;
    for (uint8_t i = 0; i < members; i++)
        lab_start(lab, i);
    lab_run(lab, 5000);
    return lab;
}

static void assert_told(struct lab *lab, uint8_t by, const char *what)
{
    for (unsigned i = 0; i < lab->events_count; i++)
        if (lab->events[i].by == by && lab->events[i].event.kind == BW_EVENT_MISMATCH &&
            strstr(lab->events[i].event.reason, what) != NULL)
            return;
    fail_msg("member %u never told: %s", by + 1, what);
}

/* ---- configurations ---- */

static void other_priorities(struct lab *lab, uint8_t member)
{
    struct bw_cluster_config *c = &lab->m[member].config;

    if (member != 1)
        return;
    c->digest = 4712;
    c->groups[0].policy_count = 0;
    for (uint8_t i = 0; i < lab->members; i++) /* by this one's file the last is the first */
        c->members[i].priority = (uint8_t)(lab->members - i);
}

static void other_priorities_still_one_holder(void **state)
{
    (void)state;
    for (uint8_t members = 2; members <= 3; members++) {
        struct lab *lab = started(members, 1, BW_RECOVERY_PRIMARY_UP, other_priorities);

        assert_true(holder(lab, 0) != BW_NONE);
        for (uint8_t i = 0; i < members; i++)
            assert_int_equal(lab_snapshot(lab, i)->cluster.config_mismatch, true);
        assert_told(lab, 0, "fw2 has another configuration than fw1");
        assert_told(lab, 1, "fw1 has another configuration than fw2");
        assert_non_null(strstr(lab_row(lab, 0, 0)->reason, "differs from fw2 (configuration)"));
        assert_non_null(strstr(lab_row(lab, 0, 1)->reason, "differs from fw1"));
        lab_kill(lab, holder(lab, 0));
        lab_run(lab, 1000);
        assert_true(holder(lab, 0) != BW_NONE);
        lab_free(lab);
    }
}

static void other_order(struct lab *lab, uint8_t member)
{
    struct bw_cluster_config *c = &lab->m[member].config;
    struct bw_group_config first = c->groups[0];

    if (member != 1)
        return;
    c->digest = 4713;
    c->groups[0] = c->groups[1];
    c->groups[1] = first;
}

/* The groups in another order: an index means another group there. */
static void groups_go_by_their_names(void **state)
{
    struct lab *lab = started(2, 2, BW_RECOVERY_PRIMARY_UP, other_order);

    (void)state;
    assert_true(lab->m[0].holds[0]); /* group1 */
    assert_false(lab->m[1].holds[1]);
    assert_false(lab->m[0].holds[1]); /* group2 */
    assert_true(lab->m[1].holds[0]);
    lab_kill(lab, 0);
    lab_run(lab, 1000);
    assert_true(lab->m[1].holds[0] && lab->m[1].holds[1]);
    lab_start(lab, 0);
    lab_run(lab, 5000);
    assert_true(lab->m[0].holds[0] && !lab->m[0].holds[1] && lab->m[1].holds[0] && !lab->m[1].holds[1]);
    lab_free(lab);
}

static void one_group_more(struct lab *lab, uint8_t member)
{
    struct bw_cluster_config *c = &lab->m[member].config;

    if (member == 1)
        c->groups_count--, c->digest++;
}

/* A group that only some know is decided among those. */
static void unknown_groups_are_no_vote(void **state)
{
    struct lab *lab = started(2, 2, BW_RECOVERY_ACTIVE_UP, one_group_more);

    (void)state;
    assert_int_equal(holder(lab, 0), 0);
    assert_true(lab->m[0].holds[1]);
    lab_kill(lab, 0);
    lab_run(lab, 1000);
    assert_int_equal(holder(lab, 0), 1);
    assert_false(lab->m[1].holds[1]);
    lab_free(lab);
}

/* ---- modes and recoveries ---- */

static void other_recovery(struct lab *lab, uint8_t member)
{
    struct bw_cluster_config *c = &lab->m[member].config;

    c->groups[0].failback = 0;
    if (member != 1)
        return;
    c->recovery = BW_RECOVERY_PRIMARY_UP;
    c->digest = 4714;
}

static void lowest_recovery_is_in_effect(void **state)
{
    struct lab *lab = started(2, 1, BW_RECOVERY_ACTIVE_UP, other_recovery);

    (void)state;
    assert_int_equal(holder(lab, 0), 0);
    assert_told(lab, 0, "primary-up, the lower one, is in effect");
    assert_int_equal(lab_snapshot(lab, 0)->cluster.recovery, BW_RECOVERY_PRIMARY_UP);
    lab_kill(lab, 0);
    lab_run(lab, 1000);
    assert_int_equal(holder(lab, 0), 1);
    lab_start(lab, 0);
    lab_run(lab, 5000);
    assert_int_equal(holder(lab, 0), 0); /* it took it back */
    lab_free(lab);
}

static void one_in_service(struct lab *lab, uint8_t member)
{
    if (member == 1)
        lab->m[member].config.mode = BW_MODE_SERVICE, lab->m[member].config.digest++;
}

static void lowest_mode_is_in_effect(void **state)
{
    struct lab *lab = started(2, 1, BW_RECOVERY_ACTIVE_UP, one_in_service);

    (void)state;
    assert_int_equal(holder(lab, 0), 0);
    assert_told(lab, 0, "fw2 is in mode service, fw1 in mode ha: ha, the lowest of them, is in effect");
    assert_told(lab, 1, "fw1 is in mode ha, fw2 in mode service: ha");
    assert_int_equal(lab_snapshot(lab, 1)->cluster.mode, BW_MODE_HA);
    lab_pnote(lab, 0, BW_REQUEST_PNOTE_REGISTER, "service", BW_PNOTE_PROBLEM, 0);
    lab_run(lab, 200);
    assert_int_equal(holder(lab, 0), 1); /* it takes part */
    assert_non_null(strstr(lab_row(lab, 0, 1)->reason, "differs from fw1 (ha)"));
    lab_kill(lab, 0);
    lab_run(lab, 1000);
    assert_int_equal(lab_snapshot(lab, 1)->cluster.mode, BW_MODE_SERVICE); /* what it is by itself */
    assert_int_equal(lab_holders(lab, 0), 0);
    lab_free(lab);
}

static void legacy(struct lab *lab, uint8_t member)
{
    lab->m[member].config.mode = BW_MODE_HA_LEGACY;
}

static void legacy_decides_as_ha(void **state)
{
    struct lab *lab = started(2, 1, BW_RECOVERY_ACTIVE_UP, legacy);

    (void)state;
    assert_int_equal(holder(lab, 0), 0);
    lab_kill(lab, 0);
    lab_run(lab, 1000);
    assert_int_equal(holder(lab, 0), 1);
    assert_int_equal(lab_snapshot(lab, 1)->cluster.mode, BW_MODE_HA_LEGACY);
    lab_free(lab);
}

/* ---- mode service ---- */

static void in_service(struct lab *lab, uint8_t member)
{
    lab->m[member].config.mode = BW_MODE_SERVICE;
}

static enum bw_result serve(struct lab *lab, uint8_t who, bool held)
{
    struct bw_request request = {.kind = BW_REQUEST_SERVICE, .group = 1, .held = held};

    lab_ask(lab, who, &request);
    return lab->m[who].answer.result;
}

static void service_decides(void **state)
{
    struct lab *lab = started(2, 1, BW_RECOVERY_ACTIVE_UP, in_service);
    struct bw_request move = {.kind = BW_REQUEST_GROUP_MOVE, .group = 1, .member = 1};

    (void)state;
    assert_state(lab, 0, BW_MEMBER_STANDBY); /* nobody has it, nobody takes it */
    assert_state(lab, 1, BW_MEMBER_STANDBY);
    assert_int_equal(serve(lab, 1, true), BW_RESULT_DONE);
    lab_run(lab, 300);
    for (uint8_t by = 0; by < 2; by++) {
        assert_int_equal(lab_snapshot(lab, by)->cluster.active_member, 2);
        assert_int_equal(lab_row(lab, by, 1)->state, BW_MEMBER_ACTIVE);
        assert_int_equal(lab_row(lab, by, 0)->state, BW_MEMBER_STANDBY);
    }
    assert_int_equal(lab->m[1].granted, 0); /* the addresses are not ours */
    assert_int_equal(lab->m[1].announced, 0);
    lab_pnote(lab, 1, BW_REQUEST_PNOTE_REGISTER, "service", BW_PNOTE_PROBLEM, 0);
    lab_run(lab, 500);
    assert_state(lab, 1, BW_MEMBER_ATTENTION); /* it goes on: that is not for us to decide */
    assert_int_equal(lab_snapshot(lab, 0)->cluster.active_member, 2);
    lab_pnote(lab, 1, BW_REQUEST_PNOTE_REPORT, "service", BW_PNOTE_OK, 0);
    lab_ask(lab, 0, &move);
    assert_int_equal(lab->m[0].answer.result, BW_RESULT_REFUSED);
    serve(lab, 0, true); /* the service moves it; the former one is told a little later */
    lab_run(lab, 20);
    serve(lab, 1, false);
    lab_run(lab, 1000);
    assert_int_equal(lab_snapshot(lab, 0)->cluster.active_member, 1);
    assert_int_equal(lab_snapshot(lab, 1)->cluster.active_member, 1);
    assert_int_equal(lab_snapshot(lab, 0)->cluster.split_brains, 0);
    assert_true(lab_count_events(lab, 0, BW_EVENT_FAILOVER) > 0);
    serve(lab, 1, true); /* and now it is split */
    lab_run(lab, 2000);
    assert_int_equal(lab_snapshot(lab, 0)->cluster.split_brains, 1);
    assert_state(lab, 0, BW_MEMBER_ACTIVE);
    assert_state(lab, 1, BW_MEMBER_ACTIVE);
    assert_int_equal(lab->m[0].revoked + lab->m[1].revoked, 0);
    lab_free(lab);
}

static void service_is_told_in_its_mode_only(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);

    (void)state;
    assert_int_equal(serve(lab, 1, true), BW_RESULT_INVALID);
    assert_int_equal(holder(lab, 0), 0);
    lab_free(lab);
}

/* ---- versions ---- */

static void ask_admin(struct lab *lab, uint8_t who, uint32_t admin, enum bw_result wanted)
{
    enum bw_result result = lab_admin(lab, who, who, admin);

    if (result != wanted)
        fail_msg("result %d: %s", (int)result, lab->m[who].answer.text);
}

/* Two members, rolled from version 1 to 2 (or back): each waits for an older holder, and none is ever without. */
static void rolling_upgrade(void **state)
{
    (void)state;
    for (uint16_t to = 1; to <= 2; to++) {
        struct lab *lab = lab_new(2, 2, BW_RECOVERY_ACTIVE_UP);
        uint16_t from = (uint16_t)(3 - to);

        for (uint8_t i = 0; i < 2; i++) {
            lab->protocol[i] = from;
            lab->protocol_least[i] = 1;
            lab_start(lab, i);
        }
        lab_run(lab, 5000);
        assert_int_equal(holder(lab, 0), 0);
        lab_kill(lab, 1); /* the standby first */
        lab_run(lab, 1000);
        lab->protocol[1] = to;
        lab_start(lab, 1);
        lab_run(lab, 5000);
        assert_int_equal(holder(lab, 0), 0);
        assert_state(lab, 1, to > from ? BW_MEMBER_READY : BW_MEMBER_STANDBY);
        assert_told(lab, 0, "speaks protocol version");
        if (to > from) {
            assert_non_null(strstr(lab_row(lab, 0, 1)->reason, "newer than fw1's 1: waits"));
            assert_false(lab_snapshot(lab, 0)->cluster.takeover_possible);
            ask_admin(lab, 0, BW_ADMIN_DOWN, BW_RESULT_REFUSED); /* a problem is no reason to leave to a newer one */
        }
        ask_admin(lab, 0, BW_ADMIN_MAINTENANCE, BW_RESULT_DONE); /* an orderly move */
        lab_run(lab, 2);
        assert_true(lab_holders(lab, 0) >= 1);
        lab_run(lab, 300);
        assert_int_equal(holder(lab, 0), 1);
        lab_kill(lab, 0);
        lab->protocol[0] = to;
        lab_run(lab, 1000);
        lab_start(lab, 0);
        lab_run(lab, 5000);
        assert_int_equal(holder(lab, 0), 1);
        assert_state(lab, 0, BW_MEMBER_STANDBY);
        lab_free(lab);
    }
}

static void newer_takes_when_the_older_is_gone(void **state)
{
    struct lab *lab = lab_new(3, 2, BW_RECOVERY_PRIMARY_UP);

    (void)state;
    for (uint8_t i = 0; i < 3; i++)
        lab->protocol[i] = i == 0 ? 2 : 1;
    lab_start(lab, 1);
    lab_start(lab, 2);
    lab_run(lab, 5000);
    lab_start(lab, 0); /* preferred, and newer */
    lab_run(lab, 5000);
    assert_int_equal(holder(lab, 0), 1);
    assert_state(lab, 0, BW_MEMBER_READY);
    lab_kill(lab, 1);
    lab_run(lab, 2000);
    assert_int_equal(holder(lab, 0), 0); /* nobody held it: the first in rank */
    lab_start(lab, 1);
    lab_run(lab, 5000);
    assert_int_equal(holder(lab, 0), 0);
    assert_state(lab, 1, BW_MEMBER_STANDBY);
    lab_free(lab);
}

/* Versions that do not understand each other: the one that holds goes on; of two that start, the older serves. */
static void versions_too_far_apart(void **state)
{
    (void)state;
    for (int both = 0; both < 2; both++) {
        struct lab *lab = lab_new(2, 2, BW_RECOVERY_ACTIVE_UP);

        lab->protocol[0] = lab->protocol_least[0] = 3;
        lab->protocol[1] = lab->protocol_least[1] = 1;
        lab_start(lab, 0);
        if (!both)
            lab_run(lab, 5000);
        lab_start(lab, 1);
        lab_run(lab, 5000);
        assert_int_equal(holder(lab, 0), both ? 1 : 0);
        assert_state(lab, both ? 0 : 1, BW_MEMBER_READY);
        lab_kill(lab, both ? 1 : 0);
        lab_run(lab, 2000);
        assert_int_equal(holder(lab, 0), both ? 0 : 1);
        lab_free(lab);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_priorities_still_one_holder), cmocka_unit_test(groups_go_by_their_names),
        cmocka_unit_test(unknown_groups_are_no_vote), cmocka_unit_test(lowest_recovery_is_in_effect),
        cmocka_unit_test(lowest_mode_is_in_effect), cmocka_unit_test(legacy_decides_as_ha), cmocka_unit_test(service_decides),
        cmocka_unit_test(service_is_told_in_its_mode_only), cmocka_unit_test(rolling_upgrade),
        cmocka_unit_test(newer_takes_when_the_older_is_gone), cmocka_unit_test(versions_too_far_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
