/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Schedules about links and what is lost, late, twice or recorded on them. */
#include "tests/sim/schedule.h"

#include <stdlib.h>

static void cable(struct sim *sim)
{
    sim_begin(sim);
    sim_node_link(sim, 0, 0, false);
    sim_changed(sim);
    sim_wait(sim, 3000);
    EXPECT(sim, sim_holder(sim, 0) == 1, "the member with fewer interfaces serves");
    EXPECT(sim, sim_state(sim, 0) == BW_MEMBER_DOWN, "it is not said to be down");
}

static void one_way_from_the_holder(struct sim *sim)
{
    sim_begin(sim);
    sim_cut(sim, 0, 1, true);
    sim_changed(sim);
    sim_wait(sim, 2 * sim->d_ns / BW_MS + 400);
    EXPECT(sim, sim_holder(sim, 0) != BW_NONE, "not settled on one");
    sim_wait(sim, 10000);
    EXPECT(sim, sim_holder(sim, 0) != BW_NONE, "no longer settled on one");
}

static void one_way_from_the_standby(struct sim *sim)
{
    sim_begin(sim);
    sim_cut(sim, 1, 0, true);
    sim_changed(sim);
    sim_wait(sim, 10000);
    EXPECT(sim, sim_holder(sim, 0) == 0, "it does not serve on");
}

/* Losses that differ by direction and interface. */
static void asymmetric_loss(struct sim *sim)
{
    sim_begin(sim);
    for (uint8_t i = 0; i < sim->interfaces; i++) {
        sim->paths[i][0][1].loss = i == 0 ? 30 : 0;
        sim->paths[i][1][0].loss = i == 0 ? 0 : 30;
    }
    sim_changed(sim);
    sim_wait(sim, 60000);
    EXPECT(sim, sim_holder(sim, 0) == 0, "it does not serve on");
}

static void partial_partition(struct sim *sim)
{
    sim_begin(sim);
    sim_cut_both(sim, 0, 1, true);
    sim_wait(sim, 15000);
    EXPECT(sim, sim_holder(sim, 0) != BW_NONE, "not one serves where the third sees both");
}

/* Each hears its two neighbours only. */
static void ring(struct sim *sim)
{
    sim_begin(sim);
    for (uint8_t a = 0; a < sim->members; a++)
        for (uint8_t b = 0; b < a; b++)
            if (a - b != 1 && a - b != sim->members - 1)
                sim_cut_both(sim, a, b, true);
    sim_wait(sim, 15000);
    for (uint8_t a = 0; a < sim->members; a++) /* one who hears two holders would be the network that sees both */
        EXPECT(sim, sim_node_hold(sim, a, 0) + sim_node_hold(sim, (uint8_t)((a + 2) % sim->members), 0) < 2,
               "two serve that member %u hears", (a + 1) % sim->members + 1);
}

static void partition_of_four(struct sim *sim)
{
    sim_begin(sim);
    for (uint8_t a = 0; a < 2; a++)
        for (uint8_t b = 2; b < 4; b++)
            sim_cut_both(sim, a, b, true);
    sim_wait(sim, 5000);
    EXPECT(sim, sim_node_hold(sim, 0, 0) && sim_node_hold(sim, 2, 0), "not one in each half");
    for (uint8_t a = 0; a < 2; a++)
        for (uint8_t b = 2; b < 4; b++)
            sim_cut_both(sim, a, b, false);
    sim_wait(sim, 250);
    EXPECT(sim, sim_holder(sim, 0) == 0, "the higher rank does not have it two intervals after they met");
    EXPECT(sim, sim->splits > 0, "no split brain was told");
}

static void healed_often(struct sim *sim)
{
    sim_begin(sim);
    for (int i = 0; i < 20; i++) {
        sim_cut_both(sim, 0, 1, true);
        sim_wait(sim, 3000);
        sim_cut_both(sim, 0, 1, false);
        sim_wait(sim, 250);
        EXPECT(sim, sim_holder(sim, 0) == 0, "round %d: the higher rank does not have it two intervals after they met", i);
        sim_wait(sim, 3000);
    }
}

/* The cable between two members: no carrier on either end. */
static void cable_between(struct sim *sim)
{
    uint8_t last = (uint8_t)(sim->interfaces - 1);

    sim_begin(sim);
    sim->neighbours[last] = false;
    sim_node_link(sim, 0, last, false);
    sim_node_link(sim, 1, last, false);
    sim_changed(sim);
    sim_wait(sim, 3000);
    EXPECT(sim, sim_holder(sim, 0) == 0, "it does not serve on");
    EXPECT(sim, sim_state(sim, 0) == BW_MEMBER_ATTENTION && sim_state(sim, 1) == BW_MEMBER_DOWN, "not attention here, down there");
}

/* The same behind a switch each: carrier stays, and nobody else lives there. */
static void path_between(struct sim *sim)
{
    uint8_t last = (uint8_t)(sim->interfaces - 1);

    sim_begin(sim);
    sim->neighbours[last] = false;
    sim->paths[last][0][1].cut = sim->paths[last][1][0].cut = true;
    sim_changed(sim);
    sim_wait(sim, 3000);
    EXPECT(sim, sim_holder(sim, 0) == 0, "it does not serve on");
    EXPECT(sim, sim_state(sim, 1) == BW_MEMBER_DOWN, "the other one is not down");
    sim_wait(sim, 30000);
}

static void losing(struct sim *sim, unsigned dead_after, uint8_t per_cent, uint64_t ms)
{
    sim_dead_after(sim, dead_after);
    sim_begin(sim);
    sim_loss(sim, per_cent);
    sim_changed(sim);
    sim_wait(sim, ms);
}

static void loss_5(struct sim *sim)
{
    losing(sim, 3, 5, 60000);
}

static void loss_20(struct sim *sim)
{
    losing(sim, 5, 20, 60000);
}

static void loss_50(struct sim *sim)
{
    losing(sim, 3, 50, 120000);
}

/* More frames come in than turns can read, so that some of the members' own are lost too. */
static void flood(struct sim *sim, uint8_t per_cent)
{
    sim_begin(sim);
    sim_loss(sim, per_cent);
    for (uint8_t i = 0; i < sim->members; i++)
        sim->nodes[i].flooded = true;
    sim_changed(sim);
    sim_wait(sim, 120000);
}

static void flood_alone(struct sim *sim)
{
    flood(sim, 30);
}

static void flood_and_death(struct sim *sim)
{
    flood(sim, 30);
    sim_node_crash(sim, 0, false, true);
    sim_changed(sim);
    sim_wait(sim, 20000);
    EXPECT(sim, sim_holder(sim, 0) == 1, "the other one did not take over");
}

static void twice_and_late(struct sim *sim)
{
    sim_begin(sim);
    sim->duplicates = 60;
    sim->delay_ns = 5 * BW_MS;
    sim->jitter_ns = 60 * BW_MS; /* frames overtake each other */
    sim_changed(sim);
    sim_wait(sim, 60000);
}

static void tape(struct sim *sim, uint32_t frames)
{
    sim->tape = calloc(frames, sizeof(*sim->tape));
    if (sim->tape == NULL)
        abort();
    sim->tape_cap = frames;
}

/* What a member said while it lived is played again after its host is gone. */
static void replayed_after_death(struct sim *sim)
{
    tape(sim, 400);
    sim_begin(sim);
    sim_wait(sim, 20000);
    sim_node_crash(sim, 1, false, true);
    for (uint32_t i = 0; i < sim->tape_count; i++) {
        if (sim->tape[i].sender != 2)
            continue;
        sim_replay(sim, &sim->tape[i], 0xffff);
        sim_wait(sim, 20);
    }
    EXPECT(sim, sim->nodes[0].core->members[1].state == BW_MEMBER_UNREACHABLE, "the dead member is said to live");
}

/* And from before a restart. */
static void replayed_after_restart(struct sim *sim)
{
    tape(sim, 400);
    sim_begin(sim);
    sim_wait(sim, 20000);
    sim_node_crash(sim, 1, false, true);
    sim_wait(sim, 1000);
    sim_node_start(sim, 1);
    sim_wait(sim, 3000);
    sim_mark(sim);
    for (uint32_t i = 0; i < sim->tape_count; i++) {
        sim_replay(sim, &sim->tape[i], 0xffff);
        sim_wait(sim, 20);
        EXPECT(sim, sim->nodes[0].core->members[1].in_view, "frame %u put the living one out of view", i);
    }
    EXPECT(sim, sim->seen.events[BW_EVENT_STATE_CHANGE] == 0, "%u states changed", sim->seen.events[BW_EVENT_STATE_CHANGE]);
}

static void link_flaps(struct sim *sim)
{
    sim_begin(sim);
    for (int i = 0; i < 60; i++) {
        sim_node_link(sim, 0, 0, false);
        sim_changed(sim);
        sim_wait(sim, 500);
        sim_node_link(sim, 0, 0, true);
        sim_changed(sim);
        sim_wait(sim, 500);
    }
}

/* Whoever serves loses a link, once a second. */
static void holders_link_flaps(struct sim *sim)
{
    sim_begin(sim);
    for (int i = 0; i < 60; i++) {
        uint8_t holder = sim_holder(sim, 0);

        if (holder != BW_NONE)
            sim_node_link(sim, holder, 0, false);
        sim_changed(sim);
        sim_wait(sim, 500);
        for (uint8_t k = 0; k < sim->members; k++)
            sim_node_link(sim, k, 0, true);
        sim_changed(sim);
        sim_wait(sim, 500);
    }
}

static void all_links_at_once(struct sim *sim)
{
    sim_begin(sim);
    for (uint8_t i = 0; i < sim->members; i++)
        for (uint8_t k = 0; k < sim->interfaces; k++)
            sim_node_link(sim, i, k, false);
    sim_changed(sim);
    sim_wait(sim, 3000);
    for (uint8_t i = 0; i < sim->members; i++)
        EXPECT(sim, !sim_node_hold(sim, i, 0), "member %u holds without an interface", i + 1);
    sim_mark(sim);
    for (uint8_t i = 0; i < sim->members; i++)
        for (uint8_t k = 0; k < sim->interfaces; k++)
            sim_node_link(sim, i, k, true);
    sim_changed(sim);
    sim_wait(sim, 3000);
    EXPECT(sim, sim_holder(sim, 0) != BW_NONE, "not one serves");
}

const struct sim_schedule sim_link_schedules[] = {
    {"cable of the holder pulled", 2, 2, cable, 1, 3, 3, 1, 0},
    {"cable of the holder pulled", 5, 2, cable, 1, 3, 3, 1, 0},
    {"one-way loss from the holder", 2, 2, one_way_from_the_holder, 1, 0, 900, 0, 0},
    {"one-way loss from the standby", 2, 2, one_way_from_the_standby, 0, 0, 0, 0, 0},
    {"one-way loss from the holder", 3, 2, one_way_from_the_holder, 1, 0, 900, 0, 0},
    {"30 % loss on one interface each way", 2, 2, asymmetric_loss, 0, 0, 0, ANY, 0},
    {"two of three do not hear each other", 3, 2, partial_partition, 1, 0, 450, 0, 0},
    {"two of five do not hear each other", 5, 2, partial_partition, 1, 0, 450, 0, 0},
    {"ring of five", 5, 2, ring, 2, 0, 900, 0, 0},
    {"ring of four", 4, 2, ring, 2, 0, 900, 0, 0},
    {"two halves of four, healed", 4, 2, partition_of_four, 2, 0, 5600, 0, 0},
    {"partition and healing, 20 times", 2, 2, healed_often, 20, 0, 3200, 0, 0},
    {"cable between two members broken", 2, 2, cable_between, 0, 0, 0, 2, 0},
    {"path between two members lost, carrier stays", 2, 2, path_between, 0, 0, 0, 2, 0},
    {"path between two members lost, carrier stays", 2, 3, path_between, 0, 0, 0, 2, 0},
    {"5 % loss for 60 s", 2, 2, loss_5, 0, 0, 0, 0, 0},
    {"20 % loss for 60 s, dead after 5", 2, 2, loss_20, 0, 0, 0, 0, 0},
    {"20 % loss for 60 s, dead after 5", 3, 2, loss_20, 0, 0, 0, 0, 0},
    {"50 % loss for 120 s: one flip in 30 s at most", 2, 2, loss_50, 4, ANY, ANY, ANY, 0},
    {"50 % loss for 120 s: one flip in 30 s at most", 3, 2, loss_50, 4, ANY, ANY, ANY, 0},
    {"more frames than can be read, for 120 s: nothing changes", 2, 2, flood_alone, 0, 0, 0, 0, 0},
    {"more frames than can be read, for 120 s: nothing changes", 3, 2, flood_alone, 0, 0, 0, 0, 0},
    {"more frames than can be read: a death is seen all the same", 2, 2, flood_and_death, 1, 6000, 0, 0, 0},
    {"more frames than can be read: a death is seen all the same", 3, 2, flood_and_death, 1, 6000, 0, 0, 0},
    {"frames twice, late and out of order for 60 s", 2, 2, twice_and_late, 0, 0, 0, 0, 0},
    {"frames twice, late and out of order for 60 s", 5, 2, twice_and_late, 0, 0, 0, 0, 0},
    {"recorded frames of a dead member played again", 2, 2, replayed_after_death, 0, 0, 0, 0, 0},
    {"recorded frames from before a restart played again", 2, 2, replayed_after_restart, 0, 0, 0, 0, 0},
    {"link flaps at 1 Hz for 60 s", 2, 2, link_flaps, 4, 5, 5, ANY, 0},
    {"link of whoever serves flaps at 1 Hz for 60 s: it is served all the while", 2, 2, holders_link_flaps, ANY, 5, 5, ANY, 0},
    {"link of whoever serves flaps at 1 Hz for 60 s: it is served all the while", 3, 2, holders_link_flaps, ANY, 5, 5, ANY, 0},
    {"all links of all members at once", 3, 2, all_links_at_once, 1, 900, 5, ANY, 0},
    {.name = NULL},
};
