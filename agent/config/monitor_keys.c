/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The keys of a monitor, those of all kinds in one section; monitors.c says which go with which kind.
 */
#include <string.h>

#include "agent/config/reader.h"

#define KEYS(table) .keys = table, .keys_count = sizeof(table) / sizeof(table[0])
#define INTO(field)                                                                                                    \
    .offset = offsetof(struct bw_monitor_config, field), .size = sizeof(((struct bw_monitor_config *)0)->field)
#define RANGE(unit, low, high) .scale = (unit), .least = (low), .most = (high)

#define PATH_ALLOWED "an absolute path of at most 107 characters"

const struct bw_enum bw_config_monitor_kind = {
    NULL,
    (const struct bw_enum_label[]){{BW_MONITOR_PING, "ping", NULL},
                                   {BW_MONITOR_TCP, "tcp", NULL},
                                   {BW_MONITOR_HTTP, "http", NULL},
                                   {BW_MONITOR_PROCESS, "process", NULL},
                                   {BW_MONITOR_EXEC, "exec", NULL},
                                   {BW_MONITOR_RULESET, "ruleset", NULL},
                                   {BW_MONITOR_CONNTRACK, "conntrack", NULL},
                                   {BW_MONITOR_DISK, "disk", NULL},
                                   {BW_MONITOR_CLOCK, "clock", NULL},
                                   {BW_MONITOR_CONFLICT, "conflict", NULL},
                                   {0, NULL, NULL}}};

static const struct bw_enum monitor_start = {
    NULL, (const struct bw_enum_label[]){{BW_PNOTE_OK, "ok", NULL}, {BW_PNOTE_INIT, "init", NULL}, {0, NULL, NULL}}};

/* ---- what is wrong with a text ---- */

static const char *printable(const char *value, const char *also_not)
{
    if (value[0] == '\0')
        return "is empty";
    for (; *value; value++) {
        if (*value < ' ' || *value > '~' || strchr(also_not, *value))
            return "holds a character that it may not have";
    }
    return NULL;
}

static const char *wrong_url(const char *value)
{
    const char *host = !strncmp(value, "http://", 7) ? value + 7 : !strncmp(value, "https://", 8) ? value + 8 : NULL;

    if (!host)
        return "does not begin with http:// or https://";
    if (strcspn(host, "/?#") == 0)
        return "has no host";
    if (memchr(host, '@', strcspn(host, "/?#")))
        return "holds a user's name";
    return printable(value, " \"<>\\^`{|}");
}

static const char *wrong_match(const char *value)
{
    return value[0] == '\0' ? "is empty" : NULL;
}

static const char *wrong_process(const char *value)
{
    return strlen(value) > 15 ? "is too long, the kernel keeps 15 characters" : printable(value, "/");
}

static const char *wrong_unit(const char *value)
{
    const char *dot = strrchr(value, '.');

    if (value[0] == '-')
        return "begins with \"-\"";
    if (!dot || (strcmp(dot, ".service") && strcmp(dot, ".scope")))
        return "does not end in .service or .scope";
    return printable(value, " /\"'");
}

static const char *wrong_user(const char *value)
{
    return value[0] == '-' ? "begins with \"-\"" : printable(value, " :/");
}

static const char *wrong_chain(const char *value)
{
    return printable(value, " {};\"");
}

static const char *wrong_table(const char *value)
{
    static const char *const families[] = {"ip ", "ip6 ", "inet ", "arp ", "bridge ", "netdev "};

    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        if (!strncmp(value, families[i], strlen(families[i])))
            return wrong_chain(value + strlen(families[i]));
    }
    return "does not begin with a family: ip, ip6, inet, arp, bridge, netdev";
}

/* ---- keys ---- */

static const struct bw_config_key monitor_keys[] = {
    {.name = "name",
     .type = BW_KEY_TEXT,
     INTO(name),
     .required = true,
     .wrong = bw_config_wrong_name,
     .allowed = "1-31 letters, digits, '.', '_', '-', not only digits",
     .meaning = "Name of the monitor and of its pnote, each once"},
    {.name = "kind",
     .type = BW_KEY_ENUM,
     INTO(kind),
     .labels = &bw_config_monitor_kind,
     .required = true,
     .meaning = "What it looks at"},
    {.name = "interval_ms",
     .type = BW_KEY_INT,
     INTO(interval_ns),
     RANGE(BW_MS, 100, 3600000),
     .initial = "1000",
     .meaning = "Milliseconds from the beginning of one check to that of the next"},
    {.name = "timeout_ms",
     .type = BW_KEY_INT,
     INTO(timeout_ns),
     RANGE(BW_MS, 10, 600000),
     .initial = "1000",
     .meaning = "Milliseconds that a check may take; then it has failed"},
    {.name = "rise",
     .type = BW_KEY_INT,
     INTO(rise),
     RANGE(1, 1, 100),
     .initial = "2",
     .meaning = "Checks in a row that must be good before it is ok"},
    {.name = "fall",
     .type = BW_KEY_INT,
     INTO(fall),
     RANGE(1, 1, 100),
     .initial = "3",
     .meaning = "Checks in a row that must fail before it is a problem; the end of a process is one at once"},
    {.name = "start",
     .type = BW_KEY_ENUM,
     INTO(start),
     .labels = &monitor_start,
     .initial = "init",
     .meaning = "What it is until its first verdict; init holds the member back until then"},
    {.name = "targets",
     .type = BW_KEY_LATER,
     .allowed = "[ \"address\", ... ], 1-8 different hosts",
     .derived = "none; needed with kind ping",
     .meaning = "ping: hosts of which at least one must answer; for several that must all answer, several monitors"},
    {.name = "address",
     .type = BW_KEY_LATER,
     .allowed = "an IPv4 or IPv6 address of a host, without prefix",
     .derived = "none; needed with kind tcp, and with kind http where the URL has a host's name",
     .meaning = "tcp, http: address to connect to; names are never looked up"},
    {.name = "port",
     .type = BW_KEY_INT,
     INTO(port),
     RANGE(1, 1, 65535),
     .derived = "none; needed with kind tcp",
     .meaning = "tcp: port to connect to"},
    {.name = "url",
     .type = BW_KEY_TEXT,
     INTO(url),
     .wrong = wrong_url,
     .allowed = "http://... or https://..., at most 255 characters",
     .derived = "none; needed with kind http",
     .meaning = "http: what to get"},
    {.name = "status",
     .type = BW_KEY_INT,
     INTO(status),
     RANGE(1, 100, 599),
     .derived = "any of 200-299",
     .meaning = "http: the status that the answer must have"},
    {.name = "match",
     .type = BW_KEY_TEXT,
     INTO(match),
     .wrong = wrong_match,
     .allowed = "1-127 characters",
     .derived = "anything will do",
     .meaning = "tcp: text within what the server says first; http: text within the first 256 KiB of the body"},
    {.name = "verify",
     .type = BW_KEY_BOOL,
     INTO(verify),
     .initial = "true",
     .meaning = "http: whether the certificate of an https server must be valid and for its host"},
    {.name = "ca_file",
     .type = BW_KEY_TEXT,
     INTO(ca_file),
     .wrong = bw_config_wrong_path,
     .allowed = PATH_ALLOWED,
     .derived = "those of the system",
     .meaning = "http: file with the authorities (PEM) that certificates are checked against"},
    {.name = "pid_file",
     .type = BW_KEY_TEXT,
     INTO(pid_file),
     .wrong = bw_config_wrong_path,
     .allowed = PATH_ALLOWED,
     .derived = "none; kind process needs this, process or unit",
     .meaning = "process: file that begins with the process's number; with process too, it must have that name"},
    {.name = "process",
     .type = BW_KEY_TEXT,
     INTO(process),
     .wrong = wrong_process,
     .allowed = "1-15 printable characters without blank and '/'",
     .derived = "none; kind process needs this, pid_file or unit",
     .meaning = "process: name of the process, as the kernel keeps it (ps -o comm)"},
    {.name = "unit",
     .type = BW_KEY_TEXT,
     INTO(unit),
     .wrong = wrong_unit,
     .allowed = "name.service or name.scope, at most 127 characters",
     .derived = "none; kind process needs this, pid_file or process",
     .meaning = "process: systemd unit whose main process is meant"},
    {.name = "command",
     .type = BW_KEY_LATER,
     .allowed = "[ \"/path/of/program\", \"argument\", ... ], at most 32 words and 511 characters",
     .derived = "none; needed with kind exec",
     .meaning = "exec: the program and its arguments; it is good when its exit status is 0"},
    {.name = "user",
     .type = BW_KEY_TEXT,
     INTO(user),
     .wrong = wrong_user,
     .allowed = "a user's name, at most 31 characters",
     .derived = "the one that the daemon runs as",
     .meaning = "exec: the user that the program runs as, without capabilities in any case"},
    {.name = "table",
     .type = BW_KEY_TEXT,
     INTO(table),
     .wrong = wrong_table,
     .allowed = "\"family name\", such as \"inet filter\"",
     .derived = "any; then some rule in some table must be there",
     .meaning = "ruleset: nftables table that must be there and have a rule"},
    {.name = "chain",
     .type = BW_KEY_TEXT,
     INTO(chain),
     .wrong = wrong_chain,
     .allowed = "a chain's name; only with table",
     .derived = "any in the table",
     .meaning = "ruleset: chain of the table that must be there and have a rule"},
    {.name = "most_percent",
     .type = BW_KEY_INT,
     INTO(most_percent),
     RANGE(1, 1, 100),
     .initial = "90",
     .meaning = "conntrack: how full the connection table may be"},
    {.name = "path",
     .type = BW_KEY_TEXT,
     INTO(path),
     .wrong = bw_config_wrong_path,
     .allowed = PATH_ALLOWED,
     .derived = "none; needed with kind disk",
     .meaning = "disk: a file or directory on the file system that is meant"},
    {.name = "free_percent",
     .type = BW_KEY_INT,
     INTO(free_percent),
     RANGE(1, 0, 100),
     .initial = "5",
     .meaning = "disk: how much of the space must at least be free, as for a user"},
    {.name = "inodes_percent",
     .type = BW_KEY_INT,
     INTO(inodes_percent),
     RANGE(1, 0, 100),
     .initial = "5",
     .meaning = "disk: how many of the inodes must at least be free, where the file system counts them"},
    {.name = "most_error_ms",
     .type = BW_KEY_INT,
     INTO(most_error_ns),
     RANGE(BW_MS, 0, 3600000),
     .initial = "0",
     .meaning = "clock: the largest error that the kernel may estimate, 0 for any; it must be synchronised in any case"},
    {.name = "peers_ms",
     .type = BW_KEY_INT,
     INTO(peers_ns),
     RANGE(BW_MS, 0, 3600000),
     .initial = "0",
     .meaning = "clock: the largest offset to the clock of any other member that is heard, 0 for any"},
};
const struct bw_config_section bw_config_monitor = {.title = "monitor", KEYS(monitor_keys)};
