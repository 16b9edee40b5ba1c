/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One entry of connection tracking as plain data, and its three shapes: what the kernel tells and takes (netlink attributes,
 * ct_attr.c), what travels to peers (key and value, ct_codec.c) and how the index names it (struct bw_ct_key). Pure: bytes in,
 * bytes out; no system call.
 */
#ifndef BELLWETHER_CT_ENTRY_H
#define BELLWETHER_CT_ENTRY_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BW_CT_LABELS_MAX 16
#define BW_CT_HELPER_MAX 16

/* One direction. IPv4 is in the first four bytes of an address, the rest zero. Ports in host order; ICMP: sport is the identifier, dport
 * is type × 256 + code; GRE: the call numbers; protocols without ports: 0. */
struct bw_ct_tuple {
    uint8_t src[16], dst[16];
    uint16_t sport, dport;
};

/* What names an entry: the original direction's tuple in its zone. Bytes that are not used are zero, so keys compare as memory. */
struct bw_ct_key {
    struct bw_ct_tuple tuple;
    uint16_t zone;
    uint8_t zone_direction; /* 0 = both directions, 1 = original only, 2 = reply only */
    uint8_t family;         /* 4 or 6 */
    uint8_t protocol;       /* IP protocol */
    uint8_t unused;
};

/* Parts of an entry that may be missing in what the kernel told. */
enum bw_ct_part {
    BW_CT_REPLY = 1 << 0,
    BW_CT_STATUS = 1 << 1,
    BW_CT_TIMEOUT = 1 << 2,
    BW_CT_PROTOCOL = 1 << 3, /* TCP: state and scales; SCTP: state and tags */
    BW_CT_MARK = 1 << 4,
    BW_CT_LABELS = 1 << 5,
    BW_CT_HELPER = 1 << 6,
    BW_CT_MASTER = 1 << 7,
    BW_CT_SEQUENCE = 1 << 8, /* sequence adjustment */
};

struct bw_ct_sequence {
    uint32_t position, before, after;
};

struct bw_ct_entry {
    struct bw_ct_key key;
    struct bw_ct_tuple reply;
    uint32_t parts;     /* enum bw_ct_part: what is here */
    uint32_t status;    /* IPS_… */
    uint32_t timeout_s; /* life that remains */
    uint32_t mark;
    uint8_t state; /* TCP, SCTP: as the kernel numbers it */
    uint8_t scale[2]; /* TCP window scale, original and reply; 0 = none */
    uint32_t tag[2];  /* SCTP verification tags */
    uint8_t labels[BW_CT_LABELS_MAX];
    uint8_t labels_length;
    char helper[BW_CT_HELPER_MAX];
    struct bw_ct_key master;              /* the connection that expected this one */
    struct bw_ct_sequence sequence[2];    /* original, reply */
};

/* An expected connection. */
struct bw_ct_expected {
    struct bw_ct_key key;   /* tuple that is expected */
    struct bw_ct_tuple mask; /* of it */
    struct bw_ct_key master;
    uint32_t timeout_s;
    uint32_t flags, class;
    char helper[BW_CT_HELPER_MAX];
    char function[24]; /* of the kernel that sets up address translation; "" = none */
    bool translated;   /* nat: direction, address and port to translate to */
    uint32_t direction;
    struct bw_ct_tuple nat;
};

/* ---- ct_entry.c ---- */

/* The other direction without address translation. */
void bw_ct_invert(uint8_t protocol, const struct bw_ct_tuple *tuple, struct bw_ct_tuple *inverse);
bool bw_ct_has_ports(uint8_t protocol);
/* The entry of a packet that begins a connection, from its headers (from the network header on) and without address translation. False: it
 * has none that could be told. */
bool bw_ct_from_packet(const uint8_t *bytes, size_t length, struct bw_ct_entry *entry);

/* ---- ct_attr.c ---- */

/* A message of the kernel, from its struct nfgenmsg on. 0, -EBADMSG when it is none. */
int bw_ct_parse(const void *bytes, size_t length, struct bw_ct_entry *entry);
int bw_ct_parse_expected(const void *bytes, size_t length, struct bw_ct_expected *expected);

enum bw_ct_request {
    BW_CT_CREATE, /* fails when it exists */
    BW_CT_UPDATE, /* finds it by its reply direction; what cannot be changed is left out */
    BW_CT_DELETE,
    BW_CT_DELETE_REPLY, /* finds it by its reply direction */
    BW_CT_GET,
    BW_CT_LIBERAL, /* TCP: its windows are not checked any more; others: timeout_s */
};
#define BW_CT_MESSAGE_MAX 1024
/* Builds a request at `at` (BW_CT_MESSAGE_MAX bytes, 4-byte aligned). DELETE and GET need the key only. Returns its length. */
size_t bw_ct_build(void *at, enum bw_ct_request request, const struct bw_ct_entry *entry, uint32_t sequence);
/* CREATE or DELETE of an expectation. */
size_t bw_ct_build_expected(void *at, enum bw_ct_request request, const struct bw_ct_expected *expected, uint32_t sequence);

/* ---- ct_codec.c ---- */

#define BW_CT_WIRE_KEY_MAX   44
#define BW_CT_WIRE_VALUE_MAX 256
#define BW_CT_WIRE_HEAD      3 /* bytes of a value that its digest leaves out: timeout, turn */
#define BW_CT_WIRE_TURN      2 /* where in it the turn is: bits 0-6; bit 7: inherited */

/* What a record carries besides the entry. */
struct bw_ct_turn {
    uint8_t turn;   /* 0-127: how often the entry changed its owner */
    bool inherited; /* the sender found it in its kernel when it started: it does not know whose it is */
};

size_t bw_ct_encode_key(const struct bw_ct_key *key, uint8_t bytes[BW_CT_WIRE_KEY_MAX]);
size_t bw_ct_encode_value(const struct bw_ct_entry *entry, struct bw_ct_turn turn, uint8_t bytes[BW_CT_WIRE_VALUE_MAX]);
/* 0 or -EBADMSG. */
int bw_ct_decode_key(const uint8_t *bytes, size_t length, struct bw_ct_key *key);
/* entry->key must be set. */
int bw_ct_decode_value(const uint8_t *bytes, size_t length, struct bw_ct_entry *entry, struct bw_ct_turn *turn);

/* Expectations: a key of 17 bytes that begins with BW_CT_EXPECTED, everything in the value. */
#define BW_CT_EXPECTED     0x80
#define BW_CT_EXPECTED_KEY 17
size_t bw_ct_encode_expected(const struct bw_ct_expected *expected, uint8_t key[BW_CT_EXPECTED_KEY],
                             uint8_t bytes[BW_CT_WIRE_VALUE_MAX]);
int bw_ct_decode_expected(const uint8_t *bytes, size_t length, struct bw_ct_expected *expected);

/* The same on every member: which range a wire key is in, and the digest of a record (its value without the head). */
uint8_t bw_ct_range(const uint8_t *key, size_t length);
uint64_t bw_ct_digest(const uint8_t *key, size_t key_length, const uint8_t *value, size_t value_length);

#endif
