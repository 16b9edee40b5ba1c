/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Do the witnesses answer? ICMP echo, IPv4 and IPv6. For the engine thread: nothing here blocks.
 */
#ifndef BELLWETHER_LINUX_WITNESS_H
#define BELLWETHER_LINUX_WITNESS_H

#include "bellwether/config.h"

struct bw_witness {
    int fd4, fd6; /* raw sockets, -1 = not to be had */
    uint16_t id;  /* as on the wire */
    uint16_t sequence;
    uint64_t cookie; /* in every question: an answer carries it back */
};

/* A family that the host does not have is left out. 0 or negative errno. */
int bw_witness_open(struct bw_witness *witness);
void bw_witness_close(struct bw_witness *witness);
/* Asks every witness of the configuration. */
void bw_witness_ask(struct bw_witness *witness, const struct bw_cluster_config *config);
/* Reads a bounded number of answers. Did a witness answer one of the last dead time's questions? */
bool bw_witness_read(struct bw_witness *witness, const struct bw_cluster_config *config);

#endif
