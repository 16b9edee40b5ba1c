/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Verdicts on the local interfaces. Link loss counts at once. Silence counts by the turns of peers
 * that are heard elsewhere: then the interface is suspect, and neighbours that are no peers are asked
 * by ARP/ND. While one answers, the trouble is not ours. Both directions are judged apart: what we
 * hear, and what peers say that they hear of us.
 *
 * A port that went down by silence comes up again only by evidence (a peer heard twice, a neighbour),
 * or when no peer is heard at all and so nothing is expected: otherwise two members with a broken
 * cable between them would excuse and accuse each other for ever.
 */
#include "agent/core/core_private.h"

#define PROBE_WINDOW_LEAST_NS (20 * BW_MS) /* neighbours get at least this long to answer */
#define EXCUSE_LEAST_NS (100 * BW_MS)      /* an answer counts for at least this long */
#define CENSUS_NS (60 * BW_SEC)            /* how often neighbours are looked for when all is well */

bool bw_core_counted(const struct bw_core *core, uint8_t interface)
{
    return core->config->interfaces[interface].role != BW_ROLE_DISCONNECTED;
}

bool bw_core_works(const struct bw_core *core, uint8_t interface)
{
    uint32_t state = core->interfaces[interface].state;

    return bw_core_counted(core, interface) && (state == BW_INTERFACE_UP || state == BW_INTERFACE_SUSPECT);
}

uint8_t bw_core_working(const struct bw_core *core, bool secured_only)
{
    uint8_t n = 0;

    for (uint8_t i = 0; i < core->config->interfaces_count; i++)
        if (bw_core_works(core, i) && (!secured_only || core->config->interfaces[i].role == BW_ROLE_SYNC))
            n++;
    return n;
}

void bw_core_link(struct bw_core *core, uint8_t interface, bool up)
{
    struct bw_core_interface *f;

    if (interface >= core->config->interfaces_count)
        return;
    f = &core->interfaces[interface];
    if (f->link_known && f->link == up)
        return;
    f->link_known = true;
    f->link = up;
    f->fresh_link = up;
    core->send = true; /* also so that a peer on a port that just came up hears of us at once */
    for (uint8_t i = 0; up && i < core->count; i++)
        core->members[i].ears[interface] = (struct bw_ear){.heard_ns = core->now_ns};
}

void bw_core_probe_reply(struct bw_core *core, uint8_t interface)
{
    if (interface >= core->config->interfaces_count)
        return;
    core->interfaces[interface].reply_ns = core->now_ns;
    core->interfaces[interface].received_ns = core->now_ns;
    core->evidence_ns = core->now_ns;
}

void bw_core_received(struct bw_core *core, uint8_t interface)
{
    struct bw_core_interface *f;

    if (interface >= core->config->interfaces_count)
        return;
    f = &core->interfaces[interface];
    /* The sample tells of the time since the probe before the last: it must be recent, and after the last frame of a peer. */
    if (f->probe_before_ns == 0 || f->probe_before_ns < f->heard_ns || core->now_ns - f->probe_before_ns > 3 * core->dead_ns)
        return;
    f->received_ns = core->now_ns;
    core->evidence_ns = core->now_ns;
}

void bw_core_probe_each(struct bw_core *core, uint8_t interface, uint64_t every_ns)
{
    struct bw_core_interface *f = &core->interfaces[interface];

    if (f->probe_ns == 0 || core->now_ns >= f->probe_ns + every_ns) {
        f->probe_before_ns = f->probe_ns;
        f->probe_ns = core->now_ns;
        bw_core_put(core, BW_OUTPUT_PROBE)->interface = interface;
    }
    bw_core_due(core, f->probe_ns + every_ns);
}

/* What peers let us know of one interface. */
struct picture {
    bool anyone;     /* some peer is heard somewhere */
    bool heard;      /* an expected peer is heard here */
    bool silent;     /* an expected peer is silent here */
    bool nearly;     /* an expected peer is one turn from being silent here, none is fresh */
    bool steady;     /* some peer was heard here twice since it last was silent here */
    bool heard_of_us, unheard; /* an expected peer in view hears us here; does not */
};

static struct picture look(struct bw_core *core, uint8_t interface)
{
    struct picture p = {0};
    bool fresh = false;

    for (uint8_t i = 0; i < core->count; i++) {
        struct bw_core_member *m = &core->members[i];
        bool silent;

        if (!m->heard)
            continue;
        p.anyone = true;
        silent = bw_core_silent_on(core, m, interface);
        if (silent)
            m->ears[interface].fresh = 0;
        if (m->ears[interface].fresh >= 2)
            p.steady = true;
        if (m->told.interfaces_down >> interface & 1)
            continue;
        if (silent)
            p.silent = true;
        else
            p.heard = true;
        if (m->ears[interface].missed + 1 >= (int)core->config->dead_after && core->config->dead_after > 1)
            p.nearly = true;
        else
            fresh = true;
        if (m->in_view && (m->told.hears_me_on >> interface & 1))
            p.heard_of_us = true;
        else if (m->in_view)
            p.unheard = true;
        /* Silence is a matter of time as well as of turns. */
        if (!silent && m->ears[interface].missed >= core->config->dead_after)
            bw_core_due(core, m->ears[interface].heard_ns + core->dead_ns - core->slowest_ns / 2);
    }
    p.nearly = p.nearly && !fresh;
    return p;
}

static uint64_t excuse_ns(const struct bw_core *core)
{
    return core->dead_ns > EXCUSE_LEAST_NS ? core->dead_ns : EXCUSE_LEAST_NS;
}

/*
 * Neighbours get this long. Where none is known to live, only the silence of peers speaks, and that may be loss: then a further dead
 * time. A holder waits longer, so that of two with a broken cable between them the other one yields: by more than the interval that
 * may lie between their first doubts.
 */
static uint64_t window_ns(const struct bw_core *core, const struct bw_core_interface *f)
{
    uint64_t window = core->config->interval_ns > PROBE_WINDOW_LEAST_NS ? core->config->interval_ns : PROBE_WINDOW_LEAST_NS;
    bool inhabited = f->reply_ns != 0 && core->now_ns - f->reply_ns < 3 * CENSUS_NS;
    uint64_t base = inhabited || core->dead_ns < window ? window : core->dead_ns;

    return bw_core_holds_any(core) ? base + window * 5 / 2 : base;
}

static void set_verdict(struct bw_core *core, uint8_t interface, uint32_t state, bool receive, bool transmit)
{
    struct bw_core_interface *f = &core->interfaces[interface];
    const char *name = core->config->interfaces[interface].name;
    uint32_t before = f->state;
    bool same = before == state && f->receive == receive && f->transmit == transmit;
    char reason[BW_TEXT_MAX];

    f->receive = receive;
    f->transmit = transmit;
    if (same)
        return;
    f->state = state;
    core->dirty = core->pages_dirty = true;
    core->trouble_serial++;
    if (before == state)
        return;
    if (state == BW_INTERFACE_SUSPECT)
        f->suspect_ns = core->now_ns;
    if ((state != BW_INTERFACE_DOWN && before != BW_INTERFACE_DOWN) || (before == BW_INTERFACE_UNKNOWN && state == BW_INTERFACE_UP))
        return;
    if (!f->link)
        bw_format(reason, sizeof(reason), "%s has no link", name);
    else if (state == BW_INTERFACE_DOWN)
        bw_format(reason, sizeof(reason), "%s: peers are heard elsewhere but %s here, and no neighbour answers", name,
                  receive ? "do not hear this member" : "not");
    else
        bw_format(reason, sizeof(reason), "%s works again", name);
    bw_core_event(core, BW_EVENT_INTERFACE, core->self, name,
                  bw_enum_text(&bw_enum_interface_state, before), bw_enum_text(&bw_enum_interface_state, state), reason);
}

/* An interface that is down by silence: what would bring it up? */
static void judge_down(struct bw_core *core, uint8_t i, const struct picture *p, bool replied, bool received)
{
    bool receive = p->steady || received;
    bool transmit = p->heard_of_us || replied || (!p->unheard && receive);

    if (!p->anyone)
        receive = transmit = true;
    if (receive && transmit)
        set_verdict(core, i, BW_INTERFACE_UP, true, true);
    else
        set_verdict(core, i, BW_INTERFACE_DOWN, receive, transmit);
    bw_core_probe_each(core, i, core->dead_ns);
}

static void judge_by_peers(struct bw_core *core, uint8_t i)
{
    struct bw_core_interface *f = &core->interfaces[i];
    struct picture p = look(core, i);
    bool replied = f->reply_ns != 0 && core->now_ns - f->reply_ns <= excuse_ns(core);
    bool received = f->received_ns != 0 && core->now_ns - f->received_ns <= excuse_ns(core);
    bool receive = !(p.silent && !p.heard) || received || replied;
    bool transmit = !(p.unheard && !p.heard_of_us) || replied;
    bool trouble = (p.silent && !p.heard) || (p.unheard && !p.heard_of_us);

    if (f->state == BW_INTERFACE_DOWN) {
        judge_down(core, i, &p, replied, received);
        return;
    }
    if (!trouble && !p.nearly) {
        set_verdict(core, i, BW_INTERFACE_UP, true, true);
        bw_core_probe_each(core, i, CENSUS_NS);
        return;
    }
    if (receive && transmit) { /* also: trouble that a neighbour's answer shows not to be ours */
        set_verdict(core, i, BW_INTERFACE_UP, true, true);
        bw_core_probe_each(core, i, core->config->interval_ns);
        return;
    }
    if (f->state == BW_INTERFACE_SUSPECT && core->now_ns - f->suspect_ns >= window_ns(core, f) && !core->bounded) {
        set_verdict(core, i, BW_INTERFACE_DOWN, receive, transmit);
        bw_core_probe_each(core, i, core->dead_ns);
        return;
    }
    set_verdict(core, i, BW_INTERFACE_SUSPECT, receive, transmit);
    bw_core_probe_each(core, i, core->config->interval_ns / 2);
    bw_core_due(core, f->suspect_ns + window_ns(core, f) > core->now_ns ? f->suspect_ns + window_ns(core, f)
                                                                     : core->now_ns + core->config->interval_ns / 10);
}

void bw_core_interfaces_run(struct bw_core *core)
{
    uint8_t up, secured;

    for (uint8_t i = 0; i < core->config->interfaces_count; i++) {
        struct bw_core_interface *f = &core->interfaces[i];

        if (!f->link_known)
            continue;
        if (!f->link) {
            set_verdict(core, i, BW_INTERFACE_DOWN, false, false);
        } else if (!bw_core_speaks_ccp(core, i) || f->fresh_link) {
            f->fresh_link = false;
            set_verdict(core, i, BW_INTERFACE_UP, true, true);
        } else {
            judge_by_peers(core, i);
        }
    }
    up = bw_core_working(core, false);
    secured = bw_core_working(core, true);
    if (up > core->required)
        core->required = up;
    if (secured > core->secured_required)
        core->secured_required = secured;
}
