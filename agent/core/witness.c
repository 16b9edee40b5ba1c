/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Witnesses: hosts outside the cluster that break the tie between two halves that do not see each
 * other. They are asked once an interval while a configured member is missing or late, and seldom
 * otherwise. A half in which nobody reaches any witness lets go and takes nothing. One in which
 * somebody does goes on, also a single member; and while all members are in view, or those that are
 * not said that they are over, witnesses mean nothing.
 */
#include "agent/core/core_private.h"

#define SELDOM_NS (10 * BW_SEC)

static bool is_absent(const struct bw_core_member *m)
{
    return !m->in_view && !m->farewell;
}

static bool anyone_absent(const struct bw_core *core)
{
    for (uint8_t i = 0; i < core->count; i++)
        if (i != core->self && is_absent(&core->members[i]))
            return true;
    return false;
}

/* Since when the first turn of a member in view is missing. Notes when the next one would be. */
static bool anyone_late(struct bw_core *core)
{
    bool late = false;

    for (uint8_t i = 0; i < core->count; i++) {
        const struct bw_core_member *m = &core->members[i];
        uint64_t at = m->heard_ns + core->slowest_ns + core->slowest_ns / 4;

        if (i == core->self || !m->in_view)
            continue;
        if (core->now_ns >= at)
            late = true;
        else
            bw_core_due(core, at);
    }
    return late;
}

/* What was answered seldom says nothing of a moment at which it is needed. */
static bool answers(const struct bw_core *core)
{
    return core->witness.needed && core->witness.heard_ns != 0 && core->now_ns - core->witness.heard_ns < core->dead_ns;
}

uint16_t bw_core_witness_flags(const struct bw_core *core)
{
    if (core->config->witnesses_count == 0)
        return 0;
    return (uint16_t)((answers(core) ? BW_FLAG_WITNESS : 0) | (anyone_absent(core) ? BW_FLAG_MISSES : 0) |
                      (core->witness.lost ? BW_FLAG_TIED : 0));
}

/* Somebody in view may see less than we do. */
static bool anyone_misses(const struct bw_core *core)
{
    for (uint8_t i = 0; i < core->count; i++)
        if (i != core->self && core->members[i].in_view && (core->members[i].told.flags & BW_FLAG_MISSES))
            return true;
    return false;
}

/* The local member, or one that it sees, reaches a witness. */
static bool anyone_reaches(const struct bw_core *core)
{
    if (answers(core))
        return true;
    for (uint8_t i = 0; i < core->count; i++)
        if (i != core->self && core->members[i].in_view && (core->members[i].told.flags & BW_FLAG_WITNESS))
            return true;
    return false;
}

bool bw_core_witness_lost(const struct bw_core *core)
{
    return core->config->witnesses_count > 0 && anyone_absent(core) && !anyone_reaches(core);
}

bool bw_core_witness_lets_go(struct bw_core *core)
{
    uint64_t at = core->witness.since_ns + core->dead_ns; /* time for some to answer */

    if (!bw_core_witness_lost(core))
        return false;
    if (core->now_ns < at)
        bw_core_due(core, at);
    return core->now_ns >= at;
}

bool bw_core_witness_regained(struct bw_core *core)
{
    uint64_t until = core->witness.regained_ns + core->dead_ns;

    if (core->witness.regained_ns == 0 || core->now_ns >= until)
        return false;
    bw_core_due(core, until);
    return true;
}

bool bw_core_witness_would_be_missed(const struct bw_core *core)
{
    bool known = core->witness.heard_ns != 0 && core->now_ns - core->witness.heard_ns < 2 * SELDOM_NS;

    return core->config->witnesses_count > 0 && core->now_ns - core->start_ns > core->dead_ns && !known && !anyone_reaches(core);
}

void bw_core_witness_heard(struct bw_core *core)
{
    core->dirty = true;
    core->witness.heard_ns = core->now_ns;
    core->evidence_ns = core->now_ns;
}

void bw_core_witness_run(struct bw_core *core)
{
    bool needed, lost;
    uint64_t every;

    if (core->config->witnesses_count == 0 || core->count < 2 || bw_core_only_watches(core))
        return;
    needed = anyone_late(core);
    needed = anyone_absent(core) || anyone_misses(core) || needed;
    if (needed && !core->witness.needed)
        core->witness.since_ns = core->now_ns;
    core->witness.needed = needed;
    every = needed ? core->config->interval_ns : SELDOM_NS;
    if (core->witness.asked_ns == 0 || core->now_ns >= core->witness.asked_ns + every) {
        core->witness.asked_ns = core->now_ns;
        bw_core_put(core, BW_OUTPUT_WITNESS);
    }
    bw_core_due(core, core->witness.asked_ns + every);
    if (answers(core))
        bw_core_due(core, core->witness.heard_ns + core->dead_ns);
    lost = bw_core_witness_lost(core);
    if (lost != core->witness.lost) {
        core->witness.lost = lost;
        if (!lost)
            core->witness.regained_ns = core->now_ns;
        core->trouble_serial++;
        core->dirty = true;
    }
}
