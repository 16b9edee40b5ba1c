/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What differs between two configurations, and whether it can change while the daemon runs. Walks the tables of keys; a
 * second table here gives each key its class. Called by reload and tests; pure.
 */
#include <stdio.h>
#include <string.h>

#include "agent/config/changes.h"
#include "bellwether/text.h"

#define TOGETHER  "all members must change it together"
#define SOCKETS   "its sockets are open"
#define NET_SNMP  "net-snmp cannot be set up again"
#define PROCESSES "its processes are running"
#define SYNC      "its thread is started with the daemon, and all members must change it together"
#define RESOURCES "what they have started is running"

/* ---- telling ---- */

struct walk {
    const struct bw_config *now, *next;
    struct bw_config_changes *changes;
};

/* One line; too long a list is cut at a whole line. */
static void add_line(char *text, size_t *length, const char *line)
{
    size_t n = strlen(line);

    if (*length + n + 2 > BW_CHANGES_TEXT_MAX)
        return;
    memcpy(text + *length, line, n);
    text[*length + n] = '\n';
    text[*length + n + 1] = '\0';
    *length += n + 1;
}

static void tell(struct walk *w, const struct bw_change_rule *rule, const char *what)
{
    struct bw_config_changes *c = w->changes;
    char line[1024];

    if (rule->class == BW_CHANGE_LIVE) {
        c->live++;
        add_line(c->live_text, &c->live_length, what);
        return;
    }
    snprintf(line, sizeof(line), "%s: needs a restart: %s", what, rule->why);
    c->refused++;
    add_line(c->refused_text, &c->refused_length, line);
}

static void tell_values(struct walk *w, const struct bw_change_rule *rule, const char *path, const char *before,
                        const char *after)
{
    char line[768];

    snprintf(line, sizeof(line), "%s: %s -> %s", path, before[0] != '\0' ? before : "none", after[0] != '\0' ? after : "none");
    tell(w, rule, line);
}

/* ---- what is compared otherwise than by a key's type ---- */

static void compare_nothing(struct walk *w, const struct bw_change_rule *rule, const char *path, unsigned row)
{
    (void)w, (void)rule, (void)path, (void)row; /* told elsewhere, or follows from something else */
}

static void compare_auth(struct walk *w, const struct bw_change_rule *rule, const char *path, unsigned row)
{
    bool before = w->now->cluster.auth_none, after = w->next->cluster.auth_none;

    (void)row;
    if (before != after)
        tell_values(w, rule, path, before ? "none" : "key", after ? "none" : "key");
}

static void compare_local(struct walk *w, const struct bw_change_rule *rule, const char *path, unsigned row)
{
    const struct bw_cluster_config *now = &w->now->cluster, *next = &w->next->cluster;
    const char *before = now->local < now->members_count ? now->members[now->local].name : "";
    const char *after = next->local < next->members_count ? next->members[next->local].name : "";

    (void)row;
    if (strcmp(before, after) != 0)
        tell_values(w, rule, path, before, after);
}

static void compare_multicast(struct walk *w, const struct bw_change_rule *rule, const char *path, unsigned row)
{
    const struct bw_cluster_config *now = &w->now->cluster, *next = &w->next->cluster;

    (void)row;
    if (strcmp(now->multicast4, next->multicast4) != 0)
        tell_values(w, rule, path, now->multicast4, next->multicast4);
    if (strcmp(now->multicast6, next->multicast6) != 0)
        tell_values(w, rule, path, now->multicast6, next->multicast6);
}

static void compare_witness(struct walk *w, const struct bw_change_rule *rule, const char *path, unsigned row)
{
    const struct bw_cluster_config *now = &w->now->cluster, *next = &w->next->cluster;
    bool same = now->witnesses_count == next->witnesses_count;

    (void)row;
    for (unsigned i = 0; same && i < now->witnesses_count; i++)
        same = bw_address_compare(&now->witnesses[i], &next->witnesses[i]) == 0;
    if (!same)
        tell(w, rule, path);
}

static void compare_addresses(struct walk *w, const struct bw_change_rule *rule, const char *path, const struct bw_address *now,
                              const struct bw_address *next)
{
    char before[BW_ADDRESS_TEXT_MAX], after[BW_ADDRESS_TEXT_MAX];

    bw_address_to_text(now, false, before);
    bw_address_to_text(next, false, after);
    if (strcmp(before, after) != 0)
        tell_values(w, rule, path, before, after);
}

static void compare_member_address(struct walk *w, const struct bw_change_rule *rule, const char *path, unsigned row)
{
    compare_addresses(w, rule, path, &w->now->cluster.members[row].address, &w->next->cluster.members[row].address);
}

/* Only what differs on this member matters here; a device of another one is that one's business. */
static void compare_devices(struct walk *w, const struct bw_change_rule *rule, const char *path, unsigned row)
{
    const struct bw_cluster_config *now = &w->now->cluster, *next = &w->next->cluster;
    const struct bw_member_config *a = &now->members[row], *b = &next->members[row];

    for (unsigned i = 0; i < now->interfaces_count && now->interfaces_count == next->interfaces_count; i++) {
        if (strcmp(now->interfaces[i].name, next->interfaces[i].name) != 0)
            continue;
        compare_addresses(w, rule, path, &a->unicast[i], &b->unicast[i]);
        if (strcmp(a->device[i], b->device[i]) != 0)
            tell_values(w, rule, path, a->device[i], b->device[i]);
    }
}

static bool has_address(const struct bw_cluster_config *c, const struct bw_address_config *address)
{
    for (unsigned i = 0; i < c->addresses_count; i++)
        if (bw_address_compare(&c->addresses[i].address, &address->address) == 0 &&
            c->addresses[i].interface == address->interface && c->addresses[i].group == address->group)
            return true;
    return false;
}

static void tell_addresses(struct walk *w, const struct bw_change_rule *rule, const struct bw_cluster_config *in,
                           const struct bw_cluster_config *other, unsigned interface, const char *word)
{
    for (unsigned i = 0; i < in->addresses_count; i++) {
        char line[256], text[BW_ADDRESS_TEXT_MAX];

        if (in->addresses[i].interface != interface || has_address(other, &in->addresses[i]))
            continue;
        snprintf(line, sizeof(line), "virtual address %s on %s: %s",
                 bw_address_to_text(&in->addresses[i].address, true, text), in->interfaces[interface].name, word);
        tell(w, rule, line);
    }
}

/* Those of groups as well: each address is on one interface. */
static void compare_virtual(struct walk *w, const struct bw_change_rule *rule, const char *path, unsigned row)
{
    (void)path;
    tell_addresses(w, rule, &w->now->cluster, &w->next->cluster, row, "removed");
    tell_addresses(w, rule, &w->next->cluster, &w->now->cluster, row, "added");
}

static void policy_text(const struct bw_cluster_config *c, unsigned group, char *text, size_t cap)
{
    const struct bw_group_config *g = &c->groups[group];
    size_t length = 0;

    text[0] = '\0';
    for (unsigned i = 0; i < g->policy_count && g->policy[i] < c->members_count; i++)
        length += bw_format(text + length, cap - length, "%s%s", i > 0 ? " " : "", c->members[g->policy[i]].name);
}

static void compare_policy(struct walk *w, const struct bw_change_rule *rule, const char *path, unsigned row)
{
    char before[BW_TEXT_MAX], after[BW_TEXT_MAX];

    policy_text(&w->now->cluster, row, before, sizeof(before));
    policy_text(&w->next->cluster, row, after, sizeof(after));
    if (strcmp(before, after) != 0)
        tell_values(w, rule, path, before, after);
}

static void compare_listen(struct walk *w, const struct bw_change_rule *rule, const char *path, unsigned row)
{
    bool same = strcmp(w->now->http.listen, w->next->http.listen) == 0 &&
                w->now->http.listen_also_count == w->next->http.listen_also_count;

    (void)row;
    for (unsigned i = 0; same && i < w->now->http.listen_also_count; i++)
        same = strcmp(w->now->http.listen_also[i], w->next->http.listen_also[i]) == 0;
    if (!same)
        tell(w, rule, path);
}

static void compare_monitors(struct walk *w, const struct bw_change_rule *rule, const char *path, unsigned row)
{
    (void)row;
    if (w->now->monitors_count != w->next->monitors_count ||
        memcmp(w->now->monitors, w->next->monitors, sizeof(w->now->monitors)) != 0)
        tell(w, rule, path);
}

static void compare_select(struct walk *w, const struct bw_change_rule *rule, const char *path, unsigned row)
{
    const struct bw_sync_config *now = &w->now->cluster.sync, *next = &w->next->cluster.sync;

    (void)row;
    if (now->select_count != next->select_count || memcmp(now->select, next->select, sizeof(now->select)) != 0)
        tell(w, rule, path);
}

static void compare_block_allow(struct walk *w, const struct bw_change_rule *rule, const char *path, unsigned row)
{
    (void)row;
    if (w->now->cluster.sync.block_allow != w->next->cluster.sync.block_allow)
        tell(w, rule, path);
}

static bool same_resources(const struct bw_config *now, const struct bw_config *next, unsigned group)
{
    unsigned a = 0, b = 0;

    for (;; a++, b++) {
        while (a < now->resources_count && now->resources[a].group != group)
            a++;
        while (b < next->resources_count && next->resources[b].group != group)
            b++;
        if (a == now->resources_count || b == next->resources_count)
            return a == now->resources_count && b == next->resources_count;
        if (memcmp(&now->resources[a], &next->resources[b], sizeof(now->resources[a])) != 0)
            return false;
    }
}

static bool same_proxied(const struct bw_config *now, const struct bw_config *next, unsigned group)
{
    bool same = now->proxied_count == next->proxied_count;

    for (unsigned i = 0; same && i < now->proxied_count; i++)
        if (now->resources[now->proxied[i].resource].group == group)
            same = memcmp(&now->proxied[i], &next->proxied[i], sizeof(now->proxied[i])) == 0;
    return same;
}

/* Of a group; without groups they are the cluster's, whose one group is named like it. */
static void compare_resources(struct walk *w, const struct bw_change_rule *rule, const char *path, unsigned row)
{
    const struct bw_cluster_config *c = &w->now->cluster;
    bool implicit = c->groups_count == 1 && strcmp(c->groups[0].name, c->name) == 0;

    if (!same_resources(w->now, w->next, row) || !same_proxied(w->now, w->next, row))
        tell(w, rule, implicit ? "cluster.resources" : path);
}

static void compare_traps(struct walk *w, const struct bw_change_rule *rule, const char *path, unsigned row)
{
    (void)row;
    if (memcmp(&w->now->traps, &w->next->traps, sizeof(w->now->traps)) != 0)
        tell(w, rule, path);
}

static unsigned commands_of(const struct bw_alerts_config *alerts, bool as_others)
{
    unsigned count = 0;

    for (unsigned i = 0; i < alerts->targets_count; i++)
        count += alerts->targets[i].kind == BW_ALERT_EXEC && (!as_others || alerts->targets[i].user[0] != '\0');
    return count;
}

static const struct bw_alert_target_config *target_of(const struct bw_alerts_config *alerts, const char *name)
{
    for (unsigned i = 0; i < alerts->targets_count; i++)
        if (strcmp(alerts->targets[i].name, name) == 0)
            return &alerts->targets[i];
    return NULL;
}

static void tell_target(struct walk *w, const struct bw_change_rule *rule, const struct bw_alert_target_config *one,
                        const struct bw_alert_target_config *other, const char *path, const char *word)
{
    const struct bw_alerts_config *now = &w->now->alerts, *next = &w->next->alerts;
    struct bw_change_rule how = *rule;
    char line[256];

    bw_format(line, sizeof(line), "%s[%s]: %s", path, one->name, word);
    if (one->kind == BW_ALERT_SNMP || (other != NULL && other->kind == BW_ALERT_SNMP)) {
        how.class = BW_CHANGE_RESTART;
        how.why = NET_SNMP;
    } else if ((commands_of(next, false) > 0 && commands_of(now, false) == 0) ||
               (commands_of(next, true) > 0 && commands_of(now, true) == 0)) {
        how.class = BW_CHANGE_RESTART;
        how.why = "the helper that runs commands is made when the daemon starts";
    }
    tell(w, &how, line);
}

/* Each target by its name and without its values, which may be secrets. */
static void compare_alerts(struct walk *w, const struct bw_change_rule *rule, const char *path, unsigned row)
{
    const struct bw_alerts_config *now = &w->now->alerts, *next = &w->next->alerts;

    (void)row;
    for (unsigned i = 0; i < now->targets_count; i++) {
        const struct bw_alert_target_config *other = target_of(next, now->targets[i].name);

        if (other == NULL || memcmp(&now->targets[i], other, sizeof(*other)) != 0)
            tell_target(w, rule, &now->targets[i], other, path, other == NULL ? "removed" : "changed");
    }
    for (unsigned i = 0; i < next->targets_count; i++)
        if (target_of(now, next->targets[i].name) == NULL)
            tell_target(w, rule, &next->targets[i], NULL, path, "added");
}

static void compare_link(struct walk *w, const struct bw_change_rule *rule, const char *path, unsigned row)
{
    (void)row;
    if (strcmp(w->now->alerts.link, w->next->alerts.link) != 0)
        tell(w, rule, path);
}

/* ---- the classes ---- */

#define LIVE    BW_CHANGE_LIVE
#define RESTART BW_CHANGE_RESTART
#define INSIDE  BW_CHANGE_INSIDE

static const struct bw_change_rule rules[] = {
    {"", "cluster", INSIDE, NULL, NULL},
    {"", "monitors", RESTART, "the monitors are running", compare_monitors},
    {"", "snmp", INSIDE, NULL, NULL},
    {"", "http", INSIDE, NULL, NULL},
    {"", "control", INSIDE, NULL, NULL},
    {"", "traps", RESTART, PROCESSES, compare_traps},
    {"", "alerts", INSIDE, NULL, NULL},
    {"alerts", "targets", LIVE, NULL, compare_alerts},
    {"alerts", "link", LIVE, NULL, compare_link},
    {"", "state_dir", RESTART, "its files are in use", NULL},
    {"", "core", RESTART, "it is settled when the processes start", NULL},
    {"", "log_level", LIVE, NULL, NULL},
    {"cluster", "id", RESTART, TOGETHER, NULL},
    {"cluster", "name", RESTART, TOGETHER, NULL},
    {"cluster", "mode", RESTART, TOGETHER, NULL},
    {"cluster", "recovery", LIVE, NULL, NULL},
    {"cluster", "key_file", LIVE, NULL, NULL},
    {"cluster", "auth", RESTART, TOGETHER, compare_auth},
    {"cluster", "local", RESTART, "this process is that member", compare_local},
    {"cluster", "members", INSIDE, TOGETHER, NULL},
    {"cluster", "interfaces", INSIDE, SOCKETS, NULL},
    {"cluster", "groups", INSIDE, TOGETHER, NULL},
    {"cluster", "resources", RESTART, RESOURCES, compare_nothing}, /* told by group */
    {"cluster", "heartbeat", INSIDE, NULL, NULL},
    {"cluster", "sync", INSIDE, NULL, NULL},
    {"sync", "enabled", RESTART, SYNC, NULL},
    {"sync", "connections", RESTART, SYNC, NULL},
    {"sync", "sending_queue", LIVE, NULL, NULL},
    {"sync", "receiving_queue", LIVE, NULL, NULL},
    {"sync", "ack_count", LIVE, NULL, NULL},
    {"sync", "ack_ms", LIVE, NULL, NULL},
    {"sync", "overload_percent", LIVE, NULL, NULL},
    {"sync", "delta_memory_mib", LIVE, NULL, NULL},
    {"sync", "full_sync_deadline_s", LIVE, NULL, NULL},
    {"sync", "select", LIVE, NULL, compare_select},
    {"sync", "block", LIVE, NULL, NULL},
    {"sync", "hold_queue", LIVE, NULL, NULL},
    {"sync", "hold_timeout_ms", LIVE, NULL, NULL},
    {"sync", "block_allow", LIVE, NULL, compare_block_allow},
    {"cluster", "start_wait_ms", LIVE, NULL, NULL},
    {"cluster", "claim_ms", LIVE, NULL, NULL},
    {"cluster", "failback_delay_s", LIVE, NULL, NULL},
    {"cluster", "lease_s", LIVE, NULL, NULL},
    {"cluster", "renew_ms", LIVE, NULL, NULL},
    {"cluster", "announce_refresh_s", LIVE, NULL, NULL},
    {"cluster", "multicast", RESTART, SOCKETS, compare_multicast},
    {"cluster", "witness", RESTART, TOGETHER, compare_witness},
    {"heartbeat", "interval_ms", LIVE, NULL, NULL},
    {"heartbeat", "dead_after", LIVE, NULL, NULL},
    {"member", "id", RESTART, TOGETHER, NULL},
    {"member", "name", RESTART, TOGETHER, NULL},
    {"member", "address", RESTART, SOCKETS, compare_member_address},
    {"member", "priority", LIVE, NULL, NULL},
    {"member", "interfaces", RESTART, SOCKETS, compare_devices},
    {"interface", "name", RESTART, SOCKETS, NULL},
    {"interface", "role", RESTART, SOCKETS, NULL},
    {"interface", "transport", RESTART, SOCKETS, NULL},
    {"interface", "virtual", LIVE, NULL, compare_virtual},
    {"group", "name", RESTART, TOGETHER, NULL},
    {"group", "policy", LIVE, NULL, compare_policy},
    {"group", "start", RESTART, TOGETHER, NULL},
    {"group", "failback", LIVE, NULL, NULL},
    {"group", "virtual", LIVE, NULL, compare_nothing}, /* told by interface */
    {"group", "resources", RESTART, RESOURCES, compare_resources},
    {"snmp", "enabled", RESTART, NET_SNMP, NULL},
    {"snmp", "agentx", RESTART, NET_SNMP, NULL},
    {"snmp", "writable", RESTART, NET_SNMP, NULL},
    {"snmp", "notify", RESTART, NET_SNMP, NULL},
    {"snmp", "checkpoint_view", RESTART, NET_SNMP, NULL},
    {"snmp", "checkpoint_traps", RESTART, NET_SNMP, NULL},
    {"snmp", "keepalived_view", RESTART, NET_SNMP, NULL},
    {"snmp", "root", RESTART, NET_SNMP, NULL},
    {"http", "enabled", RESTART, SOCKETS, NULL},
    {"http", "listen", RESTART, SOCKETS, compare_listen},
    {"http", "token_file", LIVE, NULL, NULL},
    {"http", "tls_certificate", RESTART, SOCKETS, NULL},
    {"http", "tls_key", RESTART, SOCKETS, NULL},
    {"http", "tls_client_ca", RESTART, SOCKETS, NULL},
    {"http", "connections", RESTART, SOCKETS, NULL},
    {"http", "connections_per_address", RESTART, SOCKETS, NULL},
    {"http", "streams", RESTART, SOCKETS, NULL},
    {"control", "socket", RESTART, SOCKETS, NULL},
};

const struct bw_change_rule *bw_change_rule_of(const char *section, const char *key)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
        if (strcmp(rules[i].section, section) == 0 && strcmp(rules[i].key, key) == 0)
            return &rules[i];
    return NULL;
}

/* ---- the walk ---- */

static uint64_t stored_number(const struct bw_config_key *key, const void *field)
{
    switch (key->size) {
    case 1:
        return *(const uint8_t *)field;
    case 2:
        return *(const uint16_t *)field;
    case 4:
        return *(const uint32_t *)field;
    default:
        return *(const uint64_t *)field;
    }
}

static void value_text(const struct bw_config_key *key, const void *field, char *text, size_t cap)
{
    switch (key->type) {
    case BW_KEY_BOOL:
        bw_copy(text, cap, *(const bool *)field ? "true" : "false");
        break;
    case BW_KEY_INT:
        bw_format(text, cap, "%lu", (unsigned long)(stored_number(key, field) / (key->scale != 0 ? key->scale : 1)));
        break;
    case BW_KEY_ENUM:
        bw_copy(text, cap, bw_enum_text(key->labels, *(const uint32_t *)field));
        break;
    default:
        bw_copy(text, cap, field);
        break;
    }
}

static void compare_section(struct walk *w, const struct bw_config_section *section, const char *path, const char *now,
                            const char *next, unsigned row);

/* The name that a row carries, for its path. */
static const char *row_name(const struct bw_config_section *section, const char *row)
{
    for (unsigned i = 0; i < section->keys_count; i++)
        if (strcmp(section->keys[i].name, "name") == 0 && section->keys[i].type == BW_KEY_TEXT)
            return row + section->keys[i].offset;
    return "";
}

static void compare_list(struct walk *w, const struct bw_change_rule *rule, const struct bw_config_key *key,
                         const char *path, const char *now, const char *next)
{
    unsigned before = *(const uint8_t *)(now + key->count_offset), after = *(const uint8_t *)(next + key->count_offset);
    struct bw_change_rule restart = {rule->section, rule->key, BW_CHANGE_RESTART, rule->why, NULL};

    if (before != after) {
        char counts[2][16];

        bw_format(counts[0], sizeof(counts[0]), "%u", before);
        bw_format(counts[1], sizeof(counts[1]), "%u", after);
        tell_values(w, &restart, path, counts[0], counts[1]);
        return;
    }
    for (unsigned i = 0; i < before; i++) {
        const char *a = now + key->offset + i * (size_t)key->size, *b = next + key->offset + i * (size_t)key->size;
        char inside[256];

        bw_format(inside, sizeof(inside), "%s[%s]", path, row_name(key->section, a));
        compare_section(w, key->section, inside, a, b, i);
    }
}

static void compare_key(struct walk *w, const struct bw_config_section *section, const struct bw_config_key *key,
                        const char *path, const char *now, const char *next, unsigned row)
{
    /* A key without a class must not slip through: a test finds it first. */
    static const struct bw_change_rule unknown = {"", "", BW_CHANGE_RESTART, "it is not known how to change it", NULL};
    const struct bw_change_rule *rule = bw_change_rule_of(section->title, key->name);
    char before[BW_TEXT_MAX], after[BW_TEXT_MAX];

    if (rule == NULL)
        rule = &unknown;
    if (rule->compare != NULL) {
        rule->compare(w, rule, path, row);
    } else if (key->type == BW_KEY_GROUP) {
        /* Of a part without a structure of its own (heartbeat) the fields are those of the section around it. */
        compare_section(w, key->section, path, now + key->offset, next + key->offset, row);
    } else if (key->type == BW_KEY_LIST) {
        compare_list(w, rule, key, path, now, next);
    } else if (key->type != BW_KEY_LATER) {
        value_text(key, now + key->offset, before, sizeof(before));
        value_text(key, next + key->offset, after, sizeof(after));
        if (strcmp(before, after) != 0)
            tell_values(w, rule, path, before, after);
    }
}

static void compare_section(struct walk *w, const struct bw_config_section *section, const char *path, const char *now,
                            const char *next, unsigned row)
{
    for (unsigned i = 0; i < section->keys_count; i++) {
        char inside[256];

        snprintf(inside, sizeof(inside), "%s%s%s", path, path[0] != '\0' ? "." : "", section->keys[i].name);
        compare_key(w, section, &section->keys[i], inside, now, next, row);
    }
}

void bw_config_compare(const struct bw_config *now, const struct bw_config *next, struct bw_config_changes *changes)
{
    struct walk walk = {now, next, changes};

    memset(changes, 0, sizeof(*changes));
    compare_section(&walk, &bw_config_root, "", (const char *)now, (const char *)next, 0);
}
