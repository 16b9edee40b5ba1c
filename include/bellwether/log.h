/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Log lines from any thread, without ever waiting: a line goes into a non-blocking packet pipe
 * that one thread empties to stderr (-f) or syslog. A full pipe drops the line and counts it.
 */
#ifndef BELLWETHER_LOG_H
#define BELLWETHER_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum bw_log_level { BW_LOG_ERROR = 3, BW_LOG_WARNING = 4, BW_LOG_NOTICE = 5, BW_LOG_INFO = 6, BW_LOG_DEBUG = 7 };

/* Before bw_log_start, and in programs that never call it, lines go straight to stderr. */
void bw_log(enum bw_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* For the keeper, which has no thread: lines go straight to stderr or syslog, by the caller. */
void bw_log_direct(const char *ident, bool to_stderr, enum bw_log_level least);
/* Starts the writing thread. to_stderr: else syslog under ident. 0 or negative errno. */
int bw_log_start(const char *ident, bool to_stderr, enum bw_log_level least);
/* Writes what is queued and ends the thread. */
void bw_log_stop(void);
/* From now on, in any thread. */
void bw_log_set_level(enum bw_log_level least);
uint64_t bw_log_dropped(void);
/* Level by its name ("error" … "debug"); BW_LOG_INFO for an unknown one. */
enum bw_log_level bw_log_level_by_name(const char *name);

/* Rate limit for one kind of line: true at most once per minute per state, now_ns any monotonic time.
 * *suppressed tells how many were held back since the last true. */
struct bw_log_limit {
    uint64_t next_ns;
    uint64_t suppressed;
};
bool bw_log_allowed(struct bw_log_limit *limit, uint64_t now_ns, uint64_t *suppressed);

#endif
