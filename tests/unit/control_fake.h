/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A control surface on the fixed snapshot, with a thread in place of the engine: it posts the fixture ten times a
 * second and answers the mailbox. A request is done, but: member 2 down is refused, a group move answers late, "slow"
 * pnotes take a second, "never" is not answered at all. The last request is kept for the test to look at.
 */
#ifndef BELLWETHER_TESTS_CONTROL_FAKE_H
#define BELLWETHER_TESTS_CONTROL_FAKE_H

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bellwether/surface.h"
#include "bellwether/text.h"
#include "tests/unit/fixture.h"

struct bw_fake {
    struct bw_config config;
    struct bw_surface_context context;
    struct bw_control *control;
    struct bw_snapshot *snapshot;
    char folder[64];
    pthread_t thread;
    atomic_bool stop;
    atomic_bool halt;   /* the engine shall stand still: no posts */
    atomic_bool halted; /* … and does */
    atomic_uint requests;
    pthread_mutex_t lock;
    struct bw_request last;
};

static inline uint64_t bw_fake_now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_BOOTTIME, &ts);
    return (uint64_t)ts.tv_sec * BW_SEC + (uint64_t)ts.tv_nsec;
}

static inline void bw_fake_post(struct bw_fake *fake)
{
    struct bw_snapshot *draft = bw_board_draft(fake->context.board);

    *draft = *fake->snapshot;
    draft->posted_ns = bw_fake_now_ns();
    bw_board_post(fake->context.board);
}

/* Answers one request. Returns false for one that is never answered. */
static inline bool bw_fake_answer(const struct bw_request *request, struct bw_answer *answer, uint64_t *due_ns)
{
    *answer = (struct bw_answer){BW_RESULT_DONE, ""};
    *due_ns = 0;
    if (request->kind == BW_REQUEST_ADMIN && request->member == 2 && request->admin == BW_ADMIN_DOWN) {
        answer->result = BW_RESULT_REFUSED;
        bw_copy(answer->text, sizeof(answer->text), "no member would be left active: use --force");
    } else if (request->kind == BW_REQUEST_ADMIN && request->member == 2 && request->admin == BW_ADMIN_MAINTENANCE) {
        answer->result = BW_RESULT_PENDING;
        bw_copy(answer->text, sizeof(answer->text), "taken on by fw2");
    } else if (request->kind == BW_REQUEST_RELOAD) {
        answer->result = BW_RESULT_REFUSED;
        bw_copy(answer->text, sizeof(answer->text), "not in this version");
    } else if (strcmp(request->name, "slow") == 0) {
        *due_ns = bw_fake_now_ns() + BW_SEC;
    } else if (strcmp(request->name, "missing") == 0) {
        answer->result = BW_RESULT_NOT_FOUND;
        bw_copy(answer->text, sizeof(answer->text), "there is no pnote \"missing\"");
    }
    return strcmp(request->name, "never") != 0;
}

static inline void *bw_fake_engine(void *argument)
{
    struct bw_fake *fake = argument;
    struct {
        uint64_t ticket, due_ns;
        struct bw_answer answer;
    } late[16];
    unsigned late_count = 0;
    struct bw_request request;
    uint64_t ticket;

    while (!fake->stop) {
        struct pollfd poll_fd = {.fd = bw_mailbox_fd(fake->context.mailbox), .events = POLLIN};

        poll(&poll_fd, 1, 20);
        while ((ticket = bw_mailbox_take(fake->context.mailbox, &request)) != 0) {
            struct bw_answer answer;
            uint64_t due_ns;

            pthread_mutex_lock(&fake->lock);
            fake->last = request;
            pthread_mutex_unlock(&fake->lock);
            fake->requests++;
            if (!bw_fake_answer(&request, &answer, &due_ns))
                continue;
            if (due_ns == 0 || late_count == 16) {
                bw_mailbox_answer(fake->context.mailbox, ticket, &answer);
            } else {
                late[late_count].ticket = ticket;
                late[late_count].due_ns = due_ns;
                late[late_count++].answer = answer;
            }
        }
        for (unsigned i = 0; i < late_count;) {
            if (bw_fake_now_ns() < late[i].due_ns) {
                i++;
                continue;
            }
            bw_mailbox_answer(fake->context.mailbox, late[i].ticket, &late[i].answer);
            late[i] = late[--late_count];
        }
        fake->halted = fake->halt;
        if (!fake->halted)
            bw_fake_post(fake);
    }
    return NULL;
}

/* Stops the posts, so that the test may change fake->snapshot and post itself, or lets them go on. */
static inline void bw_fake_halt(struct bw_fake *fake, bool halt)
{
    fake->halt = halt;
    while (fake->halted != halt)
        usleep(1000);
}

/* The last request that the engine got. */
static inline struct bw_request bw_fake_last(struct bw_fake *fake)
{
    struct bw_request last;

    pthread_mutex_lock(&fake->lock);
    last = fake->last;
    pthread_mutex_unlock(&fake->lock);
    return last;
}

/* Everything but the control surface: board, mailbox, history and the engine's stand-in. socket NULL: in a folder of
 * its own. */
static inline void bw_fake_start(struct bw_fake *fake, const char *socket)
{
    memset(fake, 0, sizeof(*fake));
    pthread_mutex_init(&fake->lock, NULL);
    if (socket == NULL) {
        bw_copy(fake->folder, sizeof(fake->folder), "/tmp/bw-control-XXXXXX");
        if (mkdtemp(fake->folder) == NULL)
            abort();
        snprintf(fake->config.control.socket, BW_PATH_MAX, "%s/sub/control.sock", fake->folder);
    } else {
        bw_copy(fake->config.control.socket, BW_PATH_MAX, socket);
    }
    fake->snapshot = calloc(1, sizeof(*fake->snapshot));
    fake->context.config = &fake->config;
    fake->context.board = bw_board_new();
    fake->context.mailbox = bw_mailbox_new();
    fake->context.history = bw_history_new();
    if (fake->snapshot == NULL || fake->context.board == NULL || fake->context.mailbox == NULL ||
        fake->context.history == NULL)
        abort();
    bw_fixture_fill(fake->snapshot);
    bw_fixture_history(fake->context.history);
    bw_fake_post(fake);
    if (pthread_create(&fake->thread, NULL, bw_fake_engine, fake) != 0)
        abort();
}

static inline void bw_fake_stop(struct bw_fake *fake)
{
    char path[96];

    bw_control_stop(fake->control);
    fake->control = NULL;
    fake->stop = true;
    pthread_join(fake->thread, NULL);
    bw_board_free(fake->context.board);
    bw_mailbox_free(fake->context.mailbox);
    bw_history_free(fake->context.history);
    free(fake->snapshot);
    pthread_mutex_destroy(&fake->lock);
    if (fake->folder[0] != '\0') {
        snprintf(path, sizeof(path), "%s/sub", fake->folder);
        rmdir(path);
        rmdir(fake->folder);
    }
}

#endif
