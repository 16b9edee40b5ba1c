/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private to the catalogue: how its lines are written, and the tables that have a file of their own.
 */
#ifndef AGENT_MODEL_CATALOGUE_PRIVATE_H
#define AGENT_MODEL_CATALOGUE_PRIVATE_H

#include "bellwether/catalogue.h"

/* F(row, key, heading, TYPE, member, enum, MIB object, column, ACCESS, metric…, help). The metric part is one of the M_… below. */
#define F(row, key, heading, type_, field, labels_, mib_, column_, access_, ...)                                       \
    {                                                                                                                  \
        key, heading, BW_TYPE_##type_, offsetof(struct row, field), sizeof(((struct row *)0)->field), labels_, mib_,   \
            column_, BW_ACCESS_##access_, __VA_ARGS__                                                                  \
    }
#define M_NONE BW_METRIC_NONE, NULL, NULL, NULL, NULL
#define M_GAUGE(name) BW_METRIC_GAUGE, name, NULL, NULL, NULL
#define M_COUNTER(name) BW_METRIC_COUNTER, name, NULL, NULL, NULL
#define M_STATESET(name, label) BW_METRIC_STATESET, name, label, NULL, NULL
#define M_MEMBERSET(name) BW_METRIC_MEMBERSET, name, "member", NULL, NULL
#define M_IS(name, label, value) BW_METRIC_IS, name, NULL, label, value
#define M_INFO BW_METRIC_INFO, NULL, NULL, NULL, NULL
/* uint64_t[BW_LATE_BUCKETS], then sum and count. */
#define M_HISTOGRAM(name) BW_METRIC_HISTOGRAM, name, NULL, NULL, NULL

/* ---- catalogue_sync.c ---- */

#define BW_SYNC_FIELDS      53
#define BW_SYNC_PEER_FIELDS 19
extern const struct bw_field bw_sync_fields[BW_SYNC_FIELDS];
extern const struct bw_field bw_sync_peer_fields[BW_SYNC_PEER_FIELDS];

#endif
