/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The clear part of a CCP frame: the layout that public analysers read as CPHA version 650. Pure.
 *
 * Header, 16 bits each: magic, version, cluster, opcode, interface (1 = first), random id, sender, target, policy id,
 * filler. Then in MY_STATE, 16 bits each: number of ids, report code, HA mode, time unit in ms; with bit 0 of the code
 * a state byte for each id; with bit 1 interfaces up in, assumed up in, up out, assumed up out, and for each id how
 * long ago it was heard. QUERY_STATE and SYNC have no more than the header.
 */
#include "agent/net/ccp.h"

#include <errno.h>
#include <string.h>

#define MAGIC             0x1a90
#define VERSION           650
#define HEADER_BYTES      20
#define INTERFACE_AT      8
#define REPORT_STATES     1
#define REPORT_INTERFACES 2
#define IDS_MAX           254
#define LAST_HEARD_MAX    127 /* analysers show it as a signed byte */

/* The analysers' numbers for member states. */
static const uint8_t state_codes[] = {
    [BW_MEMBER_INITIALIZING] = 1, [BW_MEMBER_READY] = 3, [BW_MEMBER_STANDBY] = 2,     [BW_MEMBER_ACTIVE] = 4,
    [BW_MEMBER_ATTENTION] = 4,    [BW_MEMBER_DOWN] = 0,  [BW_MEMBER_UNREACHABLE] = 0,
};

/* And for modes: 1 not active, 2 more than one active, 3 the higher rank takes back, 4 whoever is up stays. */
static uint16_t mode_code(const struct bw_message *message, const struct bw_clear_facts *facts)
{
    unsigned recovery;

    if (!facts)
        return 1;
    if (facts->mode == BW_MODE_LS_MULTICAST || facts->mode == BW_MODE_LS_UNICAST)
        return 2;
    recovery = message->kind == BW_MESSAGE_HEARTBEAT ? message->heartbeat.recovery : facts->recovery;
    return recovery == BW_RECOVERY_PRIMARY_UP ? 3 : 4;
}

static uint16_t opcode_of(const struct bw_message *message)
{
    bool query = message->kind == BW_MESSAGE_STATE_QUERY || message->kind == BW_MESSAGE_PAGE_REQUEST;

    return query ? BW_CCP_OPCODE_QUERY : BW_CCP_OPCODE_STATE;
}

static void put_state(struct bw_sink *sink, const struct bw_message *message, const struct bw_clear_facts *facts)
{
    unsigned ids = !facts ? 0 : facts->members_count < BW_MAX_MEMBERS ? facts->members_count : BW_MAX_MEMBERS;

    bw_put_uint(sink, ids, 2);
    bw_put_uint(sink, ids ? REPORT_STATES | REPORT_INTERFACES : REPORT_INTERFACES, 2);
    bw_put_uint(sink, mode_code(message, facts), 2);
    bw_put_uint(sink, facts ? facts->interval_ms : 0, 2);
    for (unsigned i = 0; i < ids; i++) {
        unsigned state = facts->states[i];
        bw_put_uint(sink, state < sizeof(state_codes) ? state_codes[state] : 0, 1);
    }
    for (unsigned direction = 0; direction < 2; direction++) {
        bw_put_uint(sink, facts ? facts->interfaces_up : 0, 1);
        bw_put_uint(sink, 0, 1);
    }
    for (unsigned i = 0; i < ids; i++)
        bw_put_uint(sink, facts->last_heard[i] < LAST_HEARD_MAX ? facts->last_heard[i] : LAST_HEARD_MAX, 1);
}

void bw_ccp_put_clear(struct bw_sink *sink, const struct bw_message *message, uint8_t cluster,
                      const struct bw_clear_facts *facts)
{
    uint16_t opcode = opcode_of(message);
    bool directed = message->kind == BW_MESSAGE_PAGE_REQUEST;

    bw_put_uint(sink, MAGIC, 2);
    bw_put_uint(sink, VERSION, 2);
    bw_put_uint(sink, cluster, 2);
    bw_put_uint(sink, opcode, 2);
    bw_put_uint(sink, message->interface + 1U, 2);
    bw_put_bytes(sink, message->boot.bytes, 2); /* random id: tells incarnations apart, for people */
    bw_put_uint(sink, message->sender, 2);
    bw_put_uint(sink, directed ? message->page_request.target : BW_CCP_TARGET_ALL, 2);
    bw_put_uint(sink, 0, 4); /* policy id, filler */
    if (opcode == BW_CCP_OPCODE_STATE)
        put_state(sink, message, facts);
}

void bw_ccp_set_interface(uint8_t *clear, uint8_t interface)
{
    clear[INTERFACE_AT] = 0;
    clear[INTERFACE_AT + 1] = (uint8_t)(interface + 1);
}

void bw_ccp_put_sync_clear(struct bw_sink *sink, uint8_t cluster, uint8_t interface, uint8_t sender,
                           const struct bw_boot_id *boot)
{
    bw_put_uint(sink, MAGIC, 2);
    bw_put_uint(sink, VERSION, 2);
    bw_put_uint(sink, cluster, 2);
    bw_put_uint(sink, BW_CCP_OPCODE_SYNC, 2);
    bw_put_uint(sink, interface + 1U, 2);
    bw_put_bytes(sink, boot->bytes, 2);
    bw_put_uint(sink, sender, 2);
    bw_put_uint(sink, BW_CCP_TARGET_ALL, 2);
    bw_put_uint(sink, 0, 4); /* policy id, filler */
}

/* Skips what MY_STATE says: our members tell each other more in the sealed part. */
static int skip_state(struct bw_source *source)
{
    uint64_t ids = bw_get_uint(source, 2), code = bw_get_uint(source, 2);
    uint64_t skipped = 4; /* mode, time unit */

    if (source->cut || ids > IDS_MAX || code > (REPORT_STATES | REPORT_INTERFACES))
        return -EBADMSG;
    if (code & REPORT_STATES)
        skipped += ids;
    if (code & REPORT_INTERFACES)
        skipped += 4 + ids;
    if (skipped > source->length - source->at)
        return -EBADMSG;
    source->at += skipped;
    return 0;
}

int bw_ccp_decode_clear(const uint8_t *bytes, size_t length, struct bw_clear *clear)
{
    struct bw_source source = {.bytes = bytes, .length = length};
    uint64_t magic, version;

    magic = bw_get_uint(&source, 2);
    version = bw_get_uint(&source, 2);
    clear->cluster = bw_get_uint(&source, 2);
    clear->opcode = bw_get_uint(&source, 2);
    clear->interface = bw_get_uint(&source, 2);
    bw_get_uint(&source, 2);
    clear->sender = bw_get_uint(&source, 2);
    clear->target = bw_get_uint(&source, 2);
    bw_get_uint(&source, 4);
    clear->length = HEADER_BYTES;
    if (source.cut || magic != MAGIC)
        return -EBADMSG;
    if (version != VERSION || !bw_ccp_id_plausible(clear->cluster))
        return -EPROTO;
    if (!bw_ccp_id_plausible(clear->sender) ||
        !(clear->target == BW_CCP_TARGET_ALL || bw_ccp_id_plausible(clear->target)))
        return -EBADMSG;
    if (clear->interface < 1 || clear->interface > BW_MAX_INTERFACES)
        return -EBADMSG;
    switch (clear->opcode) {
    case BW_CCP_OPCODE_STATE:
        if (skip_state(&source) != 0)
            return -EBADMSG;
        break;
    case BW_CCP_OPCODE_QUERY:
    case BW_CCP_OPCODE_SYNC:
        break;
    default:
        return -EBADMSG;
    }
    clear->length = (uint16_t)source.at;
    return 0;
}
