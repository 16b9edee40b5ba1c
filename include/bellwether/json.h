/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The JSON writer: walks the catalogue over a snapshot. HTTP, the control socket and the CLI's -j show these same objects.
 * Needs json-c; not for the engine.
 */
#ifndef BELLWETHER_JSON_H
#define BELLWETHER_JSON_H

#include <json-c/json.h>

#include "bellwether/catalogue.h"
#include "bellwether/history.h"

/* One object of the catalogue: a JSON array for tables, a JSON object for scalars. Events come from history (the newest `limit`,
 * oldest first; 0 = all). New reference; NULL when out of memory. */
struct json_object *bw_json_object(const struct bw_object *object, const struct bw_snapshot *snapshot,
                                   const struct bw_history *history, uint32_t limit);
/* One row as a JSON object. */
struct json_object *bw_json_row(const struct bw_object *object, const void *row);
/* All objects under their keys: what /api/v1/state and `bellwether -j state` show. */
struct json_object *bw_json_state(const struct bw_snapshot *snapshot, const struct bw_history *history);

#endif
