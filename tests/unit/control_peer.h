/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A raw client of the control socket, for tests of the server and of what a daemon's answers may look like. */
#ifndef BELLWETHER_TESTS_CONTROL_PEER_H
#define BELLWETHER_TESTS_CONTROL_PEER_H

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* Connects; receiving gives up after timeout_s. Descriptor or negative errno. */
static inline int peer_connect(const char *path, int timeout_s)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval timeout = {.tv_sec = timeout_s};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        int error = errno;

        close(fd);
        return -error;
    }
    return fd;
}

static inline int peer_send(int fd, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t n = send(fd, text, length, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR) /* stopped and continued */
            continue;
        if (n < 0)
            return -errno;
        text += n;
        length -= (size_t)n;
    }
    return 0;
}

static inline int peer_say(int fd, const char *text)
{
    return peer_send(fd, text, strlen(text));
}

/* The next answer line as JSON (new reference), or NULL at the end, on a timeout, or when it is not JSON. */
static inline struct json_object *peer_receive(int fd)
{
    size_t used = 0, cap = 1 << 16;
    char *line = malloc(cap);
    struct json_object *answer = NULL;

    for (;;) {
        ssize_t n = recv(fd, line + used, 1, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n != 1)
            break;
        if (line[used] == '\n') {
            line[used] = '\0';
            answer = json_tokener_parse(line);
            break;
        }
        if (++used == cap)
            line = realloc(line, cap *= 2);
    }
    free(line);
    return answer;
}

/* What recv says of the next byte: 0 = the server has closed. */
static inline ssize_t peer_byte(int fd)
{
    ssize_t n;
    char byte;

    do
        n = recv(fd, &byte, 1, 0);
    while (n < 0 && errno == EINTR);
    return n;
}

/* One request on a connection of its own. */
static inline struct json_object *peer_ask(const char *path, const char *request)
{
    int fd = peer_connect(path, 15);
    struct json_object *answer = NULL;

    if (fd < 0)
        return NULL;
    if (peer_say(fd, request) == 0 && peer_say(fd, "\n") == 0)
        answer = peer_receive(fd);
    close(fd);
    return answer;
}

static inline const char *peer_text(struct json_object *answer, const char *key)
{
    struct json_object *value = NULL;

    if (answer == NULL || !json_object_object_get_ex(answer, key, &value))
        return "(missing)";
    return json_object_get_string(value);
}

#endif
