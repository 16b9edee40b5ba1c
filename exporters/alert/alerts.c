/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Alerts out: preparation before there are threads, start and stop. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agent/monitor/job.h"
#include "agent/store/disk.h"
#include "alert.h"
#include "bellwether/log.h"

#define STACK_BYTES (512 * 1024) /* libcurl's TLS wants some */

bool bw_alerts_need_users(const struct bw_config *config)
{
    for (unsigned i = 0; i < config->alerts.targets_count; i++)
        if (config->alerts.targets[i].kind == BW_ALERT_EXEC && config->alerts.targets[i].user[0] != '\0')
            return true;
    return false;
}

int bw_alerts_prepare(const struct bw_config *config)
{
    int runner = -1;

    for (unsigned i = 0; runner == -1 && i < config->alerts.targets_count; i++)
        if (config->alerts.targets[i].kind == BW_ALERT_EXEC)
            runner = bw_runner_start();
    (void)bw_alert_curl_init(); /* told when it is used */
    return runner;
}

static void open_directory(struct bw_alerts *all)
{
    bw_format(all->path, sizeof(all->path), "%s/alerts", all->context.config->state_dir);
    all->dir = bw_disk_open(all->path);
    if (all->dir < 0)
        bw_log(BW_LOG_ERROR, "alerts: %s cannot be used: %s; messages that wait would not outlive a restart", all->path,
               strerrordesc_np(-all->dir));
}

static int set_up(struct bw_alerts *all)
{
    const struct bw_cluster_config *cluster = &all->context.config->cluster;

    all->config = all->context.config->alerts;
    all->origin.cluster_id = cluster->id;
    bw_copy(all->origin.cluster, sizeof(all->origin.cluster), cluster->name);
    bw_copy(all->origin.teller, sizeof(all->origin.teller), cluster->members[cluster->local].name);
    all->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    all->board_fd = bw_board_wakeup_fd(all->context.board, BW_READER_ALERT);
    if (all->wake_fd < 0 || all->board_fd < 0)
        return all->wake_fd < 0 ? -errno : all->board_fd;
    open_directory(all);
    bw_alert_load(all);
    bw_alert_take_config(all);
    return bw_alert_curl_open(all);
}

static int start_thread(struct bw_alerts *all)
{
    pthread_attr_t attributes;
    sigset_t every, before;
    int error;

    sigfillset(&every);
    pthread_sigmask(SIG_SETMASK, &every, &before);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    error = -pthread_create(&all->thread, &attributes, bw_alerts_run, all);
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    all->runs = error == 0;
    if (all->runs)
        pthread_setname_np(all->thread, "bw-alerts");
    return error;
}

int bw_alerts_start(const struct bw_surface_context *context, int runner, struct bw_alerts **out)
{
    struct bw_alerts *all = calloc(1, sizeof(*all));
    int error = -ENOMEM;

    *out = NULL;
    if (all == NULL) {
        if (runner >= 0)
            close(runner);
        return error;
    }
    all->context = *context;
    all->runner = runner >= 0 ? runner : -1;
    all->wake_fd = all->dir = -1;
    error = set_up(all);
    if (error == 0)
        error = start_thread(all);
    if (error == 0) {
        bw_alert_desk_open(context->alert_desk, all->wake_fd);
        *out = all;
        return 0;
    }
    bw_log(BW_LOG_ERROR, "alerts cannot start: %s", strerrordesc_np(-error));
    bw_alerts_stop(all);
    return error;
}

void bw_alerts_stop(struct bw_alerts *all)
{
    if (all == NULL)
        return;
    bw_alert_desk_open(all->context.alert_desk, -1);
    if (all->runs) {
        atomic_store(&all->ending, true);
        (void)!write(all->wake_fd, &(uint64_t){1}, sizeof(uint64_t));
        pthread_join(all->thread, NULL);
    }
    for (uint32_t i = 0; i < all->count; i++)
        bw_target_free(all->targets[i]);
    bw_alert_curl_close(all);
    if (all->runner >= 0)
        close(all->runner);
    if (all->wake_fd >= 0)
        close(all->wake_fd);
    if (all->dir >= 0)
        close(all->dir);
    free(all);
}
