/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The warden: a process for one job. It is the parent of whatever the job's command starts, even of what detaches itself, and
 * answers only when all of that is gone: so a command that cannot be killed is not started a second time.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/monitor/job.h"

struct warden {
    const struct bw_job *job;
    struct bw_job_answer answer;
    struct bw_ruleset_reader ruleset;
    pid_t pid; /* of the command; 0 when it was reaped */
    int output, signals;
    bool told_to_end;
    char first[sizeof(((struct bw_job_answer *)0)->line)];
    size_t first_length;
};

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * BW_SEC + (uint64_t)t.tv_nsec;
}

/* Reads what is there. False at the end of the output. */
static bool read_output(struct warden *w)
{
    char bytes[4096];
    ssize_t n;

    while ((n = read(w->output, bytes, sizeof(bytes))) > 0) {
        size_t room = sizeof(w->first) - w->first_length, count = (size_t)n < room ? (size_t)n : room;

        memcpy(w->first + w->first_length, bytes, count);
        w->first_length += count;
        if (w->job->kind == BW_JOB_RULESET)
            bw_ruleset_take(&w->ruleset, bytes, (size_t)n);
        if (n < (ssize_t)sizeof(bytes))
            return true;
    }
    return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* Collects whoever has ended. False when there are no children left. */
static bool reap(struct warden *w)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid != w->pid)
            continue;
        w->pid = 0;
        if (w->answer.end != 0)
            continue;
        w->answer.end = WIFSIGNALED(status) ? BW_JOB_KILLED : BW_JOB_DONE;
        w->answer.status = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
    }
    return pid == 0;
}

static void take_signals(struct warden *w)
{
    struct signalfd_siginfo info;

    while (read(w->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
        w->told_to_end = w->told_to_end || info.ssi_signo == SIGTERM;
}

static void wait_command(struct warden *w, uint64_t began_ns)
{
    uint64_t end_ns = began_ns + w->job->timeout_ns, now;
    bool open = true;

    while (w->pid != 0 && !w->told_to_end) {
        struct pollfd polls[] = {{w->signals, POLLIN, 0}, {open ? w->output : -1, POLLIN, 0}};

        now = now_ns();
        if (now >= end_ns) {
            w->answer.end = BW_JOB_LATE;
            return;
        }
        poll(polls, 2, (int)((end_ns - now) / BW_MS) + 1);
        if (polls[1].revents != 0)
            open = read_output(w);
        if (polls[0].revents != 0)
            take_signals(w);
        reap(w);
    }
    /* What it wrote before its end is in the pipe; what others still hold it open for is not waited for. */
    while (open && w->pid == 0) {
        struct pollfd p = {w->output, POLLIN, 0};

        if (poll(&p, 1, 0) <= 0)
            break;
        open = read_output(w);
    }
    if (w->answer.end == 0)
        w->answer.end = BW_JOB_LATE;
}

/* Kills all descendants: those of whom a killed one was the parent come to us. */
static void kill_all(struct warden *w, pid_t group)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
    kill(-group, SIGKILL);
    while (reap(w)) {
        struct pollfd p = {w->signals, POLLIN, 0};
        FILE *children = fopen(path, "re");
        int pid;

        while (children != NULL && fscanf(children, "%d", &pid) == 1)
            if (pid > 1)
                kill(pid, SIGKILL);
        if (children != NULL)
            fclose(children);
        kill(-group, SIGKILL);
        poll(&p, 1, 10);
        take_signals(w);
    }
}

static void run_command(struct warden *w)
{
    uint64_t began_ns = now_ns();
    int ends[2];
    sigset_t taken;
    pid_t pid;

    prctl(PR_SET_CHILD_SUBREAPER, 1);
    sigemptyset(&taken);
    sigaddset(&taken, SIGCHLD);
    sigaddset(&taken, SIGTERM);
    sigprocmask(SIG_BLOCK, &taken, NULL);
    signal(SIGTERM, SIG_DFL);
    w->signals = signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
    if (w->signals < 0 || pipe2(ends, O_CLOEXEC) != 0 || (pid = fork()) < 0) {
        w->answer.end = BW_JOB_FAILED;
        w->answer.status = errno;
        return;
    }
    if (pid == 0)
        bw_command_exec(w->job, ends[1]);
    close(ends[1]);
    w->output = ends[0];
    fcntl(w->output, F_SETFL, O_NONBLOCK);
    w->pid = pid;
    wait_command(w, began_ns);
    w->answer.took_ns = now_ns() - began_ns;
    kill_all(w, pid);
    bw_line_clean(w->first, w->first_length, w->answer.line, sizeof(w->answer.line));
}

static void look_at_disk(struct warden *w)
{
    struct bw_disk_found *found = &w->answer.disk;
    struct statvfs s;

    w->answer.end = BW_JOB_DONE;
    if (statvfs(w->job->path, &s) != 0) {
        w->answer.end = BW_JOB_FAILED;
        w->answer.status = errno;
        return;
    }
    found->blocks = s.f_blocks;
    found->blocks_free = s.f_bfree;
    found->blocks_available = s.f_bavail;
    found->files = s.f_files;
    found->files_available = s.f_favail;
    found->block_bytes = s.f_frsize;
}

void bw_warden_run(const struct bw_job *job, int fd)
{
    static struct warden w; /* a process for one job: large things need no stack */

    w.job = job;
    w.answer.ticket = job->ticket;
    bw_ruleset_begin(&w.ruleset, job->table, job->chain);
    if (job->kind == BW_JOB_DISK)
        look_at_disk(&w);
    else
        run_command(&w);
    bw_ruleset_end(&w.ruleset);
    w.answer.ruleset = w.ruleset.found;
    (void)!send(fd, &w.answer, sizeof(w.answer), MSG_NOSIGNAL);
}
