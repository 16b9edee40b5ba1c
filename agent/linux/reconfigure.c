/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Another configuration while the edge runs, without an untouched address leaving the kernel. First the address thread
 * takes it on: it takes removed addresses off, carries the leases of the others over to their new places, and answers.
 * Until then the engine's side goes on with the former one, and with what it last knew of each address; then it follows.
 * Links, interfaces, members and groups are the same in both.
 */
#include <errno.h>
#include <string.h>

#include "agent/linux/edge.h"
#include "agent/linux/holder_private.h"
#include "bellwether/text.h"

/* Where each address of one configuration is in another, -1 = nowhere. */
struct places {
    int16_t of[BW_MAX_ADDRESSES];
};

static bool same_place(const struct bw_address_config *a, const struct bw_address_config *b)
{
    return a->interface == b->interface && a->group == b->group && a->address.family == b->address.family &&
           memcmp(a->address.bytes, b->address.bytes, sizeof(a->address.bytes)) == 0;
}

static void find_places(const struct bw_cluster_config *from, const struct bw_cluster_config *to, struct places *places)
{
    for (unsigned i = 0; i < from->addresses_count; i++) {
        places->of[i] = -1;
        for (unsigned k = 0; k < to->addresses_count && places->of[i] < 0; k++)
            if (same_place(&from->addresses[i], &to->addresses[k]))
                places->of[i] = (int16_t)k;
    }
}

/* ---- the address thread's side ---- */

static bool same_network(const struct bw_address *a, const struct bw_address *b)
{
    return a->family == b->family && a->prefix == b->prefix && bw_address_within(a, b);
}

/* Is our route for this address's network also the one of an address that stays as it is? */
static bool route_is_shared(const struct bw_holder *h, const struct bw_cluster_config *to, const struct places *places,
                            unsigned address)
{
    const struct bw_address_config *all = h->config->addresses;

    for (unsigned i = 0; i < h->config->addresses_count; i++)
        if (i != address && places->of[i] >= 0 && h->leases[i].route &&
            h->leases[i].ifindex == h->leases[address].ifindex &&
            same_network(&all[i].address, &to->addresses[places->of[i]].address) &&
            same_network(&all[i].address, &all[address].address))
            return true;
    return false;
}

static void send_removals(struct bw_holder *h, struct bw_rtnl_batch *batch)
{
    int error = batch->count > 0 ? bw_rtnl_send(&h->requests, batch) : 0;

    for (unsigned i = 0; i < batch->count && error == 0; i++)
        if (batch->results[i] != 0 && !bw_rtnl_absent(batch->results[i]))
            error = batch->results[i];
    if (error != 0)
        bw_log(BW_LOG_ERROR, "cannot take off what the new configuration has no more (%s): left to its lease", strerror(-error));
    bw_rtnl_begin(&h->requests, batch);
}

/* Takes off what the new configuration has no more: addresses, and routes of networks that no address stays in. */
static void remove_former(struct bw_holder *h, const struct bw_cluster_config *to, const struct places *places)
{
    struct bw_rtnl_batch batch;

    bw_rtnl_begin(&h->requests, &batch);
    for (unsigned i = 0; i < h->config->addresses_count; i++) {
        const struct bw_address *address = &h->config->addresses[i].address;
        struct lease *l = &h->leases[i];
        bool gone = places->of[i] < 0;

        if (!gone && to->addresses[places->of[i]].address.prefix == address->prefix)
            continue;
        if (batch.count + 2 > BW_RTNL_BATCH)
            send_removals(h, &batch);
        if (gone && l->state != LEASE_ABSENT)
            bw_rtnl_remove_address(&h->requests, &batch, l->ifindex, address);
        if (l->route && !route_is_shared(h, to, places, i))
            bw_rtnl_remove_route(&h->requests, &batch, l->ifindex, address);
        l->route = false;
        if (!gone)
            l->renew_ns = 0; /* at once: it may need a route for its new network */
    }
    send_removals(h, &batch);
}

static void move_leases(struct bw_holder *h, const struct bw_cluster_config *to, const struct places *places)
{
    struct lease leases[BW_MAX_ADDRESSES];
    uint64_t now_ns = bw_now_ns();

    memset(leases, 0, sizeof(leases));
    for (unsigned i = 0; i < to->addresses_count; i++)
        leases[i].since_ns = now_ns;
    for (unsigned i = 0; i < h->config->addresses_count; i++)
        if (places->of[i] >= 0)
            leases[places->of[i]] = h->leases[i];
    memcpy(h->leases, leases, sizeof(h->leases));
    for (unsigned i = 0; i < BW_MAX_ADDRESSES; i++)
        atomic_store_explicit(&h->cells->present[i], leases[i].state == LEASE_PRESENT, memory_order_relaxed);
}

static void move_bits(uint64_t *bits, unsigned count, const struct places *places)
{
    uint64_t moved[BW_MAX_ADDRESSES / 64] = {0};

    for (unsigned i = 0; i < count; i++)
        if ((bits[i / 64] >> (i % 64) & 1) && places->of[i] >= 0)
            moved[places->of[i] / 64] |= 1ULL << (places->of[i] % 64);
    memcpy(bits, moved, sizeof(moved));
}

static void move_lost(struct bw_holder *h, const struct places *places)
{
    uint64_t lost[BW_MAX_ADDRESSES / 64];

    for (unsigned i = 0; i < BW_MAX_ADDRESSES / 64; i++)
        lost[i] = atomic_exchange(&h->cells->lost[i], 0);
    move_bits(lost, h->config->addresses_count, places);
    for (unsigned i = 0; i < BW_MAX_ADDRESSES / 64; i++)
        atomic_store(&h->cells->lost[i], lost[i]);
}

void bw_holder_reconfigure(struct bw_holder *h)
{
    uint32_t number = atomic_load_explicit(&h->cells->offered, memory_order_acquire);
    const struct bw_cluster_config *to;
    struct places places;
    bool renew;

    if (number == atomic_load_explicit(&h->cells->adopted, memory_order_relaxed))
        return;
    to = atomic_load_explicit(&h->cells->coming, memory_order_acquire);
    renew = to->lease_ns != h->config->lease_ns || to->renew_ns != h->config->renew_ns;
    find_places(h->config, to, &places);
    /* Notices of addresses are read with the configuration that they were caused under. */
    bw_holder_notices(h);
    remove_former(h, to, &places);
    bw_holder_notices(h);
    move_lost(h, &places);
    move_leases(h, to, &places);
    h->config = h->picture.config = to;
    bw_holder_set_lifetime(h);
    for (unsigned i = 0; renew && i < to->addresses_count; i++)
        h->leases[i].renew_ns = 0;
    if (bw_holder_dump(h) != 0) /* which addresses are own ones may have changed, and a new one may be there already */
        h->lost_notices = true;
    atomic_store_explicit(&h->cells->adopted, number, memory_order_release);
    bw_wake(h->cells->engine_fd);
}

/* ---- the engine's side ---- */

int bw_linux_reconfigure(struct bw_linux *e, const struct bw_cluster_config *config)
{
    if (e->coming != NULL)
        return -EBUSY;
    for (unsigned i = 0; i < BW_MAX_ADDRESSES; i++)
        e->frozen[i] = atomic_load_explicit(&e->cells->present[i], memory_order_relaxed);
    e->coming = config;
    atomic_store_explicit(&e->cells->coming, config, memory_order_release);
    atomic_fetch_add_explicit(&e->cells->offered, 1, memory_order_release);
    bw_edge_wake_thread(e, bw_now_ns());
    return 0;
}

static void move_strangers(struct bw_linux *e, const struct places *places)
{
    struct bw_stranger strangers[BW_MAX_ADDRESSES];

    memset(strangers, 0, sizeof(strangers));
    e->strangers_pending = 0;
    for (unsigned i = 0; i < e->config->addresses_count; i++)
        if (places->of[i] >= 0) {
            strangers[places->of[i]] = e->strangers[i];
            e->strangers_pending += e->strangers[i].pending;
        }
    memcpy(e->strangers, strangers, sizeof(strangers));
}

bool bw_linux_reconfigured(struct bw_linux *e)
{
    struct places places;

    if (e->coming == NULL || atomic_load_explicit(&e->cells->adopted, memory_order_acquire) !=
                                 atomic_load_explicit(&e->cells->offered, memory_order_relaxed))
        return false;
    find_places(e->config, e->coming, &places);
    move_strangers(e, &places);
    move_bits(e->lost, e->config->addresses_count, &places);
    e->config = e->picture.config = e->coming;
    bw_probing_reconfigure(&e->probing, e->coming);
    e->coming = NULL;
    return true;
}
