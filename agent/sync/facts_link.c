/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Members' shared facts and the rest of the agent: what the engine and the store put on the desk (facts.h) goes to the provider, and
 * what the provider found goes back. Called by the sync thread's loop.
 */
#include "agent/sync/sync_private.h"
#include "bellwether/text.h"

#define RETRY_NS (100 * BW_MS)

static void take_own(struct bw_sync *sync)
{
    struct bw_facts_own own;

    if (bw_published_read(sync->setup.context->rows.facts->own, &own))
        bw_facts_own(sync->facts, &own);
    else
        sync->view_waits = true; /* just being written: the next turn has it */
}

void bw_sync_facts_link(struct bw_sync *sync)
{
    const struct bw_facts_desk *desk = sync->setup.context->rows.facts;
    struct bw_facts_others others;

    for (unsigned i = 0; i < sync->open_count; i++)
        if (sync->open[i].ops == &bw_sync_facts)
            sync->facts = sync->open[i].self;
    if (sync->facts == NULL)
        return;
    sync->facts->alone_ns = sync->start_ns + sync->config->cluster.start_wait_ns / 4 * 3;
    if (bw_published_read(desk->others, &others))
        bw_facts_remember(sync->facts, &others);
}

void bw_sync_facts_follow(struct bw_sync *sync)
{
    const struct bw_cluster_config *c = &sync->config->cluster;
    uint16_t in_view = 0;

    if (sync->facts == NULL)
        return;
    for (unsigned i = 0; i < sync->view.members_count; i++)
        for (unsigned k = 0; k < c->members_count; k++)
            if (sync->view.members[i].in_view && c->members[k].id == sync->view.members[i].id)
                in_view |= (uint16_t)(1U << k);
    bw_facts_view(sync->facts, in_view, sync->now_ns);
    take_own(sync);
}

/* The core is asked again until it says that it was. */
static void offer(struct bw_sync *sync, const struct bw_facts *facts)
{
    struct bw_request request = {.kind = BW_REQUEST_FACTS};
    struct bw_answer answer;

    if (sync->now_ns < sync->facts_retry_ns)
        return;
    sync->facts_retry_ns = sync->now_ns + RETRY_NS;
    bw_published_write(sync->setup.context->rows.facts->offer, facts);
    bw_copy(request.who, sizeof(request.who), "state synchronisation");
    (void)bw_mailbox_ask(sync->setup.context->mailbox, &request, &answer, 0);
}

/* For the store. */
static void tell_remembered(struct bw_sync *sync)
{
    struct bw_facts_others others;

    sync->facts_serial = sync->facts->memory_serial;
    bw_facts_remembered(sync->facts, &others);
    bw_published_write(sync->setup.context->rows.facts->others, &others);
}

void bw_sync_facts_tell(struct bw_sync *sync)
{
    const struct bw_facts *facts = sync->facts != NULL ? bw_facts_offer(sync->facts) : NULL;
    bool asks = sync->facts != NULL && bw_facts_pending(sync->facts, sync->now_ns);

    if (asks != sync->facts_asks)
        sync->publish_ns = sync->now_ns; /* the critical device says so at once */
    sync->facts_asks = asks;
    if (facts != NULL)
        offer(sync, facts);
    if (sync->facts != NULL && sync->facts->memory_serial != sync->facts_serial)
        tell_remembered(sync);
}
