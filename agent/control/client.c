/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One connection to the control socket: lines in, one answer line each out, in order, one at a time. Runs in the I/O
 * thread and never blocks; what takes time is handed to a worker. Every state has a deadline, so a slow or silent
 * client goes away by itself.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "agent/control/control.h"
#include "bellwether/json.h"
#include "bellwether/log.h"
#include "bellwether/text.h"

uint64_t bw_control_now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_BOOTTIME, &ts);
    return (uint64_t)ts.tv_sec * BW_SEC + (uint64_t)ts.tv_nsec;
}

void bw_control_client_open(struct bw_control *control, struct bw_control_client *client, int fd, uint64_t now_ns)
{
    client->fd = fd;
    client->ended = client->discarding = client->closing = client->replied = false;
    client->in_length = 0;
    client->answer = NULL;
    client->phase = BW_CLIENT_READING;
    client->idle_since_ns = now_ns;
    client->deadline_ns = now_ns + BW_CONTROL_IDLE_MS * BW_MS;
    if (bw_control_peer(control, fd, &client->uid, &client->may_change) < 0)
        bw_control_client_close(client);
}

void bw_control_client_close(struct bw_control_client *client)
{
    json_object_put(client->answer);
    client->answer = NULL;
    free(client->outcome);
    client->outcome = NULL;
    close(client->fd);
    client->fd = -1;
    client->phase = BW_CLIENT_FREE;
}

/* ---- writing ---- */

/* Back to reading after an answer, or the end. */
static void finish_answer(struct bw_control_client *client, uint64_t now_ns)
{
    bool amid_line = client->in_length > 0 || client->discarding;

    json_object_put(client->answer);
    client->answer = NULL;
    if (client->closing) {
        bw_control_client_close(client);
        return;
    }
    client->phase = BW_CLIENT_READING;
    client->idle_since_ns = now_ns;
    /* Another request may have come along with the last one. */
    client->deadline_ns = now_ns + (amid_line ? BW_CONTROL_LINE_MS : BW_CONTROL_IDLE_MS) * BW_MS;
}

static void write_on(struct bw_control_client *client, uint64_t now_ns)
{
    while (client->out_done <= client->out_length) {
        bool newline = client->out_done == client->out_length;
        ssize_t n = send(client->fd, newline ? "\n" : client->out + client->out_done,
                         newline ? 1 : client->out_length - client->out_done, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return;
        if (n <= 0) {
            bw_control_client_close(client);
            return;
        }
        client->out_done += (size_t)n;
        client->deadline_ns = now_ns + BW_CONTROL_WRITE_MS * BW_MS;
        if (client->deadline_ns > client->answer_deadline_ns)
            client->deadline_ns = client->answer_deadline_ns;
    }
    finish_answer(client, now_ns);
}

/* Takes over the reference. */
static void send_answer(struct bw_control_client *client, struct json_object *answer, uint64_t now_ns)
{
    if (answer != NULL)
        client->out =
            json_object_to_json_string_length(answer, JSON_C_TO_STRING_PLAIN | BW_JSON_FLAGS, &client->out_length);
    if (answer == NULL || client->out == NULL) {
        json_object_put(answer);
        bw_log(BW_LOG_ERROR, "control: out of memory for an answer");
        bw_control_client_close(client);
        return;
    }
    client->answer = answer;
    client->out_done = 0;
    client->phase = BW_CLIENT_WRITING;
    client->deadline_ns = now_ns + BW_CONTROL_WRITE_MS * BW_MS;
    client->answer_deadline_ns = now_ns + BW_CONTROL_ANSWER_MS * BW_MS;
    write_on(client, now_ns);
}

static void send_result(struct bw_control_client *client, const char *result, const char *text, uint64_t now_ns)
{
    send_answer(client, bw_control_answer(result, text), now_ns);
}

/* An array of the lines of a text, each ended by a newline. */
static struct json_object *lines_of(const char *text)
{
    struct json_object *lines = json_object_new_array();

    while (lines != NULL && *text != '\0') {
        size_t length = strcspn(text, "\n");

        json_object_array_add(lines, json_object_new_string_len(text, (int)length));
        text += length + (text[length] == '\n');
    }
    return lines;
}

void bw_control_client_replied(struct bw_control *control, struct bw_control_client *client, uint64_t now_ns)
{
    struct json_object *answer = bw_control_answer(bw_control_result_text(client->reply.result), client->reply.text);

    (void)control;
    if (answer != NULL && client->outcome != NULL)
        json_object_object_add(answer, "lines", lines_of(client->outcome->lines));
    free(client->outcome);
    client->outcome = NULL;
    send_answer(client, answer, now_ns);
}

/* ---- requests ---- */

static void answer_reading(const struct bw_control *control, struct bw_control_client *client,
                           const struct bw_control_request *request, const struct bw_snapshot *snapshot,
                           uint64_t now_ns)
{
    struct json_object *answer = bw_control_answer("done", "");
    struct json_object *data = request->command->read(request, snapshot, control->context.history);
    uint64_t age_ns = now_ns > snapshot->posted_ns ? now_ns - snapshot->posted_ns : 0;

    if (answer == NULL || data == NULL) {
        json_object_put(data);
        json_object_put(answer);
        answer = NULL;
    } else {
        json_object_object_add(answer, "snapshot", json_object_new_uint64(snapshot->number));
        json_object_object_add(answer, "age_seconds", json_object_new_double((double)(age_ns / BW_MS) / 1e3));
        json_object_object_add(answer, "data", data);
    }
    send_answer(client, answer, now_ns);
}

static void begin_change(struct bw_control *control, struct bw_control_client *client,
                         const struct bw_control_request *request, const struct bw_snapshot *snapshot, uint64_t now_ns)
{
    char error[BW_TEXT_MAX] = "";
    int rc;

    if (!client->may_change) {
        bw_log(BW_LOG_WARNING, "control: uid %u may not do \"%s\"", client->uid, request->command->name);
        send_result(client, "forbidden", "only root and the daemon's user and group may change things", now_ns);
        return;
    }
    memset(&client->request, 0, sizeof(client->request));
    rc = request->command->change(request, snapshot, &client->request, error);
    if (rc < 0) {
        send_result(client, rc == -ENOENT ? "not-found" : "invalid", error, now_ns);
        return;
    }
    client->command = request->command->name;
    client->phase = BW_CLIENT_ASKING;
    if (bw_control_work(control, client) < 0)
        send_result(client, "busy", "too many requests are waiting for the engine: try again", now_ns);
}

static void answer_request(struct bw_control *control, struct bw_control_client *client,
                           const struct bw_control_request *request, uint64_t now_ns)
{
    const struct bw_snapshot *snapshot = bw_board_take(control->context.board, BW_READER_CONTROL);

    if (request->command->read != NULL)
        answer_reading(control, client, request, snapshot, now_ns);
    else
        begin_change(control, client, request, snapshot, now_ns);
    bw_board_release(control->context.board, BW_READER_CONTROL);
}

/* ---- reading ---- */

/* Drops the first `length` bytes and the newline after them. */
static void drop_line(struct bw_control_client *client, size_t length)
{
    size_t used = length < client->in_length ? length + 1 : length;

    memmove(client->in, client->in + used, client->in_length - used);
    client->in_length -= used;
}

/* Takes the line of that length out of the buffer and answers it. Empty lines are nothing. */
static void take_line(struct bw_control *control, struct bw_control_client *client, size_t length, uint64_t now_ns)
{
    struct bw_control_request request;
    char error[BW_TEXT_MAX] = "";
    size_t used = length > 0 && client->in[length - 1] == '\r' ? length - 1 : length;
    int rc = used > 0 ? bw_control_parse(client->in, used, &request, error) : 0;

    drop_line(client, length);
    if (used == 0)
        return;
    if (rc < 0)
        send_result(client, "invalid", error, now_ns);
    else
        answer_request(control, client, &request, now_ns);
}

/* Goes on with what has been read: at most one request, so that a client that sends many leaves the others their turn.
 */
static void next_line(struct bw_control *control, struct bw_control_client *client, uint64_t now_ns)
{
    char *newline = memchr(client->in, '\n', client->in_length);
    size_t length = newline != NULL ? (size_t)(newline - client->in) : client->in_length;

    if (client->discarding) {
        drop_line(client, length);
        client->discarding = newline == NULL;
        if (client->ended && client->discarding)
            bw_control_client_close(client);
    } else if (newline == NULL && client->in_length > BW_CONTROL_LINE_MAX) {
        char error[BW_TEXT_MAX];

        client->in_length = 0;
        client->discarding = true;
        bw_format(error, sizeof(error), "the line is longer than %u bytes", BW_CONTROL_LINE_MAX);
        send_result(client, "invalid", error, now_ns);
    } else if (newline != NULL || (client->ended && client->in_length > 0)) {
        take_line(control, client, length, now_ns);
    } else if (client->ended) {
        bw_control_client_close(client);
    }
}

static void read_on(struct bw_control_client *client, uint64_t now_ns)
{
    size_t room = sizeof(client->in) - client->in_length;
    ssize_t n = recv(client->fd, client->in + client->in_length, room, MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return;
    if (n < 0) {
        bw_control_client_close(client);
        return;
    }
    if (n == 0) {
        client->ended = true;
        return;
    }
    if (client->in_length == 0 && !client->discarding)
        client->deadline_ns = now_ns + BW_CONTROL_LINE_MS * BW_MS;
    client->in_length += (size_t)n;
}

void bw_control_client_event(struct bw_control *control, struct bw_control_client *client, short revents,
                             uint64_t now_ns)
{
    if (client->phase == BW_CLIENT_WRITING && revents != 0)
        write_on(client, now_ns);
    else if (client->phase == BW_CLIENT_READING && revents != 0 && !client->ended &&
             memchr(client->in, '\n', client->in_length) == NULL)
        read_on(client, now_ns);
    if (client->phase == BW_CLIENT_READING)
        next_line(control, client, now_ns);
    if (client->phase != BW_CLIENT_FREE && client->phase != BW_CLIENT_ASKING && now_ns >= client->deadline_ns)
        bw_control_client_close(client);
}
