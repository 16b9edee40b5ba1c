/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reload without a daemon: every key has a class, what differs is told key by key, a core takes another configuration on
 * while it runs, keys change under living sessions, and the keeper inherits what the agent ran with.
 */
#include "tests/unit/core_lab.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/config/changes.h"
#include "agent/keeper/estate.h"
#include "agent/net/net.h"

/* ---- the table ---- */

static unsigned walk_classes(const struct bw_config_section *section)
{
    unsigned seen = 0;

    for (unsigned i = 0; i < section->keys_count; i++) {
        const struct bw_config_key *key = &section->keys[i];
        const struct bw_change_rule *rule = bw_change_rule_of(section->title, key->name);

        if (rule == NULL)
            fail_msg("key \"%s\" of section \"%s\" has no class in agent/config/changes.c", key->name, section->title);
        seen++;
        assert_true(rule->class != BW_CHANGE_RESTART || rule->why != NULL);
        assert_true(rule->class != BW_CHANGE_INSIDE || key->type == BW_KEY_GROUP || key->type == BW_KEY_LIST);
        assert_true(rule->class != BW_CHANGE_INSIDE || key->type != BW_KEY_LIST || rule->why != NULL);
        /* What no field stands for must have a comparison. */
        assert_true(key->type != BW_KEY_LATER || rule->compare != NULL);
        if (rule->class == BW_CHANGE_INSIDE)
            seen += walk_classes(key->section);
        else
            assert_true((key->type != BW_KEY_GROUP && key->type != BW_KEY_LIST) || rule->compare != NULL);
    }
    return seen;
}

static void test_every_key_has_a_class(void **state)
{
    (void)state;
    assert_true(walk_classes(&bw_config_root) > 50);
}

/* ---- comparison ---- */

static const char text[] =
    "cluster = { id = 17; name = \"edge\"; mode = \"ha\"; recovery = \"active-up\"; key_file = \"/k\"; local = \"fw1\";\n"
    "  members = ( { id = 1; name = \"fw1\"; address = \"10.0.10.1\"; }, { id = 2; name = \"fw2\"; address = \"10.0.10.2\"; } );\n"
    "  interfaces = ( { name = \"eth0\"; role = \"cluster\"; virtual = [ \"192.168.10.100/24\" ]; },\n"
    "                 { name = \"eth2\"; role = \"sync\"; } );\n"
    "  heartbeat = { interval_ms = 100; dead_after = 3; };\n"
    "  start_wait_ms = 3000; claim_ms = 300; lease_s = 1; };\n"
    "snmp = { agentx = \"/var/agentx/master\"; };\n"
    "http = { listen = \"127.0.0.1:8116\"; token_file = \"/t\"; };\n"
    "monitors = ( { name = \"disk\"; kind = \"disk\"; path = \"/\"; } );\n"
    "traps = { listen = \"127.0.0.1:162\"; communities = ( \"c\" ); "
    "rules = ( { name = \"r\"; pnote = \"p\"; oid = \"linkDown\"; set = \"problem\"; } ); };\n";

static struct bw_config now, next;
static struct bw_config_errors errors;
static struct bw_config_changes changes;

static void parse(const char *file, struct bw_config *config)
{
    if (bw_config_parse(file, strlen(file), "test", config, &errors) != 0)
        fail_msg("%s", errors.text);
    for (uint8_t i = 0; i < config->cluster.members_count; i++)
        if (strcmp(config->cluster.members[i].name, config->cluster.local_name) == 0)
            config->cluster.local = i;
}

/* The file with one replacement, compared with it as it is. */
static void compare(const char *before, const char *after)
{
    char *file = calloc(1, sizeof(text) + 512), *at = strstr(text, before);

    assert_non_null(file);
    if (at == NULL)
        fail_msg("\"%s\" is not there", before);
    memcpy(file, text, (size_t)(at - text));
    strcat(file, after);
    strcat(file, at + strlen(before));
    parse(text, &now);
    parse(file, &next);
    bw_config_compare(&now, &next, &changes);
    free(file);
}

static void assert_live(const char *before, const char *after, const char *line)
{
    compare(before, after);
    if (changes.refused != 0 || changes.live == 0 || strstr(changes.live_text, line) == NULL)
        fail_msg("%s: refused %u: %s live %u: %s", after, changes.refused, changes.refused_text, changes.live, changes.live_text);
}

static void assert_refused(const char *before, const char *after, const char *line)
{
    compare(before, after);
    if (changes.refused == 0 || strstr(changes.refused_text, line) == NULL ||
        strstr(changes.refused_text, "needs a restart: ") == NULL)
        fail_msg("%s: refused %u: %s live %u: %s", after, changes.refused, changes.refused_text, changes.live, changes.live_text);
}

static void test_same(void **state)
{
    (void)state;
    compare("edge", "edge");
    assert_int_equal(changes.live + changes.refused, 0);
}

static void test_live(void **state)
{
    (void)state;
    assert_live("interval_ms = 100", "interval_ms = 50", "cluster.heartbeat.interval_ms: 100 -> 50\n");
    assert_int_equal(changes.live, 1);
    assert_live("dead_after = 3", "dead_after = 5", "cluster.heartbeat.dead_after: 3 -> 5\n");
    assert_live("lease_s = 1", "lease_s = 2", "cluster.lease_s: 1 -> 2\n");
    assert_live("lease_s = 1", "renew_ms = 100", "cluster.renew_ms: 300 -> 100\n");
    assert_live("lease_s = 1", "failback_delay_s = 7", "cluster.failback_delay_s: 0 -> 7\n");
    assert_live("lease_s = 1", "announce_refresh_s = 0", "cluster.announce_refresh_s: 60 -> 0\n");
    assert_live("start_wait_ms = 3000", "start_wait_ms = 1", "cluster.start_wait_ms: 3000 -> 1\n");
    assert_live("claim_ms = 300", "claim_ms = 400", "cluster.claim_ms: 300 -> 400\n");
    assert_live("active-up", "primary-up", "cluster.recovery: active-up -> primary-up\n");
    assert_live("name = \"fw2\";", "name = \"fw2\"; priority = 1;", "cluster.members[fw2].priority: 2 -> 1\n");
    assert_live("\"/k\"", "\"/other\"", "cluster.key_file: /k -> /other\n");
    assert_live("token_file = \"/t\";", "", "http.token_file: /t -> none\n");
    assert_live("snmp", "log_level = \"debug\"; snmp", "log_level: notice -> debug\n");
    assert_live("lease_s", "sync = { sending_queue = 600; }; lease_s", "cluster.sync.sending_queue: 32768 -> 600\n");
    assert_live("lease_s", "sync = { receiving_queue = 600; delta_memory_mib = 8; }; lease_s", "cluster.sync.delta_memory_mib: 16 -> 8\n");
    assert_int_equal(changes.live, 2);
    assert_live("lease_s", "sync = { ack_count = 8; ack_ms = 5; overload_percent = 50; full_sync_deadline_s = 9; }; lease_s",
                "cluster.sync.overload_percent: 80 -> 50\n");
    assert_int_equal(changes.live, 4);
    assert_live("lease_s", "sync = { select = ( { protocol = \"udp\"; sync = \"no\"; } ); }; lease_s", "cluster.sync.select\n");
    assert_live("lease_s", "sync = { block = true; block_allow = [ \"icmp\" ]; }; lease_s", "cluster.sync.block_allow\n");
    assert_live("lease_s", "sync = { hold_queue = 5; hold_timeout_ms = 100; }; lease_s", "cluster.sync.hold_queue: 0 -> 5\n");
}

static void test_addresses(void **state)
{
    (void)state;
    assert_live("/24\" ]", "/24\", \"192.168.10.9/24\" ]", "virtual address 192.168.10.9/24 on eth0: added\n");
    assert_int_equal(changes.live, 1);
    assert_live("virtual = [ \"192.168.10.100/24\" ];", "", "virtual address 192.168.10.100/24 on eth0: removed\n");
    assert_live("100/24", "100/25", "192.168.10.100/25 on eth0: added");
    assert_int_equal(changes.live, 2);
}

static void test_groups(void **state)
{
    static const char grouped[] =
        "cluster = { id = 17; name = \"edge\"; auth = \"none\"; local = \"fw1\";\n"
        "  members = ( { id = 1; name = \"fw1\"; address = \"10.0.10.1\"; }, { id = 2; name = \"fw2\"; address = \"10.0.10.2\"; } );\n"
        "  interfaces = ( { name = \"eth0\"; } );\n"
        "  groups = ( { name = \"web\"; %s virtual = ( { interface = \"eth0\"; address = \"%s\"; } ); } ); };\n";
    char file[1024];

    (void)state;
    snprintf(file, sizeof(file), grouped, "policy = ( \"fw1\", \"fw2\" );", "192.168.10.100/24");
    parse(file, &now);
    snprintf(file, sizeof(file), grouped, "policy = ( \"fw2\", \"fw1\" ); failback = \"auto\";", "192.168.10.101/24");
    parse(file, &next);
    bw_config_compare(&now, &next, &changes);
    assert_int_equal(changes.refused, 0);
    assert_string_equal(changes.live_text, "virtual address 192.168.10.100/24 on eth0: removed\n"
                                           "virtual address 192.168.10.101/24 on eth0: added\n"
                                           "cluster.groups[web].policy: fw1 fw2 -> fw2 fw1\n"
                                           "cluster.groups[web].failback: manual -> auto\n");
    snprintf(file, sizeof(file), grouped, "start = \"manual\"; policy = ( \"fw1\", \"fw2\" );", "192.168.10.100/24");
    parse(file, &next);
    bw_config_compare(&now, &next, &changes);
    assert_int_equal(changes.refused, 1);
    assert_non_null(strstr(changes.refused_text, "cluster.groups[web].start: auto -> manual: needs a restart: "));
}

static void test_refused(void **state)
{
    (void)state;
    assert_refused("id = 17", "id = 18", "cluster.id: 17 -> 18: ");
    assert_refused("\"edge\"", "\"edgy\"", "cluster.name: edge -> edgy: ");
    assert_refused("key_file = \"/k\"", "auth = \"none\"", "cluster.auth: key -> none: ");
    assert_refused("local = \"fw1\"", "local = \"fw2\"", "cluster.local: fw1 -> fw2: ");
    assert_refused("10.0.10.2", "10.0.10.3", "cluster.members[fw2].address: 10.0.10.2 -> 10.0.10.3: ");
    assert_refused("{ id = 2; name", "{ id = 3; name", "cluster.members[fw2].id: 2 -> 3: ");
    assert_refused("\"10.0.10.2\"; }", "\"10.0.10.2\"; }, { id = 3; name = \"fw3\"; address = \"10.0.10.3\"; }",
                   "cluster.members: 2 -> 3: ");
    assert_refused("\"sync\"; }", "\"sync\"; }, { name = \"eth3\"; }", "cluster.interfaces: 2 -> 3: ");
    assert_refused("\"sync\"", "\"monitored\"", "cluster.interfaces[eth2].role: sync -> monitored: ");
    assert_refused("\"sync\"", "\"sync\"; transport = \"broadcast\"", "transport: multicast -> broadcast: ");
    assert_refused("\"10.0.10.1\";", "\"10.0.10.1\"; interfaces = ( { name = \"eth2\"; device = \"x\"; } );",
                   "cluster.members[fw1].interfaces: eth2 -> x: ");
    assert_refused("lease_s", "multicast = \"224.0.0.250\"; lease_s", "cluster.multicast: 224.0.0.254 -> 224.0.0.250: ");
    assert_refused("lease_s", "witness = ( \"10.0.10.9\" ); lease_s", "cluster.witness: ");
    assert_refused("lease_s", "sync = { enabled = false; }; lease_s", "cluster.sync.enabled: true -> false: ");
    assert_refused("lease_s", "sync = { connections = false; sending_queue = 600; }; lease_s", "cluster.sync.connections: true -> false: ");
    assert_refused("/var/agentx/master", "/other", "snmp.agentx: ");
    assert_refused("snmp = {", "snmp = { writable = true;", "snmp.writable: false -> true: ");
    assert_refused(":8116", ":8117", "http.listen: ");
    assert_refused("http = {", "http = { streams = 5;", "http.streams: ");
    assert_refused("snmp = {", "control = { socket = \"/c\"; }; snmp = {", "control.socket: ");
    assert_refused("snmp = {", "state_dir = \"/s\"; snmp = {", "state_dir: ");
    assert_refused("snmp = {", "core = true; snmp = {", "core: false -> true: ");
    assert_refused("path = \"/\"", "path = \"/tmp\"", "monitors: ");
    assert_refused("\"linkDown\"", "\"linkUp\"", "traps: ");
    compare("heartbeat = { interval_ms = 100", "heartbeat = { interval_ms = 50");
    assert_int_equal(changes.refused, 0);
}

/* ---- the core ---- */

static void reconfigure(struct lab *lab, uint8_t member, const struct bw_cluster_config *config, const char *what)
{
    struct lab_member *m = &lab->m[member];
    const struct bw_output *out;

    bw_core_begin(m->core, lab->now_ns, LAB_WALL + (int64_t)lab->now_ns, false);
    assert_true(bw_core_reconfigure(m->core, config, what));
    bw_core_end(m->core);
    m->due_ns = bw_core_deadline(m->core);
    while ((out = bw_core_output(m->core)) != NULL) {
        struct bw_input follows = {0};

        lab_carry_out(lab, member, out, &follows);
    }
}

static void test_core_shape(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);
    struct bw_cluster_config other = lab->m[0].config;

    (void)state;
    other.interval_ns = 50 * BW_MS;
    other.addresses_count = 0;
    other.members[1].priority = 9;
    assert_true(bw_core_can_reconfigure(lab->m[0].core, &other));
    other.members[1].id = 9;
    assert_false(bw_core_can_reconfigure(lab->m[0].core, &other));
    assert_false(bw_core_reconfigure(lab->m[0].core, &other, ""));
    other = lab->m[0].config;
    other.interfaces[0].role = BW_ROLE_MONITORED;
    assert_false(bw_core_can_reconfigure(lab->m[0].core, &other));
    other = lab->m[0].config;
    other.groups_count = 2;
    assert_false(bw_core_can_reconfigure(lab->m[0].core, &other));
    other = lab->m[0].config;
    other.local = 1;
    assert_false(bw_core_can_reconfigure(lab->m[0].core, &other));
    lab_free(lab);
}

/* From 100 ms to 20 ms to 400 ms and back, one member after the other, in either order: nobody fails over or falls silent. */
static void test_core_pace(void **state)
{
    static const uint64_t paces_ms[] = {20, 400, 100};
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);
    struct bw_cluster_config *configs = calloc(12, sizeof(*configs));
    unsigned used = 0, failovers = lab_count_events(lab, 0, BW_EVENT_FAILOVER);

    (void)state;
    assert_non_null(configs);
    for (unsigned order = 0; order < 2; order++)
        for (unsigned p = 0; p < 3; p++)
            for (unsigned k = 0; k < 2; k++) {
                uint8_t member = (uint8_t)(order ^ k);

                configs[used] = lab->m[member].config;
                configs[used].interval_ns = paces_ms[p] * BW_MS;
                configs[used].dead_after = p == 1 ? 2 : 3;
                reconfigure(lab, member, &configs[used++], "pace");
                lab_run(lab, 3000);
                assert_true(lab->m[0].holds[0]);
                assert_false(lab->m[1].holds[0]);
            }
    assert_int_equal(lab_count_events(lab, 0, BW_EVENT_FAILOVER), failovers);
    assert_int_equal(lab_count_events(lab, 0, BW_EVENT_RELOAD), 6);
    assert_string_equal(lab_event(lab, 0, BW_EVENT_RELOAD)->reason, "pace");
    lab_free(lab);
    free(configs);
}

/* With the new interval on both, a dead member is replaced by the new dead time. */
static void test_core_faster(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);
    struct bw_cluster_config configs[2] = {lab->m[0].config, lab->m[1].config};

    (void)state;
    for (uint8_t i = 0; i < 2; i++) {
        configs[i].interval_ns = 20 * BW_MS;
        reconfigure(lab, i, &configs[i], "");
        lab_run(lab, 1000);
    }
    lab_kill(lab, 0);
    lab_run(lab, 110);
    assert_true(lab->m[1].holds[0]);
    lab_free(lab);
}

static void test_core_times(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);
    struct bw_cluster_config config = lab->m[0].config;

    (void)state;
    config.lease_ns = 5 * BW_SEC;
    config.announce_refresh_ns = BW_SEC;
    reconfigure(lab, 0, &config, "");
    assert_int_equal(lab->m[0].until_ns[0], lab->now_ns + 5 * BW_SEC); /* granted at once by the new lease */
    lab->m[0].announced = 0;
    lab_run(lab, 3500);
    assert_in_range(lab->m[0].announced, 3, 4);
    lab_free(lab);
}

/* ---- keys ---- */

static struct bw_seal *seal_of(uint8_t member, const uint8_t keys[2][BW_KEY_BYTES], unsigned count)
{
    struct bw_seal_setup setup = {.cluster = 17, .local = member, .keys_count = count, .seed = {member, 7}};
    void *memory = calloc(1, bw_seal_size());

    assert_non_null(memory);
    memset(setup.boot.bytes, member, sizeof(setup.boot.bytes));
    memcpy(setup.keys, keys, sizeof(setup.keys));
    return bw_seal_init(memory, &setup);
}

static enum bw_verdict pass(struct bw_seal *from, struct bw_seal *to)
{
    static struct bw_message message;
    uint8_t frame[BW_FRAME_MAX];
    int length;

    memset(&message, 0, sizeof(message));
    message.kind = BW_MESSAGE_PAGE_REQUEST;
    message.page_request.target = 1;
    message.page_request.wanted = 1;
    length = bw_seal_frame(from, &message, NULL, 0, frame, sizeof(frame));
    assert_true(length > 0);
    return bw_open_frame(to, frame, (size_t)length, 0, &message);
}

static void test_rekey(void **state)
{
    static const uint8_t steps[][2] = {{1, 2}, {2, 1}, {2, 0}};
    uint8_t keys[2][BW_KEY_BYTES] = {{1}, {0}};
    struct bw_seal *a = seal_of(1, (const uint8_t (*)[BW_KEY_BYTES])keys, 1), *b = seal_of(2, (const uint8_t (*)[BW_KEY_BYTES])keys, 1);

    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        (void)pass(a, b);
        (void)pass(b, a);
    }
    for (unsigned step = 0; step < 3; step++)
        for (unsigned who = 0; who < 2; who++) {
            memset(keys, 0, sizeof(keys));
            keys[0][0] = steps[step][0];
            keys[1][0] = steps[step][1];
            assert_int_equal(bw_seal_rekey(who ? b : a, (const uint8_t (*)[BW_KEY_BYTES])keys, steps[step][1] != 0 ? 2 : 1), 0);
            assert_int_not_equal(pass(a, b), BW_VERDICT_UNAUTHENTIC);
            assert_int_not_equal(pass(b, a), BW_VERDICT_UNAUTHENTIC);
        }
    keys[0][0] = 3;
    assert_int_equal(bw_seal_rekey(a, (const uint8_t (*)[BW_KEY_BYTES])keys, 1), 0);
    assert_int_equal(pass(a, b), BW_VERDICT_UNAUTHENTIC); /* so the test can fail */
    assert_int_equal(bw_seal_rekey(a, (const uint8_t (*)[BW_KEY_BYTES])keys, 0), -EINVAL);
    assert_int_equal(bw_seal_rekey(a, (const uint8_t (*)[BW_KEY_BYTES])keys, 3), -EINVAL);
    free(a);
    free(b);
}

/* ---- the estate ---- */

static void test_estate(void **state)
{
    struct bw_estate *estate = bw_estate_new();
    struct bw_config *config = calloc(2, sizeof(*config));
    uint8_t keys[2][BW_KEY_BYTES] = {{1}}, got[2][BW_KEY_BYTES];
    unsigned count = 9;
    uint64_t seen = 0;
    int status;

    (void)state;
    assert_non_null(estate);
    assert_non_null(config);
    assert_false(bw_estate_read(estate, &seen, &config[1], got, &count));
    for (unsigned i = 1; i <= 3; i++) {
        pid_t pid = fork();

        if (pid == 0) {
            config[0].cluster.id = (uint8_t)(16 + i);
            keys[0][0] = (uint8_t)i;
            bw_estate_write(estate, &config[0], (const uint8_t (*)[BW_KEY_BYTES])keys, 1);
            _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(bw_estate_read(estate, &seen, &config[1], got, &count));
        assert_int_equal(config[1].cluster.id, 16 + i);
        assert_int_equal(got[0][0], i);
        assert_int_equal(count, 1);
        assert_false(bw_estate_read(estate, &seen, &config[1], got, &count));
    }
    bw_estate_free(estate);
    free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_key_has_a_class),
        cmocka_unit_test(test_same),
        cmocka_unit_test(test_live),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_core_shape),
        cmocka_unit_test(test_core_pace),
        cmocka_unit_test(test_core_faster),
        cmocka_unit_test(test_core_times),
        cmocka_unit_test(test_rekey),
        cmocka_unit_test(test_estate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
