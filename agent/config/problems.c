/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The list of what is wrong with a file, and the pieces of its messages: quoting, line numbers, nearness of names.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config/reader.h"

static void add(struct bw_config_reader *reader, unsigned line, const char *format, va_list args)
{
    char *text;

    reader->problems_count++;
    if (reader->problems_kept == reader->problems_room) {
        unsigned room = reader->problems_room ? reader->problems_room * 2 : 16;
        struct bw_config_problem *more = realloc(reader->problems, room * sizeof(*more));

        if (!more)
            return;
        reader->problems = more;
        reader->problems_room = room;
    }
    if (vasprintf(&text, format, args) < 0)
        return;
    reader->problems[reader->problems_kept++] = (struct bw_config_problem){.line = line ? line : 1, .text = text};
}

void bw_config_problem(struct bw_config_reader *reader, const config_setting_t *where, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add(reader, where ? config_setting_source_line(where) : 1, format, args);
    va_end(args);
}

void bw_config_problem_at(struct bw_config_reader *reader, unsigned line, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add(reader, line, format, args);
    va_end(args);
}

/* Insertion sort, so that problems of one line stay in the order in which they were found. */
static void sort_by_line(struct bw_config_problem *problems, unsigned count)
{
    for (unsigned i = 1; i < count; i++) {
        struct bw_config_problem p = problems[i];
        unsigned j = i;

        for (; j > 0 && problems[j - 1].line > p.line; j--)
            problems[j] = problems[j - 1];
        problems[j] = p;
    }
}

void bw_config_problems_tell(struct bw_config_reader *reader, struct bw_config_errors *errors)
{
    /* Room that stays free for the line that says how many more there are. */
    const size_t last_line = strlen(reader->name) < 200 ? strlen(reader->name) + 40 : 240;
    unsigned told = 0;

    sort_by_line(reader->problems, reader->problems_kept);
    errors->count = reader->problems_count;
    errors->length = 0;
    errors->text[0] = '\0';
    for (; told < reader->problems_kept; told++) {
        const struct bw_config_problem *p = &reader->problems[told];
        size_t room = sizeof(errors->text) - errors->length - last_line;
        int n = snprintf(errors->text + errors->length, room, "%s:%u: %s\n", reader->name, p->line, p->text);

        if (n < 0 || (size_t)n >= room) {
            errors->text[errors->length] = '\0';
            break;
        }
        errors->length += (size_t)n;
    }
    if (told < reader->problems_count)
        errors->length += (size_t)snprintf(errors->text + errors->length, last_line, "%.200s: %u more\n", reader->name,
                                           reader->problems_count - told);
    for (unsigned i = 0; i < reader->problems_kept; i++)
        free(reader->problems[i].text);
    free(reader->problems);
    reader->problems = NULL;
    reader->problems_kept = reader->problems_room = 0;
}

void bw_config_tell(struct bw_config_errors *errors, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(errors->text, sizeof(errors->text) - 1, format, args);
    va_end(args);
    if (n < 0)
        n = 0;
    if ((size_t)n > sizeof(errors->text) - 2)
        n = (int)sizeof(errors->text) - 2;
    errors->text[n++] = '\n';
    errors->text[n] = '\0';
    errors->length = (size_t)n;
    errors->count = 1;
}

const char *bw_config_quote(const char *value, size_t length, char *buf)
{
    size_t at = 0, i = 0;

    buf[at++] = '"';
    for (; i < length && at < BW_QUOTE_MAX - 10; i++) {
        unsigned char c = (unsigned char)value[i];

        if (c < 0x20 || c > 0x7e)
            at += (size_t)snprintf(buf + at, 5, "\\x%02x", c);
        else
            buf[at++] = (char)c;
    }
    snprintf(buf + at, BW_QUOTE_MAX - at, "%s\"", i < length ? "..." : "");
    return buf;
}

const char *bw_config_shown(const config_setting_t *setting, char *buf)
{
    const char *text;

    switch (config_setting_type(setting)) {
    case CONFIG_TYPE_STRING:
        text = config_setting_get_string(setting);
        return bw_config_quote(text, strlen(text), buf);
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        snprintf(buf, BW_QUOTE_MAX, "%lld", config_setting_get_int64(setting));
        return buf;
    case CONFIG_TYPE_FLOAT:
        snprintf(buf, BW_QUOTE_MAX, "%g", config_setting_get_float(setting));
        return buf;
    case CONFIG_TYPE_BOOL:
        return config_setting_get_bool(setting) ? "true" : "false";
    case CONFIG_TYPE_GROUP:
        return "{ ... }";
    case CONFIG_TYPE_ARRAY:
        return "[ ... ]";
    default:
        return "( ... )";
    }
}

unsigned bw_config_line(const config_setting_t *section, const char *key)
{
    const config_setting_t *setting = section ? config_setting_get_member(section, key) : NULL;

    if (setting)
        return config_setting_source_line(setting);
    return section ? config_setting_source_line(section) : 1;
}

unsigned bw_config_distance(const char *a, const char *b, unsigned most)
{
    size_t length_a = strlen(a), length_b = strlen(b);
    unsigned rows[2][BW_NAME_MAX + 1];

    if (length_b > BW_NAME_MAX || length_a > length_b + most || length_b > length_a + most)
        return most + 1;
    for (size_t j = 0; j <= length_b; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= length_a; i++) {
        unsigned *old = rows[(i - 1) % 2], *new = rows[i % 2];

        new[0] = (unsigned)i;
        for (size_t j = 1; j <= length_b; j++) {
            unsigned change = old[j - 1] + (a[i - 1] != b[j - 1]);
            unsigned shift = (old[j] < new[j - 1] ? old[j] : new[j - 1]) + 1;

            new[j] = change < shift ? change : shift;
        }
    }
    return rows[length_a % 2][length_b] > most ? most + 1 : rows[length_a % 2][length_b];
}
