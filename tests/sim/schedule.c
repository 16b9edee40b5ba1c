/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fault catalogue as schedules: what happens is written down, and so is what may come of it: how often a
 * group may change hands, for how long nobody or more than one may answer, how often an interface may be said to be
 * down. The invariants are looked at all the while, and at the end all faults end and the cluster settles.
 */
#include "tests/sim/schedule.h"

#include <stdio.h>
#include <stdlib.h>

void sim_wait(struct sim *sim, uint64_t ms)
{
    if (sim->failed)
        return;
    sim_now(sim);
    sim->end_ns = sim->now_ns + ms * BW_MS;
    sim_run(sim);
    if (!sim->failed)
        sim->now_ns = sim->end_ns;
}

void sim_start_all(struct sim *sim)
{
    for (uint8_t i = 0; i < sim->members; i++)
        if (!sim->nodes[i].alive)
            sim_node_start(sim, i);
}

void sim_begin(struct sim *sim)
{
    sim_start_all(sim);
    sim_wait(sim, 2000);
    EXPECT(sim, sim_holder(sim, 0) != BW_NONE, "not settled after 2 s");
    sim_mark(sim);
}

uint8_t sim_holder(const struct sim *sim, uint8_t group)
{
    uint8_t found = BW_NONE;

    for (uint8_t i = 0; i < sim->members; i++) {
        if (!sim->nodes[i].alive || !sim_node_hold(sim, i, group))
            continue;
        if (found != BW_NONE)
            return BW_NONE;
        found = i;
    }
    return found;
}

uint32_t sim_state(const struct sim *sim, uint8_t node)
{
    return sim->nodes[node].core->members[node].state;
}

void sim_stop(struct sim *sim, uint8_t node)
{
    struct bw_input input = {.kind = BW_INPUT_STOP};

    sim_node_input(sim, node, &input);
    sim_changed(sim);
}

void sim_cut_both(struct sim *sim, uint8_t a, uint8_t b, bool now)
{
    sim_cut(sim, a, b, now);
    sim_cut(sim, b, a, now);
    sim_changed(sim);
}

void sim_move(struct sim *sim, uint8_t group, uint8_t to)
{
    struct bw_request request = {.kind = BW_REQUEST_GROUP_MOVE, .member = to + 1U, .group = group + 1U};

    sim_node_request(sim, to, &request);
    sim_changed(sim);
}

void sim_dead_after(struct sim *sim, unsigned intervals)
{
    sim->d_ns = intervals * sim->i_ns;
    for (uint8_t i = 0; i < sim->members; i++) {
        sim->nodes[i].config.dead_after = intervals;
        sim->nodes[i].config.claim_ns = sim->d_ns;
    }
}

static struct sim *make(const struct sim_schedule *s, uint64_t seed, enum sim_bug bug, bool trace)
{
    struct sim *sim = calloc(1, sizeof(*sim));

    if (sim == NULL)
        abort();
    sim->seed = SIM_CLASSES * 4 * seed; /* recovery active up */
    sim->class = SIM_CLEAN;
    sim->members = s->members;
    sim->interfaces = s->interfaces;
    sim->trace = trace;
    sim->bug = bug;
    sim->scheduled = true;
    sim->now_ns = s->start_ns;
    sim_init(sim);
    return sim;
}

static void judge(struct sim *sim, const struct sim_schedule *s)
{
    EXPECT(sim, s->takes == ANY || sim->seen.takes <= s->takes, "%u takings, at most %u", sim->seen.takes, s->takes);
    EXPECT(sim, s->falls == ANY || sim->seen.falls <= s->falls, "%u interfaces said to be down, at most %u", sim->seen.falls,
           s->falls);
    EXPECT(sim, s->none_ms == ANY || sim->seen.none_ns <= s->none_ms * BW_MS, "nobody answers for %.1f ms, at most %u",
           (double)sim->seen.none_ns / 1e6, s->none_ms);
    EXPECT(sim, s->over_ms == ANY || sim->seen.over_ns <= s->over_ms * BW_MS, "more than one answers for %.1f ms, at most %u",
           (double)sim->seen.over_ns / 1e6, s->over_ms);
}

static bool run(const struct sim_schedule *s, unsigned number, uint64_t seed, enum sim_bug bug, bool trace)
{
    struct sim *sim = make(s, seed, bug, trace);
    uint64_t start_ns = sim->now_ns;
    bool good;

    s->run(sim);
    sim_now(sim);
    judge(sim, s);
    if (!sim->failed) {
        sim_faults_end(sim);
        sim->faults_end_ns = sim->now_ns;
        sim_wait(sim, 16 * sim->d_ns / BW_MS);
    }
    good = !sim->failed;
    if (!good)
        printf("# %s\n# after %.3f s; replay: sim --schedules '%s' --first %lu --trace\n", sim->failure, (double)(sim->now_ns - start_ns) / 1e9,
               s->name, (unsigned long)seed);
    printf("%s %u - %u members: %s # %u takings, nobody %.1f ms, more than one %.1f ms, %.0f s\n", good ? "ok" : "not ok", number,
           s->members, s->name, sim->seen.takes, (double)sim->seen.none_ns / 1e6, (double)sim->seen.over_ns / 1e6,
           (double)(sim->now_ns - start_ns) / 1e9);
    sim_fini(sim);
    free(sim);
    return good;
}

int sim_schedules(const char *only, uint64_t seed, enum sim_bug bug, bool trace)
{
    static const struct sim_schedule *const tables[] = {sim_process_schedules, sim_link_schedules, sim_cluster_schedules};
    unsigned number = 0, failed = 0;

    for (unsigned t = 0; t < sizeof(tables) / sizeof(tables[0]); t++)
        for (const struct sim_schedule *s = tables[t]; s->name != NULL; s++)
            if (only == NULL || strstr(s->name, only) != NULL)
                failed += !run(s, ++number, seed, bug, trace);
    printf("1..%u\n", number);
    return failed > 0;
}
