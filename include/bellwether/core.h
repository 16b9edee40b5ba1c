/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The core: everything that decides. A pure library without system calls, clock, allocation or
 * thread: inputs in, outputs out, time comes with each turn. The engine thread drives it with real
 * packets, the simulator with virtual ones; the same inputs give the same outputs.
 *
 * One turn:  bw_core_begin → bw_core_input … → bw_core_end → bw_core_output until NULL.
 */
#ifndef BELLWETHER_CORE_H
#define BELLWETHER_CORE_H

#include "bellwether/config.h"
#include "bellwether/facts.h"
#include "bellwether/message.h"
#include "bellwether/model.h"

enum bw_input_kind {
    BW_INPUT_MESSAGE = 1,   /* message: authentic, not replayed, from an adopted boot id (or a farewell) */
    BW_INPUT_LINK,          /* interface, up: carrier and administrative state; also given for every interface at start */
    BW_INPUT_PROBE_REPLY,   /* interface: some neighbour that is no peer answered, or spoke, there */
    BW_INPUT_RECEIVED,      /* interface: frames of any kind were received there since the last sample (counter moved) */
    BW_INPUT_RELEASED,      /* group: all its addresses are off this host */
    BW_INPUT_INSTALLED,     /* group: all its addresses are on this host */
    BW_INPUT_OVERDUE,       /* up = true: address writes are overdue by half a lease; false: they catch up */
    BW_INPUT_ADDRESS_LOST,  /* address: somebody else removed it while we hold it (the edge puts it back) */
    BW_INPUT_ADDRESS_DUPLICATE, /* address, text: a stranger's link-layer address that answers for it */
    BW_INPUT_REQUEST,       /* ticket, request: from the mailbox */
    BW_INPUT_STOP,          /* orderly end: let go of everything, say so; the engine goes on until BW_OUTPUT_STOPPED */
    BW_INPUT_AUTH_TROUBLE,  /* text: unauthentic, replayed or foreign frames were seen (already rate-limited) */
    BW_INPUT_WITNESS,       /* a witness answered what BW_OUTPUT_WITNESS asked */
    BW_INPUT_FACTS,         /* facts: what the other members remember of this one, at its start */
};

struct bw_input {
    enum bw_input_kind kind;
    uint8_t interface; /* index */
    uint8_t group;     /* index */
    bool up;
    uint64_t ticket;
    union {
        const struct bw_message *message; /* valid during the call only */
        const struct bw_request *request; /* likewise */
        const struct bw_facts *facts;     /* likewise */
        struct bw_address address;
    };
    char text[BW_TEXT_MAX];
};

enum bw_output_kind {
    BW_OUTPUT_HEARTBEAT = 1, /* build one with bw_core_heartbeat and send it on the interfaces in mask `interfaces`;
                                `until_ns`: when a regular one was due, else 0 */
    BW_OUTPUT_PAGE,          /* build page `number` with bw_core_page and send it on the interfaces in `interfaces` */
    BW_OUTPUT_PAGE_REQUEST,  /* ask member `member` (id) for pages in mask `number` */
    BW_OUTPUT_FAREWELL,      /* say that this boot id is over */
    BW_OUTPUT_GRANT,         /* this host may hold the addresses of `group` until `until_ns`; announce when new */
    BW_OUTPUT_REVOKE,        /* take the addresses of `group` off now; BW_INPUT_RELEASED when done */
    BW_OUTPUT_ANNOUNCE,      /* announce the addresses of `group` (gratuitous ARP, unsolicited NA) */
    BW_OUTPUT_PROBE,         /* probe the neighbours on `interface` by ARP/ND and sample its receive counter */
    BW_OUTPUT_EVENT,         /* event: for history, log, alerts */
    BW_OUTPUT_ANSWER,        /* ticket, answer: to the mailbox */
    BW_OUTPUT_POST,          /* something that surfaces show changed: post a snapshot at the end of this turn */
    BW_OUTPUT_EXIT,          /* this boot id was declared over (by our keeper): exit before sending anything */
    BW_OUTPUT_STOPPED,       /* after BW_INPUT_STOP: everything is let go and said */
    BW_OUTPUT_WITNESS,       /* ask all witnesses whether they are there; each answer is a BW_INPUT_WITNESS */
};

struct bw_output {
    enum bw_output_kind kind;
    uint16_t interfaces; /* bit i = interface index i */
    uint8_t interface;
    uint8_t group;
    uint8_t member; /* id */
    uint32_t number;
    uint64_t until_ns;
    uint64_t ticket;
    union {
        struct bw_event event; /* number not set */
        struct bw_answer answer;
    };
};

/* What the core needs at start besides the configuration. */
struct bw_core_start {
    struct bw_boot_id boot;
    uint64_t now_ns;      /* CLOCK_BOOTTIME */
    int64_t wall;         /* ns since 1970 */
    uint64_t seed;        /* for jitter; the same seed gives the same run */
    uint32_t admin;       /* enum bw_admin_state kept over the restart, 0 = up */
    char admin_by[BW_TEXT_MAX];
    int64_t admin_since_wall;
    char version[BW_NAME_MAX];
    uint16_t protocol, protocol_least; /* 0 = this build's */
    uint64_t decisions[BW_MAX_GROUPS]; /* by group index: of the group's row, kept over the restart */
    uint64_t facts_number; /* of what the store kept of admin state and pnotes (facts.h), 0 = not known */
    bool syncs; /* state synchronisation runs: its pnote is in init until it reports */
    uint8_t pnotes_count; /* persistent user pnotes, all fields of a row that matter: name, status, timeout_ns */
    struct bw_pnote_row pnotes[BW_MAX_PNOTES];
};

struct bw_core;

/* Bytes that bw_core_init needs (aligned like max_align_t). */
size_t bw_core_size(void);
/* Makes a core in `memory`. `config` must stay valid and unchanged; config->local must be resolved. */
struct bw_core *bw_core_init(void *memory, const struct bw_cluster_config *config, const struct bw_core_start *start);

/* Another configuration while it runs, within a turn. Only what no shape of the core depends on may differ: ids, names, addresses and
 * number of members, interfaces and their roles, and groups' names must be the same. can: would it be taken? */
bool bw_core_can_reconfigure(const struct bw_core *core, const struct bw_cluster_config *config);
/* Takes it on (what: in words, for the event). config must stay valid and unchanged; the former one is used no more. False
 * when it can't: then nothing is changed. */
bool bw_core_reconfigure(struct bw_core *core, const struct bw_cluster_config *config, const char *what);

/* Begins a turn at now_ns (CLOCK_BOOTTIME, never less than before). bounded: the engine stopped reading at its bound, more
 * frames wait, so nobody may be expired in this turn. */
void bw_core_begin(struct bw_core *core, uint64_t now_ns, int64_t wall, bool bounded);
void bw_core_input(struct bw_core *core, const struct bw_input *input);
/* Ends the turn: expiry, verdicts, decisions, what is due. */
void bw_core_end(struct bw_core *core);
/* The next output of this turn, or NULL. Valid until the next call. */
const struct bw_output *bw_core_output(struct bw_core *core);
/* When the next turn is due if nothing happens before (CLOCK_BOOTTIME ns). */
uint64_t bw_core_deadline(const struct bw_core *core);
/* Had this turn begun later than a dead time after the last one? Then frames that queued up meanwhile must be dropped:
 * ask right after bw_core_begin. */
bool bw_core_paused(const struct bw_core *core);

/* May heartbeats be sent? Not when another process lives that uses our id, and was there before. */
bool bw_core_speaks(const struct bw_core *core);
/* Fill in what an output asks for. Right after the start a heartbeat is a state query: see kind. kind, sender and boot are set; sequence, interface, challenges are net's. */
void bw_core_heartbeat(struct bw_core *core, struct bw_message *message);
void bw_core_page(struct bw_core *core, uint8_t number, struct bw_message *message);

/* Each member's state as this one sees it (enum bw_member_state) and the intervals since it was last heard (saturating), by member
 * index: for the clear part of every frame. Cheap. */
void bw_core_states(const struct bw_core *core, uint8_t states[BW_MAX_MEMBERS], uint8_t last_heard[BW_MAX_MEMBERS]);

/* The local member's resources, as the thread that runs them shows them: for snapshots, and for the other members. Between turns. */
void bw_core_resources(struct bw_core *core, const struct bw_resource_row *rows, uint32_t count);

/* What was asked of the local member, to be kept. Between turns. */
void bw_core_facts(const struct bw_core *core, struct bw_facts_own *own);

/* Writes everything that the core knows into a snapshot: cluster, members, interfaces, pnotes, addresses, groups, group members,
 * causes. Not: number, times, history range, agent, frame counters of local interfaces. */
void bw_core_snapshot(const struct bw_core *core, struct bw_snapshot *snapshot);

#endif
