/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line itself: the options before the command, the table of commands, each command's options, help and
 * hints.
 */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "agent/cli/cli.h"

#define WIDTH_DEFAULT 80
#define WIDTH_LEAST   40

static BW_CLI_COMMAND(run_help);

/* Append only. A name is one that the daemon knows, too, where it is passed on. */
static const struct bw_cli_command commands[] = {
    {"state", "", "the cluster, its members, and what is wrong", "", 0, 0, bw_cli_state},
    {"interfaces", "", "interfaces of all members", "", 0, 0, bw_cli_show},
    {"pnotes", "", "critical devices of all members", "", 0, 0, bw_cli_show},
    {"addresses", "", "virtual addresses and who holds them", "", 0, 0, bw_cli_show},
    {"groups", "", "failover groups, and how they are on each member", "", 0, 0, bw_cli_groups},
    {"history", "[-n N] [-k KIND,...] [-m MEMBER] [-a AGE]",
     "the last N events; of some kinds, of a member, not older than 12h", "n:k:m:a:", 0, 0,
     bw_cli_history},
    {"sync", "[--reset]", "state synchronisation; --reset sets the counters to 0", "r", 0, 0, bw_cli_sync},
    {"watch", "[-i SECONDS] [-n SCREENS]", "the state, drawn again when it changes", "i:n:", 0, 0, bw_cli_watch},
    {"down", "[MEMBER] [--force]", "takes a member (default this one) out of service", "f", 0, 1, bw_cli_admin},
    {"up", "[MEMBER]", "puts it back into service", "", 0, 1, bw_cli_admin},
    {"maintenance", "[MEMBER]", "takes it out of service on purpose: nothing alerts", "", 0, 1, bw_cli_admin},
    {"move", "GROUP MEMBER", "hands a group over to a member", "", 2, 2, bw_cli_move},
    {"start", "GROUP [MEMBER]", "starts a group", "", 1, 2, bw_cli_move},
    {"stop", "GROUP [MEMBER]", "stops a group", "", 1, 2, bw_cli_move},
    {"register", "NAME [-t SECONDS] [-s ok|init|problem] [-p] | -f FILE [-p]",
     "adds a critical device to this member, or all of a file", "t:s:pf:", 0, 1, bw_cli_register},
    {"report", "NAME ok|init|problem [TEXT]", "reports how a critical device is", "", 2, 64, bw_cli_report},
    {"unregister", "NAME [-p]", "takes a critical device away; -p: over restarts, too", "p", 1, 1, bw_cli_unregister},
    {"reload", "", "lets the daemon read its configuration again", "", 0, 0, bw_cli_reload},
    {"check", "[FILE]", "checks a configuration file", "", 0, 1, bw_cli_check},
    {"key", "", "makes a new cluster key and prints it", "", 0, 0, bw_cli_key},
    {"version", "", "the version of this program", "", 0, 0, bw_cli_version},
    {"traps", "", "rules for received SNMP notifications, and what they matched", "", 0, 0, bw_cli_traps},
    {"resources", "", "resources of the groups, and how they are", "", 0, 0, bw_cli_show},
    {"alerts", "", "alert targets, and what was delivered to them", "", 0, 0, bw_cli_show},
    {"trap-test", "FILE", "tries the trap rules on recorded notifications", "", 1, 1, bw_cli_trap_test},
    {"test-alert", "[TARGET]", "sends a test message to an alert target, or to all, and says how it went", "", 0, 1,
     bw_cli_test_alert},
    {"help", "[COMMAND]", "this help, or that of a command", "", 0, 1, run_help},
    {"cphaprob", "[OPTION]... VERB", "as the command of that name; also when called by it", NULL, 0, 0,
     bw_cli_cphaprob},
    {"clpstat", "-s | -n | -i [-h HOST]", "as the command of that name; also when called by it", NULL, 0, 0,
     bw_cli_clpstat},
    {"clpgrp", "-s | -t | -m [-h HOST] [-g GROUP]", "as the command of that name; also when called by it", NULL, 0, 0,
     bw_cli_clpgrp},
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct option long_options[] = {
    {"socket", required_argument, NULL, 's'}, {"config", required_argument, NULL, 'c'},
    {"json", no_argument, NULL, 'j'},         {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},      {NULL, 0, NULL, 0},
};

static const struct option long_command_options[] = {
    {"file", required_argument, NULL, 'f'},
    {"force", no_argument, NULL, 'f'},
    {"persistent", no_argument, NULL, 'p'},
    {"reset", no_argument, NULL, 'r'},
    {"timeout", required_argument, NULL, 't'},
    {"status", required_argument, NULL, 's'},
    {"count", required_argument, NULL, 'n'},
    {"interval", required_argument, NULL, 'i'},
    {"kind", required_argument, NULL, 'k'},
    {"member", required_argument, NULL, 'm'},
    {"age", required_argument, NULL, 'a'},
    {"json", no_argument, NULL, 'j'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static void print_help(FILE *to)
{
    fprintf(to,
            "Usage: bellwether [-s SOCKET | -c FILE] [-j] COMMAND\n\n"
            "  -s SOCKET  the daemon's control socket\n"
            "  -c FILE    the configuration that names the socket (default %s)\n"
            "  -j         JSON instead of tables\n\nCommands:\n",
            BW_CLI_DEFAULT_CONFIG);
    for (size_t i = 0; i < COMMANDS; i++) {
        int used = fprintf(to, "  %s%s%s", commands[i].name, commands[i].arguments[0] != '\0' ? " " : "",
                           commands[i].arguments);

        if (used > 26)
            fprintf(to, "\n%28s%s\n", "", commands[i].help);
        else
            fprintf(to, "%*s%s\n", 28 - used, "", commands[i].help);
    }
    fprintf(to, "\nExit status: 0 done or healthy, 1 a problem or refused, 2 wrong usage, 3 no daemon.\n");
}

static void print_command_help(FILE *to, const struct bw_cli_command *command)
{
    fprintf(to, "Usage: bellwether %s%s%s\n", command->name, command->arguments[0] != '\0' ? " " : "",
            command->arguments);
}

int bw_cli_usage(struct bw_cli *cli, const struct bw_cli_command *command, const char *format, ...)
{
    va_list args;

    fprintf(cli->err, "bellwether %s: ", command->name);
    va_start(args, format);
    vfprintf(cli->err, format, args);
    va_end(args);
    fprintf(cli->err, "\n");
    print_command_help(cli->err, command);
    return BW_EXIT_USAGE;
}

/* ---- nearest name ---- */

#define WORD_MAX 32

/* How many letters must be changed, put in, left out, or swapped with their neighbour. */
static unsigned distance(const char *a, const char *b)
{
    unsigned d[WORD_MAX + 1][WORD_MAX + 1];
    size_t la = strnlen(a, WORD_MAX), lb = strnlen(b, WORD_MAX);

    for (unsigned i = 0; i <= la; i++)
        d[i][0] = i;
    for (unsigned j = 0; j <= lb; j++)
        d[0][j] = j;
    for (size_t i = 1; i <= la; i++)
        for (size_t j = 1; j <= lb; j++) {
            unsigned least = d[i - 1][j - 1] + (tolower((unsigned char)a[i - 1]) != b[j - 1]);

            least = d[i - 1][j] + 1 < least ? d[i - 1][j] + 1 : least;
            least = d[i][j - 1] + 1 < least ? d[i][j - 1] + 1 : least;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && d[i - 2][j - 2] + 1 < least)
                least = d[i - 2][j - 2] + 1;
            d[i][j] = least;
        }
    return d[la][lb];
}

const char *bw_cli_nearest(const char *typed, const void *names, size_t count, size_t stride)
{
    const char *best = NULL;
    unsigned best_distance = strlen(typed) < 4 ? 2 : 3; /* below this counts as near */

    for (size_t i = 0; i < count; i++) {
        const char *name = *(const char *const *)(const void *)((const char *)names + i * stride);
        unsigned d = distance(typed, name);

        if (strlen(typed) >= 2 && strncasecmp(typed, name, strlen(typed)) == 0)
            d = 1;
        if (d < best_distance) {
            best_distance = d;
            best = name;
        }
    }
    return best;
}

static const struct bw_cli_command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static int unknown_command(struct bw_cli *cli, const char *name)
{
    const char *near = bw_cli_nearest(name, commands, COMMANDS, sizeof(commands[0]));

    if (near != NULL)
        fprintf(cli->err, "bellwether: there is no command \"%s\". Did you mean \"%s\"?\n", name, near);
    else
        fprintf(cli->err, "bellwether: there is no command \"%s\"; \"bellwether help\" lists them\n", name);
    return BW_EXIT_USAGE;
}

static BW_CLI_COMMAND(run_help)
{
    const struct bw_cli_command *about;

    (void)command;
    (void)options;
    if (argc == 0) {
        print_help(cli->out);
        return BW_EXIT_DONE;
    }
    about = find_command(argv[0]);
    if (about == NULL)
        return unknown_command(cli, argv[0]);
    print_command_help(cli->out, about);
    fprintf(cli->out, "%c%s.\n", toupper((unsigned char)about->help[0]), about->help + 1);
    return BW_EXIT_DONE;
}

/* ---- options ---- */

static bool take_number(const char *text, double least, double most, double *value)
{
    char *end;

    errno = 0;
    *value = strtod(text, &end);
    return errno == 0 && end != text && *end == '\0' && isfinite(*value) && *value >= least && *value <= most;
}

/* One option of a command. BW_EXIT_DONE or BW_EXIT_USAGE. */
static int take_option(struct bw_cli *cli, const struct bw_cli_command *command, int option, const char *argument,
                       struct bw_cli_options *options)
{
    double number;

    switch (option) {
    case 'f': /* --force, or -f FILE: which of them is the command's */
        if ((argument != NULL) != (strstr(command->options, "f:") != NULL))
            return bw_cli_usage(cli, command, "it takes no option --%s", argument != NULL ? "file" : "force");
        options->force = argument == NULL;
        options->file = argument;
        break;
    case 'p':
        options->persistent = true;
        break;
    case 'r':
        options->reset = true;
        break;
    case 'j':
        cli->json = true;
        break;
    case 's':
        options->status = argument;
        break;
    case 't':
        if (!take_number(argument, 0, 1e6, &options->timeout_s))
            return bw_cli_usage(cli, command, "-t takes seconds, 0 (none) to 1000000, not \"%s\"", argument);
        options->has_timeout = true;
        break;
    case 'i':
        if (!take_number(argument, 0.1, 3600, &options->interval_s))
            return bw_cli_usage(cli, command, "-i takes seconds, 0.1 to 3600, not \"%s\"", argument);
        break;
    case 'k':
        options->kinds = argument;
        break;
    case 'm':
        options->member = argument;
        break;
    case 'a':
        options->age = argument;
        break;
    case 'n':
        if (!take_number(argument, 1, BW_MAX_HISTORY, &number) || number != floor(number))
            return bw_cli_usage(cli, command, "-n takes a number from 1 to %d, not \"%s\"", BW_MAX_HISTORY, argument);
        options->count = (unsigned)number;
        break;
    }
    return BW_EXIT_DONE;
}

static int run_command(struct bw_cli *cli, const struct bw_cli_command *command, int argc, char **argv)
{
    struct bw_cli_options options = {.interval_s = 0.5};
    char shorts[32] = ":jh";
    int option, rc;

    if (command->options == NULL)
        return command->run(cli, command, &options, argc, argv);
    strncat(shorts, command->options, sizeof(shorts) - strlen(shorts) - 1);
    optind = 0; /* begin anew */
    while ((option = getopt_long(argc, argv, shorts, long_command_options, NULL)) != -1) {
        if (option == ':')
            return bw_cli_usage(cli, command, "%s needs a value", argv[optind - 1]);
        if (option == '?' || strchr(shorts, option) == NULL)
            return bw_cli_usage(cli, command, "it takes no option %s", argv[optind - 1]);
        if (option == 'h')
            return run_help(cli, command, &options, 1, (char *[]){argv[0], NULL});
        rc = take_option(cli, command, option, optarg, &options);
        if (rc != BW_EXIT_DONE)
            return rc;
    }
    argc -= optind;
    argv += optind;
    if (argc < command->least)
        return bw_cli_usage(cli, command, "something is missing");
    if (argc > command->most)
        return bw_cli_usage(cli, command, "\"%s\" is too much", argv[command->most]);
    return command->run(cli, command, &options, argc, argv);
}

/* Looks at where the output goes. */
static void look_at_output(struct bw_cli *cli)
{
    const char *columns = getenv("COLUMNS"), *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
    int fd = fileno(cli->out);
    struct winsize size;

    cli->terminal = fd >= 0 && isatty(fd);
    cli->colour =
        cli->terminal && (no_colour == NULL || no_colour[0] == '\0') && (term == NULL || strcmp(term, "dumb") != 0);
    cli->width = WIDTH_DEFAULT;
    if (cli->terminal && ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        cli->width = size.ws_col;
    else if (cli->terminal && columns != NULL && atoi(columns) > 0)
        cli->width = (unsigned)atoi(columns);
    if (cli->width < WIDTH_LEAST)
        cli->width = WIDTH_LEAST;
}

/* The command that the program was called by the name of, or NULL. */
static const struct bw_cli_command *find_personality(const char *called)
{
    const char *slash = strrchr(called, '/');
    const struct bw_cli_command *command = find_command(slash != NULL ? slash + 1 : called);

    return command != NULL && command->options == NULL ? command : NULL;
}

static int finish(struct bw_cli *cli, int rc)
{
    if (fflush(cli->out) != 0 && rc == BW_EXIT_DONE) {
        fprintf(cli->err, "bellwether: cannot write: %s\n", strerror(errno));
        rc = BW_EXIT_PROBLEM;
    }
    return rc;
}

int bw_cli_run(int argc, char **argv, FILE *out, FILE *err)
{
    struct bw_cli cli = {.out = out, .err = err};
    const struct bw_cli_command *command = argc > 0 ? find_personality(argv[0]) : NULL;
    int option, rc;

    look_at_output(&cli);
    if (command != NULL)
        return finish(&cli, run_command(&cli, command, argc, argv));
    opterr = 0;
    optind = 0;
    while ((option = getopt_long(argc, argv, "+:s:c:jhV", long_options, NULL)) != -1) {
        switch (option) {
        case 's':
            cli.socket_option = optarg;
            break;
        case 'c':
            cli.config_option = optarg;
            break;
        case 'j':
            cli.json = true;
            break;
        case 'h':
            print_help(out);
            return BW_EXIT_DONE;
        case 'V':
            return bw_cli_version(&cli, NULL, NULL, 0, NULL);
        default:
            fprintf(err, "bellwether: %s %s; see \"bellwether help\"\n", argv[optind - 1],
                    option == ':' ? "needs a value" : "is no option");
            return BW_EXIT_USAGE;
        }
    }
    if (cli.socket_option != NULL && cli.config_option != NULL) {
        fprintf(err, "bellwether: give -s SOCKET or -c FILE, not both\n");
        return BW_EXIT_USAGE;
    }
    if (optind >= argc) {
        print_help(err);
        return BW_EXIT_USAGE;
    }
    command = find_command(argv[optind]);
    rc = command != NULL ? run_command(&cli, command, argc - optind, argv + optind)
                         : unknown_command(&cli, argv[optind]);
    return finish(&cli, rc);
}
