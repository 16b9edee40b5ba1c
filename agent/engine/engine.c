/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine's loop: wait until something comes or is due, read everything that is there, let the
 * core decide, carry out what it wants, post. One epoll, one timerfd; nothing here waits for
 * anybody else, opens a file or asks the kernel for anything that takes a global lock.
 */
#include "agent/engine/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "agent/engine/engine_private.h"
#include "bellwether/text.h"

#define COUNTERS_EVERY_NS (100 * BW_MS) /* counters ride with a post this often */
#define STOP_WITHIN_NS (2 * BW_SEC)     /* an orderly end takes no longer */
#define REALTIME_PRIORITY 50

#define EVERYTHING UINT32_MAX

int bw_engine_watch(struct bw_engine *e, int fd, unsigned source)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = source};

    if (epoll_ctl(e->epoll, EPOLL_CTL_ADD, fd, &event) != 0 && errno != EEXIST)
        return -errno;
    return 0;
}

int bw_engine_watch_edge(struct bw_engine *e)
{
    int fds[16], error = 0;
    int count = bw_linux_fds(e->edge, fds, (int)(sizeof(fds) / sizeof(fds[0])));

    for (int i = 0; i < count && error == 0; i++)
        error = bw_engine_watch(e, fds[i], SOURCE_EDGE);
    return error;
}

static int open_descriptors(struct bw_engine *e)
{
    int error;

    e->epoll = epoll_create1(EPOLL_CLOEXEC);
    e->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (e->epoll < 0 || e->stop_fd < 0)
        return -errno;
    error = bw_engine_watch_edge(e);
    if (error == 0)
        error = bw_engine_watch(e, e->stop_fd, SOURCE_STOP);
    if (error == 0)
        error = bw_engine_watch(e, bw_mailbox_fd(e->agent->mailbox), SOURCE_MAILBOX);
    if (error == 0 && e->agent->context->lifeline->death_fd >= 0)
        error = bw_engine_watch(e, e->agent->context->lifeline->death_fd, SOURCE_DEATH);
    return error;
}

static int open_ports(struct bw_engine *e)
{
    const struct bw_cluster_config *c = e->cluster;

    for (uint8_t i = 0; i < c->interfaces_count; i++) {
        struct bw_port_setup setup;

        if (!bw_port_setup_of(c, i, &setup))
            continue;
        e->ports[i] = bw_port_new(&setup);
        if (e->ports[i] == NULL)
            return -ENOMEM;
        bw_engine_attach(e, i);
    }
    return 0;
}

int bw_engine_new(const struct bw_agent *agent, const struct bw_core_start *start, struct bw_engine **out)
{
    struct bw_engine *e = calloc(1, sizeof(*e));
    void *memory = calloc(1, bw_core_size());
    int error = -ENOMEM;

    if (e == NULL || memory == NULL)
        goto out;
    e->agent = agent;
    e->cluster = &agent->config->cluster;
    bw_engine_sync_keys(e, agent->context->keys, agent->context->keys_count);
    e->epoll = e->stop_fd = -1;
    error = bw_linux_new(e->cluster, &e->edge);
    if (error == 0)
        error = open_descriptors(e);
    if (error == 0)
        error = bw_seal_of_process(agent->context, &agent->context->lifeline->agent_boot,
                                   &agent->context->lifeline->keeper_boot, &e->seal);
    if (error == 0)
        error = open_ports(e);
    if (error != 0) {
        bw_log(BW_LOG_ERROR, "the engine cannot start: %s", strerror(-error));
        goto out;
    }
    e->start_ns = start->now_ns;
    e->pid = (uint32_t)getpid();
    e->core = bw_core_init(memory, e->cluster, start);
    memory = NULL;
    *out = e;
    e = NULL;
out:
    free(memory);
    bw_engine_free(e);
    return error;
}

void bw_engine_free(struct bw_engine *e)
{
    if (e == NULL)
        return;
    if (e->edge != NULL)
        bw_linux_free(e->edge);
    for (int i = 0; i < BW_MAX_INTERFACES; i++)
        if (e->ports[i] != NULL)
            bw_port_free(e->ports[i]);
    if (e->seal != NULL) {
        explicit_bzero(e->seal, bw_seal_size());
        free(e->seal);
    }
    explicit_bzero(e->sync_keys, sizeof(e->sync_keys));
    free(e->core);
    if (e->epoll >= 0)
        close(e->epoll);
    if (e->stop_fd >= 0)
        close(e->stop_fd);
    free(e);
}

void bw_engine_stop(struct bw_engine *e)
{
    (void)!write(e->stop_fd, &(uint64_t){1}, sizeof(uint64_t));
}

/* Waits until something comes, or until e->wake_ns. In the wait itself: a timer descriptor would have to be set, read and waited for. The
 * wait counts the time that the machine runs only; a machine that slept looks at the clock when it wakes, at most an interval later. */
static int wait_events(struct bw_engine *e, struct epoll_event *events, int count)
{
    uint64_t now_ns = bw_now_ns(), left_ns = e->wake_ns > now_ns ? e->wake_ns - now_ns : 0;
    struct timespec timeout = {(time_t)(left_ns / BW_SEC), (long)(left_ns % BW_SEC)};
    struct bw_lifeline *lifeline = e->agent->context->lifeline;
    int got;

    atomic_store_explicit(&lifeline->waiting, 1, memory_order_relaxed);
    got = epoll_pwait2(e->epoll, events, count, &timeout, NULL);
    atomic_store_explicit(&lifeline->waiting, 0, memory_order_relaxed);
    return got;
}

/* Was an end asked for: by a signal, or because the keeper is gone? */
static void look_for_stop(struct bw_engine *e)
{
    struct bw_input input = {.kind = BW_INPUT_STOP};
    bool orphaned = bw_engine_ready(e, SOURCE_DEATH);

    if (orphaned) {
        if (!e->stopping)
            bw_log(BW_LOG_ERROR, "the keeper is gone: ending");
        epoll_ctl(e->epoll, EPOLL_CTL_DEL, e->agent->context->lifeline->death_fd, NULL);
    }
    if (bw_engine_ready(e, SOURCE_STOP))
        epoll_ctl(e->epoll, EPOLL_CTL_DEL, e->stop_fd, NULL);
    else if (!orphaned)
        return;
    if (e->stopping)
        return;
    e->stopping = true;
    e->stop_ns = e->now_ns;
    bw_core_input(e->core, &input);
}

/* After a pause of ours, what queued up meanwhile says nothing of the present. */
static void drop_stale(struct bw_engine *e)
{
    e->received_count = 0;
    e->pauses++;
    for (int i = 0; i < BW_MAX_INTERFACES; i++)
        if (e->ports[i] != NULL)
            bw_port_drain(e->ports[i]);
}

static void turn(struct bw_engine *e)
{
    uint64_t posted_due;
    bool bounded;

    bounded = bw_engine_receive(e);
    e->now_ns = bw_now_ns();
    atomic_store_explicit(&e->agent->context->lifeline->turn_ns, e->now_ns, memory_order_relaxed);
    bw_core_begin(e->core, e->now_ns, bw_wall(), bounded);
    if (bw_core_paused(e->core))
        drop_stale(e);
    look_for_stop(e);
    bw_engine_inputs(e);
    bw_core_end(e->core);
    bw_engine_outputs(e);
    e->turns++;
    posted_due = e->last_post_ns + COUNTERS_EVERY_NS;
    if (e->post_wanted || e->now_ns >= posted_due)
        bw_engine_post(e);
    e->due_ns = bw_core_deadline(e->core);
    posted_due = e->last_post_ns + COUNTERS_EVERY_NS;
    /* Frames beyond this turn's bound are waiting: the level-triggered epoll returns at once. */
    e->wake_ns = e->due_ns < posted_due ? e->due_ns : posted_due;
}

int bw_engine_run(struct bw_engine *e)
{
    struct epoll_event events[32];
    int error = bw_realtime(REALTIME_PRIORITY);

    if (error != 0)
        bw_log(BW_LOG_INFO, "real-time scheduling is not permitted (%s): going on without", strerror(-error));
    e->ready = EVERYTHING & ~(1U << SOURCE_STOP | 1U << SOURCE_DEATH);
    turn(e);
    while (!e->done) {
        int count = wait_events(e, events, (int)(sizeof(events) / sizeof(events[0])));

        if (count < 0 && errno != EINTR) {
            error = -errno;
            bw_log(BW_LOG_ERROR, "the engine's epoll failed: %s", strerror(errno));
            return error;
        }
        e->ready = 0;
        for (int i = 0; i < count; i++)
            e->ready |= 1U << events[i].data.u32;
        turn(e);
        if (e->stopping && e->now_ns - e->stop_ns > STOP_WITHIN_NS) {
            bw_log(BW_LOG_WARNING, "the orderly end took too long: ending anyway");
            e->done = true;
        }
    }
    bw_engine_post(e);
    bw_mailbox_close(e->agent->mailbox);
    return e->exit_status == 0 ? 0 : -ECANCELED;
}
