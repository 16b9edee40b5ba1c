/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Notifications: from events of the history, and from what changes between snapshots without an
 * event, to varbind lists. A table says which is which notification and which objects explain it.
 */
#ifndef AGENT_SNMP_NOTIFY_H
#define AGENT_SNMP_NOTIFY_H

#include "bellwether/config.h"
#include "walk.h"

#define BW_SNMP_VARBINDS_MAX 20
#define BW_SNMP_WAITING_MAX  64

/* Numbers below bwNotifications, as the contract has them. */
enum bw_snmp_notification_number {
    BW_SNMP_MEMBER_STATE = 1,
    BW_SNMP_FAILOVER,
    BW_SNMP_PNOTE,
    BW_SNMP_INTERFACE,
    BW_SNMP_SPLIT_BRAIN,
    BW_SNMP_SYNC_TROUBLE,
    BW_SNMP_MISMATCH,
    BW_SNMP_GROUP,
    BW_SNMP_ALL_PROBLEM,
    BW_SNMP_AUTH_FAILURE,
    BW_SNMP_RESOURCE,
    BW_SNMP_ALERT_TROUBLE,
};

/* Numbers are in the MIB: append only. */
enum bw_snmp_status { BW_SNMP_RAISED = 1, BW_SNMP_CLEARED, BW_SNMP_INFORMATION };

/* What only notifications carry: the row of bwNotify. */
struct bw_snmp_notify_row {
    uint32_t event;  /* its number in the history; for what is no event of its own, that of the newest one then */
    uint32_t status; /* enum bw_snmp_status */
};

/* Something to tell. */
struct bw_snmp_told {
    uint32_t number; /* enum bw_snmp_notification_number */
    struct bw_snmp_notify_row notify;
    struct bw_event event; /* number 0: not in the history */
    uint32_t teller;       /* a clear: the member that told the raise (id), 0 = as for every other one */
};

/* One object of a notification. */
struct bw_snmp_varbind {
    const struct bw_snmp_leaf *leaf;
    struct bw_snmp_hit hit; /* its name and row */
    bool overridden;
    uint32_t number; /* the value instead of the row's, when overridden: the state that the event speaks of */
};

struct bw_snmp_notification {
    uint32_t number; /* below bwNotifications, from 1 */
    uint32_t count;
    struct bw_snmp_varbind varbinds[BW_SNMP_VARBINDS_MAX];
};

/* bwNotify as a catalogue object (arc 16): accessible-for-notify, so no leaf of the plan. */
extern const struct bw_object bw_snmp_notify_object;
extern const struct bw_enum bw_snmp_enum_status;

/* Is this kind of event told by a notification? */
bool bw_snmp_is_notified(uint32_t kind);
/* What there is to tell of an event of the history. 0, or -ENOENT when nothing is told of its kind. */
int bw_snmp_tell(const struct bw_event *event, struct bw_snmp_told *told);
/* The varbinds. `told` and the view must live as long as *out is used. */
void bw_snmp_notification(const struct bw_snmp_plan *plan, const struct bw_snmp_view *view,
                          const struct bw_snmp_told *told, struct bw_snmp_notification *out);
/* Is it for this member to tell, when each tells its own (notify = "own")? Others' events are theirs; those of the
 * cluster and of silent members are the holder's, or, when nobody holds, the first one's in view. */
bool bw_snmp_is_own(const struct bw_snapshot *snapshot, const struct bw_snmp_told *told);

/* Do the alert targets of kind snmp, if there are any, let it pass? */
bool bw_snmp_is_chosen(const struct bw_alerts_config *alerts, const struct bw_snapshot *snapshot, const struct bw_snmp_told *told);

/* ---- watch.c: what is told without an event of its own ---- */

/* What was seen last, and what waits to be told. Zeroed at first. */
struct bw_snmp_watch {
    bool begun;
    bool all_problem; /* raised, like the next four */
    uint32_t all_problem_by; /* the member that spoke for the cluster then */
    bool mismatch;
    bool sync_unhealthy;   /* by what the counters say */
    uint32_t split_brains; /* bit: group, from bit 0 */
    uint64_t auth_ns;      /* when frames were refused last; 0: not raised */
    uint32_t rows;         /* of the snapshot's group_members */
    uint32_t states[BW_MAX_GROUPS * BW_MAX_MEMBERS];
    uint64_t dropped; /* since the last look of the caller */
    uint32_t first, count;
    struct bw_snmp_told waiting[BW_SNMP_WAITING_MAX];
};

/* An event was told: what is raised by it will be cleared. */
void bw_snmp_watch_told(struct bw_snmp_watch *watch, const struct bw_snmp_told *told, uint64_t now_ns);
/* Looks at a newer snapshot and adds what there is to tell. */
void bw_snmp_watch_look(struct bw_snmp_watch *watch, const struct bw_snmp_view *view, uint64_t now_ns);
/* Takes the oldest thing that waits. False when there is none. */
bool bw_snmp_watch_take(struct bw_snmp_watch *watch, struct bw_snmp_told *told);

#endif
