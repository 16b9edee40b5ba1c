/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Members' processes that talk to each other, for the tests of sealed frames and sessions.
 */
#ifndef TEST_NET_PEERS_H
#define TEST_NET_PEERS_H

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

static inline void start_with(struct peer *peer, uint8_t member, unsigned members)
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
static inline void start(struct peer *peer, uint8_t member, unsigned members)
{
    memset(peer, 0, sizeof(*peer));
    peer->setup.keys_count = 1;
    memset(peer->setup.keys[0], 0x11, BW_KEY_BYTES);
    start_with(peer, member, members);
}

static inline void end(struct peer *peer)
{
    free(peer->seal);
    peer->seal = NULL;
}

static inline void send_message(struct peer *peer, struct bw_message *message, uint8_t interface, struct frame *frame)
{
    int length = bw_seal_frame(peer->seal, message, &peer->facts, interface, frame->bytes, sizeof(frame->bytes));

    assert_in_range(length, 1, BW_FRAME_MAX);
    frame->length = (size_t)length;
}

static inline void send_heartbeat(struct peer *peer, uint8_t interface, struct frame *frame)
{
    static struct bw_message message;

    fixture_heartbeat(&message, 2, 1, 0, 0);
    send_message(peer, &message, interface, frame);
}

static inline enum bw_verdict hear_on(struct peer *peer, const struct frame *frame, uint8_t interface)
{
    uint8_t *exact = malloc(frame->length + 1);
    enum bw_verdict verdict;

    memcpy(exact, frame->bytes, frame->length);
    verdict = bw_open_frame(peer->seal, exact, frame->length, interface, &heard);
    free(exact);
    return verdict;
}

static inline enum bw_verdict hear(struct peer *peer, const struct frame *frame)
{
    return hear_on(peer, frame, 0);
}

/* From sends a heartbeat, to hears it. */
static inline enum bw_verdict tell(struct peer *from, struct peer *to)
{
    struct frame frame;

    send_heartbeat(from, 0, &frame);
    return hear(to, &frame);
}

static inline void introduce(struct peer *a, struct peer *b)
{
    tell(a, b);
    tell(b, a);
    tell(a, b);
    tell(b, a);
    assert_int_equal(tell(a, b), BW_VERDICT_ACCEPT);
    assert_int_equal(tell(b, a), BW_VERDICT_ACCEPT);
}

static inline void farewell(struct peer *peer, const struct bw_boot_id *over, uint8_t member, struct frame *frame)
{
    struct bw_message message;

    memset(&message, 0, sizeof(message));
    message.kind = BW_MESSAGE_FAREWELL;
    message.farewell.over = *over;
    message.farewell.member = member;
    send_message(peer, &message, 0, frame);
}

#endif
