/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process lives. While one is known, a pidfd in the loop tells its end at once, and nobody else can be taken for it; an interval's
 * check only sees whether it is stopped. While none is known, each check looks for it: in a pid file, by name, or by asking
 * systemd for a unit's main process.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/monitor/monitor.h"
#include "bellwether/text.h"

/* What is wrong with a process that was found, or NULL; then it is watched. */
static const char *adopt(struct bw_monitor *m, pid_t pid)
{
    struct bw_process_state *p = &m->process;
    struct pollfd alive = {.events = POLLIN};
    char name[16] = "", state;
    bool seen;

    p->source.fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (p->source.fd < 0)
        return errno == ESRCH || errno == EINVAL ? "there is no such process" : strerrordesc_np(errno);
    /* Only now: what is read here is of the process that the descriptor stands for, or of one that has ended. */
    alive.fd = p->source.fd;
    seen = bw_find_look(pid, name, &state); /* /proc may be mounted so that others' processes are hidden */
    if (poll(&alive, 1, 0) > 0) {
        bw_source_close(&p->source);
        return "it has ended";
    }
    if (m->config->process[0] != '\0' && strcmp(name, m->config->process) != 0) {
        bw_source_close(&p->source);
        return seen ? "the process of this number is another one" : "its name cannot be read";
    }
    if (bw_source_watch(m->all, &p->source, EPOLLIN) != 0) {
        bw_source_close(&p->source);
        return "it cannot be watched";
    }
    p->pid = pid;
    return NULL;
}

/* Looks it up and adopts it. NULL when it lives, else what is wrong; *tried is the number that was looked at, 0 = none. */
static const char *look_for(struct bw_monitor *m, pid_t *tried)
{
    struct bw_process_state *p = &m->process;
    struct bw_file_id id;

    *tried = 0;
    if (m->config->pid_file[0] == '\0') {
        pid_t pid = bw_find_by_name(m->config->process);

        if (pid < 0)
            return "there is no process of this name";
        *tried = pid;
        return adopt(m, pid);
    }
    *tried = bw_find_by_file(m->config->pid_file, &id);
    if (*tried < 0) {
        int error = -*tried;

        *tried = 0;
        return error == ENOENT   ? "there is no pid file"
               : error == ENOMSG ? "the pid file holds no number"
                                 : "the pid file cannot be read";
    }
    if (p->has_dead_file && bw_find_same_file(&id, &p->dead_file))
        return "it has ended, and the pid file has not been written since";
    p->file = id;
    return adopt(m, *tried);
}

static const char *wanted(const struct bw_monitor *m)
{
    return m->config->unit[0] != '\0'      ? m->config->unit
           : m->config->process[0] != '\0' ? m->config->process
                                           : m->config->pid_file;
}

static void found(struct bw_monitor *m)
{
    bw_monitor_done(m, true, "process %d runs", (int)m->process.pid);
}

static void not_found(struct bw_monitor *m, pid_t tried, const char *wrong)
{
    if (tried != 0)
        bw_monitor_done(m, false, "%s, process %d: %s", wanted(m), (int)tried, wrong);
    else
        bw_monitor_done(m, false, "%s: %s", wanted(m), wrong);
}

/* The kernel says: it has ended. */
static void ended(struct bw_source *source, uint32_t events)
{
    struct bw_monitor *m = source->owner;
    struct bw_process_state *p = &m->process;
    pid_t dead = p->pid, tried;

    (void)events;
    bw_source_close(source);
    p->pid = 0;
    p->dead_file = p->file;
    p->has_dead_file = m->config->pid_file[0] != '\0';
    /* Of several with that name another may go on; and a successor may have written the pid file already. */
    if (m->config->unit[0] == '\0' && look_for(m, &tried) == NULL)
        return;
    bw_monitor_fall(m, "process %d has ended", (int)dead);
}

static void ask_systemd(struct bw_monitor *m)
{
    struct bw_job job = {.kind = BW_JOB_COMMAND};

    bw_job_word(&job, m->all->systemctl);
    bw_job_word(&job, "show");
    bw_job_word(&job, "--property=MainPID");
    bw_job_word(&job, "--");
    bw_job_word(&job, m->config->unit);
    bw_job_submit(m, &job);
}

static void take_unit(struct bw_monitor *m, const struct bw_job_answer *answer)
{
    const char *number = strncmp(answer->line, "MainPID=", 8) == 0 ? answer->line + 8 : NULL;
    long pid = number != NULL ? strtol(number, NULL, 10) : 0;
    const char *wrong;

    if (answer->end != BW_JOB_DONE || number == NULL) {
        bw_monitor_done(m, false, "systemd does not tell about %s: %s", m->config->unit,
                        answer->end == BW_JOB_LATE ? "no answer in time" : answer->line);
        return;
    }
    if (pid < 1 || pid > 4194304) {
        bw_monitor_done(m, false, "%s has no main process", m->config->unit);
        return;
    }
    wrong = adopt(m, (pid_t)pid);
    if (wrong != NULL)
        not_found(m, (pid_t)pid, wrong);
    else
        found(m);
}

static int open_process(struct bw_monitor *m)
{
    m->process.source = (struct bw_source){-1, ended, m};
    return 0;
}

static void begin_process(struct bw_monitor *m)
{
    char name[16], state = '?';
    const char *wrong;
    pid_t tried;

    if (m->process.source.fd >= 0) {
        /* Gone in this very moment: the descriptor tells it in this turn. */
        if (bw_find_look(m->process.pid, name, &state) && (state == 'T' || state == 't'))
            bw_monitor_done(m, false, "process %d is stopped", (int)m->process.pid);
        else
            found(m);
        return;
    }
    if (m->config->unit[0] != '\0') {
        ask_systemd(m);
        return;
    }
    wrong = look_for(m, &tried);
    if (wrong != NULL)
        not_found(m, tried, wrong);
    else
        found(m);
}

static void late_process(struct bw_monitor *m)
{
    bw_monitor_done(m, false, "systemd does not tell about %s in time", m->config->unit);
}

static void close_process(struct bw_monitor *m)
{
    bw_source_close(&m->process.source);
}

const struct bw_monitor_ops bw_monitor_process = {.open = open_process,
                                                   .begin = begin_process,
                                                   .late = late_process,
                                                   .answer = take_unit,
                                                   .close = close_process,
                                                   .jobs = true};
