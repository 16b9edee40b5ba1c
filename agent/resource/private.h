/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside agent/resource: one thread, one epoll, which is that of the checks that watch (agent/monitor). It follows the
 * board, feeds what happens to the decider (decide.h), and carries out what that says.
 */
#ifndef BELLWETHER_RESOURCE_PRIVATE_H
#define BELLWETHER_RESOURCE_PRIVATE_H

#include "agent/linux/proxy.h"
#include "agent/monitor/monitor.h"
#include "agent/resource/decide.h"

#define BW_RESOURCE_TELLS 64 /* changes that wait for room in the mailbox */

/* A check that watches for a resource. */
struct bw_resource_watch {
    uint8_t unit;
    uint8_t set;     /* ipw: of addresses */
    uint32_t status; /* enum bw_pnote_status: as it was last seen */
};

/* What the engine was told about a group and a cause. */
struct bw_resource_deny {
    bool denied;
    uint32_t failures; /* the decider's count when it was told */
};

struct bw_resources {
    struct bw_surface_context context;
    pthread_t thread;
    bool runs;
    _Atomic bool ending;
    uint64_t end_ns; /* the thread ends then at the latest; 0 = not asked to */
    struct bw_decider decider;
    struct bw_proxy *proxy; /* NULL = no such addresses */
    struct bw_source wake, board;
    uint16_t held;
    uint64_t held_ns[BW_MAX_GROUPS]; /* since when; 0 = not */
    uint64_t posted_ns;              /* age of what held says */

    /* Watches. */
    struct bw_config *watch_config; /* a configuration with nothing but checks */
    struct bw_monitors *monitors;
    struct bw_monitor_user user;
    struct bw_resource_watch watches[BW_MAX_MONITORS];

    /* Commands. */
    uint32_t serials[BW_MAX_RESOURCES][2];
    bool under_way[BW_MAX_RESOURCES][2];
    bool greeted; /* by the runner */

    /* Telling. */
    struct bw_resource_deny denies[BW_MAX_GROUPS][BW_DENY_LAST + 1];
    bool stop_group[BW_MAX_GROUPS];
    char stop_why[BW_MAX_GROUPS][BW_TEXT_MAX];
    uint32_t tells_first, tells_count;
    struct bw_request tells[BW_RESOURCE_TELLS];
    struct bw_log_limit mark_limit;
    uint64_t marked;
    struct bw_resource_rows rows, told_rows;
    uint32_t floating_state[BW_MAX_GROUPS]; /* enum bw_group_state of a group's virtual addresses */
    int64_t floating_wall[BW_MAX_GROUPS];
    int64_t unit_wall[BW_MAX_RESOURCES];
};

/* ---- jobs.c ---- */
void bw_resource_run_job(struct bw_resources *all, uint32_t unit, enum bw_unit_job job);
void bw_resource_cancel_job(struct bw_resources *all, uint32_t unit);
void bw_resource_answer(void *resources, const struct bw_job_answer *answer);
/* Those of which nothing is heard although their time is long over. */
void bw_resource_overdue(struct bw_resources *all);

/* ---- watches.c ---- */

/* Makes the checks. 0 or negative errno; closes runner when it fails. */
int bw_resource_open_watches(struct bw_resources *all, int runner);
/* Lets them run or rest, as the decider has it. */
void bw_resource_turn_watches(struct bw_resources *all);

/* ---- tell.c: the engine, the board's rows ---- */
void bw_resource_tell_change(struct bw_resources *all, const struct bw_deed *deed);
void bw_resource_tell(struct bw_resources *all);
void bw_resource_publish(struct bw_resources *all, const struct bw_snapshot *snapshot);

/* ---- marks.c: what was started and not stopped, for the next run of the daemon ---- */
uint64_t bw_resource_read_marks(const struct bw_config *config);
void bw_resource_write_marks(struct bw_resources *all, uint64_t touched);

#endif
