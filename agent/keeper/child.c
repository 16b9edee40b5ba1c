/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The agent's process as its parent sees it: start, the first sign of its death, its end.
 *
 * A process that is killed tears its memory down, then closes its descriptors, each packet socket waiting for all
 * processors: the end as such is told more than 100 ms late. So the child has a sentinel: a thread with a descriptor
 * table of its own that holds the write end of a pipe and nothing else. It dies with the process at once, and its end
 * of the pipe with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/keeper/private.h"
#include "agent/linux/linux.h"
#include "bellwether/log.h"
#include "bellwether/text.h"

#define SENTINEL_STACK_BYTES (64 * 1024)
#define HIGH_FD              900

struct sentinel {
    int life_fd;
    bool alone; /* it has its own descriptor table */
    sem_t ready;
};

static void *watch_over(void *arg)
{
    struct sentinel *s = arg;
    int life_fd = s->life_fd;

    s->alone = unshare(CLONE_FILES) == 0;
    if (s->alone) {
        if (life_fd > 0)
            syscall(SYS_close_range, 0U, (unsigned)life_fd - 1, 0U);
        syscall(SYS_close_range, (unsigned)life_fd + 1, ~0U, 0U);
    }
    sem_post(&s->ready); /* from here on s may be gone */
    for (;;)
        pause();
    return NULL;
}

/* In the child: from now on the pipe ends when this process begins to die. */
static void post_sentinel(int life_fd)
{
    struct sentinel s = {.life_fd = life_fd};
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;
    int high;

    sem_init(&s.ready, 0, 0);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, SENTINEL_STACK_BYTES);
    if (pthread_create(&thread, &attributes, watch_over, &s) == 0)
        while (sem_wait(&s.ready) != 0)
            ;
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    sem_destroy(&s.ready);
    /* Without it: the highest descriptor is closed first. */
    high = s.alone ? -1 : fcntl(life_fd, F_DUPFD_CLOEXEC, HIGH_FD);
    if (s.alone || high >= 0)
        close(life_fd);
}

void bw_core_dump(bool wanted)
{
    struct rlimit limit = {0};

    if (wanted) {
        if (getrlimit(RLIMIT_CORE, &limit) == 0) {
            limit.rlim_cur = limit.rlim_max;
            setrlimit(RLIMIT_CORE, &limit);
        }
        return;
    }
    /* A dump would delay the notice of death by tens of milliseconds. The limit alone does not stop one into a pipe. */
    setrlimit(RLIMIT_CORE, &limit);
    prctl(PR_SET_DUMPABLE, 0);
}

struct launch {
    const struct bw_agent_context *context;
    const int *inherited;
    int (*agent)(const struct bw_agent_context *context);
    void (*before_agent)(void *);
    void *arg;
    pid_t keeper;
};

static void be_child(const struct launch *launch, int death_fd, int life_fd)
{
    for (const int *fd = launch->inherited; *fd >= 0; fd++)
        close(*fd);
    launch->before_agent(launch->arg);
    /* The pipe tells an engine that turns; the signal reaches also one that does not look. */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != launch->keeper)
        _exit(1);
    post_sentinel(life_fd);
    launch->context->lifeline->death_fd = death_fd;
    exit(launch->agent(launch->context));
}

int bw_child_start(struct bw_child *child, const struct bw_agent_context *context, int death_fd, const int *inherited,
                   int (*agent)(const struct bw_agent_context *context), void (*before_agent)(void *), void *arg)
{
    struct launch launch = {context, inherited, agent, before_agent, arg, getpid()};
    int life[2], error;

    if (pipe2(life, O_CLOEXEC) != 0)
        return -errno;
    child->pid = fork();
    if (child->pid == 0) {
        close(life[0]);
        be_child(&launch, death_fd, life[1]);
    }
    error = child->pid < 0 ? -errno : 0;
    close(life[1]);
    child->life_fd = life[0];
    child->pidfd = error == 0 ? (int)syscall(SYS_pidfd_open, child->pid, 0) : -1;
    if (error == 0 && child->pidfd < 0) {
        error = -errno;
        kill(child->pid, SIGKILL);
        waitpid(child->pid, NULL, 0);
    }
    if (error != 0) {
        close(life[0]);
        child->pid = 0;
        child->life_fd = child->pidfd = -1;
    }
    return error;
}

static bool readable(int fd, uint64_t within_ns)
{
    struct pollfd p = {fd, POLLIN, 0};
    uint64_t end_ns = bw_now_ns() + within_ns;

    for (;;) {
        uint64_t now_ns = bw_now_ns();
        struct timespec left = {0};
        int n;

        if (now_ns < end_ns) {
            left.tv_sec = (time_t)((end_ns - now_ns) / BW_SEC);
            left.tv_nsec = (long)((end_ns - now_ns) % BW_SEC);
        }
        n = ppoll(&p, 1, &left, NULL);
        if (n != 0 && !(n < 0 && errno == EINTR))
            return n > 0;
        if (now_ns >= end_ns)
            return false;
    }
}

bool bw_child_dying(const struct bw_child *child, uint64_t within_ns)
{
    return child->pid == 0 || readable(child->life_fd, within_ns);
}

/* The first bytes of a file of the child's first thread. Empty when there are none. */
static const char *thread_file(const struct bw_child *child, const char *name, char *text, size_t cap)
{
    char path[64];
    ssize_t n;
    int fd;

    bw_format(path, sizeof(path), "/proc/%d/task/%d/%s", (int)child->pid, (int)child->pid, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd >= 0 ? read(fd, text, cap - 1) : 0;
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

void bw_child_look(const struct bw_child *child, struct bw_look *look)
{
    char text[128];
    const char *name_end = child->pid > 0 ? strrchr(thread_file(child, "stat", text, sizeof(text)), ')') : NULL;

    look->state = name_end != NULL && name_end[1] == ' ' ? name_end[2] : '\0';
    look->ran_ns = child->pid > 0 ? strtoull(thread_file(child, "schedstat", text, sizeof(text)), NULL, 10) : 0;
}

bool bw_child_reap(struct bw_child *child, uint64_t within_ns, int *status)
{
    if (child->pid == 0 || !readable(child->pidfd, within_ns))
        return false;
    while (waitpid(child->pid, status, 0) < 0 && errno == EINTR)
        ;
    close(child->pidfd);
    close(child->life_fd);
    child->pid = 0;
    child->pidfd = child->life_fd = -1;
    return true;
}
