/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Prometheus' text format 0.0.4 and OpenMetrics 1.0.0: a walker over the catalogue. A family is every field of an
 * object with the same metric name; it is written in one piece, at the place of its first field. Which labels a row has
 * follows from the kind of its object. State sets are gauges with a sample for every state, in both formats: samples
 * are the same, only what is said about a family differs. Nothing here knows a field by name, but for the two info
 * families, whose labels come from several objects.
 */
#include <stddef.h>
#include <string.h>

#include "bellwether/text.h"
#include "exporters/http/http.h"

const char *const bw_metrics_type[BW_METRICS_FORMATS] = {
    [BW_METRICS_TEXT] = "text/plain; version=0.0.4; charset=utf-8",
    [BW_METRICS_OPEN] = "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

/* ---- the labels that a row's identity gives ---- */

enum source { FROM_TEXT, FROM_MEMBER, FROM_GROUP, FROM_ADDRESS, FROM_CAUSE };

struct label {
    enum bw_object_kind kind;
    const char *name;
    enum source source;
    size_t offset;
};

static const struct label labels[] = {
    {BW_OBJECT_MEMBER, "member", FROM_TEXT, offsetof(struct bw_member_row, name)},
    {BW_OBJECT_INTERFACE, "member", FROM_MEMBER, offsetof(struct bw_interface_row, member)},
    {BW_OBJECT_INTERFACE, "interface", FROM_TEXT, offsetof(struct bw_interface_row, name)},
    {BW_OBJECT_PNOTE, "member", FROM_MEMBER, offsetof(struct bw_pnote_row, member)},
    {BW_OBJECT_PNOTE, "pnote", FROM_TEXT, offsetof(struct bw_pnote_row, name)},
    {BW_OBJECT_ADDRESS, "address", FROM_ADDRESS, offsetof(struct bw_address_row, address)},
    {BW_OBJECT_ADDRESS, "interface", FROM_TEXT, offsetof(struct bw_address_row, interface_name)},
    {BW_OBJECT_GROUP, "group", FROM_TEXT, offsetof(struct bw_group_row, name)},
    {BW_OBJECT_GROUP_MEMBER, "group", FROM_GROUP, offsetof(struct bw_group_member_row, group)},
    {BW_OBJECT_GROUP_MEMBER, "member", FROM_MEMBER, offsetof(struct bw_group_member_row, member)},
    {BW_OBJECT_CAUSE, "cause", FROM_CAUSE, offsetof(struct bw_cause_row, cause)},
    {BW_OBJECT_TRAP_RULE, "rule", FROM_TEXT, offsetof(struct bw_trap_rule_row, name)},
    {BW_OBJECT_RESOURCE, "group", FROM_GROUP, offsetof(struct bw_resource_row, group)},
    {BW_OBJECT_RESOURCE, "resource", FROM_TEXT, offsetof(struct bw_resource_row, name)},
    {BW_OBJECT_RESOURCE, "member", FROM_MEMBER, offsetof(struct bw_resource_row, member)},
    {BW_OBJECT_SYNC_PEER, "member", FROM_MEMBER, offsetof(struct bw_sync_peer_row, member)},
    {BW_OBJECT_ALERT, "target", FROM_TEXT, offsetof(struct bw_alert_row, name)},
};

static uint32_t u32_at(const void *row, size_t offset)
{
    uint32_t value;

    memcpy(&value, (const char *)row + offset, sizeof(value));
    return value;
}

static uint64_t u64_at(const void *row, size_t offset)
{
    uint64_t value;

    memcpy(&value, (const char *)row + offset, sizeof(value));
    return value;
}

static const char *group_name(const struct bw_snapshot *snapshot, uint32_t index)
{
    for (uint32_t i = 0; i < snapshot->groups_count; i++)
        if (snapshot->groups[i].index == index)
            return snapshot->groups[i].name;
    return "";
}

static const char *label_value(const struct label *label, const struct bw_snapshot *snapshot, const void *row,
                               char *text)
{
    switch (label->source) {
    case FROM_TEXT:
        return (const char *)row + label->offset;
    case FROM_MEMBER:
        return bw_member_name(snapshot, u32_at(row, label->offset));
    case FROM_GROUP:
        return group_name(snapshot, u32_at(row, label->offset));
    case FROM_ADDRESS:
        return bw_address_to_text((const void *)((const char *)row + label->offset), true, text);
    case FROM_CAUSE:
        return bw_enum_text(&bw_enum_cause, u32_at(row, label->offset));
    }
    return "";
}

/* ---- samples ---- */

/* One series: what it is called, and where its row is. */
struct series {
    const struct bw_object *object;
    const struct bw_field *field;
    const struct bw_snapshot *snapshot;
    const void *row;
};

static void add_label(struct bw_buffer *b, bool *any, const char *name, const char *value)
{
    bw_buffer_text(b, *any ? "," : "{");
    *any = true;
    bw_buffer_text(b, name);
    bw_buffer_text(b, "=\"");
    bw_buffer_label(b, value);
    bw_buffer_text(b, "\"");
}

/* Name with a suffix, and labels, up to the blank before the value. extra_name NULL: none. */
static void head_of(struct bw_buffer *b, const struct series *s, const char *suffix, const char *extra_name,
                    const char *extra_value)
{
    char text[BW_ADDRESS_TEXT_MAX];
    bool any = false;

    bw_buffer_text(b, s->field->metric);
    bw_buffer_text(b, suffix);
    for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
        if (labels[i].kind == s->object->kind)
            add_label(b, &any, labels[i].name, label_value(&labels[i], s->snapshot, s->row, text));
    if (extra_name != NULL)
        add_label(b, &any, extra_name, extra_value);
    bw_buffer_text(b, any ? "} " : " ");
}

static void head(struct bw_buffer *b, const struct series *s, const char *extra_name, const char *extra_value)
{
    head_of(b, s, "", extra_name, extra_value);
}

static void bit(struct bw_buffer *b, bool value)
{
    bw_buffer_text(b, value ? "1\n" : "0\n");
}

static void number(struct bw_buffer *b, const struct series *s)
{
    const struct bw_field *f = s->field;
    uint64_t wall;
    int64_t offset;

    switch (f->type) {
    case BW_TYPE_COUNTER:
    case BW_TYPE_U64:
    case BW_TYPE_DIGEST:
        bw_buffer_u64(b, u64_at(s->row, f->offset));
        break;
    case BW_TYPE_BOOL:
        bw_buffer_u64(b, *(const bool *)((const char *)s->row + f->offset));
        break;
    case BW_TYPE_NS:
    case BW_TYPE_BRIEF:
        bw_buffer_seconds(b, u64_at(s->row, f->offset));
        break;
    case BW_TYPE_OFFSET:
        offset = (int64_t)u64_at(s->row, f->offset);
        if (offset < 0)
            bw_buffer_text(b, "-");
        bw_buffer_seconds(b, offset < 0 ? 0 - (uint64_t)offset : (uint64_t)offset);
        break;
    case BW_TYPE_WALL: /* milliseconds are enough */
        wall = u64_at(s->row, f->offset);
        bw_buffer_seconds(b, wall - wall % BW_MS);
        break;
    default:
        bw_buffer_u64(b, u32_at(s->row, f->offset));
        break;
    }
    bw_buffer_text(b, "\n");
}

/* Buckets are cumulative, and the last is the whole count. */
static void histogram(struct bw_buffer *b, const struct series *s)
{
    const struct bw_late_histogram *h = (const void *)((const char *)s->row + s->field->offset);
    uint64_t count = 0;

    for (unsigned i = 0; i < BW_LATE_BUCKETS; i++) {
        count += h->buckets[i];
        head_of(b, s, "_bucket", "le", bw_late_bounds_text[i]);
        bw_buffer_u64(b, count);
        bw_buffer_text(b, "\n");
    }
    head_of(b, s, "_sum", NULL, NULL);
    bw_buffer_seconds(b, h->sum_ns);
    bw_buffer_text(b, "\n");
    head_of(b, s, "_count", NULL, NULL);
    bw_buffer_u64(b, count);
    bw_buffer_text(b, "\n");
}

static void samples(struct bw_buffer *b, const struct series *s)
{
    const struct bw_field *f = s->field;

    switch (f->metric_kind) {
    case BW_METRIC_GAUGE:
    case BW_METRIC_COUNTER:
        head(b, s, f->extra_name, f->extra_value);
        number(b, s);
        break;
    case BW_METRIC_IS:
        head(b, s, f->extra_name, f->extra_value);
        bit(b, u32_at(s->row, f->offset) == f->labels->labels[0].value);
        break;
    case BW_METRIC_STATESET:
        for (const struct bw_enum_label *l = f->labels->labels; l->text != NULL; l++) {
            head(b, s, f->stateset_label, l->text);
            bit(b, u32_at(s->row, f->offset) == l->value);
        }
        break;
    case BW_METRIC_MEMBERSET:
        for (uint32_t i = 0; i < s->snapshot->members_count; i++) {
            head(b, s, f->stateset_label, s->snapshot->members[i].name);
            bit(b, u32_at(s->row, f->offset) == s->snapshot->members[i].id);
        }
        break;
    case BW_METRIC_HISTOGRAM:
        histogram(b, s);
        break;
    case BW_METRIC_NONE:
    case BW_METRIC_INFO:
        break;
    }
}

/* ---- families ---- */

enum kind { GAUGE, COUNTER, INFO, HISTOGRAM };

static enum kind kind_of(const struct bw_field *field)
{
    return field->metric_kind == BW_METRIC_COUNTER     ? COUNTER
           : field->metric_kind == BW_METRIC_HISTOGRAM ? HISTOGRAM
                                                       : GAUGE;
}

static bool ends_with(const char *text, size_t length, const char *ending)
{
    size_t end = strlen(ending);

    return length > end && memcmp(text + length - end, ending, end) == 0;
}

static void about(struct bw_buffer *b, const char *what, const char *name, size_t length)
{
    bw_buffer_text(b, what);
    bw_buffer_bytes(b, name, length);
    bw_buffer_text(b, " ");
}

static void describe(struct bw_buffer *b, enum bw_metrics_format format, const char *name, enum kind kind,
                     const char *help)
{
    static const char *const types[] = {"gauge\n", "counter\n", "info\n", "histogram\n"};
    static const struct {
        const char *ending, *line;
    } units[] = {{"_seconds", "seconds\n"}, {"_bytes", "bytes\n"}};
    size_t length = strlen(name);

    if (format == BW_METRICS_TEXT) {
        about(b, "# HELP ", name, length);
        bw_buffer_help(b, help);
        bw_buffer_text(b, ".\n");
        about(b, "# TYPE ", name, length);
        bw_buffer_text(b, types[kind == INFO ? GAUGE : kind]);
        return;
    }
    /* A family is called without the ending that its kind gives its samples. */
    length -= kind == COUNTER ? sizeof("_total") - 1 : kind == INFO ? sizeof("_info") - 1 : 0;
    about(b, "# TYPE ", name, length);
    bw_buffer_text(b, types[kind]);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (!ends_with(name, length, units[i].ending))
            continue;
        about(b, "# UNIT ", name, length);
        bw_buffer_text(b, units[i].line);
    }
    about(b, "# HELP ", name, length);
    bw_buffer_label(b, help);
    bw_buffer_text(b, ".\n");
}

static bool in_family(const struct bw_field *field, const char *name)
{
    return field->metric != NULL && strcmp(field->metric, name) == 0;
}

/* Was the family of field f written before, at an earlier field? A family's fields are all of one object. */
static bool written(const struct bw_object *o, uint32_t f)
{
    for (uint32_t i = 0; i < f; i++)
        if (in_family(&o->fields[i], o->fields[f].metric))
            return true;
    return false;
}

/* All samples of the family that begins with field `first`: row by row. */
static void family(struct bw_buffer *b, const struct bw_snapshot *snapshot, const struct bw_object *o, uint32_t first)
{
    struct series s = {.object = o, .snapshot = snapshot};
    const char *name = o->fields[first].metric;
    uint32_t rows = bw_object_rows(o, snapshot);

    for (uint32_t r = 0; r < rows; r++) {
        s.row = bw_object_row(o, snapshot, r);
        for (uint32_t f = first; f < o->fields_count; f++) {
            s.field = &o->fields[f];
            if (f == first || in_family(s.field, name))
                samples(b, &s);
        }
    }
}

/* What is fixed while the process lives: joins the cluster's name to all other series. */
static void info(struct bw_buffer *b, const struct bw_snapshot *snapshot, enum bw_metrics_format format)
{
    const struct bw_cluster_row *c = &snapshot->cluster;
    char id[8];
    bool any = false;

    describe(b, format, "bellwether_build_info", INFO, "Version of this program");
    bw_buffer_text(b, "bellwether_build_info");
    add_label(b, &any, "version", BW_VERSION);
    bw_buffer_text(b, "} 1\n");
    if (snapshot->number == 0)
        return;
    any = false;
    bw_format(id, sizeof(id), "%u", c->id);
    describe(b, format, "bellwether_info", INFO, "The cluster and the member that tells this");
    bw_buffer_text(b, "bellwether_info");
    add_label(b, &any, "version", c->version);
    add_label(b, &any, "cluster", c->name);
    add_label(b, &any, "cluster_id", id);
    add_label(b, &any, "mode", bw_enum_text(&bw_enum_mode, c->mode));
    add_label(b, &any, "member", bw_member_name(snapshot, c->local_member));
    bw_buffer_text(b, "} 1\n");
}

void bw_metrics_render(const struct bw_snapshot *snapshot, enum bw_metrics_format format, struct bw_buffer *b)
{
    info(b, snapshot, format);
    for (int i = 0; i < BW_OBJECT_COUNT && snapshot->number > 0; i++) {
        const struct bw_object *o = &bw_catalogue[i];

        for (uint32_t f = 0; f < o->fields_count; f++) {
            if (o->fields[f].metric == NULL || written(o, f))
                continue;
            describe(b, format, o->fields[f].metric, kind_of(&o->fields[f]), o->fields[f].help);
            family(b, snapshot, o, f);
        }
    }
}

void bw_metrics_age(uint64_t age_ns, enum bw_metrics_format format, struct bw_buffer *b)
{
    static const char name[] = "bellwether_snapshot_age_seconds";

    describe(b, format, name, GAUGE, "Age of the engine's newest snapshot, from which all of this comes");
    bw_buffer_text(b, name);
    bw_buffer_text(b, " ");
    bw_buffer_seconds(b, age_ns - age_ns % BW_MS);
    bw_buffer_text(b, format == BW_METRICS_OPEN ? "\n# EOF\n" : "\n");
}
