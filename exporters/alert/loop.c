/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The alert thread: takes events from the history in order, offers them to targets, moves their tries on, and waits in one poll for
 * whatever comes next.
 */
#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/store/disk.h"
#include "alert.h"
#include "bellwether/log.h"

#define LOOK_NS      (500 * BW_MS) /* between looks at conditions without an event */
#define PUBLISH_NS   BW_SEC
#define WAIT_MOST_NS BW_SEC
#define ACK_NS       (20 * BW_MS)   /* between looks at what a syslog server's kernel has acknowledged */
#define FAREWELL_NS  (1500 * BW_MS) /* for what is left at the end */
#define KEPT_FILE    "open.conditions"

enum { OPEN_HUSHED = 1, OPEN_TOLD = 2, OPEN_TELLER = 8 }; /* flags; the last: from which bit on */

uint64_t bw_alert_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec * BW_SEC + (uint64_t)t.tv_nsec;
}

int64_t bw_alert_wall(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * (int64_t)BW_SEC + t.tv_nsec;
}

/* ---- conditions on disk, with the newest event that was looked at ---- */

static void add_record(uint8_t **bytes, size_t *length, const struct bw_alert_record *record)
{
    uint8_t *more = realloc(*bytes, *length + BW_ALERT_RECORD_MAX);

    if (more == NULL)
        return;
    *bytes = more;
    *length += bw_alert_record_put(more + *length, record);
}

static void keep_conditions(struct bw_alerts *all, uint64_t number, int64_t wall)
{
    struct bw_alert_record record = {.kind = BW_ALERT_RECORD_LAST, .number = number, .wall = wall};
    uint8_t *bytes = NULL;
    size_t length = 0;
    int error;

    all->conditions.changed = false;
    if (all->dir < 0)
        return;
    add_record(&bytes, &length, &record);
    for (int i = 0; i < BW_ALERT_OPEN_MAX; i++) {
        const struct bw_condition *c = &all->conditions.open[i];

        if (!c->used)
            continue;
        record = (struct bw_alert_record){.kind = BW_ALERT_RECORD_OPEN,
                                          .flags = (c->hushed ? OPEN_HUSHED : 0) | (c->told ? OPEN_TOLD : 0) |
                                                   c->teller << OPEN_TELLER};
        record.message = (struct bw_alert_message){.type = BW_ALERT_EVENT,
                                                   .status = BW_EVENT_RAISED,
                                                   .severity = c->severity,
                                                   .raise_number = c->raise.number,
                                                   .raise_wall = c->raise.time_wall,
                                                   .event = c->event};
        add_record(&bytes, &length, &record);
    }
    error = bw_disk_replace(all->dir, KEPT_FILE, bytes, length);
    if (error != 0)
        bw_log(BW_LOG_ERROR, "alerts: %s/" KEPT_FILE " cannot be written: %s", all->path, strerrordesc_np(-error));
    free(bytes);
}

static void take_kept(struct bw_alerts *all, struct bw_alert_record *record, unsigned *count, bool *known, uint64_t *number,
                      int64_t *wall)
{
    if (record->kind == BW_ALERT_RECORD_LAST) {
        *known = true;
        *number = record->number;
        *wall = record->wall;
    } else if (record->kind == BW_ALERT_RECORD_OPEN && *count < BW_ALERT_OPEN_MAX) {
        struct bw_condition *c = &all->conditions.open[(*count)++];

        c->used = true;
        c->hushed = (record->flags & OPEN_HUSHED) != 0;
        c->told = (record->flags & OPEN_TOLD) != 0;
        c->teller = record->flags >> OPEN_TELLER & 0xFF;
        c->severity = record->message.severity;
        c->event = c->raise = record->message.event;
        c->raise.number = record->message.raise_number;
        c->raise.time_wall = record->message.raise_wall;
    }
}

/* The first event that was not looked at before: those of the history that are newer by number or, should numbers have begun anew, by time. */
static uint64_t first_new(struct bw_alerts *all, bool known, uint64_t number, int64_t wall)
{
    uint64_t first, last;
    struct bw_event event;

    bw_history_range(all->context.history, &first, &last);
    for (uint64_t n = first; known && n <= last && n != 0; n++)
        if (n > number || (bw_history_read(all->context.history, n, &event) == 0 && event.time_wall > wall))
            return n;
    return last + 1;
}

void bw_alert_load(struct bw_alerts *all)
{
    size_t length = 0, at = 0, bad = 0;
    struct bw_alert_record record;
    uint8_t *bytes = NULL;
    unsigned count = 0;
    bool known = false;
    uint64_t number = 0;
    int64_t wall = 0;

    if (all->dir >= 0 && bw_disk_read(all->dir, KEPT_FILE, &bytes, &length) == 0)
        while (bw_alert_record_next(bytes, length, &at, &bad, &record)) {
            take_kept(all, &record, &count, &known, &number, &wall);
            bw_alert_message_free(&record.message);
        }
    free(bytes);
    if (bad > 0) {
        bw_log(BW_LOG_WARNING, "alerts: %s/" KEPT_FILE " holds %lu damaged bytes, the rest is used", all->path,
               (unsigned long)bad);
        bw_disk_set_aside(all->dir, KEPT_FILE, ".damaged");
    }
    all->next_number = first_new(all, known, number, wall);
}

/* ---- events to targets ---- */

static void on_item(void *user, const struct bw_alert_item *item)
{
    struct bw_alerts *all = user;

    for (uint32_t i = 0; i < all->count; i++) {
        struct bw_target *t = all->targets[i];
        struct bw_alert_message message;

        if (t->transport == NULL || !bw_target_wants(t, all->snapshot, item))
            continue;
        /* Seen before a restart, when others had not. Numbers may have begun anew. */
        if (item->history && t->spool.last_known && item->event.number <= t->spool.last_number && item->event.time_wall <= t->spool.last_wall)
            continue;
        if (item->quiet) {
            t->flow.suppressed++;
            continue;
        }
        bw_alert_describe(all->snapshot, item, &message);
        bw_flow_offer(&t->flow, &message, all->now_ns);
    }
}

/* Everything up to the event that the snapshot at hand knows; at the end, all there is. */
static void take_events(struct bw_alerts *all)
{
    bool ending = atomic_load(&all->ending), any = false;
    uint64_t first, last;
    struct bw_event event = {0};

    bw_history_range(all->context.history, &first, &last);
    if (!ending && all->snapshot->history_last < last)
        last = all->snapshot->history_last;
    if (all->next_number < first && first != 0) {
        bw_log(BW_LOG_ERROR, "alerts: events %lu to %lu are gone from the history untold", (unsigned long)all->next_number,
               (unsigned long)first - 1);
        for (uint32_t i = 0; i < all->count; i++)
            all->targets[i]->flow.dropped += first - all->next_number;
        all->next_number = first;
    }
    for (; all->next_number <= last; all->next_number++)
        if (bw_history_read(all->context.history, all->next_number, &event) == 0) {
            any = true;
            bw_conditions_event(&all->conditions, all->snapshot, &event, on_item, all);
        }
    if (!any)
        return;
    for (uint32_t i = 0; i < all->count; i++) {
        if (all->targets[i]->transport == NULL)
            continue;
        bw_spool_last(&all->targets[i]->spool, event.number, event.time_wall);
        bw_spool_flush(&all->targets[i]->spool, all->now_ns);
    }
    keep_conditions(all, event.number, event.time_wall); /* after the queues: an event may come twice, never not at all */
}

static void look(struct bw_alerts *all)
{
    struct bw_event event = {0};

    if (all->now_ns < all->looked_ns + LOOK_NS)
        return;
    all->looked_ns = all->now_ns;
    bw_conditions_look(&all->conditions, all->snapshot, all->now_ns, on_item, all);
    if (!all->conditions.changed)
        return;
    if (all->next_number > 1)
        bw_history_read(all->context.history, all->next_number - 1, &event);
    for (uint32_t i = 0; i < all->count; i++)
        bw_spool_flush(&all->targets[i]->spool, all->now_ns);
    keep_conditions(all, all->next_number - 1, event.time_wall);
}

/* ---- targets come and go ---- */

static struct bw_target *find_target(const struct bw_alerts *all, const char *name)
{
    for (uint32_t i = 0; i < all->count; i++)
        if (all->targets[i] != NULL && strcmp(all->targets[i]->config.name, name) == 0)
            return all->targets[i];
    return NULL;
}

static void begin_now(struct bw_alerts *all, struct bw_target *t)
{
    struct bw_event event = {.time_wall = bw_alert_wall()};

    if (t->spool.last_known || t->transport == NULL)
        return;
    if (all->next_number > 1)
        bw_history_read(all->context.history, all->next_number - 1, &event);
    bw_spool_last(&t->spool, all->next_number - 1, event.time_wall);
}

/* Those that stay keep their queues, as they are or (when the kind is another) as they were on disk. */
void bw_alert_take_config(struct bw_alerts *all)
{
    struct bw_target *before[BW_MAX_ALERT_TARGETS];
    uint32_t count = all->count;

    memcpy(before, all->targets, sizeof(before));
    all->count = 0;
    all->origin.link = all->config.link;
    for (unsigned i = 0; i < all->config.targets_count; i++) {
        const struct bw_alert_target_config *c = &all->config.targets[i];
        struct bw_target *t = NULL;

        for (uint32_t k = 0; k < count; k++)
            if (before[k] != NULL && strcmp(before[k]->config.name, c->name) == 0) {
                if (memcmp(&before[k]->config, c, sizeof(*c)) == 0)
                    t = before[k];
                else
                    bw_target_free(before[k]); /* its queue is on disk */
                before[k] = NULL;
            }
        if (t == NULL && bw_target_new(all, c, &t) != 0)
            continue;
        t->index = all->count;
        all->targets[all->count++] = t;
        begin_now(all, t);
    }
    for (uint32_t k = 0; k < count; k++)
        if (before[k] != NULL) {
            if (before[k]->flow.count > 0)
                bw_log(BW_LOG_WARNING, "alerts: target %s is removed, %u messages with it", before[k]->config.name,
                       before[k]->flow.count);
            bw_spool_remove(&before[k]->spool);
            before[k]->spool.dir = -1;
            bw_target_free(before[k]);
        }
}

static void look_at_reload(struct bw_alerts *all)
{
    uint64_t first;
    bool had = all->count > 0;

    if (!bw_reload_alerts(all->context.reload, &all->reload_serial, &all->config))
        return;
    if (!had)
        bw_history_range(all->context.history, &first, &all->next_number), all->next_number++;
    bw_alert_take_config(all);
}

/* ---- tests ---- */

static void begin_test(struct bw_alerts *all)
{
    char name[BW_NAME_MAX];
    struct bw_target *one;

    if (!bw_alert_desk_take(all->context.alert_desk, name))
        return;
    one = find_target(all, name);
    if ((name[0] != '\0' && one == NULL) || all->count == 0) {
        bw_alert_desk_answer(all->context.alert_desk, BW_RESULT_NOT_FOUND, "");
        return;
    }
    all->testing = true;
    for (uint32_t i = 0; i < all->count; i++) {
        all->targets[i]->outcome[0] = '\0';
        all->targets[i]->tested = true;
        if (name[0] == '\0' || all->targets[i] == one)
            bw_target_test(all->targets[i]);
    }
}

static void look_at_test(struct bw_alerts *all)
{
    enum bw_result result = BW_RESULT_DONE;
    char lines[BW_CHANGES_TEXT_MAX] = "";
    size_t length = 0;

    if (!all->testing)
        return;
    for (uint32_t i = 0; i < all->count; i++)
        if (!all->targets[i]->tested)
            return;
    all->testing = false;
    for (uint32_t i = 0; i < all->count; i++) {
        const struct bw_target *t = all->targets[i];

        if (t->outcome[0] == '\0')
            continue;
        if (strncmp(t->outcome, "failed", 6) == 0)
            result = BW_RESULT_REFUSED;
        length += bw_format(lines + length, sizeof(lines) - length, "%s (%s): %s\n", t->config.name,
                            bw_enum_text(&bw_enum_alert_kind, t->config.kind), t->outcome);
    }
    bw_alert_desk_answer(all->context.alert_desk, result, lines);
}

/* ---- rows ---- */

static void publish(struct bw_alerts *all)
{
    struct bw_alert_rows *rows = calloc(1, sizeof(*rows));

    if (rows == NULL)
        return;
    rows->count = all->count;
    for (uint32_t i = 0; i < all->count; i++)
        bw_target_row(all->targets[i], &rows->rows[i]);
    if (all->now_ns >= all->published_ns + PUBLISH_NS || memcmp(rows, &all->rows, sizeof(*rows)) != 0) {
        all->published_ns = all->now_ns;
        all->rows = *rows;
        if (all->context.rows.alerts != NULL)
            bw_published_write(all->context.rows.alerts, rows);
    }
    free(rows);
}

/* ---- the loop ---- */

static struct curl_waitfd wait_for(int fd, short events)
{
    return (struct curl_waitfd){.fd = fd, .events = (short)((events & POLLIN ? CURL_WAIT_POLLIN : 0) |
                                                            (events & POLLOUT ? CURL_WAIT_POLLOUT : 0))};
}

static void earlier(uint64_t *due_ns, uint64_t other_ns)
{
    if (other_ns < *due_ns)
        *due_ns = other_ns;
}

static uint64_t attempt_due_ns(const struct bw_attempt *a, uint64_t now_ns)
{
    if (!a->under_way)
        return UINT64_MAX;
    return a->fd >= 0 && (a->events & (POLLIN | POLLOUT)) == 0 ? now_ns + ACK_NS : a->deadline_ns;
}

static void wait_all(struct bw_alerts *all)
{
    struct curl_waitfd fds[3 + 3 * BW_MAX_ALERT_TARGETS];
    struct bw_attempt *of[3 + 3 * BW_MAX_ALERT_TARGETS] = {NULL};
    uint64_t now_ns = bw_alert_now_ns(), due_ns = now_ns + WAIT_MOST_NS, drain;
    unsigned count = 0;
    int running;

    fds[count++] = wait_for(all->wake_fd, POLLIN);
    if (all->count > 0)
        fds[count++] = wait_for(all->board_fd, POLLIN);
    if (all->runner >= 0)
        fds[count++] = wait_for(all->runner, POLLIN);
    for (uint32_t i = 0; i < all->count; i++) {
        struct bw_target *t = all->targets[i];
        struct bw_attempt *both[] = {&t->attempt, &t->test};

        if (t->kept_fd >= 0)
            fds[count++] = wait_for(t->kept_fd, POLLIN);
        if (t->transport != NULL)
            earlier(&due_ns, bw_flow_due_ns(&t->flow));
        for (int k = 0; k < 2; k++) {
            earlier(&due_ns, attempt_due_ns(both[k], now_ns));
            if (both[k]->under_way && both[k]->fd >= 0 && (both[k]->events & (POLLIN | POLLOUT)) != 0) {
                of[count] = both[k];
                fds[count++] = wait_for(both[k]->fd, both[k]->events);
            }
        }
    }
    curl_multi_poll(all->multi, fds, count, due_ns > now_ns ? (int)((due_ns - now_ns + BW_MS - 1) / BW_MS) : 0, NULL);
    curl_multi_perform(all->multi, &running);
    bw_alert_curl_collect(all);
    (void)!read(all->wake_fd, &drain, sizeof(drain));
    if (all->runner >= 0)
        bw_alert_runner_ready(all);
    for (unsigned i = 0; i < count; i++) {
        struct pollfd p;

        if (of[i] == NULL || !of[i]->under_way || of[i]->fd != fds[i].fd)
            continue;
        p = (struct pollfd){.fd = of[i]->fd, .events = of[i]->events};
        if (poll(&p, 1, 0) > 0)
            of[i]->target->transport->ready(of[i], p.revents);
    }
}

static void take_snapshot(struct bw_alerts *all)
{
    uint64_t drain;

    if (read(all->board_fd, &drain, sizeof(drain)) == (ssize_t)sizeof(drain) || all->snapshot == NULL ||
        atomic_load(&all->ending))
        all->snapshot = bw_board_take(all->context.board, BW_READER_ALERT);
}

/* At the end: is there something that may still be brought away? */
static bool has_more(const struct bw_alerts *all)
{
    for (uint32_t i = 0; i < all->count; i++) {
        const struct bw_target *t = all->targets[i];

        if (t->attempt.under_way || (t->flow.count > 0 && t->flow.tries == 0))
            return true;
    }
    return false;
}

static void turn(struct bw_alerts *all)
{
    all->now_ns = bw_alert_now_ns();
    look_at_reload(all);
    if (all->count > 0) {
        take_snapshot(all);
        if (all->snapshot->number > 0) {
            take_events(all);
            look(all);
        }
    }
    for (uint32_t i = 0; i < all->count; i++)
        bw_target_turn(all->targets[i]);
    begin_test(all);
    look_at_test(all);
    publish(all);
}

void *bw_alerts_run(void *alerts)
{
    struct bw_alerts *all = alerts;
    uint64_t end_ns;

    bw_surface_enter(BW_READER_ALERT);
    while (!atomic_load(&all->ending)) {
        turn(all);
        wait_all(all);
    }
    end_ns = bw_alert_now_ns() + FAREWELL_NS;
    turn(all);
    while (has_more(all) && bw_alert_now_ns() < end_ns) {
        wait_all(all);
        turn(all);
    }
    return NULL;
}
