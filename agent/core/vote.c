/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Answers to the claims of others. One claimer is confirmed per group and epoch; a claim is refused
 * when its epoch is not newer than what was confirmed for another or what a holder that we hear has,
 * or when a fit member in our view, ourselves included, outranks the claimer. The last confirmation
 * and the last refusal ride in every heartbeat.
 */
#include "agent/core/core_private.h"

static bool is_move(const struct bw_core *core, uint8_t group, uint8_t claimer)
{
    return (core->members[claimer].told.groups[group].flags & BW_GROUP_MOVES) != 0;
}

/* Is the claimer outranked here? An administrator's move is measured by health alone. */
static bool outranked(const struct bw_core *core, uint8_t group, uint8_t claimer)
{
    bool moving = is_move(core, group, claimer);
    uint64_t its = bw_core_rank(core, group, claimer);
    uint64_t own = bw_core_rank(core, group, core->self);

    /* While we claim for a move of our own, a claim by rank alone waits, and of two moves the better rank goes first. */
    if (core->groups[group].moving && core->groups[group].claiming && bw_core_fit(own) &&
        (moving ? own < its : bw_core_rank_health(own) <= bw_core_rank_health(its)))
        return true;

    if (!bw_core_fit(its) || bw_core_stopped(core, group))
        return true;
    for (uint8_t i = 0; i < core->count; i++) {
        uint64_t rank;

        if (i == claimer || (i != core->self && !core->members[i].in_view))
            continue;
        rank = bw_core_rank(core, group, i);
        if (!bw_core_fit(rank))
            continue;
        if (moving ? bw_core_rank_health(rank) < bw_core_rank_health(its) : rank < its)
            return true;
    }
    return false;
}

static bool epoch_is_old(const struct bw_core *core, uint8_t group, uint8_t claimer, uint64_t epoch)
{
    const struct bw_core_group *g = &core->groups[group];

    if (g->confirm_member != BW_NONE && g->confirm_member != claimer && epoch <= g->confirm_epoch)
        return true;
    if (epoch <= g->hold_epoch) /* ours, held now or let go since */
        return true;
    if (g->claiming && epoch < g->claim_epoch)
        return true;
    for (uint8_t i = 0; i < core->count; i++) {
        const struct bw_group_part *part = &core->members[i].told.groups[group];

        if (i != claimer && i != core->self && core->members[i].heard && (part->flags & BW_GROUP_HOLDS) &&
            epoch <= part->hold_epoch)
            return true;
    }
    return false;
}

static enum bw_refusal judge(const struct bw_core *core, uint8_t group, uint8_t claimer, uint64_t epoch)
{
    if (epoch_is_old(core, group, claimer, epoch))
        return BW_REFUSAL_EPOCH;
    if (outranked(core, group, claimer))
        return BW_REFUSAL_OUTRANKED;
    return BW_REFUSAL_NONE;
}

static void refuse(struct bw_core *core, uint8_t group, uint8_t claimer)
{
    struct bw_core_group *g = &core->groups[group];
    const struct bw_vote *vote = &core->members[claimer].votes[group];

    g->refuse_member = claimer;
    g->refuse_epoch = vote->epoch;
    g->refuse_reason = vote->reason;
}

static void confirm(struct bw_core *core, uint8_t group, uint8_t claimer, uint64_t epoch)
{
    struct bw_core_group *g = &core->groups[group];

    g->confirm_member = claimer;
    g->confirm_epoch = epoch;
    core->members[claimer].votes[group].confirmed = epoch;
    if (g->refuse_member == claimer)
        g->refuse_member = BW_NONE;
    if (g->claiming) /* the outranked of two claimers withdraws */
        bw_core_withdraw(core, group);
}

static void answer_claim(struct bw_core *core, uint8_t group, uint8_t claimer)
{
    struct bw_core_group *g = &core->groups[group];
    struct bw_vote *vote = &core->members[claimer].votes[group];
    uint64_t epoch = core->members[claimer].told.groups[group].claim_epoch;
    bool kept = vote->kind != BW_VOTE_CONFIRMED || (g->confirm_member == claimer && g->confirm_epoch == epoch);

    if (vote->kind != BW_VOTE_NONE && vote->epoch == epoch && kept)
        return;
    if (vote->kind == BW_VOTE_CONFIRMED && vote->epoch == epoch) {
        vote->kind = BW_VOTE_REFUSED; /* a newer claim of another was confirmed since: this one has to start again */
        vote->reason = BW_REFUSAL_EPOCH;
    } else {
        vote->epoch = epoch;
        vote->reason = judge(core, group, claimer, epoch);
        vote->kind = vote->reason == BW_REFUSAL_NONE ? BW_VOTE_CONFIRMED : BW_VOTE_REFUSED;
    }
    if (vote->kind == BW_VOTE_CONFIRMED)
        confirm(core, group, claimer, epoch);
    else
        refuse(core, group, claimer);
    core->send = core->again = true;
}

bool bw_core_move_confirmed(const struct bw_core *core, uint8_t group)
{
    uint8_t claimer = core->groups[group].confirm_member;
    const struct bw_group_part *part;

    if (claimer == BW_NONE || !core->members[claimer].heard)
        return false;
    part = &core->members[claimer].told.groups[group];
    return (part->flags & BW_GROUP_CLAIMS) && part->claim_epoch == core->groups[group].confirm_epoch &&
           is_move(core, group, claimer);
}

void bw_core_vote_run(struct bw_core *core, uint8_t group)
{
    for (uint8_t i = 0; i < core->count; i++) {
        const struct bw_core_member *m = &core->members[i];

        /* One-way claimers are answered all the same. */
        if (i != core->self && m->heard && (m->told.groups[group].flags & BW_GROUP_CLAIMS))
            answer_claim(core, group, i);
    }
}

/* There is one place for a refusal in a heartbeat: several claimers take turns in it. */
void bw_core_refusal_rotate(struct bw_core *core, uint8_t group)
{
    uint8_t last = core->groups[group].refuse_member;

    for (uint8_t step = 1; last != BW_NONE && step < core->count; step++) {
        uint8_t i = (uint8_t)((last + step) % core->count);
        const struct bw_core_member *m = &core->members[i];

        if (i != core->self && m->heard && (m->told.groups[group].flags & BW_GROUP_CLAIMS) &&
            m->votes[group].kind == BW_VOTE_REFUSED && m->votes[group].epoch == m->told.groups[group].claim_epoch) {
            refuse(core, group, i);
            return;
        }
    }
}
