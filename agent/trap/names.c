/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of notifications and objects by the MIB files of this host. net-snmp keeps them in globals: only for processes
 * in which nothing else uses net-snmp at that time (the receiver before it listens, the command line).
 */
#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <syslog.h>

#include "agent/trap/trap.h"

/* The library's tree is global, so is whether it is there. */
static bool loaded;

static void load(void)
{
    loaded = true;
    snmp_disable_log();
    netsnmp_register_loghandler(NETSNMP_LOGHANDLER_NONE, LOG_DEBUG); /* without any it writes to stderr */
    setenv("MIBS", "ALL", 1);
    netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_MIB_ERRORS, 0);
    netsnmp_init_mib();
}

int bw_trap_resolve(const char *text, struct bw_oid *out)
{
    oid name[MAX_OID_LEN];
    size_t length = MAX_OID_LEN;

    if (text[0] == '.' || (text[0] >= '0' && text[0] <= '9'))
        return bw_oid_from_text(text, out);
    if (bw_oid_builtin(text, out) == 0)
        return 0;
    if (!loaded)
        load();
    if (snmp_parse_oid(text, name, &length) == NULL)
        return -ENOENT;
    out->length = 0;
    for (size_t i = 0; i < length; i++)
        if (name[i] > UINT32_MAX || !bw_oid_append(out, (uint32_t)name[i]))
            return -EINVAL;
    return out->length >= 2 ? 0 : -EINVAL;
}

void bw_trap_resolve_end(void)
{
    if (!loaded)
        return;
    loaded = false;
    shutdown_mib();
    setenv("MIBS", "", 1);
    malloc_trim(0);
}
