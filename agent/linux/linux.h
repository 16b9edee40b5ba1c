/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Linux edge: links and addresses by netlink, the address thread with its leases, ARP/ND
 * announcements and probes. The engine thread calls only functions marked "engine": they never
 * block and never send a netlink request.
 */
#ifndef BELLWETHER_LINUX_H
#define BELLWETHER_LINUX_H

#include "bellwether/config.h"
#include "bellwether/core.h"

struct bw_linux;

/* What the kernel says of one configured interface on this member. */
struct bw_link {
    int ifindex; /* 0 = no such device now */
    bool up;     /* administratively up, running (carrier) */
    uint8_t mac[6];
    uint32_t mtu;
    struct bw_address address4; /* its first own IPv4 address (not a virtual one); family 0 = none */
    struct bw_address address6; /* its link-local IPv6 address; family 0 = none */
};

/* Opens what is needed, reads links and addresses, takes virtual addresses of ours off that a former run left
 * behind, starts the address thread. 0 or negative errno (logged). */
int bw_linux_new(const struct bw_cluster_config *config, struct bw_linux **edge);
/* Takes all our addresses off, ends the address thread. Blocks up to a second: not for the engine while it runs. */
void bw_linux_free(struct bw_linux *edge);

/* Engine: descriptors to poll for reading, at most cap; returns how many. They never change, but one may be added with a configuration. */
int bw_linux_fds(const struct bw_linux *edge, int *fds, int cap);
/* Engine: reads what is waiting (notices, neighbour replies, answers of the address thread) and turns it into the next core input.
 * 1 = *input set (LINK, PROBE_REPLY, RECEIVED, RELEASED, INSTALLED, OVERDUE, ADDRESS_LOST, ADDRESS_DUPLICATE; in mode service
 * REQUEST with ticket 0), 0 = nothing more. */
int bw_linux_next(struct bw_linux *edge, struct bw_input *input);
/* Engine: have the descriptors anything to read now? If not, bw_linux_next looks only at what time brings. As long as this is never called,
 * it reads them each time. */
void bw_linux_readable(struct bw_linux *edge, bool readable);
/* Engine: the present picture of interface index i (after a LINK input: re-attach the port when ifindex, mac or address changed). */
const struct bw_link *bw_linux_link(const struct bw_linux *edge, uint8_t interface);

/* Engine: this host may hold the addresses of the group until until_ns (CLOCK_BOOTTIME); renewals are frequent and cheap. */
void bw_linux_grant(struct bw_linux *edge, uint8_t group, uint64_t until_ns);
/* Engine: take them off at once; BW_INPUT_RELEASED follows when the kernel has them no more. */
void bw_linux_revoke(struct bw_linux *edge, uint8_t group);
/* Engine: announce the group's addresses on the wire now. */
void bw_linux_announce(struct bw_linux *edge, uint8_t group);
/* Engine: probe known neighbours of the interface by ARP / neighbour solicitation; replies come as PROBE_REPLY; any received frame
 * since the last probe as RECEIVED. */
void bw_linux_probe(struct bw_linux *edge, uint8_t interface);
/* Engine: ask the witnesses whether they are there; an answer comes as BW_INPUT_WITNESS. */
void bw_linux_witness(struct bw_linux *edge);
/* Engine: is this virtual address (index in the configuration) in the kernel, as last known? */
bool bw_linux_installed(const struct bw_linux *edge, uint16_t address);

/* Engine: another configuration, which differs in virtual addresses and times only. The address thread takes it on first; until
 * bw_linux_reconfigured says so, once, both configurations must stay. 0, or -EBUSY while that goes on for an earlier one. New
 * descriptors may be there afterwards (bw_linux_fds). */
int bw_linux_reconfigure(struct bw_linux *edge, const struct bw_cluster_config *config);
bool bw_linux_reconfigured(struct bw_linux *edge);

/* For the keeper (its own process, may block): takes every virtual address of the configuration off this host, now. Returns how many
 * were there, or negative errno. */
int bw_linux_remove_all(const struct bw_cluster_config *config);
/* Likewise, when the agent is gone for good: the devices of mode ha-legacy. */
void bw_linux_remove_devices(const struct bw_cluster_config *config);

/* For the keeper likewise: what the kernel says of the configured interfaces. */
struct bw_watch;
int bw_watch_new(const struct bw_cluster_config *config, struct bw_watch **watch);
void bw_watch_free(struct bw_watch *watch);
/* Another configuration, of the same interfaces; the former one is used no more. */
void bw_watch_reconfigure(struct bw_watch *watch, const struct bw_cluster_config *config);
/* To be polled for reading. */
int bw_watch_fd(const struct bw_watch *watch);
/* Reads what is new. addresses: read the interfaces' own addresses anew too. Returns the mask of interfaces that changed. */
uint16_t bw_watch_read(struct bw_watch *watch, bool addresses);
const struct bw_link *bw_watch_link(const struct bw_watch *watch, uint8_t interface);

/* Gives up every capability but the five that the daemon needs (and, with user, root itself), for this process and what it
 * starts. Before any thread exists. Without root privileges it does nothing. 0 or negative errno. */
int bw_drop_privileges(const char *user);
/* The same, but what is needed to run commands as other users stays: for monitors that say one. The agent gives it up itself. */
int bw_drop_privileges_but_commands(void);

/* The clocks. */
uint64_t bw_now_ns(void);   /* CLOCK_BOOTTIME */
int64_t bw_wall(void);      /* CLOCK_REALTIME, ns since 1970 */
/* Real-time priority for the calling thread and locked memory (on fault) for the process, when permitted. 0 or negative errno. */
int bw_realtime(int priority);
int bw_lock_memory(void);
/* 0 or negative errno. */
int bw_random(void *bytes, size_t length);

#endif
