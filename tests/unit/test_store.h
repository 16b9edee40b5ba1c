/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For the tests of the store: a folder, a board with one small snapshot, a history, and the log's lines. Waits are
 * bounded by 10 s.
 */
#ifndef BELLWETHER_TESTS_TEST_STORE_H
#define BELLWETHER_TESTS_TEST_STORE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/store/disk.h"
#include "agent/store/files.h"
#include "bellwether/surface.h"
#include "bellwether/text.h"

struct stage {
    char folder[64]; /* state_dir is "store" in it */
    char log[80];    /* stderr goes there */
    int stderr_fd;   /* the real one */
    struct bw_config *config;
    struct bw_board *board;
    struct bw_history *history;
    struct bw_store *store;
    struct bw_core_start *start;
    struct bw_facts_desk *desk; /* NULL = none */
    struct bw_snapshot now; /* what the next post shows */
    struct bw_stats stats;  /* what the store says of itself */
};

/* Of a test that failed half-way; empty otherwise. */
static char stage_left[64];

/* Group teardown: takes away what a failed test left. */
static inline int stage_clean(void **state)
{
    char command[256];

    (void)state;
    if (!stage_left[0])
        return 0;
    snprintf(command, sizeof(command), "umount %s/store 2>/dev/null; rm -rf %s", stage_left, stage_left);
    stage_left[0] = '\0';
    return system(command);
}

static inline void stage_begin(struct stage *s)
{
    struct bw_cluster_config *c;
    int fd;

    stage_clean(NULL);
    memset(s, 0, sizeof(*s));
    strcpy(s->folder, "/tmp/bw-test-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    strcpy(stage_left, s->folder);
    snprintf(s->log, sizeof(s->log), "%s/log", s->folder);
    fd = open(s->log, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    s->stderr_fd = dup(STDERR_FILENO);
    dup2(fd, STDERR_FILENO);
    close(fd);
    s->config = calloc(1, sizeof(*s->config));
    s->start = calloc(1, sizeof(*s->start));
    c = &s->config->cluster;
    c->id = 17;
    c->members_count = 2;
    c->members[0].id = 1;
    c->members[1].id = 2;
    c->local = 0;
    snprintf(s->config->state_dir, sizeof(s->config->state_dir), "%s/store", s->folder);
    s->now.members_count = 2;
    s->now.members[0] = (struct bw_member_row){.id = 1, .local = true, .admin = BW_ADMIN_UP};
    s->now.members[1] = (struct bw_member_row){.id = 2, .admin = BW_ADMIN_MAINTENANCE, .admin_since_wall = 5};
}

static inline void stage_end(struct stage *s)
{
    dup2(s->stderr_fd, STDERR_FILENO);
    close(s->stderr_fd);
    free(s->config);
    free(s->start);
    assert_int_equal(stage_clean(NULL), 0);
}

static inline void stage_load(struct stage *s)
{
    s->board = bw_board_new();
    s->history = bw_history_new();
    assert_non_null(s->board);
    assert_non_null(s->history);
    memset(s->start, 0xee, sizeof(*s->start)); /* load sets what is its own */
    bw_store_load(s->config, s->history, s->start);
}

static inline void stage_run(struct stage *s)
{
    struct bw_surface_context context = {.config = s->config};

    stage_load(s);
    context.board = s->board;
    context.history = s->history;
    context.rows.facts = s->desk;
    context.stats = &s->stats;
    assert_int_equal(bw_store_start(&context, &s->store), 0);
}

static inline void stage_stop(struct stage *s)
{
    if (s->store)
        bw_store_stop(s->store);
    s->store = NULL;
    bw_board_free(s->board);
    bw_history_free(s->history);
}

static inline void stage_post(struct stage *s)
{
    uint64_t number;
    struct bw_snapshot *draft = bw_board_draft(s->board);

    number = draft->number;
    *draft = s->now;
    draft->number = number;
    bw_board_post(s->board);
}

static inline void stage_event(struct stage *s, const char *reason)
{
    struct bw_event event = {.time_wall = 1767225600000000000LL, .kind = BW_EVENT_ADMIN, .member = 1};

    bw_copy(event.reason, sizeof(event.reason), reason);
    bw_history_add(s->history, &event);
}

static inline const char *stage_path(const struct stage *s, const char *name)
{
    static char path[256];

    snprintf(path, sizeof(path), "%s/%s", s->config->state_dir, name);
    return path;
}

static inline bool stage_exists(const struct stage *s, const char *name)
{
    struct stat st;

    return lstat(stage_path(s, name), &st) == 0;
}

/* How often the text stands in the log. */
static inline unsigned stage_said(const struct stage *s, const char *text)
{
    char all[65536];
    FILE *f = fopen(s->log, "r");
    unsigned count = 0;

    assert_non_null(f);
    all[fread(all, 1, sizeof(all) - 1, f)] = '\0';
    fclose(f);
    for (const char *at = strstr(all, text); at; at = strstr(at + 1, text))
        count++;
    return count;
}

/* A look at the files while the store runs. Returns the newest number in a sound history, 0 when there is none. */
static inline uint64_t stage_written(const struct stage *s)
{
    struct bw_store_place place = {.path = s->config->state_dir, .cluster = 17, .member = 1};
    struct bw_kept_file file;

    place.dir = open(place.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (place.dir < 0)
        return 0;
    bw_store_read_history(&place, NULL, false, &file);
    close(place.dir);
    return file.sound ? file.last : 0;
}

static inline uint32_t stage_admin(const struct stage *s)
{
    struct bw_store_place place = {.path = s->config->state_dir, .cluster = 17, .member = 1};
    struct bw_kept_admin admin;
    struct bw_kept_file file;

    place.dir = open(place.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (place.dir < 0)
        return 0;
    bw_store_read_admin(&place, &admin, false, &file);
    close(place.dir);
    return file.sound ? admin.admin : 0;
}

#define STAGE_WAIT(condition)                                                                                          \
    do {                                                                                                               \
        int tries = 0;                                                                                                 \
                                                                                                                       \
        while (!(condition) && tries++ < 1000)                                                                         \
            usleep(10000);                                                                                             \
        assert_true(condition);                                                                                        \
    } while (0)

#endif
