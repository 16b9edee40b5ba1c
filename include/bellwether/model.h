/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The model: what a member knows of its cluster, as plain data. The engine writes a snapshot,
 * every surface reads one. No pointers; rows sorted by index; texts are NUL-terminated UTF-8.
 *
 * Ids (member ids 1-254) appear in rows; 0 means "no member". Durations are nanoseconds (_ns),
 * wall-clock times are nanoseconds since the Unix epoch (_wall) and only for showing.
 * Every field that a surface shows has its line in agent/model/catalogue.c.
 */
#ifndef BELLWETHER_MODEL_H
#define BELLWETHER_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bellwether/limits.h"

/* Numbers are those of the MIB: never change one, only append. */
enum bw_member_state {
    BW_MEMBER_INITIALIZING = 1,
    BW_MEMBER_READY,
    BW_MEMBER_STANDBY,
    BW_MEMBER_ACTIVE,
    BW_MEMBER_ATTENTION,
    BW_MEMBER_DOWN,
    BW_MEMBER_UNREACHABLE,
};

enum bw_admin_state {
    BW_ADMIN_UP = 1,
    BW_ADMIN_DOWN,
    BW_ADMIN_MAINTENANCE,
    BW_ADMIN_FORCE_DOWN, /* a request, shown as "down"; stored so that a forced member never serves */
};

enum bw_mode {
    BW_MODE_HA = 1,
    BW_MODE_HA_LEGACY,
    BW_MODE_LS_MULTICAST,
    BW_MODE_LS_UNICAST,
    BW_MODE_VRRP,
    BW_MODE_SERVICE,
};

enum bw_recovery { BW_RECOVERY_ACTIVE_UP = 1, BW_RECOVERY_PRIMARY_UP };

enum bw_interface_role {
    BW_ROLE_CLUSTER = 1,
    BW_ROLE_SYNC, /* secured */
    BW_ROLE_MONITORED,
    BW_ROLE_DISCONNECTED,
};

enum bw_interface_state { BW_INTERFACE_UP = 1, BW_INTERFACE_SUSPECT, BW_INTERFACE_DOWN, BW_INTERFACE_UNKNOWN };

enum bw_direction_state { BW_DIRECTION_UP = 1, BW_DIRECTION_DOWN };

enum bw_transport { BW_TRANSPORT_MULTICAST = 1, BW_TRANSPORT_BROADCAST, BW_TRANSPORT_UNICAST };

enum bw_pnote_status { BW_PNOTE_OK = 1, BW_PNOTE_INIT, BW_PNOTE_PROBLEM, BW_PNOTE_UNKNOWN };

enum bw_pnote_kind { BW_PNOTE_BUILTIN = 1, BW_PNOTE_MONITOR, BW_PNOTE_TRAP, BW_PNOTE_USER };

enum bw_view { BW_VIEW_NONE = 1, BW_VIEW_ONE_WAY, BW_VIEW_MUTUAL, BW_VIEW_LOCAL };

enum bw_group_state { BW_GROUP_ONLINE = 1, BW_GROUP_OFFLINE, BW_GROUP_ERROR, BW_GROUP_UNKNOWN };

enum bw_start { BW_START_ALLOW = 1, BW_START_DENY };

/* Why a member may not start a group. Numbers are on the wire: append only. */
enum bw_deny {
    BW_DENY_NONE,
    BW_DENY_ADMIN,    /* stopped there by an administrator */
    BW_DENY_RESOURCE, /* a resource of the group failed there */
    BW_DENY_WATCH,    /* an address that is watched there is lost */
    BW_DENY_LAST = BW_DENY_WATCH,
};

enum bw_auto { BW_AUTO = 1, BW_MANUAL };

/* Why a group changed its holder. Numbers are on the wire and in the MIB: append only. */
enum bw_cause {
    BW_CAUSE_NONE = 1,
    BW_CAUSE_START,        /* nobody held it: first holder after a start */
    BW_CAUSE_SILENCE,      /* the holder fell silent for the dead time */
    BW_CAUSE_FAREWELL,     /* its keeper or agent said that it is over */
    BW_CAUSE_INTERFACE,    /* it has fewer working interfaces */
    BW_CAUSE_PNOTE,        /* one of its pnotes is in problem or init */
    BW_CAUSE_ADMIN,        /* an administrator's down, maintenance or move */
    BW_CAUSE_RECOVERY,     /* primary-up: the higher rank took it back */
    BW_CAUSE_SPLIT_BRAIN,  /* two holders met and rank decided */
    BW_CAUSE_PAUSE,        /* the holder had been stopped or starved */
    BW_CAUSE_RESOURCE,     /* a resource of the group failed there, or an address that it watches is lost */
};
#define BW_CAUSE_LAST BW_CAUSE_RESOURCE

enum bw_event_kind {
    BW_EVENT_START = 1,        /* the agent started, or stopped in order */
    BW_EVENT_STATE_CHANGE,     /* a member's state; from and to are states */
    BW_EVENT_FAILOVER,         /* a group's holder; from and to are member names */
    BW_EVENT_PNOTE,            /* a pnote's status */
    BW_EVENT_INTERFACE,        /* an interface's state */
    BW_EVENT_ADMIN,            /* an admin state */
    BW_EVENT_SPLIT_BRAIN,      /* two holders heard each other */
    BW_EVENT_MISMATCH,         /* mode, configuration or version differ */
    BW_EVENT_ADDRESS,          /* a virtual address was removed by others, or answered by a stranger */
    BW_EVENT_AUTH_FAILURE,     /* unauthentic, replayed or foreign frames */
    BW_EVENT_PAUSE,            /* this member was stopped or starved */
    BW_EVENT_CANCELLED,        /* a change cancelled since no other member can take over */
    BW_EVENT_RELOAD,           /* a changed configuration was taken on while running */
    BW_EVENT_SYNC,             /* state synchronisation: from and to are states of it (enum bw_sync_state's texts) */
    BW_EVENT_RESOURCE,         /* a group's resource; from and to are its states */
    BW_EVENT_ALERT,            /* an alert target began or ceased to fail */
};
#define BW_EVENT_LAST BW_EVENT_ALERT

enum bw_resource_kind {
    BW_RESOURCE_FIP = 1, /* floating addresses */
    BW_RESOURCE_PARP,    /* proxy ARP and ND */
    BW_RESOURCE_IPW,     /* watched addresses */
    BW_RESOURCE_EXEC,    /* commands */
};

enum bw_recovery_action { BW_ON_FAILURE_IGNORE = 1, BW_ON_FAILURE_RETRY, BW_ON_FAILURE_STOP, BW_ON_FAILURE_FAILOVER };

enum bw_sync_state {
    BW_SYNC_OFF = 1,   /* not configured, or no provider runs */
    BW_SYNC_ALONE,     /* no other member to synchronise with */
    BW_SYNC_FULL,      /* the whole table is on its way to or from this member */
    BW_SYNC_OK,        /* what peers acknowledged is all there is */
    BW_SYNC_BEHIND,    /* updates are missing and asked for, or queues are over their threshold */
    BW_SYNC_LOST,      /* no secured path to a member that is in view, or a full sync failed */
};

enum bw_alert_kind {
    BW_ALERT_SYSLOG = 1, BW_ALERT_JOURNAL, BW_ALERT_MAIL, BW_ALERT_WEBHOOK, BW_ALERT_ALERTMANAGER, BW_ALERT_EXEC, BW_ALERT_SNMP,
};

enum bw_alert_state { BW_ALERT_IDLE = 1, BW_ALERT_SENDING, BW_ALERT_WAITING /* a try failed, the next one is due later */ };

/* An address with its prefix length. family: 4, 6, or 0 for none; IPv4 uses bytes[0..3]. */
struct bw_address {
    uint8_t family;
    uint8_t prefix;
    uint8_t bytes[16];
};

struct bw_boot_id {
    uint8_t bytes[BW_BOOT_ID_BYTES];
};

struct bw_cluster_row {
    uint32_t id; /* 1-254 */
    char name[BW_NAME_MAX];
    uint32_t mode;          /* enum bw_mode */
    uint32_t recovery;      /* enum bw_recovery */
    uint32_t local_member;  /* id */
    uint32_t active_member; /* id of the first group's holder, 0 = none */
    bool takeover_possible; /* could a failover succeed now? */
    char takeover_obstacle[BW_TEXT_MAX]; /* why not; empty when it could */
    uint64_t failovers;     /* seen by this member since its start */
    uint64_t split_brains;
    uint64_t config_digest;
    bool config_mismatch;   /* a member in view has another digest */
    char version[BW_NAME_MAX];        /* of this member */
    char oldest_version[BW_NAME_MAX]; /* in view */
    uint32_t members;          /* configured */
    uint32_t members_in_view;  /* this one included */
    uint64_t heartbeat_interval_ns;
};

struct bw_member_row {
    uint32_t id;
    char name[BW_NAME_MAX];
    bool local;
    uint32_t state;    /* enum bw_member_state */
    uint32_t expected; /* enum bw_member_state it would have if all were well */
    bool problem;
    char reason[BW_TEXT_MAX];
    char reason_source[BW_NAME_MAX]; /* the pnote or interface it comes from, or empty */
    uint32_t admin; /* enum bw_admin_state, force-down shown as down */
    bool forced;    /* its admin state is force-down: it never serves */
    char admin_by[BW_TEXT_MAX];
    int64_t admin_since_wall;
    uint32_t priority;
    int64_t since_wall; /* in this state since */
    struct bw_address address;
    char version[BW_NAME_MAX];
    uint64_t config_digest;
    uint32_t view; /* enum bw_view */
    bool deaf;
    uint32_t interfaces_up;
    uint32_t interfaces_required;
    uint32_t secured_up;
    uint32_t secured_required;
    uint64_t last_heard_ns; /* ago; 0 for the local member */
    uint64_t round_trip_ns; /* last measured, 0 = not yet */
    int64_t clock_offset_ns; /* its wall clock against ours, positive when it is ahead; 0 = not known, or the local member */
    uint64_t heartbeats_sent;     /* to it (the local member: sent in all) */
    uint64_t heartbeats_received; /* from it */
    uint64_t heartbeats_missed;   /* expected from it and not heard */
};

struct bw_interface_row {
    uint32_t member; /* id */
    uint32_t index;  /* 1 = first in the configuration */
    char name[BW_NAME_MAX];
    char device[BW_NAME_MAX];
    uint32_t role;      /* enum bw_interface_role */
    uint32_t state;     /* enum bw_interface_state */
    uint32_t receive;   /* enum bw_direction_state */
    uint32_t transmit;  /* enum bw_direction_state */
    bool link;          /* carrier and administratively up */
    uint32_t transport; /* enum bw_transport */
    uint64_t silence_ns; /* since the last CCP frame heard here */
    uint64_t frames_sent;
    uint64_t frames_received;
    uint64_t send_errors;
};

struct bw_pnote_row {
    uint32_t member; /* id */
    char name[BW_NAME_MAX];
    uint32_t kind;   /* enum bw_pnote_kind */
    uint32_t status; /* enum bw_pnote_status */
    uint64_t timeout_ns; /* 0 = none */
    uint64_t age_ns;     /* since the last report */
    bool persistent;
    char detail[BW_TEXT_MAX];
};

struct bw_address_row {
    struct bw_address address;
    uint32_t interface; /* 1 = first in the configuration */
    char interface_name[BW_NAME_MAX];
    char group[BW_NAME_MAX];
    uint32_t holder; /* member id, 0 = nobody known */
    bool installed;  /* in this member's kernel, as the address thread last knew */
};

struct bw_group_row {
    uint32_t index; /* 1 = first */
    char name[BW_NAME_MAX];
    uint32_t mode;     /* enum bw_mode */
    uint32_t failback; /* enum bw_auto */
    uint32_t start;    /* enum bw_auto */
    uint32_t holder;   /* member id, 0 = none */
    uint64_t epoch;
    char policy[BW_TEXT_MAX]; /* member names in order, separated by blanks */
    bool stopped; /* by an administrator, or not started yet though that is left to one */
    uint64_t decision; /* counts starts and stops by administrators: odd = stopped, even = started, 0 = as configured (kept by the store) */
};

struct bw_group_member_row {
    uint32_t group;  /* 1 = first */
    uint32_t member; /* id */
    uint32_t state;  /* enum bw_group_state */
    uint32_t start;  /* enum bw_start */
    char start_reason[BW_TEXT_MAX];
};

struct bw_cause_row {
    uint32_t cause; /* enum bw_cause */
    uint64_t failovers;
};

/* How this process itself is. */
struct bw_agent_row {
    uint32_t pid;
    uint64_t uptime_ns;
    uint64_t turns;              /* of the engine's loop */
    uint64_t late_worst_ns;      /* worst lateness of a heartbeat since start */
    uint64_t late_p999_ns;       /* 99.9th percentile, bucketed upwards */
    uint64_t slow_hooks;         /* hooks that ran longer than 1 ms */
    uint64_t pauses;             /* times this process found it had been stopped */
    uint64_t frames_malformed;
    uint64_t frames_unauthentic; /* wrong key or forged */
    uint64_t frames_replayed;
    uint64_t frames_foreign;     /* another cluster's number */
    uint64_t frames_own;         /* own frames looped back */
    uint64_t events_dropped;     /* log lines or events that found their queue full */
    uint64_t requests_refused;   /* mailbox full */
    uint64_t agent_restarts;     /* by the keeper */
    bool snmp_connected;
    uint64_t snmp_connects;
    uint64_t snmp_notifications_sent;
    uint64_t snmp_notifications_dropped;
    uint64_t http_requests;
    uint64_t http_errors;
    bool traps_listening;     /* the receiver of SNMP notifications is ready */
    uint64_t traps_restarts;  /* of the receiver */
    uint64_t traps_received;  /* messages */
    uint64_t traps_accepted;  /* notifications that the rules saw */
    uint64_t traps_refused;   /* wrong source, community, user, key or level; no notification */
    uint64_t traps_malformed;
    uint64_t traps_dropped;   /* came too fast */
    uint64_t late_buckets[BW_LATE_BUCKETS]; /* heartbeats sent at most so late, each bucket by itself: bw_late_bounds_ns */
    uint64_t late_sum_ns;
    uint64_t late_count;
    bool store_writable; /* what must outlive a restart can be kept in state_dir */
    bool http_enabled;   /* by the configuration */
    bool http_listening; /* HTTP answers, at all its addresses that this host has */
};

/* What late_buckets, late_sum_ns and late_count of the agent's row are together, in this order. */
struct bw_late_histogram {
    uint64_t buckets[BW_LATE_BUCKETS];
    uint64_t sum_ns;
    uint64_t count;
};

/* Upper bounds of the buckets, in order; the last is UINT64_MAX. */
extern const uint64_t bw_late_bounds_ns[BW_LATE_BUCKETS];
/* The same in seconds, as OpenMetrics has a bucket's bound written. */
extern const char *const bw_late_bounds_text[BW_LATE_BUCKETS];
/* The bucket that a lateness belongs to. */
unsigned bw_late_bucket(uint64_t late_ns);

/* A rule for received SNMP notifications, of this member. */
struct bw_trap_rule_row {
    uint32_t index; /* 1 = first in the configuration */
    char name[BW_NAME_MAX];
    char pnote[BW_NAME_MAX];
    uint32_t sets; /* enum bw_pnote_status */
    uint64_t hold_ns; /* 0 = none */
    uint64_t matches;
    int64_t last_wall; /* of the last match, 0 = none yet */
    struct bw_address last_source;
};

/* A resource of a group on a member. */
struct bw_resource_row {
    uint32_t group;  /* 1 = first */
    uint32_t index;  /* within all resources of the configuration, 1 = first */
    uint32_t member; /* id */
    char name[BW_NAME_MAX];
    uint32_t kind;     /* enum bw_resource_kind */
    uint32_t state;    /* enum bw_group_state: online, offline, error, unknown */
    uint32_t recovery; /* enum bw_recovery_action */
    uint32_t retries;      /* configured */
    uint32_t retries_left;
    int64_t since_wall; /* in this state since */
    char detail[BW_TEXT_MAX];
};

/* State synchronisation of this member; counters since its start or their last reset. */
struct bw_sync_row {
    uint32_t state; /* enum bw_sync_state */
    char detail[BW_TEXT_MAX]; /* what it is waiting for, or what is wrong */
    int64_t reset_wall;       /* of the last reset, 0 = never */
    uint32_t entries;         /* in the local table that are synchronised: own */
    uint32_t entries_peers;   /* held here for other members */
    uint64_t generated;       /* updates made here */
    uint64_t sent;            /* updates sent, retransmitted ones included */
    uint64_t retransmitted;
    uint64_t requests_sent;   /* retransmission requests */
    uint64_t acks_sent;
    uint64_t received;        /* updates */
    uint64_t received_queued; /* that came out of order */
    uint64_t received_dropped; /* could not be kept: by net or by a full queue */
    uint64_t requests_received;
    uint64_t requests_duplicate;
    uint64_t requests_illegal; /* for a number that was never sent or is gone */
    uint64_t acks_received;
    uint64_t requested_missing; /* updates asked for in all: ÷ requests_sent = average missing per request */
    uint64_t too_old;           /* old or too new updates received */
    uint64_t missing_unsynced;  /* updates that never came: a full or ranged sync took their place */
    uint64_t lost_connections;  /* to peers */
    uint64_t timed_out_connections;
    uint64_t callbacks;         /* runs of acknowledgement handling */
    uint64_t callback_average_ns;
    uint64_t callback_max_ns;
    uint64_t delta_memory_bytes; /* now held for peers in full sync */
    uint32_t pending_held;       /* packets held now */
    uint64_t holds, unholds;     /* events */
    uint64_t released_by_timeout;
    uint64_t not_held;           /* for lack of other members */
    uint64_t held_average_ns, held_max_ns;
    uint64_t blocking_scenarios;
    uint64_t blocked_packets;
    uint64_t dropped_overload;   /* updates */
    uint32_t queue_length, queue_average, queue_max; /* of the sending queue */
    uint32_t sending_queue, receiving_queue;         /* sizes, updates */
    uint64_t tick_ns;            /* of the sync timer */
    uint64_t full_syncs;         /* ended well, to or from here */
    uint64_t full_syncs_failed;
    uint64_t full_sync_last_ns;  /* how long the last one took */
    uint64_t lag_median_ns, lag_p99_ns; /* from the update to its acknowledgement by the slowest peer, last minute */
    uint64_t bytes_sent, bytes_received;
    uint64_t events_overrun; /* times the kernel lost events: a resync followed */
    uint64_t ignored;        /* entries that the selection leaves out */
    bool healthy;              /* set by bw_sync_judge() for all of the row, like the next */
    char advice[BW_TEXT_MAX];  /* what to look at first; empty while it is healthy */
};

struct bw_sync_peer_row {
    uint32_t member;  /* id */
    uint32_t state;   /* enum bw_sync_state */
    char interface[BW_NAME_MAX]; /* the secured interface in use, or empty */
    uint64_t sent_number;  /* last update sent to it */
    uint64_t acked_number; /* last that it acknowledged in a row */
    uint64_t received_number; /* last of its updates applied in a row */
    uint32_t unacknowledged;
    uint32_t missing;         /* of its updates, asked for now */
    uint32_t receiving_length; /* out-of-order updates kept */
    uint64_t retransmitted;   /* to it */
    uint64_t requests_sent, requests_received;
    uint64_t acks_sent, acks_received;
    uint64_t full_syncs;
    uint32_t full_sync_percent; /* of the one that runs; 100 = none runs */
    uint32_t entries;         /* of it held here */
    uint64_t lag_median_ns, lag_p99_ns;
};

/* Delivery of alerts to one target, by this member. */
struct bw_alert_row {
    uint32_t index; /* 1 = first in the configuration */
    char name[BW_NAME_MAX];
    uint32_t kind;  /* enum bw_alert_kind */
    uint32_t state; /* enum bw_alert_state */
    uint32_t queued;
    uint64_t delivered;
    uint64_t failures; /* tries that failed */
    uint64_t dropped;  /* past the queue's bound, or refused for good */
    uint64_t suppressed; /* by rate limit, digest or maintenance: told in a digest */
    int64_t last_wall; /* of the last delivery, 0 = none yet */
    char last_error[BW_TEXT_MAX]; /* of the last try that failed; empty once it works again */
    char trouble[BW_TEXT_MAX]; /* why it has failed for long, which the engine makes an event of; empty: it has not. Not shown by itself */
};

/* What threads other than the engine's contribute to a snapshot (bellwether/published.h). */
struct bw_sync_rows {
    struct bw_sync_row sync;
    uint32_t peers_count;
    struct bw_sync_peer_row peers[BW_MAX_MEMBERS];
};

struct bw_resource_rows {
    uint32_t count;
    struct bw_resource_row rows[BW_MAX_RESOURCES];
};

struct bw_alert_rows {
    uint32_t count;
    struct bw_alert_row rows[BW_MAX_ALERT_TARGETS];
};

/* One thing that happened. Kept in the history ring (bellwether/history.h). */
struct bw_event {
    uint64_t number; /* from 1, never reused while the history file lives */
    int64_t time_wall;
    uint32_t kind;   /* enum bw_event_kind */
    uint32_t member; /* id it concerns, 0 = none */
    uint32_t group;  /* 1 = first, 0 = none */
    uint32_t cause;  /* enum bw_cause */
    uint64_t took_ns; /* from the first sign to this event, 0 = at once */
    char object[BW_NAME_MAX]; /* pnote or interface name, or empty */
    char from[BW_NAME_MAX];
    char to[BW_NAME_MAX];
    char reason[BW_TEXT_MAX];
};

struct bw_snapshot {
    uint64_t number;      /* counts posts */
    uint64_t posted_ns;   /* CLOCK_BOOTTIME */
    int64_t posted_wall;
    uint64_t history_first; /* oldest and newest event number; 0, 0 = none */
    uint64_t history_last;
    struct bw_cluster_row cluster;
    struct bw_agent_row agent;
    uint32_t members_count;
    uint32_t interfaces_count;
    uint32_t pnotes_count;
    uint32_t addresses_count;
    uint32_t groups_count;
    uint32_t group_members_count;
    uint32_t causes_count;
    uint32_t trap_rules_count;
    uint32_t resources_count;
    uint32_t sync_peers_count;
    uint32_t alerts_count;
    struct bw_sync_row sync;
    struct bw_member_row members[BW_MAX_MEMBERS];                              /* by id */
    struct bw_interface_row interfaces[BW_MAX_MEMBERS * BW_MAX_INTERFACES];    /* by member, index */
    struct bw_address_row addresses[BW_MAX_ADDRESSES];                         /* by family, bytes */
    struct bw_group_row groups[BW_MAX_GROUPS];                                 /* by index */
    struct bw_group_member_row group_members[BW_MAX_GROUPS * BW_MAX_MEMBERS];  /* by group, member */
    struct bw_cause_row causes[BW_CAUSE_LAST];                                 /* by cause */
    struct bw_trap_rule_row trap_rules[BW_MAX_TRAP_RULES];                     /* by index; the local member's */
    struct bw_resource_row resources[BW_MAX_RESOURCES * BW_MAX_MEMBERS]; /* by group, index, member */
    struct bw_sync_peer_row sync_peers[BW_MAX_MEMBERS];                        /* by member */
    struct bw_alert_row alerts[BW_MAX_ALERT_TARGETS];                          /* by index */
    struct bw_pnote_row pnotes[BW_MAX_MEMBERS * BW_MAX_PNOTES]; /* by member, name as SNMP orders: length first, then bytes */
};

#endif
