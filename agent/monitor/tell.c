/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the engine is told. Requests go into the mailbox without waiting for their answers; whether they have done what they
 * should is read off the board, twice a second. So a report that found the mailbox full, a pnote that a user unregistered or set
 * to something else, and a monitor's name that was taken before all mend themselves.
 */
#include <errno.h>
#include <string.h>

#include "agent/monitor/monitor.h"
#include "bellwether/log.h"
#include "bellwether/text.h"

#define RECONCILE_NS (500 * BW_MS)
#define UNDER_WAY_NS (300 * BW_MS) /* what was told more recently may not be on the board yet */
#define FULL_NS (20 * BW_MS)       /* pause when the mailbox is full */

static enum bw_result ask(struct bw_monitor *m, enum bw_request_kind kind, const char *detail)
{
    struct bw_monitors *all = m->all;
    struct bw_request request = {.kind = kind,
                                 .status = m->tally.status,
                                 .pnote_kind = BW_PNOTE_MONITOR,
                                 .timeout_ns = bw_told_timeout_ns(m->config),
                                 .who = "monitor"};
    struct bw_answer answer;
    uint64_t suppressed;

    bw_copy(request.name, sizeof(request.name), m->config->name);
    bw_copy(request.text, sizeof(request.text), detail);
    if (all->now_ns < all->full_until_ns)
        return BW_RESULT_BUSY;
    if (bw_mailbox_ask(all->context.mailbox, &request, &answer, 0) != BW_RESULT_BUSY)
        return answer.result;
    all->full_until_ns = all->now_ns + FULL_NS;
    if (bw_log_allowed(&all->full, all->now_ns, &suppressed))
        bw_log(BW_LOG_WARNING, "monitor %s: %s (%lu more such lines)", m->config->name, answer.text,
               (unsigned long)suppressed);
    return BW_RESULT_BUSY;
}

static void note_told(struct bw_monitor *m, const char *detail)
{
    m->told.status = m->tally.status;
    m->told.at_ns = m->all->now_ns;
    if (detail == m->told.detail)
        return;
    m->told.detail_ns = m->all->now_ns;
    bw_copy(m->told.detail, sizeof(m->told.detail), detail);
}

void bw_tell_register(struct bw_monitors *all)
{
    for (unsigned i = 0; i < all->count; i++) {
        char detail[BW_TEXT_MAX];

        bw_tally_detail(&all->monitors[i].tally, "", detail);
        ask(&all->monitors[i], BW_REQUEST_PNOTE_REGISTER, detail);
        note_told(&all->monitors[i], detail);
    }
}

void bw_tell(struct bw_monitor *m)
{
    char detail[BW_TEXT_MAX];
    const char *tell = detail;

    if (m->all->user != NULL) {
        m->all->user->verdict(m->all->user->user, m);
        return;
    }
    bw_tally_detail(&m->tally, m->said, detail);
    switch (bw_told_due(&m->told, &m->tally, detail, bw_told_refresh_ns(m->config), m->all->now_ns)) {
    case BW_TELL_NOTHING:
        return;
    case BW_TELL_SAME:
        tell = m->told.detail;
        break;
    case BW_TELL_NEW:
        break;
    }
    /* Not taken: nothing is noted, so the next turn tries again. */
    if (ask(m, BW_REQUEST_PNOTE_REPORT, tell) != BW_RESULT_BUSY)
        note_told(m, tell);
}

static const struct bw_pnote_row *row_of(const struct bw_snapshot *snapshot, uint32_t member, const char *name)
{
    for (uint32_t i = 0; i < snapshot->pnotes_count; i++) {
        if (snapshot->pnotes[i].member == member && strcmp(snapshot->pnotes[i].name, name) == 0)
            return &snapshot->pnotes[i];
    }
    return NULL;
}

static void mend(struct bw_monitor *m, const struct bw_pnote_row *row)
{
    enum bw_request_kind kind = BW_REQUEST_PNOTE_REPORT;

    if (row != NULL && row->kind == BW_PNOTE_MONITOR && row->status == m->tally.status)
        return;
    if (row != NULL && row->kind != BW_PNOTE_MONITOR) {
        bw_log(BW_LOG_WARNING, "monitor %s: a pnote of this name was there before; the monitor takes its place",
               m->config->name);
        ask(m, BW_REQUEST_PNOTE_UNREGISTER, "");
        row = NULL;
    }
    if (row == NULL)
        kind = BW_REQUEST_PNOTE_REGISTER;
    if (ask(m, kind, m->told.detail) != BW_RESULT_BUSY)
        m->told.at_ns = m->all->now_ns;
}

void bw_tell_reconcile(struct bw_monitors *all)
{
    const struct bw_snapshot *snapshot;

    if (all->user != NULL || all->now_ns < all->reconcile_ns)
        return;
    all->reconcile_ns = all->now_ns + RECONCILE_NS;
    snapshot = bw_board_take(all->context.board, BW_READER_MONITOR);
    for (unsigned i = 0; snapshot->number > 0 && i < all->count; i++) {
        struct bw_monitor *m = &all->monitors[i];

        if (all->now_ns - m->told.at_ns >= UNDER_WAY_NS)
            mend(m, row_of(snapshot, snapshot->cluster.local_member, m->config->name));
    }
    bw_board_release(all->context.board, BW_READER_MONITOR);
}

void bw_tell_digest_differs(struct bw_monitors *all, const char *name, const char *digest, char *text, size_t cap)
{
    const struct bw_snapshot *snapshot = bw_board_take(all->context.board, BW_READER_MONITOR);
    size_t at = 0;

    text[0] = '\0';
    for (uint32_t i = 0; i < snapshot->members_count; i++) {
        const struct bw_member_row *member = &snapshot->members[i];
        const struct bw_pnote_row *row = member->local ? NULL : row_of(snapshot, member->id, name);
        const char *theirs = row != NULL ? strstr(row->detail, "digest ") : NULL;

        if (theirs != NULL && row->kind == BW_PNOTE_MONITOR && strncmp(theirs + 7, digest, strlen(digest)) != 0)
            at += bw_format(text + at, cap - at, "; differs from %s", member->name);
    }
    bw_board_release(all->context.board, BW_READER_MONITOR);
}
