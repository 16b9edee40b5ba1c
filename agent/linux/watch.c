/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The keeper's view of the configured interfaces. Link notices only: the agent's own renewals would wake the keeper
 * several times a second; own addresses are read when a link changes or the keeper asks.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/linux/linux.h"
#include "agent/linux/picture.h"
#include "agent/linux/rtnl.h"

#define NOTICES_AT_ONCE 256

struct bw_watch {
    struct bw_rtnl notices, requests;
    struct bw_picture picture;
    bool touched;
};

static void visit_dump(void *arg, const struct nlmsghdr *message)
{
    struct bw_notice notice;

    bw_picture_apply(arg, message, &notice);
}

static int dump(struct bw_watch *w)
{
    struct bw_picture before = w->picture;
    int error;

    bw_picture_clear(&w->picture);
    error = bw_rtnl_dump(&w->requests, RTM_GETLINK, visit_dump, &w->picture);
    if (error == 0)
        error = bw_rtnl_dump(&w->requests, RTM_GETADDR, visit_dump, &w->picture);
    if (error != 0)
        w->picture = before;
    return error;
}

int bw_watch_new(const struct bw_cluster_config *config, struct bw_watch **out)
{
    struct bw_watch *w = calloc(1, sizeof(*w));
    int error;

    if (w == NULL)
        return -ENOMEM;
    w->requests.fd = -1;
    bw_picture_init(&w->picture, config);
    error = bw_rtnl_open(&w->notices, RTMGRP_LINK);
    if (error == 0)
        error = bw_rtnl_open(&w->requests, 0);
    if (error == 0)
        error = dump(w);
    if (error != 0) {
        bw_watch_free(w);
        return error;
    }
    *out = w;
    return 0;
}

void bw_watch_free(struct bw_watch *w)
{
    if (w == NULL)
        return;
    bw_rtnl_close(&w->notices);
    bw_rtnl_close(&w->requests);
    free(w);
}

void bw_watch_reconfigure(struct bw_watch *w, const struct bw_cluster_config *config)
{
    w->picture.config = config;
}

int bw_watch_fd(const struct bw_watch *w)
{
    return w->notices.fd;
}

static void visit_notice(void *arg, const struct nlmsghdr *message)
{
    struct bw_watch *w = arg;
    struct bw_picture copy = w->picture;
    struct bw_notice notice;

    /* Only whether it matters: what is so is then read as a whole. */
    if (bw_picture_apply(&copy, message, &notice) != 0)
        w->touched = true;
}

uint16_t bw_watch_read(struct bw_watch *w, bool addresses)
{
    struct bw_picture before = w->picture;
    uint16_t changed = 0;

    w->touched |= addresses;
    if (bw_rtnl_notices(&w->notices, NOTICES_AT_ONCE, visit_notice, w) == -ENOBUFS)
        w->touched = true;
    if (!w->touched || dump(w) != 0) /* a dump that failed is made up for the next time */
        return 0;
    w->touched = false;
    for (unsigned i = 0; i < BW_MAX_INTERFACES; i++)
        if (memcmp(&before.interfaces[i].link, &w->picture.interfaces[i].link, sizeof(struct bw_link)) != 0)
            changed |= (uint16_t)(1U << i);
    return changed;
}

const struct bw_link *bw_watch_link(const struct bw_watch *w, uint8_t interface)
{
    return &w->picture.interfaces[interface].link;
}
