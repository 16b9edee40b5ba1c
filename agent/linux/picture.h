/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The picture of this member's configured interfaces that netlink messages paint: device by name, link, own addresses.
 * Pure: messages in, changes out. The engine, the address thread and the keeper have one each, so that none waits for
 * another.
 */
#ifndef BELLWETHER_LINUX_PICTURE_H
#define BELLWETHER_LINUX_PICTURE_H

#include "agent/linux/linux.h"

struct nlmsghdr;

#define BW_OWN_MAX 32 /* own addresses kept of one interface; more are ignored */

struct bw_interface_picture {
    struct bw_link link;
    int home;     /* mode ha-legacy: the device with the shared link-layer address, 0 = none now */
    bool home_up; /* administratively */
    uint8_t own_count;
    struct bw_address own[BW_OWN_MAX]; /* with their prefix; virtual addresses are not among them */
};

struct bw_picture {
    const struct bw_cluster_config *config;
    struct bw_interface_picture interfaces[BW_MAX_INTERFACES];
};

/* What a message was about. */
struct bw_notice {
    uint16_t links; /* link messages: mask of interfaces whose device it spoke of, changed or not */
    int address;    /* address messages: index of the virtual address in the configuration, -1 = none */
    bool removed;   /* it, the virtual address */
    bool ours;      /* of the form in which we install them: /32 or /128 */
    uint32_t port;  /* netlink port of who caused it; 0 = unknown */
};

void bw_picture_init(struct bw_picture *picture, const struct bw_cluster_config *config);
/* Takes in a link or address message (others are ignored). Returns the mask of interfaces whose picture changed;
 * *notice is set. */
uint16_t bw_picture_apply(struct bw_picture *picture, const struct nlmsghdr *message, struct bw_notice *notice);
/* Begins a new dump: everything is taken as gone until it is seen. */
void bw_picture_clear(struct bw_picture *picture);

/* The device that the interface's virtual addresses belong on, 0 = none now. */
int bw_picture_home(const struct bw_picture *picture, uint8_t interface);

/* Does one of the interface's own networks cover the address? Link-local addresses always are. */
bool bw_picture_covers(const struct bw_picture *picture, uint8_t interface, const struct bw_address *address);

/* The index of a virtual address in the configuration, or -1. interface: its index, or BW_NONE for any. */
int bw_virtual_find(const struct bw_cluster_config *config, uint8_t interface, const struct bw_address *address);
/* Is it the address of a member? */
bool bw_member_address(const struct bw_cluster_config *config, const struct bw_address *address);
/* The local member's device name for an interface. */
const char *bw_device(const struct bw_cluster_config *config, uint8_t interface);

#endif
