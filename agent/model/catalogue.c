/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The catalogue's tables: one line per field. Every surface walks them. Tables are append-only:
 * keys, MIB columns and metric names never change once released.
 */
#include <string.h>

#include "agent/model/catalogue_private.h"

/* ---- fields ---- */

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
    C("heartbeat_interval_seconds", NULL, NS, heartbeat_interval_ns, NULL, "bwClusterHeartbeatInterval", 17, READ,
      M_GAUGE("bellwether_heartbeat_interval_seconds"), "Interval at which each member sends heartbeats"),
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
    M("clock_offset_seconds", NULL, OFFSET, clock_offset_ns, NULL, "bwMemberClockOffset", 30, READ,
      M_GAUGE("bellwether_member_clock_offset_seconds"),
      "How far the member's clock is ahead of this member's, negative when it is behind; 0 when it is not known"),
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
    AG("store_writable", NULL, BOOL, store_writable, NULL, "bwAgentStoreWritable", 29, READ,
       M_GAUGE("bellwether_store_writable"), "Whether what must outlive a restart can be kept in state_dir"),
    AG("http_enabled", NULL, BOOL, http_enabled, NULL, "bwAgentHttpEnabled", 30, READ, M_NONE,
       "Whether the configuration wants HTTP"),
    AG("http_listening", NULL, BOOL, http_listening, NULL, "bwAgentHttpListening", 31, READ,
       M_GAUGE("bellwether_http_listening"), "Whether HTTP is answered"),
    {"lateness", NULL, BW_TYPE_HISTOGRAM, offsetof(struct bw_agent_row, late_buckets), sizeof(struct bw_late_histogram),
     NULL, NULL, 0, BW_ACCESS_NONE, M_HISTOGRAM("bellwether_heartbeat_lateness_seconds"),
     "How late heartbeats were sent"},
};
_Static_assert(offsetof(struct bw_agent_row, late_sum_ns) - offsetof(struct bw_agent_row, late_buckets) ==
                       offsetof(struct bw_late_histogram, sum_ns) &&
                   offsetof(struct bw_agent_row, late_count) - offsetof(struct bw_agent_row, late_buckets) ==
                       offsetof(struct bw_late_histogram, count),
               "the agent's row holds a histogram in one piece");

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

#define R(...) F(bw_resource_row, __VA_ARGS__)
static const struct bw_field resource_fields[] = {
    R("group", "Group", U32, group, NULL, "bwGroupIndex", 0, INDEX, M_NONE, "Index of the group"),
    R("index", NULL, U32, index, NULL, "bwResourceIndex", 1, INDEX, M_NONE,
      "Position among all resources of the configuration, from 1"),
    R("member", "Member", MEMBER, member, NULL, "bwMemberId", 0, INDEX, M_NONE, "Id of the member"),
    R("name", "Resource", TEXT, name, NULL, "bwResourceName", 2, READ, M_NONE, "Name of the resource"),
    R("kind", "Kind", ENUM, kind, &bw_enum_resource_kind, "bwResourceKind", 3, READ, M_NONE, "What the resource is"),
    R("state", "State", ENUM, state, &bw_enum_group_state, "bwResourceState", 4, READ,
      M_STATESET("bellwether_resource_state", "state"), "State of the resource on the member"),
    R("recovery", "On failure", ENUM, recovery, &bw_enum_recovery_action, "bwResourceRecovery", 5, READ, M_NONE,
      "What happens when the resource fails"),
    R("retries", NULL, GAUGE, retries, NULL, "bwResourceRetries", 6, READ, M_NONE,
      "How often it is started again before that happens"),
    R("retries_left", "Retries", GAUGE, retries_left, NULL, "bwResourceRetriesLeft", 7, READ,
      M_GAUGE("bellwether_resource_retries_left"), "How often it will still be started again"),
    R("since", NULL, WALL, since_wall, NULL, "bwResourceSince", 8, READ,
      M_GAUGE("bellwether_resource_state_since_timestamp_seconds"), "When the resource came into its state"),
    R("detail", "Detail", TEXT, detail, NULL, "bwResourceDetail", 9, READ, M_NONE, "What it says"),
};

#define AL(...) F(bw_alert_row, __VA_ARGS__)
static const struct bw_field alert_fields[] = {
    AL("index", NULL, U32, index, NULL, "bwAlertIndex", 1, INDEX, M_NONE, "Position in the configuration, from 1"),
    AL("name", "Target", TEXT, name, NULL, "bwAlertName", 2, READ, M_NONE, "Name of the target"),
    AL("kind", "Kind", ENUM, kind, &bw_enum_alert_kind, "bwAlertKind", 3, READ, M_NONE, "How alerts reach it"),
    AL("state", "State", ENUM, state, &bw_enum_alert_state, "bwAlertState", 4, READ,
       M_STATESET("bellwether_alert_state", "state"), "What delivery to the target is doing"),
    AL("queued", "Queued", GAUGE, queued, NULL, "bwAlertQueued", 5, READ, M_GAUGE("bellwether_alerts_queued"),
       "Alerts that wait for delivery"),
    AL("delivered", "Delivered", COUNTER, delivered, NULL, "bwAlertDelivered", 6, READ,
       M_COUNTER("bellwether_alerts_delivered_total"), "Alerts delivered"),
    AL("failures", "Failures", COUNTER, failures, NULL, "bwAlertFailures", 7, READ,
       M_COUNTER("bellwether_alerts_failures_total"), "Tries to deliver an alert that failed"),
    AL("dropped", "Dropped", COUNTER, dropped, NULL, "bwAlertDropped", 8, READ,
       M_COUNTER("bellwether_alerts_dropped_total"), "Alerts given up: more than the queue holds, or refused for good"),
    AL("suppressed", NULL, COUNTER, suppressed, NULL, "bwAlertSuppressed", 9, READ,
       M_COUNTER("bellwether_alerts_suppressed_total"), "Alerts not sent by themselves but told in a digest"),
    AL("last_delivery", NULL, WALL, last_wall, NULL, "bwAlertLastDelivery", 10, READ,
       M_GAUGE("bellwether_alert_last_delivery_timestamp_seconds"), "When an alert was delivered last"),
    AL("last_error", "Error", TEXT, last_error, NULL, "bwAlertLastError", 11, READ, M_NONE,
       "Why the last try failed, empty once it works again"),
};

/* ---- objects ---- */

#define COUNT(array) (uint32_t)(sizeof(array) / sizeof((array)[0]))
/* A table may be part of another object: then its kind and the key there come last. */
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
    TABLE(RESOURCE, "resources", "Resources", "bwResourceEntry", 8, resources, resources_count), resource_fields,
          COUNT(resource_fields)},
    SCALARS(SYNC, "sync", "State synchronisation", "bwSync", 9, sync), bw_sync_fields, COUNT(bw_sync_fields)},
    TABLE(SYNC_PEER, "sync_peers", "Peers of the state synchronisation", "bwSyncPeerEntry", 10, sync_peers,
          sync_peers_count), bw_sync_peer_fields, COUNT(bw_sync_peer_fields), BW_OBJECT_SYNC, "peers"},
    TABLE(ALERT, "alerts", "Alert targets", "bwAlertEntry", 17, alerts, alerts_count), alert_fields,
          COUNT(alert_fields)},
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

const struct bw_member_row *bw_member_row(const struct bw_snapshot *snapshot, uint32_t id)
{
    for (uint32_t i = 0; i < snapshot->members_count; i++)
        if (snapshot->members[i].id == id)
            return &snapshot->members[i];
    return NULL;
}

const char *bw_member_name(const struct bw_snapshot *snapshot, uint32_t id)
{
    const struct bw_member_row *m = bw_member_row(snapshot, id);

    return m != NULL ? m->name : "";
}
