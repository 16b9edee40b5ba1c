/* fuzz: agent/sync/wire.c agent/sync/log.c agent/sync/lag.c agent/sync/send.c agent/sync/full.c agent/sync/receive.c agent/sync/repair.c agent/sync/tell.c agent/sync/rows.c agent/sync/stream.c agent/net/tlv.c agent/model/text.c agent/model/address.c */
/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whatever a member with the cluster's key may send to the stream of state synchronisation: bodies of frames, one after the other, with time
 * passing in between. Nothing may crash, and nothing may change but the sender's own records.
 *
 * The input: blocks of (milliseconds 1, length 2, body). What an honest sender must know (tags, cookies) is put in where the body has
 * marks for it, so that the fuzzer gets past them.
 */
#include "agent/sync/stream_private.h"
#include "tests/unit/sync_map.h"

#define KEYS 64

static struct bw_stream *stream;
static struct map map;
static uint8_t sent[2048];
static size_t sent_length;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int note(void *wire, const uint8_t *body, size_t length)
{
    (void)wire;
    if (length <= sizeof(sent)) {
        memcpy(sent, body, length);
        sent_length = length;
    }
    return 0;
}

static void make(void)
{
    struct bw_stream_setup setup = {.local = 1, .boot = {{1}}, .members_count = 2, .members = {2, 3}, .sending_queue = 512,
                                    .receiving_queue = 256, .ack_count = 8, .ack_ns = 20 * BW_MS, .overload_percent = 80,
                                    .deadline_ns = BW_SEC, .check_ns = BW_SEC, .seed = 1, .send = note};
    struct bw_stream_facts facts = {.in_view = true, .needed = true, .boot = {{2}}};

    memset(&map, 0, sizeof(map));
    map.local = 1;
    map.keys = KEYS;
    if (bw_stream_new(&setup, &stream) != 0)
        abort();
    map.sink = bw_stream_sink(stream);
    (void)bw_stream_attach(stream, &map_provider, &map);
    bw_stream_path(stream, 1300, "sync", 100);
    for (uint32_t key = 0; key < KEYS / 2; key++)
        map_set(&map, key, key + 1);
    bw_stream_peer(stream, 2, &facts);
    facts.boot.bytes[0] = 3;
    bw_stream_peer(stream, 3, &facts);
    (void)bw_stream_end(stream);
}

/* Marks: 0xfe x 8 becomes our tag, 0xfd x 8 the cookie that we wait for. */
static void fill_in(uint8_t *body, size_t length)
{
    uint64_t tag = bw_sync_tag(&stream->setup.boot), cookie = stream->peers[0].copy.cookie;

    for (size_t i = 0; i + 8 <= length; i++) {
        uint64_t value = body[i] == 0xfe ? tag : cookie;
        unsigned n = 0;

        while (n < 8 && body[i + n] == body[i])
            n++;
        if (n < 8 || (body[i] != 0xfe && body[i] != 0xfd))
            continue;
        for (n = 0; n < 8; n++)
            body[i + n] = (uint8_t)(value >> (56 - 8 * n));
        i += 7;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t now_ns = BW_SEC;
    struct bw_sync_rows rows;
    size_t at = 0;

    make();
    while (at + 3 <= size) {
        size_t length = (size_t)data[at + 1] << 8 | data[at + 2];
        uint8_t body[2048];

        now_ns += data[at] * BW_MS;
        at += 3;
        if (length > size - at)
            length = size - at;
        if (length > sizeof(body))
            length = sizeof(body);
        memcpy(body, data + at, length);
        fill_in(body, length);
        at += length;
        bw_stream_begin(stream, now_ns);
        (void)bw_stream_input(stream, 2, body, length);
        if (bw_stream_has_room(stream))
            map_set(&map, (uint32_t)(at % KEYS), at + 1);
        (void)bw_stream_end(stream);
    }
    bw_stream_rows(stream, &rows);
    /* Its records only: those of the third member stay as they are, and so do ours but for what we changed. */
    if (map_of(&map, 3)->digests[0].records != 0)
        abort();
    for (uint32_t key = 0; key < KEYS; key++)
        if (map_of(&map, 3)->values[key] != 0)
            abort();
    bw_stream_free(stream);
    map_free(&map);
    return 0;
}
