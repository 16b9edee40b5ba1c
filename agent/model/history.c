/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The history ring. Each slot carries the number of its event, set to 0 while it is rewritten; a
 * reader copies the slot word by word and believes the copy only when the number stood before and
 * after. Words are atomic, so a copy that races with the writer is merely discarded.
 */
#include "bellwether/history.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 1024 /* more than BW_MAX_HISTORY, so that the oldest shown is not the one being overwritten */
#define WORDS ((sizeof(struct bw_event) + 7) / 8)

struct slot {
    _Atomic uint64_t number;
    _Atomic uint64_t words[WORDS];
};

struct bw_history {
    _Atomic uint64_t first, last;
    struct slot slots[SLOTS];
};

struct bw_history *bw_history_new(void)
{
    return calloc(1, sizeof(struct bw_history));
}

void bw_history_free(struct bw_history *history)
{
    free(history);
}

static void write_slot(struct bw_history *history, const struct bw_event *event)
{
    struct slot *slot = &history->slots[event->number % SLOTS];
    uint64_t words[WORDS] = {0};

    memcpy(words, event, sizeof(*event));
    /* The releasing stores of the words below carry this one along: who reads a new word sees it, too. */
    atomic_store_explicit(&slot->number, 0, memory_order_relaxed);
    for (size_t i = 0; i < WORDS; i++)
        atomic_store_explicit(&slot->words[i], words[i], memory_order_release);
    atomic_store_explicit(&slot->number, event->number, memory_order_release);
}

void bw_history_restore(struct bw_history *history, const struct bw_event *event)
{
    uint64_t first = atomic_load(&history->first);

    if (event->number == 0 || event->number <= atomic_load(&history->last))
        return;
    write_slot(history, event);
    /* Numbers may skip (a damaged record): what lies between is simply not there. */
    if (first == 0)
        first = event->number;
    if (event->number - first >= BW_MAX_HISTORY)
        first = event->number - BW_MAX_HISTORY + 1;
    atomic_store(&history->first, first);
    atomic_store(&history->last, event->number);
}

uint64_t bw_history_add(struct bw_history *history, struct bw_event *event)
{
    event->number = atomic_load(&history->last) + 1;
    if (event->cause == 0) /* whoever has none to tell */
        event->cause = BW_CAUSE_NONE;
    bw_history_restore(history, event);
    return event->number;
}

void bw_history_range(const struct bw_history *history, uint64_t *first, uint64_t *last)
{
    *last = atomic_load(&history->last);
    *first = atomic_load(&history->first);
    if (*first > *last) /* an event came between the two loads */
        *first = *last;
}

int bw_history_read(const struct bw_history *history, uint64_t number, struct bw_event *event)
{
    const struct slot *slot = &history->slots[number % SLOTS];
    uint64_t words[WORDS];

    if (number == 0 || atomic_load_explicit(&slot->number, memory_order_acquire) != number)
        return -ENOENT;
    for (size_t i = 0; i < WORDS; i++)
        words[i] = atomic_load_explicit(&slot->words[i], memory_order_acquire);
    if (atomic_load_explicit(&slot->number, memory_order_relaxed) != number)
        return -ENOENT;
    memcpy(event, words, sizeof(*event));
    return 0;
}
