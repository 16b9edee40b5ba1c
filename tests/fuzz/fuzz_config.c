/* fuzz: agent/config/[a-z]*.c agent/model/text.c agent/model/address.c agent/model/catalogue*.c agent/model/enums.c agent/model/event_kinds.c */
/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration: whatever text comes, it is either taken, and then holds what every user of it relies on, or
 * refused with at least one line that says why.
 */
#include <stdlib.h>
#include <string.h>

#include "bellwether/config.h"
#include "bellwether/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition)
        abort();
}

static void check_config(const struct bw_config *config)
{
    const struct bw_cluster_config *c = &config->cluster;

    must(c->id >= 1 && c->id <= 254 && c->mode == BW_MODE_HA && c->local == BW_NONE);
    must(c->members_count >= 2 && c->members_count <= BW_MAX_MEMBERS);
    must(c->interfaces_count >= 1 && c->interfaces_count <= BW_MAX_INTERFACES);
    must(c->groups_count >= 1 && c->groups_count <= BW_MAX_GROUPS && c->addresses_count <= BW_MAX_ADDRESSES);
    must(c->interval_ns >= 10 * BW_MS && c->dead_after >= 2 && c->renew_ns * 2 < c->lease_ns);
    must(c->auth_none != (c->key_file[0] != '\0'));
    for (unsigned i = 0; i < c->members_count; i++) {
        must(bw_name_valid(c->members[i].name) && c->members[i].address.family && c->members[i].priority);
        must(i == 0 || c->members[i].id > c->members[i - 1].id);
        for (unsigned k = 0; k < c->interfaces_count; k++)
            must(c->members[i].device[k][0] && strlen(c->members[i].device[k]) <= 15);
    }
    for (unsigned i = 0; i < c->groups_count; i++) {
        must(bw_name_valid(c->groups[i].name) && c->groups[i].start && c->groups[i].failback);
        must(c->groups[i].policy_count >= 1 && c->groups[i].policy_count <= c->members_count);
        for (unsigned k = 0; k < c->groups[i].policy_count; k++)
            must(c->groups[i].policy[k] < c->members_count);
    }
    for (unsigned i = 0; i < c->addresses_count; i++) {
        must(c->addresses[i].interface < c->interfaces_count && c->addresses[i].group < c->groups_count);
        must(i == 0 || bw_address_compare(&c->addresses[i - 1].address, &c->addresses[i].address) < 0);
    }
}

static void check_monitors(const struct bw_config *config)
{
    must(config->monitors_count <= BW_MAX_MONITORS);
    for (unsigned i = 0; i < config->monitors_count; i++) {
        const struct bw_monitor_config *m = &config->monitors[i];

        must(m->name[0] && m->kind >= BW_MONITOR_PING && m->kind <= BW_MONITOR_CONFLICT && m->interval_ns && m->timeout_ns);
        must(i == 0 || strcmp(config->monitors[i - 1].name, m->name) < 0);
        must(m->kind != BW_MONITOR_PING || (m->targets_count > 0 && m->targets_count <= BW_MAX_TARGETS));
        must(m->kind != BW_MONITOR_TCP || (m->address.family && m->port));
        must(m->kind != BW_MONITOR_EXEC || (m->words > 0 && m->command[0] == '/'));
    }
}

static void check_resources(const struct bw_config *config)
{
    const struct bw_cluster_config *c = &config->cluster;

    must(config->resources_count + c->groups_count <= BW_MAX_RESOURCES && config->proxied_count <= BW_MAX_PROXIED);
    for (unsigned i = 0; i < config->resources_count; i++) {
        const struct bw_resource_config *r = &config->resources[i];

        must(bw_name_valid(r->name) && r->on && r->recovery && r->group < c->groups_count);
        must(i == 0 || r[-1].group <= r->group);
        must(r->kind != BW_RESOURCE_EXEC || (r->start_words > 0 && r->start[0] == '/' && r->start_timeout_ns && r->stop_timeout_ns));
        must(r->kind != BW_RESOURCE_IPW || (r->sets_count > 0 && r->sets_count <= BW_MAX_WATCHED_SETS));
        for (unsigned k = 0; k < r->sets_count; k++)
            must(r->sets[k].count > 0 && r->sets[k].count <= BW_MAX_TARGETS);
        must((r->sets_count == 0 && r->watch_words == 0) || (r->interval_ns && r->timeout_ns && r->rise && r->fall));
    }
    for (unsigned i = 0; i < config->proxied_count; i++)
        must(config->proxied[i].resource < config->resources_count && config->proxied[i].interface < c->interfaces_count &&
             config->proxied[i].address.family);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct bw_config config;
    static struct bw_config_errors errors;
    int err = bw_config_parse((const char *)data, size, "fuzz", &config, &errors);

    must(errors.length == strlen(errors.text) && (err == 0) == (errors.count == 0));
    if (err == 0) {
        check_resources(&config);
        check_config(&config);
        check_monitors(&config);
    } else {
        must(errors.length > 0 && errors.text[errors.length - 1] == '\n');
    }
    return 0;
}
