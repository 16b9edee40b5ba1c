/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records of the queues on disk:
 *
 *   "BWa\n"  kind (1)  version (1)  length of the payload (2)  payload  checksum of kind to payload (8)    numbers little-endian
 *
 * A reader that meets bytes which are no record goes on at the next one that is. Pure.
 */
#include <stdlib.h>
#include <string.h>

#include "alert.h"

#define VERSION  1
#define FRONT    8
#define OVERHEAD 16

static const uint8_t marker[4] = {'B', 'W', 'a', '\n'};

struct bytes {
    uint8_t *to;
    const uint8_t *from;
    size_t at, length;
    bool bad;
};

static void put_number(struct bytes *b, uint64_t value, size_t width)
{
    for (size_t i = 0; i < width && b->at < b->length; i++)
        b->to[b->at++] = (uint8_t)(value >> 8 * i);
}

static void put_text(struct bytes *b, const char *text)
{
    size_t length = text != NULL ? strlen(text) : 0;

    if (b->at + 2 + length > b->length)
        length = 0;
    put_number(b, length, 2);
    if (length > 0)
        memcpy(b->to + b->at, text, length);
    b->at += length;
}

static uint64_t get_number(struct bytes *b, size_t width)
{
    uint64_t value = 0;

    if (b->length - b->at < width) {
        b->bad = true;
        return 0;
    }
    for (size_t i = 0; i < width; i++)
        value |= (uint64_t)b->from[b->at++] << 8 * i;
    return value;
}

static void get_text(struct bytes *b, char *text, size_t cap)
{
    size_t length = (size_t)get_number(b, 2);

    text[0] = '\0';
    if (b->bad || b->length - b->at < length || length >= cap || memchr(b->from + b->at, '\0', length) != NULL) {
        b->bad = true;
        return;
    }
    memcpy(text, b->from + b->at, length);
    text[length] = '\0';
    b->at += length;
    bw_clean(text, cap);
}

/* Lines keep their newlines. */
static void get_lines(struct bytes *b, char **lines)
{
    size_t length = (size_t)get_number(b, 2);

    *lines = NULL;
    if (b->bad || b->length - b->at < length || length >= BW_ALERT_LINES_MAX) {
        b->bad = true;
        return;
    }
    if (length > 0)
        *lines = strndup((const char *)b->from + b->at, length);
    b->at += length;
    for (char *line = *lines, *end; line != NULL; line = end) {
        end = strchr(line, '\n');
        if (end != NULL)
            *end = '\0';
        bw_clean(line, strlen(line) + 1);
        if (end != NULL)
            *end++ = '\n';
    }
}

static void put_event(struct bytes *b, const struct bw_event *event)
{
    put_number(b, event->number, 8);
    put_number(b, (uint64_t)event->time_wall, 8);
    put_number(b, event->kind, 4);
    put_number(b, event->member, 4);
    put_number(b, event->group, 4);
    put_number(b, event->cause, 4);
    put_number(b, event->took_ns, 8);
    put_text(b, event->object);
    put_text(b, event->from);
    put_text(b, event->to);
    put_text(b, event->reason);
}

static void get_event(struct bytes *b, struct bw_event *event)
{
    event->number = get_number(b, 8);
    event->time_wall = (int64_t)get_number(b, 8);
    event->kind = (uint32_t)get_number(b, 4);
    event->member = (uint32_t)get_number(b, 4);
    event->group = (uint32_t)get_number(b, 4);
    event->cause = (uint32_t)get_number(b, 4);
    event->took_ns = get_number(b, 8);
    get_text(b, event->object, sizeof(event->object));
    get_text(b, event->from, sizeof(event->from));
    get_text(b, event->to, sizeof(event->to));
    get_text(b, event->reason, sizeof(event->reason));
}

static void put_message(struct bytes *b, const struct bw_alert_message *m)
{
    put_number(b, m->sequence, 8);
    put_number(b, m->type, 1);
    put_number(b, m->status, 1);
    put_number(b, m->severity, 1);
    put_number(b, m->stands_for, 4);
    put_number(b, m->first_number, 8);
    put_number(b, (uint64_t)m->first_wall, 8);
    put_number(b, m->raise_number, 8);
    put_number(b, (uint64_t)m->raise_wall, 8);
    put_number(b, m->failovers, 8);
    put_text(b, m->member);
    put_text(b, m->teller);
    put_text(b, m->group);
    put_text(b, m->address);
    put_text(b, m->before);
    put_event(b, &m->event);
    put_text(b, m->lines);
}

static void get_message(struct bytes *b, struct bw_alert_message *m)
{
    m->sequence = get_number(b, 8);
    m->type = (uint32_t)get_number(b, 1);
    m->status = (uint32_t)get_number(b, 1);
    m->severity = (uint32_t)get_number(b, 1);
    m->stands_for = (uint32_t)get_number(b, 4);
    m->first_number = get_number(b, 8);
    m->first_wall = (int64_t)get_number(b, 8);
    m->raise_number = get_number(b, 8);
    m->raise_wall = (int64_t)get_number(b, 8);
    m->failovers = get_number(b, 8);
    get_text(b, m->member, sizeof(m->member));
    get_text(b, m->teller, sizeof(m->teller));
    get_text(b, m->group, sizeof(m->group));
    get_text(b, m->address, sizeof(m->address));
    get_text(b, m->before, sizeof(m->before));
    get_event(b, &m->event);
    get_lines(b, &m->lines);
    b->bad = b->bad || m->type < BW_ALERT_EVENT || m->type > BW_ALERT_TEST || m->status < BW_EVENT_RAISED ||
             m->status > BW_EVENT_INFORMATION || m->severity < BW_SEVERITY_INFO || m->severity > BW_SEVERITY_CRITICAL;
}

size_t bw_alert_record_put(uint8_t *buf, const struct bw_alert_record *record)
{
    struct bytes b = {.to = buf, .at = FRONT, .length = FRONT + BW_ALERT_PAYLOAD_MAX};
    size_t payload;

    switch (record->kind) {
    case BW_ALERT_RECORD_HEADER:
        put_number(&b, record->cluster, 4);
        put_number(&b, record->member, 4);
        put_text(&b, record->name);
        break;
    case BW_ALERT_RECORD_MESSAGE:
    case BW_ALERT_RECORD_HELD:
        put_message(&b, &record->message);
        break;
    case BW_ALERT_RECORD_OPEN:
        put_number(&b, record->flags, 4);
        put_message(&b, &record->message);
        break;
    default:
        put_number(&b, record->number, 8);
        put_number(&b, (uint64_t)record->wall, 8);
    }
    payload = b.at - FRONT;
    memcpy(buf, marker, sizeof(marker));
    b.at = sizeof(marker);
    put_number(&b, record->kind, 1);
    put_number(&b, VERSION, 1);
    put_number(&b, payload, 2);
    b.at += payload;
    b.length += 8;
    put_number(&b, bw_hash(BW_HASH_START, buf + 4, 4 + payload), 8);
    return b.at;
}

static bool get_payload(struct bytes *b, struct bw_alert_record *record)
{
    switch (record->kind) {
    case BW_ALERT_RECORD_HEADER:
        record->cluster = (uint32_t)get_number(b, 4);
        record->member = (uint32_t)get_number(b, 4);
        get_text(b, record->name, sizeof(record->name));
        break;
    case BW_ALERT_RECORD_OPEN:
        record->flags = (uint32_t)get_number(b, 4);
        get_message(b, &record->message);
        break;
    case BW_ALERT_RECORD_MESSAGE:
    case BW_ALERT_RECORD_HELD:
        get_message(b, &record->message);
        break;
    case BW_ALERT_RECORD_DONE:
    case BW_ALERT_RECORD_LAST:
    case BW_ALERT_RECORD_TOLD:
        record->number = get_number(b, 8);
        record->wall = (int64_t)get_number(b, 8);
        break;
    default:
        b->bad = true;
    }
    if (b->bad)
        bw_alert_message_free(&record->message);
    return !b->bad;
}

/* A record at that place, with its whole length; 0 = none. */
static size_t record_at(const uint8_t *bytes, size_t left, struct bw_alert_record *record)
{
    struct bytes b;
    size_t payload;

    if (left < OVERHEAD || memcmp(bytes, marker, sizeof(marker)) != 0)
        return 0;
    payload = (size_t)(bytes[6] | bytes[7] << 8);
    if (payload > BW_ALERT_PAYLOAD_MAX || left < OVERHEAD + payload)
        return 0;
    b = (struct bytes){.from = bytes + FRONT + payload, .length = 8};
    if (get_number(&b, 8) != bw_hash(BW_HASH_START, bytes + 4, 4 + payload))
        return 0;
    memset(record, 0, sizeof(*record));
    record->kind = bytes[4];
    b = (struct bytes){.from = bytes + FRONT, .length = payload};
    return get_payload(&b, record) ? OVERHEAD + payload : 0;
}

bool bw_alert_record_next(const uint8_t *bytes, size_t length, size_t *at, size_t *bad, struct bw_alert_record *record)
{
    while (*at < length) {
        size_t taken = record_at(bytes + *at, length - *at, record);

        if (taken > 0) {
            *at += taken;
            return true;
        }
        ++*at;
        ++*bad;
    }
    return false;
}
