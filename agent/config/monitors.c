/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The monitors: their keys, which of them go with which kind, what a kind cannot do without, and their part of the
 * digest. A monitor is checked as far as the file goes; whether a host, a program or a table exists is for its checks.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/config/reader.h"
#include "bellwether/text.h"

#define KEYS(table) .keys = table, .keys_count = sizeof(table) / sizeof(table[0])
#define INTO(field)                                                                                                    \
    .offset = offsetof(struct bw_monitor_config, field), .size = sizeof(((struct bw_monitor_config *)0)->field)
#define RANGE(unit, low, high) .scale = (unit), .least = (low), .most = (high)

#define PATH_ALLOWED "an absolute path of at most 107 characters"

static const struct bw_enum monitor_kind = {
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
     .labels = &monitor_kind,
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
};
const struct bw_config_section bw_config_monitor = {.title = "monitor", KEYS(monitor_keys)};

/* ---- which keys go with which kind; all others go with all ---- */

#define FOR(kind) (1U << (kind))

static const struct {
    const char *key;
    uint32_t kinds, needed; /* masks */
} keys_of_kinds[] = {
    {"targets", FOR(BW_MONITOR_PING), FOR(BW_MONITOR_PING)},
    {"address", FOR(BW_MONITOR_TCP) | FOR(BW_MONITOR_HTTP), FOR(BW_MONITOR_TCP)},
    {"port", FOR(BW_MONITOR_TCP), FOR(BW_MONITOR_TCP)},
    {"url", FOR(BW_MONITOR_HTTP), FOR(BW_MONITOR_HTTP)},
    {"status", FOR(BW_MONITOR_HTTP), 0},
    {"match", FOR(BW_MONITOR_TCP) | FOR(BW_MONITOR_HTTP), 0},
    {"verify", FOR(BW_MONITOR_HTTP), 0},
    {"ca_file", FOR(BW_MONITOR_HTTP), 0},
    {"pid_file", FOR(BW_MONITOR_PROCESS), 0},
    {"process", FOR(BW_MONITOR_PROCESS), 0},
    {"unit", FOR(BW_MONITOR_PROCESS), 0},
    {"command", FOR(BW_MONITOR_EXEC), FOR(BW_MONITOR_EXEC)},
    {"user", FOR(BW_MONITOR_EXEC), 0},
    {"table", FOR(BW_MONITOR_RULESET), 0},
    {"chain", FOR(BW_MONITOR_RULESET), 0},
    {"most_percent", FOR(BW_MONITOR_CONNTRACK), 0},
    {"path", FOR(BW_MONITOR_DISK), FOR(BW_MONITOR_DISK)},
    {"free_percent", FOR(BW_MONITOR_DISK), 0},
    {"inodes_percent", FOR(BW_MONITOR_DISK), 0},
    {"most_error_ms", FOR(BW_MONITOR_CLOCK), 0},
};

static void check_keys(struct bw_config_reader *reader, const struct bw_monitor_config *m, config_setting_t *row)
{
    const char *kind = bw_enum_text(&monitor_kind, m->kind);

    for (size_t i = 0; m->kind && i < sizeof(keys_of_kinds) / sizeof(keys_of_kinds[0]); i++) {
        const config_setting_t *written = config_setting_get_member(row, keys_of_kinds[i].key);
        char kinds[64] = "";
        size_t at = 0;

        for (uint32_t k = BW_MONITOR_PING; k <= BW_MONITOR_CLOCK; k++) {
            if (keys_of_kinds[i].kinds & FOR(k))
                at += bw_format(kinds + at, sizeof(kinds) - at, "%s\"%s\"", at ? ", " : "",
                                bw_enum_text(&monitor_kind, k));
        }
        if (written && !(keys_of_kinds[i].kinds & FOR(m->kind)))
            bw_config_problem(reader, written, "monitor %s: the kind is \"%s\"; allowed: with kind %s",
                              keys_of_kinds[i].key, kind, kinds);
        if (!written && (keys_of_kinds[i].needed & FOR(m->kind)))
            bw_config_problem(reader, row, "monitor has no %s, which kind \"%s\" needs; allowed: %s",
                              keys_of_kinds[i].key, kind,
                              !strcmp(keys_of_kinds[i].key, "url") ? "http://... or https://..." : "to write one");
    }
}

/* ---- values that the tables cannot read ---- */

static void link_targets(struct bw_config_reader *reader, struct bw_monitor_config *m, config_setting_t *list)
{
    static const char what[] = "monitor targets", allowed[] = "[ \"address\", ... ], 1-8 different hosts";
    int count = bw_config_texts_count(reader, list, what, allowed);
    config_setting_t *where;
    char quote[BW_QUOTE_MAX];

    if (count == 0)
        bw_config_problem(reader, list, "%s: there is none; allowed: %s", what, allowed);
    for (int i = 0; i < count; i++) {
        const char *text = bw_config_text_at(reader, list, i, what, allowed, &where);
        struct bw_address address;
        const char *wrong = text ? bw_config_wrong_host(text, &address) : NULL;

        if (!text)
            continue;
        for (unsigned k = 0; !wrong && k < m->targets_count; k++)
            wrong = bw_config_same_host(&m->targets[k], &address) ? "is written twice" : NULL;
        if (!wrong && m->targets_count == BW_MAX_TARGETS)
            wrong = "is one too many";
        if (wrong)
            bw_config_problem(reader, where, "%s: %s %s; allowed: %s", what, bw_config_quote(text, strlen(text), quote),
                              wrong, allowed);
        else
            m->targets[m->targets_count++] = address;
    }
}

/* As for a host, but a service on this host is often on its loopback address. */
static const char *wrong_service(const char *value, struct bw_address *address)
{
    static const struct bw_address loopback = {.family = 4, .prefix = 8, .bytes = {127}},
                                   loopback6 = {.family = 6, .prefix = 128, .bytes = {[15] = 1}};
    const char *wrong = bw_config_wrong_host(value, address);

    if (!wrong || strchr(value, '/') || bw_address_from_text(value, address))
        return wrong;
    return bw_address_within(address, &loopback) || bw_address_within(address, &loopback6) ? NULL : wrong;
}

static void link_address(struct bw_config_reader *reader, struct bw_monitor_config *m, config_setting_t *setting)
{
    char shown[BW_QUOTE_MAX];
    const char *wrong = config_setting_type(setting) != CONFIG_TYPE_STRING
                            ? "is not a text in double quotes"
                            : wrong_service(config_setting_get_string(setting), &m->address);

    if (wrong)
        bw_config_problem(reader, setting,
                          "monitor address: %s %s; allowed: an IPv4 or IPv6 address of a host, without prefix",
                          bw_config_shown(setting, shown), wrong);
}

static void link_command(struct bw_config_reader *reader, struct bw_monitor_config *m, config_setting_t *list)
{
    static const char what[] = "monitor command",
                      allowed[] = "[ \"/path/of/program\", \"argument\", ... ], at most 32 words and 511 characters";
    int count = bw_config_texts_count(reader, list, what, allowed);
    config_setting_t *where;
    char quote[BW_QUOTE_MAX];
    size_t at = 0;

    if (count == 0)
        bw_config_problem(reader, list, "%s: it is empty; allowed: %s", what, allowed);
    for (int i = 0; i < count; i++) {
        const char *text = bw_config_text_at(reader, list, i, what, allowed, &where);
        const char *wrong = text && i == 0 ? bw_config_wrong_path(text) : NULL;

        if (!text)
            return;
        if (!wrong && (i == 32 || at + strlen(text) + 1 > sizeof(m->command)))
            wrong = "makes it too long";
        if (wrong) {
            bw_config_problem(reader, where, "%s: %s %s; allowed: %s", what, bw_config_quote(text, strlen(text), quote),
                              wrong, allowed);
            return;
        }
        memcpy(m->command + at, text, strlen(text) + 1);
        at += strlen(text) + 1;
        m->words++;
    }
}

/* A host's name in the URL is looked up by nobody, so there must be an address too. */
static void check_url(struct bw_config_reader *reader, const struct bw_monitor_config *m, const config_setting_t *row)
{
    const char *host = strstr(m->url, "://"), *end;
    struct bw_address address;
    char text[64];
    bool brackets;

    if (!host || config_setting_get_member(row, "address"))
        return;
    host += 3;
    brackets = *host == '[';
    host += brackets;
    end = host + strcspn(host, brackets ? "]" : ":/?#");
    if ((size_t)(end - host) < sizeof(text)) {
        memcpy(text, host, (size_t)(end - host));
        text[end - host] = '\0';
        if (!strchr(text, '/') && !bw_address_from_text(text, &address) && (address.family == 6) == brackets)
            return;
    }
    bw_config_problem_at(reader, bw_config_line(row, "url"),
                         "monitor url: its host is no address, and names are not looked up; allowed: a URL with an "
                         "address, or address = \"...\" beside it");
}

static void check_kind(struct bw_config_reader *reader, const struct bw_monitor_config *m, const config_setting_t *row)
{
    if (m->kind == BW_MONITOR_HTTP)
        check_url(reader, m, row);
    if (m->kind == BW_MONITOR_PROCESS) {
        bool unit = config_setting_get_member(row, "unit");
        bool other = config_setting_get_member(row, "pid_file") || config_setting_get_member(row, "process");

        if (unit == other)
            bw_config_problem(reader, row, "monitor of a process: %s; allowed: unit alone, or pid_file, process or both",
                              unit ? "it has unit and another one" : "it has neither pid_file, process nor unit");
    }
    if (config_setting_get_member(row, "chain") && !config_setting_get_member(row, "table"))
        bw_config_problem_at(reader, bw_config_line(row, "chain"),
                             "monitor chain: there is no table; allowed: only with table");
}

static void check_names(struct bw_config_reader *reader, unsigned i)
{
    static const char *const taken[] = {"Synchronization", "bellwetherd"};
    const struct bw_monitor_config *m = &reader->config->monitors[i];

    for (size_t k = 0; k < sizeof(taken) / sizeof(taken[0]); k++) {
        if (!strcasecmp(m->name, taken[k]))
            bw_config_problem_at(reader, bw_config_line(reader->monitors[i], "name"),
                                 "monitor name: \"%s\" is a built-in pnote; allowed: another name", m->name);
    }
    for (unsigned k = 0; m->name[0] && k < i; k++) {
        if (!strcmp(m->name, reader->config->monitors[k].name))
            bw_config_problem_at(reader, bw_config_line(reader->monitors[i], "name"),
                                 "monitor name: \"%s\" is used twice (line %u); allowed: each name once", m->name,
                                 bw_config_line(reader->monitors[k], "name"));
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct bw_monitor_config *)a)->name, ((const struct bw_monitor_config *)b)->name);
}

void bw_config_link_monitors(struct bw_config_reader *reader)
{
    struct bw_config *config = reader->config;

    for (unsigned i = 0; i < config->monitors_count; i++) {
        struct bw_monitor_config *m = &config->monitors[i];
        config_setting_t *row = reader->monitors[i];
        config_setting_t *targets = config_setting_get_member(row, "targets");
        config_setting_t *address = config_setting_get_member(row, "address");
        config_setting_t *command = config_setting_get_member(row, "command");

        if (targets)
            link_targets(reader, m, targets);
        if (address)
            link_address(reader, m, address);
        if (command)
            link_command(reader, m, command);
        check_keys(reader, m, row);
        check_kind(reader, m, row);
        check_names(reader, i);
    }
    qsort(config->monitors, config->monitors_count, sizeof(config->monitors[0]), by_name);
}

/* ---- digest ---- */

static void add_numbers(uint64_t *hash, const uint64_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t bytes[8];

        for (unsigned k = 0; k < sizeof(bytes); k++)
            bytes[k] = (uint8_t)(numbers[i] >> 8 * k);
        *hash = bw_hash(*hash, bytes, sizeof(bytes));
    }
}

static void add_monitor(uint64_t *hash, const struct bw_monitor_config *m)
{
    const uint64_t numbers[] = {m->kind,         m->start,          m->interval_ns,   m->timeout_ns, m->rise,
                                m->fall,         m->targets_count,  m->port,          m->status,     m->verify,
                                m->most_percent, m->inodes_percent, m->most_error_ns, m->words,      m->free_percent};
    const char *const texts[] = {m->name,    m->url,  m->match, m->ca_file, m->pid_file, m->process,
                                 m->unit,    m->user, m->table, m->chain,   m->path};

    add_numbers(hash, numbers, sizeof(numbers) / sizeof(numbers[0]));
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        *hash = bw_hash(*hash, texts[i], strlen(texts[i]) + 1);
    *hash = bw_hash(*hash, m->command, sizeof(m->command));
    *hash = bw_hash(*hash, m->address.bytes, sizeof(m->address.bytes));
    for (unsigned i = 0; i < m->targets_count; i++)
        *hash = bw_hash(*hash, m->targets[i].bytes, sizeof(m->targets[i].bytes));
}

uint64_t bw_config_digest_monitors(uint64_t hash, const struct bw_config *config)
{
    for (unsigned i = 0; i < config->monitors_count; i++)
        add_monitor(&hash, &config->monitors[i]);
    return hash;
}
