/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ha subtree: which object is where and what its value is. The texts are those that pollers
 * compare with; lower case, and without a line break at the end.
 */
#include "checkpoint.h"

#include <net-snmp/net-snmp-includes.h>

#include <stdlib.h>
#include <string.h>

#include "bellwether/message.h"
#include "bellwether/text.h"

const oid bw_ha_root[BW_HA_ROOT_LENGTH] = {1, 3, 6, 1, 4, 1, 2620, 1, 5};

/* ---- the rows of the tables: of the local member, by their position ---- */

static const struct bw_member_row *local(const struct bw_snapshot *s)
{
    static const struct bw_member_row nobody;
    const struct bw_member_row *m = bw_member_row(s, s->cluster.local_member);

    return m != NULL ? m : &nobody;
}

/* Row n (from 0) of each table, NULL behind the last one. */
const struct bw_interface_row *bw_ha_interface(const struct bw_snapshot *s, uint32_t n)
{
    for (uint32_t i = 0; i < s->interfaces_count; i++)
        if (s->interfaces[i].member == s->cluster.local_member && s->interfaces[i].role != BW_ROLE_DISCONNECTED &&
            n-- == 0)
            return &s->interfaces[i];
    return NULL;
}

static const struct bw_interface_row *secured(const struct bw_snapshot *s, uint32_t n)
{
    for (uint32_t i = 0; i < s->interfaces_count; i++)
        if (s->interfaces[i].member == s->cluster.local_member && s->interfaces[i].role == BW_ROLE_SYNC && n-- == 0)
            return &s->interfaces[i];
    return NULL;
}

const struct bw_pnote_row *bw_ha_pnote(const struct bw_snapshot *s, uint32_t n)
{
    for (uint32_t i = 0; i < s->pnotes_count; i++)
        if (s->pnotes[i].member == s->cluster.local_member && n-- == 0)
            return &s->pnotes[i];
    return NULL;
}

/* The module has IPv4 only. */
static const struct bw_address_row *address(const struct bw_snapshot *s, uint32_t n)
{
    for (uint32_t i = 0; i < s->addresses_count; i++)
        if (s->addresses[i].address.family == 4 && n-- == 0)
            return &s->addresses[i];
    return NULL;
}

bool bw_ha_is_there(const struct bw_snapshot *s, oid table, uint32_t n)
{
    switch (table) {
    case 12:
        return bw_ha_interface(s, n) != NULL;
    case 13:
        return bw_ha_pnote(s, n) != NULL;
    case 15:
        return address(s, n) != NULL;
    case 16:
        return secured(s, n) != NULL;
    default:
        return n == 0;
    }
}

/* ---- values ---- */

static void set_text(struct bw_ha_hit *hit, const char *text)
{
    bw_copy(hit->value.text, sizeof(hit->value.text), text);
    hit->size = strlen(hit->value.text);
    for (size_t i = 0; i < hit->size; i++)
        if ((u_char)hit->value.text[i] < ' ')
            hit->value.text[i] = ' '; /* pollers read lines */
}

static void set_number(struct bw_ha_hit *hit, uint64_t number)
{
    hit->value.number = number > INT32_MAX ? INT32_MAX : (long)number;
}

static void set_address(struct bw_ha_hit *hit, uint32_t host_order)
{
    for (int i = 0; i < 4; i++)
        hit->value.address[i] = (u_char)(host_order >> (24 - 8 * i));
    hit->size = 4;
}

static uint32_t state(const struct bw_ha_view *v)
{
    return v->state != 0 ? v->state : local(v->snapshot)->state;
}

const char *bw_ha_state_text(uint32_t member_state)
{
    switch (member_state) {
    case BW_MEMBER_ACTIVE:
        return "active";
    case BW_MEMBER_ATTENTION:
        return "active attention";
    case BW_MEMBER_STANDBY:
        return "standby";
    case BW_MEMBER_READY:
        return "ready";
    case BW_MEMBER_DOWN:
    case BW_MEMBER_UNREACHABLE:
        return "down";
    default:
        return "init";
    }
}

const char *bw_ha_block_text(uint32_t member_state)
{
    return member_state == BW_MEMBER_INITIALIZING || member_state == 0 ? "initializing" : "OK";
}

enum bw_ha_stat bw_ha_stat(uint32_t member_state)
{
    switch (member_state) {
    case BW_MEMBER_ACTIVE:
    case BW_MEMBER_STANDBY:
        return BW_HA_OK;
    case BW_MEMBER_DOWN:
    case BW_MEMBER_UNREACHABLE:
        return BW_HA_PROBLEM;
    default:
        return BW_HA_ATTENTION;
    }
}

const char *bw_ha_stat_text(enum bw_ha_stat code)
{
    static const char *const texts[] = {"OK", "Attention", "Problem"};

    return texts[code];
}

/* Part n (from 0) of "1.2.3"; 0 when it has none. */
static unsigned long version_part(const char *text, int n)
{
    char *end;
    unsigned long part = strtoul(text, &end, 10);

    for (; n > 0; n--) {
        if (*end != '.')
            return 0;
        part = strtoul(end + 1, &end, 10);
    }
    return part;
}

static uint32_t ipv4(const struct bw_address *a)
{
    return (uint32_t)a->bytes[0] << 24 | (uint32_t)a->bytes[1] << 16 | (uint32_t)a->bytes[2] << 8 | a->bytes[3];
}

static uint32_t mask_of(uint8_t prefix)
{
    return prefix == 0 ? 0 : prefix >= 32 ? UINT32_MAX : ~(UINT32_MAX >> prefix);
}

/* The local member's own address on an interface; 0 when it has none. */
static uint32_t own_address(const struct bw_ha_view *v, const char *device, uint32_t *mask)
{
    uint32_t found = 0;

    *mask = 0;
    if (v->own_address == NULL || !v->own_address(device, &found, mask))
        return 0;
    return found;
}

static const char *device_of(const struct bw_snapshot *s, uint32_t index)
{
    for (uint32_t i = 0; i < s->interfaces_count; i++)
        if (s->interfaces[i].member == s->cluster.local_member && s->interfaces[i].index == index)
            return s->interfaces[i].device;
    return "";
}

/* ---- the objects: each fills in a hit's value. n is the row, from 0 ---- */

#define VALUE(name) static void name(const struct bw_ha_view *v, uint32_t n, struct bw_ha_hit *hit)
#define UNUSED      (void)v, (void)n

VALUE(product)
{
    UNUSED;
    set_text(hit, "High Availability");
}

VALUE(installed)
{
    UNUSED;
    set_number(hit, 1);
}

VALUE(version_major)
{
    (void)n;
    set_number(hit, version_part(v->snapshot->cluster.version, 0));
}

VALUE(version_minor)
{
    (void)n;
    set_number(hit, version_part(v->snapshot->cluster.version, 1));
}

VALUE(service_pack)
{
    (void)n;
    set_number(hit, version_part(v->snapshot->cluster.version, 2));
}

VALUE(version)
{
    (void)n;
    set_text(hit, v->snapshot->cluster.version);
}

VALUE(is_started)
{
    (void)n;
    set_text(hit, v->snapshot->number > 0 ? "yes" : "no");
}

VALUE(member_state)
{
    (void)n;
    set_text(hit, bw_ha_state_text(state(v)));
}

VALUE(block_state)
{
    (void)n;
    set_text(hit, bw_ha_block_text(state(v)));
}

VALUE(identifier)
{
    (void)n;
    set_number(hit, v->snapshot->cluster.local_member);
}

VALUE(protocol)
{
    UNUSED;
    set_number(hit, BW_PROTOCOL_VERSION);
}

VALUE(work_mode)
{
    const struct bw_cluster_row *c = &v->snapshot->cluster;

    (void)n;
    switch (c->mode) {
    case BW_MODE_LS_MULTICAST:
        set_text(hit, "Load Sharing (Multicast)");
        break;
    case BW_MODE_LS_UNICAST:
        set_text(hit, "Load Sharing (Unicast)");
        break;
    default:
        set_text(hit, c->recovery == BW_RECOVERY_PRIMARY_UP ? "High Availability (Primary Up)"
                                                            : "High Availability (Active Up)");
    }
}

VALUE(failovers)
{
    (void)n;
    set_number(hit, v->snapshot->cluster.failovers);
}

VALUE(stat_code)
{
    (void)n;
    set_number(hit, bw_ha_stat(state(v)));
}

VALUE(stat_short)
{
    (void)n;
    set_text(hit, bw_ha_stat_text(bw_ha_stat(state(v))));
}

VALUE(stat_long)
{
    const struct bw_member_row *m = local(v->snapshot);

    (void)n;
    hit->size = bw_format(hit->value.text, sizeof(hit->value.text), "member %s is %s: %s", m->name,
                          bw_ha_state_text(state(v)), v->text != NULL ? v->text : m->reason);
}

VALUE(row_number)
{
    (void)v;
    set_number(hit, n + 1);
}

VALUE(interface_name)
{
    set_text(hit, bw_ha_interface(v->snapshot, n)->name);
}

VALUE(interface_address)
{
    uint32_t mask;

    set_address(hit, own_address(v, bw_ha_interface(v->snapshot, n)->device, &mask));
}

VALUE(interface_status)
{
    uint32_t s = v->interface_state != 0 ? v->interface_state : bw_ha_interface(v->snapshot, n)->state;

    set_text(hit, s == BW_INTERFACE_UP        ? "Up"
                  : s == BW_INTERFACE_SUSPECT ? "Suspect"
                  : s == BW_INTERFACE_DOWN    ? "Down"
                                              : "Unknown");
}

VALUE(interface_verified)
{
    set_number(hit, bw_ha_interface(v->snapshot, n)->silence_ns / BW_SEC);
}

VALUE(interface_trusted)
{
    set_number(hit, bw_ha_interface(v->snapshot, n)->role == BW_ROLE_SYNC);
}

VALUE(interface_shared)
{
    const struct bw_interface_row *row = bw_ha_interface(v->snapshot, n);
    bool shared = false;

    for (uint32_t i = 0; i < v->snapshot->addresses_count; i++)
        shared = shared || v->snapshot->addresses[i].interface == row->index;
    set_number(hit, shared);
}

VALUE(pnote_name)
{
    set_text(hit, bw_ha_pnote(v->snapshot, n)->name);
}

VALUE(pnote_status)
{
    uint32_t s = v->pnote_status != 0 ? v->pnote_status : bw_ha_pnote(v->snapshot, n)->status;

    set_text(hit, s == BW_PNOTE_OK        ? "OK"
                  : s == BW_PNOTE_INIT    ? "initializing"
                  : s == BW_PNOTE_PROBLEM ? "problem"
                                          : "unknown");
}

VALUE(pnote_priority)
{
    UNUSED;
    set_number(hit, 0); /* every pnote counts alike */
}

VALUE(pnote_verified)
{
    set_number(hit, bw_ha_pnote(v->snapshot, n)->age_ns / BW_SEC);
}

VALUE(pnote_description)
{
    set_text(hit, v->text != NULL ? v->text : bw_ha_pnote(v->snapshot, n)->detail);
}

VALUE(address_interface)
{
    set_text(hit, address(v->snapshot, n)->interface_name);
}

VALUE(address_address)
{
    set_address(hit, ipv4(&address(v->snapshot, n)->address));
}

VALUE(address_mask)
{
    set_address(hit, mask_of(address(v->snapshot, n)->address.prefix));
}

/* The network of the members' own addresses there; the virtual address's one when this member has none of its own. */
static uint32_t member_net(const struct bw_ha_view *v, uint32_t n, uint32_t *mask)
{
    const struct bw_address_row *row = address(v->snapshot, n);
    uint32_t own = own_address(v, device_of(v->snapshot, row->interface), mask);

    if (own == 0) {
        *mask = mask_of(row->address.prefix);
        own = ipv4(&row->address);
    }
    return own & *mask;
}

VALUE(address_net)
{
    uint32_t mask;

    set_address(hit, member_net(v, n, &mask));
}

VALUE(address_net_mask)
{
    uint32_t mask;

    (void)member_net(v, n, &mask);
    set_address(hit, mask);
}

VALUE(sync_name)
{
    set_text(hit, secured(v->snapshot, n)->name);
}

/* These two are signed integers: the address's 32 bits. */
VALUE(sync_address)
{
    uint32_t mask;

    hit->value.number = (int32_t)own_address(v, secured(v->snapshot, n)->device, &mask);
}

VALUE(sync_mask)
{
    uint32_t mask;

    (void)own_address(v, secured(v->snapshot, n)->device, &mask);
    hit->value.number = (int32_t)mask;
}

/* In the order of their OIDs. column 0: a scalar. */
const struct bw_ha_object bw_ha_objects[] = {
    {1, 0, ASN_OCTET_STR, product},
    {2, 0, ASN_INTEGER, installed},
    {3, 0, ASN_INTEGER, version_major},
    {4, 0, ASN_INTEGER, version_minor},
    {5, 0, ASN_OCTET_STR, is_started},
    {6, 0, ASN_OCTET_STR, member_state},
    {7, 0, ASN_OCTET_STR, block_state},
    {8, 0, ASN_INTEGER, identifier},
    {10, 0, ASN_INTEGER, protocol},
    {11, 0, ASN_OCTET_STR, work_mode},
    {12, 1, ASN_GAUGE, row_number},
    {12, 2, ASN_OCTET_STR, interface_name},
    {12, 3, ASN_IPADDRESS, interface_address},
    {12, 4, ASN_OCTET_STR, interface_status},
    {12, 5, ASN_GAUGE, interface_verified},
    {12, 6, ASN_INTEGER, interface_trusted},
    {12, 7, ASN_INTEGER, interface_shared},
    {13, 1, ASN_GAUGE, row_number},
    {13, 2, ASN_OCTET_STR, pnote_name},
    {13, 3, ASN_OCTET_STR, pnote_status},
    {13, 4, ASN_INTEGER, pnote_priority},
    {13, 5, ASN_GAUGE, pnote_verified},
    {13, 6, ASN_OCTET_STR, pnote_description},
    {14, 0, ASN_OCTET_STR, version},
    {15, 1, ASN_GAUGE, row_number},
    {15, 2, ASN_OCTET_STR, address_interface},
    {15, 3, ASN_IPADDRESS, address_address},
    {15, 4, ASN_IPADDRESS, address_mask},
    {15, 5, ASN_IPADDRESS, address_net},
    {15, 6, ASN_IPADDRESS, address_net_mask},
    {16, 1, ASN_GAUGE, row_number},
    {16, 2, ASN_OCTET_STR, sync_name},
    {16, 3, ASN_INTEGER, sync_address},
    {16, 4, ASN_INTEGER, sync_mask},
    {17, 0, ASN_INTEGER, failovers},
    {101, 0, ASN_INTEGER, stat_code},
    {102, 0, ASN_OCTET_STR, stat_short},
    {103, 0, ASN_OCTET_STR, stat_long},
    {999, 0, ASN_INTEGER, service_pack},
};
const size_t bw_ha_objects_count = sizeof(bw_ha_objects) / sizeof(bw_ha_objects[0]);
