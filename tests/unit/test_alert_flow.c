/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pure parts of alerts in virtual time: queue, back-off, rate, digests, conditions, records, and how messages read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "exporters/alert/alert.h"

static const struct bw_alert_target_config plain = {
    .name = "t", .kind = BW_ALERT_WEBHOOK, .queue = 10, .digest_ns = 60 * BW_SEC, .timeout_ns = 10 * BW_SEC};

/* Takes ownership of nothing; the number is the event's. */
static void offer(struct bw_flow *flow, uint64_t number, uint32_t severity, const char *object, const char *to, uint64_t now_ns)
{
    struct bw_alert_message m = {.type = BW_ALERT_EVENT,
                                 .status = strcmp(to, "problem") == 0 ? BW_EVENT_RAISED : BW_EVENT_CLEARED,
                                 .severity = severity,
                                 .stands_for = 1,
                                 .event = {.number = number, .kind = BW_EVENT_PNOTE, .member = 1, .time_wall = (int64_t)now_ns}};

    bw_copy(m.event.object, sizeof(m.event.object), object);
    bw_copy(m.event.to, sizeof(m.event.to), to);
    bw_flow_offer(flow, &m, now_ns);
}

static uint64_t deliver(struct bw_flow *flow, uint64_t now_ns)
{
    const struct bw_alert_message *m = bw_flow_next(flow, now_ns);
    uint64_t number = m != NULL ? m->event.number : 0;

    if (m != NULL)
        bw_flow_result(flow, BW_ALERT_DELIVERED, "", now_ns, 1);
    return number;
}

static void test_order_and_backoff(void **state)
{
    static const unsigned waits_s[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300};
    struct bw_flow flow = {0};
    uint64_t now = BW_SEC;

    (void)state;
    bw_flow_configure(&flow, &plain);
    for (uint64_t n = 1; n <= 3; n++)
        offer(&flow, n, BW_SEVERITY_WARNING, "a", "problem", now);
    for (size_t i = 0; i < sizeof(waits_s) / sizeof(waits_s[0]); i++) {
        assert_int_equal(bw_flow_next(&flow, now)->event.number, 1);
        assert_null(bw_flow_next(&flow, now)); /* one at a time */
        bw_flow_result(&flow, BW_ALERT_FAILED, "no answer", now, 1);
        assert_int_equal(bw_flow_due_ns(&flow), now + waits_s[i] * BW_SEC);
        assert_null(bw_flow_next(&flow, now + waits_s[i] * BW_SEC - 1));
        now += waits_s[i] * BW_SEC;
    }
    assert_string_equal(flow.last_error, "no answer");
    for (uint64_t n = 1; n <= 3; n++)
        assert_int_equal(deliver(&flow, now), n);
    assert_int_equal(deliver(&flow, now), 0);
    assert_string_equal(flow.last_error, "");
    assert_int_equal(flow.failures, 12);
    assert_int_equal(flow.delivered, 3);
    assert_int_equal(bw_flow_due_ns(&flow), UINT64_MAX);
    bw_flow_free(&flow);
}

static void test_bound(void **state)
{
    struct bw_flow flow = {0};
    const struct bw_alert_message *m;

    (void)state;
    bw_flow_configure(&flow, &plain);
    offer(&flow, 1, BW_SEVERITY_WARNING, "a", "problem", BW_SEC);
    assert_non_null(bw_flow_next(&flow, BW_SEC)); /* under way: not dropped */
    for (uint64_t n = 2; n <= 25; n++)
        offer(&flow, n, BW_SEVERITY_WARNING, "a", "problem", BW_SEC);
    assert_int_equal(flow.count, 10);
    assert_int_equal(flow.dropped, 15);
    assert_int_equal(bw_flow_at(&flow, 0)->event.number, 1);
    assert_int_equal(bw_flow_at(&flow, 1)->event.number, 17);
    bw_flow_result(&flow, BW_ALERT_FAILED, "", BW_SEC, 1);
    m = bw_flow_next(&flow, 100 * BW_SEC);
    assert_int_equal(m->lost, 15);
    bw_flow_result(&flow, BW_ALERT_DELIVERED, "", 100 * BW_SEC, 1);
    assert_int_equal(bw_flow_next(&flow, 100 * BW_SEC)->lost, 0);
    bw_flow_free(&flow);
}

static void test_refused(void **state)
{
    struct bw_flow flow = {0};
    uint64_t now = BW_SEC;

    (void)state;
    bw_flow_configure(&flow, &plain);
    offer(&flow, 1, BW_SEVERITY_WARNING, "a", "problem", now);
    offer(&flow, 2, BW_SEVERITY_WARNING, "a", "ok", now);
    for (int i = 0; i < 5; i++, now += 300 * BW_SEC) {
        assert_int_equal(bw_flow_next(&flow, now)->event.number, 1);
        bw_flow_result(&flow, BW_ALERT_REFUSED, "status 400", now, 1);
    }
    assert_int_equal(flow.dropped, 1);
    assert_int_equal(deliver(&flow, now), 2);
    bw_flow_free(&flow);
}

static void test_flaps(void **state)
{
    struct bw_alert_target_config config = plain;
    const struct bw_alert_message *m;
    struct bw_flow flow = {0};
    uint64_t now = BW_SEC, last = 0;

    (void)state;
    config.digest_after = 4;
    config.queue = 100;
    bw_flow_configure(&flow, &config);
    for (uint64_t n = 1; n <= 57; n++, now += BW_SEC / 2)
        offer(&flow, n, BW_SEVERITY_WARNING, "a", n % 2 ? "problem" : "ok", last = now);
    offer(&flow, 58, BW_SEVERITY_WARNING, "b", "problem", now); /* another object has nothing to do with it */
    for (uint64_t n = 1; n <= 4; n++)
        assert_int_equal(deliver(&flow, now), n);
    assert_int_equal(deliver(&flow, now), 58);
    assert_int_equal(deliver(&flow, now), 0);
    assert_int_equal(bw_flow_due_ns(&flow), last + 60 * BW_SEC);
    bw_flow_turn(&flow, last + 60 * BW_SEC - 1);
    assert_null(bw_flow_next(&flow, last + 60 * BW_SEC));
    bw_flow_turn(&flow, last + 60 * BW_SEC);
    m = bw_flow_next(&flow, last + 60 * BW_SEC);
    assert_int_equal(m->type, BW_ALERT_DIGEST);
    assert_int_equal(m->stands_for, 53);
    assert_int_equal(m->first_number, 5);
    assert_int_equal(m->event.number, 57);
    assert_non_null(strstr(m->lines, "#57 "));
    assert_int_equal(flow.suppressed, 53);
    bw_flow_result(&flow, BW_ALERT_DELIVERED, "", now, 1);
    /* Quiet again: the next one is told at once. */
    now = last + 200 * BW_SEC;
    offer(&flow, 60, BW_SEVERITY_WARNING, "a", "problem", now);
    assert_int_equal(deliver(&flow, now), 60);
    bw_flow_free(&flow);
}

/* Without end: told every five quiet times at the latest. */
static void test_endless_flap(void **state)
{
    struct bw_alert_target_config config = plain;
    struct bw_flow flow = {0};
    uint64_t now = BW_SEC, told = 0, messages = 0;

    (void)state;
    config.digest_after = 4;
    config.digest_ns = 10 * BW_SEC;
    bw_flow_configure(&flow, &config);
    for (uint64_t n = 1; n <= 1000; n++, now += BW_SEC) {
        const struct bw_alert_message *m;

        offer(&flow, n, BW_SEVERITY_WARNING, "a", n % 2 ? "problem" : "ok", now);
        bw_flow_turn(&flow, now);
        while ((m = bw_flow_next(&flow, now)) != NULL) {
            told += m->stands_for;
            messages++;
            bw_flow_result(&flow, BW_ALERT_DELIVERED, "", now, 1);
        }
    }
    assert_in_range(messages, 20, 30);
    assert_in_range(told, 940, 1000);
    bw_flow_free(&flow);
}

static void test_rate(void **state)
{
    struct bw_alert_target_config config = plain;
    const struct bw_alert_message *m;
    struct bw_flow flow = {0};
    char object[8];
    uint64_t now = BW_SEC, count = 0;

    (void)state;
    config.rate = 5;
    config.queue = 100;
    bw_flow_configure(&flow, &config);
    for (uint64_t n = 1; n <= 30; n++) {
        bw_format(object, sizeof(object), "o%u", (unsigned)n);
        offer(&flow, n, BW_SEVERITY_WARNING, object, "problem", now);
    }
    offer(&flow, 31, BW_SEVERITY_CRITICAL, "urgent", "problem", now);
    while (deliver(&flow, now) != 0)
        count++;
    assert_int_equal(count, 6); /* a minute's worth, and what is critical */
    bw_flow_turn(&flow, now + 11 * BW_SEC);
    assert_int_equal(flow.count, 0);
    now += 12 * BW_SEC;
    assert_true(bw_flow_due_ns(&flow) <= now);
    bw_flow_turn(&flow, now);
    m = bw_flow_next(&flow, now);
    assert_int_equal(m->stands_for, 25);
    bw_flow_result(&flow, BW_ALERT_DELIVERED, "", now, 1);
    offer(&flow, 40, BW_SEVERITY_WARNING, "later", "problem", now + 60 * BW_SEC);
    assert_int_equal(deliver(&flow, now + 60 * BW_SEC), 40);
    bw_flow_free(&flow);
}

/* ---- what is kept gives the same flow again ---- */

struct kept {
    uint8_t bytes[256 * 1024];
    size_t length;
};

static void keep(void *keeper, const struct bw_alert_record *record)
{
    struct kept *kept = keeper;

    assert_true(kept->length + BW_ALERT_RECORD_MAX <= sizeof(kept->bytes));
    kept->length += bw_alert_record_put(kept->bytes + kept->length, record);
}

static void test_records(void **state)
{
    static struct kept kept;
    struct bw_alert_target_config config = plain;
    struct bw_alert_record record;
    struct bw_flow flow = {.keep = keep, .keeper = &kept};
    size_t at = 0, bad = 0;
    unsigned seen[BW_ALERT_RECORD_OPEN + 1] = {0};

    (void)state;
    kept.length = 0;
    config.digest_after = 2;
    bw_flow_configure(&flow, &config);
    for (uint64_t n = 1; n <= 6; n++)
        offer(&flow, n, BW_SEVERITY_WARNING, "a", n % 2 ? "problem" : "ok", BW_SEC);
    assert_int_equal(deliver(&flow, BW_SEC), 1);
    while (bw_alert_record_next(kept.bytes, kept.length, &at, &bad, &record)) {
        seen[record.kind]++;
        if (record.kind == BW_ALERT_RECORD_HELD)
            assert_int_equal(record.message.stands_for, seen[record.kind]);
        if (record.kind == BW_ALERT_RECORD_DONE)
            assert_int_equal(record.number, 1);
        bw_alert_message_free(&record.message);
    }
    assert_int_equal(bad, 0);
    assert_int_equal(seen[BW_ALERT_RECORD_MESSAGE], 2);
    assert_int_equal(seen[BW_ALERT_RECORD_HELD], 4);
    assert_int_equal(seen[BW_ALERT_RECORD_DONE], 1);
    bw_flow_free(&flow);
}

/* Any single damaged byte costs one record at most, and is counted. */
static void test_damage(void **state)
{
    static struct kept kept, hurt;
    struct bw_alert_record record = {.kind = BW_ALERT_RECORD_MESSAGE,
                                     .message = {.type = BW_ALERT_EVENT,
                                                 .status = BW_EVENT_RAISED,
                                                 .severity = BW_SEVERITY_WARNING,
                                                 .member = "fw1",
                                                 .event = {.number = 7, .reason = "because"}}};

    (void)state;
    kept.length = 0;
    for (int i = 0; i < 3; i++)
        keep(&kept, &record);
    for (size_t i = 0; i < kept.length; i++) {
        size_t at = 0, bad = 0, found = 0;

        hurt = kept;
        hurt.bytes[i] ^= 0x5a;
        while (bw_alert_record_next(hurt.bytes, hurt.length, &at, &bad, &record)) {
            assert_int_equal(record.message.event.number, 7);
            bw_alert_message_free(&record.message);
            found++;
        }
        assert_int_equal(found, 2);
        assert_true(bad > 0);
    }
    for (size_t cut = 0; cut < kept.length; cut++) {
        size_t at = 0, bad = 0, found = 0;

        while (bw_alert_record_next(kept.bytes, cut, &at, &bad, &record)) {
            bw_alert_message_free(&record.message);
            found++;
        }
        assert_int_equal(found, cut / (kept.length / 3));
    }
}

/* ---- conditions ---- */

struct told {
    unsigned count;
    struct bw_alert_item items[64];
};

static void tell(void *user, const struct bw_alert_item *item)
{
    struct told *told = user;

    assert_true(told->count < 64);
    told->items[told->count++] = *item;
}

static struct bw_snapshot *two_members(void)
{
    struct bw_snapshot *s = calloc(1, sizeof(*s));

    s->number = 1;
    s->posted_wall = 1000;
    s->cluster.local_member = 1;
    s->cluster.active_member = 1;
    s->members_count = 2;
    s->groups_count = 1;
    s->groups[0] = (struct bw_group_row){.index = 1, .name = "edge", .holder = 1};
    for (uint32_t i = 0; i < 2; i++) {
        s->members[i].id = i + 1;
        s->members[i].state = i == 0 ? BW_MEMBER_ACTIVE : BW_MEMBER_STANDBY;
        s->members[i].view = i == 0 ? BW_VIEW_LOCAL : BW_VIEW_MUTUAL;
        s->members[i].admin = BW_ADMIN_UP;
        bw_format(s->members[i].name, sizeof(s->members[i].name), "fw%u", i + 1);
    }
    return s;
}

static void happen(struct bw_conditions *c, const struct bw_snapshot *s, uint64_t number, uint32_t kind, const char *object,
                   const char *to, struct told *told)
{
    struct bw_event event = {.number = number, .kind = kind, .member = 1, .time_wall = (int64_t)number * 1000};

    bw_copy(event.object, sizeof(event.object), object);
    bw_copy(event.to, sizeof(event.to), to);
    bw_conditions_event(c, s, &event, tell, told);
}

static void test_raise_and_clear(void **state)
{
    struct bw_conditions *c = calloc(1, sizeof(*c));
    struct bw_snapshot *s = two_members();
    struct told told = {0};

    (void)state;
    happen(c, s, 1, BW_EVENT_PNOTE, "a", "ok", &told); /* was not unwell */
    happen(c, s, 2, BW_EVENT_PNOTE, "a", "problem", &told);
    happen(c, s, 3, BW_EVENT_STATE_CHANGE, "a", "down", &told);
    happen(c, s, 4, BW_EVENT_STATE_CHANGE, "", "attention", &told);
    happen(c, s, 5, BW_EVENT_PNOTE, "a", "ok", &told);
    happen(c, s, 6, BW_EVENT_STATE_CHANGE, "", "active", &told);
    assert_int_equal(told.count, 6);
    assert_int_equal(told.items[0].status, BW_EVENT_INFORMATION);
    assert_int_equal(told.items[0].filter, BW_SEVERITY_INFO);
    assert_int_equal(told.items[1].status, BW_EVENT_RAISED);
    assert_int_equal(told.items[3].raise_number, 3);
    assert_string_equal(told.items[3].before, "down");
    assert_int_equal(told.items[4].status, BW_EVENT_CLEARED);
    assert_int_equal(told.items[4].raise_number, 2);
    assert_int_equal(told.items[4].filter, BW_SEVERITY_WARNING);
    assert_int_equal(told.items[5].raise_number, 3);
    assert_int_equal(told.items[5].filter, BW_SEVERITY_CRITICAL);
    for (int i = 0; i < BW_ALERT_OPEN_MAX; i++)
        assert_false(c->open[i].used);
    free(s);
    free(c);
}

static void test_clears_by_snapshot(void **state)
{
    struct bw_conditions *c = calloc(1, sizeof(*c));
    struct bw_snapshot *s = two_members();
    struct told told = {0};
    uint64_t now = BW_SEC;

    (void)state;
    s->cluster.config_mismatch = true;
    happen(c, s, 1, BW_EVENT_MISMATCH, "", "", &told);
    happen(c, s, 2, BW_EVENT_PNOTE, "gone", "problem", &told); /* of before a restart: there is no such pnote now */
    for (int i = 0; i < 10; i++, now += BW_SEC)
        bw_conditions_look(c, s, now, tell, &told);
    assert_int_equal(told.count, 3);
    assert_int_equal(told.items[2].event.kind, BW_EVENT_PNOTE);
    assert_int_equal(told.items[2].status, BW_EVENT_CLEARED);
    s->cluster.config_mismatch = false;
    for (int i = 0; i < 10; i++, now += BW_SEC)
        bw_conditions_look(c, s, now, tell, &told);
    assert_int_equal(told.count, 4);
    assert_int_equal(told.items[3].raise_number, 1);
    free(s);
    free(c);
}

static void test_nobody_holds(void **state)
{
    struct bw_conditions *c = calloc(1, sizeof(*c));
    struct bw_snapshot *s = two_members();
    struct told told = {0};
    uint64_t now = BW_SEC;

    (void)state;
    bw_conditions_look(c, s, now, tell, &told);
    s->groups[0].holder = 0;
    bw_conditions_look(c, s, now += BW_SEC, tell, &told);
    bw_conditions_look(c, s, now += BW_SEC, tell, &told);
    assert_int_equal(told.count, 0);
    bw_conditions_look(c, s, now += BW_SEC, tell, &told);
    bw_conditions_look(c, s, now += BW_SEC, tell, &told);
    assert_int_equal(told.count, 1);
    assert_int_equal(told.items[0].severity, BW_SEVERITY_CRITICAL);
    s->groups[0].holder = 2;
    happen(c, s, 9, BW_EVENT_FAILOVER, "", "fw2", &told);
    /* the event has no group here: the snapshot ends it */
    for (int i = 0; i < 5; i++)
        bw_conditions_look(c, s, now += BW_SEC, tell, &told);
    assert_int_equal(told.count, 3);
    assert_int_equal(told.items[2].status, BW_EVENT_CLEARED);
    free(s);
    free(c);
}

static void test_maintenance(void **state)
{
    struct bw_conditions *c = calloc(1, sizeof(*c));
    struct bw_snapshot *s = two_members();
    struct told told = {0};
    uint64_t now = BW_SEC;

    (void)state;
    s->members[0].admin = BW_ADMIN_MAINTENANCE;
    s->pnotes_count = 2;
    for (int i = 0; i < 2; i++) {
        s->pnotes[i].member = 1;
        s->pnotes[i].status = BW_PNOTE_PROBLEM;
        bw_copy(s->pnotes[i].name, sizeof(s->pnotes[i].name), i == 0 ? "a" : "b");
    }
    happen(c, s, 1, BW_EVENT_PNOTE, "a", "problem", &told);
    happen(c, s, 2, BW_EVENT_PNOTE, "b", "problem", &told);
    happen(c, s, 3, BW_EVENT_PNOTE, "b", "ok", &told);
    assert_int_equal(told.count, 3);
    for (int i = 0; i < 3; i++)
        assert_true(told.items[i].quiet);
    for (int i = 0; i < 30; i++)
        bw_conditions_look(c, s, now += BW_SEC, tell, &told);
    assert_int_equal(told.count, 3);
    s->members[0].admin = BW_ADMIN_UP;
    for (int i = 0; i < 9; i++)
        bw_conditions_look(c, s, now += BW_SEC, tell, &told);
    assert_int_equal(told.count, 3);
    for (int i = 0; i < 5; i++)
        bw_conditions_look(c, s, now += BW_SEC, tell, &told);
    assert_int_equal(told.count, 4);
    assert_string_equal(told.items[3].event.object, "a");
    assert_int_equal(told.items[3].status, BW_EVENT_RAISED);
    assert_false(told.items[3].quiet);
    free(s);
    free(c);
}

/* ---- how they read ---- */

static void test_texts(void **state)
{
    static const struct bw_alert_origin origin = {.cluster_id = 17, .cluster = "edge", .teller = "fw2", .link = ""};
    struct bw_alert_message m = {.type = BW_ALERT_EVENT,
                                 .status = BW_EVENT_INFORMATION,
                                 .severity = BW_SEVERITY_WARNING,
                                 .stands_for = 1,
                                 .member = "fw2",
                                 .teller = "fw2",
                                 .group = "group0",
                                 .event = {.number = 42, .kind = BW_EVENT_FAILOVER, .member = 2, .group = 1, .cause = BW_CAUSE_SILENCE,
                                           .time_wall = 1790000000000000000, .from = "fw1", .to = "fw2",
                                           .reason = "fw2 took group0 over from fw1: silence"}};
    char text[1024], id[BW_ALERT_ID_MAX], other[BW_ALERT_ID_MAX];

    (void)state;
    bw_alert_subject(&origin, &m, text, sizeof(text));
    assert_string_equal(text, "NOTICE: [group0] changes to the active firewall: fw2 took group0 over from fw1: silence");
    m.status = BW_EVENT_RAISED;
    m.severity = BW_SEVERITY_CRITICAL;
    bw_copy(m.event.reason, sizeof(m.event.reason), "nobody holds group0");
    bw_alert_subject(&origin, &m, text, sizeof(text));
    assert_string_equal(text, "WARNING: [group0] is downed: nobody holds group0");
    m.raise_number = 42;
    m.raise_wall = m.event.time_wall;
    bw_alert_id(&origin, &m, id);
    bw_alert_raise_id(&origin, &m, other);
    assert_string_equal(id, other);
    m.event.kind = BW_EVENT_PNOTE;
    bw_copy(m.event.object, sizeof(m.event.object), "gw");
    bw_copy(m.event.to, sizeof(m.event.to), "problem");
    bw_alert_subject(&origin, &m, text, sizeof(text));
    assert_string_equal(text, "CRITICAL: [edge] pnote gw on fw2: problem: nobody holds group0");
}

/* Every message in JSON that somebody can read, whatever is in it. */
static void test_json(void **state)
{
    static const struct bw_alert_origin origin = {.cluster_id = 17, .cluster = "edge", .teller = "fw2", .link = "https://x/"};
    struct bw_alert_message m = {.type = BW_ALERT_EVENT, .severity = BW_SEVERITY_WARNING, .stands_for = 1, .member = "fw2"};

    (void)state;
    for (uint32_t kind = 0; kind <= BW_EVENT_LAST + 1; kind++)
        for (uint32_t status = BW_EVENT_RAISED; status <= BW_EVENT_INFORMATION; status++) {
            char *texts[3], *lines;

            m.status = status;
            m.event.kind = kind;
            m.event.time_wall = 1790000000000000000;
            bw_copy(m.event.reason, sizeof(m.event.reason), "quote \" back \\ angle < ]");
            texts[0] = bw_alert_json(&origin, &m);
            texts[1] = bw_alert_webhook_json(&origin, &m, "r");
            texts[2] = bw_alert_push_json(&origin, &m, 1, 1790000001000000000, 60 * BW_SEC);
            for (int i = 0; i < 3; i++) {
                struct json_object *parsed = json_tokener_parse(texts[i]);

                assert_non_null(parsed);
                json_object_put(parsed);
                free(texts[i]);
            }
            lines = malloc(BW_ALERT_BODY_MAX);
            assert_true(bw_alert_body(&origin, &m, lines, BW_ALERT_BODY_MAX) < BW_ALERT_BODY_MAX);
            free(lines);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_and_backoff), cmocka_unit_test(test_bound),
        cmocka_unit_test(test_refused),           cmocka_unit_test(test_flaps),
        cmocka_unit_test(test_endless_flap),      cmocka_unit_test(test_rate),
        cmocka_unit_test(test_records),           cmocka_unit_test(test_damage),
        cmocka_unit_test(test_raise_and_clear),   cmocka_unit_test(test_clears_by_snapshot),
        cmocka_unit_test(test_nobody_holds),      cmocka_unit_test(test_maintenance),
        cmocka_unit_test(test_texts),             cmocka_unit_test(test_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
