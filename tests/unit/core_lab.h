/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small laboratory for tests of the core: a few cores in virtual time, joined by a network whose
 * paths a test can cut. Messages take 0.2 ms, addresses come and go at once, neighbours answer probes
 * unless a test says otherwise. Nothing is random.
 */
#ifndef BELLWETHER_TESTS_CORE_LAB_H
#define BELLWETHER_TESTS_CORE_LAB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bellwether/catalogue.h"
#include "bellwether/core.h"
#include "bellwether/text.h"

#define LAB_MEMBERS 5
#define LAB_START_NS (50 * BW_SEC)
#define LAB_WALL 1767225600000000000LL
#define LAB_LATENCY_NS (200 * 1000)
#define LAB_FLYING 4096
#define LAB_EVENTS 512

struct lab_member {
    struct bw_cluster_config config;
    struct bw_core *core;
    void *memory;
    bool alive, stopped, exited, paused, hold_release;
    uint8_t boots;
    struct bw_boot_id boot;
    uint64_t due_ns;
    bool holds[BW_MAX_GROUPS];
    uint64_t until_ns[BW_MAX_GROUPS];
    unsigned announced, granted, revoked, heartbeats, probes, posts, pages, page_requests, farewells, witness_asked;
    uint64_t last_heartbeat_ns;
    struct bw_answer answer; /* the last one */
    uint64_t answered;       /* its ticket, 0 = none since lab_ask */
    bool link[BW_MAX_INTERFACES];
};

struct lab_flight {
    uint64_t at_ns;
    uint8_t to, interface;
    struct bw_message *message;
};

struct lab;

struct lab {
    uint8_t members, interfaces, groups;
    enum bw_recovery recovery;
    uint64_t now_ns, tickets;
    struct lab_member m[LAB_MEMBERS];
    bool cut[BW_MAX_INTERFACES][LAB_MEMBERS][LAB_MEMBERS];
    bool neighbours[BW_MAX_INTERFACES];
    bool twice; /* every message is given twice */
    void (*forge)(struct lab *lab, uint8_t from, struct bw_message *message); /* changes what is on its way; NULL = nothing */
    uint64_t failback_ns;
    enum bw_auto start; /* of the groups; 0 = auto */
    void (*change)(struct lab *lab, uint8_t member); /* makes a member's configuration another one */
    uint16_t protocol[LAB_MEMBERS], protocol_least[LAB_MEMBERS]; /* 0 = this build's */
    uint64_t decisions[BW_MAX_GROUPS]; /* what members kept over their restart */
    bool witness, unseen[LAB_MEMBERS]; /* there is one; that member does not reach it */
    struct lab_flight flying[LAB_FLYING];
    unsigned flying_count, events_count;
    struct { uint8_t by; struct bw_event event; } events[LAB_EVENTS];
    struct bw_snapshot snapshot;
};

static inline void lab_configure(struct lab *lab, uint8_t member)
{
    struct bw_cluster_config *c = &lab->m[member].config;

    memset(c, 0, sizeof(*c));
    c->id = 17;
    bw_copy(c->name, sizeof(c->name), "edge");
    c->mode = BW_MODE_HA;
    c->recovery = lab->recovery;
    c->local = member;
    c->interval_ns = 100 * BW_MS;
    c->dead_after = 3;
    c->start_wait_ns = 3 * BW_SEC;
    c->claim_ns = 300 * BW_MS;
    c->failback_delay_ns = lab->failback_ns;
    c->lease_ns = BW_SEC;
    c->renew_ns = 300 * BW_MS;
    c->announce_refresh_ns = 60 * BW_SEC;
    c->members_count = lab->members;
    c->interfaces_count = lab->interfaces;
    c->groups_count = lab->groups;
    c->witnesses_count = lab->witness;
    c->digest = 4711;
    for (uint8_t i = 0; i < lab->members; i++) {
        c->members[i].id = c->members[i].priority = (uint8_t)(i + 1);
        bw_format(c->members[i].name, BW_NAME_MAX, "fw%u", i + 1U);
        for (uint8_t k = 0; k < lab->interfaces; k++)
            bw_format(c->members[i].device[k], BW_NAME_MAX, "eth%u", (unsigned)k);
    }
    for (uint8_t i = 0; i < lab->interfaces; i++) {
        c->interfaces[i].role = i + 1 == lab->interfaces && i > 0 ? BW_ROLE_SYNC : BW_ROLE_CLUSTER;
        c->interfaces[i].transport = BW_TRANSPORT_MULTICAST;
        bw_format(c->interfaces[i].name, BW_NAME_MAX, "eth%u", (unsigned)i);
    }
    for (uint8_t g = 0; g < lab->groups; g++) {
        bw_format(c->groups[g].name, BW_NAME_MAX, "group%u", g + 1U);
        c->groups[g].start = lab->start != 0 ? lab->start : BW_AUTO;
        c->groups[g].failback = lab->recovery == BW_RECOVERY_PRIMARY_UP ? BW_AUTO : BW_MANUAL;
        c->groups[g].policy_count = lab->members;
        for (uint8_t i = 0; i < lab->members; i++)
            c->groups[g].policy[i] = (uint8_t)((i + g) % lab->members);
        c->addresses[g].group = g;
        c->addresses[g].address = (struct bw_address){.family = 4, .prefix = 24, .bytes = {10, 0, 0, (uint8_t)(100 + g)}};
    }
    c->addresses_count = lab->groups;
    if (lab->change != NULL)
        lab->change(lab, member);
}

static inline struct lab *lab_new(uint8_t members, uint8_t interfaces, enum bw_recovery recovery)
{
    struct lab *lab = calloc(1, sizeof(*lab));

    assert_non_null(lab);
    lab->members = members;
    lab->interfaces = interfaces;
    lab->groups = 1;
    lab->recovery = recovery;
    lab->now_ns = LAB_START_NS;
    for (uint8_t i = 0; i < interfaces; i++)
        lab->neighbours[i] = true;
    for (uint8_t i = 0; i < members; i++) {
        lab->m[i].memory = malloc(bw_core_size());
        assert_non_null(lab->m[i].memory);
        for (uint8_t k = 0; k < interfaces; k++)
            lab->m[i].link[k] = true;
    }
    return lab;
}

static inline void lab_free(struct lab *lab)
{
    for (unsigned i = 0; i < lab->flying_count; i++)
        free(lab->flying[i].message);
    for (uint8_t i = 0; i < lab->members; i++)
        free(lab->m[i].memory);
    free(lab);
}

/* ---- sending and carrying out ---- */

static inline void lab_send(struct lab *lab, uint8_t from, const struct bw_message *message, uint16_t interfaces)
{
    for (uint8_t i = 0; i < lab->interfaces; i++)
        for (uint8_t to = 0; to < lab->members; to++) {
            struct lab_flight *f = &lab->flying[lab->flying_count];

            if (to == from || !(interfaces >> i & 1) || lab->cut[i][from][to] || !lab->m[from].link[i] || !lab->m[to].link[i])
                continue;
            assert_true(lab->flying_count < LAB_FLYING);
            *f = (struct lab_flight){lab->now_ns + LAB_LATENCY_NS, to, i, malloc(sizeof(*message))};
            assert_non_null(f->message);
            *f->message = *message;
            f->message->interface = i;
            if (lab->forge != NULL)
                lab->forge(lab, from, f->message);
            bw_format(f->message->from, sizeof(f->message->from), "02:00:00:00:%u%u:0%u", i / 10, i % 10, from + 1U);
            lab->flying_count++;
        }
}

static inline void lab_carry_out(struct lab *lab, uint8_t who, const struct bw_output *out, struct bw_input *next)
{
    struct lab_member *m = &lab->m[who];
    static struct bw_message message;

    memset(&message, 0, sizeof(message));
    next->kind = 0;
    switch (out->kind) {
    case BW_OUTPUT_HEARTBEAT:
        bw_core_heartbeat(m->core, &message);
        m->heartbeats++;
        m->last_heartbeat_ns = lab->now_ns;
        lab_send(lab, who, &message, out->interfaces);
        break;
    case BW_OUTPUT_PAGE:
        bw_core_page(m->core, (uint8_t)out->number, &message);
        m->pages++;
        lab_send(lab, who, &message, out->interfaces);
        break;
    case BW_OUTPUT_PAGE_REQUEST:
        message.kind = BW_MESSAGE_PAGE_REQUEST;
        message.sender = (uint8_t)(who + 1);
        message.boot = m->boot;
        message.page_request.target = out->member;
        message.page_request.wanted = out->number;
        m->page_requests++;
        lab_send(lab, who, &message, out->interfaces);
        break;
    case BW_OUTPUT_FAREWELL:
        message.kind = BW_MESSAGE_FAREWELL;
        message.sender = message.farewell.member = (uint8_t)(who + 1);
        message.boot = message.farewell.over = m->boot;
        m->farewells++;
        lab_send(lab, who, &message, out->interfaces);
        break;
    case BW_OUTPUT_GRANT:
        if (!m->holds[out->group])
            *next = (struct bw_input){.kind = BW_INPUT_INSTALLED, .group = out->group};
        m->holds[out->group] = true;
        m->until_ns[out->group] = out->until_ns;
        m->granted++;
        break;
    case BW_OUTPUT_REVOKE:
        m->holds[out->group] = false;
        m->revoked++;
        if (!m->hold_release)
            *next = (struct bw_input){.kind = BW_INPUT_RELEASED, .group = out->group};
        break;
    case BW_OUTPUT_ANNOUNCE:
        m->announced++;
        break;
    case BW_OUTPUT_PROBE:
        m->probes++;
        if (lab->neighbours[out->interface] && m->link[out->interface])
            *next = (struct bw_input){.kind = BW_INPUT_PROBE_REPLY, .interface = out->interface};
        break;
    case BW_OUTPUT_EVENT:
        assert_true(lab->events_count < LAB_EVENTS);
        if (out->event.kind == BW_EVENT_STATE_CHANGE)
            assert_true(out->event.reason[0] != '\0');
        lab->events[lab->events_count].by = who;
        lab->events[lab->events_count++].event = out->event;
        break;
    case BW_OUTPUT_ANSWER:
        m->answer = out->answer;
        m->answered = out->ticket;
        break;
    case BW_OUTPUT_POST:
        m->posts++;
        break;
    case BW_OUTPUT_WITNESS:
        m->witness_asked++;
        if (!lab->unseen[who])
            *next = (struct bw_input){.kind = BW_INPUT_WITNESS};
        break;
    case BW_OUTPUT_EXIT:
        m->exited = true;
        m->alive = false;
        break;
    case BW_OUTPUT_STOPPED:
        m->stopped = true;
        m->alive = false;
        break;
    }
}

/* One turn of a member with these inputs, and the turns that its own effects lead to. */
static inline void lab_turn(struct lab *lab, uint8_t who, const struct bw_input *inputs, unsigned count)
{
    struct lab_member *m = &lab->m[who];
    struct bw_input follow[64];
    unsigned follow_count = 0;
    const struct bw_output *out;

    bw_core_begin(m->core, lab->now_ns, LAB_WALL + (int64_t)lab->now_ns, false);
    for (unsigned i = 0; i < count; i++) {
        bw_core_input(m->core, &inputs[i]);
        if (lab->twice && inputs[i].kind == BW_INPUT_MESSAGE)
            bw_core_input(m->core, &inputs[i]);
    }
    bw_core_end(m->core);
    m->due_ns = bw_core_deadline(m->core);
    while (m->alive && (out = bw_core_output(m->core)) != NULL) {
        struct bw_input next = {0};

        lab_carry_out(lab, who, out, &next);
        if (next.kind != 0 && follow_count < 64)
            follow[follow_count++] = next;
    }
    if (m->alive && follow_count > 0)
        lab_turn(lab, who, follow, follow_count);
}

static inline void lab_deliver(struct lab *lab)
{
    for (unsigned i = 0; i < lab->flying_count;) {
        struct lab_flight f = lab->flying[i];
        struct bw_input input = {.kind = BW_INPUT_MESSAGE, .message = f.message};

        if (f.at_ns > lab->now_ns) {
            i++;
            continue;
        }
        memmove(&lab->flying[i], &lab->flying[i + 1], (--lab->flying_count - i) * sizeof(f));
        if (lab->m[f.to].alive && !lab->m[f.to].paused)
            lab_turn(lab, f.to, &input, 1);
        free(f.message);
    }
}

/* Lets time pass. */
static inline void lab_run(struct lab *lab, uint64_t ms)
{
    uint64_t end = lab->now_ns + ms * BW_MS;

    for (;;) {
        uint64_t next = UINT64_MAX;

        for (unsigned i = 0; i < lab->flying_count; i++)
            if (lab->flying[i].at_ns < next)
                next = lab->flying[i].at_ns;
        for (uint8_t i = 0; i < lab->members; i++)
            if (lab->m[i].alive && !lab->m[i].paused && lab->m[i].due_ns < next)
                next = lab->m[i].due_ns;
        if (next > end)
            break;
        if (next > lab->now_ns)
            lab->now_ns = next;
        lab_deliver(lab);
        for (uint8_t i = 0; i < lab->members; i++)
            if (lab->m[i].alive && !lab->m[i].paused && lab->m[i].due_ns <= lab->now_ns)
                lab_turn(lab, i, NULL, 0);
    }
    lab->now_ns = end;
}

/* ---- what tests do ---- */

static inline void lab_input(struct lab *lab, uint8_t who, struct bw_input input)
{
    lab_turn(lab, who, &input, 1);
}

static inline void lab_start_as(struct lab *lab, uint8_t who, uint32_t admin)
{
    struct lab_member *m = &lab->m[who];
    struct bw_core_start start = {.now_ns = lab->now_ns, .wall = LAB_WALL, .seed = who + 1U, .admin = admin};
    struct bw_input links[BW_MAX_INTERFACES];

    lab_configure(lab, who);
    memset(m->boot.bytes, 0x10 * (who + 1) + ++m->boots, sizeof(m->boot.bytes));
    start.boot = m->boot;
    start.protocol = lab->protocol[who];
    memcpy(start.decisions, lab->decisions, sizeof(start.decisions));
    start.protocol_least = lab->protocol_least[who];
    bw_copy(start.version, sizeof(start.version), "0.1.0");
    if (admin != 0)
        bw_copy(start.admin_by, sizeof(start.admin_by), "cli root");
    m->core = bw_core_init(m->memory, &m->config, &start);
    m->alive = true;
    m->stopped = m->exited = m->paused = false;
    memset(m->holds, 0, sizeof(m->holds));
    for (uint8_t i = 0; i < lab->interfaces; i++)
        links[i] = (struct bw_input){.kind = BW_INPUT_LINK, .interface = i, .up = m->link[i]};
    lab_turn(lab, who, links, lab->interfaces);
}

static inline void lab_start(struct lab *lab, uint8_t who)
{
    lab_start_as(lab, who, 0);
}

/* The host is gone: nothing more comes from it. */
static inline void lab_kill(struct lab *lab, uint8_t who)
{
    lab->m[who].alive = false;
    memset(lab->m[who].holds, 0, sizeof(lab->m[who].holds));
}

/* Its keeper says that it is over. */
static inline void lab_farewell(struct lab *lab, uint8_t who, struct bw_boot_id boot)
{
    static struct bw_message message;

    memset(&message, 0, sizeof(message));
    message.kind = BW_MESSAGE_FAREWELL;
    message.sender = message.farewell.member = (uint8_t)(who + 1);
    message.farewell.over = boot;
    memset(message.boot.bytes, 0xee, sizeof(message.boot.bytes));
    lab_send(lab, who, &message, 0xffff);
}

static inline void lab_link(struct lab *lab, uint8_t who, uint8_t interface, bool up)
{
    lab->m[who].link[interface] = up;
    lab_input(lab, who, (struct bw_input){.kind = BW_INPUT_LINK, .interface = interface, .up = up});
}

static inline void lab_cut(struct lab *lab, uint8_t from, uint8_t to, bool now)
{
    for (uint8_t i = 0; i < lab->interfaces; i++)
        lab->cut[i][from][to] = now;
}

static inline void lab_cut_both(struct lab *lab, uint8_t a, uint8_t b, bool now)
{
    lab_cut(lab, a, b, now);
    lab_cut(lab, b, a, now);
}

/* Asks a member; the answer is in lab->m[who].answer when .answered is not 0. */
static inline void lab_ask(struct lab *lab, uint8_t who, const struct bw_request *request)
{
    lab->m[who].answered = 0;
    lab_input(lab, who, (struct bw_input){.kind = BW_INPUT_REQUEST, .ticket = ++lab->tickets, .request = request});
}

static inline enum bw_result lab_admin(struct lab *lab, uint8_t who, uint8_t about, uint32_t admin)
{
    struct bw_request request = {.kind = BW_REQUEST_ADMIN, .member = about + 1U, .admin = admin};

    bw_copy(request.who, sizeof(request.who), "cli root");
    lab_ask(lab, who, &request);
    if (lab->m[who].answered == 0)
        lab_run(lab, 20);
    return lab->m[who].answered != 0 ? lab->m[who].answer.result : BW_RESULT_PENDING;
}

static inline enum bw_result lab_pnote(struct lab *lab, uint8_t who, enum bw_request_kind kind, const char *name, uint32_t status,
                                       uint64_t timeout_ns)
{
    struct bw_request request = {.kind = kind, .status = status, .timeout_ns = timeout_ns};

    bw_copy(request.name, sizeof(request.name), name);
    bw_copy(request.text, sizeof(request.text), status == BW_PNOTE_PROBLEM ? "it broke" : "");
    lab_ask(lab, who, &request);
    assert_int_not_equal(lab->m[who].answered, 0);
    return lab->m[who].answer.result;
}

/* ---- what tests look at ---- */

static inline const struct bw_snapshot *lab_snapshot(struct lab *lab, uint8_t who)
{
    memset(&lab->snapshot, 0xa5, sizeof(lab->snapshot));
    bw_core_snapshot(lab->m[who].core, &lab->snapshot);
    return &lab->snapshot;
}

static inline const struct bw_member_row *lab_row(struct lab *lab, uint8_t by, uint8_t about)
{
    return &lab_snapshot(lab, by)->members[about];
}

static inline uint32_t lab_state(struct lab *lab, uint8_t who)
{
    return lab_row(lab, who, who)->state;
}

static inline unsigned lab_holders(const struct lab *lab, uint8_t group)
{
    unsigned n = 0;

    for (uint8_t i = 0; i < lab->members; i++)
        n += lab->m[i].alive && lab->m[i].holds[group] && lab->now_ns < lab->m[i].until_ns[group];
    return n;
}

#define assert_state(lab, who, wanted) \
    assert_string_equal(bw_enum_text(&bw_enum_member_state, lab_state(lab, who)), bw_enum_text(&bw_enum_member_state, wanted))
#define assert_shown(lab, by, about, wanted)                                                        \
    assert_string_equal(bw_enum_text(&bw_enum_member_state, lab_row(lab, by, about)->state),      \
                        bw_enum_text(&bw_enum_member_state, wanted))
#define assert_holder(lab, who)                 \
    do {                                        \
        assert_true((lab)->m[who].holds[0]);    \
        assert_int_equal(lab_holders(lab, 0), 1); \
    } while (0)

/* The newest event of that kind that `by` gave; NULL = none. */
static inline const struct bw_event *lab_event(const struct lab *lab, uint8_t by, enum bw_event_kind kind)
{
    for (unsigned i = lab->events_count; i > 0; i--)
        if (lab->events[i - 1].by == by && lab->events[i - 1].event.kind == kind)
            return &lab->events[i - 1].event;
    return NULL;
}

static inline unsigned lab_count_events(const struct lab *lab, uint8_t by, enum bw_event_kind kind)
{
    unsigned n = 0;

    for (unsigned i = 0; i < lab->events_count; i++)
        n += lab->events[i].by == by && lab->events[i].event.kind == kind;
    return n;
}

/* All members started together and settled: the first one holds. */
static inline struct lab *lab_settled(uint8_t members, uint8_t interfaces, enum bw_recovery recovery)
{
    struct lab *lab = lab_new(members, interfaces, recovery);

    for (uint8_t i = 0; i < members; i++)
        lab_start(lab, i);
    lab_run(lab, 500);
    assert_holder(lab, 0);
    assert_state(lab, 0, BW_MEMBER_ACTIVE);
    assert_state(lab, 1, BW_MEMBER_STANDBY);
    return lab;
}

#endif
