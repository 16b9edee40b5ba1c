/* fuzz: agent/sync/facts.c agent/sync/facts_table.c agent/sync/facts_ask.c agent/sync/wire.c agent/net/tlv.c agent/model/text.c agent/model/address.c */
/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whatever another member may tell of members' facts: records, in any order, with repairs and time in between. Nothing may crash; what
 * is remembered of the third member, which says nothing, stays as it is; and what the local one tells of itself is its own.
 *
 * The input: blocks of (what 1, range 1, length of key 1, length of value 2, key, value).
 */
#include <stdlib.h>
#include <string.h>

#include "agent/sync/facts.h"

static const uint64_t all_ranges[BW_SYNC_RANGES / 64] = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};

static bool update(void *context, const struct bw_sync_record *record)
{
    (void)record;
    return ++*(unsigned *)context % 7 != 0; /* now and then there is no room */
}

static bool count(void *context, const struct bw_sync_record *record)
{
    if (record->key_length > BW_SYNC_KEY_MAX || record->value_length > BW_SYNC_VALUE_MAX)
        abort();
    ++*(unsigned *)context;
    return true;
}

static size_t step(void *self, const uint8_t *data, size_t size, uint64_t *now_ns)
{
    size_t key = data[2] % (BW_SYNC_KEY_MAX + 1U), value = ((size_t)data[3] << 8 | data[4]) % (BW_SYNC_VALUE_MAX + 1U), at = 5;
    struct bw_sync_record record = {.provider = BW_SYNC_FACTS, .operation = data[0] & 1 ? BW_SYNC_DELETE : BW_SYNC_SET, .range = data[1]};

    key = key < size - at ? key : size - at;
    record.key = data + at;
    record.key_length = (uint16_t)key;
    at += key;
    value = value < size - at ? value : size - at;
    record.value = data + at;
    record.value_length = (uint16_t)value;
    if (data[0] & 2)
        bw_sync_facts.repair_begin(self, 2, all_ranges);
    (void)bw_sync_facts.apply(self, 2, &record, *now_ns);
    if (data[0] & 4)
        bw_sync_facts.repair_end(self, 2, all_ranges);
    *now_ns += (uint64_t)(data[0] >> 3) * 10 * BW_MS;
    if (bw_sync_facts.deadline(self) <= *now_ns)
        bw_sync_facts.turn(self, *now_ns);
    return at + value;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct bw_config config = {.cluster = {.members_count = 3, .members = {{.id = 1}, {.id = 2}, {.id = 3}}}};
    struct bw_facts_own own = {
        .facts = {.number = 7, .admin = BW_ADMIN_DOWN, .pnotes_count = 1, .pnotes = {{"mine", BW_PNOTE_USER, BW_PNOTE_OK, 0}}}};
    struct bw_facts silent = {.number = 9, .admin = BW_ADMIN_MAINTENANCE}, told;
    struct bw_sync_digest digests[BW_SYNC_RANGES] = {{0}};
    unsigned updates = 0, rows = 0;
    struct bw_sync_sink sink = {.context = &updates, .update = update};
    uint64_t now_ns = BW_SEC, cursor = 0;
    struct bw_facts_provider *f;
    uint8_t flags;
    void *self;

    if (bw_sync_facts.open(&config, &sink, &self) != 0)
        return 0;
    f = self;
    f->memory[2] = silent;
    bw_facts_view(f, 7, now_ns);
    bw_facts_own(f, &own);
    for (size_t at = 0; size - at >= 5;)
        at += step(self, data + at, size - at, &now_ns);
    for (unsigned i = 0; i < 100; i++)
        bw_sync_facts.turn(self, now_ns += 50 * BW_MS);
    if (memcmp(&f->memory[2], &silent, sizeof(silent)) != 0 || f->tables[1].count > BW_FACT_RECORDS)
        abort();
    if (bw_fact_table_get(&f->tables[0], 1, &told, &flags) != 0 || told.number != 7 || told.pnotes_count != 1)
        abort();
    (void)bw_sync_facts.dump(self, 2, all_ranges, &cursor, count, &rows);
    bw_sync_facts.digests(self, 2, digests);
    if (rows != f->tables[1].count)
        abort();
    bw_sync_facts.close(self);
    return 0;
}
