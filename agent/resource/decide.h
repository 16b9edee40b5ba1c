/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What becomes of the resources of groups: order of start and stop, failures, retries, recovery. Pure: no clock and no
 * system; whoever uses it says what has happened and carries out what is to be done.
 */
#ifndef BELLWETHER_RESOURCE_DECIDE_H
#define BELLWETHER_RESOURCE_DECIDE_H

#include "bellwether/config.h"

enum bw_unit_phase {
    BW_UNIT_OFF,
    BW_UNIT_STARTING,
    BW_UNIT_ON,
    BW_UNIT_STOPPING,
    BW_UNIT_FAILED, /* nothing more is done about it for now */
    BW_UNIT_LEFT,   /* an earlier run of the daemon left it */
};

/* Which of a resource's two commands. */
enum bw_unit_job { BW_UNIT_START_JOB, BW_UNIT_STOP_JOB };

struct bw_unit {
    const struct bw_resource_config *config;
    uint32_t phase; /* enum bw_unit_phase */
    uint32_t state; /* enum bw_group_state: what is shown */
    uint32_t retries_left;
    bool process;   /* the start command, or the service, is not gone yet */
    bool stop_runs; /* the stop command is not gone yet */
    bool cancelled; /* process is ending */
    bool heard;     /* the end of process was told */
    bool stop_failed;
    bool again;          /* it starts once more, and has fewer retries left */
    bool denied;         /* for its sake this member may not start the group */
    uint64_t phase_ns;   /* since when */
    uint64_t changed_ns; /* state */
    uint64_t again_ns;   /* FAILED: another try without retries, 0 = none */
    char detail[BW_TEXT_MAX];
};

enum bw_deed_kind {
    BW_DEED_START = 1, /* run the start command */
    BW_DEED_STOP,      /* run the stop command */
    BW_DEED_CANCEL,    /* end the start command or the service */
    BW_DEED_STOP_GROUP,
    BW_DEED_CHANGED, /* tell: from, to, took_ns, text */
};

struct bw_deed {
    uint32_t kind;     /* enum bw_deed_kind */
    uint32_t unit;     /* index */
    uint32_t from, to; /* enum bw_group_state */
    uint64_t took_ns;
    char text[BW_TEXT_MAX];
};

#define BW_DEEDS (8 * BW_MAX_RESOURCES)

struct bw_decider {
    uint64_t now_ns;
    bool ending;   /* nothing is wanted any more */
    uint16_t held; /* mask of groups */
    uint32_t count;
    struct bw_unit units[BW_MAX_RESOURCES];
    uint32_t failures[BW_MAX_GROUPS]; /* final ones, that deny: a new one is to be told even when one was told before */
    uint32_t deeds_count;
    struct bw_deed deeds[BW_DEEDS]; /* to be carried out by whoever called, who then sets deeds_count to 0 */
};

/* left: mask of resources that an earlier run of the daemon started and did not stop. */
void bw_decide_begin(struct bw_decider *d, const struct bw_config *config, uint64_t left, uint64_t now_ns);

/* ---- what has happened; then bw_decide_run ---- */

/* The service runs. */
void bw_decide_started(struct bw_decider *d, uint32_t unit);
/* A command has ended, well or not; text: how. */
void bw_decide_ended(struct bw_decider *d, uint32_t unit, enum bw_unit_job job, bool good, const char *text);
/* Nothing is left of it. */
void bw_decide_gone(struct bw_decider *d, uint32_t unit, enum bw_unit_job job);
/* What the watch says. */
void bw_decide_watched(struct bw_decider *d, uint32_t unit, bool good, const char *text);
/* Proxied addresses: 0, or why they are not answered for. */
void bw_decide_proxied(struct bw_decider *d, uint32_t unit, const char *wrong);

/* Goes on as far as it can with the groups of this mask held here. */
void bw_decide_run(struct bw_decider *d, uint16_t held, uint64_t now_ns);

/* ---- what follows ---- */

/* Is this member not to start the group, for that cause? *why: text of the resource. */
bool bw_decide_denies(const struct bw_decider *d, uint8_t group, enum bw_deny cause, const char **why);
/* Is its watch to run now? */
bool bw_decide_watches(const struct bw_unit *unit);
/* Resources that would be left behind if this process died now. */
uint64_t bw_decide_touched(const struct bw_decider *d);
/* Everything is off. */
bool bw_decide_over(const struct bw_decider *d);

#endif
