/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Announcements on the wire: gratuitous ARP and unsolicited neighbour advertisements. Never blocks; either thread may
 * call.
 */
#ifndef BELLWETHER_LINUX_ANNOUNCE_H
#define BELLWETHER_LINUX_ANNOUNCE_H

#include "agent/linux/linux.h"

/* A packet socket that only sends. The descriptor or negative errno. */
int bw_sender_open(void);
/* Sends one Ethernet frame on a device. 0 or negative errno. */
int bw_sender_send(int fd, int ifindex, const uint8_t *frame, size_t length);
/* Tells everybody on the link that the address is here. router: for IPv6, whether this host forwards. 0 or negative
 * errno. */
int bw_announce(int fd, const struct bw_link *link, const struct bw_address *address, bool router);

#endif
