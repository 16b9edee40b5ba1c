/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The screen that an operator looks at first: who is active, could another take over, the members, and only what is
 * wrong below.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/cli/cli.h"
#include "bellwether/json.h"
#include "bellwether/text.h"

#define STALE_S    3.0 /* the engine posts ten times a second */
#define LINE_BYTES (BW_MAX_GROUPS * (2 * BW_NAME_MAX + 8))

/* Column order is the catalogue's; long texts come last. */
static const char *const member_keys[] = {"id", "name", "state", "admin", "since", "reason", NULL};

static void print_line(struct bw_cli *cli, const char *label, const char *text)
{
    char clean[LINE_BYTES];

    bw_copy(clean, sizeof(clean), text);
    bw_cli_clean(clean);
    fprintf(cli->out, "%-10s ", label);
    bw_cli_wrap(cli, clean, 11);
    fprintf(cli->out, "\n");
}

/* Who has which group, where there are several: the active member of the cluster is that of the first one. */
static void print_groups(struct bw_cli *cli, struct json_object *groups, struct json_object *members)
{
    char text[LINE_BYTES], name[BW_NAME_MAX];
    size_t n = 0, count = bw_cli_rows(groups);

    for (size_t i = 0; i < count && count > 1; i++) {
        struct json_object *group = json_object_array_get_idx(groups, i);
        int64_t holder = bw_cli_number(group, "holder");

        bw_cli_member_name(members, holder, name, sizeof(name));
        n += bw_format(text + n, sizeof(text) - n, "%s%s %s%s", n > 0 ? ", " : "", bw_cli_text(group, "name"), holder != 0 ? "on " : "",
                       holder != 0 ? name : bw_cli_bool(group, "stopped") ? "stopped" : "nowhere");
    }
    if (n > 0)
        print_line(cli, "Groups:", text);
}

/* Members that are not in view, and frames that are not under our key: that is one trouble, and no firewall's. */
static void print_refused_frames(struct bw_cli *cli, struct json_object *cluster, struct json_object *agent)
{
    int64_t refused = bw_cli_number(agent, "frames_unauthentic");
    char text[BW_TEXT_MAX];

    if (refused == 0 || bw_cli_number(cluster, "members_in_view") >= bw_cli_number(cluster, "members"))
        return;
    snprintf(text, sizeof(text), "%lld frames under another key, or forged, were refused: do all members have the same key file?",
             (long long)refused);
    print_line(cli, "Warning:", text);
}

/* Targets that did not take the last message: who waits for an alert would wait in vain. */
static void print_silent_alerts(struct bw_cli *cli, struct json_object *alerts)
{
    char text[2 * BW_TEXT_MAX];
    size_t n = 0;

    for (size_t i = 0; i < bw_cli_rows(alerts); i++) {
        struct json_object *row = json_object_array_get_idx(alerts, i);

        if (bw_cli_text(row, "last_error")[0] != '\0')
            n += bw_format(text + n, sizeof(text) - n, "%s %s", n > 0 ? "," : "alerts do not reach", bw_cli_text(row, "name"));
    }
    if (n == 0)
        return;
    bw_format(text + n, sizeof(text) - n, ": see \"bellwether alerts\"");
    print_line(cli, "Warning:", text);
}

/* What the daemon could not do on its host: it works without, but not as it should. A daemon that does not tell these is
 * an older one. */
static void print_own_troubles(struct bw_cli *cli, struct json_object *agent)
{
    if (bw_cli_get(agent, "store_writable") != NULL && !bw_cli_bool(agent, "store_writable"))
        print_line(cli, "Warning:", "state_dir cannot be written: what is set now (maintenance, persistent critical devices, stopped "
                                    "groups) and the history may be lost in a restart; the daemon's log says why");
    if (bw_cli_bool(agent, "http_enabled") && !bw_cli_bool(agent, "http_listening"))
        print_line(cli, "Warning:", "HTTP is enabled but not answered; the daemon's log says why");
}

static void print_cluster(struct bw_cli *cli, struct json_object *data)
{
    struct json_object *cluster = bw_cli_get(data, "cluster"), *members = bw_cli_get(data, "members");
    struct json_object *sync = bw_cli_get(data, "sync");
    const char *sync_state = bw_cli_text(sync, "state");
    int64_t active = bw_cli_number(cluster, "active_member");
    char text[2 * BW_TEXT_MAX], name[BW_NAME_MAX];

    snprintf(text, sizeof(text), "%s (%d), mode %s, recovery %s, %d of %d members in view",
             bw_cli_text(cluster, "name"), (int)bw_cli_number(cluster, "id"), bw_cli_text(cluster, "mode"),
             bw_cli_text(cluster, "recovery"), (int)bw_cli_number(cluster, "members_in_view"),
             (int)bw_cli_number(cluster, "members"));
    print_line(cli, "Cluster:", text);
    bw_cli_member_name(members, active, name, sizeof(name));
    snprintf(text, sizeof(text), "%s%s", active == 0 ? "no member" : name,
             strcmp(bw_cli_text(bw_cli_row(members, "id", active), "state"), "attention") == 0 ? ", with a problem"
                                                                                               : "");
    print_line(cli, "Active:", text);
    print_groups(cli, bw_cli_get(data, "groups"), members);
    if (bw_cli_bool(cluster, "takeover_possible"))
        bw_copy(text, sizeof(text), "possible");
    else
        snprintf(text, sizeof(text), "not possible: %s", bw_cli_text(cluster, "takeover_obstacle"));
    print_line(cli, "Takeover:", text);
    if (strcmp(sync_state, "off") != 0 && sync_state[0] != '\0') {
        snprintf(text, sizeof(text), "%s%s%s", sync_state, bw_cli_bool(sync, "healthy") ? "" : ", look at it: ",
                 bw_cli_text(sync, "advice"));
        print_line(cli, "Sync:", text);
    }
    print_refused_frames(cli, cluster, bw_cli_get(data, "agent"));
    if (bw_cli_bool(cluster, "config_mismatch"))
        print_line(cli, "Warning:", "a member runs with another configuration: compare the files, then reload or restart the old one");
    if (strcmp(bw_cli_text(cluster, "version"), bw_cli_text(cluster, "oldest_version")) != 0) {
        snprintf(text, sizeof(text), "a member runs the older version %s", bw_cli_text(cluster, "oldest_version"));
        print_line(cli, "Warning:", text);
    }
    print_silent_alerts(cli, bw_cli_get(data, "alerts"));
    print_own_troubles(cli, bw_cli_get(data, "agent"));
}

/* Rows whose state is not the good one. Of a member that is not heard nothing is known: its own line says so. */
static struct json_object *trouble_of(struct json_object *rows, struct json_object *members, const char *key,
                                      const char *good)
{
    struct json_object *trouble = json_object_new_array();
    size_t count = json_object_is_type(rows, json_type_array) ? json_object_array_length(rows) : 0;

    for (size_t i = 0; i < count; i++) {
        struct json_object *row = json_object_array_get_idx(rows, i);
        const char *member_state = bw_cli_text(bw_cli_row(members, "id", bw_cli_number(row, "member")), "state");

        if (strcmp(bw_cli_text(row, key), good) == 0 || strcmp(bw_cli_text(row, "role"), "disconnected") == 0 ||
            strcmp(member_state, "unreachable") == 0)
            continue;
        json_object_array_add(trouble, json_object_get(row));
    }
    return trouble;
}

/* Resources that failed: one that is offline may well be so. */
static struct json_object *failed(struct json_object *rows)
{
    struct json_object *trouble = json_object_new_array();

    for (size_t i = 0; i < bw_cli_rows(rows); i++)
        if (strcmp(bw_cli_text(json_object_array_get_idx(rows, i), "state"), "error") == 0)
            json_object_array_add(trouble, json_object_get(json_object_array_get_idx(rows, i)));
    return trouble;
}

static void print_trouble(struct bw_cli *cli, struct json_object *data, struct json_object *members)
{
    struct json_object *interfaces = trouble_of(bw_cli_get(data, "interfaces"), members, "state", "up");
    struct json_object *pnotes = trouble_of(bw_cli_get(data, "pnotes"), members, "status", "ok");
    struct json_object *resources = failed(bw_cli_get(data, "resources"));

    if (json_object_array_length(interfaces) == 0 && json_object_array_length(pnotes) == 0)
        fprintf(cli->out, "\nAll interfaces are up and all critical devices are ok.\n");
    if (json_object_array_length(interfaces) > 0) {
        fprintf(cli->out, "\nInterfaces that are not up:\n");
        bw_cli_table(cli, &bw_catalogue[BW_OBJECT_INTERFACE], NULL, interfaces, members);
    }
    if (json_object_array_length(pnotes) > 0) {
        fprintf(cli->out, "\nCritical devices that are not ok:\n");
        bw_cli_table(cli, &bw_catalogue[BW_OBJECT_PNOTE], NULL, pnotes, members);
    }
    bw_cli_name_groups(resources, bw_cli_get(data, "groups"));
    if (json_object_array_length(resources) > 0) {
        fprintf(cli->out, "\nResources in error:\n");
        bw_cli_table(cli, &bw_catalogue[BW_OBJECT_RESOURCE], NULL, resources, members);
    }
    json_object_put(interfaces);
    json_object_put(pnotes);
    json_object_put(resources);
}

/* Is the member that answered well? */
static int verdict(struct json_object *cluster, struct json_object *members)
{
    static const char *const healthy[] = {"active", "standby", "ready"};
    struct json_object *local = bw_cli_row(members, "id", bw_cli_number(cluster, "local_member"));

    for (size_t i = 0; i < sizeof(healthy) / sizeof(healthy[0]); i++)
        if (strcmp(bw_cli_text(local, "state"), healthy[i]) == 0 && !bw_cli_bool(local, "problem"))
            return BW_EXIT_DONE;
    return BW_EXIT_PROBLEM;
}

static int print_screen(struct bw_cli *cli, struct json_object *answer)
{
    struct json_object *data = bw_cli_get(answer, "data");
    struct json_object *cluster = bw_cli_get(data, "cluster"), *members = bw_cli_get(data, "members");
    double age_s = json_object_get_double(bw_cli_get(answer, "age_seconds"));
    char text[128], age[32];

    if (bw_cli_number(answer, "snapshot") == 0) {
        fprintf(cli->err, "bellwether: the daemon is starting: there is no state yet\n");
        return BW_EXIT_PROBLEM;
    }
    print_cluster(cli, data);
    if (age_s > STALE_S) {
        bw_cli_duration(age_s, age, sizeof(age));
        snprintf(text, sizeof(text), "this picture is %s old: the engine stands still", age);
        print_line(cli, "Warning:", text);
    }
    fprintf(cli->out, "\n");
    bw_cli_table(cli, &bw_catalogue[BW_OBJECT_MEMBER], member_keys, members, members);
    print_trouble(cli, data, members);
    return age_s > STALE_S ? BW_EXIT_PROBLEM : verdict(cluster, members);
}

/* The objects that the screen needs; all of one snapshot. */
static struct json_object *screen_request(void)
{
    static const enum bw_object_kind kinds[] = {BW_OBJECT_CLUSTER, BW_OBJECT_MEMBER, BW_OBJECT_INTERFACE,
                                                BW_OBJECT_PNOTE, BW_OBJECT_SYNC, BW_OBJECT_RESOURCE, BW_OBJECT_GROUP,
                                                BW_OBJECT_AGENT, BW_OBJECT_ALERT};
    struct json_object *request = bw_cli_request("state"), *objects = json_object_new_array();

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        json_object_array_add(objects, json_object_new_string(bw_catalogue[kinds[i]].key));
    json_object_object_add(request, "objects", objects);
    return request;
}

int bw_cli_state_screen(struct bw_cli *cli)
{
    struct json_object *answer;
    int rc = bw_cli_ask(cli, screen_request(), &answer);

    if (rc == BW_EXIT_DONE)
        rc = print_screen(cli, answer);
    json_object_put(answer);
    return rc;
}

/* All of it as JSON. */
static int print_json(struct bw_cli *cli, int flags)
{
    struct json_object *answer, *data;
    int rc = bw_cli_ask(cli, bw_cli_request("state"), &answer);

    if (rc == BW_EXIT_DONE) {
        data = bw_cli_get(answer, "data");
        fprintf(cli->out, "%s\n", json_object_to_json_string_ext(data, flags | BW_JSON_FLAGS));
        rc = verdict(bw_cli_get(data, "cluster"), bw_cli_get(data, "members"));
    }
    json_object_put(answer);
    return rc;
}

BW_CLI_COMMAND(bw_cli_state)
{
    (void)command;
    (void)options;
    (void)argc;
    (void)argv;
    return cli->json ? print_json(cli, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED) : bw_cli_state_screen(cli);
}

/* ---- watch ---- */

/* The screen as text (the caller frees it), error messages included. */
static char *draw(struct bw_cli *cli, int *rc)
{
    struct bw_cli inner = *cli;
    char *text = NULL;
    size_t length;

    inner.out = inner.err = open_memstream(&text, &length);
    if (inner.out == NULL)
        return NULL;
    *rc = bw_cli_state_screen(&inner);
    fclose(inner.out);
    memcpy(cli->socket, inner.socket, sizeof(cli->socket));
    return text;
}

static void show(struct bw_cli *cli, const char *text, bool first)
{
    char now[32] = "";
    time_t seconds = time(NULL);
    struct tm tm;

    if (cli->json) {
        print_json(cli, JSON_C_TO_STRING_PLAIN);
    } else if (cli->terminal) {
        if (localtime_r(&seconds, &tm) != NULL)
            strftime(now, sizeof(now), "%Y-%m-%d %H:%M:%S", &tm);
        fprintf(cli->out, "\033[H\033[2J%s  (Ctrl-C ends)\n\n%s", now, text);
    } else {
        fprintf(cli->out, "%s%s", first ? "" : "\n", text);
    }
    fflush(cli->out);
}

/* Goes on when the daemon is away for a while: that is when somebody watches. */
BW_CLI_COMMAND(bw_cli_watch)
{
    char *before = NULL, *text;
    unsigned shown = 0;
    int rc = BW_EXIT_PROBLEM;

    (void)argc;
    (void)argv;
    (void)command;
    for (;;) {
        text = draw(cli, &rc);
        if (text == NULL)
            break;
        if (shown == 0 && rc > BW_EXIT_PROBLEM) { /* never was there */
            fputs(text, cli->err);
            break;
        }
        if (before == NULL || strcmp(before, text) != 0) {
            show(cli, text, shown == 0);
            shown++;
        }
        free(before);
        before = text;
        text = NULL;
        if (options->count > 0 && shown >= options->count)
            break;
        usleep((useconds_t)(options->interval_s * 1e6));
    }
    free(text);
    free(before);
    return rc;
}
