/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Jobs of resources, by the real runner (agent/monitor/runner.c, warden.c): what stays, what is left, what is told
 * when, and that nothing survives that must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/monitor/job.h"
#include "bellwether/text.h"

#define PATIENCE_MS 20000

static int runner;
static char directory[64];

static struct bw_job job_of(uint64_t ticket, const char *text)
{
    struct bw_job job = {
        .ticket = ticket, .kind = BW_JOB_RESOURCE, .timeout_ns = 10 * BW_SEC, .grace_ns = 10 * BW_SEC, .words = 3};

    snprintf(job.command, sizeof(job.command), "/bin/sh%c-c%ccd %s; %s", 0, 0, directory, text);
    bw_copy(job.name, sizeof(job.name), "job");
    bw_copy(job.group, sizeof(job.group), "edge");
    bw_copy(job.action, sizeof(job.action), "start");
    return job;
}

static void submit(const struct bw_job *job)
{
    assert_int_equal(send(runner, job, sizeof(*job), 0), sizeof(*job));
}

static void cancel(uint64_t ticket)
{
    const struct bw_job job = {.kind = BW_JOB_CANCEL, .ticket = ticket};

    submit(&job);
}

/* The next answer, which must be of that end. */
static struct bw_job_answer expect(uint64_t ticket, uint32_t end)
{
    struct bw_job_answer answer = {0};
    struct pollfd p = {runner, POLLIN, 0};

    assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
    assert_int_equal(recv(runner, &answer, sizeof(answer), 0), sizeof(answer));
    if (answer.ticket != ticket || answer.end != end)
        fail_msg("answer %u to %lu, status %d \"%s\"; wanted %u to %lu", answer.end, (unsigned long)answer.ticket,
                 answer.status, answer.line, end, (unsigned long)ticket);
    return answer;
}

/* The number that a command wrote into a file, when it is there. */
static pid_t pid_in(const char *name)
{
    char path[128];
    int pid = 0;

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    for (int i = 0; i < PATIENCE_MS / 5 && pid == 0; i++) {
        FILE *f = fopen(path, "re");

        if (f == NULL || fscanf(f, "%d", &pid) != 1)
            usleep(5000);
        if (f != NULL)
            fclose(f);
    }
    assert_true(pid > 1);
    return pid;
}

static void must_make(const char *name)
{
    char path[128];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    f = fopen(path, "we");
    assert_non_null(f);
    fclose(f);
}

static void must_end(pid_t pid)
{
    for (int i = 0; i < PATIENCE_MS / 5; i++, usleep(5000))
        if (kill(pid, 0) != 0 && errno == ESRCH)
            return;
    fail_msg("process %d lives", (int)pid);
}

static void test_leaves(void **state)
{
    struct bw_job job = job_of(7, "sleep 1000 & echo $! > left.new; mv left.new left; echo $BELLWETHER_RESOURCE "
                                  "$BELLWETHER_GROUP $BELLWETHER_ACTION $BELLWETHER_MONITOR.");
    pid_t pid;

    (void)state;
    job.leaves = true;
    submit(&job);
    assert_string_equal(expect(7, BW_JOB_DONE).line, "job edge start .");
    expect(7, BW_JOB_GONE);
    pid = pid_in("left");
    assert_int_equal(kill(pid, 0), 0); /* it is left alone */
    kill(pid, SIGKILL);
    must_end(pid);
}

/* One that fails, or takes too long, leaves nothing. */
static void test_fails(void **state)
{
    struct bw_job job = job_of(8, "sleep 1000 & echo $! > failed; yes | head -c 100000; exit 3"), slow;
    struct bw_job_answer answer;

    (void)state;
    job.leaves = true;
    submit(&job);
    answer = expect(8, BW_JOB_DONE);
    assert_int_equal(answer.status, 3);
    assert_string_equal(answer.line, "y");
    expect(8, BW_JOB_GONE);
    must_end(pid_in("failed"));
    slow = job_of(9, "sleep 1000 & echo $! > slow; sleep 1000");
    slow.leaves = true;
    slow.timeout_ns = 100 * BW_MS;
    submit(&slow);
    expect(9, BW_JOB_LATE);
    expect(9, BW_JOB_GONE);
    slow = job_of(10, "echo $$ > begun; sleep 1000"); /* cancelled */
    slow.leaves = true;
    submit(&slow);
    pid_in("begun");
    cancel(11); /* another one */
    cancel(10);
    answer = expect(10, BW_JOB_LATE);
    expect(10, BW_JOB_GONE);
    must_end(pid_in("begun"));
}

static void test_stays(void **state)
{
    struct bw_job job = job_of(20, "exec sleep 1000");
    struct bw_job_answer answer;
    pid_t pid;

    (void)state;
    job.stays = true;
    job.timeout_ns = 1; /* means nothing */
    submit(&job);
    expect(20, BW_JOB_STARTED);
    cancel(20);
    answer = expect(20, BW_JOB_KILLED);
    assert_int_equal(answer.status, SIGTERM);
    expect(20, BW_JOB_GONE);

    job = job_of(21, "trap '' TERM; echo $$ > stubborn; while :; do sleep 1; done");
    job.stays = true;
    job.grace_ns = 200 * BW_MS;
    submit(&job);
    expect(21, BW_JOB_STARTED);
    pid = pid_in("stubborn");
    cancel(21);
    expect(21, BW_JOB_LATE);
    expect(21, BW_JOB_GONE);
    must_end(pid);

    job = job_of(22, "sleep 1000 & echo $! > child; until [ -e go ]; do sleep 0.05; done; exit 4");
    job.stays = true;
    submit(&job);
    expect(22, BW_JOB_STARTED);
    must_make("go");
    assert_int_equal(expect(22, BW_JOB_DONE).status, 4);
    expect(22, BW_JOB_GONE);
    must_end(pid_in("child"));
}

/* As another user: it is that user wholly, without any privilege, and can be ended; who does not exist runs nothing. */
static void test_other_user(void **state)
{
    struct bw_job job = job_of(60, "echo $(id -un) $(id -gn) $(id -G) $(grep CapEff /proc/self/status | cut -f2) $HOME");
    struct bw_job_answer answer;
    pid_t pid;

    (void)state;
    bw_copy(job.user, sizeof(job.user), "nobody");
    job.leaves = true;
    submit(&job);
    answer = expect(60, BW_JOB_DONE);
    assert_int_equal(answer.status, 0);
    assert_non_null(strstr(answer.line, "nobody nogroup 65534 0000000000000000"));
    expect(60, BW_JOB_GONE);

    job = job_of(61, "trap '' TERM; sleep 1000 & echo $! > theirs; echo $$ > owner; while :; do sleep 1; done");
    bw_copy(job.user, sizeof(job.user), "nobody");
    job.stays = true;
    job.grace_ns = 200 * BW_MS;
    submit(&job);
    expect(61, BW_JOB_STARTED);
    pid = pid_in("owner");
    assert_int_equal(kill(pid, 0), 0);
    cancel(61); /* heeds no TERM: killed, with all of its group */
    expect(61, BW_JOB_LATE);
    expect(61, BW_JOB_GONE);
    must_end(pid);
    must_end(pid_in("theirs"));

    job = job_of(62, "touch ran-as-nobody-else");
    bw_copy(job.user, sizeof(job.user), "no-such-user");
    job.leaves = true;
    submit(&job);
    answer = expect(62, BW_JOB_DONE);
    assert_int_not_equal(answer.status, 0);
    assert_non_null(strstr(answer.line, "no-such-user"));
    expect(62, BW_JOB_GONE);
}

static void test_cannot_run(void **state)
{
    struct bw_job job = job_of(30, "");
    struct bw_job_answer answer;

    (void)state;
    memcpy(job.command, "/nowhere/at/all", 16);
    job.words = 1;
    job.stays = true;
    submit(&job);
    answer = expect(30, BW_JOB_DONE); /* it never was started */
    assert_int_equal(answer.status, 127);
    assert_string_equal(answer.line, "cannot run /nowhere/at/all: No such file or directory");
    expect(30, BW_JOB_GONE);
}

/* Whoever watches over it is killed: so is it, and that is told. */
static void test_warden_killed(void **state)
{
    struct bw_job job = job_of(40, "echo $PPID > warden; echo $$ > watched; exec sleep 1000");

    (void)state;
    job.stays = true;
    submit(&job);
    expect(40, BW_JOB_STARTED);
    kill(pid_in("warden"), SIGKILL);
    expect(40, BW_JOB_GONE);
    must_end(pid_in("watched"));
}

/* The agent's end is the end of all that is watched. Last: it closes the socket. */
static void test_agent_ends(void **state)
{
    struct bw_job job =
        job_of(50, "trap '' TERM; sleep 1000 & echo $! > grandchild; echo $$ > service; wait; sleep 1000");

    (void)state;
    job.stays = true;
    submit(&job);
    expect(50, BW_JOB_STARTED);
    pid_in("service");
    close(runner);
    must_end(pid_in("service"));
    must_end(pid_in("grandchild"));
}

static int begin(void **state)
{
    (void)state;
    bw_copy(directory, sizeof(directory), "/tmp/bw-resource-XXXXXX");
    runner = bw_runner_start();
    if (mkdtemp(directory) == NULL || chmod(directory, 0777) != 0 || runner < 0) /* for any user's commands */
        return -1;
    expect(0, 0);
    return 0;
}

static int end(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", directory);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_other_user),
        cmocka_unit_test(test_leaves),     cmocka_unit_test(test_fails),         cmocka_unit_test(test_stays),
        cmocka_unit_test(test_cannot_run), cmocka_unit_test(test_warden_killed), cmocka_unit_test(test_agent_ends),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
