/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The page /all, which holds every value that this member knows. It knows no field by name: it shows JSON as lists and
 * tables, headed by what the catalogue says.
 */
#include <json-c/json.h>
#include <string.h>

#include "bellwether/json.h"
#include "exporters/http/page.h"

/* A key as people write it: "late_worst_seconds" → "late worst seconds". */
static void key_text(struct bw_buffer *b, const char *key)
{
    for (; *key != '\0'; key++)
        bw_buffer_bytes(b, *key == '_' ? " " : key, 1);
}

static void value_text(struct bw_buffer *b, struct json_object *value)
{
    if (json_object_is_type(value, json_type_boolean))
        bw_buffer_text(b, json_object_get_boolean(value) ? "yes" : "no");
    else
        bw_html_text(b, value ? json_object_get_string(value) : "");
}

static void list(struct bw_buffer *b, struct json_object *json, const struct bw_object *object)
{
    bw_buffer_text(b, "<dl class=\"facts\">");
    json_object_object_foreach(json, key, value)
    {
        const struct bw_field *field = object ? bw_field_by_key(object, key) : NULL;

        if (json_object_is_type(value, json_type_array) || json_object_is_type(value, json_type_object))
            continue;
        bw_html(b, "<div title=\"%t\"><dt>", field ? field->help : "");
        key_text(b, key);
        bw_buffer_text(b, "</dt><dd>");
        value_text(b, value);
        bw_buffer_text(b, "</dd></div>");
    }
    bw_buffer_text(b, "</dl>");
}

static void table(struct bw_buffer *b, struct json_object *rows, const char *title)
{
    struct json_object *first = json_object_array_length(rows) > 0 ? json_object_array_get_idx(rows, 0) : NULL;

    if (!json_object_is_type(first, json_type_object))
        return;
    bw_html(b, "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"%t\"><table><thead><tr>", title);
    json_object_object_foreach(first, key, unused)
    {
        (void)unused;
        bw_buffer_text(b, "<th scope=\"col\">");
        key_text(b, key);
        bw_buffer_text(b, "</th>");
    }
    bw_buffer_text(b, "</tr></thead><tbody>");
    for (size_t i = 0; i < json_object_array_length(rows); i++) {
        bw_buffer_text(b, "<tr>");
        json_object_object_foreach(json_object_array_get_idx(rows, i), name, value)
        {
            (void)name;
            bw_buffer_text(b, "<td>");
            value_text(b, value);
            bw_buffer_text(b, "</td>");
        }
        bw_buffer_text(b, "</tr>");
    }
    bw_buffer_text(b, "</tbody></table></div>");
}

/* ---- everything ---- */

/* What a single row holds besides values: tables, each in a section of its own. */
static void parts(struct bw_buffer *b, const struct bw_object *object, struct json_object *json)
{
    json_object_object_foreach(json, key, value)
    {
        struct json_object *rows = value;
        const struct bw_object *part = NULL;

        for (int i = 0; i < BW_OBJECT_COUNT; i++)
            if (bw_catalogue[i].part_key != NULL && bw_catalogue[i].part_of == object->kind &&
                strcmp(bw_catalogue[i].part_key, key) == 0)
                part = &bw_catalogue[i];
        if (json_object_is_type(value, json_type_object)) /* a histogram */
            json_object_object_get_ex(value, "buckets", &rows);
        if (!json_object_is_type(rows, json_type_array))
            continue;
        bw_html(b, "<section class=\"panel\" id=\"all-%t\"><h2>", part != NULL ? part->key : key);
        if (part != NULL)
            bw_html_text(b, part->title);
        else
            bw_html(b, "%t: %t", object->title, key);
        bw_buffer_text(b, "</h2>");
        table(b, rows, part != NULL ? part->title : key);
        bw_buffer_text(b, "</section>");
    }
}

static void everything(const struct bw_web_page *page)
{
    struct bw_buffer *b = page->b;
    struct json_object *state = bw_json_state(page->snapshot, page->history);

    if (state == NULL) {
        b->failed = true;
        return;
    }
    json_object_object_foreach(state, key, value)
    {
        const struct bw_object *object = bw_object_by_key(key);

        bw_html(b, "<section class=\"panel\" id=\"all-%t\"><h2>%t</h2>", key, object ? object->title : key);
        if (json_object_is_type(value, json_type_array))
            table(b, value, object ? object->title : key);
        else
            list(b, value, object);
        bw_buffer_text(b, "</section>");
        if (object != NULL && !object->table)
            parts(b, object, value);
    }
    json_object_put(state);
}

void bw_page_all(const struct bw_web_page *page)
{
    bw_page_head(page, "all values");
    bw_buffer_text(page->b, "<main id=\"main\" class=\"all\"><p class=\"more\"><a href=\"/\">Back to the status "
                            "page</a></p>");
    everything(page);
    bw_buffer_text(page->b, "</main></body>\n</html>\n");
}
