/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counters that surfaces keep and the engine copies into the snapshot's agent row.
 * One shared object, every field atomic, each written by one thread.
 */
#ifndef BELLWETHER_STATS_H
#define BELLWETHER_STATS_H

#include <stdatomic.h>
#include <stdint.h>

struct bw_stats {
    _Atomic uint64_t snmp_connected; /* 0 or 1 */
    _Atomic uint64_t snmp_connects;
    _Atomic uint64_t snmp_notifications_sent;
    _Atomic uint64_t snmp_notifications_dropped;
    _Atomic uint64_t http_requests;
    _Atomic uint64_t http_errors;
};

#endif
