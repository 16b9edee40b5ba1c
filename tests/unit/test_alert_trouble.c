/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When a target fails for long, what is sent again to one that breaks off, where servers are, and which member tells what. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "exporters/alert/alert.h"

/* ---- trouble ---- */

static void test_failing(void **state)
{
    struct bw_trouble t = {0};
    uint64_t now = 5 * BW_SEC;

    (void)state;
    bw_trouble_look(&t, 0, 0, now);
    assert_false(t.failing);
    bw_trouble_failed(&t, "refused", now);
    bw_trouble_look(&t, 0, 0, now + 60 * BW_SEC - 1);
    assert_false(t.failing);
    bw_trouble_failed(&t, "no answer", now + 40 * BW_SEC);
    bw_trouble_look(&t, 0, 0, now + 60 * BW_SEC);
    assert_true(t.failing);
    assert_string_equal(t.reason, "no answer");
    bw_trouble_look(&t, 0, 0, now + 600 * BW_SEC);
    assert_true(t.failing);
    bw_trouble_delivered(&t);
    bw_trouble_look(&t, 0, 0, now + 600 * BW_SEC);
    assert_false(t.failing);
    /* A good one in between begins the minute anew. */
    bw_trouble_failed(&t, "refused", now + 700 * BW_SEC);
    bw_trouble_delivered(&t);
    bw_trouble_failed(&t, "refused", now + 750 * BW_SEC);
    bw_trouble_look(&t, 0, 0, now + 770 * BW_SEC);
    assert_false(t.failing);
}

static void test_losses(void **state)
{
    struct bw_trouble t = {0};
    uint64_t now = 5 * BW_SEC;

    (void)state;
    bw_trouble_look(&t, 3, 0, now);
    assert_true(t.failing);
    assert_string_equal(t.reason, "more messages came than its queue holds");
    bw_trouble_delivered(&t);
    bw_trouble_look(&t, 4, 0, now + 30 * BW_SEC); /* delivers, and loses more: no end and no new beginning */
    assert_true(t.failing);
    bw_trouble_look(&t, 4, 0, now + 89 * BW_SEC);
    assert_true(t.failing);
    bw_trouble_look(&t, 4, 0, now + 90 * BW_SEC);
    assert_false(t.failing);
    bw_trouble_failed(&t, "status 400", now + 100 * BW_SEC);
    bw_trouble_look(&t, 5, 0, now + 101 * BW_SEC);
    assert_true(t.failing);
    assert_string_equal(t.reason, "status 400");
    bw_trouble_look(&t, 5, 0, now + 400 * BW_SEC); /* nothing was delivered since */
    assert_true(t.failing);
}

static void test_restored(void **state)
{
    struct bw_trouble t = {0};

    (void)state;
    bw_trouble_restore(&t, "refused", BW_SEC);
    bw_trouble_look(&t, 0, 0, BW_SEC);
    assert_true(t.failing);
    bw_trouble_delivered(&t);
    bw_trouble_look(&t, 0, 0, 2 * BW_SEC);
    assert_false(t.failing);
}

/* A server that is started anew makes no trouble, one that takes connections and closes them does. */
static void test_breaking(void **state)
{
    struct bw_trouble t = {0};
    uint64_t now = 5 * BW_SEC;

    (void)state;
    for (uint32_t breaks = 1; breaks <= 3; breaks++) {
        bw_trouble_look(&t, 0, breaks, now += 10 * BW_SEC);
        bw_trouble_delivered(&t);
    }
    bw_trouble_look(&t, 0, 3, now + 100 * BW_SEC);
    assert_false(t.failing);
    bw_trouble_look(&t, 0, 0, now + 110 * BW_SEC); /* it holds */
    bw_trouble_look(&t, 0, 2, now + 400 * BW_SEC);
    assert_false(t.failing);
    bw_trouble_look(&t, 0, 3, now + 500 * BW_SEC);
    bw_trouble_delivered(&t);
    bw_trouble_look(&t, 0, 9, now + 620 * BW_SEC);
    assert_true(t.failing);
    assert_string_equal(t.reason, "it takes connections and breaks them off again");
    bw_trouble_delivered(&t);
    bw_trouble_look(&t, 0, 9, now + 700 * BW_SEC);
    assert_true(t.failing);
    bw_trouble_look(&t, 0, 0, now + 800 * BW_SEC);
    assert_false(t.failing);
}

static void offer(struct bw_flow *flow, uint64_t number, uint32_t kind, uint64_t now_ns)
{
    struct bw_alert_message m = {.type = BW_ALERT_EVENT,
                                 .status = BW_EVENT_RAISED,
                                 .severity = BW_SEVERITY_WARNING,
                                 .stands_for = 1,
                                 .event = {.number = number, .kind = kind, .member = 1}};

    bw_flow_offer(flow, &m, now_ns);
}

/* Two targets that fail would tell each other of it for ever: messages about targets' troubles count for nothing. */
static void test_no_trouble_of_trouble(void **state)
{
    static const struct bw_alert_target_config config = {.name = "t", .kind = BW_ALERT_WEBHOOK, .queue = 10};
    struct bw_flow flow = {0};

    (void)state;
    bw_flow_configure(&flow, &config);
    for (uint64_t n = 1; n <= 15; n++)
        offer(&flow, n, BW_EVENT_ALERT, BW_SEC);
    assert_false(bw_flow_has_news(&flow));
    assert_int_equal(flow.dropped, 5);
    assert_int_equal(flow.losses, 0);
    offer(&flow, 16, BW_EVENT_PNOTE, BW_SEC);
    assert_true(bw_flow_has_news(&flow));
    for (uint64_t n = 17; n <= 26; n++)
        offer(&flow, n, BW_EVENT_ALERT, BW_SEC);
    assert_int_equal(flow.losses, 1);
    bw_flow_free(&flow);
}

/* ---- one that breaks off ---- */

static const struct bw_alert_target_config tcp = {.name = "t", .kind = BW_ALERT_SYSLOG, .protocol = BW_ALERT_TCP, .queue = 10};

/* Again and again, but ever less often, and not for ever: a server that closes connections which say nothing is no dead one. */
static void test_breaks(void **state)
{
    struct bw_flow flow = {.remembers = true};
    uint64_t now = BW_SEC, begin = now, last_wait = 0;
    unsigned sent = 0;

    (void)state;
    bw_flow_configure(&flow, &tcp);
    offer(&flow, 1, BW_EVENT_PNOTE, now);
    offer(&flow, 2, BW_EVENT_PNOTE, now);
    for (int round = 0; round < 100; round++) {
        uint64_t expected = 1;

        while (bw_flow_next(&flow, now) != NULL) {
            assert_int_equal(bw_flow_at(&flow, 0)->event.number, expected++);
            bw_flow_result(&flow, BW_ALERT_DELIVERED, "", now, 1);
            sent++;
        }
        now += BW_MS;
        bw_flow_turn(&flow, now);
        if (bw_flow_again(&flow, now) == 0)
            break;
        assert_null(bw_flow_next(&flow, now));
        assert_true(bw_flow_due_ns(&flow) - now >= last_wait);
        last_wait = bw_flow_due_ns(&flow) - now;
        now = bw_flow_due_ns(&flow);
    }
    assert_int_equal(flow.count, 0);
    assert_in_range(sent, 4, 40);
    assert_int_equal(flow.bad_breaks, flow.breaks);
    assert_in_range(now - begin, 100 * BW_SEC, 900 * BW_SEC);
    /* One that holds is trusted again. */
    offer(&flow, 3, BW_EVENT_PNOTE, now);
    assert_non_null(bw_flow_next(&flow, now));
    bw_flow_result(&flow, BW_ALERT_DELIVERED, "", now, 1);
    assert_int_not_equal(flow.breaks, 0);
    bw_flow_turn(&flow, now + 400 * BW_SEC);
    assert_int_equal(flow.breaks, 0);
    bw_flow_free(&flow);
}

/* ---- where servers are ---- */

static const struct bw_place *find(struct bw_places *places, const char *server, int wake, uint64_t now)
{
    const struct bw_place *place = bw_places_get(places, server, true, false, wake, now);
    struct pollfd p = {.fd = wake, .events = POLLIN};
    uint64_t drain;

    for (int i = 0; place == NULL && bw_places_wait(places) && i < 100; i++) {
        poll(&p, 1, 500);
        place = bw_places_get(places, server, true, false, wake, now);
    }
    (void)!read(wake, &drain, sizeof(drain));
    return place;
}

static void test_split(void **state)
{
    char host[256], port[8];

    (void)state;
    bw_places_split("10.0.0.1:514", host, sizeof(host), port, sizeof(port));
    assert_string_equal(host, "10.0.0.1");
    assert_string_equal(port, "514");
    bw_places_split("[2001:db8::1]:6514", host, sizeof(host), port, sizeof(port));
    assert_string_equal(host, "2001:db8::1");
    assert_string_equal(port, "6514");
    bw_places_split("log.example.:601", host, sizeof(host), port, sizeof(port));
    assert_string_equal(host, "log.example.");
}

static void test_lookup(void **state)
{
    struct bw_places places = {0};
    const struct bw_place *place;
    int wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

    (void)state;
    place = find(&places, "192.0.2.7:601", wake, BW_SEC); /* at once, without a lookup */
    assert_non_null(place);
    assert_int_equal(((const struct sockaddr_in *)&place->address)->sin_port, htons(601));
    assert_false(bw_places_wait(&places));
    memset(&places, 0, sizeof(places));
    place = find(&places, "localhost:602", wake, BW_SEC);
    assert_non_null(place);
    assert_true(place->address.ss_family == AF_INET || place->address.ss_family == AF_INET6);
    assert_int_equal(((const struct sockaddr_in *)&place->address)->sin_port, htons(602));
    /* Not looked up again for a while, and then again; each that does not do is followed by the next. */
    assert_non_null(bw_places_get(&places, "localhost:602", true, false, wake, 30 * BW_SEC));
    assert_false(bw_places_wait(&places));
    for (uint32_t i = places.count; i > 0; i--)
        bw_places_failed(&places);
    assert_null(bw_places_get(&places, "localhost:602", true, false, wake, 30 * BW_SEC));
    assert_true(bw_places_wait(&places));
    assert_non_null(bw_places_get(&places, "localhost:602", true, true, wake, 30 * BW_SEC)); /* rather what was known */
    assert_non_null(find(&places, "localhost:602", wake, 30 * BW_SEC));
    bw_places_free(&places);
    close(wake);
}

static void test_lookup_fails(void **state)
{
    struct bw_places places = {0};
    int wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

    (void)state;
    assert_null(find(&places, "no..such..name:601", wake, BW_SEC));
    assert_false(bw_places_wait(&places));
    assert_string_not_equal(places.error, "");
    /* Given up while it goes on: the thread frees what is left. */
    assert_null(bw_places_get(&places, "no..such..name:601", true, false, wake, 2 * BW_SEC));
    bw_places_free(&places);
    close(wake);
}

/* ---- which member tells ---- */

struct told {
    unsigned count;
    struct bw_alert_item items[32];
};

static void tell(void *user, const struct bw_alert_item *item)
{
    struct told *told = user;

    assert_true(told->count < 32);
    told->items[told->count++] = *item;
}

/* Three members as `local` sees them. */
static struct bw_snapshot *view_of(uint32_t local)
{
    struct bw_snapshot *s = calloc(1, sizeof(*s));

    assert_non_null(s);
    s->number = 1;
    s->posted_wall = 1000 * (int64_t)BW_SEC;
    s->cluster.local_member = local;
    s->groups_count = 1;
    s->groups[0] = (struct bw_group_row){.index = 1, .name = "edge", .holder = 1};
    s->members_count = 3;
    for (uint32_t i = 0; i < 3; i++) {
        s->members[i].id = i + 1;
        s->members[i].state = i == 0 ? BW_MEMBER_ACTIVE : BW_MEMBER_STANDBY;
        s->members[i].view = i + 1 == local ? BW_VIEW_LOCAL : BW_VIEW_MUTUAL;
        s->members[i].admin = BW_ADMIN_UP;
    }
    return s;
}

static void gone(struct bw_snapshot *s, uint32_t id)
{
    s->members[id - 1].view = BW_VIEW_NONE;
    s->members[id - 1].state = BW_MEMBER_UNREACHABLE;
}

static struct bw_event silent(const struct bw_snapshot *s, uint32_t id, bool is)
{
    struct bw_event event = {.number = 7, .kind = BW_EVENT_STATE_CHANGE, .member = id, .time_wall = s->posted_wall};

    bw_copy(event.from, sizeof(event.from), is ? "standby" : "unreachable");
    bw_copy(event.to, sizeof(event.to), is ? "unreachable" : "standby");
    return event;
}

/* The clear of what 1 told, on every member: 1's while it is there, though the first in view is another by then; else the next one's. */
static void test_clear_by_teller(void **state)
{
    (void)state;
    for (uint32_t local = 1; local <= 3; local++)
        for (int with_1 = 0; with_1 <= 1; with_1++) {
            struct bw_conditions *c = calloc(1, sizeof(*c));
            struct bw_snapshot *s = view_of(local);
            struct told told = {0};
            struct bw_event event;

            if (local == 3 || (local == 1 && !with_1)) { /* 3 is the silent one */
                free(s);
                free(c);
                continue;
            }
            gone(s, 3);
            event = silent(s, 3, true);
            bw_conditions_event(c, s, &event, tell, &told);
            assert_int_equal(told.items[0].teller, 1);
            assert_int_equal(told.items[0].status, BW_EVENT_RAISED);
            if (!with_1)
                gone(s, 1);
            s->posted_wall += 3600 * (int64_t)BW_SEC;
            s->members[2].view = BW_VIEW_MUTUAL;
            s->members[2].state = BW_MEMBER_STANDBY;
            event = silent(s, 3, false);
            bw_conditions_event(c, s, &event, tell, &told);
            assert_int_equal(told.count, 2);
            assert_int_equal(told.items[1].status, BW_EVENT_CLEARED);
            assert_int_equal(told.items[1].teller, with_1 ? 1 : 2);
            free(s);
            free(c);
        }
}

/* 2 was to tell that 1 is away; then 1 comes back and is the first in view, while 3 stays away: what 2 raised, 2 clears. */
static void test_clear_not_by_the_first(void **state)
{
    struct bw_conditions *c = calloc(1, sizeof(*c));
    struct bw_snapshot *s = view_of(2);
    struct told told = {0};
    struct bw_event event;

    (void)state;
    gone(s, 1);
    gone(s, 3);
    event = silent(s, 3, true);
    bw_conditions_event(c, s, &event, tell, &told);
    assert_int_equal(told.items[0].teller, 2);
    s->members[0].view = BW_VIEW_MUTUAL;
    s->members[0].state = BW_MEMBER_STANDBY;
    s->members[2].view = BW_VIEW_MUTUAL;
    event = silent(s, 3, false);
    assert_int_equal(bw_event_teller(s, &event), 1);
    bw_conditions_event(c, s, &event, tell, &told);
    assert_int_equal(told.items[1].teller, 2);
    /* What nobody had raised is the first one's. */
    bw_conditions_event(c, s, &event, tell, &told);
    assert_int_equal(told.items[2].status, BW_EVENT_INFORMATION);
    assert_int_equal(told.items[2].teller, 1);
    free(s);
    free(c);
}

/* 3 falls silent, which is 1's to tell, and 1 dies at once: 2 tells both, once each, and later both ends. */
static void test_passed_on(void **state)
{
    struct bw_conditions *c = calloc(1, sizeof(*c));
    struct bw_snapshot *s = view_of(2);
    struct told told = {0};
    uint64_t now = BW_SEC;
    struct bw_event event;

    (void)state;
    gone(s, 3);
    event = silent(s, 3, true);
    bw_conditions_event(c, s, &event, tell, &told);
    assert_int_equal(told.items[0].teller, 1);
    gone(s, 1);
    s->posted_wall += 5 * (int64_t)BW_SEC;
    event = silent(s, 1, true);
    bw_conditions_event(c, s, &event, tell, &told);
    assert_int_equal(told.items[1].teller, 2);
    for (int i = 0; i < 5; i++)
        bw_conditions_look(c, s, now += BW_SEC, tell, &told);
    assert_int_equal(told.count, 3);
    assert_int_equal(told.items[2].event.member, 3);
    assert_int_equal(told.items[2].status, BW_EVENT_RAISED);
    assert_int_equal(told.items[2].teller, 2);
    assert_true(told.items[2].passed_on);
    s->members[0].view = s->members[2].view = BW_VIEW_MUTUAL;
    s->members[0].state = s->members[2].state = BW_MEMBER_STANDBY;
    event = silent(s, 3, false);
    bw_conditions_event(c, s, &event, tell, &told);
    assert_int_equal(told.items[3].teller, 2);
    free(s);
    free(c);
}

/* What its teller has had a minute for is not told again when it goes. */
static void test_not_passed_on_late(void **state)
{
    struct bw_conditions *c = calloc(1, sizeof(*c));
    struct bw_snapshot *s = view_of(2);
    struct told told = {0};
    uint64_t now = BW_SEC;
    struct bw_event event;

    (void)state;
    gone(s, 3);
    event = silent(s, 3, true);
    bw_conditions_event(c, s, &event, tell, &told);
    s->posted_wall += 61 * (int64_t)BW_SEC;
    gone(s, 1);
    for (int i = 0; i < 5; i++)
        bw_conditions_look(c, s, now += BW_SEC, tell, &told);
    assert_int_equal(told.count, 1);
    for (int i = 0; i < BW_ALERT_OPEN_MAX; i++)
        if (c->open[i].used)
            assert_int_equal(bw_conditions_teller(s, &c->open[i]), 2); /* who reminds an Alertmanager of it */
    free(s);
    free(c);
}

/* A target's trouble: raised and cleared by its events, or when there is no such target any more. */
static void test_trouble_condition(void **state)
{
    struct bw_conditions *c = calloc(1, sizeof(*c));
    struct bw_snapshot *s = view_of(1);
    struct told told = {0};
    uint64_t now = BW_SEC;
    struct bw_event event = {.number = 3, .kind = BW_EVENT_ALERT, .member = 1, .object = "mail", .from = "ok", .to = "failing"};
    struct bw_target target = {.config = {.name = "mail", .from = BW_NOTIFY_ALL}};

    (void)state;
    s->alerts_count = 1;
    bw_copy(s->alerts[0].name, sizeof(s->alerts[0].name), "mail");
    bw_copy(s->alerts[0].trouble, sizeof(s->alerts[0].trouble), "refused");
    bw_conditions_event(c, s, &event, tell, &told);
    for (int i = 0; i < 5; i++)
        bw_conditions_look(c, s, now += BW_SEC, tell, &told);
    assert_int_equal(told.count, 1);
    assert_int_equal(told.items[0].status, BW_EVENT_RAISED);
    assert_false(bw_target_wants(&target, s, &told.items[0])); /* not of its own */
    bw_copy(target.config.name, sizeof(target.config.name), "hook");
    assert_true(bw_target_wants(&target, s, &told.items[0]));
    s->alerts_count = 0;
    for (int i = 0; i < 5; i++)
        bw_conditions_look(c, s, now += BW_SEC, tell, &told);
    assert_int_equal(told.count, 2);
    assert_int_equal(told.items[1].status, BW_EVENT_CLEARED);
    assert_int_equal(told.items[1].raise_number, 3);
    free(s);
    free(c);
}

static void test_trouble_reads(void **state)
{
    static const struct bw_alert_origin origin = {.cluster_id = 17, .cluster = "edge", .teller = "fw1", .link = ""};
    struct bw_alert_message m = {.type = BW_ALERT_EVENT,
                                 .status = BW_EVENT_RAISED,
                                 .severity = BW_SEVERITY_WARNING,
                                 .stands_for = 1,
                                 .member = "fw1",
                                 .teller = "fw1",
                                 .event = {.number = 3, .kind = BW_EVENT_ALERT, .member = 1, .object = "mail", .from = "ok",
                                           .to = "failing", .reason = "refused"}};
    char text[512], *json;

    (void)state;
    bw_alert_subject(&origin, &m, text, sizeof(text));
    assert_string_equal(text, "WARNING: [edge] alerts of fw1 do not reach the target mail: refused");
    m.status = BW_EVENT_CLEARED;
    m.severity = BW_SEVERITY_NOTICE;
    bw_copy(m.before, sizeof(m.before), "failing");
    bw_copy(m.event.to, sizeof(m.event.to), "ok");
    bw_copy(m.event.reason, sizeof(m.event.reason), "it takes messages again");
    bw_alert_subject(&origin, &m, text, sizeof(text));
    assert_string_equal(text, "CLEARED: [edge] alerts of fw1 reach the target mail again: it takes messages again");
    json = bw_alert_webhook_json(&origin, &m, "hook");
    assert_non_null(strstr(json, "\"alertname\":\"BellwetherAlertingFails\"")); /* that of the rule */
    assert_non_null(strstr(json, "\"target\":\"mail\""));
    free(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failing),
        cmocka_unit_test(test_losses),
        cmocka_unit_test(test_restored),
        cmocka_unit_test(test_breaking),
        cmocka_unit_test(test_no_trouble_of_trouble),
        cmocka_unit_test(test_breaks),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_lookup),
        cmocka_unit_test(test_lookup_fails),
        cmocka_unit_test(test_clear_by_teller),
        cmocka_unit_test(test_clear_not_by_the_first),
        cmocka_unit_test(test_passed_on),
        cmocka_unit_test(test_not_passed_on_late),
        cmocka_unit_test(test_trouble_condition),
        cmocka_unit_test(test_trouble_reads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
