/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The keys of a resource of a group, those of all kinds in one section; resources.c says which go with which kind.
 */
#include <string.h>

#include "agent/config/reader.h"

#define INTO(field)                                                                                                    \
    .offset = offsetof(struct bw_resource_config, field), .size = sizeof(((struct bw_resource_config *)0)->field)
#define RANGE(unit, low, high) .scale = (unit), .least = (low), .most = (high)

#define COMMAND_ALLOWED "[ \"/path/of/program\", \"argument\", ... ], at most 32 words and 511 characters"

/* Floating addresses are no row of their own: the group's virtual addresses are. */
const struct bw_enum bw_config_resource_kind = {NULL, (const struct bw_enum_label[]){{BW_RESOURCE_EXEC, "exec", NULL},
                                                                                     {BW_RESOURCE_PARP, "parp", NULL},
                                                                                     {BW_RESOURCE_IPW, "ipw", NULL},
                                                                                     {0, NULL, NULL}}};

static const struct bw_enum resource_on = {
    NULL, (const struct bw_enum_label[]){{BW_ON_ONE, "one", NULL}, {BW_ON_ALL, "all", NULL}, {0, NULL, NULL}}};

static const char *wrong_user(const char *value)
{
    if (value[0] == '\0')
        return "is empty";
    if (value[0] == '-')
        return "begins with \"-\"";
    for (; *value; value++)
        if (*value <= ' ' || *value > '~' || *value == ':' || *value == '/')
            return "holds a character that it may not have";
    return NULL;
}

static const struct bw_config_key resource_keys[] = {
    {.name = "name",
     .type = BW_KEY_TEXT,
     INTO(name),
     .required = true,
     .wrong = bw_config_wrong_name,
     .allowed = "1-31 letters, digits, '.', '_', '-', not only digits",
     .meaning = "Name of the resource, each once"},
    {.name = "kind",
     .type = BW_KEY_ENUM,
     INTO(kind),
     .labels = &bw_config_resource_kind,
     .required = true,
     .meaning = "What it is"},
    {.name = "on",
     .type = BW_KEY_ENUM,
     INTO(on),
     .labels = &resource_on,
     .derived = "one; with kind ipw all",
     .meaning = "Where it runs: on the one member that holds the group, or on all"},
    {.name = "recovery",
     .type = BW_KEY_ENUM,
     INTO(recovery),
     .labels = &bw_enum_recovery_action,
     .initial = "failover",
     .meaning =
         "What happens when it fails and no retries are left: nothing, and what comes after it starts all the same "
         "(ignore); nothing, and what comes after it waits (retry); the group is stopped on all members (stop); the "
         "group "
         "goes to another member, and this one may not start it any more (failover)"},
    {.name = "retries",
     .type = BW_KEY_INT,
     INTO(retries),
     RANGE(1, 0, 100),
     .derived = "3 with recovery retry, else 0",
     .meaning =
         "exec: how often it is stopped and started again before that; the count is whole again when the group comes "
         "anew, and when it has run for 5 minutes"},
    {.name = "start",
     .type = BW_KEY_LATER,
     .derived = "none; needed with kind exec",
     .allowed = COMMAND_ALLOWED,
     .meaning =
         "exec: command that starts it; exit status 0 within its time is success, and what it leaves running stays"},
    {.name = "stop",
     .type = BW_KEY_LATER,
     .derived = "none",
     .allowed = COMMAND_ALLOWED,
     .meaning = "exec: command that stops it; it is also run after a failed start and for what an earlier run left, so "
                "it must "
                "succeed when there is nothing to stop"},
    {.name = "watch",
     .type = BW_KEY_LATER,
     .derived = "none; needed with kind ipw",
     .allowed = COMMAND_ALLOWED ", or with kind ipw [ \"address | address ...\", ... ], 1-8 sets of 1-8 hosts",
     .meaning =
         "exec: command that tells by exit status 0 whether it works; ipw: sets of addresses, each lost when none of "
         "its addresses answers a ping"},
    {.name = "watch_process",
     .type = BW_KEY_BOOL,
     INTO(watch_process),
     .initial = "false",
     .meaning = "exec: what start runs stays in the foreground and is the service; its end is a failure at once"},
    {.name = "user",
     .type = BW_KEY_TEXT,
     INTO(user),
     .wrong = wrong_user,
     .allowed = "a user's name of at most 31 characters",
     .derived = "the daemon's",
     .meaning = "exec: user as whom the commands run"},
    {.name = "interval_ms",
     .type = BW_KEY_INT,
     INTO(interval_ns),
     RANGE(BW_MS, 100, 3600000),
     .initial = "1000",
     .meaning = "Milliseconds from the beginning of one watch to that of the next"},
    {.name = "timeout_ms",
     .type = BW_KEY_INT,
     INTO(timeout_ns),
     RANGE(BW_MS, 10, 600000),
     .derived = "1000; with kind exec 10000",
     .meaning = "Milliseconds that a watch may take; then it has failed"},
    {.name = "rise",
     .type = BW_KEY_INT,
     INTO(rise),
     RANGE(1, 1, 100),
     .initial = "2",
     .meaning = "Watches in a row that must be good before it works again"},
    {.name = "fall",
     .type = BW_KEY_INT,
     INTO(fall),
     RANGE(1, 1, 100),
     .initial = "3",
     .meaning = "Watches in a row that must fail before it has failed"},
    {.name = "start_timeout_s",
     .type = BW_KEY_INT,
     INTO(start_timeout_ns),
     RANGE(BW_SEC, 1, 3600),
     .initial = "30",
     .meaning = "exec: seconds that the start may take; then it is killed and has failed"},
    {.name = "stop_timeout_s",
     .type = BW_KEY_INT,
     INTO(stop_timeout_ns),
     RANGE(BW_SEC, 1, 3600),
     .initial = "10",
     .meaning = "exec: seconds that the stop may take; then it is killed, and so is the watched process"},
    {.name = "interface",
     .type = BW_KEY_LATER,
     .derived = "none; needed with kind parp",
     .allowed = "the name of an interface of the cluster",
     .meaning = "parp: interface on which the addresses are answered for"},
    {.name = "addresses",
     .type = BW_KEY_LATER,
     .derived = "none; needed with kind parp",
     .allowed = "[ \"address\", ... ], at most 256 in the cluster",
     .meaning =
         "parp: IPv4 and IPv6 addresses that the holder of the group answers ARP and neighbour solicitations for"},
};
const struct bw_config_section bw_config_resource = {
    .title = "resource", .keys = resource_keys, .keys_count = sizeof(resource_keys) / sizeof(resource_keys[0])};
