/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For tests only: where the sequence stands.
 */
#ifndef BELLWETHER_NET_SEAL_H
#define BELLWETHER_NET_SEAL_H

#include "agent/net/net.h"

void bw_seal_set_sequence(struct bw_seal *seal, uint64_t sequence);

#endif
