/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The runner: two processes forked from the agent before it has anything. The first only keeps the second alive; the second
 * takes jobs and forks a warden for each. All end when the agent's end of the socket is closed, that is at the latest with the agent.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/monitor/job.h"

#define RESOURCES_MAX (2 * BW_MAX_RESOURCES) /* for each a start and a stop */

enum { WORK_ENDED = 0 };

/* The wardens of resources: to be told to end, and seen to be gone whatever ended them. */
struct wardens {
    unsigned count;
    struct {
        uint64_t ticket;
        int pidfd;
    } rows[RESOURCES_MAX];
};

static void say(int fd, uint64_t ticket, uint32_t end, int status)
{
    struct bw_job_answer answer = {.ticket = ticket, .end = end, .status = status};

    (void)!send(fd, &answer, sizeof(answer), MSG_NOSIGNAL);
}

static void remember(struct wardens *all, int fd, uint64_t ticket, pid_t pid)
{
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

    if (pidfd < 0) { /* gone already */
        say(fd, ticket, BW_JOB_GONE, 0);
        return;
    }
    all->rows[all->count].ticket = ticket;
    all->rows[all->count++].pidfd = pidfd;
}

static void cancel(const struct wardens *all, const struct bw_job *job)
{
    for (unsigned i = 0; i < all->count; i++)
        if (all->rows[i].ticket == job->ticket)
            syscall(SYS_pidfd_send_signal, all->rows[i].pidfd, SIGUSR1, NULL, 0);
}

static void look_at_wardens(struct wardens *all, int fd, const struct pollfd *polls)
{
    for (unsigned i = all->count; i-- > 0;) {
        if (polls[i].revents == 0)
            continue;
        say(fd, all->rows[i].ticket, BW_JOB_GONE, 0);
        close(all->rows[i].pidfd);
        all->rows[i] = all->rows[--all->count];
    }
}

static void take_job(const struct bw_job *job, int fd, pid_t self, struct wardens *all)
{
    bool resource = job->kind == BW_JOB_RESOURCE;
    pid_t pid;

    if (job->kind == BW_JOB_CANCEL) {
        cancel(all, job);
        return;
    }
    pid = resource && all->count == RESOURCES_MAX ? -1 : fork();
    if (pid < 0) {
        say(fd, job->ticket, BW_JOB_FAILED, errno != 0 ? errno : EAGAIN);
        if (resource)
            say(fd, job->ticket, BW_JOB_GONE, 0);
    } else if (pid > 0 && resource) {
        remember(all, fd, job->ticket, pid);
    }
    if (pid != 0)
        return;
    signal(SIGCHLD, SIG_DFL);
    prctl(PR_SET_NAME, "bw-warden");
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* then it kills what it watches over */
    if (getppid() == self)
        bw_warden_run(job, fd);
    _exit(0);
}

static void work(int fd)
{
    static struct wardens wardens; /* a process for nothing else */
    struct pollfd polls[RESOURCES_MAX + 1];
    struct bw_job job;
    pid_t self = getpid();
    sigset_t cancelling;

    prctl(PR_SET_NAME, "bw-runner");
    signal(SIGCHLD, SIG_IGN); /* wardens leave nothing behind */
    sigemptyset(&cancelling);
    sigaddset(&cancelling, SIGUSR1); /* for wardens, from their first moment on */
    sigprocmask(SIG_BLOCK, &cancelling, NULL);
    say(fd, 0, 0, 0);
    for (;;) {
        ssize_t n = -1;
        bool over = false;

        for (unsigned i = 0; i < wardens.count; i++)
            polls[i] = (struct pollfd){wardens.rows[i].pidfd, POLLIN, 0};
        polls[wardens.count] = (struct pollfd){fd, POLLIN, 0};
        if (poll(polls, wardens.count + 1, -1) < 0)
            continue;
        if (polls[wardens.count].revents != 0) {
            n = recv(fd, &job, sizeof(job), MSG_DONTWAIT);
            over = n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN);
        }
        if (over)
            _exit(WORK_ENDED);
        look_at_wardens(&wardens, fd, polls);
        if (n == (ssize_t)sizeof(job))
            take_job(&job, fd, self, &wardens);
    }
}

static void keep_worker(int fd)
{
    const struct timespec pause = {.tv_nsec = 100 * 1000 * 1000};
    int status;

    prctl(PR_SET_NAME, "bw-runner-keep");
    for (;;) {
        pid_t pid = fork();

        if (pid == 0)
            work(fd);
        while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
        if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == WORK_ENDED)
            _exit(0);
        nanosleep(&pause, NULL);
    }
}

/* As if it had been started by init: nothing of the agent but the socket and stderr. */
static int forget_agent(int fd)
{
    const struct rlimit no_core = {0};
    sigset_t none;

    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    /* Theirs are for the agent: a stop by the terminal or the service manager reaches it, and its end is ours. */
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setrlimit(RLIMIT_CORE, &no_core);
    if (fd != 3 && dup3(fd, 3, SOCK_CLOEXEC) < 0)
        _exit(1);
    syscall(SYS_close_range, 4U, ~0U, 0U);
    (void)!chdir("/");
    return 3;
}

int bw_runner_start(void)
{
    int pair[2], error = 0;
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return -errno;
    pid = fork();
    if (pid == 0)
        keep_worker(forget_agent(pair[1]));
    if (pid < 0)
        error = -errno;
    close(pair[1]);
    if (error != 0)
        close(pair[0]);
    return error != 0 ? error : pair[0];
}
