/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Virtual time: the queue of events, the network between the nodes, the main loop. */
#include "tests/sim/sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t mix(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15ULL);

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
    return z ^ z >> 31;
}

uint64_t sim_random(struct sim *sim)
{
    return mix(&sim->random);
}

uint64_t sim_pick(struct sim *sim, uint64_t below)
{
    return below > 0 ? sim_random(sim) % below : 0;
}

bool sim_chance(struct sim *sim, unsigned per_cent)
{
    return per_cent > 0 && sim_pick(sim, 100) < per_cent;
}

void sim_trace(const struct sim *sim, const char *format, ...)
{
    va_list args;

    if (!sim->trace)
        return;
    printf("# %9.3f ", (double)(sim->now_ns - SIM_START_NS) / 1e6);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

/* ---- queue ---- */

static bool before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

void sim_push(struct sim *sim, uint64_t at_ns, enum sim_event_kind kind, uint8_t node, uint8_t interface, uint8_t group, uint32_t data)
{
    struct sim_event e = {at_ns, sim->orders++, (uint8_t)kind, node, interface, group, data};
    uint32_t i;

    if (sim->heap_count == sim->heap_cap) {
        sim->heap_cap = sim->heap_cap * 2 + 64;
        sim->heap = realloc(sim->heap, sim->heap_cap * sizeof(*sim->heap));
        if (sim->heap == NULL)
            abort();
    }
    for (i = sim->heap_count++; i > 0 && before(&e, &sim->heap[(i - 1) / 2]); i = (i - 1) / 2)
        sim->heap[i] = sim->heap[(i - 1) / 2];
    sim->heap[i] = e;
}

static struct sim_event pop(struct sim *sim)
{
    struct sim_event top = sim->heap[0], last = sim->heap[--sim->heap_count];
    uint32_t i = 0, child;

    while ((child = 2 * i + 1) < sim->heap_count) {
        if (child + 1 < sim->heap_count && before(&sim->heap[child + 1], &sim->heap[child]))
            child++;
        if (!before(&sim->heap[child], &last))
            break;
        sim->heap[i] = sim->heap[child];
        i = child;
    }
    sim->heap[i] = last;
    return top;
}

/* ---- network ---- */

static uint32_t message_new(struct sim *sim)
{
    if (sim->free_count == 0) {
        fprintf(stderr, "sim: no message slot is free (seed %lu)\n", (unsigned long)sim->seed);
        abort();
    }
    return sim->free_slots[--sim->free_count];
}

static void message_done(struct sim *sim, uint32_t slot)
{
    if (--sim->references[slot] == 0)
        sim->free_slots[sim->free_count++] = slot;
}

/* How much of a message is in use: what is copied. */
static size_t message_size(const struct bw_message *m)
{
    return m->kind == BW_MESSAGE_HEARTBEAT ? offsetof(struct bw_message, heartbeat) + sizeof(m->heartbeat)
                                           : offsetof(struct bw_message, page) + sizeof(m->page);
}

static void copy_message(struct bw_message *to, const struct bw_message *from)
{
    if (from->kind != BW_MESSAGE_HEARTBEAT) {
        memcpy(to, from, message_size(from));
        return;
    }
    memcpy(to, from, offsetof(struct bw_message, heartbeat.echoes));
    memcpy(to->heartbeat.echoes, from->heartbeat.echoes, from->heartbeat.echoes_count * sizeof(from->heartbeat.echoes[0]));
    memcpy(to->heartbeat.groups, from->heartbeat.groups, from->heartbeat.groups_count * sizeof(from->heartbeat.groups[0]));
    memcpy(to->heartbeat.commands, from->heartbeat.commands,
           from->heartbeat.commands_count * sizeof(from->heartbeat.commands[0]));
    memcpy(to->heartbeat.answers, from->heartbeat.answers, from->heartbeat.answers_count * sizeof(from->heartbeat.answers[0]));
    memcpy(to->heartbeat.page_digests, from->heartbeat.page_digests, sizeof(from->heartbeat.page_digests));
    memcpy(to->heartbeat.wishes, from->heartbeat.wishes, from->heartbeat.wishes_count * sizeof(from->heartbeat.wishes[0]));
}

static void send_to(struct sim *sim, uint8_t from, uint8_t to, uint8_t interface, uint32_t slot)
{
    const struct sim_path *path = &sim->paths[interface][from][to];
    unsigned copies = 1;

    if (path->cut || !sim->nodes[to].alive || !sim->nodes[to].link[interface] || sim->nodes[to].deaf_port[interface] ||
        sim_chance(sim, path->loss))
        return;
    if (sim_chance(sim, sim->duplicates))
        copies++;
    for (; copies > 0; copies--) {
        uint64_t delay = sim->delay_ns + sim_pick(sim, sim->jitter_ns);

        sim->references[slot]++;
        sim_push(sim, sim->now_ns + delay, SIM_DELIVER, to, interface, 0, slot);
    }
}

static void put_on_wire(struct sim *sim, uint8_t from, const struct bw_message *message, uint16_t interfaces)
{
    const struct sim_node *node = &sim->nodes[from];
    uint32_t slot = message_new(sim);

    copy_message(&sim->messages[slot], message);
    sim->references[slot] = 1;
    for (uint8_t i = 0; i < sim->interfaces; i++) {
        if (!(interfaces >> i & 1) || !node->link[i] || node->mute_port[i])
            continue;
        for (uint8_t to = 0; to < sim->members; to++)
            if (to != from)
                send_to(sim, from, to, i, slot);
    }
    message_done(sim, slot);
}

void sim_send(struct sim *sim, uint8_t from, struct bw_message *message, uint16_t interfaces)
{
    sim_session_fill(sim, from, message);
    if (sim->tape_count < sim->tape_cap)
        copy_message(&sim->tape[sim->tape_count++], message);
    put_on_wire(sim, from, message, interfaces);
}

void sim_replay(struct sim *sim, const struct bw_message *message, uint16_t interfaces)
{
    put_on_wire(sim, (uint8_t)(message->sender - 1), message, interfaces);
}

static void deliver(struct sim *sim, const struct sim_event *e)
{
    struct sim_node *node = &sim->nodes[e->node];
    struct bw_message *message = &sim->messages[e->data];
    struct bw_input input = {.kind = BW_INPUT_MESSAGE, .message = message};
    static struct bw_message bent; /* large */
    bool answer = false;

    if (node->alive && node->paused) { /* it waits in the socket */
        sim_push(sim, node->resume_ns, SIM_DELIVER, e->node, e->interface, 0, e->data);
        return;
    }
    if (!node->alive || !node->link[e->interface]) {
        message_done(sim, e->data);
        return;
    }
    sim_begin_turn(sim, e->node);
    node->delivered_ns = sim->now_ns;
    if (!bw_core_paused(node->core)) {
        message->interface = e->interface;
        if (sim_session_open(sim, e->node, message, &answer)) {
            if (sim->bug != SIM_BUG_NONE) {
                copy_message(&bent, message);
                sim_bug_message(sim, e->node, &bent);
                input.message = &bent;
            }
            bw_core_input(node->core, &input);
        } else if (answer && sim->now_ns - node->answered_ns >= sim->i_ns / 4) {
            static struct bw_message reply;

            node->answered_ns = sim->now_ns;
            bw_core_heartbeat(node->core, &reply);
            sim_send(sim, e->node, &reply, (uint16_t)(1U << e->interface));
        }
    }
    message_done(sim, e->data);
}

/* ---- loop ---- */

void sim_begin_turn(struct sim *sim, uint8_t node)
{
    struct sim_node *n = &sim->nodes[node];

    if (n->begun)
        return;
    n->begun = true;
    sim_bug_turn(sim, node);
    bw_core_begin(n->core, sim->now_ns, (int64_t)sim->now_ns + n->wall_offset, n->flooded || sim->bug == SIM_BUG_NO_EXPIRY);
    sim->turns++;
}

static void edge_done(struct sim *sim, const struct sim_event *e)
{
    struct sim_node *node = &sim->nodes[e->node];
    struct sim_edge *edge = &node->edges[e->group];
    struct bw_input input = {.kind = e->kind == SIM_INSTALLED ? BW_INPUT_INSTALLED : BW_INPUT_RELEASED, .group = e->group};

    if (edge->generation != e->data)
        return;
    edge->present = e->kind == SIM_INSTALLED;
    if (!node->alive)
        return;
    if (node->paused) {
        sim_push(sim, node->resume_ns, e->kind, e->node, 0, e->group, e->data);
        return;
    }
    sim_begin_turn(sim, e->node);
    bw_core_input(node->core, &input);
}

static void probed(struct sim *sim, const struct sim_event *e)
{
    struct sim_node *node = &sim->nodes[e->node];
    bool in = node->alive && node->link[e->interface] && !node->deaf_port[e->interface] && sim->neighbours[e->interface];
    struct bw_input input = {.interface = e->interface};

    if (!in || node->paused)
        return;
    sim_begin_turn(sim, e->node);
    input.kind = BW_INPUT_RECEIVED;
    bw_core_input(node->core, &input);
    input.kind = BW_INPUT_PROBE_REPLY;
    if (!node->mute_port[e->interface])
        bw_core_input(node->core, &input);
}

static void resume(struct sim *sim, const struct sim_event *e)
{
    struct sim_node *node = &sim->nodes[e->node];

    if (!node->alive || !node->paused || node->resume_ns != e->at_ns)
        return;
    node->paused = false;
    node->resumed_ns = sim->now_ns;
    node->due_ns = sim->now_ns;
    for (uint8_t i = 0; i < sim->interfaces; i++) /* what was told of links meanwhile has waited */
        sim_node_link(sim, e->node, i, node->link[i]);
    sim_changed(sim);
    sim_trace(sim, "member %u goes on", e->node + 1);
}

static void handle(struct sim *sim, const struct sim_event *e)
{
    switch (e->kind) {
    case SIM_DELIVER:
        deliver(sim, e);
        break;
    case SIM_PROBED:
        probed(sim, e);
        break;
    case SIM_INSTALLED:
    case SIM_RELEASED:
        edge_done(sim, e);
        break;
    case SIM_FAULT:
        sim_fault(sim);
        break;
    case SIM_RESTART:
        if (!sim->nodes[e->node].alive && sim->nodes[e->node].incarnation == e->data)
            sim_node_start(sim, e->node);
        break;
    case SIM_RESUME:
        resume(sim, e);
        break;
    case SIM_WITNESSED: {
        struct bw_input input = {.kind = BW_INPUT_WITNESS};

        if (!sim->nodes[e->node].unwitnessed)
            sim_node_input(sim, e->node, &input);
        break;
    }
    case SIM_END_FAULTS:
        sim_faults_end(sim);
        break;
    }
}

static void end_turns(struct sim *sim)
{
    for (uint8_t i = 0; i < sim->members; i++) {
        struct sim_node *n = &sim->nodes[i];

        if (!n->alive || n->paused)
            continue;
        if (!n->begun && n->due_ns > sim->now_ns)
            continue;
        sim_begin_turn(sim, i);
        bw_core_end(n->core);
        n->begun = false;
        n->due_ns = bw_core_deadline(n->core);
        sim_node_outputs(sim, i);
        if (n->alive && n->due_ns <= sim->now_ns)
            sim_fail(sim, "member %u asks for a turn at the same instant", i + 1);
    }
}

static uint64_t next_time(const struct sim *sim)
{
    uint64_t next = sim->heap_count > 0 ? sim->heap[0].at_ns : UINT64_MAX;

    for (uint8_t i = 0; i < sim->members; i++)
        if (sim->nodes[i].alive && !sim->nodes[i].paused && sim->nodes[i].due_ns < next)
            next = sim->nodes[i].due_ns;
    return next;
}

void sim_now(struct sim *sim)
{
    end_turns(sim);
    sim_check(sim);
}

bool sim_run(struct sim *sim)
{
    while (!sim->failed) {
        uint64_t next = next_time(sim);

        if (next > sim->end_ns)
            break;
        if (next > sim->now_ns)
            sim->now_ns = next;
        while (sim->heap_count > 0 && sim->heap[0].at_ns <= sim->now_ns) {
            struct sim_event e = pop(sim);
            handle(sim, &e);
        }
        sim_now(sim);
    }
    return !sim->failed;
}

/* ---- set-up ---- */

static void make_config(struct sim *sim, struct bw_cluster_config *c)
{
    memset(c, 0, sizeof(*c));
    c->id = 17;
    bw_copy(c->name, sizeof(c->name), "edge");
    c->mode = BW_MODE_HA;
    c->recovery = sim->seed / SIM_CLASSES % 4 == 3 ? BW_RECOVERY_PRIMARY_UP : BW_RECOVERY_ACTIVE_UP;
    c->interval_ns = sim->i_ns;
    c->dead_after = (uint32_t)(sim->d_ns / sim->i_ns);
    c->start_wait_ns = 10 * sim->d_ns;
    c->claim_ns = sim->d_ns;
    c->lease_ns = BW_SEC;
    c->renew_ns = 300 * BW_MS;
    c->announce_refresh_ns = 60 * BW_SEC;
    c->members_count = sim->members;
    c->interfaces_count = sim->interfaces;
    c->groups_count = sim->groups;
    c->witnesses_count = sim->class == SIM_WITNESS;
    c->digest = 1;
    for (uint8_t i = 0; i < sim->members; i++) {
        c->members[i].id = c->members[i].priority = (uint8_t)(i + 1);
        bw_format(c->members[i].name, BW_NAME_MAX, "fw%u", i + 1U);
    }
    for (uint8_t i = 0; i < sim->interfaces; i++) {
        c->interfaces[i].role = i + 1 == sim->interfaces && i > 0 ? BW_ROLE_SYNC : BW_ROLE_CLUSTER;
        c->interfaces[i].transport = BW_TRANSPORT_MULTICAST;
        bw_format(c->interfaces[i].name, BW_NAME_MAX, "eth%u", (unsigned)i);
    }
    for (uint8_t g = 0; g < sim->groups; g++) {
        bw_format(c->groups[g].name, BW_NAME_MAX, "group%u", (unsigned)g);
        c->groups[g].start = g == 2 ? BW_MANUAL : BW_AUTO;
        c->groups[g].failback = c->recovery == BW_RECOVERY_PRIMARY_UP ? BW_AUTO : BW_MANUAL;
        c->groups[g].policy_count = sim->members;
        for (uint8_t i = 0; i < sim->members; i++)
            c->groups[g].policy[i] = (uint8_t)((i + g) % sim->members);
    }
}

/* One that differs from the others': recovery, priorities, policies, failback, dead time. */
static void mix_config(struct sim *sim, struct bw_cluster_config *c)
{
    if (sim_chance(sim, 30))
        return;
    c->digest = 2 + sim_pick(sim, 1000);
    if (sim_chance(sim, 50))
        c->recovery = sim_chance(sim, 50) ? BW_RECOVERY_PRIMARY_UP : BW_RECOVERY_ACTIVE_UP;
    for (uint8_t i = 0; i < sim->members; i++)
        c->members[i].priority = (uint8_t)(1 + sim_pick(sim, sim->members));
    for (uint8_t g = 0; g < sim->groups; g++) {
        uint8_t turned = (uint8_t)sim_pick(sim, sim->members);

        c->groups[g].failback = sim_chance(sim, 30) ? 0 : sim_chance(sim, 50) ? BW_AUTO : BW_MANUAL;
        if (sim_chance(sim, 30))
            c->groups[g].policy_count = 0;
        for (uint8_t i = 0; i < sim->members; i++)
            c->groups[g].policy[i] = (uint8_t)((i + turned) % sim->members);
    }
}

void sim_init(struct sim *sim)
{
    sim->random = sim->seed * 0x2545f4914f6cdd1dULL + sim->members;
    sim->i_ns = sim->class != SIM_CLEAN && sim_chance(sim, 15) ? 20 * BW_MS : 100 * BW_MS;
    sim->d_ns = (sim->class != SIM_CLEAN && sim_chance(sim, 20) ? 2 + sim_pick(sim, 4) : 3) * sim->i_ns;
    if (sim->now_ns == 0)
        sim->now_ns = SIM_START_NS;
    sim->hash = BW_HASH_START;
    sim->changed_ns = sim->outside_ns = sim->now_ns;
    sim->delay_ns = sim->largest_delay_ns = 200 * 1000;
    sim->messages = malloc(SIM_MESSAGES * sizeof(*sim->messages));
    if (sim->messages == NULL)
        abort();
    for (uint32_t i = 0; i < SIM_MESSAGES; i++)
        sim->free_slots[sim->free_count++] = i;
    if (sim->interfaces == 0)
        sim->interfaces = sim->class == SIM_CLEAN ? 2 : (uint8_t)(2 + sim_pick(sim, 2));
    sim->groups = sim->class != SIM_CLEAN && sim_chance(sim, 20) ? 2 : 1;
    if (sim->class == SIM_GROUPS)
        sim->groups = (uint8_t)(2 + sim_pick(sim, 2));
    for (uint8_t i = 0; i < sim->interfaces; i++)
        sim->neighbours[i] = i + 1 < sim->interfaces || sim_chance(sim, 50);
    for (uint8_t i = 0; i < sim->members; i++) {
        struct sim_node *n = &sim->nodes[i];

        make_config(sim, &n->config);
        if (sim->class == SIM_MIXED)
            mix_config(sim, &n->config);
        n->config.local = i;
        n->memory = malloc(bw_core_size());
        if (n->memory == NULL)
            abort();
        n->admin = BW_ADMIN_UP;
        for (uint8_t k = 0; k < sim->interfaces; k++)
            n->link[k] = true;
    }
    if (!sim->scheduled)
        sim_faults_plan(sim);
}

void sim_fini(struct sim *sim)
{
    for (uint8_t i = 0; i < sim->members; i++)
        free(sim->nodes[i].memory);
    free(sim->messages);
    free(sim->tape);
    free(sim->heap);
}
