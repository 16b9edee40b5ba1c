/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The enumerations that surfaces show: each value with its text and its label in the MIB. Append-only: values are in
 * the MIB and texts in people's queries.
 */
#include <errno.h>
#include <string.h>

#include "bellwether/catalogue.h"
#include "bellwether/text.h"

#define ENUM(variable, tc, ...)                                                                                        \
    const struct bw_enum variable = {                                                                                  \
        tc, (const struct bw_enum_label[]){__VA_ARGS__, {0, NULL, NULL}}                                               \
    }
#define SAME(value, text) {value, text, text}

ENUM(bw_enum_member_state, "BwMemberStateValue", SAME(BW_MEMBER_INITIALIZING, "initializing"),
     SAME(BW_MEMBER_READY, "ready"), SAME(BW_MEMBER_STANDBY, "standby"), SAME(BW_MEMBER_ACTIVE, "active"), SAME(BW_MEMBER_ATTENTION, "attention"),
     SAME(BW_MEMBER_DOWN, "down"), SAME(BW_MEMBER_UNREACHABLE, "unreachable"));
/* Force-down can be asked for but is shown as down (with forced = true). */
ENUM(bw_enum_admin_state, "BwAdminStateValue", SAME(BW_ADMIN_UP, "up"), SAME(BW_ADMIN_DOWN, "down"),
     SAME(BW_ADMIN_MAINTENANCE, "maintenance"), {BW_ADMIN_FORCE_DOWN, "force-down", "forceDown"});
ENUM(bw_enum_mode, "BwModeValue", SAME(BW_MODE_HA, "ha"), {BW_MODE_HA_LEGACY, "ha-legacy", "haLegacy"},
     {BW_MODE_LS_MULTICAST, "ls-multicast", "lsMulticast"}, {BW_MODE_LS_UNICAST, "ls-unicast", "lsUnicast"},
     SAME(BW_MODE_VRRP, "vrrp"), SAME(BW_MODE_SERVICE, "service"));
ENUM(bw_enum_recovery, "BwRecoveryValue", {BW_RECOVERY_ACTIVE_UP, "active-up", "activeUp"},
     {BW_RECOVERY_PRIMARY_UP, "primary-up", "primaryUp"});
ENUM(bw_enum_interface_role, "BwInterfaceRoleValue", SAME(BW_ROLE_CLUSTER, "cluster"), SAME(BW_ROLE_SYNC, "sync"),
     SAME(BW_ROLE_MONITORED, "monitored"), SAME(BW_ROLE_DISCONNECTED, "disconnected"));
ENUM(bw_enum_interface_state, "BwInterfaceStateValue", SAME(BW_INTERFACE_UP, "up"),
     SAME(BW_INTERFACE_SUSPECT, "suspect"), SAME(BW_INTERFACE_DOWN, "down"), SAME(BW_INTERFACE_UNKNOWN, "unknown"));
ENUM(bw_enum_direction, "BwDirectionStateValue", SAME(BW_DIRECTION_UP, "up"), SAME(BW_DIRECTION_DOWN, "down"));
ENUM(bw_enum_transport, "BwTransportValue", SAME(BW_TRANSPORT_MULTICAST, "multicast"),
     SAME(BW_TRANSPORT_BROADCAST, "broadcast"), SAME(BW_TRANSPORT_UNICAST, "unicast"));
ENUM(bw_enum_pnote_status, "BwPnoteStatusValue", SAME(BW_PNOTE_OK, "ok"), SAME(BW_PNOTE_INIT, "init"),
     SAME(BW_PNOTE_PROBLEM, "problem"), SAME(BW_PNOTE_UNKNOWN, "unknown"));
ENUM(bw_enum_pnote_kind, "BwPnoteKindValue", {BW_PNOTE_BUILTIN, "built-in", "builtIn"},
     SAME(BW_PNOTE_MONITOR, "monitor"), SAME(BW_PNOTE_TRAP, "trap"), SAME(BW_PNOTE_USER, "user"));
ENUM(bw_enum_view, "BwViewValue", SAME(BW_VIEW_NONE, "none"), {BW_VIEW_ONE_WAY, "one-way", "oneWay"},
     SAME(BW_VIEW_MUTUAL, "mutual"), SAME(BW_VIEW_LOCAL, "local"));
ENUM(bw_enum_group_state, "BwGroupStateValue", SAME(BW_GROUP_ONLINE, "online"), SAME(BW_GROUP_OFFLINE, "offline"),
     SAME(BW_GROUP_ERROR, "error"), SAME(BW_GROUP_UNKNOWN, "unknown"));
ENUM(bw_enum_start, "BwStartValue", SAME(BW_START_ALLOW, "allow"), SAME(BW_START_DENY, "deny"));
ENUM(bw_enum_auto, "BwAutomationValue", SAME(BW_AUTO, "auto"), SAME(BW_MANUAL, "manual"));
ENUM(bw_enum_cause, "BwCauseValue", SAME(BW_CAUSE_NONE, "none"), SAME(BW_CAUSE_START, "start"),
     SAME(BW_CAUSE_SILENCE, "silence"), SAME(BW_CAUSE_FAREWELL, "farewell"), SAME(BW_CAUSE_INTERFACE, "interface"),
     SAME(BW_CAUSE_PNOTE, "pnote"), SAME(BW_CAUSE_ADMIN, "admin"), SAME(BW_CAUSE_RECOVERY, "recovery"),
     {BW_CAUSE_SPLIT_BRAIN, "split-brain", "splitBrain"}, SAME(BW_CAUSE_PAUSE, "pause"),
     SAME(BW_CAUSE_RESOURCE, "resource"));
ENUM(bw_enum_event_kind, "BwEventKindValue", SAME(BW_EVENT_START, "start"),
     {BW_EVENT_STATE_CHANGE, "state-change", "stateChange"}, SAME(BW_EVENT_FAILOVER, "failover"),
     SAME(BW_EVENT_PNOTE, "pnote"), SAME(BW_EVENT_INTERFACE, "interface"), SAME(BW_EVENT_ADMIN, "admin"),
     {BW_EVENT_SPLIT_BRAIN, "split-brain", "splitBrain"}, SAME(BW_EVENT_MISMATCH, "mismatch"),
     SAME(BW_EVENT_ADDRESS, "address"), {BW_EVENT_AUTH_FAILURE, "auth-failure", "authFailure"},
     SAME(BW_EVENT_PAUSE, "pause"), SAME(BW_EVENT_CANCELLED, "cancelled"),
     SAME(BW_EVENT_RELOAD, "reload"), SAME(BW_EVENT_SYNC, "sync"), SAME(BW_EVENT_RESOURCE, "resource"),
     SAME(BW_EVENT_ALERT, "alert"));
ENUM(bw_enum_resource_kind, "BwResourceKindValue", SAME(BW_RESOURCE_FIP, "fip"), SAME(BW_RESOURCE_PARP, "parp"),
     SAME(BW_RESOURCE_IPW, "ipw"), SAME(BW_RESOURCE_EXEC, "exec"));
ENUM(bw_enum_recovery_action, "BwRecoveryActionValue", SAME(BW_ON_FAILURE_IGNORE, "ignore"),
     SAME(BW_ON_FAILURE_RETRY, "retry"), SAME(BW_ON_FAILURE_STOP, "stop"), SAME(BW_ON_FAILURE_FAILOVER, "failover"));
ENUM(bw_enum_sync_state, "BwSyncStateValue", SAME(BW_SYNC_OFF, "off"), SAME(BW_SYNC_ALONE, "alone"),
     SAME(BW_SYNC_FULL, "full"), SAME(BW_SYNC_OK, "ok"), SAME(BW_SYNC_BEHIND, "behind"), SAME(BW_SYNC_LOST, "lost"));
ENUM(bw_enum_alert_kind, "BwAlertKindValue", SAME(BW_ALERT_SYSLOG, "syslog"), SAME(BW_ALERT_JOURNAL, "journal"),
     SAME(BW_ALERT_MAIL, "mail"), SAME(BW_ALERT_WEBHOOK, "webhook"), SAME(BW_ALERT_ALERTMANAGER, "alertmanager"),
     SAME(BW_ALERT_EXEC, "exec"), SAME(BW_ALERT_SNMP, "snmp"));
ENUM(bw_enum_alert_state, "BwAlertStateValue", SAME(BW_ALERT_IDLE, "idle"), SAME(BW_ALERT_SENDING, "sending"),
     SAME(BW_ALERT_WAITING, "waiting"));

const char *bw_enum_text(const struct bw_enum *e, uint32_t value)
{
    for (const struct bw_enum_label *l = e->labels; l->text != NULL; l++)
        if (l->value == value)
            return l->text;
    return "unknown";
}

int bw_enum_value(const struct bw_enum *e, const char *text, uint32_t *value)
{
    for (const struct bw_enum_label *l = e->labels; l->text != NULL; l++)
        if (strcmp(l->text, text) == 0) {
            *value = l->value;
            return 0;
        }
    return -EINVAL;
}

const char *bw_enum_choices(const struct bw_enum *e, char *buf, size_t cap)
{
    size_t used = 0;

    buf[0] = '\0';
    for (const struct bw_enum_label *l = e->labels; l->text != NULL && used + 1 < cap; l++)
        used += bw_format(buf + used, cap - used, "%s%s", used > 0 ? ", " : "", l->text);
    return buf;
}
