/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "Done" is half of the truth for a request whose outcome has to be kept while state_dir cannot be written: the engine,
 * which answers, waits for no disk and so cannot know. Whoever passes its answer on asks here what the store last came
 * to.
 */
#include <string.h>
#include <time.h>

#include "bellwether/surface.h"
#include "bellwether/text.h"

/* Does this member have to keep what was asked for? */
static bool is_kept(const struct bw_cluster_config *cluster, const struct bw_request *request)
{
    switch (request->kind) {
    case BW_REQUEST_ADMIN:
        return request->member == 0 || request->member == cluster->members[cluster->local].id;
    case BW_REQUEST_PNOTE_REGISTER:
    case BW_REQUEST_PNOTE_UNREGISTER:
        return request->persistent;
    case BW_REQUEST_GROUP_START:
    case BW_REQUEST_GROUP_STOP:
        return true;
    default:
        return false;
    }
}

void bw_store_qualify(const struct bw_surface_context *context, const struct bw_request *request,
                      struct bw_answer *answer)
{
    const struct bw_stats *stats = context->stats;
    struct timespec now;
    uint64_t error;

    if (stats == NULL || answer->result != BW_RESULT_DONE || answer->text[0] != '\0' ||
        !is_kept(&context->config->cluster, request))
        return;
    clock_gettime(CLOCK_BOOTTIME, &now);
    if (bw_stats_store_writable(stats, (uint64_t)now.tv_sec * BW_SEC + (uint64_t)now.tv_nsec))
        return;
    error = atomic_load(&stats->store_error);
    bw_format(answer->text, sizeof(answer->text), "but not kept on disk, state_dir cannot be written%s%s",
              error != 0 ? ": " : "", error != 0 ? strerror((int)error) : "");
}
