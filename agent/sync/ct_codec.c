/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Entries as they travel: a key of 14 bytes for IPv4 without zone, and a value of about 13 for translated TCP. Of the reply
 * direction only what address translation made of it is told. Everything is big-endian; a field that an older member does not
 * know makes the record unreadable for it, so fields are only added together with a new version of the protocol.
 *
 * Key:   tag (bit 0 IPv6, bit 1 zone, bits 2-3 the zone's direction, bit 7 expectation), protocol, addresses, ports if the
 *        protocol has such, zone if bit 1.
 * Value: timeout (2: seconds, or 16-second steps with bit 15), turn (bit 7 inherited), status, fields (varint), fields.
 */
#include <endian.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <netinet/in.h>
#include <sodium.h>
#include <string.h>

#include "agent/sync/ct_entry.h"

#define TAG_IPV6            0x01
#define TAG_ZONE            0x02
#define TAG_DIRECTION_SHIFT 2
#define TAG_KNOWN           0x0f

enum field {
    FIELD_SRC = 1 << 0, /* the reply's, where it is not the inverse of the original */
    FIELD_DST = 1 << 1,
    FIELD_SPORT = 1 << 2,
    FIELD_DPORT = 1 << 3,
    FIELD_PROTOCOL = 1 << 4,
    FIELD_MARK = 1 << 5,
    FIELD_LABELS = 1 << 6,
    FIELD_HELPER = 1 << 7,
    FIELD_MASTER = 1 << 8,
    FIELD_SEQUENCE = 1 << 9,
    FIELD_KNOWN = (1 << 10) - 1,
};

/* Status bits that mean the same on another member, by their bit in the record. */
static const uint32_t status_bits[] = {IPS_SEEN_REPLY, IPS_ASSURED,       IPS_SRC_NAT, IPS_DST_NAT,
                                       IPS_SEQ_ADJUST, IPS_FIXED_TIMEOUT, IPS_EXPECTED};

/* ---- writing and reading ---- */

struct writer {
    uint8_t *at;
};

static void put8(struct writer *w, uint8_t v)
{
    *w->at++ = v;
}

static void put16(struct writer *w, uint16_t v)
{
    put8(w, (uint8_t)(v >> 8));
    put8(w, (uint8_t)v);
}

static void put32(struct writer *w, uint32_t v)
{
    put16(w, (uint16_t)(v >> 16));
    put16(w, (uint16_t)v);
}

static void put(struct writer *w, const void *bytes, size_t length)
{
    memcpy(w->at, bytes, length);
    w->at += length;
}

struct reader {
    const uint8_t *at, *end;
    bool bad;
};

static const uint8_t *take(struct reader *r, size_t length)
{
    static const uint8_t zeros[64];
    const uint8_t *at = r->at;

    if ((size_t)(r->end - r->at) < length) {
        r->bad = true;
        return zeros;
    }
    r->at += length;
    return at;
}

static uint8_t take8(struct reader *r)
{
    return *take(r, 1);
}

static uint16_t take16(struct reader *r)
{
    const uint8_t *b = take(r, 2);

    return (uint16_t)(b[0] << 8 | b[1]);
}

static uint32_t take32(struct reader *r)
{
    uint32_t high = take16(r);

    return high << 16 | take16(r);
}

/* A text with its length before it, NUL-terminated in `to` (cap bytes). */
static void put_text(struct writer *w, const char *text, size_t cap)
{
    size_t length = strnlen(text, cap - 1);

    put8(w, (uint8_t)length);
    put(w, text, length);
}

static void take_text(struct reader *r, char *to, size_t cap)
{
    size_t length = take8(r);
    const uint8_t *bytes;

    if (length >= cap) {
        r->bad = true;
        return;
    }
    bytes = take(r, length);
    if (memchr(bytes, 0, length) && length > 0)
        r->bad = true;
    memcpy(to, bytes, length);
    to[length] = '\0';
}

/* ---- keys ---- */

static size_t address_bytes(uint8_t family)
{
    return family == 6 ? 16 : 4;
}

static bool has_numbers(uint8_t protocol)
{
    return bw_ct_has_ports(protocol) || protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

static void put_tuple(struct writer *w, const struct bw_ct_key *key, const struct bw_ct_tuple *tuple)
{
    put(w, tuple->src, address_bytes(key->family));
    put(w, tuple->dst, address_bytes(key->family));
    if (has_numbers(key->protocol)) {
        put16(w, tuple->sport);
        put16(w, tuple->dport);
    }
}

static void take_tuple(struct reader *r, const struct bw_ct_key *key, struct bw_ct_tuple *tuple)
{
    size_t n = address_bytes(key->family);

    memset(tuple, 0, sizeof(*tuple));
    memcpy(tuple->src, take(r, n), n);
    memcpy(tuple->dst, take(r, n), n);
    if (has_numbers(key->protocol)) {
        tuple->sport = take16(r);
        tuple->dport = take16(r);
    }
}

static void put_key(struct writer *w, const struct bw_ct_key *key)
{
    bool zone = key->zone != 0;

    put8(w, (uint8_t)((key->family == 6 ? TAG_IPV6 : 0) | (zone ? TAG_ZONE : 0) |
                      (zone ? key->zone_direction << TAG_DIRECTION_SHIFT : 0)));
    put8(w, key->protocol);
    put_tuple(w, key, &key->tuple);
    if (zone)
        put16(w, key->zone);
}

static void take_key(struct reader *r, struct bw_ct_key *key)
{
    uint8_t tag = take8(r);

    memset(key, 0, sizeof(*key));
    key->family = tag & TAG_IPV6 ? 6 : 4;
    key->protocol = take8(r);
    key->zone_direction = (uint8_t)(tag >> TAG_DIRECTION_SHIFT & 3);
    take_tuple(r, key, &key->tuple);
    if (tag & TAG_ZONE)
        key->zone = take16(r);
    /* One entry has one key: nothing may be said in two ways. */
    if ((tag & ~TAG_KNOWN) || key->zone_direction == 3 || (tag & TAG_ZONE ? key->zone == 0 : key->zone_direction != 0))
        r->bad = true;
}

size_t bw_ct_encode_key(const struct bw_ct_key *key, uint8_t bytes[BW_CT_WIRE_KEY_MAX])
{
    struct writer w = {bytes};

    put_key(&w, key);
    return (size_t)(w.at - bytes);
}

int bw_ct_decode_key(const uint8_t *bytes, size_t length, struct bw_ct_key *key)
{
    struct reader r = {bytes, bytes + length, false};

    take_key(&r, key);
    return r.bad || r.at != r.end ? -EBADMSG : 0;
}

/* ---- values ---- */

static uint16_t short_timeout(uint32_t seconds)
{
    if (seconds < 0x8000)
        return (uint16_t)seconds;
    return (uint16_t)(0x8000 | (seconds / 16 < 0x7fff ? seconds / 16 : 0x7fff));
}

static uint8_t short_status(uint32_t status)
{
    uint8_t bits = 0;

    for (unsigned i = 0; i < sizeof(status_bits) / sizeof(status_bits[0]); i++)
        bits |= (uint8_t)(status & status_bits[i] ? 1U << i : 0);
    return bits;
}

static uint32_t fields_of(const struct bw_ct_entry *e, const struct bw_ct_tuple *plain)
{
    uint32_t fields = 0;

    if (e->parts & BW_CT_REPLY) {
        fields |= memcmp(e->reply.src, plain->src, 16) != 0 ? FIELD_SRC : 0;
        fields |= memcmp(e->reply.dst, plain->dst, 16) != 0 ? FIELD_DST : 0;
        fields |= e->reply.sport != plain->sport ? FIELD_SPORT : 0;
        fields |= e->reply.dport != plain->dport ? FIELD_DPORT : 0;
    }
    if (e->parts & BW_CT_PROTOCOL && (e->key.protocol == IPPROTO_TCP || e->key.protocol == IPPROTO_SCTP))
        fields |= FIELD_PROTOCOL;
    fields |= e->parts & BW_CT_MARK && e->mark != 0 ? FIELD_MARK : 0;
    fields |= e->parts & BW_CT_LABELS && e->labels_length > 0 ? FIELD_LABELS : 0;
    fields |= e->parts & BW_CT_HELPER && e->helper[0] ? FIELD_HELPER : 0;
    fields |= e->parts & BW_CT_MASTER ? FIELD_MASTER : 0;
    fields |= e->parts & BW_CT_SEQUENCE ? FIELD_SEQUENCE : 0;
    return fields;
}

static void put_protocol(struct writer *w, const struct bw_ct_entry *e)
{
    put8(w, e->state);
    if (e->key.protocol == IPPROTO_TCP) {
        put8(w, (uint8_t)((e->scale[0] & 15) << 4 | (e->scale[1] & 15)));
    } else {
        put32(w, e->tag[0]);
        put32(w, e->tag[1]);
    }
}

static void put_sequence(struct writer *w, const struct bw_ct_entry *e)
{
    for (unsigned i = 0; i < 2; i++) {
        put32(w, e->sequence[i].position);
        put32(w, e->sequence[i].before);
        put32(w, e->sequence[i].after);
    }
}

static void put_fields(struct writer *w, const struct bw_ct_entry *e, uint32_t fields)
{
    size_t n = address_bytes(e->key.family);

    if (fields & FIELD_SRC)
        put(w, e->reply.src, n);
    if (fields & FIELD_DST)
        put(w, e->reply.dst, n);
    if (fields & FIELD_SPORT)
        put16(w, e->reply.sport);
    if (fields & FIELD_DPORT)
        put16(w, e->reply.dport);
    if (fields & FIELD_PROTOCOL)
        put_protocol(w, e);
    if (fields & FIELD_MARK)
        put32(w, e->mark);
    if (fields & FIELD_LABELS) {
        put8(w, e->labels_length);
        put(w, e->labels, e->labels_length);
    }
    if (fields & FIELD_HELPER)
        put_text(w, e->helper, sizeof(e->helper));
    if (fields & FIELD_MASTER)
        put_key(w, &e->master);
    if (fields & FIELD_SEQUENCE)
        put_sequence(w, e);
}

size_t bw_ct_encode_value(const struct bw_ct_entry *e, struct bw_ct_turn turn, uint8_t bytes[BW_CT_WIRE_VALUE_MAX])
{
    struct writer w = {bytes};
    struct bw_ct_tuple plain;
    uint32_t fields;

    bw_ct_invert(e->key.protocol, &e->key.tuple, &plain);
    fields = fields_of(e, &plain);
    put16(&w, short_timeout(e->timeout_s));
    put8(&w, (uint8_t)((turn.turn & 0x7f) | (turn.inherited ? 0x80 : 0)));
    put8(&w, short_status(e->status));
    if (fields > 0x7f)
        put8(&w, (uint8_t)(fields & 0x7f) | 0x80);
    put8(&w, (uint8_t)(fields > 0x7f ? fields >> 7 : fields));
    put_fields(&w, e, fields);
    return (size_t)(w.at - bytes);
}

static void take_protocol(struct reader *r, struct bw_ct_entry *e)
{
    e->parts |= BW_CT_PROTOCOL;
    e->state = take8(r);
    if (e->key.protocol == IPPROTO_TCP) {
        uint8_t scales = take8(r);

        e->scale[0] = scales >> 4;
        e->scale[1] = scales & 15;
    } else if (e->key.protocol == IPPROTO_SCTP) {
        e->tag[0] = take32(r);
        e->tag[1] = take32(r);
    } else {
        r->bad = true;
    }
}

static void take_labels(struct reader *r, struct bw_ct_entry *e)
{
    uint8_t length = take8(r);

    /* The kernel takes whole words. */
    if (length == 0 || length > BW_CT_LABELS_MAX || length % 4 != 0) {
        r->bad = true;
        return;
    }
    e->parts |= BW_CT_LABELS;
    e->labels_length = length;
    memcpy(e->labels, take(r, length), length);
}

static void take_sequence(struct reader *r, struct bw_ct_entry *e)
{
    e->parts |= BW_CT_SEQUENCE;
    for (unsigned i = 0; i < 2; i++) {
        e->sequence[i].position = take32(r);
        e->sequence[i].before = take32(r);
        e->sequence[i].after = take32(r);
    }
}

static void take_fields(struct reader *r, struct bw_ct_entry *e, uint32_t fields)
{
    size_t n = address_bytes(e->key.family);

    if (fields & FIELD_SRC)
        memcpy(e->reply.src, take(r, n), n);
    if (fields & FIELD_DST)
        memcpy(e->reply.dst, take(r, n), n);
    if (fields & FIELD_SPORT)
        e->reply.sport = take16(r);
    if (fields & FIELD_DPORT)
        e->reply.dport = take16(r);
    if (fields & FIELD_PROTOCOL)
        take_protocol(r, e);
    if (fields & FIELD_MARK) {
        e->parts |= BW_CT_MARK;
        e->mark = take32(r);
    }
    if (fields & FIELD_LABELS)
        take_labels(r, e);
    if (fields & FIELD_HELPER) {
        e->parts |= BW_CT_HELPER;
        take_text(r, e->helper, sizeof(e->helper));
    }
    if (fields & FIELD_MASTER) {
        e->parts |= BW_CT_MASTER;
        take_key(r, &e->master);
    }
    if (fields & FIELD_SEQUENCE)
        take_sequence(r, e);
}

int bw_ct_decode_value(const uint8_t *bytes, size_t length, struct bw_ct_entry *e, struct bw_ct_turn *turn)
{
    struct reader r = {bytes, bytes + length, false};
    struct bw_ct_key key = e->key;
    uint32_t timeout, fields;
    uint8_t status;

    memset(e, 0, sizeof(*e));
    e->key = key;
    e->parts = BW_CT_REPLY | BW_CT_STATUS | BW_CT_TIMEOUT;
    bw_ct_invert(key.protocol, &key.tuple, &e->reply);
    timeout = take16(&r);
    e->timeout_s = timeout & 0x8000 ? (timeout & 0x7fff) * 16 : timeout;
    turn->turn = take8(&r);
    turn->inherited = turn->turn & 0x80;
    turn->turn &= 0x7f;
    status = take8(&r);
    for (unsigned i = 0; i < sizeof(status_bits) / sizeof(status_bits[0]); i++)
        e->status |= status & 1U << i ? status_bits[i] : 0;
    e->status |= IPS_CONFIRMED;
    fields = take8(&r);
    if (fields & 0x80)
        fields = (fields & 0x7f) | (uint32_t)take8(&r) << 7;
    if ((fields & ~(uint32_t)FIELD_KNOWN) || status & 0x80)
        return -EBADMSG;
    take_fields(&r, e, fields);
    return r.bad || r.at != r.end ? -EBADMSG : 0;
}

/* ---- expectations ---- */

size_t bw_ct_encode_expected(const struct bw_ct_expected *x, uint8_t key[BW_CT_EXPECTED_KEY],
                             uint8_t bytes[BW_CT_WIRE_VALUE_MAX])
{
    struct writer w = {bytes};
    uint8_t *names;

    put16(&w, short_timeout(x->timeout_s));
    put8(&w, 0); /* turn */
    names = w.at;
    put_key(&w, &x->key);
    put_tuple(&w, &x->key, &x->mask);
    put_key(&w, &x->master);
    key[0] = BW_CT_EXPECTED;
    crypto_generichash(key + 1, BW_CT_EXPECTED_KEY - 1, names, (size_t)(w.at - names), NULL, 0);
    put32(&w, x->flags);
    put32(&w, x->class);
    put_text(&w, x->helper, sizeof(x->helper));
    put_text(&w, x->function, sizeof(x->function));
    put8(&w, x->translated);
    if (x->translated) {
        put8(&w, (uint8_t)x->direction);
        put_tuple(&w, &x->key, &x->nat);
    }
    return (size_t)(w.at - bytes);
}

int bw_ct_decode_expected(const uint8_t *bytes, size_t length, struct bw_ct_expected *x)
{
    struct reader r = {bytes, bytes + length, false};
    uint32_t timeout;

    memset(x, 0, sizeof(*x));
    timeout = take16(&r);
    x->timeout_s = timeout & 0x8000 ? (timeout & 0x7fff) * 16 : timeout;
    take8(&r);
    take_key(&r, &x->key);
    take_tuple(&r, &x->key, &x->mask);
    take_key(&r, &x->master);
    x->flags = take32(&r);
    x->class = take32(&r);
    take_text(&r, x->helper, sizeof(x->helper));
    take_text(&r, x->function, sizeof(x->function));
    x->translated = take8(&r) != 0;
    if (x->translated) {
        x->direction = take8(&r);
        take_tuple(&r, &x->key, &x->nat);
    }
    return r.bad || r.at != r.end || x->direction > 1 ? -EBADMSG : 0;
}

/* ---- ranges and digests ---- */

/* Not secret: who could forge records holds the cluster's key. */
static const uint8_t common_key[crypto_shorthash_KEYBYTES] = "bellwether-sync";

uint8_t bw_ct_range(const uint8_t *key, size_t length)
{
    uint32_t hash = 0x811c9dc5;

    for (size_t i = 0; i < length; i++)
        hash = (hash ^ key[i]) * 0x01000193;
    return (uint8_t)(hash ^ hash >> 8 ^ hash >> 16 ^ hash >> 24);
}

uint64_t bw_ct_digest(const uint8_t *key, size_t key_length, const uint8_t *value, size_t value_length)
{
    uint8_t joined[BW_CT_WIRE_KEY_MAX + BW_CT_WIRE_VALUE_MAX], hash[crypto_shorthash_BYTES];
    uint64_t digest;

    memcpy(joined, key, key_length);
    memcpy(joined + key_length, value + BW_CT_WIRE_HEAD, value_length - BW_CT_WIRE_HEAD);
    crypto_shorthash(hash, joined, key_length + value_length - BW_CT_WIRE_HEAD, common_key);
    memcpy(&digest, hash, sizeof(digest));
    return le64toh(digest); /* members may differ in byte order */
}
