/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A transport for net-snmp to the AgentX master's socket that never blocks for long. The library's
 * own one waits without bound in connect (when the master's backlog is full) and in send (when the
 * master reads nothing); a stopped snmpd causes both.
 */
#ifndef AGENT_SNMP_TRANSPORT_H
#define AGENT_SNMP_TRANSPORT_H

#define BW_SNMP_TRANSPORT "bellwether" /* the prefix in transport specifications: "bellwether:/var/agentx/master" */

/* Makes the prefix known to net-snmp. -ENOMEM, or 0. */
int bw_snmp_transport_register(void);
void bw_snmp_transport_unregister(void);
/* From another thread: ends the connection, and with it whatever exchange waits there; none is opened any more. */
void bw_snmp_transport_cancel(void);
/* Why the last attempt to connect failed: an errno, 0 when it did not fail. */
int bw_snmp_transport_errno(void);

#endif
