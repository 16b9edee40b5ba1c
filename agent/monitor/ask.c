/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The agent's side of jobs. A monitor has one job under way at most: while it has not been answered, since what it started
 * cannot be killed, every further check fails without starting another.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/monitor/monitor.h"
#include "bellwether/log.h"
#include "bellwether/text.h"

void bw_job_word(struct bw_job *job, const char *word)
{
    size_t at = 0;

    for (unsigned i = 0; i < job->words; i++)
        at += strlen(job->command + at) + 1;
    if (at + strlen(word) < sizeof(job->command)) {
        memcpy(job->command + at, word, strlen(word) + 1);
        job->words++;
    }
}

bool bw_job_submit(struct bw_monitor *m, struct bw_job *job)
{
    if (m->job.under_way) {
        bw_monitor_done(m, false, "what the check before has started cannot be ended");
        return false;
    }
    job->ticket = (uint64_t)(m->index + 1) << 32 | ++m->job.serial;
    job->timeout_ns = m->config->timeout_ns;
    bw_copy(job->name, sizeof(job->name), m->config->name);
    if (m->all->user != NULL)
        m->all->user->dress(m->all->user->user, m, job);
    if (m->all->runner.fd < 0 || send(m->all->runner.fd, job, sizeof(*job), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
        bw_monitor_done(m, false, "the helper that runs commands does not take it: %s",
                        m->all->runner.fd < 0 ? "it has ended" : strerrordesc_np(errno));
        return false;
    }
    m->job.under_way = true;
    return true;
}

static void take_answer(struct bw_monitors *all, const struct bw_job_answer *answer)
{
    uint64_t number = answer->ticket >> 32;
    struct bw_monitor *m;

    if (all->user != NULL && (number == 0 || number > BW_MAX_MONITORS))
        all->user->answer(all->user->user, answer);
    if (answer->ticket == 0) { /* the runner has begun anew */
        for (unsigned i = 0; i < all->count; i++)
            all->monitors[i].job.under_way = false;
        return;
    }
    if (number == 0 || number > all->count)
        return;
    m = &all->monitors[number - 1];
    if ((uint32_t)answer->ticket != m->job.serial || !m->job.under_way)
        return;
    m->job.under_way = false;
    if (m->busy && m->ops->answer != NULL)
        m->ops->answer(m, answer);
}

void bw_job_ready(struct bw_source *source, uint32_t events)
{
    struct bw_monitors *all = source->owner;
    struct bw_job_answer answer;
    ssize_t n;

    (void)events;
    while ((n = recv(source->fd, &answer, sizeof(answer), MSG_DONTWAIT)) == (ssize_t)sizeof(answer))
        take_answer(all, &answer);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        bw_log(BW_LOG_ERROR, "monitors: the helper that runs commands has ended; what needs it fails from now on");
        bw_source_close(source);
        take_answer(all, &(struct bw_job_answer){.ticket = 0});
    }
}
