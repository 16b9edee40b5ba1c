/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bounded wire bytes and field tables (see tlv.h). Pure.
 */
#include "agent/net/tlv.h"

#include <errno.h>
#include <string.h>

#include "bellwether/model.h"

static bool sink_has(struct bw_sink *sink, size_t length)
{
    if (sink->full || length > sink->cap - sink->length)
        sink->full = true;
    return !sink->full;
}

static bool source_has(struct bw_source *source, size_t length)
{
    if (source->cut || length > source->length - source->at)
        source->cut = true;
    return !source->cut;
}

void bw_put_uint(struct bw_sink *sink, uint64_t value, unsigned size)
{
    if (!sink_has(sink, size))
        return;
    for (unsigned i = 0; i < size; i++)
        sink->bytes[sink->length++] = (uint8_t)(value >> (8 * (size - 1 - i)));
}

void bw_put_bytes(struct bw_sink *sink, const void *bytes, size_t length)
{
    if (!sink_has(sink, length) || length == 0)
        return;
    memcpy(sink->bytes + sink->length, bytes, length);
    sink->length += length;
}

void bw_put_varint(struct bw_sink *sink, uint64_t value)
{
    while (value >= 0x80) {
        bw_put_uint(sink, (value & 0x7f) | 0x80, 1);
        value >>= 7;
    }
    bw_put_uint(sink, value, 1);
}

uint64_t bw_get_uint(struct bw_source *source, unsigned size)
{
    uint64_t value = 0;

    if (!source_has(source, size))
        return 0;
    for (unsigned i = 0; i < size; i++)
        value = value << 8 | source->bytes[source->at++];
    return value;
}

void bw_get_bytes(struct bw_source *source, void *bytes, size_t length)
{
    if (!source_has(source, length)) {
        memset(bytes, 0, length);
        return;
    }
    memcpy(bytes, source->bytes + source->at, length);
    source->at += length;
}

uint64_t bw_get_varint(struct bw_source *source)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint64_t byte = bw_get_uint(source, 1);
        if (shift == 63 && byte > 1)
            break; /* more than 64 bits */
        value |= (byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return source->cut ? 0 : value;
    }
    source->cut = true;
    return 0;
}

/* ---- texts ---- */

/* Length of the UTF-8 character that starts at bytes, 0 when it is none, or a control character. */
static size_t text_step(const uint8_t *bytes, size_t length)
{
    uint8_t first = bytes[0];
    size_t size;
    uint32_t code;

    if (first < 0x80)
        return first < 0x20 || first == 0x7f ? 0 : 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (size > length)
        return 0;
    code = first & (0x7fU >> size);
    for (size_t i = 1; i < size; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (bytes[i] & 0x3f);
    }
    if (code < 0xa0 || (size == 3 && code < 0x800) || (size == 4 && code < 0x10000))
        return 0; /* a control character, or longer than needed */
    if ((code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff)
        return 0;
    return size;
}

bool bw_wire_text_valid(const uint8_t *bytes, size_t length)
{
    for (size_t at = 0; at < length;) {
        size_t step = text_step(bytes + at, length - at);
        if (!step)
            return false;
        at += step;
    }
    return true;
}

/* A text of ours that holds what the wire does not allow is sent with '?' in its place, rather than lost as a whole. */
static void put_text(struct bw_sink *sink, const char *text, size_t cap)
{
    const uint8_t *bytes = (const uint8_t *)text;
    size_t length = strnlen(text, cap - 1);

    bw_put_uint(sink, length, 1);
    if (bw_wire_text_valid(bytes, length)) {
        bw_put_bytes(sink, bytes, length);
        return;
    }
    for (size_t at = 0; at < length;) {
        size_t step = text_step(bytes + at, length - at);
        bw_put_bytes(sink, step ? (const void *)(bytes + at) : "?", step ? step : 1);
        at += step ? step : 1;
    }
}

static int get_text(struct bw_source *source, char *text, size_t cap)
{
    size_t length = bw_get_uint(source, 1);

    if (source->cut || length >= cap)
        return -EBADMSG;
    bw_get_bytes(source, text, length);
    text[length] = '\0';
    if (source->cut || !bw_wire_text_valid((const uint8_t *)text, length))
        return -EBADMSG;
    return 0;
}

/* ---- fields ---- */

/* Bytes in memory of the whole-number types. */
static const uint8_t field_width[] = {
    [BW_FIELD_U8] = 1,   [BW_FIELD_U16] = 2,   [BW_FIELD_U32] = 4,   [BW_FIELD_U64] = 8,   [BW_FIELD_SMALL] = 4,
    [BW_FIELD_BOOL] = 1, [BW_FIELD_VAR32] = 4, [BW_FIELD_VAR64] = 8, [BW_FIELD_EPOCH] = 8, [BW_FIELD_NEAR] = 8,
};

static uint64_t load(const void *at, unsigned width)
{
    uint32_t four;
    uint16_t two;
    uint64_t eight;

    switch (width) {
    case 1:
        return *(const uint8_t *)at;
    case 2:
        memcpy(&two, at, sizeof(two));
        return two;
    case 4:
        memcpy(&four, at, sizeof(four));
        return four;
    default:
        memcpy(&eight, at, sizeof(eight));
        return eight;
    }
}

static void store(void *at, unsigned width, uint64_t value)
{
    uint32_t four = (uint32_t)value;
    uint16_t two = (uint16_t)value;

    switch (width) {
    case 1:
        *(uint8_t *)at = (uint8_t)value;
        break;
    case 2:
        memcpy(at, &two, sizeof(two));
        break;
    case 4:
        memcpy(at, &four, sizeof(four));
        break;
    default:
        memcpy(at, &value, sizeof(value));
        break;
    }
}

static bool in_range(const struct bw_field *field, uint64_t value)
{
    switch (field->type) {
    case BW_FIELD_BOOL:
        return value <= 1;
    case BW_FIELD_EPOCH:
    case BW_FIELD_NEAR:
        return value < BW_EPOCH_LIMIT;
    case BW_FIELD_VAR32:
        if (value > UINT32_MAX)
            return false;
        break;
    case BW_FIELD_SMALL:
        if (value > UINT8_MAX)
            return false;
        break;
    default:
        break;
    }
    return (field->least == 0 && field->most == 0) || (value >= field->least && value <= field->most);
}

/* Even: so far below the reference. Odd: the value itself. The shorter one is written. */
static uint64_t near_code(uint64_t value, uint64_t reference)
{
    if (value <= reference && reference - value < value)
        return (reference - value) << 1;
    return value << 1 | 1;
}

static void put_number(struct bw_sink *sink, const struct bw_field *field, const void *structure, uint64_t value)
{
    switch (field->type) {
    case BW_FIELD_SMALL:
        bw_put_uint(sink, value, 1);
        break;
    case BW_FIELD_VAR32:
    case BW_FIELD_VAR64:
    case BW_FIELD_EPOCH:
        bw_put_varint(sink, value);
        break;
    case BW_FIELD_NEAR:
        bw_put_varint(sink, near_code(value, load((const uint8_t *)structure + field->size, 8)));
        break;
    default:
        bw_put_uint(sink, value, field_width[field->type]);
        break;
    }
}

static uint64_t get_number(struct bw_source *source, const struct bw_field *field, const void *structure)
{
    uint64_t code;

    switch (field->type) {
    case BW_FIELD_SMALL:
        return bw_get_uint(source, 1);
    case BW_FIELD_VAR32:
    case BW_FIELD_VAR64:
    case BW_FIELD_EPOCH:
        return bw_get_varint(source);
    case BW_FIELD_NEAR:
        code = bw_get_varint(source);
        /* More below than there is wraps to beyond the limit, and is refused there. */
        return code & 1 ? code >> 1 : load((const uint8_t *)structure + field->size, 8) - (code >> 1);
    default:
        return bw_get_uint(source, field_width[field->type]);
    }
}

int bw_fields_put(struct bw_sink *sink, const struct bw_field *fields, size_t count, const void *structure)
{
    for (size_t i = 0; i < count; i++) {
        const struct bw_field *field = &fields[i];
        const uint8_t *at = (const uint8_t *)structure + field->offset;

        if (field->type == BW_FIELD_TEXT) {
            put_text(sink, (const char *)at, field->size);
        } else if (field->type == BW_FIELD_BOOT) {
            bw_put_bytes(sink, at, BW_BOOT_ID_BYTES);
        } else {
            uint64_t value = load(at, field_width[field->type]);
            if (!in_range(field, value))
                return -EINVAL;
            put_number(sink, field, structure, value);
        }
    }
    return 0;
}

int bw_fields_get(struct bw_source *source, const struct bw_field *fields, size_t count, void *structure)
{
    return bw_fields_get_from(source, fields, count, count, structure);
}

static void clear_field(const struct bw_field *field, uint8_t *at)
{
    if (field->type == BW_FIELD_TEXT)
        at[0] = '\0';
    else if (field->type == BW_FIELD_BOOT)
        memset(at, 0, BW_BOOT_ID_BYTES);
    else
        store(at, field_width[field->type], 0);
}

int bw_fields_get_from(struct bw_source *source, const struct bw_field *fields, size_t least, size_t count, void *structure)
{
    for (size_t i = 0; i < count; i++) {
        const struct bw_field *field = &fields[i];
        uint8_t *at = (uint8_t *)structure + field->offset;

        if (i >= least && source->at == source->length) {
            clear_field(field, at);
        } else if (field->type == BW_FIELD_TEXT) {
            if (get_text(source, (char *)at, field->size) != 0)
                return -EBADMSG;
        } else if (field->type == BW_FIELD_BOOT) {
            bw_get_bytes(source, at, BW_BOOT_ID_BYTES);
        } else {
            uint64_t value = get_number(source, field, structure);
            if (source->cut || !in_range(field, value))
                return -EBADMSG;
            store(at, field_width[field->type], value);
        }
    }
    return source->cut ? -EBADMSG : 0;
}
