/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sealed frame. Called by the engine thread, the keeper and the simulator, each with a seal of its own; nothing
 * here blocks, allocates or calls the system.
 *
 *   clear part (ccp_clear.c)
 *   "BW", format 1, flags (bit 0: sealed)                     4 bytes
 *   boot id of the sender's process                          16
 *   class, interface, sequence (48 bits)                      1 + 1 + 6
 *   body (ccp_body.c), encrypted
 *   tag                                                      16
 *
 * Boot id, class, interface and sequence are the nonce of XChaCha20-Poly1305; everything before the body is
 * authenticated with it. With auth "none" the body is plain and the tag zero. The sequence counts all frames of a
 * process, whatever class or interface, so that what was sent before an incarnation was adopted can be told on every
 * interface.
 */
#include "agent/net/session.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "agent/net/seal.h"

#define MARK_0       'B'
#define MARK_1       'W'
#define FORMAT       1
#define FLAG_SEALED  1
#define NONCE_AT     4
#define HEADER_BYTES 28
#define TAG_BYTES    crypto_aead_xchacha20poly1305_ietf_ABYTES

_Static_assert(HEADER_BYTES - NONCE_AT == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
               "the header's end is the nonce");
_Static_assert(BW_KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "a cluster key is a sealing key");

struct bw_seal {
    struct bw_seal_setup setup;
    uint64_t sequence; /* of the last frame sent */
    struct bw_sessions sessions;
    uint8_t plain[BW_FRAME_MAX]; /* the last frame before it was sealed: other interfaces get the same */
    size_t plain_length, clear_length;
    /* The last heartbeat heard, opened and read: a member says the same on all its interfaces. */
    uint8_t heard_plain[BW_FRAME_MAX];
    size_t heard_length;
    struct bw_message heard;
    struct bw_handshake heard_handshake;
};

/* What our header says. */
struct envelope {
    struct bw_boot_id boot;
    uint8_t class;
    uint8_t interface;
    uint64_t sequence;
    bool sealed;
};

static bool same_boot(const struct bw_boot_id *a, const struct bw_boot_id *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static bool no_boot(const struct bw_boot_id *boot)
{
    static const struct bw_boot_id none;

    return same_boot(boot, &none);
}

size_t bw_seal_size(void)
{
    return sizeof(struct bw_seal);
}

struct bw_seal *bw_seal_init(void *memory, const struct bw_seal_setup *setup)
{
    struct bw_seal *seal = memory;

    if (sodium_init() < 0 || no_boot(&setup->boot) || !bw_ccp_id_plausible(setup->local))
        return NULL;
    if (!setup->auth_none && (setup->keys_count < 1 || setup->keys_count > 2))
        return NULL;
    memset(seal, 0, sizeof(*seal));
    seal->setup = *setup;
    bw_sessions_init(&seal->sessions, setup->local, setup->seed);
    sodium_memzero(seal->setup.seed, sizeof(seal->setup.seed));
    return seal;
}

int bw_seal_rekey(struct bw_seal *seal, const uint8_t keys[2][BW_KEY_BYTES], unsigned count)
{
    if (seal->setup.auth_none || count < 1 || count > 2)
        return -EINVAL;
    sodium_memzero(seal->setup.keys, sizeof(seal->setup.keys));
    memcpy(seal->setup.keys, keys, count * (size_t)BW_KEY_BYTES);
    /* Which key served last for a sender is only where to try first: an index beyond the count wraps around. */
    seal->setup.keys_count = count;
    return 0;
}

void bw_seal_forget(struct bw_seal *seal, uint8_t member)
{
    struct bw_session *session = bw_session_find(&seal->sessions, member);

    if (session)
        bw_session_forget(&seal->sessions, session);
}

bool bw_seal_adopted(struct bw_seal *seal, uint8_t member, struct bw_boot_id *boot)
{
    const struct bw_session *session = bw_session_find(&seal->sessions, member);

    if (session == NULL || !session->adopted)
        return false;
    *boot = session->now.boot;
    return true;
}

void bw_seal_set_sequence(struct bw_seal *seal, uint64_t sequence)
{
    seal->sequence = sequence;
}

/* ---- sending ---- */

/* The handshake of a heartbeat, shown in its echoes too. */
static void fill_handshake(struct bw_seal *seal, struct bw_message *message, const struct bw_clear_facts *facts,
                           struct bw_handshake *handshake)
{
    struct bw_heartbeat *heartbeat = &message->heartbeat;

    handshake->count = 0;
    if (message->kind == BW_MESSAGE_STATE_QUERY) /* at the start: does a process of our id live already? */
        bw_sessions_tell(&seal->sessions, true, handshake);
    if (message->kind != BW_MESSAGE_HEARTBEAT)
        return;
    if (facts && facts->members_count <= BW_MAX_MEMBERS)
        bw_sessions_know(&seal->sessions, facts->member_ids, facts->members_count);
    bw_sessions_tell(&seal->sessions, false, handshake);
    for (unsigned i = 0; i < heartbeat->echoes_count && i < BW_MAX_MEMBERS; i++) {
        struct bw_echo *echo = &heartbeat->echoes[i];

        echo->challenge = echo->response = 0;
        for (unsigned j = 0; j < handshake->count; j++) {
            if (handshake->entries[j].member != echo->member)
                continue;
            if (handshake->entries[j].what == BW_HANDSHAKE_CHALLENGE)
                echo->challenge = handshake->entries[j].value;
            else
                echo->response = handshake->entries[j].value;
        }
    }
}

static void put_header(struct bw_sink *sink, const struct bw_seal *seal, uint8_t interface)
{
    static const uint8_t mark[] = {MARK_0, MARK_1, FORMAT};

    bw_put_bytes(sink, mark, sizeof(mark));
    bw_put_uint(sink, seal->setup.auth_none ? 0 : FLAG_SEALED, 1);
    bw_put_bytes(sink, seal->setup.boot.bytes, sizeof(seal->setup.boot.bytes));
    bw_put_uint(sink, 0, 1); /* class: control */
    bw_put_uint(sink, interface, 1);
    bw_put_uint(sink, seal->sequence, 6);
}

/* Seals seal->plain for an interface, under a sequence number of its own. */
static int seal_plain(struct bw_seal *seal, uint8_t interface, uint8_t *frame, size_t cap)
{
    struct bw_sink sink = {.bytes = frame, .cap = cap < BW_FRAME_MAX ? cap : BW_FRAME_MAX};
    const uint8_t *body = seal->plain + seal->clear_length;
    size_t body_length = seal->plain_length - seal->clear_length, head_length;

    if (sink.cap < seal->plain_length + HEADER_BYTES + TAG_BYTES)
        return -ENOSPC;
    seal->sequence++;
    bw_put_bytes(&sink, seal->plain, seal->clear_length);
    bw_ccp_set_interface(frame, interface);
    put_header(&sink, seal, interface);
    head_length = sink.length;
    if (seal->setup.auth_none) {
        memcpy(frame + head_length, body, body_length);
        memset(frame + head_length + body_length, 0, TAG_BYTES);
    } else {
        crypto_aead_xchacha20poly1305_ietf_encrypt(frame + head_length, NULL, body, body_length, frame, head_length,
                                                   NULL, frame + seal->clear_length + NONCE_AT, seal->setup.keys[0]);
    }
    return (int)(head_length + body_length + TAG_BYTES);
}

int bw_seal_frame(struct bw_seal *seal, struct bw_message *message, const struct bw_clear_facts *facts,
                  uint8_t interface, uint8_t *frame, size_t cap)
{
    struct bw_handshake handshake;
    int length;

    seal->plain_length = 0;
    if (cap > BW_FRAME_MAX)
        cap = BW_FRAME_MAX;
    if (interface >= BW_MAX_INTERFACES)
        return -EINVAL;
    if (cap <= HEADER_BYTES + TAG_BYTES)
        return -ENOSPC;
    if (seal->sequence >= BW_SEQUENCE_MAX)
        return -EOVERFLOW; /* a nonce must never come again */
    fill_handshake(seal, message, facts, &handshake);
    message->interface = interface;
    message->sender = seal->setup.local;
    message->boot = seal->setup.boot;
    message->sequence = seal->sequence + 1;
    length = bw_ccp_encode_with(message, seal->setup.cluster, facts, &handshake, seal->plain,
                                cap - HEADER_BYTES - TAG_BYTES, &seal->clear_length);
    if (length < 0)
        return length;
    seal->plain_length = (size_t)length;
    return seal_plain(seal, interface, frame, cap);
}

int bw_seal_again(struct bw_seal *seal, uint8_t interface, uint8_t *frame, size_t cap)
{
    if (interface >= BW_MAX_INTERFACES || seal->plain_length == 0)
        return -EINVAL;
    if (seal->sequence >= BW_SEQUENCE_MAX)
        return -EOVERFLOW;
    return seal_plain(seal, interface, frame, cap);
}

/* ---- receiving ---- */

static int read_header(struct bw_source *source, const struct bw_clear *clear, struct envelope *envelope)
{
    uint64_t mark = bw_get_uint(source, 3), flags = bw_get_uint(source, 1);

    bw_get_bytes(source, envelope->boot.bytes, sizeof(envelope->boot.bytes));
    envelope->class = (uint8_t)bw_get_uint(source, 1);
    envelope->interface = (uint8_t)bw_get_uint(source, 1);
    envelope->sequence = bw_get_uint(source, 6);
    envelope->sealed = flags & FLAG_SEALED;
    if (source->cut || mark != (MARK_0 << 16 | MARK_1 << 8 | FORMAT) || flags & ~(uint64_t)FLAG_SEALED)
        return -EBADMSG;
    if (envelope->class != (clear->opcode == BW_CCP_OPCODE_SYNC) || envelope->interface + 1U != clear->interface)
        return -EBADMSG;
    if (envelope->sequence == 0 || no_boot(&envelope->boot) || source->length - source->at < TAG_BYTES)
        return -EBADMSG;
    return 0;
}

/* Decrypts into plain what comes after the first `head` bytes. Tries first the key that last served for this sender.
 * False when it is not authentic. */
static bool open_body(const struct bw_seal *seal, struct bw_session *session, const uint8_t *frame, size_t head,
                      size_t length, const uint8_t *nonce, uint8_t *plain)
{
    static const uint8_t zero_tag[TAG_BYTES];

    if (seal->setup.auth_none) {
        memcpy(plain, frame + head, length - head - TAG_BYTES);
        return memcmp(frame + length - TAG_BYTES, zero_tag, TAG_BYTES) == 0;
    }
    for (unsigned i = 0; i < seal->setup.keys_count; i++) {
        unsigned key = (i + (session ? session->key : 0)) % seal->setup.keys_count;

        if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, frame + head, length - head, frame, head,
                                                       nonce, seal->setup.keys[key]) == 0) {
            if (session)
                session->key = (uint8_t)key;
            return true;
        }
    }
    return false;
}

/* A frame in our own member's name that we did not send. */
static enum bw_verdict judge_namesake(struct bw_seal *seal, const struct envelope *envelope, struct bw_message *message,
                                      const struct bw_handshake *handshake)
{
    struct bw_session *twin = &seal->sessions.twin;

    bool keeper = !no_boot(&seal->setup.keeper) && same_boot(&envelope->boot, &seal->setup.keeper);

    if (message->kind == BW_MESSAGE_FAREWELL && message->farewell.member == seal->setup.local &&
        (keeper || same_boot(&message->farewell.over, &seal->setup.boot)))
        return BW_VERDICT_FAREWELL;
    if (keeper)
        return BW_VERDICT_OWN;
    /* One that answers our challenge lives, and the core has to know. All else may be a recording. */
    if (bw_session_check(twin, &envelope->boot, envelope->class, envelope->interface, envelope->sequence) == BW_FRESH_REPLAYED)
        return BW_VERDICT_REPLAYED;
    if (!bw_session_heard(&seal->sessions, twin, &envelope->boot, envelope->class, envelope->interface, envelope->sequence,
                          handshake, message->kind == BW_MESSAGE_HEARTBEAT || message->kind == BW_MESSAGE_STATE_QUERY))
        return BW_VERDICT_DUPLICATE_ID;
    message->sender = seal->setup.local;
    return BW_VERDICT_ACCEPT;
}

/* A farewell names an incarnation that is over: it needs no adoption, and to hear it again changes nothing. */
static enum bw_verdict judge_farewell(struct bw_seal *seal, struct bw_session *session,
                                      const struct bw_message *message)
{
    if (message->farewell.member != session->member || no_boot(&message->farewell.over))
        return BW_VERDICT_MALFORMED;
    if (session->adopted && same_boot(&session->now.boot, &message->farewell.over))
        bw_session_forget(&seal->sessions, session);
    return BW_VERDICT_FAREWELL;
}

/* Reads a body. The result depends on nothing else, so the same once more needs no reading. */
static int read_body(struct bw_seal *seal, const uint8_t *body, size_t length, struct bw_message *message,
                     struct bw_handshake *handshake)
{
    int error;

    if (length == seal->heard_length && memcmp(body, seal->heard_plain, length) == 0) {
        *message = seal->heard;
        *handshake = seal->heard_handshake;
        return 0;
    }
    error = bw_ccp_decode_with(body, length, message, handshake);
    if (error != 0 || message->kind != BW_MESSAGE_HEARTBEAT)
        return error;
    memcpy(seal->heard_plain, body, length);
    seal->heard_length = length;
    seal->heard = *message;
    seal->heard_handshake = *handshake;
    return 0;
}

/* Judges an authentic frame with its body, and takes note of what it says of the session. */
static enum bw_verdict judge(struct bw_seal *seal, struct bw_session *session, const struct envelope *envelope,
                             const uint8_t *body, size_t length, struct bw_message *message)
{
    struct bw_handshake handshake;
    enum bw_freshness freshness = BW_FRESH_STRANGER;

    if (session)
        freshness =
            bw_session_check(session, &envelope->boot, envelope->class, envelope->interface, envelope->sequence);
    if (freshness == BW_FRESH_REPLAYED)
        return BW_VERDICT_REPLAYED;
    if (read_body(seal, body, length, message, &handshake) != 0)
        return BW_VERDICT_MALFORMED;
    message->boot = envelope->boot;
    message->sequence = envelope->sequence;
    if (!session)
        return judge_namesake(seal, envelope, message, &handshake);
    message->sender = session->member;
    if (message->kind == BW_MESSAGE_FAREWELL) {
        if (freshness == BW_FRESH)
            bw_session_heard(&seal->sessions, session, &envelope->boot, envelope->class, envelope->interface,
                             envelope->sequence, &handshake, false);
        return judge_farewell(seal, session, message);
    }
    if (!bw_session_heard(&seal->sessions, session, &envelope->boot, envelope->class, envelope->interface,
                          envelope->sequence, &handshake, message->kind == BW_MESSAGE_HEARTBEAT))
        return BW_VERDICT_QUERY;
    return BW_VERDICT_ACCEPT;
}

/* Adds what the body does not say. A verdict that gives nothing to the core leaves nothing but the sender. */
static void complete(struct bw_message *message, enum bw_verdict verdict, uint8_t sender,
                     const struct envelope *envelope, uint8_t interface)
{
    if (verdict != BW_VERDICT_ACCEPT && verdict != BW_VERDICT_FAREWELL)
        memset(message, 0, sizeof(*message));
    message->sender = sender;
    message->boot = envelope->boot;
    message->interface = interface;
    if (message->kind != BW_MESSAGE_PAGE)
        return;
    for (unsigned i = 0; i < message->page.count; i++) {
        if (message->page.kind == BW_PAGE_INTERFACES)
            message->page.interfaces[i].member = sender;
        else if (message->page.kind == BW_PAGE_PNOTES)
            message->page.pnotes[i].member = sender;
        else if (message->page.kind == BW_PAGE_RESOURCES)
            message->page.resources[i].member = sender;
    }
}

enum bw_verdict bw_open_frame(struct bw_seal *seal, const uint8_t *frame, size_t length, uint8_t interface,
                              struct bw_message *message)
{
    struct bw_source source = {.bytes = frame, .length = length};
    struct bw_session *session;
    struct envelope envelope;
    struct bw_clear clear;
    enum bw_verdict verdict;
    uint8_t plain[BW_FRAME_MAX];
    int error;

    if (length > BW_FRAME_MAX)
        return BW_VERDICT_MALFORMED;
    error = bw_ccp_decode_clear(frame, length, &clear);
    if (error)
        return error == -EPROTO ? BW_VERDICT_FOREIGN : BW_VERDICT_MALFORMED;
    if (clear.cluster != seal->setup.cluster)
        return BW_VERDICT_FOREIGN;
    source.at = clear.length;
    if (read_header(&source, &clear, &envelope) != 0)
        return BW_VERDICT_MALFORMED;
    if (envelope.sealed == seal->setup.auth_none)
        return BW_VERDICT_UNAUTHENTIC;
    session = clear.sender == seal->setup.local ? NULL : bw_session_find(&seal->sessions, (uint8_t)clear.sender);
    if (!open_body(seal, session, frame, source.at, length, frame + clear.length + NONCE_AT, plain))
        return BW_VERDICT_UNAUTHENTIC;
    if (same_boot(&envelope.boot, &seal->setup.boot))
        return BW_VERDICT_OWN;
    if (clear.sender != seal->setup.local && !session) {
        session = bw_session_of(&seal->sessions, (uint8_t)clear.sender);
        if (!session)
            return BW_VERDICT_FOREIGN; /* more members than a cluster has: none of ours */
    }
    verdict = judge(seal, session, &envelope, plain, length - source.at - TAG_BYTES, message);
    complete(message, verdict, (uint8_t)clear.sender, &envelope, interface);
    return verdict;
}
