/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Routing netlink: one socket for requests (answers are read at once: the kernel works a request off inside the send)
 * or for notices. Requests run under a lock that the whole kernel shares and may take hundreds of milliseconds: never
 * from the engine thread.
 */
#ifndef BELLWETHER_LINUX_RTNL_H
#define BELLWETHER_LINUX_RTNL_H

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "bellwether/model.h"

struct nl_msg;

/* Routes of ours carry this protocol number. */
#define BW_RTPROT 116

#define BW_RTNL_BATCH  64 /* requests in one send */
#define BW_RTNL_BUFFER 65536

struct bw_rtnl {
    int fd;
    uint32_t port; /* netlink port id: who caused a notice */
    uint32_t seq;
    struct nl_msg *scratch;
    uint8_t *buffer; /* BW_RTNL_BUFFER bytes */
};

/* groups: a mask of RTMGRP_… for notices, 0 for a socket that asks. 0 or negative errno. */
int bw_rtnl_open(struct bw_rtnl *rtnl, uint32_t groups);
/* Also for one that was never opened when fd is -1 and the rest zero. */
void bw_rtnl_close(struct bw_rtnl *rtnl);

/* Called with each message; arg is the caller's. */
typedef void bw_rtnl_visit(void *arg, const struct nlmsghdr *message);

/* Reads what waits on a notice socket, at most `limit` datagrams, without blocking. The number of datagrams read, or
 * -ENOBUFS when notices were lost (the socket is usable on: dump again), or another negative errno. */
int bw_rtnl_notices(struct bw_rtnl *rtnl, unsigned limit, bw_rtnl_visit *visit, void *arg);
/* All objects of a kind (RTM_GETLINK, RTM_GETADDR, RTM_GETNEIGH), any family. 0 or negative errno. */
int bw_rtnl_dump(struct bw_rtnl *rtnl, uint16_t type, bw_rtnl_visit *visit, void *arg);

/* The gateway that the routing table has for traffic out of that device. 0 or negative errno (-ENOENT: none). */
int bw_rtnl_gateway(struct bw_rtnl *rtnl, int ifindex, int family, struct bw_address *gateway);

/* Requests collected and then sent in one go. */
struct bw_rtnl_batch {
    unsigned count;
    size_t length;
    size_t last; /* where the last message begins */
    uint32_t first_seq;
    int results[BW_RTNL_BATCH]; /* after sending: 0 or negative errno for each */
    uint8_t bytes[BW_RTNL_BATCH * 128];
};

void bw_rtnl_begin(struct bw_rtnl *rtnl, struct bw_rtnl_batch *batch);
/* Adds one request. Its index in results, or -ENOSPC when the batch is full.
 * address: as /32 or /128, valid for lifetime_s seconds, never preferred; flags: NLM_F_REPLACE or NLM_F_EXCL. */
int bw_rtnl_add_address(struct bw_rtnl *rtnl, struct bw_rtnl_batch *batch, int ifindex,
                        const struct bw_address *address, uint32_t lifetime_s, uint16_t flags);
int bw_rtnl_remove_address(struct bw_rtnl *rtnl, struct bw_rtnl_batch *batch, int ifindex,
                           const struct bw_address *address);
/* The connected route of ours for the network that `address` with its prefix lies in; the first fails with -EEXIST when
 * there is one already. */
int bw_rtnl_add_route(struct bw_rtnl *rtnl, struct bw_rtnl_batch *batch, int ifindex, const struct bw_address *address);
int bw_rtnl_remove_route(struct bw_rtnl *rtnl, struct bw_rtnl_batch *batch, int ifindex,
                         const struct bw_address *address);
/* A macvlan device on another one, private: it hears the network, and no other device of this host. */
int bw_rtnl_add_macvlan(struct bw_rtnl *rtnl, struct bw_rtnl_batch *batch, int parent, const char *name,
                        const uint8_t mac[6]);
int bw_rtnl_set_link(struct bw_rtnl *rtnl, struct bw_rtnl_batch *batch, int ifindex, bool up);
int bw_rtnl_remove_link(struct bw_rtnl *rtnl, struct bw_rtnl_batch *batch, int ifindex);
/* Does this result of a removal say that there was nothing to remove (any more)? */
bool bw_rtnl_absent(int result);
/* Sends the batch and collects the results. 0, or negative errno when the socket itself failed (then results are too).
 */
int bw_rtnl_send(struct bw_rtnl *rtnl, struct bw_rtnl_batch *batch);

#endif
