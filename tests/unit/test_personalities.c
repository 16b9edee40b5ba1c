/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cphaprob, clpstat and clpgrp on the fixed snapshot: golden layouts, what they ask, their refusals; register -f. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/cli/cli.h"
#include "agent/cli/pnote_file.h"
#include "tests/unit/control_fake.h"
#include "tests/unit/golden.h"

static struct bw_fake fake;
static char *out, *err; /* of the last run */
static size_t out_length, err_length;

/* Runs words (blanks between them); the first is the name that the program is called by. */
static int run(const char *words)
{
    char buffer[512], *argv[32], *rest = NULL;
    FILE *out_file, *err_file;
    int argc = 0, rc;

    free(out);
    free(err);
    out_file = open_memstream(&out, &out_length);
    err_file = open_memstream(&err, &err_length);
    bw_copy(buffer, sizeof(buffer), words);
    for (char *word = strtok_r(buffer, " ", &rest); word != NULL && argc < 31; word = strtok_r(NULL, " ", &rest))
        argv[argc++] = word;
    argv[argc] = NULL;
    rc = bw_cli_run(argc, argv, out_file, err_file);
    fclose(out_file);
    fclose(err_file);
    return rc;
}

static void assert_run(const char *words, int expected, const char *in_out, const char *in_err)
{
    int rc = run(words);

    if (rc != expected || strstr(out, in_out) == NULL || strstr(err, in_err) == NULL)
        fail_msg("%s: exit %d (expected %d)\n--- out\n%s--- err\n%s", words, rc, expected, out, err);
}

static int set_up(void **state)
{
    (void)state;
    setenv("TZ", "UTC", 1);
    tzset();
    bw_fake_start(&fake, NULL);
    setenv("BELLWETHER_SOCKET", fake.config.control.socket, 1);
    return bw_control_start(&fake.context, &fake.control);
}

static int tear_down(void **state)
{
    (void)state;
    bw_fake_stop(&fake);
    unsetenv("BELLWETHER_SOCKET");
    free(out);
    free(err);
    out = err = NULL;
    return 0;
}

/* ---- layouts ---- */

static void test_golden(void **state)
{
    static const struct {
        const char *words, *file;
    } screens[] = {
        {"cphaprob state", "cphaprob-state"}, {"/usr/bin/cphaprob -a if", "cphaprob-if"},
        {"cphaprob list", "cphaprob-list"},   {"cphaprob syncstat", "cphaprob-syncstat"},
        {"clpstat -s", "clpstat-s"},          {"clpstat -n", "clpstat-n"},
        {"clpstat -i", "clpstat-i"},
    };
    char name[64];

    (void)state;
    for (size_t i = 0; i < sizeof(screens) / sizeof(screens[0]); i++) {
        if (run(screens[i].words) != BW_EXIT_DONE)
            fail_msg("%s: %s", screens[i].words, err);
        assert_string_equal(err, "");
        snprintf(name, sizeof(name), "cli/%s.txt", screens[i].file);
        assert_true(bw_golden_same(name, out, out_length));
    }
}

/* The same through the program's own name. */
static void test_escape(void **state)
{
    (void)state;
    assert_run("bellwether cphaprob state", BW_EXIT_DONE, "1 (local)", "");
    assert_run("bellwether clpstat -s", BW_EXIT_DONE, "GROUP edge", "");
    assert_run("bellwether clpgrp -s", BW_EXIT_PROBLEM, "", "runs already");
    assert_run("bellwether help cphaprob", BW_EXIT_DONE, "VERB", "");
}

static void test_parts(void **state)
{
    (void)state;
    assert_run("cphaprob if", BW_EXIT_DONE, "Required secured interfaces: 1", "");
    assert_null(strstr(out, "Virtual"));
    assert_run("cphaprob -i list", BW_EXIT_DONE, "Built-in Devices", "");
    assert_null(strstr(out, "vpn-watch"));
    assert_run("cphaprob -e list", BW_EXIT_DONE, "Device Name: vpn-watch\nRegistration number: 1\nTimeout: 5 sec\n",
               "");
    assert_null(strstr(out, "Built-in"));
    assert_run("cphaprob -ia list", BW_EXIT_DONE, "vpn-watch", "");
    assert_non_null(strstr(out, "Built-in"));
    assert_run("clpstat -s -h 2", BW_EXIT_DONE, "*SERVER fw2", "");
}

/* What is rare: attention, a member that is gone, directions, other modes. */
static void test_words(void **state)
{
    struct bw_snapshot *s = fake.snapshot;

    (void)state;
    bw_fake_halt(&fake, true);
    s->members[0].state = BW_MEMBER_ATTENTION;
    s->members[1].state = BW_MEMBER_UNREACHABLE;
    s->cluster.recovery = BW_RECOVERY_PRIMARY_UP;
    s->cluster.mode = BW_MODE_HA_LEGACY;
    s->interfaces[0].state = BW_INTERFACE_DOWN;
    s->interfaces[0].silence_ns = 12300 * BW_MS;
    s->interfaces[1].state = BW_INTERFACE_SUSPECT;
    s->interfaces[1].receive = BW_DIRECTION_DOWN;
    s->interfaces[1].silence_ns = 2500 * BW_MS;
    s->interfaces[2].role = BW_ROLE_DISCONNECTED;
    bw_fake_post(&fake);
    bw_fake_halt(&fake, false);
    assert_run("cphaprob state", BW_EXIT_DONE, "Legacy High Availability (Primary Up)", "");
    assert_non_null(strstr(out, "10.0.10.1       active attention\n"));
    assert_non_null(strstr(out, "10.0.10.2       ClusterXL inactive or machine is down\n"));
    assert_run("cphaprob if", BW_EXIT_DONE, "eth0     DOWN (12.3 secs) (non secured, shared, multicast)", "");
    assert_non_null(strstr(out, "eth1     Inbound: DOWN (2.5 secs) Outbound: UP (non secured, shared, multicast)"));
    assert_non_null(strstr(out, "eth2     Disconnected\n"));
    assert_run("clpstat -s", BW_EXIT_DONE, "fw2              UNKNOWN", "");
    assert_non_null(strstr(out, " SERVER fw2              OFFLINE"));
    assert_run("clpstat -s -h fw2", BW_EXIT_PROBLEM, "", "server fw2 does not answer");
    assert_run("clpstat -i -h fw3", BW_EXIT_PROBLEM, "", "no server \"fw3\"");
}

/* ---- what they ask ---- */

static void test_devices(void **state)
{
    struct bw_request last;

    (void)state;
    assert_run("cphaprob -d test -t 2.5 -s init -p register", BW_EXIT_DONE, "", "");
    last = bw_fake_last(&fake);
    assert_int_equal(last.kind, BW_REQUEST_PNOTE_REGISTER);
    assert_string_equal(last.name, "test");
    assert_int_equal(last.timeout_ns, 2500 * BW_MS);
    assert_int_equal(last.status, BW_PNOTE_INIT);
    assert_true(last.persistent);
    assert_string_equal(out, "");
    assert_run("cphaprob register -d test -t 0 -s ok", BW_EXIT_DONE, "", ""); /* words in any order */
    assert_run("cphaprob -d test -s problem report", BW_EXIT_DONE, "", "");
    last = bw_fake_last(&fake);
    assert_int_equal(last.kind, BW_REQUEST_PNOTE_REPORT);
    assert_int_equal(last.status, BW_PNOTE_PROBLEM);
    assert_run("cphaprob -d missing -s ok report", BW_EXIT_PROBLEM, "", "there is no pnote \"missing\"");
    assert_run("cphaprob -d test -p unregister", BW_EXIT_DONE, "", "");
    last = bw_fake_last(&fake);
    assert_int_equal(last.kind, BW_REQUEST_PNOTE_UNREGISTER);
    assert_true(last.persistent);
    assert_run("cphaprob -reset syncstat", BW_EXIT_DONE, "", "");
    assert_int_equal(bw_fake_last(&fake).kind, BW_REQUEST_COUNTERS_RESET);
}

static void test_groups(void **state)
{
    struct bw_request last;

    (void)state;
    assert_run("clpgrp -m -g edge", BW_EXIT_DONE, "moved from fw1 to fw2", "");
    last = bw_fake_last(&fake);
    assert_int_equal(last.kind, BW_REQUEST_GROUP_MOVE);
    assert_int_equal(last.member, 2);
    assert_run("clpgrp -m", BW_EXIT_DONE, "moved", "");
    assert_run("clpgrp -m -h fw2 -g edge", BW_EXIT_PROBLEM, "", "does not run on fw2 but on fw1");
    assert_run("clpgrp -m -h fw2", BW_EXIT_PROBLEM, "", "no group runs on fw2");
    assert_run("clpgrp -t -h 2 -g edge", BW_EXIT_PROBLEM, "", "does not run on fw2");
    assert_run("clpgrp -s -g edge", BW_EXIT_PROBLEM, "", "runs already, on fw1");
    assert_run("clpgrp -s -g web", BW_EXIT_PROBLEM, "", "no group \"web\"");
    assert_run("clpgrp -t", BW_EXIT_DONE, "stopped on fw1", "");
    assert_int_equal(bw_fake_last(&fake).kind, BW_REQUEST_GROUP_STOP);
    assert_int_equal(bw_fake_last(&fake).member, 0); /* everywhere, not only there */
    bw_fake_halt(&fake, true);
    fake.snapshot->groups[0].holder = 0;
    bw_fake_post(&fake);
    bw_fake_halt(&fake, false);
    assert_run("clpgrp -t -g edge", BW_EXIT_PROBLEM, "", "but nowhere");
    assert_run("clpgrp -s -h fw2", BW_EXIT_DONE, "started on fw2", "");
    last = bw_fake_last(&fake);
    assert_int_equal(last.kind, BW_REQUEST_GROUP_START);
    assert_int_equal(last.member, 2);
}

static void test_usage(void **state)
{
    (void)state;
    assert_run("cphaprob", BW_EXIT_USAGE, "", "cphaprob [-a] if");
    assert_run("cphaprob stat", BW_EXIT_DONE, "Unique Address", "");
    assert_run("cphaprob -l list", BW_EXIT_DONE, "Registered Devices", "");
    assert_run("cphaprob stats", BW_EXIT_USAGE, "", "no \"stats\"");
    assert_run("cphaprob -z list", BW_EXIT_USAGE, "", "no option -z");
    assert_run("cphaprob -a state", BW_EXIT_USAGE, "", "state takes no option -a");
    assert_run("cphaprob -reset list", BW_EXIT_USAGE, "", "list takes no option -reset");
    assert_run("cphaprob state more", BW_EXIT_USAGE, "", "\"more\" is too much");
    assert_run("cphaprob -d", BW_EXIT_USAGE, "", "-d needs a value");
    assert_run("cphaprob -d x report", BW_EXIT_USAGE, "", "-s ok|init|problem are needed");
    assert_run("cphaprob -s ok report", BW_EXIT_USAGE, "", "-d DEVICE");
    assert_run("cphaprob -d x -s bad report", BW_EXIT_USAGE, "", "not \"bad\"");
    assert_run("cphaprob -d x -t soon register", BW_EXIT_USAGE, "", "not \"soon\"");
    assert_run("cphaprob -d x -t nan register", BW_EXIT_USAGE, "", "not \"nan\"");
    assert_run("cphaprob register", BW_EXIT_USAGE, "", "which device");
    assert_run("cphaprob -d x -f y register", BW_EXIT_USAGE, "", "not both");
    assert_run("clpstat", BW_EXIT_USAGE, "", "clpstat -n");
    assert_run("clpstat -s -i", BW_EXIT_USAGE, "", "not both");
    assert_run("clpstat -n -h fw1", BW_EXIT_USAGE, "", "-n takes no -h");
    assert_run("clpstat -g edge -s", BW_EXIT_USAGE, "", "no option -g");
    assert_run("clpgrp -s -t", BW_EXIT_USAGE, "", "not both");
    assert_run("clpgrp -m edge", BW_EXIT_USAGE, "", "\"edge\" is too much");
    assert_run("clpgrp -g", BW_EXIT_USAGE, "", "-g needs a value");
    setenv("BELLWETHER_SOCKET", "/nonexistent/socket", 1);
    assert_run("cphaprob state", BW_EXIT_NO_DAEMON, "", "no daemon answers");
    assert_run("clpstat -s", BW_EXIT_NO_DAEMON, "", "no daemon answers");
    assert_run("clpgrp -m", BW_EXIT_NO_DAEMON, "", "no daemon answers");
}

/* ---- register -f ---- */

static char path[64];

static void write_file(const char *text)
{
    FILE *f;

    bw_copy(path, sizeof(path), "/tmp/bw-pnotes-XXXXXX");
    f = fdopen(mkstemp(path), "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void assert_file(const char *before, const char *text, int expected, const char *in_out, const char *in_err)
{
    char words[160];

    write_file(text);
    snprintf(words, sizeof(words), "%s -f %s%s", before, path, strncmp(before, "cpha", 4) == 0 ? " register" : "");
    assert_run(words, expected, in_out, in_err);
    unlink(path);
}

static void test_register_file(void **state)
{
    unsigned before;

    (void)state;
    assert_file("bellwether register", "# two\n\n job\t0 ok\r\nvpn 2.5 problem # note\n", BW_EXIT_DONE,
                "done: 2 registered", "");
    assert_string_equal(bw_fake_last(&fake).name, "vpn");
    assert_int_equal(bw_fake_last(&fake).timeout_ns, 2500 * BW_MS);
    assert_int_equal(bw_fake_last(&fake).status, BW_PNOTE_PROBLEM);
    assert_false(bw_fake_last(&fake).persistent);
    assert_file("bellwether register -p", "job 0 init", BW_EXIT_DONE, "done: 1 registered", "");
    assert_true(bw_fake_last(&fake).persistent);
    assert_file("cphaprob", "job 0 ok\n", BW_EXIT_DONE, "", "");
    assert_string_equal(out, "");
    before = fake.requests;
    /* Every bad line is named, and nothing is asked. */
    assert_file("bellwether register", "good 0 ok\njob x ok\njob 1\nvpn-watch 0 ok\n", BW_EXIT_PROBLEM, "",
                ":2: the timeout must be seconds");
    assert_non_null(strstr(err, ":3: something is missing"));
    assert_non_null(strstr(err, ":4: \"vpn-watch\" is already registered"));
    assert_non_null(strstr(err, "nothing was registered"));
    assert_file("bellwether register", "", BW_EXIT_PROBLEM, "", ":1: no critical device is in here");
    assert_file("bellwether register -t 5", "job 0 ok\n", BW_EXIT_USAGE, "", "only -p goes with -f");
    assert_run("bellwether register -f /nonexistent/file", BW_EXIT_PROBLEM, "", "cannot read /nonexistent/file");
    assert_run("bellwether register -f /tmp", BW_EXIT_PROBLEM, "", "cannot read /tmp");
    assert_run("bellwether register --force job", BW_EXIT_USAGE, "", "no option --force");
    assert_run("bellwether down --file x", BW_EXIT_USAGE, "", "no option --file");
    assert_int_equal(fake.requests, before);
    /* The daemon refuses the second ("missing"): the first is taken back. */
    assert_file("bellwether register", "job 0 ok\nmissing 0 ok\nthird 0 ok\n", BW_EXIT_PROBLEM, "",
                ":2: \"missing\" was not registered, so none of the file is");
    assert_int_equal(bw_fake_last(&fake).kind, BW_REQUEST_PNOTE_UNREGISTER);
    assert_string_equal(bw_fake_last(&fake).name, "job");
}

static void test_register_too_many(void **state)
{
    char text[64 * 16] = "";
    size_t used = 0;

    (void)state;
    for (int i = 0; i < 61; i++) /* 4 are there */
        used += (size_t)snprintf(text + used, sizeof(text) - used, "job%d 0 ok\n", i);
    assert_file("bellwether register", text, BW_EXIT_PROBLEM, "", "together no more than 64 fit");
    text[used - strlen("job60 0 ok\n")] = '\0';
    assert_file("bellwether register", text, BW_EXIT_DONE, "done: 60 registered", "");
}

static char told[4096];

static void tell(void *context, unsigned line, const char *what)
{
    size_t length = strlen(told);

    (void)context;
    snprintf(told + length, sizeof(told) - length, "%u: %s\n", line, what);
}

static void test_file_form(void **state)
{
    static const struct {
        const char *text, *wanted;
    } bad[] = {
        {"a 0 ok more", "too many words"},
        {"a", "something is missing"},
        {"a -1 ok", "not \"-1\""},
        {"a 1e3 ok", "not \"1e3\""},
        {"a 0x10 ok", "not \"0x10\""},
        {"a 1.2.3 ok", "not \"1.2.3\""},
        {"a . ok", "not \".\""},
        {"a 1000001 ok", "0 (none) to 1000000"},
        {"a 0 unknown", "ok, init or problem, not \"unknown\""},
        {"a 0 OK", "not \"OK\""},
        {"a 0 ok\nb 0 ok\na 1 ok", "3: \"a\" is in line 1 already"},
        {"01234567890123456789012345678901 0 ok", "1 to 31"},
        {"\xc3\xa9 0 ok", "printable ASCII"},
        {"\033[2J 0 ok", "printable ASCII"},
        {"# nothing\n\n", "no critical device"},
    };
    static struct bw_pnote_file file;
    char text[70 * 16] = "";
    size_t used = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        told[0] = '\0';
        assert_false(bw_pnote_file_parse(bad[i].text, strlen(bad[i].text), &file, tell, NULL));
        if (strstr(told, bad[i].wanted) == NULL || strchr(told, '\033') != NULL)
            fail_msg("%s: %s", bad[i].text, told);
    }
    told[0] = '\0';
    assert_false(bw_pnote_file_parse("a 0\0 ok", 7, &file, tell, NULL));
    assert_non_null(strstr(told, "zero byte"));
    assert_true(bw_pnote_file_parse("  0123456789012345678901234567890 1000000 init", 46, &file, tell, NULL));
    assert_int_equal(file.count, 1);
    assert_string_equal(file.lines[0].status, "init");
    for (int i = 0; i < 65; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "n%d 0 ok\n", i);
    told[0] = '\0';
    assert_false(bw_pnote_file_parse(text, used, &file, tell, NULL));
    assert_string_equal(told, "65: \"n64\" is one too many: a member has at most 64\n");
}

int main(void)
{
#define SERVED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        SERVED(test_golden),
        SERVED(test_escape),
        SERVED(test_parts),
        SERVED(test_words),
        SERVED(test_devices),
        SERVED(test_groups),
        SERVED(test_usage),
        SERVED(test_register_file),
        SERVED(test_register_too_many),
        cmocka_unit_test(test_file_form),
    };

    return cmocka_run_group_tests_name("personalities", tests, NULL, NULL);
}
