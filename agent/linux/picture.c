/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Paints the picture of configured interfaces from netlink messages (see picture.h).
 */
#include "agent/linux/picture.h"

#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/linux/shared.h"
#include "bellwether/text.h"

const char *bw_device(const struct bw_cluster_config *config, uint8_t interface)
{
    return config->members[config->local].device[interface];
}

static int width(const struct bw_address *a)
{
    return a->family == 4 ? 4 : 16;
}

/* Order of the configuration's addresses, without the prefix. */
static int compare(const struct bw_address *a, const struct bw_address *b)
{
    if (a->family != b->family)
        return a->family < b->family ? -1 : 1;
    return memcmp(a->bytes, b->bytes, (size_t)width(a));
}

int bw_virtual_find(const struct bw_cluster_config *config, uint8_t interface, const struct bw_address *address)
{
    unsigned low = 0, high = config->addresses_count;

    while (low < high) {
        unsigned middle = (low + high) / 2;

        if (compare(&config->addresses[middle].address, address) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < config->addresses_count && compare(&config->addresses[low].address, address) == 0; low++)
        if (interface == BW_NONE || config->addresses[low].interface == interface)
            return (int)low;
    return -1;
}

bool bw_member_address(const struct bw_cluster_config *config, const struct bw_address *address)
{
    for (int i = 0; i < config->members_count; i++)
        if (config->members[i].address.family != 0 && compare(&config->members[i].address, address) == 0)
            return true;
    return false;
}

static bool link_local6(const struct bw_address *a)
{
    return a->family == 6 && a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80;
}

bool bw_picture_covers(const struct bw_picture *picture, uint8_t interface, const struct bw_address *address)
{
    const struct bw_interface_picture *p = &picture->interfaces[interface];

    if (link_local6(address))
        return true;
    for (int i = 0; i < p->own_count; i++)
        if (bw_address_within(address, &p->own[i]))
            return true;
    return false;
}

void bw_picture_init(struct bw_picture *picture, const struct bw_cluster_config *config)
{
    memset(picture, 0, sizeof(*picture));
    picture->config = config;
}

void bw_picture_clear(struct bw_picture *picture)
{
    memset(picture->interfaces, 0, sizeof(picture->interfaces));
}

/* The addresses that the link shows, from the own ones. True when they changed. */
static bool choose_addresses(struct bw_interface_picture *p)
{
    struct bw_address four = {0}, six = {0};

    for (int i = p->own_count - 1; i >= 0; i--) {
        if (p->own[i].family == 4)
            four = p->own[i];
        else if (link_local6(&p->own[i]))
            six = p->own[i];
    }
    if (memcmp(&four, &p->link.address4, sizeof(four)) == 0 && memcmp(&six, &p->link.address6, sizeof(six)) == 0)
        return false;
    p->link.address4 = four;
    p->link.address6 = six;
    return true;
}

static bool forget(struct bw_interface_picture *p)
{
    bool known = p->link.ifindex != 0, home_up = p->home_up;
    int home = p->home; /* of another device */

    memset(p, 0, sizeof(*p));
    p->home = home;
    p->home_up = home_up;
    return known;
}

/* The interface has that device now. */
static bool set_link(struct bw_interface_picture *p, const struct ifinfomsg *info, struct nlattr **attributes)
{
    struct bw_link before = p->link;
    struct nlattr *mac = attributes[IFLA_ADDRESS];

    if (p->link.ifindex != info->ifi_index) {
        forget(p);
        p->link.ifindex = info->ifi_index;
    }
    p->link.up = (info->ifi_flags & IFF_UP) && (info->ifi_flags & IFF_RUNNING);
    if (mac != NULL && nla_len(mac) == 6)
        memcpy(p->link.mac, nla_data(mac), 6);
    if (attributes[IFLA_MTU] != NULL)
        p->link.mtu = nla_get_u32(attributes[IFLA_MTU]);
    return before.ifindex != p->link.ifindex || before.up != p->link.up || before.mtu != p->link.mtu ||
           memcmp(before.mac, p->link.mac, 6) != 0;
}

int bw_picture_home(const struct bw_picture *picture, uint8_t interface)
{
    const struct bw_interface_picture *p = &picture->interfaces[interface];

    return bw_shared_on(picture->config, interface) ? p->home : p->link.ifindex;
}

/* Was that the device with the shared link-layer address? True when something of it changed. */
static bool set_home(const struct bw_picture *picture, uint8_t interface, struct bw_interface_picture *p,
                     const struct nlmsghdr *message, const char *name)
{
    const struct ifinfomsg *info = nlmsg_data(message);
    struct bw_interface_picture before = *p;
    char wanted[BW_SHARED_NAME_MAX];

    bw_shared_name(picture->config, interface, wanted);
    if (message->nlmsg_type == RTM_NEWLINK && strcmp(name, wanted) == 0) {
        p->home = info->ifi_index;
        p->home_up = (info->ifi_flags & IFF_UP) != 0;
    } else if (p->home == info->ifi_index) {
        p->home = 0;
        p->home_up = false;
    }
    return before.home != p->home || before.home_up != p->home_up;
}

static uint16_t apply_link(struct bw_picture *picture, const struct nlmsghdr *message, struct bw_notice *notice)
{
    struct ifinfomsg *info = nlmsg_data(message);
    struct nlattr *attributes[IFLA_MAX + 1];
    uint16_t changed = 0;
    const char *name;

    /* A bridge tells of its ports in messages of its own family: not links. */
    if (!nlmsg_valid_hdr(message, sizeof(*info)) || info->ifi_family != AF_UNSPEC ||
        nlmsg_parse((struct nlmsghdr *)message, sizeof(*info), attributes, IFLA_MAX, NULL) < 0 ||
        attributes[IFLA_IFNAME] == NULL)
        return 0;
    name = nla_get_string(attributes[IFLA_IFNAME]);
    for (uint8_t i = 0; i < picture->config->interfaces_count; i++) {
        struct bw_interface_picture *p = &picture->interfaces[i];
        bool named = strcmp(bw_device(picture->config, i), name) == 0;
        bool differs = false;

        if (named || p->link.ifindex == info->ifi_index)
            notice->links |= (uint16_t)(1U << i);
        if (message->nlmsg_type == RTM_NEWLINK && named)
            differs = set_link(p, info, attributes);
        else if (p->link.ifindex == info->ifi_index) /* removed, or renamed to something else */
            differs = forget(p);
        if (picture->config->mode == BW_MODE_HA_LEGACY)
            differs |= set_home(picture, i, p, message, name);
        if (differs)
            changed |= (uint16_t)(1U << i);
    }
    return changed;
}

static bool read_address(const struct nlmsghdr *message, struct bw_address *address, int *ifindex)
{
    struct ifaddrmsg *info = nlmsg_data(message);
    struct nlattr *attributes[IFA_MAX + 1], *bytes;

    if (!nlmsg_valid_hdr(message, sizeof(*info)) ||
        nlmsg_parse((struct nlmsghdr *)message, sizeof(*info), attributes, IFA_MAX, NULL) < 0)
        return false;
    bytes = attributes[IFA_LOCAL] != NULL ? attributes[IFA_LOCAL] : attributes[IFA_ADDRESS];
    if (bytes == NULL || (info->ifa_family != AF_INET && info->ifa_family != AF_INET6))
        return false;
    memset(address, 0, sizeof(*address));
    address->family = info->ifa_family == AF_INET ? 4 : 6;
    address->prefix = info->ifa_prefixlen;
    if (nla_len(bytes) < width(address) || address->prefix > width(address) * 8)
        return false;
    memcpy(address->bytes, nla_data(bytes), (size_t)width(address));
    *ifindex = (int)info->ifa_index;
    return true;
}

static bool set_own(struct bw_interface_picture *p, const struct bw_address *address, bool removed)
{
    int at = 0;

    while (at < p->own_count && memcmp(&p->own[at], address, sizeof(*address)) != 0)
        at++;
    if (removed && at < p->own_count) {
        memmove(&p->own[at], &p->own[at + 1], (size_t)(p->own_count - at - 1) * sizeof(*p->own));
        p->own_count--;
    } else if (!removed && at == p->own_count && at < BW_OWN_MAX) {
        p->own[p->own_count++] = *address;
    } else {
        return false;
    }
    choose_addresses(p);
    return true;
}

static uint16_t apply_address(struct bw_picture *picture, const struct nlmsghdr *message, struct bw_notice *notice)
{
    struct bw_address address;
    uint16_t changed = 0;
    int ifindex;

    if (!read_address(message, &address, &ifindex))
        return 0;
    for (uint8_t i = 0; i < picture->config->interfaces_count; i++) {
        struct bw_interface_picture *p = &picture->interfaces[i];
        int found = -1;

        if (ifindex == 0 || (p->link.ifindex != ifindex && bw_picture_home(picture, i) != ifindex))
            continue;
        if (bw_picture_home(picture, i) == ifindex)
            found = bw_virtual_find(picture->config, i, &address);
        if (found >= 0) {
            notice->address = found;
            notice->removed = message->nlmsg_type == RTM_DELADDR;
            notice->ours = address.prefix == width(&address) * 8;
            notice->port = message->nlmsg_pid;
        } else if (p->link.ifindex == ifindex && bw_virtual_find(picture->config, BW_NONE, &address) < 0 &&
                   set_own(p, &address, message->nlmsg_type == RTM_DELADDR)) {
            changed |= (uint16_t)(1U << i);
        }
    }
    return changed;
}

uint16_t bw_picture_apply(struct bw_picture *picture, const struct nlmsghdr *message, struct bw_notice *notice)
{
    memset(notice, 0, sizeof(*notice));
    notice->address = -1;
    switch (message->nlmsg_type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
        return apply_link(picture, message, notice);
    case RTM_NEWADDR:
    case RTM_DELADDR:
        return apply_address(picture, message, notice);
    default:
        return 0;
    }
}
