/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From no place in a peer's log to a whole copy of its records: a start is asked for, its digests are compared, ranges that differ are
 * asked for until they are equal. The same when digests differ later. What keeps on differing is asked for with growing pauses.
 */
#include "agent/sync/stream_private.h"

#define WANT_FIRST_NS  (20 * BW_MS)
#define WANT_MOST_NS   (500 * BW_MS)
#define REPAIR_NS      (20 * BW_MS) /* before the second try; doubles */
#define REPAIR_MOST_NS (10 * BW_SEC)
#define STUCK_NS       (10 * BW_SEC) /* a full sync of which nothing comes is asked for again */

uint64_t bw_stream_random(struct bw_stream *s)
{
    uint64_t value;

    do
        value = bw_sync_mix(s->random += UINT64_C(0x9e3779b97f4a7c15));
    while (value == 0);
    return value;
}

void bw_copy_set_state(struct bw_stream *s, struct bw_stream_peer_state *p, enum bw_copy_state state)
{
    struct bw_copy *c = &p->copy;

    if (state == BW_COPY_WHOLE && c->state != BW_COPY_WHOLE) {
        s->count.full_syncs++;
        s->count.full_sync_last_ns = s->now_ns - c->began_ns;
        p->full_syncs++;
        c->since_ns = 0;
        c->failed = false;
        c->ever_whole = true;
        c->repairs = 0;
        c->ack_now = true;
    } else if (state != BW_COPY_WHOLE && c->since_ns == 0) {
        c->since_ns = c->began_ns = s->now_ns;
    }
    s->changes += (c->state == BW_COPY_WHOLE) != (state == BW_COPY_WHOLE);
    c->state = state;
}

static void want(struct bw_stream *s, struct bw_copy *c, uint64_t after_ns)
{
    c->cookie = bw_stream_random(s);
    c->want_ns = s->now_ns + after_ns;
    c->want_step_ns = WANT_FIRST_NS;
    c->in_slice = c->began = false;
}

void bw_copy_begin(struct bw_stream *s, struct bw_stream_peer_state *p)
{
    struct bw_copy *c = &p->copy, before = *c;

    bw_copy_reset(s, p);
    c->since_ns = before.since_ns;
    c->began_ns = before.began_ns;
    c->failed = before.failed;
    c->ever_whole = before.ever_whole;
    c->doubtful = false; /* all is compared in any case */
    bw_copy_set_state(s, p, BW_COPY_STARTING);
    want(s, c, 0);
}

void bw_copy_start(struct bw_stream *s, struct bw_stream_peer_state *p, const struct bw_sync_start *start)
{
    struct bw_copy *c = &p->copy;

    if (c->state != BW_COPY_STARTING || start->cookie != c->cookie)
        return;
    c->next = start->number;
    c->top = c->asked = start->number - 1;
    memset(c->wanted, 0, sizeof(c->wanted));
    bw_copy_set_state(s, p, s->setup.bug == BW_STREAM_BUG_WHOLE ? BW_COPY_WHOLE : BW_COPY_COMPARING);
}

static void ask(struct bw_stream *s, struct bw_stream_peer_state *p)
{
    struct bw_copy *c = &p->copy;
    uint64_t pause_ns = 0;

    if (c->repairs > 0)
        pause_ns = c->repairs < 10 ? REPAIR_NS << (c->repairs - 1) : REPAIR_MOST_NS;
    c->wanted_count = 0;
    for (unsigned k = 1; k < BW_SYNC_PROVIDERS; k++)
        c->wanted_count += bw_sync_count_ranges(c->wanted[k]);
    bw_copy_set_state(s, p, BW_COPY_WANTING);
    want(s, c, pause_ns < REPAIR_MOST_NS ? pause_ns : REPAIR_MOST_NS);
}

static bool wants_nothing(const struct bw_copy *c)
{
    for (unsigned k = 1; k < BW_SYNC_PROVIDERS; k++)
        if (bw_sync_count_ranges(c->wanted[k]) > 0)
            return false;
    return true;
}

static bool compares(const struct bw_copy *c, const struct bw_sync_check *check, uint8_t local)
{
    if (c->state == BW_COPY_WHOLE)
        return true;
    return c->state == BW_COPY_COMPARING && check->member == local && check->cookie == c->cookie;
}

static void check(struct bw_stream *s, struct bw_stream_peer_state *p, const struct bw_sync_check *k, uint64_t number)
{
    struct bw_copy *c = &p->copy;

    if (!compares(c, k, s->setup.local) || s->setup.bug == BW_STREAM_BUG_WHOLE)
        return;
    if (k->provider > 0 && k->provider < BW_SYNC_PROVIDERS && s->providers[k->provider].ops != NULL) {
        const struct bw_provider_slot *slot = &s->providers[k->provider];
        struct bw_sync_digest digests[BW_SYNC_RANGES];

        memset(digests, 0, sizeof(digests));
        slot->ops->digests(slot->self, p->id, digests);
        for (unsigned i = 0; i < BW_SYNC_PART; i++)
            if (bw_sync_fold(&digests[k->first + i], number) != k->folds[i])
                bw_sync_add(c->wanted[k->provider], k->first + i);
    }
    if (!k->last)
        return;
    if (!wants_nothing(c)) {
        ask(s, p);
        return;
    }
    s->changes += c->doubtful;
    c->doubtful = false;
    bw_copy_set_state(s, p, BW_COPY_WHOLE);
}

static void begin(struct bw_stream *s, struct bw_stream_peer_state *p, const struct bw_sync_begin *b)
{
    struct bw_copy *c = &p->copy;
    bool mine = false;

    for (unsigned i = 0; i < b->targets_count; i++)
        mine = mine || (b->targets[i].member == s->setup.local && b->targets[i].cookie == c->cookie);
    if (!mine || (c->state != BW_COPY_WANTING && c->state != BW_COPY_FETCHING))
        return;
    if (b->provider == 0 || b->provider >= BW_SYNC_PROVIDERS || s->providers[b->provider].ops == NULL)
        return;
    bw_copy_set_state(s, p, BW_COPY_FETCHING);
    c->in_slice = true;
    c->provider = b->provider;
    memcpy(c->slice, b->ranges, sizeof(c->slice));
    c->want_ns = s->now_ns + STUCK_NS;
    s->providers[b->provider].ops->repair_begin(s->providers[b->provider].self, p->id, c->slice);
    s->dirty = true;
}

/* A slice has come whole: what it left different stays wanted. */
static void compare_slice(struct bw_stream *s, struct bw_stream_peer_state *p, const struct bw_sync_end *e, uint64_t number)
{
    struct bw_copy *c = &p->copy;
    const struct bw_provider_slot *slot = &s->providers[c->provider];
    struct bw_sync_digest digests[BW_SYNC_RANGES];
    unsigned n = 0;

    if (s->setup.bug != BW_STREAM_BUG_DOUBT)
        slot->ops->repair_end(slot->self, p->id, c->slice);
    memset(digests, 0, sizeof(digests));
    slot->ops->digests(slot->self, p->id, digests);
    for (unsigned r = 0; r < BW_SYNC_RANGES && n < BW_SYNC_SLICE; r++) {
        if (!bw_sync_has(e->ranges, r))
            continue;
        if (bw_sync_fold(&digests[r], number) == e->folds[n++] || s->setup.bug == BW_STREAM_BUG_DOUBT)
            c->wanted[c->provider][r / 64] &= ~(UINT64_C(1) << r % 64);
        else
            bw_sync_add(c->wanted[c->provider], r);
    }
}

static void end(struct bw_stream *s, struct bw_stream_peer_state *p, const struct bw_sync_end *e, uint64_t number)
{
    struct bw_copy *c = &p->copy;

    if (c->state != BW_COPY_FETCHING)
        return;
    if (c->in_slice && !e->aborted && e->provider == c->provider && memcmp(e->ranges, c->slice, sizeof(c->slice)) == 0)
        compare_slice(s, p, e, number);
    c->in_slice = false;
    c->want_ns = s->now_ns + STUCK_NS;
    s->dirty = true;
    if (!e->last && !e->aborted)
        return;
    if (wants_nothing(c)) {
        bw_copy_set_state(s, p, BW_COPY_WHOLE);
        return;
    }
    c->repairs++;
    ask(s, p);
}

void bw_copy_control(struct bw_stream *s, struct bw_stream_peer_state *p, const struct bw_sync_record *record, uint64_t number)
{
    union {
        struct bw_sync_check check;
        struct bw_sync_begin begin;
        struct bw_sync_end end;
    } u;

    memset(&u, 0, sizeof(u));
    switch (record->range) {
    case BW_SYNC_CHECK:
        if (bw_sync_get_check(record->value, record->value_length, &u.check) == 0)
            check(s, p, &u.check, number);
        break;
    case BW_SYNC_BEGIN:
        if (bw_sync_get_begin(record->value, record->value_length, &u.begin) == 0)
            begin(s, p, &u.begin);
        break;
    case BW_SYNC_END:
        if (bw_sync_get_end(record->value, record->value_length, &u.end) == 0)
            end(s, p, &u.end, number);
        break;
    default:
        break; /* of a newer version */
    }
}

