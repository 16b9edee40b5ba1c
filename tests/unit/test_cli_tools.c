/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parts of the command line that need no daemon: key, check, values as people read them, tables, hints. */
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

#include "agent/cli/cli.h"
#include "bellwether/config.h"

static char *out, *err;
static size_t out_length, err_length;

static int run(int argc, char **argv)
{
    FILE *out_file, *err_file;
    int rc;

    free(out);
    free(err);
    out_file = open_memstream(&out, &out_length);
    err_file = open_memstream(&err, &err_length);
    rc = bw_cli_run(argc, argv, out_file, err_file);
    fclose(out_file);
    fclose(err_file);
    return rc;
}

static int tear_down(void **state)
{
    (void)state;
    free(out);
    free(err);
    out = err = NULL;
    return 0;
}

static void write_file(char *path, const char *text)
{
    int fd;

    strcpy(path, "/tmp/bw-cli-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, 0600), 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

/* A key is what the daemon reads, and never the same twice. */
static void test_key(void **state)
{
    char *argv[] = {"bellwether", "key", NULL}, path[32], first[128];
    uint8_t keys[2][BW_KEY_BYTES];
    struct bw_config_errors errors = {0};
    unsigned count = 0;

    (void)state;
    assert_int_equal(run(2, argv), BW_EXIT_DONE);
    assert_int_equal(out_length, 65);
    assert_int_equal(strspn(out, "0123456789abcdef"), 64);
    strcpy(first, out);
    write_file(path, out);
    assert_int_equal(bw_config_read_key(path, keys, &count, &errors), 0);
    assert_int_equal(count, 1);
    unlink(path);
    assert_int_equal(run(2, argv), BW_EXIT_DONE);
    assert_string_not_equal(out, first);
}

static const char good[] =
    "cluster = { id = 17; name = \"edge\"; mode = \"ha\"; recovery = \"active-up\"; auth = \"none\";\n"
    "  local = \"fw1\";\n"
    "  members = ( { id = 1; name = \"fw1\"; address = \"10.0.10.1\"; },\n"
    "              { id = 2; name = \"fw2\"; address = \"10.0.10.2\"; } );\n"
    "  interfaces = ( { name = \"eth0\"; role = \"cluster\"; virtual = [ \"192.168.10.100/24\" ]; },\n"
    "                 { name = \"eth2\"; role = \"sync\"; } );\n"
    "  heartbeat = { interval_ms = 100; dead_after = 3; }; };\n"
    "control = { socket = \"/tmp/bw-cli-none/control.sock\"; };\n"
    "state_dir = \"/var/lib/bellwether\";\n";

static void test_check(void **state)
{
    char path[32], *argv[] = {"bellwether", "check", path, NULL},
                   *json_argv[] = {"bellwether", "-j", "check", path, NULL};
    struct json_object *json, *list;
    char bad[sizeof(good) + 64];

    (void)state;
    write_file(path, good);
    assert_int_equal(run(3, argv), BW_EXIT_DONE);
    assert_non_null(strstr(out, "good: cluster edge (17), this host is fw1"));
    assert_string_equal(err, "");
    unlink(path);

    snprintf(bad, sizeof(bad), "%sbogus = 1;\n", good);
    write_file(path, bad);
    assert_int_equal(run(3, argv), BW_EXIT_PROBLEM);
    assert_string_equal(out, "");
    assert_non_null(strstr(err, "bogus"));
    assert_non_null(strstr(err, ":10:"));
    assert_int_equal(run(4, json_argv), BW_EXIT_PROBLEM);
    json = json_tokener_parse(out);
    assert_true(json_object_object_get_ex(json, "errors", &list));
    assert_int_equal(json_object_array_length(list), 1);
    json_object_put(json);
    unlink(path);
    assert_int_equal(run(3, argv), BW_EXIT_PROBLEM); /* gone */
    assert_non_null(strstr(err, path));
}

/* A key file that the daemon would refuse is told, though the configuration is good. */
static void test_check_key(void **state)
{
    char path[32], key[32], *argv[] = {"bellwether", "check", path, NULL}, text[sizeof(good) + 64];
    const char *auth = strstr(good, "auth = \"none\"");

    (void)state;
    if (geteuid() != 0)
        skip();
    write_file(key, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n");
    snprintf(text, sizeof(text), "%.*skey_file = \"%s\"%s", (int)(auth - good), good, key, auth + strlen("auth = \"none\""));
    write_file(path, text);
    assert_int_equal(run(3, argv), BW_EXIT_DONE);
    assert_string_equal(err, "");
    assert_int_equal(chmod(key, 0644), 0);
    assert_int_equal(run(3, argv), BW_EXIT_DONE);
    assert_non_null(strstr(out, "good: cluster edge"));
    assert_non_null(strstr(err, "will not start"));
    assert_non_null(strstr(err, "chmod 600"));
    unlink(key);
    assert_int_equal(run(3, argv), BW_EXIT_DONE);
    assert_non_null(strstr(err, "cannot be opened"));
    unlink(path);
}

/* -c FILE: the socket is the one that the file names. */
static void test_socket_of_config(void **state)
{
    char path[32], *argv[] = {"bellwether", "-c", path, "state", NULL};

    (void)state;
    write_file(path, good);
    assert_int_equal(run(4, argv), BW_EXIT_NO_DAEMON);
    assert_non_null(strstr(err, "/tmp/bw-cli-none/control.sock"));
    unlink(path);
}

/* Something answers at the socket that is no daemon of ours: that is said, and nothing is believed. */
struct impostor {
    int listen_fd;
    const char *answer; /* sent to each of the clients; "" = closes at once */
};

static void *impose(void *argument)
{
    struct impostor *impostor = argument;
    int fd = accept(impostor->listen_fd, NULL, NULL);
    char buffer[256];

    if (fd >= 0 && impostor->answer[0] != '\0' && recv(fd, buffer, sizeof(buffer), 0) > 0)
        (void)!write(fd, impostor->answer, strlen(impostor->answer));
    close(fd);
    return NULL;
}

static void test_impostors(void **state)
{
    static const struct {
        const char *answer;
        int rc;
        const char *err;
    } cases[] = {
        {"", BW_EXIT_NO_DAEMON, "no daemon answers"},
        {"no newline", BW_EXIT_NO_DAEMON, "no daemon answers"},
        {"garbage\n", BW_EXIT_NO_DAEMON, "no daemon answers"},
        {"[1,2]\n", BW_EXIT_NO_DAEMON, "no daemon answers"},
        {"{}\n", BW_EXIT_PROBLEM, ""},
        {"{\"result\":\"done\"}\n", BW_EXIT_PROBLEM, "no state yet"},
        {"{\"result\":\"refused\",\"text\":\"a\\u001b[2Jb\"}\n", BW_EXIT_PROBLEM, "refused: a [2Jb"},
        {"{\"result\":\"done\",\"snapshot\":1,\"data\":{\"cluster\":[],\"members\":{},\"pnotes\":7}}\n",
         BW_EXIT_PROBLEM, ""},
    };
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char *argv[] = {"bellwether", "-s", address.sun_path, "state", NULL};
    struct impostor impostor = {.listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    pthread_t thread;

    (void)state;
    snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/bw-impostor-%d", (int)getpid());
    assert_int_equal(bind(impostor.listen_fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(impostor.listen_fd, 4), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        impostor.answer = cases[i].answer;
        assert_int_equal(pthread_create(&thread, NULL, impose, &impostor), 0);
        assert_int_equal(run(4, argv), cases[i].rc);
        pthread_join(thread, NULL);
        if (strstr(err, cases[i].err) == NULL)
            fail_msg("%s: %s", cases[i].answer, err);
    }
    close(impostor.listen_fd);
    unlink(address.sun_path);
}

static bool file_holds(const char *path, const char *word)
{
    static char text[65536];
    FILE *file = fopen(path, "r");
    size_t length;

    if (file == NULL)
        return false;
    length = fread(text, 1, sizeof(text) - 1, file);
    text[length] = '\0';
    fclose(file);
    return strstr(text, word) != NULL;
}

/* Each command that help lists is in the manual page and in the completion. */
static void test_documents_are_complete(void **state)
{
    char *argv[] = {"bellwether", "help", NULL}, *rest, word[64];
    unsigned commands = 0;
    bool inside = false;

    (void)state;
    assert_int_equal(run(2, argv), BW_EXIT_DONE);
    for (char *line = strtok_r(out, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        inside = inside || strcmp(line, "Commands:") == 0;
        if (!inside || strncmp(line, "  ", 2) != 0 || line[2] == ' ')
            continue;
        snprintf(word, sizeof(word), "%.*s", (int)strcspn(line + 2, " "), line + 2);
        if (!file_holds("conf/man/bellwether.1", word) || !file_holds("conf/completion/bellwether.bash", word))
            fail_msg("%s is missing in conf/man/bellwether.1 or conf/completion/bellwether.bash", word);
        commands++;
    }
    assert_true(commands >= 20);
}

static void test_durations(void **state)
{
    static const struct {
        double seconds;
        const char *text;
    } cases[] = {
        {0, "-"},          {-1, "-"},         {0.0002, "0.2 ms"}, {0.009, "9.0 ms"},  {0.031, "31 ms"},
        {0.3, "300 ms"},   {0.999, "999 ms"}, {0.9999, "1.0 s"},  {1.5, "1.5 s"},     {59.9, "59.9 s"},
        {59.99, "0m 59s"}, {725, "12m 05s"},  {12000, "3h 20m"},  {446400, "5d 04h"},
    };
    char buf[32];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bw_cli_duration(cases[i].seconds, buf, sizeof(buf));
        assert_string_equal(buf, cases[i].text);
    }
}

static void test_nearest(void **state)
{
    static const struct {
        const char *name;
        int other;
    } names[] = {{"state", 0}, {"history", 0}, {"up", 0}, {"down", 0}};

    (void)state;
    assert_string_equal(bw_cli_nearest("sate", names, 4, sizeof(names[0])), "state");
    assert_string_equal(bw_cli_nearest("hist", names, 4, sizeof(names[0])), "history");
    assert_string_equal(bw_cli_nearest("STATE", names, 4, sizeof(names[0])), "state");
    assert_string_equal(bw_cli_nearest("dwon", names, 4, sizeof(names[0])), "down");
    assert_null(bw_cli_nearest("nonsense", names, 4, sizeof(names[0])));
    assert_null(bw_cli_nearest("", names, 4, sizeof(names[0])));
    assert_null(bw_cli_nearest("an-argument-that-is-much-longer-than-any-command-is", names, 4, sizeof(names[0])));
}

/* A table of one object from JSON, with and without colour, at some width. */
static void print_members(const char *json, unsigned width, bool colour)
{
    struct json_object *rows = json_tokener_parse(json);
    FILE *file;
    struct bw_cli cli = {.width = width, .colour = colour};

    free(out);
    file = open_memstream(&out, &out_length);
    cli.out = cli.err = file;
    bw_cli_table(&cli, &bw_catalogue[BW_OBJECT_MEMBER], (const char *const[]){"id", "name", "state", "reason", NULL},
                 rows, rows);
    fclose(file);
    json_object_put(rows);
}

static void test_tables(void **state)
{
    static const char rows[] =
        "[{\"id\":1,\"name\":\"fw1\",\"local\":true,\"state\":\"active\",\"reason\":\"first in rank\"},"
        "{\"id\":12,\"name\":\"gr\xc3\xbc"
        "n\",\"local\":false,\"state\":\"down\",\"reason\":\"\"}]";

    (void)state;
    print_members(rows, 80, false);
    assert_string_equal(out, "  Id  Member  State   Reason\n"
                             "*  1  fw1     active  first in rank\n"
                             "  12  gr\xc3\xbcn    down    -\n");
    print_members(rows, 40, false); /* too narrow for a column of its own */
    assert_string_equal(out, "  Id  Member  State\n"
                             "*  1  fw1     active\n"
                             "      first in rank\n"
                             "  12  gr\xc3\xbcn    down\n");
    print_members(rows, 19, false); /* narrower still: the columns move together */
    assert_non_null(strstr(out, "  Id Member State\n*  1 fw1    active\n"));
    print_members(rows, 80, true);
    assert_non_null(strstr(out, "\033[32mactive\033[0m  first"));
    assert_non_null(strstr(out, "\033[31mdown\033[0m    -"));
    print_members("[]", 80, false);
    assert_string_equal(out, "Members: none\n");
    print_members("[{},{\"id\":\"x\",\"name\":5,\"state\":null},7,null]", 80,
                  false); /* not what a daemon sends: still no harm */
    print_members("{}", 80, false);
    print_members("null", 80, false);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_teardown(test, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_key),
        TEST(test_check_key),
        TEST(test_check),
        TEST(test_socket_of_config),
        TEST(test_impostors),
        TEST(test_documents_are_complete),
        TEST(test_durations),
        TEST(test_nearest),
        TEST(test_tables),
    };

    return cmocka_run_group_tests_name("command line tools", tests, NULL, NULL);
}
