/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * This host's own IPv4 addresses, which are not in the model: looked up when they are asked for,
 * and kept for some seconds. The look-up is a netlink dump that may wait for the kernel, so it is
 * for a thread that may wait; and only one thread asks.
 */
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>

#include "bellwether/text.h"
#include "checkpoint.h"
#include "snmp.h"

#define KEEP_S 5
#define SEEN   64

/* The view's function has no argument to pass for it. */
static struct {
    time_t until;
    unsigned count;
    struct {
        char device[IFNAMSIZ];
        uint32_t address, mask;
    } rows[SEEN];
} seen;

static void look(void)
{
    struct ifaddrs *list = NULL;

    seen.count = 0;
    if (getifaddrs(&list) != 0)
        return;
    for (const struct ifaddrs *a = list; a != NULL && seen.count < SEEN; a = a->ifa_next) {
        struct sockaddr_in address, mask;

        if (a->ifa_addr == NULL || a->ifa_netmask == NULL || a->ifa_addr->sa_family != AF_INET)
            continue;
        memcpy(&address, a->ifa_addr, sizeof(address));
        memcpy(&mask, a->ifa_netmask, sizeof(mask));
        if (mask.sin_addr.s_addr == INADDR_BROADCAST)
            continue; /* virtual addresses are installed without a network */
        bw_copy(seen.rows[seen.count].device, sizeof(seen.rows[0].device), a->ifa_name);
        seen.rows[seen.count].address = ntohl(address.sin_addr.s_addr);
        seen.rows[seen.count++].mask = ntohl(mask.sin_addr.s_addr);
    }
    freeifaddrs(list);
}

bool bw_snmp_own_address(const char *device, uint32_t *address, uint32_t *mask)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    if (now.tv_sec >= seen.until) {
        look();
        seen.until = now.tv_sec + KEEP_S;
    }
    for (unsigned i = 0; i < seen.count; i++) {
        if (strcmp(seen.rows[i].device, device) != 0)
            continue;
        *address = seen.rows[i].address;
        *mask = seen.rows[i].mask;
        return true;
    }
    return false;
}
