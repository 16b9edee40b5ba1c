/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The two ways in which a port sends and receives, each on a socket of its own kind. Used by port.c only.
 */
#ifndef BELLWETHER_NET_PORT_H
#define BELLWETHER_NET_PORT_H

#include "agent/net/net.h"

/* A packet socket for multicast and broadcast. */
struct bw_packet {
    int fd;       /* -1 until the first attachment */
    int group_fd; /* holds the membership of a group that switches don't flood, else -1 */
    int ifindex;  /* 0 = detached */
    bool broadcast;
    bool send_only;
    uint8_t target[4]; /* IPv4 group, or 255.255.255.255 */
    uint8_t source[4]; /* 0.0.0.0 = the interface has no address */
    uint8_t target_mac[6];
};

/* A UDP socket for unicast, IPv4 or IPv6. */
struct bw_unicast {
    int fd;
    int ifindex;
    int family; /* AF_INET, AF_INET6 */
    bool send_only;
    uint8_t peers_count;
    struct bw_address peers[BW_MAX_MEMBERS];
};

/* All: 0 or negative errno; receive: length, 0 = none, negative errno. */
int bw_packet_attach(struct bw_packet *packet, int ifindex, const struct bw_address *source);
int bw_packet_send(struct bw_packet *packet, const uint8_t *frame, size_t length);
/* Number of frames; *more: others may wait. */
unsigned bw_packet_receive(struct bw_packet *packet, struct bw_arrival *arrivals, unsigned count, bool *more);

int bw_unicast_attach(struct bw_unicast *unicast, int ifindex);
int bw_unicast_send(struct bw_unicast *unicast, const uint8_t *frame, size_t length);
int bw_unicast_receive(struct bw_unicast *unicast, uint8_t *frame, size_t cap, struct bw_address *source);

#endif
