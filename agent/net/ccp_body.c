/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The body of a CCP frame, the part that is sealed: TLVs (type 1 byte, length 2 bytes, value). Pure.
 *
 * The first TLV says what kind of message it is. Every TLV is a section of the table below: a single structure, or a
 * list whose entries each begin with their length in one byte. Structures may grow at their end: what is longer than
 * known is skipped, what is shorter is malformed. Unknown TLVs are skipped. Everything else that is not as it must be
 * makes the whole message malformed.
 */
#include <errno.h>
#include <string.h>

#include "agent/net/sections.h"

static bool section_applies(const struct bw_section *section, const struct bw_message *message)
{
    if (section->kind && section->kind != message->kind)
        return false;
    return !section->page || section->page == message->page.kind;
}

/* ---- writing ---- */

/* Writes the list's entries beginning with number `start`. Returns how many found no room, or negative errno. */
static int put_entries(struct bw_sink *sink, const struct bw_section *section, const uint8_t *base, unsigned start)
{
    unsigned count = base[section->count_at];
    int left_out = 0;

    if (count > section->capacity)
        return -EINVAL;
    for (unsigned i = 0; i < count; i++) {
        const uint8_t *entry = base + section->at + (size_t)((start + i) % count) * section->stride;
        size_t begin = sink->length;
        int error;

        bw_put_uint(sink, 0, 1);
        error = bw_fields_put(sink, section->fields, section->fields_count, entry);
        if (!error && !sink->full) {
            sink->bytes[begin] = (uint8_t)(sink->length - begin - 1);
        } else if (section->yielding) { /* no such entry may hold a heartbeat back */
            sink->length = begin;
            sink->full = false;
            left_out++;
        } else {
            return error ? error : -ENOSPC;
        }
    }
    return left_out;
}

/* When there is no room for all, others wait in the next turn. */
static int put_list(struct bw_sink *sink, const struct bw_section *section, const uint8_t *base, unsigned turn)
{
    size_t begin = sink->length;
    int result = put_entries(sink, section, base, 0);

    if (result > 0) {
        sink->length = begin;
        result = put_entries(sink, section, base, turn);
    }
    return result < 0 ? result : 0;
}

static int put_section(struct bw_sink *sink, enum bw_tlv type, const uint8_t *base, unsigned turn)
{
    const struct bw_section *section = &bw_sections[type];
    size_t begin = sink->length, length;
    int error;

    bw_put_uint(sink, type, 1);
    bw_put_uint(sink, 0, 2);
    if (sink->full) {
        sink->full = !section->yielding;
        sink->length = begin;
        return section->yielding ? 0 : -ENOSPC;
    }
    if (section->capacity)
        error = put_list(sink, section, base, turn);
    else
        error = bw_fields_put(sink, section->fields, section->fields_count, base + section->at);
    if (error || sink->full)
        return error ? error : -ENOSPC;
    length = sink->length - begin - 3;
    if (section->capacity && length == 0) {
        sink->length = begin; /* nothing to tell */
        return 0;
    }
    sink->bytes[begin + 1] = (uint8_t)(length >> 8);
    sink->bytes[begin + 2] = (uint8_t)length;
    return 0;
}

/* Commands and answers take turns at being the ones that may find no room. */
static int swapped(int type)
{
    return type == BW_TLV_COMMANDS ? BW_TLV_ANSWERS : type == BW_TLV_ANSWERS ? BW_TLV_COMMANDS : type;
}

static int put_body(struct bw_sink *sink, const struct bw_message *message, const struct bw_handshake *handshake)
{
    bool heartbeat = message->kind == BW_MESSAGE_HEARTBEAT;
    unsigned turn = heartbeat ? (unsigned)(message->heartbeat.turn & 0xffff) : 0;
    int first = 0, error = 0;

    for (int type = 1; type < BW_TLVS; type++) {
        if (bw_sections[type].first && bw_sections[type].kind == message->kind)
            first = type;
    }
    if (!first)
        return -EINVAL;
    error = put_section(sink, first, (const uint8_t *)message, 0);
    for (int step = 0; step < 2 * BW_TLVS && !error; step++) { /* those that may wait come in a second round */
        int type = step % BW_TLVS, now = turn & 1 ? swapped(type) : type;
        const struct bw_section *section = &bw_sections[now];

        if (type == 0 || section->first || section->yielding != (step >= BW_TLVS) || !section_applies(section, message))
            continue;
        if (now == BW_TLV_HANDSHAKE)
            error = put_section(sink, now, (const uint8_t *)handshake, turn);
        else
            error = put_section(sink, now, (const uint8_t *)message, turn >> 1);
    }
    return error;
}

int bw_ccp_encode_with(const struct bw_message *message, uint8_t cluster, const struct bw_clear_facts *facts,
                       const struct bw_handshake *handshake, uint8_t *buf, size_t cap, size_t *clear_length)
{
    struct bw_sink sink = {.bytes = buf, .cap = cap};
    int error;

    bw_ccp_put_clear(&sink, message, cluster, facts);
    if (sink.full)
        return -ENOSPC;
    *clear_length = sink.length;
    error = put_body(&sink, message, handshake);
    return error ? error : (int)sink.length;
}

int bw_ccp_encode(const struct bw_message *message, uint8_t cluster, const struct bw_clear_facts *facts, uint8_t *buf,
                  size_t cap, size_t *clear_length)
{
    struct bw_handshake handshake = {.count = 0};

    if (message->kind == BW_MESSAGE_HEARTBEAT && message->heartbeat.echoes_count <= BW_MAX_MEMBERS) {
        for (unsigned i = 0; i < message->heartbeat.echoes_count; i++) {
            const struct bw_echo *echo = &message->heartbeat.echoes[i];
            if (echo->challenge)
                handshake.entries[handshake.count++] =
                    (struct bw_handshake_entry){echo->member, BW_HANDSHAKE_CHALLENGE, echo->challenge};
            if (echo->response)
                handshake.entries[handshake.count++] =
                    (struct bw_handshake_entry){echo->member, BW_HANDSHAKE_RESPONSE, echo->response};
        }
    }
    return bw_ccp_encode_with(message, cluster, facts, &handshake, buf, cap, clear_length);
}

/* ---- reading ---- */

static int get_list(struct bw_source *source, const struct bw_section *section, uint8_t *base)
{
    unsigned count = 0;

    while (source->at < source->length) {
        struct bw_source entry = {.bytes = source->bytes, .at = source->at + 1};

        entry.length = entry.at + source->bytes[source->at];
        if (count == section->capacity || entry.length > source->length)
            return -EBADMSG;
        if (bw_fields_get_from(&entry, section->fields, bw_section_least(section), section->fields_count,
                               base + section->at + (size_t)count * section->stride) != 0)
            return -EBADMSG;
        source->at = entry.length;
        count++;
    }
    base[section->count_at] = (uint8_t)count;
    return 0;
}

/* No member and no group may be told twice, and the supported range must be one. */
static bool heartbeat_consistent(const struct bw_heartbeat *heartbeat)
{
    uint64_t members[4] = {0};
    uint32_t groups = 0;

    for (unsigned i = 0; i < heartbeat->echoes_count; i++) {
        uint8_t id = heartbeat->echoes[i].member;
        if (members[id / 64] & UINT64_C(1) << id % 64)
            return false;
        members[id / 64] |= UINT64_C(1) << id % 64;
    }
    for (unsigned i = 0; i < heartbeat->groups_count; i++) {
        if (groups & 1U << heartbeat->groups[i].group)
            return false;
        groups |= 1U << heartbeat->groups[i].group;
    }
    return heartbeat->protocol_least <= heartbeat->protocol;
}

static bool consistent(struct bw_message *message, uint32_t seen)
{
    if (message->kind == BW_MESSAGE_HEARTBEAT)
        return heartbeat_consistent(&message->heartbeat);
    if (message->kind == BW_MESSAGE_PAGE && message->page.kind == BW_PAGE_FACTS) {
        message->page.count = 1; /* the facts are one row, which must be there */
        return seen & 1U << BW_TLV_PAGE_FACTS;
    }
    return true;
}

static int get_section(struct bw_source *source, unsigned type, struct bw_message *message,
                       struct bw_handshake *handshake, uint32_t *seen)
{
    const struct bw_section *section = &bw_sections[type];
    uint8_t *base = type == BW_TLV_HANDSHAKE ? (uint8_t *)handshake : (uint8_t *)message;

    if (*seen & 1U << type)
        return -EBADMSG;
    if (*seen == 0) {
        if (!section->first)
            return -EBADMSG;
        message->kind = section->kind;
    } else if (section->first || !section_applies(section, message)) {
        return -EBADMSG;
    }
    *seen |= 1U << type;
    if (section->capacity)
        return get_list(source, section, base);
    return bw_fields_get_from(source, section->fields, bw_section_least(section), section->fields_count, base + section->at);
}

int bw_ccp_decode_with(const uint8_t *bytes, size_t length, struct bw_message *message, struct bw_handshake *handshake)
{
    size_t at = 0;
    uint32_t seen = 0;

    memset(message, 0, sizeof(*message));
    handshake->count = 0;
    while (at < length) {
        struct bw_source source = {.bytes = bytes, .at = at, .length = length};
        unsigned type = (unsigned)bw_get_uint(&source, 1);
        size_t size = bw_get_uint(&source, 2);

        if (source.cut || size > length - source.at)
            return -EBADMSG;
        source.length = at = source.at + size;
        if (type == 0 || (type >= BW_TLVS && seen == 0))
            return -EBADMSG;
        if (type < BW_TLVS && get_section(&source, type, message, handshake, &seen) != 0)
            return -EBADMSG;
    }
    return seen && consistent(message, seen) ? 0 : -EBADMSG;
}

int bw_ccp_decode_body(const uint8_t *bytes, size_t length, struct bw_message *message)
{
    struct bw_handshake handshake;
    int error = bw_ccp_decode_with(bytes, length, message, &handshake);

    if (error || message->kind != BW_MESSAGE_HEARTBEAT)
        return error;
    for (unsigned i = 0; i < handshake.count; i++) {
        for (unsigned j = 0; j < message->heartbeat.echoes_count; j++) {
            struct bw_echo *echo = &message->heartbeat.echoes[j];
            if (echo->member != handshake.entries[i].member)
                continue;
            if (handshake.entries[i].what == BW_HANDSHAKE_CHALLENGE)
                echo->challenge = handshake.entries[i].value;
            else if (handshake.entries[i].what == BW_HANDSHAKE_RESPONSE)
                echo->response = handshake.entries[i].value;
        }
    }
    return 0;
}
