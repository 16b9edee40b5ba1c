/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For full and ranged synchronisation: dumps, which walk the index by range and fetch each entry's value from the kernel; digests,
 * which the index keeps; and the receiver's side of a repair.
 */
#include <errno.h>
#include <string.h>

#include "agent/sync/conntrack.h"

#define DUMP_BATCH 32 /* entries fetched at a time: what emit refuses was fetched in vain */

/* A cursor is 1 + what comes next: range, then whether entries (0) or expectations (1), then hash or number. */
static uint64_t make_cursor(unsigned range, bool expects, uint32_t at)
{
    return 1 + ((uint64_t)range << 33 | (uint64_t)expects << 32 | at);
}

static bool wanted(const uint64_t ranges[BW_SYNC_RANGES / 64], unsigned range)
{
    return ranges[range / 64] >> range % 64 & 1;
}

struct dumping {
    struct bw_ct *ct;
    uint8_t owner, range;
    bool (*emit)(void *context, const struct bw_sync_record *record);
    void *context;
    const struct bw_ct_key *keys;
    unsigned done; /* keys that need no second look */
    bool stopped;
};

/* An own record that the kernel has otherwise than peers were told is told to all first, so that what is emitted is what the digests
 * say. False: the queue is full. */
static bool bring_up(struct bw_ct *ct, const struct bw_ct_key *key, const struct bw_ct_record *r,
                     const struct bw_ct_entry *entry)
{
    if (!r || r->owner != ct->local)
        return true;
    if (!entry)
        return bw_ct_tell_gone(ct, key) == BW_CT_TOLD;
    return r->flags & BW_CT_INHERITED || bw_ct_tell(ct, entry, false) == BW_CT_TOLD;
}

static bool emit_entry(void *context, unsigned i, const struct bw_ct_entry *entry)
{
    struct dumping *d = context;
    struct bw_ct_record *r;
    struct bw_sync_record record;
    struct bw_ct_wire wire;

    bw_ct_wire_key(&d->keys[i], &wire);
    r = bw_ct_index_find(d->ct->index, wire.range, &d->keys[i]);
    d->done = i;
    if (!bring_up(d->ct, &d->keys[i], r, entry)) {
        d->stopped = true;
        return false;
    }
    d->done = i + 1;
    r = bw_ct_index_find(d->ct->index, wire.range, &d->keys[i]);
    if (!entry || !r || r->owner != d->owner || r->flags & BW_CT_WAITING)
        return true;
    bw_ct_wire_value(entry, (struct bw_ct_turn){r->turn, r->flags & BW_CT_INHERITED}, &wire);
    record = bw_ct_wire_record(&wire, BW_SYNC_SET);
    d->stopped = !d->emit(d->context, &record);
    d->done -= d->stopped;
    return !d->stopped;
}

/* Up to a batch of the range's records from `hash` on, as they are now. Returns how many. */
static unsigned pick(struct bw_ct *ct, uint8_t owner, uint8_t range, uint32_t hash, struct bw_ct_key keys[DUMP_BATCH],
                     struct bw_ct_record records[DUMP_BATCH])
{
    struct bw_ct_record *r = bw_ct_index_from(ct->index, range, hash);
    unsigned count = 0;

    for (; r && count < DUMP_BATCH; r = bw_ct_index_next(ct->index, range, r)) {
        if (r->owner != owner || r->flags & BW_CT_WAITING)
            continue;
        records[count] = *r;
        bw_ct_index_key(r, &keys[count++]);
    }
    return count;
}

/* Emits what was read of the table beforehand. False: it was not, or is not what peers were told. */
static bool emit_known(struct dumping *d, const struct bw_ct_key *key, const struct bw_ct_record *r)
{
    struct bw_sync_record record;
    struct bw_ct_wire wire;

    if (d->owner != d->ct->local)
        return false;
    bw_ct_wire_key(key, &wire);
    if (!bw_ct_shot_find(d->ct, r, &wire))
        return false;
    wire.value[BW_CT_WIRE_TURN] = (uint8_t)(r->turn | (r->flags & BW_CT_INHERITED ? 0x80 : 0));
    record = bw_ct_wire_record(&wire, BW_SYNC_SET);
    d->stopped = !d->emit(d->context, &record);
    return true;
}

/* The batch: d->done is how many need no second look. */
static void emit_batch(struct dumping *d, const struct bw_ct_key *keys, const struct bw_ct_record *records, unsigned count)
{
    unsigned at = 0;

    while (at < count && emit_known(d, &keys[at], &records[at]) && !d->stopped)
        at++;
    d->done = 0;
    if (at < count && !d->stopped) {
        d->keys = keys + at;
        bw_ct_get(d->ct, d->keys, count - at, emit_entry, d);
    }
    d->done += at;
}

/* The range's entries from *hash on. False: stopped, *hash is where to go on. */
static bool dump_entries(struct dumping *d, uint32_t *hash)
{
    struct bw_ct_key keys[DUMP_BATCH];
    struct bw_ct_record records[DUMP_BATCH];

    for (;;) {
        unsigned count = pick(d->ct, d->owner, d->range, *hash, keys, records);
        uint32_t last = count > 0 ? records[count - 1].hash : 0;

        emit_batch(d, keys, records, count);
        if (d->stopped) {
            *hash = records[d->done].hash;
            return false;
        }
        if (count < DUMP_BATCH || last == UINT32_MAX)
            return true;
        /* The last one again, as it may have a twin behind it. */
        *hash = last != records[0].hash ? last : last + 1;
    }
}

int bw_ct_dump(void *self, uint8_t owner, const uint64_t ranges[BW_SYNC_RANGES / 64], uint64_t *cursor,
               bool (*emit)(void *context, const struct bw_sync_record *record), void *context)
{
    struct bw_ct *ct = self;
    struct dumping d = {.ct = ct, .owner = owner, .emit = emit, .context = context};
    uint64_t start = *cursor ? *cursor - 1 : 0;
    uint32_t at = (uint32_t)start;
    bool expects = start >> 32 & 1;

    if (owner == ct->local && !bw_ct_shot_ready(ct, ranges, *cursor == 0)) {
        *cursor = 1 + start;
        return 1;
    }
    for (unsigned range = (unsigned)(start >> 33); range < BW_SYNC_RANGES; range++, expects = false, at = 0) {
        if (!wanted(ranges, range))
            continue;
        d.range = (uint8_t)range;
        if (!expects) {
            if (!dump_entries(&d, &at)) {
                *cursor = make_cursor(range, false, at);
                return 1;
            }
            at = 0;
        }
        if (!bw_ct_expect_dump(ct, owner, (uint8_t)range, &at, emit, context)) {
            *cursor = make_cursor(range, true, at);
            return 1;
        }
    }
    *cursor = make_cursor(BW_SYNC_RANGES, false, 0);
    return 0;
}

void bw_ct_digests(void *self, uint8_t owner, struct bw_sync_digest digests[BW_SYNC_RANGES])
{
    struct bw_ct *ct = self;

    bw_ct_index_digests(ct->index, owner, digests);
    bw_ct_expect_digests(ct, owner, digests);
}

void bw_ct_repair_begin(void *self, uint8_t owner, const uint64_t ranges[BW_SYNC_RANGES / 64])
{
    struct bw_ct *ct = self;

    for (unsigned range = 0; range < BW_SYNC_RANGES; range++) {
        struct bw_ct_record *r = wanted(ranges, range) ? bw_ct_index_from(ct->index, (uint8_t)range, 0) : NULL;

        for (; r; r = bw_ct_index_next(ct->index, (uint8_t)range, r)) {
            if (r->owner == owner)
                r->flags |= BW_CT_DOUBTFUL;
        }
    }
    bw_ct_expect_repair(ct, owner, ranges, false);
}

static void remove_doubtful(struct bw_ct *ct, uint8_t owner, uint8_t range)
{
    struct bw_ct_record *r = bw_ct_index_from(ct->index, range, 0);

    while (r) {
        struct bw_ct_entry e = {.parts = 0};
        uint32_t hash = r->hash;

        if (r->owner != owner || !(r->flags & BW_CT_DOUBTFUL)) {
            r = bw_ct_index_next(ct->index, range, r);
            continue;
        }
        if (r->flags & BW_CT_INHERITED) {
            /* The owner was only taken to have it. It has not: so it is kept, and told. */
            bw_ct_index_set(ct->index, range, r, ct->local, r->digest, r->flags & (uint8_t)~BW_CT_DOUBTFUL);
            r->turn = (r->turn + 1) & 0x7f;
            r->due_s = (uint16_t)bw_ct_second(ct);
            r = bw_ct_index_next(ct->index, range, r);
            continue;
        }
        bw_ct_index_key(r, &e.key);
        bw_ct_index_remove(ct->index, range, r);
        bw_ct_inject(ct, &e, range, BW_CT_DELETE);
        r = bw_ct_index_from(ct->index, range, hash);
    }
}

void bw_ct_repair_end(void *self, uint8_t owner, const uint64_t ranges[BW_SYNC_RANGES / 64])
{
    struct bw_ct *ct = self;

    for (unsigned range = 0; range < BW_SYNC_RANGES; range++) {
        if (wanted(ranges, range))
            remove_doubtful(ct, owner, (uint8_t)range);
    }
    bw_ct_expect_repair(ct, owner, ranges, true);
    bw_ct_carry_out(ct);
}
