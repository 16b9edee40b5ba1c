/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the engine is told of resources (changes as events, groups that this member may not start, groups to be
 * stopped), and their rows for snapshots. Nothing here waits: what finds the mailbox full is told in a later turn.
 */
#include <string.h>

#include "agent/linux/linux.h"
#include "agent/resource/private.h"
#include "bellwether/catalogue.h"
#include "bellwether/log.h"
#include "bellwether/text.h"

#define TAKING_NS BW_SEC /* addresses may take so long until they are installed */

static bool ask(struct bw_resources *all, struct bw_request *request)
{
    struct bw_answer answer;

    bw_copy(request->who, sizeof(request->who), "resource");
    return bw_mailbox_ask(all->context.mailbox, request, &answer, 0) != BW_RESULT_BUSY;
}

void bw_resource_tell_change(struct bw_resources *all, const struct bw_deed *deed)
{
    const struct bw_unit *u = &all->decider.units[deed->unit];
    struct bw_request *r;

    all->unit_wall[deed->unit] = bw_wall();
    if (all->tells_count == BW_RESOURCE_TELLS) { /* the engine logs events; this one it will not hear of */
        bw_log(BW_LOG_WARNING, "resource %s: %s -> %s, and the history has no room for it: %s", u->config->name,
               bw_enum_text(&bw_enum_group_state, deed->from), bw_enum_text(&bw_enum_group_state, deed->to),
               deed->text);
        return;
    }
    r = &all->tells[(all->tells_first + all->tells_count++) % BW_RESOURCE_TELLS];
    memset(r, 0, sizeof(*r));
    r->kind = BW_REQUEST_RESOURCE;
    r->group = u->config->group + 1U;
    r->former = deed->from;
    r->status = deed->to;
    r->took_ns = deed->took_ns;
    bw_copy(r->name, sizeof(r->name), u->config->name);
    bw_copy(r->text, sizeof(r->text), deed->text);
}

/* Levels are told when they change, a failure also anew. */
static bool tell_deny(struct bw_resources *all, uint8_t group, enum bw_deny cause)
{
    struct bw_resource_deny *told = &all->denies[group][cause];
    struct bw_request request = {.group = group + 1U, .deny = cause};
    const char *why = "";
    bool denied = bw_decide_denies(&all->decider, group, cause, &why);
    uint32_t failures = all->decider.failures[group];

    if (denied == told->denied && (!denied || cause == BW_DENY_WATCH || failures == told->failures))
        return true;
    request.kind = denied ? BW_REQUEST_GROUP_DENY : BW_REQUEST_GROUP_ALLOW;
    bw_copy(request.text, sizeof(request.text), denied ? why : "it works again");
    if (!ask(all, &request))
        return false;
    *told = (struct bw_resource_deny){denied, failures};
    return true;
}

void bw_resource_tell(struct bw_resources *all)
{
    for (uint8_t g = 0; g < all->context.config->cluster.groups_count; g++) {
        struct bw_request stop = {.kind = BW_REQUEST_GROUP_STOP, .group = g + 1U};

        if (!tell_deny(all, g, BW_DENY_RESOURCE) || !tell_deny(all, g, BW_DENY_WATCH))
            return;
        bw_copy(stop.text, sizeof(stop.text), all->stop_why[g]);
        if (all->stop_group[g] && !ask(all, &stop))
            return;
        all->stop_group[g] = false;
    }
    while (all->tells_count > 0 && ask(all, &all->tells[all->tells_first])) {
        all->tells_first = (all->tells_first + 1) % BW_RESOURCE_TELLS;
        all->tells_count--;
    }
}

/* ---- rows ---- */

static uint32_t floating_state(struct bw_resources *all, uint8_t group, uint32_t total, uint32_t installed,
                               char *detail)
{
    bool held = all->held >> group & 1;

    if (held && installed == total)
        return BW_GROUP_ONLINE;
    if (!held)
        return BW_GROUP_OFFLINE;
    bw_format(detail, BW_TEXT_MAX, "%u of %u addresses are not installed", total - installed, total);
    return bw_now_ns() - all->held_ns[group] > TAKING_NS ? BW_GROUP_ERROR : BW_GROUP_OFFLINE;
}

/* The group's virtual addresses; none when it has none. */
static void floating_row(struct bw_resources *all, const struct bw_snapshot *snapshot, uint8_t group, uint32_t index)
{
    const char *name = all->context.config->cluster.groups[group].name;
    struct bw_resource_row *row = &all->rows.rows[all->rows.count];
    uint32_t total = 0, installed = 0;

    for (uint32_t i = 0; i < snapshot->addresses_count; i++) {
        if (strcmp(snapshot->addresses[i].group, name) != 0)
            continue;
        total++;
        installed += snapshot->addresses[i].installed;
    }
    if (total == 0)
        return;
    memset(row, 0, sizeof(*row));
    row->kind = BW_RESOURCE_FIP;
    row->recovery = BW_ON_FAILURE_RETRY;
    bw_copy(row->name, sizeof(row->name), "addresses");
    row->state = floating_state(all, group, total, installed, row->detail);
    if (all->floating_state[group] != row->state)
        all->floating_wall[group] = bw_wall();
    all->floating_state[group] = row->state;
    row->since_wall = all->floating_wall[group];
    row->group = group + 1U;
    row->index = index;
    row->member = snapshot->cluster.local_member;
    all->rows.count++;
}

static void unit_row(struct bw_resources *all, uint32_t unit, uint32_t index, uint32_t member)
{
    static const char *const doing[] = {[BW_UNIT_STARTING] = "is starting", [BW_UNIT_STOPPING] = "is stopping"};
    const struct bw_unit *u = &all->decider.units[unit];
    struct bw_resource_row *row = &all->rows.rows[all->rows.count++];

    memset(row, 0, sizeof(*row));
    row->group = u->config->group + 1U;
    row->index = index;
    row->member = member;
    row->kind = u->config->kind;
    row->state = u->state;
    row->recovery = u->config->recovery;
    row->retries = u->config->retries;
    row->retries_left = u->retries_left;
    row->since_wall = all->unit_wall[unit];
    bw_copy(row->name, sizeof(row->name), u->config->name);
    bw_copy(row->detail, sizeof(row->detail),
            u->detail[0] == '\0' && u->phase < sizeof(doing) / sizeof(doing[0]) && doing[u->phase] != NULL
                ? doing[u->phase]
                : u->detail);
}

void bw_resource_publish(struct bw_resources *all, const struct bw_snapshot *snapshot)
{
    const struct bw_cluster_config *c = &all->context.config->cluster;
    uint32_t index = 0;

    if (snapshot->number == 0 || all->context.rows.resources == NULL)
        return;
    all->rows.count = 0;
    for (uint8_t g = 0; g < c->groups_count; g++) {
        floating_row(all, snapshot, g, ++index);
        for (uint32_t i = 0; i < all->decider.count; i++)
            if (all->decider.units[i].config->group == g)
                unit_row(all, i, ++index, snapshot->cluster.local_member);
    }
    if (memcmp(&all->rows, &all->told_rows,
               offsetof(struct bw_resource_rows, rows) + all->rows.count * sizeof(all->rows.rows[0])) == 0)
        return;
    bw_published_write(all->context.rows.resources, &all->rows);
    all->told_rows = all->rows;
}
