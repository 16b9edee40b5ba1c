/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which snapshot a PDU sees. The board lets a reader hold one snapshot at a time, so before the next
 * is taken the present one is copied, if some PDU that may go on has seen it.
 */
#include <string.h>
#include <unistd.h>

#include "snmp.h"

static bool is_in_use(const struct bw_snmp_moments *moments, uint64_t snapshot)
{
    for (uint32_t i = 0; i < BW_SNMP_TRANSACTIONS; i++)
        if (moments->begun[i].snapshot == snapshot && snapshot != 0)
            return true;
    return false;
}

void bw_snmp_look_anew(struct bw_snmp *snmp)
{
    struct bw_snmp_moments *moments = &snmp->moments;
    uint64_t posts;

    if (read(snmp->wake_fd, &posts, sizeof(posts)) == sizeof(posts))
        snmp->woken = true;
    if (!bw_board_has_newer(snmp->context.board, BW_READER_SNMP))
        return; /* posts of counters alone wake nobody, but are looked at */
    if (is_in_use(moments, snmp->newest.snapshot->number)) {
        moments->kept[moments->next_kept] = *snmp->newest.snapshot;
        moments->next_kept = (moments->next_kept + 1) % BW_SNMP_KEPT;
    }
    snmp->newest.snapshot = bw_board_take(snmp->context.board, BW_READER_SNMP);
    snmp->woken = true;
}

/* The snapshot of that number, if it is still there. */
static const struct bw_snapshot *find(const struct bw_snmp *snmp, uint64_t number)
{
    if (snmp->newest.snapshot->number == number)
        return snmp->newest.snapshot;
    for (uint32_t i = 0; i < BW_SNMP_KEPT; i++)
        if (snmp->moments.kept[i].number == number)
            return &snmp->moments.kept[i];
    return NULL;
}

void bw_snmp_pin(struct bw_snmp *snmp, long transaction)
{
    struct bw_snmp_moments *moments = &snmp->moments;
    const struct bw_snapshot *seen = NULL;

    for (uint32_t i = 0; i < BW_SNMP_TRANSACTIONS && seen == NULL; i++)
        if (moments->begun[i].snapshot != 0 && moments->begun[i].transaction == transaction)
            seen = find(snmp, moments->begun[i].snapshot);
    if (seen == NULL) {
        bw_snmp_look_anew(snmp);
        bw_snmp_actions_row(snmp->actions, &snmp->control);
        seen = snmp->newest.snapshot;
        moments->begun[moments->next].transaction = transaction;
        moments->begun[moments->next].snapshot = seen->number;
        moments->next = (moments->next + 1) % BW_SNMP_TRANSACTIONS;
    }
    snmp->view.snapshot = seen;
}

void bw_snmp_forget(struct bw_snmp *snmp)
{
    memset(snmp->moments.begun, 0, sizeof(snmp->moments.begun));
}
