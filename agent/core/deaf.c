/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is it the others who are gone, or are we deaf? From the first missed turn of the last peer on,
 * known neighbours are probed and receive counters sampled. Who hears nobody and receives nothing
 * while links are up is deaf: it says so, announces nothing, and takes only after three further dead
 * times.
 */
#include "agent/core/core_private.h"

static bool any_link(const struct bw_core *core)
{
    for (uint8_t i = 0; i < core->config->interfaces_count; i++)
        if (bw_core_counted(core, i) && core->interfaces[i].link)
            return true;
    return false;
}

static void probe_all(struct bw_core *core, uint64_t every_ns)
{
    for (uint8_t i = 0; i < core->config->interfaces_count; i++)
        if (bw_core_counted(core, i) && core->interfaces[i].link)
            bw_core_probe_each(core, i, every_ns);
}

static void set_deaf(struct bw_core *core, bool deaf)
{
    if (core->deaf == deaf)
        return;
    core->deaf = deaf;
    core->deaf_since_ns = core->now_ns;
    core->dirty = true;
    core->trouble_serial++;
}

void bw_core_deaf_run(struct bw_core *core)
{
    uint64_t interval = core->config->interval_ns, newest = core->start_ns;
    uint64_t patience;

    if (core->count < 2)
        return;
    if (bw_core_anyone_heard(core)) {
        for (uint8_t i = 0; i < core->count; i++)
            if (core->members[i].heard && core->members[i].heard_ns > newest)
                newest = core->members[i].heard_ns;
        set_deaf(core, false);
        core->heard_nobody_ns = core->now_ns;
        if (core->now_ns - newest < interval + interval / 4) {
            bw_core_due(core, newest + interval + interval / 4);
            return;
        }
        probe_all(core, interval / 2);
        return;
    }
    /* At first what came in since the first missed turn counts; later evidence may be as old as three probes. */
    patience = core->now_ns - core->heard_nobody_ns < core->dead_ns ? core->dead_ns : 3 * core->dead_ns;
    probe_all(core, core->now_ns - core->heard_nobody_ns < core->dead_ns ? interval / 2 : core->dead_ns);
    if (core->deaf && core->evidence_ns < core->deaf_since_ns && any_link(core))
        return; /* deaf until something comes in */
    if (!any_link(core) || core->now_ns - core->evidence_ns < patience) {
        set_deaf(core, false);
        bw_core_due(core, core->evidence_ns + patience > core->now_ns ? core->evidence_ns + patience : core->now_ns + interval);
        return;
    }
    if (!core->bounded)
        set_deaf(core, true);
}
