/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon's reload. Runs on a thread of its own (SIGHUP) or on that of whoever asks, one at a time, never the
 * engine's: it reads files and waits.
 *
 *   file → checked → compared with what runs → estate (the keeper) → handover → engine, address thread → running
 *
 * Configurations in use: the one that the daemon started with stays for ever, since surfaces read it; besides it there is
 * the running one, and while the engine changes over the next one. The former one is freed when the engine says that it
 * uses it no more; should that not come in time, both stay and the next reload begins by asking again.
 */
#include "agent/reload/daemon.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "agent/keeper/estate.h"
#include "bellwether/log.h"
#include "bellwether/text.h"

#define ENGINE_MS   3000 /* waits so long for the engine and its address thread */
#define STACK_BYTES (512 * 1024)

struct bw_reload {
    const struct bw_agent *agent;
    pthread_mutex_t lock; /* one reload at a time; guards what follows */
    const struct bw_config *running; /* owned, but for the one that the daemon started with */
    struct bw_config *next;          /* handed over and not finished; NULL = none */
    unsigned keys_count;
    uint8_t keys[2][BW_KEY_BYTES]; /* running */
    struct bw_config_changes changes;
    struct bw_config_errors errors;
    pthread_mutex_t token_lock; /* guards the path alone, so that HTTP never waits for a reload */
    char token_file[BW_PATH_MAX];
    struct bw_alerts_config alerts; /* by the same lock */
    _Atomic uint64_t alerts_serial; /* reloads that changed them */
    struct bw_sync_config sync;     /* likewise, and so they are told */
    _Atomic uint64_t sync_serial;
    sem_t wake;
    _Atomic bool stopping;
    bool threaded;
    pthread_t thread;
};

/* ---- outcome ---- */

static void conclude(struct bw_reload_outcome *outcome, enum bw_result result, const char *text)
{
    outcome->result = result;
    bw_copy(outcome->text, sizeof(outcome->text), text);
}

static void add_text(struct bw_reload_outcome *outcome, const char *text)
{
    size_t length = strlen(outcome->lines);

    bw_copy(outcome->lines + length, sizeof(outcome->lines) - length, text);
}

static void log_outcome(const char *who, const struct bw_reload_outcome *outcome)
{
    enum bw_log_level level = outcome->result == BW_RESULT_DONE ? BW_LOG_NOTICE : BW_LOG_ERROR;

    bw_log(level, "reload (%s): %s", who, outcome->text);
    for (const char *line = outcome->lines; *line != '\0';) {
        size_t length = strcspn(line, "\n");

        bw_log(level, "reload: %.*s", (int)length, line);
        line += length + (line[length] == '\n');
    }
}

/* ---- the steps ---- */

/* Which member is local: this process stays the one that it is, whatever addresses the host has just now. */
static void resolve_local(const struct bw_config *running, struct bw_config *next)
{
    const struct bw_member_config *member = &running->cluster.members[running->cluster.local];
    bool named = next->cluster.local_name[0] != '\0';

    for (uint8_t i = 0; i < next->cluster.members_count; i++)
        if (named ? strcmp(next->cluster.members[i].name, next->cluster.local_name) == 0
                  : next->cluster.members[i].id == member->id)
            next->cluster.local = i;
}

/* Reads file and keys into next and handover. False when they are bad. */
static bool read_files(struct bw_reload *r, struct bw_config *next, struct bw_reload_outcome *outcome)
{
    struct bw_handover *h = r->agent->handover;
    int error = bw_config_load(r->agent->context->config_path, next, &r->errors);

    if (error == 0) {
        resolve_local(r->running, next);
        memset(h->keys, 0, sizeof(h->keys));
        h->keys_count = 0;
        error = bw_config_check_alerts(r->agent->context->config_path, next, &r->errors);
        if (error == 0 && !next->cluster.auth_none)
            error = bw_config_read_key(next->cluster.key_file, h->keys, &h->keys_count, &r->errors);
    }
    if (error == 0)
        return true;
    conclude(outcome, BW_RESULT_INVALID, "the configuration is not good: nothing is changed");
    add_text(outcome, r->errors.text);
    return false;
}

/* What there is to do. False when it is nothing, or too much. */
static bool compare(struct bw_reload *r, const struct bw_config *next, struct bw_reload_outcome *outcome)
{
    struct bw_handover *h = r->agent->handover;
    bool keys = h->keys_count != r->keys_count || memcmp(h->keys, r->keys, sizeof(r->keys)) != 0;

    bw_config_compare(r->running, next, &r->changes);
    if (r->changes.refused > 0) {
        conclude(outcome, BW_RESULT_REFUSED, "this cannot change while the daemon runs: nothing is changed");
        add_text(outcome, r->changes.refused_text);
        return false;
    }
    add_text(outcome, r->changes.live_text);
    if (keys && !next->cluster.auth_none) {
        char line[BW_TEXT_MAX];

        bw_format(line, sizeof(line), "cluster keys: read again, %u in the file\n", h->keys_count);
        add_text(outcome, line);
        r->changes.live++;
    }
    if (r->changes.live > 0)
        return true;
    conclude(outcome, BW_RESULT_DONE, "nothing has changed");
    return false;
}

/* The event's text: the changes themselves as far as they fit. */
static void describe(const struct bw_reload_outcome *outcome, char *what)
{
    size_t length = 0;

    for (const char *line = outcome->lines; *line != '\0' && length + 1 < BW_TEXT_MAX;) {
        size_t n = strcspn(line, "\n");

        if (length + n + 8 > BW_TEXT_MAX) {
            bw_copy(what + length, BW_TEXT_MAX - length, length > 0 ? ", ..." : "several changes");
            return;
        }
        length += bw_format(what + length, BW_TEXT_MAX - length, "%s", length > 0 ? "; " : "");
        memcpy(what + length, line, n);
        length += n;
        what[length] = '\0';
        line += n + (line[n] == '\n');
    }
}

/* The engine has changed over: what was next runs. */
static void settle(struct bw_reload *r)
{
    struct bw_handover *h = r->agent->handover;

    if (r->running != r->agent->config)
        free((void *)(uintptr_t)r->running);
    r->running = r->next;
    r->next = NULL;
    r->keys_count = h->keys_count;
    memcpy(r->keys, h->keys, sizeof(r->keys));
    explicit_bzero(h->keys, sizeof(h->keys));
    atomic_store(&h->state, BW_HANDOVER_NONE);
    bw_log_set_level(bw_log_level_by_name(r->running->log_level));
    pthread_mutex_lock(&r->token_lock);
    bw_copy(r->token_file, sizeof(r->token_file), r->running->http.token_file);
    if (memcmp(&r->alerts, &r->running->alerts, sizeof(r->alerts)) != 0) {
        r->alerts = r->running->alerts;
        atomic_fetch_add(&r->alerts_serial, 1);
    }
    if (memcmp(&r->sync, &r->running->cluster.sync, sizeof(r->sync)) != 0) {
        r->sync = r->running->cluster.sync;
        atomic_fetch_add(&r->sync_serial, 1);
    }
    pthread_mutex_unlock(&r->token_lock);
}

/* The engine won't have it. */
static void take_back(struct bw_reload *r)
{
    bw_estate_write(r->agent->context->lifeline->estate, r->running, r->keys, r->keys_count);
    free(r->next);
    r->next = NULL;
    explicit_bzero(r->agent->handover->keys, sizeof(r->agent->handover->keys));
    atomic_store(&r->agent->handover->state, BW_HANDOVER_NONE);
}

static void hand_over(struct bw_reload *r, struct bw_config *next, const char *who, struct bw_reload_outcome *outcome)
{
    struct bw_request request = {.kind = BW_REQUEST_RELOAD};
    struct bw_handover *h = r->agent->handover;
    uint32_t state = BW_HANDOVER_OFFERED;
    struct bw_answer answer;

    h->config = r->next = next;
    describe(outcome, h->what);
    bw_copy(request.who, sizeof(request.who), who);
    /* First the keeper: were this process to die in between, it would look for some addresses in vain, and leave none. */
    bw_estate_write(r->agent->context->lifeline->estate, next, h->keys, h->keys_count);
    atomic_store(&h->state, BW_HANDOVER_OFFERED);
    bw_mailbox_ask(r->agent->mailbox, &request, &answer, ENGINE_MS);
    if (atomic_compare_exchange_strong(&h->state, &state, BW_HANDOVER_WITHDRAWN))
        state = BW_HANDOVER_WITHDRAWN; /* the engine never saw it */
    if (state == BW_HANDOVER_DONE) {
        settle(r);
        conclude(outcome, BW_RESULT_DONE, "taken on");
        return;
    }
    outcome->lines[0] = '\0';
    if (state == BW_HANDOVER_WITHDRAWN) {
        take_back(r);
        conclude(outcome, answer.result != BW_RESULT_DONE ? answer.result : BW_RESULT_REFUSED, answer.text);
        return;
    }
    conclude(outcome, BW_RESULT_TIMEOUT,
             "the kernel has not taken the new configuration on yet: it goes on in the background; see the history");
}

/* Is a former reload still under way? */
static bool under_way(struct bw_reload *r)
{
    uint32_t state = atomic_load(&r->agent->handover->state);

    if (r->next == NULL)
        return false;
    if (state == BW_HANDOVER_DONE)
        settle(r);
    else if (state == BW_HANDOVER_WITHDRAWN)
        take_back(r);
    return r->next != NULL;
}

static void reload(struct bw_reload *r, const char *who, struct bw_reload_outcome *outcome)
{
    struct bw_config *next;

    if (under_way(r)) {
        conclude(outcome, BW_RESULT_BUSY, "the reload before is still under way: try again");
        return;
    }
    next = malloc(sizeof(*next));
    if (next == NULL) {
        conclude(outcome, BW_RESULT_BUSY, "out of memory");
        return;
    }
    if (read_files(r, next, outcome) && compare(r, next, outcome)) {
        hand_over(r, next, who, outcome);
        return;
    }
    free(next);
    explicit_bzero(r->agent->handover->keys, sizeof(r->agent->handover->keys));
}

void bw_reload_run(struct bw_reload *r, const char *who, struct bw_reload_outcome *outcome)
{
    outcome->text[0] = outcome->lines[0] = '\0';
    pthread_mutex_lock(&r->lock);
    reload(r, who, outcome);
    pthread_mutex_unlock(&r->lock);
    log_outcome(who, outcome);
}

/* ---- for others ---- */

void bw_reload_wake(struct bw_reload *r)
{
    sem_post(&r->wake);
}

void bw_reload_token_file(struct bw_reload *r, const struct bw_config *config, char *path)
{
    if (r == NULL) {
        bw_copy(path, BW_PATH_MAX, config->http.token_file);
        return;
    }
    pthread_mutex_lock(&r->token_lock);
    bw_copy(path, BW_PATH_MAX, r->token_file);
    pthread_mutex_unlock(&r->token_lock);
}

bool bw_reload_alerts(struct bw_reload *r, uint64_t *serial, struct bw_alerts_config *alerts)
{
    if (r == NULL || atomic_load(&r->alerts_serial) == *serial)
        return false;
    pthread_mutex_lock(&r->token_lock);
    *serial = atomic_load(&r->alerts_serial);
    *alerts = r->alerts;
    pthread_mutex_unlock(&r->token_lock);
    return true;
}

bool bw_reload_sync(struct bw_reload *r, uint64_t *serial, struct bw_sync_config *sync)
{
    if (r == NULL || atomic_load(&r->sync_serial) == *serial)
        return false;
    pthread_mutex_lock(&r->token_lock);
    *serial = atomic_load(&r->sync_serial);
    *sync = r->sync;
    pthread_mutex_unlock(&r->token_lock);
    return true;
}

static void *run(void *argument)
{
    struct bw_reload *r = argument;
    struct bw_reload_outcome *outcome = malloc(sizeof(*outcome));

    pthread_setname_np(pthread_self(), "bw-reload");
    while (outcome != NULL) {
        while (sem_wait(&r->wake) != 0)
            ;
        while (sem_trywait(&r->wake) == 0) /* several signals are one */
            ;
        if (atomic_load(&r->stopping))
            break;
        bw_reload_run(r, "SIGHUP", outcome);
    }
    free(outcome);
    return NULL;
}

int bw_reload_new(const struct bw_agent *agent, bool thread, struct bw_reload **out)
{
    struct bw_reload *r = calloc(1, sizeof(*r));
    pthread_attr_t attributes;
    int error = 0;

    if (r == NULL)
        return -ENOMEM;
    r->agent = agent;
    r->running = agent->config;
    r->keys_count = agent->context->keys_count;
    memcpy(r->keys, agent->context->keys, sizeof(r->keys));
    bw_copy(r->token_file, sizeof(r->token_file), agent->config->http.token_file);
    r->alerts = agent->config->alerts;
    r->sync = agent->config->cluster.sync;
    pthread_mutex_init(&r->lock, NULL);
    pthread_mutex_init(&r->token_lock, NULL);
    sem_init(&r->wake, 0, 0);
    if (thread) {
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, STACK_BYTES);
        error = pthread_create(&r->thread, &attributes, run, r);
        pthread_attr_destroy(&attributes);
        r->threaded = error == 0;
    }
    if (error != 0) {
        bw_reload_free(r);
        return -error;
    }
    *out = r;
    return 0;
}

void bw_reload_free(struct bw_reload *r)
{
    if (r == NULL)
        return;
    if (r->threaded) {
        atomic_store(&r->stopping, true);
        sem_post(&r->wake);
        pthread_join(r->thread, NULL);
    }
    if (r->running != r->agent->config)
        free((void *)(uintptr_t)r->running);
    free(r->next);
    pthread_mutex_destroy(&r->lock);
    pthread_mutex_destroy(&r->token_lock);
    sem_destroy(&r->wake);
    explicit_bzero(r->keys, sizeof(r->keys));
    free(r);
}
