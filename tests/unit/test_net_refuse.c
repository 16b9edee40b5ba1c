/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the CCP codec refuses: to write what is out of its range, to read what no member would have written.
 */
#include <errno.h>
#include <stdio.h>

#include "agent/net/tlv.h"
#include "test_net_fixture.h"

#define CLUSTER 17

static int encode(const struct bw_message *message, unsigned members, uint8_t *buf, size_t cap, size_t *clear_length)
{
    struct bw_clear_facts facts;

    fixture_facts(&facts, members);
    return bw_ccp_encode(message, CLUSTER, members ? &facts : NULL, buf, cap, clear_length);
}

static int decode(const uint8_t *bytes, int length, size_t clear_length, struct bw_message *message)
{
    return bw_ccp_decode_body(bytes + clear_length, (size_t)length - clear_length, message);
}

static void set(void *at, size_t size, uint64_t value)
{
    if (size == 1)
        *(uint8_t *)at = (uint8_t)value;
    else if (size == 2)
        *(uint16_t *)at = (uint16_t)value;
    else if (size == 4)
        *(uint32_t *)at = (uint32_t)value;
    else
        *(uint64_t *)at = value;
}

static const struct {
    size_t at, size;
    unsigned which; /* message of the fixture */
    uint64_t value;
} wrong[] = {
#define CASE(which, member, value)                                                                                     \
    {                                                                                                                  \
        offsetof(struct bw_message, member), sizeof(((struct bw_message *)0)->member), which, value                    \
    }
    CASE(0, heartbeat.state, 0),
    CASE(0, heartbeat.state, BW_MEMBER_UNREACHABLE + 1),
    CASE(0, heartbeat.admin, 0),
    CASE(0, heartbeat.admin, BW_ADMIN_FORCE_DOWN + 1),
    CASE(0, heartbeat.mode, BW_MODE_SERVICE + 1),
    CASE(0, heartbeat.recovery, 3),
    CASE(0, heartbeat.protocol, 0),
    CASE(0, heartbeat.protocol_least, 0),
    CASE(0, heartbeat.interfaces_up, BW_MAX_INTERFACES + 1),
    CASE(0, heartbeat.echoes_count, BW_MAX_MEMBERS + 1),
    CASE(0, heartbeat.groups_count, BW_MAX_GROUPS + 1),
    CASE(0, heartbeat.pages_count, BW_MAX_PAGES + 1),
    CASE(0, heartbeat.echoes[0].member, 0),
    CASE(0, heartbeat.echoes[1].member, 255),
    CASE(0, heartbeat.groups[0].group, BW_MAX_GROUPS),
    CASE(0, heartbeat.groups[0].holder, 255),
    CASE(0, heartbeat.groups[1].epoch, BW_EPOCH_LIMIT),
    CASE(0, heartbeat.groups[1].claim_epoch, UINT64_MAX),
    CASE(0, heartbeat.groups[1].refuse_reason, BW_REFUSAL_NOT_IN_VIEW + 1),
    CASE(1, page.number, BW_MAX_PAGES),
    CASE(1, page.kind, 0),
    CASE(1, page.kind, BW_PAGE_RESOURCES + 1),
    CASE(2, page.count, BW_PAGE_INTERFACE_ROWS + 1),
    CASE(2, page.interfaces[0].index, 0),
    CASE(2, page.interfaces[7].index, BW_MAX_INTERFACES + 1),
    CASE(2, page.interfaces[1].role, 5),
    CASE(2, page.interfaces[1].state, 0),
    CASE(2, page.interfaces[1].receive, 3),
    CASE(2, page.interfaces[1].transmit, 0),
    CASE(2, page.interfaces[1].transport, 4),
    CASE(3, page.count, BW_PAGE_PNOTE_ROWS + 1),
    CASE(3, page.pnotes[4].kind, 0),
    CASE(3, page.pnotes[4].status, 256 + BW_PNOTE_OK),
    CASE(4, page_request.target, 0),
    CASE(4, page_request.wanted, 0),
    CASE(4, page_request.wanted, 0x10000),
    CASE(5, farewell.member, 0),
    CASE(5, farewell.member, 255),
#undef CASE
};

/* What is out of its range is not written: the same table serves reading. */
static void test_ranges(void **state)
{
    static struct bw_message good, bad;
    uint8_t buf[BW_FRAME_MAX];
    size_t clear_length;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        if (wrong[i].which == 0)
            fixture_heartbeat(&good, 3, 2, 1, 1);
        else if (wrong[i].which < 4)
            fixture_page(&good, (enum bw_page_kind)wrong[i].which, true);
        else
            fixture_message(&good, wrong[i].which);
        good.sender = 1;
        assert_true(encode(&good, 2, buf, sizeof(buf), &clear_length) > 0);
        bad = good;
        set((uint8_t *)&bad + wrong[i].at, wrong[i].size, wrong[i].value);
        if (encode(&bad, 2, buf, sizeof(buf), &clear_length) != -EINVAL)
            fail_msg("case %zu was written", i);
    }
}

/* Reading: state, admin state, mode and recovery in turn. */
static void test_bytes_out_of_range(void **state)
{
    static struct bw_message good, out;
    uint8_t buf[BW_FRAME_MAX];
    size_t clear_length;

    (void)state;
    fixture_heartbeat(&good, 0, 0, 0, 0);
    good.sender = 1;
    good.heartbeat.pages_count = 0;
    for (unsigned at = 8; at < 12; at++) { /* state, admin, mode, recovery */
        for (unsigned value = 0; value < 256; value += at == 8 ? 8 : 7) {
            int length = encode(&good, 2, buf, sizeof(buf), &clear_length);
            buf[clear_length + 3 + at] = (uint8_t)value;
            if (value == 0 || value > 7)
                assert_int_equal(decode(buf, length, clear_length, &out), -EBADMSG);
        }
    }
}

static void put_tlv(struct bw_sink *sink, unsigned type, const char *bytes, size_t length)
{
    bw_put_uint(sink, type, 1);
    bw_put_uint(sink, length, 2);
    bw_put_bytes(sink, bytes, length);
}

#define HEARTBEAT_BYTES                                                                                                \
    "\0\0\0\0\0\0\0\1"                                                                                                 \
    "\3\1\1\1"                                                                                                         \
    "\0\0"                                                                                                             \
    "\0\1"                                                                                                             \
    "\0\1"                                                                                                             \
    "\1\1\1\1"                                                                                                         \
    "\0\0"                                                                                                             \
    "\0\0\0\1"                                                                                                         \
    "\0\0\0\0\0\0\0\1"
#define BOOT_BYTES "0123456789abcdef"

static const struct {
    const char *name;
    struct {
        unsigned type;
        const char *bytes;
        size_t length;
    } tlvs[4];
    int expected;
} bodies[] = {
#define T(type, bytes)                                                                                                 \
    {                                                                                                                  \
        type, bytes, sizeof(bytes) - 1                                                                                 \
    }
    {"empty", {{0, NULL, 0}}, -EBADMSG},
    {"heartbeat", {T(1, HEARTBEAT_BYTES)}, 0},
    {"longer structure", {T(1, HEARTBEAT_BYTES "p12345678future")}, 0},
    {"shorter structure", {T(1, "\0\0\0\0")}, -EBADMSG},
    {"unknown TLV skipped", {T(1, HEARTBEAT_BYTES), T(200, "whatever"), T(201, "")}, 0},
    {"unknown kind", {T(200, "whatever")}, -EBADMSG},
    {"kind not first",
     {T(2, "\x14\5" BOOT_BYTES "\0\1"
           "\1"),
      T(1, HEARTBEAT_BYTES)},
     -EBADMSG},
    {"kind twice", {T(1, HEARTBEAT_BYTES), T(1, HEARTBEAT_BYTES)}, -EBADMSG},
    {"two kinds", {T(1, HEARTBEAT_BYTES), T(14, "")}, -EBADMSG},
    {"another kind's section",
     {T(14, ""), T(2, "\x15\5" BOOT_BYTES "\0\1"
                      "\1\1")},
     -EBADMSG},
    {"echo",
     {T(1, HEARTBEAT_BYTES), T(2, "\x15\5" BOOT_BYTES "\0\1"
                                  "\1\1")},
     0},
    {"echo that may grow",
     {T(1, HEARTBEAT_BYTES), T(2, "\x17\5" BOOT_BYTES "\0\1"
                                  "\1\1"
                                  "xy")},
     0},
    {"echo too short",
     {T(1, HEARTBEAT_BYTES), T(2, "\x14\5" BOOT_BYTES "\0\1"
                                  "\1")},
     -EBADMSG},
    {"echo longer than its TLV",
     {T(1, HEARTBEAT_BYTES), T(2, "\x16\5" BOOT_BYTES "\0\1"
                                  "\1\1")},
     -EBADMSG},
    {"member twice",
     {T(1, HEARTBEAT_BYTES), T(2, "\x15\5" BOOT_BYTES "\0\1"
                                  "\1\1"
                                  "\x15\5" BOOT_BYTES "\0\1"
                                  "\1\1")},
     -EBADMSG},
    {"list twice", {T(1, HEARTBEAT_BYTES), T(4, "\4abcd"), T(4, "\4abcd")}, -EBADMSG},
    {"too many digests",
     {T(1, HEARTBEAT_BYTES), T(4, "\4abcd\4abcd\4abcd\4abcd\4abcd\4abcd\4abcd\4abcd\4abcd"
                                  "\4abcd\4abcd\4abcd\4abcd\4abcd\4abcd\4abcd\4abcd")},
     -EBADMSG},
    {"varint without end",
     {T(1, HEARTBEAT_BYTES), T(2, "\x1f\5" BOOT_BYTES "\0\1"
                                  "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\1")},
     -EBADMSG},
    {"varint of 65 bits",
     {T(1, HEARTBEAT_BYTES), T(2, "\x1e\5" BOOT_BYTES "\0\1"
                                  "\xff\xff\xff\xff\xff\xff\xff\xff\xff\2\1")},
     -EBADMSG},
    {"32 bits exceeded",
     {T(1, HEARTBEAT_BYTES), T(2, "\x19\5" BOOT_BYTES "\0\1"
                                  "\1\x80\x80\x80\x80\x10")},
     -EBADMSG},
    {"group epoch below zero", {T(1, HEARTBEAT_BYTES), T(3, "\x0e\0\0\0\0\5\x10\1\1\0\0\0\0\1\1")}, -EBADMSG},
    {"group", {T(1, HEARTBEAT_BYTES), T(3, "\x0e\0\0\0\0\5\2\1\1\0\0\0\0\1\1")}, 0},
    {"group twice",
     {T(1, HEARTBEAT_BYTES), T(3, "\x0e\0\0\0\0\5\2\1\1\0\0\0\0\1\1\x0e\0\0\0\0\5\2\1\1\0\0\0\0\1\1")},
     -EBADMSG},
    {"facts page without facts", {T(8, "\0\1abcd")}, -EBADMSG},
    {"facts page", {T(8, "\0\1abcd"), T(9, "\1v\6reason\0\0" BOOT_BYTES "12345678")}, 0},
    {"facts with a newline", {T(8, "\0\1abcd"), T(9, "\1v\6rea\non\0\0" BOOT_BYTES "12345678")}, -EBADMSG},
    {"facts with an escape", {T(8, "\0\1abcd"), T(9, "\1v\6rea\x1bon\0\0" BOOT_BYTES "12345678")}, -EBADMSG},
    {"facts with NUL inside", {T(8, "\0\1abcd"), T(9, "\1v\6rea\0on\0\0" BOOT_BYTES "12345678")}, -EBADMSG},
    {"facts with C1 control", {T(8, "\0\1abcd"), T(9, "\1v\6rea\xc2\x9bn\0\0" BOOT_BYTES "12345678")}, -EBADMSG},
    {"facts with bad UTF-8", {T(8, "\0\1abcd"), T(9, "\1v\6rea\xffon\0\0" BOOT_BYTES "12345678")}, -EBADMSG},
    {"facts with overlong UTF-8", {T(8, "\0\1abcd"), T(9, "\1v\6rea\xc0\xafn\0\0" BOOT_BYTES "12345678")}, -EBADMSG},
    {"facts with cut UTF-8", {T(8, "\0\1abcd"), T(9, "\1v\4rea\xc3\0\0" BOOT_BYTES "12345678")}, -EBADMSG},
    {"version too long",
     {T(8, "\0\1abcd"), T(9, "\x20"
                             "0123456789abcdef0123456789abcdef"
                             "\0\0\0" BOOT_BYTES "12345678")},
     -EBADMSG},
    {"pnotes in a facts page", {T(8, "\0\1abcd"), T(11, "")}, -EBADMSG},
    {"state query", {T(14, "")}, 0},
    {"farewell", {T(13, "\1" BOOT_BYTES)}, 0},
    {"farewell of nobody", {T(13, "\0" BOOT_BYTES)}, -EBADMSG},
    {"farewell cut",
     {T(13, "\1"
            "0123456789abcde")},
     -EBADMSG},
#undef T
};

/* Bodies written by hand: what the encoder would never write. */
static void test_crafted(void **state)
{
    static struct bw_message out;

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        uint8_t buf[BW_FRAME_MAX];
        struct bw_sink sink = {.bytes = buf, .cap = sizeof(buf)};
        int result;

        for (unsigned j = 0; j < 4 && bodies[i].tlvs[j].type; j++)
            put_tlv(&sink, bodies[i].tlvs[j].type, bodies[i].tlvs[j].bytes, bodies[i].tlvs[j].length);
        result = bw_ccp_decode_body(buf, sink.length, &out);
        if (result != bodies[i].expected)
            fail_msg("%s: %d instead of %d", bodies[i].name, result, bodies[i].expected);
    }
}

static void test_clear_refused(void **state)
{
    static struct bw_message in;
    static const struct {
        size_t at;
        uint8_t high, low;
        int expected;
    } cases[] = {
        {0, 0x1a, 0x91, -EBADMSG}, /* magic */
        {2, 0x0c, 0x31, -EPROTO},  /* version 3121 */
        {4, 0, 0, -EPROTO},        /* cluster numbers */
        {4, 0, 255, -EPROTO},
        {4, 0x27, 0x85, -EPROTO},
        {6, 0, 0, -EBADMSG}, /* opcodes */
        {6, 0, 3, -EBADMSG},
        {6, 0, 11, -EBADMSG},
        {6, 1, 1, -EBADMSG},
        {8, 0, 0, -EBADMSG}, /* interface */
        {8, 0, BW_MAX_INTERFACES + 1, -EBADMSG},
        {12, 0, 0, -EBADMSG}, /* sender */
        {12, 0, 255, -EBADMSG},
        {12, 1, 1, -EBADMSG},
        {14, 0, 0, -EBADMSG}, /* target */
        {14, 0xff, 0xff, -EBADMSG},
        {20, 0x7f, 0xff, -EBADMSG}, /* number of ids */
        {20, 0, 254, -EBADMSG},
        {22, 0, 4, -EBADMSG}, /* report code */
        {22, 0, 0, 0},
        {20, 0, 16, 0}, /* other members' lists may be longer, where there is room for them */
    };
    uint8_t buf[BW_FRAME_MAX], copy[BW_FRAME_MAX];
    size_t clear_length;
    struct bw_clear clear;
    int length;

    (void)state;
    fixture_heartbeat(&in, 0, 0, 0, 0);
    in.heartbeat.pages_count = 0;
    in.sender = 1;
    length = encode(&in, 2, buf, sizeof(buf), &clear_length);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int result;

        memcpy(copy, buf, (size_t)length);
        copy[cases[i].at] = cases[i].high;
        copy[cases[i].at + 1] = cases[i].low;
        result = bw_ccp_decode_clear(copy, (size_t)length, &clear);
        if (result != cases[i].expected)
            fail_msg("case %zu: %d instead of %d", i, result, cases[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_bytes_out_of_range),
        cmocka_unit_test(test_crafted),
        cmocka_unit_test(test_clear_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
