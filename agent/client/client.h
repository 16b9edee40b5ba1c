/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private to agent/client, the public client library (libbellwether): everything here uses libc alone and is not part
 * of the daemon. A call opens a connection to the control socket, sends one line, reads one line and closes it.
 */
#ifndef AGENT_CLIENT_H
#define AGENT_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BW_CLIENT_LINE_MAX   2048 /* longest request: a name and a detail, each byte escaped */
#define BW_CLIENT_ANSWER_MAX 4096
#define BW_CLIENT_RESULT_MAX 32
#define BW_CLIENT_REASON_MAX 256

/* ---- json.c: pure, fuzzed by tests/fuzz/fuzz_client.c ---- */

/* Appends a text as a JSON string to dst (cap bytes, used so far *used): what JSON must not hold is escaped, control
 * characters become blanks, bytes that are not UTF-8 "?"; at most `most` bytes of it. false: no room. */
bool bw_client_put_string(char *dst, size_t cap, size_t *used, const char *text, size_t most);
/* Appends as it stands. */
bool bw_client_put(char *dst, size_t cap, size_t *used, const char *text);
/* The value of a key of the object in `line`, when it is a string: into dst (cap bytes, cut if need be). false: the
 * line is no JSON object, or has no such string. */
bool bw_client_get_string(const char *line, size_t length, const char *key, char *dst, size_t cap);

/* ---- exchange.c ---- */

/* Time, for deadlines. */
uint64_t bw_client_now_ms(void);
/* Waits a moment, but not beyond the deadline. */
void bw_client_pause(uint64_t deadline_ms);
/* Sends one line and reads the answer's, without its newline, into answer (BW_CLIENT_ANSWER_MAX bytes). *sent: the
 * daemon may have got the request. Length of the answer, or a negative errno: -ETIMEDOUT, -ECONNREFUSED (nobody there),
 * -ECONNRESET (ended before it answered), -EACCES, … */
int bw_client_exchange(const char *path, const char *line, size_t length, char *answer, uint64_t deadline_ms,
                       bool *sent);

#endif
