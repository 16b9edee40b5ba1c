/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is seen from outside while a schedule runs: who answers, for how long nobody or more than one did. */
#include "tests/sim/sim.h"

void sim_mark(struct sim *sim)
{
    memset(&sim->seen, 0, sizeof(sim->seen));
}

/* What a client sees: addresses on a host that is stopped, or whose agent is dead, still answer. */
void sim_look(struct sim *sim)
{
    unsigned holders = 0;

    for (uint8_t i = 0; i < sim->members; i++)
        holders += (sim->nodes[i].alive || sim->nodes[i].lonely) && sim_node_hold(sim, i, 0);
    if (holders != 0)
        sim->seen.none_since_ns = 0;
    else if (sim->seen.none_since_ns == 0)
        sim->seen.none_since_ns = sim->now_ns;
    else if (sim->now_ns - sim->seen.none_since_ns > sim->seen.none_ns)
        sim->seen.none_ns = sim->now_ns - sim->seen.none_since_ns;
    if (holders < 2)
        sim->seen.over_since_ns = 0;
    else if (sim->seen.over_since_ns == 0)
        sim->seen.over_since_ns = sim->now_ns;
    else if (sim->now_ns - sim->seen.over_since_ns > sim->seen.over_ns)
        sim->seen.over_ns = sim->now_ns - sim->seen.over_since_ns;
}
