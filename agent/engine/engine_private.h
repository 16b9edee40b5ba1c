/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside the engine: its state, shared by the loop, the reading and the carrying-out. */
#ifndef BELLWETHER_ENGINE_PRIVATE_H
#define BELLWETHER_ENGINE_PRIVATE_H

#include "agent/engine/engine.h"
#include "agent/linux/linux.h"
#include "agent/net/net.h"
#include "bellwether/log.h"

/* Frames read in one turn at most, over all interfaces; more wait for the next turn, which then expires nobody. */
#define FRAMES_PER_TURN 128

/* What a descriptor in the epoll set is; ports are SOURCE_PORT + interface index. Only what is ready is read: the epoll is level-triggered,
 * so a descriptor that it does not name had nothing when the turn began. */
enum source { SOURCE_STOP, SOURCE_DEATH, SOURCE_MAILBOX, SOURCE_EDGE, SOURCE_PORT };

/* Heartbeat lateness, bucketed: 8 buckets an octave over microseconds. */
#define LATENESS_BUCKETS 256
struct bw_lateness {
    uint64_t counts[LATENESS_BUCKETS];
    uint64_t total, sum_ns;
    uint64_t worst_ns;
    uint64_t exported[BW_LATE_BUCKETS]; /* the coarser buckets of the model */
};
void bw_lateness_add(struct bw_lateness *lateness, uint64_t late_ns);
/* Upper bound of the bucket below which `permille_tenths` of 10,000 samples lie (9990 = 99.9 %); 0 without samples. */
uint64_t bw_lateness_quantile(const struct bw_lateness *lateness, unsigned of_ten_thousand);

/* The last whole copy of what other threads contribute to snapshots, and where the next one is read into. */
struct bw_others {
    struct bw_sync_rows sync, sync_draft;
    struct bw_alert_rows alerts, alerts_draft;
    struct bw_resource_rows resources, resources_draft;
};

/* Which alert targets the history calls failing. */
struct bw_told_alerts {
    uint32_t count;
    struct {
        char name[BW_NAME_MAX];
        bool failing;
    } rows[BW_MAX_ALERT_TARGETS];
};

struct bw_engine {
    struct bw_others others;
    struct bw_told_alerts told_alerts;
    const struct bw_agent *agent;
    const struct bw_cluster_config *cluster;
    struct bw_core *core;
    struct bw_seal *seal;
    struct bw_linux *edge;
    struct bw_port *ports[BW_MAX_INTERFACES]; /* NULL: no CCP on this interface */
    struct bw_link attached[BW_MAX_INTERFACES]; /* what the port was last attached to */
    int epoll, stop_fd;
    uint32_t ready;   /* bit per enum source (ports from SOURCE_PORT on) that has something to read in this turn */
    uint64_t wake_ns; /* a turn is due then, whatever comes */
    bool stopping, done, post_wanted;
    int exit_status;
    uint32_t pid;
    uint64_t reload_ticket; /* of the one being carried out, 0 = none */
    uint64_t start_ns, stop_ns, now_ns, due_ns, last_post_ns, last_wake_ns, notices_ns, turns, pauses, slow_hooks;
    uint64_t verdicts[BW_VERDICT_DUPLICATE_ID + 1];
    struct bw_log_limit trouble_limits[BW_VERDICT_DUPLICATE_ID + 1];
    uint64_t last_query_answer_ns[BW_MAX_INTERFACES];
    uint64_t frames_sent[BW_MAX_INTERFACES], frames_received[BW_MAX_INTERFACES], send_errors[BW_MAX_INTERFACES];
    struct bw_lateness lateness;
    /* For the sync thread: the keys, and its state that was told last. */
    uint32_t sync_keys_count, sync_state;
    uint8_t sync_keys[2][BW_KEY_BYTES];
    uint64_t sync_event_ns;
    struct bw_facts_own facts; /* told last */
    unsigned received_count;
    struct bw_arrival received[FRAMES_PER_TURN];
    uint8_t frames[BW_MAX_INTERFACES][BW_FRAME_MAX]; /* sealed, on their way out */
};

/* Reads what waits in the ports into `received`. True when it stopped at the bound. */
bool bw_engine_receive(struct bw_engine *engine);
/* Gives the core what was received, what the kernel says and what others ask for. */
void bw_engine_inputs(struct bw_engine *engine);
/* Takes a changed configuration on: begins when one is offered, and ends when the kernel edge has followed. */
void bw_engine_reload_begin(struct bw_engine *engine, uint64_t ticket);
void bw_engine_reload_run(struct bw_engine *engine);
/* Watches the edge's descriptors, new ones too. 0 or negative errno. */
int bw_engine_watch_edge(struct bw_engine *engine);
/* Attaches ports to their devices as the edge sees them now. */
void bw_engine_attach(struct bw_engine *engine, uint8_t interface);
/* Carries out everything that the core wants in this turn. */
void bw_engine_outputs(struct bw_engine *engine);
/* Sends a heartbeat on one interface at once (to a member that is not adopted yet). */
void bw_engine_send_heartbeat(struct bw_engine *engine, uint16_t interfaces);
/* Tells the sync thread what changed for it, and its own change of state as an event. Keys: at the start and when they change. */
void bw_engine_tell_sync(struct bw_engine *engine, const struct bw_snapshot *snapshot);
void bw_engine_sync_keys(struct bw_engine *engine, const uint8_t keys[2][BW_KEY_BYTES], unsigned count);
/* Makes an event of each alert target that fails for long, or no more. */
void bw_engine_tell_alerts(struct bw_engine *engine, const struct bw_snapshot *snapshot);
/* Posts a snapshot. */
void bw_engine_post(struct bw_engine *engine);
/* Adds a descriptor to the epoll set; one that is there already is fine. source: enum source. */
int bw_engine_watch(struct bw_engine *engine, int fd, unsigned source);
static inline bool bw_engine_ready(const struct bw_engine *engine, unsigned source)
{
    return engine->ready >> source & 1;
}

#endif
