/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The core: who holds: starts, silence, farewells, claims, partitions, pauses, epochs. */
#include "core_lab.h"

static void two_start_together(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);
    const struct bw_event *event;

    (void)state;
    assert_shown(lab, 1, 0, BW_MEMBER_ACTIVE);
    assert_shown(lab, 0, 1, BW_MEMBER_STANDBY);
    assert_int_equal(lab_snapshot(lab, 1)->cluster.active_member, 1);
    event = lab_event(lab, 0, BW_EVENT_FAILOVER);
    assert_non_null(event);
    assert_int_equal(event->cause, BW_CAUSE_START);
    assert_string_equal(event->from, "");
    assert_string_equal(event->to, "fw1");
    assert_int_equal(lab_snapshot(lab, 0)->cluster.failovers, 0);
    lab_free(lab);
}

static void alone_waits_then_takes(void **state)
{
    struct lab *lab = lab_new(2, 2, BW_RECOVERY_ACTIVE_UP);

    (void)state;
    lab_start(lab, 1);
    lab_run(lab, 2990);
    assert_state(lab, 1, BW_MEMBER_INITIALIZING);
    assert_false(lab->m[1].holds[0]);
    lab_run(lab, 20);
    assert_state(lab, 1, BW_MEMBER_ACTIVE);
    assert_holder(lab, 1);
    assert_false(lab_snapshot(lab, 1)->cluster.takeover_possible);
    assert_non_null(strstr(lab->snapshot.cluster.takeover_obstacle, "firewall"));
    lab_input(lab, 1, (struct bw_input){.kind = BW_INPUT_AUTH_TROUBLE, .interface = 0, .text = "frames under a wrong key, or forged on eth0"});
    assert_string_equal(lab_snapshot(lab, 1)->cluster.takeover_obstacle,
                        "hears no other member, and refuses frames under a wrong key, or forged on eth0: "
                        "are key and configuration the same on all?");
    lab_free(lab);
}

static void silence(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);
    const struct bw_event *event;

    (void)state;
    lab_kill(lab, 0);
    lab_run(lab, 200);
    assert_state(lab, 1, BW_MEMBER_STANDBY); /* never under twice the interval */
    lab_run(lab, 130);
    assert_holder(lab, 1);
    assert_state(lab, 1, BW_MEMBER_ACTIVE);
    assert_shown(lab, 1, 0, BW_MEMBER_UNREACHABLE);
    event = lab_event(lab, 1, BW_EVENT_FAILOVER);
    assert_non_null(event);
    assert_int_equal(event->cause, BW_CAUSE_SILENCE);
    assert_string_equal(event->from, "fw1");
    assert_string_equal(event->to, "fw2");
    assert_in_range(event->took_ns, 300 * BW_MS, 340 * BW_MS);
    assert_int_equal(lab_snapshot(lab, 1)->cluster.failovers, 1);
    assert_int_equal(lab->snapshot.causes[BW_CAUSE_SILENCE - 1].failovers, 1);
    assert_string_equal(lab->snapshot.members[1].reason, "took over from fw1: it was not heard for the dead time");
    lab_free(lab);
}

static void restart_does_not_seize(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);

    (void)state;
    lab_kill(lab, 0);
    lab_run(lab, 1000);
    lab_start(lab, 0); /* with epoch 0 */
    lab_run(lab, 1000);
    assert_holder(lab, 1);
    assert_state(lab, 0, BW_MEMBER_STANDBY);
    assert_int_equal(lab_snapshot(lab, 0)->groups[0].epoch, lab_snapshot(lab, 1)->groups[0].epoch);
    lab_kill(lab, 1); /* and takes over at a newer one */
    lab_run(lab, 1000);
    assert_holder(lab, 0);
    assert_in_range(lab_snapshot(lab, 0)->groups[0].epoch, 3, 10);
    lab_free(lab);
}

static void farewell_is_fast(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);
    struct bw_boot_id boot = lab->m[0].boot;

    (void)state;
    lab_run(lab, 37);
    lab_kill(lab, 0);
    lab_farewell(lab, 0, boot);
    lab_run(lab, 1);
    assert_holder(lab, 1);
    assert_int_equal(lab_event(lab, 1, BW_EVENT_FAILOVER)->cause, BW_CAUSE_FAREWELL);
    assert_shown(lab, 1, 0, BW_MEMBER_UNREACHABLE);
    /* A frame of the dead incarnation that was under way changes nothing. */
    lab->m[0].alive = true;
    lab->m[0].due_ns = lab->now_ns;
    lab_run(lab, 1);
    assert_shown(lab, 1, 0, BW_MEMBER_UNREACHABLE);
    lab_free(lab);
}

static void own_farewell_means_exit(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);
    static struct bw_message message;
    unsigned sent = lab->m[0].heartbeats;

    (void)state;
    message.kind = BW_MESSAGE_FAREWELL;
    message.sender = message.farewell.member = 1;
    message.farewell.over = lab->m[1].boot; /* somebody else's: nothing */
    lab_input(lab, 0, (struct bw_input){.kind = BW_INPUT_MESSAGE, .message = &message});
    assert_false(lab->m[0].exited);
    message.farewell.over = lab->m[0].boot;
    lab_input(lab, 0, (struct bw_input){.kind = BW_INPUT_MESSAGE, .message = &message});
    assert_true(lab->m[0].exited);
    assert_int_equal(lab->m[0].heartbeats, sent); /* nothing was sent any more */
    lab_free(lab);
}

static void orderly_stop(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);

    (void)state;
    lab_input(lab, 0, (struct bw_input){.kind = BW_INPUT_STOP});
    assert_true(lab->m[0].holds[0]); /* until the other one has it */
    lab_run(lab, 5);
    assert_true(lab->m[0].stopped);
    assert_int_equal(lab->m[0].farewells, 1);
    assert_holder(lab, 1);
    assert_shown(lab, 1, 0, BW_MEMBER_UNREACHABLE);
    assert_string_equal(lab_row(lab, 1, 0)->reason, "it said that it is over");
    lab_input(lab, 1, (struct bw_input){.kind = BW_INPUT_STOP}); /* the last one: at once */
    lab_run(lab, 1);
    assert_true(lab->m[1].stopped);
    assert_false(lab->m[1].holds[0]);
    lab_free(lab);
}

static void hand_over_makes_before_it_breaks(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);
    unsigned announced;

    (void)state;
    lab->m[0].hold_release = true; /* the kernel takes its time */
    assert_int_equal(lab_pnote(lab, 0, BW_REQUEST_PNOTE_REGISTER, "service", BW_PNOTE_PROBLEM, 0), BW_RESULT_DONE);
    assert_true(lab->m[0].holds[0]);
    lab_run(lab, 5);
    assert_true(lab->m[1].holds[0]);
    assert_false(lab->m[0].holds[0]);
    announced = lab->m[1].announced;
    lab_input(lab, 0, (struct bw_input){.kind = BW_INPUT_RELEASED, .group = 0});
    lab_run(lab, 1);
    assert_int_equal(lab->m[1].announced, announced + 1); /* on `released` */
    lab_run(lab, 60);
    assert_int_equal(lab->m[1].announced, announced + 2); /* 50 ms after taking */
    lab_run(lab, 1000);
    assert_int_equal(lab->m[1].announced, announced + 4); /* 200 ms, 1 s */
    lab_run(lab, 59000);
    assert_int_equal(lab->m[1].announced, announced + 5); /* and slowly for ever */
    assert_int_equal(lab_snapshot(lab, 1)->cluster.split_brains, 0);
    lab_free(lab);
}

static void leases_are_renewed(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);
    unsigned granted = lab->m[0].granted;

    (void)state;
    for (int i = 0; i < 100; i++) {
        lab_run(lab, 30);
        assert_true(lab->m[0].until_ns[0] >= lab->now_ns + 690 * BW_MS);
    }
    assert_in_range(lab->m[0].granted - granted, 9, 11);
    lab_free(lab);
}

static void split_brain_heals_by_rank(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);
    unsigned announced;

    (void)state;
    lab_cut_both(lab, 0, 1, true);
    lab_run(lab, 3000);
    assert_true(lab->m[0].holds[0]);
    assert_true(lab->m[1].holds[0]); /* a newer epoch, but a lower rank */
    announced = lab->m[0].announced;
    lab_cut_both(lab, 0, 1, false);
    lab_run(lab, 102);
    assert_holder(lab, 0);
    assert_true(lab->m[0].announced > announced);
    assert_int_equal(lab_snapshot(lab, 0)->cluster.split_brains, 1);
    assert_int_equal(lab_snapshot(lab, 1)->cluster.split_brains, 1);
    assert_in_range(lab_snapshot(lab, 0)->groups[0].epoch, 3, 3);
    assert_int_equal(lab_event(lab, 1, BW_EVENT_FAILOVER)->cause, BW_CAUSE_SPLIT_BRAIN);
    lab_run(lab, 3000);
    assert_holder(lab, 0);
    assert_int_equal(lab_snapshot(lab, 0)->cluster.split_brains, 1);
    lab_free(lab);
}

static void one_way_loss_settles(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);

    (void)state;
    lab_cut(lab, 0, 1, true); /* fw2 does not hear fw1; fw1 hears fw2 */
    lab_run(lab, 1000);
    assert_holder(lab, 1);
    assert_int_equal(lab_row(lab, 0, 1)->view, BW_VIEW_ONE_WAY);
    lab_run(lab, 5000);
    assert_holder(lab, 1);
    lab_cut(lab, 0, 1, false);
    lab_run(lab, 1000);
    assert_holder(lab, 1);
    assert_int_equal(lab_row(lab, 0, 1)->view, BW_VIEW_MUTUAL);
    lab_free(lab);
}

static void third_member_decides(void **state)
{
    struct lab *lab = lab_settled(3, 2, BW_RECOVERY_ACTIVE_UP);

    (void)state;
    lab_cut_both(lab, 0, 1, true); /* fw3 hears both */
    lab_run(lab, 3000);
    assert_holder(lab, 0);
    lab_kill(lab, 0);
    lab_run(lab, 700);
    assert_holder(lab, 1);
    lab_free(lab);
}

static void named_holder_lets_the_older_go(void **state)
{
    struct lab *lab = lab_settled(3, 2, BW_RECOVERY_ACTIVE_UP);

    (void)state;
    lab_cut_both(lab, 0, 1, true);
    lab_cut_both(lab, 0, 2, true);
    lab_run(lab, 1000);
    assert_true(lab->m[0].holds[0]);
    assert_true(lab->m[1].holds[0]); /* with fw3 */
    lab_cut_both(lab, 0, 2, false);  /* now fw3 hears both, they do not hear each other */
    lab_run(lab, 500);
    assert_holder(lab, 1);
    lab_free(lab);
}

static void pause_lets_go(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);
    const struct bw_event *event;

    (void)state;
    lab->m[0].paused = true;
    lab_run(lab, 2000);
    assert_true(lab->m[1].holds[0]);
    lab->m[0].paused = false;
    lab_turn(lab, 0, NULL, 0);
    assert_false(lab->m[0].holds[0]);
    assert_state(lab, 0, BW_MEMBER_INITIALIZING);
    event = lab_event(lab, 0, BW_EVENT_PAUSE);
    assert_non_null(event);
    assert_in_range(event->took_ns, 1900 * BW_MS, 2100 * BW_MS);
    lab_run(lab, 250);
    assert_state(lab, 0, BW_MEMBER_INITIALIZING); /* listens for one dead time */
    lab_run(lab, 100);
    assert_state(lab, 0, BW_MEMBER_STANDBY);
    assert_holder(lab, 1);
    lab_free(lab);
}

static void short_pause_changes_nothing(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);

    (void)state;
    for (int i = 0; i < 20; i++) {
        lab->m[i % 2].paused = true;
        lab_run(lab, 200);
        lab->m[i % 2].paused = false;
        lab_turn(lab, (uint8_t)(i % 2), NULL, 0);
        lab_run(lab, 300);
        assert_holder(lab, 0);
    }
    assert_int_equal(lab_count_events(lab, 0, BW_EVENT_PAUSE), 0);
    lab_free(lab);
}

static void lone_holder_keeps_over_a_pause(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);

    (void)state;
    lab_kill(lab, 1);
    lab_run(lab, 1000);
    lab->m[0].paused = true;
    lab_run(lab, 5000);
    lab->m[0].paused = false;
    lab_turn(lab, 0, NULL, 0);
    assert_holder(lab, 0);
    lab_free(lab);
}

static void primary_takes_back(void **state)
{
    struct lab *lab = lab_new(2, 2, BW_RECOVERY_PRIMARY_UP);

    (void)state;
    lab->failback_ns = 2 * BW_SEC;
    lab_start(lab, 0);
    lab_start(lab, 1);
    lab_run(lab, 500);
    assert_holder(lab, 0);
    lab_kill(lab, 0);
    lab_run(lab, 1000);
    assert_holder(lab, 1);
    lab_start(lab, 0);
    lab_run(lab, 1900);
    assert_holder(lab, 1); /* the failback delay */
    assert_int_equal(lab_row(lab, 0, 0)->expected, BW_MEMBER_ACTIVE);
    lab_run(lab, 500);
    assert_holder(lab, 0);
    assert_int_equal(lab_event(lab, 0, BW_EVENT_FAILOVER)->cause, BW_CAUSE_RECOVERY);
    lab_free(lab);
}

static void opposite_groups_share(void **state)
{
    struct lab *lab = lab_new(2, 2, BW_RECOVERY_PRIMARY_UP);

    (void)state;
    lab->groups = 2;
    lab_start(lab, 0);
    lab_start(lab, 1);
    lab_run(lab, 1000);
    assert_true(lab->m[0].holds[0] && !lab->m[0].holds[1]);
    assert_true(lab->m[1].holds[1] && !lab->m[1].holds[0]);
    assert_state(lab, 0, BW_MEMBER_ACTIVE);
    assert_state(lab, 1, BW_MEMBER_ACTIVE);
    lab_kill(lab, 0);
    lab_run(lab, 500);
    assert_true(lab->m[1].holds[0] && lab->m[1].holds[1]);
    assert_int_equal(lab_snapshot(lab, 1)->groups_count, 2);
    assert_int_equal(lab->snapshot.groups[0].holder, 2);
    assert_int_equal(lab->snapshot.group_members_count, 4);
    lab_free(lab);
}

static void newer_version_waits(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_PRIMARY_UP);
    static struct bw_message message;

    (void)state;
    /* fw1's process runs an older protocol: its heartbeat says so. */
    bw_core_heartbeat(lab->m[0].core, &message);
    message.interface = 0;
    message.heartbeat.protocol = 0;
    lab_kill(lab, 0);
    lab_input(lab, 1, (struct bw_input){.kind = BW_INPUT_MESSAGE, .message = &message});
    assert_state(lab, 1, BW_MEMBER_READY);
    lab_run(lab, 500); /* it is gone: ours serves */
    assert_holder(lab, 1);
    lab_free(lab);
}

static void messages_twice_change_nothing(void **state)
{
    struct lab *once = lab_settled(3, 2, BW_RECOVERY_ACTIVE_UP), *twice = lab_new(3, 2, BW_RECOVERY_ACTIVE_UP);

    (void)state;
    twice->twice = true;
    for (uint8_t i = 0; i < 3; i++)
        lab_start(twice, i);
    lab_run(twice, 500);
    for (int k = 0; k < 2; k++) {
        struct lab *lab = k == 0 ? once : twice;

        lab_pnote(lab, 0, BW_REQUEST_PNOTE_REGISTER, "service", BW_PNOTE_PROBLEM, 0);
        lab_run(lab, 1000);
        lab_admin(lab, 2, 1, BW_ADMIN_DOWN);
        lab_run(lab, 1000);
        lab_kill(lab, 2);
        lab_run(lab, 1000);
    }
    assert_int_equal(once->events_count, twice->events_count);
    for (unsigned i = 0; i < once->events_count; i++)
        assert_memory_equal(&once->events[i], &twice->events[i], sizeof(once->events[i]));
    lab_free(once);
    lab_free(twice);
}

static void deaf_member_hesitates(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);
    unsigned announced;

    (void)state;
    lab->neighbours[0] = lab->neighbours[1] = false;
    lab_cut(lab, 0, 1, true); /* fw2 hears nothing at all any more */
    announced = lab->m[1].announced;
    lab_run(lab, 1150);
    assert_true(lab_row(lab, 1, 1)->deaf);
    assert_true(lab_row(lab, 0, 1)->deaf);
    assert_holder(lab, 0);
    lab_run(lab, 150); /* three further dead times */
    assert_true(lab->m[1].holds[0]);
    assert_state(lab, 1, BW_MEMBER_ATTENTION);
    assert_true(lab->m[0].holds[0]); /* a deaf rival is no reason to let go */
    assert_int_equal(lab->m[1].announced, announced);
    lab_cut(lab, 0, 1, false);
    lab_run(lab, 120);
    assert_holder(lab, 0);
    assert_int_equal(lab->m[1].announced, announced);
    lab_free(lab);
}

static void heartbeats_do_not_drift(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);
    unsigned before = lab->m[1].heartbeats;
    uint64_t phase = lab->m[1].last_heartbeat_ns % (100 * BW_MS);

    (void)state;
    lab_run(lab, 10000);
    assert_int_equal(lab->m[1].heartbeats - before, 100);
    assert_int_equal(lab->m[1].last_heartbeat_ns % (100 * BW_MS), phase);
    lab_free(lab);
}

/* Turns that read as much as they may. True when the member took the group in one of them. */
static bool flooded(struct lab *lab, uint8_t who, int turns)
{
    struct bw_input reply = {.kind = BW_INPUT_PROBE_REPLY, .interface = 0};
    struct lab_member *m = &lab->m[who];
    const struct bw_output *out;
    bool took = false;

    for (int i = 0; i < turns; i++) {
        lab->now_ns += 100 * BW_MS;
        bw_core_begin(m->core, lab->now_ns, LAB_WALL, true);
        bw_core_input(m->core, &reply);
        bw_core_end(m->core);
        while ((out = bw_core_output(m->core)) != NULL)
            took = took || out->kind == BW_OUTPUT_GRANT;
    }
    return took;
}

static void flood_hides_no_death_for_ever(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);

    (void)state;
    lab_kill(lab, 0);
    lab_run(lab, 1);
    assert_false(flooded(lab, 1, 18));
    assert_true(flooded(lab, 1, 4));
    assert_shown(lab, 1, 0, BW_MEMBER_UNREACHABLE);
    lab_free(lab);
}

static void bounded_turns_expire_nobody(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);
    struct lab_member *m = &lab->m[1];

    (void)state;
    lab_kill(lab, 0);
    lab_run(lab, 1); /* what was under way arrives */
    assert_false(flooded(lab, 1, 10));
    assert_shown(lab, 1, 0, BW_MEMBER_ACTIVE);
    m->due_ns = bw_core_deadline(m->core);
    lab_run(lab, 100);
    assert_holder(lab, 1);
    lab_free(lab);
}

/* Whichever of two holders hears the other one first: both tell that they met, once, and the winner announces anew. */
static void both_holders_tell_that_they_met(void **state)
{
    (void)state;
    for (uint8_t first = 0; first < 2; first++) {
        struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);
        uint8_t other = (uint8_t)(1 - first);
        unsigned announced;

        lab_cut(lab, 0, 1, true);
        lab_cut(lab, 1, 0, true);
        lab_run(lab, 3000);
        assert_int_equal(lab_holders(lab, 0), 2);
        announced = lab->m[0].announced;
        lab_cut(lab, first, other, false); /* heard, and not hearing yet: less than two intervals long */
        lab_run(lab, 120);
        lab_cut(lab, other, first, false);
        lab_run(lab, 3000);
        assert_holder(lab, 0);
        assert_true(lab->m[0].announced >= announced + 4);
        for (uint8_t by = 0; by < 2; by++) {
            assert_int_equal(lab_snapshot(lab, by)->cluster.split_brains, 1);
            assert_int_equal(lab_count_events(lab, by, BW_EVENT_SPLIT_BRAIN), 1);
        }
        lab_free(lab);
    }
}

static void flapping_is_damped(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_PRIMARY_UP);

    (void)state;
    for (int i = 0; i < 6; i++) {
        lab_link(lab, 0, 0, false);
        lab_run(lab, 1000);
        lab_link(lab, 0, 0, true);
        lab_run(lab, 1000);
    }
    assert_holder(lab, 1); /* ranked last though it is well and first in order */
    assert_state(lab, 0, BW_MEMBER_STANDBY);
    assert_non_null(strstr(lab_row(lab, 0, 0)->reason, "too often"));
    lab_run(lab, 31000);
    assert_holder(lab, 0);
    lab_free(lab);
}

/* Only one-way paths, in a ring: no rule can settle that, but it must not run as fast as messages travel. */
static void one_way_ring_is_slow(void **state)
{
    struct lab *lab = lab_settled(4, 2, BW_RECOVERY_ACTIVE_UP);
    unsigned lost = 0;

    (void)state;
    for (uint8_t a = 0; a < 4; a++)
        for (uint8_t b = 0; b < 4; b++)
            lab_cut(lab, a, b, b != (a + 1) % 4);
    lab->events_count = 0;
    lab_run(lab, 10000);
    for (uint8_t i = 0; i < 4; i++)
        lost += lab->m[i].revoked;
    assert_in_range(lost, 1, 60);
    for (uint8_t a = 0; a < 4; a++)
        for (uint8_t b = 0; b < 4; b++)
            lab_cut(lab, a, b, false);
    lab_run(lab, 800);
    assert_int_equal(lab_holders(lab, 0), 1);
    lab_free(lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_start_together), cmocka_unit_test(alone_waits_then_takes), cmocka_unit_test(silence),
        cmocka_unit_test(restart_does_not_seize), cmocka_unit_test(farewell_is_fast), cmocka_unit_test(own_farewell_means_exit),
        cmocka_unit_test(orderly_stop), cmocka_unit_test(hand_over_makes_before_it_breaks), cmocka_unit_test(leases_are_renewed),
        cmocka_unit_test(split_brain_heals_by_rank), cmocka_unit_test(one_way_loss_settles),
        cmocka_unit_test(third_member_decides), cmocka_unit_test(named_holder_lets_the_older_go), cmocka_unit_test(pause_lets_go),
        cmocka_unit_test(short_pause_changes_nothing), cmocka_unit_test(lone_holder_keeps_over_a_pause),
        cmocka_unit_test(primary_takes_back), cmocka_unit_test(opposite_groups_share), cmocka_unit_test(newer_version_waits),
        cmocka_unit_test(messages_twice_change_nothing), cmocka_unit_test(deaf_member_hesitates),
        cmocka_unit_test(heartbeats_do_not_drift), cmocka_unit_test(bounded_turns_expire_nobody),
        cmocka_unit_test(flood_hides_no_death_for_ever), cmocka_unit_test(both_holders_tell_that_they_met),
        cmocka_unit_test(flapping_is_damped), cmocka_unit_test(one_way_ring_is_slow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
