/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `cphaprob`: the words of that command, answered from this cluster in that command's layout, so that scripts written
 * for it go on working. It shows the local member's devices and interfaces, and the state of all members.
 */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/cli/cli.h"
#include "bellwether/text.h"

static const char forms[] = "cphaprob state|stat\n"
                            "cphaprob [-a] if\n"
                            "cphaprob [-i[a]] [-e] [-l] list\n"
                            "cphaprob -d DEVICE -t SECONDS -s ok|init|problem [-p] register\n"
                            "cphaprob -f FILE register\n"
                            "cphaprob -d DEVICE [-p] unregister\n"
                            "cphaprob -d DEVICE -s ok|init|problem report\n"
                            "cphaprob [-reset] syncstat\n";

struct options {
    bool all;        /* -a */
    bool internal;   /* -i */
    bool external;   /* -e */
    bool persistent; /* -p */
    bool reset;      /* -reset */
    const char *device, *status, *file;
    double timeout_s;
};

int bw_cli_forms(struct bw_cli *cli, const char *name, const char *all_forms, const char *format, ...)
{
    va_list args;

    fprintf(cli->err, "%s: ", name);
    va_start(args, format);
    vfprintf(cli->err, format, args);
    va_end(args);
    fprintf(cli->err, "\nUsage:\n%s", all_forms);
    return BW_EXIT_USAGE;
}

/* The word that stands there for one of ours; ours when there is none. */
struct word {
    const char *ours, *theirs;
};

static const char *translate(const struct word *words, size_t count, const char *ours)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(words[i].ours, ours) == 0)
            return words[i].theirs;
    return ours;
}
#define TRANSLATE(words, ours) translate(words, sizeof(words) / sizeof((words)[0]), ours)

/* ---- state ---- */

static const struct word states[] = {
    {"attention", "active attention"},
    {"unreachable", "ClusterXL inactive or machine is down"},
};

static const struct word modes[] = {
    {"ha", "New High Availability"},
    {"ha-legacy", "Legacy High Availability"},
    {"ls-multicast", "Load Sharing (Multicast)"},
    {"ls-unicast", "Load Sharing (Unicast)"},
    {"vrrp", "Service (VRRP)"},
    {"service", "Service"},
};

static int show_state(struct bw_cli *cli, const struct options *options, struct json_object *data)
{
    struct json_object *cluster = bw_cli_get(data, "cluster"), *members = bw_cli_get(data, "members");
    const char *mode = bw_cli_text(cluster, "mode");

    (void)options;
    fprintf(cli->out, "\nCluster Mode:   %s", TRANSLATE(modes, mode));
    if (strncmp(mode, "ha", 2) == 0)
        fprintf(cli->out, " (%s)",
                strcmp(bw_cli_text(cluster, "recovery"), "primary-up") == 0 ? "Primary Up" : "Active Up");
    fprintf(cli->out, "\n\n%-10s %-15s %s\n\n", "Number", "Unique Address", "State");
    for (size_t i = 0; i < bw_cli_rows(members); i++) {
        struct json_object *member = json_object_array_get_idx(members, i);
        char number[32];

        snprintf(number, sizeof(number), "%d%s", (int)bw_cli_number(member, "id"),
                 bw_cli_bool(member, "local") ? " (local)" : "");
        fprintf(cli->out, "%-10s %-15s %s\n", number, bw_cli_text(member, "address"),
                TRANSLATE(states, bw_cli_text(member, "state")));
    }
    fprintf(cli->out, "\n");
    return BW_EXIT_DONE;
}

/* ---- if ---- */

static double seconds(struct json_object *row, const char *key)
{
    return json_object_get_double(bw_cli_get(row, key));
}

/* "UP", "DOWN (2.5 secs)", or each direction when they differ. */
static void interface_verdict(struct json_object *row, char *buf, size_t cap)
{
    bool receive = strcmp(bw_cli_text(row, "receive"), "up") == 0;
    bool transmit = strcmp(bw_cli_text(row, "transmit"), "up") == 0;
    const char *state = bw_cli_text(row, "state");
    char down[48];

    if (strcmp(state, "down") == 0 || strcmp(state, "unknown") == 0)
        receive = transmit = false;
    snprintf(down, sizeof(down), "DOWN (%.1f secs)", seconds(row, "silence_seconds"));
    if (receive == transmit)
        bw_copy(buf, cap, receive ? "UP" : down);
    else
        snprintf(buf, cap, "Inbound: %s Outbound: %s", receive ? "UP" : down, transmit ? "UP" : down);
}

static void show_interface(struct bw_cli *cli, struct json_object *row, bool shared)
{
    const char *role = bw_cli_text(row, "role"), *name = bw_cli_text(row, "device");
    bool secured = strcmp(role, "sync") == 0;
    char verdict[128];

    if (strcmp(role, "disconnected") == 0) {
        fprintf(cli->out, "%-8s Disconnected\n", name);
        return;
    }
    interface_verdict(row, verdict, sizeof(verdict));
    fprintf(cli->out, "%-8s %s (%s, %s, %s)\n", name, verdict, secured ? "secured" : "non secured",
            shared && strcmp(role, "cluster") == 0 ? "shared" : "unique", bw_cli_text(row, "transport"));
}

static void show_virtual(struct bw_cli *cli, struct json_object *addresses, struct json_object *interfaces,
                         int64_t local)
{
    fprintf(cli->out, "\nVirtual cluster interfaces: %zu\n\n", bw_cli_rows(addresses));
    for (size_t i = 0; i < bw_cli_rows(addresses); i++) {
        struct json_object *address = json_object_array_get_idx(addresses, i);
        const char *device = bw_cli_text(address, "interface");
        char text[BW_ADDRESS_TEXT_MAX];

        for (size_t k = 0; k < bw_cli_rows(interfaces); k++) {
            struct json_object *row = json_object_array_get_idx(interfaces, k);

            if (bw_cli_number(row, "member") == local && strcmp(bw_cli_text(row, "name"), device) == 0) {
                device = bw_cli_text(row, "device");
                break;
            }
        }
        bw_copy(text, sizeof(text), bw_cli_text(address, "address"));
        text[strcspn(text, "/")] = '\0';
        fprintf(cli->out, "%-8s %s\n", device, text);
    }
}

static int show_interfaces(struct bw_cli *cli, const struct options *options, struct json_object *data)
{
    struct json_object *cluster = bw_cli_get(data, "cluster"), *interfaces = bw_cli_get(data, "interfaces");
    int64_t local = bw_cli_number(cluster, "local_member");
    struct json_object *member = bw_cli_row(bw_cli_get(data, "members"), "id", local);
    bool shared = strcmp(bw_cli_text(cluster, "mode"), "ha-legacy") == 0;

    fprintf(cli->out, "\nRequired interfaces: %d\nRequired secured interfaces: %d\n\n",
            (int)bw_cli_number(member, "interfaces_required"), (int)bw_cli_number(member, "secured_required"));
    for (size_t i = 0; i < bw_cli_rows(interfaces); i++) {
        struct json_object *row = json_object_array_get_idx(interfaces, i);

        if (bw_cli_number(row, "member") == local)
            show_interface(cli, row, shared);
    }
    if (options->all)
        show_virtual(cli, bw_cli_get(data, "addresses"), interfaces, local);
    fprintf(cli->out, "\n");
    return BW_EXIT_DONE;
}

/* ---- list ---- */

static const struct word statuses[] = {{"ok", "OK"}};

/* number: as registered devices have one; negative for built-in ones. */
static void show_device(struct bw_cli *cli, struct json_object *pnote, int number)
{
    double timeout_s = seconds(pnote, "timeout_seconds");
    char name[BW_NAME_MAX], detail[2 * BW_TEXT_MAX];

    bw_copy(name, sizeof(name), bw_cli_text(pnote, "name"));
    bw_copy(detail, sizeof(detail), bw_cli_text(pnote, "detail"));
    bw_cli_clean(name);
    bw_cli_clean(detail);
    fprintf(cli->out, "Device Name: %s\n", name);
    if (number >= 0)
        fprintf(cli->out, "Registration number: %d\n", number);
    if (timeout_s > 0)
        fprintf(cli->out, "Timeout: %g sec\n", timeout_s);
    else
        fprintf(cli->out, "Timeout: none\n");
    fprintf(cli->out, "Current state: %s\n", TRANSLATE(statuses, bw_cli_text(pnote, "status")));
    fprintf(cli->out, "Time since last report: %.1f sec\n", seconds(pnote, "age_seconds"));
    if (detail[0] != '\0')
        fprintf(cli->out, "Detail: %s\n", detail);
    fprintf(cli->out, "\n");
}

/* One of the two parts of the list. Numbers count the registered ones as they are shown. */
static void show_devices(struct bw_cli *cli, struct json_object *pnotes, int64_t local, bool built_in)
{
    int number = 0;

    fprintf(cli->out, "%s:\n\n", built_in ? "Built-in Devices" : "Registered Devices");
    for (size_t i = 0; i < bw_cli_rows(pnotes); i++) {
        struct json_object *pnote = json_object_array_get_idx(pnotes, i);

        if (bw_cli_number(pnote, "member") == local &&
            (strcmp(bw_cli_text(pnote, "kind"), "built-in") == 0) == built_in)
            show_device(cli, pnote, built_in ? -1 : number++);
    }
}

static int show_list(struct bw_cli *cli, const struct options *options, struct json_object *data)
{
    int64_t local = bw_cli_number(bw_cli_get(data, "cluster"), "local_member");
    bool both = options->all || options->internal == options->external;

    fprintf(cli->out, "\n");
    if (both || options->internal)
        show_devices(cli, bw_cli_get(data, "pnotes"), local, true);
    if (both || options->external)
        show_devices(cli, bw_cli_get(data, "pnotes"), local, false);
    return BW_EXIT_DONE;
}

/* ---- register, unregister, report ---- */

static int run_register(struct bw_cli *cli, const struct options *options, struct json_object *data)
{
    (void)data;
    if (options->file != NULL && (options->device != NULL || options->status != NULL))
        return bw_cli_forms(cli, "cphaprob", forms, "give -d DEVICE or -f FILE, not both");
    if (options->file != NULL)
        return bw_cli_register_file(cli, options->file, options->persistent, true);
    if (options->device == NULL)
        return bw_cli_forms(cli, "cphaprob", forms, "which device? -d DEVICE or -f FILE is missing");
    return bw_cli_act(
        cli, bw_cli_register_request(options->device, options->status, options->timeout_s, options->persistent), true);
}

static int run_unregister(struct bw_cli *cli, const struct options *options, struct json_object *data)
{
    struct json_object *request;

    (void)data;
    if (options->device == NULL)
        return bw_cli_forms(cli, "cphaprob", forms, "which device? -d DEVICE is missing");
    request = bw_cli_request("unregister");
    json_object_object_add(request, "name", json_object_new_string(options->device));
    if (options->persistent)
        json_object_object_add(request, "persistent", json_object_new_boolean(true));
    return bw_cli_act(cli, request, true);
}

static int run_report(struct bw_cli *cli, const struct options *options, struct json_object *data)
{
    struct json_object *request;

    (void)data;
    if (options->device == NULL || options->status == NULL)
        return bw_cli_forms(cli, "cphaprob", forms, "-d DEVICE and -s ok|init|problem are needed to report");
    request = bw_cli_request("report");
    json_object_object_add(request, "name", json_object_new_string(options->device));
    json_object_object_add(request, "status", json_object_new_string(options->status));
    return bw_cli_act(cli, request, true);
}

static int show_syncstat(struct bw_cli *cli, const struct options *options, struct json_object *data)
{
    (void)data;
    return bw_cli_syncstat(cli, options->reset);
}

/* ---- the words ---- */

static const struct verb {
    const char *name;
    const char *takes; /* options, 'r' for -reset */
    bool snapshot;     /* shows the picture of the cluster */
    int (*run)(struct bw_cli *cli, const struct options *options, struct json_object *data);
} verbs[] = {
    {"state", "", true, show_state},
    {"stat", "", true, show_state},
    {"if", "a", true, show_interfaces},
    {"list", "iael", true, show_list},
    {"register", "dtspf", false, run_register},
    {"unregister", "dp", false, run_unregister},
    {"report", "ds", false, run_report},
    {"syncstat", "r", false, show_syncstat},
};

/* One option. BW_EXIT_DONE or BW_EXIT_USAGE. */
static int take_option(struct bw_cli *cli, struct options *options, int option, const char *argument)
{
    char *end;

    if (option == 'd')
        options->device = argument;
    else if (option == 'f')
        options->file = argument;
    else if (option == 'a')
        options->all = true;
    else if (option == 'i')
        options->internal = true;
    else if (option == 'e')
        options->external = true;
    else if (option == 'p')
        options->persistent = true;
    else if (option == 'l')
        ; /* all of them: that is the list without options */
    else if (option == 's') {
        if (!bw_cli_is_status(argument))
            return bw_cli_forms(cli, "cphaprob", forms, "the state must be ok, init or problem, not \"%s\"", argument);
        options->status = argument;
    } else {
        options->timeout_s = strtod(argument, &end);
        if (end == argument || *end != '\0' || !(options->timeout_s >= 0 && options->timeout_s <= 1e6))
            return bw_cli_forms(cli, "cphaprob", forms, "the timeout must be seconds, 0 (none) to 1000000, not \"%s\"",
                                argument);
    }
    return BW_EXIT_DONE;
}

/* All options; *given gets the letter of each. What is left of argv begins at optind. */
static int take_options(struct bw_cli *cli, struct options *options, int argc, char **argv, char *given, size_t cap)
{
    size_t count = 0;
    int option, rc;

    /* Not a cluster of letters, as getopt would read it. */
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "-reset") == 0) {
            options->reset = true;
            argv[i] = "-R";
        }
    optind = 0;
    opterr = 0;
    while ((option = getopt(argc, argv, ":d:t:s:f:aielpR")) != -1) {
        if (option == ':')
            return bw_cli_forms(cli, "cphaprob", forms, "-%c needs a value", optopt);
        if (option == '?')
            return bw_cli_forms(cli, "cphaprob", forms, "there is no option -%c", optopt);
        if (count + 1 < cap)
            given[count++] = (char)(option == 'R' ? 'r' : option);
        rc = option == 'R' ? BW_EXIT_DONE : take_option(cli, options, option, optarg);
        if (rc != BW_EXIT_DONE)
            return rc;
    }
    given[count] = '\0';
    return BW_EXIT_DONE;
}

BW_CLI_COMMAND(bw_cli_cphaprob)
{
    struct json_object *answer = NULL, *data = NULL;
    const struct verb *verb = NULL;
    struct options mine = {0};
    char given[64] = "";
    int rc = take_options(cli, &mine, argc, argv, given, sizeof(given));

    (void)command;
    (void)options;
    if (rc != BW_EXIT_DONE)
        return rc;
    if (optind >= argc)
        return bw_cli_forms(cli, "cphaprob", forms, "what shall be done?");
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (strcmp(verbs[i].name, argv[optind]) == 0)
            verb = &verbs[i];
    if (verb == NULL)
        return bw_cli_forms(cli, "cphaprob", forms, "there is no \"%s\"", argv[optind]);
    if (optind + 1 < argc)
        return bw_cli_forms(cli, "cphaprob", forms, "\"%s\" is too much", argv[optind + 1]);
    if (given[strspn(given, verb->takes)] != '\0')
        return bw_cli_forms(
            cli, "cphaprob", forms, "%s takes no option -%s", verb->name,
            given[strspn(given, verb->takes)] == 'r' ? "reset" : (char[]){given[strspn(given, verb->takes)], '\0'});
    if (verb->snapshot)
        rc = bw_cli_snapshot(cli, &answer, &data);
    if (rc == BW_EXIT_DONE)
        rc = verb->run(cli, &mine, data);
    json_object_put(answer);
    return rc;
}
