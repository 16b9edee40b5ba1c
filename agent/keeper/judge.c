/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The keeper's judgement: when is the engine stuck, how long to wait before a restart, which surface crashes too often.
 * Pure.
 */
#include "agent/keeper/private.h"

#define STUCK_NS          BW_SEC
#define START_NS          (30 * BW_SEC) /* from the start to the engine's first turn */
#define FIRST_NS          (2 * BW_SEC)  /* for that turn itself, in which everything is touched for the first time */
#define LATE_NS           (2 * BW_KEEPER_TICK_NS)
#define OWN_GAP_NS        (500 * BW_MS)
#define STARVED_PART      10            /* the part of the time that counts while the machine may be to blame */
#define RUNS_NS           (10 * BW_MS)  /* who had so much of a processor since the last look is not starved: turns are far shorter */
#define BACKOFF_FIRST_NS  (100 * BW_MS)
#define BACKOFF_MOST_NS   BW_SEC
#define STEADY_NS         (10 * BW_SEC) /* who lived so long is restarted at once again */
#define CRASHES_WITHIN_NS (60 * BW_SEC)

void bw_judge_started(struct bw_judge *j, uint64_t now_ns)
{
    j->looked_ns = now_ns;
    j->turn_ns = j->first_ns = j->idle_ns = 0;
    j->sampled = j->told = false;
}

/* Could the engine have made a turn since the look before, had it wanted to? */
static bool had_its_chance(const struct bw_judge *j, const struct bw_look *look, uint64_t gap_ns)
{
    if (gap_ns > LATE_NS)
        return false;
    switch (look->state) {
    case 'R': /* one that is ready but never chosen has its processor time standing still */
        return look->ran_ns == 0 || (j->sampled && look->ran_ns - j->ran_ns >= RUNS_NS);
    case 'S':
        return !look->waiting;
    case 'D':
    case 'I':
        return false;
    default: /* stopped, traced, dying, or not known */
        return true;
    }
}

static uint64_t allowance_ns(const struct bw_judge *j)
{
    return j->turn_ns == 0 ? START_NS : j->turn_ns == j->first_ns ? FIRST_NS : STUCK_NS;
}

enum bw_standing bw_judge_look(struct bw_judge *j, const struct bw_look *look)
{
    uint64_t gap_ns = look->now_ns - j->looked_ns, counted_ns;

    if (look->turn_ns == j->turn_ns && gap_ns < BW_KEEPER_TICK_NS / 2)
        return BW_ENGINE_TURNS; /* the keeper was woken by something else: too soon to see anything */
    j->looked_ns = look->now_ns;
    if (look->turn_ns != j->turn_ns || gap_ns > OWN_GAP_NS) {
        if (j->first_ns == 0)
            j->first_ns = look->turn_ns;
        j->turn_ns = look->turn_ns;
        j->idle_ns = 0;
        j->sampled = j->told = false;
        return BW_ENGINE_TURNS;
    }
    counted_ns = gap_ns < BW_KEEPER_TICK_NS ? gap_ns : BW_KEEPER_TICK_NS;
    if (j->turn_ns != 0 && !had_its_chance(j, look, gap_ns))
        counted_ns /= STARVED_PART;
    j->ran_ns = look->ran_ns;
    j->sampled = true;
    j->idle_ns += counted_ns;
    if (j->idle_ns >= allowance_ns(j))
        return BW_ENGINE_STUCK;
    if (j->told || j->turn_ns == 0 || look->now_ns < j->turn_ns || look->now_ns - j->turn_ns < 2 * allowance_ns(j))
        return BW_ENGINE_TURNS;
    j->told = true;
    return BW_ENGINE_STARVED;
}

uint64_t bw_judge_backoff(struct bw_judge *j, uint64_t started_ns, uint64_t now_ns)
{
    uint64_t wait_ns;

    if (now_ns - started_ns >= STEADY_NS)
        j->backoff_ns = 0;
    wait_ns = j->backoff_ns;
    j->backoff_ns = wait_ns == 0 ? BACKOFF_FIRST_NS : 2 * wait_ns;
    if (j->backoff_ns > BACKOFF_MOST_NS)
        j->backoff_ns = BACKOFF_MOST_NS;
    return wait_ns;
}

bool bw_judge_crash(struct bw_judge *j, unsigned surface, uint64_t now_ns)
{
    uint64_t *at_ns;
    bool third;

    if (surface >= BW_READERS)
        return false;
    at_ns = j->crashes[surface].at_ns;
    third = at_ns[0] != 0 && now_ns - at_ns[0] <= CRASHES_WITHIN_NS;
    at_ns[0] = at_ns[1];
    at_ns[1] = now_ns;
    return third;
}
