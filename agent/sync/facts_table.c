/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records of facts: a small table of what one member tells, and facts as records and back (see facts.h). Pure but for memory. Used by
 * the provider and by the store.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/net/tlv.h"
#include "agent/sync/facts.h"
#include "agent/sync/wire.h"
#include "bellwether/text.h"

enum { KIND_HEAD = 1, KIND_PNOTE };

/* ---- records ---- */

static uint64_t digest_of(const uint8_t *key, size_t key_length, const uint8_t *value, size_t value_length)
{
    uint64_t hash = bw_hash(BW_HASH_START, key, key_length);

    return bw_sync_mix(bw_hash(bw_sync_mix(hash + key_length), value, value_length));
}

static uint32_t place_of(const struct bw_fact_table *t, const struct bw_sync_record *record)
{
    uint32_t i = 0;

    while (i < t->count && (t->records[i]->key_length != record->key_length ||
                            memcmp(t->records[i]->bytes, record->key, record->key_length) != 0))
        i++;
    return i;
}

void bw_fact_table_fini(struct bw_fact_table *t)
{
    for (uint32_t i = 0; i < t->count; i++)
        free(t->records[i]);
    free(t->records);
    memset(t, 0, sizeof(*t));
}

static int make_room(struct bw_fact_table *t)
{
    uint32_t room = t->room == 0 ? 16 : 2 * t->room;
    struct bw_fact_record **records;

    if (t->count >= BW_FACT_RECORDS)
        return -ENOSPC;
    if (t->count < t->room)
        return 0;
    records = realloc(t->records, room * sizeof(*records));
    if (records == NULL)
        return -ENOMEM;
    t->records = records;
    t->room = room;
    return 0;
}

int bw_fact_table_set(struct bw_fact_table *t, const struct bw_sync_record *record)
{
    uint32_t at = place_of(t, record);
    struct bw_fact_record *r;
    int error;

    if (record->key_length == 0 || record->key_length > BW_SYNC_KEY_MAX || record->value_length > BW_SYNC_VALUE_MAX)
        return -EINVAL;
    error = at == t->count ? make_room(t) : 0;
    if (error != 0)
        return error;
    r = malloc(sizeof(*r) + record->key_length + record->value_length);
    if (r == NULL)
        return -ENOMEM;
    r->range = record->range;
    r->doubtful = false;
    r->key_length = record->key_length;
    r->value_length = record->value_length;
    r->digest = digest_of(record->key, record->key_length, record->value, record->value_length);
    memcpy(r->bytes, record->key, record->key_length);
    if (record->value_length > 0)
        memcpy(r->bytes + record->key_length, record->value, record->value_length);
    if (at < t->count)
        free(t->records[at]);
    else
        t->count++;
    t->records[at] = r;
    return 0;
}

void bw_fact_table_remove(struct bw_fact_table *t, const struct bw_sync_record *record)
{
    uint32_t at = place_of(t, record);

    if (at == t->count)
        return;
    free(t->records[at]);
    memmove(&t->records[at], &t->records[at + 1], (--t->count - at) * sizeof(t->records[0]));
}

const struct bw_fact_record *bw_fact_table_find(const struct bw_fact_table *t, const struct bw_sync_record *record)
{
    uint32_t at = place_of(t, record);

    return at < t->count ? t->records[at] : NULL;
}

struct bw_sync_record bw_fact_as_record(const struct bw_fact_record *r, uint8_t operation)
{
    return (struct bw_sync_record){.provider = BW_SYNC_FACTS,
                                   .operation = operation,
                                   .range = r->range,
                                   .key_length = r->key_length,
                                   .value_length = operation == BW_SYNC_DELETE ? 0 : r->value_length,
                                   .key = r->bytes,
                                   .value = r->bytes + r->key_length};
}

/* ---- facts into records ---- */

static int put_record(struct bw_fact_table *t, uint8_t subject, uint8_t kind, const char *name, const struct bw_sink *value)
{
    uint8_t key[BW_SYNC_KEY_MAX] = {subject, kind};
    size_t length = strlen(name);
    const struct bw_sync_record record = {.provider = BW_SYNC_FACTS, .operation = BW_SYNC_SET, .range = subject, .key = key,
                                          .key_length = (uint16_t)(2 + length), .value = value->bytes,
                                          .value_length = (uint16_t)value->length};

    memcpy(key + 2, name, length);
    return bw_fact_table_set(t, &record);
}

static int put_pnote(struct bw_fact_table *t, uint8_t subject, const struct bw_fact_pnote *pnote)
{
    uint8_t bytes[16];
    struct bw_sink value = {.bytes = bytes, .cap = sizeof(bytes)};

    bw_put_uint(&value, pnote->kind, 1);
    bw_put_uint(&value, pnote->status, 1);
    bw_put_uint(&value, pnote->timeout_ns, 8);
    return put_record(t, subject, KIND_PNOTE, pnote->name, &value);
}

/* Over the records of a member's pnotes, in any order. */
static uint64_t sum_pnotes(const struct bw_fact_table *t, uint8_t subject)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < t->count; i++)
        if (t->records[i]->key_length > 2 && t->records[i]->bytes[0] == subject && t->records[i]->bytes[1] == KIND_PNOTE)
            sum += t->records[i]->digest;
    return sum;
}

int bw_fact_table_put(struct bw_fact_table *t, uint8_t subject, const struct bw_facts *facts, uint8_t flags)
{
    uint8_t bytes[32 + BW_TEXT_MAX];
    struct bw_sink value = {.bytes = bytes, .cap = sizeof(bytes)};
    size_t by = strnlen(facts->admin_by, sizeof(facts->admin_by) - 1);
    int error = 0;

    for (uint32_t i = 0; i < facts->pnotes_count && error == 0; i++)
        error = put_pnote(t, subject, &facts->pnotes[i]);
    if (error != 0)
        return error;
    bw_put_uint(&value, flags, 1);
    bw_put_uint(&value, facts->number, 8);
    bw_put_uint(&value, facts->admin, 1);
    bw_put_uint(&value, (uint64_t)facts->admin_since_wall, 8);
    bw_put_uint(&value, facts->pnotes_count, 1);
    bw_put_uint(&value, sum_pnotes(t, subject), 8);
    bw_put_uint(&value, by, 1);
    bw_put_bytes(&value, facts->admin_by, by);
    return put_record(t, subject, KIND_HEAD, "", &value);
}

/* ---- records into facts ---- */

static struct bw_source value_of(const struct bw_fact_record *r)
{
    return (struct bw_source){.bytes = r->bytes + r->key_length, .length = r->value_length};
}

/* False: not to be believed. */
static bool get_head(const struct bw_fact_record *r, struct bw_facts *facts, uint8_t *flags, uint32_t *pnotes, uint64_t *sum)
{
    struct bw_source value = value_of(r);
    size_t by;

    *flags = (uint8_t)bw_get_uint(&value, 1);
    facts->number = bw_get_uint(&value, 8);
    facts->admin = (uint32_t)bw_get_uint(&value, 1);
    facts->admin_since_wall = (int64_t)bw_get_uint(&value, 8);
    *pnotes = (uint32_t)bw_get_uint(&value, 1);
    *sum = bw_get_uint(&value, 8);
    by = (size_t)bw_get_uint(&value, 1);
    if (value.cut || by >= sizeof(facts->admin_by) || by > value.length - value.at ||
        !bw_wire_text_valid(value.bytes + value.at, by))
        return false;
    bw_get_bytes(&value, facts->admin_by, by);
    return facts->admin <= BW_ADMIN_FORCE_DOWN && facts->number <= UINT64_MAX / 2;
}

static bool get_pnote(const struct bw_fact_record *r, struct bw_fact_pnote *pnote)
{
    struct bw_source value = value_of(r);
    size_t length = r->key_length - 2U;

    memset(pnote, 0, sizeof(*pnote));
    if (length >= sizeof(pnote->name) || memchr(r->bytes + 2, '\0', length) != NULL)
        return false;
    memcpy(pnote->name, r->bytes + 2, length);
    pnote->kind = (uint32_t)bw_get_uint(&value, 1);
    pnote->status = (uint32_t)bw_get_uint(&value, 1);
    pnote->timeout_ns = bw_get_uint(&value, 8);
    return !value.cut && bw_name_valid(pnote->name) && pnote->kind >= BW_PNOTE_MONITOR && pnote->kind <= BW_PNOTE_USER &&
           pnote->status >= BW_PNOTE_OK && pnote->status <= BW_PNOTE_UNKNOWN;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct bw_fact_pnote *)a)->name, ((const struct bw_fact_pnote *)b)->name);
}

int bw_fact_table_get(const struct bw_fact_table *t, uint8_t subject, struct bw_facts *facts, uint8_t *flags)
{
    const uint8_t head_key[2] = {subject, KIND_HEAD};
    const struct bw_sync_record wanted = {.key = head_key, .key_length = 2};
    const struct bw_fact_record *head = bw_fact_table_find(t, &wanted);
    uint32_t pnotes;
    uint64_t sum;

    memset(facts, 0, sizeof(*facts)); /* padding too: it is compared */
    *flags = 0;
    if (head == NULL)
        return -ENOENT;
    if (!get_head(head, facts, flags, &pnotes, &sum) || pnotes > BW_MAX_PNOTES || sum != sum_pnotes(t, subject))
        return -EAGAIN;
    for (uint32_t i = 0; i < t->count; i++) {
        const struct bw_fact_record *r = t->records[i];

        if (r->key_length <= 2 || r->bytes[0] != subject || r->bytes[1] != KIND_PNOTE)
            continue;
        if (facts->pnotes_count == pnotes || !get_pnote(r, &facts->pnotes[facts->pnotes_count]))
            return -EAGAIN;
        facts->pnotes_count++;
    }
    qsort(facts->pnotes, facts->pnotes_count, sizeof(facts->pnotes[0]), by_name);
    return facts->pnotes_count == pnotes ? 0 : -EAGAIN;
}
