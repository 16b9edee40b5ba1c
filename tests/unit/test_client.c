/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libbellwether against a control surface, against none, and against sockets that behave badly. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/client/client.h"
#include "bellwether/bellwether.h"
#include "tests/unit/control_fake.h"

#define WAIT_MS 5000

static struct bw_fake fake;
static struct bellwether *client;

static int set_up(void **state)
{
    (void)state;
    bw_fake_start(&fake, NULL);
    if (bw_control_start(&fake.context, &fake.control) < 0)
        return -1;
    client = bellwether_new(fake.config.control.socket);
    return client != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    bellwether_free(client);
    bw_fake_stop(&fake);
    return 0;
}

static void assert_failed(int rc, int expected, const char *why)
{
    if (rc != expected || strstr(bellwether_reason(), why) == NULL)
        fail_msg("%d (expected %d): %s (expected %s)", rc, expected, bellwether_reason(), why);
}

/* ---- calls ---- */

static void test_calls(void **state)
{
    struct bw_request last;

    (void)state;
    assert_int_equal(bellwether_register(client, "job", BELLWETHER_INIT, 2500, BELLWETHER_PERSISTENT, WAIT_MS), 0);
    last = bw_fake_last(&fake);
    assert_int_equal(last.kind, BW_REQUEST_PNOTE_REGISTER);
    assert_string_equal(last.name, "job");
    assert_int_equal(last.status, BW_PNOTE_INIT);
    assert_int_equal(last.timeout_ns, 2500 * BW_MS);
    assert_true(last.persistent);
    assert_int_equal(bellwether_report(client, "job", BELLWETHER_PROBLEM, "disk \"a\\b\"\nfull \xff\xc3\xa9", WAIT_MS),
                     0);
    last = bw_fake_last(&fake);
    assert_int_equal(last.kind, BW_REQUEST_PNOTE_REPORT);
    assert_int_equal(last.status, BW_PNOTE_PROBLEM);
    assert_string_equal(last.text, "disk \"a\\b\" full ?\xc3\xa9");
    assert_true(last.timeout_ns == UINT64_MAX); /* as it was */
    assert_int_equal(bellwether_report(client, "job", BELLWETHER_OK, NULL, WAIT_MS), 0);
    assert_string_equal(bw_fake_last(&fake).text, "");
    assert_int_equal(bellwether_unregister(client, "job", BELLWETHER_PERSISTENT, WAIT_MS), 0);
    last = bw_fake_last(&fake);
    assert_int_equal(last.kind, BW_REQUEST_PNOTE_UNREGISTER);
    assert_true(last.persistent);
    assert_string_equal(bellwether_reason(), "");
}

static void test_long_detail(void **state)
{
    char detail[1000];

    (void)state;
    memset(detail, '"', sizeof(detail));
    detail[sizeof(detail) - 1] = '\0';
    assert_int_equal(bellwether_report(client, "job", BELLWETHER_OK, detail, WAIT_MS), 0);
    assert_int_equal(strlen(bw_fake_last(&fake).text), BELLWETHER_TEXT_MAX);
}

static void test_arguments(void **state)
{
    (void)state;
    assert_failed(bellwether_report(client, "missing", BELLWETHER_OK, NULL, WAIT_MS), -ENOENT, "no pnote \"missing\"");
    assert_failed(bellwether_unregister(client, "missing", 0, WAIT_MS), -ENOENT, "no pnote");
    assert_failed(bellwether_report(client, "a b", BELLWETHER_OK, NULL, WAIT_MS), -EINVAL, "no blank");
    assert_failed(bellwether_report(client, "", BELLWETHER_OK, NULL, WAIT_MS), -EINVAL, "needs a name");
    assert_failed(bellwether_report(client, NULL, BELLWETHER_OK, NULL, WAIT_MS), -EINVAL, "needs a name");
    assert_failed(bellwether_report(NULL, "a", BELLWETHER_OK, NULL, WAIT_MS), -EINVAL, "no handle");
    assert_failed(bellwether_report(client, "a", 4, NULL, WAIT_MS), -EINVAL, "ok, init or problem");
    assert_failed(bellwether_report(client, "a", BELLWETHER_OK, NULL, 0), -EINVAL, "1 to 60000");
    assert_failed(bellwether_register(client, "a", 0, 0, 0, WAIT_MS), -EINVAL, "ok, init or problem");
    assert_failed(bellwether_register(client, "a", BELLWETHER_OK, 0, 8, WAIT_MS), -EINVAL, "flags");
    assert_failed(bellwether_unregister(client, "a", 8, WAIT_MS), -EINVAL, "flags");
    assert_failed(bellwether_register(client, "a", BELLWETHER_OK, UINT32_MAX, 0, WAIT_MS), -EINVAL, "timeout");
    assert_failed(bellwether_register(client, "01234567890123456789012345678901", BELLWETHER_OK, 0, 0, WAIT_MS),
                  -ENAMETOOLONG, "1 to 31");
    assert_int_equal(bellwether_report(client, "a", BELLWETHER_OK, NULL, WAIT_MS), 0);
    assert_string_equal(bellwether_reason(), "");
    bellwether_free(NULL);
}

static void test_new(void **state)
{
    char path[200];
    struct bellwether *other;

    (void)state;
    memset(path, 'a', sizeof(path));
    path[sizeof(path) - 1] = '\0';
    errno = 0;
    assert_null(bellwether_new(path));
    assert_int_equal(errno, ENAMETOOLONG);
    setenv("BELLWETHER_SOCKET", fake.config.control.socket, 1);
    other = bellwether_new(NULL);
    unsetenv("BELLWETHER_SOCKET");
    assert_int_equal(bellwether_report(other, "a", BELLWETHER_OK, NULL, WAIT_MS), 0);
    bellwether_free(other);
    other = bellwether_new(NULL);
    assert_non_null(other);
    bellwether_free(other);
}

/* ---- time ---- */

static uint64_t took_ms(uint64_t since_ms)
{
    return bw_client_now_ms() - since_ms;
}

/* An engine that never answers, and no daemon at all: the time given is kept. */
static void test_time_is_kept(void **state)
{
    uint64_t start_ms = bw_client_now_ms();

    (void)state;
    assert_failed(bellwether_report(client, "never", BELLWETHER_OK, NULL, 300), -ETIMEDOUT, "no answer in time");
    assert_in_range(took_ms(start_ms), 250, 3000);
    bw_control_stop(fake.control);
    fake.control = NULL;
    start_ms = bw_client_now_ms();
    assert_failed(bellwether_report(client, "job", BELLWETHER_OK, NULL, 300), -ECONNREFUSED, "no daemon answers");
    assert_in_range(took_ms(start_ms), 250, 3000);
}

/* A listener that accepts nobody, and whose queue is full. */
static void test_nobody_accepts(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct bellwether *other;
    uint64_t start_ms;

    (void)state;
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/full", fake.folder);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 0), 0);
    other = bellwether_new(address.sun_path);
    for (int i = 0; i < 3; i++) {
        start_ms = bw_client_now_ms();
        assert_failed(bellwether_report(other, "job", BELLWETHER_OK, NULL, 200), -ETIMEDOUT, "in time");
        assert_in_range(took_ms(start_ms), 150, 3000);
    }
    bellwether_free(other);
    close(fd);
    unlink(address.sun_path);
}

/* ---- a peer by hand ---- */

struct peer {
    int fd;
    char path[108];
    const char *const *answers; /* to one connection after the other; NULL ends, "" closes without a word */
    char seen[8][512];          /* requests */
    unsigned count;
    pthread_t thread;
};

static void *serve(void *argument)
{
    struct peer *peer = argument;

    for (; peer->answers[peer->count] != NULL; peer->count++) {
        int fd = accept(peer->fd, NULL, NULL);
        ssize_t n = recv(fd, peer->seen[peer->count], sizeof(peer->seen[0]) - 1, 0);

        if (n > 0)
            (void)!send(fd, peer->answers[peer->count], strlen(peer->answers[peer->count]), MSG_NOSIGNAL);
        close(fd);
    }
    return NULL;
}

static struct bellwether *peer_start(struct peer *peer, const char *const *answers)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    memset(peer, 0, sizeof(*peer));
    peer->answers = answers;
    snprintf(peer->path, sizeof(peer->path), "%s/peer", fake.folder);
    bw_copy(address.sun_path, sizeof(address.sun_path), peer->path);
    peer->fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(peer->fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(peer->fd, 5), 0);
    assert_int_equal(pthread_create(&peer->thread, NULL, serve, peer), 0);
    return bellwether_new(peer->path);
}

static void peer_stop(struct peer *peer, struct bellwether *other)
{
    pthread_join(peer->thread, NULL);
    close(peer->fd);
    unlink(peer->path);
    bellwether_free(other);
}

#define DONE      "{\"result\":\"done\",\"text\":\"\"}\n"
#define NOT_FOUND "{\"text\":\"pnote \\\"job\\\": it is not registered\",\"result\":\"not-found\"}\n"
#define EXISTS                                                                                                         \
    "{\"result\":\"refused\",\"text\":\"pnote \\\"job\\\": it is already registered; unregister it first\"}\n"
#define FULL "{\"result\":\"refused\",\"text\":\"pnote \\\"job\\\": 64 are registered already, no more fit\"}\n"

/* A restarted daemon knows nothing of what was registered: it is told again, with the status reported. */
static void test_restart(void **state)
{
    static const char *const answers[] = {DONE, NOT_FOUND, DONE, NOT_FOUND, EXISTS, DONE, NULL};
    static struct peer peer;
    struct bellwether *other = peer_start(&peer, answers);

    (void)state;
    assert_int_equal(bellwether_register(other, "job", BELLWETHER_OK, 1500, BELLWETHER_PERSISTENT, WAIT_MS), 0);
    assert_int_equal(bellwether_report(other, "job", BELLWETHER_PROBLEM, "why", WAIT_MS), 0);
    assert_string_equal(peer.seen[2],
                        "{\"command\":\"register\",\"name\":\"job\",\"status\":\"problem\",\"detail\":\"why\","
                        "\"timeout\":1.500,\"persistent\":true}\n");
    /* … and where another thread was quicker. */
    assert_int_equal(bellwether_report(other, "job", BELLWETHER_OK, NULL, WAIT_MS), 0);
    assert_string_equal(peer.seen[5],
                        "{\"command\":\"report\",\"name\":\"job\",\"status\":\"ok\",\"timeout\":1.500}\n");
    peer_stop(&peer, other);
}

static void test_refusals(void **state)
{
    static const char *const answers[] = {
        EXISTS, FULL, EXISTS, DONE, NOT_FOUND, "{\"result\":\"forbidden\",\"text\":\"no\"}\n", "hello\n", NULL};
    static struct peer peer;
    struct bellwether *other = peer_start(&peer, answers);

    (void)state;
    assert_failed(bellwether_register(other, "job", BELLWETHER_OK, 0, 0, WAIT_MS), -EEXIST, "already registered");
    assert_failed(bellwether_register(other, "job", BELLWETHER_OK, 0, 0, WAIT_MS), -ENOSPC, "no more fit");
    assert_int_equal(bellwether_register(other, "job", BELLWETHER_OK, 0, BELLWETHER_ADOPT, WAIT_MS), 0);
    assert_int_equal(bellwether_unregister(other, "job", 0, WAIT_MS), -ENOENT);
    assert_failed(bellwether_report(other, "job", BELLWETHER_OK, NULL, WAIT_MS), -EACCES, "no");
    assert_failed(bellwether_report(other, "job", BELLWETHER_OK, NULL, WAIT_MS), -EPROTO, "not that of a bellwetherd");
    peer_stop(&peer, other);
}

/* The daemon ended between request and answer: asked again, and what it had done already is no error. */
static void test_lost_answers(void **state)
{
    static const char *const answers[] = {"",   EXISTS, DONE, "", NOT_FOUND, "{\"result\":\"busy\",\"text\":\"\"}\n",
                                          DONE, NULL};
    static struct peer peer;
    struct bellwether *other = peer_start(&peer, answers);

    (void)state;
    assert_int_equal(bellwether_register(other, "job", BELLWETHER_OK, 0, 0, WAIT_MS), 0);
    assert_int_equal(bellwether_unregister(other, "job", 0, WAIT_MS), 0);
    assert_int_equal(bellwether_report(other, "job", BELLWETHER_OK, NULL, WAIT_MS), 0);
    peer_stop(&peer, other);
}

/* The daemon comes while a call waits for it. */
static void *start_late(void *argument)
{
    usleep(200000);
    *(int *)argument = bw_control_start(&fake.context, &fake.control);
    return NULL;
}

static void test_daemon_comes_back(void **state)
{
    pthread_t thread;
    int rc = -1;

    (void)state;
    bw_control_stop(fake.control);
    fake.control = NULL;
    assert_int_equal(pthread_create(&thread, NULL, start_late, &rc), 0);
    assert_int_equal(bellwether_report(client, "job", BELLWETHER_OK, NULL, 10000), 0);
    pthread_join(thread, NULL);
    assert_int_equal(rc, 0);
}

/* ---- threads ---- */

static void *many_reports(void *argument)
{
    intptr_t number = (intptr_t)argument;
    char name[16];
    intptr_t failed = 0;

    snprintf(name, sizeof(name), "job%d", (int)number);
    failed += bellwether_register(client, name, BELLWETHER_OK, 0, 0, WAIT_MS) != 0;
    for (int i = 0; i < 20; i++)
        failed += bellwether_report(client, name, BELLWETHER_OK, name, WAIT_MS) != 0;
    failed += bellwether_report(client, "missing", BELLWETHER_OK, NULL, WAIT_MS) != -ENOENT;
    failed += strstr(bellwether_reason(), "missing") == NULL;
    failed += bellwether_unregister(client, name, 0, WAIT_MS) != 0;
    failed += bellwether_reason()[0] != '\0';
    return (void *)failed;
}

static void test_threads(void **state)
{
    pthread_t threads[8];
    void *failed;

    (void)state;
    for (intptr_t i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, many_reports, (void *)i), 0);
    for (int i = 0; i < 8; i++) {
        pthread_join(threads[i], &failed);
        assert_int_equal((intptr_t)failed, 0);
    }
}

/* ---- reading answers ---- */

static void test_json(void **state)
{
    static const struct {
        const char *line, *value; /* of "text"; NULL: none */
    } cases[] = {
        {"{\"text\":\"a\"}", "a"},
        {" { \"x\" : [1, {\"text\":\"no\"}, \"]\"], \"text\" : \"b\" , \"y\":null } ", "b"},
        {"{\"text\":\"\\\"\\\\\\/\\n\\u00e9\\ud83d\\ude00\"}", "\"\\/\n\xc3\xa9\xf0\x9f\x98\x80"},
        {"{\"text\":\"\\ud83d\"}", NULL},
        {"{\"text\":\"\\u12\"}", NULL},
        {"{\"text\":\"\\q\"}", NULL},
        {"{\"text\":1}", NULL},
        {"{\"text\":\"a\"", NULL},
        {"{\"text\":\"a", NULL},
        {"{}", NULL},
        {"[]", NULL},
        {"", NULL},
        {"{\"x\":}", NULL},
        {"{\"x\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", NULL},
    };
    char value[64];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool found = bw_client_get_string(cases[i].line, strlen(cases[i].line), "text", value, sizeof(value));

        if (found != (cases[i].value != NULL) || (found && strcmp(value, cases[i].value) != 0))
            fail_msg("%s: %d %s", cases[i].line, found, value);
    }
    assert_true(bw_client_get_string("{\"text\":\"abc\xc3\xa9\"}", 16, "text", value, 5));
    assert_string_equal(value, "abc"); /* never half a character */
}

int main(void)
{
#define SERVED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        SERVED(test_calls),        SERVED(test_long_detail),       SERVED(test_arguments), SERVED(test_new),
        SERVED(test_time_is_kept), SERVED(test_nobody_accepts),    SERVED(test_restart),   SERVED(test_refusals),
        SERVED(test_lost_answers), SERVED(test_daemon_comes_back), SERVED(test_threads),   cmocka_unit_test(test_json),
    };

    return cmocka_run_group_tests_name("client library", tests, NULL, NULL);
}
