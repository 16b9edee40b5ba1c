/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this member tells the peers about their logs: how far it has them, what it misses, what it wants. Each says whom it is for;
 * as many as fit share a frame.
 */
#include "agent/sync/stream_private.h"

#define RUNS_MOST    96 /* requests of one peer at a time */
#define RTO_LEAST_NS (4 * BW_MS)
#define RTO_MOST_NS  (500 * BW_MS)
#define IDLE_ACK_NS  BW_SEC
#define DOUBT_NS     BW_SEC
#define WANT_MOST_NS (500 * BW_MS)

struct teller {
    struct bw_stream *stream;
    struct bw_sink sink;
    uint8_t bytes[BW_STREAM_BODY_MAX];
};

static void open_frame(struct teller *t)
{
    t->sink = (struct bw_sink){.bytes = t->bytes, .cap = bw_stream_body(t->stream)};
    bw_put_uint(&t->sink, BW_SYNC_FORMAT, 1);
}

static void send_frame(struct teller *t)
{
    if (t->sink.length > 1)
        bw_stream_out(t->stream, t->bytes, t->sink.length);
    open_frame(t);
}

static void make_room(struct teller *t, size_t length)
{
    if (t->sink.cap - t->sink.length < length)
        send_frame(t);
}

/* ---- acknowledgements ---- */

static void put_ack(struct teller *t, struct bw_stream_peer_state *p)
{
    struct bw_stream *s = t->stream;
    struct bw_copy *c = &p->copy;
    unsigned senders = 0;
    struct bw_sync_ack ack = {.member = p->id, .tag = p->tag, .number = c->next - 1,
                              .window = c->next + s->held_size - 1, .body_max = s->body_max};

    for (unsigned i = 0; i < s->peers_count; i++)
        senders += s->peers[i].in_view;
    ack.credit = s->credit / (senders > 0 ? senders : 1);
    if (ack.credit == 0)
        ack.credit = 1;
    if (bw_copy_whole(c))
        ack.flags |= BW_SYNC_FLAG_WHOLE;
    if (s->setup.bug == BW_STREAM_BUG_ACK)
        ack.number = c->top;
    make_room(t, 64);
    bw_sync_put_ack(&t->sink, &ack);
    c->unacknowledged = 0;
    c->ack_ns = s->now_ns + IDLE_ACK_NS;
    c->ack_now = false;
    p->acks_sent++;
    s->count.acks_sent++;
}

static bool ack_due(const struct bw_stream *s, const struct bw_copy *c)
{
    if (!bw_copy_placed(c))
        return false;
    return c->ack_now || c->unacknowledged >= s->setup.ack_count || c->ack_ns == 0 || s->now_ns >= c->ack_ns;
}

/* ---- requests ---- */

/* Asks for what is missing from `from` to `to`. */
static void put_requests(struct teller *t, struct bw_stream_peer_state *p, uint64_t from, uint64_t to)
{
    struct bw_stream *s = t->stream;
    struct bw_copy *c = &p->copy;
    uint64_t last = c->next + s->held_size - 1;
    unsigned runs = 0;
    size_t block;

    if (to > last)
        to = last;
    make_room(t, 64);
    block = bw_sync_block_open(&t->sink, BW_SYNC_REQUEST);
    bw_put_uint(&t->sink, p->id, 1);
    bw_put_uint(&t->sink, p->tag, 8);
    for (uint64_t n = from; n <= to && runs < RUNS_MOST; n++) {
        unsigned count = 0;

        while (count < BW_SYNC_REQUEST_RUN && n + count <= to &&
               (c->held == NULL || c->held[(n + count) & (s->held_size - 1)].bytes == NULL))
            count++;
        if (count == 0)
            continue;
        if (t->sink.cap - t->sink.length < 16)
            break;
        bw_put_varint(&t->sink, n);
        bw_put_uint(&t->sink, count, 1);
        n += count - 1;
        runs++;
        p->requests_sent++;
        s->count.requests_sent++;
        s->count.requested_missing += count;
    }
    bw_sync_block_close(&t->sink, block);
}

/* Where many frames are lost a long pause helps nobody: it grows to a few round trips only. */
static uint64_t rto_most(const struct bw_copy *c)
{
    uint64_t most_ns = RTO_LEAST_NS * 4 > 3 * c->answer_ns ? RTO_LEAST_NS * 4 : 3 * c->answer_ns;

    return most_ns < RTO_MOST_NS ? most_ns : RTO_MOST_NS;
}

static void request(struct teller *t, struct bw_stream_peer_state *p)
{
    struct bw_stream *s = t->stream;
    struct bw_copy *c = &p->copy;
    uint64_t rto_ns = c->rto_ns > RTO_LEAST_NS ? c->rto_ns : RTO_LEAST_NS;

    if (!bw_copy_placed(c) || bw_copy_missing(s, c) == 0)
        return;
    if (c->request_ns != 0 && s->now_ns >= c->request_ns) {
        put_requests(t, p, c->next, c->top);
        c->rto_ns = rto_ns * 3 / 2 < rto_most(c) ? rto_ns * 3 / 2 : rto_most(c);
    } else if (c->fresh_ns != 0 && s->now_ns >= c->fresh_ns) {
        put_requests(t, p, c->asked + 1 > c->next ? c->asked + 1 : c->next, c->top);
        if (c->request_ns != 0) { /* the older ones keep their time */
            c->asked = c->top;
            c->fresh_ns = 0;
            return;
        }
    } else {
        return;
    }
    c->asked = c->top;
    c->fresh_ns = 0;
    c->asked_ns = s->now_ns;
    c->request_ns = s->now_ns + rto_ns;
}

/* ---- wishes ---- */

static void put_want(struct teller *t, struct bw_stream_peer_state *p)
{
    struct bw_stream *s = t->stream;
    struct bw_copy *c = &p->copy;
    struct bw_sync_want want = {.member = p->id, .tag = p->tag, .cookie = c->cookie};

    if (c->state == BW_COPY_WANTING) {
        memcpy(want.ranges, c->wanted, sizeof(want.ranges));
        for (unsigned k = 1; k < BW_SYNC_PROVIDERS; k++)
            want.count += bw_sync_count_ranges(c->wanted[k]) > 0;
        put_ack(t, p);
    }
    make_room(t, 32 + 33 * BW_SYNC_PROVIDERS);
    bw_sync_put_want(&t->sink, &want);
    c->want_ns = s->now_ns + c->want_step_ns;
    c->want_step_ns = c->want_step_ns < WANT_MOST_NS / 2 ? 2 * c->want_step_ns : WANT_MOST_NS;
}

/* Something could not be applied: are we still equal? */
static void put_doubt(struct teller *t, struct bw_stream_peer_state *p)
{
    const struct bw_sync_want want = {.member = p->id, .tag = p->tag, .count = BW_SYNC_WANT_CHECK};

    make_room(t, 32);
    bw_sync_put_want(&t->sink, &want);
    p->copy.doubt_ns = t->stream->now_ns + DOUBT_NS;
}

/* A full sync of which nothing came for long: asks for it anew. */
static void unstick(struct bw_stream *s, struct bw_stream_peer_state *p)
{
    struct bw_copy *c = &p->copy;

    c->in_slice = false;
    c->cookie = bw_stream_random(s);
    bw_copy_set_state(s, p, BW_COPY_WANTING);
}

void bw_stream_tell(struct bw_stream *s)
{
    struct teller t = {.stream = s};

    if (s->body_max == 0)
        return;
    open_frame(&t);
    for (unsigned i = 0; i < s->peers_count; i++) {
        struct bw_stream_peer_state *p = &s->peers[i];
        struct bw_copy *c = &p->copy;

        if (!p->in_view)
            continue;
        if (c->state == BW_COPY_FETCHING && s->now_ns >= c->want_ns)
            unstick(s, p);
        if ((c->state == BW_COPY_STARTING || c->state == BW_COPY_WANTING) && s->now_ns >= c->want_ns)
            put_want(&t, p);
        if (c->doubtful && c->state == BW_COPY_WHOLE && s->now_ns >= c->doubt_ns)
            put_doubt(&t, p);
        request(&t, p);
        if (ack_due(s, c))
            put_ack(&t, p);
    }
    send_frame(&t);
}

uint64_t bw_stream_tell_due(const struct bw_stream *s)
{
    uint64_t due = UINT64_MAX;

    for (unsigned i = 0; i < s->peers_count; i++) {
        const struct bw_copy *c = &s->peers[i].copy;

        if (!s->peers[i].in_view)
            continue;
        if (c->state == BW_COPY_STARTING || c->state == BW_COPY_WANTING || c->state == BW_COPY_FETCHING)
            due = bw_soonest(due, c->want_ns);
        if (c->doubtful && c->state == BW_COPY_WHOLE)
            due = bw_soonest(due, c->doubt_ns);
        if (bw_copy_placed(c)) {
            due = bw_soonest(due, c->ack_ns);
            due = bw_soonest(due, c->request_ns);
            due = bw_soonest(due, c->fresh_ns);
        }
    }
    return due;
}
