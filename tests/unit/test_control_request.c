/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control socket's request parser: what is taken, and that everything else is refused with a reason. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/control/control.h"

static int parse(const char *line, struct bw_control_request *request, char *error)
{
    return bw_control_parse(line, strlen(line), request, error);
}

static void test_good_requests(void **state)
{
    struct bw_control_request r;
    char error[BW_TEXT_MAX];

    (void)state;
    assert_int_equal(parse("{\"command\":\"state\"}", &r, error), 0);
    assert_string_equal(r.command->name, "state");
    assert_int_equal(r.given, 0);
    assert_int_equal(parse("  { \"command\" : \"state\" }  ", &r, error), 0);
    assert_int_equal(parse("{\"command\":\"state\",\"objects\":[\"cluster\",\"pnotes\"],\"limit\":5}", &r, error), 0);
    assert_int_equal(r.objects_count, 2);
    assert_int_equal(r.objects[1], BW_OBJECT_PNOTE);
    assert_int_equal(r.limit, 5);
    assert_int_equal(parse("{\"command\":\"down\",\"member\":2,\"force\":true}", &r, error), 0);
    assert_string_equal(r.member, "2");
    assert_true(r.force);
    assert_int_equal(parse("{\"force\":false,\"member\":\"fw2\",\"command\":\"down\"}", &r, error), 0);
    assert_string_equal(r.member, "fw2");
    assert_false(r.force);
    assert_int_equal(parse("{\"command\":\"register\",\"name\":\"a\",\"timeout\":0.5,\"status\":\"init\","
                           "\"persistent\":true}",
                           &r, error),
                     0);
    assert_int_equal(r.timeout_ns, 500 * BW_MS);
    assert_int_equal(r.status, BW_PNOTE_INIT);
    assert_true(r.persistent);
    assert_int_equal(parse("{\"command\":\"report\",\"name\":\"a\",\"status\":\"ok\","
                           "\"detail\":\"one\\ntwo\\u001b[31m\"}",
                           &r, error),
                     0);
    assert_string_equal(r.detail, "one two [31m");
    assert_int_equal(r.given, BW_ARG_NAME | BW_ARG_STATUS | BW_ARG_DETAIL);
}

/* A detail that is too long is cut, never refused: a report must not be lost. */
static void test_long_detail(void **state)
{
    struct bw_control_request r;
    char line[1200], error[BW_TEXT_MAX];
    size_t at =
        (size_t)snprintf(line, sizeof(line), "{\"command\":\"report\",\"name\":\"a\",\"status\":\"ok\",\"detail\":\"");

    (void)state;
    memset(line + at, 'x', 1000);
    strcpy(line + at + 1000, "\"}");
    assert_int_equal(parse(line, &r, error), 0);
    assert_int_equal(strlen(r.detail), BW_TEXT_MAX - 1);
}

static void test_bad_requests(void **state)
{
    static const struct {
        const char *line, *error; /* error: a part of the reason */
    } cases[] = {
        {"", "not JSON"},
        {"{", "not JSON"},
        {"{\"command\":\"state\"", "not JSON"},
        {"state", "not JSON"},
        {"{\"command\":\"state\"} {}", "not JSON"},
        {"{\"command\":\"state\"}x", "not JSON"},
        {"{'command':'state'}", "not JSON"},
        {"{\"command\":\"\xff\xfe\"}", "not JSON"},
        {"[[[[[[[[[[]]]]]]]]]]", "not JSON"},
        {"[]", "JSON object"},
        {"17", "JSON"},
        {"null", "JSON"},
        {"{}", "\"command\""},
        {"{\"command\":1}", "\"command\""},
        {"{\"command\":\"bogus\"}", "no such command"},
        {"{\"command\":\"state\\u0000x\"}", "no such command"},
        {"{\"command\":\"state\",\"member\":\"fw1\"}", "takes no such argument"},
        {"{\"command\":\"down\",\"nonsense\":1}", "takes no such argument"},
        {"{\"command\":\"down\",\"member\":0}", "1 to 254"},
        {"{\"command\":\"down\",\"member\":255}", "1 to 254"},
        {"{\"command\":\"down\",\"member\":99999999999999999999}", "1 to 254"},
        {"{\"command\":\"down\",\"member\":1.5}", "string"},
        {"{\"command\":\"down\",\"member\":null}", "string"},
        {"{\"command\":\"down\",\"member\":\"\"}", "1 to 31"},
        {"{\"command\":\"down\",\"member\":\"01234567890123456789012345678901\"}", "1 to 31"},
        {"{\"command\":\"down\",\"member\":\"a\\nb\"}", "control characters"},
        {"{\"command\":\"down\",\"member\":\"a\\u0000b\"}", "control characters"},
        {"{\"command\":\"down\",\"force\":1}", "true or false"},
        {"{\"command\":\"move\",\"group\":\"edge\"}", "needs \"member\""},
        {"{\"command\":\"report\",\"name\":\"a\"}", "needs \"status\""},
        {"{\"command\":\"report\",\"name\":\"a\",\"status\":\"unknown\"}", "ok, init or problem"},
        {"{\"command\":\"report\",\"name\":\"a\",\"status\":3}", "ok, init or problem"},
        {"{\"command\":\"report\",\"name\":\"a\",\"status\":\"ok\",\"detail\":[]}", "string"},
        {"{\"command\":\"register\",\"name\":\"a\",\"timeout\":-1}", "seconds"},
        {"{\"command\":\"register\",\"name\":\"a\",\"timeout\":1e300}", "seconds"},
        {"{\"command\":\"register\",\"name\":\"a\",\"timeout\":NaN}", "seconds"},
        {"{\"command\":\"register\",\"name\":\"a\",\"timeout\":\"5\"}", "seconds"},
        {"{\"command\":\"history\",\"limit\":0}", "1 to 1000"},
        {"{\"command\":\"history\",\"limit\":1001}", "1 to 1000"},
        {"{\"command\":\"history\",\"limit\":\"5\"}", "1 to 1000"},
        {"{\"command\":\"state\",\"objects\":[]}", "array"},
        {"{\"command\":\"state\",\"objects\":\"cluster\"}", "array"},
        {"{\"command\":\"state\",\"objects\":[1]}", "does not exist"},
        {"{\"command\":\"state\",\"objects\":[\"bogus\"]}", "does not exist"},
    };
    struct bw_control_request r;
    char error[BW_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int rc = parse(cases[i].line, &r, error);

        if (rc != -EINVAL || strstr(error, cases[i].error) == NULL)
            fail_msg("%s: %d \"%s\", expected \"%s\"", cases[i].line, rc, error, cases[i].error);
    }
}

static void test_bounds(void **state)
{
    struct bw_control_request r;
    char line[BW_CONTROL_LINE_MAX + 2], error[BW_TEXT_MAX];

    (void)state;
    memset(line, ' ', sizeof(line));
    memcpy(line, "{\"command\":\"state\"}", 19);
    assert_int_equal(bw_control_parse(line, BW_CONTROL_LINE_MAX, &r, error), 0);
    assert_int_equal(bw_control_parse(line, BW_CONTROL_LINE_MAX + 1, &r, error), -EINVAL);
    line[19] = '\0';
    assert_int_equal(bw_control_parse(line, 20, &r, error), -EINVAL);
    assert_int_equal(bw_control_parse(line, 18, &r, error), -EINVAL);
}

/* Each object of the catalogue has its command. */
static void test_commands_for_objects(void **state)
{
    (void)state;
    for (int i = 0; i < BW_OBJECT_COUNT; i++) {
        const struct bw_control_command *command = bw_control_command_by_name(bw_catalogue[i].key);

        assert_non_null(command);
        assert_non_null(command->read);
        assert_null(command->change);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_requests),        cmocka_unit_test(test_long_detail),
        cmocka_unit_test(test_bad_requests),         cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_commands_for_objects),
    };

    return cmocka_run_group_tests_name("control requests", tests, NULL, NULL);
}
