/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The receiver: a process in which net-snmp takes notifications in. It binds its ports, reads the passphrases, gives up
 * its privileges, and then turns each message into at most one small packet per rule for the agent. It ends with the
 * agent, and by an alarm when a message keeps it busy for seconds.
 */
#include <net-snmp/library/large_fd_set.h>
#include <net-snmp/library/snmpUDPBaseDomain.h>
#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>

#include <errno.h>
#include <linux/sock_diag.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "agent/trap/trap.h"
#include "bellwether/text.h"

#define BUFFER_BYTES (2 << 20) /* of each socket: what waits while this process does */
#define BATCH        64        /* messages between two looks at the agent */
#define STUCK_S      5

struct receiver {
    const struct bw_trap_link *link;
    const struct bw_traps_config *config;
    struct bw_trap_rules *rules;
    unsigned count;
    netsnmp_session *sessions[BW_MAX_TRAP_LISTENS];
    int (*receives[BW_MAX_TRAP_LISTENS])(netsnmp_transport *, void *, int, void **, int *); /* the library's own */
    struct pollfd polls[BW_MAX_TRAP_LISTENS + 1]; /* the last one is the agent */
    netsnmp_large_fd_set fds;
    uint64_t drops[BW_MAX_TRAP_LISTENS];
    bool arrived, delivered;               /* there was a message, and the library handed it on */
    unsigned usm_errors;                   /* before this message */
    enum { PASS, REFUSE, BROKEN } verdict; /* on this message, before the library reads it */
    struct bw_address source;
    struct bw_trap trap;
    uint64_t waiting; /* bit per rule whose newest match is not sent yet */
    uint64_t sequence, order[BW_MAX_TRAP_RULES];
    struct bw_trap_packet packets[BW_MAX_TRAP_RULES];
};

/* net-snmp's pre-parse callback has no argument of its own. */
static struct receiver *receiver;

static void count(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* ---- what the library calls ---- */

static void read_source(const netsnmp_indexed_addr_pair *pair, struct bw_address *source)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    memset(source, 0, sizeof(*source));
    if (pair->remote_addr.sa.sa_family == AF_INET) {
        source->family = 4;
        source->prefix = 32;
        memcpy(source->bytes, &pair->remote_addr.sin.sin_addr, 4);
    } else if (pair->remote_addr.sa.sa_family == AF_INET6) {
        source->family = 6;
        source->prefix = 128;
        memcpy(source->bytes, &pair->remote_addr.sin6.sin6_addr, 16);
        if (memcmp(source->bytes, mapped, sizeof(mapped)) == 0) {
            source->family = 4;
            source->prefix = 32;
            memmove(source->bytes, source->bytes + 12, 4);
            memset(source->bytes + 4, 0, 12);
        }
    }
}

/* In place of the transport's own function: it, and a look at what it received. */
static int receive(netsnmp_transport *transport, void *bytes, int size, void **from, int *from_length)
{
    unsigned port = 0;
    const uint8_t *engine;
    size_t engine_length;
    int length, version;

    while (receiver->polls[port].fd != transport->sock)
        port++;
    length = receiver->receives[port](transport, bytes, size, from, from_length);
    version = length > 0 ? bw_trap_peek(bytes, (size_t)length, &engine, &engine_length) : -EINVAL;
    receiver->verdict = version < 0 ? BROKEN : PASS;
    if (version == 3 && !bw_trap_engine_known(receiver->config, engine, engine_length))
        receiver->verdict = REFUSE;
    return length;
}

/* Before anything of a message is read. 1 = go on, 0 = drop it. */
static int before_parse(netsnmp_session *session, netsnmp_transport *transport, void *from, int length)
{
    struct bw_trap_counters *counters = receiver->link->counters;

    (void)session, (void)transport;
    count(&counters->received);
    receiver->arrived = true;
    receiver->source.family = 0;
    if (from != NULL && length >= (int)sizeof(netsnmp_indexed_addr_pair))
        read_source(from, &receiver->source);
    if (!bw_trap_source_allowed(receiver->config, &receiver->source))
        receiver->verdict = REFUSE;
    if (receiver->verdict == PASS)
        return 1;
    count(receiver->verdict == REFUSE ? &counters->refused : &counters->malformed);
    receiver->delivered = true; /* nothing more to count */
    return 0;
}

static bool community_known(const struct bw_traps_config *config, const netsnmp_pdu *pdu)
{
    for (unsigned i = 0; i < config->communities_count; i++) {
        const char *community = config->communities[i];

        if (strlen(community) == pdu->community_len && memcmp(community, pdu->community, pdu->community_len) == 0)
            return true;
    }
    return false;
}

/* Messages with a wrong user, key or time that the library has seen. */
static unsigned usm_errors(void)
{
    unsigned errors = 0;

    for (int i = STAT_USM_STATS_START; i <= STAT_USM_STATS_END; i++)
        errors += snmp_get_statistic(i);
    return errors;
}

static bool allowed(const struct receiver *r, const netsnmp_pdu *pdu)
{
    const struct bw_traps_config *config = r->config;

    if (pdu->version == SNMP_VERSION_3)
        return usm_errors() == r->usm_errors && pdu->securityStateRef != NULL &&
               pdu->securityModel == SNMP_SEC_MODEL_USM && pdu->securityName != NULL &&
               bw_trap_user_allowed(config, pdu->securityName, pdu->securityNameLen, pdu->securityLevel);
    return (pdu->version == SNMP_VERSION_1 || pdu->version == SNMP_VERSION_2c) && community_known(config, pdu);
}

static void acknowledge(netsnmp_session *session, netsnmp_pdu *pdu)
{
    netsnmp_pdu *reply = snmp_clone_pdu(pdu);

    if (reply == NULL)
        return;
    reply->command = SNMP_MSG_RESPONSE;
    reply->errstat = 0;
    reply->errindex = 0;
    if (snmp_send(session, reply) == 0)
        snmp_free_pdu(reply);
}

static void note_matches(struct receiver *r)
{
    uint64_t matches = bw_trap_rules_match(r->rules, &r->trap);
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    for (unsigned i = 0; matches != 0; i++, matches >>= 1) {
        struct bw_trap_packet *packet = &r->packets[i];

        if ((matches & 1) == 0)
            continue;
        count(&r->link->counters->matches[i]);
        packet->kind = BW_TRAP_MATCH;
        packet->rule = i;
        packet->wall = (int64_t)now.tv_sec * (int64_t)BW_SEC + now.tv_nsec;
        packet->source = r->source;
        bw_trap_rule_tell(r->rules, i, &r->trap, packet->text);
        r->waiting |= 1ULL << i;
        r->order[i] = ++r->sequence;
    }
}

static int on_message(int operation, netsnmp_session *session, int request, netsnmp_pdu *pdu, void *magic)
{
    struct receiver *r = magic;
    struct bw_trap_counters *counters = r->link->counters;

    (void)request;
    if (operation != NETSNMP_CALLBACK_OP_RECEIVED_MESSAGE)
        return 1;
    r->delivered = true;
    /* The library hands on also what it could not read or what failed its authentication, and tells so only by the way.
     */
    if (session->s_snmp_errno != 0 && pdu->version != SNMP_VERSION_3) {
        count(&counters->malformed);
        return 1;
    }
    if (session->s_snmp_errno != 0 || !allowed(r, pdu)) {
        count(&counters->refused);
        return 1;
    }
    r->trap.source = r->source;
    if (bw_trap_from_pdu(pdu, &r->trap) != 0) {
        bool notification =
            pdu->command == SNMP_MSG_TRAP || pdu->command == SNMP_MSG_TRAP2 || pdu->command == SNMP_MSG_INFORM;

        count(notification ? &counters->malformed : &counters->refused);
        return 1;
    }
    count(&counters->accepted);
    note_matches(r);
    if (r->trap.inform)
        acknowledge(session, pdu);
    return 1;
}

/* ---- towards the agent ---- */

/* Sends what waits, oldest first. */
static void flush(struct receiver *r)
{
    while (r->waiting != 0) {
        unsigned oldest = BW_MAX_TRAP_RULES;

        for (unsigned i = 0; i < BW_MAX_TRAP_RULES; i++)
            if ((r->waiting >> i & 1) != 0 && (oldest == BW_MAX_TRAP_RULES || r->order[i] < r->order[oldest]))
                oldest = i;
        if (send(r->link->fd, &r->packets[oldest], sizeof(r->packets[0]), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
            break;
        r->waiting &= ~(1ULL << oldest);
    }
    r->polls[r->count].events = r->waiting != 0 ? POLLOUT : 0;
}

void bw_trap_say(const struct bw_trap_link *link, enum bw_log_level level, const char *format, ...)
{
    struct bw_trap_packet packet = {.kind = BW_TRAP_LOG, .rule = (uint32_t)level};
    va_list args;

    va_start(args, format);
    bw_vformat(packet.text, sizeof(packet.text), format, args);
    va_end(args);
    (void)!send(link->fd, &packet, sizeof(packet), MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* ---- set-up ---- */

static void set_library_up(void)
{
    static const int options[] = {
        NETSNMP_DS_LIB_DONT_READ_CONFIGS,       NETSNMP_DS_LIB_DONT_PERSIST_STATE,
        NETSNMP_DS_LIB_DISABLE_PERSISTENT_LOAD, NETSNMP_DS_LIB_DISABLE_PERSISTENT_SAVE,
        NETSNMP_DS_LIB_ALARM_DONT_USE_SIG,
    };

    setenv("MIBS", "", 1);
    snmp_disable_log();
    netsnmp_register_loghandler(NETSNMP_LOGHANDLER_NONE, LOG_DEBUG); /* without any it writes to stderr */
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, options[i], 1);
    init_snmp("bellwether");
}

/* "address:port" or "[address]:port". 0 or negative errno. */
static int open_port(struct receiver *r, const char *listen)
{
    char name[80];
    netsnmp_transport *transport;
    netsnmp_session session;
    int bytes = BUFFER_BYTES;

    bw_format(name, sizeof(name), "%s:%s", listen[0] == '[' ? "udp6" : "udp", listen);
    errno = 0;
    transport = netsnmp_tdomain_transport(name, 1, "udp");
    if (transport == NULL)
        return errno != 0 ? -errno : -EADDRNOTAVAIL;
    if (setsockopt(transport->sock, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0)
        (void)setsockopt(transport->sock, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    r->receives[r->count] = transport->f_recv;
    transport->f_recv = receive;
    snmp_sess_init(&session);
    session.peername = SNMP_DEFAULT_PEERNAME;
    session.version = SNMP_DEFAULT_VERSION;
    session.community_len = SNMP_DEFAULT_COMMUNITY_LEN;
    session.retries = SNMP_DEFAULT_RETRIES;
    session.timeout = SNMP_DEFAULT_TIMEOUT;
    session.callback = on_message;
    session.callback_magic = r;
    session.authenticator = NULL;
    session.isAuthoritative = SNMP_SESS_UNKNOWNAUTH;
    r->polls[r->count].fd = transport->sock;
    r->polls[r->count].events = POLLIN;
    r->sessions[r->count] = snmp_add(&session, transport, before_parse, NULL);
    if (r->sessions[r->count] == NULL)
        return -EIO;
    r->count++;
    return 0;
}

static int open_ports(struct receiver *r)
{
    for (unsigned i = 0; i < r->config->listen_count; i++) {
        int error = open_port(r, r->config->listen[i]);

        if (error != 0) {
            bw_trap_say(r->link, BW_LOG_ERROR, "traps: cannot listen on %s: %s", r->config->listen[i],
                        strerror(-error));
            return error;
        }
    }
    r->polls[r->count] = (struct pollfd){.fd = r->link->fd};
    return 0;
}

static int load_rules(struct receiver *r)
{
    int error = bw_trap_rules_new(r->config, bw_trap_resolve, &r->rules);

    bw_trap_resolve_end();
    for (unsigned i = 0; error == 0 && i < r->config->rules_count; i++)
        if (bw_trap_rule_fault(r->rules, i) != NULL)
            bw_trap_say(r->link, BW_LOG_ERROR, "traps: rule %s never matches: no MIB file on this host has %s",
                        r->config->rules[i].name, bw_trap_rule_fault(r->rules, i));
    return error;
}

/* ---- the loop ---- */

/* What the kernel dropped since the socket's buffer was full. */
static void count_drops(struct receiver *r)
{
    for (unsigned i = 0; i < r->count; i++) {
        uint32_t memory[SK_MEMINFO_VARS] = {0};
        socklen_t length = sizeof(memory);

        if (getsockopt(r->polls[i].fd, SOL_SOCKET, SO_MEMINFO, memory, &length) != 0)
            continue;
        atomic_fetch_add_explicit(&r->link->counters->dropped,
                                  (uint32_t)(memory[SK_MEMINFO_DROPS] - (uint32_t)r->drops[i]), memory_order_relaxed);
        r->drops[i] = memory[SK_MEMINFO_DROPS];
    }
}

static void read_one(struct receiver *r, unsigned port)
{
    unsigned discovered = snmp_get_statistic(STAT_USMSTATSUNKNOWNENGINEIDS);

    r->arrived = r->delivered = false;
    r->usm_errors = usm_errors();
    r->sessions[port]->s_snmp_errno = 0;
    NETSNMP_LARGE_FD_ZERO(&r->fds);
    NETSNMP_LARGE_FD_SET(r->polls[port].fd, &r->fds);
    snmp_read2(&r->fds);
    /* What the library threw away: a discovery of our engine, wrong keys, or no message at all. */
    if (!r->arrived || r->delivered || snmp_get_statistic(STAT_USMSTATSUNKNOWNENGINEIDS) != discovered)
        return;
    count(usm_errors() != r->usm_errors ? &r->link->counters->refused : &r->link->counters->malformed);
}

static int loop(struct receiver *r)
{
    for (;;) {
        int ready = poll(r->polls, r->count + 1, -1);

        if (ready < 0 && errno != EINTR)
            return 1;
        if (r->polls[r->count].revents & (POLLHUP | POLLERR))
            return 0; /* the agent is gone */
        alarm(STUCK_S);
        for (int n = 0; ready > 0 && n < BATCH; n++) {
            bool any = false;

            for (unsigned i = 0; i < r->count; i++) {
                if (r->polls[i].revents == 0)
                    continue;
                read_one(r, i);
                any = true;
            }
            if (!any || poll(r->polls, r->count, 0) <= 0)
                break;
        }
        flush(r);
        count_drops(r);
        alarm(0);
    }
}

int bw_trap_receive(const struct bw_trap_link *link, pid_t supervisor)
{
    struct receiver *r = calloc(1, sizeof(*r));
    int rc = 1;

    if (r == NULL)
        return 1;
    receiver = r;
    r->link = link;
    r->config = &link->config->traps;
    atomic_store(&link->counters->listening, 0);
    netsnmp_large_fd_set_init(&r->fds, FD_SETSIZE);
    if (load_rules(r) != 0)
        return 1;
    set_library_up();
    if (open_ports(r) != 0)
        return 1;
    bw_trap_users_init(link);
    bw_trap_sandbox(link);
    /* A change of user cleared it. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == supervisor) {
        atomic_store(&link->counters->listening, 1);
        rc = loop(r);
    }
    atomic_store(&link->counters->listening, 0);
    return rc;
}
