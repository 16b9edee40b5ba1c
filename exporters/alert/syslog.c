/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Syslog (RFC 5424) to the local socket, by UDP, and by TCP with octets counted (RFC 6587); and the journal, by its own protocol, so
 * that a journald that hangs keeps nobody waiting. Sockets never block. Delivered means: the local socket took it; by UDP, no refusal
 * came back within a moment; by TCP, the other side's kernel acknowledged it.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "alert.h"

#define REFUSAL_NS (200 * BW_MS) /* an ICMP refusal is back by then, on a network that is worth it */
#define LOOK_NS    (20 * BW_MS)  /* between looks at what is acknowledged */

enum phase { CONNECTING = 1, SENDING, WAITING };

/* ---- what is sent ---- */

struct text {
    char *bytes;
    size_t length, cap;
};

static void put(struct text *t, const char *bytes, size_t length)
{
    if (length > t->cap - t->length)
        length = t->cap - t->length;
    memcpy(t->bytes + t->length, bytes, length);
    t->length += length;
}

static void put_text(struct text *t, const char *text)
{
    put(t, text, strlen(text));
}

/* A header field: printable ASCII without blanks, or "-". */
static void put_field(struct text *t, const char *value, size_t most)
{
    size_t length = strnlen(value, most);

    put_text(t, length == 0 ? "-" : "");
    for (size_t i = 0; i < length; i++)
        put(t, value[i] > ' ' && value[i] <= '~' ? &value[i] : "_", 1);
    put_text(t, " ");
}

static void put_structured(struct text *t, const struct bw_target *target, const struct bw_alert_message *m)
{
    struct bw_alert_pair pairs[BW_ALERT_PAIRS_MAX];
    unsigned count = bw_alert_pairs(&target->all->origin, m, pairs);
    char number[16];

    if (target->config.enterprise == 0) {
        put_text(t, "-");
        return;
    }
    bw_format(number, sizeof(number), "%u", target->config.enterprise);
    put_text(t, "[bellwether@");
    put_text(t, number);
    for (unsigned i = 0; i < count; i++) {
        put_text(t, " ");
        put_text(t, pairs[i].key);
        put_text(t, "=\"");
        for (const char *c = pairs[i].value; *c != '\0'; c++) {
            if (*c == '"' || *c == '\\' || *c == ']')
                put_text(t, "\\");
            put(t, c, 1);
        }
        put_text(t, "\"");
    }
    put_text(t, "]");
}

static unsigned priority_of(const struct bw_target *target, const struct bw_alert_message *m)
{
    static const unsigned levels[] = {6, 6, 5, 4, 2}; /* informational, notice, warning, critical */

    return (target->config.facility - 1) * 8 + levels[m->severity <= BW_SEVERITY_CRITICAL ? m->severity : 0];
}

static void syslog_line(struct text *t, const struct bw_target *target, const struct bw_alert_message *m)
{
    char front[32], time[BW_WALL_TEXT_MAX], line[BW_TEXT_MAX * 4], host[64] = "", id[24];

    gethostname(host, sizeof(host) - 1);
    bw_format(front, sizeof(front), "<%u>1 ", priority_of(target, m));
    put_text(t, front);
    put_field(t, bw_wall_to_text(m->event.time_wall, time), 40);
    put_field(t, host, 64);
    put_text(t, "bellwetherd ");
    bw_format(id, sizeof(id), "%u", (unsigned)getpid());
    put_field(t, id, 24);
    put_field(t, m->type == BW_ALERT_TEST ? "test" : bw_enum_text(&bw_enum_event_kind, m->event.kind), 32);
    put_structured(t, target, m);
    put_text(t, " ");
    bw_alert_subject(&target->all->origin, m, line, sizeof(line));
    put_text(t, line);
    if (target->config.enterprise == 0) { /* the one line then names all that the data would */
        bw_format(line, sizeof(line), " (#%lu, cluster %s%s%s, %s)", (unsigned long)m->event.number,
                  target->all->origin.cluster, m->member[0] != '\0' ? ", member " : "", m->member,
                  bw_alert_id(&target->all->origin, m, host));
        put_text(t, line);
    }
}

/* A field of the journal: by name and value where the value is one line, else with its length. */
static void put_entry(struct text *t, const char *key, const char *value)
{
    uint8_t length[8];
    size_t n = strlen(value);

    put_text(t, key);
    if (strchr(value, '\n') == NULL) {
        put_text(t, "=");
    } else {
        put_text(t, "\n");
        for (unsigned i = 0; i < sizeof(length); i++)
            length[i] = (uint8_t)((uint64_t)n >> 8 * i);
        put(t, (const char *)length, sizeof(length));
    }
    put(t, value, n);
    put_text(t, "\n");
}

static void journal_entry(struct text *t, const struct bw_target *target, const struct bw_alert_message *m)
{
    struct bw_alert_pair pairs[BW_ALERT_PAIRS_MAX];
    unsigned count = bw_alert_pairs(&target->all->origin, m, pairs);
    char line[BW_TEXT_MAX * 4], key[48];

    bw_alert_subject(&target->all->origin, m, line, sizeof(line));
    put_entry(t, "MESSAGE", line);
    bw_format(line, sizeof(line), "%u", priority_of(target, m) & 7);
    put_entry(t, "PRIORITY", line);
    put_entry(t, "SYSLOG_IDENTIFIER", "bellwetherd");
    for (unsigned i = 0; i < count; i++) {
        bw_format(key, sizeof(key), "BELLWETHER_%s", pairs[i].key);
        for (char *c = key; *c != '\0'; c++)
            *c = *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
        put_entry(t, key, pairs[i].value);
    }
    if (m->lines != NULL)
        put_entry(t, "BELLWETHER_EVENTS", m->lines);
}

static bool make_text(struct bw_attempt *a, const struct bw_alert_message *m)
{
    const struct bw_target *target = a->target;
    struct text t = {.bytes = malloc(2 * BW_ALERT_BODY_MAX), .cap = 2 * BW_ALERT_BODY_MAX - 1};
    size_t count_at = 16; /* room for the number of octets in front */
    char count[16];

    if (t.bytes == NULL)
        return false;
    if (target->config.kind == BW_ALERT_JOURNAL) {
        journal_entry(&t, target, m);
    } else if (target->config.protocol != BW_ALERT_TCP) {
        syslog_line(&t, target, m);
    } else {
        t.length = count_at;
        syslog_line(&t, target, m);
        count_at -= bw_format(count, sizeof(count), "%lu ", (unsigned long)(t.length - 16));
        memcpy(t.bytes + count_at, count, strlen(count));
        t.length -= count_at;
        memmove(t.bytes, t.bytes + count_at, t.length);
    }
    a->text = t.bytes;
    a->length = t.length;
    a->done = 0;
    return true;
}

/* ---- sockets ---- */

static bool is_tcp(const struct bw_attempt *a)
{
    return a->target->config.protocol == BW_ALERT_TCP && a->target->config.kind == BW_ALERT_SYSLOG;
}

static int connect_local(struct bw_attempt *a)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    bw_copy(address.sun_path, sizeof(address.sun_path), a->target->config.socket);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        int error = errno;

        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

static socklen_t server_address(const char *server, struct sockaddr_storage *storage)
{
    struct sockaddr_in *four = (struct sockaddr_in *)storage;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)storage;
    struct bw_address address;
    char host[64];
    size_t length = (size_t)(strrchr(server, ':') - server);
    uint16_t port = htons((uint16_t)atoi(strrchr(server, ':') + 1));
    bool brackets = server[0] == '[';

    memset(storage, 0, sizeof(*storage));
    memcpy(host, server + brackets, length - 2 * brackets);
    host[length - 2 * brackets] = '\0';
    if (bw_address_from_text(host, &address) != 0)
        return 0;
    if (address.family == 4) {
        four->sin_family = AF_INET;
        four->sin_port = port;
        memcpy(&four->sin_addr, address.bytes, 4);
        return sizeof(*four);
    }
    six->sin6_family = AF_INET6;
    six->sin6_port = port;
    memcpy(&six->sin6_addr, address.bytes, 16);
    return sizeof(*six);
}

static int connect_server(struct bw_attempt *a)
{
    struct sockaddr_storage address;
    socklen_t length = server_address(a->target->config.server, &address);
    int fd = socket(address.ss_family, (is_tcp(a) ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, length) != 0 && errno != EINPROGRESS) {
        int error = errno;

        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

static void fail(struct bw_attempt *a, int error)
{
    bw_attempt_done(a, BW_ALERT_FAILED, "%s: %s",
                    a->target->config.server[0] != '\0' ? a->target->config.server : a->target->config.socket,
                    strerrordesc_np(error));
}

static void wait_for(struct bw_attempt *a, enum phase phase, short events)
{
    a->phase = phase;
    a->events = events;
}

static void send_on(struct bw_attempt *a)
{
    ssize_t n = send(a->fd, a->text + a->done, a->length - a->done, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        fail(a, errno);
        return;
    }
    if (n > 0)
        a->done += (size_t)n;
    if (a->done < a->length) {
        wait_for(a, SENDING, POLLOUT);
        return;
    }
    if (a->target->config.server[0] == '\0' || a->target->config.kind == BW_ALERT_JOURNAL) {
        bw_attempt_done(a, BW_ALERT_DELIVERED, "taken by %s", a->target->config.socket);
        return;
    }
    wait_for(a, WAITING, POLLERR);
    a->serial = bw_alert_now_ns(); /* when the wait began */
}

/* Has the other side closed, or said something (which syslog servers never do)? 0, or an errno. */
static int look_at_peer(int fd)
{
    char bytes[256];
    int error = 0;
    socklen_t length = sizeof(error);
    ssize_t n;

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error != 0)
        return error;
    while ((n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
        ;
    if (n == 0)
        return ECONNRESET;
    return errno == EAGAIN ? 0 : errno;
}

bool bw_alert_syslog_broken(int fd)
{
    return look_at_peer(fd) != 0;
}

static void wait_on(struct bw_attempt *a)
{
    int error = 0, unsent = 0;
    socklen_t length = sizeof(error);

    if (!is_tcp(a)) {
        if (getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error != 0)
            fail(a, error);
        else if (bw_alert_now_ns() >= a->serial + REFUSAL_NS)
            bw_attempt_done(a, BW_ALERT_DELIVERED, "sent to %s", a->target->config.server);
        return;
    }
    error = look_at_peer(a->fd);
    if (error != 0)
        fail(a, error);
    else if (ioctl(a->fd, SIOCOUTQ, &unsent) == 0 && unsent == 0) {
        if (!a->is_test && a->target->kept_fd < 0) {
            a->target->kept_fd = a->fd;
            a->fd = -1;
        }
        bw_attempt_done(a, BW_ALERT_DELIVERED, "acknowledged by %s", a->target->config.server);
    }
}

static void begin(struct bw_attempt *a, const struct bw_alert_message *m, unsigned count)
{
    bool local = a->target->config.kind == BW_ALERT_JOURNAL || a->target->config.server[0] == '\0';

    (void)count;
    if (!make_text(a, m)) {
        bw_attempt_done(a, BW_ALERT_FAILED, "out of memory");
        return;
    }
    if (is_tcp(a) && !a->is_test && a->target->kept_fd >= 0) {
        a->fd = a->target->kept_fd;
        a->target->kept_fd = -1;
        send_on(a);
        return;
    }
    a->fd = local ? connect_local(a) : connect_server(a);
    if (a->fd < 0)
        fail(a, errno);
    else if (is_tcp(a))
        wait_for(a, CONNECTING, POLLOUT);
    else
        send_on(a);
}

static void ready(struct bw_attempt *a, short revents)
{
    int error = 0;
    socklen_t length = sizeof(error);

    if (a->phase == WAITING) {
        wait_on(a);
    } else if (revents != 0 && a->phase == CONNECTING) {
        if (getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0 || error != 0)
            fail(a, error != 0 ? error : errno);
        else
            send_on(a);
    } else if (revents != 0 && a->phase == SENDING) {
        send_on(a);
    }
}

static void end(struct bw_attempt *a)
{
    if (a->fd >= 0)
        close(a->fd);
    a->fd = -1;
}

const struct bw_alert_transport bw_transport_syslog = {begin, ready, end};
