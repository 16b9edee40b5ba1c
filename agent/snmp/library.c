/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net-snmp as an AgentX sub-agent that touches nothing but the master's socket: no configuration
 * files, no MIBs, no persistent state, no signals. The library keeps its state in globals, so there
 * is one sub-agent in a process, and one thread calls it.
 */
#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <net-snmp/agent/net-snmp-agent-includes.h>
#include <net-snmp/agent/agent_callbacks.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "bellwether/log.h"
#include "snmp.h"
#include "transport.h"

#define APPLICATION "bellwether"
#define ANSWER_US   1000000 /* how long a synchronous exchange with the master may take */
#define PING_S      3       /* a master that answers no ping is dropped and sought again */
#define RECONNECT_S 1       /* how often it is sought */

/* The library's log callback and log limit have no place for a pointer of ours. */
static struct bw_log_limit warning_limit;

static uint64_t monotonic_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * BW_SEC + (uint64_t)now.tv_nsec;
}

/* ---- callbacks ---- */

/* The library's lines are about its own affairs: only warnings reach the log at its usual level, one a minute. */
static int on_log(int major, int minor, void *message, void *unused)
{
    const struct snmp_log_message *line = message;
    int length = (int)strcspn(line->msg, "\n");
    uint64_t held_back;

    (void)major, (void)minor, (void)unused;
    if (line->priority > LOG_WARNING)
        bw_log(BW_LOG_DEBUG, "snmp: net-snmp: %.*s", length, line->msg);
    else if (bw_log_allowed(&warning_limit, monotonic_ns(), &held_back))
        bw_log(BW_LOG_WARNING, "snmp: net-snmp: %.*s", length, line->msg);
    return SNMP_ERR_NOERROR;
}

static int on_session(int major, int minor, void *session, void *unused)
{
    netsnmp_session *s = session;

    (void)major, (void)minor, (void)unused;
    s->timeout = ANSWER_US;
    s->retries = 0;
    return SNMP_ERR_NOERROR;
}

static int on_connect(int major, int minor, void *session, void *argument)
{
    struct bw_snmp *snmp = argument;

    (void)major, (void)minor, (void)session;
    if (atomic_load(&snmp->abandoned))
        return SNMP_ERR_NOERROR;
    snmp->connected = true;
    bw_snmp_forget(snmp);
    snmp->failure_told = false;
    atomic_store(&snmp->context.stats->snmp_connected, 1);
    atomic_fetch_add(&snmp->context.stats->snmp_connects, 1);
    bw_log(BW_LOG_NOTICE, "snmp: connected to the master agent at %s", snmp->context.config->snmp.agentx);
    /* The library reads this right after, for the pings of the new session. */
    netsnmp_ds_set_int(NETSNMP_DS_APPLICATION_ID, NETSNMP_DS_AGENT_AGENTX_PING_INTERVAL, PING_S);
    return SNMP_ERR_NOERROR;
}

static int on_disconnect(int major, int minor, void *session, void *argument)
{
    struct bw_snmp *snmp = argument;

    (void)major, (void)minor, (void)session;
    if (!snmp->connected || atomic_load(&snmp->abandoned))
        return SNMP_ERR_NOERROR;
    snmp->connected = false;
    atomic_store(&snmp->context.stats->snmp_connected, 0);
    bw_log(BW_LOG_WARNING, "snmp: lost the master agent at %s, trying again", snmp->context.config->snmp.agentx);
    return SNMP_ERR_NOERROR;
}

static const struct {
    int major, minor;
    SNMPCallback *call;
} callbacks[] = {
    {SNMP_CALLBACK_LIBRARY, SNMP_CALLBACK_LOGGING, on_log},
    {SNMP_CALLBACK_LIBRARY, SNMP_CALLBACK_SESSION_INIT, on_session},
    {SNMP_CALLBACK_APPLICATION, SNMPD_CALLBACK_INDEX_START, on_connect},
    {SNMP_CALLBACK_APPLICATION, SNMPD_CALLBACK_INDEX_STOP, on_disconnect},
};

/* ---- set-up ---- */

static void set_options(void)
{
    static const int library[] = {
        NETSNMP_DS_LIB_DONT_READ_CONFIGS,       NETSNMP_DS_LIB_DONT_PERSIST_STATE,
        NETSNMP_DS_LIB_DISABLE_PERSISTENT_LOAD, NETSNMP_DS_LIB_DISABLE_PERSISTENT_SAVE,
        NETSNMP_DS_LIB_ALARM_DONT_USE_SIG,
    };
    static const int agent[] = {
        NETSNMP_DS_AGENT_ROLE,
        NETSNMP_DS_AGENT_NO_ROOT_ACCESS,
        NETSNMP_DS_AGENT_NO_CONNECTION_WARNINGS,
        NETSNMP_DS_AGENT_DISABLE_PERL,
        NETSNMP_DS_AGENT_DONT_RETAIN_NOTIFICATIONS,
    };

    for (size_t i = 0; i < sizeof(library) / sizeof(library[0]); i++)
        netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, library[i], 1);
    for (size_t i = 0; i < sizeof(agent) / sizeof(agent[0]); i++)
        netsnmp_ds_set_boolean(NETSNMP_DS_APPLICATION_ID, agent[i], 1);
}

int bw_snmp_library_init(struct bw_snmp *snmp)
{
    char socket[BW_PATH_MAX + sizeof(BW_SNMP_TRANSPORT) + 1];
    int rc;

    snmp_disable_log();
    netsnmp_register_loghandler(NETSNMP_LOGHANDLER_CALLBACK, LOG_DEBUG);
    set_options();
    snprintf(socket, sizeof(socket), BW_SNMP_TRANSPORT ":%s", snmp->context.config->snmp.agentx);
    netsnmp_ds_set_string(NETSNMP_DS_APPLICATION_ID, NETSNMP_DS_AGENT_X_SOCKET, socket);
    rc = bw_snmp_transport_register();
    if (rc != 0)
        return rc;
    if (init_agent(APPLICATION) != 0)
        return -EIO;
    for (size_t i = 0; i < sizeof(callbacks) / sizeof(callbacks[0]); i++)
        snmp_register_callback(callbacks[i].major, callbacks[i].minor, callbacks[i].call, snmp);
    rc = bw_snmp_handler_register(snmp);
    if (rc != 0)
        return rc;
    /* init_agent set it to 15 s, init_snmp uses it. */
    netsnmp_ds_set_int(NETSNMP_DS_APPLICATION_ID, NETSNMP_DS_AGENT_AGENTX_PING_INTERVAL, RECONNECT_S);
    init_snmp(APPLICATION);
    bw_snmp_library_adjust(snmp);
    return 0;
}

void bw_snmp_library_adjust(struct bw_snmp *snmp)
{
    int why = bw_snmp_transport_errno();

    /* The ping timer of the present session is armed; from now on the number means "seek again after". */
    netsnmp_ds_set_int(NETSNMP_DS_APPLICATION_ID, NETSNMP_DS_AGENT_AGENTX_PING_INTERVAL, RECONNECT_S);
    if (!snmp->connected && !snmp->failure_told && why != 0) {
        snmp->failure_told = true;
        bw_log(BW_LOG_NOTICE, "snmp: no master agent at %s (%s), trying again every second",
               snmp->context.config->snmp.agentx, strerror(why));
    }
}

/* The order matters: the library's end frees the arguments of callbacks that are still registered, and shutdown_agent
 * before snmp_shutdown closes a session twice. */
void bw_snmp_library_fini(struct bw_snmp *snmp)
{
    for (size_t i = 0; i < sizeof(callbacks) / sizeof(callbacks[0]); i++)
        snmp_unregister_callback(callbacks[i].major, callbacks[i].minor, callbacks[i].call, snmp, 1);
    snmp_shutdown(APPLICATION);
    shutdown_agent();
    if (!atomic_load(&snmp->abandoned))
        atomic_store(&snmp->context.stats->snmp_connected, 0);
}
