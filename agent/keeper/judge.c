/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The keeper's judgement: when is the engine stuck, how long to wait before a restart, which surface crashes too often.
 * Pure.
 */
#include "agent/keeper/private.h"

#define STUCK_NS          BW_SEC
#define START_NS          (30 * BW_SEC) /* from the start to the engine's first turn */
#define OWN_GAP_NS        (500 * BW_MS)
#define BACKOFF_FIRST_NS  (100 * BW_MS)
#define BACKOFF_MOST_NS   BW_SEC
#define STEADY_NS         (10 * BW_SEC) /* who lived so long is restarted at once again */
#define CRASHES_WITHIN_NS (60 * BW_SEC)

void bw_judge_started(struct bw_judge *j, uint64_t now_ns)
{
    j->looked_ns = j->fresh_ns = now_ns;
}

bool bw_judge_stuck(struct bw_judge *j, uint64_t now_ns, uint64_t turn_ns)
{
    uint64_t since;

    if (now_ns - j->looked_ns > OWN_GAP_NS)
        j->fresh_ns = now_ns;
    j->looked_ns = now_ns;
    if (turn_ns == 0)
        return now_ns - j->fresh_ns > START_NS;
    since = turn_ns > j->fresh_ns ? turn_ns : j->fresh_ns;
    return now_ns > since && now_ns - since > STUCK_NS;
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
