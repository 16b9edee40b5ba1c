/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The optional view of KEEPALIVED-MIB (1.3.6.1.4.1.9586.100.5), for templates that were made for it: its table of VRRP
 * instances with a row for each group as this member sees itself in it, what identifies the host, and the notification
 * of an instance's change of state. Read-only.
 */
#ifndef AGENT_SNMP_KEEPALIVED_H
#define AGENT_SNMP_KEEPALIVED_H

#include "walk.h"

#define BW_KA_ROOT_LENGTH 9
#define BW_KA_NAME_MAX    5 /* vrrp.table.1.column.row */
#define BW_KA_VARBINDS    4

extern const oid bw_ka_root[]; /* 1.3.6.1.4.1.9586.100.5 */

/* Numbers are that module's. */
enum bw_ka_state { BW_KA_INIT, BW_KA_BACKUP, BW_KA_MASTER, BW_KA_FAULT };

/* One instance: its name below the root, and its value. */
struct bw_ka_hit {
    size_t length;
    oid name[BW_KA_NAME_MAX];
    u_char type;
    size_t size;
    union {
        long number;
        char text[BW_TEXT_MAX];
    } value;
};

/* As bw_snmp_get and bw_snmp_next. */
int bw_ka_get(const struct bw_snapshot *snapshot, const oid *name, size_t length, struct bw_ka_hit *hit);
int bw_ka_next(const struct bw_snapshot *snapshot, const oid *name, size_t length, bool inclusive,
               struct bw_ka_hit *hit);

/* The local member's state in group n, from 0. */
enum bw_ka_state bw_ka_state(const struct bw_snapshot *snapshot, uint32_t n);
/* The objects of the notification about group n; returns how many. */
unsigned bw_ka_varbinds(const struct bw_snapshot *snapshot, uint32_t n, struct bw_ka_hit hits[BW_KA_VARBINDS]);

/* keepalived_serve.c: what was told last of each group. */
struct bw_ka_told {
    bool begun;
    uint32_t states[BW_MAX_GROUPS];
};

#endif
