/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The core's frame: making one, the turn, the dispatch of inputs, the queue of outputs. Called by
 * the engine thread or the simulator; nothing here or below can block, allocate or ask the time.
 */
#include "agent/core/core_private.h"

/* Passes over the groups in one turn: a decision may change what the next one sees (own holding, own claim). */
#define PASSES_MAX 4
#define DECISIONS_MAX (1ULL << 62) /* what a heartbeat can tell */

size_t bw_core_size(void)
{
    return sizeof(struct bw_core);
}

uint8_t bw_core_index(const struct bw_core *core, uint8_t id)
{
    for (uint8_t i = 0; i < core->count; i++)
        if (core->config->members[i].id == id)
            return i;
    return BW_NONE;
}

uint16_t bw_core_send_mask(const struct bw_core *core)
{
    uint16_t mask = 0;

    for (uint8_t i = 0; i < core->config->interfaces_count; i++)
        if (bw_core_speaks_ccp(core, i) && (core->interfaces[i].link || !core->interfaces[i].link_known))
            mask |= (uint16_t)(1U << i);
    return mask;
}

static void init_groups(struct bw_core *core, const struct bw_core_start *start)
{
    for (uint8_t i = 0; i < core->config->groups_count; i++) {
        struct bw_core_group *g = &core->groups[i];

        uint64_t name = bw_hash(BW_HASH_START, core->config->groups[i].name, strlen(core->config->groups[i].name));

        core->group_names[i] = (uint16_t)(name ^ name >> 16 ^ name >> 32 ^ name >> 48);
        if (core->group_names[i] == 0)
            core->group_names[i] = 1;
        g->wish = start->decisions[i] < DECISIONS_MAX ? start->decisions[i] : 0;
        g->confirm_member = g->refuse_member = BW_NONE;
        g->shown_holder = g->last_holder = g->previous_holder = BW_NONE;
        core->moves[i].asker = BW_NONE;
    }
}

static void init_members(struct bw_core *core)
{
    for (uint8_t i = 0; i < core->count; i++) {
        struct bw_core_member *m = &core->members[i];

        m->patience = 1;
        m->state = i == core->self ? BW_MEMBER_INITIALIZING : BW_MEMBER_UNREACHABLE;
        m->since_wall = core->wall;
        bw_copy(m->reason, sizeof(m->reason), i == core->self ? "started" : "not heard since the start of this member");
    }
}

struct bw_core *bw_core_init(void *memory, const struct bw_cluster_config *config, const struct bw_core_start *start)
{
    struct bw_core *core = memory;

    memset(core, 0, sizeof(*core));
    core->config = config;
    core->self = config->local;
    core->count = config->members_count;
    core->pace_ns = config->interval_ns;
    bw_core_judge_by_slowest(core);
    core->boot = start->boot;
    bw_copy(core->version, sizeof(core->version), start->version);
    core->protocol = start->protocol != 0 ? start->protocol : BW_PROTOCOL_VERSION;
    core->protocol_least = start->protocol_least != 0 ? start->protocol_least : BW_PROTOCOL_LEAST;
    core->now_ns = core->start_ns = start->now_ns;
    core->wall = start->wall;
    core->random = start->seed;
    core->evidence_ns = start->now_ns;
    core->beat_next_ns = start->now_ns;
    core->waiting = config->members_count > 1;
    core->wait_until_ns = start->now_ns + config->start_wait_ns;
    core->admin = start->admin != 0 ? start->admin : BW_ADMIN_UP;
    bw_copy(core->admin_by, sizeof(core->admin_by), start->admin_by);
    core->admin_since_wall = start->admin_since_wall;
    core->excluded_ns = start->now_ns;
    core->trouble_serial = 1;
    for (uint8_t i = 0; i < config->interfaces_count; i++)
        core->interfaces[i].state = BW_INTERFACE_UNKNOWN;
    init_groups(core, start);
    init_members(core);
    bw_core_pnotes_init(core, start);
    bw_core_facts_init(core, start);
    bw_core_agree_run(core);
    bw_core_twin_init(core);
    core->dirty = false;
    return core;
}

struct bw_output *bw_core_put(struct bw_core *core, enum bw_output_kind kind)
{
    struct bw_output *out;

    if (core->outputs_count == BW_CORE_OUTPUTS)
        core->outputs_count--; /* cannot happen: events leave room for all actions that a turn can have */
    out = &core->outputs[core->outputs_count++];
    out->kind = kind;
    out->interfaces = 0;
    out->interface = BW_NONE;
    out->group = BW_NONE;
    out->member = 0;
    out->number = 0;
    out->until_ns = 0;
    out->ticket = 0;
    return out;
}

void bw_core_begin(struct bw_core *core, uint64_t now_ns, int64_t wall, bool bounded)
{
    uint64_t gap = now_ns > core->now_ns ? now_ns - core->now_ns : 0;

    core->outputs_count = core->outputs_next = 0;
    core->paused = core->turns > 0 && gap > core->dead_ns;
    core->now_ns += gap;
    core->wall = wall;
    core->bounded = bounded;
    core->deadline_ns = UINT64_MAX;
    core->dirty = core->send = core->heard_turn = false;
    if (core->paused) {
        core->pause_ns = gap;
        bw_core_pause(core);
    }
}

bool bw_core_paused(const struct bw_core *core)
{
    return core->paused;
}

static void input_message(struct bw_core *core, const struct bw_message *message)
{
    /* What queued up during a pause says nothing of the present; that we are over, it does. */
    if (core->paused && message->kind != BW_MESSAGE_FAREWELL)
        return;
    bw_core_hear(core, message);
}

static void input_address(struct bw_core *core, const struct bw_input *input)
{
    char text[BW_ADDRESS_TEXT_MAX], reason[BW_TEXT_MAX];

    bw_address_to_text(&input->address, false, text);
    if (input->kind == BW_INPUT_ADDRESS_LOST)
        bw_format(reason, sizeof(reason), "virtual address %s was removed by somebody else; it is put back", text);
    else
        bw_format(reason, sizeof(reason), "virtual address %s is answered for by %s, which is no member", text, input->text);
    bw_core_event(core, BW_EVENT_ADDRESS, core->self, text, NULL, input->kind == BW_INPUT_ADDRESS_LOST ? "lost" : "conflict", reason);
}

void bw_core_input(struct bw_core *core, const struct bw_input *input)
{
    bool group = input->group < core->config->groups_count;

    switch (input->kind) {
    case BW_INPUT_MESSAGE:
        input_message(core, input->message);
        break;
    case BW_INPUT_LINK:
        bw_core_link(core, input->interface, input->up);
        break;
    case BW_INPUT_PROBE_REPLY:
        bw_core_probe_reply(core, input->interface);
        break;
    case BW_INPUT_RECEIVED:
        bw_core_received(core, input->interface);
        break;
    case BW_INPUT_RELEASED:
        if (group)
            bw_core_released(core, input->group);
        break;
    case BW_INPUT_INSTALLED:
        if (group)
            bw_core_installed(core, input->group);
        break;
    case BW_INPUT_OVERDUE:
        core->overdue = input->up;
        break;
    case BW_INPUT_ADDRESS_LOST:
    case BW_INPUT_ADDRESS_DUPLICATE:
        input_address(core, input);
        break;
    case BW_INPUT_REQUEST:
        bw_core_request(core, input->ticket, input->request);
        break;
    case BW_INPUT_STOP:
        bw_core_stop(core);
        break;
    case BW_INPUT_WITNESS:
        bw_core_witness_heard(core);
        break;
    case BW_INPUT_FACTS:
        bw_core_facts_offered(core, input->facts);
        break;
    case BW_INPUT_AUTH_TROUBLE:
        bw_copy(core->refused, sizeof(core->refused), input->text);
        bw_core_event(core, BW_EVENT_AUTH_FAILURE, BW_NONE,
                      input->interface < core->config->interfaces_count ? core->config->interfaces[input->interface].name : NULL,
                      NULL, NULL, input->text);
        break;
    }
}

static void run_conditions(struct bw_core *core)
{
    if (core->waiting) {
        bool all = true;

        for (uint8_t i = 0; i < core->count; i++)
            if (i != core->self && !core->members[i].in_view)
                all = false;
        if ((all && !bw_core_synchronizing(core)) || core->now_ns >= core->wait_until_ns) {
            core->waiting = false;
            core->wait_end_ns = core->now_ns;
        } else {
            bw_core_due(core, core->wait_until_ns);
        }
    }
    if (core->listening) {
        if (core->now_ns >= core->listen_until_ns)
            core->listening = false;
        else
            bw_core_due(core, core->listen_until_ns);
    }
}

/* The first working interface after none: what was heard is old, and another may serve by now. Listen first, as after a pause. */
static void run_regained(struct bw_core *core)
{
    bool works = bw_core_working(core, false) > 0;

    if (works && core->cut_off && !core->waiting) {
        core->listening = core->regained = true;
        core->listen_until_ns = core->now_ns + core->dead_ns;
        core->send = core->dirty = true;
        bw_core_due(core, core->listen_until_ns);
    }
    core->cut_off = !works;
}

static void run_groups(struct bw_core *core)
{
    for (int pass = 0; pass < PASSES_MAX; pass++) {
        core->again = false;
        bw_core_tell(core);
        for (uint8_t g = 0; g < core->config->groups_count; g++) {
            bw_core_vote_run(core, g);
            bw_core_elect(core, g);
        }
        if (!core->again)
            return;
    }
    bw_core_due(core, core->now_ns + core->config->interval_ns / 10);
}

void bw_core_end(struct bw_core *core)
{
    core->turns++;
    if (core->exiting || core->stopped)
        return;
    if (core->turns == 1)
        bw_core_event(core, BW_EVENT_START, core->self, NULL, "stopped", "running", "the agent was started");
    bw_core_view_run(core);
    bw_core_agree_run(core);
    bw_core_twin_run(core);
    run_conditions(core);
    bw_core_witness_run(core);
    bw_core_interfaces_run(core);
    run_regained(core);
    bw_core_deaf_run(core);
    bw_core_pnotes_run(core);
    bw_core_damp_run(core);
    run_groups(core);
    bw_core_moves_run(core);
    bw_core_waits_run(core);
    bw_core_hold_run(core);
    bw_core_commands_run(core);
    bw_core_track_run(core);
    bw_core_state_run(core);
    bw_core_beat_run(core);
    bw_core_stop_run(core);
    if (core->dirty)
        bw_core_put(core, BW_OUTPUT_POST);
}

const struct bw_output *bw_core_output(struct bw_core *core)
{
    return core->outputs_next < core->outputs_count ? &core->outputs[core->outputs_next++] : NULL;
}

uint64_t bw_core_deadline(const struct bw_core *core)
{
    return core->deadline_ns;
}

void bw_core_states(const struct bw_core *core, uint8_t states[BW_MAX_MEMBERS], uint8_t last_heard[BW_MAX_MEMBERS])
{
    for (uint8_t i = 0; i < core->count; i++) {
        const struct bw_core_member *m = &core->members[i];
        uint64_t ago = i == core->self ? 0 : m->met ? (core->now_ns - m->heard_ns) / core->config->interval_ns : UINT8_MAX;

        states[i] = (uint8_t)m->state;
        last_heard[i] = ago > UINT8_MAX ? UINT8_MAX : (uint8_t)ago;
    }
}
