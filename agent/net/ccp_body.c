/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The body of a CCP frame, the part that is sealed: TLVs (type 1 byte, length 2 bytes, value). Pure.
 *
 * The first TLV says what kind of message it is. Every TLV is a section of the table below: a single structure, or a list whose
 * entries each begin with their length in one byte. Structures may grow at their end: what is longer than known is skipped, what is
 * shorter is malformed. Unknown TLVs are skipped. Everything else that is not as it must be makes the whole message malformed.
 */
#include "agent/net/ccp.h"

#include <errno.h>
#include <string.h>

enum tlv {
    TLV_HEARTBEAT = 1,
    TLV_ECHOES,
    TLV_GROUPS,
    TLV_DIGESTS,
    TLV_HANDSHAKE,
    TLV_COMMANDS,
    TLV_ANSWERS,
    TLV_PAGE,
    TLV_PAGE_FACTS,
    TLV_PAGE_INTERFACES,
    TLV_PAGE_PNOTES,
    TLV_PAGE_REQUEST,
    TLV_FAREWELL,
    TLV_STATE_QUERY,
    TLVS,
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define FIELD(type, structure, member) BW_FIELD_##type, offsetof(struct structure, member)
#define ALL 0, 0, 0                     /* every value */
#define RANGE(least, most) 0, least, most
#define MEMBER RANGE(1, 254)
#define MEMBER_OR_NONE RANGE(0, 254)
#define TEXT(structure, member) BW_FIELD_TEXT, offsetof(struct structure, member), sizeof(((struct structure *)0)->member), 0, 0

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
};

static const struct bw_field echo_fields[] = {
    {FIELD(U8, bw_echo, member), MEMBER},    {FIELD(BOOT, bw_echo, boot), ALL},     {FIELD(U16, bw_echo, heard_on), ALL},
    {FIELD(VAR64, bw_echo, turn), ALL},      {FIELD(VAR32, bw_echo, held_us), ALL},
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
    {FIELD(U8, bw_group_part, cause), RANGE(0, BW_CAUSE_LAST)},
    {NEAR(confirm_epoch)},
    {NEAR(refuse_epoch)},
};

static const struct bw_field digest_fields[] = {{BW_FIELD_U32, 0, ALL}};

static const struct bw_field handshake_fields[] = {
    {FIELD(U8, bw_handshake_entry, member), MEMBER},
    {FIELD(U8, bw_handshake_entry, what), ALL},
    {FIELD(U64, bw_handshake_entry, value), ALL},
};

static const struct bw_field command_fields[] = {
    {FIELD(U8, bw_command, target), MEMBER},
    {FIELD(U32, bw_command, number), RANGE(1, UINT32_MAX)},
    {FIELD(U8, bw_command, kind), RANGE(BW_REQUEST_ADMIN, BW_REQUEST_COUNTERS_RESET)},
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
    {FIELD(U8, bw_page, kind), RANGE(BW_PAGE_FACTS, BW_PAGE_PNOTES)},
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

static const struct bw_field request_fields[] = {
    {BW_FIELD_U8, offsetof(struct bw_message, page_request.target), MEMBER},
    {BW_FIELD_U32, offsetof(struct bw_message, page_request.wanted), RANGE(1, (1U << BW_MAX_PAGES) - 1)},
};

static const struct bw_field farewell_fields[] = {
    {BW_FIELD_U8, offsetof(struct bw_message, farewell.member), MEMBER},
    {BW_FIELD_BOOT, offsetof(struct bw_message, farewell.over), ALL},
};

/* One TLV: which part of struct bw_message (or of the handshake) it carries. */
struct section {
    uint8_t kind;       /* enum bw_message_kind that has it; 0 = every kind (the handshake) */
    uint8_t page;       /* enum bw_page_kind that has it, 0 = all */
    uint8_t first;      /* it is the first TLV of its kind of message */
    uint8_t capacity;   /* of a list; 0 = a single structure */
    uint16_t count_at;  /* where the list's length is (uint8_t) */
    uint16_t at;        /* where the structure or the list is */
    uint16_t stride;    /* bytes of an entry in memory */
    uint8_t fields_count;
    bool yielding;      /* entries that find no room wait for the next frame */
    const struct bw_field *fields;
};

#define IN(member) offsetof(struct bw_message, member)
#define FIELDS(name) .fields = name##_fields, .fields_count = COUNT(name##_fields)
#define LIST(counter, member, max) \
    .count_at = IN(counter), .at = IN(member), .capacity = max, .stride = sizeof(((struct bw_message *)0)->member[0])

/* In the order in which they are written: what must be there before what may wait. */
static const struct section sections[TLVS] = {
    [TLV_HEARTBEAT] = {.kind = BW_MESSAGE_HEARTBEAT, .first = 1, .at = IN(heartbeat), FIELDS(heartbeat)},
    [TLV_ECHOES] = {.kind = BW_MESSAGE_HEARTBEAT, LIST(heartbeat.echoes_count, heartbeat.echoes, BW_MAX_MEMBERS), FIELDS(echo)},
    [TLV_GROUPS] = {.kind = BW_MESSAGE_HEARTBEAT, LIST(heartbeat.groups_count, heartbeat.groups, BW_MAX_GROUPS), FIELDS(group)},
    [TLV_DIGESTS] = {.kind = BW_MESSAGE_HEARTBEAT, LIST(heartbeat.pages_count, heartbeat.page_digests, BW_MAX_PAGES),
                     FIELDS(digest)},
    [TLV_HANDSHAKE] = {.count_at = offsetof(struct bw_handshake, count), .at = offsetof(struct bw_handshake, entries),
                       .capacity = BW_HANDSHAKE_MAX, .stride = sizeof(struct bw_handshake_entry), FIELDS(handshake),
                       .yielding = true},
    [TLV_COMMANDS] = {.kind = BW_MESSAGE_HEARTBEAT, LIST(heartbeat.commands_count, heartbeat.commands, BW_MAX_COMMANDS),
                      FIELDS(command), .yielding = true},
    [TLV_ANSWERS] = {.kind = BW_MESSAGE_HEARTBEAT, LIST(heartbeat.answers_count, heartbeat.answers, BW_MAX_COMMANDS),
                     FIELDS(answer), .yielding = true},
    [TLV_PAGE] = {.kind = BW_MESSAGE_PAGE, .first = 1, .at = IN(page), FIELDS(page)},
    [TLV_PAGE_FACTS] = {.kind = BW_MESSAGE_PAGE, .page = BW_PAGE_FACTS, .at = IN(page), FIELDS(facts)},
    [TLV_PAGE_INTERFACES] = {.kind = BW_MESSAGE_PAGE, .page = BW_PAGE_INTERFACES,
                             LIST(page.count, page.interfaces, BW_PAGE_INTERFACE_ROWS), FIELDS(interface)},
    [TLV_PAGE_PNOTES] = {.kind = BW_MESSAGE_PAGE, .page = BW_PAGE_PNOTES, LIST(page.count, page.pnotes, BW_PAGE_PNOTE_ROWS),
                         FIELDS(pnote)},
    [TLV_PAGE_REQUEST] = {.kind = BW_MESSAGE_PAGE_REQUEST, .first = 1, FIELDS(request)},
    [TLV_FAREWELL] = {.kind = BW_MESSAGE_FAREWELL, .first = 1, FIELDS(farewell)},
    [TLV_STATE_QUERY] = {.kind = BW_MESSAGE_STATE_QUERY, .first = 1},
};

static bool section_applies(const struct section *section, const struct bw_message *message)
{
    if (section->kind && section->kind != message->kind)
        return false;
    return !section->page || section->page == message->page.kind;
}

/* ---- writing ---- */

/* Writes the list's entries beginning with number `start`. Returns how many found no room, or negative errno. */
static int put_entries(struct bw_sink *sink, const struct section *section, const uint8_t *base, unsigned start)
{
    unsigned count = base[section->count_at];
    int left_out = 0;

    if (count > section->capacity)
        return -EINVAL;
    for (unsigned i = 0; i < count; i++) {
        const uint8_t *entry = base + section->at + (size_t)((start + i) % count) * section->stride;
        size_t begin = sink->length;
        int error;

        bw_put_uint(sink, 0, 1);
        error = bw_fields_put(sink, section->fields, section->fields_count, entry);
        if (!error && !sink->full) {
            sink->bytes[begin] = (uint8_t)(sink->length - begin - 1);
        } else if (section->yielding) { /* no such entry may hold a heartbeat back */
            sink->length = begin;
            sink->full = false;
            left_out++;
        } else {
            return error ? error : -ENOSPC;
        }
    }
    return left_out;
}

/* When there is no room for all, others wait in the next turn. */
static int put_list(struct bw_sink *sink, const struct section *section, const uint8_t *base, unsigned turn)
{
    size_t begin = sink->length;
    int result = put_entries(sink, section, base, 0);

    if (result > 0) {
        sink->length = begin;
        result = put_entries(sink, section, base, turn);
    }
    return result < 0 ? result : 0;
}

static int put_section(struct bw_sink *sink, enum tlv type, const uint8_t *base, unsigned turn)
{
    const struct section *section = &sections[type];
    size_t begin = sink->length, length;
    int error;

    bw_put_uint(sink, type, 1);
    bw_put_uint(sink, 0, 2);
    if (sink->full) {
        sink->full = !section->yielding;
        sink->length = begin;
        return section->yielding ? 0 : -ENOSPC;
    }
    if (section->capacity)
        error = put_list(sink, section, base, turn);
    else
        error = bw_fields_put(sink, section->fields, section->fields_count, base + section->at);
    if (error || sink->full)
        return error ? error : -ENOSPC;
    length = sink->length - begin - 3;
    if (section->capacity && length == 0) {
        sink->length = begin; /* nothing to tell */
        return 0;
    }
    sink->bytes[begin + 1] = (uint8_t)(length >> 8);
    sink->bytes[begin + 2] = (uint8_t)length;
    return 0;
}

static int put_body(struct bw_sink *sink, const struct bw_message *message, const struct bw_handshake *handshake)
{
    bool heartbeat = message->kind == BW_MESSAGE_HEARTBEAT;
    unsigned turn = heartbeat ? (unsigned)(message->heartbeat.turn & 0xffff) : 0;
    int first = 0, error = 0;

    for (int type = 1; type < TLVS; type++) {
        if (sections[type].first && sections[type].kind == message->kind)
            first = type;
    }
    if (!first)
        return -EINVAL;
    error = put_section(sink, first, (const uint8_t *)message, 0);
    for (int type = 1; type < TLVS && !error; type++) {
        /* Commands and answers take turns at being the ones that may find no room. */
        int now = type == TLV_COMMANDS && turn & 1 ? TLV_ANSWERS : type == TLV_ANSWERS && turn & 1 ? TLV_COMMANDS : type;
        const struct section *section = &sections[now];

        if (section->first || !section_applies(section, message))
            continue;
        if (now == TLV_HANDSHAKE)
            error = put_section(sink, now, (const uint8_t *)handshake, turn);
        else
            error = put_section(sink, now, (const uint8_t *)message, turn >> 1);
    }
    return error;
}

int bw_ccp_encode_with(const struct bw_message *message, uint8_t cluster, const struct bw_clear_facts *facts,
                       const struct bw_handshake *handshake, uint8_t *buf, size_t cap, size_t *clear_length)
{
    struct bw_sink sink = {.bytes = buf, .cap = cap};
    int error;

    bw_ccp_put_clear(&sink, message, cluster, facts);
    if (sink.full)
        return -ENOSPC;
    *clear_length = sink.length;
    error = put_body(&sink, message, handshake);
    return error ? error : (int)sink.length;
}

int bw_ccp_encode(const struct bw_message *message, uint8_t cluster, const struct bw_clear_facts *facts, uint8_t *buf,
                  size_t cap, size_t *clear_length)
{
    struct bw_handshake handshake = {.count = 0};

    if (message->kind == BW_MESSAGE_HEARTBEAT && message->heartbeat.echoes_count <= BW_MAX_MEMBERS) {
        for (unsigned i = 0; i < message->heartbeat.echoes_count; i++) {
            const struct bw_echo *echo = &message->heartbeat.echoes[i];
            if (echo->challenge)
                handshake.entries[handshake.count++] =
                    (struct bw_handshake_entry){echo->member, BW_HANDSHAKE_CHALLENGE, echo->challenge};
            if (echo->response)
                handshake.entries[handshake.count++] =
                    (struct bw_handshake_entry){echo->member, BW_HANDSHAKE_RESPONSE, echo->response};
        }
    }
    return bw_ccp_encode_with(message, cluster, facts, &handshake, buf, cap, clear_length);
}

/* ---- reading ---- */

static int get_list(struct bw_source *source, const struct section *section, uint8_t *base)
{
    unsigned count = 0;

    while (source->at < source->length) {
        struct bw_source entry = {.bytes = source->bytes, .at = source->at + 1};

        entry.length = entry.at + source->bytes[source->at];
        if (count == section->capacity || entry.length > source->length)
            return -EBADMSG;
        if (bw_fields_get(&entry, section->fields, section->fields_count,
                          base + section->at + (size_t)count * section->stride) != 0)
            return -EBADMSG;
        source->at = entry.length;
        count++;
    }
    base[section->count_at] = (uint8_t)count;
    return 0;
}

/* No member and no group may be told twice; a page must have its content; the supported range must be one. */
static bool consistent(const struct bw_message *message, uint32_t seen)
{
    const struct bw_heartbeat *heartbeat = &message->heartbeat;
    uint64_t members[4] = {0};
    uint32_t groups = 0;

    if (message->kind == BW_MESSAGE_PAGE && message->page.kind == BW_PAGE_FACTS)
        return seen & 1U << TLV_PAGE_FACTS;
    if (message->kind != BW_MESSAGE_HEARTBEAT)
        return true;
    for (unsigned i = 0; i < heartbeat->echoes_count; i++) {
        uint8_t id = heartbeat->echoes[i].member;
        if (members[id / 64] & UINT64_C(1) << id % 64)
            return false;
        members[id / 64] |= UINT64_C(1) << id % 64;
    }
    for (unsigned i = 0; i < heartbeat->groups_count; i++) {
        if (groups & 1U << heartbeat->groups[i].group)
            return false;
        groups |= 1U << heartbeat->groups[i].group;
    }
    return heartbeat->protocol_least <= heartbeat->protocol;
}

static int get_section(struct bw_source *source, unsigned type, struct bw_message *message, struct bw_handshake *handshake,
                       uint32_t *seen)
{
    const struct section *section = &sections[type];
    uint8_t *base = type == TLV_HANDSHAKE ? (uint8_t *)handshake : (uint8_t *)message;

    if (*seen & 1U << type)
        return -EBADMSG;
    if (*seen == 0) {
        if (!section->first)
            return -EBADMSG;
        message->kind = section->kind;
    } else if (section->first || !section_applies(section, message)) {
        return -EBADMSG;
    }
    *seen |= 1U << type;
    if (section->capacity)
        return get_list(source, section, base);
    return bw_fields_get(source, section->fields, section->fields_count, base + section->at);
}

int bw_ccp_decode_with(const uint8_t *bytes, size_t length, struct bw_message *message, struct bw_handshake *handshake)
{
    size_t at = 0;
    uint32_t seen = 0;

    memset(message, 0, sizeof(*message));
    handshake->count = 0;
    while (at < length) {
        struct bw_source source = {.bytes = bytes, .at = at, .length = length};
        unsigned type = (unsigned)bw_get_uint(&source, 1);
        size_t size = bw_get_uint(&source, 2);

        if (source.cut || size > length - source.at)
            return -EBADMSG;
        source.length = at = source.at + size;
        if (type == 0 || (type >= TLVS && seen == 0))
            return -EBADMSG;
        if (type < TLVS && get_section(&source, type, message, handshake, &seen) != 0)
            return -EBADMSG;
    }
    return seen && consistent(message, seen) ? 0 : -EBADMSG;
}

int bw_ccp_decode_body(const uint8_t *bytes, size_t length, struct bw_message *message)
{
    struct bw_handshake handshake;
    int error = bw_ccp_decode_with(bytes, length, message, &handshake);

    if (error || message->kind != BW_MESSAGE_HEARTBEAT)
        return error;
    for (unsigned i = 0; i < handshake.count; i++) {
        for (unsigned j = 0; j < message->heartbeat.echoes_count; j++) {
            struct bw_echo *echo = &message->heartbeat.echoes[j];
            if (echo->member != handshake.entries[i].member)
                continue;
            if (handshake.entries[i].what == BW_HANDSHAKE_CHALLENGE)
                echo->challenge = handshake.entries[i].value;
            else if (handshake.entries[i].what == BW_HANDSHAKE_RESPONSE)
                echo->response = handshake.entries[i].value;
        }
    }
    return 0;
}
