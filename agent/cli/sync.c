/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * State synchronisation for people: `bellwether sync` with a verdict on each rule, and `cphaprob syncstat`, the same
 * counters in that command's words. Whether a value is well is the daemon's to say; nothing is judged here.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/cli/cli.h"
#include "bellwether/json.h"
#include "bellwether/text.h"

#define LABEL 40 /* columns of a rule's title */

static const struct bw_object *sync_object(void)
{
    return &bw_catalogue[BW_OBJECT_SYNC];
}

/* A field's value as text; "-" when the daemon does not tell it. */
static void value_of(struct json_object *sync, const char *key, char *buf, size_t cap)
{
    const struct bw_field *field = bw_field_by_key(sync_object(), key);

    bw_copy(buf, cap, "-");
    if (field != NULL && bw_cli_get(sync, key) != NULL)
        bw_cli_value(field, bw_cli_get(sync, key), NULL, buf, cap);
}

static void print_line(struct bw_cli *cli, const char *label, const char *text)
{
    fprintf(cli->out, "%-10s ", label);
    bw_cli_wrap(cli, text, 11);
    fprintf(cli->out, "\n");
}

static void print_state(struct bw_cli *cli, struct json_object *sync)
{
    char text[3 * BW_TEXT_MAX], value[BW_TEXT_MAX], detail[BW_TEXT_MAX];

    bw_copy(detail, sizeof(detail), bw_cli_text(sync, "detail"));
    bw_cli_clean(detail);
    bw_format(text, sizeof(text), "%s, %lu entries here, %lu of other members%s%s", bw_cli_text(sync, "state"),
              (unsigned long)bw_cli_number(sync, "entries"), (unsigned long)bw_cli_number(sync, "entries_peers"),
              detail[0] != '\0' ? ": " : "", detail);
    print_line(cli, "State:", text);
    bw_copy(detail, sizeof(detail), bw_cli_text(sync, "advice"));
    bw_cli_clean(detail);
    bw_format(text, sizeof(text), "look at it: %s", detail);
    print_line(cli, "Verdict:", bw_cli_bool(sync, "healthy") ? "healthy" : text);
    value_of(sync, "last_reset", value, sizeof(value));
    /* Counters remember what is over, too. */
    bw_format(text, sizeof(text), "%s%s", strcmp(value, "-") == 0 ? "never, counted since the start" : value,
              bw_cli_bool(sync, "healthy") ? "" : "; when it is settled, \"bellwether sync --reset\" counts anew");
    print_line(cli, "Reset:", text);
}

/* A line for each rule, and below it what to do when it is broken. */
static void print_verdicts(struct bw_cli *cli, struct json_object *verdicts)
{
    fprintf(cli->out, "\n%-*s %10s %10s  Verdict\n", LABEL, "Rule", "Value", "Up to");
    for (size_t i = 0; i < bw_cli_rows(verdicts); i++) {
        struct json_object *v = json_object_array_get_idx(verdicts, i);
        bool percent = strcmp(bw_cli_text(v, "unit"), "percent") == 0;
        char limit[32], advice[2 * BW_TEXT_MAX];

        bw_format(limit, sizeof(limit), percent ? "%lu %%" : "%lu", (unsigned long)bw_cli_number(v, "limit"));
        fprintf(cli->out, "%-*s %10s %10s  %s\n", LABEL, bw_cli_text(v, "title"), bw_cli_text(v, "shown"), limit,
                bw_cli_bool(v, "healthy") ? "healthy" : "look at it");
        bw_copy(advice, sizeof(advice), bw_cli_text(v, "advice"));
        if (advice[0] == '\0')
            continue;
        fprintf(cli->out, "      ");
        bw_cli_wrap(cli, advice, 6);
        fprintf(cli->out, "\n");
    }
}

/* The key as words; a duration shows its own unit. */
static void key_text(const char *key, char *buf, size_t cap)
{
    static const char unit[] = "_seconds";
    size_t length = strlen(key);

    bw_copy(buf, cap, key);
    if (length > sizeof(unit) && strcmp(key + length - strlen(unit), unit) == 0)
        buf[length - strlen(unit)] = '\0';
    for (char *c = buf; *c != '\0'; c++)
        *c = *c == '_' ? ' ' : *c;
}

/* All numbers of the object, two a line. */
static void print_counters(struct bw_cli *cli, struct json_object *sync)
{
    const struct bw_object *object = sync_object();
    bool left = true;

    fprintf(cli->out, "\nCounters:\n");
    for (uint32_t i = 0; i < object->fields_count; i++) {
        const struct bw_field *field = &object->fields[i];
        char label[BW_NAME_MAX], value[BW_TEXT_MAX];

        if (field->type == BW_TYPE_TEXT || field->type == BW_TYPE_ENUM || field->type == BW_TYPE_BOOL ||
            field->type == BW_TYPE_WALL)
            continue;
        key_text(field->key, label, sizeof(label));
        value_of(sync, field->key, value, sizeof(value));
        fprintf(cli->out, left ? "  %-24s %12s" : "  %-24s %12s\n", label, value);
        left = !left;
    }
    if (!left)
        fprintf(cli->out, "\n");
}

static void print_sync(struct bw_cli *cli, struct json_object *sync, struct json_object *members)
{
    if (strcmp(bw_cli_text(sync, "state"), "off") == 0) {
        print_line(cli, "State:", "off: nothing is synchronised with other members");
        return;
    }
    print_state(cli, sync);
    print_verdicts(cli, bw_cli_get(sync, "verdicts"));
    fprintf(cli->out, "\nPeers:\n");
    bw_cli_table(cli, &bw_catalogue[BW_OBJECT_SYNC_PEER], NULL, bw_cli_get(sync, "peers"), members);
    print_counters(cli, sync);
}

/* Asks for the synchronisation and the members, of one snapshot. */
static int ask(struct bw_cli *cli, struct json_object **answer, struct json_object **data)
{
    static const enum bw_object_kind kinds[] = {BW_OBJECT_CLUSTER, BW_OBJECT_MEMBER, BW_OBJECT_SYNC};
    struct json_object *request = bw_cli_request("state"), *objects = json_object_new_array();
    int rc;

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        json_object_array_add(objects, json_object_new_string(bw_catalogue[kinds[i]].key));
    json_object_object_add(request, "objects", objects);
    rc = bw_cli_ask(cli, request, answer);
    *data = bw_cli_get(*answer, "data");
    return rc;
}

BW_CLI_COMMAND(bw_cli_sync)
{
    struct json_object *answer, *data, *sync;
    int rc;

    (void)command;
    (void)argc;
    (void)argv;
    if (options->reset)
        return bw_cli_act(cli, bw_cli_request("sync-reset"), false);
    rc = ask(cli, &answer, &data);
    sync = bw_cli_get(data, sync_object()->key);
    if (rc == BW_EXIT_DONE && cli->json)
        fprintf(
            cli->out, "%s\n",
            json_object_to_json_string_ext(sync, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | BW_JSON_FLAGS));
    else if (rc == BW_EXIT_DONE)
        print_sync(cli, sync, bw_cli_get(data, "members"));
    json_object_put(answer);
    return rc;
}

/* ---- cphaprob syncstat ---- */

/* Counters as that command names them, under the daemon's keys. */
static const struct {
    const char *title; /* begins a part, or NULL */
    const char *label, *key;
} counters[] = {
    {"Sync Statistics (sent updates)", "Total updates", "sent"},
    {NULL, "Retransmitted updates", "retransmitted"},
    {NULL, "Retransmission requests", "requests_sent"},
    {NULL, "Acks", "acks_sent"},
    {"Sync Statistics (received updates)", "Total updates", "received"},
    {NULL, "Queued", "received_queued"},
    {NULL, "Dropped by net", "received_dropped"},
    {NULL, "Retransmission requests", "requests_received"},
    {NULL, "Acks", "acks_received"},
    {NULL, "Requests for an illegal sequence number", "requests_illegal"},
    {"Callbacks", "Handled", "callbacks"},
    {NULL, "Average delay", "callback_average_seconds"},
    {NULL, "Max delay", "callback_max_seconds"},
    {"Delta sync", "Memory in use (bytes)", "delta_memory_bytes"},
    {NULL, "Pending packets held", "pending_held"},
    {NULL, "Released by timeout", "released_by_timeout"},
    {NULL, "Sent retransmission requests", "requests_sent"},
    {NULL, "Average missing updates per request", NULL},
    {NULL, "Old or too-new updates", "too_old"},
    {NULL, "Unsynced missing updates", "missing_unsynced"},
    {NULL, "Lost sync connection events", "lost_connections"},
    {NULL, "Timed out sync connection events", "timed_out_connections"},
    {NULL, "Total generated updates", "generated"},
    {NULL, "Received retransmission requests", "requests_received"},
    {NULL, "Received duplicate retransmission requests", "requests_duplicate"},
    {NULL, "Blocking scenarios", "blocking_scenarios"},
    {NULL, "Blocked packets", "blocked_packets"},
    {NULL, "Max length of sending queue", "queue_max"},
    {NULL, "Average length of sending queue", "queue_average"},
    {NULL, "Hold packet events", "holds"},
    {NULL, "Unhold packet events", "unholds"},
    {NULL, "Not held for lack of members", "not_held"},
    {NULL, "Max held duration", "held_max_seconds"},
    {NULL, "Average held duration", "held_average_seconds"},
    {"Timers and queues", "Sync tick", "tick_seconds"},
    {NULL, "CPHA tick", "heartbeat_interval_seconds"},
    {NULL, "Sending queue size", "sending_queue"},
    {NULL, "Receiving queue size", "receiving_queue"},
    {NULL, "Updates dropped by overload", "dropped_overload"},
    {NULL, "Last reset", "last_reset"},
};

/* What is no field of its own: a quotient, and the cluster's interval. */
static void other_value(struct json_object *data, const char *key, char *buf, size_t cap)
{
    struct json_object *sync = bw_cli_get(data, "sync"), *cluster = bw_cli_get(data, "cluster");
    const struct bw_field *field = key != NULL ? bw_field_by_key(&bw_catalogue[BW_OBJECT_CLUSTER], key) : NULL;
    int64_t requests = bw_cli_number(sync, "requests_sent");

    bw_copy(buf, cap, "-");
    if (field != NULL && bw_cli_get(cluster, key) != NULL)
        bw_cli_value(field, bw_cli_get(cluster, key), NULL, buf, cap);
    else if (key == NULL && requests > 0)
        snprintf(buf, cap, "%.1f", (double)bw_cli_number(sync, "requested_missing") / (double)requests);
    else if (key == NULL)
        bw_copy(buf, cap, "0");
}

int bw_cli_syncstat(struct bw_cli *cli, bool reset)
{
    struct json_object *answer, *data, *sync;
    int rc;

    if (reset)
        return bw_cli_act(cli, bw_cli_request("sync-reset"), true);
    rc = ask(cli, &answer, &data);
    if (rc != BW_EXIT_DONE)
        return rc;
    sync = bw_cli_get(data, sync_object()->key);
    if (strcmp(bw_cli_text(sync, "state"), "off") == 0)
        fprintf(cli->out, "\nState synchronisation is off: nothing is counted.\n");
    for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
        char value[BW_TEXT_MAX];

        if (counters[i].key != NULL && bw_field_by_key(sync_object(), counters[i].key) != NULL)
            value_of(sync, counters[i].key, value, sizeof(value));
        else
            other_value(data, counters[i].key, value, sizeof(value));
        if (counters[i].title != NULL)
            fprintf(cli->out, "\n%s:\n", counters[i].title);
        fprintf(cli->out, "  %-45s %s\n", counters[i].label, value);
    }
    fprintf(cli->out, "\n");
    json_object_put(answer);
    return BW_EXIT_DONE;
}
