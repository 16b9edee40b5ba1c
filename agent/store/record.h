/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside agent/store: the form of the files. A file is a row of records, the first a header that says whose file it is:
 *
 *   "BWr\n"  kind (1 byte)  version (1)  length of the payload (2)  payload  checksum (8)      numbers are
 * little-endian
 *
 * The checksum covers kind to payload and, except in the header, starts from the file's identity, so that a record
 * can't be taken for one of another file. A reader that meets bytes which are no record goes on at the next one that
 * is. A payload only ever grows at its end: an older reader takes the part that it knows.
 */
#ifndef BELLWETHER_STORE_RECORD_H
#define BELLWETHER_STORE_RECORD_H

#include "bellwether/model.h"
#include "bellwether/sync.h"

#define BW_RECORD_PAYLOAD_MAX  1024
#define BW_RECORD_OVERHEAD     16
#define BW_RECORD_MAX          (BW_RECORD_PAYLOAD_MAX + BW_RECORD_OVERHEAD)
#define BW_RECORD_HEADER_BYTES (BW_RECORD_OVERHEAD + 3)

enum bw_record_kind { BW_RECORD_HEADER = 1, BW_RECORD_EVENT, BW_RECORD_ADMIN, BW_RECORD_PNOTE, BW_RECORD_GROUP, BW_RECORD_FACT };

/* Whose file, and which: kind is that of the records it holds. */
struct bw_store_identity {
    uint8_t cluster; /* id */
    uint8_t member;  /* id */
    uint8_t kind;    /* enum bw_record_kind */
};

struct bw_record {
    uint8_t kind;
    uint8_t version;
    uint16_t length;
    const uint8_t *payload;
};

/* The admin state of the local member, as kept. */
struct bw_kept_admin {
    uint32_t admin; /* enum bw_admin_state, 0 = none kept */
    int64_t since_wall;
    char by[BW_TEXT_MAX];
};

/* What administrators decided of a group, as kept. */
struct bw_kept_group {
    char name[BW_NAME_MAX];
    uint64_t decision; /* of struct bw_group_row */
};

/* Each writes one record at buf, which has room for BW_RECORD_MAX bytes, and returns its length. */
size_t bw_record_put_header(uint8_t *buf, const struct bw_store_identity *identity);
size_t bw_record_put_event(uint8_t *buf, const struct bw_store_identity *identity, const struct bw_event *event);
size_t bw_record_put_admin(uint8_t *buf, const struct bw_store_identity *identity, const struct bw_kept_admin *admin);
size_t bw_record_put_pnote(uint8_t *buf, const struct bw_store_identity *identity, const struct bw_pnote_row *pnote);

size_t bw_record_put_group(uint8_t *buf, const struct bw_store_identity *identity, const struct bw_kept_group *group);

/* In the form of state synchronisation: range, key and value of `fact`. */
size_t bw_record_put_fact(uint8_t *buf, const struct bw_store_identity *identity, const struct bw_sync_record *fact);

/* The next record from *at on, which moves behind it; *bad grows by the bytes that were passed over. False at the end.
 */
bool bw_record_next(const uint8_t *bytes, size_t length, const struct bw_store_identity *identity, size_t *at,
                    size_t *bad, struct bw_record *record);

/* Each reads a payload. 0, or -EBADMSG when it is short or holds what cannot be. */
int bw_record_get_header(const struct bw_record *record, struct bw_store_identity *identity);
int bw_record_get_event(const struct bw_record *record, struct bw_event *event);
int bw_record_get_admin(const struct bw_record *record, struct bw_kept_admin *admin);
int bw_record_get_pnote(const struct bw_record *record, struct bw_pnote_row *pnote);
int bw_record_get_group(const struct bw_record *record, struct bw_kept_group *group);
/* key and value point into the record. */
int bw_record_get_fact(const struct bw_record *record, struct bw_sync_record *fact);

#endif
