/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line against a control surface on the fixed snapshot: golden screens, exit statuses, what it sends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include "agent/cli/cli.h"
#include "tests/unit/control_fake.h"
#include "tests/unit/control_peer.h"
#include "tests/unit/golden.h"

static struct bw_fake fake;
static char *out, *err; /* of the last run */
static size_t out_length, err_length;

/* Runs the program with these words (blanks between them, no quoting); -s SOCKET is put before them. */
static int run_words(const char *words, bool with_socket)
{
    char buffer[512], *argv[32] = {"bellwether"}, *rest = NULL;
    int argc = 1, rc;
    FILE *out_file, *err_file;

    free(out);
    free(err);
    out_file = open_memstream(&out, &out_length);
    err_file = open_memstream(&err, &err_length);
    if (with_socket) {
        argv[argc++] = "-s";
        argv[argc++] = fake.config.control.socket;
    }
    bw_copy(buffer, sizeof(buffer), words);
    for (char *word = strtok_r(buffer, " ", &rest); word != NULL && argc < 31; word = strtok_r(NULL, " ", &rest))
        argv[argc++] = word;
    rc = bw_cli_run(argc, argv, out_file, err_file);
    fclose(out_file);
    fclose(err_file);
    return rc;
}

static int run(const char *words)
{
    return run_words(words, true);
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
    return bw_control_start(&fake.context, &fake.control);
}

static int tear_down(void **state)
{
    (void)state;
    bw_fake_stop(&fake);
    free(out);
    free(err);
    out = err = NULL;
    return 0;
}

/* ---- what people see ---- */

static void test_golden_screens(void **state)
{
    static const char *const commands[] = {"state",  "interfaces", "pnotes", "addresses",
                                           "groups", "history",    "sync",   "resources",
                                           "alerts", "help"};
    char name[64];

    (void)state;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (run(commands[i]) != BW_EXIT_DONE)
            fail_msg("%s: %s", commands[i], err);
        assert_string_equal(err, "");
        snprintf(name, sizeof(name), "cli/%s.txt", commands[i]);
        assert_true(bw_golden_same(name, out, out_length));
    }
}

static void test_screens_fit(void **state)
{
    static const char *const commands[] = {"state", "interfaces", "pnotes", "addresses", "groups", "history",
                                           "sync",  "resources",  "alerts", "help"};
    char *rest;

    (void)state;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        assert_int_equal(run(commands[i]), BW_EXIT_DONE);
        for (char *line = strtok_r(out, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
            if (bw_cli_columns(line) > (strcmp(commands[i], "help") == 0 ? 100 : 80))
                fail_msg("%s: too wide: %s", commands[i], line);
    }
}

static void test_history_count(void **state)
{
    (void)state;
    assert_run("history -n 1", BW_EXIT_DONE, "\n  6  ", "");
    assert_null(strstr(out, "\n  5  "));
    assert_run("history -n 0", BW_EXIT_USAGE, "", "1 to 1000");
    assert_run("history -n", BW_EXIT_USAGE, "", "-n needs a value");
}

/* What is chosen of the history: by kind, member and age; with -n the newest of those. */
static void test_history_filters(void **state)
{
    (void)state;
    assert_run("history -k failover", BW_EXIT_DONE, "failover", "");
    assert_null(strstr(out, "state-change"));
    assert_run("history -k failover,state-change -n 1", BW_EXIT_DONE, "", "");
    assert_run("history -m FW2", BW_EXIT_DONE, "fw2", "");
    assert_run("history -m 9", BW_EXIT_USAGE, "", "no member is called \"9\"");
    assert_run("history -k moon", BW_EXIT_USAGE, "", "\"moon\" is no kind of event; allowed: start, state-change");
    assert_run("history -a 5x", BW_EXIT_USAGE, "", "-a takes an age like 90s, 30m, 12h or 7d");
    assert_run("history -a 1s", BW_EXIT_DONE, "", ""); /* the fixture's events are older */
    assert_null(strstr(out, "2025-12"));
    assert_run("history -a 9999d", BW_EXIT_DONE, "2025-12", "");
}

/* The whole state, and single objects, as the contract's JSON. */
static void test_json(void **state)
{
    struct json_object *all, *one;

    (void)state;
    assert_int_equal(run("-j state"), BW_EXIT_DONE);
    all = json_tokener_parse(out);
    for (int i = 0; i < BW_OBJECT_COUNT; i++)
        assert_int_equal(json_object_object_get_ex(all, bw_catalogue[i].key, &one), bw_catalogue[i].part_key == NULL);
    json_object_put(all);
    assert_int_equal(run("interfaces --json"), BW_EXIT_DONE);
    one = json_tokener_parse(out);
    assert_int_equal(json_object_array_length(one), 6);
    json_object_put(one);
    assert_int_equal(run("-j history -n 2"), BW_EXIT_DONE);
    one = json_tokener_parse(out);
    assert_int_equal(json_object_array_length(one), 2);
    json_object_put(one);
    assert_run("-j groups", BW_EXIT_DONE, "\"policy\": \"fw1 fw2\"", "");
    assert_run("-j sync", BW_EXIT_DONE, "peers", "");
    assert_run("-j up", BW_EXIT_DONE, "\"result\":\"done\"", "");
    assert_run("-j down fw2", BW_EXIT_PROBLEM, "\"result\":\"refused\"", "no member would be left");
}

/* ---- exit statuses ---- */

/* Changes the fixture and posts it. */
static void change_local(uint32_t member_state, bool problem)
{
    bw_fake_halt(&fake, true);
    fake.snapshot->members[0].state = member_state;
    fake.snapshot->members[0].problem = problem;
    bw_fake_post(&fake);
    bw_fake_halt(&fake, false);
}

static void test_state_exit_status(void **state)
{
    static const struct {
        uint32_t member_state;
        bool problem;
        int rc;
    } cases[] = {
        {BW_MEMBER_ACTIVE, false, 0},    {BW_MEMBER_STANDBY, false, 0}, {BW_MEMBER_READY, false, 0},
        {BW_MEMBER_ACTIVE, true, 1},     {BW_MEMBER_STANDBY, true, 1},  {BW_MEMBER_INITIALIZING, false, 1},
        {BW_MEMBER_ATTENTION, false, 1}, {BW_MEMBER_DOWN, false, 1},    {BW_MEMBER_UNREACHABLE, false, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        change_local(cases[i].member_state, cases[i].problem);
        assert_int_equal(run("state"), cases[i].rc);
        assert_int_equal(run("-j state"), cases[i].rc);
    }
}

/* An engine that stands still is told, and is not healthy. */
static void test_old_picture(void **state)
{
    struct bw_snapshot *draft;

    (void)state;
    bw_fake_halt(&fake, true);
    draft = bw_board_draft(fake.context.board);
    *draft = *fake.snapshot;
    draft->posted_ns = bw_fake_now_ns() - 60 * BW_SEC;
    bw_board_post(fake.context.board);
    assert_run("state", BW_EXIT_PROBLEM, "picture is 1m 0", "");
}

/* Frames under another key are told as the likely cause where a member is missing, and only there. */
static void test_wrong_key(void **state)
{
    (void)state;
    bw_fake_halt(&fake, true);
    fake.snapshot->agent.frames_unauthentic = 437;
    fake.snapshot->cluster.members_in_view = fake.snapshot->cluster.members;
    bw_fake_post(&fake);
    assert_run("state", BW_EXIT_DONE, "Cluster:", "");
    assert_null(strstr(out, "437"));
    fake.snapshot->cluster.members_in_view--;
    bw_fake_post(&fake);
    assert_run("state", BW_EXIT_DONE, "Warning:   437 frames under another key, or forged, were refused: do all", "");
    bw_fake_halt(&fake, false);
}

/* A state_dir that cannot be written, and HTTP that is wanted but not there. */
static void test_own_troubles(void **state)
{
    (void)state;
    assert_run("state", BW_EXIT_DONE, "Cluster:", "");
    assert_null(strstr(out, "state_dir"));
    assert_null(strstr(out, "HTTP"));
    bw_fake_halt(&fake, true);
    fake.snapshot->agent.store_writable = false;
    fake.snapshot->agent.http_listening = false;
    bw_fake_post(&fake);
    assert_run("state", BW_EXIT_DONE, "\nWarning:   state_dir cannot be written: what is set now", "");
    assert_non_null(strstr(out, "\nWarning:   HTTP is enabled but not answered"));
    fake.snapshot->agent.http_enabled = false;
    fake.snapshot->agent.store_writable = true;
    bw_fake_post(&fake);
    assert_run("state", BW_EXIT_DONE, "Cluster:", "");
    assert_null(strstr(out, "state_dir"));
    assert_null(strstr(out, "HTTP"));
    fake.snapshot->agent.http_enabled = fake.snapshot->agent.http_listening = true;
    bw_fake_post(&fake);
    bw_fake_halt(&fake, false);
}

/* Where there are several groups, each is told with its holder. */
static void test_several_groups(void **state)
{
    struct bw_group_row *second;

    (void)state;
    bw_fake_halt(&fake, true);
    assert_int_equal(fake.snapshot->groups_count, 1);
    second = &fake.snapshot->groups[fake.snapshot->groups_count++];
    *second = fake.snapshot->groups[0];
    second->index = 2;
    second->holder = 0;
    second->stopped = true;
    bw_copy(second->name, sizeof(second->name), "vpn");
    bw_fake_post(&fake);
    bw_fake_halt(&fake, false);
    assert_run("state", BW_EXIT_DONE, "\nGroups:    edge on fw1, vpn stopped\n", "");
    assert_run("resources", BW_EXIT_DONE, "edge   fw1", "");
}

static void test_usage(void **state)
{
    (void)state;
    assert_run("", BW_EXIT_USAGE, "", "Usage: bellwether");
    assert_run("stat", BW_EXIT_USAGE, "", "Did you mean \"state\"?");
    assert_run("Hisotry", BW_EXIT_USAGE, "", "Did you mean \"history\"?");
    assert_run("unregster x", BW_EXIT_USAGE, "", "Did you mean \"unregister\"?");
    assert_run("xyzzy", BW_EXIT_USAGE, "", "\"bellwether help\" lists them");
    assert_run("help stte", BW_EXIT_USAGE, "", "Did you mean \"state\"?");
    assert_run("-x state", BW_EXIT_USAGE, "", "-x is no option");
    assert_run("-c a state", BW_EXIT_USAGE, "", "not both");
    assert_run("state more", BW_EXIT_USAGE, "", "\"more\" is too much");
    assert_run("state --force", BW_EXIT_USAGE, "", "no option --force");
    assert_run("move edge", BW_EXIT_USAGE, "", "something is missing");
    assert_run("report job", BW_EXIT_USAGE, "", "something is missing");
    assert_run("report job broken", BW_EXIT_USAGE, "", "ok, init or problem");
    assert_run("register job -s broken", BW_EXIT_USAGE, "", "ok, init or problem");
    assert_run("register job -t soon", BW_EXIT_USAGE, "", "seconds");
    assert_run("register job -t -1", BW_EXIT_USAGE, "", "seconds");
    assert_run("down fw1 fw2", BW_EXIT_USAGE, "", "too much");
    assert_run("--help", BW_EXIT_DONE, "Usage: bellwether", "");
    assert_run("down --help", BW_EXIT_DONE, "Usage: bellwether down [MEMBER] [--force]", "");
    assert_run("help move", BW_EXIT_DONE, "GROUP MEMBER", "");
    assert_run("--version", BW_EXIT_DONE, "bellwether " BW_VERSION, "");
    assert_run("version", BW_EXIT_DONE, "bellwether " BW_VERSION, "");
}

static void test_no_daemon(void **state)
{
    (void)state;
    bw_control_stop(fake.control);
    fake.control = NULL;
    assert_run("state", BW_EXIT_NO_DAEMON, "", "no daemon answers at /tmp/");
    assert_run("down", BW_EXIT_NO_DAEMON, "", "Is bellwetherd running");
    assert_run("watch", BW_EXIT_NO_DAEMON, "", "no daemon answers");
    assert_int_equal(run_words("-s /nonexistent/socket state", false), BW_EXIT_NO_DAEMON);
    assert_int_equal(run_words("-c /nonexistent/file state", false), BW_EXIT_PROBLEM);
    assert_non_null(strstr(err, "/nonexistent/file"));
}

/* ---- changing ---- */

static void test_admin(void **state)
{
    struct bw_request last;

    (void)state;
    assert_run("down", BW_EXIT_DONE, "done\n", "");
    assert_int_equal(bw_fake_last(&fake).member, 0);
    assert_run("down fw2", BW_EXIT_PROBLEM, "", "refused: no member would be left active");
    assert_run("down fw2 --force", BW_EXIT_DONE, "done\n", "");
    assert_int_equal(bw_fake_last(&fake).admin, BW_ADMIN_FORCE_DOWN);
    assert_run("down -f 2", BW_EXIT_DONE, "done\n", "");
    last = bw_fake_last(&fake);
    assert_int_equal(last.member, 2);
    assert_string_equal(last.who, "cli root");
    assert_run("up 1", BW_EXIT_DONE, "done\n", "");
    assert_run("maintenance fw2", BW_EXIT_DONE, "pending: taken on by fw2\n", "");
    assert_run("up fw9", BW_EXIT_PROBLEM, "", "not-found: there is no member \"fw9\"; members are fw1, fw2");
    assert_run("move edge fw2", BW_EXIT_DONE, "done\n", "");
    assert_run("move web fw2", BW_EXIT_PROBLEM, "", "groups are edge");
    assert_run("start edge", BW_EXIT_DONE, "done\n", "");
    assert_int_equal(bw_fake_last(&fake).kind, BW_REQUEST_GROUP_START);
    assert_run("stop edge fw1", BW_EXIT_DONE, "done\n", "");
    assert_int_equal(bw_fake_last(&fake).kind, BW_REQUEST_GROUP_STOP);
    assert_run("reload", BW_EXIT_PROBLEM, "", "not in this version");
    assert_run("sync --reset", BW_EXIT_DONE, "done", "");
}

static void test_pnotes(void **state)
{
    struct bw_request last;

    (void)state;
    assert_run("register job -t 2.5 -s init -p", BW_EXIT_DONE, "done\n", "");
    last = bw_fake_last(&fake);
    assert_int_equal(last.kind, BW_REQUEST_PNOTE_REGISTER);
    assert_int_equal(last.timeout_ns, 2500 * BW_MS);
    assert_int_equal(last.status, BW_PNOTE_INIT);
    assert_true(last.persistent);
    assert_run("register job", BW_EXIT_DONE, "done\n", "");
    last = bw_fake_last(&fake);
    assert_int_equal(last.timeout_ns, 0);
    assert_int_equal(last.status, BW_PNOTE_OK);
    assert_false(last.persistent);
    assert_run("report job problem the disk is full", BW_EXIT_DONE, "done\n", "");
    last = bw_fake_last(&fake);
    assert_int_equal(last.status, BW_PNOTE_PROBLEM);
    assert_string_equal(last.text, "the disk is full");
    assert_run("report missing ok", BW_EXIT_PROBLEM, "", "there is no pnote \"missing\"");
    assert_run("unregister job -p", BW_EXIT_DONE, "done\n", "");
    assert_true(bw_fake_last(&fake).persistent);
    assert_run("register 01234567890123456789012345678901", BW_EXIT_PROBLEM, "", "1 to 31");
}

/* ---- watch ---- */

static void test_watch(void **state)
{
    (void)state;
    assert_run("watch -n 1", BW_EXIT_DONE, "Cluster:   edge (17)", "");
    assert_run("watch -j -n 1", BW_EXIT_DONE, "{\"cluster\":", "");
    assert_null(strchr(out, '\n')[1] ? "more than one line" : NULL);
    assert_run("watch -i 0", BW_EXIT_USAGE, "", "0.1 to 3600");
}

/* ---- names in texts from outside must not reach the terminal as they are ---- */

static void test_no_control_characters(void **state)
{
    (void)state;
    bw_fake_halt(&fake, true);
    bw_copy(fake.snapshot->members[1].reason, BW_TEXT_MAX,
            "\033[2Jgone\a \xc2\x9b"
            "31m");
    bw_copy(fake.snapshot->cluster.takeover_obstacle, BW_TEXT_MAX, "\033]0;x\a");
    bw_fake_post(&fake);
    bw_fake_halt(&fake, false);
    assert_int_equal(run("state"), BW_EXIT_DONE);
    for (size_t i = 0; i < out_length; i++)
        assert_true(((unsigned char)out[i] >= ' ' && out[i] != 0x7f) || out[i] == '\n');
    assert_null(strstr(out, "\xc2\x9b"));
}

int main(void)
{
#define SERVED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        SERVED(test_golden_screens),
        SERVED(test_screens_fit),
        SERVED(test_history_count),
        SERVED(test_history_filters),
        SERVED(test_json),
        SERVED(test_state_exit_status),
        SERVED(test_old_picture),
        SERVED(test_wrong_key),
        SERVED(test_own_troubles),
        SERVED(test_several_groups),
        SERVED(test_usage),
        SERVED(test_no_daemon),
        SERVED(test_admin),
        SERVED(test_pnotes),
        SERVED(test_watch),
        SERVED(test_no_control_characters),
    };

    return cmocka_run_group_tests_name("command line", tests, NULL, NULL);
}
