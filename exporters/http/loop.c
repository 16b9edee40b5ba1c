/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The server's one thread: one epoll over the listening sockets, the library's own epoll, the board's wake-up and the
 * word to end. The library is run every turn; it says itself when it wants the next one.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "bellwether/log.h"
#include "exporters/http/http.h"

#define STACK_BYTES (512 << 10)
#define TICK_MS     1000
#define EVENTS      16

uint64_t bw_http_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec * BW_SEC + (uint64_t)t.tv_nsec;
}

static bool listens(const struct bw_http *http, int fd)
{
    for (unsigned i = 0; i < http->listens_count; i++)
        if (http->listens[i] == fd)
            return true;
    return false;
}

/* How long the turn may sleep. */
static int sleep_ms(struct bw_http *http, uint64_t tick_ns)
{
    MHD_UNSIGNED_LONG_LONG wanted;
    uint64_t now = bw_http_now_ns(), left = tick_ns > now ? (tick_ns - now) / BW_MS + 1 : 0;

    if (MHD_get_timeout(http->daemon, &wanted) == MHD_YES && wanted < left)
        left = wanted;
    return (int)left;
}

static void take(struct bw_http *http, int fd)
{
    uint64_t counter;

    if (listens(http, fd)) {
        bw_listen_accept(http, fd);
    } else if (fd == bw_board_wakeup_fd(http->context.board, BW_READER_HTTP)) {
        if (read(fd, &counter, sizeof(counter)) == sizeof(counter))
            bw_events_wake(http);
    }
}

static void *run(void *arg)
{
    struct bw_http *http = arg;
    struct epoll_event events[EVENTS];
    uint64_t tick = bw_http_now_ns() + TICK_MS * BW_MS, now;

    bw_surface_enter(BW_READER_HTTP);
    while (!atomic_load(&http->stopping)) {
        int n = epoll_wait(http->epoll, events, EVENTS, sleep_ms(http, tick));

        for (int i = 0; i < n; i++)
            take(http, events[i].data.fd);
        MHD_run(http->daemon);
        now = bw_http_now_ns();
        if (now >= tick) {
            bw_events_tick(http, now);
            tick = now + TICK_MS * BW_MS;
        }
    }
    bw_events_end(http);
    for (int i = 0; i < 4; i++) /* so that streams are ended in order */
        MHD_run(http->daemon);
    return NULL;
}

static int watch(struct bw_http *http, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    if (fd < 0)
        return fd;
    return epoll_ctl(http->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int bw_loop_start(struct bw_http *http)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    pthread_attr_t attributes;
    int error;

    http->epoll = epoll_create1(EPOLL_CLOEXEC);
    http->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (http->epoll < 0 || http->wake < 0 || info == NULL)
        return errno > 0 ? -errno : -ENOSYS;
    error = watch(http, http->wake);
    if (error == 0)
        error = watch(http, info->epoll_fd);
    if (error == 0)
        error = watch(http, bw_board_wakeup_fd(http->context.board, BW_READER_HTTP));
    for (unsigned i = 0; i < http->listens_count && error == 0; i++)
        error = watch(http, http->listens[i]);
    if (error != 0)
        return error;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    error = pthread_create(&http->thread, &attributes, run, http);
    pthread_attr_destroy(&attributes);
    if (error != 0)
        return -error;
    http->thread_runs = true;
    pthread_setname_np(http->thread, "bw-http");
    return 0;
}

void bw_loop_stop(struct bw_http *http)
{
    if (http->thread_runs) {
        atomic_store(&http->stopping, true);
        (void)!write(http->wake, &(uint64_t){1}, sizeof(uint64_t));
        pthread_join(http->thread, NULL);
        http->thread_runs = false;
    }
    if (http->epoll >= 0)
        close(http->epoll);
    if (http->wake >= 0)
        close(http->wake);
}
