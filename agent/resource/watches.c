/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Watches of resources: checks as monitors make them (agent/monitor), whose verdicts go to the decider and not to a
 * pnote. Each set of addresses is a ping, each watch command an exec.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/resource/private.h"
#include "bellwether/text.h"

static struct bw_monitor_config *add(struct bw_resources *all, uint8_t unit, uint8_t set, uint32_t kind, uint32_t start)
{
    const struct bw_resource_config *r = &all->context.config->resources[unit];
    unsigned index = all->watch_config->monitors_count++;
    struct bw_monitor_config *m = &all->watch_config->monitors[index];

    all->watches[index] = (struct bw_resource_watch){.unit = unit, .set = set, .status = start};
    bw_copy(m->name, sizeof(m->name), r->name);
    m->kind = kind;
    m->start = start;
    m->interval_ns = r->interval_ns;
    m->timeout_ns = r->timeout_ns;
    m->rise = r->rise;
    m->fall = r->fall;
    return m;
}

static void add_all(struct bw_resources *all)
{
    const struct bw_config *config = all->context.config;

    for (uint8_t i = 0; i < config->resources_count; i++) {
        const struct bw_resource_config *r = &config->resources[i];

        for (uint8_t s = 0; s < r->sets_count; s++) {
            struct bw_monitor_config *m = add(all, i, s, BW_MONITOR_PING, BW_PNOTE_INIT);

            m->targets_count = r->sets[s].count;
            memcpy(m->targets, r->sets[s].targets, sizeof(m->targets));
        }
        if (r->watch_words > 0) {
            struct bw_monitor_config *m = add(all, i, 0, BW_MONITOR_EXEC, BW_PNOTE_OK);

            m->words = r->watch_words;
            memcpy(m->command, r->watch, sizeof(m->command));
            bw_copy(m->user, sizeof(m->user), r->user);
        }
    }
}

/* ---- verdicts ---- */

/* A resource's sets together: lost when one is, good when all are. */
static void weigh_sets(struct bw_resources *all, uint8_t unit)
{
    bool good = true;
    char text[BW_TEXT_MAX];

    for (unsigned i = 0; i < all->monitors->count; i++) {
        const struct bw_monitor *m = &all->monitors->monitors[i];

        if (all->watches[i].unit != unit)
            continue;
        if (m->tally.status == BW_PNOTE_PROBLEM) {
            bw_decide_watched(&all->decider, unit, false, m->said);
            return;
        }
        good = good && m->tally.status == BW_PNOTE_OK;
    }
    if (!good)
        return;
    bw_format(text, sizeof(text), "%u of %u sets of addresses answer", all->decider.units[unit].config->sets_count,
              all->decider.units[unit].config->sets_count);
    bw_decide_watched(&all->decider, unit, true, text);
}

static void take_verdict(void *user, struct bw_monitor *m)
{
    struct bw_resources *all = user;
    struct bw_resource_watch *watch = &all->watches[m->index];

    if (m->idle || watch->status == m->tally.status)
        return;
    watch->status = m->tally.status;
    if (m->config->kind == BW_MONITOR_PING)
        weigh_sets(all, watch->unit);
    else
        bw_decide_watched(&all->decider, watch->unit, m->tally.status == BW_PNOTE_OK, m->said);
}

static void dress(void *user, const struct bw_monitor *m, struct bw_job *job)
{
    struct bw_resources *all = user;
    const struct bw_resource_config *r = all->decider.units[all->watches[m->index].unit].config;

    bw_copy(job->group, sizeof(job->group), all->context.config->cluster.groups[r->group].name);
    bw_copy(job->action, sizeof(job->action), "watch");
}

/* ---- for the others ---- */

int bw_resource_open_watches(struct bw_resources *all, int runner)
{
    struct bw_surface_context context = all->context;
    int error;

    all->watch_config = calloc(1, sizeof(*all->watch_config));
    if (all->watch_config == NULL) {
        if (runner >= 0)
            close(runner);
        return -ENOMEM;
    }
    add_all(all);
    context.config = all->watch_config;
    error = bw_monitors_open(&context, runner, &all->monitors);
    if (error != 0)
        return error;
    all->user = (struct bw_monitor_user){all, take_verdict, dress, bw_resource_answer};
    all->monitors->user = &all->user;
    for (unsigned i = 0; i < all->monitors->count; i++)
        all->monitors->monitors[i].idle = all->monitors->monitors[i].config->kind == BW_MONITOR_EXEC;
    return 0;
}

void bw_resource_turn_watches(struct bw_resources *all)
{
    for (unsigned i = 0; i < all->monitors->count; i++) {
        struct bw_monitor *m = &all->monitors->monitors[i];
        const struct bw_unit *u = &all->decider.units[all->watches[i].unit];
        bool runs = bw_decide_watches(u) && !all->decider.ending;

        if (runs && m->idle) {
            all->watches[i].status = u->phase == BW_UNIT_ON ? BW_PNOTE_OK : BW_PNOTE_PROBLEM;
            bw_monitor_begin_anew(m, all->watches[i].status);
        }
        m->idle = !runs;
    }
}
