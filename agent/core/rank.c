/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rank: who should hold a group. One number per member from what it last said of itself, the same
 * everywhere; smaller is better. From the top: excluded, in start-up wait, listening or tied, newer version
 * than the holder's (with one of these a member is not fit), denied, unhealthy, fewer interfaces,
 * fewer secured ones, damped, not holding now (active up), place in the policy, priority, id.
 */
#include "agent/core/core_private.h"

#define BIT_EXCLUDED   (1ULL << 46)
#define BIT_WAITING    (1ULL << 45)
#define BIT_NEWER      (1ULL << 44)
#define BIT_DENIED     (1ULL << 43)
#define BIT_UNHEALTHY  (1ULL << 42)
#define SHIFT_UP       34
#define SHIFT_SECURED  26
#define BIT_DAMPED     (1ULL << 25) /* last among those that work as well: better a flapping member than a broken one */
#define BIT_IDLE       (1ULL << 24)
#define SHIFT_ORDER    16
#define SHIFT_PRIORITY 8

bool bw_core_sticky(const struct bw_core *core, uint8_t group)
{
    enum bw_auto failback = core->config->groups[group].failback;

    return failback != 0 ? failback == BW_MANUAL : core->config->recovery == BW_RECOVERY_ACTIVE_UP;
}

static uint8_t order_of(const struct bw_core *core, uint8_t group, uint8_t member)
{
    const struct bw_group_config *g = &core->config->groups[group];

    for (uint8_t i = 0; i < g->policy_count; i++)
        if (g->policy[i] == member)
            return i;
    return g->policy_count == 0 ? 0 : BW_NONE;
}

/* Does a holder in view run an older protocol than this member? */
static bool newer_than_holder(const struct bw_core *core, uint8_t group, uint8_t member)
{
    uint16_t protocol = core->members[member].told.protocol;

    for (uint8_t i = 0; i < core->count; i++) {
        const struct bw_core_member *m = &core->members[i];

        if (i != member && (i == core->self || m->in_view) && (m->told.groups[group].flags & BW_GROUP_HOLDS) &&
            m->told.protocol < protocol)
            return true;
    }
    return false;
}

uint64_t bw_core_rank(const struct bw_core *core, uint8_t group, uint8_t member)
{
    const struct bw_told *told = &core->members[member].told;
    const struct bw_group_part *part = &told->groups[group];
    uint8_t order = order_of(core, group, member);
    uint64_t rank = 0;

    if ((told->flags & (BW_FLAG_EXCLUDED | BW_FLAG_STOPPING)) || order == BW_NONE)
        rank |= BIT_EXCLUDED;
    if (told->flags & (BW_FLAG_WAITING | BW_FLAG_LISTENING | BW_FLAG_TIED))
        rank |= BIT_WAITING;
    if (newer_than_holder(core, group, member))
        rank |= BIT_NEWER;
    if (part->flags & BW_GROUP_DENY)
        rank |= BIT_DENIED;
    if (told->flags & BW_FLAG_DAMPED)
        rank |= BIT_DAMPED;
    if (!(told->flags & BW_FLAG_HEALTHY))
        rank |= BIT_UNHEALTHY;
    rank |= (uint64_t)(UINT8_MAX - told->interfaces_up) << SHIFT_UP;
    rank |= (uint64_t)(UINT8_MAX - told->secured_up) << SHIFT_SECURED;
    if (bw_core_sticky(core, group) && !(part->flags & BW_GROUP_HOLDS))
        rank |= BIT_IDLE;
    rank |= (uint64_t)order << SHIFT_ORDER;
    rank |= (uint64_t)core->config->members[member].priority << SHIFT_PRIORITY;
    return rank | core->config->members[member].id;
}

bool bw_core_fit(uint64_t rank)
{
    return (rank & (BIT_EXCLUDED | BIT_WAITING | BIT_NEWER)) == 0;
}

bool bw_core_healthy_rank(uint64_t rank)
{
    return bw_core_fit(rank) && (rank & (BIT_UNHEALTHY | BIT_DENIED)) == 0;
}

uint64_t bw_core_rank_health(uint64_t rank)
{
    return rank >> SHIFT_SECURED;
}

uint64_t bw_core_rank_started(uint64_t rank)
{
    return rank & ~BIT_WAITING;
}

uint64_t bw_core_rank_allowed(uint64_t rank)
{
    return rank & ~BIT_DENIED;
}

uint8_t bw_core_successor(const struct bw_core *core, uint8_t group, uint8_t except, bool healthy)
{
    uint64_t best = UINT64_MAX;
    uint8_t found = BW_NONE;

    for (uint8_t i = 0; i < core->count; i++) {
        uint64_t rank;

        if (i == except || (i != core->self && !core->members[i].in_view))
            continue;
        rank = bw_core_rank(core, group, i);
        if (rank < best && (healthy ? bw_core_healthy_rank(rank) : bw_core_fit(rank))) {
            best = rank;
            found = i;
        }
    }
    return found;
}

uint8_t bw_core_candidate(const struct bw_core *core, uint8_t group)
{
    return bw_core_successor(core, group, BW_NONE, false);
}

uint8_t bw_core_preferred(const struct bw_core *core, uint8_t group, uint64_t own)
{
    uint8_t other = bw_core_successor(core, group, core->self, false);

    if (!bw_core_fit(own))
        return other;
    return other == BW_NONE || own < bw_core_rank(core, group, other) ? core->self : other;
}
