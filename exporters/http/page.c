/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The status page: its frame, and the order of its parts, most urgent first.
 */
#include "exporters/http/page.h"
#include "bellwether/text.h"

void bw_page_head(const struct bw_web_page *page, const char *title)
{
    const struct bw_snapshot *s = page->snapshot;
    enum bw_level level = bw_page_level(page);
    struct bw_buffer *b = page->b;
    char headline[BW_TEXT_MAX];

    bw_page_headline(page, headline, sizeof(headline));
    bw_buffer_text(b, "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><meta name=\"viewport\" "
                      "content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"light "
                      "dark\"><meta name=\"robots\" content=\"noindex\">");
    bw_html(b, "<title>%t: %t%r%t · %t</title>", bw_page_level_word(page, level), headline, title[0] ? ", " : "", title,
            s->cluster.name[0] ? s->cluster.name : "Bellwether");
    bw_html(b,
            "<link rel=\"icon\" id=\"icon\" href=\"/%r.svg\" type=\"image/svg+xml\"><link rel=\"stylesheet\" "
            "href=\"/page.css\"><script src=\"/page.js\" defer></script><noscript><meta http-equiv=\"refresh\" "
            "content=\"5\"></noscript></head>\n<body><a class=\"skip\" href=\"#main\">Skip to the state</a>",
            bw_page_level_name(level == BW_LEVEL_INFO ? BW_LEVEL_OK : level));
    bw_asset_add(b, "symbols.html");
    bw_buffer_text(b, "<header class=\"top\"><span class=\"brand\">");
    bw_html_icon(b, "bell");
    bw_html(b,
            "Bellwether</span><span class=\"cluster\"><b>%t</b> <span class=\"detail\">cluster %u, %t, seen by %t"
            "</span></span><span class=\"live\" id=\"live\" role=\"status\" hidden>…</span><button type=\"button\" "
            "id=\"theme\" class=\"plain\" hidden><span class=\"unseen\">Light or dark</span>",
            s->cluster.name[0] ? s->cluster.name : "no name yet", s->cluster.id,
            bw_enum_text(&bw_enum_mode, s->cluster.mode), bw_page_member_name(page, s->cluster.local_member));
    bw_html_icon(b, "theme");
    bw_buffer_text(b, "</button></header>\n");
}

static void footer(const struct bw_web_page *page)
{
    const struct bw_agent_row *a = &page->snapshot->agent;
    struct bw_buffer *b = page->b;

    bw_buffer_text(b, "<footer>");
    bw_asset_add(b, "links.html");
    bw_html(b, "<p>Bellwether %t on %t. Snapshot taken ", BW_VERSION,
            bw_page_member_name(page, page->snapshot->cluster.local_member));
    bw_buffer_text(b, "<span id=\"taken\">at the last load of this page</span>. Heartbeats late by at most ");
    bw_html_duration(b, a->late_p999_ns);
    bw_html(b, " (99.9 %%). SNMP %r.%r</p></footer>", a->snmp_connected ? "connected" : "not connected",
            page->actions ? "" : " Nothing can be changed here: no token_file is configured.");
}

void bw_page_render(const struct bw_web_page *page)
{
    struct bw_buffer *b = page->b;

    bw_page_head(page, "");
    bw_html(b, "<main id=\"main\" data-level=\"%r\">", bw_page_level_name(bw_page_level(page)));
    bw_page_verdict(page, bw_page_level(page));
    bw_page_problems(page);
    bw_page_members(page);
    bw_buffer_text(b, "<div class=\"columns\"><div class=\"column\">");
    bw_page_timeline(page);
    bw_page_addresses(page);
    bw_page_groups(page);
    bw_page_resources(page);
    bw_buffer_text(b, "</div><div class=\"column\">");
    bw_page_interfaces(page);
    bw_page_pnotes(page);
    bw_page_sync(page);
    bw_page_alerts(page);
    bw_page_traps(page);
    bw_buffer_text(b, "</div></div>");
    bw_page_events(page);
    bw_buffer_text(b, "</main>\n");
    footer(page);
    bw_buffer_text(b, "<p id=\"say\" class=\"unseen\" role=\"status\" aria-live=\"polite\"></p>");
    if (page->actions)
        bw_asset_add(b, "dialog.html");
    bw_buffer_text(b, "</body>\n</html>\n");
}
