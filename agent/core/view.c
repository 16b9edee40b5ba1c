/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who is there: heartbeats heard, incarnations by boot id, the dead time, farewells, the mutual view,
 * and what a pause of our own does to all that. A member is in view when it is heard and its newest
 * heartbeat names our present boot id; one that is heard without naming us is one-way.
 */
#include "agent/core/core_private.h"

#define LOSS_WINDOW 64                    /* turns */
#define LOSS_MUCH (UINT16_MAX * 8 / 100)
#define LOSS_HEAVY (UINT16_MAX * 30 / 100)
#define FLOODED 6 /* times the usual silence: then it counts although there is more to read than turns can take */

bool bw_core_anyone_in_view(const struct bw_core *core)
{
    for (uint8_t i = 0; i < core->count; i++)
        if (core->members[i].in_view)
            return true;
    return false;
}

bool bw_core_anyone_heard(const struct bw_core *core)
{
    for (uint8_t i = 0; i < core->count; i++)
        if (core->members[i].heard)
            return true;
    return false;
}

bool bw_core_silent_on(const struct bw_core *core, const struct bw_core_member *m, uint8_t interface)
{
    const struct bw_ear *ear = &m->ears[interface];

    return ear->missed >= core->config->dead_after &&
           core->now_ns - ear->heard_ns + core->slowest_ns / 2 >= core->dead_ns;
}

uint16_t bw_core_heard_on(const struct bw_core *core, const struct bw_core_member *m)
{
    uint16_t mask = 0;

    for (uint8_t i = 0; i < core->config->interfaces_count; i++)
        if (bw_core_speaks_ccp(core, i) && !bw_core_silent_on(core, m, i))
            mask |= (uint16_t)(1U << i);
    return mask;
}

/* The incarnation that we knew is over. Its votes, claims and holdings count no more. */
static void end_incarnation(struct bw_core *core, struct bw_core_member *m)
{
    if (!m->known)
        return;
    m->known = m->heard = m->in_view = false;
    m->turn = 0;
    m->done_newest = 0;
    m->asked_count = 0;
    memset(m->done, 0, sizeof(m->done));
    memset(m->votes, 0, sizeof(m->votes));
    memset(m->confirmed_us, 0, sizeof(m->confirmed_us));
    memset(m->rival, 0, sizeof(m->rival));
    memset(m->unheard_rival, 0, sizeof(m->unheard_rival));
    memset(&m->told, 0, sizeof(m->told));
    for (uint8_t g = 0; g < core->config->groups_count; g++) {
        /* A confirmation given to it binds nobody to an incarnation that is gone; the epoch stays used. */
        if (core->groups[g].refuse_member == m - core->members)
            core->groups[g].refuse_member = BW_NONE;
    }
    core->dirty = true;
}

static void begin_incarnation(struct bw_core *core, struct bw_core_member *m, const struct bw_boot_id *boot)
{
    end_incarnation(core, m);
    m->boot = *boot;
    m->known = true;
    m->farewell = false;
    for (uint8_t i = 0; i < core->config->interfaces_count; i++)
        m->ears[i] = (struct bw_ear){.heard_ns = core->now_ns};
    memset(m->pages_held, 0, sizeof(m->pages_held));
    m->pages_asked_ns = 0;
}

static bool is_over(const struct bw_core_member *m, const struct bw_boot_id *boot)
{
    for (int i = 0; i < BW_CORE_OLD_BOOTS; i++)
        if (bw_core_boot_equal(&m->old_boots[i], boot))
            return true;
    return false;
}

/* Our index of a group that a member tells of. Configurations may differ: then it goes by the name. BW_NONE = we have none such. */
static uint8_t group_of(const struct bw_core *core, const struct bw_group_part *part)
{
    if (part->group < core->config->groups_count && (part->name == 0 || part->name == core->group_names[part->group]))
        return part->group;
    for (uint8_t g = 0; part->name != 0 && g < core->config->groups_count; g++)
        if (core->group_names[g] == part->name)
            return g;
    return BW_NONE;
}

static void copy_groups(struct bw_core *core, struct bw_told *told, const struct bw_heartbeat *beat)
{
    uint8_t ours[BW_MAX_GROUPS];

    memset(ours, BW_NONE, sizeof(ours));
    told->groups_told = 0;
    for (uint8_t i = 0; i < beat->groups_count && i < BW_MAX_GROUPS; i++) {
        uint8_t g = group_of(core, &beat->groups[i]);

        if (beat->groups[i].group < BW_MAX_GROUPS)
            ours[beat->groups[i].group] = g;
        if (g == BW_NONE)
            continue;
        told->groups[g] = beat->groups[i];
        told->groups_told |= (uint16_t)(1U << g);
    }
    memset(told->wishes, 0, core->config->groups_count * sizeof(told->wishes[0]));
    for (uint8_t i = 0; i < beat->wishes_count && i < BW_MAX_GROUPS; i++) {
        uint8_t g = beat->wishes[i].group < BW_MAX_GROUPS ? ours[beat->wishes[i].group] : BW_NONE;

        if (g != BW_NONE)
            told->wishes[g] = beat->wishes[i];
    }
    for (uint8_t g = 0; g < core->config->groups_count; g++)
        if (!(told->groups_told >> g & 1))
            memset(&told->groups[g], 0, sizeof(told->groups[g])); /* it knows no such group (any more) */
}

static void copy_told(struct bw_core *core, struct bw_core_member *m, const struct bw_heartbeat *beat)
{
    struct bw_told *told = &m->told;

    told->state = beat->state;
    told->admin = beat->admin;
    told->mode = beat->mode;
    told->recovery = beat->recovery;
    told->flags = beat->flags;
    told->protocol = beat->protocol;
    told->protocol_least = beat->protocol_least;
    told->interfaces_up = beat->interfaces_up;
    told->interfaces_required = beat->interfaces_required;
    told->secured_up = beat->secured_up;
    told->secured_required = beat->secured_required;
    told->interfaces_down = beat->interfaces_down;
    told->priority = beat->priority;
    copy_groups(core, told, beat);
    if (m->config_digest != beat->config_digest)
        core->dirty = true;
    m->config_digest = beat->config_digest;
    if (told->interfaces_up > core->required && told->interfaces_up <= core->config->interfaces_count) {
        core->required = told->interfaces_up;
        core->trouble_serial++;
    }
    if (told->secured_up > core->secured_required && told->secured_up <= core->config->interfaces_count)
        core->secured_required = told->secured_up;
}

/* This incarnation is over: nothing may be sent any more. */
static void be_over(struct bw_core *core)
{
    core->exiting = true;
    core->outputs_count = 0;
    bw_core_put(core, BW_OUTPUT_EXIT);
}

/* Reads how the sender hears us; returns whether it names our present boot id. */
static bool read_echo(struct bw_core *core, struct bw_core_member *m, const struct bw_heartbeat *beat)
{
    bool named = false;

    m->told.hears_me_on = 0;
    for (uint8_t i = 0; i < beat->echoes_count && i < BW_MAX_MEMBERS; i++) {
        const struct bw_echo *echo = &beat->echoes[i];
        uint64_t sent;

        if (echo->member != bw_core_id(core, core->self) || !bw_core_boot_equal(&echo->boot, &core->boot))
            continue;
        named = true;
        m->told.hears_me_on = echo->heard_on;
        if (echo->turn > core->beat_turn) { /* it has heard of us what we have not said yet: we are a copy from the past */
            be_over(core);
            return false;
        }
        if (echo->turn == 0 || echo->turn > core->beat_turn || core->beat_turn - echo->turn >= BW_CORE_SENT_TURNS)
            continue;
        sent = core->beat_sent_ns[echo->turn % BW_CORE_SENT_TURNS];
        if (core->now_ns >= sent + echo->held_us * 1000ULL)
            m->round_trip_ns = core->now_ns - sent - echo->held_us * 1000ULL;
    }
    if (beat->wall != 0 && beat->wall <= INT64_MAX)
        m->clock_offset_ns = (int64_t)beat->wall + (int64_t)(m->round_trip_ns / 2) - core->wall;
    return named;
}

static void read_groups(struct bw_core *core, struct bw_core_member *m, const struct bw_told *before)
{
    uint8_t self = bw_core_id(core, core->self);

    for (uint8_t i = 0; i < core->config->groups_count; i++) {
        const struct bw_group_part *part = &m->told.groups[i];
        struct bw_core_group *g = &core->groups[i];
        uint64_t seen[] = {part->epoch, part->hold_epoch, part->holder_epoch, part->claim_epoch, part->confirm_epoch};

        for (unsigned k = 0; k < sizeof(seen) / sizeof(seen[0]); k++)
            if (seen[k] > g->epoch)
                g->epoch = seen[k];
        bw_core_wish_heard(core, i, m->told.wishes[i].wish, (uint8_t)(m - core->members));
        if (part->confirm_member == self)
            m->confirmed_us[i] = part->confirm_epoch;
        if (!(part->flags & BW_GROUP_HOLDS))
            m->rival[i] = false;
        /* The former holder's addresses are gone: whoever still has a stale entry hears of us again. */
        if (g->holding && (part->flags & BW_GROUP_RELEASED) && !(before->groups[i].flags & BW_GROUP_RELEASED))
            bw_core_announce(core, i);
    }
}

/* Marks on which interface a turn was heard. Returns whether it is the newest of that member. */
static bool mark_turn(struct bw_core *core, struct bw_core_member *m, uint8_t interface, uint64_t turn)
{
    bool newest = turn > m->turn;
    uint64_t behind = newest ? 0 : m->turn - turn;

    if (newest) {
        for (uint8_t i = 0; i < core->config->interfaces_count; i++)
            if (m->ears[i].missed < UINT8_MAX)
                m->ears[i].missed++;
        m->turn = turn;
    }
    if (interface < core->config->interfaces_count) {
        struct bw_ear *ear = &m->ears[interface];

        core->interfaces[interface].heard_ns = core->now_ns;
        if (behind < ear->missed)
            ear->missed = (uint8_t)behind;
        if (behind < core->config->dead_after) {
            ear->heard_ns = core->now_ns;
            if (ear->fresh < UINT8_MAX)
                ear->fresh++;
        }
    }
    core->evidence_ns = core->now_ns;
    return newest;
}

/*
 * How much of what it sends is lost on the way. When it is much, some turns in a row are lost by mere chance now and then, and the
 * group would go to and fro: then silence has to last longer. A gap longer than the dead time is no loss but a cut.
 */
static void measure_loss(struct bw_core *core, struct bw_core_member *m, uint64_t turns)
{
    uint64_t missed = turns > 0 ? turns - 1 : 0;
    uint8_t wanted;

    for (uint64_t i = 0; i < missed && missed <= core->config->dead_after; i++)
        m->loss += (uint16_t)((UINT16_MAX - m->loss) / LOSS_WINDOW);
    m->loss -= m->loss / LOSS_WINDOW;
    wanted = m->loss > LOSS_HEAVY ? 3 : m->loss > LOSS_MUCH ? 2 : 1;
    if (wanted > m->patience || m->loss < (m->patience > 2 ? LOSS_HEAVY : LOSS_MUCH) / 2)
        m->patience = wanted;
}

static void hear_heartbeat(struct bw_core *core, uint8_t member, const struct bw_message *message)
{
    struct bw_core_member *m = &core->members[member];
    const struct bw_heartbeat *beat = &message->heartbeat;
    uint64_t turns = beat->turn - m->turn;
    struct bw_told before;

    if (is_over(m, &message->boot) && !(m->known && bw_core_boot_equal(&m->boot, &message->boot)))
        return;
    if (!m->known || !bw_core_boot_equal(&m->boot, &message->boot)) {
        begin_incarnation(core, m, &message->boot);
        turns = 0;
    }
    if (!mark_turn(core, m, message->interface, beat->turn))
        return;
    measure_loss(core, m, turns);
    before = m->told;
    m->received++;
    core->heard_turn = true;
    m->interval_ns = beat->interval_us * 1000ULL;
    m->heard_ns = core->now_ns;
    if (!m->heard) {
        m->heard = m->met = true;
        m->heard_since_ns = core->now_ns;
        core->dirty = true;
        /* Greeted at once, so that the view is mutual within a round trip; not more than one greeting a half interval. */
        if (core->greeted_ns == 0 || core->now_ns - core->greeted_ns >= core->config->interval_ns / 2) {
            core->greeted_ns = core->now_ns;
            core->send = true;
        }
    }
    copy_told(core, m, beat);
    m->in_view = read_echo(core, m, beat);
    read_groups(core, m, &before);
    bw_core_commands_heard(core, member, beat);
    m->pages_count = beat->pages_count < BW_MAX_PAGES ? beat->pages_count : BW_MAX_PAGES;
    memcpy(m->pages_told, beat->page_digests, sizeof(m->pages_told));
}

static void hear_farewell(struct bw_core *core, const struct bw_message *message)
{
    uint8_t member = bw_core_index(core, message->farewell.member);
    struct bw_core_member *m;

    if (member == BW_NONE)
        return;
    if (member == core->self) {
        if (!bw_core_boot_equal(&message->farewell.over, &core->boot) || core->exiting)
            return;
        be_over(core);
        return;
    }
    m = &core->members[member];
    if (!m->known || !bw_core_boot_equal(&m->boot, &message->farewell.over)) {
        if (!is_over(m, &message->farewell.over))
            m->old_boots[m->old_boots_next++ % BW_CORE_OLD_BOOTS] = message->farewell.over;
        return;
    }
    m->old_boots[m->old_boots_next++ % BW_CORE_OLD_BOOTS] = m->boot;
    end_incarnation(core, m);
    m->farewell = true;
    m->keep_state_until_ns = 0;
    m->heard_ns = core->now_ns;
    core->evidence_ns = core->now_ns;
    core->last_heard_ns = 0; /* its silence is explained */
}

void bw_core_hear(struct bw_core *core, const struct bw_message *message)
{
    uint8_t member = bw_core_index(core, message->sender);
    struct bw_core_member *m;

    if (core->exiting)
        return;
    if (message->kind == BW_MESSAGE_FAREWELL) {
        hear_farewell(core, message);
        return;
    }
    if (member == core->self)
        bw_core_twin_heard(core, message);
    if (member == BW_NONE || member == core->self)
        return;
    if (message->kind == BW_MESSAGE_HEARTBEAT) {
        hear_heartbeat(core, member, message);
        return;
    }
    m = &core->members[member];
    if (!m->known || !bw_core_boot_equal(&m->boot, &message->boot))
        return;
    if (message->kind == BW_MESSAGE_PAGE)
        bw_core_page_heard(core, member, &message->page);
    else if (message->kind == BW_MESSAGE_PAGE_REQUEST && message->page_request.target == bw_core_id(core, core->self))
        bw_core_page_asked(core, message->page_request.wanted);
    else if (message->kind == BW_MESSAGE_STATE_QUERY)
        core->send = true;
}

/* We were stopped or starved for longer than the dead time: all that we believe of the others is old. */
void bw_core_pause(struct bw_core *core)
{
    bool had_view = bw_core_anyone_in_view(core);
    char reason[BW_TEXT_MAX];
    bool held = bw_core_holds_any(core);

    bw_format(reason, sizeof(reason), "this member was stopped for %lu ms: %s", (unsigned long)(core->pause_ns / BW_MS),
              !had_view && held ? "had nobody in view, keeps what it holds"
              : held && !bw_core_only_watches(core) ? "lets go, and listens for one dead time"
                                : "listens for one dead time");
    bw_core_event(core, BW_EVENT_PAUSE, core->self, NULL, NULL, NULL, reason)->took_ns = core->pause_ns;
    for (uint8_t i = 0; i < core->count; i++) {
        struct bw_core_member *m = &core->members[i];

        if (m->heard)
            m->keep_state_until_ns = core->now_ns + core->dead_ns;
        m->heard = m->in_view = false;
        memset(m->rival, 0, sizeof(m->rival));
        memset(m->unheard_rival, 0, sizeof(m->unheard_rival));
    }
    for (uint8_t i = 0; i < core->config->interfaces_count; i++)
        core->interfaces[i].probe_ns = core->interfaces[i].probe_before_ns = 0;
    core->evidence_ns = core->now_ns;
    core->last_heard_ns = 0;
    core->send = true;
    if (!had_view && held)
        return;
    core->listening = true;
    core->regained = false;
    core->listen_until_ns = core->now_ns + core->dead_ns;
    for (uint8_t g = 0; g < core->config->groups_count; g++) {
        bw_core_withdraw(core, g);
        if (core->groups[g].holding && !bw_core_only_watches(core))
            bw_core_let_go(core, g);
    }
}

/* What waits unread may be of the very member that seems silent. But a flood that never ends hides nobody's end for ever. */
static bool is_gone(const struct bw_core *core, const struct bw_core_member *m, uint64_t expire_ns)
{
    return core->now_ns - m->heard_ns >= (core->bounded ? FLOODED * expire_ns : expire_ns);
}

void bw_core_view_run(struct bw_core *core)
{
    bw_core_judge_by_slowest(core);
    for (uint8_t i = 0; i < core->count; i++) {
        struct bw_core_member *m = &core->members[i];
        uint64_t expire_ns;

        if (m->keep_state_until_ns > core->now_ns)
            bw_core_due(core, m->keep_state_until_ns);
        if (!m->heard)
            continue;
        expire_ns = core->expire_ns + (m->patience - 1U) * core->dead_ns;
        if (is_gone(core, m, expire_ns)) {
            m->heard = m->in_view = false;
            memset(m->rival, 0, sizeof(m->rival));
            memset(m->unheard_rival, 0, sizeof(m->unheard_rival));
            core->dirty = true;
        } else {
            uint64_t at = m->heard_ns + expire_ns;
            bw_core_due(core, at > core->now_ns ? at : core->now_ns + core->config->interval_ns / 10);
        }
    }
}
