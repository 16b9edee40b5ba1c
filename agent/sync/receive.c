/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A peer's log, taken in strict order. What comes too early is held back, within bounds; what is missing is noted for tell.c to ask
 * for. Numbers that make no sense are dropped and counted: a peer can only ever change the records that it owns.
 */
#include <stdlib.h>

#include "agent/sync/stream_private.h"

#define REORDER_NS   BW_MS /* frames that overtook each other get so long before they are asked for again */
#define RTO_FIRST_NS (8 * BW_MS)

bool bw_copy_placed(const struct bw_copy *c)
{
    return c->state >= BW_COPY_COMPARING;
}

static struct bw_held *held_at(const struct bw_stream *s, const struct bw_copy *c, uint64_t number)
{
    return &c->held[number & (s->held_size - 1)];
}

static void forget(struct bw_stream *s, struct bw_copy *c, struct bw_held *held)
{
    s->held_bytes -= held->length;
    c->held_count--;
    free(held->bytes);
    held->bytes = NULL;
}

void bw_copy_reset(struct bw_stream *s, struct bw_stream_peer_state *p)
{
    struct bw_copy *c = &p->copy;

    for (uint32_t i = 0; c->held != NULL && c->held_count > 0 && i < s->held_size; i++)
        if (c->held[i].bytes != NULL)
            forget(s, c, &c->held[i]);
    free(c->held);
    memset(c, 0, sizeof(*c));
    c->rto_ns = RTO_FIRST_NS;
}

uint32_t bw_copy_missing(const struct bw_stream *s, const struct bw_copy *c)
{
    uint64_t span;

    (void)s;
    if (!bw_copy_placed(c) || c->top < c->next)
        return 0;
    span = c->top - c->next + 1 - c->held_count;
    return span < UINT32_MAX ? (uint32_t)span : UINT32_MAX;
}

void bw_copy_doubt(struct bw_stream *s, struct bw_copy *c)
{
    s->count.received_dropped++;
    if (c->doubtful)
        return;
    s->changes += c->state == BW_COPY_WHOLE;
    c->doubtful = true;
    c->doubt_ns = s->now_ns;
}

static void apply(struct bw_stream *s, struct bw_stream_peer_state *p, const struct bw_sync_update *update, uint64_t number)
{
    const struct bw_sync_record *r = &update->record;
    struct bw_copy *c = &p->copy;
    const struct bw_provider_slot *slot;

    if (r->provider == 0) {
        bw_copy_control(s, p, r, number);
        return;
    }
    if (r->provider >= BW_SYNC_PROVIDERS || s->providers[r->provider].ops == NULL)
        return; /* a provider that does not run here */
    if (update->row && (!c->in_slice || c->provider != r->provider || !bw_sync_has(c->slice, r->range)))
        return; /* for somebody else */
    slot = &s->providers[r->provider];
    if (slot->ops->apply(slot->self, p->id, r, s->now_ns) < 0)
        bw_copy_doubt(s, c);
    c->applied = s->dirty = true;
}

static void note_applied(struct bw_stream *s, struct bw_copy *c)
{
    c->next++;
    if (c->unacknowledged++ == 0 && (c->ack_ns == 0 || c->ack_ns > s->now_ns + s->setup.ack_ns))
        c->ack_ns = s->now_ns + s->setup.ack_ns;
    if (c->asked_ns != 0) { /* how long an answer takes */
        uint64_t took_ns = s->now_ns - c->asked_ns;

        c->answer_ns = c->answer_ns == 0 ? took_ns : (3 * c->answer_ns + took_ns) / 4;
        c->rto_ns = 2 * c->answer_ns + BW_MS;
        c->asked_ns = 0;
    }
}

/* Applies what was held back and now follows. */
static void catch_up(struct bw_stream *s, struct bw_stream_peer_state *p)
{
    struct bw_copy *c = &p->copy;

    while (c->held_count > 0 && bw_copy_placed(c)) {
        struct bw_held *held = held_at(s, c, c->next);
        struct bw_sync_update update;
        size_t at = 0;
        uint64_t number = c->next;

        if (held->bytes == NULL)
            return;
        note_applied(s, c);
        if (bw_sync_get_update(held->bytes, held->length, &at, &update) == 0)
            apply(s, p, &update, number);
        if (held->bytes != NULL)
            forget(s, c, held);
    }
}

static void hold(struct bw_stream *s, struct bw_copy *c, uint64_t number, const uint8_t *bytes, size_t length)
{
    struct bw_held *held;

    if (c->held == NULL)
        c->held = calloc(s->held_size, sizeof(c->held[0]));
    held = c->held != NULL ? held_at(s, c, number) : NULL;
    if (held == NULL || held->bytes != NULL)
        return;
    held->bytes = malloc(length);
    if (held->bytes == NULL) {
        s->count.received_dropped++;
        return;
    }
    memcpy(held->bytes, bytes, length);
    held->length = (uint16_t)length;
    s->held_bytes += length;
    c->held_count++;
    s->count.received_queued++;
}

static void take(struct bw_stream *s, struct bw_stream_peer_state *p, uint64_t number, const uint8_t *bytes, size_t length)
{
    struct bw_copy *c = &p->copy;
    struct bw_sync_update update;
    size_t at = 0;

    s->count.received++;
    if (number < c->next || number - c->next >= s->held_size) {
        s->count.too_old++;
        return;
    }
    if (s->setup.bug == BW_STREAM_BUG_GAP && number > c->next)
        c->next = number;
    if (number > c->top)
        c->top = number;
    if (number > c->next) {
        hold(s, c, number, bytes, length);
        return;
    }
    if (bw_sync_get_update(bytes, length, &at, &update) != 0)
        return;
    note_applied(s, c);
    apply(s, p, &update, number);
    catch_up(s, p);
}

/* Something before what was heard of is missing: when to ask. */
static void note_gaps(struct bw_stream *s, struct bw_copy *c)
{
    if (c->asked < c->next)
        c->asked = c->next - 1;
    if (bw_copy_missing(s, c) == 0) {
        c->request_ns = c->fresh_ns = c->missing_since_ns = 0;
        return;
    }
    if (c->missing_since_ns == 0)
        c->missing_since_ns = s->now_ns;
    if (c->top > c->asked && c->fresh_ns == 0)
        c->fresh_ns = s->now_ns + REORDER_NS;
}

void bw_copy_data(struct bw_stream *s, struct bw_stream_peer_state *p, const struct bw_sync_block *block)
{
    struct bw_source source = {.bytes = block->content, .length = block->length};
    struct bw_copy *c = &p->copy;
    uint64_t number = bw_get_varint(&source), flags = bw_get_uint(&source, 1);
    size_t at = source.at;

    if (source.cut || number == 0 || number >= BW_SYNC_NUMBER_MAX)
        return;
    while (at < block->length && bw_copy_placed(c)) {
        struct bw_sync_update update;
        size_t from = at;

        if (bw_sync_get_update(block->content, block->length, &at, &update) != 0)
            break;
        take(s, p, number++, block->content + from, at - from);
    }
    if (!bw_copy_placed(c))
        return;
    if (flags & BW_SYNC_FLAG_ACK_NOW)
        c->ack_now = true;
    note_gaps(s, c);
}

void bw_copy_hello(struct bw_stream *s, struct bw_stream_peer_state *p, const struct bw_sync_hello *hello)
{
    struct bw_copy *c = &p->copy;

    if (!bw_copy_placed(c))
        return;
    if (hello->oldest > c->next && s->setup.bug != BW_STREAM_BUG_BASE) {
        s->count.missing_unsynced += hello->oldest - c->next;
        s->count.lost_connections++;
        bw_copy_begin(s, p);
        return;
    }
    if (hello->newest > c->top)
        c->top = hello->newest;
    if (hello->flags & BW_SYNC_FLAG_ACK_NOW)
        c->ack_now = true;
    note_gaps(s, c);
}
