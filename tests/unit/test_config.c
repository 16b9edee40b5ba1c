/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Good configurations: what is read, defaults, groups, digest; the shipped example and its manual page: agent/config/.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config/reader.h"
#include "bellwether/text.h"

/* The smallest configuration of the outside contract, word for word. */
static const char smallest[] =
    "cluster = {\n"
    "  id = 17;\n"
    "  name = \"edge\";\n"
    "  mode = \"ha\";                      # ha | ha-legacy | ls-multicast | ls-unicast | vrrp | service\n"
    "  recovery = \"active-up\";           # active-up | primary-up\n"
    "  key_file = \"/etc/bellwether/cluster.key\";\n"
    "  members = (\n"
    "    { id = 1; name = \"fw1\"; address = \"10.0.10.1\"; },\n"
    "    { id = 2; name = \"fw2\"; address = \"10.0.10.2\"; }\n"
    "  );\n"
    "  interfaces = (\n"
    "    { name = \"eth0\"; role = \"cluster\"; virtual = [ \"192.168.10.100/24\" ]; },\n"
    "    { name = \"eth1\"; role = \"cluster\"; virtual = [ \"10.10.0.100/24\" ]; },\n"
    "    { name = \"eth2\"; role = \"sync\"; }\n"
    "  );\n"
    "  heartbeat = { interval_ms = 100; dead_after = 3; };\n"
    "};\n"
    "snmp = { agentx = \"/var/agentx/master\"; };\n"
    "http = { listen = \"127.0.0.1:8116\"; };\n"
    "control = { socket = \"/run/bellwether/control.sock\"; };\n"
    "state_dir = \"/var/lib/bellwether\";\n";

/* Everything that can be left out is left out. */
static const char bare[] = "cluster = { id = 1; name = \"c\"; auth = \"none\";\n"
                           "members = ( { id = 7; name = \"b\"; address = \"fd00::7\"; },\n"
                           "            { id = 3; name = \"a\"; address = \"10.0.0.3\"; } );\n"
                           "interfaces = ( { name = \"eth0\"; } ); };\n";

static struct bw_config config;
static struct bw_config_errors errors;

static void parse(const char *text)
{
    int err = bw_config_parse(text, strlen(text), "t.conf", &config, &errors);

    assert_string_equal(errors.text, "");
    assert_int_equal(err, 0);
}

static void parse_part(const char *part)
{
    char text[4096];

    snprintf(text, sizeof(text),
             "cluster = { id = 1; name = \"c\"; auth = \"none\";\n"
             "members = ( { id = 7; name = \"b\"; address = \"fd00::7\"; },\n"
             "            { id = 3; name = \"a\"; address = \"10.0.0.3\"; } );\n"
             "interfaces = ( { name = \"eth0\"; }, { name = \"eth1\"; role = \"sync\"; } ); %s };\n",
             part);
    parse(text);
}

static const char *text_of(const struct bw_address *address)
{
    static char text[BW_ADDRESS_TEXT_MAX];

    return bw_address_to_text(address, true, text);
}

static void test_smallest(void **state)
{
    const struct bw_cluster_config *c = &config.cluster;

    (void)state;
    parse(smallest);
    assert_int_equal(c->id, 17);
    assert_string_equal(c->name, "edge");
    assert_int_equal(c->mode, BW_MODE_HA);
    assert_int_equal(c->recovery, BW_RECOVERY_ACTIVE_UP);
    assert_int_equal(c->local, BW_NONE);
    assert_false(c->auth_none);
    assert_string_equal(c->key_file, "/etc/bellwether/cluster.key");
    assert_int_equal(c->interval_ns, 100 * BW_MS);
    assert_int_equal(c->dead_after, 3);
    assert_int_equal(c->members_count, 2);
    assert_string_equal(c->members[1].name, "fw2");
    assert_int_equal(c->members[1].id, 2);
    assert_int_equal(c->members[1].priority, 2);
    assert_string_equal(text_of(&c->members[1].address), "10.0.10.2/32");
    assert_string_equal(c->members[1].device[2], "eth2");
    assert_int_equal(c->interfaces_count, 3);
    assert_int_equal(c->interfaces[0].role, BW_ROLE_CLUSTER);
    assert_int_equal(c->interfaces[2].role, BW_ROLE_SYNC);
    assert_int_equal(c->interfaces[2].transport, BW_TRANSPORT_MULTICAST);
    assert_int_equal(c->addresses_count, 2);
    assert_string_equal(text_of(&c->addresses[0].address), "10.10.0.100/24");
    assert_int_equal(c->addresses[0].interface, 1);
    assert_string_equal(text_of(&c->addresses[1].address), "192.168.10.100/24");
    assert_int_equal(c->addresses[1].interface, 0);
    assert_int_equal(c->groups_count, 1);
    assert_string_equal(c->groups[0].name, "edge");
    assert_int_equal(c->groups[0].policy_count, 2);
    assert_int_equal(c->groups[0].policy[0], 0);
    assert_string_equal(config.snmp.agentx, "/var/agentx/master");
    assert_string_equal(config.http.listen, "127.0.0.1:8116");
    assert_string_equal(config.control.socket, "/run/bellwether/control.sock");
    assert_string_equal(config.state_dir, "/var/lib/bellwether");
}

static void test_defaults(void **state)
{
    const struct bw_cluster_config *c = &config.cluster;

    (void)state;
    parse(bare);
    assert_true(c->auth_none);
    assert_int_equal(c->mode, BW_MODE_HA);
    assert_int_equal(c->recovery, BW_RECOVERY_ACTIVE_UP);
    assert_int_equal(c->members[0].id, 3); /* sorted by id */
    assert_int_equal(c->members[1].id, 7);
    assert_int_equal(c->members[1].priority, 7);
    assert_int_equal(bw_dead_ns(c), 300 * BW_MS);
    assert_int_equal(c->start_wait_ns, 3000 * BW_MS);
    assert_int_equal(c->claim_ns, 300 * BW_MS);
    assert_int_equal(c->failback_delay_ns, 0);
    assert_int_equal(c->lease_ns, BW_SEC);
    assert_int_equal(c->renew_ns, 300 * BW_MS);
    assert_int_equal(c->announce_refresh_ns, 60 * BW_SEC);
    assert_string_equal(c->multicast4, "224.0.0.254");
    assert_string_equal(c->multicast6, "ff02::114");
    assert_int_equal(c->interfaces[0].role, BW_ROLE_CLUSTER);
    assert_int_equal(c->groups[0].start, BW_AUTO);
    assert_int_equal(c->groups[0].failback, BW_MANUAL);
    assert_true(config.snmp.enabled);
    assert_false(config.snmp.writable);
    assert_int_equal(config.snmp.notify, BW_NOTIFY_ALL);
    assert_false(config.snmp.checkpoint_view);
    assert_false(config.snmp.checkpoint_traps);
    assert_false(config.snmp.keepalived_view);
    assert_string_equal(config.snmp.agentx, "/var/agentx/master");
    assert_string_equal(config.snmp.root, BW_OID_ROOT);
    assert_true(config.http.enabled);
    assert_string_equal(config.http.listen, "127.0.0.1:8116");
    assert_string_equal(config.http.token_file, "");
    assert_string_equal(config.control.socket, "/run/bellwether/control.sock");
    assert_string_equal(config.state_dir, "/var/lib/bellwether");
    assert_false(config.core_dump);
    assert_string_equal(config.log_level, "notice");
}

static void test_options(void **state)
{
    const struct bw_cluster_config *c = &config.cluster;

    (void)state;
    parse_part("heartbeat = { interval_ms = 20; dead_after = 5; }; start_wait_ms = 0; claim_ms = 50; lease_s = 60;\n"
               "renew_ms = 29999; failback_delay_s = 5; announce_refresh_s = 0; local = \"A\";\n"
               "witness = ( \"10.9.0.2\", \"10.9.0.1\" ); multicast = \"ff02::5\"; recovery = \"primary-up\";");
    assert_int_equal(c->interval_ns, 20 * BW_MS);
    assert_int_equal(c->dead_after, 5);
    assert_int_equal(c->start_wait_ns, 0);
    assert_int_equal(c->claim_ns, 50 * BW_MS);
    assert_int_equal(c->lease_ns, 60 * BW_SEC);
    assert_int_equal(c->renew_ns, 29999 * BW_MS);
    assert_int_equal(c->failback_delay_ns, 5 * BW_SEC);
    assert_int_equal(c->announce_refresh_ns, 0);
    assert_string_equal(c->local_name, "A");
    assert_int_equal(c->witnesses_count, 2);
    assert_string_equal(text_of(&c->witnesses[0]), "10.9.0.1/32");
    assert_string_equal(c->multicast4, "224.0.0.254");
    assert_string_equal(c->multicast6, "ff02::5");
    assert_int_equal(c->groups[0].failback, BW_AUTO);
    parse_part("heartbeat = { interval_ms = 10; dead_after = 2; };");
    assert_int_equal(c->start_wait_ns, 200 * BW_MS);
    assert_int_equal(c->claim_ns, 20 * BW_MS);
    parse_part(
        "}; snmp = { enabled = false; writable = true; agentx = \"tcp:127.0.0.1:705\"; root = \"1.3.6.1.4.1.5\"; };\n"
        "http = { enabled = false; listen = \"[::1]:80\"; token_file = \"/t\"; }; core = true; log_level = \"debug\";\n"
        "state_dir = \"/s\"; control = { socket = \"/c\"; ");
    assert_false(config.snmp.enabled);
    assert_true(config.snmp.writable);
    assert_string_equal(config.snmp.agentx, "tcp:127.0.0.1:705");
    assert_string_equal(config.snmp.root, "1.3.6.1.4.1.5");
    assert_false(config.http.enabled);
    assert_string_equal(config.http.listen, "[::1]:80");
    assert_string_equal(config.http.token_file, "/t");
    assert_true(config.core_dump);
    assert_string_equal(config.log_level, "debug");
    assert_string_equal(config.state_dir, "/s");
    assert_string_equal(config.control.socket, "/c");
}

static void test_members(void **state)
{
    const struct bw_cluster_config *c = &config.cluster;

    (void)state;
    parse("cluster = { id = 1; name = \"c\"; auth = \"none\";\n"
          "members = ( { id = 9; name = \"x\"; address = \"10.0.0.9\"; priority = 1; },\n"
          "  { id = 5; name = \"y\"; address = \"10.0.0.5\"; interfaces = ( { name = \"eth0\"; device = \"ens3.100\"; "
          "} ); },\n"
          "  { id = 1; name = \"z\"; address = \"10.0.0.1\"; priority = 5; } );\n"
          "interfaces = ( { name = \"eth0\"; transport = \"unicast\"; }, { name = \"eth1\"; role = \"disconnected\"; } "
          "); };\n");
    assert_int_equal(c->members[0].id, 1);
    assert_int_equal(c->members[2].id, 9);
    assert_string_equal(c->members[0].device[0], "eth0");
    assert_string_equal(c->members[1].device[0], "ens3.100");
    assert_string_equal(c->members[1].device[1], "eth1");
    assert_int_equal(c->interfaces[0].transport, BW_TRANSPORT_UNICAST);
    /* By priority (1, 5, 5), then id: x, z, y. */
    assert_int_equal(c->groups[0].policy_count, 3);
    assert_int_equal(c->groups[0].policy[0], 2);
    assert_int_equal(c->groups[0].policy[1], 0);
    assert_int_equal(c->groups[0].policy[2], 1);
}

static void test_groups(void **state)
{
    const struct bw_cluster_config *c = &config.cluster;

    (void)state;
    parse_part("groups = ( { name = \"web\"; policy = ( \"b\" ); start = \"manual\"; failback = \"auto\";\n"
               "    virtual = ( { interface = \"eth1\"; address = \"10.1.0.9/24\"; },\n"
               "                { interface = \"eth0\"; address = \"fd01::1/64\"; } ); },\n"
               "  { name = \"vpn\"; virtual = ( { interface = \"eth0\"; address = \"10.1.0.1/24\"; } ); } );");
    assert_int_equal(c->groups_count, 2);
    assert_string_equal(c->groups[0].name, "web");
    assert_int_equal(c->groups[0].policy_count, 1);
    assert_int_equal(c->groups[0].policy[0], 1);
    assert_int_equal(c->groups[0].start, BW_MANUAL);
    assert_int_equal(c->groups[0].failback, BW_AUTO);
    assert_int_equal(c->groups[1].policy_count, 2);
    assert_int_equal(c->groups[1].start, BW_AUTO);
    assert_int_equal(c->groups[1].failback, BW_MANUAL);
    assert_int_equal(c->addresses_count, 3);
    assert_string_equal(text_of(&c->addresses[0].address), "10.1.0.1/24");
    assert_int_equal(c->addresses[0].group, 1);
    assert_int_equal(c->addresses[0].interface, 0);
    assert_string_equal(text_of(&c->addresses[1].address), "10.1.0.9/24");
    assert_int_equal(c->addresses[1].group, 0);
    assert_int_equal(c->addresses[1].interface, 1);
    assert_string_equal(text_of(&c->addresses[2].address), "fd01::1/64");
}

/* Texts may be continued, numbers be hexadecimal or long, lines end as elsewhere. */
static void test_forms(void **state)
{
    (void)state;
    parse(
        "\xef\xbb\xbf// c\r\n/* @include \"x\" */ cluster : { id = 0x11L, name = \"ed\" \"ge\"\r\n auth = "
        "\"no\\x6ee\"\n"
        "members = ( { id = 1 name = \"a\" address = \"10.0.0.3\" }, { id = 2 name = \"b\" address = \"10.0.0.4\" } )\n"
        "interfaces = ( { name = \"eth0\" virtual = \"10.1.0.1/24\" } ) }");
    assert_int_equal(config.cluster.id, 17);
    assert_string_equal(config.cluster.name, "edge");
    assert_int_equal(config.cluster.addresses_count, 1);
}

static uint64_t digest_with(const char *from, const char *to)
{
    char text[4096];
    const char *at = strstr(smallest, from);

    assert_non_null(at);
    snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - smallest), smallest, to, at + strlen(from));
    parse(text);
    return config.cluster.digest;
}

static void test_digest(void **state)
{
    static const char *const same[][2] = {
        {"  id = 17;\n  name = \"edge\";\n", " /* x */ name=\"edge\"; id =   0x11;\n"},
        {"key_file = \"/etc/bellwether/cluster.key\";", "key_file = \"/else/where\";"},
        {"  name = \"edge\";\n", "  name = \"edge\"; local = \"fw2\"; lease_s = 1; claim_ms = 300;\n"},
        {"    { id = 1; name = \"fw1\"; address = \"10.0.10.1\"; },\n    { id = 2; name = \"fw2\"; address = "
         "\"10.0.10.2\"; }\n",
         "    { id = 2; address = \"10.0.10.2\"; name = \"fw2\"; },\n    { priority = 1; id = 1; name = \"fw1\"; "
         "address = "
         "\"10.0.10.1\"; interfaces = ( { name = \"eth0\"; device = \"x\"; } ); }\n"},
        {"state_dir = \"/var/lib/bellwether\";", "state_dir = \"/x\"; log_level = \"debug\"; core = true;"},
        {"http = { listen = \"127.0.0.1:8116\"; };", "http = { enabled = false; };"},
        {"id = 17;", "id = 17; sync = { enabled = true; connections = true; select = (); sending_queue = 600; hold_queue = 5; };"},
    };
    static const char *const other[][2] = {
        {"id = 17", "id = 18"},
        {"\"edge\"", "\"edgy\""},
        {"active-up", "primary-up"},
        {"key_file = \"/etc/bellwether/cluster.key\"", "auth = \"none\""},
        {"id = 2", "id = 3"},
        {"\"fw2\"", "\"fw3\""},
        {"10.0.10.2", "10.0.10.3"},
        {"id = 1;", "id = 1; priority = 9;"},
        {"\"eth2\"", "\"eth3\""},
        {"\"sync\"", "\"cluster\""},
        {"role = \"sync\"", "role = \"sync\"; transport = \"unicast\""},
        {"100/24", "100/25"},
        {"10.10.0.100", "10.10.0.101"},
        {"interval_ms = 100", "interval_ms = 101"},
        {"dead_after = 3", "dead_after = 4"},
        {"id = 17;", "id = 17; start_wait_ms = 1;"},
        {"id = 17;", "id = 17; claim_ms = 10;"},
        {"id = 17;", "id = 17; failback_delay_s = 1;"},
        {"id = 17;", "id = 17; lease_s = 2;"},
        {"id = 17;", "id = 17; renew_ms = 301;"},
        {"id = 17;", "id = 17; announce_refresh_s = 1;"},
        {"id = 17;", "id = 17; multicast = \"224.0.0.5\";"},
        {"id = 17;", "id = 17; witness = \"10.9.9.9\";"},
        {"id = 17;", "id = 17; sync = { enabled = false; };"},
        {"id = 17;", "id = 17; sync = { connections = false; };"},
        {"id = 17;", "id = 17; sync = { select = ( { protocol = \"udp\"; sync = \"no\"; } ); };"},
        {"id = 17;", "id = 17; sync = { select = ( { protocol = \"udp\"; port = 53; sync = \"no\"; } ); };"},
        {"id = 17;", "id = 17; sync = { select = ( { protocol = \"udp\"; after_s = 3; } ); };"},
        {"id = 17;", "id = 17; sync = { select = ( { source = \"10.0.0.0/8\"; sync = \"no\"; } ); };"},
        {"id = 17;", "id = 17; sync = { select = ( { destination = \"10.0.0.0/8\"; sync = \"no\"; } ); };"},
        {"id = 17;", "id = 17; sync = { select = ( { zone = 0; sync = \"no\"; } ); };"},
    };
    uint64_t digest, seen[sizeof(other) / sizeof(other[0])];

    (void)state;
    parse(smallest);
    digest = config.cluster.digest;
    assert_int_not_equal(digest, 0);
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
        assert_int_equal(digest_with(same[i][0], same[i][1]), digest);
    for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
        seen[i] = digest_with(other[i][0], other[i][1]);
        assert_int_not_equal(seen[i], digest);
        for (size_t k = 0; k < i; k++)
            assert_int_not_equal(seen[i], seen[k]);
    }
}

static char *read_file(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = calloc(1, 200000);

    if (!f || !text || fread(text, 1, 199999, f) == 0)
        fail_msg("%s cannot be read (tests run in the project's folder)", path);
    fclose(f);
    return text;
}

/* Is the word there, with no letter, digit or underscore around it? */
static bool has_word(const char *text, const char *word, const char *after)
{
    size_t length = strlen(word);

    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word)) {
        const char *end = at + length;

        if (at > text && (at[-1] == '_' || (at[-1] >= 'a' && at[-1] <= 'z')))
            continue;
        end += strspn(end, " ");
        if (!strncmp(end, after, strlen(after)))
            return true;
    }
    return false;
}

static void test_example(void **state)
{
    char *text = read_file("conf/bellwether.conf");
    int err = bw_config_load("conf/bellwether.conf", &config, &errors);

    (void)state;
    assert_string_equal(errors.text, "");
    assert_int_equal(err, 0);
    for (const struct bw_config_section *const *section = bw_config_sections; *section; section++) {
        for (unsigned i = 0; i < (*section)->keys_count; i++) {
            if (!has_word(text, (*section)->keys[i].name, "="))
                fail_msg("conf/bellwether.conf does not show %s %s", (*section)->title, (*section)->keys[i].name);
        }
    }
    free(text);
}

/* The same with what is commented out in place of what it excludes. */
static void test_example_alternatives(void **state)
{
    static const char *const open[] = {"  # local =",   "      # interfaces =", "  # start_wait_ms =", "  # claim_ms =",
                                       "  # witness =", "  # token_file =",     "  # auth ="};
    char *text = read_file("conf/bellwether.conf"), *at;
    int err;

    (void)state;
    for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++) {
        at = strstr(text, open[i]);
        assert_non_null(at);
        *strchr(at, '#') = ' ';
    }
    at = strstr(text, "\n  key_file =");
    assert_non_null(at);
    memcpy(at, "\n  #", 4);
    at = strstr(text, "  # groups = (");
    assert_non_null(at);
    for (int line = 0; line < 6; line++, at = strchr(at, '\n') + 1)
        at[2] = ' ';
    while ((at = strstr(text, " virtual = ["))) {
        char *end = strstr(at, "];");

        assert_non_null(end);
        memset(at, ' ', (size_t)(end + 2 - at));
    }
    err = bw_config_parse(text, strlen(text), "alternatives", &config, &errors);
    assert_string_equal(errors.text, "");
    assert_int_equal(err, 0);
    assert_int_equal(config.cluster.groups_count, 2);
    assert_int_equal(config.cluster.addresses_count, 2);
    free(text);
}

/* Every key, with its range, choices and default, is in the manual page. */
static void test_manual(void **state)
{
    char *text = read_file("conf/man/bellwether.conf.5"), wanted[256], *at, *end;

    (void)state;
    for (const struct bw_config_section *const *section = bw_config_sections; *section; section++) {
        for (unsigned i = 0; i < (*section)->keys_count; i++) {
            const struct bw_config_key *key = &(*section)->keys[i];

            snprintf(wanted, sizeof(wanted), ".\\\" %s %s\n", (*section)->title[0] ? (*section)->title : "file",
                     key->name);
            at = strstr(text, wanted);
            if (!at)
                fail_msg("the manual page lacks the line: %s", wanted);
            end = strstr(at + 1, ".\\\" ");
            if (end)
                *end = '\0';
            snprintf(wanted, sizeof(wanted), "%lld\\-%lld", (long long)key->least, (long long)key->most);
            if ((key->type == BW_KEY_INT || key->type == BW_KEY_LIST) && !strstr(at, wanted))
                fail_msg("the manual page does not say %s of %s", wanted, key->name);
            for (const struct bw_enum_label *l = key->labels ? key->labels->labels : NULL; l && l->text; l++) {
                snprintf(wanted, sizeof(wanted), "\"%s\"", l->text);
                for (char *c = strchr(wanted, '-'); c; c = strchr(c + 2, '-')) {
                    memmove(c + 1, c, strlen(c) + 1);
                    *c = '\\';
                }
                if (!strstr(at, wanted))
                    fail_msg("the manual page does not say %s of %s", wanted, key->name);
            }
            if (key->initial && !strstr(at, key->initial) && strcmp(key->initial, BW_OID_ROOT) != 0)
                fail_msg("the manual page does not say the default %s of %s", key->initial, key->name);
            if (!strstr(at, key->required ? "Required." : "Default"))
                fail_msg("the manual page says neither Required nor Default of %s", key->name);
            if (end)
                *end = '.';
        }
    }
    free(text);
}

static void test_missing_file(void **state)
{
    (void)state;
    assert_int_equal(bw_config_load("/nowhere/x.conf", &config, &errors), -ENOENT);
    assert_string_equal(errors.text, "/nowhere/x.conf: cannot be opened: No such file or directory\n");
    assert_int_equal(errors.count, 1);
    assert_int_equal(bw_config_load("/", &config, &errors), -EISDIR);
    assert_string_equal(errors.text, "/: cannot be read: Is a directory\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_smallest),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_digest),
        cmocka_unit_test(test_example),
        cmocka_unit_test(test_example_alternatives),
        cmocka_unit_test(test_manual),
        cmocka_unit_test(test_missing_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
