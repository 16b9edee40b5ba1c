/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the codec's files and the sealing layer share: the clear part's writer, and the handshake table, by which the
 * sealing layers of two members make sure of each other's freshness without the core's knowledge.
 */
#ifndef BELLWETHER_NET_CCP_H
#define BELLWETHER_NET_CCP_H

#include "agent/net/net.h"
#include "agent/net/tlv.h"

#define BW_CCP_OPCODE_STATE 1
#define BW_CCP_OPCODE_QUERY 2
#define BW_CCP_OPCODE_SYNC  10
#define BW_CCP_TARGET_ALL   0xfffe

enum bw_handshake_what {
    BW_HANDSHAKE_CHALLENGE = 1, /* the sender's challenge for `member` */
    BW_HANDSHAKE_RESPONSE,      /* a challenge that the sender heard from `member` for itself */
};

struct bw_handshake_entry {
    uint8_t member;
    uint8_t what; /* enum bw_handshake_what */
    uint64_t value;
};

#define BW_HANDSHAKE_MAX 144 /* a challenge and eight answers for each member */

struct bw_handshake {
    uint8_t count;
    struct bw_handshake_entry entries[BW_HANDSHAKE_MAX];
};

/* May this be a member's id, a cluster's id? */
static inline bool bw_ccp_id_plausible(unsigned id)
{
    return id >= 1 && id <= 254;
}

/* Appends the clear part. random_id tells incarnations apart for people. */
void bw_ccp_put_clear(struct bw_sink *sink, const struct bw_message *message, uint8_t cluster,
                      const struct bw_clear_facts *facts);
/* Changes the interface that a clear part names. */
void bw_ccp_set_interface(uint8_t *clear, uint8_t interface);

/* The clear part of a frame of state synchronisation, which every member may read. */
void bw_ccp_put_sync_clear(struct bw_sink *sink, uint8_t cluster, uint8_t interface, uint8_t sender,
                           const struct bw_boot_id *boot);

/* As bw_ccp_encode and bw_ccp_decode_body, with the handshake apart instead of in the echoes. Entries for which there
 * is no room are left out. */
int bw_ccp_encode_with(const struct bw_message *message, uint8_t cluster, const struct bw_clear_facts *facts,
                       const struct bw_handshake *handshake, uint8_t *buf, size_t cap, size_t *clear_length);
int bw_ccp_decode_with(const uint8_t *bytes, size_t length, struct bw_message *message, struct bw_handshake *handshake);

#endif
