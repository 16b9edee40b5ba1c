/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connection records: what is encoded is decoded, what is damaged is refused, and the index and the selection over them. */
#include "tests/unit/test_sync_ct_lab.h"

static void assert_round(const struct bw_ct_entry *e, struct bw_ct_turn turn, size_t key_length, size_t value_length)
{
    uint8_t key[BW_CT_WIRE_KEY_MAX], value[BW_CT_WIRE_VALUE_MAX];
    size_t k = bw_ct_encode_key(&e->key, key), v = bw_ct_encode_value(e, turn, value);
    struct bw_ct_entry back = {.parts = 0};
    struct bw_ct_turn turn_back;

    assert_int_equal(k, key_length);
    assert_int_equal(v, value_length);
    assert_int_equal(bw_ct_decode_key(key, k, &back.key), 0);
    assert_memory_equal(&back.key, &e->key, sizeof(e->key));
    assert_int_equal(bw_ct_decode_value(value, v, &back, &turn_back), 0);
    assert_memory_equal(&back.reply, &e->reply, sizeof(e->reply));
    assert_int_equal(back.parts, e->parts);
    assert_int_equal(back.status, e->status);
    assert_int_equal(back.mark, e->mark);
    assert_int_equal(back.state, e->state);
    assert_memory_equal(back.scale, e->scale, sizeof(e->scale));
    assert_memory_equal(back.labels, e->labels, sizeof(e->labels));
    assert_string_equal(back.helper, e->helper);
    assert_memory_equal(&back.master, &e->master, sizeof(e->master));
    assert_memory_equal(back.sequence, e->sequence, sizeof(e->sequence));
    assert_int_equal(turn_back.turn, turn.turn);
    assert_int_equal(turn_back.inherited, turn.inherited);
    for (size_t cut = 0; cut < v; cut++)
        assert_int_equal(bw_ct_decode_value(value, cut, &back, &turn_back), -EBADMSG);
    for (size_t cut = 0; cut < k; cut++)
        assert_int_equal(bw_ct_decode_key(key, cut, &back.key), -EBADMSG);
}

static void records_are_small_and_whole(void **state)
{
    struct bw_ct_turn turn = {5, true};
    struct bw_ct_entry e = lab_entry(IPPROTO_TCP, "10.1.0.1", 1000, "10.2.0.1", 80);

    (void)state;
    e.timeout_s = 432000;
    assert_round(&e, turn, 14, 7);
    lab_snat(&e, "192.0.2.1", 4000);
    e.scale[0] = 7;
    e.scale[1] = 8;
    assert_round(&e, turn, 14, 13); /* the usual one: 27 bytes */
    lab_dnat(&e, "10.9.9.9", 8080);
    e.mark = 7;
    e.parts |= BW_CT_MARK;
    assert_round(&e, turn, 14, 23);
    e.parts |= BW_CT_LABELS | BW_CT_HELPER | BW_CT_MASTER | BW_CT_SEQUENCE;
    e.labels_length = 16;
    e.labels[15] = 1;
    snprintf(e.helper, sizeof(e.helper), "ftp");
    e.master = e.key;
    e.sequence[1].after = UINT32_MAX;
    assert_round(&e, turn, 14, 23 + 1 + 17 + 4 + 14 + 24);
    e = lab_entry(IPPROTO_UDP, "fd00::1", 1000, "fd00::2", 80);
    e.key.zone = 9;
    e.key.zone_direction = 2;
    assert_round(&e, turn, 40, 5);
}

static void digests_leave_lives_out(void **state)
{
    struct bw_ct_entry e = lab_entry(IPPROTO_TCP, "10.1.0.1", 1000, "10.2.0.1", 80);
    struct bw_ct_wire a, b;

    (void)state;
    bw_ct_wire_key(&e.key, &a);
    b = a;
    bw_ct_wire_value(&e, (struct bw_ct_turn){0, false}, &a);
    e.timeout_s = 5;
    bw_ct_wire_value(&e, (struct bw_ct_turn){1, true}, &b);
    assert_int_equal(bw_ct_wire_digest(&a), bw_ct_wire_digest(&b));
    e.state++;
    bw_ct_wire_value(&e, (struct bw_ct_turn){1, true}, &b);
    assert_int_not_equal(bw_ct_wire_digest(&a), bw_ct_wire_digest(&b));
}

static void damaged_records_are_refused(void **state)
{
    uint8_t bytes[BW_CT_WIRE_VALUE_MAX], key[BW_CT_WIRE_KEY_MAX];
    struct bw_ct_entry e = lab_entry(IPPROTO_TCP, "10.1.0.1", 1000, "10.2.0.1", 80), back;
    size_t k = bw_ct_encode_key(&e.key, key), v;
    struct bw_ct_turn turn;

    (void)state;
    key[0] = 0x10; /* unknown bit */
    assert_int_equal(bw_ct_decode_key(key, k, &back.key), -EBADMSG);
    key[0] = 0x04; /* a zone's direction without zone */
    assert_int_equal(bw_ct_decode_key(key, k, &back.key), -EBADMSG);
    e.key.zone = 1;
    k = bw_ct_encode_key(&e.key, key);
    key[k - 1] = 0; /* zone 0, said in the long way */
    assert_int_equal(bw_ct_decode_key(key, k, &back.key), -EBADMSG);
    v = bw_ct_encode_value(&e, (struct bw_ct_turn){0, false}, bytes);
    back.key = e.key;
    bytes[v] = 0; /* too long */
    assert_int_equal(bw_ct_decode_value(bytes, v + 1, &back, &turn), -EBADMSG);
    bytes[3] = 0x80; /* unknown status */
    assert_int_equal(bw_ct_decode_value(bytes, v, &back, &turn), -EBADMSG);
    back.key.protocol = IPPROTO_UDP; /* state of a protocol that has none */
    bytes[3] = 0;
    assert_int_equal(bw_ct_decode_value(bytes, v, &back, &turn), -EBADMSG);
}

static void packets_are_read(void **state)
{
    uint8_t packet[60] = {0x45, [8] = 64, [9] = IPPROTO_TCP, [12] = 10, 1, 0, 1, 10, 2, 0, 1, 0x03, 0xe8, 0, 80};
    struct bw_ct_entry e, wanted = lab_entry(IPPROTO_TCP, "10.1.0.1", 1000, "10.2.0.1", 80);

    (void)state;
    assert_true(bw_ct_from_packet(packet, 40, &e));
    assert_memory_equal(&e.key, &wanted.key, sizeof(e.key));
    assert_memory_equal(&e.reply, &wanted.reply, sizeof(e.reply));
    assert_int_equal(e.state, 1);
    for (size_t cut = 0; cut < 28; cut++)
        assert_false(bw_ct_from_packet(packet, cut, &e));
    packet[0] = 0x4f; /* options beyond the end */
    assert_false(bw_ct_from_packet(packet, 60, &e));
    packet[0] = 0x45;
    packet[7] = 1; /* a later fragment */
    assert_false(bw_ct_from_packet(packet, 40, &e));
}

/* ---- the index ---- */

static struct bw_ct_key nth(uint32_t i)
{
    struct bw_ct_entry e = lab_entry(IPPROTO_TCP, i % 5 ? "10.1.0.1" : "fd00::1", (uint16_t)i, i % 5 ? "10.2.0.1" : "fd00::2",
                                     (uint16_t)(i >> 16));

    e.key.zone = (uint16_t)(i % 3);
    e.key.zone_direction = i % 3 == 2;
    return e.key;
}

#define MANY 30000

static void index_keeps_everything(void **state)
{
    static struct bw_sync_digest digests[BW_SYNC_RANGES];
    struct bw_ct_index *index;
    uint64_t sum = 0, records = 0;

    (void)state;
    assert_int_equal(bw_ct_index_new(&index), 0);
    for (uint32_t i = 0; i < MANY; i++) { /* all in three ranges, so that they grow */
        struct bw_ct_key key = nth(i);

        assert_null(bw_ct_index_find(index, (uint8_t)(i % 3), &key));
        assert_non_null(bw_ct_index_insert(index, (uint8_t)(i % 3), &key, (uint8_t)(1 + i % 2), i, 0));
    }
    for (uint32_t i = 0; i < MANY; i++) {
        struct bw_ct_key key = nth(i), back;
        struct bw_ct_record *r = bw_ct_index_find(index, (uint8_t)(i % 3), &key);

        assert_non_null(r);
        bw_ct_index_key(r, &back);
        assert_memory_equal(&back, &key, sizeof(key));
        if (i % 7 == 0)
            bw_ct_index_remove(index, (uint8_t)(i % 3), r);
        else if (i % 11 == 0)
            bw_ct_index_set(index, (uint8_t)(i % 3), r, 1, i, BW_CT_WAITING);
        else if (i % 2 == 0)
            sum += i;
    }
    for (uint32_t i = 0; i < MANY; i++) {
        struct bw_ct_key key = nth(i);

        assert_int_equal(bw_ct_index_find(index, (uint8_t)(i % 3), &key) == NULL, i % 7 == 0);
    }
    bw_ct_index_digests(index, 1, digests);
    for (unsigned i = 0; i < BW_SYNC_RANGES; i++) {
        sum -= digests[i].sum;
        records += digests[i].records;
    }
    assert_int_equal(sum, 0);
    assert_int_equal(records, bw_ct_index_count(index, 1));
    assert_int_equal(bw_ct_index_size(index), MANY - (MANY + 6) / 7);
    bw_ct_index_free(index);
}

/* A walk by hash misses nothing while the table is changed around it. */
static void walks_survive_changes(void **state)
{
    struct bw_ct_index *index;
    uint32_t hash = 0;
    unsigned met = 0;

    (void)state;
    assert_int_equal(bw_ct_index_new(&index), 0);
    for (uint32_t i = 1; i <= 1000; i++) {
        struct bw_ct_key key = nth(5 * i + 1);

        assert_non_null(bw_ct_index_insert(index, 9, &key, 1, 0, 0));
    }
    for (struct bw_ct_record *r; (r = bw_ct_index_from(index, 9, hash)); hash++) {
        struct bw_ct_key key = nth(5 * (100000 + hash % 50000) + 2), old;

        hash = r->hash;
        met += r->owner == 1;
        if (!bw_ct_index_find(index, 9, &key))
            bw_ct_index_insert(index, 9, &key, 2, 0, 0);
        bw_ct_index_key(bw_ct_index_from(index, 9, 0), &old);
        r = bw_ct_index_find(index, 9, &old);
        if (r->hash < hash)
            bw_ct_index_remove(index, 9, r);
        if (hash == UINT32_MAX)
            break;
    }
    assert_int_equal(met, 1000);
    bw_ct_index_free(index);
}

/* ---- selection ---- */

static void first_rule_decides(void **state)
{
    struct bw_sync_select_config rules[] = {
        {.protocol = IPPROTO_UDP, .port = 53, .zone = BW_SYNC_ANY_ZONE, .when = BW_SYNC_NEVER},
        {.source = {.family = 4, .prefix = 8, .bytes = {10}}, .zone = 3, .when = BW_SYNC_NEVER},
        {.protocol = IPPROTO_TCP, .port = 80, .zone = BW_SYNC_ANY_ZONE, .when = BW_SYNC_AT_ONCE, .after_ns = 3 * BW_SEC},
        {.destination = {.family = 4, .prefix = 24, .bytes = {10, 2, 0, 0}}, .zone = BW_SYNC_ANY_ZONE, .when = BW_SYNC_AT_ONCE},
        {.zone = BW_SYNC_ANY_ZONE, .when = BW_SYNC_NEVER},
    };
    static struct bw_cluster_config cluster;
    struct bw_ct_select *select;
    struct bw_ct_entry e;
    uint32_t after_s;

    (void)state;
    assert_int_equal(bw_ct_select_new(&cluster, rules, 5, &select), 0);
    e = lab_entry(IPPROTO_UDP, "10.1.0.1", 1000, "10.2.0.1", 53);
    assert_false(bw_ct_selected(select, &e, &after_s));
    e = lab_entry(IPPROTO_UDP, "10.1.0.1", 1000, "10.2.0.1", 54);
    assert_true(bw_ct_selected(select, &e, &after_s));
    e.key.zone = 3;
    assert_false(bw_ct_selected(select, &e, &after_s));
    e = lab_entry(IPPROTO_TCP, "10.1.0.1", 1000, "10.9.0.1", 80);
    assert_true(bw_ct_selected(select, &e, &after_s));
    assert_int_equal(after_s, 3);
    e = lab_entry(IPPROTO_TCP, "10.1.0.1", 1000, "10.9.0.1", 81);
    assert_false(bw_ct_selected(select, &e, &after_s));
    e = lab_entry(IPPROTO_TCP, "fd00::1", 1000, "fd00::2", 81);
    assert_false(bw_ct_selected(select, &e, &after_s));
    bw_ct_select_free(select);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_small_and_whole), cmocka_unit_test(digests_leave_lives_out),
        cmocka_unit_test(damaged_records_are_refused), cmocka_unit_test(index_keeps_everything),
        cmocka_unit_test(walks_survive_changes),       cmocka_unit_test(first_rule_decides),
        cmocka_unit_test(packets_are_read),
    };

    return cmocka_run_group_tests_name("sync_ct_codec", tests, NULL, NULL);
}
