/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Received SNMP notifications (traps and informs) that act on pnotes.
 *
 *   agent process                      supervisor process        receiver process
 *   ┌────────────────────────┐  fork   ┌──────────────┐  fork   ┌───────────────────────────────┐
 *   │ engine ◄─ mailbox ◄─┐  ├────────►│ starts it    ├────────►│ net-snmp: decode, USM, acks   │
 *   │ thread "bw-trap" ───┘  │         │ again        │         │ rules (regular expressions)   │
 *   └──────────▲─────────────┘         └──────────────┘         └───────────────┬───────────────┘
 *              └───────────── packets: "rule 3 matched, from, why" ◄────────────┘
 *
 * net-snmp may be touched by one thread of a process only, and the agent's SNMP thread may wait seconds for a hung
 * snmpd: so notifications are received by a process of their own, which gives up its privileges once its ports are
 * bound. Whatever hostile input does to it, the engine only ever sees small packets of fixed form, checked again. The
 * supervisor is forked while the agent has no threads, does nothing but start the receiver (again), and ends with the
 * agent. Nothing queues without bound: the sockets' buffers do, then messages are dropped and counted; of each rule the
 * newest match waits, never more.
 */
#ifndef AGENT_TRAP_H
#define AGENT_TRAP_H

#include <stdatomic.h>
#include <sys/types.h>

#include "bellwether/config.h"
#include "bellwether/log.h"

#define BW_OID_ARCS_MAX    128
#define BW_TRAP_VALUE_MAX  256 /* bytes of a value as text, with its NUL */
#define BW_TRAP_VALUES_MAX 64  /* objects of a notification that rules see */

struct bw_oid {
    uint32_t length;
    uint32_t arcs[BW_OID_ARCS_MAX];
};

struct bw_trap_value {
    struct bw_oid oid;
    bool is_number;
    int64_t number;               /* Counter64 beyond INT64_MAX: that */
    char text[BW_TRAP_VALUE_MAX]; /* any value as text: decimal, dotted, printable, else hexadecimal octets "00 1f" */
};

/* A notification, whatever version brought it. */
struct bw_trap {
    struct bw_address source; /* of the packet; family 0 = unknown */
    uint8_t version;          /* 1, 2, 3; 0 = recorded */
    bool inform;
    struct bw_oid oid; /* snmpTrapOID, of SNMPv1 traps as RFC 3584 has it */
    uint32_t values_count;
    struct bw_trap_value values[BW_TRAP_VALUES_MAX];
};

/* ---- oid.c: pure ---- */

/* "1.3.6.1" or ".1.3.6.1". 0 or -EINVAL. */
int bw_oid_from_text(const char *text, struct bw_oid *oid);
/* Cut when it does not fit. Returns buf. */
const char *bw_oid_to_text(const struct bw_oid *oid, char *buf, size_t cap);
bool bw_oid_equal(const struct bw_oid *a, const struct bw_oid *b);
/* Is oid at or below root? */
bool bw_oid_within(const struct bw_oid *oid, const struct bw_oid *root);
/* Adds an arc; false when it is full. */
bool bw_oid_append(struct bw_oid *oid, uint32_t arc);
/* One of the generic notifications ("linkDown", "IF-MIB::linkDown" …). 0 or -ENOENT. */
int bw_oid_builtin(const char *name, struct bw_oid *oid);
/* The generic notification's name, or NULL. */
const char *bw_oid_builtin_name(const struct bw_oid *oid);
/* Octets as text: printable ones as they are, else hexadecimal. */
void bw_trap_octets(const uint8_t *octets, size_t length, char text[BW_TRAP_VALUE_MAX]);

/* ---- peek.c: pure ---- */

/* The version number in a message (0, 1, 3) and, of version 3, the engine id that it claims. -EINVAL: it can't be read.
 */
int bw_trap_peek(const uint8_t *bytes, size_t length, const uint8_t **engine, size_t *engine_length);

/* ---- names.c: names by MIB files, with net-snmp ---- */

/* A number, a generic notification, or a name that some MIB file on this host has. 0, -EINVAL, -ENOENT. The first call
 * for a name reads every MIB file. */
int bw_trap_resolve(const char *text, struct bw_oid *oid);
/* Forgets the MIB files. */
void bw_trap_resolve_end(void);

/* ---- rules.c: pure, regular expressions apart ---- */

struct bw_trap_rules;

/* The rules with their names resolved and expressions compiled. A rule whose names are not found is kept and never
 * matches. 0 or -ENOMEM. config must outlive it. */
int bw_trap_rules_new(const struct bw_traps_config *config, int (*resolve)(const char *text, struct bw_oid *oid),
                      struct bw_trap_rules **rules);
void bw_trap_rules_free(struct bw_trap_rules *rules);
/* The name that was not found, or NULL when the rule is good. */
const char *bw_trap_rule_fault(const struct bw_trap_rules *rules, unsigned rule);
/* Bit per rule that fits. */
uint64_t bw_trap_rules_match(const struct bw_trap_rules *rules, const struct bw_trap *trap);
/* Why a rule does not fit, for people; "" when it fits. Returns buf. */
const char *bw_trap_rule_obstacle(const struct bw_trap_rules *rules, unsigned rule, const struct bw_trap *trap,
                                  char *buf, size_t cap);
/* What a rule has seen, for a pnote's detail: "linkDown from 10.0.0.2 (rule uplink): ifIndex… = 7". */
void bw_trap_rule_tell(const struct bw_trap_rules *rules, unsigned rule, const struct bw_trap *trap,
                       char text[BW_TEXT_MAX]);
/* One more value of a notification, all zero; NULL when it has BW_TRAP_VALUES_MAX of them. */
struct bw_trap_value *bw_trap_add_value(struct bw_trap *trap);
/* May this address send at all? */
bool bw_trap_source_allowed(const struct bw_traps_config *config, const struct bw_address *source);

/* ---- record.c: pure ---- */

/* Reads the next recorded notification from text (NUL-terminated), *at its place in it, *line counted on. 1 = trap is
 * filled, 0 = the end, -EINVAL = this one cannot be read (why says so, cap BW_TEXT_MAX; the next call goes on after
 * it). */
int bw_trap_record_next(const char *text, size_t *at, unsigned *line, struct bw_trap *trap, char why[BW_TEXT_MAX]);

/* ---- pnotes.c: pure ---- */

struct bw_trap_pnote {
    char name[BW_NAME_MAX];
    uint32_t status; /* enum bw_pnote_status: what it should be */
    uint32_t start;
    char text[BW_TEXT_MAX];
    bool dirty; /* to be reported */
    bool registered;
    uint64_t hold_end_ns; /* 0 = none */
    uint32_t after;
    uint64_t not_before_ns; /* no report before: after too many of them, or a refused one */
    uint64_t told_ns;       /* last report */
    uint64_t credit_ns;     /* see pnotes.c */
};

struct bw_trap_pnotes {
    unsigned count;
    struct bw_trap_pnote rows[BW_MAX_TRAP_RULES];
    uint8_t of_rule[BW_MAX_TRAP_RULES]; /* row of each rule */
};

void bw_trap_pnotes_init(struct bw_trap_pnotes *pnotes, const struct bw_traps_config *config);
/* A rule matched. */
void bw_trap_pnotes_match(struct bw_trap_pnotes *pnotes, const struct bw_trap_rule_config *rule, unsigned index,
                          const char *text, uint64_t now_ns);
/* Ends hold times. Returns the time of the next thing to do, UINT64_MAX for none. */
uint64_t bw_trap_pnotes_run(struct bw_trap_pnotes *pnotes, uint64_t now_ns);
/* A row to report now, or NULL. */
struct bw_trap_pnote *bw_trap_pnotes_next(struct bw_trap_pnotes *pnotes, uint64_t now_ns);
/* It was reported, or could not be: then again later. */
void bw_trap_pnote_done(struct bw_trap_pnote *row, bool good, uint64_t now_ns);

/* ---- between the processes ---- */

struct bw_trap_counters {       /* shared memory; written by the receiver, restarts by the supervisor */
    _Atomic uint64_t listening; /* 0 or 1 */
    _Atomic uint64_t restarts;
    _Atomic uint64_t received; /* messages */
    _Atomic uint64_t accepted; /* notifications that rules saw */
    _Atomic uint64_t refused;  /* wrong source, community, user, key or security level; no notification */
    _Atomic uint64_t malformed;
    _Atomic uint64_t dropped; /* by the kernel, since they came too fast */
    _Atomic uint64_t matches[BW_MAX_TRAP_RULES];
};

enum bw_trap_packet_kind { BW_TRAP_MATCH = 1, BW_TRAP_LOG };

struct bw_trap_packet {
    uint32_t kind;
    uint32_t rule; /* MATCH: index; LOG: enum bw_log_level */
    int64_t wall;
    struct bw_address source;
    char text[BW_TEXT_MAX];
};

/* What the child processes work with. */
struct bw_trap_link {
    const struct bw_config *config;
    struct bw_trap_counters *counters;
    int fd; /* SOCK_SEQPACKET to the agent */
};

/* A line into the agent's log; dropped when the socket is full. */
void bw_trap_say(const struct bw_trap_link *link, enum bw_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- supervisor.c, receiver.c, users.c, pdu.c, sandbox.c: in processes of their own ---- */

_Noreturn void bw_trap_supervise(const struct bw_trap_link *link, pid_t agent);
/* Returns the exit status. */
int bw_trap_receive(const struct bw_trap_link *link, pid_t supervisor);

/* Sets net-snmp's USM up: own engine id and boots, the configured users. */
void bw_trap_users_init(const struct bw_trap_link *link);
/* Is this an engine id that messages may carry: none, our own, or a configured one? */
bool bw_trap_engine_known(const struct bw_traps_config *config, const uint8_t *engine, size_t length);
/* May this user's message of that net-snmp security level be taken? */
bool bw_trap_user_allowed(const struct bw_traps_config *config, const char *name, size_t length, int level);

struct snmp_pdu;
/* net-snmp's form to ours. 0 or -EINVAL: no notification in it. */
int bw_trap_from_pdu(const struct snmp_pdu *pdu, struct bw_trap *trap);

/* Gives up everything: root, capabilities, new descriptors, new processes, most system calls. */
void bw_trap_sandbox(const struct bw_trap_link *link);

#endif
