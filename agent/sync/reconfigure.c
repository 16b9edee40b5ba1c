/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Settings of state synchronisation that a reload changes while the thread runs. The thread has a configuration of its own, which its
 * providers read; only the settings of synchronisation in it ever change, between two turns.
 */
#include <string.h>

#include "agent/sync/sync_private.h"

struct bw_stream_tuning bw_sync_tuning(const struct bw_sync_config *config)
{
    return (struct bw_stream_tuning){.sending_queue = config->sending_queue,
                                     .receiving_queue = config->receiving_queue,
                                     .ack_count = config->ack_count,
                                     .ack_ns = config->ack_ns,
                                     .overload_percent = config->overload_percent,
                                     .memory_bytes = config->memory_bytes,
                                     .deadline_ns = config->full_sync_deadline_ns};
}

/* What does not go now, for want of room, is tried again. */
static void tune(struct bw_sync *sync)
{
    const struct bw_stream_tuning tuning = bw_sync_tuning(&sync->config->cluster.sync);
    int error = bw_stream_tune(sync->stream, &tuning);

    if (error != 0 && !sync->tuning_waits)
        bw_log(BW_LOG_NOTICE, "state synchronisation: queues get their new lengths when there is room: %s", strerrordesc_np(-error));
    else if (error == 0 && sync->tuning_waits)
        bw_log(BW_LOG_NOTICE, "state synchronisation: queues have their new lengths");
    sync->tuning_waits = error != 0;
}

void bw_sync_reconfigure(struct bw_sync *sync)
{
    struct bw_sync_config next;

    if (bw_reload_sync(sync->setup.context->reload, &sync->reload_serial, &next)) {
        sync->config->cluster.sync = next;
        sync->tuning_waits = false;
        tune(sync);
        for (unsigned i = 0; i < sync->open_count; i++)
            if (sync->open[i].ops->reconfigured != NULL)
                sync->open[i].ops->reconfigured(sync->open[i].self);
        bw_sync_watch_providers(sync);
    } else if (sync->tuning_waits) {
        tune(sync);
    }
}
