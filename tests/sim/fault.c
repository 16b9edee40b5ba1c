/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What happens to the members and the network between them: one table of faults per scenario class. */
#include "tests/sim/sim.h"

const char *const sim_class_names[SIM_CLASSES] = {
    [SIM_CLEAN] = "nothing happens", [SIM_LINKS] = "links go down and up", [SIM_PORTS] = "ports go dead, links stay up",
    [SIM_CUTS] = "partitions", [SIM_ONE_WAY] = "one-way cuts", [SIM_LOSS] = "loss", [SIM_DELAY] = "delay, duplicates, reorder",
    [SIM_CRASHES] = "crashes and restarts", [SIM_PAUSES] = "pauses", [SIM_ADMIN] = "administrators", [SIM_HEALTH] = "pnotes",
    [SIM_ALL] = "everything", [SIM_GROUPS] = "groups started, stopped, moved",
    [SIM_WITNESS] = "partitions, one half reaches the witness", [SIM_VERSIONS] = "rolling upgrades",
    [SIM_MIXED] = "configurations that differ", [SIM_DENY] = "start denied and allowed",
};

static uint8_t any_node(struct sim *sim)
{
    return (uint8_t)sim_pick(sim, sim->members);
}

static uint8_t any_interface(struct sim *sim)
{
    return (uint8_t)sim_pick(sim, sim->interfaces);
}

static void fault_link(struct sim *sim)
{
    uint8_t node = any_node(sim), interface = any_interface(sim);
    bool now = !sim->nodes[node].link[interface];

    sim_node_link(sim, node, interface, now);
    sim_trace(sim, "fault: link of member %u, eth%u %s", node + 1, interface, now ? "up" : "down");
}

static void fault_all_links(struct sim *sim)
{
    uint8_t node = any_node(sim);
    bool now = !sim->nodes[node].link[0];

    for (uint8_t i = 0; i < sim->interfaces; i++)
        sim_node_link(sim, node, i, now);
    sim_trace(sim, "fault: all links of member %u %s", node + 1, now ? "up" : "down");
}

static void fault_port(struct sim *sim)
{
    struct sim_node *n = &sim->nodes[any_node(sim)];
    uint8_t first = any_interface(sim), last = sim_chance(sim, 40) ? (uint8_t)(first = 0, sim->interfaces - 1) : first;
    uint64_t what = sim_pick(sim, 5);

    for (uint8_t i = first; i <= last; i++) {
        n->deaf_port[i] = what == 0 || what == 1;
        n->mute_port[i] = what == 0 || what == 2;
    }
    sim_trace(sim, "fault: port of member %ld, eth%u-%u: %s", (long)(n - sim->nodes) + 1, first, last,
              what == 0 ? "dead" : what == 1 ? "deaf" : what == 2 ? "mute" : "works");
}

void sim_cut(struct sim *sim, uint8_t from, uint8_t to, bool now)
{
    for (uint8_t i = 0; i < sim->interfaces; i++)
        sim->paths[i][from][to].cut = now;
}

static void uncut_all(struct sim *sim)
{
    for (uint8_t a = 0; a < sim->members; a++)
        for (uint8_t b = 0; b < sim->members; b++)
            sim_cut(sim, a, b, false);
    sim_trace(sim, "fault: all paths open");
}

static void fault_halves(struct sim *sim)
{
    uint64_t side = sim_random(sim);

    if (sim_chance(sim, 40)) {
        uncut_all(sim);
        return;
    }
    for (uint8_t a = 0; a < sim->members; a++)
        for (uint8_t b = 0; b < sim->members; b++)
            sim_cut(sim, a, b, (side >> a & 1) != (side >> b & 1));
    sim_trace(sim, "fault: two halves, mask %lx", (unsigned long)(side & ((1UL << sim->members) - 1)));
}

/* Two halves, and who of them reaches the witness: one half, in rare cases both or none; or all members are together. */
static void fault_witness(struct sim *sim)
{
    uint64_t side = sim_random(sim), who = sim_pick(sim, 10);

    if (sim_chance(sim, 40)) {
        uncut_all(sim);
        side = 0;
    }
    for (uint8_t a = 0; a < sim->members; a++) {
        sim->nodes[a].unwitnessed = who == 0 || (who > 1 && (side >> a & 1) == who % 2);
        for (uint8_t b = 0; side != 0 && b < sim->members; b++)
            sim_cut(sim, a, b, (side >> a & 1) != (side >> b & 1));
        sim_trace(sim, "fault: member %u is in half %lu and %s the witness", a + 1, (unsigned long)(side >> a & 1),
                  sim->nodes[a].unwitnessed ? "does not reach" : "reaches");
    }
    sim->tie_ns = sim->now_ns;
}

static void fault_pair(struct sim *sim)
{
    uint8_t a = any_node(sim), b = any_node(sim);
    bool now = !sim->paths[0][a][b].cut;

    sim_cut(sim, a, b, now);
    sim_cut(sim, b, a, now);
    sim_trace(sim, "fault: members %u and %u %s", a + 1, b + 1, now ? "cut" : "connected");
}

static void fault_direction(struct sim *sim)
{
    uint8_t a = any_node(sim), b = any_node(sim);
    bool now = !sim->paths[0][a][b].cut;

    if (sim_chance(sim, 25)) {
        uncut_all(sim);
        return;
    }
    sim_cut(sim, a, b, now);
    sim_trace(sim, "fault: from member %u to %u %s", a + 1, b + 1, now ? "cut" : "connected");
}

/* Every direction by chance. */
static void fault_directions(struct sim *sim)
{
    unsigned share = 10 + (unsigned)sim_pick(sim, 50);

    for (uint8_t a = 0; a < sim->members; a++)
        for (uint8_t b = 0; b < sim->members; b++)
            sim_cut(sim, a, b, sim_chance(sim, share));
    sim_trace(sim, "fault: %u %% of all directions cut", share);
    for (uint8_t a = 0; a < sim->members; a++)
        for (uint8_t b = 0; b < sim->members; b++)
            if (a != b && !sim->paths[0][a][b].cut)
                sim_trace(sim, "  %u -> %u", a + 1, b + 1);
}

/* On one interface only: the others go on. */
static void fault_one_path(struct sim *sim)
{
    uint8_t a = any_node(sim), b = any_node(sim), i = any_interface(sim);

    sim->paths[i][a][b].cut = !sim->paths[i][a][b].cut;
    sim_trace(sim, "fault: eth%u from member %u to %u %s", i, a + 1, b + 1, sim->paths[i][a][b].cut ? "cut" : "connected");
}

void sim_loss(struct sim *sim, uint8_t per_cent)
{
    for (uint8_t i = 0; i < sim->interfaces; i++)
        for (uint8_t a = 0; a < sim->members; a++)
            for (uint8_t b = 0; b < sim->members; b++)
                sim->paths[i][a][b].loss = per_cent;
}

static void fault_loss(struct sim *sim)
{
    static const uint8_t losses[] = {0, 0, 5, 20, 35, 50, 60};
    uint8_t loss = losses[sim_pick(sim, sizeof(losses))];

    sim_loss(sim, loss);
    sim_trace(sim, "fault: loss %u %%", loss);
}

static void fault_delay(struct sim *sim)
{
    sim->delay_ns = 50 * 1000 + sim_pick(sim, sim_chance(sim, 50) ? BW_MS : sim->i_ns / 5);
    sim->jitter_ns = sim_chance(sim, 50) ? 0 : sim_pick(sim, sim->i_ns / 4);
    sim->duplicates = sim_chance(sim, 50) ? 0 : (uint8_t)sim_pick(sim, 60);
    sim_trace(sim, "fault: delay %.3f + %.3f ms, %u %% twice", (double)sim->delay_ns / 1e6, (double)sim->jitter_ns / 1e6,
              sim->duplicates);
}

static void fault_crash(struct sim *sim)
{
    uint8_t node = any_node(sim);
    uint64_t kind = sim_pick(sim, 3);
    uint64_t back = sim_chance(sim, 50) ? 20 * BW_MS + sim_pick(sim, sim->d_ns) : sim_pick(sim, 20 * sim->d_ns);

    if (!sim->nodes[node].alive)
        return;
    sim_node_crash(sim, node, kind == 0, kind == 1);
    sim_push(sim, sim->now_ns + back, SIM_RESTART, node, 0, 0, sim->nodes[node].incarnation);
}

static void fault_stop(struct sim *sim)
{
    uint8_t node = any_node(sim);
    struct bw_input input = {.kind = BW_INPUT_STOP};

    sim_trace(sim, "fault: member %u is to end in order", node + 1);
    sim_node_input(sim, node, &input);
    sim_push(sim, sim->now_ns + 2 * BW_SEC + sim_pick(sim, 10 * sim->d_ns), SIM_RESTART, node, 0, 0, sim->nodes[node].incarnation);
}

void sim_pause(struct sim *sim, uint8_t node, uint64_t for_ns)
{
    struct sim_node *n = &sim->nodes[node];

    n->paused = true;
    n->paused_since_ns = sim->now_ns;
    n->had_view = bw_core_anyone_in_view(n->core);
    n->resume_ns = sim->now_ns + for_ns;
    sim_push(sim, n->resume_ns, SIM_RESUME, node, 0, 0, 0);
}

static void fault_pause(struct sim *sim)
{
    uint8_t node = any_node(sim);
    struct sim_node *n = &sim->nodes[node];

    if (!n->alive || n->paused)
        return;
    sim_pause(sim, node, (sim_chance(sim, 40) ? sim_pick(sim, sim->d_ns + sim->i_ns) : sim_pick(sim, 10 * sim->d_ns)) + 1);
    sim_trace(sim, "fault: member %u is stopped for %.1f ms", node + 1, (double)(n->resume_ns - sim->now_ns) / 1e6);
}

static void fault_clock(struct sim *sim)
{
    uint8_t node = any_node(sim);

    sim->nodes[node].wall_offset += (int64_t)sim_pick(sim, 7200) * (int64_t)BW_SEC - 3600 * (int64_t)BW_SEC;
    sim_trace(sim, "fault: clock of member %u is stepped", node + 1);
}

void sim_ask_admin(struct sim *sim, uint8_t node, uint8_t about, uint32_t admin)
{
    struct bw_request request = {.kind = BW_REQUEST_ADMIN, .member = about + 1U, .admin = admin};

    bw_copy(request.who, sizeof(request.who), "simulated administrator");
    sim_node_request(sim, node, &request);
    sim_trace(sim, "fault: by member %u: member %u is to be %s", node + 1, about + 1, bw_enum_text(&bw_enum_admin_state, admin));
}

static void fault_admin(struct sim *sim)
{
    static const uint32_t admins[] = {BW_ADMIN_UP, BW_ADMIN_UP, BW_ADMIN_UP, BW_ADMIN_DOWN, BW_ADMIN_DOWN, BW_ADMIN_MAINTENANCE,
                                      BW_ADMIN_MAINTENANCE, BW_ADMIN_FORCE_DOWN};
    uint8_t about = any_node(sim), node = sim_chance(sim, 50) ? about : any_node(sim);

    sim_ask_admin(sim, node, about, admins[sim_pick(sim, sizeof(admins) / sizeof(admins[0]))]);
}

static void fault_move(struct sim *sim)
{
    struct bw_request request = {.kind = BW_REQUEST_GROUP_MOVE, .member = any_node(sim) + 1U, .group = 1};
    uint8_t node = any_node(sim);

    sim_node_request(sim, node, &request);
    sim_trace(sim, "fault: by member %u: group 0 is to move to member %u", node + 1, request.member);
}

/* Start, stop or move of any group, of a member or of whichever it concerns. */
static void fault_group(struct sim *sim)
{
    static const enum bw_request_kind kinds[] = {BW_REQUEST_GROUP_START, BW_REQUEST_GROUP_START, BW_REQUEST_GROUP_START,
                                                 BW_REQUEST_GROUP_STOP, BW_REQUEST_GROUP_STOP, BW_REQUEST_GROUP_MOVE};
    static const char *const names[] = {[BW_REQUEST_GROUP_START] = "started", [BW_REQUEST_GROUP_STOP] = "stopped",
                                        [BW_REQUEST_GROUP_MOVE] = "moved"};
    struct bw_request request = {.kind = kinds[sim_pick(sim, sizeof(kinds) / sizeof(kinds[0]))],
                                 .group = 1 + (uint32_t)sim_pick(sim, sim->groups)};
    uint8_t node = any_node(sim);

    if (request.kind == BW_REQUEST_GROUP_MOVE || sim_chance(sim, 50))
        request.member = any_node(sim) + 1U;
    sim_node_request(sim, node, &request);
    sim_trace(sim, "fault: by member %u: group %u is to be %s, member %u", node + 1, request.group - 1, names[request.kind],
              request.member);
}

void sim_report(struct sim *sim, uint8_t node, uint32_t status, uint64_t timeout_ns)
{
    struct bw_request request = {.kind = BW_REQUEST_PNOTE_REGISTER, .status = status, .timeout_ns = timeout_ns};

    bw_copy(request.name, sizeof(request.name), "service");
    sim_node_request(sim, node, &request);
    request.kind = BW_REQUEST_PNOTE_REPORT;
    sim_node_request(sim, node, &request);
}

static void fault_pnote(struct sim *sim)
{
    uint8_t node = any_node(sim);
    uint32_t status = BW_PNOTE_OK + (uint32_t)sim_pick(sim, 3);

    sim_report(sim, node, status, sim_chance(sim, 20) ? sim_pick(sim, 5 * sim->d_ns) + 1 : 0);
    sim_trace(sim, "fault: pnote of member %u: %s", node + 1, bw_enum_text(&bw_enum_pnote_status, status));
}

static void ask_deny(struct sim *sim, uint8_t node, uint8_t group, enum bw_request_kind kind, enum bw_deny cause)
{
    struct bw_request request = {.kind = kind, .group = group + 1U, .deny = cause};

    bw_copy(request.text, sizeof(request.text), "simulated resource");
    sim_node_request(sim, node, &request);
}

/* A resource of a group fails on a member, or works again there. */
static void fault_deny(struct sim *sim)
{
    uint8_t node = any_node(sim), group = (uint8_t)sim_pick(sim, sim->groups);
    enum bw_request_kind kind = sim_chance(sim, 60) ? BW_REQUEST_GROUP_DENY : BW_REQUEST_GROUP_ALLOW;
    enum bw_deny cause = sim_chance(sim, 70) ? BW_DENY_WATCH : BW_DENY_RESOURCE;

    ask_deny(sim, node, group, kind, cause);
    sim_trace(sim, "fault: %s of group %u on member %u: %s", cause == BW_DENY_WATCH ? "watched address" : "resource", group, node + 1,
              kind == BW_REQUEST_GROUP_DENY ? "lost" : "back");
}

static void nothing(struct sim *sim)
{
    (void)sim;
}

typedef void fault_function(struct sim *sim);
#define FAULTS_MAX 24

static fault_function *const faults[SIM_CLASSES][FAULTS_MAX] = {
    [SIM_CLEAN] = {nothing},
    [SIM_LINKS] = {fault_link, fault_link, fault_all_links},
    [SIM_PORTS] = {fault_port},
    [SIM_CUTS] = {fault_halves, fault_halves, fault_pair, fault_pair, fault_one_path},
    [SIM_ONE_WAY] = {fault_direction, fault_directions, fault_directions, fault_pair, fault_one_path},
    [SIM_LOSS] = {fault_loss},
    [SIM_DELAY] = {fault_delay, fault_delay, fault_link},
    [SIM_CRASHES] = {fault_crash, fault_crash, fault_stop},
    [SIM_PAUSES] = {fault_pause, fault_pause, fault_pause, fault_clock},
    [SIM_ADMIN] = {fault_admin, fault_admin, fault_admin, fault_move, fault_stop},
    [SIM_HEALTH] = {fault_pnote, fault_pnote, fault_link},
    [SIM_ALL] = {fault_link, fault_all_links, fault_port, fault_halves, fault_pair, fault_direction, fault_directions, fault_one_path,
                 fault_loss,
                 fault_delay, fault_crash, fault_stop, fault_pause, fault_clock, fault_admin, fault_pnote, fault_move, fault_group},
    [SIM_WITNESS] = {fault_witness, fault_witness, fault_witness, fault_crash},
    [SIM_VERSIONS] = {fault_crash, fault_stop, fault_stop, fault_admin, fault_admin, fault_pnote, fault_pair, fault_link, fault_move},
    [SIM_MIXED] = {fault_crash, fault_stop, fault_admin, fault_pnote, fault_link, fault_halves, fault_pair, fault_group},
    [SIM_DENY] = {fault_deny, fault_deny, fault_deny, fault_deny, fault_group, fault_pair, fault_halves, fault_crash, fault_pnote,
                  fault_link, fault_admin},
    [SIM_GROUPS] = {fault_group, fault_group, fault_group, fault_group, fault_pair, fault_crash, fault_pnote},
};

void sim_fault(struct sim *sim)
{
    fault_function *const *table = faults[sim->class];
    uint64_t count = 0, gap, kind = sim_pick(sim, 10);

    while (count < FAULTS_MAX && table[count] != NULL)
        count++;
    table[sim_pick(sim, count)](sim);
    sim_changed(sim);
    if (sim->faults_count-- <= 1)
        return;
    gap = kind < 4 ? sim_pick(sim, sim->d_ns) : kind < 8 ? sim_pick(sim, 6 * sim->d_ns) : 10 * sim->d_ns + sim_pick(sim, 8 * sim->d_ns);
    if (sim->now_ns + gap < sim->faults_end_ns)
        sim_push(sim, sim->now_ns + gap, SIM_FAULT, 0, 0, 0, 0);
}

void sim_faults_end(struct sim *sim)
{
    sim_trace(sim, "all faults end");
    uncut_all(sim);
    sim_loss(sim, 0);
    sim->delay_ns = 200 * 1000;
    sim->jitter_ns = sim->duplicates = 0;
    for (uint8_t i = 0; i < sim->members; i++) {
        struct sim_node *n = &sim->nodes[i];

        if (!n->alive) {
            sim_node_start(sim, i);
        } else if (n->paused) {
            n->paused = false;
            n->due_ns = sim->now_ns;
            n->resumed_ns = sim->now_ns;
        }
        n->unwitnessed = n->flooded = false;
        for (uint8_t k = 0; k < sim->interfaces; k++) {
            n->deaf_port[k] = n->mute_port[k] = false;
            sim_node_link(sim, i, k, true);
        }
        sim_ask_admin(sim, i, i, BW_ADMIN_UP);
        sim_report(sim, i, BW_PNOTE_OK, 0);
        for (uint8_t g = 0; g < sim->groups; g++)
            ask_deny(sim, i, g, BW_REQUEST_GROUP_ALLOW, BW_DENY_WATCH); /* what resources denied stays so */
    }
    sim->faults_over = true;
    sim_changed(sim);
}

void sim_faults_plan(struct sim *sim)
{
    uint64_t first = 4 * sim->d_ns + sim_pick(sim, 12 * sim->d_ns);
    bool together = sim_chance(sim, 50);

    for (uint8_t i = 0; i < sim->members; i++)
        sim_push(sim, sim->now_ns + (together ? sim_pick(sim, 5 * BW_MS) : sim_pick(sim, 12 * sim->d_ns)), SIM_RESTART, i, 0, 0, 0);
    sim->faults_count = (uint32_t)(2 + sim_pick(sim, 10));
    sim->faults_end_ns = sim->now_ns + first + sim_pick(sim, 40 * sim->d_ns);
    sim->end_ns = sim->faults_end_ns + 16 * sim->d_ns;
    sim_push(sim, sim->now_ns + first, SIM_FAULT, 0, 0, 0, 0);
    sim_push(sim, sim->faults_end_ns, SIM_END_FAULTS, 0, 0, 0, 0);
}
