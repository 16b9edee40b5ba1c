/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state that each member is shown in, and why. One function writes it. The local member's follows
 * from its condition; a peer's is what it says while it is heard.
 */
#include "agent/core/core_private.h"

enum reason_kind {
    WHY_NONE, WHY_STOPPING, WHY_EXCLUDED, WHY_WAITING, WHY_LISTENING, WHY_SERVES, WHY_SERVES_TROUBLED, WHY_TROUBLED, WHY_DEAF,
    WHY_CLAIMS, WHY_NEWER, WHY_STANDBY, WHY_WITNESS, WHY_TWIN,
};

void bw_core_set_state(struct bw_core *core, uint8_t member, uint32_t state, const char *reason, const char *source)
{
    struct bw_core_member *m = &core->members[member];
    uint32_t before = m->state;
    bool same_text = strcmp(m->reason, reason) == 0 && strcmp(m->source, source) == 0;

    if (before == state && same_text)
        return;
    core->dirty = true;
    if (member == core->self)
        core->pages_dirty = true;
    bw_copy(m->reason, sizeof(m->reason), reason);
    bw_copy(m->source, sizeof(m->source), source);
    if (before == state)
        return;
    m->state = state;
    m->since_wall = core->wall;
    bw_core_event(core, BW_EVENT_STATE_CHANGE, member, source, bw_enum_text(&bw_enum_member_state, before),
                  bw_enum_text(&bw_enum_member_state, state), reason);
}

enum bw_trouble bw_core_trouble(const struct bw_core *core)
{
    if (core->admin == BW_ADMIN_DOWN)
        return BW_TROUBLE_ADMIN;
    if (bw_core_working(core, false) == 0 || bw_core_working(core, false) < core->required)
        return BW_TROUBLE_INTERFACE;
    if (bw_core_pnote_in(core, BW_PNOTE_PROBLEM) != NULL)
        return BW_TROUBLE_PNOTE;
    if (bw_core_pnote_in(core, BW_PNOTE_INIT) != NULL)
        return BW_TROUBLE_INIT;
    return BW_TROUBLE_NONE;
}

bool bw_core_healthy(const struct bw_core *core)
{
    return bw_core_trouble(core) == BW_TROUBLE_NONE;
}

/* What the trouble is, as text, and the pnote or interface it comes from. */
static void describe_trouble(const struct bw_core *core, enum bw_trouble trouble, char *text, char *source)
{
    const struct bw_core_pnote *p = bw_core_pnote_in(core, trouble == BW_TROUBLE_INIT ? BW_PNOTE_INIT : BW_PNOTE_PROBLEM);

    switch (trouble) {
    case BW_TROUBLE_ADMIN:
        bw_format(text, BW_TEXT_MAX, "down by an administrator (%s)", core->admin_by);
        break;
    case BW_TROUBLE_INTERFACE:
        bw_format(text, BW_TEXT_MAX, "%s", p != NULL && p->fixed ? p->detail : "no interface works");
        for (uint8_t i = 0; i < core->config->interfaces_count; i++)
            if (source[0] == '\0' && bw_core_counted(core, i) && !bw_core_works(core, i))
                bw_copy(source, BW_NAME_MAX, core->config->interfaces[i].name);
        break;
    case BW_TROUBLE_PNOTE:
    case BW_TROUBLE_INIT:
        bw_copy(source, BW_NAME_MAX, p->name);
        bw_format(text, BW_TEXT_MAX, "pnote \"%s\" is in %s%s%s", p->name, bw_enum_text(&bw_enum_pnote_status, p->status),
                  p->detail[0] != '\0' ? ": " : "", p->detail);
        break;
    case BW_TROUBLE_NONE:
        break;
    }
}

/* The first group that the local member holds, or claims. */
static const struct bw_core_group *busy_group(const struct bw_core *core, bool holding)
{
    for (uint8_t i = 0; i < core->config->groups_count; i++)
        if (holding ? core->groups[i].holding : core->groups[i].claiming || core->groups[i].retry_ns > core->now_ns)
            return &core->groups[i];
    return NULL;
}

/* A holder that is about to hand over is shown as it was: it is a matter of a round trip. */
static bool handing_over(const struct bw_core *core)
{
    for (uint8_t g = 0; g < core->config->groups_count; g++) {
        uint8_t candidate = bw_core_candidate(core, g);

        if (core->groups[g].holding && core->groups[g].sign_ns != 0 && candidate != BW_NONE && candidate != core->self &&
            core->now_ns - core->groups[g].sign_ns < core->dead_ns)
            return true;
    }
    return false;
}

static uint32_t condition(const struct bw_core *core, enum bw_trouble trouble, enum reason_kind *kind)
{
    if (bw_core_holds_any(core)) {
        bool troubled = trouble != BW_TROUBLE_NONE || core->deaf || bw_core_excluded(core) || bw_core_held_denied(core) != BW_NONE;
        *kind = troubled ? WHY_SERVES_TROUBLED : WHY_SERVES;
        return troubled ? BW_MEMBER_ATTENTION : BW_MEMBER_ACTIVE;
    }
    if (core->stopping)
        return *kind = WHY_STOPPING, BW_MEMBER_DOWN;
    if (!bw_core_speaks(core))
        return *kind = WHY_TWIN, BW_MEMBER_DOWN;
    if (bw_core_excluded(core))
        return *kind = WHY_EXCLUDED, BW_MEMBER_DOWN;
    if (core->waiting)
        return *kind = WHY_WAITING, BW_MEMBER_INITIALIZING;
    if (core->listening)
        return *kind = WHY_LISTENING, BW_MEMBER_INITIALIZING;
    if (trouble != BW_TROUBLE_NONE)
        return *kind = WHY_TROUBLED, trouble == BW_TROUBLE_INIT ? BW_MEMBER_INITIALIZING : BW_MEMBER_DOWN;
    if (core->deaf)
        return *kind = WHY_DEAF, BW_MEMBER_DOWN;
    if (core->witness.lost && !bw_core_only_watches(core))
        return *kind = WHY_WITNESS, BW_MEMBER_DOWN;
    if (busy_group(core, false) != NULL)
        return *kind = WHY_CLAIMS, BW_MEMBER_READY;
    if (!bw_core_only_watches(core) && bw_core_waits_for_version(core) != BW_NONE)
        return *kind = WHY_NEWER, BW_MEMBER_READY;
    return *kind = WHY_STANDBY, BW_MEMBER_STANDBY;
}

static const char *const cause_texts[] = {
    [BW_CAUSE_START] = "no member held the virtual addresses",
    [BW_CAUSE_SILENCE] = "it was not heard for the dead time",
    [BW_CAUSE_FAREWELL] = "it said that it is over",
    [BW_CAUSE_INTERFACE] = "it has fewer working interfaces",
    [BW_CAUSE_PNOTE] = "one of its pnotes is in problem",
    [BW_CAUSE_ADMIN] = "an administrator wanted it",
    [BW_CAUSE_RECOVERY] = "this member ranks before it",
    [BW_CAUSE_SPLIT_BRAIN] = "both held the virtual addresses",
    [BW_CAUSE_PAUSE] = "it had been stopped",
    [BW_CAUSE_RESOURCE] = "a resource of the group failed there",
};

static void describe_serving(const struct bw_core *core, char *text)
{
    const struct bw_core_group *g = busy_group(core, true);
    const char *cause = g->cause <= BW_CAUSE_LAST && cause_texts[g->cause] != NULL ? cause_texts[g->cause] : "";

    if (core->members[core->self].state == BW_MEMBER_ATTENTION)
        bw_copy(text, BW_TEXT_MAX, "its problem is gone");
    else if (g->cause == BW_CAUSE_START || g->previous_holder == BW_NONE)
        bw_format(text, BW_TEXT_MAX, "serves: %s", cause);
    else
        bw_format(text, BW_TEXT_MAX, "took over from %s: %s", bw_core_name(core, g->previous_holder), cause);
}

static void describe_newer(const struct bw_core *core, char *text)
{
    uint8_t other = bw_core_waits_for_version(core);
    uint16_t its = core->members[other].told.protocol;

    bw_format(text, BW_TEXT_MAX, "speaks protocol version %u, %s than %s's %u: waits until that member is gone or speaks the same",
              core->protocol, its < core->protocol ? "newer" : "older", bw_core_name(core, other), its);
}

static void describe_standby(const struct bw_core *core, char *text)
{
    uint8_t holder = BW_NONE;
    bool stopped = true;

    for (uint8_t g = 0; g < core->config->groups_count; g++) {
        stopped = stopped && bw_core_stopped(core, g);
        if (holder == BW_NONE)
            holder = core->groups[g].shown_holder;
    }
    if (holder == BW_NONE)
        bw_copy(text, BW_TEXT_MAX, stopped ? "able to serve; what it could serve is stopped"
                                           : "able to take over; no member is active yet");
    else
        bw_format(text, BW_TEXT_MAX, "able to take over from %s%s", bw_core_name(core, holder),
                  core->damped ? "; ranked last until quiet, since it took over too often" : "");
}

/* What a holder without trouble of its own has. */
static void describe_other_trouble(const struct bw_core *core, char *text)
{
    uint8_t denied = bw_core_held_denied(core);

    if (core->deaf)
        bw_copy(text, BW_TEXT_MAX, "receives nothing on any interface");
    else if (bw_core_excluded(core) || denied == BW_NONE)
        bw_copy(text, BW_TEXT_MAX, "is to leave");
    else
        bw_format(text, BW_TEXT_MAX, "may not start %s: %s", core->config->groups[denied].name,
                  bw_core_deny_reason(core, denied, core->self));
}

static void describe(const struct bw_core *core, enum reason_kind kind, enum bw_trouble trouble, char *text, char *source)
{
    char detail[BW_TEXT_MAX] = "";

    switch (kind) {
    case WHY_STOPPING:
        bw_copy(text, BW_TEXT_MAX, "ends in order");
        break;
    case WHY_EXCLUDED:
        bw_format(text, BW_TEXT_MAX, "%s by an administrator (%s)",
                  core->admin == BW_ADMIN_MAINTENANCE ? "in maintenance" : "forced down", core->admin_by);
        break;
    case WHY_WAITING:
        bw_format(text, BW_TEXT_MAX, "started; waits until all members are in view, at most %lu ms",
                  (unsigned long)(core->config->start_wait_ns / BW_MS));
        break;
    case WHY_LISTENING:
        if (core->regained)
            bw_copy(text, BW_TEXT_MAX, "its interfaces work again; listens for one dead time");
        else
            bw_format(text, BW_TEXT_MAX, "was stopped for %lu ms; listens for one dead time",
                      (unsigned long)(core->pause_ns / BW_MS));
        break;
    case WHY_SERVES:
        describe_serving(core, text);
        break;
    case WHY_SERVES_TROUBLED:
        describe_trouble(core, trouble, detail, source);
        if (trouble == BW_TROUBLE_NONE)
            describe_other_trouble(core, detail);
        bw_format(text, BW_TEXT_MAX, "%s; still serves when no other can", detail);
        break;
    case WHY_TROUBLED:
        describe_trouble(core, trouble, text, source);
        break;
    case WHY_TWIN:
        bw_format(text, BW_TEXT_MAX, "another process with the id %u lives%s%s, and was there before: its configuration may be a copy",
                  bw_core_id(core, core->self), core->twin.from[0] != '\0' ? " at " : "", core->twin.from);
        break;
    case WHY_DEAF:
        bw_copy(text, BW_TEXT_MAX, "hears no member and receives nothing on any interface");
        break;
    case WHY_WITNESS:
        bw_copy(text, BW_TEXT_MAX, "members are missing and no witness answers: others may serve, this one does not");
        break;
    case WHY_CLAIMS:
        bw_copy(text, BW_TEXT_MAX, "about to take over: waits for the confirmations of the others");
        break;
    case WHY_NEWER:
        describe_newer(core, text);
        break;
    case WHY_STANDBY:
        describe_standby(core, text);
        break;
    case WHY_NONE:
        break;
    }
}

/* A holder in trouble whose place nobody can take: its leaving is cancelled, and that is told once. */
static void tell_cancelled(struct bw_core *core, uint32_t state)
{
    for (uint8_t i = 0; i < core->config->groups_count; i++) {
        struct bw_core_group *g = &core->groups[i];

        if (state != BW_MEMBER_ATTENTION || !g->holding) {
            g->cancelled = false;
            continue;
        }
        if (g->cancelled)
            continue;
        g->cancelled = true;
        bw_core_event(core, BW_EVENT_CANCELLED, core->self, core->members[core->self].source, NULL, NULL,
                      core->members[core->self].reason)
            ->group = i + 1U;
    }
}

static void run_local(struct bw_core *core)
{
    enum bw_trouble trouble = bw_core_trouble(core);
    enum reason_kind kind = WHY_NONE;
    uint32_t state = condition(core, trouble, &kind);
    const struct bw_core_group *g = busy_group(core, true);
    char text[BW_TEXT_MAX] = "", source[BW_NAME_MAX] = "";
    uint64_t detail;

    if (state == BW_MEMBER_ATTENTION && core->members[core->self].state == BW_MEMBER_ACTIVE && handing_over(core)) {
        bw_core_due(core, core->now_ns + core->config->interval_ns);
        return;
    }
    detail = core->trouble_serial + (g != NULL ? g->hold_epoch << 16 : 0);
    for (uint8_t i = 0; kind == WHY_STANDBY && i < core->config->groups_count; i++)
        detail = detail * 257 + core->groups[i].shown_holder;
    if (kind == core->reason_kind && trouble == core->reason_trouble && detail == core->reason_detail)
        return;
    describe(core, kind, trouble, text, source);
    if (kind == WHY_SERVES && core->reason_kind == WHY_SERVES && core->members[core->self].state == BW_MEMBER_ACTIVE)
        bw_copy(text, sizeof(text), core->serves_reason); /* still for the same reason */
    if (kind == WHY_SERVES)
        bw_copy(core->serves_reason, sizeof(core->serves_reason), text);
    bw_core_describe_mismatch(core, text + strlen(text), sizeof(text) - strlen(text));
    core->reason_kind = kind;
    core->reason_trouble = trouble;
    core->reason_detail = detail;
    bw_core_set_state(core, core->self, state, text, source);
    tell_cancelled(core, state);
}

/* What a peer's heartbeat tells of the reason for its state: until its own words come by page, and for the history. */
static void reason_of_peer(const struct bw_told *told, uint32_t state, char *text, size_t cap)
{
    static const char *const plain[] = {
        [BW_MEMBER_INITIALIZING] = "started, not ready yet",
        [BW_MEMBER_READY] = "about to take over: waits for the confirmations of the others",
        [BW_MEMBER_STANDBY] = "able to take over",
        [BW_MEMBER_ACTIVE] = "serves",
        [BW_MEMBER_ATTENTION] = "has a problem, serves since no other can",
        [BW_MEMBER_DOWN] = "one of its critical devices has a problem",
    };
    bool troubled = state == BW_MEMBER_DOWN || state == BW_MEMBER_ATTENTION;

    if (told->flags & BW_FLAG_STOPPING)
        bw_copy(text, cap, "it is stopping");
    else if (troubled && told->admin != BW_ADMIN_UP && told->admin != 0)
        bw_format(text, cap, "set to %s by an administrator", bw_enum_text(&bw_enum_admin_state, told->admin));
    else if (troubled && (told->flags & BW_FLAG_DEAF))
        bw_copy(text, cap, "it receives nothing on any interface");
    else if (state == BW_MEMBER_DOWN && (told->flags & BW_FLAG_TIED))
        bw_copy(text, cap, "it misses members and reaches no witness");
    else if (troubled && told->interfaces_up < told->interfaces_required)
        bw_format(text, cap, "%u interfaces are required, only %u work", told->interfaces_required, told->interfaces_up);
    else
        bw_copy(text, cap, plain[state]);
}

static void run_peer(struct bw_core *core, uint8_t member)
{
    struct bw_core_member *m = &core->members[member];
    bool facts = m->pages_count > 0 && m->pages_held[0] != 0 && m->pages_held[0] == m->pages_told[0];
    char text[BW_TEXT_MAX];

    if (m->heard) {
        uint32_t state = m->told.state >= BW_MEMBER_INITIALIZING && m->told.state < BW_MEMBER_UNREACHABLE ? m->told.state
                                                                                                         : BW_MEMBER_INITIALIZING;
        if (facts) {
            bw_core_set_state(core, member, state, m->facts_reason, m->facts_source);
        } else if (m->state != state) {
            reason_of_peer(&m->told, state, text, sizeof(text));
            bw_core_set_state(core, member, state, text, "");
        }
        return;
    }
    if (!m->met || m->state == BW_MEMBER_UNREACHABLE || core->now_ns < m->keep_state_until_ns)
        return;
    if (m->farewell)
        bw_copy(text, sizeof(text), "it said that it is over");
    else
        bw_format(text, sizeof(text), "not heard for the dead time of %lu ms", (unsigned long)(core->dead_ns / BW_MS));
    bw_core_set_state(core, member, BW_MEMBER_UNREACHABLE, text, "");
}

void bw_core_state_run(struct bw_core *core)
{
    run_local(core);
    for (uint8_t i = 0; i < core->count; i++)
        if (i != core->self)
            run_peer(core, i);
}

/* Who would hold the group if all were well. */
static uint8_t expected_holder(const struct bw_core *core, uint8_t group)
{
    const struct bw_group_config *g = &core->config->groups[group];
    uint8_t first = BW_NONE;

    if (bw_core_sticky(core, group) && core->groups[group].last_holder != BW_NONE)
        return core->groups[group].last_holder;
    if (g->policy_count > 0)
        return g->policy[0];
    for (uint8_t i = 0; i < core->count; i++)
        if (first == BW_NONE || core->config->members[i].priority < core->config->members[first].priority)
            first = i;
    return first;
}

uint32_t bw_core_expected(const struct bw_core *core, uint8_t member)
{
    if (member == core->self ? bw_core_excluded(core) : (core->members[member].told.flags & BW_FLAG_EXCLUDED) != 0)
        return BW_MEMBER_DOWN; /* out of service on purpose */
    for (uint8_t g = 0; g < core->config->groups_count; g++)
        if (!bw_core_stopped(core, g) && expected_holder(core, g) == member)
            return BW_MEMBER_ACTIVE;
    return BW_MEMBER_STANDBY;
}
