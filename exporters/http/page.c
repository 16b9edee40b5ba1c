/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The status page: its frame, and the order of its parts, most urgent first.
 */
#include "bellwether/text.h"
#include "exporters/http/page.h"

/* Pictures, drawn in a square of 24. Each has a word beside it wherever it is used. */
/* clang-format off */
#define SYMBOL(name, shape) "<symbol id=\"i-" name "\" viewBox=\"0 0 24 24\">" shape "</symbol>"
static const char symbols[] =
    "<svg class=\"sprite\" aria-hidden=\"true\"><defs>"
    SYMBOL("ok", "<circle cx=\"12\" cy=\"12\" r=\"9\"/><path d=\"m8 12.3 2.8 2.8L16.2 9.4\"/>")
    SYMBOL("no", "<circle cx=\"12\" cy=\"12\" r=\"9\"/><path d=\"m9 9 6 6m0-6-6 6\"/>")
    SYMBOL("info", "<circle cx=\"12\" cy=\"12\" r=\"9\"/><path d=\"M12 11v5m0-8.6v.2\"/>")
    SYMBOL("warning", "<path d=\"M12 3.6 2.6 20h18.8z\"/><path d=\"M12 10v4.6m0 2.6v.2\"/>")
    SYMBOL("critical", "<path d=\"M8.3 3h7.4L21 8.3v7.4L15.7 21H8.3L3 15.7V8.3z\"/><path d=\"M12 7.5v5.6m0 3v.2\"/>")
    SYMBOL("active", "<circle cx=\"12\" cy=\"12\" r=\"9\"/><path d=\"M10 8.2v7.6l6-3.8z\" class=\"fill\"/>")
    SYMBOL("standby", "<circle cx=\"12\" cy=\"12\" r=\"9\"/><path d=\"M10 8.5v7m4-7v7\"/>")
    SYMBOL("ready", "<circle cx=\"12\" cy=\"12\" r=\"9\"/><path d=\"M12 16V8.4m-3.4 3.4L12 8.4l3.4 3.4\"/>")
    SYMBOL("init", "<circle cx=\"12\" cy=\"12\" r=\"9\" class=\"dash\"/><path d=\"M12 7.5V12l3 2\"/>")
    SYMBOL("down", "<rect x=\"3.5\" y=\"3.5\" width=\"17\" height=\"17\" rx=\"2.5\"/><path d=\"m8.8 8.8 6.4 6.4m0-6.4-6.4 6.4\"/>")
    SYMBOL("unreachable", "<circle cx=\"12\" cy=\"12\" r=\"9\" class=\"dash\"/><path d=\"m6 18 12-12\"/>")
    SYMBOL("maintenance", "<path d=\"M14.5 6.2a4.6 4.6 0 0 1 5.6-1.5l-3 3 .7 2.4 2.4.7 1-1a4.6 4.6 0 0 1-6.6 4L8.7 19.7a2.2 2.2 0 0 1-3.1-3.1l6-5.9a4.6 4.6 0 0 1 2.9-4.5z\"/>")
    SYMBOL("unknown", "<circle cx=\"12\" cy=\"12\" r=\"9\" class=\"dash\"/><path d=\"M9.6 9.7a2.5 2.5 0 1 1 3.4 2.3c-.7.3-1 .8-1 1.5m0 2.9v.2\"/>")
    SYMBOL("none", "<path d=\"M8 12h8\"/>")
    SYMBOL("bell", "<path d=\"M12 3.2v1.6M6 17.5c1.2-1.3 1.5-3 1.5-5.7a4.5 4.5 0 0 1 9 0c0 2.7.3 4.4 1.5 5.7z\"/><path d=\"M10 20a2.1 2.1 0 0 0 4 0\"/>")
    SYMBOL("theme", "<circle cx=\"12\" cy=\"12\" r=\"8.5\"/><path d=\"M12 3.5a8.5 8.5 0 0 1 0 17z\" class=\"fill\"/>")
    "</defs></svg>";

static const char dialog[] =
    "<dialog id=\"confirm\" aria-labelledby=\"confirm-title\" aria-describedby=\"confirm-say\"><form method=\"dialog\" id=\"confirm-form\">"
    "<h2 id=\"confirm-title\"></h2><p id=\"confirm-say\"></p>"
    "<label id=\"confirm-force\" class=\"force\" hidden><input type=\"checkbox\" id=\"confirm-force-box\"><span id=\"confirm-force-say\"></span></label>"
    "<p class=\"insecure\" id=\"confirm-insecure\" hidden>This connection is not encrypted: whoever is on the way can read the token.</p>"
    "<label class=\"token\">Token<input type=\"password\" id=\"confirm-token\" autocomplete=\"off\" spellcheck=\"false\" maxlength=\"255\"></label>"
    "<p class=\"answer\" id=\"confirm-answer\" role=\"alert\"></p>"
    "<div class=\"buttons\"><button type=\"button\" id=\"confirm-no\">Cancel</button><button type=\"submit\" class=\"grave\" id=\"confirm-yes\">Do it</button></div>"
    "</form></dialog>";

static const char links[] =
    "<nav aria-label=\"For programs\"><a href=\"/all\">All values</a><a href=\"/metrics\">Metrics</a>"
    "<a href=\"/api/v1/state\">JSON</a><a href=\"/api/v1/schema\">Schema</a><a href=\"/api/v1/history?limit=20\">History</a>"
    "<a href=\"/health/ready\">Health</a><a href=\"/sd\">Discovery</a></nav>";
/* clang-format on */

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
    bw_html(b, "<link rel=\"icon\" id=\"icon\" href=\"/%r.svg\" type=\"image/svg+xml\"><link rel=\"stylesheet\" "
               "href=\"/page.css\"><script src=\"/page.js\" defer></script><noscript><meta http-equiv=\"refresh\" "
               "content=\"5\"></noscript></head>\n<body><a class=\"skip\" href=\"#main\">Skip to the state</a>",
            bw_page_level_name(level == BW_LEVEL_INFO ? BW_LEVEL_OK : level));
    bw_buffer_text(b, symbols);
    bw_buffer_text(b, "<header class=\"top\"><span class=\"brand\">");
    bw_html_icon(b, "bell");
    bw_html(b, "Bellwether</span><span class=\"cluster\"><b>%t</b> <span class=\"detail\">cluster %u, %t, seen by %t"
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

    bw_html(b, "<footer>%r<p>Bellwether %t on %t. Snapshot taken ", links, BW_VERSION,
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
    bw_page_sync(page);
    bw_buffer_text(b, "</div><div class=\"column\">");
    bw_page_interfaces(page);
    bw_page_pnotes(page);
    bw_buffer_text(b, "</div></div>");
    bw_page_events(page);
    bw_buffer_text(b, "</main>\n");
    footer(page);
    bw_buffer_text(b, "<p id=\"say\" class=\"unseen\" role=\"status\" aria-live=\"polite\"></p>");
    if (page->actions)
        bw_buffer_text(b, dialog);
    bw_buffer_text(b, "</body>\n</html>\n");
}
