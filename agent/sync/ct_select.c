/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Selection (see ct_select.h).
 */
#include "agent/sync/ct_select.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bellwether/text.h"

#define OWN_MAX 1024 /* addresses of this host, virtual ones and broadcasts */

struct own {
    uint8_t address[16];
    uint8_t family; /* 4 or 6 */
};

struct bw_ct_select {
    const struct bw_sync_select_config *rules;
    const struct bw_cluster_config *cluster;
    unsigned rules_count;
    unsigned own_count;
    struct own own[OWN_MAX]; /* sorted */
    int fd;
};

/* ---- the host's addresses ---- */

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct own));
}

static bool is_own(const struct bw_ct_select *s, const uint8_t address[16], uint8_t family)
{
    struct own key = {.family = family};

    memcpy(key.address, address, 16);
    return bsearch(&key, s->own, s->own_count, sizeof(key), compare) != NULL;
}

void bw_ct_select_own(struct bw_ct_select *s, const uint8_t address[16], uint8_t family)
{
    if (s->own_count == OWN_MAX || is_own(s, address, family))
        return;
    memcpy(s->own[s->own_count].address, address, 16);
    s->own[s->own_count++].family = family;
    qsort(s->own, s->own_count, sizeof(s->own[0]), compare);
}

static void disown(struct bw_ct_select *s, const uint8_t address[16], uint8_t family)
{
    struct own key = {.family = family}, *found;

    memcpy(key.address, address, 16);
    for (unsigned i = 0; i < s->cluster->addresses_count; i++) {
        const struct bw_address *a = &s->cluster->addresses[i].address;

        if (a->family == family && memcmp(a->bytes, address, family == 4 ? 4 : 16) == 0)
            return; /* virtual: wherever it is, no connection to it can move */
    }
    found = bsearch(&key, s->own, s->own_count, sizeof(key), compare);
    if (found)
        memmove(found, found + 1, (size_t)(s->own + --s->own_count - found) * sizeof(*found));
}

static void own_virtual(struct bw_ct_select *s)
{
    for (unsigned i = 0; i < s->cluster->addresses_count; i++) {
        const struct bw_address *a = &s->cluster->addresses[i].address;
        uint8_t bytes[16] = {0};

        memcpy(bytes, a->bytes, a->family == 4 ? 4 : 16);
        bw_ct_select_own(s, bytes, a->family);
    }
}

static void own_sockaddr(struct bw_ct_select *s, const struct sockaddr *sa)
{
    uint8_t bytes[16] = {0};

    if (!sa || (sa->sa_family != AF_INET && sa->sa_family != AF_INET6))
        return;
    if (sa->sa_family == AF_INET)
        memcpy(bytes, &((const struct sockaddr_in *)sa)->sin_addr, 4);
    else
        memcpy(bytes, &((const struct sockaddr_in6 *)sa)->sin6_addr, 16);
    bw_ct_select_own(s, bytes, sa->sa_family == AF_INET ? 4 : 6);
}

static int read_host(struct bw_ct_select *s)
{
    struct ifaddrs *all;

    s->own_count = 0;
    own_virtual(s);
    if (getifaddrs(&all) != 0)
        return -errno;
    for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
        own_sockaddr(s, i->ifa_addr);
        if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET)
            own_sockaddr(s, i->ifa_broadaddr);
    }
    freeifaddrs(all);
    return 0;
}

/* One notice of an address that came or went. */
static void take_notice(struct bw_ct_select *s, const struct nlmsghdr *n)
{
    const struct ifaddrmsg *message = NLMSG_DATA(n);
    uint8_t family = message->ifa_family == AF_INET ? 4 : 6;
    int left = (int)(n->nlmsg_len - NLMSG_LENGTH(sizeof(*message)));

    if (message->ifa_family != AF_INET && message->ifa_family != AF_INET6)
        return;
    for (const struct rtattr *a = IFA_RTA(message); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
        uint8_t bytes[16] = {0};
        size_t length = family == 4 ? 4 : 16;
        /* IPv4's IFA_ADDRESS is the other end on a point-to-point link. */
        bool own = family == 4 ? a->rta_type == IFA_LOCAL || a->rta_type == IFA_BROADCAST : a->rta_type == IFA_ADDRESS;

        if (!own || RTA_PAYLOAD(a) < length)
            continue;
        memcpy(bytes, RTA_DATA(a), length);
        if (n->nlmsg_type == RTM_NEWADDR)
            bw_ct_select_own(s, bytes, family);
        else if (n->nlmsg_type == RTM_DELADDR)
            disown(s, bytes, family);
    }
}

void bw_ct_select_read(struct bw_ct_select *s)
{
    _Alignas(struct nlmsghdr) char buffer[16384];

    for (;;) {
        ssize_t n = recv(s->fd, buffer, sizeof(buffer), MSG_DONTWAIT);

        if (n < 0 && errno == ENOBUFS) {
            read_host(s);
            continue;
        }
        if (n <= 0)
            return;
        for (const struct nlmsghdr *m = (void *)buffer; NLMSG_OK(m, n); m = NLMSG_NEXT(m, n)) {
            if (m->nlmsg_len >= NLMSG_LENGTH(sizeof(struct ifaddrmsg)))
                take_notice(s, m);
        }
    }
}

int bw_ct_select_fd(const struct bw_ct_select *s)
{
    return s->fd;
}

int bw_ct_select_new(const struct bw_cluster_config *cluster, const struct bw_sync_select_config *rules, unsigned count,
                     struct bw_ct_select **select)
{
    struct sockaddr_nl local = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
    struct bw_ct_select *s = calloc(1, sizeof(*s));
    int err;

    if (!s)
        return -ENOMEM;
    s->rules = rules;
    s->rules_count = count;
    s->cluster = cluster;
    s->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&local, sizeof(local)) != 0)
        err = -errno;
    else
        err = read_host(s);
    if (err)
        bw_ct_select_free(s);
    else
        *select = s;
    return err;
}

void bw_ct_select_count(struct bw_ct_select *s, unsigned count)
{
    s->rules_count = count;
}

void bw_ct_select_free(struct bw_ct_select *s)
{
    if (s && s->fd >= 0)
        close(s->fd);
    free(s);
}

/* ---- never ---- */

static bool is_loopback(const uint8_t *a, uint8_t family)
{
    static const uint8_t one[16] = {[15] = 1};

    return family == 4 ? a[0] == 127 : memcmp(a, one, 16) == 0;
}

/* Multicast, everybody, nobody, link-local IPv6. */
static bool is_nobody(const uint8_t *a, uint8_t family)
{
    static const uint8_t none[16];

    if (family == 4)
        return a[0] == 0 || a[0] >= 224;
    return a[0] == 0xff || memcmp(a, none, 16) == 0 || (a[0] == 0xfe && (a[1] & 0xc0) == 0x80);
}

static bool is_never(const struct bw_ct_select *s, const struct bw_ct_entry *e)
{
    static const uint8_t protocols[] = {IPPROTO_IGMP, 112 /* VRRP */};
    const struct bw_ct_tuple *t = &e->key.tuple;
    uint8_t family = e->key.family;

    for (size_t i = 0; i < sizeof(protocols); i++) {
        if (e->key.protocol == protocols[i])
            return true;
    }
    if (is_loopback(t->src, family) || is_loopback(t->dst, family) || is_nobody(t->src, family) ||
        is_nobody(t->dst, family))
        return true;
    /* The ends: who began, and who answers (which address translation may have chosen). */
    return is_own(s, t->src, family) || is_own(s, e->parts & BW_CT_REPLY ? e->reply.src : t->dst, family);
}

/* ---- rules ---- */

static bool is_in(const uint8_t address[16], uint8_t family, const struct bw_address *net)
{
    struct bw_address a = {.family = family, .prefix = family == 4 ? 32 : 128};

    if (net->family == 0)
        return true;
    memcpy(a.bytes, address, family == 4 ? 4 : 16);
    return net->family == family && bw_address_within(&a, net);
}

static bool matches(const struct bw_sync_select_config *r, const struct bw_ct_entry *e)
{
    return (r->protocol == 0 || r->protocol == e->key.protocol) &&
           (r->port == 0 || (bw_ct_has_ports(e->key.protocol) && r->port == e->key.tuple.dport)) &&
           (r->zone == BW_SYNC_ANY_ZONE || r->zone == e->key.zone) &&
           is_in(e->key.tuple.src, e->key.family, &r->source) &&
           is_in(e->key.tuple.dst, e->key.family, &r->destination);
}

bool bw_ct_selected(const struct bw_ct_select *s, const struct bw_ct_entry *e, uint32_t *after_s)
{
    *after_s = 0;
    if (is_never(s, e))
        return false;
    for (unsigned i = 0; i < s->rules_count; i++) {
        const struct bw_sync_select_config *r = &s->rules[i];

        if (!matches(r, e))
            continue;
        *after_s = (uint32_t)((r->after_ns + BW_SEC - 1) / BW_SEC);
        return r->when != BW_SYNC_NEVER;
    }
    return true;
}
