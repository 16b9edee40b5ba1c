/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Entries as the kernel tells them: netlink attributes of the conntrack subsystem, taken apart. By hand, because this runs for
 * every event.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <string.h>

#include "agent/sync/ct_entry.h"

struct attribute {
    uint16_t type, length;
    const uint8_t *data;
};

/* The attribute at *at, which moves behind it. False at the end, or at what is no attribute. */
static bool next(const uint8_t **at, const uint8_t *end, struct attribute *a)
{
    struct nlattr header;

    if (end - *at < (ptrdiff_t)sizeof(header))
        return false;
    memcpy(&header, *at, sizeof(header));
    if (header.nla_len < sizeof(header) || header.nla_len > end - *at)
        return false;
    a->type = header.nla_type & NLA_TYPE_MASK;
    a->length = (uint16_t)(header.nla_len - sizeof(header));
    a->data = *at + sizeof(header);
    *at += NLA_ALIGN(header.nla_len) < end - *at ? NLA_ALIGN(header.nla_len) : end - *at;
    return true;
}

#define EACH(a, parent)                                                                                                \
    for (const uint8_t *at_ = (parent)->data, *end_ = at_ + (parent)->length; next(&at_, end_, (a));)

static uint16_t get16(const struct attribute *a)
{
    return a->length >= 2 ? (uint16_t)(a->data[0] << 8 | a->data[1]) : 0;
}

static uint32_t get32(const struct attribute *a)
{
    uint32_t v = 0;

    if (a->length >= 4)
        memcpy(&v, a->data, 4);
    return ntohl(v);
}

static uint8_t get8(const struct attribute *a)
{
    return a->length >= 1 ? a->data[0] : 0;
}

static void get_text(const struct attribute *a, char *to, size_t cap)
{
    size_t length = strnlen((const char *)a->data, a->length);

    length = length < cap ? length : cap - 1;
    memcpy(to, a->data, length);
    to[length] = '\0';
}

static void get_address(const struct attribute *a, uint8_t to[16])
{
    memcpy(to, a->data, a->length < 16 ? a->length : 16);
}

static void parse_ip(const struct attribute *ip, struct bw_ct_tuple *tuple)
{
    struct attribute a;

    EACH(&a, ip)
    {
        if (a.type == CTA_IP_V4_SRC || a.type == CTA_IP_V6_SRC)
            get_address(&a, tuple->src);
        else if (a.type == CTA_IP_V4_DST || a.type == CTA_IP_V6_DST)
            get_address(&a, tuple->dst);
    }
}

static void parse_numbers(const struct attribute *numbers, struct bw_ct_key *key, struct bw_ct_tuple *tuple)
{
    uint8_t type = 0, code = 0;
    bool icmp = false;
    struct attribute a;

    EACH(&a, numbers)
    {
        switch (a.type) {
        case CTA_PROTO_NUM:
            key->protocol = get8(&a);
            break;
        case CTA_PROTO_SRC_PORT:
        case CTA_PROTO_ICMP_ID:
        case CTA_PROTO_ICMPV6_ID:
            tuple->sport = get16(&a);
            break;
        case CTA_PROTO_DST_PORT:
            tuple->dport = get16(&a);
            break;
        case CTA_PROTO_ICMP_TYPE:
        case CTA_PROTO_ICMPV6_TYPE:
            type = get8(&a);
            icmp = true;
            break;
        case CTA_PROTO_ICMP_CODE:
        case CTA_PROTO_ICMPV6_CODE:
            code = get8(&a);
            icmp = true;
            break;
        }
    }
    if (icmp)
        tuple->dport = (uint16_t)(type << 8 | code);
    if (!icmp && !bw_ct_has_ports(key->protocol))
        tuple->sport = tuple->dport = 0; /* the kernel tells fields that mean nothing for some protocols */
}

/* One direction; key takes its protocol, and its zone when this direction has one of its own. */
static void parse_tuple(const struct attribute *tuple, struct bw_ct_key *key, struct bw_ct_tuple *to, uint8_t direction)
{
    struct attribute a;

    EACH(&a, tuple)
    {
        if (a.type == CTA_TUPLE_IP) {
            parse_ip(&a, to);
        } else if (a.type == CTA_TUPLE_PROTO) {
            parse_numbers(&a, key, to);
        } else if (a.type == CTA_TUPLE_ZONE) {
            key->zone = get16(&a);
            key->zone_direction = key->zone ? direction : 0;
        }
    }
}

static void parse_tcp(const struct attribute *tcp, struct bw_ct_entry *e)
{
    struct attribute a;

    EACH(&a, tcp)
    {
        if (a.type == CTA_PROTOINFO_TCP_STATE) {
            e->state = get8(&a);
            e->parts |= BW_CT_PROTOCOL;
        } else if (a.type == CTA_PROTOINFO_TCP_WSCALE_ORIGINAL) {
            e->scale[0] = get8(&a) & 15;
        } else if (a.type == CTA_PROTOINFO_TCP_WSCALE_REPLY) {
            e->scale[1] = get8(&a) & 15;
        }
    }
}

static void parse_sctp(const struct attribute *sctp, struct bw_ct_entry *e)
{
    struct attribute a;

    EACH(&a, sctp)
    {
        if (a.type == CTA_PROTOINFO_SCTP_STATE) {
            e->state = get8(&a);
            e->parts |= BW_CT_PROTOCOL;
        } else if (a.type == CTA_PROTOINFO_SCTP_VTAG_ORIGINAL) {
            e->tag[0] = get32(&a);
        } else if (a.type == CTA_PROTOINFO_SCTP_VTAG_REPLY) {
            e->tag[1] = get32(&a);
        }
    }
}

static void parse_protocol(const struct attribute *info, struct bw_ct_entry *e)
{
    struct attribute a;

    EACH(&a, info)
    {
        if (a.type == CTA_PROTOINFO_TCP)
            parse_tcp(&a, e);
        else if (a.type == CTA_PROTOINFO_SCTP)
            parse_sctp(&a, e);
    }
}

static void parse_sequence(const struct attribute *sequence, struct bw_ct_sequence *to)
{
    struct attribute a;

    EACH(&a, sequence)
    {
        if (a.type == CTA_SEQADJ_CORRECTION_POS)
            to->position = get32(&a);
        else if (a.type == CTA_SEQADJ_OFFSET_BEFORE)
            to->before = get32(&a);
        else if (a.type == CTA_SEQADJ_OFFSET_AFTER)
            to->after = get32(&a);
    }
}

static void parse_helper(const struct attribute *help, struct bw_ct_entry *e)
{
    struct attribute a;

    EACH(&a, help)
    {
        if (a.type == CTA_HELP_NAME) {
            get_text(&a, e->helper, sizeof(e->helper));
            e->parts |= BW_CT_HELPER;
        }
    }
}

static void parse_labels(const struct attribute *labels, struct bw_ct_entry *e)
{
    static const uint8_t none[BW_CT_LABELS_MAX];

    if (labels->length % 4 != 0 || labels->length > BW_CT_LABELS_MAX || memcmp(labels->data, none, labels->length) == 0)
        return;
    memcpy(e->labels, labels->data, labels->length);
    e->labels_length = (uint8_t)labels->length;
    e->parts |= BW_CT_LABELS;
}

/* The rarer attributes. */
static void parse_more(const struct attribute *a, struct bw_ct_entry *e)
{
    switch (a->type) {
    case CTA_HELP:
        parse_helper(a, e);
        break;
    case CTA_LABELS:
        parse_labels(a, e);
        break;
    case CTA_TUPLE_MASTER:
        parse_tuple(a, &e->master, &e->master.tuple, 1);
        e->parts |= BW_CT_MASTER;
        break;
    case CTA_SEQ_ADJ_ORIG:
        parse_sequence(a, &e->sequence[0]);
        e->parts |= BW_CT_SEQUENCE;
        break;
    case CTA_SEQ_ADJ_REPLY:
        parse_sequence(a, &e->sequence[1]);
        e->parts |= BW_CT_SEQUENCE;
        break;
    }
}

static void parse_attribute(const struct attribute *a, struct bw_ct_entry *e)
{
    switch (a->type) {
    case CTA_TUPLE_ORIG:
        parse_tuple(a, &e->key, &e->key.tuple, 1);
        break;
    case CTA_TUPLE_REPLY:
        parse_tuple(a, &e->key, &e->reply, 2);
        e->parts |= BW_CT_REPLY;
        break;
    case CTA_STATUS:
        e->status = get32(a);
        e->parts |= BW_CT_STATUS;
        break;
    case CTA_TIMEOUT:
        e->timeout_s = get32(a);
        e->parts |= BW_CT_TIMEOUT;
        break;
    case CTA_PROTOINFO:
        parse_protocol(a, e);
        break;
    case CTA_MARK:
        e->mark = get32(a);
        e->parts |= BW_CT_MARK;
        break;
    case CTA_ZONE:
        e->key.zone = get16(a);
        break;
    default:
        parse_more(a, e);
    }
}

/* The family of a message, and its attributes. */
static int open_message(const void *bytes, size_t length, struct attribute *all, uint8_t *family)
{
    struct nfgenmsg head;

    if (length < sizeof(head) || length > 0xffff)
        return -EBADMSG;
    memcpy(&head, bytes, sizeof(head));
    if (head.nfgen_family != AF_INET && head.nfgen_family != AF_INET6)
        return -EBADMSG;
    *family = head.nfgen_family == AF_INET ? 4 : 6;
    all->data = (const uint8_t *)bytes + NLMSG_ALIGN(sizeof(head));
    all->length = (uint16_t)(length - NLMSG_ALIGN(sizeof(head)));
    return 0;
}

int bw_ct_parse(const void *bytes, size_t length, struct bw_ct_entry *e)
{
    struct attribute all, a;
    bool original = false;

    memset(e, 0, sizeof(*e));
    if (open_message(bytes, length, &all, &e->key.family) != 0)
        return -EBADMSG;
    e->master.family = e->key.family;
    EACH(&a, &all)
    {
        original |= a.type == CTA_TUPLE_ORIG;
        parse_attribute(&a, e);
    }
    if (e->parts & BW_CT_MASTER && e->master.zone == 0 && e->key.zone != 0) {
        e->master.zone = e->key.zone; /* a master is in its child's zone */
        e->master.zone_direction = e->key.zone_direction;
    }
    return original ? 0 : -EBADMSG;
}

static void parse_translation(const struct attribute *nat, struct bw_ct_expected *x)
{
    struct bw_ct_key key = {.family = x->key.family};
    struct attribute a;

    x->translated = true;
    EACH(&a, nat)
    {
        if (a.type == CTA_EXPECT_NAT_DIR)
            x->direction = get32(&a) & 1;
        else if (a.type == CTA_EXPECT_NAT_TUPLE)
            parse_tuple(&a, &key, &x->nat, 0);
    }
}

static void parse_expected_attribute(const struct attribute *a, struct bw_ct_expected *x)
{
    struct bw_ct_key key = {.family = x->key.family};

    switch (a->type) {
    case CTA_EXPECT_MASTER:
        parse_tuple(a, &x->master, &x->master.tuple, 1);
        break;
    case CTA_EXPECT_TUPLE:
        parse_tuple(a, &x->key, &x->key.tuple, 0);
        break;
    case CTA_EXPECT_MASK:
        key.protocol = IPPROTO_TCP; /* so that ports are kept */
        parse_tuple(a, &key, &x->mask, 0);
        break;
    case CTA_EXPECT_TIMEOUT:
        x->timeout_s = get32(a);
        break;
    case CTA_EXPECT_ZONE:
        x->key.zone = x->master.zone = get16(a);
        break;
    case CTA_EXPECT_FLAGS:
        x->flags = get32(a);
        break;
    case CTA_EXPECT_CLASS:
        x->class = get32(a);
        break;
    case CTA_EXPECT_HELP_NAME:
        get_text(a, x->helper, sizeof(x->helper));
        break;
    case CTA_EXPECT_FN:
        get_text(a, x->function, sizeof(x->function));
        break;
    case CTA_EXPECT_NAT:
        parse_translation(a, x);
        break;
    }
}

int bw_ct_parse_expected(const void *bytes, size_t length, struct bw_ct_expected *x)
{
    struct attribute all, a;
    unsigned needed = 0;

    memset(x, 0, sizeof(*x));
    if (open_message(bytes, length, &all, &x->key.family) != 0)
        return -EBADMSG;
    x->master.family = x->key.family;
    EACH(&a, &all)
    {
        needed |= a.type == CTA_EXPECT_MASTER || a.type == CTA_EXPECT_TUPLE || a.type == CTA_EXPECT_MASK ? 1U << a.type : 0;
        parse_expected_attribute(&a, x);
    }
    return needed == (1U << CTA_EXPECT_MASTER | 1U << CTA_EXPECT_TUPLE | 1U << CTA_EXPECT_MASK) ? 0 : -EBADMSG;
}
