/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The provider of members' shared facts (see facts.h): what the stream asks of it. Each teller has a table of a few dozen records, so
 * digests are counted when they are wanted.
 */
#include "agent/sync/facts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct bw_fact_table *table_of(struct bw_facts_provider *f, uint8_t owner)
{
    for (unsigned i = 0; i < f->count; i++)
        if (f->ids[i] == owner)
            return &f->tables[i];
    return NULL;
}

static int facts_open(const struct bw_config *config, const struct bw_sync_sink *sink, void **self)
{
    struct bw_facts_provider *f = calloc(1, sizeof(*f));

    if (f == NULL)
        return -ENOMEM;
    f->sink = *sink;
    f->count = config->cluster.members_count;
    f->local = config->cluster.local;
    for (unsigned i = 0; i < f->count; i++)
        f->ids[i] = config->cluster.members[i].id;
    *self = f;
    return 0;
}

static void facts_close(void *self)
{
    struct bw_facts_provider *f = self;

    for (unsigned i = 0; i < f->count; i++)
        bw_fact_table_fini(&f->tables[i]);
    free(f);
}

static uint64_t facts_deadline(void *self)
{
    return bw_facts_due(self);
}

static void facts_turn(void *self, uint64_t now_ns)
{
    (void)bw_facts_run(self, now_ns);
}

static int facts_apply(void *self, uint8_t owner, const struct bw_sync_record *record, uint64_t now_ns)
{
    struct bw_facts_provider *f = self;
    struct bw_fact_table *t = table_of(f, owner);

    (void)now_ns;
    if (t == NULL || t == &f->tables[f->local])
        return -ENOENT;
    f->changed = true;
    if (record->operation != BW_SYNC_DELETE)
        return bw_fact_table_set(t, record);
    bw_fact_table_remove(t, record);
    return 0;
}

static bool in_ranges(const struct bw_fact_record *r, const uint64_t ranges[BW_SYNC_RANGES / 64])
{
    return ranges[r->range / 64] >> r->range % 64 & 1;
}

static int facts_dump(void *self, uint8_t owner, const uint64_t ranges[BW_SYNC_RANGES / 64], uint64_t *cursor,
                      bool (*emit)(void *context, const struct bw_sync_record *record), void *context)
{
    const struct bw_fact_table *t = table_of(self, owner);

    /* A record that is removed meanwhile may hide another one: the digest at the end tells. */
    for (; t != NULL && *cursor < t->count; ++*cursor) {
        struct bw_sync_record record = bw_fact_as_record(t->records[*cursor], BW_SYNC_SET);

        if (in_ranges(t->records[*cursor], ranges) && !emit(context, &record))
            return 1;
    }
    return 0;
}

static void facts_digests(void *self, uint8_t owner, struct bw_sync_digest digests[BW_SYNC_RANGES])
{
    const struct bw_fact_table *t = table_of(self, owner);

    for (uint32_t i = 0; t != NULL && i < t->count; i++) {
        digests[t->records[i]->range].sum += t->records[i]->digest;
        digests[t->records[i]->range].records++;
    }
}

static void facts_repair_begin(void *self, uint8_t owner, const uint64_t ranges[BW_SYNC_RANGES / 64])
{
    struct bw_fact_table *t = table_of(self, owner);

    for (uint32_t i = 0; t != NULL && i < t->count; i++)
        t->records[i]->doubtful = t->records[i]->doubtful || in_ranges(t->records[i], ranges);
}

static void facts_repair_end(void *self, uint8_t owner, const uint64_t ranges[BW_SYNC_RANGES / 64])
{
    struct bw_facts_provider *f = self;
    struct bw_fact_table *t = table_of(f, owner);
    uint32_t kept = 0;

    f->changed = true;
    for (uint32_t i = 0; t != NULL && i < t->count; i++) {
        if (t->records[i]->doubtful && in_ranges(t->records[i], ranges))
            free(t->records[i]);
        else
            t->records[kept++] = t->records[i];
    }
    if (t != NULL)
        t->count = kept;
}

const struct bw_sync_provider bw_sync_facts = {
    .number = BW_SYNC_FACTS,
    .name = "members' facts",
    .open = facts_open,
    .close = facts_close,
    .deadline = facts_deadline,
    .turn = facts_turn,
    .apply = facts_apply,
    .dump = facts_dump,
    .digests = facts_digests,
    .repair_begin = facts_repair_begin,
    .repair_end = facts_repair_end,
};
