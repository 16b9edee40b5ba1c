/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The SNMP walker without an snmpd: order, completeness and values over the fixture, and over tables
 * that are empty, full, or lose rows while they are walked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "agent/snmp/notify.h"
#include "agent/snmp/walk.h"
#include "fixture.h"

struct bed {
    struct bw_snapshot snapshot;
    struct bw_history *history;
    struct bw_snmp_control_row control;
    struct bw_snmp_plan plan;
    struct bw_snmp_view view;
};

static int set_up(void **state)
{
    struct bed *b = calloc(1, sizeof(*b));

    assert_non_null(b);
    b->history = bw_history_new();
    bw_fixture_fill(&b->snapshot);
    bw_fixture_history(b->history);
    b->control = (struct bw_snmp_control_row){.lock = 77, .last_result = BW_SNMP_RESULT_NONE};
    bw_snmp_plan_init(&b->plan);
    b->view = (struct bw_snmp_view){&b->snapshot, b->history, &b->control};
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bed *b = *state;

    bw_history_free(b->history);
    free(b);
    return 0;
}

/* Walks everything from `name`: each OID greater than the one before, each found by GET. Returns how many. */
static unsigned walk(struct bed *b)
{
    struct bw_snmp_hit hit, again;
    oid name[BW_SNMP_NAME_MAX];
    size_t length = 0;
    unsigned count = 0;

    while (bw_snmp_next(&b->plan, &b->view, name, length, false, &hit) == 0) {
        assert_true(bw_snmp_compare(hit.name, hit.length, name, length) > 0);
        assert_int_equal(bw_snmp_get(&b->plan, &b->view, hit.name, hit.length, &again), 0);
        assert_ptr_equal(again.leaf, hit.leaf);
        assert_int_equal(bw_snmp_next(&b->plan, &b->view, hit.name, hit.length, true, &again), 0);
        assert_int_equal(bw_snmp_compare(again.name, again.length, hit.name, hit.length), 0);
        memcpy(name, hit.name, hit.length * sizeof(oid));
        length = hit.length;
        assert_true(++count < 1000000);
    }
    return count;
}

/* Instances that there must be: rows times leaves. */
static unsigned expected(const struct bed *b)
{
    unsigned count = 0;

    for (uint32_t i = 0; i < b->plan.count; i++) {
        const struct bw_object *object = b->plan.leaves[i].object;

        if (object == &bw_snmp_control_object)
            count++;
        else if (object->kind == BW_OBJECT_EVENT)
            count += b->snapshot.history_last == 0
                         ? 0
                         : (unsigned)(b->snapshot.history_last - b->snapshot.history_first + 1);
        else
            count += bw_object_rows(object, &b->snapshot);
    }
    return count;
}

static void walk_is_sorted_and_complete(void **state)
{
    struct bed *b = *state;

    assert_true(b->plan.count > 100);
    assert_int_equal(walk(b), expected(b));
}

static void leaves_are_sorted(void **state)
{
    struct bed *b = *state;

    for (uint32_t i = 1; i < b->plan.count; i++)
        assert_true(bw_snmp_compare(b->plan.leaves[i - 1].prefix, b->plan.leaves[i - 1].length,
                                    b->plan.leaves[i].prefix, b->plan.leaves[i].length) < 0);
}

static void empty_tables_are_passed_over(void **state)
{
    struct bed *b = *state;
    struct bw_snmp_hit hit;
    const oid member_table[] = {2}, peer_table[] = {10}, behind_all[] = {200};

    b->snapshot.members_count = b->snapshot.interfaces_count = b->snapshot.pnotes_count = 0;
    b->snapshot.addresses_count = b->snapshot.groups_count = b->snapshot.group_members_count = 0;
    b->snapshot.causes_count = b->snapshot.resources_count = b->snapshot.sync_peers_count = 0;
    b->snapshot.history_first = b->snapshot.history_last = 0;
    assert_int_equal(walk(b), expected(b));
    assert_int_equal(bw_snmp_next(&b->plan, &b->view, member_table, 1, false, &hit), 0);
    assert_ptr_equal(hit.leaf->object, &bw_catalogue[BW_OBJECT_SYNC]);
    assert_int_equal(bw_snmp_next(&b->plan, &b->view, peer_table, 1, false, &hit), 0);
    assert_ptr_equal(hit.leaf->object, &bw_snmp_control_object);
    assert_int_equal(bw_snmp_next(&b->plan, &b->view, behind_all, 1, false, &hit), -ENOENT);
}

static void full_tables_are_walked(void **state)
{
    struct bed *b = *state;
    struct bw_snapshot *s = &b->snapshot;

    for (uint32_t m = 0; m < BW_MAX_MEMBERS; m++) {
        s->members[m].id = 10 * m + 1;
        for (uint32_t i = 0; i < BW_MAX_PNOTES; i++) {
            struct bw_pnote_row *row = &s->pnotes[m * BW_MAX_PNOTES + i];

            row->member = 10 * m + 1;
            memset(row->name, 'z', sizeof(row->name));
            row->name[i / 4 + 4] = '\0'; /* shorter first, then by bytes */
            row->name[0] = (char)('a' + i % 4);
        }
    }
    s->members_count = BW_MAX_MEMBERS;
    s->pnotes_count = BW_MAX_MEMBERS * BW_MAX_PNOTES;
    assert_int_equal(walk(b), expected(b));
}

static void overwritten_events_are_skipped(void **state)
{
    struct bed *b = *state;
    struct bw_event event = {.kind = BW_EVENT_START};
    struct bw_snmp_hit hit;
    const oid first_time[] = {11, 1, 2, 1}, before[] = {11, 1, 2};
    uint64_t last;

    for (int i = 0; i < 1022; i++) /* slot of event 1 to 4 are used again */
        bw_history_add(b->history, &event);
    assert_int_equal(bw_snmp_get(&b->plan, &b->view, first_time, 4, &hit), -ENXIO);
    assert_int_equal(bw_snmp_next(&b->plan, &b->view, before, 3, false, &hit), 0);
    assert_int_equal(hit.name[3], 5);
    bw_history_range(b->history, &b->snapshot.history_first, &last);
    b->snapshot.history_last = last;
    assert_int_equal(walk(b), expected(b));
}

static void wrong_names_are_told_apart(void **state)
{
    struct bed *b = *state;
    struct bw_snmp_hit hit;
    static const struct {
        oid name[6];
        size_t length;
        int rc;
    } rows[] = {
        {{1, 2, 0}, 3, 0},
        {{1, 2}, 2, -ENXIO},
        {{1, 2, 1}, 3, -ENXIO},
        {{1, 2, 0, 0}, 4, -ENXIO},
        {{1}, 1, -ENOENT},
        {{1, 99, 0}, 3, -ENOENT},
        {{2, 1, 4, 1}, 4, 0},
        {{2, 1, 4, 3}, 4, -ENXIO},
        {{2, 1, 1, 1}, 4, -ENOENT},
        {{2, 1, 4}, 3, -ENXIO},
        {{2, 2, 4, 1}, 4, -ENOENT},
        {{3, 1, 2, 1, 3}, 5, 0},
        {{3, 1, 2, 1, 4}, 5, -ENXIO},
        {{8, 1, 1, 1}, 4, -ENOENT},
        {{11, 1, 2, 6}, 4, 0},
        {{11, 1, 2, 7}, 4, -ENXIO},
        {{200}, 1, -ENOENT},
        {{0}, 0, -ENOENT},
        {{4294967295}, 1, -ENOENT},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(bw_snmp_get(&b->plan, &b->view, rows[i].name, rows[i].length, &hit), rows[i].rc);
}

/* The value of one instance, as bytes. */
static struct bw_snmp_value value_of(struct bed *b, struct bw_snmp_hit *hit, const oid *name, size_t length)
{
    struct bw_snmp_value value;

    assert_int_equal(bw_snmp_get(&b->plan, &b->view, name, length, hit), 0);
    bw_snmp_value(hit, &value);
    return value;
}

/* A number; its type is checked. (Not through value.bytes, which points into the value that was copied.) */
static long number_of(struct bed *b, u_char type, const oid *name, size_t length)
{
    struct bw_snmp_hit hit;
    struct bw_snmp_value value = value_of(b, &hit, name, length);

    assert_int_equal(value.type, type);
    return value.held.number;
}

#define NUMBER(b, type, ...)                                                                                           \
    number_of(b, type, (const oid[]){__VA_ARGS__}, sizeof((const oid[]){__VA_ARGS__}) / sizeof(oid))

static void values_are_as_the_mib_says(void **state)
{
    struct bed *b = *state;
    struct bw_snmp_hit hit;
    struct bw_snmp_value value;

    assert_int_equal(NUMBER(b, ASN_GAUGE, 1, 1, 0), 17);
    assert_int_equal(NUMBER(b, ASN_INTEGER, 1, 3, 0), BW_MODE_HA);
    assert_int_equal(NUMBER(b, ASN_INTEGER, 1, 7, 0), 2);     /* false */
    assert_int_equal(NUMBER(b, ASN_INTEGER, 2, 1, 3, 1), 1);  /* true */
    assert_int_equal(NUMBER(b, ASN_INTEGER, 2, 1, 14, 1), 1); /* ipv4 */
    assert_int_equal(NUMBER(b, ASN_GAUGE, 3, 1, 10, 2, 2), 2500);
    assert_int_equal(NUMBER(b, ASN_GAUGE, 5, 1, 3, 1, 4, 10, 10, 0, 100), 24);
    assert_int_equal(NUMBER(b, ASN_INTEGER, 12, 1, 0), 77);
    assert_int_equal(NUMBER(b, ASN_INTEGER, 8, 1, 4, 1, 2, 2), BW_GROUP_ERROR);
    assert_int_equal(NUMBER(b, ASN_INTEGER, 9, 2, 0), 2); /* not healthy */
    assert_int_equal(NUMBER(b, ASN_GAUGE, 10, 1, 6, 2), 12);
    assert_int_equal(NUMBER(b, ASN_GAUGE, 17, 1, 5, 2), 2);
    value = value_of(b, &hit, (const oid[]){1, 9, 0}, 3);
    assert_int_equal(value.type, ASN_COUNTER64);
    assert_int_equal(value.held.wide.low, 3);
    value = value_of(b, &hit, (const oid[]){2, 1, 15, 2}, 4);
    assert_int_equal(value.length, 4);
    assert_memory_equal(value.bytes, "\x0a\x00\x0a\x02", 4);
    value = value_of(b, &hit, (const oid[]){1, 8, 0}, 3);
    assert_int_equal(value.type, ASN_OCTET_STR);
    assert_int_equal(value.length, strlen(b->snapshot.cluster.takeover_obstacle));
}

static void odd_values_are_safe(void **state)
{
    struct bed *b = *state;
    struct bw_snmp_hit hit;
    struct bw_snmp_value value;
    const oid digest[] = {1, 11, 0}, since[] = {2, 1, 13, 2}, never[] = {2, 1, 11, 1};

    b->snapshot.agent.uptime_ns = UINT64_MAX;
    assert_int_equal(NUMBER(b, ASN_GAUGE, 13, 2, 0), UINT32_MAX);
    b->snapshot.members[0].interfaces_up = UINT32_MAX;
    assert_int_equal(NUMBER(b, ASN_GAUGE, 2, 1, 20, 1), UINT32_MAX);
    b->snapshot.cluster.failovers = UINT64_MAX - 1;
    value = value_of(b, &hit, (const oid[]){1, 9, 0}, 3);
    assert_int_equal(value.held.wide.high, UINT32_MAX);
    assert_int_equal(value.held.wide.low, UINT32_MAX - 1);
    memset(b->snapshot.cluster.name, 'x', sizeof(b->snapshot.cluster.name)); /* no NUL at all */
    value = value_of(b, &hit, (const oid[]){1, 2, 0}, 3);
    assert_int_equal(value.length, BW_NAME_MAX);
    assert_int_equal(bw_snmp_get(&b->plan, &b->view, digest, 3, &hit), 0);
    bw_snmp_value(&hit, &value);
    assert_memory_equal(value.bytes, "0123456789abcdef", 16);
    /* 2025-12-31 23:59:00 UTC */
    assert_int_equal(bw_snmp_get(&b->plan, &b->view, since, 4, &hit), 0);
    bw_snmp_value(&hit, &value);
    assert_int_equal(value.length, 11);
    assert_memory_equal(value.bytes, "\x07\xe9\x0c\x1f\x17\x3b\x00\x00+\x00\x00", 11);
    assert_int_equal(bw_snmp_get(&b->plan, &b->view, never, 4, &hit), 0);
    bw_snmp_value(&hit, &value);
    assert_int_equal(value.length, 8);
    assert_memory_equal(value.bytes, "\0\0\0\0\0\0\0\0", 8);
}

static const struct bw_snmp_varbind *varbind(const struct bw_snmp_notification *n, const char *mib)
{
    for (uint32_t i = 0; i < n->count; i++)
        if (strcmp(n->varbinds[i].leaf->field->mib, mib) == 0)
            return &n->varbinds[i];
    return NULL;
}

/* The notification of an event; -ENOENT when there is none. */
static int tell(struct bed *b, const struct bw_event *event, struct bw_snmp_told *told, struct bw_snmp_notification *n)
{
    int rc = bw_snmp_tell(event, told);

    if (rc == 0)
        bw_snmp_notification(&b->plan, &b->view, told, n);
    return rc;
}

static void notifications_explain_events(void **state)
{
    struct bed *b = *state;
    struct bw_snmp_notification n;
    struct bw_snmp_told told;
    struct bw_event event;

    bw_history_read(b->history, 1, &event);
    assert_false(bw_snmp_is_notified(event.kind));
    assert_int_equal(tell(b, &event, &told, &n), -ENOENT);
    bw_history_read(b->history, 2, &event); /* fw1 to standby; by now it is active */
    assert_int_equal(tell(b, &event, &told, &n), 0);
    assert_int_equal(n.number, BW_SNMP_MEMBER_STATE);
    assert_int_equal(told.notify.status, BW_SNMP_CLEARED);
    assert_int_equal(told.notify.event, 2);
    assert_non_null(varbind(&n, "bwHistoryReason"));
    assert_int_equal(varbind(&n, "bwHistoryReason")->hit.name[3], 2);
    assert_int_equal(varbind(&n, "bwNotifyEvent")->hit.length, 3);
    assert_true(varbind(&n, "bwMemberState")->overridden);
    assert_int_equal(varbind(&n, "bwMemberState")->number, BW_MEMBER_STANDBY);
    bw_history_read(b->history, 5, &event); /* fw2's backup-job */
    assert_int_equal(tell(b, &event, &told, &n), 0);
    assert_int_equal(n.number, BW_SNMP_PNOTE);
    assert_int_equal(told.notify.status, BW_SNMP_RAISED);
    assert_int_equal(varbind(&n, "bwPnoteStatus")->hit.length, 3 + 2 + strlen("backup-job"));
    assert_int_equal(varbind(&n, "bwPnoteStatus")->number, BW_PNOTE_PROBLEM);
    b->snapshot.pnotes_count = 0; /* unregistered meanwhile */
    assert_int_equal(tell(b, &event, &told, &n), 0);
    assert_null(varbind(&n, "bwPnoteStatus"));
    event = (struct bw_event){.kind = BW_EVENT_AUTH_FAILURE};
    assert_int_equal(tell(b, &event, &told, &n), 0);
    assert_int_equal(n.number, BW_SNMP_AUTH_FAILURE);
}

/* With notify = "own" every event is told by one member. */
static void each_event_has_one_teller(void **state)
{
    static const struct {
        uint32_t kind, member, group;
        const char *from, *to;
        bool by_1;
    } rows[] = {
        {BW_EVENT_STATE_CHANGE, 1, 0, "standby", "active", true},
        {BW_EVENT_STATE_CHANGE, 2, 0, "standby", "down", false},
        {BW_EVENT_STATE_CHANGE, 2, 0, "standby", "unreachable", true},
        {BW_EVENT_STATE_CHANGE, 1, 0, "unreachable", "standby", false},
        {BW_EVENT_FAILOVER, 2, 1, "fw1", "fw2", false}, /* the new holder's, whoever holds by now */
        {BW_EVENT_FAILOVER, 0, 1, "fw1", "", true},
        {BW_EVENT_MISMATCH, 0, 0, "", "", true},
        {BW_EVENT_PNOTE, 2, 0, "ok", "problem", false},
        {BW_EVENT_INTERFACE, 1, 0, "up", "down", true},
    };
    struct bed *b = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bw_event event = {.kind = rows[i].kind, .member = rows[i].member, .group = rows[i].group};
        struct bw_snmp_told told;

        bw_copy(event.from, sizeof(event.from), rows[i].from);
        bw_copy(event.to, sizeof(event.to), rows[i].to);
        assert_int_equal(bw_snmp_tell(&event, &told), 0);
        /* Two members learn of a change one after the other: who the holder is must not matter. */
        for (uint32_t holder = 0; holder <= 2; holder++) {
            b->snapshot.groups[0].holder = b->snapshot.cluster.active_member = holder;
            b->snapshot.cluster.local_member = 1;
            assert_int_equal(bw_snmp_is_own(&b->snapshot, &told), rows[i].by_1);
            b->snapshot.cluster.local_member = 2;
            assert_int_equal(bw_snmp_is_own(&b->snapshot, &told), !rows[i].by_1);
        }
    }
    b->snapshot.cluster.local_member = 1;
}

/* Each of two holders tells of it: either may be the only one that saw both. */
static void a_split_brain_is_told_by_both(void **state)
{
    struct bed *b = *state;
    struct bw_event event = {.kind = BW_EVENT_SPLIT_BRAIN, .member = 2, .group = 1, .from = "fw1", .to = "fw2"};
    struct bw_snmp_told told;

    assert_int_equal(bw_snmp_tell(&event, &told), 0);
    for (uint32_t local = 1; local <= 2; local++) {
        b->snapshot.cluster.local_member = local;
        assert_true(bw_snmp_is_own(&b->snapshot, &told));
    }
    b->snapshot.cluster.local_member = 1;
}

/* Both see that all have a problem, each with another one as the holder: the same one tells it, and if that one goes, the next one. */
static void all_problem_has_one_teller(void **state)
{
    struct bed *b = *state;
    struct bw_snapshot *s = &b->snapshot;
    struct bw_snmp_watch watch[2] = {0};
    struct bw_snmp_told told;
    uint32_t raised = 0;

    for (uint32_t i = 0; i < s->members_count; i++)
        s->members[i].problem = true;
    for (uint32_t local = 1; local <= 2; local++) {
        s->cluster.local_member = local;
        s->groups[0].holder = s->cluster.active_member = 3 - local;
        bw_snmp_watch_look(&watch[local - 1], &b->view, BW_SEC);
        while (bw_snmp_watch_take(&watch[local - 1], &told)) {
            if (told.number != BW_SNMP_ALL_PROBLEM)
                continue;
            raised++;
            assert_int_equal(told.notify.status, BW_SNMP_RAISED);
            assert_int_equal(bw_snmp_is_own(s, &told), local == 1);
        }
        assert_int_equal(raised, local);
    }
    s->members[0].view = BW_VIEW_NONE;
    s->members[0].state = BW_MEMBER_UNREACHABLE;
    s->members[1].view = BW_VIEW_LOCAL;
    bw_snmp_watch_look(&watch[1], &b->view, 2 * BW_SEC);
    assert_true(bw_snmp_watch_take(&watch[1], &told));
    assert_int_equal(told.number, BW_SNMP_ALL_PROBLEM);
    assert_true(bw_snmp_is_own(s, &told));
    bw_snmp_watch_look(&watch[1], &b->view, 3 * BW_SEC);
    assert_false(bw_snmp_watch_take(&watch[1], &told));
    s->cluster.local_member = 1;
}

static void raised(struct bed *b, struct bw_snmp_watch *watch, uint32_t kind, uint64_t now_ns)
{
    struct bw_event event = {.kind = kind, .number = 7, .member = 2};
    struct bw_snmp_told told;

    (void)b;
    assert_int_equal(bw_snmp_tell(&event, &told), 0);
    assert_int_equal(told.notify.status, BW_SNMP_RAISED);
    bw_snmp_watch_told(watch, &told, now_ns);
}

/* What the counters of the synchronisation say; a lost path has an event of its own. */
static void sync_trouble_is_told(void **state)
{
    struct bed *b = *state;
    struct bw_sync_row *sync = &b->snapshot.sync;
    struct bw_snmp_watch watch = {0};
    struct bw_snmp_notification n;
    struct bw_snmp_told told;
    struct bw_event event = {.kind = BW_EVENT_SYNC, .number = 7, .member = 1, .to = "lost"};

    assert_false(sync->healthy);
    for (int i = 0; i < 2; i++)
        bw_snmp_watch_look(&watch, &b->view, BW_SEC);
    assert_true(bw_snmp_watch_take(&watch, &told));
    bw_snmp_notification(&b->plan, &b->view, &told, &n);
    assert_int_equal(n.number, BW_SNMP_SYNC_TROUBLE);
    assert_int_equal(told.notify.status, BW_SNMP_RAISED);
    assert_string_equal(told.event.object, "counters");
    assert_string_equal(told.event.reason, sync->advice);
    assert_non_null(varbind(&n, "bwSyncAdvice"));
    assert_true(bw_snmp_is_own(&b->snapshot, &told));
    sync->state = BW_SYNC_LOST;
    bw_snmp_watch_look(&watch, &b->view, BW_SEC);
    assert_false(bw_snmp_watch_take(&watch, &told));
    assert_int_equal(tell(b, &event, &told, &n), 0);
    assert_int_equal(n.number, BW_SNMP_SYNC_TROUBLE);
    assert_int_equal(told.notify.status, BW_SNMP_RAISED);
    assert_int_equal(varbind(&n, "bwSyncState")->number, BW_SYNC_LOST);
    bw_copy(event.to, sizeof(event.to), "ok");
    assert_int_equal(tell(b, &event, &told, &n), 0);
    assert_int_equal(told.notify.status, BW_SNMP_CLEARED);
    sync->state = BW_SYNC_OK;
    sync->lost_connections = 0;
    bw_sync_judge(sync);
    bw_snmp_watch_look(&watch, &b->view, BW_SEC);
    assert_true(bw_snmp_watch_take(&watch, &told));
    assert_int_equal(told.notify.status, BW_SNMP_CLEARED);
    assert_false(bw_snmp_watch_take(&watch, &told));
}

static void resources_and_alerts_are_told(void **state)
{
    struct bed *b = *state;
    struct bw_snmp_notification n;
    struct bw_snmp_told told;
    struct bw_event event = {.kind = BW_EVENT_RESOURCE, .member = 2, .group = 1, .object = "vpn-up", .to = "error"};

    assert_int_equal(tell(b, &event, &told, &n), 0);
    assert_int_equal(n.number, BW_SNMP_RESOURCE);
    assert_int_equal(told.notify.status, BW_SNMP_RAISED);
    assert_int_equal(varbind(&n, "bwResourceState")->number, BW_GROUP_ERROR);
    assert_int_equal(varbind(&n, "bwResourceState")->hit.length, 6);
    assert_int_equal(varbind(&n, "bwResourceState")->hit.name[4], 2); /* bwResourceIndex */
    bw_copy(event.to, sizeof(event.to), "offline");
    assert_int_equal(tell(b, &event, &told, &n), 0);
    assert_int_equal(told.notify.status, BW_SNMP_CLEARED);
    event = (struct bw_event){.kind = BW_EVENT_ALERT, .member = 1, .object = "on-call"};
    assert_int_equal(tell(b, &event, &told, &n), 0);
    assert_int_equal(n.number, BW_SNMP_ALERT_TROUBLE);
    assert_int_equal(varbind(&n, "bwAlertLastError")->hit.name[3], 2);
}

/* What has no event of its own is told, and every raise is cleared, once. */
static void changes_without_events_are_told(void **state)
{
    struct bed *b = *state;
    struct bw_snapshot *s = &b->snapshot;
    struct bw_snmp_watch watch = {0};
    struct bw_snmp_notification n;
    struct bw_snmp_told told;

    s->sync.healthy = true;
    bw_snmp_watch_look(&watch, &b->view, BW_SEC);
    assert_false(bw_snmp_watch_take(&watch, &told));
    s->group_members[0].state = BW_GROUP_OFFLINE;
    s->group_members[1].state = BW_GROUP_ONLINE;
    s->groups[0].holder = 2;
    bw_snmp_watch_look(&watch, &b->view, BW_SEC);
    assert_true(bw_snmp_watch_take(&watch, &told));
    bw_snmp_notification(&b->plan, &b->view, &told, &n);
    assert_int_equal(n.number, BW_SNMP_GROUP);
    assert_int_equal(told.notify.status, BW_SNMP_INFORMATION);
    assert_int_equal(told.notify.event, s->history_last);
    assert_int_equal(varbind(&n, "bwHistoryTo")->hit.name[3], 0);
    assert_int_equal(varbind(&n, "bwGroupMemberState")->number, BW_GROUP_OFFLINE);
    assert_int_equal(varbind(&n, "bwGroupMemberState")->hit.name[4], 1);
    assert_true(bw_snmp_watch_take(&watch, &told));
    assert_int_equal(told.notify.status, BW_SNMP_CLEARED);
    assert_false(bw_snmp_watch_take(&watch, &told));

    s->members[0].state = BW_MEMBER_ATTENTION; /* fw2 is down */
    for (int i = 0; i < 2; i++)
        bw_snmp_watch_look(&watch, &b->view, BW_SEC);
    assert_true(bw_snmp_watch_take(&watch, &told));
    bw_snmp_notification(&b->plan, &b->view, &told, &n);
    assert_int_equal(n.number, BW_SNMP_ALL_PROBLEM);
    assert_int_equal(told.notify.status, BW_SNMP_RAISED);
    assert_string_equal(told.event.reason, "fw1 is attention, fw2 is down");
    assert_false(bw_snmp_watch_take(&watch, &told));
    s->members[0].state = BW_MEMBER_INITIALIZING; /* says nothing */
    bw_snmp_watch_look(&watch, &b->view, BW_SEC);
    assert_false(bw_snmp_watch_take(&watch, &told));
    s->members[0].state = BW_MEMBER_ACTIVE;
    bw_snmp_watch_look(&watch, &b->view, BW_SEC);
    assert_true(bw_snmp_watch_take(&watch, &told));
    assert_int_equal(told.notify.status, BW_SNMP_CLEARED);
    assert_int_equal(told.event.member, 1);

    s->cluster.config_mismatch = true;
    s->group_members[0].state = BW_GROUP_ONLINE; /* two of them */
    raised(b, &watch, BW_EVENT_MISMATCH, BW_SEC);
    raised(b, &watch, BW_EVENT_SPLIT_BRAIN, BW_SEC);
    raised(b, &watch, BW_EVENT_AUTH_FAILURE, BW_SEC);
    bw_snmp_watch_look(&watch, &b->view, 2 * BW_SEC);
    assert_true(bw_snmp_watch_take(&watch, &told));
    assert_int_equal(told.number, BW_SNMP_GROUP);
    assert_false(bw_snmp_watch_take(&watch, &told));
    s->cluster.config_mismatch = false;
    s->group_members[1].state = BW_GROUP_OFFLINE;
    bw_snmp_watch_look(&watch, &b->view, 300 * BW_SEC);
    for (unsigned i = 0; i < 4; i++) {
        static const uint32_t wanted[] = {BW_SNMP_GROUP, BW_SNMP_SPLIT_BRAIN, BW_SNMP_MISMATCH, BW_SNMP_AUTH_FAILURE};

        assert_true(bw_snmp_watch_take(&watch, &told));
        assert_int_equal(told.number, wanted[i]);
        assert_int_equal(told.notify.status, i == 0 ? BW_SNMP_INFORMATION : BW_SNMP_CLEARED);
    }
    bw_snmp_watch_look(&watch, &b->view, 600 * BW_SEC);
    assert_false(bw_snmp_watch_take(&watch, &told));
    for (int i = 0; i < 100; i++) { /* more than what waits */
        s->group_members[0].state = i % 2 ? BW_GROUP_ONLINE : BW_GROUP_OFFLINE;
        bw_snmp_watch_look(&watch, &b->view, 601 * BW_SEC);
    }
    assert_int_equal(watch.dropped, 100 - BW_SNMP_WAITING_MAX);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(leaves_are_sorted),
        TEST(walk_is_sorted_and_complete),
        TEST(empty_tables_are_passed_over),
        TEST(full_tables_are_walked),
        TEST(overwritten_events_are_skipped),
        TEST(wrong_names_are_told_apart),
        TEST(values_are_as_the_mib_says),
        TEST(odd_values_are_safe),
        TEST(notifications_explain_events),
        TEST(each_event_has_one_teller),
        TEST(a_split_brain_is_told_by_both),
        TEST(all_problem_has_one_teller),
        TEST(sync_trouble_is_told),
        TEST(resources_and_alerts_are_told),
        TEST(changes_without_events_are_told),
    };

    return cmocka_run_group_tests_name("snmp_walk", tests, NULL, NULL);
}
