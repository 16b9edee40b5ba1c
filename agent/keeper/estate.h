/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the keeper inherits from an agent that dies: the configuration and keys that it ran with. The agent writes them
 * here, in memory that both share, whenever they change; what the keeper removes, how it says farewell and what it
 * starts again with is then what the agent had, however it ended and whatever the file says by now.
 *
 * Two slots, one writer, one reader, no lock: a reader that was overtaken notices it and reads again later.
 */
#ifndef BELLWETHER_KEEPER_ESTATE_H
#define BELLWETHER_KEEPER_ESTATE_H

#include "bellwether/config.h"

struct bw_estate;

/* Before the fork. NULL when out of memory. */
struct bw_estate *bw_estate_new(void);
/* Wipes it. By the keeper only. */
void bw_estate_free(struct bw_estate *estate);
/* The calling process's children do not get it. */
void bw_estate_keep_private(struct bw_estate *estate);
/* Writer, the agent: these are in use from now on. keys_count 0: none. */
void bw_estate_write(struct bw_estate *estate, const struct bw_config *config, const uint8_t keys[2][BW_KEY_BYTES],
                     unsigned keys_count);
/* Reader, the keeper: something newer than *seen? Then it is copied and *seen set. */
bool bw_estate_read(struct bw_estate *estate, uint64_t *seen, struct bw_config *config, uint8_t keys[2][BW_KEY_BYTES],
                    unsigned *keys_count);

#endif
