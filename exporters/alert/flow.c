/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flow of messages to one target: a bounded queue in order, one try at a time with back-off, a rate, and digests of what comes too
 * often. Pure: no clock, no file, no socket; tested in virtual time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alert.h"

#define MINUTE_NS     (60 * BW_SEC)
#define RETRY_MOST_NS (300 * BW_SEC)
#define REFUSALS_MOST 5 /* tries of a message that its target refuses for what it is */
#define DOUBT_NS      (300 * BW_SEC) /* what was sent to one that acknowledges nothing is in doubt so long */
#define GATHER_TIMES  5 /* digest_ns after which a gathering that does not come to rest is told */

void bw_alert_message_free(struct bw_alert_message *message)
{
    free(message->lines);
    message->lines = NULL;
}

int bw_alert_message_copy(struct bw_alert_message *to, const struct bw_alert_message *from)
{
    *to = *from;
    if (from->lines == NULL)
        return 0;
    to->lines = strdup(from->lines);
    return to->lines != NULL ? 0 : -ENOMEM;
}

/* ---- the queue ---- */

static struct bw_alert_message *at(const struct bw_flow *flow, uint32_t i)
{
    return &flow->queue[(flow->first + i) % flow->room];
}

const struct bw_alert_message *bw_flow_at(const struct bw_flow *flow, uint32_t i)
{
    return at(flow, i);
}

static void keep(struct bw_flow *flow, uint32_t kind, uint64_t number, const struct bw_alert_message *message)
{
    struct bw_alert_record record = {.kind = kind, .number = number};

    if (flow->keep == NULL)
        return;
    if (message != NULL)
        record.message = *message;
    flow->keep(flow->keeper, &record);
}

/* Takes the i-th out; on disk, too, unless it is remembered. */
static void take_out(struct bw_flow *flow, uint32_t i, bool remembered)
{
    if (!remembered)
        keep(flow, BW_ALERT_RECORD_DONE, at(flow, i)->sequence, NULL);
    bw_alert_message_free(at(flow, i));
    if (i == 0)
        flow->first = (flow->first + 1) % flow->room;
    for (; i > 0 && i + 1 < flow->count; i++)
        *at(flow, i) = *at(flow, i + 1);
    flow->count--;
}

static void count_drop(struct bw_flow *flow, const struct bw_alert_message *message)
{
    flow->dropped++;
    flow->lost++;
    flow->losses += message->event.kind != BW_EVENT_ALERT;
}

/* The oldest gives way, but for one that is just being tried. */
static void drop_oldest(struct bw_flow *flow)
{
    uint32_t i = flow->trying && flow->count > 1 ? 1 : 0;

    count_drop(flow, at(flow, i));
    take_out(flow, i, false);
    if (i == 0) {
        flow->tries = 0; /* retry_ns stays: it is the target that does not answer */
    }
}

static bool make_room(struct bw_flow *flow)
{
    uint32_t room = flow->room != 0 ? flow->room * 2 : 16;
    struct bw_alert_message *bigger;

    if (flow->count < flow->room)
        return true;
    bigger = calloc(room, sizeof(*bigger));
    if (bigger == NULL)
        return false;
    for (uint32_t i = 0; i < flow->count; i++)
        bigger[i] = *at(flow, i);
    free(flow->queue);
    flow->queue = bigger;
    flow->first = 0;
    flow->room = room;
    return true;
}

static void push(struct bw_flow *flow, struct bw_alert_message *message)
{
    while (flow->count >= flow->config.queue && flow->count > (flow->trying ? 1U : 0U))
        drop_oldest(flow);
    if (!make_room(flow)) {
        count_drop(flow, message);
        bw_alert_message_free(message);
        return;
    }
    *at(flow, flow->count++) = *message;
}

static void enqueue(struct bw_flow *flow, struct bw_alert_message *message)
{
    message->sequence = ++flow->sequence;
    keep(flow, BW_ALERT_RECORD_MESSAGE, 0, message);
    push(flow, message);
}

/* ---- gathering ---- */

static bool same_object(const struct bw_event *a, const struct bw_event *b)
{
    return a->kind == b->kind && a->member == b->member && a->group == b->group &&
           (a->kind == BW_EVENT_STATE_CHANGE || strcmp(a->object, b->object) == 0);
}

static void begin_gathering(struct bw_flow *flow, struct bw_alert_held *held, struct bw_alert_message *message, uint64_t now_ns)
{
    char *lines = calloc(1, BW_ALERT_LINES_MAX);

    held->used = held->gathers = true;
    held->since_ns = held->newest_ns = now_ns;
    bw_alert_message_free(message);
    held->message = *message;
    held->message.sequence = ++flow->sequence;
    held->message.stands_for = 1;
    held->message.first_number = message->event.number;
    held->message.first_wall = message->event.time_wall;
    held->message.lines = lines;
    if (lines != NULL)
        bw_alert_line(message, lines, BW_ALERT_LINES_MAX);
    flow->suppressed++;
    keep(flow, BW_ALERT_RECORD_HELD, 0, &held->message);
}

/* The oldest lines give way. */
static void add_line(char *lines, const struct bw_alert_message *message)
{
    char line[BW_TEXT_MAX * 3];
    size_t length = bw_alert_line(message, line, sizeof(line)), used = strlen(lines);

    while (used + length + 1 > BW_ALERT_LINES_MAX) {
        const char *second = strchr(lines, '\n');
        size_t cut = second != NULL ? (size_t)(second + 1 - lines) : used;

        memmove(lines, lines + cut, used - cut + 1);
        used -= cut;
    }
    memcpy(lines + used, line, length + 1);
}

static void gather(struct bw_flow *flow, struct bw_alert_held *held, struct bw_alert_message *message, uint64_t now_ns)
{
    struct bw_alert_message *all = &held->message;
    struct bw_alert_message before = *all;

    *all = *message;
    all->sequence = before.sequence;
    all->stands_for = before.stands_for + 1;
    all->first_number = before.first_number;
    all->first_wall = before.first_wall;
    all->lines = before.lines;
    if (before.severity > all->severity)
        all->severity = before.severity;
    if (all->lines != NULL)
        add_line(all->lines, message);
    bw_alert_message_free(message);
    held->newest_ns = now_ns;
    flow->suppressed++;
    keep(flow, BW_ALERT_RECORD_HELD, 0, all);
}

/* What was gathered becomes a message of the queue. */
static void tell_gathered(struct bw_flow *flow, struct bw_alert_held *held)
{
    struct bw_alert_message message = held->message;
    uint64_t sequence = message.sequence;

    held->message.lines = NULL;
    held->gathers = false;
    if (message.stands_for > 1) {
        message.type = BW_ALERT_DIGEST;
    } else {
        bw_alert_message_free(&message);
        flow->suppressed--; /* told by itself after all */
    }
    enqueue(flow, &message);
    keep(flow, BW_ALERT_RECORD_TOLD, sequence, NULL);
}

static struct bw_alert_held *find_held(struct bw_flow *flow, const struct bw_event *event)
{
    struct bw_alert_held *free_one = NULL;

    for (int i = 0; i < BW_ALERT_HELD_MAX; i++)
        if (flow->held[i].used && same_object(&flow->held[i].message.event, event))
            return &flow->held[i];
    for (int i = 0; i < BW_ALERT_HELD_MAX; i++) {
        struct bw_alert_held *h = &flow->held[i];

        if (!h->used || (!h->gathers && (free_one == NULL || (free_one->used && h->newest_ns < free_one->newest_ns))))
            free_one = h;
        if (!h->used)
            break;
    }
    if (free_one != NULL) {
        memset(free_one, 0, sizeof(*free_one));
        free_one->message.event = *event;
    }
    return free_one;
}

/* Do changes of this object come too often to be told one by one? Then the message is taken. */
static bool is_gathered(struct bw_flow *flow, struct bw_alert_message *message, uint64_t now_ns)
{
    struct bw_alert_held *held;

    if (flow->config.digest_after == 0 || message->type != BW_ALERT_EVENT)
        return false;
    held = find_held(flow, &message->event);
    if (held == NULL)
        return false;
    if (held->gathers) {
        gather(flow, held, message, now_ns);
        return true;
    }
    if (!held->used || now_ns > held->since_ns + MINUTE_NS) {
        held->used = true;
        held->recent = 0;
        held->since_ns = now_ns;
    }
    held->newest_ns = now_ns;
    if (++held->recent <= flow->config.digest_after)
        return false;
    begin_gathering(flow, held, message, now_ns);
    return true;
}

/* ---- rate ---- */

static uint64_t cost_ns(const struct bw_flow *flow)
{
    return MINUTE_NS / flow->config.rate;
}

/* May one more go out now? A minute's worth may go at once. */
static bool has_token(const struct bw_flow *flow, uint64_t now_ns)
{
    uint64_t from_ns = flow->tokens_at_ns > now_ns ? flow->tokens_at_ns : now_ns;

    return flow->config.rate == 0 || from_ns + cost_ns(flow) <= now_ns + MINUTE_NS;
}

static void take_token(struct bw_flow *flow, uint64_t now_ns)
{
    if (flow->config.rate != 0)
        flow->tokens_at_ns = (flow->tokens_at_ns > now_ns ? flow->tokens_at_ns : now_ns) + cost_ns(flow);
}

static bool is_beyond_rate(struct bw_flow *flow, struct bw_alert_message *message, uint64_t now_ns)
{
    bool urgent = message->severity == BW_SEVERITY_CRITICAL && message->status == BW_EVENT_RAISED;

    if (flow->config.rate == 0 || urgent)
        return false;
    if (flow->rated.gathers) {
        gather(flow, &flow->rated, message, now_ns);
        return true;
    }
    if (has_token(flow, now_ns)) {
        take_token(flow, now_ns);
        return false;
    }
    begin_gathering(flow, &flow->rated, message, now_ns);
    return true;
}

/* ---- what may have been sent in vain ---- */

static void forget_sent(struct bw_flow *flow, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        keep(flow, BW_ALERT_RECORD_DONE, flow->sent[i].message.sequence, NULL);
        bw_alert_message_free(&flow->sent[i].message);
    }
    flow->sent_count -= count;
    memmove(flow->sent, flow->sent + count, flow->sent_count * sizeof(flow->sent[0]));
}

static uint64_t back_off_ns(uint32_t tries)
{
    uint32_t shift = tries < 10 ? tries - 1 : 9;

    return BW_SEC << shift < RETRY_MOST_NS ? BW_SEC << shift : RETRY_MOST_NS;
}

static bool remember(struct bw_flow *flow, uint64_t now_ns)
{
    struct bw_alert_message *m = at(flow, 0);

    if (m->sent_ns == 0)
        m->sent_ns = now_ns;
    /* Sent again and again to one that breaks off each time, perhaps only since it has heard nothing for a while: that has an end. */
    if (!flow->remembers || now_ns >= m->sent_ns + DOUBT_NS)
        return false;
    if (flow->sent_count == BW_ALERT_SENT_MAX)
        forget_sent(flow, 1);
    flow->sent[flow->sent_count].at_ns = m->sent_ns;
    return bw_alert_message_copy(&flow->sent[flow->sent_count].message, m) == 0 && ++flow->sent_count > 0;
}

static void push_front(struct bw_flow *flow, struct bw_alert_message *message)
{
    if (flow->count >= flow->config.queue || !make_room(flow)) {
        count_drop(flow, message);
        bw_alert_message_free(message);
        return;
    }
    flow->first = (flow->first + flow->room - 1) % flow->room;
    flow->count++;
    *at(flow, 0) = *message;
    keep(flow, BW_ALERT_RECORD_MESSAGE, 0, message);
}

uint32_t bw_flow_again(struct bw_flow *flow, uint64_t now_ns)
{
    bool news = false;
    uint32_t again = 0;

    while (flow->sent_count > 0 && !flow->trying) {
        news = news || flow->sent[flow->sent_count - 1].message.event.kind != BW_EVENT_ALERT;
        push_front(flow, &flow->sent[--flow->sent_count].message);
        again++;
    }
    if (again > 0) {
        uint64_t retry_ns = now_ns + back_off_ns(++flow->breaks);

        flow->bad_breaks += news;
        flow->broken_ns = now_ns;
        flow->retry_ns = retry_ns > flow->retry_ns ? retry_ns : flow->retry_ns;
    }
    return again;
}

/* ---- from outside ---- */

void bw_flow_offer(struct bw_flow *flow, struct bw_alert_message *message, uint64_t now_ns)
{
    if (!is_gathered(flow, message, now_ns) && !is_beyond_rate(flow, message, now_ns))
        enqueue(flow, message);
}

static uint64_t gathered_until_ns(const struct bw_flow *flow, const struct bw_alert_held *held)
{
    uint64_t quiet_ns = held->newest_ns + flow->config.digest_ns;
    uint64_t most_ns = held->since_ns + GATHER_TIMES * flow->config.digest_ns;

    return quiet_ns < most_ns ? quiet_ns : most_ns;
}

static uint64_t token_at_ns(const struct bw_flow *flow)
{
    uint64_t full_ns = flow->config.rate == 0 ? 0 : flow->tokens_at_ns + cost_ns(flow);

    return full_ns > MINUTE_NS ? full_ns - MINUTE_NS : 0;
}

void bw_flow_turn(struct bw_flow *flow, uint64_t now_ns)
{
    for (int i = 0; i < BW_ALERT_HELD_MAX; i++) {
        struct bw_alert_held *h = &flow->held[i];
        bool quiet = now_ns >= h->newest_ns + flow->config.digest_ns;

        if (!h->used || !h->gathers || now_ns < gathered_until_ns(flow, h))
            continue;
        tell_gathered(flow, h);
        h->recent = quiet ? 0 : flow->config.digest_after; /* it goes on: what comes next is gathered again */
        h->since_ns = now_ns;
        h->used = !quiet;
    }
    while (flow->sent_count > 0 && now_ns >= flow->sent[0].at_ns + DOUBT_NS)
        forget_sent(flow, 1);
    if (flow->breaks > 0 && now_ns >= flow->broken_ns + back_off_ns(flow->breaks) + MINUTE_NS)
        flow->breaks = flow->bad_breaks = 0; /* the connection since then holds */
    if (flow->rated.gathers && has_token(flow, now_ns)) {
        take_token(flow, now_ns);
        tell_gathered(flow, &flow->rated);
    }
}

const struct bw_alert_message *bw_flow_next(struct bw_flow *flow, uint64_t now_ns)
{
    if (flow->trying || flow->count == 0 || now_ns < flow->retry_ns)
        return NULL;
    flow->trying = true;
    at(flow, 0)->lost = flow->lost;
    return at(flow, 0);
}

void bw_flow_result(struct bw_flow *flow, enum bw_alert_result result, const char *text, uint64_t now_ns, int64_t wall)
{
    flow->trying = false;
    if (flow->count == 0)
        return;
    if (result == BW_ALERT_DELIVERED) {
        flow->delivered++;
        flow->last_wall = wall;
        flow->last_error[0] = '\0';
        flow->tries = 0;
        flow->retry_ns = now_ns;
        flow->lost = 0;
        take_out(flow, 0, remember(flow, now_ns));
        return;
    }
    flow->failures++;
    flow->tries++;
    bw_copy(flow->last_error, sizeof(flow->last_error), text);
    flow->retry_ns = now_ns + back_off_ns(flow->tries);
    if (result == BW_ALERT_REFUSED && flow->tries >= REFUSALS_MOST) {
        count_drop(flow, at(flow, 0));
        flow->tries = 0;
        flow->retry_ns = now_ns;
        take_out(flow, 0, false);
    }
}

bool bw_flow_has_news(const struct bw_flow *flow)
{
    for (uint32_t i = 0; i < flow->count; i++)
        if (at(flow, i)->event.kind != BW_EVENT_ALERT)
            return true;
    return false;
}

uint64_t bw_flow_due_ns(const struct bw_flow *flow)
{
    uint64_t due_ns = flow->count > 0 && !flow->trying ? flow->retry_ns : UINT64_MAX, other_ns;

    for (int i = 0; i < BW_ALERT_HELD_MAX; i++)
        if (flow->held[i].used && flow->held[i].gathers &&
            (other_ns = gathered_until_ns(flow, &flow->held[i])) < due_ns)
            due_ns = other_ns;
    if (flow->sent_count > 0 && flow->sent[0].at_ns + DOUBT_NS < due_ns)
        due_ns = flow->sent[0].at_ns + DOUBT_NS;
    if (flow->rated.gathers && token_at_ns(flow) < due_ns)
        due_ns = token_at_ns(flow);
    return due_ns;
}

/* ---- setting up ---- */

void bw_flow_configure(struct bw_flow *flow, const struct bw_alert_target_config *config)
{
    flow->config = *config;
    while (flow->count > config->queue && flow->count > 1)
        drop_oldest(flow);
}

void bw_flow_restore(struct bw_flow *flow, struct bw_alert_message *message, bool held, uint64_t now_ns)
{
    struct bw_alert_held *h = held ? find_held(flow, &message->event) : NULL;

    if (message->sequence > flow->sequence)
        flow->sequence = message->sequence;
    if (h == NULL || h->gathers) {
        if (message->stands_for > 1)
            message->type = BW_ALERT_DIGEST;
        push(flow, message);
        return;
    }
    h->used = h->gathers = true;
    h->since_ns = h->newest_ns = now_ns;
    h->recent = flow->config.digest_after;
    h->message = *message;
    if (h->message.lines != NULL) {
        char *lines = calloc(1, BW_ALERT_LINES_MAX); /* more may come */

        if (lines != NULL)
            bw_copy(lines, BW_ALERT_LINES_MAX, h->message.lines);
        free(h->message.lines);
        h->message.lines = lines;
    }
}

void bw_flow_free(struct bw_flow *flow)
{
    for (uint32_t i = 0; i < flow->count; i++)
        bw_alert_message_free(at(flow, i));
    for (int i = 0; i < BW_ALERT_HELD_MAX; i++)
        bw_alert_message_free(&flow->held[i].message);
    bw_alert_message_free(&flow->rated.message);
    for (uint32_t i = 0; i < flow->sent_count; i++)
        bw_alert_message_free(&flow->sent[i].message);
    flow->sent_count = 0;
    free(flow->queue);
    flow->queue = NULL;
    flow->count = flow->room = 0;
}
