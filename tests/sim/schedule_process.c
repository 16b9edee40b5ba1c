/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Schedules about processes, pauses and clocks. */
#include "tests/sim/schedule.h"

#define HOUR_NS (3600 * BW_SEC)

static void orderly_end(struct sim *sim)
{
    sim_begin(sim);
    sim_stop(sim, 0);
    sim_wait(sim, 3000);
    EXPECT(sim, sim_holder(sim, 0) == 1, "the other one did not take over");
}

static void agent_killed(struct sim *sim)
{
    sim_begin(sim);
    sim_node_crash(sim, 0, true, false);
    sim_wait(sim, 3000);
}

static void agent_and_keeper_killed(struct sim *sim)
{
    sim_begin(sim);
    sim_node_crash(sim, 0, false, false);
    sim_wait(sim, 3000);
}

static void host_gone(struct sim *sim)
{
    sim_begin(sim);
    sim_node_crash(sim, 0, false, true);
    sim_wait(sim, 3000);
}

static void killed_and_restarted(struct sim *sim)
{
    sim_begin(sim);
    for (int i = 0; i < 20; i++) {
        uint8_t holder = sim_holder(sim, 0);

        EXPECT(sim, holder != BW_NONE, "nobody serves before round %d", i);
        if (sim->failed)
            return;
        sim_node_crash(sim, holder, i % 2 == 0, true);
        sim_wait(sim, 30);
        sim_node_start(sim, holder);
        sim_wait(sim, 4000);
        EXPECT(sim, sim_holder(sim, 0) != holder, "the one that crashed in round %d serves again", i);
    }
}

/* A member that crashes five times in ten seconds. */
static void crash_loop(struct sim *sim, uint8_t node)
{
    sim_begin(sim);
    for (int i = 0; i < 5; i++) {
        sim_node_crash(sim, node, true, false);
        sim_wait(sim, 500);
        sim_node_start(sim, node);
        sim_wait(sim, 1500);
    }
}

static void standby_crashes_on(struct sim *sim)
{
    crash_loop(sim, 1);
}

static void holder_crashes_on(struct sim *sim)
{
    crash_loop(sim, 0);
}

static void holder_hangs(struct sim *sim)
{
    sim_begin(sim);
    sim_pause(sim, 0, 3 * BW_SEC);
    sim_changed(sim);
    sim_wait(sim, 5000);
    EXPECT(sim, sim_holder(sim, 0) == 1, "the other one did not take over");
    EXPECT(sim, sim_state(sim, 0) == BW_MEMBER_STANDBY, "the one that hung is not back");
}

static void standby_hangs(struct sim *sim)
{
    sim_begin(sim);
    sim_pause(sim, 1, 30 * BW_SEC);
    sim_changed(sim);
    sim_wait(sim, 29000);
    EXPECT(sim, sim->nodes[0].core->members[1].state == BW_MEMBER_UNREACHABLE, "it is not said to be unreachable");
    sim_wait(sim, 4000);
    EXPECT(sim, sim_state(sim, 1) == BW_MEMBER_STANDBY, "it is not back");
}

static void short_stops(struct sim *sim)
{
    sim_begin(sim);
    for (int i = 0; i < 100; i++) {
        sim_pause(sim, (uint8_t)(i % sim->members), 200 * BW_MS);
        sim_changed(sim);
        sim_wait(sim, 703);
    }
}

static void everybody_stops(struct sim *sim)
{
    sim_begin(sim);
    for (uint8_t i = 0; i < sim->members; i++)
        sim_pause(sim, i, 2 * BW_SEC);
    sim_changed(sim);
    sim_wait(sim, 6000);
    EXPECT(sim, sim_holder(sim, 0) != BW_NONE, "nobody serves");
}

/* A virtual machine set back to a snapshot: its core says again what it said before. */
static void set_back(struct sim *sim, uint8_t node)
{
    size_t size = bw_core_size();
    static unsigned char copy[1 << 20];

    sim_begin(sim);
    EXPECT(sim, size <= sizeof(copy), "a core has %zu bytes", size);
    if (sim->failed)
        return;
    memcpy(copy, sim->nodes[node].memory, size);
    sim_wait(sim, 10000);
    memcpy(sim->nodes[node].memory, copy, size);
    sim->nodes[node].core->now_ns = sim->now_ns - BW_MS; /* no clock shows it */
    sim->nodes[node].core->beat_next_ns = sim->now_ns;
    sim->nodes[node].due_ns = sim->now_ns;
    sim_wait(sim, 150);
    EXPECT(sim, !sim->nodes[node].alive, "the copy lives on");
    sim_wait(sim, 1000);
    if (!sim->nodes[node].alive)
        sim_node_start(sim, node);
    sim_wait(sim, 4000);
    EXPECT(sim, sim_state(sim, node) == BW_MEMBER_STANDBY, "it is not back as a standby");
}

static void standby_set_back(struct sim *sim)
{
    set_back(sim, 1);
}

static void holder_set_back(struct sim *sim)
{
    set_back(sim, 0);
}

static void wall_clock_steps(struct sim *sim)
{
    static const int64_t steps[] = {(int64_t)HOUR_NS, -(int64_t)HOUR_NS, -(int64_t)(1000 * BW_SEC), (int64_t)(25ULL * 365 * 24 * HOUR_NS)};

    sim_begin(sim);
    for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        sim->nodes[i % sim->members].wall_offset = steps[i];
        sim_wait(sim, 10000);
    }
    for (unsigned kind = 0; kind <= BW_EVENT_LAST; kind++)
        EXPECT(sim, sim->seen.events[kind] == 0, "%u events of kind %u", sim->seen.events[kind], kind);
}

static void nothing_happens(struct sim *sim)
{
    sim_begin(sim);
    sim_wait(sim, 120000);
    for (unsigned kind = 0; kind <= BW_EVENT_LAST; kind++)
        EXPECT(sim, sim->seen.events[kind] == 0, "%u events of kind %u", sim->seen.events[kind], kind);
}

static void power_cut(struct sim *sim)
{
    sim_begin(sim);
    for (uint8_t i = 0; i < sim->members; i++)
        sim_node_crash(sim, i, false, true);
    sim_wait(sim, 10000);
    sim_mark(sim);
    sim_start_all(sim);
    sim_wait(sim, 5000);
    EXPECT(sim, sim_holder(sim, 0) == 0, "nobody serves, or not the first");
}

static void power_cut_while_stopped(struct sim *sim)
{
    struct bw_request request = {.kind = BW_REQUEST_GROUP_STOP, .group = 1};

    sim_begin(sim);
    sim_node_request(sim, 0, &request);
    sim_changed(sim);
    sim_wait(sim, 1000);
    for (uint8_t i = 0; i < sim->members; i++)
        sim_node_crash(sim, i, false, true);
    sim_wait(sim, 1000);
    sim_start_all(sim);
    sim_wait(sim, 10000);
    EXPECT(sim, sim->seen.takes == 0, "a stopped group is served after the power cut");
    request.kind = BW_REQUEST_GROUP_START;
    sim_node_request(sim, 0, &request);
    sim_changed(sim);
    sim_wait(sim, 1000);
    EXPECT(sim, sim_holder(sim, 0) == 0, "started, it is not served");
}

#define MS32 (4294967296ULL * BW_MS)

const struct sim_schedule sim_process_schedules[] = {
    {"orderly end of the holder: it hands over first", 2, 2, orderly_end, 1, 1, 2, 0, 0},
    {"agent killed, its keeper says farewell", 2, 2, agent_killed, 1, 5, 1, 0, 0},
    {"agent and keeper killed: addresses end with their lease", 2, 2, agent_and_keeper_killed, 1, 0, 1000, 0, 0},
    {"host gone", 2, 2, host_gone, 1, 450, 0, 0, 0},
    {"host gone", 5, 2, host_gone, 1, 450, 0, 0, 0},
    {"killed and restarted at once, 20 times", 2, 2, killed_and_restarted, 20, 450, 0, 0, 0},
    {"killed and restarted at once, 20 times", 3, 2, killed_and_restarted, 20, 450, 0, 0, 0},
    {"standby crashes five times in 10 s", 2, 2, standby_crashes_on, 0, 0, 0, 0, 0},
    {"holder crashes five times in 10 s", 2, 2, holder_crashes_on, 1, 5, 1, 0, 0},
    {"holder hangs for 3 s and goes on", 2, 2, holder_hangs, 1, 0, 1000, 0, 0},
    {"holder hangs for 3 s and goes on", 3, 2, holder_hangs, 1, 0, 1000, 0, 0},
    {"standby hangs for 30 s", 2, 2, standby_hangs, 0, 0, 0, 0, 0},
    {"stops shorter than the dead time, 100 times", 2, 2, short_stops, 0, 0, 0, 0, 0},
    {"stops shorter than the dead time, 100 times", 3, 2, short_stops, 0, 0, 0, 0, 0},
    {"all stop at once and go on", 3, 2, everybody_stops, 2, 2200, 5, 0, 0},
    {"virtual machine of the standby set back to a snapshot", 2, 2, standby_set_back, 0, 0, 0, 0, 0},
    {"virtual machine of the holder set back to a snapshot", 2, 2, holder_set_back, 1, 450, 0, 0, 0},
    {"wall clock stepped an hour on and back, to 1970, beyond 2038", 2, 2, wall_clock_steps, 0, 0, 0, 0, 0},
    {"up for 300 days", 2, 2, nothing_happens, 0, 0, 0, 0, 300ULL * 24 * HOUR_NS},
    {"the clock passes 2^32 ms", 2, 2, nothing_happens, 0, 0, 0, 0, MS32 - 60 * BW_SEC},
    {"the clock passes 2^31 ms", 2, 2, nothing_happens, 0, 0, 0, 0, MS32 / 2 - 60 * BW_SEC},
    {"power cut of all members", 3, 2, power_cut, 1, 4000, 0, 0, 0},
    {"power cut of all members while the group is stopped: it stays so", 3, 2, power_cut_while_stopped, 1, ANY, 0, 0, 0},
    {.name = NULL},
};
