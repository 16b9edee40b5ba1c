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
#include "bellwether/published.h"
#include "bellwether/stats.h"

/* A configuration on its way to the engine. The reload (agent/reload) fills it in, offers it and asks by BW_REQUEST_RELOAD; what it points to
 * must stay until the state is DONE or WITHDRAWN, the former configuration's too. */
enum bw_handover_state {
    BW_HANDOVER_NONE,
    BW_HANDOVER_OFFERED,
    BW_HANDOVER_TAKEN,     /* by the engine: it may use both from now on */
    BW_HANDOVER_DONE,      /* the former one is used no more */
    BW_HANDOVER_WITHDRAWN, /* the new one is not used and will not be */
};

struct bw_handover {
    _Atomic uint32_t state; /* enum bw_handover_state */
    const struct bw_config *config;
    unsigned keys_count; /* 0 with auth "none" */
    uint8_t keys[2][BW_KEY_BYTES];
    char what[BW_TEXT_MAX]; /* for the event */
};

/* What all parts of the agent share; made by main.c, passed in. */
struct bw_agent {
    const struct bw_agent_context *context;
    const struct bw_config *config;
    struct bw_board *board;
    struct bw_mailbox *mailbox;
    struct bw_history *history;
    struct bw_stats *stats;
    struct bw_handover *handover; /* NULL: no reload */
    struct bw_published_rows rows; /* a member may be NULL */
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
