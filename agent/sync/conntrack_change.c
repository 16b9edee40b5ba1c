/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Settings of connection tracking's provider that have changed while it runs. Rules of selection act on connections that begin, or are
 * heard of, from now on; what is synchronised stays so. What is asked of the configuration each time needs nothing here.
 */
#include "agent/sync/conntrack.h"

#include <string.h>

#include "bellwether/log.h"

/* Those that wait are let through, by the former queue. */
static void change_queue(struct bw_ct *ct)
{
    int err;

    if (ct->hold.queue == ct->config->cluster.sync.hold_queue)
        return;
    bw_ct_hold_close(ct);
    ct->hold.count = 0;
    err = bw_ct_hold_open(ct);
    if (err)
        bw_ct_hold_close(ct);
    if (err)
        bw_log(BW_LOG_ERROR, "sync: packets cannot be held in queue %u: %s", ct->config->cluster.sync.hold_queue, strerror(-err));
}

/* New connections are refused just now: by the rules as they are now, or no more. */
static void change_block(struct bw_ct *ct)
{
    if (!ct->block.on)
        return;
    bw_ct_block_count(ct);
    bw_ct_block_close(ct);
    ct->block.on = false;
    if (ct->config->cluster.sync.block)
        bw_ct_overload(ct, true);
    else
        bw_log(BW_LOG_WARNING, "sync: new connections are let through again");
}

void bw_ct_reconfigured(void *self)
{
    struct bw_ct *ct = self;

    bw_ct_select_count(ct->select, ct->config->cluster.sync.select_count);
    change_queue(ct);
    change_block(ct);
}
