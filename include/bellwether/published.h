/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Plain data that one thread publishes and others copy, neither ever waiting for the other: a sequence lock over words. For what is
 * written often and read now and then; a whole cluster's state goes over the board.
 */
#ifndef BELLWETHER_PUBLISHED_H
#define BELLWETHER_PUBLISHED_H

#include <stdbool.h>
#include <stddef.h>

struct bw_published;
struct bw_sync_view_box;
struct bw_facts_desk;

/* For data of `bytes` bytes (plain, without pointers); all zero until the first write. NULL when out of memory. */
struct bw_published *bw_published_new(size_t bytes);
void bw_published_free(struct bw_published *published);
/* The one writer. */
void bw_published_write(struct bw_published *published, const void *data);
/* Any reader: copies what was written last. False when a write was going on at each of a few tries: then *data is not defined, use what
 * was read before. */
bool bw_published_read(const struct bw_published *published, void *data);

/* The rows that threads other than the engine's contribute to every snapshot. */
struct bw_published_rows {
    struct bw_published *sync;      /* struct bw_sync_rows, written by the sync thread */
    struct bw_published *alerts;    /* struct bw_alert_rows, written by the alert thread */
    struct bw_published *resources; /* struct bw_resource_rows: of the local member, written by the resource thread */
    struct bw_sync_view_box *sync_view; /* the other way: what the engine tells the sync thread */
    struct bw_facts_desk *facts;        /* members' facts, between engine, sync thread and store */
};

#endif
