/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which event is which notification, and what it carries. Each carries the cluster's name and the
 * event itself (its history row), and then the objects that it is about. States are those that the
 * event speaks of, not those of the moment at which the notification leaves.
 */
#include "notify.h"

#include <errno.h>
#include <string.h>

/* An object of a notification: where its row is found. */
enum source { FROM_CLUSTER, FROM_EVENT, FROM_MEMBER, FROM_PNOTE, FROM_INTERFACE, FROM_GROUP };

struct item {
    enum source source;
    const char *key;
    bool to; /* an enumeration whose value is the event's `to` */
};

#define ITEMS_MAX 8
struct kind {
    uint32_t event;               /* enum bw_event_kind */
    uint32_t number;              /* below bwNotifications */
    struct item items[ITEMS_MAX]; /* after the common ones */
};

/* In every notification, first. */
static const struct item common[] = {
    {FROM_CLUSTER, "name", false}, {FROM_EVENT, "time", false}, {FROM_EVENT, "member", false},
    {FROM_EVENT, "from", false},   {FROM_EVENT, "to", false},   {FROM_EVENT, "reason", false},
};

/* What may be missing (a pnote that is gone, a group or member that none is named of) comes last. */
static const struct kind kinds[] = {
    {BW_EVENT_STATE_CHANGE, 1, {{FROM_MEMBER, "name", false}, {FROM_MEMBER, "state", true}}},
    {BW_EVENT_FAILOVER,
     2,
     {{FROM_EVENT, "cause", false},
      {FROM_EVENT, "seconds", false},
      {FROM_CLUSTER, "failovers", false},
      {FROM_GROUP, "name", false}}},
    {BW_EVENT_PNOTE, 3, {{FROM_EVENT, "object", false}, {FROM_MEMBER, "name", false}, {FROM_PNOTE, "status", true}}},
    {BW_EVENT_INTERFACE,
     4,
     {{FROM_EVENT, "object", false}, {FROM_MEMBER, "name", false}, {FROM_INTERFACE, "state", true}}},
    {BW_EVENT_SPLIT_BRAIN, 5, {{FROM_CLUSTER, "split_brains", false}, {FROM_GROUP, "name", false}}},
    {BW_EVENT_MISMATCH, 7, {{FROM_CLUSTER, "config_mismatch", false}, {FROM_MEMBER, "name", false}}},
    {BW_EVENT_AUTH_FAILURE, 10, {{FROM_CLUSTER, "local_member", false}}},
};

static const struct kind *kind_of(uint32_t event)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (kinds[i].event == event)
            return &kinds[i];
    return NULL;
}

bool bw_snmp_is_notified(uint32_t kind)
{
    return kind_of(kind) != NULL;
}

static enum bw_object_kind object_kind(enum source source)
{
    static const enum bw_object_kind of[] = {
        [FROM_CLUSTER] = BW_OBJECT_CLUSTER, [FROM_EVENT] = BW_OBJECT_EVENT,         [FROM_MEMBER] = BW_OBJECT_MEMBER,
        [FROM_PNOTE] = BW_OBJECT_PNOTE,     [FROM_INTERFACE] = BW_OBJECT_INTERFACE, [FROM_GROUP] = BW_OBJECT_GROUP,
    };

    return of[source];
}

/* The row of that source that the event speaks of; NULL when it is not there (any more). */
static const void *row_of(const struct bw_snapshot *s, enum source source, const struct bw_event *event)
{
    switch (source) {
    case FROM_CLUSTER:
        return &s->cluster;
    case FROM_EVENT:
        return event;
    case FROM_MEMBER:
        for (uint32_t i = 0; i < s->members_count; i++)
            if (s->members[i].id == event->member)
                return &s->members[i];
        return NULL;
    case FROM_PNOTE:
        for (uint32_t i = 0; i < s->pnotes_count; i++)
            if (s->pnotes[i].member == event->member && strcmp(s->pnotes[i].name, event->object) == 0)
                return &s->pnotes[i];
        return NULL;
    case FROM_INTERFACE:
        for (uint32_t i = 0; i < s->interfaces_count; i++)
            if (s->interfaces[i].member == event->member && strcmp(s->interfaces[i].name, event->object) == 0)
                return &s->interfaces[i];
        return NULL;
    case FROM_GROUP:
        for (uint32_t i = 0; i < s->groups_count; i++)
            if (s->groups[i].index == (event->group > 0 ? event->group : 1))
                return &s->groups[i];
        return NULL;
    }
    return NULL;
}

static void add_item(const struct bw_snmp_plan *plan, const struct bw_snmp_view *view, const struct bw_event *event,
                     const struct item *item, struct bw_snmp_notification *out)
{
    struct bw_snmp_varbind *varbind = &out->varbinds[out->count];
    const void *row = row_of(view->snapshot, item->source, event);
    const struct bw_snmp_leaf *leaf = bw_snmp_leaf(plan, &bw_catalogue[object_kind(item->source)], item->key);

    if (row == NULL || leaf == NULL || out->count == BW_SNMP_VARBINDS_MAX)
        return;
    varbind->leaf = leaf;
    bw_snmp_hit_row(leaf, row, &varbind->hit);
    varbind->overridden = item->to && bw_enum_value(leaf->field->labels, event->to, &varbind->number) == 0;
    out->count++;
}

int bw_snmp_notification(const struct bw_snmp_plan *plan, const struct bw_snmp_view *view, const struct bw_event *event,
                         struct bw_snmp_notification *out)
{
    const struct kind *kind = kind_of(event->kind);

    if (kind == NULL)
        return -ENOENT;
    out->number = kind->number;
    out->count = 0;
    for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
        add_item(plan, view, event, &common[i], out);
    for (size_t i = 0; i < ITEMS_MAX && kind->items[i].key != NULL; i++)
        add_item(plan, view, event, &kind->items[i], out);
    return 0;
}
