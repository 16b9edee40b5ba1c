/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests to the kernel's connection tracking: create, change, delete and get an entry; create and delete an expectation.
 *
 * A new entry is told with the reply direction that it would have without address translation, and the translation beside it:
 * the kernel then sets up both, as if a packet had met the rule. Windows are not checked on what came from a peer (liberal in
 * both directions), because only the member that saw the packets knows them.
 */
#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/sync/ct_entry.h"

struct builder {
    uint8_t *start, *at;
};

static void put(struct builder *b, uint16_t type, const void *data, size_t length)
{
    struct nlattr header = {.nla_len = (uint16_t)(sizeof(header) + length), .nla_type = type};
    size_t padded = NLA_ALIGN(length);

    memcpy(b->at, &header, sizeof(header));
    memcpy(b->at + sizeof(header), data, length);
    memset(b->at + sizeof(header) + length, 0, padded - length);
    b->at += sizeof(header) + padded;
}

static void put8(struct builder *b, uint16_t type, uint8_t v)
{
    put(b, type, &v, sizeof(v));
}

static void put16(struct builder *b, uint16_t type, uint16_t v)
{
    v = htons(v);
    put(b, type, &v, sizeof(v));
}

static void put32(struct builder *b, uint16_t type, uint32_t v)
{
    v = htonl(v);
    put(b, type, &v, sizeof(v));
}

/* A nested attribute is begun and ended. */
static uint8_t *begin(struct builder *b, uint16_t type)
{
    uint8_t *at = b->at;

    put(b, type | NLA_F_NESTED, "", 0);
    return at;
}

static void end(struct builder *b, uint8_t *at)
{
    uint16_t length = (uint16_t)(b->at - at);

    memcpy(at + offsetof(struct nlattr, nla_len), &length, sizeof(length));
}

static void put_numbers(struct builder *b, uint8_t protocol, const struct bw_ct_tuple *t)
{
    put8(b, CTA_PROTO_NUM, protocol);
    if (protocol == IPPROTO_ICMP) {
        put16(b, CTA_PROTO_ICMP_ID, t->sport);
        put8(b, CTA_PROTO_ICMP_TYPE, (uint8_t)(t->dport >> 8));
        put8(b, CTA_PROTO_ICMP_CODE, (uint8_t)t->dport);
    } else if (protocol == IPPROTO_ICMPV6) {
        put16(b, CTA_PROTO_ICMPV6_ID, t->sport);
        put8(b, CTA_PROTO_ICMPV6_TYPE, (uint8_t)(t->dport >> 8));
        put8(b, CTA_PROTO_ICMPV6_CODE, (uint8_t)t->dport);
    } else if (bw_ct_has_ports(protocol)) {
        put16(b, CTA_PROTO_SRC_PORT, t->sport);
        put16(b, CTA_PROTO_DST_PORT, t->dport);
    }
}

/* zone: of this direction alone, 0 = none. */
static void put_tuple(struct builder *b, uint16_t type, const struct bw_ct_key *key, const struct bw_ct_tuple *t,
                      uint16_t zone)
{
    uint8_t *tuple = begin(b, type), *inner = begin(b, CTA_TUPLE_IP);
    bool v4 = key->family == 4;

    put(b, v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, t->src, v4 ? 4 : 16);
    put(b, v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, t->dst, v4 ? 4 : 16);
    end(b, inner);
    inner = begin(b, CTA_TUPLE_PROTO);
    put_numbers(b, key->protocol, t);
    end(b, inner);
    if (zone)
        put16(b, CTA_TUPLE_ZONE, zone);
    end(b, tuple);
}

static void put_original(struct builder *b, uint16_t type, const struct bw_ct_key *key)
{
    put_tuple(b, type, key, &key->tuple, key->zone_direction == 1 ? key->zone : 0);
}

static void put_reply(struct builder *b, const struct bw_ct_key *key, const struct bw_ct_tuple *t)
{
    put_tuple(b, CTA_TUPLE_REPLY, key, t, key->zone_direction == 2 ? key->zone : 0);
}

static const struct nf_ct_tcp_flags liberal = {
    .flags = IP_CT_TCP_FLAG_BE_LIBERAL | IP_CT_TCP_FLAG_SACK_PERM,
    .mask = IP_CT_TCP_FLAG_BE_LIBERAL | IP_CT_TCP_FLAG_SACK_PERM,
};

static void put_liberal(struct builder *b)
{
    uint8_t *info = begin(b, CTA_PROTOINFO), *inner = begin(b, CTA_PROTOINFO_TCP);

    put(b, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, &liberal, sizeof(liberal));
    put(b, CTA_PROTOINFO_TCP_FLAGS_REPLY, &liberal, sizeof(liberal));
    end(b, inner);
    end(b, info);
}

static void put_protocol(struct builder *b, const struct bw_ct_entry *e)
{
    uint8_t *info = begin(b, CTA_PROTOINFO), *inner;

    if (e->key.protocol == IPPROTO_TCP) {
        struct nf_ct_tcp_flags flags = liberal;

        if (e->scale[0] || e->scale[1]) {
            flags.flags |= IP_CT_TCP_FLAG_WINDOW_SCALE;
            flags.mask |= IP_CT_TCP_FLAG_WINDOW_SCALE;
        }
        inner = begin(b, CTA_PROTOINFO_TCP);
        put8(b, CTA_PROTOINFO_TCP_STATE, e->state);
        put(b, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, &flags, sizeof(flags));
        put(b, CTA_PROTOINFO_TCP_FLAGS_REPLY, &flags, sizeof(flags));
        if (e->scale[0] || e->scale[1]) {
            put8(b, CTA_PROTOINFO_TCP_WSCALE_ORIGINAL, e->scale[0]);
            put8(b, CTA_PROTOINFO_TCP_WSCALE_REPLY, e->scale[1]);
        }
    } else {
        inner = begin(b, CTA_PROTOINFO_SCTP);
        put8(b, CTA_PROTOINFO_SCTP_STATE, e->state);
        put32(b, CTA_PROTOINFO_SCTP_VTAG_ORIGINAL, e->tag[0]);
        put32(b, CTA_PROTOINFO_SCTP_VTAG_REPLY, e->tag[1]);
    }
    end(b, inner);
    end(b, info);
}

/* Translation to an address, and to a port when the protocol has such. */
static void put_translation(struct builder *b, uint16_t type, const struct bw_ct_key *key, const uint8_t address[16],
                            bool port_changes, uint16_t port)
{
    uint8_t *nat = begin(b, type), *inner;
    bool v4 = key->family == 4;

    put(b, v4 ? CTA_NAT_V4_MINIP : CTA_NAT_V6_MINIP, address, v4 ? 4 : 16);
    put(b, v4 ? CTA_NAT_V4_MAXIP : CTA_NAT_V6_MAXIP, address, v4 ? 4 : 16);
    if (port_changes) {
        inner = begin(b, CTA_NAT_PROTO);
        put16(b, CTA_PROTONAT_PORT_MIN, port);
        put16(b, CTA_PROTONAT_PORT_MAX, port);
        end(b, inner);
    }
    end(b, nat);
}

static void put_translations(struct builder *b, const struct bw_ct_entry *e, const struct bw_ct_tuple *plain)
{
    bool icmp = e->key.protocol == IPPROTO_ICMP || e->key.protocol == IPPROTO_ICMPV6;
    bool ports = icmp || bw_ct_has_ports(e->key.protocol);

    if (e->status & IPS_SRC_NAT)
        put_translation(b, CTA_NAT_SRC, &e->key, e->reply.dst, ports, icmp ? e->reply.sport : e->reply.dport);
    if (e->status & IPS_DST_NAT)
        put_translation(b, CTA_NAT_DST, &e->key, e->reply.src, ports && !icmp && e->reply.sport != plain->sport,
                        e->reply.sport);
}

static void put_sequence(struct builder *b, uint16_t type, const struct bw_ct_sequence *s)
{
    uint8_t *at = begin(b, type);

    put32(b, CTA_SEQADJ_CORRECTION_POS, s->position);
    put32(b, CTA_SEQADJ_OFFSET_BEFORE, s->before);
    put32(b, CTA_SEQADJ_OFFSET_AFTER, s->after);
    end(b, at);
}

/* What a new and a changed entry are both told. */
static void put_common(struct builder *b, const struct bw_ct_entry *e)
{
    if (e->parts & BW_CT_TIMEOUT)
        put32(b, CTA_TIMEOUT, e->timeout_s);
    if (e->parts & BW_CT_PROTOCOL && (e->key.protocol == IPPROTO_TCP || e->key.protocol == IPPROTO_SCTP))
        put_protocol(b, e);
    if (e->parts & BW_CT_HELPER && e->helper[0] && !(e->parts & BW_CT_MASTER)) {
        uint8_t *help = begin(b, CTA_HELP);

        put(b, CTA_HELP_NAME, e->helper, strlen(e->helper) + 1);
        end(b, help);
    }
    put32(b, CTA_MARK, e->mark);
    if (e->parts & BW_CT_LABELS && e->labels_length)
        put(b, CTA_LABELS, e->labels, e->labels_length);
    if (e->parts & BW_CT_SEQUENCE) {
        put_sequence(b, CTA_SEQ_ADJ_ORIG, &e->sequence[0]);
        put_sequence(b, CTA_SEQ_ADJ_REPLY, &e->sequence[1]);
    }
}

#define STATUS_SETTABLE (IPS_SEEN_REPLY | IPS_ASSURED | IPS_CONFIRMED | IPS_FIXED_TIMEOUT)

static void put_create(struct builder *b, const struct bw_ct_entry *e)
{
    struct bw_ct_tuple plain;
    bool translated = e->status & IPS_NAT_MASK;

    bw_ct_invert(e->key.protocol, &e->key.tuple, &plain);
    put_original(b, CTA_TUPLE_ORIG, &e->key);
    put_reply(b, &e->key, translated ? &plain : &e->reply);
    put32(b, CTA_STATUS, (e->status & STATUS_SETTABLE) | IPS_CONFIRMED);
    if (translated)
        put_translations(b, e, &plain);
    if (e->parts & BW_CT_MASTER)
        put_original(b, CTA_TUPLE_MASTER, &e->master);
    put_common(b, e);
}

static void put_update(struct builder *b, const struct bw_ct_entry *e)
{
    put_reply(b, &e->key, &e->reply);
    put32(b, CTA_STATUS,
          (e->status & STATUS_SETTABLE) | IPS_CONFIRMED | (e->parts & BW_CT_MASTER ? IPS_EXPECTED : 0));
    put_common(b, e);
}

static void start(struct builder *b, void *at, uint16_t type, uint16_t flags, uint8_t family, uint32_t sequence)
{
    struct nlmsghdr header = {.nlmsg_type = type, .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags), .nlmsg_seq = sequence};
    struct nfgenmsg generic = {.nfgen_family = family == 6 ? AF_INET6 : AF_INET, .version = NFNETLINK_V0};

    b->start = b->at = at;
    memcpy(b->at, &header, sizeof(header));
    memcpy(b->at + NLMSG_HDRLEN, &generic, sizeof(generic));
    b->at += NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(generic));
}

static size_t finish(struct builder *b)
{
    uint32_t length = (uint32_t)(b->at - b->start);

    memcpy(b->start + offsetof(struct nlmsghdr, nlmsg_len), &length, sizeof(length));
    return length;
}

size_t bw_ct_build(void *at, enum bw_ct_request request, const struct bw_ct_entry *e, uint32_t sequence)
{
    static const struct {
        uint16_t type, flags;
    } kinds[] = {
        [BW_CT_CREATE] = {IPCTNL_MSG_CT_NEW, NLM_F_CREATE | NLM_F_EXCL},
        [BW_CT_UPDATE] = {IPCTNL_MSG_CT_NEW, 0},
        [BW_CT_DELETE] = {IPCTNL_MSG_CT_DELETE, 0},
        [BW_CT_DELETE_REPLY] = {IPCTNL_MSG_CT_DELETE, 0},
        [BW_CT_GET] = {IPCTNL_MSG_CT_GET, 0},
        [BW_CT_LIBERAL] = {IPCTNL_MSG_CT_NEW, 0},
    };
    struct builder b;

    start(&b, at, (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | kinds[request].type), kinds[request].flags, e->key.family,
          sequence);
    if (request == BW_CT_CREATE)
        put_create(&b, e);
    else if (request == BW_CT_UPDATE)
        put_update(&b, e);
    else if (request == BW_CT_DELETE_REPLY)
        put_reply(&b, &e->key, &e->reply);
    else
        put_original(&b, CTA_TUPLE_ORIG, &e->key);
    if (request == BW_CT_LIBERAL && e->key.protocol == IPPROTO_TCP)
        put_liberal(&b);
    else if (request == BW_CT_LIBERAL)
        put32(&b, CTA_TIMEOUT, e->timeout_s);
    if (e->key.zone && e->key.zone_direction == 0)
        put16(&b, CTA_ZONE, e->key.zone);
    return finish(&b);
}

static void put_expected(struct builder *b, const struct bw_ct_expected *x)
{
    uint8_t *nat;

    put_original(b, CTA_EXPECT_MASTER, &x->master);
    put_tuple(b, CTA_EXPECT_MASK, &x->key, &x->mask, 0);
    put32(b, CTA_EXPECT_TIMEOUT, x->timeout_s ? x->timeout_s : 1);
    put32(b, CTA_EXPECT_FLAGS, x->flags);
    put32(b, CTA_EXPECT_CLASS, x->class);
    if (x->helper[0])
        put(b, CTA_EXPECT_HELP_NAME, x->helper, strlen(x->helper) + 1);
    if (x->function[0])
        put(b, CTA_EXPECT_FN, x->function, strlen(x->function) + 1);
    if (x->translated) {
        nat = begin(b, CTA_EXPECT_NAT);
        put32(b, CTA_EXPECT_NAT_DIR, x->direction);
        put_tuple(b, CTA_EXPECT_NAT_TUPLE, &x->key, &x->nat, 0);
        end(b, nat);
    }
}

size_t bw_ct_build_expected(void *at, enum bw_ct_request request, const struct bw_ct_expected *x, uint32_t sequence)
{
    bool create = request == BW_CT_CREATE;
    struct builder b;

    start(&b, at, (uint16_t)(NFNL_SUBSYS_CTNETLINK_EXP << 8 | (create ? IPCTNL_MSG_EXP_NEW : IPCTNL_MSG_EXP_DELETE)),
          create ? NLM_F_CREATE : 0, x->key.family, sequence);
    put_tuple(&b, CTA_EXPECT_TUPLE, &x->key, &x->key.tuple, 0);
    if (create)
        put_expected(&b, x);
    if (x->key.zone)
        put16(&b, CTA_EXPECT_ZONE, x->key.zone);
    return finish(&b);
}
