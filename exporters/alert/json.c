/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages as JSON: our own form for commands, Alertmanager's webhook form (version 4), and alerts to be pushed to an Alertmanager.
 * Labels are the identity, which is the same from raise to clear and from every member that tells; what changes is in annotations.
 */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "alert.h"
#include "bellwether/json.h"

#define INFORMATION_NS (300 * (int64_t)BW_SEC) /* what has no end of its own counts so long */
#define NEVER          "0001-01-01T00:00:00Z"

static void add_text(struct json_object *object, const char *key, const char *text)
{
    json_object_object_add(object, key, bw_json_text(text, strlen(text)));
}

/* Takes the object over. */
static char *finish(struct json_object *object)
{
    const char *text = object != NULL ? json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN | BW_JSON_FLAGS) : NULL;
    char *copy = text != NULL ? strdup(text) : NULL;

    json_object_put(object);
    return copy;
}

char *bw_alert_json(const struct bw_alert_origin *origin, const struct bw_alert_message *m)
{
    static const char *const numbers[] = {"cluster_id", "number", "stands_for", "first_number", "failovers", "dropped_before"};
    struct bw_alert_pair pairs[BW_ALERT_PAIRS_MAX];
    unsigned count = bw_alert_pairs(origin, m, pairs);
    struct json_object *object = json_object_new_object();
    char text[BW_TEXT_MAX * 3];

    if (object == NULL)
        return NULL;
    bw_alert_subject(origin, m, text, sizeof(text));
    add_text(object, "subject", text);
    for (unsigned i = 0; i < count; i++) {
        bool number = false;

        for (size_t k = 0; k < sizeof(numbers) / sizeof(numbers[0]); k++)
            number = number || strcmp(pairs[i].key, numbers[k]) == 0;
        if (number)
            json_object_object_add(object, pairs[i].key, json_object_new_uint64(strtoull(pairs[i].value, NULL, 10)));
        else if (strcmp(pairs[i].key, "seconds") == 0)
            json_object_object_add(object, pairs[i].key, json_object_new_double_s(strtod(pairs[i].value, NULL), pairs[i].value));
        else
            add_text(object, pairs[i].key, pairs[i].value);
    }
    json_object_object_add(object, "test", json_object_new_boolean(m->type == BW_ALERT_TEST));
    if (m->lines != NULL)
        add_text(object, "events", m->lines);
    return finish(object);
}

/* ---- labels and annotations ---- */

static const char *object_label(uint32_t kind)
{
    switch (kind) {
    case BW_EVENT_PNOTE:
        return "pnote";
    case BW_EVENT_INTERFACE:
        return "interface";
    case BW_EVENT_RESOURCE:
        return "resource";
    case BW_EVENT_ALERT:
        return "target";
    case BW_EVENT_ADDRESS:
        return "address";
    case BW_EVENT_STATE_CHANGE:
    case BW_EVENT_AUTH_FAILURE:
    case BW_EVENT_MISMATCH:
        return NULL;
    default:
        return "object";
    }
}

/* before: of the condition as it was until now. */
static struct json_object *labels_of(const struct bw_alert_origin *origin, const struct bw_alert_message *m, bool before)
{
    struct json_object *labels = json_object_new_object();
    const struct bw_event *e = &m->event;
    struct bw_alert_message as = *m;
    bool cluster_wide = e->kind == BW_EVENT_SPLIT_BRAIN || e->kind == BW_EVENT_MISMATCH;
    uint32_t severity;

    if (before) {
        as.status = BW_EVENT_RAISED;
        bw_copy(as.event.to, sizeof(as.event.to), m->before);
    }
    /* The severity is that of the raise: a label that changed would be another alert. */
    severity = m->severity;
    if (before || m->status == BW_EVENT_CLEARED) {
        bw_copy(as.event.to, sizeof(as.event.to), m->before);
        severity = e->kind == BW_EVENT_FAILOVER ? BW_SEVERITY_CRITICAL : bw_event_meaning(&as.event)->severity;
    }
    add_text(labels, "alertname", bw_alert_name(before ? &as : m));
    add_text(labels, "cluster", origin->cluster);
    add_text(labels, "severity", bw_enum_text(&bw_enum_severity, severity));
    if (m->member[0] != '\0' && !cluster_wide && !(e->kind == BW_EVENT_FAILOVER && m->status != BW_EVENT_INFORMATION))
        add_text(labels, "member", m->member);
    if (e->kind == BW_EVENT_AUTH_FAILURE || m->type == BW_ALERT_TEST)
        add_text(labels, "member", m->teller);
    if (m->group[0] != '\0')
        add_text(labels, "group", m->group);
    if (e->object[0] != '\0' && object_label(e->kind) != NULL && !cluster_wide)
        add_text(labels, object_label(e->kind), e->object);
    if (e->kind == BW_EVENT_FAILOVER && m->status == BW_EVENT_INFORMATION)
        add_text(labels, "cause", bw_enum_text(&bw_enum_cause, e->cause));
    return labels;
}

static struct json_object *annotations_of(const struct bw_alert_origin *origin, const struct bw_alert_message *m)
{
    static const char *const wanted[] = {"id", "from", "to", "cause", "reason", "time", "number", "since", "clears",
                                         "stands_for", "first_number", "first_time", "seconds", "failovers", "dropped_before",
                                         "teller", "status", "kind", "address"};
    struct bw_alert_pair pairs[BW_ALERT_PAIRS_MAX];
    unsigned count = bw_alert_pairs(origin, m, pairs);
    struct json_object *annotations = json_object_new_object();
    char text[BW_TEXT_MAX * 3];

    bw_alert_summary(origin, m, text, sizeof(text));
    add_text(annotations, "summary", text);
    for (unsigned i = 0; i < count; i++)
        for (size_t k = 0; k < sizeof(wanted) / sizeof(wanted[0]); k++)
            if (strcmp(pairs[i].key, wanted[k]) == 0)
                add_text(annotations, wanted[k], pairs[i].value);
    if (m->lines != NULL)
        add_text(annotations, "events", m->lines);
    return annotations;
}

static void add_time(struct json_object *object, const char *key, int64_t wall)
{
    char text[BW_WALL_TEXT_MAX];

    add_text(object, key, bw_wall_to_text(wall, text));
}

static int64_t begin_of(const struct bw_alert_message *m)
{
    if (m->type == BW_ALERT_TEST || m->status == BW_EVENT_INFORMATION)
        return m->event.time_wall;
    return m->raise_wall != 0 ? m->raise_wall : m->event.time_wall;
}

/* ---- webhook ---- */

static struct json_object *webhook_alert(const struct bw_alert_origin *origin, const struct bw_alert_message *m)
{
    struct json_object *alert = json_object_new_object();
    char id[BW_ALERT_ID_MAX];
    bool over = m->status == BW_EVENT_CLEARED;

    add_text(alert, "status", over ? "resolved" : "firing");
    json_object_object_add(alert, "labels", labels_of(origin, m, false));
    json_object_object_add(alert, "annotations", annotations_of(origin, m));
    add_time(alert, "startsAt", begin_of(m));
    if (over)
        add_time(alert, "endsAt", m->event.time_wall);
    else if (m->status == BW_EVENT_INFORMATION)
        add_time(alert, "endsAt", m->event.time_wall + INFORMATION_NS);
    else
        add_text(alert, "endsAt", NEVER);
    add_text(alert, "generatorURL", origin->link != NULL ? origin->link : "");
    add_text(alert, "fingerprint", bw_alert_id(origin, m, id));
    return alert;
}

char *bw_alert_webhook_json(const struct bw_alert_origin *origin, const struct bw_alert_message *m, const char *receiver)
{
    struct json_object *body = json_object_new_object(), *alerts = json_object_new_array(), *group = json_object_new_object();
    char key[BW_TEXT_MAX];

    if (body == NULL || alerts == NULL || group == NULL)
        return NULL;
    bw_format(key, sizeof(key), "{}:{alertname=\"%s\"}", bw_alert_name(m));
    add_text(body, "version", "4");
    add_text(body, "groupKey", key);
    json_object_object_add(body, "truncatedAlerts", json_object_new_int(0));
    add_text(body, "status", m->status == BW_EVENT_CLEARED ? "resolved" : "firing");
    add_text(body, "receiver", receiver);
    add_text(group, "alertname", bw_alert_name(m));
    json_object_object_add(body, "groupLabels", group);
    json_object_object_add(body, "commonLabels", labels_of(origin, m, false));
    json_object_object_add(body, "commonAnnotations", annotations_of(origin, m));
    add_text(body, "externalURL", origin->link != NULL ? origin->link : "");
    json_object_array_add(alerts, webhook_alert(origin, m));
    json_object_object_add(body, "alerts", alerts);
    return finish(body);
}

/* ---- Alertmanager ---- */

static struct json_object *pushed(const struct bw_alert_origin *origin, const struct bw_alert_message *m, bool before,
                                  int64_t now_wall, uint64_t repeat_ns)
{
    struct json_object *alert = json_object_new_object();

    json_object_object_add(alert, "labels", labels_of(origin, m, before));
    json_object_object_add(alert, "annotations", annotations_of(origin, m));
    add_time(alert, "startsAt", begin_of(m));
    if (before || m->status == BW_EVENT_CLEARED)
        add_time(alert, "endsAt", m->event.time_wall < now_wall ? m->event.time_wall : now_wall);
    else if (m->status == BW_EVENT_INFORMATION)
        add_time(alert, "endsAt", (m->event.time_wall > now_wall ? m->event.time_wall : now_wall) + INFORMATION_NS);
    else
        add_time(alert, "endsAt", now_wall + (int64_t)(4 * repeat_ns));
    if (origin->link != NULL && origin->link[0] != '\0')
        add_text(alert, "generatorURL", origin->link);
    return alert;
}

/* A raise that takes the place of another one with other labels ends that. */
static bool replaces(const struct bw_alert_message *m)
{
    struct bw_event before = m->event;
    const struct bw_event_meaning *was, *is = bw_event_meaning(&m->event);

    if (m->status != BW_EVENT_RAISED || m->before[0] == '\0' || m->event.kind == BW_EVENT_FAILOVER)
        return false;
    bw_copy(before.to, sizeof(before.to), m->before);
    was = bw_event_meaning(&before);
    return was->status == BW_EVENT_RAISED && (was->severity != is->severity || strcmp(was->alert, is->alert) != 0);
}

char *bw_alert_push_json(const struct bw_alert_origin *origin, const struct bw_alert_message *messages, unsigned count,
                         int64_t now_wall, uint64_t repeat_ns)
{
    struct json_object *alerts = json_object_new_array();

    for (unsigned i = 0; alerts != NULL && i < count; i++) {
        if (replaces(&messages[i]))
            json_object_array_add(alerts, pushed(origin, &messages[i], true, now_wall, repeat_ns));
        json_object_array_add(alerts, pushed(origin, &messages[i], false, now_wall, repeat_ns));
    }
    return finish(alerts);
}
