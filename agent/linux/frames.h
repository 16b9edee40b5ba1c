/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ARP and neighbour discovery frames: built and taken apart. Pure.
 */
#ifndef BELLWETHER_LINUX_FRAMES_H
#define BELLWETHER_LINUX_FRAMES_H

#include "bellwether/model.h"

#define BW_NEIGHBOUR_FRAME_MAX 128

/* What an ARP packet or a neighbour solicitation or advertisement says. */
struct bw_neighbour_frame {
    bool answer;             /* ARP reply, neighbour advertisement */
    struct bw_address from;  /* whose address it tells (family 0 = nobody's: a probe without own address) */
    struct bw_address about; /* ARP's target, ND's target */
    uint8_t mac[6];          /* the link-layer address told for `from`; zero = none told */
};

/* Ethernet frames; each returns its length. frame: BW_NEIGHBOUR_FRAME_MAX bytes.
 * Gratuitous ARP for an IPv4 address, as a request or as a reply. */
size_t bw_frame_gratuitous(uint8_t *frame, const uint8_t mac[6], const struct bw_address *address, bool reply);
/* Unsolicited neighbour advertisement to all nodes, with the override flag. */
size_t bw_frame_advertisement(uint8_t *frame, const uint8_t mac[6], const struct bw_address *address, bool router);
/* Asks for a neighbour: ARP request or neighbour solicitation. own: family 0 = asked without an own address. to: its
 * known link-layer address, NULL = broadcast or its solicited-node group. */
size_t bw_frame_ask(uint8_t *frame, const uint8_t mac[6], const struct bw_address *own,
                    const struct bw_address *neighbour, const uint8_t *to);

/* Answers whoever asked for the address: ARP reply, or a solicited advertisement with the override flag. asker: family 0 = it has no
 * address yet; mac_asker: where the question came from. */
size_t bw_frame_answer(uint8_t *frame, const uint8_t mac[6], const struct bw_address *address,
                       const struct bw_address *asker, const uint8_t mac_asker[6]);

/* Reads an ARP packet, or an IPv6 packet with neighbour discovery in it, from after the Ethernet header. False:
 * something else or malformed. */
bool bw_frame_read_arp(const uint8_t *bytes, size_t length, struct bw_neighbour_frame *out);
bool bw_frame_read_nd(const uint8_t *bytes, size_t length, struct bw_neighbour_frame *out);

#endif
