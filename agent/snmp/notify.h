/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Notifications: from events of the history to varbind lists. A table says which kind of event is
 * which notification and which objects explain it.
 */
#ifndef AGENT_SNMP_NOTIFY_H
#define AGENT_SNMP_NOTIFY_H

#include "walk.h"

#define BW_SNMP_VARBINDS_MAX 16

/* One object of a notification. */
struct bw_snmp_varbind {
    const struct bw_snmp_leaf *leaf;
    struct bw_snmp_hit hit; /* its name and row */
    bool overridden;
    uint32_t number; /* the value instead of the row's, when overridden: the state that the event speaks of */
};

struct bw_snmp_notification {
    uint32_t number; /* below bwNotifications, from 1 */
    uint32_t count;
    struct bw_snmp_varbind varbinds[BW_SNMP_VARBINDS_MAX];
};

/* Is this kind of event told by a notification? */
bool bw_snmp_is_notified(uint32_t kind);
/* Makes the notification of an event. `event` and the view must live as long as *out is used. 0, or -ENOENT when the
 * kind has none. */
int bw_snmp_notification(const struct bw_snmp_plan *plan, const struct bw_snmp_view *view, const struct bw_event *event,
                         struct bw_snmp_notification *out);

#endif
