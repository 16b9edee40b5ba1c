/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See decide.h. One function changes a state, and tells it. */
#include "agent/resource/decide.h"

#include <string.h>

#include "bellwether/text.h"

#define WHOLE_NS (300 * BW_SEC) /* of good work, after which all retries are there again */
#define AGAIN_NS (30 * BW_SEC)  /* between tries of one that denies its group, where the group stays all the same */

static bool is(const struct bw_unit *u, uint32_t kind)
{
    return u->config->kind == kind;
}

static uint32_t number(const struct bw_decider *d, const struct bw_unit *u)
{
    return (uint32_t)(u - d->units);
}

static struct bw_deed *put(struct bw_decider *d, uint32_t kind, const struct bw_unit *u)
{
    struct bw_deed *deed = &d->deeds[d->deeds_count < BW_DEEDS ? d->deeds_count++ : BW_DEEDS - 1];

    memset(deed, 0, sizeof(*deed));
    deed->kind = kind;
    deed->unit = number(d, u);
    return deed;
}

static void set_phase(struct bw_decider *d, struct bw_unit *u, uint32_t phase)
{
    u->phase = phase;
    u->phase_ns = d->now_ns;
}

/* The one place where a state changes. took_ns: from the first sign on. */
static void set_state(struct bw_decider *d, struct bw_unit *u, uint32_t state, uint64_t took_ns, const char *detail)
{
    bw_copy(u->detail, sizeof(u->detail), detail);
    if (u->state != state) {
        struct bw_deed *deed = put(d, BW_DEED_CHANGED, u);

        deed->from = u->state;
        deed->to = state;
        deed->took_ns = took_ns;
        bw_copy(deed->text, sizeof(deed->text), detail);
        u->state = state;
        u->changed_ns = d->now_ns;
    }
}

static bool wanted(const struct bw_decider *d, const struct bw_unit *u)
{
    return !d->ending && (u->config->on == BW_ON_ALL || (d->held >> u->config->group & 1));
}

/* ---- stopping ---- */

static void cancel(struct bw_decider *d, struct bw_unit *u)
{
    if (u->process && !u->cancelled) {
        u->cancelled = true;
        put(d, BW_DEED_CANCEL, u);
    }
}

static void begin_stop(struct bw_decider *d, struct bw_unit *u)
{
    set_phase(d, u, BW_UNIT_STOPPING);
    u->again_ns = 0;
    u->stop_failed = false;
    if (u->config->stop_words > 0) {
        u->stop_runs = true;
        put(d, BW_DEED_STOP, u);
    } else {
        cancel(d, u);
    }
}

/* ---- failures ---- */

static void fail_for_good(struct bw_decider *d, struct bw_unit *u, const char *text)
{
    set_phase(d, u, BW_UNIT_FAILED);
    set_state(d, u, BW_GROUP_ERROR, 0, text);
    if (u->config->recovery == BW_ON_FAILURE_STOP && (d->held >> u->config->group & 1)) {
        bw_copy(put(d, BW_DEED_STOP_GROUP, u)->text, BW_TEXT_MAX, u->detail);
    } else if (u->config->recovery == BW_ON_FAILURE_FAILOVER) {
        u->denied = true;
        u->again_ns = d->now_ns + AGAIN_NS;
        d->failures[u->config->group]++;
    }
}

static void fail(struct bw_decider *d, struct bw_unit *u, const char *text)
{
    char detail[BW_TEXT_MAX];

    if (!wanted(d, u)) { /* it was to stop anyway */
        begin_stop(d, u);
        return;
    }
    if (u->config->recovery == BW_ON_FAILURE_IGNORE || u->retries_left == 0) {
        fail_for_good(d, u, text);
        return;
    }
    u->retries_left--;
    u->again = true;
    bw_format(detail, sizeof(detail), "is started again, %u retries left: %s", u->retries_left, text);
    set_state(d, u, BW_GROUP_ERROR, 0, detail);
    begin_stop(d, u);
}

static void come_up(struct bw_decider *d, struct bw_unit *u, const char *detail)
{
    uint64_t took_ns = d->now_ns - u->phase_ns;

    set_phase(d, u, BW_UNIT_ON);
    u->denied = false;
    u->again_ns = 0;
    set_state(d, u, BW_GROUP_ONLINE, took_ns, detail);
}

/* ---- what has happened ---- */

void bw_decide_begin(struct bw_decider *d, const struct bw_config *config, uint64_t left, uint64_t now_ns)
{
    memset(d, 0, sizeof(*d));
    d->now_ns = now_ns;
    d->count = config->resources_count;
    for (uint32_t i = 0; i < d->count; i++) {
        struct bw_unit *u = &d->units[i];

        u->config = &config->resources[i];
        u->state = BW_GROUP_OFFLINE;
        u->phase_ns = u->changed_ns = now_ns;
        u->retries_left = u->config->retries;
        if (is(u, BW_RESOURCE_IPW)) {
            u->phase = BW_UNIT_ON;
            u->state = BW_GROUP_UNKNOWN;
            bw_copy(u->detail, sizeof(u->detail), "no verdict yet");
        } else if ((left >> i & 1) && u->config->stop_words > 0) {
            u->phase = BW_UNIT_LEFT;
            u->state = BW_GROUP_UNKNOWN;
            bw_copy(u->detail, sizeof(u->detail), "left by an earlier run of the daemon, and stopped first");
        }
    }
}

void bw_decide_started(struct bw_decider *d, uint32_t unit)
{
    struct bw_unit *u = &d->units[unit];

    if (u->phase == BW_UNIT_STARTING && !u->cancelled)
        come_up(d, u, "");
}

void bw_decide_ended(struct bw_decider *d, uint32_t unit, enum bw_unit_job job, bool good, const char *text)
{
    struct bw_unit *u = &d->units[unit];
    char detail[BW_TEXT_MAX];

    if (job == BW_UNIT_STOP_JOB) {
        u->stop_failed = u->stop_failed || !good;
        if (!good) {
            bw_format(detail, sizeof(detail), "its stop failed: %s", text);
            bw_copy(u->detail, sizeof(u->detail), detail);
        }
        return;
    }
    u->heard = true;
    if (u->cancelled)
        return;
    if (u->phase == BW_UNIT_STARTING && good && !u->config->watch_process) {
        come_up(d, u, "");
    } else if (u->phase == BW_UNIT_STARTING || (u->phase == BW_UNIT_ON && u->config->watch_process)) {
        bw_format(detail, sizeof(detail), "%s: %s", u->phase == BW_UNIT_ON ? "it has ended" : "its start failed", text);
        fail(d, u, detail);
    }
}

void bw_decide_gone(struct bw_decider *d, uint32_t unit, enum bw_unit_job job)
{
    struct bw_unit *u = &d->units[unit];

    if (job == BW_UNIT_STOP_JOB) {
        u->stop_runs = false;
        return;
    }
    if (u->process && !u->heard)
        bw_decide_ended(d, unit, job, false, "what watched over it was killed");
    u->process = u->cancelled = false;
}

void bw_decide_watched(struct bw_decider *d, uint32_t unit, bool good, const char *text)
{
    struct bw_unit *u = &d->units[unit];
    char detail[BW_TEXT_MAX];

    if (is(u, BW_RESOURCE_IPW)) {
        if (good && (u->phase != BW_UNIT_ON || u->state != BW_GROUP_ONLINE))
            come_up(d, u, text);
        else if (!good && u->phase == BW_UNIT_ON)
            fail_for_good(d, u, text);
        return;
    }
    if (!bw_decide_watches(u))
        return;
    if (!good && u->phase == BW_UNIT_ON) {
        bw_format(detail, sizeof(detail), "its watch failed: %s", text);
        fail(d, u, detail);
    } else if (good && u->phase == BW_UNIT_FAILED && (u->process || !u->config->watch_process)) {
        come_up(d, u, "");
    }
}

void bw_decide_proxied(struct bw_decider *d, uint32_t unit, const char *wrong)
{
    struct bw_unit *u = &d->units[unit];

    if (u->phase == BW_UNIT_ON && wrong != NULL) {
        set_phase(d, u, BW_UNIT_FAILED);
        set_state(d, u, BW_GROUP_ERROR, 0, wrong);
    } else if (u->phase == BW_UNIT_FAILED && wrong == NULL) {
        come_up(d, u, "");
    }
}

/* ---- going on ---- */

/* Is it one of a row that starts one after the other? */
static bool in_row(const struct bw_unit *u, const struct bw_unit *of)
{
    return is(u, BW_RESOURCE_EXEC) && u->config->group == of->config->group && u->config->on == BW_ON_ONE &&
           of->config->on == BW_ON_ONE;
}

static bool may_start(const struct bw_decider *d, const struct bw_unit *u)
{
    for (const struct bw_unit *before = d->units; before < u; before++)
        if (in_row(before, u) && before->phase != BW_UNIT_ON &&
            !(before->phase == BW_UNIT_FAILED && before->config->recovery == BW_ON_FAILURE_IGNORE))
            return false;
    return true;
}

static bool may_stop(const struct bw_decider *d, const struct bw_unit *u)
{
    for (const struct bw_unit *after = u + 1; after < d->units + d->count; after++)
        if (in_row(after, u) && after->phase != BW_UNIT_OFF)
            return false;
    return true;
}

static void begin_start(struct bw_decider *d, struct bw_unit *u)
{
    if (!u->again)
        u->retries_left = u->config->retries;
    u->again = false;
    set_phase(d, u, BW_UNIT_STARTING);
    u->process = true;
    u->heard = u->cancelled = false;
    put(d, BW_DEED_START, u);
}

static void end_stop(struct bw_decider *d, struct bw_unit *u)
{
    uint64_t took_ns = d->now_ns - u->phase_ns;
    char detail[BW_TEXT_MAX];

    set_phase(d, u, BW_UNIT_OFF);
    if (u->again && wanted(d, u))
        return; /* its state stays what the failure made it */
    u->again = false;
    bw_copy(detail, sizeof(detail), u->stop_failed ? u->detail : "");
    set_state(d, u, u->stop_failed ? BW_GROUP_ERROR : BW_GROUP_OFFLINE, took_ns, detail);
}

static void run_proxied(struct bw_decider *d, struct bw_unit *u)
{
    if (wanted(d, u) && u->phase == BW_UNIT_OFF) {
        u->phase_ns = d->now_ns;
        come_up(d, u, "");
    } else if (!wanted(d, u) && u->phase != BW_UNIT_OFF) {
        set_phase(d, u, BW_UNIT_OFF);
        set_state(d, u, BW_GROUP_OFFLINE, 0, "");
    }
}

/* One step. True when it made one. */
static bool step(struct bw_decider *d, struct bw_unit *u)
{
    uint32_t before = u->phase;

    switch (u->phase) {
    case BW_UNIT_OFF:
        if (wanted(d, u) && may_start(d, u))
            begin_start(d, u);
        break;
    case BW_UNIT_STARTING:
        if (!wanted(d, u))
            cancel(d, u);
        if (u->cancelled || u->process)
            break;
        begin_stop(d, u); /* cancelled, and gone: what it did so far is undone */
        break;
    case BW_UNIT_ON:
        if (!wanted(d, u) && may_stop(d, u))
            begin_stop(d, u);
        else if (u->retries_left < u->config->retries && d->now_ns - u->phase_ns >= WHOLE_NS)
            u->retries_left = u->config->retries;
        break;
    case BW_UNIT_FAILED:
        if (!wanted(d, u) ? may_stop(d, u) : u->again_ns != 0 && d->now_ns >= u->again_ns) {
            u->again = wanted(d, u);
            begin_stop(d, u);
        }
        break;
    case BW_UNIT_STOPPING:
        if (!u->stop_runs)
            cancel(d, u);
        if (!u->stop_runs && !u->process)
            end_stop(d, u);
        break;
    case BW_UNIT_LEFT:
        begin_stop(d, u);
        break;
    default:
        break;
    }
    return u->phase != before;
}

void bw_decide_run(struct bw_decider *d, uint16_t held, uint64_t now_ns)
{
    bool moved = true;

    d->now_ns = now_ns;
    d->held = held;
    /* Each unit makes a few steps at most before it has to wait for something outside; the bound is for a mistake. */
    for (unsigned rounds = 0; moved && rounds < 8 * BW_MAX_RESOURCES; rounds++) {
        moved = false;
        for (uint32_t i = 0; i < d->count; i++) {
            if (is(&d->units[i], BW_RESOURCE_PARP))
                run_proxied(d, &d->units[i]);
            else if (is(&d->units[i], BW_RESOURCE_EXEC))
                moved = step(d, &d->units[i]) || moved;
        }
    }
}

/* ---- what follows ---- */

bool bw_decide_denies(const struct bw_decider *d, uint8_t group, enum bw_deny cause, const char **why)
{
    for (uint32_t i = 0; i < d->count; i++) {
        const struct bw_unit *u = &d->units[i];

        if (u->denied && u->config->group == group && is(u, BW_RESOURCE_IPW) == (cause == BW_DENY_WATCH)) {
            *why = u->detail;
            return true;
        }
    }
    return false;
}

bool bw_decide_watches(const struct bw_unit *u)
{
    return is(u, BW_RESOURCE_IPW) ||
           (u->config->watch_words > 0 && (u->phase == BW_UNIT_ON || u->phase == BW_UNIT_FAILED));
}

uint64_t bw_decide_touched(const struct bw_decider *d)
{
    uint64_t touched = 0;

    for (uint32_t i = 0; i < d->count; i++)
        if (is(&d->units[i], BW_RESOURCE_EXEC) && d->units[i].config->stop_words > 0 &&
            d->units[i].phase != BW_UNIT_OFF)
            touched |= 1ULL << i;
    return touched;
}

bool bw_decide_over(const struct bw_decider *d)
{
    for (uint32_t i = 0; i < d->count; i++)
        if (!is(&d->units[i], BW_RESOURCE_IPW) && d->units[i].phase != BW_UNIT_OFF)
            return false;
    return true;
}
