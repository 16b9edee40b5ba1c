/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside the sync thread: sync.c starts and stops it, loop.c is its turn, path.c its way out and in, pnote.c what the member's critical
 * device "Synchronization" says, facts_link.c what members' shared facts have to do with the rest of the agent, reconfigure.c what a
 * reload changes.
 */
#ifndef BELLWETHER_SYNC_PRIVATE_H
#define BELLWETHER_SYNC_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "agent/net/sync_port.h"
#include "agent/net/sync_seal.h"
#include "agent/sync/facts.h"
#include "agent/sync/stream.h"
#include "bellwether/log.h"
#include "bellwether/sync_view.h"

#define BW_SYNC_OPEN_MAX 4 /* providers */

/* What the critical device is to say. Pure: facts in, status and detail out. */
struct bw_sync_pnote {
    bool was_ok;            /* once since the start */
    uint64_t partial_ns;    /* since when copies are not whole, 0 = they are */
    uint32_t status;        /* enum bw_pnote_status told last, 0 = none */
    char detail[BW_TEXT_MAX];
};

struct bw_sync_pnote_facts {
    uint64_t now_ns, start_ns;
    uint64_t alone_ns; /* how long to wait for others before being alone is fine */
    enum bw_stream_copy copy;
    const char *copy_detail;
    bool path;       /* a secured interface is up */
    bool asks;       /* what the others remember of this member is not known yet */
    bool overloaded;
    unsigned queue_percent;
};

/* The next status and detail; true when they differ from what was told last (then they are noted as told). */
bool bw_sync_pnote_judge(struct bw_sync_pnote *pnote, const struct bw_sync_pnote_facts *facts);

/* How much time the thread takes (class.c). */
struct bw_sync_class {
    bool realtime;
    uint64_t since_ns, used_ns; /* the present span began, and what had been used then */
    uint64_t calm_ns;           /* since when it takes little */
};

/* Is the thread to be real-time? Pure; used: processor time of the thread. */
bool bw_sync_class_judge(struct bw_sync_class *class, uint64_t now_ns, uint64_t used_ns);

struct bw_sync_open {
    const struct bw_sync_provider *ops;
    void *self;
    bool waiting; /* it has more to read */
};

struct bw_sync {
    struct bw_sync_setup setup;
    struct bw_config *config; /* the thread's own: see reconfigure.c */
    pthread_t thread;
    bool threaded;
    _Atomic bool ending;
    int epoll, stop_fd;
    uint64_t start_ns, now_ns;
    /* Network. */
    struct bw_sync_seal seal;
    struct bw_sync_port *ports[BW_MAX_INTERFACES]; /* NULL: not secured */
    int32_t attached[BW_MAX_INTERFACES];           /* ifindex */
    struct bw_address attached4[BW_MAX_INTERFACES];
    uint16_t paths; /* bit per interface index: sent on; one is enough unless no interface reaches everybody */
    uint64_t verdicts[BW_VERDICT_DUPLICATE_ID + 1];
    struct bw_log_limit refused_limit;
    /* View. */
    bool view_waits;
    struct bw_sync_view view;
    uint8_t holder[BW_MAX_GROUPS]; /* who last held the group, 0 = nobody known */
    /* Stream. */
    struct bw_stream *stream;
    unsigned open_count;
    struct bw_sync_open open[BW_SYNC_OPEN_MAX];
    bool overloaded;
    uint64_t resets, reload_serial;
    bool tuning_waits; /* queues do not have their lengths of the configuration yet */
    /* Telling. */
    uint64_t publish_ns, pnote_retry_ns, changes;
    struct bw_sync_rows rows;
    struct bw_sync_pnote pnote;
    struct bw_sync_class class;
    /* Members' shared facts. */
    struct bw_facts_provider *facts; /* among open; NULL = not shared */
    uint64_t facts_retry_ns, facts_serial;
    bool facts_asks; /* what the others remember of this member is waited for */
};

/* path.c */
int bw_sync_path_open(struct bw_sync *sync);
void bw_sync_path_close(struct bw_sync *sync);
/* Follows the view: devices, peers' incarnations, keys, the interface to send on. */
void bw_sync_path_follow(struct bw_sync *sync);
/* Reads frames into the stream. True when more may wait. */
bool bw_sync_path_receive(struct bw_sync *sync);
int bw_sync_path_send(void *sync, const uint8_t *body, size_t length);

/* loop.c */
void *bw_sync_run(void *sync);
/* Waits for what the providers' descriptors bring, new ones too. */
void bw_sync_watch_providers(struct bw_sync *sync);

/* reconfigure.c */
struct bw_stream_tuning bw_sync_tuning(const struct bw_sync_config *config);
/* Takes on what a reload has changed, and what could not be taken on before. */
void bw_sync_reconfigure(struct bw_sync *sync);

/* facts_link.c */
void bw_sync_facts_link(struct bw_sync *sync);   /* after the provider was opened */
void bw_sync_facts_follow(struct bw_sync *sync); /* after each new view */
void bw_sync_facts_tell(struct bw_sync *sync);   /* in each turn */

/* class.c */
void bw_sync_class_follow(struct bw_sync *sync);

/* pnote.c */
void bw_sync_pnote_tell(struct bw_sync *sync);
/* For when there is no thread: nothing is synchronised, and that is fine. */
void bw_sync_pnote_off(const struct bw_surface_context *context, const char *detail);

#endif
