/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the address thread reads of the kernel: links and addresses by dump and by notice, neighbours and gateways now
 * and then; and what it tells the engine of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/neighbour.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/linux/holder_private.h"
#include "agent/linux/service.h"
#include "bellwether/text.h"

#define NOTICES_AT_ONCE     1024
#define NOTICE_ROUNDS       4
#define NEIGHBOURS_EVERY_NS (60 * BW_SEC)
#define NEIGHBOURS_EACH     8
/* Room that one telling needs in the ring: links, own addresses, neighbours and gateways of all interfaces. */
#define ROOM_LINKS      (BW_MAX_INTERFACES + 1)
#define ROOM_NEIGHBOURS (BW_MAX_INTERFACES * (NEIGHBOURS_EACH + 2))

static void read_router_flags(struct bw_holder *h)
{
    for (uint8_t i = 0; i < h->config->interfaces_count; i++) {
        char path[128], digit = '0';
        int fd;

        snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/forwarding", bw_device(h->config, i));
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            continue;
        if (read(fd, &digit, 1) == 1)
            atomic_store_explicit(&h->cells->router[i], digit != '0', memory_order_relaxed);
        close(fd);
    }
}

/* What follows when the picture of some interfaces is another one than before. */
static void compare(struct bw_holder *h, const struct bw_picture *before)
{
    uint64_t now_ns = bw_now_ns();
    uint16_t came_up = 0;

    for (uint8_t i = 0; i < h->config->interfaces_count; i++) {
        const struct bw_interface_picture *was = &before->interfaces[i], *is = &h->picture.interfaces[i];
        bool moved = was->link.ifindex != is->link.ifindex || was->home != is->home;

        if (memcmp(was, is, sizeof(*was)) == 0)
            continue;
        h->own_changed |= (uint16_t)(1U << i);
        if (is->link.up && (!was->link.up || memcmp(was->link.mac, is->link.mac, 6) != 0))
            came_up |= (uint16_t)(1U << i);
        for (unsigned a = 0; a < h->config->addresses_count; a++) {
            struct lease *l = &h->leases[a];

            if (h->config->addresses[a].interface != i)
                continue;
            if (moved) /* off the former device, should it live on under another name; on to the new one */
                l->since_ns = now_ns;
            else if (l->state == LEASE_PRESENT) /* whether a route of ours is needed may have changed */
                l->renew_ns = now_ns;
        }
    }
    if (came_up != 0) {
        read_router_flags(h);
        bw_holder_announce(h, 0, came_up);
        if (h->neighbours_ns > now_ns + BW_SEC)
            h->neighbours_ns = now_ns + BW_SEC;
    }
}

struct dumping {
    struct bw_holder *holder;
    bool seen[BW_MAX_ADDRESSES];
};

static void visit_dump(void *arg, const struct nlmsghdr *message)
{
    struct dumping *d = arg;
    struct bw_notice notice;

    bw_picture_apply(&d->holder->picture, message, &notice);
    if (notice.address >= 0 && (notice.ours || bw_service_watches(d->holder->config)))
        d->seen[notice.address] = true;
}

int bw_holder_dump(struct bw_holder *h)
{
    struct bw_picture before = h->picture;
    struct dumping d = {.holder = h};
    uint64_t now_ns = bw_now_ns();
    int error;

    bw_picture_clear(&h->picture);
    error = bw_rtnl_dump(&h->requests, RTM_GETLINK, visit_dump, &d);
    if (error == 0)
        error = bw_rtnl_dump(&h->requests, RTM_GETADDR, visit_dump, &d);
    if (error != 0) {
        h->picture = before;
        return error;
    }
    compare(h, &before);
    if (bw_service_watches(h->config)) {
        bw_service_seen(h, d.seen);
        return 0;
    }
    for (unsigned i = 0; i < h->config->addresses_count; i++) {
        struct lease *l = &h->leases[i];

        if (l->state == LEASE_PRESENT && !d.seen[i] && !l->doubted) {
            l->doubted = true;
            l->since_ns = now_ns;
        } else if (l->state == LEASE_ABSENT && d.seen[i]) {
            l->state = LEASE_MAYBE;
            l->since_ns = now_ns;
            l->ifindex = bw_picture_home(&h->picture, h->config->addresses[i].interface);
        }
    }
    return 0;
}

/* Somebody, perhaps this thread itself, added or removed a virtual address. */
static void heed(struct bw_holder *h, const struct bw_notice *notice)
{
    const struct bw_address_config *a = &h->config->addresses[notice->address];
    struct lease *l = &h->leases[notice->address];
    uint64_t now_ns = bw_now_ns(), held_back;
    char text[BW_ADDRESS_TEXT_MAX];

    if (bw_service_watches(h->config)) {
        bw_service_heed(h, notice);
        return;
    }
    if (!notice->ours) {
        if (!notice->removed && bw_log_allowed(&h->stranger_limit, now_ns, &held_back))
            bw_log(BW_LOG_WARNING, "somebody put the virtual address %s on %s with a prefix of its own: remove it",
                   bw_address_to_text(&a->address, true, text), bw_device(h->config, a->interface));
        return;
    }
    if (notice->removed && l->state == LEASE_PRESENT && notice->port != h->requests.port) {
        l->doubted = l->taken_off = true;
        l->since_ns = now_ns;
    } else if (!notice->removed && l->state == LEASE_ABSENT && notice->port != h->requests.port) {
        l->state = LEASE_MAYBE;
        l->since_ns = now_ns;
        l->ifindex = bw_picture_home(&h->picture, a->interface);
    }
}

static void visit_notice(void *arg, const struct nlmsghdr *message)
{
    struct bw_holder *h = arg;
    struct bw_notice notice;
    struct bw_picture before;
    uint16_t changed;

    if (message->nlmsg_type == RTM_NEWLINK || message->nlmsg_type == RTM_DELLINK) {
        before = h->picture;
        changed = bw_picture_apply(&h->picture, message, &notice);
        if (changed != 0) {
            compare(h, &before);
            /* A device that came by renaming brings addresses of which no notice was given. */
            for (uint8_t i = 0; i < h->config->interfaces_count; i++)
                if ((changed >> i & 1) && h->picture.interfaces[i].link.ifindex != before.interfaces[i].link.ifindex)
                    h->lost_notices = true;
        }
        return;
    }
    changed = bw_picture_apply(&h->picture, message, &notice);
    if (notice.address >= 0)
        heed(h, &notice);
    for (unsigned a = 0; changed != 0 && a < h->config->addresses_count; a++)
        if ((changed >> h->config->addresses[a].interface & 1) && h->leases[a].state == LEASE_PRESENT)
            h->leases[a].renew_ns = bw_now_ns();
    h->own_changed |= changed;
}

/* Reads what waits. An overrun is told before the notices that came before it, so these are read to their end: applied
 * after the dump they would paint the past over it. True when nothing older than now waits any more. */
static bool read_notices(struct bw_holder *h)
{
    uint64_t held_back;

    for (int round = 0; round < NOTICE_ROUNDS; round++) {
        int n = bw_rtnl_notices(&h->notices, NOTICES_AT_ONCE, visit_notice, h);

        if (n >= 0 && n < NOTICES_AT_ONCE)
            return true;
        if (n == -ENOBUFS) {
            h->lost_notices = true;
            if (bw_log_allowed(&h->overrun_limit, bw_now_ns(), &held_back))
                bw_log(BW_LOG_NOTICE,
                       "the kernel had more notices than this process could take: reading everything anew");
        } else if (n < 0 || !h->lost_notices) { /* the rest later: the socket stays readable */
            break;
        }
    }
    return false;
}

void bw_holder_notices(struct bw_holder *h)
{
    bool all_read = read_notices(h);

    /* In a storm without end the dump is the best there is, and is made again after it. */
    if (h->lost_notices && bw_holder_dump(h) == 0)
        h->lost_notices = !all_read;
}

struct asking {
    struct bw_holder *holder;
    uint8_t told[BW_MAX_INTERFACES];
};

static void put_neighbour(struct bw_holder *h, uint8_t interface, const struct bw_address *address, const void *mac,
                          bool gateway)
{
    struct bw_fact fact = {
        .kind = BW_FACT_NEIGHBOUR, .interface = interface, .neighbour = *address, .gateway = gateway};

    if (bw_virtual_find(h->config, BW_NONE, address) >= 0 || bw_member_address(h->config, address))
        return;
    if (mac != NULL)
        memcpy(fact.link.mac, mac, 6);
    bw_ring_put(&h->cells->ring, &fact);
}

static void visit_neighbour(void *arg, const struct nlmsghdr *message)
{
    struct asking *asking = arg;
    struct bw_holder *h = asking->holder;
    struct ndmsg *info = nlmsg_data(message);
    struct nlattr *attributes[NDA_MAX + 1];
    struct bw_address address = {0};
    int width;

    if (message->nlmsg_type != RTM_NEWNEIGH || !nlmsg_valid_hdr(message, sizeof(*info)) ||
        (info->ndm_family != AF_INET && info->ndm_family != AF_INET6) ||
        !(info->ndm_state & (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT)) ||
        nlmsg_parse((struct nlmsghdr *)message, sizeof(*info), attributes, NDA_MAX, NULL) < 0)
        return;
    width = info->ndm_family == AF_INET ? 4 : 16;
    if (attributes[NDA_DST] == NULL || nla_len(attributes[NDA_DST]) != width || attributes[NDA_LLADDR] == NULL ||
        nla_len(attributes[NDA_LLADDR]) != 6)
        return;
    address.family = width == 4 ? 4 : 6;
    address.prefix = (uint8_t)(width * 8);
    memcpy(address.bytes, nla_data(attributes[NDA_DST]), (size_t)width);
    for (uint8_t i = 0; i < h->config->interfaces_count; i++)
        if (h->picture.interfaces[i].link.ifindex == info->ndm_ifindex && asking->told[i] < NEIGHBOURS_EACH) {
            asking->told[i]++;
            put_neighbour(h, i, &address, nla_data(attributes[NDA_LLADDR]), (info->ndm_flags & NTF_ROUTER) != 0);
        }
}

static void tell_neighbours(struct bw_holder *h)
{
    struct asking asking = {.holder = h};

    bw_rtnl_dump(&h->requests, RTM_GETNEIGH, visit_neighbour, &asking);
    for (uint8_t i = 0; i < h->config->interfaces_count; i++)
        for (int family = 4; family <= 6 && h->picture.interfaces[i].link.up; family += 2) {
            struct bw_address gateway;

            if (bw_rtnl_gateway(&h->requests, h->picture.interfaces[i].link.ifindex, family, &gateway) == 0)
                put_neighbour(h, i, &gateway, NULL, true);
        }
    read_router_flags(h);
}

static void tell_links(struct bw_holder *h, uint32_t number)
{
    struct bw_fact fact = {.kind = BW_FACT_LINK, .number = number};

    if (bw_holder_dump(h) != 0)
        return;
    for (uint8_t i = 0; i < h->config->interfaces_count; i++) {
        fact.interface = i;
        fact.link = h->picture.interfaces[i].link;
        bw_ring_put(&h->cells->ring, &fact);
    }
    fact.kind = BW_FACT_DUMPED;
    bw_ring_put(&h->cells->ring, &fact);
    h->dumped = number;
    bw_wake(h->cells->engine_fd);
}

void bw_holder_tell(struct bw_holder *h, uint64_t now_ns)
{
    uint32_t number = atomic_load_explicit(&h->cells->dumps, memory_order_acquire);
    struct bw_fact fact = {.kind = BW_FACT_OWN};

    if (number != h->dumped && bw_ring_room(&h->cells->ring) >= ROOM_LINKS)
        tell_links(h, number);
    if (h->own_changed != 0 && bw_ring_room(&h->cells->ring) >= BW_MAX_INTERFACES) {
        for (uint8_t i = 0; i < h->config->interfaces_count; i++) {
            if (!(h->own_changed >> i & 1))
                continue;
            fact.interface = i;
            fact.link = h->picture.interfaces[i].link;
            bw_ring_put(&h->cells->ring, &fact);
        }
        h->own_changed = 0;
        bw_wake(h->cells->engine_fd);
    }
    if (now_ns >= h->neighbours_ns && bw_ring_room(&h->cells->ring) >= ROOM_NEIGHBOURS) {
        h->neighbours_ns = now_ns + NEIGHBOURS_EVERY_NS;
        tell_neighbours(h);
    }
}
