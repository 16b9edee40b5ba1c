/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private to the HTTP surface: what its files share. Everything here runs on the server's one thread (loop.c), except
 * the worker in jobs.c, which touches its own job only.
 */
#ifndef BELLWETHER_EXPORTERS_HTTP_H
#define BELLWETHER_EXPORTERS_HTTP_H

#include <microhttpd.h>
#include <pthread.h>
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

enum bw_metrics_format { BW_METRICS_TEXT, BW_METRICS_OPEN, BW_METRICS_FORMATS };

/* Content types, by format. */
extern const char *const bw_metrics_type[BW_METRICS_FORMATS];

/* Everything but the snapshot's age. Appends to b. */
void bw_metrics_render(const struct bw_snapshot *snapshot, enum bw_metrics_format format, struct bw_buffer *b);
/* The family of the snapshot's age, and what ends the text: the last part of every answer, since the age changes while
 * the snapshot does not. */
void bw_metrics_age(uint64_t age_ns, enum bw_metrics_format format, struct bw_buffer *b);

/* ---- accept.c: what a client asks for ---- */

/* The format for an Accept header (NULL = none); text unless OpenMetrics 1.0.0 is named and not less wanted. */
enum bw_metrics_format bw_accept_metrics(const char *accept);
/* Does an If-None-Match header (NULL = none) name this entity tag? Weak comparison; "*" names every one. */
bool bw_etag_named(const char *header, const char *etag);
/* Is a family wanted that a rendered text calls name? wanted: its name, with or without _total or _info, or its
 * beginning with "*" at the end. */
bool bw_metrics_wanted(const char *name, size_t length, const char *wanted);
/* Copies the families of a whole rendered text that one of the wanted names fits, and its end. */
void bw_metrics_filter(const char *text, size_t length, const char *const *wanted, unsigned count, struct bw_buffer *b);

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

#define BW_HTTP_URI_MAX         8192       /* bytes of a URI with its query */
#define BW_HTTP_HEADERS_MAX     16384      /* of the request line and all headers */
#define BW_HTTP_BODY_MAX        4096       /* of a request */
#define BW_HTTP_OUTSTANDING_MAX (32 << 20) /* bytes of answers that clients have not taken yet */

/* token.c: the bearer token. */
struct bw_token {
    bool usable;
    unsigned char hash[32];
    int64_t seen[4]; /* of the file when it was read: device, inode, size, time of change */
};

/* logins.c: who guessed wrong. */
#define BW_LOGINS 64
struct bw_logins {
    struct {
        unsigned char address[16];
        double failures; /* leaks with time */
        uint64_t at_ns;
    } rows[BW_LOGINS];
    double all; /* of everybody */
    uint64_t all_at_ns;
};

struct bw_jobs; /* jobs.c */
struct bw_job;
struct bw_stream; /* events.c */

#define BW_ETAG_MAX 40 /* with quotes and NUL */

/* Answers that are shared while the snapshot stays the same (reply.c). */
struct bw_http_cache {
    _Atomic size_t outstanding; /* bytes of answers that are alive */
    struct {
        struct bw_buffer text; /* without the age */
        uint64_t number;       /* its snapshot */
        uint64_t made_ns;      /* when the age was added */
        struct MHD_Response *response;
    } metrics[BW_METRICS_FORMATS];
    struct {
        uint64_t number;
        struct MHD_Response *response;
    } objects[BW_OBJECT_COUNT + 1]; /* by object; then "state" */
    struct {
        uint64_t number, made_ns;
        struct MHD_Response *response;
    } pages[2]; /* the status page, all values */
    struct MHD_Response *schema; /* never changes */
};

struct bw_http {
    struct bw_surface_context context;
    struct MHD_Daemon *daemon;
    struct bw_guard guard;
    struct bw_http_cache cache;
    struct bw_jobs *jobs;
    struct bw_token token;
    struct bw_logins logins;
    struct bw_stream *streams; /* newest first */
    unsigned streams_count, streams_max;
    uint64_t streams_told; /* newest event that they were woken for */
    char long_uri; /* its address stands for the exchange of a request whose URI is too long, until that is begun */
    bool tls, client_certificates;
    int listens[BW_MAX_LISTENS];
    unsigned listens_count;
    int epoll, wake; /* of the loop; wake: an eventfd that ends it */
    _Atomic bool stopping;
    bool thread_runs;
    pthread_t thread;
    uint64_t started_ns;
};

/* CLOCK_BOOTTIME. */
uint64_t bw_http_now_ns(void);
/* The port of the first address that it listens on (for callers that asked for port 0). */
uint16_t bw_http_port(const struct bw_http *http);

/* ---- listen.c ---- */

/* Opens every configured address. 0, or a negative errno (logged); then none is open. */
int bw_listen_open(struct bw_http *http);
void bw_listen_close(struct bw_http *http);
/* Takes new connections from a listening socket, some at a time. */
void bw_listen_accept(struct bw_http *http, int fd);

/* ---- loop.c: the server's one thread ---- */

/* Starts and ends it. 0 or negative errno. */
int bw_loop_start(struct bw_http *http);
void bw_loop_stop(struct bw_http *http);

/* ---- tls.c ---- */

/* Files that the library needs as texts; NULL = none. */
struct bw_tls {
    char *certificate, *key, *ca;
};

/* Reads what the configuration names. 0, or a negative errno (logged); then the structure is empty. */
int bw_tls_load(const struct bw_config *config, struct bw_tls *tls);
void bw_tls_free(struct bw_tls *tls);
/* Has this connection's client shown a certificate that the authorities vouch for? *why (of cap bytes) tells what is
 * wrong. */
bool bw_tls_client_good(struct MHD_Connection *connection, char *why, size_t cap);

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
/* The same as a 200 with an entity tag. */
struct bw_reply bw_reply_tagged_json(struct bw_http *http, struct json_object *json);
/* wanted: names to filter by, 0 = all. */
struct bw_reply bw_reply_metrics(struct bw_http *http, enum bw_metrics_format format, const char *const *wanted,
                                 unsigned count);
struct bw_reply bw_reply_health(struct bw_http *http, enum bw_health health);
/* key: an object's key, "sync" or "state"; anything else is a 404. limit: of the history, 0 = all. */
struct bw_reply bw_reply_object(struct bw_http *http, const char *key, uint32_t limit);
/* Is there something with that key under /api/v1/? */
bool bw_api_exists(const char *key);
/* The status page; all: the page of all values. */
struct bw_reply bw_reply_page(struct bw_http *http, bool all);
/* What the page needs; path as in the request. status 0: there is no such thing. */
struct bw_reply bw_reply_asset(struct bw_http *http, const char *path);
/* The JSON schema of all answers. */
struct bw_reply bw_reply_schema(struct bw_http *http);
/* All members as Prometheus' HTTP discovery wants them. */
struct bw_reply bw_reply_discovery(struct bw_http *http);
/* 204 with what is allowed there. */
struct bw_reply bw_reply_options(const char *allow);
/* A text as an answer, with an entity tag. NULL when there is no memory or too much is outstanding. */
struct MHD_Response *bw_reply_text(struct bw_http *http, const char *type, const char *text, size_t length);
/* Turns a 200 into a 304 when the request names its entity tag. */
void bw_reply_conditional(struct MHD_Connection *connection, struct bw_reply *reply);

/* ---- schema.c ---- */

/* The schema, made from the catalogue. New reference, NULL when out of memory. */
struct json_object *bw_schema(void);

/* ---- events.c: server-sent events ---- */

/* A stream of the history's events from `since` on (UINT64_MAX: from now on). */
struct bw_reply bw_reply_events(struct bw_http *http, struct MHD_Connection *connection, struct bw_connection *peer,
                                uint64_t since);
/* The board has a new snapshot: tells the streams what is new. */
void bw_events_wake(struct bw_http *http);
/* Once a second: keep-alives, readers that are gone or too slow. */
void bw_events_tick(struct bw_http *http, uint64_t now_ns);
/* Ends them all; before the server's end. */
void bw_events_end(struct bw_http *http);

/* ---- page.c and page_*.c: the status page ---- */

struct bw_web_page {
    const struct bw_snapshot *snapshot;
    const struct bw_history *history;
    uint64_t age_ns; /* of the snapshot */
    bool actions;    /* there is a token: offer what changes something */
    struct bw_buffer *b;
};

/* The status page, and the page of all values. Append to page->b. */
void bw_page_render(const struct bw_web_page *page);
void bw_page_all(const struct bw_web_page *page);

/* ---- assets.c ---- */

struct bw_asset {
    const char *path, *type;
    const char *text, *end;
};

/* NULL: there is no such one. */
const struct bw_asset *bw_asset_find(const char *path);
/* Appends one. */
void bw_asset_add(struct bw_buffer *b, const char *path);

struct bw_exchange;

/* ---- request.c: what is wrong with a request whatever it asks for ---- */

/* The library calls this with the URI as it came: where it is too long the exchange begins as &http->long_uri. */
void *bw_request_uri(void *cls, const char *uri, struct MHD_Connection *connection);
/* The path of a URI, which may come with scheme and host, as clients of proxies send it. */
const char *bw_request_path(const char *path);
/* Is it refused for its form? Then *reply is set. */
bool bw_request_refused(struct bw_exchange *exchange, const char *version, struct bw_reply *reply);

/* ---- routes.c: which URL is what ---- */

/* One request, from its first header to its answer. */
struct bw_exchange {
    struct bw_http *http;
    struct MHD_Connection *connection;
    struct bw_connection *peer;
    struct bw_job *job; /* an action under way */
    bool uri_too_long, with_body;
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
/* Is the caller not allowed to? Counts failed logins. 1 = so, *reply set. */
int bw_action_refused(struct bw_exchange *exchange, struct bw_reply *reply);
/* Like bw_route. */
int bw_action(struct bw_exchange *exchange, const char *method, const char *path, struct bw_reply *reply);

/* ---- token.c ---- */

/* Keeps the hash of the first line of the token file; path "" means none. When it cannot be used the reason is logged
 * and nothing may be changed over HTTP. 0, or negative errno when there can be no tokens at all. */
int bw_token_load(struct bw_token *token, const char *path);
/* Reads it again when the file is another one, or has changed. */
void bw_token_refresh(struct bw_token *token, const char *path);
/* The token of the file that the configuration names now, which a reload may change: is there one? */
bool bw_token_offered(struct bw_http *http);
/* Does this Authorization header (NULL = none) carry it? */
bool bw_token_matches(const struct bw_token *token, const char *authorization);

/* ---- logins.c ---- */

/* May somebody at this address try a token now? 0, or the seconds to wait. */
unsigned bw_login_wait(const struct bw_logins *logins, const unsigned char address[16], uint64_t now_ns);
void bw_login_failed(struct bw_logins *logins, const unsigned char address[16], uint64_t now_ns);

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
