/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Clocks, scheduling, locked memory and randomness: the small things that the rest asks Linux for.
 * Nothing here blocks but bw_random, and that only before the kernel's pool is first seeded.
 */
#include <errno.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>

#include "agent/linux/linux.h"

uint64_t bw_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec * BW_SEC + (uint64_t)t.tv_nsec;
}

int64_t bw_wall(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * (int64_t)BW_SEC + t.tv_nsec;
}

int bw_realtime(int priority)
{
    struct sched_param param = {.sched_priority = priority};

    /* Reset on fork: neither a restarted agent nor a thread made later is real-time by accident. */
    if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param) != 0)
        return -errno;
    return 0;
}

int bw_lock_memory(void)
{
    if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0)
        return -errno;
    return 0;
}

int bw_random(void *bytes, size_t length)
{
    uint8_t *at = bytes;

    while (length > 0) {
        ssize_t n = getrandom(at, length, 0);

        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0) {
            at += n;
            length -= (size_t)n;
        }
    }
    return 0;
}
