/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bytes of a SYNC frame's body. Pure; nothing is read or written out of bounds.
 *
 *   format 1, then blocks: type 1, length 2, content
 *   HELLO    newest number, oldest number still kept, flags
 *   DATA     first number, flags, updates to the end
 *   START    member, cookie, number: where that member begins
 *   ACK      member, tag, flags, number received in a row, highest number that is taken, frames that may be under way, body bytes
 *   REQUEST  member, tag, (first number, count) to the end
 *   WANT     member, tag, cookie, count, (provider, ranges 32) …; count 0: a start; 255: digests soon
 *
 * An update: head 1 (bits 0-2 provider, 0 = of the stream itself; bit 3 delete; bit 4 row of a full sync), range 1, key length, value length
 * (absent with delete), key, value. Numbers and lengths are varints. The tag is the beginning of the boot id of the member spoken to.
 */
#ifndef BELLWETHER_SYNC_WIRE_H
#define BELLWETHER_SYNC_WIRE_H

#include "agent/net/tlv.h"
#include "bellwether/sync.h"

#define BW_SYNC_FORMAT 1

enum bw_sync_block_type { BW_SYNC_HELLO = 1, BW_SYNC_DATA, BW_SYNC_START, BW_SYNC_ACK, BW_SYNC_REQUEST, BW_SYNC_WANT };

enum { BW_SYNC_FLAG_ACK_NOW = 1 };               /* HELLO, DATA */
enum { BW_SYNC_FLAG_WHOLE = 1 };                 /* ACK: the copy is whole */
enum { BW_SYNC_HEAD_DELETE = 8, BW_SYNC_HEAD_ROW = 16 }; /* an update's head */

/* Records of the stream itself: their kind is in the place of the range. */
enum bw_sync_control { BW_SYNC_CHECK = 1, BW_SYNC_BEGIN, BW_SYNC_END };

#define BW_SYNC_UPDATE_MAX  (1 + 1 + 2 + 2 + BW_SYNC_KEY_MAX + BW_SYNC_VALUE_MAX)
#define BW_SYNC_NUMBER_MAX  (UINT64_C(1) << 62)
#define BW_SYNC_REQUEST_RUN 32 /* numbers in a row in one request */
#define BW_SYNC_WANT_CHECK  255 /* count of a WANT */
#define BW_SYNC_WORDS       (BW_SYNC_RANGES / 64)

struct bw_sync_block {
    uint8_t type;
    const uint8_t *content;
    size_t length;
};

/* Steps through the blocks of a body: 1 = *block set, 0 = end, -EBADMSG. *at is 0 first. */
int bw_sync_next_block(const uint8_t *body, size_t length, size_t *at, struct bw_sync_block *block);
/* Opens a block in a body that is being written, and closes it. */
size_t bw_sync_block_open(struct bw_sink *sink, uint8_t type);
void bw_sync_block_close(struct bw_sink *sink, size_t at);

struct bw_sync_hello {
    uint64_t newest, oldest;
    uint8_t flags;
};
struct bw_sync_start {
    uint8_t member;
    uint64_t cookie, number;
};
struct bw_sync_ack {
    uint8_t member;
    uint64_t tag;
    uint8_t flags;
    uint64_t number, window;
    uint32_t credit, body_max;
};
struct bw_sync_want {
    uint8_t member;
    uint64_t tag, cookie;
    uint8_t count; /* of providers; 0 = a start is wanted */
    uint64_t ranges[BW_SYNC_PROVIDERS][BW_SYNC_WORDS]; /* by provider number */
};

void bw_sync_put_hello(struct bw_sink *sink, const struct bw_sync_hello *hello);
void bw_sync_put_start(struct bw_sink *sink, const struct bw_sync_start *start);
void bw_sync_put_ack(struct bw_sink *sink, const struct bw_sync_ack *ack);
void bw_sync_put_want(struct bw_sink *sink, const struct bw_sync_want *want);
/* 0 or -EBADMSG. */
int bw_sync_get_hello(const struct bw_sync_block *block, struct bw_sync_hello *hello);
int bw_sync_get_start(const struct bw_sync_block *block, struct bw_sync_start *start);
int bw_sync_get_ack(const struct bw_sync_block *block, struct bw_sync_ack *ack);
int bw_sync_get_want(const struct bw_sync_block *block, struct bw_sync_want *want);

/* One update. provider 0: `range` is the kind of control and the content is in value. */
struct bw_sync_update {
    struct bw_sync_record record;
    bool row; /* of a full sync */
};

/* Writes an update (cap: BW_SYNC_UPDATE_MAX). Its length, or -EINVAL when a length is out of range. */
int bw_sync_put_update(uint8_t *bytes, const struct bw_sync_update *update);
/* Reads one from *at on. 0 or -EBADMSG; pointers into bytes. */
int bw_sync_get_update(const uint8_t *bytes, size_t length, size_t *at, struct bw_sync_update *update);

/* What a digest is on the wire, in the record `number`: another number, another fold, so that no difference stays unseen twice. */
uint32_t bw_sync_fold(const struct bw_sync_digest *digest, uint64_t number);
uint64_t bw_sync_tag(const struct bw_boot_id *boot);
uint64_t bw_sync_mix(uint64_t value);

static inline bool bw_sync_has(const uint64_t ranges[BW_SYNC_WORDS], unsigned range)
{
    return ranges[range / 64] >> range % 64 & 1;
}
static inline void bw_sync_add(uint64_t ranges[BW_SYNC_WORDS], unsigned range)
{
    ranges[range / 64] |= UINT64_C(1) << range % 64;
}
unsigned bw_sync_count_ranges(const uint64_t ranges[BW_SYNC_WORDS]);

/* ---- records of the stream itself ---- */

#define BW_SYNC_PART 64 /* digests in one CHECK record */

/* Digests of some ranges of one provider. Parts follow each other in the log; the last one has `last`. */
struct bw_sync_check {
    uint8_t member;  /* it begins here (a start), 0 = for all */
    uint64_t cookie; /* of that start */
    bool last;
    uint8_t provider;
    uint8_t first; /* range */
    uint32_t folds[BW_SYNC_PART];
};

#define BW_SYNC_SLICE 32 /* ranges in one piece of a full sync */

struct bw_sync_begin {
    uint8_t provider;
    uint64_t ranges[BW_SYNC_WORDS];
    uint8_t targets_count;
    struct {
        uint8_t member;
        uint64_t cookie;
    } targets[BW_MAX_MEMBERS];
};

struct bw_sync_end {
    uint8_t provider;
    bool aborted; /* cut off: what is missing is to be asked for again */
    bool last;    /* of what was asked for */
    uint64_t ranges[BW_SYNC_WORDS];
    uint32_t folds[BW_SYNC_SLICE]; /* of these ranges in order */
};

#define BW_SYNC_CONTROL_MAX 300 /* bytes of such a record's content */

size_t bw_sync_put_check(uint8_t *bytes, const struct bw_sync_check *check);
size_t bw_sync_put_begin(uint8_t *bytes, const struct bw_sync_begin *begin);
size_t bw_sync_put_end(uint8_t *bytes, const struct bw_sync_end *end);
int bw_sync_get_check(const uint8_t *bytes, size_t length, struct bw_sync_check *check);
int bw_sync_get_begin(const uint8_t *bytes, size_t length, struct bw_sync_begin *begin);
int bw_sync_get_end(const uint8_t *bytes, size_t length, struct bw_sync_end *end);

#endif
