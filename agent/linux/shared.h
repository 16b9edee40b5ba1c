/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mode ha-legacy: virtual addresses are at a link-layer address that all members share, so that at a failover no
 * neighbour has to learn anything; switches do, from the announcements. Each interface with virtual addresses gets a
 * macvlan device of its own for that, made at the start, up only while something is held there, removed at the end. The
 * interface itself then answers for its own addresses only.
 */
#ifndef BELLWETHER_LINUX_SHARED_H
#define BELLWETHER_LINUX_SHARED_H

#include "agent/linux/linux.h"

#define BW_SHARED_NAME_MAX 16

struct bw_holder;
struct bw_rtnl;

/* What the address thread knows of one such device, apart from what the picture shows. */
struct bw_shared_device {
    uint64_t retry_ns;       /* not before, after a failure */
    int parent;              /* whose settings were changed, 0 = nobody's */
    char former_ignore[12];  /* what these were, "" = not changed */
    char former_announce[12];
};

/* Does the interface have such a device? */
bool bw_shared_on(const struct bw_cluster_config *config, uint8_t interface);
/* The device's name: it belongs to the cluster's number and the interface's place. */
void bw_shared_name(const struct bw_cluster_config *config, uint8_t interface, char name[BW_SHARED_NAME_MAX]);
/* Its link-layer address, the same on all members: locally administered, from the same two. */
void bw_shared_mac(const struct bw_cluster_config *config, uint8_t interface, uint8_t mac[6]);
/* The link as announcements are to speak for it. */
struct bw_link bw_shared_speaker(const struct bw_cluster_config *config, uint8_t interface, const struct bw_link *link);
/* The kernel's number for the device that the interface's virtual addresses belong on now, 0 = none. May block. */
int bw_shared_home(const struct bw_cluster_config *config, uint8_t interface);
/* Removes the devices, also those that a former run left behind. May block. */
void bw_shared_remove(struct bw_rtnl *rtnl, const struct bw_cluster_config *config);

/* ---- the address thread's ---- */

/* Makes devices that are missing, sets those up that are needed and down that are not. */
void bw_shared_work(struct bw_holder *holder, uint64_t now_ns);
/* When there is something to be tried again; UINT64_MAX = nothing is. */
uint64_t bw_shared_next(const struct bw_holder *holder, uint64_t now_ns);
/* The end: removes the devices and gives the interfaces their settings back. */
void bw_shared_end(struct bw_holder *holder);

#endif
