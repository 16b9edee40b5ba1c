/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Heartbeats: what the local member says of itself, when one is sent, and its contents. Regular ones
 * keep their rhythm whatever else happens; what is new goes out at once, with a bound per interval.
 */
#include "agent/core/core_private.h"

#define AT_ONCE_MAX 16 /* heartbeats sent at once between two regular ones */

static uint16_t own_flags(const struct bw_core *core)
{
    uint16_t flags = 0;

    if (core->admin == BW_ADMIN_MAINTENANCE || core->admin == BW_ADMIN_FORCE_DOWN)
        flags |= BW_FLAG_EXCLUDED;
    if (core->waiting)
        flags |= BW_FLAG_WAITING;
    if (core->listening)
        flags |= BW_FLAG_LISTENING;
    if (bw_core_healthy(core))
        flags |= BW_FLAG_HEALTHY;
    if (core->deaf)
        flags |= BW_FLAG_DEAF;
    if (core->stopping)
        flags |= BW_FLAG_STOPPING;
    if (core->damped)
        flags |= BW_FLAG_DAMPED;
    flags |= bw_core_witness_flags(core);
    return flags;
}

static void tell_group(struct bw_core *core, uint8_t group, struct bw_group_part *part)
{
    const struct bw_core_group *g = &core->groups[group];
    const struct bw_group_config *config = &core->config->groups[group];
    uint8_t holder = bw_core_named_holder(core, group);

    part->group = group;
    part->flags = (uint8_t)((g->holding ? BW_GROUP_HOLDS : 0) | (g->claiming ? BW_GROUP_CLAIMS : 0) |
                            (g->released ? BW_GROUP_RELEASED : 0) | (g->deny != BW_DENY_NONE ? BW_GROUP_DENY : 0) | (g->claiming && g->moving ? BW_GROUP_MOVES : 0) |
                            (bw_core_own_failback(core, group) ? BW_GROUP_FAILBACK : 0));
    part->name = core->group_names[group];
    part->order = config->policy_count > 0 ? BW_NONE : 0;
    for (uint8_t i = 0; i < config->policy_count; i++)
        if (config->policy[i] == core->self)
            part->order = i;
    part->holder = bw_core_id(core, holder);
    part->hold_epoch = g->hold_epoch;
    part->holder_epoch = holder == BW_NONE      ? 0
                         : holder == core->self ? g->hold_epoch
                                                : core->members[holder].told.groups[group].hold_epoch;
    part->claim_epoch = g->claiming ? g->claim_epoch : 0;
    part->confirm_member = bw_core_id(core, g->confirm_member);
    part->confirm_epoch = g->confirm_epoch;
    part->refuse_member = bw_core_id(core, g->refuse_member);
    part->refuse_reason = g->refuse_member != BW_NONE ? g->refuse_reason : 0;
    part->refuse_epoch = g->refuse_member != BW_NONE ? g->refuse_epoch : 0;
    part->cause = (uint8_t)g->cause;
}

void bw_core_tell(struct bw_core *core)
{
    struct bw_told *told = &core->members[core->self].told;

    told->state = (uint8_t)core->members[core->self].state;
    told->admin = (uint8_t)core->admin;
    told->mode = (uint8_t)core->config->mode;
    told->recovery = (uint8_t)core->config->recovery;
    told->flags = own_flags(core);
    told->protocol = core->protocol;
    told->protocol_least = core->protocol_least;
    told->priority = core->config->members[core->self].priority;
    told->groups_told = (uint16_t)((1UL << core->config->groups_count) - 1);
    told->interfaces_up = bw_core_working(core, false);
    told->interfaces_required = core->required;
    told->secured_up = bw_core_working(core, true);
    told->secured_required = core->secured_required;
    told->interfaces_down = 0;
    for (uint8_t i = 0; i < core->config->interfaces_count; i++)
        if (bw_core_counted(core, i) && core->interfaces[i].state == BW_INTERFACE_DOWN)
            told->interfaces_down |= (uint16_t)(1U << i);
    for (uint8_t g = 0; g < core->config->groups_count; g++) {
        tell_group(core, g, &told->groups[g]);
        told->wishes[g] = (struct bw_group_wish){.group = g, .deny = core->groups[g].deny, .wish = core->groups[g].wish};
    }
}

static bool something_new(const struct bw_core *core)
{
    const struct bw_told *now = &core->members[core->self].told, *then = &core->last_told;
    size_t groups = core->config->groups_count * sizeof(now->groups[0]);

    return memcmp(now, then, offsetof(struct bw_told, groups)) != 0 || memcmp(now->groups, then->groups, groups) != 0;
}

static void count_missed(struct bw_core *core)
{
    for (uint8_t i = 0; i < core->count; i++) {
        struct bw_core_member *m = &core->members[i];

        if (i != core->self && m->met && !m->farewell && core->now_ns - m->heard_ns > core->slowest_ns * 3 / 2)
            m->missed++;
    }
}

/* Members that hear each other fall into step: a heartbeat that is nearly due goes out with the one just heard, and one that is due within
 * half an interval comes a little sooner next time. So a member wakes once in an interval, and not once for each of the others. Whoever
 * leads keeps its rhythm; nobody sends more than an eighth of an interval early, and nobody ever late. */
static void keep_step(struct bw_core *core)
{
    uint64_t lead_ns = core->beat_next_ns - core->now_ns;

    if (!core->heard_turn || core->now_ns >= core->beat_next_ns || lead_ns > core->pace_ns / 2)
        return;
    core->beat_next_ns = lead_ns <= core->pace_ns / 8 ? core->now_ns : core->beat_next_ns - core->pace_ns / 64;
}

static bool regular_is_due(struct bw_core *core)
{
    uint64_t pace_ns;

    keep_step(core);
    if (core->now_ns < core->beat_next_ns)
        return false;
    pace_ns = bw_core_pace(core);
    core->beat_due_ns = core->beat_next_ns;
    core->beat_next_ns += pace_ns;
    if (core->beat_next_ns <= core->now_ns) /* late by more than an interval: a new rhythm */
        core->beat_next_ns = core->now_ns + pace_ns;
    core->at_once = 0;
    count_missed(core);
    for (uint8_t g = 0; g < core->config->groups_count; g++)
        bw_core_refusal_rotate(core, g);
    return true;
}

void bw_core_beat_run(struct bw_core *core)
{
    bool regular = regular_is_due(core), send = regular;

    bw_core_tell(core);
    bw_core_pages_run(core, false);
    if (!send && (core->send || something_new(core)) && core->at_once < AT_ONCE_MAX) {
        core->at_once++;
        send = true;
    }
    if (send && bw_core_speaks(core)) {
        core->last_told = core->members[core->self].told;
        struct bw_output *out = bw_core_put(core, BW_OUTPUT_HEARTBEAT);

        out->interfaces = bw_core_send_mask(core);
        out->until_ns = regular ? core->beat_due_ns : 0;
    }
    if (regular)
        bw_core_pages_run(core, true);
    bw_core_due(core, core->beat_next_ns);
}

static void fill_echo(const struct bw_core *core, uint8_t member, struct bw_echo *echo)
{
    const struct bw_core_member *m = &core->members[member];

    echo->member = bw_core_id(core, member);
    echo->boot = m->boot;
    echo->heard_on = bw_core_heard_on(core, m);
    echo->turn = m->turn;
    echo->held_us = (uint32_t)((core->now_ns - m->heard_ns) / 1000);
    echo->challenge = echo->response = 0; /* the session layer's */
}

void bw_core_heartbeat(struct bw_core *core, struct bw_message *message)
{
    struct bw_heartbeat *beat = &message->heartbeat;
    const struct bw_told *told = &core->members[core->self].told;

    message->kind = bw_core_quiet(core) ? BW_MESSAGE_STATE_QUERY : BW_MESSAGE_HEARTBEAT;
    message->sender = bw_core_id(core, core->self);
    message->boot = core->boot;
    message->sequence = 0;
    if (message->kind == BW_MESSAGE_STATE_QUERY)
        return;
    beat->turn = ++core->beat_turn;
    core->beat_sent_ns[core->beat_turn % BW_CORE_SENT_TURNS] = core->now_ns;
    core->sent++;
    beat->state = told->state;
    beat->admin = told->admin;
    beat->mode = told->mode;
    beat->recovery = told->recovery;
    beat->flags = told->flags;
    beat->protocol = told->protocol;
    beat->protocol_least = told->protocol_least;
    beat->interfaces_up = told->interfaces_up;
    beat->interfaces_required = told->interfaces_required;
    beat->secured_up = told->secured_up;
    beat->secured_required = told->secured_required;
    beat->interfaces_down = told->interfaces_down;
    beat->interval_us = (uint32_t)(core->config->interval_ns / 1000);
    beat->config_digest = core->config->digest;
    beat->priority = told->priority;
    beat->wall = (uint64_t)core->wall;
    beat->echoes_count = 0;
    for (uint8_t i = 0; i < core->count; i++) {
        if (i != core->self)
            core->members[i].sent++;
        if (core->members[i].heard)
            fill_echo(core, i, &beat->echoes[beat->echoes_count++]);
    }
    beat->groups_count = core->config->groups_count;
    beat->wishes_count = 0;
    for (uint8_t g = 0; g < core->config->groups_count; g++) {
        beat->groups[g] = told->groups[g];
        beat->groups[g].epoch = core->groups[g].epoch;
        if (told->wishes[g].wish != 0 || told->wishes[g].deny != BW_DENY_NONE)
            beat->wishes[beat->wishes_count++] = told->wishes[g];
    }
    bw_core_commands_fill(core, beat);
    beat->pages_count = core->pages_count;
    memcpy(beat->page_digests, core->page_digests, sizeof(beat->page_digests));
}
