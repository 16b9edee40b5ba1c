/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Out of the core: frames, grants, probes, events, answers, snapshots.
 */
#include <string.h>

#include "agent/engine/engine_private.h"
#include "bellwether/catalogue.h"
#include "bellwether/sync_health.h"
#include "bellwether/text.h"

#define WAKE_EVERY_NS (500 * BW_MS)

static void clear_facts(struct bw_engine *e, const struct bw_heartbeat *heartbeat, struct bw_clear_facts *facts)
{
    const struct bw_cluster_config *c = e->cluster;

    memset(facts, 0, sizeof(*facts));
    facts->members_count = c->members_count;
    for (uint8_t i = 0; i < c->members_count; i++)
        facts->member_ids[i] = c->members[i].id;
    bw_core_states(e->core, facts->states, facts->last_heard);
    facts->mode = (uint8_t)c->mode;
    facts->recovery = (uint8_t)c->recovery;
    facts->interval_ms = (uint16_t)(c->interval_ns / BW_MS);
    if (heartbeat != NULL) {
        facts->interfaces_up = heartbeat->interfaces_up;
        facts->interfaces_required = heartbeat->interfaces_required;
    }
}

static void send_on(struct bw_engine *e, struct bw_message *message, uint16_t interfaces)
{
    struct bw_clear_facts facts;
    int lengths[BW_MAX_INTERFACES] = {0};
    bool encoded = false;

    clear_facts(e, message->kind == BW_MESSAGE_HEARTBEAT ? &message->heartbeat : NULL, &facts);
    for (uint8_t i = 0; i < e->cluster->interfaces_count; i++) {
        if (e->ports[i] == NULL || (interfaces >> i & 1) == 0 || e->attached[i].ifindex == 0)
            continue;
        if (encoded)
            lengths[i] = bw_seal_again(e->seal, i, e->frames[i], sizeof(e->frames[i]));
        else
            lengths[i] = bw_seal_frame(e->seal, message, &facts, i, e->frames[i], sizeof(e->frames[i]));
        encoded = encoded || lengths[i] > 0;
    }
    /* All in a row, so that whoever hears them wakes up once. */
    for (uint8_t i = 0; i < e->cluster->interfaces_count; i++) {
        if (lengths[i] > 0)
            lengths[i] = bw_port_send(e->ports[i], e->frames[i], (size_t)lengths[i]) == 0 ? 1 : -1;
        if (lengths[i] > 0)
            e->frames_sent[i]++;
        else if (lengths[i] < 0)
            e->send_errors[i]++;
    }
}

void bw_engine_send_heartbeat(struct bw_engine *e, uint16_t interfaces)
{
    static struct bw_message message; /* large; the engine is one thread */

    if (!bw_core_speaks(e->core)) /* another process with our id was there before */
        return;
    bw_core_heartbeat(e->core, &message);
    send_on(e, &message, interfaces);
}

static void send_page(struct bw_engine *e, uint8_t number, uint16_t interfaces)
{
    static struct bw_message message;

    bw_core_page(e->core, number, &message);
    send_on(e, &message, interfaces);
}

/* Messages that hold nothing that only the core knows. */
static void send_small(struct bw_engine *e, const struct bw_output *output)
{
    static struct bw_message message;
    const struct bw_cluster_config *c = e->cluster;

    message.kind = output->kind == BW_OUTPUT_FAREWELL ? BW_MESSAGE_FAREWELL : BW_MESSAGE_PAGE_REQUEST;
    message.sender = c->members[c->local].id;
    message.boot = e->agent->context->lifeline->agent_boot;
    if (message.kind == BW_MESSAGE_FAREWELL) {
        message.farewell.over = message.boot;
        message.farewell.member = message.sender;
    } else {
        message.page_request.target = output->member;
        message.page_request.wanted = output->number;
    }
    send_on(e, &message, output->interfaces != 0 ? output->interfaces : 0xffff);
}

static void log_event(struct bw_engine *e, const struct bw_event *event)
{
    const struct bw_cluster_config *c = e->cluster;
    const char *member = "cluster";
    char took[32] = "";

    for (uint8_t i = 0; i < c->members_count; i++)
        if (c->members[i].id == event->member)
            member = c->members[i].name;
    if (event->took_ns > 0)
        bw_format(took, sizeof(took), " after %lu.%03lu ms", (unsigned long)(event->took_ns / BW_MS),
                  (unsigned long)(event->took_ns / 1000 % 1000));
    bw_log(BW_LOG_NOTICE, "%s %s%s%s: %s%s%s%s%s%s", bw_enum_text(&bw_enum_event_kind, event->kind), member,
           event->object[0] != '\0' ? " " : "", event->object, event->from, event->to[0] != '\0' ? " -> " : "",
           event->to, event->reason[0] != '\0' ? ": " : "", event->reason, took);
}

static void carry_out(struct bw_engine *e, const struct bw_output *output)
{
    switch (output->kind) {
    case BW_OUTPUT_HEARTBEAT:
        if (output->until_ns != 0 && e->turns > 0) { /* the first one was due when the process began */
            uint64_t now_ns = bw_now_ns();
            bw_lateness_add(&e->lateness, now_ns > output->until_ns ? now_ns - output->until_ns : 0);
        }
        bw_engine_send_heartbeat(e, output->interfaces);
        break;
    case BW_OUTPUT_PAGE:
        send_page(e, (uint8_t)output->number, output->interfaces);
        break;
    case BW_OUTPUT_PAGE_REQUEST:
    case BW_OUTPUT_FAREWELL:
        send_small(e, output);
        break;
    case BW_OUTPUT_GRANT:
        bw_linux_grant(e->edge, output->group, output->until_ns);
        break;
    case BW_OUTPUT_REVOKE:
        bw_linux_revoke(e->edge, output->group);
        break;
    case BW_OUTPUT_ANNOUNCE:
        bw_linux_announce(e->edge, output->group);
        break;
    case BW_OUTPUT_PROBE:
        bw_linux_probe(e->edge, output->interface);
        break;
    case BW_OUTPUT_WITNESS:
        bw_linux_witness(e->edge);
        break;
    case BW_OUTPUT_EVENT: {
        struct bw_event event = output->event;
        bw_history_add(e->agent->history, &event);
        log_event(e, &event);
        e->post_wanted = true;
        break;
    }
    case BW_OUTPUT_ANSWER:
        bw_mailbox_answer(e->agent->mailbox, output->ticket, &output->answer);
        break;
    case BW_OUTPUT_POST:
        e->post_wanted = true;
        break;
    case BW_OUTPUT_EXIT:
        bw_log(BW_LOG_ERROR, "this process was declared over by its keeper: ending");
        e->exit_status = 1;
        e->done = true;
        break;
    case BW_OUTPUT_STOPPED:
        e->done = true;
        break;
    }
}

/* Outputs that say or do what is right only now. Letting go, events and answers are right at any time. */
static bool goes_stale(enum bw_output_kind kind)
{
    return kind == BW_OUTPUT_HEARTBEAT || kind == BW_OUTPUT_PAGE || kind == BW_OUTPUT_GRANT || kind == BW_OUTPUT_ANNOUNCE;
}

void bw_engine_outputs(struct bw_engine *e)
{
    const struct bw_output *output;

    while ((output = bw_core_output(e->core)) != NULL && !(e->done && e->exit_status != 0)) {
        uint64_t before = bw_now_ns();

        /* Stopped in the middle of this turn for so long that the others have gone on: what it decided is no longer true. The next turn
         * finds the pause. */
        if (before - e->now_ns > bw_dead_ns(e->cluster) && goes_stale(output->kind))
            continue;
        carry_out(e, output);
        if (bw_now_ns() - before > BW_MS)
            e->slow_hooks++;
    }
}

static void agent_row(struct bw_engine *e, struct bw_agent_row *row)
{
    const struct bw_stats *stats = e->agent->stats;

    memset(row, 0, sizeof(*row));
    row->pid = e->pid;
    row->uptime_ns = e->now_ns - e->start_ns;
    row->turns = e->turns;
    row->late_worst_ns = e->lateness.worst_ns;
    row->late_p999_ns = bw_lateness_quantile(&e->lateness, 9990);
    memcpy(row->late_buckets, e->lateness.exported, sizeof(row->late_buckets));
    row->late_sum_ns = e->lateness.sum_ns;
    row->late_count = e->lateness.total;
    row->slow_hooks = e->slow_hooks;
    row->pauses = e->pauses;
    row->frames_malformed = e->verdicts[BW_VERDICT_MALFORMED];
    row->frames_unauthentic = e->verdicts[BW_VERDICT_UNAUTHENTIC] + e->verdicts[BW_VERDICT_DUPLICATE_ID];
    row->frames_replayed = e->verdicts[BW_VERDICT_REPLAYED];
    row->frames_foreign = e->verdicts[BW_VERDICT_FOREIGN];
    row->frames_own = e->verdicts[BW_VERDICT_OWN];
    row->events_dropped = bw_log_dropped();
    row->requests_refused = bw_mailbox_refused(e->agent->mailbox);
    row->agent_restarts = atomic_load(&e->agent->context->lifeline->restarts);
    row->snmp_connected = atomic_load(&stats->snmp_connected) != 0;
    row->snmp_connects = atomic_load(&stats->snmp_connects);
    row->snmp_notifications_sent = atomic_load(&stats->snmp_notifications_sent);
    row->snmp_notifications_dropped = atomic_load(&stats->snmp_notifications_dropped);
    row->http_requests = atomic_load(&stats->http_requests);
    row->http_errors = atomic_load(&stats->http_errors);
    row->traps_listening = atomic_load(&stats->traps_listening) != 0;
    row->traps_restarts = atomic_load(&stats->traps_restarts);
    row->traps_received = atomic_load(&stats->traps_received);
    row->traps_accepted = atomic_load(&stats->traps_accepted);
    row->traps_refused = atomic_load(&stats->traps_refused);
    row->traps_malformed = atomic_load(&stats->traps_malformed);
    row->traps_dropped = atomic_load(&stats->traps_dropped);
    row->store_writable = bw_stats_store_writable(stats, e->now_ns);
    row->http_enabled = e->agent->config->http.enabled;
    row->http_listening = atomic_load(&stats->http_listening) != 0;
}

static void trap_rule_rows(const struct bw_engine *e, struct bw_snapshot *s)
{
    const struct bw_traps_config *c = &e->agent->config->traps;

    s->trap_rules_count = c->enabled ? c->rules_count : 0;
    for (uint32_t i = 0; i < s->trap_rules_count; i++) {
        const struct bw_trap_rule_stats *stats = &e->agent->stats->trap_rules[i];
        struct bw_trap_rule_row *row = &s->trap_rules[i];
        uint64_t source[2] = {atomic_load(&stats->last_source[0]), atomic_load(&stats->last_source[1])};

        memset(row, 0, sizeof(*row));
        row->index = i + 1;
        bw_copy(row->name, sizeof(row->name), c->rules[i].name);
        bw_copy(row->pnote, sizeof(row->pnote), c->rules[i].pnote);
        row->sets = c->rules[i].set;
        row->hold_ns = c->rules[i].hold_ns;
        row->matches = atomic_load(&stats->matches);
        row->last_wall = atomic_load(&stats->last_wall);
        row->last_source.family = (uint8_t)atomic_load(&stats->last_family);
        row->last_source.prefix = row->last_source.family == 6 ? 128 : row->last_source.family == 4 ? 32 : 0;
        memcpy(row->last_source.bytes, source, sizeof(source));
    }
}

/* Resources go to the other members too, so the core has them; only when they changed. */
static void take_resources(struct bw_engine *e)
{
    struct bw_others *o = &e->others;
    size_t head = offsetof(struct bw_resource_rows, rows), row = sizeof(o->resources.rows[0]);

    if (e->agent->rows.resources == NULL || !bw_published_read(e->agent->rows.resources, &o->resources_draft) ||
        o->resources_draft.count > BW_MAX_RESOURCES ||
        memcmp(&o->resources, &o->resources_draft, head + o->resources_draft.count * row) == 0)
        return;
    o->resources = o->resources_draft;
    bw_core_resources(e->core, o->resources.rows, o->resources.count);
}

/* What other threads contribute. One that is just writing: its former rows, which the engine keeps. */
static void rows_of_others(struct bw_engine *e, struct bw_snapshot *s)
{
    const struct bw_published_rows *rows = &e->agent->rows;
    struct bw_others *o = &e->others;

    if (rows->sync != NULL && bw_published_read(rows->sync, &o->sync_draft))
        o->sync = o->sync_draft;
    if (rows->alerts != NULL && bw_published_read(rows->alerts, &o->alerts_draft))
        o->alerts = o->alerts_draft;
    s->sync = o->sync.sync;
    if (s->sync.state == 0)
        s->sync.state = BW_SYNC_OFF;
    bw_sync_judge(&s->sync);
    s->sync_peers_count = o->sync.peers_count;
    memcpy(s->sync_peers, o->sync.peers, o->sync.peers_count * sizeof(o->sync.peers[0]));
    s->alerts_count = o->alerts.count;
    memcpy(s->alerts, o->alerts.rows, o->alerts.count * sizeof(o->alerts.rows[0]));
}

void bw_engine_post(struct bw_engine *e)
{
    const struct bw_cluster_config *c = e->cluster;
    struct bw_snapshot *s = bw_board_draft(e->agent->board);
    uint32_t local = c->members[c->local].id;

    take_resources(e);
    bw_core_snapshot(e->core, s);
    agent_row(e, &s->agent);
    trap_rule_rows(e, s);
    rows_of_others(e, s);
    for (uint32_t i = 0; i < s->interfaces_count; i++) {
        struct bw_interface_row *row = &s->interfaces[i];
        if (row->member != local || row->index == 0 || row->index > c->interfaces_count)
            continue;
        row->frames_sent = e->frames_sent[row->index - 1];
        row->frames_received = e->frames_received[row->index - 1];
        row->send_errors = e->send_errors[row->index - 1];
    }
    for (uint32_t i = 0; i < s->addresses_count && i < c->addresses_count; i++)
        s->addresses[i].installed = bw_linux_installed(e->edge, (uint16_t)i);
    bw_engine_tell_sync(e, s);
    bw_engine_tell_alerts(e, s);
    bw_history_range(e->agent->history, &s->history_first, &s->history_last);
    s->posted_ns = e->now_ns;
    s->posted_wall = bw_wall();
    /* Counters alone wake nobody each time: waking three threads costs more than all the rest of a post. */
    if (e->post_wanted || e->done || e->now_ns - e->last_wake_ns >= WAKE_EVERY_NS) {
        bw_board_post(e->agent->board);
        e->last_wake_ns = e->now_ns;
    } else {
        bw_board_post_quietly(e->agent->board);
    }
    e->last_post_ns = e->now_ns;
    e->post_wanted = false;
}
