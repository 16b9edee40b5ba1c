/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What happens in the local kernel's table, as updates for peers. An event of an entry means that its packets come here, so the
 * entry becomes this member's own, whosever it was.
 */
#include <errno.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <string.h>

#include "agent/sync/conntrack.h"
#include "bellwether/log.h"

void bw_ct_wire_key(const struct bw_ct_key *key, struct bw_ct_wire *wire)
{
    wire->key_length = (uint16_t)bw_ct_encode_key(key, wire->key);
    wire->range = bw_ct_range(wire->key, wire->key_length);
    wire->value_length = 0;
}

void bw_ct_wire_value(const struct bw_ct_entry *entry, struct bw_ct_turn turn, struct bw_ct_wire *wire)
{
    wire->value_length = (uint16_t)bw_ct_encode_value(entry, turn, wire->value);
}

uint64_t bw_ct_wire_digest(const struct bw_ct_wire *wire)
{
    return bw_ct_digest(wire->key, wire->key_length, wire->value, wire->value_length);
}

struct bw_sync_record bw_ct_wire_record(const struct bw_ct_wire *wire, uint8_t operation)
{
    return (struct bw_sync_record){
        .provider = BW_SYNC_CONNECTIONS,
        .operation = operation,
        .range = wire->range,
        .key_length = wire->key_length,
        .value_length = operation == BW_SYNC_DELETE ? 0 : wire->value_length,
        .key = wire->key,
        .value = wire->value,
    };
}

static bool send_update(struct bw_ct *ct, const struct bw_ct_wire *wire, uint8_t operation)
{
    struct bw_sync_record record = bw_ct_wire_record(wire, operation);

    return ct->sink.update(ct->sink.context, &record);
}

/* Seconds until the owner tells of it again. */
static uint32_t refresh_after_s(uint32_t timeout_s)
{
    uint32_t life = timeout_s > BW_CT_COPY_LEAST_S ? timeout_s : BW_CT_COPY_LEAST_S;

    return life / 2 < BW_CT_REFRESH_MOST_S ? life / 2 : BW_CT_REFRESH_MOST_S;
}

bool bw_ct_is_partial(const struct bw_ct_entry *e, const struct bw_ct_record *record)
{
    bool state = e->key.protocol == IPPROTO_TCP || e->key.protocol == IPPROTO_SCTP;

    return !(e->parts & BW_CT_STATUS) || !(e->parts & BW_CT_REPLY) || (state && !(e->parts & BW_CT_PROTOCOL)) ||
           !record || record->flags & BW_CT_SPECIAL;
}

/* New here: told now, told later, or never. */
static enum bw_ct_told tell_new(struct bw_ct *ct, const struct bw_ct_entry *e, struct bw_ct_wire *wire, uint8_t flags)
{
    uint32_t after_s;
    struct bw_ct_record *r;

    if (!bw_ct_selected(ct->select, e, &after_s)) {
        ct->ignored++;
        return BW_CT_TOLD;
    }
    bw_ct_wire_value(e, (struct bw_ct_turn){0, false}, wire);
    if (after_s > 0)
        flags |= BW_CT_WAITING;
    else if (!send_update(ct, wire, BW_SYNC_SET))
        return BW_CT_REFUSED;
    r = bw_ct_index_insert(ct->index, wire->range, &e->key, ct->local, bw_ct_wire_digest(wire), flags);
    if (r)
        r->due_s = (uint16_t)(bw_ct_second(ct) + (after_s ? after_s : refresh_after_s(e->timeout_s)));
    else
        ct->failures++;
    return BW_CT_TOLD;
}

enum bw_ct_told bw_ct_tell(struct bw_ct *ct, const struct bw_ct_entry *e, bool again)
{
    struct bw_ct_wire wire;
    struct bw_ct_record *r;
    uint8_t flags = ct->sweep.seen | (e->parts & (BW_CT_LABELS | BW_CT_MASTER | BW_CT_SEQUENCE) ? BW_CT_SPECIAL : 0);
    struct bw_ct_turn turn;
    uint64_t digest;

    bw_ct_wire_key(&e->key, &wire);
    r = bw_ct_index_find(ct->index, wire.range, &e->key);
    if (!r)
        return tell_new(ct, e, &wire, flags);
    turn.turn = r->owner == ct->local ? r->turn : (r->turn + 1) & 0x7f;
    turn.inherited = again && r->owner == ct->local && r->flags & BW_CT_INHERITED;
    flags |= turn.inherited ? BW_CT_INHERITED : 0;
    bw_ct_wire_value(e, turn, &wire);
    digest = bw_ct_wire_digest(&wire);
    if (!again && r->owner == ct->local && r->digest == digest && !(r->flags & (BW_CT_INHERITED | BW_CT_WAITING))) {
        r->flags = (uint8_t)((r->flags & ~BW_CT_SEEN) | ct->sweep.seen);
        return BW_CT_TOLD;
    }
    if (!again && r->flags & BW_CT_WAITING)
        return BW_CT_TOLD;
    if (!send_update(ct, &wire, BW_SYNC_SET))
        return BW_CT_REFUSED;
    bw_ct_index_set(ct->index, wire.range, r, ct->local, digest, flags);
    r->turn = turn.turn;
    r->due_s = (uint16_t)(bw_ct_second(ct) + refresh_after_s(e->timeout_s));
    return BW_CT_TOLD;
}

enum bw_ct_told bw_ct_tell_gone(struct bw_ct *ct, const struct bw_ct_key *key)
{
    struct bw_ct_wire wire;
    struct bw_ct_record *r;

    bw_ct_wire_key(key, &wire);
    bw_ct_sweep_gone(ct, &wire);
    r = bw_ct_index_find(ct->index, wire.range, key);
    if (!r)
        return BW_CT_TOLD;
    if (r->owner != ct->local) /* a copy went before its owner said so */
        ct->lost[wire.range / 64] |= 1ULL << wire.range % 64;
    else if (!(r->flags & BW_CT_WAITING) && !send_update(ct, &wire, BW_SYNC_DELETE))
        return BW_CT_REFUSED;
    bw_ct_index_remove(ct->index, wire.range, r);
    return BW_CT_TOLD;
}

void bw_ct_tell_lost(struct bw_ct *ct)
{
    uint64_t any = 0, lost[BW_SYNC_RANGES / 64];

    memcpy(lost, ct->lost, sizeof(lost));
    for (unsigned i = 0; i < BW_SYNC_RANGES / 64; i++)
        any |= lost[i];
    if (!any)
        return;
    memset(ct->lost, 0, sizeof(ct->lost));
    ct->sink.lost(ct->sink.context, lost);
}

/* ---- events ---- */

struct completion {
    struct bw_ct *ct;
    enum bw_ct_told told;
};

static bool tell_complete(void *context, unsigned i, const struct bw_ct_entry *entry)
{
    struct completion *c = context;

    (void)i;
    if (entry) /* else it is gone, which its own event will say */
        c->told = bw_ct_tell(c->ct, entry, false);
    return false;
}

/* created: the event that an entry begins with, which tells all of it. */
static enum bw_ct_told changed(struct bw_ct *ct, const struct bw_ct_entry *e, bool created)
{
    struct completion c = {ct, BW_CT_TOLD};
    struct bw_ct_wire wire;
    const struct bw_ct_record *r;
    uint32_t after_s;

    if (created)
        return bw_ct_tell(ct, e, false);
    bw_ct_wire_key(&e->key, &wire);
    r = bw_ct_index_find(ct->index, wire.range, &e->key);
    if (!r && !bw_ct_selected(ct->select, e, &after_s))
        return BW_CT_TOLD;
    if (!bw_ct_is_partial(e, r))
        return bw_ct_tell(ct, e, false);
    if (r && r->owner == ct->local && r->flags & BW_CT_WAITING)
        return BW_CT_TOLD;
    bw_ct_get(ct, &e->key, 1, tell_complete, &c);
    return c.told;
}

static enum bw_ct_told take_event(struct bw_ct *ct, const struct nlmsghdr *m)
{
    struct bw_ct_entry e;

    if (m->nlmsg_type >> 8 == NFNL_SUBSYS_CTNETLINK_EXP)
        return bw_ct_expect_event(ct, m);
    if (m->nlmsg_type >> 8 != NFNL_SUBSYS_CTNETLINK ||
        bw_ct_parse(NLMSG_DATA(m), m->nlmsg_len - NLMSG_HDRLEN, &e) != 0)
        return BW_CT_TOLD;
    switch (m->nlmsg_type & 0xff) {
    case IPCTNL_MSG_CT_NEW:
        return changed(ct, &e, m->nlmsg_flags & NLM_F_CREATE);
    case IPCTNL_MSG_CT_DELETE:
        return bw_ct_tell_gone(ct, &e.key);
    }
    return BW_CT_TOLD;
}

/* More datagrams. False: there are none now. */
static bool fill(struct bw_ct *ct)
{
    static struct bw_log_limit limit;
    uint64_t suppressed;
    int n;

    while ((n = bw_ct_receive(ct->events, &ct->incoming)) == -ENOBUFS) {
        ct->overruns++;
        ct->overrun = true;
        if (bw_log_allowed(&limit, ct->now_ns, &suppressed))
            bw_log(BW_LOG_WARNING,
                   "sync: the kernel had more connection events than fit its buffer; the table is compared with it");
    }
    if (n <= 0 && ct->overrun) { /* the kernel queues again once all before was read */
        ct->overrun = false;
        bw_ct_sweep_begin(ct, true);
    }
    return n > 0;
}

bool bw_ct_read(void *self, uint64_t now_ns, unsigned most)
{
    struct bw_ct *ct = self;
    struct bw_ct_batch *b = &ct->incoming;
    bool more = true;

    ct->now_ns = now_ns;
    bw_ct_select_read(ct->select);
    bw_ct_hold_read(ct);
    for (unsigned taken = 0; taken < most; taken++, b->at++) {
        const struct nlmsghdr *m;

        if (b->at == b->count && !fill(ct)) {
            more = false;
            break;
        }
        m = bw_ct_message(b, b->at);
        if (!m)
            ct->overrun = true; /* cut: as if it was lost */
        else if (take_event(ct, m) == BW_CT_REFUSED)
            break;
    }
    bw_ct_tell_lost(ct);
    return more;
}
