/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Answers. What comes from a snapshot is rendered once and shared by every client until the snapshot changes; only the
 * age in /metrics is added anew, at most every few milliseconds. The bytes of answers that slow clients have not taken
 * yet are counted: beyond a bound new ones are refused, so that clients who never read cannot fill the memory.
 */
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bellwether/json.h"
#include "bellwether/text.h"
#include "exporters/http/http.h"

#define AGE_KEPT_NS (10 * BW_MS) /* the age in an answer is at most so old */
#define JSON_TYPE   "application/json"

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
    memcpy(o->text, first, first_length);
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

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec * BW_SEC + (uint64_t)t.tv_nsec;
}

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

struct bw_reply bw_reply_metrics(struct bw_http *http)
{
    struct bw_http_cache *cache = &http->cache;
    const struct bw_snapshot *snapshot = newest(http);
    uint64_t now = now_ns();
    bool same = cache->metrics.length > 0 && cache->metrics_number == snapshot->number;

    if (!same) {
        cache->metrics.length = 0;
        cache->metrics.failed = false;
        bw_metrics_render(snapshot, &cache->metrics);
        cache->metrics_number = snapshot->number;
        if (cache->metrics.failed)
            cache->metrics.length = 0;
    }
    if (!same || cache->metrics_response == NULL || now - cache->metrics_made_ns >= AGE_KEPT_NS) {
        struct bw_buffer age = {0};

        bw_metrics_age(age_ns(http, snapshot, now), &age);
        replace(&cache->metrics_response,
                age.failed || cache->metrics.length == 0
                    ? NULL
                    : make(cache, BW_METRICS_TYPE, cache->metrics.data, cache->metrics.length, age.data, age.length));
        cache->metrics_made_ns = now;
        bw_buffer_free(&age);
    }
    return (struct bw_reply){.status = MHD_HTTP_OK, .response = cache->metrics_response, .shared = true};
}

struct bw_reply bw_reply_health(struct bw_http *http, enum bw_health health)
{
    const struct bw_snapshot *snapshot = newest(http);
    uint64_t age = age_ns(http, snapshot, now_ns());
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
    if (strcmp(key, "sync") == 0)
        return BW_OBJECT_COUNT;
    return strcmp(key, "state") == 0 ? BW_OBJECT_COUNT + 1 : -1;
}

bool bw_api_exists(const char *key)
{
    return place_of(key) >= 0;
}

static struct json_object *json_of(const struct bw_http *http, int place, const struct bw_snapshot *snapshot,
                                   uint32_t limit)
{
    if (place == BW_OBJECT_COUNT)
        return bw_json_sync();
    if (place == BW_OBJECT_COUNT + 1)
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
    if (limit > 0) /* not kept: there are as many as numbers */
        return bw_reply_json(http, MHD_HTTP_OK, json_of(http, place, snapshot, limit));
    if (http->cache.objects[place].response == NULL || http->cache.objects[place].number != snapshot->number) {
        reply = bw_reply_json(http, MHD_HTTP_OK, json_of(http, place, snapshot, 0));
        reply.shared = true;
        replace(&http->cache.objects[place].response, reply.response);
        http->cache.objects[place].number = snapshot->number;
    }
    reply.response = http->cache.objects[place].response;
    return reply;
}

void bw_cache_clear(struct bw_http_cache *cache)
{
    replace(&cache->metrics_response, NULL);
    for (size_t i = 0; i < sizeof(cache->objects) / sizeof(cache->objects[0]); i++)
        replace(&cache->objects[i].response, NULL);
    bw_buffer_free(&cache->metrics);
}
