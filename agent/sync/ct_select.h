/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which entries are synchronised: never those that belong to a member itself or to nobody (an end of the connection is one of this
 * host's addresses or a virtual one, loopback, multicast, broadcast), nor protocols that make no sense on another member; then
 * by the configuration's rules. The host's addresses are kept up to date by routing netlink's notices.
 */
#ifndef BELLWETHER_CT_SELECT_H
#define BELLWETHER_CT_SELECT_H

#include "agent/sync/ct_entry.h"
#include "bellwether/config.h"

struct bw_ct_select;

/* rules must live as long. 0 or negative errno. */
int bw_ct_select_new(const struct bw_cluster_config *cluster, const struct bw_sync_select_config *rules, unsigned count,
                     struct bw_ct_select **select);
void bw_ct_select_free(struct bw_ct_select *select);

/* There are so many rules now; they may be others, too. */
void bw_ct_select_count(struct bw_ct_select *select, unsigned count);

/* Socket of notices (non-blocking), -1 = none; read when readable. */
int bw_ct_select_fd(const struct bw_ct_select *select);
void bw_ct_select_read(struct bw_ct_select *select);

/* For tests, and for the initial fill: an address of this host, or one that it broadcasts to. */
void bw_ct_select_own(struct bw_ct_select *select, const uint8_t address[16], uint8_t family);

/* False: never. True: *after_s is the age in seconds at which it is told, 0 = at once. */
bool bw_ct_selected(const struct bw_ct_select *select, const struct bw_ct_entry *entry, uint32_t *after_s);

#endif
