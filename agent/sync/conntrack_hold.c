/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Flush and ack: packets that the firewall sends to a queue of ours wait until every other member acknowledged their connection, so
 * that an answer through another member finds it there.
 *
 * The kernel confirms a connection after the last hook, so a held packet's one raises no event yet: it is told from the packet. The
 * kernel gives its entry along when it can (address translation included); else it is read from the headers, as is right where
 * nothing is translated. The kernel's later event then tells nothing new.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "agent/sync/conntrack.h"
#include "bellwether/log.h"

#define COPY_BYTES 128 /* of a packet: its headers */

/* ---- requests to the queue ---- */

static size_t put(uint8_t *at, uint16_t type, const void *data, size_t length)
{
    struct nlattr header = {.nla_len = (uint16_t)(sizeof(header) + length), .nla_type = type};

    memset(at, 0, NLA_ALIGN(header.nla_len));
    memcpy(at, &header, sizeof(header));
    memcpy(at + sizeof(header), data, length);
    return NLA_ALIGN(header.nla_len);
}

static size_t begin(uint8_t *at, uint16_t type, uint16_t queue)
{
    struct nlmsghdr header = {.nlmsg_type = (uint16_t)(NFNL_SUBSYS_QUEUE << 8 | type), .nlmsg_flags = NLM_F_REQUEST};
    struct nfgenmsg generic = {.version = NFNETLINK_V0, .res_id = htons(queue)};

    memcpy(at, &header, sizeof(header));
    memcpy(at + NLMSG_HDRLEN, &generic, sizeof(generic));
    return NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(generic));
}

static int send_message(int fd, uint8_t *message, size_t length)
{
    uint32_t total = (uint32_t)length;

    memcpy(message, &total, sizeof(total));
    return send(fd, message, length, 0) == (ssize_t)length ? 0 : -errno;
}

static void release(struct bw_ct *ct, uint32_t id)
{
    struct nfqnl_msg_verdict_hdr verdict = {.verdict = htonl(NF_ACCEPT), .id = htonl(id)};
    _Alignas(8) uint8_t message[64];
    size_t length = begin(message, NFQNL_MSG_VERDICT, ct->hold.queue);

    length += put(message + length, NFQA_VERDICT_HDR, &verdict, sizeof(verdict));
    send_message(ct->hold.fd, message, length);
}

static int bind_queue(int fd, uint16_t queue)
{
    struct nfqnl_msg_config_cmd command = {.command = NFQNL_CFG_CMD_BIND};
    struct nfqnl_msg_config_params params = {.copy_range = htonl(COPY_BYTES), .copy_mode = NFQNL_COPY_PACKET};
    uint32_t flags = htonl(NFQA_CFG_F_CONNTRACK | NFQA_CFG_F_FAIL_OPEN), most = htonl(BW_CT_HELD);
    _Alignas(8) uint8_t message[256];
    size_t length = begin(message, NFQNL_MSG_CONFIG, queue);
    int err;

    length += put(message + length, NFQA_CFG_CMD, &command, sizeof(command));
    length += put(message + length, NFQA_CFG_PARAMS, &params, sizeof(params));
    length += put(message + length, NFQA_CFG_QUEUE_MAXLEN, &most, sizeof(most));
    err = send_message(fd, message, length);
    if (err)
        return err;
    length = begin(message, NFQNL_MSG_CONFIG, queue);
    length += put(message + length, NFQA_CFG_FLAGS, &flags, sizeof(flags));
    length += put(message + length, NFQA_CFG_MASK, &flags, sizeof(flags));
    return send_message(fd, message, length);
}

int bw_ct_hold_open(struct bw_ct *ct)
{
    struct sockaddr_nl local = {.nl_family = AF_NETLINK};
    uint16_t queue = (uint16_t)ct->config->cluster.sync.hold_queue;
    int err = 0;

    ct->hold.queue = queue;
    if (queue == 0)
        return 0;
    ct->hold.fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);
    if (ct->hold.fd < 0)
        return -errno;
    if (bind(ct->hold.fd, (struct sockaddr *)&local, sizeof(local)) != 0)
        err = -errno;
    return err ? err : bind_queue(ct->hold.fd, queue);
}

void bw_ct_hold_close(struct bw_ct *ct)
{
    if (ct->hold.fd < 0)
        return;
    for (unsigned i = 0; i < ct->hold.count; i++)
        release(ct, ct->hold.held[i].id);
    close(ct->hold.fd);
    ct->hold.fd = -1;
}

/* ---- packets ---- */

struct packet {
    uint32_t id;
    bool known;                     /* has an id */
    const uint8_t *entry, *payload; /* NULL = not given */
    size_t entry_length, payload_length;
};

static bool take_apart(const struct nlmsghdr *m, struct packet *p)
{
    const uint8_t *at = (const uint8_t *)NLMSG_DATA(m) + NLMSG_ALIGN(sizeof(struct nfgenmsg)),
                  *end = (const uint8_t *)m + m->nlmsg_len;

    memset(p, 0, sizeof(*p));
    while (end - at >= (ptrdiff_t)sizeof(struct nlattr)) {
        struct nlattr a;
        struct nfqnl_msg_packet_hdr head;
        size_t length;

        memcpy(&a, at, sizeof(a));
        if (a.nla_len < sizeof(a) || a.nla_len > end - at)
            break;
        length = a.nla_len - sizeof(a);
        if ((a.nla_type & NLA_TYPE_MASK) == NFQA_PACKET_HDR && length >= sizeof(head)) {
            memcpy(&head, at + sizeof(a), sizeof(head));
            p->id = ntohl(head.packet_id);
            p->known = true;
        } else if ((a.nla_type & NLA_TYPE_MASK) == NFQA_CT) {
            p->entry = at + sizeof(a);
            p->entry_length = length;
        } else if ((a.nla_type & NLA_TYPE_MASK) == NFQA_PAYLOAD) {
            p->payload = at + sizeof(a);
            p->payload_length = length;
        }
        at += NLA_ALIGN(a.nla_len) < end - at ? NLA_ALIGN(a.nla_len) : end - at;
    }
    return p->known;
}

static bool entry_of(const struct packet *p, struct bw_ct_entry *e)
{
    uint8_t bytes[1024];
    struct nfgenmsg generic = {.nfgen_family = AF_INET};

    if (p->payload_length > 0 && p->payload[0] >> 4 == 6)
        generic.nfgen_family = AF_INET6;
    if (!p->entry || p->entry_length > sizeof(bytes) - NLMSG_ALIGN(sizeof(generic)))
        return p->payload && bw_ct_from_packet(p->payload, p->payload_length, e);
    memset(bytes, 0, NLMSG_ALIGN(sizeof(generic)));
    memcpy(bytes, &generic, sizeof(generic));
    memcpy(bytes + NLMSG_ALIGN(sizeof(generic)), p->entry, p->entry_length);
    return bw_ct_parse(bytes, NLMSG_ALIGN(sizeof(generic)) + p->entry_length, e) == 0;
}

static void take_packet(struct bw_ct *ct, const struct packet *p)
{
    struct bw_ct_hold *h = &ct->hold;
    struct bw_ct_entry e;
    uint32_t after_s;

    if (ct->others == 0) {
        h->not_held++;
        release(ct, p->id);
        return;
    }
    if (h->count == BW_CT_HELD || !entry_of(p, &e) || !bw_ct_selected(ct->select, &e, &after_s) || after_s > 0 ||
        bw_ct_tell(ct, &e, false) == BW_CT_REFUSED || !ct->sink.newest) {
        release(ct, p->id);
        return;
    }
    h->holds++;
    h->held[h->count++] = (struct bw_ct_held){
        .id = p->id, .number = ct->sink.newest(ct->sink.context), .since_ns = ct->now_ns};
}

void bw_ct_hold_read(struct bw_ct *ct)
{
    struct packet p;

    if (ct->hold.fd < 0)
        return;
    while (ct->hold.count < BW_CT_HELD && bw_ct_receive(ct->hold.fd, &ct->answers) > 0) {
        unsigned count = ct->answers.count;

        for (unsigned i = 0; i < count; i++) {
            const struct nlmsghdr *m = bw_ct_message(&ct->answers, i);

            if (m && m->nlmsg_type == (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET) && take_apart(m, &p))
                take_packet(ct, &p);
        }
    }
    ct->hold.most = ct->hold.count > ct->hold.most ? ct->hold.count : ct->hold.most;
}

/* Lets those through for which it is true that their number is acknowledged, or their time is over. */
static void release_due(struct bw_ct *ct)
{
    struct bw_ct_hold *h = &ct->hold;
    unsigned kept = 0;

    for (unsigned i = 0; i < h->count; i++) {
        bool late = ct->now_ns - h->held[i].since_ns >= ct->config->cluster.sync.hold_ns;
        uint64_t held_ns = ct->now_ns - h->held[i].since_ns;

        if (!late && h->held[i].number > h->acknowledged) {
            h->held[kept++] = h->held[i];
            continue;
        }
        release(ct, h->held[i].id);
        h->unholds++;
        h->timeouts += late;
        h->sum_ns += held_ns;
        h->max_ns = held_ns > h->max_ns ? held_ns : h->max_ns;
    }
    h->count = kept;
}

void bw_ct_acknowledged(void *self, uint64_t number, uint64_t now_ns)
{
    struct bw_ct *ct = self;

    ct->now_ns = now_ns;
    ct->hold.acknowledged = number;
    release_due(ct);
}

uint64_t bw_ct_hold_deadline(const struct bw_ct *ct)
{
    return ct->hold.count ? ct->hold.held[0].since_ns + ct->config->cluster.sync.hold_ns : UINT64_MAX;
}

void bw_ct_hold_turn(struct bw_ct *ct)
{
    if (bw_ct_hold_deadline(ct) <= ct->now_ns)
        release_due(ct);
}
