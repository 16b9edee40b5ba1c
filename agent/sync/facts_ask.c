/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Members' shared facts: what is told, who is asked, and what is answered (see facts.h).
 *
 * A member asks from its start until it has been answered: by all others, or by all in view when nobody else came for a moment. As long as
 * that is under way its start waits, within bounds: older versions don't answer, and nobody may be there. Not answered at all, it goes on
 * asking, for what was asked of it before may still come.
 */
#include <errno.h>
#include <string.h>

#include "agent/sync/facts.h"

#define TELL_NS   (20 * BW_MS)  /* between two tellings, on average */
#define TELL_SPAN (16 * TELL_NS) /* so many may follow each other at once: a member that is put down may be stopped in the next moment */
#define COME_NS   BW_SEC        /* for further members to come into view */
#define ANSWER_NS (3 * BW_SEC)  /* for those in view to answer */
#define LOOK_NS   (50 * BW_MS)  /* while asking */

void bw_facts_own(struct bw_facts_provider *f, const struct bw_facts_own *own)
{
    f->own = *own;
    f->own_known = f->changed = true;
}

void bw_facts_view(struct bw_facts_provider *f, uint16_t in_view, uint64_t now_ns)
{
    f->in_view = in_view & (uint16_t)~(1U << f->local);
    if (f->in_view != 0 && f->met_ns == 0)
        f->met_ns = now_ns;
}

bool bw_facts_pending(const struct bw_facts_provider *f, uint64_t now_ns)
{
    if (f->phase == BW_FACTS_ASKING)
        return f->in_view != 0 ? now_ns < f->met_ns + ANSWER_NS : now_ns < f->alone_ns;
    return f->phase == BW_FACTS_OFFERED;
}

const struct bw_facts *bw_facts_offer(const struct bw_facts_provider *f)
{
    return f->phase == BW_FACTS_OFFERED ? &f->best : NULL;
}

void bw_facts_remember(struct bw_facts_provider *f, const struct bw_facts_others *others)
{
    for (uint32_t k = 0; k < others->count && k < BW_MAX_MEMBERS; k++)
        for (unsigned i = 0; i < f->count; i++)
            if (f->ids[i] == others->rows[k].member && i != f->local)
                f->memory[i] = others->rows[k].facts;
}

void bw_facts_remembered(const struct bw_facts_provider *f, struct bw_facts_others *others)
{
    memset(others, 0, sizeof(*others));
    for (unsigned i = 0; i < f->count; i++) {
        if (f->memory[i].number == 0)
            continue;
        others->rows[others->count].member = f->ids[i];
        others->rows[others->count++].facts = f->memory[i];
    }
}

/* ---- what others say of themselves ---- */

/* A member that asks does not know itself yet what holds for it: until then what it said before is remembered. */
static void look(struct bw_facts_provider *f)
{
    f->asking = 0;
    for (unsigned i = 0; i < f->count; i++) {
        struct bw_facts facts;
        uint8_t flags;
        int rc;

        if (i == f->local)
            continue;
        rc = bw_fact_table_get(&f->tables[i], f->ids[i], &facts, &flags);
        if (flags & BW_FACT_ASKS)
            f->asking |= (uint16_t)(1U << i);
        if (rc != 0 || flags & BW_FACT_ASKS || memcmp(&facts, &f->memory[i], sizeof(facts)) == 0)
            continue;
        f->memory[i] = facts;
        f->memory_serial++;
    }
}

/* ---- telling ---- */

static int draft(const struct bw_facts_provider *f, struct bw_fact_table *t)
{
    int error = bw_fact_table_put(t, f->ids[f->local], &f->own.facts, f->phase == BW_FACTS_SETTLED ? 0 : BW_FACT_ASKS);

    for (unsigned i = 0; i < f->count && error == 0; i++)
        if (f->asking >> i & 1)
            error = bw_fact_table_put(t, f->ids[i], &f->memory[i], 0);
    return error;
}

/* Tells those records of the draft that are new, heads or the others. False: no room in the stream. */
static bool tell_new(struct bw_facts_provider *f, const struct bw_fact_table *t, bool heads)
{
    struct bw_fact_table *told = &f->tables[f->local];

    for (uint32_t i = 0; i < t->count; i++) {
        struct bw_sync_record record = bw_fact_as_record(t->records[i], BW_SYNC_SET);
        const struct bw_fact_record *former = bw_fact_table_find(told, &record);

        if (bw_fact_is_head(t->records[i]) != heads || (former != NULL && former->digest == t->records[i]->digest))
            continue;
        if (!f->sink.update(f->sink.context, &record) || bw_fact_table_set(told, &record) != 0)
            return false;
    }
    return true;
}

static bool tell_gone(struct bw_facts_provider *f, const struct bw_fact_table *t)
{
    struct bw_fact_table *told = &f->tables[f->local];

    for (uint32_t i = told->count; i > 0; i--) {
        struct bw_sync_record record = bw_fact_as_record(told->records[i - 1], BW_SYNC_DELETE);

        if (bw_fact_table_find(t, &record) != NULL)
            continue;
        if (!f->sink.update(f->sink.context, &record))
            return false;
        bw_fact_table_remove(told, &record);
    }
    return true;
}

/* Heads come last: only with them what was told before counts. */
static bool tell(struct bw_facts_provider *f)
{
    struct bw_fact_table wanted = {0};
    bool done = draft(f, &wanted) == 0 && tell_new(f, &wanted, false) && tell_gone(f, &wanted) && tell_new(f, &wanted, true);

    bw_fact_table_fini(&wanted);
    return done;
}

/* ---- asking ---- */

/* The answers of the members in view that gave one, whole; the newest of all answers into best. */
static uint16_t answers(struct bw_facts_provider *f)
{
    uint16_t answered = 0;

    memset(&f->best, 0, sizeof(f->best));
    for (unsigned i = 0; i < f->count; i++) {
        struct bw_facts facts;
        uint8_t flags;

        if (i == f->local || bw_fact_table_get(&f->tables[i], f->ids[f->local], &facts, &flags) != 0)
            continue;
        answered |= (uint16_t)(1U << i);
        if (facts.number > f->best.number)
            f->best = facts;
    }
    return answered;
}

static void ask(struct bw_facts_provider *f, uint64_t now_ns)
{
    uint16_t answered = answers(f), others = (uint16_t)(((1U << f->count) - 1U) & ~(1U << f->local));

    if (answered == 0)
        return;
    if (answered != others && ((f->in_view & ~answered) != 0 ? now_ns < f->met_ns + ANSWER_NS : now_ns < f->met_ns + COME_NS))
        return;
    f->phase = f->best.number > f->own.offered ? BW_FACTS_OFFERED : BW_FACTS_SETTLED;
    f->changed = true;
}

uint64_t bw_facts_run(struct bw_facts_provider *f, uint64_t now_ns)
{
    if (!f->own_known)
        return UINT64_MAX;
    look(f);
    if (f->phase == BW_FACTS_ASKING)
        ask(f, now_ns);
    if (f->phase == BW_FACTS_OFFERED && f->own.offered >= f->best.number)
        f->phase = BW_FACTS_SETTLED;
    if (now_ns >= f->tell_ns) {
        f->tell_ns = (now_ns > f->tell_ns + TELL_SPAN ? now_ns - TELL_SPAN : f->tell_ns) + TELL_NS;
        f->changed = !tell(f);
        if (f->changed && f->tell_ns < now_ns + TELL_NS) /* no room */
            f->tell_ns = now_ns + TELL_NS;
    }
    f->look_ns = now_ns + LOOK_NS;
    return bw_facts_due(f);
}

uint64_t bw_facts_due(const struct bw_facts_provider *f)
{
    if (!f->own_known)
        return UINT64_MAX;
    if (f->changed)
        return f->tell_ns;
    return f->phase == BW_FACTS_ASKING ? f->look_ns : UINT64_MAX;
}
