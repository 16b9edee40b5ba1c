/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Answers. What comes from a snapshot is rendered once and shared by every client until the snapshot changes; only the
 * age in /metrics is added anew, at most every few milliseconds. The bytes of answers that slow clients have not taken
 * yet are counted: beyond a bound new ones are refused, so that clients who never read cannot fill the memory.
 */
#include <json-c/json.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bellwether/json.h"
#include "bellwether/text.h"
#include "exporters/http/http.h"

#define AGE_KEPT_NS  (10 * BW_MS) /* the age in an answer is at most so old */
#define PAGE_KEPT_NS (500 * BW_MS)
#define JSON_TYPE    "application/json"
#define PAGE_POLICY                                                                                                    \
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; "   \
    "form-action 'none'; frame-ancestors 'none'"

/* ---- responses ---- */

struct owned {
    struct bw_http_cache *cache;
    size_t length;
    char text[];
};

static void owned_free(void *cls)
{
    struct owned *o = cls;

    atomic_fetch_sub(&o->cache->outstanding, o->length);
    free(o);
}

/* A response with a copy of two texts; NULL when there is no memory or too much is outstanding. */
static struct MHD_Response *make(struct bw_http_cache *cache, const char *type, const char *first, size_t first_length,
                                 const char *second, size_t second_length)
{
    size_t length = first_length + second_length;
    struct MHD_Response *response;
    struct owned *o;

    if (atomic_load(&cache->outstanding) + length > BW_HTTP_OUTSTANDING_MAX)
        return NULL;
    o = malloc(sizeof(*o) + length);
    if (o == NULL)
        return NULL;
    o->cache = cache;
    o->length = length;
    if (first_length > 0) /* then it may be NULL */
        memcpy(o->text, first, first_length);
    if (second_length > 0)
        memcpy(o->text + first_length, second, second_length);
    atomic_fetch_add(&cache->outstanding, length);
    response = MHD_create_response_from_buffer_with_free_callback_cls(length, o->text, owned_free, o);
    if (response == NULL) {
        owned_free(o);
        return NULL;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    return response;
}

/* An entity tag of the bytes themselves: the same while nothing that is shown changes. */
static void tag(const char *text, size_t length, char etag[BW_ETAG_MAX])
{
    unsigned char hash[crypto_generichash_BYTES_MIN];

    crypto_generichash(hash, sizeof(hash), (const unsigned char *)text, length, NULL, 0);
    etag[0] = '"';
    sodium_bin2hex(etag + 1, BW_ETAG_MAX - 2, hash, sizeof(hash));
    strcat(etag, "\"");
}

struct MHD_Response *bw_reply_text(struct bw_http *http, const char *type, const char *text, size_t length)
{
    struct MHD_Response *response = make(&http->cache, type, text, length, "", 0);
    char etag[BW_ETAG_MAX];

    if (response == NULL)
        return NULL;
    tag(text, length, etag);
    MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, etag);
    MHD_del_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache"); /* keep it, but ask */
    return response;
}

void bw_reply_conditional(struct MHD_Connection *connection, struct bw_reply *reply)
{
    const char *etag = reply->response && reply->status == MHD_HTTP_OK
                           ? MHD_get_response_header(reply->response, MHD_HTTP_HEADER_ETAG)
                           : NULL;
    struct MHD_Response *response;

    if (etag == NULL ||
        !bw_etag_named(MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_IF_NONE_MATCH), etag))
        return;
    response = MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
    if (response == NULL)
        return; /* the whole is right, too */
    MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, etag);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
    if (!reply->shared)
        MHD_destroy_response(reply->response);
    *reply = (struct bw_reply){.status = MHD_HTTP_NOT_MODIFIED, .response = response};
}

/* A 200 with an entity tag. Takes over json. */
static struct MHD_Response *tagged_json(struct bw_http *http, const char *type, struct json_object *json)
{
    struct MHD_Response *response = NULL;
    struct bw_buffer b = {0};
    size_t length;
    const char *text = json ? json_object_to_json_string_length(json, BW_JSON_FLAGS, &length) : NULL;

    if (text != NULL) {
        bw_buffer_bytes(&b, text, length);
        bw_buffer_bytes(&b, "\n", 1);
        if (!b.failed)
            response = bw_reply_text(http, type, b.data, b.length);
    }
    bw_buffer_free(&b);
    json_object_put(json);
    return response;
}

struct bw_reply bw_reply_tagged_json(struct bw_http *http, struct json_object *json)
{
    return (struct bw_reply){.status = MHD_HTTP_OK, .response = tagged_json(http, JSON_TYPE, json)};
}

struct bw_reply bw_reply_json(struct bw_http *http, unsigned status, struct json_object *json)
{
    struct bw_reply reply = {.status = status};
    size_t length;
    const char *text = json ? json_object_to_json_string_length(json, BW_JSON_FLAGS, &length) : NULL;

    if (text != NULL)
        reply.response = make(&http->cache, JSON_TYPE, text, length, "\n", 1);
    json_object_put(json);
    return reply;
}

struct bw_reply bw_reply_error(struct bw_http *http, unsigned status, const char *format, ...)
{
    struct json_object *json = json_object_new_object();
    char text[BW_TEXT_MAX * 2];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (json != NULL)
        json_object_object_add(json, "error", bw_json_text(text, sizeof(text)));
    return bw_reply_json(http, status, json);
}

struct bw_reply bw_reply_options(const char *allow)
{
    struct bw_reply reply = {.status = MHD_HTTP_NO_CONTENT};

    reply.response = MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
    if (reply.response != NULL)
        MHD_add_response_header(reply.response, MHD_HTTP_HEADER_ALLOW, allow);
    return reply;
}

/* ---- from the snapshot ---- */

/* Before the engine's first post: the time since the server's start. */
static uint64_t age_ns(const struct bw_http *http, const struct bw_snapshot *snapshot, uint64_t now)
{
    uint64_t since = snapshot->number > 0 ? snapshot->posted_ns : http->started_ns;

    return now > since ? now - since : 0;
}

static const struct bw_snapshot *newest(struct bw_http *http)
{
    return bw_board_take(http->context.board, BW_READER_HTTP);
}

static void replace(struct MHD_Response **kept, struct MHD_Response *response)
{
    if (*kept != NULL)
        MHD_destroy_response(*kept); /* clients that still read it hold it */
    *kept = response;
}

/* Renders what a snapshot says, without the age, unless that was done before. Returns whether it was. */
static bool render_metrics(struct bw_http_cache *cache, const struct bw_snapshot *snapshot,
                           enum bw_metrics_format format)
{
    struct bw_buffer *text = &cache->metrics[format].text;

    if (text->length > 0 && cache->metrics[format].number == snapshot->number)
        return true;
    text->length = 0;
    text->failed = false;
    bw_metrics_render(snapshot, format, text);
    cache->metrics[format].number = snapshot->number;
    if (text->failed)
        text->length = 0;
    return false;
}

static struct MHD_Response *metrics_response(struct bw_http_cache *cache, enum bw_metrics_format format,
                                             const struct bw_buffer *first, const struct bw_buffer *second)
{
    struct MHD_Response *response;

    if (first->failed || second->failed)
        return NULL;
    response = make(cache, bw_metrics_type[format], first->data, first->length, second->data, second->length);
    if (response != NULL)
        MHD_add_response_header(response, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ACCEPT);
    return response;
}

static struct MHD_Response *filtered(struct bw_http_cache *cache, enum bw_metrics_format format,
                                     const struct bw_buffer *age, const char *const *wanted, unsigned count)
{
    const struct bw_buffer *text = &cache->metrics[format].text;
    struct bw_buffer kept = {0}, end = {0};
    struct MHD_Response *response;

    bw_metrics_filter(text->data, text->length, wanted, count, &kept);
    bw_metrics_filter(age->data, age->length, wanted, count, &end);
    response = metrics_response(cache, format, &kept, &end);
    bw_buffer_free(&kept);
    bw_buffer_free(&end);
    return response;
}

struct bw_reply bw_reply_metrics(struct bw_http *http, enum bw_metrics_format format, const char *const *wanted,
                                 unsigned count)
{
    struct bw_http_cache *cache = &http->cache;
    const struct bw_snapshot *snapshot = newest(http);
    uint64_t now = bw_http_now_ns();
    bool same = render_metrics(cache, snapshot, format), ready = cache->metrics[format].text.length > 0;
    struct bw_reply reply = {.status = MHD_HTTP_OK};

    if (count > 0 || !same || cache->metrics[format].response == NULL ||
        now - cache->metrics[format].made_ns >= AGE_KEPT_NS) {
        struct bw_buffer age = {0};

        bw_metrics_age(age_ns(http, snapshot, now), format, &age);
        if (count > 0) {
            reply.response = ready && !age.failed ? filtered(cache, format, &age, wanted, count) : NULL;
            bw_buffer_free(&age);
            return reply;
        }
        replace(&cache->metrics[format].response,
                ready ? metrics_response(cache, format, &cache->metrics[format].text, &age) : NULL);
        cache->metrics[format].made_ns = now;
        bw_buffer_free(&age);
    }
    reply.response = cache->metrics[format].response;
    reply.shared = true;
    return reply;
}

struct bw_reply bw_reply_health(struct bw_http *http, enum bw_health health)
{
    const struct bw_snapshot *snapshot = newest(http);
    uint64_t age = age_ns(http, snapshot, bw_http_now_ns());
    char reason[BW_TEXT_MAX];
    bool ok = bw_health_check(snapshot, age, health, reason);
    struct bw_reply reply = bw_reply_json(http, ok ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE,
                                          bw_health_json(snapshot, age, health, ok, reason));

    reply.quiet = true;
    return reply;
}

/* Place in the cache of what is called key under /api/v1/, or -1. */
static int place_of(const char *key)
{
    const struct bw_object *object = bw_object_by_key(key);

    if (object != NULL)
        return (int)object->kind;
    return strcmp(key, "state") == 0 ? BW_OBJECT_COUNT : -1;
}

bool bw_api_exists(const char *key)
{
    return place_of(key) >= 0;
}

static struct json_object *json_of(const struct bw_http *http, int place, const struct bw_snapshot *snapshot,
                                   uint32_t limit)
{
    if (place == BW_OBJECT_COUNT)
        return bw_json_state(snapshot, http->context.history);
    return bw_json_object(&bw_catalogue[place], snapshot, http->context.history, limit);
}

struct bw_reply bw_reply_object(struct bw_http *http, const char *key, uint32_t limit)
{
    const struct bw_snapshot *snapshot = newest(http);
    struct bw_reply reply = {.status = MHD_HTTP_OK, .shared = true};
    int place = place_of(key);

    if (place < 0)
        return bw_reply_error(http, MHD_HTTP_NOT_FOUND, "there is no %s", key);
    if (limit > 0) { /* not kept: there are as many as numbers */
        reply.shared = false;
        reply.response = tagged_json(http, JSON_TYPE, json_of(http, place, snapshot, limit));
        return reply;
    }
    if (http->cache.objects[place].response == NULL || http->cache.objects[place].number != snapshot->number) {
        replace(&http->cache.objects[place].response, tagged_json(http, JSON_TYPE, json_of(http, place, snapshot, 0)));
        http->cache.objects[place].number = snapshot->number;
    }
    reply.response = http->cache.objects[place].response;
    return reply;
}

struct bw_reply bw_reply_schema(struct bw_http *http)
{
    if (http->cache.schema == NULL)
        http->cache.schema = tagged_json(http, "application/schema+json", bw_schema());
    return (struct bw_reply){.status = MHD_HTTP_OK, .response = http->cache.schema, .shared = true};
}

/* ---- the status page ---- */

static struct MHD_Response *render_page(struct bw_http *http, const struct bw_snapshot *snapshot, uint64_t now,
                                        bool all)
{
    static const char *const headers[][2] = {
        {"Content-Security-Policy", PAGE_POLICY},
        {"X-Content-Type-Options", "nosniff"},
        {"X-Frame-Options", "DENY"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
    };
    struct bw_buffer b = {0};
    const struct bw_web_page page = {snapshot, http->context.history, age_ns(http, snapshot, now), bw_token_offered(http),
                                     &b};
    struct MHD_Response *response;

    if (all)
        bw_page_all(&page);
    else
        bw_page_render(&page);
    response = b.failed ? NULL : bw_reply_text(http, "text/html; charset=utf-8", b.data, b.length);
    bw_buffer_free(&b);
    for (size_t i = 0; response != NULL && i < sizeof(headers) / sizeof(headers[0]); i++)
        MHD_add_response_header(response, headers[i][0], headers[i][1]);
    return response;
}

struct bw_reply bw_reply_page(struct bw_http *http, bool all)
{
    const struct bw_snapshot *snapshot = newest(http);
    struct bw_http_cache *cache = &http->cache;
    uint64_t now = bw_http_now_ns();

    if (cache->pages[all].response == NULL || cache->pages[all].number != snapshot->number ||
        now - cache->pages[all].made_ns >= PAGE_KEPT_NS) {
        replace(&cache->pages[all].response, render_page(http, snapshot, now, all));
        cache->pages[all].number = snapshot->number;
        cache->pages[all].made_ns = now;
    }
    return (struct bw_reply){.status = MHD_HTTP_OK, .response = cache->pages[all].response, .shared = true};
}

struct bw_reply bw_reply_asset(struct bw_http *http, const char *path)
{
    const struct bw_asset *asset = bw_asset_find(path);
    struct bw_reply reply = {.status = asset != NULL ? MHD_HTTP_OK : 0};

    if (asset != NULL) {
        reply.response = bw_reply_text(http, asset->type, asset->text, (size_t)(asset->end - asset->text));
        if (reply.response != NULL)
            MHD_add_response_header(reply.response, "X-Content-Type-Options", "nosniff");
    }
    return reply;
}

void bw_cache_clear(struct bw_http_cache *cache)
{
    for (int i = 0; i < BW_METRICS_FORMATS; i++) {
        replace(&cache->metrics[i].response, NULL);
        bw_buffer_free(&cache->metrics[i].text);
    }
    for (size_t i = 0; i < sizeof(cache->objects) / sizeof(cache->objects[0]); i++)
        replace(&cache->objects[i].response, NULL);
    replace(&cache->pages[0].response, NULL);
    replace(&cache->pages[1].response, NULL);
    replace(&cache->schema, NULL);
}
