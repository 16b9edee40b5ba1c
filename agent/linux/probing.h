/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Neighbours: who lives on an interface's network beside the cluster, asked when the cluster's own frames stay away
 * ("is it my port or theirs?"), and who speaks for our virtual addresses. For the engine thread: nothing here blocks.
 */
#ifndef BELLWETHER_LINUX_PROBING_H
#define BELLWETHER_LINUX_PROBING_H

#include "agent/linux/frames.h"
#include "agent/linux/linux.h"

#define BW_NEIGHBOURS_KEPT 8 /* per interface */

struct bw_neighbour {
    struct bw_address address; /* family 0 = free */
    uint8_t mac[6];            /* zero = not known */
    bool gateway;
    uint64_t seen_ns;
};

struct bw_probing {
    const struct bw_cluster_config *config;
    int arp_fd, nd_fd;              /* listen on all devices; nd_fd -1 when no virtual address is IPv6 */
    int counters_fd;                /* /proc/self/net/dev, -1 = not to be had */
    char *counters;                 /* room for its text */
    int devices[BW_MAX_INTERFACES]; /* ifindex of each interface, 0 = none */
    unsigned full_rounds;           /* readings in a row that stopped at their bound */
    uint64_t shut_ns;               /* listening is shut since, 0 = open */
    struct {
        struct bw_neighbour neighbours[BW_NEIGHBOURS_KEPT];
        uint64_t probed_ns;  /* last probe, 0 = never */
        uint64_t sampled_ns; /* last sample of the receive counter, 0 = none */
        uint64_t packets;
        uint32_t round; /* probes sent */
    } interfaces[BW_MAX_INTERFACES];
};

/* 0 or negative errno. */
int bw_probing_open(struct bw_probing *probing, const struct bw_cluster_config *config);
/* Another configuration of the same interfaces. When it is the first with IPv6 addresses, there is a new descriptor. */
void bw_probing_reconfigure(struct bw_probing *probing, const struct bw_cluster_config *config);
void bw_probing_close(struct bw_probing *probing);

void bw_probing_learn(struct bw_probing *probing, uint8_t interface, const struct bw_address *address,
                      const uint8_t mac[6], bool gateway, uint64_t now_ns);
/* The interface's device is this one now (0 = none): what was known of its neighbours is void. To be told before
 * anything is heard. */
void bw_probing_device(struct bw_probing *probing, uint8_t interface, int ifindex);
/* Asks known neighbours of the interface, and begins to watch its receive counter. sender: a packet socket. */
void bw_probing_ask(struct bw_probing *probing, int sender, uint8_t interface, const struct bw_link *link,
                    uint64_t now_ns);

/* Called for each frame that tells an address. */
typedef void bw_probing_heard(void *arg, uint8_t interface, const struct bw_neighbour_frame *frame);
/* Reads a bounded number of frames, and the receive counters of interfaces that were probed just now. Masks of
 * interfaces where some neighbour spoke (*spoke) and where anything at all was received (*received), both only of those
 * being probed. idle: no frame is waiting. */
void bw_probing_read(struct bw_probing *probing, const struct bw_link *links, uint64_t now_ns, bool idle,
                     uint16_t *spoke, uint16_t *received, bw_probing_heard *heard, void *arg);

#endif
