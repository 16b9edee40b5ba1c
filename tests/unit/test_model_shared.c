/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Board, history and mailbox between threads: agent/model/. Run under TSan, too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bellwether/board.h"
#include "bellwether/history.h"
#include "bellwether/mailbox.h"

#define POSTS 20000

/* cmocka's asserts are for the main thread: others count what they find wrong. */
struct shared {
    struct bw_board *board;
    struct bw_history *history;
    struct bw_mailbox *mailbox;
    _Atomic int wrong;
    _Atomic int done;
    enum bw_reader reader;
};

struct reader_arg {
    struct shared *shared;
    enum bw_reader reader;
};

static void fill(struct bw_snapshot *s, uint32_t value)
{
    s->members_count = value;
    for (int i = 0; i < BW_MAX_MEMBERS; i++)
        s->members[i].id = value;
    s->pnotes[BW_MAX_MEMBERS * BW_MAX_PNOTES - 1].member = value;
}

static void *read_board(void *argument)
{
    struct reader_arg *arg = argument;
    uint64_t last = 0;

    while (!atomic_load(&arg->shared->done)) {
        const struct bw_snapshot *s = bw_board_take(arg->shared->board, arg->reader);
        uint32_t value = s->members_count;

        if (s->number < last)
            atomic_fetch_add(&arg->shared->wrong, 1);
        last = s->number;
        for (int i = 0; i < BW_MAX_MEMBERS; i++)
            if (s->members[i].id != value)
                atomic_fetch_add(&arg->shared->wrong, 1);
        if (s->pnotes[BW_MAX_MEMBERS * BW_MAX_PNOTES - 1].member != value)
            atomic_fetch_add(&arg->shared->wrong, 1);
        if (value % 3 == 0)
            bw_board_release(arg->shared->board, arg->reader);
    }
    return NULL;
}

static void board_never_shows_a_torn_snapshot(void **state)
{
    struct shared shared = {.board = bw_board_new()};
    struct reader_arg args[BW_READERS];
    pthread_t threads[BW_READERS];

    (void)state;
    for (int i = 0; i < BW_READERS; i++) {
        args[i] = (struct reader_arg){&shared, (enum bw_reader)i};
        assert_int_equal(pthread_create(&threads[i], NULL, read_board, &args[i]), 0);
    }
    for (uint32_t n = 1; n <= POSTS; n++) {
        fill(bw_board_draft(shared.board), n);
        bw_board_post(shared.board);
    }
    atomic_store(&shared.done, 1);
    for (int i = 0; i < BW_READERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&shared.wrong), 0);
    assert_int_equal(bw_board_take(shared.board, BW_READER_HTTP)->number, POSTS);
    bw_board_free(shared.board);
}

static void board_wakes_readers_and_keeps_what_is_held(void **state)
{
    struct bw_board *board = bw_board_new();
    int fd = bw_board_wakeup_fd(board, BW_READER_SNMP);
    struct pollfd poller = {fd, POLLIN, 0};
    const struct bw_snapshot *held;
    uint64_t count;

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(bw_board_wakeup_fd(board, BW_READER_SNMP), fd);
    assert_int_equal(poll(&poller, 1, 0), 0);
    fill(bw_board_draft(board), 1);
    bw_board_post(board);
    assert_int_equal(poll(&poller, 1, 0), 1);
    assert_int_equal(read(fd, &count, sizeof(count)), sizeof(count));
    held = bw_board_take(board, BW_READER_SNMP);
    for (uint32_t n = 2; n < 50; n++) {
        fill(bw_board_draft(board), n);
        bw_board_post(board);
    }
    assert_int_equal(held->members_count, 1);
    assert_int_equal(held->number, 1);
    bw_board_free(board);
}

static void *read_history(void *argument)
{
    struct shared *shared = argument;

    while (!atomic_load(&shared->done)) {
        uint64_t first, last;
        struct bw_event event;

        bw_history_range(shared->history, &first, &last);
        for (uint64_t n = first; n != 0 && n <= last && n < first + 20; n++) {
            char expected[BW_NAME_MAX];

            if (bw_history_read(shared->history, n, &event) != 0)
                continue; /* overwritten meanwhile */
            snprintf(expected, sizeof(expected), "object %llu", (unsigned long long)n);
            if (event.number != n || strcmp(event.object, expected) != 0)
                atomic_fetch_add(&shared->wrong, 1);
        }
    }
    return NULL;
}

static void history_never_shows_a_torn_event(void **state)
{
    struct shared shared = {.history = bw_history_new()};
    pthread_t threads[2];
    uint64_t first, last;
    struct bw_event event;

    (void)state;
    bw_history_range(shared.history, &first, &last);
    assert_int_equal(first, 0);
    assert_int_equal(last, 0);
    assert_int_equal(bw_history_read(shared.history, 1, &event), -ENOENT);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_history, &shared), 0);
    for (uint64_t n = 1; n <= 50000; n++) {
        memset(&event, 0, sizeof(event));
        snprintf(event.object, sizeof(event.object), "object %llu", (unsigned long long)n);
        assert_int_equal(bw_history_add(shared.history, &event), n);
    }
    atomic_store(&shared.done, 1);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&shared.wrong), 0);
    bw_history_range(shared.history, &first, &last);
    assert_int_equal(last, 50000);
    assert_int_equal(last - first + 1, BW_MAX_HISTORY);
    assert_int_equal(bw_history_read(shared.history, first, &event), 0);
    bw_history_free(shared.history);
}

static void history_is_restored_with_its_numbers(void **state)
{
    struct bw_history *history = bw_history_new();
    struct bw_event event = {.number = 41};
    uint64_t first, last;

    (void)state;
    bw_history_restore(history, &event);
    event.number = 43; /* 42 was damaged */
    bw_history_restore(history, &event);
    event.number = 40; /* not newer: left out */
    bw_history_restore(history, &event);
    assert_int_equal(bw_history_add(history, &event), 44);
    bw_history_range(history, &first, &last);
    assert_int_equal(first, 41);
    assert_int_equal(last, 44);
    assert_int_equal(bw_history_read(history, 42, &event), -ENOENT);
    assert_int_equal(bw_history_read(history, 43, &event), 0);
    bw_history_free(history);
}

/* A stand-in for the engine: answers with the request's name. */
static void *answer_requests(void *argument)
{
    struct shared *shared = argument;

    while (!atomic_load(&shared->done)) {
        struct pollfd poller = {bw_mailbox_fd(shared->mailbox), POLLIN, 0};
        struct bw_request request;
        uint64_t ticket;

        poll(&poller, 1, 50);
        while ((ticket = bw_mailbox_take(shared->mailbox, &request)) != 0) {
            struct bw_answer answer = {BW_RESULT_DONE, ""};
            snprintf(answer.text, sizeof(answer.text), "%s", request.name);
            bw_mailbox_answer(shared->mailbox, ticket, &answer);
        }
    }
    return NULL;
}

static void *ask_requests(void *argument)
{
    struct shared *shared = argument;

    for (unsigned i = 0; i < 3000; i++) {
        struct bw_request request = {.kind = BW_REQUEST_PNOTE_REPORT};
        struct bw_answer answer;
        unsigned timeout_ms = i % 5 == 0 ? 0 : i % 7 == 0 ? 1 : 5000;

        snprintf(request.name, sizeof(request.name), "%p %u", (void *)&request, i);
        bw_mailbox_ask(shared->mailbox, &request, &answer, timeout_ms);
        if (answer.result == BW_RESULT_DONE && strcmp(answer.text, request.name) != 0)
            atomic_fetch_add(&shared->wrong, 1);
        if (answer.result == BW_RESULT_TIMEOUT && timeout_ms == 5000)
            atomic_fetch_add(&shared->wrong, 1);
    }
    return NULL;
}

static void mailbox_gives_everyone_his_own_answer(void **state)
{
    struct shared shared = {.mailbox = bw_mailbox_new()};
    pthread_t engine, askers[4];

    (void)state;
    assert_int_equal(pthread_create(&engine, NULL, answer_requests, &shared), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&askers[i], NULL, ask_requests, &shared), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(askers[i], NULL);
    atomic_store(&shared.done, 1);
    pthread_join(engine, NULL);
    assert_int_equal(atomic_load(&shared.wrong), 0);
    bw_mailbox_free(shared.mailbox);
}

static void mailbox_is_bounded_and_in_order(void **state)
{
    struct bw_mailbox *mailbox = bw_mailbox_new();
    struct bw_request request = {.kind = BW_REQUEST_PNOTE_REPORT};
    struct bw_answer answer, done = {BW_RESULT_DONE, ""};
    unsigned taken_on = 0, taken = 0;
    uint64_t ticket;

    (void)state;
    for (unsigned i = 0; i < 200; i++) {
        request.member = i + 1;
        if (bw_mailbox_ask(mailbox, &request, &answer, 0) == BW_RESULT_PENDING)
            taken_on++;
        else
            assert_int_equal(answer.result, BW_RESULT_BUSY);
    }
    assert_in_range(taken_on, 16, 199);
    assert_int_equal(bw_mailbox_refused(mailbox), 200 - taken_on);
    while ((ticket = bw_mailbox_take(mailbox, &request)) != 0) {
        assert_int_equal(request.member, ++taken);
        bw_mailbox_answer(mailbox, ticket, &done);
    }
    assert_int_equal(taken, taken_on);
    assert_int_equal(bw_mailbox_ask(mailbox, &request, &answer, 20), BW_RESULT_TIMEOUT);
    assert_int_equal(bw_mailbox_take(mailbox, &request), 0); /* withdrawn with its asker */
    bw_mailbox_free(mailbox);
}

static void *ask_for_long(void *argument)
{
    struct shared *shared = argument;
    struct bw_request request = {.kind = BW_REQUEST_PNOTE_REPORT};
    struct bw_answer answer;

    if (bw_mailbox_ask(shared->mailbox, &request, &answer, 60000) != BW_RESULT_BUSY)
        atomic_fetch_add(&shared->wrong, 1);
    return NULL;
}

static void closing_answers_all_that_wait(void **state)
{
    struct shared shared = {.mailbox = bw_mailbox_new()};
    struct bw_request request;
    struct bw_answer answer;
    pthread_t threads[2];

    (void)state;
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_for_long, &shared), 0);
    while (bw_mailbox_take(shared.mailbox, &request) == 0) /* one taken and never answered, one waiting */
        usleep(1000);
    usleep(20000);
    bw_mailbox_close(shared.mailbox);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&shared.wrong), 0);
    assert_int_equal(bw_mailbox_ask(shared.mailbox, &request, &answer, 1000), BW_RESULT_BUSY);
    bw_mailbox_free(shared.mailbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(board_never_shows_a_torn_snapshot),
        cmocka_unit_test(board_wakes_readers_and_keeps_what_is_held),
        cmocka_unit_test(history_never_shows_a_torn_event),
        cmocka_unit_test(history_is_restored_with_its_numbers),
        cmocka_unit_test(mailbox_gives_everyone_his_own_answer),
        cmocka_unit_test(mailbox_is_bounded_and_in_order),
        cmocka_unit_test(closing_answers_all_that_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
