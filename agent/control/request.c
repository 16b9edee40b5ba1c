/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The request parser of the control socket: one line of JSON in, one checked request out. Every byte comes from
 * outside; nothing here looks at the cluster, waits, or keeps anything. Fuzzed by tests/fuzz/fuzz_control.c.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "agent/control/control.h"
#include "bellwether/text.h"

#define TIMEOUT_MAX_S 1000000.0 /* eleven days: beyond that a pnote's timeout watches nothing */

/* Turns a JSON value into its field of the request. 0 or -EINVAL with the reason in error. */
typedef int (*argument_parser)(struct json_object *value, const char *key, struct bw_control_request *request,
                               char *error);

/* A JSON string of at most cap - 1 bytes, not empty, no control characters. */
static int take_name(struct json_object *value, const char *key, char *dst, size_t cap, char *error)
{
    const char *text;
    size_t length;

    if (!json_object_is_type(value, json_type_string)) {
        bw_format(error, BW_TEXT_MAX, "\"%s\" must be a string", key);
        return -EINVAL;
    }
    text = json_object_get_string(value);
    length = (size_t)json_object_get_string_len(value);
    if (length == 0 || length >= cap) {
        bw_format(error, BW_TEXT_MAX, "\"%s\" must have 1 to %u characters, not %lu", key, (unsigned)cap - 1,
                  (unsigned long)length);
        return -EINVAL;
    }
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f) {
            bw_format(error, BW_TEXT_MAX, "\"%s\" must not hold control characters", key);
            return -EINVAL;
        }
    bw_copy(dst, cap, text);
    return 0;
}

static int parse_member(struct json_object *value, const char *key, struct bw_control_request *request, char *error)
{
    if (json_object_is_type(value, json_type_int)) {
        int64_t id = json_object_get_int64(value);

        if (id < 1 || id > 254) {
            bw_format(error, BW_TEXT_MAX, "\"%s\" must be a member's name or an id from 1 to 254", key);
            return -EINVAL;
        }
        bw_format(request->member, sizeof(request->member), "%u", (unsigned)id);
        return 0;
    }
    return take_name(value, key, request->member, sizeof(request->member), error);
}

static int parse_group(struct json_object *value, const char *key, struct bw_control_request *request, char *error)
{
    return take_name(value, key, request->group, sizeof(request->group), error);
}

static int parse_name(struct json_object *value, const char *key, struct bw_control_request *request, char *error)
{
    return take_name(value, key, request->name, sizeof(request->name), error);
}

static int parse_status(struct json_object *value, const char *key, struct bw_control_request *request, char *error)
{
    const char *text = json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";

    if (bw_enum_value(&bw_enum_pnote_status, text, &request->status) < 0 || request->status == BW_PNOTE_UNKNOWN) {
        bw_format(error, BW_TEXT_MAX, "\"%s\" must be ok, init or problem", key);
        return -EINVAL;
    }
    return 0;
}

/* A report's text must never be lost over its form: control characters become blanks and what is too long is cut. */
static int parse_detail(struct json_object *value, const char *key, struct bw_control_request *request, char *error)
{
    if (!json_object_is_type(value, json_type_string)) {
        bw_format(error, BW_TEXT_MAX, "\"%s\" must be a string", key);
        return -EINVAL;
    }
    bw_copy(request->detail, sizeof(request->detail), json_object_get_string(value));
    for (char *c = request->detail; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = ' ';
    return 0;
}

static int parse_timeout(struct json_object *value, const char *key, struct bw_control_request *request, char *error)
{
    double seconds = -1;

    if (json_object_is_type(value, json_type_int) || json_object_is_type(value, json_type_double))
        seconds = json_object_get_double(value);
    if (!isfinite(seconds) || seconds < 0 || seconds > TIMEOUT_MAX_S) {
        bw_format(error, BW_TEXT_MAX, "\"%s\" must be seconds, 0 (none) to 1000000", key);
        return -EINVAL;
    }
    request->timeout_ns = (uint64_t)(seconds * 1e9);
    return 0;
}

static int take_bool(struct json_object *value, const char *key, bool *dst, char *error)
{
    if (!json_object_is_type(value, json_type_boolean)) {
        bw_format(error, BW_TEXT_MAX, "\"%s\" must be true or false", key);
        return -EINVAL;
    }
    *dst = json_object_get_boolean(value);
    return 0;
}

static int parse_force(struct json_object *value, const char *key, struct bw_control_request *request, char *error)
{
    return take_bool(value, key, &request->force, error);
}

static int parse_persistent(struct json_object *value, const char *key, struct bw_control_request *request, char *error)
{
    return take_bool(value, key, &request->persistent, error);
}

static int parse_limit(struct json_object *value, const char *key, struct bw_control_request *request, char *error)
{
    int64_t limit = json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : 0;

    if (limit < 1 || limit > BW_MAX_HISTORY) {
        bw_format(error, BW_TEXT_MAX, "\"%s\" must be a number from 1 to %u", key, BW_MAX_HISTORY);
        return -EINVAL;
    }
    request->limit = (uint32_t)limit;
    return 0;
}

static int parse_objects(struct json_object *value, const char *key, struct bw_control_request *request, char *error)
{
    size_t count = json_object_is_type(value, json_type_array) ? json_object_array_length(value) : 0;

    if (count < 1 || count > BW_CONTROL_OBJECTS_MAX) {
        bw_format(error, BW_TEXT_MAX, "\"%s\" must be an array of 1 to %u object names", key, BW_CONTROL_OBJECTS_MAX);
        return -EINVAL;
    }
    for (size_t i = 0; i < count; i++) {
        struct json_object *item = json_object_array_get_idx(value, i);
        const struct bw_object *object = NULL;

        if (json_object_is_type(item, json_type_string))
            object = bw_object_by_key(json_object_get_string(item));
        if (object == NULL) {
            bw_format(error, BW_TEXT_MAX, "\"%s\" names an object that does not exist", key);
            return -EINVAL;
        }
        request->objects[i] = (uint8_t)object->kind;
    }
    request->objects_count = (uint32_t)count;
    return 0;
}

static const struct argument {
    const char *key;
    unsigned bit;
    argument_parser parse;
} arguments[] = {
    {"member", BW_ARG_MEMBER, parse_member}, {"group", BW_ARG_GROUP, parse_group},
    {"name", BW_ARG_NAME, parse_name},       {"status", BW_ARG_STATUS, parse_status},
    {"detail", BW_ARG_DETAIL, parse_detail}, {"timeout", BW_ARG_TIMEOUT, parse_timeout},
    {"force", BW_ARG_FORCE, parse_force},    {"persistent", BW_ARG_PERSISTENT, parse_persistent},
    {"limit", BW_ARG_LIMIT, parse_limit},    {"objects", BW_ARG_OBJECTS, parse_objects},
};
#define ARGUMENTS (sizeof(arguments) / sizeof(arguments[0]))

static int parse_argument(const char *key, struct json_object *value, struct bw_control_request *request, char *error)
{
    for (size_t i = 0; i < ARGUMENTS; i++) {
        if (strcmp(arguments[i].key, key) != 0 || !(request->command->takes & arguments[i].bit))
            continue;
        request->given |= arguments[i].bit;
        return arguments[i].parse(value, key, request, error);
    }
    bw_format(error, BW_TEXT_MAX, "\"%s\" takes no such argument", request->command->name);
    return -EINVAL;
}

static int parse_object(struct json_object *root, struct bw_control_request *request, char *error)
{
    struct json_object *command = NULL;
    const char *name;
    int rc;

    if (!json_object_is_type(root, json_type_object) || !json_object_object_get_ex(root, "command", &command) ||
        !json_object_is_type(command, json_type_string)) {
        bw_copy(error, BW_TEXT_MAX, "a request is a JSON object with a \"command\"");
        return -EINVAL;
    }
    name = json_object_get_string(command);
    if (strlen(name) == (size_t)json_object_get_string_len(command))
        request->command = bw_control_command_by_name(name);
    if (request->command == NULL) {
        bw_copy(error, BW_TEXT_MAX, "no such command in this version");
        return -EINVAL;
    }
    json_object_object_foreach(root, key, value)
    {
        if (strcmp(key, "command") == 0)
            continue;
        rc = parse_argument(key, value, request, error);
        if (rc < 0)
            return rc;
    }
    for (size_t i = 0; i < ARGUMENTS; i++)
        if ((request->command->needs & arguments[i].bit) && !(request->given & arguments[i].bit)) {
            bw_format(error, BW_TEXT_MAX, "\"%s\" needs \"%s\"", request->command->name, arguments[i].key);
            return -EINVAL;
        }
    return 0;
}

int bw_control_parse(const char *line, size_t length, struct bw_control_request *request, char *error)
{
    struct json_tokener *tokener = NULL;
    struct json_object *root = NULL;
    int rc = -EINVAL;

    memset(request, 0, sizeof(*request));
    error[0] = '\0';
    if (length > BW_CONTROL_LINE_MAX) {
        bw_format(error, BW_TEXT_MAX, "the line is longer than %u bytes", BW_CONTROL_LINE_MAX);
        return -EINVAL;
    }
    tokener = json_tokener_new_ex(4);
    if (tokener == NULL) {
        bw_copy(error, BW_TEXT_MAX, "out of memory");
        return -ENOMEM;
    }
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    if (memchr(line, '\0', length) == NULL)
        root = json_tokener_parse_ex(tokener, line, (int)length);
    if (root == NULL || json_tokener_get_parse_end(tokener) < length) {
        bw_copy(error, BW_TEXT_MAX, "the line is not JSON");
        goto out;
    }
    rc = parse_object(root, request, error);
out:
    json_object_put(root);
    json_tokener_free(tokener);
    return rc;
}
