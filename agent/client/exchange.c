/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One request and its answer over the control socket, with a deadline: no call here waits beyond it, whatever the
 * daemon does.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "agent/client/client.h"

#define PAUSE_MS 10 /* between attempts */

uint64_t bw_client_now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* What is left, in whole milliseconds. */
static int left(uint64_t deadline_ms)
{
    uint64_t now_ms = bw_client_now_ms();

    return now_ms < deadline_ms ? (int)(deadline_ms - now_ms) : 0;
}

void bw_client_pause(uint64_t deadline_ms)
{
    int ms = left(deadline_ms);

    poll(NULL, 0, ms < PAUSE_MS ? ms : PAUSE_MS);
}

/* Descriptor, or negative errno. */
static int connect_to(const char *path, uint64_t deadline_ms)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), rc;

    if (fd < 0)
        return -errno;
    memcpy(address.sun_path, path, strnlen(path, sizeof(address.sun_path) - 1));
    for (;;) {
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
            return fd;
        rc = errno == ENOENT || errno == ENOTDIR ? -ECONNREFUSED : errno == EPERM ? -EACCES : -errno;
        if (rc != -EAGAIN && rc != -EINTR) /* EAGAIN: too many wait to be accepted */
            break;
        if (left(deadline_ms) == 0) {
            rc = -ETIMEDOUT;
            break;
        }
        bw_client_pause(deadline_ms);
    }
    close(fd);
    return rc;
}

/* 0 when something can be done, or -ETIMEDOUT. */
static int wait_for(int fd, short events, uint64_t deadline_ms)
{
    struct pollfd poll_fd = {.fd = fd, .events = events};

    for (;;) {
        int ms = left(deadline_ms);
        int n = poll(&poll_fd, 1, ms);

        if (n > 0)
            return 0;
        if (n == 0 && left(deadline_ms) == 0)
            return -ETIMEDOUT;
        if (n < 0 && errno != EINTR)
            return -errno;
    }
}

static int send_line(int fd, const char *line, size_t length, uint64_t deadline_ms)
{
    while (length > 0) {
        ssize_t n = send(fd, line, length, MSG_NOSIGNAL);

        if (n > 0) {
            line += n;
            length -= (size_t)n;
        } else if (errno == EAGAIN || errno == EINTR) {
            int rc = wait_for(fd, POLLOUT, deadline_ms);

            if (rc < 0)
                return rc;
        } else {
            return -errno;
        }
    }
    return 0;
}

static int read_line(int fd, char *answer, uint64_t deadline_ms)
{
    size_t used = 0;

    for (;;) {
        ssize_t n = recv(fd, answer + used, BW_CLIENT_ANSWER_MAX - used, 0);
        char *newline;

        if (n == 0)
            return -ECONNRESET;
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return -errno;
        if (n < 0) {
            int rc = wait_for(fd, POLLIN, deadline_ms);

            if (rc < 0)
                return rc;
            continue;
        }
        newline = memchr(answer + used, '\n', (size_t)n);
        if (newline != NULL)
            return (int)(newline - answer);
        used += (size_t)n;
        if (used == BW_CLIENT_ANSWER_MAX)
            return -EPROTO;
    }
}

int bw_client_exchange(const char *path, const char *line, size_t length, char *answer, uint64_t deadline_ms,
                       bool *sent)
{
    int fd = connect_to(path, deadline_ms), rc;

    if (fd < 0)
        return fd;
    rc = send_line(fd, line, length, deadline_ms);
    *sent = *sent || rc == 0;
    /* A daemon without a free place may answer and close before it has read anything. */
    if (rc == 0 || rc == -EPIPE || rc == -ECONNRESET)
        rc = read_line(fd, answer, deadline_ms);
    close(fd);
    return rc == -EPIPE ? -ECONNRESET : rc;
}
