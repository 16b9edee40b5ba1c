/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log. bw_log formats into a packet of a non-blocking pipe; one thread takes packets out and
 * writes them. libc's log and file streams may wait, so nobody else touches them.
 */
#include "bellwether/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024
#define PIPE_BYTES (512 * 1024) /* the kernel takes one page a packet: 128 lines */

/* A logger is one per process by nature. */
static struct {
    _Atomic int write_fd;
    int read_fd;
    _Atomic uint64_t dropped;
    _Atomic int least;
    bool to_stderr;
    bool direct_syslog; /* without the thread: the keeper's way */
    pthread_t thread;
} logger = {.write_fd = -1, .read_fd = -1, .least = BW_LOG_INFO};

static void write_stderr(const char *line, size_t length)
{
    char stamped[LINE_MAX_BYTES + 64];
    struct timespec now;
    struct tm tm;
    size_t at;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    at = strftime(stamped, sizeof(stamped), "%Y-%m-%dT%H:%M:%S", &tm);
    at += (size_t)snprintf(stamped + at, sizeof(stamped) - at, ".%03ldZ %.*s\n", now.tv_nsec / 1000000, (int)length, line);
    (void)!write(STDERR_FILENO, stamped, at);
}

static const char *level_name(int level)
{
    return level <= BW_LOG_ERROR     ? "error: "
           : level == BW_LOG_WARNING ? "warning: "
           : level >= BW_LOG_DEBUG   ? "debug: "
                                     : "";
}

void bw_log(enum bw_log_level level, const char *format, ...)
{
    char line[LINE_MAX_BYTES];
    int fd = atomic_load(&logger.write_fd);
    size_t at = 1;
    va_list args;
    int n;

    if ((int)level > atomic_load_explicit(&logger.least, memory_order_relaxed))
        return;
    line[0] = (char)level;
    at += (size_t)snprintf(line + at, sizeof(line) - at, "%s", level_name(level));
    va_start(args, format);
    n = vsnprintf(line + at, sizeof(line) - at, format, args);
    va_end(args);
    if (n > 0)
        at += (size_t)n < sizeof(line) - at ? (size_t)n : sizeof(line) - at - 1;
    for (size_t i = 1; i < at; i++) /* one line stays one line, whatever came from outside */
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
            line[i] = ' ';
    if (fd < 0 && logger.direct_syslog)
        syslog((int)level, "%.*s", (int)at - 1, line + 1);
    else if (fd < 0)
        write_stderr(line + 1, at - 1);
    else if (write(fd, line, at) != (ssize_t)at)
        atomic_fetch_add(&logger.dropped, 1);
}

static void *run(void *unused)
{
    char line[LINE_MAX_BYTES + 1];
    ssize_t n;

    (void)unused;
    pthread_setname_np(pthread_self(), "bw-log");
    while ((n = read(logger.read_fd, line, sizeof(line) - 1)) != 0) {
        if (n < 0) {
            if (errno == EINTR)
                continue;
            break;
        }
        line[n] = '\0';
        if (logger.to_stderr)
            write_stderr(line + 1, (size_t)n - 1);
        else
            syslog(line[0], "%s", line + 1);
    }
    return NULL;
}

void bw_log_set_level(enum bw_log_level least)
{
    atomic_store(&logger.least, least);
}

void bw_log_direct(const char *ident, bool to_stderr, enum bw_log_level least)
{
    atomic_store(&logger.least, least);
    logger.direct_syslog = !to_stderr;
    if (!to_stderr)
        openlog(ident, LOG_PID, LOG_DAEMON);
}

int bw_log_start(const char *ident, bool to_stderr, enum bw_log_level least)
{
    int fds[2], error;

    atomic_store(&logger.least, least);
    logger.to_stderr = to_stderr;
    if (pipe2(fds, O_DIRECT | O_CLOEXEC) != 0)
        return -errno;
    if (fcntl(fds[1], F_SETFL, O_NONBLOCK | O_DIRECT) != 0) {
        error = errno;
        close(fds[0]);
        close(fds[1]);
        return -error;
    }
    (void)fcntl(fds[1], F_SETPIPE_SZ, PIPE_BYTES); /* a smaller one works too */
    if (!to_stderr)
        openlog(ident, LOG_PID, LOG_DAEMON);
    logger.read_fd = fds[0];
    error = pthread_create(&logger.thread, NULL, run, NULL);
    if (error != 0) {
        close(fds[0]);
        close(fds[1]);
        return -error;
    }
    atomic_store(&logger.write_fd, fds[1]);
    return 0;
}

void bw_log_stop(void)
{
    int fd = atomic_exchange(&logger.write_fd, -1);

    if (fd < 0)
        return;
    close(fd); /* the thread reads what is left and then the end */
    pthread_join(logger.thread, NULL);
    close(logger.read_fd);
    logger.read_fd = -1;
}

uint64_t bw_log_dropped(void)
{
    return atomic_load(&logger.dropped);
}

bool bw_log_allowed(struct bw_log_limit *limit, uint64_t now_ns, uint64_t *suppressed)
{
    if (now_ns < limit->next_ns) {
        limit->suppressed++;
        return false;
    }
    *suppressed = limit->suppressed;
    limit->suppressed = 0;
    limit->next_ns = now_ns + 60ULL * 1000000000;
    return true;
}

enum bw_log_level bw_log_level_by_name(const char *name)
{
    static const struct {
        const char *name;
        enum bw_log_level level;
    } names[] = {{"error", BW_LOG_ERROR},
                 {"warning", BW_LOG_WARNING},
                 {"notice", BW_LOG_NOTICE},
                 {"info", BW_LOG_INFO},
                 {"debug", BW_LOG_DEBUG}};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i].name, name) == 0)
            return names[i].level;
    return BW_LOG_INFO;
}
