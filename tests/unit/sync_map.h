/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A provider for tests of the stream: a table in memory. Keys are numbers, values are numbers, 0 = not there.
 */
#ifndef BELLWETHER_TESTS_SYNC_MAP_H
#define BELLWETHER_TESTS_SYNC_MAP_H

#include <stdlib.h>
#include <string.h>

#include "agent/sync/wire.h"
#include "bellwether/sync.h"

struct map_table {
    uint8_t owner; /* member id, 0 = unused */
    uint64_t *values;
    bool *doubtful;
    struct bw_sync_digest digests[BW_SYNC_RANGES];
};

struct map {
    uint8_t local;
    uint32_t keys;
    struct bw_sync_sink sink;
    struct map_table tables[BW_MAX_MEMBERS];
    unsigned padding; /* bytes added to each value on the wire */
    uint64_t applied, refused;
    uint32_t fail_every; /* every so many applications fails, 0 = none */
};

static inline uint8_t map_range(uint32_t key)
{
    return (uint8_t)(bw_sync_mix(key + 77) >> 56);
}

static struct map_table *map_of(struct map *m, uint8_t owner)
{
    for (unsigned i = 0; i < BW_MAX_MEMBERS; i++) {
        struct map_table *t = &m->tables[i];

        if (t->owner == owner)
            return t;
        if (t->owner != 0)
            continue;
        t->owner = owner;
        t->values = calloc(m->keys, sizeof(t->values[0]));
        t->doubtful = calloc(m->keys, sizeof(t->doubtful[0]));
        return t;
    }
    abort();
}

static void map_write(struct map_table *t, uint32_t key, uint64_t value)
{
    struct bw_sync_digest *digest = &t->digests[map_range(key)];

    if (t->values[key] != 0) {
        digest->sum -= bw_sync_mix(t->values[key] ^ (uint64_t)key << 40);
        digest->records--;
    }
    t->values[key] = value;
    t->doubtful[key] = false;
    if (value != 0) {
        digest->sum += bw_sync_mix(value ^ (uint64_t)key << 40);
        digest->records++;
    }
}

static inline struct bw_sync_record map_record(const uint32_t *key, const uint8_t *value, unsigned length, bool set)
{
    return (struct bw_sync_record){.provider = BW_SYNC_CONNECTIONS, .operation = set ? BW_SYNC_SET : BW_SYNC_DELETE,
                                   .range = map_range(*key), .key_length = sizeof(*key), .key = (const uint8_t *)key,
                                   .value_length = (uint16_t)(set ? length : 0), .value = value};
}

/* A change of the local table. False: refused, nothing is changed. */
static inline bool map_set(struct map *m, uint32_t key, uint64_t value)
{
    uint8_t bytes[BW_SYNC_VALUE_MAX] = {0};
    struct bw_sync_record record;

    memcpy(bytes, &value, sizeof(value));
    record = map_record(&key, bytes, (unsigned)sizeof(value) + m->padding, value != 0);
    if (m->sink.update != NULL && !m->sink.update(m->sink.context, &record)) {
        m->refused++;
        return false;
    }
    map_write(map_of(m, m->local), key, value);
    return true;
}

static int map_apply(void *self, uint8_t owner, const struct bw_sync_record *r, uint64_t now_ns)
{
    struct map *m = self;
    uint32_t key;
    uint64_t value = 0;

    (void)now_ns;
    if (r->key_length != sizeof(key))
        return -22;
    memcpy(&key, r->key, sizeof(key));
    if (r->value_length >= sizeof(value))
        memcpy(&value, r->value, sizeof(value));
    if (key >= m->keys || owner == m->local)
        return -22;
    m->applied++;
    if (m->fail_every != 0 && m->applied % m->fail_every == 0)
        return -12;
    map_write(map_of(m, owner), key, r->operation == BW_SYNC_SET ? value : 0);
    return 0;
}

static int map_flush(void *self)
{
    (void)self;
    return 0;
}

static int map_dump(void *self, uint8_t owner, const uint64_t ranges[BW_SYNC_WORDS], uint64_t *cursor,
                    bool (*emit)(void *context, const struct bw_sync_record *record), void *context)
{
    struct map *m = self;
    struct map_table *t = map_of(m, owner);

    for (; *cursor < m->keys; ++*cursor) {
        uint32_t key = (uint32_t)*cursor;
        uint8_t bytes[BW_SYNC_VALUE_MAX] = {0};
        struct bw_sync_record record;

        if (t->values[key] == 0 || !bw_sync_has(ranges, map_range(key)))
            continue;
        memcpy(bytes, &t->values[key], sizeof(t->values[key]));
        record = map_record(&key, bytes, (unsigned)sizeof(t->values[key]) + m->padding, true);
        if (!emit(context, &record))
            return 1;
    }
    return 0;
}

static void map_digests(void *self, uint8_t owner, struct bw_sync_digest digests[BW_SYNC_RANGES])
{
    memcpy(digests, map_of(self, owner)->digests, BW_SYNC_RANGES * sizeof(digests[0]));
}

static void map_repair_begin(void *self, uint8_t owner, const uint64_t ranges[BW_SYNC_WORDS])
{
    struct map *m = self;
    struct map_table *t = map_of(m, owner);

    for (uint32_t key = 0; key < m->keys; key++)
        t->doubtful[key] = t->values[key] != 0 && bw_sync_has(ranges, map_range(key));
}

static void map_repair_end(void *self, uint8_t owner, const uint64_t ranges[BW_SYNC_WORDS])
{
    struct map *m = self;
    struct map_table *t = map_of(m, owner);

    for (uint32_t key = 0; key < m->keys; key++)
        if (t->doubtful[key] && bw_sync_has(ranges, map_range(key)))
            map_write(t, key, 0);
}

static bool map_read(void *self, uint64_t now_ns, unsigned most)
{
    (void)self, (void)now_ns, (void)most;
    return false;
}

static inline void map_free(struct map *m)
{
    for (unsigned i = 0; i < BW_MAX_MEMBERS; i++) {
        free(m->tables[i].values);
        free(m->tables[i].doubtful);
    }
    memset(m->tables, 0, sizeof(m->tables));
}

static const struct bw_sync_provider map_provider = {
    .number = BW_SYNC_CONNECTIONS, .name = "map", .read = map_read, .apply = map_apply, .flush = map_flush, .dump = map_dump,
    .digests = map_digests, .repair_begin = map_repair_begin, .repair_end = map_repair_end,
};

#endif
