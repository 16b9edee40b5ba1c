/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Groups with their policies, and the virtual addresses: those of interfaces, which are the one implicit group's, or
 * those of groups.
 */
#include <string.h>

#include "agent/config/reader.h"
#include "bellwether/text.h"

#define VIRTUAL_ALLOWED "a host's address with its prefix, such as \"192.168.10.100/24\""

static void add_virtual(struct bw_config_reader *reader, config_setting_t *where, const char *text, uint8_t interface,
                        uint8_t group)
{
    struct bw_cluster_config *c = &reader->config->cluster;
    struct bw_address address;
    const char *wrong = bw_config_wrong_virtual(text, &address);
    char quote[BW_QUOTE_MAX];

    if (wrong) {
        bw_config_problem(reader, where, "virtual address: %s %s; allowed: " VIRTUAL_ALLOWED,
                          bw_config_quote(text, strlen(text), quote), wrong);
        return;
    }
    if (c->addresses_count == BW_MAX_ADDRESSES) {
        bw_config_problem(reader, where, "virtual address: %s is one too many; allowed: %d in the cluster",
                          bw_config_quote(text, strlen(text), quote), BW_MAX_ADDRESSES);
        return;
    }
    reader->addresses[c->addresses_count] = where;
    c->addresses[c->addresses_count++] =
        (struct bw_address_config){.address = address, .interface = interface, .group = group};
}

static void link_interface(struct bw_config_reader *reader, uint8_t interface)
{
    static const char what[] = "interface virtual", allowed[] = "[ \"address/prefix\", ... ]";
    config_setting_t *list = config_setting_get_member(reader->interfaces[interface], "virtual");
    config_setting_t *where;
    int count = list ? bw_config_texts_count(reader, list, what, allowed) : 0;

    if (list && reader->config->cluster.groups_count)
        bw_config_problem(reader, list,
                          "interface virtual: there are groups; allowed: virtual addresses within a group");
    for (int i = 0; i < count; i++) {
        const char *text = bw_config_text_at(reader, list, i, what, allowed, &where);

        if (text)
            add_virtual(reader, where, text, interface, 0);
    }
}

static void link_policy(struct bw_config_reader *reader, struct bw_group_config *group, config_setting_t *list)
{
    static const char what[] = "group policy", allowed[] = "( \"member\", ... ), each member at most once";
    struct bw_cluster_config *c = &reader->config->cluster;
    char names[BW_NAMES_MAX], quote[BW_QUOTE_MAX];
    int count = bw_config_texts_count(reader, list, what, allowed);
    config_setting_t *where;

    if (count == 0)
        bw_config_problem(reader, list, "group policy: it is empty; allowed: %s", allowed);
    for (int i = 0; i < count; i++) {
        const char *text = bw_config_text_at(reader, list, i, what, allowed, &where);
        uint8_t member = text ? bw_config_find_member(c, text) : BW_NONE;

        if (!text)
            continue;
        if (member == BW_NONE)
            bw_config_problem(reader, where, "group policy: %s is no member; allowed: %s",
                              bw_config_quote(text, strlen(text), quote),
                              bw_config_member_names(c, names, sizeof(names)));
        else if (memchr(group->policy, member, group->policy_count))
            bw_config_problem(reader, where, "group policy: %s is written twice; allowed: each member at most once",
                              bw_config_quote(text, strlen(text), quote));
        else
            group->policy[group->policy_count++] = member;
    }
}

static void link_group_address(struct bw_config_reader *reader, uint8_t group, config_setting_t *where)
{
    struct bw_cluster_config *c = &reader->config->cluster;
    struct bw_config_group_address_row row = {.interface = ""};
    char names[BW_NAMES_MAX], shown[BW_QUOTE_MAX];
    uint8_t interface;

    if (config_setting_type(where) != CONFIG_TYPE_GROUP) {
        bw_config_problem(reader, where,
                          "group virtual: %s is not a section; allowed: ( { interface = \"...\"; address = "
                          "\"address/prefix\"; }, ... )",
                          bw_config_shown(where, shown));
        return;
    }
    bw_config_read_section(reader, &bw_config_group_address, where, &row);
    interface = bw_config_find_interface(c, row.interface);
    if (interface == BW_NONE && row.interface[0])
        bw_config_problem_at(reader, bw_config_line(where, "interface"),
                             "group's address interface: \"%s\" is no interface of the cluster; allowed: %s",
                             row.interface, bw_config_interface_names(c, names, sizeof(names)));
    if (row.address[0])
        add_virtual(reader, config_setting_get_member(where, "address"), row.address, interface, group);
}

/* All members, by priority and then id. */
static void default_policy(const struct bw_cluster_config *c, struct bw_group_config *group)
{
    for (uint8_t i = 0; i < c->members_count; i++) {
        unsigned j = group->policy_count++;

        for (; j > 0 && c->members[group->policy[j - 1]].priority > c->members[i].priority; j--)
            group->policy[j] = group->policy[j - 1];
        group->policy[j] = i;
    }
}

static void link_group(struct bw_config_reader *reader, uint8_t i)
{
    struct bw_cluster_config *c = &reader->config->cluster;
    struct bw_group_config *group = &c->groups[i];
    config_setting_t *policy = config_setting_get_member(reader->groups[i], "policy");
    config_setting_t *list = config_setting_get_member(reader->groups[i], "virtual");
    char shown[BW_QUOTE_MAX];

    if (!group->failback)
        group->failback = c->recovery == BW_RECOVERY_PRIMARY_UP ? BW_AUTO : BW_MANUAL;
    if (policy)
        link_policy(reader, group, policy);
    else
        default_policy(c, group);
    if (list && config_setting_type(list) != CONFIG_TYPE_LIST)
        bw_config_problem(reader, list,
                          "group virtual: %s is not a list in parentheses; allowed: ( { interface = \"...\"; address = "
                          "\"address/prefix\"; }, ... )",
                          bw_config_shown(list, shown));
    else
        for (int k = 0; list && k < config_setting_length(list); k++)
            link_group_address(reader, i, config_setting_get_elem(list, (unsigned)k));
}

static void implicit_group(struct bw_cluster_config *c)
{
    struct bw_group_config *group = &c->groups[c->groups_count++];

    bw_copy(group->name, sizeof(group->name), c->name);
    group->start = BW_AUTO;
    group->failback = c->recovery == BW_RECOVERY_PRIMARY_UP ? BW_AUTO : BW_MANUAL;
    default_policy(c, group);
}

void bw_config_link_groups(struct bw_config_reader *reader)
{
    struct bw_cluster_config *c = &reader->config->cluster;

    for (uint8_t i = 0; i < c->interfaces_count; i++)
        link_interface(reader, i);
    for (uint8_t i = 0; i < c->groups_count; i++)
        link_group(reader, i);
    if (!config_setting_get_member(reader->cluster, "groups"))
        implicit_group(c);
}
