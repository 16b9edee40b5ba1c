/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The address thread's life (see holder.h): start, loop, end.
 */
#include "agent/linux/holder.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "agent/linux/announce.h"
#include "agent/linux/holder_private.h"
#include "agent/linux/sweep.h"

#define STACK_BYTES       (256 * 1024)
#define REALTIME_PRIORITY 49
#define END_WITHIN_NS     BW_SEC
#define LONGEST_SLEEP_NS  (10 * BW_SEC)
#define SHORTEST_SLEEP_NS (100 * 1000ULL)

void bw_wake(int eventfd)
{
    (void)!write(eventfd, &(uint64_t){1}, sizeof(uint64_t));
}

void bw_wake_drain(int eventfd)
{
    uint64_t count;

    (void)!read(eventfd, &count, sizeof(count));
}

static int open_all(struct bw_holder *h)
{
    int error = bw_rtnl_open(&h->notices, RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR);

    if (error == 0)
        error = bw_rtnl_open(&h->requests, 0);
    if (error != 0)
        return error;
    h->sender = bw_sender_open();
    if (h->sender < 0)
        return h->sender;
    h->timer = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    return h->timer < 0 ? -errno : 0;
}

static void close_all(struct bw_holder *h)
{
    bw_rtnl_close(&h->notices);
    bw_rtnl_close(&h->requests);
    if (h->sender >= 0)
        close(h->sender);
    if (h->timer >= 0)
        close(h->timer);
    free(h);
}

/* What a former run left behind goes. */
static int clean_up(struct bw_holder *h)
{
    int removed = bw_sweep(&h->requests, h->config);

    if (removed > 0)
        bw_log(BW_LOG_WARNING, "%d virtual addresses that a former run had left behind were removed", removed);
    else if (removed == -EPERM)
        return removed;
    else if (removed < 0) /* no IPv6 in this kernel, perhaps: installing will tell */
        bw_log(BW_LOG_WARNING, "cannot look for what a former run left behind: %s", strerror(-removed));
    bw_shared_remove(&h->requests, h->config);
    return 0;
}

void bw_holder_set_lifetime(struct bw_holder *h)
{
    h->lifetime_s = (uint32_t)((h->config->lease_ns + BW_SEC - 1) / BW_SEC);
    if (h->lifetime_s == 0)
        h->lifetime_s = 1;
}

int bw_holder_new(const struct bw_cluster_config *config, struct bw_cells *cells, struct bw_holder **out)
{
    struct bw_holder *h = calloc(1, sizeof(*h));
    int error;

    if (h == NULL)
        return -ENOMEM;
    h->config = config;
    h->cells = cells;
    h->notices.fd = h->requests.fd = h->sender = h->timer = -1;
    bw_holder_set_lifetime(h);
    bw_picture_init(&h->picture, config);
    error = open_all(h);
    if (error == 0)
        error = clean_up(h);
    if (error == 0)
        error = bw_holder_dump(h);
    if (error != 0) {
        bw_log(BW_LOG_ERROR, "cannot talk to the kernel about links and addresses: %s", strerror(-error));
        close_all(h);
        return error;
    }
    *out = h;
    return 0;
}

const struct bw_picture *bw_holder_picture(const struct bw_holder *holder)
{
    return &holder->picture;
}

static void earlier(uint64_t *at, uint64_t candidate)
{
    if (candidate < *at)
        *at = candidate;
}

/* When something is to be done although nobody wakes this thread. */
static uint64_t next_time(const struct bw_holder *h, uint64_t now_ns)
{
    uint64_t at = now_ns + LONGEST_SLEEP_NS;

    earlier(&at, h->neighbours_ns);
    earlier(&at, bw_shared_next(h, now_ns));
    for (unsigned g = 0; g < h->config->groups_count; g++)
        if (h->groups[g].wanted)
            earlier(&at, h->groups[g].until_ns);
    for (unsigned i = 0; i < h->config->addresses_count; i++) {
        const struct lease *l = &h->leases[i];

        if (l->retry_ns > now_ns) /* a failure is waited out, whatever it was that failed */
            earlier(&at, l->retry_ns);
        else if (l->state != LEASE_ABSENT)
            earlier(&at, l->renew_ns);
    }
    if (h->lost_notices || h->own_changed != 0 ||
        h->dumped != atomic_load_explicit(&h->cells->dumps, memory_order_acquire))
        earlier(&at, now_ns + 10 * BW_MS);
    return at > now_ns + SHORTEST_SLEEP_NS ? at : now_ns + SHORTEST_SLEEP_NS;
}

static void wait_for_work(struct bw_holder *h)
{
    struct pollfd polls[] = {{h->cells->thread_fd, POLLIN, 0}, {h->notices.fd, POLLIN, 0}, {h->timer, POLLIN, 0}};
    uint64_t at = next_time(h, bw_now_ns());
    struct itimerspec when = {.it_value = {(time_t)(at / BW_SEC), (long)(at % BW_SEC)}};

    timerfd_settime(h->timer, TFD_TIMER_ABSTIME, &when, NULL);
    poll(polls, sizeof(polls) / sizeof(polls[0]), -1);
}

static void *run(void *arg)
{
    struct bw_holder *h = arg;
    bool stop = false;

    bw_realtime(REALTIME_PRIORITY); /* without, renewals may be late under load: the lease has room for it */
    while (!stop) {
        uint32_t requests, announces;

        bw_wake_drain(h->cells->thread_fd); /* before looking: a request from now on wakes again */
        requests = atomic_load_explicit(&h->cells->requests, memory_order_acquire);
        stop = atomic_load_explicit(&h->cells->stop, memory_order_acquire);
        bw_holder_reconfigure(h);
        bw_holder_work(h);
        announces = atomic_exchange(&h->cells->announces, 0);
        if (announces != 0)
            bw_holder_announce(h, announces, 0);
        bw_holder_notices(h);
        bw_holder_work(h);
        atomic_store_explicit(&h->cells->handled, requests, memory_order_release);
        if (stop)
            break;
        bw_holder_tell(h, bw_now_ns());
        bw_holder_work(h); /* a dump may have shown more to do, and time has passed */
        wait_for_work(h);
    }
    bw_shared_end(h);
    atomic_store_explicit(&h->ended, true, memory_order_release);
    return NULL;
}

int bw_holder_start(struct bw_holder *h)
{
    pthread_attr_t attributes;
    int error = pthread_attr_init(&attributes);

    if (error == 0)
        error = pthread_attr_setstacksize(&attributes, STACK_BYTES);
    if (error == 0)
        error = pthread_create(&h->thread, &attributes, run, h);
    pthread_attr_destroy(&attributes);
    h->running = error == 0;
    return -error;
}

/* Waits for the thread's last step. False when it does not come. */
static bool ended_in_time(struct bw_holder *h)
{
    static const struct timespec step = {.tv_nsec = 200 * 1000};
    uint64_t end_ns = bw_now_ns() + END_WITHIN_NS;

    while (!atomic_load_explicit(&h->ended, memory_order_acquire)) {
        if (bw_now_ns() > end_ns)
            return false;
        nanosleep(&step, NULL);
    }
    return true;
}

int bw_holder_free(struct bw_holder *h)
{
    if (h == NULL)
        return 0;
    if (h->running) {
        atomic_store_explicit(&h->cells->stop, true, memory_order_release);
        bw_wake(h->cells->thread_fd);
        if (!ended_in_time(h)) {
            bw_log(BW_LOG_ERROR, "the address thread hangs in the kernel: left to the lease of its addresses");
            return -EBUSY;
        }
        pthread_join(h->thread, NULL);
    }
    close_all(h);
    return 0;
}
