/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The HTTP surface: libmicrohttpd with one polling thread of its own (epoll), which reads the board and answers.
 * Nothing here waits for a client: connections that hang are ended by a timeout, and earlier by the guard when there
 * are many.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bellwether/log.h"
#include "bellwether/text.h"
#include "exporters/http/http.h"

#define CONNECTIONS_MAX  1024
#define TIMEOUT_S        10
#define CONNECTION_BYTES 8192 /* request line and headers, answer's headers */
#define STACK_BYTES      (512 << 10)
#define UPLOAD_MAX       65536 /* a body that goes on beyond this (chunked) has its connection cut */

/* ---- one request ---- */

static enum MHD_Result queue(struct bw_http *http, struct MHD_Connection *connection, struct bw_reply *reply)
{
    static const char busy[] = "{\"error\":\"too many answers wait for slow clients\"}\n";
    enum MHD_Result result;

    if (reply->response == NULL) {
        reply->status = MHD_HTTP_SERVICE_UNAVAILABLE;
        reply->shared = reply->quiet = false;
        reply->response = MHD_create_response_from_buffer(sizeof(busy) - 1, (void *)busy, MHD_RESPMEM_PERSISTENT);
        if (reply->response == NULL)
            return MHD_NO;
        MHD_add_response_header(reply->response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
    }
    result = MHD_queue_response(connection, reply->status, reply->response);
    if (!reply->shared)
        MHD_destroy_response(reply->response);
    atomic_fetch_add_explicit(&http->context.stats->http_requests, 1, memory_order_relaxed);
    if (reply->status >= 400 && !reply->quiet)
        atomic_fetch_add_explicit(&http->context.stats->http_errors, 1, memory_order_relaxed);
    return result;
}

static struct bw_exchange *begin(struct bw_http *http, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct bw_exchange *e = malloc(sizeof(*e));

    if (e == NULL || info == NULL || info->socket_context == NULL) {
        free(e);
        return NULL;
    }
    e->http = http;
    e->connection = connection;
    e->peer = info->socket_context;
    e->job = NULL;
    e->body_length = 0;
    return e;
}

/* Keeps what fits of a piece of the body. */
static void take_body(struct bw_exchange *e, const char *data, size_t size)
{
    size_t room = e->body_length < BW_HTTP_BODY_MAX ? BW_HTTP_BODY_MAX - e->body_length : 0;

    memcpy(e->body + (BW_HTTP_BODY_MAX - room), data, size < room ? size : room);
    e->body_length += size;
}

static bool has_body(struct MHD_Connection *connection)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH) != NULL ||
           MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_TRANSFER_ENCODING) != NULL;
}

/* Called when the headers are here, for each piece of the body, and when all is here; again after a suspended
 * connection's resume. An answer that is queued before the body is read ends the connection, so that is only done where
 * there is a body. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *path, const char *method,
                                  const char *version, const char *data, size_t *size, void **context)
{
    struct bw_http *http = cls;
    struct bw_exchange *e = *context;
    struct bw_reply reply;

    (void)version;
    if (e == NULL) {
        e = begin(http, connection);
        *context = e;
        if (e == NULL)
            return MHD_NO;
        e->with_body = has_body(connection);
        return e->with_body && bw_route_early(e, method, path, &reply) ? queue(http, connection, &reply) : MHD_YES;
    }
    if (*size > 0) {
        take_body(e, data, *size);
        *size = 0;
        return e->body_length > UPLOAD_MAX ? MHD_NO : MHD_YES;
    }
    e->body[e->body_length < BW_HTTP_BODY_MAX ? e->body_length : BW_HTTP_BODY_MAX] = '\0';
    if ((!e->with_body && e->job == NULL && bw_route_early(e, method, path, &reply)) ||
        bw_route(e, method, path, &reply))
        return queue(http, connection, &reply);
    return MHD_YES;
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
    struct bw_http *http = cls;
    struct bw_exchange *e = *context;

    (void)connection;
    if (e == NULL)
        return;
    if (code == MHD_REQUEST_TERMINATED_COMPLETED_OK)
        bw_guard_used(&http->guard, e->peer);
    free(e->job);
    free(e);
    *context = NULL;
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct bw_http *http = cls;
    const union MHD_ConnectionInfo *fd, *address;

    if (!http->named) {
        http->named = true;
        pthread_setname_np(pthread_self(), "bw-http");
    }
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        address = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
        *context = bw_guard_open(&http->guard, fd->connect_fd, address ? address->client_addr : NULL);
    } else if (*context != NULL) {
        bw_guard_close(&http->guard, *context);
        *context = NULL;
    }
}

static void on_message(void *cls, const char *format, va_list args)
{
    char text[256];

    (void)cls;
    vsnprintf(text, sizeof(text), format, args);
    text[strcspn(text, "\n")] = '\0';
    bw_log(BW_LOG_DEBUG, "http: %s", text);
}

/* ---- listening ---- */

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

/* A bound, listening, non-blocking socket, or a negative errno; logged. */
static int listen_on(const char *text)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM}, *found = NULL;
    char host[64], port[6];
    int fd, error, on = 1;

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
    if (fd < 0 || bind(fd, found->ai_addr, found->ai_addrlen) < 0 || listen(fd, 511) < 0) {
        error = errno;
        bw_log(BW_LOG_ERROR, "http: cannot listen on %s: %s", text, strerror(error));
        if (fd >= 0)
            close(fd);
        fd = -error;
    }
    freeaddrinfo(found);
    return fd;
}

uint16_t bw_http_port(const struct bw_http *http)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_LISTEN_FD);
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);

    if (info == NULL || getsockname(info->listen_fd, (struct sockaddr *)&address, &length) < 0)
        return 0;
    return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)(void *)&address)->sin6_port
                                               : ((struct sockaddr_in *)(void *)&address)->sin_port);
}

/* ---- start and end ---- */

/* How many connections: at most half of the descriptors that this process may have, so that the rest of it is never
 * short of them. */
static unsigned connections_max(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur / 2 >= CONNECTIONS_MAX)
        return CONNECTIONS_MAX;
    return limit.rlim_cur >= 64 ? (unsigned)limit.rlim_cur / 2 : 32;
}

static struct MHD_Daemon *start_daemon(struct bw_http *http, int fd, unsigned connections)
{
    return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
                            on_request, http, MHD_OPTION_EXTERNAL_LOGGER, on_message, NULL, MHD_OPTION_LISTEN_SOCKET,
                            fd, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_CONNECTION_LIMIT, connections,
                            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                            (size_t)CONNECTION_BYTES, MHD_OPTION_THREAD_STACK_SIZE, (size_t)STACK_BYTES,
                            MHD_OPTION_NOTIFY_COMPLETED, on_completed, http, MHD_OPTION_NOTIFY_CONNECTION,
                            on_connection, http, MHD_OPTION_END);
}

int bw_http_start(const struct bw_surface_context *context, struct bw_http **out)
{
    struct bw_http *http = calloc(1, sizeof(*http));
    unsigned connections = connections_max();
    struct timespec now;
    int result, fd = -1;

    if (http == NULL)
        return -ENOMEM;
    http->context = *context;
    http->guard.limit = connections - connections / 8;
    http->guard.limit_per_address = connections / 2;
    clock_gettime(CLOCK_BOOTTIME, &now);
    http->started_ns = (uint64_t)now.tv_sec * BW_SEC + (uint64_t)now.tv_nsec;
    result = bw_token_load(&http->token, context->config->http.token_file);
    if (result == 0)
        result = bw_jobs_start(context->mailbox, &http->jobs);
    if (result < 0)
        goto out;
    fd = listen_on(context->config->http.listen);
    result = fd;
    if (result < 0)
        goto out;
    http->daemon = start_daemon(http, fd, connections);
    if (http->daemon == NULL) {
        result = errno > 0 ? -errno : -ENOMEM;
        bw_log(BW_LOG_ERROR, "http: the server does not start: %s", strerror(-result));
        goto out;
    }
    bw_log(BW_LOG_INFO, "http: listening on %s", context->config->http.listen);
    *out = http;
    return 0;
out:
    if (fd >= 0)
        close(fd);
    if (http->jobs != NULL) {
        bw_jobs_stop(http->jobs);
        bw_jobs_free(http->jobs);
    }
    free(http);
    return result;
}

void bw_http_stop(struct bw_http *http)
{
    if (http == NULL)
        return;
    bw_jobs_stop(http->jobs); /* resumes what is suspended: the server must not end before */
    MHD_stop_daemon(http->daemon);
    bw_jobs_free(http->jobs);
    bw_cache_clear(&http->cache);
    bw_board_release(http->context.board, BW_READER_HTTP);
    free(http);
}
