/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fixed capacities. Everything that the engine touches has a fixed size, so that nothing is
 * allocated after start and a snapshot is plain data.
 */
#ifndef BELLWETHER_LIMITS_H
#define BELLWETHER_LIMITS_H

#define BW_MAX_MEMBERS 16
#define BW_MAX_INTERFACES 16 /* per cluster: every member has the same list */
#define BW_MAX_PNOTES 64     /* per member */
#define BW_MAX_GROUPS 16
#define BW_MAX_ADDRESSES 256 /* virtual addresses, whole cluster */
#define BW_MAX_HISTORY 1000  /* events kept */
#define BW_MAX_WITNESSES 4
#define BW_MAX_LISTENS 8     /* addresses that HTTP listens on */
#define BW_MAX_MONITORS 60   /* each is a pnote: room stays for the built-in ones and a user's */
#define BW_MAX_TARGETS 8     /* hosts that one monitor pings */
#define BW_MAX_TRAP_RULES 64
#define BW_MAX_TRAP_MATCHES 8  /* conditions of a trap rule */
#define BW_MAX_TRAP_USERS 16
#define BW_MAX_TRAP_SOURCES 32
#define BW_MAX_TRAP_COMMUNITIES 16
#define BW_MAX_TRAP_LISTENS 4
#define BW_MAX_RESOURCES 64      /* of all groups together */
#define BW_MAX_WATCHED_SETS 8    /* sets of watched addresses of one resource */
#define BW_MAX_PROXIED 256       /* proxy ARP/ND addresses, whole cluster */
#define BW_MAX_ALERT_TARGETS 16
#define BW_LATE_BUCKETS 12       /* of the histogram of heartbeat lateness, the last without bound */
#define BW_OID_TEXT_MAX 192 /* object identifiers and their names in the configuration, with their NUL */

#define BW_NAME_MAX 32   /* names with their NUL: 31 characters */
#define BW_TEXT_MAX 160  /* reasons, details with their NUL */
#define BW_PATH_MAX 108  /* file and socket paths with their NUL (sockaddr_un's bound) */
#define BW_KEY_BYTES 32  /* the cluster key */
#define BW_BOOT_ID_BYTES 16

#define BW_CCP_PORT 8116

/* Marks "no member", "no interface", "no group" in index (not id) fields. Ids use 0. */
#define BW_NONE 0xff

#define BW_MS 1000000ULL    /* nanoseconds in a millisecond */
#define BW_SEC 1000000000ULL /* nanoseconds in a second */

#endif
