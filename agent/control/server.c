/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket's server: bw_control_start, bw_control_stop and the I/O thread between them. The thread polls,
 * accepts, moves each client on, and drops those whose time is over. When all places are taken the client that has been
 * idle longest goes.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/control/control.h"
#include "bellwether/log.h"
#include "bellwether/text.h"

#define STOP_ANSWERS_MS 200 /* what is being written at a stop may still be taken */

static bool is_ending(struct bw_control *control)
{
    bool ending;

    pthread_mutex_lock(&control->lock);
    ending = control->ending;
    pthread_mutex_unlock(&control->lock);
    return ending;
}

static struct bw_control_client *free_place(struct bw_control *control)
{
    struct bw_control_client *oldest = NULL;

    for (int i = 0; i < BW_CONTROL_CLIENTS; i++) {
        struct bw_control_client *client = &control->clients[i];

        if (client->phase == BW_CLIENT_FREE)
            return client;
        if (client->phase != BW_CLIENT_ASKING && (oldest == NULL || client->idle_since_ns < oldest->idle_since_ns))
            oldest = client;
    }
    if (oldest != NULL) /* never NULL: fewer can be asking than there are places */
        bw_control_client_close(oldest);
    return oldest;
}

/* Accepts one; the rest wait for the next turn, so that those who have a place go on in between. */
static void accept_one(struct bw_control *control, uint64_t now_ns)
{
    struct bw_control_client *client;
    int fd = accept4(control->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE) { /* out of descriptors: make room rather than spin */
            for (int i = 0; i < BW_CONTROL_CLIENTS; i++)
                if (control->clients[i].phase == BW_CLIENT_READING)
                    bw_control_client_close(&control->clients[i]);
            poll(NULL, 0, 100);
        }
        return;
    }
    client = free_place(control);
    if (client != NULL)
        bw_control_client_open(control, client, fd, now_ns);
    else
        close(fd);
}

static void take_replies(struct bw_control *control, uint64_t now_ns)
{
    uint64_t count;

    (void)!read(control->wake_fd, &count, sizeof(count));
    for (int i = 0; i < BW_CONTROL_CLIENTS; i++) {
        struct bw_control_client *client = &control->clients[i];
        bool replied;

        pthread_mutex_lock(&control->lock);
        replied = client->phase == BW_CLIENT_ASKING && client->replied;
        client->replied = false;
        pthread_mutex_unlock(&control->lock);
        if (replied)
            bw_control_client_replied(control, client, now_ns);
    }
}

/* What each client waits for. Returns milliseconds until the first deadline, -1 for none, 0 when a line is ready now.
 */
static int fill_polls(const struct bw_control *control, struct pollfd *polls, uint64_t now_ns)
{
    uint64_t wait_ns = UINT64_MAX;

    for (int i = 0; i < BW_CONTROL_CLIENTS; i++) {
        const struct bw_control_client *client = &control->clients[i];

        polls[i] = (struct pollfd){.fd = -1};
        if (client->phase == BW_CLIENT_FREE || client->phase == BW_CLIENT_ASKING)
            continue;
        polls[i].fd = client->fd;
        polls[i].events = client->phase == BW_CLIENT_WRITING ? POLLOUT : POLLIN;
        if (client->phase == BW_CLIENT_READING &&
            (client->ended || memchr(client->in, '\n', client->in_length) != NULL))
            wait_ns = 0;
        else if (client->deadline_ns <= now_ns)
            wait_ns = 0;
        else if (client->deadline_ns - now_ns < wait_ns)
            wait_ns = client->deadline_ns - now_ns;
    }
    return wait_ns == UINT64_MAX ? -1 : (int)((wait_ns + BW_MS - 1) / BW_MS);
}

/* At a stop: gives answers that are on their way a moment, then closes everything. */
static void say_goodbye(struct bw_control *control)
{
    struct pollfd polls[BW_CONTROL_CLIENTS];
    uint64_t end_ns = bw_control_now_ns() + STOP_ANSWERS_MS * BW_MS, now_ns;
    bool writing = true;

    take_replies(control, bw_control_now_ns());
    while (writing && (now_ns = bw_control_now_ns()) < end_ns) {
        writing = false;
        fill_polls(control, polls, now_ns);
        for (int i = 0; i < BW_CONTROL_CLIENTS; i++) {
            if (control->clients[i].phase == BW_CLIENT_WRITING)
                writing = control->clients[i].closing = true;
            else
                polls[i].fd = -1;
        }
        if (writing && poll(polls, BW_CONTROL_CLIENTS, STOP_ANSWERS_MS) > 0)
            for (int i = 0; i < BW_CONTROL_CLIENTS; i++)
                if (polls[i].fd >= 0 && polls[i].revents != 0)
                    bw_control_client_event(control, &control->clients[i], polls[i].revents, now_ns);
    }
}

static void *serve(void *argument)
{
    struct bw_control *control = argument;
    struct pollfd polls[BW_CONTROL_CLIENTS + 2];
    uint64_t now_ns;

    bw_surface_enter(BW_READER_CONTROL);
    while (!is_ending(control)) {
        now_ns = bw_control_now_ns();
        int timeout_ms = fill_polls(control, polls, now_ns);

        polls[BW_CONTROL_CLIENTS] = (struct pollfd){.fd = control->wake_fd, .events = POLLIN};
        polls[BW_CONTROL_CLIENTS + 1] = (struct pollfd){.fd = control->listen_fd, .events = POLLIN};
        if (poll(polls, BW_CONTROL_CLIENTS + 2, timeout_ms) < 0 && errno != EINTR) {
            bw_log(BW_LOG_ERROR, "control: poll: %s", strerror(errno));
            poll(NULL, 0, 100);
            continue;
        }
        now_ns = bw_control_now_ns();
        for (int i = 0; i < BW_CONTROL_CLIENTS; i++)
            if (polls[i].fd >= 0)
                bw_control_client_event(control, &control->clients[i], polls[i].revents, now_ns);
        if (polls[BW_CONTROL_CLIENTS].revents != 0)
            take_replies(control, now_ns);
        if (polls[BW_CONTROL_CLIENTS + 1].revents != 0)
            accept_one(control, now_ns);
    }
    say_goodbye(control);
    return NULL;
}

/* Threads of this surface take no signals: those are the main thread's. */
static int start_threads(struct bw_control *control)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    int rc;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = bw_control_workers_start(control);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 512 * 1024);
    if (rc == 0)
        rc = -pthread_create(&control->io, &attributes, serve, control);
    control->io_runs = rc == 0;
    if (control->io_runs)
        pthread_setname_np(control->io, "bw-control");
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

int bw_control_start(const struct bw_surface_context *context, struct bw_control **out)
{
    struct bw_control *control = calloc(1, sizeof(*control));
    int rc = -ENOMEM;

    *out = NULL;
    if (control == NULL)
        return -ENOMEM;
    control->context = *context;
    control->listen_fd = -1;
    control->own_uid = geteuid();
    control->own_gid = getegid();
    bw_copy(control->path, sizeof(control->path), context->config->control.socket);
    pthread_mutex_init(&control->lock, NULL);
    pthread_cond_init(&control->work, NULL);
    control->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    control->clients = calloc(BW_CONTROL_CLIENTS, sizeof(control->clients[0]));
    if (control->wake_fd < 0 || control->clients == NULL)
        goto out;
    rc = bw_control_listen(control);
    if (rc == 0) {
        rc = start_threads(control);
        if (rc < 0)
            bw_log(BW_LOG_ERROR, "control: cannot start threads: %s", strerror(-rc));
    }
    if (rc == 0) {
        *out = control;
        return 0;
    }
out:
    bw_control_stop(control);
    return rc;
}

void bw_control_stop(struct bw_control *control)
{
    if (control == NULL)
        return;
    bw_control_workers_stop(control); /* first: their answers are still sent */
    if (control->io_runs) {
        pthread_mutex_lock(&control->lock);
        control->ending = true;
        pthread_mutex_unlock(&control->lock);
        (void)!write(control->wake_fd, &(uint64_t){1}, sizeof(uint64_t));
        pthread_join(control->io, NULL);
    }
    bw_control_unlisten(control);
    for (int i = 0; control->clients != NULL && i < BW_CONTROL_CLIENTS; i++)
        if (control->clients[i].phase != BW_CLIENT_FREE)
            bw_control_client_close(&control->clients[i]);
    if (control->wake_fd >= 0)
        close(control->wake_fd);
    pthread_cond_destroy(&control->work);
    pthread_mutex_destroy(&control->lock);
    free(control->clients);
    free(control);
}
