/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private to agent/control: the request parser, the commands and the server's parts.
 *
 * One I/O thread owns the listening socket, all clients and the board's reader slot; it answers reading commands
 * itself. Changing commands go to a few worker threads, which wait for the engine's answer, so a waiting one holds
 * nobody up.
 */
#ifndef AGENT_CONTROL_H
#define AGENT_CONTROL_H

#include <json-c/json.h>
#include <poll.h>
#include <pthread.h>
#include <sys/types.h>

#include "bellwether/catalogue.h"
#include "bellwether/surface.h"

#define BW_CONTROL_LINE_MAX    4096  /* longest request line, its newline not counted */
#define BW_CONTROL_CLIENTS     32    /* connections at a time; one more pushes out the longest idle one */
#define BW_CONTROL_WORKERS     4     /* changing commands that may wait at the same time */
#define BW_CONTROL_QUEUE_MAX   16    /* changing commands in all, waiting ones included */
#define BW_CONTROL_LINE_MS     5000  /* a line that has begun must end within this */
#define BW_CONTROL_IDLE_MS     60000 /* silence between requests */
#define BW_CONTROL_WRITE_MS    5000  /* an answer must make progress within this */
#define BW_CONTROL_ANSWER_MS   30000 /* … and be taken whole within this */
#define BW_CONTROL_ASK_MS      4000  /* wait for the engine: another member may take 3 s */
#define BW_CONTROL_OBJECTS_MAX 16    /* in one "state" request */

/* Arguments of a request, as bits: which a command takes, needs, and which were given. */
enum {
    BW_ARG_MEMBER = 1 << 0,
    BW_ARG_GROUP = 1 << 1,
    BW_ARG_NAME = 1 << 2,
    BW_ARG_STATUS = 1 << 3,
    BW_ARG_DETAIL = 1 << 4,
    BW_ARG_TIMEOUT = 1 << 5,
    BW_ARG_FORCE = 1 << 6,
    BW_ARG_PERSISTENT = 1 << 7,
    BW_ARG_LIMIT = 1 << 8,
    BW_ARG_OBJECTS = 1 << 9,
};

/* One request line, parsed and checked by itself; names are not looked up yet. */
struct bw_control_request {
    const struct bw_control_command *command;
    unsigned given;           /* BW_ARG_… */
    char member[BW_NAME_MAX]; /* name or decimal id */
    char group[BW_NAME_MAX];
    char name[BW_NAME_MAX];
    char detail[BW_TEXT_MAX]; /* without control characters */
    uint32_t status;          /* enum bw_pnote_status: ok, init or problem */
    uint64_t timeout_ns;
    uint32_t limit;
    bool force;
    bool persistent;
    uint32_t objects_count;
    uint8_t objects[BW_CONTROL_OBJECTS_MAX]; /* enum bw_object_kind */
};

/* A command. Reading ones have `read`, changing ones `change`. */
struct bw_control_command {
    const char *name;
    unsigned takes; /* BW_ARG_… */
    unsigned needs;
    /* New reference to the data shown, or NULL when out of memory. */
    struct json_object *(*read)(const struct bw_control_request *request, const struct bw_snapshot *snapshot,
                                const struct bw_history *history);
    /* Makes what the engine is asked: 0, or -ENOENT or -EINVAL with the reason in error (BW_TEXT_MAX bytes). */
    int (*change)(const struct bw_control_request *request, const struct bw_snapshot *snapshot, struct bw_request *out,
                  char *error);
};

/* The command of that name, or NULL. Every table of the catalogue is a reading command under its JSON key. */
const struct bw_control_command *bw_control_command_by_name(const char *name);

/* Parses one line (no newline, need not be terminated). 0, or -EINVAL with the reason in error (BW_TEXT_MAX bytes).
 * Pure. */
int bw_control_parse(const char *line, size_t length, struct bw_control_request *request, char *error);

/* Results as texts on the socket: those of enum bw_result, and "forbidden". */
const char *bw_control_result_text(enum bw_result result);
/* An answer without data, as a new reference; NULL when out of memory. */
struct json_object *bw_control_answer(const char *result, const char *text);

enum bw_control_phase {
    BW_CLIENT_FREE = 0,
    BW_CLIENT_READING, /* waits for the rest of a line */
    BW_CLIENT_ASKING,  /* a worker has its request; its socket is left alone */
    BW_CLIENT_WRITING, /* an answer is on its way */
};

/* A connection. The I/O thread's alone, but for `request`, `reply`, `uid` while ASKING: then they are a
 * worker's. */
struct bw_control_client {
    enum bw_control_phase phase;
    int fd;
    uid_t uid;
    bool may_change;
    bool ended;      /* the peer sends no more */
    bool discarding; /* inside a line that was too long */
    bool closing;    /* after the answer that is being written */
    uint64_t deadline_ns;
    uint64_t answer_deadline_ns;
    uint64_t idle_since_ns;
    struct json_object *answer;
    const char *out; /* the answer's text, owned by `answer`; its newline is written after it */
    size_t out_length;
    size_t out_done;
    size_t in_length;
    struct bw_request request;
    struct bw_answer reply;
    struct bw_reload_outcome *outcome; /* of a reload: more to tell; else NULL */
    const char *command; /* for the log */
    bool replied;        /* under the server's lock */
    char in[BW_CONTROL_LINE_MAX + 1];
};

struct bw_control {
    struct bw_surface_context context;
    int listen_fd;
    int wake_fd; /* eventfd: a worker is done, or the server stops */
    dev_t socket_device;
    ino_t socket_inode;
    char path[BW_PATH_MAX];
    uid_t own_uid;
    gid_t own_gid;
    struct bw_control_client *clients; /* BW_CONTROL_CLIENTS */
    pthread_t io;
    bool io_runs;
    unsigned workers_count;
    pthread_t workers[BW_CONTROL_WORKERS];
    pthread_mutex_t lock; /* guards what follows and clients[].replied */
    pthread_cond_t work;
    bool stopping;         /* workers take nothing new */
    bool ending;           /* the I/O thread ends */
    unsigned queue_count;  /* waiting, oldest first */
    unsigned asking_count; /* being asked */
    struct bw_control_client *queue[BW_CONTROL_QUEUE_MAX];
};

/* socket.c: makes the listening socket at control->path. 0 or negative errno (logged). Removes only a socket of its
 * own. */
int bw_control_listen(struct bw_control *control);
void bw_control_unlisten(struct bw_control *control);
/* Who is at the other end, and may they change things? 0 or negative errno. */
int bw_control_peer(const struct bw_control *control, int fd, uid_t *uid, bool *may_change);

/* client.c */
uint64_t bw_control_now_ns(void);
/* Takes over fd. */
void bw_control_client_open(struct bw_control *control, struct bw_control_client *client, int fd, uint64_t now_ns);
void bw_control_client_close(struct bw_control_client *client);
/* Goes on after poll said revents, or after a worker replied. */
void bw_control_client_event(struct bw_control *control, struct bw_control_client *client, short revents,
                             uint64_t now_ns);
void bw_control_client_replied(struct bw_control *control, struct bw_control_client *client, uint64_t now_ns);

/* work.c */
int bw_control_workers_start(struct bw_control *control);
void bw_control_workers_stop(struct bw_control *control);
/* Hands client->request to a worker. 0, or -EBUSY when too many wait. */
int bw_control_work(struct bw_control *control, struct bw_control_client *client);

#endif
