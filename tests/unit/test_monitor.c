/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pure parts of the monitors: rise and fall, when something is told, listings of nftables, lines of commands; and their configuration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/monitor/job.h"
#include "agent/monitor/tally.h"
#include "bellwether/text.h"

static struct bw_tally tally_of(uint32_t rise, uint32_t fall, uint32_t start)
{
    const struct bw_monitor_config config = {.rise = rise, .fall = fall, .start = start};
    struct bw_tally tally;

    bw_tally_start(&tally, &config);
    return tally;
}

/* checks: "+" good, "-" failed, "!" fallen; wanted: the status after each: o, i, p. */
static void run(uint32_t rise, uint32_t fall, uint32_t start, const char *checks, const char *wanted)
{
    static const char letters[] = {0, 'o', 'i', 'p'};
    struct bw_tally tally = tally_of(rise, fall, start);
    uint32_t before = tally.status;

    for (size_t i = 0; checks[i]; i++) {
        bool changed = checks[i] == '!' ? bw_tally_fall(&tally) : bw_tally_check(&tally, checks[i] == '+');

        if (letters[tally.status] != wanted[i])
            fail_msg("rise %u fall %u: after check %zu of %s: %c, wanted %s", rise, fall, i + 1, checks,
                     letters[tally.status], wanted);
        assert_true(changed == (before != tally.status));
        before = tally.status;
    }
}

static void test_rise_and_fall(void **state)
{
    (void)state;
    run(2, 3, BW_PNOTE_INIT, "++---++", "ioooppo");
    run(2, 3, BW_PNOTE_INIT, "---+++-", "iippooo");
    run(2, 3, BW_PNOTE_INIT, "+-+-+--+--+--", "iiiiiiiiiiiii");
    run(2, 3, BW_PNOTE_OK, "--+--+---", "oooooooop");
    run(1, 1, BW_PNOTE_INIT, "+-+-", "opop");
    run(3, 3, BW_PNOTE_OK, "!++-+++", "ppppppo");
    run(2, 5, BW_PNOTE_INIT, "!-++", "pppo");
    run(100, 100, BW_PNOTE_OK, "-----", "ooooo");
}

static void test_details(void **state)
{
    struct bw_tally tally = tally_of(2, 3, BW_PNOTE_INIT);
    char text[BW_TEXT_MAX], longest[BW_DETAIL_MAX];

    (void)state;
    bw_tally_detail(&tally, "", text);
    assert_string_equal(text, "no check has ended yet");
    bw_tally_check(&tally, true);
    bw_tally_detail(&tally, "answers", text);
    assert_string_equal(text, "good 1 of 2: answers");
    bw_tally_check(&tally, true);
    bw_tally_detail(&tally, "answers", text);
    assert_string_equal(text, "answers");
    bw_tally_check(&tally, false);
    bw_tally_detail(&tally, "mute", text);
    assert_string_equal(text, "failed 1 of 3: mute");
    bw_tally_fall(&tally);
    bw_tally_detail(&tally, "has ended", text);
    assert_string_equal(text, "has ended");
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    tally = tally_of(100, 100, BW_PNOTE_OK);
    bw_tally_check(&tally, false);
    bw_tally_detail(&tally, longest, text);
    assert_non_null(strstr(text, longest));
}

static void test_told(void **state)
{
    struct bw_tally tally = tally_of(1, 1, BW_PNOTE_OK);
    struct bw_told told = {.status = BW_PNOTE_OK, .at_ns = 100 * BW_SEC, .detail_ns = 100 * BW_SEC, .detail = "in 3.5 ms"};
    const uint64_t refresh = 2 * BW_SEC, now = 100 * BW_SEC;

    (void)state;
    assert_int_equal(bw_told_due(&told, &tally, "in 3.5 ms", refresh, now), BW_TELL_NOTHING);
    assert_int_equal(bw_told_due(&told, &tally, "in 3.5 ms", refresh, now + refresh - 1), BW_TELL_NOTHING);
    assert_int_equal(bw_told_due(&told, &tally, "in 3.5 ms", refresh, now + refresh), BW_TELL_SAME);
    /* Numbers that move are no news. */
    assert_int_equal(bw_told_due(&told, &tally, "in 13.25 ms", refresh, now + BW_SEC), BW_TELL_NOTHING);
    assert_int_equal(bw_told_due(&told, &tally, "in 13.25 ms", refresh, now + refresh), BW_TELL_SAME);
    assert_int_equal(bw_told_due(&told, &tally, "in 13.25 ms", refresh, now + 10 * BW_SEC), BW_TELL_NEW);
    /* Words are, but not more than once a second. */
    assert_int_equal(bw_told_due(&told, &tally, "mute", refresh, now + BW_SEC - 1), BW_TELL_NOTHING);
    assert_int_equal(bw_told_due(&told, &tally, "mute", refresh, now + BW_SEC), BW_TELL_NEW);
    /* A status at once. */
    bw_tally_fall(&tally);
    assert_int_equal(bw_told_due(&told, &tally, "in 3.5 ms", refresh, now), BW_TELL_NEW);
}

static void test_timeouts(void **state)
{
    const struct bw_monitor_config often = {.interval_ns = 100 * BW_MS, .timeout_ns = 50 * BW_MS},
                                   seldom = {.interval_ns = 60 * BW_SEC, .timeout_ns = 10 * BW_SEC};

    (void)state;
    assert_int_equal(bw_told_refresh_ns(&often), BW_SEC);
    assert_int_equal(bw_told_timeout_ns(&often), 3050 * BW_MS);
    assert_int_equal(bw_told_refresh_ns(&seldom), 60 * BW_SEC);
    assert_int_equal(bw_told_timeout_ns(&seldom), 190 * BW_SEC);
}

static const char listing[] = "table inet filter {\n"
                              "\tset blocked {\n"
                              "\t\ttype ipv4_addr\n"
                              "\t\tsize 65535\n"
                              "\t\tflags dynamic,timeout\n"
                              "\t}\n"
                              "\n"
                              "\tchain input {\n"
                              "\t\ttype filter hook input priority filter; policy drop;\n"
                              "\t\tct state established,related accept\n"
                              "\t\ttcp dport 22 jump {\n"
                              "\t\t\tip saddr 10.0.0.0/8 accept\n"
                              "\t\t}\n"
                              "\t}\n"
                              "\n"
                              "\tchain forward {\n"
                              "\t\ttype filter hook forward priority filter; policy accept;\n"
                              "\t}\n"
                              "}\n"
                              "table ip nat {\n"
                              "\tchain forward {\n"
                              "\t\tcounter masquerade\n"
                              "\t}\n"
                              "}\n";

static struct bw_ruleset_found look(const char *text, size_t piece, const char *table, const char *chain)
{
    static struct bw_ruleset_reader reader;
    size_t length = strlen(text);

    bw_ruleset_begin(&reader, table, chain);
    for (size_t at = 0; at < length; at += piece)
        bw_ruleset_take(&reader, text + at, length - at < piece ? length - at : piece);
    bw_ruleset_end(&reader);
    return reader.found;
}

static void test_ruleset(void **state)
{
    static const struct {
        const char *table, *chain;
        bool has_table, has_chain;
        uint32_t rules;
    } cases[] = {
        {"inet filter", "input", true, true, 2},   {"inet filter", "forward", true, true, 0},
        {"ip nat", "forward", true, true, 1},      {"ip nat", "input", true, false, 0},
        {"ip filter", "input", false, false, 0},   {"inet filte", "input", false, false, 0},
        {"inet filter", "inpu", true, false, 0},   {"inet filter", "blocked", true, false, 0},
        {"inet filter", "", true, true, 2},        {"", "", true, true, 3},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t piece = 1; piece <= sizeof(listing); piece = piece * 3 + 1) {
            struct bw_ruleset_found found = look(listing, piece, cases[i].table, cases[i].chain);

            if (found.table != cases[i].has_table || found.chain != cases[i].has_chain ||
                found.wanted_rules != cases[i].rules || found.rules != 3)
                fail_msg("table \"%s\" chain \"%s\": %d %d %u of %u", cases[i].table, cases[i].chain, found.table,
                         found.chain, found.wanted_rules, found.rules);
            assert_true(found.digest == look(listing, 7, "", "").digest);
        }
    }
    assert_true(look("", 1, "", "").digest != look(listing, 1, "", "").digest);
    assert_int_equal(look("", 1, "", "").wanted_rules, 0);
}

/* Lines of any length, braces without end: nothing breaks. */
static void test_ruleset_odd(void **state)
{
    static char text[8192];

    (void)state;
    memset(text, '{', sizeof(text) - 1);
    look(text, 100, "inet filter", "input");
    for (size_t i = 0; i + 2 < sizeof(text); i += 2)
        memcpy(text + i, i % 4 ? "{\n" : "}\n", 2);
    look(text, 1, "", "");
    memset(text, '}', sizeof(text) - 1);
    text[sizeof(text) - 2] = '\n';
    look(text, 4096, "", "");
    memcpy(text, "table inet x {\n\tchain y {\n", 26);
    assert_int_equal(look(text, 4096, "inet x", "y").wanted_rules, 1);
}

static void test_lines(void **state)
{
    static const struct {
        const char *bytes, *line;
    } cases[] = {
        {"", ""},
        {"fine\n", "fine"},
        {"fine  \r\nsecond", "fine"},
        {"\n", ""},
        {"a\tb\x01\x7f", "a?b??"},
        {"gr\xc3\xbc\xc3\x9f" "e", "gr\xc3\xbc\xc3\x9f" "e"},
        {"\xff\xfe\xc3", "???"},
        {"\xc0\xaf\xed\xa0\x80\xf5\x80", "???????"},
        {"\xc2\x9b[31m", "??[31m"},
        {"0123456789abcdef", "0123456789abcde"},
        {"0123456789abcd\xc3\xbc", "0123456789abcd"},
    };
    char line[16];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bw_line_clean(cases[i].bytes, strlen(cases[i].bytes), line, sizeof(line));
        assert_string_equal(line, cases[i].line);
    }
}

/* ---- configuration ---- */

static struct bw_config config;
static struct bw_config_errors errors;

static int parse(const char *monitors)
{
    static char text[16384];

    snprintf(text, sizeof(text),
             "cluster = { id = 17; name = \"edge\"; auth = \"none\"; members = ( { id = 1; name = \"a\"; address = "
             "\"10.0.0.1\"; }, { id = 2; name = \"b\"; address = \"10.0.0.2\"; } ); interfaces = ( { name = \"eth0\"; } "
             "); };\nmonitors = (\n%s\n);\n",
             monitors);
    return bw_config_parse(text, strlen(text), "t", &config, &errors);
}

static void test_config_good(void **state)
{
    uint64_t digest;

    (void)state;
    assert_int_equal(parse(""), 0);
    digest = config.cluster.digest;
    assert_int_equal(config.monitors_count, 0);
    assert_int_equal(parse("{ name = \"z\"; kind = \"ping\"; targets = \"10.0.0.9\"; },\n"
                           "{ name = \"e\"; kind = \"exec\"; command = [ \"/bin/x\", \"\", \"a b\" ]; user = \"nobody\"; },"
                           "{ name = \"t\"; kind = \"tcp\"; address = \"::1\"; port = 25; interval_ms = 250; }"),
                     0);
    assert_string_equal(errors.text, "");
    assert_int_equal(config.monitors_count, 3);
    assert_string_equal(config.monitors[0].name, "e"); /* by name */
    assert_int_equal(config.monitors[0].words, 3);
    assert_memory_equal(config.monitors[0].command, "/bin/x\0\0a b\0", 12);
    assert_int_equal(config.monitors[1].port, 25);
    assert_int_equal(config.monitors[1].interval_ns, 250 * BW_MS);
    assert_int_equal(config.monitors[2].targets_count, 1);
    assert_int_equal(config.monitors[2].start, BW_PNOTE_INIT);
    assert_int_equal(config.monitors[2].rise, 2);
    assert_int_equal(config.monitors[2].fall, 3);
    assert_true(config.cluster.digest != digest);
    digest = config.cluster.digest;
    assert_int_equal(parse("{ name = \"t\"; kind = \"tcp\"; address = \"::1\"; port = 25; interval_ms = 250; },"
                           "{ name = \"e\"; kind = \"exec\"; command = [ \"/bin/x\", \"\", \"a b\" ]; user = \"nobody\"; },"
                           "{ name = \"z\"; kind = \"ping\"; targets = [ \"10.0.0.9\" ]; fall = 3; }"),
                     0);
    assert_true(config.cluster.digest == digest); /* their order in the file means nothing */
    assert_int_equal(parse("{ name = \"t\"; kind = \"tcp\"; address = \"::1\"; port = 26; interval_ms = 250; }"), 0);
}

static void test_config_errors(void **state)
{
    static const char *const cases[][2] = {
        {"{ name = \"a\"; kind = \"pong\"; }", "3: monitor kind: \"pong\" is unknown; allowed: \"ping\", \"tcp\""},
        {"{ kind = \"clock\"; }", "3: monitor has no name"},
        {"{ name = \"a\"; }", "3: monitor has no kind"},
        {"{ name = \"a\"; kind = \"ping\"; }", "3: monitor has no targets, which kind \"ping\" needs"},
        {"{ name = \"a\"; kind = \"ping\"; targets = [ ]; }", "3: monitor targets: there is none"},
        {"{ name = \"a\"; kind = \"ping\"; targets = [ \"host\" ]; }", "3: monitor targets: \"host\" is not an address"},
        {"{ name = \"a\"; kind = \"ping\"; targets = [ \"10.0.0.1\", \"10.0.0.1\" ]; }", "is written twice"},
        {"{ name = \"a\"; kind = \"ping\"; targets = 5; }", "3: monitor targets: 5 is no list of texts"},
        {"{ name = \"a\"; kind = \"clock\"; port = 5; }", "3: monitor port: the kind is \"clock\"; allowed: with kind \"tcp\""},
        {"{ name = \"a\"; kind = \"tcp\"; address = \"10.0.0.1\"; port = 65536; }", "3: monitor port: 65536 is out of range"},
        {"{ name = \"a\"; kind = \"tcp\"; address = \"10.0.0.1/8\"; port = 1; }", "3: monitor address: \"10.0.0.1/8\" has a prefix"},
        {"{ name = \"a\"; kind = \"tcp\"; address = \"224.0.0.1\"; port = 1; }", "is a multicast address"},
        {"{ name = \"a\"; kind = \"http\"; url = \"ftp://10.0.0.1/\"; }", "does not begin with http:// or https://"},
        {"{ name = \"a\"; kind = \"http\"; url = \"http://\"; }", "has no host"},
        {"{ name = \"a\"; kind = \"http\"; url = \"http://user:secret@10.0.0.1/\"; }", "holds a user's name"},
        {"{ name = \"a\"; kind = \"http\"; url = \"http://host/\"; }", "3: monitor url: its host is no address"},
        {"{ name = \"a\"; kind = \"http\"; url = \"http://::1/\"; }", "3: monitor url: its host is no address"},
        {"{ name = \"a\"; kind = \"process\"; }", "3: monitor of a process: it has neither"},
        {"{ name = \"a\"; kind = \"process\"; unit = \"a.service\"; process = \"a\"; }", "3: monitor of a process: it has unit and"},
        {"{ name = \"a\"; kind = \"process\"; process = \"sixteencharacter\"; }", "is too long"},
        {"{ name = \"a\"; kind = \"process\"; unit = \"--all.service\"; }", "begins with \"-\""},
        {"{ name = \"a\"; kind = \"exec\"; command = [ ]; }", "3: monitor command: it is empty"},
        {"{ name = \"a\"; kind = \"exec\"; command = [ \"true\" ]; }", "3: monitor command: \"true\" is not an absolute path"},
        {"{ name = \"a\"; kind = \"ruleset\"; table = \"filter\"; }", "does not begin with a family"},
        {"{ name = \"a\"; kind = \"ruleset\"; chain = \"input\"; }", "3: monitor chain: there is no table"},
        {"{ name = \"a\"; kind = \"disk\"; }", "3: monitor has no path"},
        {"{ name = \"bellwetherd\"; kind = \"clock\"; }", "3: monitor name: \"bellwetherd\" is a built-in pnote"},
        {"{ name = \"a\"; kind = \"clock\"; },\n{ name = \"a\"; kind = \"clock\"; }", "4: monitor name: \"a\" is used twice (line 3)"},
        {"{ name = \"a\"; kind = \"clock\"; interval_s = 5; }", "3: unknown key \"interval_s\" in monitor"},
        {"5", "monitors: 5 is not a section"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *wanted = cases[i][1];

        assert_int_equal(parse(cases[i][0]), -22);
        if (strstr(errors.text, wanted) == NULL)
            fail_msg("%s: %s, wanted %s", cases[i][0], errors.text, wanted);
        if (errors.count != 1)
            fail_msg("%s: %u errors: %s", cases[i][0], errors.count, errors.text);
    }
}

static void test_config_many(void **state)
{
    static char text[8192];
    size_t at = 0;

    (void)state;
    for (unsigned i = 0; i < BW_MAX_MONITORS; i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%s{ name = \"m%u\"; kind = \"clock\"; }\n", i ? "," : "", i);
    assert_int_equal(parse(text), 0);
    assert_int_equal(config.monitors_count, BW_MAX_MONITORS);
    snprintf(text + at, sizeof(text) - at, ", { name = \"one-more\"; kind = \"clock\"; }");
    assert_int_equal(parse(text), -22);
    assert_non_null(strstr(errors.text, "monitors: 61 entries; allowed: 0-60"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rise_and_fall), cmocka_unit_test(test_details),      cmocka_unit_test(test_told),
        cmocka_unit_test(test_timeouts),      cmocka_unit_test(test_ruleset),      cmocka_unit_test(test_ruleset_odd),
        cmocka_unit_test(test_lines),         cmocka_unit_test(test_config_good),  cmocka_unit_test(test_config_errors),
        cmocka_unit_test(test_config_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
