/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A changed configuration, checked and compared elsewhere, becomes the engine's. The kernel edge goes first, since its
 * address thread may have to wait for the kernel; meanwhile the engine turns on with the former one. Then edge, core and
 * seal change within one turn.
 */
#include <errno.h>
#include <string.h>

#include "agent/engine/engine_private.h"

static void end(struct bw_engine *e, uint64_t ticket, uint32_t state, enum bw_result result, const char *text)
{
    struct bw_answer answer = {.result = result};

    strncpy(answer.text, text, sizeof(answer.text) - 1);
    atomic_store(&e->agent->handover->state, state);
    bw_mailbox_answer(e->agent->mailbox, ticket, &answer);
}

void bw_engine_reload_begin(struct bw_engine *e, uint64_t ticket)
{
    static const struct bw_answer nothing = {BW_RESULT_REFUSED, "no configuration was handed over"};
    struct bw_handover *h = e->agent->handover;
    uint32_t offered = BW_HANDOVER_OFFERED;

    if (h == NULL || !atomic_compare_exchange_strong(&h->state, &offered, BW_HANDOVER_TAKEN))
        bw_mailbox_answer(e->agent->mailbox, ticket, &nothing);
    else if (e->stopping)
        end(e, ticket, BW_HANDOVER_WITHDRAWN, BW_RESULT_BUSY, "the engine is ending");
    else if (!bw_core_can_reconfigure(e->core, &h->config->cluster))
        end(e, ticket, BW_HANDOVER_WITHDRAWN, BW_RESULT_REFUSED, "the engine cannot take this configuration on while it runs");
    else if (bw_linux_reconfigure(e->edge, &h->config->cluster) != 0)
        end(e, ticket, BW_HANDOVER_WITHDRAWN, BW_RESULT_BUSY, "an earlier configuration is still being taken on");
    else
        e->reload_ticket = ticket;
}

void bw_engine_reload_run(struct bw_engine *e)
{
    struct bw_handover *h = e->agent->handover;
    uint64_t ticket = e->reload_ticket;

    if (ticket == 0 || !bw_linux_reconfigured(e->edge))
        return;
    e->reload_ticket = 0;
    (void)bw_core_reconfigure(e->core, &h->config->cluster, h->what); /* it could when this began */
    e->cluster = &h->config->cluster;
    if (h->keys_count > 0)
        (void)bw_seal_rekey(e->seal, h->keys, h->keys_count);
    bw_engine_sync_keys(e, h->keys, h->keys_count);
    (void)bw_engine_watch_edge(e);
    end(e, ticket, BW_HANDOVER_DONE, BW_RESULT_DONE, "");
}
