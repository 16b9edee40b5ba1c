/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A histogram of how long updates took to be acknowledged, over the last half to whole minute. Pure.
 */
#include "agent/sync/stream_private.h"

static unsigned bucket(uint64_t us)
{
    unsigned octave, index;

    if (us < 8)
        return (unsigned)us;
    octave = 63U - (unsigned)__builtin_clzll(us);
    index = (octave - 2) * 8 + (unsigned)(us >> (octave - 3) & 7);
    return index < BW_LAG_BUCKETS ? index : BW_LAG_BUCKETS - 1;
}

static uint64_t bound_ns(unsigned index)
{
    if (index < 8)
        return (uint64_t)(index + 1) * 1000;
    return ((uint64_t)(8 + index % 8 + 1) << (index / 8 - 1)) * 1000;
}

static void turn(struct bw_lag *lag, uint64_t now_ns)
{
    bool both = now_ns - lag->since_ns >= 2 * BW_LAG_SPAN_NS;

    if (now_ns - lag->since_ns < BW_LAG_SPAN_NS)
        return;
    if (both)
        memset(lag->counts[1], 0, sizeof(lag->counts[1]));
    else
        memcpy(lag->counts[1], lag->counts[0], sizeof(lag->counts[1]));
    lag->totals[1] = both ? 0 : lag->totals[0];
    memset(lag->counts[0], 0, sizeof(lag->counts[0]));
    lag->totals[0] = 0;
    lag->since_ns = now_ns;
}

void bw_lag_add(struct bw_lag *lag, uint64_t now_ns, uint64_t lag_ns)
{
    turn(lag, now_ns);
    lag->counts[0][bucket(lag_ns / 1000)]++;
    lag->totals[0]++;
}

uint64_t bw_lag_quantile(const struct bw_lag *lag, unsigned percent)
{
    uint64_t total = lag->totals[0] + lag->totals[1], before = 0;

    for (unsigned i = 0; i < BW_LAG_BUCKETS && total > 0; i++) {
        before += (uint64_t)lag->counts[0][i] + lag->counts[1][i];
        if (before * 100 >= total * percent)
            return bound_ns(i);
    }
    return 0;
}
