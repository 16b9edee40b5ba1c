/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The board: where the engine posts snapshots and surfaces read them. One writer, a fixed number
 * of readers, readers + 2 buffers, no lock: neither side ever waits for the other.
 */
#ifndef BELLWETHER_BOARD_H
#define BELLWETHER_BOARD_H

#include "bellwether/model.h"

struct bw_board;

/* Which reader a thread is. Each thread uses its own number only. */
enum bw_reader {
    BW_READER_SNMP, BW_READER_HTTP, BW_READER_CONTROL, BW_READER_STORE, BW_READER_ALERT, BW_READER_MONITOR,
    BW_READER_SYNC, BW_READER_RESOURCE,
    BW_READERS,
};

/* A board with an empty first snapshot (number 0). NULL when out of memory. */
struct bw_board *bw_board_new(void);
void bw_board_free(struct bw_board *board);

/* Writer: the buffer to fill for the next post (contents are those of some older post; every field must be set). */
struct bw_snapshot *bw_board_draft(struct bw_board *board);
/* Writer: publishes the draft, sets its number, and wakes readers that asked to be woken. */
void bw_board_post(struct bw_board *board);
/* Writer: publishes it and wakes nobody: whoever looks finds it. */
void bw_board_post_quietly(struct bw_board *board);

/* Reader: the newest snapshot; stays valid and unchanged until this reader's next take or its release. Never NULL. */
const struct bw_snapshot *bw_board_take(struct bw_board *board, enum bw_reader reader);
/* Would bw_board_take() give another snapshot than the one that the reader holds? */
bool bw_board_has_newer(const struct bw_board *board, enum bw_reader reader);
void bw_board_release(struct bw_board *board, enum bw_reader reader);
/* Reader: an eventfd (non-blocking) that becomes readable after a post; the caller reads it empty. Made on first call,
 * closed by bw_board_free. Call before the writer starts. Negative errno on failure. */
int bw_board_wakeup_fd(struct bw_board *board, enum bw_reader reader);

#endif
