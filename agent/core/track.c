/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who holds each group as this member sees it, when the first sign of a change was, what caused it,
 * and how long it took.
 */
#include "agent/core/core_private.h"

/* The better of two holders to name: a newer epoch, then a lower id. */
static bool names_before(const struct bw_core *core, uint8_t group, uint8_t a, uint8_t b)
{
    uint64_t epoch_a = core->members[a].told.groups[group].hold_epoch, epoch_b = core->members[b].told.groups[group].hold_epoch;

    return epoch_a != epoch_b ? epoch_a > epoch_b : bw_core_id(core, a) < bw_core_id(core, b);
}

uint8_t bw_core_named_holder(const struct bw_core *core, uint8_t group)
{
    uint8_t found = BW_NONE;

    if (core->groups[group].holding)
        return core->self;
    for (uint8_t i = 0; i < core->count; i++) {
        const struct bw_core_member *m = &core->members[i];

        /* What a deaf member holds is no reason for anybody to let go. */
        if (i != core->self && m->heard && (m->told.groups[group].flags & BW_GROUP_HOLDS) && !(m->told.flags & BW_FLAG_DEAF) &&
            (found == BW_NONE || names_before(core, group, i, found)))
            found = i;
    }
    return found;
}

uint8_t bw_core_known_holder(const struct bw_core *core, uint8_t group)
{
    uint8_t found = bw_core_named_holder(core, group);

    for (uint8_t i = 0; i < core->count && found == BW_NONE; i++) {
        const struct bw_core_member *m = &core->members[i];
        uint8_t holder = bw_core_index(core, m->told.groups[group].holder);

        if (m->in_view && holder != core->self && holder != BW_NONE && !core->members[holder].heard)
            found = holder;
    }
    return found;
}

/* Of a member that says it may not start the group, though this one may: why it is so. BW_CAUSE_NONE: it is not so. */
static uint32_t cause_of_denial(const struct bw_core *core, uint8_t group, const struct bw_told *told)
{
    if (!(told->groups[group].flags & BW_GROUP_DENY) || core->groups[group].deny != BW_DENY_NONE)
        return BW_CAUSE_NONE;
    return told->wishes[group].deny == BW_DENY_ADMIN ? BW_CAUSE_ADMIN : BW_CAUSE_RESOURCE;
}

uint32_t bw_core_cause(const struct bw_core *core, uint8_t group)
{
    uint8_t holder = core->groups[group].last_holder;
    const struct bw_core_member *m;
    const struct bw_told *own = &core->members[core->self].told;

    if (holder == BW_NONE || holder == core->self)
        return BW_CAUSE_START;
    m = &core->members[holder];
    if (!m->heard)
        return m->farewell ? BW_CAUSE_FAREWELL : BW_CAUSE_SILENCE;
    if (m->told.flags & BW_FLAG_STOPPING)
        return BW_CAUSE_FAREWELL;
    if ((m->told.flags & BW_FLAG_EXCLUDED) || m->told.admin != BW_ADMIN_UP)
        return BW_CAUSE_ADMIN;
    if (m->told.flags & BW_FLAG_LISTENING)
        return BW_CAUSE_PAUSE;
    if (m->told.flags & BW_FLAG_WAITING)
        return BW_CAUSE_SILENCE; /* it was started again */
    if (cause_of_denial(core, group, &m->told) != BW_CAUSE_NONE)
        return cause_of_denial(core, group, &m->told);
    if (m->told.interfaces_up < m->told.interfaces_required || m->told.interfaces_up < own->interfaces_up)
        return BW_CAUSE_INTERFACE;
    if (!(m->told.flags & BW_FLAG_HEALTHY))
        return BW_CAUSE_PNOTE;
    return BW_CAUSE_RECOVERY;
}

void bw_core_look_for_sign(struct bw_core *core, uint8_t group)
{
    struct bw_core_group *g = &core->groups[group];
    const struct bw_core_member *m;
    bool well;

    if (g->last_holder == BW_NONE || g->claiming || g->moving)
        return;
    m = &core->members[g->last_holder];
    if (g->last_holder == core->self)
        well = g->holding && bw_core_healthy(core) && !bw_core_excluded(core) && g->deny == BW_DENY_NONE;
    else
        well = m->heard && (m->told.flags & BW_FLAG_HEALTHY) && !(m->told.flags & (BW_FLAG_EXCLUDED | BW_FLAG_STOPPING)) &&
               (m->told.groups[group].flags & (BW_GROUP_HOLDS | BW_GROUP_DENY)) == BW_GROUP_HOLDS;
    if (well)
        g->sign_ns = 0;
    else if (g->sign_ns == 0) /* silence began when it was last heard */
        g->sign_ns = g->last_holder != core->self && !m->heard ? m->heard_ns : core->now_ns;
}

static void failover(struct bw_core *core, uint8_t group, uint8_t holder)
{
    struct bw_core_group *g = &core->groups[group];
    uint32_t cause = holder == core->self ? g->cause : core->members[holder].told.groups[group].cause;
    const char *from = bw_core_name(core, g->last_holder), *to = bw_core_name(core, holder);
    char reason[BW_TEXT_MAX];
    struct bw_event *event;

    if (holder != core->self && core->members[holder].rival[group])
        cause = BW_CAUSE_SPLIT_BRAIN; /* it may not have said so yet */
    if (cause < BW_CAUSE_NONE || cause > BW_CAUSE_LAST)
        cause = BW_CAUSE_NONE;
    if (g->last_holder == BW_NONE && holder != core->self)
        return; /* first seen: no change */
    core->causes[cause]++;
    if (cause != BW_CAUSE_START)
        core->failovers++;
    if (from[0] == '\0')
        bw_format(reason, sizeof(reason), "%s is the first to hold %s", to, core->config->groups[group].name);
    else
        bw_format(reason, sizeof(reason), "%s took %s over from %s: %s", to, core->config->groups[group].name, from,
                  bw_enum_text(&bw_enum_cause, cause));
    event = bw_core_event(core, BW_EVENT_FAILOVER, holder, NULL, from, to, reason);
    event->group = group + 1U;
    event->cause = cause;
    event->took_ns = g->sign_ns != 0 && core->now_ns > g->sign_ns ? core->now_ns - g->sign_ns : 0;
}

void bw_core_track_run(struct bw_core *core)
{
    for (uint8_t i = 0; i < core->config->groups_count; i++) {
        struct bw_core_group *g = &core->groups[i];
        uint8_t holder = bw_core_known_holder(core, i);

        if (holder != g->shown_holder)
            core->dirty = true;
        g->shown_holder = holder;
        if (holder == BW_NONE && bw_core_stopped(core, i)) { /* whoever starts it takes it from nobody */
            g->last_holder = g->previous_holder = BW_NONE;
            g->sign_ns = 0;
        }
        if (holder != BW_NONE && holder != g->last_holder) {
            failover(core, i, holder);
            g->previous_holder = g->last_holder;
            g->last_holder = holder;
            g->sign_ns = 0;
        }
        bw_core_look_for_sign(core, i);
    }
}
