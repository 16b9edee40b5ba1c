/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the configuration to what a port needs to know: the agent's and the keeper's ports are set up alike.
 */
#include "agent/net/net.h"
#include "bellwether/text.h"

bool bw_port_setup_of(const struct bw_cluster_config *c, uint8_t interface, struct bw_port_setup *setup)
{
    const struct bw_interface_config *config = &c->interfaces[interface];

    *setup = (struct bw_port_setup){.index = interface, .transport = config->transport};
    if (config->role != BW_ROLE_CLUSTER && config->role != BW_ROLE_SYNC)
        return false;
    bw_copy(setup->device, sizeof(setup->device), c->members[c->local].device[interface]);
    bw_copy(setup->multicast4, sizeof(setup->multicast4), c->multicast4);
    bw_copy(setup->multicast6, sizeof(setup->multicast6), c->multicast6);
    for (uint8_t m = 0; m < c->members_count; m++)
        if (m != c->local)
            setup->peers[setup->peers_count++] = c->members[m].unicast[interface].family != 0 ? c->members[m].unicast[interface]
                                                                                              : c->members[m].address;
    return true;
}
