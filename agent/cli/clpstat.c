/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `clpstat`: the cluster, its groups and its interconnects in that command's words, for scripts written for it. Every
 * member knows all of the cluster, so -h only says whom to speak of, and fails when nothing is heard from there.
 */
#include "agent/cli/clp.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bellwether/config.h"
#include "bellwether/text.h"

#define RULE "============================================================"

static const char forms[] = "clpstat -s [-h HOST]\n"
                            "clpstat -n\n"
                            "clpstat -i [-h HOST]\n";

/* ---- options and hosts, for clpgrp, too ---- */

int bw_clp_options(struct bw_cli *cli, const char *name, const char *all_forms, const char *letters, bool groups,
                   int argc, char **argv, struct bw_clp *clp)
{
    char shorts[16];
    int option;

    snprintf(shorts, sizeof(shorts), ":h:%s%s", groups ? "g:" : "", letters);
    optind = 0;
    opterr = 0;
    while ((option = getopt(argc, argv, shorts)) != -1) {
        if (option == ':')
            return bw_cli_forms(cli, name, all_forms, "-%c needs a value", optopt);
        if (option == '?')
            return bw_cli_forms(cli, name, all_forms, "there is no option -%c", optopt);
        if (option == 'h')
            clp->host = optarg;
        else if (option == 'g')
            clp->group = optarg;
        else if (clp->what != '\0' && clp->what != option)
            return bw_cli_forms(cli, name, all_forms, "give -%c or -%c, not both", clp->what, option);
        else
            clp->what = (char)option;
    }
    if (optind < argc)
        return bw_cli_forms(cli, name, all_forms, "\"%s\" is too much", argv[optind]);
    if (clp->what == '\0')
        return bw_cli_forms(cli, name, all_forms, "what shall be done?");
    return BW_EXIT_DONE;
}

bool bw_clp_is_online(struct json_object *member)
{
    return strcmp(bw_cli_text(member, "state"), "unreachable") != 0;
}

struct json_object *bw_clp_host(struct bw_cli *cli, const char *name, struct json_object *data,
                                const struct bw_clp *clp)
{
    struct json_object *members = bw_cli_get(data, "members"), *member = NULL;
    char *end;
    long id;

    if (clp->host == NULL)
        return bw_cli_row(members, "id", bw_cli_number(bw_cli_get(data, "cluster"), "local_member"));
    for (size_t i = 0; i < bw_cli_rows(members) && member == NULL; i++)
        if (strcmp(bw_cli_text(json_object_array_get_idx(members, i), "name"), clp->host) == 0)
            member = json_object_array_get_idx(members, i);
    id = strtol(clp->host, &end, 10);
    if (member == NULL && *end == '\0' && end != clp->host)
        member = bw_cli_row(members, "id", id);
    if (member == NULL) {
        fprintf(cli->err, "%s: there is no server \"%s\" in this cluster\n", name, clp->host);
    } else if (!bw_clp_is_online(member)) {
        fprintf(cli->err, "%s: server %s does not answer\n", name, bw_cli_text(member, "name"));
        member = NULL;
    }
    return member;
}

struct json_object *bw_clp_on(struct json_object *data, int64_t group, int64_t member)
{
    struct json_object *rows = bw_cli_get(data, "group_members");

    for (size_t i = 0; i < bw_cli_rows(rows); i++) {
        struct json_object *row = json_object_array_get_idx(rows, i);

        if (bw_cli_number(row, "group") == group && bw_cli_number(row, "member") == member)
            return row;
    }
    return NULL;
}

/* ---- words ---- */

/* In capitals; "UNKNOWN" for nothing. */
static const char *capitals(const char *text, char *buf, size_t cap)
{
    bw_copy(buf, cap, text[0] != '\0' ? text : "unknown");
    for (char *c = buf; *c != '\0'; c++)
        *c = (char)toupper((unsigned char)*c);
    return buf;
}

static void header(struct bw_cli *cli, const char *title)
{
    fprintf(cli->out, "%s\n  %s\n%s\n", RULE, title, RULE);
}

static void show_policy(struct bw_cli *cli, const char *policy)
{
    for (; *policy != '\0'; policy++)
        fprintf(cli->out, "%s", *policy == ' ' ? " -> " : (char[]){*policy, '\0'});
    fprintf(cli->out, "\n");
}

static const char *name_of(struct json_object *data, int64_t member, char *buf, size_t cap)
{
    bw_cli_member_name(bw_cli_get(data, "members"), member, buf, cap);
    return buf;
}

/* ---- -s ---- */

/* <U>: runs on one server; <A>: on each by itself. */
static const char *spread(struct json_object *resource)
{
    return strcmp(bw_cli_text(resource, "kind"), "ipw") == 0 ? "<A>" : "<U>";
}

/* All addresses of a group as one resource: shown only when there is more to say than each address's own line does. */
static bool is_addresses(struct json_object *resource)
{
    return strcmp(bw_cli_text(resource, "kind"), "fip") == 0 && strcmp(bw_cli_text(resource, "state"), "error") != 0;
}

/* Those that the servers tell of, each on its server. */
static void show_told_resources(struct bw_cli *cli, struct json_object *data, struct json_object *group)
{
    struct json_object *rows = bw_cli_get(data, "resources");

    for (size_t i = 0; i < bw_cli_rows(rows); i++) {
        struct json_object *row = json_object_array_get_idx(rows, i);
        char kind[16], state[16], server[BW_NAME_MAX], detail[2 * BW_TEXT_MAX];

        if (bw_cli_number(row, "group") != bw_cli_number(group, "index") || is_addresses(row))
            continue;
        bw_copy(detail, sizeof(detail), bw_cli_text(row, "detail"));
        bw_cli_clean(detail);
        fprintf(cli->out, "      %s %-5s %-24s %-10s %-7s %s%s%s\n", spread(row),
                capitals(bw_cli_text(row, "kind"), kind, sizeof(kind)), bw_cli_text(row, "name"), "",
                capitals(bw_cli_text(row, "state"), state, sizeof(state)),
                name_of(data, bw_cli_number(row, "member"), server, sizeof(server)), detail[0] != '\0' ? ": " : "",
                detail);
    }
}

/* Floating addresses run where the group runs; a monitor on each server by itself. */
static void show_resources(struct bw_cli *cli, struct json_object *data, struct json_object *group)
{
    struct json_object *addresses = bw_cli_get(data, "addresses");
    int64_t holder = bw_cli_number(group, "holder");
    char name[BW_NAME_MAX];

    for (size_t i = 0; i < bw_cli_rows(addresses); i++) {
        struct json_object *row = json_object_array_get_idx(addresses, i);

        if (strcmp(bw_cli_text(row, "group"), bw_cli_text(group, "name")) != 0)
            continue;
        fprintf(cli->out, "      <U> FIP   %-24s %-10s ", bw_cli_text(row, "address"), bw_cli_text(row, "interface"));
        if (holder != 0)
            fprintf(cli->out, "%-7s %s\n", "ONLINE", name_of(data, holder, name, sizeof(name)));
        else
            fprintf(cli->out, "OFFLINE\n");
    }
    show_told_resources(cli, data, group);
}

static void show_watches(struct bw_cli *cli, struct json_object *data, int64_t member)
{
    static const struct {
        const char *status, *shown;
    } words[] = {{"ok", "ONLINE"}, {"init", "OFFLINE"}, {"problem", "ERROR"}, {"unknown", "UNKNOWN"}};
    struct json_object *pnotes = bw_cli_get(data, "pnotes");

    for (size_t i = 0; i < bw_cli_rows(pnotes); i++) {
        struct json_object *row = json_object_array_get_idx(pnotes, i);
        const char *shown = "UNKNOWN";
        char name[BW_NAME_MAX], detail[2 * BW_TEXT_MAX];

        if (bw_cli_number(row, "member") != member || strcmp(bw_cli_text(row, "kind"), "built-in") == 0)
            continue;
        for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++)
            if (strcmp(words[w].status, bw_cli_text(row, "status")) == 0)
                shown = words[w].shown;
        bw_copy(name, sizeof(name), bw_cli_text(row, "name"));
        bw_copy(detail, sizeof(detail), bw_cli_text(row, "detail"));
        bw_cli_clean(name);
        bw_cli_clean(detail);
        fprintf(cli->out, "      <A> WATCH %-24s %-10s ", name, bw_cli_text(row, "kind"));
        fprintf(cli->out, detail[0] != '\0' ? "%-7s %s\n" : "%s%s\n", shown, detail);
    }
}

static void show_group(struct bw_cli *cli, struct json_object *data, struct json_object *group)
{
    struct json_object *members = bw_cli_get(data, "members");
    char name[BW_NAME_MAX], state[32], start[32];

    fprintf(cli->out, "  GROUP %s\n", bw_cli_text(group, "name"));
    fprintf(cli->out, "    current: %s\n", name_of(data, bw_cli_number(group, "holder"), name, sizeof(name)));
    if (bw_cli_bool(group, "stopped"))
        fprintf(cli->out, "    stopped: yes\n");
    fprintf(cli->out, "    POLICY: ");
    show_policy(cli, bw_cli_text(group, "policy"));
    for (size_t i = 0; i < bw_cli_rows(members); i++) {
        struct json_object *member = json_object_array_get_idx(members, i);
        struct json_object *on = bw_clp_on(data, bw_cli_number(group, "index"), bw_cli_number(member, "id"));
        const char *why = bw_cli_text(on, "start_reason");

        /* Of a server that is not heard nothing is known. */
        capitals(bw_clp_is_online(member) ? bw_cli_text(on, "state") : "", state, sizeof(state));
        capitals(bw_cli_text(on, "start"), start, sizeof(start));
        fprintf(cli->out, "    %-16s %-8s STARTING %s%s%s%s\n", bw_cli_text(member, "name"), state, start,
                why[0] != '\0' ? " (" : "", why, why[0] != '\0' ? ")" : "");
    }
    fprintf(cli->out, "    RESOURCES\n");
    show_resources(cli, data, group);
}

static int show_status(struct bw_cli *cli, struct json_object *data, struct json_object *host)
{
    struct json_object *members = bw_cli_get(data, "members"), *groups = bw_cli_get(data, "groups");

    header(cli, "CLUSTER STATUS");
    fprintf(cli->out, "  CLUSTER %s\n", bw_cli_text(bw_cli_get(data, "cluster"), "name"));
    for (size_t i = 0; i < bw_cli_rows(members); i++) {
        struct json_object *member = json_object_array_get_idx(members, i);
        char reason[2 * BW_TEXT_MAX];

        bw_copy(reason, sizeof(reason), bw_cli_text(member, "reason"));
        bw_cli_clean(reason);
        fprintf(cli->out, "  %cSERVER %-16s %-8s %s%s%s\n", member == host ? '*' : ' ', bw_cli_text(member, "name"),
                bw_clp_is_online(member) ? "ONLINE" : "OFFLINE", bw_cli_text(member, "state"),
                reason[0] != '\0' ? ": " : "", reason);
        show_watches(cli, data, bw_cli_number(member, "id"));
    }
    for (size_t i = 0; i < bw_cli_rows(groups); i++)
        show_group(cli, data, json_object_array_get_idx(groups, i));
    return BW_EXIT_DONE;
}

/* ---- -n ---- */

static struct json_object *interface_of(struct json_object *data, int64_t member, int64_t index)
{
    struct json_object *rows = bw_cli_get(data, "interfaces");

    for (size_t i = 0; i < bw_cli_rows(rows); i++) {
        struct json_object *row = json_object_array_get_idx(rows, i);

        if (bw_cli_number(row, "member") == member && bw_cli_number(row, "index") == index)
            return row;
    }
    return NULL;
}

/* Does `from` see `to` on this interface: what one sends there arrives at the other? */
static const char *sees(struct json_object *data, struct json_object *from, struct json_object *to, int64_t index)
{
    int64_t from_id = bw_cli_number(from, "id"), to_id = bw_cli_number(to, "id");
    struct json_object *there = interface_of(data, to_id, index), *here = interface_of(data, from_id, index);

    if (!bw_clp_is_online(from) || !bw_clp_is_online(to))
        return "NG";
    if (from_id == to_id)
        return strcmp(bw_cli_text(there, "state"), "down") != 0 && bw_cli_bool(there, "link") ? "OK" : "NG";
    return strcmp(bw_cli_text(there, "transmit"), "up") == 0 && strcmp(bw_cli_text(here, "receive"), "up") == 0 ? "OK"
                                                                                                                : "NG";
}

static int show_network(struct bw_cli *cli, struct json_object *data, struct json_object *host)
{
    struct json_object *members = bw_cli_get(data, "members"), *interfaces = bw_cli_get(data, "interfaces");

    (void)host;
    header(cli, "INTERCONNECT STATUS");
    fprintf(cli->out, "  %-16s %-10s", "SERVER", "INTERFACE");
    for (size_t i = 0; i < bw_cli_rows(members); i++)
        fprintf(cli->out, " %8s", bw_cli_text(json_object_array_get_idx(members, i), "name"));
    fprintf(cli->out, "\n");
    for (size_t k = 0; k < bw_cli_rows(interfaces); k++) {
        struct json_object *row = json_object_array_get_idx(interfaces, k);
        struct json_object *to = bw_cli_row(members, "id", bw_cli_number(row, "member"));

        /* Heartbeats go over all interfaces but those that the cluster does not use. */
        if (strcmp(bw_cli_text(row, "role"), "disconnected") == 0 || strcmp(bw_cli_text(row, "role"), "monitored") == 0)
            continue;
        fprintf(cli->out, "  %-16s %-10s", bw_cli_text(to, "name"), bw_cli_text(row, "name"));
        for (size_t i = 0; i < bw_cli_rows(members); i++)
            fprintf(cli->out, " %8s",
                    sees(data, json_object_array_get_idx(members, i), to, bw_cli_number(row, "index")));
        fprintf(cli->out, "\n");
    }
    return BW_EXIT_DONE;
}

/* ---- -i ---- */

/* Times are in the configuration only; shown where that is at hand. */
static void show_times(struct bw_cli *cli)
{
    const char *path = cli->config_option != NULL                                          ? cli->config_option
                       : cli->socket_option == NULL && getenv("BELLWETHER_SOCKET") == NULL ? BW_CLI_DEFAULT_CONFIG
                                                                                           : NULL;
    struct bw_config *config = calloc(1, sizeof(*config));
    struct bw_config_errors *errors = calloc(1, sizeof(*errors));

    if (path != NULL && config != NULL && errors != NULL && bw_config_load(path, config, errors) == 0)
        fprintf(cli->out, "    heartbeat interval: %g s\n    heartbeat timeout:  %g s\n    start-up wait:      %g s\n",
                (double)config->cluster.interval_ns / 1e9, (double)bw_dead_ns(&config->cluster) / 1e9,
                (double)config->cluster.start_wait_ns / 1e9);
    free(errors);
    free(config);
}

static void show_server_settings(struct bw_cli *cli, struct json_object *data, struct json_object *member)
{
    struct json_object *interfaces = bw_cli_get(data, "interfaces");

    fprintf(cli->out, "  SERVER %s\n    number:   %d\n    priority: %d\n    address:  %s\n",
            bw_cli_text(member, "name"), (int)bw_cli_number(member, "id"), (int)bw_cli_number(member, "priority"),
            bw_cli_text(member, "address"));
    for (size_t i = 0; i < bw_cli_rows(interfaces); i++) {
        struct json_object *row = json_object_array_get_idx(interfaces, i);

        if (bw_cli_number(row, "member") == bw_cli_number(member, "id"))
            fprintf(cli->out, "    interface: %-10s %-10s %-12s %s\n", bw_cli_text(row, "name"),
                    bw_cli_text(row, "device"), bw_cli_text(row, "role"), bw_cli_text(row, "transport"));
    }
}

/* Each resource once, whichever servers tell of it. */
static void show_resource_settings(struct bw_cli *cli, struct json_object *data, struct json_object *group)
{
    struct json_object *rows = bw_cli_get(data, "resources");
    int64_t last = 0;

    for (size_t i = 0; i < bw_cli_rows(rows); i++) {
        struct json_object *row = json_object_array_get_idx(rows, i);
        char kind[16], recovery[16];

        if (bw_cli_number(row, "group") != bw_cli_number(group, "index") || bw_cli_number(row, "index") == last ||
            strcmp(bw_cli_text(row, "kind"), "fip") == 0)
            continue;
        last = bw_cli_number(row, "index");
        fprintf(cli->out, "    resource: %s %s %-24s %-10s recovery %s, retries %d\n",
                capitals(bw_cli_text(row, "kind"), kind, sizeof(kind)), spread(row), bw_cli_text(row, "name"), "",
                capitals(bw_cli_text(row, "recovery"), recovery, sizeof(recovery)), (int)bw_cli_number(row, "retries"));
    }
}

static void show_group_settings(struct bw_cli *cli, struct json_object *data, struct json_object *group)
{
    struct json_object *addresses = bw_cli_get(data, "addresses");
    char start[32], failback[32];

    fprintf(cli->out, "  GROUP %s\n    policy:   ", bw_cli_text(group, "name"));
    show_policy(cli, bw_cli_text(group, "policy"));
    fprintf(cli->out, "    start:    %s\n    failback: %s\n",
            capitals(bw_cli_text(group, "start"), start, sizeof(start)),
            capitals(bw_cli_text(group, "failback"), failback, sizeof(failback)));
    for (size_t i = 0; i < bw_cli_rows(addresses); i++) {
        struct json_object *row = json_object_array_get_idx(addresses, i);

        /* An address that somebody took away is put back by itself, for ever. */
        if (strcmp(bw_cli_text(row, "group"), bw_cli_text(group, "name")) == 0)
            fprintf(cli->out, "    resource: FIP <U> %-24s %-10s recovery RETRY, retries without limit\n",
                    bw_cli_text(row, "address"), bw_cli_text(row, "interface"));
    }
    show_resource_settings(cli, data, group);
}

static void show_watch_settings(struct bw_cli *cli, struct json_object *data)
{
    struct json_object *pnotes = bw_cli_get(data, "pnotes");

    for (size_t i = 0; i < bw_cli_rows(pnotes); i++) {
        struct json_object *row = json_object_array_get_idx(pnotes, i);
        double timeout_s = json_object_get_double(bw_cli_get(row, "timeout_seconds"));
        char server[BW_NAME_MAX], name[BW_NAME_MAX];

        if (strcmp(bw_cli_text(row, "kind"), "built-in") == 0)
            continue;
        bw_copy(name, sizeof(name), bw_cli_text(row, "name"));
        bw_cli_clean(name);
        fprintf(cli->out, "    resource: WATCH <A> %-22s %-10s recovery FAILOVER, on %s", name,
                bw_cli_text(row, "kind"), name_of(data, bw_cli_number(row, "member"), server, sizeof(server)));
        if (timeout_s > 0)
            fprintf(cli->out, ", timeout %g s", timeout_s);
        fprintf(cli->out, "\n");
    }
}

static int show_settings(struct bw_cli *cli, struct json_object *data, struct json_object *host)
{
    struct json_object *cluster = bw_cli_get(data, "cluster");
    struct json_object *members = bw_cli_get(data, "members"), *groups = bw_cli_get(data, "groups");

    (void)host;
    header(cli, "CLUSTER INFORMATION");
    fprintf(cli->out, "  CLUSTER %s\n    number:   %d\n    mode:     %s\n    recovery: %s\n",
            bw_cli_text(cluster, "name"), (int)bw_cli_number(cluster, "id"), bw_cli_text(cluster, "mode"),
            bw_cli_text(cluster, "recovery"));
    show_times(cli);
    for (size_t i = 0; i < bw_cli_rows(members); i++)
        show_server_settings(cli, data, json_object_array_get_idx(members, i));
    for (size_t i = 0; i < bw_cli_rows(groups); i++)
        show_group_settings(cli, data, json_object_array_get_idx(groups, i));
    fprintf(cli->out, "  ALL GROUPS\n");
    show_watch_settings(cli, data);
    return BW_EXIT_DONE;
}

BW_CLI_COMMAND(bw_cli_clpstat)
{
    struct json_object *answer, *data, *host;
    struct bw_clp clp = {0};
    int rc = bw_clp_options(cli, "clpstat", forms, "sni", false, argc, argv, &clp);

    (void)command;
    (void)options;
    if (rc == BW_EXIT_DONE && clp.what == 'n' && clp.host != NULL)
        rc = bw_cli_forms(cli, "clpstat", forms, "-n takes no -h");
    if (rc == BW_EXIT_DONE)
        rc = bw_cli_snapshot(cli, &answer, &data);
    if (rc != BW_EXIT_DONE)
        return rc;
    host = bw_clp_host(cli, "clpstat", data, &clp);
    if (host == NULL)
        rc = BW_EXIT_PROBLEM;
    else
        rc = (clp.what == 's' ? show_status : clp.what == 'n' ? show_network : show_settings)(cli, data, host);
    json_object_put(answer);
    return rc;
}
