/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The catalogue's tables: one line per field. Every surface walks them. Tables are append-only:
 * keys, MIB columns and metric names never change once released.
 */
#include "bellwether/catalogue.h"

#include <errno.h>
#include <string.h>

#include "bellwether/text.h"

/* ---- enumerations ---- */

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
     {BW_CAUSE_SPLIT_BRAIN, "split-brain", "splitBrain"}, SAME(BW_CAUSE_PAUSE, "pause"));
ENUM(bw_enum_event_kind, "BwEventKindValue", SAME(BW_EVENT_START, "start"),
     {BW_EVENT_STATE_CHANGE, "state-change", "stateChange"}, SAME(BW_EVENT_FAILOVER, "failover"),
     SAME(BW_EVENT_PNOTE, "pnote"), SAME(BW_EVENT_INTERFACE, "interface"), SAME(BW_EVENT_ADMIN, "admin"),
     {BW_EVENT_SPLIT_BRAIN, "split-brain", "splitBrain"}, SAME(BW_EVENT_MISMATCH, "mismatch"),
     SAME(BW_EVENT_ADDRESS, "address"), {BW_EVENT_AUTH_FAILURE, "auth-failure", "authFailure"},
     SAME(BW_EVENT_PAUSE, "pause"), SAME(BW_EVENT_CANCELLED, "cancelled"),
     SAME(BW_EVENT_RELOAD, "reload"));

/* ---- fields ---- */

/* F(row, key, heading, TYPE, member, enum, MIB object, column, ACCESS, metric…, help). The metric part is one of the M_… below. */
#define F(row, key, heading, type_, field, labels_, mib_, column_, access_, ...)                                       \
    {                                                                                                                  \
        key, heading, BW_TYPE_##type_, offsetof(struct row, field), sizeof(((struct row *)0)->field), labels_, mib_,   \
            column_, BW_ACCESS_##access_, __VA_ARGS__                                                                  \
    }
#define M_NONE BW_METRIC_NONE, NULL, NULL, NULL, NULL
#define M_GAUGE(name) BW_METRIC_GAUGE, name, NULL, NULL, NULL
#define M_COUNTER(name) BW_METRIC_COUNTER, name, NULL, NULL, NULL
#define M_STATESET(name, label) BW_METRIC_STATESET, name, label, NULL, NULL
#define M_MEMBERSET(name) BW_METRIC_MEMBERSET, name, "member", NULL, NULL
#define M_IS(name, label, value) BW_METRIC_IS, name, NULL, label, value
#define M_INFO BW_METRIC_INFO, NULL, NULL, NULL, NULL

#define C(...) F(bw_cluster_row, __VA_ARGS__)
static const struct bw_field cluster_fields[] = {
    C("id", NULL, U32, id, NULL, "bwClusterId", 1, READ, M_NONE, "Number of the cluster, 1 to 254"),
    C("name", "Cluster", TEXT, name, NULL, "bwClusterName", 2, READ, M_NONE, "Name of the cluster"),
    C("mode", "Mode", ENUM, mode, &bw_enum_mode, "bwClusterMode", 3, READ, M_NONE, "How members share the work"),
    C("recovery", "Recovery", ENUM, recovery, &bw_enum_recovery, "bwClusterRecovery", 4, READ, M_NONE,
      "What happens when a higher-ranked member comes back: active-up keeps the present one, primary-up hands back"),
    C("local_member", NULL, MEMBER, local_member, NULL, "bwClusterLocalMember", 5, READ, M_NONE,
      "Id of the member that tells this"),
    C("active_member", "Active", MEMBER, active_member, NULL, "bwClusterActiveMember", 6, READ, M_NONE,
      "Id of the member that holds the first group, 0 for none"),
    C("takeover_possible", "Takeover", BOOL, takeover_possible, NULL, "bwClusterTakeoverPossible", 7, READ,
      M_GAUGE("bellwether_takeover_possible"), "Whether another member could take over now"),
    C("takeover_obstacle", NULL, TEXT, takeover_obstacle, NULL, "bwClusterTakeoverObstacle", 8, READ, M_NONE,
      "Why no other member could take over, empty when one could"),
    C("failovers", "Failovers", COUNTER, failovers, NULL, "bwClusterFailovers", 9, READ, M_NONE,
      "Changes of a group's holder that this member saw since its start"),
    C("split_brains", NULL, COUNTER, split_brains, NULL, "bwClusterSplitBrains", 10, READ,
      M_COUNTER("bellwether_split_brains_total"), "Times that two holders of one group met"),
    C("config_digest", NULL, DIGEST, config_digest, NULL, "bwClusterConfigDigest", 11, READ, M_NONE,
      "Digest of what the configuration must have in common on all members"),
    C("config_mismatch", NULL, BOOL, config_mismatch, NULL, "bwClusterConfigMismatch", 12, READ,
      M_GAUGE("bellwether_config_mismatch"), "Whether a member in view runs another configuration"),
    C("version", NULL, TEXT, version, NULL, "bwClusterVersion", 13, READ, M_NONE, "Software version of this member"),
    C("oldest_version", NULL, TEXT, oldest_version, NULL, "bwClusterOldestVersion", 14, READ, M_NONE,
      "Oldest software version among the members in view"),
    C("members", "Members", GAUGE, members, NULL, "bwClusterMembers", 15, READ, M_GAUGE("bellwether_members"),
      "Members in the configuration"),
    C("members_in_view", "In view", GAUGE, members_in_view, NULL, "bwClusterMembersInView", 16, READ,
      M_GAUGE("bellwether_members_in_view"), "Members that hear this one and are heard by it, itself included"),
};

#define M(...) F(bw_member_row, __VA_ARGS__)
static const struct bw_field member_fields[] = {
    M("id", "Id", U32, id, NULL, "bwMemberId", 1, INDEX, M_NONE, "Number of the member, 1 to 254"),
    M("name", "Member", TEXT, name, NULL, "bwMemberName", 2, READ, M_NONE, "Name of the member"),
    M("local", NULL, BOOL, local, NULL, "bwMemberLocal", 3, READ, M_GAUGE("bellwether_member_local"),
      "Whether this is the member that tells"),
    M("state", "State", ENUM, state, &bw_enum_member_state, "bwMemberState", 4, READ,
      M_STATESET("bellwether_member_state", "state"), "State of the member"),
    M("expected", NULL, ENUM, expected, &bw_enum_member_state, "bwMemberExpectedState", 5, READ,
      M_STATESET("bellwether_member_expected_state", "state"), "State that the member would have if all were well"),
    M("problem", NULL, BOOL, problem, NULL, "bwMemberProblem", 6, READ, M_GAUGE("bellwether_member_problem"),
      "Whether the member has a problem"),
    M("reason", "Reason", TEXT, reason, NULL, "bwMemberReason", 7, READ, M_NONE, "Why the member is in its state"),
    M("reason_source", NULL, TEXT, reason_source, NULL, "bwMemberReasonSource", 8, READ, M_NONE,
      "The pnote or interface that the reason comes from, or empty"),
    M("admin", "Admin", ENUM, admin, &bw_enum_admin_state, "bwMemberAdminState", 9, WRITE,
      M_STATESET("bellwether_member_admin_state", "state"), "State that an administrator has set"),
    M("admin_by", NULL, TEXT, admin_by, NULL, "bwMemberAdminBy", 10, READ, M_NONE, "Who set the administrative state"),
    M("admin_since", NULL, WALL, admin_since_wall, NULL, "bwMemberAdminSince", 11, READ, M_NONE,
      "When the administrative state was set"),
    M("priority", "Prio", U32, priority, NULL, "bwMemberPriority", 12, READ, M_GAUGE("bellwether_member_priority"),
      "Configured priority, lower numbers first"),
    M("since", "Since", WALL, since_wall, NULL, "bwMemberSince", 13, READ,
      M_GAUGE("bellwether_member_state_since_timestamp_seconds"), "When the member came into its state"),
    M("address", "Address", ADDRESS, address, NULL, "bwMemberAddress", 14, READ, M_NONE, "Own address of the member"),
    M("version", NULL, TEXT, version, NULL, "bwMemberVersion", 16, READ, M_NONE, "Software version of the member"),
    M("config_digest", NULL, DIGEST, config_digest, NULL, "bwMemberConfigDigest", 17, READ, M_NONE,
      "Digest of the member's configuration"),
    M("view", NULL, ENUM, view, &bw_enum_view, "bwMemberView", 18, READ, M_STATESET("bellwether_member_view", "view"),
      "Whether the member is heard and hears this one"),
    M("deaf", NULL, BOOL, deaf, NULL, "bwMemberDeaf", 19, READ, M_GAUGE("bellwether_member_deaf"),
      "Whether the member says that it receives nothing although its links are up"),
    M("interfaces_up", "Up", GAUGE, interfaces_up, NULL, "bwMemberInterfacesUp", 20, READ,
      M_GAUGE("bellwether_member_interfaces_up"), "Working interfaces"),
    M("interfaces_required", "Required", GAUGE, interfaces_required, NULL, "bwMemberInterfacesRequired", 21, READ,
      M_GAUGE("bellwether_member_interfaces_required"), "Interfaces that must work"),
    M("secured_up", NULL, GAUGE, secured_up, NULL, "bwMemberSecuredUp", 22, READ,
      M_GAUGE("bellwether_member_secured_interfaces_up"), "Working secured interfaces"),
    M("secured_required", NULL, GAUGE, secured_required, NULL, "bwMemberSecuredRequired", 23, READ,
      M_GAUGE("bellwether_member_secured_interfaces_required"), "Secured interfaces that must work"),
    M("last_heard_seconds", NULL, NS, last_heard_ns, NULL, "bwMemberLastHeard", 24, READ, M_NONE,
      "Time since the member was last heard"),
    M("round_trip_seconds", NULL, BRIEF, round_trip_ns, NULL, "bwMemberRoundTrip", 25, READ,
      M_GAUGE("bellwether_member_round_trip_seconds"), "Last measured round trip of a heartbeat"),
    M("heartbeats_sent", NULL, COUNTER, heartbeats_sent, NULL, "bwMemberHeartbeatsSent", 26, READ,
      M_COUNTER("bellwether_heartbeats_sent_total"), "Heartbeats sent"),
    M("heartbeats_received", NULL, COUNTER, heartbeats_received, NULL, "bwMemberHeartbeatsReceived", 27, READ,
      M_COUNTER("bellwether_heartbeats_received_total"), "Heartbeats received from the member"),
    M("heartbeats_missed", NULL, COUNTER, heartbeats_missed, NULL, "bwMemberHeartbeatsMissed", 28, READ,
      M_COUNTER("bellwether_heartbeats_missed_total"), "Heartbeats of the member that were expected and not heard"),
    M("forced", NULL, BOOL, forced, NULL, "bwMemberForced", 29, READ, M_GAUGE("bellwether_member_forced"),
      "Whether the member was forced down, so that it never serves until it is set up again"),
};

#define I(...) F(bw_interface_row, __VA_ARGS__)
static const struct bw_field interface_fields[] = {
    I("member", "Member", MEMBER, member, NULL, "bwMemberId", 0, INDEX, M_NONE, "Id of the member"),
    I("index", NULL, U32, index, NULL, "bwInterfaceIndex", 1, INDEX, M_NONE, "Position in the configuration, from 1"),
    I("name", "Interface", TEXT, name, NULL, "bwInterfaceName", 2, READ, M_NONE, "Name of the interface"),
    I("device", NULL, TEXT, device, NULL, "bwInterfaceDevice", 3, READ, M_NONE, "Its device on that member"),
    I("role", "Role", ENUM, role, &bw_enum_interface_role, "bwInterfaceRole", 4, READ, M_NONE,
      "What the interface is for; sync means secured"),
    I("state", "State", ENUM, state, &bw_enum_interface_state, "bwInterfaceState", 5, READ,
      M_STATESET("bellwether_interface_state", "state"), "Verdict on the interface"),
    I("receive", "Receive", ENUM, receive, &bw_enum_direction, "bwInterfaceReceive", 6, READ,
      M_IS("bellwether_interface_up", "direction", "receive"), "Whether the interface works, per direction"),
    I("transmit", "Transmit", ENUM, transmit, &bw_enum_direction, "bwInterfaceTransmit", 7, READ,
      M_IS("bellwether_interface_up", "direction", "transmit"), "Whether the interface works, per direction"),
    I("link", NULL, BOOL, link, NULL, "bwInterfaceLink", 8, READ, M_GAUGE("bellwether_interface_link"),
      "Whether the link is up"),
    I("transport", "Transport", ENUM, transport, &bw_enum_transport, "bwInterfaceTransport", 9, READ, M_NONE,
      "How cluster frames are sent there"),
    I("silence_seconds", "Silence", NS, silence_ns, NULL, "bwInterfaceSilence", 10, READ, M_NONE,
      "Time since the last cluster frame was heard there"),
    I("frames_sent", NULL, COUNTER, frames_sent, NULL, "bwInterfaceFramesSent", 11, READ,
      M_COUNTER("bellwether_interface_frames_sent_total"), "Cluster frames sent"),
    I("frames_received", NULL, COUNTER, frames_received, NULL, "bwInterfaceFramesReceived", 12, READ,
      M_COUNTER("bellwether_interface_frames_received_total"), "Cluster frames received"),
    I("send_errors", NULL, COUNTER, send_errors, NULL, "bwInterfaceSendErrors", 13, READ,
      M_COUNTER("bellwether_interface_send_errors_total"), "Cluster frames that could not be sent"),
};

#define P(...) F(bw_pnote_row, __VA_ARGS__)
static const struct bw_field pnote_fields[] = {
    P("member", "Member", MEMBER, member, NULL, "bwMemberId", 0, INDEX, M_NONE, "Id of the member"),
    P("name", "Pnote", TEXT, name, NULL, "bwPnoteName", 1, INDEX, M_NONE, "Name of the critical device"),
    P("kind", "Kind", ENUM, kind, &bw_enum_pnote_kind, "bwPnoteKind", 2, READ, M_NONE, "Where it comes from"),
    P("status", "Status", ENUM, status, &bw_enum_pnote_status, "bwPnoteStatus", 3, READ,
      M_STATESET("bellwether_pnote_status", "status"), "Status of the critical device"),
    P("timeout_seconds", "Timeout", NS, timeout_ns, NULL, "bwPnoteTimeout", 4, READ, M_NONE,
      "Time within which it must report, 0 for none"),
    P("age_seconds", "Age", NS, age_ns, NULL, "bwPnoteAge", 5, READ, M_NONE, "Time since its last report"),
    P("persistent", NULL, BOOL, persistent, NULL, "bwPnotePersistent", 6, READ, M_NONE, "Whether it survives a restart"),
    P("detail", "Detail", TEXT, detail, NULL, "bwPnoteDetail", 7, READ, M_NONE, "What it says"),
};

#define A(...) F(bw_address_row, __VA_ARGS__)
static const struct bw_field address_fields[] = {
    A("address", "Address", PREFIX, address, NULL, "bwAddressPrefixLength", 3, READ, M_NONE,
      "Virtual address with its prefix length"),
    A("interface_index", NULL, U32, interface, NULL, "bwAddressInterface", 4, READ, M_NONE,
      "Index of its interface"),
    A("interface", "Interface", TEXT, interface_name, NULL, "bwAddressInterfaceName", 5, READ, M_NONE,
      "Name of its interface"),
    A("group", "Group", TEXT, group, NULL, "bwAddressGroup", 6, READ, M_NONE, "Name of the group that it belongs to"),
    A("holder", "Holder", MEMBER, holder, NULL, "bwAddressHolder", 7, READ, M_MEMBERSET("bellwether_address_held"),
      "Which member holds the virtual address"),
    A("installed", NULL, BOOL, installed, NULL, "bwAddressInstalled", 8, READ,
      M_GAUGE("bellwether_address_installed"), "Whether the address is in the kernel of the member that tells"),
};

#define G(...) F(bw_group_row, __VA_ARGS__)
static const struct bw_field group_fields[] = {
    G("index", NULL, U32, index, NULL, "bwGroupIndex", 1, INDEX, M_NONE, "Position in the configuration, from 1"),
    G("name", "Group", TEXT, name, NULL, "bwGroupName", 2, READ, M_NONE, "Name of the group"),
    G("mode", "Mode", ENUM, mode, &bw_enum_mode, "bwGroupMode", 3, READ, M_NONE, "How members share its work"),
    G("failback", "Failback", ENUM, failback, &bw_enum_auto, "bwGroupFailback", 4, READ, M_NONE,
      "Whether it goes back to its first member by itself"),
    G("start", "Start", ENUM, start, &bw_enum_auto, "bwGroupStart", 5, READ, M_NONE, "Whether it starts by itself"),
    G("holder", "Holder", MEMBER, holder, NULL, "bwGroupHolder", 6, READ, M_MEMBERSET("bellwether_group_held"),
      "Which member holds the group"),
    G("epoch", "Epoch", U64, epoch, NULL, "bwGroupEpoch", 7, READ, M_NONE, "Number of the present holding"),
    G("policy", "Policy", TEXT, policy, NULL, "bwGroupPolicy", 8, READ, M_NONE, "Members in order of preference"),
    G("stopped", "Stopped", BOOL, stopped, NULL, "bwGroupStopped", 9, READ, M_GAUGE("bellwether_group_stopped"),
      "Whether it is to run nowhere, by an administrator's will or since it was never started"),
};

#define GM(...) F(bw_group_member_row, __VA_ARGS__)
static const struct bw_field group_member_fields[] = {
    GM("group", "Group", U32, group, NULL, "bwGroupIndex", 0, INDEX, M_NONE, "Index of the group"),
    GM("member", "Member", MEMBER, member, NULL, "bwMemberId", 0, INDEX, M_NONE, "Id of the member"),
    GM("state", "State", ENUM, state, &bw_enum_group_state, "bwGroupMemberState", 1, READ,
       M_STATESET("bellwether_group_member_state", "state"), "State of the group on the member"),
    GM("start", "Start", ENUM, start, &bw_enum_start, "bwGroupMemberStart", 2, READ, M_NONE,
       "Whether the member may start the group"),
    GM("start_reason", "Why", TEXT, start_reason, NULL, "bwGroupMemberStartReason", 3, READ, M_NONE,
       "Why the member may not start the group"),
};

#define K(...) F(bw_cause_row, __VA_ARGS__)
static const struct bw_field cause_fields[] = {
    K("cause", "Cause", ENUM, cause, &bw_enum_cause, "bwCause", 1, INDEX, M_NONE, "Why a group changed its holder"),
    K("failovers", "Failovers", COUNTER, failovers, NULL, "bwCauseFailovers", 2, READ,
      M_COUNTER("bellwether_failovers_total"), "Changes of a group's holder, by cause"),
};

#define AG(...) F(bw_agent_row, __VA_ARGS__)
static const struct bw_field agent_fields[] = {
    AG("pid", NULL, U32, pid, NULL, "bwAgentPid", 1, READ, M_NONE, "Process id of the agent"),
    AG("uptime_seconds", "Uptime", NS, uptime_ns, NULL, "bwAgentUptime", 2, READ,
       M_GAUGE("bellwether_agent_uptime_seconds"), "Time since the agent's start"),
    AG("turns", NULL, COUNTER, turns, NULL, "bwAgentTurns", 3, READ, M_COUNTER("bellwether_engine_turns_total"),
       "Turns of the engine's loop"),
    AG("late_worst_seconds", "Worst late", BRIEF, late_worst_ns, NULL, "bwAgentLateWorst", 4, READ,
       M_GAUGE("bellwether_heartbeat_late_worst_seconds"), "Worst lateness of a heartbeat since the start"),
    AG("late_p999_seconds", "p99.9 late", BRIEF, late_p999_ns, NULL, "bwAgentLateP999", 5, READ,
       M_GAUGE("bellwether_heartbeat_late_p999_seconds"), "Lateness that 99.9 % of the heartbeats stay under"),
    AG("slow_hooks", NULL, COUNTER, slow_hooks, NULL, "bwAgentSlowHooks", 6, READ,
       M_COUNTER("bellwether_engine_slow_hooks_total"), "Parts of the engine's turn that took longer than 1 ms"),
    AG("pauses", NULL, COUNTER, pauses, NULL, "bwAgentPauses", 7, READ, M_COUNTER("bellwether_engine_pauses_total"),
       "Times that the agent found it had been stopped or starved"),
    AG("frames_malformed", NULL, COUNTER, frames_malformed, NULL, "bwAgentFramesMalformed", 8, READ,
       M_COUNTER("bellwether_frames_malformed_total"), "Cluster frames that could not be read"),
    AG("frames_unauthentic", NULL, COUNTER, frames_unauthentic, NULL, "bwAgentFramesUnauthentic", 9, READ,
       M_COUNTER("bellwether_frames_unauthentic_total"), "Cluster frames under a wrong key, or forged"),
    AG("frames_replayed", NULL, COUNTER, frames_replayed, NULL, "bwAgentFramesReplayed", 10, READ,
       M_COUNTER("bellwether_frames_replayed_total"), "Cluster frames that had been seen before"),
    AG("frames_foreign", NULL, COUNTER, frames_foreign, NULL, "bwAgentFramesForeign", 11, READ,
       M_COUNTER("bellwether_frames_foreign_total"), "Frames of another cluster"),
    AG("frames_own", NULL, COUNTER, frames_own, NULL, "bwAgentFramesOwn", 12, READ,
       M_COUNTER("bellwether_frames_own_total"), "Own cluster frames that came back"),
    AG("events_dropped", NULL, COUNTER, events_dropped, NULL, "bwAgentEventsDropped", 13, READ,
       M_COUNTER("bellwether_events_dropped_total"), "Log lines that found their queue full"),
    AG("requests_refused", NULL, COUNTER, requests_refused, NULL, "bwAgentRequestsRefused", 14, READ,
       M_COUNTER("bellwether_requests_refused_total"), "Requests that found the engine's mailbox full"),
    AG("agent_restarts", NULL, COUNTER, agent_restarts, NULL, "bwAgentRestarts", 15, READ,
       M_COUNTER("bellwether_agent_restarts_total"), "Times that the keeper started the agent again"),
    AG("snmp_connected", NULL, BOOL, snmp_connected, NULL, "bwAgentSnmpConnected", 16, READ,
       M_GAUGE("bellwether_snmp_connected"), "Whether the AgentX session to snmpd is up"),
    AG("snmp_connects", NULL, COUNTER, snmp_connects, NULL, "bwAgentSnmpConnects", 17, READ,
       M_COUNTER("bellwether_snmp_connects_total"), "AgentX sessions opened"),
    AG("snmp_notifications_sent", NULL, COUNTER, snmp_notifications_sent, NULL, "bwAgentNotificationsSent", 18, READ,
       M_COUNTER("bellwether_snmp_notifications_sent_total"), "SNMP notifications handed to snmpd"),
    AG("snmp_notifications_dropped", NULL, COUNTER, snmp_notifications_dropped, NULL, "bwAgentNotificationsDropped", 19,
       READ, M_COUNTER("bellwether_snmp_notifications_dropped_total"), "SNMP notifications dropped from a full queue"),
    AG("http_requests", NULL, COUNTER, http_requests, NULL, "bwAgentHttpRequests", 20, READ,
       M_COUNTER("bellwether_http_requests_total"), "HTTP requests answered"),
    AG("http_errors", NULL, COUNTER, http_errors, NULL, "bwAgentHttpErrors", 21, READ,
       M_COUNTER("bellwether_http_errors_total"), "HTTP requests answered with an error"),
    AG("traps_listening", NULL, BOOL, traps_listening, NULL, "bwAgentTrapsListening", 22, READ,
       M_GAUGE("bellwether_traps_listening"), "Whether SNMP notifications are received"),
    AG("traps_restarts", NULL, COUNTER, traps_restarts, NULL, "bwAgentTrapsRestarts", 23, READ,
       M_COUNTER("bellwether_traps_restarts_total"), "Times that the receiver of SNMP notifications was started again"),
    AG("traps_received", NULL, COUNTER, traps_received, NULL, "bwAgentTrapsReceived", 24, READ,
       M_COUNTER("bellwether_traps_received_total"), "Messages at the ports for SNMP notifications"),
    AG("traps_accepted", NULL, COUNTER, traps_accepted, NULL, "bwAgentTrapsAccepted", 25, READ,
       M_COUNTER("bellwether_traps_accepted_total"), "SNMP notifications that the rules saw"),
    AG("traps_refused", NULL, COUNTER, traps_refused, NULL, "bwAgentTrapsRefused", 26, READ,
       M_COUNTER("bellwether_traps_refused_total"),
       "Messages there of a wrong source, community, user, key or security level, or that were no notification"),
    AG("traps_malformed", NULL, COUNTER, traps_malformed, NULL, "bwAgentTrapsMalformed", 27, READ,
       M_COUNTER("bellwether_traps_malformed_total"), "Messages there that could not be read"),
    AG("traps_dropped", NULL, COUNTER, traps_dropped, NULL, "bwAgentTrapsDropped", 28, READ,
       M_COUNTER("bellwether_traps_dropped_total"), "Messages there that came too fast and were dropped unread"),
};

#define T(...) F(bw_trap_rule_row, __VA_ARGS__)
static const struct bw_field trap_rule_fields[] = {
    T("index", NULL, U32, index, NULL, "bwTrapRuleIndex", 1, INDEX, M_NONE, "Position in the configuration, from 1"),
    T("name", "Rule", TEXT, name, NULL, "bwTrapRuleName", 2, READ, M_NONE, "Name of the rule"),
    T("sets", "Sets", ENUM, sets, &bw_enum_pnote_status, "bwTrapRuleSets", 3, READ, M_NONE, "What the pnote becomes"),
    T("pnote", "Pnote", TEXT, pnote, NULL, "bwTrapRulePnote", 4, READ, M_NONE, "The pnote that the rule sets"),
    T("hold_seconds", "Holds", NS, hold_ns, NULL, "bwTrapRuleHold", 5, READ, M_NONE,
      "Time after which the pnote changes back by itself, 0 for none"),
    T("matches", "Matches", COUNTER, matches, NULL, "bwTrapRuleMatches", 6, READ,
      M_COUNTER("bellwether_trap_matches_total"), "Notifications that the rule matched"),
    T("last_match", "Last match", WALL, last_wall, NULL, "bwTrapRuleLastMatch", 7, READ,
      M_GAUGE("bellwether_trap_last_match_timestamp_seconds"), "When the rule matched last"),
    T("last_source", "From", ADDRESS, last_source, NULL, "bwTrapRuleLastSource", 8, READ, M_NONE,
      "Where the last notification that it matched came from"),
};

#define E(...) F(bw_event, __VA_ARGS__)
static const struct bw_field event_fields[] = {
    E("number", "No.", COUNTER, number, NULL, "bwHistoryNumber", 1, INDEX, M_NONE, "Number of the event"),
    E("time", "Time", WALL, time_wall, NULL, "bwHistoryTime", 2, READ, M_NONE, "When it happened"),
    E("kind", "Event", ENUM, kind, &bw_enum_event_kind, "bwHistoryKind", 3, READ, M_NONE, "What kind of event"),
    E("member", "Member", MEMBER, member, NULL, "bwHistoryMember", 4, READ, M_NONE,
      "Id of the member that it concerns, 0 for none"),
    E("group", NULL, U32, group, NULL, "bwHistoryGroup", 5, READ, M_NONE, "Index of the group, 0 for none"),
    E("cause", NULL, ENUM, cause, &bw_enum_cause, "bwHistoryCause", 6, READ, M_NONE, "Cause of a failover"),
    E("object", NULL, TEXT, object, NULL, "bwHistoryObject", 7, READ, M_NONE, "Name of the pnote or interface, or empty"),
    E("from", "From", TEXT, from, NULL, "bwHistoryFrom", 8, READ, M_NONE, "What it was before"),
    E("to", "To", TEXT, to, NULL, "bwHistoryTo", 9, READ, M_NONE, "What it is after"),
    E("reason", "Reason", TEXT, reason, NULL, "bwHistoryReason", 10, READ, M_NONE, "Why"),
    E("seconds", "Took", BRIEF, took_ns, NULL, "bwHistoryDuration", 11, READ, M_NONE,
      "Time from the first sign to this event"),
};

/* ---- objects ---- */

#define COUNT(array) (uint32_t)(sizeof(array) / sizeof((array)[0]))
#define TABLE(kind_, key, title, entry, arc, rows, count)                                                              \
    [BW_OBJECT_##kind_] = {BW_OBJECT_##kind_, key, title, entry, arc, true, offsetof(struct bw_snapshot, rows),        \
                           sizeof(((struct bw_snapshot *)0)->rows[0]), offsetof(struct bw_snapshot, count)
#define SCALARS(kind_, key, title, entry, arc, row)                                                                    \
    [BW_OBJECT_##kind_] = {BW_OBJECT_##kind_, key, title, entry, arc, false, offsetof(struct bw_snapshot, row),        \
                           sizeof(((struct bw_snapshot *)0)->row), 0

const struct bw_object bw_catalogue[BW_OBJECT_COUNT] = {
    SCALARS(CLUSTER, "cluster", "Cluster", "bwCluster", 1, cluster), cluster_fields, COUNT(cluster_fields)},
    TABLE(MEMBER, "members", "Members", "bwMemberEntry", 2, members, members_count), member_fields,
          COUNT(member_fields)},
    TABLE(INTERFACE, "interfaces", "Interfaces", "bwInterfaceEntry", 3, interfaces, interfaces_count), interface_fields,
          COUNT(interface_fields)},
    TABLE(PNOTE, "pnotes", "Critical devices", "bwPnoteEntry", 4, pnotes, pnotes_count), pnote_fields,
          COUNT(pnote_fields)},
    TABLE(ADDRESS, "addresses", "Virtual addresses", "bwAddressEntry", 5, addresses, addresses_count), address_fields,
          COUNT(address_fields)},
    TABLE(GROUP, "groups", "Groups", "bwGroupEntry", 6, groups, groups_count), group_fields, COUNT(group_fields)},
    TABLE(GROUP_MEMBER, "group_members", "Groups on members", "bwGroupMemberEntry", 7, group_members,
          group_members_count), group_member_fields, COUNT(group_member_fields)},
    TABLE(CAUSE, "failovers", "Failovers by cause", "bwCauseEntry", 14, causes, causes_count), cause_fields,
          COUNT(cause_fields)},
    SCALARS(AGENT, "agent", "Agent", "bwAgent", 13, agent), agent_fields, COUNT(agent_fields)},
    [BW_OBJECT_EVENT] = {BW_OBJECT_EVENT, "history", "History", "bwHistoryEntry", 11, true, 0, sizeof(struct bw_event),
                         0, event_fields, COUNT(event_fields)},
    TABLE(TRAP_RULE, "trap_rules", "Trap rules", "bwTrapRuleEntry", 15, trap_rules, trap_rules_count), trap_rule_fields,
          COUNT(trap_rule_fields)},
};

/* ---- look-ups ---- */

uint32_t bw_object_rows(const struct bw_object *object, const struct bw_snapshot *snapshot)
{
    if (object->kind == BW_OBJECT_EVENT)
        return 0;
    if (!object->table)
        return 1;
    return *(const uint32_t *)(const void *)((const char *)snapshot + object->count_offset);
}

const void *bw_object_row(const struct bw_object *object, const struct bw_snapshot *snapshot, uint32_t i)
{
    return (const char *)snapshot + object->rows_offset + (size_t)i * object->row_size;
}

const struct bw_object *bw_object_by_key(const char *key)
{
    for (int i = 0; i < BW_OBJECT_COUNT; i++)
        if (strcmp(bw_catalogue[i].key, key) == 0)
            return &bw_catalogue[i];
    return NULL;
}

const struct bw_field *bw_field_by_key(const struct bw_object *object, const char *key)
{
    for (uint32_t i = 0; i < object->fields_count; i++)
        if (strcmp(object->fields[i].key, key) == 0)
            return &object->fields[i];
    return NULL;
}

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

const char *bw_member_name(const struct bw_snapshot *snapshot, uint32_t id)
{
    for (uint32_t i = 0; i < snapshot->members_count; i++)
        if (snapshot->members[i].id == id)
            return snapshot->members[i].name;
    return "";
}
