/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records to and from bytes. Pure: no file, no clock, no allocation.
 */
#include "agent/store/record.h"

#include <errno.h>
#include <string.h>

#include "bellwether/text.h"

#define VERSION 1

static const uint8_t marker[4] = {'B', 'W', 'r', '\n'};

/* Bytes being written or read, with a flag for what did not fit or was not there. */
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
    size_t length = strlen(text);

    if (b->at + 1 + length > b->length)
        length = 0;
    put_number(b, length, 1);
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
    size_t length = (size_t)get_number(b, 1);

    text[0] = '\0';
    if (b->bad || b->length - b->at < length || length >= cap || memchr(b->from + b->at, '\0', length)) {
        b->bad = true;
        return;
    }
    memcpy(text, b->from + b->at, length);
    text[length] = '\0';
    b->at += length;
}

static uint64_t checksum(const struct bw_store_identity *identity, const uint8_t *bytes, size_t length)
{
    uint64_t hash = BW_HASH_START;

    if (bytes[0] != BW_RECORD_HEADER) {
        const uint8_t owner[3] = {identity->cluster, identity->member, identity->kind};

        hash = bw_hash(hash, owner, sizeof(owner));
    }
    return bw_hash(hash, bytes, length);
}

static struct bytes begin(uint8_t *buf)
{
    return (struct bytes){.to = buf, .at = 8, .length = 8 + BW_RECORD_PAYLOAD_MAX};
}

/* Writes what stands before and behind the payload. Returns the record's length. */
static size_t finish(struct bytes *b, const struct bw_store_identity *identity, enum bw_record_kind kind)
{
    size_t payload = b->at - 8;

    memcpy(b->to, marker, sizeof(marker));
    b->at = 4;
    put_number(b, kind, 1);
    put_number(b, VERSION, 1);
    put_number(b, payload, 2);
    b->at += payload;
    b->length += 8;
    put_number(b, checksum(identity, b->to + 4, 4 + payload), 8);
    return b->at;
}

size_t bw_record_put_header(uint8_t *buf, const struct bw_store_identity *identity)
{
    struct bytes b = begin(buf);

    put_number(&b, identity->cluster, 1);
    put_number(&b, identity->member, 1);
    put_number(&b, identity->kind, 1);
    return finish(&b, identity, BW_RECORD_HEADER);
}

size_t bw_record_put_event(uint8_t *buf, const struct bw_store_identity *identity, const struct bw_event *event)
{
    struct bytes b = begin(buf);

    put_number(&b, event->number, 8);
    put_number(&b, (uint64_t)event->time_wall, 8);
    put_number(&b, event->kind, 4);
    put_number(&b, event->member, 4);
    put_number(&b, event->group, 4);
    put_number(&b, event->cause, 4);
    put_number(&b, event->took_ns, 8);
    put_text(&b, event->object);
    put_text(&b, event->from);
    put_text(&b, event->to);
    put_text(&b, event->reason);
    return finish(&b, identity, BW_RECORD_EVENT);
}

size_t bw_record_put_admin(uint8_t *buf, const struct bw_store_identity *identity, const struct bw_kept_admin *admin)
{
    struct bytes b = begin(buf);

    put_number(&b, admin->admin, 4);
    put_number(&b, (uint64_t)admin->since_wall, 8);
    put_text(&b, admin->by);
    return finish(&b, identity, BW_RECORD_ADMIN);
}

size_t bw_record_put_pnote(uint8_t *buf, const struct bw_store_identity *identity, const struct bw_pnote_row *pnote)
{
    struct bytes b = begin(buf);

    put_number(&b, pnote->kind, 4);
    put_number(&b, pnote->status, 4);
    put_number(&b, pnote->timeout_ns, 8);
    put_text(&b, pnote->name);
    put_text(&b, pnote->detail);
    return finish(&b, identity, BW_RECORD_PNOTE);
}

size_t bw_record_put_group(uint8_t *buf, const struct bw_store_identity *identity, const struct bw_kept_group *group)
{
    struct bytes b = begin(buf);

    put_number(&b, group->decision, 8);
    put_text(&b, group->name);
    return finish(&b, identity, BW_RECORD_GROUP);
}

static void put_bytes(struct bytes *b, const uint8_t *from, size_t length)
{
    put_number(b, length, 2);
    for (size_t i = 0; i < length; i++)
        put_number(b, from[i], 1);
}

size_t bw_record_put_fact(uint8_t *buf, const struct bw_store_identity *identity, const struct bw_sync_record *fact)
{
    struct bytes b = begin(buf);

    put_number(&b, fact->range, 1);
    put_bytes(&b, fact->key, fact->key_length);
    put_bytes(&b, fact->value, fact->value_length);
    return finish(&b, identity, BW_RECORD_FACT);
}

/* Is there a whole and sound record at the start of these bytes? */
static bool record_here(const uint8_t *bytes, size_t length, const struct bw_store_identity *identity,
                        struct bw_record *record)
{
    struct bytes b = {.from = bytes, .at = 4, .length = length};

    if (length < BW_RECORD_OVERHEAD || memcmp(bytes, marker, sizeof(marker)))
        return false;
    record->kind = (uint8_t)get_number(&b, 1);
    record->version = (uint8_t)get_number(&b, 1);
    record->length = (uint16_t)get_number(&b, 2);
    record->payload = bytes + b.at;
    if (record->length > BW_RECORD_PAYLOAD_MAX || length - BW_RECORD_OVERHEAD < record->length)
        return false;
    b.at += record->length;
    return get_number(&b, 8) == checksum(identity, bytes + 4, 4u + record->length);
}

bool bw_record_next(const uint8_t *bytes, size_t length, const struct bw_store_identity *identity, size_t *at,
                    size_t *bad, struct bw_record *record)
{
    while (*at < length) {
        if (record_here(bytes + *at, length - *at, identity, record)) {
            *at += BW_RECORD_OVERHEAD + record->length;
            return true;
        }
        ++*at;
        ++*bad;
    }
    return false;
}

static struct bytes payload_of(const struct bw_record *record)
{
    return (struct bytes){.from = record->payload, .length = record->length};
}

int bw_record_get_header(const struct bw_record *record, struct bw_store_identity *identity)
{
    struct bytes b = payload_of(record);

    identity->cluster = (uint8_t)get_number(&b, 1);
    identity->member = (uint8_t)get_number(&b, 1);
    identity->kind = (uint8_t)get_number(&b, 1);
    return b.bad || record->kind != BW_RECORD_HEADER ? -EBADMSG : 0;
}

int bw_record_get_event(const struct bw_record *record, struct bw_event *event)
{
    struct bytes b = payload_of(record);

    memset(event, 0, sizeof(*event));
    event->number = get_number(&b, 8);
    event->time_wall = (int64_t)get_number(&b, 8);
    event->kind = (uint32_t)get_number(&b, 4);
    event->member = (uint32_t)get_number(&b, 4);
    event->group = (uint32_t)get_number(&b, 4);
    event->cause = (uint32_t)get_number(&b, 4);
    event->took_ns = get_number(&b, 8);
    get_text(&b, event->object, sizeof(event->object));
    get_text(&b, event->from, sizeof(event->from));
    get_text(&b, event->to, sizeof(event->to));
    get_text(&b, event->reason, sizeof(event->reason));
    return b.bad || record->kind != BW_RECORD_EVENT || event->number == 0 ? -EBADMSG : 0;
}

int bw_record_get_admin(const struct bw_record *record, struct bw_kept_admin *admin)
{
    struct bytes b = payload_of(record);

    memset(admin, 0, sizeof(*admin));
    admin->admin = (uint32_t)get_number(&b, 4);
    admin->since_wall = (int64_t)get_number(&b, 8);
    get_text(&b, admin->by, sizeof(admin->by));
    if (b.bad || record->kind != BW_RECORD_ADMIN || admin->admin < BW_ADMIN_UP || admin->admin > BW_ADMIN_FORCE_DOWN)
        return -EBADMSG;
    return 0;
}

int bw_record_get_pnote(const struct bw_record *record, struct bw_pnote_row *pnote)
{
    struct bytes b = payload_of(record);

    memset(pnote, 0, sizeof(*pnote));
    pnote->kind = (uint32_t)get_number(&b, 4);
    pnote->status = (uint32_t)get_number(&b, 4);
    pnote->timeout_ns = get_number(&b, 8);
    get_text(&b, pnote->name, sizeof(pnote->name));
    get_text(&b, pnote->detail, sizeof(pnote->detail));
    pnote->persistent = true;
    if (b.bad || record->kind != BW_RECORD_PNOTE || !pnote->name[0] || pnote->kind < BW_PNOTE_BUILTIN ||
        pnote->kind > BW_PNOTE_USER || pnote->status < BW_PNOTE_OK || pnote->status > BW_PNOTE_UNKNOWN)
        return -EBADMSG;
    return 0;
}

int bw_record_get_group(const struct bw_record *record, struct bw_kept_group *group)
{
    struct bytes b = payload_of(record);

    memset(group, 0, sizeof(*group));
    group->decision = get_number(&b, 8);
    get_text(&b, group->name, sizeof(group->name));
    return b.bad || record->kind != BW_RECORD_GROUP || !group->name[0] || group->decision == 0 ? -EBADMSG : 0;
}

static const uint8_t *get_bytes(struct bytes *b, size_t most, uint16_t *length)
{
    const uint8_t *from;

    *length = (uint16_t)get_number(b, 2);
    if (b->bad || *length > most || b->length - b->at < *length) {
        b->bad = true;
        return NULL;
    }
    from = b->from + b->at;
    b->at += *length;
    return from;
}

int bw_record_get_fact(const struct bw_record *record, struct bw_sync_record *fact)
{
    struct bytes b = payload_of(record);

    memset(fact, 0, sizeof(*fact));
    fact->provider = BW_SYNC_FACTS;
    fact->operation = BW_SYNC_SET;
    fact->range = (uint8_t)get_number(&b, 1);
    fact->key = get_bytes(&b, BW_SYNC_KEY_MAX, &fact->key_length);
    fact->value = get_bytes(&b, BW_SYNC_VALUE_MAX, &fact->value_length);
    return b.bad || record->kind != BW_RECORD_FACT || fact->key_length == 0 ? -EBADMSG : 0;
}
