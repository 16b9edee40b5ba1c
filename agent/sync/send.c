/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The own log on its way to the peers. New records go out in full frames as far as the slowest peer lets them; what a peer misses it
 * asks for. A peer that holds everybody up for too long counts no more until it acknowledges again.
 */
#include "agent/sync/stream_private.h"

#define WINDOW_FIRST   64u   /* frames under way at first, and never fewer */
#define WINDOW_MOST    2048u
#define CREDIT_FIRST   32u   /* until the peer says how much its socket holds */
#define NAGLE_NS       (500 * UINT64_C(1000)) /* a part-filled frame waits so long while others are under way */
#define RETRY_NS       BW_MS /* when the way out was stuffed */
#define POLL_LEAST_NS  (3 * BW_MS)
#define POLL_MOST_NS   (200 * BW_MS)
#define HELLO_NS       BW_SEC
#define TIMEOUT_NS     (3 * BW_SEC) /* without a sign of progress */
#define DUPLICATE_NS   (500 * UINT64_C(1000))
#define AGAIN_FRAMES   256 /* sent again for one request at most */
#define ACK_EVERY      16  /* frames: one of so many asks for an acknowledgement */
#define RTT_FIRST_NS   (2 * BW_MS)

static bool holds(const struct bw_stream_peer_state *p)
{
    return p->active && p->in_view;
}

bool bw_stream_listened(const struct bw_stream *s)
{
    for (unsigned i = 0; i < s->peers_count; i++)
        if (holds(&s->peers[i]))
            return true;
    return false;
}

/* The lowest number that somebody who counts has acknowledged; UINT64_MAX = nobody counts. */
static uint64_t lowest_acked(const struct bw_stream *s)
{
    uint64_t lowest = UINT64_MAX;

    for (unsigned i = 0; i < s->peers_count; i++)
        if (holds(&s->peers[i]) && s->peers[i].acked < lowest)
            lowest = s->peers[i].acked;
    return lowest;
}

uint64_t bw_stream_acknowledged(const struct bw_stream *s)
{
    for (unsigned i = 0; i < s->peers_count; i++)
        if (s->peers[i].in_view && !s->peers[i].active)
            return 0; /* it has no place yet: nobody can say that it has anything */
    return lowest_acked(s);
}

uint64_t bw_stream_least(const struct bw_stream *s)
{
    uint64_t lowest = lowest_acked(s), least = s->log.next;

    if (lowest != UINT64_MAX) {
        least = lowest + 1 < s->log.unsent ? lowest + 1 : s->log.unsent;
    }
    return least > s->log.oldest ? least : s->log.oldest;
}

uint32_t bw_stream_body(const struct bw_stream *s)
{
    uint32_t most = s->body_max;

    for (unsigned i = 0; i < s->peers_count; i++)
        if (s->peers[i].in_view && s->peers[i].body_max >= BW_STREAM_BODY_MIN && s->peers[i].body_max < most)
            most = s->peers[i].body_max;
    return most;
}

bool bw_stream_out(struct bw_stream *s, const uint8_t *body, size_t length)
{
    if (s->body_max == 0)
        return false;
    if (s->setup.send(s->setup.wire, body, length) == 0) {
        s->count.bytes_sent += length + s->setup.overhead;
        return true;
    }
    s->retry_ns = s->now_ns + RETRY_NS;
    return false;
}

/* ---- frames of updates ---- */

struct packer {
    struct bw_sink sink;
    size_t block;
    uint64_t first, next; /* first 0 = empty */
    size_t flags_at;
    uint8_t bytes[BW_STREAM_BODY_MAX];
};

static void pack_begin(struct bw_stream *s, struct packer *k, uint64_t number)
{
    k->sink = (struct bw_sink){.bytes = k->bytes, .cap = bw_stream_body(s)};
    bw_put_uint(&k->sink, BW_SYNC_FORMAT, 1);
    k->block = bw_sync_block_open(&k->sink, BW_SYNC_DATA);
    bw_put_varint(&k->sink, number);
    k->flags_at = k->sink.length;
    bw_put_uint(&k->sink, 0, 1);
    k->first = k->next = number;
}

/* False when it has no room. */
static bool pack_add(struct bw_stream *s, struct packer *k, uint64_t number)
{
    const struct bw_log_entry *entry = bw_log_at(&s->log, number);

    if (entry->length > k->sink.cap - k->sink.length)
        return false;
    bw_put_bytes(&k->sink, s->log.bytes + entry->at, entry->length);
    k->next = number + 1;
    return true;
}

static bool pack_send(struct bw_stream *s, struct packer *k, uint8_t flags)
{
    k->bytes[k->flags_at] = flags;
    bw_sync_block_close(&k->sink, k->block);
    return bw_stream_out(s, k->sink.bytes, k->sink.length);
}

/* ---- flow control ---- */

static uint32_t frames_under_way(struct bw_stream *s)
{
    uint64_t first = lowest_acked(s) + 1;

    if (first == 0 || first >= s->log.unsent || first < s->log.oldest)
        return 0;
    return s->frames - bw_log_at(&s->log, first)->frame;
}

static uint32_t frames_allowed(const struct bw_stream *s)
{
    uint32_t allowed = s->window;

    for (unsigned i = 0; i < s->peers_count; i++) {
        const struct bw_stream_peer_state *p = &s->peers[i];
        uint32_t credit = p->credit != 0 ? p->credit : CREDIT_FIRST;

        if (holds(p) && credit < allowed)
            allowed = credit;
    }
    return allowed;
}

/* The highest number that everybody takes. */
static uint64_t number_allowed(const struct bw_stream *s)
{
    uint64_t allowed = UINT64_MAX;

    for (unsigned i = 0; i < s->peers_count; i++)
        if (holds(&s->peers[i]) && s->peers[i].window < allowed)
            allowed = s->peers[i].window;
    return allowed;
}

/* A request says that frames were lost: somewhat fewer under way, once in a round trip. */
static void cut_window(struct bw_stream *s)
{
    if (s->now_ns < s->window_cut_ns)
        return;
    s->window -= s->window / 8;
    if (s->window < WINDOW_FIRST)
        s->window = WINDOW_FIRST;
    s->window_cut_ns = s->now_ns + s->rtt_ns;
}

static void note_sent(struct bw_stream *s, uint64_t first, uint64_t next)
{
    for (uint64_t n = first; n < next; n++) {
        struct bw_log_entry *entry = bw_log_at(&s->log, n);

        entry->frame = s->frames;
        entry->sent = bw_tick(s->now_ns);
    }
    for (unsigned i = 0; i < s->peers_count; i++)
        if (s->peers[i].acked + 1 == first)
            s->peers[i].progress_ns = s->now_ns; /* nothing was under way to it */
    s->frames++;
    s->count.sent += next - first;
    s->log.unsent = next;
}

/* A frame that is not full waits a little while others are under way. */
static bool waits_for_more(struct bw_stream *s, uint64_t first, uint32_t under_way)
{
    uint64_t age_ns = bw_since_tick(s->now_ns, bw_log_at(&s->log, first)->made);

    if (under_way == 0 || age_ns >= NAGLE_NS)
        return false;
    s->nagle_ns = s->now_ns + (NAGLE_NS - age_ns);
    return true;
}

void bw_send_data(struct bw_stream *s)
{
    struct packer k;
    uint64_t most;

    s->nagle_ns = 0;
    if (!bw_stream_listened(s)) {
        s->log.unsent = s->log.next;
        return;
    }
    if (s->body_max == 0 || s->now_ns < s->retry_ns)
        return;
    most = number_allowed(s);
    while (s->log.unsent < s->log.next && s->log.unsent <= most) {
        uint32_t under_way = frames_under_way(s);
        uint64_t first = s->log.unsent, n = first;
        bool full = false, last;

        if (under_way >= frames_allowed(s))
            return;
        pack_begin(s, &k, first);
        while (n < s->log.next && n <= most && !(full = !pack_add(s, &k, n)))
            n++;
        if (n == first || (!full && n == s->log.next && waits_for_more(s, first, under_way)))
            return;
        last = n == s->log.next || n > most || under_way + 1 >= frames_allowed(s) || s->frames % ACK_EVERY == 0;
        if (!pack_send(s, &k, last ? BW_SYNC_FLAG_ACK_NOW : 0))
            return;
        if (last && s->rtt_number == 0) {
            s->rtt_number = n - 1;
            s->rtt_sent_ns = s->now_ns;
        }
        note_sent(s, first, n);
    }
}

/* ---- acknowledgements ---- */

static void add_lags(struct bw_stream *s, struct bw_lag *lag, uint64_t from, uint64_t to)
{
    for (uint64_t n = from < s->log.oldest ? s->log.oldest : from; n <= to; n++) {
        const struct bw_log_entry *entry = bw_log_at(&s->log, n);

        if (entry->update)
            bw_lag_add(lag, s->now_ns, bw_since_tick(s->now_ns, entry->made));
    }
}

static void measure(struct bw_stream *s, uint64_t number)
{
    uint64_t rtt_ns;

    if (s->rtt_number == 0 || number < s->rtt_number)
        return;
    rtt_ns = s->now_ns - s->rtt_sent_ns;
    s->rtt_ns = s->rtt_ns == 0 ? rtt_ns : (7 * s->rtt_ns + rtt_ns) / 8;
    s->rtt_number = 0;
}

/* Everybody has more than before: that is what lag counts. */
static void note_lowest(struct bw_stream *s)
{
    uint64_t lowest = lowest_acked(s), from = s->lowest_acked + 1, delay_ns;

    if (lowest == UINT64_MAX || lowest <= s->lowest_acked)
        return;
    if (from < s->log.oldest)
        from = s->log.oldest;
    delay_ns = from <= lowest ? bw_since_tick(s->now_ns, bw_log_at(&s->log, from)->made) : 0;
    add_lags(s, &s->lag, from, lowest);
    s->lowest_acked = lowest;
    s->count.callbacks++;
    s->callback_sum_ns += delay_ns;
    if (delay_ns > s->count.callback_max_ns)
        s->count.callback_max_ns = delay_ns;
    for (unsigned i = 1; i < BW_SYNC_PROVIDERS; i++)
        if (s->providers[i].ops != NULL && s->providers[i].ops->acknowledged != NULL)
            s->providers[i].ops->acknowledged(s->providers[i].self, bw_stream_acknowledged(s), s->now_ns);
}

static void note_whole(struct bw_stream *s, struct bw_stream_peer_state *p, bool whole)
{
    if (whole && !p->whole && p->full_since_ns != 0) {
        s->count.full_syncs++;
        s->count.full_sync_last_ns = s->now_ns - p->full_since_ns;
        p->full_syncs++;
        p->full_since_ns = 0;
    }
    s->changes += whole != p->whole;
    if (!whole && p->whole)
        p->full_since_ns = s->now_ns;
    p->whole = whole;
}

void bw_send_acked(struct bw_stream *s, struct bw_stream_peer_state *p, const struct bw_sync_ack *ack)
{
    uint64_t before = p->acked;

    p->acks_received++;
    s->count.acks_received++;
    if (ack->number >= s->log.unsent) {
        s->count.requests_illegal++; /* it cannot have what was never sent */
        return;
    }
    if (p->start_due || ack->number + 1 < s->log.oldest)
        return; /* it is about to begin anew, or will find that it has to */
    if (!p->active) {
        p->active = true;
        p->acked = before = ack->number;
        p->window = ack->window;
        p->progress_ns = s->now_ns;
    }
    if (ack->number < p->acked)
        return; /* overtaken by a newer one */
    p->credit = ack->credit;
    p->body_max = ack->body_max;
    if (ack->window > p->window)
        p->window = ack->window;
    note_whole(s, p, ack->flags & BW_SYNC_FLAG_WHOLE);
    if (ack->number == before)
        return;
    if (before + 1 >= s->log.oldest)
        s->window += bw_log_at(&s->log, ack->number)->frame - bw_log_at(&s->log, before + 1)->frame + 1;
    if (s->window > WINDOW_MOST)
        s->window = WINDOW_MOST;
    add_lags(s, &p->lag, before + 1, ack->number);
    p->acked = ack->number;
    p->progress_ns = s->now_ns;
    s->poll_ns = s->poll_step_ns = 0;
    measure(s, ack->number);
    note_lowest(s);
}

/* ---- requests ---- */

/* Sends the run again but for what was sent a moment ago. */
static void send_run(struct bw_stream *s, struct bw_stream_peer_state *p, struct packer *k, uint64_t first, unsigned count,
                     unsigned *frames)
{
    uint64_t recent_ns = s->rtt_ns > DUPLICATE_NS ? s->rtt_ns : DUPLICATE_NS;

    for (uint64_t n = first; n < first + count; n++) {
        struct bw_log_entry *entry = bw_log_at(&s->log, n);

        if (bw_since_tick(s->now_ns, entry->sent) < recent_ns) {
            s->count.requests_duplicate++;
            continue;
        }
        if (k->first != 0 && (n != k->next || !pack_add(s, k, n))) {
            if (*frames >= AGAIN_FRAMES || !pack_send(s, k, 0))
                return;
            ++*frames;
            k->first = 0;
        }
        if (k->first == 0) {
            pack_begin(s, k, n);
            (void)pack_add(s, k, n);
        }
        entry->sent = bw_tick(s->now_ns);
        s->count.sent++;
        s->count.retransmitted++;
        p->retransmitted++;
    }
}

void bw_send_requested(struct bw_stream *s, struct bw_stream_peer_state *p, const struct bw_sync_block *block)
{
    struct bw_source source = {.bytes = block->content, .at = 9, .length = block->length}; /* after member and tag */
    struct packer k;
    unsigned frames = 0;

    k.first = 0;
    while (source.at < source.length) {
        uint64_t first = bw_get_varint(&source), count = bw_get_uint(&source, 1);

        if (source.cut)
            break;
        p->requests_received++;
        s->count.requests_received++;
        if (count == 0 || count > BW_SYNC_REQUEST_RUN || first < s->log.oldest || first + count > s->log.unsent ||
            first + count < first) {
            s->count.requests_illegal++;
            s->hello_now = true; /* tells what there is */
            continue;
        }
        send_run(s, p, &k, first, (unsigned)count, &frames);
    }
    if (k.first != 0 && frames < AGAIN_FRAMES)
        pack_send(s, &k, BW_SYNC_FLAG_ACK_NOW);
    cut_window(s);
}

/* ---- what is due ---- */

void bw_send_hello(struct bw_stream *s, uint8_t flags)
{
    const struct bw_sync_hello hello = {.newest = s->log.unsent - 1, .oldest = s->log.oldest, .flags = flags};
    uint8_t bytes[64];
    struct bw_sink sink = {.bytes = bytes, .cap = sizeof(bytes)};

    bw_put_uint(&sink, BW_SYNC_FORMAT, 1);
    bw_sync_put_hello(&sink, &hello);
    bw_stream_out(s, bytes, sink.length);
    s->hello_now = false;
    s->hello_ns = s->now_ns + HELLO_NS;
}

/* Is something under way to a peer that counts? Gives up on one that does not get on. */
static bool under_way(struct bw_stream *s)
{
    bool any = false;

    for (unsigned i = 0; i < s->peers_count; i++) {
        struct bw_stream_peer_state *p = &s->peers[i];

        if (!holds(p) || p->acked + 1 >= s->log.unsent)
            continue;
        if (s->now_ns - p->progress_ns < TIMEOUT_NS) {
            any = true;
            continue;
        }
        p->active = false;
        s->count.timed_out_connections++;
        s->hello_now = true;
    }
    return any;
}

void bw_send_timers(struct bw_stream *s)
{
    bool in_view = false;

    for (unsigned i = 0; i < s->peers_count; i++)
        in_view = in_view || s->peers[i].in_view;
    if (!in_view) {
        s->poll_ns = 0;
        return;
    }
    if (!under_way(s)) {
        s->poll_ns = s->poll_step_ns = 0;
    } else if (s->poll_ns == 0) {
        s->poll_step_ns = 2 * (s->rtt_ns != 0 ? s->rtt_ns : RTT_FIRST_NS);
        if (s->poll_step_ns < POLL_LEAST_NS)
            s->poll_step_ns = POLL_LEAST_NS;
        s->poll_ns = s->now_ns + s->poll_step_ns;
    } else if (s->now_ns >= s->poll_ns) {
        s->poll_step_ns = s->poll_step_ns < POLL_MOST_NS / 2 ? 2 * s->poll_step_ns : POLL_MOST_NS;
        s->poll_ns = s->now_ns + s->poll_step_ns;
        s->rtt_number = 0;
        bw_send_hello(s, BW_SYNC_FLAG_ACK_NOW);
    }
    if (s->hello_now || s->now_ns >= s->hello_ns)
        bw_send_hello(s, 0);
}

uint64_t bw_send_due(const struct bw_stream *s)
{
    uint64_t due = UINT64_MAX;

    for (unsigned i = 0; i < s->peers_count; i++)
        if (s->peers[i].in_view)
            due = s->hello_ns;
    due = bw_soonest(due, s->poll_ns);
    due = bw_soonest(due, s->nagle_ns);
    if (s->log.unsent < s->log.next && s->retry_ns > s->now_ns && s->body_max != 0)
        due = bw_soonest(due, s->retry_ns);
    return due;
}
