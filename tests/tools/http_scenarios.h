/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Clusters to look at: snapshots and histories for the status page, from healthy to failed, with times that count from
 * now. Used by http_fixture --scenario NAME.
 */
#ifndef BELLWETHER_TESTS_HTTP_SCENARIOS_H
#define BELLWETHER_TESTS_HTTP_SCENARIOS_H

#include "tests/unit/fixture.h"

struct scene {
    struct bw_snapshot *s;
    int64_t now;
};

static inline void scene_member(struct bw_member_row *m, uint32_t state, const char *reason, int64_t since)
{
    m->state = state;
    bw_copy(m->reason, sizeof(m->reason), reason);
    m->reason_source[0] = '\0';
    m->since_wall = since;
    m->problem = state == BW_MEMBER_DOWN || state == BW_MEMBER_ATTENTION || state == BW_MEMBER_UNREACHABLE;
    m->expected = BW_MEMBER_STANDBY;
    m->admin = BW_ADMIN_UP;
    m->admin_by[0] = '\0';
}

/* fw1 active, fw2 standing by, all well. */
static inline void scene_healthy(struct scene *scene)
{
    struct bw_snapshot *s = scene->s;
    struct bw_member_row *fw1 = &s->members[0], *fw2 = &s->members[1];

    scene_member(fw1, BW_MEMBER_ACTIVE, "first in rank", scene->now - 3 * 86400LL * (int64_t)BW_SEC);
    scene_member(fw2, BW_MEMBER_STANDBY, "fw1 serves; ready to take over", scene->now - 3 * 86000LL * (int64_t)BW_SEC);
    fw1->expected = BW_MEMBER_ACTIVE;
    fw2->interfaces_up = 3;
    s->cluster.takeover_possible = true;
    s->cluster.takeover_obstacle[0] = '\0';
    for (uint32_t i = 0; i < s->interfaces_count; i++) {
        s->interfaces[i].state = BW_INTERFACE_UP;
        s->interfaces[i].receive = s->interfaces[i].transmit = BW_DIRECTION_UP;
        s->interfaces[i].silence_ns = 20 * BW_MS;
    }
    s->pnotes_count = 0;
    for (uint32_t m = 1; m <= 2; m++) {
        bw_fixture_pnote(s, m, "ipsec-tunnels", BW_PNOTE_MONITOR, BW_PNOTE_OK, 15, "12 of 12 up");
        bw_fixture_pnote(s, m, "routing-daemon", BW_PNOTE_MONITOR, BW_PNOTE_OK, 10, "");
        bw_fixture_pnote(s, m, "Synchronization", BW_PNOTE_BUILTIN, BW_PNOTE_OK, 0, "");
        bw_fixture_pnote(s, m, "Interface Active Check", BW_PNOTE_BUILTIN, BW_PNOTE_OK, 0, "");
    }
    s->group_members[1].start = BW_START_ALLOW;
    s->group_members[1].start_reason[0] = '\0';
    s->resources[3].state = BW_GROUP_OFFLINE;
    s->resources[3].retries_left = 3;
    s->resources[3].detail[0] = '\0';
    s->sync.lost_connections = 0;
    bw_sync_judge(&s->sync);
    s->alerts[1].state = BW_ALERT_IDLE;
    s->alerts[1].queued = 0;
    s->alerts[1].last_error[0] = '\0';
}

/* fw2 serves since fw1's cable was pulled; fw1 cannot take over. */
static inline void scene_degraded(struct scene *scene)
{
    struct bw_snapshot *s = scene->s;

    scene_healthy(scene);
    scene_member(&s->members[0], BW_MEMBER_DOWN, "interface eth0 is down: no link", scene->now - 252 * (int64_t)BW_SEC);
    bw_copy(s->members[0].reason_source, BW_NAME_MAX, "eth0");
    s->members[0].interfaces_up = 2;
    s->members[0].expected = BW_MEMBER_ACTIVE;
    scene_member(&s->members[1], BW_MEMBER_ACTIVE, "fw1 has fewer working interfaces (2 of 3)",
                 scene->now - 251 * (int64_t)BW_SEC);
    s->cluster.active_member = s->groups[0].holder = 2;
    s->cluster.takeover_possible = false;
    bw_copy(s->cluster.takeover_obstacle, BW_TEXT_MAX, "fw1 has a problem: interface eth0 is down: no link");
    for (uint32_t i = 0; i < s->addresses_count; i++) {
        s->addresses[i].holder = 2;
        s->addresses[i].installed = false;
    }
    s->group_members[0].state = BW_GROUP_OFFLINE;
    s->group_members[1].state = BW_GROUP_ONLINE;
    s->interfaces[0].state = BW_INTERFACE_DOWN;
    s->interfaces[0].link = false;
    s->interfaces[0].receive = s->interfaces[0].transmit = BW_DIRECTION_DOWN;
    s->pnotes[3].status = BW_PNOTE_PROBLEM;
    bw_copy(s->pnotes[3].detail, BW_TEXT_MAX, "eth0 is down, 2 of 3 up");
    s->pnotes[4].status = BW_PNOTE_INIT;
    bw_copy(s->pnotes[4].detail, BW_TEXT_MAX, "11 of 12 up, 1 rekeying");
    s->cluster.failovers = 4;
}

/* Nobody serves: fw1 is gone, fw2 was forced down. */
static inline void scene_failed(struct scene *scene)
{
    struct bw_snapshot *s = scene->s;

    scene_degraded(scene);
    scene_member(&s->members[0], BW_MEMBER_DOWN, "forced down by cli root", scene->now - 600 * (int64_t)BW_SEC);
    s->members[0].admin = BW_ADMIN_DOWN;
    s->members[0].forced = true;
    bw_copy(s->members[0].admin_by, BW_TEXT_MAX, "cli root");
    s->members[0].admin_since_wall = scene->now - 600 * (int64_t)BW_SEC;
    scene_member(&s->members[1], BW_MEMBER_UNREACHABLE, "silent on all interfaces for 41 s",
                 scene->now - 41 * (int64_t)BW_SEC);
    s->members[1].view = BW_VIEW_NONE;
    s->members[1].last_heard_ns = 41 * BW_SEC;
    s->members[1].interfaces_up = 0;
    s->cluster.active_member = s->groups[0].holder = 0;
    s->cluster.members_in_view = 1;
    bw_copy(s->cluster.takeover_obstacle, BW_TEXT_MAX, "no member is active");
    for (uint32_t i = 0; i < s->addresses_count; i++)
        s->addresses[i].holder = 0;
    s->group_members[1].state = BW_GROUP_UNKNOWN;
    for (uint32_t i = 3; i < 6; i++)
        s->interfaces[i].state = BW_INTERFACE_UNKNOWN;
    for (uint32_t i = 4; i < 8; i++)
        s->pnotes[i].status = BW_PNOTE_UNKNOWN;
}

/* fw2 is being worked on. */
static inline void scene_maintenance(struct scene *scene)
{
    struct bw_snapshot *s = scene->s;

    scene_healthy(scene);
    scene_member(&s->members[1], BW_MEMBER_DOWN, "in maintenance, asked for by http 10.0.0.7",
                 scene->now - 1260 * (int64_t)BW_SEC);
    s->members[1].admin = BW_ADMIN_MAINTENANCE;
    bw_copy(s->members[1].admin_by, BW_TEXT_MAX, "http 10.0.0.7");
    s->members[1].admin_since_wall = scene->now - 1260 * (int64_t)BW_SEC;
    s->cluster.takeover_possible = false;
    bw_copy(s->cluster.takeover_obstacle, BW_TEXT_MAX, "fw2 is in maintenance");
    s->group_members[1].start = BW_START_DENY;
    bw_copy(s->group_members[1].start_reason, BW_TEXT_MAX, "in maintenance");
}

/* Every text that a stranger can choose tries to be HTML. */
static inline void scene_hostile(struct scene *scene)
{
    static const char bad[] = "<script>document.title='x'</script><img src=x onerror=alert(1)>\"'&amp;";
    struct bw_snapshot *s = scene->s;

    scene_degraded(scene);
    for (uint32_t i = 0; i < s->members_count; i++) {
        bw_copy(s->members[i].reason, BW_TEXT_MAX, bad);
        bw_copy(s->members[i].version, BW_NAME_MAX, "\"><svg onload=alert(1)>");
        bw_copy(s->members[i].admin_by, BW_TEXT_MAX, bad);
    }
    for (uint32_t i = 0; i < s->pnotes_count; i++)
        bw_copy(s->pnotes[i].detail, BW_TEXT_MAX, bad);
    bw_copy(s->pnotes[0].name, BW_NAME_MAX, "'><script>x()</script>");
    bw_copy(s->cluster.takeover_obstacle, BW_TEXT_MAX, bad);
    bw_copy(s->groups[0].policy, BW_TEXT_MAX, "\xff\xfe</title><b>\x01");
}

static inline bool scene_fill(const char *name, struct bw_snapshot *s, int64_t now)
{
    static const struct {
        const char *name;
        void (*fill)(struct scene *scene);
    } scenes[] = {{"healthy", scene_healthy},
                  {"degraded", scene_degraded},
                  {"failed", scene_failed},
                  {"maintenance", scene_maintenance},
                  {"hostile", scene_hostile}};
    struct scene scene = {s, now};

    for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
        if (strcmp(scenes[i].name, name) != 0)
            continue;
        bw_fixture_fill(s);
        scenes[i].fill(&scene);
        return true;
    }
    return false;
}

/* What led there; ago in seconds. */
static inline void scene_history(struct bw_history *h, const char *name, int64_t now)
{
    static const struct {
        int64_t ago;
        uint32_t kind, member, cause;
        uint64_t took_ms;
        const char *object, *from, *to, *reason;
    } rows[] = {
        {950400, BW_EVENT_START, 1, BW_CAUSE_NONE, 0, "", "", "", "agent 0.1.0 started"},
        {950397, BW_EVENT_FAILOVER, 1, BW_CAUSE_START, 3000, "", "", "fw1", "nobody held it"},
        {950397, BW_EVENT_STATE_CHANGE, 1, BW_CAUSE_START, 3000, "", "standby", "active", "first in rank"},
        {691200, BW_EVENT_ADMIN, 1, BW_CAUSE_ADMIN, 0, "", "up", "down", "asked for by snmp"},
        {691200, BW_EVENT_FAILOVER, 2, BW_CAUSE_ADMIN, 12, "", "fw1", "fw2", "fw1 was set down by snmp"},
        {259260, BW_EVENT_FAILOVER, 1, BW_CAUSE_SILENCE, 310, "", "fw2", "fw1", "fw2 fell silent on all interfaces"},
        {258000, BW_EVENT_STATE_CHANGE, 2, BW_CAUSE_NONE, 0, "", "down", "standby", "start-up wait is over"},
        {252, BW_EVENT_INTERFACE, 1, BW_CAUSE_NONE, 0, "eth0", "up", "down", "no link"},
        {252, BW_EVENT_STATE_CHANGE, 1, BW_CAUSE_INTERFACE, 0, "", "active", "down", "interface eth0 is down: no link"},
        {251, BW_EVENT_FAILOVER, 2, BW_CAUSE_INTERFACE, 24, "", "fw1", "fw2",
         "fw1 has fewer working interfaces (2 of 3)"},
        {251, BW_EVENT_STATE_CHANGE, 2, BW_CAUSE_INTERFACE, 24, "", "standby", "active",
         "fw1 has fewer working interfaces (2 of 3)"},
        {41, BW_EVENT_STATE_CHANGE, 2, BW_CAUSE_SILENCE, 300, "", "active", "unreachable", "silent on all interfaces"},
        {41, BW_EVENT_FAILOVER, 0, BW_CAUSE_SILENCE, 300, "", "fw2", "", "no other member may serve"},
    };
    size_t count = strcmp(name, "healthy") == 0 || strcmp(name, "maintenance") == 0 ? 7
                   : strcmp(name, "failed") == 0                                    ? 13
                                                                                    : 11;

    for (size_t i = 0; i < count; i++) {
        struct bw_event e = {0};

        e.time_wall = now - rows[i].ago * (int64_t)BW_SEC;
        e.kind = rows[i].kind;
        e.member = rows[i].member;
        e.group = rows[i].kind == BW_EVENT_FAILOVER;
        e.cause = rows[i].cause;
        e.took_ns = rows[i].took_ms * BW_MS;
        bw_copy(e.object, sizeof(e.object), rows[i].object);
        bw_copy(e.from, sizeof(e.from), rows[i].from);
        bw_copy(e.to, sizeof(e.to), rows[i].to);
        bw_copy(e.reason, sizeof(e.reason), rows[i].reason);
        bw_history_add(h, &e);
    }
}

#endif
