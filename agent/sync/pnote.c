/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The critical device "Synchronization": is what this member has of the others' state good enough to take over from them? It is in init from
 * the start until that is so for the first time, or nobody else is there; later a copy that is not whole is forgiven for a moment, so
 * that a repair is no failover. It never blames a member that serves for what a peer lacks.
 */
#include <string.h>

#include "agent/sync/sync_private.h"
#include "bellwether/text.h"

#define NAME     "Synchronization"
#define GRACE_NS (3 * BW_SEC) /* a repair may take so long */
#define RETRY_NS (100 * BW_MS)

static uint32_t judge(struct bw_sync_pnote *p, const struct bw_sync_pnote_facts *f, char *detail)
{
    bool whole = f->copy == BW_STREAM_COPY_WHOLE || f->copy == BW_STREAM_COPY_ALONE;

    detail[0] = '\0';
    if (whole || p->partial_ns == 0)
        p->partial_ns = whole ? 0 : f->now_ns;
    switch (f->copy) {
    case BW_STREAM_COPY_ALONE:
        if (!p->was_ok && f->now_ns - f->start_ns < f->alone_ns) {
            bw_copy(detail, BW_TEXT_MAX, "waiting for the other members");
            return BW_PNOTE_INIT;
        }
        bw_copy(detail, BW_TEXT_MAX, "no other member is in view");
        return BW_PNOTE_OK;
    case BW_STREAM_COPY_WHOLE:
        if (f->asks && !p->was_ok) {
            bw_copy(detail, BW_TEXT_MAX, "asking the other members what they remember of this one");
            return BW_PNOTE_INIT;
        }
        if (f->overloaded)
            bw_format(detail, BW_TEXT_MAX, "overloaded: %u %% of the sending queue is unacknowledged", f->queue_percent);
        return BW_PNOTE_OK;
    case BW_STREAM_COPY_PARTIAL:
        if (p->was_ok && f->now_ns - p->partial_ns < GRACE_NS)
            return BW_PNOTE_OK;
        bw_copy(detail, BW_TEXT_MAX, f->path ? f->copy_detail : "no secured interface is up");
        return BW_PNOTE_INIT;
    default:
        bw_copy(detail, BW_TEXT_MAX, f->path ? f->copy_detail : "no secured interface is up");
        return BW_PNOTE_PROBLEM;
    }
}

bool bw_sync_pnote_judge(struct bw_sync_pnote *p, const struct bw_sync_pnote_facts *f)
{
    char detail[BW_TEXT_MAX];
    uint32_t status = judge(p, f, detail);

    p->was_ok = p->was_ok || status == BW_PNOTE_OK;
    if (status == p->status && strcmp(detail, p->detail) == 0)
        return false;
    p->status = status;
    bw_copy(p->detail, sizeof(p->detail), detail);
    return true;
}

static bool report(const struct bw_surface_context *context, uint32_t status, const char *detail)
{
    struct bw_request request = {.kind = BW_REQUEST_PNOTE_REPORT, .pnote_kind = BW_PNOTE_BUILTIN, .status = status,
                                 .timeout_ns = UINT64_MAX};
    struct bw_answer answer;

    if (context->mailbox == NULL)
        return true;
    bw_copy(request.name, sizeof(request.name), NAME);
    bw_copy(request.text, sizeof(request.text), detail);
    bw_copy(request.who, sizeof(request.who), "state synchronisation");
    return bw_mailbox_ask(context->mailbox, &request, &answer, 0) != BW_RESULT_BUSY;
}

void bw_sync_pnote_off(const struct bw_surface_context *context, const char *detail)
{
    (void)report(context, BW_PNOTE_OK, detail);
}

void bw_sync_pnote_tell(struct bw_sync *sync)
{
    char detail[BW_TEXT_MAX];
    const struct bw_sync_row *row = &sync->rows.sync;
    const struct bw_sync_pnote_facts facts = {
        .now_ns = sync->now_ns,
        .start_ns = sync->start_ns,
        .alone_ns = sync->config->cluster.start_wait_ns / 4 * 3, /* the engine waits no longer than the whole */
        .copy = bw_stream_copy(sync->stream, detail, sizeof(detail)),
        .copy_detail = detail,
        .path = sync->paths != 0,
        .asks = sync->facts_asks,
        .overloaded = sync->overloaded,
        .queue_percent = row->sending_queue > 0 ? (unsigned)((uint64_t)row->queue_length * 100 / row->sending_queue) : 0,
    };

    if (sync->pnote_retry_ns == 0 && !bw_sync_pnote_judge(&sync->pnote, &facts))
        return;
    if (sync->now_ns < sync->pnote_retry_ns)
        return;
    sync->pnote_retry_ns = report(sync->setup.context, sync->pnote.status, sync->pnote.detail) ? 0 : sync->now_ns + RETRY_NS;
}
