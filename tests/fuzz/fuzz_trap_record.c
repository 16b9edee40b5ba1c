/* fuzz: agent/trap/record.c agent/trap/rules.c agent/trap/oid.c agent/config/[a-z]*.c agent/model/text.c agent/model/address.c agent/model/catalogue*.c agent/model/event_kinds.c agent/model/enums.c agent/model/late_bounds.c agent/model/sync_health.c */
/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recorded notifications: whatever text comes, every record is read or refused with a reason, and the rules run on it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/trap/trap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char text[] =
    "cluster = { id = 1; name = \"c\"; auth = \"none\";\n"
    "members = ( { id = 1; name = \"a\"; address = \"10.0.0.1\"; }, { id = 2; name = \"b\"; address = \"10.0.0.2\"; } "
    ");\n"
    "interfaces = ( { name = \"eth0\"; } ); };\n"
    "traps = { communities = \"hush\"; sources = ( \"10.0.0.0/8\" ); rules = (\n"
    "{ name = \"down\"; source = \"10.0.0.2\"; oid = \"linkDown\"; set = \"problem\"; pnote = \"u\";\n"
    "  match = ( { oid = \"1.3.6.1.2.1.2.2.1.1\"; equal = 7; } ); },\n"
    "{ name = \"below\"; oid = \"1.3.6.1.4.*\"; set = \"ok\"; pnote = \"u\"; match = ( { oid = \"1.3\"; greater = -2; "
    "less = 3; } ); },\n"
    "{ name = \"regex\"; oid = \"linkUp\"; set = \"ok\"; pnote = \"u\";\n"
    "  match = ( { oid = \"1.3.8\"; regex = \"^(a|b*c+)+d?[x-z]{2,9}$\"; }, { oid = \"1.3\"; equal = \"x\"; } ); } ); "
    "};\n";

static int resolve(const char *name, struct bw_oid *oid)
{
    return bw_oid_from_text(name, oid) == 0 || bw_oid_builtin(name, oid) == 0 ? 0 : -ENOENT;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct bw_config config;
    static struct bw_config_errors errors;
    static struct bw_trap_rules *rules;
    static struct bw_trap trap;
    char *copy = malloc(size + 1), why[BW_TEXT_MAX];
    unsigned line = 0;
    size_t at = 0;
    int rc;

    if (rules == NULL && (bw_config_parse(text, strlen(text), "t", &config, &errors) != 0 ||
                          bw_trap_rules_new(&config.traps, resolve, &rules) != 0))
        abort();
    memcpy(copy, data, size);
    copy[size] = '\0';
    while ((rc = bw_trap_record_next(copy, &at, &line, &trap, why)) != 0) {
        uint64_t fits;

        if (at > size || (rc < 0) != (why[0] != '\0'))
            abort();
        if (rc < 0)
            continue;
        if (trap.source.family == 0 || trap.oid.length == 0 || trap.values_count > BW_TRAP_VALUES_MAX)
            abort();
        fits = bw_trap_rules_match(rules, &trap);
        for (unsigned i = 0; i < config.traps.rules_count; i++) {
            if ((bw_trap_rule_obstacle(rules, i, &trap, why, sizeof(why))[0] == '\0') != (fits >> i & 1))
                abort();
            bw_trap_rule_tell(rules, i, &trap, why);
        }
    }
    free(copy);
    return 0;
}
