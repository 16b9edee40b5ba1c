/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checking SETs. Everything that can be refused is refused here, before anything is done: AgentX
 * has no way to tell the manager of a failure later.
 */
#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>

#include <errno.h>
#include <string.h>

#include "bellwether/text.h"
#include "control.h"

#define LOCK_MAX 2147483647L

typedef int setter(const struct bw_snmp_view *view, const struct bw_snmp_hit *hit, const void *bytes, size_t size,
                   struct bw_snmp_wish *wish);

/* The whole integer, however wide. False when its size is none that an INTEGER can have. */
static bool whole_integer(const void *bytes, size_t size, long *number)
{
    int narrow;

    if (size == sizeof(long)) {
        memcpy(number, bytes, sizeof(long));
        return true;
    }
    if (size != sizeof(int))
        return false;
    memcpy(&narrow, bytes, sizeof(narrow));
    *number = narrow;
    return true;
}

static int set_admin(const struct bw_snmp_view *view, const struct bw_snmp_hit *hit, const void *bytes, size_t size,
                     struct bw_snmp_wish *wish)
{
    const struct bw_member_row *member = hit->row;
    const char *text;
    long number;

    (void)view;
    if (!whole_integer(bytes, size, &number))
        return SNMP_ERR_WRONGLENGTH;
    if (number < BW_ADMIN_UP || number > BW_ADMIN_FORCE_DOWN)
        return SNMP_ERR_WRONGVALUE;
    text = bw_enum_text(hit->leaf->field->labels, (uint32_t)number);
    wish->request.kind = BW_REQUEST_ADMIN;
    wish->request.member = member->id;
    wish->request.admin = (uint32_t)number;
    bw_format(wish->text, sizeof(wish->text), "member %s %s", member->name, text);
    return SNMP_ERR_NOERROR;
}

static int set_lock(const struct bw_snmp_view *view, const struct bw_snmp_hit *hit, const void *bytes, size_t size,
                    struct bw_snmp_wish *wish)
{
    long number;

    (void)hit;
    if (!whole_integer(bytes, size, &number))
        return SNMP_ERR_WRONGLENGTH;
    if (number < 0 || number > LOCK_MAX)
        return SNMP_ERR_WRONGVALUE;
    wish->is_lock = true;
    wish->lock = (uint32_t)number;
    return wish->lock == view->control->lock ? SNMP_ERR_NOERROR : SNMP_ERR_INCONSISTENTVALUE;
}

static const struct bw_member_row *member_by_text(const struct bw_snapshot *s, const char *text)
{
    char id[12];

    for (uint32_t i = 0; i < s->members_count; i++) {
        bw_format(id, sizeof(id), "%u", s->members[i].id);
        if (strcmp(s->members[i].name, text) == 0 || strcmp(id, text) == 0)
            return &s->members[i];
    }
    return NULL;
}

/* "GROUP MEMBER": member by its name or id. */
static int set_group_move(const struct bw_snmp_view *view, const struct bw_snmp_hit *hit, const void *bytes,
                          size_t size, struct bw_snmp_wish *wish)
{
    const struct bw_snapshot *s = view->snapshot;
    const struct bw_member_row *member;
    char text[2 * BW_NAME_MAX];
    char *blank;

    (void)hit;
    if (size >= sizeof(text))
        return SNMP_ERR_WRONGLENGTH;
    if (size == 0) /* then there may be no bytes at all */
        return SNMP_ERR_WRONGVALUE;
    memcpy(text, bytes, size);
    text[size] = '\0';
    blank = strrchr(text, ' ');
    if (blank == NULL || strlen(text) != size)
        return SNMP_ERR_WRONGVALUE;
    *blank = '\0';
    member = member_by_text(s, blank + 1);
    for (uint32_t i = 0; i < s->groups_count && member != NULL; i++) {
        if (strcmp(s->groups[i].name, text) != 0)
            continue;
        wish->request.kind = BW_REQUEST_GROUP_MOVE;
        wish->request.group = s->groups[i].index;
        wish->request.member = member->id;
        bw_format(wish->text, sizeof(wish->text), "group %s to member %s", text, member->name);
        return SNMP_ERR_NOERROR;
    }
    return SNMP_ERR_WRONGVALUE;
}

/* reset(2) does it; idle(1), which is what reading gives, is taken and does nothing. */
static int set_counters_reset(const struct bw_snmp_view *view, const struct bw_snmp_hit *hit, const void *bytes,
                              size_t size, struct bw_snmp_wish *wish)
{
    long number;

    (void)view;
    (void)hit;
    if (!whole_integer(bytes, size, &number))
        return SNMP_ERR_WRONGLENGTH;
    if (number != BW_SNMP_RESET_IDLE && number != BW_SNMP_RESET_NOW)
        return SNMP_ERR_WRONGVALUE;
    wish->is_idle = number == BW_SNMP_RESET_IDLE;
    wish->request.kind = BW_REQUEST_COUNTERS_RESET;
    bw_copy(wish->text, sizeof(wish->text), "reset counters");
    return SNMP_ERR_NOERROR;
}

/* Every object that takes a value. */
static const struct {
    const struct bw_object *object;
    const char *key;
    u_char type;
    setter *set;
} setters[] = {
    {&bw_catalogue[BW_OBJECT_MEMBER], "admin", ASN_INTEGER, set_admin},
    {&bw_snmp_control_object, "lock", ASN_INTEGER, set_lock},
    {&bw_snmp_control_object, "group_move", ASN_OCTET_STR, set_group_move},
    {&bw_snmp_control_object, "counters_reset", ASN_INTEGER, set_counters_reset},
};

/* Is `name` an instance, there or not, of a leaf that takes values? */
static bool is_writable_column(const struct bw_snmp_plan *plan, const oid *name, size_t length)
{
    for (uint32_t i = 0; i < plan->count; i++) {
        const struct bw_snmp_leaf *leaf = &plan->leaves[i];

        if (leaf->field->access == BW_ACCESS_WRITE && length > leaf->length &&
            bw_snmp_compare(leaf->prefix, leaf->length, name, leaf->length) == 0)
            return true;
    }
    return false;
}

int bw_snmp_set_parse(const struct bw_snmp_plan *plan, const struct bw_snmp_view *view, const oid *name, size_t length,
                      u_char type, const void *bytes, size_t size, struct bw_snmp_wish *wish)
{
    struct bw_snmp_hit hit;
    int rc = bw_snmp_get(plan, view, name, length, &hit);

    memset(wish, 0, sizeof(*wish));
    if (rc != 0)
        return rc == -ENXIO && is_writable_column(plan, name, length) ? SNMP_ERR_NOCREATION : SNMP_ERR_NOTWRITABLE;
    for (size_t i = 0; i < sizeof(setters) / sizeof(setters[0]); i++) {
        if (setters[i].object != hit.leaf->object || strcmp(setters[i].key, hit.leaf->field->key) != 0)
            continue;
        if (type != setters[i].type)
            return SNMP_ERR_WRONGTYPE;
        bw_copy(wish->request.who, sizeof(wish->request.who), "snmp");
        return setters[i].set(view, &hit, bytes, size, wish);
    }
    return SNMP_ERR_NOTWRITABLE;
}

/* ---- would the cluster accept it? ---- */

static bool serves(const struct bw_member_row *m)
{
    return m->state == BW_MEMBER_ACTIVE || m->state == BW_MEMBER_ATTENTION;
}

static bool could_serve(const struct bw_member_row *m)
{
    return (m->state == BW_MEMBER_STANDBY || m->state == BW_MEMBER_READY) && m->admin == BW_ADMIN_UP && !m->forced;
}

/* Would a member other than `id` serve once `id` does not? */
static bool somebody_is_left(const struct bw_snapshot *s, uint32_t id)
{
    bool successor = false;
    bool was_serving = false;

    for (uint32_t i = 0; i < s->members_count; i++) {
        const struct bw_member_row *m = &s->members[i];

        if (m->id == id)
            was_serving = serves(m);
        else if (serves(m))
            return true;
        else if (could_serve(m))
            successor = true;
    }
    return successor && (!was_serving || s->cluster.takeover_possible);
}

static int admin_policy(const struct bw_snapshot *s, const struct bw_request *request, char *why)
{
    for (uint32_t i = 0; i < s->members_count; i++)
        if (s->members[i].id == request->member && s->members[i].admin == request->admin)
            return SNMP_ERR_NOERROR; /* it is so already */
    if (request->admin == BW_ADMIN_UP || request->admin == BW_ADMIN_FORCE_DOWN || somebody_is_left(s, request->member))
        return SNMP_ERR_NOERROR;
    bw_format(why, BW_TEXT_MAX, "no other member could take over%s%s: forceDown(4) would do it all the same",
              s->cluster.takeover_obstacle[0] != '\0' ? ": " : "", s->cluster.takeover_obstacle);
    return SNMP_ERR_INCONSISTENTVALUE;
}

static int move_policy(const struct bw_snapshot *s, const struct bw_request *request, char *why)
{
    for (uint32_t i = 0; i < s->members_count; i++) {
        const struct bw_member_row *m = &s->members[i];

        if (m->id == request->member && (serves(m) || could_serve(m)))
            return SNMP_ERR_NOERROR;
    }
    bw_format(why, BW_TEXT_MAX, "member %s could not take it over", bw_member_name(s, request->member));
    return SNMP_ERR_INCONSISTENTVALUE;
}

int bw_snmp_set_policy(const struct bw_snmp_view *view, const struct bw_snmp_wish *wish, char *why)
{
    why[0] = '\0';
    if (wish->is_lock || wish->is_idle || wish->request.kind == BW_REQUEST_COUNTERS_RESET)
        return SNMP_ERR_NOERROR;
    if (wish->request.kind == BW_REQUEST_ADMIN)
        return admin_policy(view->snapshot, &wish->request, why);
    return move_policy(view->snapshot, &wish->request, why);
}
