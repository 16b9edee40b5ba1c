/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables: a walker over one object of the catalogue and the JSON rows that the daemon sent. It knows no field by name
 * but "local", which marks the row of the member that answers. Long texts are shown last, wrapped to what is left of
 * the width, or on lines of their own below the row when too little is left.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/cli/cli.h"
#include "bellwether/text.h"

#define COLUMNS_MAX 32
#define GAP         2 /* between columns; 1 when the table would be too wide */
#define TEXT_LEAST  20 /* a long text gets a column only when this much is left */
#define HANGING     6  /* else it hangs this far below its row */
#define CELL_MAX    (2 * BW_TEXT_MAX)

struct table {
    struct bw_cli *cli;
    struct json_object *rows;
    struct json_object *members;
    size_t count;
    bool marks; /* rows have a mark for "local" */
    unsigned columns;
    const struct bw_field *fields[COLUMNS_MAX];
    size_t widths[COLUMNS_MAX];
    bool right[COLUMNS_MAX]; /* aligned to the right: numbers, but for those that were replaced by a name */
    unsigned narrow; /* columns before the long texts */
    size_t long_at;  /* where a long text begins; 0: below the row */
    int gap;
};

static bool is_long(const struct bw_field *field)
{
    return field->type == BW_TYPE_TEXT && field->size >= BW_TEXT_MAX;
}

static bool is_right_aligned(const struct bw_field *field)
{
    return field->type == BW_TYPE_U32 || field->type == BW_TYPE_GAUGE || field->type == BW_TYPE_COUNTER ||
           field->type == BW_TYPE_U64 || field->type == BW_TYPE_NS || field->type == BW_TYPE_BRIEF ||
           field->type == BW_TYPE_OFFSET;
}

static void cell(const struct table *t, size_t row, unsigned column, char *buf)
{
    struct json_object *object = json_object_array_get_idx(t->rows, row);

    bw_cli_value(t->fields[column], bw_cli_get(object, t->fields[column]->key), t->members, buf, CELL_MAX);
}

static bool is_chosen(const struct bw_field *field, const char *const *keys)
{
    if (keys == NULL)
        return field->heading != NULL;
    for (; *keys != NULL; keys++)
        if (strcmp(*keys, field->key) == 0)
            return true;
    return false;
}

/* Adds the chosen fields that are long, or those that are not. A long one that says nothing in any row is left out. */
static void add_columns(struct table *t, const struct bw_object *object, const char *const *keys, bool long_ones)
{
    char buf[CELL_MAX];

    for (uint32_t i = 0; i < object->fields_count && t->columns < COLUMNS_MAX; i++) {
        const struct bw_field *field = &object->fields[i];
        bool says = false;

        if (!is_chosen(field, keys) || is_long(field) != long_ones)
            continue;
        t->fields[t->columns] = field;
        t->right[t->columns] = is_right_aligned(field) &&
                               !json_object_is_type(bw_cli_get(json_object_array_get_idx(t->rows, 0), field->key), json_type_string);
        t->widths[t->columns] = bw_cli_columns(field->heading != NULL ? field->heading : field->key);
        for (size_t row = 0; row < t->count; row++) {
            cell(t, row, t->columns, buf);
            says = says || strcmp(buf, "-") != 0;
            if (bw_cli_columns(buf) > t->widths[t->columns])
                t->widths[t->columns] = bw_cli_columns(buf);
        }
        t->columns += !long_ones || says;
    }
}

void bw_cli_wrap(struct bw_cli *cli, const char *text, size_t at)
{
    size_t column = at;
    bool first = true;

    while (*text != '\0') {
        size_t length = strcspn(text, " "), columns = 0;

        for (size_t i = 0; i < length; i++)
            columns += ((unsigned char)text[i] & 0xc0) != 0x80;
        if (!first && column + 1 + columns > cli->width) {
            fprintf(cli->out, "\n%*s", (int)at, "");
            column = at;
            first = true;
        }
        if (length > 0) {
            fprintf(cli->out, "%s%.*s", first ? "" : " ", (int)length, text);
            column += columns + !first;
            first = false;
        }
        text += length + strspn(text + length, " ");
    }
}

/* Prints one cell and the gap after it, unless it is the last one of its line. */
static void print_cell(const struct table *t, unsigned column, const char *text, bool heading, bool last)
{
    const char *colour = heading ? "" : bw_cli_colour(t->cli, t->fields[column], text);
    const char *off = bw_cli_colour_off(t->cli, colour);
    int pad = (int)(t->widths[column] - bw_cli_columns(text));
    FILE *out = t->cli->out;

    if (t->right[column])
        fprintf(out, "%*s%s%s%s%*s", pad, "", colour, text, off, last ? 0 : t->gap, "");
    else
        fprintf(out, "%s%s%s%*s", colour, text, off, last ? 0 : pad + t->gap, "");
}

static int choose_gap(const struct table *t)
{
    size_t total = t->marks ? 2 : 0;

    for (unsigned c = 0; c < t->narrow; c++)
        total += t->widths[c] + (c > 0 ? GAP : 0);
    return total > t->cli->width ? 1 : GAP;
}

/* Where long texts go: one gets a column of its own when enough is left. */
static size_t place_long(const struct table *t)
{
    size_t at = t->marks ? 2 : 0;

    for (unsigned c = 0; c < t->narrow; c++)
        at += t->widths[c] + (size_t)t->gap;
    return t->columns == t->narrow + 1 && at + TEXT_LEAST <= t->cli->width ? at : 0;
}

static void print_headings(const struct table *t)
{
    fprintf(t->cli->out, "%s", t->marks ? "  " : "");
    for (unsigned c = 0; c < t->narrow; c++)
        print_cell(t, c, t->fields[c]->heading != NULL ? t->fields[c]->heading : t->fields[c]->key, true,
                   c + 1 == t->narrow && t->long_at == 0);
    if (t->long_at > 0)
        fprintf(t->cli->out, "%s", t->fields[t->narrow]->heading);
    fprintf(t->cli->out, "\n");
}

static void print_long(const struct table *t, size_t row)
{
    char buf[CELL_MAX];

    for (unsigned c = t->narrow; c < t->columns; c++) {
        cell(t, row, c, buf);
        if (t->long_at > 0) {
            bw_cli_wrap(t->cli, buf, t->long_at);
        } else if (strcmp(buf, "-") != 0) {
            const char *heading = t->fields[c]->heading;

            /* Several long texts are told apart by their headings. */
            fprintf(t->cli->out, "\n%*s", HANGING, "");
            if (t->columns > t->narrow + 1 && heading != NULL)
                fprintf(t->cli->out, "%s: ", heading);
            bw_cli_wrap(t->cli, buf,
                        HANGING + (t->columns > t->narrow + 1 && heading != NULL ? strlen(heading) + 2 : 0));
        }
    }
}

static void print_row(const struct table *t, size_t row)
{
    struct json_object *object = json_object_array_get_idx(t->rows, row);
    char buf[CELL_MAX];

    if (t->marks)
        fprintf(t->cli->out, "%s", bw_cli_bool(object, "local") ? "* " : "  ");
    for (unsigned c = 0; c < t->narrow; c++) {
        cell(t, row, c, buf);
        print_cell(t, c, buf, false, c + 1 == t->narrow && t->long_at == 0);
    }
    print_long(t, row);
    fprintf(t->cli->out, "\n");
}

void bw_cli_table(struct bw_cli *cli, const struct bw_object *object, const char *const *keys, struct json_object *rows,
                  struct json_object *members)
{
    struct table t = {.cli = cli, .rows = rows, .members = members};

    t.count = json_object_is_type(rows, json_type_array) ? json_object_array_length(rows) : 0;
    if (t.count == 0) {
        fprintf(cli->out, "%s: none\n", object->title);
        return;
    }
    t.marks = bw_field_by_key(object, "local") != NULL;
    add_columns(&t, object, keys, false);
    t.narrow = t.columns;
    t.gap = choose_gap(&t);
    add_columns(&t, object, keys, true);
    t.long_at = place_long(&t);
    print_headings(&t);
    for (size_t row = 0; row < t.count; row++)
        print_row(&t, row);
}
