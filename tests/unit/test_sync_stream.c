/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * State synchronisation in parts: the bytes of its frames, their seal, the own log, the lag histogram, what the critical device says, and
 * a peer that lies. The whole is tested by test_sync_sim and the cluster tests.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "agent/sync/stream_private.h"
#include "agent/sync/sync_private.h"
#include "tests/unit/sync_map.h"

/* ---- bytes ---- */

static void test_blocks(void **state)
{
    struct bw_sync_want want = {.member = 2, .tag = 77, .cookie = 99, .count = 1}, got;
    struct bw_sync_ack ack = {.member = 3, .tag = 5, .flags = 1, .number = 1000000, .window = 1000512, .credit = 300, .body_max = 1380}, heard;
    struct bw_sync_block block;
    uint8_t bytes[200];
    struct bw_sink sink = {.bytes = bytes, .cap = sizeof(bytes)};
    size_t at = 0;

    (void)state;
    bw_sync_add(want.ranges[BW_SYNC_CONNECTIONS], 200);
    bw_put_uint(&sink, BW_SYNC_FORMAT, 1);
    bw_sync_put_want(&sink, &want);
    bw_sync_put_ack(&sink, &ack);
    assert_false(sink.full);
    assert_int_equal(bw_sync_next_block(bytes, sink.length, &at, &block), 1);
    assert_int_equal(bw_sync_get_want(&block, &got), 0);
    assert_memory_equal(&want, &got, sizeof(want));
    assert_int_equal(bw_sync_next_block(bytes, sink.length, &at, &block), 1);
    assert_int_equal(bw_sync_get_ack(&block, &heard), 0);
    assert_true(heard.number == ack.number && heard.window == ack.window && heard.credit == 300 && heard.body_max == 1380);
    assert_int_equal(bw_sync_next_block(bytes, sink.length, &at, &block), 0);
    /* Cut anywhere: never more than what is there. */
    for (size_t length = 0; length < sink.length; length++) {
        int rc;

        for (at = 0; (rc = bw_sync_next_block(bytes, length, &at, &block)) > 0;)
            assert_true(block.content + block.length <= bytes + length);
        assert_true(rc == 0 || rc < 0);
    }
}

static void test_updates(void **state)
{
    static const uint8_t key[] = "key", value[] = "some value";
    struct bw_sync_update update = {.record = {.provider = 2, .operation = BW_SYNC_SET, .range = 255, .key = key, .key_length = 3,
                                               .value = value, .value_length = 10}, .row = true}, got;
    uint8_t bytes[BW_SYNC_UPDATE_MAX];
    size_t at = 0;
    int n = bw_sync_put_update(bytes, &update);

    (void)state;
    assert_int_equal(n, 4 + 3 + 10); /* four bytes around key and value */
    assert_int_equal(bw_sync_get_update(bytes, (size_t)n, &at, &got), 0);
    assert_int_equal(at, n);
    assert_true(got.row && got.record.provider == 2 && got.record.range == 255 && got.record.operation == BW_SYNC_SET);
    assert_memory_equal(got.record.key, "key", 3);
    assert_memory_equal(got.record.value, "some value", 10);
    for (int length = 0; length < n; length++) {
        at = 0;
        assert_int_not_equal(bw_sync_get_update(bytes, (size_t)length, &at, &got), 0);
    }
    update.record.value_length = BW_SYNC_VALUE_MAX + 1;
    assert_true(bw_sync_put_update(bytes, &update) < 0);
}

static void test_controls(void **state)
{
    struct bw_sync_check check = {.member = 4, .cookie = 8, .last = true, .provider = 1, .first = 64}, check2 = {0};
    struct bw_sync_end end = {.provider = 1, .last = true}, end2 = {0};
    struct bw_sync_begin begin = {.provider = 1, .targets_count = 16}, begin2 = {0};
    uint8_t bytes[BW_SYNC_CONTROL_MAX];
    size_t n;

    (void)state;
    check.folds[63] = 0xdeadbeef;
    n = bw_sync_put_check(bytes, &check);
    assert_int_equal(bw_sync_get_check(bytes, n, &check2), 0);
    assert_memory_equal(&check, &check2, sizeof(check));
    assert_int_not_equal(bw_sync_get_check(bytes, n - 1, &check2), 0);
    for (unsigned r = 0; r < BW_SYNC_SLICE; r++) {
        bw_sync_add(end.ranges, 7 * r);
        end.folds[r] = r;
    }
    n = bw_sync_put_end(bytes, &end);
    assert_int_equal(bw_sync_get_end(bytes, n, &end2), 0);
    assert_memory_equal(&end, &end2, sizeof(end));
    for (unsigned i = 0; i < 16; i++)
        begin.targets[i].cookie = i * UINT64_C(0x1111111111111111);
    n = bw_sync_put_begin(bytes, &begin);
    assert_true(n <= BW_SYNC_CONTROL_MAX);
    assert_int_equal(bw_sync_get_begin(bytes, n, &begin2), 0);
    assert_int_equal(begin2.targets[15].cookie, begin.targets[15].cookie);
}

/* ---- the seal ---- */

static void make_seals(struct bw_sync_seal *a, struct bw_sync_seal *b)
{
    const struct bw_boot_id boot_a = {{1}}, boot_b = {{2}};
    const uint8_t keys[2][BW_KEY_BYTES] = {{9}, {8}};

    assert_int_equal(bw_sync_seal_init(a, 17, 1, &boot_a, false), 0);
    assert_int_equal(bw_sync_seal_init(b, 17, 2, &boot_b, false), 0);
    assert_int_equal(bw_sync_seal_rekey(a, keys, 1), 0);
    assert_int_equal(bw_sync_seal_rekey(b, keys, 2), 0);
    bw_sync_seal_peer(b, 1, &boot_a);
    bw_sync_seal_peer(a, 2, &boot_b);
}

static void test_seal(void **state)
{
    static struct bw_sync_seal a, b;
    const uint8_t other[2][BW_KEY_BYTES] = {{7}, {9}};
    const struct bw_boot_id restarted = {{3}};
    uint8_t frame[200], again[200], body[200], sender = 0;
    size_t length = 0;
    int n;

    (void)state;
    make_seals(&a, &b);
    n = bw_sync_seal_frame(&a, 2, (const uint8_t *)"hello", 5, frame, sizeof(frame));
    assert_int_equal(n, 5 + BW_SYNC_SEAL_BYTES);
    memcpy(again, frame, sizeof(frame));
    assert_null(memmem(frame, (size_t)n, "hello", 5));
    assert_int_equal(bw_sync_open_frame(&b, frame, (size_t)n, 2, &sender, body, &length), BW_VERDICT_ACCEPT);
    assert_true(sender == 1 && length == 5 && memcmp(body, "hello", 5) == 0);
    assert_int_equal(bw_sync_open_frame(&b, again, (size_t)n, 2, &sender, body, &length), BW_VERDICT_REPLAYED);
    assert_int_equal(bw_sync_open_frame(&a, again, (size_t)n, 2, &sender, body, &length), BW_VERDICT_OWN);
    for (int i = 0; i < n; i++) { /* a bit anywhere: never accepted */
        n = bw_sync_seal_frame(&a, 2, (const uint8_t *)"hello", 5, frame, sizeof(frame));
        frame[i] ^= 0x10;
        assert_int_not_equal(bw_sync_open_frame(&b, frame, (size_t)n, 2, &sender, body, &length), BW_VERDICT_ACCEPT);
    }
    for (size_t i = 0; i < (size_t)n; i++)
        assert_int_not_equal(bw_sync_open_frame(&b, again, i, 2, &sender, body, &length), BW_VERDICT_ACCEPT);
    /* The key changes: the one before still opens, as long as it is there. */
    bw_sync_seal_rekey(&b, other, 2);
    n = bw_sync_seal_frame(&a, 2, (const uint8_t *)"hello", 5, frame, sizeof(frame));
    assert_int_equal(bw_sync_open_frame(&b, frame, (size_t)n, 2, &sender, body, &length), BW_VERDICT_ACCEPT);
    bw_sync_seal_rekey(&b, other, 1);
    n = bw_sync_seal_frame(&a, 2, (const uint8_t *)"hello", 5, frame, sizeof(frame));
    assert_int_equal(bw_sync_open_frame(&b, frame, (size_t)n, 2, &sender, body, &length), BW_VERDICT_UNAUTHENTIC);
    /* Another incarnation is adopted: what the one before sent is not heard. */
    bw_sync_seal_peer(&b, 1, &restarted);
    assert_int_equal(bw_sync_open_frame(&b, frame, (size_t)n, 2, &sender, body, &length), BW_VERDICT_QUERY);
}

/* ---- the log ---- */

static void test_log(void **state)
{
    struct bw_update_log log;
    uint8_t bytes[BW_SYNC_UPDATE_MAX];
    uint64_t number = 0, acked = 0;

    (void)state;
    assert_int_equal(bw_update_log_init(&log, 600, 1), 0);
    assert_int_equal(log.size, 1024);
    for (unsigned i = 0; i < 100000; i++) {
        size_t length = 20 + i * 7919 % 560;
        uint64_t given;

        memset(bytes, (int)(number + 1), sizeof(bytes));
        given = bw_update_log_add(&log, bytes, length, acked + 1, 0);
        if (given == 0) {
            assert_true(log.next - acked > 500); /* only when it is full indeed */
            acked += 300;
            continue;
        }
        assert_int_equal(given, ++number);
        for (uint64_t n = acked + 1; i % 1000 == 0 && n <= number; n++) {
            const struct bw_log_entry *entry = bw_log_at(&log, n);

            for (unsigned k = 0; k < entry->length; k++)
                assert_int_equal(log.bytes[entry->at + k], (uint8_t)n);
        }
    }
    bw_update_log_fini(&log);
}

static void test_lag(void **state)
{
    static struct bw_lag lag;

    (void)state;
    for (unsigned i = 1; i <= 1000; i++)
        bw_lag_add(&lag, BW_SEC, i * 1000);
    assert_in_range(bw_lag_quantile(&lag, 50), 500000, 570000);
    assert_in_range(bw_lag_quantile(&lag, 99), 990000, 1120000);
    bw_lag_add(&lag, 200 * BW_SEC, 5000);
    assert_in_range(bw_lag_quantile(&lag, 50), 5000, 7000); /* what is over a minute old counts no more */
}

/* ---- the critical device ---- */

static void test_pnote(void **state)
{
    struct bw_sync_pnote p = {0};
    struct bw_sync_pnote_facts f = {.now_ns = BW_SEC, .start_ns = BW_SEC, .alone_ns = 2 * BW_SEC, .copy = BW_STREAM_COPY_ALONE,
                                    .copy_detail = "on its way", .path = true};

    (void)state;
    assert_true(bw_sync_pnote_judge(&p, &f));
    assert_int_equal(p.status, BW_PNOTE_INIT);
    f.now_ns += 2 * BW_SEC; /* nobody came: alone is fine */
    assert_true(bw_sync_pnote_judge(&p, &f));
    assert_int_equal(p.status, BW_PNOTE_OK);
    f.copy = BW_STREAM_COPY_PARTIAL; /* another one serves: a moment is forgiven */
    (void)bw_sync_pnote_judge(&p, &f);
    assert_int_equal(p.status, BW_PNOTE_OK);
    f.now_ns += 4 * BW_SEC;
    assert_true(bw_sync_pnote_judge(&p, &f));
    assert_int_equal(p.status, BW_PNOTE_INIT);
    assert_string_equal(p.detail, "on its way");
    assert_false(bw_sync_pnote_judge(&p, &f));
    f.copy = BW_STREAM_COPY_FAILED;
    assert_true(bw_sync_pnote_judge(&p, &f));
    assert_int_equal(p.status, BW_PNOTE_PROBLEM);
    f.copy = BW_STREAM_COPY_WHOLE; /* and never for good */
    assert_true(bw_sync_pnote_judge(&p, &f));
    assert_int_equal(p.status, BW_PNOTE_OK);
    f.overloaded = true;
    f.queue_percent = 93;
    assert_true(bw_sync_pnote_judge(&p, &f));
    assert_int_equal(p.status, BW_PNOTE_OK);
    assert_non_null(strstr(p.detail, "93 %"));
}

/* The start waits for the answers, and nothing else does. */
/* ---- the thread ---- */

/* Spans of 100 ms, each with so much of a processor. Real-time at the end? */
static bool after_spans(struct bw_sync_class *class, uint64_t *now_ns, uint64_t *used_ns, unsigned spans, unsigned percent)
{
    bool realtime = false;

    while (spans-- > 0) {
        *now_ns += 100 * BW_MS;
        *used_ns += percent * BW_MS;
        realtime = bw_sync_class_judge(class, *now_ns, *used_ns);
    }
    return realtime;
}

static void test_class(void **state)
{
    struct bw_sync_class class = {.realtime = false};
    uint64_t now_ns = 7 * BW_SEC, used_ns = 0;

    (void)state;
    assert_false(bw_sync_class_judge(&class, now_ns, used_ns));
    assert_false(after_spans(&class, &now_ns, &used_ns, 4, 5));
    assert_true(after_spans(&class, &now_ns, &used_ns, 2, 5));
    assert_true(after_spans(&class, &now_ns, &used_ns, 10, 60)); /* much, but not nearly all of it */
    assert_false(after_spans(&class, &now_ns, &used_ns, 1, 90)); /* a full sync */
    assert_false(after_spans(&class, &now_ns, &used_ns, 20, 60));
    assert_true(after_spans(&class, &now_ns, &used_ns, 10, 5));
    used_ns += 10 * BW_MS; /* in a moment is no span */
    assert_true(bw_sync_class_judge(&class, now_ns + 10 * BW_MS, used_ns));
}

static void test_pnote_asks(void **state)
{
    struct bw_sync_pnote_facts facts = {.now_ns = BW_SEC, .copy = BW_STREAM_COPY_WHOLE, .copy_detail = "", .path = true, .asks = true};
    struct bw_sync_pnote pnote = {0};

    (void)state;
    assert_true(bw_sync_pnote_judge(&pnote, &facts));
    assert_int_equal(pnote.status, BW_PNOTE_INIT);
    assert_non_null(strstr(pnote.detail, "remember"));
    facts.asks = false;
    assert_true(bw_sync_pnote_judge(&pnote, &facts));
    assert_int_equal(pnote.status, BW_PNOTE_OK);
    facts.asks = true;
    assert_false(bw_sync_pnote_judge(&pnote, &facts));
}

static void test_pnote_first(void **state)
{
    struct bw_sync_pnote p = {0};
    struct bw_sync_pnote_facts f = {.now_ns = BW_SEC, .alone_ns = 2 * BW_SEC, .copy = BW_STREAM_COPY_PARTIAL, .copy_detail = "on its way"};

    (void)state;
    assert_true(bw_sync_pnote_judge(&p, &f)); /* the first full sync is never forgiven */
    assert_int_equal(p.status, BW_PNOTE_INIT);
    assert_string_equal(p.detail, "no secured interface is up");
}

/* ---- a peer that lies ---- */

struct lab {
    struct bw_stream *stream;
    struct map map;
    uint8_t last[2048];
    size_t last_length;
    unsigned frames;
};

static int keep(void *context, const uint8_t *body, size_t length)
{
    struct lab *lab = context;

    assert_true(length <= sizeof(lab->last));
    memcpy(lab->last, body, length);
    lab->last_length = length;
    lab->frames++;
    return 0;
}

static void set_up(struct lab *lab)
{
    struct bw_stream_setup setup = {.local = 1, .boot = {{1}}, .members_count = 1, .members = {2}, .sending_queue = 512,
                                    .receiving_queue = 256, .ack_count = 8, .ack_ns = 20 * BW_MS, .overload_percent = 80,
                                    .deadline_ns = 10 * BW_SEC, .check_ns = BW_SEC, .now_ns = BW_SEC, .wire = lab, .send = keep};
    struct bw_stream_facts facts = {.in_view = true, .needed = true, .boot = {{2}}};

    memset(lab, 0, sizeof(*lab));
    lab->map.local = 1;
    lab->map.keys = 100;
    assert_int_equal(bw_stream_new(&setup, &lab->stream), 0);
    lab->map.sink = bw_stream_sink(lab->stream);
    assert_int_equal(bw_stream_attach(lab->stream, &map_provider, &lab->map), 0);
    bw_stream_path(lab->stream, 1380, "sync", 100);
    for (uint32_t key = 0; key < 50; key++)
        assert_true(map_set(&lab->map, key, 1000 + key));
    bw_stream_begin(lab->stream, BW_SEC);
    bw_stream_peer(lab->stream, 2, &facts);
    (void)bw_stream_end(lab->stream);
}

static void tear_down(struct lab *lab)
{
    bw_stream_free(lab->stream);
    map_free(&lab->map);
}

/* Our own table is what it was, whatever came. */
static void assert_untouched(struct lab *lab)
{
    for (uint32_t key = 0; key < 100; key++)
        assert_int_equal(map_of(&lab->map, 1)->values[key], key < 50 ? 1000 + key : 0);
}

static void put_in(struct lab *lab, struct bw_sink *sink)
{
    (void)bw_stream_input(lab->stream, 2, sink->bytes, sink->length);
    (void)bw_stream_end(lab->stream);
}

static struct bw_sink new_body(uint8_t *bytes, size_t cap)
{
    struct bw_sink sink = {.bytes = bytes, .cap = cap};

    bw_put_uint(&sink, BW_SYNC_FORMAT, 1);
    return sink;
}

static void test_lies_about_ours(void **state)
{
    struct lab lab;
    uint8_t bytes[300];
    struct bw_sync_rows rows;
    uint64_t numbers[] = {1, 50, 51, 1000, UINT32_MAX, BW_SYNC_NUMBER_MAX - 1};

    (void)state;
    set_up(&lab);
    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        const uint64_t tag = bw_sync_tag(&(struct bw_boot_id){{1}});
        struct bw_sync_ack ack = {.member = 1, .tag = tag, .number = numbers[i], .window = BW_SYNC_NUMBER_MAX - 1, .credit = 1};
        struct bw_sink sink = new_body(bytes, sizeof(bytes));
        size_t block;

        bw_sync_put_ack(&sink, &ack);
        put_in(&lab, &sink);
        sink = new_body(bytes, sizeof(bytes));
        block = bw_sync_block_open(&sink, BW_SYNC_REQUEST);
        bw_put_uint(&sink, 1, 1);
        bw_put_uint(&sink, tag, 8);
        bw_put_varint(&sink, numbers[i]);
        bw_put_uint(&sink, 255, 1);
        bw_put_varint(&sink, numbers[i]);
        bw_put_uint(&sink, 32, 1);
        bw_put_varint(&sink, UINT64_MAX);
        bw_put_uint(&sink, 2, 1);
        bw_sync_block_close(&sink, block);
        put_in(&lab, &sink);
    }
    bw_stream_rows(lab.stream, &rows);
    assert_true(rows.sync.requests_illegal >= 10);
    assert_untouched(&lab);
    tear_down(&lab);
}

/* Gives it a place in the liar's log, at a number. */
static void start_at(struct lab *lab, uint64_t number)
{
    struct bw_sync_start start = {.member = 1, .cookie = lab->stream->peers[0].copy.cookie, .number = number};
    uint8_t bytes[64];
    struct bw_sink sink = new_body(bytes, sizeof(bytes));

    bw_sync_put_start(&sink, &start);
    put_in(lab, &sink);
    assert_true(bw_copy_placed(&lab->stream->peers[0].copy));
}

static void send_update(struct lab *lab, uint64_t number, uint32_t key, uint64_t value)
{
    struct bw_sync_update update = {.record = map_record(&key, (const uint8_t *)&value, 8, true)};
    uint8_t bytes[700], record[BW_SYNC_UPDATE_MAX];
    struct bw_sink sink = new_body(bytes, sizeof(bytes));
    size_t block = bw_sync_block_open(&sink, BW_SYNC_DATA);
    int n = bw_sync_put_update(record, &update);

    bw_put_varint(&sink, number);
    bw_put_uint(&sink, 0, 1);
    bw_put_bytes(&sink, record, (size_t)n);
    bw_sync_block_close(&sink, block);
    put_in(lab, &sink);
}

static void test_lies_about_its_own(void **state)
{
    struct lab lab;
    struct bw_sync_rows rows;

    (void)state;
    set_up(&lab);
    send_update(&lab, 1, 60, 1); /* no place yet: not taken */
    assert_int_equal(lab.map.applied, 0);
    start_at(&lab, BW_SYNC_NUMBER_MAX - 2000);
    send_update(&lab, BW_SYNC_NUMBER_MAX - 1, 61, 1);    /* far ahead */
    send_update(&lab, BW_SYNC_NUMBER_MAX, 61, 1);        /* no number */
    send_update(&lab, UINT64_MAX, 61, 1);
    send_update(&lab, BW_SYNC_NUMBER_MAX - 2001, 61, 1); /* before its place */
    assert_int_equal(lab.map.applied, 0);
    for (unsigned i = 1; i < 2000; i++) /* more out of order than is held */
        send_update(&lab, BW_SYNC_NUMBER_MAX - 2000 + i, 62, i);
    assert_int_equal(lab.stream->peers[0].copy.held_count, 255);
    assert_int_equal(lab.map.applied, 0);
    send_update(&lab, BW_SYNC_NUMBER_MAX - 2000, 63, 5);
    assert_int_equal(lab.map.applied, 256);
    assert_int_equal(map_of(&lab.map, 2)->values[63], 5);
    bw_stream_rows(lab.stream, &rows);
    assert_true(rows.sync.too_old > 1700);
    assert_true(rows.sync.state == BW_SYNC_FULL); /* never called whole */
    assert_int_equal(lab.stream->held_bytes, 0);
    assert_untouched(&lab);
    tear_down(&lab);
}

static void test_lies_are_local(void **state)
{
    struct lab lab;
    uint8_t bytes[100];
    struct bw_sink sink = new_body(bytes, sizeof(bytes));

    (void)state;
    set_up(&lab);
    /* A hello that claims that everything is long gone, and one of nonsense: at most it begins anew. */
    bw_sync_put_hello(&sink, &(struct bw_sync_hello){.newest = BW_SYNC_NUMBER_MAX - 1, .oldest = BW_SYNC_NUMBER_MAX - 1});
    start_at(&lab, 5);
    put_in(&lab, &sink);
    assert_false(bw_copy_placed(&lab.stream->peers[0].copy));
    sink = new_body(bytes, sizeof(bytes));
    bw_sync_put_hello(&sink, &(struct bw_sync_hello){.newest = 3, .oldest = 90});
    assert_int_equal(bw_stream_input(lab.stream, 2, bytes, sink.length), -EBADMSG);
    assert_int_equal(bw_stream_input(lab.stream, 9, bytes, sink.length), -ENOENT);
    assert_untouched(&lab);
    tear_down(&lab);
}

/* The queue is full of what a silent peer did not acknowledge: told as overload, updates are refused, then it counts no more. */
static void test_overload(void **state)
{
    struct lab lab;
    struct bw_sync_rows rows;
    const uint64_t tag = bw_sync_tag(&(struct bw_boot_id){{1}});
    uint8_t bytes[300];
    struct bw_sink sink = new_body(bytes, sizeof(bytes));
    unsigned taken = 0;

    (void)state;
    set_up(&lab);
    bw_sync_put_want(&sink, &(struct bw_sync_want){.member = 1, .tag = tag, .cookie = 1});
    put_in(&lab, &sink); /* it has a place */
    while (bw_stream_has_room(lab.stream) && map_set(&lab.map, 60, ++taken))
        assert_true(taken < 2000);
    assert_in_range(taken, 400, 512);
    (void)bw_stream_end(lab.stream);
    assert_true(bw_stream_overloaded(lab.stream));
    for (unsigned i = 1; i <= 80; i++) {
        bw_stream_begin(lab.stream, BW_SEC + i * 50 * BW_MS);
        (void)bw_stream_end(lab.stream);
    }
    bw_stream_rows(lab.stream, &rows);
    assert_int_equal(rows.sync.timed_out_connections, 1);
    assert_true(bw_stream_has_room(lab.stream));
    assert_false(bw_stream_overloaded(lab.stream));
    bw_stream_reset(lab.stream, 12345);
    bw_stream_rows(lab.stream, &rows);
    assert_true(rows.sync.reset_wall == 12345 && rows.sync.generated == 0 && rows.sync.timed_out_connections == 0);
    tear_down(&lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks),        cmocka_unit_test(test_updates),          cmocka_unit_test(test_controls),
        cmocka_unit_test(test_seal),          cmocka_unit_test(test_log),              cmocka_unit_test(test_lag),
        cmocka_unit_test(test_pnote),         cmocka_unit_test(test_pnote_first),      cmocka_unit_test(test_lies_about_ours),
        cmocka_unit_test(test_pnote_asks),    cmocka_unit_test(test_class),
        cmocka_unit_test(test_lies_about_its_own), cmocka_unit_test(test_lies_are_local), cmocka_unit_test(test_overload),
    };

    return cmocka_run_group_tests_name("state synchronisation, in parts", tests, NULL, NULL);
}
