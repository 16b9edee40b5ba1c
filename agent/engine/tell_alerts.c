/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The alert thread's targets that fail for long: it says so in its rows, and what changes there becomes an event of this member.
 */
#include <string.h>

#include "agent/engine/engine_private.h"
#include "bellwether/text.h"

static void tell(struct bw_engine *e, const struct bw_snapshot *s, const char *target, bool failing, const char *reason)
{
    struct bw_event event = {.time_wall = bw_wall(), .kind = BW_EVENT_ALERT, .member = s->cluster.local_member};

    bw_copy(event.object, sizeof(event.object), target);
    bw_copy(event.from, sizeof(event.from), failing ? "ok" : "failing");
    bw_copy(event.to, sizeof(event.to), failing ? "failing" : "ok");
    bw_copy(event.reason, sizeof(event.reason), reason);
    bw_history_add(e->agent->history, &event);
    bw_log(failing ? BW_LOG_WARNING : BW_LOG_NOTICE, "alert target %s: %s -> %s: %s", target, event.from, event.to, reason);
}

/* One that is seen for the first time is as it was before this process began: whatever there was to tell of it is told. */
static bool was_failing(const struct bw_told_alerts *told, const struct bw_alert_row *row)
{
    for (uint32_t i = 0; i < told->count; i++)
        if (strcmp(told->rows[i].name, row->name) == 0)
            return told->rows[i].failing;
    return row->trouble[0] != '\0';
}

static bool is_there(const struct bw_snapshot *s, const char *name)
{
    for (uint32_t i = 0; i < s->alerts_count; i++)
        if (strcmp(s->alerts[i].name, name) == 0)
            return true;
    return false;
}

static bool is_same(const struct bw_told_alerts *told, const struct bw_snapshot *s)
{
    bool same = told->count == s->alerts_count;

    for (uint32_t i = 0; same && i < told->count; i++)
        same = told->rows[i].failing == (s->alerts[i].trouble[0] != '\0') && strcmp(told->rows[i].name, s->alerts[i].name) == 0;
    return same;
}

void bw_engine_tell_alerts(struct bw_engine *e, const struct bw_snapshot *s)
{
    struct bw_told_alerts *told = &e->told_alerts;

    if (is_same(told, s))
        return;
    for (uint32_t i = 0; i < told->count; i++)
        if (told->rows[i].failing && !is_there(s, told->rows[i].name))
            tell(e, s, told->rows[i].name, false, "there is no such target any more");
    for (uint32_t i = 0; i < s->alerts_count; i++) {
        const struct bw_alert_row *row = &s->alerts[i];
        bool failing = row->trouble[0] != '\0';

        if (failing != was_failing(told, row))
            tell(e, s, row->name, failing, failing ? row->trouble : "it takes messages again");
    }
    told->count = s->alerts_count;
    for (uint32_t i = 0; i < told->count; i++) {
        bw_copy(told->rows[i].name, sizeof(told->rows[i].name), s->alerts[i].name);
        told->rows[i].failing = s->alerts[i].trouble[0] != '\0';
    }
}
