/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A message as syslog has it: a line of RFC 5424, with its octets counted (RFC 6587, RFC 5425) where it goes over a connection; and as
 * the journal's own protocol has it. Pure but for the names of host and process.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alert.h"

#define COUNT_ROOM 16 /* for the number of octets in front */

struct text {
    char *bytes;
    size_t length, cap;
};

static void put(struct text *t, const char *bytes, size_t length)
{
    if (length > t->cap - t->length)
        length = t->cap - t->length;
    memcpy(t->bytes + t->length, bytes, length);
    t->length += length;
}

static void put_text(struct text *t, const char *text)
{
    put(t, text, strlen(text));
}

/* A header field: printable ASCII without blanks, or "-". */
static void put_field(struct text *t, const char *value, size_t most)
{
    size_t length = strnlen(value, most);

    put_text(t, length == 0 ? "-" : "");
    for (size_t i = 0; i < length; i++)
        put(t, value[i] > ' ' && value[i] <= '~' ? &value[i] : "_", 1);
    put_text(t, " ");
}

static void put_structured(struct text *t, const struct bw_target *target, const struct bw_alert_message *m)
{
    struct bw_alert_pair pairs[BW_ALERT_PAIRS_MAX];
    unsigned count = bw_alert_pairs(&target->all->origin, m, pairs);
    char number[16];

    if (target->config.enterprise == 0) {
        put_text(t, "-");
        return;
    }
    bw_format(number, sizeof(number), "%u", target->config.enterprise);
    put_text(t, "[bellwether@");
    put_text(t, number);
    for (unsigned i = 0; i < count; i++) {
        put_text(t, " ");
        put_text(t, pairs[i].key);
        put_text(t, "=\"");
        for (const char *c = pairs[i].value; *c != '\0'; c++) {
            if (*c == '"' || *c == '\\' || *c == ']')
                put_text(t, "\\");
            put(t, c, 1);
        }
        put_text(t, "\"");
    }
    put_text(t, "]");
}

static unsigned priority_of(const struct bw_target *target, const struct bw_alert_message *m)
{
    static const unsigned levels[] = {6, 6, 5, 4, 2}; /* informational, notice, warning, critical */

    return (target->config.facility - 1) * 8 + levels[m->severity <= BW_SEVERITY_CRITICAL ? m->severity : 0];
}

static void syslog_line(struct text *t, const struct bw_target *target, const struct bw_alert_message *m)
{
    char front[32], time[BW_WALL_TEXT_MAX], line[BW_TEXT_MAX * 4], host[64] = "", id[24];

    gethostname(host, sizeof(host) - 1);
    bw_format(front, sizeof(front), "<%u>1 ", priority_of(target, m));
    put_text(t, front);
    put_field(t, bw_wall_to_text(m->event.time_wall, time), 40);
    put_field(t, host, 64);
    put_text(t, "bellwetherd ");
    bw_format(id, sizeof(id), "%u", (unsigned)getpid());
    put_field(t, id, 24);
    put_field(t, m->type == BW_ALERT_TEST ? "test" : bw_enum_text(&bw_enum_event_kind, m->event.kind), 32);
    put_structured(t, target, m);
    put_text(t, " ");
    bw_alert_subject(&target->all->origin, m, line, sizeof(line));
    put_text(t, line);
    if (target->config.enterprise == 0) { /* the one line then names all that the data would */
        bw_format(line, sizeof(line), " (#%lu, cluster %s%s%s, %s)", (unsigned long)m->event.number,
                  target->all->origin.cluster, m->member[0] != '\0' ? ", member " : "", m->member,
                  bw_alert_id(&target->all->origin, m, host));
        put_text(t, line);
    }
}

/* A field of the journal: by name and value where the value is one line, else with its length. */
static void put_entry(struct text *t, const char *key, const char *value)
{
    uint8_t length[8];
    size_t n = strlen(value);

    put_text(t, key);
    if (strchr(value, '\n') == NULL) {
        put_text(t, "=");
    } else {
        put_text(t, "\n");
        for (unsigned i = 0; i < sizeof(length); i++)
            length[i] = (uint8_t)((uint64_t)n >> 8 * i);
        put(t, (const char *)length, sizeof(length));
    }
    put(t, value, n);
    put_text(t, "\n");
}

static void journal_entry(struct text *t, const struct bw_target *target, const struct bw_alert_message *m)
{
    struct bw_alert_pair pairs[BW_ALERT_PAIRS_MAX];
    unsigned count = bw_alert_pairs(&target->all->origin, m, pairs);
    char line[BW_TEXT_MAX * 4], key[48];

    bw_alert_subject(&target->all->origin, m, line, sizeof(line));
    put_entry(t, "MESSAGE", line);
    bw_format(line, sizeof(line), "%u", priority_of(target, m) & 7);
    put_entry(t, "PRIORITY", line);
    put_entry(t, "SYSLOG_IDENTIFIER", "bellwetherd");
    for (unsigned i = 0; i < count; i++) {
        bw_format(key, sizeof(key), "BELLWETHER_%s", pairs[i].key);
        for (char *c = key; *c != '\0'; c++)
            *c = *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
        put_entry(t, key, pairs[i].value);
    }
    if (m->lines != NULL)
        put_entry(t, "BELLWETHER_EVENTS", m->lines);
}

char *bw_alert_syslog_text(const struct bw_target *target, const struct bw_alert_message *m, size_t *length)
{
    struct text t = {.bytes = malloc(2 * BW_ALERT_BODY_MAX), .cap = 2 * BW_ALERT_BODY_MAX - 1};
    size_t count_at = COUNT_ROOM;
    char count[COUNT_ROOM];

    if (t.bytes == NULL)
        return NULL;
    if (target->config.kind == BW_ALERT_JOURNAL) {
        journal_entry(&t, target, m);
    } else if (target->config.protocol != BW_ALERT_TCP && target->config.protocol != BW_ALERT_TLS) {
        syslog_line(&t, target, m);
    } else {
        t.length = count_at;
        syslog_line(&t, target, m);
        count_at -= bw_format(count, sizeof(count), "%lu ", (unsigned long)(t.length - COUNT_ROOM));
        memcpy(t.bytes + count_at, count, strlen(count));
        t.length -= count_at;
        memmove(t.bytes, t.bytes + count_at, t.length);
    }
    *length = t.length;
    return t.bytes;
}
