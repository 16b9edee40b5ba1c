/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a warden's child to a command of the user: nothing of the daemon's goes along, neither descriptors, signals, environment nor
 * privileges. Runs in a process without threads, so names may be looked up.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/monitor/job.h"

#define WORDS_MAX 32
#define CANNOT_RUN 127 /* as a shell says it */
#define READY_FD 3

static void give_up(const char *what, const char *which, int error) __attribute__((noreturn));
static void give_up(const char *what, const char *which, int error)
{
    dprintf(STDOUT_FILENO, "%s %s: %s\n", what, which, strerror(error));
    (void)!write(READY_FD, "", 1); /* whoever waits for it to run sees that it does not */
    _exit(CANNOT_RUN);
}

static void set_streams(int output, int ready)
{
    int null = open("/dev/null", O_RDONLY);

    if (null < 0 || dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0 || dup2(null, STDIN_FILENO) < 0)
        _exit(CANNOT_RUN);
    if (ready > READY_FD && dup3(ready, READY_FD, O_CLOEXEC) < 0)
        _exit(CANNOT_RUN);
    syscall(SYS_close_range, ready >= READY_FD ? READY_FD + 1U : (unsigned)READY_FD, ~0U, 0U);
}

/* What comes after the environment, as a file that is nowhere. */
static void set_input(const struct bw_job *job)
{
    uint32_t from = job->environment_bytes, length = job->input_bytes;
    int fd;

    if (length == 0 || from > sizeof(job->input) || length > sizeof(job->input) - from)
        return;
    fd = memfd_create("input", MFD_CLOEXEC);
    if (fd < 0 || write(fd, job->input + from, length) != (ssize_t)length || lseek(fd, 0, SEEK_SET) != 0 ||
        dup2(fd, STDIN_FILENO) < 0)
        give_up("cannot set up", "its input", errno);
    close(fd);
}

static void set_signals(void)
{
    sigset_t none;

    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void set_user(const char *user)
{
    const struct passwd *entry;

    if (user[0] == '\0')
        return;
    errno = 0;
    entry = getpwnam(user);
    if (entry == NULL)
        give_up("cannot run as", user, errno != 0 ? errno : ENOENT);
    if (initgroups(user, entry->pw_gid) != 0 || setgid(entry->pw_gid) != 0 || setuid(entry->pw_uid) != 0)
        give_up("cannot become", user, errno);
}

/* Keeps the capabilities of the mask and no other, whatever is executed. */
static void set_capabilities(uint32_t kept)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{kept, kept, kept}, {0, 0, 0}};

    for (unsigned long c = 0; c < 64; c++)
        if (c >= 32 || !(kept >> c & 1))
            prctl(PR_CAPBSET_DROP, c, 0, 0, 0); /* refused without CAP_SETPCAP: then the next two still hold */
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (syscall(SYS_capset, &header, data) != 0) {
        data[0] = (struct __user_cap_data_struct){0, 0, 0};
        if (syscall(SYS_capset, &header, data) != 0)
            give_up("cannot give up", "capabilities", errno);
        kept = 0;
    }
    for (unsigned long c = 0; c < 32; c++)
        if (kept >> c & 1)
            prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, c, 0, 0);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        give_up("cannot give up", "privileges", errno);
}

/* The daemon may be the last to be killed when memory runs out; what it starts is as anything else. */
static void be_ordinary(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    (void)!write(fd, "0", 1);
    close(fd);
}

static void set_environment(const struct bw_job *job)
{
    clearenv();
    setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
    setenv("LANG", "C.UTF-8", 1);
    setenv("HOME", "/", 1);
    for (uint32_t at = 0; at < job->environment_bytes && at < sizeof(job->input);) {
        putenv((char *)(uintptr_t)job->input + at);
        at += (uint32_t)strnlen(job->input + at, sizeof(job->input) - at) + 1;
    }
    if (job->environment_bytes > 0)
        return;
    if (job->action[0] == '\0') {
        setenv("BELLWETHER_MONITOR", job->name, 1);
        return;
    }
    setenv("BELLWETHER_RESOURCE", job->name, 1);
    setenv("BELLWETHER_GROUP", job->group, 1);
    setenv("BELLWETHER_ACTION", job->action, 1);
}

void bw_command_exec(const struct bw_job *job, int output, int ready)
{
    char words[BW_COMMAND_MAX], *list[WORDS_MAX + 1], *at = words;
    unsigned count = 0;

    setsid(); /* a group of its own, that can be killed as one; no terminal */
    set_streams(output, ready);
    set_input(job);
    set_signals();
    umask(022);
    memcpy(words, job->command, sizeof(words));
    words[sizeof(words) - 1] = '\0';
    while (count < job->words && count < WORDS_MAX && at < words + sizeof(words)) {
        list[count++] = at;
        at += strlen(at) + 1;
    }
    list[count] = NULL;
    if (count == 0)
        _exit(CANNOT_RUN);
    be_ordinary();
    set_user(job->user);
    set_capabilities(job->kind == BW_JOB_RULESET ? 1U << CAP_NET_ADMIN : 0);
    set_environment(job);
    /* Last: a change of user forgets it. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execvp(list[0], list);
    give_up("cannot run", list[0], errno);
}
