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
#include "control.h"
#include "walk.h"

#define BW_SNMP_ROOT_MAX 64 /* sub-identifiers of the configured root */

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
    struct bw_snmp_view view;
    struct bw_snmp_control_row control;
};

/* Sets net-snmp up and makes the first attempt to connect. 0 or negative errno. */
int bw_snmp_library_init(struct bw_snmp *snmp);
/* After each call into the library: what cannot be told it beforehand. */
void bw_snmp_library_adjust(struct bw_snmp *snmp);
void bw_snmp_library_fini(struct bw_snmp *snmp);

/* Registers bwObjects. 0 or negative errno. */
int bw_snmp_handler_register(struct bw_snmp *snmp);

/* Sends what waits, a few at a time; sets snmp->backlog when more is there. */
void bw_snmp_send_notifications(struct bw_snmp *snmp);

#endif
