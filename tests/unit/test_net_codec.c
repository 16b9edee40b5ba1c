/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The CCP codec: what goes out comes in, and nothing else does.
 */
#include <errno.h>
#include <stdio.h>

#include "agent/net/tlv.h"
#include "test_net_fixture.h"

#define ROUNDS  300
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

static void test_round_trip(void **state)
{
    static struct bw_message in, out;
    uint8_t buf[BW_FRAME_MAX];
    size_t clear_length;

    (void)state;
    for (unsigned round = 0; round < ROUNDS * FIXTURE_MESSAGES; round++) {
        struct bw_clear clear;
        int length;

        fixture_message(&in, round % FIXTURE_MESSAGES);
        in.sender = (uint8_t)fixture_between(1, 254);
        in.interface = (uint8_t)fixture_between(0, BW_MAX_INTERFACES - 1);
        for (unsigned i = 0; i < in.heartbeat.echoes_count && in.kind == BW_MESSAGE_HEARTBEAT; i++) {
            in.heartbeat.echoes[i].challenge = fixture_between(0, 1) ? fixture_random() : 0;
            in.heartbeat.echoes[i].response = fixture_between(0, 1) ? fixture_random() : 0;
        }
        length = encode(&in, round % 17, buf, sizeof(buf), &clear_length);
        assert_in_range(length, 1, sizeof(buf));
        assert_int_equal(bw_ccp_decode_clear(buf, (size_t)length, &clear), 0);
        assert_int_equal(clear.length, clear_length);
        assert_int_equal(clear.cluster, CLUSTER);
        assert_int_equal(clear.sender, in.sender);
        assert_int_equal(clear.interface, in.interface + 1);
        assert_int_equal(clear.target, in.kind == BW_MESSAGE_PAGE_REQUEST ? in.page_request.target : 0xfffe);
        memset(&out, 0xa5, sizeof(out));
        assert_int_equal(decode(buf, length, clear_length, &out), 0);
        out.sender = in.sender;
        out.interface = in.interface;
        assert_memory_equal(&in, &out, sizeof(in));
    }
}

static void test_truncation(void **state)
{
    static struct bw_message in, out;
    uint8_t buf[BW_FRAME_MAX];
    size_t clear_length;

    (void)state;
    for (unsigned which = 0; which < FIXTURE_MESSAGES; which++) {
        struct bw_clear clear;
        int length, accepted = 0;

        if (which == 0)
            fixture_heartbeat(&in, 4, 2, 1, 1);
        else if (which < 4)
            fixture_page(&in, (enum bw_page_kind)which, true);
        else
            fixture_message(&in, which);
        in.sender = 1;
        length = encode(&in, 2, buf, sizeof(buf), &clear_length);
        assert_true(length > 0);
        for (size_t cut = 0; cut < clear_length; cut++)
            assert_int_equal(bw_ccp_decode_clear(buf, cut, &clear), -EBADMSG);
        /* A body that ends where a TLV ends is whole as far as can be told; anywhere else it is not. */
        for (int cut = (int)clear_length; cut < length; cut++) {
            uint8_t *exact = malloc((size_t)cut + 1); /* so that reading past the end is seen */
            memcpy(exact, buf, (size_t)cut);
            accepted += decode(exact, cut, clear_length, &out) == 0;
            free(exact);
        }
        assert_true(accepted < 7);
        /* And there is never room enough in less. */
        for (int cap = 0; cap < length; cap++) {
            size_t clear_part;
            int result = encode(&in, 2, buf, (size_t)cap, &clear_part);
            assert_true(result == -ENOSPC || (which == 0 && result <= cap));
        }
    }
}

/* 16 members × 16 groups, everything that may be long long: echoes and groups are all there, commands and answers take
 * turns. */
static void test_full_heartbeat(void **state)
{
    static struct bw_message in, out;
    uint8_t buf[BW_FRAME_MAX];
    unsigned commands[BW_MAX_COMMANDS] = {0}, answers[BW_MAX_COMMANDS] = {0};
    size_t clear_length, room = BW_FRAME_MAX - 28 - 16;

    (void)state;
    for (unsigned turn = 0; turn < 32; turn++) {
        struct bw_heartbeat *h = &in.heartbeat;
        int length;

        fixture_heartbeat(&in, BW_MAX_MEMBERS, BW_MAX_GROUPS, BW_MAX_COMMANDS, BW_MAX_COMMANDS);
        in.sender = 1;
        h->turn = (UINT64_C(1) << 40) + turn;
        h->pages_count = BW_MAX_PAGES;
        for (unsigned i = 0; i < BW_MAX_MEMBERS; i++) {
            h->echoes[i].turn = (UINT64_C(1) << 40) + fixture_between(0, 1000);
            h->echoes[i].held_us = (uint32_t)fixture_between(0, 10000000);
        }
        for (unsigned i = 0; i < BW_MAX_GROUPS; i++) {
            fixture_group(&h->groups[i], (uint8_t)i, fixture_between(1000, 1000000));
            h->groups[i].confirm_epoch = h->groups[i].epoch - fixture_between(0, 100);
        }
        for (unsigned i = 0; i < BW_MAX_COMMANDS; i++) {
            fixture_command(&h->commands[i], true);
            fixture_answer(&h->answers[i], true);
            h->commands[i].number = h->answers[i].number = i + 1;
        }
        length = encode(&in, BW_MAX_MEMBERS, buf, room, &clear_length);
        assert_in_range(length, 1, room);
        assert_int_equal(decode(buf, length, clear_length, &out), 0);
        assert_int_equal(out.heartbeat.echoes_count, BW_MAX_MEMBERS);
        assert_int_equal(out.heartbeat.groups_count, BW_MAX_GROUPS);
        assert_int_equal(out.heartbeat.pages_count, BW_MAX_PAGES);
        assert_memory_equal(out.heartbeat.echoes, h->echoes, sizeof(h->echoes));
        assert_memory_equal(out.heartbeat.groups, h->groups, sizeof(h->groups));
        for (unsigned i = 0; i < out.heartbeat.commands_count; i++)
            commands[out.heartbeat.commands[i].number - 1]++;
        for (unsigned i = 0; i < out.heartbeat.answers_count; i++)
            answers[out.heartbeat.answers[i].number - 1]++;
    }
    for (unsigned i = 0; i < BW_MAX_COMMANDS; i++) {
        assert_in_range(commands[i], 4, 32);
        assert_in_range(answers[i], 4, 32);
    }
}

/* With four of each and short answers all is in each heartbeat. */
static void test_full_heartbeat_short(void **state)
{
    static struct bw_message in, out;
    uint8_t buf[BW_FRAME_MAX];
    size_t clear_length;
    int length;

    (void)state;
    fixture_heartbeat(&in, 7, 8, BW_MAX_COMMANDS, BW_MAX_COMMANDS);
    in.sender = 1;
    for (unsigned i = 0; i < BW_MAX_COMMANDS; i++)
        in.heartbeat.commands[i].who[20] = in.heartbeat.answers[i].text[40] = '\0';
    length = encode(&in, 8, buf, BW_FRAME_MAX - 44, &clear_length);
    assert_true(length > 0);
    assert_int_equal(decode(buf, length, clear_length, &out), 0);
    assert_int_equal(out.heartbeat.commands_count, BW_MAX_COMMANDS);
    assert_int_equal(out.heartbeat.answers_count, BW_MAX_COMMANDS);
}

static void test_pages_fit(void **state)
{
    static struct bw_message in;
    uint8_t buf[BW_FRAME_MAX];
    size_t clear_length;

    (void)state;
    for (int kind = BW_PAGE_FACTS; kind <= BW_PAGE_RESOURCES; kind++) {
        int length;

        fixture_page(&in, (enum bw_page_kind)kind, true);
        in.sender = 1;
        length = encode(&in, BW_MAX_MEMBERS, buf, sizeof(buf), &clear_length);
        assert_in_range(length - (int)clear_length, 1, 1200);
    }
}

/* A local text that the wire does not allow doesn't keep the message from being sent. */
static void test_text_made_sendable(void **state)
{
    static struct bw_message in, out;
    uint8_t buf[BW_FRAME_MAX];
    size_t clear_length;
    int length;

    (void)state;
    fixture_page(&in, BW_PAGE_PNOTES, true);
    in.sender = 1;
    strcpy(in.page.pnotes[0].detail, "line\nbreak \xff caf\xc3\xa9 \x7f");
    memset(in.page.pnotes[1].name, 'x', sizeof(in.page.pnotes[1].name)); /* not terminated */
    length = encode(&in, 2, buf, sizeof(buf), &clear_length);
    assert_true(length > 0);
    assert_int_equal(decode(buf, length, clear_length, &out), 0);
    assert_string_equal(out.page.pnotes[0].detail, "line?break ? caf\xc3\xa9 ?");
    assert_int_equal(strlen(out.page.pnotes[1].name), BW_NAME_MAX - 1);
}

/* A command that cannot be told must not hold the heartbeat back. */
static void test_bad_command_left_out(void **state)
{
    static struct bw_message in, out;
    uint8_t buf[BW_FRAME_MAX];
    size_t clear_length;
    int length;

    (void)state;
    fixture_heartbeat(&in, 1, 1, 2, 0);
    in.sender = 1;
    in.heartbeat.turn = 2;
    in.heartbeat.commands[0].target = 0;
    length = encode(&in, 2, buf, sizeof(buf), &clear_length);
    assert_true(length > 0);
    assert_int_equal(decode(buf, length, clear_length, &out), 0);
    assert_int_equal(out.heartbeat.commands_count, 1);
    assert_int_equal(out.heartbeat.commands[0].number, in.heartbeat.commands[1].number);
}

/* Random bytes and random changes: never out of bounds (sanitizers), and what is accepted can be written again. */
static void test_noise(void **state)
{
    static struct bw_message in, out, again;
    uint8_t buf[BW_FRAME_MAX];
    size_t clear_length;

    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        int length;

        fixture_message(&in, round % FIXTURE_MESSAGES);
        in.sender = 1;
        length = encode(&in, 2, buf, sizeof(buf), &clear_length);
        assert_true(length > 0);
        for (unsigned i = fixture_between(1, 4); i > 0; i--)
            buf[fixture_between(clear_length, (uint64_t)length - 1)] = (uint8_t)fixture_random();
        if (decode(buf, length, clear_length, &out) != 0)
            continue;
        out.sender = 1;
        length = encode(&out, 2, buf, sizeof(buf), &clear_length);
        assert_true(length > 0);
        assert_int_equal(decode(buf, length, clear_length, &again), 0);
        again.sender = 1;
        assert_memory_equal(&out, &again, sizeof(out));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_full_heartbeat),
        cmocka_unit_test(test_full_heartbeat_short),
        cmocka_unit_test(test_pages_fit),
        cmocka_unit_test(test_text_made_sendable),
        cmocka_unit_test(test_bad_command_left_out),
        cmocka_unit_test(test_noise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
