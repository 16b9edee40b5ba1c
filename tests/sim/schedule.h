/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the schedules have in common, and their tables. Each table ends with a row without a name. */
#ifndef BELLWETHER_TESTS_SCHEDULE_H
#define BELLWETHER_TESTS_SCHEDULE_H

#include "tests/sim/sim.h"

#define ANY (~0U)

struct sim_schedule {
    const char *name;
    uint8_t members, interfaces;
    void (*run)(struct sim *sim);
    unsigned takes;          /* at most so many takings of a group */
    unsigned none_ms, over_ms; /* nobody, more than one answers at most for so long at a time */
    unsigned falls;          /* at most so many interfaces said to be down */
    uint64_t start_ns;       /* the clock at the start, 0 = as always */
};

extern const struct sim_schedule sim_process_schedules[], sim_link_schedules[], sim_cluster_schedules[];

/* Fails the schedule when `good` does not hold. */
#define EXPECT(sim, good, ...)          \
    do {                                \
        if (!(good))                    \
            sim_fail(sim, __VA_ARGS__); \
    } while (0)

void sim_wait(struct sim *sim, uint64_t ms);
/* All members start at this instant and settle; what is seen counts from then on. */
void sim_begin(struct sim *sim);
void sim_start_all(struct sim *sim);
/* Who holds a group (index); BW_NONE when it is not exactly one. */
uint8_t sim_holder(const struct sim *sim, uint8_t group);
uint32_t sim_state(const struct sim *sim, uint8_t node);
void sim_stop(struct sim *sim, uint8_t node);
void sim_cut_both(struct sim *sim, uint8_t a, uint8_t b, bool now);
void sim_move(struct sim *sim, uint8_t group, uint8_t to);
void sim_dead_after(struct sim *sim, unsigned intervals);

#endif
