/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What follows for entries when the member begins or ceases to hold a group.
 *
 * When a group moves, what its former holder owned is the new one's, and every member changes that by itself: the digests agree
 * and nothing is sent. The turn of every own entry grows too, by more than the other one can have
 * given it: a member that got its group back before it heard what the other had taken must not be told later that the entries
 * are the other's.
 *
 * Ceasing to hold makes TCP entries liberal. From now on their packets pass elsewhere, so the kernel's idea of their windows is
 * soon wrong; should the group come back before the new owner told of an entry, its packets would count as invalid. The others get
 * the life of a copy.
 */
#include "agent/sync/conntrack.h"

#define LONGEST_LIFE_S 432000 /* of an established TCP connection, by the kernel's default */
#define LOOSEN_MOST (4 * BW_CT_INJECT) /* entries in a turn */

/* A record changes hands. */
static void move(struct bw_ct *ct, uint8_t range, struct bw_ct_record *r, uint8_t to, uint32_t *spread)
{
    uint8_t flags = r->flags & (uint8_t)~(BW_CT_DOUBTFUL | BW_CT_INHERITED);

    /* Whether another one really has it is not known: a repair that shows that it has not gives it back (conntrack_repair.c). */
    bw_ct_index_set(ct->index, range, r, to, r->digest, to == ct->local ? flags : flags | BW_CT_INHERITED);
    r->turn = (r->turn + 1) & 0x7f;
    if (to == ct->local) /* told again over the next minutes, in case a peer misses the change */
        r->due_s = (uint16_t)(bw_ct_second(ct) + 30 + (*spread)++ % (BW_CT_COPY_LEAST_S / 2));
    else
        r->due_s = bw_ct_end_of(ct, LONGEST_LIFE_S);
}

void bw_ct_owner_moved(void *self, uint8_t from, uint8_t to)
{
    struct bw_ct *ct = self;
    uint32_t spread = 0;

    if (from == to)
        return;
    for (unsigned range = 0; range < BW_SYNC_RANGES; range++) {
        struct bw_ct_record *r = bw_ct_index_from(ct->index, (uint8_t)range, 0);

        for (; r; r = bw_ct_index_next(ct->index, (uint8_t)range, r)) {
            if (r->owner == from && !(r->flags & BW_CT_WAITING))
                move(ct, (uint8_t)range, r, to, &spread);
            else if (r->owner == to && to == ct->local)
                r->turn = (r->turn + 2) & 0x7f;
        }
    }
    bw_ct_expect_move(ct, from, to);
}

void bw_ct_owner_gone(void *self, uint8_t owner, bool adopted)
{
    if (adopted)
        bw_ct_owner_moved(self, owner, ((struct bw_ct *)self)->local);
}

void bw_ct_role(void *self, bool holds, unsigned others, uint64_t now_ns)
{
    struct bw_ct *ct = self;

    ct->others = others;
    ct->now_ns = now_ns;
    if (!holds && (ct->held || !ct->role_known)) {
        ct->loosening = (struct bw_ct_loosening){.runs = true};
        bw_ct_loosen(ct);
    }
    ct->held = holds;
    ct->role_known = true;
}

/* The range's entries from the hash on. False: there are no more. */
static bool loosen_some(struct bw_ct *ct, unsigned *done)
{
    struct bw_ct_loosening *l = &ct->loosening;
    struct bw_ct_record *r = bw_ct_index_from(ct->index, l->range, l->hash);

    while (r && *done < LOOSEN_MOST) {
        struct bw_ct_entry e = {.parts = 0};

        l->hash = r->hash;
        bw_ct_index_key(r, &e.key);
        e.timeout_s = BW_CT_COPY_LEAST_S;
        ++*done;
        bw_ct_inject(ct, &e, l->range, BW_CT_LIBERAL); /* may change the index */
        if (l->hash == UINT32_MAX)
            return false;
        r = bw_ct_index_from(ct->index, l->range, ++l->hash);
    }
    return r;
}

void bw_ct_loosen(struct bw_ct *ct)
{
    struct bw_ct_loosening *l = &ct->loosening;
    unsigned done = 0;

    while (l->runs && done < LOOSEN_MOST) {
        if (loosen_some(ct, &done))
            continue;
        l->hash = 0;
        l->runs = ++l->range != 0;
    }
    bw_ct_carry_out(ct);
}
