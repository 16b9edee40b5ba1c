/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose an entry is: takeovers, rivals, restarts, masters and expectations. */
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

static struct bw_ct_entry tcp(uint16_t port)
{
    return lab_entry(IPPROTO_TCP, "10.1.0.1", port, "10.2.0.1", 80);
}

static void packets_elsewhere_move_it(void **state)
{
    struct bw_ct_entry e = tcp(1000);

    (void)state;
    make(&one, &e);
    lab_pump(&one, &two);
    e.state = 4;
    assert_int_equal(lab_request(&two, BW_CT_UPDATE, &e), 0);
    lab_pump(&two, &one);
    assert_int_equal(lab_assert_digests(&one, &two), 0);
    assert_int_equal(lab_assert_digests(&two, &one), 1);
    lab_assert_same(&one, &two);
    /* The former owner's copy ends: that is not the end of the connection. */
    assert_int_equal(lab_request(&one, BW_CT_DELETE, &e), 0);
    lab_read(&one);
    assert_int_equal(one.deletes, 0);
    assert_int_equal(one.lost_calls, 1);
    assert_int_equal(lab_size(&two), 1);
}

/* The owner's entry runs out while its packets pass through another member that serves: there it lives on. */
static void an_owner_that_sees_no_packets(void **state)
{
    struct bw_ct_entry e = lab_entry(IPPROTO_UDP, "10.1.0.1", 1000, "10.2.0.1", 53), idle = e;
    struct lab_row *rows;

    (void)state;
    idle.key.tuple.sport = idle.reply.dport = 1001;
    make(&one, &e);
    make(&one, &idle);
    lab_pump(&one, &two);
    bw_sync_conntrack.role(two.provider, true, 1, lab_now_ns());
    e.timeout_s = 5000;
    e.parts &= ~(uint32_t)(BW_CT_STATUS | BW_CT_REPLY);
    assert_int_equal(lab_request(&two, BW_CT_UPDATE, &e), 0); /* what a packet does, only longer */
    while (bw_ct_receive(((struct bw_ct *)two.provider)->events, &((struct bw_ct *)two.provider)->answers) > 0)
        ; /* a packet that changes nothing but the life raises no event */
    assert_int_equal(lab_request(&one, BW_CT_DELETE, &e), 0);
    assert_int_equal(lab_request(&one, BW_CT_DELETE, &idle), 0);
    lab_pump(&one, &two);
    assert_int_equal(lab_table(&two, &rows), 1);
    assert_int_equal(rows[0].entry.key.tuple.sport, 1000);
    free(rows);
    lab_deliver(&two, &one, NULL);
    assert_int_equal(lab_assert_digests(&two, &one), 1);
}

static void both_at_a_time_agree(void **state)
{
    struct bw_ct_entry e = tcp(1000);

    (void)state;
    make(&one, &e);
    make(&two, &e);
    lab_read(&one);
    lab_read(&two);
    lab_deliver(&one, &two, NULL);
    lab_deliver(&two, &one, NULL);
    assert_int_equal(lab_assert_digests(&one, &two), 1); /* the lower id has it */
    assert_int_equal(lab_assert_digests(&two, &one), 0);
    assert_int_equal(lab_size(&one), 1);
    assert_int_equal(lab_size(&two), 1);
    /* Two others take it from its owner at a time. */
    lab_read(&one);
    lab_full(&one, &three, 100);
    e.state = 4;
    assert_int_equal(lab_request(&two, BW_CT_UPDATE, &e), 0);
    e.state = 5;
    assert_int_equal(lab_request(&three, BW_CT_UPDATE, &e), 0);
    lab_read(&two);
    lab_read(&three);
    for (unsigned i = 0; i < 1; i++) {
        struct lab_member *from[] = {&two, &three};

        for (unsigned k = 0; k < 2; k++) {
            struct lab_update u = from[k]->updates[from[k]->updates_count - 1];

            u.record.key = u.bytes;
            u.record.value = u.bytes + u.record.key_length;
            assert_int_equal(lab_apply(&one, from[k]->id, &u.record), 0);
        }
    }
    lab_deliver(&three, &two, NULL);
    lab_deliver(&two, &three, NULL);
    bw_sync_conntrack.flush(one.provider);
    assert_int_equal(lab_assert_digests(&two, &one), 1);
    assert_int_equal(lab_assert_digests(&two, &three), 1);
    assert_int_equal(lab_assert_digests(&three, &one), 0);
}

static void deletes_count_from_the_owner_only(void **state)
{
    struct bw_ct_entry e = tcp(1000);
    struct bw_sync_record record;
    struct bw_ct_wire wire;

    (void)state;
    make(&one, &e);
    lab_pump(&one, &two);
    bw_ct_wire_key(&e.key, &wire);
    record = bw_ct_wire_record(&wire, BW_SYNC_DELETE);
    assert_int_equal(lab_apply(&two, 3, &record), 0);
    assert_int_equal(bw_sync_conntrack.flush(two.provider), 0);
    assert_int_equal(lab_size(&two), 1);
    assert_int_equal(lab_apply(&two, 1, &record), 0);
    assert_int_equal(bw_sync_conntrack.flush(two.provider), 0);
    assert_int_equal(lab_size(&two), 0);
}

/* The active moves to two in good order, and later back; the old one's copies come to an end by themselves. */
static void takeover_and_back(void **state)
{
    (void)state;
    for (uint16_t i = 0; i < 100; i++) {
        struct bw_ct_entry e = tcp((uint16_t)(1000 + i));

        make(&one, &e);
    }
    lab_pump(&one, &two);
    bw_sync_conntrack.owner_gone(two.provider, 1, true);
    assert_int_equal(two.sets, 0);
    lab_full(&two, &one, 30); /* what the digests lead to */
    assert_int_equal(lab_assert_digests(&two, &one), 100);
    assert_int_equal(lab_assert_digests(&one, &two), 0);
    for (uint16_t i = 0; i < 100; i++) { /* the copies on one time out: nothing is told to end */
        struct bw_ct_entry e = tcp((uint16_t)(1000 + i));

        if (i % 2)
            assert_int_equal(lab_request(&one, BW_CT_DELETE, &e), 0);
    }
    lab_pump(&one, &two);
    assert_int_equal(one.deletes, 0);
    assert_int_equal(lab_size(&two), 100);
    lab_full(&two, &one, 30);
    lab_assert_same(&one, &two);
    bw_sync_conntrack.owner_gone(one.provider, 2, true);
    lab_full(&one, &two, 30);
    assert_int_equal(lab_assert_digests(&one, &two), 100);
}

/* What the old owner still says after a takeover, in good faith, does no harm. */
/* Every member changes the owner by itself: nothing is sent, and the digests agree. */
static void everybody_moves_them(void **state)
{
    struct bw_ct_entry udp = lab_entry(IPPROTO_UDP, "10.1.0.1", 1000, "10.2.0.1", 53);
    struct lab_row *rows;

    (void)state;
    bw_sync_conntrack.role(one.provider, true, 2, lab_now_ns());
    make(&one, &udp);
    for (uint16_t i = 0; i < 50; i++) {
        struct bw_ct_entry e = tcp((uint16_t)(1000 + i));

        make(&one, &e);
    }
    lab_read(&one);
    lab_deliver(&one, &two, &three);
    for (unsigned i = 0; i < 3; i++)
        bw_sync_conntrack.owner_moved((struct lab_member *[]){&one, &two, &three}[i]->provider, 1, 2);
    bw_sync_conntrack.role(one.provider, false, 2, lab_now_ns());
    bw_sync_conntrack.role(two.provider, true, 2, lab_now_ns());
    assert_int_equal(lab_assert_digests(&two, &one), 51);
    assert_int_equal(lab_assert_digests(&two, &three), 51);
    assert_int_equal(lab_assert_digests(&one, &two), 0);
    assert_int_equal(two.sets + two.deletes, 0);
    assert_int_equal(lab_table(&one, &rows), 51);
    for (unsigned i = 0; i < 51; i++) /* the former holder's have the life of copies */
        assert_true(rows[i].entry.key.protocol == IPPROTO_TCP || rows[i].entry.timeout_s <= BW_CT_COPY_LEAST_S);
    free(rows);
    lab_read(&one);
    assert_int_equal(one.deletes + one.lost_calls, 0);
}

/* The one that took over had half of the table: nothing of the other half is lost. */
static void an_heir_without_the_whole_table(void **state)
{
    (void)state;
    for (uint16_t i = 0; i < 50; i++) {
        struct bw_ct_entry e = tcp((uint16_t)(1000 + i));

        make(&one, &e);
    }
    lab_read(&one);
    one.updates_count = 25;
    lab_deliver(&one, &two, NULL);
    bw_sync_conntrack.owner_moved(one.provider, 1, 2);
    bw_sync_conntrack.owner_moved(two.provider, 1, 2);
    lab_full(&two, &one, 100);
    assert_int_equal(lab_size(&one), 50);
    lab_turns(&one);
    lab_deliver(&one, &two, NULL);
    assert_int_equal(lab_size(&two), 50);
    assert_int_equal(lab_assert_digests(&one, &two), 25);
    assert_int_equal(lab_assert_digests(&two, &one), 25);
}

static void late_words_of_the_old_owner(void **state)
{
    struct bw_ct_entry e = tcp(1000);

    (void)state;
    make(&one, &e);
    lab_pump(&one, &two);
    assert_int_equal(lab_request(&one, BW_CT_DELETE, &e), 0);
    lab_read(&one);
    bw_sync_conntrack.owner_gone(two.provider, 1, true);
    lab_deliver(&one, &two, NULL);
    assert_int_equal(lab_size(&two), 1);
    assert_int_equal(lab_full(&two, &one, 100), 1);
    assert_int_equal(lab_size(&one), 1);
    assert_int_equal(lab_assert_digests(&two, &one), 1);
}

static void restart_of_the_owner(void **state)
{
    (void)state;
    for (uint16_t i = 0; i < 50; i++) {
        struct bw_ct_entry e = tcp((uint16_t)(1000 + i));

        make(&one, &e);
    }
    lab_pump(&one, &two);
    lab_stop(&one);
    lab_start(&one);
    assert_int_equal(lab_assert_digests(&one, &two), 50); /* they agree at once */
    lab_full(&two, &one, 100);
    lab_full(&one, &two, 100);
    assert_int_equal(lab_assert_digests(&one, &two), 50);
    assert_int_equal(lab_assert_digests(&two, &one), 0);
    assert_int_equal(lab_size(&two), 50);
}

static void restart_of_the_other(void **state)
{
    (void)state;
    for (uint16_t i = 0; i < 50; i++) {
        struct bw_ct_entry e = tcp((uint16_t)(1000 + i));

        make(&one, &e);
    }
    lab_pump(&one, &two);
    lab_stop(&two);
    lab_start(&two);
    assert_int_equal(lab_full(&two, &one, 100), 50); /* it does not know better */
    assert_int_equal(lab_assert_digests(&one, &one), 50);
    lab_full(&one, &two, 100);
    assert_int_equal(lab_assert_digests(&one, &two), 50);
    assert_int_equal(lab_assert_digests(&two, &one), 0);
    lab_full(&two, &one, 100);
    assert_int_equal(lab_size(&one), 50);
    assert_int_equal(lab_size(&two), 50);
}

/* ---- what belongs together ---- */

static struct bw_ct_entry ftp_control(void)
{
    struct bw_ct_entry e = lab_entry(IPPROTO_TCP, "10.1.0.1", 1000, "10.2.0.1", 21);

    e.parts |= BW_CT_HELPER;
    snprintf(e.helper, sizeof(e.helper), "ftp");
    return e;
}

static int expect_request(struct lab_member *m, enum bw_ct_request kind, const struct bw_ct_expected *x)
{
    _Alignas(struct nlmsghdr) uint8_t message[BW_CT_MESSAGE_MAX];
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    struct nlmsghdr *header = (void *)message;
    size_t length = bw_ct_build_expected(message, kind, x, 1);

    header->nlmsg_flags |= NLM_F_ACK;
    assert_int_equal(sendto(m->other, message, length, 0, (struct sockaddr *)&kernel, sizeof(kernel)), length);
    assert_true(recv(m->other, message, sizeof(message), 0) >= (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr)));
    return ((const struct nlmsgerr *)NLMSG_DATA(header))->error;
}

static struct bw_ct_expected ftp_data(const struct bw_ct_entry *control)
{
    struct bw_ct_expected x = {.key = control->key, .master = control->key, .timeout_s = 100};

    memcpy(x.key.tuple.src, control->key.tuple.dst, 16);
    memcpy(x.key.tuple.dst, control->key.tuple.src, 16);
    x.key.tuple.sport = 0;
    x.key.tuple.dport = 5555;
    memset(x.mask.src, 0xff, 4);
    x.mask.dport = 0xffff;
    snprintf(x.helper, sizeof(x.helper), "ftp");
    return x;
}

/* The kernel's expectations, as `conntrack -L expect` counts them. */
static unsigned expectations(struct lab_member *m)
{
    struct {
        struct nlmsghdr header;
        struct nfgenmsg generic;
    } request = {.header = {.nlmsg_len = sizeof(request),
                            .nlmsg_type = NFNL_SUBSYS_CTNETLINK_EXP << 8 | IPCTNL_MSG_EXP_GET,
                            .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP}};
    static _Alignas(struct nlmsghdr) uint8_t buffer[65536];
    struct bw_ct_expected x;
    unsigned count = 0;

    assert_int_equal(send(m->other, &request, sizeof(request), 0), sizeof(request));
    for (;;) {
        ssize_t n = recv(m->other, buffer, sizeof(buffer), 0);

        for (const struct nlmsghdr *h = (void *)buffer; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
            if (h->nlmsg_type == NLMSG_DONE)
                return count;
            assert_int_equal(bw_ct_parse_expected(NLMSG_DATA(h), h->nlmsg_len - NLMSG_HDRLEN, &x), 0);
            assert_string_equal(x.helper, "ftp");
            count++;
        }
    }
}

static void expectations_are_mirrored(void **state)
{
    struct bw_ct_entry control = ftp_control();
    struct bw_ct_expected x = ftp_data(&control);

    (void)state;
    make(&one, &control);
    assert_int_equal(expect_request(&one, BW_CT_CREATE, &x), 0);
    lab_pump(&one, &two);
    lab_assert_same(&one, &two); /* the helper too */
    assert_int_equal(lab_assert_digests(&one, &two), 2);
    assert_int_equal(expectations(&two), 1);
    lab_full(&one, &three, 1);
    assert_int_equal(lab_assert_digests(&one, &three), 2);
    assert_int_equal(expectations(&three), 1);
    assert_int_equal(expect_request(&one, BW_CT_DELETE, &x), 0);
    lab_pump(&one, &two);
    assert_int_equal(expectations(&two), 0);
    assert_int_equal(lab_assert_digests(&one, &two), 1);
    lab_full(&one, &three, 10);
    assert_int_equal(expectations(&three), 0);
}

static void expected_ones_have_their_master(void **state)
{
    struct bw_ct_entry control = ftp_control(), data = lab_entry(IPPROTO_TCP, "10.2.0.1", 20, "10.1.0.1", 5555);
    struct lab_row *rows;
    unsigned with = 0;

    (void)state;
    data.parts |= BW_CT_MASTER;
    data.master = control.key;
    make(&one, &control);
    make(&one, &data);
    lab_pump(&one, &two);
    lab_assert_same(&one, &two);
    assert_int_equal(lab_table(&two, &rows), 2);
    for (unsigned i = 0; i < 2; i++)
        with += rows[i].entry.parts & BW_CT_MASTER && rows[i].entry.status & IPS_EXPECTED;
    assert_int_equal(with, 1);
    free(rows);
    data.state = 4; /* an update of it, whose event does not tell the master */
    assert_int_equal(lab_request(&one, BW_CT_UPDATE, &data), 0);
    lab_pump(&one, &two);
    lab_assert_same(&one, &two);
    lab_assert_digests(&one, &two);
}

static void masters_may_come_later(void **state)
{
    struct bw_ct_entry control = ftp_control(), data = lab_entry(IPPROTO_TCP, "10.2.0.1", 20, "10.1.0.1", 5555);
    struct lab_update first;

    (void)state;
    data.parts |= BW_CT_MASTER;
    data.master = control.key;
    make(&one, &control);
    make(&one, &data);
    lab_read(&one);
    assert_int_equal(one.updates_count, 2);
    first = one.updates[0];
    one.updates[0] = one.updates[1];
    one.updates_count = 1;
    lab_deliver(&one, &two, NULL);
    assert_int_equal(lab_size(&two), 1);
    one.updates[0] = first;
    one.updates_count = 1;
    lab_deliver(&one, &two, NULL);
    lab_turns(&two);
    lab_assert_same(&one, &two);
    lab_assert_digests(&one, &two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(packets_elsewhere_move_it, setup, teardown),
        cmocka_unit_test_setup_teardown(an_owner_that_sees_no_packets, setup, teardown),
        cmocka_unit_test_setup_teardown(both_at_a_time_agree, setup, teardown),
        cmocka_unit_test_setup_teardown(deletes_count_from_the_owner_only, setup, teardown),
        cmocka_unit_test_setup_teardown(takeover_and_back, setup, teardown),
        cmocka_unit_test_setup_teardown(everybody_moves_them, setup, teardown),
        cmocka_unit_test_setup_teardown(an_heir_without_the_whole_table, setup, teardown),
        cmocka_unit_test_setup_teardown(late_words_of_the_old_owner, setup, teardown),
        cmocka_unit_test_setup_teardown(restart_of_the_owner, setup, teardown),
        cmocka_unit_test_setup_teardown(restart_of_the_other, setup, teardown),
        cmocka_unit_test_setup_teardown(expectations_are_mirrored, setup, teardown),
        cmocka_unit_test_setup_teardown(expected_ones_have_their_master, setup, teardown),
        cmocka_unit_test_setup_teardown(masters_may_come_later, setup, teardown),
    };

    return cmocka_run_group_tests_name("sync_ct_owner", tests, NULL, NULL);
}
