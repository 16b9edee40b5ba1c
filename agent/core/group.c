/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What administrators want of a group: started or stopped, everywhere or on one member; and the start
 * permission of the local member. A decision is a number that only grows, odd = stopped, even =
 * started; every heartbeat carries the newest one known and whoever hears a newer one adopts it, so
 * two decisions never contradict each other at the same number. Without any, a group is as it is
 * configured: started by itself, or only by an administrator.
 */
#include "agent/core/core_private.h"

#define WITHIN_NS (3 * BW_SEC)

static const char *group_name(const struct bw_core *core, uint8_t group)
{
    return core->config->groups[group].name;
}

static bool stops(const struct bw_core *core, uint8_t group, uint64_t wish)
{
    return wish == 0 ? core->config->groups[group].start == BW_MANUAL : wish % 2 == 1;
}

bool bw_core_stopped(const struct bw_core *core, uint8_t group)
{
    return stops(core, group, core->groups[group].wish);
}

static void set_wish(struct bw_core *core, uint8_t group, uint64_t wish, const char *reason)
{
    struct bw_core_group *g = &core->groups[group];
    bool before = bw_core_stopped(core, group), now = stops(core, group, wish);

    g->wish = wish;
    core->send = core->dirty = core->again = true;
    if (before == now)
        return;
    core->trouble_serial++;
    bw_core_event(core, BW_EVENT_ADMIN, BW_NONE, group_name(core, group), before ? "stopped" : "started",
                  now ? "stopped" : "started", reason)
        ->group = group + 1U;
}

void bw_core_groups_reconfigured(struct bw_core *core, const struct bw_cluster_config *former)
{
    for (uint8_t g = 0; g < core->config->groups_count; g++)
        if (core->groups[g].wish == 0 && former->groups[g].start != core->config->groups[g].start)
            core->groups[g].wish = core->config->groups[g].start == BW_MANUAL ? 2 : 1;
}

void bw_core_wish(struct bw_core *core, uint8_t group, bool run, const char *who)
{
    char reason[BW_TEXT_MAX];

    if (bw_core_stopped(core, group) != run)
        return;
    bw_format(reason, sizeof(reason), "asked for by %s", who[0] != '\0' ? who : "an administrator");
    /* To the next number of that kind: from 0, 1 stops and 2 starts. */
    set_wish(core, group, core->groups[group].wish + (core->groups[group].wish % 2 == run ? 1 : 2), reason);
}

void bw_core_wish_heard(struct bw_core *core, uint8_t group, uint64_t wish, uint8_t from)
{
    char reason[BW_TEXT_MAX];

    if (wish <= core->groups[group].wish)
        return;
    bw_format(reason, sizeof(reason), "told by %s", bw_core_name(core, from));
    set_wish(core, group, wish, reason);
}

/* ---- start permission ---- */

static void set_denied(struct bw_core *core, uint8_t group, unsigned denied, const char *reason)
{
    struct bw_core_group *g = &core->groups[group];
    bool before = g->denied != 0, now = denied != 0;

    g->denied = (uint8_t)denied;
    g->deny = BW_DENY_NONE;
    for (uint8_t cause = BW_DENY_LAST; cause > BW_DENY_NONE; cause--)
        if (denied >> cause & 1)
            g->deny = cause;
    core->trouble_serial++;
    core->send = core->dirty = core->again = true;
    if (before != now)
        bw_core_event(core, BW_EVENT_ADMIN, core->self, group_name(core, group), before ? "deny" : "allow",
                      now ? "deny" : "allow", reason)
            ->group = group + 1U;
}

void bw_core_deny(struct bw_core *core, uint8_t group, enum bw_deny deny, const char *reason)
{
    struct bw_core_group *g = &core->groups[group];
    bool again = (g->failing >> deny & 1) != 0;

    if (strcmp(g->deny_reasons[deny], reason) != 0) {
        bw_copy(g->deny_reasons[deny], sizeof(g->deny_reasons[deny]), reason);
        core->dirty = true;
        core->trouble_serial++;
    }
    if (again)
        return;
    g->failing |= (uint8_t)(1U << deny);
    set_denied(core, group, g->denied | 1U << deny, reason);
}

bool bw_core_allow(struct bw_core *core, uint8_t group, enum bw_deny deny, const char *reason)
{
    struct bw_core_group *g = &core->groups[group];

    if (!(g->failing >> deny & 1) && !(g->denied >> deny & 1))
        return true;
    /* While it goes on here nothing has moved away, and what works again works. */
    if (deny == BW_DENY_RESOURCE && (g->denied >> deny & 1) && !g->holding)
        return false;
    g->failing &= (uint8_t) ~(1U << deny);
    set_denied(core, group, g->denied & ~(1U << deny), reason);
    return true;
}

void bw_core_allow_all(struct bw_core *core, uint8_t group, const char *reason)
{
    struct bw_core_group *g = &core->groups[group];

    /* A watched address that is still lost is known to the administrator; a process is started anew, and may fail anew. */
    g->failing &= 1U << BW_DENY_WATCH;
    if (g->denied != 0)
        set_denied(core, group, 0, reason);
}

void bw_core_deny_request(struct bw_core *core, const struct bw_request *request, struct bw_answer *answer)
{
    uint8_t group = (uint8_t)(request->group - 1);
    enum bw_deny deny = request->deny;

    if (request->group < 1 || request->group > core->config->groups_count) {
        answer->result = BW_RESULT_NOT_FOUND;
        bw_copy(answer->text, sizeof(answer->text), "no group has that number");
    } else if (deny < BW_DENY_ADMIN || deny > BW_DENY_LAST) {
        answer->result = BW_RESULT_INVALID;
        bw_copy(answer->text, sizeof(answer->text), "unknown cause; allowed: admin, resource, watch");
    } else if (request->kind == BW_REQUEST_GROUP_DENY) {
        bw_core_deny(core, group, deny, request->text);
    } else if (!bw_core_allow(core, group, deny, request->text)) {
        answer->result = BW_RESULT_REFUSED;
        bw_format(answer->text, sizeof(answer->text),
                  "a failed resource took %s away from %s: an administrator starts it there, or %s restarts",
                  group_name(core, group), bw_core_name(core, core->self), bw_core_name(core, core->self));
    }
}

uint8_t bw_core_held_denied(const struct bw_core *core)
{
    for (uint8_t g = 0; g < core->config->groups_count; g++)
        if (core->groups[g].holding && core->groups[g].deny != BW_DENY_NONE)
            return g;
    return BW_NONE;
}

const char *bw_core_deny_reason(const struct bw_core *core, uint8_t group, uint8_t member)
{
    static const char *const texts[] = {
        [BW_DENY_NONE] = "", [BW_DENY_ADMIN] = "stopped there by an administrator",
        [BW_DENY_RESOURCE] = "a resource of the group failed there", [BW_DENY_WATCH] = "a watched address is lost there",
    };
    const struct bw_told *told = &core->members[member].told;

    if (member == core->self)
        return core->groups[group].deny != BW_DENY_NONE ? core->groups[group].deny_reasons[core->groups[group].deny] : "";
    if (!(told->groups[group].flags & BW_GROUP_DENY))
        return "";
    return told->wishes[group].deny <= BW_DENY_LAST && told->wishes[group].deny != BW_DENY_NONE ? texts[told->wishes[group].deny]
                                                                                                  : "that member says so";
}

/* ---- start and stop ---- */

static void refuse(struct bw_answer *answer, const char *format, const char *a, const char *b, const char *c)
{
    answer->result = BW_RESULT_REFUSED;
    bw_format(answer->text, sizeof(answer->text), format, a, b, c);
}

static void wait_for(struct bw_core *core, uint8_t group, int kind, const struct bw_core_move *asker, struct bw_answer *answer)
{
    struct bw_core_wait *w = &core->waits[group];

    w->kind = kind;
    w->until_ns = core->now_ns + WITHIN_NS;
    w->asker = *asker;
    answer->result = BW_RESULT_PENDING;
}

/* What both kinds of start need. */
static bool may_start(struct bw_core *core, uint8_t group, struct bw_answer *answer)
{
    uint8_t holder = bw_core_known_holder(core, group);
    const char *name = group_name(core, group);

    if (holder != BW_NONE)
        refuse(answer, "%s runs on %s already: move it instead, or stop it first", name, bw_core_name(core, holder), "");
    else if (core->waits[group].kind != BW_WAIT_NONE || core->groups[group].moving)
        refuse(answer, "another request for %s is under way: ask again when it has ended", name, "", "");
    else
        return true;
    return false;
}

static void start_here(struct bw_core *core, uint8_t group, const struct bw_core_move *asker, const char *who, struct bw_answer *answer)
{
    struct bw_core_group *g = &core->groups[group];
    uint64_t own = bw_core_rank_allowed(bw_core_rank(core, group, core->self));
    uint8_t other = bw_core_successor(core, group, core->self, false);
    const char *name = group_name(core, group), *self = bw_core_name(core, core->self);

    if (!bw_core_fit(own) || bw_core_working(core, false) == 0) {
        refuse(answer, "%s cannot run %s now: it must be up, in the group's policy, and past its start-up wait", self, name, "");
    } else if (other != BW_NONE && bw_core_rank_health(bw_core_rank(core, group, other)) < bw_core_rank_health(own)) {
        refuse(answer, "%s works less well than %s: start %s there, or solve its problems first", self, bw_core_name(core, other), name);
    } else if (!bw_core_sticky(core, group) && bw_core_preferred(core, group, own) != core->self) {
        refuse(answer, "%s would fail back to %s at once: start it there, or put that member down first", name,
               bw_core_name(core, other), "");
    } else {
        bw_core_wish(core, group, true, who);
        bw_core_allow_all(core, group, "an administrator starts it here");
        answer->result = BW_RESULT_PENDING;
        g->moving = true;
        g->move_until_ns = core->now_ns + WITHIN_NS;
        core->moves[group] = *asker;
    }
}

void bw_core_group_start(struct bw_core *core, uint8_t group, uint8_t member, const struct bw_core_move *asker, const char *who,
                         struct bw_answer *answer)
{
    char obstacle[BW_TEXT_MAX];

    bw_core_tell(core);
    if (bw_core_service_refuses(core, answer) || !may_start(core, group, answer))
        return;
    if (member == core->self) {
        start_here(core, group, asker, who, answer);
        return;
    }
    if (bw_core_candidate(core, group) == BW_NONE) {
        bw_core_anyone_can(core, group, BW_NONE, obstacle, sizeof(obstacle));
        refuse(answer, "no member can run %s now: %s", group_name(core, group), obstacle, "");
        return;
    }
    bw_core_wish(core, group, true, who);
    wait_for(core, group, BW_WAIT_HELD, asker, answer);
}

void bw_core_group_stop(struct bw_core *core, uint8_t group, uint8_t member, const struct bw_core_move *asker, const char *who,
                        struct bw_answer *answer)
{
    const char *name = group_name(core, group), *self = bw_core_name(core, core->self);
    uint8_t holder = bw_core_known_holder(core, group);
    char text[BW_TEXT_MAX];

    bw_core_tell(core);
    if (bw_core_service_refuses(core, answer))
        return;
    if (!core->groups[group].holding && holder != BW_NONE) {
        refuse(answer, "%s does not run on %s: it runs on %s, ask for that", name, self, bw_core_name(core, holder));
    } else if (!core->groups[group].holding) {
        refuse(answer, bw_core_stopped(core, group) ? "%s is stopped already: it must run to be stopped"
                                                    : "%s runs nowhere now: it must run to be stopped", name, "", "");
    } else if (core->waits[group].kind != BW_WAIT_NONE) {
        refuse(answer, "another request for %s is under way: ask again when it has ended", name, "", "");
    } else if (member == BW_NONE) {
        bw_core_wish(core, group, false, who);
        wait_for(core, group, BW_WAIT_GONE, asker, answer);
    } else if (!bw_core_takeover_possible(core, group, core->self, text, sizeof(text))) {
        refuse(answer, "no other member can run %s: %s; to stop it everywhere name no member", name, text, "");
    } else {
        bw_format(text, sizeof(text), "stopped here by %s", who[0] != '\0' ? who : "an administrator");
        bw_core_deny(core, group, BW_DENY_ADMIN, text);
        wait_for(core, group, BW_WAIT_LEFT, asker, answer);
    }
}

static bool reached(const struct bw_core *core, uint8_t group)
{
    const struct bw_core_group *g = &core->groups[group];

    if (core->waits[group].kind == BW_WAIT_HELD)
        return bw_core_named_holder(core, group) != BW_NONE;
    return !g->holding && !g->releasing;
}

/* What was wanted did not come about in time. */
static void give_up(struct bw_core *core, uint8_t group, struct bw_answer *answer)
{
    const char *name = group_name(core, group);

    switch (core->waits[group].kind) {
    case BW_WAIT_HELD:
        refuse(answer, "%s is started, but no member has taken it yet", name, "", "");
        break;
    case BW_WAIT_LEFT:
        if (core->groups[group].deny == BW_DENY_ADMIN)
            bw_core_allow(core, group, BW_DENY_ADMIN, "no other member took it over");
        refuse(answer, "no other member took %s over in time: it goes on here", name, "", "");
        break;
    default:
        refuse(answer, "%s is stopped, but its addresses are not off yet", name, "", "");
        break;
    }
}

void bw_core_waits_run(struct bw_core *core)
{
    for (uint8_t i = 0; i < core->config->groups_count; i++) {
        struct bw_core_wait *w = &core->waits[i];
        struct bw_answer answer = {.result = BW_RESULT_DONE};

        if (w->kind == BW_WAIT_NONE)
            continue;
        if (!reached(core, i)) {
            if (core->now_ns < w->until_ns) {
                bw_core_due(core, w->until_ns);
                continue;
            }
            give_up(core, i, &answer);
        }
        w->kind = BW_WAIT_NONE;
        bw_core_command_done(core, &w->asker, &answer);
    }
}
