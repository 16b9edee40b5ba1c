/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stream of state synchronisation: pure, like the core. No system call, no clock: time comes in with each call, frames go out
 * through a function, and all memory is bounded by the setup. The sync thread (sync.c) drives it with sockets, the simulator with a
 * virtual network.
 *
 * Each member has one ordered log of numbered records. What its providers change, the rows of a full sync and the digests by which
 * copies are compared all go through it in order, and every peer applies it strictly in order. So a peer's copy at number n is exactly
 * the sender's table at number n, or a digest tells. Numbers begin at 1 with each process; a peer begins anywhere: it asks for a start,
 * gets the number of a record that carries the digests of all ranges, compares, and asks for the ranges that differ. Lost frames are
 * asked for again by number; a peer that is behind what the sender still keeps begins anew.
 *
 * One turn:  bw_stream_begin → bw_stream_peer, bw_stream_input, updates … → bw_stream_end.
 */
#ifndef BELLWETHER_SYNC_STREAM_H
#define BELLWETHER_SYNC_STREAM_H

#include "bellwether/sync.h"

#define BW_STREAM_BODY_MAX 8900 /* bytes of a frame's body at most (a path of jumbo frames) */
#define BW_STREAM_BODY_MIN 620  /* the largest record must fit: with less there is no path */

/* Where frames go: to all peers. 0 or negative errno; -EAGAIN: not now, tried again soon. */
typedef int bw_stream_send(void *wire, const uint8_t *body, size_t length);

struct bw_stream_setup {
    uint8_t local;              /* id */
    struct bw_boot_id boot;     /* of this process */
    uint8_t members_count;      /* others */
    uint8_t members[BW_MAX_MEMBERS]; /* their ids */
    uint32_t sending_queue;     /* updates kept for retransmission */
    uint32_t receiving_queue;   /* updates kept out of order, per peer */
    uint32_t ack_count;         /* acknowledged after so many at the latest */
    uint64_t ack_ns;            /* and after so long */
    uint32_t overload_percent;  /* of the sending queue unacknowledged: behind */
    uint64_t memory_bytes;      /* of the sending queue */
    uint64_t deadline_ns;       /* a full sync that takes longer is told as failed, and goes on */
    uint64_t check_ns;          /* between two comparisons of digests */
    uint32_t overhead;          /* bytes on the link that a frame has beside its body, for the counts */
    uint64_t seed;
    uint64_t now_ns;
    void *wire;
    bw_stream_send *send;
    uint32_t bug; /* for the simulator: a deliberate one (BW_STREAM_BUG_…), 0 = none */
};

enum {
    BW_STREAM_BUG_NONE,
    BW_STREAM_BUG_GAP,      /* applies what comes, whatever is missing before it */
    BW_STREAM_BUG_ACK,      /* acknowledges what it holds back out of order */
    BW_STREAM_BUG_WHOLE,    /* takes its copy for whole without comparing */
    BW_STREAM_BUG_BASE,     /* does not see that what it misses is gone */
    BW_STREAM_BUG_DOUBT,    /* does not remove what the sender no longer has */
    BW_STREAM_BUGS,
};

/* What is known of a peer outside the stream. */
struct bw_stream_facts {
    bool in_view;
    bool needed; /* its state matters here: it serves, or nobody does */
    struct bw_boot_id boot;
};

/* Is this member's copy of what it may have to take over complete? For the pnote. */
enum bw_stream_copy {
    BW_STREAM_COPY_ALONE,   /* nobody in view */
    BW_STREAM_COPY_WHOLE,
    BW_STREAM_COPY_PARTIAL, /* being fetched */
    BW_STREAM_COPY_FAILED,  /* for longer than the deadline */
};

/* What of the setup may change while it runs. */
struct bw_stream_tuning {
    uint32_t sending_queue, receiving_queue, ack_count, overload_percent;
    uint64_t ack_ns, memory_bytes, deadline_ns;
};

struct bw_stream;

/* 0, -ENOMEM or -EINVAL. */
int bw_stream_new(const struct bw_stream_setup *setup, struct bw_stream **stream);
void bw_stream_free(struct bw_stream *stream);
/* The sink that a provider is opened with, and then the provider itself. 0 or -EINVAL: its number is taken or out of range. */
struct bw_sync_sink bw_stream_sink(struct bw_stream *stream);
int bw_stream_attach(struct bw_stream *stream, const struct bw_sync_provider *provider, void *self);

void bw_stream_begin(struct bw_stream *stream, uint64_t now_ns);
/* What is known of a member now. */
void bw_stream_peer(struct bw_stream *stream, uint8_t member, const struct bw_stream_facts *facts);
/* The way out: bytes of a body at most (0 = there is none), its name, and how many frames the receiving socket holds safely. */
void bw_stream_path(struct bw_stream *stream, uint32_t body_max, const char *name, uint32_t credit);
/* The way out is another one now: what is unacknowledged is asked about at once. */
void bw_stream_path_changed(struct bw_stream *stream);
/* The body of an authentic frame of a member (its present incarnation). 0, -EBADMSG (nothing of it was used), -ENOENT: no such peer. */
int bw_stream_input(struct bw_stream *stream, uint8_t member, const uint8_t *body, size_t length);
/* Is there room for updates? Else providers are not read. */
bool bw_stream_has_room(const struct bw_stream *stream);
/* Carries out what is due: acknowledgements, requests, full syncs, updates. Returns when it wants to be called next. */
uint64_t bw_stream_end(struct bw_stream *stream);
/* 0; -ENOSPC: the sending queue is fuller than it is to be, -ENOMEM: lengths of queues stay as they were; try again later. */
int bw_stream_tune(struct bw_stream *stream, const struct bw_stream_tuning *tuning);
/* All digests are to be compared soon. */
void bw_stream_check_soon(struct bw_stream *stream);

enum bw_stream_copy bw_stream_copy(const struct bw_stream *stream, char *detail, size_t cap);
/* Newest number that everybody in view acknowledged; UINT64_MAX: nobody is there. */
uint64_t bw_stream_acknowledged(const struct bw_stream *stream);
bool bw_stream_overloaded(const struct bw_stream *stream);
/* Counts changes of what is worth telling at once: a copy that became whole, or no longer is; peers that come and go. */
uint64_t bw_stream_changes(const struct bw_stream *stream);
/* Counters start anew. */
void bw_stream_reset(struct bw_stream *stream, int64_t wall);
void bw_stream_rows(struct bw_stream *stream, struct bw_sync_rows *rows);

#endif
