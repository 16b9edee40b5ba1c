/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside the connection tracking provider (bw_sync_conntrack): its state, and what its files do for each other. Everything runs on the
 * sync thread; requests to the kernel are answered before sendmsg() returns, so nothing here waits.
 *
 *   conntrack.c         open, close, the table of functions
 *   conntrack_socket.c  netlink: events, requests and their answers
 *   conntrack_event.c   what happens in the local kernel → updates
 *   conntrack_apply.c   a peer's records → the local kernel
 *   conntrack_repair.c  dumps for peers, repairs, changes of owner
 *   conntrack_shot.c    the whole table, read at once for a full synchronisation
 *   conntrack_sweep.c   looking after the whole table: due entries, and a comparison with the kernel
 *   conntrack_expect.c  expectations
 *   conntrack_role.c    when the member begins or ceases to hold a group
 *   conntrack_block.c   refuses new connections under overload
 *   conntrack_hold.c    flush and ack: packets that wait until peers know their connection
 */
#ifndef BELLWETHER_CONNTRACK_H
#define BELLWETHER_CONNTRACK_H

#include <sys/socket.h>

#include "agent/sync/ct_index.h"
#include "agent/sync/ct_select.h"
#include "bellwether/sync.h"

#define BW_CT_BATCH      64   /* events or answers in one system call */
#define BW_CT_DATAGRAM   2048 /* bytes of an event or an answer, most */
#define BW_CT_INJECT     64   /* requests in one message to the kernel */
#define BW_CT_EXPECTS    1024 /* expectations known */
#define BW_CT_ORPHANS    64   /* entries whose master is awaited */
#define BW_CT_DUMP_BYTES 65536
#define BW_CT_HELD       4096 /* packets held */

/* A copy at a peer lives at least so long after the owner last told of it, and the owner tells again after half of that, or after
 * BW_CT_REFRESH_MOST_S of a longer life. */
#define BW_CT_COPY_LEAST_S   300
#define BW_CT_REFRESH_MOST_S 600

/* Datagrams of one recvmmsg() and how far they are read. */
struct bw_ct_batch {
    struct mmsghdr messages[BW_CT_BATCH];
    struct iovec vectors[BW_CT_BATCH];
    uint8_t *bytes; /* BW_CT_BATCH × BW_CT_DATAGRAM */
    unsigned count, at;
};

/* A record on its way into the kernel. */
struct bw_ct_injection {
    struct bw_ct_entry entry;
    uint8_t range;
    uint8_t request; /* enum bw_ct_request */
};

struct bw_ct_expectation {
    uint8_t key[BW_CT_EXPECTED_KEY];
    uint8_t range, owner, flags;
    uint16_t length;
    uint64_t digest;
    uint8_t value[BW_CT_WIRE_VALUE_MAX];
};

/* Packets that wait in the kernel's queue; the oldest first. */
struct bw_ct_held {
    uint32_t id;
    uint64_t number; /* of the update that peers must have acknowledged */
    uint64_t since_ns;
};
struct bw_ct_hold {
    int fd; /* -1 = no queue */
    uint16_t queue; /* its number */
    unsigned count, most;
    uint64_t acknowledged;
    uint64_t holds, unholds, timeouts, not_held, sum_ns, max_ns;
    struct bw_ct_held held[BW_CT_HELD];
};

/* An entry that came before its master: put in without, and once more when the master is there. */
struct bw_ct_orphan {
    struct bw_ct_entry entry;
    uint8_t range, tries;
};

/* The comparison with the kernel's table. */
struct bw_ct_sweep {
    int fd;            /* of the dump; -1 = none runs */
    bool again;        /* events were lost meanwhile: begin anew at its end */
    bool hurried;      /* after lost events */
    uint8_t seen;      /* value of BW_CT_SEEN in records seen since it began */
    uint8_t range;     /* the second part, entries not seen: where it is */
    bool second;
    uint32_t hash;
    uint64_t next_ns;
    uint8_t *bytes;    /* the present datagram of the dump, BW_CT_DUMP_BYTES */
    size_t length, at; /* and where in it the next message is */
    bool full;         /* the stream's queue was: it goes on there later */
    uint8_t gone[8192]; /* one bit for each hash of entries that were destroyed since it began */
};

/* The kernel's table, read at once. */
struct bw_ct_shot_place {
    uint32_t hash, at;
};
struct bw_ct_shot {
    int fd;     /* of the dump; -1 = none runs */
    bool whole; /* it was read to its end */
    uint64_t since_ns, used_ns;
    uint8_t *bytes; /* rows, chained by range */
    size_t size, used;
    uint32_t heads[BW_SYNC_RANGES], counts[BW_SYNC_RANGES];
    struct bw_ct_shot_place *sorted; /* rows of one range, NULL = of none */
    uint32_t sorted_count;
    uint8_t sorted_range;
};

/* The walk along the index for what is due. */
struct bw_ct_walk {
    uint8_t range;
    uint32_t hash;
    uint64_t next_ns;
};

struct bw_ct {
    const struct bw_config *config;
    struct bw_sync_sink sink;
    uint8_t local; /* member id */
    bool overrun;
    bool held, role_known;
    unsigned others; /* members in view */
    uint64_t now_ns; /* of the present call */
    struct bw_ct_index *index;
    struct bw_ct_select *select;
    int events, requests;
    uint32_t requests_port;
    uint32_t sequence; /* of the last request */
    struct bw_ct_batch incoming, answers;
    struct bw_ct_sweep sweep;
    struct bw_ct_walk walk;
    struct bw_ct_shot shot;
    /* Makes own TCP entries liberal, from here on. */
    struct bw_ct_loosening {
        bool runs;
        uint8_t range;
        uint32_t hash;
    } loosening;
    /* Injections: built messages, and what they are for. */
    uint8_t *out;
    size_t out_length;
    unsigned injections_count;
    int failed; /* the first error since the last flush */
    uint32_t injections_sequence; /* of the first */
    struct bw_ct_injection injections[BW_CT_INJECT];
    struct bw_ct_hold hold;
    struct bw_ct_block {
        int fd; /* that the table in the packet filter belongs to; -1 = none */
        bool on;
        uint64_t scenarios, packets;
        uint64_t last; /* refused since it is on, when they were counted last */
    } block;
    unsigned orphans_count;
    struct bw_ct_orphan orphans[BW_CT_ORPHANS];
    uint64_t orphans_ns; /* when they are looked at next */
    unsigned expects_count;
    struct bw_ct_expectation expects[BW_CT_EXPECTS];
    uint64_t lost[BW_SYNC_RANGES / 64]; /* ranges in which a peer's entry went away by itself */
    uint64_t overruns, ignored, failures, conflicts;
    uint8_t *dump; /* BW_CT_DUMP_BYTES */
};

/* A record as it goes to the sink or a dump. */
struct bw_ct_wire {
    uint8_t key[BW_CT_WIRE_KEY_MAX], value[BW_CT_WIRE_VALUE_MAX];
    uint16_t key_length, value_length;
    uint8_t range;
};

static inline uint32_t bw_ct_second(const struct bw_ct *ct)
{
    return (uint32_t)(ct->now_ns / BW_SEC);
}

/* ---- conntrack_socket.c ---- */
int bw_ct_sockets_open(struct bw_ct *ct);
void bw_ct_sockets_close(struct bw_ct *ct);
/* Fills the batch without waiting. Number of datagrams, 0 = none, or negative errno. */
int bw_ct_receive(int fd, struct bw_ct_batch *batch);
/* The messages of the current datagram; ended by NULL. */
const struct nlmsghdr *bw_ct_message(const struct bw_ct_batch *batch, unsigned i);
/* Asks the kernel for entries. found(i, entry) for each key: entry NULL = the kernel has none; it is not called when that is not known.
 * When it returns false the rest is left. */
void bw_ct_get(struct bw_ct *ct, const struct bw_ct_key *keys, unsigned count,
               bool (*found)(void *context, unsigned i, const struct bw_ct_entry *entry), void *context);
/* Sends one request and returns what the kernel says: 0 or negative errno. */
int bw_ct_request_one(struct bw_ct *ct, const void *message, size_t length);

/* ---- conntrack_event.c ---- */
bool bw_ct_read(void *self, uint64_t now_ns, unsigned most);
enum bw_ct_told {
    BW_CT_TOLD,    /* or nothing to tell */
    BW_CT_REFUSED, /* the queue is full: nothing changed */
};
/* The kernel has this, complete: the index takes it over and peers are told what they don't know. again: also when nothing changed. */
enum bw_ct_told bw_ct_tell(struct bw_ct *ct, const struct bw_ct_entry *entry, bool again);
/* The kernel has it no more. */
enum bw_ct_told bw_ct_tell_gone(struct bw_ct *ct, const struct bw_ct_key *key);
/* Could parts be missing in what an event told? */
bool bw_ct_is_partial(const struct bw_ct_entry *entry, const struct bw_ct_record *record);
void bw_ct_wire_key(const struct bw_ct_key *key, struct bw_ct_wire *wire);
void bw_ct_wire_value(const struct bw_ct_entry *entry, struct bw_ct_turn turn, struct bw_ct_wire *wire);
uint64_t bw_ct_wire_digest(const struct bw_ct_wire *wire);
struct bw_sync_record bw_ct_wire_record(const struct bw_ct_wire *wire, uint8_t operation);
/* Tells the stream of ranges in which entries were lost. */
void bw_ct_tell_lost(struct bw_ct *ct);

/* ---- conntrack_apply.c ---- */
int bw_ct_apply(void *self, uint8_t owner, const struct bw_sync_record *record, uint64_t now_ns);
int bw_ct_flush(void *self);
/* Sends the batch; a failure is told by the next flush. */
void bw_ct_carry_out(struct bw_ct *ct);
/* due_s of a copy that lives so long. */
uint16_t bw_ct_end_of(const struct bw_ct *ct, uint32_t timeout_s);
void bw_ct_inject(struct bw_ct *ct, const struct bw_ct_entry *entry, uint8_t range, enum bw_ct_request request);
/* Once a second: have the masters come? */
void bw_ct_adopt_orphans(struct bw_ct *ct);
/* A wire record's lengths, before anything is read of it. */
bool bw_ct_plausible(const struct bw_sync_record *record);

/* ---- conntrack_repair.c ---- */
int bw_ct_dump(void *self, uint8_t owner, const uint64_t ranges[BW_SYNC_RANGES / 64], uint64_t *cursor,
               bool (*emit)(void *context, const struct bw_sync_record *record), void *context);
void bw_ct_digests(void *self, uint8_t owner, struct bw_sync_digest digests[BW_SYNC_RANGES]);
void bw_ct_repair_begin(void *self, uint8_t owner, const uint64_t ranges[BW_SYNC_RANGES / 64]);
void bw_ct_repair_end(void *self, uint8_t owner, const uint64_t ranges[BW_SYNC_RANGES / 64]);

/* ---- conntrack_shot.c ---- */
/* Before a dump of the ranges, and in its course: false while the table is being read. */
bool bw_ct_shot_ready(struct bw_ct *ct, const uint64_t ranges[BW_SYNC_RANGES / 64], bool first);
/* The value that was read of this own record, when it is what peers were told. wire: its key is there. */
bool bw_ct_shot_find(struct bw_ct *ct, const struct bw_ct_record *record, struct bw_ct_wire *wire);
void bw_ct_shot_turn(struct bw_ct *ct);
void bw_ct_shot_drop(struct bw_ct *ct);

/* ---- conntrack_sweep.c ---- */
/* A descriptor from which the kernel's table is read, or negative errno. */
int bw_ct_dump_begin(void);
/* The first fill, at the start: takes the kernel's table into the index, tells nobody. */
int bw_ct_fill(struct bw_ct *ct);
void bw_ct_sweep_begin(struct bw_ct *ct, bool hurried);
void bw_ct_sweep_gone(struct bw_ct *ct, const struct bw_ct_wire *wire); /* an entry was destroyed */
uint64_t bw_ct_deadline(void *self);
void bw_ct_turn(void *self, uint64_t now_ns);

/* ---- conntrack_role.c ---- */
void bw_ct_owner_moved(void *self, uint8_t from, uint8_t to);
void bw_ct_owner_gone(void *self, uint8_t owner, bool adopted);
void bw_ct_role(void *self, bool holds, unsigned others, uint64_t now_ns);
void bw_ct_loosen(struct bw_ct *ct);

/* ---- conntrack_change.c ---- */
void bw_ct_reconfigured(void *self);

/* ---- conntrack_block.c ---- */
void bw_ct_overload(void *self, bool over);
void bw_ct_block_count(struct bw_ct *ct);
void bw_ct_block_close(struct bw_ct *ct);

/* ---- conntrack_hold.c ---- */
int bw_ct_hold_open(struct bw_ct *ct);
void bw_ct_hold_close(struct bw_ct *ct); /* lets all through */
void bw_ct_hold_read(struct bw_ct *ct);
void bw_ct_hold_turn(struct bw_ct *ct);
uint64_t bw_ct_hold_deadline(const struct bw_ct *ct);
void bw_ct_acknowledged(void *self, uint64_t number, uint64_t now_ns);

/* ---- conntrack_expect.c ---- */
enum bw_ct_told bw_ct_expect_event(struct bw_ct *ct, const struct nlmsghdr *message);
int bw_ct_expect_apply(struct bw_ct *ct, uint8_t owner, const struct bw_sync_record *record);
void bw_ct_expect_digests(const struct bw_ct *ct, uint8_t owner, struct bw_sync_digest digests[BW_SYNC_RANGES]);
/* Emits from number *at on; false: emit refused, *at is that number. */
bool bw_ct_expect_dump(struct bw_ct *ct, uint8_t owner, uint8_t range, uint32_t *at,
                       bool (*emit)(void *context, const struct bw_sync_record *record), void *context);
void bw_ct_expect_repair(struct bw_ct *ct, uint8_t owner, const uint64_t ranges[BW_SYNC_RANGES / 64], bool end);
void bw_ct_expect_move(struct bw_ct *ct, uint8_t from, uint8_t to);
unsigned bw_ct_expect_count(const struct bw_ct *ct, uint8_t owner);

#endif
