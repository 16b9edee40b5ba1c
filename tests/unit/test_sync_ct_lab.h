/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A laboratory for the connection tracking provider: members that are network namespaces of this process, each with the real kernel's
 * table and a provider; between them a stream that is a list in memory. Entries are made by requests from a socket of their own, as another
 * program would, so they raise events.
 */
#ifndef TEST_SYNC_CT_LAB_H
#define TEST_SYNC_CT_LAB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "agent/sync/conntrack.h"
#include "bellwether/text.h"

#define LAB_MEMBERS 3

struct lab_update {
    struct bw_sync_record record;
    uint8_t bytes[BW_SYNC_KEY_MAX + BW_SYNC_VALUE_MAX];
};

struct lab_member {
    int netns;     /* descriptor */
    int other;     /* netlink socket of "another program" */
    uint8_t id;
    void *provider;
    struct bw_config *config;
    /* What update() took and is not delivered yet. */
    struct lab_update *updates;
    unsigned updates_count, updates_room;
    unsigned refuse; /* update() refuses while the list has so many, 0 = never */
    unsigned sets, deletes;
    unsigned lost_calls;
    uint64_t lost[BW_SYNC_RANGES / 64];
    size_t bytes; /* of all keys and values */
    bool mute; /* counts, but keeps nothing */
};

static inline uint64_t lab_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec * BW_SEC + (uint64_t)t.tv_nsec;
}

static inline void lab_enter(const struct lab_member *m)
{
    assert_return_code(setns(m->netns, CLONE_NEWNET), errno);
}

static inline bool lab_update(void *context, const struct bw_sync_record *record)
{
    struct lab_member *m = context;
    struct lab_update *u;

    if (m->refuse && m->updates_count >= m->refuse)
        return false;
    m->sets += record->operation == BW_SYNC_SET;
    m->deletes += record->operation == BW_SYNC_DELETE;
    m->bytes += record->key_length + record->value_length;
    if (m->mute)
        return true;
    if (m->updates_count == m->updates_room) {
        m->updates_room = m->updates_room ? 2 * m->updates_room : 64;
        m->updates = realloc(m->updates, m->updates_room * sizeof(*u));
        assert_non_null(m->updates);
    }
    u = &m->updates[m->updates_count++];
    u->record = *record;
    memcpy(u->bytes, record->key, record->key_length);
    if (record->value_length)
        memcpy(u->bytes + record->key_length, record->value, record->value_length);
    return true;
}

static inline void lab_lost(void *context, const uint64_t ranges[BW_SYNC_RANGES / 64])
{
    struct lab_member *m = context;

    m->lost_calls++;
    for (unsigned i = 0; i < BW_SYNC_RANGES / 64; i++)
        m->lost[i] |= ranges[i];
}

static inline void lab_start(struct lab_member *m)
{
    struct bw_sync_sink sink = {.context = m, .update = lab_update, .lost = lab_lost};

    lab_enter(m);
    assert_int_equal(bw_sync_conntrack.open(m->config, &sink, &m->provider), 0);
}

static inline void lab_stop(struct lab_member *m)
{
    bw_sync_conntrack.close(m->provider);
    m->provider = NULL;
}

static inline void lab_open(struct lab_member *m, uint8_t id)
{
    struct sockaddr_nl local = {.nl_family = AF_NETLINK};

    memset(m, 0, sizeof(*m));
    m->id = id;
    m->config = calloc(1, sizeof(*m->config));
    assert_non_null(m->config);
    m->config->cluster.members_count = LAB_MEMBERS;
    for (uint8_t i = 0; i < LAB_MEMBERS; i++)
        m->config->cluster.members[i].id = (uint8_t)(i + 1);
    m->config->cluster.local = (uint8_t)(id - 1);
    assert_return_code(unshare(CLONE_NEWNET), errno);
    m->netns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    assert_return_code(m->netns, errno);
    m->other = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
    assert_return_code(bind(m->other, (struct sockaddr *)&local, sizeof(local)), errno);
}

static inline void lab_close(struct lab_member *m)
{
    if (m->provider)
        lab_stop(m);
    close(m->other);
    close(m->netns);
    free(m->updates);
    free(m->config);
}

/* ---- the kernel's side ---- */

/* A request as another program makes it: 0 or negative errno. */
static inline int lab_request(struct lab_member *m, enum bw_ct_request kind, const struct bw_ct_entry *e)
{
    _Alignas(struct nlmsghdr) uint8_t message[BW_CT_MESSAGE_MAX];
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    struct nlmsghdr *header = (void *)message;
    size_t length = bw_ct_build(message, kind, e, 1);
    ssize_t n;

    header->nlmsg_flags |= NLM_F_ACK;
    assert_int_equal(sendto(m->other, message, length, 0, (struct sockaddr *)&kernel, sizeof(kernel)), length);
    n = recv(m->other, message, sizeof(message), 0);
    assert_true(n >= (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr)));
    return ((const struct nlmsgerr *)NLMSG_DATA(header))->error;
}

struct lab_row {
    struct bw_ct_wire wire;
    struct bw_ct_entry entry;
};

static inline int lab_order(const void *a, const void *b)
{
    const struct lab_row *x = a, *y = b;

    return x->wire.key_length != y->wire.key_length ? (int)x->wire.key_length - (int)y->wire.key_length
                                                    : memcmp(x->wire.key, y->wire.key, x->wire.key_length);
}

/* The kernel's whole table, sorted by key. The caller frees. */
static inline unsigned lab_table(struct lab_member *m, struct lab_row **rows)
{
    struct {
        struct nlmsghdr header;
        struct nfgenmsg generic;
    } request = {.header = {.nlmsg_len = sizeof(request),
                            .nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET,
                            .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP}};
    static _Alignas(struct nlmsghdr) uint8_t buffer[65536];
    unsigned count = 0, room = 0;

    *rows = NULL;
    assert_int_equal(send(m->other, &request, sizeof(request), 0), sizeof(request));
    for (;;) {
        ssize_t n = recv(m->other, buffer, sizeof(buffer), 0);

        assert_true(n > 0);
        for (const struct nlmsghdr *h = (void *)buffer; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
            if (h->nlmsg_type == NLMSG_DONE) {
                if (count)
                    qsort(*rows, count, sizeof(**rows), lab_order);
                return count;
            }
            if (count == room) {
                room = room ? 2 * room : 64;
                *rows = realloc(*rows, room * sizeof(**rows));
                assert_non_null(*rows);
            }
            memset(&(*rows)[count], 0, sizeof(**rows));
            assert_int_equal(bw_ct_parse(NLMSG_DATA(h), h->nlmsg_len - NLMSG_HDRLEN, &(*rows)[count].entry), 0);
            bw_ct_wire_key(&(*rows)[count].entry.key, &(*rows)[count].wire);
            bw_ct_wire_value(&(*rows)[count].entry, (struct bw_ct_turn){0, false}, &(*rows)[count].wire);
            count++;
        }
    }
}

static inline unsigned lab_size(struct lab_member *m)
{
    struct lab_row *rows;
    unsigned count = lab_table(m, &rows);

    free(rows);
    return count;
}

/* Both kernels have the same, timeouts apart. */
static inline void lab_assert_same(struct lab_member *a, struct lab_member *b)
{
    struct lab_row *x, *y;
    unsigned n = lab_table(a, &x);

    assert_int_equal(lab_table(b, &y), n);
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(x[i].wire.key_length, y[i].wire.key_length);
        assert_memory_equal(x[i].wire.key, y[i].wire.key, x[i].wire.key_length);
        assert_int_equal(x[i].wire.value_length, y[i].wire.value_length);
        assert_memory_equal(x[i].wire.value + BW_CT_WIRE_HEAD, y[i].wire.value + BW_CT_WIRE_HEAD,
                            x[i].wire.value_length - BW_CT_WIRE_HEAD);
    }
    free(x);
    free(y);
}

/* ---- the stream's side ---- */

/* Reads events until there are none. */
static inline void lab_read(struct lab_member *m)
{
    lab_enter(m);
    while (bw_sync_conntrack.read(m->provider, lab_now_ns(), 64) && !m->refuse)
        ;
}

static inline int lab_apply(struct lab_member *to, uint8_t owner, const struct bw_sync_record *record)
{
    return bw_sync_conntrack.apply(to->provider, owner, record, lab_now_ns());
}

/* What `from` has told goes to `to`, and `also` when it is not NULL. */
static inline void lab_deliver(struct lab_member *from, struct lab_member *to, struct lab_member *also)
{
    for (unsigned i = 0; i < from->updates_count; i++) {
        struct lab_update *u = &from->updates[i];

        u->record.key = u->bytes;
        u->record.value = u->bytes + u->record.key_length;
        assert_int_equal(lab_apply(to, from->id, &u->record), 0);
        if (also)
            assert_int_equal(lab_apply(also, from->id, &u->record), 0);
    }
    from->updates_count = 0;
    lab_enter(to);
    assert_int_equal(bw_sync_conntrack.flush(to->provider), 0);
    if (also) {
        lab_enter(also);
        assert_int_equal(bw_sync_conntrack.flush(also->provider), 0);
    }
}

static inline void lab_pump(struct lab_member *from, struct lab_member *to)
{
    lab_read(from);
    lab_deliver(from, to, NULL);
}

/* All the turns that the provider wants until then; time is ours. */
static inline void lab_turns_until(struct lab_member *m, uint64_t until_ns)
{
    uint64_t now_ns = lab_now_ns(), next_ns;

    lab_enter(m);
    while ((next_ns = bw_sync_conntrack.deadline(m->provider)) <= until_ns) {
        now_ns = next_ns > now_ns ? next_ns : now_ns;
        bw_sync_conntrack.turn(m->provider, now_ns);
    }
}

/* Long enough for a sweep to end. */
static inline void lab_turns(struct lab_member *m)
{
    lab_turns_until(m, lab_now_ns() + 20 * BW_SEC);
}

static const uint64_t lab_all[BW_SYNC_RANGES / 64] = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};

struct lab_emission {
    struct lab_member *to;
    uint8_t owner;
    unsigned left, total; /* emitted before it refuses */
};

static inline bool lab_emit(void *context, const struct bw_sync_record *record)
{
    struct lab_emission *e = context;

    if (e->left == 0)
        return false;
    e->left--;
    e->total++;
    assert_int_equal(lab_apply(e->to, e->owner, record), 0);
    return true;
}

/* A full sync of owner's records from one to another, `budget` records in a call. Returns how many were emitted. */
static inline unsigned lab_full(struct lab_member *from, struct lab_member *to, unsigned budget)
{
    struct lab_emission e = {.to = to, .owner = from->id};
    uint64_t cursor = 0;
    int more;

    bw_sync_conntrack.repair_begin(to->provider, from->id, lab_all);
    do {
        e.left = budget;
        more = bw_sync_conntrack.dump(from->provider, from->id, lab_all, &cursor, lab_emit, &e);
        assert_true(more >= 0);
        lab_deliver(from, to, NULL);
    } while (more);
    bw_sync_conntrack.repair_end(to->provider, from->id, lab_all);
    return e.total;
}

/* The owner's digests are the same on both; how many records they are of. */
static inline unsigned lab_assert_digests(struct lab_member *owner, struct lab_member *copy)
{
    static struct bw_sync_digest a[BW_SYNC_RANGES], b[BW_SYNC_RANGES];
    unsigned records = 0;

    bw_sync_conntrack.digests(owner->provider, owner->id, a);
    bw_sync_conntrack.digests(copy->provider, owner->id, b);
    for (unsigned i = 0; i < BW_SYNC_RANGES; i++) {
        assert_int_equal(a[i].records, b[i].records);
        assert_int_equal(a[i].sum, b[i].sum);
        records += a[i].records;
    }
    return records;
}

/* ---- entries ---- */

static inline void lab_address(const char *text, uint8_t bytes[16])
{
    memset(bytes, 0, 16);
    assert_int_equal(inet_pton(strchr(text, ':') ? AF_INET6 : AF_INET, text, bytes), 1);
}

/* An established entry without translation. */
static inline struct bw_ct_entry lab_entry(uint8_t protocol, const char *src, uint16_t sport, const char *dst,
                                           uint16_t dport)
{
    struct bw_ct_entry e = {.parts = BW_CT_REPLY | BW_CT_STATUS | BW_CT_TIMEOUT, .timeout_s = 1000};

    e.key.family = strchr(src, ':') ? 6 : 4;
    e.key.protocol = protocol;
    lab_address(src, e.key.tuple.src);
    lab_address(dst, e.key.tuple.dst);
    e.key.tuple.sport = sport;
    e.key.tuple.dport = dport;
    bw_ct_invert(protocol, &e.key.tuple, &e.reply);
    e.status = IPS_CONFIRMED | IPS_SEEN_REPLY | IPS_ASSURED;
    if (protocol == IPPROTO_TCP || protocol == IPPROTO_SCTP) {
        e.parts |= BW_CT_PROTOCOL;
        e.state = 3; /* established */
    }
    return e;
}

/* Source translation to address and port. */
static inline void lab_snat(struct bw_ct_entry *e, const char *address, uint16_t port)
{
    bool icmp = e->key.protocol == IPPROTO_ICMP || e->key.protocol == IPPROTO_ICMPV6;

    e->status |= IPS_SRC_NAT;
    lab_address(address, e->reply.dst);
    *(icmp ? &e->reply.sport : &e->reply.dport) = port;
}

static inline void lab_dnat(struct bw_ct_entry *e, const char *address, uint16_t port)
{
    e->status |= IPS_DST_NAT;
    lab_address(address, e->reply.src);
    e->reply.sport = port;
}

#endif
