/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The HTTP surface: libmicrohttpd, run by one thread of ours (loop.c), which reads the board and answers. Nothing here
 * waits for a client: connections that hang are ended by a timeout, and earlier by the guard when there are many.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "bellwether/log.h"
#include "bellwether/text.h"
#include "exporters/http/http.h"

#define CONNECTIONS_MAX 1024 /* unless configured */
#define TIMEOUT_S       10
/* Memory of a connection: request line and headers with a record for each, and the answer's headers. More than the
 * limits of request.c, so that what is over them is read and refused with words. A connection that says nothing touches
 * next to none of it; the 1,024 connections that are the most unless configured hold 36 MiB when all of them speak.
 * Over 32 KiB the library maps it, and so gives it back at the connection's end; from the heap it would stay in the
 * process. */
#define CONNECTION_BYTES 36864
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
    e->uri_too_long = false;
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

static bool refused_early(struct bw_exchange *e, const char *version, const char *method, const char *path,
                          struct bw_reply *reply)
{
    return bw_request_refused(e, version, reply) || bw_route_early(e, method, path, reply);
}

/* Called when the headers are here, for each piece of the body, and when all is here; again after a suspended
 * connection's resume. An answer that is queued before the body is read ends the connection, so that is only done where
 * there is a body. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *path, const char *method,
                                  const char *version, const char *data, size_t *size, void **context)
{
    struct bw_http *http = cls;
    bool uri_too_long = *context == &http->long_uri;
    struct bw_exchange *e = uri_too_long ? NULL : *context;
    struct bw_reply reply;

    path = bw_request_path(path);
    if (e == NULL) {
        e = begin(http, connection);
        *context = e;
        if (e == NULL)
            return MHD_NO;
        e->uri_too_long = uri_too_long;
        e->with_body = has_body(connection);
        return e->with_body && refused_early(e, version, method, path, &reply) ? queue(http, connection, &reply)
                                                                               : MHD_YES;
    }
    if (*size > 0) {
        take_body(e, data, *size);
        *size = 0;
        return e->body_length > UPLOAD_MAX ? MHD_NO : MHD_YES;
    }
    e->body[e->body_length < BW_HTTP_BODY_MAX ? e->body_length : BW_HTTP_BODY_MAX] = '\0';
    if ((!e->with_body && e->job == NULL && refused_early(e, version, method, path, &reply)) ||
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
    if (e == NULL || *context == &http->long_uri)
        return;
    e->peer->waiting = false;
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

/* ---- start and end ---- */

/* How many connections: at most half of the descriptors that this process may have, so that the rest of it is never
 * short of them. */
static unsigned connections_max(const struct bw_config *config)
{
    unsigned wanted = config->http.connections ? config->http.connections : CONNECTIONS_MAX;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur / 2 >= wanted)
        return wanted;
    return limit.rlim_cur >= 64 ? (unsigned)limit.rlim_cur / 2 : 32;
}

static struct MHD_Daemon *start_daemon(struct bw_http *http, unsigned connections, const struct bw_tls *tls)
{
    const struct MHD_OptionItem with_tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, tls->certificate},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, tls->key},
        {tls->ca != NULL ? MHD_OPTION_HTTPS_MEM_TRUST : MHD_OPTION_END, 0, tls->ca},
        {MHD_OPTION_END, 0, NULL},
    };
    const struct MHD_OptionItem none = {MHD_OPTION_END, 0, NULL};
    unsigned flags = MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ERROR_LOG | MHD_ALLOW_SUSPEND_RESUME;

    return MHD_start_daemon(flags | (http->tls ? MHD_USE_TLS : 0), 0, NULL, NULL, on_request, http,
                            MHD_OPTION_EXTERNAL_LOGGER, on_message, NULL, MHD_OPTION_URI_LOG_CALLBACK, bw_request_uri,
                            http, MHD_OPTION_CONNECTION_LIMIT, connections, MHD_OPTION_CONNECTION_TIMEOUT,
                            (unsigned)TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
                            MHD_OPTION_NOTIFY_COMPLETED, on_completed, http, MHD_OPTION_NOTIFY_CONNECTION,
                            on_connection, http, MHD_OPTION_ARRAY, http->tls ? with_tls : &none, MHD_OPTION_END);
}

static void set_limits(struct bw_http *http, unsigned connections)
{
    const struct bw_config *config = http->context.config;

    http->guard.limit = connections - connections / 8;
    http->guard.limit_per_address = connections / 2;
    if (config->http.connections_per_address > 0 && config->http.connections_per_address < http->guard.limit)
        http->guard.limit_per_address = config->http.connections_per_address;
    http->streams_max = config->http.streams;
}

/* Frees whatever there is of it; no thread but ours may touch it any more. */
static void release(struct bw_http *http)
{
    bw_loop_stop(http);
    if (http->daemon != NULL)
        MHD_stop_daemon(http->daemon);
    bw_listen_close(http);
    if (http->jobs != NULL)
        bw_jobs_free(http->jobs);
    bw_cache_clear(&http->cache);
    bw_board_release(http->context.board, BW_READER_HTTP);
    free(http);
}

static int start(struct bw_http *http)
{
    const struct bw_config *config = http->context.config;
    unsigned connections = connections_max(config);
    struct bw_tls tls;
    int result = bw_tls_load(config, &tls);

    if (result < 0)
        return result;
    http->tls = tls.certificate != NULL;
    http->client_certificates = tls.ca != NULL;
    set_limits(http, connections);
    result = bw_token_load(&http->token, config->http.token_file);
    if (result == 0)
        result = bw_listen_open(http);
    if (result == 0) {
        errno = 0;
        http->daemon = start_daemon(http, connections, &tls);
        if (http->daemon == NULL) {
            result = errno > 0 ? -errno : -EINVAL;
            bw_log(BW_LOG_ERROR, "http: the server does not start: %s",
                   http->tls ? "tls_certificate and tls_key cannot be used" : strerror(-result));
        }
    }
    bw_tls_free(&tls);
    if (result == 0)
        result = bw_jobs_start(http->context.mailbox, &http->jobs);
    if (result == 0) {
        result = bw_loop_start(http);
        if (result < 0)
            bw_log(BW_LOG_ERROR, "http: the server does not start: %s", strerror(-result));
        if (result < 0)
            bw_jobs_stop(http->jobs);
    }
    return result;
}

int bw_http_start(const struct bw_surface_context *context, struct bw_http **out)
{
    struct bw_http *http = calloc(1, sizeof(*http));
    int result;

    if (http == NULL)
        return -ENOMEM;
    http->context = *context;
    http->epoll = http->wake = -1;
    http->started_ns = bw_http_now_ns();
    result = start(http);
    atomic_store(&http->context.stats->http_listening, result == 0);
    if (result < 0)
        release(http);
    else
        *out = http;
    return result;
}

void bw_http_stop(struct bw_http *http)
{
    if (http == NULL)
        return;
    atomic_store(&http->context.stats->http_listening, 0);
    bw_jobs_stop(http->jobs); /* resumes what is suspended: the server must not end before */
    release(http);
}
