/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sessions: which incarnation of a member is believed, and which never is.
 */
#include <stdio.h>

#include "test_net_peers.h"

/* Two members that start: nobody is believed before the other has answered, then both are. */
static void test_adoption(void **state)
{
    struct peer a, b;
    struct frame early, frame;

    (void)state;
    start(&a, 1, 2);
    start(&b, 2, 2);
    send_heartbeat(&b, 1, &early);
    assert_int_equal(tell(&a, &b), BW_VERDICT_QUERY);
    assert_int_equal(heard.sender, 1);
    assert_memory_equal(&heard.boot, &a.setup.boot, sizeof(heard.boot));
    assert_int_equal(heard.kind, 0);
    assert_int_equal(tell(&b, &a), BW_VERDICT_ACCEPT); /* it answered a's challenge */
    assert_int_equal(tell(&a, &b), BW_VERDICT_ACCEPT);
    assert_int_equal(tell(&b, &a), BW_VERDICT_ACCEPT);

    /* What b sent before it was adopted is not taken afterwards, on any interface. */
    assert_int_equal(hear_on(&a, &early, 1), BW_VERDICT_QUERY);
    send_heartbeat(&b, 1, &frame);
    assert_int_equal(hear_on(&a, &frame, 1), BW_VERDICT_ACCEPT);
    assert_int_equal(heard.interface, 1);
    assert_true(hear_on(&a, &early, 1) != BW_VERDICT_ACCEPT);
    end(&a);
    end(&b);
}

/* Members that know each other spend no bytes on it. */
static void test_handshake_ends(void **state)
{
    struct peer a, b;
    struct frame first, frame;

    (void)state;
    start(&a, 1, 2);
    start(&b, 2, 2);
    send_heartbeat(&a, 0, &first);
    introduce(&a, &b);
    for (unsigned i = 0; i < 600; i++) {
        assert_int_equal(tell(&a, &b), BW_VERDICT_ACCEPT);
        assert_int_equal(tell(&b, &a), BW_VERDICT_ACCEPT);
    }
    {
        static struct bw_message in;
        fixture_heartbeat(&in, 0, 0, 0, 0);
        in.heartbeat.pages_count = 0;
        send_message(&a, &in, 0, &frame);
        assert_int_equal(frame.length, 20 + 8 + 2 + 4 + 2 + 28 + 3 + 45 + 16);
    }
    end(&a);
    end(&b);
}

static void test_restart(void **state)
{
    struct peer a, b, old;
    struct frame recorded[40], frame;
    unsigned count = 0;

    (void)state;
    start(&a, 1, 2);
    start(&b, 2, 2);
    introduce(&a, &b);
    while (count < 40) {
        send_heartbeat(&b, (uint8_t)(count % 3), &recorded[count]);
        if (count % 2)
            assert_int_equal(hear_on(&a, &recorded[count], (uint8_t)(count % 3)), BW_VERDICT_ACCEPT);
        count++;
    }
    old = b;
    start(&b, 2, 2);
    assert_int_equal(tell(&b, &a), BW_VERDICT_QUERY);
    assert_int_equal(tell(&a, &b), BW_VERDICT_ACCEPT); /* b has only just started, and a answered */
    assert_int_equal(tell(&b, &a), BW_VERDICT_ACCEPT);
    assert_memory_equal(&heard.boot, &b.setup.boot, sizeof(heard.boot));

    /* Nothing of the old incarnation counts any more, neither heard nor unheard, nor what it would say now. */
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(hear_on(&a, &recorded[i], (uint8_t)(i % 3)), i % 2 ? BW_VERDICT_REPLAYED : BW_VERDICT_QUERY);
    assert_int_equal(tell(&a, &b), BW_VERDICT_ACCEPT);
    assert_int_equal(tell(&b, &a), BW_VERDICT_ACCEPT);
    send_heartbeat(&old, 0, &frame);
    assert_int_equal(hear(&a, &frame), BW_VERDICT_QUERY);
    end(&a);
    end(&b);
    end(&old);
}

/* What was heard of any incarnation before is known as replayed, however often the member restarts. */
static void test_many_restarts(void **state)
{
    enum { LIVES = 8 };
    struct peer a, b;
    struct frame heard_frames[LIVES];

    (void)state;
    start(&a, 1, 2);
    for (unsigned life = 0; life < LIVES; life++) {
        start(&b, 2, 2);
        introduce(&a, &b);
        send_heartbeat(&b, 0, &heard_frames[life]);
        assert_int_equal(hear(&a, &heard_frames[life]), BW_VERDICT_ACCEPT);
        for (unsigned i = 0; i <= life; i++)
            assert_int_equal(hear(&a, &heard_frames[i]), BW_VERDICT_REPLAYED);
        end(&b);
    }
    end(&a);
}

/* Two living members that share an id take turns; both are told, and neither is shut out for ever. Each hears of the other for
 * certain once that has answered its challenge; what is recorded of one never passes for a living one. */
static void test_shared_id(void **state)
{
    struct frame recorded;
    struct peer a, b, c;

    (void)state;
    start(&a, 1, 2);
    start(&b, 2, 2);
    start(&c, 2, 2);
    for (unsigned round = 0; round < 3; round++) {
        introduce(&a, &b);
        introduce(&a, &c);
        send_heartbeat(&b, 0, &recorded);
        assert_int_equal(hear(&c, &recorded), round == 0 ? BW_VERDICT_DUPLICATE_ID : BW_VERDICT_ACCEPT);
        assert_int_equal(hear(&c, &recorded), round == 0 ? BW_VERDICT_DUPLICATE_ID : BW_VERDICT_REPLAYED);
        assert_int_equal(tell(&c, &b), round == 0 ? BW_VERDICT_DUPLICATE_ID : BW_VERDICT_ACCEPT);
        tell(&b, &c);
        tell(&c, &b);
        assert_int_equal(tell(&b, &c), BW_VERDICT_ACCEPT);
        assert_int_equal(heard.sender, 2);
        assert_int_equal(tell(&c, &b), BW_VERDICT_ACCEPT);
    }
    end(&a);
    end(&b);
    end(&c);
}

/* Frames of old incarnations, replayed without end, keep no living one from being adopted. */
static void test_adoption_under_replay(void **state)
{
    enum { GHOSTS = 20 };
    struct peer a, b, ghosts[GHOSTS];
    struct frame recorded[GHOSTS];
    unsigned rounds = 0;
    bool mutual;

    (void)state;
    for (unsigned i = 0; i < GHOSTS; i++) {
        start(&ghosts[i], 1, 2);
        send_heartbeat(&ghosts[i], 0, &recorded[i]);
    }
    start(&a, 1, 2);
    start(&b, 2, 2);
    do {
        mutual = tell(&a, &b) == BW_VERDICT_ACCEPT;
        for (unsigned i = 0; i < 6; i++)
            assert_int_equal(hear(&b, &recorded[fixture_between(0, GHOSTS - 1)]), BW_VERDICT_QUERY);
        mutual = tell(&b, &a) == BW_VERDICT_ACCEPT && mutual;
        assert_true(++rounds < 200);
    } while (!mutual);
    for (unsigned i = 0; i < GHOSTS; i++)
        end(&ghosts[i]);
    end(&a);
    end(&b);
}

/* An answer to a challenge that was recorded serves once: not after the member was forgotten, nor after its end. */
static void test_answer_not_replayable(void **state)
{
    struct peer a, b, ghost;
    struct frame ghost_frame, answers[20], frame;

    (void)state;
    start(&ghost, 2, 2);
    send_heartbeat(&ghost, 0, &ghost_frame);
    start(&a, 1, 2);
    start(&b, 2, 2);
    introduce(&a, &b);
    /* A stranger in b's name makes a challenge; b answers, and all its answers are recorded, some withheld. */
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(hear(&a, &ghost_frame), BW_VERDICT_QUERY);
        tell(&a, &b);
        send_heartbeat(&b, 0, &answers[i]);
        if (i < 10)
            assert_int_equal(hear(&a, &answers[i]), BW_VERDICT_ACCEPT);
    }
    bw_seal_forget(a.seal, 2);
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(hear(&a, &answers[i]), i < 10 ? BW_VERDICT_REPLAYED : BW_VERDICT_QUERY);
    /* The living one is adopted again. */
    introduce(&a, &b);
    farewell(&b, &b.setup.boot, 2, &frame);
    assert_int_equal(hear(&a, &frame), BW_VERDICT_FAREWELL);
    for (unsigned i = 0; i < 20; i++)
        assert_true(hear(&a, &answers[i]) != BW_VERDICT_ACCEPT);
    end(&a);
    end(&b);
    end(&ghost);
}

static void test_three(void **state)
{
    struct peer peers[3];
    struct frame frame;

    (void)state;
    for (uint8_t i = 0; i < 3; i++)
        start(&peers[i], i + 1, 3);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned from = 0; from < 3; from++) {
            send_heartbeat(&peers[from], 0, &frame); /* one frame, heard by both others */
            for (unsigned to = 0; to < 3; to++) {
                enum bw_verdict verdict = from == to ? BW_VERDICT_OWN : BW_VERDICT_ACCEPT;
                enum bw_verdict told = hear(&peers[to], &frame);
                if (round > 0)
                    assert_int_equal(told, verdict);
            }
        }
    }
    /* One restarts: only its own session starts anew. */
    end(&peers[2]);
    start(&peers[2], 3, 3);
    assert_int_equal(tell(&peers[2], &peers[0]), BW_VERDICT_QUERY);
    assert_int_equal(tell(&peers[0], &peers[1]), BW_VERDICT_ACCEPT);
    assert_int_equal(tell(&peers[1], &peers[0]), BW_VERDICT_ACCEPT);
    assert_int_equal(tell(&peers[0], &peers[2]), BW_VERDICT_ACCEPT);
    assert_int_equal(tell(&peers[2], &peers[0]), BW_VERDICT_ACCEPT);
    for (unsigned i = 0; i < 3; i++)
        end(&peers[i]);
}

/* A frame for one member's challenge adopts nobody at another. */
static void test_answer_for_another(void **state)
{
    struct peer a, b, c;
    struct frame frame;

    (void)state;
    start(&a, 1, 3);
    start(&b, 2, 3);
    start(&c, 3, 3);
    tell(&a, &b);
    send_heartbeat(&b, 0, &frame); /* answers a's challenge */
    assert_int_equal(hear(&c, &frame), BW_VERDICT_QUERY);
    assert_int_equal(hear(&a, &frame), BW_VERDICT_ACCEPT);
    end(&a);
    end(&b);
    end(&c);
}

static void test_keeper_farewell(void **state)
{
    struct peer a, b, keeper;
    struct frame frame, late;

    (void)state;
    start(&a, 1, 2);
    start(&b, 2, 2);
    start(&keeper, 2, 2);
    introduce(&a, &b);
    send_heartbeat(&b, 0, &late);
    farewell(&keeper, &b.setup.boot, 2, &frame);
    assert_int_equal(hear(&a, &frame), BW_VERDICT_FAREWELL);
    assert_int_equal(heard.sender, 2);
    assert_int_equal(heard.farewell.member, 2);
    assert_memory_equal(&heard.farewell.over, &b.setup.boot, sizeof(heard.farewell.over));
    assert_memory_equal(&heard.boot, &keeper.setup.boot, sizeof(heard.boot));
    assert_int_equal(hear(&a, &late), BW_VERDICT_QUERY); /* that incarnation is over */
    assert_int_equal(hear(&a, &frame), BW_VERDICT_FAREWELL);

    /* Without facts too: a keeper has no view. */
    {
        struct bw_message message;
        int length;

        memset(&message, 0, sizeof(message));
        message.kind = BW_MESSAGE_FAREWELL;
        message.farewell.member = 2;
        message.farewell.over = b.setup.boot;
        length = bw_seal_frame(keeper.seal, &message, NULL, 3, frame.bytes, sizeof(frame.bytes));
        assert_true(length > 0);
        frame.length = (size_t)length;
        assert_int_equal(hear_on(&a, &frame, 3), BW_VERDICT_FAREWELL);
    }

    /* Nobody says farewell for somebody else, and a farewell to nobody is none. */
    farewell(&keeper, &b.setup.boot, 3, &frame);
    assert_int_equal(hear(&a, &frame), BW_VERDICT_MALFORMED);
    farewell(&keeper, &(struct bw_boot_id){{0}}, 2, &frame);
    assert_int_equal(hear(&a, &frame), BW_VERDICT_MALFORMED);
    end(&a);
    end(&b);
    end(&keeper);
}

/* A cluster where everybody starts at once, heartbeats as full as they get: everybody is adopted by everybody. */
static void test_sixteen(void **state)
{
    static struct peer peers[BW_MAX_MEMBERS];
    static struct bw_message message;
    struct frame frame;
    unsigned accepted = 0;

    (void)state;
    for (unsigned i = 0; i < BW_MAX_MEMBERS; i++)
        start(&peers[i], (uint8_t)(i + 1), BW_MAX_MEMBERS);
    for (unsigned round = 0; round < 40; round++) {
        accepted = 0;
        for (unsigned from = 0; from < BW_MAX_MEMBERS; from++) {
            fixture_heartbeat(&message, 15, 1, BW_MAX_COMMANDS, BW_MAX_COMMANDS);
            message.heartbeat.turn = round;
            for (unsigned i = 0; i < BW_MAX_COMMANDS; i++) {
                fixture_command(&message.heartbeat.commands[i], true);
                fixture_answer(&message.heartbeat.answers[i], true);
            }
            send_message(&peers[from], &message, 0, &frame);
            for (unsigned to = 0; to < BW_MAX_MEMBERS; to++)
                accepted += hear(&peers[to], &frame) == BW_VERDICT_ACCEPT;
        }
        if (accepted == BW_MAX_MEMBERS * (BW_MAX_MEMBERS - 1))
            break;
    }
    assert_int_equal(accepted, BW_MAX_MEMBERS * (BW_MAX_MEMBERS - 1));
    for (unsigned i = 0; i < BW_MAX_MEMBERS; i++)
        end(&peers[i]);
}

/* More member ids than a cluster has, all with the right key: the configured ones keep their places. */
static void test_too_many_ids(void **state)
{
    struct peer a, b, stranger;

    (void)state;
    start(&a, 1, 2);
    start(&b, 2, 2);
    introduce(&a, &b);
    for (unsigned id = 3; id < 255; id++) {
        start(&stranger, (uint8_t)id, 2);
        assert_int_equal(tell(&stranger, &a), BW_VERDICT_QUERY);
        end(&stranger);
    }
    assert_int_equal(tell(&b, &a), BW_VERDICT_ACCEPT);
    end(&a);
    end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adoption),
        cmocka_unit_test(test_handshake_ends),
        cmocka_unit_test(test_restart),
        cmocka_unit_test(test_many_restarts),
        cmocka_unit_test(test_shared_id),
        cmocka_unit_test(test_adoption_under_replay),
        cmocka_unit_test(test_answer_not_replayable),
        cmocka_unit_test(test_three),
        cmocka_unit_test(test_answer_for_another),
        cmocka_unit_test(test_keeper_farewell),
        cmocka_unit_test(test_sixteen),
        cmocka_unit_test(test_too_many_ids),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
