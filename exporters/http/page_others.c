/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Parts of the status page that only some clusters have: resources of the groups, alert targets, and rules for received
 * SNMP notifications.
 */
#include <string.h>

#include "exporters/http/page.h"

/* ---- resources ---- */

static const char *group_name(const struct bw_snapshot *s, uint32_t index)
{
    for (uint32_t i = 0; i < s->groups_count; i++)
        if (s->groups[i].index == index)
            return s->groups[i].name;
    return "";
}

static void resource_cell(struct bw_buffer *b, const struct bw_resource_row *r)
{
    static const char *const levels[] = {"none", "ok", "none", "critical", "none"};
    static const char *const icons[] = {"unknown", "ok", "none", "critical", "unknown"};
    uint32_t state = r->state <= BW_GROUP_UNKNOWN ? r->state : 0;

    bw_page_cell(b, levels[state], icons[state], bw_enum_text(&bw_enum_group_state, r->state));
    if (r->state == BW_GROUP_ERROR && r->retries_left > 0)
        bw_html(b, "<span class=\"detail\">%u of %u tries left</span>", r->retries_left, r->retries);
    if (r->detail[0] != '\0')
        bw_html(b, "<span class=\"detail\">%t</span>", r->detail);
    bw_buffer_text(b, "</td>");
}

/* Row i and those after it of the same resource: rows are sorted by group, index, member. */
static void resource_row(const struct bw_web_page *page, uint32_t i)
{
    const struct bw_snapshot *s = page->snapshot;
    const struct bw_resource_row *first = &s->resources[i];
    struct bw_buffer *b = page->b;

    bw_html(b, "<tr><th scope=\"row\">%t<span class=\"detail\">%t of %t, on failure: %t</span></th>", first->name,
            bw_enum_text(&bw_enum_resource_kind, first->kind), group_name(s, first->group),
            bw_enum_text(&bw_enum_recovery_action, first->recovery));
    for (uint32_t m = 0; m < s->members_count; m++) {
        uint32_t at = i;

        while (at < s->resources_count && s->resources[at].index == first->index &&
               s->resources[at].group == first->group && s->resources[at].member != s->members[m].id)
            at++;
        if (at < s->resources_count && s->resources[at].index == first->index && s->resources[at].group == first->group)
            resource_cell(b, &s->resources[at]);
        else
            bw_buffer_text(b, "<td class=\"none\">not told</td>");
    }
    bw_buffer_text(b, "</tr>");
}

void bw_page_resources(const struct bw_web_page *page)
{
    const struct bw_snapshot *s = page->snapshot;

    if (s->resources_count == 0)
        return;
    bw_page_section(page->b, "resources", "Resources");
    bw_page_table(page->b, "resources");
    bw_buffer_text(page->b, "<th scope=\"col\">Resource</th>");
    bw_page_member_headings(page);
    for (uint32_t i = 0; i < s->resources_count; i++)
        if (i == 0 || s->resources[i].index != s->resources[i - 1].index ||
            s->resources[i].group != s->resources[i - 1].group)
            resource_row(page, i);
    bw_page_table_end(page->b);
}

/* ---- alerts ---- */

void bw_page_alerts(const struct bw_web_page *page)
{
    const struct bw_snapshot *s = page->snapshot;
    struct bw_buffer *b = page->b;

    if (s->alerts_count == 0)
        return;
    bw_page_section(b, "alerts", "Alert targets");
    bw_page_table(b, "alerts");
    bw_buffer_text(b, "<th scope=\"col\">Target</th><th scope=\"col\">Delivery</th><th scope=\"col\">Waiting</th><th "
                      "scope=\"col\">Delivered</th><th scope=\"col\">Given up</th></tr></thead><tbody>");
    for (uint32_t i = 0; i < s->alerts_count; i++) {
        const struct bw_alert_row *r = &s->alerts[i];
        bool failing = r->last_error[0] != '\0';

        bw_html(b, "<tr><th scope=\"row\">%t<span class=\"detail\">%t</span></th>", r->name,
                bw_enum_text(&bw_enum_alert_kind, r->kind));
        bw_page_cell(b, failing ? "warning" : "ok", failing ? "warning" : "ok", failing ? "failing" : "works");
        bw_html(b, "<span class=\"detail\">%t</span></td><td>%u</td><td>", r->last_error, r->queued);
        bw_buffer_u64(b, r->delivered);
        if (r->last_wall != 0) {
            bw_buffer_text(b, "<span class=\"detail\">last ");
            bw_html_time(b, r->last_wall);
            bw_buffer_text(b, "</span>");
        }
        bw_buffer_text(b, "</td><td>");
        bw_buffer_u64(b, r->dropped);
        bw_buffer_text(b, "</td></tr>");
    }
    bw_page_table_end(b);
}

/* ---- trap rules ---- */

void bw_page_traps(const struct bw_web_page *page)
{
    const struct bw_snapshot *s = page->snapshot;
    struct bw_buffer *b = page->b;

    if (s->trap_rules_count == 0)
        return;
    bw_page_section(b, "traps", "Rules for received SNMP notifications");
    bw_page_table(b, "traps");
    bw_buffer_text(b, "<th scope=\"col\">Rule</th><th scope=\"col\">Sets</th><th scope=\"col\">Holds</th><th "
                      "scope=\"col\">Matched last</th></tr></thead><tbody>");
    for (uint32_t i = 0; i < s->trap_rules_count; i++) {
        const struct bw_trap_rule_row *r = &s->trap_rules[i];

        bw_html(b, "<tr><th scope=\"row\">%t</th><td>%t to %t</td><td>", r->name, r->pnote,
                bw_enum_text(&bw_enum_pnote_status, r->sets));
        if (r->hold_ns > 0)
            bw_html_duration(b, r->hold_ns);
        else
            bw_buffer_text(b, "until another rule sets it");
        bw_buffer_text(b, "</td><td>");
        if (r->last_wall != 0)
            bw_html_time(b, r->last_wall);
        else
            bw_buffer_text(b, "never");
        bw_buffer_text(b, "</td></tr>");
    }
    bw_page_table_end(b);
}
