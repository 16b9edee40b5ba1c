/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The optional view of CHECKPOINT-MIB's ha subtree (1.3.6.1.4.1.2620.1.5), for templates that were
 * made for it: of the local member, read-only. A table of rows {arcs, type, function of the
 * snapshot}; rows of its tables have instances .N.0, as pollers build them by hand.
 */
#ifndef AGENT_SNMP_CHECKPOINT_H
#define AGENT_SNMP_CHECKPOINT_H

#include "walk.h"

#define BW_HA_NAME_MAX 5 /* table.1.column.row.0 */
#define BW_HA_VARBINDS 16
#define BW_HA_TRAPS    4 /* of one event */

/* Own IPv4 address and mask of a device of this host, both in host order; false when it has none. */
typedef bool bw_ha_own_address(const char *device, uint32_t *address, uint32_t *mask);

/* What the values come from. The overrides are 0 but for notifications, which tell the state that their event speaks
 * of and not that of the moment at which they leave. */
struct bw_ha_view {
    const struct bw_snapshot *snapshot;
    bw_ha_own_address *own_address; /* NULL: unknown */
    uint32_t state;                 /* enum bw_member_state of the local member */
    uint32_t interface_state;       /* enum bw_interface_state */
    uint32_t pnote_status;          /* enum bw_pnote_status */
    const char *text;               /* the pnote's detail */
};

/* One instance: its name below the subtree's root, and its value. */
struct bw_ha_hit {
    size_t length;
    oid name[BW_HA_NAME_MAX];
    u_char type;
    size_t size;
    union {
        long number;
        u_char address[4];
        char text[BW_TEXT_MAX + 64];
    } value;
};

/* A notification: its arc below 2000.6, its severity (4 critical to 1 low, 0 clear), and its own objects. */
struct bw_ha_trap {
    uint32_t number;
    uint32_t severity;
    uint32_t count;
    struct bw_ha_hit varbinds[BW_HA_VARBINDS];
    char value[BW_NAME_MAX + 32]; /* what the event is about: chkpntTrapOIDValue */
    char text[BW_TEXT_MAX + 64];
};

extern const oid bw_ha_root[];      /* 1.3.6.1.4.1.2620.1.5 */
extern const oid bw_ha_trap_root[]; /* 1.3.6.1.4.1.2620.1.2000 */
#define BW_HA_ROOT_LENGTH 9

/* As bw_snmp_get and bw_snmp_next. */
int bw_ha_get(const struct bw_ha_view *view, const oid *name, size_t length, struct bw_ha_hit *hit);
int bw_ha_next(const struct bw_ha_view *view, const oid *name, size_t length, bool inclusive, struct bw_ha_hit *hit);

/* The objects, in the order of their OIDs; column 0: a scalar. value fills in a hit's value of row n, from 0. */
struct bw_ha_object {
    oid arc, column;
    u_char type;
    void (*value)(const struct bw_ha_view *view, uint32_t n, struct bw_ha_hit *hit);
};
extern const struct bw_ha_object bw_ha_objects[];
extern const size_t bw_ha_objects_count;
/* Does the object of that arc have a row n? */
bool bw_ha_is_there(const struct bw_snapshot *s, oid arc, uint32_t n);

/* What checkpoint_traps.c needs of checkpoint.c: rows of the local member by their position, from 0; texts; one
 * instance by its object and row, false when there is no such object. */
enum bw_ha_stat { BW_HA_OK, BW_HA_ATTENTION, BW_HA_PROBLEM };
const struct bw_interface_row *bw_ha_interface(const struct bw_snapshot *s, uint32_t n);
const struct bw_pnote_row *bw_ha_pnote(const struct bw_snapshot *s, uint32_t n);
const char *bw_ha_state_text(uint32_t member_state);
const char *bw_ha_block_text(uint32_t member_state);
enum bw_ha_stat bw_ha_stat(uint32_t member_state);
const char *bw_ha_stat_text(enum bw_ha_stat code);
bool bw_ha_fill(const struct bw_ha_view *view, oid arc, oid column, uint32_t n, struct bw_ha_hit *hit);

/* The notifications of an event, at most BW_HA_TRAPS; returns how many. None for events of other members. */
unsigned bw_ha_traps(const struct bw_ha_view *view, const struct bw_event *event, struct bw_ha_trap *traps);

#endif
