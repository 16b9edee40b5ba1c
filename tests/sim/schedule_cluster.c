/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Schedules about the cluster as a whole: troubles of all, versions, configurations, ids, epochs. */
#include "tests/sim/schedule.h"

static void all_troubled(struct sim *sim)
{
    sim_begin(sim);
    for (uint8_t i = 0; i < sim->members; i++)
        sim_report(sim, i, BW_PNOTE_PROBLEM, 0);
    sim_changed(sim);
    sim_wait(sim, 3000);
    for (uint8_t i = 0; i < sim->members; i++)
        EXPECT(sim, sim_state(sim, i) == (i == 0 ? BW_MEMBER_ATTENTION : BW_MEMBER_DOWN), "member %u is in state %u", i + 1,
               sim_state(sim, i));
}

static void trouble_leaves_one(struct sim *sim)
{
    all_troubled(sim);
    sim_report(sim, 1, BW_PNOTE_OK, 0);
    sim_changed(sim);
    sim_wait(sim, 1000);
    EXPECT(sim, sim_holder(sim, 0) == 1, "the one without trouble does not serve");
    EXPECT(sim, sim_state(sim, 1) == BW_MEMBER_ACTIVE && sim_state(sim, 0) == BW_MEMBER_DOWN, "not active there, down here");
}

static void pnote_flaps(struct sim *sim)
{
    sim_begin(sim);
    for (int i = 0; i < 120; i++) {
        sim_report(sim, 0, i % 2 == 0 ? BW_PNOTE_PROBLEM : BW_PNOTE_OK, 0);
        sim_changed(sim);
        sim_wait(sim, 500);
    }
}

static void holders_pnote_flaps(struct sim *sim)
{
    sim_begin(sim);
    for (int i = 0; i < 60; i++) {
        uint8_t holder = sim_holder(sim, 0);

        if (holder != BW_NONE)
            sim_report(sim, holder, BW_PNOTE_PROBLEM, 0);
        sim_changed(sim);
        sim_wait(sim, 500);
        for (uint8_t k = 0; k < sim->members; k++)
            sim_report(sim, k, BW_PNOTE_OK, 0);
        sim_changed(sim);
        sim_wait(sim, 500);
    }
}

static void pnote_timeout(struct sim *sim)
{
    sim_begin(sim);
    sim_report(sim, 0, BW_PNOTE_OK, BW_SEC);
    sim_changed(sim);
    sim_wait(sim, 990);
    EXPECT(sim, sim_holder(sim, 0) == 0, "it yields before its time");
    sim_wait(sim, 20);
    EXPECT(sim, sim_holder(sim, 0) == 1, "it does not yield when its time is over");
    EXPECT(sim, sim_state(sim, 0) == BW_MEMBER_DOWN, "it is not down");
    sim_report(sim, 0, BW_PNOTE_OK, 0);
    sim_changed(sim);
    sim_wait(sim, 500);
    EXPECT(sim, sim_state(sim, 0) == BW_MEMBER_STANDBY, "it is not back");
}

static void versions(struct sim *sim, uint16_t from, uint16_t to)
{
    for (uint8_t i = 0; i < sim->members; i++)
        sim->nodes[i].protocol = from;
    sim_begin(sim);
    for (uint8_t i = sim->members; i-- > 0;) { /* the holder last */
        uint8_t before = sim_holder(sim, 0);

        if (i == before) {
            sim_ask_admin(sim, i, i, BW_ADMIN_MAINTENANCE);
            sim_changed(sim);
            sim_wait(sim, 500);
            EXPECT(sim, sim_holder(sim, 0) != i && sim_holder(sim, 0) != BW_NONE, "member %u did not hand over", i + 1);
        }
        sim_stop(sim, i);
        sim_wait(sim, 2000);
        sim->nodes[i].protocol = to;
        sim_node_start(sim, i);
        sim_wait(sim, 4000);
        if (i > 0)
            EXPECT(sim, sim_state(sim, i) == (to > from ? BW_MEMBER_READY : BW_MEMBER_STANDBY), "member %u is in state %u", i + 1,
                   sim_state(sim, i));
    }
}

static void rolling_upgrade(struct sim *sim)
{
    versions(sim, 1, 2);
}

static void rolling_back(struct sim *sim)
{
    versions(sim, 2, 1);
}

static void newer_preferred(struct sim *sim)
{
    sim->nodes[0].protocol = 2;
    for (uint8_t i = 1; i < sim->members; i++) {
        sim->nodes[i].protocol = 1;
        sim_node_start(sim, i);
    }
    for (uint8_t i = 0; i < sim->members; i++)
        sim->nodes[i].config.groups[0].failback = BW_AUTO;
    sim_wait(sim, 5000);
    sim_mark(sim);
    sim_node_start(sim, 0);
    sim_wait(sim, 5000);
    EXPECT(sim, sim_state(sim, 0) == BW_MEMBER_READY, "it is in state %u", sim_state(sim, 0));
    EXPECT(sim, sim->seen.takes == 0, "the newer one took from an older one");
    for (uint8_t i = 1; i < sim->members; i++)
        sim_node_crash(sim, i, false, true);
    sim_wait(sim, 2000);
    EXPECT(sim, sim_holder(sim, 0) == 0, "the older ones are gone, and it does not serve");
}

static void other_digest(struct sim *sim)
{
    sim->nodes[1].config.digest = 99;
    sim_begin(sim);
    sim_wait(sim, 5000);
    for (uint8_t i = 0; i < sim->members; i++)
        EXPECT(sim, sim->nodes[i].core->mismatch, "member %u does not say so", i + 1);
    sim_node_crash(sim, 0, false, true);
    sim_wait(sim, 2000);
    EXPECT(sim, sim_holder(sim, 0) != BW_NONE, "the other configuration does not take over");
}

static void other_mode(struct sim *sim)
{
    sim->nodes[1].config.mode = BW_MODE_SERVICE;
    sim->nodes[1].config.digest = 99;
    other_digest(sim);
}

static void equal_priorities(struct sim *sim)
{
    for (uint8_t i = 0; i < sim->members; i++) {
        for (uint8_t k = 0; k < sim->members; k++)
            sim->nodes[i].config.members[k].priority = 7;
        sim->nodes[i].config.groups[0].policy_count = 0;
    }
    for (int round = 0; round < 100 && !sim->failed; round++) {
        sim_start_all(sim);
        sim_wait(sim, 1500);
        EXPECT(sim, sim_holder(sim, 0) == 0, "round %d: not the lowest id", round);
        EXPECT(sim, sim->seen.over_ns == 0, "round %d: two answered", round);
        for (uint8_t i = 0; i < sim->members; i++)
            sim_node_crash(sim, i, false, true);
        sim_wait(sim, 1000);
    }
    sim_mark(sim);
}

static void same_instant(struct sim *sim)
{
    for (int round = 0; round < 50 && !sim->failed; round++) {
        sim_start_all(sim);
        sim_wait(sim, 3 * sim->d_ns / BW_MS);
        EXPECT(sim, sim_holder(sim, 0) != BW_NONE, "round %d: not one serves after three dead times", round);
        EXPECT(sim, sim->seen.over_ns == 0, "round %d: two answered", round);
        for (uint8_t i = 0; i < sim->members; i++)
            sim_node_crash(sim, i, false, true);
        sim_wait(sim, 1000 + sim_pick(sim, 100));
    }
    sim_mark(sim);
}

static void cascade(struct sim *sim)
{
    sim_begin(sim);
    for (uint8_t i = 1; i < sim->members; i++) {
        uint8_t holder = sim_holder(sim, 0);

        if (holder == BW_NONE)
            break;
        sim_node_crash(sim, holder, false, true);
        sim_wait(sim, 1500);
    }
    EXPECT(sim, sim_holder(sim, 0) == sim->members - 1, "the last one does not serve");
}

/* Every 200 ms, less than a dead time, the one that serves or claims is gone. */
static void fast_cascade(struct sim *sim)
{
    sim_begin(sim);
    for (uint8_t i = 0; i + 1 < sim->members; i++) {
        sim_node_crash(sim, i, false, true);
        sim_wait(sim, 200);
    }
    sim_wait(sim, 3000);
    EXPECT(sim, sim_holder(sim, 0) == sim->members - 1, "the last one does not serve");
}

/* A member comes back with an epoch long past. */
static void old_epoch(struct sim *sim)
{
    sim_begin(sim);
    sim_cut_both(sim, 0, 1, true);
    sim_cut_both(sim, 0, 2, true);
    sim_wait(sim, 1000);
    for (int i = 0; i < 20; i++) {
        sim_move(sim, 0, (uint8_t)(1 + i % 2));
        sim_wait(sim, 300);
    }
    sim_cut_both(sim, 0, 1, false);
    sim_cut_both(sim, 0, 2, false);
    sim_wait(sim, 250);
    EXPECT(sim, sim_holder(sim, 0) != BW_NONE, "not one serves two intervals after they met");
    EXPECT(sim, sim->nodes[0].core->groups[0].epoch > 20, "it has not learnt the epoch");
}

static void epoch_near_its_top(struct sim *sim)
{
    const uint64_t top = (1ULL << 62) - 100;

    sim_begin(sim);
    sim->nodes[0].core->groups[0].epoch = sim->nodes[0].core->groups[0].hold_epoch = top;
    sim_wait(sim, 500);
    for (int i = 0; i < 20; i++) {
        sim_move(sim, 0, (uint8_t)((i + 1) % 2));
        sim_wait(sim, 400);
        EXPECT(sim, sim_holder(sim, 0) == (i + 1) % 2, "move %d did not succeed", i);
    }
    EXPECT(sim, sim->nodes[0].core->groups[0].epoch > top, "the epoch went back");
}

static void denied_everywhere(struct sim *sim)
{
    sim_begin(sim);
    for (uint8_t i = 0; i < sim->members; i++) {
        struct bw_request request = {.kind = BW_REQUEST_GROUP_DENY, .group = 1, .deny = BW_DENY_WATCH};

        sim_node_request(sim, (uint8_t)(sim->members - 1 - i), &request); /* the holder last */
        sim_changed(sim);
        sim_wait(sim, 500);
    }
    EXPECT(sim, sim_holder(sim, 0) == 0 && sim_state(sim, 0) == BW_MEMBER_ATTENTION, "it does not serve on, in attention");
    for (uint8_t i = 1; i < sim->members; i++)
        sim_cut_both(sim, 0, i, true);
    sim_wait(sim, 2000);
    EXPECT(sim, sim_node_hold(sim, 1, 0), "cut off, the denied one does not run it");
}

const struct sim_schedule sim_cluster_schedules[] = {
    {"all members in trouble", 2, 2, all_troubled, 0, 0, 0, 0, 0},
    {"all members in trouble", 5, 2, all_troubled, 0, 0, 0, 0, 0},
    {"all in trouble, it leaves one", 3, 2, trouble_leaves_one, 1, 3, 3, 0, 0},
    {"pnote flaps at 1 Hz for 60 s", 2, 2, pnote_flaps, 4, 3, 3, 0, 0},
    {"pnote flaps at 1 Hz for 60 s", 3, 2, pnote_flaps, 4, 3, 3, 0, 0},
    {"pnote of whoever serves flaps at 1 Hz for 60 s: it is served all the while", 2, 2, holders_pnote_flaps, ANY, 3, 3, 0, 0},
    {"pnote of whoever serves flaps at 1 Hz for 60 s: it is served all the while", 3, 2, holders_pnote_flaps, ANY, 3, 3, 0, 0},
    {"pnote not reported in time", 2, 2, pnote_timeout, 1, 3, 3, 0, 0},
    {"rolling upgrade", 2, 2, rolling_upgrade, 2, 3, 3, 0, 0},
    {"rolling upgrade", 3, 2, rolling_upgrade, 2, 3, 3, 0, 0},
    {"rolled back", 3, 2, rolling_back, 2, 3, 3, 0, 0},
    {"newer version preferred: it waits until the older ones are gone", 3, 2, newer_preferred, 1, 450, 0, 0, 0},
    {"one with another configuration", 2, 2, other_digest, 1, 450, 0, 0, 0},
    {"one with another mode", 3, 2, other_mode, 1, 450, 0, 0, 0},
    {"equal priorities, 100 starts", 2, 2, equal_priorities, 0, ANY, 0, 0, 0},
    {"all start at the same instant, 50 times", 2, 2, same_instant, 0, ANY, 0, 0, 0},
    {"all start at the same instant, 50 times", 5, 2, same_instant, 0, ANY, 0, 0, 0},
    {"cascading failures", 5, 2, cascade, 4, 450, 0, 0, 0},
    {"cascading failures faster than the dead time", 5, 2, fast_cascade, 4, 1300, 0, 0, 0},
    {"back with an old epoch", 3, 2, old_epoch, 22, 3, ANY, 0, 0},
    {"epoch near its top", 2, 2, epoch_near_its_top, 20, 3, 3, 0, 0},
    {"start denied everywhere, then all interconnects lost", 2, 2, denied_everywhere, 1, 0, ANY, 0, 0},
    {.name = NULL},
};
