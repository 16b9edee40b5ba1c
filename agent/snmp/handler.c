/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Answers requests. All of bwObjects is one registration with this one handler: one exchange with
 * the master at (re)connecting, and all varbinds of a PDU arrive together and see one snapshot.
 */
#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <net-snmp/agent/net-snmp-agent-includes.h>

#include <errno.h>
#include <string.h>

#include "snmp.h"

#define OBJECTS_ARC 1

/* The part of a varbind's name below bwObjects. For a name before it: empty. False for one behind it. */
static bool relative_name(const struct bw_snmp *snmp, const netsnmp_variable_list *varbind, const oid **name,
                          size_t *length)
{
    size_t root = snmp->root_length + 1; /* bw_snmp_handler_register left bwObjects' arc there */
    size_t cut = varbind->name_length < root ? varbind->name_length : root;
    int order = bw_snmp_compare(varbind->name, cut, snmp->root, root);

    *name = varbind->name + cut;
    *length = order == 0 ? varbind->name_length - cut : 0;
    return order <= 0;
}

static void answer(const struct bw_snmp *snmp, netsnmp_variable_list *varbind, const struct bw_snmp_hit *hit,
                   bool rename)
{
    oid name[BW_SNMP_ROOT_MAX + 1 + BW_SNMP_NAME_MAX];
    struct bw_snmp_value value;

    bw_snmp_value(hit, &value);
    if (rename) {
        memcpy(name, snmp->root, (snmp->root_length + 1) * sizeof(oid));
        memcpy(name + snmp->root_length + 1, hit->name, hit->length * sizeof(oid));
        snmp_set_var_objid(varbind, name, snmp->root_length + 1 + hit->length);
    }
    snmp_set_var_typed_value(varbind, value.type, value.bytes, value.length);
}

static void get(const struct bw_snmp *snmp, netsnmp_agent_request_info *info, netsnmp_request_info *request)
{
    struct bw_snmp_hit hit;
    const oid *name;
    size_t length;
    int rc = -ENOENT;

    if (relative_name(snmp, request->requestvb, &name, &length))
        rc = bw_snmp_get(&snmp->plan, &snmp->view, name, length, &hit);
    if (rc == 0)
        answer(snmp, request->requestvb, &hit, false);
    else
        netsnmp_set_request_error(info, request, rc == -ENXIO ? SNMP_NOSUCHINSTANCE : SNMP_NOSUCHOBJECT);
}

/* Leaves the varbind as it is when nothing comes after it: the library goes on elsewhere. */
static void get_next(const struct bw_snmp *snmp, netsnmp_request_info *request)
{
    struct bw_snmp_hit hit;
    const oid *name;
    size_t length;

    if (relative_name(snmp, request->requestvb, &name, &length) &&
        bw_snmp_next(&snmp->plan, &snmp->view, name, length, request->inclusive, &hit) == 0)
        answer(snmp, request->requestvb, &hit, true);
}

/* ---- SET ---- */

static int parse(const struct bw_snmp *snmp, const netsnmp_request_info *request, struct bw_snmp_wish *wish)
{
    const netsnmp_variable_list *varbind = request->requestvb;
    const oid *name;
    size_t length;

    memset(wish, 0, sizeof(*wish));
    if (!snmp->context.config->snmp.writable || !relative_name(snmp, varbind, &name, &length))
        return SNMP_ERR_NOTWRITABLE;
    return bw_snmp_set_parse(&snmp->plan, &snmp->view, name, length, varbind->type, varbind->val.string,
                             varbind->val_len, wish);
}

/* Type, range, existence, the lock, and whether the cluster would accept it. */
static void test(const struct bw_snmp *snmp, netsnmp_agent_request_info *info, netsnmp_request_info *request)
{
    struct bw_snmp_wish wish;
    char why[BW_TEXT_MAX];
    int error = parse(snmp, request, &wish);

    if (error == SNMP_ERR_NOERROR) {
        error = bw_snmp_set_policy(&snmp->view, &wish, why);
        if (error != SNMP_ERR_NOERROR)
            bw_snmp_actions_refused(snmp->actions, &wish, why);
    }
    if (error != SNMP_ERR_NOERROR)
        netsnmp_set_request_error(info, request, error);
}

/* The last phase that can fail: another SET may have moved the lock meanwhile. */
static void recheck(const struct bw_snmp *snmp, netsnmp_agent_request_info *info, netsnmp_request_info *request)
{
    struct bw_snmp_wish wish;

    if (parse(snmp, request, &wish) != SNMP_ERR_NOERROR)
        netsnmp_set_request_error(info, request, SNMP_ERR_COMMITFAILED);
}

static void commit(const struct bw_snmp *snmp, netsnmp_request_info *request)
{
    struct bw_snmp_wish wish;

    if (parse(snmp, request, &wish) != SNMP_ERR_NOERROR)
        return;
    if (wish.is_lock)
        bw_snmp_actions_advance(snmp->actions);
    else
        bw_snmp_actions_add(snmp->actions, &wish);
}

static void reserve(const struct bw_snmp *snmp, netsnmp_agent_request_info *info, netsnmp_request_info *requests)
{
    unsigned count = 0;

    for (netsnmp_request_info *r = requests; r != NULL; r = r->next)
        count++;
    if (!bw_snmp_actions_room(snmp->actions, count))
        netsnmp_set_request_error(info, requests, SNMP_ERR_RESOURCEUNAVAILABLE);
}

/* ---- the handler ---- */

/* Undo and free need nothing: until the commit phase nothing was done. */
static int handle(netsnmp_mib_handler *handler, netsnmp_handler_registration *registration,
                  netsnmp_agent_request_info *info, netsnmp_request_info *requests)
{
    const struct bw_snmp *snmp = handler->myvoid;

    (void)registration;
    if (atomic_load(&snmp->abandoned))
        return SNMP_ERR_GENERR;
    if (info->mode == MODE_SET_RESERVE2)
        reserve(snmp, info, requests);
    for (netsnmp_request_info *r = requests; r != NULL; r = r->next) {
        if (r->processed)
            continue;
        switch (info->mode) {
        case MODE_GET:
            get(snmp, info, r);
            break;
        case MODE_GETNEXT:
            get_next(snmp, r);
            break;
        case MODE_SET_RESERVE1:
            test(snmp, info, r);
            break;
        case MODE_SET_ACTION:
            recheck(snmp, info, r);
            break;
        case MODE_SET_COMMIT:
            commit(snmp, r);
            break;
        default:
            break;
        }
    }
    return SNMP_ERR_NOERROR;
}

int bw_snmp_handler_register(struct bw_snmp *snmp)
{
    netsnmp_handler_registration *registration;

    snmp->root[snmp->root_length] = OBJECTS_ARC;
    registration = netsnmp_create_handler_registration("bellwether", handle, snmp->root, snmp->root_length + 1,
                                                       HANDLER_CAN_RWRITE);
    if (registration == NULL)
        return -ENOMEM;
    registration->handler->myvoid = snmp;
    if (netsnmp_register_handler(registration) != MIB_REGISTERED_OK)
        return -EADDRINUSE; /* freed by the library */
    return 0;
}
