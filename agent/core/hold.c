/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Holding a group: taking and letting go, grants to the address edge with their renewals, and the
 * announcements on taking, on the former holder's release, 50 ms, 200 ms and 1 s later, and slowly
 * for ever. A deaf member announces nothing.
 */
#include "agent/core/core_private.h"

static const uint64_t announce_after_ns[BW_CORE_ANNOUNCEMENTS] = {50 * BW_MS, 200 * BW_MS, 1000 * BW_MS};

bool bw_core_holds_any(const struct bw_core *core)
{
    for (uint8_t g = 0; g < core->config->groups_count; g++)
        if (core->groups[g].holding)
            return true;
    return false;
}

static void grant(struct bw_core *core, uint8_t group)
{
    struct bw_output *out = bw_core_put(core, BW_OUTPUT_GRANT);

    out->group = group;
    out->until_ns = core->now_ns + core->config->lease_ns;
    core->groups[group].grant_ns = core->now_ns + core->config->renew_ns;
}

void bw_core_announce(struct bw_core *core, uint8_t group)
{
    struct bw_core_group *g = &core->groups[group];

    if (!g->holding)
        return;
    if (core->deaf) {
        g->quiet = true;
        return;
    }
    g->quiet = false;
    bw_core_put(core, BW_OUTPUT_ANNOUNCE)->group = group;
}

void bw_core_announce_series(struct bw_core *core, uint8_t group)
{
    struct bw_core_group *g = &core->groups[group];

    bw_core_announce(core, group);
    for (int i = 0; i < BW_CORE_ANNOUNCEMENTS; i++)
        g->announce_ns[i] = core->now_ns + announce_after_ns[i];
    g->refresh_ns = core->now_ns + core->config->announce_refresh_ns;
}

static void held_changed(struct bw_core *core)
{
    core->again = core->send = core->dirty = true;
    core->trouble_serial++;
    bw_core_tell(core); /* rank counts who holds */
}

void bw_core_take(struct bw_core *core, uint8_t group, uint64_t epoch, uint32_t cause)
{
    struct bw_core_group *g = &core->groups[group];

    bw_core_look_for_sign(core, group);
    if (g->sign_ns == 0)
        g->sign_ns = core->now_ns;
    g->holding = g->granted = true;
    g->claiming = false;
    g->releasing = g->released = g->installed = false;
    g->hold_epoch = epoch;
    if (epoch > g->epoch)
        g->epoch = epoch;
    g->cause = cause;
    g->retry_ns = g->failback_ns = 0;
    g->cancelled = false;
    for (uint8_t i = 0; i < core->count; i++)
        core->members[i].unheard_rival[group] = false; /* of an earlier hold */
    grant(core, group);
    bw_core_announce_series(core, group);
    held_changed(core);
}

void bw_core_hold_anew(struct bw_core *core, uint8_t group)
{
    struct bw_core_group *g = &core->groups[group];

    g->hold_epoch = ++g->epoch;
    g->cause = BW_CAUSE_SPLIT_BRAIN;
    bw_core_announce_series(core, group);
    held_changed(core);
}

void bw_core_let_go(struct bw_core *core, uint8_t group)
{
    struct bw_core_group *g = &core->groups[group];

    if (!g->holding)
        return;
    g->holding = g->granted = false;
    g->releasing = true;
    g->released = false;
    bw_core_put(core, BW_OUTPUT_REVOKE)->group = group;
    bw_core_damp_loss(core, group);
    held_changed(core);
}

void bw_core_released(struct bw_core *core, uint8_t group)
{
    struct bw_core_group *g = &core->groups[group];

    if (g->holding || !g->releasing) /* of an earlier revocation: taken again since */
        return;
    g->releasing = g->installed = false;
    g->released = true;
    core->send = core->dirty = true;
}

void bw_core_installed(struct bw_core *core, uint8_t group)
{
    struct bw_core_group *g = &core->groups[group];

    if (!g->holding || g->installed)
        return;
    g->installed = true;
    core->dirty = true;
    bw_core_announce(core, group);
}

static void run_announcements(struct bw_core *core, uint8_t group)
{
    struct bw_core_group *g = &core->groups[group];

    for (int i = 0; i < BW_CORE_ANNOUNCEMENTS; i++) {
        if (g->announce_ns[i] == 0)
            continue;
        if (core->now_ns >= g->announce_ns[i]) {
            g->announce_ns[i] = 0;
            bw_core_announce(core, group);
        } else {
            bw_core_due(core, g->announce_ns[i]);
        }
    }
    if (core->config->announce_refresh_ns != 0) {
        if (core->now_ns >= g->refresh_ns) {
            g->refresh_ns = core->now_ns + core->config->announce_refresh_ns;
            bw_core_announce(core, group);
        }
        bw_core_due(core, g->refresh_ns);
    }
    if (g->quiet && !core->deaf) /* no longer deaf, and no rival took it from us */
        bw_core_announce_series(core, group);
}

void bw_core_hold_run(struct bw_core *core)
{
    for (uint8_t i = 0; i < core->config->groups_count; i++) {
        struct bw_core_group *g = &core->groups[i];

        if (!g->holding || bw_core_only_watches(core))
            continue;
        if (!g->granted) { /* mode service gave it to us, and is no longer in effect */
            g->granted = true;
            g->installed = false;
            g->grant_ns = core->now_ns;
            bw_core_announce_series(core, i);
        }
        if (core->now_ns >= g->grant_ns)
            grant(core, i);
        bw_core_due(core, g->grant_ns);
        run_announcements(core, i);
    }
}
