/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's reload as main.c makes it; everybody else uses bellwether/reload.h. */
#ifndef BELLWETHER_RELOAD_DAEMON_H
#define BELLWETHER_RELOAD_DAEMON_H

#include "agent/engine/engine.h"
#include "bellwether/reload.h"

/* Makes it; its thread, which waits for bw_reload_wake, starts when `thread`. 0 or negative errno. */
int bw_reload_new(const struct bw_agent *agent, bool thread, struct bw_reload **reload);
/* After the engine is freed and all surfaces are stopped. */
void bw_reload_free(struct bw_reload *reload);

#endif
