/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finding instances. Leaves are sorted by OID and so are rows, so the next instance after a name is
 * found by one binary search over the leaves and one over the rows of the leaf found; only when a
 * table ends (or is empty) is the next leaf looked at.
 */
#include "walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SUBIDENTIFIER_MAX 0xffffffffUL

int bw_snmp_compare(const oid *a, size_t a_length, const oid *b, size_t b_length)
{
    size_t common = a_length < b_length ? a_length : b_length;

    for (size_t i = 0; i < common; i++)
        if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    return a_length == b_length ? 0 : a_length < b_length ? -1 : 1;
}

/* ---- the plan ---- */

static int compare_leaves(const void *left, const void *right)
{
    const struct bw_snmp_leaf *a = left, *b = right;

    return bw_snmp_compare(a->prefix, a->length, b->prefix, b->length);
}

static void add_leaf(struct bw_snmp_plan *plan, const struct bw_object *object, const struct bw_field *field,
                     enum bw_snmp_part part, oid column)
{
    struct bw_snmp_leaf *leaf;

    if (plan->count == BW_SNMP_LEAVES_MAX)
        abort(); /* the catalogue outgrew BW_SNMP_LEAVES_MAX: every test says so */
    leaf = &plan->leaves[plan->count++];
    *leaf = (struct bw_snmp_leaf){.object = object, .field = field, .part = part};
    leaf->prefix[leaf->length++] = object->arc;
    if (object->table)
        leaf->prefix[leaf->length++] = 1;
    leaf->prefix[leaf->length++] = column;
}

static void add_object(struct bw_snmp_plan *plan, const struct bw_object *object)
{
    for (uint32_t i = 0; i < object->fields_count; i++) {
        const struct bw_field *field = &object->fields[i];

        if (field->mib == NULL || (field->access != BW_ACCESS_READ && field->access != BW_ACCESS_WRITE))
            continue;
        if (field->type == BW_TYPE_ADDRESS) {
            add_leaf(plan, object, field, BW_SNMP_ADDRESS_TYPE, field->column);
            add_leaf(plan, object, field, BW_SNMP_ADDRESS_BYTES, field->column + 1u);
        } else {
            add_leaf(plan, object, field, BW_SNMP_VALUE, field->column);
        }
    }
}

void bw_snmp_plan_init(struct bw_snmp_plan *plan)
{
    plan->count = 0;
    for (int i = 0; i < BW_OBJECT_COUNT; i++)
        add_object(plan, &bw_catalogue[i]);
    add_object(plan, &bw_snmp_control_object);
    qsort(plan->leaves, plan->count, sizeof(plan->leaves[0]), compare_leaves);
}

const struct bw_snmp_leaf *bw_snmp_leaf(const struct bw_snmp_plan *plan, const struct bw_object *object,
                                        const char *key)
{
    for (uint32_t i = 0; i < plan->count; i++)
        if (plan->leaves[i].object == object && strcmp(plan->leaves[i].field->key, key) == 0)
            return &plan->leaves[i];
    return NULL;
}

/* ---- rows and their indexes ---- */

static uint32_t rows_of(const struct bw_snmp_view *view, const struct bw_object *object)
{
    const struct bw_snapshot *s = view->snapshot;

    if (object == &bw_snmp_control_object)
        return 1;
    if (object->kind == BW_OBJECT_EVENT)
        return s->history_last == 0 ? 0 : (uint32_t)(s->history_last - s->history_first + 1);
    return bw_object_rows(object, s);
}

static size_t name_index(const char *text, oid *index)
{
    size_t length = strnlen(text, BW_NAME_MAX - 1);

    index[0] = length;
    for (size_t i = 0; i < length; i++)
        index[1 + i] = (u_char)text[i];
    return 1 + length;
}

static size_t address_index(const struct bw_address *a, oid *index)
{
    size_t length = a->family == 6 ? 16 : a->family == 4 ? 4 : 0;

    index[0] = a->family == 6 ? 2 : a->family == 4 ? 1 : 0; /* InetAddressType */
    index[1] = length;
    for (size_t i = 0; i < length; i++)
        index[2 + i] = a->bytes[i];
    return 2 + length;
}

/* The index of one row, as the MIB's INDEX clauses say. Returns its length. */
static size_t row_index(const struct bw_object *object, const void *row, oid *index)
{
    switch (object->table ? object->kind : BW_OBJECT_COUNT) {
    case BW_OBJECT_MEMBER:
        index[0] = ((const struct bw_member_row *)row)->id;
        return 1;
    case BW_OBJECT_INTERFACE:
        index[0] = ((const struct bw_interface_row *)row)->member;
        index[1] = ((const struct bw_interface_row *)row)->index;
        return 2;
    case BW_OBJECT_PNOTE:
        index[0] = ((const struct bw_pnote_row *)row)->member;
        return 1 + name_index(((const struct bw_pnote_row *)row)->name, index + 1);
    case BW_OBJECT_ADDRESS:
        return address_index(&((const struct bw_address_row *)row)->address, index);
    case BW_OBJECT_GROUP:
        index[0] = ((const struct bw_group_row *)row)->index;
        return 1;
    case BW_OBJECT_GROUP_MEMBER:
        index[0] = ((const struct bw_group_member_row *)row)->group;
        index[1] = ((const struct bw_group_member_row *)row)->member;
        return 2;
    case BW_OBJECT_CAUSE:
        index[0] = ((const struct bw_cause_row *)row)->cause;
        return 1;
    case BW_OBJECT_TRAP_RULE:
        index[0] = ((const struct bw_trap_rule_row *)row)->index;
        return 1;
    case BW_OBJECT_RESOURCE:
        index[0] = ((const struct bw_resource_row *)row)->group;
        index[1] = ((const struct bw_resource_row *)row)->index;
        index[2] = ((const struct bw_resource_row *)row)->member;
        return 3;
    case BW_OBJECT_SYNC_PEER:
        index[0] = ((const struct bw_sync_peer_row *)row)->member;
        return 1;
    case BW_OBJECT_ALERT:
        index[0] = ((const struct bw_alert_row *)row)->index;
        return 1;
    case BW_OBJECT_EVENT:
        index[0] = ((const struct bw_event *)row)->number & SUBIDENTIFIER_MAX;
        return 1;
    default: /* a scalar */
        index[0] = 0;
        return 1;
    }
}

/* Row i's index without copying an event: its number follows from its place. */
static size_t index_of(const struct bw_snmp_view *view, const struct bw_object *object, uint32_t i, oid *index)
{
    if (object == &bw_snmp_control_object)
        return row_index(object, view->control, index);
    if (object->kind == BW_OBJECT_EVENT) {
        index[0] = (view->snapshot->history_first + i) & SUBIDENTIFIER_MAX;
        return 1;
    }
    return row_index(object, bw_object_row(object, view->snapshot, i), index);
}

/* Row i into the hit. False for an event that is not there any more. */
static bool take_row(const struct bw_snmp_view *view, const struct bw_snmp_leaf *leaf, uint32_t i,
                     struct bw_snmp_hit *hit)
{
    if (leaf->object == &bw_snmp_control_object) {
        bw_snmp_hit_row(leaf, view->control, hit);
    } else if (leaf->object->kind == BW_OBJECT_EVENT) {
        if (bw_history_read(view->history, view->snapshot->history_first + i, &hit->event) != 0)
            return false;
        bw_snmp_hit_row(leaf, &hit->event, hit);
    } else {
        bw_snmp_hit_row(leaf, bw_object_row(leaf->object, view->snapshot, i), hit);
    }
    return true;
}

void bw_snmp_hit_row(const struct bw_snmp_leaf *leaf, const void *row, struct bw_snmp_hit *hit)
{
    hit->leaf = leaf;
    hit->row = row;
    memcpy(hit->name, leaf->prefix, leaf->length * sizeof(oid));
    hit->length = leaf->length + row_index(leaf->object, row, hit->name + leaf->length);
}

/* The first row whose index is at or after the key (after it, unless inclusive); the row count when none is. */
static uint32_t first_row(const struct bw_snmp_view *view, const struct bw_object *object, const oid *key,
                          size_t length, bool inclusive)
{
    uint32_t low = 0, high = rows_of(view, object);
    oid index[BW_SNMP_INDEX_MAX];

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        size_t index_length = index_of(view, object, middle, index);
        int order = bw_snmp_compare(index, index_length, key, length);

        if (order > 0 || (order == 0 && inclusive))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* ---- searching ---- */

/* The first leaf that can hold names at or after `name`: the one it lies in, else the next. *inside tells which. */
static uint32_t first_leaf(const struct bw_snmp_plan *plan, const oid *name, size_t length, bool *inside)
{
    uint32_t low = 0, high = plan->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct bw_snmp_leaf *leaf = &plan->leaves[middle];
        size_t cut = length < leaf->length ? length : leaf->length;

        if (bw_snmp_compare(leaf->prefix, leaf->length, name, cut) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *inside = low < plan->count && length >= plan->leaves[low].length &&
              memcmp(plan->leaves[low].prefix, name, plan->leaves[low].length * sizeof(oid)) == 0;
    return low;
}

int bw_snmp_get(const struct bw_snmp_plan *plan, const struct bw_snmp_view *view, const oid *name, size_t length,
                struct bw_snmp_hit *hit)
{
    bool inside;
    uint32_t i = first_leaf(plan, name, length, &inside);
    const struct bw_snmp_leaf *leaf = &plan->leaves[i];
    uint32_t row;

    if (!inside)
        return -ENOENT;
    row = first_row(view, leaf->object, name + leaf->length, length - leaf->length, true);
    if (row == rows_of(view, leaf->object) || !take_row(view, leaf, row, hit) ||
        bw_snmp_compare(hit->name, hit->length, name, length) != 0)
        return -ENXIO;
    return 0;
}

int bw_snmp_next(const struct bw_snmp_plan *plan, const struct bw_snmp_view *view, const oid *name, size_t length,
                 bool inclusive, struct bw_snmp_hit *hit)
{
    bool inside;

    for (uint32_t i = first_leaf(plan, name, length, &inside); i < plan->count; i++, inside = false) {
        const struct bw_snmp_leaf *leaf = &plan->leaves[i];
        uint32_t rows = rows_of(view, leaf->object);
        uint32_t row =
            !inside ? 0 : first_row(view, leaf->object, name + leaf->length, length - leaf->length, inclusive);

        /* More than one step only over events that were overwritten meanwhile. */
        for (; row < rows; row++)
            if (take_row(view, leaf, row, hit))
                return 0;
    }
    return -ENOENT;
}
