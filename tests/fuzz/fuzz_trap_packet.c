/* fuzz: agent/trap/pdu.c agent/trap/peek.c agent/trap/rules.c agent/trap/oid.c agent/model/text.c agent/model/address.c -lnetsnmp */
/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Notifications as they come from the network, through net-snmp's decoder of versions 1 and 2c into our form and the
 * rules.
 */
#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/trap/trap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct bw_traps_config config = {
    .rules_count = 2,
    .rules = {{.name = "down",
               .pnote = "u",
               .oid = "linkDown",
               .set = BW_PNOTE_PROBLEM,
               .match_count = 1,
               .match = {{.oid = "1.3.6.1.2.1.2.2.1.1", .has_equal = true, .equal = 7}}},
              {.name = "any",
               .pnote = "u",
               .oid = "1.3.*",
               .set = BW_PNOTE_OK,
               .match_count = 1,
               .match = {{.oid = "1.3", .regex = "^[0-9a-f ]+x$"}}}},
};

static int resolve(const char *name, struct bw_oid *oid)
{
    return bw_oid_from_text(name, oid) == 0 || bw_oid_builtin(name, oid) == 0 ? 0 : -ENOENT;
}

/* The outside of a message of version 1 or 2c: what is inside to the library's decoder. */
static int decode(const uint8_t *data, size_t size, netsnmp_pdu *pdu)
{
    u_char *copy = malloc(size + 1), *inside, community[64];
    size_t length = size, community_length = sizeof(community);
    int rc;

    if (size > 0)
        memcpy(copy, data, size);
    inside = snmp_comstr_parse(copy, &length, community, &community_length, &pdu->version);
    rc = inside == NULL ? -1 : snmp_pdu_parse(pdu, inside, &length);
    free(copy);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct bw_trap_rules *rules;
    static struct bw_trap trap;
    netsnmp_pdu *pdu;
    const uint8_t *engine;
    size_t engine_length;
    char text[BW_TEXT_MAX];

    if (rules == NULL) {
        snmp_disable_log();
        netsnmp_register_loghandler(NETSNMP_LOGHANDLER_NONE, 7);
        if (bw_trap_rules_new(&config, resolve, &rules) != 0)
            abort();
    }
    if (bw_trap_peek(data, size, &engine, &engine_length) == 3 &&
        (engine < data || engine_length > (size_t)(data + size - engine)))
        abort();
    pdu = snmp_pdu_create(0);
    if (decode(data, size, pdu) == 0 && bw_trap_from_pdu(pdu, &trap) == 0) {
        if (trap.oid.length == 0 || trap.values_count > BW_TRAP_VALUES_MAX)
            abort();
        for (uint32_t i = 0; i < trap.values_count; i++)
            if (memchr(trap.values[i].text, '\0', BW_TRAP_VALUE_MAX) == NULL)
                abort();
        bw_trap_rules_match(rules, &trap);
        for (unsigned i = 0; i < config.rules_count; i++)
            bw_trap_rule_tell(rules, i, &trap, text);
    }
    snmp_free_pdu(pdu);
    return 0;
}
