/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A target: its rules, its tries, its row. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alert.h"
#include "bellwether/log.h"

#define PUSHED_MOST  64 /* conditions in one repetition */
#define TEST_MOST_NS (9 * BW_SEC)

static const struct bw_alert_transport *const transports[] = {
    [BW_ALERT_SYSLOG] = &bw_transport_syslog,     [BW_ALERT_JOURNAL] = &bw_transport_syslog,
    [BW_ALERT_MAIL] = &bw_transport_curl,         [BW_ALERT_WEBHOOK] = &bw_transport_curl,
    [BW_ALERT_ALERTMANAGER] = &bw_transport_curl, [BW_ALERT_EXEC] = &bw_transport_exec,
    [BW_ALERT_SNMP] = NULL, /* agent/snmp sends them, by its own rules and these */
};

/* ---- rules ---- */

bool bw_target_wants(const struct bw_target *target, const struct bw_snapshot *snapshot, const struct bw_alert_item *item)
{
    const struct bw_alert_target_config *c = &target->config;
    const struct bw_event *e = &item->event;

    /* Of its own trouble it is not told: what failed to reach it would make it fail once more. */
    if (e->kind == BW_EVENT_ALERT && e->member == snapshot->cluster.local_member && strcmp(e->object, c->name) == 0)
        return false;
    if (item->passed_on && c->from == BW_NOTIFY_ALL) /* told it already */
        return false;
    return (c->events == 0 || (c->events >> item->event.kind & 1) != 0) && item->filter >= c->severity &&
           (c->from == BW_NOTIFY_ALL || item->teller == snapshot->cluster.local_member);
}

/* ---- tries ---- */

static void end_attempt(struct bw_attempt *a)
{
    a->under_way = false;
    a->target->transport->end(a);
    free(a->text);
    a->text = NULL;
    a->length = a->done = 0;
    a->events = 0;
}

/* Said once when it begins to fail and once when it works again. */
static void tell_failing(struct bw_target *t, enum bw_alert_result result, const char *text)
{
    if (result != BW_ALERT_DELIVERED && !t->failing)
        bw_log(BW_LOG_WARNING, "alerts: target %s takes nothing: %s", t->config.name, text);
    if (result == BW_ALERT_DELIVERED && t->failing)
        bw_log(BW_LOG_NOTICE, "alerts: target %s works again, %u messages wait", t->config.name, t->flow.count);
    t->failing = result != BW_ALERT_DELIVERED;
}

static void end_repeat(struct bw_target *t, enum bw_alert_result result, const char *text)
{
    uint64_t again_ns = result == BW_ALERT_DELIVERED ? t->config.repeat_ns : t->config.repeat_ns / 2;

    t->repeat_ns = bw_alert_now_ns() + (again_ns > BW_SEC ? again_ns : BW_SEC);
    if (result == BW_ALERT_DELIVERED) {
        t->flow.last_error[0] = '\0';
    } else {
        t->flow.failures++;
        bw_copy(t->flow.last_error, sizeof(t->flow.last_error), text);
    }
}

/* For the look at whether it fails for long. */
static void judge(struct bw_target *t, enum bw_alert_result result, bool has_news, const char *text, uint64_t now_ns)
{
    if (result == BW_ALERT_DELIVERED)
        bw_trouble_delivered(&t->trouble);
    else if (has_news)
        bw_trouble_failed(&t->trouble, text, now_ns);
}

/* What a receiver that broke off may not have got is sent again. */
static void send_again(struct bw_target *t)
{
    if (bw_flow_again(&t->flow, bw_alert_now_ns()) > 0)
        t->spool.sound = false; /* it stands before the rest: the file is written anew */
}

void bw_attempt_done(struct bw_attempt *a, enum bw_alert_result result, const char *format, ...)
{
    struct bw_target *t = a->target;
    uint64_t dropped = t->flow.dropped, now_ns = bw_alert_now_ns();
    char text[2 * BW_TEXT_MAX];
    va_list args;

    if (!a->under_way)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    bw_clean(text, sizeof(text));
    end_attempt(a);
    if (a->is_test) {
        t->tested = true;
        bw_format(t->outcome, sizeof(t->outcome), "%s%s", result == BW_ALERT_DELIVERED ? "delivered: " : "failed: ", text);
        if (result == BW_ALERT_DELIVERED && t->flow.retry_ns > now_ns)
            t->flow.retry_ns = now_ns; /* it works: no need to wait for the next try */
        return;
    }
    judge(t, result, a->is_repeat ? a->has_news : bw_flow_has_news(&t->flow), text, now_ns);
    if (a->is_repeat)
        end_repeat(t, result, text);
    else
        bw_flow_result(&t->flow, result, text, now_ns, bw_alert_wall());
    if (result == BW_ALERT_FAILED)
        send_again(t);
    tell_failing(t, result, text);
    if (t->flow.dropped != dropped)
        bw_log(BW_LOG_ERROR, "alerts: target %s refuses a message for good, it is dropped: %s", t->config.name, text);
}

static void begin_attempt(struct bw_target *t, struct bw_attempt *a, const struct bw_alert_message *messages, unsigned count)
{
    a->under_way = true;
    a->fd = -1;
    a->events = 0;
    a->phase = 0;
    a->deadline_ns = bw_alert_now_ns() + t->config.timeout_ns;
    if (a->is_test && t->config.timeout_ns > TEST_MOST_NS)
        a->deadline_ns = bw_alert_now_ns() + TEST_MOST_NS;
    a->has_news = false;
    for (unsigned i = 0; i < count; i++)
        a->has_news = a->has_news || messages[i].event.kind != BW_EVENT_ALERT;
    t->transport->begin(a, messages, count);
}

void bw_target_test(struct bw_target *t)
{
    struct bw_alert_message m = {.type = BW_ALERT_TEST,
                                 .status = BW_EVENT_INFORMATION,
                                 .severity = BW_SEVERITY_NOTICE,
                                 .stands_for = 1,
                                 .event = {.time_wall = bw_alert_wall(), .cause = BW_CAUSE_NONE}};

    t->tested = false;
    if (t->transport == NULL) {
        bool connected = atomic_load(&t->all->context.stats->snmp_connected) != 0;

        t->tested = true;
        bw_copy(t->outcome, sizeof(t->outcome),
                connected ? "connected to snmpd, which sends notifications; there is no notification for tests"
                          : "failed: not connected to snmpd");
        return;
    }
    bw_copy(m.teller, sizeof(m.teller), t->all->origin.teller);
    bw_copy(m.event.reason, sizeof(m.event.reason), "nothing has happened");
    m.raise_wall = m.first_wall = m.event.time_wall;
    if (t->test.under_way)
        end_attempt(&t->test);
    t->test.is_test = true;
    begin_attempt(t, &t->test, &m, 1);
}

/* What an Alertmanager is reminded of: all that lasts and is this member's to tell. */
static void repeat(struct bw_target *t)
{
    const struct bw_alerts *all = t->all;
    struct bw_alert_message *messages = calloc(PUSHED_MOST, sizeof(*messages));
    unsigned count = 0;

    t->repeat_ns = all->now_ns + t->config.repeat_ns;
    for (int i = 0; messages != NULL && i < BW_ALERT_OPEN_MAX && count < PUSHED_MOST; i++) {
        const struct bw_condition *c = &all->conditions.open[i];
        struct bw_alert_item item = {.event = c->event,
                                     .status = BW_EVENT_RAISED,
                                     .severity = c->severity,
                                     .filter = c->severity,
                                     .teller = c->used ? bw_conditions_teller(all->snapshot, c) : 0,
                                     .raise_number = c->raise.number,
                                     .raise_wall = c->raise.time_wall};

        if (c->used && !c->hushed && bw_target_wants(t, all->snapshot, &item))
            bw_alert_describe(all->snapshot, &item, &messages[count++]);
    }
    t->attempt.is_repeat = true;
    if (count > 0)
        begin_attempt(t, &t->attempt, messages, count);
    free(messages);
}

static void look_at_deadline(struct bw_attempt *a, uint64_t now_ns)
{
    if (a->under_way && now_ns >= a->deadline_ns)
        bw_attempt_done(a, BW_ALERT_FAILED, "no answer within %lu s", (unsigned long)(a->target->config.timeout_ns / BW_SEC));
    else if (a->under_way)
        a->target->transport->ready(a, 0);
}

static void tell_dropped(struct bw_target *t)
{
    uint64_t suppressed;

    if (t->flow.dropped > t->dropped_told && bw_log_allowed(&t->dropping, t->all->now_ns, &suppressed)) {
        bw_log(BW_LOG_ERROR, "alerts: target %s: %lu messages dropped, more than the queue holds or refused for good",
               t->config.name, (unsigned long)(t->flow.dropped - t->dropped_told));
        t->dropped_told = t->flow.dropped;
    }
}

/* A syslog server that closes the connection may have died with what its kernel had taken: that is sent again, under the same identity.
 * Looked at before each try and when the connection says something. */
static void look_at_connection(struct bw_target *t)
{
    if (t->kept_fd < 0 || t->attempt.under_way || !bw_alert_syslog_broken(t))
        return;
    bw_alert_syslog_close(t);
    send_again(t);
}

/* snmpd is the only one that says how it goes. */
static void look_at_snmp(struct bw_target *t)
{
    if (atomic_load(&t->all->context.stats->snmp_connected) != 0)
        bw_trouble_delivered(&t->trouble);
    else
        bw_trouble_failed(&t->trouble, "not connected to snmpd", t->all->now_ns);
    bw_trouble_look(&t->trouble, 0, 0, t->all->now_ns);
}

void bw_target_turn(struct bw_target *t)
{
    const struct bw_alert_message *message;
    uint64_t now_ns = t->all->now_ns;

    if (t->transport == NULL) {
        look_at_snmp(t);
        return;
    }
    look_at_deadline(&t->attempt, now_ns);
    look_at_deadline(&t->test, now_ns);
    look_at_connection(t);
    bw_flow_turn(&t->flow, now_ns);
    bw_spool_flush(&t->spool, now_ns); /* what is tried is on disk before */
    tell_dropped(t);
    /* Several at a turn, where a try ends at once: local sockets. */
    for (int i = 0; i < 32 && !t->attempt.under_way; i++) {
        look_at_connection(t);
        message = bw_flow_next(&t->flow, bw_alert_now_ns());
        if (message == NULL)
            break;
        t->attempt.is_repeat = false;
        begin_attempt(t, &t->attempt, message, 1);
    }
    if (t->config.kind == BW_ALERT_ALERTMANAGER && !t->attempt.under_way && t->flow.count == 0 && now_ns >= t->repeat_ns &&
        t->all->snapshot != NULL)
        repeat(t);
    bw_trouble_look(&t->trouble, t->flow.losses, t->flow.bad_breaks, now_ns);
    bw_spool_flush(&t->spool, now_ns);
}

/* ---- row ---- */

static void snmp_row(const struct bw_target *t, struct bw_alert_row *row)
{
    struct bw_stats *stats = t->all->context.stats;
    bool connected = atomic_load(&stats->snmp_connected) != 0;

    row->state = connected ? BW_ALERT_IDLE : BW_ALERT_WAITING;
    row->delivered = atomic_load(&stats->snmp_notifications_sent);
    row->dropped = atomic_load(&stats->snmp_notifications_dropped);
    if (!connected)
        bw_copy(row->last_error, sizeof(row->last_error), "not connected to snmpd");
}

void bw_target_row(const struct bw_target *t, struct bw_alert_row *row)
{
    const struct bw_flow *f = &t->flow;

    memset(row, 0, sizeof(*row));
    row->index = t->index + 1;
    bw_copy(row->name, sizeof(row->name), t->config.name);
    row->kind = t->config.kind;
    if (t->trouble.failing)
        bw_copy(row->trouble, sizeof(row->trouble), t->trouble.reason);
    if (t->transport == NULL) {
        snmp_row(t, row);
        return;
    }
    row->state = t->attempt.under_way ? BW_ALERT_SENDING : f->count > 0 && f->tries > 0 ? BW_ALERT_WAITING : BW_ALERT_IDLE;
    row->queued = f->count + f->rated.gathers;
    for (int i = 0; i < BW_ALERT_HELD_MAX; i++)
        row->queued += f->held[i].used && f->held[i].gathers;
    row->delivered = f->delivered;
    row->failures = f->failures;
    row->dropped = f->dropped;
    row->suppressed = f->suppressed;
    row->last_wall = f->last_wall;
    bw_copy(row->last_error, sizeof(row->last_error), f->last_error);
}

/* ---- begin and end ---- */

/* What the history calls failing goes on doing so until a message is delivered. */
static void restore_trouble(struct bw_target *t, uint64_t now_ns)
{
    for (int i = 0; i < BW_ALERT_OPEN_MAX; i++) {
        const struct bw_condition *c = &t->all->conditions.open[i];

        if (c->used && c->event.kind == BW_EVENT_ALERT && strcmp(c->event.object, t->config.name) == 0)
            bw_trouble_restore(&t->trouble, c->event.reason, now_ns);
    }
}

int bw_target_new(struct bw_alerts *all, const struct bw_alert_target_config *config, struct bw_target **out)
{
    struct bw_target *t = calloc(1, sizeof(*t));
    uint64_t now_ns = bw_alert_now_ns();

    *out = t;
    if (t == NULL)
        return -ENOMEM;
    t->all = all;
    t->config = *config;
    t->transport = transports[config->kind];
    t->kept_fd = t->attempt.fd = t->test.fd = -1;
    t->attempt.target = t->test.target = t;
    t->repeat_ns = now_ns + config->repeat_ns;
    bw_flow_configure(&t->flow, config);
    t->flow.remembers = config->kind == BW_ALERT_SYSLOG && (config->protocol == BW_ALERT_TCP || config->protocol == BW_ALERT_TLS);
    restore_trouble(t, now_ns);
    t->spool = (struct bw_spool){.dir = t->transport != NULL ? all->dir : -1,
                                 .path = all->path,
                                 .cluster = all->origin.cluster_id,
                                 .member = all->context.config->cluster.members[all->context.config->cluster.local].id};
    bw_copy(t->spool.name, sizeof(t->spool.name), config->name);
    bw_spool_open(&t->spool, &t->flow, now_ns);
    if (t->flow.count > 0)
        bw_log(BW_LOG_NOTICE, "alerts: target %s: %u messages from before wait", config->name, t->flow.count);
    return 0;
}

void bw_target_free(struct bw_target *t)
{
    if (t == NULL)
        return;
    if (t->attempt.under_way)
        end_attempt(&t->attempt);
    if (t->test.under_way)
        end_attempt(&t->test);
    bw_alert_syslog_close(t);
    bw_places_free(&t->places);
    bw_spool_close(&t->spool);
    bw_flow_free(&t->flow);
    free(t);
}
