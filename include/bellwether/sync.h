/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * State synchronisation: typed records of providers, carried between members by a numbered stream (agent/sync). This header is the contract
 * between the stream, which knows records as bytes, and a provider (connection tracking; members' own shared facts), which
 * knows what they mean.
 */
#ifndef BELLWETHER_SYNC_H
#define BELLWETHER_SYNC_H

#include "bellwether/surface.h"

enum bw_sync_provider_number { BW_SYNC_CONNECTIONS = 1, BW_SYNC_FACTS = 2, BW_SYNC_PROVIDERS = 3 }; /* on the wire: append only */

enum bw_sync_operation { BW_SYNC_SET = 1, BW_SYNC_DELETE };

#define BW_SYNC_KEY_MAX 64    /* bytes that name a record */
#define BW_SYNC_VALUE_MAX 512 /* bytes that it carries */
#define BW_SYNC_RANGES 256    /* a record's range is a hash of its key: digests and repairs go by range */

/* One record as the stream carries it. key and value are valid during the call only. value_length 0 with BW_SYNC_DELETE. */
struct bw_sync_record {
    uint8_t provider;  /* enum bw_sync_provider_number */
    uint8_t operation; /* enum bw_sync_operation */
    uint8_t range;     /* 0 … BW_SYNC_RANGES - 1, the same on every member */
    uint16_t key_length, value_length;
    const uint8_t *key, *value;
};

/* Where a provider puts what happens in the local table. */
struct bw_sync_sink {
    void *context;
    /* A change of a record that is this member's own. False: the sending queue is full; the provider keeps its place, stops reading
     * events and goes on when the stream calls ready(). */
    bool (*update)(void *context, const struct bw_sync_record *record);
    /* The provider lost events of these ranges (bit r of word r / 64): the stream has them compared with all peers. */
    void (*lost)(void *context, const uint64_t ranges[BW_SYNC_RANGES / 64]);
    /* The number of the newest update that was taken, 0 = none yet: with acknowledged() it tells when all have it. */
    uint64_t (*newest)(void *context);
};

/* What a digest says of a range: over the records of one owner in one table, in any order. */
struct bw_sync_digest {
    uint64_t sum; /* sum of hashes of key and value, what may differ between members (timeouts) left out */
    uint32_t records;
};

/*
 * A provider, called by the sync thread only. None of its functions waits: netlink sockets are non-blocking and bounded work is
 * done in each call. `owner` is a member's id: whose record it is (who sees its packets).
 */
struct bw_sync_provider {
    uint8_t number; /* enum bw_sync_provider_number */
    const char *name;
    /* *self is the provider's own state. 0 or negative errno (logged). */
    int (*open)(const struct bw_config *config, const struct bw_sync_sink *sink, void **self);
    void (*close)(void *self);
    /* Descriptors to poll for reading, at most cap; how many. */
    unsigned (*descriptors)(void *self, int *fds, unsigned cap);
    /* Something is readable, or ready() is due: takes at most `most` events of the local table into the sink. More are waiting: true. */
    bool (*read)(void *self, uint64_t now_ns, unsigned most);
    /* When it wants turn() next (CLOCK_BOOTTIME ns, UINT64_MAX = never): refreshes of long-lived records, cleaning. */
    uint64_t (*deadline)(void *self);
    void (*turn)(void *self, uint64_t now_ns);
    /* A peer's record, in order. Batched; flush() carries out what was batched. 0 or negative errno (counted). */
    int (*apply)(void *self, uint8_t owner, const struct bw_sync_record *record, uint64_t now_ns);
    int (*flush)(void *self);
    /* The next records of `owner` (the local member's own when it is the local id) in the ranges wanted, from *cursor on (0 = begin; the
     * provider's own meaning): calls emit until it returns false or the end is reached. 1 = more are there, 0 = end, or negative errno. */
    int (*dump)(void *self, uint8_t owner, const uint64_t ranges[BW_SYNC_RANGES / 64], uint64_t *cursor,
                bool (*emit)(void *context, const struct bw_sync_record *record), void *context);
    /* Digests of an owner's records by range. From an index that is kept, not by a dump: cheap. */
    void (*digests)(void *self, uint8_t owner, struct bw_sync_digest digests[BW_SYNC_RANGES]);
    /* Full or ranged repair, receiving side: begin marks the owner's records of these ranges as doubtful, apply clears the mark, end
     * removes those still marked. */
    void (*repair_begin)(void *self, uint8_t owner, const uint64_t ranges[BW_SYNC_RANGES / 64]);
    void (*repair_end)(void *self, uint8_t owner, const uint64_t ranges[BW_SYNC_RANGES / 64]);
    /* A member is gone for good or this member took over from it: its records become this member's own when `adopted`
     * (packets will come here), or stay until they expire. */
    void (*owner_gone)(void *self, uint8_t owner, bool adopted);
    /* Counts for the statistics. */
    void (*count)(void *self, struct bw_sync_row *row);
    /* May be NULL. Every member in view acknowledged all updates up to this number (UINT64_MAX: there is nobody to acknowledge). */
    void (*acknowledged)(void *self, uint64_t number, uint64_t now_ns);
    /* May be NULL. What the local member is now: does it hold a group (or a share), and how many others are in view? Also called once
     * after open. */
    void (*role)(void *self, bool holds, unsigned others, uint64_t now_ns);
    /* May be NULL. The unacknowledged part of the sending queue has passed its threshold, or is well below it again. */
    void (*overload)(void *self, bool over);
    /* May be NULL; else it is called in place of owner_gone, on every member: what `from` owned belongs to `to` from now on (either may be
     * the local member). Where that holds everywhere, the digests agree and nothing has to be sent. */
    void (*owner_moved)(void *self, uint8_t from, uint8_t to);
    /* May be NULL. What count() tells begins anew. */
    void (*reset)(void *self);
    /* May be NULL. The settings of synchronisation in the configuration that it was opened with have changed. Its descriptors may be others
     * afterwards. */
    void (*reconfigured)(void *self);
};

extern const struct bw_sync_provider bw_sync_conntrack;

/* What the sync thread is started with. */
struct bw_sync_setup {
    const struct bw_surface_context *context; /* rows.sync: where it publishes */
    struct bw_boot_id boot;                   /* of this agent */
    const struct bw_sync_provider *const *providers; /* NULL: those of the configuration; else these, ended by NULL (tests) */
};

struct bw_sync;

/* Does this configuration ask for state synchronisation? */
bool bw_sync_wanted(const struct bw_config *config);
/* Starts the sync thread, when the configuration has one secured interface or more and synchronisation is not off; else *sync stays NULL. 0
 * or negative errno (logged). */
int bw_sync_start(const struct bw_sync_setup *setup, struct bw_sync **sync);
/* Ends and frees; waits at most 2 s. NULL is allowed. */
void bw_sync_stop(struct bw_sync *sync);

#endif
