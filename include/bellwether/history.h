/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The history: the last BW_MAX_HISTORY events. One writer (the engine), any number of readers,
 * no lock. An event never changes once written.
 */
#ifndef BELLWETHER_HISTORY_H
#define BELLWETHER_HISTORY_H

#include "bellwether/model.h"

struct bw_history;

struct bw_history *bw_history_new(void);
void bw_history_free(struct bw_history *history);
/* Writer: appends; sets and returns the event's number. Before the engine starts, the store refills old events
 * with bw_history_restore (numbers ascending). */
uint64_t bw_history_add(struct bw_history *history, struct bw_event *event);
void bw_history_restore(struct bw_history *history, const struct bw_event *event);
/* Oldest and newest number held; 0, 0 when empty. */
void bw_history_range(const struct bw_history *history, uint64_t *first, uint64_t *last);
/* A copy of event `number`. 0, or -ENOENT when it was never written or is overwritten. */
int bw_history_read(const struct bw_history *history, uint64_t number, struct bw_event *event);

#endif
