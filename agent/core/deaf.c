/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is it the others who are gone, or are we deaf? From the first missed turn of the last peer on,
 * known neighbours are probed and receive counters sampled. Who hears nobody and receives nothing
 * while links are up is deaf: it says so, announces nothing, and takes only after three further dead
 * times.
 */
#include "agent/core/core_private.h"

#define QUIET_NETWORK_NS (60 * BW_SEC)

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

/* The first turn of the last peer is missed, and nothing at all has come in since. */
static bool nothing_since_missed(const struct bw_core *core)
{
    uint64_t missed_ns = core->last_heard_ns + core->slowest_ns + core->slowest_ns / 4;

    return core->last_heard_ns != 0 && core->now_ns >= missed_ns && core->evidence_ns < missed_ns && any_link(core);
}

bool bw_core_may_be_deaf(const struct bw_core *core)
{
    return bw_core_anyone_heard(core) && nothing_since_missed(core);
}

static void watch_peers(struct bw_core *core)
{
    uint64_t missed_ns;

    core->last_heard_ns = 0;
    for (uint8_t i = 0; i < core->count; i++)
        if (core->members[i].heard && core->members[i].heard_ns > core->last_heard_ns)
            core->last_heard_ns = core->members[i].heard_ns;
    set_deaf(core, false);
    missed_ns = core->last_heard_ns + core->slowest_ns + core->slowest_ns / 4;
    if (core->now_ns >= missed_ns)
        probe_all(core, core->config->interval_ns / 2);
    else
        bw_core_due(core, missed_ns);
}

/* How long one who is alone and has heard something since counts as hearing. Where neighbours answer probes their silence tells soon;
 * on a network where nobody else speaks a frame now and then must not turn the verdict over and over. */
static uint64_t patience_of(const struct bw_core *core)
{
    for (uint8_t i = 0; i < core->config->interfaces_count; i++)
        if (core->interfaces[i].reply_ns != 0)
            return 3 * core->dead_ns;
    return 3 * core->dead_ns > QUIET_NETWORK_NS ? 3 * core->dead_ns : QUIET_NETWORK_NS;
}

void bw_core_deaf_run(struct bw_core *core)
{
    uint64_t patience = patience_of(core), evidence = core->evidence_ns;

    if (core->count < 2)
        return;
    if (bw_core_anyone_heard(core)) {
        watch_peers(core);
        return;
    }
    probe_all(core, nothing_since_missed(core) ? core->config->interval_ns / 2 : core->dead_ns);
    if (core->deaf && evidence < core->deaf_since_ns && any_link(core))
        return; /* deaf until something comes in */
    if (!any_link(core) || (!nothing_since_missed(core) && core->now_ns - evidence < patience)) {
        set_deaf(core, false);
        bw_core_due(core, evidence + patience > core->now_ns ? evidence + patience : core->now_ns + core->config->interval_ns);
        return;
    }
    if (!core->bounded)
        set_deaf(core, true);
}
