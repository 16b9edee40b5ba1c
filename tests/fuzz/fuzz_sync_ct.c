/* fuzz: agent/sync/ct_codec.c agent/sync/ct_entry.c agent/sync/ct_attr.c agent/sync/ct_build.c */
/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connection records of peers, and what the kernel tells: whatever can be read can be written again, to the same, and becomes a
 * request to the kernel that keeps its bounds and that the reader of the kernel's messages understands.
 */
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "agent/sync/ct_entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool claim)
{
    if (!claim)
        abort();
}

static void build(const struct bw_ct_entry *e)
{
    _Alignas(8) uint8_t message[BW_CT_MESSAGE_MAX];
    struct bw_ct_entry back;
    struct bw_ct_key wanted;

    for (int request = BW_CT_CREATE; request <= BW_CT_LIBERAL; request++) {
        size_t length = bw_ct_build(message, request, e, 1);

        check(length <= sizeof(message) && length % 4 == 0);
        if (request == BW_CT_CREATE || request == BW_CT_GET) {
            check(bw_ct_parse(message + NLMSG_HDRLEN, length - NLMSG_HDRLEN, &back) == 0);
            wanted = e->key;
            if (request == BW_CT_GET && wanted.zone_direction == 2) /* it asks by the original direction, which is in no zone */
                wanted.zone = wanted.zone_direction = 0;
            check(memcmp(&back.key, &wanted, sizeof(back.key)) == 0);
        }
    }
}

static void read_record(const uint8_t *data, size_t size)
{
    uint8_t key[BW_CT_WIRE_KEY_MAX], value[BW_CT_WIRE_VALUE_MAX];
    struct bw_ct_entry e = {.parts = 0}, again;
    struct bw_ct_turn turn, turn_again;
    size_t key_length = size ? data[0] % 64 : 0, length;

    if (size < 1 + key_length || bw_ct_decode_key(data + 1, key_length, &e.key) != 0)
        return;
    check(key_length <= sizeof(key));
    check(bw_ct_encode_key(&e.key, key) == key_length && memcmp(key, data + 1, key_length) == 0);
    if (size - 1 - key_length > sizeof(value) ||
        bw_ct_decode_value(data + 1 + key_length, size - 1 - key_length, &e, &turn) != 0)
        return;
    bw_ct_digest(key, key_length, data + 1 + key_length, size - 1 - key_length);
    again = e;
    length = bw_ct_encode_value(&e, turn, value);
    check(length <= sizeof(value));
    check(bw_ct_decode_value(value, length, &again, &turn_again) == 0);
    check(memcmp(&again.reply, &e.reply, sizeof(e.reply)) == 0 && again.status == e.status);
    build(&e);
}

static void read_expected(const uint8_t *data, size_t size)
{
    _Alignas(8) uint8_t message[BW_CT_MESSAGE_MAX];
    uint8_t key[BW_CT_EXPECTED_KEY], value[BW_CT_WIRE_VALUE_MAX];
    struct bw_ct_expected x;

    if (bw_ct_decode_expected(data, size, &x) != 0)
        return;
    check(bw_ct_encode_expected(&x, key, value) <= sizeof(value));
    check(bw_ct_build_expected(message, BW_CT_CREATE, &x, 1) <= sizeof(message));
    check(bw_ct_build_expected(message, BW_CT_DELETE, &x, 1) <= sizeof(message));
}

static void read_kernel(const uint8_t *data, size_t size)
{
    uint8_t key[BW_CT_WIRE_KEY_MAX], value[BW_CT_WIRE_VALUE_MAX], name[BW_CT_EXPECTED_KEY];
    struct bw_ct_entry e;
    struct bw_ct_expected x;

    if (bw_ct_parse(data, size, &e) == 0) {
        check(bw_ct_encode_key(&e.key, key) <= sizeof(key));
        check(bw_ct_encode_value(&e, (struct bw_ct_turn){0, false}, value) <= sizeof(value));
    }
    if (bw_ct_parse_expected(data, size, &x) == 0)
        check(bw_ct_encode_expected(&x, name, value) <= sizeof(value));
}

static void read_packet(const uint8_t *data, size_t size)
{
    struct bw_ct_entry e;

    if (bw_ct_from_packet(data, size, &e))
        build(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    switch (data[0] % 4) {
    case 0:
        read_record(data + 1, size - 1);
        break;
    case 1:
        read_expected(data + 1, size - 1);
        break;
    case 2:
        read_kernel(data + 1, size - 1);
        break;
    case 3:
        read_packet(data + 1, size - 1);
        break;
    }
    return 0;
}
