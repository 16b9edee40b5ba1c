/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket's server under slow, silent, stuck and many clients: the others get their answers all the same.
 * Bounds are generous: what is tested is that nobody waits for a stuck one, not how fast an answer is.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "agent/control/control.h"
#include "tests/unit/control_fake.h"
#include "tests/unit/control_peer.h"

#define PATIENCE_S 3 /* less than a stuck request takes */

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

static double seconds_since(uint64_t since_ns)
{
    return (double)(bw_fake_now_ns() - since_ns) / 1e9;
}

static void *ask_often(void *argument)
{
    long *good = argument;

    for (int i = 0; i < 20; i++) {
        struct json_object *answer = peer_ask(path, i % 4 ? "{\"command\":\"state\"}" : "{\"command\":\"up\"}");

        *good += strcmp(peer_text(answer, "result"), "done") == 0;
        json_object_put(answer);
    }
    return NULL;
}

static int send_line(const char *line)
{
    int fd = peer_connect(path, 15);

    assert_true(fd >= 0);
    assert_int_equal(peer_say(fd, line), 0);
    return fd;
}

/* One client is silent, one stopped in the middle of a line, one never reads, two ask what the engine never answers:
 * seven others are served meanwhile. */
static void test_stuck_clients_harm_nobody(void **state)
{
    int stuck[5];
    pthread_t threads[7];
    long good[7] = {0};
    uint64_t start_ns = bw_fake_now_ns();
    struct json_object *answer;

    (void)state;
    stuck[0] = peer_connect(path, 15);
    stuck[1] = send_line("{\"command\":\"st");
    stuck[2] = send_line("{\"command\":\"state\"}\n");
    for (int i = 0; i < 200; i++) /* more answers than any socket buffer holds, never read */
        if (send(stuck[2], "{\"command\":\"state\"}\n", 20, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
            break;
    stuck[3] = send_line("{\"command\":\"report\",\"name\":\"never\",\"status\":\"ok\"}\n");
    stuck[4] = send_line("{\"command\":\"report\",\"name\":\"never\",\"status\":\"ok\"}\n");
    for (int i = 0; i < 7; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_often, &good[i]), 0);
    for (int i = 0; i < 7; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(good[i], 20);
    }
    assert_true(seconds_since(start_ns) < PATIENCE_S);
    /* Those who waited for the engine are told so; the one amid a line is dropped. */
    for (int i = 3; i < 5; i++) {
        answer = peer_receive(stuck[i]);
        assert_string_equal(peer_text(answer, "result"), "timeout");
        json_object_put(answer);
    }
    assert_int_equal(peer_byte(stuck[1]), 0);
    assert_true(seconds_since(start_ns) < 14);
    for (int i = 0; i < 5; i++)
        close(stuck[i]);
}

/* More silent clients than there are places: new ones push out the longest idle. */
static void test_places_run_out(void **state)
{
    enum { SILENT = 3 * BW_CONTROL_CLIENTS };
    int silent[SILENT];
    uint64_t start_ns = bw_fake_now_ns();
    struct json_object *answer;

    (void)state;
    for (int i = 0; i < SILENT; i++) {
        silent[i] = peer_connect(path, 10);
        assert_true(silent[i] >= 0);
    }
    answer = peer_ask(path, "{\"command\":\"cluster\"}");
    assert_string_equal(peer_text(answer, "result"), "done");
    json_object_put(answer);
    assert_true(seconds_since(start_ns) < PATIENCE_S);
    for (int i = 0; i < SILENT; i++)
        close(silent[i]);
}

/* More changing requests than may wait: the rest is told at once, and reading goes on. */
static void test_requests_run_out(void **state)
{
    enum { ASKING = BW_CONTROL_QUEUE_MAX + 4 };
    int fds[ASKING], busy = 0, done = 0;
    uint64_t start_ns = bw_fake_now_ns();
    struct json_object *answer;
    bool in_time;

    (void)state;
    for (int i = 0; i < ASKING; i++)
        fds[i] = send_line("{\"command\":\"report\",\"name\":\"slow\",\"status\":\"ok\"}\n");
    answer = peer_ask(path, "{\"command\":\"cluster\"}");
    assert_string_equal(peer_text(answer, "result"), "done");
    json_object_put(answer);
    in_time = seconds_since(start_ns) < 1; /* all were read before the first was done, which takes a second */
    assert_true(seconds_since(start_ns) < PATIENCE_S);
    for (int i = 0; i < ASKING; i++) {
        answer = peer_receive(fds[i]);
        busy += strcmp(peer_text(answer, "result"), "busy") == 0;
        done += strcmp(peer_text(answer, "result"), "done") == 0;
        json_object_put(answer);
        close(fds[i]);
    }
    assert_int_equal(busy + done, ASKING);
    if (in_time)
        assert_int_equal(done, BW_CONTROL_QUEUE_MAX);
    else
        assert_true(done >= BW_CONTROL_QUEUE_MAX);
}

/* A stop in the middle of requests: it ends soon, and who was being answered still gets it. */
static void test_stop_under_way(void **state)
{
    int waiting = send_line("{\"command\":\"report\",\"name\":\"slow\",\"status\":\"ok\"}\n"),
        idle = peer_connect(path, 10);
    uint64_t start_ns;
    struct json_object *answer;

    (void)state;
    while (fake.requests == 0)
        usleep(1000);
    start_ns = bw_fake_now_ns();
    bw_control_stop(fake.control);
    fake.control = NULL;
    assert_true(seconds_since(start_ns) < PATIENCE_S);
    answer = peer_receive(waiting);
    assert_string_equal(peer_text(answer, "result"), "done");
    json_object_put(answer);
    assert_int_equal(peer_byte(idle), 0);
    close(waiting);
    close(idle);
}

int main(void)
{
#define SERVED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        SERVED(test_stuck_clients_harm_nobody),
        SERVED(test_places_run_out),
        SERVED(test_requests_run_out),
        SERVED(test_stop_under_way),
    };

    return cmocka_run_group_tests_name("control server under load", tests, NULL, NULL);
}
