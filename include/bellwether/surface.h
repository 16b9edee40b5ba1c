/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Surfaces: SNMP, HTTP, control, store. Each runs on a thread of its own, reads the board and asks through the mailbox; none knows
 * core, net or linux. main.c starts and stops them in order.
 */
#ifndef BELLWETHER_SURFACE_H
#define BELLWETHER_SURFACE_H

#include "bellwether/board.h"
#include "bellwether/config.h"
#include "bellwether/core.h"
#include "bellwether/history.h"
#include "bellwether/mailbox.h"
#include "bellwether/published.h"
#include "bellwether/reload.h"
#include "bellwether/stats.h"

/* What a surface may use; every pointer outlives the surface. */
struct bw_surface_context {
    const struct bw_config *config;
    struct bw_board *board;
    struct bw_mailbox *mailbox;
    struct bw_history *history;
    struct bw_stats *stats; /* may be NULL in tests of surfaces that keep none */
    struct bw_reload *reload; /* NULL: there is none (tests) */
    struct bw_published_rows rows; /* what this surface contributes to snapshots; a member may be NULL in tests */
    struct bw_alert_desk *alert_desk; /* where a test of the alert targets is asked for; may be NULL */
};

/* First call of every thread of a surface: names it, so that a crash is laid at the right door (three crashes within a minute: the
 * keeper starts the agent with that surface off). */
void bw_surface_enter(enum bw_reader surface);
/* 1 + the calling thread's surface, 0 for a thread of none. Safe in a signal handler. */
unsigned bw_surface_current(void);

struct bw_snmp;
struct bw_http;
struct bw_control;
struct bw_store;
struct bw_monitors;
struct bw_sync;
struct bw_resources;
struct bw_alerts;

/* Each: starts the thread(s). 0 or negative errno (logged with what was wrong). Stop: ends and frees; waits at most 2 s. */
int bw_snmp_start(const struct bw_surface_context *context, struct bw_snmp **snmp);
void bw_snmp_stop(struct bw_snmp *snmp);
int bw_http_start(const struct bw_surface_context *context, struct bw_http **http);
void bw_http_stop(struct bw_http *http);
int bw_control_start(const struct bw_surface_context *context, struct bw_control **control);
void bw_control_stop(struct bw_control *control);

/* The monitors: every check of the configuration, each a pnote. Prepare comes first, before any thread exists: it forks the helper that
 * runs commands, when a monitor needs it, and returns the socket that start wants (and closes in any case), -1 when none does,
 * or another negative errno. */
int bw_monitors_prepare(const struct bw_config *config);
/* Does any of them run commands as another user? Then the helper has to be forked with the capabilities for it, which prepare gives up
 * afterwards. */
bool bw_monitors_need_users(const struct bw_config *config);
int bw_monitors_start(const struct bw_surface_context *context, int runner, struct bw_monitors **monitors);
void bw_monitors_stop(struct bw_monitors *monitors);

/* The resources of groups: starts, watches and stops what belongs to each group that this member holds. runner as for the monitors;
 * prepare comes before theirs, which gives up what commands of other users need. Stop runs the stop commands: it may take as long as
 * bw_resources_stop_ns says. */
int bw_resources_prepare(const struct bw_config *config);
uint64_t bw_resources_stop_ns(const struct bw_config *config);
int bw_resources_start(const struct bw_surface_context *context, int runner, struct bw_resources **resources);
void bw_resources_stop(struct bw_resources *resources);

/* Alerts out: every event to the targets that want it. Prepare as for the monitors: forks the helper that runs commands when a target needs
 * one. Needed by users: as bw_monitors_need_users. runner as for the monitors. */
int bw_alerts_prepare(const struct bw_config *config);
bool bw_alerts_need_users(const struct bw_config *config);
int bw_alerts_start(const struct bw_surface_context *context, int runner, struct bw_alerts **alerts);
void bw_alerts_stop(struct bw_alerts *alerts);

/* A test of one target (by name) or all (""): waits for the outcome, a line for each in lines (cap bytes), in short in text (BW_TEXT_MAX bytes).
 * Any thread. NOT_FOUND: no such target. REFUSED: not all were delivered. BUSY: another test is under way, or alerting does not run. */
struct bw_alert_desk *bw_alert_desk_new(void);
void bw_alert_desk_free(struct bw_alert_desk *desk);
enum bw_result bw_alert_desk_test(struct bw_alert_desk *desk, const char *target, char *lines, size_t cap, char *text);

/* The store keeps history, admin state and persistent pnotes in state_dir, written by its own thread. Load before the engine starts:
 * fills start's admin and pnote fields and restores the history. A damaged file is told, set aside and never stops a start. */
void bw_store_load(const struct bw_config *config, struct bw_history *history, struct bw_core_start *start);
/* What it keeps of the other members' facts, onto their desk. After load, before any thread. */
void bw_store_load_others(const struct bw_config *config, const struct bw_facts_desk *desk);
int bw_store_start(const struct bw_surface_context *context, struct bw_store **store);
void bw_store_stop(struct bw_store *store);
/* Says in an answer that was "done" to a request of which this member has to keep something that it is not on disk, when the store
 * cannot write now. For whoever passes answers on; any thread. */
void bw_store_qualify(const struct bw_surface_context *context, const struct bw_request *request, struct bw_answer *answer);

/* Received SNMP notifications. Prepare before the process has any thread: it forks the processes that receive, which wipe
 * their copy of secret first. *traps stays NULL when the configuration has no traps. Start begins to take what they send and registers the pnotes; stop, also without start,
 * ends everything. */
struct bw_traps;
int bw_traps_prepare(const struct bw_config *config, void *secret, size_t secret_bytes, struct bw_traps **traps);
int bw_traps_start(const struct bw_surface_context *context, struct bw_traps *traps);
void bw_traps_stop(struct bw_traps *traps);

#endif
