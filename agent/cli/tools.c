/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Commands that need no daemon: check, key, version.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "agent/cli/cli.h"
#include "bellwether/config.h"

static void print_check_json(struct bw_cli *cli, const char *path, const struct bw_config_errors *errors)
{
    struct json_object *result = json_object_new_object(), *list = json_object_new_array();
    const char *line = errors->text;

    while (*line != '\0') {
        size_t length = strcspn(line, "\n");

        json_object_array_add(list, json_object_new_string_len(line, (int)length));
        line += length + (line[length] == '\n');
    }
    json_object_object_add(result, "file", json_object_new_string(path));
    json_object_object_add(result, "errors", list);
    fprintf(cli->out, "%s\n",
            json_object_to_json_string_ext(result, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
                                                       JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(result);
}

/* The daemon will want the cluster's key; whoever may not read it, or checks a file elsewhere, is told and no more. */
static void warn_of_key(struct bw_cli *cli, const struct bw_config *config, struct bw_config_errors *errors)
{
    uint8_t keys[2][BW_KEY_BYTES];
    unsigned count;

    if (config->cluster.auth_none || geteuid() != 0)
        return;
    if (bw_config_read_key(config->cluster.key_file, keys, &count, errors) != 0)
        fprintf(cli->err, "The daemon will not start with this key file:\n%s", errors->text);
    explicit_bzero(keys, sizeof(keys));
}

BW_CLI_COMMAND(bw_cli_check)
{
    const char *path = argc > 0 ? argv[0] : cli->config_option != NULL ? cli->config_option : BW_CLI_DEFAULT_CONFIG;
    struct bw_config *config = calloc(1, sizeof(*config));
    struct bw_config_errors *errors = calloc(1, sizeof(*errors));
    int rc = BW_EXIT_PROBLEM;

    (void)command;
    (void)options;
    if (config == NULL || errors == NULL)
        goto out;
    if (bw_config_load(path, config, errors) == 0 && bw_config_resolve_host(config, errors) == 0)
        rc = BW_EXIT_DONE;
    if (cli->json)
        print_check_json(cli, path, errors);
    if (rc == BW_EXIT_DONE && !cli->json)
        fprintf(cli->out, "%s: good: cluster %s (%d), this host is %s\n", path, config->cluster.name,
                config->cluster.id, config->cluster.members[config->cluster.local].name);
    if (rc == BW_EXIT_DONE && !cli->json)
        warn_of_key(cli, config, errors);
    else if (rc != BW_EXIT_DONE)
        fputs(errors->text, cli->err);
out:
    free(errors);
    free(config);
    return rc;
}

BW_CLI_COMMAND(bw_cli_key)
{
    uint8_t key[BW_KEY_BYTES];
    char text[2 * BW_KEY_BYTES + 1];

    (void)command;
    (void)options;
    (void)argc;
    (void)argv;
    if (getrandom(key, sizeof(key), 0) != sizeof(key)) {
        fprintf(cli->err, "bellwether: no randomness: %s\n", strerror(errno));
        return BW_EXIT_PROBLEM;
    }
    for (size_t i = 0; i < sizeof(key); i++)
        snprintf(text + 2 * i, 3, "%02x", key[i]);
    fprintf(cli->out, "%s\n", text);
    explicit_bzero(key, sizeof(key));
    explicit_bzero(text, sizeof(text));
    return BW_EXIT_DONE;
}

BW_CLI_COMMAND(bw_cli_version)
{
    (void)command;
    (void)options;
    (void)argc;
    (void)argv;
    fprintf(cli->out, "bellwether %s\n", BW_VERSION);
    return BW_EXIT_DONE;
}
