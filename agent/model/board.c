/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The board. `newest` names the buffer last posted; each reader announces the buffer it reads in
 * `held` before it looks again whether that is still the newest, so the writer, which picks a
 * buffer that is neither newest nor held, can never fill one that somebody reads.
 */
#include "bellwether/board.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define BUFFERS (BW_READERS + 2)
#define NOBODY (-1)

struct bw_board {
    _Atomic int newest;
    _Atomic int held[BW_READERS];
    _Atomic int wakeup[BW_READERS]; /* eventfd, or -1 */
    int draft;                      /* writer only */
    uint64_t posts;                 /* writer only */
    struct bw_snapshot buffers[BUFFERS];
};

struct bw_board *bw_board_new(void)
{
    struct bw_board *board = calloc(1, sizeof(*board));

    if (board == NULL)
        return NULL;
    atomic_init(&board->newest, 0);
    board->draft = NOBODY;
    for (int i = 0; i < BW_READERS; i++) {
        atomic_init(&board->held[i], NOBODY);
        atomic_init(&board->wakeup[i], -1);
    }
    return board;
}

void bw_board_free(struct bw_board *board)
{
    if (board == NULL)
        return;
    for (int i = 0; i < BW_READERS; i++)
        if (board->wakeup[i] >= 0)
            close(board->wakeup[i]);
    free(board);
}

static bool is_held(struct bw_board *board, int buffer)
{
    for (int i = 0; i < BW_READERS; i++)
        if (atomic_load(&board->held[i]) == buffer)
            return true;
    return false;
}

struct bw_snapshot *bw_board_draft(struct bw_board *board)
{
    if (board->draft == NOBODY) {
        int newest = atomic_load(&board->newest);

        /* One newest, at most BW_READERS held, BW_READERS + 2 in all: one is free. */
        for (int i = 0; i < BUFFERS && board->draft == NOBODY; i++)
            if (i != newest && !is_held(board, i))
                board->draft = i;
    }
    return &board->buffers[board->draft];
}

void bw_board_post_quietly(struct bw_board *board)
{
    if (board->draft == NOBODY)
        return;
    board->buffers[board->draft].number = ++board->posts;
    atomic_store(&board->newest, board->draft);
    board->draft = NOBODY;
}

void bw_board_post(struct bw_board *board)
{
    if (board->draft == NOBODY)
        return;
    bw_board_post_quietly(board);
    for (int i = 0; i < BW_READERS; i++) {
        int fd = atomic_load_explicit(&board->wakeup[i], memory_order_relaxed);
        if (fd >= 0)
            (void)!write(fd, &(uint64_t){1}, sizeof(uint64_t)); /* non-blocking; full means "already woken" */
    }
}

const struct bw_snapshot *bw_board_take(struct bw_board *board, enum bw_reader reader)
{
    int buffer;

    do {
        buffer = atomic_load(&board->newest);
        atomic_store(&board->held[reader], buffer);
    } while (atomic_load(&board->newest) != buffer);
    return &board->buffers[buffer];
}

bool bw_board_has_newer(const struct bw_board *board, enum bw_reader reader)
{
    return atomic_load(&board->newest) != atomic_load(&board->held[reader]);
}

void bw_board_release(struct bw_board *board, enum bw_reader reader)
{
    atomic_store(&board->held[reader], NOBODY);
}

int bw_board_wakeup_fd(struct bw_board *board, enum bw_reader reader)
{
    int fd = atomic_load(&board->wakeup[reader]);

    if (fd >= 0)
        return fd;
    fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    atomic_store(&board->wakeup[reader], fd);
    return fd;
}
