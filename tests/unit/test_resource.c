/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What becomes of resources (agent/resource/decide.c): order, failures, retries, recovery, with made-up commands and
 * time; and their configuration. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/resource/decide.h"
#include "bellwether/catalogue.h"
#include "bellwether/reload.h"
#include "bellwether/text.h"

static struct bw_config config;
static struct bw_config_errors errors;
static struct bw_decider d;
static uint64_t now_ns;
static uint16_t held;
static char story[8192]; /* what was to be done, in order */
static size_t length;

static struct bw_resource_config *add(const char *name, uint32_t kind, uint32_t recovery, uint32_t retries, bool stop)
{
    struct bw_resource_config *r = &config.resources[config.resources_count++];

    bw_copy(r->name, sizeof(r->name), name);
    r->kind = kind;
    r->on = kind == BW_RESOURCE_IPW ? BW_ON_ALL : BW_ON_ONE;
    r->recovery = recovery;
    r->retries = retries;
    r->start_words = 1;
    r->stop_words = stop;
    return r;
}

static struct bw_resource_config *exec(const char *name, uint32_t recovery, uint32_t retries)
{
    return add(name, BW_RESOURCE_EXEC, recovery, retries, true);
}

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void note(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    length += (size_t)vsnprintf(story + length, sizeof(story) - length, format, args);
    va_end(args);
}

/* Lets the decider go on and writes down what it wants. */
static void run(void)
{
    bw_decide_run(&d, held, now_ns);
    for (uint32_t i = 0; i < d.deeds_count; i++) {
        const struct bw_deed *deed = &d.deeds[i];
        const char *name = config.resources[deed->unit].name;

        switch (deed->kind) {
        case BW_DEED_START:
            note("+%s ", name);
            break;
        case BW_DEED_STOP:
            note("-%s ", name);
            break;
        case BW_DEED_CANCEL:
            note("!%s ", name);
            break;
        case BW_DEED_STOP_GROUP:
            note("group-stop ");
            break;
        default:
            assert_true(deed->from != deed->to);
            note("%s=%s ", name, bw_enum_text(&bw_enum_group_state, deed->to));
            break;
        }
    }
    d.deeds_count = 0;
}

static void is(const char *wanted)
{
    run();
    assert_string_equal(story, wanted);
    length = 0;
    story[0] = '\0';
}

static void begin(uint64_t left)
{
    now_ns = 1000 * BW_SEC;
    held = 0;
    length = 0;
    story[0] = '\0';
    bw_decide_begin(&d, &config, left, now_ns);
}

static int setup(void **state)
{
    (void)state;
    memset(&config, 0, sizeof(config));
    config.cluster.groups_count = 2;
    return 0;
}

/* A command that ends well, or not, and leaves nothing behind. */
static void start_ends(uint32_t unit, bool good)
{
    bw_decide_ended(&d, unit, BW_UNIT_START_JOB, good, good ? "exit status 0" : "exit status 3");
    bw_decide_gone(&d, unit, BW_UNIT_START_JOB);
}

static void stop_ends(uint32_t unit, bool good)
{
    bw_decide_ended(&d, unit, BW_UNIT_STOP_JOB, good, good ? "exit status 0" : "not done within 10 s, killed");
    bw_decide_gone(&d, unit, BW_UNIT_STOP_JOB);
}

static bool denied(uint8_t group, enum bw_deny cause)
{
    const char *why = "";

    return bw_decide_denies(&d, group, cause, &why);
}

static void test_order(void **state)
{
    (void)state;
    exec("a", BW_ON_FAILURE_FAILOVER, 0);
    exec("b", BW_ON_FAILURE_FAILOVER, 0);
    exec("c", BW_ON_FAILURE_FAILOVER, 0);
    begin(0);
    is("");
    held = 1;
    is("+a ");
    start_ends(0, true);
    is("a=online +b ");
    start_ends(1, true);
    is("b=online +c ");
    start_ends(2, true);
    is("c=online ");
    assert_int_equal(bw_decide_touched(&d), 7);
    held = 0;
    is("-c ");
    stop_ends(2, true);
    is("c=offline -b ");
    stop_ends(1, true);
    held = 1; /* it comes back under way: what stops ends stopping first */
    is("b=offline +b ");
    start_ends(1, true);
    is("b=online +c ");
    assert_false(bw_decide_over(&d));
}

static void test_leaves_while_starting(void **state)
{
    (void)state;
    exec("a", BW_ON_FAILURE_FAILOVER, 0);
    exec("b", BW_ON_FAILURE_FAILOVER, 0);
    begin(0);
    held = 1;
    is("+a ");
    start_ends(0, true);
    is("a=online +b ");
    held = 0;
    is("!b ");
    bw_decide_ended(&d, 1, BW_UNIT_START_JOB, false, "killed"); /* no failure: it was killed by us */
    is("");
    bw_decide_gone(&d, 1, BW_UNIT_START_JOB);
    is("-b ");
    stop_ends(1, true);
    is("-a ");
    stop_ends(0, true);
    is("a=offline ");
    assert_true(bw_decide_over(&d) && !denied(0, BW_DENY_RESOURCE));
    assert_int_equal(bw_decide_touched(&d), 0);
}

static void test_retries_then_failover(void **state)
{
    (void)state;
    exec("a", BW_ON_FAILURE_FAILOVER, 2);
    exec("b", BW_ON_FAILURE_FAILOVER, 0);
    begin(0);
    held = 1;
    is("+a ");
    start_ends(0, false);
    is("a=error -a ");
    assert_int_equal(d.units[0].retries_left, 1);
    stop_ends(0, true);
    is("+a ");
    start_ends(0, false);
    is("-a ");
    stop_ends(0, true);
    is("+a ");
    assert_int_equal(d.units[0].retries_left, 0);
    assert_false(denied(0, BW_DENY_RESOURCE));
    start_ends(0, false);
    is("");
    assert_true(denied(0, BW_DENY_RESOURCE));
    assert_false(denied(1, BW_DENY_RESOURCE) || denied(0, BW_DENY_WATCH));
    assert_int_equal(d.failures[0], 1);
    held = 0;
    is("-a ");
    stop_ends(0, true);
    is("a=offline ");
    assert_true(denied(0, BW_DENY_RESOURCE)); /* until it has worked here */
    held = 1;                                 /* an administrator starts it here */
    is("+a ");
    assert_int_equal(d.units[0].retries_left, 2);
    start_ends(0, true);
    is("a=online +b ");
    assert_false(denied(0, BW_DENY_RESOURCE));
}

/* The group stays since nobody else may have it: another try now and then. */
static void test_stays(void **state)
{
    (void)state;
    exec("a", BW_ON_FAILURE_FAILOVER, 0);
    begin(0);
    held = 1;
    is("+a ");
    start_ends(0, false);
    is("a=error ");
    now_ns += 29 * BW_SEC;
    is("");
    now_ns += 2 * BW_SEC;
    is("-a ");
    stop_ends(0, true);
    is("+a ");
    start_ends(0, false);
    is("");
    assert_int_equal(d.failures[0], 2);
    assert_true(denied(0, BW_DENY_RESOURCE));
    now_ns += 31 * BW_SEC;
    is("-a ");
    stop_ends(0, true);
    is("+a ");
    start_ends(0, true);
    is("a=online ");
    assert_false(denied(0, BW_DENY_RESOURCE));
}

static void test_other_recoveries(void **state)
{
    (void)state;
    exec("ignored", BW_ON_FAILURE_IGNORE, 0);
    exec("retried", BW_ON_FAILURE_RETRY, 1);
    exec("after", BW_ON_FAILURE_FAILOVER, 0);
    config.resources[2].group = 0;
    begin(0);
    held = 1;
    is("+ignored ");
    start_ends(0, false);
    is("ignored=error +retried ");
    start_ends(1, false);
    is("retried=error -retried ");
    stop_ends(1, true);
    is("+retried ");
    start_ends(1, false);
    is("");
    now_ns += 3600 * BW_SEC; /* nothing more: what comes after it waits */
    is("");
    assert_false(denied(0, BW_DENY_RESOURCE));

    setup(NULL);
    exec("a", BW_ON_FAILURE_STOP, 0);
    begin(0);
    held = 1;
    is("+a ");
    start_ends(0, false);
    is("a=error group-stop ");
    assert_false(denied(0, BW_DENY_RESOURCE));
}

static void test_retries_are_whole_again(void **state)
{
    (void)state;
    exec("a", BW_ON_FAILURE_FAILOVER, 1)->watch_words = 1;
    begin(0);
    held = 1;
    is("+a ");
    start_ends(0, true);
    is("a=online ");
    bw_decide_watched(&d, 0, false, "exit status 1");
    is("a=error -a ");
    assert_false(bw_decide_watches(&d.units[0]));
    stop_ends(0, true);
    is("+a ");
    start_ends(0, true);
    is("a=online ");
    assert_int_equal(d.units[0].retries_left, 0);
    now_ns += 301 * BW_SEC;
    is("");
    assert_int_equal(d.units[0].retries_left, 1);
    bw_decide_watched(&d, 0, false, "exit status 1");
    is("a=error -a ");
}

static void test_watch_recovers(void **state)
{
    (void)state;
    exec("a", BW_ON_FAILURE_IGNORE, 0)->watch_words = 1;
    begin(0);
    held = 1;
    is("+a ");
    bw_decide_watched(&d, 0, false, "not heard: it is only starting");
    start_ends(0, true);
    is("a=online ");
    bw_decide_watched(&d, 0, false, "exit status 1");
    is("a=error ");
    bw_decide_watched(&d, 0, true, "");
    is("a=online ");
}

static void test_process(void **state)
{
    (void)state;
    add("a", BW_RESOURCE_EXEC, BW_ON_FAILURE_FAILOVER, 1, false)->watch_process = true;
    begin(0);
    held = 1;
    is("+a ");
    bw_decide_started(&d, 0);
    is("a=online ");
    bw_decide_ended(&d, 0, BW_UNIT_START_JOB, true, "exit status 0");
    is("a=error !a "); /* there may be more of it */
    is("");
    bw_decide_gone(&d, 0, BW_UNIT_START_JOB);
    is("+a ");
    bw_decide_started(&d, 0);
    is("a=online ");
    bw_decide_gone(&d, 0, BW_UNIT_START_JOB); /* its warden was killed */
    is("a=error ");
    assert_true(denied(0, BW_DENY_RESOURCE));
    held = 0;
    is("a=offline ");
    held = 1;
    is("+a ");
    bw_decide_started(&d, 0);
    is("a=online ");
    d.ending = true;
    is("!a ");
    assert_false(bw_decide_over(&d));
    bw_decide_ended(&d, 0, BW_UNIT_START_JOB, false, "ended by signal 15");
    bw_decide_gone(&d, 0, BW_UNIT_START_JOB);
    is("a=offline ");
    assert_true(bw_decide_over(&d));
}

static void test_process_with_stop(void **state)
{
    (void)state;
    exec("a", BW_ON_FAILURE_FAILOVER, 0)->watch_process = true;
    begin(0);
    held = 1;
    is("+a ");
    bw_decide_started(&d, 0);
    is("a=online ");
    held = 0;
    is("-a ");
    bw_decide_ended(&d, 0, BW_UNIT_START_JOB, true, "exit status 0"); /* as it was told to */
    is("");
    stop_ends(0, true);
    is("!a "); /* whatever is left of it */
    bw_decide_gone(&d, 0, BW_UNIT_START_JOB);
    is("a=offline ");
    assert_false(denied(0, BW_DENY_RESOURCE));
}

static void test_failing_stop(void **state)
{
    (void)state;
    exec("a", BW_ON_FAILURE_FAILOVER, 0);
    begin(0);
    held = 1;
    is("+a ");
    start_ends(0, true);
    is("a=online ");
    held = 0;
    is("-a ");
    stop_ends(0, false);
    is("a=error ");
    assert_string_equal(d.units[0].detail, "its stop failed: not done within 10 s, killed");
    assert_true(bw_decide_over(&d));
    held = 1;
    is("+a ");
    start_ends(0, true);
    is("a=online ");
}

/* It dies while those after it are being stopped: no failure any more. */
static void test_dies_while_leaving(void **state)
{
    (void)state;
    exec("a", BW_ON_FAILURE_FAILOVER, 0)->watch_process = true;
    exec("b", BW_ON_FAILURE_FAILOVER, 0);
    begin(0);
    held = 1;
    is("+a ");
    bw_decide_started(&d, 0);
    is("a=online +b ");
    start_ends(1, true);
    is("b=online ");
    held = 0;
    is("-b ");
    start_ends(0, false);
    is("-a ");
    stop_ends(0, true);
    stop_ends(1, true);
    is("a=offline b=offline ");
    assert_false(denied(0, BW_DENY_RESOURCE));
}

static void test_left_behind(void **state)
{
    (void)state;
    exec("a", BW_ON_FAILURE_FAILOVER, 0);
    add("b", BW_RESOURCE_EXEC, BW_ON_FAILURE_FAILOVER, 0, false);
    begin(3);
    assert_int_equal(d.units[0].state, BW_GROUP_UNKNOWN);
    assert_int_equal(d.units[1].state, BW_GROUP_OFFLINE); /* nothing stops it */
    held = 1;
    is("-a ");
    stop_ends(0, true);
    is("a=offline +a ");
    start_ends(0, true);
    is("a=online +b ");
}

static void test_on_all(void **state)
{
    (void)state;
    exec("a", BW_ON_FAILURE_FAILOVER, 0)->on = BW_ON_ALL;
    exec("b", BW_ON_FAILURE_FAILOVER, 0);
    begin(0);
    is("+a ");
    held = 1;
    is("+b "); /* not one after the other */
    start_ends(0, false);
    is("a=error ");
    assert_true(denied(0, BW_DENY_RESOURCE));
    start_ends(1, true);
    is("b=online ");
    held = 0;
    is("-b ");
}

/* On all members and with a stop: that runs at the end, after a failure and for what was left, never since the group leaves. */
static void test_on_all_with_stop(void **state)
{
    struct bw_resource_config *a = exec("a", BW_ON_FAILURE_FAILOVER, 1);

    (void)state;
    a->on = BW_ON_ALL;
    a->watch_words = 1;
    exec("b", BW_ON_FAILURE_FAILOVER, 0);
    begin(1); /* an earlier run left it */
    is("-a ");
    assert_int_equal(bw_decide_touched(&d), 1);
    stop_ends(0, true);
    is("a=offline +a ");
    start_ends(0, true);
    is("a=online ");
    held = 1; /* the group comes and goes */
    is("+b ");
    start_ends(1, true);
    is("b=online ");
    held = 0;
    is("-b ");
    stop_ends(1, true);
    is("b=offline ");
    bw_decide_watched(&d, 0, false, "exit status 1");
    is("a=error -a ");
    assert_false(denied(0, BW_DENY_RESOURCE));
    stop_ends(0, true);
    is("+a ");
    start_ends(0, true);
    is("a=online ");
    bw_decide_watched(&d, 0, false, "exit status 1"); /* no retry is left: this member may not start the group, which is elsewhere */
    is("a=error ");
    assert_true(denied(0, BW_DENY_RESOURCE));
    now_ns += 29 * BW_SEC;
    is("");
    now_ns += 2 * BW_SEC; /* it is tried again in any case */
    is("-a ");
    stop_ends(0, true);
    is("+a ");
    start_ends(0, true);
    is("a=online ");
    assert_false(denied(0, BW_DENY_RESOURCE));
    assert_int_equal(bw_decide_touched(&d), 1);
    assert_false(bw_decide_over(&d));
    d.ending = true; /* the daemon ends */
    is("-a ");
    assert_false(bw_decide_over(&d));
    stop_ends(0, false);
    is("a=error ");
    assert_true(bw_decide_over(&d));
    assert_int_equal(bw_decide_touched(&d), 0);
    is("");
}

static void test_watched_addresses(void **state)
{
    const char *why = NULL;

    (void)state;
    add("w", BW_RESOURCE_IPW, BW_ON_FAILURE_FAILOVER, 0, false)->group = 1;
    add("i", BW_RESOURCE_IPW, BW_ON_FAILURE_IGNORE, 0, false);
    add("s", BW_RESOURCE_IPW, BW_ON_FAILURE_STOP, 0, false);
    begin(0);
    assert_int_equal(d.units[0].state, BW_GROUP_UNKNOWN);
    bw_decide_watched(&d, 0, true, "all answer");
    is("w=online ");
    bw_decide_watched(&d, 0, false, "no answer from 10.0.0.1");
    is("w=error ");
    assert_true(bw_decide_denies(&d, 1, BW_DENY_WATCH, &why));
    assert_string_equal(why, "no answer from 10.0.0.1");
    assert_false(denied(0, BW_DENY_WATCH) || denied(1, BW_DENY_RESOURCE));
    bw_decide_watched(&d, 0, false, "no answer from 10.0.0.1");
    is("");
    bw_decide_watched(&d, 0, true, "all answer");
    is("w=online ");
    assert_false(denied(1, BW_DENY_WATCH));
    bw_decide_watched(&d, 1, false, "no answer");
    bw_decide_watched(&d, 2, false, "no answer");
    is("i=error s=error "); /* s: nothing to stop here */
    assert_false(denied(0, BW_DENY_WATCH));
    held = 1;
    bw_decide_watched(&d, 2, true, "all answer");
    is("s=online ");
    bw_decide_watched(&d, 2, false, "no answer");
    is("s=error group-stop ");
    assert_true(bw_decide_over(&d)); /* watching needs no end */
}

static void test_proxied(void **state)
{
    (void)state;
    exec("slow", BW_ON_FAILURE_FAILOVER, 0);
    add("nat", BW_RESOURCE_PARP, BW_ON_FAILURE_RETRY, 0, false);
    begin(0);
    held = 1;
    is("+slow nat=online "); /* waits for nobody */
    bw_decide_proxied(&d, 1, "no such device");
    is("nat=error ");
    bw_decide_proxied(&d, 1, NULL);
    is("nat=online ");
    held = 0;
    is("!slow nat=offline ");
}

/* ---- configuration ---- */

#define HEAD                                                                                                           \
    "cluster = { id = 1; name = \"c\"; auth = \"none\";\n"                                                             \
    "members = ( { id = 1; name = \"a\"; address = \"10.0.0.1\"; }, { id = 2; name = \"b\"; address = \"10.0.0.2\"; "  \
    "} );\n"                                                                                                           \
    "interfaces = ( { name = \"eth0\"; virtual = [ \"10.0.0.9/24\" ]; }, { name = \"eth1\"; role = \"disconnected\"; " \
    "} );\n"
#define WORDS "[ \"/path/of/program\", \"argument\", ... ], at most 32 words and 511 characters"

static void told(const char *resources, const char *wanted)
{
    char text[32768];

    snprintf(text, sizeof(text), HEAD "resources = (\n%s\n); };", resources);
    if (wanted == NULL) {
        int error = bw_config_parse(text, strlen(text), "t", &config, &errors);

        assert_string_equal(errors.text, "");
        assert_int_equal(error, 0);
        return;
    }
    assert_int_equal(bw_config_parse(text, strlen(text), "t", &config, &errors), -EINVAL);
    assert_string_equal(errors.text, wanted);
}

static void test_configuration(void **state)
{
    const struct bw_resource_config *r = config.resources;
    uint64_t digest;

    (void)state;
    told("", NULL);
    digest = config.cluster.digest;
    told("{ name = \"p\"; kind = \"exec\"; start = [ \"/bin/a\", \"b c\" ]; stop = \"/bin/s\"; recovery = \"retry\"; "
         "},\n"
         "{ name = \"n\"; kind = \"parp\"; interface = \"eth0\"; addresses = [ \"10.0.0.51\", \"2001:db8::5\", "
         "\"10.0.0.50\" ]; },\n"
         "{ name = \"w\"; kind = \"ipw\"; watch = [ \"10.0.0.1\", \"10.0.0.3|10.0.0.4 | 2001:db8::1\" ]; timeout_ms = "
         "300; }",
         NULL);
    assert_int_equal(config.resources_count, 3);
    assert_true(config.cluster.digest != digest);
    assert_true(r[0].start_words == 2 && strcmp(r[0].start + 7, "b c") == 0 && r[0].stop_words == 1 &&
                r[0].watch_words == 0);
    assert_true(r[0].on == BW_ON_ONE && r[0].retries == 3 && r[0].timeout_ns == 10 * BW_SEC &&
                r[0].start_timeout_ns == 30 * BW_SEC && r[0].stop_timeout_ns == 10 * BW_SEC);
    assert_true(config.proxied_count == 3 && config.proxied[0].address.bytes[3] == 50 &&
                config.proxied[2].address.family == 6);
    assert_true(config.proxied[0].resource == 1 && config.proxied[0].interface == 0);
    assert_true(r[2].on == BW_ON_ALL && r[2].retries == 0 && r[2].sets_count == 2 && r[2].sets[1].count == 3 &&
                r[2].timeout_ns == 300 * BW_MS && r[2].recovery == BW_ON_FAILURE_FAILOVER);
}

static void test_mistakes(void **state)
{
    (void)state;
    told("{ name = \"x\"; kind = \"fip\"; }",
         "t:5: resource kind: \"fip\" is unknown; allowed: \"exec\", \"parp\", \"ipw\"\n");
    told("{ kind = \"exec\"; }",
         "t:5: resource has no name; allowed: 1-31 letters, digits, '.', '_', '-', not only digits\n"
         "t:5: resource has no start, which kind \"exec\" needs; allowed: to write one\n");
    told("{ name = \"x\"; kind = \"exec\"; start = [ \"a\" ]; }",
         "t:5: resource start: \"a\" is not an absolute path; allowed: " WORDS "\n");
    told("{ name = \"x\"; kind = \"exec\"; start = \"/a\"; on = \"some\"; }",
         "t:5: resource on: \"some\" is unknown; allowed: \"one\", \"all\"\n");
    told("{ name = \"x\"; kind = \"exec\"; start = \"/a\"; retries = 101; }",
         "t:5: resource retries: 101 is out of range; allowed: 0-100\n");
    told("{ name = \"x\"; kind = \"exec\"; start = \"/a\"; stop_timeout_s = 0; }",
         "t:5: resource stop_timeout_s: 0 is out of range; allowed: 1-3600\n");
    told("{ name = \"x\"; kind = \"exec\"; start = \"/a\"; addresses = [ \"10.0.0.5\" ]; }",
         "t:5: resource addresses: the kind is \"exec\"; allowed: with kind \"parp\"\n");
    told("{ name = \"x\"; kind = \"ipw\"; }",
         "t:5: resource has no watch, which kind \"ipw\" needs; allowed: to write one\n");
    told("{ name = \"x\"; kind = \"ipw\"; on = \"one\"; watch = \"10.0.0.1\"; }",
         "t:5: resource on: kind \"ipw\" runs on all members; allowed: \"all\" with it\n");
    told("{ name = \"x\"; kind = \"ipw\"; recovery = \"retry\"; watch = \"10.0.0.1\"; }",
         "t:5: resource recovery: there is nothing to start again; allowed: \"ignore\", \"stop\", \"failover\" with "
         "kind \"ipw\"\n");
    told("{ name = \"x\"; kind = \"ipw\"; watch = [ \"10.0.0.1 10.0.0.2\" ]; }",
         "t:5: resource watch: there is no \"|\" between two addresses; allowed: [ \"address | address ...\", ... ], "
         "1-8 sets of "
         "1-8 different hosts\n");
    told("{ name = \"x\"; kind = \"ipw\"; watch = [ \"gw\" ]; }",
         "t:5: resource watch: \"gw\" is not an address; allowed: [ \"address | address ...\", ... ], 1-8 sets of 1-8 "
         "different hosts\n");
    told("{ name = \"x\"; kind = \"parp\"; interface = \"eth9\"; addresses = [ \"10.0.0.5\" ]; }",
         "t:5: resource interface: \"eth9\" is no interface of the cluster; allowed: \"eth0\", \"eth1\"\n");
    told("{ name = \"x\"; kind = \"parp\"; interface = \"eth1\"; addresses = [ \"10.0.0.5\" ]; }",
         "t:5: resource interface: \"eth1\" is disconnected; allowed: another one\n");
    told("{ name = \"x\"; kind = \"parp\"; interface = \"eth0\"; addresses = [ \"10.0.0.9\" ]; }",
         "t:5: resource addresses: \"10.0.0.9\" is a virtual address; allowed: [ \"address\", ... ], each once, none "
         "of a member "
         "and no virtual one, at most 256 in the cluster\n");
    told("{ name = \"x\"; kind = \"ipw\"; watch = \"10.0.0.1\"; },\n{ name = \"X\"; kind = \"ipw\"; watch = "
         "\"10.0.0.1\"; }",
         "t:6: resource name: \"X\" is used twice (line 5); allowed: each name once\n");
    told("{ name = \"addresses\"; kind = \"ipw\"; watch = \"10.0.0.1\"; }",
         "t:5: resource name: \"addresses\" is that of the virtual addresses; allowed: another name\n");
    told("5",
         "t:5: cluster resources: 5 is not a section; allowed: ( { name = \"...\"; kind = \"...\"; ... }, ... )\n");
    told("); groups = ( { name = \"g\"; }",
         "t:3: interface virtual: there are groups; allowed: virtual addresses within a group\n"
         "t:4: cluster resources: there are groups; allowed: resources within a group\n");
}

/* Within groups: numbered by group, whatever else is in the file. */
static void test_groups(void **state)
{
    static const char text[] =
        "cluster = { id = 1; name = \"c\"; auth = \"none\";\n"
        "members = ( { id = 1; name = \"a\"; address = \"10.0.0.1\"; }, { id = 2; name = \"b\"; address = "
        "\"10.0.0.2\"; } );\n"
        "interfaces = ( { name = \"eth0\"; } );\n"
        "groups = ( { name = \"g\"; resources = ( { name = \"x\"; kind = \"exec\"; start = \"/a\"; },\n"
        "  { name = \"n\"; kind = \"parp\"; interface = \"eth0\"; addresses = \"10.0.0.50\"; } ); },\n"
        "{ name = \"h\"; resources = ( { name = \"w\"; kind = \"ipw\"; watch = \"10.0.0.7\"; } ); } ); };\n";
    static struct bw_config other;
    static struct bw_config_changes changes;

    (void)state;
    assert_int_equal(bw_config_parse(text, sizeof(text) - 1, "t", &config, &errors), 0);
    assert_int_equal(config.resources_count, 3);
    assert_true(config.resources[0].group == 0 && config.resources[1].group == 0 && config.resources[2].group == 1);
    assert_true(config.proxied_count == 1 && config.proxied[0].resource == 1);
    other = config;
    other.cluster.local = config.cluster.local = 0;
    bw_config_compare(&config, &other, &changes);
    assert_int_equal(changes.refused + changes.live, 0);
    other.resources[2].sets[0].targets[0].bytes[3] = 8;
    bw_config_compare(&config, &other, &changes);
    assert_int_equal(changes.refused, 1);
    assert_non_null(strstr(changes.refused_text, "cluster.groups[h].resources: needs a restart"));
    other.proxied[0].address.bytes[3] = 51;
    bw_config_compare(&config, &other, &changes);
    assert_int_equal(changes.refused, 2);
}

static void test_bounds(void **state)
{
    char text[32768];
    size_t at = 0;

    (void)state;
    for (int i = 0; i < 63; i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%s{ name = \"r%d\"; kind = \"exec\"; start = \"/a\"; }",
                               i ? ",\n" : "", i);
    told(text, NULL);
    assert_int_equal(config.resources_count, 63);
    snprintf(text + at, sizeof(text) - at, ",\n{ name = \"r63\"; kind = \"exec\"; start = \"/a\"; }");
    told(text, "t:68: resource: it is one too many; allowed: 63 with 1 group\n");
    at = (size_t)snprintf(text, sizeof(text),
                          "{ name = \"n\"; kind = \"parp\"; interface = \"eth0\"; addresses = [ \"10.1.0.1\"");
    for (int i = 2; i <= 257; i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at, ", \"10.1.%d.%d\"", i / 200, i % 200 + 1);
    snprintf(text + at, sizeof(text) - at, " ]; }");
    told(text, "t:5: resource addresses: \"10.1.1.58\" is one too many; allowed: [ \"address\", ... ], each once, none "
               "of a member "
               "and no virtual one, at most 256 in the cluster\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_order, setup),
        cmocka_unit_test_setup(test_leaves_while_starting, setup),
        cmocka_unit_test_setup(test_retries_then_failover, setup),
        cmocka_unit_test_setup(test_stays, setup),
        cmocka_unit_test_setup(test_other_recoveries, setup),
        cmocka_unit_test_setup(test_retries_are_whole_again, setup),
        cmocka_unit_test_setup(test_watch_recovers, setup),
        cmocka_unit_test_setup(test_process, setup),
        cmocka_unit_test_setup(test_process_with_stop, setup),
        cmocka_unit_test_setup(test_failing_stop, setup),
        cmocka_unit_test_setup(test_dies_while_leaving, setup),
        cmocka_unit_test_setup(test_left_behind, setup),
        cmocka_unit_test_setup(test_on_all, setup),
        cmocka_unit_test_setup(test_on_all_with_stop, setup),
        cmocka_unit_test_setup(test_watched_addresses, setup),
        cmocka_unit_test_setup(test_proxied, setup),
        cmocka_unit_test(test_configuration),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
