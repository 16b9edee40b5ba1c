/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sealed frames and sessions: who is believed, and what never is.
 */
#include <errno.h>
#include <stdio.h>

#include "agent/net/seal.h"
#include "agent/net/session.h"
#include "test_net_fixture.h"

#define CLUSTER 17

struct frame {
    uint8_t bytes[BW_FRAME_MAX];
    size_t length;
};

/* A member's process. */
struct peer {
    struct bw_seal_setup setup;
    struct bw_seal *seal;
    struct bw_clear_facts facts;
};

static struct bw_message heard; /* the last message that hear() gave */

static void start_with(struct peer *peer, uint8_t member, unsigned members)
{
    peer->setup.cluster = CLUSTER;
    peer->setup.local = member;
    fixture_boot(&peer->setup.boot);
    peer->setup.seed[0] = fixture_random();
    peer->setup.seed[1] = fixture_random();
    fixture_facts(&peer->facts, members);
    peer->seal = bw_seal_init(malloc(bw_seal_size()), &peer->setup);
    assert_non_null(peer->seal);
}

/* Member `member` of a cluster of `members` starts (again), with the key that all use. */
static void start(struct peer *peer, uint8_t member, unsigned members)
{
    memset(peer, 0, sizeof(*peer));
    peer->setup.keys_count = 1;
    memset(peer->setup.keys[0], 0x11, BW_KEY_BYTES);
    start_with(peer, member, members);
}

static void end(struct peer *peer)
{
    free(peer->seal);
    peer->seal = NULL;
}

static void send_message(struct peer *peer, struct bw_message *message, uint8_t interface, struct frame *frame)
{
    int length = bw_seal_frame(peer->seal, message, &peer->facts, interface, frame->bytes, sizeof(frame->bytes));

    assert_in_range(length, 1, BW_FRAME_MAX);
    frame->length = (size_t)length;
}

static void send_heartbeat(struct peer *peer, uint8_t interface, struct frame *frame)
{
    static struct bw_message message;

    fixture_heartbeat(&message, 2, 1, 0, 0);
    send_message(peer, &message, interface, frame);
}

static enum bw_verdict hear_on(struct peer *peer, const struct frame *frame, uint8_t interface)
{
    uint8_t *exact = malloc(frame->length + 1);
    enum bw_verdict verdict;

    memcpy(exact, frame->bytes, frame->length);
    verdict = bw_open_frame(peer->seal, exact, frame->length, interface, &heard);
    free(exact);
    return verdict;
}

static enum bw_verdict hear(struct peer *peer, const struct frame *frame)
{
    return hear_on(peer, frame, 0);
}

/* From sends a heartbeat, to hears it. */
static enum bw_verdict tell(struct peer *from, struct peer *to)
{
    struct frame frame;

    send_heartbeat(from, 0, &frame);
    return hear(to, &frame);
}

static void introduce(struct peer *a, struct peer *b)
{
    tell(a, b);
    tell(b, a);
    tell(a, b);
    tell(b, a);
    assert_int_equal(tell(a, b), BW_VERDICT_ACCEPT);
    assert_int_equal(tell(b, a), BW_VERDICT_ACCEPT);
}

static void farewell(struct peer *peer, const struct bw_boot_id *over, uint8_t member, struct frame *frame)
{
    struct bw_message message;

    memset(&message, 0, sizeof(message));
    message.kind = BW_MESSAGE_FAREWELL;
    message.farewell.over = *over;
    message.farewell.member = member;
    send_message(peer, &message, 0, frame);
}

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
                else
                    in.page.pnotes[i].member = 1;
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
        assert_int_equal(frame.length, 20 + 8 + 2 + 4 + 2 + 28 + 3 + 36 + 16);
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
        assert_int_equal(hear_on(&a, &recorded[i], (uint8_t)(i % 3)), BW_VERDICT_QUERY);
    assert_int_equal(tell(&a, &b), BW_VERDICT_ACCEPT);
    assert_int_equal(tell(&b, &a), BW_VERDICT_ACCEPT);
    send_heartbeat(&old, 0, &frame);
    assert_int_equal(hear(&a, &frame), BW_VERDICT_QUERY);
    end(&a);
    end(&b);
    end(&old);
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
        assert_int_equal(hear(&a, &answers[i]), BW_VERDICT_QUERY);
    /* The living one is adopted again. */
    introduce(&a, &b);
    farewell(&b, &b.setup.boot, 2, &frame);
    assert_int_equal(hear(&a, &frame), BW_VERDICT_FAREWELL);
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(hear(&a, &answers[i]), BW_VERDICT_QUERY);
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
        cmocka_unit_test(test_adoption),
        cmocka_unit_test(test_handshake_ends),
        cmocka_unit_test(test_restart),
        cmocka_unit_test(test_adoption_under_replay),
        cmocka_unit_test(test_answer_not_replayable),
        cmocka_unit_test(test_three),
        cmocka_unit_test(test_answer_for_another),
        cmocka_unit_test(test_keeper_farewell),
        cmocka_unit_test(test_replay_window),
        cmocka_unit_test(test_window_model),
        cmocka_unit_test(test_sequence_end),
        cmocka_unit_test(test_sixteen),
        cmocka_unit_test(test_too_many_ids),
        cmocka_unit_test(test_setup_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
