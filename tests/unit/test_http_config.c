/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The http section of a configuration: one address or several, TLS, limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bellwether/config.h"

static struct bw_config config;
static struct bw_config_errors errors;

static int parse(const char *http)
{
    static const char rest[] =
        "cluster = { id = 17; name = \"edge\"; auth = \"none\"; members = ( { id = 1; name = \"fw1\"; address = "
        "\"10.0.10.1\"; }, "
        "{ id = 2; name = \"fw2\"; address = \"10.0.10.2\"; } ); interfaces = ( { name = \"eth0\"; } ); };";
    char text[4096];
    int length = snprintf(text, sizeof(text), "%s\n%s\n", http, rest);

    return bw_config_parse(text, (size_t)length, "t.conf", &config, &errors);
}

static void defaults(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(parse(i == 0 ? "" : "http = { };"), 0);
        assert_string_equal(config.http.listen, "127.0.0.1:8116");
        assert_int_equal(config.http.listen_also_count, 0);
        assert_int_equal(config.http.connections, 1024);
        assert_int_equal(config.http.connections_per_address, 0);
        assert_int_equal(config.http.streams, 128);
        assert_string_equal(config.http.tls_certificate, "");
    }
}

static void one_address_or_several(void **state)
{
    (void)state;
    assert_int_equal(parse("http = { listen = \"10.0.0.1:80\"; };"), 0);
    assert_string_equal(config.http.listen, "10.0.0.1:80");
    assert_int_equal(parse("http = { listen = [ \"10.0.0.1:80\", \"[::1]:80\", \"0.0.0.0:81\" ]; };"), 0);
    assert_string_equal(config.http.listen, "10.0.0.1:80");
    assert_int_equal(config.http.listen_also_count, 2);
    assert_string_equal(config.http.listen_also[0], "[::1]:80");
    assert_string_equal(config.http.listen_also[1], "0.0.0.0:81");
}

static void tls_and_limits(void **state)
{
    (void)state;
    assert_int_equal(
        parse("http = { tls_certificate = \"/c\"; tls_key = \"/k\"; tls_client_ca = \"/a\"; connections = 16; "
              "connections_per_address = 4; streams = 2; };"),
        0);
    assert_string_equal(config.http.tls_certificate, "/c");
    assert_string_equal(config.http.tls_key, "/k");
    assert_string_equal(config.http.tls_client_ca, "/a");
    assert_int_equal(config.http.connections, 16);
    assert_int_equal(config.http.connections_per_address, 4);
    assert_int_equal(config.http.streams, 2);
}

static void mistakes(void **state)
{
#define LISTEN "allowed: \"address:port\" or \"[IPv6 address]:port\", port 1-65535"
    static const struct {
        const char *http, *told;
    } cases[] = {
        {"http = { listen = [ \"10.0.0.1:80\", \"10.0.0.1\" ]; };",
         "http listen: \"10.0.0.1\" has no valid port; " LISTEN},
        {"http = { listen = [ \"10.0.0.1:80\", \"10.0.0.1:80\" ]; };",
         "http listen: \"10.0.0.1:80\" is written twice; " LISTEN},
        {"http = { listen = [ ]; };", "http listen: there is no address; allowed: 1-8 of them"},
        {"http = { listen = 80; };", "http listen: 80 is no list of texts; " LISTEN},
        {"http = { listen = ( 80 ); };", "http listen: 80 is not a text in double quotes; " LISTEN},
        {"http = { listen = [ \"1.1.1.1:1\", \"1.1.1.1:2\", \"1.1.1.1:3\", \"1.1.1.1:4\", \"1.1.1.1:5\", "
         "\"1.1.1.1:6\", "
         "\"1.1.1.1:7\", \"1.1.1.1:8\", \"1.1.1.1:9\" ]; };",
         "http listen: 9 addresses; allowed: 1-8 of them"},
        {"http = { tls_certificate = \"/c\"; };", "http tls_certificate: there is no tls_key; allowed: both or none"},
        {"http = { tls_key = \"/k\"; };", "http tls_key: there is no tls_certificate; allowed: both or none"},
        {"http = { tls_client_ca = \"/a\"; };",
         "http tls_client_ca: there is no tls_certificate; allowed: only with it"},
        {"http = { tls_certificate = \"c\"; tls_key = \"/k\"; };",
         "http tls_certificate: \"c\" is not an absolute path"},
        {"http = { streams = 0; };", "http streams: 0 is out of range; allowed: 1-4096"},
        {"http = { connections = 5; };", "http connections: 5 is out of range; allowed: 16-65536"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(parse(cases[i].http), -EINVAL);
        if (errors.count != 1 || strstr(errors.text, cases[i].told) == NULL)
            fail_msg("%s told as: %s", cases[i].http, errors.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(one_address_or_several),
        cmocka_unit_test(tls_and_limits),
        cmocka_unit_test(mistakes),
    };

    return cmocka_run_group_tests_name("http_config", tests, NULL, NULL);
}
