/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside agent/monitor: one thread with one epoll carries out all checks, none of which may wait. What could wait (commands, file
 * systems, systemd) is a job of the runner's. A kind of monitor is a row of functions; the loop calls them, and they call
 * bw_monitor_done.
 */
#ifndef BELLWETHER_MONITOR_MONITOR_H
#define BELLWETHER_MONITOR_MONITOR_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>
#include <time.h>

#include "agent/monitor/job.h"
#include "agent/monitor/tally.h"
#include "bellwether/log.h"
#include "bellwether/surface.h"

struct bw_monitor;

/* What the loop's epoll watches. It is never freed while the loop runs: an event may come after its descriptor was closed. */
struct bw_source {
    int fd; /* -1 = none now */
    void (*ready)(struct bw_source *source, uint32_t events);
    void *owner;
};

struct bw_monitor_ops {
    /* Once, before the first check. 0 or negative errno: then it fails every check with that. May be NULL. */
    int (*open)(struct bw_monitor *m);
    /* Begins a check; bw_monitor_done is called now or later. */
    void (*begin)(struct bw_monitor *m);
    /* The check's time is over: let go of what it uses, and call bw_monitor_done. */
    void (*late)(struct bw_monitor *m);
    /* A job's answer. May be NULL. */
    void (*answer)(struct bw_monitor *m, const struct bw_job_answer *answer);
    void (*close)(struct bw_monitor *m);
    bool jobs; /* its checks are jobs, which keep the time limit themselves: the loop waits a little longer */
};

/* Identity of a pid file's text: the same file, unchanged. */
struct bw_file_id {
    dev_t device;
    ino_t inode;
    struct timespec modified, changed;
};

struct bw_ping_state {
    uint32_t serial;    /* of the present check */
    uint64_t cookie;    /* so that nobody guesses an answer */
    uint8_t send_errors;
    int send_error;
};

struct bw_tcp_state {
    struct bw_source source;
    bool connected;
    char got[512];
    size_t length;
};

struct bw_http_state {
    void *easy; /* CURL handle of the present check, NULL = none */
    void *connect_to;
    bool matched;
    size_t seen, tail_length; /* bytes of the body; its last ones, for a match across two pieces */
    char tail[sizeof(((struct bw_monitor_config *)0)->match)];
    char error[256];
};

struct bw_process_state {
    struct bw_source source; /* the pidfd */
    pid_t pid;
    struct bw_file_id file, dead_file; /* pid file as it was read; as it was when its process had died */
    bool has_dead_file;
};

struct bw_job_state {
    uint32_t serial;
    bool under_way;
};

struct bw_conflict_state {
    uint64_t seen;     /* last event of the history that was looked at */
    uint64_t until_ns; /* a conflict that was told counts until then */
    char what[BW_DETAIL_MAX];
};

struct bw_monitor {
    const struct bw_monitor_config *config;
    const struct bw_monitor_ops *ops;
    struct bw_monitors *all;
    unsigned index;
    int error; /* of open */
    bool busy; /* a check is under way */
    bool idle; /* no check is begun for now */
    uint64_t due_ns, began_ns, deadline_ns;
    struct bw_tally tally;
    struct bw_told told;
    char said[BW_DETAIL_MAX];
    struct bw_job_state job;
    struct bw_ping_state ping;
    struct bw_tcp_state tcp;
    struct bw_http_state http;
    struct bw_process_state process;
    struct bw_conflict_state conflict;
};

struct bw_http_engine;

/* For who uses checks for something else than pnotes; called by the thread that runs them. */
struct bw_monitor_user {
    void *user;
    /* In place of what the engine is told: after each check, and now and then. */
    void (*verdict)(void *user, struct bw_monitor *m);
    /* Puts its own marks on a job of a check. */
    void (*dress)(void *user, const struct bw_monitor *m, struct bw_job *job);
    /* Answers to jobs of its own, whose tickets have a number above BW_MAX_MONITORS in their upper half; and ticket 0: none of them is
     * under way any more. */
    void (*answer)(void *user, const struct bw_job_answer *answer);
};

struct bw_monitors {
    const struct bw_monitor_user *user; /* NULL: each monitor is a pnote */
    struct bw_surface_context context;
    const char *systemctl; /* program; tests put another in its place */
    pthread_t thread;
    bool runs;
    _Atomic bool ending;
    int epoll;
    struct bw_source wake, runner, ping4, ping6;
    uint16_t ping_id;
    struct bw_http_engine *http; /* NULL = no monitor of this kind */
    uint64_t now_ns; /* CLOCK_MONOTONIC, read after each wait */
    uint64_t reconcile_ns;
    struct bw_log_limit full; /* the mailbox has no room */
    uint64_t full_until_ns;
    unsigned count;
    struct bw_monitor monitors[BW_MAX_MONITORS];
};

static inline uint64_t bw_monitor_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * BW_SEC + (uint64_t)t.tv_nsec;
}

/* ---- monitors.c: the two halves of bw_monitors_start ---- */

/* Everything but the thread; closes runner when it fails. 0 or negative errno. */
int bw_monitors_open(const struct bw_surface_context *context, int runner, struct bw_monitors **monitors);
/* Registers the pnotes and starts the thread. 0 or negative errno. */
int bw_monitors_go(struct bw_monitors *monitors);

/* ---- loop.c ---- */

/* The end of a check. What it says follows printf, at most BW_DETAIL_MAX bytes of it. */
void bw_monitor_done(struct bw_monitor *m, bool good, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* A failure that was told, not found by a check: problem at once. */
void bw_monitor_fall(struct bw_monitor *m, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Milliseconds since the check began, for details. */
double bw_monitor_took_ms(const struct bw_monitor *m);
/* Watches source->fd (EPOLLIN …), or other events of one that is watched. 0 or negative errno. */
int bw_source_watch(struct bw_monitors *all, struct bw_source *source, uint32_t events);
/* Closes the descriptor, if there is one. */
void bw_source_close(struct bw_source *source);
/* The thread's function. */
void *bw_monitors_run(void *monitors);
/* Its two halves, for a thread that does something else too: begins and ends what is due; waits at most so long, and takes what has
 * happened. Negative errno when it cannot go on. */
void bw_monitors_turn(struct bw_monitors *all);
int bw_monitors_wait(struct bw_monitors *all, int most_ms);
/* Begins anew, as after the start, with this status. */
void bw_monitor_begin_anew(struct bw_monitor *m, uint32_t status);

/* ---- tell.c: what the engine is told ---- */

/* Registers all, before the engine runs. */
void bw_tell_register(struct bw_monitors *all);
/* Tells what is due for one monitor. */
void bw_tell(struct bw_monitor *m);
/* Compares with the board, now and then, and mends what differs: reports that were lost, pnotes that a user took away. */
void bw_tell_reconcile(struct bw_monitors *all);
/* Other members whose pnote of this name says another digest, as "; fw2 has another", into text. */
void bw_tell_digest_differs(struct bw_monitors *all, const char *name, const char *digest, char *text, size_t cap);

/* ---- ask.c: jobs ---- */

/* The runner's answers. */
void bw_job_ready(struct bw_source *source, uint32_t events);
/* Hands a job in as this monitor's check. False when it could not: then the check has ended. */
bool bw_job_submit(struct bw_monitor *m, struct bw_job *job);
/* Adds a word to the job's command. */
void bw_job_word(struct bw_job *job, const char *word);

/* ---- ping.c, http.c: what all monitors of the kind share ---- */
int bw_ping_open_sockets(struct bw_monitors *all);
int bw_http_engine_open(struct bw_monitors *all);
void bw_http_engine_close(struct bw_monitors *all);
/* Milliseconds until libcurl wants to be called, -1 for never; and the call, when the time has come. */
int bw_http_engine_wait_ms(const struct bw_monitors *all);
void bw_http_engine_turn(struct bw_monitors *all);

/* find.c: processes. All read /proc or small files only. */

/* The number in a pid file: > 0, or negative errno (-ENOMSG: no number in it, -ESTALE: not written since its process died). */
pid_t bw_find_by_file(const char *path, struct bw_file_id *id);
/* The lowest living process of that name, or -ESRCH. */
pid_t bw_find_by_name(const char *name);
/* A process's name (16 bytes) and state letter. False when there is no such process. */
bool bw_find_look(pid_t pid, char *name, char *state);
bool bw_find_same_file(const struct bw_file_id *a, const struct bw_file_id *b);

extern const struct bw_monitor_ops bw_monitor_ping, bw_monitor_tcp, bw_monitor_http, bw_monitor_process, bw_monitor_exec,
    bw_monitor_ruleset, bw_monitor_conntrack, bw_monitor_disk, bw_monitor_clock, bw_monitor_conflict;

#endif
