/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The seal of a process of this member, the agent's or the keeper's: the same but for the boot id.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/keeper/keeper.h"
#include "agent/linux/linux.h"
#include "agent/net/net.h"

int bw_seal_of_process(const struct bw_agent_context *context, const struct bw_boot_id *boot,
                       const struct bw_boot_id *keeper, struct bw_seal **seal)
{
    const struct bw_cluster_config *c = &context->config->cluster;
    struct bw_seal_setup setup = {
        .cluster = c->id,
        .local = c->members[c->local].id,
        .boot = *boot,
        .auth_none = c->auth_none,
        .keys_count = context->keys_count,
    };
    int error = bw_random(setup.seed, sizeof(setup.seed));
    void *memory = calloc(1, bw_seal_size());

    if (error != 0 || memory == NULL) {
        free(memory);
        return error != 0 ? error : -ENOMEM;
    }
    if (keeper != NULL)
        setup.keeper = *keeper;
    memcpy(setup.keys, context->keys, sizeof(setup.keys));
    *seal = bw_seal_init(memory, &setup);
    explicit_bzero(&setup, sizeof(setup));
    if (*seal == NULL) {
        free(memory);
        return -EINVAL;
    }
    return 0;
}
