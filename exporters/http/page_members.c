/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One card a member: what state it is in and why, and what to do about it.
 */
#include "bellwether/text.h"
#include "exporters/http/page.h"

const struct bw_member_row *bw_page_member(const struct bw_web_page *page, uint32_t id)
{
    return bw_member_row(page->snapshot, id);
}

const char *bw_page_member_name(const struct bw_web_page *page, uint32_t id)
{
    const struct bw_member_row *m = bw_page_member(page, id);

    return m != NULL ? m->name : "nobody";
}

unsigned bw_page_member_place(const struct bw_web_page *page, uint32_t id)
{
    const struct bw_member_row *m = bw_page_member(page, id);

    return m != NULL ? (unsigned)(m - page->snapshot->members) + 1 : 0;
}

const char *bw_page_state_icon(const struct bw_member_row *m)
{
    if (m->admin == BW_ADMIN_MAINTENANCE)
        return "maintenance";
    switch (m->state) {
    case BW_MEMBER_ACTIVE:
        return "active";
    case BW_MEMBER_ATTENTION:
        return "warning";
    case BW_MEMBER_STANDBY:
        return "standby";
    case BW_MEMBER_READY:
        return "ready";
    case BW_MEMBER_INITIALIZING:
        return "init";
    case BW_MEMBER_DOWN:
        return "down";
    default:
        return "unreachable";
    }
}

enum bw_level bw_page_state_level(const struct bw_member_row *m)
{
    if (m->admin == BW_ADMIN_MAINTENANCE)
        return BW_LEVEL_INFO;
    if (m->problem || m->state == BW_MEMBER_DOWN || m->state == BW_MEMBER_UNREACHABLE ||
        m->state == BW_MEMBER_ATTENTION)
        return BW_LEVEL_WARNING;
    return m->state == BW_MEMBER_ACTIVE || m->state == BW_MEMBER_STANDBY ? BW_LEVEL_OK : BW_LEVEL_INFO;
}

static void fact(struct bw_buffer *b, const char *name)
{
    bw_html(b, "<div><dt>%r</dt><dd>", name);
}

static void facts_end(struct bw_buffer *b)
{
    bw_buffer_text(b, "</dd></div>");
}

static void admin_fact(struct bw_buffer *b, const struct bw_member_row *m)
{
    if (m->admin == BW_ADMIN_UP)
        return;
    fact(b, "Admin state");
    bw_html(b, "<b>%t%r</b>", bw_enum_text(&bw_enum_admin_state, m->admin), m->forced ? " (forced)" : "");
    if (m->admin_by[0] != '\0')
        bw_html(b, " by %t", m->admin_by);
    facts_end(b);
}

static void view_fact(struct bw_buffer *b, const struct bw_member_row *m)
{
    static const char *const words[] = {"", "not heard", "heard, but does not hear this member", "hears and is heard",
                                        "this member"};
    uint32_t view = m->view <= BW_VIEW_LOCAL ? m->view : 0;

    fact(b, "In view");
    bw_buffer_text(b, words[view]);
    if (view == BW_VIEW_NONE && m->last_heard_ns > 0) {
        bw_buffer_text(b, ", last ");
        bw_html_duration(b, m->last_heard_ns);
        bw_buffer_text(b, " ago");
    }
    facts_end(b);
}

static void interfaces_fact(struct bw_buffer *b, const struct bw_member_row *m)
{
    bool enough = m->interfaces_up >= m->interfaces_required && m->secured_up >= m->secured_required;

    fact(b, "Interfaces");
    bw_html_icon(b, enough ? "ok" : "warning");
    bw_html(b, "%u of %u up", m->interfaces_up, m->interfaces_required);
    if (m->secured_required > 0)
        bw_html(b, ", secured %u of %u", m->secured_up, m->secured_required);
    facts_end(b);
}

static void pnotes_fact(const struct bw_web_page *page, const struct bw_member_row *m)
{
    unsigned counts[BW_PNOTE_UNKNOWN + 1] = {0}, all = 0;
    struct bw_buffer *b = page->b;

    for (uint32_t i = 0; i < page->snapshot->pnotes_count; i++) {
        const struct bw_pnote_row *r = &page->snapshot->pnotes[i];

        if (r->member == m->id && r->status <= BW_PNOTE_UNKNOWN) {
            counts[r->status]++;
            all++;
        }
    }
    if (all == 0)
        return;
    fact(b, "Pnotes");
    bw_html_icon(b, counts[BW_PNOTE_OK] == all ? "ok" : "warning");
    bw_html(b, counts[BW_PNOTE_OK] == all ? "all %u ok" : "%u ok", counts[BW_PNOTE_OK]);
    for (uint32_t status = BW_PNOTE_INIT; status <= BW_PNOTE_UNKNOWN; status++)
        if (counts[status] > 0)
            bw_html(b, ", <b>%u %t</b>", counts[status], bw_enum_text(&bw_enum_pnote_status, status));
    facts_end(b);
}

static void card(const struct bw_web_page *page, const struct bw_member_row *m)
{
    struct bw_buffer *b = page->b;
    char address[BW_ADDRESS_TEXT_MAX];

    bw_html(b, "<article class=\"card %r state-%t\" id=\"member-%u\" aria-labelledby=\"member-%u-name\"><header>",
            bw_page_level_name(bw_page_state_level(m)), bw_enum_text(&bw_enum_member_state, m->state), m->id, m->id);
    bw_html_icon(b, bw_page_state_icon(m));
    bw_html(b, "<h3 id=\"member-%u-name\"><i class=\"hue m%u\"></i>%t</h3>", m->id, bw_page_member_place(page, m->id),
            m->name);
    bw_html(b, "<span class=\"badge\">%t</span></header>", bw_enum_text(&bw_enum_member_state, m->state));
    bw_html(b, "<p class=\"reason\">%t</p><dl class=\"facts\">", m->reason[0] ? m->reason : "no reason told");
    fact(b, "Since");
    bw_html_time(b, m->since_wall);
    facts_end(b);
    if (m->state != m->expected) {
        fact(b, "Expected");
        bw_html(b, "%t", bw_enum_text(&bw_enum_member_state, m->expected));
        facts_end(b);
    }
    admin_fact(b, m);
    view_fact(b, m);
    interfaces_fact(b, m);
    pnotes_fact(page, m);
    fact(b, "Address");
    bw_html(b, "<code>%t</code>", bw_address_to_text(&m->address, false, address));
    facts_end(b);
    fact(b, "Id, priority");
    bw_html(b, "%u, %u", m->id, m->priority);
    facts_end(b);
    fact(b, "Version");
    bw_html(b, "%t", m->version[0] ? m->version : "unknown");
    facts_end(b);
    bw_buffer_text(b, "</dl>");
    bw_page_member_actions(page, m);
    bw_buffer_text(b, "</article>");
}

void bw_page_members(const struct bw_web_page *page)
{
    struct bw_buffer *b = page->b;

    bw_html(b,
            "<section id=\"members\" aria-labelledby=\"members-title\"><h2 id=\"members-title\">Members "
            "<span class=\"n\">%u</span></h2><div class=\"cards\">",
            page->snapshot->members_count);
    for (uint32_t i = 0; i < page->snapshot->members_count; i++)
        card(page, &page->snapshot->members[i]);
    bw_buffer_text(b, "</div></section>");
}
