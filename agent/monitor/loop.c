/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The monitors' thread: begins checks when they are due, ends those that take too long, hands events on. Nothing in it waits but
 * its one epoll. A check that ends is told to the engine in the same moment when the status changed.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "agent/monitor/monitor.h"
#include "bellwether/log.h"
#include "bellwether/text.h"

#define EVENTS 64
#define JOB_GRACE_NS (500 * BW_MS) /* for the answer of a job that is over its time */
#define FIRST_NS BW_SEC            /* between checks before the first verdict, at most */
#define WAIT_MOST_MS 250           /* so often at least reports are looked at */

int bw_source_watch(struct bw_monitors *all, struct bw_source *source, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = source};

    if (epoll_ctl(all->epoll, EPOLL_CTL_ADD, source->fd, &event) == 0)
        return 0;
    if (errno == EEXIST && epoll_ctl(all->epoll, EPOLL_CTL_MOD, source->fd, &event) == 0)
        return 0;
    return -errno;
}

void bw_source_close(struct bw_source *source)
{
    if (source->fd >= 0)
        close(source->fd);
    source->fd = -1;
}

double bw_monitor_took_ms(const struct bw_monitor *m)
{
    return (double)(bw_monitor_now_ns() - m->began_ns) / 1e6;
}

static void say(struct bw_monitor *m, const char *format, va_list args)
{
    char text[2 * BW_DETAIL_MAX];

    vsnprintf(text, sizeof(text), format, args);
    bw_copy(m->said, sizeof(m->said), text);
}

static void end_check(struct bw_monitor *m)
{
    m->busy = false;
    m->deadline_ns = 0;
}

void bw_monitor_done(struct bw_monitor *m, bool good, const char *format, ...)
{
    va_list args;

    if (!m->busy)
        return;
    va_start(args, format);
    say(m, format, args);
    va_end(args);
    end_check(m);
    bw_tally_check(&m->tally, good);
    bw_tell(m);
}

void bw_monitor_fall(struct bw_monitor *m, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(m, format, args);
    va_end(args);
    end_check(m);
    bw_tally_fall(&m->tally);
    bw_tell(m);
}

/* The next check keeps the rhythm; those that were missed are left out. While the member waits for the first verdict, it does not
 * wait long. */
static void set_due(struct bw_monitor *m, uint64_t now_ns)
{
    uint64_t interval_ns = m->config->interval_ns;

    if (m->tally.status == BW_PNOTE_INIT && interval_ns > FIRST_NS)
        interval_ns = FIRST_NS;
    m->due_ns += interval_ns;
    if (m->due_ns <= now_ns)
        m->due_ns += (now_ns - m->due_ns) / interval_ns * interval_ns + interval_ns;
}

static void begin_check(struct bw_monitor *m, uint64_t now_ns)
{
    set_due(m, now_ns);
    m->busy = true;
    m->began_ns = now_ns;
    m->deadline_ns = now_ns + m->config->timeout_ns + (m->ops->jobs ? JOB_GRACE_NS : 0);
    if (m->error != 0)
        bw_monitor_done(m, false, "cannot check: %s", strerrordesc_np(-m->error));
    else
        m->ops->begin(m);
}

static void turn_monitor(struct bw_monitor *m, uint64_t now_ns)
{
    if (m->busy && now_ns >= m->deadline_ns) {
        m->ops->late(m);
        if (m->busy)
            bw_monitor_done(m, false, "no result in time");
    }
    if (!m->busy && !m->idle && now_ns >= m->due_ns)
        begin_check(m, now_ns);
    bw_tell(m);
}

static int wait_ms(const struct bw_monitors *all)
{
    uint64_t at_ns = all->full_until_ns > all->now_ns ? all->full_until_ns : all->now_ns + WAIT_MOST_MS * BW_MS;
    int http_ms = bw_http_engine_wait_ms(all), ms;

    for (unsigned i = 0; i < all->count; i++) {
        const struct bw_monitor *m = &all->monitors[i];
        uint64_t next_ns = m->busy ? m->deadline_ns : m->idle ? UINT64_MAX : m->due_ns;

        at_ns = next_ns < at_ns ? next_ns : at_ns;
    }
    ms = at_ns <= all->now_ns ? 0 : (int)((at_ns - all->now_ns + BW_MS - 1) / BW_MS);
    return http_ms >= 0 && http_ms < ms ? http_ms : ms;
}

void bw_monitors_turn(struct bw_monitors *all)
{
    all->now_ns = bw_monitor_now_ns();
    for (unsigned i = 0; i < all->count; i++)
        turn_monitor(&all->monitors[i], all->now_ns);
    bw_http_engine_turn(all);
    bw_tell_reconcile(all);
}

int bw_monitors_wait(struct bw_monitors *all, int most_ms)
{
    struct epoll_event events[EVENTS];
    int n, ms;

    all->now_ns = bw_monitor_now_ns();
    ms = wait_ms(all);
    n = epoll_wait(all->epoll, events, EVENTS, ms < most_ms ? ms : most_ms);
    all->now_ns = bw_monitor_now_ns();
    for (int i = 0; i < n; i++) {
        struct bw_source *source = events[i].data.ptr;

        if (source->fd >= 0)
            source->ready(source, events[i].events);
    }
    return n < 0 && errno != EINTR ? -errno : 0;
}

void bw_monitor_begin_anew(struct bw_monitor *m, uint32_t status)
{
    struct bw_monitor_config config = {.start = status, .rise = m->config->rise, .fall = m->config->fall};

    bw_tally_start(&m->tally, &config);
    end_check(m);
    m->job.under_way = false; /* whatever still comes of a former check is not heard */
    m->job.serial++;
    m->due_ns = bw_monitor_now_ns() + (status == BW_PNOTE_INIT ? 0 : m->config->interval_ns);
    m->said[0] = '\0';
}

void *bw_monitors_run(void *monitors)
{
    struct bw_monitors *all = monitors;
    int error = 0;

    bw_surface_enter(BW_READER_MONITOR);
    while (error == 0 && !atomic_load(&all->ending)) {
        bw_monitors_turn(all);
        error = bw_monitors_wait(all, WAIT_MOST_MS);
    }
    if (error != 0)
        bw_log(BW_LOG_ERROR, "monitors: epoll: %s", strerrordesc_np(-error));
    return NULL;
}
