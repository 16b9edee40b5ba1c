/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Parts of the page that know no field by name: they show JSON as lists and tables, headed by what the catalogue says.
 * State synchronisation, the agent, and /all, which holds every value that this member knows.
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

static bool has_scalars(struct json_object *json)
{
    json_object_object_foreach(json, key, value)
    {
        (void)key;
        if (!json_object_is_type(value, json_type_array) && !json_object_is_type(value, json_type_object))
            return true;
    }
    return false;
}

void bw_page_sync(const struct bw_web_page *page)
{
    const struct bw_object *object = bw_object_by_key("sync");
    struct json_object *json =
                           object != NULL ? bw_json_object(object, page->snapshot, page->history, 0) : bw_json_sync(),
                       *peers = NULL;
    struct bw_buffer *b = page->b;

    bw_buffer_text(b, "<section id=\"sync\" class=\"panel\" aria-labelledby=\"sync-title\"><h2 "
                      "id=\"sync-title\">State synchronisation</h2>");
    if (json_object_is_type(json, json_type_object) && has_scalars(json)) {
        list(b, json, object);
        if (json_object_object_get_ex(json, "peers", &peers) && json_object_is_type(peers, json_type_array))
            table(b, peers, "Peers of the state synchronisation");
    } else {
        bw_buffer_text(b, "<p class=\"none\">This cluster synchronises no connection state.</p>");
    }
    bw_buffer_text(b, "</section>");
    json_object_put(json);
}

/* ---- everything ---- */

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
