/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mode service: somebody else (keepalived, a script, a person) puts virtual addresses on this host and takes them off.
 * The edge only watches: it adds, renews, announces and removes nothing, whatever it is granted, and tells the engine
 * which groups are served here: those of which every virtual address is on its interface.
 */
#ifndef BELLWETHER_LINUX_SERVICE_H
#define BELLWETHER_LINUX_SERVICE_H

#include "bellwether/config.h"

struct bw_holder;
struct bw_input;
struct bw_linux;
struct bw_notice;

static inline bool bw_service_watches(const struct bw_cluster_config *config)
{
    return config->mode == BW_MODE_SERVICE;
}

/* Address thread: what a dump showed; seen by address. */
void bw_service_seen(struct bw_holder *holder, const bool *seen);
/* Address thread: somebody added or removed a virtual address. */
void bw_service_heed(struct bw_holder *holder, const struct bw_notice *notice);
/* Address thread, in place of writing: answers what was revoked, and owes for ever what is granted. */
void bw_service_work(struct bw_holder *holder);

/* Engine: the next change of who serves as an input for the core, valid until the next call. False when there is none. */
bool bw_service_next(struct bw_linux *edge, struct bw_input *input);

#endif
