/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Another setup of the stream while it runs. Nothing that somebody still has to get is lost: a sending queue that is to be smaller than
 * what is unacknowledged stays until that has gone; what a smaller receiving queue cannot hold is asked for again when it is due.
 */
#include <errno.h>
#include <stdlib.h>

#include "agent/sync/stream_private.h"

/* The entries from *oldest needed on into another ring. 0, -ENOSPC: there is no room for them now; -ENOMEM. */
static int move_log(struct bw_stream *s, uint32_t updates, uint64_t bytes)
{
    uint64_t needed = bw_stream_least(s);
    struct bw_update_log *from = &s->log, to;
    int error = bw_update_log_init(&to, updates, bytes);

    if (error != 0)
        return error;
    to.oldest = to.next = to.unsent = from->oldest;
    for (uint64_t number = from->oldest; number < from->next; number++) {
        const struct bw_log_entry *entry = bw_log_at(from, number);

        if (bw_update_log_add(&to, from->bytes + entry->at, entry->length, needed, s->now_ns) == 0) {
            bw_update_log_fini(&to);
            return -ENOSPC;
        }
        bw_log_at(&to, number)->frame = entry->frame;
        bw_log_at(&to, number)->made = entry->made;
        bw_log_at(&to, number)->sent = entry->sent;
        bw_log_at(&to, number)->update = entry->update;
    }
    to.unsent = from->unsent > to.oldest ? from->unsent : to.oldest;
    bw_update_log_fini(from);
    *from = to;
    return 0;
}

static int resize_sending(struct bw_stream *s, const struct bw_stream_tuning *t)
{
    uint64_t bytes = bw_stream_log_bytes(t->sending_queue, t->memory_bytes);
    int error = 0;

    if (t->sending_queue == s->setup.sending_queue && t->memory_bytes == s->setup.memory_bytes)
        return 0;
    error = move_log(s, t->sending_queue, bytes);
    if (error != 0)
        return error;
    s->setup.sending_queue = t->sending_queue;
    s->setup.memory_bytes = t->memory_bytes;
    return 0;
}

static void move_held(struct bw_stream *s, struct bw_copy *c, struct bw_held *to, uint32_t size)
{
    for (uint32_t i = 0; i < s->held_size; i++) {
        uint64_t number = c->next + i;
        struct bw_held *held = &c->held[number & (s->held_size - 1)];

        if (held->bytes == NULL)
            continue;
        if (i < size) {
            to[number & (size - 1)] = *held;
            continue;
        }
        s->held_bytes -= held->length;
        c->held_count--;
        free(held->bytes);
    }
    free(c->held);
    c->held = to;
}

static int resize_receiving(struct bw_stream *s, uint32_t receiving_queue)
{
    struct bw_held *rings[BW_MAX_MEMBERS] = {NULL};
    uint32_t size = bw_stream_held_size(receiving_queue);
    int error = 0;

    for (unsigned i = 0; i < s->peers_count && size != s->held_size; i++) {
        if (s->peers[i].copy.held == NULL)
            continue;
        rings[i] = calloc(size, sizeof(*rings[i]));
        error = rings[i] == NULL ? -ENOMEM : error;
    }
    for (unsigned i = 0; i < s->peers_count; i++) {
        if (error != 0)
            free(rings[i]);
        else if (rings[i] != NULL)
            move_held(s, &s->peers[i].copy, rings[i], size);
    }
    s->held_size = error == 0 ? size : s->held_size;
    return error;
}

int bw_stream_tune(struct bw_stream *s, const struct bw_stream_tuning *t)
{
    int sending = resize_sending(s, t), receiving = resize_receiving(s, t->receiving_queue);

    s->setup.ack_count = t->ack_count;
    s->setup.ack_ns = t->ack_ns;
    s->setup.overload_percent = t->overload_percent;
    s->setup.deadline_ns = t->deadline_ns;
    return sending != 0 ? sending : receiving;
}
