/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The traps section of the configuration: what is read, and every error with its line and what is allowed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "bellwether/config.h"
#include "bellwether/text.h"

static struct bw_config config;
static struct bw_config_errors errors;

/* Line 5 is the section. */
static void parse(const char *traps)
{
    char text[8192];
    int length = snprintf(text, sizeof(text),
                          "cluster = { id = 1; name = \"c\"; auth = \"none\";\n"
                          "members = ( { id = 1; name = \"a\"; address = \"10.0.0.1\"; },\n"
                          "            { id = 2; name = \"b\"; address = \"10.0.0.2\"; } );\n"
                          "interfaces = ( { name = \"eth0\"; } ); };\n%s\n",
                          traps);

    bw_config_parse(text, (size_t)length, "t.conf", &config, &errors);
}

#define RULE "{ name = \"r\"; oid = \"linkDown\"; set = \"problem\"; pnote = \"p\"; }"
#define USER "{ name = \"u\"; auth_file = \"/a\"; }"

static void test_off(void **state)
{
    (void)state;
    parse("");
    assert_string_equal(errors.text, "");
    assert_false(config.traps.enabled);
    parse("traps = { enabled = false; };");
    assert_string_equal(errors.text, "");
    assert_false(config.traps.enabled);
}

static void test_defaults(void **state)
{
    const struct bw_traps_config *t = &config.traps;

    (void)state;
    parse("traps = { communities = \"hush\"; rules = ( " RULE " ); };");
    assert_string_equal(errors.text, "");
    assert_true(t->enabled);
    assert_int_equal(t->listen_count, 1);
    assert_string_equal(t->listen[0], "0.0.0.0:162");
    assert_int_equal(t->sources_count + t->users_count, 0);
    assert_string_equal(t->communities[0], "hush");
    assert_int_equal(t->rules[0].after, BW_PNOTE_OK);
    assert_int_equal(t->rules[0].start, BW_PNOTE_OK);
    assert_true(t->rules[0].hold_ns == 0 && t->rules[0].source.family == 0 && t->rules[0].match_count == 0);
}

static void test_everything(void **state)
{
    const struct bw_traps_config *t = &config.traps;
    const struct bw_trap_match_config *m = t->rules[0].match;

    (void)state;
    parse("traps = { listen = [ \"10.0.0.1:1162\", \"[::]:162\" ]; sources = ( \"10.0.0.0/8\", \"fd00::1\" );\n"
          "users = ( { name = \"u\"; auth = \"SHA256\"; auth_file = \"/a\"; priv = \"AES\"; priv_file = \"/p\";\n"
          "            engine_id = \"0x80000000010203ff\"; }, { name = \"u\"; auth_file = \"/a\"; } );\n"
          "rules = ( { name = \"r\"; source = \"10.1.0.0/16\"; oid = \".1.3.6.1.4.*\"; set = \"ok\"; pnote = \"p\"; "
          "hold_s = 9;\n"
          "  start = \"init\"; match = ( { oid = \"IF-MIB::ifIndex.7\"; equal = 7; }, { oid = \"1.3\"; less = 5; "
          "greater = -5; },\n"
          "  { oid = \"1.3\"; equal = \"x y\"; }, { oid = \"ifDescr\"; regex = \"^a{2,9}(b|c)$\"; },\n"
          "  { oid = \"1.3\"; less = 9999999999L; } ); } ); };");
    assert_string_equal(errors.text, "");
    assert_int_equal(t->listen_count, 2);
    assert_int_equal(t->sources[1].prefix, 128);
    assert_int_equal(t->users_count, 2);
    assert_int_equal(t->users[0].engine_id_length, 8);
    assert_int_equal(t->users[0].engine_id[7], 0xff);
    assert_int_equal(t->users[0].auth, BW_TRAP_AUTH_SHA256);
    assert_int_equal(t->users[1].priv, BW_TRAP_PRIV_NONE);
    assert_int_equal(t->rules[0].after, BW_PNOTE_PROBLEM);
    assert_true(t->rules[0].hold_ns == 9 * BW_SEC);
    assert_int_equal(t->rules[0].match_count, 5);
    assert_true(m[0].has_equal && m[0].equal == 7 && !m[0].has_less);
    assert_true(m[1].has_less && m[1].has_greater && m[1].greater == -5);
    assert_string_equal(m[2].text, "x y");
    assert_true(m[4].less == 9999999999LL);
}

static void test_errors(void **state)
{
    static const struct {
        const char *traps, *error;
    } cases[] = {
        {"traps = 7;", "traps: 7 is not a section in braces"},
        {"traps = { communities = \"x\"; };", "traps has no rules"},
        {"traps = { rules = ( " RULE " ); };", "traps lets nobody in"},
        {"traps = { comunities = \"x\"; communities = \"x\"; rules = ( " RULE " ); };",
         "did you mean \"communities\"?"},
        {"traps = { listen = \"162\"; communities = \"x\"; rules = ( " RULE " ); };",
         "traps listen: \"162\" has no valid port"},
        {"traps = { listen = [ \"10.0.0.1:1\", \"10.0.0.1:1\" ]; communities = \"x\"; rules = ( " RULE " ); };",
         "\"10.0.0.1:1\" is written twice"},
        {"traps = { sources = ( \"10.0.0.1/8\" ); communities = \"x\"; rules = ( " RULE " ); };",
         "\"10.0.0.1/8\" has bits set behind its prefix"},
        {"traps = { sources = (); communities = \"x\"; rules = ( " RULE " ); };", "traps sources: it is empty"},
        {"traps = { communities = (); rules = ( " RULE " ); };", "traps communities: it is empty"},
        {"traps = { communities = ( \"x\", \"geheim\\x01\" ); rules = ( " RULE " ); };",
         "traps communities: entry 2 is no community"},
        {"traps = { communities = 7; rules = ( " RULE " ); };", "traps communities: entry 1 is no community"},
        {"traps = { users = ( { name = \"u\"; } ); rules = ( " RULE " ); };", "trap user has no auth_file"},
        {"traps = { users = ( { name = \"u\"; auth = \"SHA1\"; auth_file = \"/a\"; } ); rules = ( " RULE " ); };",
         "trap user auth: \"SHA1\" is unknown; allowed: \"MD5\", \"SHA\""},
        {"traps = { users = ( { name = \"u\"; auth_file = \"/a\"; priv = \"AES\"; } ); rules = ( " RULE " ); };",
         "there is no priv_file"},
        {"traps = { users = ( { name = \"u\"; auth_file = \"/a\"; engine_id = \"80\"; } ); rules = ( " RULE " ); };",
         "\"80\" is no engine id"},
        {"traps = { users = ( " USER ", " USER " ); rules = ( " RULE " ); };", "\"u\" is written twice"},
        {"traps = { communities = \"x\"; rules = ( " RULE ", " RULE " ); };", "trap rule name: \"r\" is used twice"},
        {"traps = { communities = \"x\"; rules = ( { name = \"r\"; oid = \"linkDown\"; set = \"ok\"; } ); };",
         "trap rule has no pnote"},
        {"traps = { communities = \"x\"; rules = ( { name = \"r\"; oid = \"link Down\"; set = \"ok\"; pnote = \"p\"; } "
         "); };",
         "\"link Down\" is neither a number"},
        {"traps = { communities = \"x\"; rules = ( { name = \"r\"; oid = \"1.3.*.4\"; set = \"ok\"; pnote = \"p\"; } "
         "); };",
         "is neither a number"},
        {"traps = { communities = \"x\"; rules = ( { name = \"r\"; oid = \"1.4294967296\"; set = \"ok\"; pnote = "
         "\"p\"; } ); };",
         "holds a number above"},
        {"traps = { communities = \"x\"; rules = ( { name = \"r\"; oid = \"1.3\"; set = \"bad\"; pnote = \"p q\"; } ); "
         "};",
         "trap rule pnote: \"p q\" holds a blank"},
        {"traps = { communities = \"x\"; rules = ( { name = \"r\"; oid = \"1.3\"; set = \"ok\"; pnote = \"p\"; after = "
         "\"init\"; } "
         "); };",
         "trap rule after: there is no hold_s"},
        {"traps = { communities = \"x\"; rules = ( { name = \"r\"; oid = \"1.3\"; set = \"ok\"; pnote = \"p\"; source "
         "= \"x\"; } "
         "); };",
         "trap rule source: \"x\" is no address"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        parse(cases[i].traps);
        if (strstr(errors.text, cases[i].error) == NULL || strncmp(errors.text, "t.conf:5: ", 10) != 0)
            fail_msg("%s\n  says: %s\n  not:  %s", cases[i].traps, errors.text, cases[i].error);
        assert_null(strstr(errors.text, "geheim")); /* a secret */
    }
}

static void test_conditions(void **state)
{
    static const struct {
        const char *match, *error;
    } cases[] = {
        {"{ oid = \"1.3\"; }", "has nothing to compare with"},
        {"{ equal = 7; }", "trap rule's match has no oid"},
        {"{ oid = \"1.3\"; equal = true; }", "trap rule's match equal: true is neither"},
        {"{ oid = \"1.3\"; less = \"7\"; }", "match less: \"7\" is not a whole number"},
        {"{ oid = \"1.3\"; less = 5; greater = 4; }", "no number is below 5 and above 4"},
        {"{ oid = \"1.3\"; regex = \"(\"; }", "is no regular expression"},
        {"{ oid = \"1.3\"; regex = \"(a)\\\\1\"; }", "holds a back-reference"},
        {"{ oid = \"1.3\"; regex = \"(a{9}){9}\"; }", "holds more than one {"},
        {"{ oid = \"1.3\"; regex = \"a{256}\"; }", "holds a repetition of more than 255"},
        {"{ oid = \"1.3\"; regex = \"\"; }", "is empty"},
    };
    char text[512];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(
            text, sizeof(text),
            "traps = { communities = \"x\"; rules = ( { name = \"r\"; oid = \"1.3\"; set = \"ok\"; pnote = \"p\";\n"
            "match = ( %s ); } ); };",
            cases[i].match);
        parse(text);
        if (strstr(errors.text, cases[i].error) == NULL || strncmp(errors.text, "t.conf:6: ", 10) != 0)
            fail_msg("%s\n  says: %s\n  not:  %s", cases[i].match, errors.text, cases[i].error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_off),    cmocka_unit_test(test_defaults),   cmocka_unit_test(test_everything),
        cmocka_unit_test(test_errors), cmocka_unit_test(test_conditions),
    };

    return cmocka_run_group_tests_name("trap configuration", tests, NULL, NULL);
}
