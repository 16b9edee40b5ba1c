/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One fixed snapshot and history for golden files and for tests of the surfaces: a pair of firewalls fw1 (local,
 * active) and fw2 (standby with a problem), resources, sync and alert targets, three interfaces, several pnotes (one with characters that need escaping),
 * IPv4 and IPv6 addresses. All times are constants; rows are sorted as the model demands. Changing it changes the
 * golden files.
 */
#ifndef BELLWETHER_TESTS_FIXTURE_H
#define BELLWETHER_TESTS_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bellwether/history.h"
#include "bellwether/model.h"
#include "bellwether/sync_health.h"
#include "bellwether/text.h"

/* 2026-01-01T00:00:00.000Z in ns since 1970. */
#define BW_FIXTURE_WALL 1767225600000000000LL
/* CLOCK_BOOTTIME of the post. */
#define BW_FIXTURE_POSTED_NS (1000 * BW_SEC)

static inline struct bw_address bw_fixture_address(const char *text)
{
    struct bw_address a = {0};

    if (bw_address_from_text(text, &a) != 0) {
        fprintf(stderr, "fixture: bad address %s\n", text);
        abort();
    }
    return a;
}

static inline void bw_fixture_cluster(struct bw_snapshot *s)
{
    struct bw_cluster_row *c = &s->cluster;

    c->id = 17;
    bw_copy(c->name, sizeof(c->name), "edge");
    c->mode = BW_MODE_HA;
    c->recovery = BW_RECOVERY_ACTIVE_UP;
    c->local_member = 1;
    c->active_member = 1;
    c->takeover_possible = false;
    bw_copy(c->takeover_obstacle, sizeof(c->takeover_obstacle), "fw2: pnote \"backup-job\" is in problem");
    c->failovers = 3;
    c->split_brains = 1;
    c->config_digest = 0x0123456789abcdefULL;
    c->config_mismatch = false;
    bw_copy(c->version, sizeof(c->version), "0.1.0");
    bw_copy(c->oldest_version, sizeof(c->oldest_version), "0.1.0");
    c->members = 2;
    c->members_in_view = 2;
    c->heartbeat_interval_ns = 100 * BW_MS;
}

static inline void bw_fixture_members(struct bw_snapshot *s)
{
    struct bw_member_row *m = &s->members[0];

    m->id = 1;
    bw_copy(m->name, sizeof(m->name), "fw1");
    m->local = true;
    m->state = BW_MEMBER_ACTIVE;
    m->expected = BW_MEMBER_ACTIVE;
    bw_copy(m->reason, sizeof(m->reason), "first in rank");
    m->admin = BW_ADMIN_UP;
    m->priority = 1;
    m->since_wall = BW_FIXTURE_WALL - 3600LL * (int64_t)BW_SEC;
    m->address = bw_fixture_address("10.0.10.1");
    bw_copy(m->version, sizeof(m->version), "0.1.0");
    m->config_digest = 0x0123456789abcdefULL;
    m->view = BW_VIEW_LOCAL;
    m->interfaces_up = 3;
    m->interfaces_required = 3;
    m->secured_up = 1;
    m->secured_required = 1;
    m->heartbeats_sent = 36000;

    m = &s->members[1];
    m->id = 2;
    bw_copy(m->name, sizeof(m->name), "fw2");
    m->state = BW_MEMBER_DOWN;
    m->expected = BW_MEMBER_STANDBY;
    m->problem = true;
    bw_copy(m->reason, sizeof(m->reason), "pnote \"backup-job\" is in problem");
    bw_copy(m->reason_source, sizeof(m->reason_source), "backup-job");
    m->admin = BW_ADMIN_MAINTENANCE;
    bw_copy(m->admin_by, sizeof(m->admin_by), "cli root");
    m->admin_since_wall = BW_FIXTURE_WALL - 60LL * (int64_t)BW_SEC;
    m->priority = 2;
    m->since_wall = BW_FIXTURE_WALL - 60LL * (int64_t)BW_SEC;
    m->address = bw_fixture_address("10.0.10.2");
    bw_copy(m->version, sizeof(m->version), "0.1.0");
    m->config_digest = 0x0123456789abcdefULL;
    m->view = BW_VIEW_MUTUAL;
    m->interfaces_up = 2;
    m->interfaces_required = 3;
    m->secured_up = 1;
    m->secured_required = 1;
    m->last_heard_ns = 40 * BW_MS;
    m->round_trip_ns = 230000;
    m->clock_offset_ns = -1500000;
    m->heartbeats_sent = 36000;
    m->heartbeats_received = 35990;
    m->heartbeats_missed = 10;
    s->members_count = 2;
}

static inline void bw_fixture_interfaces(struct bw_snapshot *s)
{
    static const char *const names[3] = {"eth0", "eth1", "eth2"};
    uint32_t n = 0;

    for (uint32_t member = 1; member <= 2; member++) {
        for (uint32_t i = 0; i < 3; i++) {
            struct bw_interface_row *r = &s->interfaces[n++];

            r->member = member;
            r->index = i + 1;
            bw_copy(r->name, sizeof(r->name), names[i]);
            bw_copy(r->device, sizeof(r->device), i == 0 && member == 2 ? "ens3.100" : names[i]);
            r->role = i == 2 ? BW_ROLE_SYNC : BW_ROLE_CLUSTER;
            r->state = BW_INTERFACE_UP;
            r->receive = BW_DIRECTION_UP;
            r->transmit = BW_DIRECTION_UP;
            r->link = true;
            r->transport = BW_TRANSPORT_MULTICAST;
            r->silence_ns = 20 * BW_MS;
            r->frames_sent = 12000 + 100 * member + i;
            r->frames_received = 11990 + 100 * member + i;
        }
    }
    /* fw2's eth1: hears nothing, still sends. */
    s->interfaces[4].state = BW_INTERFACE_SUSPECT;
    s->interfaces[4].receive = BW_DIRECTION_DOWN;
    s->interfaces[4].silence_ns = 2500 * BW_MS;
    s->interfaces[4].send_errors = 7;
    s->interfaces_count = n;
}

static inline void bw_fixture_pnote(struct bw_snapshot *s, uint32_t member, const char *name, uint32_t kind,
                                    uint32_t status, uint64_t timeout_s, const char *detail)
{
    struct bw_pnote_row *r = &s->pnotes[s->pnotes_count++];

    r->member = member;
    bw_copy(r->name, sizeof(r->name), name);
    r->kind = kind;
    r->status = status;
    r->timeout_ns = timeout_s * BW_SEC;
    r->age_ns = 1500 * BW_MS;
    r->persistent = kind == BW_PNOTE_USER && timeout_s == 0;
    bw_copy(r->detail, sizeof(r->detail), detail);
}

static inline void bw_fixture_pnotes(struct bw_snapshot *s)
{
    bw_fixture_pnote(s, 1, "a\"b\\c", BW_PNOTE_USER, BW_PNOTE_OK, 0, "quote \" backslash \\ newline \n end");
    bw_fixture_pnote(s, 1, "vpn-watch", BW_PNOTE_USER, BW_PNOTE_OK, 5, "");
    bw_fixture_pnote(s, 1, "Synchronization", BW_PNOTE_BUILTIN, BW_PNOTE_OK, 0, "");
    bw_fixture_pnote(s, 1, "Interface Active Check", BW_PNOTE_BUILTIN, BW_PNOTE_OK, 0, "");
    bw_fixture_pnote(s, 2, "backup-job", BW_PNOTE_USER, BW_PNOTE_PROBLEM, 0, "the backup of 02:00 failed");
    bw_fixture_pnote(s, 2, "Synchronization", BW_PNOTE_BUILTIN, BW_PNOTE_INIT, 0, "");
    bw_fixture_pnote(s, 2, "Interface Active Check", BW_PNOTE_BUILTIN, BW_PNOTE_OK, 0, "");
}

static inline void bw_fixture_addresses(struct bw_snapshot *s)
{
    static const struct {
        const char *text, *interface;
        uint32_t index;
    } rows[] = {
        {"10.10.0.100/24", "eth1", 2},
        {"192.168.10.100/24", "eth0", 1},
        {"2001:db8:10::100/64", "eth0", 1},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bw_address_row *r = &s->addresses[s->addresses_count++];

        r->address = bw_fixture_address(rows[i].text);
        r->interface = rows[i].index;
        bw_copy(r->interface_name, sizeof(r->interface_name), rows[i].interface);
        bw_copy(r->group, sizeof(r->group), "edge");
        r->holder = 1;
        r->installed = true;
    }
}

static inline void bw_fixture_groups(struct bw_snapshot *s)
{
    struct bw_group_row *g = &s->groups[0];

    g->index = 1;
    bw_copy(g->name, sizeof(g->name), "edge");
    g->mode = BW_MODE_HA;
    g->failback = BW_MANUAL;
    g->start = BW_AUTO;
    g->holder = 1;
    g->epoch = 4;
    bw_copy(g->policy, sizeof(g->policy), "fw1 fw2");
    s->groups_count = 1;
    for (uint32_t member = 1; member <= 2; member++) {
        struct bw_group_member_row *r = &s->group_members[s->group_members_count++];

        r->group = 1;
        r->member = member;
        r->state = member == 1 ? BW_GROUP_ONLINE : BW_GROUP_OFFLINE;
        r->start = member == 1 ? BW_START_ALLOW : BW_START_DENY;
        bw_copy(r->start_reason, sizeof(r->start_reason), member == 1 ? "" : "in maintenance");
    }
}

static inline void bw_fixture_agent(struct bw_snapshot *s)
{
    struct bw_agent_row *a = &s->agent;

    a->pid = 4711;
    a->uptime_ns = 3600 * BW_SEC;
    a->turns = 120000;
    a->late_worst_ns = 812000;
    a->late_p999_ns = 131072;
    a->slow_hooks = 2;
    a->pauses = 1;
    a->frames_malformed = 3;
    a->frames_unauthentic = 4;
    a->frames_replayed = 5;
    a->frames_foreign = 6;
    a->frames_own = 7;
    a->events_dropped = 0;
    a->requests_refused = 0;
    a->agent_restarts = 1;
    a->snmp_connected = true;
    a->snmp_connects = 2;
    a->snmp_notifications_sent = 9;
    a->snmp_notifications_dropped = 0;
    a->http_requests = 100;
    a->http_errors = 1;
    a->store_writable = a->http_enabled = a->http_listening = true;
    for (unsigned i = 0; i < BW_LATE_BUCKETS; i++) {
        a->late_buckets[i] = 1000 >> i;
        a->late_count += a->late_buckets[i];
    }
    a->late_sum_ns = 1234567890;
}

/* A floating address that runs on fw1, and a command that failed on fw2. */
static inline void bw_fixture_resources(struct bw_snapshot *s)
{
    for (uint32_t i = 0; i < 4; i++) {
        struct bw_resource_row *r = &s->resources[s->resources_count++];
        bool command = i >= 2, remote = i % 2 == 1;

        r->group = 1;
        r->index = command ? 2 : 1;
        r->member = remote ? 2 : 1;
        bw_copy(r->name, sizeof(r->name), command ? "vpn-up" : "addresses");
        r->kind = command ? BW_RESOURCE_EXEC : BW_RESOURCE_FIP;
        r->state = !remote ? BW_GROUP_ONLINE : command ? BW_GROUP_ERROR : BW_GROUP_OFFLINE;
        r->recovery = command ? BW_ON_FAILURE_FAILOVER : BW_ON_FAILURE_RETRY;
        r->retries = 3;
        r->retries_left = command && remote ? 0 : 3;
        r->since_wall = BW_FIXTURE_WALL - 600LL * (int64_t)BW_SEC;
        bw_copy(r->detail, sizeof(r->detail), command && remote ? "vpn-up start ended with 1" : "");
    }
}

/* Well but for one lost connection. */
static inline void bw_fixture_sync(struct bw_snapshot *s)
{
    struct bw_sync_row *r = &s->sync;
    struct bw_sync_peer_row *p = &s->sync_peers[0];

    r->state = BW_SYNC_OK;
    r->reset_wall = BW_FIXTURE_WALL - 7200LL * (int64_t)BW_SEC;
    r->entries = 10000;
    r->entries_peers = 120;
    r->generated = 200000;
    r->sent = 200800;
    r->retransmitted = 800;
    r->requests_sent = 12;
    r->acks_sent = 900;
    r->received = 6000;
    r->received_queued = 40;
    r->requests_received = 300;
    r->requests_duplicate = 4;
    r->acks_received = 21000;
    r->requested_missing = 30;
    r->too_old = 5;
    r->lost_connections = 1;
    r->callbacks = 21000;
    r->callback_average_ns = 120000;
    r->callback_max_ns = 4100000;
    r->delta_memory_bytes = 65536;
    r->pending_held = 2;
    r->holds = 700;
    r->unholds = 698;
    r->released_by_timeout = 1;
    r->not_held = 3;
    r->held_average_ns = 900000;
    r->held_max_ns = 5000 * BW_MS;
    r->queue_length = 12;
    r->queue_average = 20;
    r->queue_max = 300;
    r->sending_queue = 512;
    r->receiving_queue = 256;
    r->tick_ns = 100 * BW_MS;
    r->full_syncs = 2;
    r->full_sync_last_ns = 1200 * BW_MS;
    r->lag_median_ns = 800000;
    r->lag_p99_ns = 12 * BW_MS;
    r->bytes_sent = 30000000;
    r->bytes_received = 900000;
    r->events_overrun = 1;
    r->ignored = 77;
    bw_sync_judge(r);
    p->member = 2;
    p->state = BW_SYNC_OK;
    bw_copy(p->interface, sizeof(p->interface), "eth2");
    p->sent_number = 200000;
    p->acked_number = 199988;
    p->received_number = 6000;
    p->unacknowledged = 12;
    p->retransmitted = 800;
    p->requests_sent = 12;
    p->requests_received = 300;
    p->acks_sent = 900;
    p->acks_received = 21000;
    p->full_syncs = 2;
    p->full_sync_percent = 100;
    p->entries = 120;
    p->lag_median_ns = 800000;
    p->lag_p99_ns = 12 * BW_MS;
    s->sync_peers_count = 1;
}

/* One that works, and one that does not. */
static inline void bw_fixture_alerts(struct bw_snapshot *s)
{
    struct bw_alert_row *r = s->alerts;

    s->alerts_count = 2;
    r->index = 1;
    bw_copy(r->name, sizeof(r->name), "log");
    r->kind = BW_ALERT_SYSLOG;
    r->state = BW_ALERT_IDLE;
    r->delivered = 9;
    r->last_wall = BW_FIXTURE_WALL - 30LL * (int64_t)BW_SEC;
    r++;
    r->index = 2;
    bw_copy(r->name, sizeof(r->name), "on-call");
    r->kind = BW_ALERT_WEBHOOK;
    r->state = BW_ALERT_WAITING;
    r->queued = 2;
    r->delivered = 7;
    r->failures = 3;
    r->suppressed = 5;
    r->last_wall = BW_FIXTURE_WALL - 900LL * (int64_t)BW_SEC;
    bw_copy(r->last_error, sizeof(r->last_error), "https://pager.example/hook: connection refused");
}

/* One that has matched, from an IPv4 address, and one that never has. */
static inline void bw_fixture_trap_rules(struct bw_snapshot *s)
{
    struct bw_trap_rule_row *row = s->trap_rules;

    s->trap_rules_count = 2;
    row->index = 1;
    bw_copy(row->name, sizeof(row->name), "uplink-down");
    bw_copy(row->pnote, sizeof(row->pnote), "uplink");
    row->sets = BW_PNOTE_PROBLEM;
    row->hold_ns = 30 * BW_SEC;
    row->matches = 3;
    row->last_wall = BW_FIXTURE_WALL - (int64_t)(90 * BW_SEC);
    bw_address_from_text("10.0.0.2", &row->last_source);
    row++;
    row->index = 2;
    bw_copy(row->name, sizeof(row->name), "uplink-up");
    bw_copy(row->pnote, sizeof(row->pnote), "uplink");
    row->sets = BW_PNOTE_OK;
}

/* Fills the whole snapshot. The caller gives the storage (it is large: static or from the heap). */
static inline void bw_fixture_fill(struct bw_snapshot *s)
{
    memset(s, 0, sizeof(*s));
    s->number = 42;
    s->posted_ns = BW_FIXTURE_POSTED_NS;
    s->posted_wall = BW_FIXTURE_WALL;
    s->history_first = 1;
    s->history_last = 6;
    bw_fixture_cluster(s);
    bw_fixture_agent(s);
    bw_fixture_members(s);
    bw_fixture_interfaces(s);
    bw_fixture_pnotes(s);
    bw_fixture_addresses(s);
    bw_fixture_groups(s);
    for (uint32_t cause = 1; cause <= BW_CAUSE_LAST; cause++) {
        s->causes[cause - 1].cause = cause;
        s->causes[cause - 1].failovers =
            cause == BW_CAUSE_START || cause == BW_CAUSE_SILENCE || cause == BW_CAUSE_ADMIN;
    }
    s->causes_count = BW_CAUSE_LAST;
    bw_fixture_trap_rules(s);
    bw_fixture_resources(s);
    bw_fixture_sync(s);
    bw_fixture_alerts(s);
}

/* Adds the six events that the snapshot's history range speaks of. */
static inline void bw_fixture_history(struct bw_history *h)
{
    static const struct {
        uint32_t kind, member, group, cause;
        uint64_t took_ns;
        const char *object, *from, *to, *reason;
    } rows[] = {
        {BW_EVENT_START, 1, 0, BW_CAUSE_NONE, 0, "", "", "", "agent 0.1.0 started"},
        {BW_EVENT_STATE_CHANGE, 1, 0, BW_CAUSE_START, 0, "", "initializing", "standby", "start-up wait is over"},
        {BW_EVENT_FAILOVER, 1, 1, BW_CAUSE_START, 31 * BW_MS, "", "", "fw1", "nobody held it"},
        {BW_EVENT_STATE_CHANGE, 1, 0, BW_CAUSE_START, 31 * BW_MS, "", "standby", "active", "first in rank"},
        {BW_EVENT_PNOTE, 2, 0, BW_CAUSE_NONE, 0, "backup-job", "ok", "problem", "the backup of 02:00 failed"},
        {BW_EVENT_INTERFACE, 2, 0, BW_CAUSE_NONE, 300 * BW_MS, "eth1", "up", "suspect", "hears no peer, link is up"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bw_event e = {0};

        e.time_wall = BW_FIXTURE_WALL - (int64_t)((sizeof(rows) / sizeof(rows[0]) - i) * 10 * BW_SEC);
        e.kind = rows[i].kind;
        e.member = rows[i].member;
        e.group = rows[i].group;
        e.cause = rows[i].cause;
        e.took_ns = rows[i].took_ns;
        bw_copy(e.object, sizeof(e.object), rows[i].object);
        bw_copy(e.from, sizeof(e.from), rows[i].from);
        bw_copy(e.to, sizeof(e.to), rows[i].to);
        bw_copy(e.reason, sizeof(e.reason), rows[i].reason);
        bw_history_add(h, &e);
    }
}

#endif
