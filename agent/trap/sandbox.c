/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the receiver gives up once its ports are bound and its passphrases read: being root, all capabilities, new
 * privileges, new descriptors, files, processes, and every system call that receiving does not need. Each step is on
 * its own: one that this host does not permit is passed over.
 */
#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent/trap/trap.h"

#define NOBODY     65534
#define DATA_BYTES (128UL << 20)

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1 /* their runtimes need much more */
#else
#define SANITIZED 0
#endif

static const int allowed[] = {
    SCMP_SYS(read),         SCMP_SYS(write),           SCMP_SYS(close),        SCMP_SYS(poll),
    SCMP_SYS(ppoll),        SCMP_SYS(select),          SCMP_SYS(pselect6),     SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),      SCMP_SYS(sendto),          SCMP_SYS(sendmsg),      SCMP_SYS(getsockopt),
    SCMP_SYS(getsockname),  SCMP_SYS(setsockopt),      SCMP_SYS(brk),          SCMP_SYS(mmap),
    SCMP_SYS(munmap),       SCMP_SYS(mremap),          SCMP_SYS(madvise),      SCMP_SYS(mprotect),
    SCMP_SYS(futex),        SCMP_SYS(clock_gettime),   SCMP_SYS(gettimeofday), SCMP_SYS(time),
    SCMP_SYS(getrandom),    SCMP_SYS(getpid),          SCMP_SYS(getppid),      SCMP_SYS(gettid),
    SCMP_SYS(alarm),        SCMP_SYS(setitimer),       SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall), SCMP_SYS(tgkill),       SCMP_SYS(exit),
    SCMP_SYS(exit_group),
};

static void limit(int what, rlim_t value)
{
    struct rlimit l = {value, value};

    setrlimit((__rlimit_resource_t)what, &l);
}

static void filter_calls(const struct bw_trap_link *link)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int rc = filter != NULL ? 0 : -ENOMEM;

    for (size_t i = 0; rc == 0 && i < sizeof(allowed) / sizeof(allowed[0]); i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
    if (rc == 0)
        rc = seccomp_load(filter);
    if (rc != 0)
        bw_trap_say(link, BW_LOG_INFO, "traps: no filter of system calls here: %s", strerror(-rc));
    if (filter != NULL)
        seccomp_release(filter);
}

void bw_trap_sandbox(const struct bw_trap_link *link)
{
    if (geteuid() == 0 &&
        (setgroups(0, NULL) != 0 || setresgid(NOBODY, NOBODY, NOBODY) != 0 || setresuid(NOBODY, NOBODY, NOBODY) != 0))
        bw_trap_say(link, BW_LOG_INFO, "traps: the receiver stays root without capabilities: %s", strerror(errno));
    capng_clear(CAPNG_SELECT_BOTH);
    capng_apply(CAPNG_SELECT_BOTH);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (SANITIZED)
        return;
    limit(RLIMIT_FSIZE, 0);
    limit(RLIMIT_NPROC, 0);
    limit(RLIMIT_DATA, DATA_BYTES);
    filter_calls(link);
}
