/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kinds whose checks only ask the kernel: the connection table and the clock. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <unistd.h>

#include "agent/monitor/monitor.h"
#include "bellwether/text.h"

static void end_nothing(struct bw_monitor *m)
{
    (void)m;
}

/* ---- conntrack ---- */

/* A number from /proc, or negative errno. */
static long read_number(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char text[32];
    ssize_t n;

    if (fd < 0)
        return -errno;
    n = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (n <= 0)
        return -EIO;
    text[n] = '\0';
    return strtol(text, NULL, 10);
}

static void begin_conntrack(struct bw_monitor *m)
{
    long count = read_number("/proc/sys/net/netfilter/nf_conntrack_count");
    long most = read_number("/proc/sys/net/netfilter/nf_conntrack_max");

    if (count == -ENOENT || most == 0) {
        bw_monitor_done(m, true, "connections are not tracked, or without limit");
        return;
    }
    if (count < 0 || most < 0) {
        bw_monitor_done(m, false, "the connection table cannot be read: %s", strerrordesc_np((int)-(count < 0 ? count : most)));
        return;
    }
    bw_monitor_done(m, count * 100 <= most * (long)m->config->most_percent, "%ld of %ld connections, %.1f %%", count, most,
                    100.0 * (double)count / (double)most);
}

const struct bw_monitor_ops bw_monitor_conntrack = {.begin = begin_conntrack, .late = end_nothing, .close = end_nothing};

/* ---- clock ---- */

/* The other member whose clock is farthest from ours: its name, "" when none is known. */
static int64_t farthest_peer(struct bw_monitors *all, char *name)
{
    const struct bw_snapshot *snapshot = bw_board_take(all->context.board, BW_READER_MONITOR);
    int64_t found = 0;

    name[0] = '\0';
    for (uint32_t i = 0; i < snapshot->members_count; i++) {
        const struct bw_member_row *row = &snapshot->members[i];

        if (row->local || row->view == BW_VIEW_NONE || llabs(row->clock_offset_ns) <= llabs(found))
            continue;
        found = row->clock_offset_ns;
        bw_copy(name, BW_NAME_MAX, row->name);
    }
    bw_board_release(all->context.board, BW_READER_MONITOR);
    return found;
}

/* False when the check has ended with that. */
static bool compare_peers(struct bw_monitor *m)
{
    char name[BW_NAME_MAX];
    int64_t offset_ns = farthest_peer(m->all, name);

    if (m->config->peers_ns == 0 || (uint64_t)llabs(offset_ns) <= m->config->peers_ns)
        return true;
    bw_monitor_done(m, false, "the clock of %s is %.3f s %s this one", name, (double)llabs(offset_ns) / 1e9,
                    offset_ns > 0 ? "ahead of" : "behind");
    return false;
}

static void begin_clock(struct bw_monitor *m)
{
    struct timex t = {.modes = 0};
    int state = adjtimex(&t);
    double offset_ms = (double)t.offset / (t.status & STA_NANO ? 1e6 : 1e3), error_ms = (double)t.esterror / 1e3;

    if (!compare_peers(m))
        return;
    if (state < 0)
        bw_monitor_done(m, false, "the clock cannot be read: %s", strerrordesc_np(errno));
    else if (state == TIME_ERROR || (t.status & STA_UNSYNC))
        bw_monitor_done(m, false, "the clock is not synchronised");
    else
        bw_monitor_done(m, m->config->most_error_ns == 0 || error_ms * 1e6 <= (double)m->config->most_error_ns,
                        "offset %.3f ms, estimated error %.3f ms", offset_ms, error_ms);
}

const struct bw_monitor_ops bw_monitor_clock = {.begin = begin_clock, .late = end_nothing, .close = end_nothing};
