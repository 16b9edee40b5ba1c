/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside the engine's side of the edge: its state, shared by what is wanted (edge.c) and what is heard (inputs.c). */
#ifndef BELLWETHER_LINUX_EDGE_H
#define BELLWETHER_LINUX_EDGE_H

#include "agent/linux/cells.h"
#include "agent/linux/holder.h"
#include "agent/linux/picture.h"
#include "agent/linux/probing.h"
#include "agent/linux/rtnl.h"
#include "agent/linux/witness.h"

/* A stranger was heard to speak for a virtual address that we hold. */
struct bw_stranger {
    bool pending;
    uint8_t mac[6];
    uint64_t heard_ns; /* told when it is still ours some time later: a hand-over looks alike for a moment */
    uint64_t told_ns;
};

struct bw_linux {
    const struct bw_cluster_config *config;
    const struct bw_cluster_config *coming; /* offered to the address thread, NULL = none */
    bool frozen[BW_MAX_ADDRESSES];          /* present, as last known by the places in `config`, while one is coming */
    struct bw_cells *cells;
    struct bw_holder *holder;
    struct bw_rtnl notices; /* links only: the rest is the address thread's */
    struct bw_probing probing;
    struct bw_witness witness;
    int sender;
    struct bw_picture picture;               /* links as noticed */
    struct bw_link own[BW_MAX_INTERFACES];   /* ifindex and addresses as the address thread told them */
    struct bw_link links[BW_MAX_INTERFACES]; /* both together: what the engine sees */
    /* An overrun of notices, and the dump that mends it. */
    uint32_t dump_wanted; /* number of the newest one asked for */
    uint32_t dump_got;
    uint16_t noticed; /* mask: noticed since that was asked for, so the dump may be older */
    struct {
        uint64_t until_ns;
        uint32_t revokes;
        uint64_t installed, released; /* newest answers handed out */
        uint64_t installed_ns;        /* held without interruption since, 0 = not */
        bool served;                  /* mode service: as last told */
    } groups[BW_MAX_GROUPS];
    uint32_t requests;
    uint64_t request_ns; /* when the oldest one that is not worked off was made */
    uint64_t read_ns;    /* last reading */
    uint64_t excuse_ns;  /* nothing is overdue that was due before: this thread itself was away */
    /* To be handed out. */
    bool nothing_to_read;                    /* as the engine says */
    bool reading;                            /* within one round of bw_linux_next */
    uint64_t links_changed, spoke, received; /* masks of interfaces */
    uint64_t installed, released;            /* masks of groups */
    uint64_t lost[BW_MAX_ADDRESSES / 64];
    bool overdue, overdue_told;
    bool witnessed; /* a witness answered */
    struct bw_request service_request; /* mode service: handed out with an input */
    struct bw_stranger strangers[BW_MAX_ADDRESSES];
    uint16_t strangers_pending;
};

/* Wakes the address thread for something new in the cells. */
void bw_edge_wake_thread(struct bw_linux *edge, uint64_t now_ns);

#endif
