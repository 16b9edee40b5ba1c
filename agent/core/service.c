/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mode service: somebody else (keepalived, say) decides who holds, an adapter tells us, and we watch and
 * show. Nothing is claimed, granted, announced or let go here; views, interfaces, pnotes and admin
 * states work as ever. While a member in view runs another mode the lowest counts (agree.c): then
 * the core decides, and what the adapter says waits.
 */
#include "agent/core/core_private.h"

static void hold(struct bw_core *core, uint8_t group, bool held)
{
    struct bw_core_group *g = &core->groups[group];

    bw_core_look_for_sign(core, group);
    if (held) {
        g->cause = bw_core_cause(core, group);
        g->hold_epoch = ++g->epoch;
        if (g->sign_ns == 0)
            g->sign_ns = core->now_ns;
    }
    g->holding = g->installed = held;
    g->granted = g->releasing = false;
    g->released = !held;
    core->again = core->send = core->dirty = true;
    core->trouble_serial++;
    bw_core_tell(core);
}

/* Two of them hold it, says the service: nothing that we could decide, but everybody has to know. */
static void look_for_rivals(struct bw_core *core, uint8_t group)
{
    char reason[BW_TEXT_MAX];

    for (uint8_t i = 0; i < core->count; i++) {
        struct bw_core_member *m = &core->members[i];

        if (!m->heard || !(m->told.groups[group].flags & BW_GROUP_HOLDS) || m->rival[group])
            continue;
        if (core->now_ns - m->heard_since_ns < core->dead_ns || core->now_ns - core->groups[group].served_ns < core->dead_ns) {
            bw_core_due(core, core->now_ns + core->config->interval_ns);
            continue; /* a hand-over of the service */
        }
        m->rival[group] = true;
        core->split_brains++;
        bw_format(reason, sizeof(reason), "%s and %s both hold %s, as the service says: it has to decide",
                  bw_core_name(core, core->self), bw_core_name(core, i), core->config->groups[group].name);
        bw_core_event(core, BW_EVENT_SPLIT_BRAIN, i, NULL, NULL, NULL, reason)->group = group + 1U;
    }
}

void bw_core_service_run(struct bw_core *core, uint8_t group)
{
    struct bw_core_group *g = &core->groups[group];

    bw_core_withdraw(core, group);
    if (g->holding && g->granted) { /* held by our own decision until now */
        bw_core_let_go(core, group);
        return;
    }
    if (g->holding != g->served)
        hold(core, group, g->served);
    if (g->holding)
        look_for_rivals(core, group);
}

void bw_core_service_request(struct bw_core *core, const struct bw_request *r, struct bw_answer *answer)
{
    struct bw_core_group *g;

    if (core->config->mode != BW_MODE_SERVICE) {
        answer->result = BW_RESULT_INVALID;
        bw_copy(answer->text, sizeof(answer->text), "who holds a group is told in mode service only");
        return;
    }
    if (r->group < 1 || r->group > core->config->groups_count) {
        answer->result = BW_RESULT_NOT_FOUND;
        bw_copy(answer->text, sizeof(answer->text), "no group has that number");
        return;
    }
    g = &core->groups[r->group - 1];
    if (g->served == r->held)
        return;
    g->served = r->held;
    g->served_ns = core->now_ns;
}

bool bw_core_service_refuses(const struct bw_core *core, struct bw_answer *answer)
{
    if (!bw_core_only_watches(core))
        return false;
    answer->result = BW_RESULT_REFUSED;
    bw_copy(answer->text, sizeof(answer->text), "in mode service somebody else decides who serves: ask that service");
    return true;
}
