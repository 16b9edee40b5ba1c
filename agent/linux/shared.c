/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices with the shared link-layer address (see shared.h). All but the pure part runs on the address thread, or in
 * the keeper when there is none.
 */
#include "agent/linux/shared.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/linux/holder_private.h"
#include "bellwether/text.h"

#define RETRY_NS BW_SEC

bool bw_shared_on(const struct bw_cluster_config *config, uint8_t interface)
{
    for (unsigned i = 0; config->mode == BW_MODE_HA_LEGACY && i < config->addresses_count; i++)
        if (config->addresses[i].interface == interface)
            return true;
    return false;
}

void bw_shared_name(const struct bw_cluster_config *config, uint8_t interface, char name[BW_SHARED_NAME_MAX])
{
    bw_format(name, BW_SHARED_NAME_MAX, "bw%u.%u", config->id, interface + 1U);
}

void bw_shared_mac(const struct bw_cluster_config *config, uint8_t interface, uint8_t mac[6])
{
    const uint8_t bytes[6] = {0x02, 0x81, 0x16, config->id, 0, (uint8_t)(interface + 1)};

    memcpy(mac, bytes, 6);
}

struct bw_link bw_shared_speaker(const struct bw_cluster_config *config, uint8_t interface, const struct bw_link *link)
{
    static const uint8_t none[6];
    struct bw_link speaker = *link;

    if (bw_shared_on(config, interface) && memcmp(link->mac, none, 6) != 0)
        bw_shared_mac(config, interface, speaker.mac);
    return speaker;
}

int bw_shared_home(const struct bw_cluster_config *config, uint8_t interface)
{
    char name[BW_SHARED_NAME_MAX];

    if (!bw_shared_on(config, interface))
        return (int)if_nametoindex(bw_device(config, interface));
    bw_shared_name(config, interface, name);
    return (int)if_nametoindex(name);
}

void bw_shared_remove(struct bw_rtnl *rtnl, const struct bw_cluster_config *config)
{
    struct bw_rtnl_batch batch;

    if (config->mode != BW_MODE_HA_LEGACY)
        return;
    bw_rtnl_begin(rtnl, &batch);
    for (uint8_t i = 0; i < config->interfaces_count; i++) {
        char name[BW_SHARED_NAME_MAX];
        int ifindex;

        bw_shared_name(config, i, name);
        ifindex = (int)if_nametoindex(name);
        if (ifindex != 0)
            bw_rtnl_remove_link(rtnl, &batch, ifindex);
    }
    (void)bw_rtnl_send(rtnl, &batch);
}

void bw_linux_remove_devices(const struct bw_cluster_config *config)
{
    struct bw_rtnl rtnl;

    if (config->mode != BW_MODE_HA_LEGACY || bw_rtnl_open(&rtnl, 0) != 0)
        return;
    bw_shared_remove(&rtnl, config);
    bw_rtnl_close(&rtnl);
}

/* ---- settings of devices ---- */

static int open_setting(unsigned family, const char *device, const char *setting, int flags)
{
    char path[160];

    snprintf(path, sizeof(path), "/proc/sys/net/ipv%u/conf/%s/%s", family, device, setting);
    return open(path, flags | O_CLOEXEC);
}

/* Reads a setting. False when there is none. */
static bool read_setting(unsigned family, const char *device, const char *setting, char value[12])
{
    int fd = open_setting(family, device, setting, O_RDONLY);
    ssize_t n = fd >= 0 ? read(fd, value, 11) : -1;

    if (fd >= 0)
        close(fd);
    value[n > 0 ? n : 0] = '\0';
    value[strcspn(value, "\n")] = '\0';
    return n > 0;
}

static int write_setting(unsigned family, const char *device, const char *setting, const char *value)
{
    int fd = open_setting(family, device, setting, O_WRONLY), error = 0;

    if (fd < 0)
        return -errno;
    if (write(fd, value, strlen(value)) < 0)
        error = -errno;
    close(fd);
    return error;
}

/* Sets one of the parent's and remembers what it was, when it is not that already. */
static int change_setting(const char *device, const char *setting, const char *value, char former[12])
{
    char present[12];
    int error;

    if (!read_setting(4, device, setting, present))
        return -ENOENT;
    if (strcmp(present, value) == 0)
        return 0;
    error = write_setting(4, device, setting, value);
    if (error == 0)
        memcpy(former, present, sizeof(present));
    return error;
}

static void give_back(struct bw_shared_device *s)
{
    char device[IF_NAMESIZE];

    if (s->parent != 0 && if_indextoname((unsigned)s->parent, device) != NULL) {
        if (s->former_ignore[0] != '\0')
            (void)write_setting(4, device, "arp_ignore", s->former_ignore);
        if (s->former_announce[0] != '\0')
            (void)write_setting(4, device, "arp_announce", s->former_announce);
    }
    memset(s, 0, sizeof(*s));
}

/* The parent answers for its own addresses only, and asks in their name; the device routes as its parent does, whatever
 * way answers go, and has no address but those that are put on. */
static int settle(struct bw_holder *h, uint8_t interface, const char *name)
{
    struct bw_shared_device *s = &h->shared[interface];
    const char *parent = bw_device(h->config, interface);
    char forwarding[12];
    int error;

    if (s->parent != h->picture.interfaces[interface].link.ifindex)
        give_back(s);
    s->parent = h->picture.interfaces[interface].link.ifindex;
    (void)write_setting(6, name, "addr_gen_mode", "1");
    (void)write_setting(6, name, "accept_ra", "0");
    (void)write_setting(4, name, "rp_filter", "2");
    for (unsigned family = 4; family <= 6; family += 2)
        if (read_setting(family, parent, "forwarding", forwarding))
            (void)write_setting(family, name, "forwarding", forwarding);
    error = change_setting(parent, "arp_ignore", "1", s->former_ignore);
    return error != 0 ? error : change_setting(parent, "arp_announce", "2", s->former_announce);
}

/* ---- devices ---- */

static int make(struct bw_holder *h, uint8_t interface)
{
    struct bw_interface_picture *p = &h->picture.interfaces[interface];
    char name[BW_SHARED_NAME_MAX];
    struct bw_rtnl_batch batch;
    uint8_t mac[6];
    int error;

    bw_shared_name(h->config, interface, name);
    bw_shared_mac(h->config, interface, mac);
    bw_rtnl_begin(&h->requests, &batch);
    bw_rtnl_add_macvlan(&h->requests, &batch, p->link.ifindex, name, mac);
    error = bw_rtnl_send(&h->requests, &batch);
    if (error == 0)
        error = batch.results[0];
    if (error == 0)
        error = settle(h, interface, name);
    if (error != 0)
        return error;
    p->home = (int)if_nametoindex(name);
    p->home_up = false;
    return p->home != 0 ? 0 : -ENODEV;
}

static int set_up(struct bw_holder *h, uint8_t interface, bool up)
{
    struct bw_interface_picture *p = &h->picture.interfaces[interface];
    struct bw_rtnl_batch batch;
    int error;

    bw_rtnl_begin(&h->requests, &batch);
    bw_rtnl_set_link(&h->requests, &batch, p->home, up);
    error = bw_rtnl_send(&h->requests, &batch);
    if (error == 0)
        error = batch.results[0];
    if (error == 0)
        p->home_up = up;
    return error;
}

/* Is there, or is there to be, an address on it? */
static bool needed(const struct bw_holder *h, uint8_t interface)
{
    for (unsigned i = 0; i < h->config->addresses_count; i++)
        if (h->config->addresses[i].interface == interface &&
            (h->leases[i].state != LEASE_ABSENT || h->groups[h->config->addresses[i].group].wanted))
            return true;
    return false;
}

static void tell(struct bw_holder *h, uint8_t interface, const char *what, int error, uint64_t now_ns)
{
    uint64_t held_back;

    if (error != -ENODEV && bw_log_allowed(&h->failure_limit, now_ns, &held_back)) /* gone: its notice is on its way */
        bw_log(BW_LOG_ERROR, "cannot %s the device with the shared link-layer address on %s: %s", what,
               bw_device(h->config, interface), strerror(-error));
}

void bw_shared_work(struct bw_holder *h, uint64_t now_ns)
{
    for (uint8_t i = 0; i < h->config->interfaces_count && h->config->mode == BW_MODE_HA_LEGACY; i++) {
        struct bw_interface_picture *p = &h->picture.interfaces[i];
        bool up = needed(h, i);
        int error = 0;

        if (!bw_shared_on(h->config, i) || p->link.ifindex == 0 || now_ns < h->shared[i].retry_ns)
            continue;
        if (p->home == 0) {
            error = make(h, i);
            if (error != 0)
                tell(h, i, "make", error, now_ns);
        }
        if (error == 0 && p->home_up != up) {
            error = set_up(h, i, up);
            if (error != 0)
                tell(h, i, up ? "set up" : "set down", error, now_ns);
        }
        h->shared[i].retry_ns = error != 0 ? now_ns + RETRY_NS : 0;
        if (error == -ENODEV || error == -EEXIST) /* the picture is out of date */
            h->lost_notices = true;
    }
}

uint64_t bw_shared_next(const struct bw_holder *h, uint64_t now_ns)
{
    uint64_t at = UINT64_MAX;

    for (uint8_t i = 0; i < h->config->interfaces_count; i++)
        if (h->shared[i].retry_ns > now_ns && h->shared[i].retry_ns < at)
            at = h->shared[i].retry_ns;
    return at;
}

void bw_shared_end(struct bw_holder *h)
{
    bw_shared_remove(&h->requests, h->config);
    for (uint8_t i = 0; i < h->config->interfaces_count; i++)
        give_back(&h->shared[i]);
}
