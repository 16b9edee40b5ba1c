/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The third step of reading: what must hold between values. Then the addresses are put in order, since every surface
 * shows them so.
 */
#include <string.h>
#include <strings.h>

#include "agent/config/reader.h"
#include "bellwether/text.h"

/* The line of an earlier row's key, to be named in the message about a later one. */
static unsigned line_of(config_setting_t *row, const char *key)
{
    return bw_config_line(row, key);
}

static void check_scalars(struct bw_config_reader *reader)
{
    struct bw_cluster_config *c = &reader->config->cluster;
    config_setting_t *auth = config_setting_get_member(reader->cluster, "auth");
    config_setting_t *key = config_setting_get_member(reader->cluster, "key_file");
    const char *text = auth ? config_setting_get_string(auth) : NULL;
    char shown[BW_QUOTE_MAX];

    if (c->mode != BW_MODE_HA && c->mode != BW_MODE_HA_LEGACY && c->mode != BW_MODE_SERVICE)
        bw_config_problem_at(reader, line_of(reader->cluster, "mode"),
                             "cluster mode: \"%s\" is not available in this version; allowed: \"ha\", \"ha-legacy\", \"service\"",
                             bw_enum_text(&bw_enum_mode, c->mode));
    c->auth_none = text && !strcmp(text, "none");
    if (auth && !c->auth_none)
        bw_config_problem(reader, auth, "cluster auth: %s is unknown; allowed: \"none\"", bw_config_shown(auth, shown));
    if (auth && key)
        bw_config_problem(reader, auth,
                          "cluster auth: key_file is there too (line %u); allowed: exactly one of the two",
                          config_setting_source_line(key));
    if (!auth && !key)
        bw_config_problem(reader, reader->cluster,
                          "cluster has no key; allowed: key_file = \"/etc/bellwether/cluster.key\", "
                          "or auth = \"none\" to send everything unsealed");
    if (c->renew_ns * 2 >= c->lease_ns)
        bw_config_problem_at(
            reader,
            line_of(reader->cluster, config_setting_get_member(reader->cluster, "renew_ms") ? "renew_ms" : "lease_s"),
            "cluster renew_ms: %u is not less than half of lease_s (%u s); allowed: 10-%u",
            (unsigned)(c->renew_ns / BW_MS), (unsigned)(c->lease_ns / BW_SEC), (unsigned)(c->lease_ns / BW_MS / 2) - 1);
}

/* One member against those before it in the array. */
static void check_member(struct bw_config_reader *reader, unsigned i)
{
    const struct bw_cluster_config *c = &reader->config->cluster;
    const struct bw_member_config *m = &c->members[i];
    config_setting_t *where = reader->members[i];
    char text[BW_ADDRESS_TEXT_MAX];

    for (unsigned k = 0; k < i; k++) {
        const struct bw_member_config *other = &c->members[k];
        bool later = line_of(reader->members[k], "id") <= line_of(where, "id");
        config_setting_t *second = later ? where : reader->members[k], *first = later ? reader->members[k] : where;

        if (m->id && m->id == other->id)
            bw_config_problem_at(reader, line_of(second, "id"),
                                 "member id: %u is used twice (line %u); allowed: 1-254, each once", m->id,
                                 line_of(first, "id"));
        if (m->name[0] && !strcasecmp(m->name, other->name))
            bw_config_problem_at(reader, line_of(second, "name"),
                                 "member name: \"%s\" is used twice (line %u); allowed: each name once", m->name,
                                 line_of(first, "name"));
        if (m->address.family && bw_config_same_host(&m->address, &other->address))
            bw_config_problem_at(reader, line_of(second, "address"),
                                 "member address: \"%s\" is used twice (line %u); allowed: each address once",
                                 bw_address_to_text(&m->address, false, text), line_of(first, "address"));
    }
    for (unsigned k = 1; k < c->interfaces_count; k++) {
        for (unsigned l = 0; l < k; l++) {
            if (m->device[k][0] && c->interfaces[k].name[0] && strcmp(c->interfaces[k].name, c->interfaces[l].name) &&
                !strcmp(m->device[k], m->device[l]))
                bw_config_problem_at(
                    reader, line_of(where, "interfaces"),
                    "member interfaces: device \"%s\" stands for both \"%s\" and \"%s\"; allowed: each device once",
                    m->device[k], c->interfaces[l].name, c->interfaces[k].name);
        }
    }
}

static void check_interfaces(struct bw_config_reader *reader)
{
    const struct bw_cluster_config *c = &reader->config->cluster;
    unsigned carriers = 0;

    for (unsigned i = 0; i < c->interfaces_count; i++) {
        const struct bw_interface_config *interface = &c->interfaces[i];
        config_setting_t *virtual = config_setting_get_member(reader->interfaces[i], "virtual");
        bool carries = interface->role == BW_ROLE_CLUSTER || interface->role == BW_ROLE_SYNC;

        carriers += carries;
        if (!carries && virtual &&
            (config_setting_type(virtual) == CONFIG_TYPE_STRING || config_setting_length(virtual) > 0))
            bw_config_problem(reader, virtual,
                              "interface virtual: the role is \"%s\"; allowed: role \"cluster\" or \"sync\" with it",
                              bw_enum_text(&bw_enum_interface_role, interface->role));
        for (unsigned k = 0; interface->name[0] && k < i; k++) {
            if (!strcmp(interface->name, c->interfaces[k].name))
                bw_config_problem_at(reader, line_of(reader->interfaces[i], "name"),
                                     "interface name: \"%s\" is used twice (line %u); allowed: each name once",
                                     interface->name, line_of(reader->interfaces[k], "name"));
        }
    }
    if (c->interfaces_count && !carriers)
        bw_config_problem_at(
            reader, line_of(reader->cluster, "interfaces"),
            "cluster interfaces: none carries heartbeats; allowed: at least one with role \"cluster\" or \"sync\"");
}

static void check_local(struct bw_config_reader *reader)
{
    const struct bw_cluster_config *c = &reader->config->cluster;
    char names[BW_NAMES_MAX];

    if (c->local_name[0] && bw_config_find_member(c, c->local_name) == BW_NONE)
        bw_config_problem_at(reader, line_of(reader->cluster, "local"),
                             "cluster local: \"%s\" is no member; allowed: %s", c->local_name,
                             bw_config_member_names(c, names, sizeof(names)));
}

static void check_groups(struct bw_config_reader *reader)
{
    const struct bw_cluster_config *c = &reader->config->cluster;

    for (unsigned i = 1; i < c->groups_count; i++) {
        for (unsigned k = 0; c->groups[i].name[0] && k < i; k++) {
            if (!strcasecmp(c->groups[i].name, c->groups[k].name))
                bw_config_problem_at(reader, line_of(reader->groups[i], "name"),
                                     "group name: \"%s\" is used twice (line %u); allowed: each name once",
                                     c->groups[i].name, line_of(reader->groups[k], "name"));
        }
    }
}

/* Who serves is told by where the addresses are. */
static void check_service(struct bw_config_reader *reader)
{
    const struct bw_cluster_config *c = &reader->config->cluster;

    for (uint8_t g = 0; c->mode == BW_MODE_SERVICE && g < c->groups_count; g++) {
        unsigned addresses = 0;

        for (unsigned i = 0; i < c->addresses_count; i++)
            addresses += c->addresses[i].group == g;
        if (addresses == 0)
            bw_config_problem_at(reader, line_of(reader->cluster, "mode"),
                                 "cluster mode: group \"%s\" has no virtual address; allowed in mode \"service\": at least "
                                 "one each, since where they are tells who serves",
                                 c->groups[g].name);
    }
}

static void check_address(struct bw_config_reader *reader, unsigned i)
{
    const struct bw_cluster_config *c = &reader->config->cluster;
    const struct bw_address_config *a = &c->addresses[i];
    const config_setting_t *where = reader->addresses[i];
    char text[BW_ADDRESS_TEXT_MAX];

    bw_address_to_text(&a->address, true, text);
    for (unsigned k = 0; k < i; k++) {
        if (bw_config_same_host(&a->address, &c->addresses[k].address))
            bw_config_problem(reader, where,
                              "virtual address: \"%s\" is used twice (line %u); allowed: each address once", text,
                              config_setting_source_line(reader->addresses[k]));
    }
    for (unsigned k = 0; k < c->members_count; k++) {
        if (bw_config_same_host(&a->address, &c->members[k].address))
            bw_config_problem(
                reader, where,
                "virtual address: \"%s\" is the address of member \"%s\"; allowed: an address that no host has", text,
                c->members[k].name);
    }
    for (unsigned k = 0; k < c->witnesses_count; k++) {
        if (bw_config_same_host(&a->address, &c->witnesses[k]))
            bw_config_problem(
                reader, where,
                "virtual address: \"%s\" is the address of a witness; allowed: an address that no host has", text);
    }
    if (config_setting_get_member(reader->cluster, "groups") && a->interface < c->interfaces_count &&
        c->interfaces[a->interface].role != BW_ROLE_CLUSTER && c->interfaces[a->interface].role != BW_ROLE_SYNC)
        bw_config_problem(reader, where,
                          "virtual address: \"%s\" is on a %s interface; allowed: one with role \"cluster\", \"sync\"",
                          text, bw_enum_text(&bw_enum_interface_role, c->interfaces[a->interface].role));
}

static void sort_addresses(struct bw_cluster_config *c)
{
    for (unsigned i = 1; i < c->addresses_count; i++) {
        struct bw_address_config a = c->addresses[i];
        unsigned j = i;

        for (; j > 0 && bw_address_compare(&c->addresses[j - 1].address, &a.address) > 0; j--)
            c->addresses[j] = c->addresses[j - 1];
        c->addresses[j] = a;
    }
}

/* Their order in the file means nothing, so it must not show in the digest. */
static void sort_witnesses(struct bw_cluster_config *c)
{
    for (unsigned i = 1; i < c->witnesses_count; i++) {
        struct bw_address a = c->witnesses[i];
        unsigned j = i;

        for (; j > 0 && bw_address_compare(&c->witnesses[j - 1], &a) > 0; j--)
            c->witnesses[j] = c->witnesses[j - 1];
        c->witnesses[j] = a;
    }
}

void bw_config_check(struct bw_config_reader *reader)
{
    struct bw_cluster_config *c = &reader->config->cluster;

    check_scalars(reader);
    for (unsigned i = 0; i < c->members_count; i++)
        check_member(reader, i);
    check_interfaces(reader);
    check_local(reader);
    check_groups(reader);
    check_service(reader);
    for (unsigned i = 0; i < c->addresses_count; i++)
        check_address(reader, i);
    sort_addresses(c);
    sort_witnesses(c);
}
