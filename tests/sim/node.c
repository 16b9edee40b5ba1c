/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One simulated member: its core's outputs carried out, its addresses with their leases, its sessions, its life and death. */
#include "tests/sim/sim.h"

#define EDGE_LEAST_NS (50 * 1000)
#define EDGE_SPREAD_NS (950 * 1000)

static struct bw_boot_id make_boot(struct sim *sim)
{
    struct bw_boot_id boot;

    for (unsigned i = 0; i < sizeof(boot.bytes); i++)
        boot.bytes[i] = (uint8_t)(sim_random(sim) | 1);
    return boot;
}

void sim_node_input(struct sim *sim, uint8_t node, const struct bw_input *input)
{
    struct sim_node *n = &sim->nodes[node];

    if (!n->alive || n->paused)
        return;
    sim_begin_turn(sim, node);
    bw_core_input(n->core, input);
}

void sim_node_request(struct sim *sim, uint8_t node, const struct bw_request *request)
{
    struct bw_input input = {.kind = BW_INPUT_REQUEST, .ticket = 1 + sim_pick(sim, 1000), .request = request};

    sim_node_input(sim, node, &input);
}

void sim_node_link(struct sim *sim, uint8_t node, uint8_t interface, bool up)
{
    struct bw_input input = {.kind = BW_INPUT_LINK, .interface = interface, .up = up};

    sim->nodes[node].link[interface] = up;
    sim_node_input(sim, node, &input);
}

void sim_node_start(struct sim *sim, uint8_t node)
{
    struct sim_node *n = &sim->nodes[node];
    struct bw_core_start start = {.now_ns = sim->now_ns, .wall = (int64_t)sim->now_ns + n->wall_offset};

    n->alive = true;
    n->paused = n->begun = n->lonely = n->stopping = false;
    n->incarnation++;
    n->boot = start.boot = make_boot(sim);
    start.seed = sim_random(sim);
    start.admin = n->admin;
    if (sim->class == SIM_VERSIONS) /* upgraded, or back */
        n->protocol = (uint16_t)(1 + sim_pick(sim, 2));
    start.protocol = n->protocol;
    memcpy(start.decisions, n->decisions, sizeof(start.decisions));
    bw_copy(start.version, sizeof(start.version), "0.1.0");
    memset(n->sessions, 0, sizeof(n->sessions));
    for (uint8_t i = 0; i < sim->members; i++)
        n->sessions[i].challenge = sim_random(sim) | 1;
    for (uint8_t g = 0; g < sim->groups; g++) {
        n->edges[g].generation++;
        n->edges[g].present = n->edges[g].wanted = false; /* cleaned up at start */
        n->epoch[g] = 0;
        n->held_before[g] = false;
    }
    n->core = bw_core_init(n->memory, &n->config, &start);
    n->due_ns = sim->now_ns;
    n->answered_ns = 0;
    n->paused_since_ns = n->resumed_ns = n->deafened_ns = n->delivered_ns = 0;
    n->had_view = false;
    for (uint8_t i = 0; i < sim->interfaces; i++)
        sim_node_link(sim, node, i, n->link[i]);
    sim_changed(sim);
    sim_trace(sim, "member %u starts", node + 1);
}

/* host_gone: nothing of it is left on the wire. farewell: its keeper cleans up and tells. Neither: agent and keeper are killed. */
void sim_node_crash(struct sim *sim, uint8_t node, bool farewell, bool host_gone)
{
    struct sim_node *n = &sim->nodes[node];
    static struct bw_message message;

    if (!n->alive)
        return;
    for (uint8_t g = 0; g < sim->groups; g++) /* the newest may not have come to the disk */
        if (sim->scheduled || sim_chance(sim, 80))
            n->decisions[g] = n->core->groups[g].wish;
    n->alive = n->begun = n->paused = false;
    n->lonely = !farewell && !host_gone;
    for (uint8_t g = 0; g < sim->groups; g++) {
        n->edges[g].generation++;
        if (!n->lonely)
            n->edges[g].present = false;
    }
    if (farewell) {
        memset(&message, 0, sizeof(message));
        message.kind = BW_MESSAGE_FAREWELL;
        message.sender = n->config.members[node].id;
        message.farewell.member = message.sender;
        message.farewell.over = n->boot;
        sim_send(sim, node, &message, 0xffff);
    }
    sim_changed(sim);
    sim_trace(sim, "member %u dies (%s)", node + 1, farewell ? "farewell" : host_gone ? "host gone" : "keeper too");
}

bool sim_node_hold(const struct sim *sim, uint8_t node, uint8_t group)
{
    const struct sim_edge *edge = &sim->nodes[node].edges[group];

    return edge->present && sim->now_ns < edge->until_ns;
}

/* ---- sessions ---- */

void sim_session_fill(struct sim *sim, uint8_t node, struct bw_message *message)
{
    const struct sim_node *n = &sim->nodes[node];
    struct bw_heartbeat *beat = &message->heartbeat;
    uint32_t named = 1U << node;

    if (message->kind != BW_MESSAGE_HEARTBEAT)
        return;
    for (uint8_t i = 0; i < beat->echoes_count; i++)
        named |= 1U << (beat->echoes[i].member - 1);
    for (uint8_t i = 0; i < sim->members; i++) /* the handshake is with everybody */
        if (!(named >> i & 1))
            beat->echoes[beat->echoes_count++] = (struct bw_echo){.member = (uint8_t)(i + 1)};
    for (uint8_t i = 0; i < beat->echoes_count; i++) {
        struct bw_echo *echo = &beat->echoes[i];
        const struct sim_session *s = &n->sessions[echo->member - 1];

        echo->challenge = s->challenge;
        echo->response = s->heard_challenge;
    }
}

bool sim_session_open(struct sim *sim, uint8_t node, const struct bw_message *message, bool *answer)
{
    struct sim_node *n = &sim->nodes[node];
    struct sim_session *s = &n->sessions[message->sender - 1];
    const struct bw_echo *own = NULL;

    *answer = false;
    if (message->kind == BW_MESSAGE_FAREWELL)
        return true;
    if (message->kind == BW_MESSAGE_HEARTBEAT) {
        for (uint8_t i = 0; i < message->heartbeat.echoes_count; i++)
            if (message->heartbeat.echoes[i].member == node + 1)
                own = &message->heartbeat.echoes[i];
    }
    if (s->adopted && bw_core_boot_equal(&s->boot, &message->boot)) {
        if (own != NULL)
            s->heard_challenge = own->challenge;
        return true;
    }
    if (own == NULL)
        return false;
    s->heard_challenge = own->challenge;
    if (own->response == s->challenge) {
        s->boot = message->boot;
        s->adopted = true;
        s->challenge = sim_random(sim) | 1;
        return true;
    }
    *answer = true;
    return false;
}

/* ---- outputs ---- */

static void note(struct sim *sim, uint8_t node, uint64_t what)
{
    uint64_t word[3] = {sim->now_ns, node, what};

    sim->hash = bw_hash(sim->hash, word, sizeof(word));
}

static void grant(struct sim *sim, uint8_t node, const struct bw_output *out)
{
    struct sim_edge *edge = &sim->nodes[node].edges[out->group];

    edge->until_ns = out->until_ns;
    if (edge->wanted) {
        if (!edge->present && edge->generation != 0) { /* a lease that had run out comes back */
            edge->generation++;
            sim_push(sim, sim->now_ns + EDGE_LEAST_NS, SIM_INSTALLED, node, 0, out->group, edge->generation);
        }
        return;
    }
    edge->wanted = true;
    edge->generation++;
    sim_push(sim, sim->now_ns + EDGE_LEAST_NS + sim_pick(sim, EDGE_SPREAD_NS), SIM_INSTALLED, node, 0, out->group, edge->generation);
    sim->seen.takes++;
    note(sim, node, 1000 + out->group);
    sim_trace(sim, "member %u takes group %u at epoch %lu", node + 1, out->group,
              (unsigned long)sim->nodes[node].core->groups[out->group].hold_epoch);
}

static void revoke(struct sim *sim, uint8_t node, const struct bw_output *out)
{
    struct sim_edge *edge = &sim->nodes[node].edges[out->group];

    note(sim, node, 2000 + out->group);
    sim_trace(sim, "member %u lets go of group %u", node + 1, out->group);
    edge->wanted = false;
    edge->generation++;
    if (sim->bug == SIM_BUG_KEEP_ADDRESS) {
        edge->until_ns = UINT64_MAX;
        return;
    }
    sim_push(sim, sim->now_ns + EDGE_LEAST_NS + sim_pick(sim, EDGE_SPREAD_NS), SIM_RELEASED, node, 0, out->group, edge->generation);
}

static void event(struct sim *sim, uint8_t node, const struct bw_event *e)
{
    note(sim, node, 3000 + e->kind);
    if (e->kind <= BW_EVENT_LAST)
        sim->seen.events[e->kind]++;
    if (e->kind == BW_EVENT_INTERFACE && strcmp(e->to, bw_enum_text(&bw_enum_interface_state, BW_INTERFACE_DOWN)) == 0)
        sim->seen.falls++;
    if (e->kind == BW_EVENT_FAILOVER)
        sim->failovers++;
    if (e->kind == BW_EVENT_SPLIT_BRAIN)
        sim->splits++;
    if ((e->kind == BW_EVENT_STATE_CHANGE && (e->reason[0] == '\0' || sim->bug == SIM_BUG_NO_REASON)) ||
        e->number != 0)
        sim_fail(sim, "member %u: a state change %s -> %s of member %u has no reason", node + 1, e->from, e->to, e->member);
    sim_trace(sim, "member %u: %s of %u %s%s%s -> %s: %s (%.3f ms)", node + 1, bw_enum_text(&bw_enum_event_kind, e->kind), e->member,
              e->object, e->object[0] != '\0' ? " " : "", e->from, e->to, e->reason, (double)e->took_ns / 1e6);
}

static void page_request(struct sim *sim, uint8_t node, const struct bw_output *out)
{
    static struct bw_message message;

    message.kind = BW_MESSAGE_PAGE_REQUEST;
    message.sender = (uint8_t)(node + 1);
    message.boot = sim->nodes[node].boot;
    message.page_request.target = out->member;
    message.page_request.wanted = out->number;
    sim_send(sim, node, &message, out->interfaces);
}

static void farewell(struct sim *sim, uint8_t node, const struct bw_output *out)
{
    static struct bw_message message;

    message.kind = BW_MESSAGE_FAREWELL;
    message.sender = message.farewell.member = (uint8_t)(node + 1);
    message.boot = message.farewell.over = sim->nodes[node].boot;
    sim_send(sim, node, &message, out->interfaces);
}

static void carry_out(struct sim *sim, uint8_t node, const struct bw_output *out)
{
    struct sim_node *n = &sim->nodes[node];
    static struct bw_message message; /* large */

    switch (out->kind) {
    case BW_OUTPUT_HEARTBEAT:
        bw_core_heartbeat(n->core, &message);
        sim_send(sim, node, &message, out->interfaces);
        break;
    case BW_OUTPUT_PAGE:
        bw_core_page(n->core, (uint8_t)out->number, &message);
        sim_send(sim, node, &message, out->interfaces);
        break;
    case BW_OUTPUT_PAGE_REQUEST:
        page_request(sim, node, out);
        break;
    case BW_OUTPUT_FAREWELL:
        farewell(sim, node, out);
        break;
    case BW_OUTPUT_GRANT:
        grant(sim, node, out);
        break;
    case BW_OUTPUT_REVOKE:
        revoke(sim, node, out);
        break;
    case BW_OUTPUT_PROBE:
        sim_push(sim, sim->now_ns + 300 * 1000 + sim_pick(sim, 2 * BW_MS), SIM_PROBED, node, out->interface, 0, 0);
        break;
    case BW_OUTPUT_WITNESS:
        if (!n->unwitnessed)
            sim_push(sim, sim->now_ns + 2 * sim->delay_ns + sim_pick(sim, sim->jitter_ns), SIM_WITNESSED, node, 0, 0, 0);
        break;
    case BW_OUTPUT_EVENT:
        event(sim, node, &out->event);
        break;
    case BW_OUTPUT_STOPPED:
    case BW_OUTPUT_EXIT:
        sim_node_crash(sim, node, false, true);
        break;
    case BW_OUTPUT_ANNOUNCE:
    case BW_OUTPUT_ANSWER:
    case BW_OUTPUT_POST:
        break;
    }
}

void sim_node_outputs(struct sim *sim, uint8_t node)
{
    const struct bw_output *out;

    while (sim->nodes[node].alive && (out = bw_core_output(sim->nodes[node].core)) != NULL)
        carry_out(sim, node, out);
}
