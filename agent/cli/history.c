/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The history: the last events, or those of a kind, about a member, or of the last hours. The daemon gives the newest ones
 * that it has; what is wanted of them is chosen here.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "agent/cli/cli.h"
#include "bellwether/text.h"

#define SHOWN_DEFAULT 20

/* What an event must be to be shown; what is not said lets all pass. */
struct filter {
    uint32_t kinds; /* bit per enum bw_event_kind, 0 = all */
    bool has_member;
    int64_t member; /* id */
    char since[40]; /* UTC, as events have their time; empty = from the first */
};

static int read_kinds(struct bw_cli *cli, const struct bw_cli_command *command, const char *text, struct filter *filter)
{
    char copy[256], choices[512], *rest = NULL;

    bw_copy(copy, sizeof(copy), text);
    for (char *word = strtok_r(copy, ",", &rest); word != NULL; word = strtok_r(NULL, ",", &rest)) {
        uint32_t kind;

        if (bw_enum_value(&bw_enum_event_kind, word, &kind) != 0)
            return bw_cli_usage(cli, command, "\"%s\" is no kind of event; allowed: %s", word,
                                bw_enum_choices(&bw_enum_event_kind, choices, sizeof(choices)));
        filter->kinds |= 1U << kind;
    }
    return BW_EXIT_DONE;
}

/* "90s", "30m", "12h", "7d", as the time that was then. */
static int read_age(struct bw_cli *cli, const struct bw_cli_command *command, const char *text, struct filter *filter)
{
    static const struct {
        char unit;
        double seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    char *end;
    double number = strtod(text, &end);

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (end != text && end[0] == units[i].unit && end[1] == '\0' && number > 0 && number * units[i].seconds < 1e9) {
            time_t then = time(NULL) - (time_t)(number * units[i].seconds);
            struct tm utc;

            gmtime_r(&then, &utc);
            strftime(filter->since, sizeof(filter->since), "%Y-%m-%dT%H:%M:%S", &utc);
            return BW_EXIT_DONE;
        }
    return bw_cli_usage(cli, command, "-a takes an age like 90s, 30m, 12h or 7d, not \"%s\"", text);
}

/* By name, else by id. False: there is none. */
static bool find_member(struct json_object *members, const char *text, struct filter *filter)
{
    for (size_t i = 0; i < bw_cli_rows(members); i++) {
        struct json_object *row = json_object_array_get_idx(members, i);
        char id[24];

        snprintf(id, sizeof(id), "%lld", (long long)bw_cli_number(row, "id"));
        if (strcasecmp(bw_cli_text(row, "name"), text) == 0 || strcmp(id, text) == 0) {
            filter->member = bw_cli_number(row, "id");
            filter->has_member = true;
            return true;
        }
    }
    return false;
}

static bool passes(const struct filter *filter, struct json_object *event)
{
    uint32_t kind = 0;

    if (filter->kinds != 0 && (bw_enum_value(&bw_enum_event_kind, bw_cli_text(event, "kind"), &kind) != 0 ||
                               (filter->kinds >> kind & 1) == 0))
        return false;
    if (filter->has_member && bw_cli_number(event, "member") != filter->member)
        return false;
    return strcmp(bw_cli_text(event, "time"), filter->since) >= 0; /* ISO 8601 in UTC: the order of texts is that of times */
}

/* The newest `count` events that pass, oldest first. A new reference. */
static struct json_object *choose(struct json_object *events, const struct filter *filter, unsigned count)
{
    struct json_object *chosen = json_object_new_array();
    size_t rows = bw_cli_rows(events), first = rows, found = 0;

    while (first > 0 && found < count)
        found += passes(filter, json_object_array_get_idx(events, --first));
    for (size_t i = first; i < rows; i++) {
        struct json_object *event = json_object_array_get_idx(events, i);

        if (passes(filter, event))
            json_object_array_add(chosen, json_object_get(event));
    }
    return chosen;
}

/* Which pnote or interface an event is about belongs to its reason for people, unless that names it already. */
static void add_event_objects(struct json_object *events)
{
    for (size_t i = 0; i < bw_cli_rows(events); i++) {
        struct json_object *event = json_object_array_get_idx(events, i);
        const char *object = bw_cli_text(event, "object"), *reason = bw_cli_text(event, "reason");
        char text[2 * BW_TEXT_MAX];

        if (object[0] == '\0' || strstr(reason, object) != NULL)
            continue;
        snprintf(text, sizeof(text), "%s%s%s", object, reason[0] != '\0' ? ": " : "", reason);
        json_object_object_add(event, "reason", json_object_new_string(text));
    }
}

BW_CLI_COMMAND(bw_cli_history)
{
    static const char *const keys[] = {"history", NULL};
    bool filtered = options->kinds != NULL || options->member != NULL || options->age != NULL;
    unsigned count = options->count > 0 ? options->count : filtered ? BW_MAX_HISTORY : SHOWN_DEFAULT;
    struct json_object *answer, *data, *events;
    struct filter filter = {0};
    int rc = BW_EXIT_DONE;

    (void)argc;
    (void)argv;
    if (options->kinds != NULL)
        rc = read_kinds(cli, command, options->kinds, &filter);
    if (rc == BW_EXIT_DONE && options->age != NULL)
        rc = read_age(cli, command, options->age, &filter);
    if (rc != BW_EXIT_DONE)
        return rc;
    rc = bw_cli_ask(cli, bw_cli_objects_request(keys, filtered ? BW_MAX_HISTORY : count), &answer);
    data = bw_cli_get(answer, "data");
    if (rc == BW_EXIT_DONE && options->member != NULL && !find_member(bw_cli_get(data, "members"), options->member, &filter))
        rc = bw_cli_usage(cli, command, "no member is called \"%s\"", options->member);
    if (rc == BW_EXIT_DONE) {
        events = choose(bw_cli_get(data, "history"), &filter, count);
        if (cli->json) {
            bw_cli_print_json(cli, events);
        } else {
            add_event_objects(events);
            bw_cli_table(cli, bw_object_by_key("history"), NULL, events, bw_cli_get(data, "members"));
        }
        json_object_put(events);
    }
    json_object_put(answer);
    return rc;
}
