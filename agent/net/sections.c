/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of sections (see sections.h). A new field goes to the end of its structure: older members skip it, and newer ones
 * take it for 0 when it is not there (`fields_least`).
 */
#include "agent/net/sections.h"

#define COUNT(array)                   (sizeof(array) / sizeof((array)[0]))
#define FIELD(type, structure, member) BW_FIELD_##type, offsetof(struct structure, member)
#define ALL                            0, 0, 0 /* every value */
#define RANGE(least, most)             0, least, most
#define MEMBER                         RANGE(1, 254)
#define MEMBER_OR_NONE                 RANGE(0, 254)
#define TEXT(structure, member)                                                                                        \
    BW_FIELD_TEXT, offsetof(struct structure, member), sizeof(((struct structure *)0)->member), 0, 0

static const struct bw_field heartbeat_fields[] = {
    {FIELD(U64, bw_heartbeat, turn), ALL},
    {FIELD(U8, bw_heartbeat, state), RANGE(BW_MEMBER_INITIALIZING, BW_MEMBER_UNREACHABLE)},
    {FIELD(U8, bw_heartbeat, admin), RANGE(BW_ADMIN_UP, BW_ADMIN_FORCE_DOWN)},
    {FIELD(U8, bw_heartbeat, mode), RANGE(BW_MODE_HA, BW_MODE_SERVICE)},
    {FIELD(U8, bw_heartbeat, recovery), RANGE(BW_RECOVERY_ACTIVE_UP, BW_RECOVERY_PRIMARY_UP)},
    {FIELD(U16, bw_heartbeat, flags), ALL},
    {FIELD(U16, bw_heartbeat, protocol), RANGE(1, UINT16_MAX)},
    {FIELD(U16, bw_heartbeat, protocol_least), RANGE(1, UINT16_MAX)},
    {FIELD(U8, bw_heartbeat, interfaces_up), RANGE(0, BW_MAX_INTERFACES)},
    {FIELD(U8, bw_heartbeat, interfaces_required), RANGE(0, BW_MAX_INTERFACES)},
    {FIELD(U8, bw_heartbeat, secured_up), RANGE(0, BW_MAX_INTERFACES)},
    {FIELD(U8, bw_heartbeat, secured_required), RANGE(0, BW_MAX_INTERFACES)},
    {FIELD(U16, bw_heartbeat, interfaces_down), ALL},
    {FIELD(U32, bw_heartbeat, interval_us), ALL},
    {FIELD(U64, bw_heartbeat, config_digest), ALL},
    {FIELD(U8, bw_heartbeat, priority), ALL},
    {FIELD(U64, bw_heartbeat, wall), ALL},
};

static const struct bw_field echo_fields[] = {
    {FIELD(U8, bw_echo, member), MEMBER}, {FIELD(BOOT, bw_echo, boot), ALL},     {FIELD(U16, bw_echo, heard_on), ALL},
    {FIELD(VAR64, bw_echo, turn), ALL},   {FIELD(VAR32, bw_echo, held_us), ALL},
};

#define NEAR(member) BW_FIELD_NEAR, offsetof(struct bw_group_part, member), offsetof(struct bw_group_part, epoch), 0, 0

static const struct bw_field group_fields[] = {
    {FIELD(U8, bw_group_part, group), RANGE(0, BW_MAX_GROUPS - 1)},
    {FIELD(U8, bw_group_part, flags), ALL},
    {FIELD(U8, bw_group_part, order), ALL},
    {FIELD(U8, bw_group_part, holder), MEMBER_OR_NONE},
    {FIELD(EPOCH, bw_group_part, epoch), ALL},
    {NEAR(hold_epoch)},
    {NEAR(holder_epoch)},
    {NEAR(claim_epoch)},
    {FIELD(U8, bw_group_part, confirm_member), MEMBER_OR_NONE},
    {FIELD(U8, bw_group_part, refuse_member), MEMBER_OR_NONE},
    {FIELD(U8, bw_group_part, refuse_reason), RANGE(0, BW_REFUSAL_NOT_IN_VIEW)},
    {FIELD(U8, bw_group_part, cause), ALL}, /* a newer version may know more of them */
    {NEAR(confirm_epoch)},
    {NEAR(refuse_epoch)},
    {FIELD(U16, bw_group_part, name), ALL},
};

static const struct bw_field digest_fields[] = {{BW_FIELD_U32, 0, ALL}};

static const struct bw_field wish_fields[] = {
    {FIELD(U8, bw_group_wish, group), RANGE(0, BW_MAX_GROUPS - 1)},
    {FIELD(U8, bw_group_wish, deny), ALL},
    {FIELD(EPOCH, bw_group_wish, wish), ALL},
};

static const struct bw_field handshake_fields[] = {
    {FIELD(U8, bw_handshake_entry, member), MEMBER},
    {FIELD(U8, bw_handshake_entry, what), ALL},
    {FIELD(U64, bw_handshake_entry, value), ALL},
};

static const struct bw_field command_fields[] = {
    {FIELD(U8, bw_command, target), MEMBER},
    {FIELD(U32, bw_command, number), RANGE(1, UINT32_MAX)},
    {FIELD(U8, bw_command, kind), ALL}, /* one that is not known is refused in its answer */
    {FIELD(U8, bw_command, group), RANGE(0, BW_MAX_GROUPS)},
    {FIELD(U8, bw_command, admin), RANGE(0, BW_ADMIN_FORCE_DOWN)},
    {FIELD(U8, bw_command, member), MEMBER_OR_NONE},
    {TEXT(bw_command, who)},
};

static const struct bw_field answer_fields[] = {
    {FIELD(U8, bw_command_answer, asker), MEMBER},
    {FIELD(BOOT, bw_command_answer, asker_boot), ALL},
    {FIELD(U32, bw_command_answer, number), RANGE(1, UINT32_MAX)},
    {FIELD(U8, bw_command_answer, result), RANGE(BW_RESULT_DONE, BW_RESULT_BUSY)},
    {TEXT(bw_command_answer, text)},
};

static const struct bw_field page_fields[] = {
    {FIELD(U8, bw_page, number), RANGE(0, BW_MAX_PAGES - 1)},
    {FIELD(U8, bw_page, kind), RANGE(BW_PAGE_FACTS, BW_PAGE_RESOURCES)},
    {FIELD(U32, bw_page, digest), ALL},
};

static const struct bw_field facts_fields[] = {
    {TEXT(bw_page, facts.version)},
    {TEXT(bw_page, facts.reason)},
    {TEXT(bw_page, facts.reason_source)},
    {TEXT(bw_page, facts.admin_by)},
    {FIELD(U64, bw_page, facts.admin_since_wall), ALL},
    {FIELD(U64, bw_page, facts.since_wall), ALL},
    {FIELD(U64, bw_page, facts.heartbeats_sent), ALL},
};

/* The row's member is not on the wire: a page is about its sender only. */
static const struct bw_field interface_fields[] = {
    {FIELD(SMALL, bw_interface_row, index), RANGE(1, BW_MAX_INTERFACES)},
    {TEXT(bw_interface_row, name)},
    {TEXT(bw_interface_row, device)},
    {FIELD(SMALL, bw_interface_row, role), RANGE(BW_ROLE_CLUSTER, BW_ROLE_DISCONNECTED)},
    {FIELD(SMALL, bw_interface_row, state), RANGE(BW_INTERFACE_UP, BW_INTERFACE_UNKNOWN)},
    {FIELD(SMALL, bw_interface_row, receive), RANGE(BW_DIRECTION_UP, BW_DIRECTION_DOWN)},
    {FIELD(SMALL, bw_interface_row, transmit), RANGE(BW_DIRECTION_UP, BW_DIRECTION_DOWN)},
    {FIELD(BOOL, bw_interface_row, link), ALL},
    {FIELD(SMALL, bw_interface_row, transport), RANGE(BW_TRANSPORT_MULTICAST, BW_TRANSPORT_UNICAST)},
    {FIELD(U64, bw_interface_row, silence_ns), ALL},
    {FIELD(U64, bw_interface_row, frames_sent), ALL},
    {FIELD(U64, bw_interface_row, frames_received), ALL},
    {FIELD(U64, bw_interface_row, send_errors), ALL},
};

static const struct bw_field pnote_fields[] = {
    {TEXT(bw_pnote_row, name)},
    {FIELD(SMALL, bw_pnote_row, kind), RANGE(BW_PNOTE_BUILTIN, BW_PNOTE_USER)},
    {FIELD(SMALL, bw_pnote_row, status), RANGE(BW_PNOTE_OK, BW_PNOTE_UNKNOWN)},
    {FIELD(U64, bw_pnote_row, timeout_ns), ALL},
    {FIELD(U64, bw_pnote_row, age_ns), ALL},
    {FIELD(BOOL, bw_pnote_row, persistent), ALL},
    {TEXT(bw_pnote_row, detail)},
};

static const struct bw_field resource_fields[] = {
    {FIELD(SMALL, bw_resource_row, group), RANGE(1, BW_MAX_GROUPS)},
    {FIELD(SMALL, bw_resource_row, index), RANGE(1, BW_MAX_RESOURCES)},
    {TEXT(bw_resource_row, name)},
    {FIELD(SMALL, bw_resource_row, kind), RANGE(BW_RESOURCE_FIP, BW_RESOURCE_EXEC)},
    {FIELD(SMALL, bw_resource_row, state), RANGE(BW_GROUP_ONLINE, BW_GROUP_UNKNOWN)},
    {FIELD(SMALL, bw_resource_row, recovery), RANGE(BW_ON_FAILURE_IGNORE, BW_ON_FAILURE_FAILOVER)},
    {FIELD(SMALL, bw_resource_row, retries), ALL},
    {FIELD(SMALL, bw_resource_row, retries_left), ALL},
    {FIELD(U64, bw_resource_row, since_wall), ALL},
    {TEXT(bw_resource_row, detail)},
};

static const struct bw_field request_fields[] = {
    {BW_FIELD_U8, offsetof(struct bw_message, page_request.target), MEMBER},
    {BW_FIELD_U32, offsetof(struct bw_message, page_request.wanted), RANGE(1, (1U << BW_MAX_PAGES) - 1)},
};

static const struct bw_field farewell_fields[] = {
    {BW_FIELD_U8, offsetof(struct bw_message, farewell.member), MEMBER},
    {BW_FIELD_BOOT, offsetof(struct bw_message, farewell.over), ALL},
};

#define IN(member)   offsetof(struct bw_message, member)
#define FIELDS(name) .fields = name##_fields, .fields_count = COUNT(name##_fields)
#define LIST(counter, member, max)                                                                                     \
    .count_at = IN(counter), .at = IN(member), .capacity = max, .stride = sizeof(((struct bw_message *)0)->member[0])

const struct bw_section bw_sections[BW_TLVS] = {
    [BW_TLV_HEARTBEAT] = {.kind = BW_MESSAGE_HEARTBEAT, .first = 1, .at = IN(heartbeat), FIELDS(heartbeat), .fields_least = 15},
    [BW_TLV_ECHOES] = {.kind = BW_MESSAGE_HEARTBEAT,
                       LIST(heartbeat.echoes_count, heartbeat.echoes, BW_MAX_MEMBERS),
                       FIELDS(echo)},
    [BW_TLV_GROUPS] = {.kind = BW_MESSAGE_HEARTBEAT,
                       LIST(heartbeat.groups_count, heartbeat.groups, BW_MAX_GROUPS),
                       FIELDS(group),
                       .fields_least = 14},
    [BW_TLV_DIGESTS] = {.kind = BW_MESSAGE_HEARTBEAT,
                        LIST(heartbeat.pages_count, heartbeat.page_digests, BW_MAX_PAGES),
                        FIELDS(digest)},
    [BW_TLV_HANDSHAKE] = {.count_at = offsetof(struct bw_handshake, count),
                          .at = offsetof(struct bw_handshake, entries),
                          .capacity = BW_HANDSHAKE_MAX,
                          .stride = sizeof(struct bw_handshake_entry),
                          FIELDS(handshake),
                          .yielding = true},
    [BW_TLV_COMMANDS] = {.kind = BW_MESSAGE_HEARTBEAT,
                         LIST(heartbeat.commands_count, heartbeat.commands, BW_MAX_COMMANDS),
                         FIELDS(command),
                         .yielding = true},
    [BW_TLV_ANSWERS] = {.kind = BW_MESSAGE_HEARTBEAT,
                        LIST(heartbeat.answers_count, heartbeat.answers, BW_MAX_COMMANDS),
                        FIELDS(answer),
                        .yielding = true},
    [BW_TLV_PAGE] = {.kind = BW_MESSAGE_PAGE, .first = 1, .at = IN(page), FIELDS(page)},
    [BW_TLV_PAGE_FACTS] = {.kind = BW_MESSAGE_PAGE, .page = BW_PAGE_FACTS, .at = IN(page), FIELDS(facts)},
    [BW_TLV_PAGE_INTERFACES] = {.kind = BW_MESSAGE_PAGE,
                                .page = BW_PAGE_INTERFACES,
                                LIST(page.count, page.interfaces, BW_PAGE_INTERFACE_ROWS),
                                FIELDS(interface)},
    [BW_TLV_PAGE_PNOTES] = {.kind = BW_MESSAGE_PAGE,
                            .page = BW_PAGE_PNOTES,
                            LIST(page.count, page.pnotes, BW_PAGE_PNOTE_ROWS),
                            FIELDS(pnote)},
    [BW_TLV_PAGE_RESOURCES] = {.kind = BW_MESSAGE_PAGE,
                               .page = BW_PAGE_RESOURCES,
                               LIST(page.count, page.resources, BW_PAGE_RESOURCE_ROWS),
                               FIELDS(resource)},
    [BW_TLV_PAGE_REQUEST] = {.kind = BW_MESSAGE_PAGE_REQUEST, .first = 1, FIELDS(request)},
    [BW_TLV_FAREWELL] = {.kind = BW_MESSAGE_FAREWELL, .first = 1, FIELDS(farewell)},
    [BW_TLV_STATE_QUERY] = {.kind = BW_MESSAGE_STATE_QUERY, .first = 1},
    [BW_TLV_WISHES] = {.kind = BW_MESSAGE_HEARTBEAT,
                       LIST(heartbeat.wishes_count, heartbeat.wishes, BW_MAX_GROUPS),
                       FIELDS(wish)},
};
