/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The simulator: whole clusters of cores in virtual time. The network loses, delays, duplicates,
 * reorders and cuts (one way too); members crash, are stopped, lose links and ports; administrators
 * and pnotes interfere. Everything follows from the seed, so a failing one replays exactly.
 */
#ifndef BELLWETHER_TESTS_SIM_H
#define BELLWETHER_TESTS_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/core/core_private.h"

#define SIM_START_NS (1000 * BW_SEC)
#define SIM_MESSAGES 8192

enum sim_class {
    SIM_CLEAN, SIM_LINKS, SIM_PORTS, SIM_CUTS, SIM_ONE_WAY, SIM_LOSS, SIM_DELAY, SIM_CRASHES, SIM_PAUSES, SIM_ADMIN, SIM_HEALTH,
    SIM_ALL, SIM_GROUPS, SIM_WITNESS, SIM_VERSIONS, SIM_MIXED, SIM_DENY, SIM_CLASSES,
};
extern const char *const sim_class_names[SIM_CLASSES];

enum sim_bug {
    SIM_BUG_NONE, SIM_BUG_NO_VOTE, SIM_BUG_KEEP_ADDRESS, SIM_BUG_NO_PAUSE, SIM_BUG_NOT_MUTUAL, SIM_BUG_NEVER_DEAF, SIM_BUG_NO_RANK,
    SIM_BUG_NO_NAMES, SIM_BUG_NO_EXPIRY, SIM_BUG_NO_ADMIN, SIM_BUG_STALE_EPOCH, SIM_BUG_NO_REASON, SIM_BUG_RANDOM, SIM_BUG_NO_WISH, SIM_BUG_NO_WITNESS,
    SIM_BUG_NO_VERSION, SIM_BUG_NO_AGREEMENT, SIM_BUG_NO_DENY, SIM_BUG_NO_PATIENCE, SIM_BUG_COPY, SIM_BUGS,
};
extern const char *const sim_bug_names[SIM_BUGS];

enum sim_event_kind { SIM_DELIVER, SIM_PROBED, SIM_INSTALLED, SIM_RELEASED, SIM_FAULT, SIM_RESTART, SIM_RESUME, SIM_END_FAULTS, SIM_WITNESSED };

struct sim_event {
    uint64_t at_ns;
    uint32_t order; /* events of one instant keep their order */
    uint8_t kind, node, interface, group;
    uint32_t data;  /* message slot, generation, fault number */
};

struct sim_session {
    struct bw_boot_id boot;
    bool adopted;
    uint64_t challenge;      /* ours for that member */
    uint64_t heard_challenge; /* its newest for us */
};

struct sim_edge {
    bool present; /* the addresses are in the kernel */
    bool wanted;
    uint64_t until_ns; /* their lease */
    uint32_t generation;
};

struct sim_node {
    bool alive, paused, begun, lonely; /* lonely: killed with its keeper, addresses stay until their lease ends */
    bool stopping;
    uint64_t due_ns, resume_ns, answered_ns;
    uint32_t incarnation;
    struct bw_boot_id boot;
    struct bw_core *core;
    void *memory;
    struct bw_cluster_config config;
    struct sim_session sessions[BW_MAX_MEMBERS];
    struct sim_edge edges[BW_MAX_GROUPS];
    bool link[BW_MAX_INTERFACES];
    bool deaf_port[BW_MAX_INTERFACES], mute_port[BW_MAX_INTERFACES]; /* link is up, nothing comes in / goes out */
    bool flooded; /* there is always more to read than a turn may take */
    bool unwitnessed; /* it does not reach the witness */
    uint32_t admin;
    uint16_t protocol; /* 0 = this build's */
    uint64_t decisions[BW_MAX_GROUPS]; /* on its disk */
    int64_t wall_offset;
    /* For the checks. */
    uint32_t condition; /* bits: waiting, listening, deaf, excluded, damped, works */
    uint64_t paused_since_ns, resumed_ns, excluded_ns, deafened_ns;
    uint64_t delivered_ns; /* the last frame came in, whoever sent it and whether he lives still */
    bool had_view, was_holding[BW_MAX_GROUPS];
    uint16_t deafened_view; /* members that were in its view when it became deaf */
    uint64_t epoch[BW_MAX_GROUPS];
    bool held[BW_MAX_GROUPS], held_before[BW_MAX_GROUPS];
    uint64_t stopped_ns[BW_MAX_GROUPS]; /* its core knows since then that the group is stopped, 0 = it is not */
};

/* One direction of one pair on one interface. */
struct sim_path {
    bool cut;
    uint8_t loss; /* per cent */
};

struct sim {
    uint64_t seed, random, random_check;
    enum sim_class class;
    enum sim_bug bug;
    uint8_t members, interfaces, groups;
    bool trace, scheduled; /* scheduled: what happens is written down (schedule.c), not drawn */
    uint64_t now_ns, end_ns, faults_end_ns;
    bool faults_over;
    struct sim_node nodes[BW_MAX_MEMBERS];
    struct sim_path paths[BW_MAX_INTERFACES][BW_MAX_MEMBERS][BW_MAX_MEMBERS];
    bool neighbours[BW_MAX_INTERFACES]; /* hosts that are no members live there */
    uint64_t delay_ns, jitter_ns, largest_delay_ns;
    uint8_t duplicates; /* per cent */
    bool lossy; /* some path loses frames now, or did within the last dead time */
    uint64_t lossy_until_ns;
    uint8_t worst_loss;
    /* Queue. */
    struct sim_event *heap;
    uint32_t heap_count, heap_cap, orders;
    struct bw_message *messages;
    uint16_t references[SIM_MESSAGES];
    uint32_t free_slots[SIM_MESSAGES], free_count;
    /* Faults. */
    uint32_t faults_count;
    /* Checks. */
    uint64_t changed_ns;  /* last change of connectivity, health or condition */
    uint64_t outside_ns;  /* last change from outside only */
    uint64_t wire_ns, wires; /* last change of who can hear whom, and a digest of that */
    uint64_t connected_ns[BW_MAX_MEMBERS][BW_MAX_MEMBERS]; /* since when this one hears that one; 0 = does not */
    uint64_t both_ns[BW_MAX_GROUPS][BW_MAX_MEMBERS][BW_MAX_MEMBERS]; /* both hold since */
    uint64_t met_ns[BW_MAX_GROUPS][BW_MAX_MEMBERS][BW_MAX_MEMBERS];  /* and have heard each other since */
    uint64_t anew_ns[BW_MAX_GROUPS][BW_MAX_MEMBERS][BW_MAX_MEMBERS]; /* since one of them took it at another epoch */
    uint64_t epochs[BW_MAX_GROUPS][BW_MAX_MEMBERS][BW_MAX_MEMBERS];  /* both epochs, as one number */
    uint64_t tie_ns; /* last change of who reaches the witness */
    uint64_t none_ns[BW_MAX_GROUPS][BW_MAX_MEMBERS];
    uint64_t hash; /* over everything that happened: the same seed gives the same */
    uint64_t turns, failovers, splits;
    struct { /* what a client, or an administrator, would have seen since the last sim_mark */
        unsigned takes, falls, events[BW_EVENT_LAST + 1]; /* takings of any group; interfaces that went down; events of a kind */
        uint64_t none_ns, over_ns;                        /* longest time that nobody, or more than one, held group 0 */
        uint64_t none_since_ns, over_since_ns;
    } seen;
    struct bw_message *tape; /* frames as they were sent, to be played again */
    uint32_t tape_count, tape_cap;
    double worst_both, worst_over, worst_none; /* the largest part of its bound that anything used */
    bool failed;
    char failure[512];
    /* Output. */
    uint64_t d_ns, i_ns; /* dead time, interval */
};

/* ---- world.c ---- */
bool sim_run(struct sim *sim);
void sim_init(struct sim *sim);
void sim_fini(struct sim *sim);
/* Ends the turns that were begun at this instant, and checks. */
void sim_now(struct sim *sim);
uint64_t sim_random(struct sim *sim);
/* 0 … below - 1 */
uint64_t sim_pick(struct sim *sim, uint64_t below);
bool sim_chance(struct sim *sim, unsigned per_cent);
void sim_push(struct sim *sim, uint64_t at_ns, enum sim_event_kind kind, uint8_t node, uint8_t interface, uint8_t group, uint32_t data);
void sim_trace(const struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sim_begin_turn(struct sim *sim, uint8_t node);
void sim_send(struct sim *sim, uint8_t from, struct bw_message *message, uint16_t interfaces);

/* ---- node.c ---- */
void sim_node_start(struct sim *sim, uint8_t node);
void sim_node_crash(struct sim *sim, uint8_t node, bool farewell, bool host_gone);
void sim_node_outputs(struct sim *sim, uint8_t node);
void sim_node_input(struct sim *sim, uint8_t node, const struct bw_input *input);
void sim_node_request(struct sim *sim, uint8_t node, const struct bw_request *request);
void sim_node_link(struct sim *sim, uint8_t node, uint8_t interface, bool up);
bool sim_node_hold(const struct sim *sim, uint8_t node, uint8_t group);
/* The session layer: may the core of `node` have this message? */
bool sim_session_open(struct sim *sim, uint8_t node, const struct bw_message *message, bool *answer);
void sim_session_fill(struct sim *sim, uint8_t node, struct bw_message *message);

/* ---- schedule.c ---- */
/* Runs the fault catalogue, its chances drawn by `seed`: one TAP line each. 0 or 1. only: a part of the names wanted, or NULL. */
int sim_schedules(const char *only, uint64_t seed, enum sim_bug bug, bool trace);

/* ---- fault.c ---- */
void sim_faults_plan(struct sim *sim);
void sim_fault(struct sim *sim);
void sim_faults_end(struct sim *sim);
void sim_pause(struct sim *sim, uint8_t node, uint64_t for_ns);
void sim_cut(struct sim *sim, uint8_t from, uint8_t to, bool now);
void sim_loss(struct sim *sim, uint8_t per_cent);
void sim_report(struct sim *sim, uint8_t node, uint32_t status, uint64_t timeout_ns);
void sim_ask_admin(struct sim *sim, uint8_t node, uint8_t about, uint32_t admin);

/* ---- check.c ---- */
void sim_changed(struct sim *sim); /* something changed from outside */
void sim_check(struct sim *sim);

/* ---- check_take.c ---- */
/* Of a node that is up, after each step; and once all is settled. */
void sim_check_take(struct sim *sim, uint8_t node, uint8_t group);
void sim_check_mismatch(struct sim *sim);

/* ---- seen.c ---- */
void sim_look(struct sim *sim);
void sim_mark(struct sim *sim); /* counts anew what is seen */
void sim_fail(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Gives a frame to all members once more, as if recorded and sent again. */
void sim_replay(struct sim *sim, const struct bw_message *message, uint16_t interfaces);

/* ---- bug.c ---- */
void sim_bug_message(struct sim *sim, uint8_t node, struct bw_message *message);
void sim_bug_turn(struct sim *sim, uint8_t node);

#endif
