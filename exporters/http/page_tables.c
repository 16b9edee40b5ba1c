/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tables of the status page: interfaces and pnotes with a column for each member, virtual addresses, groups,
 * synchronisation, and how the agent itself is.
 */
#include <string.h>

#include "bellwether/text.h"
#include "exporters/http/page.h"

void bw_page_section(struct bw_buffer *b, const char *id, const char *title)
{
    bw_html(b, "<section id=\"%r\" class=\"panel\" aria-labelledby=\"%r-title\"><h2 id=\"%r-title\">%r</h2>", id, id,
            id, title);
}

void bw_page_table(struct bw_buffer *b, const char *id)
{
    bw_html(b, "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-labelledby=\"%r-title\"><table><thead><tr>",
            id);
}

void bw_page_table_end(struct bw_buffer *b)
{
    bw_buffer_text(b, "</tbody></table></div></section>");
}

void bw_page_member_headings(const struct bw_web_page *page)
{
    for (uint32_t i = 0; i < page->snapshot->members_count; i++)
        bw_html(page->b, "<th scope=\"col\"><i class=\"hue m%u\"></i>%t</th>", i + 1, page->snapshot->members[i].name);
    bw_buffer_text(page->b, "</tr></thead><tbody>");
}

void bw_page_cell(struct bw_buffer *b, const char *level, const char *icon, const char *text)
{
    bw_html(b, "<td class=\"%r\"><span class=\"word\">", level);
    bw_html_icon(b, icon);
    bw_html(b, "%t</span>", text);
}

/* ---- interfaces ---- */

static void interface_cell(struct bw_buffer *b, const struct bw_interface_row *r)
{
    const char *state = bw_enum_text(&bw_enum_interface_state, r->state);
    const char *level = r->state == BW_INTERFACE_UP        ? "ok"
                        : r->state == BW_INTERFACE_UNKNOWN ? "none"
                        : r->state == BW_INTERFACE_SUSPECT ? "warning"
                                                           : "critical";

    if (r->role == BW_ROLE_DISCONNECTED) {
        bw_buffer_text(b, "<td class=\"none\">left alone</td>");
        return;
    }
    bw_page_cell(b, level,
                 r->state == BW_INTERFACE_UP        ? "ok"
                 : r->state == BW_INTERFACE_UNKNOWN ? "unknown"
                 : r->state == BW_INTERFACE_SUSPECT ? "warning"
                                                    : "down",
                 state);
    if (r->state == BW_INTERFACE_SUSPECT || r->state == BW_INTERFACE_DOWN) {
        bw_html(b, "<span class=\"detail\">%r, receive %t, transmit %t</span>", r->link ? "link up" : "no link",
                bw_enum_text(&bw_enum_direction, r->receive), bw_enum_text(&bw_enum_direction, r->transmit));
    }
    if (strcmp(r->device, r->name) != 0 && r->device[0] != '\0')
        bw_html(b, "<span class=\"detail\"><code>%t</code></span>", r->device);
    bw_buffer_text(b, "</td>");
}

static const struct bw_interface_row *interface_of(const struct bw_snapshot *s, uint32_t member, uint32_t index)
{
    for (uint32_t i = 0; i < s->interfaces_count; i++)
        if (s->interfaces[i].member == member && s->interfaces[i].index == index)
            return &s->interfaces[i];
    return NULL;
}

void bw_page_interfaces(const struct bw_web_page *page)
{
    const struct bw_snapshot *s = page->snapshot;
    struct bw_buffer *b = page->b;

    bw_page_section(b, "interfaces", "Interfaces");
    bw_page_table(b, "interfaces");
    bw_buffer_text(b, "<th scope=\"col\">Interface</th>");
    bw_page_member_headings(page);
    for (uint32_t index = 1; index <= BW_MAX_INTERFACES; index++) {
        const struct bw_interface_row *first = NULL;

        for (uint32_t i = 0; i < s->interfaces_count && first == NULL; i++)
            first = s->interfaces[i].index == index ? &s->interfaces[i] : NULL;
        if (first == NULL)
            continue;
        bw_html(b, "<tr><th scope=\"row\">%t<span class=\"detail\">%t%r</span></th>", first->name,
                bw_enum_text(&bw_enum_interface_role, first->role), first->role == BW_ROLE_SYNC ? ", secured" : "");
        for (uint32_t m = 0; m < s->members_count; m++) {
            const struct bw_interface_row *r = interface_of(s, s->members[m].id, index);

            if (r != NULL)
                interface_cell(b, r);
            else
                bw_buffer_text(b, "<td class=\"none\">not told</td>");
        }
        bw_buffer_text(b, "</tr>");
    }
    bw_page_table_end(b);
}

/* ---- pnotes ---- */

static const struct bw_pnote_row *pnote_of(const struct bw_snapshot *s, uint32_t member, const char *name)
{
    for (uint32_t i = 0; i < s->pnotes_count; i++)
        if (s->pnotes[i].member == member && strcmp(s->pnotes[i].name, name) == 0)
            return &s->pnotes[i];
    return NULL;
}

static bool is_first(const struct bw_snapshot *s, uint32_t row)
{
    for (uint32_t i = 0; i < row; i++)
        if (strcmp(s->pnotes[i].name, s->pnotes[row].name) == 0)
            return false;
    return true;
}

static void pnote_cell(struct bw_buffer *b, const struct bw_pnote_row *r)
{
    static const char *const levels[] = {"none", "ok", "info", "critical", "none"};
    static const char *const icons[] = {"unknown", "ok", "init", "critical", "unknown"};
    uint32_t status = r->status <= BW_PNOTE_UNKNOWN ? r->status : 0;

    bw_page_cell(b, levels[status], icons[status], bw_enum_text(&bw_enum_pnote_status, r->status));
    if (r->detail[0] != '\0')
        bw_html(b, "<span class=\"detail\">%t</span>", r->detail);
    bw_buffer_text(b, "</td>");
}

static void pnote_row(const struct bw_web_page *page, const struct bw_pnote_row *first)
{
    const struct bw_snapshot *s = page->snapshot;
    struct bw_buffer *b = page->b;

    bw_html(b, "<tr><th scope=\"row\">%t<span class=\"detail\">%t", first->name,
            bw_enum_text(&bw_enum_pnote_kind, first->kind));
    if (first->timeout_ns > 0) {
        bw_buffer_text(b, ", timeout ");
        bw_html_duration(b, first->timeout_ns);
    }
    bw_buffer_text(b, first->persistent ? ", persistent</span></th>" : "</span></th>");
    for (uint32_t m = 0; m < s->members_count; m++) {
        const struct bw_pnote_row *r = pnote_of(s, s->members[m].id, first->name);

        if (r != NULL)
            pnote_cell(b, r);
        else
            bw_buffer_text(b, "<td class=\"none\">not registered</td>");
    }
    bw_buffer_text(b, "</tr>");
}

void bw_page_pnotes(const struct bw_web_page *page)
{
    const struct bw_snapshot *s = page->snapshot;
    struct bw_buffer *b = page->b;

    bw_page_section(b, "pnotes", "Critical devices (pnotes)");
    bw_page_table(b, "pnotes");
    bw_buffer_text(b, "<th scope=\"col\">Pnote</th>");
    bw_page_member_headings(page);
    for (int kind = 0; kind < 2; kind++) /* users' own first: the built-in ones are the same everywhere */
        for (uint32_t i = 0; i < s->pnotes_count; i++)
            if (is_first(s, i) && (s->pnotes[i].kind == BW_PNOTE_BUILTIN) == kind)
                pnote_row(page, &s->pnotes[i]);
    bw_page_table_end(b);
}

/* ---- addresses and groups ---- */

static void holder_cell(const struct bw_web_page *page, uint32_t holder)
{
    unsigned place = bw_page_member_place(page, holder);

    if (place == 0) {
        bw_page_cell(page->b, "critical", "critical", "nobody");
        bw_buffer_text(page->b, "</td>");
    } else {
        bw_html(page->b, "<td><i class=\"hue m%u\"></i>%t</td>", place, bw_page_member_name(page, holder));
    }
}

void bw_page_addresses(const struct bw_web_page *page)
{
    const struct bw_snapshot *s = page->snapshot;
    struct bw_buffer *b = page->b;
    char text[BW_ADDRESS_TEXT_MAX];

    bw_page_section(b, "addresses", "Virtual addresses");
    bw_page_table(b, "addresses");
    bw_html(b,
            "<th scope=\"col\">Address</th><th scope=\"col\">Interface</th><th scope=\"col\">Group</th>"
            "<th scope=\"col\">Holder</th><th scope=\"col\">In the kernel of %t</th></tr></thead><tbody>",
            bw_page_member_name(page, s->cluster.local_member));
    for (uint32_t i = 0; i < s->addresses_count; i++) {
        const struct bw_address_row *r = &s->addresses[i];
        bool right = r->installed == (r->holder == s->cluster.local_member && r->holder != 0);

        bw_html(b, "<tr><th scope=\"row\"><code>%t</code></th><td>%t</td><td>%t</td>",
                bw_address_to_text(&r->address, true, text), r->interface_name, r->group);
        holder_cell(page, r->holder);
        bw_page_cell(b, right ? r->installed ? "ok" : "none" : "warning",
                     right ? r->installed ? "ok" : "none" : "warning", r->installed ? "yes" : "no");
        bw_buffer_text(b, "</td></tr>");
    }
    bw_page_table_end(b);
}

static void group_members(const struct bw_web_page *page, const struct bw_group_row *group)
{
    const struct bw_snapshot *s = page->snapshot;
    struct bw_buffer *b = page->b;

    for (uint32_t i = 0; i < s->group_members_count; i++) {
        const struct bw_group_member_row *r = &s->group_members[i];

        if (r->group != group->index)
            continue;
        bw_html(b, "<span class=\"chip\"><i class=\"hue m%u\"></i>%t: %t%r</span> ",
                bw_page_member_place(page, r->member), bw_page_member_name(page, r->member),
                bw_enum_text(&bw_enum_group_state, r->state), r->start == BW_START_DENY ? ", denied" : "");
        if (r->start == BW_START_DENY && r->start_reason[0] != '\0')
            bw_html(b, "<span class=\"detail\">%t</span>", r->start_reason);
    }
}

void bw_page_groups(const struct bw_web_page *page)
{
    const struct bw_snapshot *s = page->snapshot;
    struct bw_buffer *b = page->b;

    bw_page_section(b, "groups", "Groups");
    bw_page_table(b, "groups");
    bw_html(b,
            "<th scope=\"col\">Group</th><th scope=\"col\">Holder</th><th scope=\"col\">On the members</th>"
            "<th scope=\"col\">Order</th><th scope=\"col\">Epoch</th>%r</tr></thead><tbody>",
            page->actions ? "<th scope=\"col\" class=\"acts\">Move</th>" : "");
    for (uint32_t i = 0; i < s->groups_count; i++) {
        const struct bw_group_row *g = &s->groups[i];

        bw_html(b, "<tr><th scope=\"row\">%t<span class=\"detail\">%t, failback %t, %r%t</span></th>", g->name,
                bw_enum_text(&bw_enum_mode, g->mode), bw_enum_text(&bw_enum_auto, g->failback),
                g->stopped ? "" : "start ", g->stopped ? "stopped" : bw_enum_text(&bw_enum_auto, g->start));
        holder_cell(page, g->holder);
        bw_buffer_text(b, "<td>");
        group_members(page, g);
        bw_html(b, "</td><td>%t</td><td>", g->policy);
        bw_buffer_u64(b, g->epoch);
        bw_buffer_text(b, "</td>");
        if (page->actions) {
            bw_buffer_text(b, "<td class=\"acts\">");
            bw_page_group_actions(page, g);
            bw_buffer_text(b, "</td>");
        }
        bw_buffer_text(b, "</tr>");
    }
    bw_page_table_end(b);
}
