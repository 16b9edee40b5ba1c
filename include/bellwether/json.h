/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The JSON writer: walks the catalogue over a snapshot. HTTP, the control socket and the CLI's -j show these same
 * objects. Needs json-c; not for the engine.
 */
#ifndef BELLWETHER_JSON_H
#define BELLWETHER_JSON_H

#include <json-c/json.h>

#include "bellwether/catalogue.h"
#include "bellwether/history.h"

/* How to serialise: json_object_to_json_string_ext's flags that every surface uses (addresses hold slashes). */
#define BW_JSON_FLAGS JSON_C_TO_STRING_NOSLASHESCAPE

/* One object of the catalogue: a JSON array for tables, a JSON object for scalars, with the tables that are part of it;
 * that of the state synchronisation has verdicts as well (bellwether/sync_health.h). Events come from history (the newest
 * `limit`, oldest first; 0 = all). New reference; NULL when out of memory. */
struct json_object *bw_json_object(const struct bw_object *object, const struct bw_snapshot *snapshot,
                                   const struct bw_history *history, uint32_t limit);
/* One row as a JSON object. */
struct json_object *bw_json_row(const struct bw_object *object, const void *row);
/* All objects under their keys: what /api/v1/state and `bellwether -j state` show. */
struct json_object *bw_json_state(const struct bw_snapshot *snapshot, const struct bw_history *history);

/* A string of a text field: up to its NUL or size bytes; what is not UTF-8 becomes U+FFFD. At most 3 × BW_TEXT_MAX
 * bytes. */
struct json_object *bw_json_text(const char *text, size_t size);
/* Bytes of the well-formed UTF-8 sequence at p (length bytes left), 0 when there is none. */
size_t bw_utf8_length(const unsigned char *p, size_t length);

#endif
