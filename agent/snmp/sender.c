/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sends notifications. The history itself is the queue: the number of the next event is all that is
 * kept. While no master is there events wait, the newest QUEUE of them; older ones are counted as
 * dropped.
 */
#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <net-snmp/agent/net-snmp-agent-includes.h>

#include <string.h>

#include "notify.h"
#include "snmp.h"

#define QUEUE    100 /* events that wait for a master */
#define PER_TURN 8   /* notifications sent at a time */

static const oid trap_oid[] = {1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0}; /* snmpTrapOID.0 */

static void add_varbind(const struct bw_snmp *snmp, netsnmp_variable_list **list, const struct bw_snmp_varbind *varbind)
{
    oid name[BW_SNMP_ROOT_MAX + 1 + BW_SNMP_NAME_MAX];
    struct bw_snmp_value value;
    long number = (long)varbind->number;

    memcpy(name, snmp->root, (snmp->root_length + 1) * sizeof(oid));
    memcpy(name + snmp->root_length + 1, varbind->hit.name, varbind->hit.length * sizeof(oid));
    bw_snmp_value(&varbind->hit, &value);
    if (varbind->overridden)
        value.bytes = &number;
    snmp_varlist_add_variable(list, name, snmp->root_length + 1 + varbind->hit.length, value.type, value.bytes,
                              value.length);
}

static void send_one(struct bw_snmp *snmp, const struct bw_event *event)
{
    struct bw_snmp_notification notification;
    netsnmp_variable_list *list = NULL;
    oid name[BW_SNMP_ROOT_MAX + 2];
    size_t length = snmp->root_length;

    if (bw_snmp_notification(&snmp->plan, &snmp->view, event, &notification) != 0)
        return;
    memcpy(name, snmp->root, length * sizeof(oid));
    name[length++] = 0;
    name[length++] = notification.number;
    snmp_varlist_add_variable(&list, trap_oid, OID_LENGTH(trap_oid), ASN_OBJECT_ID, name, length * sizeof(oid));
    for (uint32_t i = 0; i < notification.count; i++)
        add_varbind(snmp, &list, &notification.varbinds[i]);
    send_v2trap(list);
    snmp_free_varbind(list);
    atomic_fetch_add(&snmp->context.stats->snmp_notifications_sent, 1);
}

/* Skips what is too old to wait, or already gone from the history. */
static void skip(struct bw_snmp *snmp, uint64_t next)
{
    struct bw_event event;

    for (; snmp->next_event < next; snmp->next_event++)
        if (bw_history_read(snmp->context.history, snmp->next_event, &event) != 0 || bw_snmp_is_notified(event.kind))
            atomic_fetch_add(&snmp->context.stats->snmp_notifications_dropped, 1);
}

void bw_snmp_send_notifications(struct bw_snmp *snmp)
{
    struct bw_event event;
    uint64_t first, last;
    int sent = 0;

    bw_history_range(snmp->context.history, &first, &last);
    if (last >= QUEUE && snmp->next_event + QUEUE <= last)
        skip(snmp, last - QUEUE + 1);
    /* A master that stops reading shuts the connection (transport.c), so `connected` ends this too. */
    while (snmp->connected && sent < PER_TURN && snmp->next_event <= last) {
        if (bw_history_read(snmp->context.history, snmp->next_event, &event) == 0 && bw_snmp_is_notified(event.kind)) {
            send_one(snmp, &event);
            sent++;
        }
        snmp->next_event++;
    }
    snmp->backlog = snmp->connected && snmp->next_event <= last;
}
