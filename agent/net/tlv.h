/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bounded writing and reading of wire bytes (big-endian), and the field tables by which structures are turned into
 * bytes and back: one table per structure serves both directions, so they cannot differ. Nothing here reads or writes
 * out of bounds, whatever the bytes say.
 */
#ifndef BELLWETHER_NET_TLV_H
#define BELLWETHER_NET_TLV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where bytes are written to. Writing past cap writes nothing and sets full. */
struct bw_sink {
    uint8_t *bytes;
    size_t length, cap;
    bool full;
};

/* Where bytes are read from. Reading past length yields zeros and sets cut. */
struct bw_source {
    const uint8_t *bytes;
    size_t at, length;
    bool cut;
};

void bw_put_uint(struct bw_sink *sink, uint64_t value, unsigned size); /* size 1-8 bytes */
void bw_put_bytes(struct bw_sink *sink, const void *bytes, size_t length);
void bw_put_varint(struct bw_sink *sink, uint64_t value); /* 7 bits a byte, low first: 1-10 bytes */
uint64_t bw_get_uint(struct bw_source *source, unsigned size);
void bw_get_bytes(struct bw_source *source, void *bytes, size_t length);
uint64_t bw_get_varint(struct bw_source *source); /* one that is longer than 64 bits counts as cut */

enum bw_field_type {
    BW_FIELD_U8,    /* uint8_t, 1 byte */
    BW_FIELD_U16,   /* uint16_t, 2 bytes */
    BW_FIELD_U32,   /* uint32_t, 4 bytes */
    BW_FIELD_U64,   /* uint64_t or int64_t, 8 bytes */
    BW_FIELD_SMALL, /* uint32_t, 1 byte */
    BW_FIELD_BOOL,  /* bool, 1 byte */
    BW_FIELD_VAR32, /* uint32_t, varint */
    BW_FIELD_VAR64, /* uint64_t, varint */
    BW_FIELD_EPOCH, /* uint64_t below BW_EPOCH_LIMIT, varint */
    BW_FIELD_NEAR,  /* the same, short when it is 0 or near the field at offset `size` of the same structure, which
                       precedes it */
    BW_FIELD_BOOT,  /* struct bw_boot_id, 16 bytes */
    BW_FIELD_TEXT,  /* char[size], 1 byte length and the bytes without NUL */
};

/* Counting from 1 never gets there, and 1 + epoch never wraps: a larger one is malformed. */
#define BW_EPOCH_LIMIT (UINT64_C(1) << 62)

struct bw_field {
    uint8_t type;         /* enum bw_field_type */
    uint16_t offset;      /* in the structure */
    uint16_t size;        /* text: capacity; near: offset of the reference */
    uint64_t least, most; /* allowed values of whole numbers; 0, 0 = all */
};

/* Writes or reads one structure by its table. put: 0, -EINVAL when a value is out of its range (-ENOSPC shows as
 * sink->full). get: 0 or -EBADMSG. */
int bw_fields_put(struct bw_sink *sink, const struct bw_field *fields, size_t count, const void *structure);
int bw_fields_get(struct bw_source *source, const struct bw_field *fields, size_t count, void *structure);
/* The same where older versions write the first `least` fields only: what is not there is 0. */
int bw_fields_get_from(struct bw_source *source, const struct bw_field *fields, size_t least, size_t count, void *structure);

/* Is this UTF-8 without control characters? */
bool bw_wire_text_valid(const uint8_t *bytes, size_t length);

#endif
