/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The JSON writer over the fixture: the whole of it against a golden file, then what the contract promises, value by
 * value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "bellwether/json.h"
#include "tests/unit/fixture.h"
#include "tests/unit/golden.h"

static struct bw_snapshot snapshot;
static struct bw_history *history;

static int setup(void **state)
{
    (void)state;
    bw_fixture_fill(&snapshot);
    history = bw_history_new();
    bw_fixture_history(history);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    bw_history_free(history);
    return 0;
}

static const char *text_of(struct json_object *json, const char *key)
{
    struct json_object *value = NULL;

    assert_true(json_object_object_get_ex(json, key, &value));
    return json_object_to_json_string_ext(value, BW_JSON_FLAGS);
}

static void golden(void **state)
{
    struct json_object *json = bw_json_state(&snapshot, history);
    const char *text;
    char *copy;
    size_t length;

    (void)state;
    assert_non_null(json);
    text = json_object_to_json_string_length(json, BW_JSON_FLAGS | JSON_C_TO_STRING_PRETTY, &length);
    copy = malloc(length + 1);
    memcpy(copy, text, length);
    copy[length] = '\n';
    assert_true(bw_golden_same("state.json", copy, length + 1));
    free(copy);
    json_object_put(json);
}

static void state_holds_every_key_of_the_contract(void **state)
{
    static const char *const keys[] = {"cluster",   "members", "interfaces", "pnotes",
                                       "addresses", "groups",  "sync",       "history"};
    struct json_object *json = bw_json_state(&snapshot, history), *value;

    (void)state;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        assert_true(json_object_object_get_ex(json, keys[i], &value));
        assert_int_equal(json_object_get_type(value), i == 0 || i == 6 ? json_type_object : json_type_array);
    }
    assert_true(json_object_object_get_ex(json, "sync", &value));
    assert_int_equal(json_object_array_length(json_object_object_get(value, "peers")), 1);
    assert_int_equal(json_object_array_length(json_object_object_get(value, "verdicts")), 7);
    assert_false(json_object_object_get_ex(json, "sync_peers", NULL));
    json_object_put(json);
}

static void every_field_of_the_catalogue_is_there_once(void **state)
{
    (void)state;
    for (int o = 0; o < BW_OBJECT_COUNT; o++) {
        static const char zeros[4096];
        struct json_object *row = bw_json_row(&bw_catalogue[o], zeros);

        assert_non_null(row);
        assert_int_equal(json_object_object_length(row), bw_catalogue[o].fields_count);
        json_object_put(row);
    }
}

static void each_type_is_written_as_the_contract_says(void **state)
{
    struct json_object *cluster = bw_json_object(&bw_catalogue[BW_OBJECT_CLUSTER], &snapshot, history, 0);
    struct json_object *member = bw_json_row(&bw_catalogue[BW_OBJECT_MEMBER], &snapshot.members[1]);
    struct json_object *pnote = bw_json_row(&bw_catalogue[BW_OBJECT_PNOTE], &snapshot.pnotes[0]);
    struct json_object *address = bw_json_row(&bw_catalogue[BW_OBJECT_ADDRESS], &snapshot.addresses[2]);

    (void)state;
    assert_string_equal(text_of(cluster, "id"), "17");
    assert_string_equal(text_of(cluster, "mode"), "\"ha\"");
    assert_string_equal(text_of(cluster, "takeover_possible"), "false");
    assert_string_equal(text_of(cluster, "config_digest"), "\"0123456789abcdef\"");
    assert_string_equal(text_of(cluster, "active_member"), "1");
    assert_string_equal(text_of(member, "since"), "\"2025-12-31T23:59:00.000Z\"");
    assert_string_equal(text_of(member, "address"), "\"10.0.10.2\"");
    assert_string_equal(text_of(member, "last_heard_seconds"), "0.04");
    assert_string_equal(text_of(member, "round_trip_seconds"), "0.00023");
    assert_string_equal(text_of(member, "admin"), "\"maintenance\"");
    assert_string_equal(text_of(pnote, "name"), "\"a\\\"b\\\\c\"");
    assert_string_equal(text_of(pnote, "age_seconds"), "1.5");
    assert_string_equal(text_of(pnote, "timeout_seconds"), "0");
    assert_string_equal(text_of(pnote, "kind"), "\"user\"");
    assert_string_equal(text_of(address, "address"), "\"2001:db8:10::100/64\"");
    json_object_put(cluster);
    json_object_put(member);
    json_object_put(pnote);
    json_object_put(address);
}

static void what_never_was_is_an_empty_text(void **state)
{
    struct json_object *member = bw_json_row(&bw_catalogue[BW_OBJECT_MEMBER], &snapshot.members[0]);

    (void)state;
    assert_string_equal(text_of(member, "admin_since"), "\"\"");
    json_object_put(member);
    memset(&snapshot.members[0].address, 0, sizeof(snapshot.members[0].address));
    member = bw_json_row(&bw_catalogue[BW_OBJECT_MEMBER], &snapshot.members[0]);
    assert_string_equal(text_of(member, "address"), "\"\"");
    json_object_put(member);
}

static void seconds_are_rounded_to_microseconds(void **state)
{
    static const struct {
        uint64_t ns;
        const char *text;
    } cases[] = {
        {0, "0"},
        {1, "0"},
        {499, "0"},
        {500, "0.000001"},
        {1500000000, "1.5"},
        {999999600, "1"},
        {60000000000, "60"},
        {1000001000, "1.000001"},
        {UINT64_MAX, "18446744073.709552"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct json_object *pnote;

        snapshot.pnotes[0].age_ns = cases[i].ns;
        pnote = bw_json_row(&bw_catalogue[BW_OBJECT_PNOTE], &snapshot.pnotes[0]);
        assert_string_equal(text_of(pnote, "age_seconds"), cases[i].text);
        json_object_put(pnote);
    }
}

static void large_counters_keep_every_digit(void **state)
{
    struct json_object *cluster;

    (void)state;
    snapshot.cluster.failovers = UINT64_MAX;
    cluster = bw_json_object(&bw_catalogue[BW_OBJECT_CLUSTER], &snapshot, history, 0);
    assert_string_equal(text_of(cluster, "failovers"), "18446744073709551615");
    json_object_put(cluster);
}

static void bytes_that_are_not_utf8_are_replaced(void **state)
{
    struct json_object *pnote;

    (void)state;
    bw_copy(snapshot.pnotes[0].detail, BW_TEXT_MAX, "a\xff\xc3\xa4\xed\xa0\x80z");
    pnote = bw_json_row(&bw_catalogue[BW_OBJECT_PNOTE], &snapshot.pnotes[0]);
    assert_string_equal(text_of(pnote, "detail"), "\"a\xef\xbf\xbd\xc3\xa4\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\"");
    json_object_put(pnote);
    memset(snapshot.pnotes[0].detail, 0xc3, BW_TEXT_MAX); /* no NUL either */
    pnote = bw_json_row(&bw_catalogue[BW_OBJECT_PNOTE], &snapshot.pnotes[0]);
    assert_non_null(pnote);
    json_object_put(pnote);
}

static void an_unknown_enumeration_value_has_a_text(void **state)
{
    struct json_object *pnote;

    (void)state;
    snapshot.pnotes[0].kind = 77;
    pnote = bw_json_row(&bw_catalogue[BW_OBJECT_PNOTE], &snapshot.pnotes[0]);
    assert_string_equal(text_of(pnote, "kind"), "\"unknown\"");
    json_object_put(pnote);
}

static void check_numbers(uint32_t limit, int first, int last)
{
    struct json_object *events = bw_json_object(&bw_catalogue[BW_OBJECT_EVENT], &snapshot, history, limit);
    char text[12];

    assert_int_equal(json_object_array_length(events), last - first + 1);
    for (int n = first; n <= last; n++) {
        snprintf(text, sizeof(text), "%d", n);
        assert_string_equal(text_of(json_object_array_get_idx(events, (size_t)(n - first)), "number"), text);
    }
    json_object_put(events);
}

static void history_gives_the_newest(void **state)
{
    (void)state;
    check_numbers(0, 1, 6);
    check_numbers(2, 5, 6);
    check_numbers(6, 1, 6);
    check_numbers(7, 1, 6);
    check_numbers(UINT32_MAX, 1, 6);
    snapshot.history_last = 4; /* never beyond what the snapshot knows */
    check_numbers(0, 1, 4);
    check_numbers(1, 4, 4);
}

static void an_empty_history_is_an_empty_array(void **state)
{
    struct bw_history *none = bw_history_new();
    struct json_object *events = bw_json_object(&bw_catalogue[BW_OBJECT_EVENT], &snapshot, none, 0);

    (void)state;
    assert_int_equal(json_object_array_length(events), 0);
    json_object_put(events);
    bw_history_free(none);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(golden),
        TEST(state_holds_every_key_of_the_contract),
        TEST(every_field_of_the_catalogue_is_there_once),
        TEST(each_type_is_written_as_the_contract_says),
        TEST(what_never_was_is_an_empty_text),
        TEST(seconds_are_rounded_to_microseconds),
        TEST(large_counters_keep_every_digit),
        TEST(bytes_that_are_not_utf8_are_replaced),
        TEST(an_unknown_enumeration_value_has_a_text),
        TEST(history_gives_the_newest),
        TEST(an_empty_history_is_an_empty_array),
    };

    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
