/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The metrics writer and the health questions over the fixture, without a server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "exporters/http/http.h"
#include "tests/unit/fixture.h"
#include "tests/unit/golden.h"

static struct bw_snapshot snapshot;

static int setup(void **state)
{
    (void)state;
    bw_fixture_fill(&snapshot);
    return 0;
}

/* The rendered text, NUL-terminated; free with bw_buffer_free. */
static struct bw_buffer rendered(void)
{
    struct bw_buffer b = {0};

    bw_metrics_render(&snapshot, BW_METRICS_TEXT, &b);
    bw_metrics_age(123456789, BW_METRICS_TEXT, &b);
    bw_buffer_bytes(&b, "", 1);
    assert_false(b.failed);
    return b;
}

static bool has_line(const struct bw_buffer *b, const char *line)
{
    size_t length = strlen(line);

    for (const char *p = b->data; (p = strstr(p, line)) != NULL; p++)
        if ((p == b->data || p[-1] == '\n') && p[length] == '\n')
            return true;
    return false;
}

static unsigned count(const struct bw_buffer *b, const char *text)
{
    unsigned n = 0;

    for (const char *p = b->data; (p = strstr(p, text)) != NULL; p++)
        n++;
    return n;
}

static void golden(void **state)
{
    static const char build[] = "bellwether_build_info{version=\"" BW_VERSION "\"} 1\n";
    struct bw_buffer b = rendered(), without = {0};
    char *place = strstr(b.data, build);

    (void)state;
    assert_non_null(place); /* left out: it changes with every version */
    bw_buffer_bytes(&without, b.data, (size_t)(place - b.data));
    bw_buffer_text(&without, place + sizeof(build) - 1);
    assert_true(bw_golden_same("metrics.prom", without.data, without.length));
    bw_buffer_free(&without);
    bw_buffer_free(&b);
}

static void golden_openmetrics(void **state)
{
    static const char build[] = "bellwether_build_info{version=\"" BW_VERSION "\"} 1\n";
    struct bw_buffer b = {0}, without = {0};
    char *place;

    (void)state;
    bw_metrics_render(&snapshot, BW_METRICS_OPEN, &b);
    bw_metrics_age(123456789, BW_METRICS_OPEN, &b);
    bw_buffer_bytes(&b, "", 1);
    place = strstr(b.data, build);
    assert_non_null(place);
    bw_buffer_bytes(&without, b.data, (size_t)(place - b.data));
    bw_buffer_text(&without, place + sizeof(build) - 1);
    assert_true(bw_golden_same("metrics.om", without.data, without.length));
    bw_buffer_free(&without);
    bw_buffer_free(&b);
}

static void both_formats_have_the_same_samples(void **state)
{
    struct bw_buffer b[2] = {{0}, {0}}, kept[2] = {{0}, {0}};

    (void)state;
    for (int i = 0; i < 2; i++) {
        bw_metrics_render(&snapshot, (enum bw_metrics_format)i, &b[i]);
        bw_buffer_bytes(&b[i], "", 1);
        for (char *save = NULL, *line = strtok_r(b[i].data, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
            if (line[0] != '#') {
                bw_buffer_text(&kept[i], line);
                bw_buffer_text(&kept[i], "\n");
            }
        }
    }
    assert_int_equal(kept[0].length, kept[1].length);
    assert_memory_equal(kept[0].data, kept[1].data, kept[0].length);
    for (int i = 0; i < 2; i++) {
        bw_buffer_free(&b[i]);
        bw_buffer_free(&kept[i]);
    }
}

static void accept_headers(void **state)
{
    static const struct {
        const char *accept;
        enum bw_metrics_format format;
    } cases[] = {
        {NULL, BW_METRICS_TEXT},
        {"", BW_METRICS_TEXT},
        {"*/*", BW_METRICS_TEXT},
        {"text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", BW_METRICS_TEXT},
        {"application/openmetrics-text", BW_METRICS_OPEN},
        {"application/openmetrics-text; version=1.0.0", BW_METRICS_OPEN},
        {"application/openmetrics-text; version=\"1.0.0\"; charset=utf-8", BW_METRICS_OPEN},
        {"application/openmetrics-text;version=0.0.1", BW_METRICS_TEXT},
        {"application/openmetrics-text;version=2.0.0,*/*", BW_METRICS_TEXT},
        {"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
         "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
         BW_METRICS_OPEN},
        {"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
         "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.3",
         BW_METRICS_OPEN},
        {"application/openmetrics-text;q=0.3,text/plain;version=0.0.4;q=0.8", BW_METRICS_TEXT},
        {"text/plain;q=0.2,application/openmetrics-text;q=0.3", BW_METRICS_OPEN},
        {"application/openmetrics-text;q=0", BW_METRICS_TEXT},
        {"application/openmetrics-text;q=0.000,*/*", BW_METRICS_TEXT},
        {"APPLICATION/OpenMetrics-Text ; Version=1.0.0 ; Q=1", BW_METRICS_OPEN},
        {",,;;==,application/openmetrics-text", BW_METRICS_OPEN},
        {";q=\"", BW_METRICS_TEXT},
        {"application/openmetrics-textual", BW_METRICS_TEXT},
        {"a;b=\",application/openmetrics-text", BW_METRICS_TEXT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (bw_accept_metrics(cases[i].accept) != cases[i].format)
            fail_msg("%s", cases[i].accept);
}

static void entity_tags(void **state)
{
    static const char tag[] = "\"0af3\"";

    (void)state;
    assert_true(bw_etag_named("\"0af3\"", tag));
    assert_true(bw_etag_named("*", tag));
    assert_true(bw_etag_named("W/\"0af3\"", tag));
    assert_true(bw_etag_named("\"x\", W/\"y,z\" ,\"0af3\"", tag));
    assert_false(bw_etag_named(NULL, tag));
    assert_false(bw_etag_named("", tag));
    assert_false(bw_etag_named("0af3", tag));
    assert_false(bw_etag_named("\"0af3", tag));
    assert_false(bw_etag_named("\"0af3\"x", tag));
    assert_false(bw_etag_named("\"0af30\"", tag));
    assert_false(bw_etag_named("\"a,\"0af3\"", tag)); /* within another tag */
}

static void families_can_be_chosen(void **state)
{
    static const char text[] =
        "# HELP a_total A.\n# TYPE a_total counter\na_total 1\n# HELP b B.\n# TYPE b gauge\nb{x=\"# "
        "HELP a_total\"} 2\nb 3\n# HELP ab C.\n# TYPE ab gauge\nab 4\n";
    static const char open[] = "# TYPE a counter\n# HELP a A.\na_total 1\n# TYPE b gauge\n# HELP b B.\nb 3\n# EOF\n";
    static const struct {
        const char *text, *wanted, *result;
    } cases[] = {
        {text, "a_total", "# HELP a_total A.\n# TYPE a_total counter\na_total 1\n"},
        {text, "a", "# HELP a_total A.\n# TYPE a_total counter\na_total 1\n"},
        {text, "b", "# HELP b B.\n# TYPE b gauge\nb{x=\"# HELP a_total\"} 2\nb 3\n"},
        {text, "c", ""},
        {text, "", ""},
        {text, "ab*", "# HELP ab C.\n# TYPE ab gauge\nab 4\n"},
        {text, "*", text},
        {open, "a_total", "# TYPE a counter\n# HELP a A.\na_total 1\n# EOF\n"},
        {open, "c", "# EOF\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bw_buffer b = {0};

        bw_metrics_filter(cases[i].text, strlen(cases[i].text), &cases[i].wanted, 1, &b);
        bw_buffer_bytes(&b, "", 1);
        assert_string_equal(b.data, cases[i].result);
        bw_buffer_free(&b);
    }
}

static void first_metrics_of_the_contract(void **state)
{
    static const char *const lines[] = {
        "bellwether_info{version=\"0.1.0\",cluster=\"edge\",cluster_id=\"17\",mode=\"ha\",member=\"fw1\"} 1",
        "bellwether_member_state{member=\"fw1\",state=\"active\"} 1",
        "bellwether_member_state{member=\"fw1\",state=\"down\"} 0",
        "bellwether_member_problem{member=\"fw2\"} 1",
        "bellwether_member_interfaces_up{member=\"fw2\"} 2",
        "bellwether_member_interfaces_required{member=\"fw2\"} 3",
        "bellwether_interface_up{member=\"fw2\",interface=\"eth1\",direction=\"receive\"} 0",
        "bellwether_interface_up{member=\"fw2\",interface=\"eth1\",direction=\"transmit\"} 1",
        "bellwether_pnote_status{member=\"fw2\",pnote=\"backup-job\",status=\"problem\"} 1",
        "bellwether_address_held{address=\"192.168.10.100/24\",interface=\"eth0\",member=\"fw1\"} 1",
        "bellwether_address_held{address=\"192.168.10.100/24\",interface=\"eth0\",member=\"fw2\"} 0",
        "bellwether_failovers_total{cause=\"silence\"} 1",
        "bellwether_takeover_possible 0",
        "bellwether_member_admin_state{member=\"fw2\",state=\"maintenance\"} 1",
        "bellwether_heartbeats_sent_total{member=\"fw2\"} 36000",
        "bellwether_heartbeats_received_total{member=\"fw2\"} 35990",
        "bellwether_heartbeats_missed_total{member=\"fw2\"} 10",
        "bellwether_snapshot_age_seconds 0.123",
    };
    struct bw_buffer b = rendered();

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        if (!has_line(&b, lines[i]))
            fail_msg("missing: %s", lines[i]);
    bw_buffer_free(&b);
}

static void every_metric_of_the_catalogue_has_one_family(void **state)
{
    struct bw_buffer b = rendered();
    char text[128];

    (void)state;
    for (int o = 0; o < BW_OBJECT_COUNT; o++) {
        for (uint32_t f = 0; f < bw_catalogue[o].fields_count; f++) {
            const char *name = bw_catalogue[o].fields[f].metric;

            if (name == NULL)
                continue;
            snprintf(text, sizeof(text), "# HELP %s ", name);
            assert_int_equal(count(&b, text), 1);
            snprintf(text, sizeof(text), "# TYPE %s ", name);
            assert_int_equal(count(&b, text), 1);
        }
    }
    bw_buffer_free(&b);
}

static void labels_are_escaped(void **state)
{
    struct bw_buffer b = rendered(), one = {0};

    (void)state;
    assert_true(has_line(&b, "bellwether_pnote_status{member=\"fw1\",pnote=\"a\\\"b\\\\c\",status=\"ok\"} 1"));
    bw_buffer_label(&one, "x\\\"\ny\xff\xc3\xa4");
    assert_int_equal(one.length, strlen("x\\\\\\\"\\ny\xef\xbf\xbd\xc3\xa4"));
    assert_memory_equal(one.data, "x\\\\\\\"\\ny\xef\xbf\xbd\xc3\xa4", one.length);
    bw_buffer_free(&one);
    bw_buffer_help(&one, "a\\b\"c\nd");
    assert_memory_equal(one.data, "a\\\\b\"c\\nd", one.length);
    bw_buffer_free(&one);
    bw_buffer_free(&b);
}

static void seconds_are_exact(void **state)
{
    static const struct {
        uint64_t ns;
        const char *text;
    } cases[] = {{0, "0"},
                 {1, "0.000000001"},
                 {1500000000, "1.5"},
                 {60000000000, "60"},
                 {1000000010, "1.00000001"},
                 {UINT64_MAX, "18446744073.709551615"}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bw_buffer b = {0};

        bw_buffer_seconds(&b, cases[i].ns);
        bw_buffer_bytes(&b, "", 1);
        assert_string_equal(b.data, cases[i].text);
        bw_buffer_free(&b);
    }
}

static void nobody_holds_an_address(void **state)
{
    struct bw_buffer b;

    (void)state;
    snapshot.addresses[0].holder = 0;
    b = rendered();
    assert_true(
        has_line(&b, "bellwether_address_held{address=\"10.10.0.100/24\",interface=\"eth1\",member=\"fw1\"} 0"));
    assert_true(
        has_line(&b, "bellwether_address_held{address=\"10.10.0.100/24\",interface=\"eth1\",member=\"fw2\"} 0"));
    bw_buffer_free(&b);
}

static void before_the_first_post_only_age_and_build(void **state)
{
    struct bw_buffer b;

    (void)state;
    memset(&snapshot, 0, sizeof(snapshot));
    b = rendered();
    assert_int_equal(count(&b, "# TYPE"), 2);
    assert_true(has_line(&b, "bellwether_snapshot_age_seconds 0.123"));
    bw_buffer_free(&b);
}

static void the_largest_cluster_fits(void **state)
{
    struct bw_buffer b;

    (void)state;
    snapshot.members_count = BW_MAX_MEMBERS;
    for (uint32_t m = 0; m < BW_MAX_MEMBERS; m++) {
        snapshot.members[m] = snapshot.members[0];
        snapshot.members[m].id = m + 1;
        bw_format(snapshot.members[m].name, BW_NAME_MAX, "member-%u", m + 1);
        for (uint32_t i = 0; i < BW_MAX_INTERFACES; i++) {
            struct bw_interface_row *r = &snapshot.interfaces[m * BW_MAX_INTERFACES + i];

            *r = snapshot.interfaces[0];
            r->member = m + 1;
            bw_format(r->name, BW_NAME_MAX, "eth%u", i);
        }
        for (uint32_t i = 0; i < BW_MAX_PNOTES; i++) {
            struct bw_pnote_row *r = &snapshot.pnotes[m * BW_MAX_PNOTES + i];

            *r = snapshot.pnotes[0];
            r->member = m + 1;
            bw_format(r->name, BW_NAME_MAX, "pnote-%u", i);
        }
    }
    snapshot.interfaces_count = BW_MAX_MEMBERS * BW_MAX_INTERFACES;
    snapshot.pnotes_count = BW_MAX_MEMBERS * BW_MAX_PNOTES;
    b = rendered();
    assert_int_equal(count(&b, "\nbellwether_pnote_status{"), BW_MAX_MEMBERS * BW_MAX_PNOTES * 4);
    assert_int_equal(count(&b, "\nbellwether_interface_up{"), BW_MAX_MEMBERS * BW_MAX_INTERFACES * 2);
    bw_buffer_free(&b);
}

static void health_follows_state_and_problem(void **state)
{
    static const struct {
        uint32_t state;
        bool problem, ready, active, standby;
    } cases[] = {
        {BW_MEMBER_INITIALIZING, false, false, false, false}, {BW_MEMBER_READY, false, false, false, true},
        {BW_MEMBER_STANDBY, false, true, false, true},        {BW_MEMBER_STANDBY, true, false, false, false},
        {BW_MEMBER_ACTIVE, false, true, true, false},         {BW_MEMBER_ACTIVE, true, false, true, false},
        {BW_MEMBER_ATTENTION, true, false, true, false},      {BW_MEMBER_DOWN, true, false, false, false},
        {BW_MEMBER_UNREACHABLE, true, false, false, false},
    };
    char reason[BW_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snapshot.members[0].state = cases[i].state;
        snapshot.members[0].problem = cases[i].problem;
        assert_true(bw_health_check(&snapshot, 0, BW_HEALTH_LIVE, reason));
        assert_int_equal(bw_health_check(&snapshot, 0, BW_HEALTH_READY, reason), cases[i].ready);
        assert_int_equal(bw_health_check(&snapshot, 0, BW_HEALTH_ACTIVE, reason), cases[i].active);
        assert_int_equal(bw_health_check(&snapshot, 0, BW_HEALTH_STANDBY, reason), cases[i].standby);
        assert_true(strlen(reason) > 0);
    }
}

static void a_stale_snapshot_is_never_healthy(void **state)
{
    char reason[BW_TEXT_MAX];

    (void)state;
    for (int h = BW_HEALTH_LIVE; h <= BW_HEALTH_STANDBY; h++) {
        assert_false(bw_health_check(&snapshot, BW_STALE_NS, (enum bw_health)h, reason));
        assert_non_null(strstr(reason, "3 s"));
    }
    assert_true(bw_health_check(&snapshot, BW_STALE_NS - 1, BW_HEALTH_LIVE, reason));
    snapshot.number = 0;
    assert_false(bw_health_check(&snapshot, 0, BW_HEALTH_LIVE, reason));
}

static void health_without_a_local_member(void **state)
{
    char reason[BW_TEXT_MAX];

    (void)state;
    snapshot.cluster.local_member = 9;
    assert_true(bw_health_check(&snapshot, 0, BW_HEALTH_LIVE, reason));
    assert_false(bw_health_check(&snapshot, 0, BW_HEALTH_ACTIVE, reason));
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(golden),
        TEST(golden_openmetrics),
        TEST(both_formats_have_the_same_samples),
        TEST(accept_headers),
        TEST(entity_tags),
        TEST(families_can_be_chosen),
        TEST(first_metrics_of_the_contract),
        TEST(every_metric_of_the_catalogue_has_one_family),
        TEST(labels_are_escaped),
        TEST(seconds_are_exact),
        TEST(nobody_holds_an_address),
        TEST(before_the_first_post_only_age_and_build),
        TEST(the_largest_cluster_fits),
        TEST(health_follows_state_and_problem),
        TEST(a_stale_snapshot_is_never_healthy),
        TEST(health_without_a_local_member),
    };

    return cmocka_run_group_tests_name("http_metrics", tests, NULL, NULL);
}
