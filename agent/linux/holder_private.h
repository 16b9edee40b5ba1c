/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside the address thread: its state, shared by the leases, what it reads of the kernel and the loop. */
#ifndef BELLWETHER_LINUX_HOLDER_PRIVATE_H
#define BELLWETHER_LINUX_HOLDER_PRIVATE_H

#include <pthread.h>

#include "agent/linux/holder.h"
#include "agent/linux/rtnl.h"
#include "agent/linux/shared.h"
#include "bellwether/log.h"

/* What this thread knows of one virtual address in the kernel. */
enum lease_state {
    LEASE_ABSENT,
    LEASE_MAYBE, /* somebody may have put it there: remove it to be sure */
    LEASE_PRESENT,
};

struct lease {
    enum lease_state state;
    bool route;        /* a connected route of ours was put there with it */
    bool doubted;      /* it was seen missing, or a notice says so: look, and put it back */
    bool taken_off;    /* somebody else did that for sure, even if a renewal has put it back meanwhile: tell */
    int ifindex;       /* where it is or may be */
    uint64_t since_ns; /* when the present wish was due */
    uint64_t renew_ns; /* present: next renewal */
    uint64_t retry_ns; /* not before, after a failure */
    uint64_t told_lost_ns;
};

struct group_hold {
    uint32_t revokes; /* seen */
    uint64_t until_ns;
    uint64_t since_ns; /* mode service: granted, though nothing is put on, since then */
    bool wanted;
    bool releasing;      /* revoked: RELEASED is owed when all is off */
    bool told_installed; /* since it is wanted */
    uint32_t answers;
};

struct bw_holder {
    const struct bw_cluster_config *config;
    struct bw_cells *cells;
    struct bw_rtnl requests; /* asks and writes */
    struct bw_rtnl notices;  /* listens to links and addresses */
    struct bw_picture picture;
    int sender, timer;
    uint32_t lifetime_s;
    struct group_hold groups[BW_MAX_GROUPS];
    struct lease leases[BW_MAX_ADDRESSES];
    struct bw_shared_device shared[BW_MAX_INTERFACES];
    uint16_t own_changed; /* mask: the engine is to be told of own addresses */
    uint32_t dumped;      /* newest dump of links that the engine got */
    bool lost_notices;
    uint64_t neighbours_ns; /* when neighbours are to be read next */
    struct bw_log_limit failure_limit, stranger_limit, overrun_limit;
    pthread_t thread;
    bool running;
    _Atomic bool ended; /* the thread touches nothing any more */
};

/* ---- reconfigure.c ---- */

/* Takes the configuration on that the engine offers, if any. */
void bw_holder_reconfigure(struct bw_holder *holder);
/* How long an address lives without renewal, by the configuration. */
void bw_holder_set_lifetime(struct bw_holder *holder);

/* ---- leases ---- */

/* Takes in what the engine wants now. */
void bw_holder_see(struct bw_holder *holder, uint64_t now_ns);
/* Does everything that is due; returns when nothing is, or a failure has to be waited out. */
void bw_holder_work(struct bw_holder *holder);
/* Announces the installed addresses of the groups in the mask (or, with 0, those on the interfaces in the other). */
void bw_holder_announce(struct bw_holder *holder, uint32_t groups, uint16_t interfaces);
/* When the next write is due. */
uint64_t bw_holder_due(const struct bw_holder *holder);

/* ---- what the kernel says ---- */

/* Reads links and addresses anew. 0 or negative errno. */
int bw_holder_dump(struct bw_holder *holder);
void bw_holder_notices(struct bw_holder *holder);
/* Tells the engine what it waits for: own addresses, links after its overrun, neighbours. */
void bw_holder_tell(struct bw_holder *holder, uint64_t now_ns);

#endif
