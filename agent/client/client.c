/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The public calls of libbellwether. A handle holds the socket's path and what was registered through it, so that a
 * daemon that was restarted and knows nothing of it any more can be told again. Its lock is held for the list alone,
 * never while the daemon is asked.
 */
#include "bellwether/bellwether.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/client/client.h"

#define SOCKET_PATH_MAX 108 /* sockaddr_un's, with its NUL */
#define KEPT_MAX        64  /* critical devices of a member */
#define TIMEOUT_MAX_MS  1000000000u

/* A critical device that was registered through a handle. */
struct kept {
    char name[BELLWETHER_NAME_MAX + 1]; /* "" = free */
    unsigned timeout_ms;
    unsigned flags;
};

struct bellwether {
    char path[SOCKET_PATH_MAX];
    pthread_mutex_t lock; /* guards kept */
    struct kept kept[KEPT_MAX];
};

/* What a call says to the daemon, and how that went. */
struct call {
    struct bellwether *handle;
    const char *command;
    const char *name;
    const char *detail;            /* or NULL */
    enum bellwether_status status; /* 0 = none */
    bool has_timeout;
    unsigned timeout_ms;
    bool persistent;
    uint64_t deadline_ms;
    bool repeated; /* asked again after one that may have been carried out */
};

static _Thread_local char reason[BW_CLIENT_REASON_MAX];

const char *bellwether_reason(void)
{
    return reason;
}

static int fail(int rc, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int fail(int rc, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(reason, sizeof(reason), format, args);
    va_end(args);
    return rc;
}

struct bellwether *bellwether_new(const char *socket)
{
    const char *path = socket != NULL ? socket : secure_getenv("BELLWETHER_SOCKET");
    struct bellwether *handle;

    if (path == NULL || (socket == NULL && path[0] == '\0'))
        path = BELLWETHER_SOCKET;
    if (strlen(path) >= SOCKET_PATH_MAX || path[0] == '\0') {
        errno = path[0] == '\0' ? EINVAL : ENAMETOOLONG;
        return NULL;
    }
    handle = calloc(1, sizeof(*handle));
    if (handle == NULL)
        return NULL;
    memcpy(handle->path, path, strlen(path) + 1);
    pthread_mutex_init(&handle->lock, NULL);
    return handle;
}

void bellwether_free(struct bellwether *handle)
{
    if (handle == NULL)
        return;
    pthread_mutex_destroy(&handle->lock);
    free(handle);
}

/* ---- what was registered ---- */

/* The entry of that name ("": a free one), or NULL. With the lock held. */
static struct kept *find(struct bellwether *handle, const char *name)
{
    for (size_t i = 0; i < KEPT_MAX; i++)
        if (strcmp(handle->kept[i].name, name) == 0)
            return &handle->kept[i];
    return NULL;
}

/* -ENOSPC when there is no place. */
static int keep(struct bellwether *handle, const char *name, unsigned timeout_ms, unsigned flags)
{
    struct kept *kept;

    pthread_mutex_lock(&handle->lock);
    kept = find(handle, name);
    if (kept == NULL)
        kept = find(handle, "");
    if (kept != NULL) {
        memcpy(kept->name, name, strlen(name) + 1);
        kept->timeout_ms = timeout_ms;
        kept->flags = flags;
    }
    pthread_mutex_unlock(&handle->lock);
    return kept != NULL ? 0 : -ENOSPC;
}

static bool recall(struct bellwether *handle, const char *name, struct kept *out)
{
    struct kept *kept;

    pthread_mutex_lock(&handle->lock);
    kept = find(handle, name);
    if (kept != NULL)
        *out = *kept;
    pthread_mutex_unlock(&handle->lock);
    return kept != NULL;
}

static void forget(struct bellwether *handle, const char *name)
{
    struct kept *kept;

    pthread_mutex_lock(&handle->lock);
    kept = find(handle, name);
    if (kept != NULL)
        memset(kept, 0, sizeof(*kept));
    pthread_mutex_unlock(&handle->lock);
}

/* ---- asking ---- */

static const char *const status_names[] = {
    [BELLWETHER_OK] = "ok", [BELLWETHER_INIT] = "init", [BELLWETHER_PROBLEM] = "problem"};

/* The request as a line; its length. Everything fits: names and details are bounded. */
static size_t compose(const struct call *call, char *line)
{
    size_t cap = BW_CLIENT_LINE_MAX, used = 0;
    char number[64];

    bw_client_put(line, cap, &used, "{\"command\":");
    bw_client_put_string(line, cap, &used, call->command, 32);
    bw_client_put(line, cap, &used, ",\"name\":");
    bw_client_put_string(line, cap, &used, call->name, BELLWETHER_NAME_MAX);
    if (call->status != 0) {
        bw_client_put(line, cap, &used, ",\"status\":");
        bw_client_put_string(line, cap, &used, status_names[call->status], 32);
    }
    if (call->detail != NULL) {
        bw_client_put(line, cap, &used, ",\"detail\":");
        bw_client_put_string(line, cap, &used, call->detail, BELLWETHER_TEXT_MAX);
    }
    if (call->has_timeout) {
        snprintf(number, sizeof(number), ",\"timeout\":%u.%03u", call->timeout_ms / 1000, call->timeout_ms % 1000);
        bw_client_put(line, cap, &used, number);
    }
    if (call->persistent)
        bw_client_put(line, cap, &used, ",\"persistent\":true");
    bw_client_put(line, cap, &used, "}\n");
    return used;
}

/* What the daemon's answer means. */
static int judge(const char *answer, size_t length)
{
    static const struct {
        const char *result;
        int rc;
    } results[] = {
        {"done", 0},         {"pending", 0},          {"not-found", -ENOENT}, {"invalid", -EINVAL},
        {"refused", -EBUSY}, {"timeout", -ETIMEDOUT}, {"busy", -EAGAIN},      {"forbidden", -EACCES},
    };
    char result[BW_CLIENT_RESULT_MAX], text[BW_CLIENT_REASON_MAX];

    if (!bw_client_get_string(answer, length, "result", result, sizeof(result)))
        return fail(-EPROTO, "the answer is not that of a bellwetherd");
    bw_client_get_string(answer, length, "text", text, sizeof(text));
    for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
        if (strcmp(results[i].result, result) != 0)
            continue;
        if (results[i].rc == 0)
            return 0;
        /* The daemon has one word for all refusals; which one it is stands in its text. */
        if (results[i].rc == -EBUSY && strstr(text, "already registered") != NULL)
            return fail(-EEXIST, "%s", text);
        if (results[i].rc == -EBUSY && strstr(text, "no more fit") != NULL)
            return fail(-ENOSPC, "%s", text);
        return fail(results[i].rc, "%s", text[0] != '\0' ? text : result);
    }
    return fail(-EPROTO, "the daemon answered \"%s\"", result);
}

/* Asks until there is an answer or the time is over. */
static int ask(struct call *call)
{
    char line[BW_CLIENT_LINE_MAX], answer[BW_CLIENT_ANSWER_MAX];
    size_t length = compose(call, line);
    bool sent = false;
    int rc;

    for (;;) {
        call->repeated = sent;
        rc = bw_client_exchange(call->handle->path, line, length, answer, call->deadline_ms, &sent);
        if (rc >= 0)
            rc = judge(answer, (size_t)rc);
        else if (rc == -EACCES)
            fail(rc, "you may not connect to %s", call->handle->path);
        else if (rc == -ETIMEDOUT)
            fail(rc, "no answer in time at %s", call->handle->path);
        else
            fail(rc, "no daemon answers at %s: %s", call->handle->path, strerror(-rc));
        /* Restarting, or busy: it may be back in a moment. */
        if (rc != -ECONNREFUSED && rc != -ECONNRESET && rc != -EAGAIN)
            return rc;
        if (bw_client_now_ms() >= call->deadline_ms)
            return rc == -EAGAIN ? -EBUSY : rc == -ECONNRESET ? -ECONNREFUSED : rc;
        bw_client_pause(call->deadline_ms);
    }
}

/* ---- the calls ---- */

static int check_name(const char *name)
{
    size_t length = 0;

    if (name == NULL || name[0] == '\0')
        return fail(-EINVAL, "a critical device needs a name");
    for (; name[length] != '\0'; length++) {
        if (length == BELLWETHER_NAME_MAX)
            return fail(-ENAMETOOLONG, "the name \"%.40s\" is too long: 1 to %d characters are allowed", name,
                        BELLWETHER_NAME_MAX);
        if (name[length] <= ' ' || name[length] > '~')
            return fail(-EINVAL, "a name has printable ASCII characters and no blank");
    }
    return 0;
}

/* Checks what every call has, and fills it in. */
static int begin(struct call *call, struct bellwether *handle, const char *command, const char *name, unsigned wait_ms)
{
    reason[0] = '\0';
    memset(call, 0, sizeof(*call));
    if (handle == NULL)
        return fail(-EINVAL, "no handle");
    if (wait_ms < 1 || wait_ms > BELLWETHER_WAIT_MAX)
        return fail(-EINVAL, "the time to wait must be 1 to %d ms, not %u", BELLWETHER_WAIT_MAX, wait_ms);
    call->handle = handle;
    call->command = command;
    call->name = name;
    call->deadline_ms = bw_client_now_ms() + wait_ms;
    return check_name(name);
}

static int check_status(enum bellwether_status status)
{
    if ((int)status < BELLWETHER_OK || (int)status > BELLWETHER_PROBLEM)
        return fail(-EINVAL, "the status must be ok, init or problem");
    return 0;
}

static int done(int rc)
{
    if (rc == 0)
        reason[0] = '\0';
    return rc;
}

/* Registers; one that is there already is taken over where that is wanted, or where it may be our own doing. */
static int enroll(struct call *call, bool adopt)
{
    int rc;

    call->command = "register";
    call->has_timeout = true;
    rc = ask(call);
    if (rc == -EEXIST && (adopt || call->repeated)) {
        call->command = "report"; /* says the timeout, too */
        call->persistent = false;
        rc = ask(call);
    }
    return rc;
}

int bellwether_register(struct bellwether *handle, const char *name, enum bellwether_status status, unsigned timeout_ms,
                        unsigned flags, unsigned wait_ms)
{
    struct call call;
    int rc = begin(&call, handle, "register", name, wait_ms);

    if (rc == 0)
        rc = check_status(status);
    if (rc == 0 && timeout_ms > TIMEOUT_MAX_MS)
        rc = fail(-EINVAL, "the timeout must be 0 (none) to %u ms, not %u", TIMEOUT_MAX_MS, timeout_ms);
    if (rc == 0 && (flags & ~(unsigned)(BELLWETHER_PERSISTENT | BELLWETHER_ADOPT)) != 0)
        rc = fail(-EINVAL, "unknown flags 0x%x", flags);
    if (rc < 0)
        return rc;
    call.status = status;
    call.timeout_ms = timeout_ms;
    call.persistent = (flags & BELLWETHER_PERSISTENT) != 0;
    rc = enroll(&call, (flags & BELLWETHER_ADOPT) != 0);
    if (rc == 0 && keep(handle, name, timeout_ms, flags) < 0)
        rc = fail(-ENOSPC, "this handle has registered %d already, no more fit; \"%s\" is registered all the same",
                  KEPT_MAX, name);
    return done(rc);
}

int bellwether_report(struct bellwether *handle, const char *name, enum bellwether_status status, const char *detail,
                      unsigned wait_ms)
{
    struct call call, again;
    struct kept kept;
    int rc = begin(&call, handle, "report", name, wait_ms);

    if (rc == 0)
        rc = check_status(status);
    if (rc < 0)
        return rc;
    call.status = status;
    call.detail = detail;
    rc = ask(&call);
    if (rc != -ENOENT || !recall(handle, name, &kept))
        return done(rc);
    /* A daemon that has been started anew. Another thread may be quicker than this one to say so. */
    again = call;
    again.timeout_ms = kept.timeout_ms;
    again.persistent = (kept.flags & BELLWETHER_PERSISTENT) != 0;
    return done(enroll(&again, true));
}

int bellwether_unregister(struct bellwether *handle, const char *name, unsigned flags, unsigned wait_ms)
{
    struct call call;
    int rc = begin(&call, handle, "unregister", name, wait_ms);

    if (rc == 0 && (flags & ~(unsigned)BELLWETHER_PERSISTENT) != 0)
        rc = fail(-EINVAL, "unknown flags 0x%x", flags);
    if (rc < 0)
        return rc;
    call.persistent = (flags & BELLWETHER_PERSISTENT) != 0;
    forget(handle, name); /* first: a report that is under way must not bring it back */
    rc = ask(&call);
    return done(rc == -ENOENT && call.repeated ? 0 : rc);
}
