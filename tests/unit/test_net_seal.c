/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sealed frames: what is authentic and fresh, and what is not.
 */
#include <errno.h>
#include <stdio.h>

#include "test_net_peers.h"

/* Everything arrives as it was sent, whatever the kind, with authentication and without. */
static void test_round_trip(void **state)
{
    static struct bw_message in;

    (void)state;
    for (unsigned none = 0; none < 2; none++) {
        struct peer a, b;
        struct frame frame;

        memset(&a, 0, sizeof(a));
        memset(&b, 0, sizeof(b));
        a.setup.keys_count = b.setup.keys_count = 1;
        a.setup.auth_none = b.setup.auth_none = none;
        start_with(&a, 1, 3);
        start_with(&b, 2, 3);
        introduce(&a, &b);
        for (unsigned round = 0; round < 20 * FIXTURE_MESSAGES; round++) {
            unsigned which = round % FIXTURE_MESSAGES;
            uint8_t interface = (uint8_t)(round % BW_MAX_INTERFACES);

            fixture_message(&in, which);
            if (which == 5)
                in.farewell.member = 1;
            send_message(&a, &in, interface, &frame);
            assert_int_equal(hear_on(&b, &frame, interface), which == 5 ? BW_VERDICT_FAREWELL : BW_VERDICT_ACCEPT);
            assert_int_equal(heard.sender, 1);
            assert_memory_equal(&heard.boot, &a.setup.boot, sizeof(heard.boot));
            for (unsigned i = 0; in.kind == BW_MESSAGE_PAGE && i < in.page.count; i++) {
                if (in.page.kind == BW_PAGE_INTERFACES)
                    in.page.interfaces[i].member = 1;
                else if (in.page.kind == BW_PAGE_PNOTES)
                    in.page.pnotes[i].member = 1;
                else if (in.page.kind == BW_PAGE_RESOURCES)
                    in.page.resources[i].member = 1;
            }
            if (in.kind == BW_MESSAGE_HEARTBEAT) {
                for (unsigned i = 0; i < in.heartbeat.echoes_count; i++)
                    in.heartbeat.echoes[i].challenge = in.heartbeat.echoes[i].response = 0;
            }
            assert_memory_equal(&heard, &in, sizeof(in));
            assert_int_equal(hear_on(&b, &frame, interface), BW_VERDICT_REPLAYED);
        }
        end(&a);
        end(&b);
    }
}

/* Every bit of a sealed frame counts. */
static void test_bit_flips(void **state)
{
    struct peer a, b;
    struct frame frame, copy;
    unsigned foreign = 0;

    (void)state;
    start(&a, 1, 2);
    start(&b, 2, 2);
    introduce(&a, &b);
    send_heartbeat(&a, 0, &frame);
    for (size_t bit = 0; bit < frame.length * 8; bit++) {
        enum bw_verdict verdict;

        copy = frame;
        copy.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        verdict = hear(&b, &copy);
        foreign += verdict == BW_VERDICT_FOREIGN;
        if (verdict != BW_VERDICT_MALFORMED && verdict != BW_VERDICT_UNAUTHENTIC && verdict != BW_VERDICT_FOREIGN)
            fail_msg("bit %zu: verdict %d", bit, verdict);
    }
    assert_in_range(foreign, 1, 32); /* of the version and the cluster number */
    for (size_t cut = 0; cut < frame.length; cut++) {
        enum bw_verdict verdict;

        copy = frame;
        copy.length = cut;
        verdict = hear(&b, &copy);
        assert_true(verdict == BW_VERDICT_MALFORMED || verdict == BW_VERDICT_UNAUTHENTIC);
    }
    assert_int_equal(hear(&b, &frame), BW_VERDICT_ACCEPT);
    copy = frame;
    copy.length = BW_FRAME_MAX;
    assert_int_equal(hear(&b, &copy), BW_VERDICT_UNAUTHENTIC);
    end(&a);
    end(&b);
}

static void test_keys(void **state)
{
    struct peer a, b, c;
    struct frame frame;

    (void)state;
    start(&a, 1, 3);
    start(&b, 2, 3);
    memset(&c, 0, sizeof(c));
    c.setup.keys_count = 1;
    memset(c.setup.keys[0], 0x22, BW_KEY_BYTES);
    start_with(&c, 3, 3);
    send_heartbeat(&c, 0, &frame);
    assert_int_equal(hear(&a, &frame), BW_VERDICT_UNAUTHENTIC);
    end(&b);

    /* Rotation: b has the new key first and the old one second, a only the old: b hears a, a doesn't hear b. */
    memset(&b, 0, sizeof(b));
    b.setup.keys_count = 2;
    memset(b.setup.keys[0], 0x22, BW_KEY_BYTES);
    memset(b.setup.keys[1], 0x11, BW_KEY_BYTES);
    start_with(&b, 2, 3);
    assert_int_equal(tell(&a, &b), BW_VERDICT_QUERY);
    assert_int_equal(tell(&b, &a), BW_VERDICT_UNAUTHENTIC);
    end(&a);
    /* As it should be done: the new key second everywhere before it is first anywhere. */
    memset(&a, 0, sizeof(a));
    a.setup.keys_count = 2;
    memset(a.setup.keys[0], 0x11, BW_KEY_BYTES);
    memset(a.setup.keys[1], 0x22, BW_KEY_BYTES);
    start_with(&a, 1, 3);
    introduce(&a, &b);
    introduce(&b, &c);
    introduce(&a, &b);
    end(&a);
    end(&b);
    end(&c);
}

/* With a key nothing plain is taken, without one nothing sealed. */
static void test_auth_none_apart(void **state)
{
    struct peer a, b;

    (void)state;
    start(&a, 1, 2);
    memset(&b, 0, sizeof(b));
    b.setup.auth_none = true;
    start_with(&b, 2, 2);
    assert_int_equal(tell(&b, &a), BW_VERDICT_UNAUTHENTIC);
    assert_int_equal(tell(&a, &b), BW_VERDICT_UNAUTHENTIC);
    end(&a);
    end(&b);
}

static void test_foreign_own_duplicate(void **state)
{
    struct peer a, b, twin, keeper;
    struct frame frame;

    (void)state;
    start(&a, 1, 2);
    start(&b, 2, 2);
    b.setup.cluster = 18;
    assert_non_null(bw_seal_init(b.seal, &b.setup));
    assert_int_equal(tell(&b, &a), BW_VERDICT_FOREIGN);

    send_heartbeat(&a, 0, &frame);
    assert_int_equal(hear(&a, &frame), BW_VERDICT_OWN);

    start(&twin, 1, 2);
    assert_int_equal(tell(&twin, &a), BW_VERDICT_DUPLICATE_ID);
    farewell(&twin, &twin.setup.boot, 1, &frame);
    assert_int_equal(hear(&a, &frame), BW_VERDICT_DUPLICATE_ID);

    start(&keeper, 1, 2);
    a.setup.keeper = keeper.setup.boot;
    assert_non_null(bw_seal_init(a.seal, &a.setup));
    assert_int_equal(tell(&keeper, &a), BW_VERDICT_OWN);
    farewell(&keeper, &a.setup.boot, 1, &frame);
    assert_int_equal(hear(&a, &frame), BW_VERDICT_FAREWELL);
    assert_memory_equal(&heard.farewell.over, &a.setup.boot, sizeof(heard.farewell.over));
    end(&a);
    end(&b);
    end(&twin);
    end(&keeper);
}

static void test_replay_window(void **state)
{
    enum { FRAMES = 1500 };
    static struct frame frames[FRAMES];
    struct peer a, b;
    unsigned order[FRAMES];

    (void)state;
    start(&a, 1, 2);
    start(&b, 2, 2);
    introduce(&a, &b);
    for (unsigned i = 0; i < FRAMES; i++) {
        send_heartbeat(&a, (uint8_t)(i % 4), &frames[i]);
        order[i] = i;
    }
    /* Disorder within 32 frames: each is taken exactly once. */
    for (unsigned i = 0; i + 32 <= FRAMES; i += 32) {
        for (unsigned j = 31; j > 0; j--) {
            unsigned k = (unsigned)fixture_between(0, j), swap = order[i + j];
            order[i + j] = order[i + k];
            order[i + k] = swap;
        }
    }
    for (unsigned i = 0; i < FRAMES; i++) {
        unsigned old = (unsigned)fixture_between(0, i);

        assert_int_equal(hear_on(&b, &frames[order[i]], (uint8_t)(order[i] % 4)), BW_VERDICT_ACCEPT);
        assert_int_equal(hear_on(&b, &frames[order[old]], (uint8_t)(order[old] % 4)), BW_VERDICT_REPLAYED);
        /* Not on another interface either. */
        assert_int_equal(hear_on(&b, &frames[order[old]], (uint8_t)((order[old] + 1) % 4)), BW_VERDICT_REPLAYED);
    }
    end(&a);
    end(&b);
}

/* The window by itself against a plain list of what was seen. */
static void test_window_model(void **state)
{
    enum { NUMBERS = 4000 };
    static bool seen[NUMBERS];

    (void)state;
    for (unsigned run = 0; run < 20; run++) {
        struct bw_window window = {0};
        uint64_t top = 0;

        memset(seen, 0, sizeof(seen));
        for (unsigned i = 0; i < 5000; i++) {
            uint64_t jump = fixture_between(0, 20) ? 70 : 600;
            uint64_t low = top > jump ? top - jump : 0, number = low + fixture_between(0, jump + jump / 8);
            bool fresh;

            if (number >= NUMBERS)
                break;
            fresh = number && !seen[number] && (number > top || top - number < BW_WINDOW_BITS);
            assert_int_equal(bw_window_fresh(&window, number), fresh);
            if (!fresh)
                continue;
            bw_window_mark(&window, number);
            seen[number] = true;
            top = number > top ? number : top;
        }
    }
    assert_true(BW_WINDOW_BITS >= 64);
}

static void test_sequence_end(void **state)
{
    struct peer a, b;
    struct frame frame, last;
    static struct bw_message message;

    (void)state;
    start(&a, 1, 2);
    start(&b, 2, 2);
    introduce(&a, &b);
    bw_seal_set_sequence(a.seal, BW_SEQUENCE_MAX - 3);
    send_heartbeat(&a, 0, &frame);
    assert_int_equal(hear(&b, &frame), BW_VERDICT_ACCEPT);
    assert_int_equal(heard.sequence, BW_SEQUENCE_MAX - 2);
    send_heartbeat(&a, 0, &frame);
    send_heartbeat(&a, 0, &last);
    assert_int_equal(hear(&b, &last), BW_VERDICT_ACCEPT);
    assert_int_equal(heard.sequence, BW_SEQUENCE_MAX);
    assert_int_equal(hear(&b, &frame), BW_VERDICT_ACCEPT);
    assert_int_equal(hear(&b, &last), BW_VERDICT_REPLAYED);
    fixture_heartbeat(&message, 0, 0, 0, 0);
    assert_int_equal(bw_seal_frame(a.seal, &message, &a.facts, 0, frame.bytes, sizeof(frame.bytes)), -EOVERFLOW);
    end(&a);
    end(&b);
}

static void test_setup_refused(void **state)
{
    struct peer a;
    struct bw_seal_setup setup;
    void *memory = malloc(bw_seal_size());

    (void)state;
    start(&a, 1, 2);
    setup = a.setup;
    setup.keys_count = 0;
    assert_null(bw_seal_init(memory, &setup));
    setup = a.setup;
    setup.local = 0;
    assert_null(bw_seal_init(memory, &setup));
    setup = a.setup;
    memset(&setup.boot, 0, sizeof(setup.boot));
    assert_null(bw_seal_init(memory, &setup));
    free(memory);
    end(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_bit_flips),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_auth_none_apart),
        cmocka_unit_test(test_foreign_own_duplicate),
        cmocka_unit_test(test_replay_window),
        cmocka_unit_test(test_window_model),
        cmocka_unit_test(test_sequence_end),
        cmocka_unit_test(test_setup_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
