/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private to the HTTP surface: what its files share. Everything here runs on the server's one thread, except the worker
 * in jobs.c, which touches its own job only.
 */
#ifndef BELLWETHER_EXPORTERS_HTTP_H
#define BELLWETHER_EXPORTERS_HTTP_H

#include <microhttpd.h>
#include <stdatomic.h>

#include "bellwether/catalogue.h"
#include "bellwether/history.h"
#include "bellwether/surface.h"

/* ---- buffer.c: a text that grows ---- */

struct bw_buffer {
    char *data;
    size_t length, cap;
    bool failed; /* out of memory: what was added since is lost */
};

void bw_buffer_bytes(struct bw_buffer *b, const char *bytes, size_t length);
void bw_buffer_text(struct bw_buffer *b, const char *text);
void bw_buffer_u64(struct bw_buffer *b, uint64_t value);
/* Nanoseconds as decimal seconds, exact, without trailing zeros. */
void bw_buffer_seconds(struct bw_buffer *b, uint64_t ns);
/* A label value of the exposition format: `\`, `"` and newline escaped; bytes that are not UTF-8 become U+FFFD. */
void bw_buffer_label(struct bw_buffer *b, const char *text);
/* HELP text: `\` and newline escaped. */
void bw_buffer_help(struct bw_buffer *b, const char *text);
void bw_buffer_free(struct bw_buffer *b);

/* ---- metrics.c: the exposition ---- */

#define BW_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Everything but the snapshot's age. Appends to b. */
void bw_metrics_render(const struct bw_snapshot *snapshot, struct bw_buffer *b);
/* The family of the snapshot's age: the last part of every answer, since it changes while the snapshot does not. */
void bw_metrics_age(uint64_t age_ns, struct bw_buffer *b);

/* ---- health.c ---- */

enum bw_health { BW_HEALTH_LIVE, BW_HEALTH_READY, BW_HEALTH_ACTIVE, BW_HEALTH_STANDBY };

/* A snapshot older than this is stale: counters ride with a post every 100 ms, so 30 posts are missing. */
#define BW_STALE_NS (3 * BW_SEC)

/* Is it so? *reason (BW_TEXT_MAX) says why or why not; never empty. */
bool bw_health_check(const struct bw_snapshot *snapshot, uint64_t age_ns, enum bw_health health, char *reason);
/* The body of a health URL. New reference, NULL when out of memory. */
struct json_object *bw_health_json(const struct bw_snapshot *snapshot, uint64_t age_ns, enum bw_health health, bool ok,
                                   const char *reason);

/* ---- guard.c: connections that hang must not keep others out ---- */

struct bw_connection {
    struct bw_connection *newer, *older; /* in the order of the last sign of use: connected, or request answered */
    int fd;
    bool waiting; /* for an action's result: never closed for another one */
    bool closing;
    unsigned char address[16]; /* IPv4 as ::ffff:a.b.c.d */
};

/* All connections, the longest unused one last. */
struct bw_guard {
    struct bw_connection *newest, *oldest;
    unsigned count, limit, limit_per_address; /* at a limit the longest unused one is closed for a new one */
};

/* NULL when out of memory. */
struct bw_connection *bw_guard_open(struct bw_guard *guard, int fd, const struct sockaddr *address);
void bw_guard_used(struct bw_guard *guard, struct bw_connection *connection);
void bw_guard_close(struct bw_guard *guard, struct bw_connection *connection);

/* ---- server.c ---- */

#define BW_HTTP_BODY_MAX        4096       /* of a request */
#define BW_HTTP_OUTSTANDING_MAX (32 << 20) /* bytes of answers that clients have not taken yet */

/* token.c: the bearer token. */
struct bw_token {
    bool usable;
    unsigned char hash[32];
};

struct bw_jobs; /* jobs.c */
struct bw_job;

/* Answers that are shared while the snapshot stays the same (reply.c). */
struct bw_http_cache {
    _Atomic size_t outstanding; /* bytes of answers that are alive */
    struct bw_buffer metrics;   /* without the age */
    uint64_t metrics_number;    /* its snapshot */
    uint64_t metrics_made_ns;   /* when the age was added */
    struct MHD_Response *metrics_response;
    struct {
        uint64_t number;
        struct MHD_Response *response;
    } objects[BW_OBJECT_COUNT + 2]; /* by object; then "sync", "state" */
};

struct bw_http {
    struct bw_surface_context context;
    struct MHD_Daemon *daemon;
    struct bw_guard guard;
    struct bw_http_cache cache;
    struct bw_jobs *jobs;
    struct bw_token token;
    uint64_t started_ns;
    bool named; /* the server's thread has its name: the library makes it, so it is named when first met */
};

/* The port that it listens on (for callers that asked for port 0). */
uint16_t bw_http_port(const struct bw_http *http);

/* ---- reply.c ---- */

/* An answer, to be queued. */
struct bw_reply {
    unsigned status;
    struct MHD_Response *response; /* NULL: no memory, or too much outstanding */
    bool shared;                   /* the cache's own; otherwise MHD_destroy_response after queueing */
    bool quiet;                    /* a "no" that was asked for (health): not an error */
};

void bw_cache_clear(struct bw_http_cache *cache);
/* {"error": …} */
struct bw_reply bw_reply_error(struct bw_http *http, unsigned status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Takes over json; NULL becomes a 503. */
struct bw_reply bw_reply_json(struct bw_http *http, unsigned status, struct json_object *json);
struct bw_reply bw_reply_metrics(struct bw_http *http);
struct bw_reply bw_reply_health(struct bw_http *http, enum bw_health health);
/* key: an object's key, "sync" or "state"; anything else is a 404. limit: of the history, 0 = all. */
struct bw_reply bw_reply_object(struct bw_http *http, const char *key, uint32_t limit);
/* Is there something with that key under /api/v1/? */
bool bw_api_exists(const char *key);
/* `/`: a plain page that says what is where. */
struct bw_reply bw_reply_page(struct bw_http *http);
/* 204 with what is allowed there. */
struct bw_reply bw_reply_options(const char *allow);

/* ---- routes.c: which URL is what ---- */

/* One request, from its first header to its answer. */
struct bw_exchange {
    struct bw_http *http;
    struct MHD_Connection *connection;
    struct bw_connection *peer;
    struct bw_job *job; /* an action under way */
    bool with_body;
    size_t body_length; /* may be more than fits: then the rest was thrown away */
    char body[BW_HTTP_BODY_MAX + 1];
};

/* Can it be refused before its body is read? 1 = yes, *reply set. */
int bw_route_early(struct bw_exchange *exchange, const char *method, const char *path, struct bw_reply *reply);
/* The whole request is here. 1 = *reply set, 0 = an action was handed on: the connection is suspended, and this is
 * called again. */
int bw_route(struct bw_exchange *exchange, const char *method, const char *path, struct bw_reply *reply);

/* ---- actions.c: what changes something ---- */

/* What may be done at this path ("POST, OPTIONS"), NULL when it is no action's path. */
const char *bw_action_methods(const char *path);
/* Is the caller not allowed to? 1 = so, *reply set. */
int bw_action_refused(struct bw_exchange *exchange, struct bw_reply *reply);
/* Like bw_route. */
int bw_action(struct bw_exchange *exchange, const char *method, const char *path, struct bw_reply *reply);

/* ---- token.c ---- */

/* Keeps the hash of the first line of the token file; path "" means none. When it cannot be used the reason is logged
 * and nothing may be changed over HTTP. 0, or negative errno when there can be no tokens at all. */
int bw_token_load(struct bw_token *token, const char *path);
/* Does this Authorization header (NULL = none) carry it? */
bool bw_token_matches(const struct bw_token *token, const char *authorization);

/* ---- jobs.c: a thread of its own waits for the engine's answers ---- */

struct bw_job {
    struct bw_job *next;
    struct MHD_Connection *connection;
    struct bw_request request;
    struct bw_answer answer;
    uint64_t since_ns; /* handed over */
    bool create;       /* a report about a pnote that is not there registers it */
};

/* 0 or negative errno (logged). */
int bw_jobs_start(struct bw_mailbox *mailbox, struct bw_jobs **jobs);
/* Hands a job over. true: its connection is suspended until the answer is there, the job stays the caller's and must
 * live so long. false: too many wait. */
bool bw_jobs_submit(struct bw_jobs *jobs, struct bw_job *job);
/* Ends the thread (waits for the answer to the job under way); resumes what waited; refuses what comes later. */
void bw_jobs_stop(struct bw_jobs *jobs);
/* After the server's end. */
void bw_jobs_free(struct bw_jobs *jobs);

#endif
