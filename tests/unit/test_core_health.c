/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The core: what makes a member unfit: pnotes, timeouts, links, silent ports, and what then happens. */
#include "core_lab.h"

static void pnote_problem(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);
    const struct bw_event *event;

    (void)state;
    assert_int_equal(lab_pnote(lab, 0, BW_REQUEST_PNOTE_REGISTER, "router", BW_PNOTE_OK, 0), BW_RESULT_DONE);
    lab_run(lab, 50);
    assert_holder(lab, 0);
    assert_int_equal(lab_pnote(lab, 0, BW_REQUEST_PNOTE_REPORT, "router", BW_PNOTE_PROBLEM, UINT64_MAX), BW_RESULT_DONE);
    lab_run(lab, 2);
    assert_holder(lab, 1);
    assert_state(lab, 0, BW_MEMBER_DOWN);
    assert_shown(lab, 1, 0, BW_MEMBER_DOWN);
    assert_string_equal(lab_row(lab, 0, 0)->reason, "pnote \"router\" is in problem: it broke");
    assert_string_equal(lab_row(lab, 1, 0)->reason, "pnote \"router\" is in problem: it broke"); /* and so on the other one */
    assert_string_equal(lab_row(lab, 1, 0)->reason_source, "router");
    event = lab_event(lab, 1, BW_EVENT_FAILOVER);
    assert_int_equal(event->cause, BW_CAUSE_PNOTE);
    assert_in_range(event->took_ns, 1, 5 * BW_MS);
    event = lab_event(lab, 0, BW_EVENT_PNOTE);
    assert_string_equal(event->object, "router");
    assert_string_equal(event->from, "ok");
    assert_string_equal(event->to, "problem");
    assert_string_equal(lab_event(lab, 1, BW_EVENT_STATE_CHANGE)->reason, "pnote \"router\" is in problem: it broke");
    /* Never attention in between, on either. */
    for (unsigned i = 0; i < lab->events_count; i++)
        assert_string_not_equal(lab->events[i].event.to, "attention");
    lab_pnote(lab, 0, BW_REQUEST_PNOTE_REPORT, "router", BW_PNOTE_OK, UINT64_MAX);
    lab_run(lab, 1000);
    assert_holder(lab, 1);
    assert_state(lab, 0, BW_MEMBER_STANDBY);
    lab_free(lab);
}

static void pnote_timeout_is_exact(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);
    uint64_t from;

    (void)state;
    from = lab->now_ns;
    lab_pnote(lab, 0, BW_REQUEST_PNOTE_REGISTER, "heart", BW_PNOTE_OK, 1234567890);
    lab_run(lab, 1234);
    assert_holder(lab, 0);
    lab_pnote(lab, 0, BW_REQUEST_PNOTE_REPORT, "heart", BW_PNOTE_OK, UINT64_MAX); /* in time */
    from = lab->now_ns;
    lab_run(lab, 1234);
    assert_holder(lab, 0);
    lab_run(lab, 5);
    assert_holder(lab, 1);
    assert_int_equal(lab_event(lab, 0, BW_EVENT_PNOTE)->time_wall - LAB_WALL, from + 1234567890);
    assert_string_equal(lab_event(lab, 0, BW_EVENT_PNOTE)->reason, "no report for 1.234 s");
    lab_pnote(lab, 0, BW_REQUEST_PNOTE_REPORT, "heart", BW_PNOTE_OK, UINT64_MAX); /* back when it reports */
    lab_run(lab, 5);
    assert_state(lab, 0, BW_MEMBER_STANDBY);
    lab_free(lab);
}

static void pnote_init_holds_back(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);

    (void)state;
    lab_pnote(lab, 1, BW_REQUEST_PNOTE_REGISTER, "tables", BW_PNOTE_INIT, 0);
    lab_run(lab, 50);
    assert_state(lab, 1, BW_MEMBER_INITIALIZING);
    assert_false(lab_snapshot(lab, 0)->cluster.takeover_possible);
    assert_non_null(strstr(lab->snapshot.cluster.takeover_obstacle, "fw2 has a problem: pnote \"tables\" is in init"));
    lab_pnote(lab, 1, BW_REQUEST_PNOTE_REPORT, "tables", BW_PNOTE_OK, UINT64_MAX);
    lab_run(lab, 50);
    assert_state(lab, 1, BW_MEMBER_STANDBY);
    assert_true(lab_snapshot(lab, 0)->cluster.takeover_possible);
    assert_string_equal(lab->snapshot.cluster.takeover_obstacle, "");
    lab_free(lab);
}

static void pnote_errors_are_clear(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);
    char name[BW_NAME_MAX];

    (void)state;
    assert_int_equal(lab_pnote(lab, 0, BW_REQUEST_PNOTE_REPORT, "nobody", BW_PNOTE_OK, 0), BW_RESULT_NOT_FOUND);
    assert_non_null(strstr(lab->m[0].answer.text, "not registered"));
    assert_int_equal(lab_pnote(lab, 0, BW_REQUEST_PNOTE_REGISTER, "a b", BW_PNOTE_OK, 0), BW_RESULT_INVALID);
    assert_int_equal(lab_pnote(lab, 0, BW_REQUEST_PNOTE_REGISTER, "", BW_PNOTE_OK, 0), BW_RESULT_INVALID);
    assert_int_equal(lab_pnote(lab, 0, BW_REQUEST_PNOTE_REGISTER, "x", 7, 0), BW_RESULT_INVALID);
    assert_int_equal(lab_pnote(lab, 0, BW_REQUEST_PNOTE_REGISTER, "x", BW_PNOTE_OK, 0), BW_RESULT_DONE);
    assert_int_equal(lab_pnote(lab, 0, BW_REQUEST_PNOTE_REGISTER, "x", BW_PNOTE_OK, 0), BW_RESULT_REFUSED);
    assert_non_null(strstr(lab->m[0].answer.text, "already registered"));
    assert_int_equal(lab_pnote(lab, 0, BW_REQUEST_PNOTE_UNREGISTER, "y", BW_PNOTE_OK, 0), BW_RESULT_NOT_FOUND);
    assert_int_equal(lab_pnote(lab, 0, BW_REQUEST_PNOTE_UNREGISTER, "Synchronization", BW_PNOTE_OK, 0), BW_RESULT_REFUSED);
    assert_int_equal(lab_pnote(lab, 0, BW_REQUEST_PNOTE_REPORT, "bellwetherd", BW_PNOTE_OK, 0), BW_RESULT_REFUSED);
    for (unsigned i = 0; i < BW_MAX_PNOTES - 4; i++) {
        bw_format(name, sizeof(name), "p%u", i);
        assert_int_equal(lab_pnote(lab, 0, BW_REQUEST_PNOTE_REGISTER, name, BW_PNOTE_OK, 0), BW_RESULT_DONE);
    }
    assert_int_equal(lab_pnote(lab, 0, BW_REQUEST_PNOTE_REGISTER, "more", BW_PNOTE_OK, 0), BW_RESULT_REFUSED);
    assert_non_null(strstr(lab->m[0].answer.text, "64"));
    assert_int_equal(lab_pnote(lab, 0, BW_REQUEST_PNOTE_UNREGISTER, "x", BW_PNOTE_OK, 0), BW_RESULT_DONE);
    assert_int_equal(lab_snapshot(lab, 0)->pnotes_count >= BW_MAX_PNOTES - 1, true);
    lab_free(lab);
}

static void all_in_trouble(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);

    (void)state;
    lab_pnote(lab, 1, BW_REQUEST_PNOTE_REGISTER, "service", BW_PNOTE_PROBLEM, 0);
    lab_run(lab, 500);
    assert_state(lab, 1, BW_MEMBER_DOWN);
    lab_pnote(lab, 0, BW_REQUEST_PNOTE_REGISTER, "service", BW_PNOTE_PROBLEM, 0);
    lab_run(lab, 500);
    assert_holder(lab, 0);
    assert_state(lab, 0, BW_MEMBER_ATTENTION);
    assert_shown(lab, 1, 0, BW_MEMBER_ATTENTION);
    assert_true(lab_row(lab, 0, 0)->problem);
    assert_non_null(strstr(lab_row(lab, 0, 0)->reason, "still serves when no other can"));
    assert_int_equal(lab_count_events(lab, 0, BW_EVENT_CANCELLED), 1);
    lab_pnote(lab, 1, BW_REQUEST_PNOTE_REPORT, "service", BW_PNOTE_OK, UINT64_MAX); /* that one becomes active, the other down */
    lab_run(lab, 5);
    assert_holder(lab, 1);
    assert_state(lab, 1, BW_MEMBER_ACTIVE);
    assert_state(lab, 0, BW_MEMBER_DOWN);
    lab_free(lab);
}

static void problem_clears_on_the_lone_one(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);

    (void)state;
    lab_kill(lab, 1);
    lab_run(lab, 500);
    lab_pnote(lab, 0, BW_REQUEST_PNOTE_REGISTER, "service", BW_PNOTE_PROBLEM, 0);
    lab_run(lab, 500);
    assert_state(lab, 0, BW_MEMBER_ATTENTION);
    lab_pnote(lab, 0, BW_REQUEST_PNOTE_UNREGISTER, "service", 0, 0);
    lab_run(lab, 500);
    assert_state(lab, 0, BW_MEMBER_ACTIVE);
    assert_string_equal(lab_row(lab, 0, 0)->reason, "its problem is gone");
    lab_free(lab);
}

static void data_link_down(void **state)
{
    struct lab *lab = lab_settled(2, 3, BW_RECOVERY_ACTIVE_UP);
    const struct bw_interface_row *row;

    (void)state;
    lab_link(lab, 0, 0, false);
    lab_run(lab, 2);
    assert_holder(lab, 1);
    assert_state(lab, 0, BW_MEMBER_DOWN);
    assert_string_equal(lab_row(lab, 1, 0)->reason, "3 interfaces are required, only 2 work; eth0 is down");
    assert_string_equal(lab_row(lab, 1, 0)->reason_source, "eth0");
    assert_int_equal(lab_row(lab, 1, 0)->interfaces_up, 2);
    assert_int_equal(lab_row(lab, 1, 0)->interfaces_required, 3);
    assert_int_equal(lab_event(lab, 1, BW_EVENT_FAILOVER)->cause, BW_CAUSE_INTERFACE);
    row = &lab_snapshot(lab, 1)->interfaces[0];
    assert_int_equal(row->member, 1);
    assert_int_equal(row->state, BW_INTERFACE_DOWN);
    assert_int_equal(row->receive, BW_DIRECTION_DOWN);
    assert_int_equal(row->transmit, BW_DIRECTION_DOWN);
    assert_int_equal(lab->snapshot.interfaces[3].state, BW_INTERFACE_UP); /* and not the other's own */
    for (uint32_t i = 0; i < lab_snapshot(lab, 0)->pnotes_count; i++) /* the age of what is built in is that of its status */
        if (lab->snapshot.pnotes[i].member == 1 && strcmp(lab->snapshot.pnotes[i].name, "Interface Active Check") == 0)
            assert_in_range(lab->snapshot.pnotes[i].age_ns, 0, 10 * BW_MS);
    lab_link(lab, 0, 0, true);
    lab_run(lab, 1000);
    assert_holder(lab, 1);
    assert_state(lab, 0, BW_MEMBER_STANDBY);
    lab_free(lab);
}

static void all_links_down(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);

    (void)state;
    lab_link(lab, 0, 0, false);
    lab_link(lab, 0, 1, false);
    assert_false(lab->m[0].holds[0]); /* unable to forward: at once */
    lab_run(lab, 400);
    assert_holder(lab, 1);
    assert_state(lab, 0, BW_MEMBER_DOWN);
    lab_free(lab);
}

/* The cable of the holder's data port is pulled at the far end: its link stays up. Neighbours tell "my port" from "theirs". */
static void dead_port_of_the_holder(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);

    (void)state;
    lab->cut[0][0][1] = lab->cut[0][1][0] = true;
    for (int i = 0; i < 90; i++) { /* fw2's neighbours answer, fw1's do not */
        lab->neighbours[0] = false;
        lab_run(lab, 10);
        lab_input(lab, 1, (struct bw_input){.kind = BW_INPUT_PROBE_REPLY, .interface = 0});
    }
    assert_holder(lab, 1);
    assert_state(lab, 0, BW_MEMBER_DOWN);
    assert_int_equal(lab_snapshot(lab, 1)->members[1].interfaces_up, 2);
    assert_int_equal(lab_event(lab, 0, BW_EVENT_INTERFACE)->member, 1);
    assert_string_equal(lab_event(lab, 0, BW_EVENT_INTERFACE)->object, "eth0");
    assert_null(lab_event(lab, 1, BW_EVENT_INTERFACE));
    lab->cut[0][0][1] = lab->cut[0][1][0] = false;
    lab_run(lab, 1000);
    assert_state(lab, 0, BW_MEMBER_STANDBY);
    lab_free(lab);
}

/* Nobody but the two members is on the cable that breaks: one goes down, the holder stays. */
static void cable_between_two(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);

    (void)state;
    lab->neighbours[1] = false;
    lab->cut[1][0][1] = lab->cut[1][1][0] = true;
    lab_run(lab, 5000);
    assert_holder(lab, 0);
    assert_state(lab, 0, BW_MEMBER_ACTIVE);
    assert_state(lab, 1, BW_MEMBER_DOWN);
    assert_int_equal(lab_count_events(lab, 0, BW_EVENT_FAILOVER), 1);
    assert_int_equal(lab_count_events(lab, 1, BW_EVENT_INTERFACE), 1); /* and does not flap */
    lab->cut[1][0][1] = lab->cut[1][1][0] = false;
    lab_run(lab, 1000);
    assert_state(lab, 1, BW_MEMBER_STANDBY);
    lab_free(lab);
}

/* Both ports of that cable lose their link: equal, so the holder stays, as attention. */
static void both_sync_links_down(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);

    (void)state;
    lab_link(lab, 1, 1, false);
    lab_link(lab, 0, 1, false);
    lab_run(lab, 2000);
    assert_holder(lab, 0);
    assert_state(lab, 0, BW_MEMBER_ATTENTION);
    assert_state(lab, 1, BW_MEMBER_DOWN);
    lab_free(lab);
}

static void one_way_port(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);

    (void)state;
    lab->cut[0][1][0] = true; /* fw1 hears nothing of fw2 on eth0, and no neighbour; fw2 hears fw1 there */
    for (int i = 0; i < 70; i++) {
        lab->neighbours[0] = false;
        lab_run(lab, 10);
        lab_input(lab, 1, (struct bw_input){.kind = BW_INPUT_PROBE_REPLY, .interface = 0});
    }
    assert_holder(lab, 1);
    assert_int_equal(lab_snapshot(lab, 0)->interfaces[0].receive, BW_DIRECTION_DOWN);
    assert_int_equal(lab_snapshot(lab, 0)->interfaces[0].transmit, BW_DIRECTION_UP);
    lab_free(lab);
}

static void more_interfaces_win(void **state)
{
    struct lab *lab = lab_settled(3, 3, BW_RECOVERY_ACTIVE_UP);

    (void)state;
    lab_link(lab, 0, 0, false);
    lab_link(lab, 0, 1, false);
    lab_link(lab, 1, 0, false);
    lab_link(lab, 1, 1, false);
    lab_link(lab, 2, 2, false);
    lab_run(lab, 1000);
    assert_true(lab->m[2].holds[0]); /* two of three; alone, since its peers are on eth2 only */
    assert_state(lab, 2, BW_MEMBER_ATTENTION);
    lab_free(lab);
}

static void overdue_writes_are_a_problem(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);

    (void)state;
    lab_input(lab, 0, (struct bw_input){.kind = BW_INPUT_OVERDUE, .up = true});
    lab_run(lab, 5);
    assert_holder(lab, 1);
    assert_string_equal(lab_row(lab, 0, 0)->reason_source, "bellwetherd");
    lab_input(lab, 0, (struct bw_input){.kind = BW_INPUT_OVERDUE, .up = false});
    lab_run(lab, 5);
    assert_state(lab, 0, BW_MEMBER_STANDBY);
    lab_free(lab);
}

static void addresses_taken_away_are_told(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);
    struct bw_input input = {.kind = BW_INPUT_ADDRESS_LOST, .address = {4, 24, {10, 0, 0, 100}}};

    (void)state;
    lab_input(lab, 0, input);
    assert_string_equal(lab_event(lab, 0, BW_EVENT_ADDRESS)->object, "10.0.0.100");
    input.kind = BW_INPUT_ADDRESS_DUPLICATE;
    bw_copy(input.text, sizeof(input.text), "02:00:00:00:00:01");
    lab_input(lab, 0, input);
    assert_non_null(strstr(lab_event(lab, 0, BW_EVENT_ADDRESS)->reason, "02:00:00:00:00:01"));
    assert_holder(lab, 0);
    lab_free(lab);
}

static void persistent_pnotes_come_back(void **state)
{
    struct lab *lab = lab_new(2, 2, BW_RECOVERY_ACTIVE_UP);
    struct bw_core_start start = {.now_ns = LAB_START_NS, .pnotes_count = 2};

    (void)state;
    lab_configure(lab, 0);
    start.boot.bytes[0] = 1;
    bw_copy(start.pnotes[0].name, BW_NAME_MAX, "kept");
    start.pnotes[0].status = BW_PNOTE_PROBLEM;
    start.pnotes[0].timeout_ns = 5 * BW_SEC;
    bw_copy(start.pnotes[1].name, BW_NAME_MAX, "bad name");
    lab->m[0].core = bw_core_init(lab->m[0].memory, &lab->m[0].config, &start);
    lab->m[0].alive = true;
    lab_turn(lab, 0, NULL, 0);
    assert_int_equal(lab_snapshot(lab, 0)->pnotes_count, 4);
    assert_string_equal(lab->snapshot.pnotes[0].name, "kept"); /* shorter names first */
    assert_int_equal(lab->snapshot.pnotes[0].status, BW_PNOTE_PROBLEM);
    assert_true(lab->snapshot.pnotes[0].persistent);
    lab_free(lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pnote_problem), cmocka_unit_test(pnote_timeout_is_exact), cmocka_unit_test(pnote_init_holds_back),
        cmocka_unit_test(pnote_errors_are_clear), cmocka_unit_test(all_in_trouble),
        cmocka_unit_test(problem_clears_on_the_lone_one), cmocka_unit_test(data_link_down), cmocka_unit_test(all_links_down),
        cmocka_unit_test(dead_port_of_the_holder), cmocka_unit_test(cable_between_two), cmocka_unit_test(both_sync_links_down),
        cmocka_unit_test(one_way_port), cmocka_unit_test(more_interfaces_win), cmocka_unit_test(overdue_writes_are_a_problem),
        cmocka_unit_test(addresses_taken_away_are_told), cmocka_unit_test(persistent_pnotes_come_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
