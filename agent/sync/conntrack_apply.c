/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A peer's records into the local kernel, many in one message. The kernel answers errors only, and before the message's sendmsg()
 * returns; an entry that it did not take as it was sent is looked at alone.
 *
 * Who owns an entry that two members saw packets of at a time is settled by the turn, which grows with each change of owner, and
 * then by the lower id: both come to the same result, whatever came first.
 */
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <string.h>

#include "agent/sync/conntrack.h"
#include "bellwether/log.h"

#define OUT_BYTES (BW_CT_INJECT * BW_CT_MESSAGE_MAX)

/* ---- into the kernel ---- */

struct present {
    bool known, exists;
    struct bw_ct_entry entry;
};

static bool note_present(void *context, unsigned i, const struct bw_ct_entry *entry)
{
    struct present *p = context;

    (void)i;
    p->known = true;
    p->exists = entry != NULL;
    if (entry)
        p->entry = *entry;
    return false;
}

static int request(struct bw_ct *ct, enum bw_ct_request kind, const struct bw_ct_entry *entry)
{
    _Alignas(struct nlmsghdr) uint8_t message[BW_CT_MESSAGE_MAX];
    size_t length = bw_ct_build(message, kind, entry, ++ct->sequence);

    return bw_ct_request_one(ct, message, length);
}

static void remember_orphan(struct bw_ct *ct, const struct bw_ct_entry *entry)
{
    struct bw_ct_wire wire;

    if (ct->orphans_count == BW_CT_ORPHANS)
        return;
    bw_ct_wire_key(&entry->key, &wire);
    ct->orphans[ct->orphans_count++] = (struct bw_ct_orphan){.entry = *entry, .range = wire.range};
}

/* Creates it with less and less of what another kernel may not have: the master, the helper. */
static int create(struct bw_ct *ct, const struct bw_ct_entry *entry)
{
    struct bw_ct_entry e = *entry;
    int err = request(ct, BW_CT_CREATE, &e);

    if (err == -EEXIST) { /* another entry has its reply direction */
        request(ct, BW_CT_DELETE_REPLY, &e);
        err = request(ct, BW_CT_CREATE, &e);
    }
    if (err == -ENOENT && e.parts & BW_CT_MASTER) {
        remember_orphan(ct, &e);
        e.parts &= ~(uint32_t)BW_CT_MASTER;
        err = request(ct, BW_CT_CREATE, &e);
    }
    if (err && err != -EEXIST && e.parts & BW_CT_HELPER) {
        e.parts &= ~(uint32_t)BW_CT_HELPER;
        err = request(ct, BW_CT_CREATE, &e);
    }
    if (err && err != -EEXIST && err != -ENOMEM && e.parts & (BW_CT_LABELS | BW_CT_SEQUENCE)) {
        e.parts &= ~(uint32_t)(BW_CT_LABELS | BW_CT_SEQUENCE);
        err = request(ct, BW_CT_CREATE, &e);
    }
    return err;
}

#define ORPHAN_TRIES 10

/* True: nothing is to be done for it any more. */
static bool settle_orphan(struct bw_ct *ct, struct bw_ct_orphan *orphan)
{
    const struct bw_ct_record *r = bw_ct_index_find(ct->index, orphan->range, &orphan->entry.key);
    struct present master = {.known = false};

    if (!r || r->owner == ct->local || ++orphan->tries > ORPHAN_TRIES)
        return true;
    bw_ct_get(ct, &orphan->entry.master, 1, note_present, &master);
    if (!master.exists)
        return false;
    request(ct, BW_CT_DELETE, &orphan->entry); /* a master is for new entries only */
    request(ct, BW_CT_CREATE, &orphan->entry);
    return true;
}

void bw_ct_adopt_orphans(struct bw_ct *ct)
{
    if (ct->now_ns < ct->orphans_ns)
        return;
    ct->orphans_ns = ct->now_ns + BW_SEC;
    for (unsigned i = 0; i < ct->orphans_count;) {
        if (settle_orphan(ct, &ct->orphans[i]))
            ct->orphans[i] = ct->orphans[--ct->orphans_count];
        else
            i++;
    }
}

/* What the kernel did not take in a batch. */
static int mend(struct bw_ct *ct, const struct bw_ct_entry *entry)
{
    struct present present = {.known = false};
    int err = -EEXIST;

    bw_ct_get(ct, &entry->key, 1, note_present, &present);
    if (present.exists && memcmp(&present.entry.reply, &entry->reply, sizeof(entry->reply)) == 0) {
        err = request(ct, BW_CT_UPDATE, entry);
        if (err == -ENOSPC || err == -ERANGE) /* labels, which no rule here uses: the rest was taken */
            err = 0;
    }
    if (err == 0)
        return 0;
    if (present.exists)
        request(ct, BW_CT_DELETE, entry);
    return create(ct, entry);
}

/* An injection that failed at last is taken out of the index: the digests then tell the truth. */
static void forget(struct bw_ct *ct, const struct bw_ct_injection *injection, int err)
{
    static struct bw_log_limit limit;
    struct bw_ct_record *r = bw_ct_index_find(ct->index, injection->range, &injection->entry.key);
    uint64_t suppressed;

    if (r && r->owner != ct->local)
        bw_ct_index_remove(ct->index, injection->range, r);
    ct->failures++;
    if (bw_log_allowed(&limit, ct->now_ns, &suppressed))
        bw_log(BW_LOG_WARNING, "sync: the kernel did not take a connection of a peer: %s (%lu more were not told)",
               strerror(-err), (unsigned long)suppressed);
}

/* Did something later in the batch decide on the same entry? */
static bool is_outdated(const struct bw_ct *ct, unsigned i, unsigned count)
{
    const struct bw_ct_injection *injection = &ct->injections[i];

    for (unsigned k = i + 1; k < count; k++) {
        if (memcmp(&ct->injections[k].entry.key, &injection->entry.key, sizeof(injection->entry.key)) == 0)
            return true;
    }
    return false;
}

static int settle_delete(struct bw_ct *ct, const struct bw_ct_injection *injection, int err)
{
    if (err != -ENOENT)
        err = request(ct, BW_CT_DELETE, &injection->entry);
    if (err == 0 || err == -ENOENT)
        return 0;
    ct->failures++;
    return err;
}

/* What the kernel did not take. 0: settled. */
static int settle(struct bw_ct *ct, unsigned i, unsigned count, int err)
{
    const struct bw_ct_injection *injection = &ct->injections[i];
    const struct bw_ct_record *r = bw_ct_index_find(ct->index, injection->range, &injection->entry.key);

    if (is_outdated(ct, i, count))
        return 0;
    if (injection->request == BW_CT_DELETE)
        return r ? 0 : settle_delete(ct, injection, err);
    if ((injection->request != BW_CT_CREATE && injection->request != BW_CT_UPDATE) || !r || r->owner == ct->local)
        return 0;
    err = mend(ct, &injection->entry);
    if (err)
        forget(ct, injection, err);
    return err;
}

/* Errors of the batch, by injection; 0 = taken. */
static void collect(struct bw_ct *ct, int errors[BW_CT_INJECT])
{
    int n;

    while ((n = bw_ct_receive(ct->requests, &ct->answers)) > 0 || n == -ENOBUFS) {
        for (unsigned i = 0; n < 0 && i < ct->injections_count; i++) /* answers were lost: each is looked at */
            errors[i] = n;
        for (unsigned i = 0; i < ct->answers.count; i++) {
            const struct nlmsghdr *m = bw_ct_message(&ct->answers, i);
            const struct nlmsgerr *e = m ? NLMSG_DATA(m) : NULL;

            if (m && m->nlmsg_type == NLMSG_ERROR && m->nlmsg_len >= NLMSG_LENGTH(sizeof(*e)) &&
                m->nlmsg_seq - ct->injections_sequence < ct->injections_count)
                errors[m->nlmsg_seq - ct->injections_sequence] = e->error;
        }
    }
}

void bw_ct_carry_out(struct bw_ct *ct)
{
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    int errors[BW_CT_INJECT] = {0};
    unsigned count = ct->injections_count;

    if (count == 0)
        return;
    if (sendto(ct->requests, ct->out, ct->out_length, 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0) {
        for (unsigned i = 0; i < count; i++) /* each alone */
            errors[i] = -errno;
    } else {
        collect(ct, errors);
    }
    ct->injections_count = 0;
    ct->out_length = 0;
    for (unsigned i = 0; i < count; i++) {
        int err = errors[i] ? settle(ct, i, count, errors[i]) : 0;

        ct->failed = ct->failed ? ct->failed : err;
    }
}

int bw_ct_flush(void *self)
{
    struct bw_ct *ct = self;
    int failed;

    bw_ct_carry_out(ct);
    failed = ct->failed;
    ct->failed = 0;
    return failed;
}

void bw_ct_inject(struct bw_ct *ct, const struct bw_ct_entry *entry, uint8_t range, enum bw_ct_request kind)
{
    struct bw_ct_injection *injection;

    if (ct->injections_count == BW_CT_INJECT)
        bw_ct_carry_out(ct);
    if (ct->injections_count == 0)
        ct->injections_sequence = ct->sequence + 1;
    injection = &ct->injections[ct->injections_count++];
    injection->entry = *entry;
    injection->range = range;
    injection->request = (uint8_t)kind;
    ct->out_length += bw_ct_build(ct->out + ct->out_length, kind, entry, ++ct->sequence);
}

/* ---- records ---- */

bool bw_ct_plausible(const struct bw_sync_record *record)
{
    if (record->key_length == 0 || record->key_length > BW_CT_WIRE_KEY_MAX)
        return false;
    if (record->operation == BW_SYNC_DELETE)
        return true;
    return record->operation == BW_SYNC_SET && record->value_length > BW_CT_WIRE_HEAD &&
           record->value_length <= BW_CT_WIRE_VALUE_MAX;
}

/* Does the record of `owner` win over what the index has? */
static bool wins(const struct bw_ct *ct, const struct bw_ct_record *r, uint8_t owner, struct bw_ct_turn turn)
{
    int8_t newer = (int8_t)((unsigned)(turn.turn - r->turn) << 1); /* of seven bits, the sign in the eighth */
    bool inherited = r->flags & BW_CT_INHERITED;

    if (r->owner == owner || (r->owner == ct->local && r->flags & BW_CT_WAITING))
        return true;
    if (inherited != turn.inherited)
        return inherited;
    return newer != 0 ? newer > 0 : owner < r->owner;
}

/* When a copy ends by itself, as the index remembers it: in steps that reach over a TCP connection's life. */
#define END_STEP_S 16

uint16_t bw_ct_end_of(const struct bw_ct *ct, uint32_t timeout_s)
{
    return (uint16_t)((bw_ct_second(ct) + timeout_s) / END_STEP_S);
}

static int apply_set(struct bw_ct *ct, uint8_t owner, const struct bw_sync_record *record, struct bw_ct_entry *e,
                     uint8_t range)
{
    uint64_t digest = bw_ct_digest(record->key, record->key_length, record->value, record->value_length);
    struct bw_ct_record *r = bw_ct_index_find(ct->index, range, &e->key);
    struct bw_ct_turn turn;
    uint8_t flags;
    bool known = r;

    if (bw_ct_decode_value(record->value, record->value_length, e, &turn) != 0)
        return -EBADMSG;
    if (r && !wins(ct, r, owner, turn)) {
        ct->conflicts++;
        if (r->owner == ct->local)
            r->due_s = (uint16_t)bw_ct_second(ct); /* so that the other one soon hears that it is not its */
        return 0;
    }
    flags = ct->sweep.seen | (turn.inherited ? BW_CT_INHERITED : 0) |
            (e->parts & (BW_CT_LABELS | BW_CT_MASTER | BW_CT_SEQUENCE) ? BW_CT_SPECIAL : 0);
    if (r)
        bw_ct_index_set(ct->index, range, r, owner, digest, flags);
    else
        r = bw_ct_index_insert(ct->index, range, &e->key, owner, digest, flags);
    if (!r)
        return -ENOMEM;
    r->turn = turn.turn;
    if (e->timeout_s < BW_CT_COPY_LEAST_S)
        e->timeout_s = BW_CT_COPY_LEAST_S;
    r->due_s = bw_ct_end_of(ct, e->timeout_s);
    bw_ct_inject(ct, e, range, known ? BW_CT_UPDATE : BW_CT_CREATE);
    return 0;
}

/* The owner says that it ended, but here packets have given it a longer life than its copy was given: it lives, and is this
 * member's. So an owner past whom the packets go, as with several groups, cannot end what it does not see. */
static bool lives_here(struct bw_ct *ct, const struct bw_ct_record *r, const struct bw_ct_entry *e)
{
    struct present present = {.known = false};
    uint16_t end = r->due_s;

    if (!ct->held)
        return false;
    bw_ct_get(ct, &e->key, 1, note_present, &present);
    return present.exists && (int16_t)(bw_ct_end_of(ct, present.entry.timeout_s) - end) > 1 &&
           bw_ct_tell(ct, &present.entry, false) == BW_CT_TOLD;
}

static int apply_delete(struct bw_ct *ct, uint8_t owner, const struct bw_ct_entry *e, uint8_t range)
{
    struct bw_ct_record *r = bw_ct_index_find(ct->index, range, &e->key);

    if (!r || r->owner != owner || lives_here(ct, r, e))
        return 0;
    bw_ct_index_remove(ct->index, range, r);
    bw_ct_inject(ct, e, range, BW_CT_DELETE);
    return 0;
}

int bw_ct_apply(void *self, uint8_t owner, const struct bw_sync_record *record, uint64_t now_ns)
{
    struct bw_ct *ct = self;
    struct bw_ct_entry e = {.parts = 0};
    uint8_t range;

    ct->now_ns = now_ns;
    if (!bw_ct_plausible(record))
        return -EBADMSG;
    if (record->key[0] & BW_CT_EXPECTED)
        return bw_ct_expect_apply(ct, owner, record);
    if (bw_ct_decode_key(record->key, record->key_length, &e.key) != 0)
        return -EBADMSG;
    range = bw_ct_range(record->key, record->key_length);
    if (range != record->range)
        return -EBADMSG;
    return record->operation == BW_SYNC_DELETE ? apply_delete(ct, owner, &e, range)
                                               : apply_set(ct, owner, record, &e, range);
}
