/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libbellwether: lets a program report how it is to the bellwetherd of its host. What it registers is a critical device
 * (a pnote) of this cluster member: while one is in problem or init, the member hands over to another one that is well.
 *
 *     struct bellwether *b = bellwether_new(NULL);
 *
 *     bellwether_register(b, "vpn", BELLWETHER_OK, 10000, BELLWETHER_ADOPT, 1000);
 *     for (;;) {
 *         ...
 *         bellwether_report(b, "vpn", up ? BELLWETHER_OK : BELLWETHER_PROBLEM, "3 tunnels", 1000);
 *     }
 *
 * Handles may be used by several threads at a time. No call keeps a connection open, so programs may fork, and close
 * descriptors that aren't theirs. A daemon that is away is asked again until the call's time is over, and one that has
 * been restarted is told again what had been registered through the handle.
 *
 * Calls return 0 or a negative errno; bellwether_reason() says more. Installed as <bellwether/bellwether.h>; link with
 * -lbellwether.
 */
#ifndef BELLWETHER_BELLWETHER_H
#define BELLWETHER_BELLWETHER_H

#ifdef __cplusplus
extern "C" {
#endif

#define BELLWETHER_SOCKET   "/run/bellwether/control.sock"
#define BELLWETHER_NAME_MAX 31    /* characters of a name: printable ASCII without blanks */
#define BELLWETHER_TEXT_MAX 159   /* bytes of a detail, UTF-8; what is longer is cut */
#define BELLWETHER_WAIT_MAX 60000 /* ms that a call may be given */

enum bellwether_status {
    BELLWETHER_OK = 1,
    BELLWETHER_INIT,    /* not ready yet: this member must not become active */
    BELLWETHER_PROBLEM, /* this member should hand over */
};

/* Flags of bellwether_register and bellwether_unregister. */
enum {
    BELLWETHER_PERSISTENT = 1, /* kept over restarts of the daemon; unregister: forgotten over restarts, too */
    BELLWETHER_ADOPT = 2,      /* register: a device of that name that is there already is no error: it gets this status
                                  and timeout. For programs that may be restarted themselves */
};

struct bellwether;

/* A handle. socket: the path of the daemon's control socket; NULL for the environment's BELLWETHER_SOCKET, else the
 * usual one. Connects to nothing yet. NULL with errno ENOMEM, or ENAMETOOLONG for a path of over 107 bytes. */
struct bellwether *bellwether_new(const char *socket);
/* Ends the handle, in which no other thread may be any more. What it registered stays registered. NULL is fine. */
void bellwether_free(struct bellwether *handle);

/* Adds a critical device. timeout_ms: it must be reported at least that often, or counts as a problem; 0 = never.
 * flags: see above, or 0. wait_ms: this call takes no longer, 1 to BELLWETHER_WAIT_MAX.
 * -EEXIST registered already · -ENOSPC no more fit, here or in the daemon · and those of every call, below. */
int bellwether_register(struct bellwether *handle, const char *name, enum bellwether_status status, unsigned timeout_ms,
                        unsigned flags, unsigned wait_ms);

/* Reports a critical device. detail: more about it for people, or NULL; control characters become blanks.
 * -ENOENT not registered, and not by this handle either · and those of every call. */
int bellwether_report(struct bellwether *handle, const char *name, enum bellwether_status status, const char *detail,
                      unsigned wait_ms);

/* Takes a critical device away. -ENOENT not registered · and those of every call. */
int bellwether_unregister(struct bellwether *handle, const char *name, unsigned flags, unsigned wait_ms);

/*
 * Errors of every call:
 * -EINVAL a wrong argument · -ENAMETOOLONG a name of over 31 characters · -ETIMEDOUT no answer in time (the daemon may
 * have done it all the same) · -ECONNREFUSED no daemon at the socket all this time · -EACCES this user may not connect,
 * or not change things · -EBUSY refused by the daemon for another reason, or too busy all this time · -EPROTO an answer
 * that makes no sense · -EMFILE, -ENFILE, -ENOMEM.
 */

/* Why this thread's last call failed, in words; "" when it did not. Good until its next call. */
const char *bellwether_reason(void);

#ifdef __cplusplus
}
#endif

#endif
