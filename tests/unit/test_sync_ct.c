/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The connection tracking provider with real kernels: what happens in one table happens in the other. */
#include "tests/unit/test_sync_ct_lab.h"

static struct lab_member one, two, three;

static int setup(void **state)
{
    (void)state;
    lab_open(&one, 1);
    lab_open(&two, 2);
    lab_open(&three, 3);
    lab_start(&one);
    lab_start(&two);
    lab_start(&three);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    lab_close(&one);
    lab_close(&two);
    lab_close(&three);
    return 0;
}

static void make(struct lab_member *m, const struct bw_ct_entry *e)
{
    assert_int_equal(lab_request(m, BW_CT_CREATE, e), 0);
}

static void mirrors_all_kinds(void **state)
{
    struct bw_ct_entry e;

    (void)state;
    e = lab_entry(IPPROTO_TCP, "10.1.0.1", 1000, "10.2.0.1", 80);
    e.scale[0] = 7;
    e.scale[1] = 9;
    make(&one, &e);
    e = lab_entry(IPPROTO_TCP, "10.1.0.2", 1000, "10.2.0.1", 80);
    lab_snat(&e, "192.0.2.1", 40000);
    make(&one, &e);
    e = lab_entry(IPPROTO_TCP, "10.1.0.3", 1000, "192.0.2.1", 443);
    lab_dnat(&e, "10.2.0.9", 8443);
    e.mark = 0xdeadbeef;
    e.parts |= BW_CT_MARK;
    make(&one, &e);
    e = lab_entry(IPPROTO_UDP, "10.1.0.4", 5000, "192.0.2.1", 53);
    lab_dnat(&e, "10.2.0.9", 53);
    lab_snat(&e, "10.2.0.254", 5001);
    make(&one, &e);
    e = lab_entry(IPPROTO_ICMP, "10.1.0.5", 77, "10.2.0.1", 8 << 8);
    lab_snat(&e, "192.0.2.1", 78);
    make(&one, &e);
    e = lab_entry(IPPROTO_SCTP, "10.1.0.6", 2905, "10.2.0.1", 2905);
    e.tag[0] = 0x11223344;
    e.tag[1] = 0x55667788;
    make(&one, &e);
    e = lab_entry(IPPROTO_GRE, "10.1.0.7", 1, "10.2.0.1", 2);
    make(&one, &e);
    e = lab_entry(50, "10.1.0.8", 0, "10.2.0.1", 0); /* ESP */
    make(&one, &e);
    e = lab_entry(IPPROTO_TCP, "fd00:1::1", 1000, "fd00:2::1", 80);
    make(&one, &e);
    e = lab_entry(IPPROTO_TCP, "fd00:1::2", 1000, "fd00:2::1", 80);
    lab_snat(&e, "fd00:3::1", 2000);
    make(&one, &e);
    e = lab_entry(IPPROTO_ICMPV6, "fd00:1::3", 5, "fd00:2::1", 128 << 8);
    make(&one, &e);
    e = lab_entry(IPPROTO_UDP, "10.1.0.1", 1000, "10.2.0.1", 80);
    e.key.zone = 5;
    make(&one, &e);
    e = lab_entry(IPPROTO_UDP, "10.1.0.1", 1000, "10.2.0.1", 80);
    e.key.zone = 6;
    e.key.zone_direction = 1;
    make(&one, &e);
    lab_pump(&one, &two);
    assert_int_equal(lab_size(&two), 13);
    lab_assert_same(&one, &two);
    assert_int_equal(lab_assert_digests(&one, &two), 13);
    assert_int_equal(one.sets, 13);
}

static void follows_changes_and_ends(void **state)
{
    struct bw_ct_entry e = lab_entry(IPPROTO_TCP, "10.1.0.1", 1000, "10.2.0.1", 80);

    (void)state;
    make(&one, &e);
    lab_pump(&one, &two);
    e.state = 4;
    e.mark = 9;
    assert_int_equal(lab_request(&one, BW_CT_UPDATE, &e), 0);
    lab_pump(&one, &two);
    lab_assert_same(&one, &two);
    lab_assert_digests(&one, &two);
    assert_int_equal(lab_request(&one, BW_CT_DELETE, &e), 0);
    lab_pump(&one, &two);
    assert_int_equal(lab_size(&two), 0);
    assert_int_equal(lab_assert_digests(&one, &two), 0);
    lab_read(&two);
    assert_int_equal(two.sets + two.deletes + two.lost_calls, 0); /* nothing comes back */
}


/* ---- entries of the local host, and what the configuration leaves out ---- */

static void leaves_out_what_cannot_move(void **state)
{
    static const char *const lines[][2] = {{"127.0.0.1", "10.2.0.1"},  {"10.1.0.1", "127.0.0.1"},  {"10.1.0.1", "224.0.0.5"},
                                           {"10.1.0.1", "255.255.255.255"}, {"fe80::1", "fd00::1"}, {"fd00::1", "ff02::1"}};
    struct bw_ct_entry e;

    (void)state;
    for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        e = lab_entry(IPPROTO_UDP, lines[i][0], 1000, lines[i][1], 80);
        make(&one, &e);
    }
    e = lab_entry(112, "10.1.0.1", 0, "10.2.0.1", 0);
    make(&one, &e);
    e = lab_entry(IPPROTO_IGMP, "10.1.0.1", 0, "10.2.0.1", 0);
    make(&one, &e);
    lab_read(&one);
    assert_int_equal(one.sets, 0);
}

static void leaves_out_own_addresses(void **state)
{
    struct bw_ct_select *select = ((struct bw_ct *)one.provider)->select;
    struct bw_ct_entry e;
    uint8_t own[16];

    (void)state;
    lab_address("192.0.2.1", own);
    bw_ct_select_own(select, own, 4);
    e = lab_entry(IPPROTO_TCP, "192.0.2.1", 1000, "10.2.0.1", 80); /* begun here */
    make(&one, &e);
    e = lab_entry(IPPROTO_TCP, "10.1.0.1", 1000, "192.0.2.1", 80); /* ends here */
    make(&one, &e);
    lab_read(&one);
    assert_int_equal(one.sets, 0);
    e = lab_entry(IPPROTO_TCP, "10.1.0.1", 1000, "10.2.0.1", 80); /* through, behind the own address */
    lab_snat(&e, "192.0.2.1", 4000);
    make(&one, &e);
    e = lab_entry(IPPROTO_TCP, "10.1.0.1", 1000, "192.0.2.1", 443); /* through the own address */
    lab_dnat(&e, "10.2.0.1", 443);
    make(&one, &e);
    lab_read(&one);
    assert_int_equal(one.sets, 2);
}

/* ---- full sync ---- */

static struct bw_ct_entry nth(unsigned i)
{
    return lab_entry(i % 3 ? IPPROTO_TCP : IPPROTO_UDP, i % 7 ? "10.1.0.1" : "fd00::1", (uint16_t)(1024 + i),
                     i % 7 ? "10.2.0.1" : "fd00::2", 80);
}

static void fill(struct lab_member *m, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct bw_ct_entry e = nth(i);

        make(m, &e);
    }
}

static void full_sync_is_complete(void **state)
{
    (void)state;
    fill(&one, 2000);
    lab_read(&one);
    one.updates_count = 0; /* nobody was there */
    assert_in_range(lab_full(&one, &two, 7), 2000, 2400);
    lab_assert_same(&one, &two);
    assert_int_equal(lab_assert_digests(&one, &two), 2000);
}

/* A table so large that it is read at once changes while it is sent: entries change, end and begin. */
static void large_tables_change_meanwhile(void **state)
{
    struct lab_emission e = {.to = &two, .owner = one.id};
    const unsigned count = 6000;
    uint64_t cursor = 0;
    unsigned turns = 0;
    int more;

    (void)state;
    fill(&one, count);
    lab_read(&one);
    one.updates_count = 0; /* nobody was there */
    bw_sync_conntrack.repair_begin(two.provider, one.id, lab_all);
    do {
        struct bw_ct_entry changed = nth(10 * turns + 1), gone = nth(10 * turns + 2), fresh = nth(count + turns);

        changed.state = 5;
        assert_int_equal(lab_request(&one, BW_CT_UPDATE, &changed), 0);
        assert_int_equal(lab_request(&one, BW_CT_DELETE, &gone), 0);
        make(&one, &fresh);
        if (turns % 2)
            lab_read(&one); /* else the dump comes before the event */
        e.left = 100;
        lab_enter(&one);
        more = bw_sync_conntrack.dump(one.provider, one.id, lab_all, &cursor, lab_emit, &e);
        assert_true(more >= 0);
        lab_deliver(&one, &two, NULL);
        turns++;
    } while (more);
    lab_enter(&two);
    bw_sync_conntrack.repair_end(two.provider, one.id, lab_all);
    assert_in_range(turns, count / 100, 10 * count / 100);
    lab_pump(&one, &two);
    lab_assert_same(&one, &two);
    assert_int_equal(lab_assert_digests(&one, &two), count);
    assert_non_null(((struct bw_ct *)one.provider)->shot.bytes);
    lab_turns(&one); /* it is not kept for ever */
    assert_null(((struct bw_ct *)one.provider)->shot.bytes);
}

static void repair_removes_what_the_owner_lacks(void **state)
{
    struct bw_ct_entry e = lab_entry(IPPROTO_TCP, "10.1.0.1", 1024, "10.2.0.1", 81);

    (void)state;
    fill(&one, 300);
    make(&one, &e);
    lab_pump(&one, &two);
    assert_int_equal(lab_request(&one, BW_CT_DELETE, &e), 0);
    lab_read(&one);
    one.updates_count = 0; /* the delete is lost */
    assert_int_equal(lab_size(&two), 301);
    lab_full(&one, &two, 100);
    assert_int_equal(lab_size(&two), 300);
    lab_assert_same(&one, &two);
    lab_assert_digests(&one, &two);
}

static void dump_tells_what_events_have_not(void **state)
{
    struct bw_ct_entry e = lab_entry(IPPROTO_TCP, "10.1.0.1", 1024, "10.2.0.1", 81), gone = e;

    (void)state;
    gone.key.tuple.sport = gone.reply.dport = 1025;
    make(&one, &e);
    make(&one, &gone);
    lab_read(&one);
    one.updates_count = 0;
    e.state = 5;
    assert_int_equal(lab_request(&one, BW_CT_UPDATE, &e), 0);
    assert_int_equal(lab_request(&one, BW_CT_DELETE, &gone), 0);
    lab_full(&one, &two, 100); /* events of both wait unread */
    lab_assert_same(&one, &two);
    assert_int_equal(lab_assert_digests(&one, &two), 1);
    lab_pump(&one, &two);
    lab_assert_same(&one, &two);
}

/* ---- a full queue ---- */

static void keeps_its_place_when_refused(void **state)
{
    (void)state;
    fill(&one, 500);
    one.refuse = 10;
    for (unsigned i = 0; i < 50; i++) {
        lab_read(&one);
        assert_int_equal(one.updates_count, 10);
        lab_deliver(&one, &two, NULL);
    }
    one.refuse = 0;
    lab_pump(&one, &two);
    assert_int_equal(one.sets, 500);
    lab_assert_same(&one, &two);
    lab_assert_digests(&one, &two);
}

/* What happened goes by unseen. */
static void steal_events(struct lab_member *m)
{
    struct bw_ct *ct = m->provider;

    while (bw_ct_receive(ct->events, &ct->answers) > 0)
        ;
}

/* A sweep to its end; the queue takes ten at a time. Returns how often it was full. */
static unsigned sweep_slowly(struct lab_member *from, struct lab_member *to)
{
    struct bw_ct *ct = from->provider;
    uint64_t until_ns = ct->now_ns;
    unsigned full = 0;

    from->refuse = 10;
    lab_enter(from);
    bw_ct_sweep_begin(ct, false);
    for (unsigned i = 0; i < 500 && (ct->sweep.fd >= 0 || ct->sweep.second); i++) {
        until_ns += BW_SEC / 4;
        lab_turns_until(from, until_ns);
        assert_in_range(from->updates_count, 0, 10);
        full += from->updates_count == 10;
        lab_deliver(from, to, NULL);
    }
    from->refuse = 0;
    assert_true(ct->sweep.fd < 0 && !ct->sweep.second);
    return full;
}

static void sweeps_wait_for_a_full_queue(void **state)
{
    (void)state;
    fill(&one, 700);
    steal_events(&one);
    assert_in_range(sweep_slowly(&one, &two), 70, 71);
    assert_int_equal(one.sets, 700);
    lab_assert_same(&one, &two);
    for (unsigned i = 0; i < 700; i += 2) {
        struct bw_ct_entry e = nth(i);

        assert_int_equal(lab_request(&one, BW_CT_DELETE, &e), 0);
    }
    steal_events(&one);
    assert_in_range(sweep_slowly(&one, &two), 35, 36);
    assert_int_equal(one.sets, 700);
    assert_int_equal(one.deletes, 350);
    lab_assert_same(&one, &two);
    assert_int_equal(lab_assert_digests(&one, &two), 350);
}

/* ---- lost events ---- */

static void mends_after_lost_events(void **state)
{
    struct bw_ct *ct = one.provider;
    int least = 4096;

    (void)state;
    fill(&one, 100);
    lab_pump(&one, &two);
    assert_int_equal(setsockopt(ct->events, SOL_SOCKET, SO_RCVBUFFORCE, &least, sizeof(least)), 0);
    for (unsigned i = 0; i < 50; i++) {
        struct bw_ct_entry e = lab_entry(i % 3 ? IPPROTO_TCP : IPPROTO_UDP, i % 7 ? "10.1.0.1" : "fd00::1",
                                         (uint16_t)(1024 + i), i % 7 ? "10.2.0.1" : "fd00::2", 80);

        assert_int_equal(lab_request(&one, BW_CT_DELETE, &e), 0);
    }
    for (unsigned i = 0; i < 200; i++) {
        struct bw_ct_entry e = lab_entry(IPPROTO_TCP, "10.1.0.9", (uint16_t)(1024 + i), "10.2.0.1", 80);

        make(&one, &e);
    }
    lab_pump(&one, &two);
    assert_int_equal(ct->overruns, 1);
    lab_turns(&one);
    lab_deliver(&one, &two, NULL);
    assert_int_equal(one.lost_calls, 1);
    assert_int_equal(lab_size(&two), 250);
    lab_assert_same(&one, &two);
    lab_assert_digests(&one, &two);
}

/* ---- lives ---- */

static void copies_live_longer(void **state)
{
    struct bw_ct_entry e = lab_entry(IPPROTO_UDP, "10.1.0.1", 1000, "10.2.0.1", 53);
    struct lab_row *rows;

    (void)state;
    e.timeout_s = 30;
    make(&one, &e);
    lab_pump(&one, &two);
    assert_int_equal(lab_table(&two, &rows), 1);
    assert_in_range(rows[0].entry.timeout_s, BW_CT_COPY_LEAST_S - 30, BW_CT_COPY_LEAST_S);
    free(rows);
}

static void tells_again_before_copies_end(void **state)
{
    struct bw_ct_entry e = lab_entry(IPPROTO_UDP, "10.1.0.1", 1000, "10.2.0.1", 53);

    (void)state;
    make(&one, &e);
    lab_pump(&one, &two);
    lab_turns_until(&one, lab_now_ns() + 10 * BW_SEC);
    assert_int_equal(one.sets, 1);
    lab_turns_until(&one, lab_now_ns() + BW_CT_REFRESH_MOST_S * BW_SEC);
    assert_int_equal(one.sets, 2);
    lab_deliver(&one, &two, NULL);
    lab_assert_digests(&one, &two);
}

/* What was in the kernel at the start is told in time, too, however long the machine is up. */
static void tells_again_what_was_found(void **state)
{
    struct bw_ct_entry e = lab_entry(IPPROTO_UDP, "10.1.0.1", 1000, "10.2.0.1", 53);

    (void)state;
    lab_stop(&one);
    make(&one, &e);
    lab_start(&one);
    lab_turns_until(&one, lab_now_ns() + 10 * BW_SEC);
    assert_int_equal(one.sets, 0);
    lab_turns_until(&one, lab_now_ns() + BW_CT_COPY_LEAST_S * BW_SEC * 2 / 3);
    assert_int_equal(one.sets, 1);
    lab_deliver(&one, &two, NULL);
    lab_assert_digests(&one, &two);
}

/* A connection that is gone without any event: its copy goes too. */
static void notices_what_went_silently(void **state)
{
    struct bw_ct_entry e = lab_entry(IPPROTO_UDP, "10.1.0.1", 1000, "10.2.0.1", 53);
    struct bw_ct *ct = one.provider;
    struct bw_ct_batch batch = ct->answers;

    (void)state;
    make(&one, &e);
    lab_pump(&one, &two);
    assert_int_equal(lab_request(&one, BW_CT_DELETE, &e), 0);
    assert_int_equal(bw_ct_receive(ct->events, &batch), 1); /* the event is stolen */
    lab_enter(&one);
    bw_ct_sweep_begin(ct, false);
    lab_turns(&one);
    assert_int_equal(one.deletes, 1);
    lab_deliver(&one, &two, NULL);
    assert_int_equal(lab_size(&two), 0);
}

static void finds_what_began_silently(void **state)
{
    struct bw_ct_entry e = lab_entry(IPPROTO_UDP, "10.1.0.1", 1000, "10.2.0.1", 53);
    struct bw_ct *ct = one.provider;
    struct bw_ct_batch batch = ct->answers;

    (void)state;
    make(&one, &e);
    assert_int_equal(bw_ct_receive(ct->events, &batch), 1);
    lab_enter(&one);
    bw_ct_sweep_begin(ct, false);
    lab_turns(&one);
    assert_int_equal(one.sets, 1);
    lab_deliver(&one, &two, NULL);
    lab_assert_same(&one, &two);
}

/* ---- awkward kernels ---- */

/* The peer's entry needs a translated port that another, stale entry here has. */
static void stale_entries_make_way(void **state)
{
    struct bw_ct_entry stale = lab_entry(IPPROTO_TCP, "10.1.0.1", 1000, "10.2.0.1", 80), e = stale;

    (void)state;
    lab_snat(&stale, "192.0.2.1", 4000);
    make(&two, &stale);
    lab_read(&two);
    lab_address("10.1.0.2", e.key.tuple.src);
    bw_ct_invert(IPPROTO_TCP, &e.key.tuple, &e.reply);
    lab_snat(&e, "192.0.2.1", 4000);
    make(&one, &e);
    lab_pump(&one, &two);
    lab_assert_same(&one, &two);
    /* The same name with another translation: it was used again, and the end of the first was not heard. */
    lab_address("192.0.2.9", e.reply.dst);
    assert_int_equal(lab_request(&one, BW_CT_DELETE, &e), 0);
    lab_read(&one);
    one.updates_count = 0;
    make(&one, &e);
    lab_pump(&one, &two);
    lab_assert_same(&one, &two);
    lab_assert_digests(&one, &two);
}

static void helpers_that_are_missing_are_left_out(void **state)
{
    struct bw_ct_entry e = lab_entry(IPPROTO_TCP, "10.1.0.1", 1000, "10.2.0.1", 21);
    struct bw_ct_wire wire;
    struct bw_sync_record record;

    (void)state;
    e.parts |= BW_CT_HELPER;
    snprintf(e.helper, sizeof(e.helper), "nosuch");
    bw_ct_wire_key(&e.key, &wire);
    bw_ct_wire_value(&e, (struct bw_ct_turn){0, false}, &wire);
    record = bw_ct_wire_record(&wire, BW_SYNC_SET);
    assert_int_equal(lab_apply(&two, 1, &record), 0);
    assert_int_equal(bw_sync_conntrack.flush(two.provider), 0);
    assert_int_equal(lab_size(&two), 1);
}

/* ---- overload ---- */

static bool ruleset_has(const char *text)
{
    char line[512];
    bool found = false;
    FILE *f = popen("nft list ruleset", "r");

    assert_non_null(f);
    while (fgets(line, sizeof(line), f))
        found |= strstr(line, text) != NULL;
    pclose(f);
    return found;
}

static void refuses_new_ones_while_overloaded(void **state)
{
    struct bw_sync_row row;

    (void)state;
    lab_enter(&one);
    bw_sync_conntrack.overload(one.provider, true); /* off by default */
    assert_false(ruleset_has("bellwether-sync"));
    one.config->cluster.sync.block = true;
    one.config->cluster.sync.block_allow = BW_SYNC_UDP | BW_SYNC_UDP_DATA;
    bw_sync_conntrack.overload(one.provider, true);
    assert_true(ruleset_has("table inet bellwether-sync"));
    assert_true(ruleset_has("ct state new meta l4proto tcp counter packets 0 bytes 0 drop"));
    assert_true(ruleset_has("ct state related meta l4proto tcp counter packets 0 bytes 0 drop"));
    assert_true(ruleset_has("ct state new meta l4proto icmp counter packets 0 bytes 0 drop"));
    assert_false(ruleset_has("l4proto udp"));
    memset(&row, 0, sizeof(row));
    bw_sync_conntrack.count(one.provider, &row);
    assert_int_equal(row.blocking_scenarios, 1);
    assert_int_equal(row.blocked_packets, 0);
    bw_sync_conntrack.overload(one.provider, false);
    assert_false(ruleset_has("bellwether-sync"));
    bw_sync_conntrack.overload(one.provider, true);
    lab_stop(&one); /* nothing stays behind */
    assert_false(ruleset_has("bellwether-sync"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(mirrors_all_kinds, setup, teardown),
        cmocka_unit_test_setup_teardown(follows_changes_and_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(leaves_out_what_cannot_move, setup, teardown),
        cmocka_unit_test_setup_teardown(leaves_out_own_addresses, setup, teardown),
        cmocka_unit_test_setup_teardown(full_sync_is_complete, setup, teardown),
        cmocka_unit_test_setup_teardown(large_tables_change_meanwhile, setup, teardown),
        cmocka_unit_test_setup_teardown(repair_removes_what_the_owner_lacks, setup, teardown),
        cmocka_unit_test_setup_teardown(dump_tells_what_events_have_not, setup, teardown),
        cmocka_unit_test_setup_teardown(keeps_its_place_when_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(sweeps_wait_for_a_full_queue, setup, teardown),
        cmocka_unit_test_setup_teardown(mends_after_lost_events, setup, teardown),
        cmocka_unit_test_setup_teardown(copies_live_longer, setup, teardown),
        cmocka_unit_test_setup_teardown(tells_again_before_copies_end, setup, teardown),
        cmocka_unit_test_setup_teardown(tells_again_what_was_found, setup, teardown),
        cmocka_unit_test_setup_teardown(notices_what_went_silently, setup, teardown),
        cmocka_unit_test_setup_teardown(finds_what_began_silently, setup, teardown),
        cmocka_unit_test_setup_teardown(stale_entries_make_way, setup, teardown),
        cmocka_unit_test_setup_teardown(helpers_that_are_missing_are_left_out, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_new_ones_while_overloaded, setup, teardown),
    };

    return cmocka_run_group_tests_name("sync_ct", tests, NULL, NULL);
}
