/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The supervisor: forked from the agent before that has threads, it starts the receiver and starts it again with
 * back-off. It does nothing else, so nothing can happen to it. It ends with the agent.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/trap/trap.h"

#define BACKOFF_MS      100
#define BACKOFF_MOST_MS 10000
#define LIVED_S         60 /* after so long the back-off begins anew */
#define LINK_FD         3

/* Default signals, but an end only with the agent; usual scheduling, whatever the agent was forked with. */
static void reset_process(void)
{
    struct sigaction normal = {.sa_handler = SIG_DFL}, ignore = {.sa_handler = SIG_IGN};
    struct sched_param priority = {0};
    sigset_t none;

    for (int n = 1; n < NSIG; n++)
        sigaction(n, &normal, NULL);
    sigaction(SIGTERM, &ignore, NULL);
    sigaction(SIGINT, &ignore, NULL);
    sigaction(SIGHUP, &ignore, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    sched_setscheduler(0, SCHED_OTHER, &priority);
    setpriority(PRIO_PROCESS, 0, 0);
}

/* Only stderr and the like, and the way to the agent, stay open. */
static int close_others(int fd)
{
    if (fd != LINK_FD && dup2(fd, LINK_FD) < 0)
        return -errno;
    fcntl(LINK_FD, F_SETFD, FD_CLOEXEC);
    syscall(SYS_close_range, LINK_FD + 1U, ~0U, 0U);
    return 0;
}

/* Waits, and looks whether the agent still lives. */
static bool agent_gone(int fd, int wait_ms)
{
    struct pollfd p = {.fd = fd};

    return poll(&p, 1, wait_ms) > 0 && (p.revents & (POLLHUP | POLLERR)) != 0;
}

static void tell_end(const struct bw_trap_link *link, int status, int wait_ms)
{
    if (WIFSIGNALED(status))
        bw_trap_say(link, BW_LOG_ERROR, "traps: the receiver was ended by signal %d (%s): starting it again in %d ms",
                    WTERMSIG(status), strsignal(WTERMSIG(status)), wait_ms);
    else
        bw_trap_say(link, BW_LOG_ERROR, "traps: the receiver ended with status %d: starting it again in %d ms",
                    WEXITSTATUS(status), wait_ms);
}

static time_t seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

void bw_trap_supervise(const struct bw_trap_link *given, pid_t agent)
{
    struct bw_trap_link link = *given;
    int wait_ms = BACKOFF_MS, status;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != agent)
        _exit(0);
    prctl(PR_SET_NAME, "bw-trap-super");
    reset_process();
    if (close_others(link.fd) != 0)
        _exit(1);
    link.fd = LINK_FD;
    for (;;) {
        time_t started = seconds();
        pid_t self = getpid(), child = fork();

        if (child == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            prctl(PR_SET_NAME, "bw-trap-recv");
            if (getppid() != self)
                _exit(0);
            _exit(bw_trap_receive(&link, self));
        }
        status = 0;
        while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
            ;
        atomic_store(&link.counters->listening, 0);
        if (agent_gone(link.fd, 0))
            _exit(0);
        if (seconds() - started >= LIVED_S)
            wait_ms = BACKOFF_MS;
        tell_end(&link, status, wait_ms);
        if (agent_gone(link.fd, wait_ms))
            _exit(0);
        wait_ms = wait_ms * 2 < BACKOFF_MOST_MS ? wait_ms * 2 : BACKOFF_MOST_MS;
        atomic_fetch_add(&link.counters->restarts, 1);
    }
}
