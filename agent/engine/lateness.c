/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How late heartbeats are sent, in buckets of an eighth of an octave, so that p99.9 is known to
 * within 12 % at any magnitude without keeping samples.
 */
#include "agent/engine/engine_private.h"

static unsigned bucket_of(uint64_t us)
{
    unsigned octave;

    if (us < 8)
        return (unsigned)us;
    octave = 63 - (unsigned)__builtin_clzll(us); /* ≥ 3 */
    unsigned bucket = (octave - 2) * 8 + (unsigned)((us >> (octave - 3)) & 7);
    return bucket < LATENESS_BUCKETS ? bucket : LATENESS_BUCKETS - 1;
}

/* The smallest number of microseconds beyond the bucket. */
static uint64_t bucket_end(unsigned bucket)
{
    if (bucket < 8)
        return bucket + 1;
    return (uint64_t)(8 + bucket % 8 + 1) << (bucket / 8 - 1);
}

void bw_lateness_add(struct bw_lateness *lateness, uint64_t late_ns)
{
    lateness->counts[bucket_of(late_ns / 1000)]++;
    lateness->exported[bw_late_bucket(late_ns)]++;
    lateness->total++;
    lateness->sum_ns += late_ns;
    if (late_ns > lateness->worst_ns)
        lateness->worst_ns = late_ns;
}

uint64_t bw_lateness_quantile(const struct bw_lateness *lateness, unsigned of_ten_thousand)
{
    uint64_t wanted = (lateness->total * of_ten_thousand + 9999) / 10000, seen = 0;

    if (lateness->total == 0)
        return 0;
    for (unsigned i = 0; i < LATENESS_BUCKETS; i++) {
        seen += lateness->counts[i];
        if (seen >= wanted) {
            uint64_t end_ns = bucket_end(i) * 1000;
            return end_ns < lateness->worst_ns ? end_ns : lateness->worst_ns;
        }
    }
    return lateness->worst_ns;
}
