/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The commands of the control socket: which there are, what each takes, and what it reads from a snapshot or asks of
 * the engine. Names of members and groups are looked up here, in the snapshot at hand, so that no client needs to.
 * Nothing here waits.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/control/control.h"
#include "bellwether/json.h"
#include "bellwether/text.h"

/* ---- looking up ---- */

/* A member by name or by id; a name that is a number wins over the id. */
static int find_member(const struct bw_snapshot *snapshot, const char *text, uint32_t *id, char *error)
{
    char *end = NULL;
    unsigned long number;

    for (uint32_t i = 0; i < snapshot->members_count; i++)
        if (strcmp(snapshot->members[i].name, text) == 0) {
            *id = snapshot->members[i].id;
            return 0;
        }
    number = strtoul(text, &end, 10);
    for (uint32_t i = 0; i < snapshot->members_count && *end == '\0' && text[0] >= '0' && text[0] <= '9'; i++)
        if (snapshot->members[i].id == number) {
            *id = (uint32_t)number;
            return 0;
        }
    bw_format(error, BW_TEXT_MAX, "there is no member \"%s\"; members are", text);
    for (uint32_t i = 0; i < snapshot->members_count; i++) {
        size_t length = strlen(error);

        bw_format(error + length, BW_TEXT_MAX - length, "%s %s", i > 0 ? "," : "", snapshot->members[i].name);
    }
    return -ENOENT;
}

static int find_group(const struct bw_snapshot *snapshot, const char *text, uint32_t *index, char *error)
{
    for (uint32_t i = 0; i < snapshot->groups_count; i++)
        if (strcmp(snapshot->groups[i].name, text) == 0) {
            *index = snapshot->groups[i].index;
            return 0;
        }
    bw_format(error, BW_TEXT_MAX, "there is no group \"%s\"; groups are", text);
    for (uint32_t i = 0; i < snapshot->groups_count; i++) {
        size_t length = strlen(error);

        bw_format(error + length, BW_TEXT_MAX - length, "%s %s", i > 0 ? "," : "", snapshot->groups[i].name);
    }
    return -ENOENT;
}

/* ---- reading ---- */

static struct json_object *read_state(const struct bw_control_request *request, const struct bw_snapshot *snapshot,
                                      const struct bw_history *history)
{
    struct json_object *all;

    if (request->objects_count == 0)
        return bw_json_state(snapshot, history);
    all = json_object_new_object();
    for (uint32_t i = 0; all != NULL && i < request->objects_count; i++) {
        const struct bw_object *object = &bw_catalogue[request->objects[i]];
        struct json_object *one = bw_json_object(object, snapshot, history, request->limit);

        if (one == NULL || json_object_object_add(all, object->key, one) < 0) {
            json_object_put(one);
            json_object_put(all);
            return NULL;
        }
    }
    return all;
}

/* Any single object of the catalogue: the command is its key. */
static struct json_object *read_object(const struct bw_control_request *request, const struct bw_snapshot *snapshot,
                                       const struct bw_history *history)
{
    const struct bw_object *object = bw_object_by_key(request->command->name);

    return bw_json_object(object, snapshot, history, request->limit);
}

/* ---- changing ---- */

static int change_admin(const struct bw_control_request *request, const struct bw_snapshot *snapshot,
                        struct bw_request *out, enum bw_admin_state admin, char *error)
{
    out->kind = BW_REQUEST_ADMIN;
    out->admin = admin;
    return request->given & BW_ARG_MEMBER ? find_member(snapshot, request->member, &out->member, error) : 0;
}

static int change_down(const struct bw_control_request *request, const struct bw_snapshot *snapshot,
                       struct bw_request *out, char *error)
{
    return change_admin(request, snapshot, out, request->force ? BW_ADMIN_FORCE_DOWN : BW_ADMIN_DOWN, error);
}

static int change_up(const struct bw_control_request *request, const struct bw_snapshot *snapshot,
                     struct bw_request *out, char *error)
{
    return change_admin(request, snapshot, out, BW_ADMIN_UP, error);
}

static int change_maintenance(const struct bw_control_request *request, const struct bw_snapshot *snapshot,
                              struct bw_request *out, char *error)
{
    return change_admin(request, snapshot, out, BW_ADMIN_MAINTENANCE, error);
}

static int change_group(const struct bw_control_request *request, const struct bw_snapshot *snapshot,
                        struct bw_request *out, enum bw_request_kind kind, char *error)
{
    int rc = find_group(snapshot, request->group, &out->group, error);

    out->kind = kind;
    if (rc == 0 && request->given & BW_ARG_MEMBER)
        rc = find_member(snapshot, request->member, &out->member, error);
    return rc;
}

static int change_move(const struct bw_control_request *request, const struct bw_snapshot *snapshot,
                       struct bw_request *out, char *error)
{
    return change_group(request, snapshot, out, BW_REQUEST_GROUP_MOVE, error);
}

static int change_start(const struct bw_control_request *request, const struct bw_snapshot *snapshot,
                        struct bw_request *out, char *error)
{
    return change_group(request, snapshot, out, BW_REQUEST_GROUP_START, error);
}

static int change_stop(const struct bw_control_request *request, const struct bw_snapshot *snapshot,
                       struct bw_request *out, char *error)
{
    return change_group(request, snapshot, out, BW_REQUEST_GROUP_STOP, error);
}

static int change_register(const struct bw_control_request *request, const struct bw_snapshot *snapshot,
                           struct bw_request *out, char *error)
{
    (void)snapshot;
    if (!bw_name_valid(request->name)) {
        bw_format(error, BW_TEXT_MAX, "a pnote's name has 1 to %u printable ASCII characters and no blank",
                  BW_NAME_MAX - 1);
        return -EINVAL;
    }
    out->kind = BW_REQUEST_PNOTE_REGISTER;
    out->pnote_kind = BW_PNOTE_USER;
    out->status = request->given & BW_ARG_STATUS ? request->status : BW_PNOTE_OK;
    out->timeout_ns = request->timeout_ns;
    out->persistent = request->persistent;
    bw_copy(out->name, sizeof(out->name), request->name);
    bw_copy(out->text, sizeof(out->text), request->detail);
    return 0;
}

static int change_report(const struct bw_control_request *request, const struct bw_snapshot *snapshot,
                         struct bw_request *out, char *error)
{
    (void)snapshot;
    (void)error;
    out->kind = BW_REQUEST_PNOTE_REPORT;
    out->status = request->status;
    out->timeout_ns = request->given & BW_ARG_TIMEOUT ? request->timeout_ns : UINT64_MAX;
    bw_copy(out->name, sizeof(out->name), request->name);
    bw_copy(out->text, sizeof(out->text), request->detail);
    return 0;
}

static int change_unregister(const struct bw_control_request *request, const struct bw_snapshot *snapshot,
                             struct bw_request *out, char *error)
{
    (void)snapshot;
    (void)error;
    out->kind = BW_REQUEST_PNOTE_UNREGISTER;
    out->persistent = request->persistent;
    bw_copy(out->name, sizeof(out->name), request->name);
    return 0;
}

static int change_reload(const struct bw_control_request *request, const struct bw_snapshot *snapshot,
                         struct bw_request *out, char *error)
{
    (void)request;
    (void)snapshot;
    (void)error;
    out->kind = BW_REQUEST_RELOAD;
    return 0;
}

static int change_reset(const struct bw_control_request *request, const struct bw_snapshot *snapshot,
                        struct bw_request *out, char *error)
{
    (void)request;
    (void)snapshot;
    (void)error;
    out->kind = BW_REQUEST_COUNTERS_RESET;
    return 0;
}

static int change_test(const struct bw_control_request *request, const struct bw_snapshot *snapshot, struct bw_request *out,
                       char *error)
{
    (void)snapshot;
    (void)error;
    out->kind = BW_REQUEST_ALERT_TEST;
    bw_copy(out->name, sizeof(out->name), request->name);
    return 0;
}

/* ---- the table (append only) ---- */

static const struct bw_control_command commands[] = {
    {"state", BW_ARG_OBJECTS | BW_ARG_LIMIT, 0, read_state, NULL},
    {"cluster", 0, 0, read_object, NULL},
    {"members", 0, 0, read_object, NULL},
    {"interfaces", 0, 0, read_object, NULL},
    {"pnotes", 0, 0, read_object, NULL},
    {"addresses", 0, 0, read_object, NULL},
    {"groups", 0, 0, read_object, NULL},
    {"sync", 0, 0, read_object, NULL},
    {"history", BW_ARG_LIMIT, 0, read_object, NULL},
    {"group_members", 0, 0, read_object, NULL},
    {"failovers", 0, 0, read_object, NULL},
    {"agent", 0, 0, read_object, NULL},
    {"down", BW_ARG_MEMBER | BW_ARG_FORCE, 0, NULL, change_down},
    {"up", BW_ARG_MEMBER, 0, NULL, change_up},
    {"maintenance", BW_ARG_MEMBER, 0, NULL, change_maintenance},
    {"move", BW_ARG_GROUP | BW_ARG_MEMBER, BW_ARG_GROUP | BW_ARG_MEMBER, NULL, change_move},
    {"start", BW_ARG_GROUP | BW_ARG_MEMBER, BW_ARG_GROUP, NULL, change_start},
    {"stop", BW_ARG_GROUP | BW_ARG_MEMBER, BW_ARG_GROUP, NULL, change_stop},
    {"register", BW_ARG_NAME | BW_ARG_STATUS | BW_ARG_TIMEOUT | BW_ARG_DETAIL | BW_ARG_PERSISTENT, BW_ARG_NAME, NULL,
     change_register},
    {"report", BW_ARG_NAME | BW_ARG_STATUS | BW_ARG_TIMEOUT | BW_ARG_DETAIL, BW_ARG_NAME | BW_ARG_STATUS, NULL,
     change_report},
    {"unregister", BW_ARG_NAME | BW_ARG_PERSISTENT, BW_ARG_NAME, NULL, change_unregister},
    {"reload", 0, 0, NULL, change_reload},
    {"sync-reset", 0, 0, NULL, change_reset},
    {"trap_rules", 0, 0, read_object, NULL},
    {"resources", 0, 0, read_object, NULL},
    {"sync_peers", 0, 0, read_object, NULL},
    {"alerts", 0, 0, read_object, NULL},
    {"test-alert", BW_ARG_NAME, 0, NULL, change_test},
};

const struct bw_control_command *bw_control_command_by_name(const char *name)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

/* ---- answers ---- */

const char *bw_control_result_text(enum bw_result result)
{
    switch (result) {
    case BW_RESULT_DONE:
        return "done";
    case BW_RESULT_PENDING:
        return "pending";
    case BW_RESULT_REFUSED:
        return "refused";
    case BW_RESULT_INVALID:
        return "invalid";
    case BW_RESULT_NOT_FOUND:
        return "not-found";
    case BW_RESULT_TIMEOUT:
        return "timeout";
    case BW_RESULT_BUSY:
        return "busy";
    }
    return "refused";
}

struct json_object *bw_control_answer(const char *result, const char *text)
{
    struct json_object *answer = json_object_new_object();

    if (answer != NULL) {
        json_object_object_add(answer, "result", json_object_new_string(result));
        json_object_object_add(answer, "text", json_object_new_string(text));
    }
    return answer;
}
