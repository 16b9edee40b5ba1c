/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How late does this machine wake a real-time thread that does nothing else? Sleeps to a moment every PERIOD_MS (10) milliseconds, at the
 * engine's priority and with its memory locked, until SIGTERM or SIGINT; then prints "wakeups N p999_us N worst_us N". What an engine in the
 * same span was late beyond this is its own.
 *
 *   lab_late [PERIOD_MS]
 */
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define PRIORITY 50
#define BUCKETS 100000 /* of 10 us each */

static volatile sig_atomic_t done;
static uint32_t counts[BUCKETS];

static void end(int number)
{
    (void)number;
    done = 1;
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int main(int argc, char **argv)
{
    struct sched_param priority = {.sched_priority = PRIORITY};
    uint64_t period_ns = (uint64_t)((argc > 1 ? atof(argv[1]) : 10) * 1e6), due_ns, worst_ns = 0, total = 0, seen = 0;
    unsigned bucket = 0;

    signal(SIGTERM, end);
    signal(SIGINT, end);
    mlockall(MCL_CURRENT | MCL_FUTURE);
    if (period_ns == 0 || sched_setscheduler(0, SCHED_FIFO, &priority) != 0) {
        fprintf(stderr, "lab_late: cannot run with real-time priority\n");
        return 1;
    }
    due_ns = now_ns() + period_ns;
    while (!done) {
        struct timespec until = {(time_t)(due_ns / 1000000000u), (long)(due_ns % 1000000000u)};
        uint64_t late_ns;

        if (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) != 0)
            continue;
        late_ns = now_ns() - due_ns;
        counts[late_ns / 10000 < BUCKETS ? late_ns / 10000 : BUCKETS - 1]++;
        worst_ns = late_ns > worst_ns ? late_ns : worst_ns;
        total++;
        due_ns += (late_ns / period_ns + 1) * period_ns;
    }
    while (bucket < BUCKETS - 1 && (seen += counts[bucket]) * 1000 < total * 999)
        bucket++;
    printf("wakeups %lu p999_us %u worst_us %lu\n", (unsigned long)total, (bucket + 1) * 10,
           (unsigned long)(worst_ns / 1000));
    return 0;
}
