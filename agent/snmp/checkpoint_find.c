/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finding instances of the ha subtree: a handful of objects and rows, so they are simply gone
 * through in the order of their OIDs.
 */
#include <errno.h>

#include "checkpoint.h"

/* Instance of row n (from 0). */
static void fill(const struct bw_ha_view *view, const struct bw_ha_object *o, uint32_t n, struct bw_ha_hit *hit)
{
    hit->length = 0;
    hit->name[hit->length++] = o->arc;
    if (o->column != 0) {
        hit->name[hit->length++] = 1;
        hit->name[hit->length++] = o->column;
        hit->name[hit->length++] = n + 1;
    }
    hit->name[hit->length++] = 0;
    hit->type = o->type;
    hit->value.number = 0;
    hit->size = sizeof(hit->value.number);
    o->value(view, n, hit);
}

/* Does the object, or could an instance of it, have that name? */
static bool is_of(const struct bw_ha_object *o, const oid *name, size_t length)
{
    if (length < 1 || name[0] != o->arc)
        return false;
    return o->column == 0 || (length >= 3 && name[1] == 1 && name[2] == o->column);
}

int bw_ha_get(const struct bw_ha_view *view, const oid *name, size_t length, struct bw_ha_hit *hit)
{
    for (size_t i = 0; i < bw_ha_objects_count; i++) {
        const struct bw_ha_object *o = &bw_ha_objects[i];
        size_t wanted = o->column == 0 ? 2 : 5;
        oid n = o->column == 0 ? 0 : length == wanted ? name[3] - 1 : 0;

        if (!is_of(o, name, length))
            continue;
        if (length != wanted || name[wanted - 1] != 0 || n > UINT32_MAX ||
            !bw_ha_is_there(view->snapshot, o->arc, (uint32_t)n))
            return -ENXIO;
        fill(view, o, (uint32_t)n, hit);
        return 0;
    }
    return -ENOENT;
}

/* The first row of an object whose instance comes after the name (or at it); behind the last row when none does. */
static uint32_t first_row(const struct bw_ha_object *o, const oid *name, size_t length, bool inclusive)
{
    oid own[BW_HA_NAME_MAX] = {o->arc, 1, o->column};
    oid first[2] = {o->arc, 0};
    int order;

    if (o->column == 0) {
        order = bw_snmp_compare(first, 2, name, length);
        return order > 0 || (order == 0 && inclusive) ? 0 : 1;
    }
    if (bw_snmp_compare(own, 3, name, length < 3 ? length : 3) != 0 || length <= 3)
        return bw_snmp_compare(own, 3, name, length) >= 0 ? 0 : UINT32_MAX;
    if (name[3] == 0)
        return 0;
    /* .N and what is before .N.0: row N; .N.0 and what is behind it: the next one. */
    if (length == 4 || (length == 5 && name[4] == 0 && inclusive))
        return name[3] > UINT32_MAX ? UINT32_MAX : (uint32_t)(name[3] - 1);
    return name[3] >= UINT32_MAX ? UINT32_MAX : (uint32_t)name[3];
}

int bw_ha_next(const struct bw_ha_view *view, const oid *name, size_t length, bool inclusive, struct bw_ha_hit *hit)
{
    for (size_t i = 0; i < bw_ha_objects_count; i++) {
        uint32_t n = first_row(&bw_ha_objects[i], name, length, inclusive);

        if (n == UINT32_MAX || !bw_ha_is_there(view->snapshot, bw_ha_objects[i].arc, n))
            continue;
        fill(view, &bw_ha_objects[i], n, hit);
        return 0;
    }
    return -ENOENT;
}

bool bw_ha_fill(const struct bw_ha_view *view, oid arc, oid column, uint32_t n, struct bw_ha_hit *hit)
{
    for (size_t i = 0; i < bw_ha_objects_count; i++) {
        if (bw_ha_objects[i].arc != arc || bw_ha_objects[i].column != column)
            continue;
        fill(view, &bw_ha_objects[i], n, hit);
        return true;
    }
    return false;
}
