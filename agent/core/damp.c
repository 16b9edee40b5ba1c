/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Flap damping: a member that lost what it held several times within a window, through its own
 * condition and not by anybody's wish, ranks behind all that work as well as it does until it has
 * been quiet. Of two that flip, only one is damped: with both of them nothing would be gained.
 */
#include "agent/core/core_private.h"

#define WINDOW_NS (60 * BW_SEC)
#define QUIET_NS  (30 * BW_SEC)
#define TAKES     (sizeof(core->takes_ns) / sizeof(core->takes_ns[0]))
#define LOSSES    (sizeof(((struct bw_core *)0)->losses_ns) / sizeof(uint64_t))

static void set_damped(struct bw_core *core, bool damped)
{
    core->damped = damped;
    core->dirty = core->again = core->send = true;
    core->trouble_serial++;
}

static bool another_is_damped(const struct bw_core *core)
{
    for (uint8_t i = 0; i < core->count; i++)
        if (core->members[i].met && (core->members[i].told.flags & BW_FLAG_DAMPED))
            return true;
    return false;
}

/* Was it somebody's wish: maintenance, a move, a failback to the preferred member? */
static bool wanted(const struct bw_core *core, uint8_t group)
{
    uint8_t taker = core->groups[group].confirm_member;
    const struct bw_group_part *part;

    if (bw_core_excluded(core) || core->admin != BW_ADMIN_UP || bw_core_stopped(core, group) ||
        core->groups[group].deny == BW_DENY_ADMIN)
        return true;
    if (taker == BW_NONE)
        return false;
    part = &core->members[taker].told.groups[group];
    return (part->flags & BW_GROUP_HOLDS) && part->hold_epoch == core->groups[group].confirm_epoch &&
           (part->cause == BW_CAUSE_RECOVERY || part->cause == BW_CAUSE_ADMIN);
}

void bw_core_damp_loss(struct bw_core *core, uint8_t group)
{
    if (wanted(core, group) || (core->losses_ns[LOSSES - 1] == core->now_ns))
        return; /* several groups lost at once are one loss */
    memmove(&core->losses_ns[0], &core->losses_ns[1], (LOSSES - 1) * sizeof(core->losses_ns[0]));
    core->losses_ns[LOSSES - 1] = core->now_ns;
    if (!core->damped && core->losses_ns[0] != 0 && core->now_ns - core->losses_ns[0] <= WINDOW_NS && !another_is_damped(core))
        set_damped(core, true);
}

/*
 * Where nothing but one-way paths are left, members in a ring may chase each other as fast as messages travel: each is alone, takes,
 * and lets go when it hears the next one. Nothing can settle that, but it is kept slow.
 */
bool bw_core_damp_alone(struct bw_core *core)
{
    uint64_t window = 10 * core->dead_ns;

    if (core->takes_ns[TAKES - 1] == core->now_ns)
        return true; /* another group in the same turn */
    if (core->takes_ns[0] != 0 && core->now_ns - core->takes_ns[0] < window) {
        if (core->hold_off_ns <= core->takes_ns[TAKES - 1]) {
            core->random = core->random * 6364136223846793005ULL + 1442695040888963407ULL;
            core->hold_off_ns = core->now_ns + core->dead_ns + (core->random >> 33) % (3 * core->dead_ns);
        }
        if (core->now_ns < core->hold_off_ns) {
            core->held_off = true;
            bw_core_due(core, core->hold_off_ns);
            return false;
        }
    }
    core->held_off = false;
    memmove(&core->takes_ns[0], &core->takes_ns[1], (TAKES - 1) * sizeof(core->takes_ns[0]));
    core->takes_ns[TAKES - 1] = core->now_ns;
    return true;
}

void bw_core_damp_run(struct bw_core *core)
{
    uint64_t until = core->quiet_ns + QUIET_NS;
    bool well = bw_core_healthy(core);

    core->held_off = false; /* until a taking is put off again in this turn */
    if (!core->damped)
        return;
    if (!well || core->damp_was_well != well || core->quiet_ns < core->losses_ns[LOSSES - 1])
        core->quiet_ns = core->now_ns;
    core->damp_was_well = well;
    if (well && core->now_ns >= until) {
        memset(core->losses_ns, 0, sizeof(core->losses_ns));
        set_damped(core, false);
    } else if (well) {
        bw_core_due(core, core->quiet_ns + QUIET_NS);
    }
}
