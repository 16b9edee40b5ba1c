/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which event is which notification, and what it carries. Each carries the event itself (its
 * history row, and its number), whether it raises or clears something, and then the objects that it
 * is about. States are those that the event speaks of, not those of the moment at which the
 * notification leaves.
 */
#include "notify.h"

#include <errno.h>
#include <string.h>

#include "bellwether/event.h"

/* ---- bwNotify ---- */

#define L(value, text)                                                                                                 \
    {                                                                                                                  \
        value, text, text                                                                                              \
    }
const struct bw_enum bw_snmp_enum_status = {
    "BwNotifyStatusValue", (const struct bw_enum_label[]){L(BW_SNMP_RAISED, "raised"), L(BW_SNMP_CLEARED, "cleared"),
                                                          L(BW_SNMP_INFORMATION, "information"), L(0, NULL)}};

#define FIELD(key, type, member, labels, mib, column, help)                                                            \
    {                                                                                                                  \
        key, NULL, BW_TYPE_##type, offsetof(struct bw_snmp_notify_row, member),                                        \
            sizeof(((struct bw_snmp_notify_row *)0)->member), labels, mib, column, BW_ACCESS_NOTIFY, BW_METRIC_NONE,   \
            NULL, NULL, NULL, NULL, help                                                                               \
    }
static const struct bw_field notify_fields[] = {
    FIELD("event", U32, event, NULL, "bwNotifyEvent", 1, "Number of the event in the history"),
    FIELD("status", ENUM, status, &bw_snmp_enum_status, "bwNotifyStatus", 2, "Whether something begins or is over"),
};

const struct bw_object bw_snmp_notify_object = {
    .kind = BW_OBJECT_COUNT,
    .key = "notify",
    .title = "Notification",
    .mib_entry = "bwNotify",
    .arc = 16,
    .table = false,
    .row_size = sizeof(struct bw_snmp_notify_row),
    .fields = notify_fields,
    .fields_count = sizeof(notify_fields) / sizeof(notify_fields[0]),
};

static const struct bw_snmp_leaf notify_leaves[] = {
    {&bw_snmp_notify_object, &notify_fields[0], BW_SNMP_VALUE, 2, {16, 1}},
    {&bw_snmp_notify_object, &notify_fields[1], BW_SNMP_VALUE, 2, {16, 2}},
};

/* ---- which is which ---- */

/* An object of a notification: where its row is found. */
enum source {
    FROM_CLUSTER,
    FROM_EVENT,
    FROM_MEMBER,
    FROM_PNOTE,
    FROM_INTERFACE,
    FROM_GROUP,
    FROM_GROUP_MEMBER,
    FROM_RESOURCE,
    FROM_SYNC,
    FROM_ALERT,
    FROM_NOTIFY
};

struct item {
    enum source source;
    const char *key;
    bool to; /* an enumeration whose value is the event's `to` */
};

#define ITEMS_MAX 6
struct kind {
    uint32_t event;               /* enum bw_event_kind; 0: no event of its own */
    uint32_t number;              /* enum bw_snmp_notification_number */
    struct item items[ITEMS_MAX]; /* after the common ones */
};

/* In every notification, first. */
static const struct item common[] = {
    {FROM_CLUSTER, "name", false}, {FROM_NOTIFY, "event", false}, {FROM_NOTIFY, "status", false},
    {FROM_EVENT, "time", false},   {FROM_EVENT, "member", false}, {FROM_EVENT, "cause", false},
    {FROM_EVENT, "object", false}, {FROM_EVENT, "from", false},   {FROM_EVENT, "to", false},
    {FROM_EVENT, "reason", false},
};

/* What may be missing (a pnote that is gone, a group or member that none is named of) comes last. Nothing of 64 bits:
 * the master could not tell it to those that take SNMPv1 traps. */
static const struct kind kinds[] = {
    {BW_EVENT_STATE_CHANGE, BW_SNMP_MEMBER_STATE, {{FROM_MEMBER, "name", false}, {FROM_MEMBER, "state", true}}},
    {BW_EVENT_FAILOVER,
     BW_SNMP_FAILOVER,
     {{FROM_EVENT, "seconds", false}, {FROM_GROUP, "name", false}, {FROM_GROUP, "holder", false}}},
    {BW_EVENT_PNOTE, BW_SNMP_PNOTE, {{FROM_MEMBER, "name", false}, {FROM_PNOTE, "status", true}}},
    {BW_EVENT_INTERFACE, BW_SNMP_INTERFACE, {{FROM_MEMBER, "name", false}, {FROM_INTERFACE, "state", true}}},
    {BW_EVENT_SPLIT_BRAIN, BW_SNMP_SPLIT_BRAIN, {{FROM_GROUP, "name", false}, {FROM_GROUP, "holder", false}}},
    {BW_EVENT_MISMATCH, BW_SNMP_MISMATCH, {{FROM_CLUSTER, "config_mismatch", false}, {FROM_MEMBER, "name", false}}},
    {0,
     BW_SNMP_GROUP,
     {{FROM_GROUP, "name", false},
      {FROM_GROUP, "holder", false},
      {FROM_MEMBER, "name", false},
      {FROM_GROUP_MEMBER, "state", true}}},
    {0, BW_SNMP_ALL_PROBLEM, {{FROM_CLUSTER, "takeover_obstacle", false}}},
    {BW_EVENT_AUTH_FAILURE, BW_SNMP_AUTH_FAILURE, {{FROM_CLUSTER, "local_member", false}}},
    {BW_EVENT_SYNC,
     BW_SNMP_SYNC_TROUBLE,
     {{FROM_SYNC, "state", true}, {FROM_SYNC, "healthy", false}, {FROM_SYNC, "advice", false}}},
    {BW_EVENT_RESOURCE,
     BW_SNMP_RESOURCE,
     {{FROM_GROUP, "name", false}, {FROM_MEMBER, "name", false}, {FROM_RESOURCE, "state", true}}},
    {BW_EVENT_ALERT, BW_SNMP_ALERT_TROUBLE, {{FROM_ALERT, "queued", false}, {FROM_ALERT, "last_error", false}}},
};

static const struct kind *kind_of(uint32_t event)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (kinds[i].event == event && event != 0)
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
        [FROM_CLUSTER] = BW_OBJECT_CLUSTER,
        [FROM_EVENT] = BW_OBJECT_EVENT,
        [FROM_MEMBER] = BW_OBJECT_MEMBER,
        [FROM_PNOTE] = BW_OBJECT_PNOTE,
        [FROM_INTERFACE] = BW_OBJECT_INTERFACE,
        [FROM_GROUP] = BW_OBJECT_GROUP,
        [FROM_GROUP_MEMBER] = BW_OBJECT_GROUP_MEMBER,
        [FROM_RESOURCE] = BW_OBJECT_RESOURCE,
        [FROM_SYNC] = BW_OBJECT_SYNC,
        [FROM_ALERT] = BW_OBJECT_ALERT,
    };

    return of[source];
}

static const struct bw_snmp_leaf *leaf_of(const struct bw_snmp_plan *plan, const struct item *item)
{
    if (item->source != FROM_NOTIFY)
        return bw_snmp_leaf(plan, &bw_catalogue[object_kind(item->source)], item->key);
    for (size_t i = 0; i < sizeof(notify_leaves) / sizeof(notify_leaves[0]); i++)
        if (strcmp(notify_leaves[i].field->key, item->key) == 0)
            return &notify_leaves[i];
    return NULL;
}

static bool is_named(const struct bw_group_member_row *row, const struct bw_event *event)
{
    return row->group == event->group && row->member == event->member;
}

/* The row of that source that the event speaks of; NULL when it is not there (any more). */
static const void *row_of(const struct bw_snapshot *s, enum source source, const struct bw_snmp_told *told)
{
    const struct bw_event *event = &told->event;

    switch (source) {
    case FROM_CLUSTER:
        return &s->cluster;
    case FROM_EVENT:
        return event;
    case FROM_NOTIFY:
        return &told->notify;
    case FROM_MEMBER:
        return bw_member_row(s, event->member);
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
    case FROM_GROUP_MEMBER:
        for (uint32_t i = 0; i < s->group_members_count; i++)
            if (is_named(&s->group_members[i], event))
                return &s->group_members[i];
        return NULL;
    case FROM_SYNC:
        return &s->sync;
    case FROM_RESOURCE:
        for (uint32_t i = 0; i < s->resources_count; i++)
            if (s->resources[i].member == event->member && strcmp(s->resources[i].name, event->object) == 0)
                return &s->resources[i];
        return NULL;
    case FROM_ALERT:
        for (uint32_t i = 0; i < s->alerts_count; i++)
            if (strcmp(s->alerts[i].name, event->object) == 0)
                return &s->alerts[i];
        return NULL;
    }
    return NULL;
}

static void add_item(const struct bw_snmp_plan *plan, const struct bw_snmp_view *view, const struct bw_snmp_told *told,
                     const struct item *item, struct bw_snmp_notification *out)
{
    struct bw_snmp_varbind *varbind = &out->varbinds[out->count];
    const void *row = row_of(view->snapshot, item->source, told);
    const struct bw_snmp_leaf *leaf = leaf_of(plan, item);

    if (row == NULL || leaf == NULL || out->count == BW_SNMP_VARBINDS_MAX)
        return;
    varbind->leaf = leaf;
    bw_snmp_hit_row(leaf, row, &varbind->hit);
    varbind->overridden = item->to && bw_enum_value(leaf->field->labels, told->event.to, &varbind->number) == 0;
    out->count++;
}

void bw_snmp_notification(const struct bw_snmp_plan *plan, const struct bw_snmp_view *view,
                          const struct bw_snmp_told *told, struct bw_snmp_notification *out)
{
    out->number = told->number;
    out->count = 0;
    for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
        add_item(plan, view, told, &common[i], out);
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
        for (size_t i = 0; kinds[k].number == told->number && i < ITEMS_MAX && kinds[k].items[i].key != NULL; i++)
            add_item(plan, view, told, &kinds[k].items[i], out);
}

/* ---- raised or cleared ---- */

int bw_snmp_tell(const struct bw_event *event, struct bw_snmp_told *told)
{
    const struct kind *kind = kind_of(event->kind);

    if (kind == NULL)
        return -ENOENT;
    told->number = kind->number;
    told->event = *event;
    told->notify.event = (uint32_t)event->number;
    told->notify.status = bw_event_meaning(event)->status; /* the same numbers; others are cleared by watch.c */
    return 0;
}

/* ---- whose it is to tell ---- */

bool bw_snmp_is_own(const struct bw_snapshot *snapshot, const struct bw_snmp_told *told)
{
    /* Whoever raised it clears it: the first in view may be another by now. When that one is away, it does. */
    if (told->teller != 0 && bw_event_in_view(snapshot, told->teller))
        return told->teller == snapshot->cluster.local_member;
    return bw_event_is_own(snapshot, &told->event);
}

/* Of what is told without an event of its own: the kind that it belongs to. */
static uint32_t kind_of_told(const struct bw_snmp_told *told)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (kinds[i].number == told->number && kinds[i].event != 0)
            return kinds[i].event;
    return told->number == BW_SNMP_GROUP ? BW_EVENT_FAILOVER : BW_EVENT_STATE_CHANGE;
}

bool bw_snmp_is_chosen(const struct bw_alerts_config *alerts, const struct bw_snapshot *snapshot, const struct bw_snmp_told *told)
{
    uint32_t kind = kind_of_told(told), severity = BW_SEVERITY_CRITICAL;
    bool any = false;

    if (told->event.kind != 0) /* a clear goes where its raise went */
        severity = told->notify.status == BW_SNMP_CLEARED ? bw_event_raises(kind) : bw_event_meaning(&told->event)->severity;
    for (unsigned i = 0; i < alerts->targets_count; i++) {
        const struct bw_alert_target_config *t = &alerts->targets[i];

        if (t->kind != BW_ALERT_SNMP)
            continue;
        any = true;
        if ((t->events == 0 || (t->events >> kind & 1) != 0) && severity >= t->severity &&
            (t->from == BW_NOTIFY_ALL || bw_snmp_is_own(snapshot, told)))
            return true;
    }
    return !any;
}
