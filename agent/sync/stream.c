/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stream as its user sees it (see stream.h): setup, what comes in, and the order of what is done in a turn.
 */
#include "agent/sync/stream.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/sync/stream_private.h"
#include "bellwether/text.h"

#define BYTES_AN_UPDATE 96 /* of the sending queue, on average */

uint64_t bw_stream_log_bytes(uint32_t updates, uint64_t memory_bytes)
{
    uint64_t bytes = (uint64_t)updates * BYTES_AN_UPDATE;

    return memory_bytes != 0 && bytes > memory_bytes ? memory_bytes : bytes;
}

uint32_t bw_stream_held_size(uint32_t updates)
{
    uint32_t size = 256;

    while (size < updates)
        size *= 2;
    return size;
}

int bw_stream_new(const struct bw_stream_setup *setup, struct bw_stream **out)
{
    struct bw_stream *s;
    int error;

    if (setup->members_count > BW_MAX_MEMBERS || setup->send == NULL)
        return -EINVAL;
    s = calloc(1, sizeof(*s));
    if (s == NULL)
        return -ENOMEM;
    s->setup = *setup;
    s->random = setup->seed;
    s->now_ns = setup->now_ns;
    s->window = 64;
    s->check_ns = setup->now_ns + setup->check_ns;
    s->queue_since_ns = setup->now_ns;
    s->held_size = bw_stream_held_size(setup->receiving_queue);
    for (unsigned i = 0; i < setup->members_count; i++) {
        s->peers[i].id = setup->members[i];
        bw_copy_reset(s, &s->peers[i]);
    }
    s->peers_count = setup->members_count;
    error = bw_update_log_init(&s->log, setup->sending_queue, bw_stream_log_bytes(setup->sending_queue, setup->memory_bytes));
    if (error != 0) {
        free(s);
        return error;
    }
    *out = s;
    return 0;
}

void bw_stream_free(struct bw_stream *s)
{
    if (s == NULL)
        return;
    for (unsigned i = 0; i < s->peers_count; i++)
        bw_copy_reset(s, &s->peers[i]);
    bw_update_log_fini(&s->log);
    free(s);
}

/* ---- providers ---- */

static bool sink_update(void *context, const struct bw_sync_record *record)
{
    struct bw_stream *s = context;
    const struct bw_sync_update update = {.record = *record};
    uint8_t bytes[BW_SYNC_UPDATE_MAX];
    uint64_t number;
    int n;

    if (record->provider == 0 || record->provider >= BW_SYNC_PROVIDERS)
        return true;
    n = bw_sync_put_update(bytes, &update);
    if (n < 0)
        return true; /* one that cannot be told: digests will say that it is missing */
    number = bw_update_log_add(&s->log, bytes, (size_t)n, bw_stream_least(s), s->now_ns);
    if (number == 0)
        return false;
    bw_log_at(&s->log, number)->update = true;
    s->count.generated++;
    return true;
}

static void sink_lost(void *context, const uint64_t ranges[BW_SYNC_WORDS])
{
    (void)ranges; /* digests of all ranges cost little more than those of some */
    bw_stream_check_soon(context);
}

static uint64_t sink_newest(void *context)
{
    const struct bw_stream *s = context;

    return s->log.next - 1;
}

struct bw_sync_sink bw_stream_sink(struct bw_stream *s)
{
    return (struct bw_sync_sink){.context = s, .update = sink_update, .lost = sink_lost, .newest = sink_newest};
}

int bw_stream_attach(struct bw_stream *s, const struct bw_sync_provider *provider, void *self)
{
    if (provider->number == 0 || provider->number >= BW_SYNC_PROVIDERS || s->providers[provider->number].ops != NULL)
        return -EINVAL;
    s->providers[provider->number] = (struct bw_provider_slot){provider, self};
    return 0;
}

bool bw_stream_has_room(const struct bw_stream *s)
{
    return bw_update_log_fits(&s->log, 1, BW_SYNC_UPDATE_MAX, bw_stream_least(s));
}

/* ---- peers ---- */

static void forget_peer(struct bw_stream *s, struct bw_stream_peer_state *p)
{
    bw_full_peer_gone(s, p);
    p->active = p->whole = p->start_due = p->start_tell = false;
    p->start_cookie = p->start_number = p->wish_cookie = p->full_since_ns = 0;
    p->credit = p->body_max = 0;
    p->acked = 0;
    bw_copy_reset(s, p);
}

void bw_stream_peer(struct bw_stream *s, uint8_t member, const struct bw_stream_facts *facts)
{
    struct bw_stream_peer_state *p = bw_stream_find(s, member);
    bool came;

    if (p == NULL)
        return;
    came = facts->in_view && !p->in_view;
    if (memcmp(&p->boot, &facts->boot, sizeof(p->boot)) != 0) {
        forget_peer(s, p);
        p->boot = facts->boot;
        p->tag = bw_sync_tag(&facts->boot);
        came = facts->in_view;
    }
    if (!facts->in_view && p->in_view)
        bw_full_peer_gone(s, p);
    s->changes += p->in_view != facts->in_view || p->needed != facts->needed;
    p->in_view = facts->in_view;
    p->needed = facts->needed;
    if (!came)
        return;
    p->progress_ns = s->now_ns;
    s->hello_now = true;
    if (p->active && p->acked + 1 < s->log.oldest)
        p->active = false; /* what it misses is gone: it will find that it has to begin anew */
    if (p->copy.state == BW_COPY_NONE) {
        bw_copy_begin(s, p);
    } else {
        p->copy.ack_now = true;
        if (p->copy.since_ns != 0) {
            p->copy.since_ns = p->copy.began_ns = s->now_ns;
            p->copy.failed = false;
            p->copy.want_ns = s->now_ns;
        }
    }
}

void bw_stream_path(struct bw_stream *s, uint32_t body_max, const char *name, uint32_t credit)
{
    if (body_max < BW_STREAM_BODY_MIN)
        body_max = 0;
    s->body_max = body_max < BW_STREAM_BODY_MAX ? body_max : BW_STREAM_BODY_MAX;
    s->credit = credit;
    bw_copy(s->path, sizeof(s->path), body_max != 0 ? name : "");
}

void bw_stream_path_changed(struct bw_stream *s)
{
    s->retry_ns = 0;
    s->poll_ns = s->now_ns;
    s->poll_step_ns = BW_MS;
    s->hello_now = true;
    for (unsigned i = 0; i < s->peers_count; i++) {
        struct bw_copy *c = &s->peers[i].copy;

        c->ack_now = true;
        if (c->state == BW_COPY_STARTING || c->state == BW_COPY_WANTING)
            c->want_ns = c->repairs == 0 ? s->now_ns : c->want_ns;
    }
}

/* ---- what comes in ---- */

/* Is it meant for this member, and for this process of it? */
static bool is_for_me(const struct bw_stream *s, uint8_t member, uint64_t tag)
{
    return member == s->setup.local && tag == bw_sync_tag(&s->setup.boot);
}

static bool request_is_for_me(const struct bw_stream *s, const struct bw_sync_block *block)
{
    struct bw_source source = {.bytes = block->content, .length = block->length};
    uint64_t member = bw_get_uint(&source, 1), tag = bw_get_uint(&source, 8);

    return !source.cut && is_for_me(s, (uint8_t)member, tag);
}

static int take_block(struct bw_stream *s, struct bw_stream_peer_state *p, const struct bw_sync_block *block)
{
    union {
        struct bw_sync_hello hello;
        struct bw_sync_start start;
        struct bw_sync_ack ack;
        struct bw_sync_want want;
    } u;
    int error = 0;

    switch (block->type) {
    case BW_SYNC_HELLO:
        error = bw_sync_get_hello(block, &u.hello);
        if (error == 0)
            bw_copy_hello(s, p, &u.hello);
        break;
    case BW_SYNC_DATA:
        bw_copy_data(s, p, block);
        break;
    case BW_SYNC_START:
        error = bw_sync_get_start(block, &u.start);
        if (error == 0 && u.start.member == s->setup.local)
            bw_copy_start(s, p, &u.start);
        break;
    case BW_SYNC_ACK:
        error = bw_sync_get_ack(block, &u.ack);
        if (error == 0 && is_for_me(s, u.ack.member, u.ack.tag))
            bw_send_acked(s, p, &u.ack);
        break;
    case BW_SYNC_REQUEST:
        if (request_is_for_me(s, block))
            bw_send_requested(s, p, block);
        break;
    case BW_SYNC_WANT:
        error = bw_sync_get_want(block, &u.want);
        if (error == 0 && is_for_me(s, u.want.member, u.want.tag))
            bw_full_wanted(s, p, &u.want);
        break;
    default:
        break; /* of a newer version */
    }
    return error;
}

int bw_stream_input(struct bw_stream *s, uint8_t member, const uint8_t *body, size_t length)
{
    struct bw_stream_peer_state *p = bw_stream_find(s, member);
    struct bw_sync_block block;
    size_t at = 0;
    int rc;

    if (p == NULL || !p->in_view)
        return -ENOENT;
    s->count.bytes_received += length + s->setup.overhead;
    while ((rc = bw_sync_next_block(body, length, &at, &block)) > 0) {
        rc = take_block(s, p, &block);
        if (rc < 0)
            break;
    }
    return rc;
}

/* ---- a turn ---- */

void bw_stream_begin(struct bw_stream *s, uint64_t now_ns)
{
    if (now_ns > s->now_ns)
        s->now_ns = now_ns;
}

static void flush(struct bw_stream *s)
{
    bool good = true;

    if (!s->dirty)
        return;
    s->dirty = false;
    for (unsigned i = 1; i < BW_SYNC_PROVIDERS; i++)
        if (s->providers[i].ops != NULL && s->providers[i].ops->flush != NULL)
            good = s->providers[i].ops->flush(s->providers[i].self) >= 0 && good;
    for (unsigned i = 0; i < s->peers_count; i++) {
        if (s->peers[i].copy.applied && !good)
            bw_copy_doubt(s, &s->peers[i].copy);
        s->peers[i].copy.applied = false;
    }
}

static void watch_deadlines(struct bw_stream *s)
{
    for (unsigned i = 0; i < s->peers_count; i++) {
        struct bw_copy *c = &s->peers[i].copy;

        if (!s->peers[i].in_view || c->since_ns == 0 || c->failed || s->now_ns - c->since_ns < s->setup.deadline_ns)
            continue;
        c->failed = true;
        s->changes++;
        s->count.full_syncs_failed++;
    }
}

static void watch_queue(struct bw_stream *s)
{
    uint64_t length = s->log.next - bw_stream_least(s), percent = length * 100 / s->setup.sending_queue;
    uint64_t span_ns = s->now_ns - s->queue_since_ns;

    s->queue_sum += length * (span_ns / 1000);
    s->queue_time_ns += span_ns;
    s->queue_since_ns = s->now_ns;
    if (length > s->count.queue_max)
        s->count.queue_max = (uint32_t)length;
    if (percent >= s->setup.overload_percent)
        s->overloaded = true;
    else if (percent < s->setup.overload_percent / 2)
        s->overloaded = false;
}

uint64_t bw_stream_end(struct bw_stream *s)
{
    uint64_t due;

    flush(s);
    bw_stream_tell(s); /* what peers wait for goes first */
    bw_full_run(s);
    watch_queue(s);
    bw_send_data(s);
    if (s->session.active)
        bw_full_run(s); /* rows in place of those that have just gone out */
    bw_send_timers(s);
    watch_deadlines(s);
    due = bw_soonest(bw_send_due(s), bw_stream_tell_due(s));
    if (bw_stream_listened(s))
        due = bw_soonest(due, s->check_ns);
    if (s->session.active && s->log.next - s->log.unsent == 0)
        due = s->now_ns;
    return due;
}

uint64_t bw_stream_changes(const struct bw_stream *s)
{
    return s->changes;
}

bool bw_stream_overloaded(const struct bw_stream *s)
{
    return s->overloaded;
}
