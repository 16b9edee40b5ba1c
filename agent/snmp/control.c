/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control group (bwControl) and the worker that carries SETs out. The SNMP thread only puts an
 * action into the queue; the worker asks the engine, waits for its answer, and writes the outcome
 * where GETs find it. The mutex is held for copies only.
 */
#include "control.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bellwether/log.h"
#include "bellwether/surface.h"
#include "bellwether/text.h"

#define QUEUE     8
#define ANSWER_MS 4000 /* another member may take 3 s; the engine's end answers at once (bw_mailbox_close) */
#define LOCK_MASK 0x7fffffffu

#define L(value, text, mib)                                                                                            \
    {                                                                                                                  \
        value, text, mib                                                                                               \
    }
const struct bw_enum bw_snmp_enum_result = {
    "BwActionResultValue",
    (const struct bw_enum_label[]){
        L(BW_SNMP_RESULT_NONE, "none", "none"), L(BW_SNMP_RESULT_PENDING, "pending", "pending"),
        L(BW_SNMP_RESULT_DONE, "done", "done"), L(BW_SNMP_RESULT_REFUSED, "refused", "refused"),
        L(BW_SNMP_RESULT_INVALID, "invalid", "invalid"), L(BW_SNMP_RESULT_NOT_FOUND, "not-found", "notFound"),
        L(BW_SNMP_RESULT_TIMEOUT, "timeout", "timeout"), L(BW_SNMP_RESULT_BUSY, "busy", "busy"), L(0, NULL, NULL)}};

const struct bw_enum bw_snmp_enum_reset = {
    "BwResetValue", (const struct bw_enum_label[]){L(BW_SNMP_RESET_IDLE, "idle", "idle"),
                                                   L(BW_SNMP_RESET_NOW, "reset", "reset"), L(0, NULL, NULL)}};

/* A TestAndIncr is an INTEGER without labels: an enumeration that has none. */
static const struct bw_enum test_and_incr = {"TestAndIncr", (const struct bw_enum_label[]){L(0, NULL, NULL)}};

#define FIELD(key, type, member, labels, mib, column, access, help)                                                    \
    {                                                                                                                  \
        key, NULL, BW_TYPE_##type, offsetof(struct bw_snmp_control_row, member),                                       \
            sizeof(((struct bw_snmp_control_row *)0)->member), labels, mib, column, BW_ACCESS_##access,                \
            BW_METRIC_NONE, NULL, NULL, NULL, NULL, help                                                               \
    }
static const struct bw_field control_fields[] = {
    FIELD("lock", ENUM, lock, &test_and_incr, "bwControlLock", 1, WRITE, "Advisory lock against resent and rival SETs"),
    FIELD("group_move", TEXT, group_move, NULL, "bwControlGroupMove", 2, WRITE, "Moves a group: \"GROUP MEMBER\""),
    FIELD("last_action", TEXT, last_action, NULL, "bwControlLastAction", 3, READ, "What was asked for last"),
    FIELD("last_result", ENUM, last_result, &bw_snmp_enum_result, "bwControlLastResult", 4, READ,
          "What became of the last action"),
    FIELD("last_text", TEXT, last_text, NULL, "bwControlLastText", 5, READ, "Why, for people"),
    FIELD("last_time", WALL, last_wall, NULL, "bwControlLastTime", 6, READ, "When the last action was asked for"),
    FIELD("counters_reset", ENUM, counters_reset, &bw_snmp_enum_reset, "bwControlCountersReset", 7, WRITE,
          "Sets the counters of synchronisation and heartbeats to zero"),
};

/* kind BW_OBJECT_COUNT: none of the catalogue's. */
const struct bw_object bw_snmp_control_object = {
    .kind = BW_OBJECT_COUNT,
    .key = "control",
    .title = "Control",
    .mib_entry = "bwControl",
    .arc = 12,
    .table = false,
    .row_size = sizeof(struct bw_snmp_control_row),
    .fields = control_fields,
    .fields_count = sizeof(control_fields) / sizeof(control_fields[0]),
};

struct bw_snmp_actions {
    struct bw_mailbox *mailbox;
    pthread_t worker;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool stop;
    uint64_t newest; /* number of the action that the last-action objects speak of */
    unsigned first, count;
    struct {
        uint64_t number;
        struct bw_snmp_wish wish;
    } queue[QUEUE];
    struct bw_snmp_control_row row;
};

static const uint32_t result_of[] = {
    [BW_RESULT_DONE] = BW_SNMP_RESULT_DONE,           [BW_RESULT_PENDING] = BW_SNMP_RESULT_PENDING,
    [BW_RESULT_REFUSED] = BW_SNMP_RESULT_REFUSED,     [BW_RESULT_INVALID] = BW_SNMP_RESULT_INVALID,
    [BW_RESULT_NOT_FOUND] = BW_SNMP_RESULT_NOT_FOUND, [BW_RESULT_TIMEOUT] = BW_SNMP_RESULT_TIMEOUT,
    [BW_RESULT_BUSY] = BW_SNMP_RESULT_BUSY,
};

/* Under the mutex. */
static void note(struct bw_snmp_actions *actions, uint32_t result, const char *text)
{
    actions->row.last_result = result;
    bw_copy(actions->row.last_text, sizeof(actions->row.last_text), text);
}

/* Under the mutex. Returns the action's number. */
static uint64_t note_new(struct bw_snmp_actions *actions, const char *action, uint32_t result, const char *text)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    actions->row.last_wall = (int64_t)now.tv_sec * (int64_t)BW_SEC + now.tv_nsec;
    bw_copy(actions->row.last_action, sizeof(actions->row.last_action), action);
    note(actions, result, text);
    return ++actions->newest;
}

static void carry_out(struct bw_snmp_actions *actions, uint64_t number, const struct bw_snmp_wish *wish)
{
    struct bw_answer answer;
    enum bw_result result = bw_mailbox_ask(actions->mailbox, &wish->request, &answer, ANSWER_MS);
    uint32_t told = result >= BW_RESULT_DONE && result <= BW_RESULT_BUSY ? result_of[result] : BW_SNMP_RESULT_INVALID;

    bw_log(result == BW_RESULT_DONE ? BW_LOG_NOTICE : BW_LOG_WARNING, "snmp: SET %s: %s%s%s", wish->text,
           bw_enum_text(&bw_snmp_enum_result, told), answer.text[0] != '\0' ? ": " : "", answer.text);
    pthread_mutex_lock(&actions->mutex);
    if (number == actions->newest)
        note(actions, told, answer.text);
    pthread_mutex_unlock(&actions->mutex);
}

static void *work(void *argument)
{
    struct bw_snmp_actions *actions = argument;
    struct bw_snmp_wish wish;
    uint64_t number;

    bw_surface_enter(BW_READER_SNMP);
    pthread_mutex_lock(&actions->mutex);
    while (!actions->stop) {
        if (actions->count == 0) {
            pthread_cond_wait(&actions->wake, &actions->mutex);
            continue;
        }
        number = actions->queue[actions->first].number;
        wish = actions->queue[actions->first].wish;
        actions->first = (actions->first + 1) % QUEUE;
        actions->count--;
        pthread_mutex_unlock(&actions->mutex);
        carry_out(actions, number, &wish);
        pthread_mutex_lock(&actions->mutex);
    }
    pthread_mutex_unlock(&actions->mutex);
    return NULL;
}

struct bw_snmp_actions *bw_snmp_actions_new(struct bw_mailbox *mailbox)
{
    struct bw_snmp_actions *actions = calloc(1, sizeof(*actions));
    struct timespec now;

    if (actions == NULL)
        return NULL;
    actions->mailbox = mailbox;
    clock_gettime(CLOCK_REALTIME, &now); /* another lock after each start: a SET meant for the one before must fail */
    actions->row.lock = (uint32_t)(now.tv_nsec / 1000 + now.tv_sec) & LOCK_MASK;
    actions->row.last_result = BW_SNMP_RESULT_NONE;
    actions->row.counters_reset = BW_SNMP_RESET_IDLE;
    pthread_mutex_init(&actions->mutex, NULL);
    pthread_cond_init(&actions->wake, NULL);
    if (pthread_create(&actions->worker, NULL, work, actions) != 0) {
        pthread_cond_destroy(&actions->wake);
        pthread_mutex_destroy(&actions->mutex);
        free(actions);
        return NULL;
    }
    pthread_setname_np(actions->worker, "bw-snmp-act");
    return actions;
}

void bw_snmp_actions_stop(struct bw_snmp_actions *actions)
{
    pthread_mutex_lock(&actions->mutex);
    actions->stop = true;
    pthread_cond_signal(&actions->wake);
    pthread_mutex_unlock(&actions->mutex);
}

void bw_snmp_actions_free(struct bw_snmp_actions *actions)
{
    if (actions == NULL)
        return;
    bw_snmp_actions_stop(actions);
    pthread_join(actions->worker, NULL);
    pthread_cond_destroy(&actions->wake);
    pthread_mutex_destroy(&actions->mutex);
    free(actions);
}

bool bw_snmp_actions_room(struct bw_snmp_actions *actions, unsigned count)
{
    bool room;

    pthread_mutex_lock(&actions->mutex);
    room = actions->count + count <= QUEUE;
    pthread_mutex_unlock(&actions->mutex);
    return room;
}

void bw_snmp_actions_add(struct bw_snmp_actions *actions, const struct bw_snmp_wish *wish)
{
    unsigned slot;

    pthread_mutex_lock(&actions->mutex);
    if (actions->count == QUEUE) {
        note_new(actions, wish->text, BW_SNMP_RESULT_BUSY, "too many actions are waiting");
    } else {
        slot = (actions->first + actions->count) % QUEUE;
        actions->queue[slot].wish = *wish;
        actions->queue[slot].number = note_new(actions, wish->text, BW_SNMP_RESULT_PENDING, "");
        actions->count++;
        pthread_cond_signal(&actions->wake);
    }
    pthread_mutex_unlock(&actions->mutex);
}

void bw_snmp_actions_refused(struct bw_snmp_actions *actions, const struct bw_snmp_wish *wish, const char *why)
{
    bw_log(BW_LOG_WARNING, "snmp: SET %s: refused: %s", wish->text, why);
    pthread_mutex_lock(&actions->mutex);
    note_new(actions, wish->text, BW_SNMP_RESULT_REFUSED, why);
    pthread_mutex_unlock(&actions->mutex);
}

void bw_snmp_actions_row(struct bw_snmp_actions *actions, struct bw_snmp_control_row *row)
{
    pthread_mutex_lock(&actions->mutex);
    *row = actions->row;
    pthread_mutex_unlock(&actions->mutex);
}

void bw_snmp_actions_advance(struct bw_snmp_actions *actions)
{
    pthread_mutex_lock(&actions->mutex);
    actions->row.lock = (actions->row.lock + 1) & LOCK_MASK;
    pthread_mutex_unlock(&actions->mutex);
}
