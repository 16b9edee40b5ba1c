/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Leases: what is granted is put into the kernel for `lease` seconds and renewed; what is not any more is taken off.
 * The address thread calls this; a pass collects what is due into one batch, sends it, and notes what came of each
 * request.
 */
#include <errno.h>
#include <string.h>

#include "agent/linux/announce.h"
#include "agent/linux/holder_private.h"
#include "agent/linux/service.h"
#include "bellwether/text.h"

#define RETRY_NS           (100 * BW_MS)
#define TELL_LOST_EVERY_NS BW_SEC

enum operation { OPERATION_ADD, OPERATION_CHECK, OPERATION_RENEW, OPERATION_REMOVE };

struct pass {
    struct bw_rtnl_batch batch;
    unsigned count;
    struct {
        enum operation operation;
        uint16_t address;
        int result;                     /* index in the batch */
        int route_added, route_removed; /* likewise, -1 = none */
    } steps[BW_RTNL_BATCH];
};

static bool wanted(const struct bw_holder *h, unsigned address)
{
    return h->groups[h->config->addresses[address].group].wanted;
}

static int device(const struct bw_holder *h, unsigned address)
{
    return bw_picture_home(&h->picture, h->config->addresses[address].interface);
}

/* The interface is there, but not yet the device of ours that the address belongs on. */
static bool homeless(const struct bw_holder *h, unsigned address)
{
    return wanted(h, address) && device(h, address) == 0 &&
           h->picture.interfaces[h->config->addresses[address].interface].link.ifindex != 0;
}

static void set_state(struct bw_holder *h, unsigned address, enum lease_state state)
{
    h->leases[address].state = state;
    atomic_store_explicit(&h->cells->present[address], state == LEASE_PRESENT, memory_order_relaxed);
}

/* The group was revoked: whatever is there of it goes, known of or not. */
static void begin_release(struct bw_holder *h, unsigned group, uint64_t now_ns)
{
    h->groups[group].releasing = true;
    for (unsigned i = 0; i < h->config->addresses_count; i++) {
        struct lease *l = &h->leases[i];

        if (h->config->addresses[i].group != group || l->state != LEASE_ABSENT || device(h, i) == 0)
            continue;
        l->ifindex = device(h, i);
        l->since_ns = now_ns;
        set_state(h, i, LEASE_MAYBE);
    }
}

void bw_holder_see(struct bw_holder *h, uint64_t now_ns)
{
    bool stop = atomic_load_explicit(&h->cells->stop, memory_order_acquire);

    for (unsigned g = 0; g < h->config->groups_count; g++) {
        struct group_hold *group = &h->groups[g];
        /* Revokes first: the engine writes them last, so an older count never meets a newer grant. */
        uint32_t revokes = atomic_load_explicit(&h->cells->groups[g].revokes, memory_order_acquire);
        bool was = group->wanted;

        group->until_ns = atomic_load_explicit(&h->cells->groups[g].until_ns, memory_order_acquire);
        if (revokes != group->revokes) {
            group->revokes = revokes;
            begin_release(h, g, now_ns);
        }
        group->wanted = group->until_ns > now_ns && !group->releasing && !stop;
        if (group->wanted == was)
            continue;
        group->told_installed = false;
        for (unsigned i = 0; i < h->config->addresses_count; i++)
            if (h->config->addresses[i].group == g) {
                h->leases[i].since_ns = now_ns;
                h->leases[i].retry_ns = 0;
                h->leases[i].doubted = h->leases[i].taken_off = false;
            }
    }
}

/* Is a write owed for this address, apart from renewals? */
static bool owed(const struct bw_holder *h, unsigned address)
{
    const struct lease *l = &h->leases[address];
    int ifindex = device(h, address);

    if (l->state != LEASE_ABSENT && (!wanted(h, address) || l->ifindex != ifindex))
        return true;
    return wanted(h, address) && ifindex != 0 && (l->state != LEASE_PRESENT || l->doubted);
}

uint64_t bw_holder_due(const struct bw_holder *h)
{
    uint64_t due = 0;

    for (unsigned i = 0; i < h->config->addresses_count; i++) {
        const struct lease *l = &h->leases[i];
        uint64_t at = owed(h, i) || homeless(h, i) ? l->since_ns : l->state == LEASE_PRESENT ? l->renew_ns : 0;

        if (at != 0 && (due == 0 || at < due))
            due = at;
    }
    return due;
}

static bool needs_route(const struct bw_holder *h, unsigned address)
{
    const struct bw_address_config *a = &h->config->addresses[address];

    return a->address.prefix < (a->address.family == 4 ? 32 : 128) &&
           !bw_picture_covers(&h->picture, a->interface, &a->address);
}

static void add_step(struct bw_holder *h, struct pass *p, unsigned address, enum operation operation)
{
    const struct bw_address *a = &h->config->addresses[address].address;
    struct lease *l = &h->leases[address];
    struct bw_rtnl_batch *batch = &p->batch;
    unsigned step = p->count++;

    p->steps[step].operation = operation;
    p->steps[step].address = (uint16_t)address;
    p->steps[step].route_added = p->steps[step].route_removed = -1;
    if (operation == OPERATION_REMOVE) {
        p->steps[step].result = bw_rtnl_remove_address(&h->requests, batch, l->ifindex, a);
        if (l->route)
            p->steps[step].route_removed = bw_rtnl_remove_route(&h->requests, batch, l->ifindex, a);
        return;
    }
    l->ifindex = device(h, address);
    p->steps[step].result = bw_rtnl_add_address(&h->requests, batch, l->ifindex, a, h->lifetime_s,
                                                operation == OPERATION_CHECK ? NLM_F_EXCL : NLM_F_REPLACE);
    if (needs_route(h, address))
        p->steps[step].route_added = bw_rtnl_add_route(&h->requests, batch, l->ifindex, a);
    else if (l->route)
        p->steps[step].route_removed = bw_rtnl_remove_route(&h->requests, batch, l->ifindex, a);
}

/* Which operation is due for an address now, if any. */
static bool due_operation(const struct bw_holder *h, unsigned address, uint64_t now_ns, enum operation *operation)
{
    const struct lease *l = &h->leases[address];

    if (now_ns < l->retry_ns)
        return false;
    if (owed(h, address)) {
        if (l->state != LEASE_ABSENT && (!wanted(h, address) || l->ifindex != device(h, address)))
            *operation = OPERATION_REMOVE;
        else
            *operation = l->doubted && l->state == LEASE_PRESENT ? OPERATION_CHECK : OPERATION_ADD;
        return true;
    }
    *operation = OPERATION_RENEW;
    return wanted(h, address) && l->state == LEASE_PRESENT && now_ns >= l->renew_ns;
}

/* The most urgent first: removals, then what is missing, then renewals. */
static void collect(struct bw_holder *h, struct pass *p, uint64_t now_ns)
{
    static const uint8_t order[] = {
        [OPERATION_REMOVE] = 0, [OPERATION_ADD] = 1, [OPERATION_CHECK] = 1, [OPERATION_RENEW] = 2};

    p->count = 0;
    bw_rtnl_begin(&h->requests, &p->batch);
    for (unsigned urgency = 0; urgency <= 2; urgency++)
        for (unsigned i = 0; i < h->config->addresses_count; i++) {
            enum operation operation;

            if (p->batch.count + 2 > BW_RTNL_BATCH)
                return;
            if (due_operation(h, i, now_ns, &operation) && order[operation] == urgency)
                add_step(h, p, i, operation);
        }
}

static void tell_failure(struct bw_holder *h, unsigned address, const char *what, int error, uint64_t now_ns)
{
    const struct bw_address_config *a = &h->config->addresses[address];
    char text[BW_ADDRESS_TEXT_MAX];
    uint64_t held_back;

    if (bw_log_allowed(&h->failure_limit, now_ns, &held_back))
        bw_log(BW_LOG_ERROR, "cannot %s %s on %s: %s (%lu more such lines held back)", what,
               bw_address_to_text(&a->address, true, text), bw_device(h->config, a->interface), strerror(-error),
               (unsigned long)held_back);
}

static void tell_lost(struct bw_holder *h, unsigned address, uint64_t now_ns)
{
    struct lease *l = &h->leases[address];

    if (l->told_lost_ns != 0 && now_ns - l->told_lost_ns < TELL_LOST_EVERY_NS)
        return;
    l->told_lost_ns = now_ns;
    atomic_fetch_or(&h->cells->lost[address / 64], 1ULL << (address % 64));
    bw_wake(h->cells->engine_fd);
}

static void announce_one(struct bw_holder *h, unsigned address)
{
    const struct bw_address_config *a = &h->config->addresses[address];
    struct bw_link speaker = bw_shared_speaker(h->config, a->interface, &h->picture.interfaces[a->interface].link);

    bw_announce(h->sender, &speaker, &a->address,
                atomic_load_explicit(&h->cells->router[a->interface], memory_order_relaxed));
}

void bw_holder_announce(struct bw_holder *h, uint32_t groups, uint16_t interfaces)
{
    for (unsigned i = 0; i < h->config->addresses_count; i++) {
        const struct bw_address_config *a = &h->config->addresses[i];

        if (h->leases[i].state == LEASE_PRESENT && wanted(h, i) &&
            ((groups >> a->group & 1) || (interfaces >> a->interface & 1)))
            announce_one(h, i);
    }
}

static void settle_removal(struct bw_holder *h, unsigned address, int result, uint64_t now_ns)
{
    struct lease *l = &h->leases[address];

    if (result != 0 && !bw_rtnl_absent(result)) {
        l->retry_ns = now_ns + RETRY_NS;
        tell_failure(h, address, "remove", result, now_ns);
        return;
    }
    set_state(h, address, LEASE_ABSENT);
    l->doubted = l->taken_off = false;
    if (!l->route)
        return;
    l->route = false;
    /* Others may live on the route that went along with this address: their renewal brings it back. */
    for (unsigned i = 0; i < h->config->addresses_count; i++)
        if (h->leases[i].state == LEASE_PRESENT && h->leases[i].route && h->leases[i].ifindex == l->ifindex)
            h->leases[i].renew_ns = now_ns;
}

static void settle_addition(struct bw_holder *h, unsigned address, enum operation operation, int result,
                            uint64_t now_ns)
{
    struct lease *l = &h->leases[address];
    bool there = operation == OPERATION_CHECK && result == -EEXIST;

    if (result != 0 && !there) {
        /* Nobody knows now whether it is there: to be renewed, or removed, in any case. */
        if (operation == OPERATION_RENEW) {
            set_state(h, address, LEASE_MAYBE);
            l->since_ns = l->renew_ns;
        }
        l->retry_ns = now_ns + RETRY_NS;
        if (result == -ENODEV) /* gone, and its notice is on its way or lost: look */
            h->lost_notices = true;
        else
            tell_failure(h, address, "install", result, now_ns);
        return;
    }
    if (operation == OPERATION_CHECK && (!there || l->taken_off))
        tell_lost(h, address, now_ns);
    l->doubted = l->taken_off = false;
    if (!there)
        l->renew_ns = now_ns + h->config->renew_ns;
    set_state(h, address, LEASE_PRESENT);
    if (operation != OPERATION_RENEW && !there)
        announce_one(h, address);
}

static void settle(struct bw_holder *h, const struct pass *p, uint64_t sent_ns)
{
    for (unsigned i = 0; i < p->count; i++) {
        unsigned address = p->steps[i].address;
        int added = p->steps[i].route_added, removed = p->steps[i].route_removed;
        int result = p->batch.results[p->steps[i].result];

        if (p->steps[i].operation == OPERATION_REMOVE) {
            settle_removal(h, address, result, sent_ns);
            continue;
        }
        settle_addition(h, address, p->steps[i].operation, result, sent_ns);
        if (added >= 0)
            h->leases[address].route = p->batch.results[added] == 0 || p->batch.results[added] == -EEXIST;
        if (removed >= 0)
            h->leases[address].route = false;
    }
}

/* Answers the engine for groups of which everything is done. True when a release was completed: a newer grant may wait.
 */
static bool answer(struct bw_holder *h)
{
    bool released = false;

    for (unsigned g = 0; g < h->config->groups_count; g++) {
        struct group_hold *group = &h->groups[g];
        bool off = true, on = true;
        uint64_t value;

        for (unsigned i = 0; i < h->config->addresses_count; i++) {
            if (h->config->addresses[i].group != g)
                continue;
            off &= h->leases[i].state == LEASE_ABSENT;
            on &= h->leases[i].state == LEASE_PRESENT || (device(h, i) == 0 && !homeless(h, i));
        }
        value = (uint64_t)(group->answers + 1) << 32 | group->revokes;
        if (group->releasing && off) {
            group->releasing = false;
            released = true;
            group->answers++;
            atomic_store_explicit(&h->cells->answers[g].released, value, memory_order_release);
            bw_wake(h->cells->engine_fd);
        } else if (group->wanted && on && !group->told_installed) {
            group->told_installed = true;
            group->answers++;
            atomic_store_explicit(&h->cells->answers[g].installed, value, memory_order_release);
            bw_wake(h->cells->engine_fd);
        }
    }
    return released;
}

void bw_holder_work(struct bw_holder *h)
{
    struct pass p;

    if (bw_service_watches(h->config)) {
        bw_service_work(h);
        return;
    }
    for (;;) {
        uint64_t now_ns = bw_now_ns();

        bw_holder_see(h, now_ns);
        bw_shared_work(h, now_ns);
        atomic_store_explicit(&h->cells->due_ns, bw_holder_due(h), memory_order_relaxed);
        collect(h, &p, now_ns);
        if (p.count > 0) {
            bw_rtnl_send(&h->requests, &p.batch);
            settle(h, &p, now_ns);
        }
        if (!answer(h) && p.count == 0)
            break;
    }
    atomic_store_explicit(&h->cells->due_ns, bw_holder_due(h), memory_order_relaxed);
}
