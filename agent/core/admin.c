/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What administrators want of the local member: up, down, maintenance, forced down, a group moved
 * here, and the orderly end of the process.
 */
#include "agent/core/core_private.h"

#define MOVE_WITHIN_NS (3 * BW_SEC)
#define RELEASE_WITHIN_NS BW_SEC /* an orderly end waits this long for the addresses to go */

bool bw_core_excluded(const struct bw_core *core)
{
    return core->stopping || core->admin == BW_ADMIN_MAINTENANCE || core->admin == BW_ADMIN_FORCE_DOWN;
}

static bool someone_takes_all(const struct bw_core *core, struct bw_answer *answer)
{
    char obstacle[BW_TEXT_MAX];

    for (uint8_t g = 0; g < core->config->groups_count && !bw_core_only_watches(core); g++) {
        if (!core->groups[g].holding || bw_core_takeover_possible(core, g, core->self, obstacle, sizeof(obstacle)))
            continue;
        answer->result = BW_RESULT_REFUSED;
        bw_format(answer->text, sizeof(answer->text), "%s serves and no other member can take over: %s; force it all the same",
                  bw_core_name(core, core->self), obstacle);
        return false;
    }
    return true;
}

/* Down and maintenance of a holder need a successor. For one that leaves, a newer version is no obstacle. */
static bool may_leave(struct bw_core *core, uint32_t admin, struct bw_answer *answer)
{
    uint16_t flags = core->members[core->self].told.flags;
    bool may;

    if (admin == BW_ADMIN_MAINTENANCE)
        core->members[core->self].told.flags |= BW_FLAG_EXCLUDED;
    may = someone_takes_all(core, answer);
    core->members[core->self].told.flags = flags;
    return may;
}

static void change(struct bw_core *core, uint32_t admin, const char *who, int64_t since_wall, const char *reason)
{
    uint32_t before = core->admin;
    bool was_excluded = bw_core_excluded(core);

    core->admin = admin;
    bw_copy(core->admin_by, sizeof(core->admin_by), who);
    core->admin_since_wall = since_wall;
    if (!was_excluded)
        core->excluded_ns = core->now_ns;
    core->dirty = core->pages_dirty = core->send = true;
    core->trouble_serial++;
    bw_core_fact_changed(core);
    bw_core_event(core, BW_EVENT_ADMIN, core->self, NULL, bw_enum_text(&bw_enum_admin_state, before),
                  bw_enum_text(&bw_enum_admin_state, admin == BW_ADMIN_FORCE_DOWN ? BW_ADMIN_DOWN : admin), reason)
        ->cause = BW_CAUSE_ADMIN;
}

void bw_core_admin_restore(struct bw_core *core, uint32_t admin, const char *who, int64_t since_wall, const char *why)
{
    if (admin != core->admin)
        change(core, admin, who, since_wall, why);
}

void bw_core_admin_set(struct bw_core *core, uint32_t admin, const char *who, struct bw_answer *answer)
{
    char reason[BW_TEXT_MAX];

    if (admin < BW_ADMIN_UP || admin > BW_ADMIN_FORCE_DOWN) {
        answer->result = BW_RESULT_INVALID;
        bw_copy(answer->text, sizeof(answer->text), "unknown admin state; allowed: up, down, maintenance, force-down");
        return;
    }
    if (admin == core->admin) {
        core->admin_asked = true;
        return;
    }
    if ((admin == BW_ADMIN_DOWN || admin == BW_ADMIN_MAINTENANCE) && !may_leave(core, admin, answer))
        return;
    bw_format(reason, sizeof(reason), "asked for by %s", who[0] != '\0' ? who : "an administrator");
    core->admin_asked = true;
    change(core, admin, who, core->wall, reason);
}

static void refuse_move(struct bw_answer *answer, const char *text, const char *name)
{
    answer->result = BW_RESULT_REFUSED;
    bw_format(answer->text, sizeof(answer->text), text, name);
}

void bw_core_move_start(struct bw_core *core, uint8_t group, const struct bw_core_move *asker, struct bw_answer *answer)
{
    struct bw_core_group *g = &core->groups[group];
    const char *self = bw_core_name(core, core->self);
    uint8_t holder = bw_core_named_holder(core, group);
    uint64_t rank;

    bw_core_tell(core);
    rank = bw_core_rank_allowed(bw_core_rank(core, group, core->self));
    if (g->holding)
        return; /* done already */
    if (bw_core_service_refuses(core, answer))
        return;
    if (g->moving)
        refuse_move(answer, "a move of this group to %s is under way", self);
    else if (bw_core_stopped(core, group))
        refuse_move(answer, "%s is stopped: start it instead", core->config->groups[group].name);
    else if (bw_core_known_holder(core, group) == BW_NONE)
        refuse_move(answer, "no member runs %s now: start it instead", core->config->groups[group].name);
    else if (!bw_core_fit(rank) || bw_core_working(core, false) == 0)
        refuse_move(answer, "%s cannot serve now: it must be up, past its start-up wait and no newer than the holder", self);
    else if (holder != BW_NONE && core->members[holder].in_view &&
             bw_core_rank_health(bw_core_rank(core, group, holder)) < bw_core_rank_health(rank))
        refuse_move(answer, "%s works less well than the member that serves: its problems must be solved first", self);
    else if (!bw_core_sticky(core, group) && bw_core_preferred(core, group, rank) != core->self)
        refuse_move(answer, "the group would fail back from %s at once (recovery primary-up): put the preferred member down instead", self);
    else {
        answer->result = BW_RESULT_PENDING;
        g->moving = true;
        g->move_until_ns = core->now_ns + MOVE_WITHIN_NS;
        g->sign_ns = core->now_ns;
        core->moves[group] = *asker;
        bw_core_allow_all(core, group, "an administrator moves it here");
    }
}

void bw_core_moves_run(struct bw_core *core)
{
    for (uint8_t i = 0; i < core->config->groups_count; i++) {
        struct bw_core_group *g = &core->groups[i];
        struct bw_answer answer = {.result = BW_RESULT_DONE};

        if (!g->moving)
            continue;
        if (!g->holding && core->now_ns < g->move_until_ns && !bw_core_stopped(core, i)) {
            bw_core_due(core, g->move_until_ns);
            continue;
        }
        if (!g->holding)
            refuse_move(&answer, bw_core_stopped(core, i) ? "the group was stopped before it ran on %s"
                                                          : "the other members did not confirm the move to %s",
                        bw_core_name(core, core->self));
        g->moving = false;
        core->again = true;
        bw_core_command_done(core, &core->moves[i], &answer);
    }
}

void bw_core_stop(struct bw_core *core)
{
    if (core->stopping)
        return;
    if (!bw_core_excluded(core))
        core->excluded_ns = core->now_ns;
    core->stopping = true;
    core->stop_ns = core->now_ns;
    core->send = core->dirty = true;
    core->trouble_serial++;
    bw_core_event(core, BW_EVENT_START, core->self, NULL, "running", "stopped", "ends in order");
}

/* Runs last in the turn: the heartbeat that says that all is released is queued already. */
void bw_core_stop_run(struct bw_core *core)
{
    bool busy = bw_core_holds_any(core) && !bw_core_only_watches(core);

    if (!core->stopping || core->stopped)
        return;
    for (uint8_t g = 0; g < core->config->groups_count; g++)
        if (core->groups[g].releasing)
            busy = true;
    if (busy && core->now_ns - core->stop_ns < RELEASE_WITHIN_NS) {
        bw_core_due(core, core->stop_ns + RELEASE_WITHIN_NS);
        return;
    }
    core->stopped = true;
    bw_core_put(core, BW_OUTPUT_FAREWELL)->interfaces = bw_core_send_mask(core);
    bw_core_put(core, BW_OUTPUT_STOPPED);
}
