/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sessions: which incarnation of each other member is taken for the living one, and which of its frames were seen.
 *
 * An unknown boot id is adopted only when it answers this member's present challenge, which is replaced whenever it has
 * been answered, so that no recorded frame can ever pass for a living member. Challenges are told to members without an
 * adopted incarnation and to those from which an unknown one was heard lately; answers to whoever asked lately. Between
 * members that know each other nothing of this is sent.
 */
#ifndef BELLWETHER_NET_SESSION_H
#define BELLWETHER_NET_SESSION_H

#include "agent/net/ccp.h"

#define BW_CLASSES      2 /* control, sync */
#define BW_SEQUENCE_MAX ((UINT64_C(1) << 48) - 1)

/* Which of the last BW_WINDOW_BITS sequence numbers were seen: a ring of words, one of which is always being cleared
 * ahead. */
#define BW_WINDOW_WORDS 8
#define BW_WINDOW_BITS  ((BW_WINDOW_WORDS - 1) * 64)

struct bw_window {
    uint64_t top; /* highest seen, 0 = none */
    uint64_t words[BW_WINDOW_WORDS];
};

bool bw_window_fresh(const struct bw_window *window, uint64_t sequence);
void bw_window_mark(struct bw_window *window, uint64_t sequence);

/* A challenge that some incarnation of a member wants answered. */
struct bw_asked {
    struct bw_boot_id boot;
    uint64_t value;
    uint16_t left; /* heartbeat frames in which the answer still goes along; 0 = unused */
};

/* Incarnations answered at once: recorded frames of old ones must not crowd the living one out. */
#define BW_ASKED_MAX 8

/* What was heard of an incarnation. */
struct bw_incarnation {
    struct bw_boot_id boot;
    uint64_t floor; /* sequence of the frame that was adopted: what was sent before it is not accepted */
    struct bw_window windows[BW_CLASSES][BW_MAX_INTERFACES];
};

#define BW_OLDER_MAX 8

struct bw_session {
    uint8_t member; /* id, 0 = unused slot */
    bool adopted;   /* `now` is taken for the living one; else it was, and is over or forgotten */
    bool known;     /* among the configured members, as far as the clear facts told */
    uint8_t key;    /* the key that opened its last frame */
    uint16_t
        strangers_left; /* heartbeat frames in which the challenge still goes along: an unknown boot id was heard */
    uint8_t older_next; /* place in `older` */
    uint64_t challenge; /* present one, never 0 */
    uint64_t dice;      /* whose question gives way when there is no place */
    struct bw_asked asked[BW_ASKED_MAX];
    struct bw_incarnation now, before;     /* before: kept to tell a replayed frame from one that is late */
    struct bw_boot_id older[BW_OLDER_MAX]; /* those before: never to come again */
};

struct bw_sessions {
    uint8_t local; /* member id */
    uint8_t challenge_key[16];
    uint64_t challenges; /* made so far */
    struct bw_session slots[BW_MAX_MEMBERS];
    struct bw_session twin; /* another process that uses our member id: does it live? */
};

void bw_sessions_init(struct bw_sessions *sessions, uint8_t local, const uint64_t seed[2]);
struct bw_session *bw_session_find(struct bw_sessions *sessions, uint8_t member);
/* The member's session; made when there is a free slot, or one of a member that is not configured; else NULL. */
struct bw_session *bw_session_of(struct bw_sessions *sessions, uint8_t member);
/* Tells which members are configured. */
void bw_sessions_know(struct bw_sessions *sessions, const uint8_t *members, unsigned count);
void bw_session_forget(struct bw_sessions *sessions, struct bw_session *session);

/* The handshake that goes along with the next heartbeat frame, or question who is there. */
void bw_sessions_tell(struct bw_sessions *sessions, bool asks_for_twin, struct bw_handshake *handshake);

enum bw_freshness { BW_FRESH, BW_FRESH_STRANGER, BW_FRESH_REPLAYED };

/* Before a frame is read: is it new, of the adopted incarnation? */
enum bw_freshness bw_session_check(const struct bw_session *session, const struct bw_boot_id *boot, unsigned class,
                                   unsigned interface, uint64_t sequence);
/* After it was read: takes note of its handshake, marks its sequence, adopts its boot id when it answers the challenge.
 * True when the frame is of the (now) adopted incarnation. */
bool bw_session_heard(struct bw_sessions *sessions, struct bw_session *session, const struct bw_boot_id *boot,
                      unsigned class, unsigned interface, uint64_t sequence, const struct bw_handshake *handshake,
                      bool may_adopt);

#endif
