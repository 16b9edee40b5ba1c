/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Commands that change something. The daemon looks names up, decides and gives the reason; nothing is decided here.
 */
#include <string.h>

#include "agent/cli/cli.h"
#include "bellwether/text.h"

static void add_text(struct json_object *request, const char *key, const char *text)
{
    json_object_object_add(request, key, json_object_new_string(text));
}

int bw_cli_act(struct bw_cli *cli, struct json_object *request, bool quiet)
{
    struct json_object *answer;
    int rc = bw_cli_ask(cli, request, &answer);

    if (rc == BW_EXIT_DONE && cli->json) {
        fprintf(cli->out, "%s\n", json_object_to_json_string_ext(answer, JSON_C_TO_STRING_PLAIN));
    } else if (rc == BW_EXIT_DONE &&
               !(quiet && strcmp(bw_cli_text(answer, "result"), "done") == 0 && bw_cli_text(answer, "text")[0] == '\0')) {
        char text[2 * BW_TEXT_MAX];

        bw_copy(text, sizeof(text), bw_cli_text(answer, "text"));
        bw_cli_clean(text);
        fprintf(cli->out, "%s%s%s\n", bw_cli_text(answer, "result"), text[0] != '\0' ? ": " : "", text);
        bw_cli_lines(answer, cli->out);
    }
    json_object_put(answer);
    return rc;
}

static int act(struct bw_cli *cli, struct json_object *request)
{
    return bw_cli_act(cli, request, false);
}

/* down, up, maintenance */
BW_CLI_COMMAND(bw_cli_admin)
{
    struct json_object *request = bw_cli_request(command->name);

    if (argc > 0)
        add_text(request, "member", argv[0]);
    if (options->force)
        json_object_object_add(request, "force", json_object_new_boolean(true));
    return act(cli, request);
}

/* move, start, stop */
BW_CLI_COMMAND(bw_cli_move)
{
    struct json_object *request = bw_cli_request(command->name);

    (void)options;
    add_text(request, "group", argv[0]);
    if (argc > 1)
        add_text(request, "member", argv[1]);
    return act(cli, request);
}

bool bw_cli_is_status(const char *text)
{
    uint32_t value;

    return bw_enum_value(&bw_enum_pnote_status, text, &value) == 0 && value != BW_PNOTE_UNKNOWN;
}

struct json_object *bw_cli_register_request(const char *name, const char *status, double timeout_s, bool persistent)
{
    struct json_object *request = bw_cli_request("register");

    add_text(request, "name", name);
    if (status != NULL)
        add_text(request, "status", status);
    if (timeout_s > 0)
        json_object_object_add(request, "timeout", json_object_new_double(timeout_s));
    if (persistent)
        json_object_object_add(request, "persistent", json_object_new_boolean(true));
    return request;
}

BW_CLI_COMMAND(bw_cli_register)
{
    if (options->file != NULL) {
        if (argc > 0 || options->status != NULL || options->has_timeout)
            return bw_cli_usage(cli, command, "names, timeouts and statuses are in the file; only -p goes with -f");
        return bw_cli_register_file(cli, options->file, options->persistent, false);
    }
    if (argc < 1)
        return bw_cli_usage(cli, command, "something is missing");
    if (options->status != NULL && !bw_cli_is_status(options->status))
        return bw_cli_usage(cli, command, "the status must be ok, init or problem, not \"%s\"", options->status);
    return act(cli, bw_cli_register_request(argv[0], options->status, options->timeout_s, options->persistent));
}

BW_CLI_COMMAND(bw_cli_report)
{
    char detail[BW_TEXT_MAX] = "";
    struct json_object *request;
    size_t used = 0;

    (void)options;
    if (!bw_cli_is_status(argv[1]))
        return bw_cli_usage(cli, command, "the status must be ok, init or problem, not \"%s\"", argv[1]);
    for (int i = 2; i < argc && used + 1 < sizeof(detail); i++)
        used += bw_format(detail + used, sizeof(detail) - used, "%s%s", i > 2 ? " " : "", argv[i]);
    request = bw_cli_request(command->name);
    add_text(request, "name", argv[0]);
    add_text(request, "status", argv[1]);
    if (argc > 2)
        add_text(request, "detail", detail);
    return act(cli, request);
}

BW_CLI_COMMAND(bw_cli_unregister)
{
    struct json_object *request = bw_cli_request(command->name);

    (void)argc;
    add_text(request, "name", argv[0]);
    if (options->persistent)
        json_object_object_add(request, "persistent", json_object_new_boolean(true));
    return act(cli, request);
}

BW_CLI_COMMAND(bw_cli_reload)
{
    (void)options;
    (void)argc;
    (void)argv;
    return act(cli, bw_cli_request(command->name));
}

BW_CLI_COMMAND(bw_cli_test_alert)
{
    struct json_object *request = bw_cli_request(command->name);

    (void)options;
    if (argc > 0)
        add_text(request, "name", argv[0]);
    return act(cli, request);
}
