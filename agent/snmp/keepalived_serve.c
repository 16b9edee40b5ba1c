/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The view of KEEPALIVED-MIB towards net-snmp: answers requests below its root, and sends the notification whenever the
 * local member's state in a group differs from the one told last. While no master is there nothing is told; afterwards
 * what differs then.
 */
#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <net-snmp/agent/net-snmp-agent-includes.h>

#include <errno.h>
#include <string.h>

#include "snmp.h"

static size_t full_name(oid *name, const struct bw_ka_hit *hit)
{
    memcpy(name, bw_ka_root, BW_KA_ROOT_LENGTH * sizeof(oid));
    memcpy(name + BW_KA_ROOT_LENGTH, hit->name, hit->length * sizeof(oid));
    return BW_KA_ROOT_LENGTH + hit->length;
}

static void answer(netsnmp_variable_list *varbind, const struct bw_ka_hit *hit)
{
    oid name[BW_KA_ROOT_LENGTH + BW_KA_NAME_MAX];
    size_t length = full_name(name, hit);

    snmp_set_var_objid(varbind, name, length);
    snmp_set_var_typed_value(varbind, hit->type, &hit->value, hit->size);
}

int bw_snmp_handle_keepalived(netsnmp_mib_handler *handler, netsnmp_handler_registration *registration,
                              netsnmp_agent_request_info *info, netsnmp_request_info *requests)
{
    struct bw_snmp *snmp = handler->myvoid;

    (void)registration;
    if (atomic_load(&snmp->abandoned))
        return SNMP_ERR_GENERR;
    bw_snmp_pin(snmp, info->asp->pdu->transid);
    for (netsnmp_request_info *r = requests; r != NULL; r = r->next) {
        struct bw_ka_hit hit;
        const oid *name;
        size_t length;
        bool before = bw_snmp_below(bw_ka_root, BW_KA_ROOT_LENGTH, r->requestvb, &name, &length);
        int rc = -ENOENT;

        if (r->processed)
            continue;
        if (before && info->mode == MODE_GET)
            rc = bw_ka_get(snmp->view.snapshot, name, length, &hit);
        else if (before && info->mode == MODE_GETNEXT)
            rc = bw_ka_next(snmp->view.snapshot, name, length, r->inclusive, &hit);
        if (rc == 0)
            answer(r->requestvb, &hit);
        else if (info->mode == MODE_GET)
            netsnmp_set_request_error(info, r, rc == -ENXIO ? SNMP_NOSUCHINSTANCE : SNMP_NOSUCHOBJECT);
        else if (info->mode == MODE_SET_RESERVE1)
            netsnmp_set_request_error(info, r, SNMP_ERR_NOTWRITABLE);
    }
    return SNMP_ERR_NOERROR;
}

/* ---- its notification ---- */

static void send_change(struct bw_snmp *snmp, uint32_t n)
{
    static const oid trap_oid[] = {1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0}; /* snmpTrapOID.0 */
    static const oid change[] = {1, 3, 6, 1, 4, 1, 9586, 100, 5, 2, 10, 0, 2};
    struct bw_ka_hit hits[BW_KA_VARBINDS];
    unsigned count = bw_ka_varbinds(snmp->newest.snapshot, n, hits);
    netsnmp_variable_list *list = NULL;
    oid name[BW_KA_ROOT_LENGTH + BW_KA_NAME_MAX];

    snmp_varlist_add_variable(&list, trap_oid, OID_LENGTH(trap_oid), ASN_OBJECT_ID, change, sizeof(change));
    for (unsigned i = 0; i < count; i++) {
        size_t length = full_name(name, &hits[i]);

        snmp_varlist_add_variable(&list, name, length, hits[i].type, &hits[i].value, hits[i].size);
    }
    send_v2trap(list);
    snmp_free_varbind(list);
    atomic_fetch_add(&snmp->context.stats->snmp_notifications_sent, 1);
}

void bw_snmp_tell_keepalived(struct bw_snmp *snmp)
{
    const struct bw_snapshot *s = snmp->newest.snapshot;
    struct bw_ka_told *told = &snmp->keepalived;

    if (!snmp->context.config->snmp.keepalived_view || s->number == 0)
        return;
    for (uint32_t n = 0; n < s->groups_count; n++) {
        uint32_t state = bw_ka_state(s, n);

        if (told->begun && (told->states[n] == state || !snmp->connected))
            continue;
        if (told->begun)
            send_change(snmp, n);
        told->states[n] = state;
    }
    told->begun = true;
}
