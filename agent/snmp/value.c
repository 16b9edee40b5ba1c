/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a field of a row to an SNMP value, one case per catalogue type.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "walk.h"

static void set_number(struct bw_snmp_value *value, u_char type, uint64_t number)
{
    value->type = type;
    value->held.number = (long)number;
    value->bytes = &value->held.number;
    value->length = sizeof(value->held.number);
}

static void set_wide(struct bw_snmp_value *value, uint64_t number)
{
    value->type = ASN_COUNTER64;
    value->held.wide.high = (u_long)(number >> 32);
    value->held.wide.low = (u_long)(number & 0xffffffffu);
    value->bytes = &value->held.wide;
    value->length = sizeof(value->held.wide);
}

static void set_bytes(struct bw_snmp_value *value, const void *bytes, size_t length)
{
    value->type = ASN_OCTET_STR;
    value->bytes = bytes;
    value->length = length;
}

/* DateAndTime in UTC with its offset, 11 octets; 8 zero octets for "never", as other modules do (no octets would be no
 * DateAndTime). */
static void set_wall(struct bw_snmp_value *value, int64_t wall)
{
    time_t seconds = (time_t)(wall / (int64_t)BW_SEC);
    u_char *out = value->held.text;
    struct tm tm;

    if (wall <= 0 || gmtime_r(&seconds, &tm) == NULL) {
        memset(out, 0, 8);
        set_bytes(value, out, 8);
        return;
    }
    out[0] = (u_char)((tm.tm_year + 1900) >> 8);
    out[1] = (u_char)((tm.tm_year + 1900) & 0xff);
    out[2] = (u_char)(tm.tm_mon + 1);
    out[3] = (u_char)tm.tm_mday;
    out[4] = (u_char)tm.tm_hour;
    out[5] = (u_char)tm.tm_min;
    out[6] = (u_char)tm.tm_sec;
    out[7] = (u_char)(wall % (int64_t)BW_SEC / (int64_t)(100 * BW_MS));
    out[8] = '+';
    out[9] = 0;
    out[10] = 0;
    set_bytes(value, out, 11);
}

static void set_digest(struct bw_snmp_value *value, uint64_t digest)
{
    char text[17];

    snprintf(text, sizeof(text), "%016llx", (unsigned long long)digest);
    memcpy(value->held.text, text, 16);
    set_bytes(value, value->held.text, 16);
}

static void set_address(struct bw_snmp_value *value, enum bw_snmp_part part, const struct bw_address *a)
{
    if (part == BW_SNMP_ADDRESS_TYPE)
        set_number(value, ASN_INTEGER, a->family == 6 ? 2 : a->family == 4 ? 1 : 0);
    else
        set_bytes(value, a->bytes, a->family == 6 ? 16 : a->family == 4 ? 4 : 0);
}

static uint64_t milliseconds(uint64_t ns)
{
    return ns / BW_MS > UINT32_MAX ? UINT32_MAX : ns / BW_MS;
}

/* Milliseconds within an Integer32. */
static int32_t offset(int64_t ns)
{
    int64_t ms = ns / (int64_t)BW_MS;

    return ms > INT32_MAX ? INT32_MAX : ms < INT32_MIN ? INT32_MIN : (int32_t)ms;
}

void bw_snmp_value(const struct bw_snmp_hit *hit, struct bw_snmp_value *value)
{
    const struct bw_field *field = hit->leaf->field;
    const char *at = (const char *)hit->row + field->offset;
    union {
        uint32_t u32;
        uint64_t u64;
        int64_t wall;
        bool truth;
    } v = {0};

    if (field->type != BW_TYPE_TEXT && field->size <= sizeof(v))
        memcpy(&v, at, field->size);
    switch (field->type) {
    case BW_TYPE_U32:
    case BW_TYPE_GAUGE:
    case BW_TYPE_MEMBER:
        set_number(value, ASN_GAUGE, v.u32);
        break;
    case BW_TYPE_COUNTER:
    case BW_TYPE_U64:
        set_wide(value, v.u64);
        break;
    case BW_TYPE_BOOL:
        set_number(value, ASN_INTEGER, v.truth ? 1 : 2);
        break;
    case BW_TYPE_ENUM:
        set_number(value, ASN_INTEGER, v.u32);
        break;
    case BW_TYPE_TEXT:
        set_bytes(value, at, strnlen(at, field->size));
        break;
    case BW_TYPE_WALL:
        set_wall(value, v.wall);
        break;
    case BW_TYPE_NS:
        set_number(value, ASN_GAUGE, milliseconds(v.u64));
        break;
    case BW_TYPE_BRIEF:
        set_number(value, ASN_GAUGE, v.u64 / 1000 < UINT32_MAX ? (uint32_t)(v.u64 / 1000) : UINT32_MAX);
        break;
    case BW_TYPE_OFFSET:
        set_number(value, ASN_INTEGER, (uint64_t)offset(v.wall));
        break;
    case BW_TYPE_DIGEST:
        set_digest(value, v.u64);
        break;
    case BW_TYPE_ADDRESS:
        set_address(value, hit->leaf->part, (const struct bw_address *)(const void *)at);
        break;
    case BW_TYPE_PREFIX:
        set_number(value, ASN_GAUGE, ((const struct bw_address *)(const void *)at)->prefix);
        break;
    case BW_TYPE_HISTOGRAM: /* never in the MIB */
        set_number(value, ASN_GAUGE, 0);
        break;
    }
}
