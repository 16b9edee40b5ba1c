/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Could a failover succeed now, and if not, what is in the way of each member? */
#include "agent/core/core_private.h"

/* Why a member could not take the group over, or NULL when it could. text: room for one that has to be made. */
static const char *obstacle_of(const struct bw_core *core, uint8_t group, uint8_t member, char *text, size_t cap)
{
    const struct bw_core_member *m = &core->members[member];
    const struct bw_told *told = &m->told;

    if (member != core->self && !m->heard)
        return m->farewell ? "has ended" : "is unreachable";
    if (member != core->self && !m->in_view)
        return "does not hear this member";
    if (bw_core_healthy_rank(bw_core_rank(core, group, member)))
        return member == core->self && core->deaf ? "is deaf" : NULL;
    if (told->flags & BW_FLAG_STOPPING)
        return "is ending";
    if (told->flags & BW_FLAG_EXCLUDED)
        return told->admin == BW_ADMIN_MAINTENANCE ? "is in maintenance" : "is forced down";
    if (told->flags & BW_FLAG_WAITING)
        return "is starting";
    if (told->flags & BW_FLAG_TIED)
        return "misses members and reaches no witness";
    if (told->flags & BW_FLAG_LISTENING)
        return "listens before it takes part again";
    if (told->admin == BW_ADMIN_DOWN)
        return "is down by an administrator";
    if (!(told->flags & BW_FLAG_HEALTHY)) {
        bw_format(text, cap, "has a problem: %s", m->reason);
        return text;
    }
    if (told->groups[group].flags & BW_GROUP_DENY)
        return "is denied to start it";
    return bw_core_fit(bw_core_rank(core, group, member)) ? "is not allowed to hold it"
                                                            : "runs a newer version or is not in the group's policy";
}

static bool never_met_anyone(const struct bw_core *core)
{
    for (uint8_t i = 0; i < core->count; i++)
        if (core->members[i].met)
            return false;
    return true;
}

bool bw_core_anyone_can(const struct bw_core *core, uint8_t group, uint8_t except, char *obstacle, size_t cap)
{
    size_t n = 0;

    obstacle[0] = '\0';
    for (uint8_t i = 0; i < core->count; i++) {
        char made[BW_TEXT_MAX];
        const char *why;

        if (i == except)
            continue;
        why = obstacle_of(core, group, i, made, sizeof(made));
        if (why == NULL) {
            obstacle[0] = '\0';
            return true;
        }
        n += bw_format(obstacle + n, cap - n, "%s%s %s", n > 0 ? "; " : "", bw_core_name(core, i), why);
    }
    if (n == 0)
        bw_copy(obstacle, cap, "there is no other member");
    return false;
}

bool bw_core_takeover_possible(const struct bw_core *core, uint8_t group, uint8_t from, char *obstacle, size_t cap)
{
    obstacle[0] = '\0';
    if (from == BW_NONE && bw_core_stopped(core, group)) {
        bw_format(obstacle, cap, "%s is stopped", core->config->groups[group].name);
        return false;
    }
    if (from == BW_NONE) {
        bw_copy(obstacle, cap, "no member is active");
        return false;
    }
    if (core->count > 1 && never_met_anyone(core) && !core->waiting) {
        if (core->refused[0] != '\0')
            bw_format(obstacle, cap, "hears no other member, and refuses %s: are key and configuration the same on all?", core->refused);
        else
            bw_copy(obstacle, cap, "this member hears no other one on any interface: does a firewall drop UDP 8116?");
        return false;
    }
    return bw_core_anyone_can(core, group, from, obstacle, cap);
}
