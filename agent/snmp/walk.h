/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The walker: from an OID below bwObjects to a row of a snapshot, and back. It knows the catalogue
 * and the control group, but no field by name and nothing of sessions: it runs in tests without an
 * snmpd. Names here are relative to bwObjects: table.1.column.index or group.scalar.0.
 */
#ifndef AGENT_SNMP_WALK_H
#define AGENT_SNMP_WALK_H

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/types.h>
/* asn1.h needs the two above. */
#include <net-snmp/library/asn1.h>

#include "bellwether/catalogue.h"
#include "bellwether/history.h"

#define BW_SNMP_INDEX_MAX  (2 + BW_NAME_MAX)       /* longest index: member, length, a name's bytes */
#define BW_SNMP_NAME_MAX   (3 + BW_SNMP_INDEX_MAX) /* longest relative name */
#define BW_SNMP_LEAVES_MAX 384

/* Which column a field's leaf is: most fields have one, addresses have two. */
enum bw_snmp_part { BW_SNMP_VALUE, BW_SNMP_ADDRESS_TYPE, BW_SNMP_ADDRESS_BYTES };

/* One readable column or scalar. */
struct bw_snmp_leaf {
    const struct bw_object *object;
    const struct bw_field *field;
    enum bw_snmp_part part;
    uint8_t length; /* of prefix: 2 for scalars, 3 for columns */
    oid prefix[3];
};

/* All leaves in the order of their OIDs. Made once from the catalogue. */
struct bw_snmp_plan {
    uint32_t count;
    struct bw_snmp_leaf leaves[BW_SNMP_LEAVES_MAX];
};

/* The control group's values; not part of the snapshot since they are this surface's own. */
struct bw_snmp_control_row {
    uint32_t lock;                /* TestAndIncr: 0 to 2147483647 */
    char group_move[BW_NAME_MAX]; /* always empty: write only in effect */
    char last_action[BW_TEXT_MAX];
    uint32_t last_result; /* enum bw_snmp_action_result */
    char last_text[BW_TEXT_MAX];
    int64_t last_wall;
    uint32_t counters_reset; /* always BW_SNMP_RESET_IDLE: write only in effect */
};

/* What bwControlCountersReset takes. Numbers are in the MIB. */
enum bw_snmp_reset { BW_SNMP_RESET_IDLE = 1, BW_SNMP_RESET_NOW };

/* How an action ended. Numbers are in the MIB: append only. */
enum bw_snmp_action_result {
    BW_SNMP_RESULT_NONE = 1, /* no action yet */
    BW_SNMP_RESULT_PENDING,
    BW_SNMP_RESULT_DONE,
    BW_SNMP_RESULT_REFUSED,
    BW_SNMP_RESULT_INVALID,
    BW_SNMP_RESULT_NOT_FOUND,
    BW_SNMP_RESULT_TIMEOUT,
    BW_SNMP_RESULT_BUSY,
};

/* What one PDU sees. The history is read only between the snapshot's first and last number. */
struct bw_snmp_view {
    const struct bw_snapshot *snapshot;
    const struct bw_history *history;
    const struct bw_snmp_control_row *control;
};

/* One instance. */
struct bw_snmp_hit {
    const struct bw_snmp_leaf *leaf;
    const void *row;
    struct bw_event event; /* the row, when it is a history row */
    size_t length;
    oid name[BW_SNMP_NAME_MAX];
};

/* A value as net-snmp wants it: an ASN.1 type and bytes. */
struct bw_snmp_value {
    u_char type;
    size_t length;
    const void *bytes; /* into the hit's row or into `held` */
    union {
        long number;
        struct counter64 wide;
        u_char text[20];
    } held;
};

/* The control group as a catalogue object (arc 12); its row is struct bw_snmp_control_row. */
extern const struct bw_object bw_snmp_control_object;
extern const struct bw_enum bw_snmp_enum_result, bw_snmp_enum_reset;

void bw_snmp_plan_init(struct bw_snmp_plan *plan);
/* The leaf of an object's field, or NULL. */
const struct bw_snmp_leaf *bw_snmp_leaf(const struct bw_snmp_plan *plan, const struct bw_object *object,
                                        const char *key);

/* The instance called exactly `name`. 0, -ENOENT (no such object), -ENXIO (no such instance). */
int bw_snmp_get(const struct bw_snmp_plan *plan, const struct bw_snmp_view *view, const oid *name, size_t length,
                struct bw_snmp_hit *hit);
/* The first instance after `name` (or at it, when inclusive). 0, or -ENOENT at the end. */
int bw_snmp_next(const struct bw_snmp_plan *plan, const struct bw_snmp_view *view, const oid *name, size_t length,
                 bool inclusive, struct bw_snmp_hit *hit);
/* The instance's value. `value` may point into `hit`, and is valid as long as the view's snapshot. */
void bw_snmp_value(const struct bw_snmp_hit *hit, struct bw_snmp_value *value);
/* Fills in a hit for a row outside the snapshot (an event). */
void bw_snmp_hit_row(const struct bw_snmp_leaf *leaf, const void *row, struct bw_snmp_hit *hit);
/* Compares two OIDs: negative, 0, positive. */
int bw_snmp_compare(const oid *a, size_t a_length, const oid *b, size_t b_length);

#endif
