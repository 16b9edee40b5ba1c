/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Prints the catalogue as JSON, for scripts that compare surfaces field by field: an array of objects, each with its
 * fields, in showing order.
 */
#include <json-c/json.h>
#include <stdio.h>

#include "bellwether/catalogue.h"

static const char *const types[] = {
    [BW_TYPE_U32] = "u32",         [BW_TYPE_GAUGE] = "gauge",   [BW_TYPE_COUNTER] = "counter",
    [BW_TYPE_U64] = "u64",         [BW_TYPE_BOOL] = "bool",     [BW_TYPE_ENUM] = "enum",
    [BW_TYPE_TEXT] = "text",       [BW_TYPE_MEMBER] = "member", [BW_TYPE_WALL] = "wall",
    [BW_TYPE_NS] = "ns",           [BW_TYPE_BRIEF] = "brief",   [BW_TYPE_DIGEST] = "digest",
    [BW_TYPE_ADDRESS] = "address", [BW_TYPE_PREFIX] = "prefix", [BW_TYPE_HISTOGRAM] = "histogram",
    [BW_TYPE_OFFSET] = "offset",
};
static const char *const accesses[] = {
    [BW_ACCESS_NONE] = "none",   [BW_ACCESS_INDEX] = "index",   [BW_ACCESS_READ] = "read",
    [BW_ACCESS_WRITE] = "write", [BW_ACCESS_NOTIFY] = "notify",
};
static const char *const metric_kinds[] = {
    [BW_METRIC_NONE] = "none",         [BW_METRIC_GAUGE] = "gauge",         [BW_METRIC_COUNTER] = "counter",
    [BW_METRIC_STATESET] = "stateset", [BW_METRIC_MEMBERSET] = "memberset", [BW_METRIC_IS] = "is",
    [BW_METRIC_INFO] = "info", [BW_METRIC_HISTOGRAM] = "histogram",
};

static void add_text(struct json_object *to, const char *key, const char *text)
{
    json_object_object_add(to, key, text != NULL ? json_object_new_string(text) : NULL);
}

static void add_number(struct json_object *to, const char *key, uint32_t number)
{
    json_object_object_add(to, key, json_object_new_int64(number));
}

static struct json_object *field_of(const struct bw_field *f)
{
    struct json_object *json = json_object_new_object(), *labels = json_object_new_object();

    add_text(json, "key", f->key);
    add_text(json, "heading", f->heading);
    add_text(json, "type", types[f->type]);
    add_number(json, "size", f->size);
    add_text(json, "mib", f->mib);
    add_number(json, "column", f->column);
    add_text(json, "access", accesses[f->access]);
    add_text(json, "metric_kind", metric_kinds[f->metric_kind]);
    add_text(json, "metric", f->metric);
    add_text(json, "stateset_label", f->stateset_label);
    add_text(json, "extra_name", f->extra_name);
    add_text(json, "extra_value", f->extra_value);
    add_text(json, "help", f->help);
    for (const struct bw_enum_label *l = f->labels != NULL ? f->labels->labels : NULL; l != NULL && l->text; l++)
        add_number(labels, l->text, l->value);
    json_object_object_add(json, "labels", labels);
    return json;
}

int main(void)
{
    struct json_object *all = json_object_new_array();

    for (int i = 0; i < BW_OBJECT_COUNT; i++) {
        const struct bw_object *o = &bw_catalogue[i];
        struct json_object *json = json_object_new_object(), *fields = json_object_new_array();

        add_text(json, "key", o->key);
        add_text(json, "title", o->title);
        add_number(json, "arc", o->arc);
        json_object_object_add(json, "table", json_object_new_boolean(o->table));
        add_text(json, "part_of", o->part_key != NULL ? bw_catalogue[o->part_of].key : NULL);
        add_text(json, "part_key", o->part_key);
        for (uint32_t f = 0; f < o->fields_count; f++)
            json_object_array_add(fields, field_of(&o->fields[f]));
        json_object_object_add(json, "fields", fields);
        json_object_array_add(all, json);
    }
    puts(json_object_to_json_string_ext(all, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(all);
    return 0;
}
