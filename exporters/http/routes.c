/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which URL is what. Two questions per request: can it be refused before its body is read, and, once the whole of it is
 * here, what is the answer. Paths that change something are actions.c's.
 */
#include <stdlib.h>
#include <string.h>

#include "exporters/http/http.h"

#define READ_METHODS "GET, HEAD, OPTIONS"

static struct bw_reply get_page(struct bw_exchange *e, const char *rest)
{
    (void)rest;
    return bw_reply_page(e->http, false);
}

static struct bw_reply get_all(struct bw_exchange *e, const char *rest)
{
    (void)rest;
    return bw_reply_page(e->http, true);
}

#define NAMES_MAX 64 /* name[]= in one request */

struct names {
    const char *wanted[NAMES_MAX];
    unsigned count;
    bool too_many;
};

static enum MHD_Result on_argument(void *cls, enum MHD_ValueKind kind, const char *key, const char *value)
{
    struct names *names = cls;

    (void)kind;
    if (strcmp(key, "name[]") != 0 && strcmp(key, "name") != 0)
        return MHD_YES;
    if (names->count == NAMES_MAX) {
        names->too_many = true;
        return MHD_NO;
    }
    names->wanted[names->count++] = value ? value : "";
    return MHD_YES;
}

static struct bw_reply get_metrics(struct bw_exchange *e, const char *rest)
{
    enum bw_metrics_format format =
        bw_accept_metrics(MHD_lookup_connection_value(e->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT));
    struct names names = {.count = 0};

    (void)rest;
    MHD_get_connection_values(e->connection, MHD_GET_ARGUMENT_KIND, on_argument, &names);
    if (names.too_many)
        return bw_reply_error(e->http, MHD_HTTP_BAD_REQUEST, "name[]: at most %d names are allowed", NAMES_MAX);
    return bw_reply_metrics(e->http, format, names.wanted, names.count);
}

static struct bw_reply get_schema(struct bw_exchange *e, const char *rest)
{
    (void)rest;
    return bw_reply_schema(e->http);
}

static struct bw_reply get_discovery(struct bw_exchange *e, const char *rest)
{
    (void)rest;
    return bw_reply_discovery(e->http);
}

static bool read_number(const char *text, uint64_t *number)
{
    size_t length = strlen(text);

    if (length == 0 || length > 18 || strspn(text, "0123456789") != length)
        return false;
    *number = strtoull(text, NULL, 10);
    return true;
}

/* Goes on where Last-Event-ID says, which browsers send by themselves; else where ?since= says; else from now on. */
static struct bw_reply get_events(struct bw_exchange *e, const char *rest)
{
    const char *id = MHD_lookup_connection_value(e->connection, MHD_HEADER_KIND, "Last-Event-ID");
    const char *since = MHD_lookup_connection_value(e->connection, MHD_GET_ARGUMENT_KIND, "since");
    uint64_t number = UINT64_MAX;

    (void)rest;
    if (id != NULL && !read_number(id, &number))
        return bw_reply_error(e->http, MHD_HTTP_BAD_REQUEST, "Last-Event-ID: the number of an event is allowed");
    if (id == NULL && since != NULL && !read_number(since, &number))
        return bw_reply_error(e->http, MHD_HTTP_BAD_REQUEST, "since: the number of an event is allowed");
    return bw_reply_events(e->http, e->connection, e->peer, number);
}

static struct bw_reply get_asset(struct bw_exchange *e, const char *rest)
{
    return bw_reply_asset(e->http, rest);
}

static struct bw_reply get_live(struct bw_exchange *e, const char *rest)
{
    (void)rest;
    return bw_reply_health(e->http, BW_HEALTH_LIVE);
}

static struct bw_reply get_ready(struct bw_exchange *e, const char *rest)
{
    (void)rest;
    return bw_reply_health(e->http, BW_HEALTH_READY);
}

static struct bw_reply get_active(struct bw_exchange *e, const char *rest)
{
    (void)rest;
    return bw_reply_health(e->http, BW_HEALTH_ACTIVE);
}

static struct bw_reply get_standby(struct bw_exchange *e, const char *rest)
{
    (void)rest;
    return bw_reply_health(e->http, BW_HEALTH_STANDBY);
}

static struct bw_reply get_history(struct bw_exchange *e, const char *rest)
{
    const char *text = MHD_lookup_connection_value(e->connection, MHD_GET_ARGUMENT_KIND, "limit");
    unsigned long limit = 0;
    char *end = NULL;

    (void)rest;
    if (text != NULL) {
        if (strlen(text) <= 9 && text[0] >= '0' && text[0] <= '9')
            limit = strtoul(text, &end, 10);
        if (limit == 0 || end == NULL || *end != '\0')
            return bw_reply_error(e->http, MHD_HTTP_BAD_REQUEST, "limit: a number from 1 is allowed");
    }
    return bw_reply_object(e->http, "history", limit >= BW_MAX_HISTORY ? 0 : (uint32_t)limit);
}

static struct bw_reply get_object(struct bw_exchange *e, const char *rest)
{
    return bw_reply_object(e->http, rest, 0);
}

static const struct route {
    const char *path; /* one that ends in * stands for all that begin so; rest is what comes there */
    struct bw_reply (*get)(struct bw_exchange *e, const char *rest);
} routes[] = {
    {"/metrics", get_metrics},
    {"/health/live", get_live},
    {"/health/ready", get_ready},
    {"/health/active", get_active},
    {"/health/standby", get_standby},
    {"/api/v1/history", get_history},
    {"/api/v1/schema", get_schema},
    {"/api/v1/events", get_events},
    {"/sd", get_discovery},
    {"/api/v1/*", get_object},
    {"/", get_page},
    {"/all", get_all},
};

static const struct route asset = {"", get_asset};

static const struct route *find(const char *path, const char **rest)
{
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        size_t length = strlen(routes[i].path);

        *rest = "";
        if (strcmp(routes[i].path, path) == 0)
            return &routes[i];
        if (routes[i].path[length - 1] != '*' || strncmp(routes[i].path, path, length - 1) != 0)
            continue;
        *rest = path + length - 1;
        if (bw_api_exists(*rest))
            return &routes[i];
    }
    *rest = path;
    return bw_asset_find(path) != NULL ? &asset : NULL;
}

static bool is_read(const char *method)
{
    return strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
}

/* Is method one of the list "A, B"? */
static bool allows(const char *list, const char *method)
{
    size_t length = strlen(method);

    for (const char *p = list; p != NULL; p = strchr(p, ' '), p = p ? p + 1 : NULL)
        if (length > 0 && strncmp(p, method, length) == 0 && (p[length] == ',' || p[length] == '\0'))
            return true;
    return false;
}

/* Load balancers ask the health URLs by OPTIONS, too: there it is answered as GET is. */
static struct bw_reply options(struct bw_exchange *e, const char *path, const char *allow)
{
    const char *rest;
    const struct route *route = strncmp(path, "/health/", 8) == 0 ? find(path, &rest) : NULL;
    struct bw_reply reply = route != NULL ? route->get(e, rest) : bw_reply_options(allow);

    if (route != NULL && reply.response != NULL)
        MHD_add_response_header(reply.response, MHD_HTTP_HEADER_ALLOW, allow);
    return reply;
}

int bw_route_early(struct bw_exchange *exchange, const char *method, const char *path, struct bw_reply *reply)
{
    const char *length =
        MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    const char *actions = bw_action_methods(path), *rest;
    const char *allow = actions ? actions : READ_METHODS;
    char why[BW_TEXT_MAX];

    if (exchange->http->client_certificates && !bw_tls_client_good(exchange->connection, why, sizeof(why))) {
        *reply = bw_reply_error(exchange->http, MHD_HTTP_FORBIDDEN, "%s", why);
        return 1;
    }
    if (strcmp(method, MHD_HTTP_METHOD_OPTIONS) == 0 && strcmp(path, "*") == 0) {
        *reply = bw_reply_options(READ_METHODS);
    } else if (actions == NULL && find(path, &rest) == NULL) {
        *reply = bw_reply_error(exchange->http, MHD_HTTP_NOT_FOUND, "there is nothing at %.100s", path);
    } else if (strcmp(method, MHD_HTTP_METHOD_OPTIONS) == 0) {
        *reply = options(exchange, path, allow);
    } else if (!allows(allow, method)) {
        *reply =
            bw_reply_error(exchange->http, MHD_HTTP_METHOD_NOT_ALLOWED, "%.20s is not allowed here: %s", method, allow);
        if (reply->response != NULL)
            MHD_add_response_header(reply->response, MHD_HTTP_HEADER_ALLOW, allow);
    } else if (length != NULL && strtoull(length, NULL, 10) > BW_HTTP_BODY_MAX) {
        *reply = bw_reply_error(exchange->http, MHD_HTTP_CONTENT_TOO_LARGE, "a request's body has at most %d bytes",
                                BW_HTTP_BODY_MAX);
    } else {
        return actions != NULL ? bw_action_refused(exchange, reply) : 0;
    }
    return 1;
}

int bw_route(struct bw_exchange *exchange, const char *method, const char *path, struct bw_reply *reply)
{
    const char *rest;
    const struct route *route;

    if (exchange->body_length > BW_HTTP_BODY_MAX) {
        *reply = bw_reply_error(exchange->http, MHD_HTTP_CONTENT_TOO_LARGE, "a request's body has at most %d bytes",
                                BW_HTTP_BODY_MAX);
        return 1;
    }
    if (!is_read(method))
        return bw_action(exchange, method, path, reply);
    route = find(path, &rest);
    *reply = route->get(exchange, rest);
    bw_reply_conditional(exchange->connection, reply);
    return 1;
}
