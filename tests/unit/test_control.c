/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control socket's server over the fixed snapshot: what it answers, what it asks of the engine, and who may ask. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "bellwether/catalogue.h"
#include "tests/unit/control_fake.h"
#include "tests/unit/control_peer.h"

static struct bw_fake fake;
static const char *path;

static int set_up(void **state)
{
    (void)state;
    bw_fake_start(&fake, NULL);
    path = fake.config.control.socket;
    return bw_control_start(&fake.context, &fake.control);
}

static int tear_down(void **state)
{
    (void)state;
    bw_fake_stop(&fake);
    return 0;
}

static void assert_result(const char *request, const char *result, const char *text)
{
    struct json_object *answer = peer_ask(path, request);

    if (strcmp(peer_text(answer, "result"), result) != 0 || strstr(peer_text(answer, "text"), text) == NULL)
        fail_msg("%s: %s \"%s\", expected %s \"%s\"", request, peer_text(answer, "result"), peer_text(answer, "text"),
                 result, text);
    json_object_put(answer);
}

/* ---- reading ---- */

static void test_state_holds_every_object(void **state)
{
    struct json_object *answer = peer_ask(path, "{\"command\":\"state\"}"), *data, *value;

    (void)state;
    assert_string_equal(peer_text(answer, "result"), "done");
    assert_true(json_object_object_get_ex(answer, "data", &data));
    for (int i = 0; i < BW_OBJECT_COUNT; i++)
        assert_int_equal(json_object_object_get_ex(data, bw_catalogue[i].key, &value), bw_catalogue[i].part_key == NULL);
    assert_true(json_object_object_get_ex(data, "sync", &value));
    assert_true(json_object_object_get_ex(data, "members", &value));
    assert_int_equal(json_object_array_length(value), 2);
    assert_true(json_object_object_get_ex(data, "history", &value));
    assert_int_equal(json_object_array_length(value), 6);
    assert_true(json_object_object_get_ex(answer, "age_seconds", &value));
    assert_true(json_object_get_double(value) < 10);
    json_object_put(answer);
}

static void test_single_objects(void **state)
{
    struct json_object *answer, *data;

    (void)state;
    answer = peer_ask(path, "{\"command\":\"pnotes\"}");
    assert_true(json_object_object_get_ex(answer, "data", &data));
    assert_int_equal(json_object_array_length(data), 7);
    json_object_put(answer);
    answer = peer_ask(path, "{\"command\":\"history\",\"limit\":2}");
    assert_true(json_object_object_get_ex(answer, "data", &data));
    assert_int_equal(json_object_array_length(data), 2);
    json_object_put(answer);
    answer = peer_ask(path, "{\"command\":\"state\",\"objects\":[\"cluster\"]}");
    assert_true(json_object_object_get_ex(answer, "data", &data));
    assert_int_equal(json_object_object_length(data), 1);
    json_object_put(answer);
    answer = peer_ask(path, "{\"command\":\"sync\"}");
    assert_true(json_object_object_get_ex(answer, "data", &data));
    json_object_put(answer);
}

/* ---- changing ---- */

static void test_admin_requests(void **state)
{
    struct bw_request last;

    (void)state;
    assert_result("{\"command\":\"down\"}", "done", "");
    last = bw_fake_last(&fake);
    assert_int_equal(last.kind, BW_REQUEST_ADMIN);
    assert_int_equal(last.member, 0);
    assert_int_equal(last.admin, BW_ADMIN_DOWN);
    assert_string_equal(last.who, "cli root");
    assert_result("{\"command\":\"down\",\"member\":\"fw2\"}", "refused", "no member would be left");
    assert_result("{\"command\":\"down\",\"member\":\"fw2\",\"force\":true}", "done", "");
    last = bw_fake_last(&fake);
    assert_int_equal(last.member, 2);
    assert_int_equal(last.admin, BW_ADMIN_FORCE_DOWN);
    assert_result("{\"command\":\"up\",\"member\":\"2\"}", "done", "");
    last = bw_fake_last(&fake);
    assert_int_equal(last.member, 2);
    assert_int_equal(last.admin, BW_ADMIN_UP);
    assert_result("{\"command\":\"maintenance\",\"member\":2}", "pending", "taken on by fw2");
    assert_result("{\"command\":\"up\",\"member\":\"fw3\"}", "not-found", "members are fw1, fw2");
    assert_result("{\"command\":\"up\",\"member\":\"3\"}", "not-found", "members are fw1, fw2");
    assert_result("{\"command\":\"up\",\"member\":\"2x\"}", "not-found", "members are fw1, fw2");
}

static void test_other_requests(void **state)
{
    struct bw_request last;

    (void)state;
    assert_result("{\"command\":\"move\",\"group\":\"edge\",\"member\":\"fw2\"}", "done", "");
    last = bw_fake_last(&fake);
    assert_int_equal(last.kind, BW_REQUEST_GROUP_MOVE);
    assert_int_equal(last.group, 1);
    assert_int_equal(last.member, 2);
    assert_result("{\"command\":\"move\",\"group\":\"web\",\"member\":\"fw2\"}", "not-found", "groups are edge");
    assert_result("{\"command\":\"register\",\"name\":\"job\",\"timeout\":5,\"persistent\":true}", "done", "");
    last = bw_fake_last(&fake);
    assert_int_equal(last.kind, BW_REQUEST_PNOTE_REGISTER);
    assert_int_equal(last.pnote_kind, BW_PNOTE_USER);
    assert_int_equal(last.status, BW_PNOTE_OK);
    assert_int_equal(last.timeout_ns, 5 * BW_SEC);
    assert_true(last.persistent);
    assert_string_equal(last.name, "job");
    assert_result("{\"command\":\"register\",\"name\":\"a b\"}", "invalid", "no blank");
    assert_result("{\"command\":\"report\",\"name\":\"job\",\"status\":\"problem\",\"detail\":\"no reply\"}", "done",
                  "");
    last = bw_fake_last(&fake);
    assert_int_equal(last.kind, BW_REQUEST_PNOTE_REPORT);
    assert_int_equal(last.status, BW_PNOTE_PROBLEM);
    assert_true(last.timeout_ns == UINT64_MAX);
    assert_string_equal(last.text, "no reply");
    assert_result("{\"command\":\"unregister\",\"name\":\"missing\"}", "not-found", "missing");
    assert_result("{\"command\":\"reload\"}", "refused", "not in this version");
    assert_result("{\"command\":\"sync-reset\"}", "done", "");
    assert_int_equal(bw_fake_last(&fake).kind, BW_REQUEST_COUNTERS_RESET);
}

/* ---- lines ---- */

static void assert_next(int fd, const char *result)
{
    struct json_object *answer = peer_receive(fd);

    assert_string_equal(peer_text(answer, "result"), result);
    json_object_put(answer);
}

static void test_bad_lines_leave_the_connection(void **state)
{
    static const char lines[] = "garbage\n\n\r\n{\"command\":\"cluster\"}\r\n{\"a\0b\":1}\n{\"command\":\"up\"}\n";
    int fd = peer_connect(path, 10);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(peer_send(fd, lines, sizeof(lines) - 1), 0);
    assert_next(fd, "invalid");
    assert_next(fd, "done");
    assert_next(fd, "invalid");
    assert_next(fd, "done");
    close(fd);
}

static void test_line_too_long(void **state)
{
    static char line[20000];
    int fd = peer_connect(path, 10);

    (void)state;
    memset(line, 'x', sizeof(line));
    line[sizeof(line) - 1] = '\n';
    assert_int_equal(peer_send(fd, line, sizeof(line)), 0);
    assert_next(fd, "invalid");
    assert_int_equal(peer_say(fd, "{\"command\":\"cluster\"}\n"), 0);
    assert_next(fd, "done");
    close(fd);
}

/* Many requests at once, then no more: all are answered in order, a last line without its end too, and then the server
 * closes. */
static void test_half_closed(void **state)
{
    int fd = peer_connect(path, 10);

    (void)state;
    for (int i = 0; i < 50; i++)
        assert_int_equal(peer_say(fd, i % 2 ? "{\"command\":\"cluster\"}\n" : "{\"command\":\"bogus\"}\n"), 0);
    assert_int_equal(peer_say(fd, "{\"command\":\"up\"}"), 0);
    shutdown(fd, SHUT_WR);
    for (int i = 0; i < 50; i++)
        assert_next(fd, i % 2 ? "done" : "invalid");
    assert_next(fd, "done");
    assert_int_equal(peer_byte(fd), 0);
    close(fd);
}

/* Clients that go away in the middle of everything. */
static void test_clients_that_vanish(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        int fd = peer_connect(path, 10);

        if (i % 4 == 1)
            peer_say(fd, "{\"comm");
        else if (i % 4 == 2)
            peer_say(fd, "{\"command\":\"state\"}\n");
        else if (i % 4 == 3)
            peer_say(fd, "{\"command\":\"report\",\"name\":\"slow\",\"status\":\"ok\"}\n");
        close(fd);
    }
    assert_result("{\"command\":\"up\"}", "done", "");
}

/* ---- who may ---- */

/* Asks as another user. Returns the result's first letter, or '?'. */
static char ask_as(uid_t uid, gid_t gid, gid_t extra, const char *request)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        struct json_object *answer = NULL;

        if (setgroups(extra != gid ? 1 : 0, &extra) == 0 && setgid(gid) == 0 && setuid(uid) == 0)
            answer = peer_ask(path, request);
        _exit(answer != NULL ? peer_text(answer, "result")[0] : '?');
    }
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? (char)WEXITSTATUS(status) : '?';
}

static void test_permissions(void **state)
{
    static const char read[] = "{\"command\":\"cluster\"}", change[] = "{\"command\":\"up\"}";
    struct stat st;

    (void)state;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0660);
    if (geteuid() != 0)
        skip();
    assert_int_equal(chmod(fake.folder, 0755), 0);
    assert_int_equal(ask_as(65534, 65534, 65534, read), '?'); /* the file's mode keeps it out */
    assert_int_equal(chmod(path, 0666), 0);
    assert_int_equal(ask_as(65534, 65534, 65534, read), 'd');
    assert_int_equal(ask_as(65534, 65534, 65534, change), 'f');
    assert_int_equal(ask_as(65534, getegid(), getegid(), change), 'd');
    assert_int_equal(ask_as(65534, 65534, getegid(), change), 'd');
    assert_int_equal(ask_as(0, 65534, 65534, change), 'd');
}

/* ---- the socket's file ---- */

static void test_live_socket_is_not_taken(void **state)
{
    struct bw_control *second;

    (void)state;
    assert_int_equal(bw_control_start(&fake.context, &second), -EADDRINUSE);
    assert_null(second);
    assert_result("{\"command\":\"up\"}", "done", "");
}

static void test_stale_socket_is_replaced(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)state;
    bw_control_stop(fake.control);
    fake.control = NULL;
    assert_int_equal(access(path, F_OK), -1);
    bw_copy(address.sun_path, sizeof(address.sun_path), path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    close(fd);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(bw_control_start(&fake.context, &fake.control), 0);
    assert_result("{\"command\":\"up\"}", "done", "");
}

static void test_other_file_is_left_alone(void **state)
{
    struct stat st;
    int fd;

    (void)state;
    bw_control_stop(fake.control);
    fake.control = NULL;
    fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(bw_control_start(&fake.context, &fake.control), -EEXIST);
    assert_null(fake.control);
    assert_int_equal(stat(path, &st), 0);
    assert_true(S_ISREG(st.st_mode));
    unlink(path);
}

/* A server that stops leaves a successor's socket alone. */
static void test_successor_keeps_its_socket(void **state)
{
    struct bw_control *first = fake.control;

    (void)state;
    assert_int_equal(unlink(path), 0);
    assert_int_equal(bw_control_start(&fake.context, &fake.control), 0);
    bw_control_stop(first);
    assert_int_equal(access(path, F_OK), 0);
}

int main(void)
{
#define SERVED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        SERVED(test_state_holds_every_object),
        SERVED(test_single_objects),
        SERVED(test_admin_requests),
        SERVED(test_other_requests),
        SERVED(test_bad_lines_leave_the_connection),
        SERVED(test_line_too_long),
        SERVED(test_half_closed),
        SERVED(test_clients_that_vanish),
        SERVED(test_permissions),
        SERVED(test_live_socket_is_not_taken),
        SERVED(test_stale_socket_is_replaced),
        SERVED(test_other_file_is_left_alone),
        SERVED(test_successor_keeps_its_socket),
    };

    return cmocka_run_group_tests_name("control server", tests, NULL, NULL);
}
