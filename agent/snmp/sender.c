/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sends notifications. The history itself is the queue of events: the number of the next one is all
 * that is kept. While no master is there they wait, the newest QUEUE of them; older ones are counted
 * as dropped. What is no event of its own waits in the watch.
 */
#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <net-snmp/agent/net-snmp-agent-includes.h>

#include <string.h>
#include <time.h>

#include "bellwether/text.h"
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

static void send_one(struct bw_snmp *snmp, const struct bw_snmp_told *told)
{
    struct bw_snmp_notification notification;
    netsnmp_variable_list *list = NULL;
    oid name[BW_SNMP_ROOT_MAX + 2];
    size_t length = snmp->root_length;

    bw_snmp_notification(&snmp->plan, &snmp->newest, told, &notification);
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

/* ---- those of CHECKPOINT-MIB ---- */

static void add_ha(netsnmp_variable_list **list, const oid *root, const oid *below, size_t length, u_char type,
                   const void *bytes, size_t size)
{
    oid name[BW_HA_ROOT_LENGTH + BW_HA_NAME_MAX];

    memcpy(name, root, BW_HA_ROOT_LENGTH * sizeof(oid));
    memcpy(name + BW_HA_ROOT_LENGTH, below, length * sizeof(oid));
    snmp_varlist_add_variable(list, name, BW_HA_ROOT_LENGTH + length, type, bytes, size);
}

static void send_ha(struct bw_snmp *snmp, const struct bw_ha_trap *trap)
{
    static const char root[] = "1.3.6.1.4.1.2620.1.2000.6", category[] = "cluster";
    netsnmp_variable_list *list = NULL;
    oid name[BW_HA_ROOT_LENGTH + 2];
    char text[sizeof(root) + 12];
    long severity = (long)trap->severity;
    const struct {
        oid arc;
        u_char type;
        const void *bytes;
        size_t size;
    } common[] = {
        {10, ASN_OCTET_STR, text, bw_format(text, sizeof(text), "%s.%u", root, trap->number)},
        {11, ASN_OCTET_STR, trap->value, strlen(trap->value)},
        {12, ASN_OCTET_STR, trap->text, strlen(trap->text)},
        {13, ASN_INTEGER, &severity, sizeof(severity)},
        {14, ASN_OCTET_STR, category, sizeof(category) - 1},
    };

    memcpy(name, bw_ha_trap_root, sizeof(oid) * BW_HA_ROOT_LENGTH);
    name[BW_HA_ROOT_LENGTH] = 6;
    name[BW_HA_ROOT_LENGTH + 1] = trap->number;
    snmp_varlist_add_variable(&list, trap_oid, OID_LENGTH(trap_oid), ASN_OBJECT_ID, name, sizeof(name));
    for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
        add_ha(&list, bw_ha_trap_root, (const oid[]){0, common[i].arc, 0}, 3, common[i].type, common[i].bytes,
               common[i].size);
    for (uint32_t i = 0; i < trap->count; i++)
        add_ha(&list, bw_ha_root, trap->varbinds[i].name, trap->varbinds[i].length, trap->varbinds[i].type,
               &trap->varbinds[i].value, trap->varbinds[i].size);
    send_v2trap(list);
    snmp_free_varbind(list);
    atomic_fetch_add(&snmp->context.stats->snmp_notifications_sent, 1);
}

static void send_all_ha(struct bw_snmp *snmp, const struct bw_event *event)
{
    struct bw_ha_view view = {.snapshot = snmp->newest.snapshot, .own_address = bw_snmp_own_address};
    struct bw_ha_trap traps[BW_HA_TRAPS];
    unsigned count = bw_ha_traps(&view, event, traps);

    for (unsigned i = 0; i < count; i++)
        send_ha(snmp, &traps[i]);
}

/* ---- in order ---- */

static bool is_wanted(const struct bw_snmp *snmp, const struct bw_snmp_told *told)
{
    const struct bw_config *config = snmp->context.config;

    return (config->snmp.notify != BW_NOTIFY_OWN || bw_snmp_is_own(snmp->newest.snapshot, told)) &&
           bw_snmp_is_chosen(&config->alerts, snmp->newest.snapshot, told);
}

/* Skips what is too old to wait, or already gone from the history. */
static void skip(struct bw_snmp *snmp, uint64_t next)
{
    struct bw_event event;

    for (; snmp->next_event < next; snmp->next_event++)
        if (bw_history_read(snmp->context.history, snmp->next_event, &event) != 0 || bw_snmp_is_notified(event.kind))
            atomic_fetch_add(&snmp->context.stats->snmp_notifications_dropped, 1);
}

/* One event of the history. Returns whether something was sent. */
static bool send_event(struct bw_snmp *snmp, uint64_t number, uint64_t now_ns)
{
    struct bw_snmp_told told;
    struct bw_event event;

    if (bw_history_read(snmp->context.history, number, &event) != 0 || bw_snmp_tell(&event, &told) != 0 ||
        !is_wanted(snmp, &told))
        return false;
    send_one(snmp, &told);
    bw_snmp_watch_told(&snmp->watch, &told, now_ns);
    if (snmp->context.config->snmp.checkpoint_traps)
        send_all_ha(snmp, &event);
    return true;
}

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * BW_SEC + (uint64_t)now.tv_nsec;
}

/* Events first, since what is told without one follows from them. */
void bw_snmp_send_notifications(struct bw_snmp *snmp)
{
    uint64_t last = snmp->newest.snapshot->history_last; /* what is told is never newer than the values told along */
    uint64_t now = now_ns();
    struct bw_snmp_told told;
    int sent = 0;

    bw_snmp_watch_look(&snmp->watch, &snmp->newest, now);
    atomic_fetch_add(&snmp->context.stats->snmp_notifications_dropped, snmp->watch.dropped);
    snmp->watch.dropped = 0;
    if (last >= QUEUE && snmp->next_event + QUEUE <= last)
        skip(snmp, last - QUEUE + 1);
    /* A master that stops reading shuts the connection (transport.c), so `connected` ends this too. */
    while (snmp->connected && sent < PER_TURN && snmp->next_event <= last)
        sent += send_event(snmp, snmp->next_event++, now);
    while (snmp->connected && sent < PER_TURN && snmp->next_event > last && bw_snmp_watch_take(&snmp->watch, &told))
        if (is_wanted(snmp, &told)) {
            send_one(snmp, &told);
            sent++;
        }
    snmp->backlog = snmp->connected && (snmp->next_event <= last || snmp->watch.count > 0);
}
