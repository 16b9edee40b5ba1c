/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Takes everything of ours off this host at once, without asking first what is there: at start, and by the keeper.
 */
#ifndef BELLWETHER_LINUX_SWEEP_H
#define BELLWETHER_LINUX_SWEEP_H

#include "agent/linux/rtnl.h"
#include "bellwether/config.h"

/* Removes every virtual address (as /32 or /128, on its configured device) and our routes. Returns how many addresses
 * were there, or negative errno. */
int bw_sweep(struct bw_rtnl *rtnl, const struct bw_cluster_config *config);

#endif
