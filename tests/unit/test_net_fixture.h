/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random messages for the tests of agent/net: every value that the wire allows, from a seeded generator.
 */
#ifndef TEST_NET_FIXTURE_H
#define TEST_NET_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/net/net.h"

static uint64_t fixture_state = 0x9e3779b97f4a7c15ULL;

static inline uint64_t fixture_random(void)
{
    fixture_state ^= fixture_state << 13;
    fixture_state ^= fixture_state >> 7;
    fixture_state ^= fixture_state << 17;
    return fixture_state * 0x2545f4914f6cdd1dULL;
}

/* least … most, both included */
static inline uint64_t fixture_between(uint64_t least, uint64_t most)
{
    return least + fixture_random() % (most - least + 1);
}

static inline void fixture_text(char *text, size_t cap, bool longest)
{
    size_t length = longest ? cap - 1 : fixture_between(0, cap - 1), at = 0;

    while (at < length) {
        if (length - at >= 2 && fixture_between(0, 9) == 0) {
            memcpy(text + at, "\xc3\xa9", 2);
            at += 2;
        } else {
            text[at++] = (char)fixture_between(' ', '~');
        }
    }
    text[at] = '\0';
}

static inline void fixture_boot(struct bw_boot_id *boot)
{
    for (size_t i = 0; i < sizeof(boot->bytes); i++)
        boot->bytes[i] = (uint8_t)fixture_random();
    boot->bytes[0] |= 1;
}

static inline void fixture_group(struct bw_group_part *group, uint8_t index, uint64_t epoch)
{
    group->group = index;
    group->flags = (uint8_t)fixture_between(0, 15);
    group->order = (uint8_t)fixture_random();
    group->holder = (uint8_t)fixture_between(0, 254);
    group->epoch = epoch;
    group->hold_epoch = fixture_between(0, 1) ? 0 : epoch - fixture_between(0, epoch < 1000 ? epoch : 1000);
    group->holder_epoch = epoch - fixture_between(0, epoch < 100 ? epoch : 100);
    group->claim_epoch = fixture_between(0, 1) ? 0 : epoch;
    group->confirm_member = (uint8_t)fixture_between(0, 254);
    group->refuse_member = (uint8_t)fixture_between(0, 254);
    group->refuse_reason = (uint8_t)fixture_between(0, BW_REFUSAL_NOT_IN_VIEW);
    group->cause = (uint8_t)fixture_between(0, BW_CAUSE_LAST);
    group->confirm_epoch = fixture_between(0, UINT64_C(1) << fixture_between(0, 61));
    group->name = (uint16_t)fixture_random();
    group->refuse_epoch = epoch - fixture_between(0, epoch < 3 ? epoch : 3);
}

static inline void fixture_command(struct bw_command *command, bool longest)
{
    command->target = (uint8_t)fixture_between(1, 254);
    command->number = (uint32_t)fixture_between(1, UINT32_MAX);
    command->kind = (uint8_t)fixture_between(BW_REQUEST_ADMIN, BW_REQUEST_COUNTERS_RESET);
    command->group = (uint8_t)fixture_between(0, BW_MAX_GROUPS);
    command->admin = (uint8_t)fixture_between(0, BW_ADMIN_FORCE_DOWN);
    command->member = (uint8_t)fixture_between(0, 254);
    fixture_text(command->who, sizeof(command->who), longest);
}

static inline void fixture_answer(struct bw_command_answer *answer, bool longest)
{
    answer->asker = (uint8_t)fixture_between(1, 254);
    fixture_boot(&answer->asker_boot);
    answer->number = (uint32_t)fixture_between(1, UINT32_MAX);
    answer->result = (uint8_t)fixture_between(BW_RESULT_DONE, BW_RESULT_BUSY);
    fixture_text(answer->text, sizeof(answer->text), longest);
}

static inline void fixture_heartbeat(struct bw_message *message, unsigned echoes, unsigned groups, unsigned commands,
                                     unsigned answers)
{
    struct bw_heartbeat *h = &message->heartbeat;

    memset(message, 0, sizeof(*message));
    message->kind = BW_MESSAGE_HEARTBEAT;
    h->turn = fixture_random();
    h->state = (uint8_t)fixture_between(BW_MEMBER_INITIALIZING, BW_MEMBER_UNREACHABLE);
    h->admin = (uint8_t)fixture_between(BW_ADMIN_UP, BW_ADMIN_FORCE_DOWN);
    h->mode = (uint8_t)fixture_between(BW_MODE_HA, BW_MODE_SERVICE);
    h->recovery = (uint8_t)fixture_between(BW_RECOVERY_ACTIVE_UP, BW_RECOVERY_PRIMARY_UP);
    h->flags = (uint16_t)fixture_random();
    h->protocol = (uint16_t)fixture_between(5, 9);
    h->protocol_least = (uint16_t)fixture_between(1, 5);
    h->interfaces_up = (uint8_t)fixture_between(0, BW_MAX_INTERFACES);
    h->interfaces_required = (uint8_t)fixture_between(0, BW_MAX_INTERFACES);
    h->secured_up = (uint8_t)fixture_between(0, BW_MAX_INTERFACES);
    h->secured_required = (uint8_t)fixture_between(0, BW_MAX_INTERFACES);
    h->interfaces_down = (uint16_t)fixture_random();
    h->interval_us = (uint32_t)fixture_random();
    h->config_digest = fixture_random();
    h->priority = (uint8_t)fixture_random();
    h->echoes_count = (uint8_t)echoes;
    for (unsigned i = 0; i < echoes; i++) {
        h->echoes[i].member = (uint8_t)(1 + i * 3);
        fixture_boot(&h->echoes[i].boot);
        h->echoes[i].heard_on = (uint16_t)fixture_random();
        h->echoes[i].turn = fixture_random() >> fixture_between(0, 63);
        h->echoes[i].held_us = (uint32_t)fixture_random();
    }
    h->groups_count = (uint8_t)groups;
    for (unsigned i = 0; i < groups; i++)
        fixture_group(&h->groups[i], (uint8_t)(groups - 1 - i), fixture_random() >> fixture_between(2, 63));
    h->commands_count = (uint8_t)commands;
    for (unsigned i = 0; i < commands; i++)
        fixture_command(&h->commands[i], false);
    h->answers_count = (uint8_t)answers;
    for (unsigned i = 0; i < answers; i++)
        fixture_answer(&h->answers[i], false);
    h->pages_count = (uint8_t)fixture_between(0, BW_MAX_PAGES);
    for (unsigned i = 0; i < h->pages_count; i++)
        h->page_digests[i] = (uint32_t)fixture_random();
    h->wishes_count = (uint8_t)fixture_between(0, groups);
    for (unsigned i = 0; i < h->wishes_count; i++)
        h->wishes[i] = (struct bw_group_wish){.group = (uint8_t)i,
                                              .deny = (uint8_t)fixture_between(0, BW_DENY_LAST),
                                              .wish = fixture_between(0, 1000)};
}

static inline void fixture_interface(struct bw_interface_row *row, bool longest)
{
    row->index = (uint32_t)fixture_between(1, BW_MAX_INTERFACES);
    fixture_text(row->name, sizeof(row->name), longest);
    fixture_text(row->device, sizeof(row->device), longest);
    row->role = (uint32_t)fixture_between(BW_ROLE_CLUSTER, BW_ROLE_DISCONNECTED);
    row->state = (uint32_t)fixture_between(BW_INTERFACE_UP, BW_INTERFACE_UNKNOWN);
    row->receive = (uint32_t)fixture_between(BW_DIRECTION_UP, BW_DIRECTION_DOWN);
    row->transmit = (uint32_t)fixture_between(BW_DIRECTION_UP, BW_DIRECTION_DOWN);
    row->link = fixture_between(0, 1);
    row->transport = (uint32_t)fixture_between(BW_TRANSPORT_MULTICAST, BW_TRANSPORT_UNICAST);
    row->silence_ns = fixture_random();
    row->frames_sent = fixture_random();
    row->frames_received = fixture_random();
    row->send_errors = fixture_random();
}

static inline void fixture_pnote(struct bw_pnote_row *row, bool longest)
{
    fixture_text(row->name, sizeof(row->name), longest);
    row->kind = (uint32_t)fixture_between(BW_PNOTE_BUILTIN, BW_PNOTE_USER);
    row->status = (uint32_t)fixture_between(BW_PNOTE_OK, BW_PNOTE_UNKNOWN);
    row->timeout_ns = fixture_random();
    row->age_ns = fixture_random();
    row->persistent = fixture_between(0, 1);
    fixture_text(row->detail, sizeof(row->detail), longest);
}

static inline void fixture_resource(struct bw_resource_row *row, bool longest)
{
    fixture_text(row->name, sizeof(row->name), longest);
    row->group = (uint32_t)fixture_between(1, BW_MAX_GROUPS);
    row->index = (uint32_t)fixture_between(1, BW_MAX_RESOURCES);
    row->kind = (uint32_t)fixture_between(BW_RESOURCE_FIP, BW_RESOURCE_EXEC);
    row->state = (uint32_t)fixture_between(BW_GROUP_ONLINE, BW_GROUP_UNKNOWN);
    row->recovery = (uint32_t)fixture_between(BW_ON_FAILURE_IGNORE, BW_ON_FAILURE_FAILOVER);
    row->retries = (uint32_t)fixture_between(0, 255);
    row->retries_left = (uint32_t)fixture_between(0, 255);
    row->since_wall = (int64_t)fixture_random();
    fixture_text(row->detail, sizeof(row->detail), longest);
}

/* longest: all rows, all texts as long as may be. */
static inline void fixture_page(struct bw_message *message, enum bw_page_kind kind, bool longest)
{
    struct bw_page *page = &message->page;

    memset(message, 0, sizeof(*message));
    message->kind = BW_MESSAGE_PAGE;
    page->kind = kind;
    page->number = (uint8_t)fixture_between(0, BW_MAX_PAGES - 1);
    page->digest = (uint32_t)fixture_random();
    switch (kind) {
    case BW_PAGE_FACTS:
        page->count = 1;
        fixture_text(page->facts.version, sizeof(page->facts.version), longest);
        fixture_text(page->facts.reason, sizeof(page->facts.reason), longest);
        fixture_text(page->facts.reason_source, sizeof(page->facts.reason_source), longest);
        fixture_text(page->facts.admin_by, sizeof(page->facts.admin_by), longest);
        page->facts.admin_since_wall = (int64_t)fixture_random();
        page->facts.since_wall = (int64_t)fixture_random();
        page->facts.heartbeats_sent = fixture_random();
        break;
    case BW_PAGE_INTERFACES:
        page->count = (uint8_t)(longest ? BW_PAGE_INTERFACE_ROWS : fixture_between(0, BW_PAGE_INTERFACE_ROWS));
        for (unsigned i = 0; i < page->count; i++)
            fixture_interface(&page->interfaces[i], longest);
        break;
    case BW_PAGE_PNOTES:
        page->count = (uint8_t)(longest ? BW_PAGE_PNOTE_ROWS : fixture_between(0, BW_PAGE_PNOTE_ROWS));
        for (unsigned i = 0; i < page->count; i++)
            fixture_pnote(&page->pnotes[i], longest);
        break;
    case BW_PAGE_RESOURCES:
        page->count = (uint8_t)(longest ? BW_PAGE_RESOURCE_ROWS : fixture_between(0, BW_PAGE_RESOURCE_ROWS));
        for (unsigned i = 0; i < page->count; i++)
            fixture_resource(&page->resources[i], longest);
        break;
    }
}

#define FIXTURE_MESSAGES 8

/* One message of each kind: 0 heartbeat, 1-3 pages, 4 page request, 5 farewell, 6 state query, 7 a page of resources. */
static inline void fixture_message(struct bw_message *message, unsigned which)
{
    switch (which) {
    case 0:
        fixture_heartbeat(message, (unsigned)fixture_between(0, 8), (unsigned)fixture_between(0, 5),
                          (unsigned)fixture_between(0, 2), (unsigned)fixture_between(0, 1));
        return;
    case 1:
    case 2:
    case 3:
        fixture_page(message, (enum bw_page_kind)which, false);
        return;
    case 7:
        fixture_page(message, BW_PAGE_RESOURCES, false);
        return;
    default:
        memset(message, 0, sizeof(*message));
        break;
    }
    if (which == 4) {
        message->kind = BW_MESSAGE_PAGE_REQUEST;
        message->page_request.target = (uint8_t)fixture_between(1, 254);
        message->page_request.wanted = (uint32_t)fixture_between(1, 0xffff);
    } else if (which == 5) {
        message->kind = BW_MESSAGE_FAREWELL;
        message->farewell.member = (uint8_t)fixture_between(1, 254);
        fixture_boot(&message->farewell.over);
    } else {
        message->kind = BW_MESSAGE_STATE_QUERY;
    }
}

static inline void fixture_facts(struct bw_clear_facts *facts, unsigned members)
{
    memset(facts, 0, sizeof(*facts));
    facts->members_count = (uint8_t)members;
    for (unsigned i = 0; i < members; i++) {
        facts->member_ids[i] = (uint8_t)(i + 1);
        facts->states[i] = (uint8_t)fixture_between(BW_MEMBER_INITIALIZING, BW_MEMBER_UNREACHABLE);
        facts->last_heard[i] = (uint8_t)fixture_random();
    }
    facts->mode = BW_MODE_HA;
    facts->interval_ms = 100;
    facts->interfaces_up = 3;
    facts->interfaces_required = 4;
}

#endif
