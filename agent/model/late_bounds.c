/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The buckets of the histogram of heartbeat lateness.
 */
#include "bellwether/model.h"

#define US 1000ULL

const uint64_t bw_late_bounds_ns[BW_LATE_BUCKETS] = {
    50 * US,   100 * US,  200 * US,   500 * US,   1 * BW_MS,   2 * BW_MS,
    5 * BW_MS, 10 * BW_MS, 20 * BW_MS, 50 * BW_MS, 100 * BW_MS, UINT64_MAX,
};

const char *const bw_late_bounds_text[BW_LATE_BUCKETS] = {
    "5e-05", "0.0001", "0.0002", "0.0005", "0.001", "0.002", "0.005", "0.01", "0.02", "0.05", "0.1", "+Inf",
};

unsigned bw_late_bucket(uint64_t late_ns)
{
    unsigned i = 0;

    while (late_ns > bw_late_bounds_ns[i])
        i++;
    return i;
}
