/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The JSON schema of what /api/v1/ answers, made from the catalogue, so that it cannot differ from the answers. The
 * document itself describes /api/v1/state; each part is a definition of its own. conf/json-schema has a copy, which a
 * test compares.
 */
#include <json-c/json.h>
#include <string.h>

#include "bellwether/catalogue.h"
#include "exporters/http/http.h"

#define WALL   "^([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z)?$"
#define DIGEST "^[0-9a-f]{16}$"

/* json-c takes over every value; out of memory leaves a key out, which a test of the whole would find. */
static void put(struct json_object *to, const char *key, struct json_object *value)
{
    json_object_object_add(to, key, value);
}

static void put_text(struct json_object *to, const char *key, const char *text)
{
    put(to, key, json_object_new_string(text));
}

static void put_labels(struct json_object *to, const struct bw_enum *e)
{
    struct json_object *labels = json_object_new_array();

    for (const struct bw_enum_label *l = e->labels; l->text != NULL; l++)
        json_object_array_add(labels, json_object_new_string(l->text));
    if (strcmp(bw_enum_text(e, UINT32_MAX), "unknown") == 0) { /* what a value without a label is called */
        uint32_t known;

        if (bw_enum_value(e, "unknown", &known) != 0)
            json_object_array_add(labels, json_object_new_string("unknown"));
    }
    put(to, "enum", labels);
}

static struct json_object *field_schema(const struct bw_field *field)
{
    struct json_object *s = json_object_new_object();

    switch (field->type) {
    case BW_TYPE_U32:
    case BW_TYPE_GAUGE:
    case BW_TYPE_MEMBER:
    case BW_TYPE_COUNTER:
    case BW_TYPE_U64:
        put_text(s, "type", "integer");
        put(s, "minimum", json_object_new_int(0));
        break;
    case BW_TYPE_NS:
    case BW_TYPE_BRIEF:
        put_text(s, "type", "number");
        put(s, "minimum", json_object_new_int(0));
        break;
    case BW_TYPE_OFFSET:
        put_text(s, "type", "number");
        break;
    case BW_TYPE_BOOL:
        put_text(s, "type", "boolean");
        break;
    case BW_TYPE_ENUM:
        put_labels(s, field->labels);
        break;
    case BW_TYPE_WALL:
        put_text(s, "type", "string");
        put_text(s, "pattern", WALL);
        break;
    case BW_TYPE_DIGEST:
        put_text(s, "type", "string");
        put_text(s, "pattern", DIGEST);
        break;
    case BW_TYPE_TEXT:
    case BW_TYPE_ADDRESS:
    case BW_TYPE_PREFIX:
        put_text(s, "type", "string");
        break;
    case BW_TYPE_HISTOGRAM:
        put(s, "$ref", json_object_new_string("#/$defs/histogram"));
        break;
    }
    put_text(s, "description", field->help);
    return s;
}

static struct json_object *row_schema(const struct bw_object *object)
{
    struct json_object *s = json_object_new_object(), *properties = json_object_new_object(),
                       *required = json_object_new_array();

    put_text(s, "type", "object");
    for (uint32_t i = 0; i < object->fields_count; i++) {
        put(properties, object->fields[i].key, field_schema(&object->fields[i]));
        json_object_array_add(required, json_object_new_string(object->fields[i].key));
    }
    put(s, "properties", properties);
    put(s, "required", required);
    return s;
}

/* { "$ref": … }, or an array of it. */
static struct json_object *reference(const char *key, bool array)
{
    struct json_object *ref = json_object_new_object(), *whole = ref;
    char text[64] = "#/$defs/";

    strncat(text, key, sizeof(text) - 9);
    put_text(ref, "$ref", text);
    if (array) {
        whole = json_object_new_object();
        put_text(whole, "type", "array");
        put(whole, "items", ref);
    }
    return whole;
}

/* An object with texts, all of them required. */
static struct json_object *texts(const char *const *keys, const char *description)
{
    struct json_object *s = json_object_new_object(), *properties = json_object_new_object(),
                       *required = json_object_new_array();

    put_text(s, "type", "object");
    put_text(s, "description", description);
    for (; *keys != NULL; keys++) {
        struct json_object *text = json_object_new_object();

        put_text(text, "type", "string");
        put(properties, *keys, text);
        json_object_array_add(required, json_object_new_string(*keys));
    }
    put(s, "properties", properties);
    put(s, "required", required);
    return s;
}

/* One more property of an object, and required. */
static void put_property(struct json_object *object, const char *key, struct json_object *value)
{
    put(json_object_object_get(object, "properties"), key, value);
    json_object_array_add(json_object_object_get(object, "required"), json_object_new_string(key));
}

static struct json_object *typed(const char *type)
{
    struct json_object *s = json_object_new_object();

    put_text(s, "type", type);
    return s;
}

/* What the rules say of the synchronisation's counters. */
static struct json_object *verdict_schema(void)
{
    static const char *const keys[] = {"rule", "title", "shown", "advice", NULL};
    struct json_object *s = texts(keys,
                                  "A rule about the synchronisation: healthy while the value is not over the limit"),
                       *unit = json_object_new_object(), *units = json_object_new_array();

    json_object_array_add(units, json_object_new_string("events"));
    json_object_array_add(units, json_object_new_string("percent"));
    put(unit, "enum", units);
    put_property(s, "unit", unit);
    put_property(s, "value", typed("number"));
    put_property(s, "limit", typed("integer"));
    put_property(s, "healthy", typed("boolean"));
    return s;
}

static struct json_object *histogram_schema(void)
{
    static const char *const none[] = {NULL};
    struct json_object *s =
                           texts(none, "How many were at most so large, for each of some bounds; count is that of all"),
                       *bucket = texts(none, "Of a bound"), *buckets = typed("array");

    put_property(bucket, "at_most_seconds", typed("number"));
    put_property(bucket, "count", typed("integer"));
    put(buckets, "items", bucket);
    put_property(s, "count", typed("integer"));
    put_property(s, "sum_seconds", typed("number"));
    put_property(s, "buckets", buckets);
    return s;
}

/* Objects that are part of others, and what is there besides the catalogue's fields. */
static void put_parts(struct json_object *defs)
{
    for (int i = 0; i < BW_OBJECT_COUNT; i++) {
        const struct bw_object *part = &bw_catalogue[i];

        if (part->part_key != NULL)
            put_property(json_object_object_get(defs, bw_catalogue[part->part_of].key), part->part_key,
                         reference(part->key, part->table));
    }
    put(defs, "verdict", verdict_schema());
    put(defs, "histogram", histogram_schema());
    put_property(json_object_object_get(defs, bw_catalogue[BW_OBJECT_SYNC].key), "verdicts",
                 reference("verdict", true));
}

struct json_object *bw_schema(void)
{
    static const char *const error[] = {"error", NULL}, *const result[] = {"result", "text", NULL};
    struct json_object *schema = json_object_new_object(), *defs = json_object_new_object(),
                       *properties = json_object_new_object(), *required = json_object_new_array();

    if (schema == NULL)
        return NULL;
    put_text(schema, "$schema", "https://json-schema.org/draft/2020-12/schema");
    put_text(schema, "$id", "urn:bellwether:api:v1");
    put_text(schema, "title", "Bellwether: /api/v1/state");
    put_text(schema, "description",
             "Every part is also at /api/v1/ under its own key; readers must accept keys that are not named here.");
    put_text(schema, "type", "object");
    for (int i = 0; i < BW_OBJECT_COUNT; i++) {
        const struct bw_object *object = &bw_catalogue[i];
        struct json_object *row = row_schema(object);

        put_text(row, "title", object->title);
        put(defs, object->key, row);
        if (object->part_key != NULL)
            continue;
        put(properties, object->key, reference(object->key, object->table));
        json_object_array_add(required, json_object_new_string(object->key));
    }
    put_parts(defs);
    put(defs, "error",
        texts(error, "Every answer of 400 and above, but for the health URLs, and for what cannot be read as HTTP at "
                     "all or is over 32 KiB, which is answered by a page"));
    put(defs, "result", texts(result, "What an action came to: done, or pending with another member"));
    put(schema, "properties", properties);
    put(schema, "required", required);
    put(schema, "$defs", defs);
    return schema;
}
