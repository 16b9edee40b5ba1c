/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The keeper: the parent process. It starts the agent, watches it, and when the agent dies or its engine stops turning it takes the
 * addresses off, says farewell for it, and starts it again. When the keeper dies, the agent notices and ends in order.
 */
#ifndef BELLWETHER_KEEPER_H
#define BELLWETHER_KEEPER_H

#include <stdatomic.h>

#include "bellwether/config.h"

/* Shared memory between keeper and agent (mapped before the fork). */
struct bw_estate;

struct bw_lifeline {
    _Atomic uint64_t turn_ns;       /* CLOCK_BOOTTIME of the engine's last turn; 0 = the engine has not started */
    _Atomic uint32_t waiting;       /* the engine is within its own wait for something to come */
    _Atomic uint32_t restarts;      /* how often the keeper has started the agent again */
    _Atomic uint32_t surfaces_off;  /* bit per surface (enum bw_reader) that crashed three times in a minute: stays off */
    _Atomic uint32_t crashing;      /* 1 + enum bw_reader: a surface's thread notes here that it runs; set by the crash handler */
    _Atomic uint32_t stopped;       /* the agent ended in order: no farewell needed */
    _Atomic uint64_t end_ns;        /* what the agent needs beyond the usual to end in order: stop commands of resources */
    struct bw_boot_id agent_boot;   /* of the running agent; written by the keeper before the fork */
    struct bw_boot_id keeper_boot;
    int death_fd;                   /* agent side: readable (EOF) when the keeper is gone */
    struct bw_estate *estate;       /* the configuration and keys in use, once they have changed (estate.h) */
};

/* Everything that the agent gets from the keeper. */
struct bw_agent_context {
    const struct bw_config *config; /* of an agent that is started again: as the former one had it last */
    const char *config_path;        /* absolute: reload opens it again */
    struct bw_lifeline *lifeline;
    unsigned keys_count;
    uint8_t keys[2][BW_KEY_BYTES];
    bool foreground;
};

struct bw_seal;
/* The seal of one of this member's processes, with the context's keys. keeper: whose frames in our name are no stranger's; NULL for the
 * keeper itself. 0, -ENOMEM, -EINVAL, or what bw_random says. */
int bw_seal_of_process(const struct bw_agent_context *context, const struct bw_boot_id *boot,
                       const struct bw_boot_id *keeper, struct bw_seal **seal);

/* Runs the keeper until the agent ends in order or a signal (TERM, INT) ends both. agent is called in the child and its return value is the
 * child's exit status. Returns the exit status of the whole. */
int bw_keeper_run(struct bw_agent_context *context, int (*agent)(const struct bw_agent_context *context));

#endif
