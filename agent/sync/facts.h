/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The second provider of state synchronisation: members' own shared facts (bellwether/facts.h). facts_table.c keeps records and turns
 * facts into them and back, facts.c is the provider, facts_ask.c decides what is told, asked and answered, facts_link.c ties it to
 * the sync thread.
 *
 * What a member tells, in its log and no other's, is
 * - its own facts: a record for each pnote, and a head with their number, admin state, count and digest. A set of records counts only
 *   when its head says that it is whole;
 * - while a member that has just started asks (a flag in its head), what the teller remembers of that one: the last whole set that it
 *   told itself, in the same form; a head with number 0 says that nothing is remembered.
 * So in steady state each fact is told once, by its owner. What a member says of another one is looked at by that other one only, and
 * only when it starts; its core decides (agent/core/facts.c).
 *
 * Key: subject 1 (member id; the record's range too), kind 1, name of a pnote. Value of a head: flags 1, number 8, admin 1, since 8, pnotes
 * 1, digest 8, length 1, by whom; of a pnote: kind 1, status 1, timeout 8. Newer versions may add at the end, and other kinds:
 * records that are not understood are kept as they are, so that the tables agree, and not used.
 */
#ifndef BELLWETHER_SYNC_FACTS_H
#define BELLWETHER_SYNC_FACTS_H

#include "bellwether/facts.h"
#include "bellwether/sync.h"

#define BW_FACT_RECORDS (BW_MAX_MEMBERS * (BW_MAX_PNOTES + 1)) /* of one teller, at most */
#define BW_FACT_ASKS    1 /* flag of a head: what do you remember of me? */

/* ---- facts_table.c ---- */

struct bw_fact_record {
    uint8_t range;
    bool doubtful; /* of a repair: not seen again yet */
    uint16_t key_length, value_length;
    uint64_t digest;
    uint8_t bytes[]; /* key, value */
};

/* What one member tells. All zero is an empty one. */
struct bw_fact_table {
    uint32_t count, room;
    struct bw_fact_record **records;
};

void bw_fact_table_fini(struct bw_fact_table *table);
/* 0; -ENOMEM; -ENOSPC: too many; -EINVAL: too long. Clears the doubt. */
int bw_fact_table_set(struct bw_fact_table *table, const struct bw_sync_record *record);
void bw_fact_table_remove(struct bw_fact_table *table, const struct bw_sync_record *record);
/* NULL when there is none. */
const struct bw_fact_record *bw_fact_table_find(const struct bw_fact_table *table, const struct bw_sync_record *record);
/* In the form of the stream; valid while the record is. */
struct bw_sync_record bw_fact_as_record(const struct bw_fact_record *record, uint8_t operation);
static inline bool bw_fact_is_head(const struct bw_fact_record *record)
{
    return record->key_length == 2 && record->bytes[1] == 1;
}

/* Puts a member's facts in. 0 or negative errno. */
int bw_fact_table_put(struct bw_fact_table *table, uint8_t subject, const struct bw_facts *facts, uint8_t flags);
/* Takes them out. 0: whole; -ENOENT: no head; -EAGAIN: not whole; *flags is set in the last two cases of a head, too. */
int bw_fact_table_get(const struct bw_fact_table *table, uint8_t subject, struct bw_facts *facts, uint8_t *flags);

/* ---- facts.c, facts_ask.c ---- */

extern const struct bw_sync_provider bw_sync_facts;

enum bw_facts_phase { BW_FACTS_ASKING, BW_FACTS_OFFERED, BW_FACTS_SETTLED };

struct bw_facts_provider {
    struct bw_sync_sink sink;
    uint8_t count, local; /* members; index */
    uint8_t ids[BW_MAX_MEMBERS];
    struct bw_fact_table tables[BW_MAX_MEMBERS]; /* by teller; the local one's: what is told */
    bool changed;     /* something is to be told, or looked at */
    uint64_t tell_ns; /* not before */
    uint64_t look_ns; /* while asking: at the latest */
    /* From outside. */
    bool own_known;
    struct bw_facts_own own;
    uint16_t in_view; /* bit per index */
    uint64_t alone_ns; /* somebody else is waited for until then */
    /* Of others: what they told last of themselves, whole; number 0: nothing. */
    struct bw_facts memory[BW_MAX_MEMBERS];
    uint64_t memory_serial; /* counts its changes */
    uint16_t asking; /* bit per index: they ask */
    /* Of this one. */
    enum bw_facts_phase phase;
    uint64_t met_ns; /* somebody was first in view, 0 = nobody yet */
    struct bw_facts best; /* offered, or the newest answer */
};

/* What the engine says of the local member. */
void bw_facts_own(struct bw_facts_provider *f, const struct bw_facts_own *own);
/* Who is in view now: bit per member index. */
void bw_facts_view(struct bw_facts_provider *f, uint16_t in_view, uint64_t now_ns);
/* Is the start to wait for what the others remember? */
bool bw_facts_pending(const struct bw_facts_provider *f, uint64_t now_ns);
/* What the core is to be offered now, or NULL. Until it says (bw_facts_own) that it was. */
const struct bw_facts *bw_facts_offer(const struct bw_facts_provider *f);
/* Of what was remembered before this process, by the store. */
void bw_facts_remember(struct bw_facts_provider *f, const struct bw_facts_others *others);
void bw_facts_remembered(const struct bw_facts_provider *f, struct bw_facts_others *others);

/* facts_ask.c: looks at what was told, and answers. When it wants to be called next. */
uint64_t bw_facts_run(struct bw_facts_provider *f, uint64_t now_ns);
uint64_t bw_facts_due(const struct bw_facts_provider *f);

#endif
