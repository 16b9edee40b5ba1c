/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The JSON writer: walks the catalogue over a snapshot and makes json-c objects. HTTP and the control socket serialise
 * them. Called from surface threads only (it allocates). Events are read from the history, never beyond the last number
 * that the snapshot carries, so that all parts of one answer tell of the same moment.
 */
#include "bellwether/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bellwether/sync_health.h"
#include "bellwether/text.h"

/* A member that must be added or the whole object is given up: takes over value. */
static bool add(struct json_object *to, const char *key, struct json_object *value)
{
    if (value == NULL)
        return false;
    if (json_object_object_add_ex(to, key, value, JSON_C_OBJECT_ADD_KEY_IS_NEW) == 0)
        return true;
    json_object_put(value);
    return false;
}

static bool append(struct json_object *array, struct json_object *value)
{
    if (value == NULL)
        return false;
    if (json_object_array_add(array, value) == 0)
        return true;
    json_object_put(value);
    return false;
}

/* Millionths, trailing zeros left out ("0", "1.5", "0.00023"). */
static struct json_object *decimal(uint64_t millionths)
{
    char text[32];
    size_t length;

    if (millionths % 1000000 == 0)
        return json_object_new_uint64(millionths / 1000000);
    length = (size_t)snprintf(text, sizeof(text), "%" PRIu64 ".%06" PRIu64, millionths / 1000000, millionths % 1000000);
    while (text[length - 1] == '0')
        text[--length] = '\0';
    return json_object_new_double_s((double)millionths / 1e6, text);
}

/* Nanoseconds as seconds: microsecond digits, rounded. */
static struct json_object *seconds(uint64_t ns)
{
    return decimal(ns / 1000 + (ns % 1000 >= 500));
}

/* The same of what may be negative. */
static struct json_object *offset(int64_t ns)
{
    uint64_t amount = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns, millionths = amount / 1000 + (amount % 1000 >= 500);
    struct json_object *positive = seconds(amount), *json;
    char text[40];

    if (positive == NULL || ns >= 0 || millionths == 0)
        return positive;
    snprintf(text, sizeof(text), "-%s", json_object_get_string(positive));
    json = json_object_new_double_s(-(double)millionths / 1e6, text);
    json_object_put(positive);
    return json;
}

size_t bw_utf8_length(const unsigned char *p, size_t length)
{
    size_t n = p[0] < 0x80                   ? 1
               : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
               : (p[0] & 0xf0) == 0xe0       ? 3
               : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
                                             : 0;

    if (n == 0 || n > length)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    /* overlong forms, surrogates, beyond U+10FFFF */
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
        (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

/* A text field: NUL-terminated within its size. Bytes that are not UTF-8 would make the whole answer unreadable: each
 * becomes U+FFFD. */
struct json_object *bw_json_text(const char *text, size_t size)
{
    static const char replacement[] = "\xef\xbf\xbd";
    char clean[3 * BW_TEXT_MAX + 1];
    size_t length = strnlen(text, size), out = 0;

    for (size_t i = 0; i < length && out + 4 < sizeof(clean);) {
        size_t n = bw_utf8_length((const unsigned char *)text + i, length - i);

        if (n > 0) {
            memcpy(clean + out, text + i, n);
            out += n;
            i += n;
        } else {
            memcpy(clean + out, replacement, 3);
            out += 3;
            i++;
        }
    }
    return json_object_new_string_len(clean, (int)out);
}

static uint32_t u32_at(const void *p)
{
    uint32_t value;

    memcpy(&value, p, sizeof(value));
    return value;
}

static uint64_t u64_at(const void *p)
{
    uint64_t value;

    memcpy(&value, p, sizeof(value));
    return value;
}

/* Counts are cumulative: all that are at most so late. What is beyond the last bound is in the whole count alone. */
static struct json_object *histogram(const struct bw_late_histogram *h)
{
    struct json_object *json = json_object_new_object(), *buckets = json_object_new_array(), *bucket;
    uint64_t count = 0;
    bool whole = json != NULL && add(json, "count", json_object_new_uint64(h->count)) &&
                 add(json, "sum_seconds", seconds(h->sum_ns)) && add(json, "buckets", buckets);

    for (unsigned i = 0; i + 1 < BW_LATE_BUCKETS && whole; i++) {
        count += h->buckets[i];
        bucket = json_object_new_object();
        whole = append(buckets, bucket) && add(bucket, "at_most_seconds", seconds(bw_late_bounds_ns[i])) &&
                add(bucket, "count", json_object_new_uint64(count));
    }
    if (whole)
        return json;
    json_object_put(json);
    return NULL;
}

static struct json_object *value_of(const struct bw_field *field, const void *row)
{
    const char *p = (const char *)row + field->offset;
    char text[BW_ADDRESS_TEXT_MAX];

    switch (field->type) {
    case BW_TYPE_U32:
    case BW_TYPE_GAUGE:
    case BW_TYPE_MEMBER:
        return json_object_new_uint64(u32_at(p));
    case BW_TYPE_COUNTER:
    case BW_TYPE_U64:
        return json_object_new_uint64(u64_at(p));
    case BW_TYPE_BOOL:
        return json_object_new_boolean(*(const bool *)(const void *)p);
    case BW_TYPE_ENUM:
        return json_object_new_string(bw_enum_text(field->labels, u32_at(p)));
    case BW_TYPE_TEXT:
        return bw_json_text(p, field->size);
    case BW_TYPE_WALL:
        return json_object_new_string(bw_wall_to_text((int64_t)u64_at(p), text));
    case BW_TYPE_NS:
    case BW_TYPE_BRIEF:
        return seconds(u64_at(p));
    case BW_TYPE_OFFSET:
        return offset((int64_t)u64_at(p));
    case BW_TYPE_DIGEST:
        snprintf(text, sizeof(text), "%016" PRIx64, u64_at(p));
        return json_object_new_string(text);
    case BW_TYPE_ADDRESS:
    case BW_TYPE_PREFIX:
        return json_object_new_string(
            bw_address_to_text((const struct bw_address *)(const void *)p, field->type == BW_TYPE_PREFIX, text));
    case BW_TYPE_HISTOGRAM:
        return histogram((const struct bw_late_histogram *)(const void *)p);
    }
    return NULL;
}

struct json_object *bw_json_row(const struct bw_object *object, const void *row)
{
    struct json_object *json = json_object_new_object();

    if (json == NULL)
        return NULL;
    for (uint32_t i = 0; i < object->fields_count; i++) {
        if (!add(json, object->fields[i].key, value_of(&object->fields[i], row))) {
            json_object_put(json);
            return NULL;
        }
    }
    return json;
}

static bool append_events(struct json_object *array, const struct bw_object *object, const struct bw_snapshot *snapshot,
                          const struct bw_history *history, uint32_t limit)
{
    uint64_t first, last;
    struct bw_event event;

    bw_history_range(history, &first, &last);
    if (snapshot->history_last < last)
        last = snapshot->history_last;
    if (last == 0)
        return true;
    if (limit > 0 && last >= limit && last - limit + 1 > first)
        first = last - limit + 1;
    for (uint64_t n = first; n <= last; n++) {
        if (bw_history_read(history, n, &event) != 0)
            continue; /* overwritten meanwhile */
        if (!append(array, bw_json_row(object, &event)))
            return false;
    }
    return true;
}

/* What the rules say of the synchronisation's counters. */
static struct json_object *verdicts(const struct bw_sync_row *row)
{
    struct bw_sync_verdict all[BW_SYNC_VERDICTS_MAX];
    unsigned count = bw_sync_verdicts(row, all);
    struct json_object *array = json_object_new_array();
    bool whole = array != NULL;

    for (unsigned i = 0; i < count && whole; i++) {
        const struct bw_sync_verdict *v = &all[i];
        bool percent = v->unit == BW_SYNC_UNIT_PERCENT;
        struct json_object *json = json_object_new_object();

        whole = append(array, json) && add(json, "rule", json_object_new_string(v->key)) &&
                add(json, "title", json_object_new_string(v->title)) &&
                add(json, "unit", json_object_new_string(percent ? "percent" : "events")) &&
                add(json, "value", percent ? decimal(v->value * 10000) : json_object_new_uint64(v->value)) &&
                add(json, "limit", json_object_new_uint64(v->limit)) &&
                add(json, "shown", json_object_new_string(v->shown)) &&
                add(json, "healthy", json_object_new_boolean(v->healthy)) &&
                add(json, "advice", json_object_new_string(v->healthy ? "" : v->advice));
    }
    if (whole)
        return array;
    json_object_put(array);
    return NULL;
}

/* A single row with the tables that are part of it. */
static struct json_object *single(const struct bw_object *object, const struct bw_snapshot *snapshot)
{
    struct json_object *json = bw_json_row(object, bw_object_row(object, snapshot, 0));
    bool whole = json != NULL;

    for (int i = 0; i < BW_OBJECT_COUNT && whole; i++)
        if (bw_catalogue[i].part_key != NULL && bw_catalogue[i].part_of == object->kind)
            whole = add(json, bw_catalogue[i].part_key, bw_json_object(&bw_catalogue[i], snapshot, NULL, 0));
    if (whole && object->kind == BW_OBJECT_SYNC)
        whole = add(json, "verdicts", verdicts(&snapshot->sync));
    if (whole)
        return json;
    json_object_put(json);
    return NULL;
}

struct json_object *bw_json_object(const struct bw_object *object, const struct bw_snapshot *snapshot,
                                   const struct bw_history *history, uint32_t limit)
{
    struct json_object *array;
    uint32_t rows;
    bool whole = true;

    if (!object->table)
        return single(object, snapshot);
    array = json_object_new_array();
    if (array == NULL)
        return NULL;
    rows = bw_object_rows(object, snapshot);
    for (uint32_t i = 0; i < rows && whole; i++)
        whole = append(array, bw_json_row(object, bw_object_row(object, snapshot, i)));
    if (object->kind == BW_OBJECT_EVENT)
        whole = append_events(array, object, snapshot, history, limit);
    if (!whole) {
        json_object_put(array);
        return NULL;
    }
    return array;
}

struct json_object *bw_json_state(const struct bw_snapshot *snapshot, const struct bw_history *history)
{
    struct json_object *state = json_object_new_object();
    bool whole = state != NULL;

    for (int i = 0; i < BW_OBJECT_COUNT && whole; i++) {
        if (bw_catalogue[i].part_key == NULL)
            whole = add(state, bw_catalogue[i].key, bw_json_object(&bw_catalogue[i], snapshot, history, 0));
    }
    if (!whole) {
        json_object_put(state);
        return NULL;
    }
    return state;
}
