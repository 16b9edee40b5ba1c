/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which connections are synchronised, and which new ones are refused under overload: the keys of a rule, and the values that the
 * tables cannot read.
 */
#include <netinet/in.h>
#include <string.h>

#include "agent/config/reader.h"
#include "bellwether/text.h"

#define KEYS(table) .keys = table, .keys_count = sizeof(table) / sizeof(table[0])
#define INTO(field)                                                                                                    \
    .offset = offsetof(struct bw_sync_select_config, field),                                                           \
    .size = sizeof(((struct bw_sync_select_config *)0)->field)
#define RANGE(unit, low, high) .scale = (unit), .least = (low), .most = (high)

#define NET_ALLOWED "an address, or a network such as \"10.0.0.0/8\""

static const struct bw_enum_label protocol_labels[] = {
    {IPPROTO_TCP, "tcp", "tcp"},    {IPPROTO_UDP, "udp", "udp"},         {IPPROTO_ICMP, "icmp", "icmp"},
    {IPPROTO_GRE, "gre", "gre"},    {IPPROTO_ICMPV6, "icmpv6", "icmpv6"}, {IPPROTO_SCTP, "sctp", "sctp"},
    {IPPROTO_ESP, "esp", "esp"},    {IPPROTO_AH, "ah", "ah"},            {136, "udplite", "udplite"},
    {0, NULL, NULL},
};
static const struct bw_enum protocol_enum = {"", protocol_labels};

static const struct bw_enum_label when_labels[] = {
    {BW_SYNC_NEVER, "no", "no"},
    {BW_SYNC_AT_ONCE, "at-once", "atOnce"},
    {0, NULL, NULL},
};
static const struct bw_enum when_enum = {"", when_labels};

static const struct bw_config_key select_keys[] = {
    {.name = "protocol",
     .type = BW_KEY_ENUM,
     INTO(protocol),
     .labels = &protocol_enum,
     .derived = "any",
     .meaning = "Protocol of the connection"},
    {.name = "port",
     .type = BW_KEY_INT,
     INTO(port),
     RANGE(1, 1, 65535),
     .derived = "any",
     .meaning = "Port that the connection was opened to, before address translation"},
    {.name = "source",
     .type = BW_KEY_LATER,
     .derived = "any",
     .allowed = NET_ALLOWED,
     .meaning = "Where the connection came from"},
    {.name = "destination",
     .type = BW_KEY_LATER,
     .derived = "any",
     .allowed = NET_ALLOWED,
     .meaning = "Where it was opened to, before address translation"},
    {.name = "zone",
     .type = BW_KEY_INT,
     INTO(zone),
     RANGE(1, 0, 65535),
     .derived = "any",
     .meaning = "Conntrack zone"},
    {.name = "sync",
     .type = BW_KEY_ENUM,
     INTO(when),
     .labels = &when_enum,
     .initial = "at-once",
     .meaning = "Whether such connections are synchronised"},
    {.name = "after_s",
     .type = BW_KEY_INT,
     INTO(after_ns),
     RANGE(BW_SEC, 0, 3600),
     .initial = "0",
     .meaning = "Seconds that a connection must have lived before it is; short ones then cost nothing"},
};
const struct bw_config_section bw_config_sync_select = {.title = "sync select", KEYS(select_keys)};

/* A host or a network; of a network the bits after the prefix are 0. */
static const char *wrong_network(const char *value, struct bw_address *address)
{
    unsigned width;

    if (bw_address_from_text(value, address) != 0)
        return "is no address and no network";
    width = address->family == 4 ? 32 : 128;
    for (unsigned bit = address->prefix; bit < width; bit++) {
        if (address->bytes[bit / 8] & (0x80 >> bit % 8))
            return "has bits set behind its prefix";
    }
    return NULL;
}

static void link_network(struct bw_config_reader *reader, const config_setting_t *row, const char *key,
                         struct bw_address *address)
{
    config_setting_t *setting = config_setting_get_member(row, key);
    char shown[BW_QUOTE_MAX];
    const char *wrong;

    if (!setting)
        return;
    wrong = config_setting_type(setting) != CONFIG_TYPE_STRING
                ? "is not a text in double quotes"
                : wrong_network(config_setting_get_string(setting), address);
    if (wrong)
        bw_config_problem(reader, setting, "sync select %s: %s %s; allowed: " NET_ALLOWED, key,
                          bw_config_shown(setting, shown), wrong);
}

static void link_rule(struct bw_config_reader *reader, struct bw_sync_select_config *rule, const config_setting_t *row)
{
    bool ports = rule->protocol == IPPROTO_TCP || rule->protocol == IPPROTO_UDP || rule->protocol == IPPROTO_SCTP ||
                 rule->protocol == 136 || rule->protocol == 0;

    link_network(reader, row, "source", &rule->source);
    link_network(reader, row, "destination", &rule->destination);
    if (!config_setting_get_member(row, "zone"))
        rule->zone = BW_SYNC_ANY_ZONE;
    if (rule->source.family && rule->destination.family && rule->source.family != rule->destination.family)
        bw_config_problem(reader, row, "sync select: source is IPv%d and destination IPv%d; allowed: one of both",
                          rule->source.family, rule->destination.family);
    if (config_setting_get_member(row, "port") && !ports)
        bw_config_problem_at(reader, bw_config_line(row, "port"),
                             "sync select port: the protocol has none; allowed: with \"tcp\", \"udp\", \"sctp\", "
                             "\"udplite\", or without protocol");
    if (config_setting_get_member(row, "after_s") && rule->when == BW_SYNC_NEVER)
        bw_config_problem_at(reader, bw_config_line(row, "after_s"),
                             "sync select after_s: sync is \"no\"; allowed: with sync \"at-once\"");
}

/* ---- overload ---- */

static const struct bw_enum_label kind_labels[] = {
    {BW_SYNC_ICMP, "icmp", "icmp"},
    {BW_SYNC_TCP, "tcp", "tcp"},
    {BW_SYNC_UDP, "udp", "udp"},
    {BW_SYNC_TCP_DATA, "tcp-data", "tcpData"},
    {BW_SYNC_UDP_DATA, "udp-data", "udpData"},
    {0, NULL, NULL},
};
static const struct bw_enum kind_enum = {"", kind_labels};

static void link_allow(struct bw_config_reader *reader, config_setting_t *setting, uint32_t *mask)
{
    static const char what[] = "sync block_allow",
                      allowed[] = "[ \"icmp\", \"tcp\", \"udp\", \"tcp-data\", \"udp-data\" ] or some of these, or their "
                                  "sum as a number: 1, 2, 4, 8, 16";
    config_setting_t *where;
    char quote[BW_QUOTE_MAX];
    int count;

    *mask = 0;
    if (config_setting_type(setting) == CONFIG_TYPE_INT) {
        int sum = config_setting_get_int(setting);

        if (sum < 0 || sum > 31)
            bw_config_problem(reader, setting, "%s: %d is no sum of these; allowed: %s", what, sum, allowed);
        else
            *mask = (uint32_t)sum;
        return;
    }
    count = bw_config_texts_count(reader, setting, what, allowed);
    for (int i = 0; i < count; i++) {
        const char *text = bw_config_text_at(reader, setting, i, what, allowed, &where);
        uint32_t kind;

        if (text && bw_enum_value(&kind_enum, text, &kind) != 0)
            bw_config_problem(reader, where, "%s: %s is unknown; allowed: %s", what,
                              bw_config_quote(text, strlen(text), quote), allowed);
        else if (text)
            *mask |= kind;
    }
}

void bw_config_link_sync(struct bw_config_reader *reader, const config_setting_t *cluster)
{
    struct bw_sync_config *sync = &reader->config->cluster.sync;
    config_setting_t *section = config_setting_get_member(cluster, "sync"), *list, *allow;
    unsigned taken = 0;

    sync->block_allow = BW_SYNC_TCP_DATA | BW_SYNC_UDP_DATA;
    if (!section || config_setting_type(section) != CONFIG_TYPE_GROUP)
        return;
    allow = config_setting_get_member(section, "block_allow");
    if (allow)
        link_allow(reader, allow, &sync->block_allow);
    list = config_setting_get_member(section, "select");
    if (!list || config_setting_type(list) != CONFIG_TYPE_LIST)
        return;
    for (int i = 0; i < config_setting_length(list) && taken < sync->select_count; i++) {
        config_setting_t *row = config_setting_get_elem(list, (unsigned)i);

        if (config_setting_type(row) == CONFIG_TYPE_GROUP)
            link_rule(reader, &sync->select[taken++], row);
    }
}
