/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one table of what events mean. Each raise has a clear: an event here, or what the watchers of snapshots find out. */
#include "bellwether/event.h"

#include <string.h>

const struct bw_enum bw_enum_severity = {
    "Severity", (const struct bw_enum_label[]){{BW_SEVERITY_INFO, "info", "info"},
                                               {BW_SEVERITY_NOTICE, "notice", "notice"},
                                               {BW_SEVERITY_WARNING, "warning", "warning"},
                                               {BW_SEVERITY_CRITICAL, "critical", "critical"},
                                               {0, NULL, NULL}}};

#define RAISED      BW_EVENT_RAISED
#define CLEARED     BW_EVENT_CLEARED
#define INFORMATION BW_EVENT_INFORMATION
#define INFO        BW_SEVERITY_INFO
#define NOTICE      BW_SEVERITY_NOTICE
#define WARNING     BW_SEVERITY_WARNING
#define CRITICAL    BW_SEVERITY_CRITICAL

/* The first row that fits. */
static const struct bw_event_meaning meanings[] = {
    {BW_EVENT_START, NULL, "stopped", INFORMATION, NOTICE, "BellwetherStopped"},
    {BW_EVENT_START, NULL, NULL, INFORMATION, NOTICE, "BellwetherStarted"},
    {BW_EVENT_STATE_CHANGE, NULL, "down", RAISED, WARNING, "BellwetherMemberDown"},
    {BW_EVENT_STATE_CHANGE, NULL, "attention", RAISED, CRITICAL, "BellwetherAttention"},
    {BW_EVENT_STATE_CHANGE, NULL, "unreachable", RAISED, WARNING, "BellwetherMemberDown"},
    {BW_EVENT_STATE_CHANGE, NULL, "active", CLEARED, NOTICE, "BellwetherMemberDown"},
    {BW_EVENT_STATE_CHANGE, NULL, "standby", CLEARED, NOTICE, "BellwetherMemberDown"},
    {BW_EVENT_STATE_CHANGE, NULL, NULL, INFORMATION, INFO, "BellwetherMemberState"},
    {BW_EVENT_FAILOVER, "", NULL, INFORMATION, NOTICE, "BellwetherFailover"},
    {BW_EVENT_FAILOVER, NULL, NULL, INFORMATION, WARNING, "BellwetherFailover"},
    {BW_EVENT_PNOTE, NULL, "problem", RAISED, WARNING, "BellwetherPnoteProblem"},
    {BW_EVENT_PNOTE, NULL, "ok", CLEARED, NOTICE, "BellwetherPnoteProblem"},
    {BW_EVENT_PNOTE, NULL, "unregistered", CLEARED, NOTICE, "BellwetherPnoteProblem"},
    {BW_EVENT_PNOTE, NULL, NULL, INFORMATION, INFO, "BellwetherPnote"},
    {BW_EVENT_INTERFACE, NULL, "down", RAISED, WARNING, "BellwetherInterfaceDown"},
    {BW_EVENT_INTERFACE, NULL, "up", CLEARED, NOTICE, "BellwetherInterfaceDown"},
    {BW_EVENT_INTERFACE, NULL, NULL, INFORMATION, INFO, "BellwetherInterface"},
    {BW_EVENT_ADMIN, NULL, NULL, INFORMATION, NOTICE, "BellwetherAdmin"},
    {BW_EVENT_SPLIT_BRAIN, NULL, NULL, RAISED, CRITICAL, "BellwetherSplitBrain"},
    {BW_EVENT_MISMATCH, NULL, NULL, RAISED, WARNING, "BellwetherMismatch"},
    {BW_EVENT_ADDRESS, NULL, NULL, INFORMATION, WARNING, "BellwetherAddress"},
    {BW_EVENT_AUTH_FAILURE, NULL, NULL, RAISED, WARNING, "BellwetherAuthFailure"},
    {BW_EVENT_PAUSE, NULL, NULL, INFORMATION, WARNING, "BellwetherPause"},
    {BW_EVENT_CANCELLED, NULL, NULL, INFORMATION, WARNING, "BellwetherChangeCancelled"},
    {BW_EVENT_RELOAD, NULL, NULL, INFORMATION, INFO, "BellwetherReload"},
    {BW_EVENT_SYNC, NULL, "lost", RAISED, WARNING, "BellwetherSyncLost"},
    {BW_EVENT_SYNC, NULL, "ok", CLEARED, NOTICE, "BellwetherSyncLost"},
    {BW_EVENT_SYNC, NULL, "alone", CLEARED, NOTICE, "BellwetherSyncLost"},
    {BW_EVENT_SYNC, NULL, "off", CLEARED, NOTICE, "BellwetherSyncLost"},
    {BW_EVENT_SYNC, NULL, NULL, INFORMATION, INFO, "BellwetherSync"},
    {BW_EVENT_RESOURCE, NULL, "error", RAISED, WARNING, "BellwetherResourceError"},
    {BW_EVENT_RESOURCE, NULL, "online", CLEARED, NOTICE, "BellwetherResourceError"},
    {BW_EVENT_RESOURCE, NULL, "offline", CLEARED, NOTICE, "BellwetherResourceError"},
    {BW_EVENT_RESOURCE, NULL, NULL, INFORMATION, INFO, "BellwetherResource"},
    {BW_EVENT_ALERT, NULL, "failing", RAISED, WARNING, "BellwetherAlertingFails"},
    {BW_EVENT_ALERT, NULL, "ok", CLEARED, NOTICE, "BellwetherAlertingFails"},
    {BW_EVENT_ALERT, NULL, NULL, INFORMATION, WARNING, "BellwetherAlertTarget"},
};
#define MEANINGS (sizeof(meanings) / sizeof(meanings[0]))

const struct bw_event_meaning *bw_event_meaning(const struct bw_event *event)
{
    static const struct bw_event_meaning unknown = {0, NULL, NULL, INFORMATION, INFO, "BellwetherEvent"};

    for (size_t i = 0; i < MEANINGS; i++)
        if (meanings[i].kind == event->kind && (meanings[i].from == NULL || strcmp(meanings[i].from, event->from) == 0) &&
            (meanings[i].to == NULL || strcmp(meanings[i].to, event->to) == 0))
            return &meanings[i];
    return &unknown;
}

uint32_t bw_event_raises(uint32_t kind)
{
    uint32_t gravest = 0;

    for (size_t i = 0; i < MEANINGS; i++)
        if (meanings[i].kind == kind && meanings[i].status == RAISED && meanings[i].severity > gravest)
            gravest = meanings[i].severity;
    return gravest;
}

bool bw_event_is_hushed(uint32_t kind)
{
    const uint32_t hushed = 1U << BW_EVENT_START | 1U << BW_EVENT_STATE_CHANGE | 1U << BW_EVENT_PNOTE |
                            1U << BW_EVENT_INTERFACE | 1U << BW_EVENT_ADDRESS | 1U << BW_EVENT_PAUSE |
                            1U << BW_EVENT_CANCELLED | 1U << BW_EVENT_SYNC | 1U << BW_EVENT_RESOURCE;

    return kind < 32 && (hushed >> kind & 1) != 0;
}

/* ---- whose it is to tell ---- */

bool bw_event_in_view(const struct bw_snapshot *s, uint32_t id)
{
    const struct bw_member_row *m = bw_member_row(s, id);

    return m != NULL && (m->view == BW_VIEW_LOCAL || m->view == BW_VIEW_MUTUAL);
}

/* Not the holder: two members learn of a hand-over one after the other, and each would leave it to the other meanwhile. */
uint32_t bw_event_speaker(const struct bw_snapshot *s, uint32_t except)
{
    for (uint32_t i = 0; i < s->members_count; i++)
        if (s->members[i].id != except && bw_event_in_view(s, s->members[i].id))
            return s->members[i].id;
    return 0;
}

uint32_t bw_event_teller(const struct bw_snapshot *snapshot, const struct bw_event *event)
{
    const char *unreachable = bw_enum_text(&bw_enum_member_state, BW_MEMBER_UNREACHABLE);
    uint32_t local = snapshot->cluster.local_member;

    switch (event->kind) {
    case BW_EVENT_STATE_CHANGE: /* of its silence it knows nothing itself */
        if (strcmp(event->from, unreachable) == 0 || strcmp(event->to, unreachable) == 0)
            return bw_event_speaker(snapshot, event->member);
        return event->member;
    case BW_EVENT_PNOTE:
    case BW_EVENT_INTERFACE:
    case BW_EVENT_SYNC:
    case BW_EVENT_RESOURCE:
        return event->member;
    case BW_EVENT_START:
    case BW_EVENT_ADDRESS:
    case BW_EVENT_PAUSE:
    case BW_EVENT_CANCELLED:
    case BW_EVENT_RELOAD:
    case BW_EVENT_ALERT:
    case BW_EVENT_AUTH_FAILURE: /* what this member received */
    case BW_EVENT_SPLIT_BRAIN:  /* the other one may have let go before it saw it */
        return local;
    case BW_EVENT_MISMATCH:
        return event->member == local ? local : bw_event_speaker(snapshot, 0);
    case BW_EVENT_ADMIN:
        return event->member != 0 ? event->member : bw_event_speaker(snapshot, 0);
    default: /* a change of the holder, for one: only the new holder has surely seen it */
        return bw_event_in_view(snapshot, event->member) ? event->member : bw_event_speaker(snapshot, 0);
    }
}

bool bw_event_is_own(const struct bw_snapshot *snapshot, const struct bw_event *event)
{
    return bw_event_teller(snapshot, event) == snapshot->cluster.local_member;
}
