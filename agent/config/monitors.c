/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The monitors: which keys go with which kind, what a kind cannot do without, and their part of the digest. A monitor
 * is checked as far as the file goes; whether a host, a program or a table exists is for its checks.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/config/reader.h"
#include "bellwether/text.h"

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
    {"peers_ms", FOR(BW_MONITOR_CLOCK), 0},
};

static void check_keys(struct bw_config_reader *reader, const struct bw_monitor_config *m, config_setting_t *row)
{
    const char *kind = bw_enum_text(&bw_config_monitor_kind, m->kind);

    for (size_t i = 0; m->kind && i < sizeof(keys_of_kinds) / sizeof(keys_of_kinds[0]); i++) {
        const config_setting_t *written = config_setting_get_member(row, keys_of_kinds[i].key);
        char kinds[64] = "";
        size_t at = 0;

        for (uint32_t k = BW_MONITOR_PING; k <= BW_MONITOR_CONFLICT; k++) {
            if (keys_of_kinds[i].kinds & FOR(k))
                at += bw_format(kinds + at, sizeof(kinds) - at, "%s\"%s\"", at ? ", " : "",
                                bw_enum_text(&bw_config_monitor_kind, k));
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

void bw_config_link_command(struct bw_config_reader *reader, const char *what, config_setting_t *list, char *words,
                            uint32_t *words_count)
{
    static const char allowed[] = "[ \"/path/of/program\", \"argument\", ... ], at most 32 words and 511 characters";
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
        if (!wrong && (i == 32 || at + strlen(text) + 1 > BW_COMMAND_MAX))
            wrong = "makes it too long";
        if (wrong) {
            bw_config_problem(reader, where, "%s: %s %s; allowed: %s", what, bw_config_quote(text, strlen(text), quote),
                              wrong, allowed);
            return;
        }
        memcpy(words + at, text, strlen(text) + 1);
        at += strlen(text) + 1;
        ++*words_count;
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
            bw_config_link_command(reader, "monitor command", command, m->command, &m->words);
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
                                m->most_percent, m->inodes_percent, m->most_error_ns, m->words,      m->free_percent, m->peers_ns};
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
