/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An AgentX sub-agent that does nothing: what a walk costs when answers cost nothing, for tests/bench/watching to hold
 * ours against. Usage: agentx_nothing SOCKET CELLS; its cells are 1.3.6.1.4.1.8072.9999.9999.8117.1.2.1.4.N, N from 1,
 * each the INTEGER N. Prints "ready" once it is connected, and runs until it is told to end.
 */
#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>

#include <net-snmp/agent/net-snmp-agent-includes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const oid root[] = {1, 3, 6, 1, 4, 1, 8072, 9999, 9999, 8117, 1, 2, 1, 4};
static unsigned long cells;
static volatile sig_atomic_t ended;

static void on_signal(int number)
{
    (void)number;
    ended = 1;
}

static int answer(netsnmp_mib_handler *handler, netsnmp_handler_registration *registration,
                  netsnmp_agent_request_info *info, netsnmp_request_info *requests)
{
    (void)handler;
    (void)registration;
    for (netsnmp_request_info *r = requests; r != NULL; r = r->next) {
        netsnmp_variable_list *varbind = r->requestvb;
        bool inside = varbind->name_length > OID_LENGTH(root);
        oid name[OID_LENGTH(root) + 1];
        long value = inside ? (long)varbind->name[OID_LENGTH(root)] : 0;

        if (info->mode == MODE_GETNEXT)
            value++;
        if (value < 1 || (unsigned long)value > cells)
            continue;
        memcpy(name, root, sizeof(root));
        name[OID_LENGTH(root)] = (oid)value;
        snmp_set_var_objid(varbind, name, OID_LENGTH(name));
        snmp_set_var_typed_value(varbind, ASN_INTEGER, &value, sizeof(value));
    }
    return SNMP_ERR_NOERROR;
}

int main(int argc, char **argv)
{
    netsnmp_handler_registration *registration;

    if (argc != 3)
        return 2;
    cells = strtoul(argv[2], NULL, 10);
    signal(SIGTERM, on_signal);
    signal(SIGPIPE, SIG_IGN);
    netsnmp_ds_set_boolean(NETSNMP_DS_APPLICATION_ID, NETSNMP_DS_AGENT_ROLE, 1);
    netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_READ_CONFIGS, 1);
    netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_PERSIST_STATE, 1);
    netsnmp_ds_set_string(NETSNMP_DS_APPLICATION_ID, NETSNMP_DS_AGENT_X_SOCKET, argv[1]);
    if (init_agent("agentx_nothing") != 0)
        return 1;
    init_snmp("agentx_nothing");
    registration = netsnmp_create_handler_registration("nothing", answer, root, OID_LENGTH(root), HANDLER_CAN_RONLY);
    if (registration == NULL || netsnmp_register_handler(registration) != MIB_REGISTERED_OK)
        return 1;
    printf("ready\n");
    fflush(stdout);
    while (!ended)
        agent_check_and_process(1);
    snmp_shutdown("agentx_nothing");
    return 0;
}
