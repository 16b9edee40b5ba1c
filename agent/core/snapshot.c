/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Everything that the core knows, as rows of the model. Rows come out sorted by index, each index once. */
#include "agent/core/core_private.h"

/* Order of versions: by their numbers, part by part. */
static int version_compare(const char *a, const char *b)
{
    while (*a != '\0' || *b != '\0') {
        unsigned x = 0, y = 0;

        for (; *a >= '0' && *a <= '9'; a++)
            x = x * 10 + (unsigned)(*a - '0');
        for (; *b >= '0' && *b <= '9'; b++)
            y = y * 10 + (unsigned)(*b - '0');
        if (x != y)
            return x < y ? -1 : 1;
        if (*a != *b)
            return *a < *b ? -1 : 1;
        a += *a != '\0';
        b += *b != '\0';
    }
    return 0;
}

/* Of every group that runs. */
static void fill_takeover(const struct bw_core *core, struct bw_cluster_row *row)
{
    char obstacle[BW_TEXT_MAX];

    row->takeover_possible = true;
    for (uint8_t g = 0; g < core->config->groups_count && row->takeover_possible; g++) {
        if (g > 0 && bw_core_stopped(core, g))
            continue;
        row->takeover_possible =
            bw_core_takeover_possible(core, g, core->groups[g].shown_holder, obstacle, sizeof(obstacle));
        if (!row->takeover_possible)
            bw_format(row->takeover_obstacle, sizeof(row->takeover_obstacle), "%s%s%s",
                      g > 0 ? core->config->groups[g].name : "", g > 0 ? ": " : "", obstacle);
    }
    if (row->takeover_possible && bw_core_witness_would_be_missed(core)) {
        row->takeover_possible = false;
        bw_copy(row->takeover_obstacle, sizeof(row->takeover_obstacle), "no witness answers: whoever is left would not serve");
    }
}

static uint32_t recovery_in_effect(const struct bw_core *core)
{
    for (uint8_t i = 0; i < core->count; i++)
        if (core->members[i].in_view && core->members[i].told.recovery == BW_RECOVERY_PRIMARY_UP)
            return BW_RECOVERY_PRIMARY_UP;
    return core->config->recovery;
}

static void fill_cluster(const struct bw_core *core, struct bw_cluster_row *row)
{
    const struct bw_cluster_config *c = core->config;

    memset(row, 0, sizeof(*row));
    row->id = c->id;
    bw_copy(row->name, sizeof(row->name), c->name);
    row->mode = core->mode;
    row->recovery = recovery_in_effect(core);
    row->local_member = bw_core_id(core, core->self);
    row->active_member = bw_core_id(core, core->groups[0].shown_holder);
    fill_takeover(core, row);
    row->failovers = core->failovers;
    row->split_brains = core->split_brains;
    row->config_digest = c->digest;
    row->heartbeat_interval_ns = c->interval_ns;
    row->config_mismatch = core->mismatch;
    bw_copy(row->version, sizeof(row->version), core->version);
    bw_copy(row->oldest_version, sizeof(row->oldest_version), core->version);
    row->members = core->count;
    row->members_in_view = 1;
    for (uint8_t i = 0; i < core->count; i++) {
        const struct bw_core_member *m = &core->members[i];

        if (!m->in_view)
            continue;
        row->members_in_view++;
        if (m->version[0] != '\0' && version_compare(m->version, row->oldest_version) < 0)
            bw_copy(row->oldest_version, sizeof(row->oldest_version), m->version);
    }
}

static void fill_local(const struct bw_core *core, struct bw_member_row *row)
{
    row->local = true;
    row->problem = !bw_core_healthy(core) || !bw_core_speaks(core) || core->deaf || core->witness.lost ||
                   core->members[core->self].state == BW_MEMBER_ATTENTION;
    row->admin = core->admin == BW_ADMIN_FORCE_DOWN ? BW_ADMIN_DOWN : core->admin;
    row->forced = core->admin == BW_ADMIN_FORCE_DOWN;
    bw_copy(row->admin_by, sizeof(row->admin_by), core->admin_by);
    row->admin_since_wall = core->admin_since_wall;
    bw_copy(row->version, sizeof(row->version), core->version);
    row->config_digest = core->config->digest;
    row->view = BW_VIEW_LOCAL;
    row->deaf = core->deaf;
    row->interfaces_up = bw_core_working(core, false);
    row->interfaces_required = core->required;
    row->secured_up = bw_core_working(core, true);
    row->secured_required = core->secured_required;
    row->heartbeats_sent = core->sent;
}

static void fill_peer(const struct bw_core *core, const struct bw_core_member *m, struct bw_member_row *row)
{
    const struct bw_told *told = &m->told;

    row->problem = m->heard ? !(told->flags & BW_FLAG_HEALTHY) || (told->flags & BW_FLAG_DEAF) || m->state == BW_MEMBER_ATTENTION
                            : m->met;
    row->admin = told->admin == BW_ADMIN_DOWN || told->admin == BW_ADMIN_FORCE_DOWN ? BW_ADMIN_DOWN
                 : told->admin == BW_ADMIN_MAINTENANCE                            ? BW_ADMIN_MAINTENANCE
                                                                                   : BW_ADMIN_UP;
    row->forced = told->admin == BW_ADMIN_FORCE_DOWN;
    if (m->heard && m->facts_since_wall != 0 && m->pages_held[0] == m->pages_told[0])
        row->since_wall = m->facts_since_wall;
    bw_copy(row->admin_by, sizeof(row->admin_by), m->admin_by);
    row->admin_since_wall = m->admin_since_wall;
    bw_copy(row->version, sizeof(row->version), m->version);
    row->config_digest = m->config_digest;
    row->view = m->in_view ? BW_VIEW_MUTUAL : m->heard ? BW_VIEW_ONE_WAY : BW_VIEW_NONE;
    row->deaf = m->heard && (told->flags & BW_FLAG_DEAF);
    if (m->heard) {
        row->interfaces_up = told->interfaces_up;
        row->interfaces_required = told->interfaces_required;
        row->secured_up = told->secured_up;
        row->secured_required = told->secured_required;
    }
    row->last_heard_ns = core->now_ns - (m->met ? m->heard_ns : core->start_ns);
    row->round_trip_ns = m->round_trip_ns;
    row->clock_offset_ns = m->heard ? m->clock_offset_ns : 0;
    row->heartbeats_sent = m->sent;
    row->heartbeats_received = m->received;
    row->heartbeats_missed = m->missed;
}

static void fill_member(const struct bw_core *core, uint8_t member, struct bw_member_row *row)
{
    const struct bw_core_member *m = &core->members[member];
    const struct bw_member_config *config = &core->config->members[member];

    memset(row, 0, sizeof(*row));
    row->id = config->id;
    bw_copy(row->name, sizeof(row->name), config->name);
    row->state = m->state;
    row->expected = bw_core_expected(core, member);
    bw_copy(row->reason, sizeof(row->reason), m->reason);
    bw_copy(row->reason_source, sizeof(row->reason_source), m->source);
    row->priority = config->priority;
    row->since_wall = m->since_wall;
    row->address = config->address;
    if (member == core->self)
        fill_local(core, row);
    else
        fill_peer(core, m, row);
}

static void fill_interfaces(const struct bw_core *core, uint8_t member, struct bw_snapshot *s)
{
    const struct bw_core_member *m = &core->members[member];
    struct bw_message message;

    for (uint8_t page = 1; page < 3; page++) {
        const struct bw_interface_row *rows = &m->interfaces[(page - 1) * BW_PAGE_INTERFACE_ROWS];
        uint8_t count = m->rows_count[page];
        uint64_t age = 0;

        if (member == core->self) {
            bw_core_fill_page(core, page, &message.page);
            rows = message.page.interfaces;
            count = message.page.count;
        } else if (m->pages_held[page] == 0 || page >= m->pages_count) {
            continue;
        } else {
            age = core->now_ns - m->pages_ns[page];
        }
        for (uint8_t i = 0; i < count; i++) {
            struct bw_interface_row *row = &s->interfaces[s->interfaces_count];

            if (rows[i].index != (page - 1U) * BW_PAGE_INTERFACE_ROWS + i + 1U)
                continue;
            *row = rows[i];
            row->member = bw_core_id(core, member);
            row->silence_ns += age;
            s->interfaces_count++;
        }
    }
}

static void add_pnote(const struct bw_core *core, uint8_t member, const struct bw_pnote_row *row, uint64_t age, struct bw_snapshot *s)
{
    struct bw_pnote_row *to = &s->pnotes[s->pnotes_count], *last = s->pnotes_count > 0 ? to - 1 : NULL;

    /* While pages of different ages meet, a name may come twice or out of order: an index must not. */
    if (last != NULL && last->member == bw_core_id(core, member) && bw_name_compare(last->name, row->name) >= 0)
        return;
    *to = *row;
    to->member = bw_core_id(core, member);
    to->age_ns += age;
    s->pnotes_count++;
}

static void fill_pnotes(const struct bw_core *core, uint8_t member, struct bw_snapshot *s)
{
    const struct bw_core_member *m = &core->members[member];
    struct bw_message message;
    uint32_t total = 0;

    for (uint8_t page = 3; page < BW_MAX_PAGES; page++) {
        const struct bw_pnote_row *rows = &m->pnotes[(page - 3) * BW_PAGE_PNOTE_ROWS];
        uint8_t count = m->rows_count[page];
        uint64_t age = 0;

        if (page >= (member == core->self ? core->pages_count : m->pages_count))
            return;
        if (member == core->self) {
            bw_core_fill_page(core, page, &message.page);
            rows = message.page.pnotes;
            count = message.page.kind == BW_PAGE_PNOTES ? message.page.count : 0;
        } else if (m->pages_held[page] == 0 || m->rows_kind[page] != BW_PAGE_PNOTES) {
            continue;
        } else {
            age = core->now_ns - m->pages_ns[page];
        }
        for (uint8_t i = 0; i < count && total < BW_MAX_PNOTES; i++, total++)
            add_pnote(core, member, &rows[i], age, s);
    }
}

/* Indexes run on from group to group, so this is their order too. */
static void fill_resources(const struct bw_core *core, struct bw_snapshot *s)
{
    s->resources_count = 0;
    for (uint32_t at = 0; at < BW_MAX_RESOURCES; at++)
        for (uint8_t i = 0; i < core->count; i++) {
            const struct bw_core_member *m = &core->members[i];
            struct bw_resource_row *row = &s->resources[s->resources_count];

            if (m->resources[at].state == 0 || (i != core->self && m->resource_pages[at] >= m->pages_count))
                continue;
            *row = m->resources[at];
            row->member = bw_core_id(core, i);
            if (i != core->self && !m->heard) {
                row->state = BW_GROUP_UNKNOWN;
                bw_format(row->detail, sizeof(row->detail), "%s is not heard", bw_core_name(core, i));
            }
            s->resources_count++;
        }
}

static void fill_addresses(const struct bw_core *core, struct bw_snapshot *s)
{
    const struct bw_cluster_config *c = core->config;

    for (uint16_t i = 0; i < c->addresses_count; i++) {
        const struct bw_address_config *a = &c->addresses[i];
        struct bw_address_row *row = &s->addresses[s->addresses_count++];

        memset(row, 0, sizeof(*row));
        row->address = a->address;
        row->interface = a->interface + 1U;
        bw_copy(row->interface_name, sizeof(row->interface_name), c->interfaces[a->interface].name);
        bw_copy(row->group, sizeof(row->group), c->groups[a->group].name);
        row->holder = bw_core_id(core, core->groups[a->group].shown_holder);
        row->installed = core->groups[a->group].holding && core->groups[a->group].installed;
    }
}

static void fill_group_member(const struct bw_core *core, uint8_t group, uint8_t member, struct bw_group_member_row *row)
{
    const struct bw_core_member *m = &core->members[member];
    const struct bw_group_part *part = &m->told.groups[group];
    bool known = member == core->self || m->heard;

    memset(row, 0, sizeof(*row));
    row->group = group + 1U;
    row->member = bw_core_id(core, member);
    row->state = !known ? BW_GROUP_UNKNOWN : part->flags & BW_GROUP_HOLDS ? BW_GROUP_ONLINE : BW_GROUP_OFFLINE;
    row->start = known && (part->flags & BW_GROUP_DENY) ? BW_START_DENY : BW_START_ALLOW;
    if (row->start == BW_START_DENY)
        bw_copy(row->start_reason, sizeof(row->start_reason), bw_core_deny_reason(core, group, member));
}

static void fill_groups(const struct bw_core *core, struct bw_snapshot *s)
{
    const struct bw_cluster_config *c = core->config;

    for (uint8_t g = 0; g < c->groups_count; g++) {
        struct bw_group_row *row = &s->groups[s->groups_count++];
        size_t n = 0;

        memset(row, 0, sizeof(*row));
        row->index = g + 1U;
        bw_copy(row->name, sizeof(row->name), c->groups[g].name);
        row->mode = core->mode;
        row->failback = c->groups[g].failback;
        row->start = c->groups[g].start;
        row->holder = bw_core_id(core, core->groups[g].shown_holder);
        row->epoch = core->groups[g].epoch;
        row->stopped = bw_core_stopped(core, g);
        row->decision = core->groups[g].wish;
        for (uint8_t i = 0; i < c->groups[g].policy_count; i++)
            n += bw_format(row->policy + n, sizeof(row->policy) - n, "%s%s", i > 0 ? " " : "",
                           bw_core_name(core, c->groups[g].policy[i]));
        for (uint8_t i = 0; i < core->count; i++)
            fill_group_member(core, g, i, &s->group_members[s->group_members_count++]);
    }
}

void bw_core_snapshot(const struct bw_core *core, struct bw_snapshot *s)
{
    s->members_count = s->interfaces_count = s->pnotes_count = s->addresses_count = 0;
    s->groups_count = s->group_members_count = s->causes_count = 0;
    fill_cluster(core, &s->cluster);
    for (uint8_t i = 0; i < core->count; i++) {
        fill_member(core, i, &s->members[s->members_count++]);
        fill_interfaces(core, i, s);
        fill_pnotes(core, i, s);
    }
    fill_addresses(core, s);
    fill_resources(core, s);
    fill_groups(core, s);
    for (uint32_t cause = BW_CAUSE_NONE; cause <= BW_CAUSE_LAST; cause++) {
        struct bw_cause_row *row = &s->causes[s->causes_count++];

        row->cause = cause;
        row->failovers = core->causes[cause];
    }
}
