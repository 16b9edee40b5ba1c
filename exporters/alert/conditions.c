/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Conditions: what an event has raised and nothing has cleared yet. Each raise gets its clear: by an event, or, where there is none
 * (and after a restart), by a snapshot that says for some seconds that it is over. Pure; called with every event in order and now and
 * then with a snapshot.
 */
#include <string.h>

#include "alert.h"

#define GONE_NS       (3 * BW_SEC)   /* the clear's own event has come by then */
#define NOBODY_NS     (2 * BW_SEC)   /* a group without a holder */
#define UNHUSH_NS     (10 * BW_SEC)  /* after maintenance: as long as trouble may take to go by itself */
#define FRESH_NS      (60 * BW_SEC)  /* a raise of which its teller, should it die, may not have told everybody */
#define AUTH_QUIET_NS (150 * BW_SEC) /* events come at most once a minute while frames are refused */

static const struct bw_group_row *group_of(const struct bw_snapshot *s, uint32_t index)
{
    for (uint32_t i = 0; i < s->groups_count; i++)
        if (s->groups[i].index == index)
            return &s->groups[i];
    return NULL;
}

static bool is_quiet(const struct bw_snapshot *s, const struct bw_event *event)
{
    const struct bw_member_row *m = bw_member_row(s, event->member);

    return m != NULL && m->admin == BW_ADMIN_MAINTENANCE && bw_event_is_hushed(event->kind);
}

uint32_t bw_conditions_teller(const struct bw_snapshot *s, const struct bw_condition *c)
{
    return bw_event_in_view(s, c->teller) ? c->teller : bw_event_teller(s, &c->event);
}

/* ---- those that are open ---- */

static struct bw_condition *find(struct bw_conditions *conditions, const struct bw_event *event)
{
    for (int i = 0; i < BW_ALERT_OPEN_MAX; i++) {
        struct bw_condition *c = &conditions->open[i];

        if (c->used && c->event.kind == event->kind && c->event.member == event->member && c->event.group == event->group &&
            (event->kind == BW_EVENT_STATE_CHANGE || strcmp(c->event.object, event->object) == 0))
            return c;
    }
    return NULL;
}

/* Mismatch, split brain and refused frames name whoever was met: one condition of each (and group) is enough. */
static struct bw_event identity(const struct bw_event *event)
{
    struct bw_event id = *event;

    if (event->kind == BW_EVENT_SPLIT_BRAIN || event->kind == BW_EVENT_MISMATCH || event->kind == BW_EVENT_AUTH_FAILURE) {
        id.member = 0;
        id.object[0] = '\0';
    }
    if (event->kind == BW_EVENT_FAILOVER)
        id.member = 0;
    return id;
}

static struct bw_condition *free_place(struct bw_conditions *conditions)
{
    for (int i = 0; i < BW_ALERT_OPEN_MAX; i++)
        if (!conditions->open[i].used)
            return &conditions->open[i];
    return NULL; /* that one then is told without its clear */
}

static void tell_item(const struct bw_alert_item *item, bw_alert_tell tell, void *user)
{
    tell(user, item);
}

static void raise_it(struct bw_conditions *conditions, struct bw_alert_item *item, bw_alert_tell tell, void *user)
{
    struct bw_event id = identity(&item->event);
    struct bw_condition *c = find(conditions, &id);

    if (c == NULL && (c = free_place(conditions)) != NULL) {
        memset(c, 0, sizeof(*c));
        c->used = true;
        c->raise = item->event;
        c->hushed = item->quiet;
    } else if (c != NULL && !c->hushed) {
        bw_copy(item->before, sizeof(item->before), c->event.to);
    }
    if (c != NULL) {
        uint32_t member = id.member;

        c->event = item->event;
        c->event.member = member;
        if (id.object[0] == '\0' && item->event.kind != BW_EVENT_STATE_CHANGE)
            c->event.object[0] = '\0';
        c->severity = item->severity;
        c->teller = item->teller;
        c->gone_ns = 0;
        c->told = c->told || !item->quiet;
        c->hushed = !c->told;
        item->raise_number = c->raise.number;
        item->raise_wall = c->raise.time_wall;
    }
    conditions->changed = true;
    tell_item(item, tell, user);
}

/* Clears what there is; what nobody was told of is ended silently. */
static void clear_it(struct bw_conditions *conditions, const struct bw_snapshot *s, struct bw_condition *c,
                     struct bw_alert_item *item, bw_alert_tell tell, void *user)
{
    item->status = BW_EVENT_CLEARED;
    item->filter = c->severity;
    item->raise_number = c->raise.number;
    item->raise_wall = c->raise.time_wall;
    item->quiet = c->hushed;
    if (bw_event_in_view(s, c->teller))
        item->teller = c->teller;
    bw_copy(item->before, sizeof(item->before), c->event.to);
    c->used = false;
    conditions->changed = true;
    tell_item(item, tell, user);
}

void bw_conditions_event(struct bw_conditions *conditions, const struct bw_snapshot *snapshot, const struct bw_event *event,
                         bw_alert_tell tell, void *user)
{
    const struct bw_event_meaning *meaning = bw_event_meaning(event);
    struct bw_alert_item item = {.event = *event,
                                 .status = meaning->status,
                                 .severity = meaning->severity,
                                 .filter = meaning->severity,
                                 .teller = bw_event_teller(snapshot, event),
                                 .raise_number = event->number,
                                 .raise_wall = event->time_wall,
                                 .quiet = is_quiet(snapshot, event),
                                 .history = true};
    struct bw_event id = identity(event);
    struct bw_condition *c = find(conditions, &id);

    if (item.status == BW_EVENT_RAISED) {
        raise_it(conditions, &item, tell, user);
    } else if (c != NULL && (item.status == BW_EVENT_CLEARED || event->kind == BW_EVENT_FAILOVER)) {
        clear_it(conditions, snapshot, c, &item, tell, user);
    } else {
        /* What is well and was not unwell is no news. */
        if (item.status == BW_EVENT_CLEARED)
            item.severity = item.filter = BW_SEVERITY_INFO;
        item.status = BW_EVENT_INFORMATION;
        tell_item(&item, tell, user);
    }
}

/* ---- what a snapshot says ---- */

static bool state_lasts(const struct bw_snapshot *s, const struct bw_event *event)
{
    const struct bw_member_row *m = bw_member_row(s, event->member);

    return m != NULL &&
           (m->state == BW_MEMBER_DOWN || m->state == BW_MEMBER_ATTENTION || m->state == BW_MEMBER_UNREACHABLE);
}

static bool pnote_lasts(const struct bw_snapshot *s, const struct bw_event *event)
{
    for (uint32_t i = 0; i < s->pnotes_count; i++)
        if (s->pnotes[i].member == event->member && strcmp(s->pnotes[i].name, event->object) == 0)
            return s->pnotes[i].status == BW_PNOTE_PROBLEM;
    return false;
}

static bool interface_lasts(const struct bw_snapshot *s, const struct bw_event *event)
{
    for (uint32_t i = 0; i < s->interfaces_count; i++)
        if (s->interfaces[i].member == event->member && strcmp(s->interfaces[i].name, event->object) == 0)
            return s->interfaces[i].state == BW_INTERFACE_DOWN;
    return false;
}

static bool two_hold(const struct bw_snapshot *s, const struct bw_event *event)
{
    uint32_t holders = 0, group = event->group > 0 ? event->group : 1;

    for (uint32_t i = 0; i < s->group_members_count; i++)
        holders += s->group_members[i].group == group && s->group_members[i].state == BW_GROUP_ONLINE;
    return holders > 1;
}

static bool resource_lasts(const struct bw_snapshot *s, const struct bw_event *event)
{
    for (uint32_t i = 0; i < s->resources_count; i++)
        if (s->resources[i].member == event->member && strcmp(s->resources[i].name, event->object) == 0)
            return s->resources[i].state == BW_GROUP_ERROR;
    return false;
}

static bool alert_lasts(const struct bw_snapshot *s, const struct bw_event *event)
{
    for (uint32_t i = 0; i < s->alerts_count; i++)
        if (strcmp(s->alerts[i].name, event->object) == 0)
            return s->alerts[i].trouble[0] != '\0';
    return false;
}

/* Does it go on? Also when that cannot be told. */
static bool lasts(const struct bw_snapshot *s, const struct bw_condition *c)
{
    const struct bw_group_row *group;

    switch (c->event.kind) {
    case BW_EVENT_STATE_CHANGE:
        return state_lasts(s, &c->event);
    case BW_EVENT_PNOTE:
        return pnote_lasts(s, &c->event);
    case BW_EVENT_INTERFACE:
        return interface_lasts(s, &c->event);
    case BW_EVENT_SPLIT_BRAIN:
        return two_hold(s, &c->event);
    case BW_EVENT_MISMATCH:
        return s->cluster.config_mismatch;
    case BW_EVENT_AUTH_FAILURE:
        return s->posted_wall < c->event.time_wall + (int64_t)AUTH_QUIET_NS && s->posted_wall >= c->event.time_wall;
    case BW_EVENT_FAILOVER:
        group = group_of(s, c->event.group);
        return group != NULL && group->holder == 0 && !group->stopped;
    case BW_EVENT_SYNC:
        return s->sync.state == BW_SYNC_LOST;
    case BW_EVENT_RESOURCE:
        return resource_lasts(s, &c->event);
    case BW_EVENT_ALERT:
        return alert_lasts(s, &c->event);
    default:
        return true;
    }
}

/* How an end that has no event of its own reads. */
static const struct {
    uint32_t kind;
    const char *to, *reason;
} ends[] = {
    {BW_EVENT_SPLIT_BRAIN, "one holder", "one member holds the group again"},
    {BW_EVENT_MISMATCH, "same", "all members in view have the same configuration"},
    {BW_EVENT_AUTH_FAILURE, "quiet", "no cluster frame had to be refused for some minutes"},
    {BW_EVENT_ALERT, "ok", "the target takes messages again, or is no more"},
    {0, "well", "found well again"},
};

static struct bw_alert_item made(const struct bw_snapshot *s, const struct bw_event *about, const char *to, const char *reason)
{
    struct bw_alert_item item = {.event = *about, .teller = bw_event_teller(s, about)};

    item.event.number = s->history_last;
    item.event.time_wall = s->posted_wall;
    item.event.took_ns = 0;
    bw_copy(item.event.from, sizeof(item.event.from), about->to);
    bw_copy(item.event.to, sizeof(item.event.to), to);
    bw_copy(item.event.reason, sizeof(item.event.reason), reason);
    return item;
}

static void end_condition(struct bw_conditions *conditions, const struct bw_snapshot *s, struct bw_condition *c,
                          bw_alert_tell tell, void *user)
{
    const struct bw_member_row *m = bw_member_row(s, c->event.member);
    const struct bw_group_row *group = c->event.kind == BW_EVENT_FAILOVER ? group_of(s, c->event.group) : NULL;
    const char *to, *reason;
    struct bw_alert_item item;
    char text[BW_TEXT_MAX];
    size_t i = 0;

    while (ends[i].kind != 0 && ends[i].kind != c->event.kind)
        i++;
    to = ends[i].to;
    reason = ends[i].reason;
    if (c->event.kind == BW_EVENT_STATE_CHANGE && m != NULL) {
        to = bw_enum_text(&bw_enum_member_state, m->state);
        reason = m->reason;
    }
    if (group != NULL) {
        to = group->holder != 0 ? bw_member_name(s, group->holder) : "stopped";
        bw_format(text, sizeof(text), group->holder != 0 ? "%s holds %s" : "%s%s is stopped", group->holder != 0 ? to : "",
                  group->name);
        reason = text;
    }
    item = made(s, &c->event, to, reason);
    item.severity = BW_SEVERITY_NOTICE;
    clear_it(conditions, s, c, &item, tell, user);
}

static struct bw_alert_item raised_by(const struct bw_condition *c)
{
    return (struct bw_alert_item){.event = c->event,
                                  .status = BW_EVENT_RAISED,
                                  .severity = c->severity,
                                  .filter = c->severity,
                                  .teller = c->teller,
                                  .raise_number = c->raise.number,
                                  .raise_wall = c->raise.time_wall};
}

/* The member that was to tell it is gone, perhaps before it did, and with its queue: the next one tells it, and then also its end. */
static void pass_on(struct bw_conditions *conditions, const struct bw_snapshot *s, struct bw_condition *c, bw_alert_tell tell,
                    void *user)
{
    uint32_t next = bw_conditions_teller(s, c);
    struct bw_alert_item item;

    if (next == c->teller || !bw_event_in_view(s, next) || s->posted_wall < c->event.time_wall ||
        s->posted_wall > c->event.time_wall + (int64_t)FRESH_NS)
        return;
    c->teller = next;
    conditions->changed = true;
    item = raised_by(c);
    item.passed_on = true;
    tell_item(&item, tell, user);
}

/* Told now that the maintenance is over and it has not gone. */
static void unhush(struct bw_conditions *conditions, const struct bw_snapshot *s, struct bw_condition *c, bw_alert_tell tell,
                   void *user)
{
    struct bw_alert_item item;

    c->teller = bw_conditions_teller(s, c);
    item = raised_by(c);
    c->hushed = false;
    c->told = true;
    c->gone_ns = 0;
    conditions->changed = true;
    tell_item(&item, tell, user);
}

static void look_at_open(struct bw_conditions *conditions, const struct bw_snapshot *s, uint64_t now_ns, bw_alert_tell tell,
                         void *user)
{
    for (int i = 0; i < BW_ALERT_OPEN_MAX; i++) {
        struct bw_condition *c = &conditions->open[i];
        bool goes_on;

        if (!c->used)
            continue;
        goes_on = lasts(s, c);
        /* gone_ns counts either way: towards an end, or, for one that was hushed, towards being told. */
        if (goes_on && !(c->hushed && !is_quiet(s, &c->event)))
            c->gone_ns = 0;
        else if (c->gone_ns == 0)
            c->gone_ns = now_ns;
        if (!goes_on && now_ns - c->gone_ns >= GONE_NS)
            end_condition(conditions, s, c, tell, user);
        else if (goes_on && c->gone_ns != 0 && c->hushed && now_ns - c->gone_ns >= UNHUSH_NS)
            unhush(conditions, s, c, tell, user);
        else if (goes_on && c->told && !bw_event_in_view(s, c->teller))
            pass_on(conditions, s, c, tell, user);
    }
}

/* A group that was held and that nobody holds any more, though it is started. */
static void look_at_groups(struct bw_conditions *conditions, const struct bw_snapshot *s, uint64_t now_ns, bw_alert_tell tell,
                           void *user)
{
    for (uint32_t i = 0; i < s->groups_count && i < BW_MAX_GROUPS; i++) {
        const struct bw_group_row *g = &s->groups[i];
        struct bw_event about = {.kind = BW_EVENT_FAILOVER, .group = g->index, .cause = BW_CAUSE_NONE};
        struct bw_alert_item item;
        char reason[BW_TEXT_MAX];

        if (g->holder != 0)
            conditions->held |= 1U << i;
        if (g->stopped)
            conditions->held &= ~(1U << i);
        if (g->holder != 0 || (conditions->held & 1U << i) == 0) {
            conditions->nobody_ns[i] = 0;
            continue;
        }
        if (conditions->nobody_ns[i] == 0)
            conditions->nobody_ns[i] = now_ns;
        if (now_ns - conditions->nobody_ns[i] < NOBODY_NS || find(conditions, &about) != NULL)
            continue;
        bw_format(reason, sizeof(reason), "nobody holds %s: %s", g->name,
                  s->cluster.takeover_obstacle[0] != '\0' ? s->cluster.takeover_obstacle : "no member can");
        item = made(s, &about, "", reason);
        item.status = BW_EVENT_RAISED;
        item.severity = item.filter = BW_SEVERITY_CRITICAL;
        item.raise_number = item.event.number;
        item.raise_wall = item.event.time_wall;
        raise_it(conditions, &item, tell, user);
    }
}

void bw_conditions_look(struct bw_conditions *conditions, const struct bw_snapshot *snapshot, uint64_t now_ns,
                        bw_alert_tell tell, void *user)
{
    const struct bw_member_row *local = bw_member_row(snapshot, snapshot->cluster.local_member);

    /* A member that has just begun knows nothing yet: what was, goes on. */
    if (snapshot->number == 0 || local == NULL || local->state == BW_MEMBER_INITIALIZING)
        return;
    look_at_open(conditions, snapshot, now_ns, tell, user);
    look_at_groups(conditions, snapshot, now_ns, tell, user);
    conditions->begun = true;
}

/* ---- */

void bw_alert_describe(const struct bw_snapshot *s, const struct bw_alert_item *item, struct bw_alert_message *message)
{
    const struct bw_member_row *m = bw_member_row(s, item->event.member), *teller = bw_member_row(s, s->cluster.local_member);
    const struct bw_group_row *g = group_of(s, item->event.group);

    memset(message, 0, sizeof(*message));
    message->type = BW_ALERT_EVENT;
    message->status = item->status;
    message->severity = item->severity;
    message->stands_for = 1;
    message->first_number = item->event.number;
    message->first_wall = item->event.time_wall;
    message->raise_number = item->raise_number;
    message->raise_wall = item->raise_wall;
    message->failovers = s->cluster.failovers;
    message->event = item->event;
    bw_copy(message->before, sizeof(message->before), item->before);
    if (m != NULL) {
        bw_copy(message->member, sizeof(message->member), m->name);
        bw_address_to_text(&m->address, false, message->address);
    }
    if (teller != NULL)
        bw_copy(message->teller, sizeof(message->teller), teller->name);
    if (g != NULL)
        bw_copy(message->group, sizeof(message->group), g->name);
    else if (s->groups_count > 0 && (item->event.kind == BW_EVENT_FAILOVER || item->event.kind == BW_EVENT_SPLIT_BRAIN))
        bw_copy(message->group, sizeof(message->group), s->groups[0].name);
}
