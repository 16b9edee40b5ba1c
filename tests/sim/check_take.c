/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The invariants of a taking: confirmed by all in view, at a newer epoch, from nobody who was as it should be. */
#include "tests/sim/sim.h"

/* Whoever takes has the confirmation of everybody in its view, from that very process. */
static void check_votes(struct sim *sim, uint8_t node, uint8_t group)
{
    struct sim_node *n = &sim->nodes[node];
    const struct bw_core_group *g = &n->core->groups[group];

    if (g->holding && !n->held_before[group] && n->core->now_ns == sim->now_ns) {
        for (uint8_t i = 0; i < sim->members; i++) {
            const struct bw_core_member *m = &n->core->members[i];
            uint64_t confirmed;

            if (i == node || !m->in_view || !sim->nodes[i].alive || !bw_core_boot_equal(&m->boot, &sim->nodes[i].boot))
                continue;
            confirmed = sim->nodes[i].core->members[node].votes[group].confirmed;
            if (confirmed != g->hold_epoch && confirmed != g->claim_epoch)
                sim_fail(sim, "member %u took group %u at epoch %lu without the confirmation of member %u", node + 1, group,
                         (unsigned long)g->hold_epoch, i + 1);
        }
    }
    n->held_before[group] = g->holding;
}

/* Nobody takes from a holder in view that is as it should be: not a newer version from an older one, not who is denied to start it. */
static void check_taking(struct sim *sim, uint8_t node, uint8_t group)
{
    const struct bw_core *core = sim->nodes[node].core;
    const struct bw_core_group *g = &core->groups[group];

    if (!g->holding || sim->nodes[node].held_before[group] || core->now_ns != sim->now_ns)
        return;
    for (uint8_t i = 0; i < sim->members; i++) {
        const struct bw_core_member *m = &core->members[i];

        if (!m->in_view || !(m->told.groups[group].flags & BW_GROUP_HOLDS) ||
            (m->told.flags & (BW_FLAG_EXCLUDED | BW_FLAG_STOPPING | BW_FLAG_LISTENING | BW_FLAG_WAITING | BW_FLAG_TIED)) ||
            !sim->nodes[i].alive || !bw_core_boot_equal(&m->boot, &sim->nodes[i].boot))
            continue;
        if (sim->nodes[i].core->protocol < core->protocol)
            sim_fail(sim, "member %u took group %u from member %u, which runs an older version", node + 1, group, i + 1);
        if (g->deny != BW_DENY_NONE)
            sim_fail(sim, "member %u took group %u from member %u, and is denied to start it", node + 1, group, i + 1);
    }
}

/* In the end everybody who hears one whose configuration differs says so. */
void sim_check_mismatch(struct sim *sim)
{
    for (uint8_t i = 0; i < sim->members; i++)
        for (uint8_t k = 0; k < sim->members; k++)
            if (sim->connected_ns[i][k] && sim->connected_ns[k][i] &&
                sim->nodes[i].config.digest != sim->nodes[k].config.digest && !sim->nodes[i].core->mismatch)
                sim_fail(sim, "member %u does not say that its configuration differs from member %u's", i + 1, k + 1);
}

static void check_epoch(struct sim *sim, uint8_t node, uint8_t group)
{
    struct sim_node *n = &sim->nodes[node];
    const struct bw_core_group *g = &n->core->groups[group];

    if (g->holding && g->hold_epoch != n->epoch[group]) {
        for (uint8_t i = 0; i < sim->members; i++)
            if (i != node && n->core->members[i].in_view && n->core->members[i].told.groups[group].hold_epoch >= g->hold_epoch)
                sim_fail(sim, "member %u took group %u at epoch %lu, which is not newer than member %u's", node + 1, group,
                         (unsigned long)g->hold_epoch, i + 1);
        if (g->hold_epoch < n->epoch[group])
            sim_fail(sim, "member %u went back from epoch %lu to %lu", node + 1, (unsigned long)n->epoch[group],
                     (unsigned long)g->hold_epoch);
        n->epoch[group] = g->hold_epoch;
    }
}

void sim_check_take(struct sim *sim, uint8_t node, uint8_t group)
{
    check_epoch(sim, node, group);
    check_taking(sim, node, group);
    check_votes(sim, node, group);
}
