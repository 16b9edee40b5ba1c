/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Proxy ARP and neighbour discovery: answers for addresses that this host does not have, such as those that it
 * translates. The kernel's own proxy entries won't do: it answers for IPv4 only when it forwards and the route to the
 * address leads out of another interface, lets up to 0.8 s pass before, needs more switches for IPv6, and its entries
 * outlive whoever made them. So a thread answers itself, from packet sockets; nothing is left behind, whatever becomes
 * of the process, and like a virtual address's lease the permission to answer ends by itself.
 */
#ifndef BELLWETHER_LINUX_PROXY_H
#define BELLWETHER_LINUX_PROXY_H

#include "bellwether/config.h"

struct bw_proxy;

/* Starts the thread. 0 or negative errno. The configuration must outlive it. */
int bw_proxy_new(const struct bw_config *config, struct bw_proxy **proxy);
void bw_proxy_free(struct bw_proxy *proxy);
/* Any thread: until until_ns (CLOCK_BOOTTIME) this host answers for the addresses of the resource; 0 = not any more.
 * Who answers anew announces the addresses first. Renewals are frequent and cheap. */
void bw_proxy_answer(struct bw_proxy *proxy, uint8_t resource, uint64_t until_ns);
/* Any thread: 0, or why the resource's addresses cannot be answered for (negative errno). */
int bw_proxy_error(const struct bw_proxy *proxy, uint8_t resource);

#endif
