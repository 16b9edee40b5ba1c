/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changes of this member's resources, as the thread that runs them tells: each is an event. What follows for the group
 * it asks for itself (DENY, ALLOW, STOP). And their rows, which go to the other members.
 */
#include "agent/core/core_private.h"

void bw_core_resource_request(struct bw_core *core, const struct bw_request *r, struct bw_answer *answer)
{
    struct bw_event *event;

    if (r->group < 1 || r->group > core->config->groups_count) {
        answer->result = BW_RESULT_NOT_FOUND;
        bw_copy(answer->text, sizeof(answer->text), "no group has that number");
        return;
    }
    event = bw_core_event(core, BW_EVENT_RESOURCE, core->self, r->name, bw_enum_text(&bw_enum_group_state, r->former),
                          bw_enum_text(&bw_enum_group_state, r->status), r->text);
    event->group = r->group;
    event->took_ns = r->took_ns;
}

void bw_core_resources(struct bw_core *core, const struct bw_resource_row *rows, uint32_t count)
{
    struct bw_core_member *self = &core->members[core->self];

    for (uint32_t i = 0; i < BW_MAX_RESOURCES; i++)
        self->resources[i].state = 0;
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].index >= 1 && rows[i].index <= BW_MAX_RESOURCES)
            self->resources[rows[i].index - 1] = rows[i];
    core->pages_dirty = true;
}
