/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside the keeper: judgement (pure), the agent's process, and farewells. */
#ifndef BELLWETHER_KEEPER_PRIVATE_H
#define BELLWETHER_KEEPER_PRIVATE_H

#include <sys/types.h>

#include "agent/keeper/keeper.h"
#include "bellwether/board.h"

/* ---- judgement: pure, times in CLOCK_BOOTTIME ns ---- */

#define BW_KEEPER_TICK_NS (100 * BW_MS)

struct bw_judge {
    uint64_t looked_ns; /* when this process last looked */
    uint64_t turn_ns;   /* of the engine, at that look; 0 = it has not begun */
    uint64_t first_ns;  /* its first turn */
    uint64_t idle_ns;   /* time without a turn since, as far as it counts */
    uint64_t ran_ns;    /* the engine's processor time at that look */
    bool sampled;       /* ran_ns is known */
    bool told;          /* that it stands and why */
    uint64_t backoff_ns;
    struct {
        uint64_t at_ns[2]; /* the two crashes before the newest */
    } crashes[BW_READERS];
};

/* One look at the engine. */
struct bw_look {
    uint64_t now_ns;
    uint64_t turn_ns; /* its last turn, 0 = not begun */
    /* What the kernel says of its thread; needed only when turn_ns is the same as at the look before. */
    char state;       /* as in proc(5): R S D T …; 0 = not known */
    bool waiting;     /* it is within its own wait for something to come or its time to be over */
    uint64_t ran_ns;  /* processor time it has had so far; 0 = not known */
};

enum bw_standing {
    BW_ENGINE_TURNS,
    BW_ENGINE_STARVED, /* it makes no turn, and that is the machine's doing: told once */
    BW_ENGINE_STUCK,
};

/* The agent was started at now_ns. */
void bw_judge_started(struct bw_judge *judge, uint64_t now_ns);
/* To be asked at least every BW_KEEPER_TICK_NS. Only time in which the engine could have made a turn counts in full: looks
 * that come when they are due, at a thread that runs, sleeps or is stopped. A tenth of it counts while the keeper itself comes
 * late, or the thread waits for a processor, within the kernel, or to be woken: then a whole machine that stands still in parts does
 * not look like an engine that does. When the keeper comes very late, both were stopped, and the engine gets a fresh second. */
enum bw_standing bw_judge_look(struct bw_judge *judge, const struct bw_look *look);
/* The agent that was started at started_ns has ended at now_ns: how long to wait before the next start. */
uint64_t bw_judge_backoff(struct bw_judge *judge, uint64_t started_ns, uint64_t now_ns);
/* A surface (enum bw_reader) crashed: true when it was the third time within a minute. */
bool bw_judge_crash(struct bw_judge *judge, unsigned surface, uint64_t now_ns);

/* ---- the agent's process ---- */

struct bw_child {
    pid_t pid;   /* 0 = none */
    int pidfd;   /* readable when it has ended for good */
    int life_fd; /* readable when it begins to die: much sooner, since a dying process closes packet sockets slowly */
};

/* Allows or forbids core dumps of this process and of what it forks. */
void bw_core_dump(bool wanted);
/* Forks the agent. inherited: descriptors of the keeper that the child closes, ended by -1; before_agent is called in
 * the child first. 0 or negative errno. */
int bw_child_start(struct bw_child *child, const struct bw_agent_context *context, int death_fd, const int *inherited,
                   int (*agent)(const struct bw_agent_context *context), void (*before_agent)(void *), void *arg);
/* Waits until it begins to die, at most so long. True when it did. */
bool bw_child_dying(const struct bw_child *child, uint64_t within_ns);
/* Waits until it has ended, at most so long, and collects it: true, and *status as of waitpid. */
bool bw_child_reap(struct bw_child *child, uint64_t within_ns, int *status);
/* What the kernel says of its first thread, the engine's: state and ran_ns of the look; 0 where it does not say. */
void bw_child_look(const struct bw_child *child, struct bw_look *look);

/* ---- farewells ---- */

struct bw_mourner;

/* Opens sockets on every interface that speaks CCP. 0 or negative errno. */
int bw_mourner_new(const struct bw_agent_context *context, struct bw_mourner **mourner);
/* Also in the child, which must not keep the keeper's sockets. */
void bw_mourner_free(struct bw_mourner *mourner);
/* To be polled for reading: then call refresh. */
int bw_mourner_fd(const struct bw_mourner *mourner);
/* Follows devices that came, went or changed. */
void bw_mourner_refresh(struct bw_mourner *mourner, bool addresses);
/* The context has another configuration and keys now. */
void bw_mourner_reconfigure(struct bw_mourner *mourner);
/* Takes the addresses off this host and tells everybody that this boot id is over. */
void bw_mourner_mourn(struct bw_mourner *mourner, const struct bw_boot_id *over);

#endif
