/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The form of the store's files: agent/store/record.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/store/record.h"

static const struct bw_store_identity own = {.cluster = 17, .member = 1, .kind = BW_RECORD_EVENT};

static struct bw_event event_of(uint64_t number)
{
    struct bw_event event;

    memset(&event, 0, sizeof(event));
    event.number = number;
    event.time_wall = -1 - (int64_t)number;
    event.kind = BW_EVENT_FAILOVER;
    event.member = 254;
    event.group = 16;
    event.cause = BW_CAUSE_SILENCE;
    event.took_ns = UINT64_MAX;
    memset(event.object, 'o', sizeof(event.object) - 1);
    strcpy(event.from, "fw1");
    memset(event.reason, 0xc3, sizeof(event.reason) - 1);
    return event;
}

static size_t put_file(uint8_t *bytes, unsigned events)
{
    size_t at = bw_record_put_header(bytes, &own);

    assert_int_equal(at, BW_RECORD_HEADER_BYTES);
    for (unsigned i = 1; i <= events; i++) {
        struct bw_event event = event_of(i);

        at += bw_record_put_event(bytes + at, &own, &event);
    }
    return at;
}

/* Numbers of the events that can be read, as bits. */
static unsigned read_file(const uint8_t *bytes, size_t length, size_t *bad)
{
    struct bw_record record;
    struct bw_event event;
    unsigned found = 0;
    size_t at = 0;

    *bad = 0;
    while (bw_record_next(bytes, length, &own, &at, bad, &record)) {
        if (bw_record_get_event(&record, &event) == 0) {
            struct bw_event expected = event_of(event.number);

            assert_memory_equal(&event, &expected, sizeof(event));
            found |= 1u << event.number;
        }
    }
    return found;
}

static void test_round_trip(void **state)
{
    const struct bw_store_identity admin_own = {.cluster = 1, .member = 2, .kind = BW_RECORD_ADMIN};
    struct bw_kept_admin admin = {.admin = BW_ADMIN_FORCE_DOWN, .since_wall = 1767225600000000000LL, .by = "snmp"},
                         admin_back;
    struct bw_pnote_row pnote, pnote_back;
    struct bw_store_identity header;
    struct bw_record record;
    uint8_t bytes[8 * BW_RECORD_MAX];
    size_t bad, at = 0, length = put_file(bytes, 5);

    (void)state;
    assert_int_equal(read_file(bytes, length, &bad), 0x3e);
    assert_int_equal(bad, 0);
    assert_true(bw_record_next(bytes, length, &own, &at, &bad, &record));
    assert_int_equal(bw_record_get_header(&record, &header), 0);
    assert_memory_equal(&header, &own, sizeof(own));

    length = bw_record_put_admin(bytes, &admin_own, &admin);
    at = 0;
    assert_true(bw_record_next(bytes, length, &admin_own, &at, &bad, &record));
    assert_int_equal(bw_record_get_admin(&record, &admin_back), 0);
    assert_int_equal(admin_back.admin, admin.admin);
    assert_int_equal(admin_back.since_wall, admin.since_wall);
    assert_string_equal(admin_back.by, admin.by);
    assert_int_equal(bw_record_get_pnote(&record, &pnote_back), -EBADMSG); /* a record of another kind */

    memset(&pnote, 0, sizeof(pnote));
    pnote.kind = BW_PNOTE_USER;
    pnote.status = BW_PNOTE_PROBLEM;
    pnote.timeout_ns = 5 * BW_SEC;
    pnote.persistent = true;
    strcpy(pnote.name, "backup");
    memset(pnote.detail, 'd', sizeof(pnote.detail) - 1);
    length = bw_record_put_pnote(bytes, &own, &pnote);
    at = 0;
    assert_true(bw_record_next(bytes, length, &own, &at, &bad, &record));
    assert_int_equal(bw_record_get_pnote(&record, &pnote_back), 0);
    assert_memory_equal(&pnote_back, &pnote, sizeof(pnote));
}

/* Every single byte wrong, one at a time: that record is lost, all others are read. */
static void test_each_byte(void **state)
{
    uint8_t bytes[8 * BW_RECORD_MAX];
    size_t bad, length = put_file(bytes, 3), record = (length - BW_RECORD_HEADER_BYTES) / 3;

    (void)state;
    for (size_t i = BW_RECORD_HEADER_BYTES; i < length; i++) {
        unsigned broken = 1 + (unsigned)((i - BW_RECORD_HEADER_BYTES) / record);

        bytes[i] ^= 0x10;
        assert_int_equal(read_file(bytes, length, &bad), 0xe & ~(1u << broken));
        assert_int_equal(bad, record);
        bytes[i] ^= 0x10;
    }
}

/* Cut at every length: what is whole is read. */
static void test_each_length(void **state)
{
    uint8_t bytes[8 * BW_RECORD_MAX];
    size_t bad, length = put_file(bytes, 3), record = (length - BW_RECORD_HEADER_BYTES) / 3;

    (void)state;
    for (size_t cut = BW_RECORD_HEADER_BYTES; cut < length; cut++) {
        uint8_t *exact = malloc(cut); /* so that a read beyond it is seen */
        unsigned whole = (unsigned)((cut - BW_RECORD_HEADER_BYTES) / record);

        assert_non_null(exact);
        memcpy(exact, bytes, cut);
        assert_int_equal(read_file(exact, cut, &bad), (2u << whole) - 2);
        assert_int_equal(bad, (cut - BW_RECORD_HEADER_BYTES) % record);
        free(exact);
    }
}

/* A record of another member, cluster or file is none. */
static void test_foreign(void **state)
{
    const struct bw_store_identity others[] = {
        {.cluster = 18, .member = 1, .kind = BW_RECORD_EVENT},
        {.cluster = 17, .member = 2, .kind = BW_RECORD_EVENT},
        {.cluster = 17, .member = 1, .kind = BW_RECORD_PNOTE},
    };
    struct bw_event event = event_of(1);
    uint8_t bytes[BW_RECORD_MAX];
    size_t bad, length;

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        length = bw_record_put_event(bytes, &others[i], &event);
        assert_int_equal(read_file(bytes, length, &bad), 0);
        assert_int_equal(bad, length);
    }
}

/* Sound records whose content cannot be: short, without number, out of range, a text with a NUL inside. */
static void test_content(void **state)
{
    struct bw_kept_admin admin = {.admin = 5};
    struct bw_pnote_row pnote = {.kind = BW_PNOTE_USER, .status = 9, .name = "x"};
    struct bw_event event = event_of(0);
    struct bw_record record;
    uint8_t bytes[BW_RECORD_MAX];
    size_t at = 0, bad = 0, length = bw_record_put_event(bytes, &own, &event);

    (void)state;
    assert_true(bw_record_next(bytes, length, &own, &at, &bad, &record));
    assert_int_equal(bw_record_get_event(&record, &event), -EBADMSG);
    length = bw_record_put_admin(bytes, &own, &admin);
    at = 0;
    assert_true(bw_record_next(bytes, length, &own, &at, &bad, &record));
    assert_int_equal(bw_record_get_admin(&record, &admin), -EBADMSG);
    length = bw_record_put_pnote(bytes, &own, &pnote);
    at = 0;
    assert_true(bw_record_next(bytes, length, &own, &at, &bad, &record));
    assert_int_equal(bw_record_get_pnote(&record, &pnote), -EBADMSG);

    event = event_of(7);
    bw_record_put_event(bytes, &own, &event);
    at = 0;
    assert_true(bw_record_next(bytes, sizeof(bytes), &own, &at, &bad, &record));
    for (uint16_t cut = 0; cut < record.length; cut++) {
        struct bw_record shorter = {.kind = record.kind, .version = 1, .length = cut, .payload = record.payload};

        assert_int_equal(bw_record_get_event(&shorter, &event), -EBADMSG);
    }
    bytes[8 + 8 + 8 + 16 + 8 + 1 + 3] = '\0'; /* within the first text */
    assert_int_equal(bw_record_get_event(&record, &event), -EBADMSG);
}

/* A newer version's record: longer, and read as far as it is known. */
static void test_newer(void **state)
{
    struct bw_event event = event_of(3), expected = event;
    struct bw_record record;
    uint8_t bytes[BW_RECORD_MAX], longer[BW_RECORD_MAX];
    size_t at = 0, bad = 0;

    (void)state;
    bw_record_put_event(bytes, &own, &event);
    assert_true(bw_record_next(bytes, sizeof(bytes), &own, &at, &bad, &record));
    memcpy(longer, record.payload, record.length);
    memset(longer + record.length, 0x5a, 20);
    record = (struct bw_record){
        .kind = record.kind, .version = 2, .length = (uint16_t)(record.length + 20), .payload = longer};
    assert_int_equal(bw_record_get_event(&record, &event), 0);
    assert_memory_equal(&event, &expected, sizeof(event));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_each_byte), cmocka_unit_test(test_each_length),
        cmocka_unit_test(test_foreign),    cmocka_unit_test(test_content),   cmocka_unit_test(test_newer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
