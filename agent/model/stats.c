/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What follows from the counters that surfaces share (bellwether/stats.h). Called by the engine for each snapshot, so
 * nothing here waits.
 */
#include "bellwether/stats.h"

#define HANGS_NS (5 * BW_SEC) /* a write that takes so long is one that does not get done */

bool bw_stats_store_writable(const struct bw_stats *stats, uint64_t now_ns)
{
    uint64_t since_ns = atomic_load(&stats->store_since_ns);

    return atomic_load(&stats->store_writable) != 0 && (since_ns == 0 || now_ns < since_ns + HANGS_NS);
}
