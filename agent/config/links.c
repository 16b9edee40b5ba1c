/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The second step of reading: what refers to another part of the file, and lists of plain texts. Here member addresses
 * and devices, witnesses, multicast groups, and defaults that depend on other keys; groups.c has groups and virtual
 * addresses.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "agent/config/reader.h"
#include "bellwether/text.h"

int bw_config_texts_count(struct bw_config_reader *reader, const config_setting_t *setting, const char *what,
                          const char *allowed)
{
    char shown[BW_QUOTE_MAX];
    int type = config_setting_type(setting);

    if (type == CONFIG_TYPE_STRING)
        return 1;
    if (type == CONFIG_TYPE_ARRAY || type == CONFIG_TYPE_LIST)
        return config_setting_length(setting);
    bw_config_problem(reader, setting, "%s: %s is no list of texts; allowed: %s", what, bw_config_shown(setting, shown),
                      allowed);
    return -1;
}

const char *bw_config_text_at(struct bw_config_reader *reader, config_setting_t *setting, int i, const char *what,
                              const char *allowed, config_setting_t **where)
{
    char shown[BW_QUOTE_MAX];

    *where =
        config_setting_type(setting) == CONFIG_TYPE_STRING ? setting : config_setting_get_elem(setting, (unsigned)i);
    if (config_setting_type(*where) == CONFIG_TYPE_STRING)
        return config_setting_get_string(*where);
    bw_config_problem(reader, *where, "%s: %s is not a text in double quotes; allowed: %s", what,
                      bw_config_shown(*where, shown), allowed);
    return NULL;
}

uint8_t bw_config_find_interface(const struct bw_cluster_config *c, const char *name)
{
    for (uint8_t i = 0; name[0] && i < c->interfaces_count; i++) {
        if (!strcmp(c->interfaces[i].name, name))
            return i;
    }
    return BW_NONE;
}

uint8_t bw_config_find_member(const struct bw_cluster_config *c, const char *name)
{
    for (uint8_t i = 0; name[0] && i < c->members_count; i++) {
        if (!strcasecmp(c->members[i].name, name))
            return i;
    }
    return BW_NONE;
}

const char *bw_config_member_names(const struct bw_cluster_config *c, char *buf, size_t cap)
{
    size_t at = 0;

    buf[0] = '\0';
    for (unsigned i = 0; i < c->members_count && at < cap; i++)
        at += (size_t)snprintf(buf + at, cap - at, "%s\"%s\"", i ? ", " : "", c->members[i].name);
    return buf;
}

const char *bw_config_interface_names(const struct bw_cluster_config *c, char *buf, size_t cap)
{
    size_t at = 0;

    buf[0] = '\0';
    for (unsigned i = 0; i < c->interfaces_count && at < cap; i++)
        at += (size_t)snprintf(buf + at, cap - at, "%s\"%s\"", i ? ", " : "", c->interfaces[i].name);
    return buf;
}

/* Members are kept by id; a simple sort of both arrays. */
static void sort_members(struct bw_config_reader *reader)
{
    struct bw_cluster_config *c = &reader->config->cluster;

    for (unsigned i = 1; i < c->members_count; i++) {
        struct bw_member_config member = c->members[i];
        config_setting_t *where = reader->members[i];
        unsigned j = i;

        for (; j > 0 && c->members[j - 1].id > member.id; j--) {
            c->members[j] = c->members[j - 1];
            reader->members[j] = reader->members[j - 1];
        }
        c->members[j] = member;
        reader->members[j] = where;
    }
}

static void link_override(struct bw_config_reader *reader, struct bw_member_config *member, config_setting_t *where)
{
    struct bw_cluster_config *c = &reader->config->cluster;
    struct bw_config_override_row row = {.name = ""};
    char names[BW_NAMES_MAX], shown[BW_QUOTE_MAX];
    uint8_t interface;

    if (config_setting_type(where) != CONFIG_TYPE_GROUP) {
        bw_config_problem(
            reader, where,
            "member interfaces: %s is not a section; allowed: ( { name = \"...\"; device = \"...\"; }, ... )",
            bw_config_shown(where, shown));
        return;
    }
    bw_config_read_section(reader, &bw_config_override, where, &row);
    if (!row.name[0])
        return;
    interface = bw_config_find_interface(c, row.name);
    if (interface == BW_NONE)
        bw_config_problem_at(reader, bw_config_line(where, "name"),
                             "member interfaces: \"%s\" is no interface of the cluster; allowed: %s", row.name,
                             bw_config_interface_names(c, names, sizeof(names)));
    else if (member->device[interface][0])
        bw_config_problem_at(reader, bw_config_line(where, "name"),
                             "member interfaces: \"%s\" is written twice; allowed: each interface once", row.name);
    else if (!config_setting_get_member(where, "device") && !config_setting_get_member(where, "address"))
        bw_config_problem(reader, where, "member interfaces: \"%s\" says nothing of it; allowed: device, address or both", row.name);
    else
        bw_copy(member->device[interface], BW_NAME_MAX, row.device[0] ? row.device : row.name);
    if (interface != BW_NONE && row.address[0])
        (void)bw_config_wrong_host(row.address, &member->unicast[interface]);
}

static void link_member(struct bw_config_reader *reader, unsigned i)
{
    struct bw_cluster_config *c = &reader->config->cluster;
    struct bw_member_config *member = &c->members[i];
    config_setting_t *address = config_setting_get_member(reader->members[i], "address");
    config_setting_t *list = config_setting_get_member(reader->members[i], "interfaces");
    const char *wrong = NULL;
    char shown[BW_QUOTE_MAX];

    if (!member->priority)
        member->priority = member->id;
    if (address) {
        wrong = config_setting_type(address) != CONFIG_TYPE_STRING
                    ? "is not a text in double quotes"
                    : bw_config_wrong_host(config_setting_get_string(address), &member->address);
        if (wrong)
            bw_config_problem(reader, address,
                              "member address: %s %s; allowed: an IPv4 or IPv6 address of a host, without prefix",
                              bw_config_shown(address, shown), wrong);
        if (wrong)
            member->address.family = 0;
    }
    if (list && config_setting_type(list) != CONFIG_TYPE_LIST)
        bw_config_problem(reader, list,
                          "member interfaces: %s is not a list in parentheses; allowed: ( { name = \"...\"; device = "
                          "\"...\"; }, ... )",
                          bw_config_shown(list, shown));
    else
        for (int k = 0; list && k < config_setting_length(list); k++)
            link_override(reader, member, config_setting_get_elem(list, (unsigned)k));
    for (unsigned k = 0; k < c->interfaces_count; k++) {
        if (!member->device[k][0])
            bw_copy(member->device[k], BW_NAME_MAX, c->interfaces[k].name);
    }
}

static void link_witnesses(struct bw_config_reader *reader, config_setting_t *list)
{
    static const char what[] = "cluster witness",
                      allowed[] = "( \"address\", ... ), at most 4 different hosts outside the cluster";
    struct bw_cluster_config *c = &reader->config->cluster;
    int count = bw_config_texts_count(reader, list, what, allowed);
    config_setting_t *where;
    char quote[BW_QUOTE_MAX];

    for (int i = 0; i < count; i++) {
        const char *text = bw_config_text_at(reader, list, i, what, allowed, &where);
        struct bw_address address;
        const char *wrong = text ? bw_config_wrong_host(text, &address) : NULL;

        if (!text)
            continue;
        for (unsigned k = 0; !wrong && k < c->witnesses_count; k++)
            wrong = bw_config_same_host(&c->witnesses[k], &address) ? "is written twice" : NULL;
        for (unsigned k = 0; !wrong && k < c->members_count; k++)
            wrong = bw_config_same_host(&c->members[k].address, &address) ? "is a member's address" : NULL;
        if (!wrong && c->witnesses_count == BW_MAX_WITNESSES)
            wrong = "is one too many";
        if (wrong)
            bw_config_problem(reader, where, "%s: %s %s; allowed: %s", what, bw_config_quote(text, strlen(text), quote),
                              wrong, allowed);
        else
            c->witnesses[c->witnesses_count++] = address;
    }
}

static void link_multicast(struct bw_config_reader *reader, config_setting_t *list)
{
    static const char what[] = "cluster multicast",
                      allowed[] = "an IPv4 multicast address, an IPv6 one, or an array of both";
    struct bw_cluster_config *c = &reader->config->cluster;
    int count = bw_config_texts_count(reader, list, what, allowed);
    bool seen[2] = {false, false};
    config_setting_t *where;
    char quote[BW_QUOTE_MAX];

    for (int i = 0; i < count; i++) {
        const char *text = bw_config_text_at(reader, list, i, what, allowed, &where);
        struct bw_address address = {.family = 0};
        const char *wrong = text ? bw_config_wrong_multicast(text, &address) : NULL;

        if (!text)
            continue;
        if (!wrong && seen[address.family == 6])
            wrong = "is a second one of its family";
        if (wrong) {
            bw_config_problem(reader, where, "%s: %s %s; allowed: %s", what, bw_config_quote(text, strlen(text), quote),
                              wrong, allowed);
            continue;
        }
        seen[address.family == 6] = true;
        bw_address_to_text(&address, false, address.family == 6 ? c->multicast6 : c->multicast4);
    }
}

void bw_config_link(struct bw_config_reader *reader)
{
    struct bw_cluster_config *c = &reader->config->cluster;
    config_setting_t *witness = config_setting_get_member(reader->cluster, "witness");
    config_setting_t *multicast = config_setting_get_member(reader->cluster, "multicast");

    sort_members(reader);
    if (!config_setting_get_member(reader->cluster, "start_wait_ms"))
        c->start_wait_ns = 10 * bw_dead_ns(c);
    if (!config_setting_get_member(reader->cluster, "claim_ms"))
        c->claim_ns = bw_dead_ns(c);
    bw_copy(c->multicast4, sizeof(c->multicast4), "224.0.0.254");
    bw_copy(c->multicast6, sizeof(c->multicast6), "ff02::114");
    if (multicast)
        link_multicast(reader, multicast);
    for (unsigned i = 0; i < c->members_count; i++)
        link_member(reader, i);
    bw_config_link_groups(reader);
    if (witness)
        link_witnesses(reader, witness);
}
