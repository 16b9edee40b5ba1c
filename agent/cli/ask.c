/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asking the daemon: finds the control socket, sends one line of JSON, reads one line back.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/cli/cli.h"
#include "bellwether/config.h"
#include "bellwether/text.h"

#define ANSWER_TIMEOUT_S 10                 /* the daemon itself gives up after 4 s */
#define ANSWER_MAX       (64 * 1024 * 1024) /* more than any cluster can say */

struct json_object *bw_cli_request(const char *command)
{
    struct json_object *request = json_object_new_object();

    if (request == NULL)
        abort();
    json_object_object_add(request, "command", json_object_new_string(command));
    return request;
}

/* The socket of a configuration. 0 or negative errno; errors are shown when it was asked for by name. */
static int socket_of_config(struct bw_cli *cli, const char *path, bool tell)
{
    struct bw_config *config = calloc(1, sizeof(*config));
    struct bw_config_errors *errors = calloc(1, sizeof(*errors));
    int rc = -ENOMEM;

    if (config == NULL || errors == NULL)
        goto out;
    rc = bw_config_load(path, config, errors);
    if (rc == 0)
        bw_copy(cli->socket, sizeof(cli->socket), config->control.socket);
    else if (tell)
        fputs(errors->text, cli->err);
out:
    free(errors);
    free(config);
    return rc;
}

int bw_cli_find_socket(struct bw_cli *cli)
{
    const char *environment = getenv("BELLWETHER_SOCKET");

    if (cli->socket[0] != '\0')
        return BW_EXIT_DONE;
    if (cli->socket_option != NULL) {
        if (cli->socket_option[0] != '\0' && bw_copy(cli->socket, sizeof(cli->socket), cli->socket_option))
            return BW_EXIT_DONE;
        fprintf(cli->err, "bellwether: a socket's path has 1 to %d characters\n", BW_PATH_MAX - 1);
        return BW_EXIT_USAGE;
    }
    if (cli->config_option != NULL)
        return socket_of_config(cli, cli->config_option, true) == 0 ? BW_EXIT_DONE : BW_EXIT_PROBLEM;
    if (environment != NULL && environment[0] != '\0') {
        if (bw_copy(cli->socket, sizeof(cli->socket), environment))
            return BW_EXIT_DONE;
        fprintf(cli->err, "bellwether: BELLWETHER_SOCKET: a socket's path has 1 to %d characters\n", BW_PATH_MAX - 1);
        return BW_EXIT_USAGE;
    }
    if (access(BW_CLI_DEFAULT_CONFIG, R_OK) != 0 || socket_of_config(cli, BW_CLI_DEFAULT_CONFIG, false) != 0)
        bw_copy(cli->socket, sizeof(cli->socket), BW_CLI_DEFAULT_SOCKET);
    return BW_EXIT_DONE;
}

static int tell_no_daemon(struct bw_cli *cli, int error)
{
    if (error == EACCES || error == EPERM) {
        fprintf(cli->err,
                "bellwether: you may not connect to %s. Run this as root or as a member of the socket's group.\n",
                cli->socket);
        return BW_EXIT_PROBLEM;
    }
    fprintf(cli->err, "bellwether: no daemon answers at %s:%s%s.\n", cli->socket,
            strlen(cli->socket) + strlen(strerror(error)) > 46 ? "\n" : " ", strerror(error));
    if (error == ETIMEDOUT)
        fprintf(cli->err, "It is there, but stopped or stuck. Its log may say more; a restart ends it.\n");
    else if (cli->config_option == NULL && cli->socket_option == NULL)
        fprintf(cli->err,
                "Is bellwetherd running? See \"systemctl status bellwetherd\". If it runs with\n"
                "another configuration than %s, name that with\n-c FILE, or its socket with -s SOCKET.\n",
                BW_CLI_DEFAULT_CONFIG);
    else
        fprintf(cli->err, "Is bellwetherd running with that socket?\n");
    return BW_EXIT_NO_DAEMON;
}

/* Connects. Descriptor, or negative errno. */
static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval timeout = {.tv_sec = ANSWER_TIMEOUT_S};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    bw_copy(address.sun_path, sizeof(address.sun_path), path);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        int rc = errno == EAGAIN ? -ETIMEDOUT : -errno;

        close(fd);
        return rc;
    }
    return fd;
}

/* Sends all of it. 0 or negative errno. */
static int send_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? -ETIMEDOUT : -errno;
        bytes += n;
        length -= (size_t)n;
    }
    return 0;
}

/* Reads up to a newline. *line is the caller's to free. 0 or negative errno. */
static int read_line(int fd, char **line, size_t *length)
{
    size_t cap = 0, used = 0;
    char *buf = NULL;
    int rc = 0;

    for (;;) {
        ssize_t n;

        if (used == cap) {
            char *bigger = cap < ANSWER_MAX ? realloc(buf, cap = cap * 2 + 65536) : NULL;

            if (bigger == NULL) {
                rc = -EMSGSIZE;
                break;
            }
            buf = bigger;
        }
        n = recv(fd, buf + used, cap - used, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            rc = n == 0 ? -ECONNRESET : errno == EAGAIN ? -ETIMEDOUT : -errno;
            break;
        }
        used += (size_t)n;
        if (buf[used - 1] == '\n') {
            *line = buf;
            *length = used - 1;
            return 0;
        }
    }
    free(buf);
    return rc;
}

static int exchange(struct bw_cli *cli, struct json_object *request, struct json_object **answer)
{
    int fd = connect_to(cli->socket), rc;
    struct json_tokener *tokener;
    char *line = NULL;
    const char *text;
    size_t length;

    if (fd < 0)
        return fd;
    text = json_object_to_json_string_length(request, JSON_C_TO_STRING_PLAIN, &length);
    rc = send_all(fd, text, length);
    if (rc == 0)
        rc = send_all(fd, "\n", 1);
    /* A daemon that has no place left may answer and close before it has read all. */
    if (rc == 0 || rc == -EPIPE)
        rc = read_line(fd, &line, &length);
    close(fd);
    if (rc < 0)
        return rc;
    tokener = json_tokener_new();
    *answer = tokener != NULL ? json_tokener_parse_ex(tokener, line, (int)length) : NULL;
    if (*answer == NULL || !json_object_is_type(*answer, json_type_object))
        rc = -EBADMSG;
    if (tokener != NULL)
        json_tokener_free(tokener);
    free(line);
    return rc;
}

void bw_cli_lines(struct json_object *answer, FILE *to)
{
    struct json_object *lines = bw_cli_get(answer, "lines");
    size_t count = json_object_is_type(lines, json_type_array) ? json_object_array_length(lines) : 0;

    for (size_t i = 0; i < count; i++) {
        char text[1024];

        bw_copy(text, sizeof(text), json_object_get_string(json_object_array_get_idx(lines, i)));
        bw_cli_clean(text);
        fprintf(to, "  %s\n", text);
    }
}

int bw_cli_ask(struct bw_cli *cli, struct json_object *request, struct json_object **answer)
{
    int rc = bw_cli_find_socket(cli);
    const char *result;

    *answer = NULL;
    if (rc == BW_EXIT_DONE) {
        int error = exchange(cli, request, answer);

        rc = error < 0 ? tell_no_daemon(cli, -error) : BW_EXIT_DONE;
    }
    json_object_put(request);
    if (rc == BW_EXIT_DONE) {
        result = bw_cli_text(*answer, "result");
        if (strcmp(result, "done") != 0 && strcmp(result, "pending") != 0) {
            char text[2 * BW_TEXT_MAX];

            bw_copy(text, sizeof(text), bw_cli_text(*answer, "text"));
            bw_cli_clean(text);
            fprintf(cli->err, "bellwether: %s%s%s\n", result, text[0] != '\0' ? ": " : "", text);
            bw_cli_lines(*answer, cli->err);
            if (cli->json)
                fprintf(cli->out, "%s\n", json_object_to_json_string_ext(*answer, JSON_C_TO_STRING_PLAIN));
            rc = BW_EXIT_PROBLEM;
        }
    }
    if (rc != BW_EXIT_DONE) {
        json_object_put(*answer);
        *answer = NULL;
    }
    return rc;
}

int bw_cli_snapshot(struct bw_cli *cli, struct json_object **answer, struct json_object **data)
{
    static const enum bw_object_kind kinds[] = {BW_OBJECT_CLUSTER,     BW_OBJECT_MEMBER,  BW_OBJECT_INTERFACE,
                                                BW_OBJECT_PNOTE,       BW_OBJECT_ADDRESS, BW_OBJECT_GROUP,
                                                BW_OBJECT_GROUP_MEMBER, BW_OBJECT_RESOURCE};
    struct json_object *request = bw_cli_request("state"), *objects = json_object_new_array();
    int rc;

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        json_object_array_add(objects, json_object_new_string(bw_catalogue[kinds[i]].key));
    json_object_object_add(request, "objects", objects);
    rc = bw_cli_ask(cli, request, answer);
    *data = bw_cli_get(*answer, "data");
    if (rc == BW_EXIT_DONE && (bw_cli_number(*answer, "snapshot") == 0 || *data == NULL)) {
        fprintf(cli->err, "bellwether: the daemon is starting: there is no state yet\n");
        json_object_put(*answer);
        *answer = *data = NULL;
        rc = BW_EXIT_PROBLEM;
    }
    return rc;
}
