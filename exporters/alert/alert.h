/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside exporters/alert: one thread, which never waits but in its one poll, takes events from the history and brings them to targets.
 *
 *   history, snapshots → conditions (raises and their clears) → rules of each target → flow (queue, digest, back-off; pure)
 *   ⇄ spool (the queue on disk) → attempt → transport (syslog, curl, exec)
 */
#ifndef EXPORTERS_ALERT_ALERT_H
#define EXPORTERS_ALERT_ALERT_H

#include "bellwether/config.h"
#include "bellwether/event.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "bellwether/log.h"
#include "bellwether/surface.h"
#include "bellwether/text.h"

#define BW_ALERT_LINES_MAX   1500 /* of a digest, with the NUL */
#define BW_ALERT_ID_MAX      96
#define BW_ALERT_BODY_MAX    8192
#define BW_ALERT_HELD_MAX    32 /* objects of which changes are gathered at a time, of one target */
#define BW_ALERT_OPEN_MAX    256

/* ---- messages ---- */

enum bw_alert_type { BW_ALERT_EVENT = 1, BW_ALERT_DIGEST, BW_ALERT_TEST };

/* What a target is told, with all that must be known of that moment when it is sent later. */
struct bw_alert_message {
    uint64_t sequence; /* in its target's queue, from 1 */
    uint32_t type;     /* enum bw_alert_type */
    uint32_t status;   /* enum bw_event_status */
    uint32_t severity; /* enum bw_severity */
    uint32_t stands_for; /* events: 1, of a digest how many */
    uint64_t first_number; /* digest: of its first event */
    int64_t first_wall;
    uint64_t raise_number; /* of the event that raised it: itself, or for a clear the one before */
    int64_t raise_wall;
    uint64_t failovers;    /* this member's count at that time */
    char member[BW_NAME_MAX]; /* names: of the member concerned, of the one that tells, of the group */
    char teller[BW_NAME_MAX];
    char group[BW_NAME_MAX];
    char address[BW_ADDRESS_TEXT_MAX]; /* of the member concerned */
    char before[BW_NAME_MAX]; /* what the condition was before, when it changes without having ended (the raise's `to`) */
    struct bw_event event;    /* digest: the newest one */
    uint64_t lost;            /* dropped before it since the last delivery; not kept */
    uint64_t sent_ns;         /* when it was sent first to one that acknowledges nothing, 0 = not yet; not kept */
    char *lines;              /* digest: a line for each event, as far as there is room; owned, or NULL */
};

void bw_alert_message_free(struct bw_alert_message *message); /* the lines, not the structure */
/* 0 or -ENOMEM. */
int bw_alert_message_copy(struct bw_alert_message *to, const struct bw_alert_message *from);

/* ---- record.c: messages to and from bytes; pure ---- */

#define BW_ALERT_PAYLOAD_MAX  2560
#define BW_ALERT_RECORD_MAX   (BW_ALERT_PAYLOAD_MAX + 16)

enum bw_alert_record_kind {
    BW_ALERT_RECORD_HEADER = 1, /* cluster, member, the target's name */
    BW_ALERT_RECORD_MESSAGE,    /* waits */
    BW_ALERT_RECORD_DONE,       /* number: the sequence of what is delivered or dropped, and all before it */
    BW_ALERT_RECORD_LAST,       /* number, wall: of the newest event that was looked at */
    BW_ALERT_RECORD_HELD,       /* a message that gathers; replaces the one of the same object */
    BW_ALERT_RECORD_TOLD,       /* it is in the queue now */
    BW_ALERT_RECORD_OPEN,       /* conditions: an open one */
};

struct bw_alert_record {
    uint32_t kind;
    uint64_t number;
    int64_t wall;
    uint32_t cluster, member; /* header */
    char name[BW_NAME_MAX];
    uint32_t flags;  /* open */
    struct bw_alert_message message; /* its lines are malloc'ed by the reader */
};

/* Writes a record at buf (BW_ALERT_RECORD_MAX bytes). Returns its length. */
size_t bw_alert_record_put(uint8_t *buf, const struct bw_alert_record *record);
/* The next record from *at on, which moves behind it; *bad grows by the bytes that were passed over. False at the end. */
bool bw_alert_record_next(const uint8_t *bytes, size_t length, size_t *at, size_t *bad, struct bw_alert_record *record);

/* ---- flow.c: queue, rate, digest, retries of one target; pure, time comes in ---- */

enum bw_alert_result {
    BW_ALERT_DELIVERED = 1,
    BW_ALERT_FAILED,  /* may work later */
    BW_ALERT_REFUSED, /* this message; after some tries it is given up */
};

/* An object of which changes come too fast. */
struct bw_alert_held {
    bool used, gathers; /* gathers: message holds what was not told */
    uint64_t since_ns, newest_ns;
    uint32_t recent; /* changes since since_ns */
    struct bw_alert_message message; /* the gathered ones; before that only the event's identity counts */
};

#define BW_ALERT_SENT_MAX 64

/* A message that is delivered as far as can be known, which with some receivers is not far. */
struct bw_alert_sent {
    uint64_t at_ns; /* when first */
    struct bw_alert_message message;
};

struct bw_flow {
    struct bw_alert_target_config config;
    /* Told of everything that must be on disk; may be NULL. */
    void (*keep)(void *keeper, const struct bw_alert_record *record);
    void *keeper;
    uint64_t sequence; /* of the newest message */
    uint32_t first, count, room;
    struct bw_alert_message *queue; /* ring */
    struct bw_alert_held held[BW_ALERT_HELD_MAX];
    struct bw_alert_held rated; /* what was beyond the rate */
    bool remembers; /* sent: the last ones, oldest first */
    uint32_t sent_count;
    struct bw_alert_sent sent[BW_ALERT_SENT_MAX];
    uint64_t tokens_at_ns; /* token bucket: when it would be full, minus a minute, as a time */
    bool trying;
    uint32_t tries;     /* of the first message, failed */
    uint64_t retry_ns;  /* not before */
    uint32_t breaks;     /* times that the receiver broke off with messages in doubt, and has not held since */
    uint32_t bad_breaks; /* of these, with more in doubt than what tells of a target's trouble */
    uint64_t broken_ns;  /* the last time */
    uint64_t delivered, failures, dropped, suppressed, lost; /* lost: since the last delivery */
    uint64_t losses; /* dropped ones but for those that tell of a target's trouble: they make none */
    int64_t last_wall;
    char last_error[BW_TEXT_MAX];
};

/* The rest must be zero, or what spool.c has restored. */
void bw_flow_configure(struct bw_flow *flow, const struct bw_alert_target_config *config);
void bw_flow_free(struct bw_flow *flow);
/* Something to tell; takes over the lines. urgent: never gathered by rate. */
void bw_flow_offer(struct bw_flow *flow, struct bw_alert_message *message, uint64_t now_ns);
/* Puts what has been gathered long enough into the queue. */
void bw_flow_turn(struct bw_flow *flow, uint64_t now_ns);
/* What is to be tried now, or NULL; a try then has to end with bw_flow_result. */
const struct bw_alert_message *bw_flow_next(struct bw_flow *flow, uint64_t now_ns);
void bw_flow_result(struct bw_flow *flow, enum bw_alert_result result, const char *text, uint64_t now_ns, int64_t wall);
/* The receiver broke off: what is in doubt goes to the front of the queue once more, after a while that grows if that happens again
 * and again. Returns how many. */
uint32_t bw_flow_again(struct bw_flow *flow, uint64_t now_ns);
/* Does something wait that is not about a target's own trouble? */
bool bw_flow_has_news(const struct bw_flow *flow);
/* When there is something to do by itself; UINT64_MAX = never. */
uint64_t bw_flow_due_ns(const struct bw_flow *flow);
/* At a start: puts a message that waits on disk back. Takes over the lines. */
void bw_flow_restore(struct bw_flow *flow, struct bw_alert_message *message, bool held, uint64_t now_ns);
const struct bw_alert_message *bw_flow_at(const struct bw_flow *flow, uint32_t i); /* the i-th that waits, 0 = first */

/* ---- trouble.c: does a target fail for long? pure ---- */

struct bw_trouble {
    bool failing;      /* it does, which becomes an event */
    uint64_t since_ns; /* the first try of those that failed in a row, 0: the last one was good */
    uint64_t losses, lost_ns; /* messages dropped, and when the last one was, 0 = never */
    uint64_t breaking_ns;     /* since when it takes connections and breaks them off, again and again; 0: it does not */
    char reason[BW_TEXT_MAX]; /* of the last try that failed */
};

void bw_trouble_failed(struct bw_trouble *trouble, const char *reason, uint64_t now_ns);
void bw_trouble_delivered(struct bw_trouble *trouble);
/* losses: dropped in all. breaks: of the connection, until one holds. Called now and then. */
void bw_trouble_look(struct bw_trouble *trouble, uint64_t losses, uint32_t breaks, uint64_t now_ns);
/* At a start: it was failing before. */
void bw_trouble_restore(struct bw_trouble *trouble, const char *reason, uint64_t now_ns);

/* ---- spool.c: a flow's queue on disk ---- */

struct bw_spool {
    int dir; /* of all queues, negative: none */
    const char *path; /* of it, for messages */
    uint32_t cluster, member;
    char name[BW_NAME_MAX];
    char file[BW_NAME_MAX + 8];
    size_t size;    /* of the file */
    bool sound;     /* it may be appended to */
    uint64_t last_number; /* newest event that the flow has seen */
    int64_t last_wall;
    bool last_known;      /* else the target is new */
    bool last_new;        /* not on disk yet: goes there with the next message, as only those could come twice */
    uint8_t *pending; /* records not yet written */
    size_t pending_length, pending_room;
    struct bw_flow *flow;
    uint64_t next_try_ns;
    bool failing;
};

/* Reads the file into the flow, which writes through the spool from now on. A damaged file is told and set aside, what is good in it kept. */
void bw_spool_open(struct bw_spool *spool, struct bw_flow *flow, uint64_t now_ns);
/* The newest event looked at; kept along with messages. */
void bw_spool_last(struct bw_spool *spool, uint64_t number, int64_t wall);
/* Writes what is pending. */
void bw_spool_flush(struct bw_spool *spool, uint64_t now_ns);
void bw_spool_close(struct bw_spool *spool);
/* Removes the file of a target that there is no more. */
void bw_spool_remove(struct bw_spool *spool);

/* ---- conditions.c: what is raised and not cleared; pure ---- */

struct bw_condition {
    bool used;
    bool hushed; /* nobody was told: the member is in maintenance */
    bool told;
    uint32_t severity;
    uint32_t teller;  /* the member whose the newest raise was to tell (id): whoever raised it clears it */
    uint64_t gone_ns; /* since when snapshots say that it is over; 0 = they don't */
    struct bw_event raise; /* the first one of it */
    struct bw_event event; /* the newest one */
};

struct bw_conditions {
    bool begun, changed; /* changed: since it was kept */
    uint32_t held;       /* bit: group index, from 0: seen with a holder */
    uint64_t nobody_ns[BW_MAX_GROUPS]; /* since when nobody holds it */
    struct bw_condition open[BW_ALERT_OPEN_MAX];
};

/* What comes out of it: an event of the history, or one made here. */
struct bw_alert_item {
    struct bw_event event;
    uint32_t status, severity; /* severity: of the raise for a clear */
    uint32_t filter;           /* severity that rules look at */
    uint32_t teller;           /* whose it is to tell where each tells its own: a member's id */
    uint64_t raise_number;
    int64_t raise_wall;
    char before[BW_NAME_MAX];
    bool passed_on; /* the raise of a member that is gone, told again by the next one */
    bool quiet;   /* the member is in maintenance: counted only */
    bool history; /* it is an event of the history, just taken */
};

typedef void (*bw_alert_tell)(void *user, const struct bw_alert_item *item);

/* Takes an event of the history. */
void bw_conditions_event(struct bw_conditions *conditions, const struct bw_snapshot *snapshot, const struct bw_event *event,
                         bw_alert_tell tell, void *user);
/* Looks at a snapshot: clears without an event, raises that were hushed, groups that nobody holds. */
void bw_conditions_look(struct bw_conditions *conditions, const struct bw_snapshot *snapshot, uint64_t now_ns,
                        bw_alert_tell tell, void *user);
/* Whose an open condition is to tell now: whoever told its raise, or, when that member is gone, the next one. A member's id. */
uint32_t bw_conditions_teller(const struct bw_snapshot *snapshot, const struct bw_condition *condition);
void bw_alert_describe(const struct bw_snapshot *snapshot, const struct bw_alert_item *item, struct bw_alert_message *message);

/* ---- text.c, json.c: how a message reads ---- */

struct bw_alert_origin {
    uint32_t cluster_id;
    char cluster[BW_NAME_MAX];
    char teller[BW_NAME_MAX]; /* the local member */
    const char *link;
};

/* "bw-17-1-42-…": the same for every try. id: BW_ALERT_ID_MAX bytes. Returns id. */
char *bw_alert_id(const struct bw_alert_origin *origin, const struct bw_alert_message *message, char *id);
/* That of the message that raised what this one clears. */
char *bw_alert_raise_id(const struct bw_alert_origin *origin, const struct bw_alert_message *message, char *id);
/* One line: how grave, where, what, and why. */
size_t bw_alert_subject(const struct bw_alert_origin *origin, const struct bw_alert_message *message, char *text, size_t cap);
/* The subject without how grave. */
size_t bw_alert_summary(const struct bw_alert_origin *origin, const struct bw_alert_message *message, char *text, size_t cap);
/* Everything, a line each. */
size_t bw_alert_body(const struct bw_alert_origin *origin, const struct bw_alert_message *message, char *text, size_t cap);
/* One event of a digest, with its newline. */
size_t bw_alert_line(const struct bw_alert_message *message, char *text, size_t cap);
const char *bw_alert_name(const struct bw_alert_message *message);

struct bw_alert_pair {
    const char *key;
    char value[BW_TEXT_MAX * 2];
};
#define BW_ALERT_PAIRS_MAX 32
/* The message as names and values, for the journal, structured data, the environment. Returns how many. */
unsigned bw_alert_pairs(const struct bw_alert_origin *origin, const struct bw_alert_message *message,
                        struct bw_alert_pair pairs[BW_ALERT_PAIRS_MAX]);

/* Texts to be freed; NULL when out of memory. */
char *bw_alert_json(const struct bw_alert_origin *origin, const struct bw_alert_message *message); /* own form, for commands */
char *bw_alert_webhook_json(const struct bw_alert_origin *origin, const struct bw_alert_message *message, const char *receiver);
/* An array for /api/v2/alerts. now: when it is sent; end: for one that lasts, when it ends by itself. */
char *bw_alert_push_json(const struct bw_alert_origin *origin, const struct bw_alert_message *messages, unsigned count,
                         int64_t now_wall, uint64_t repeat_ns);

/* ---- lookup.c: where a server is ---- */

#define BW_PLACES_MAX 8

struct bw_place {
    socklen_t length;
    struct sockaddr_storage address;
};

/* Looks a name up on a thread of its own, which may hang as long as it likes. One at a time; what was found last serves while a new
 * lookup hangs or fails. */
struct bw_places {
    struct bw_lookup *pending; /* NULL: none */
    uint32_t count, next;      /* next: the one to try, goes on when a try fails */
    uint64_t found_ns;         /* 0: to be looked up before the next try */
    struct bw_place found[BW_PLACES_MAX];
    char error[64]; /* of the last lookup, "" = it was good */
};

/* Splits "host:port" or "[host]:port". */
void bw_places_split(const char *server, char *host, size_t host_cap, char *port, size_t port_cap);
/* The place to try, or NULL: it is being looked up, and wake_fd (an eventfd) is written to when that is done; or error says why not.
 * late: rather what was found before than to wait on. */
const struct bw_place *bw_places_get(struct bw_places *places, const char *server, bool stream, bool late, int wake_fd,
                                     uint64_t now_ns);
bool bw_places_wait(const struct bw_places *places); /* is a lookup under way? */
void bw_places_failed(struct bw_places *places);     /* the place did not do: the next one */
void bw_places_free(struct bw_places *places);

/* ---- tls.c: TLS on a socket that does not block, by GnuTLS ---- */

struct bw_tls_session;

/* Prepares a handshake with the server of that name or address. NULL, with why. */
struct bw_tls_session *bw_tls_session_new(const struct bw_alert_target_config *config, const char *host, int fd, char *why, size_t cap);
/* Goes on with it. 0 = done; -EAGAIN: when *events come; else it has failed, with why. */
int bw_tls_session_shake(struct bw_tls_session *tls, short *events, char *why, size_t cap);
/* As send(2), with a negative errno; after -EAGAIN the same bytes must be given. */
ssize_t bw_tls_session_send(struct bw_tls_session *tls, const char *bytes, size_t length, short *events);
/* Takes what has come and forgets it. 0, -ECONNRESET when the other side has closed, or another negative errno, with why. */
int bw_tls_session_look(struct bw_tls_session *tls, char *why, size_t cap);
void bw_tls_session_free(struct bw_tls_session *tls); /* says goodbye, as far as that goes at once; not the socket */

/* ---- attempts and transports ---- */

struct bw_alerts;
struct bw_target;

/* One try to deliver one message. */
struct bw_attempt {
    struct bw_target *target;
    bool under_way, is_test, is_repeat;
    bool has_news;      /* a repetition: not only of targets' own troubles */
    uint64_t deadline_ns;
    uint64_t serial;
    int fd;             /* sockets; -1 = none */
    short events;       /* poll's */
    uint32_t phase;
    char *text;         /* what is sent: freed with the attempt */
    size_t length, done;
    void *easy, *headers, *recipients; /* libcurl's */
    struct bw_tls_session *tls; /* syslog by TLS, on fd */
    size_t answer_length;
    char answer[128];   /* the first bytes of it */
    char error[256];
};

/* begin: starts a try of `message` (for a repetition: of count messages) and may end it at once. ready: poll said something of fd, or
 * nothing (revents 0) at the time asked for. end: lets go of everything; not called twice. */
struct bw_alert_transport {
    void (*begin)(struct bw_attempt *attempt, const struct bw_alert_message *messages, unsigned count);
    void (*ready)(struct bw_attempt *attempt, short revents);
    void (*end)(struct bw_attempt *attempt);
};
extern const struct bw_alert_transport bw_transport_syslog, bw_transport_curl, bw_transport_exec;

struct bw_target {
    struct bw_alerts *all;
    struct bw_alert_target_config config;
    uint32_t index;
    const struct bw_alert_transport *transport; /* NULL: kind snmp */
    struct bw_flow flow;
    struct bw_spool spool;
    struct bw_attempt attempt, test;
    uint64_t repeat_ns; /* alertmanager: next repetition */
    int kept_fd;        /* syslog by TCP or TLS: the connection */
    struct bw_tls_session *kept_tls;
    struct bw_places places; /* syslog to a server */
    struct bw_trouble trouble;
    bool failing;       /* and told */
    struct bw_log_limit dropping;
    uint64_t dropped_told;
    bool tested;        /* of the test that runs: has an outcome */
    char outcome[BW_TEXT_MAX];
};

/* The end of a try, told by a transport. text: why not. */
void bw_attempt_done(struct bw_attempt *attempt, enum bw_alert_result result, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

struct bw_alerts {
    struct bw_surface_context context;
    struct bw_alerts_config config;
    struct bw_alert_origin origin;
    pthread_t thread;
    bool runs;
    _Atomic bool ending;
    int wake_fd, board_fd, runner;
    int dir;
    char path[BW_PATH_MAX + 8];
    void *multi; /* CURLM */
    uint64_t now_ns;
    uint64_t reload_serial;
    uint64_t next_number; /* of the history */
    uint64_t looked_ns;
    uint64_t published_ns;
    uint64_t serial; /* of attempts */
    bool testing;
    bool runner_greeted;
    struct bw_conditions conditions;
    const struct bw_snapshot *snapshot;
    uint32_t count;
    struct bw_target *targets[BW_MAX_ALERT_TARGETS];
    struct bw_alert_rows rows;
};

uint64_t bw_alert_now_ns(void);
int64_t bw_alert_wall(void);
void *bw_alerts_run(void *alerts); /* the thread's function */
/* Before it starts: what was open, and where to go on in the history. */
void bw_alert_load(struct bw_alerts *all);
/* Makes the targets those of all->config. */
void bw_alert_take_config(struct bw_alerts *all);

/* target.c */
int bw_target_new(struct bw_alerts *all, const struct bw_alert_target_config *config, struct bw_target **target);
void bw_target_free(struct bw_target *target);
void bw_target_turn(struct bw_target *target);
bool bw_target_wants(const struct bw_target *target, const struct bw_snapshot *snapshot, const struct bw_alert_item *item);
void bw_target_test(struct bw_target *target); /* begins a test */
void bw_target_row(const struct bw_target *target, struct bw_alert_row *row);

/* syslog.c: the kept connection: has the other side broken it off? And its end. */
bool bw_alert_syslog_broken(struct bw_target *target);
void bw_alert_syslog_close(struct bw_target *target);
/* syslog_text.c: what is sent to a server or socket of that target; to be freed, NULL when out of memory. */
char *bw_alert_syslog_text(const struct bw_target *target, const struct bw_alert_message *message, size_t *length);

/* curl.c */
/* First of all users of libcurl, so that its memory is wiped when it is given back. 0 or -ENOMEM. */
int bw_alert_curl_init(void);
int bw_alert_curl_open(struct bw_alerts *all);
void bw_alert_curl_close(struct bw_alerts *all);
void bw_alert_curl_collect(struct bw_alerts *all);
/* exec.c: the runner's answers */
void bw_alert_runner_ready(struct bw_alerts *all);
/* The first line of a secret's file into text. 0 or negative errno. */
int bw_alert_secret(const char *path, char *text, size_t cap);

/* desk.c: where a test is asked for and answered (bellwether/surface.h has the asker's side) */
struct bw_alert_desk;
void bw_alert_desk_open(struct bw_alert_desk *desk, int wake_fd); /* negative: nobody answers any more */
/* A test that is asked for and not begun. name: "" = all. */
bool bw_alert_desk_take(struct bw_alert_desk *desk, char *name);
void bw_alert_desk_answer(struct bw_alert_desk *desk, enum bw_result result, const char *lines);

#endif
