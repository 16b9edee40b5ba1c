/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The core: what administrators ask for, here and of other members; pages and snapshots that show all of all. */
#include "core_lab.h"

static void down_and_up(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);

    (void)state;
    assert_int_equal(lab_admin(lab, 0, 0, BW_ADMIN_DOWN), BW_RESULT_DONE);
    lab_run(lab, 5);
    assert_holder(lab, 1);
    assert_state(lab, 0, BW_MEMBER_DOWN);
    assert_int_equal(lab_event(lab, 1, BW_EVENT_FAILOVER)->cause, BW_CAUSE_ADMIN);
    assert_string_equal(lab_row(lab, 1, 0)->reason, "down by an administrator (cli root)");
    assert_int_equal(lab_row(lab, 1, 0)->admin, BW_ADMIN_DOWN);
    assert_string_equal(lab_row(lab, 1, 0)->admin_by, "cli root");
    assert_string_equal(lab_event(lab, 0, BW_EVENT_ADMIN)->to, "down");
    assert_int_equal(lab_admin(lab, 0, 0, BW_ADMIN_UP), BW_RESULT_DONE);
    lab_run(lab, 5);
    assert_state(lab, 0, BW_MEMBER_STANDBY);
    assert_holder(lab, 1);
    lab_free(lab);
}

static void refused_without_successor(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);

    (void)state;
    lab_pnote(lab, 1, BW_REQUEST_PNOTE_REGISTER, "service", BW_PNOTE_PROBLEM, 0);
    lab_run(lab, 50);
    assert_int_equal(lab_admin(lab, 0, 0, BW_ADMIN_DOWN), BW_RESULT_REFUSED);
    assert_non_null(strstr(lab->m[0].answer.text, "fw2 has a problem: pnote \"service\" is in problem"));
    assert_int_equal(lab_admin(lab, 0, 0, BW_ADMIN_MAINTENANCE), BW_RESULT_REFUSED);
    assert_holder(lab, 0);
    lab_kill(lab, 1);
    lab_run(lab, 500);
    assert_int_equal(lab_admin(lab, 0, 0, BW_ADMIN_DOWN), BW_RESULT_REFUSED);
    assert_non_null(strstr(lab->m[0].answer.text, "fw2 is unreachable"));
    assert_int_equal(lab_admin(lab, 0, 0, BW_ADMIN_FORCE_DOWN), BW_RESULT_DONE);
    assert_int_equal(lab_holders(lab, 0), 0);
    assert_state(lab, 0, BW_MEMBER_DOWN);
    assert_int_equal(lab_row(lab, 0, 0)->admin, BW_ADMIN_DOWN);
    assert_true(lab_row(lab, 0, 0)->forced);
    lab_run(lab, 5000);
    assert_int_equal(lab_holders(lab, 0), 0); /* never serves */
    assert_int_equal(lab_admin(lab, 0, 0, BW_ADMIN_UP), BW_RESULT_DONE);
    lab_run(lab, 500);
    assert_holder(lab, 0);
    assert_int_equal(lab_admin(lab, 0, 0, 9), BW_RESULT_INVALID);
    lab_free(lab);
}

static void down_still_serves_when_the_other_dies(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);

    (void)state;
    lab_admin(lab, 0, 0, BW_ADMIN_DOWN);
    lab_run(lab, 100);
    lab_kill(lab, 1);
    lab_run(lab, 500);
    assert_holder(lab, 0);
    assert_state(lab, 0, BW_MEMBER_ATTENTION);
    assert_non_null(strstr(lab_row(lab, 0, 0)->reason, "down by an administrator (cli root); still serves"));
    lab_free(lab);
}

static void maintenance_never_serves(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);

    (void)state;
    assert_int_equal(lab_admin(lab, 0, 0, BW_ADMIN_MAINTENANCE), BW_RESULT_DONE);
    lab_run(lab, 5);
    assert_holder(lab, 1);
    assert_state(lab, 0, BW_MEMBER_DOWN);
    assert_int_equal(lab_row(lab, 0, 0)->expected, BW_MEMBER_DOWN);
    assert_int_equal(lab_snapshot(lab, 0)->cluster.split_brains, 0);
    lab_kill(lab, 1);
    lab_run(lab, 5000);
    assert_int_equal(lab_holders(lab, 0), 0);
    lab_free(lab);
}

/* Nobody confirms in time: two intervals at most. */
static void maintenance_is_bounded(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);

    (void)state;
    lab_cut_both(lab, 0, 1, true);
    assert_int_equal(lab_admin(lab, 0, 0, BW_ADMIN_MAINTENANCE), BW_RESULT_DONE);
    lab_run(lab, 170);
    assert_true(lab->m[0].holds[0]);
    lab_run(lab, 40);
    assert_false(lab->m[0].holds[0]);
    lab_free(lab);
}

static void admin_state_survives_a_restart(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);

    (void)state;
    lab_admin(lab, 0, 0, BW_ADMIN_MAINTENANCE);
    lab_run(lab, 100);
    lab_kill(lab, 0);
    lab_run(lab, 1000);
    lab_start_as(lab, 0, BW_ADMIN_MAINTENANCE);
    lab_run(lab, 1000);
    assert_state(lab, 0, BW_MEMBER_DOWN);
    assert_non_null(strstr(lab_row(lab, 0, 0)->reason, "in maintenance by an administrator (cli root)"));
    lab_free(lab);
}

static void commands_to_another(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);

    (void)state;
    assert_int_equal(lab_admin(lab, 1, 0, BW_ADMIN_DOWN), BW_RESULT_DONE);
    lab_run(lab, 5);
    assert_holder(lab, 1);
    assert_string_equal(lab_row(lab, 0, 0)->admin_by, "cli root on fw2");
    assert_int_equal(lab_count_events(lab, 0, BW_EVENT_ADMIN), 1); /* carried out once */
    assert_int_equal(lab_admin(lab, 1, 0, BW_ADMIN_UP), BW_RESULT_DONE);
    assert_int_equal(lab_admin(lab, 0, 1, BW_ADMIN_DOWN), BW_RESULT_DONE);
    lab_run(lab, 5);
    assert_holder(lab, 0);
    /* The member concerned decides, and says what would have been needed. */
    assert_int_equal(lab_admin(lab, 1, 0, BW_ADMIN_DOWN), BW_RESULT_REFUSED);
    assert_non_null(strstr(lab->m[1].answer.text, "fw2 is down by an administrator"));
    assert_int_equal(lab_admin(lab, 1, 6, BW_ADMIN_DOWN), BW_RESULT_NOT_FOUND);
    lab_free(lab);
}

static void commands_survive_loss_and_time_out(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);
    struct bw_request request = {.kind = BW_REQUEST_ADMIN, .member = 2, .admin = BW_ADMIN_DOWN};

    (void)state;
    lab_cut(lab, 0, 1, true); /* it is not heard at first */
    lab_ask(lab, 0, &request);
    lab_run(lab, 150);
    assert_int_equal(lab->m[0].answered, 0);
    lab_cut(lab, 0, 1, false);
    lab_run(lab, 120);
    assert_int_equal(lab->m[0].answered, lab->tickets);
    assert_int_equal(lab->m[0].answer.result, BW_RESULT_DONE);
    assert_int_equal(lab_count_events(lab, 1, BW_EVENT_ADMIN), 1);
    request.admin = BW_ADMIN_UP;
    lab_cut(lab, 1, 0, true); /* the answer never comes */
    lab_ask(lab, 0, &request);
    lab_run(lab, 2900);
    assert_int_equal(lab->m[0].answered, 0);
    lab_run(lab, 150);
    assert_int_equal(lab->m[0].answer.result, BW_RESULT_TIMEOUT);
    assert_int_equal(lab_count_events(lab, 1, BW_EVENT_ADMIN), 2);
    lab_ask(lab, 0, &request); /* and now it is not heard at all */
    assert_int_equal(lab->m[0].answer.result, BW_RESULT_REFUSED);
    lab_free(lab);
}

static void move_a_group(void **state)
{
    struct lab *lab = lab_settled(3, 2, BW_RECOVERY_ACTIVE_UP);
    struct bw_request request = {.kind = BW_REQUEST_GROUP_MOVE, .group = 1, .member = 3};

    (void)state;
    lab_ask(lab, 0, &request);
    lab_run(lab, 10);
    assert_int_equal(lab->m[0].answered, lab->tickets);
    assert_int_equal(lab->m[0].answer.result, BW_RESULT_DONE);
    assert_holder(lab, 2);
    assert_int_equal(lab_event(lab, 1, BW_EVENT_FAILOVER)->cause, BW_CAUSE_ADMIN);
    lab_run(lab, 3000);
    assert_holder(lab, 2);
    lab_pnote(lab, 1, BW_REQUEST_PNOTE_REGISTER, "service", BW_PNOTE_PROBLEM, 0);
    request.member = 2;
    lab_ask(lab, 0, &request);
    lab_run(lab, 10);
    assert_int_equal(lab->m[0].answer.result, BW_RESULT_REFUSED);
    assert_non_null(strstr(lab->m[0].answer.text, "works less well"));
    request.group = 2;
    lab_ask(lab, 0, &request);
    assert_int_equal(lab->m[0].answer.result, BW_RESULT_NOT_FOUND);
    lab_free(lab);
}

static void move_back_at_once_is_refused(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_PRIMARY_UP);
    struct bw_request request = {.kind = BW_REQUEST_GROUP_MOVE, .group = 1, .member = 2};

    (void)state;
    lab_ask(lab, 1, &request);
    assert_int_equal(lab->m[1].answer.result, BW_RESULT_REFUSED);
    assert_non_null(strstr(lab->m[1].answer.text, "fail back"));
    assert_holder(lab, 0);
    lab_free(lab);
}

static void pages_show_all_of_all(void **state)
{
    struct lab *lab = lab_settled(2, 3, BW_RECOVERY_ACTIVE_UP);
    const struct bw_snapshot *s;
    char name[BW_NAME_MAX];

    (void)state;
    for (unsigned i = 0; i < 40; i++) {
        bw_format(name, sizeof(name), "pnote-%u", i * 7 % 40);
        lab_pnote(lab, 0, BW_REQUEST_PNOTE_REGISTER, name, BW_PNOTE_OK, 0);
    }
    lab_run(lab, 400);
    s = lab_snapshot(lab, 1);
    assert_int_equal(s->pnotes_count, 43 + 3);
    assert_int_equal(s->interfaces_count, 6);
    for (uint32_t i = 1; i < s->pnotes_count; i++) { /* sorted by index, each index once */
        assert_true(s->pnotes[i - 1].member <= s->pnotes[i].member);
        if (s->pnotes[i - 1].member == s->pnotes[i].member)
            assert_true(bw_name_compare(s->pnotes[i - 1].name, s->pnotes[i].name) < 0);
    }
    assert_string_equal(s->members[0].version, "0.1.0");
    /* Lost pages are asked for. */
    lab_cut(lab, 0, 1, true);
    lab_pnote(lab, 0, BW_REQUEST_PNOTE_REPORT, "pnote-5", BW_PNOTE_INIT, UINT64_MAX);
    lab_pnote(lab, 0, BW_REQUEST_PNOTE_REPORT, "pnote-5", BW_PNOTE_OK, UINT64_MAX);
    lab_pnote(lab, 0, BW_REQUEST_PNOTE_UNREGISTER, "pnote-6", 0, 0);
    lab_run(lab, 50);
    lab_cut(lab, 0, 1, false);
    assert_int_equal(lab_snapshot(lab, 1)->pnotes_count, 46);
    lab_run(lab, 400);
    assert_int_equal(lab_snapshot(lab, 1)->pnotes_count, 45);
    assert_true(lab->m[1].page_requests > 0);
    /* Quiet when nothing changes: one page an interval. */
    lab->m[0].pages = lab->m[1].page_requests = 0;
    lab_run(lab, 2000);
    assert_int_equal(lab->m[0].pages, 20);
    assert_int_equal(lab->m[1].page_requests, 0);
    lab_free(lab);
}

static void mismatch_is_told(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);

    (void)state;
    assert_false(lab_snapshot(lab, 0)->cluster.config_mismatch);
    lab->m[1].config.digest = 4712;
    lab_run(lab, 200);
    assert_true(lab_snapshot(lab, 0)->cluster.config_mismatch);
    assert_non_null(strstr(lab_event(lab, 0, BW_EVENT_MISMATCH)->reason, "fw2"));
    assert_holder(lab, 0);
    lab_free(lab);
}

static void counters(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);
    struct bw_request request = {.kind = BW_REQUEST_COUNTERS_RESET};
    const struct bw_member_row *row;

    (void)state;
    lab_ask(lab, 0, &request);
    assert_int_equal(lab->m[0].answer.result, BW_RESULT_DONE);
    lab_run(lab, 1000);
    row = lab_row(lab, 0, 1);
    assert_int_equal(row->heartbeats_received, 10);
    assert_int_equal(row->heartbeats_sent, 10);
    assert_int_equal(row->heartbeats_missed, 0);
    assert_in_range(row->round_trip_ns, 2 * LAB_LATENCY_NS - 2000, 2 * LAB_LATENCY_NS + 2000);
    lab_kill(lab, 1);
    lab_run(lab, 1000);
    assert_in_range(lab_row(lab, 0, 1)->heartbeats_missed, 8, 10);
    lab_free(lab);
}

static void unknown_requests_are_answered(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);
    struct bw_request request = {.kind = (enum bw_request_kind)99, .group = 1};

    (void)state;
    lab_ask(lab, 0, &request);
    assert_int_equal(lab->m[0].answer.result, BW_RESULT_REFUSED);
    lab_free(lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(down_and_up), cmocka_unit_test(refused_without_successor),
        cmocka_unit_test(down_still_serves_when_the_other_dies), cmocka_unit_test(maintenance_never_serves),
        cmocka_unit_test(maintenance_is_bounded), cmocka_unit_test(admin_state_survives_a_restart),
        cmocka_unit_test(commands_to_another), cmocka_unit_test(commands_survive_loss_and_time_out),
        cmocka_unit_test(move_a_group), cmocka_unit_test(move_back_at_once_is_refused), cmocka_unit_test(pages_show_all_of_all),
        cmocka_unit_test(mismatch_is_told), cmocka_unit_test(counters), cmocka_unit_test(unknown_requests_are_answered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
