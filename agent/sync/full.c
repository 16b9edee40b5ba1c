/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What peers ask for, put into the own log: where they begin, full and ranged syncs, digests. A full sync is nothing but the rows of
 * the ranges asked for, between a BEGIN and an END for each slice of them; updates go on in between. Only so many rows wait in the log that an
 * update does not wait long behind them. What a slice brought stays: a sync that is cut off goes on with the ranges that still differ.
 */
#include "agent/sync/stream_private.h"

#define ROWS_WAITING   256  /* rows not sent yet, at most */
#define CHECK_LEAST_NS (200 * BW_MS)
#define WINDOW_FIRST   256  /* updates that any peer takes */
#define PARTS          (BW_SYNC_RANGES / BW_SYNC_PART)

uint64_t bw_stream_add_control(struct bw_stream *s, enum bw_sync_control kind, const uint8_t *content, size_t length)
{
    const struct bw_sync_update update = {
        .record = {.operation = BW_SYNC_SET, .range = (uint8_t)kind, .value = content, .value_length = (uint16_t)length}};
    uint8_t bytes[BW_SYNC_UPDATE_MAX];
    int n = bw_sync_put_update(bytes, &update);

    return n < 0 ? 0 : bw_update_log_add(&s->log, bytes, (size_t)n, bw_stream_least(s), s->now_ns);
}

static unsigned providers_count(const struct bw_stream *s)
{
    unsigned count = 0;

    for (unsigned i = 1; i < BW_SYNC_PROVIDERS; i++)
        count += s->providers[i].ops != NULL;
    return count;
}

/* ---- digests ---- */

/* Adds the digests of everything, for a start of one member or for all. The number of the first record, 0 = no room. */
static uint64_t add_digests(struct bw_stream *s, uint8_t member, uint64_t cookie)
{
    unsigned left = providers_count(s);
    uint64_t first = 0;

    if (left == 0 || !bw_update_log_fits(&s->log, left * PARTS, BW_SYNC_CONTROL_MAX + 8, bw_stream_least(s)))
        return 0;
    for (unsigned i = 1; i < BW_SYNC_PROVIDERS; i++) {
        struct bw_sync_digest digests[BW_SYNC_RANGES];

        if (s->providers[i].ops == NULL)
            continue;
        left--;
        memset(digests, 0, sizeof(digests));
        s->providers[i].ops->digests(s->providers[i].self, s->setup.local, digests);
        for (unsigned part = 0; part < PARTS; part++) {
            struct bw_sync_check check = {.member = member, .cookie = cookie, .last = left == 0 && part + 1 == PARTS,
                                          .provider = (uint8_t)i, .first = (uint8_t)(part * BW_SYNC_PART)};
            uint8_t bytes[BW_SYNC_CONTROL_MAX];
            uint64_t number = s->log.next;

            for (unsigned r = 0; r < BW_SYNC_PART; r++)
                check.folds[r] = bw_sync_fold(&digests[check.first + r], number);
            number = bw_stream_add_control(s, BW_SYNC_CHECK, bytes, bw_sync_put_check(bytes, &check));
            if (first == 0)
                first = number;
        }
    }
    return first;
}

static void run_checks(struct bw_stream *s)
{
    if (s->now_ns < s->check_ns || !bw_stream_listened(s))
        return;
    if (add_digests(s, 0, 0) != 0)
        s->check_ns = s->now_ns + s->setup.check_ns;
    else
        s->check_ns = s->now_ns + CHECK_LEAST_NS;
}

void bw_stream_check_soon(struct bw_stream *s)
{
    if (s->check_ns > s->now_ns + CHECK_LEAST_NS)
        s->check_ns = s->now_ns + CHECK_LEAST_NS;
}

/* ---- starts ---- */

static void run_starts(struct bw_stream *s)
{
    for (unsigned i = 0; i < s->peers_count; i++) {
        struct bw_stream_peer_state *p = &s->peers[i];
        uint8_t bytes[64];
        struct bw_sink sink = {.bytes = bytes, .cap = sizeof(bytes)};

        if (!p->in_view)
            continue;
        if (p->start_due) {
            bool alone = !bw_stream_listened(s);
            uint64_t number;

            if (alone)
                s->log.unsent = s->log.next; /* nobody was there to send it to */
            number = add_digests(s, p->id, p->start_cookie);
            if (number == 0)
                continue;
            if (alone)
                s->lowest_acked = number - 1; /* what nobody waited for is no lag */
            p->start_number = number;
            p->start_due = false;
            p->start_tell = true;
            p->active = true;
            p->acked = number - 1;
            p->window = number + WINDOW_FIRST - 1;
            p->progress_ns = s->now_ns;
        }
        if (!p->start_tell)
            continue;
        p->start_tell = false;
        bw_put_uint(&sink, BW_SYNC_FORMAT, 1);
        bw_sync_put_start(&sink, &(struct bw_sync_start){p->id, p->start_cookie, p->start_number});
        bw_stream_out(s, bytes, sink.length);
    }
}

void bw_full_wanted(struct bw_stream *s, struct bw_stream_peer_state *p, const struct bw_sync_want *want)
{
    if (want->count == BW_SYNC_WANT_CHECK) {
        bw_stream_check_soon(s);
        return;
    }
    if (want->count == 0) {
        if (p->full_since_ns == 0)
            p->full_since_ns = s->now_ns;
        p->whole = false;
        if (want->cookie == p->start_cookie && p->start_number != 0) {
            p->start_tell = true; /* it did not hear the answer */
            return;
        }
        if (p->active)
            s->count.lost_connections++;
        p->active = false;
        p->start_cookie = want->cookie;
        p->start_number = 0;
        p->start_due = true;
        return;
    }
    if (want->cookie == p->wish_cookie || !p->active)
        return;
    p->wish_cookie = want->cookie;
    p->wishes = true;
    if (p->full_since_ns == 0)
        p->full_since_ns = s->now_ns;
    memcpy(p->wish, want->ranges, sizeof(p->wish));
}

/* ---- sessions ---- */

static void begin_session(struct bw_stream *s)
{
    struct bw_session_out *o = &s->session;
    bool any = false;

    for (unsigned i = 0; i < s->peers_count; i++)
        any = any || (s->peers[i].wishes && s->peers[i].in_view && s->peers[i].active);
    if (!any)
        return;
    memset(o, 0, sizeof(*o));
    o->active = true;
    for (unsigned i = 0; i < s->peers_count; i++) {
        struct bw_stream_peer_state *p = &s->peers[i];

        if (!p->wishes || !p->in_view || !p->active)
            continue;
        p->wishes = false;
        o->targets |= 1U << i;
        o->cookies[i] = p->wish_cookie;
        for (unsigned k = 1; k < BW_SYNC_PROVIDERS; k++)
            for (unsigned w = 0; w < BW_SYNC_WORDS; w++)
                o->left[k][w] |= p->wish[k][w];
    }
    for (unsigned k = 1; k < BW_SYNC_PROVIDERS; k++) {
        if (s->providers[k].ops == NULL)
            memset(o->left[k], 0, sizeof(o->left[k]));
        o->total += bw_sync_count_ranges(o->left[k]);
    }
}

/* Takes the next ranges out of what is left. False when nothing is. */
static bool next_slice(struct bw_session_out *o)
{
    unsigned count = 0;

    memset(o->slice, 0, sizeof(o->slice));
    for (unsigned k = 1; k < BW_SYNC_PROVIDERS && count == 0; k++) {
        o->provider = (uint8_t)k;
        for (unsigned r = 0; r < BW_SYNC_RANGES && count < BW_SYNC_SLICE; r++) {
            if (!bw_sync_has(o->left[k], r))
                continue;
            bw_sync_add(o->slice, r);
            o->left[k][r / 64] &= ~(UINT64_C(1) << r % 64);
            count++;
        }
    }
    return count > 0;
}

static bool nothing_left(const struct bw_session_out *o)
{
    for (unsigned k = 1; k < BW_SYNC_PROVIDERS; k++)
        if (bw_sync_count_ranges(o->left[k]) > 0)
            return false;
    return true;
}

static bool room_for_control(const struct bw_stream *s)
{
    return bw_update_log_fits(&s->log, 1, BW_SYNC_CONTROL_MAX + 8, bw_stream_least(s));
}

static void add_begin(struct bw_stream *s)
{
    const struct bw_session_out *o = &s->session;
    struct bw_sync_begin begin = {.provider = o->provider};
    uint8_t bytes[BW_SYNC_CONTROL_MAX];

    memcpy(begin.ranges, o->slice, sizeof(begin.ranges));
    for (unsigned i = 0; i < s->peers_count; i++) {
        if ((o->targets >> i & 1) == 0)
            continue;
        begin.targets[begin.targets_count].member = s->peers[i].id;
        begin.targets[begin.targets_count++].cookie = o->cookies[i];
    }
    bw_stream_add_control(s, BW_SYNC_BEGIN, bytes, bw_sync_put_begin(bytes, &begin));
}

static void add_end(struct bw_stream *s, bool aborted, bool last)
{
    struct bw_session_out *o = &s->session;
    struct bw_sync_end end = {.provider = o->provider, .aborted = aborted, .last = last};
    struct bw_sync_digest digests[BW_SYNC_RANGES];
    uint8_t bytes[BW_SYNC_CONTROL_MAX];
    unsigned n = 0;

    memset(digests, 0, sizeof(digests));
    memcpy(end.ranges, o->slice, sizeof(end.ranges));
    if (s->providers[o->provider].ops != NULL)
        s->providers[o->provider].ops->digests(s->providers[o->provider].self, s->setup.local, digests);
    for (unsigned r = 0; r < BW_SYNC_RANGES && n < BW_SYNC_SLICE; r++)
        if (bw_sync_has(o->slice, r))
            end.folds[n++] = bw_sync_fold(&digests[r], s->log.next);
    bw_stream_add_control(s, BW_SYNC_END, bytes, bw_sync_put_end(bytes, &end));
    o->open = false;
    o->done += n;
}

struct emitting {
    struct bw_stream *stream;
    bool stopped;
    bool any;
};

static bool may_add_row(const struct bw_stream *s)
{
    uint64_t kept = s->log.next - bw_stream_least(s);

    return s->log.next - s->log.unsent < ROWS_WAITING && kept < s->log.size / 4 * 3 &&
           bw_update_log_fits(&s->log, 8, BW_SYNC_UPDATE_MAX, bw_stream_least(s));
}

static bool emit(void *context, const struct bw_sync_record *record)
{
    struct emitting *e = context;
    struct bw_stream *s = e->stream;
    struct bw_sync_update update = {.record = *record, .row = true};
    uint8_t bytes[BW_SYNC_UPDATE_MAX];
    int n;

    if (!may_add_row(s)) {
        e->stopped = true;
        return false;
    }
    update.record.operation = BW_SYNC_SET;
    update.record.provider = s->session.provider;
    n = bw_sync_put_update(bytes, &update);
    if (n < 0)
        return true; /* a record that cannot be told: digests will say that it is missing */
    if (bw_update_log_add(&s->log, bytes, (size_t)n, bw_stream_least(s), s->now_ns) == 0) {
        e->stopped = true;
        return false;
    }
    e->any = true;
    return true;
}

/* One step: true when there is more to do now. */
static bool step_session(struct bw_stream *s)
{
    struct bw_session_out *o = &s->session;
    const struct bw_provider_slot *slot = &s->providers[o->provider];
    struct emitting e = {.stream = s};
    int rc;

    if (!o->active) {
        begin_session(s);
        return o->active;
    }
    if (!room_for_control(s) || (!o->aborting && !may_add_row(s)))
        return false;
    if (o->aborting) {
        add_end(s, true, true);
        o->active = o->aborting = false;
        return true;
    }
    if (!o->open) {
        if (!next_slice(o)) {
            o->active = false; /* nothing here was ours to give */
            return true;
        }
        add_begin(s);
        o->open = true;
        o->drained = false;
        o->cursor = 0;
        return true;
    }
    rc = o->drained || slot->ops == NULL ? 0 : slot->ops->dump(slot->self, s->setup.local, o->slice, &o->cursor, emit, &e);
    if (rc > 0)
        return e.any && !e.stopped; /* when it has nothing ready it is asked again in the next turn */
    o->drained = true;
    if (!room_for_control(s))
        return false;
    add_end(s, false, nothing_left(o));
    if (nothing_left(o))
        o->active = false;
    return true;
}

void bw_full_peer_gone(struct bw_stream *s, struct bw_stream_peer_state *p)
{
    struct bw_session_out *o = &s->session;

    p->wishes = false;
    p->wish_cookie = 0; /* told again, it counts again */
    if (!o->active)
        return;
    o->targets &= ~(1U << (p - s->peers));
    if (o->targets == 0)
        o->aborting = true;
}

unsigned bw_full_percent(const struct bw_stream *s, const struct bw_stream_peer_state *p)
{
    const struct bw_session_out *o = &s->session;

    if (p->full_since_ns == 0 || !p->in_view)
        return 100;
    if (!o->active || (o->targets >> (p - s->peers) & 1) == 0 || o->total == 0)
        return 0;
    return o->done * 100 / o->total < 100 ? o->done * 100 / o->total : 99;
}

void bw_full_run(struct bw_stream *s)
{
    unsigned steps = 0;

    run_starts(s);
    while (step_session(s) && ++steps < 1000)
        ;
    run_checks(s);
}
