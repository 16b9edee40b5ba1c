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

/* Whose is it to tell, when each tells its own? What happened to a member is that member's; the change of a group's holder the new
 * holder's; that a member fell silent or came back, and what concerns the whole cluster, the speaker's; a split brain is told by each that
 * held. So each is told by one that has surely recorded it. Returns the member's id; 0 = nobody's. */
uint32_t bw_event_teller(const struct bw_snapshot *snapshot, const struct bw_event *event);
bool bw_event_is_own(const struct bw_snapshot *snapshot, const struct bw_event *event); /* the local member's? */
/* Who speaks for the cluster: the first of the members that this one sees and is seen by, or itself, leaving out `except` (an id; 0: none).
 * All that see each other name the same one. Returns its id; 0 = nobody is in view. */
uint32_t bw_event_speaker(const struct bw_snapshot *snapshot, uint32_t except);
/* Is that member the local one, or do the two see each other? */
bool bw_event_in_view(const struct bw_snapshot *snapshot, uint32_t member);

#endif
