/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The HTTP surface as a part: start, end, listening, connections that hang. What it answers in detail:
 * tests/cluster/test_http_surface. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "exporters/http/page.h"
#include "tests/unit/fixture.h"

static struct bw_config config;
static struct bw_stats stats;
static struct bw_surface_context context;

static int setup(void **state)
{
    (void)state;
    memset(&config, 0, sizeof(config));
    memset(&stats, 0, sizeof(stats));
    bw_copy(config.http.listen, sizeof(config.http.listen), "127.0.0.1:0");
    context = (struct bw_surface_context){.config = &config,
                                          .board = bw_board_new(),
                                          .mailbox = bw_mailbox_new(),
                                          .history = bw_history_new(),
                                          .stats = &stats};
    bw_fixture_history(context.history);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    bw_history_free(context.history);
    bw_mailbox_free(context.mailbox);
    bw_board_free(context.board);
    return 0;
}

static void post(void)
{
    bw_fixture_fill(bw_board_draft(context.board));
    bw_board_post(context.board);
}

static int dial(const struct bw_http *http)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(bw_http_port(http)), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct timeval limit = {.tv_sec = 15};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

/* The whole answer to one request, NUL-terminated, cut at cap - 1. */
static void ask(const struct bw_http *http, const char *request, char *answer, size_t cap)
{
    int fd = dial(http);
    size_t length = 0;
    ssize_t n;

    assert_int_equal(write(fd, request, strlen(request)), (ssize_t)strlen(request));
    while (length + 1 < cap && (n = read(fd, answer + length, cap - 1 - length)) > 0)
        length += (size_t)n;
    answer[length] = '\0';
    close(fd);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

static void starts_answers_and_ends(void **state)
{
    char answer[2048];
    struct bw_http *http = NULL;

    (void)state;
    post();
    assert_int_equal(bw_http_start(&context, &http), 0);
    assert_true(bw_http_port(http) > 0);
    ask(http, GET("/api/v1/cluster"), answer, sizeof(answer));
    assert_non_null(strstr(answer, "HTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(answer, "\"name\":\"edge\""));
    ask(http, GET("/nothing"), answer, sizeof(answer));
    assert_non_null(strstr(answer, "HTTP/1.1 404 "));
    assert_int_equal(atomic_load(&stats.http_requests), 2);
    assert_int_equal(atomic_load(&stats.http_errors), 1);
    bw_http_stop(http);
}

static void before_the_first_post_it_is_not_live(void **state)
{
    char answer[2048];
    struct bw_http *http = NULL;

    (void)state;
    assert_int_equal(bw_http_start(&context, &http), 0);
    ask(http, GET("/health/live"), answer, sizeof(answer));
    assert_non_null(strstr(answer, "HTTP/1.1 503 "));
    assert_non_null(strstr(answer, "\"live\":false"));
    ask(http, GET("/metrics"), answer, sizeof(answer));
    assert_non_null(strstr(answer, "bellwether_snapshot_age_seconds 0"));
    assert_int_equal(atomic_load(&stats.http_errors), 0); /* a "no" is no error */
    bw_http_stop(http);
}

static void each_answer_shows_the_newest_snapshot(void **state)
{
    char answer[65536];
    struct bw_http *http = NULL;

    (void)state;
    post();
    assert_int_equal(bw_http_start(&context, &http), 0);
    for (uint64_t i = 0; i < 20; i++) {
        struct bw_snapshot *s = bw_board_draft(context.board);
        char line[64];

        bw_fixture_fill(s);
        s->agent.turns = 777000 + i;
        bw_board_post(context.board);
        snprintf(line, sizeof(line), "\nbellwether_engine_turns_total %lu\n", (unsigned long)(777000 + i));
        ask(http, GET("/metrics"), answer, sizeof(answer));
        assert_non_null(strstr(answer, line));
        snprintf(line, sizeof(line), "\"turns\":%lu,", (unsigned long)(777000 + i));
        ask(http, GET("/api/v1/agent"), answer, sizeof(answer));
        assert_non_null(strstr(answer, line));
    }
    bw_http_stop(http);
}

static void ends_with_clients_hanging(void **state)
{
    struct bw_http *http = NULL;
    int fds[50];

    (void)state;
    post();
    assert_int_equal(bw_http_start(&context, &http), 0);
    for (int i = 0; i < 50; i++) {
        fds[i] = dial(http);
        if (i % 2)
            assert_int_equal(write(fds[i], "GET /metrics HTT", 16), 16);
    }
    bw_http_stop(http);
    for (int i = 0; i < 50; i++)
        close(fds[i]);
}

static void bad_addresses_are_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "127.0.0.1",
                                      "127.0.0.1:",
                                      ":8116",
                                      "host.example:80",
                                      "127.0.0.1:99999",
                                      "::1:8116",
                                      "[::1:8116",
                                      "300.0.0.1:80",
                                      "127.0.0.1:http",
                                      "[]:1",
                                      "[:1"};
    struct bw_http *http = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        bw_copy(config.http.listen, sizeof(config.http.listen), bad[i]);
        if (bw_http_start(&context, &http) != -EINVAL)
            fail_msg("\"%s\" was taken", bad[i]);
        assert_null(http);
    }
}

static void a_busy_address_is_refused(void **state)
{
    struct bw_http *http = NULL, *second = NULL;

    (void)state;
    assert_int_equal(bw_http_start(&context, &http), 0);
    bw_format(config.http.listen, sizeof(config.http.listen), "127.0.0.1:%u", bw_http_port(http));
    assert_int_equal(bw_http_start(&context, &second), -EADDRINUSE);
    assert_null(second);
    bw_http_stop(http);
    assert_int_equal(bw_http_start(&context, &second), 0); /* free again at once */
    bw_http_stop(second);
}

static void several_addresses_and_all_or_none(void **state)
{
    struct bw_http *http = NULL, *second = NULL;

    (void)state;
    bw_copy(config.http.listen_also[0], sizeof(config.http.listen), "127.0.0.2:0");
    config.http.listen_also_count = 1;
    assert_int_equal(bw_http_start(&context, &http), 0);
    assert_int_equal(http->listens_count, 2);
    bw_format(config.http.listen_also[0], sizeof(config.http.listen), "127.0.0.1:%u", bw_http_port(http));
    assert_int_equal(bw_http_start(&context, &second), -EADDRINUSE);
    assert_null(second);
    bw_http_stop(http);
}

/* Another member's, or a virtual one: from TEST-NET-1 and the documentation's IPv6 addresses, which no host has. */
static void an_address_of_another_host_is_no_error(void **state)
{
    char answer[2048];
    struct bw_http *http = NULL;

    (void)state;
    post();
    bw_copy(config.http.listen_also[0], sizeof(config.http.listen), "192.0.2.77:8116");
    bw_copy(config.http.listen_also[1], sizeof(config.http.listen), "[2001:db8::77]:8116");
    config.http.listen_also_count = 2;
    if (access("/proc/net/if_inet6", R_OK) != 0)
        config.http.listen_also_count = 1; /* a host without IPv6 */
    assert_int_equal(bw_http_start(&context, &http), 0);
    assert_int_equal(http->listens_count, 1 + config.http.listen_also_count);
    ask(http, GET("/api/v1/cluster"), answer, sizeof(answer));
    assert_non_null(strstr(answer, "HTTP/1.1 200 OK\r\n"));
    bw_http_stop(http);
}

static void it_says_whether_it_listens(void **state)
{
    struct bw_http *http = NULL;

    (void)state;
    assert_int_equal(atomic_load(&stats.http_listening), 0);
    assert_int_equal(bw_http_start(&context, &http), 0);
    assert_int_equal(atomic_load(&stats.http_listening), 1);
    bw_http_stop(http);
    assert_int_equal(atomic_load(&stats.http_listening), 0);
    bw_copy(config.http.listen, sizeof(config.http.listen), "127.0.0.1");
    assert_int_equal(bw_http_start(&context, &http), -EINVAL);
    assert_int_equal(atomic_load(&stats.http_listening), 0);
}

/* The page lists a state_dir that cannot be written, and says nothing of one that can. */
static void the_page_tells_of_a_full_disk(void **state)
{
    static char answer[1 << 20];
    struct bw_http *http = NULL;

    (void)state;
    assert_int_equal(bw_http_start(&context, &http), 0);
    for (int full = 0; full < 2; full++) {
        struct bw_snapshot *s = bw_board_draft(context.board);

        bw_fixture_fill(s);
        s->agent.store_writable = !full;
        bw_board_post(context.board);
        ask(http, GET("/"), answer, sizeof(answer));
        assert_non_null(strstr(answer, "What is wrong"));
        assert_int_equal(strstr(answer, "cannot write its state_dir") != NULL, full);
    }
    bw_http_stop(http);
}

static void an_ipv6_address_works(void **state)
{
    struct bw_http *http = NULL;
    int result;

    (void)state;
    bw_copy(config.http.listen, sizeof(config.http.listen), "[::1]:0");
    result = bw_http_start(&context, &http);
    if (result == -EADDRNOTAVAIL || result == -EAFNOSUPPORT)
        skip(); /* a host without IPv6 */
    assert_int_equal(result, 0);
    assert_true(bw_http_port(http) > 0);
    bw_http_stop(http);
}

/* ---- the guard, with sockets that nobody serves ---- */

static struct sockaddr_in client(const char *address)
{
    struct sockaddr_in a = {.sin_family = AF_INET};

    assert_int_equal(inet_pton(AF_INET, address, &a.sin_addr), 1);
    return a;
}

static struct bw_connection *opened(struct bw_guard *guard, const char *address, int pair[2])
{
    struct sockaddr_in a = client(address);

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    return bw_guard_open(guard, pair[0], (struct sockaddr *)&a);
}

static void at_its_limit_the_guard_closes_the_longest_unused(void **state)
{
    struct bw_guard guard = {.limit = 3, .limit_per_address = 100};
    struct bw_connection *c[4];
    int pair[4][2];

    (void)state;
    for (int i = 0; i < 3; i++)
        c[i] = opened(&guard, "192.0.2.1", pair[i]);
    bw_guard_used(&guard, c[0]);
    c[2]->waiting = true;
    c[3] = opened(&guard, "192.0.2.2", pair[3]);
    assert_false(c[0]->closing);
    assert_true(c[1]->closing);
    assert_false(c[2]->closing);
    assert_false(c[3]->closing);
    assert_int_equal(guard.count, 4);
    for (int i = 0; i < 4; i++) {
        bw_guard_close(&guard, c[i]);
        close(pair[i][0]);
        close(pair[i][1]);
    }
    assert_int_equal(guard.count, 0);
    assert_null(guard.newest);
    assert_null(guard.oldest);
}

static void an_address_with_too_many_pays_itself(void **state)
{
    struct bw_guard guard = {.limit = 100, .limit_per_address = 2};
    struct bw_connection *c[4];
    int pair[4][2];

    (void)state;
    c[0] = opened(&guard, "192.0.2.9", pair[0]);
    for (int i = 1; i < 4; i++)
        c[i] = opened(&guard, "192.0.2.1", pair[i]);
    assert_false(c[0]->closing);
    assert_true(c[1]->closing);
    assert_false(c[2]->closing);
    for (int i = 0; i < 4; i++) {
        bw_guard_close(&guard, c[i]);
        close(pair[i][0]);
        close(pair[i][1]);
    }
}

/* ---- guessing the token ---- */

static void guessing_is_slowed_down(void **state)
{
    static const unsigned char guesser[16] = {[10] = 0xff, 0xff, 192, 0, 2, 1},
                               other[16] = {[10] = 0xff, 0xff, 192, 0, 2, 2};
    struct bw_logins logins = {.all = 0};
    uint64_t now = 1000 * BW_SEC;
    unsigned made = 0;

    (void)state;
    for (; bw_login_wait(&logins, guesser, now) == 0; made++)
        bw_login_failed(&logins, guesser, now);
    assert_int_equal(made, 5);
    assert_int_equal(bw_login_wait(&logins, other, now), 0);
    assert_true(bw_login_wait(&logins, guesser, now) <= 13);
    now += 13 * BW_SEC;
    assert_int_equal(bw_login_wait(&logins, guesser, now), 0);
    bw_login_failed(&logins, guesser, now);
    assert_true(bw_login_wait(&logins, guesser, now) > 0);
    assert_int_equal(bw_login_wait(&logins, guesser, now + 300 * BW_SEC), 0);
}

static void many_guessers_do_not_make_many_guesses(void **state)
{
    struct bw_logins logins = {.all = 0};
    uint64_t now = 1000 * BW_SEC;
    unsigned char address[16] = {0x20, 0x01, 0x0d, 0xb8};
    unsigned made = 0;

    (void)state;
    for (unsigned i = 0; i < 4000; i++) { /* hosts of one network count as one */
        address[15] = (unsigned char)i;
        address[14] = (unsigned char)(i >> 8);
        if (bw_login_wait(&logins, address, now) == 0) {
            bw_login_failed(&logins, address, now);
            made++;
        }
    }
    assert_int_equal(made, 5);
    for (unsigned i = 0; i < 8000; i++) { /* 40 networks, more often than there are places */
        address[7] = (unsigned char)(i % 40 + 1);
        if (bw_login_wait(&logins, address, now) == 0) {
            bw_login_failed(&logins, address, now);
            made++;
        }
    }
    assert_true(made <= 205);
    address[7] = 99; /* who never guessed wrong is still heard */
    assert_int_equal(bw_login_wait(&logins, address, now), 0);
}

/* ---- the page's writer ---- */

static void html_is_escaped(void **state)
{
    struct bw_buffer b = {0};

    (void)state;
    bw_html(&b, "%t|%r|%u|%%", "<a href=\"x\" b='y'>&\x01\n\xff\xc3\xa4\x7f", "<i>", 42U);
    bw_buffer_bytes(&b, "", 1);
    assert_string_equal(b.data,
                        "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;\xef\xbf\xbd \xef\xbf\xbd\xc3\xa4\xef\xbf\xbd"
                        "|<i>|42|%");
    bw_buffer_free(&b);
}

static void durations_are_short(void **state)
{
    static const struct {
        uint64_t ns;
        const char *text;
    } cases[] = {{0, "0 ms"},
                 {131072, "0.13 ms"},
                 {1200000, "1.2 ms"},
                 {24 * BW_MS, "24 ms"},
                 {310999999, "310 ms"},
                 {1550 * BW_MS, "1.5 s"},
                 {9999 * BW_MS, "9.9 s"},
                 {12 * BW_SEC, "12 s"},
                 {119 * BW_SEC, "119 s"},
                 {150 * BW_SEC, "2 min"},
                 {7200 * BW_SEC, "2 h"},
                 {400000 * BW_SEC, "4 d"}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bw_buffer b = {0};

        bw_html_duration(&b, cases[i].ns);
        bw_buffer_bytes(&b, "", 1);
        assert_string_equal(b.data, cases[i].text);
        bw_buffer_free(&b);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(starts_answers_and_ends),
        TEST(before_the_first_post_it_is_not_live),
        TEST(each_answer_shows_the_newest_snapshot),
        TEST(ends_with_clients_hanging),
        TEST(bad_addresses_are_refused),
        TEST(a_busy_address_is_refused),
        TEST(an_ipv6_address_works),
        TEST(an_address_of_another_host_is_no_error),
        TEST(it_says_whether_it_listens),
        TEST(the_page_tells_of_a_full_disk),
        cmocka_unit_test(at_its_limit_the_guard_closes_the_longest_unused),
        cmocka_unit_test(an_address_with_too_many_pays_itself),
        cmocka_unit_test(guessing_is_slowed_down),
        cmocka_unit_test(many_guessers_do_not_make_many_guesses),
        cmocka_unit_test(html_is_escaped),
        cmocka_unit_test(durations_are_short),
        TEST(several_addresses_and_all_or_none),
    };

    return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
