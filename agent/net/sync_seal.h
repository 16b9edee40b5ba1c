/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sealed frames of state synchronisation: like all CCP (see seal.c), of class sync, with a sequence and replay windows of their own. Which
 * incarnation of a member is the living one the engine has found out; here it is told. Pure but for libsodium.
 */
#ifndef BELLWETHER_NET_SYNC_SEAL_H
#define BELLWETHER_NET_SYNC_SEAL_H

#include "agent/net/net.h"
#include "agent/net/session.h"

#define BW_SYNC_SEAL_BYTES 64 /* of a frame beside its body: clear part, header, tag */

struct bw_sync_seal_peer {
    uint8_t member; /* id, 0 = unused */
    uint8_t key;    /* that opened its last frame */
    struct bw_boot_id boot;
    struct bw_window windows[BW_MAX_INTERFACES];
};

struct bw_sync_seal {
    uint8_t cluster, local;
    bool auth_none;
    unsigned keys_count;
    uint8_t keys[2][BW_KEY_BYTES];
    struct bw_boot_id boot;
    uint64_t sequence; /* of the last frame sent */
    struct bw_sync_seal_peer peers[BW_MAX_MEMBERS];
};

/* 0, or -EINVAL when there is no boot id, or no key and not auth_none. */
int bw_sync_seal_init(struct bw_sync_seal *seal, uint8_t cluster, uint8_t local, const struct bw_boot_id *boot, bool auth_none);
/* Keys: 1 or 2, the first seals, both open. 0 or -EINVAL. */
int bw_sync_seal_rekey(struct bw_sync_seal *seal, const uint8_t keys[2][BW_KEY_BYTES], unsigned count);
/* The living incarnation of a member. A new one begins with empty replay windows. */
void bw_sync_seal_peer(struct bw_sync_seal *seal, uint8_t member, const struct bw_boot_id *boot);
/* A whole frame with that body. Its length; -ENOSPC, -EINVAL, -EOVERFLOW (all sequence numbers used). */
int bw_sync_seal_frame(struct bw_sync_seal *seal, uint8_t interface, const uint8_t *body, size_t length, uint8_t *frame,
                       size_t cap);
/* Opens a frame that came in on an interface: ACCEPT (with *sender, the body and its length), or why not (QUERY: of an incarnation that is not the
 * living one). body: room for `length` bytes. */
enum bw_verdict bw_sync_open_frame(struct bw_sync_seal *seal, const uint8_t *frame, size_t length, uint8_t interface,
                                   uint8_t *sender, uint8_t *body, size_t *body_length);

#endif
