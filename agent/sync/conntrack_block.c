/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * While the member is overloaded, new connections through it may be refused: by a table of our own in the packet filter, with a
 * counting rule for each kind that is not let through. The table belongs to its socket, so the kernel removes it when this process
 * ends in whatever way.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "agent/sync/conntrack.h"
#include "bellwether/log.h"

#ifndef NFT_TABLE_F_OWNER
#define NFT_TABLE_F_OWNER 0x2
#endif

#define TABLE    "bellwether-sync"
#define CHAIN    "forward"
#define PRIORITY (-10) /* before the user's filter */

/* What is refused when its kind is not allowed. */
static const struct refusal {
    uint32_t kind;
    uint32_t state;
    uint8_t protocol;
} refusals[] = {
    {BW_SYNC_ICMP, NF_CT_STATE_BIT(IP_CT_NEW), IPPROTO_ICMP},
    {BW_SYNC_ICMP, NF_CT_STATE_BIT(IP_CT_NEW), IPPROTO_ICMPV6},
    {BW_SYNC_TCP, NF_CT_STATE_BIT(IP_CT_NEW), IPPROTO_TCP},
    {BW_SYNC_UDP, NF_CT_STATE_BIT(IP_CT_NEW), IPPROTO_UDP},
    {BW_SYNC_TCP_DATA, NF_CT_STATE_BIT(IP_CT_RELATED), IPPROTO_TCP},
    {BW_SYNC_UDP_DATA, NF_CT_STATE_BIT(IP_CT_RELATED), IPPROTO_UDP},
};

/* ---- writing ---- */

struct batch {
    _Alignas(8) uint8_t bytes[8192];
    size_t length, message; /* where the present message begins */
    uint32_t sequence;
};

static void put(struct batch *b, uint16_t type, const void *data, size_t length)
{
    struct nlattr header = {.nla_len = (uint16_t)(sizeof(header) + length), .nla_type = type};

    memset(b->bytes + b->length, 0, NLA_ALIGN(header.nla_len));
    memcpy(b->bytes + b->length, &header, sizeof(header));
    memcpy(b->bytes + b->length + sizeof(header), data, length);
    b->length += NLA_ALIGN(header.nla_len);
}

static void put32(struct batch *b, uint16_t type, uint32_t v)
{
    v = htonl(v);
    put(b, type, &v, sizeof(v));
}

static void put_text(struct batch *b, uint16_t type, const char *text)
{
    put(b, type, text, strlen(text) + 1);
}

static size_t begin(struct batch *b, uint16_t type)
{
    size_t at = b->length;

    put(b, type | NLA_F_NESTED, "", 0);
    return at;
}

static void end(struct batch *b, size_t at)
{
    uint16_t length = (uint16_t)(b->length - at);

    memcpy(b->bytes + at, &length, sizeof(length));
}

static void start(struct batch *b, uint16_t type, uint16_t flags, uint8_t family, uint16_t resource)
{
    struct nlmsghdr header = {.nlmsg_type = type, .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags), .nlmsg_seq = ++b->sequence};
    struct nfgenmsg generic = {.nfgen_family = family, .version = NFNETLINK_V0, .res_id = htons(resource)};

    b->message = b->length;
    memcpy(b->bytes + b->length, &header, sizeof(header));
    memcpy(b->bytes + b->length + NLMSG_HDRLEN, &generic, sizeof(generic));
    b->length += NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(generic));
}

static void finish(struct batch *b)
{
    uint32_t length = (uint32_t)(b->length - b->message);

    memcpy(b->bytes + b->message, &length, sizeof(length));
}

static void start_nft(struct batch *b, uint16_t type, uint16_t flags)
{
    start(b, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags, NFPROTO_INET, 0);
}

static void mark(struct batch *b, uint16_t type)
{
    start(b, type, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
    finish(b);
}

/* An expression is begun with its name and ended. */
static void begin_expression(struct batch *b, const char *name, size_t at[2])
{
    at[0] = begin(b, NFTA_LIST_ELEM);
    put_text(b, NFTA_EXPR_NAME, name);
    at[1] = begin(b, NFTA_EXPR_DATA);
}

static void end_expression(struct batch *b, const size_t at[2])
{
    end(b, at[1]);
    end(b, at[0]);
}

static void put_value(struct batch *b, uint16_t type, const void *value, size_t length)
{
    size_t at = begin(b, type);

    put(b, NFTA_DATA_VALUE, value, length);
    end(b, at);
}

static void put_compare(struct batch *b, uint32_t operation, const void *value, size_t length)
{
    size_t at[2];

    begin_expression(b, "cmp", at);
    put32(b, NFTA_CMP_SREG, NFT_REG_1);
    put32(b, NFTA_CMP_OP, operation);
    put_value(b, NFTA_CMP_DATA, value, length);
    end_expression(b, at);
}

static void put_state(struct batch *b, uint32_t state)
{
    static const uint32_t zero;
    size_t at[2];

    begin_expression(b, "ct", at);
    put32(b, NFTA_CT_KEY, NFT_CT_STATE);
    put32(b, NFTA_CT_DREG, NFT_REG_1);
    end_expression(b, at);
    begin_expression(b, "bitwise", at);
    put32(b, NFTA_BITWISE_SREG, NFT_REG_1);
    put32(b, NFTA_BITWISE_DREG, NFT_REG_1);
    put32(b, NFTA_BITWISE_LEN, sizeof(state));
    put_value(b, NFTA_BITWISE_MASK, &state, sizeof(state));
    put_value(b, NFTA_BITWISE_XOR, &zero, sizeof(zero));
    end_expression(b, at);
    put_compare(b, NFT_CMP_NEQ, &zero, sizeof(zero));
}

static void put_drop(struct batch *b)
{
    size_t at[2], data, verdict;

    begin_expression(b, "counter", at);
    end_expression(b, at);
    begin_expression(b, "immediate", at);
    put32(b, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
    data = begin(b, NFTA_IMMEDIATE_DATA);
    verdict = begin(b, NFTA_DATA_VERDICT);
    put32(b, NFTA_VERDICT_CODE, NF_DROP);
    end(b, verdict);
    end(b, data);
    end_expression(b, at);
}

static void put_rule(struct batch *b, const struct refusal *refusal)
{
    size_t list, at[2];

    start_nft(b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
    put_text(b, NFTA_RULE_TABLE, TABLE);
    put_text(b, NFTA_RULE_CHAIN, CHAIN);
    list = begin(b, NFTA_RULE_EXPRESSIONS);
    put_state(b, refusal->state);
    begin_expression(b, "meta", at);
    put32(b, NFTA_META_KEY, NFT_META_L4PROTO);
    put32(b, NFTA_META_DREG, NFT_REG_1);
    end_expression(b, at);
    put_compare(b, NFT_CMP_EQ, &refusal->protocol, sizeof(refusal->protocol));
    put_drop(b);
    end(b, list);
    finish(b);
}

static void put_table(struct batch *b)
{
    size_t hook;

    start_nft(b, NFT_MSG_NEWTABLE, NLM_F_CREATE);
    put_text(b, NFTA_TABLE_NAME, TABLE);
    put32(b, NFTA_TABLE_FLAGS, NFT_TABLE_F_OWNER);
    finish(b);
    start_nft(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
    put_text(b, NFTA_CHAIN_TABLE, TABLE);
    put_text(b, NFTA_CHAIN_NAME, CHAIN);
    hook = begin(b, NFTA_CHAIN_HOOK);
    put32(b, NFTA_HOOK_HOOKNUM, NF_INET_FORWARD);
    put32(b, NFTA_HOOK_PRIORITY, (uint32_t)PRIORITY);
    end(b, hook);
    put_text(b, NFTA_CHAIN_TYPE, "filter");
    put32(b, NFTA_CHAIN_POLICY, NF_ACCEPT);
    finish(b);
}

/* Sends it; the first error that the kernel answers. */
static int carry_out(struct bw_ct *ct, struct batch *b)
{
    int error = 0;

    mark(b, NFNL_MSG_BATCH_END);
    if (send(ct->block.fd, b->bytes, b->length, 0) != (ssize_t)b->length)
        return -errno;
    while (bw_ct_receive(ct->block.fd, &ct->answers) > 0) {
        for (unsigned i = 0; i < ct->answers.count; i++) {
            const struct nlmsghdr *m = bw_ct_message(&ct->answers, i);
            const struct nlmsgerr *e = m ? NLMSG_DATA(m) : NULL;

            if (m && m->nlmsg_type == NLMSG_ERROR && m->nlmsg_len >= NLMSG_LENGTH(sizeof(*e)) && !error)
                error = e->error;
        }
    }
    return error;
}

/* ---- counters ---- */

/* Packets of every "counter" in what follows, however deep; rows are told apart by nothing. */
static uint64_t sum_counters(const uint8_t *at, const uint8_t *stop, unsigned depth)
{
    bool counter = false;
    uint64_t sum = 0;

    while (stop - at >= (ptrdiff_t)sizeof(struct nlattr)) {
        struct nlattr a;
        uint16_t type;

        memcpy(&a, at, sizeof(a));
        if (a.nla_len < sizeof(a) || a.nla_len > stop - at)
            break;
        type = a.nla_type & NLA_TYPE_MASK;
        if (depth < 2 && (depth == 0 ? type == NFTA_RULE_EXPRESSIONS : type == NFTA_LIST_ELEM))
            sum += sum_counters(at + sizeof(a), at + a.nla_len, depth + 1);
        else if (depth == 2 && type == NFTA_EXPR_NAME)
            counter = a.nla_len == sizeof(a) + 8 && memcmp(at + sizeof(a), "counter", 8) == 0;
        else if (depth == 2 && type == NFTA_EXPR_DATA && counter)
            sum += sum_counters(at + sizeof(a), at + a.nla_len, 3);
        else if (depth == 3 && type == NFTA_COUNTER_PACKETS && a.nla_len == sizeof(a) + 8) {
            uint64_t packets;

            memcpy(&packets, at + sizeof(a), sizeof(packets));
            sum += be64toh(packets);
        }
        at += NLA_ALIGN(a.nla_len) < stop - at ? NLA_ALIGN(a.nla_len) : stop - at;
    }
    return sum;
}

static uint64_t refused(struct bw_ct *ct)
{
    static struct batch b;
    uint64_t sum = 0;
    ssize_t n;

    b.length = 0;
    start_nft(&b, NFT_MSG_GETRULE, NLM_F_DUMP);
    put_text(&b, NFTA_RULE_TABLE, TABLE);
    finish(&b);
    if (send(ct->block.fd, b.bytes, b.length, 0) != (ssize_t)b.length)
        return ct->block.last;
    while ((n = recv(ct->block.fd, ct->dump, BW_CT_DUMP_BYTES, MSG_DONTWAIT)) > 0) {
        for (const struct nlmsghdr *m = (const void *)ct->dump; NLMSG_OK(m, n); m = NLMSG_NEXT(m, n)) {
            if (m->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE) && m->nlmsg_len > NLMSG_LENGTH(4))
                sum += sum_counters((const uint8_t *)NLMSG_DATA(m) + 4, (const uint8_t *)m + m->nlmsg_len, 0);
        }
    }
    return sum;
}

/* ---- the provider's side ---- */

void bw_ct_block_count(struct bw_ct *ct)
{
    uint64_t now;

    if (!ct->block.on)
        return;
    now = refused(ct);
    ct->block.packets += now - ct->block.last;
    ct->block.last = now;
}

static int open_socket(struct bw_ct *ct)
{
    struct sockaddr_nl local = {.nl_family = AF_NETLINK};

    if (ct->block.fd >= 0)
        return 0;
    ct->block.fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);
    return ct->block.fd >= 0 && bind(ct->block.fd, (struct sockaddr *)&local, sizeof(local)) == 0 ? 0 : -errno;
}

static int block(struct bw_ct *ct)
{
    static struct batch b;
    int err = open_socket(ct);

    if (err)
        return err;
    b.length = 0;
    mark(&b, NFNL_MSG_BATCH_BEGIN);
    put_table(&b);
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        if (!(refusals[i].kind & ct->config->cluster.sync.block_allow))
            put_rule(&b, &refusals[i]);
    }
    return carry_out(ct, &b);
}

void bw_ct_overload(void *self, bool over)
{
    struct bw_ct *ct = self;
    int err = 0;

    if (!ct->config->cluster.sync.block || over == ct->block.on)
        return;
    if (over) {
        err = block(ct);
        ct->block.on = err == 0;
        ct->block.last = 0;
        ct->block.scenarios += ct->block.on;
    } else {
        bw_ct_block_count(ct);
        ct->block.on = false;
    }
    if (!ct->block.on)
        bw_ct_block_close(ct);
    if (err)
        bw_log(BW_LOG_ERROR, "sync: new connections cannot be refused: %s", strerror(-err));
    else
        bw_log(BW_LOG_WARNING, over ? "sync: overloaded: new connections are refused" : "sync: new connections are let through again");
}

void bw_ct_block_close(struct bw_ct *ct)
{
    if (ct->block.fd >= 0)
        close(ct->block.fd); /* and its table goes */
    ct->block.fd = -1;
}
