/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mailbox: a fixed set of slots, each moving FREE → FILLING → WAITING → TAKEN → ANSWERED →
 * FREE by compare-and-swap. A request whose asker does not wait goes FILLING → UNATTENDED →
 * ABANDONED, as does one whose asker gives up after it was taken; the engine frees those with the
 * answer. Askers sleep on the slot's state word (futex); the engine only wakes.
 */
#include "bellwether/mailbox.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bellwether/text.h"

#define SLOTS 64

enum { FREE, FILLING, WAITING, UNATTENDED, TAKEN, ABANDONED, ANSWERED };

struct slot {
    _Atomic uint32_t state;
    _Atomic uint64_t ticket; /* order of arrival */
    struct bw_request request;
    struct bw_answer answer;
};

struct bw_mailbox {
    int fd;
    _Atomic bool closed;
    _Atomic uint64_t tickets;
    _Atomic uint64_t refused;
    struct slot slots[SLOTS];
};

struct bw_mailbox *bw_mailbox_new(void)
{
    struct bw_mailbox *mailbox = calloc(1, sizeof(*mailbox));

    if (mailbox == NULL)
        return NULL;
    mailbox->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (mailbox->fd < 0) {
        free(mailbox);
        return NULL;
    }
    return mailbox;
}

void bw_mailbox_free(struct bw_mailbox *mailbox)
{
    if (mailbox == NULL)
        return;
    close(mailbox->fd);
    free(mailbox);
}

static bool change(struct slot *slot, uint32_t from, uint32_t to)
{
    return atomic_compare_exchange_strong(&slot->state, &from, to);
}

static struct slot *reserve(struct bw_mailbox *mailbox)
{
    for (int i = 0; i < SLOTS; i++)
        if (change(&mailbox->slots[i], FREE, FILLING))
            return &mailbox->slots[i];
    return NULL;
}

static uint64_t monotonic_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * BW_SEC + (uint64_t)ts.tv_nsec;
}

/* Sleeps until the slot is answered or the time is over. True when answered. */
static bool wait_answer(struct slot *slot, unsigned timeout_ms)
{
    uint64_t end = monotonic_ns() + timeout_ms * BW_MS;

    for (;;) {
        uint32_t state = atomic_load(&slot->state);
        uint64_t now = monotonic_ns();
        struct timespec rest;

        if (state == ANSWERED)
            return true;
        if (now >= end)
            return false;
        rest = (struct timespec){(time_t)((end - now) / BW_SEC), (long)((end - now) % BW_SEC)};
        syscall(SYS_futex, &slot->state, FUTEX_WAIT_PRIVATE, state, &rest, NULL, 0);
    }
}

/* Leaves a slot whose answer did not come in time. True when it came at the last moment after all. */
static bool give_up(struct slot *slot)
{
    if (change(slot, WAITING, FREE)) /* never taken: nothing was done */
        return false;
    return !change(slot, TAKEN, ABANDONED);
}

static const struct bw_answer ended = {BW_RESULT_BUSY, "the engine is ending"};

enum bw_result bw_mailbox_ask(struct bw_mailbox *mailbox, const struct bw_request *request, struct bw_answer *answer,
                              unsigned timeout_ms)
{
    struct slot *slot;

    if (atomic_load(&mailbox->closed)) {
        *answer = ended;
        return answer->result;
    }
    slot = reserve(mailbox);
    *answer = (struct bw_answer){BW_RESULT_PENDING, ""};
    if (slot == NULL) {
        atomic_fetch_add(&mailbox->refused, 1);
        *answer = (struct bw_answer){BW_RESULT_BUSY, "the engine has too many requests waiting: try again"};
        return answer->result;
    }
    slot->request = *request;
    /* Whatever surface a text came in by: beyond this point it is fit to be kept, shown and sent. */
    bw_clean(slot->request.name, sizeof(slot->request.name));
    bw_clean(slot->request.text, sizeof(slot->request.text));
    bw_clean(slot->request.who, sizeof(slot->request.who));
    slot->answer = *answer;
    atomic_store(&slot->ticket, atomic_fetch_add(&mailbox->tickets, 1) + 1);
    atomic_store(&slot->state, timeout_ms > 0 ? WAITING : UNATTENDED);
    (void)!write(mailbox->fd, &(uint64_t){1}, sizeof(uint64_t));
    if (timeout_ms == 0)
        return answer->result;
    if (wait_answer(slot, timeout_ms) || give_up(slot)) {
        *answer = slot->answer;
        atomic_store(&slot->state, FREE);
    } else {
        *answer = (struct bw_answer){BW_RESULT_TIMEOUT, "no answer from the engine in time"};
    }
    return answer->result;
}

int bw_mailbox_fd(const struct bw_mailbox *mailbox)
{
    return mailbox->fd;
}

static bool is_waiting(struct slot *slot)
{
    uint32_t state = atomic_load(&slot->state);

    return state == WAITING || state == UNATTENDED;
}

uint64_t bw_mailbox_take(struct bw_mailbox *mailbox, struct bw_request *request)
{
    for (;;) {
        struct slot *oldest = NULL;
        uint64_t count;

        for (int i = 0; i < SLOTS; i++) {
            struct slot *slot = &mailbox->slots[i];
            if (is_waiting(slot) && (oldest == NULL || atomic_load(&slot->ticket) < atomic_load(&oldest->ticket)))
                oldest = slot;
        }
        if (oldest == NULL) {
            (void)!read(mailbox->fd, &count, sizeof(count));
            /* A request may have come between the look and the read: look once more. */
            for (int i = 0; i < SLOTS && oldest == NULL; i++)
                oldest = is_waiting(&mailbox->slots[i]) ? &mailbox->slots[i] : NULL;
            if (oldest == NULL)
                return 0;
        }
        /* Fails when the asker gave up just now. */
        if (change(oldest, WAITING, TAKEN) || change(oldest, UNATTENDED, ABANDONED)) {
            *request = oldest->request;
            return atomic_load(&oldest->ticket);
        }
    }
}

void bw_mailbox_answer(struct bw_mailbox *mailbox, uint64_t ticket, const struct bw_answer *answer)
{
    for (int i = 0; i < SLOTS; i++) {
        struct slot *slot = &mailbox->slots[i];
        uint32_t state = atomic_load(&slot->state);

        if (atomic_load(&slot->ticket) != ticket || (state != TAKEN && state != ABANDONED))
            continue;
        slot->answer = *answer;
        if (change(slot, TAKEN, ANSWERED))
            syscall(SYS_futex, &slot->state, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
        else
            (void)!change(slot, ABANDONED, FREE);
        return;
    }
}

void bw_mailbox_close(struct bw_mailbox *mailbox)
{
    struct bw_request request;
    uint64_t ticket;

    atomic_store(&mailbox->closed, true);
    while ((ticket = bw_mailbox_take(mailbox, &request)) != 0)
        bw_mailbox_answer(mailbox, ticket, &ended);
    for (int i = 0; i < SLOTS; i++) {
        uint32_t state = atomic_load(&mailbox->slots[i].state);

        if (state == TAKEN || state == ABANDONED)
            bw_mailbox_answer(mailbox, atomic_load(&mailbox->slots[i].ticket), &ended);
    }
}

uint64_t bw_mailbox_refused(const struct bw_mailbox *mailbox)
{
    return atomic_load(&mailbox->refused);
}
