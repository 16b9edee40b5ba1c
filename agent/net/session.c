/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sessions with the other members: adoption by challenge, replay windows (see session.h). Pure but for libsodium's
 * keyed hash.
 */
#include "agent/net/session.h"

#include <sodium.h>
#include <string.h>

#define LINGER_FRAMES 256 /* how long challenges and answers go along: frames, since there is no clock here */
#define LATE_FRAMES   64  /* frames that were on their way when their sender was adopted */

static bool same_boot(const struct bw_boot_id *a, const struct bw_boot_id *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* ---- replay windows ---- */

bool bw_window_fresh(const struct bw_window *window, uint64_t sequence)
{
    if (sequence == 0)
        return false;
    if (sequence > window->top)
        return true;
    if (window->top - sequence >= BW_WINDOW_BITS)
        return false;
    return !(window->words[sequence / 64 % BW_WINDOW_WORDS] & UINT64_C(1) << sequence % 64);
}

void bw_window_mark(struct bw_window *window, uint64_t sequence)
{
    uint64_t from = window->top / 64, to = sequence / 64;

    if (sequence > window->top) {
        if (to - from >= BW_WINDOW_WORDS)
            memset(window->words, 0, sizeof(window->words));
        else
            for (uint64_t word = from + 1; word <= to; word++)
                window->words[word % BW_WINDOW_WORDS] = 0;
        window->top = sequence;
    }
    window->words[sequence / 64 % BW_WINDOW_WORDS] |= UINT64_C(1) << sequence % 64;
}

/* ---- slots ---- */

static void renew_challenge(struct bw_sessions *sessions, struct bw_session *session)
{
    unsigned char hash[crypto_shorthash_BYTES], count[sizeof(sessions->challenges)];

    do {
        sessions->challenges++;
        memcpy(count, &sessions->challenges, sizeof(count));
        crypto_shorthash(hash, count, sizeof(count), sessions->challenge_key);
        memcpy(&session->challenge, hash, sizeof(session->challenge));
    } while (session->challenge == 0);
}

void bw_sessions_init(struct bw_sessions *sessions, uint8_t local, const uint64_t seed[2])
{
    _Static_assert(crypto_shorthash_KEYBYTES == 2 * sizeof(seed[0]), "two seeds make the key");
    memset(sessions, 0, sizeof(*sessions));
    sessions->local = local;
    memcpy(sessions->challenge_key, seed, sizeof(sessions->challenge_key));
    sessions->twin.member = local;
    renew_challenge(sessions, &sessions->twin);
}

struct bw_session *bw_session_find(struct bw_sessions *sessions, uint8_t member)
{
    for (struct bw_session *slot = sessions->slots; slot < sessions->slots + BW_MAX_MEMBERS; slot++) {
        if (slot->member && slot->member == member)
            return slot;
    }
    return NULL;
}

struct bw_session *bw_session_of(struct bw_sessions *sessions, uint8_t member)
{
    struct bw_session *spare = NULL;

    for (struct bw_session *slot = sessions->slots; slot < sessions->slots + BW_MAX_MEMBERS; slot++) {
        if (slot->member == member)
            return slot;
        if (!slot->member && (!spare || spare->member))
            spare = slot;
        else if (!slot->known && !spare)
            spare = slot;
    }
    if (!spare)
        return NULL;
    memset(spare, 0, sizeof(*spare));
    spare->member = member;
    renew_challenge(sessions, spare);
    return spare;
}

void bw_sessions_know(struct bw_sessions *sessions, const uint8_t *members, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct bw_session *session;

        if (members[i] == sessions->local || !bw_ccp_id_plausible(members[i]))
            continue;
        session = bw_session_of(sessions, members[i]);
        if (session)
            session->known = true;
    }
}

void bw_session_forget(struct bw_sessions *sessions, struct bw_session *session)
{
    session->adopted = false;
    memset(session->asked, 0, sizeof(session->asked));
    renew_challenge(sessions, session);
}

/* ---- telling and hearing ---- */

static void tell(struct bw_handshake *handshake, uint8_t member, enum bw_handshake_what what, uint64_t value)
{
    if (handshake->count < BW_HANDSHAKE_MAX)
        handshake->entries[handshake->count++] = (struct bw_handshake_entry){member, what, value};
}

static void tell_session(struct bw_session *session, bool asks, struct bw_handshake *handshake)
{
    if (asks || session->strangers_left)
        tell(handshake, session->member, BW_HANDSHAKE_CHALLENGE, session->challenge);
    if (session->strangers_left)
        session->strangers_left--;
    for (unsigned i = 0; i < BW_ASKED_MAX; i++) {
        if (!session->asked[i].left)
            continue;
        session->asked[i].left--;
        tell(handshake, session->member, BW_HANDSHAKE_RESPONSE, session->asked[i].value);
    }
}

void bw_sessions_tell(struct bw_sessions *sessions, bool asks_for_twin, struct bw_handshake *handshake)
{
    handshake->count = 0;
    for (struct bw_session *session = sessions->slots; session < sessions->slots + BW_MAX_MEMBERS; session++) {
        if (session->member)
            tell_session(session, !session->adopted, handshake);
    }
    tell_session(&sessions->twin, asks_for_twin, handshake);
}

static enum bw_freshness check_incarnation(const struct bw_incarnation *incarnation, unsigned class, unsigned interface,
                                           uint64_t sequence)
{
    if (sequence <= incarnation->floor)
        return incarnation->floor - sequence < LATE_FRAMES ? BW_FRESH_STRANGER : BW_FRESH_REPLAYED;
    return bw_window_fresh(&incarnation->windows[class][interface], sequence) ? BW_FRESH : BW_FRESH_REPLAYED;
}

enum bw_freshness bw_session_check(const struct bw_session *session, const struct bw_boot_id *boot, unsigned class,
                                   unsigned interface, uint64_t sequence)
{
    bool now = same_boot(&session->now.boot, boot);
    enum bw_freshness freshness;

    if (now || same_boot(&session->before.boot, boot)) {
        freshness = check_incarnation(now ? &session->now : &session->before, class, interface, sequence);
        return freshness == BW_FRESH && !(now && session->adopted) ? BW_FRESH_STRANGER : freshness;
    }
    for (unsigned i = 0; i < BW_OLDER_MAX; i++) {
        if (same_boot(&session->older[i], boot))
            return BW_FRESH_REPLAYED;
    }
    return BW_FRESH_STRANGER;
}

/* The place for an incarnation's question: its own, else an unused one, else that of one chosen at random, so that
 * nobody can tell whose question a replayed frame drives out. */
static struct bw_asked *asked_by(struct bw_session *session, const struct bw_boot_id *boot)
{
    struct bw_asked *place = NULL;

    for (struct bw_asked *asked = session->asked; asked < session->asked + BW_ASKED_MAX; asked++) {
        if (same_boot(&asked->boot, boot))
            return asked;
        if (!asked->left && !place)
            place = asked;
    }
    if (place)
        return place;
    session->dice = session->dice * UINT64_C(6364136223846793005) + (session->challenge | 1);
    return &session->asked[(session->dice >> 32) % BW_ASKED_MAX];
}

static void note_question(struct bw_session *session, const struct bw_boot_id *boot, uint64_t challenge)
{
    struct bw_asked *asked = asked_by(session, boot);

    if (challenge)
        *asked = (struct bw_asked){*boot, challenge, LINGER_FRAMES};
    else if (same_boot(&asked->boot, boot))
        asked->left = 0;
}

static void adopt(struct bw_session *session, const struct bw_boot_id *boot, uint64_t sequence)
{
    struct bw_incarnation adopted = {.boot = *boot};

    if (same_boot(&session->now.boot, boot)) { /* it was forgotten */
        adopted = session->now;
    } else if (same_boot(&session->before.boot, boot)) { /* two members share an id, and take turns */
        adopted = session->before;
        session->before = session->now;
    } else {
        session->older[session->older_next++ % BW_OLDER_MAX] = session->before.boot;
        session->before = session->now;
    }
    session->now = adopted;
    session->now.floor = sequence;
    session->adopted = true;
    session->strangers_left = 0;
}

bool bw_session_heard(struct bw_sessions *sessions, struct bw_session *session, const struct bw_boot_id *boot,
                      unsigned class, unsigned interface, uint64_t sequence, const struct bw_handshake *handshake,
                      bool may_adopt)
{
    bool ours = session->adopted && same_boot(&session->now.boot, boot);
    uint64_t question = 0;
    bool answered = false;

    if (ours && sequence <= session->now.floor)
        return false; /* it was on its way when its sender was adopted */
    for (unsigned i = 0; i < handshake->count && may_adopt; i++) {
        const struct bw_handshake_entry *entry = &handshake->entries[i];

        if (entry->member != sessions->local)
            continue;
        if (entry->what == BW_HANDSHAKE_CHALLENGE)
            question = entry->value;
        else if (entry->what == BW_HANDSHAKE_RESPONSE && entry->value == session->challenge)
            answered = true;
    }
    if (may_adopt)
        note_question(session, boot, question);
    if (answered) {
        /* Replaced even when the adopted incarnation answered: else its frame would serve to adopt it again after its
         * end. */
        renew_challenge(sessions, session);
        if (!ours)
            adopt(session, boot, sequence);
        ours = true;
    }
    if (ours)
        bw_window_mark(&session->now.windows[class][interface], sequence);
    else
        session->strangers_left = LINGER_FRAMES;
    return ours;
}
