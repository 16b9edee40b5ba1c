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
};

/* The dead time in nanoseconds: interval × dead_after. */
static inline uint64_t bw_dead_ns(const struct bw_cluster_config *c)
{
    return c->interval_ns * c->dead_after;
}

struct bw_config {
    struct bw_cluster_config cluster;
    struct {
        bool enabled;
        char agentx[BW_PATH_MAX]; /* the master's socket, default /var/agentx/master */
        bool writable;
        char root[128]; /* OID, default the build's BW_OID_ROOT */
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

#endif
