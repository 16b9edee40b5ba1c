/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One secured interface for the sync thread: it hears frames of state synchronisation only, on packet sockets of its own, whatever the
 * interface's transport; so the engine's sockets are never full of them. It sends as the engine does.
 */
#ifndef BELLWETHER_NET_SYNC_PORT_H
#define BELLWETHER_NET_SYNC_PORT_H

#include "agent/net/net.h"

struct bw_sync_port;

struct bw_sync_port *bw_sync_port_new(const struct bw_port_setup *setup);
void bw_sync_port_free(struct bw_sync_port *port);
/* As bw_port_attach. */
int bw_sync_port_attach(struct bw_sync_port *port, int ifindex, const uint8_t mac[6], const struct bw_address *source);
/* Descriptors to poll for reading; -1 where there is none. They stay the same once they are there. */
void bw_sync_port_fds(const struct bw_sync_port *port, int fds[2]);
int bw_sync_port_send(struct bw_sync_port *port, const uint8_t *frame, size_t length);
/* The next frame that is waiting: length, 0 = none, negative errno. */
int bw_sync_port_receive(struct bw_sync_port *port, uint8_t *frame, size_t cap);
/* How many full frames its receive buffer holds, to be on the safe side. */
unsigned bw_sync_port_credit(const struct bw_sync_port *port);

#endif
