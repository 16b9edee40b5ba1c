/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The view of KEEPALIVED-MIB: which object is where and what its value is. Columns without a counterpart here (scripts,
 * mail, authentication, LVS) are left out. There are few objects and groups, so finding the next instance simply goes
 * through them in the order of their OIDs.
 */
#include "keepalived.h"

#include <net-snmp/net-snmp-includes.h>

#include <errno.h>
#include <string.h>

#include "bellwether/text.h"

#define PRIORITY_MAX 254 /* 255 is for the owner of an address */

const oid bw_ka_root[BW_KA_ROOT_LENGTH] = {1, 3, 6, 1, 4, 1, 9586, 100, 5};

/* ---- what a group is here ---- */

static const struct bw_member_row *local(const struct bw_snapshot *s)
{
    static const struct bw_member_row nobody;
    const struct bw_member_row *m = bw_member_row(s, s->cluster.local_member);

    return m != NULL ? m : &nobody;
}

static const struct bw_group_member_row *here(const struct bw_snapshot *s, uint32_t n)
{
    for (uint32_t i = 0; i < s->group_members_count; i++)
        if (s->group_members[i].group == s->groups[n].index && s->group_members[i].member == s->cluster.local_member)
            return &s->group_members[i];
    return NULL;
}

enum bw_ka_state bw_ka_state(const struct bw_snapshot *s, uint32_t n)
{
    const struct bw_group_member_row *row = here(s, n);
    uint32_t member = local(s)->state;

    if (row == NULL || row->state == BW_GROUP_UNKNOWN || member == 0)
        return BW_KA_INIT;
    if (row->state == BW_GROUP_ONLINE)
        return BW_KA_MASTER;
    if (row->state == BW_GROUP_ERROR || row->start == BW_START_DENY || member == BW_MEMBER_DOWN ||
        member == BW_MEMBER_UNREACHABLE)
        return BW_KA_FAULT;
    return member == BW_MEMBER_INITIALIZING || s->groups[n].stopped ? BW_KA_INIT : BW_KA_BACKUP;
}

/* The local member's place in the group's order, 1 = first; 0: it is not in it. */
static unsigned place(const struct bw_snapshot *s, uint32_t n)
{
    const char *name = local(s)->name, *at = s->groups[n].policy;
    size_t length = strlen(name);

    for (unsigned i = 1; *at != '\0' && length > 0; i++) {
        size_t word = strcspn(at, " ");

        if (word == length && strncmp(at, name, length) == 0)
            return i;
        at += word;
        at += strspn(at, " ");
    }
    return 0;
}

static bool takes_back(const struct bw_snapshot *s, uint32_t n)
{
    return s->groups[n].failback == BW_AUTO;
}

/* ---- values: each fills in a hit's value. n is the group, from 0 ---- */

#define VALUE(name) static void name(const struct bw_snapshot *s, uint32_t n, struct bw_ka_hit *hit)

static void set_text(struct bw_ka_hit *hit, const char *text)
{
    bw_copy(hit->value.text, sizeof(hit->value.text), text);
    hit->size = strlen(hit->value.text);
}

VALUE(version)
{
    (void)n;
    hit->size = bw_format(hit->value.text, sizeof(hit->value.text), "Bellwether %s", s->cluster.version);
}

VALUE(router)
{
    (void)n;
    set_text(hit, local(s)->name);
}

VALUE(traps)
{
    (void)s;
    (void)n;
    hit->value.number = 1; /* enabled */
}

VALUE(group_name)
{
    set_text(hit, s->groups[n].name);
}

VALUE(router_id)
{
    hit->value.number = (long)s->groups[n].index;
}

VALUE(state)
{
    hit->value.number = bw_ka_state(s, n);
}

VALUE(initial_state)
{
    hit->value.number = takes_back(s, n) && place(s, n) == 1 ? BW_KA_MASTER : BW_KA_BACKUP;
}

/* What is so on purpose is what is wanted: a member that was taken out of service is no reason for an alarm. */
VALUE(wanted_state)
{
    enum bw_ka_state now = bw_ka_state(s, n);

    hit->value.number =
        now == BW_KA_MASTER || local(s)->admin != BW_ADMIN_UP || s->groups[n].stopped ? now : BW_KA_BACKUP;
}

VALUE(base_priority)
{
    unsigned at = place(s, n);

    hit->value.number = at > 0 && at <= PRIORITY_MAX ? PRIORITY_MAX + 1 - (long)at : 1;
}

VALUE(effective_priority)
{
    base_priority(s, n, hit);
    if (bw_ka_state(s, n) == BW_KA_INIT || bw_ka_state(s, n) == BW_KA_FAULT)
        hit->value.number = 0;
}

VALUE(addresses_status)
{
    bool all = bw_ka_state(s, n) == BW_KA_MASTER;

    for (uint32_t i = 0; i < s->addresses_count; i++)
        if (strcmp(s->addresses[i].group, s->groups[n].name) == 0)
            all = all && s->addresses[i].installed;
    hit->value.number = all ? 1 : 2; /* allSet, notAllSet */
}

VALUE(interface)
{
    const char *first = "";

    for (uint32_t i = 0; i < s->addresses_count && first[0] == '\0'; i++)
        if (strcmp(s->addresses[i].group, s->groups[n].name) == 0)
            first = s->addresses[i].interface_name;
    set_text(hit, first);
}

VALUE(tracked)
{
    (void)s;
    (void)n;
    hit->value.number = 1;
}

VALUE(interval)
{
    (void)n;
    hit->value.number = (long)(s->cluster.heartbeat_interval_ns / (10 * BW_MS)); /* hundredths of a second */
}

VALUE(preempt)
{
    hit->value.number = takes_back(s, n) ? 1 : 2;
}

VALUE(vrrp_version)
{
    (void)s;
    (void)n;
    hit->value.number = 3; /* by which the interval is told in hundredths */
}

/* In the order of their OIDs. Three arcs: a scalar; four: a column, whose rows are the groups. */
static const struct object {
    oid name[4];
    size_t length;
    u_char type;
    void (*value)(const struct bw_snapshot *s, uint32_t n, struct bw_ka_hit *hit);
} objects[] = {
    {{1, 1, 0}, 3, ASN_OCTET_STR, version},
    {{1, 2, 0}, 3, ASN_OCTET_STR, router},
    {{1, 4, 0}, 3, ASN_INTEGER, traps},
    {{2, 3, 1, 2}, 4, ASN_OCTET_STR, group_name},
    {{2, 3, 1, 3}, 4, ASN_GAUGE, router_id},
    {{2, 3, 1, 4}, 4, ASN_INTEGER, state},
    {{2, 3, 1, 5}, 4, ASN_INTEGER, initial_state},
    {{2, 3, 1, 6}, 4, ASN_INTEGER, wanted_state},
    {{2, 3, 1, 7}, 4, ASN_INTEGER, base_priority},
    {{2, 3, 1, 8}, 4, ASN_INTEGER, effective_priority},
    {{2, 3, 1, 9}, 4, ASN_INTEGER, addresses_status},
    {{2, 3, 1, 10}, 4, ASN_OCTET_STR, interface},
    {{2, 3, 1, 11}, 4, ASN_INTEGER, tracked},
    {{2, 3, 1, 12}, 4, ASN_GAUGE, interval},
    {{2, 3, 1, 13}, 4, ASN_INTEGER, preempt},
    {{2, 3, 1, 30}, 4, ASN_INTEGER, vrrp_version},
};
#define OBJECTS (sizeof(objects) / sizeof(objects[0]))

/* ---- finding ---- */

static uint32_t rows(const struct bw_snapshot *s, const struct object *o)
{
    return o->length == 3 ? 1 : s->groups_count;
}

/* The name of an object's row n alone. */
static void name_of(const struct bw_snapshot *s, const struct object *o, uint32_t n, struct bw_ka_hit *hit)
{
    hit->length = o->length;
    memcpy(hit->name, o->name, o->length * sizeof(oid));
    if (o->length == 4)
        hit->name[hit->length++] = s->groups[n].index;
}

static void fill(const struct bw_snapshot *s, const struct object *o, uint32_t n, struct bw_ka_hit *hit)
{
    name_of(s, o, n, hit);
    hit->type = o->type;
    hit->value.number = 0;
    hit->size = sizeof(hit->value.number);
    o->value(s, n, hit);
}

int bw_ka_get(const struct bw_snapshot *s, const oid *name, size_t length, struct bw_ka_hit *hit)
{
    int rc = -ENOENT;

    for (size_t i = 0; i < OBJECTS; i++) {
        size_t own = objects[i].length == 3 ? 2 : 4; /* a scalar's instance arc is none of the object's */

        if (length < own || bw_snmp_compare(objects[i].name, own, name, own) != 0)
            continue;
        rc = -ENXIO;
        for (uint32_t n = 0; n < rows(s, &objects[i]); n++) {
            name_of(s, &objects[i], n, hit);
            if (bw_snmp_compare(hit->name, hit->length, name, length) != 0)
                continue;
            fill(s, &objects[i], n, hit);
            return 0;
        }
    }
    return rc;
}

int bw_ka_next(const struct bw_snapshot *s, const oid *name, size_t length, bool inclusive, struct bw_ka_hit *hit)
{
    for (size_t i = 0; i < OBJECTS; i++)
        for (uint32_t n = 0; n < rows(s, &objects[i]); n++) {
            int order;

            name_of(s, &objects[i], n, hit);
            order = bw_snmp_compare(hit->name, hit->length, name, length);
            if (order < 0 || (order == 0 && !inclusive))
                continue;
            fill(s, &objects[i], n, hit);
            return 0;
        }
    return -ENOENT;
}

unsigned bw_ka_varbinds(const struct bw_snapshot *s, uint32_t n, struct bw_ka_hit hits[BW_KA_VARBINDS])
{
    static void (*const told[BW_KA_VARBINDS])(const struct bw_snapshot *, uint32_t,
                                              struct bw_ka_hit *) = {group_name, state, initial_state, router};
    unsigned count = 0;

    for (size_t t = 0; t < BW_KA_VARBINDS; t++)
        for (size_t i = 0; i < OBJECTS; i++)
            if (objects[i].value == told[t])
                fill(s, &objects[i], n, &hits[count++]);
    return count;
}
