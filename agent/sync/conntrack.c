/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The connection tracking provider of state synchronisation (see conntrack.h for its parts): opening and closing, and its table of
 * functions.
 */
#include "agent/sync/conntrack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/linux/linux.h"
#include "bellwether/log.h"

/* The kernel makes events only for entries that began while somebody listened, unless it is told to always do. An entry that began
 * while this agent was restarted would be silent for its whole life. */
static void want_events(void)
{
    int fd = open("/proc/sys/net/netfilter/nf_conntrack_events", O_RDWR | O_CLOEXEC);
    char now = '?';

    if (fd < 0)
        return; /* no such setting: the listener below decides */
    if (read(fd, &now, 1) == 1 && now != '1' && pwrite(fd, "1", 1, 0) != 1 && now == '0')
        bw_log(BW_LOG_ERROR, "sync: net.netfilter.nf_conntrack_events is 0 and cannot be set: connections are not followed");
    close(fd);
}

static void ct_close(void *self)
{
    struct bw_ct *ct = self;

    if (!ct)
        return;
    bw_ct_hold_close(ct);
    bw_ct_block_close(ct);
    if (ct->sweep.fd >= 0)
        close(ct->sweep.fd);
    bw_ct_shot_drop(ct);
    bw_ct_sockets_close(ct);
    bw_ct_select_free(ct->select);
    bw_ct_index_free(ct->index);
    free(ct->out);
    free(ct->dump);
    free(ct->sweep.bytes);
    free(ct);
}

static int open_parts(struct bw_ct *ct)
{
    int err = bw_ct_index_new(&ct->index);

    ct->out = malloc(BW_CT_INJECT * BW_CT_MESSAGE_MAX);
    ct->dump = malloc(BW_CT_DUMP_BYTES);
    ct->sweep.bytes = malloc(BW_CT_DUMP_BYTES);
    if (err || !ct->out || !ct->dump || !ct->sweep.bytes)
        return -ENOMEM;
    err = bw_ct_select_new(&ct->config->cluster, ct->config->cluster.sync.select, ct->config->cluster.sync.select_count,
                           &ct->select);
    if (!err)
        err = bw_ct_sockets_open(ct);
    if (!err)
        err = bw_ct_hold_open(ct);
    return err ? err : bw_ct_fill(ct);
}

static int ct_open(const struct bw_config *config, const struct bw_sync_sink *sink, void **self)
{
    struct bw_ct *ct = calloc(1, sizeof(*ct));
    int err;

    if (!ct)
        return -ENOMEM;
    ct->config = config;
    ct->sink = *sink;
    ct->local = config->cluster.members[config->cluster.local].id;
    ct->events = ct->requests = ct->sweep.fd = ct->shot.fd = ct->hold.fd = ct->block.fd = -1;
    ct->now_ns = bw_now_ns(); /* the first fill reckons from it */
    want_events();
    err = open_parts(ct);
    if (err) {
        bw_log(BW_LOG_ERROR, "sync: connection tracking cannot be followed: %s", strerror(-err));
        ct_close(ct);
        return err;
    }
    bw_log(BW_LOG_INFO, "sync: %lu connections found at the start", (unsigned long)bw_ct_index_size(ct->index));
    *self = ct;
    return 0;
}

static unsigned ct_descriptors(void *self, int *fds, unsigned cap)
{
    struct bw_ct *ct = self;

    if (cap < 3)
        return 0;
    fds[0] = ct->events;
    fds[1] = bw_ct_select_fd(ct->select);
    fds[2] = ct->hold.fd;
    return ct->hold.fd >= 0 ? 3 : 2;
}

static void ct_count(void *self, struct bw_sync_row *row)
{
    struct bw_ct *ct = self;
    uint32_t own = bw_ct_index_count(ct->index, ct->local) + bw_ct_expect_count(ct, ct->local);

    row->entries = own;
    row->entries_peers = bw_ct_index_size(ct->index) + ct->expects_count - own;
    row->events_overrun = ct->overruns;
    row->ignored = ct->ignored;
    row->pending_held = ct->hold.count;
    bw_ct_block_count(ct);
    row->blocking_scenarios = ct->block.scenarios;
    row->blocked_packets = ct->block.packets;
    row->holds = ct->hold.holds;
    row->unholds = ct->hold.unholds;
    row->released_by_timeout = ct->hold.timeouts;
    row->not_held = ct->hold.not_held;
    row->held_average_ns = ct->hold.unholds ? ct->hold.sum_ns / ct->hold.unholds : 0;
    row->held_max_ns = ct->hold.max_ns;
}

static void ct_reset(void *self)
{
    struct bw_ct *ct = self;

    bw_ct_block_count(ct);
    ct->block.scenarios = ct->block.packets = 0;
    ct->overruns = ct->ignored = ct->failures = ct->conflicts = 0;
    ct->hold.holds = ct->hold.unholds = ct->hold.timeouts = ct->hold.not_held = ct->hold.sum_ns = ct->hold.max_ns = 0;
}

const struct bw_sync_provider bw_sync_conntrack = {
    .number = BW_SYNC_CONNECTIONS,
    .name = "connections",
    .open = ct_open,
    .close = ct_close,
    .descriptors = ct_descriptors,
    .read = bw_ct_read,
    .deadline = bw_ct_deadline,
    .turn = bw_ct_turn,
    .apply = bw_ct_apply,
    .flush = bw_ct_flush,
    .dump = bw_ct_dump,
    .digests = bw_ct_digests,
    .repair_begin = bw_ct_repair_begin,
    .repair_end = bw_ct_repair_end,
    .owner_gone = bw_ct_owner_gone,
    .count = ct_count,
    .role = bw_ct_role,
    .overload = bw_ct_overload,
    .reset = ct_reset,
    .owner_moved = bw_ct_owner_moved,
    .acknowledged = bw_ct_acknowledged,
    .reconfigured = bw_ct_reconfigured,
};
