/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The catalogue: one row per field that any surface shows. SNMP, metrics, JSON and the command
 * line are walkers over these tables and know no field by name. Adding a field is one line in
 * agent/model/catalogue.c (and one OBJECT-TYPE in the MIB; a test compares the two).
 */
#ifndef BELLWETHER_CATALOGUE_H
#define BELLWETHER_CATALOGUE_H

#include "bellwether/model.h"

/* How a field is stored, and so how each surface writes it. */
enum bw_type {
    BW_TYPE_U32,     /* uint32_t. JSON number, SNMP Unsigned32 */
    BW_TYPE_GAUGE,   /* uint32_t level. JSON number, SNMP Gauge32 */
    BW_TYPE_COUNTER, /* uint64_t. JSON number, SNMP Counter64, metric counter */
    BW_TYPE_U64,     /* uint64_t not a counter (epoch). JSON number, SNMP CounterBasedGauge64 */
    BW_TYPE_BOOL,    /* bool. JSON true/false, SNMP TruthValue, metric 0/1 */
    BW_TYPE_ENUM,    /* uint32_t with labels. JSON its label, SNMP INTEGER, metric a state set */
    BW_TYPE_TEXT,    /* char[size]. JSON string, SNMP SnmpAdminString */
    BW_TYPE_MEMBER,  /* uint32_t member id, 0 none. JSON number, SNMP Unsigned32 */
    BW_TYPE_WALL,    /* int64_t ns since 1970; 0 = never. JSON "2026-01-01T00:00:00.000Z" ("" = never), SNMP DateAndTime
                        (8 zero octets = never), metric seconds since 1970 */
    BW_TYPE_NS,      /* uint64_t duration. JSON seconds as a number, SNMP Unsigned32 milliseconds (saturating), metric seconds */
    BW_TYPE_BRIEF,   /* the same, of short durations: SNMP Unsigned32 microseconds */
    BW_TYPE_DIGEST,  /* uint64_t. JSON and SNMP: 16 hexadecimal digits */
    BW_TYPE_ADDRESS, /* struct bw_address without prefix. JSON string ("" = none); SNMP two columns: InetAddressType at
                        column, InetAddress at column + 1 (unknown(0) and zero length = none) */
    BW_TYPE_PREFIX,  /* struct bw_address. JSON "a.b.c.d/n". SNMP: index (type, address) and prefix length at column */
    BW_TYPE_OFFSET,  /* int64_t duration, either way. JSON seconds as a number, SNMP Integer32 milliseconds (saturating), metric seconds */
    BW_TYPE_HISTOGRAM, /* struct bw_late_histogram. JSON { "count", "sum_seconds", "buckets": [ { "at_most_seconds", "count" } ] }
                          whose counts are cumulative; metric histogram; not in SNMP */
};

struct bw_enum_label {
    uint32_t value;
    const char *text; /* JSON, metrics and CLI */
    const char *mib;  /* the MIB's label: no hyphens */
};

struct bw_enum {
    const char *name; /* the MIB's textual convention, e.g. "BwMemberState" */
    const struct bw_enum_label *labels; /* ends with text == NULL */
};

enum bw_access {
    BW_ACCESS_NONE = 0,      /* not in the MIB */
    BW_ACCESS_INDEX,         /* not-accessible index object */
    BW_ACCESS_READ,
    BW_ACCESS_WRITE,         /* read-write: see setter */
    BW_ACCESS_NOTIFY,        /* accessible-for-notify: in notifications alone */
};

enum bw_metric_kind {
    BW_METRIC_NONE = 0,
    BW_METRIC_GAUGE,     /* one sample a row */
    BW_METRIC_COUNTER,   /* likewise; the name ends in _total */
    BW_METRIC_STATESET,  /* one sample a label of the enum, 0/1, extra metric label stateset_label */
    BW_METRIC_MEMBERSET, /* BW_TYPE_MEMBER: one sample a configured member, 1 for the named one, extra label "member" */
    BW_METRIC_IS,        /* enum → 1 when it has its first label's value (up, ok, …), else 0; extra label: see extra_* */
    BW_METRIC_HISTOGRAM, /* _bucket with le, _sum and _count */
    BW_METRIC_INFO,      /* text, part of the object's info metric as a label called like the key */
};

struct bw_field {
    const char *key;     /* JSON key and CLI name */
    const char *heading; /* CLI table heading; NULL = not in the default table */
    enum bw_type type;
    uint16_t offset;     /* in the row structure */
    uint16_t size;
    const struct bw_enum *labels; /* for BW_TYPE_ENUM */
    const char *mib;     /* object name in the MIB, NULL = none */
    uint8_t column;      /* in the MIB's entry (or the scalar's arc) */
    enum bw_access access;
    enum bw_metric_kind metric_kind;
    const char *metric;  /* whole name, e.g. "bellwether_member_state" */
    const char *stateset_label; /* BW_METRIC_STATESET: name of the extra label, e.g. "state" */
    const char *extra_name;     /* a constant extra label, e.g. direction="receive"; NULL = none */
    const char *extra_value;
    const char *help;    /* one sentence without its full stop: HELP, man pages, schema */
};

/* Which ids index the object, hence its MIB index and its metric labels. */
enum bw_object_kind {
    BW_OBJECT_CLUSTER, BW_OBJECT_MEMBER, BW_OBJECT_INTERFACE, BW_OBJECT_PNOTE, BW_OBJECT_ADDRESS,
    BW_OBJECT_GROUP, BW_OBJECT_GROUP_MEMBER, BW_OBJECT_CAUSE, BW_OBJECT_AGENT, BW_OBJECT_EVENT,
    BW_OBJECT_TRAP_RULE, BW_OBJECT_RESOURCE, BW_OBJECT_SYNC, BW_OBJECT_SYNC_PEER, BW_OBJECT_ALERT,
    BW_OBJECT_COUNT,
};

struct bw_object {
    enum bw_object_kind kind;
    const char *key;   /* JSON key in /api/v1/state and the path under /api/v1/ */
    const char *title; /* for people */
    const char *mib_entry; /* e.g. "bwMemberEntry"; scalars: the group's name, e.g. "bwCluster" */
    uint8_t arc;       /* under bwObjects */
    bool table;        /* false: one row, JSON object instead of array */
    uint32_t rows_offset;  /* of the first row in struct bw_snapshot; events: not in the snapshot */
    uint32_t row_size;
    uint32_t count_offset; /* of the uint32_t row count in struct bw_snapshot; 0 for scalars */
    const struct bw_field *fields; /* MIB columns ascending is not required; order = JSON order */
    uint32_t fields_count;
    enum bw_object_kind part_of; /* with part_key: the object (scalars) whose JSON holds this table, under part_key */
    const char *part_key;        /* NULL: it stands by itself in /api/v1/state */
};

/* All objects in showing order, BW_OBJECT_COUNT of them, indexed by enum bw_object_kind. */
extern const struct bw_object bw_catalogue[BW_OBJECT_COUNT];

extern const struct bw_enum bw_enum_member_state, bw_enum_admin_state, bw_enum_mode, bw_enum_recovery,
    bw_enum_interface_role, bw_enum_interface_state, bw_enum_direction, bw_enum_transport,
    bw_enum_pnote_status, bw_enum_pnote_kind, bw_enum_view, bw_enum_group_state, bw_enum_start,
    bw_enum_auto, bw_enum_cause, bw_enum_event_kind, bw_enum_resource_kind, bw_enum_recovery_action,
    bw_enum_sync_state, bw_enum_alert_kind, bw_enum_alert_state;

/* Number of rows of an object in a snapshot: 1 for scalars, 0 for events (they are in the history). */
uint32_t bw_object_rows(const struct bw_object *object, const struct bw_snapshot *snapshot);
/* Row i (0-based, below bw_object_rows) as untyped memory; add a field's offset to reach it. */
const void *bw_object_row(const struct bw_object *object, const struct bw_snapshot *snapshot, uint32_t i);
/* The object with that JSON key, or NULL. */
const struct bw_object *bw_object_by_key(const char *key);
/* The field with that JSON key, or NULL. */
const struct bw_field *bw_field_by_key(const struct bw_object *object, const char *key);

/* The label's text for a value; "unknown" for one that has no label. Never NULL. */
const char *bw_enum_text(const struct bw_enum *e, uint32_t value);
/* The value for a label's text. 0 and *value set, or -EINVAL. */
int bw_enum_value(const struct bw_enum *e, const char *text, uint32_t *value);
/* All texts joined by ", " for "allowed: …" messages; returns buf. */
const char *bw_enum_choices(const struct bw_enum *e, char *buf, size_t cap);

/* The row of the member with that id; NULL when there is none. */
const struct bw_member_row *bw_member_row(const struct bw_snapshot *snapshot, uint32_t id);
/* The id and name of the member that a row of this object belongs to; 0/"" when it belongs to none. */
const char *bw_member_name(const struct bw_snapshot *snapshot, uint32_t id);

#endif
