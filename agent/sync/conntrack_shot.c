/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's table read in one go, for a full synchronisation: to ask for each entry by its name costs several times as
 * much. What was read is a proposal only. It is sent when its digest is the one that the index has, so that nothing is ever
 * older than what peers were told; where it is not, and for entries that were not read, the kernel is asked by name
 * (conntrack_repair.c).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/sync/conntrack.h"

#define WORTH_RANGES  16   /* wanted at a time: more of the table is likely to follow */
#define WORTH_ENTRIES 4096 /* fewer are asked for by name */
#define DATAGRAMS     4    /* read in one call, about 100 entries each */
#define RETAKE_NS     (30 * BW_SEC)
#define UNUSED_NS     (5 * BW_SEC)
#define FIRST_BYTES   (1 << 20)

/* One entry in the bytes; they are chained by range. */
struct row {
    uint32_t next; /* where the range's next one is, 0 = none */
    uint32_t hash;
    uint16_t length;
    uint8_t value[];
};

void bw_ct_shot_drop(struct bw_ct *ct)
{
    struct bw_ct_shot *s = &ct->shot;

    if (s->fd >= 0)
        close(s->fd);
    if (s->bytes)
        munmap(s->bytes, s->size);
    free(s->sorted);
    *s = (struct bw_ct_shot){.fd = -1};
}

/* Room for a row; 0 = there is none. */
static uint32_t reserve(struct bw_ct_shot *s, size_t length)
{
    size_t size = s->size ? 2 * s->size : FIRST_BYTES;
    uint32_t at = (uint32_t)s->used;
    void *bytes;

    if (s->used + length > s->size) {
        if (size > UINT32_MAX)
            return 0;
        bytes = s->bytes ? mremap(s->bytes, s->size, size, MREMAP_MAYMOVE)
                         : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (bytes == MAP_FAILED)
            return 0;
        s->bytes = bytes;
        s->size = size;
    }
    s->used += length;
    return at;
}

/* False: no memory. */
static bool keep(struct bw_ct *ct, const struct bw_ct_entry *e)
{
    struct bw_ct_shot *s = &ct->shot;
    const struct bw_ct_record *r;
    struct bw_ct_wire wire;
    struct row *row;
    uint32_t at;

    bw_ct_wire_key(&e->key, &wire);
    r = bw_ct_index_find(ct->index, wire.range, &e->key);
    if (!r || r->owner != ct->local || r->flags & BW_CT_WAITING)
        return true;
    bw_ct_wire_value(e, (struct bw_ct_turn){0, false}, &wire);
    at = reserve(s, (sizeof(*row) + wire.value_length + 3) & ~(size_t)3);
    if (at == 0)
        return false;
    row = (void *)(s->bytes + at);
    *row = (struct row){.next = s->heads[wire.range], .hash = r->hash, .length = wire.value_length};
    memcpy(row->value, wire.value, wire.value_length);
    s->heads[wire.range] = at;
    s->counts[wire.range]++;
    return true;
}

/* False: the dump ended. */
static bool read_some(struct bw_ct *ct)
{
    ssize_t n = recv(ct->shot.fd, ct->dump, BW_CT_DUMP_BYTES, MSG_DONTWAIT);
    ssize_t left = n;
    struct bw_ct_entry e;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    for (const struct nlmsghdr *m = (const void *)ct->dump; left > 0 && NLMSG_OK(m, (size_t)left);
         m = NLMSG_NEXT(m, left)) {
        if (m->nlmsg_type == NLMSG_DONE || m->nlmsg_type == NLMSG_ERROR)
            return false;
        if (bw_ct_parse(NLMSG_DATA(m), m->nlmsg_len - NLMSG_HDRLEN, &e) == 0 && !keep(ct, &e))
            return false; /* the rest is asked for by name */
    }
    return n > 0;
}

static bool is_worth_it(const struct bw_ct *ct, const uint64_t ranges[BW_SYNC_RANGES / 64])
{
    unsigned count = 0;

    for (unsigned i = 0; i < BW_SYNC_RANGES / 64; i++)
        count += (unsigned)__builtin_popcountll(ranges[i]);
    return count >= WORTH_RANGES && bw_ct_index_count(ct->index, ct->local) >= WORTH_ENTRIES;
}

bool bw_ct_shot_ready(struct bw_ct *ct, const uint64_t ranges[BW_SYNC_RANGES / 64], bool first)
{
    struct bw_ct_shot *s = &ct->shot;

    s->used_ns = ct->now_ns;
    if (first && s->whole && ct->now_ns - s->since_ns > RETAKE_NS)
        bw_ct_shot_drop(ct);
    if (first && s->fd < 0 && !s->whole && is_worth_it(ct, ranges)) {
        s->fd = bw_ct_dump_begin();
        s->since_ns = s->used_ns = ct->now_ns;
        s->used = sizeof(struct row); /* a place of 0 is none */
        s->whole = s->fd < 0;
    }
    for (unsigned i = 0; i < DATAGRAMS && s->fd >= 0; i++) {
        if (read_some(ct))
            continue;
        close(s->fd);
        s->fd = -1;
        s->whole = true;
    }
    return s->fd < 0;
}

/* ---- looking up ---- */

static int order(const void *a, const void *b)
{
    const struct bw_ct_shot_place *x = a, *y = b;

    return x->hash < y->hash ? -1 : x->hash > y->hash;
}

/* The range's rows in order of their hashes. */
static bool sort(struct bw_ct_shot *s, uint8_t range)
{
    struct bw_ct_shot_place *sorted;
    uint32_t n = 0;

    if (s->sorted && s->sorted_range == range)
        return true;
    if (s->counts[range] == 0)
        return false;
    sorted = realloc(s->sorted, s->counts[range] * sizeof(*sorted));
    if (!sorted)
        return false;
    for (uint32_t at = s->heads[range]; at; at = ((const struct row *)(s->bytes + at))->next)
        sorted[n++] = (struct bw_ct_shot_place){((const struct row *)(s->bytes + at))->hash, at};
    qsort(sorted, n, sizeof(*sorted), order);
    s->sorted = sorted;
    s->sorted_range = range;
    s->sorted_count = n;
    return true;
}

bool bw_ct_shot_find(struct bw_ct *ct, const struct bw_ct_record *r, struct bw_ct_wire *wire)
{
    struct bw_ct_shot *s = &ct->shot;
    uint32_t low = 0, high;

    if (!s->whole || !sort(s, wire->range))
        return false;
    for (high = s->sorted_count; low < high;) {
        uint32_t middle = low + (high - low) / 2;

        if (s->sorted[middle].hash < r->hash)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < s->sorted_count && s->sorted[low].hash == r->hash; low++) {
        const struct row *row = (const void *)(s->bytes + s->sorted[low].at);

        memcpy(wire->value, row->value, row->length);
        wire->value_length = row->length;
        if (bw_ct_wire_digest(wire) == r->digest)
            return true;
    }
    return false;
}

void bw_ct_shot_turn(struct bw_ct *ct)
{
    if (ct->shot.bytes && ct->now_ns - ct->shot.used_ns > UNUSED_NS)
        bw_ct_shot_drop(ct);
}
