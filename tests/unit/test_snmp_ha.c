/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The view of CHECKPOINT-MIB's ha subtree without an snmpd: order, completeness, values, and its
 * notifications.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "agent/snmp/checkpoint.h"
#include "fixture.h"

static bool fake_address(const char *device, uint32_t *address, uint32_t *mask)
{
    if (strcmp(device, "eth2") != 0)
        return false;
    *address = 0xc0a80a01; /* 192.168.10.1 */
    *mask = 0xffffff00;
    return true;
}

static struct bw_snapshot snapshot;
static struct bw_ha_view view = {.snapshot = &snapshot, .own_address = fake_address};

static int set_up(void **state)
{
    (void)state;
    memset(&snapshot, 0, sizeof(snapshot));
    bw_fixture_fill(&snapshot);
    snapshot.number = 1;
    return 0;
}

/* The instance of these arcs, "" when there is none; numbers as text. */
static const char *value(const char *arcs, struct bw_ha_hit *hit)
{
    static char text[32];
    oid name[8];
    size_t length = 0;

    for (const char *at = arcs; *at != '\0'; at += *at == '.')
        name[length++] = strtoul(at, (char **)&at, 10);
    if (bw_ha_get(&view, name, length, hit) != 0)
        return "";
    if (hit->type == 4)
        return hit->value.text;
    if (hit->type == 0x40)
        snprintf(text, sizeof(text), "%u.%u.%u.%u", hit->value.address[0], hit->value.address[1], hit->value.address[2],
                 hit->value.address[3]);
    else
        snprintf(text, sizeof(text), "%ld", hit->value.number);
    return text;
}

static void walk_is_sorted_and_complete(void **state)
{
    struct bw_ha_hit hit, again;
    oid name[BW_HA_NAME_MAX];
    size_t length = 0;
    unsigned count = 0;

    (void)state;
    while (bw_ha_next(&view, name, length, false, &hit) == 0) {
        assert_true(bw_snmp_compare(hit.name, hit.length, name, length) > 0);
        assert_int_equal(hit.name[hit.length - 1], 0);
        assert_int_equal(bw_ha_get(&view, hit.name, hit.length, &again), 0);
        assert_int_equal(bw_ha_next(&view, hit.name, hit.length, true, &again), 0);
        assert_int_equal(bw_snmp_compare(again.name, again.length, hit.name, hit.length), 0);
        /* From every name just before this one it is the next. */
        if (hit.length == 5) {
            assert_int_equal(bw_ha_next(&view, hit.name, 4, false, &again), 0);
            assert_int_equal(bw_snmp_compare(again.name, again.length, hit.name, hit.length), 0);
        }
        memcpy(name, hit.name, hit.length * sizeof(oid));
        length = hit.length;
        assert_true(++count < 1000);
    }
    /* 16 scalars; 3 interfaces, 4 pnotes, 2 IPv4 addresses, 1 secured interface. */
    assert_int_equal(count, 16 + 3 * 7 + 4 * 6 + 2 * 6 + 4);
}

static void values_are_what_pollers_compare_with(void **state)
{
    static const char *const wanted[][2] = {
        {"1.0", "High Availability"},
        {"2.0", "1"},
        {"3.0", "0"},
        {"4.0", "1"},
        {"5.0", "yes"},
        {"6.0", "active"},
        {"7.0", "OK"},
        {"8.0", "1"},
        {"11.0", "High Availability (Active Up)"},
        {"12.1.2.3.0", "eth2"},
        {"12.1.3.3.0", "192.168.10.1"},
        {"12.1.3.1.0", "0.0.0.0"},
        {"12.1.4.1.0", "Up"},
        {"12.1.6.3.0", "1"},
        {"12.1.6.1.0", "0"},
        {"12.1.7.1.0", "1"},
        {"12.1.7.3.0", "0"},
        {"13.1.1.4.0", "4"},
        {"13.1.2.4.0", "Interface Active Check"},
        {"13.1.3.4.0", "OK"},
        {"13.1.5.4.0", "1"},
        {"14.0", "0.1.0"},
        {"15.1.2.2.0", "eth0"},
        {"15.1.3.2.0", "192.168.10.100"},
        {"15.1.4.2.0", "255.255.255.0"},
        {"15.1.5.2.0", "192.168.10.0"},
        {"16.1.2.1.0", "eth2"},
        {"16.1.3.1.0", "-1062729215"},
        {"16.1.4.1.0", "-256"},
        {"17.0", "3"},
        {"101.0", "0"},
        {"102.0", "OK"},
        {"999.0", "0"},
    };
    struct bw_ha_hit hit;

    (void)state;
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        assert_string_equal(value(wanted[i][0], &hit), wanted[i][1]);
    assert_string_equal(value("103.0", &hit), "member fw1 is active: first in rank");
    snapshot.cluster.local_member = 2;
    assert_string_equal(value("6.0", &hit), "down");
    assert_string_equal(value("101.0", &hit), "2");
    assert_string_equal(value("102.0", &hit), "Problem");
    assert_string_equal(value("13.1.3.1.0", &hit), "problem");
    assert_string_equal(value("13.1.6.1.0", &hit), "the backup of 02:00 failed");
    snapshot.members[1].state = BW_MEMBER_ATTENTION;
    assert_string_equal(value("6.0", &hit), "active attention");
    assert_string_equal(value("101.0", &hit), "1");
    snapshot.members[1].state = BW_MEMBER_INITIALIZING;
    assert_string_equal(value("7.0", &hit), "initializing");
}

static void wrong_names_are_told_apart(void **state)
{
    static const struct {
        size_t length;
        oid name[6];
        int rc;
    } names[] = {
        {0, {0}, -ENOENT},
        {1, {1}, -ENXIO},
        {2, {1, 1}, -ENXIO},
        {2, {9, 0}, -ENOENT},
        {3, {12, 1, 2}, -ENXIO},
        {4, {12, 1, 2, 1}, -ENXIO},
        {5, {12, 1, 2, 0, 0}, -ENXIO},
        {5, {12, 1, 2, 4, 0}, -ENXIO},
        {5, {12, 1, 2, 4294967297, 0}, -ENXIO},
        {5, {12, 1, 2, 1, 1}, -ENXIO},
        {6, {12, 1, 2, 1, 0, 0}, -ENXIO},
        {5, {12, 1, 8, 1, 0}, -ENOENT},
        {5, {12, 2, 2, 1, 0}, -ENOENT},
    };
    struct bw_ha_hit hit;

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(bw_ha_get(&view, names[i].name, names[i].length, &hit), names[i].rc);
    assert_int_equal(bw_ha_next(&view, (const oid[]){999, 0}, 2, false, &hit), -ENOENT);
    assert_int_equal(bw_ha_next(&view, (const oid[]){12, 1, 2, 4294967295, 7}, 5, false, &hit), 0);
    assert_int_equal(hit.name[2], 3);
}

static unsigned traps_of(uint32_t kind, uint32_t member, const char *object, const char *from, const char *to,
                         struct bw_ha_trap *traps)
{
    struct bw_event event = {.kind = kind, .member = member, .cause = BW_CAUSE_ADMIN};

    bw_copy(event.object, sizeof(event.object), object);
    bw_copy(event.from, sizeof(event.from), from);
    bw_copy(event.to, sizeof(event.to), to);
    bw_copy(event.reason, sizeof(event.reason), "so it is");
    return bw_ha_traps(&view, &event, traps);
}

static void traps_tell_and_clear(void **state)
{
    struct bw_ha_trap traps[BW_HA_TRAPS];

    (void)state;
    assert_int_equal(traps_of(BW_EVENT_STATE_CHANGE, 2, "", "standby", "down", traps), 0); /* another member */
    assert_int_equal(traps_of(BW_EVENT_STATE_CHANGE, 1, "", "active", "down", traps), 2);
    assert_int_equal(traps[0].number, 1);
    assert_int_equal(traps[0].severity, 4);
    assert_string_equal(traps[0].varbinds[1].value.text, "down"); /* not what it is now */
    assert_int_equal(traps[1].number, 3);
    assert_int_equal(traps[1].count, 6);
    assert_string_equal(traps[1].varbinds[5].value.text, "member fw1 is down: so it is");
    assert_int_equal(traps_of(BW_EVENT_STATE_CHANGE, 1, "", "initializing", "standby", traps), 3);
    assert_int_equal(traps[1].number, 2);
    assert_int_equal(traps[1].severity, 0);
    assert_int_equal(traps[2].severity, 0);
    assert_int_equal(traps_of(BW_EVENT_STATE_CHANGE, 1, "", "standby", "active", traps), 1);
    assert_int_equal(traps_of(BW_EVENT_PNOTE, 1, "vpn-watch", "ok", "problem", traps), 1);
    assert_int_equal(traps[0].number, 4);
    assert_int_equal(traps[0].count, 5);
    assert_string_equal(traps[0].varbinds[1].value.text, "problem");
    assert_int_equal(traps_of(BW_EVENT_PNOTE, 1, "gone", "problem", "unregistered", traps), 1);
    assert_int_equal(traps[0].severity, 0);
    assert_int_equal(traps[0].count, 0);
    assert_int_equal(traps_of(BW_EVENT_INTERFACE, 1, "eth1", "up", "down", traps), 1);
    assert_int_equal(traps[0].number, 5);
    assert_string_equal(traps[0].varbinds[2].value.text, "Down");
    assert_int_equal(traps_of(BW_EVENT_FAILOVER, 2, "", "fw1", "fw2", traps), 1);
    assert_int_equal(traps[0].number, 6);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup(function, set_up)
    const struct CMUnitTest tests[] = {
        TEST(walk_is_sorted_and_complete),
        TEST(values_are_what_pollers_compare_with),
        TEST(wrong_names_are_told_apart),
        TEST(traps_tell_and_clear),
    };

    return cmocka_run_group_tests_name("snmp_ha", tests, NULL, NULL);
}
