/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Expectations: connections that a helper announced (the data connection of FTP). There are few, so each is kept whole. One is
 * synchronised when its master is, and is in its master's range, behind it: so the master is always there first.
 */
#include <errno.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>

#include "agent/sync/conntrack.h"

static struct bw_ct_expectation *find(struct bw_ct *ct, const uint8_t *key)
{
    for (unsigned i = 0; i < ct->expects_count; i++) {
        if (memcmp(ct->expects[i].key, key, BW_CT_EXPECTED_KEY) == 0)
            return &ct->expects[i];
    }
    return NULL;
}

static void drop(struct bw_ct *ct, struct bw_ct_expectation *x)
{
    *x = ct->expects[--ct->expects_count];
}

static struct bw_sync_record record_of(const struct bw_ct_expectation *x, uint8_t operation)
{
    return (struct bw_sync_record){
        .provider = BW_SYNC_CONNECTIONS,
        .operation = operation,
        .range = x->range,
        .key_length = BW_CT_EXPECTED_KEY,
        .value_length = operation == BW_SYNC_DELETE ? 0 : x->length,
        .key = x->key,
        .value = x->value,
    };
}

static bool send_update(struct bw_ct *ct, const struct bw_ct_expectation *x, uint8_t operation)
{
    struct bw_sync_record record = record_of(x, operation);

    return ct->sink.update(ct->sink.context, &record);
}

static uint8_t range_of(const struct bw_ct_expected *expected)
{
    struct bw_ct_wire wire;

    bw_ct_wire_key(&expected->master, &wire);
    return wire.range;
}

static bool master_known(struct bw_ct *ct, const struct bw_ct_key *master)
{
    struct bw_ct_wire wire;

    bw_ct_wire_key(master, &wire);
    return bw_ct_index_find(ct->index, wire.range, master) != NULL;
}

/* Puts it in, or over what is there. False: no room. */
static bool keep(struct bw_ct *ct, const struct bw_ct_expectation *x)
{
    struct bw_ct_expectation *at = find(ct, x->key);

    if (!at && ct->expects_count == BW_CT_EXPECTS) {
        ct->failures++;
        return false;
    }
    if (!at)
        at = &ct->expects[ct->expects_count++];
    *at = *x;
    return true;
}

static enum bw_ct_told expect_gone(struct bw_ct *ct, struct bw_ct_expectation *known)
{
    if (!known)
        return BW_CT_TOLD;
    if (known->owner != ct->local)
        ct->lost[known->range / 64] |= 1ULL << known->range % 64;
    else if (!send_update(ct, known, BW_SYNC_DELETE))
        return BW_CT_REFUSED;
    drop(ct, known);
    return BW_CT_TOLD;
}

enum bw_ct_told bw_ct_expect_event(struct bw_ct *ct, const struct nlmsghdr *message)
{
    struct bw_ct_expectation x = {.owner = ct->local}, *known;
    struct bw_ct_expected expected;

    if (bw_ct_parse_expected(NLMSG_DATA(message), message->nlmsg_len - NLMSG_HDRLEN, &expected) != 0)
        return BW_CT_TOLD;
    x.length = (uint16_t)bw_ct_encode_expected(&expected, x.key, x.value);
    x.range = range_of(&expected);
    x.digest = bw_ct_digest(x.key, BW_CT_EXPECTED_KEY, x.value, x.length);
    known = find(ct, x.key);
    if ((message->nlmsg_type & 0xff) == IPCTNL_MSG_EXP_DELETE)
        return expect_gone(ct, known);
    if (!known && (!master_known(ct, &expected.master) || ct->expects_count == BW_CT_EXPECTS))
        return BW_CT_TOLD;
    if (known && known->owner == ct->local && known->digest == x.digest)
        return BW_CT_TOLD;
    if (!send_update(ct, &x, BW_SYNC_SET))
        return BW_CT_REFUSED;
    keep(ct, &x);
    return BW_CT_TOLD;
}

static void ask_kernel(struct bw_ct *ct, const struct bw_ct_expectation *x, enum bw_ct_request kind)
{
    _Alignas(struct nlmsghdr) uint8_t message[BW_CT_MESSAGE_MAX];
    struct bw_ct_expected expected;
    int err;

    if (bw_ct_decode_expected(x->value, x->length, &expected) != 0)
        return;
    bw_ct_carry_out(ct); /* the master first */
    err = bw_ct_request_one(ct, message, bw_ct_build_expected(message, kind, &expected, ++ct->sequence));
    if (err && kind == BW_CT_CREATE)
        ct->failures++; /* no such helper here: it stays known, so that the digests agree, and is of no use */
}

int bw_ct_expect_apply(struct bw_ct *ct, uint8_t owner, const struct bw_sync_record *record)
{
    struct bw_ct_expectation x = {.owner = owner, .range = record->range}, *known;
    struct bw_ct_expected expected;
    uint8_t key[BW_CT_EXPECTED_KEY], value[BW_CT_WIRE_VALUE_MAX];

    if (record->key_length != BW_CT_EXPECTED_KEY)
        return -EBADMSG;
    known = find(ct, record->key);
    if (record->operation == BW_SYNC_DELETE) {
        if (known && known->owner == owner) {
            ask_kernel(ct, known, BW_CT_DELETE);
            drop(ct, known);
        }
        return 0;
    }
    if (bw_ct_decode_expected(record->value, record->value_length, &expected) != 0)
        return -EBADMSG;
    bw_ct_encode_expected(&expected, key, value);
    if (memcmp(key, record->key, BW_CT_EXPECTED_KEY) != 0 || record->range != range_of(&expected))
        return -EBADMSG; /* its name is another one's */
    memcpy(x.key, record->key, BW_CT_EXPECTED_KEY);
    memcpy(x.value, record->value, record->value_length);
    x.length = record->value_length;
    x.digest = bw_ct_digest(x.key, BW_CT_EXPECTED_KEY, x.value, x.length);
    if (!keep(ct, &x))
        return -ENOSPC;
    ask_kernel(ct, &x, BW_CT_CREATE);
    return 0;
}

void bw_ct_expect_digests(const struct bw_ct *ct, uint8_t owner, struct bw_sync_digest digests[BW_SYNC_RANGES])
{
    for (unsigned i = 0; i < ct->expects_count; i++) {
        const struct bw_ct_expectation *x = &ct->expects[i];

        if (x->owner != owner)
            continue;
        digests[x->range].sum += x->digest;
        digests[x->range].records++;
    }
}

bool bw_ct_expect_dump(struct bw_ct *ct, uint8_t owner, uint8_t range, uint32_t *at,
                       bool (*emit)(void *context, const struct bw_sync_record *record), void *context)
{
    for (unsigned i = 0; i < ct->expects_count; i++) { /* from the first: one that went may have changed the order */
        struct bw_sync_record record = record_of(&ct->expects[i], BW_SYNC_SET);

        *at = 0;
        if (ct->expects[i].owner == owner && ct->expects[i].range == range && !emit(context, &record))
            return false;
    }
    return true;
}

void bw_ct_expect_repair(struct bw_ct *ct, uint8_t owner, const uint64_t ranges[BW_SYNC_RANGES / 64], bool end)
{
    for (unsigned i = 0; i < ct->expects_count;) {
        struct bw_ct_expectation *x = &ct->expects[i];

        if (x->owner == owner && ranges[x->range / 64] >> x->range % 64 & 1) {
            if (end && x->flags & BW_CT_DOUBTFUL) {
                ask_kernel(ct, x, BW_CT_DELETE);
                drop(ct, x);
                continue;
            }
            x->flags = end ? 0 : BW_CT_DOUBTFUL;
        }
        i++;
    }
}

void bw_ct_expect_move(struct bw_ct *ct, uint8_t from, uint8_t to)
{
    for (unsigned i = 0; i < ct->expects_count; i++) {
        if (ct->expects[i].owner == from)
            ct->expects[i].owner = to;
    }
}

unsigned bw_ct_expect_count(const struct bw_ct *ct, uint8_t owner)
{
    unsigned count = 0;

    for (unsigned i = 0; i < ct->expects_count; i++)
        count += ct->expects[i].owner == owner;
    return count;
}
