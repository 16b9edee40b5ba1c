/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which surface the calling thread belongs to: for the crash handler.
 */
#include "bellwether/surface.h"

static _Thread_local volatile unsigned current;

void bw_surface_enter(enum bw_reader surface)
{
    current = 1U + (unsigned)surface;
}

unsigned bw_surface_current(void)
{
    return current;
}
