/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reload: another configuration without dropping an address. A file is read and checked whole, compared with the running
 * configuration key by key, and either all that changed can change live and does, or nothing does.
 *
 * Surfaces go on with the configuration that they were started with: nothing that they use of it may change live, but for
 * what is asked for here.
 */
#ifndef BELLWETHER_RELOAD_H
#define BELLWETHER_RELOAD_H

#include "bellwether/config.h"
#include "bellwether/mailbox.h"

/* ---- comparison: pure (agent/config/changes.c) ---- */

#define BW_CHANGES_TEXT_MAX 8192

/* What differs, a line each: "cluster.heartbeat.interval_ms: 100 -> 50". */
struct bw_config_changes {
    unsigned live;    /* differences that can be taken on while running */
    unsigned refused; /* those that cannot; their lines end with the reason */
    size_t live_length, refused_length;
    char live_text[BW_CHANGES_TEXT_MAX]; /* cut when there is no room */
    char refused_text[BW_CHANGES_TEXT_MAX];
};

/* Both with their local member resolved. */
void bw_config_compare(const struct bw_config *now, const struct bw_config *next, struct bw_config_changes *changes);

/* ---- the daemon's reload (agent/reload) ---- */

struct bw_reload;

struct bw_reload_outcome {
    enum bw_result result;   /* DONE; REFUSED; INVALID: the file is bad; BUSY, TIMEOUT: try again */
    char text[BW_TEXT_MAX];  /* in short */
    char lines[BW_CHANGES_TEXT_MAX]; /* what changed, why not, or every error as file:line; each ended by a newline */
};

/* Reads the file again and does what can be done. Any thread but the engine's; may take seconds. who: for the log. */
void bw_reload_run(struct bw_reload *reload, const char *who, struct bw_reload_outcome *outcome);
/* Asks for one, from a signal handler. Several before it begins are one. */
void bw_reload_wake(struct bw_reload *reload);
/* The token file as it is now, into path (BW_PATH_MAX bytes). reload may be NULL: then the configuration's. */
void bw_reload_token_file(struct bw_reload *reload, const struct bw_config *config, char *path);

/* The alert targets, when a reload has changed them since *serial (0 at first), which is set then. reload may be NULL. */
bool bw_reload_alerts(struct bw_reload *reload, uint64_t *serial, struct bw_alerts_config *alerts);
/* The settings of state synchronisation likewise. */
bool bw_reload_sync(struct bw_reload *reload, uint64_t *serial, struct bw_sync_config *sync);

#endif
