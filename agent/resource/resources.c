/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The resources of groups: the thread. Each turn it looks at the board, lets the decider (decide.h) go on, and carries
 * out what that says; then it waits for the board, an answer of the runner, a ping or a quarter of a second.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agent/linux/linux.h"
#include "agent/resource/private.h"
#include "bellwether/log.h"
#include "bellwether/text.h"

#define STACK_BYTES  (256 * 1024)
#define TURN_MS      250
#define STOP_MOST_NS (60 * BW_SEC)

/* ---- before the start ---- */

int bw_resources_prepare(const struct bw_config *config)
{
    for (unsigned i = 0; i < config->resources_count; i++)
        if (config->resources[i].kind == BW_RESOURCE_EXEC)
            return bw_runner_start();
    return -1;
}

uint64_t bw_resources_stop_ns(const struct bw_config *config)
{
    uint64_t groups[BW_MAX_GROUPS] = {0}, most = 0;

    for (unsigned i = 0; i < config->resources_count; i++) {
        const struct bw_resource_config *r = &config->resources[i];

        if (r->kind == BW_RESOURCE_EXEC)
            groups[r->group] +=
                (r->stop_words > 0) * r->stop_timeout_ns + r->watch_process * r->stop_timeout_ns + BW_SEC;
    }
    for (unsigned g = 0; g < BW_MAX_GROUPS; g++)
        most = groups[g] > most ? groups[g] : most;
    return most < STOP_MOST_NS ? most : STOP_MOST_NS;
}

/* ---- a turn ---- */

static void look_at_board(struct bw_resources *all, const struct bw_snapshot *snapshot)
{
    uint16_t held = 0;

    for (uint32_t i = 0; i < snapshot->groups_count; i++) {
        uint32_t g = snapshot->groups[i].index - 1;

        if (snapshot->groups[i].holder == snapshot->cluster.local_member && g < BW_MAX_GROUPS)
            held |= (uint16_t)(1U << g);
    }
    for (uint32_t g = 0; g < BW_MAX_GROUPS; g++) {
        if (!(held >> g & 1))
            all->held_ns[g] = 0;
        else if (all->held_ns[g] == 0)
            all->held_ns[g] = bw_now_ns();
    }
    all->held = snapshot->number > 0 ? held : 0;
    all->posted_ns = snapshot->posted_ns;
}

static void turn_proxied(struct bw_resources *all)
{
    uint64_t until_ns = all->posted_ns + all->context.config->cluster.lease_ns;

    for (uint32_t i = 0; all->proxy != NULL && i < all->decider.count; i++) {
        const struct bw_unit *u = &all->decider.units[i];
        char wrong[BW_TEXT_MAX];
        int error;

        if (u->config->kind != BW_RESOURCE_PARP)
            continue;
        bw_proxy_answer(all->proxy, (uint8_t)i, u->phase != BW_UNIT_OFF ? until_ns : 0);
        error = bw_proxy_error(all->proxy, (uint8_t)i);
        if (error != 0)
            bw_format(wrong, sizeof(wrong), "its interface cannot be used: %s", strerrordesc_np(-error));
        bw_decide_proxied(&all->decider, i, error != 0 ? wrong : NULL);
    }
}

/* Also what a deed that fails at once leads to. */
static void carry_out(struct bw_resources *all)
{
    struct bw_decider *d = &all->decider;

    for (uint32_t i = 0; i < d->deeds_count; i++) {
        const struct bw_deed deed = d->deeds[i];

        switch (deed.kind) {
        case BW_DEED_START:
            bw_resource_run_job(all, deed.unit, BW_UNIT_START_JOB);
            break;
        case BW_DEED_STOP:
            bw_resource_run_job(all, deed.unit, BW_UNIT_STOP_JOB);
            break;
        case BW_DEED_CANCEL:
            bw_resource_cancel_job(all, deed.unit);
            break;
        case BW_DEED_STOP_GROUP:
            all->stop_group[d->units[deed.unit].config->group] = true;
            bw_copy(all->stop_why[d->units[deed.unit].config->group], BW_TEXT_MAX, deed.text);
            break;
        case BW_DEED_CHANGED:
            bw_resource_tell_change(all, &deed);
            break;
        default:
            break;
        }
    }
    d->deeds_count = 0;
}

static void turn(struct bw_resources *all)
{
    const struct bw_snapshot *snapshot = bw_board_take(all->context.board, BW_READER_RESOURCE);

    look_at_board(all, snapshot);
    bw_resource_overdue(all);
    bw_decide_run(&all->decider, all->held, bw_monitor_now_ns());
    turn_proxied(all);
    bw_resource_tell(all); /* first what others wait for */
    bw_resource_write_marks(all, bw_decide_touched(&all->decider));
    carry_out(all);
    bw_resource_turn_watches(all);
    bw_resource_tell(all);
    bw_resource_publish(all, snapshot);
    bw_board_release(all->context.board, BW_READER_RESOURCE);
}

static bool is_over(struct bw_resources *all)
{
    uint64_t now_ns = bw_monitor_now_ns();

    if (!atomic_load(&all->ending))
        return false;
    if (all->end_ns == 0)
        all->end_ns = now_ns + bw_resources_stop_ns(all->context.config) + BW_SEC;
    all->decider.ending = true;
    if (now_ns >= all->end_ns)
        bw_log(BW_LOG_ERROR, "resources: not all have stopped in time: what is left of their commands is killed");
    return bw_decide_over(&all->decider) || now_ns >= all->end_ns;
}

static void *run(void *argument)
{
    struct bw_resources *all = argument;
    int error = 0;

    bw_surface_enter(BW_READER_RESOURCE);
    while (error == 0 && !is_over(all)) {
        turn(all);
        bw_monitors_turn(all->monitors);
        if (all->decider.deeds_count == 0)
            error = bw_monitors_wait(all->monitors, TURN_MS);
    }
    bw_resource_write_marks(all, bw_decide_touched(&all->decider));
    if (error != 0)
        bw_log(BW_LOG_ERROR, "resources: epoll: %s", strerrordesc_np(-error));
    return NULL;
}

/* ---- start and stop ---- */

static void be_woken(struct bw_source *source, uint32_t events)
{
    uint64_t count;

    (void)events;
    (void)!read(source->fd, &count, sizeof(count));
}

static int watch_board(struct bw_resources *all)
{
    int board, error;

    all->wake = (struct bw_source){eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), be_woken, all};
    if (all->wake.fd < 0)
        return -errno;
    error = bw_source_watch(all->monitors, &all->wake, EPOLLIN);
    if (error != 0 || all->decider.count == 0) /* addresses alone are only shown: no hurry */
        return error;
    board = bw_board_wakeup_fd(all->context.board, BW_READER_RESOURCE);
    if (board < 0)
        return board;
    all->board = (struct bw_source){board, be_woken, all};
    return bw_source_watch(all->monitors, &all->board, EPOLLIN);
}

static int start_thread(struct bw_resources *all)
{
    pthread_attr_t attributes;
    sigset_t every, before;
    int error;

    sigfillset(&every);
    pthread_sigmask(SIG_SETMASK, &every, &before);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    error = -pthread_create(&all->thread, &attributes, run, all);
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    all->runs = error == 0;
    if (all->runs)
        pthread_setname_np(all->thread, "bw-resources");
    return error;
}

int bw_resources_start(const struct bw_surface_context *context, int runner, struct bw_resources **out)
{
    struct bw_resources *all = calloc(1, sizeof(*all));
    const struct bw_config *config = context->config;
    int error = -ENOMEM;

    *out = NULL;
    if (all == NULL) {
        if (runner >= 0)
            close(runner);
        goto out;
    }
    all->context = *context;
    all->wake.fd = -1;
    all->marked = bw_resource_read_marks(config);
    bw_decide_begin(&all->decider, config, all->marked, bw_monitor_now_ns());
    error = bw_resource_open_watches(all, runner);
    if (error == 0)
        error = watch_board(all);
    if (error == 0 && config->proxied_count > 0)
        error = bw_proxy_new(config, &all->proxy);
    if (error == 0)
        error = start_thread(all);
out:
    if (error == 0) {
        *out = all;
        return 0;
    }
    bw_log(BW_LOG_ERROR, "the resources of groups cannot start: %s", strerrordesc_np(-error));
    bw_resources_stop(all);
    return error;
}

void bw_resources_stop(struct bw_resources *all)
{
    if (all == NULL)
        return;
    if (all->runs) {
        atomic_store(&all->ending, true);
        (void)!write(all->wake.fd, &(uint64_t){1}, sizeof(uint64_t));
        pthread_join(all->thread, NULL);
    }
    bw_proxy_free(all->proxy);
    bw_source_close(&all->wake);
    bw_monitors_stop(all->monitors);
    free(all->watch_config);
    free(all);
}
