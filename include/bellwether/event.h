/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What kinds of events mean to those who are told of them: whether one begins or ends something, how grave it is, and which member is
 * to tell it. One table for SNMP notifications and alerts. Pure.
 */
#ifndef BELLWETHER_EVENT_H
#define BELLWETHER_EVENT_H

#include "bellwether/catalogue.h"

/* Numbers are in the MIB: append only. */
enum bw_event_status { BW_EVENT_RAISED = 1, BW_EVENT_CLEARED, BW_EVENT_INFORMATION };

enum bw_severity { BW_SEVERITY_INFO = 1, BW_SEVERITY_NOTICE, BW_SEVERITY_WARNING, BW_SEVERITY_CRITICAL };
extern const struct bw_enum bw_enum_severity;

/* One kind of event in one direction. */
struct bw_event_meaning {
    uint32_t kind;        /* enum bw_event_kind */
    const char *from, *to; /* what the event's must be; NULL: whatever it is */
    uint32_t status;      /* enum bw_event_status */
    uint32_t severity;    /* enum bw_severity */
    const char *alert;    /* its name where alerts have names, the same as in the Prometheus rules */
};

/* Never NULL: of an unknown kind it is a piece of information. */
const struct bw_event_meaning *bw_event_meaning(const struct bw_event *event);
/* The gravest that an event of that kind can raise; 0 = it raises nothing. */
uint32_t bw_event_raises(uint32_t kind);
/* Does it follow from a member's being in maintenance, so that nobody wants to hear of it then? */
bool bw_event_is_hushed(uint32_t kind);

/* Is it for the local member to tell, when each tells its own? Others' events are theirs; those of the cluster and of silent members are
 * the holder's, or, when nobody holds, the first one's in view. */
bool bw_event_is_own(const struct bw_snapshot *snapshot, const struct bw_event *event);
/* Does the local member speak for the cluster: does it hold that group (0: the first one)? */
bool bw_event_speaks(const struct bw_snapshot *snapshot, uint32_t group);
/* Who does: a member's id, 0 = nobody is in view. */
uint32_t bw_event_speaker(const struct bw_snapshot *snapshot, uint32_t group);

#endif
