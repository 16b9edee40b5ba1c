/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Commands that show one object: a table for people, the object itself with -j.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/cli/cli.h"
#include "bellwether/json.h"

void bw_cli_print_json(struct bw_cli *cli, struct json_object *data)
{
    fprintf(cli->out, "%s\n",
            json_object_to_json_string_ext(data, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | BW_JSON_FLAGS));
}

struct json_object *bw_cli_objects_request(const char *const *keys, unsigned limit)
{
    struct json_object *request = bw_cli_request("state"), *objects = json_object_new_array();

    json_object_array_add(objects, json_object_new_string(bw_catalogue[BW_OBJECT_MEMBER].key));
    for (size_t i = 0; keys[i] != NULL; i++)
        json_object_array_add(objects, json_object_new_string(keys[i]));
    /* Their rows name groups by number. */
    if (strcmp(keys[0], bw_catalogue[BW_OBJECT_RESOURCE].key) == 0)
        json_object_array_add(objects, json_object_new_string(bw_catalogue[BW_OBJECT_GROUP].key));
    json_object_object_add(request, "objects", objects);
    if (limit > 0)
        json_object_object_add(request, "limit", json_object_new_int((int)limit));
    return request;
}

void bw_cli_name_groups(struct json_object *rows, struct json_object *groups)
{
    for (size_t i = 0; i < bw_cli_rows(rows); i++) {
        struct json_object *row = json_object_array_get_idx(rows, i);
        struct json_object *group = bw_cli_row(groups, "index", bw_cli_number(row, "group"));

        if (group != NULL)
            json_object_object_add(row, "group", json_object_new_string(bw_cli_text(group, "name")));
    }
}

/* Shows objects one below the other, with titles when there are several. */
static int show_objects(struct bw_cli *cli, const char *const *keys, unsigned limit)
{
    struct json_object *answer, *data;
    int rc = bw_cli_ask(cli, bw_cli_objects_request(keys, limit), &answer);

    data = bw_cli_get(answer, "data");
    for (unsigned i = 0; rc == BW_EXIT_DONE && keys[i] != NULL; i++) {
        const struct bw_object *object = bw_object_by_key(keys[i]);

        if (cli->json) {
            bw_cli_print_json(cli, bw_cli_get(data, keys[i]));
            break; /* the first is the one that was asked for */
        }
        if (keys[1] != NULL)
            fprintf(cli->out, "%s%s:\n", i > 0 ? "\n" : "", object->title);
        bw_cli_name_groups(bw_cli_get(data, keys[i]), bw_cli_get(data, "groups"));
        bw_cli_table(cli, object, NULL, bw_cli_get(data, keys[i]), bw_cli_get(data, "members"));
    }
    json_object_put(answer);
    return rc;
}

BW_CLI_COMMAND(bw_cli_show)
{
    (void)options;
    (void)argc;
    (void)argv;
    return show_objects(cli, (const char *const[]){command->name, NULL}, 0);
}

BW_CLI_COMMAND(bw_cli_groups)
{
    static const char *const keys[] = {"groups", "group_members", NULL};

    (void)command;
    (void)options;
    (void)argc;
    (void)argv;
    return show_objects(cli, keys, 0);
}

BW_CLI_COMMAND(bw_cli_traps)
{
    static const char *const keys[] = {"trap_rules", NULL};

    (void)command;
    (void)options;
    (void)argc;
    (void)argv;
    return show_objects(cli, keys, 0);
}
