/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events: things that history, log and alerts are told. A turn that has more of them than fit drops
 * the later ones, so that there is always room for what has to be done.
 */
#include "agent/core/core_private.h"

#define ROOM_FOR_ACTIONS 256

struct bw_event *bw_core_event(struct bw_core *core, enum bw_event_kind kind, uint8_t member, const char *object,
                               const char *from, const char *to, const char *reason)
{
    struct bw_event *event = &core->dropped;

    if (core->outputs_count < BW_CORE_OUTPUTS - ROOM_FOR_ACTIONS)
        event = &bw_core_put(core, BW_OUTPUT_EVENT)->event;
    memset(event, 0, sizeof(*event));
    event->time_wall = core->wall;
    event->kind = kind;
    event->member = bw_core_id(core, member);
    event->cause = BW_CAUSE_NONE;
    bw_copy(event->object, sizeof(event->object), object);
    bw_copy(event->from, sizeof(event->from), from);
    bw_copy(event->to, sizeof(event->to), to);
    bw_copy(event->reason, sizeof(event->reason), reason);
    core->dirty = true;
    return event;
}
