/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The resources of groups.
 */
#include "bellwether/surface.h"

int bw_resources_start(const struct bw_surface_context *context, int runner, struct bw_resources **resources)
{
    (void)context;
    (void)runner;
    *resources = NULL;
    return 0;
}

void bw_resources_stop(struct bw_resources *resources)
{
    (void)resources;
}
