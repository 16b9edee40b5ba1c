/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Answers requests. All of bwObjects is one registration with one handler, so that there is one
 * exchange with the master at (re)connecting. The varbinds of a GET or SET arrive together; a
 * GETBULK comes as one GETNEXT for each repetition. All parts of one PDU see one snapshot.
 */
#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <net-snmp/agent/net-snmp-agent-includes.h>

#include <errno.h>
#include <string.h>

#include "snmp.h"

#define OBJECTS_ARC 1

bool bw_snmp_below(const oid *root, size_t root_length, const netsnmp_variable_list *varbind, const oid **name,
                   size_t *length)
{
    size_t cut = varbind->name_length < root_length ? varbind->name_length : root_length;
    int order = bw_snmp_compare(varbind->name, cut, root, root_length);

    *name = varbind->name + cut;
    *length = order == 0 ? varbind->name_length - cut : 0;
    return order <= 0;
}

static bool relative_name(const struct bw_snmp *snmp, const netsnmp_variable_list *varbind, const oid **name,
                          size_t *length)
{
    /* bw_snmp_handler_register left bwObjects' arc behind the root. */
    return bw_snmp_below(snmp->root, snmp->root_length + 1, varbind, name, length);
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
    else if (!wish.is_idle)
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
    struct bw_snmp *snmp = handler->myvoid;

    (void)registration;
    if (atomic_load(&snmp->abandoned))
        return SNMP_ERR_GENERR;
    bw_snmp_pin(snmp, info->asp->pdu->transid);
    if (info->mode != MODE_GET && info->mode != MODE_GETNEXT)
        bw_snmp_actions_row(snmp->actions, &snmp->control); /* the lock, as it is now */
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

/* ---- the view of CHECKPOINT-MIB ---- */

static void ha_answer(netsnmp_variable_list *varbind, const struct bw_ha_hit *hit)
{
    oid name[BW_HA_ROOT_LENGTH + BW_HA_NAME_MAX];

    memcpy(name, bw_ha_root, BW_HA_ROOT_LENGTH * sizeof(oid));
    memcpy(name + BW_HA_ROOT_LENGTH, hit->name, hit->length * sizeof(oid));
    snmp_set_var_objid(varbind, name, BW_HA_ROOT_LENGTH + hit->length);
    snmp_set_var_typed_value(varbind, hit->type, &hit->value, hit->size);
}

static int handle_ha(netsnmp_mib_handler *handler, netsnmp_handler_registration *registration,
                     netsnmp_agent_request_info *info, netsnmp_request_info *requests)
{
    struct bw_snmp *snmp = handler->myvoid;
    struct bw_ha_view view = {.own_address = bw_snmp_own_address};

    (void)registration;
    if (atomic_load(&snmp->abandoned))
        return SNMP_ERR_GENERR;
    bw_snmp_pin(snmp, info->asp->pdu->transid);
    view.snapshot = snmp->view.snapshot;
    for (netsnmp_request_info *r = requests; r != NULL; r = r->next) {
        struct bw_ha_hit hit;
        const oid *name;
        size_t length;
        bool before = bw_snmp_below(bw_ha_root, BW_HA_ROOT_LENGTH, r->requestvb, &name, &length);
        int rc = -ENOENT;

        if (r->processed)
            continue;
        if (before && info->mode == MODE_GET)
            rc = bw_ha_get(&view, name, length, &hit);
        else if (before && info->mode == MODE_GETNEXT)
            rc = bw_ha_next(&view, name, length, r->inclusive, &hit);
        if (rc == 0)
            ha_answer(r->requestvb, &hit);
        else if (info->mode == MODE_GET)
            netsnmp_set_request_error(info, r, rc == -ENXIO ? SNMP_NOSUCHINSTANCE : SNMP_NOSUCHOBJECT);
        else if (info->mode == MODE_SET_RESERVE1)
            netsnmp_set_request_error(info, r, SNMP_ERR_NOTWRITABLE);
    }
    return SNMP_ERR_NOERROR;
}

static int register_one(struct bw_snmp *snmp, const char *name, Netsnmp_Node_Handler *handler, const oid *root,
                        size_t length)
{
    netsnmp_handler_registration *registration =
        netsnmp_create_handler_registration(name, handler, root, length, HANDLER_CAN_RWRITE);

    if (registration == NULL)
        return -ENOMEM;
    registration->handler->myvoid = snmp;
    if (netsnmp_register_handler(registration) != MIB_REGISTERED_OK)
        return -EADDRINUSE; /* freed by the library */
    return 0;
}

int bw_snmp_handler_register(struct bw_snmp *snmp)
{
    int rc;

    snmp->root[snmp->root_length] = OBJECTS_ARC;
    rc = register_one(snmp, "bellwether", handle, snmp->root, snmp->root_length + 1);
    if (rc == 0 && snmp->context.config->snmp.checkpoint_view)
        rc = register_one(snmp, "bellwether-ha", handle_ha, bw_ha_root, BW_HA_ROOT_LENGTH);
    if (rc == 0 && snmp->context.config->snmp.keepalived_view)
        rc = register_one(snmp, "bellwether-ka", bw_snmp_handle_keepalived, bw_ka_root, BW_KA_ROOT_LENGTH);
    return rc;
}
