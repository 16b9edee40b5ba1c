/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What was asked of a member and must outlive it: its admin state and its persistent pnotes. The core has those of the local
 * member; the others keep a copy (agent/sync/facts.h), which a member that lost its store is given back when it starts.
 */
#ifndef BELLWETHER_FACTS_H
#define BELLWETHER_FACTS_H

#include "bellwether/model.h"
#include "bellwether/published.h"

struct bw_fact_pnote {
    char name[BW_NAME_MAX];
    uint32_t kind;   /* enum bw_pnote_kind */
    uint32_t status; /* enum bw_pnote_status */
    uint64_t timeout_ns; /* 0 = none */
};

/* Of one member. Only that member changes them, and counts. */
struct bw_facts {
    uint64_t number; /* grows with each change: the newest one's time in ms, or one more than before; 0 = nothing was ever asked of it */
    uint32_t admin;  /* enum bw_admin_state, 0 = up */
    int64_t admin_since_wall;
    char admin_by[BW_TEXT_MAX];
    uint32_t pnotes_count;
    struct bw_fact_pnote pnotes[BW_MAX_PNOTES]; /* persistent ones, by name */
};

/* Those of the local member, as its core has them. */
struct bw_facts_own {
    struct bw_facts facts;
    uint64_t offered; /* number of the newest ones that the core was offered */
};

/* Those that the local member keeps of the others. */
struct bw_facts_others {
    uint32_t count;
    struct bw_facts_of {
        uint32_t member; /* id */
        struct bw_facts facts;
    } rows[BW_MAX_MEMBERS];
};

/* Where they pass between the threads; each has one writer. */
struct bw_facts_desk {
    struct bw_published *own;    /* struct bw_facts_own; the engine writes */
    struct bw_published *offer;  /* struct bw_facts, to be offered to the core by BW_REQUEST_FACTS; the sync thread writes */
    struct bw_published *others; /* struct bw_facts_others; the store at its load, from then on the sync thread */
};

/* NULL when out of memory. */
struct bw_facts_desk *bw_facts_desk_new(void);
/* NULL is allowed. */
void bw_facts_desk_free(struct bw_facts_desk *desk);

#endif
