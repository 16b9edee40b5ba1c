/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is told although the history has no event of its own for it: groups that change their state
 * on a member, all members having a problem, the counters of synchronisation, and the clears of what an event raised.
 */
#include <string.h>

#include "bellwether/event.h"
#include "bellwether/text.h"
#include "notify.h"

#define AUTH_QUIET_NS (150 * BW_SEC) /* events come at most once a minute while frames are refused */
#define LOOK_BACK     16             /* events among which the failover is sought that explains a group's change */

static struct bw_snmp_told *add(struct bw_snmp_watch *watch, const struct bw_snapshot *s, uint32_t number,
                                uint32_t status)
{
    struct bw_snmp_told *told;

    if (watch->count == BW_SNMP_WAITING_MAX) {
        watch->first = (watch->first + 1) % BW_SNMP_WAITING_MAX;
        watch->count--;
        watch->dropped++;
    }
    told = &watch->waiting[(watch->first + watch->count++) % BW_SNMP_WAITING_MAX];
    memset(told, 0, sizeof(*told));
    told->number = number;
    told->notify.event = (uint32_t)s->history_last;
    told->notify.status = status;
    told->event.time_wall = s->posted_wall;
    told->event.cause = BW_CAUSE_NONE;
    return told;
}

static void set_texts(struct bw_event *event, const char *from, const char *to, const char *reason)
{
    bw_copy(event->from, sizeof(event->from), from);
    bw_copy(event->to, sizeof(event->to), to);
    bw_copy(event->reason, sizeof(event->reason), reason);
}

/* ---- groups ---- */

static const struct bw_group_row *group_of(const struct bw_snapshot *s, uint32_t index)
{
    for (uint32_t i = 0; i < s->groups_count; i++)
        if (s->groups[i].index == index)
            return &s->groups[i];
    return NULL;
}

/* The newest change of the group's holder, when it is not long ago. */
static bool last_failover(const struct bw_snmp_view *view, uint32_t group, struct bw_event *event)
{
    uint64_t last = view->snapshot->history_last;

    for (uint64_t n = last; n > 0 && n + LOOK_BACK > last; n--)
        if (bw_history_read(view->history, n, event) == 0 && event->kind == BW_EVENT_FAILOVER && event->group == group)
            return true;
    return false;
}

static uint32_t group_status(const struct bw_group_row *group, uint32_t state)
{
    if (state == BW_GROUP_ONLINE)
        return BW_SNMP_CLEARED;
    return state == BW_GROUP_ERROR || group->holder == 0 ? BW_SNMP_RAISED : BW_SNMP_INFORMATION;
}

static void tell_group(struct bw_snmp_watch *watch, const struct bw_snmp_view *view,
                       const struct bw_group_member_row *row, uint32_t before)
{
    const struct bw_group_row *group = group_of(view->snapshot, row->group);
    struct bw_snmp_told *told;
    struct bw_event failover;
    char reason[BW_TEXT_MAX];

    if (group == NULL)
        return;
    told = add(watch, view->snapshot, BW_SNMP_GROUP, group_status(group, row->state));
    told->event.member = row->member;
    told->event.group = row->group;
    bw_copy(told->event.object, sizeof(told->event.object), group->name);
    if (row->start == BW_START_DENY)
        bw_copy(reason, sizeof(reason), row->start_reason);
    else
        bw_format(reason, sizeof(reason), "%s is %s on %s, and %s holds it", group->name,
                  bw_enum_text(&bw_enum_group_state, row->state), bw_member_name(view->snapshot, row->member),
                  group->holder != 0 ? bw_member_name(view->snapshot, group->holder) : "nobody");
    if (last_failover(view, row->group, &failover)) {
        told->event.cause = failover.cause;
        bw_copy(reason, sizeof(reason), failover.reason);
    }
    set_texts(&told->event, bw_enum_text(&bw_enum_group_state, before), bw_enum_text(&bw_enum_group_state, row->state),
              reason);
}

static void look_at_groups(struct bw_snmp_watch *watch, const struct bw_snmp_view *view)
{
    const struct bw_snapshot *s = view->snapshot;

    /* Rows are those of the configuration: when their number changes, it is another one. */
    if (!watch->begun || watch->rows != s->group_members_count) {
        watch->rows = s->group_members_count;
        for (uint32_t i = 0; i < watch->rows; i++)
            watch->states[i] = s->group_members[i].state;
    }
    for (uint32_t i = 0; i < watch->rows; i++) {
        uint32_t before = watch->states[i];

        watch->states[i] = s->group_members[i].state;
        if (before != watch->states[i])
            tell_group(watch, view, &s->group_members[i], before);
    }
}

/* ---- all members ---- */

static bool has_problem(const struct bw_member_row *m)
{
    if (m->state == BW_MEMBER_INITIALIZING)
        return false;
    return m->problem || m->state == BW_MEMBER_DOWN || m->state == BW_MEMBER_ATTENTION ||
           m->state == BW_MEMBER_UNREACHABLE;
}

static void tell_all(struct bw_snmp_watch *watch, const struct bw_snapshot *s, uint32_t well, const char *reason)
{
    bool all = watch->all_problem;
    struct bw_snmp_told *told = add(watch, s, BW_SNMP_ALL_PROBLEM, all ? BW_SNMP_RAISED : BW_SNMP_CLEARED);

    told->event.member = well;
    told->teller = watch->all_problem_by;
    set_texts(&told->event, all ? "well" : "problem", all ? "problem" : "well", reason);
}

/* Members that are starting say neither: what was, goes on. */
static void look_at_members(struct bw_snmp_watch *watch, const struct bw_snapshot *s)
{
    char reason[BW_TEXT_MAX] = "";
    bool all = s->members_count > 0, one_is_well = false;
    uint32_t well = 0;

    for (uint32_t i = 0; i < s->members_count; i++) {
        const struct bw_member_row *m = &s->members[i];
        size_t length = strlen(reason);

        all = all && has_problem(m);
        if (!has_problem(m) && m->state != BW_MEMBER_INITIALIZING) {
            one_is_well = true;
            well = m->id;
        }
        bw_format(reason + length, sizeof(reason) - length, "%s%s is %s", length > 0 ? ", " : "", m->name,
                  bw_enum_text(&bw_enum_member_state, m->state));
    }
    if (all && watch->all_problem && !bw_event_in_view(s, watch->all_problem_by)) {
        /* Whoever was to tell it is gone, perhaps before it did. */
        watch->all_problem_by = bw_event_speaker(s, 0);
        tell_all(watch, s, 0, reason);
    }
    if (all == watch->all_problem || (!all && !one_is_well))
        return;
    watch->all_problem = all;
    if (all)
        watch->all_problem_by = bw_event_speaker(s, 0);
    tell_all(watch, s, all ? 0 : well, reason);
}

/* ---- synchronisation ---- */

/* A lost path has an event of its own; here it is what the counters say. */
static void look_at_sync(struct bw_snmp_watch *watch, const struct bw_snapshot *s)
{
    bool unhealthy = !s->sync.healthy && s->sync.state > BW_SYNC_OFF;
    struct bw_snmp_told *told;

    if (unhealthy == watch->sync_unhealthy || s->sync.state == BW_SYNC_LOST)
        return;
    watch->sync_unhealthy = unhealthy;
    told = add(watch, s, BW_SNMP_SYNC_TROUBLE, unhealthy ? BW_SNMP_RAISED : BW_SNMP_CLEARED);
    told->event.kind = BW_EVENT_SYNC; /* each member's own to tell */
    told->event.member = s->cluster.local_member;
    bw_copy(told->event.object, sizeof(told->event.object), "counters");
    set_texts(&told->event, unhealthy ? "healthy" : "unhealthy", unhealthy ? "unhealthy" : "healthy",
              unhealthy ? s->sync.advice : "the counters are well again");
}

/* ---- clears ---- */

/* Of what this member itself has told. */
static struct bw_snmp_told *add_clear(struct bw_snmp_watch *watch, const struct bw_snapshot *s, uint32_t number)
{
    struct bw_snmp_told *told = add(watch, s, number, BW_SNMP_CLEARED);

    told->teller = s->cluster.local_member;
    return told;
}

static void look_for_clears(struct bw_snmp_watch *watch, const struct bw_snapshot *s, uint64_t now_ns)
{
    struct bw_snmp_told *told;

    for (uint32_t g = 1; watch->split_brains != 0 && g <= BW_MAX_GROUPS; g++) {
        uint32_t holders = 0;

        for (uint32_t i = 0; i < s->group_members_count; i++)
            holders += s->group_members[i].group == g && s->group_members[i].state == BW_GROUP_ONLINE;
        if ((watch->split_brains & 1U << (g - 1)) == 0 || holders > 1)
            continue;
        watch->split_brains &= ~(1U << (g - 1));
        told = add_clear(watch, s, BW_SNMP_SPLIT_BRAIN);
        told->event.group = g;
        told->event.cause = BW_CAUSE_SPLIT_BRAIN;
        set_texts(&told->event, "two holders", "one holder", "one member holds the group again");
    }
    if (watch->mismatch && !s->cluster.config_mismatch) {
        watch->mismatch = false;
        told = add_clear(watch, s, BW_SNMP_MISMATCH);
        set_texts(&told->event, "different", "same", "all members in view have the same configuration");
    }
    if (watch->auth_ns != 0 && now_ns > watch->auth_ns + AUTH_QUIET_NS) {
        watch->auth_ns = 0;
        told = add_clear(watch, s, BW_SNMP_AUTH_FAILURE);
        set_texts(&told->event, "refused", "quiet", "no cluster frame had to be refused for some minutes");
    }
}

/* ---- */

void bw_snmp_watch_told(struct bw_snmp_watch *watch, const struct bw_snmp_told *told, uint64_t now_ns)
{
    uint32_t group = told->event.group > 0 && told->event.group <= BW_MAX_GROUPS ? told->event.group : 1;

    if (told->notify.status != BW_SNMP_RAISED)
        return;
    if (told->number == BW_SNMP_SPLIT_BRAIN)
        watch->split_brains |= 1U << (group - 1);
    else if (told->number == BW_SNMP_MISMATCH)
        watch->mismatch = true;
    else if (told->number == BW_SNMP_AUTH_FAILURE)
        watch->auth_ns = now_ns;
}

void bw_snmp_watch_look(struct bw_snmp_watch *watch, const struct bw_snmp_view *view, uint64_t now_ns)
{
    if (view->snapshot->number == 0)
        return; /* the engine has said nothing yet */
    look_at_groups(watch, view);
    look_at_members(watch, view->snapshot);
    look_at_sync(watch, view->snapshot);
    look_for_clears(watch, view->snapshot, now_ns);
    watch->begun = true;
}

bool bw_snmp_watch_take(struct bw_snmp_watch *watch, struct bw_snmp_told *told)
{
    if (watch->count == 0)
        return false;
    *told = watch->waiting[watch->first];
    watch->first = (watch->first + 1) % BW_SNMP_WAITING_MAX;
    watch->count--;
    return true;
}
