/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The SNMP surface's thread: waits for the master's requests, the board's wake-ups and the
 * library's timers. Everything that may block, blocks this thread only, and never for more than a
 * few seconds.
 */
#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <net-snmp/agent/net-snmp-agent-includes.h>
#include <net-snmp/library/large_fd_set.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "bellwether/log.h"
#include "snmp.h"
#include "transport.h"

#define IDLE_MS    1000
#define BACKLOG_MS 50   /* between batches of notifications */
#define ORDERLY_MS 1000 /* for the end of the AgentX session; then it is cut off */
#define CUT_OFF_MS 900

/* net-snmp's state is global, and what its end leaves behind is not fit for a second beginning (a sub-agent that was
 * shut down and set up again connects, but answers nothing): one surface in the life of a process. */
static atomic_flag started = ATOMIC_FLAG_INIT;
/* The one that could not be stopped, if so. */
static struct bw_snmp *left_behind;

/* "1.3.6.1.…" into root. 0 or -EINVAL. */
static int read_root(struct bw_snmp *snmp)
{
    const char *text = snmp->context.config->snmp.root;

    for (;;) {
        char *end;
        unsigned long arc = strtoul(text, &end, 10);

        if (*text < '0' || *text > '9' || arc > 0xffffffffUL || snmp->root_length == BW_SNMP_ROOT_MAX)
            return -EINVAL;
        snmp->root[snmp->root_length++] = arc;
        if (*end == '\0')
            return snmp->root_length >= 2 ? 0 : -EINVAL;
        if (*end != '.')
            return -EINVAL;
        text = end + 1;
    }
}

/* One wait and what it brought. False when it is time to end. */
static bool turn(struct bw_snmp *snmp, netsnmp_large_fd_set *fds)
{
    int wait_ms = snmp->backlog ? BACKLOG_MS : IDLE_MS;
    struct timeval timeout = {wait_ms / 1000, wait_ms % 1000 * 1000};
    int count = (snmp->stop_fd > snmp->wake_fd ? snmp->stop_fd : snmp->wake_fd) + 1;
    int block = 0;
    int ready;

    NETSNMP_LARGE_FD_ZERO(fds);
    snmp_select_info2(&count, fds, &timeout, &block);
    NETSNMP_LARGE_FD_SET(snmp->stop_fd, fds);
    NETSNMP_LARGE_FD_SET(snmp->wake_fd, fds);
    ready = netsnmp_large_fd_set_select(count, fds, NULL, NULL, &timeout);
    if (ready < 0 && errno != EINTR)
        usleep(BACKLOG_MS * 1000); /* never spin on an error that stays */
    if (atomic_load(&snmp->abandoned) || (ready > 0 && NETSNMP_LARGE_FD_ISSET(snmp->stop_fd, fds)))
        return false;
    if (ready > 0) {
        NETSNMP_LARGE_FD_CLR(snmp->wake_fd, fds);
        snmp_read2(fds);
    }
    snmp_timeout();
    run_alarms();
    netsnmp_check_outstanding_agent_requests();
    if (atomic_load(&snmp->abandoned))
        return false;
    bw_snmp_library_adjust(snmp);
    bw_snmp_look_anew(snmp);
    if (snmp->woken || ready <= 0 || snmp->backlog) {
        bw_snmp_send_notifications(snmp);
        bw_snmp_tell_keepalived(snmp);
    }
    snmp->woken = false;
    return true;
}

static void *run(void *argument)
{
    struct bw_snmp *snmp = argument;
    netsnmp_large_fd_set fds;
    int rc;

    bw_surface_enter(BW_READER_SNMP);
    snmp->newest.snapshot = snmp->view.snapshot = bw_board_take(snmp->context.board, BW_READER_SNMP);
    bw_snmp_actions_row(snmp->actions, &snmp->control);
    bw_snmp_watch_look(&snmp->watch, &snmp->newest, 0); /* from here on changes are told */
    bw_snmp_tell_keepalived(snmp);
    netsnmp_large_fd_set_init(&fds, FD_SETSIZE);
    rc = bw_snmp_library_init(snmp);
    if (rc != 0)
        bw_log(BW_LOG_ERROR, "snmp: net-snmp did not start: %s", strerror(-rc));
    while (rc == 0 && turn(snmp, &fds))
        ;
    bw_snmp_library_fini(snmp);
    netsnmp_large_fd_set_cleanup(&fds);
    if (!atomic_load(&snmp->abandoned))
        bw_board_release(snmp->context.board, BW_READER_SNMP);
    return NULL;
}

/* The thread gets no signals: they are the main thread's. */
static int start_thread(struct bw_snmp *snmp)
{
    sigset_t all, before;
    int rc;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    rc = -pthread_create(&snmp->thread, NULL, run, snmp);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc == 0)
        pthread_setname_np(snmp->thread, "bw-snmp");
    return rc;
}

int bw_snmp_start(const struct bw_surface_context *context, struct bw_snmp **out)
{
    struct bw_snmp *snmp = calloc(1, sizeof(*snmp));
    uint64_t first, last;
    int rc;

    *out = NULL;
    if (snmp == NULL)
        return -ENOMEM;
    snmp->context = *context;
    snmp->stop_fd = -1;
    rc = read_root(snmp);
    if (rc != 0) {
        bw_log(BW_LOG_ERROR, "snmp: root \"%s\" is no object identifier like 1.3.6.1.4.1.8072.9999.9999.8116",
               context->config->snmp.root);
        goto out;
    }
    bw_snmp_plan_init(&snmp->plan);
    bw_history_range(context->history, &first, &last);
    snmp->next_event = last + 1; /* what an earlier run has told is not told again */
    snmp->view.history = context->history;
    snmp->view.control = &snmp->control;
    snmp->newest = snmp->view;
    snmp->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    snmp->wake_fd = bw_board_wakeup_fd(context->board, BW_READER_SNMP);
    rc = snmp->stop_fd < 0 ? -errno : snmp->wake_fd < 0 ? snmp->wake_fd : 0;
    if (rc != 0)
        goto out;
    snmp->actions = bw_snmp_actions_new(context->mailbox);
    rc = snmp->actions == NULL ? -ENOMEM : 0;
    if (rc != 0)
        goto out;
    rc = atomic_flag_test_and_set(&started) ? -EALREADY : 0;
    if (rc != 0)
        goto out;
    setenv("MIBS", "", 1); /* the only way to keep the library from loading MIB files */
    rc = start_thread(snmp);
    if (rc != 0)
        goto out;
    *out = snmp;
    return 0;
out:
    bw_log(BW_LOG_ERROR, "snmp: not started: %s", strerror(-rc));
    bw_snmp_actions_free(snmp->actions);
    if (snmp->stop_fd >= 0)
        close(snmp->stop_fd);
    free(snmp);
    return rc;
}

static bool join(struct bw_snmp *snmp, unsigned wait_ms)
{
    struct timespec end;

    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_nsec += (long)wait_ms % 1000 * 1000000L;
    end.tv_sec += (time_t)(wait_ms / 1000) + end.tv_nsec / 1000000000L;
    end.tv_nsec %= 1000000000L;
    return pthread_timedjoin_np(snmp->thread, NULL, &end) == 0;
}

void bw_snmp_stop(struct bw_snmp *snmp)
{
    bool ended;

    if (snmp == NULL)
        return;
    bw_snmp_actions_stop(snmp->actions);
    (void)!write(snmp->stop_fd, &(uint64_t){1}, sizeof(uint64_t));
    ended = join(snmp, ORDERLY_MS);
    if (!ended) {
        bw_snmp_transport_cancel();
        ended = join(snmp, CUT_OFF_MS);
    }
    if (!ended) {
        /* It is stuck inside the library. What it may still touch stays; what belongs to others it will not touch. */
        atomic_store(&snmp->abandoned, true);
        pthread_detach(snmp->thread);
        left_behind = snmp;
        bw_log(BW_LOG_WARNING, "snmp: the master agent holds the SNMP thread; left behind");
        return;
    }
    bw_snmp_actions_free(snmp->actions);
    close(snmp->stop_fd);
    free(snmp);
}
