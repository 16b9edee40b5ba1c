/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What was asked of the local member and outlives it: its admin state and its persistent pnotes. Every change gets a number, which the
 * store and the other members keep along. At a start the others may offer what they remember: it is taken when it is newer than
 * what the store had; what was asked since the start stays, since that is newer still.
 */
#include "agent/core/core_private.h"

#define REMEMBERED "the other members remember it; this one's store did not"

void bw_core_facts_init(struct bw_core *core, const struct bw_core_start *start)
{
    core->facts_number = start->facts_number;
    if (core->facts_number == 0 && (start->admin != 0 || start->pnotes_count > 0))
        core->facts_number = 1; /* kept by an older version, which did not count */
    core->facts_kept = core->facts_number;
}

void bw_core_fact_changed(struct bw_core *core)
{
    uint64_t wall_ms = core->wall > 0 ? (uint64_t)core->wall / BW_MS : 0;

    core->facts_number = wall_ms > core->facts_number ? wall_ms : core->facts_number + 1;
    core->dirty = true;
}

void bw_core_facts(const struct bw_core *core, struct bw_facts_own *own)
{
    struct bw_facts *f = &own->facts;

    memset(own, 0, sizeof(*own)); /* padding too: it is compared */
    own->offered = core->facts_offered;
    f->number = core->facts_number;
    f->admin = core->admin;
    f->admin_since_wall = core->admin_since_wall;
    bw_copy(f->admin_by, sizeof(f->admin_by), core->admin_by);
    for (uint32_t i = 0; i < core->pnotes_count; i++) {
        const struct bw_core_pnote *p = &core->pnotes[i];
        struct bw_fact_pnote *to = &f->pnotes[f->pnotes_count];

        if (!p->persistent)
            continue;
        bw_copy(to->name, sizeof(to->name), p->name);
        to->kind = p->kind;
        to->status = p->status;
        to->timeout_ns = p->timeout_ns;
        f->pnotes_count++;
    }
}

void bw_core_facts_offered(struct bw_core *core, const struct bw_facts *facts)
{
    if (facts->number > core->facts_offered)
        core->facts_offered = facts->number;
    core->dirty = true;
    if (facts->number <= core->facts_kept)
        return;
    core->facts_kept = facts->number;
    if (facts->number > core->facts_number)
        core->facts_number = facts->number;
    if (!core->admin_asked && facts->admin >= BW_ADMIN_UP && facts->admin <= BW_ADMIN_FORCE_DOWN)
        bw_core_admin_restore(core, facts->admin, facts->admin_by, facts->admin_since_wall, REMEMBERED);
    bw_core_pnotes_restore(core, facts, REMEMBERED);
    bw_core_fact_changed(core);
}
