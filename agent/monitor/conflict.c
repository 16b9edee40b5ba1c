/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtual-address conflict: a stranger answers for an address that this member holds. The engine hears it and says so
 * in the history, every ten seconds while it goes on; a check reads what is new there. Quiet for a minute: it is over.
 */
#include <string.h>

#include "agent/monitor/monitor.h"
#include "bellwether/text.h"

#define QUIET_NS (60 * BW_SEC)

static int open_conflict(struct bw_monitor *m)
{
    uint64_t first;

    bw_history_range(m->all->context.history, &first, &m->conflict.seen); /* what is older is past */
    return 0;
}

static bool is_conflict(const struct bw_monitor *m, const struct bw_event *event)
{
    const struct bw_cluster_config *c = &m->all->context.config->cluster;

    return event->kind == BW_EVENT_ADDRESS && event->member == c->members[c->local].id &&
           strcmp(event->to, "conflict") == 0;
}

static void begin_conflict(struct bw_monitor *m)
{
    struct bw_conflict_state *is = &m->conflict;
    uint64_t first, last;

    bw_history_range(m->all->context.history, &first, &last);
    if (is->seen + 1 < first)
        is->seen = first - 1;
    while (is->seen < last) {
        struct bw_event event;

        if (bw_history_read(m->all->context.history, ++is->seen, &event) != 0 || !is_conflict(m, &event))
            continue;
        is->until_ns = m->all->now_ns + QUIET_NS;
        bw_copy(is->what, sizeof(is->what), event.reason);
    }
    if (m->all->now_ns < is->until_ns)
        bw_monitor_done(m, false, "%s", is->what);
    else
        bw_monitor_done(m, true, "nobody else answers for a virtual address");
}

static void end_nothing(struct bw_monitor *m)
{
    (void)m;
}

const struct bw_monitor_ops bw_monitor_conflict = {
    .open = open_conflict, .begin = begin_conflict, .late = end_nothing, .close = end_nothing};
