/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The view of KEEPALIVED-MIB without an snmpd: order, completeness, and values in every state.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "agent/snmp/keepalived.h"
#include "fixture.h"

static struct bw_snapshot snapshot;

static int set_up(void **state)
{
    (void)state;
    memset(&snapshot, 0, sizeof(snapshot));
    bw_fixture_fill(&snapshot);
    snapshot.number = 1;
    return 0;
}

/* Adds a group that fw2 holds and takes back, without addresses. */
static void add_group(void)
{
    struct bw_group_row *g = &snapshot.groups[snapshot.groups_count++];

    *g = snapshot.groups[0];
    g->index = 2;
    g->holder = 2;
    g->failback = BW_AUTO;
    bw_copy(g->name, sizeof(g->name), "mail");
    bw_copy(g->policy, sizeof(g->policy), "fw2 fw1");
    for (uint32_t i = 0; i < 2; i++) {
        struct bw_group_member_row *r = &snapshot.group_members[snapshot.group_members_count++];

        *r = snapshot.group_members[i];
        r->group = 2;
        r->state = r->member == 2 ? BW_GROUP_ONLINE : BW_GROUP_OFFLINE;
        r->start = BW_START_ALLOW;
    }
}

static long column(oid column, oid row)
{
    struct bw_ka_hit hit;

    assert_int_equal(bw_ka_get(&snapshot, (const oid[]){2, 3, 1, column, row}, 5, &hit), 0);
    return hit.value.number;
}

static const char *text(oid column, oid row)
{
    static struct bw_ka_hit hit;

    assert_int_equal(bw_ka_get(&snapshot, (const oid[]){2, 3, 1, column, row}, 5, &hit), 0);
    assert_int_equal(hit.size, strlen(hit.value.text));
    return hit.value.text;
}

static void walk_is_sorted_and_complete(void **state)
{
    struct bw_ka_hit hit, again;
    oid name[BW_KA_NAME_MAX];
    size_t length = 0;
    unsigned count = 0;

    (void)state;
    add_group();
    while (bw_ka_next(&snapshot, name, length, false, &hit) == 0) {
        assert_true(bw_snmp_compare(hit.name, hit.length, name, length) > 0);
        assert_int_equal(bw_ka_get(&snapshot, hit.name, hit.length, &again), 0);
        assert_int_equal(bw_ka_next(&snapshot, hit.name, hit.length, true, &again), 0);
        assert_int_equal(bw_snmp_compare(again.name, again.length, hit.name, hit.length), 0);
        assert_int_equal(bw_ka_next(&snapshot, hit.name, hit.length - 1, false, &again), 0);
        memcpy(name, hit.name, hit.length * sizeof(oid));
        length = hit.length;
        assert_true(++count < 1000);
    }
    assert_int_equal(count, 3 + 2 * 13);
    snapshot.groups_count = 0;
    assert_int_equal(bw_ka_next(&snapshot, (const oid[]){2}, 1, false, &hit), -ENOENT);
}

static void wrong_names_are_told_apart(void **state)
{
    static const struct {
        size_t length;
        oid name[6];
        int rc;
    } names[] = {
        {0, {0}, -ENOENT},
        {1, {1}, -ENOENT},
        {2, {1, 2}, -ENXIO},
        {3, {1, 2, 1}, -ENXIO},
        {2, {1, 3}, -ENOENT},
        {4, {2, 3, 1, 4}, -ENXIO},
        {5, {2, 3, 1, 4, 0}, -ENXIO},
        {5, {2, 3, 1, 4, 2}, -ENXIO},
        {6, {2, 3, 1, 4, 1, 0}, -ENXIO},
        {5, {2, 3, 1, 1, 1}, -ENOENT},
        {5, {2, 3, 1, 15, 1}, -ENOENT},
        {5, {2, 3, 1, 4, 4294967297}, -ENXIO},
    };
    struct bw_ka_hit hit;

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(bw_ka_get(&snapshot, names[i].name, names[i].length, &hit), names[i].rc);
    assert_int_equal(bw_ka_next(&snapshot, (const oid[]){2, 3, 1, 30, 1}, 5, false, &hit), -ENOENT);
}

static void values_of_a_master(void **state)
{
    (void)state;
    assert_string_equal(text(2, 1), "edge");
    assert_int_equal(column(3, 1), 1);
    assert_int_equal(column(4, 1), BW_KA_MASTER);
    assert_int_equal(column(5, 1), BW_KA_BACKUP); /* manual failback: whoever has it keeps it */
    assert_int_equal(column(6, 1), BW_KA_MASTER);
    assert_int_equal(column(7, 1), 254);
    assert_int_equal(column(8, 1), 254);
    assert_int_equal(column(9, 1), 1);
    assert_string_equal(text(10, 1), "eth1"); /* of the first address */
    assert_int_equal(column(12, 1), snapshot.cluster.heartbeat_interval_ns / (10 * BW_MS));
    assert_int_equal(column(13, 1), 2);
    snapshot.addresses[0].installed = false;
    assert_int_equal(column(9, 1), 2);
}

static void states(void **state)
{
    static const struct {
        uint32_t member, group, start, admin;
        bool stopped;
        enum bw_ka_state state, wanted;
        long priority;
    } rows[] = {
        {BW_MEMBER_STANDBY, BW_GROUP_OFFLINE, BW_START_ALLOW, BW_ADMIN_UP, false, BW_KA_BACKUP, BW_KA_BACKUP, 254},
        {BW_MEMBER_READY, BW_GROUP_OFFLINE, BW_START_ALLOW, BW_ADMIN_UP, false, BW_KA_BACKUP, BW_KA_BACKUP, 254},
        {BW_MEMBER_ATTENTION, BW_GROUP_ONLINE, BW_START_ALLOW, BW_ADMIN_UP, false, BW_KA_MASTER, BW_KA_MASTER, 254},
        {BW_MEMBER_DOWN, BW_GROUP_OFFLINE, BW_START_ALLOW, BW_ADMIN_UP, false, BW_KA_FAULT, BW_KA_BACKUP, 0},
        {BW_MEMBER_STANDBY, BW_GROUP_OFFLINE, BW_START_DENY, BW_ADMIN_UP, false, BW_KA_FAULT, BW_KA_BACKUP, 0},
        {BW_MEMBER_STANDBY, BW_GROUP_ERROR, BW_START_ALLOW, BW_ADMIN_UP, false, BW_KA_FAULT, BW_KA_BACKUP, 0},
        {BW_MEMBER_DOWN, BW_GROUP_OFFLINE, BW_START_ALLOW, BW_ADMIN_MAINTENANCE, false, BW_KA_FAULT, BW_KA_FAULT, 0},
        {BW_MEMBER_INITIALIZING, BW_GROUP_OFFLINE, BW_START_ALLOW, BW_ADMIN_UP, false, BW_KA_INIT, BW_KA_BACKUP, 0},
        {BW_MEMBER_STANDBY, BW_GROUP_OFFLINE, BW_START_ALLOW, BW_ADMIN_UP, true, BW_KA_INIT, BW_KA_INIT, 0},
        {BW_MEMBER_STANDBY, BW_GROUP_UNKNOWN, BW_START_ALLOW, BW_ADMIN_UP, false, BW_KA_INIT, BW_KA_BACKUP, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snapshot.members[0].state = rows[i].member;
        snapshot.members[0].admin = rows[i].admin;
        snapshot.group_members[0].state = rows[i].group;
        snapshot.group_members[0].start = rows[i].start;
        snapshot.groups[0].stopped = rows[i].stopped;
        assert_int_equal(column(4, 1), rows[i].state);
        assert_int_equal(column(6, 1), rows[i].wanted);
        assert_int_equal(column(7, 1), 254);
        assert_int_equal(column(8, 1), rows[i].priority);
        assert_int_equal(column(9, 1), rows[i].state == BW_KA_MASTER ? 1 : 2);
    }
}

static void each_group_has_its_row(void **state)
{
    struct bw_ka_hit hits[BW_KA_VARBINDS];

    (void)state;
    add_group();
    assert_string_equal(text(2, 2), "mail");
    assert_int_equal(column(4, 1), BW_KA_MASTER);
    assert_int_equal(column(4, 2), BW_KA_BACKUP);
    assert_int_equal(column(5, 2), BW_KA_BACKUP); /* fw2 is the first there */
    assert_int_equal(column(7, 2), 253);
    assert_int_equal(column(13, 2), 1);
    assert_string_equal(text(10, 2), "");
    snapshot.cluster.local_member = 2;
    assert_int_equal(column(4, 2), BW_KA_MASTER);
    assert_int_equal(column(5, 2), BW_KA_MASTER);
    assert_int_equal(column(9, 2), 1); /* it has none to be missing */
    bw_copy(snapshot.groups[1].policy, sizeof(snapshot.groups[1].policy), "fw1 fw22");
    assert_int_equal(column(7, 2), 1);
    assert_int_equal(bw_ka_varbinds(&snapshot, 1, hits), 4);
    assert_string_equal(hits[0].value.text, "mail");
    assert_int_equal(hits[1].value.number, BW_KA_MASTER);
    assert_int_equal(hits[1].name[4], 2);
    assert_int_equal(hits[2].value.number, BW_KA_BACKUP);
    assert_string_equal(hits[3].value.text, "fw2");
    assert_int_equal(hits[3].length, 3);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup(function, set_up)
    const struct CMUnitTest tests[] = {
        TEST(walk_is_sorted_and_complete), TEST(wrong_names_are_told_apart), TEST(values_of_a_master), TEST(states),
        TEST(each_group_has_its_row),
    };

    return cmocka_run_group_tests_name("snmp_keepalived", tests, NULL, NULL);
}
