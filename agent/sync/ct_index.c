/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The index (see ct_index.h): per range an array ordered by hash, in which a record is at its home place (its hash scaled to the
 * size) or behind it, with room behind the last home place so that nothing wraps.
 */
#include "agent/sync/ct_index.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

_Static_assert(sizeof(struct bw_ct_record) == 32, "500,000 entries must fit");

#define PAGE         4096
#define PER_PAGE     (PAGE / sizeof(struct bw_ct_record))
#define SLACK        64 /* places behind the last home place */
#define MEMBERS      (BW_MAX_MEMBERS + 1)
#define NO_SLOT      0xff

struct table {
    struct bw_ct_record *rows;
    uint32_t homes; /* places are homes + SLACK */
    uint32_t used;
};

struct bw_ct_index {
    uint8_t secret[crypto_shorthash_KEYBYTES];
    uint8_t slot_of[256]; /* of an owner's sums */
    uint8_t slots;
    uint32_t size;
    uint32_t counts[MEMBERS];
    struct bw_sync_digest sums[MEMBERS][BW_SYNC_RANGES];
    struct table tables[BW_SYNC_RANGES];
};

int bw_ct_index_new(struct bw_ct_index **index)
{
    struct bw_ct_index *i = calloc(1, sizeof(*i));

    if (!i)
        return -ENOMEM;
    crypto_shorthash_keygen(i->secret);
    memset(i->slot_of, NO_SLOT, sizeof(i->slot_of));
    *index = i;
    return 0;
}

static size_t table_bytes(uint32_t homes)
{
    return (homes + SLACK) * sizeof(struct bw_ct_record);
}

static struct bw_ct_key *key6_of(const struct bw_ct_record *r)
{
    struct bw_ct_key *key;

    memcpy(&key, r->name, sizeof(key));
    return key;
}

static void free_table(struct table *t)
{
    for (uint32_t i = 0; t->rows && i < t->homes + SLACK; i++) {
        if (t->rows[i].owner && t->rows[i].flags & BW_CT_IPV6)
            free(key6_of(&t->rows[i]));
    }
    if (t->rows)
        munmap(t->rows, table_bytes(t->homes));
}

void bw_ct_index_free(struct bw_ct_index *index)
{
    if (!index)
        return;
    for (unsigned r = 0; r < BW_SYNC_RANGES; r++)
        free_table(&index->tables[r]);
    free(index);
}

/* ---- names ---- */

static uint32_t hash_of(const struct bw_ct_index *index, const struct bw_ct_key *key)
{
    uint8_t hash[crypto_shorthash_BYTES];
    uint32_t h;

    if (key->family == 4) { /* two blocks in place of six */
        uint8_t short_key[16];

        memcpy(short_key, key->tuple.src, 4);
        memcpy(short_key + 4, key->tuple.dst, 4);
        memcpy(short_key + 8, &key->tuple.sport, 2);
        memcpy(short_key + 10, &key->tuple.dport, 2);
        memcpy(short_key + 12, &key->zone, 2);
        short_key[14] = key->protocol;
        short_key[15] = key->zone_direction;
        crypto_shorthash(hash, short_key, sizeof(short_key), index->secret);
    } else {
        crypto_shorthash(hash, (const uint8_t *)key, sizeof(*key), index->secret);
    }
    memcpy(&h, hash, sizeof(h));
    return h;
}

static void name4(const struct bw_ct_key *key, uint8_t name[15])
{
    memcpy(name, key->tuple.src, 4);
    memcpy(name + 4, key->tuple.dst, 4);
    memcpy(name + 8, &key->tuple.sport, 2);
    memcpy(name + 10, &key->tuple.dport, 2);
    memcpy(name + 12, &key->zone, 2);
    name[14] = key->protocol;
}

static uint8_t form_of(const struct bw_ct_key *key)
{
    return (uint8_t)(key->zone_direction << 6 | (key->family == 6 ? BW_CT_IPV6 : 0));
}

#define FORM (BW_CT_IPV6 | BW_CT_DIRECTION)

static bool is_named(const struct bw_ct_record *r, const struct bw_ct_key *key)
{
    uint8_t name[15];

    if ((r->flags & FORM) != form_of(key))
        return false;
    if (key->family == 6)
        return memcmp(key6_of(r), key, sizeof(*key)) == 0;
    name4(key, name);
    return memcmp(r->name, name, sizeof(name)) == 0;
}

void bw_ct_index_key(const struct bw_ct_record *r, struct bw_ct_key *key)
{
    if (r->flags & BW_CT_IPV6) {
        *key = *key6_of(r);
        return;
    }
    memset(key, 0, sizeof(*key));
    key->family = 4;
    memcpy(key->tuple.src, r->name, 4);
    memcpy(key->tuple.dst, r->name + 4, 4);
    memcpy(&key->tuple.sport, r->name + 8, 2);
    memcpy(&key->tuple.dport, r->name + 10, 2);
    memcpy(&key->zone, r->name + 12, 2);
    key->protocol = r->name[14];
    key->zone_direction = r->flags >> 6;
}

/* ---- sums ---- */

/* NULL: more owners than there can be members. */
static struct bw_sync_digest *sums_of(struct bw_ct_index *index, uint8_t owner)
{
    uint8_t *slot = &index->slot_of[owner];

    if (*slot == NO_SLOT) {
        if (index->slots == MEMBERS)
            return NULL;
        *slot = index->slots++;
    }
    return index->sums[*slot];
}

static void count(struct bw_ct_index *index, uint8_t range, const struct bw_ct_record *r, bool add)
{
    struct bw_sync_digest *sums = sums_of(index, r->owner);

    if (!sums || r->flags & BW_CT_WAITING)
        return;
    sums[range].sum += add ? r->digest : -r->digest;
    sums[range].records += add ? 1 : UINT32_MAX;
    index->counts[index->slot_of[r->owner]] += add ? 1 : UINT32_MAX;
}

void bw_ct_index_set(struct bw_ct_index *index, uint8_t range, struct bw_ct_record *r, uint8_t owner, uint64_t digest,
                     uint8_t flags)
{
    count(index, range, r, false);
    r->owner = owner;
    r->digest = digest;
    r->flags = (uint8_t)((r->flags & FORM) | (flags & ~FORM));
    count(index, range, r, true);
}

/* ---- places ---- */

static uint32_t home_of(const struct table *t, uint32_t hash)
{
    return (uint32_t)((uint64_t)hash * t->homes >> 32);
}

struct bw_ct_record *bw_ct_index_from(struct bw_ct_index *index, uint8_t range, uint32_t hash)
{
    struct table *t = &index->tables[range];
    uint32_t i;

    if (!t->used)
        return NULL;
    for (i = home_of(t, hash); i < t->homes + SLACK; i++) {
        if (t->rows[i].owner && t->rows[i].hash >= hash)
            return &t->rows[i];
    }
    return NULL;
}

struct bw_ct_record *bw_ct_index_next(struct bw_ct_index *index, uint8_t range, struct bw_ct_record *record)
{
    struct table *t = &index->tables[range];

    while (++record < t->rows + t->homes + SLACK) {
        if (record->owner)
            return record;
    }
    return NULL;
}

struct bw_ct_record *bw_ct_index_find(struct bw_ct_index *index, uint8_t range, const struct bw_ct_key *key)
{
    struct table *t = &index->tables[range];
    uint32_t hash;

    if (!t->used)
        return NULL;
    hash = hash_of(index, key);
    for (uint32_t i = home_of(t, hash); i < t->homes + SLACK; i++) {
        struct bw_ct_record *r = &t->rows[i];

        if (!r->owner || r->hash > hash)
            return NULL;
        if (r->hash == hash && is_named(r, key))
            return r;
    }
    return NULL;
}

/* Makes room at the record's place and copies it there. NULL: the table ended. */
static struct bw_ct_record *place(struct table *t, const struct bw_ct_record *row)
{
    uint32_t end = t->homes + SLACK, i = home_of(t, row->hash), gap;

    while (i < end && t->rows[i].owner && t->rows[i].hash <= row->hash)
        i++;
    gap = i;
    while (gap < end && t->rows[gap].owner)
        gap++;
    if (gap == end)
        return NULL;
    memmove(&t->rows[i + 1], &t->rows[i], (gap - i) * sizeof(*row));
    t->rows[i] = *row;
    return &t->rows[i];
}

/* Rows for at least `least` records, in whole pages; every record moves over. */
static int resize(struct bw_ct_index *index, struct table *t, uint32_t least)
{
    for (uint32_t pages = (least + SLACK + PER_PAGE - 1) / PER_PAGE;; pages++) {
        struct table to = {.homes = pages * PER_PAGE - SLACK, .used = t->used};
        uint32_t i = 0, all = t->rows ? t->homes + SLACK : 0;

        to.rows = mmap(NULL, table_bytes(to.homes), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (to.rows == MAP_FAILED)
            return -ENOMEM;
        while (i < all && (!t->rows[i].owner || place(&to, &t->rows[i])))
            i++;
        if (i == all) {
            if (t->rows)
                munmap(t->rows, table_bytes(t->homes));
            *t = to;
            return 0;
        }
        munmap(to.rows, table_bytes(to.homes)); /* very unlikely: too many at its end */
        (void)index;
    }
}

struct bw_ct_record *bw_ct_index_insert(struct bw_ct_index *index, uint8_t range, const struct bw_ct_key *key,
                                        uint8_t owner, uint64_t digest, uint8_t flags)
{
    struct table *t = &index->tables[range];
    struct bw_ct_record row = {.digest = digest, .hash = hash_of(index, key), .owner = owner}, *r = NULL;
    struct bw_ct_key *copy = NULL;

    row.flags = (uint8_t)((flags & ~FORM) | form_of(key));
    if (key->family == 6) {
        copy = malloc(sizeof(*copy));
        if (!copy)
            return NULL;
        *copy = *key;
        memcpy(row.name, &copy, sizeof(copy));
    } else {
        name4(key, row.name);
    }
    /* At seven eighths full it grows by a quarter. */
    if (t->rows && t->used < t->homes - t->homes / 8)
        r = place(t, &row);
    if (!r && resize(index, t, t->homes + t->homes / 4 + 1) == 0)
        r = place(t, &row);
    if (!r) {
        free(copy);
        return NULL;
    }
    t->used++;
    index->size++;
    count(index, range, r, true);
    return r;
}

void bw_ct_index_remove(struct bw_ct_index *index, uint8_t range, struct bw_ct_record *r)
{
    struct table *t = &index->tables[range];
    uint32_t i = (uint32_t)(r - t->rows), end = t->homes + SLACK, last = i;

    count(index, range, r, false);
    if (r->flags & BW_CT_IPV6)
        free(key6_of(r));
    /* What follows and is not at home moves up. */
    while (last + 1 < end && t->rows[last + 1].owner && home_of(t, t->rows[last + 1].hash) <= last)
        last++;
    memmove(&t->rows[i], &t->rows[i + 1], (last - i) * sizeof(*r));
    memset(&t->rows[last], 0, sizeof(*r));
    t->used--;
    index->size--;
    if (t->used == 0) {
        munmap(t->rows, table_bytes(t->homes));
        *t = (struct table){.rows = NULL};
    } else if (t->homes > 4 * PER_PAGE && t->used < t->homes / 4) {
        resize(index, t, t->homes / 2); /* when there is no memory for the smaller one, the larger stays */
    }
}

void bw_ct_index_digests(const struct bw_ct_index *index, uint8_t owner, struct bw_sync_digest digests[BW_SYNC_RANGES])
{
    uint8_t slot = index->slot_of[owner];

    if (slot == NO_SLOT)
        memset(digests, 0, BW_SYNC_RANGES * sizeof(*digests));
    else
        memcpy(digests, index->sums[slot], sizeof(index->sums[slot]));
}

uint32_t bw_ct_index_count(const struct bw_ct_index *index, uint8_t owner)
{
    return index->slot_of[owner] == NO_SLOT ? 0 : index->counts[index->slot_of[owner]];
}

uint32_t bw_ct_index_size(const struct bw_ct_index *index)
{
    return index->size;
}

size_t bw_ct_index_bytes(const struct bw_ct_index *index)
{
    size_t bytes = sizeof(*index);

    for (unsigned r = 0; r < BW_SYNC_RANGES; r++)
        bytes += index->tables[r].rows ? table_bytes(index->tables[r].homes) : 0;
    return bytes;
}
