/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Flap damping: a member that took over several times within a window ranks last until it has been
 * quiet. Of two that flip, only one is damped: the other would gain nothing.
 */
#include "agent/core/core_private.h"

#define WINDOW_NS (60 * BW_SEC)
#define QUIET_NS  (30 * BW_SEC)
#define TAKES     (sizeof(core->takes_ns) / sizeof(core->takes_ns[0]))

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

void bw_core_damp_take(struct bw_core *core, uint32_t cause)
{
    if (cause == BW_CAUSE_START || cause == BW_CAUSE_ADMIN)
        return;
    memmove(&core->takes_ns[0], &core->takes_ns[1], (TAKES - 1) * sizeof(core->takes_ns[0]));
    core->takes_ns[TAKES - 1] = core->flapped_ns = core->now_ns;
    if (core->damped || core->takes_ns[0] == 0 || core->now_ns - core->takes_ns[0] > WINDOW_NS || another_is_damped(core))
        return;
    set_damped(core, true);
}

void bw_core_damp_loss(struct bw_core *core)
{
    core->flapped_ns = core->now_ns;
}

void bw_core_damp_run(struct bw_core *core)
{
    if (!core->damped)
        return;
    if (core->now_ns - core->flapped_ns >= QUIET_NS) {
        memset(core->takes_ns, 0, sizeof(core->takes_ns));
        set_damped(core, false);
    } else {
        bw_core_due(core, core->flapped_ns + QUIET_NS);
    }
}
