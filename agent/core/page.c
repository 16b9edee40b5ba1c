/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pages: how every member comes to show all members' facts, interfaces and pnotes. Own pages go out
 * on change, on request, and one per interval in turn; digests ride in every heartbeat, and whoever
 * holds something else asks.
 */
#include "agent/core/core_private.h"

#define PAGES_AT_ONCE 4
#define PAGES_EVERY_LEAST_NS (100 * BW_MS)

static void fill_interface(const struct bw_core *core, uint8_t i, struct bw_interface_row *row)
{
    const struct bw_core_interface *f = &core->interfaces[i];
    const struct bw_interface_config *config = &core->config->interfaces[i];

    memset(row, 0, sizeof(*row));
    row->member = bw_core_id(core, core->self);
    row->index = i + 1U;
    bw_copy(row->name, sizeof(row->name), config->name);
    bw_copy(row->device, sizeof(row->device), core->config->members[core->self].device[i]);
    row->role = config->role;
    row->state = f->state;
    row->receive = f->receive ? BW_DIRECTION_UP : BW_DIRECTION_DOWN;
    row->transmit = f->transmit ? BW_DIRECTION_UP : BW_DIRECTION_DOWN;
    row->link = f->link;
    row->transport = config->transport;
    row->silence_ns = core->now_ns - (f->heard_ns != 0 ? f->heard_ns : core->start_ns);
}

static void fill_pnote(const struct bw_core *core, uint32_t i, struct bw_pnote_row *row)
{
    const struct bw_core_pnote *p = &core->pnotes[i];

    memset(row, 0, sizeof(*row));
    row->member = bw_core_id(core, core->self);
    bw_copy(row->name, sizeof(row->name), p->name);
    row->kind = p->kind;
    row->status = p->status;
    row->timeout_ns = p->timeout_ns;
    row->age_ns = core->now_ns - p->reported_ns;
    row->persistent = p->persistent;
    bw_copy(row->detail, sizeof(row->detail), p->detail);
}

static uint32_t pnote_pages(const struct bw_core *core)
{
    return (core->pnotes_count + BW_PAGE_PNOTE_ROWS - 1) / BW_PAGE_PNOTE_ROWS;
}

/* Own ones, from the first-th on; with page NULL they are only counted. */
static uint32_t fill_resources(const struct bw_core *core, uint32_t first, struct bw_page *page)
{
    const struct bw_resource_row *rows = core->members[core->self].resources;
    uint32_t found = 0;

    for (uint32_t i = 0; i < BW_MAX_RESOURCES; i++)
        if (rows[i].state != 0 && found++ >= first && page != NULL && page->count < BW_PAGE_RESOURCE_ROWS)
            page->resources[page->count++] = rows[i];
    return found;
}

static void fill_facts(const struct bw_core *core, struct bw_page *page)
{
    const struct bw_core_member *m = &core->members[core->self];

    memset(&page->facts, 0, sizeof(page->facts));
    page->count = 1;
    bw_copy(page->facts.version, sizeof(page->facts.version), core->version);
    bw_copy(page->facts.reason, sizeof(page->facts.reason), m->reason);
    bw_copy(page->facts.reason_source, sizeof(page->facts.reason_source), m->source);
    bw_copy(page->facts.admin_by, sizeof(page->facts.admin_by), core->admin_by);
    page->facts.admin_since_wall = core->admin_since_wall;
    page->facts.since_wall = m->since_wall;
    page->facts.heartbeats_sent = core->sent;
}

void bw_core_fill_page(const struct bw_core *core, uint8_t number, struct bw_page *page)
{
    page->number = number;
    page->count = 0;
    if (number == 0) {
        page->kind = BW_PAGE_FACTS;
        fill_facts(core, page);
    } else if (number < 3) {
        page->kind = BW_PAGE_INTERFACES;
        for (uint32_t i = (number - 1U) * BW_PAGE_INTERFACE_ROWS;
             i < core->config->interfaces_count && page->count < BW_PAGE_INTERFACE_ROWS; i++)
            fill_interface(core, (uint8_t)i, &page->interfaces[page->count++]);
    } else if (number >= 3 + pnote_pages(core)) {
        page->kind = BW_PAGE_RESOURCES;
        fill_resources(core, (number - 3U - pnote_pages(core)) * BW_PAGE_RESOURCE_ROWS, page);
    } else {
        page->kind = BW_PAGE_PNOTES;
        for (uint32_t i = (number - 3U) * BW_PAGE_PNOTE_ROWS; i < core->pnotes_count && page->count < BW_PAGE_PNOTE_ROWS; i++)
            fill_pnote(core, i, &page->pnotes[page->count++]);
    }
    page->digest = bw_core_page_digest(page);
}

static uint64_t hash_number(uint64_t hash, uint64_t number)
{
    uint8_t bytes[8];

    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(number >> (8 * i));
    return bw_hash(hash, bytes, sizeof(bytes));
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
    return bw_hash(hash, text, strlen(text) + 1);
}

static uint64_t hash_interface(uint64_t hash, const struct bw_interface_row *row)
{
    hash = hash_number(hash, row->index);
    hash = hash_text(hash_text(hash, row->name), row->device);
    hash = hash_number(hash, (uint64_t)row->role << 32 | row->state);
    return hash_number(hash, (uint64_t)row->receive << 32 | row->transmit << 16 | row->transport << 1 | row->link);
}

static uint64_t hash_pnote(uint64_t hash, const struct bw_pnote_row *row)
{
    hash = hash_text(hash_text(hash, row->name), row->detail);
    hash = hash_number(hash, (uint64_t)row->kind << 32 | row->status << 1 | row->persistent);
    return hash_number(hash, row->timeout_ns);
}

static uint64_t hash_resource(uint64_t hash, const struct bw_resource_row *row)
{
    hash = hash_text(hash_text(hash, row->name), row->detail);
    hash = hash_number(hash, (uint64_t)row->group << 48 | (uint64_t)row->index << 32 | row->kind << 16 | row->state << 8 | row->recovery);
    return hash_number(hash_number(hash, (uint64_t)row->retries << 32 | row->retries_left), (uint64_t)row->since_wall);
}

uint32_t bw_core_page_digest(const struct bw_page *page)
{
    uint64_t hash = hash_number(BW_HASH_START, (uint64_t)page->number << 16 | (uint64_t)page->kind << 8 | page->count);
    uint32_t digest;

    if (page->kind == BW_PAGE_FACTS) {
        hash = hash_text(hash_text(hash, page->facts.version), page->facts.reason);
        hash = hash_text(hash_text(hash, page->facts.reason_source), page->facts.admin_by);
        hash = hash_number(hash_number(hash, (uint64_t)page->facts.admin_since_wall), (uint64_t)page->facts.since_wall);
    }
    for (uint8_t i = 0; i < page->count; i++) {
        if (page->kind == BW_PAGE_INTERFACES)
            hash = hash_interface(hash, &page->interfaces[i]);
        else if (page->kind == BW_PAGE_PNOTES)
            hash = hash_pnote(hash, &page->pnotes[i]);
        else if (page->kind == BW_PAGE_RESOURCES)
            hash = hash_resource(hash, &page->resources[i]);
    }
    digest = (uint32_t)(hash ^ hash >> 32);
    return digest != 0 ? digest : 1; /* 0 = nothing held */
}

void bw_core_page(struct bw_core *core, uint8_t number, struct bw_message *message)
{
    message->kind = BW_MESSAGE_PAGE;
    message->sender = bw_core_id(core, core->self);
    message->boot = core->boot;
    message->sequence = 0;
    bw_core_fill_page(core, number, &message->page);
}

/* ---- of others ---- */

static bool page_is_sound(const struct bw_page *page)
{
    static const uint8_t most[] = {[BW_PAGE_FACTS] = 1, [BW_PAGE_INTERFACES] = BW_PAGE_INTERFACE_ROWS,
                                   [BW_PAGE_PNOTES] = BW_PAGE_PNOTE_ROWS, [BW_PAGE_RESOURCES] = BW_PAGE_RESOURCE_ROWS};
    enum bw_page_kind wanted = page->number == 0                    ? BW_PAGE_FACTS
                               : page->number < 3                   ? BW_PAGE_INTERFACES
                               : page->kind == BW_PAGE_RESOURCES ? BW_PAGE_RESOURCES
                                                                    : BW_PAGE_PNOTES;

    return page->number < BW_MAX_PAGES && page->kind == wanted && page->count <= most[page->kind];
}

/* Each has its place by its index; what came with this page before is gone. */
static void take_resources(struct bw_core_member *m, const struct bw_page *page)
{
    for (uint32_t i = 0; i < BW_MAX_RESOURCES; i++)
        if (m->resource_pages[i] == page->number)
            m->resources[i].state = 0;
    for (uint8_t i = 0; page->kind == BW_PAGE_RESOURCES && i < page->count; i++) {
        uint32_t at = page->resources[i].index - 1;

        if (at >= BW_MAX_RESOURCES)
            continue;
        m->resources[at] = page->resources[i];
        m->resource_pages[at] = page->number;
    }
}

void bw_core_page_heard(struct bw_core *core, uint8_t member, const struct bw_page *page)
{
    struct bw_core_member *m = &core->members[member];
    uint32_t digest;

    if (!page_is_sound(page))
        return;
    digest = bw_core_page_digest(page);
    if (digest != m->pages_held[page->number])
        core->dirty = true;
    m->pages_held[page->number] = digest;
    m->pages_ns[page->number] = core->now_ns;
    m->rows_count[page->number] = page->count;
    m->rows_kind[page->number] = page->kind;
    if (page->number >= 3)
        take_resources(m, page);
    if (page->kind == BW_PAGE_FACTS) {
        bw_copy(m->version, sizeof(m->version), page->facts.version);
        bw_copy(m->facts_reason, sizeof(m->facts_reason), page->facts.reason);
        bw_copy(m->facts_source, sizeof(m->facts_source), page->facts.reason_source);
        bw_copy(m->admin_by, sizeof(m->admin_by), page->facts.admin_by);
        m->admin_since_wall = page->facts.admin_since_wall;
        m->facts_since_wall = page->facts.since_wall;
    } else if (page->kind == BW_PAGE_INTERFACES) {
        memcpy(&m->interfaces[(page->number - 1) * BW_PAGE_INTERFACE_ROWS], page->interfaces,
               page->count * sizeof(page->interfaces[0]));
    } else if (page->kind == BW_PAGE_PNOTES) {
        memcpy(&m->pnotes[(page->number - 3) * BW_PAGE_PNOTE_ROWS], page->pnotes, page->count * sizeof(page->pnotes[0]));
    }
}

void bw_core_page_asked(struct bw_core *core, uint32_t wanted)
{
    core->pages_wanted |= wanted & ((1U << core->pages_count) - 1);
}

/* ---- own ---- */

static void renew_digests(struct bw_core *core)
{
    uint32_t resources = fill_resources(core, 0, NULL);
    uint32_t count = 3 + pnote_pages(core) + (resources + BW_PAGE_RESOURCE_ROWS - 1) / BW_PAGE_RESOURCE_ROWS;
    struct bw_page page;

    core->pages_dirty = false;
    core->pages_count = (uint8_t)(count < BW_MAX_PAGES ? count : BW_MAX_PAGES);
    for (uint8_t i = 0; i < core->pages_count; i++) {
        bw_core_fill_page(core, i, &page);
        if (page.digest != core->page_digests[i])
            core->pages_wanted |= 1U << i;
        core->page_digests[i] = page.digest;
    }
}

static void send_page(struct bw_core *core, uint8_t number, uint16_t interfaces)
{
    struct bw_output *out = bw_core_put(core, BW_OUTPUT_PAGE);

    out->number = number;
    out->interfaces = interfaces;
}

static void send_wanted(struct bw_core *core)
{
    int sent = 0;

    for (uint8_t i = 0; i < BW_MAX_PAGES && sent < PAGES_AT_ONCE; i++) {
        if (!(core->pages_wanted >> i & 1))
            continue;
        core->pages_wanted &= ~(1U << i);
        send_page(core, i, bw_core_send_mask(core));
        sent++;
    }
    if (core->pages_wanted != 0)
        bw_core_due(core, core->now_ns + core->config->interval_ns / 4);
}

/* One page per interval in turn, ten a second at most, on one interface in turn. */
static void send_in_turn(struct bw_core *core)
{
    uint16_t mask = bw_core_send_mask(core);

    /* Changes and requests are answered at once anyway: this is the slow refresh of ages, and of whoever missed all else. */
    if (core->now_ns < core->page_due_ns)
        return;
    core->page_due_ns = core->now_ns + PAGES_EVERY_LEAST_NS;
    core->page_turn = (uint8_t)((core->page_turn + 1) % core->pages_count);
    if (core->page_turn == 0 || core->page_interface >= core->config->interfaces_count)
        core->page_interface = (uint8_t)((core->page_interface + 1) % (core->config->interfaces_count + 1));
    for (uint8_t i = 0; mask != 0 && i < core->config->interfaces_count; i++) {
        uint8_t at = (uint8_t)((core->page_interface + i) % core->config->interfaces_count);

        if (mask >> at & 1) {
            send_page(core, core->page_turn, (uint16_t)(1U << at));
            return;
        }
    }
}

static void ask_for_pages(struct bw_core *core)
{
    for (uint8_t i = 0; i < core->count; i++) {
        struct bw_core_member *m = &core->members[i];
        struct bw_output *out;
        uint32_t wanted = 0;

        for (uint8_t k = 0; m->in_view && k < m->pages_count; k++)
            if (m->pages_told[k] != m->pages_held[k])
                wanted |= 1U << k;
        if (wanted == 0)
            continue;
        if (m->pages_asked_ns != 0 && core->now_ns - m->pages_asked_ns < core->config->interval_ns) {
            bw_core_due(core, m->pages_asked_ns + core->config->interval_ns);
            continue;
        }
        m->pages_asked_ns = core->now_ns;
        out = bw_core_put(core, BW_OUTPUT_PAGE_REQUEST);
        out->member = bw_core_id(core, i);
        out->number = wanted;
        out->interfaces = bw_core_send_mask(core);
    }
}

void bw_core_pages_run(struct bw_core *core, bool regular)
{
    bool heard = !bw_core_quiet(core) && bw_core_speaks(core); /* is anybody to hear of us? */

    if (core->pages_dirty || core->pages_count == 0)
        renew_digests(core);
    if (!heard)
        return;
    if (regular) {
        send_in_turn(core);
        return;
    }
    if (core->pages_wanted != 0)
        send_wanted(core);
    ask_for_pages(core);
}
