/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SETs: what is refused with which error, and that what is accepted reaches the engine once and its
 * outcome is kept. No snmpd is needed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <poll.h>
#include <unistd.h>

#include "agent/snmp/control.h"
#include "fixture.h"

#define ADMIN(member)                                                                                                  \
    {                                                                                                                  \
        2, 1, 9, member                                                                                                \
    }

struct bed {
    struct bw_snapshot snapshot;
    struct bw_snmp_control_row control;
    struct bw_snmp_plan plan;
    struct bw_snmp_view view;
    struct bw_snmp_wish wish;
    char why[BW_TEXT_MAX];
};

static int set_up(void **state)
{
    struct bed *b = calloc(1, sizeof(*b));

    assert_non_null(b);
    bw_fixture_fill(&b->snapshot);
    b->snapshot.history_first = b->snapshot.history_last = 0;
    b->control.lock = 77;
    bw_snmp_plan_init(&b->plan);
    b->view = (struct bw_snmp_view){&b->snapshot, NULL, &b->control};
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static int parse_number(struct bed *b, const oid *name, size_t length, long number)
{
    return bw_snmp_set_parse(&b->plan, &b->view, name, length, ASN_INTEGER, &number, sizeof(number), &b->wish);
}

static int parse_text(struct bed *b, const oid *name, size_t length, const char *text)
{
    return bw_snmp_set_parse(&b->plan, &b->view, name, length, ASN_OCTET_STR, text, strlen(text), &b->wish);
}

static int admin(struct bed *b, oid member, long value)
{
    return parse_number(b, (const oid[])ADMIN(member), 4, value);
}

/* SET of a member's admin state: parse and policy together. */
static int whole(struct bed *b, oid member, long value)
{
    int error = admin(b, member, value);

    return error != SNMP_ERR_NOERROR ? error : bw_snmp_set_policy(&b->view, &b->wish, b->why);
}

static void the_whole_integer_counts(void **state)
{
    struct bed *b = *state;
    int narrow = 3;
    char odd = 2;

    for (long value = 1; value <= 4; value++) {
        assert_int_equal(admin(b, 2, value), SNMP_ERR_NOERROR);
        assert_int_equal(b->wish.request.admin, value);
        assert_int_equal(b->wish.request.member, 2);
        assert_int_equal(b->wish.request.kind, BW_REQUEST_ADMIN);
        assert_string_equal(b->wish.request.who, "snmp");
    }
    assert_int_equal(admin(b, 2, 0), SNMP_ERR_WRONGVALUE);
    assert_int_equal(admin(b, 2, 5), SNMP_ERR_WRONGVALUE);
    assert_int_equal(admin(b, 2, 258), SNMP_ERR_WRONGVALUE); /* its lowest byte is 2 */
    assert_int_equal(admin(b, 2, -1), SNMP_ERR_WRONGVALUE);
    assert_int_equal(admin(b, 2, 0x100000002L), SNMP_ERR_WRONGVALUE);
    assert_int_equal(
        bw_snmp_set_parse(&b->plan, &b->view, (const oid[])ADMIN(2), 4, ASN_INTEGER, &narrow, sizeof(narrow), &b->wish),
        SNMP_ERR_NOERROR);
    assert_int_equal(b->wish.request.admin, 3);
    assert_int_equal(bw_snmp_set_parse(&b->plan, &b->view, (const oid[])ADMIN(2), 4, ASN_INTEGER, &odd, 1, &b->wish),
                     SNMP_ERR_WRONGLENGTH);
}

static void types_names_and_access_are_checked(void **state)
{
    struct bed *b = *state;
    const oid name[] = ADMIN(2);

    assert_int_equal(parse_text(b, name, 4, "down"), SNMP_ERR_WRONGTYPE);
    assert_int_equal(bw_snmp_set_parse(&b->plan, &b->view, name, 4, ASN_GAUGE, &(long){2}, sizeof(long), &b->wish),
                     SNMP_ERR_WRONGTYPE);
    assert_int_equal(admin(b, 3, 1), SNMP_ERR_NOCREATION);
    assert_int_equal(parse_number(b, (const oid[]){2, 1, 9, 1, 1}, 5, 1), SNMP_ERR_NOCREATION);
    assert_int_equal(parse_number(b, (const oid[]){2, 1, 4, 1}, 4, 1), SNMP_ERR_NOTWRITABLE);
    assert_int_equal(parse_number(b, (const oid[]){2, 1, 4, 9}, 4, 1), SNMP_ERR_NOTWRITABLE);
    assert_int_equal(parse_number(b, (const oid[]){99}, 1, 1), SNMP_ERR_NOTWRITABLE);
    assert_int_equal(parse_number(b, (const oid[]){12, 4, 0}, 3, 1), SNMP_ERR_NOTWRITABLE);
    assert_int_equal(parse_number(b, (const oid[]){0}, 0, 1), SNMP_ERR_NOTWRITABLE);
}

static void the_last_one_is_kept(void **state)
{
    struct bed *b = *state;
    struct bw_member_row *fw1 = &b->snapshot.members[0], *fw2 = &b->snapshot.members[1];

    /* fw2 is in maintenance: nobody could take over from fw1. */
    assert_int_equal(whole(b, 1, BW_ADMIN_DOWN), SNMP_ERR_INCONSISTENTVALUE);
    assert_non_null(strstr(b->why, "forceDown"));
    assert_int_equal(whole(b, 1, BW_ADMIN_MAINTENANCE), SNMP_ERR_INCONSISTENTVALUE);
    assert_int_equal(whole(b, 1, BW_ADMIN_FORCE_DOWN), SNMP_ERR_NOERROR);
    assert_int_equal(whole(b, 1, BW_ADMIN_UP), SNMP_ERR_NOERROR);
    /* fw2 may go: fw1 serves. What is so already is accepted. */
    assert_int_equal(whole(b, 2, BW_ADMIN_DOWN), SNMP_ERR_NOERROR);
    assert_int_equal(whole(b, 2, BW_ADMIN_MAINTENANCE), SNMP_ERR_NOERROR);
    /* fw2 on standby. */
    fw2->state = BW_MEMBER_STANDBY;
    fw2->admin = BW_ADMIN_UP;
    assert_int_equal(whole(b, 1, BW_ADMIN_DOWN),
                     SNMP_ERR_INCONSISTENTVALUE); /* a takeover is impossible all the same */
    b->snapshot.cluster.takeover_possible = true;
    assert_int_equal(whole(b, 1, BW_ADMIN_DOWN), SNMP_ERR_NOERROR);
    fw2->forced = true;
    assert_int_equal(whole(b, 1, BW_ADMIN_DOWN), SNMP_ERR_INCONSISTENTVALUE);
    fw2->forced = false;
    fw2->state = BW_MEMBER_UNREACHABLE;
    assert_int_equal(whole(b, 1, BW_ADMIN_DOWN), SNMP_ERR_INCONSISTENTVALUE);
    /* Both serve (load sharing). */
    fw2->state = BW_MEMBER_ACTIVE;
    b->snapshot.cluster.takeover_possible = false;
    assert_int_equal(whole(b, 1, BW_ADMIN_DOWN), SNMP_ERR_NOERROR);
    /* A cluster of one. */
    fw1->state = BW_MEMBER_ATTENTION;
    b->snapshot.members_count = 1;
    assert_int_equal(whole(b, 1, BW_ADMIN_DOWN), SNMP_ERR_INCONSISTENTVALUE);
}

static void the_lock_must_match(void **state)
{
    struct bed *b = *state;
    const oid lock[] = {12, 1, 0};

    assert_int_equal(parse_number(b, lock, 3, 77), SNMP_ERR_NOERROR);
    assert_true(b->wish.is_lock);
    assert_int_equal(parse_number(b, lock, 3, 76), SNMP_ERR_INCONSISTENTVALUE);
    assert_int_equal(parse_number(b, lock, 3, -1), SNMP_ERR_WRONGVALUE);
    assert_int_equal(parse_number(b, lock, 3, 0x100000000L + 77), SNMP_ERR_WRONGVALUE);
    assert_int_equal(parse_text(b, lock, 3, "77"), SNMP_ERR_WRONGTYPE);
}

static void counters_are_reset(void **state)
{
    struct bed *b = *state;
    const oid reset[] = {12, 7, 0};

    assert_int_equal(parse_number(b, reset, 3, BW_SNMP_RESET_NOW), SNMP_ERR_NOERROR);
    assert_int_equal(b->wish.request.kind, BW_REQUEST_COUNTERS_RESET);
    assert_false(b->wish.is_idle);
    assert_int_equal(bw_snmp_set_policy(&b->view, &b->wish, b->why), SNMP_ERR_NOERROR);
    assert_int_equal(parse_number(b, reset, 3, BW_SNMP_RESET_IDLE), SNMP_ERR_NOERROR);
    assert_true(b->wish.is_idle);
    assert_int_equal(parse_number(b, reset, 3, 0), SNMP_ERR_WRONGVALUE);
    assert_int_equal(parse_number(b, reset, 3, 3), SNMP_ERR_WRONGVALUE);
    assert_int_equal(parse_number(b, reset, 3, 0x100000000L + 2), SNMP_ERR_WRONGVALUE);
    assert_int_equal(parse_text(b, reset, 3, "reset"), SNMP_ERR_WRONGTYPE);
}

static void group_moves_are_read(void **state)
{
    struct bed *b = *state;
    const oid move[] = {12, 2, 0};
    char long_text[70];

    assert_int_equal(parse_text(b, move, 3, "edge fw1"), SNMP_ERR_NOERROR);
    assert_int_equal(b->wish.request.kind, BW_REQUEST_GROUP_MOVE);
    assert_int_equal(b->wish.request.group, 1);
    assert_int_equal(b->wish.request.member, 1);
    assert_int_equal(bw_snmp_set_policy(&b->view, &b->wish, b->why), SNMP_ERR_NOERROR);
    assert_int_equal(parse_text(b, move, 3, "edge 2"), SNMP_ERR_NOERROR);
    assert_int_equal(b->wish.request.member, 2);
    assert_int_equal(bw_snmp_set_policy(&b->view, &b->wish, b->why), SNMP_ERR_INCONSISTENTVALUE); /* fw2 is down */
    assert_int_equal(parse_text(b, move, 3, "edge"), SNMP_ERR_WRONGVALUE);
    assert_int_equal(parse_text(b, move, 3, ""), SNMP_ERR_WRONGVALUE);
    assert_int_equal(bw_snmp_set_parse(&b->plan, &b->view, move, 3, ASN_OCTET_STR, NULL, 0, &b->wish),
                     SNMP_ERR_WRONGVALUE);
    assert_int_equal(parse_text(b, move, 3, "edge fw3"), SNMP_ERR_WRONGVALUE);
    assert_int_equal(parse_text(b, move, 3, "none fw1"), SNMP_ERR_WRONGVALUE);
    assert_int_equal(bw_snmp_set_parse(&b->plan, &b->view, move, 3, ASN_OCTET_STR, "edge fw1\0x", 10, &b->wish),
                     SNMP_ERR_WRONGVALUE);
    memset(long_text, 'x', sizeof(long_text));
    long_text[69] = '\0';
    assert_int_equal(parse_text(b, move, 3, long_text), SNMP_ERR_WRONGLENGTH);
}

/* ---- the worker ---- */

/* The engine's part: waits for a request and answers it. */
static void answer_one(struct bw_mailbox *mailbox, enum bw_result result, const char *text, struct bw_request *request)
{
    struct bw_answer answer = {.result = result};
    uint64_t ticket = 0;

    bw_copy(answer.text, sizeof(answer.text), text);
    for (int i = 0; i < 1000 && ticket == 0; i++) {
        poll(&(struct pollfd){.fd = bw_mailbox_fd(mailbox), .events = POLLIN}, 1, 10);
        ticket = bw_mailbox_take(mailbox, request);
    }
    assert_true(ticket != 0);
    bw_mailbox_answer(mailbox, ticket, &answer);
}

static void wait_result(struct bw_snmp_actions *actions, uint32_t result, struct bw_snmp_control_row *row)
{
    for (int i = 0; i < 1000; i++) {
        bw_snmp_actions_row(actions, row);
        if (row->last_result == result)
            return;
        usleep(10000);
    }
    assert_int_equal(row->last_result, result);
}

static void outcomes_are_kept(void **state)
{
    struct bed *b = *state;
    struct bw_mailbox *mailbox = bw_mailbox_new();
    struct bw_snmp_actions *actions = bw_snmp_actions_new(mailbox);
    struct bw_snmp_control_row row;
    struct bw_request request;
    uint32_t lock;

    bw_snmp_actions_row(actions, &row);
    assert_int_equal(row.last_result, BW_SNMP_RESULT_NONE);
    assert_int_equal(row.last_wall, 0);
    lock = row.lock;
    bw_snmp_actions_advance(actions);
    bw_snmp_actions_row(actions, &row);
    assert_int_equal(row.lock, (lock + 1) & 0x7fffffff);

    assert_int_equal(admin(b, 1, BW_ADMIN_FORCE_DOWN), SNMP_ERR_NOERROR);
    bw_snmp_actions_add(actions, &b->wish);
    answer_one(mailbox, BW_RESULT_DONE, "", &request);
    assert_int_equal(request.admin, BW_ADMIN_FORCE_DOWN);
    wait_result(actions, BW_SNMP_RESULT_DONE, &row);
    assert_string_equal(row.last_action, "member fw1 force-down");
    assert_true(row.last_wall > 0);
    bw_snmp_actions_add(actions, &b->wish);
    answer_one(mailbox, BW_RESULT_REFUSED, "it is the last one", &request);
    wait_result(actions, BW_SNMP_RESULT_REFUSED, &row);
    assert_string_equal(row.last_text, "it is the last one");
    bw_snmp_actions_free(actions);
    bw_mailbox_free(mailbox);
}

static void the_queue_is_bounded_and_nothing_waits(void **state)
{
    struct bed *b = *state;
    struct bw_mailbox *mailbox = bw_mailbox_new(); /* nobody answers */
    struct bw_snmp_actions *actions = bw_snmp_actions_new(mailbox);
    struct bw_snmp_control_row row;

    assert_int_equal(admin(b, 1, BW_ADMIN_UP), SNMP_ERR_NOERROR);
    for (int i = 0; i < 20; i++)
        bw_snmp_actions_add(actions, &b->wish);
    bw_snmp_actions_row(actions, &row);
    assert_int_equal(row.last_result, BW_SNMP_RESULT_BUSY);
    assert_false(bw_snmp_actions_room(actions, 2));
    bw_mailbox_close(mailbox); /* as the engine does at its end */
    bw_snmp_actions_free(actions);
    bw_mailbox_free(mailbox);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_whole_integer_counts),
        TEST(types_names_and_access_are_checked),
        TEST(the_last_one_is_kept),
        TEST(the_lock_must_match),
        TEST(counters_are_reset),
        TEST(group_moves_are_read),
        TEST(outcomes_are_kept),
        TEST(the_queue_is_bounded_and_nothing_waits),
    };

    return cmocka_run_group_tests_name("snmp_set", tests, NULL, NULL);
}
