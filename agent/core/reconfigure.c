/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Another configuration while the core runs. Everything else in the core reads the configuration where it needs it; here
 * is what was derived from it, and what must not change at once.
 *
 * Members take a new interval on one after the other, so for a while they differ. Each heartbeat says its sender's
 * interval, and silence is judged by the slowest member that is heard: a member that beats faster than before waits for
 * the others as long as they need. A member that is to beat slower says so first, and keeps its rhythm for two dead
 * times more, so that the others know before they wait in vain.
 */
#include "agent/core/core_private.h"

#define SLOWEST_MAX_NS (10 * BW_SEC) /* the longest interval that a configuration may have */

void bw_core_judge_by_slowest(struct bw_core *core)
{
    uint64_t slowest = core->config->interval_ns > core->pace_ns ? core->config->interval_ns : core->pace_ns;

    for (uint8_t i = 0; i < core->count; i++) {
        const struct bw_core_member *m = &core->members[i];

        if (m->heard && m->interval_ns > slowest && m->interval_ns <= SLOWEST_MAX_NS)
            slowest = m->interval_ns;
    }
    core->slowest_ns = slowest;
    core->dead_ns = slowest * core->config->dead_after;
    core->expire_ns = core->dead_ns + slowest / 4;
}

uint64_t bw_core_pace(struct bw_core *core)
{
    if (core->pace_until_ns != 0 && core->now_ns >= core->pace_until_ns) {
        core->pace_ns = core->config->interval_ns;
        core->pace_until_ns = 0;
    }
    return core->pace_ns;
}

static bool same_members(const struct bw_cluster_config *a, const struct bw_cluster_config *b)
{
    if (a->members_count != b->members_count || a->local != b->local)
        return false;
    for (uint8_t i = 0; i < a->members_count; i++)
        if (a->members[i].id != b->members[i].id || strcmp(a->members[i].name, b->members[i].name) != 0 ||
            bw_address_compare(&a->members[i].address, &b->members[i].address) != 0)
            return false;
    return true;
}

static bool same_interfaces(const struct bw_cluster_config *a, const struct bw_cluster_config *b)
{
    if (a->interfaces_count != b->interfaces_count)
        return false;
    for (uint8_t i = 0; i < a->interfaces_count; i++)
        if (strcmp(a->interfaces[i].name, b->interfaces[i].name) != 0 || a->interfaces[i].role != b->interfaces[i].role ||
            a->interfaces[i].transport != b->interfaces[i].transport ||
            strcmp(a->members[a->local].device[i], b->members[b->local].device[i]) != 0)
            return false;
    return true;
}

static bool same_groups(const struct bw_cluster_config *a, const struct bw_cluster_config *b)
{
    if (a->groups_count != b->groups_count)
        return false;
    for (uint8_t i = 0; i < a->groups_count; i++)
        if (strcmp(a->groups[i].name, b->groups[i].name) != 0)
            return false;
    return true;
}

bool bw_core_can_reconfigure(const struct bw_core *core, const struct bw_cluster_config *config)
{
    const struct bw_cluster_config *now = core->config;

    return config->id == now->id && config->mode == now->mode && config->interval_ns != 0 && config->dead_after != 0 &&
           same_members(now, config) && same_interfaces(now, config) && same_groups(now, config);
}

static void change_pace(struct bw_core *core, uint64_t former_dead_ns)
{
    uint64_t interval_ns = core->config->interval_ns;

    core->pace_until_ns = 0;
    if (interval_ns > core->pace_ns) {
        core->pace_until_ns = core->now_ns + 2 * former_dead_ns;
        return;
    }
    core->pace_ns = interval_ns;
    if (core->beat_next_ns > core->now_ns + interval_ns)
        core->beat_next_ns = core->now_ns + interval_ns;
}

bool bw_core_reconfigure(struct bw_core *core, const struct bw_cluster_config *config, const char *what)
{
    const struct bw_cluster_config *former = core->config;
    uint64_t former_dead_ns = core->dead_ns;

    if (!bw_core_can_reconfigure(core, config))
        return false;
    core->config = config;
    bw_core_groups_reconfigured(core, former);
    change_pace(core, former_dead_ns);
    bw_core_judge_by_slowest(core);
    core->wait_until_ns += config->start_wait_ns - former->start_wait_ns;
    for (uint8_t g = 0; g < config->groups_count; g++) {
        if (!core->groups[g].holding)
            continue;
        core->groups[g].grant_ns = core->now_ns; /* at once, by the lease as it is now */
        if (config->announce_refresh_ns != former->announce_refresh_ns)
            core->groups[g].refresh_ns = core->now_ns + config->announce_refresh_ns;
    }
    /* Recovery, priorities and policy are part of the rank. */
    core->trouble_serial++;
    core->send = core->dirty = core->pages_dirty = true;
    bw_core_event(core, BW_EVENT_RELOAD, core->self, NULL, NULL, NULL, what);
    return true;
}
