/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside the stream. log.c keeps the own log; send.c brings it to the peers (flow control, retransmission); full.c adds what peers
 * ask for: starts, full syncs, digests; receive.c takes a peer's log in order; repair.c follows its full syncs; tell.c acknowledges,
 * requests and asks; rows.c says how it is; stream.c ties them together.
 */
#ifndef BELLWETHER_SYNC_STREAM_PRIVATE_H
#define BELLWETHER_SYNC_STREAM_PRIVATE_H

#include <string.h>

#include "agent/sync/stream.h"
#include "agent/sync/wire.h"

/* ---- lag ---- */

#define BW_LAG_BUCKETS 240 /* 8 an octave over microseconds */
#define BW_LAG_SPAN_NS (30 * BW_SEC)

/* How long updates took to be acknowledged, of the last half to whole minute. */
struct bw_lag {
    uint64_t since_ns;
    uint64_t totals[2];
    uint32_t counts[2][BW_LAG_BUCKETS]; /* the present half minute, the one before */
};

void bw_lag_add(struct bw_lag *lag, uint64_t now_ns, uint64_t lag_ns);
/* Upper bound of the bucket below which that share lies; 0 without samples. */
uint64_t bw_lag_quantile(const struct bw_lag *lag, unsigned percent);

/* ---- the own log ---- */

struct bw_log_entry {
    uint32_t at;     /* in bytes */
    uint32_t frame;  /* count of frames when it was first sent */
    uint32_t made;   /* tick */
    uint32_t sent;   /* tick of its last sending */
    uint16_t length;
    bool update;     /* a change of a provider's, no row of a full sync and no record of the stream itself */
};

/* A ring of entries over a ring of bytes. Numbers oldest … next - 1 are kept; those from unsent on have not been sent yet. */
struct bw_update_log {
    uint64_t oldest, next, unsent;
    uint32_t size, bytes_size; /* entries: a power of two */
    uint32_t write;            /* in bytes */
    uint64_t bytes_used;
    struct bw_log_entry *entries;
    uint8_t *bytes;
};

#define BW_TICK_SHIFT 10 /* a tick is 2^10 ns */

static inline uint32_t bw_tick(uint64_t now_ns)
{
    return (uint32_t)(now_ns >> BW_TICK_SHIFT);
}

static inline uint64_t bw_since_tick(uint64_t now_ns, uint32_t tick)
{
    return (uint64_t)(uint32_t)(bw_tick(now_ns) - tick) << BW_TICK_SHIFT;
}

static inline struct bw_log_entry *bw_log_at(struct bw_update_log *log, uint64_t number)
{
    return &log->entries[number & (log->size - 1)];
}

int bw_update_log_init(struct bw_update_log *log, uint32_t updates, uint64_t bytes);
void bw_update_log_fini(struct bw_update_log *log);
/* Appends what is encoded already. needed: the lowest number that must stay. 0 when there is no room, else its number. */
uint64_t bw_update_log_add(struct bw_update_log *log, const uint8_t *bytes, size_t length, uint64_t needed, uint64_t now_ns);
/* Would `records` of at most `length` bytes each fit? */
bool bw_update_log_fits(const struct bw_update_log *log, unsigned records, size_t length, uint64_t needed);

/* ---- peers ---- */

/* Where this member stands in a peer's log. */
enum bw_copy_state {
    BW_COPY_NONE,      /* no place in it */
    BW_COPY_STARTING,  /* a start is asked for */
    BW_COPY_COMPARING, /* it has a place: the digests are on their way */
    BW_COPY_WANTING,   /* ranges that differ are asked for */
    BW_COPY_FETCHING,  /* they come */
    BW_COPY_WHOLE,     /* all compared equal when they were last compared */
};

struct bw_held {
    uint8_t *bytes; /* NULL = nothing */
    uint16_t length;
};

/* What this member has of a peer's records. */
struct bw_copy {
    enum bw_copy_state state;
    uint64_t next, top;   /* next number to apply; highest heard of */
    uint64_t asked;       /* missing numbers up to here were asked for */
    uint64_t request_ns;  /* they are asked for again then, 0 = nothing is missing */
    uint64_t fresh_ns;    /* new gaps are asked for then, 0 = none */
    uint64_t missing_since_ns;
    uint64_t rto_ns, asked_ns; /* until missing ones are asked for again; when they were, 0 = something came since */
    uint64_t answer_ns;   /* how long a request takes to be answered: smoothed */
    uint32_t held_count;
    struct bw_held *held; /* by number, a ring of held_size; made when the first is held */
    uint64_t cookie;
    uint64_t want_ns, want_step_ns; /* the wish is repeated then; and after that */
    uint64_t wanted[BW_SYNC_PROVIDERS][BW_SYNC_WORDS]; /* asked for, or found to differ while comparing */
    unsigned wanted_count;          /* when it was asked for */
    uint8_t provider;               /* of the slice that comes */
    bool in_slice;
    bool began;                     /* its first slice has come */
    bool must_ask;                  /* the last slice ended and something differs still: asked for at want_ns */
    uint64_t slice[BW_SYNC_WORDS];
    uint32_t repairs;               /* in a row without success */
    uint64_t since_ns;              /* not whole since, 0 = whole */
    uint64_t began_ns;              /* the present start or repair */
    bool failed;                    /* for longer than the deadline */
    bool ever_whole;                /* this incarnation's was once */
    bool applied;                   /* something since the last flush */
    bool doubtful;                  /* something could not be applied: whole no more until digests were compared again */
    uint64_t doubt_ns;              /* they are asked for then */
    /* Acknowledging. */
    uint32_t unacknowledged;
    uint64_t ack_ns; /* due, 0 = nothing to acknowledge */
    bool ack_now;
};

struct bw_stream_peer_state {
    uint8_t id;
    bool in_view, needed;
    struct bw_boot_id boot;
    uint64_t tag;
    /* Sending to it. */
    bool active;  /* it has a place in the own log, and counts */
    bool whole;   /* it says so */
    uint64_t acked, window;
    uint32_t credit, body_max;
    uint64_t progress_ns;
    uint64_t start_cookie, start_number; /* of its last start */
    bool start_due, start_tell; /* a start is to be added; to be told */
    uint64_t wish_cookie, done_cookie;
    bool wishes;
    uint64_t wish[BW_SYNC_PROVIDERS][BW_SYNC_WORDS];
    uint64_t full_since_ns; /* its full sync began, 0 = none runs */
    struct bw_copy copy;
    /* Counters. */
    uint64_t retransmitted, requests_sent, requests_received, acks_sent, acks_received, full_syncs;
    struct bw_lag lag;
};

/* A full or ranged sync under way to some peers. */
struct bw_session_out {
    bool active, open, aborting;
    bool drained; /* all rows of the slice are in the log */
    uint8_t provider;
    uint32_t targets; /* bit per peer index */
    uint64_t cookies[BW_MAX_MEMBERS];
    uint64_t left[BW_SYNC_PROVIDERS][BW_SYNC_WORDS];
    uint64_t slice[BW_SYNC_WORDS];
    unsigned total, done; /* ranges */
    uint64_t cursor;
};

struct bw_provider_slot {
    const struct bw_sync_provider *ops; /* NULL = none */
    void *self;
};

struct bw_stream {
    struct bw_stream_setup setup;
    uint64_t now_ns;
    uint64_t random;
    struct bw_update_log log;
    struct bw_provider_slot providers[BW_SYNC_PROVIDERS];
    uint8_t peers_count;
    struct bw_stream_peer_state peers[BW_MAX_MEMBERS];
    uint32_t held_size; /* slots of a receiving queue: a power of two */
    uint64_t held_bytes;
    /* The way out. */
    uint32_t body_max, credit;
    char path[BW_NAME_MAX];
    uint64_t retry_ns; /* the way was stuffed: not before */
    /* Flow control. */
    uint32_t frames;          /* first sendings, counted */
    uint32_t window;          /* frames that may be under way: grows, and shrinks when frames are lost */
    uint64_t window_cut_ns;
    uint64_t rtt_ns;          /* smoothed */
    uint64_t rtt_number, rtt_sent_ns;
    uint64_t poll_ns, poll_step_ns; /* a HELLO goes out then */
    uint64_t hello_ns;
    bool hello_now;
    uint64_t nagle_ns;        /* a part-filled frame waits until then */
    bool dirty;               /* something was applied: flush */
    /* Digests. */
    uint64_t check_ns;
    struct bw_session_out session;
    bool overloaded, reading; /* reading: updates are being refused */
    /* Statistics. */
    struct bw_sync_row count; /* only counters are kept here */
    uint64_t callback_sum_ns;
    uint64_t queue_since_ns, queue_sum, queue_time_ns; /* length × time, in ms */
    struct bw_lag lag;
    uint64_t lowest_acked;
    uint64_t changes;
};

static inline struct bw_stream_peer_state *bw_stream_find(struct bw_stream *s, uint8_t member)
{
    for (unsigned i = 0; i < s->peers_count; i++)
        if (s->peers[i].id == member)
            return &s->peers[i];
    return NULL;
}

static inline uint64_t bw_soonest(uint64_t a, uint64_t b)
{
    return b != 0 && b < a ? b : a;
}

/* How large queues of these lengths are (stream.c). */
uint64_t bw_stream_log_bytes(uint32_t updates, uint64_t memory_bytes);
uint32_t bw_stream_held_size(uint32_t updates);

/* ---- log side (send.c, full.c) ---- */

/* The lowest number that must stay in the log. */
uint64_t bw_stream_least(const struct bw_stream *s);
/* Adds a record of the stream itself. Its number, 0 = no room. */
uint64_t bw_stream_add_control(struct bw_stream *s, enum bw_sync_control kind, const uint8_t *content, size_t length);
void bw_send_data(struct bw_stream *s);
void bw_send_hello(struct bw_stream *s, uint8_t flags);
void bw_send_acked(struct bw_stream *s, struct bw_stream_peer_state *p, const struct bw_sync_ack *ack);
void bw_send_requested(struct bw_stream *s, struct bw_stream_peer_state *p, const struct bw_sync_block *block);
void bw_send_timers(struct bw_stream *s);
uint64_t bw_send_due(const struct bw_stream *s);
/* Hands a body to the way out. */
bool bw_stream_out(struct bw_stream *s, const uint8_t *body, size_t length);
uint32_t bw_stream_body(const struct bw_stream *s);
/* Somebody who has a place in the log. */
bool bw_stream_listened(const struct bw_stream *s);

void bw_full_wanted(struct bw_stream *s, struct bw_stream_peer_state *p, const struct bw_sync_want *want);
void bw_full_run(struct bw_stream *s);
void bw_full_peer_gone(struct bw_stream *s, struct bw_stream_peer_state *p);
unsigned bw_full_percent(const struct bw_stream *s, const struct bw_stream_peer_state *p);

/* ---- copy side (receive.c, repair.c, tell.c) ---- */
void bw_copy_reset(struct bw_stream *s, struct bw_stream_peer_state *p);
void bw_copy_data(struct bw_stream *s, struct bw_stream_peer_state *p, const struct bw_sync_block *block);
void bw_copy_hello(struct bw_stream *s, struct bw_stream_peer_state *p, const struct bw_sync_hello *hello);
void bw_copy_start(struct bw_stream *s, struct bw_stream_peer_state *p, const struct bw_sync_start *start);
bool bw_copy_placed(const struct bw_copy *c);
/* Something could not be applied. */
void bw_copy_doubt(struct bw_stream *s, struct bw_copy *c);
static inline bool bw_copy_whole(const struct bw_copy *c)
{
    return c->state == BW_COPY_WHOLE && !c->doubtful;
}
uint32_t bw_copy_missing(const struct bw_stream *s, const struct bw_copy *c);
/* Begins anew: the place in the peer's log is lost, or there never was one. */
void bw_copy_begin(struct bw_stream *s, struct bw_stream_peer_state *p);
void bw_copy_control(struct bw_stream *s, struct bw_stream_peer_state *p, const struct bw_sync_record *record, uint64_t number);
void bw_copy_set_state(struct bw_stream *s, struct bw_stream_peer_state *p, enum bw_copy_state state);
void bw_stream_tell(struct bw_stream *s);
uint64_t bw_stream_tell_due(const struct bw_stream *s);
uint64_t bw_stream_random(struct bw_stream *s);

#endif
