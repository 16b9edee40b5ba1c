/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Takes everything of ours off this host (see sweep.h).
 */
#include "agent/linux/sweep.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>

#include "agent/linux/linux.h"
#include "agent/linux/picture.h"
#include "agent/linux/service.h"
#include "agent/linux/shared.h"

struct sweeping {
    struct bw_rtnl_batch batch;
    bool counts[BW_RTNL_BATCH]; /* is this request an address, not a route? */
    int removed;
    int error;
};

static void flush(struct bw_rtnl *rtnl, struct sweeping *s)
{
    int error = bw_rtnl_send(rtnl, &s->batch);

    if (error != 0)
        s->error = error;
    for (unsigned i = 0; i < s->batch.count; i++) {
        if (!s->counts[i])
            continue;
        if (s->batch.results[i] == 0)
            s->removed++;
        else if (!bw_rtnl_absent(s->batch.results[i]))
            s->error = s->batch.results[i];
    }
    bw_rtnl_begin(rtnl, &s->batch);
}

int bw_sweep(struct bw_rtnl *rtnl, const struct bw_cluster_config *config)
{
    int devices[BW_MAX_INTERFACES];
    struct sweeping *s;
    int result;

    if (bw_service_watches(config)) /* they are not ours */
        return 0;
    s = calloc(1, sizeof(*s));
    if (s == NULL)
        return -ENOMEM;
    for (uint8_t i = 0; i < config->interfaces_count; i++)
        devices[i] = bw_shared_home(config, i);
    bw_rtnl_begin(rtnl, &s->batch);
    for (unsigned i = 0; i < config->addresses_count; i++) {
        const struct bw_address_config *a = &config->addresses[i];
        int ifindex = devices[a->interface], width = a->address.family == 4 ? 32 : 128;

        if (ifindex == 0)
            continue;
        if (s->batch.count + 2 > BW_RTNL_BATCH)
            flush(rtnl, s);
        s->counts[s->batch.count] = true;
        bw_rtnl_remove_address(rtnl, &s->batch, ifindex, &a->address);
        if (a->address.prefix < width) {
            s->counts[s->batch.count] = false;
            bw_rtnl_remove_route(rtnl, &s->batch, ifindex, &a->address);
        }
    }
    flush(rtnl, s);
    result = s->error != 0 ? s->error : s->removed;
    free(s);
    return result;
}

int bw_linux_remove_all(const struct bw_cluster_config *config)
{
    struct bw_rtnl rtnl;
    int result = bw_rtnl_open(&rtnl, 0);

    if (result != 0)
        return result;
    result = bw_sweep(&rtnl, config);
    bw_rtnl_close(&rtnl);
    return result;
}
