/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rank: who should hold a group. One number per member from what it last said of itself, the same
 * everywhere; smaller is better. From the top: excluded, in start-up wait, listening or tied, newer version
 * than the holder's (with one of these a member is not fit), denied, denied and not holding, unhealthy, fewer interfaces,
 * fewer secured ones, damped, not holding now (active up), place in the policy, priority, id.
 */
#include "agent/core/core_private.h"

#define BIT_EXCLUDED   (1ULL << 47)
#define BIT_WAITING    (1ULL << 46)
#define BIT_NEWER      (1ULL << 45)
#define BIT_DENIED     (1ULL << 44)
#define BIT_AWAY       (1ULL << 43) /* denied and not holding: among those that may not start it nothing moves it */
#define BIT_UNHEALTHY  (1ULL << 42)
#define SHIFT_UP       34
#define SHIFT_SECURED  26
#define BIT_DAMPED     (1ULL << 25) /* last among those that work as well: better a flapping member than a broken one */
#define BIT_IDLE       (1ULL << 24)
#define SHIFT_ORDER    16
#define SHIFT_PRIORITY 8

bool bw_core_sticky(const struct bw_core *core, uint8_t group)
{
    return !core->groups[group].failback;
}

/*
 * Whom does this member wait for, by its protocol version? A newer one waits for an older holder, unless that is about to leave; of
 * two that do not understand each other the one that holds goes on, and when none holds the older one. BW_NONE = nobody.
 */
static uint8_t waits_for(const struct bw_core *core, uint8_t group, uint8_t member)
{
    const struct bw_told *told = &core->members[member].told;
    bool holds = (told->groups[group].flags & BW_GROUP_HOLDS) != 0;

    for (uint8_t i = 0; i < core->count; i++) {
        const struct bw_told *other = &core->members[i].told;
        bool other_holds = (other->groups[group].flags & BW_GROUP_HOLDS) != 0;

        if (i == member || (i != core->self && !core->members[i].in_view) || (other->flags & (BW_FLAG_EXCLUDED | BW_FLAG_STOPPING)))
            continue;
        if (other_holds && other->protocol < told->protocol)
            return i;
        if (other->protocol < told->protocol_least && !holds)
            return i;
        if (told->protocol < other->protocol_least && other_holds && !holds)
            return i;
    }
    return BW_NONE;
}

uint8_t bw_core_waits_for_version(const struct bw_core *core)
{
    uint8_t found = BW_NONE;

    for (uint8_t g = 0; core->versions_differ && g < core->config->groups_count && found == BW_NONE; g++)
        found = waits_for(core, g, core->self);
    return found;
}

uint64_t bw_core_rank(const struct bw_core *core, uint8_t group, uint8_t member)
{
    const struct bw_told *told = &core->members[member].told;
    const struct bw_group_part *part = &told->groups[group];
    uint8_t order = part->order; /* place and priority are what it says itself: so all rank it alike */
    uint64_t rank = 0;

    if ((told->flags & (BW_FLAG_EXCLUDED | BW_FLAG_STOPPING)) || order == BW_NONE || !(told->groups_told >> group & 1))
        rank |= BIT_EXCLUDED;
    if (told->flags & (BW_FLAG_WAITING | BW_FLAG_LISTENING | BW_FLAG_TIED))
        rank |= BIT_WAITING;
    if (core->versions_differ && waits_for(core, group, member) != BW_NONE)
        rank |= BIT_NEWER;
    if (part->flags & BW_GROUP_DENY)
        rank |= part->flags & BW_GROUP_HOLDS ? BIT_DENIED : BIT_DENIED | BIT_AWAY;
    if (told->flags & BW_FLAG_DAMPED)
        rank |= BIT_DAMPED;
    if (!(told->flags & BW_FLAG_HEALTHY))
        rank |= BIT_UNHEALTHY;
    rank |= (uint64_t)(UINT8_MAX - told->interfaces_up) << SHIFT_UP;
    rank |= (uint64_t)(UINT8_MAX - told->secured_up) << SHIFT_SECURED;
    if (bw_core_sticky(core, group) && !(part->flags & BW_GROUP_HOLDS))
        rank |= BIT_IDLE;
    rank |= (uint64_t)order << SHIFT_ORDER;
    rank |= (uint64_t)(told->priority != 0 ? told->priority : core->config->members[member].priority) << SHIFT_PRIORITY;
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
    return rank & ~(BIT_WAITING | BIT_UNHEALTHY); /* its first synchronisation, say: well when that ends */
}

uint64_t bw_core_rank_allowed(uint64_t rank)
{
    return rank & ~(BIT_DENIED | BIT_AWAY);
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
