/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A message that net-snmp has decoded, in our form: SNMPv1 traps as RFC 3584 maps them to SNMPv2, values as numbers and
 * texts. Touches nothing but its arguments.
 */
#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/trap/trap.h"

static const oid trap_oid[] = {1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0};
static const struct bw_oid uptime = {9, {1, 3, 6, 1, 2, 1, 1, 3, 0}};
static const struct bw_oid generic = {9, {1, 3, 6, 1, 6, 3, 1, 1, 5}};
static const struct bw_oid address = {10, {1, 3, 6, 1, 6, 3, 18, 1, 3, 0}};
static const struct bw_oid enterprise = {11, {1, 3, 6, 1, 6, 3, 1, 1, 4, 3, 0}};

static bool copy_oid(struct bw_oid *to, const oid *from, size_t length)
{
    to->length = 0;
    for (size_t i = 0; i < length; i++)
        if (!bw_oid_append(to, (uint32_t)from[i]))
            return false;
    return true;
}

static void set_number(struct bw_trap_value *value, int64_t number)
{
    value->is_number = true;
    value->number = number;
    snprintf(value->text, sizeof(value->text), "%" PRId64, number);
}

static void set_counter64(struct bw_trap_value *value, const struct counter64 *counter)
{
    uint64_t number = (uint64_t)(counter->high & 0xffffffffUL) << 32 | (counter->low & 0xffffffffUL);

    value->is_number = true;
    value->number = number > INT64_MAX ? INT64_MAX : (int64_t)number;
    snprintf(value->text, sizeof(value->text), "%" PRIu64, number);
}

static void set_value(struct bw_trap_value *value, const netsnmp_variable_list *variable)
{
    const u_char *octets = variable->val.string;
    struct bw_oid named;

    switch (variable->type) {
    case ASN_INTEGER:
        if (variable->val_len >= sizeof(long))
            set_number(value, (int32_t)*variable->val.integer);
        return;
    case ASN_COUNTER:
    case ASN_GAUGE:
    case ASN_TIMETICKS:
    case ASN_UINTEGER:
        if (variable->val_len >= sizeof(long))
            set_number(value, (uint32_t)*variable->val.integer);
        return;
    case ASN_COUNTER64:
        if (variable->val_len >= sizeof(struct counter64))
            set_counter64(value, variable->val.counter64);
        return;
    case ASN_OBJECT_ID:
        if (copy_oid(&named, variable->val.objid, variable->val_len / sizeof(oid)))
            bw_oid_to_text(&named, value->text, sizeof(value->text));
        return;
    case ASN_IPADDRESS:
        if (variable->val_len == 4)
            snprintf(value->text, sizeof(value->text), "%u.%u.%u.%u", octets[0], octets[1], octets[2], octets[3]);
        return;
    case ASN_OCTET_STR:
    case ASN_OPAQUE:
    case ASN_BIT_STR:
        bw_trap_octets(octets, variable->val_len, value->text);
        return;
    default: /* null and what else has no value */
        return;
    }
}

/* generic-trap and specific-trap to snmpTrapOID (RFC 3584, 3.1). */
static bool map_v1(const netsnmp_pdu *pdu, struct bw_trap *trap)
{
    struct bw_trap_value *value;

    if (pdu->trap_type >= 0 && pdu->trap_type <= 5) {
        trap->oid = generic;
        bw_oid_append(&trap->oid, (uint32_t)pdu->trap_type + 1);
    } else if (pdu->trap_type != 6 || !copy_oid(&trap->oid, pdu->enterprise, pdu->enterprise_length) ||
               !bw_oid_append(&trap->oid, 0) || !bw_oid_append(&trap->oid, (uint32_t)pdu->specific_type)) {
        return false;
    }
    value = bw_trap_add_value(trap);
    value->oid = uptime;
    set_number(value, (uint32_t)pdu->time);
    value = bw_trap_add_value(trap);
    value->oid = address;
    snprintf(value->text, sizeof(value->text), "%u.%u.%u.%u", pdu->agent_addr[0], pdu->agent_addr[1],
             pdu->agent_addr[2], pdu->agent_addr[3]);
    value = bw_trap_add_value(trap);
    if (copy_oid(&value->oid, pdu->enterprise, pdu->enterprise_length))
        bw_oid_to_text(&value->oid, value->text, sizeof(value->text));
    value->oid = enterprise;
    return true;
}

int bw_trap_from_pdu(const netsnmp_pdu *pdu, struct bw_trap *trap)
{
    bool known = false;

    memset(&trap->oid, 0, sizeof(trap->oid));
    trap->values_count = 0;
    trap->version = pdu->version == SNMP_VERSION_1 ? 1 : pdu->version == SNMP_VERSION_2c ? 2 : 3;
    trap->inform = pdu->command == SNMP_MSG_INFORM;
    if (pdu->command == SNMP_MSG_TRAP && pdu->version == SNMP_VERSION_1)
        known = map_v1(pdu, trap);
    else if ((pdu->command != SNMP_MSG_TRAP2 && !trap->inform) || pdu->version == SNMP_VERSION_1)
        return -EINVAL;
    for (const netsnmp_variable_list *v = pdu->variables; v != NULL; v = v->next_variable) {
        struct bw_trap_value *value;

        if (snmp_oid_compare(v->name, v->name_length, trap_oid, OID_LENGTH(trap_oid)) == 0) {
            if (pdu->version != SNMP_VERSION_1 && v->type == ASN_OBJECT_ID && v->val_len > 0)
                known = copy_oid(&trap->oid, v->val.objid, v->val_len / sizeof(oid));
            continue;
        }
        value = bw_trap_add_value(trap);
        if (value == NULL)
            break;
        if (!copy_oid(&value->oid, v->name, v->name_length))
            value->oid.length = 0;
        set_value(value, v);
    }
    return known && trap->oid.length > 0 ? 0 : -EINVAL;
}
