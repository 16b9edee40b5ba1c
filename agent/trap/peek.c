/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A look at a message before net-snmp sees it. The library remembers every engine id that a message of version 3
 * claims, before it has checked anything: a flood of invented ones would fill its memory. So those that nobody
 * configured are turned away here. Pure.
 */
#include <errno.h>
#include <string.h>

#include "agent/trap/trap.h"

#define TAG_INTEGER  0x02
#define TAG_OCTETS   0x04
#define TAG_SEQUENCE 0x30

struct place {
    const uint8_t *at, *end;
};

/* Reads a header of that tag: inside becomes its contents, from goes on behind them. False: no such thing, or too
 * short. */
static bool take(struct place *from, uint8_t tag, struct place *inside)
{
    size_t length, left = (size_t)(from->end - from->at), header = 2;

    if (left < 2 || from->at[0] != tag)
        return false;
    length = from->at[1];
    if (length >= 0x80) {
        size_t octets = length & 0x7f;

        if (octets < 1 || octets > 4 || left < 2 + octets)
            return false;
        length = 0;
        for (size_t i = 0; i < octets; i++)
            length = length << 8 | from->at[2 + i];
        header += octets;
    }
    if (length > left - header)
        return false;
    inside->at = from->at + header;
    inside->end = inside->at + length;
    from->at = inside->end;
    return true;
}

int bw_trap_peek(const uint8_t *bytes, size_t length, const uint8_t **engine, size_t *engine_length)
{
    struct place all = {bytes, bytes + length}, message, version, header, security, parameters, id;
    int64_t number = 0;

    *engine = NULL;
    *engine_length = 0;
    if (!take(&all, TAG_SEQUENCE, &message) || !take(&message, TAG_INTEGER, &version) || version.at == version.end ||
        version.end - version.at > 4)
        return -EINVAL;
    for (const uint8_t *at = version.at; at < version.end; at++)
        number = number << 8 | *at;
    if (number != 3)
        return number == 0 || number == 1 ? (int)number : -EINVAL;
    if (!take(&message, TAG_SEQUENCE, &header) || !take(&message, TAG_OCTETS, &security) ||
        !take(&security, TAG_SEQUENCE, &parameters) || !take(&parameters, TAG_OCTETS, &id))
        return -EINVAL;
    *engine = id.at;
    *engine_length = (size_t)(id.end - id.at);
    return 3;
}
