/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The runner: two processes forked from the agent before it has anything. The first only keeps the second alive; the second
 * takes jobs and forks a warden for each. All end when the agent's end of the socket is closed, that is at the latest with the agent.
 */
#include <errno.h>
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

enum { WORK_ENDED = 0 };

static void take_job(const struct bw_job *job, int fd, pid_t self)
{
    struct bw_job_answer answer = {.ticket = job->ticket, .end = BW_JOB_FAILED};
    pid_t pid = fork();

    if (pid < 0) {
        answer.status = errno;
        (void)!send(fd, &answer, sizeof(answer), MSG_NOSIGNAL);
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
    const struct bw_job_answer hello = {.ticket = 0};
    struct bw_job job;
    pid_t self = getpid();

    prctl(PR_SET_NAME, "bw-runner");
    signal(SIGCHLD, SIG_IGN); /* wardens leave nothing behind */
    (void)!send(fd, &hello, sizeof(hello), MSG_NOSIGNAL);
    for (;;) {
        ssize_t n = recv(fd, &job, sizeof(job), 0);

        if (n == 0 || (n < 0 && errno != EINTR))
            _exit(WORK_ENDED);
        if (n == (ssize_t)sizeof(job))
            take_job(&job, fd, self);
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
