/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside of the SNMP surface: one thread that alone calls net-snmp. surface.c runs it, library.c
 * sets net-snmp up, handler.c answers requests, sender.c sends notifications.
 */
#ifndef AGENT_SNMP_SNMP_H
#define AGENT_SNMP_SNMP_H

#include <pthread.h>
#include <stdatomic.h>

#include "bellwether/surface.h"
#include "checkpoint.h"
#include "control.h"
#include "keepalived.h"
#include "notify.h"
#include "walk.h"

#define BW_SNMP_ROOT_MAX 64 /* sub-identifiers of the configured root */

#define BW_SNMP_TRANSACTIONS 32
#define BW_SNMP_KEPT         4

/* The master sends one PDU in several parts (a GETBULK one by repetition), all with the PDU's transaction number, and
 * those of several managers in turn. All parts of one see one snapshot: the newest when it began. When the board goes
 * on, a snapshot that was used is kept as a copy; copies are touched only when they are needed. */
struct bw_snmp_moments {
    uint32_t next, next_kept;
    struct {
        long transaction;
        uint64_t snapshot; /* its number; 0: unused */
    } begun[BW_SNMP_TRANSACTIONS];
    struct bw_snapshot kept[BW_SNMP_KEPT];
};

struct bw_snmp {
    struct bw_surface_context context;
    pthread_t thread;
    int stop_fd; /* eventfd: written once */
    int wake_fd; /* the board's */
    struct bw_snmp_actions *actions;
    struct bw_snmp_plan plan;
    oid root[BW_SNMP_ROOT_MAX + 1]; /* room for the arc of bwObjects */
    size_t root_length;
    /* Set when the thread did not end in time: it must not touch what it was given any more. */
    _Atomic bool abandoned;
    /* The rest is the thread's own. */
    bool connected;
    bool failure_told;
    bool backlog;        /* notifications wait for the next turn */
    uint64_t next_event; /* number of the first event not yet looked at */
    bool woken;                        /* there was a post since notifications were looked for */
    struct bw_snmp_view newest;        /* what notifications see: as new as the events that they tell */
    struct bw_snmp_view view;          /* what the request at hand sees */
    struct bw_snmp_control_row control;
    struct bw_snmp_moments moments;
    struct bw_snmp_watch watch;
    struct bw_ka_told keepalived;
};

/* Sets net-snmp up and makes the first attempt to connect. 0 or negative errno. */
int bw_snmp_library_init(struct bw_snmp *snmp);
/* After each call into the library: what cannot be told it beforehand. */
void bw_snmp_library_adjust(struct bw_snmp *snmp);
void bw_snmp_library_fini(struct bw_snmp *snmp);

/* moments.c: begins a part of a PDU: sets the view to what that transaction has seen so far. */
void bw_snmp_pin(struct bw_snmp *snmp, long transaction);
/* Takes the newest snapshot, if there is a newer one. */
void bw_snmp_look_anew(struct bw_snmp *snmp);
/* Another master: it counts its transactions from the beginning. */
void bw_snmp_forget(struct bw_snmp *snmp);

/* Registers bwObjects, and the views of other modules that are wanted. 0 or negative errno. */
int bw_snmp_handler_register(struct bw_snmp *snmp);

/* keepalived_serve.c: the view of KEEPALIVED-MIB: a Netsnmp_Node_Handler; and tells what has changed in it. */
struct netsnmp_mib_handler_s;
struct netsnmp_handler_registration_s;
struct netsnmp_agent_request_info_s;
struct netsnmp_request_info_s;
int bw_snmp_handle_keepalived(struct netsnmp_mib_handler_s *handler, struct netsnmp_handler_registration_s *registration,
                              struct netsnmp_agent_request_info_s *info, struct netsnmp_request_info_s *requests);
void bw_snmp_tell_keepalived(struct bw_snmp *snmp);
/* handler.c: the part of a varbind's name below a root. For a name before it: empty. False for one behind it. */
bool bw_snmp_below(const oid *root, size_t root_length, const struct variable_list *varbind, const oid **name,
                   size_t *length);

/* Sends what waits, a few at a time; sets snmp->backlog when more is there. */
void bw_snmp_send_notifications(struct bw_snmp *snmp);

/* Own IPv4 address of a device: a bw_ha_own_address. */
bool bw_snmp_own_address(const char *device, uint32_t *address, uint32_t *mask);

#endif
