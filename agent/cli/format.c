/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Values as people read them: times in the local zone, durations with fitting units, members by name, colours by what a
 * value means.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/cli/cli.h"
#include "bellwether/text.h"

struct json_object *bw_cli_get(struct json_object *object, const char *key)
{
    struct json_object *value = NULL;

    if (object == NULL || !json_object_is_type(object, json_type_object))
        return NULL;
    json_object_object_get_ex(object, key, &value);
    return value;
}

const char *bw_cli_text(struct json_object *object, const char *key)
{
    struct json_object *value = bw_cli_get(object, key);

    return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

bool bw_cli_bool(struct json_object *object, const char *key)
{
    struct json_object *value = bw_cli_get(object, key);

    return json_object_is_type(value, json_type_boolean) && json_object_get_boolean(value);
}

int64_t bw_cli_number(struct json_object *object, const char *key)
{
    struct json_object *value = bw_cli_get(object, key);

    return json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : 0;
}

size_t bw_cli_rows(struct json_object *rows)
{
    return json_object_is_type(rows, json_type_array) ? json_object_array_length(rows) : 0;
}

struct json_object *bw_cli_row(struct json_object *rows, const char *key, int64_t id)
{
    for (size_t i = 0; i < bw_cli_rows(rows); i++)
        if (bw_cli_number(json_object_array_get_idx(rows, i), key) == id)
            return json_object_array_get_idx(rows, i);
    return NULL;
}

void bw_cli_clean(char *text)
{
    for (unsigned char *c = (unsigned char *)text; *c != '\0'; c++) {
        if (*c < ' ' || *c == 0x7f)
            *c = ' ';
        else if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0) /* C1 controls */
            c[0] = c[1] = ' ';
    }
}

size_t bw_cli_columns(const char *text)
{
    size_t columns = 0;

    for (; *text != '\0'; text++)
        columns += ((unsigned char)*text & 0xc0) != 0x80;
    return columns;
}

void bw_cli_member_name(struct json_object *members, int64_t id, char *buf, size_t cap)
{
    size_t count = json_object_is_type(members, json_type_array) ? json_object_array_length(members) : 0;

    bw_format(buf, cap, id == 0 ? "none" : "%lu", (unsigned long)id);
    for (size_t i = 0; i < count; i++) {
        struct json_object *member = json_object_array_get_idx(members, i);

        if (bw_cli_number(member, "id") == id) {
            bw_copy(buf, cap, bw_cli_text(member, "name"));
            bw_cli_clean(buf);
        }
    }
}

void bw_cli_duration(double seconds, char *buf, size_t cap)
{
    uint64_t whole = seconds > 0 ? (uint64_t)seconds : 0;

    if (seconds <= 0)
        snprintf(buf, cap, "-");
    else if (seconds < 0.0095)
        snprintf(buf, cap, "%.1f ms", seconds * 1e3);
    else if (seconds < 0.9995)
        snprintf(buf, cap, "%.0f ms", seconds * 1e3);
    else if (seconds < 59.95)
        snprintf(buf, cap, "%.1f s", seconds);
    else if (seconds < 3600)
        snprintf(buf, cap, "%" PRIu64 "m %02us", whole / 60, (unsigned)(whole % 60));
    else if (seconds < 86400)
        snprintf(buf, cap, "%" PRIu64 "h %02um", whole / 3600, (unsigned)(whole / 60 % 60));
    else
        snprintf(buf, cap, "%" PRIu64 "d %02uh", whole / 86400, (unsigned)(whole / 3600 % 24));
}

/* "2026-01-01T00:00:00.000Z" in the local zone. */
static void format_wall(const char *text, char *buf, size_t cap)
{
    struct tm tm = {0};
    time_t seconds;

    if (strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) == NULL) {
        bw_copy(buf, cap, text);
        return;
    }
    seconds = timegm(&tm);
    if (localtime_r(&seconds, &tm) == NULL || strftime(buf, cap, "%Y-%m-%d %H:%M:%S", &tm) == 0)
        bw_copy(buf, cap, text);
}

static void format_offset(double seconds, char *buf, size_t cap)
{
    char amount[32];

    bw_cli_duration(seconds < 0 ? -seconds : seconds, amount, sizeof(amount));
    snprintf(buf, cap, "%s%s", seconds < 0 ? "-" : "", amount);
}

void bw_cli_value(const struct bw_field *field, struct json_object *value, struct json_object *members, char *buf,
                  size_t cap)
{
    buf[0] = '\0';
    switch (field->type) {
    case BW_TYPE_BOOL:
        bw_copy(buf, cap, json_object_get_boolean(value) ? "yes" : "no");
        break;
    case BW_TYPE_MEMBER:
        bw_cli_member_name(members, json_object_get_int64(value), buf, cap);
        break;
    case BW_TYPE_NS:
    case BW_TYPE_BRIEF:
        bw_cli_duration(json_object_get_double(value), buf, cap);
        break;
    case BW_TYPE_OFFSET:
        format_offset(json_object_get_double(value), buf, cap);
        break;
    case BW_TYPE_WALL:
        format_wall(value != NULL ? json_object_get_string(value) : "", buf, cap);
        break;
    case BW_TYPE_HISTOGRAM:
        break;
    default:
        bw_copy(buf, cap, value != NULL ? json_object_get_string(value) : "");
    }
    bw_cli_clean(buf);
    if (buf[0] == '\0')
        bw_copy(buf, cap, "-");
}

#define GREEN  "\033[32m"
#define YELLOW "\033[33m"
#define RED    "\033[31m"
#define OFF    "\033[0m"

const char *bw_cli_colour(const struct bw_cli *cli, const struct bw_field *field, const char *value)
{
    static const struct {
        const char *value, *colour;
    } colours[] = {
        {"active", GREEN},
        {"standby", GREEN},
        {"up", GREEN},
        {"ok", GREEN},
        {"online", GREEN},
        {"idle", GREEN},
        {"behind", YELLOW},
        {"full", YELLOW},
        {"waiting", YELLOW},
        {"lost", RED},
        {"ready", YELLOW},
        {"initializing", YELLOW},
        {"attention", YELLOW},
        {"init", YELLOW},
        {"suspect", YELLOW},
        {"maintenance", YELLOW},
        {"unknown", YELLOW},
        {"deny", YELLOW},
        {"down", RED},
        {"unreachable", RED},
        {"problem", RED},
        {"error", RED},
    };

    if (!cli->colour || field->type != BW_TYPE_ENUM)
        return "";
    for (size_t i = 0; i < sizeof(colours) / sizeof(colours[0]); i++)
        if (strcmp(colours[i].value, value) == 0)
            return colours[i].colour;
    return "";
}

const char *bw_cli_colour_off(const struct bw_cli *cli, const char *colour)
{
    return cli->colour && colour[0] != '\0' ? OFF : "";
}
