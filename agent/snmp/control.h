/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Acting on SETs: checking them against the snapshot, and carrying them out without ever making the
 * SNMP thread wait. A worker thread asks the engine and keeps the outcome for bwControl.
 */
#ifndef AGENT_SNMP_CONTROL_H
#define AGENT_SNMP_CONTROL_H

#include "bellwether/mailbox.h"
#include "walk.h"

/* What one varbind of a SET asks for. */
struct bw_snmp_wish {
    bool is_lock; /* bwControlLock: `lock` is the value given; nothing to ask the engine */
    uint32_t lock;
    bool is_idle;  /* nothing is asked for */
    struct bw_request request; /* else: for the engine */
    char text[BW_TEXT_MAX];    /* what it is, for bwControlLastAction and the log */
};

/* Reads a varbind of a SET: does the object exist and take values, is the type right, does the whole value lie in its
 * range, does it name what exists? Returns an SNMP error status (SNMP_ERR_NOERROR when good). */
int bw_snmp_set_parse(const struct bw_snmp_plan *plan, const struct bw_snmp_view *view, const oid *name, size_t length,
                      u_char type, const void *bytes, size_t size, struct bw_snmp_wish *wish);
/* Would the cluster, as far as the snapshot tells, accept it? SNMP_ERR_NOERROR or SNMP_ERR_INCONSISTENTVALUE, then with
 * the reason in why (BW_TEXT_MAX bytes). */
int bw_snmp_set_policy(const struct bw_snmp_view *view, const struct bw_snmp_wish *wish, char *why);

struct bw_snmp_actions;

/* Starts the worker. NULL when out of memory or threads. */
struct bw_snmp_actions *bw_snmp_actions_new(struct bw_mailbox *mailbox);
/* Tells the worker to end after what it is doing; what was not begun is dropped. Does not wait. */
void bw_snmp_actions_stop(struct bw_snmp_actions *actions);
/* Stops the worker and waits for it: for no longer than the answer that it waits for, and that comes at the latest when
 * the engine ends. */
void bw_snmp_actions_free(struct bw_snmp_actions *actions);
/* Is there room for so many more? */
bool bw_snmp_actions_room(struct bw_snmp_actions *actions, unsigned count);
/* Hands an action over. Never waits for the engine; when there is no room the outcome is "busy". */
void bw_snmp_actions_add(struct bw_snmp_actions *actions, const struct bw_snmp_wish *wish);
/* Notes that a SET was refused, for bwControl's last-action objects. */
void bw_snmp_actions_refused(struct bw_snmp_actions *actions, const struct bw_snmp_wish *wish, const char *why);
/* A copy of the present values. */
void bw_snmp_actions_row(struct bw_snmp_actions *actions, struct bw_snmp_control_row *row);
/* bwControlLock goes on by one. */
void bw_snmp_actions_advance(struct bw_snmp_actions *actions);

#endif
