/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Looking after the whole table, a little in each turn.
 *
 * The walk goes along the index about once a second and fetches from the kernel what is due: own entries whose copies at peers need
 * a new life, and those that have become old enough to be told.
 *
 * The sweep compares the index with the kernel's table: at the start, after events were lost, and every few minutes (entries that
 * were there before anybody listened raise no events). It dumps the table; what differs is told; then what is in the index and
 * was not seen is asked for by name before it is believed to be gone. A dump may be older than an event that was taken meanwhile:
 * an entry that an event touched since the beginning is left alone, and one that is new although it may have been destroyed meanwhile
 * is asked for by name.
 */
#include <errno.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>
#include <unistd.h>

#include "agent/sync/conntrack.h"
#include "bellwether/log.h"

#define WALK_EVERY_NS   (50 * BW_MS)
#define WALK_RANGES     13  /* a turn: the whole index in a second */
#define WALK_MOST       256 /* due entries a turn */
#define SWEEP_EVERY_NS  (300 * BW_SEC)
#define SWEEP_PAUSE_NS  (20 * BW_MS)
#define SWEEP_DATAGRAMS 4 /* a turn, about 100 entries each */
#define SECOND_MOST     (4 * BW_CT_BATCH)
#define FILL_BYTES      (4 << 20)

/* ---- the walk ---- */

struct telling {
    struct bw_ct *ct;
    const struct bw_ct_key *keys;
    bool refused;
};

static bool tell_again(void *context, unsigned i, const struct bw_ct_entry *entry)
{
    struct telling *t = context;
    enum bw_ct_told told = entry ? bw_ct_tell(t->ct, entry, true) : bw_ct_tell_gone(t->ct, &t->keys[i]);

    t->refused = told == BW_CT_REFUSED;
    return !t->refused;
}

static bool is_due(const struct bw_ct *ct, const struct bw_ct_record *r)
{
    return r->owner == ct->local && (int16_t)((uint16_t)bw_ct_second(ct) - r->due_s) >= 0;
}

/* The due entries of the range from the walk's hash on, a batch at most. True: more may be there. */
static bool walk_some(struct bw_ct *ct, unsigned *told)
{
    struct bw_ct_walk *w = &ct->walk;
    struct bw_ct_key keys[BW_CT_BATCH];
    struct telling t = {.ct = ct, .keys = keys};
    struct bw_ct_record *r = bw_ct_index_from(ct->index, w->range, w->hash);
    unsigned count = 0;

    for (; r && count < BW_CT_BATCH; r = bw_ct_index_next(ct->index, w->range, r)) {
        w->hash = r->hash;
        if (is_due(ct, r))
            bw_ct_index_key(r, &keys[count++]);
    }
    if (count == 0)
        return false;
    bw_ct_get(ct, keys, count, tell_again, &t);
    *told += count;
    if (t.refused)
        *told = WALK_MOST;
    return r || t.refused;
}

static void walk(struct bw_ct *ct)
{
    struct bw_ct_walk *w = &ct->walk;
    unsigned told = 0;

    for (unsigned i = 0; i < WALK_RANGES && told < WALK_MOST; i++) {
        while (walk_some(ct, &told)) {
            if (told >= WALK_MOST) {
                w->hash = 0; /* those that were told are due no more */
                return;
            }
        }
        w->range++;
        w->hash = 0;
    }
}

/* ---- the sweep ---- */

int bw_ct_dump_begin(void)
{
    struct {
        struct nlmsghdr header;
        struct nfgenmsg generic;
    } request = {
        .header = {.nlmsg_len = sizeof(request),
                   .nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .generic = {.nfgen_family = AF_UNSPEC},
    };
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER), err;

    if (fd < 0)
        return -errno;
    if (send(fd, &request, sizeof(request), 0) == sizeof(request))
        return fd;
    err = -errno;
    close(fd);
    return err;
}

static void end_sweep(struct bw_ct *ct)
{
    struct bw_ct_sweep *s = &ct->sweep;
    static const uint64_t all[BW_SYNC_RANGES / 64] = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};

    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    s->second = false;
    s->next_ns = ct->now_ns + SWEEP_EVERY_NS;
    if (s->hurried && !s->again)
        ct->sink.lost(ct->sink.context, all);
    if (s->again)
        bw_ct_sweep_begin(ct, true);
}

void bw_ct_sweep_begin(struct bw_ct *ct, bool hurried)
{
    struct bw_ct_sweep *s = &ct->sweep;

    s->hurried |= hurried;
    if (s->fd >= 0 || s->second) {
        s->again |= hurried;
        return;
    }
    s->hurried = hurried;
    s->again = false;
    s->second = false;
    s->seen ^= BW_CT_SEEN;
    s->at = s->length = 0;
    memset(s->gone, 0, sizeof(s->gone));
    s->fd = bw_ct_dump_begin();
    s->next_ns = ct->now_ns;
    if (s->fd < 0) {
        bw_log(BW_LOG_ERROR, "sync: the connection table cannot be read: %s", strerror(-s->fd));
        s->next_ns = ct->now_ns + BW_SEC;
        s->fd = -1;
    }
}

static unsigned gone_bit(const struct bw_ct_wire *wire)
{
    static const uint8_t nothing[BW_CT_WIRE_HEAD];

    return bw_ct_digest(wire->key, wire->key_length, nothing, sizeof(nothing)) % (sizeof(((struct bw_ct *)0)->sweep.gone) * 8);
}

void bw_ct_sweep_gone(struct bw_ct *ct, const struct bw_ct_wire *wire)
{
    unsigned bit;

    if (ct->sweep.fd < 0)
        return;
    bit = gone_bit(wire);
    ct->sweep.gone[bit / 8] |= (uint8_t)(1U << bit % 8);
}

/* One entry of the dump. */
static enum bw_ct_told sweep_entry(struct bw_ct *ct, const struct bw_ct_entry *e)
{
    struct telling t = {.ct = ct, .keys = &e->key};
    struct bw_ct_wire wire;
    struct bw_ct_record *r;
    unsigned bit;

    bw_ct_wire_key(&e->key, &wire);
    r = bw_ct_index_find(ct->index, wire.range, &e->key);
    if (r) {
        bool touched = (r->flags & BW_CT_SEEN) == ct->sweep.seen;

        /* A peer's entry is as the peer says. */
        if (!touched && r->owner == ct->local && !(r->flags & (BW_CT_WAITING | BW_CT_INHERITED)))
            return bw_ct_tell(ct, e, false); /* which marks it as seen, too */
        r->flags = (uint8_t)((r->flags & ~BW_CT_SEEN) | ct->sweep.seen);
        return BW_CT_TOLD;
    }
    bit = gone_bit(&wire);
    if (!(ct->sweep.gone[bit / 8] >> bit % 8 & 1))
        return bw_ct_tell(ct, e, false);
    bw_ct_get(ct, &e->key, 1, tell_again, &t);
    return t.refused ? BW_CT_REFUSED : BW_CT_TOLD;
}

/* The rest of the present datagram. False: the dump ended, well or not. */
static bool sweep_datagram(struct bw_ct *ct, enum bw_ct_told (*take)(struct bw_ct *ct, const struct bw_ct_entry *e))
{
    struct bw_ct_sweep *s = &ct->sweep;
    struct bw_ct_entry e;

    s->full = false;
    while (s->length - s->at >= NLMSG_HDRLEN) {
        const struct nlmsghdr *m = (const void *)(s->bytes + s->at);

        if (!NLMSG_OK(m, s->length - s->at) || m->nlmsg_type == NLMSG_DONE || m->nlmsg_type == NLMSG_ERROR)
            return false;
        if (bw_ct_parse(NLMSG_DATA(m), m->nlmsg_len - NLMSG_HDRLEN, &e) == 0 && take(ct, &e) == BW_CT_REFUSED) {
            s->full = true;
            return true;
        }
        s->at += NLMSG_ALIGN(m->nlmsg_len);
        if (s->at > s->length)
            s->at = s->length;
    }
    s->at = s->length;
    return true;
}

/* The next datagram when the present one is done. Its length, or negative errno. */
static ssize_t next_datagram(struct bw_ct_sweep *s, int fd)
{
    ssize_t n;

    if (s->at < s->length)
        return (ssize_t)(s->length - s->at);
    s->at = s->length = 0;
    n = recv(fd, s->bytes, BW_CT_DUMP_BYTES, MSG_DONTWAIT);
    if (n > 0)
        s->length = (size_t)n;
    return n < 0 ? -errno : n;
}

static void sweep_first(struct bw_ct *ct)
{
    struct bw_ct_sweep *s = &ct->sweep;
    unsigned most = s->hurried ? 2 * SWEEP_DATAGRAMS : SWEEP_DATAGRAMS;

    for (unsigned i = 0; i < most; i++) {
        ssize_t n = next_datagram(s, s->fd);

        if (n == -EAGAIN || n == -EINTR)
            return;
        if (n > 0 && sweep_datagram(ct, sweep_entry)) {
            if (s->full)
                return;
            continue;
        }
        close(s->fd);
        s->fd = -1;
        s->second = true;
        s->range = 0;
        s->hash = 0;
        return;
    }
}

/* ---- what was not seen ---- */

static bool second_look(void *context, unsigned i, const struct bw_ct_entry *entry)
{
    struct telling *t = context;
    struct bw_ct_wire wire;
    struct bw_ct_record *r;

    if (!entry) {
        t->refused = bw_ct_tell_gone(t->ct, &t->keys[i]) == BW_CT_REFUSED;
        return !t->refused;
    }
    bw_ct_wire_key(&t->keys[i], &wire);
    r = bw_ct_index_find(t->ct->index, wire.range, &t->keys[i]);
    if (r)
        r->flags = (uint8_t)((r->flags & ~BW_CT_SEEN) | t->ct->sweep.seen);
    return true;
}

/* Some of the range's records that were not seen. True: the range may have more. */
static bool second_some(struct bw_ct *ct, unsigned *asked)
{
    struct bw_ct_sweep *s = &ct->sweep;
    struct bw_ct_key keys[BW_CT_BATCH];
    struct telling t = {.ct = ct, .keys = keys};
    struct bw_ct_record *r = bw_ct_index_from(ct->index, s->range, s->hash);
    unsigned count = 0;

    for (; r && count < BW_CT_BATCH; r = bw_ct_index_next(ct->index, s->range, r)) {
        s->hash = r->hash;
        if ((r->flags & BW_CT_SEEN) != s->seen)
            bw_ct_index_key(r, &keys[count++]);
    }
    if (count > 0)
        bw_ct_get(ct, keys, count, second_look, &t);
    *asked += count;
    if (t.refused) {
        *asked = SECOND_MOST;
        s->hash = 0;
    }
    return r || t.refused;
}

static void sweep_second(struct bw_ct *ct)
{
    struct bw_ct_sweep *s = &ct->sweep;
    unsigned asked = 0;

    for (unsigned i = 0; i < 16; i++) {
        while (second_some(ct, &asked)) {
            if (asked >= SECOND_MOST)
                return;
        }
        s->hash = 0;
        if (++s->range == 0) {
            end_sweep(ct);
            return;
        }
    }
}

/* ---- turns ---- */

uint64_t bw_ct_deadline(void *self)
{
    const struct bw_ct *ct = self;
    uint64_t next_ns;

    if (ct->loosening.runs)
        return ct->now_ns;
    next_ns = bw_ct_hold_deadline(ct);
    next_ns = ct->sweep.next_ns < next_ns ? ct->sweep.next_ns : next_ns;
    return ct->walk.next_ns < next_ns ? ct->walk.next_ns : next_ns;
}

void bw_ct_turn(void *self, uint64_t now_ns)
{
    struct bw_ct *ct = self;
    struct bw_ct_sweep *s = &ct->sweep;

    ct->now_ns = now_ns;
    bw_ct_hold_turn(ct);
    bw_ct_shot_turn(ct);
    if (ct->loosening.runs)
        bw_ct_loosen(ct);
    if (now_ns >= ct->walk.next_ns) {
        ct->walk.next_ns = now_ns + WALK_EVERY_NS;
        walk(ct);
        bw_ct_adopt_orphans(ct);
    }
    if (now_ns >= s->next_ns) {
        if (s->fd < 0 && !s->second)
            bw_ct_sweep_begin(ct, false);
        s->next_ns = now_ns + (s->hurried && !s->full ? BW_MS : SWEEP_PAUSE_NS);
        if (s->fd >= 0)
            sweep_first(ct);
        else if (s->second)
            sweep_second(ct);
    }
    bw_ct_tell_lost(ct);
}

/* ---- the start ---- */

static enum bw_ct_told fill_entry(struct bw_ct *ct, const struct bw_ct_entry *e)
{
    struct bw_ct_wire wire;
    struct bw_ct_record *r;
    uint32_t after_s;
    uint8_t flags = ct->sweep.seen | BW_CT_INHERITED;

    if (!bw_ct_selected(ct->select, e, &after_s))
        return BW_CT_TOLD;
    if (e->parts & (BW_CT_LABELS | BW_CT_MASTER | BW_CT_SEQUENCE))
        flags |= BW_CT_SPECIAL;
    bw_ct_wire_key(&e->key, &wire);
    if (bw_ct_index_find(ct->index, wire.range, &e->key))
        return BW_CT_TOLD;
    bw_ct_wire_value(e, (struct bw_ct_turn){0, true}, &wire);
    r = bw_ct_index_insert(ct->index, wire.range, &e->key, ct->local, bw_ct_wire_digest(&wire), flags);
    if (r)
        r->due_s = (uint16_t)(bw_ct_second(ct) + BW_CT_COPY_LEAST_S / 2);
    return BW_CT_TOLD;
}

int bw_ct_fill(struct bw_ct *ct)
{
    int fd = bw_ct_dump_begin();
    ssize_t n;

    if (fd < 0)
        return fd;
    do {
        n = next_datagram(&ct->sweep, fd);
    } while (n == -EINTR || (n > 0 && sweep_datagram(ct, fill_entry)));
    ct->sweep.at = ct->sweep.length = 0;
    close(fd);
    ct->sweep.next_ns = ct->now_ns + SWEEP_EVERY_NS;
    return n < 0 && n != -EAGAIN ? (int)n : 0;
}
