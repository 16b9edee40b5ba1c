/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ARP (RFC 826, 5227) and neighbour discovery (RFC 4861) frames (see frames.h).
 */
#include "agent/linux/frames.h"

#include <string.h>

#define ETHER_BYTES      14
#define ARP_BYTES        28
#define IP6_BYTES        40
#define ND_BYTES         24 /* header, flags and target */
#define ND_OPTION_BYTES  8  /* one link-layer address option */
#define ND_SOLICITATION  135
#define ND_ADVERTISEMENT 136
#define OPTION_SOURCE    1
#define OPTION_TARGET    2
#define FLAG_ROUTER      0x80
#define FLAG_SOLICITED   0x40
#define FLAG_OVERRIDE    0x20

static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put_ether(uint8_t *frame, const uint8_t to[6], const uint8_t from[6], unsigned type)
{
    memcpy(frame, to, 6);
    memcpy(frame + 6, from, 6);
    put16(frame + 12, type);
}

static size_t put_arp(uint8_t *frame, const uint8_t mac[6], const uint8_t *to, unsigned operation,
                      const uint8_t sender[4], const uint8_t target[4])
{
    uint8_t *arp = frame + ETHER_BYTES;

    put_ether(frame, to != NULL ? to : broadcast, mac, 0x0806);
    put16(arp, 1);
    put16(arp + 2, 0x0800);
    arp[4] = 6;
    arp[5] = 4;
    put16(arp + 6, operation);
    memcpy(arp + 8, mac, 6);
    memcpy(arp + 14, sender, 4);
    if (operation == 2)
        memcpy(arp + 18, broadcast, 6);
    else
        memset(arp + 18, 0, 6);
    memcpy(arp + 24, target, 4);
    return ETHER_BYTES + ARP_BYTES;
}

size_t bw_frame_gratuitous(uint8_t *frame, const uint8_t mac[6], const struct bw_address *address, bool reply)
{
    return put_arp(frame, mac, NULL, reply ? 2 : 1, address->bytes, address->bytes);
}

static uint16_t checksum(const uint8_t *ip, size_t length)
{
    uint32_t sum = (uint32_t)length + 58;

    for (size_t i = 8; i < IP6_BYTES + length; i += 2) /* addresses, then the message: its length is even */
        sum += (uint32_t)ip[i] << 8 | ip[i + 1];
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* An IPv6 packet with one ND message; option 0 = none. */
static size_t put_nd(uint8_t *frame, const uint8_t mac[6], const uint8_t source[16], const uint8_t destination[16],
                     const uint8_t target[16], int type, uint8_t flags, int option)
{
    uint8_t *ip = frame + ETHER_BYTES, *nd = ip + IP6_BYTES;
    size_t length = ND_BYTES + (option != 0 ? ND_OPTION_BYTES : 0);

    memset(ip, 0, IP6_BYTES + length);
    ip[0] = 0x60;
    put16(ip + 4, (unsigned)length);
    ip[6] = 58;
    ip[7] = 255;
    memcpy(ip + 8, source, 16);
    memcpy(ip + 24, destination, 16);
    nd[0] = (uint8_t)type;
    nd[4] = flags;
    memcpy(nd + 8, target, 16);
    if (option != 0) {
        nd[ND_BYTES] = (uint8_t)option;
        nd[ND_BYTES + 1] = 1;
        memcpy(nd + ND_BYTES + 2, mac, 6);
    }
    put16(nd + 2, checksum(ip, length));
    return ETHER_BYTES + IP6_BYTES + length;
}

size_t bw_frame_advertisement(uint8_t *frame, const uint8_t mac[6], const struct bw_address *address, bool router)
{
    static const uint8_t all_nodes[16] = {0xff, 0x02, [15] = 1}, all_nodes_mac[6] = {0x33, 0x33, 0, 0, 0, 1};
    uint8_t flags = FLAG_OVERRIDE | (router ? FLAG_ROUTER : 0);

    put_ether(frame, all_nodes_mac, mac, 0x86dd);
    return put_nd(frame, mac, address->bytes, all_nodes, address->bytes, ND_ADVERTISEMENT, flags, OPTION_TARGET);
}

size_t bw_frame_ask(uint8_t *frame, const uint8_t mac[6], const struct bw_address *own,
                    const struct bw_address *neighbour, const uint8_t *to)
{
    static const uint8_t none[16];
    uint8_t group[16] = {0xff, 0x02, [11] = 1, [12] = 0xff}, group_mac[6] = {0x33, 0x33, 0xff};
    bool known = own->family == neighbour->family;

    if (neighbour->family == 4)
        return put_arp(frame, mac, to, 1, known ? own->bytes : none, neighbour->bytes);
    memcpy(group + 13, neighbour->bytes + 13, 3);
    memcpy(group_mac + 3, neighbour->bytes + 13, 3);
    put_ether(frame, to != NULL ? to : group_mac, mac, 0x86dd);
    /* Without an own address only the solicited-node group is allowed as the destination. */
    return put_nd(frame, mac, known ? own->bytes : none, to != NULL && known ? neighbour->bytes : group,
                  neighbour->bytes, ND_SOLICITATION, 0, known ? OPTION_SOURCE : 0);
}

size_t bw_frame_answer(uint8_t *frame, const uint8_t mac[6], const struct bw_address *address,
                       const struct bw_address *asker, const uint8_t mac_asker[6])
{
    size_t length;

    if (address->family == 4) {
        length = put_arp(frame, mac, mac_asker, 2, address->bytes, asker->bytes);
        memcpy(frame + ETHER_BYTES + 18, mac_asker, 6);
        return length;
    }
    if (asker->family != 6) /* it is making sure that nobody has the address: it hears this only when all do */
        return bw_frame_advertisement(frame, mac, address, false);
    put_ether(frame, mac_asker, mac, 0x86dd);
    return put_nd(frame, mac, address->bytes, asker->bytes, address->bytes, ND_ADVERTISEMENT,
                  FLAG_OVERRIDE | FLAG_SOLICITED, OPTION_TARGET);
}

static void take_address(struct bw_address *out, int family, const uint8_t *bytes)
{
    int width = family == 4 ? 4 : 16;
    uint8_t any = 0;

    memset(out, 0, sizeof(*out));
    for (int i = 0; i < width; i++)
        any |= bytes[i];
    if (any == 0)
        return;
    out->family = (uint8_t)family;
    out->prefix = (uint8_t)(width * 8);
    memcpy(out->bytes, bytes, (size_t)width);
}

bool bw_frame_read_arp(const uint8_t *bytes, size_t length, struct bw_neighbour_frame *out)
{
    static const uint8_t ethernet_ip4[6] = {0, 1, 8, 0, 6, 4};

    if (length < ARP_BYTES || memcmp(bytes, ethernet_ip4, 6) != 0 || bytes[6] != 0 || bytes[7] < 1 || bytes[7] > 2)
        return false;
    out->answer = bytes[7] == 2;
    memcpy(out->mac, bytes + 8, 6);
    take_address(&out->from, 4, bytes + 14);
    take_address(&out->about, 4, bytes + 24);
    return true;
}

/* The link-layer address option of that kind, if there is one. */
static void take_option(const uint8_t *options, size_t length, int kind, uint8_t mac[6])
{
    size_t at = 0;

    while (at + ND_OPTION_BYTES <= length && options[at + 1] != 0) {
        if (options[at] == kind) {
            memcpy(mac, options + at + 2, 6);
            return;
        }
        at += (size_t)options[at + 1] * 8;
    }
}

bool bw_frame_read_nd(const uint8_t *bytes, size_t length, struct bw_neighbour_frame *out)
{
    const uint8_t *nd = bytes + IP6_BYTES;
    size_t payload;

    if (length < IP6_BYTES + ND_BYTES || bytes[0] >> 4 != 6 || bytes[6] != 58 || bytes[7] != 255)
        return false;
    payload = (size_t)bytes[4] << 8 | bytes[5];
    if (payload < ND_BYTES || payload > length - IP6_BYTES || nd[1] != 0 ||
        (nd[0] != ND_SOLICITATION && nd[0] != ND_ADVERTISEMENT))
        return false;
    out->answer = nd[0] == ND_ADVERTISEMENT;
    memset(out->mac, 0, 6);
    /* An advertisement speaks for its target, a solicitation for its sender. */
    take_address(&out->from, 6, out->answer ? nd + 8 : bytes + 8);
    take_address(&out->about, 6, nd + 8);
    take_option(nd + ND_BYTES, payload - ND_BYTES, out->answer ? OPTION_TARGET : OPTION_SOURCE, out->mac);
    return true;
}
