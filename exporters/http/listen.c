/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The addresses that the server listens on. Connections are taken here and handed to the library, so that any number of
 * addresses is served by one thread.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bellwether/log.h"
#include "bellwether/text.h"
#include "exporters/http/http.h"

#define ACCEPT_MAX 64   /* connections in one go */
#define NO_ROOM_US 5000 /* microseconds */

/* Takes "address:port" or "[address]:port" apart. */
static bool take_apart(const char *text, char *host, size_t cap, char *port, size_t port_cap)
{
    const char *colon = strrchr(text, ':');
    bool brackets = colon != NULL && text[0] == '[' && colon - text > 2 && colon[-1] == ']';
    size_t length = colon != NULL ? (size_t)(colon - text) - (brackets ? 2 : 0) : 0;

    if (length == 0 || length >= cap || colon[1] == '\0' || strlen(colon + 1) >= port_cap)
        return false;
    memcpy(host, text + (brackets ? 1 : 0), length);
    host[length] = '\0';
    bw_copy(port, port_cap, colon + 1);
    return strchr(host, ':') == NULL || brackets; /* an IPv6 address needs its brackets */
}

/* Binds; also to an address that this host does not have now: another member's, from a configuration that serves all, or
 * a virtual one. It answers as soon as it is here. */
static int bind_even_absent(int fd, const struct addrinfo *to, const char *text)
{
    int on = 1, absent;

    if (bind(fd, to->ai_addr, to->ai_addrlen) == 0)
        return 0;
    if (errno != EADDRNOTAVAIL)
        return -errno;
    absent = to->ai_family == AF_INET6 ? setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on))
                                       : setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on));
    if (absent < 0)
        return -EADDRNOTAVAIL;
    if (bind(fd, to->ai_addr, to->ai_addrlen) < 0)
        return -errno;
    bw_log(BW_LOG_WARNING, "http: this host does not have the address of %s now: it answers there once it has it", text);
    return 0;
}

/* A bound, listening, non-blocking socket, or a negative errno; logged. */
static int listen_on(const char *text)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM}, *found = NULL;
    char host[64], port[6];
    int fd, error = 0, on = 1;

    if (!take_apart(text, host, sizeof(host), port, sizeof(port)) || strtoul(port, NULL, 10) > 65535 ||
        getaddrinfo(host, port, &hints, &found) != 0) {
        bw_log(BW_LOG_ERROR,
               "http: cannot listen on \"%s\": an address and a port are needed, as 127.0.0.1:8116 or [::1]:8116",
               text);
        return -EINVAL;
    }
    fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        if (found->ai_family == AF_INET6)
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    }
    if (fd < 0)
        error = -errno;
    if (error == 0)
        error = bind_even_absent(fd, found, text);
    if (error == 0 && listen(fd, 511) < 0)
        error = -errno;
    if (error < 0) {
        bw_log(BW_LOG_ERROR, "http: cannot listen on %s: %s", text, strerror(-error));
        if (fd >= 0)
            close(fd);
        fd = error;
    }
    freeaddrinfo(found);
    return fd;
}

int bw_listen_open(struct bw_http *http)
{
    const struct bw_config *config = http->context.config;

    for (unsigned i = 0; i < 1u + config->http.listen_also_count; i++) {
        const char *text = i == 0 ? config->http.listen : config->http.listen_also[i - 1];
        int fd = listen_on(text);

        if (fd < 0) {
            bw_listen_close(http);
            return fd;
        }
        http->listens[http->listens_count++] = fd;
        bw_log(BW_LOG_INFO, "http: listening on %s%s", text, http->tls ? " (TLS)" : "");
    }
    return 0;
}

void bw_listen_close(struct bw_http *http)
{
    while (http->listens_count > 0)
        close(http->listens[--http->listens_count]);
}

void bw_listen_accept(struct bw_http *http, int fd)
{
    struct sockaddr_storage address;

    for (unsigned i = 0; i < ACCEPT_MAX; i++) {
        socklen_t length = sizeof(address);
        int client = accept4(fd, (struct sockaddr *)&address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (client < 0) {
            /* No descriptor or memory: the client keeps waiting, and this thread must not spin until there is one. */
            if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
                usleep(NO_ROOM_US);
            return;
        }
        /* On failure the library has closed it. */
        MHD_add_connection(http->daemon, client, (struct sockaddr *)&address, length);
    }
}

uint16_t bw_http_port(const struct bw_http *http)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);

    if (http->listens_count == 0 || getsockname(http->listens[0], (struct sockaddr *)&address, &length) < 0)
        return 0;
    return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)(void *)&address)->sin6_port
                                               : ((struct sockaddr_in *)(void *)&address)->sin_port);
}
