/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The notifications that go with the ha subtree: which events of the local member they tell, and
 * what they carry. Severity 0 clears what another one of the same number raised.
 */
#include <string.h>

#include "bellwether/text.h"
#include "checkpoint.h"

const oid bw_ha_trap_root[BW_HA_ROOT_LENGTH] = {1, 3, 6, 1, 4, 1, 2620, 1, 2000};

enum { CRITICAL = 4, HIGH = 3, MEDIUM = 2, LOW = 1, CLEAR = 0 };

static const uint32_t stat_severity[] = {[BW_HA_OK] = CLEAR, [BW_HA_ATTENTION] = MEDIUM, [BW_HA_PROBLEM] = CRITICAL};

static void add(const struct bw_ha_view *view, struct bw_ha_trap *trap, oid arc, oid column, uint32_t n)
{
    if (trap->count < BW_HA_VARBINDS && bw_ha_fill(view, arc, column, n, &trap->varbinds[trap->count]))
        trap->count++;
}

static struct bw_ha_trap *begin(struct bw_ha_trap *traps, unsigned *count, uint32_t number, uint32_t severity,
                                const char *value, const char *text)
{
    struct bw_ha_trap *trap = &traps[(*count)++];

    trap->number = number;
    trap->severity = severity;
    trap->count = 0;
    bw_copy(trap->value, sizeof(trap->value), value);
    bw_copy(trap->text, sizeof(trap->text), text);
    return trap;
}

static unsigned state_traps(const struct bw_ha_view *given, const struct bw_event *event, struct bw_ha_trap *traps)
{
    struct bw_ha_view view = *given;
    uint32_t before = 0;
    struct bw_ha_trap *trap;
    unsigned count = 0;
    enum bw_ha_stat code;

    if (bw_enum_value(&bw_enum_member_state, event->to, &view.state) != 0)
        return 0;
    (void)bw_enum_value(&bw_enum_member_state, event->from, &before);
    view.text = event->reason;
    code = bw_ha_stat(view.state);
    trap = begin(traps, &count, 1, stat_severity[code], bw_ha_state_text(view.state), event->reason);
    add(&view, trap, 8, 0, 0);
    add(&view, trap, 6, 0, 0);
    if (strcmp(bw_ha_block_text(before), bw_ha_block_text(view.state)) != 0) {
        trap = begin(traps, &count, 2, strcmp(bw_ha_block_text(view.state), "OK") == 0 ? CLEAR : LOW,
                     bw_ha_block_text(view.state), event->reason);
        add(&view, trap, 8, 0, 0);
        add(&view, trap, 7, 0, 0);
        add(&view, trap, 6, 0, 0);
    }
    if (bw_ha_stat(before) != code) {
        trap = begin(traps, &count, 3, stat_severity[code], bw_ha_stat_text(code), event->reason);
        add(&view, trap, 8, 0, 0);
        add(&view, trap, 7, 0, 0);
        add(&view, trap, 6, 0, 0);
        for (oid arc = 101; arc <= 103; arc++)
            add(&view, trap, arc, 0, 0);
    }
    return count;
}

/* A pnote that was taken away is told with its name alone: as one that is OK. */
static unsigned pnote_traps(const struct bw_ha_view *given, const struct bw_event *event, struct bw_ha_trap *traps)
{
    struct bw_ha_view view = *given;
    const struct bw_pnote_row *row = NULL;
    struct bw_ha_trap *trap;
    unsigned count = 0;
    uint32_t n = 0;

    if (bw_enum_value(&bw_enum_pnote_status, event->to, &view.pnote_status) != 0)
        view.pnote_status = BW_PNOTE_OK;
    view.text = event->reason;
    trap = begin(traps, &count, 4,
                 view.pnote_status == BW_PNOTE_OK        ? CLEAR
                 : view.pnote_status == BW_PNOTE_PROBLEM ? CRITICAL
                                                         : MEDIUM,
                 event->object, event->reason);
    while ((row = bw_ha_pnote(view.snapshot, n)) != NULL && strcmp(row->name, event->object) != 0)
        n++;
    for (oid column = 2; row != NULL && column <= 6; column++)
        add(&view, trap, 13, column, n);
    return count;
}

static unsigned interface_traps(const struct bw_ha_view *given, const struct bw_event *event, struct bw_ha_trap *traps)
{
    static const oid columns[] = {2, 3, 4, 6, 7};
    struct bw_ha_view view = *given;
    const struct bw_interface_row *row;
    struct bw_ha_trap *trap;
    unsigned count = 0;
    uint32_t n = 0;

    if (bw_enum_value(&bw_enum_interface_state, event->to, &view.interface_state) != 0)
        return 0;
    while ((row = bw_ha_interface(view.snapshot, n)) != NULL && strcmp(row->name, event->object) != 0)
        n++;
    if (row == NULL)
        return 0;
    trap = begin(traps, &count, 5,
                 view.interface_state == BW_INTERFACE_UP     ? CLEAR
                 : view.interface_state == BW_INTERFACE_DOWN ? HIGH
                                                             : LOW,
                 event->object, event->reason);
    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
        add(&view, trap, 12, columns[i], n);
    return count;
}

unsigned bw_ha_traps(const struct bw_ha_view *view, const struct bw_event *event, struct bw_ha_trap *traps)
{
    unsigned count = 0;

    if (event->kind == BW_EVENT_FAILOVER && event->cause != BW_CAUSE_START) {
        add(view, begin(traps, &count, 6, LOW, event->to, event->reason), 17, 0, 0);
        return count;
    }
    if (event->member != view->snapshot->cluster.local_member)
        return 0;
    switch (event->kind) {
    case BW_EVENT_STATE_CHANGE:
        return state_traps(view, event, traps);
    case BW_EVENT_PNOTE:
        return pnote_traps(view, event, traps);
    case BW_EVENT_INTERFACE:
        return interface_traps(view, event, traps);
    default:
        return 0;
    }
}
