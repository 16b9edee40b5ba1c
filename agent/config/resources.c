/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The resources of groups: lists in groups, or one in the cluster when there are no groups; which keys go with which
 * kind, and their part of the digest.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/config/reader.h"
#include "bellwether/text.h"

#define LIST_ALLOWED "( { name = \"...\"; kind = \"...\"; ... }, ... )"

/* ---- which keys go with which kind; all others go with all ---- */

#define FOR(kind) (1U << (kind))
#define EXEC      FOR(BW_RESOURCE_EXEC)
#define PARP      FOR(BW_RESOURCE_PARP)
#define IPW       FOR(BW_RESOURCE_IPW)

static const struct {
    const char *key;
    uint32_t kinds, needed; /* masks */
} keys_of_kinds[] = {
    {"start", EXEC, EXEC},         {"stop", EXEC, 0},           {"watch", EXEC | IPW, IPW},
    {"watch_process", EXEC, 0},    {"user", EXEC, 0},           {"interval_ms", EXEC | IPW, 0},
    {"timeout_ms", EXEC | IPW, 0}, {"rise", EXEC | IPW, 0},     {"fall", EXEC | IPW, 0},
    {"start_timeout_s", EXEC, 0},  {"stop_timeout_s", EXEC, 0}, {"retries", EXEC, 0},
    {"recovery", EXEC | IPW, 0},   {"interface", PARP, PARP},   {"addresses", PARP, PARP},
};

static void check_keys(struct bw_config_reader *reader, const struct bw_resource_config *r, config_setting_t *row)
{
    static const uint32_t all[] = {BW_RESOURCE_EXEC, BW_RESOURCE_PARP, BW_RESOURCE_IPW};

    for (size_t i = 0; r->kind && i < sizeof(keys_of_kinds) / sizeof(keys_of_kinds[0]); i++) {
        const config_setting_t *written = config_setting_get_member(row, keys_of_kinds[i].key);
        const char *kind = bw_enum_text(&bw_config_resource_kind, r->kind);
        char kinds[64] = "";
        size_t at = 0;

        for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++) {
            if (keys_of_kinds[i].kinds & FOR(all[k]))
                at += bw_format(kinds + at, sizeof(kinds) - at, "%s\"%s\"", at ? ", " : "",
                                bw_enum_text(&bw_config_resource_kind, all[k]));
        }
        if (written && !(keys_of_kinds[i].kinds & FOR(r->kind)))
            bw_config_problem(reader, written, "resource %s: the kind is \"%s\"; allowed: with kind %s",
                              keys_of_kinds[i].key, kind, kinds);
        if (!written && (keys_of_kinds[i].needed & FOR(r->kind)))
            bw_config_problem(reader, row, "resource has no %s, which kind \"%s\" needs; allowed: to write one",
                              keys_of_kinds[i].key, kind);
    }
}

/* ---- values that the tables cannot read ---- */

static void add_target(struct bw_config_reader *reader, struct bw_watched_set *set, config_setting_t *where,
                       const char *text, size_t length, const char *allowed)
{
    char host[64] = "", quote[BW_QUOTE_MAX];
    struct bw_address address;
    const char *wrong;

    if (length < sizeof(host))
        memcpy(host, text, length);
    wrong = bw_config_wrong_host(host, &address);
    for (unsigned i = 0; !wrong && i < set->count; i++)
        wrong = bw_config_same_host(&set->targets[i], &address) ? "is written twice" : NULL;
    if (!wrong && set->count == BW_MAX_TARGETS)
        wrong = "is one too many";
    if (wrong)
        bw_config_problem(reader, where, "resource watch: %s %s; allowed: %s", bw_config_quote(text, length, quote),
                          wrong, allowed);
    else
        set->targets[set->count++] = address;
}

/* "10.0.0.1 | 10.0.0.2": any of them. */
static void link_sets(struct bw_config_reader *reader, struct bw_resource_config *r, config_setting_t *list)
{
    static const char allowed[] = "[ \"address | address ...\", ... ], 1-8 sets of 1-8 different hosts";
    int count = bw_config_texts_count(reader, list, "resource watch", allowed);
    config_setting_t *where;

    if (count == 0 || count > BW_MAX_WATCHED_SETS)
        bw_config_problem(reader, list, "resource watch: %d sets; allowed: %s", count, allowed);
    for (int i = 0; i < count && i < BW_MAX_WATCHED_SETS; i++) {
        const char *text = bw_config_text_at(reader, list, i, "resource watch", allowed, &where);
        struct bw_watched_set *set = &r->sets[r->sets_count];

        if (!text)
            continue;
        for (;;) {
            size_t length;

            text += strspn(text, " ");
            length = strcspn(text, " |");
            add_target(reader, set, where, text, length, allowed);
            text += length + strspn(text + length, " ");
            if (*text != '|')
                break;
            text++;
        }
        if (*text)
            bw_config_problem(reader, where, "resource watch: there is no \"|\" between two addresses; allowed: %s",
                              allowed);
        r->sets_count++;
    }
}

static const char *wrong_proxied(const struct bw_config *config, const struct bw_address *address)
{
    const struct bw_cluster_config *c = &config->cluster;

    for (unsigned i = 0; i < c->addresses_count; i++)
        if (bw_config_same_host(&c->addresses[i].address, address))
            return "is a virtual address";
    for (unsigned i = 0; i < c->members_count; i++)
        if (bw_config_same_host(&c->members[i].address, address))
            return "is the address of a member";
    for (unsigned i = 0; i < config->proxied_count; i++)
        if (bw_config_same_host(&config->proxied[i].address, address))
            return "is written twice";
    return config->proxied_count == BW_MAX_PROXIED ? "is one too many" : NULL;
}

static void link_addresses(struct bw_config_reader *reader, uint8_t resource, uint8_t interface, config_setting_t *list)
{
    static const char allowed[] =
        "[ \"address\", ... ], each once, none of a member and no virtual one, at most 256 in the cluster";
    struct bw_config *config = reader->config;
    int count = bw_config_texts_count(reader, list, "resource addresses", allowed);
    config_setting_t *where;
    char quote[BW_QUOTE_MAX];

    if (count == 0)
        bw_config_problem(reader, list, "resource addresses: there is none; allowed: %s", allowed);
    for (int i = 0; i < count; i++) {
        const char *text = bw_config_text_at(reader, list, i, "resource addresses", allowed, &where);
        struct bw_address address;
        const char *wrong = text ? bw_config_wrong_host(text, &address) : NULL;

        if (!text)
            continue;
        if (!wrong)
            wrong = wrong_proxied(config, &address);
        if (wrong)
            bw_config_problem(reader, where, "resource addresses: %s %s; allowed: %s",
                              bw_config_quote(text, strlen(text), quote), wrong, allowed);
        else
            config->proxied[config->proxied_count++] =
                (struct bw_proxied_config){.address = address, .interface = interface, .resource = resource};
    }
}

static uint8_t find_interface(struct bw_config_reader *reader, const config_setting_t *setting)
{
    const struct bw_cluster_config *c = &reader->config->cluster;
    const char *name = config_setting_get_string(setting);
    uint8_t interface = name ? bw_config_find_interface(c, name) : BW_NONE;
    char names[BW_NAMES_MAX], shown[BW_QUOTE_MAX];

    if (interface == BW_NONE)
        bw_config_problem(reader, setting, "resource interface: %s is no interface of the cluster; allowed: %s",
                          bw_config_shown(setting, shown), bw_config_interface_names(c, names, sizeof(names)));
    else if (c->interfaces[interface].role == BW_ROLE_DISCONNECTED) {
        bw_config_problem(reader, setting, "resource interface: \"%s\" is disconnected; allowed: another one", name);
        interface = BW_NONE;
    }
    return interface;
}

static void link_commands(struct bw_config_reader *reader, struct bw_resource_config *r, config_setting_t *row)
{
    config_setting_t *start = config_setting_get_member(row, "start"), *stop = config_setting_get_member(row, "stop");
    config_setting_t *watch = config_setting_get_member(row, "watch");

    if (start)
        bw_config_link_command(reader, "resource start", start, r->start, &r->start_words);
    if (stop)
        bw_config_link_command(reader, "resource stop", stop, r->stop, &r->stop_words);
    if (watch && r->kind == BW_RESOURCE_EXEC)
        bw_config_link_command(reader, "resource watch", watch, r->watch, &r->watch_words);
    if (watch && r->kind == BW_RESOURCE_IPW)
        link_sets(reader, r, watch);
}

/* ---- what must hold between keys ---- */

static void check_on(struct bw_config_reader *reader, struct bw_resource_config *r, const config_setting_t *row)
{
    uint32_t only = r->kind == BW_RESOURCE_IPW ? BW_ON_ALL : r->kind == BW_RESOURCE_PARP ? BW_ON_ONE : 0;

    if (!r->on)
        r->on = only ? only : BW_ON_ONE;
    else if (only && r->on != only)
        bw_config_problem_at(reader, bw_config_line(row, "on"),
                             "resource on: kind \"%s\" runs on %s; allowed: \"%s\" with it",
                             bw_enum_text(&bw_config_resource_kind, r->kind),
                             only == BW_ON_ALL ? "all members" : "the holder only", only == BW_ON_ALL ? "all" : "one");
}

static void check_resource(struct bw_config_reader *reader, unsigned i)
{
    struct bw_resource_config *r = &reader->config->resources[i];
    config_setting_t *row = reader->resources[i];

    check_on(reader, r, row);
    if (r->kind == BW_RESOURCE_PARP)
        r->recovery = BW_ON_FAILURE_RETRY;
    if (!r->timeout_ns)
        r->timeout_ns = r->kind == BW_RESOURCE_EXEC ? 10 * BW_SEC : BW_SEC;
    if (!config_setting_get_member(row, "retries"))
        r->retries = r->kind == BW_RESOURCE_EXEC && r->recovery == BW_ON_FAILURE_RETRY ? 3 : 0;
    if (r->kind == BW_RESOURCE_IPW && r->recovery == BW_ON_FAILURE_RETRY)
        bw_config_problem_at(reader, bw_config_line(row, "recovery"),
                             "resource recovery: there is nothing to start again; allowed: \"ignore\", \"stop\", "
                             "\"failover\" with kind \"ipw\"");
    if (!strcasecmp(r->name, "addresses"))
        bw_config_problem_at(reader, bw_config_line(row, "name"),
                             "resource name: \"%s\" is that of the virtual addresses; allowed: another name", r->name);
    for (unsigned k = 0; r->name[0] && k < i; k++) {
        if (!strcasecmp(r->name, reader->config->resources[k].name))
            bw_config_problem_at(reader, bw_config_line(row, "name"),
                                 "resource name: \"%s\" is used twice (line %u); allowed: each name once", r->name,
                                 bw_config_line(reader->resources[k], "name"));
    }
}

static void link_resource(struct bw_config_reader *reader, uint8_t group, config_setting_t *row)
{
    struct bw_config *config = reader->config;
    uint8_t index = config->resources_count;
    struct bw_resource_config *r = &config->resources[index];
    config_setting_t *addresses = config_setting_get_member(row, "addresses");
    config_setting_t *interface = config_setting_get_member(row, "interface");
    unsigned most = BW_MAX_RESOURCES - config->cluster.groups_count;

    if (index >= most) {
        bw_config_problem(reader, row, "resource: it is one too many; allowed: %u with %u group%s", most,
                          config->cluster.groups_count, config->cluster.groups_count == 1 ? "" : "s");
        return;
    }
    config->resources_count++;
    reader->resources[index] = row;
    bw_config_read_section(reader, &bw_config_resource, row, r);
    r->group = group;
    link_commands(reader, r, row);
    if (addresses)
        link_addresses(reader, index, interface ? find_interface(reader, interface) : BW_NONE, addresses);
    check_keys(reader, r, row);
    check_resource(reader, index);
}

static void link_list(struct bw_config_reader *reader, uint8_t group, const char *of, config_setting_t *list)
{
    char shown[BW_QUOTE_MAX];

    if (config_setting_type(list) != CONFIG_TYPE_LIST) {
        bw_config_problem(reader, list, "%s resources: %s is not a list in parentheses; allowed: " LIST_ALLOWED, of,
                          bw_config_shown(list, shown));
        return;
    }
    for (int i = 0; i < config_setting_length(list); i++) {
        config_setting_t *row = config_setting_get_elem(list, (unsigned)i);

        if (config_setting_type(row) == CONFIG_TYPE_GROUP)
            link_resource(reader, group, row);
        else
            bw_config_problem(reader, row, "%s resources: %s is not a section; allowed: " LIST_ALLOWED, of,
                              bw_config_shown(row, shown));
    }
}

/* Each set of addresses and each command that watches is a monitor of its own behind the scenes. */
static void check_watches(struct bw_config_reader *reader)
{
    const struct bw_config *config = reader->config;
    unsigned watches = 0;

    for (unsigned i = 0; i < config->resources_count; i++) {
        unsigned before = watches;

        watches += config->resources[i].sets_count + (config->resources[i].watch_words > 0);
        if (watches > BW_MAX_MONITORS && before <= BW_MAX_MONITORS)
            bw_config_problem_at(reader, bw_config_line(reader->resources[i], "watch"),
                                 "resource watch: it is one too many; allowed: %d sets and commands in the cluster",
                                 BW_MAX_MONITORS);
    }
}

static int by_address(const void *a, const void *b)
{
    return bw_address_compare(&((const struct bw_proxied_config *)a)->address,
                              &((const struct bw_proxied_config *)b)->address);
}

void bw_config_link_resources(struct bw_config_reader *reader)
{
    struct bw_config *config = reader->config;
    config_setting_t *list = config_setting_get_member(reader->cluster, "resources");
    bool groups = config_setting_get_member(reader->cluster, "groups");

    if (list && groups)
        bw_config_problem(reader, list, "cluster resources: there are groups; allowed: resources within a group");
    else if (list)
        link_list(reader, 0, "cluster", list);
    for (uint8_t g = 0; groups && g < config->cluster.groups_count; g++) {
        list = config_setting_get_member(reader->groups[g], "resources");
        if (list)
            link_list(reader, g, "group", list);
    }
    check_watches(reader);
    qsort(config->proxied, config->proxied_count, sizeof(config->proxied[0]), by_address);
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

static void add_resource(uint64_t *hash, const struct bw_resource_config *r)
{
    const uint64_t numbers[] = {
        r->kind,        r->on,         r->recovery,    r->retries,          r->group,           r->watch_process,
        r->start_words, r->stop_words, r->watch_words, r->start_timeout_ns, r->stop_timeout_ns, r->interval_ns,
        r->timeout_ns,  r->rise,       r->fall,        r->sets_count};

    add_numbers(hash, numbers, sizeof(numbers) / sizeof(numbers[0]));
    *hash = bw_hash(*hash, r->name, strlen(r->name) + 1);
    *hash = bw_hash(*hash, r->user, strlen(r->user) + 1);
    *hash = bw_hash(*hash, r->start, sizeof(r->start));
    *hash = bw_hash(*hash, r->stop, sizeof(r->stop));
    *hash = bw_hash(*hash, r->watch, sizeof(r->watch));
    for (unsigned i = 0; i < r->sets_count; i++)
        for (unsigned k = 0; k < r->sets[i].count; k++)
            *hash = bw_hash(*hash, r->sets[i].targets[k].bytes, sizeof(r->sets[i].targets[k].bytes));
}

uint64_t bw_config_digest_resources(uint64_t hash, const struct bw_config *config)
{
    for (unsigned i = 0; i < config->resources_count; i++)
        add_resource(&hash, &config->resources[i]);
    for (unsigned i = 0; i < config->proxied_count; i++) {
        const uint64_t numbers[] = {config->proxied[i].interface, config->proxied[i].resource};

        add_numbers(&hash, numbers, 2);
        hash = bw_hash(hash, config->proxied[i].address.bytes, sizeof(config->proxied[i].address.bytes));
    }
    return hash;
}
