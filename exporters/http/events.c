/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Server-sent events: every event of the history as it comes, its number as the event's id, so that a client that lost
 * its connection goes on where it was. A stream without news is suspended, which costs nothing. A reader that is gone
 * is found within a second, one that does not read is dropped; the newest streams are the ones that are kept when there
 * are too many. A stream tells of no event that the newest snapshot does not know.
 */
#include <json-c/json.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "bellwether/json.h"
#include "bellwether/text.h"
#include "exporters/http/http.h"

#define AT_ONCE     32 /* events rendered in one go */
#define KEEPALIVE_S 15
#define STUCK_S     20  /* a reader that takes nothing, or not enough, for so long is dropped */
#define STREAMS_MAX 128 /* unless configured */
#define BLOCK_BYTES 4096
#define RETRY       "retry: 2000\n" /* milliseconds until a client connects again */

struct bw_stream {
    struct bw_stream *newer, *older;
    struct bw_http *http;
    struct MHD_Connection *connection;
    int fd;
    unsigned char address[16];
    uint64_t next;     /* number of the first event not told yet */
    uint64_t spoke_ns; /* something was told */
    uint64_t awake_ns; /* since when it has not been suspended */
    uint64_t taken_ns; /* the reader took something, or had nothing to take */
    int untaken;       /* bytes in the kernel's buffer at the last look */
    bool suspended, ended;
    struct bw_buffer text; /* to be sent */
    size_t sent;
};

/* ---- what is told ---- */

static void add_json(struct bw_buffer *b, struct json_object *json)
{
    const char *text = json ? json_object_to_json_string_ext(json, BW_JSON_FLAGS) : NULL;

    bw_buffer_text(b, "data: ");
    bw_buffer_text(b, text ? text : "{}");
    bw_buffer_text(b, "\n\n");
    json_object_put(json);
}

static void add_id(struct bw_buffer *b, uint64_t number)
{
    bw_buffer_text(b, "id: ");
    bw_buffer_u64(b, number);
    bw_buffer_text(b, "\n");
}

/* The first thing in every stream: where it stands, and since when events are missing that were asked for. */
static void add_hello(struct bw_stream *s, const struct bw_snapshot *snapshot, uint64_t missing)
{
    struct json_object *json = json_object_new_object();

    if (json != NULL) {
        json_object_object_add(json, "cluster", bw_json_text(snapshot->cluster.name, BW_NAME_MAX));
        json_object_object_add(json, "local_member", json_object_new_uint64(snapshot->cluster.local_member));
        json_object_object_add(json, "history_first", json_object_new_uint64(snapshot->history_first));
        json_object_object_add(json, "history_last", json_object_new_uint64(snapshot->history_last));
        json_object_object_add(json, "missing", json_object_new_uint64(missing));
    }
    bw_buffer_text(&s->text, RETRY);
    add_id(&s->text, s->next > 0 ? s->next - 1 : 0);
    bw_buffer_text(&s->text, "event: hello\n");
    add_json(&s->text, json);
}

/* Renders what is new, up to a bound. */
static void add_events(struct bw_stream *s)
{
    const struct bw_snapshot *snapshot = bw_board_take(s->http->context.board, BW_READER_HTTP);
    struct bw_event event;

    for (unsigned i = 0; i < AT_ONCE && s->next <= snapshot->history_last;) {
        uint64_t first, last;

        bw_history_range(s->http->context.history, &first, &last);
        if (s->next < first)
            s->next = first; /* overwritten meanwhile: the client sees it by the numbers */
        if (s->next > snapshot->history_last)
            break;
        if (bw_history_read(s->http->context.history, s->next, &event) == 0) {
            add_id(&s->text, s->next);
            add_json(&s->text, bw_json_row(&bw_catalogue[BW_OBJECT_EVENT], &event));
            i++;
        }
        s->next++;
    }
}

static ssize_t read_stream(void *cls, uint64_t position, char *to, size_t cap)
{
    struct bw_stream *s = cls;
    size_t length;

    (void)position;
    if (s->ended)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (s->sent == s->text.length) {
        s->sent = s->text.length = 0;
        add_events(s);
        if (s->text.length == 0 && bw_http_now_ns() - s->spoke_ns >= KEEPALIVE_S * BW_SEC)
            bw_buffer_text(&s->text, ": still here\n\n");
    }
    if (s->text.failed)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    length = s->text.length - s->sent;
    if (length == 0) {
        s->suspended = true;
        MHD_suspend_connection(s->connection);
        return 0;
    }
    length = length < cap ? length : cap;
    memcpy(to, s->text.data + s->sent, length);
    s->sent += length;
    s->spoke_ns = bw_http_now_ns();
    return (ssize_t)length;
}

/* ---- the streams ---- */

static void free_stream(void *cls)
{
    struct bw_stream *s = cls;

    *(s->newer ? &s->newer->older : &s->http->streams) = s->older;
    if (s->older != NULL)
        s->older->newer = s->newer;
    s->http->streams_count--;
    bw_buffer_free(&s->text);
    free(s);
}

static void resume(struct bw_stream *s)
{
    if (!s->suspended)
        return;
    s->suspended = false;
    s->awake_ns = bw_http_now_ns();
    MHD_resume_connection(s->connection);
}

/* Ends one in order; cut: its connection is cut, since its reader would not take the end either. */
static void end(struct bw_stream *s, bool cut)
{
    s->ended = true;
    if (cut || !s->suspended)
        shutdown(s->fd, SHUT_RDWR);
    resume(s);
}

static unsigned live_count(const struct bw_http *http, const unsigned char *address)
{
    unsigned n = 0;

    for (const struct bw_stream *s = http->streams; s != NULL; s = s->older)
        n += !s->ended && (address == NULL || memcmp(s->address, address, 16) == 0);
    return n;
}

/* Ends the oldest one, of an address when given. */
static void make_room(struct bw_http *http, const unsigned char *address)
{
    struct bw_stream *oldest = NULL;

    for (struct bw_stream *s = http->streams; s != NULL; s = s->older)
        if (!s->ended && (address == NULL || memcmp(s->address, address, 16) == 0))
            oldest = s;
    if (oldest != NULL)
        end(oldest, false);
}

static struct bw_stream *new_stream(struct bw_http *http, struct MHD_Connection *connection,
                                    const struct bw_connection *peer, uint64_t since)
{
    const struct bw_snapshot *snapshot = bw_board_take(http->context.board, BW_READER_HTTP);
    struct bw_stream *s = calloc(1, sizeof(*s));
    uint64_t first, last, missing = 0;

    if (s == NULL)
        return NULL;
    bw_history_range(http->context.history, &first, &last);
    s->http = http;
    s->connection = connection;
    s->fd = peer->fd;
    memcpy(s->address, peer->address, sizeof(s->address));
    s->spoke_ns = s->awake_ns = s->taken_ns = bw_http_now_ns();
    /* A number from the future is of a history that is gone: from now on. */
    s->next = (since > snapshot->history_last ? snapshot->history_last : since) + 1;
    if (since < snapshot->history_last && s->next < first) {
        missing = first - s->next;
        s->next = first;
    }
    add_hello(s, snapshot, missing);
    s->older = http->streams;
    if (s->older != NULL)
        s->older->newer = s;
    http->streams = s;
    http->streams_count++;
    return s;
}

struct bw_reply bw_reply_events(struct bw_http *http, struct MHD_Connection *connection, struct bw_connection *peer,
                                uint64_t since)
{
    struct bw_reply reply = {.status = MHD_HTTP_OK};
    unsigned limit = http->streams_max ? http->streams_max : STREAMS_MAX;
    struct bw_stream *s;

    if (limit > 1 && live_count(http, peer->address) >= (limit + 1) / 2)
        make_room(http, peer->address);
    else if (live_count(http, NULL) >= limit)
        make_room(http, NULL);
    if (http->streams_count >= 2 * limit) /* those that end are not gone yet */
        return bw_reply_error(http, MHD_HTTP_SERVICE_UNAVAILABLE, "too many event streams begin at a time");
    s = new_stream(http, connection, peer, since);
    if (s == NULL)
        return reply;
    reply.response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_stream, s, free_stream);
    if (reply.response == NULL) {
        free_stream(s);
        return reply;
    }
    peer->waiting = true; /* the streams have a bound of their own */
    MHD_add_response_header(reply.response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/event-stream");
    MHD_add_response_header(reply.response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(reply.response, "X-Accel-Buffering", "no");
    return reply;
}

/* ---- what wakes them ---- */

void bw_events_wake(struct bw_http *http)
{
    const struct bw_snapshot *snapshot;

    if (http->streams == NULL)
        return;
    snapshot = bw_board_take(http->context.board, BW_READER_HTTP);
    if (snapshot->history_last == http->streams_told)
        return;
    http->streams_told = snapshot->history_last;
    for (struct bw_stream *s = http->streams; s != NULL; s = s->older)
        if (s->next <= snapshot->history_last)
            resume(s);
}

static bool is_gone(const struct bw_stream *s)
{
    struct pollfd p = {.fd = s->fd, .events = POLLRDHUP};

    return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

/* Little that is written fits into the kernel's buffer whether or not anybody reads: so that is looked at, too. */
static bool is_stuck(struct bw_stream *s, uint64_t now_ns)
{
    int untaken = 0;

    if (!s->suspended && now_ns > s->awake_ns + STUCK_S * BW_SEC)
        return true;
    if (ioctl(s->fd, SIOCOUTQ, &untaken) < 0 || untaken == 0 || untaken < s->untaken)
        s->taken_ns = now_ns;
    s->untaken = untaken;
    return now_ns > s->taken_ns + STUCK_S * BW_SEC;
}

void bw_events_tick(struct bw_http *http, uint64_t now_ns)
{
    for (struct bw_stream *s = http->streams; s != NULL; s = s->older) {
        if (s->ended)
            continue;
        if (is_stuck(s, now_ns) || (s->suspended && is_gone(s)))
            end(s, true);
        else if (s->suspended && now_ns - s->spoke_ns >= KEEPALIVE_S * BW_SEC)
            resume(s);
    }
}

void bw_events_end(struct bw_http *http)
{
    for (struct bw_stream *s = http->streams; s != NULL; s = s->older)
        end(s, false);
}
