/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The digest that members compare: over everything that must be the same on all of them, as values and in a fixed
 * order, so that formatting, comments and the order of keys don't matter. Left out: the key, which member is local,
 * device names, paths and surfaces.
 */
#include <string.h>

#include "agent/config/reader.h"
#include "bellwether/text.h"

/* Counts up when what goes in, or its order, changes. */
#define DIGEST_FORMAT 1

static void add_number(uint64_t *hash, uint64_t value)
{
    uint8_t bytes[8];

    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
    *hash = bw_hash(*hash, bytes, sizeof(bytes));
}

static void add_text(uint64_t *hash, const char *text)
{
    *hash = bw_hash(*hash, text, strlen(text) + 1);
}

static void add_address(uint64_t *hash, const struct bw_address *address)
{
    add_number(hash, address->family);
    add_number(hash, address->prefix);
    *hash = bw_hash(*hash, address->bytes, sizeof(address->bytes));
}

static void add_scalars(uint64_t *hash, const struct bw_cluster_config *c)
{
    const uint64_t numbers[] = {
        DIGEST_FORMAT,
        c->id,
        c->mode,
        c->recovery,
        c->auth_none,
        c->interval_ns,
        c->dead_after,
        c->start_wait_ns,
        c->claim_ns,
        c->failback_delay_ns,
        c->lease_ns,
        c->renew_ns,
        c->announce_refresh_ns,
    };

    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        add_number(hash, numbers[i]);
    add_text(hash, c->name);
    add_text(hash, c->multicast4);
    add_text(hash, c->multicast6);
}

static void add_group(uint64_t *hash, const struct bw_group_config *group)
{
    add_text(hash, group->name);
    add_number(hash, group->start);
    add_number(hash, group->failback);
    add_number(hash, group->policy_count);
    *hash = bw_hash(*hash, group->policy, group->policy_count);
}

/* What is synchronised, and which connections: a failover goes by what the other one selected. Queues and times are each member's own
 * business. Nothing is added where all is as it is without settings, so that older versions that left this out agree. */
static void add_sync(uint64_t *hash, const struct bw_sync_config *sync)
{
    if (!sync->enabled || !sync->connections) {
        add_number(hash, sync->enabled);
        add_number(hash, sync->connections);
    }
    for (unsigned i = 0; i < sync->select_count; i++) {
        const struct bw_sync_select_config *rule = &sync->select[i];

        add_number(hash, rule->protocol);
        add_number(hash, rule->port);
        add_number(hash, rule->zone);
        add_address(hash, &rule->source);
        add_address(hash, &rule->destination);
        add_number(hash, rule->when);
        add_number(hash, rule->after_ns);
    }
}

uint64_t bw_config_digest(const struct bw_cluster_config *c)
{
    uint64_t hash = BW_HASH_START;

    add_scalars(&hash, c);
    add_number(&hash, c->members_count);
    for (unsigned i = 0; i < c->members_count; i++) {
        add_number(&hash, c->members[i].id);
        add_number(&hash, c->members[i].priority);
        add_text(&hash, c->members[i].name);
        add_address(&hash, &c->members[i].address);
        for (unsigned k = 0; k < c->interfaces_count; k++)
            if (c->members[i].unicast[k].family != 0) {
                add_number(&hash, k);
                add_address(&hash, &c->members[i].unicast[k]);
            }
    }
    add_number(&hash, c->interfaces_count);
    for (unsigned i = 0; i < c->interfaces_count; i++) {
        add_text(&hash, c->interfaces[i].name);
        add_number(&hash, c->interfaces[i].role);
        add_number(&hash, c->interfaces[i].transport);
    }
    add_number(&hash, c->groups_count);
    for (unsigned i = 0; i < c->groups_count; i++)
        add_group(&hash, &c->groups[i]);
    add_number(&hash, c->witnesses_count);
    for (unsigned i = 0; i < c->witnesses_count; i++)
        add_address(&hash, &c->witnesses[i]);
    add_number(&hash, c->addresses_count);
    for (unsigned i = 0; i < c->addresses_count; i++) {
        add_address(&hash, &c->addresses[i].address);
        add_number(&hash, c->addresses[i].interface);
        add_number(&hash, c->addresses[i].group);
    }
    add_sync(&hash, &c->sync);
    return hash;
}
