/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Texts, addresses, times: agent/model/text.c and address.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bellwether/text.h"

static void copy_cuts_between_characters(void **state)
{
    char buf[6];

    (void)state;
    assert_true(bw_copy(buf, sizeof(buf), "abcde"));
    assert_string_equal(buf, "abcde");
    assert_false(bw_copy(buf, sizeof(buf), "abcdef"));
    assert_string_equal(buf, "abcde");
    assert_false(bw_copy(buf, sizeof(buf), "abcd\xc3\xa9"));
    assert_string_equal(buf, "abcd");
    assert_true(bw_copy(buf, sizeof(buf), NULL));
    assert_string_equal(buf, "");
}

static void format_matches_printf(void **state)
{
    char ours[128], theirs[128];

    (void)state;
#define SAME(...)                                                                                                      \
    do {                                                                                                               \
        size_t n = bw_format(ours, sizeof(ours), __VA_ARGS__);                                                         \
        snprintf(theirs, sizeof(theirs), __VA_ARGS__);                                                                 \
        assert_string_equal(ours, theirs);                                                                             \
        assert_int_equal(n, strlen(theirs));                                                                           \
    } while (0)
    SAME("plain");
    SAME("%s and %s", "one", "two");
    SAME("%d %d %d", 0, -7, 2147483647);
    SAME("%ld", (long)INT64_MIN);
    SAME("%u|%lu", 4294967295U, UINT64_MAX);
    SAME("%x %lx %08x %03u", 0xbeefU, 0x123456789abcdefUL, 0x1fU, 7U);
    SAME("100%% %c", 'x');
    SAME("%02u:%02u", 5U, 123U);
}

static void format_is_bounded(void **state)
{
    char buf[8];

    (void)state;
    assert_int_equal(bw_format(buf, sizeof(buf), "%s", "0123456789"), 7);
    assert_string_equal(buf, "0123456");
    bw_format(buf, sizeof(buf), "12345%sX", "\xc3\xa9\xc3\xa9");
    assert_string_equal(buf, "12345\xc3\xa9"); /* nothing after a cut piece */
}

static void addresses_match_libc(void **state)
{
    static const char *const good[] = {"10.0.0.1",       "255.255.255.255", "::",          "::1",        "2001:db8::1", "fe80::1:2:3",
                                       "1:2:3:4:5:6:7:8", "1:0:0:4::8",      "::ffff:1.2.3.4", "1::",     "64:ff9b::10.0.0.1"};
    static const char *const bad[] = {"",    "10.0.0",  "10.0.0.256", "10.0.0.1.2", "01.2.3.4", "1:2:3",      "1:2:3:4:5:6:7:8:9", ":1",
                                      "1::2::3", ":::", "10.0.0.1/33", "::1/129",  "::1/",     "10.0.0.1/x", "12345::",           "g::", " 1.2.3.4", "1.2.3.4 "};
    char text[BW_ADDRESS_TEXT_MAX];
    struct bw_address a;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        uint8_t raw[16] = {0};
        int family = strchr(good[i], ':') != NULL ? AF_INET6 : AF_INET;
        char again[INET6_ADDRSTRLEN];
        struct bw_address b;

        assert_int_equal(inet_pton(family, good[i], raw), 1);
        assert_int_equal(bw_address_from_text(good[i], &a), 0);
        assert_memory_equal(a.bytes, raw, 16);
        assert_int_equal(a.prefix, family == AF_INET ? 32 : 128);
        bw_address_to_text(&a, false, text);
        assert_int_equal(bw_address_from_text(text, &b), 0);
        assert_int_equal(bw_address_compare(&a, &b), 0);
        inet_ntop(family, raw, again, sizeof(again));
        if (strchr(again, '.') == NULL || family == AF_INET)
            assert_string_equal(text, again);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_not_equal(bw_address_from_text(bad[i], &a), 0);
    assert_int_equal(bw_address_from_text("192.168.10.100/24", &a), 0);
    assert_string_equal(bw_address_to_text(&a, true, text), "192.168.10.100/24");
}

static void random_addresses_match_libc(void **state)
{
    unsigned seed = 7;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        struct bw_address a = {.family = 6, .prefix = 128}, b;
        char ours[BW_ADDRESS_TEXT_MAX], theirs[INET6_ADDRSTRLEN];

        for (int j = 0; j < 16; j++) {
            seed = seed * 1103515245U + 12345U;
            a.bytes[j] = (seed >> 16) % 3 == 0 ? (uint8_t)(seed >> 20) : 0;
        }
        bw_address_to_text(&a, false, ours);
        inet_ntop(AF_INET6, a.bytes, theirs, sizeof(theirs));
        if (strchr(theirs, '.') == NULL)
            assert_string_equal(ours, theirs);
        assert_int_equal(bw_address_from_text(theirs, &b), 0);
        assert_memory_equal(a.bytes, b.bytes, 16);
    }
}

static void containment(void **state)
{
    struct bw_address net, in, out;

    (void)state;
    assert_int_equal(bw_address_from_text("192.168.10.100/23", &net), 0);
    assert_int_equal(bw_address_from_text("192.168.11.1", &in), 0);
    assert_int_equal(bw_address_from_text("192.168.12.1", &out), 0);
    assert_true(bw_address_within(&in, &net));
    assert_false(bw_address_within(&out, &net));
    assert_int_equal(bw_address_from_text("::1", &out), 0);
    assert_false(bw_address_within(&out, &net));
}

static void wall_times(void **state)
{
    char text[BW_WALL_TEXT_MAX];

    (void)state;
    assert_string_equal(bw_wall_to_text(0, text), "");
    assert_string_equal(bw_wall_to_text(1767225600LL * 1000000000 + 1999999, text), "2026-01-01T00:00:00.001Z");
    assert_string_equal(bw_wall_to_text(951782400LL * 1000000000, text), "2000-02-29T00:00:00.000Z");
    assert_string_equal(bw_wall_to_text(4107542400LL * 1000000000, text), "2100-03-01T00:00:00.000Z");
    assert_string_equal(bw_wall_to_text(-1000000, text), "1969-12-31T23:59:59.999Z");
}

static void names(void **state)
{
    (void)state;
    assert_true(bw_name_compare("zz", "aaa") < 0);
    assert_true(bw_name_compare("ab", "aa") > 0);
    assert_int_equal(bw_name_compare("same", "same"), 0);
    assert_true(bw_name_valid("disk-full_1"));
    assert_false(bw_name_valid(""));
    assert_false(bw_name_valid("a b"));
    assert_false(bw_name_valid("a\n"));
    assert_true(bw_name_valid("0123456789012345678901234567890"));
    assert_false(bw_name_valid("01234567890123456789012345678901"));
}

static void cleaning(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {{"plain", "plain"},
                 {"a\nb\x7f", "a?b?"},
                 {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x91", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x91"},
                 {"\xc2\x85x", "??x"},
                 {"\xc3", "?"},
                 {"\xc0\xaf", "??"},
                 {"\xed\xa0\x80", "???"},
                 {"\xf4\x90\x80\x80", "????"},
                 {"\xff\xfe.", "??."},
                 {"\xe2\x82", "??"}};
    char full[4] = {'a', 'b', 'c', 'd'};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[16];

        strcpy(text, cases[i].in);
        bw_clean(text, sizeof(text));
        assert_string_equal(text, cases[i].out);
    }
    bw_clean(full, sizeof(full));
    assert_string_equal(full, "abc");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copy_cuts_between_characters), cmocka_unit_test(format_matches_printf),
        cmocka_unit_test(format_is_bounded),            cmocka_unit_test(addresses_match_libc),
        cmocka_unit_test(random_addresses_match_libc),  cmocka_unit_test(containment),
        cmocka_unit_test(wall_times),                   cmocka_unit_test(names),
        cmocka_unit_test(cleaning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
