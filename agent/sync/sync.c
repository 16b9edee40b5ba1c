/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * State synchronisation: start and stop of its thread (loop.c).
 */
#include "bellwether/sync.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agent/linux/linux.h"
#include "agent/sync/sync_private.h"

#define STACK_BYTES (512 * 1024)

bool bw_sync_wanted(const struct bw_config *config)
{
    bool secured = false;

    for (unsigned i = 0; i < config->cluster.interfaces_count; i++)
        secured = secured || config->cluster.interfaces[i].role == BW_ROLE_SYNC;
    return secured && config->cluster.sync.enabled;
}

static int start_thread(struct bw_sync *sync)
{
    pthread_attr_t attributes;
    sigset_t every, before;
    int error;

    sigfillset(&every);
    pthread_sigmask(SIG_SETMASK, &every, &before);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    error = -pthread_create(&sync->thread, &attributes, bw_sync_run, sync);
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    sync->threaded = error == 0;
    return error;
}

static int open_all(struct bw_sync *sync)
{
    int error = bw_sync_path_open(sync);

    if (error != 0)
        return error;
    sync->epoll = epoll_create1(EPOLL_CLOEXEC);
    sync->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return sync->epoll < 0 || sync->stop_fd < 0 ? -errno : 0;
}

int bw_sync_start(const struct bw_sync_setup *setup, struct bw_sync **out)
{
    struct bw_sync *sync;
    int error;

    *out = NULL;
    if ((setup->providers == NULL && !bw_sync_wanted(setup->context->config)) || setup->context->rows.sync_view == NULL)
        return 0;
    sync = calloc(1, sizeof(*sync));
    if (sync == NULL)
        return -ENOMEM;
    sync->setup = *setup;
    sync->epoll = sync->stop_fd = -1;
    sync->start_ns = sync->now_ns = bw_now_ns();
    sync->config = malloc(sizeof(*sync->config));
    if (sync->config != NULL)
        *sync->config = *setup->context->config;
    error = sync->config != NULL ? open_all(sync) : -ENOMEM;
    if (error == 0)
        error = start_thread(sync);
    if (error != 0) {
        bw_log(BW_LOG_ERROR, "state synchronisation cannot start: %s", strerrordesc_np(-error));
        bw_sync_pnote_off(setup->context, "off: it could not start");
        bw_sync_stop(sync);
        return error;
    }
    *out = sync;
    return 0;
}

void bw_sync_stop(struct bw_sync *sync)
{
    if (sync == NULL)
        return;
    atomic_store(&sync->ending, true);
    if (sync->threaded) {
        (void)!write(sync->stop_fd, &(uint64_t){1}, sizeof(uint64_t));
        pthread_join(sync->thread, NULL);
    }
    bw_sync_path_close(sync);
    if (sync->epoll >= 0)
        close(sync->epoll);
    if (sync->stop_fd >= 0)
        close(sync->stop_fd);
    free(sync->config);
    free(sync);
}
