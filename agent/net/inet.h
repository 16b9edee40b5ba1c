/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IPv4 and UDP headers around a CCP frame, for packet sockets. Pure.
 */
#ifndef BELLWETHER_NET_INET_H
#define BELLWETHER_NET_INET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BW_INET_HEADER_BYTES 28 /* IPv4 without options, UDP */

/* Writes both headers, checksums included, for a payload of `length` bytes (at most 65,507). Addresses: 4 bytes. */
void bw_inet_build(uint8_t header[BW_INET_HEADER_BYTES], const uint8_t source[4], const uint8_t target[4],
                   uint16_t port, const uint8_t *payload, size_t length);
/* Where is the payload of the IPv4 packet? Checks lengths, protocol, port, fragmentation and, unless checksum_pending
 * (it will be filled in later: a packet of this host), the UDP checksum. 0 or -EBADMSG. */
int bw_inet_parse(const uint8_t *packet, size_t length, uint16_t port, bool checksum_pending, const uint8_t **payload,
                  size_t *payload_length);

#endif
