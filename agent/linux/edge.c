/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine's side of the Linux edge: reads what the kernel and the address thread say, hands it out as the core's
 * inputs, and passes grants on. All of it runs on the engine thread (but new and free), and none of it waits.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agent/linux/announce.h"
#include "agent/linux/edge.h"
#include "agent/linux/service.h"
#include "agent/linux/shared.h"
#include "bellwether/log.h"

static void close_all(struct bw_linux *e)
{
    bw_rtnl_close(&e->notices);
    bw_probing_close(&e->probing);
    bw_witness_close(&e->witness);
    for (int i = 0; i < 3; i++) {
        int fd = (int[]){e->sender, e->cells->thread_fd, e->cells->engine_fd}[i];
        if (fd >= 0)
            close(fd);
    }
    free(e->cells);
    free(e);
}

static int open_all(struct bw_linux *e)
{
    int error = bw_rtnl_open(&e->notices, RTMGRP_LINK);

    if (error == 0)
        error = bw_probing_open(&e->probing, e->config);
    if (error == 0)
        error = bw_witness_open(&e->witness);
    if (error != 0)
        return error;
    e->sender = bw_sender_open();
    if (e->sender < 0)
        return e->sender;
    e->cells->thread_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    e->cells->engine_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (e->cells->thread_fd < 0 || e->cells->engine_fd < 0)
        return -errno;
    return 0;
}

int bw_linux_new(const struct bw_cluster_config *config, struct bw_linux **out)
{
    struct bw_linux *e = calloc(1, sizeof(*e));
    int error;

    if (e == NULL)
        return -ENOMEM;
    e->cells = calloc(1, sizeof(*e->cells));
    if (e->cells == NULL) {
        free(e);
        return -ENOMEM;
    }
    e->config = config;
    e->notices.fd = e->sender = e->cells->thread_fd = e->cells->engine_fd = -1;
    e->probing.arp_fd = e->probing.nd_fd = e->probing.counters_fd = -1;
    e->witness.fd4 = e->witness.fd6 = -1;
    bw_picture_init(&e->picture, config);
    error = open_all(e);
    if (error == 0)
        error = bw_holder_new(config, e->cells, &e->holder);
    if (error == 0) {
        e->picture = *bw_holder_picture(e->holder);
        for (uint8_t i = 0; i < config->interfaces_count; i++) {
            e->own[i] = e->picture.interfaces[i].link;
            e->links[i] = e->own[i];
            bw_probing_device(&e->probing, i, e->links[i].ifindex);
        }
        e->links_changed = (1U << config->interfaces_count) - 1;
        error = bw_holder_start(e->holder);
    }
    if (error != 0) {
        bw_log(BW_LOG_ERROR, "cannot open the kernel edge: %s", strerror(-error));
        bw_holder_free(e->holder);
        close_all(e);
        return error;
    }
    *out = e;
    return 0;
}

void bw_linux_free(struct bw_linux *e)
{
    if (e != NULL && bw_holder_free(e->holder) == 0)
        close_all(e);
}

int bw_linux_fds(const struct bw_linux *e, int *fds, int cap)
{
    const int all[] = {e->notices.fd,    e->cells->engine_fd, e->probing.arp_fd,
                       e->probing.nd_fd, e->witness.fd4,      e->witness.fd6};
    int count = 0;

    for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (all[i] >= 0 && count < cap)
            fds[count++] = all[i];
    return count;
}

const struct bw_link *bw_linux_link(const struct bw_linux *e, uint8_t interface)
{
    return &e->links[interface];
}

bool bw_linux_installed(const struct bw_linux *e, uint16_t address)
{
    if (e->coming != NULL) /* the address thread may number them anew at any moment */
        return e->frozen[address];
    return atomic_load_explicit(&e->cells->present[address], memory_order_relaxed);
}

/* ---- what the engine wants ---- */

void bw_edge_wake_thread(struct bw_linux *e, uint64_t now_ns)
{
    if (atomic_load_explicit(&e->cells->handled, memory_order_acquire) == e->requests)
        e->request_ns = now_ns;
    e->requests++;
    atomic_store_explicit(&e->cells->requests, e->requests, memory_order_release);
    bw_wake(e->cells->thread_fd);
}

void bw_linux_grant(struct bw_linux *e, uint8_t group, uint64_t until_ns)
{
    uint64_t now_ns, before = e->groups[group].until_ns;

    e->groups[group].until_ns = until_ns;
    /* A grant that still runs is renewed by the store alone; a new or lapsed one is news. The clock is read after the
     * store: else the thread might see the former grant lapse between the two, and nobody would wake it again. */
    atomic_store_explicit(&e->cells->groups[group].until_ns, until_ns, memory_order_seq_cst);
    now_ns = bw_now_ns();
    if (before <= now_ns)
        bw_edge_wake_thread(e, now_ns);
}

void bw_linux_revoke(struct bw_linux *e, uint8_t group)
{
    e->groups[group].until_ns = 0;
    e->groups[group].installed_ns = 0;
    atomic_store_explicit(&e->cells->groups[group].until_ns, 0, memory_order_release);
    e->groups[group].revokes++;
    atomic_store_explicit(&e->cells->groups[group].revokes, e->groups[group].revokes, memory_order_release);
    bw_edge_wake_thread(e, bw_now_ns());
}

/* Few are sent from here at once; many would hold the turn up. */
#define ANNOUNCED_HERE 16

void bw_linux_announce(struct bw_linux *e, uint8_t group)
{
    unsigned count = 0;

    if (bw_service_watches(e->config))
        return;
    for (unsigned i = 0; i < e->config->addresses_count; i++)
        count += e->config->addresses[i].group == group;
    if (count > ANNOUNCED_HERE) {
        atomic_fetch_or(&e->cells->announces, 1U << group);
        bw_edge_wake_thread(e, bw_now_ns());
        return;
    }
    for (unsigned i = 0; i < e->config->addresses_count; i++) {
        const struct bw_address_config *a = &e->config->addresses[i];

        /* What is not there yet is announced by the address thread the moment it is. */
        if (a->group == group && bw_linux_installed(e, (uint16_t)i)) {
            struct bw_link speaker = bw_shared_speaker(e->config, a->interface, &e->links[a->interface]);

            bw_announce(e->sender, &speaker, &a->address,
                        atomic_load_explicit(&e->cells->router[a->interface], memory_order_relaxed));
        }
    }
}

void bw_linux_probe(struct bw_linux *e, uint8_t interface)
{
    bw_probing_ask(&e->probing, e->sender, interface, &e->links[interface], bw_now_ns());
}

void bw_linux_witness(struct bw_linux *e)
{
    bw_witness_ask(&e->witness, e->config);
}
