/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The keeper's loop: one poll over signals, a tick, the agent's life and the links. It may block for moments (netlink),
 * never on the agent. Its scheduling priority is above the engine's, so that an engine that spins cannot hold it off.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "agent/keeper/estate.h"
#include "agent/keeper/private.h"
#include "agent/linux/linux.h"
#include "bellwether/log.h"

#define REALTIME_PRIORITY 51
#define KILL_NS           (20 * BW_MS)  /* given to a killed process to end before its addresses are taken off */
#define STOP_NS           (3 * BW_SEC)  /* given to the engine's orderly end */
#define END_NS            (10 * BW_SEC) /* given to the surfaces after it: nothing is held any more */
#define LAST_NS           BW_SEC        /* given to a killed process when the keeper itself ends */
#define ADDRESSES_NS      (30 * BW_SEC) /* own addresses are read anew this often */

enum phase {
    PHASE_RUNNING,
    PHASE_DYING,   /* mourned, but the process is not gone yet */
    PHASE_WAITING, /* for the next start */
};

struct keeper {
    struct bw_agent_context *context;
    struct bw_lifeline *lifeline;
    int (*agent)(const struct bw_agent_context *context);
    struct bw_mourner *mourner;
    const struct bw_config *first_config;  /* as the context had it before any reload */
    const struct bw_config *former_config; /* an agent that dies amid a reload may have left its addresses; NULL = none */
    struct bw_config *buffers[3];          /* for the present one, the former one and the next one */
    uint64_t estate_seen;
    struct bw_judge judge;
    struct bw_child child;
    enum phase phase;
    int signals, timer;
    int death[2]; /* the agent reads, the keeper never writes: it ends with the keeper */
    sigset_t mask_before;
    uint64_t started_ns, restart_ns, stop_ns, end_ns, addresses_ns, watched_ns;
    uint64_t watchdog_ns, watchdog_every_ns;
    bool stopping, ready, ended;
    int status; /* exit status of the whole */
};

/* ---- what systemd is told ---- */

static void tell_systemd(struct keeper *k, uint64_t now_ns)
{
    if (!k->ready && atomic_load(&k->lifeline->turn_ns) != 0) {
        k->ready = true;
        sd_notify(0, "READY=1");
    }
    if (k->watchdog_every_ns != 0 && now_ns >= k->watchdog_ns) {
        k->watchdog_ns = now_ns + k->watchdog_every_ns;
        sd_notify(0, "WATCHDOG=1");
    }
}

/* ---- what the agent runs with ---- */

static struct bw_config *unused_buffer(const struct keeper *k)
{
    for (unsigned i = 0; i < 3; i++)
        if (k->buffers[i] != k->context->config && k->buffers[i] != k->former_config)
            return k->buffers[i];
    return NULL; /* cannot be */
}

/* After a reload: the agent says what it runs with now. */
static void take_estate(struct keeper *k)
{
    struct bw_config *next = unused_buffer(k);
    uint8_t keys[2][BW_KEY_BYTES];
    unsigned keys_count;

    if (!bw_estate_read(k->lifeline->estate, &k->estate_seen, next, keys, &keys_count))
        return;
    k->former_config = k->context->config;
    k->context->config = next;
    k->context->keys_count = keys_count;
    memcpy(k->context->keys, keys, sizeof(keys));
    explicit_bzero(keys, sizeof(keys));
    bw_mourner_reconfigure(k->mourner);
    bw_log_set_level(bw_log_level_by_name(next->log_level));
}

/* ---- the agent's beginning ---- */

static void before_agent(void *arg)
{
    struct keeper *k = arg;

    bw_mourner_free(k->mourner);
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    sigprocmask(SIG_SETMASK, &k->mask_before, NULL);
}

static void start_agent(struct keeper *k)
{
    const int inherited[] = {k->signals, k->timer, k->death[1], -1};
    uint64_t now_ns = bw_now_ns();
    int error = bw_random(&k->lifeline->agent_boot, sizeof(k->lifeline->agent_boot));

    atomic_store(&k->lifeline->turn_ns, 0);
    atomic_store(&k->lifeline->waiting, 0);
    atomic_store(&k->lifeline->crashing, 0);
    atomic_store(&k->lifeline->stopped, 0);
    k->end_ns = 0;
    if (error == 0)
        error = bw_child_start(&k->child, k->context, k->death[0], inherited, k->agent, before_agent, k);
    k->started_ns = now_ns;
    if (error != 0) {
        bw_log(BW_LOG_ERROR, "the keeper cannot start the agent: %s", strerror(-error));
        k->restart_ns = now_ns + BW_SEC;
        k->phase = PHASE_WAITING;
        return;
    }
    k->phase = PHASE_RUNNING;
    bw_judge_started(&k->judge, now_ns);
}

/* ---- its end ---- */

static void mourn(struct keeper *k)
{
    k->phase = PHASE_DYING;
    take_estate(k);
    if (atomic_load(&k->lifeline->stopped) == 0)
        bw_mourner_mourn(k->mourner, &k->lifeline->agent_boot);
}

static void kill_agent(struct keeper *k, const char *why)
{
    bw_log(BW_LOG_ERROR, "%s: the keeper kills the agent", why);
    kill(k->child.pid, SIGKILL);
    bw_child_dying(&k->child, KILL_NS);
    mourn(k);
}

static void note_crash(struct keeper *k, uint64_t now_ns)
{
    unsigned surface = atomic_load(&k->lifeline->crashing);

    if (surface == 0 || !bw_judge_crash(&k->judge, surface - 1, now_ns))
        return;
    if (atomic_fetch_or(&k->lifeline->surfaces_off, 1U << (surface - 1)) >> (surface - 1) & 1)
        return;
    bw_log(BW_LOG_ERROR, "surface %u crashed three times within a minute: it stays off", surface - 1);
}

static void tell_end(int status)
{
    if (WIFSIGNALED(status))
        bw_log(BW_LOG_ERROR, "the agent was ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        bw_log(BW_LOG_ERROR, "the agent ended with status %d", WEXITSTATUS(status));
}

/* The process is gone for good: what now? */
static void after_end(struct keeper *k, int status)
{
    uint64_t now_ns = bw_now_ns();
    bool orderly = atomic_load(&k->lifeline->stopped) != 0;
    /* One that never came to its first turn and says so by its status cannot run with this configuration. */
    bool hopeless = atomic_load(&k->lifeline->restarts) == 0 && atomic_load(&k->lifeline->turn_ns) == 0 &&
                    WIFEXITED(status) && WEXITSTATUS(status) != 0;

    /* Once more: a thread of it that was within the kernel may have put one back. */
    (void)bw_linux_remove_all(&k->context->config->cluster);
    bw_linux_remove_devices(&k->context->config->cluster);
    if (k->former_config != NULL)
        (void)bw_linux_remove_all(&k->former_config->cluster);
    k->former_config = NULL;
    if (orderly || hopeless || k->stopping) {
        k->ended = true;
        k->status = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
        return;
    }
    tell_end(status);
    note_crash(k, now_ns);
    k->restart_ns = now_ns + bw_judge_backoff(&k->judge, k->started_ns, now_ns);
    k->phase = PHASE_WAITING;
}

static void look_at_agent(struct keeper *k)
{
    int status;

    if (k->phase == PHASE_RUNNING && bw_child_dying(&k->child, 0))
        mourn(k);
    if (k->phase == PHASE_DYING && bw_child_reap(&k->child, 0, &status))
        after_end(k, status);
}

/* ---- signals and time ---- */

static void begin_stop(struct keeper *k, uint64_t now_ns)
{
    if (k->stopping)
        return;
    k->stopping = true;
    k->stop_ns = now_ns;
    sd_notify(0, "STOPPING=1");
    if (k->phase == PHASE_WAITING)
        k->ended = true;
    else
        kill(k->child.pid, SIGTERM);
}

static void take_signals(struct keeper *k, uint64_t now_ns)
{
    struct signalfd_siginfo info;

    while (read(k->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
            begin_stop(k, now_ns);
        else if (info.ssi_signo == SIGHUP && k->phase == PHASE_RUNNING)
            kill(k->child.pid, SIGHUP);
    }
}

/* Is the engine stuck? */
static bool is_stuck(struct keeper *k, uint64_t now_ns)
{
    struct bw_look look = {.now_ns = now_ns, .turn_ns = atomic_load(&k->lifeline->turn_ns)};
    enum bw_standing standing;

    if (look.turn_ns == k->judge.turn_ns && look.turn_ns != 0) {
        look.waiting = atomic_load(&k->lifeline->waiting) != 0;
        bw_child_look(&k->child, &look);
    }
    standing = bw_judge_look(&k->judge, &look);
    if (standing != BW_ENGINE_TURNS && look.turn_ns != 0)
        bw_log(BW_LOG_WARNING, "the engine has made no turn for %lu ms%s (state of its thread: %c%s)",
               (unsigned long)((now_ns - look.turn_ns) / BW_MS),
               standing == BW_ENGINE_STARVED ? ": this host gives it no time" : "", look.state != 0 ? look.state : '?',
               look.waiting ? ", waiting" : "");
    return standing == BW_ENGINE_STUCK;
}

/* Time in which this process did not run either is not taken from what an ending agent is given. */
static void forgive_own_gap(struct keeper *k, uint64_t now_ns)
{
    uint64_t gap_ns = k->watched_ns != 0 ? now_ns - k->watched_ns : 0;

    k->watched_ns = now_ns;
    if (gap_ns <= 2 * BW_KEEPER_TICK_NS)
        return;
    if (k->stopping)
        k->stop_ns += gap_ns - BW_KEEPER_TICK_NS;
    if (k->end_ns != 0)
        k->end_ns += gap_ns - BW_KEEPER_TICK_NS;
}

static void watch_time(struct keeper *k, uint64_t now_ns)
{
    bool stuck = k->phase == PHASE_RUNNING && is_stuck(k, now_ns);
    bool let_go = atomic_load(&k->lifeline->stopped) != 0;

    forgive_own_gap(k, now_ns);
    tell_systemd(k, now_ns);
    take_estate(k);
    if (let_go && k->end_ns == 0)
        k->end_ns = now_ns;
    if (k->phase == PHASE_RUNNING && let_go ? now_ns - k->end_ns > END_NS + atomic_load(&k->lifeline->end_ns)
                                            : k->phase == PHASE_RUNNING && k->stopping && now_ns - k->stop_ns > STOP_NS)
        kill_agent(k, "the agent does not end");
    else if (!k->stopping && !let_go && stuck)
        kill_agent(k, "the engine makes no turn any more");
    if (k->phase == PHASE_WAITING && !k->stopping && now_ns >= k->restart_ns) {
        atomic_fetch_add(&k->lifeline->restarts, 1);
        start_agent(k);
    }
    if (now_ns >= k->addresses_ns) {
        k->addresses_ns = now_ns + ADDRESSES_NS;
        bw_mourner_refresh(k->mourner, true);
    }
}

static void arm(struct keeper *k, uint64_t now_ns)
{
    uint64_t at_ns = now_ns + BW_KEEPER_TICK_NS;
    struct itimerspec when = {0};

    if (k->phase == PHASE_WAITING && k->restart_ns < at_ns)
        at_ns = k->restart_ns > now_ns ? k->restart_ns : now_ns + 1;
    when.it_value.tv_sec = (time_t)(at_ns / BW_SEC);
    when.it_value.tv_nsec = (long)(at_ns % BW_SEC);
    timerfd_settime(k->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static void loop(struct keeper *k)
{
    while (!k->ended) {
        /* A dying agent's pipe stays readable: only its end is waited for then. Negative descriptors are passed over.
         */
        struct pollfd polls[] = {
            {k->phase == PHASE_RUNNING ? k->child.life_fd : -1, POLLIN, 0},
            {k->phase != PHASE_WAITING ? k->child.pidfd : -1, POLLIN, 0},
            {k->signals, POLLIN, 0},
            {k->timer, POLLIN, 0},
            {bw_mourner_fd(k->mourner), POLLIN, 0},
        };
        uint64_t now_ns;

        arm(k, bw_now_ns());
        if (poll(polls, sizeof(polls) / sizeof(polls[0]), -1) < 0 && errno != EINTR)
            break;
        look_at_agent(k);
        now_ns = bw_now_ns();
        take_signals(k, now_ns);
        if (!k->ended)
            watch_time(k, now_ns);
        if (polls[4].revents != 0)
            bw_mourner_refresh(k->mourner, false);
    }
}

/* ---- set-up ---- */

static int open_keeper(struct keeper *k)
{
    sigset_t taken;
    uint64_t watchdog_us = 0;
    int error;

    bw_core_dump(k->context->config->core_dump);
    sigemptyset(&taken);
    sigaddset(&taken, SIGTERM);
    sigaddset(&taken, SIGINT);
    sigaddset(&taken, SIGHUP);
    sigprocmask(SIG_BLOCK, &taken, &k->mask_before);
    k->lifeline = mmap(NULL, sizeof(*k->lifeline), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (k->lifeline == MAP_FAILED) {
        k->lifeline = NULL;
        return -errno;
    }
    k->context->lifeline = k->lifeline;
    k->lifeline->estate = bw_estate_new();
    for (unsigned i = 0; i < 3; i++)
        k->buffers[i] = calloc(1, sizeof(*k->buffers[i]));
    if (k->lifeline->estate == NULL || k->buffers[0] == NULL || k->buffers[1] == NULL || k->buffers[2] == NULL)
        return -ENOMEM;
    error = bw_random(&k->lifeline->keeper_boot, sizeof(k->lifeline->keeper_boot));
    if (error != 0)
        return error;
    k->signals = signalfd(-1, &taken, SFD_NONBLOCK | SFD_CLOEXEC);
    k->timer = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    if (k->signals < 0 || k->timer < 0 || pipe2(k->death, O_CLOEXEC | O_NONBLOCK) != 0)
        return -errno;
    if (sd_watchdog_enabled(0, &watchdog_us) > 0)
        k->watchdog_every_ns = watchdog_us * 1000 / 4;
    return bw_mourner_new(k->context, &k->mourner);
}

static void close_keeper(struct keeper *k)
{
    const int fds[] = {k->signals, k->timer, k->death[0], k->death[1]};

    bw_mourner_free(k->mourner);
    for (unsigned i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    if (k->lifeline != NULL)
        bw_estate_free(k->lifeline->estate);
    k->context->config = k->first_config;
    for (unsigned i = 0; i < 3; i++)
        free(k->buffers[i]);
    if (k->lifeline != NULL)
        munmap(k->lifeline, sizeof(*k->lifeline));
    k->context->lifeline = NULL;
    sigprocmask(SIG_SETMASK, &k->mask_before, NULL);
}

int bw_keeper_run(struct bw_agent_context *context, int (*agent)(const struct bw_agent_context *context))
{
    struct keeper k = {.context = context,
                       .first_config = context->config,
                       .agent = agent,
                       .signals = -1,
                       .timer = -1,
                       .death = {-1, -1},
                       .child = {.pidfd = -1, .life_fd = -1},
                       .status = 1};
    int error = open_keeper(&k), status;

    if (error != 0) {
        bw_log(BW_LOG_ERROR, "the keeper cannot start: %s", strerror(-error));
        goto out;
    }
    start_agent(&k);
    /* After the first fork, which is to begin without either. */
    prctl(PR_SET_NAME, "bw-keeper");
    bw_realtime(REALTIME_PRIORITY);
    bw_lock_memory();
    loop(&k);
    if (k.child.pid != 0) { /* only when its own poll failed */
        kill_agent(&k, "the keeper cannot go on");
        bw_child_reap(&k.child, LAST_NS, &status);
    }
out:
    close_keeper(&k);
    return k.status;
}
