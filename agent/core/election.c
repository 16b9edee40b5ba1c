/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One group: does the local member keep it, let it go, claim it or take it? Every rule here is one
 * sentence of the design's chapter on decisions; each removes a failure that was seen without it.
 */
#include "agent/core/core_private.h"

/* ---- not holding ---- */

void bw_core_withdraw(struct bw_core *core, uint8_t group)
{
    struct bw_core_group *g = &core->groups[group];

    if (!g->claiming)
        return;
    g->claiming = false;
    core->again = core->send = core->dirty = true;
}

/* One heard one-way, not deaf, that holds or hears a holder other than us: neither claim nor take. */
static bool blocked(const struct bw_core *core, uint8_t group)
{
    uint8_t self = bw_core_id(core, core->self);

    for (uint8_t i = 0; i < core->count; i++) {
        const struct bw_core_member *m = &core->members[i];
        const struct bw_group_part *part = &m->told.groups[group];

        if (!m->heard || m->in_view || (m->told.flags & BW_FLAG_DEAF))
            continue;
        if ((part->flags & BW_GROUP_HOLDS) || (part->holder != 0 && part->holder != self))
            return true;
    }
    return false;
}

/* A holder reported by anyone in view counts as held. */
static bool held_in_view(const struct bw_core *core, uint8_t group)
{
    uint8_t self = bw_core_id(core, core->self);

    for (uint8_t i = 0; i < core->count; i++) {
        const struct bw_core_member *m = &core->members[i];
        const struct bw_group_part *part = &m->told.groups[group];

        if (m->in_view && ((part->flags & BW_GROUP_HOLDS) || (part->holder != 0 && part->holder != self)))
            return true;
    }
    return false;
}

static void start_claim(struct bw_core *core, uint8_t group)
{
    struct bw_core_group *g = &core->groups[group];

    bw_core_look_for_sign(core, group);
    g->cause = g->moving && g->last_holder != BW_NONE ? BW_CAUSE_ADMIN : bw_core_cause(core, group);
    g->claiming = true;
    g->claim_epoch = ++g->epoch;
    g->claim_ns = core->now_ns;
    g->retry_ns = 0;
    if (g->sign_ns == 0)
        g->sign_ns = core->now_ns;
    core->again = core->send = core->dirty = true;
}

/* Looks at the answers to the present claim. */
static void follow_claim(struct bw_core *core, uint8_t group)
{
    struct bw_core_group *g = &core->groups[group];
    uint8_t self = bw_core_id(core, core->self);
    bool all = true, old = false, outranked = false;

    for (uint8_t i = 0; i < core->count; i++) {
        const struct bw_core_member *m = &core->members[i];
        const struct bw_group_part *part = &m->told.groups[group];

        if (!m->in_view || !(m->told.groups_told >> group & 1))
            continue;
        if (part->confirm_member != self || part->confirm_epoch != g->claim_epoch)
            all = false;
        if (part->refuse_member == self && part->refuse_epoch == g->claim_epoch) {
            if (part->refuse_reason == BW_REFUSAL_OUTRANKED)
                outranked = true;
            else
                old = true;
        }
    }
    /* Silence is no confirmation while we may be deaf: decided when the last one that is heard is silent, or something comes in. */
    if (all && bw_core_may_be_deaf(core))
        return;
    if (outranked) {
        g->retry_ns = core->now_ns + core->config->interval_ns;
        bw_core_due(core, g->retry_ns);
        bw_core_withdraw(core, group);
    } else if (old || core->now_ns - g->claim_ns >= core->config->claim_ns) {
        if (all) {
            bw_core_take(core, group, g->claim_epoch, g->cause);
            return;
        }
        start_claim(core, group);
    } else if (all) {
        bw_core_take(core, group, g->claim_epoch, g->cause);
        return;
    }
    if (g->claiming)
        bw_core_due(core, g->claim_ns + core->config->claim_ns);
}

/* Primary up: a healthy holder is left alone for the failback delay. */
static bool failback_waits(struct bw_core *core, uint8_t group)
{
    struct bw_core_group *g = &core->groups[group];
    uint8_t holder = bw_core_named_holder(core, group);
    bool only_order = holder != BW_NONE && holder != core->self && core->members[holder].in_view && !g->moving &&
                      bw_core_rank_health(bw_core_rank(core, group, holder)) <=
                          bw_core_rank_health(bw_core_rank(core, group, core->self));

    if (!only_order) {
        g->failback_ns = 0;
        return false;
    }
    if (g->failback_ns == 0)
        g->failback_ns = core->now_ns;
    if (core->now_ns - g->failback_ns >= core->config->failback_delay_ns)
        return false;
    bw_core_due(core, g->failback_ns + core->config->failback_delay_ns);
    return true;
}

/* At a start of all at once, one that is still waiting and would outrank us gets one interval to finish its wait. */
static bool waits_for_better(struct bw_core *core, uint8_t group)
{
    uint64_t until = core->wait_end_ns + core->config->interval_ns, own;

    if (core->wait_end_ns == 0 || core->now_ns >= until)
        return false;
    own = bw_core_rank(core, group, core->self);
    for (uint8_t i = 0; i < core->count; i++) {
        const struct bw_core_member *m = &core->members[i];

        if (m->in_view && (m->told.flags & (BW_FLAG_WAITING | BW_FLAG_LISTENING)) == BW_FLAG_WAITING &&
            bw_core_rank_started(bw_core_rank(core, group, i)) < own) {
            bw_core_due(core, until);
            return true;
        }
    }
    return false;
}

static void seek(struct bw_core *core, uint8_t group)
{
    struct bw_core_group *g = &core->groups[group];
    uint64_t rank = bw_core_rank(core, group, core->self);
    bool able = bw_core_fit(rank) && bw_core_working(core, false) > 0;

    if (!able || blocked(core, group) || bw_core_witness_lost(core) || (bw_core_candidate(core, group) != core->self && !g->moving)) {
        g->failback_ns = 0;
        g->retry_ns = 0;
        bw_core_withdraw(core, group);
        return;
    }
    if (!bw_core_anyone_in_view(core)) {
        if (core->deaf && core->now_ns < core->deaf_since_ns + 3 * core->dead_ns) {
            bw_core_due(core, core->deaf_since_ns + 3 * core->dead_ns);
            return;
        }
        if (bw_core_may_be_deaf(core))
            return; /* decided when the last one that is heard is silent for its dead time, or something comes in */
        if (bw_core_witness_regained(core)) {
            bw_core_withdraw(core, group); /* whoever is heard next may have used that epoch */
            return;
        }
        if (!bw_core_damp_alone(core))
            return;
        bw_core_take(core, group, g->epoch + 1, bw_core_cause(core, group));
        return;
    }
    if (g->claiming) {
        follow_claim(core, group);
        return;
    }
    if (held_in_view(core, group) ? failback_waits(core, group) : waits_for_better(core, group))
        return;
    if (!g->moving && bw_core_move_confirmed(core, group))
        return;
    if (core->now_ns < g->retry_ns) {
        bw_core_due(core, g->retry_ns);
        return;
    }
    start_claim(core, group);
    bw_core_due(core, g->claim_ns + core->config->claim_ns);
}

/* ---- holding ---- */

static void split_brain(struct bw_core *core, uint8_t group, uint8_t rival, bool won)
{
    struct bw_core_member *m = &core->members[rival];
    char reason[BW_TEXT_MAX];

    if (m->rival[group])
        return;
    m->rival[group] = true;
    m->unheard_rival[group] = false;
    core->split_brains++;
    bw_format(reason, sizeof(reason), "%s and %s both held %s: rank decides, %s keeps it", bw_core_name(core, core->self),
              bw_core_name(core, rival), core->config->groups[group].name, bw_core_name(core, won ? core->self : rival));
    bw_core_event(core, BW_EVENT_SPLIT_BRAIN, rival, NULL, bw_core_name(core, won ? rival : core->self),
                  bw_core_name(core, won ? core->self : rival), reason)
        ->group = group + 1U;
}

/* Another holder is heard. Returns true when we have to let go. */
static bool meet_rival(struct bw_core *core, uint8_t group, uint8_t rival)
{
    struct bw_core_group *g = &core->groups[group];
    struct bw_core_member *m = &core->members[rival];
    const struct bw_group_part *part = &m->told.groups[group];
    bool handing = m->votes[group].confirmed == part->hold_epoch;
    uint64_t patience = m->heard_since_ns + 2 * core->config->interval_ns;

    if (handing && part->hold_epoch > g->hold_epoch)
        return true; /* it took what we confirmed: the hand-over is done */
    if (m->in_view && m->confirmed_us[group] == g->hold_epoch && g->hold_epoch > part->hold_epoch)
        return false; /* it confirmed what we took, and lets go as soon as it hears so: if it can hear us */
    if (!m->in_view) {
        /* Not one that confirmed what we took, and goes. */
        m->unheard_rival[group] = !m->rival[group] && !(m->confirmed_us[group] == g->hold_epoch && g->hold_epoch > part->hold_epoch);
        if (m->told.flags & BW_FLAG_DEAF)
            return false;
        if (core->now_ns >= patience)
            return true;
        bw_core_due(core, patience);
        return false;
    }
    if (bw_core_rank(core, group, rival) < bw_core_rank(core, group, core->self)) {
        split_brain(core, group, rival, false);
        return true;
    }
    if (!m->rival[group]) {
        split_brain(core, group, rival, true);
        bw_core_hold_anew(core, group);
    }
    return false;
}

/* A member in view names a holder that we do not hear, at a newer epoch or at ours with a lower id. */
static bool named_away(const struct bw_core *core, uint8_t group)
{
    const struct bw_core_group *g = &core->groups[group];

    for (uint8_t i = 0; i < core->count; i++) {
        const struct bw_core_member *m = &core->members[i];
        const struct bw_group_part *part = &m->told.groups[group];
        uint8_t holder = bw_core_index(core, part->holder);

        if (!m->in_view || part->holder == 0 || holder == core->self || holder == i)
            continue;
        if (holder != BW_NONE && core->members[holder].heard)
            continue;
        if (part->holder_epoch > g->hold_epoch ||
            (part->holder_epoch == g->hold_epoch && part->holder < bw_core_id(core, core->self)))
            return true;
    }
    return false;
}

/* In maintenance or stopping: serve until a claim succeeds, two intervals at most, and only while there is a successor. */
static bool excluded_lets_go(struct bw_core *core, uint8_t group)
{
    uint64_t until = core->excluded_ns + 2 * core->config->interval_ns;

    if (!bw_core_excluded(core))
        return false;
    if (core->admin == BW_ADMIN_FORCE_DOWN || core->now_ns >= until ||
        bw_core_successor(core, group, core->self, false) == BW_NONE)
        return true;
    bw_core_due(core, until);
    return false;
}

static void keep(struct bw_core *core, uint8_t group)
{
    if (excluded_lets_go(core, group) || bw_core_working(core, false) == 0 || named_away(core, group) ||
        bw_core_witness_lets_go(core)) {
        bw_core_let_go(core, group);
        return;
    }
    for (uint8_t i = 0; i < core->count; i++) {
        const struct bw_core_member *m = &core->members[i];
        bool holds = (m->told.groups[group].flags & BW_GROUP_HOLDS) != 0;

        if (m->heard && holds && meet_rival(core, group, i)) {
            bw_core_let_go(core, group);
            return;
        }
        /* It heard us before we knew so, and has let go already. The epoch stays: it may claim by now, and be confirmed. */
        if (m->in_view && !holds && m->unheard_rival[group]) {
            split_brain(core, group, i, true);
            bw_core_announce_series(core, group);
        }
    }
}

void bw_core_elect(struct bw_core *core, uint8_t group)
{
    if (bw_core_only_watches(core)) {
        bw_core_service_run(core, group);
    } else if (bw_core_stopped(core, group) || !bw_core_speaks(core)) {
        bw_core_withdraw(core, group);
        bw_core_let_go(core, group);
    } else if (core->groups[group].holding)
        keep(core, group);
    else
        seek(core, group);
}
