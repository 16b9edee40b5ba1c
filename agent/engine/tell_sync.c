/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between the engine and the sync thread: after each post the thread is told who is there and which secured interfaces are up, when
 * that changed; and a change of its state becomes an event.
 */
#include <string.h>

#include "agent/engine/engine_private.h"
#include "bellwether/catalogue.h"
#include "bellwether/sync_view.h"
#include "bellwether/text.h"

#define EVENT_LEAST_NS BW_SEC /* a state that comes and goes is no event */

void bw_engine_sync_keys(struct bw_engine *e, const uint8_t keys[2][BW_KEY_BYTES], unsigned count)
{
    memset(e->sync_keys, 0, sizeof(e->sync_keys));
    memcpy(e->sync_keys, keys, count * sizeof(e->sync_keys[0]));
    e->sync_keys_count = count;
}

static void tell_member(struct bw_engine *e, const struct bw_snapshot *s, const struct bw_member_row *row, struct bw_sync_view *view)
{
    struct bw_sync_view_member *m;

    if (row->local || view->members_count == BW_MAX_MEMBERS)
        return;
    m = &view->members[view->members_count++];
    m->id = (uint8_t)row->id;
    m->in_view = row->view == BW_VIEW_MUTUAL && bw_seal_adopted(e->seal, m->id, &m->boot);
    for (uint32_t g = 0; g < s->groups_count; g++)
        if (s->groups[g].holder == row->id)
            m->groups |= 1U << g;
    for (uint32_t i = 0; i < s->interfaces_count; i++) {
        const struct bw_interface_row *interface = &s->interfaces[i];

        if (interface->member == row->id && interface->state == BW_INTERFACE_DOWN && interface->index >= 1 &&
            interface->index <= BW_MAX_INTERFACES)
            m->down |= (uint16_t)(1U << (interface->index - 1));
    }
}

static void tell_links(const struct bw_engine *e, const struct bw_snapshot *s, struct bw_sync_view *view)
{
    for (uint32_t i = 0; i < s->interfaces_count; i++) {
        const struct bw_interface_row *row = &s->interfaces[i];
        const struct bw_link *link;
        struct bw_sync_view_link *to;

        if (row->member != s->cluster.local_member || row->role != BW_ROLE_SYNC || row->index == 0 || row->index > BW_MAX_INTERFACES)
            continue;
        link = bw_linux_link(e->edge, (uint8_t)(row->index - 1));
        to = &view->links[row->index - 1];
        to->ifindex = link->ifindex;
        to->mtu = link->mtu;
        memcpy(to->mac, link->mac, sizeof(to->mac));
        to->address4 = link->address4;
        to->usable = link->up && link->ifindex != 0 && row->state != BW_INTERFACE_DOWN;
    }
}

/* What the thread published last, when it has become another state than the one told last. */
static void tell_event(struct bw_engine *e, const struct bw_snapshot *s)
{
    struct bw_event event = {.time_wall = bw_wall(), .kind = BW_EVENT_SYNC, .member = s->cluster.local_member};
    uint32_t before = e->sync_state;

    if (s->sync.state == before || e->now_ns - e->sync_event_ns < EVENT_LEAST_NS)
        return;
    e->sync_state = s->sync.state;
    if (before == 0 || s->sync.state == BW_SYNC_OFF || before == BW_SYNC_OFF)
        return; /* it has only just started */
    e->sync_event_ns = e->now_ns;
    bw_copy(event.from, sizeof(event.from), bw_enum_text(&bw_enum_sync_state, before));
    bw_copy(event.to, sizeof(event.to), bw_enum_text(&bw_enum_sync_state, s->sync.state));
    bw_copy(event.reason, sizeof(event.reason), s->sync.detail);
    bw_history_add(e->agent->history, &event);
    bw_log(BW_LOG_NOTICE, "state synchronisation: %s -> %s%s%s", event.from, event.to, event.reason[0] != '\0' ? ": " : "",
           event.reason);
}

/* For the sync thread and the store. */
static void tell_facts(struct bw_engine *e)
{
    struct bw_facts_own own;

    if (e->agent->rows.facts == NULL)
        return;
    bw_core_facts(e->core, &own);
    if (memcmp(&own, &e->facts, sizeof(own)) == 0)
        return;
    e->facts = own;
    bw_published_write(e->agent->rows.facts->own, &own);
}

void bw_engine_tell_sync(struct bw_engine *e, const struct bw_snapshot *s)
{
    struct bw_sync_view view;

    tell_facts(e);
    if (e->agent->rows.sync_view == NULL)
        return;
    memset(&view, 0, sizeof(view)); /* padding too: it is compared */
    for (uint32_t g = 0; g < s->groups_count; g++)
        if (s->groups[g].holder == s->cluster.local_member)
            view.groups_held |= 1U << g;
    view.holds = view.groups_held != 0;
    for (uint32_t i = 0; i < s->members_count; i++)
        tell_member(e, s, &s->members[i], &view);
    tell_links(e, s, &view);
    view.facts_number = e->facts.facts.number;
    view.facts_offered = e->facts.offered;
    view.keys_count = e->sync_keys_count;
    memcpy(view.keys, e->sync_keys, sizeof(view.keys));
    bw_sync_view_tell(e->agent->rows.sync_view, &view);
    explicit_bzero(&view, sizeof(view));
    tell_event(e, s);
}
