/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether state synchronisation is well: rules over its counters, in one table, for every surface. The limits are those
 * at which an administrator should look: more requests than that, and the network between members loses too much.
 */
#ifndef BELLWETHER_SYNC_HEALTH_H
#define BELLWETHER_SYNC_HEALTH_H

#include "bellwether/model.h"

#define BW_SYNC_VERDICTS_MAX 12

enum bw_sync_unit { BW_SYNC_UNIT_EVENTS, BW_SYNC_UNIT_PERCENT };

/* What one rule says. */
struct bw_sync_verdict {
    const char *key;      /* stable name, e.g. "retransmission_requests" */
    const char *title;    /* for people */
    const char *advice;   /* what to do, when it is not healthy; never NULL */
    enum bw_sync_unit unit;
    uint64_t limit;       /* healthy up to this: events, or percent */
    uint64_t value;       /* events, or hundredths of a percent */
    bool healthy;
    char shown[32];       /* the value as people read it: "12.34 %", "3" */
};

/* Fills in one verdict for each rule, in showing order; returns how many: none while nothing synchronises. */
unsigned bw_sync_verdicts(const struct bw_sync_row *row, struct bw_sync_verdict verdicts[BW_SYNC_VERDICTS_MAX]);
/* Sets the row's healthy and advice from all the rest of it. Whoever makes a snapshot calls it. */
void bw_sync_judge(struct bw_sync_row *row);

#endif
