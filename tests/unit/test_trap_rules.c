/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Trap rules without a network: object identifiers, recorded notifications, which rules fit and why not, hold times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/trap/trap.h"
#include "bellwether/text.h"

static struct bw_config config;
static struct bw_config_errors errors;

static void load(const char *rules)
{
    char text[8192];
    int length = snprintf(text, sizeof(text),
                          "cluster = { id = 1; name = \"c\"; auth = \"none\";\n"
                          "members = ( { id = 1; name = \"a\"; address = \"10.0.0.1\"; },\n"
                          "            { id = 2; name = \"b\"; address = \"10.0.0.2\"; } );\n"
                          "interfaces = ( { name = \"eth0\"; } ); };\n"
                          "traps = { communities = \"hush\"; sources = ( \"10.0.0.0/8\", \"fd00::/8\" );\n"
                          "rules = ( %s ); };\n",
                          rules);

    bw_config_parse(text, (size_t)length, "t.conf", &config, &errors);
    assert_string_equal(errors.text, "");
}

/* ---- object identifiers ---- */

static void test_oids(void **state)
{
    static const char *const bad[] = {
        "", ".", "1", "1.", ".1", "1..3", "1.3.", "1.x", "1.4294967296", "1.99999999999", "-1.3"};
    char long_text[600] = "1", buf[1500];
    struct bw_oid oid, other;

    (void)state;
    assert_int_equal(bw_oid_from_text(".1.3.6.1.4294967295.0", &oid), 0);
    assert_int_equal(oid.length, 6);
    assert_string_equal(bw_oid_to_text(&oid, buf, sizeof(buf)), "1.3.6.1.4294967295.0");
    assert_string_equal(bw_oid_to_text(&oid, buf, 4), "1.3");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(bw_oid_from_text(bad[i], &oid), -EINVAL);
    for (int i = 1; i < BW_OID_ARCS_MAX; i++)
        strcat(long_text, ".1");
    assert_int_equal(bw_oid_from_text(long_text, &oid), 0);
    assert_false(bw_oid_append(&oid, 1));
    strcat(long_text, ".1");
    assert_int_equal(bw_oid_from_text(long_text, &other), -EINVAL);
    assert_int_equal(bw_oid_from_text("1.3.6", &oid), 0);
    assert_int_equal(bw_oid_from_text("1.3.6.1", &other), 0);
    assert_true(bw_oid_within(&other, &oid) && !bw_oid_within(&oid, &other) && bw_oid_within(&oid, &oid));
    assert_false(bw_oid_equal(&other, &oid));
}

static void test_generic_names(void **state)
{
    static const char *const names[] = {"coldStart",      "warmStart", "linkDown", "linkUp", "authenticationFailure",
                                        "egpNeighborLoss"};
    char buf[64], wanted[64];
    struct bw_oid oid;

    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(bw_oid_builtin(names[i], &oid), 0);
        snprintf(wanted, sizeof(wanted), "1.3.6.1.6.3.1.1.5.%u", i + 1);
        assert_string_equal(bw_oid_to_text(&oid, buf, sizeof(buf)), wanted);
        assert_string_equal(bw_oid_builtin_name(&oid), names[i]);
    }
    assert_int_equal(bw_oid_builtin("IF-MIB::linkDown", &oid), 0);
    assert_int_equal(oid.arcs[9], 3);
    assert_int_equal(bw_oid_builtin("SNMPv2-MIB::linkDown", &oid), -ENOENT);
    assert_int_equal(bw_oid_builtin("linkdown", &oid), -ENOENT);
    oid.arcs[9] = 7;
    assert_null(bw_oid_builtin_name(&oid));
}

static void test_octets(void **state)
{
    char text[BW_TRAP_VALUE_MAX];
    uint8_t many[1000];

    (void)state;
    bw_trap_octets((const uint8_t *)"port 7\0", 7, text);
    assert_string_equal(text, "port 7");
    bw_trap_octets((const uint8_t *)"\x00\x1f\xff", 3, text);
    assert_string_equal(text, "00 1f ff");
    bw_trap_octets((const uint8_t *)"", 0, text);
    assert_string_equal(text, "");
    memset(many, 'a', sizeof(many));
    bw_trap_octets(many, sizeof(many), text);
    assert_int_equal(strlen(text), BW_TRAP_VALUE_MAX - 1);
    many[3] = 1;
    bw_trap_octets(many, sizeof(many), text);
    assert_true(strlen(text) < BW_TRAP_VALUE_MAX && strncmp(text, "61 61 61 01 61", 14) == 0);
}

static void test_peek(void **state)
{
    static const uint8_t v2[] = {0x30, 6, 2, 1, 1, 4, 1, 'x'}, wide[] = {0x30, 0x82, 0, 4, 2, 2, 0, 1};
    uint8_t v3[] = {0x30, 0x81, 15, 2, 1, 3, 0x30, 0, 4, 8, 0x30, 6, 4, 3, 0x80, 1, 2, 0xff};
    static const uint8_t bad[][6] = {{0x30, 0x80, 2, 1, 1, 0}, {0x30, 0x85, 2, 1, 1, 0}, {0x30, 4, 4, 1, 1, 0},
                                     {0x30, 3, 2, 1, 2, 0},    {0x30, 4, 2, 0, 1, 0},    {0x30, 4, 2, 3, 1, 0}};
    const uint8_t *engine;
    size_t length;

    (void)state;
    assert_int_equal(bw_trap_peek(v2, sizeof(v2), &engine, &length), 1);
    assert_int_equal(bw_trap_peek(wide, sizeof(wide), &engine, &length), 1);
    assert_int_equal(bw_trap_peek(v3, sizeof(v3), &engine, &length), 3);
    assert_true(engine == v3 + 14 && length == 3);
    for (size_t i = 0; i < sizeof(v3); i++)
        assert_int_equal(bw_trap_peek(v3, i < 18 ? i : 0, &engine, &length), -EINVAL);
    v3[13] = 5; /* longer than what it is in */
    assert_int_equal(bw_trap_peek(v3, sizeof(v3), &engine, &length), -EINVAL);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(bw_trap_peek(bad[i], sizeof(bad[i]), &engine, &length), -EINVAL);
}

/* ---- records ---- */

static void test_records(void **state)
{
    static const char text[] =
        "# comment\n\n"
        "  10.0.0.2 linkDown 1.3.6.1.2.1.2.2.1.1.7=7  1.3.6.1.2.1.2.2.1.2.7=\"the \\\"port\\\" = 7\" 1.3.6.1.9= "
        "1.3.6.2=-5\r\n"
        "fd00::1 .1.3.6.1.4.1.9.0.1\n"
        "2026-01-01 00:00:00 sw1 [UDP: [10.0.0.3]:1024->[10.0.0.1]:162]:\n"
        ".1.3.6.1.2.1.1.3.0 = 0:0:00:01.00\t.1.3.6.1.6.3.1.1.4.1.0 = .1.3.6.1.6.3.1.1.5.4\t.1.3.6.1.2.1.2.2.1.1.7 = 7\t"
        ".1.3.6.1.2.1.2.2.1.2.7 = \"7\"\n";
    static struct bw_trap trap;
    char why[BW_TEXT_MAX];
    unsigned line = 0;
    size_t at = 0;

    (void)state;
    assert_int_equal(bw_trap_record_next(text, &at, &line, &trap, why), 1);
    assert_int_equal(line, 3);
    assert_int_equal(trap.source.bytes[3], 2);
    assert_string_equal(bw_oid_builtin_name(&trap.oid), "linkDown");
    assert_int_equal(trap.values_count, 4);
    assert_true(trap.values[0].is_number && trap.values[0].number == 7);
    assert_string_equal(trap.values[1].text, "the \"port\" = 7");
    assert_false(trap.values[1].is_number || trap.values[2].is_number);
    assert_int_equal(trap.values[3].number, -5);
    assert_int_equal(bw_trap_record_next(text, &at, &line, &trap, why), 1);
    assert_int_equal(trap.source.family, 6);
    assert_int_equal(trap.values_count, 0);
    assert_int_equal(bw_trap_record_next(text, &at, &line, &trap, why), 1);
    assert_int_equal(trap.source.bytes[3], 3);
    assert_string_equal(bw_oid_builtin_name(&trap.oid), "linkUp");
    assert_int_equal(trap.values_count, 3);
    assert_true(trap.values[1].is_number && !trap.values[2].is_number);
    assert_string_equal(trap.values[2].text, "7");
    assert_int_equal(bw_trap_record_next(text, &at, &line, &trap, why), 0);
}

static void test_bad_records(void **state)
{
    static const char *const bad[] = {
        "nonsense",
        "10.0.0.2",
        "10.0.0.0/8 linkDown",
        "10.0.0.2 noSuchThing",
        "10.0.0.2 linkDown 1.3.6.1",
        "10.0.0.2 linkDown x=7",
        "10.0.0.2 linkDown 1.3.6.1=\"open",
        "10.0.0.2 linkDown \"1.3.6.1\"=7",
        "x [UDP: [10.0.0.3]:1->[10.0.0.1]:162]:",
        "x [UDP: [10.0.0.3]:1->[10.0.0.1]:162]:\n.1.3.6.1 7",
        "x [UDP: [10.0.0.3]:1->[10.0.0.1]:162]:\n.1.3.6.1 = 7",
        "x [UDP: [10.0.0.3]:1->[10.0.0.1]:162]:\n.1.3.6.1.6.3.1.1.4.1.0 = x",
        "x [UDP: [10.0.0.3",
    };
    static struct bw_trap trap;
    static char longest[20000], many[8192];
    char why[BW_TEXT_MAX];
    unsigned line = 0;
    size_t at = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        at = 0;
        assert_int_equal(bw_trap_record_next(bad[i], &at, &line, &trap, why), -EINVAL);
        assert_true(why[0] != '\0');
        assert_int_equal(bw_trap_record_next(bad[i], &at, &line, &trap, why), 0);
    }
    memset(longest, 'a', sizeof(longest) - 1);
    at = 0;
    assert_int_equal(bw_trap_record_next(longest, &at, &line, &trap, why), -EINVAL);
    strcpy(many, "10.0.0.2 linkDown");
    for (int i = 0; i <= BW_TRAP_VALUES_MAX; i++)
        strcat(many, " 1.3.6.1=7");
    at = 0;
    assert_int_equal(bw_trap_record_next(many, &at, &line, &trap, why), -EINVAL);
}

/* ---- rules ---- */

/* Bits of the rules that fit a record. */
static uint64_t match(struct bw_trap_rules *rules, const char *record)
{
    static struct bw_trap trap;
    char why[BW_TEXT_MAX], text[BW_TEXT_MAX];
    unsigned line = 0;
    size_t at = 0;
    uint64_t fits;

    assert_int_equal(bw_trap_record_next(record, &at, &line, &trap, why), 1);
    fits = bw_trap_rules_match(rules, &trap);
    for (unsigned i = 0; i < config.traps.rules_count; i++) {
        bw_trap_rule_obstacle(rules, i, &trap, text, sizeof(text));
        assert_int_equal(text[0] == '\0', fits >> i & 1);
        bw_trap_rule_tell(rules, i, &trap, text);
        assert_true(strlen(text) > 0 && strpbrk(text, "\n\r\t\033") == NULL);
    }
    return fits;
}

static int resolve(const char *text, struct bw_oid *oid)
{
    return bw_oid_from_text(text, oid) == 0 || bw_oid_builtin(text, oid) == 0 ? 0 : -ENOENT;
}

static void test_matching(void **state)
{
    struct bw_trap_rules *rules;

    (void)state;
    load("{ name = \"down\"; source = \"10.0.0.2\"; oid = \"linkDown\"; set = \"problem\"; pnote = \"u\";\n"
         "  match = ( { oid = \"1.3.6.1.2.1.2.2.1.1\"; equal = 7; } ); },\n"
         "{ name = \"net\"; source = \"10.1.0.0/16\"; oid = \"1.3.6.1.4.1.9.*\"; set = \"ok\"; pnote = \"u\"; },\n"
         "{ name = \"range\"; oid = \"linkUp\"; set = \"ok\"; pnote = \"u\";\n"
         "  match = ( { oid = \"1.3.9\"; greater = -2; less = 3; }, { oid = \"1.3.8\"; equal = \"a b\"; } ); },\n"
         "{ name = \"regex\"; oid = \"linkUp\"; set = \"ok\"; pnote = \"u\";\n"
         "  match = ( { oid = \"1.3.8\"; regex = \"^(a|c) b$\"; } ); },\n"
         "{ name = \"unknown\"; oid = \"someName\"; set = \"ok\"; pnote = \"u\"; }");
    assert_int_equal(bw_trap_rules_new(&config.traps, resolve, &rules), 0);
    assert_string_equal(bw_trap_rule_fault(rules, 4), "someName");
    assert_null(bw_trap_rule_fault(rules, 0));
    assert_int_equal(match(rules, "10.0.0.2 linkDown 1.3.6.1.2.1.2.2.1.1.7=7"), 1);
    assert_int_equal(match(rules, "10.0.0.2 linkDown 1.3.6.1.2.1.2.2.1.1=7"), 1);
    assert_int_equal(match(rules, "10.0.0.2 linkDown 1.3.6.1.2.1.2.2.1.1.6=6 1.3.6.1.2.1.2.2.1.1.7=7"), 1);
    assert_int_equal(match(rules, "10.0.0.3 linkDown 1.3.6.1.2.1.2.2.1.1.7=7"), 0);
    assert_int_equal(match(rules, "10.0.0.2 linkDown 1.3.6.1.2.1.2.2.1.1.7=8"), 0);
    assert_int_equal(match(rules, "10.0.0.2 linkDown 1.3.6.1.2.1.2.2.1.1.7=\"7\""), 0);
    assert_int_equal(match(rules, "10.0.0.2 linkDown 1.3.6.1.2.1.2.2.1.10.7=7"), 0);
    assert_int_equal(match(rules, "10.0.0.2 linkUp 1.3.6.1.2.1.2.2.1.1.7=7"), 0);
    assert_int_equal(match(rules, "10.1.2.3 1.3.6.1.4.1.9.0.1"), 2);
    assert_int_equal(match(rules, "10.1.2.3 1.3.6.1.4.1.9"), 2);
    assert_int_equal(match(rules, "10.1.2.3 1.3.6.1.4.1.99.0.1"), 0);
    assert_int_equal(match(rules, "10.2.2.3 1.3.6.1.4.1.9.0.1"), 0);
    assert_int_equal(match(rules, "10.9.9.9 linkUp 1.3.9.1=-1 1.3.8.0=\"a b\""), 4 | 8);
    assert_int_equal(match(rules, "10.9.9.9 linkUp 1.3.9.1=2 1.3.8.0=\"c b\""), 8);
    assert_int_equal(match(rules, "10.9.9.9 linkUp 1.3.9.1=3 1.3.8.0=\"a b\""), 8);
    assert_int_equal(match(rules, "10.9.9.9 linkUp 1.3.9.1=-2 1.3.8.0=\"a b \""), 0);
    bw_trap_rules_free(rules);
}

static void test_sources(void **state)
{
    struct bw_address a;

    (void)state;
    load("{ name = \"x\"; oid = \"linkUp\"; set = \"ok\"; pnote = \"u\"; }");
    bw_address_from_text("10.200.3.4", &a);
    assert_true(bw_trap_source_allowed(&config.traps, &a));
    bw_address_from_text("fd12::1", &a);
    assert_true(bw_trap_source_allowed(&config.traps, &a));
    bw_address_from_text("11.0.0.1", &a);
    assert_false(bw_trap_source_allowed(&config.traps, &a));
    memset(&a, 0, sizeof(a));
    assert_false(bw_trap_source_allowed(&config.traps, &a));
    config.traps.sources_count = 0;
    assert_true(bw_trap_source_allowed(&config.traps, &a));
}

/* ---- pnotes ---- */

static const char pnote_rules[] =
    "{ name = \"down\"; oid = \"linkDown\"; set = \"problem\"; pnote = \"u\"; },\n"
    "{ name = \"up\"; oid = \"linkUp\"; set = \"ok\"; pnote = \"u\"; start = \"init\"; },\n"
    "{ name = \"held\"; oid = \"coldStart\"; set = \"problem\"; pnote = \"h\"; hold_s = 5; },\n"
    "{ name = \"alive\"; oid = \"warmStart\"; set = \"ok\"; pnote = \"v\"; hold_s = 10; }";

static void matched(struct bw_trap_pnotes *p, unsigned rule, uint64_t now_ns)
{
    bw_trap_pnotes_match(p, &config.traps.rules[rule], rule, "why", now_ns);
}

/* Takes all reports that are due; returns how many. */
static unsigned report_all(struct bw_trap_pnotes *p, uint64_t now_ns)
{
    struct bw_trap_pnote *row;
    unsigned n = 0;

    while ((row = bw_trap_pnotes_next(p, now_ns)) != NULL) {
        bw_trap_pnote_done(row, true, now_ns);
        n++;
    }
    return n;
}

static void test_hold(void **state)
{
    static struct bw_trap_pnotes p;
    uint64_t t = 100 * BW_SEC;

    (void)state;
    load(pnote_rules);
    bw_trap_pnotes_init(&p, &config.traps);
    assert_int_equal(p.count, 3);
    assert_int_equal(p.rows[0].status, BW_PNOTE_INIT);
    assert_int_equal(p.rows[1].status, BW_PNOTE_OK);
    assert_int_equal(report_all(&p, t), 3);
    assert_true(bw_trap_pnotes_run(&p, t) == UINT64_MAX);
    matched(&p, 2, t);
    assert_int_equal(p.rows[1].status, BW_PNOTE_PROBLEM);
    assert_int_equal(report_all(&p, t), 1);
    assert_true(bw_trap_pnotes_run(&p, t) == t + 5 * BW_SEC);
    matched(&p, 2, t + 3 * BW_SEC); /* begins anew */
    report_all(&p, t + 3 * BW_SEC);
    bw_trap_pnotes_run(&p, t + 7 * BW_SEC);
    assert_int_equal(p.rows[1].status, BW_PNOTE_PROBLEM);
    bw_trap_pnotes_run(&p, t + 8 * BW_SEC);
    assert_int_equal(p.rows[1].status, BW_PNOTE_OK);
    assert_int_equal(report_all(&p, t + 8 * BW_SEC), 1);
    matched(&p, 3, t + 8 * BW_SEC); /* a sign of life that is missed later */
    report_all(&p, t + 8 * BW_SEC);
    bw_trap_pnotes_run(&p, t + 18 * BW_SEC);
    assert_int_equal(p.rows[2].status, BW_PNOTE_PROBLEM);
    assert_int_equal(report_all(&p, t + 18 * BW_SEC), 1);
}

/* However fast notifications alternate: a few reports at once, then four a second, and the newest counts. */
static void test_rate(void **state)
{
    static struct bw_trap_pnotes p;
    uint64_t t = 100 * BW_SEC;
    unsigned reports = 0;

    (void)state;
    load(pnote_rules);
    bw_trap_pnotes_init(&p, &config.traps);
    report_all(&p, t);
    t += 10 * BW_SEC;
    for (unsigned i = 0; i < 20000; i++) {
        matched(&p, i % 2, t);
        reports += report_all(&p, t);
        t += BW_SEC / 20000;
    }
    assert_in_range(reports, 4, 9);
    assert_int_equal(p.rows[0].status, BW_PNOTE_OK);
    t += BW_SEC;
    report_all(&p, t);
    assert_false(p.rows[0].dirty);
    /* The same again: now and then only. */
    for (reports = 0; reports < 50 && t < 300 * BW_SEC; t += BW_MS) {
        matched(&p, 0, t);
        reports += report_all(&p, t);
    }
    assert_true(reports == 50 && t > 145 * BW_SEC);
    /* One that could not be reported is tried again later. */
    matched(&p, 2, t);
    bw_trap_pnote_done(bw_trap_pnotes_next(&p, t), false, t);
    assert_null(bw_trap_pnotes_next(&p, t));
    assert_non_null(bw_trap_pnotes_next(&p, t + BW_SEC));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oids),     cmocka_unit_test(test_generic_names), cmocka_unit_test(test_octets),
        cmocka_unit_test(test_peek),     cmocka_unit_test(test_records),       cmocka_unit_test(test_bad_records),
        cmocka_unit_test(test_matching), cmocka_unit_test(test_sources),       cmocka_unit_test(test_hold),
        cmocka_unit_test(test_rate),
    };

    return cmocka_run_group_tests_name("trap rules", tests, NULL, NULL);
}
