/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this member knows of every synchronised entry, in 32 bytes each for IPv4: its name, whose it is, a digest of its value,
 * and when it is due to be looked at. The entries themselves are in the kernel.
 *
 * One table per range, ordered by a keyed hash of the name (so that nobody outside can pile entries up), grown by a quarter at a
 * time: no operation touches more than one range's table, and a place in it is a hash, which stays what it is when entries come
 * and go.
 */
#ifndef BELLWETHER_CT_INDEX_H
#define BELLWETHER_CT_INDEX_H

#include "agent/sync/ct_entry.h"
#include "bellwether/sync.h"

enum bw_ct_flag {
    BW_CT_SPECIAL = 1 << 0,   /* has parts that events do not always tell */
    BW_CT_DOUBTFUL = 1 << 1,  /* a repair has not confirmed it yet */
    BW_CT_SEEN = 1 << 2,      /* seen since the last sweep began */
    BW_CT_WAITING = 1 << 3,   /* own, but not old enough to be told */
    BW_CT_INHERITED = 1 << 4, /* own as far as known: found in the kernel at the start */
    /* Inside the index: */
    BW_CT_IPV6 = 1 << 5,
    BW_CT_DIRECTION = 3 << 6, /* of the zone */
};

struct bw_ct_record {
    uint64_t digest;
    uint32_t hash;
    uint16_t due_s;  /* low bits of the second at which it is to be looked at */
    uint8_t owner;   /* member id; 0 = this place is empty */
    uint8_t turn;
    uint8_t flags;   /* enum bw_ct_flag */
    uint8_t name[15]; /* IPv4: addresses, ports, zone, protocol; IPv6: a pointer to the key */
};

struct bw_ct_index;

int bw_ct_index_new(struct bw_ct_index **index);
void bw_ct_index_free(struct bw_ct_index *index);

/* NULL: it is not there. Valid until the next insert or remove. */
struct bw_ct_record *bw_ct_index_find(struct bw_ct_index *index, uint8_t range, const struct bw_ct_key *key);
/* The key must not be there yet. Owner, digest, flags and the rest are the caller's to pass; all zero but these. NULL: out of memory. */
struct bw_ct_record *bw_ct_index_insert(struct bw_ct_index *index, uint8_t range, const struct bw_ct_key *key,
                                        uint8_t owner, uint64_t digest, uint8_t flags);
void bw_ct_index_remove(struct bw_ct_index *index, uint8_t range, struct bw_ct_record *record);
/* These keep the sums. Entries that wait are in none. */
void bw_ct_index_set(struct bw_ct_index *index, uint8_t range, struct bw_ct_record *record, uint8_t owner,
                     uint64_t digest, uint8_t flags);

void bw_ct_index_key(const struct bw_ct_record *record, struct bw_ct_key *key);

/* The first record of the range whose hash is `hash` or more, NULL = none. */
struct bw_ct_record *bw_ct_index_from(struct bw_ct_index *index, uint8_t range, uint32_t hash);
/* The next one, NULL = none. */
struct bw_ct_record *bw_ct_index_next(struct bw_ct_index *index, uint8_t range, struct bw_ct_record *record);

void bw_ct_index_digests(const struct bw_ct_index *index, uint8_t owner, struct bw_sync_digest digests[BW_SYNC_RANGES]);
uint32_t bw_ct_index_count(const struct bw_ct_index *index, uint8_t owner); /* without those that wait */
uint32_t bw_ct_index_size(const struct bw_ct_index *index);
size_t bw_ct_index_bytes(const struct bw_ct_index *index);

#endif
