/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The address thread: holds virtual addresses in the kernel while they are granted. It alone sends netlink requests
 * while the agent runs, and it may wait in them.
 */
#ifndef BELLWETHER_LINUX_HOLDER_H
#define BELLWETHER_LINUX_HOLDER_H

#include "agent/linux/cells.h"
#include "agent/linux/picture.h"

struct bw_holder;

/* Opens sockets, reads links and addresses, removes leftovers; then picture holds what was seen. No thread yet.
 * cells outlive the holder. 0 or negative errno (logged). */
int bw_holder_new(const struct bw_cluster_config *config, struct bw_cells *cells, struct bw_holder **holder);
const struct bw_picture *bw_holder_picture(const struct bw_holder *holder);
/* Starts the thread. 0 or negative errno. */
int bw_holder_start(struct bw_holder *holder);
/* Takes everything off, ends the thread, frees. Waits up to a second: -EBUSY when the thread hangs in the kernel; then
 * it is left behind and the cells must stay. */
int bw_holder_free(struct bw_holder *holder);

#endif
