/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Another process with our member id (a copied configuration): the later one stays out, and says so. After its start a
 * member first only asks who is there, for an interval and a quarter: it is heard by nobody, so it can't
 * push the one out that was there before. When that one answers, it is silent and serves nothing until it has heard
 * nothing of it for three dead times; then it starts anew. Of two that began at once the smaller boot id goes on.
 */
#include "agent/core/core_private.h"

static uint64_t quiet_ns(const struct bw_core *core)
{
    return core->config->interval_ns + core->config->interval_ns / 4;
}

void bw_core_twin_init(struct bw_core *core)
{
    core->twin.quiet_until_ns = core->count > 1 ? core->now_ns + quiet_ns(core) : 0;
}

bool bw_core_quiet(const struct bw_core *core)
{
    return core->now_ns < core->twin.quiet_until_ns;
}

bool bw_core_speaks(const struct bw_core *core)
{
    return !core->twin.yields;
}

static void tell(struct bw_core *core, bool yields)
{
    const char *name = bw_core_name(core, core->self);
    char reason[BW_TEXT_MAX];

    core->twin.told = true;
    bw_format(reason, sizeof(reason), "another process with the id %u (%s) lives%s%s, heard on %s: %s", bw_core_id(core, core->self),
              name, core->twin.from[0] != '\0' ? " at " : "", core->twin.from,
              core->twin.interface < core->config->interfaces_count ? core->config->interfaces[core->twin.interface].name : "?",
              yields ? "it was there before, this one stays out" : "this one was there before, and goes on");
    bw_core_event(core, BW_EVENT_MISMATCH, core->self, NULL, NULL, NULL, reason);
}

/* Is it for us to stay out? */
static bool comes_later(const struct bw_core *core, const struct bw_message *message)
{
    bool new = core->waiting || bw_core_quiet(core);
    bool its_new = message->kind == BW_MESSAGE_STATE_QUERY || (message->heartbeat.flags & BW_FLAG_WAITING) != 0;

    if (new != its_new)
        return new;
    return memcmp(&message->boot, &core->boot, sizeof(core->boot)) < 0;
}

void bw_core_twin_heard(struct bw_core *core, const struct bw_message *message)
{
    bool yields;

    if (message->kind != BW_MESSAGE_HEARTBEAT && message->kind != BW_MESSAGE_STATE_QUERY)
        return;
    if (bw_core_boot_equal(&message->boot, &core->boot))
        return;
    core->twin.heard_ns = core->now_ns;
    core->twin.interface = message->interface;
    bw_copy(core->twin.from, sizeof(core->twin.from), message->from);
    yields = core->twin.yields || comes_later(core, message);
    if (!core->twin.told || yields != core->twin.yields)
        tell(core, yields);
    if (yields == core->twin.yields)
        return;
    core->twin.yields = true;
    core->trouble_serial++;
    core->dirty = core->again = true;
}

void bw_core_twin_run(struct bw_core *core)
{
    uint64_t over_ns = core->twin.heard_ns + 3 * core->dead_ns;

    if (bw_core_quiet(core))
        bw_core_due(core, core->twin.quiet_until_ns);
    if (core->twin.heard_ns == 0)
        return;
    if (core->now_ns < over_ns) {
        bw_core_due(core, over_ns);
        return;
    }
    core->twin.heard_ns = 0;
    core->twin.told = false;
    if (!core->twin.yields)
        return;
    core->twin.yields = false; /* as after a start */
    bw_core_twin_init(core);
    core->waiting = true;
    core->wait_until_ns = core->now_ns + core->config->start_wait_ns;
    core->trouble_serial++;
    core->send = core->dirty = true;
}
