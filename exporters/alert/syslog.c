/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Syslog (RFC 5424) to the local socket, by UDP, by TCP and by TLS; and the journal, by its own protocol, so that a journald that hangs
 * keeps nobody waiting. Sockets never block, names are looked up elsewhere. Delivered means: the local socket took it; by UDP, no
 * refusal came back within a moment; by TCP and TLS, the other side's kernel acknowledged it.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "alert.h"

#define REFUSAL_NS (200 * BW_MS) /* an ICMP refusal is back by then, on a network that is worth it */

enum phase { LOOKING_UP = 1, CONNECTING, SHAKING, SENDING, WAITING };

static bool is_stream(const struct bw_attempt *a)
{
    return a->target->config.kind == BW_ALERT_SYSLOG &&
           (a->target->config.protocol == BW_ALERT_TCP || a->target->config.protocol == BW_ALERT_TLS);
}

static bool is_local(const struct bw_attempt *a)
{
    return a->target->config.kind == BW_ALERT_JOURNAL || a->target->config.server[0] == '\0';
}

static const char *where(const struct bw_attempt *a)
{
    return is_local(a) ? a->target->config.socket : a->target->config.server;
}

/* The next try goes to the next one of the server's addresses. */
static void fail_why(struct bw_attempt *a, const char *why)
{
    if (!is_local(a))
        bw_places_failed(&a->target->places);
    bw_attempt_done(a, BW_ALERT_FAILED, "%s: %s", where(a), why);
}

static void fail(struct bw_attempt *a, int error)
{
    fail_why(a, strerrordesc_np(error));
}

static void wait_for(struct bw_attempt *a, enum phase phase, short events)
{
    a->phase = phase;
    a->events = events;
}

/* ---- sockets ---- */

static int connect_socket(const struct sockaddr *address, socklen_t length, int type)
{
    int fd = socket(address->sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd >= 0 && connect(fd, address, length) != 0 && (errno != EINPROGRESS || type != SOCK_STREAM)) {
        int error = errno;

        close(fd);
        return -error;
    }
    return fd >= 0 ? fd : -errno;
}

static int connect_local(const struct bw_attempt *a)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    bw_copy(address.sun_path, sizeof(address.sun_path), a->target->config.socket);
    return connect_socket((struct sockaddr *)&address, sizeof(address), SOCK_DGRAM);
}

/* ---- what is acknowledged, and whether the other side is there ---- */

/* Has the other side closed, or said something (which syslog servers never do)? 0, or an errno, with why. */
static int look_at_peer(int fd, struct bw_tls_session *tls, char *why, size_t cap)
{
    char bytes[256];
    int error = 0;
    socklen_t length = sizeof(error);
    ssize_t n;

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0 || error == 0) {
        if (tls != NULL) {
            error = -bw_tls_session_look(tls, why, cap);
            if (error == EPROTO)
                return error;
        } else {
            while ((n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
                ;
            error = n == 0 ? ECONNRESET : errno == EAGAIN ? 0 : errno;
        }
    }
    if (error != 0)
        bw_copy(why, cap, strerrordesc_np(error));
    return error;
}

bool bw_alert_syslog_broken(struct bw_target *t)
{
    char why[128];

    return look_at_peer(t->kept_fd, t->kept_tls, why, sizeof(why)) != 0;
}

void bw_alert_syslog_close(struct bw_target *t)
{
    bw_tls_session_free(t->kept_tls);
    t->kept_tls = NULL;
    if (t->kept_fd >= 0)
        close(t->kept_fd);
    t->kept_fd = -1;
}

static void wait_on_stream(struct bw_attempt *a)
{
    struct bw_target *t = a->target;
    int unsent = 0;
    char why[192];

    if (look_at_peer(a->fd, a->tls, why, sizeof(why)) != 0) {
        fail_why(a, why);
        return;
    }
    if (ioctl(a->fd, SIOCOUTQ, &unsent) != 0 || unsent != 0)
        return;
    if (!a->is_test && t->kept_fd < 0) {
        t->kept_fd = a->fd;
        t->kept_tls = a->tls;
        a->fd = -1;
        a->tls = NULL;
    }
    bw_attempt_done(a, BW_ALERT_DELIVERED, "acknowledged by %s", where(a));
}

static void wait_on_datagram(struct bw_attempt *a)
{
    int error = 0;
    socklen_t length = sizeof(error);

    if (getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error != 0)
        fail(a, error);
    else if (bw_alert_now_ns() >= a->serial + REFUSAL_NS)
        bw_attempt_done(a, BW_ALERT_DELIVERED, "sent to %s", where(a));
}

/* ---- the steps of a try ---- */

static void send_on(struct bw_attempt *a)
{
    short events = POLLOUT;
    ssize_t n;

    if (a->tls != NULL) {
        n = bw_tls_session_send(a->tls, a->text + a->done, a->length - a->done, &events);
    } else {
        n = send(a->fd, a->text + a->done, a->length - a->done, MSG_NOSIGNAL | MSG_DONTWAIT);
        n = n < 0 ? -errno : n;
    }
    if (n < 0 && n != -EAGAIN && n != -EINTR) {
        fail(a, (int)-n);
        return;
    }
    if (n > 0)
        a->done += (size_t)n;
    if (a->done < a->length) {
        wait_for(a, SENDING, events);
        return;
    }
    if (is_local(a)) {
        bw_attempt_done(a, BW_ALERT_DELIVERED, "taken by %s", where(a));
        return;
    }
    wait_for(a, WAITING, POLLERR);
    a->serial = bw_alert_now_ns(); /* when the wait began */
}

static void shake_on(struct bw_attempt *a)
{
    char why[192];
    short events;
    int error = bw_tls_session_shake(a->tls, &events, why, sizeof(why));

    if (error == -EAGAIN)
        wait_for(a, SHAKING, events);
    else if (error != 0)
        fail_why(a, why);
    else
        send_on(a);
}

static void begin_stream(struct bw_attempt *a)
{
    char host[256], port[8], why[192];
    int error = 0;
    socklen_t length = sizeof(error);

    if (getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0 || error != 0) {
        fail(a, error != 0 ? error : errno);
        return;
    }
    if (a->target->config.protocol != BW_ALERT_TLS) {
        send_on(a);
        return;
    }
    bw_places_split(a->target->config.server, host, sizeof(host), port, sizeof(port));
    a->tls = bw_tls_session_new(&a->target->config, host, a->fd, why, sizeof(why));
    if (a->tls == NULL)
        fail_why(a, why);
    else
        shake_on(a);
}

/* To where the server is, as soon as that is known. */
static void connect_on(struct bw_attempt *a)
{
    struct bw_target *t = a->target;
    uint64_t now_ns = bw_alert_now_ns();
    bool late = now_ns + t->config.timeout_ns / 2 >= a->deadline_ns;
    const struct bw_place *place = bw_places_get(&t->places, t->config.server, is_stream(a), late, t->all->wake_fd, now_ns);

    if (place == NULL && bw_places_wait(&t->places)) {
        wait_for(a, LOOKING_UP, 0);
        return;
    }
    if (place == NULL) {
        bw_attempt_done(a, BW_ALERT_FAILED, "%s: %s", where(a), t->places.error);
        return;
    }
    a->fd = connect_socket((const struct sockaddr *)&place->address, place->length, is_stream(a) ? SOCK_STREAM : SOCK_DGRAM);
    if (a->fd < 0)
        fail(a, -a->fd);
    else if (is_stream(a))
        wait_for(a, CONNECTING, POLLOUT);
    else
        send_on(a);
}

static void begin(struct bw_attempt *a, const struct bw_alert_message *m, unsigned count)
{
    struct bw_target *t = a->target;

    (void)count;
    a->done = 0;
    a->text = bw_alert_syslog_text(t, m, &a->length);
    if (a->text == NULL) {
        bw_attempt_done(a, BW_ALERT_FAILED, "out of memory");
        return;
    }
    if (is_stream(a) && !a->is_test && t->kept_fd >= 0) {
        a->fd = t->kept_fd;
        a->tls = t->kept_tls;
        t->kept_fd = -1;
        t->kept_tls = NULL;
        send_on(a);
    } else if (!is_local(a)) {
        connect_on(a);
    } else {
        a->fd = connect_local(a);
        if (a->fd < 0)
            fail(a, -a->fd);
        else
            send_on(a);
    }
}

static void ready(struct bw_attempt *a, short revents)
{
    if (a->phase == LOOKING_UP)
        connect_on(a);
    else if (a->phase == WAITING && is_stream(a))
        wait_on_stream(a);
    else if (a->phase == WAITING)
        wait_on_datagram(a);
    else if (revents != 0 && a->phase == CONNECTING)
        begin_stream(a);
    else if (revents != 0 && a->phase == SHAKING)
        shake_on(a);
    else if (revents != 0 && a->phase == SENDING)
        send_on(a);
}

static void end(struct bw_attempt *a)
{
    bw_tls_session_free(a->tls);
    a->tls = NULL;
    if (a->fd >= 0)
        close(a->fd);
    a->fd = -1;
}

const struct bw_alert_transport bw_transport_syslog = {begin, ready, end};
