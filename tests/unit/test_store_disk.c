/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The store on a disk that is full, read-only, or gone: agent/store/. In a mount namespace of its own. */
#include "test_store.h"

#include <sched.h>
#include <sys/mount.h>
#include <time.h>

/* A disk of 64 KiB under the stage's state_dir. */
static void mount_disk(struct stage *s)
{
    stage_begin(s);
    assert_int_equal(mkdir(s->config->state_dir, 0755), 0);
    assert_int_equal(mount("disk", s->config->state_dir, "tmpfs", 0, "size=64k"), 0);
    strcat(s->config->state_dir, "/state");
}

static void unmount_disk(struct stage *s)
{
    *strrchr(s->config->state_dir, '/') = '\0';
    assert_int_equal(umount(s->config->state_dir), 0);
    stage_end(s);
}

/* Takes all the space that is left. */
static void fill_disk(const struct stage *s)
{
    char block[1024] = {1};
    int fd = open(stage_path(s, "../filler"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    while (write(fd, block, sizeof(block)) > 0)
        continue;
    assert_int_equal(errno, ENOSPC);
    close(fd);
}

#define EVENTS 10 /* of one change */

static void change(struct stage *s, uint32_t admin)
{
    s->now.members[0].admin = admin;
    s->now.members[0].admin_since_wall++;
    for (unsigned i = 0; i < EVENTS; i++)
        stage_event(s,
                    "an event whose reason is so long that ten such events need more than one page of the small disk");
    stage_post(s);
}

/* Full: said once, nothing torn, and all of it written when there is space again. */
static void test_full(void **state)
{
    struct stage s;
    struct stat st;

    (void)state;
    mount_disk(&s);
    stage_run(&s);
    change(&s, BW_ADMIN_DOWN);
    STAGE_WAIT(stage_written(&s) == EVENTS && stage_admin(&s) == BW_ADMIN_DOWN);
    fill_disk(&s);
    change(&s, BW_ADMIN_MAINTENANCE);
    STAGE_WAIT(stage_said(&s, "No space left on device; tried again every second") == 1);
    for (unsigned i = 0; i < 25; i++) { /* over several tries */
        change(&s, i % 2 ? BW_ADMIN_UP : BW_ADMIN_MAINTENANCE);
        usleep(100000);
    }
    assert_int_equal(stage_said(&s, "No space left"), 1);
    /* Sound still; what fits into the rest of its last page may have been added. */
    assert_in_range(stage_written(&s), EVENTS, 26 * EVENTS);
    assert_int_equal(stage_admin(&s), BW_ADMIN_DOWN);
    assert_int_equal(stat(stage_path(&s, "admin.tmp"), &st), -1);
    assert_int_equal(unlink(stage_path(&s, "../filler")), 0);
    STAGE_WAIT(stage_said(&s, "everything is written again") == 1);
    assert_int_equal(stage_written(&s), 27 * EVENTS);
    assert_int_equal(stage_admin(&s), BW_ADMIN_MAINTENANCE);
    stage_stop(&s);
    stage_load(&s);
    assert_int_equal(s.start->admin, BW_ADMIN_MAINTENANCE);
    assert_int_equal(stage_said(&s, "damaged"), 0);
    stage_stop(&s);
    unmount_disk(&s);
}

static void remount(const struct stage *s, unsigned long flags)
{
    char path[128];

    strcpy(path, s->config->state_dir);
    *strrchr(path, '/') = '\0';
    assert_int_equal(mount("disk", path, NULL, MS_REMOUNT | flags, "size=64k"), 0);
}

static void test_read_only(void **state)
{
    struct stage s;

    (void)state;
    mount_disk(&s);
    stage_run(&s);
    change(&s, BW_ADMIN_DOWN);
    STAGE_WAIT(stage_written(&s) == EVENTS);
    remount(&s, MS_RDONLY);
    change(&s, BW_ADMIN_MAINTENANCE);
    STAGE_WAIT(stage_said(&s, "Read-only file system; tried again every second") == 1);
    remount(&s, 0);
    STAGE_WAIT(stage_written(&s) == 2 * EVENTS && stage_admin(&s) == BW_ADMIN_MAINTENANCE);
    stage_stop(&s);
    unmount_disk(&s);
}

/* A start on a disk that can't be written, with a damaged file on it: what can be read is read; once it can be written
 * the damaged file is set aside then. */
static void test_damaged_read_only(void **state)
{
    struct stage s;
    uint64_t first, last;
    int fd;

    (void)state;
    mount_disk(&s);
    stage_run(&s);
    change(&s, BW_ADMIN_DOWN);
    stage_stop(&s);
    fd = open(stage_path(&s, "history"), O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "spoilt", 6, 1000), 6);
    close(fd);
    remount(&s, MS_RDONLY);
    stage_run(&s);
    assert_int_equal(s.start->admin, BW_ADMIN_DOWN);
    bw_history_range(s.history, &first, &last);
    assert_int_equal(last, EVENTS);
    assert_int_equal(stage_said(&s, "cannot be renamed to history.damaged: Read-only file system"), 1);
    change(&s, BW_ADMIN_UP);
    STAGE_WAIT(stage_said(&s, "tried again every second") == 1);
    remount(&s, 0);
    STAGE_WAIT(stage_written(&s) == 2 * EVENTS);
    assert_true(stage_exists(&s, "history.damaged"));
    stage_stop(&s);
    unmount_disk(&s);
}

/* No directory can be made at first; and one that somebody removes later comes back with all that was in it. */
static void test_directory(void **state)
{
    char command[160], blocker[128];
    struct stage s;
    int fd;

    (void)state;
    mount_disk(&s);
    snprintf(blocker, sizeof(blocker), "%s", s.config->state_dir);
    fd = open(blocker, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
    stage_run(&s);
    assert_int_equal(stage_said(&s, "Not a directory; starting without history"), 1);
    change(&s, BW_ADMIN_DOWN);
    usleep(100000);
    assert_int_equal(unlink(blocker), 0);
    STAGE_WAIT(stage_written(&s) == EVENTS && stage_admin(&s) == BW_ADMIN_DOWN);
    snprintf(command, sizeof(command), "rm -r %s", s.config->state_dir);
    assert_int_equal(system(command), 0);
    stage_event(&s, "one more");
    stage_post(&s);
    STAGE_WAIT(stage_written(&s) == EVENTS + 1 && stage_admin(&s) == BW_ADMIN_DOWN);
    assert_int_equal(unlink(stage_path(&s, "history")), 0);
    stage_event(&s, "and one");
    stage_post(&s);
    STAGE_WAIT(stage_written(&s) == EVENTS + 2);
    stage_stop(&s);
    unmount_disk(&s);
}

/* What whoever asked for this is told, when the engine said "done". */
static const char *qualified(struct stage *s, struct bw_request request, enum bw_result result)
{
    struct bw_surface_context context = {.config = s->config, .stats = &s->stats};
    static struct bw_answer answer;

    answer = (struct bw_answer){.result = result};
    bw_store_qualify(&context, &request, &answer);
    assert_int_equal(answer.result, result);
    return answer.text;
}

/* A disk that is full says so before there is anything to write, to the counters and to whoever asks for something that
 * has to be kept; and again once it is well. */
static void test_told(void **state)
{
    static const char text[] = "but not kept on disk, state_dir cannot be written: No space left on device";
    const struct bw_request admin = {.kind = BW_REQUEST_ADMIN}, other = {.kind = BW_REQUEST_ADMIN, .member = 2},
                            once = {.kind = BW_REQUEST_PNOTE_REGISTER},
                            persistent = {.kind = BW_REQUEST_PNOTE_REGISTER, .persistent = true},
                            stop = {.kind = BW_REQUEST_GROUP_STOP, .group = 1}, move = {.kind = BW_REQUEST_GROUP_MOVE};
    struct stage s;

    (void)state;
    mount_disk(&s);
    stage_run(&s);
    assert_int_equal(atomic_load(&s.stats.store_writable), 1);
    change(&s, BW_ADMIN_DOWN);
    STAGE_WAIT(stage_written(&s) == EVENTS && stage_admin(&s) == BW_ADMIN_DOWN);
    assert_string_equal(qualified(&s, admin, BW_RESULT_DONE), "");
    fill_disk(&s);
    STAGE_WAIT(atomic_load(&s.stats.store_writable) == 0);
    assert_int_equal(atomic_load(&s.stats.store_error), ENOSPC);
    assert_string_equal(qualified(&s, admin, BW_RESULT_DONE), text);
    assert_string_equal(qualified(&s, persistent, BW_RESULT_DONE), text);
    assert_string_equal(qualified(&s, stop, BW_RESULT_DONE), text);
    assert_string_equal(qualified(&s, admin, BW_RESULT_REFUSED), "");
    assert_string_equal(qualified(&s, other, BW_RESULT_DONE), "");
    assert_string_equal(qualified(&s, once, BW_RESULT_DONE), "");
    assert_string_equal(qualified(&s, move, BW_RESULT_DONE), "");
    assert_int_equal(unlink(stage_path(&s, "../filler")), 0);
    STAGE_WAIT(atomic_load(&s.stats.store_writable) == 1);
    assert_int_equal(atomic_load(&s.stats.store_error), 0);
    assert_string_equal(qualified(&s, admin, BW_RESULT_DONE), "");
    remount(&s, MS_RDONLY);
    STAGE_WAIT(atomic_load(&s.stats.store_writable) == 0);
    assert_int_equal(atomic_load(&s.stats.store_error), EROFS);
    remount(&s, 0);
    stage_stop(&s);
    unmount_disk(&s);
}

/* A write that does not come back is none; nor is there one where no store runs. */
static void test_hanging(void **state)
{
    struct bw_stats stats = {0};

    (void)state;
    assert_false(bw_stats_store_writable(&stats, BW_SEC));
    atomic_store(&stats.store_writable, 1);
    assert_true(bw_stats_store_writable(&stats, BW_SEC));
    atomic_store(&stats.store_since_ns, 100 * BW_SEC);
    assert_true(bw_stats_store_writable(&stats, 104 * BW_SEC));
    assert_false(bw_stats_store_writable(&stats, 106 * BW_SEC));
}

/* While the disk is full the store ends in time. */
static void test_stop_full(void **state)
{
    struct timespec before, after;
    struct stage s;

    (void)state;
    mount_disk(&s);
    stage_run(&s);
    fill_disk(&s);
    change(&s, BW_ADMIN_DOWN);
    clock_gettime(CLOCK_MONOTONIC, &before);
    stage_stop(&s);
    clock_gettime(CLOCK_MONOTONIC, &after);
    assert_true(after.tv_sec - before.tv_sec < 5);
    unmount_disk(&s);
}

static int own_mounts(void **state)
{
    (void)state;
    if (unshare(CLONE_NEWNS))
        return -1;
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full),      cmocka_unit_test(test_read_only), cmocka_unit_test(test_damaged_read_only),
        cmocka_unit_test(test_directory), cmocka_unit_test(test_stop_full), cmocka_unit_test(test_told),
        cmocka_unit_test(test_hanging),
    };

    return cmocka_run_group_tests(tests, own_mounts, stage_clean);
}
