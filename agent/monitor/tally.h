/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From single checks to a status: rise and fall counts. And when a status has to be told again. Pure: no clock, no
 * system; times come in.
 */
#ifndef BELLWETHER_MONITOR_TALLY_H
#define BELLWETHER_MONITOR_TALLY_H

#include "bellwether/config.h"

#define BW_DETAIL_MAX 128 /* what one check says, with its NUL; the count in front of it fits into a pnote's detail too */

struct bw_tally {
    uint32_t status; /* enum bw_pnote_status */
    uint32_t rise, fall;
    uint32_t in_a_row; /* checks of one kind since the last of the other kind */
    bool good;         /* what they were; meaningless before the first */
};

void bw_tally_start(struct bw_tally *tally, const struct bw_monitor_config *config);
/* One more check. True when the status changed. */
bool bw_tally_check(struct bw_tally *tally, bool good);
/* A failure that needs no second one: problem at once. True when the status changed. */
bool bw_tally_fall(struct bw_tally *tally);
/* The pnote's detail: what the last check said, with the count of those that do not decide yet in front. BW_TEXT_MAX bytes. */
void bw_tally_detail(const struct bw_tally *tally, const char *said, char *text);

/* What the engine was told last. */
struct bw_told {
    uint32_t status; /* 0 = nothing yet */
    uint64_t at_ns;     /* status, or any report that keeps it alive */
    uint64_t detail_ns; /* detail */
    char detail[BW_TEXT_MAX];
};

/* How often a pnote is reported when nothing changes, and the time without reports after which the engine takes it for a problem. */
uint64_t bw_told_refresh_ns(const struct bw_monitor_config *config);
uint64_t bw_told_timeout_ns(const struct bw_monitor_config *config);

enum bw_tell {
    BW_TELL_NOTHING,
    BW_TELL_SAME, /* the old detail once more, to keep the pnote alive */
    BW_TELL_NEW,
};

/* What is to be told now? A change at once; a detail at most once a second, and when only numbers in it changed every ten. */
enum bw_tell bw_told_due(const struct bw_told *told, const struct bw_tally *tally, const char *detail, uint64_t refresh_ns,
                         uint64_t now_ns);

#endif
