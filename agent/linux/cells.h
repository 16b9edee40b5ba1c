/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the engine thread and the address thread share: cells and a ring, no lock, so that neither ever waits for the
 * other. A grant is one cell per group that the engine overwrites: renewing it costs a store, and it cannot overflow.
 * The thread answers in cells too; facts that need more room go through the ring.
 */
#ifndef BELLWETHER_LINUX_CELLS_H
#define BELLWETHER_LINUX_CELLS_H

#include <stdatomic.h>

#include "agent/linux/linux.h"

/* One fact from the address thread for the engine. */
enum bw_fact_kind {
    BW_FACT_LINK = 1,  /* link: as dumped after an overrun of the engine's notices */
    BW_FACT_DUMPED,    /* the links of dump number `number` have all been told */
    BW_FACT_OWN,       /* link.ifindex, address4, address6: the interface's own addresses */
    BW_FACT_NEIGHBOUR, /* neighbour, link.mac (zero = not known) */
};

struct bw_fact {
    enum bw_fact_kind kind;
    uint8_t interface;
    bool gateway;
    uint32_t number;
    struct bw_link link;
    struct bw_address neighbour;
};

#define BW_FACTS 512 /* a power of two */

struct bw_fact_ring {
    _Atomic uint32_t head; /* next to write */
    _Atomic uint32_t tail; /* next to read */
    struct bw_fact facts[BW_FACTS];
};

struct bw_cells {
    /* Engine to address thread. */
    struct {
        _Atomic uint64_t until_ns; /* 0 = not granted */
        _Atomic uint32_t revokes;  /* how often it was revoked: the thread answers each */
    } groups[BW_MAX_GROUPS];
    _Atomic(const struct bw_cluster_config *) coming; /* the configuration to be taken on (reconfigure.c) */
    _Atomic uint32_t offered;   /* counts them */
    _Atomic uint32_t announces; /* bit per group */
    _Atomic uint32_t dumps;     /* number of the newest dump of links that is wanted */
    _Atomic uint32_t requests;  /* counts everything that the thread was woken for */
    _Atomic bool stop;
    int thread_fd; /* eventfd: something is there for the thread */
    /* Address thread to engine. */
    struct {
        _Atomic uint64_t installed; /* changes with each completed installation; low half: revokes seen before it */
        _Atomic uint64_t released;  /* likewise for each release */
    } answers[BW_MAX_GROUPS];
    _Atomic uint64_t lost[BW_MAX_ADDRESSES / 64]; /* bit per address: somebody else removed it */
    _Atomic bool present[BW_MAX_ADDRESSES];
    _Atomic bool router[BW_MAX_INTERFACES]; /* the host forwards IPv6 there */
    _Atomic uint32_t adopted;               /* the offered configuration that was taken on */
    _Atomic uint32_t handled;               /* requests worked off */
    _Atomic uint64_t due_ns;                /* when the oldest write not yet done was due; 0 = none */
    int engine_fd;                          /* eventfd: something is there for the engine */
    struct bw_fact_ring ring;
};

static inline uint32_t bw_ring_room(struct bw_fact_ring *ring)
{
    return BW_FACTS - (atomic_load_explicit(&ring->head, memory_order_relaxed) -
                       atomic_load_explicit(&ring->tail, memory_order_acquire));
}

/* Writer. False when full. */
static inline bool bw_ring_put(struct bw_fact_ring *ring, const struct bw_fact *fact)
{
    uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);

    if (bw_ring_room(ring) == 0)
        return false;
    ring->facts[head % BW_FACTS] = *fact;
    atomic_store_explicit(&ring->head, head + 1, memory_order_release);
    return true;
}

/* Reader. False when empty. */
static inline bool bw_ring_take(struct bw_fact_ring *ring, struct bw_fact *fact)
{
    uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

    if (tail == atomic_load_explicit(&ring->head, memory_order_acquire))
        return false;
    *fact = ring->facts[tail % BW_FACTS];
    atomic_store_explicit(&ring->tail, tail + 1, memory_order_release);
    return true;
}

void bw_wake(int eventfd);
void bw_wake_drain(int eventfd);

#endif
