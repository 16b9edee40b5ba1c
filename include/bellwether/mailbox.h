/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mailbox: surfaces and monitors ask the engine for something and may wait for the answer.
 * Bounded; the engine takes no lock and never waits. A full mailbox is told to the asker.
 */
#ifndef BELLWETHER_MAILBOX_H
#define BELLWETHER_MAILBOX_H

#include "bellwether/model.h"

enum bw_request_kind {
    BW_REQUEST_ADMIN = 1,        /* member, admin */
    BW_REQUEST_GROUP_MOVE,       /* group, member (target) */
    BW_REQUEST_GROUP_START,      /* group, member; 0 = the first that can */
    BW_REQUEST_GROUP_STOP,       /* group, member: it may not start it any more, another one takes over; 0 = stopped everywhere */
    BW_REQUEST_PNOTE_REGISTER,   /* name, status, timeout_ns, persistent, pnote_kind */
    BW_REQUEST_PNOTE_REPORT,     /* name, status, text; timeout_ns when not UINT64_MAX changes it */
    BW_REQUEST_PNOTE_UNREGISTER, /* name, persistent (also forget it over restarts) */
    BW_REQUEST_RELOAD,           /* a configuration was handed over (agent/reload) */
    BW_REQUEST_COUNTERS_RESET,
    BW_REQUEST_GROUP_DENY,       /* group, deny, text (why): this member may not start the group, for that cause */
    BW_REQUEST_GROUP_ALLOW,      /* group, deny, text (why): that cause is gone here */
    BW_REQUEST_SERVICE,          /* mode "service": group, held: whoever decides has given it to this member, or not; text (who says so) */
    BW_REQUEST_ALERT_TEST,       /* name: of a target, "" = all; never the engine's: the alert desk answers it */
    BW_REQUEST_RESOURCE,         /* a resource of this member changed its state: group, name, former, status (enum bw_group_state), took_ns, text */
    BW_REQUEST_FACTS,            /* what the other members remember of this one lies on the desk of facts (facts.h) */
};

struct bw_request {
    enum bw_request_kind kind;
    uint32_t member; /* id, 0 = the local one */
    uint32_t group;  /* 1 = first */
    uint32_t admin;  /* enum bw_admin_state; FORCE_DOWN allowed */
    uint32_t status; /* enum bw_pnote_status */
    uint32_t pnote_kind; /* enum bw_pnote_kind; 0 = user */
    uint32_t deny;       /* enum bw_deny */
    uint32_t former;     /* enum bw_group_state */
    uint64_t took_ns;
    uint64_t timeout_ns; /* 0 = none */
    bool persistent;
    bool held;
    char name[BW_NAME_MAX];
    char text[BW_TEXT_MAX];
    char who[BW_TEXT_MAX]; /* who asks, for the history: "cli root", "snmp", "http 10.0.0.1" */
};

enum bw_result {
    BW_RESULT_DONE = 1,
    BW_RESULT_PENDING,   /* taken on by another member, its answer comes later */
    BW_RESULT_REFUSED,   /* the cluster would not accept it: text says what would have been needed */
    BW_RESULT_INVALID,   /* wrong argument: text says what is allowed */
    BW_RESULT_NOT_FOUND, /* no such member, pnote or group */
    BW_RESULT_TIMEOUT,   /* the member concerned did not answer within 3 s */
    BW_RESULT_BUSY,      /* the mailbox is full */
};

struct bw_answer {
    enum bw_result result;
    char text[BW_TEXT_MAX]; /* why, for people; empty when done */
};

struct bw_mailbox;

struct bw_mailbox *bw_mailbox_new(void);
void bw_mailbox_free(struct bw_mailbox *mailbox);

/* Asker, any thread: hands in a request and waits up to timeout_ms for the answer (0: does not wait, and only BUSY or
 * PENDING come back). Returns answer->result. */
enum bw_result bw_mailbox_ask(struct bw_mailbox *mailbox, const struct bw_request *request, struct bw_answer *answer,
                              unsigned timeout_ms);

/* Engine: an eventfd that is readable when requests wait. */
int bw_mailbox_fd(const struct bw_mailbox *mailbox);
/* Engine: takes the oldest waiting request. Returns its ticket (≥ 1), or 0 when none waits. */
uint64_t bw_mailbox_take(struct bw_mailbox *mailbox, struct bw_request *request);
/* Engine: answers a taken request; the slot is free again. */
void bw_mailbox_answer(struct bw_mailbox *mailbox, uint64_t ticket, const struct bw_answer *answer);
/* Engine, at its end: answers all that wait or were taken (BUSY), and whoever asks from now on. */
void bw_mailbox_close(struct bw_mailbox *mailbox);
/* How many requests found no slot since the start. */
uint64_t bw_mailbox_refused(const struct bw_mailbox *mailbox);

#endif
