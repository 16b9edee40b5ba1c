/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TCP: a connection, and with `match` what the server says first. It is ended by a reset, so that nothing of it lingers here. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/monitor/monitor.h"
#include "bellwether/text.h"

static void end(struct bw_monitor *m)
{
    const struct linger reset = {1, 0};

    if (m->tcp.source.fd >= 0)
        (void)!setsockopt(m->tcp.source.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    bw_source_close(&m->tcp.source);
}

static void fail(struct bw_monitor *m, int error)
{
    end(m);
    bw_monitor_done(m, false, "%s: %s", m->tcp.connected ? "connection" : "no connection", strerrordesc_np(error));
}

static void read_greeting(struct bw_monitor *m)
{
    struct bw_tcp_state *t = &m->tcp;
    ssize_t n;

    while (t->length < sizeof(t->got)) {
        n = recv(t->source.fd, t->got + t->length, sizeof(t->got) - t->length, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n < 0) {
            fail(m, errno);
            return;
        }
        t->length += (size_t)n;
        if (memmem(t->got, t->length, m->config->match, strlen(m->config->match)) != NULL) {
            end(m);
            bw_monitor_done(m, true, "answers as wanted in %.1f ms", bw_monitor_took_ms(m));
            return;
        }
        if (n == 0)
            break;
    }
    end(m);
    bw_monitor_done(m, false, "what the server says first does not hold the text wanted");
}

static void ready(struct bw_source *source, uint32_t events)
{
    struct bw_monitor *m = source->owner;
    int error = 0;
    socklen_t length = sizeof(error);

    (void)events;
    if (m->tcp.connected) {
        read_greeting(m);
        return;
    }
    if (getsockopt(source->fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
        error = errno;
    if (error != 0) {
        fail(m, error);
        return;
    }
    if (!(events & EPOLLOUT))
        return;
    m->tcp.connected = true;
    if (m->config->match[0] != '\0') {
        bw_source_watch(m->all, source, EPOLLIN);
        return;
    }
    end(m);
    bw_monitor_done(m, true, "connects in %.1f ms", bw_monitor_took_ms(m));
}

static int open_tcp(struct bw_monitor *m)
{
    m->tcp.source = (struct bw_source){-1, ready, m};
    return 0;
}

static int start_connect(struct bw_monitor *m)
{
    const struct bw_address *address = &m->config->address;
    struct sockaddr_in to4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)m->config->port)};
    struct sockaddr_in6 to6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)m->config->port)};
    const struct sockaddr *to = address->family == 4 ? (struct sockaddr *)&to4 : (struct sockaddr *)&to6;
    socklen_t length = address->family == 4 ? sizeof(to4) : sizeof(to6);

    memcpy(&to4.sin_addr, address->bytes, 4);
    memcpy(&to6.sin6_addr, address->bytes, 16);
    m->tcp.source.fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (m->tcp.source.fd < 0)
        return -errno;
    if (connect(m->tcp.source.fd, to, length) != 0 && errno != EINPROGRESS)
        return -errno;
    return bw_source_watch(m->all, &m->tcp.source, EPOLLOUT);
}

static void begin_tcp(struct bw_monitor *m)
{
    int error;

    m->tcp.connected = false;
    m->tcp.length = 0;
    error = start_connect(m);
    if (error != 0)
        fail(m, -error);
}

static void late_tcp(struct bw_monitor *m)
{
    bool connected = m->tcp.connected;

    end(m);
    bw_monitor_done(m, false, "%s within %lu ms", connected ? "it does not say the text wanted" : "no connection",
                    (unsigned long)(m->config->timeout_ns / BW_MS));
}

const struct bw_monitor_ops bw_monitor_tcp = {.open = open_tcp, .begin = begin_tcp, .late = late_tcp, .close = end};
