/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IPv4 and UDP headers around a CCP frame (see inet.h).
 */
#include "agent/net/inet.h"

#include <errno.h>
#include <string.h>

#define IP_BYTES      20
#define UDP_BYTES     8
#define PROTOCOL_UDP  17
#define TOS_CONTROL   0xc0 /* network control */
#define TTL           255
#define DONT_FRAGMENT 0x4000

static void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static unsigned get16(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

/* Sum of 16-bit words, an odd last byte counting as the upper half of one. */
static uint64_t sum_words(uint64_t sum, const uint8_t *bytes, size_t length)
{
    for (; length > 1; bytes += 2, length -= 2)
        sum += get16(bytes);
    return length ? sum + ((uint64_t)bytes[0] << 8) : sum;
}

static uint16_t fold(uint64_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* UDP's checksum with the pseudo-header; 0 when it is right already. */
static uint16_t udp_checksum(const uint8_t *addresses, const uint8_t *udp, size_t udp_length, const uint8_t *more,
                             size_t more_length)
{
    uint64_t sum = PROTOCOL_UDP + udp_length + more_length;

    sum = sum_words(sum, addresses, 8);
    sum = sum_words(sum, udp, udp_length);
    return fold(sum_words(sum, more, more_length));
}

void bw_inet_build(uint8_t header[BW_INET_HEADER_BYTES], const uint8_t source[4], const uint8_t target[4],
                   uint16_t port, const uint8_t *payload, size_t length)
{
    uint8_t *udp = header + IP_BYTES;
    uint16_t checksum;

    memset(header, 0, BW_INET_HEADER_BYTES);
    header[0] = 0x45;
    header[1] = TOS_CONTROL;
    put16(header + 2, (unsigned)(BW_INET_HEADER_BYTES + length));
    put16(header + 6, DONT_FRAGMENT);
    header[8] = TTL;
    header[9] = PROTOCOL_UDP;
    memcpy(header + 12, source, 4);
    memcpy(header + 16, target, 4);
    put16(header + 10, fold(sum_words(0, header, IP_BYTES)));
    put16(udp, port);
    put16(udp + 2, port);
    put16(udp + 4, (unsigned)(UDP_BYTES + length));
    checksum = udp_checksum(header + 12, udp, UDP_BYTES, payload, length);
    put16(udp + 6, checksum ? checksum : 0xffff); /* 0 would say that there is none */
}

int bw_inet_parse(const uint8_t *packet, size_t length, uint16_t port, bool checksum_pending, const uint8_t **payload,
                  size_t *payload_length)
{
    size_t head, total, udp_length;
    const uint8_t *udp;

    if (length < BW_INET_HEADER_BYTES || packet[0] >> 4 != 4 || packet[9] != PROTOCOL_UDP)
        return -EBADMSG;
    head = (size_t)(packet[0] & 0xf) * 4;
    total = get16(packet + 2);
    if (head < IP_BYTES || total > length || head + UDP_BYTES > total || get16(packet + 6) & 0x3fff)
        return -EBADMSG;
    udp = packet + head;
    udp_length = get16(udp + 4);
    if (get16(udp + 2) != port || udp_length < UDP_BYTES || udp_length > total - head)
        return -EBADMSG;
    if (!checksum_pending && get16(udp + 6) != 0 && udp_checksum(packet + 12, udp, udp_length, NULL, 0) != 0)
        return -EBADMSG;
    *payload = udp + UDP_BYTES;
    *payload_length = udp_length - UDP_BYTES;
    return 0;
}
