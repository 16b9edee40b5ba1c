/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Alerts out.
 */
#include "bellwether/surface.h"

int bw_alerts_start(const struct bw_surface_context *context, struct bw_alerts **alerts)
{
    (void)context;
    *alerts = NULL;
    return 0;
}

void bw_alerts_stop(struct bw_alerts *alerts)
{
    (void)alerts;
}
