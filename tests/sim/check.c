/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The invariants, looked at after every step. A group is held by whoever has its addresses in the
 * kernel and a lease that has not run out: what counts is what a client would see. Bounds are the
 * design's; d is the largest one-way delay, EDGE the time that the addresses themselves take.
 */
#include "tests/sim/sim.h"

#include <stdarg.h>
#include <stdio.h>

#define EDGE_NS (3 * BW_MS)

enum {
    IS_WAITING = 1, IS_LISTENING = 2, IS_DEAF = 4, IS_EXCLUDED = 8, IS_DAMPED = 16, IS_HELD_OFF = 32, WORKS_SHIFT = 8, HEALTH_SHIFT = 16,
    STOPPED_SHIFT = 24, IS_TIED = 64, IS_NEWER = 128, DENIED_SHIFT = 17,
};

void sim_fail(struct sim *sim, const char *format, ...)
{
    va_list args;

    if (sim->failed)
        return;
    sim->failed = true;
    va_start(args, format);
    vsnprintf(sim->failure, sizeof(sim->failure), format, args);
    va_end(args);
    sim_trace(sim, "FAILED: %s", sim->failure);
}

static bool up(const struct sim *sim, uint8_t node)
{
    return sim->nodes[node].alive && !sim->nodes[node].paused;
}

/* Does `to` hear `from` on some interface? */
static bool hears(const struct sim *sim, uint8_t from, uint8_t to)
{
    const struct sim_node *a = &sim->nodes[from], *b = &sim->nodes[to];

    if (!up(sim, from) || !up(sim, to))
        return false;
    for (uint8_t i = 0; i < sim->interfaces; i++)
        if (a->link[i] && b->link[i] && !a->mute_port[i] && !b->deaf_port[i] && !sim->paths[i][from][to].cut)
            return true;
    return false;
}

static void look_at_wires(struct sim *sim)
{
    uint64_t wires = bw_hash(BW_HASH_START, sim->paths, sizeof(sim->paths[0]) * sim->interfaces);

    for (uint8_t i = 0; i < sim->members; i++) {
        const struct sim_node *n = &sim->nodes[i];
        const bool bits[] = {n->alive, n->paused};

        wires = bw_hash(wires, bits, sizeof(bits));
        wires = bw_hash(wires, n->link, sizeof(n->link));
        wires = bw_hash(wires, n->deaf_port, sizeof(n->deaf_port));
        wires = bw_hash(wires, n->mute_port, sizeof(n->mute_port));
    }
    if (wires != sim->wires)
        sim->wire_ns = sim->now_ns;
    sim->wires = wires;
}

void sim_changed(struct sim *sim)
{
    uint8_t worst = 0;
    bool lossy;

    sim->changed_ns = sim->outside_ns = sim->now_ns;
    for (uint8_t a = 0; a < sim->members; a++)
        for (uint8_t b = 0; b < sim->members; b++) {
            bool now = a != b && hears(sim, a, b);

            if (!now)
                sim->connected_ns[a][b] = 0;
            else if (sim->connected_ns[a][b] == 0)
                sim->connected_ns[a][b] = sim->now_ns;
            for (uint8_t i = 0; i < sim->interfaces; i++)
                if (sim->paths[i][a][b].loss > worst)
                    worst = sim->paths[i][a][b].loss;
        }
    lossy = worst > 0;
    look_at_wires(sim);
    sim->worst_loss = worst;
    if (sim->lossy && !lossy)
        sim->lossy_until_ns = sim->now_ns + sim->d_ns + sim->i_ns;
    sim->lossy = lossy;
    if (sim->delay_ns + sim->jitter_ns > sim->largest_delay_ns)
        sim->largest_delay_ns = sim->delay_ns + sim->jitter_ns;
}

/* The dead time, as long as the most patient member waits. */
static uint64_t dead_ns(const struct sim *sim)
{
    uint64_t most = 1;

    for (uint8_t i = 0; i < sim->members; i++)
        for (uint8_t k = 0; up(sim, i) && k < sim->members; k++)
            if (sim->nodes[i].core->members[k].patience > most)
                most = sim->nodes[i].core->members[k].patience;
    return most * sim->d_ns;
}

/* Where more comes in than can be read, silence has to last six times as long. */
static uint64_t flood_ns(const struct sim *sim)
{
    for (uint8_t i = 0; i < sim->members; i++)
        if (sim->nodes[i].flooded)
            return 5 * dead_ns(sim) + 6 * sim->i_ns / 4;
    return 0;
}

static bool lossy(const struct sim *sim)
{
    return sim->lossy || sim->now_ns < sim->lossy_until_ns;
}

/* ---- conditions: what the members themselves found out ---- */

static uint32_t condition(const struct sim_node *n)
{
    const struct bw_core *core = n->core;
    uint32_t stopped = 0;

    for (uint8_t g = 0; g < core->config->groups_count; g++)
        stopped |= (uint32_t)bw_core_stopped(core, g) << (STOPPED_SHIFT + g) |
                   (uint32_t)(core->groups[g].deny != BW_DENY_NONE) << (DENIED_SHIFT + g);

    return (core->waiting ? IS_WAITING : 0U) | (core->listening ? IS_LISTENING : 0U) | (core->deaf ? IS_DEAF : 0U) |
           (bw_core_excluded(core) ? IS_EXCLUDED : 0U) | (core->damped ? IS_DAMPED : 0U) |
           (core->held_off ? IS_HELD_OFF : 0U) | (core->witness.lost ? IS_TIED : 0U) |
           (bw_core_waits_for_version(core) != BW_NONE ? IS_NEWER : 0U) |
           (uint32_t)bw_core_working(core, false) << WORKS_SHIFT | (uint32_t)bw_core_healthy(core) << HEALTH_SHIFT | stopped;
}

static void look_at_conditions(struct sim *sim)
{
    for (uint8_t i = 0; i < sim->members; i++) {
        struct sim_node *n = &sim->nodes[i];
        uint32_t now, changed;

        if (!up(sim, i))
            continue;
        now = condition(n);
        changed = now ^ n->condition;
        if (changed == 0)
            continue;
        sim->changed_ns = sim->now_ns;
        if (changed & now & IS_EXCLUDED)
            n->excluded_ns = sim->now_ns;
        if (changed & (IS_WAITING | IS_DAMPED | IS_HELD_OFF)) /* known timers, long after the cause */
            sim->outside_ns = sim->now_ns;
        n->condition = now;
    }
}

static bool fit(const struct sim *sim, uint8_t node)
{
    uint32_t c = sim->nodes[node].condition;

    return up(sim, node) && !(c & (IS_WAITING | IS_LISTENING | IS_EXCLUDED | IS_HELD_OFF | IS_TIED | IS_NEWER)) && (c >> WORKS_SHIFT & 0xff) > 0;
}

static bool is_stopped(const struct sim *sim, uint8_t node, uint8_t group)
{
    return sim->nodes[node].condition >> (STOPPED_SHIFT + group) & 1;
}

/* Does b's core get what a says? One that it has not adopted while both directions worked it cannot tell from a replay. */
static bool audible(const struct sim *sim, uint8_t a, uint8_t b)
{
    const struct sim_session *s = &sim->nodes[b].sessions[a];

    return sim->connected_ns[a][b] != 0 &&
           (sim->connected_ns[b][a] != 0 || (s->adopted && bw_core_boot_equal(&s->boot, &sim->nodes[a].boot)));
}

/* ---- the invariants ---- */

static bool third_sees_both(const struct sim *sim, uint8_t a, uint8_t b)
{
    for (uint8_t c = 0; c < sim->members; c++)
        if (c != a && c != b && sim->connected_ns[a][c] && sim->connected_ns[c][a] && sim->connected_ns[b][c] &&
            sim->connected_ns[c][b])
            return true;
    return false;
}

/* Has b's core heard a since then, or is it unable to? */
static bool has_heard(const struct sim *sim, uint8_t a, uint8_t b, uint64_t since)
{
    const struct bw_core_member *m = &sim->nodes[b].core->members[a];

    return !audible(sim, a, b) || (m->heard && m->heard_ns > since + sim->largest_delay_ns);
}

static void note_worst(double *worst, uint64_t took_ns, uint64_t bound_ns)
{
    if ((double)took_ns / (double)bound_ns > *worst)
        *worst = (double)took_ns / (double)bound_ns;
}

/* When one of two holders took the group last. Its addresses may have been there all the time: who lets go and takes it again at once has
 * to be heard once more. */
static uint64_t taken_anew(struct sim *sim, uint8_t group, uint8_t a, uint8_t b)
{
    uint64_t epochs = sim->nodes[a].core->groups[group].hold_epoch << 32 | sim->nodes[b].core->groups[group].hold_epoch;

    if (sim->epochs[group][a][b] != epochs)
        sim->anew_ns[group][a][b] = sim->now_ns;
    sim->epochs[group][a][b] = epochs;
    return sim->anew_ns[group][a][b];
}

static void check_pair(struct sim *sim, uint8_t group, uint8_t a, uint8_t b)
{
    uint64_t *since = &sim->both_ns[group][a][b], *met = &sim->met_ns[group][a][b], base, bound, d = sim->largest_delay_ns;
    bool both = up(sim, a) && up(sim, b) && sim_node_hold(sim, a, group) && sim_node_hold(sim, b, group);
    bool direct = audible(sim, a, b) || audible(sim, b, a);
    bool mutual = sim->connected_ns[a][b] != 0 && sim->connected_ns[b][a] != 0;

    if (!both) {
        *since = *met = 0;
        return;
    }
    if (*since == 0)
        *since = sim->now_ns;
    base = taken_anew(sim, group, a, b);
    base = *since > base || !lossy(sim) ? *since : base;
    base = base > sim->changed_ns ? base : sim->changed_ns;
    if (*met < base)
        *met = has_heard(sim, a, b, base) && has_heard(sim, b, a, base) ? sim->now_ns : 0;
    if (((sim->nodes[a].condition | sim->nodes[b].condition) & IS_DEAF) || sim->nodes[a].deafened_ns != 0 ||
        sim->nodes[b].deafened_ns != 0)
        return; /* deaf, or about to find out */
    if (direct && lossy(sim)) { /* two intervals after each heard whom it can hear */
        if (*met == 0)
            return;
        base = *met > base ? *met : base;
        bound = (mutual ? 0 : dead_ns(sim)) + 3 * sim->i_ns + 2 * d;
    } else if (mutual) {
        bound = 2 * sim->i_ns + 2 * d;
    } else if (direct) { /* one-way: a dead time until it is known, two intervals of patience */
        bound = dead_ns(sim) + 3 * sim->i_ns + 2 * d;
    } else if (third_sees_both(sim, a, b) && !lossy(sim)) {
        bound = dead_ns(sim) + sim->i_ns + 2 * d;
    } else {
        return;
    }
    /* A hand-over long after the last change. */
    if (mutual && !lossy(sim) && *since > sim->wire_ns + 2 * sim->d_ns + 2 * sim->i_ns) {
        base = *since;
        bound = 2 * d + BW_MS;
        note_worst(&sim->worst_over, sim->now_ns - base, bound + EDGE_NS);
    }
    note_worst(&sim->worst_both, sim->now_ns - base, bound + EDGE_NS);
    if (sim->now_ns > base + bound + EDGE_NS)
        sim_fail(sim, "members %u and %u both hold group %u for %.1f ms (bound %.1f ms)", a + 1, b + 1, group,
                 (double)(sim->now_ns - base) / 1e6, (double)(bound + EDGE_NS) / 1e6);
}

/* Members that are connected at least one way, over any number of steps: the lowest of them names the set. */
static void find_sets(const struct sim *sim, uint8_t set[BW_MAX_MEMBERS])
{
    bool again = true;

    for (uint8_t i = 0; i < sim->members; i++)
        set[i] = i;
    while (again) {
        again = false;
        for (uint8_t a = 0; a < sim->members; a++)
            for (uint8_t b = 0; b < sim->members; b++)
                if ((sim->connected_ns[a][b] || sim->connected_ns[b][a]) && set[b] < set[a]) {
                    set[a] = set[b];
                    again = true;
                }
    }
}

static void check_none(struct sim *sim, uint8_t group, const uint8_t set[BW_MAX_MEMBERS])
{
    for (uint8_t s = 0; s < sim->members; s++) {
        bool held = false, any_fit = false, any_keen = false;
        uint64_t base, bound;

        for (uint8_t i = 0; i < sim->members; i++) {
            if (set[i] != s)
                continue;
            held = held || (up(sim, i) && (sim_node_hold(sim, i, group) || is_stopped(sim, i, group)));
            if (fit(sim, i)) {
                any_fit = true;
                any_keen = any_keen || !(sim->nodes[i].condition & IS_DEAF);
            }
        }
        if (held || !any_fit || set[s] != s || sim->worst_loss > 35) { /* so much loss leaves nothing to promise */
            sim->none_ns[group][s] = 0;
            continue;
        }
        if (sim->none_ns[group][s] == 0)
            sim->none_ns[group][s] = sim->now_ns;
        base = sim->none_ns[group][s] > sim->changed_ns ? sim->none_ns[group][s] : sim->changed_ns;
        bound = (any_keen ? dead_ns(sim) : dead_ns(sim) + 3 * sim->d_ns) + 2 * sim->i_ns + sim->largest_delay_ns +
                (lossy(sim) ? 3 * sim->d_ns : 0) + flood_ns(sim);
        if (sim->now_ns > base)
            note_worst(&sim->worst_none, sim->now_ns - base, bound + EDGE_NS);
        if (sim->now_ns > base + bound + EDGE_NS)
            sim_fail(sim, "nobody holds group %u for %.1f ms (bound %.1f ms) though a member of the set of %u is fit", group,
                     (double)(sim->now_ns - base) / 1e6, (double)(bound + EDGE_NS) / 1e6, s + 1);
    }
}

static void check_excluded(struct sim *sim, uint8_t node, uint8_t group)
{
    const struct sim_node *n = &sim->nodes[node];

    if (up(sim, node) && (n->condition & IS_EXCLUDED) && sim_node_hold(sim, node, group) &&
        sim->now_ns > n->excluded_ns + 2 * sim->i_ns + 2 * EDGE_NS && sim->now_ns > n->resumed_ns + EDGE_NS)
        sim_fail(sim, "member %u holds group %u in maintenance, forced down or stopping", node + 1, group);
}

/* Stopped for longer than the dead time, with somebody in view before: its first act is to let go. */
static void check_pause(struct sim *sim, uint8_t node, uint8_t group)
{
    struct sim_node *n = &sim->nodes[node];

    if (!n->had_view || sim->now_ns < n->resumed_ns + EDGE_NS || sim->now_ns > n->resumed_ns + sim->d_ns - EDGE_NS)
        return;
    if (n->resumed_ns - n->paused_since_ns > sim->d_ns + sim->i_ns && sim_node_hold(sim, node, group))
        sim_fail(sim, "member %u holds group %u right after it was stopped for %.1f ms", node + 1, group,
                 (double)(n->resumed_ns - n->paused_since_ns) / 1e6);
}

/* Nothing at all comes in on any interface that has a link. */
static bool is_deafened(const struct sim *sim, uint8_t node)
{
    const struct sim_node *n = &sim->nodes[node];
    bool any = false;

    for (uint8_t i = 0; i < sim->interfaces; i++) {
        if (!n->link[i])
            continue;
        any = true;
        if (!n->deaf_port[i] && (sim->neighbours[i] && !n->mute_port[i]))
            return false;
        for (uint8_t from = 0; from < sim->members; from++)
            if (sim->connected_ns[from][node])
                return false;
        if (!n->deaf_port[i] && sim->neighbours[i])
            return false;
    }
    return any;
}

/* Deaf from a moment when somebody was in view: takes only after three further dead times. */
static void check_deaf(struct sim *sim, uint8_t node, uint8_t group)
{
    struct sim_node *n = &sim->nodes[node];
    bool holding = n->core->groups[group].holding;

    if (!is_deafened(sim, node)) {
        n->deafened_ns = 0;
        n->was_holding[group] = holding;
        return;
    }
    if (n->delivered_ns > n->deafened_ns + sim->largest_delay_ns) /* a farewell, say: it shows that it hears */
        n->deafened_view = 0;
    if (n->deafened_ns == 0) {
        n->deafened_ns = sim->now_ns;
        n->deafened_view = 0;
        for (uint8_t i = 0; i < sim->members; i++)
            if (n->core->members[i].in_view && sim->now_ns - n->core->members[i].heard_ns < sim->i_ns)
                n->deafened_view |= (uint16_t)(1U << i);
    }
    for (uint8_t i = 0; i < sim->members; i++)
        if (n->core->members[i].farewell) /* that it is not heard any more is explained */
            n->deafened_view &= (uint16_t)~(1U << i);
    if (holding && !n->was_holding[group] && n->deafened_view != 0 && n->resumed_ns < n->deafened_ns &&
        sim->now_ns > n->deafened_ns + sim->d_ns - sim->i_ns && sim->now_ns < n->deafened_ns + 4 * sim->d_ns - 2 * sim->i_ns)
        sim_fail(sim, "member %u took group %u %.1f ms after it became deaf", node + 1, group,
                 (double)(sim->now_ns - n->deafened_ns) / 1e6);
    n->was_holding[group] = holding;
}

/* Who knows that a group is stopped does not hold it; those that have heard each other for long know the same. */
static void check_stopped(struct sim *sim, uint8_t node, uint8_t group)
{
    struct sim_node *n = &sim->nodes[node];
    uint64_t known = 2 * dead_ns(sim) + 2 * sim->i_ns + 2 * sim->largest_delay_ns;

    if (!up(sim, node) || !is_stopped(sim, node, group)) {
        n->stopped_ns[group] = 0;
        return;
    }
    if (n->stopped_ns[group] == 0)
        n->stopped_ns[group] = sim->now_ns;
    if (sim->now_ns > n->stopped_ns[group] + EDGE_NS && sim->now_ns > n->resumed_ns + EDGE_NS && sim_node_hold(sim, node, group))
        sim_fail(sim, "member %u holds group %u, which it knows to be stopped", node + 1, group);
    for (uint8_t i = 0; i < sim->members && !lossy(sim); i++)
        if (i != node && sim->connected_ns[node][i] && sim->connected_ns[i][node] &&
            sim->now_ns > sim->connected_ns[node][i] + known && sim->now_ns > sim->connected_ns[i][node] + known &&
            sim->now_ns > sim->changed_ns + known && sim->now_ns > sim->nodes[i].resumed_ns + known && !is_stopped(sim, i, group))
            sim_fail(sim, "member %u knows group %u to be stopped, member %u does not", node + 1, group, i + 1);
}

/* A half without the witness does not serve, and one with it does not hesitate; long after the last change. */
static void check_witness(struct sim *sim, uint8_t node, uint8_t group)
{
    uint64_t last = sim->tie_ns > sim->changed_ns ? sim->tie_ns : sim->changed_ns;
    bool reaches = !sim->nodes[node].unwitnessed, alone = false;

    if (sim->class != SIM_WITNESS || !up(sim, node) || sim->now_ns < last + 2 * dead_ns(sim) + 2 * sim->i_ns + EDGE_NS)
        return;
    for (uint8_t i = 0; i < sim->members; i++) {
        if (i == node)
            continue;
        if (sim->connected_ns[i][node] && sim->connected_ns[node][i])
            reaches = reaches || !sim->nodes[i].unwitnessed;
        else if (!sim->nodes[node].core->members[i].farewell)
            alone = true;
    }
    if (alone && !reaches && sim_node_hold(sim, node, group))
        sim_fail(sim, "member %u holds group %u, members are missing and its half reaches no witness", node + 1, group);
    if (reaches && sim->nodes[node].core->witness.lost)
        sim_fail(sim, "member %u hesitates though its half reaches the witness", node + 1);
}

/* At the end somebody who may start it holds it. */
static void check_denied(struct sim *sim, uint8_t group)
{
    bool denied = false, allowed = false;

    for (uint8_t i = 0; i < sim->members; i++) {
        bool deny = sim->nodes[i].core->groups[group].deny != BW_DENY_NONE;

        denied = denied || (deny && sim_node_hold(sim, i, group));
        allowed = allowed || (!deny && fit(sim, i) && bw_core_healthy(sim->nodes[i].core));
    }
    if (denied && allowed)
        sim_fail(sim, "a member that is denied to start group %u holds it at the end", group);
}

/* Holders as they change: not at all long after the last change from outside. */
static void check_changes(struct sim *sim, uint8_t group)
{
    unsigned holders = 0;
    bool any_fit = false;
    uint64_t quiet = sim->faults_over ? 2 * dead_ns(sim) + 2 * sim->i_ns + 2 * sim->largest_delay_ns + EDGE_NS
                                      : 10 * sim->d_ns + 2 * sim->i_ns;

    for (uint8_t i = 0; i < sim->members; i++) {
        struct sim_node *n = &sim->nodes[i];
        bool holds = up(sim, i) && sim_node_hold(sim, i, group);

        holders += holds;
        any_fit = any_fit || fit(sim, i);
        if (holds != n->held[group] && !lossy(sim) && sim->now_ns > sim->outside_ns + quiet)
            sim_fail(sim, "member %u %s group %u %.1f ms after the last change", i + 1, holds ? "took" : "lost", group,
                     (double)(sim->now_ns - sim->outside_ns) / 1e6);
        n->held[group] = holds;
    }
    if (!sim->faults_over || sim->now_ns <= sim->faults_end_ns + quiet || sim->now_ns <= sim->outside_ns + quiet)
        return;
    check_denied(sim, group);
    sim_check_mismatch(sim);
    if (holders == 0 && !any_fit) /* the only one left is in its start-up wait */
        return;
    if (holders != (is_stopped(sim, 0, group) ? 0 : 1))
        sim_fail(sim, "not settled: %u members hold group %u %.1f ms after all faults ended", holders, group,
                 (double)(sim->now_ns - sim->faults_end_ns) / 1e6);
}

void sim_check(struct sim *sim)
{
    uint8_t set[BW_MAX_MEMBERS];

    sim_look(sim);
    look_at_conditions(sim);
    find_sets(sim, set);
    for (uint8_t g = 0; g < sim->groups; g++) {
        for (uint8_t a = 0; a < sim->members; a++)
            if (up(sim, a))
                check_deaf(sim, a, g);
        for (uint8_t a = 0; a < sim->members; a++) {
            check_stopped(sim, a, g);
            check_witness(sim, a, g);
            for (uint8_t b = (uint8_t)(a + 1); b < sim->members; b++)
                check_pair(sim, g, a, b);
            if (up(sim, a)) {
                check_excluded(sim, a, g);
                check_pause(sim, a, g);
                sim_check_take(sim, a, g);
            }
        }
        check_none(sim, g, set);
        check_changes(sim, g);
    }
}
