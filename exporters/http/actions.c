/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests that change something: the token is checked first, then path and body become a request to the engine, and
 * its answer a status. jobs.c waits for the engine meanwhile.
 */
#include <arpa/inet.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bellwether/json.h"
#include "bellwether/text.h"
#include "exporters/http/http.h"

#define TIMEOUT_MAX_S 31536000

/* ---- from path and body to a request ---- */

/* What an action's path says. */
struct target {
    char name[3 * BW_NAME_MAX]; /* member, group or pnote; longer ones name nothing */
    const char *verb;           /* after it, or "" */
};

/* Builds the request. 0, or a status with *why. */
typedef unsigned (*builder)(struct bw_exchange *e, const struct target *t, struct json_object *body, struct bw_job *job,
                            const char **why);

static unsigned find_member(struct bw_exchange *e, const char *text, uint32_t *id, const char **why)
{
    const struct bw_cluster_config *c = &e->http->context.config->cluster;
    char number[12];

    for (unsigned i = 0; i < c->members_count; i++) {
        bw_format(number, sizeof(number), "%u", c->members[i].id);
        if (strcmp(text, c->members[i].name) == 0 || strcmp(text, number) == 0) {
            *id = c->members[i].id;
            return 0;
        }
    }
    *why = "there is no such member";
    return MHD_HTTP_NOT_FOUND;
}

/* ?name=true or false; not there: false. False for anything else: what was meant must not be guessed. */
static bool read_switch(struct bw_exchange *e, const char *name, bool *on)
{
    const char *value = NULL;

    *on = false;
    if (MHD_lookup_connection_value_n(e->connection, MHD_GET_ARGUMENT_KIND, name, strlen(name), &value, NULL) !=
        MHD_YES)
        return true;
    *on = value != NULL && strcmp(value, "true") == 0;
    return *on || (value != NULL && strcmp(value, "false") == 0);
}

static unsigned build_admin(struct bw_exchange *e, const struct target *t, struct json_object *body, struct bw_job *job,
                            const char **why)
{
    bool force;

    (void)body;
    *why = "force: true or false is allowed";
    if (!read_switch(e, "force", &force))
        return MHD_HTTP_BAD_REQUEST;
    job->request.kind = BW_REQUEST_ADMIN;
    if (bw_enum_value(&bw_enum_admin_state, t->verb, &job->request.admin) != 0)
        return MHD_HTTP_NOT_FOUND;
    if (job->request.admin == BW_ADMIN_DOWN && force)
        job->request.admin = BW_ADMIN_FORCE_DOWN;
    return find_member(e, t->name, &job->request.member, why);
}

static unsigned build_group(struct bw_exchange *e, const struct target *t, struct json_object *body, struct bw_job *job,
                            const char **why)
{
    const struct bw_cluster_config *c = &e->http->context.config->cluster;
    struct json_object *to = NULL;

    job->request.kind = strcmp(t->verb, "move") == 0    ? BW_REQUEST_GROUP_MOVE
                        : strcmp(t->verb, "start") == 0 ? BW_REQUEST_GROUP_START
                                                        : BW_REQUEST_GROUP_STOP;
    for (unsigned i = 0; i < c->groups_count; i++)
        if (strcmp(t->name, c->groups[i].name) == 0)
            job->request.group = i + 1;
    *why = "there is no such group";
    if (job->request.group == 0)
        return MHD_HTTP_NOT_FOUND;
    json_object_object_get_ex(body, "to", &to);
    *why = "to: the id or name of a member is needed";
    if (to == NULL)
        return job->request.kind == BW_REQUEST_GROUP_MOVE ? MHD_HTTP_BAD_REQUEST : 0;
    return find_member(e, json_object_get_string(to), &job->request.member, why);
}

static unsigned build_report(struct bw_exchange *e, const struct target *t, struct json_object *body,
                             struct bw_job *job, const char **why)
{
    struct json_object *status = NULL, *detail = NULL, *timeout = NULL;
    double seconds;

    (void)e;
    (void)t;
    job->request.kind = BW_REQUEST_PNOTE_REPORT;
    job->create = true;
    job->request.timeout_ns = UINT64_MAX;
    *why = "status: ok, init or problem is needed";
    if (!json_object_object_get_ex(body, "status", &status) || !json_object_is_type(status, json_type_string) ||
        bw_enum_value(&bw_enum_pnote_status, json_object_get_string(status), &job->request.status) != 0 ||
        job->request.status == BW_PNOTE_UNKNOWN)
        return MHD_HTTP_BAD_REQUEST;
    *why = "detail: a text is allowed";
    if (json_object_object_get_ex(body, "detail", &detail) && !json_object_is_type(detail, json_type_string))
        return MHD_HTTP_BAD_REQUEST;
    bw_copy(job->request.text, sizeof(job->request.text), detail ? json_object_get_string(detail) : "");
    *why = "timeout: seconds from 0 (none) to 31536000 are allowed";
    if (json_object_object_get_ex(body, "timeout", &timeout)) {
        seconds = json_object_get_double(timeout);
        if ((!json_object_is_type(timeout, json_type_int) && !json_object_is_type(timeout, json_type_double)) ||
            !(seconds >= 0 && seconds <= TIMEOUT_MAX_S))
            return MHD_HTTP_BAD_REQUEST;
        job->request.timeout_ns = (uint64_t)(seconds * (double)BW_SEC);
    }
    return 0;
}

static unsigned build_unregister(struct bw_exchange *e, const struct target *t, struct json_object *body,
                                 struct bw_job *job, const char **why)
{
    (void)t;
    (void)body;
    *why = "persistent: true or false is allowed";
    job->request.kind = BW_REQUEST_PNOTE_UNREGISTER;
    return read_switch(e, "persistent", &job->request.persistent) ? 0 : MHD_HTTP_BAD_REQUEST;
}

static unsigned build_reset(struct bw_exchange *e, const struct target *t, struct json_object *body, struct bw_job *job,
                            const char **why)
{
    (void)e;
    (void)t;
    (void)body;
    (void)why;
    job->request.kind = BW_REQUEST_COUNTERS_RESET;
    return 0;
}

/* verb NULL: the name is the rest of the path. */
static const struct action {
    const char *prefix, *verb, *method, *allow;
    const char *keys; /* that the body may have, each between blanks */
    builder build;
} actions[] = {
    {"/api/v1/members/", "down", "POST", "POST, OPTIONS", " ", build_admin},
    {"/api/v1/members/", "up", "POST", "POST, OPTIONS", " ", build_admin},
    {"/api/v1/members/", "maintenance", "POST", "POST, OPTIONS", " ", build_admin},
    {"/api/v1/groups/", "move", "POST", "POST, OPTIONS", " to ", build_group},
    {"/api/v1/groups/", "start", "POST", "POST, OPTIONS", " to ", build_group},
    {"/api/v1/groups/", "stop", "POST", "POST, OPTIONS", " to ", build_group},
    {"/api/v1/sync/", "reset", "POST", "POST, OPTIONS", " ", build_reset},
    {"/api/v1/pnotes/", NULL, "PUT", "PUT, DELETE, OPTIONS", " status detail timeout ", build_report},
    {"/api/v1/pnotes/", NULL, "DELETE", "PUT, DELETE, OPTIONS", " ", build_unregister},
};

/* Does the path fit? Then *t is set. */
static bool fits(const struct action *action, const char *path, struct target *t)
{
    size_t prefix = strlen(action->prefix), length = strlen(path), verb = action->verb ? strlen(action->verb) : 0;
    const char *name = path + prefix;

    if (strncmp(path, action->prefix, prefix) != 0 || length <= prefix)
        return false;
    length -= prefix;
    t->verb = action->verb ? action->verb : "";
    if (action->verb != NULL) { /* NAME/verb; or, where nothing is named, the verb alone */
        if (strcmp(action->prefix, "/api/v1/sync/") == 0)
            return strcmp(name, action->verb) == 0;
        if (length < verb + 2 || strcmp(name + length - verb, action->verb) != 0 || name[length - verb - 1] != '/')
            return false;
        length -= verb + 1;
    }
    if (length >= sizeof(t->name))
        return false;
    memcpy(t->name, name, length);
    t->name[length] = '\0';
    return true;
}

const char *bw_action_methods(const char *path)
{
    struct target t = {{0}, NULL};

    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
        if (fits(&actions[i], path, &t))
            return actions[i].allow;
    return NULL;
}

static const struct action *find(const char *method, const char *path, struct target *t)
{
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
        if (strcmp(actions[i].method, method) == 0 && fits(&actions[i], path, t))
            return &actions[i];
    return NULL;
}

/* The body as an object with allowed keys only; an empty body is an empty object. NULL: not so. */
static struct json_object *parse(const struct bw_exchange *e, const char *keys)
{
    struct json_tokener *tokener;
    struct json_object *json;
    char key[40];

    if (e->body_length == 0)
        return json_object_new_object();
    tokener = json_tokener_new_ex(4);
    if (tokener == NULL)
        return NULL;
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    json = json_tokener_parse_ex(tokener, e->body, (int)e->body_length + 1); /* with its NUL: the end */
    json_tokener_free(tokener);
    if (!json_object_is_type(json, json_type_object)) {
        json_object_put(json);
        return NULL;
    }
    json_object_object_foreach(json, name, value)
    {
        (void)value;
        snprintf(key, sizeof(key), " %.30s ", name);
        if (strstr(keys, key) == NULL) {
            json_object_put(json);
            return NULL;
        }
    }
    return json;
}

/* ---- the exchange ---- */

static void who(struct bw_exchange *e, char *text, size_t cap)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(e->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info ? info->client_addr : NULL;
    char host[INET6_ADDRSTRLEN] = "?";

    if (address != NULL && address->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)address)->sin_addr, host, sizeof(host));
    else if (address != NULL && address->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, host, sizeof(host));
    bw_format(text, cap, "http %s", host);
}

static struct bw_reply answer_reply(struct bw_http *http, const struct bw_answer *answer)
{
    static const struct {
        unsigned status;
        const char *text;
    } results[] = {
        [BW_RESULT_DONE] = {MHD_HTTP_OK, "done"},
        [BW_RESULT_PENDING] = {MHD_HTTP_ACCEPTED, "pending"},
        [BW_RESULT_REFUSED] = {MHD_HTTP_CONFLICT, "refused"},
        [BW_RESULT_INVALID] = {MHD_HTTP_BAD_REQUEST, "invalid"},
        [BW_RESULT_NOT_FOUND] = {MHD_HTTP_NOT_FOUND, "not found"},
        [BW_RESULT_TIMEOUT] = {MHD_HTTP_SERVICE_UNAVAILABLE, "no answer in time"},
        [BW_RESULT_BUSY] = {MHD_HTTP_SERVICE_UNAVAILABLE, "too many requests wait"},
    };
    unsigned r = answer->result <= BW_RESULT_BUSY && answer->result > 0 ? answer->result : BW_RESULT_TIMEOUT;
    struct json_object *json;

    if (results[r].status >= 400)
        return bw_reply_error(http, results[r].status, "%s", answer->text[0] ? answer->text : results[r].text);
    json = json_object_new_object();
    if (json != NULL) {
        json_object_object_add(json, "result", json_object_new_string(results[r].text));
        json_object_object_add(json, "text", bw_json_text(answer->text, sizeof(answer->text)));
    }
    return bw_reply_json(http, results[r].status, json);
}

int bw_action(struct bw_exchange *e, const char *method, const char *path, struct bw_reply *reply)
{
    struct target t = {{0}, NULL};
    const struct action *action = find(method, path, &t);
    const char *why = "the body must be a JSON object";
    struct json_object *body;
    struct bw_job *job;
    unsigned status = MHD_HTTP_BAD_REQUEST;

    if (e->job != NULL) { /* resumed */
        e->peer->waiting = false;
        bw_store_qualify(&e->http->context, &e->job->request, &e->job->answer);
        *reply = answer_reply(e->http, &e->job->answer);
        return 1;
    }
    job = calloc(1, sizeof(*job));
    body = action != NULL && job != NULL ? parse(e, action->keys) : NULL;
    if (body != NULL) {
        job->connection = e->connection;
        who(e, job->request.who, sizeof(job->request.who));
        why = "the name is too long";
        if (bw_copy(job->request.name, sizeof(job->request.name), t.name))
            status = action->build(e, &t, body, job, &why);
        json_object_put(body);
    } else if (action != NULL) {
        *reply =
            bw_reply_error(e->http, status, "the body must be a JSON object with these keys only:%s", action->keys);
        free(job);
        return 1;
    }
    if (status == 0) {
        e->job = job;
        e->peer->waiting = true;
        if (bw_jobs_submit(e->http->jobs, job))
            return 0;
        e->peer->waiting = false;
        e->job = NULL;
        status = MHD_HTTP_SERVICE_UNAVAILABLE;
        why = "too many requests wait";
    }
    free(job);
    *reply = bw_reply_error(e->http, status, "%s", why);
    return 1;
}

bool bw_token_offered(struct bw_http *http)
{
    char path[BW_PATH_MAX];

    bw_reload_token_file(http->context.reload, http->context.config, path);
    bw_token_refresh(&http->token, path);
    return http->token.usable;
}

int bw_action_refused(struct bw_exchange *exchange, struct bw_reply *reply)
{
    struct bw_http *http = exchange->http;
    const char *header =
        MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);
    uint64_t now = bw_http_now_ns();
    unsigned wait = bw_login_wait(&http->logins, exchange->peer->address, now);
    char text[12];

    if (!bw_token_offered(http)) {
        *reply = bw_reply_error(http, MHD_HTTP_FORBIDDEN,
                                "nothing can be changed here: the configuration names no usable http.token_file");
        return 1;
    }
    if (header != NULL && wait > 0) {
        *reply = bw_reply_error(http, MHD_HTTP_TOO_MANY_REQUESTS,
                                "too many wrong tokens came from this address: wait %u s", wait);
        bw_format(text, sizeof(text), "%u", wait);
        if (reply->response != NULL)
            MHD_add_response_header(reply->response, MHD_HTTP_HEADER_RETRY_AFTER, text);
        return 1;
    }
    if (bw_token_matches(&http->token, header))
        return 0;
    if (header != NULL)
        bw_login_failed(&http->logins, exchange->peer->address, now);
    *reply = bw_reply_error(http, MHD_HTTP_UNAUTHORIZED, "the token is missing or wrong: Authorization: Bearer TOKEN");
    if (reply->response != NULL)
        MHD_add_response_header(reply->response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
    return 1;
}
