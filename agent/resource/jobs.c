/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Commands of resources, as jobs of the runner (agent/monitor/job.h): each is answered when it has ended, and once more
 * when nothing of it is left.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/resource/private.h"
#include "bellwether/text.h"

#define OVERDUE_NS (10 * BW_SEC)

static uint64_t ticket(const struct bw_resources *all, uint32_t unit, enum bw_unit_job job)
{
    return (uint64_t)(BW_MAX_MONITORS + 1 + unit) << 32 | (uint64_t)(all->serials[unit][job] & 0x7fffffff) << 1 | job;
}

static int submit(struct bw_resources *all, const struct bw_job *job)
{
    int runner = all->monitors->runner.fd;

    if (runner < 0)
        return -ESRCH;
    return send(runner, job, sizeof(*job), MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

void bw_resource_run_job(struct bw_resources *all, uint32_t unit, enum bw_unit_job kind)
{
    const struct bw_resource_config *config = all->decider.units[unit].config;
    bool start = kind == BW_UNIT_START_JOB;
    struct bw_job job = {.kind = BW_JOB_RESOURCE,
                         .words = start ? config->start_words : config->stop_words,
                         .timeout_ns = start ? config->start_timeout_ns : config->stop_timeout_ns,
                         .grace_ns = config->stop_timeout_ns,
                         .stays = start && config->watch_process,
                         .leaves = start && !config->watch_process};
    char text[BW_TEXT_MAX];
    int error;

    all->serials[unit][kind]++;
    all->under_way[unit][kind] = true;
    job.ticket = ticket(all, unit, kind);
    memcpy(job.command, start ? config->start : config->stop, sizeof(job.command));
    bw_copy(job.name, sizeof(job.name), config->name);
    bw_copy(job.user, sizeof(job.user), config->user);
    bw_copy(job.group, sizeof(job.group), all->context.config->cluster.groups[config->group].name);
    bw_copy(job.action, sizeof(job.action), start ? "start" : "stop");
    error = submit(all, &job);
    if (error == 0)
        return;
    bw_format(text, sizeof(text), "the helper that runs commands does not take it: %s",
              error == -ESRCH ? "it has ended" : strerrordesc_np(-error));
    all->under_way[unit][kind] = false;
    bw_decide_ended(&all->decider, unit, kind, false, text);
    bw_decide_gone(&all->decider, unit, kind);
}

void bw_resource_cancel_job(struct bw_resources *all, uint32_t unit)
{
    struct bw_job job = {.kind = BW_JOB_CANCEL, .ticket = ticket(all, unit, BW_UNIT_START_JOB)};

    /* Should it not be taken, the command's own time limit, or the end of this process, ends it. */
    (void)submit(all, &job);
}

/* How a command has ended, in words. */
static void describe(const struct bw_job_answer *answer, const struct bw_resource_config *config, enum bw_unit_job kind,
                     char *text)
{
    const char *colon = answer->line[0] != '\0' ? ": " : "";
    uint64_t limit_ns = kind == BW_UNIT_START_JOB ? config->start_timeout_ns : config->stop_timeout_ns;

    switch (answer->end) {
    case BW_JOB_LATE:
        bw_format(text, BW_TEXT_MAX, "not done within %lu s, killed%s%s", (unsigned long)(limit_ns / BW_SEC), colon,
                  answer->line);
        break;
    case BW_JOB_KILLED:
        bw_format(text, BW_TEXT_MAX, "ended by signal %d (%s)%s%s", answer->status, sigdescr_np(answer->status), colon,
                  answer->line);
        break;
    case BW_JOB_FAILED:
        bw_copy(text, BW_TEXT_MAX, strerrordesc_np(answer->status));
        break;
    default:
        bw_format(text, BW_TEXT_MAX, "exit status %d%s%s", answer->status, colon, answer->line);
        break;
    }
}

static void take_answer(struct bw_resources *all, uint32_t unit, enum bw_unit_job kind,
                        const struct bw_job_answer *answer)
{
    char text[BW_TEXT_MAX];

    switch (answer->end) {
    case BW_JOB_STARTED:
        bw_decide_started(&all->decider, unit);
        break;
    case BW_JOB_GONE:
        all->under_way[unit][kind] = false;
        bw_decide_gone(&all->decider, unit, kind);
        break;
    default:
        describe(answer, all->decider.units[unit].config, kind, text);
        bw_decide_ended(&all->decider, unit, kind, answer->end == BW_JOB_DONE && answer->status == 0, text);
        break;
    }
}

/* The runner has begun anew, or ended: nothing is under way any more. */
static void forget_all(struct bw_resources *all)
{
    for (uint32_t i = 0; i < all->decider.count; i++)
        for (int kind = BW_UNIT_START_JOB; kind <= BW_UNIT_STOP_JOB; kind++) {
            if (!all->under_way[i][kind])
                continue;
            all->under_way[i][kind] = false;
            bw_decide_ended(&all->decider, i, (enum bw_unit_job)kind, false,
                            "the helper that runs commands was killed");
            bw_decide_gone(&all->decider, i, (enum bw_unit_job)kind);
        }
}

void bw_resource_answer(void *resources, const struct bw_job_answer *answer)
{
    struct bw_resources *all = resources;
    uint64_t unit = (answer->ticket >> 32) - BW_MAX_MONITORS - 1;
    enum bw_unit_job kind = answer->ticket & 1 ? BW_UNIT_STOP_JOB : BW_UNIT_START_JOB;

    if (answer->ticket == 0 && !all->greeted)
        all->greeted = true; /* its first beginning: what was asked for already waits in the socket */
    else if (answer->ticket == 0)
        forget_all(all);
    else if (unit < all->decider.count && all->under_way[unit][kind] &&
             answer->ticket == ticket(all, (uint32_t)unit, kind))
        take_answer(all, (uint32_t)unit, kind, answer);
}

void bw_resource_overdue(struct bw_resources *all)
{
    for (uint32_t i = 0; i < all->decider.count; i++) {
        struct bw_unit *u = &all->decider.units[i];

        if (u->phase == BW_UNIT_STARTING && !u->cancelled &&
            bw_monitor_now_ns() - u->phase_ns > u->config->start_timeout_ns + OVERDUE_NS)
            bw_decide_ended(&all->decider, i, BW_UNIT_START_JOB, false,
                            "the helper that runs commands does not answer");
    }
}
