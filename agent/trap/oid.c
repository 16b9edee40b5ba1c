/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Object identifiers, the names of the generic notifications, and octets as text. Pure.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/trap/trap.h"

/* 1.3.6.1.6.3.1.1.5: below it SNMPv2 has what SNMPv1 calls generic traps. */
static const uint32_t generic_root[] = {1, 3, 6, 1, 6, 3, 1, 1, 5};
#define GENERIC_ARCS (sizeof(generic_root) / sizeof(generic_root[0]))

static const struct {
    const char *module, *name;
} generic[] = {
    {"SNMPv2-MIB", "coldStart"},
    {"SNMPv2-MIB", "warmStart"},
    {"IF-MIB", "linkDown"},
    {"IF-MIB", "linkUp"},
    {"SNMPv2-MIB", "authenticationFailure"},
    {"RFC1213-MIB", "egpNeighborLoss"},
};

int bw_oid_from_text(const char *text, struct bw_oid *oid)
{
    oid->length = 0;
    if (*text == '.')
        text++;
    for (;;) {
        uint64_t arc = 0;
        unsigned digits = 0;

        for (; *text >= '0' && *text <= '9' && digits <= 10; text++, digits++)
            arc = arc * 10 + (uint64_t)(*text - '0');
        if (digits == 0 || digits > 10 || arc > UINT32_MAX || oid->length == BW_OID_ARCS_MAX)
            return -EINVAL;
        oid->arcs[oid->length++] = (uint32_t)arc;
        if (*text == '\0')
            return oid->length >= 2 ? 0 : -EINVAL;
        if (*text++ != '.')
            return -EINVAL;
    }
}

const char *bw_oid_to_text(const struct bw_oid *oid, char *buf, size_t cap)
{
    size_t at = 0;

    buf[0] = '\0';
    for (uint32_t i = 0; i < oid->length && at < cap; i++)
        at += (size_t)snprintf(buf + at, cap - at, "%s%u", i > 0 ? "." : "", oid->arcs[i]);
    return buf;
}

bool bw_oid_within(const struct bw_oid *oid, const struct bw_oid *root)
{
    return root->length <= oid->length && memcmp(oid->arcs, root->arcs, root->length * sizeof(root->arcs[0])) == 0;
}

bool bw_oid_equal(const struct bw_oid *a, const struct bw_oid *b)
{
    return a->length == b->length && bw_oid_within(a, b);
}

bool bw_oid_append(struct bw_oid *oid, uint32_t arc)
{
    if (oid->length == BW_OID_ARCS_MAX)
        return false;
    oid->arcs[oid->length++] = arc;
    return true;
}

int bw_oid_builtin(const char *name, struct bw_oid *oid)
{
    for (uint32_t i = 0; i < sizeof(generic) / sizeof(generic[0]); i++) {
        size_t module = strlen(generic[i].module);
        const char *bare = name;

        if (strncmp(name, generic[i].module, module) == 0 && strncmp(name + module, "::", 2) == 0)
            bare = name + module + 2;
        if (strcmp(bare, generic[i].name) != 0)
            continue;
        memcpy(oid->arcs, generic_root, sizeof(generic_root));
        oid->length = GENERIC_ARCS;
        bw_oid_append(oid, i + 1);
        return 0;
    }
    return -ENOENT;
}

const char *bw_oid_builtin_name(const struct bw_oid *oid)
{
    if (oid->length != GENERIC_ARCS + 1 || memcmp(oid->arcs, generic_root, sizeof(generic_root)) != 0)
        return NULL;
    if (oid->arcs[GENERIC_ARCS] < 1 || oid->arcs[GENERIC_ARCS] > sizeof(generic) / sizeof(generic[0]))
        return NULL;
    return generic[oid->arcs[GENERIC_ARCS] - 1].name;
}

void bw_trap_octets(const uint8_t *octets, size_t length, char text[BW_TRAP_VALUE_MAX])
{
    bool printable = true;
    size_t at = 0;

    while (length > 0 && octets[length - 1] == '\0') /* some devices send the C string's end */
        length--;
    for (size_t i = 0; i < length; i++)
        printable = printable && ((octets[i] >= ' ' && octets[i] != 0x7f) || octets[i] == '\t' || octets[i] == '\n' ||
                                  octets[i] == '\r');
    if (printable) {
        at = length < BW_TRAP_VALUE_MAX - 1 ? length : BW_TRAP_VALUE_MAX - 1;
        memcpy(text, octets, at);
        text[at] = '\0';
        return;
    }
    text[0] = '\0';
    for (size_t i = 0; i < length && at + 4 < BW_TRAP_VALUE_MAX; i++)
        at += (size_t)snprintf(text + at, BW_TRAP_VALUE_MAX - at, "%s%02x", i > 0 ? " " : "", octets[i]);
}
