/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The TLVs of a CCP body, as a table: which part of a message each carries, field by field. Numbers are on the wire:
 * append only.
 */
#ifndef BELLWETHER_NET_SECTIONS_H
#define BELLWETHER_NET_SECTIONS_H

#include "agent/net/ccp.h"

enum bw_tlv {
    BW_TLV_HEARTBEAT = 1,
    BW_TLV_ECHOES,
    BW_TLV_GROUPS,
    BW_TLV_DIGESTS,
    BW_TLV_HANDSHAKE,
    BW_TLV_COMMANDS,
    BW_TLV_ANSWERS,
    BW_TLV_PAGE,
    BW_TLV_PAGE_FACTS,
    BW_TLV_PAGE_INTERFACES,
    BW_TLV_PAGE_PNOTES,
    BW_TLV_PAGE_REQUEST,
    BW_TLV_FAREWELL,
    BW_TLV_STATE_QUERY,
    BW_TLV_WISHES,
    BW_TLV_PAGE_RESOURCES,
    BW_TLVS,
};

/* One TLV: which part of struct bw_message (or of the handshake) it carries. */
struct bw_section {
    uint8_t kind;      /* enum bw_message_kind that has it; 0 = every kind (the handshake) */
    uint8_t page;      /* enum bw_page_kind that has it, 0 = all */
    uint8_t first;     /* it is the first TLV of its kind of message */
    uint8_t capacity;  /* of a list; 0 = a single structure */
    uint16_t count_at; /* where the list's length is (uint8_t) */
    uint16_t at;       /* where the structure or the list is */
    uint16_t stride;   /* bytes of an entry in memory */
    uint8_t fields_count;
    uint8_t fields_least; /* those that every version writes; 0 = all of them */
    bool yielding; /* entries that find no room wait for the next frame */
    const struct bw_field *fields;
};

static inline size_t bw_section_least(const struct bw_section *section)
{
    return section->fields_least != 0 ? section->fields_least : section->fields_count;
}

/* By TLV number, in the order in which they are written, after all that must be there what may wait. */
extern const struct bw_section bw_sections[BW_TLVS];

#endif
