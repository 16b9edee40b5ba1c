/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counters that surfaces keep and the engine copies into the snapshot's agent row.
 * One shared object, every field atomic, each written by one thread.
 */
#ifndef BELLWETHER_STATS_H
#define BELLWETHER_STATS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "bellwether/limits.h"

/* What a trap rule has seen. */
struct bw_trap_rule_stats {
    _Atomic uint64_t matches;
    _Atomic int64_t last_wall;
    _Atomic uint32_t last_family; /* of the last match's source: 4, 6, 0 = none */
    _Atomic uint64_t last_source[2];
};

struct bw_stats {
    _Atomic uint64_t snmp_connected; /* 0 or 1 */
    _Atomic uint64_t snmp_connects;
    _Atomic uint64_t snmp_notifications_sent;
    _Atomic uint64_t snmp_notifications_dropped;
    _Atomic uint64_t http_requests;
    _Atomic uint64_t http_errors;
    _Atomic uint64_t traps_listening; /* 0 or 1 */
    _Atomic uint64_t traps_restarts;  /* of the receiver */
    _Atomic uint64_t traps_received;
    _Atomic uint64_t traps_accepted;
    _Atomic uint64_t traps_refused;
    _Atomic uint64_t traps_malformed;
    _Atomic uint64_t traps_dropped;
    _Atomic uint64_t sync_resets; /* how often the counters of state synchronisation are to have been reset: written by the engine */
    struct bw_trap_rule_stats trap_rules[BW_MAX_TRAP_RULES];
    _Atomic uint64_t http_listening; /* 0 or 1 */
    _Atomic uint64_t store_writable; /* 0 or 1: what the store tried last was written */
    _Atomic uint64_t store_error;    /* errno of what it could not write, 0 = none */
    _Atomic uint64_t store_since_ns; /* when it began the write that it is in, 0 = it is in none: a disk may hang */
};

/* Can what must outlive a restart be written, as far as the store knows? now_ns: CLOCK_BOOTTIME. False while no store runs. */
bool bw_stats_store_writable(const struct bw_stats *stats, uint64_t now_ns);

#endif
