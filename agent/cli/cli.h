/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private to agent/cli, the `bellwether` command: talks to the daemon's control socket and shows its answers, as tables
 * for people or as JSON. Runs in its own short-lived process; everything may block.
 */
#ifndef AGENT_CLI_H
#define AGENT_CLI_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>

#include "bellwether/catalogue.h"

#define BW_CLI_DEFAULT_CONFIG BW_SYSCONFDIR "/bellwether/bellwether.conf"
#define BW_CLI_DEFAULT_SOCKET "/run/bellwether/control.sock"

/* Exit statuses: part of the outside contract. */
enum {
    BW_EXIT_DONE = 0,    /* done, or healthy */
    BW_EXIT_PROBLEM = 1, /* a problem, or refused; the reason is on stderr */
    BW_EXIT_USAGE = 2,
    BW_EXIT_NO_DAEMON = 3,
};

/* One run of the command. */
struct bw_cli {
    FILE *out;
    FILE *err;
    bool json;
    bool terminal; /* out is one */
    bool colour;
    unsigned width;            /* columns that tables may use */
    const char *socket_option; /* -s, or NULL */
    const char *config_option; /* -c, or NULL */
    char socket[BW_PATH_MAX];  /* found by bw_cli_find_socket; empty before */
};

/* Options after the command; which of them it takes is in its table row. */
struct bw_cli_options {
    bool force;       /* -f without a value */
    const char *file; /* -f FILE */
    bool persistent;  /* -p */
    bool reset;       /* -r */
    bool has_timeout;
    double timeout_s;   /* -t */
    const char *status; /* -s */
    unsigned count;     /* -n, 0 = not given */
    double interval_s;  /* -i */
    const char *kinds;  /* -k */
    const char *member; /* -m */
    const char *age;    /* -a */
};

struct bw_cli_command {
    const char *name;
    const char *arguments; /* as shown in the usage line */
    const char *help;      /* one line */
    const char *options;   /* short options it takes, as getopt has them; NULL: it reads all its words itself, and
                              is also meant when the program is called by its name */
    int least, most;       /* number of its other arguments */
    int (*run)(struct bw_cli *cli, const struct bw_cli_command *command, const struct bw_cli_options *options, int argc,
               char **argv); /* argv: only the other arguments; all words, its name first, when options is NULL.
                                Returns the exit status */
};

/* The whole program. Returns its exit status. */
int bw_cli_run(int argc, char **argv, FILE *out, FILE *err);

/* Says what is wrong with the arguments, then the command's usage line. Returns BW_EXIT_USAGE. */
int bw_cli_usage(struct bw_cli *cli, const struct bw_cli_command *command, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The name in names (count of them, stride bytes apart, each element beginning with a char pointer) that is nearest to
 * a mistyped one, or NULL when none is near. */
const char *bw_cli_nearest(const char *typed, const void *names, size_t count, size_t stride);

/* ---- ask.c ---- */

/* Sends one request (takes over its reference) and waits for the answer line. BW_EXIT_DONE: *answer is a new reference,
 * its result done or pending. Otherwise the exit status, with the reason already on err. */
int bw_cli_ask(struct bw_cli *cli, struct json_object *request, struct json_object **answer);
/* Prints the further lines that an answer may carry. */
void bw_cli_lines(struct json_object *answer, FILE *to);
/* A request with its command set. Never NULL (ends the program when out of memory). */
struct json_object *bw_cli_request(const char *command);
/* Asks for the objects of one snapshot, all but history and agent: *data is in *answer, which is a new reference. A
 * daemon that has no state yet is an error. BW_EXIT_DONE, or the exit status with the reason on err. */
int bw_cli_snapshot(struct bw_cli *cli, struct json_object **answer, struct json_object **data);
/* Which socket to use: -s, -c's, $BELLWETHER_SOCKET, the configuration's, or the default. BW_EXIT_DONE, or the exit
 * status. */
int bw_cli_find_socket(struct bw_cli *cli);

/* ---- format.c ---- */

/* Parts of an answer; "" / 0 / false / NULL when it is missing or of another type. */
const char *bw_cli_text(struct json_object *object, const char *key);
bool bw_cli_bool(struct json_object *object, const char *key);
int64_t bw_cli_number(struct json_object *object, const char *key);
struct json_object *bw_cli_get(struct json_object *object, const char *key);

/* The first row of an array whose number under that key is `id`, or NULL. */
struct json_object *bw_cli_row(struct json_object *rows, const char *key, int64_t id);
/* How many rows an array has; 0 for what is none. */
size_t bw_cli_rows(struct json_object *rows);
/* The name of a member with that id; "none" for 0, the number when there is no such member. */
void bw_cli_member_name(struct json_object *members, int64_t id, char *buf, size_t cap);
/* A field's value as people read it; "-" for nothing. No control characters, whatever came in. */
void bw_cli_value(const struct bw_field *field, struct json_object *value, struct json_object *members, char *buf,
                  size_t cap);
/* A duration: "31 ms", "1.5 s", "12m 05s", "3h 20m", "5d 4h". */
void bw_cli_duration(double seconds, char *buf, size_t cap);
/* The terminal's colour for a value (an escape sequence), or "" without colour. */
const char *bw_cli_colour(const struct bw_cli *cli, const struct bw_field *field, const char *value);
const char *bw_cli_colour_off(const struct bw_cli *cli, const char *colour);
/* Columns that a UTF-8 text takes (one a character). */
size_t bw_cli_columns(const char *text);
/* Makes a text safe to print: control characters become blanks. In place. */
void bw_cli_clean(char *text);

/* Puts the groups' names in place of their numbers ("group" of each row), for tables. */
void bw_cli_name_groups(struct json_object *rows, struct json_object *groups);

/* ---- table.c ---- */

/* Prints rows (a JSON array) of an object as a table: the fields in `keys` (NULL-terminated), or with NULL all that
 * have a heading. Long texts come last and wrap. members: for names of members. */
void bw_cli_table(struct bw_cli *cli, const struct bw_object *object, const char *const *keys, struct json_object *rows,
                  struct json_object *members);
/* Prints a text wrapped to the width; its first line begins at column `at`, further ones are indented as far. */
void bw_cli_wrap(struct bw_cli *cli, const char *text, size_t at);

/* ---- state.c ---- */

/* Asks for the state and prints its screen. Returns the exit status. */
int bw_cli_state_screen(struct bw_cli *cli);

/* ---- show.c ---- */

void bw_cli_print_json(struct bw_cli *cli, struct json_object *data);
/* A request for some objects (their keys, NULL-terminated) of one snapshot; members come along for their names. limit: of events, 0 = as
 * the daemon likes. */
struct json_object *bw_cli_objects_request(const char *const *keys, unsigned limit);

/* ---- sync.c ---- */

/* The counters of the synchronisation as `cphaprob syncstat` shows them, or sets them to 0. Returns the exit status. */
int bw_cli_syncstat(struct bw_cli *cli, bool reset);

/* ---- act.c, register_file.c ---- */

/* Sends a changing request (takes over its reference) and tells how it went; quiet: only when it isn't done. */
int bw_cli_act(struct bw_cli *cli, struct json_object *request, bool quiet);
bool bw_cli_is_status(const char *text);
/* A request to register a critical device. status NULL: the default. */
struct json_object *bw_cli_register_request(const char *name, const char *status, double timeout_s, bool persistent);
/* Registers all critical devices of a file ("-": standard input), or none. Returns the exit status. */
int bw_cli_register_file(struct bw_cli *cli, const char *path, bool persistent, bool quiet);

/* ---- personalities ---- */

/* Says what is wrong with the words, then all the forms that there are (lines ended by newlines). Returns
 * BW_EXIT_USAGE. */
int bw_cli_forms(struct bw_cli *cli, const char *name, const char *forms, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* ---- commands ---- */

#define BW_CLI_COMMAND(name)                                                                                           \
    int name(struct bw_cli *cli, const struct bw_cli_command *command, const struct bw_cli_options *options, int argc, \
             char **argv)
BW_CLI_COMMAND(bw_cli_state);
BW_CLI_COMMAND(bw_cli_watch);
BW_CLI_COMMAND(bw_cli_show);
BW_CLI_COMMAND(bw_cli_groups);
BW_CLI_COMMAND(bw_cli_history);
BW_CLI_COMMAND(bw_cli_sync);
BW_CLI_COMMAND(bw_cli_admin);
BW_CLI_COMMAND(bw_cli_move);
BW_CLI_COMMAND(bw_cli_register);
BW_CLI_COMMAND(bw_cli_report);
BW_CLI_COMMAND(bw_cli_unregister);
BW_CLI_COMMAND(bw_cli_reload);
BW_CLI_COMMAND(bw_cli_test_alert);
BW_CLI_COMMAND(bw_cli_check);
BW_CLI_COMMAND(bw_cli_key);
BW_CLI_COMMAND(bw_cli_version);
BW_CLI_COMMAND(bw_cli_traps);
BW_CLI_COMMAND(bw_cli_trap_test);
BW_CLI_COMMAND(bw_cli_cphaprob);
BW_CLI_COMMAND(bw_cli_clpstat);
BW_CLI_COMMAND(bw_cli_clpgrp);

#endif
