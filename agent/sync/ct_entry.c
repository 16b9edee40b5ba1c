/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tuples: the other direction of one, and that of a packet.
 */
#include "agent/sync/ct_entry.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <netinet/in.h>
#include <string.h>

#ifndef IPPROTO_UDPLITE
#define IPPROTO_UDPLITE 136
#endif

bool bw_ct_has_ports(uint8_t protocol)
{
    return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP || protocol == IPPROTO_DCCP ||
           protocol == IPPROTO_UDPLITE || protocol == IPPROTO_GRE;
}

/* The type that answers a type, as the kernel pairs them; others are their own. */
static uint8_t answer_type(uint8_t protocol, uint8_t type)
{
    static const uint8_t pairs[][2] = {{8, 0}, {13, 14}, {15, 16}, {17, 18}}, pairs6[][2] = {{128, 129}, {139, 140}};
    const uint8_t(*table)[2] = protocol == IPPROTO_ICMP ? pairs : pairs6;
    unsigned count = protocol == IPPROTO_ICMP ? 4 : 2;

    for (unsigned i = 0; i < count; i++) {
        if (type == table[i][0])
            return table[i][1];
        if (type == table[i][1])
            return table[i][0];
    }
    return type;
}

void bw_ct_invert(uint8_t protocol, const struct bw_ct_tuple *tuple, struct bw_ct_tuple *inverse)
{
    struct bw_ct_tuple t;

    memcpy(t.src, tuple->dst, sizeof(t.src));
    memcpy(t.dst, tuple->src, sizeof(t.dst));
    if (protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6) {
        t.sport = tuple->sport;
        t.dport = (uint16_t)(answer_type(protocol, (uint8_t)(tuple->dport >> 8)) << 8 | (tuple->dport & 0xff));
    } else {
        t.sport = tuple->dport;
        t.dport = tuple->sport;
    }
    *inverse = t;
}

bool bw_ct_from_packet(const uint8_t *b, size_t length, struct bw_ct_entry *e)
{
    size_t head, n;
    bool v4;

    memset(e, 0, sizeof(*e));
    if (length < 20)
        return false;
    v4 = b[0] >> 4 == 4;
    n = v4 ? 4 : 16;
    head = v4 ? (size_t)(b[0] & 15) * 4 : 40;
    if ((!v4 && b[0] >> 4 != 6) || head < 20 || length < head + 8 || (v4 && (b[6] & 0x1f || b[7])))
        return false;
    e->key.family = v4 ? 4 : 6;
    e->key.protocol = v4 ? b[9] : b[6];
    memcpy(e->key.tuple.src, b + (v4 ? 12 : 8), n);
    memcpy(e->key.tuple.dst, b + (v4 ? 16 : 24), n);
    if (e->key.protocol == IPPROTO_ICMP || e->key.protocol == IPPROTO_ICMPV6) {
        e->key.tuple.sport = (uint16_t)(b[head + 4] << 8 | b[head + 5]);
        e->key.tuple.dport = (uint16_t)(b[head] << 8 | b[head + 1]);
    } else if (e->key.protocol == IPPROTO_TCP || e->key.protocol == IPPROTO_UDP || e->key.protocol == IPPROTO_SCTP) {
        e->key.tuple.sport = (uint16_t)(b[head] << 8 | b[head + 1]);
        e->key.tuple.dport = (uint16_t)(b[head + 2] << 8 | b[head + 3]);
    } else {
        return false;
    }
    bw_ct_invert(e->key.protocol, &e->key.tuple, &e->reply);
    e->parts = BW_CT_REPLY | BW_CT_STATUS | BW_CT_TIMEOUT;
    e->status = IPS_CONFIRMED;
    e->timeout_s = 120;
    if (e->key.protocol == IPPROTO_TCP || e->key.protocol == IPPROTO_SCTP) {
        e->parts |= BW_CT_PROTOCOL;
        e->state = 1; /* the first packet was seen */
    }
    return true;
}
