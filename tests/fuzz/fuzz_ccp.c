/* fuzz: agent/net/tlv.c agent/net/ccp_clear.c agent/net/ccp_body.c agent/net/sections.c agent/net/session.c agent/net/seal.c */
/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Everything that reads CCP bytes: the clear part, the body, and whole frames with auth "none", where nothing stands
 * between the wire and the decoder. What is read must be writable again, to the same.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/net/net.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct bw_clear_facts facts = {
    .members_count = 2, .member_ids = {1, 2}, .states = {4, 3}, .mode = BW_MODE_HA};

static void check(bool claim)
{
    if (!claim)
        abort();
}

static void read_body(const uint8_t *data, size_t size)
{
    static struct bw_message message, again;
    static uint8_t buf[65536];
    size_t clear_length;
    int length;

    if (bw_ccp_decode_body(data, size, &message) != 0)
        return;
    message.sender = 1;
    length = bw_ccp_encode(&message, 17, &facts, buf, sizeof(buf), &clear_length);
    check(length > 0);
    check(bw_ccp_decode_body(buf + clear_length, (size_t)length - clear_length, &again) == 0);
    again.sender = 1;
    check(memcmp(&message, &again, sizeof(message)) == 0);
}

/* A member that starts; the seeds hold talks in which it adopts another one. */
static void read_frames(const uint8_t *data, size_t size)
{
    static struct bw_message message;
    static uint8_t frame[BW_FRAME_MAX];
    struct bw_seal_setup setup = {
        .cluster = 17, .local = 1, .boot = {"fuzzed member 01"}, .auth_none = true, .seed = {1, 2}};
    static void *memory;
    struct bw_seal *seal;

    if (!memory)
        memory = malloc(bw_seal_size());
    seal = bw_seal_init(memory, &setup);
    check(seal != NULL);
    /* Frames, each with its length before it. */
    while (size >= 2) {
        size_t length = (size_t)data[0] << 8 | data[1];
        enum bw_verdict verdict;

        data += 2;
        size -= 2;
        if (length > size)
            length = size;
        verdict = bw_open_frame(seal, data, length, 0, &message);
        check(verdict <= BW_VERDICT_DUPLICATE_ID);
        if (verdict == BW_VERDICT_ACCEPT || verdict == BW_VERDICT_FAREWELL || verdict == BW_VERDICT_QUERY)
            check(message.sender >= 1 && message.sender <= 254);
        memset(&message, 0, sizeof(message));
        message.kind = BW_MESSAGE_STATE_QUERY;
        check(bw_seal_frame(seal, &message, &facts, 0, frame, sizeof(frame)) > 0);
        data += length;
        size -= length;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bw_clear clear;

    if (size < 1)
        return 0;
    switch (data[0] % 3) {
    case 0:
        if (bw_ccp_decode_clear(data + 1, size - 1, &clear) == 0)
            check(clear.length >= 20 && clear.length <= size - 1);
        break;
    case 1:
        read_body(data + 1, size - 1);
        break;
    default:
        read_frames(data + 1, size - 1);
        break;
    }
    return 0;
}
