/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a message reads: its one line, its body, its identity, and its parts by name. Pure. The one line says where, what and why; what
 * happened to a group reads as people with a firewall pair know it.
 */
#include <stdio.h>
#include <string.h>

#include "alert.h"

/* ---- identity ---- */

/* What tells events of one moment apart, and is the same for a raise and its clear. */
static uint32_t object_hash(const struct bw_event *event)
{
    bool whole = event->kind != BW_EVENT_SPLIT_BRAIN && event->kind != BW_EVENT_MISMATCH && event->kind != BW_EVENT_AUTH_FAILURE;
    const uint32_t numbers[] = {event->kind, event->group, whole && event->kind != BW_EVENT_FAILOVER ? event->member : 0};
    uint64_t hash = bw_hash(BW_HASH_START, numbers, sizeof(numbers));

    if (whole && event->kind != BW_EVENT_STATE_CHANGE)
        hash = bw_hash(hash, event->object, strlen(event->object));
    return (uint32_t)(hash ^ hash >> 32);
}

static char *make_id(const struct bw_alert_origin *origin, const struct bw_alert_message *m, uint64_t number, int64_t wall,
                     char *id)
{
    bw_format(id, BW_ALERT_ID_MAX, "bw-%u-%s-%lu-%lx-%x", origin->cluster_id, m->teller, (unsigned long)number,
              (unsigned long)wall, object_hash(&m->event));
    return id;
}

char *bw_alert_id(const struct bw_alert_origin *origin, const struct bw_alert_message *m, char *id)
{
    size_t length;

    if (m->type != BW_ALERT_DIGEST)
        return make_id(origin, m, m->event.number, m->event.time_wall, id);
    make_id(origin, m, m->first_number, m->first_wall, id);
    length = strlen(id);
    bw_format(id + length, BW_ALERT_ID_MAX - length, "-%lu-x%u", (unsigned long)m->event.number, m->stands_for);
    return id;
}

char *bw_alert_raise_id(const struct bw_alert_origin *origin, const struct bw_alert_message *m, char *id)
{
    return make_id(origin, m, m->raise_number, m->raise_wall, id);
}

const char *bw_alert_name(const struct bw_alert_message *m)
{
    struct bw_event event = m->event;

    if (m->type == BW_ALERT_TEST)
        return "BellwetherTest";
    if (event.kind == BW_EVENT_FAILOVER && m->status == BW_EVENT_RAISED)
        return "BellwetherGroupNotHeld";
    if (event.kind == BW_EVENT_FAILOVER && m->status == BW_EVENT_CLEARED)
        return "BellwetherGroupNotHeld";
    if (m->status == BW_EVENT_CLEARED) { /* that of its raise, whatever it ended with */
        bw_copy(event.to, sizeof(event.to), m->before);
        if (bw_event_meaning(&event)->status == BW_EVENT_RAISED)
            return bw_event_meaning(&event)->alert;
    }
    if (m->status == BW_EVENT_INFORMATION && bw_event_meaning(&event)->status == BW_EVENT_CLEARED)
        event.to[0] = '\0'; /* well as before: that is not the name of a trouble */
    return bw_event_meaning(&event)->alert;
}

/* ---- the one line ---- */

static const char *scope(const struct bw_alert_origin *origin, const struct bw_alert_message *m)
{
    return m->event.kind == BW_EVENT_FAILOVER && m->group[0] != '\0' ? m->group : origin->cluster;
}

static const char *word(const struct bw_alert_message *m)
{
    static const char *const words[] = {"INFO", "INFO", "NOTICE", "WARNING", "CRITICAL"};

    if (m->type == BW_ALERT_TEST)
        return "TEST";
    if (m->event.kind == BW_EVENT_FAILOVER)
        return m->status == BW_EVENT_RAISED ? "WARNING" : "NOTICE";
    if (m->status == BW_EVENT_CLEARED)
        return "CLEARED";
    return words[m->severity <= BW_SEVERITY_CRITICAL ? m->severity : 0];
}

/* What happened, without why: the first row that fits. $m the member, $o the object, $t to, $g the group, $w who tells; a part in braces
 * is left out when one of them in it is empty. */
static const struct {
    uint32_t kind, status; /* 0 = any */
    const char *to;        /* NULL = any */
    const char *form;
} forms[] = {
    {BW_EVENT_START, 0, NULL, "bellwetherd on $m is $t"},
    {BW_EVENT_STATE_CHANGE, 0, NULL, "$m is $t"},
    {BW_EVENT_FAILOVER, BW_EVENT_RAISED, NULL, "is downed"},
    {BW_EVENT_FAILOVER, 0, "stopped", "is stopped"},
    {BW_EVENT_FAILOVER, 0, NULL, "changes to the active firewall"},
    {BW_EVENT_PNOTE, 0, NULL, "pnote $o{ on $m}: $t"},
    {BW_EVENT_INTERFACE, 0, NULL, "interface $o{ of $m} is $t"},
    {BW_EVENT_ADMIN, 0, NULL, "{$o }{on $m }set to $t"},
    {BW_EVENT_SPLIT_BRAIN, BW_EVENT_CLEARED, NULL, "the split brain is over"},
    {BW_EVENT_SPLIT_BRAIN, 0, NULL, "split brain: two members held $g"},
    {BW_EVENT_MISMATCH, BW_EVENT_CLEARED, NULL, "the members agree again"},
    {BW_EVENT_MISMATCH, 0, NULL, "the members differ"},
    {BW_EVENT_ADDRESS, 0, NULL, "virtual address $o"},
    {BW_EVENT_AUTH_FAILURE, BW_EVENT_CLEARED, NULL, "frames are not refused any more on $w"},
    {BW_EVENT_AUTH_FAILURE, 0, NULL, "frames are refused on $w"},
    {BW_EVENT_PAUSE, 0, NULL, "$m had been stopped or starved"},
    {BW_EVENT_CANCELLED, 0, NULL, "a change on $m is cancelled"},
    {BW_EVENT_RELOAD, 0, NULL, "$m has a changed configuration"},
    {BW_EVENT_SYNC, 0, NULL, "state synchronisation of $m: $t"},
    {BW_EVENT_RESOURCE, 0, NULL, "resource $o{ on $m}: $t"},
    {BW_EVENT_ALERT, 0, "failing", "alerts{ of $m} do not reach the target $o"},
    {BW_EVENT_ALERT, 0, NULL, "alerts{ of $m} reach the target $o again"},
};

static const char *value_of(const struct bw_alert_message *m, char letter)
{
    switch (letter) {
    case 'm':
        return m->member;
    case 'o':
        return m->event.object;
    case 't':
        return m->event.to;
    case 'g':
        return m->group;
    default:
        return m->teller;
    }
}

/* Is a part in braces, which begins here, without an empty value? */
static bool is_whole(const struct bw_alert_message *m, const char *form)
{
    for (; *form != '\0' && *form != '}'; form++)
        if (*form == '$' && value_of(m, form[1])[0] == '\0')
            return false;
    return true;
}

static void expand(const struct bw_alert_message *m, const char *form, char *text, size_t cap)
{
    size_t length = 0;

    text[0] = '\0';
    for (; *form != '\0'; form++) {
        if (*form == '{' && !is_whole(m, form + 1))
            form = strchr(form, '}');
        else if (*form == '$')
            length += bw_format(text + length, cap - length, "%s", value_of(m, *++form));
        else if (*form != '{' && *form != '}')
            length += bw_format(text + length, cap - length, "%c", *form);
    }
}

static void what(const struct bw_alert_message *m, char *text, size_t cap)
{
    const struct bw_event *e = &m->event;

    if (m->type == BW_ALERT_TEST) {
        bw_format(text, cap, "a test message, asked for on %s", m->teller);
        return;
    }
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
        if (forms[i].kind == e->kind && (forms[i].status == 0 || forms[i].status == m->status) &&
            (forms[i].to == NULL || strcmp(forms[i].to, e->to) == 0)) {
            expand(m, forms[i].form, text, cap);
            return;
        }
    bw_format(text, cap, "%s %s", bw_enum_text(&bw_enum_event_kind, e->kind), e->to);
}

size_t bw_alert_summary(const struct bw_alert_origin *origin, const struct bw_alert_message *m, char *text, size_t cap)
{
    char happened[BW_TEXT_MAX];
    size_t length;

    what(m, happened, sizeof(happened));
    length = bw_format(text, cap, "[%s] ", scope(origin, m));
    if (m->type == BW_ALERT_DIGEST) {
        char begin[BW_WALL_TEXT_MAX], end[BW_WALL_TEXT_MAX];

        bw_wall_to_text(m->first_wall, begin);
        bw_wall_to_text(m->event.time_wall, end);
        length += bw_format(text + length, cap - length, "%u events from %s to %s, the last: ", m->stands_for, begin, end);
    }
    length += bw_format(text + length, cap - length, "%s%s%s", happened, m->event.reason[0] != '\0' ? ": " : "", m->event.reason);
    return length;
}

size_t bw_alert_subject(const struct bw_alert_origin *origin, const struct bw_alert_message *m, char *text, size_t cap)
{
    size_t length = bw_format(text, cap, "%s: ", word(m));

    return length + bw_alert_summary(origin, m, text + length, cap - length);
}

size_t bw_alert_line(const struct bw_alert_message *m, char *text, size_t cap)
{
    char happened[BW_TEXT_MAX], time[BW_WALL_TEXT_MAX];
    size_t length;

    what(m, happened, sizeof(happened));
    bw_wall_to_text(m->event.time_wall, time);
    length = bw_format(text, cap - 1, "%s #%lu %s%s%s%s%s", time, (unsigned long)m->event.number,
                       m->event.kind == BW_EVENT_FAILOVER ? m->group : "", m->event.kind == BW_EVENT_FAILOVER ? " " : "", happened,
                       m->event.reason[0] != '\0' ? ": " : "", m->event.reason);
    text[length++] = '\n';
    text[length] = '\0';
    return length;
}

/* ---- the parts ---- */

struct pairs {
    struct bw_alert_pair *pairs;
    unsigned count;
};

static void add(struct pairs *p, const char *key, const char *value)
{
    if (value[0] == '\0' || p->count == BW_ALERT_PAIRS_MAX)
        return;
    p->pairs[p->count].key = key;
    bw_copy(p->pairs[p->count].value, sizeof(p->pairs[0].value), value);
    p->count++;
}

static void add_number(struct pairs *p, const char *key, uint64_t value)
{
    char text[24];

    bw_format(text, sizeof(text), "%lu", (unsigned long)value);
    add(p, key, text);
}

unsigned bw_alert_pairs(const struct bw_alert_origin *origin, const struct bw_alert_message *m,
                        struct bw_alert_pair pairs[BW_ALERT_PAIRS_MAX])
{
    static const char *const statuses[] = {"", "raised", "cleared", "information"};
    const struct bw_event *e = &m->event;
    struct pairs p = {.pairs = pairs};
    char text[BW_ALERT_ID_MAX], time[BW_WALL_TEXT_MAX];

    add(&p, "id", bw_alert_id(origin, m, text));
    add(&p, "alert", bw_alert_name(m));
    add(&p, "cluster", origin->cluster);
    add_number(&p, "cluster_id", origin->cluster_id);
    add(&p, "member", m->member);
    add(&p, "address", m->address);
    add(&p, "group", m->group);
    add(&p, "kind", m->type == BW_ALERT_TEST ? "test" : bw_enum_text(&bw_enum_event_kind, e->kind));
    add(&p, "object", e->object);
    add(&p, "from", e->from);
    add(&p, "to", e->to);
    add(&p, "cause", e->cause > BW_CAUSE_NONE ? bw_enum_text(&bw_enum_cause, e->cause) : "");
    add(&p, "reason", e->reason);
    add(&p, "severity", bw_enum_text(&bw_enum_severity, m->severity));
    add(&p, "status", statuses[m->status <= BW_EVENT_INFORMATION ? m->status : 0]);
    add(&p, "time", bw_wall_to_text(e->time_wall, time));
    add_number(&p, "number", e->number);
    if (m->status == BW_EVENT_CLEARED) {
        add(&p, "since", bw_wall_to_text(m->raise_wall, time));
        add(&p, "clears", bw_alert_raise_id(origin, m, text));
    }
    if (m->type == BW_ALERT_DIGEST) {
        add_number(&p, "stands_for", m->stands_for);
        add(&p, "first_time", bw_wall_to_text(m->first_wall, time));
        add_number(&p, "first_number", m->first_number);
    }
    if (e->took_ns > 0) {
        bw_format(text, sizeof(text), "%lu.%lu%lu%lu", (unsigned long)(e->took_ns / BW_SEC),
                  (unsigned long)(e->took_ns / 100000000 % 10), (unsigned long)(e->took_ns / 10000000 % 10),
                  (unsigned long)(e->took_ns / 1000000 % 10));
        add(&p, "seconds", text);
    }
    add_number(&p, "failovers", m->failovers);
    if (m->lost > 0)
        add_number(&p, "dropped_before", m->lost);
    add(&p, "teller", m->teller);
    if (origin->link != NULL)
        add(&p, "link", origin->link);
    return p.count;
}

size_t bw_alert_body(const struct bw_alert_origin *origin, const struct bw_alert_message *m, char *text, size_t cap)
{
    struct bw_alert_pair pairs[BW_ALERT_PAIRS_MAX];
    unsigned count = bw_alert_pairs(origin, m, pairs);
    size_t length = bw_alert_subject(origin, m, text, cap);

    length += bw_format(text + length, cap - length, "\n\n");
    if (m->type == BW_ALERT_TEST)
        length += bw_format(text + length, cap - length, "This is a test of this way to tell you. Nothing has happened.\n\n");
    for (unsigned i = 0; i < count; i++) {
        char key[24];

        bw_copy(key, sizeof(key), pairs[i].key);
        for (char *c = key; *c != '\0'; c++)
            *c = *c == '_' ? ' ' : *c;
        length += bw_format(text + length, cap - length, "%s:", key);
        for (size_t n = strlen(key) + 1; n < 16 && length + 1 < cap; n++)
            text[length++] = ' ';
        text[length] = '\0';
        length += bw_format(text + length, cap - length, "%s\n", pairs[i].value);
    }
    if (m->lines != NULL)
        length += bw_format(text + length, cap - length, "\nOldest first%s:\n%s",
                            m->stands_for > 1 ? ", as far as there is room" : "", m->lines);
    return length;
}
