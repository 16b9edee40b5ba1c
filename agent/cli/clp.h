/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private to agent/cli: what `clpstat` and `clpgrp` have in common.
 */
#ifndef AGENT_CLI_CLP_H
#define AGENT_CLI_CLP_H

#include "agent/cli/cli.h"

/* Their options. */
struct bw_clp {
    char what;         /* the one of the command's letters that was given */
    const char *host;  /* -h, or NULL */
    const char *group; /* -g, or NULL */
};

/* Reads the options: exactly one of `letters`, -h HOST, and -g GROUP where `groups`. BW_EXIT_DONE or BW_EXIT_USAGE. */
int bw_clp_options(struct bw_cli *cli, const char *name, const char *forms, const char *letters, bool groups, int argc,
                   char **argv, struct bw_clp *clp);
/* The member that -h names, by name or number, or the local one. NULL, with the reason told, when there is none or when
 * nothing is heard from it. */
struct json_object *bw_clp_host(struct bw_cli *cli, const char *name, struct json_object *data,
                                const struct bw_clp *clp);
/* A group on a member: its row, or NULL. */
struct json_object *bw_clp_on(struct json_object *data, int64_t group, int64_t member);
/* Is anything heard from a member? */
bool bw_clp_is_online(struct json_object *member);

#endif
