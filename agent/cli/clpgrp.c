/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `clpgrp`: starts, stops and moves groups, with that command's refusals: a group that runs anywhere is not started,
 * one that doesn't run on the server asked is neither stopped nor moved. What passes these is for the daemon to decide.
 */
#include "agent/cli/clp.h"

#include <stdlib.h>
#include <string.h>

#include "bellwether/text.h"

static const char forms[] = "clpgrp -s [-h HOST] [-g GROUP]\n"
                            "clpgrp -t [-h HOST] [-g GROUP]\n"
                            "clpgrp -m [-h HOST] [-g GROUP]\n";

/* member: NULL for a group as a whole. */
static int send_request(struct bw_cli *cli, const char *command, struct json_object *group, struct json_object *member)
{
    struct json_object *request = bw_cli_request(command);

    json_object_object_add(request, "group", json_object_new_string(bw_cli_text(group, "name")));
    if (member != NULL)
        json_object_object_add(request, "member", json_object_new_string(bw_cli_text(member, "name")));
    return bw_cli_act(cli, request, true);
}

/* Where a group goes from a server: the first of its policy that could serve, else the first other one, so that the
 * daemon says what is in the way. */
static struct json_object *successor(struct json_object *data, struct json_object *group, struct json_object *from)
{
    struct json_object *members = bw_cli_get(data, "members"), *first = NULL;
    char policy[BW_TEXT_MAX], *rest = NULL;

    bw_copy(policy, sizeof(policy), bw_cli_text(group, "policy"));
    for (char *name = strtok_r(policy, " ", &rest); name != NULL; name = strtok_r(NULL, " ", &rest))
        for (size_t i = 0; i < bw_cli_rows(members); i++) {
            struct json_object *member = json_object_array_get_idx(members, i);
            const char *state = bw_cli_text(member, "state");

            if (member == from || strcmp(bw_cli_text(member, "name"), name) != 0)
                continue;
            if (strcmp(state, "standby") == 0 || strcmp(state, "active") == 0)
                return member;
            first = first == NULL ? member : first;
        }
    return first;
}

/* One group. BW_EXIT_DONE, or the exit status with the reason told. */
static int act_on(struct bw_cli *cli, struct json_object *data, char what, struct json_object *group,
                  struct json_object *host)
{
    const char *name = bw_cli_text(group, "name"), *server = bw_cli_text(host, "name");
    int64_t holder = bw_cli_number(group, "holder");
    char where[BW_NAME_MAX];
    struct json_object *to;
    int rc;

    bw_cli_member_name(bw_cli_get(data, "members"), holder, where, sizeof(where));
    if (what == 's' && holder != 0) {
        fprintf(cli->err, "clpgrp: group %s runs already, on %s\n", name, where);
        return BW_EXIT_PROBLEM;
    }
    if (what != 's' && holder != bw_cli_number(host, "id")) {
        fprintf(cli->err, "clpgrp: group %s does not run on %s but %s%s\n", name, server, holder != 0 ? "on " : "",
                holder != 0 ? where : "nowhere");
        if (what == 'm' && holder != 0)
            fprintf(cli->err, "clpgrp: ask the server that runs it: -h %s\n", where);
        return BW_EXIT_PROBLEM;
    }
    if (what != 'm') {
        /* Stopped on one server alone, it would go to the next. */
        rc = what == 's' ? send_request(cli, "start", group, host) : send_request(cli, "stop", group, NULL);
        if (rc == BW_EXIT_DONE)
            fprintf(cli->out, "group %s: %s on %s\n", name, what == 's' ? "started" : "stopped", server);
        return rc;
    }
    to = successor(data, group, host);
    if (to == NULL) {
        fprintf(cli->err, "clpgrp: group %s has no other server to go to\n", name);
        return BW_EXIT_PROBLEM;
    }
    rc = send_request(cli, "move", group, to);
    if (rc == BW_EXIT_DONE)
        fprintf(cli->out, "group %s: moved from %s to %s\n", name, server, bw_cli_text(to, "name"));
    return rc;
}

/* Without -g: all groups that this can be done with. It fails when there is none. */
static bool concerns(struct json_object *group, char what, struct json_object *host)
{
    int64_t holder = bw_cli_number(group, "holder");

    return what == 's' ? holder == 0 : holder == bw_cli_number(host, "id");
}

static int act(struct bw_cli *cli, struct json_object *data, const struct bw_clp *clp, struct json_object *host)
{
    struct json_object *groups = bw_cli_get(data, "groups");
    int worst = BW_EXIT_DONE;
    unsigned done = 0;

    for (size_t i = 0; i < bw_cli_rows(groups); i++) {
        struct json_object *group = json_object_array_get_idx(groups, i);
        int rc;

        if (clp->group != NULL ? strcmp(bw_cli_text(group, "name"), clp->group) != 0
                               : !concerns(group, clp->what, host))
            continue;
        rc = act_on(cli, data, clp->what, group, host);
        worst = rc > worst ? rc : worst;
        done++;
    }
    if (done > 0)
        return worst;
    if (clp->group != NULL)
        fprintf(cli->err, "clpgrp: there is no group \"%s\"\n", clp->group);
    else if (clp->what == 's')
        fprintf(cli->err, "clpgrp: every group runs already\n");
    else
        fprintf(cli->err, "clpgrp: no group runs on %s\n", bw_cli_text(host, "name"));
    return BW_EXIT_PROBLEM;
}

BW_CLI_COMMAND(bw_cli_clpgrp)
{
    struct json_object *answer, *data, *host;
    struct bw_clp clp = {0};
    int rc = bw_clp_options(cli, "clpgrp", forms, "stm", true, argc, argv, &clp);

    (void)command;
    (void)options;
    if (rc == BW_EXIT_DONE)
        rc = bw_cli_snapshot(cli, &answer, &data);
    if (rc != BW_EXIT_DONE)
        return rc;
    host = bw_clp_host(cli, "clpgrp", data, &clp);
    rc = host != NULL ? act(cli, data, &clp, host) : BW_EXIT_PROBLEM;
    json_object_put(answer);
    return rc;
}
