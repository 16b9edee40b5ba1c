/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bytes of a SYNC frame's body (see wire.h). Pure.
 */
#include "agent/sync/wire.h"

#include <errno.h>
#include <string.h>

#define BLOCK_HEAD 3

uint64_t bw_sync_mix(uint64_t value)
{
    value ^= value >> 30;
    value *= UINT64_C(0xbf58476d1ce4e5b9);
    value ^= value >> 27;
    value *= UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}

uint32_t bw_sync_fold(const struct bw_sync_digest *digest, uint64_t number)
{
    uint64_t key = bw_sync_mix(number + UINT64_C(0x9e3779b97f4a7c15));

    return (uint32_t)(bw_sync_mix(bw_sync_mix(digest->sum ^ key) + digest->records + key) >> 32);
}

uint64_t bw_sync_tag(const struct bw_boot_id *boot)
{
    uint64_t tag = 0;

    for (unsigned i = 0; i < 8; i++)
        tag = tag << 8 | boot->bytes[i];
    return tag;
}

unsigned bw_sync_count_ranges(const uint64_t ranges[BW_SYNC_WORDS])
{
    unsigned count = 0;

    for (unsigned i = 0; i < BW_SYNC_WORDS; i++)
        count += (unsigned)__builtin_popcountll(ranges[i]);
    return count;
}

static int ended(const struct bw_source *source)
{
    return source->cut || source->at != source->length ? -EBADMSG : 0;
}

static void put_ranges(struct bw_sink *sink, const uint64_t ranges[BW_SYNC_WORDS])
{
    for (unsigned i = 0; i < BW_SYNC_WORDS; i++)
        bw_put_uint(sink, ranges[i], 8);
}

static void get_ranges(struct bw_source *source, uint64_t ranges[BW_SYNC_WORDS])
{
    for (unsigned i = 0; i < BW_SYNC_WORDS; i++)
        ranges[i] = bw_get_uint(source, 8);
}

/* ---- blocks ---- */

int bw_sync_next_block(const uint8_t *body, size_t length, size_t *at, struct bw_sync_block *block)
{
    struct bw_source source = {.bytes = body, .at = *at, .length = length};

    if (*at == 0 && bw_get_uint(&source, 1) != BW_SYNC_FORMAT)
        return -EBADMSG;
    if (source.at == length)
        return 0;
    block->type = (uint8_t)bw_get_uint(&source, 1);
    block->length = (size_t)bw_get_uint(&source, 2);
    if (source.cut || block->length > length - source.at)
        return -EBADMSG;
    block->content = body + source.at;
    *at = source.at + block->length;
    return 1;
}

size_t bw_sync_block_open(struct bw_sink *sink, uint8_t type)
{
    size_t at = sink->length;

    bw_put_uint(sink, type, 1);
    bw_put_uint(sink, 0, 2);
    return at;
}

void bw_sync_block_close(struct bw_sink *sink, size_t at)
{
    size_t length = sink->length - at - BLOCK_HEAD;

    if (sink->full)
        return;
    sink->bytes[at + 1] = (uint8_t)(length >> 8);
    sink->bytes[at + 2] = (uint8_t)length;
}

void bw_sync_put_hello(struct bw_sink *sink, const struct bw_sync_hello *hello)
{
    size_t at = bw_sync_block_open(sink, BW_SYNC_HELLO);

    bw_put_varint(sink, hello->newest);
    bw_put_varint(sink, hello->oldest);
    bw_put_uint(sink, hello->flags, 1);
    bw_sync_block_close(sink, at);
}

void bw_sync_put_start(struct bw_sink *sink, const struct bw_sync_start *start)
{
    size_t at = bw_sync_block_open(sink, BW_SYNC_START);

    bw_put_uint(sink, start->member, 1);
    bw_put_uint(sink, start->cookie, 8);
    bw_put_varint(sink, start->number);
    bw_sync_block_close(sink, at);
}

void bw_sync_put_ack(struct bw_sink *sink, const struct bw_sync_ack *ack)
{
    size_t at = bw_sync_block_open(sink, BW_SYNC_ACK);

    bw_put_uint(sink, ack->member, 1);
    bw_put_uint(sink, ack->tag, 8);
    bw_put_uint(sink, ack->flags, 1);
    bw_put_varint(sink, ack->number);
    bw_put_varint(sink, ack->window);
    bw_put_varint(sink, ack->credit);
    bw_put_varint(sink, ack->body_max);
    bw_sync_block_close(sink, at);
}

void bw_sync_put_want(struct bw_sink *sink, const struct bw_sync_want *want)
{
    size_t at = bw_sync_block_open(sink, BW_SYNC_WANT);

    bw_put_uint(sink, want->member, 1);
    bw_put_uint(sink, want->tag, 8);
    bw_put_uint(sink, want->cookie, 8);
    bw_put_uint(sink, want->count, 1);
    for (unsigned p = 1; p < BW_SYNC_PROVIDERS && want->count > 0 && want->count != BW_SYNC_WANT_CHECK; p++) {
        if (bw_sync_count_ranges(want->ranges[p]) == 0)
            continue;
        bw_put_uint(sink, p, 1);
        put_ranges(sink, want->ranges[p]);
    }
    bw_sync_block_close(sink, at);
}

int bw_sync_get_hello(const struct bw_sync_block *block, struct bw_sync_hello *hello)
{
    struct bw_source source = {.bytes = block->content, .length = block->length};

    hello->newest = bw_get_varint(&source);
    hello->oldest = bw_get_varint(&source);
    hello->flags = (uint8_t)bw_get_uint(&source, 1);
    if (hello->newest >= BW_SYNC_NUMBER_MAX || hello->oldest > hello->newest + 1)
        return -EBADMSG;
    return ended(&source);
}

int bw_sync_get_start(const struct bw_sync_block *block, struct bw_sync_start *start)
{
    struct bw_source source = {.bytes = block->content, .length = block->length};

    start->member = (uint8_t)bw_get_uint(&source, 1);
    start->cookie = bw_get_uint(&source, 8);
    start->number = bw_get_varint(&source);
    if (start->number == 0 || start->number >= BW_SYNC_NUMBER_MAX)
        return -EBADMSG;
    return ended(&source);
}

int bw_sync_get_ack(const struct bw_sync_block *block, struct bw_sync_ack *ack)
{
    struct bw_source source = {.bytes = block->content, .length = block->length};
    uint64_t credit, body_max;

    ack->member = (uint8_t)bw_get_uint(&source, 1);
    ack->tag = bw_get_uint(&source, 8);
    ack->flags = (uint8_t)bw_get_uint(&source, 1);
    ack->number = bw_get_varint(&source);
    ack->window = bw_get_varint(&source);
    credit = bw_get_varint(&source);
    body_max = bw_get_varint(&source);
    ack->credit = credit < UINT16_MAX ? (uint32_t)credit : UINT16_MAX;
    ack->body_max = body_max < UINT16_MAX ? (uint32_t)body_max : UINT16_MAX;
    if (ack->number >= BW_SYNC_NUMBER_MAX || ack->window >= BW_SYNC_NUMBER_MAX)
        return -EBADMSG;
    return ended(&source);
}

int bw_sync_get_want(const struct bw_sync_block *block, struct bw_sync_want *want)
{
    struct bw_source source = {.bytes = block->content, .length = block->length};

    memset(want, 0, sizeof(*want));
    want->member = (uint8_t)bw_get_uint(&source, 1);
    want->tag = bw_get_uint(&source, 8);
    want->cookie = bw_get_uint(&source, 8);
    want->count = (uint8_t)bw_get_uint(&source, 1);
    for (unsigned i = 0; want->count != BW_SYNC_WANT_CHECK && i < want->count && !source.cut; i++) {
        unsigned provider = (unsigned)bw_get_uint(&source, 1);
        uint64_t skipped[BW_SYNC_WORDS];

        get_ranges(&source, provider > 0 && provider < BW_SYNC_PROVIDERS ? want->ranges[provider] : skipped);
    }
    return ended(&source);
}

/* ---- updates ---- */

int bw_sync_put_update(uint8_t *bytes, const struct bw_sync_update *update)
{
    const struct bw_sync_record *r = &update->record;
    struct bw_sink sink = {.bytes = bytes, .cap = BW_SYNC_UPDATE_MAX};
    bool removed = r->operation == BW_SYNC_DELETE;

    if (r->provider > 7 || r->key_length > BW_SYNC_KEY_MAX || r->value_length > BW_SYNC_VALUE_MAX)
        return -EINVAL;
    bw_put_uint(&sink, (uint64_t)r->provider | (removed ? BW_SYNC_HEAD_DELETE : 0U) | (update->row ? BW_SYNC_HEAD_ROW : 0U), 1);
    bw_put_uint(&sink, r->range, 1);
    bw_put_varint(&sink, r->key_length);
    if (!removed)
        bw_put_varint(&sink, r->value_length);
    bw_put_bytes(&sink, r->key, r->key_length);
    if (!removed)
        bw_put_bytes(&sink, r->value, r->value_length);
    return sink.full ? -EINVAL : (int)sink.length;
}

int bw_sync_get_update(const uint8_t *bytes, size_t length, size_t *at, struct bw_sync_update *update)
{
    struct bw_source source = {.bytes = bytes, .at = *at, .length = length};
    uint64_t head = bw_get_uint(&source, 1), range = bw_get_uint(&source, 1), key, value = 0;

    key = bw_get_varint(&source);
    if (!(head & BW_SYNC_HEAD_DELETE))
        value = bw_get_varint(&source);
    if (source.cut || head >> 5 || key > BW_SYNC_KEY_MAX || value > BW_SYNC_VALUE_MAX || key + value > length - source.at)
        return -EBADMSG;
    update->record = (struct bw_sync_record){
        .provider = head & 7,
        .operation = head & BW_SYNC_HEAD_DELETE ? BW_SYNC_DELETE : BW_SYNC_SET,
        .range = (uint8_t)range,
        .key_length = (uint16_t)key,
        .value_length = (uint16_t)value,
        .key = bytes + source.at,
        .value = bytes + source.at + key,
    };
    update->row = head & BW_SYNC_HEAD_ROW;
    *at = source.at + (size_t)key + (size_t)value;
    return 0;
}

/* ---- records of the stream itself ---- */

size_t bw_sync_put_check(uint8_t *bytes, const struct bw_sync_check *check)
{
    struct bw_sink sink = {.bytes = bytes, .cap = BW_SYNC_CONTROL_MAX};

    bw_put_uint(&sink, check->member, 1);
    bw_put_uint(&sink, check->cookie, 8);
    bw_put_uint(&sink, check->last, 1);
    bw_put_uint(&sink, check->provider, 1);
    bw_put_uint(&sink, check->first, 1);
    for (unsigned i = 0; i < BW_SYNC_PART; i++)
        bw_put_uint(&sink, check->folds[i], 4);
    return sink.length;
}

int bw_sync_get_check(const uint8_t *bytes, size_t length, struct bw_sync_check *check)
{
    struct bw_source source = {.bytes = bytes, .length = length};

    check->member = (uint8_t)bw_get_uint(&source, 1);
    check->cookie = bw_get_uint(&source, 8);
    check->last = bw_get_uint(&source, 1) != 0;
    check->provider = (uint8_t)bw_get_uint(&source, 1);
    check->first = (uint8_t)bw_get_uint(&source, 1);
    for (unsigned i = 0; i < BW_SYNC_PART; i++)
        check->folds[i] = (uint32_t)bw_get_uint(&source, 4);
    if (check->first % BW_SYNC_PART != 0)
        return -EBADMSG;
    return ended(&source);
}

size_t bw_sync_put_begin(uint8_t *bytes, const struct bw_sync_begin *begin)
{
    struct bw_sink sink = {.bytes = bytes, .cap = BW_SYNC_CONTROL_MAX};

    bw_put_uint(&sink, begin->provider, 1);
    put_ranges(&sink, begin->ranges);
    bw_put_uint(&sink, begin->targets_count, 1);
    for (unsigned i = 0; i < begin->targets_count; i++) {
        bw_put_uint(&sink, begin->targets[i].member, 1);
        bw_put_uint(&sink, begin->targets[i].cookie, 8);
    }
    return sink.length;
}

int bw_sync_get_begin(const uint8_t *bytes, size_t length, struct bw_sync_begin *begin)
{
    struct bw_source source = {.bytes = bytes, .length = length};

    begin->provider = (uint8_t)bw_get_uint(&source, 1);
    get_ranges(&source, begin->ranges);
    begin->targets_count = (uint8_t)bw_get_uint(&source, 1);
    if (begin->targets_count > BW_MAX_MEMBERS)
        return -EBADMSG;
    for (unsigned i = 0; i < begin->targets_count; i++) {
        begin->targets[i].member = (uint8_t)bw_get_uint(&source, 1);
        begin->targets[i].cookie = bw_get_uint(&source, 8);
    }
    return ended(&source);
}

size_t bw_sync_put_end(uint8_t *bytes, const struct bw_sync_end *end)
{
    struct bw_sink sink = {.bytes = bytes, .cap = BW_SYNC_CONTROL_MAX};
    unsigned count = bw_sync_count_ranges(end->ranges);

    bw_put_uint(&sink, end->provider, 1);
    bw_put_uint(&sink, (end->aborted ? 1U : 0U) | (end->last ? 2U : 0U), 1);
    put_ranges(&sink, end->ranges);
    for (unsigned i = 0; i < count && i < BW_SYNC_SLICE; i++)
        bw_put_uint(&sink, end->folds[i], 4);
    return sink.length;
}

int bw_sync_get_end(const uint8_t *bytes, size_t length, struct bw_sync_end *end)
{
    struct bw_source source = {.bytes = bytes, .length = length};
    unsigned flags, count;

    end->provider = (uint8_t)bw_get_uint(&source, 1);
    flags = (unsigned)bw_get_uint(&source, 1);
    end->aborted = flags & 1;
    end->last = flags & 2;
    get_ranges(&source, end->ranges);
    count = bw_sync_count_ranges(end->ranges);
    if (count > BW_SYNC_SLICE)
        return -EBADMSG;
    for (unsigned i = 0; i < count; i++)
        end->folds[i] = (uint32_t)bw_get_uint(&source, 4);
    return ended(&source);
}
