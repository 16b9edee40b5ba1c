/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the stream is: its states, its counters, and whether this member's copies would do for a takeover.
 */
#include "agent/sync/stream_private.h"
#include "bellwether/text.h"

#define BEHIND_NS (200 * BW_MS) /* something missing for longer than that is told */

enum bw_stream_copy bw_stream_copy(const struct bw_stream *s, char *detail, size_t cap)
{
    enum bw_stream_copy worst = BW_STREAM_COPY_ALONE;

    detail[0] = '\0';
    for (unsigned i = 0; i < s->peers_count; i++) {
        const struct bw_stream_peer_state *p = &s->peers[i];
        const struct bw_copy *c = &p->copy;
        enum bw_stream_copy one = BW_STREAM_COPY_WHOLE;

        if (!p->in_view)
            continue;
        if (p->needed && !bw_copy_whole(c))
            one = c->failed ? BW_STREAM_COPY_FAILED : BW_STREAM_COPY_PARTIAL;
        if (one <= worst && worst != BW_STREAM_COPY_ALONE)
            continue;
        worst = one;
        if (one == BW_STREAM_COPY_PARTIAL)
            bw_format(detail, cap, "the table of member %u is on its way", p->id);
        else if (one == BW_STREAM_COPY_FAILED)
            bw_format(detail, cap, "the table of member %u has not come in time; still trying", p->id);
    }
    return worst;
}

static uint32_t peer_state(const struct bw_stream *s, const struct bw_stream_peer_state *p)
{
    const struct bw_copy *c = &p->copy;

    if (!p->in_view)
        return BW_SYNC_ALONE;
    if (s->body_max == 0 || c->failed)
        return BW_SYNC_LOST;
    if (c->state != BW_COPY_WHOLE || !p->active || !p->whole)
        return BW_SYNC_FULL;
    if ((c->missing_since_ns != 0 && s->now_ns - c->missing_since_ns > BEHIND_NS) ||
        (p->acked + 1 < s->log.unsent && s->now_ns - p->progress_ns > BEHIND_NS) || s->overloaded || c->doubtful)
        return BW_SYNC_BEHIND;
    return BW_SYNC_OK;
}

static unsigned percent(const struct bw_stream *s, const struct bw_stream_peer_state *p)
{
    const struct bw_copy *c = &p->copy;
    unsigned left = 0, of = c->wanted_count, here = 100;

    if (p->in_view && c->state != BW_COPY_WHOLE) {
        for (unsigned k = 1; k < BW_SYNC_PROVIDERS; k++)
            left += bw_sync_count_ranges(c->wanted[k]);
        here = c->state >= BW_COPY_WANTING && of > 0 && left <= of ? (of - left) * 100 / of : 0;
        here = here < 100 ? here : 99;
    }
    return here < bw_full_percent(s, p) ? here : bw_full_percent(s, p);
}

static void peer_row(const struct bw_stream *s, const struct bw_stream_peer_state *p, struct bw_sync_peer_row *row)
{
    const struct bw_copy *c = &p->copy;

    memset(row, 0, sizeof(*row));
    row->member = p->id;
    row->state = peer_state(s, p);
    if (p->in_view)
        bw_copy(row->interface, sizeof(row->interface), s->path);
    row->sent_number = p->active ? s->log.unsent - 1 : 0;
    row->acked_number = p->acked;
    row->received_number = bw_copy_placed(c) ? c->next - 1 : 0;
    row->unacknowledged = p->active && p->in_view ? (uint32_t)(s->log.next - 1 - p->acked) : 0;
    row->missing = bw_copy_missing(s, c);
    row->receiving_length = c->held_count;
    row->retransmitted = p->retransmitted;
    row->requests_sent = p->requests_sent;
    row->requests_received = p->requests_received;
    row->acks_sent = p->acks_sent;
    row->acks_received = p->acks_received;
    row->full_syncs = p->full_syncs;
    row->full_sync_percent = percent(s, p);
    for (unsigned i = 1; i < BW_SYNC_PROVIDERS; i++) {
        struct bw_sync_digest digests[BW_SYNC_RANGES];

        if (s->providers[i].ops == NULL || i == BW_SYNC_FACTS) /* which are no entries of a table */
            continue;
        memset(digests, 0, sizeof(digests));
        s->providers[i].ops->digests(s->providers[i].self, p->id, digests);
        for (unsigned r = 0; r < BW_SYNC_RANGES; r++)
            row->entries += digests[r].records;
    }
    row->lag_median_ns = bw_lag_quantile(&p->lag, 50);
    row->lag_p99_ns = bw_lag_quantile(&p->lag, 99);
}

/* The state of all: the worst of a peer that is in view. */
static void sum_up(const struct bw_stream *s, struct bw_sync_rows *rows)
{
    static const uint8_t order[] = {[BW_SYNC_OFF] = 0, [BW_SYNC_ALONE] = 1, [BW_SYNC_OK] = 2,
                                    [BW_SYNC_BEHIND] = 3, [BW_SYNC_FULL] = 4, [BW_SYNC_LOST] = 5};
    struct bw_sync_row *row = &rows->sync;
    unsigned worst = 0;

    row->state = BW_SYNC_ALONE;
    for (unsigned i = 0; i < rows->peers_count; i++) {
        if (order[rows->peers[i].state] <= order[row->state])
            continue;
        row->state = rows->peers[i].state;
        worst = rows->peers[i].member;
    }
    switch (row->state) {
    case BW_SYNC_ALONE:
        bw_copy(row->detail, sizeof(row->detail), "no other member is in view");
        break;
    case BW_SYNC_FULL:
        bw_format(row->detail, sizeof(row->detail), "a full sync with member %u is under way", worst);
        break;
    case BW_SYNC_BEHIND:
        if (s->overloaded)
            bw_format(row->detail, sizeof(row->detail), "%u updates are unacknowledged: over %u %% of the sending queue",
                      row->queue_length, s->setup.overload_percent);
        else
            bw_format(row->detail, sizeof(row->detail), "updates to or from member %u are missing and asked for", worst);
        break;
    case BW_SYNC_LOST:
        if (s->body_max == 0)
            bw_copy(row->detail, sizeof(row->detail), "no secured interface is up");
        else
            bw_format(row->detail, sizeof(row->detail), "the full sync with member %u takes too long; still trying", worst);
        break;
    default:
        row->detail[0] = '\0';
        break;
    }
}

void bw_stream_rows(struct bw_stream *s, struct bw_sync_rows *rows)
{
    struct bw_sync_row *row = &rows->sync;
    bool full = false;

    *row = s->count;
    row->queue_length = (uint32_t)(s->log.next - bw_stream_least(s));
    row->queue_average = s->queue_time_ns >= 1000 ? (uint32_t)(s->queue_sum / (s->queue_time_ns / 1000)) : 0;
    row->sending_queue = s->setup.sending_queue;
    row->receiving_queue = s->held_size;
    row->tick_ns = s->setup.ack_ns;
    row->callback_average_ns = row->callbacks > 0 ? s->callback_sum_ns / row->callbacks : 0;
    row->lag_median_ns = bw_lag_quantile(&s->lag, 50);
    row->lag_p99_ns = bw_lag_quantile(&s->lag, 99);
    rows->peers_count = s->peers_count;
    for (unsigned i = 0; i < s->peers_count; i++) {
        peer_row(s, &s->peers[i], &rows->peers[i]);
        row->entries_peers += rows->peers[i].entries;
        full = full || (s->peers[i].in_view && (!s->peers[i].whole || s->peers[i].copy.state != BW_COPY_WHOLE));
    }
    row->delta_memory_bytes = full ? s->log.bytes_used + s->held_bytes : 0;
    for (unsigned i = 1; i < BW_SYNC_PROVIDERS; i++) {
        struct bw_sync_digest digests[BW_SYNC_RANGES];

        if (s->providers[i].ops == NULL || i == BW_SYNC_FACTS) /* which are no entries of a table */
            continue;
        memset(digests, 0, sizeof(digests));
        s->providers[i].ops->digests(s->providers[i].self, s->setup.local, digests);
        for (unsigned r = 0; r < BW_SYNC_RANGES; r++)
            row->entries += digests[r].records;
        if (s->providers[i].ops->count != NULL)
            s->providers[i].ops->count(s->providers[i].self, row);
    }
    sum_up(s, rows);
}

void bw_stream_reset(struct bw_stream *s, int64_t wall)
{
    s->count = (struct bw_sync_row){.reset_wall = wall};
    s->callback_sum_ns = s->queue_sum = s->queue_time_ns = 0;
    memset(&s->lag, 0, sizeof(s->lag));
    for (unsigned i = 1; i < BW_SYNC_PROVIDERS; i++)
        if (s->providers[i].ops != NULL && s->providers[i].ops->reset != NULL)
            s->providers[i].ops->reset(s->providers[i].self);
    for (unsigned i = 0; i < s->peers_count; i++) {
        struct bw_stream_peer_state *p = &s->peers[i];

        p->retransmitted = p->requests_sent = p->requests_received = p->acks_sent = p->acks_received = p->full_syncs = 0;
        memset(&p->lag, 0, sizeof(p->lag));
    }
}
