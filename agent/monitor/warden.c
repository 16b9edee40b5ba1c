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
#include <sys/mman.h>
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
    bool told_to_end;  /* at once: the runner has died */
    bool asked_to_end; /* in order */
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

    while (read(w->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        w->told_to_end = w->told_to_end || info.ssi_signo == SIGTERM;
        w->asked_to_end = w->asked_to_end || info.ssi_signo == SIGUSR1;
    }
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

/* From here on descendants come to us, and signals are read. */
static int prepare(void)
{
    sigset_t taken;

    prctl(PR_SET_CHILD_SUBREAPER, 1);
    sigemptyset(&taken);
    sigaddset(&taken, SIGCHLD);
    sigaddset(&taken, SIGTERM);
    sigaddset(&taken, SIGUSR1);
    sigprocmask(SIG_BLOCK, &taken, NULL);
    signal(SIGTERM, SIG_DFL);
    return signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void run_command(struct warden *w)
{
    uint64_t began_ns = now_ns();
    int ends[2];
    pid_t pid;

    w->signals = prepare();
    if (w->signals < 0 || pipe2(ends, O_CLOEXEC) != 0 || (pid = fork()) < 0) {
        w->answer.end = BW_JOB_FAILED;
        w->answer.status = errno;
        return;
    }
    if (pid == 0)
        bw_command_exec(w->job, ends[1], -1);
    close(ends[1]);
    w->output = ends[0];
    fcntl(w->output, F_SETFL, O_NONBLOCK);
    w->pid = pid;
    wait_command(w, began_ns);
    w->answer.took_ns = now_ns() - began_ns;
    kill_all(w, pid);
    bw_line_clean(w->first, w->first_length, w->answer.line, sizeof(w->answer.line));
}

/* ---- commands of resources ---- */

#define KEPT_BYTES 4096 /* of output */

static void answer(struct warden *w, int fd)
{
    (void)!send(fd, &w->answer, sizeof(w->answer), MSG_NOSIGNAL);
}

/* A file for the output of what may go on after us: of a fixed size, so that nothing grows in it, and nobody has to read it. */
static int bounded_file(void)
{
    int fd = memfd_create("output", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd >= 0 && (ftruncate(fd, KEPT_BYTES) != 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) != 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

/* The command, with its output into `output` and `ready` closed when it runs. */
static int start_resource(struct warden *w, int ready[2])
{
    int ends[2] = {-1, -1};

    w->signals = prepare();
    if (w->signals < 0 || pipe2(ready, O_CLOEXEC) != 0)
        return -errno;
    if (w->job->leaves)
        ends[0] = ends[1] = bounded_file();
    else if (pipe2(ends, O_CLOEXEC) == 0)
        fcntl(ends[0], F_SETFL, O_NONBLOCK);
    if (ends[0] < 0 || (w->pid = fork()) < 0)
        return -errno;
    if (w->pid == 0)
        bw_command_exec(w->job, ends[1], ready[1]);
    close(ready[1]);
    if (ends[1] != ends[0])
        close(ends[1]);
    w->output = ends[0];
    return 0;
}

/* What it said first, as far as it is there. */
static void take_output(struct warden *w)
{
    if (w->job->leaves) {
        ssize_t n = pread(w->output, w->first, sizeof(w->first), 0);

        w->first_length = n > 0 ? strnlen(w->first, (size_t)n) : 0;
    } else {
        (void)read_output(w);
    }
    bw_line_clean(w->first, w->first_length, w->answer.line, sizeof(w->answer.line));
}

/* Until the command ends, its time is over, or it is to end. */
static void wait_resource(struct warden *w, int fd, int ready)
{
    uint64_t end_ns = w->job->stays ? UINT64_MAX : now_ns() + w->job->timeout_ns;
    bool open = !w->job->leaves, termed = false;

    while (w->pid != 0 && !w->told_to_end) {
        struct pollfd polls[] = {{w->signals, POLLIN, 0}, {open ? w->output : -1, POLLIN, 0}, {ready, POLLIN, 0}};
        uint64_t now = now_ns(), left_ms;

        if (now >= end_ns)
            break;
        left_ms = (end_ns - now) / BW_MS + 1;
        poll(polls, 3, left_ms < 60000 ? (int)left_ms : 60000);
        if (polls[1].revents != 0)
            open = read_output(w);
        if (polls[0].revents != 0)
            take_signals(w);
        reap(w);
        if (polls[2].revents != 0) {
            bool runs = read(ready, &(char){0}, 1) == 0;

            ready = -1;
            if (runs && w->job->stays && w->pid != 0) {
                w->answer.end = BW_JOB_STARTED;
                answer(w, fd);
                w->answer.end = 0;
            }
        }
        if (w->asked_to_end && !termed && w->pid != 0) {
            termed = true;
            end_ns = now_ns() + (w->job->stays ? w->job->grace_ns : 0);
            kill(-w->pid, SIGTERM);
            kill(w->pid, SIGTERM); /* before it has a group of its own */
        }
    }
}

static void run_resource(struct warden *w, int fd)
{
    uint64_t began_ns = now_ns();
    int ready[2] = {-1, -1}, error = start_resource(w, ready);
    pid_t pid = w->pid;

    if (error != 0) {
        w->answer.end = BW_JOB_FAILED;
        w->answer.status = -error;
        answer(w, fd);
        return;
    }
    wait_resource(w, fd, ready[0]);
    if (w->answer.end == 0)
        w->answer.end = BW_JOB_LATE;
    w->answer.took_ns = now_ns() - began_ns;
    take_output(w);
    answer(w, fd); /* whoever acts on it need not wait for the rest */
    if (!w->job->leaves || w->answer.end != BW_JOB_DONE || w->answer.status != 0)
        kill_all(w, pid);
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
    if (job->kind == BW_JOB_RESOURCE) {
        run_resource(&w, fd);
        return; /* the runner tells that nothing is left */
    }
    bw_ruleset_begin(&w.ruleset, job->table, job->chain);
    if (job->kind == BW_JOB_DISK)
        look_at_disk(&w);
    else
        run_command(&w);
    bw_ruleset_end(&w.ruleset);
    w.answer.ruleset = w.ruleset.found;
    (void)!send(fd, &w.answer, sizeof(w.answer), MSG_NOSIGNAL);
}
