/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waits for the engine's answers to actions. The engine may take seconds (another member may have to agree), so one
 * worker thread asks while the connection is suspended: clients that only read never wait for an action.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bellwether/log.h"
#include "bellwether/text.h"
#include "exporters/http/http.h"

#define ANSWER_MS   3500 /* the engine itself gives another member 3 s */
#define QUEUE_MAX   16   /* jobs waiting */
#define STACK_BYTES (256 << 10)

struct bw_jobs {
    struct bw_mailbox *mailbox;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct bw_job *first;
    unsigned waiting;
    bool stopping;
};

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * BW_SEC + (uint64_t)t.tv_nsec;
}

static void ask(struct bw_jobs *jobs, struct bw_job *job)
{
    struct bw_request again = job->request;

    if (now_ns() - job->since_ns > ANSWER_MS * BW_MS) { /* behind others that got no answer */
        job->answer.result = BW_RESULT_TIMEOUT;
        return;
    }
    if (bw_mailbox_ask(jobs->mailbox, &job->request, &job->answer, ANSWER_MS) != BW_RESULT_NOT_FOUND || !job->create)
        return;
    again.kind = BW_REQUEST_PNOTE_REGISTER;
    if (again.timeout_ns == UINT64_MAX)
        again.timeout_ns = 0;
    if (bw_mailbox_ask(jobs->mailbox, &again, &job->answer, ANSWER_MS) == BW_RESULT_DONE)
        bw_mailbox_ask(jobs->mailbox, &job->request, &job->answer, ANSWER_MS);
}

/* The connection's thread may free the job as soon as it is resumed. */
static void finish(struct bw_job *job)
{
    MHD_resume_connection(job->connection);
}

static void *work(void *arg)
{
    struct bw_jobs *jobs = arg;
    struct bw_job *job;

    bw_surface_enter(BW_READER_HTTP);
    pthread_mutex_lock(&jobs->lock);
    for (;;) {
        while (jobs->first == NULL && !jobs->stopping)
            pthread_cond_wait(&jobs->wake, &jobs->lock);
        job = jobs->first;
        if (job == NULL)
            break;
        jobs->first = job->next;
        jobs->waiting--;
        if (jobs->stopping) {
            job->answer.result = BW_RESULT_BUSY;
            bw_copy(job->answer.text, sizeof(job->answer.text), "the agent is ending");
            finish(job);
            continue;
        }
        pthread_mutex_unlock(&jobs->lock);
        ask(jobs, job);
        finish(job);
        pthread_mutex_lock(&jobs->lock);
    }
    pthread_mutex_unlock(&jobs->lock);
    return NULL;
}

bool bw_jobs_submit(struct bw_jobs *jobs, struct bw_job *job)
{
    struct bw_job **tail = &jobs->first;
    bool accepted;

    pthread_mutex_lock(&jobs->lock);
    accepted = !jobs->stopping && jobs->waiting < QUEUE_MAX;
    if (accepted) {
        job->since_ns = now_ns();
        MHD_suspend_connection(job->connection);
        while (*tail != NULL)
            tail = &(*tail)->next;
        *tail = job;
        jobs->waiting++;
        pthread_cond_signal(&jobs->wake);
    }
    pthread_mutex_unlock(&jobs->lock);
    return accepted;
}

int bw_jobs_start(struct bw_mailbox *mailbox, struct bw_jobs **out)
{
    struct bw_jobs *jobs = calloc(1, sizeof(*jobs));
    pthread_attr_t attributes;
    int error;

    if (jobs == NULL)
        return -ENOMEM;
    jobs->mailbox = mailbox;
    pthread_mutex_init(&jobs->lock, NULL);
    pthread_cond_init(&jobs->wake, NULL);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    error = pthread_create(&jobs->thread, &attributes, work, jobs);
    pthread_attr_destroy(&attributes);
    if (error != 0) {
        bw_jobs_free(jobs);
        bw_log(BW_LOG_ERROR, "http: no thread for actions: %s", strerror(error));
        return -error;
    }
    pthread_setname_np(jobs->thread, "bw-http-jobs");
    *out = jobs;
    return 0;
}

void bw_jobs_stop(struct bw_jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    jobs->stopping = true;
    pthread_cond_signal(&jobs->wake);
    pthread_mutex_unlock(&jobs->lock);
    pthread_join(jobs->thread, NULL);
}

void bw_jobs_free(struct bw_jobs *jobs)
{
    pthread_cond_destroy(&jobs->wake);
    pthread_mutex_destroy(&jobs->lock);
    free(jobs);
}
