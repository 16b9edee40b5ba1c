/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Start and stop of the monitors. */
#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/monitor/monitor.h"
#include "bellwether/log.h"

#define STACK_BYTES (256 * 1024) /* libcurl's TLS wants some */
#define SPREAD_NS (5 * BW_MS)    /* between the first checks, and so between all of them */

static const struct bw_monitor_ops *const kinds[] = {
    [BW_MONITOR_PING] = &bw_monitor_ping,       [BW_MONITOR_TCP] = &bw_monitor_tcp,
    [BW_MONITOR_HTTP] = &bw_monitor_http,       [BW_MONITOR_PROCESS] = &bw_monitor_process,
    [BW_MONITOR_EXEC] = &bw_monitor_exec,       [BW_MONITOR_RULESET] = &bw_monitor_ruleset,
    [BW_MONITOR_CONNTRACK] = &bw_monitor_conntrack, [BW_MONITOR_DISK] = &bw_monitor_disk,
    [BW_MONITOR_CLOCK] = &bw_monitor_clock,     [BW_MONITOR_CONFLICT] = &bw_monitor_conflict,
};

static bool needs_runner(const struct bw_monitor_config *config)
{
    return kinds[config->kind]->jobs && (config->kind != BW_MONITOR_PROCESS || config->unit[0] != '\0');
}

bool bw_monitors_need_users(const struct bw_config *config)
{
    for (unsigned i = 0; i < config->monitors_count; i++)
        if (config->monitors[i].user[0] != '\0')
            return true;
    for (unsigned i = 0; i < config->resources_count; i++)
        if (config->resources[i].user[0] != '\0')
            return true;
    return false;
}

/* What only the runner needs. */
static void give_up_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    const uint32_t runners = 1U << CAP_SETUID | 1U << CAP_SETGID | 1U << CAP_KILL;

    if (syscall(SYS_capget, &header, data) != 0)
        return;
    data[0].effective &= ~runners;
    data[0].permitted &= ~runners;
    if (syscall(SYS_capset, &header, data) != 0)
        bw_log(BW_LOG_WARNING, "the agent keeps capabilities that only its helper needs: %s", strerrordesc_np(errno));
}

int bw_monitors_prepare(const struct bw_config *config)
{
    int runner = -1;

    for (unsigned i = 0; runner == -1 && i < config->monitors_count; i++)
        if (needs_runner(&config->monitors[i]))
            runner = bw_runner_start();
    if (bw_monitors_need_users(config) || bw_alerts_need_users(config))
        give_up_capabilities();
    return runner;
}

static void be_woken(struct bw_source *source, uint32_t events)
{
    uint64_t count;

    (void)events;
    (void)!read(source->fd, &count, sizeof(count));
}

static void open_monitors(struct bw_monitors *all)
{
    uint64_t now_ns = bw_monitor_now_ns();

    all->now_ns = now_ns;
    for (unsigned i = 0; i < all->count; i++) {
        struct bw_monitor *m = &all->monitors[i];

        m->config = &all->context.config->monitors[i];
        m->ops = kinds[m->config->kind];
        m->all = all;
        m->index = i;
        m->due_ns = now_ns + i * SPREAD_NS;
        m->tcp.source.fd = m->process.source.fd = -1;
        bw_tally_start(&m->tally, m->config);
        m->error = m->ops->open != NULL ? m->ops->open(m) : 0;
        if (m->error != 0)
            bw_log(BW_LOG_ERROR, "monitor %s cannot check: %s", m->config->name, strerrordesc_np(-m->error));
    }
}

static int watch_basics(struct bw_monitors *all, int runner)
{
    int error;

    all->epoll = epoll_create1(EPOLL_CLOEXEC);
    all->wake = (struct bw_source){eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), be_woken, all};
    all->runner = (struct bw_source){runner, bw_job_ready, all};
    if (all->epoll < 0 || all->wake.fd < 0)
        return -errno;
    error = bw_source_watch(all, &all->wake, EPOLLIN);
    if (error == 0 && runner >= 0)
        error = bw_source_watch(all, &all->runner, EPOLLIN);
    if (error == 0)
        error = bw_ping_open_sockets(all);
    return error == 0 ? bw_http_engine_open(all) : error;
}

static int start_thread(struct bw_monitors *all)
{
    pthread_attr_t attributes;
    sigset_t every, before;
    int error;

    sigfillset(&every);
    pthread_sigmask(SIG_SETMASK, &every, &before);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    error = -pthread_create(&all->thread, &attributes, bw_monitors_run, all);
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    all->runs = error == 0;
    if (all->runs)
        pthread_setname_np(all->thread, "bw-monitors");
    return error;
}

int bw_monitors_open(const struct bw_surface_context *context, int runner, struct bw_monitors **out)
{
    struct bw_monitors *all = calloc(1, sizeof(*all));
    int error;

    *out = NULL;
    if (all == NULL) {
        if (runner >= 0)
            close(runner);
        return -ENOMEM;
    }
    all->context = *context;
    all->systemctl = "systemctl";
    all->ping4.fd = all->ping6.fd = -1;
    all->count = context->config->monitors_count;
    error = watch_basics(all, runner);
    if (error != 0) {
        bw_monitors_stop(all);
        return error;
    }
    open_monitors(all);
    *out = all;
    return 0;
}

int bw_monitors_go(struct bw_monitors *all)
{
    bw_tell_register(all);
    return start_thread(all);
}

int bw_monitors_start(const struct bw_surface_context *context, int runner, struct bw_monitors **out)
{
    int error = bw_monitors_open(context, runner, out);

    if (error == 0)
        error = bw_monitors_go(*out);
    if (error == 0)
        return 0;
    bw_log(BW_LOG_ERROR, "monitors cannot start: %s", strerrordesc_np(-error));
    bw_monitors_stop(*out);
    *out = NULL;
    return error;
}

void bw_monitors_stop(struct bw_monitors *all)
{
    if (all == NULL)
        return;
    if (all->runs) {
        atomic_store(&all->ending, true);
        (void)!write(all->wake.fd, &(uint64_t){1}, sizeof(uint64_t));
        pthread_join(all->thread, NULL);
    }
    for (unsigned i = 0; i < all->count; i++)
        if (all->monitors[i].ops != NULL)
            all->monitors[i].ops->close(&all->monitors[i]);
    bw_http_engine_close(all);
    bw_source_close(&all->ping4);
    bw_source_close(&all->ping6);
    bw_source_close(&all->runner);
    bw_source_close(&all->wake);
    if (all->epoll >= 0)
        close(all->epoll);
    free(all);
}
