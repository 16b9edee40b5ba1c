/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine thread: turns packets, kernel notices, requests and time into the core's inputs and carries its outputs out. It never
 * waits for anybody.
 */
#ifndef BELLWETHER_ENGINE_H
#define BELLWETHER_ENGINE_H

#include "agent/keeper/keeper.h"
#include "bellwether/board.h"
#include "bellwether/core.h"
#include "bellwether/history.h"
#include "bellwether/mailbox.h"
#include "bellwether/stats.h"

/* What all parts of the agent share; made by main.c, passed in. */
struct bw_agent {
    const struct bw_agent_context *context;
    const struct bw_config *config;
    struct bw_board *board;
    struct bw_mailbox *mailbox;
    struct bw_history *history;
    struct bw_stats *stats;
};

struct bw_engine;

/* Opens sockets and the kernel edge. start: what the store kept (admin state, persistent pnotes). 0 or negative errno (logged). */
int bw_engine_new(const struct bw_agent *agent, const struct bw_core_start *start, struct bw_engine **engine);
/* Runs in the calling thread until bw_engine_stop and everything is let go. 0, or negative errno. */
int bw_engine_run(struct bw_engine *engine);
/* From any thread or a signal handler: begins an orderly end. */
void bw_engine_stop(struct bw_engine *engine);
void bw_engine_free(struct bw_engine *engine);

#endif
