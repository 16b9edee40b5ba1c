/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The agent's side of received notifications: starts the processes, takes their packets on a thread of its own, and
 * sets pnotes through the mailbox. A packet is checked like any other input from outside.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/trap/trap.h"
#include "bellwether/surface.h"
#include "bellwether/text.h"

#define TICK_NS     (500 * BW_MS) /* how often counters are looked at when nothing comes */
#define ASK_MS      1000
#define BATCH       256
#define LINES       50 /* of the receiver's, a minute */
#define STACK_BYTES (256 * 1024)

struct bw_traps {
    const struct bw_config *config;
    struct bw_surface_context context;
    struct bw_trap_counters *counters;
    int fd, stop_fd;
    pid_t supervisor;
    pthread_t thread;
    bool started;
    struct bw_trap_pnotes pnotes;
    struct bw_log_limit ask_limit;
    uint64_t lines_since_ns; /* lines of the receiver's that were logged in the minute that began then */
    unsigned lines;
};

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * BW_SEC + (uint64_t)now.tv_nsec;
}

/* ---- pnotes ---- */

static enum bw_result ask(struct bw_traps *t, enum bw_request_kind kind, const struct bw_trap_pnote *row,
                          struct bw_answer *answer)
{
    struct bw_request request = {.kind = kind, .status = row->status, .pnote_kind = BW_PNOTE_TRAP};

    if (kind == BW_REQUEST_PNOTE_REPORT)
        request.timeout_ns = UINT64_MAX;
    bw_copy(request.name, sizeof(request.name), row->name);
    bw_copy(request.text, sizeof(request.text), row->text);
    bw_copy(request.who, sizeof(request.who), "trap");
    memset(answer, 0, sizeof(*answer));
    return bw_mailbox_ask(t->context.mailbox, &request, answer, ASK_MS);
}

static void report(struct bw_traps *t, struct bw_trap_pnote *row)
{
    struct bw_answer answer;
    enum bw_result result = BW_RESULT_REFUSED;
    uint64_t held_back;

    if (!row->registered) {
        result = ask(t, BW_REQUEST_PNOTE_REGISTER, row, &answer);
        /* Refused: somebody has registered it, or it is there from an earlier try. If no more fit, the report will
         * tell. */
        row->registered = result == BW_RESULT_DONE || result == BW_RESULT_REFUSED;
    }
    if (row->registered && result != BW_RESULT_DONE)
        result = ask(t, BW_REQUEST_PNOTE_REPORT, row, &answer);
    if (result == BW_RESULT_NOT_FOUND)
        row->registered = false;
    if (result != BW_RESULT_DONE && bw_log_allowed(&t->ask_limit, now_ns(), &held_back))
        bw_log(BW_LOG_WARNING, "traps: pnote %s cannot be set: %s", row->name,
               answer.text[0] != '\0' ? answer.text : "the engine does not answer");
    bw_trap_pnote_done(row, result == BW_RESULT_DONE, now_ns());
}

/* ---- packets ---- */

static void note_match(struct bw_traps *t, const struct bw_trap_packet *packet)
{
    const struct bw_trap_rule_config *rule = &t->config->traps.rules[packet->rule];
    struct bw_trap_rule_stats *stats = &t->context.stats->trap_rules[packet->rule];
    uint64_t source[2];

    memcpy(source, packet->source.bytes, sizeof(source));
    atomic_store(&stats->last_wall, packet->wall);
    atomic_store(&stats->last_family, packet->source.family);
    atomic_store(&stats->last_source[0], source[0]);
    atomic_store(&stats->last_source[1], source[1]);
    bw_trap_pnotes_match(&t->pnotes, rule, packet->rule, packet->text, now_ns());
    bw_log(BW_LOG_DEBUG, "traps: rule %s: %s", rule->name, packet->text);
}

/* Lines of the other processes: so many a minute. */
static bool line_allowed(struct bw_traps *t)
{
    uint64_t at_ns = now_ns();

    if (at_ns - t->lines_since_ns >= 60 * BW_SEC) {
        t->lines_since_ns = at_ns;
        t->lines = 0;
    }
    return t->lines++ < LINES;
}

/* It may come from a process that hostile input has taken over: nothing of it is believed. */
static void take_packet(struct bw_traps *t, struct bw_trap_packet *packet)
{
    packet->text[sizeof(packet->text) - 1] = '\0';
    for (char *c = packet->text; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = ' ';
    if (packet->source.family != 4 && packet->source.family != 6)
        memset(&packet->source, 0, sizeof(packet->source));
    if (packet->kind == BW_TRAP_MATCH && packet->rule < t->config->traps.rules_count)
        note_match(t, packet);
    else if (packet->kind == BW_TRAP_LOG && packet->rule >= BW_LOG_ERROR && packet->rule <= BW_LOG_DEBUG &&
             line_allowed(t))
        bw_log((enum bw_log_level)packet->rule, "%s", packet->text);
}

/* False when the processes are gone. */
static bool take_packets(struct bw_traps *t)
{
    for (int n = 0; n < BATCH; n++) {
        struct bw_trap_packet packet;
        ssize_t length = recv(t->fd, &packet, sizeof(packet), MSG_DONTWAIT);

        if (length == (ssize_t)sizeof(packet))
            take_packet(t, &packet);
        else if (length < 0)
            return errno == EAGAIN || errno == EINTR;
        else if (length == 0)
            return false;
    }
    return true;
}

static void copy_counters(struct bw_traps *t)
{
    struct bw_stats *stats = t->context.stats;
    const struct bw_trap_counters *c = t->counters;
    const struct {
        _Atomic uint64_t *to;
        const _Atomic uint64_t *from;
    } pairs[] = {
        {&stats->traps_listening, &c->listening}, {&stats->traps_restarts, &c->restarts},
        {&stats->traps_received, &c->received},   {&stats->traps_accepted, &c->accepted},
        {&stats->traps_refused, &c->refused},     {&stats->traps_malformed, &c->malformed},
        {&stats->traps_dropped, &c->dropped},
    };

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        atomic_store(pairs[i].to, atomic_load(pairs[i].from));
    for (unsigned i = 0; i < t->config->traps.rules_count; i++)
        atomic_store(&stats->trap_rules[i].matches, atomic_load(&c->matches[i]));
}

/* ---- the thread ---- */

static void *run(void *argument)
{
    struct bw_traps *t = argument;
    bool stop = false, alive = true;

    while (!stop) {
        struct pollfd polls[] = {{t->stop_fd, POLLIN, 0}, {alive ? t->fd : -1, POLLIN, 0}};
        uint64_t at_ns = now_ns(), due_ns = bw_trap_pnotes_run(&t->pnotes, at_ns), wait_ns = TICK_NS;
        struct bw_trap_pnote *row = bw_trap_pnotes_next(&t->pnotes, at_ns);
        struct timespec wait;

        if (row != NULL)
            report(t, row);
        if (due_ns < at_ns + wait_ns)
            wait_ns = due_ns > at_ns ? due_ns - at_ns : 0;
        if (row != NULL)
            wait_ns = 0;
        wait = (struct timespec){(time_t)(wait_ns / BW_SEC), (long)(wait_ns % BW_SEC)};
        (void)ppoll(polls, 2, &wait, NULL);
        stop = polls[0].revents != 0;
        if (polls[1].revents != 0 && !take_packets(t)) {
            alive = false;
            bw_log(BW_LOG_ERROR,
                   "traps: the processes that receive are gone: no notification is taken until a restart");
        }
        copy_counters(t);
    }
    return NULL;
}

int bw_traps_start(const struct bw_surface_context *context, struct bw_traps *t)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    int rc;

    t->context = *context;
    bw_trap_pnotes_init(&t->pnotes, &t->config->traps);
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    rc = -pthread_create(&t->thread, &attributes, run, t);
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0) {
        bw_log(BW_LOG_ERROR, "traps: not started: %s", strerror(-rc));
        return rc;
    }
    pthread_setname_np(t->thread, "bw-trap");
    t->started = true;
    return 0;
}

/* ---- processes ---- */

int bw_traps_prepare(const struct bw_config *config, void *secret, size_t secret_bytes, struct bw_traps **out)
{
    struct bw_trap_link link = {.config = config};
    struct bw_traps *t;
    int fds[2] = {-1, -1}, rc;
    pid_t self = getpid();

    *out = NULL;
    if (!config->traps.enabled)
        return 0;
    t = calloc(1, sizeof(*t));
    if (t == NULL)
        return -ENOMEM;
    t->config = config;
    t->fd = t->stop_fd = -1;
    t->counters = mmap(NULL, sizeof(*t->counters), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    rc = t->counters == MAP_FAILED ? -errno : 0;
    if (rc != 0) {
        t->counters = NULL;
        goto out;
    }
    t->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (t->stop_fd < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) {
        rc = -errno;
        goto out;
    }
    t->fd = fds[0];
    link.counters = t->counters;
    link.fd = fds[1];
    t->supervisor = fork();
    if (t->supervisor == 0) {
        explicit_bzero(secret, secret_bytes);
        bw_trap_supervise(&link, self);
    }
    rc = t->supervisor < 0 ? -errno : 0;
    close(fds[1]);
    if (rc == 0) {
        *out = t;
        return 0;
    }
out:
    bw_log(BW_LOG_ERROR, "traps: the receiver cannot be started: %s", strerror(-rc));
    bw_traps_stop(t);
    return rc;
}

void bw_traps_stop(struct bw_traps *t)
{
    if (t == NULL)
        return;
    if (t->started) {
        (void)!write(t->stop_fd, &(uint64_t){1}, sizeof(uint64_t));
        pthread_join(t->thread, NULL);
    }
    if (t->fd >= 0)
        close(t->fd); /* the receiver ends by this, or by its supervisor's end */
    if (t->supervisor > 0) {
        kill(t->supervisor, SIGKILL);
        while (waitpid(t->supervisor, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    if (t->stop_fd >= 0)
        close(t->stop_fd);
    if (t->counters != NULL)
        munmap(t->counters, sizeof(*t->counters));
    free(t);
}
