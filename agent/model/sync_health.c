/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules by which state synchronisation is judged. Each compares one counter with another, or with nothing at all:
 * "over 30 %" means that 30 % is still well. Called by the engine for each snapshot, so nothing here waits or
 * allocates.
 */
#include "bellwether/sync_health.h"

#include "bellwether/text.h"

/* What a counter is held against. */
enum against {
    NOTHING,  /* any is one too many */
    UPDATES,  /* generated or received, whichever is more: a standby generates next to nothing */
    RECEIVED, /* updates */
    QUEUE,    /* size of the sending queue */
};

/* What happened once stays counted, and a verdict: how to have it over. */
#define ANEW ", then count anew with \"bellwether sync --reset\""

static const struct rule {
    const char *key, *title, *advice;
    size_t offset;
    bool wide; /* the counter has 64 bits, else 32 */
    enum against against;
    uint64_t percent; /* healthy up to this much */
} rules[] = {
#define WIDE(member)   offsetof(struct bw_sync_row, member), true
#define NARROW(member) offsetof(struct bw_sync_row, member), false
    {"retransmission_requests", "Retransmission requests",
     "the network between members loses updates: check cables, switches and load of the secured interfaces",
     WIDE(requests_sent), UPDATES, 30},
    {"old_or_too_new", "Old or too-new updates",
     "updates come late or out of order: check the delay of the secured network, and raise the receiving queue",
     WIDE(too_old), RECEIVED, 10},
    {"unsynced_missing", "Updates that never came",
     "connections may be lost in a failover: raise the sending queue, or leave short-lived services out",
     WIDE(missing_unsynced), RECEIVED, 1},
    {"lost_connections", "Lost connections to peers",
     "a peer went away or could not be reached: see the history" ANEW, WIDE(lost_connections), NOTHING, 0},
    {"timed_out_connections", "Timed-out connections to peers",
     "a peer did not answer in time: check its load and the secured network" ANEW, WIDE(timed_out_connections), NOTHING, 0},
    {"queue_average", "Average length of the sending queue",
     "updates are made faster than peers acknowledge them: raise the sending queue, or leave services out",
     NARROW(queue_average), QUEUE, 80},
};

_Static_assert(sizeof(rules) / sizeof(rules[0]) + 1 <= BW_SYNC_VERDICTS_MAX, "room for each verdict");

static uint64_t counter(const struct bw_sync_row *row, const struct rule *rule)
{
    const char *at = (const char *)row + rule->offset;

    return rule->wide ? *(const uint64_t *)(const void *)at : *(const uint32_t *)(const void *)at;
}

static uint64_t whole(const struct bw_sync_row *row, enum against against)
{
    switch (against) {
    case UPDATES:
        return row->generated > row->received ? row->generated : row->received;
    case RECEIVED:
        return row->received;
    case QUEUE:
        return row->sending_queue;
    case NOTHING:
        break;
    }
    return 0;
}

/* part ÷ of, in hundredths of a percent, rounded down; something of nothing is all of it. */
static uint64_t share(uint64_t part, uint64_t of)
{
    long double exact;

    if (part == 0)
        return 0;
    if (of == 0)
        return 10000;
    exact = (long double)part * 10000 / (long double)of;
    return exact > 1e12L ? 1000000000000ULL : (uint64_t)exact;
}

static void judge_rule(const struct bw_sync_row *row, const struct rule *rule, struct bw_sync_verdict *v)
{
    uint64_t part = counter(row, rule), of = whole(row, rule->against);

    v->key = rule->key;
    v->title = rule->title;
    v->advice = rule->advice;
    v->limit = rule->percent;
    if (rule->against == NOTHING) {
        v->unit = BW_SYNC_UNIT_EVENTS;
        v->value = part;
        v->healthy = part == 0;
        bw_format(v->shown, sizeof(v->shown), "%lu", (unsigned long)part);
        return;
    }
    v->unit = BW_SYNC_UNIT_PERCENT;
    v->value = share(part, of);
    v->healthy = part == 0 || (of > 0 && (long double)part * 100 <= (long double)of * (long double)rule->percent);
    bw_format(v->shown, sizeof(v->shown), "%lu.%02lu %%", (unsigned long)(v->value / 100),
              (unsigned long)(v->value % 100));
}

unsigned bw_sync_verdicts(const struct bw_sync_row *row, struct bw_sync_verdict verdicts[BW_SYNC_VERDICTS_MAX])
{
    unsigned n = 0;

    if (row->state == 0 || row->state == BW_SYNC_OFF)
        return 0;
    verdicts[n++] = (struct bw_sync_verdict){
        .key = "secured_path",
        .title = "Peers in view without synchronisation",
        .advice = "no secured network reaches a member in view, or a full synchronisation failed: see the peers",
        .unit = BW_SYNC_UNIT_EVENTS,
        .value = row->state == BW_SYNC_LOST,
        .healthy = row->state != BW_SYNC_LOST,
    };
    bw_copy(verdicts[0].shown, sizeof(verdicts[0].shown), row->state == BW_SYNC_LOST ? "yes" : "none");
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
        judge_rule(row, &rules[i], &verdicts[n++]);
    return n;
}

void bw_sync_judge(struct bw_sync_row *row)
{
    struct bw_sync_verdict verdicts[BW_SYNC_VERDICTS_MAX];
    unsigned count = bw_sync_verdicts(row, verdicts);

    row->healthy = true;
    row->advice[0] = '\0';
    for (unsigned i = 0; i < count && row->healthy; i++) {
        if (verdicts[i].healthy)
            continue;
        row->healthy = false;
        bw_format(row->advice, sizeof(row->advice), "%s: %s", verdicts[i].title, verdicts[i].advice);
    }
}
