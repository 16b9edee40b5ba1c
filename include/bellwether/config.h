/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration as plain data, after parsing and checking. Index fields are positions in the
 * arrays here (0-based); members are sorted by id, interfaces keep the file's order.
 */
#ifndef BELLWETHER_CONFIG_H
#define BELLWETHER_CONFIG_H

#include "bellwether/model.h"

struct bw_member_config {
    uint8_t id; /* 1-254 */
    uint8_t priority; /* lower is higher; default the id */
    char name[BW_NAME_MAX];
    struct bw_address address;
    char device[BW_MAX_INTERFACES][BW_NAME_MAX]; /* the interface's device on this member; default the interface's name */
    struct bw_address unicast[BW_MAX_INTERFACES]; /* where unicast reaches it on that interface; family 0: at `address` */
};

struct bw_interface_config {
    char name[BW_NAME_MAX];
    enum bw_interface_role role;
    enum bw_transport transport;
};

struct bw_address_config {
    struct bw_address address; /* with the prefix as written */
    uint8_t interface;         /* index */
    uint8_t group;             /* index */
};

struct bw_group_config {
    char name[BW_NAME_MAX];
    enum bw_auto start;
    enum bw_auto failback;
    uint8_t policy_count;
    uint8_t policy[BW_MAX_MEMBERS]; /* member indexes, first choice first */
};

/* Which connections are synchronised. */
enum bw_sync_when { BW_SYNC_NEVER = 1, BW_SYNC_AT_ONCE };

/* One rule; everything written must hold, the first rule that matches decides. */
struct bw_sync_select_config {
    uint32_t protocol; /* IP protocol, 0 = any */
    uint32_t port;     /* of the destination, 0 = any */
    uint32_t zone;     /* conntrack zone; BW_SYNC_ANY_ZONE = any */
    struct bw_address source, destination; /* of the original direction; family 0 = any */
    uint32_t when;     /* enum bw_sync_when */
    uint64_t after_ns; /* at once: when it has lived so long */
};
#define BW_SYNC_ANY_ZONE   0x10000
#define BW_MAX_SYNC_SELECT 32

/* Kinds of new connections; data: one that a helper expected. */
enum bw_sync_kind { BW_SYNC_ICMP = 1, BW_SYNC_TCP = 2, BW_SYNC_UDP = 4, BW_SYNC_TCP_DATA = 8, BW_SYNC_UDP_DATA = 16 };

/* State synchronisation. */
struct bw_sync_config {
    bool enabled;
    bool connections;           /* the kernel's connection table is synchronised */
    uint32_t sending_queue;     /* updates kept for retransmission */
    uint32_t receiving_queue;   /* updates kept out of order, per peer */
    uint32_t ack_count;         /* acknowledged after so many updates at the latest */
    uint64_t ack_ns;            /* and after so long */
    uint32_t overload_percent;  /* of the sending queue unacknowledged */
    uint64_t memory_bytes;      /* that the sending queue may take */
    uint64_t full_sync_deadline_ns;
    bool block;           /* new connections are refused while overloaded */
    uint32_t block_allow; /* bit: enum bw_sync_kind that is not */
    uint32_t hold_queue;  /* netfilter queue whose packets are held until peers know their connection; 0 = none */
    uint64_t hold_ns;     /* at most */
    uint8_t select_count;
    struct bw_sync_select_config select[BW_MAX_SYNC_SELECT];
};

struct bw_cluster_config {
    uint8_t id; /* 1-254 */
    char name[BW_NAME_MAX];
    enum bw_mode mode;
    enum bw_recovery recovery;
    uint8_t local; /* member index; BW_NONE until resolved */
    char local_name[BW_NAME_MAX]; /* `local = "fw1"`, or empty */
    bool auth_none;
    char key_file[BW_PATH_MAX];
    char multicast4[BW_NAME_MAX + 18]; /* group, default 224.0.0.254 */
    char multicast6[BW_NAME_MAX + 18]; /* default ff02::114 */
    uint64_t interval_ns;   /* heartbeat interval */
    uint32_t dead_after;    /* intervals */
    uint64_t start_wait_ns; /* default 10 dead times */
    uint64_t claim_ns;      /* default one dead time */
    uint64_t failback_delay_ns;
    uint64_t lease_ns;            /* whole seconds */
    uint64_t renew_ns;
    uint64_t announce_refresh_ns; /* 0 = never */
    uint8_t members_count;
    uint8_t interfaces_count;
    uint8_t groups_count; /* at least 1: without `groups` one implicit group, named like the cluster */
    uint8_t witnesses_count;
    uint16_t addresses_count;
    struct bw_member_config members[BW_MAX_MEMBERS];
    struct bw_interface_config interfaces[BW_MAX_INTERFACES];
    struct bw_group_config groups[BW_MAX_GROUPS];
    struct bw_address witnesses[BW_MAX_WITNESSES];
    struct bw_address_config addresses[BW_MAX_ADDRESSES]; /* sorted by address */
    uint64_t digest; /* over everything that must be the same on all members; not the key, not `local` */
    struct bw_sync_config sync;
};

/* The dead time in nanoseconds: interval × dead_after. */
static inline uint64_t bw_dead_ns(const struct bw_cluster_config *c)
{
    return c->interval_ns * c->dead_after;
}

/* ---- received SNMP notifications (traps) ---- */

enum bw_trap_auth {
    BW_TRAP_AUTH_MD5 = 1,
    BW_TRAP_AUTH_SHA,
    BW_TRAP_AUTH_SHA224,
    BW_TRAP_AUTH_SHA256,
    BW_TRAP_AUTH_SHA384,
    BW_TRAP_AUTH_SHA512,
};

enum bw_trap_priv { BW_TRAP_PRIV_NONE = 0, BW_TRAP_PRIV_DES, BW_TRAP_PRIV_AES, BW_TRAP_PRIV_AES192, BW_TRAP_PRIV_AES256 };

struct bw_trap_user_config {
    char name[BW_NAME_MAX];
    enum bw_trap_auth auth;
    enum bw_trap_priv priv;
    char auth_file[BW_PATH_MAX]; /* its first line is the passphrase */
    char priv_file[BW_PATH_MAX];
    uint8_t engine_id_length; /* 0 = none: it sends informs only */
    uint8_t engine_id[32];    /* of the sender of traps */
};

/* A condition on one of a notification's objects; everything written must hold. */
struct bw_trap_match_config {
    char oid[BW_OID_TEXT_MAX]; /* the object, its instance left out or not; number or name */
    bool has_equal, has_less, has_greater;
    int64_t equal, less, greater;
    char text[BW_TEXT_MAX];  /* equal = "…"; empty = none */
    char regex[BW_TEXT_MAX]; /* extended; empty = none */
};

struct bw_trap_rule_config {
    char name[BW_NAME_MAX];
    char pnote[BW_NAME_MAX];
    struct bw_address source;  /* host or network; family 0 = any */
    char oid[BW_OID_TEXT_MAX]; /* the notification: number or name; ".*" at its end = whatever is below */
    enum bw_pnote_status set;
    enum bw_pnote_status after; /* what the pnote is when the hold time is over */
    enum bw_pnote_status start; /* what the pnote is when the daemon starts */
    uint64_t hold_ns;           /* 0 = stays until another rule matches */
    uint8_t match_count;
    struct bw_trap_match_config match[BW_MAX_TRAP_MATCHES];
};

struct bw_traps_config {
    bool enabled;
    uint8_t listen_count;
    uint8_t sources_count; /* 0 = everybody */
    uint8_t communities_count;
    uint8_t users_count;
    uint8_t rules_count;
    char listen[BW_MAX_TRAP_LISTENS][64]; /* "address:port" or "[address]:port" */
    struct bw_address sources[BW_MAX_TRAP_SOURCES];
    char communities[BW_MAX_TRAP_COMMUNITIES][BW_NAME_MAX * 2]; /* secret */
    struct bw_trap_user_config users[BW_MAX_TRAP_USERS];
    struct bw_trap_rule_config rules[BW_MAX_TRAP_RULES];
};

/* What a monitor looks at. */
enum bw_monitor_kind {
    BW_MONITOR_PING = 1,
    BW_MONITOR_TCP,
    BW_MONITOR_HTTP,
    BW_MONITOR_PROCESS,
    BW_MONITOR_EXEC,
    BW_MONITOR_RULESET,
    BW_MONITOR_CONNTRACK,
    BW_MONITOR_DISK,
    BW_MONITOR_CLOCK,
    BW_MONITOR_CONFLICT,
};

#define BW_COMMAND_MAX 512 /* a command's words, each with its NUL */

/* One monitor; each is a pnote of its name. Fields of other kinds than its own are empty. */
struct bw_monitor_config {
    char name[BW_NAME_MAX];
    uint32_t kind;  /* enum bw_monitor_kind */
    uint32_t start; /* enum bw_pnote_status until the first verdict: ok or init */
    uint64_t interval_ns, timeout_ns;
    uint32_t rise, fall; /* checks in a row that make it ok, or a problem */
    uint8_t targets_count;
    struct bw_address targets[BW_MAX_TARGETS]; /* ping: any of them must answer */
    struct bw_address address;                 /* tcp; http: in place of the URL's host, family 0 = as the URL says */
    uint32_t port;                             /* tcp */
    char url[256];
    uint32_t status;                /* http: wanted, 0 = 200-299 */
    char match[128];                /* tcp: in what the server says first; http: in the body; "" = anything */
    bool verify;                    /* https: the server's certificate */
    char ca_file[BW_PATH_MAX];      /* https: "" = the system's authorities */
    char pid_file[BW_PATH_MAX];     /* process */
    char process[16];               /* process: its name, as the kernel keeps it */
    char unit[128];                 /* process: main process of this systemd unit */
    char command[BW_COMMAND_MAX];   /* exec: words, each ended by NUL */
    uint32_t words;                 /* exec: how many */
    char user[BW_NAME_MAX];         /* exec: "" = as the daemon */
    char table[64];                 /* ruleset: "family name", "" = any */
    char chain[64];                 /* ruleset: "" = any */
    uint32_t most_percent;          /* conntrack */
    char path[BW_PATH_MAX];         /* disk */
    uint32_t free_percent;          /* disk: space, least */
    uint32_t inodes_percent;        /* disk: free inodes, least */
    uint64_t most_error_ns;         /* clock: largest estimated error, 0 = any */
    uint64_t peers_ns;              /* clock: largest offset to other members' clocks, 0 = not looked at */
};

/* Where a resource runs. */
enum bw_resource_on {
    BW_ON_ONE = 1, /* on the member that holds the group */
    BW_ON_ALL,     /* on every member, whoever holds the group */
};

/* One resource of a group. Fields of other kinds than its own are empty. The group's virtual addresses are a resource too, which is
 * not among these. */
struct bw_resource_config {
    char name[BW_NAME_MAX];
    uint32_t kind;     /* enum bw_resource_kind */
    uint32_t on;       /* enum bw_resource_on */
    uint32_t recovery; /* enum bw_recovery_action */
    uint32_t retries;  /* starts after a failure, before the recovery action */
    uint8_t group;     /* index */
    bool watch_process;            /* exec: what `start` runs stays, and is the service */
    char start[BW_COMMAND_MAX];    /* exec: words, each ended by NUL */
    char stop[BW_COMMAND_MAX];     /* exec */
    char watch[BW_COMMAND_MAX];    /* exec */
    uint32_t start_words, stop_words, watch_words; /* 0 = no such command */
    char user[BW_NAME_MAX];        /* exec: "" = as the daemon */
    uint64_t start_timeout_ns, stop_timeout_ns;
    uint64_t interval_ns, timeout_ns; /* of a watch */
    uint32_t rise, fall;
    uint8_t sets_count; /* ipw */
    struct bw_watched_set {
        uint8_t count;
        struct bw_address targets[BW_MAX_TARGETS]; /* any of them must answer */
    } sets[BW_MAX_WATCHED_SETS];
};

/* An address that the holder of a group answers ARP or neighbour solicitations for, without having it. */
struct bw_proxied_config {
    struct bw_address address;
    uint8_t interface; /* index */
    uint8_t resource;  /* index */
};

/* ---- alerts ---- */

enum bw_alert_protocol { BW_ALERT_LOCAL = 1, BW_ALERT_UDP, BW_ALERT_TCP, BW_ALERT_TLS };
enum bw_alert_tls { BW_ALERT_TLS_NONE = 1, BW_ALERT_TLS_STARTTLS, BW_ALERT_TLS_IMPLICIT };

/* One target; fields of other kinds than its own are empty. Secrets are in files, read anew for each try. */
struct bw_alert_target_config {
    char name[BW_NAME_MAX];
    uint32_t kind;       /* enum bw_alert_kind */
    uint32_t events;     /* bit: enum bw_event_kind; 0 = all */
    uint32_t severity;   /* enum bw_severity: the least grave */
    uint32_t from;       /* enum bw_notify */
    uint32_t rate;       /* messages a minute, 0 = any number */
    uint32_t queue;      /* messages kept while it does not take them */
    uint32_t digest_after; /* changes of one object within a minute before they are gathered, 0 = never */
    uint64_t digest_ns;    /* quiet time that ends the gathering */
    uint64_t timeout_ns;   /* of a try */
    char socket[BW_PATH_MAX]; /* syslog, journal: the local one */
    char server[264];         /* syslog: "address:port" or "name:port", "" = the local socket */
    uint32_t protocol;        /* syslog to a server: enum bw_alert_protocol */
    uint32_t facility;        /* syslog */
    uint32_t enterprise;      /* syslog: number for structured data, 0 = none is sent */
    char url[256];            /* mail, webhook, alertmanager; "" = in url_file */
    char url_file[BW_PATH_MAX];
    uint32_t tls;             /* mail: enum bw_alert_tls */
    char sender[128];         /* mail */
    char to[512];             /* mail: addresses, each ended by NUL */
    uint32_t to_count;
    char login[64];           /* mail, HTTP */
    char password_file[BW_PATH_MAX];
    char token_file[BW_PATH_MAX];  /* HTTP: bearer token */
    char secret_file[BW_PATH_MAX]; /* webhook: signs the body */
    char ca_file[BW_PATH_MAX];
    char certificate_file[BW_PATH_MAX]; /* that this side shows */
    char key_file[BW_PATH_MAX];         /* of that certificate */
    bool verify;
    uint64_t repeat_ns;           /* alertmanager */
    char command[BW_COMMAND_MAX]; /* exec: words, each ended by NUL */
    uint32_t words;
    char user[BW_NAME_MAX];       /* exec: "" = as the daemon */
};

struct bw_alerts_config {
    uint8_t targets_count;
    char link[256]; /* where people look: the status page's URL, or "" */
    struct bw_alert_target_config targets[BW_MAX_ALERT_TARGETS];
    uint32_t lines[BW_MAX_ALERT_TARGETS]; /* of the file, for messages */
};

/* Which events a member tells by SNMP notifications. */
enum bw_notify {
    BW_NOTIFY_OWN = 1, /* its own; those of the cluster, and of members that are silent, by the holder alone */
    BW_NOTIFY_ALL,     /* whatever it sees */
};

struct bw_config {
    struct bw_cluster_config cluster;
    uint8_t monitors_count;
    struct bw_monitor_config monitors[BW_MAX_MONITORS]; /* by name */
    uint8_t resources_count;
    uint16_t proxied_count;
    struct bw_resource_config resources[BW_MAX_RESOURCES]; /* by group, then as written: the order of their start */
    struct bw_proxied_config proxied[BW_MAX_PROXIED];      /* by address */
    struct {
        bool enabled;
        char agentx[BW_PATH_MAX]; /* the master's socket, default /var/agentx/master */
        bool writable;
        char root[128]; /* OID, default the build's BW_OID_ROOT */
        uint32_t notify;       /* enum bw_notify */
        bool checkpoint_view;  /* the ha subtree of CHECKPOINT-MIB is answered, too */
        bool checkpoint_traps; /* and its notifications are sent */
        bool keepalived_view;  /* KEEPALIVED-MIB's instances are answered, too, and its notification is sent */
    } snmp;
    struct {
        bool enabled;
        char listen[64]; /* "address:port" or "[address]:port": the first one */
        char token_file[BW_PATH_MAX];
        char listen_also[BW_MAX_LISTENS - 1][64]; /* the others */
        uint8_t listen_also_count;
        char tls_certificate[BW_PATH_MAX]; /* PEM with its chain; "" = no TLS */
        char tls_key[BW_PATH_MAX];
        char tls_client_ca[BW_PATH_MAX];   /* clients need a certificate of one of these; "" = none needed */
        uint32_t connections;              /* at a time, 0 = default */
        uint32_t connections_per_address;  /* of one client address, 0 = half of them */
        uint32_t streams;                  /* event streams at a time, 0 = default */
    } http;
    struct {
        char socket[BW_PATH_MAX];
    } control;
    char state_dir[BW_PATH_MAX];
    bool core_dump;
    char log_level[BW_NAME_MAX]; /* error, warning, notice, info, debug */
    struct bw_traps_config traps;
    struct bw_alerts_config alerts;
};

/* Everything that was wrong with a file, as text, one "file:line: what, and what is allowed\n" each. */
struct bw_config_errors {
    unsigned count;
    size_t length;
    char text[16384]; /* cut with a last line that says how many more */
};

/* Reads and checks a file. Either the one syntax error or every semantic error is in errors; then *config is undefined.
 * Does not read the key file and does not resolve the local member. Returns 0, -EINVAL (see errors), -ENOENT … (errno of open,
 * also in errors). */
int bw_config_load(const char *path, struct bw_config *config, struct bw_config_errors *errors);
/* The same from memory; name is used in messages. For tests and the fuzzer. */
int bw_config_parse(const char *text, size_t length, const char *name, struct bw_config *config,
                    struct bw_config_errors *errors);

/* Which member is local: `local`, else the member whose address is among the host's, else whose name is the host's (short) name.
 * Sets cluster.local. 0, or -ENOENT with an error that lists what was looked at. */
int bw_config_resolve_local(struct bw_config *config, const struct bw_address *addresses, size_t count,
                            const char *hostname, struct bw_config_errors *errors);
/* The same with this host's addresses (getifaddrs) and host name. */
int bw_config_resolve_host(struct bw_config *config, struct bw_config_errors *errors);

/* Reads a cluster key file: 64 hexadecimal digits on its first line that is not a comment; an optional second such line is
 * the older key still accepted. Checks mode (no access for group and others). keys: 2 × BW_KEY_BYTES; *count 1 or 2.
 * 0 or negative errno, with the reason in errors (never the key's text). */
int bw_config_read_key(const char *path, uint8_t keys[2][BW_KEY_BYTES], unsigned *count, struct bw_config_errors *errors);

/* Can the files with the alert targets' secrets be read, are they closed to group and others, and do they hold something? path: of the
 * configuration, for messages. 0, or -EINVAL with every problem in errors as file:line (never a secret). */
int bw_config_check_alerts(const char *path, const struct bw_config *config, struct bw_config_errors *errors);

#endif
