/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tuples: the other direction of one.
 */
#include "agent/sync/ct_entry.h"

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
