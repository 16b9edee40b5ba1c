/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sealed frames of state synchronisation (see sync_seal.h). The frame is that of seal.c.
 */
#include "agent/net/sync_seal.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#define MARK_0       'B'
#define MARK_1       'W'
#define FORMAT       1
#define FLAG_SEALED  1
#define CLASS_SYNC   1
#define CLEAR_BYTES  20
#define HEADER_BYTES 28
#define NONCE_AT     4
#define TAG_BYTES    crypto_aead_xchacha20poly1305_ietf_ABYTES
#define FRAME_MOST   (64 << 10)

_Static_assert(CLEAR_BYTES + HEADER_BYTES + TAG_BYTES == BW_SYNC_SEAL_BYTES, "what a frame holds beside its body");

static bool no_boot(const struct bw_boot_id *boot)
{
    static const struct bw_boot_id none;

    return memcmp(boot, &none, sizeof(none)) == 0;
}

int bw_sync_seal_init(struct bw_sync_seal *seal, uint8_t cluster, uint8_t local, const struct bw_boot_id *boot, bool auth_none)
{
    memset(seal, 0, sizeof(*seal));
    if (sodium_init() < 0 || no_boot(boot) || !bw_ccp_id_plausible(local))
        return -EINVAL;
    seal->cluster = cluster;
    seal->local = local;
    seal->boot = *boot;
    seal->auth_none = auth_none;
    return 0;
}

int bw_sync_seal_rekey(struct bw_sync_seal *seal, const uint8_t keys[2][BW_KEY_BYTES], unsigned count)
{
    if (seal->auth_none || count < 1 || count > 2)
        return -EINVAL;
    sodium_memzero(seal->keys, sizeof(seal->keys));
    memcpy(seal->keys, keys, count * (size_t)BW_KEY_BYTES);
    seal->keys_count = count;
    return 0;
}

static struct bw_sync_seal_peer *find(struct bw_sync_seal *seal, uint8_t member)
{
    for (unsigned i = 0; i < BW_MAX_MEMBERS; i++)
        if (seal->peers[i].member == member)
            return &seal->peers[i];
    return NULL;
}

void bw_sync_seal_peer(struct bw_sync_seal *seal, uint8_t member, const struct bw_boot_id *boot)
{
    struct bw_sync_seal_peer *peer = find(seal, member);

    if (peer != NULL && memcmp(&peer->boot, boot, sizeof(*boot)) == 0)
        return;
    if (peer == NULL)
        peer = find(seal, 0);
    if (peer == NULL)
        return;
    memset(peer, 0, sizeof(*peer));
    peer->member = member;
    peer->boot = *boot;
}

int bw_sync_seal_frame(struct bw_sync_seal *seal, uint8_t interface, const uint8_t *body, size_t length, uint8_t *frame,
                       size_t cap)
{
    static const uint8_t mark[] = {MARK_0, MARK_1, FORMAT};
    struct bw_sink sink = {.bytes = frame, .cap = cap};
    size_t head;

    if (interface >= BW_MAX_INTERFACES || (!seal->auth_none && seal->keys_count == 0))
        return -EINVAL;
    if (length + BW_SYNC_SEAL_BYTES > cap)
        return -ENOSPC;
    if (seal->sequence >= BW_SEQUENCE_MAX)
        return -EOVERFLOW; /* a nonce must never come again */
    seal->sequence++;
    bw_ccp_put_sync_clear(&sink, seal->cluster, interface, seal->local, &seal->boot);
    bw_put_bytes(&sink, mark, sizeof(mark));
    bw_put_uint(&sink, seal->auth_none ? 0 : FLAG_SEALED, 1);
    bw_put_bytes(&sink, seal->boot.bytes, sizeof(seal->boot.bytes));
    bw_put_uint(&sink, CLASS_SYNC, 1);
    bw_put_uint(&sink, interface, 1);
    bw_put_uint(&sink, seal->sequence, 6);
    head = sink.length;
    if (seal->auth_none) {
        memcpy(frame + head, body, length);
        memset(frame + head + length, 0, TAG_BYTES);
    } else {
        crypto_aead_xchacha20poly1305_ietf_encrypt(frame + head, NULL, body, length, frame, head, NULL,
                                                   frame + CLEAR_BYTES + NONCE_AT, seal->keys[0]);
    }
    return (int)(head + length + TAG_BYTES);
}

/* What our header says. */
struct envelope {
    struct bw_boot_id boot;
    uint64_t sequence;
    bool sealed;
};

static int read_header(struct bw_source *source, const struct bw_clear *clear, struct envelope *envelope)
{
    uint64_t mark = bw_get_uint(source, 3), flags = bw_get_uint(source, 1), class, interface;

    bw_get_bytes(source, envelope->boot.bytes, sizeof(envelope->boot.bytes));
    class = bw_get_uint(source, 1);
    interface = bw_get_uint(source, 1);
    envelope->sequence = bw_get_uint(source, 6);
    envelope->sealed = flags & FLAG_SEALED;
    if (source->cut || mark != (MARK_0 << 16 | MARK_1 << 8 | FORMAT) || flags & ~(uint64_t)FLAG_SEALED)
        return -EBADMSG;
    if (class != CLASS_SYNC || interface + 1 != clear->interface || envelope->sequence == 0 || no_boot(&envelope->boot) ||
        source->length - source->at < TAG_BYTES)
        return -EBADMSG;
    return 0;
}

static bool open_body(const struct bw_sync_seal *seal, struct bw_sync_seal_peer *peer, const uint8_t *frame, size_t head,
                      size_t length, uint8_t *body)
{
    static const uint8_t zero_tag[TAG_BYTES];

    if (seal->auth_none) {
        memcpy(body, frame + head, length - head - TAG_BYTES);
        return memcmp(frame + length - TAG_BYTES, zero_tag, TAG_BYTES) == 0;
    }
    for (unsigned i = 0; i < seal->keys_count; i++) {
        unsigned key = (i + peer->key) % seal->keys_count;

        if (crypto_aead_xchacha20poly1305_ietf_decrypt(body, NULL, NULL, frame + head, length - head, frame, head,
                                                       frame + head - HEADER_BYTES + NONCE_AT, seal->keys[key]) != 0)
            continue;
        peer->key = (uint8_t)key;
        return true;
    }
    return false;
}

enum bw_verdict bw_sync_open_frame(struct bw_sync_seal *seal, const uint8_t *frame, size_t length, uint8_t interface,
                                   uint8_t *sender, uint8_t *body, size_t *body_length)
{
    struct bw_source source = {.bytes = frame, .length = length};
    struct bw_sync_seal_peer *peer;
    struct envelope envelope;
    struct bw_clear clear;
    int error;

    if (interface >= BW_MAX_INTERFACES || length > FRAME_MOST)
        return BW_VERDICT_MALFORMED;
    error = bw_ccp_decode_clear(frame, length, &clear);
    if (error != 0)
        return error == -EPROTO ? BW_VERDICT_FOREIGN : BW_VERDICT_MALFORMED;
    if (clear.cluster != seal->cluster)
        return BW_VERDICT_FOREIGN;
    source.at = clear.length;
    if (clear.opcode != BW_CCP_OPCODE_SYNC || read_header(&source, &clear, &envelope) != 0)
        return BW_VERDICT_MALFORMED;
    if (envelope.sealed == seal->auth_none)
        return BW_VERDICT_UNAUTHENTIC;
    if (clear.sender == seal->local)
        return memcmp(&envelope.boot, &seal->boot, sizeof(seal->boot)) == 0 ? BW_VERDICT_OWN : BW_VERDICT_QUERY;
    peer = find(seal, (uint8_t)clear.sender);
    if (peer == NULL || memcmp(&peer->boot, &envelope.boot, sizeof(envelope.boot)) != 0)
        return BW_VERDICT_QUERY; /* before it is opened: what is not heard needs no judgement */
    if (!bw_window_fresh(&peer->windows[interface], envelope.sequence))
        return BW_VERDICT_REPLAYED;
    if (!open_body(seal, peer, frame, source.at, length, body))
        return BW_VERDICT_UNAUTHENTIC;
    bw_window_mark(&peer->windows[interface], envelope.sequence);
    *sender = peer->member;
    *body_length = length - source.at - TAG_BYTES;
    return BW_VERDICT_ACCEPT;
}
