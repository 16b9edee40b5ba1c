/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Commands of the user: carried out by a helper that was forked before there were threads, as the user who was named, without
 * capabilities, with nothing of the daemon's. The message is in the environment and, as JSON, on the standard input.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/monitor/job.h"
#include "alert.h"

#define TEST_MOST_NS (8 * BW_SEC)

static bool add_variable(struct bw_job *job, const char *key, const char *value)
{
    size_t room = sizeof(job->input) - job->environment_bytes;
    char *to = job->input + job->environment_bytes;
    int length = snprintf(to, room, "BELLWETHER_%s=%s", key, value);

    if (length < 0 || (size_t)length >= room)
        return false;
    for (char *c = to; *c != '='; c++)
        *c = *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
    job->environment_bytes += (uint32_t)length + 1;
    return true;
}

static bool fill(struct bw_job *job, const struct bw_target *target, const struct bw_alert_message *m)
{
    const struct bw_alert_origin *origin = &target->all->origin;
    struct bw_alert_pair pairs[BW_ALERT_PAIRS_MAX];
    unsigned count = bw_alert_pairs(origin, m, pairs);
    char subject[BW_TEXT_MAX * 3], *json = bw_alert_json(origin, m);
    size_t length = json != NULL ? strlen(json) : 0;
    bool fits;

    bw_alert_subject(origin, m, subject, sizeof(subject));
    fits = json != NULL && add_variable(job, "subject", subject);
    for (unsigned i = 0; fits && i < count; i++)
        fits = add_variable(job, pairs[i].key, pairs[i].value);
    fits = fits && length + 1 <= sizeof(job->input) - job->environment_bytes;
    if (fits) {
        memcpy(job->input + job->environment_bytes, json, length);
        job->input[job->environment_bytes + length] = '\n';
        job->input_bytes = (uint32_t)length + 1;
    }
    free(json);
    return fits;
}

static void begin(struct bw_attempt *a, const struct bw_alert_message *m, unsigned count)
{
    const struct bw_alert_target_config *c = &a->target->config;
    struct bw_job *job = calloc(1, sizeof(*job));
    uint64_t job_ns;
    ssize_t sent;

    (void)count;
    if (job == NULL || !fill(job, a->target, m)) {
        free(job);
        bw_attempt_done(a, BW_ALERT_REFUSED, "the message does not fit");
        return;
    }
    job->kind = BW_JOB_COMMAND;
    job->ticket = a->serial = ++a->target->all->serial;
    job->timeout_ns = a->is_test && c->timeout_ns > TEST_MOST_NS ? TEST_MOST_NS : c->timeout_ns;
    job->words = c->words;
    memcpy(job->command, c->command, sizeof(job->command));
    bw_copy(job->name, sizeof(job->name), c->name);
    bw_copy(job->user, sizeof(job->user), c->user);
    job_ns = job->timeout_ns;
    sent = a->target->all->runner >= 0 ? send(a->target->all->runner, job, sizeof(*job), MSG_DONTWAIT | MSG_NOSIGNAL) : -1;
    free(job);
    if (sent < 0)
        bw_attempt_done(a, BW_ALERT_FAILED, "the helper that runs commands does not take it: %s",
                        a->target->all->runner < 0 ? "there is none" : strerrordesc_np(errno));
    else
        a->deadline_ns = bw_alert_now_ns() + job_ns + BW_SEC; /* the helper keeps the time itself */
}

static void ready(struct bw_attempt *a, short revents)
{
    (void)a, (void)revents;
}

static void end(struct bw_attempt *a)
{
    a->serial = 0; /* an answer that still comes is nobody's */
}

const struct bw_alert_transport bw_transport_exec = {begin, ready, end};

static void take(struct bw_attempt *a, const struct bw_job_answer *answer)
{
    const char *colon = answer->line[0] != '\0' ? ": " : "";

    if (answer->ticket == 0)
        bw_attempt_done(a, BW_ALERT_FAILED, "the helper that runs commands has begun anew");
    else if (answer->end == BW_JOB_LATE)
        bw_attempt_done(a, BW_ALERT_FAILED, "not done in time, killed%s%s", colon, answer->line);
    else if (answer->end == BW_JOB_KILLED)
        bw_attempt_done(a, BW_ALERT_FAILED, "ended by signal %d%s%s", answer->status, colon, answer->line);
    else if (answer->end == BW_JOB_FAILED)
        bw_attempt_done(a, BW_ALERT_FAILED, "%s", strerrordesc_np(answer->status));
    else if (answer->status != 0)
        bw_attempt_done(a, BW_ALERT_FAILED, "exit status %d%s%s", answer->status, colon, answer->line);
    else
        bw_attempt_done(a, BW_ALERT_DELIVERED, "exit status 0");
}

void bw_alert_runner_ready(struct bw_alerts *all)
{
    struct bw_job_answer answer;
    ssize_t n;

    while ((n = recv(all->runner, &answer, sizeof(answer), MSG_DONTWAIT)) == (ssize_t)sizeof(answer)) {
        if (answer.ticket == 0 && !all->runner_greeted) { /* it has begun: nothing is lost */
            all->runner_greeted = true;
            continue;
        }
        for (uint32_t i = 0; i < all->count; i++) {
            struct bw_attempt *both[] = {&all->targets[i]->attempt, &all->targets[i]->test};

            for (int k = 0; k < 2; k++)
                if (both[k]->under_way && both[k]->target->config.kind == BW_ALERT_EXEC && both[k]->serial != 0 &&
                    (answer.ticket == both[k]->serial || answer.ticket == 0))
                    take(both[k], &answer);
        }
    }
    if (n == 0) {
        close(all->runner);
        all->runner = -1;
    }
}
