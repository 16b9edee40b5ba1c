/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The monitors' thread, its helper and what the engine is told, with an engine of our own that can be deaf, forgetful, or have
 * been told something else. Real processes, commands and echo requests on this host.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/monitor/monitor.h"
#include "bellwether/text.h"

/* ---- an engine ---- */

struct engine {
    struct bw_board *board;
    struct bw_mailbox *mailbox;
    pthread_t thread;
    pthread_mutex_t lock;
    bool deaf, ending;
    unsigned count, requests;
    struct bw_pnote_row rows[BW_MAX_PNOTES];
    struct bw_history *history;
    int64_t peer_offset_ns; /* of member 2's clock */
};

static struct engine engine;
static struct bw_config config;
static struct bw_monitors *monitors;
static char directory[64];

static struct bw_pnote_row *row_of(const char *name)
{
    for (unsigned i = 0; i < engine.count; i++)
        if (strcmp(engine.rows[i].name, name) == 0)
            return &engine.rows[i];
    return NULL;
}

static void take_request(const struct bw_request *r, struct bw_answer *answer)
{
    struct bw_pnote_row *row = row_of(r->name);

    engine.requests++;
    answer->result = BW_RESULT_DONE;
    if (r->kind == BW_REQUEST_PNOTE_REGISTER && row == NULL && engine.count < BW_MAX_PNOTES) {
        row = &engine.rows[engine.count++];
        memset(row, 0, sizeof(*row));
        row->member = 1;
        row->kind = r->pnote_kind;
        bw_copy(row->name, sizeof(row->name), r->name);
    } else if (r->kind == BW_REQUEST_PNOTE_UNREGISTER && row != NULL) {
        *row = engine.rows[--engine.count];
        return;
    } else if (row == NULL || r->kind == BW_REQUEST_PNOTE_REGISTER) {
        answer->result = BW_RESULT_REFUSED;
        return;
    }
    row->status = r->status;
    row->timeout_ns = r->timeout_ns;
    bw_copy(row->detail, sizeof(row->detail), r->text);
}

static void post(void)
{
    struct bw_snapshot *draft = bw_board_draft(engine.board);

    draft->cluster.local_member = 1;
    draft->members_count = 2;
    draft->members[0] = (struct bw_member_row){.id = 1, .local = true, .view = BW_VIEW_LOCAL};
    draft->members[1] = (struct bw_member_row){
        .id = 2, .name = "fw2", .view = BW_VIEW_MUTUAL, .clock_offset_ns = engine.peer_offset_ns};
    draft->pnotes_count = engine.count;
    memcpy(draft->pnotes, engine.rows, engine.count * sizeof(engine.rows[0]));
    bw_board_post(engine.board);
}

static void *run_engine(void *unused)
{
    (void)unused;
    for (;;) {
        struct pollfd p = {bw_mailbox_fd(engine.mailbox), POLLIN, 0};
        struct bw_request request;
        struct bw_answer answer = {0};
        uint64_t ticket;

        poll(&p, 1, 20);
        pthread_mutex_lock(&engine.lock);
        if (engine.ending) {
            pthread_mutex_unlock(&engine.lock);
            return NULL;
        }
        while (!engine.deaf && (ticket = bw_mailbox_take(engine.mailbox, &request)) != 0) {
            take_request(&request, &answer);
            bw_mailbox_answer(engine.mailbox, ticket, &answer);
        }
        post();
        pthread_mutex_unlock(&engine.lock);
    }
}

static void set_deaf(bool deaf)
{
    pthread_mutex_lock(&engine.lock);
    engine.deaf = deaf;
    pthread_mutex_unlock(&engine.lock);
}

/* Waits until a pnote has a status and a detail that holds a text. */
static void wait_for(const char *name, uint32_t status, const char *detail)
{
    struct bw_pnote_row last = {.detail = "not registered"};

    for (int i = 0; i < 2000; i++) {
        const struct bw_pnote_row *row;

        pthread_mutex_lock(&engine.lock);
        row = row_of(name);
        if (row != NULL)
            last = *row;
        pthread_mutex_unlock(&engine.lock);
        if (row != NULL && last.status == status && strstr(last.detail, detail) != NULL && last.kind == BW_PNOTE_MONITOR)
            return;
        usleep(5000);
    }
    fail_msg("%s: status %u \"%s\", wanted %u \"%s\"", name, last.status, last.detail, status, detail);
}

/* ---- set-up ---- */

static struct bw_monitor_config *add(const char *name, uint32_t kind)
{
    struct bw_monitor_config *m = &config.monitors[config.monitors_count++];

    *m = (struct bw_monitor_config){.kind = kind,
                                    .start = BW_PNOTE_INIT,
                                    .interval_ns = 100 * BW_MS,
                                    .timeout_ns = 2 * BW_SEC,
                                    .rise = 1,
                                    .fall = 1};
    bw_copy(m->name, sizeof(m->name), name);
    return m;
}

static struct bw_monitor_config *add_command(const char *name, const char *text)
{
    struct bw_monitor_config *m = add(name, BW_MONITOR_EXEC);
    int length = snprintf(m->command, sizeof(m->command), "/bin/sh%c-c%c%s", 0, 0, text);

    assert_in_range(length, 1, sizeof(m->command) - 1);
    m->words = 3;
    return m;
}

static void go(int runner, const char *systemctl)
{
    struct bw_surface_context context = {.config = &config, .board = engine.board, .mailbox = engine.mailbox, .history = engine.history};

    assert_int_equal(bw_monitors_open(&context, runner, &monitors), 0);
    if (systemctl != NULL)
        monitors->systemctl = systemctl;
    assert_int_equal(bw_monitors_go(monitors), 0);
    assert_int_equal(pthread_create(&engine.thread, NULL, run_engine, NULL), 0);
}

static int set_up(void **state)
{
    (void)state;
    memset(&config, 0, sizeof(config));
    memset(&engine, 0, sizeof(engine));
    engine.board = bw_board_new();
    engine.mailbox = bw_mailbox_new();
    engine.history = bw_history_new();
    pthread_mutex_init(&engine.lock, NULL);
    bw_copy(directory, sizeof(directory), "/tmp/bw-monitor-XXXXXX");
    return mkdtemp(directory) == NULL;
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    bw_monitors_stop(monitors);
    monitors = NULL;
    pthread_mutex_lock(&engine.lock);
    engine.ending = true;
    pthread_mutex_unlock(&engine.lock);
    pthread_join(engine.thread, NULL);
    bw_mailbox_free(engine.mailbox);
    bw_history_free(engine.history);
    bw_board_free(engine.board);
    pthread_mutex_destroy(&engine.lock);
    snprintf(command, sizeof(command), "rm -rf %s", directory);
    return system(command);
}

static char *in_directory(const char *name, char *path)
{
    snprintf(path, BW_PATH_MAX, "%.60s/%.30s", directory, name);
    return path;
}

static void write_file(const char *name, const char *text, mode_t mode)
{
    char path[BW_PATH_MAX];
    int fd = open(in_directory(name, path), O_WRONLY | O_CREAT | O_TRUNC, mode);

    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

static pid_t start_sleeper(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        execlp("sleep", "sleep", "1000", (char *)NULL);
        _exit(1);
    }
    assert_true(pid > 0);
    return pid;
}

static void end_sleeper(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* ---- tests ---- */

static void test_unit(void **state)
{
    static char path[BW_PATH_MAX];
    char text[256];
    pid_t first = start_sleeper(), second = start_sleeper();
    int runner = bw_runner_start();

    (void)state;
    assert_true(runner >= 0);
    snprintf(text, sizeof(text), "#!/bin/sh\n[ \"$*\" = 'show --property=MainPID -- it.service' ] && cat %s/main\n", directory);
    write_file("systemctl", text, 0755);
    bw_copy(add("unit", BW_MONITOR_PROCESS)->unit, 128, "it.service");
    bw_copy(add("strange", BW_MONITOR_PROCESS)->unit, 128, "other.service");
    go(runner, in_directory("systemctl", path));
    wait_for("unit", BW_PNOTE_PROBLEM, "systemd does not tell about it.service");
    wait_for("strange", BW_PNOTE_PROBLEM, "systemd does not tell");
    write_file("main", "MainPID=0\n", 0644);
    wait_for("unit", BW_PNOTE_PROBLEM, "it.service has no main process");
    snprintf(text, sizeof(text), "MainPID=%d\n", (int)first);
    write_file("main", text, 0644);
    snprintf(text, sizeof(text), "process %d runs", (int)first);
    wait_for("unit", BW_PNOTE_OK, text);
    end_sleeper(first);
    wait_for("unit", BW_PNOTE_PROBLEM, "has ended");
    snprintf(text, sizeof(text), "MainPID=%d\n", (int)second);
    write_file("main", text, 0644);
    wait_for("unit", BW_PNOTE_OK, "runs");
    end_sleeper(second);
}

/* A name: while one of several lives all is well; the end of the last one is told at once. */
static void test_name(void **state)
{
    char program[BW_PATH_MAX], command[256];
    pid_t pids[2];

    (void)state;
    snprintf(command, sizeof(command), "cp /bin/sleep %s", in_directory("bwtestproc", program));
    assert_int_equal(system(command), 0);
    for (int i = 0; i < 2; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            execl(program, "bwtestproc", "1000", (char *)NULL);
            _exit(1);
        }
    }
    bw_copy(add("name", BW_MONITOR_PROCESS)->process, 16, "bwtestproc");
    go(-1, NULL);
    wait_for("name", BW_PNOTE_OK, "runs");
    end_sleeper(pids[0]);
    usleep(400000);
    wait_for("name", BW_PNOTE_OK, "runs");
    end_sleeper(pids[1]);
    wait_for("name", BW_PNOTE_PROBLEM, "");
}

static void test_mends(void **state)
{
    struct bw_monitor_config *m = add("hand", BW_MONITOR_PROCESS);
    char text[32];

    (void)state;
    snprintf(text, sizeof(text), "%d\n", (int)getpid());
    write_file("pid", text, 0644);
    in_directory("pid", m->pid_file);
    add("clock", BW_MONITOR_CONNTRACK);
    /* A user's pnote of that name was there first. */
    engine.rows[engine.count++] = (struct bw_pnote_row){.member = 1, .name = "hand", .kind = BW_PNOTE_USER, .status = BW_PNOTE_INIT};
    go(-1, NULL);
    wait_for("hand", BW_PNOTE_OK, "runs");
    pthread_mutex_lock(&engine.lock);
    assert_int_equal(row_of("hand")->timeout_ns, 5 * BW_SEC); /* 3 x 1 s, and the check's 2 s */
    row_of("hand")->status = BW_PNOTE_PROBLEM; /* a user's report */
    pthread_mutex_unlock(&engine.lock);
    wait_for("hand", BW_PNOTE_OK, "runs");
    pthread_mutex_lock(&engine.lock);
    engine.count = 0; /* all unregistered */
    pthread_mutex_unlock(&engine.lock);
    wait_for("hand", BW_PNOTE_OK, "runs");
    wait_for("clock", BW_PNOTE_OK, "connections");
}

/* The engine takes nothing for a while: the mailbox fills, the thread goes on, and then tells what is true by then. */
static void test_deaf_engine(void **state)
{
    char text[32];
    pid_t pid = start_sleeper();

    (void)state;
    snprintf(text, sizeof(text), "%d\n", (int)pid);
    write_file("pid", text, 0644);
    for (int i = 0; i < BW_MAX_MONITORS; i++) {
        char name[16];

        snprintf(name, sizeof(name), "m%d", i);
        in_directory("pid", add(name, BW_MONITOR_PROCESS)->pid_file);
    }
    go(-1, NULL);
    wait_for("m0", BW_PNOTE_OK, "runs");
    wait_for("m59", BW_PNOTE_OK, "runs");
    set_deaf(true);
    usleep(200000);
    end_sleeper(pid);
    usleep(1500000);
    assert_true(bw_mailbox_refused(engine.mailbox) > 0);
    set_deaf(false);
    wait_for("m0", BW_PNOTE_PROBLEM, "ended");
    wait_for("m59", BW_PNOTE_PROBLEM, "ended");
}

static void test_no_helper(void **state)
{
    (void)state;
    add_command("exec", "true");
    add("conn", BW_MONITOR_CONNTRACK);
    go(-1, NULL);
    wait_for("exec", BW_PNOTE_PROBLEM, "it has ended");
    wait_for("conn", BW_PNOTE_OK, "");
}

/* A helper that does not answer, answers nonsense, answers others' questions, and begins anew. */
static void test_strange_helper(void **state)
{
    struct bw_job_answer answer = {.end = BW_JOB_DONE, .line = "forged"};
    struct bw_job job;
    int pair[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    add_command("exec", "true")->timeout_ns = 50 * BW_MS;
    go(pair[0], NULL);
    assert_int_equal(recv(pair[1], &job, sizeof(job), 0), sizeof(job));
    wait_for("exec", BW_PNOTE_PROBLEM, "it cannot be ended");
    wait_for("exec", BW_PNOTE_PROBLEM, "cannot be ended");
    assert_int_equal(send(pair[1], "nonsense", 8, 0), 8);
    answer.ticket = job.ticket + 7;
    assert_int_equal(send(pair[1], &answer, sizeof(answer), 0), sizeof(answer));
    answer.ticket = 99ULL << 32 | 1;
    assert_int_equal(send(pair[1], &answer, sizeof(answer), 0), sizeof(answer));
    usleep(300000);
    assert_int_equal(recv(pair[1], &job, sizeof(job), MSG_DONTWAIT), -1); /* none while one is under way */
    answer.ticket = 0;
    assert_int_equal(send(pair[1], &answer, sizeof(answer), 0), sizeof(answer));
    assert_int_equal(recv(pair[1], &job, sizeof(job), 0), sizeof(job));
    answer.ticket = job.ticket;
    bw_copy(answer.line, sizeof(answer.line), "well");
    assert_int_equal(send(pair[1], &answer, sizeof(answer), 0), sizeof(answer));
    wait_for("exec", BW_PNOTE_OK, "well");
    close(pair[1]);
    wait_for("exec", BW_PNOTE_PROBLEM, "it has ended");
}

static void test_commands(void **state)
{
    int runner = bw_runner_start();

    (void)state;
    assert_true(runner >= 0);
    add_command("good", "echo first; echo second; cat >/dev/null");
    add_command("bad", "echo oh >&2; exit 3");
    add_command("slow", "echo begun; sleep 1000 & sleep 1000")->timeout_ns = 100 * BW_MS;
    add_command("loud", "yes | head -c 10000000; exit 4");
    add("disk", BW_MONITOR_DISK);
    bw_copy(config.monitors[4].path, BW_PATH_MAX, "/");
    add("nodisk", BW_MONITOR_DISK);
    bw_copy(config.monitors[5].path, BW_PATH_MAX, "/nowhere/at/all");
    go(runner, NULL);
    wait_for("good", BW_PNOTE_OK, "first");
    wait_for("bad", BW_PNOTE_PROBLEM, "exit status 3: oh");
    wait_for("slow", BW_PNOTE_PROBLEM, "not done within 100 ms, killed: begun");
    wait_for("loud", BW_PNOTE_PROBLEM, "exit status 4: y");
    wait_for("disk", BW_PNOTE_OK, "free");
    wait_for("nodisk", BW_PNOTE_PROBLEM, "No such file");
}

static void happens(uint32_t member, const char *to)
{
    struct bw_event event = {.kind = BW_EVENT_ADDRESS, .member = member};

    bw_copy(event.to, sizeof(event.to), to);
    bw_format(event.reason, sizeof(event.reason), "%s at %u", to, member);
    bw_history_add(engine.history, &event);
}

/* Only what is new, of this member and a conflict counts. */
static void test_conflict(void **state)
{
    (void)state;
    config.cluster.members_count = 2;
    config.cluster.members[0].id = 1;
    config.cluster.members[1].id = 2;
    add("conflict", BW_MONITOR_CONFLICT);
    happens(1, "conflict");
    go(-1, NULL);
    wait_for("conflict", BW_PNOTE_OK, "nobody else");
    happens(1, "lost");
    happens(2, "conflict");
    usleep(500000);
    wait_for("conflict", BW_PNOTE_OK, "nobody else");
    happens(1, "conflict");
    wait_for("conflict", BW_PNOTE_PROBLEM, "conflict at 1");
}

static void hear_nothing(void *unused, struct bw_monitor *m)
{
    (void)unused;
    (void)m;
}

/* One check so many milliseconds after the last one, with a clock that is made up: the status then. */
static uint32_t checked(unsigned after_ms)
{
    struct bw_monitor *m = &monitors->monitors[0];

    monitors->now_ns += after_ms * BW_MS;
    m->busy = true;
    m->ops->begin(m);
    assert_false(m->busy);
    return m->tally.status;
}

/* A conflict counts for a minute after it was told last. */
static void test_conflict_is_over(void **state)
{
    static const struct bw_monitor_user nobody = {.verdict = hear_nothing};
    struct bw_surface_context context = {.config = &config, .board = engine.board, .mailbox = engine.mailbox, .history = engine.history};

    (void)state;
    config.cluster.members_count = 2;
    config.cluster.members[0].id = 1;
    config.cluster.members[1].id = 2;
    add("conflict", BW_MONITOR_CONFLICT);
    assert_int_equal(pthread_create(&engine.thread, NULL, run_engine, NULL), 0);
    assert_int_equal(bw_monitors_open(&context, -1, &monitors), 0);
    monitors->user = &nobody;
    monitors->now_ns = 1000000 * BW_SEC;
    assert_int_equal(checked(1000), BW_PNOTE_OK);
    happens(1, "conflict");
    assert_int_equal(checked(1000), BW_PNOTE_PROBLEM);
    assert_int_equal(checked(59999), BW_PNOTE_PROBLEM);
    assert_int_equal(checked(1), BW_PNOTE_OK);
    assert_string_equal(monitors->monitors[0].said, "nobody else answers for a virtual address");
    happens(1, "conflict");
    assert_int_equal(checked(1000), BW_PNOTE_PROBLEM);
    for (unsigned i = 0; i < 20; i++) { /* it goes on: the minute begins anew each time */
        happens(1, "conflict");
        assert_int_equal(checked(10000), BW_PNOTE_PROBLEM);
    }
    for (unsigned i = 0; i < 2000; i++) /* more than the history holds, and none of it is ours */
        happens(2, "conflict");
    assert_int_equal(checked(59999), BW_PNOTE_PROBLEM);
    assert_int_equal(checked(1), BW_PNOTE_OK);
    assert_int_equal(checked(3600000), BW_PNOTE_OK);
}

static void test_peers_clock(void **state)
{
    (void)state;
    add("clock", BW_MONITOR_CLOCK)->peers_ns = 500 * BW_MS;
    engine.peer_offset_ns = -(int64_t)(1500 * BW_MS);
    go(-1, NULL);
    wait_for("clock", BW_PNOTE_PROBLEM, "the clock of fw2 is 1.500 s behind this one");
    pthread_mutex_lock(&engine.lock);
    engine.peer_offset_ns = 600 * (int64_t)BW_MS;
    pthread_mutex_unlock(&engine.lock);
    wait_for("clock", BW_PNOTE_PROBLEM, "0.600 s ahead of");
    pthread_mutex_lock(&engine.lock);
    engine.peer_offset_ns = 400 * (int64_t)BW_MS;
    pthread_mutex_unlock(&engine.lock);
    for (int i = 0; i < 2000; i++) { /* what else it says is of this host's clock */
        bool over;

        pthread_mutex_lock(&engine.lock);
        over = strstr(row_of("clock")->detail, "fw2") == NULL;
        pthread_mutex_unlock(&engine.lock);
        if (over)
            return;
        usleep(5000);
    }
    fail_msg("still %s", row_of("clock")->detail);
}

static uint64_t cpu_ns(pthread_t thread)
{
    clockid_t clock;
    struct timespec t;

    assert_int_equal(pthread_getcpuclockid(thread, &clock), 0);
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * BW_SEC + (uint64_t)t.tv_nsec;
}

/* 36,000 echo requests a minute: printed, not judged; but every target must answer, and none but 127.0.0.2 be taken for it. */
static void test_many_pings(void **state)
{
    uint64_t before;
    unsigned requests;

    (void)state;
    for (int i = 0; i < BW_MAX_MONITORS; i++) {
        struct bw_monitor_config *m;
        char name[16];

        snprintf(name, sizeof(name), "p%d", i);
        m = add(name, BW_MONITOR_PING);
        m->timeout_ns = 80 * BW_MS;
        m->targets[m->targets_count++] = (struct bw_address){4, 32, {127, 0, 0, (uint8_t)(i + 1)}};
        if (i % 2)
            m->targets[m->targets_count++] = (struct bw_address){6, 128, {[15] = 1}};
        if (i == 7)
            m->targets[0] = (struct bw_address){4, 32, {127, 255, 255, 255}};
    }
    config.monitors[8].targets[0] = (struct bw_address){4, 32, {240, 0, 0, 1}};
    go(-1, NULL);
    wait_for("p1", BW_PNOTE_OK, "answers in");
    wait_for("p59", BW_PNOTE_OK, "answers in");
    wait_for("p8", BW_PNOTE_PROBLEM, "240.0.0.1");
    before = cpu_ns(monitors->thread);
    pthread_mutex_lock(&engine.lock);
    requests = engine.requests;
    pthread_mutex_unlock(&engine.lock);
    usleep(3000000);
    pthread_mutex_lock(&engine.lock);
    requests = engine.requests - requests;
    pthread_mutex_unlock(&engine.lock);
    printf("# 60 pings every 100 ms: %.2f %% of a core, %u requests to the engine a second\n",
           (double)(cpu_ns(monitors->thread) - before) / 3e7, requests / 3);
    assert_in_range(requests, 60, 600);
}

#define RUN(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUN(test_unit),      RUN(test_name),           RUN(test_mends),    RUN(test_deaf_engine),
        RUN(test_no_helper), RUN(test_strange_helper), RUN(test_commands), RUN(test_many_pings),
        RUN(test_conflict),  RUN(test_conflict_is_over),  RUN(test_peers_clock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
