/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The past: who held the first group when, as a band; the last failovers with cause and duration; the last events of
 * all kinds. The band's parts are percents, so that it changes no more often than its look does.
 */
#include <string.h>

#include "exporters/http/page.h"

#define FAILOVERS_SHOWN 8
#define EVENTS_SHOWN    20
#define BAND_WHOLE      100

struct failovers {
    struct bw_event events[FAILOVERS_SHOWN + 1]; /* newest first; the last one only tells where the band begins */
    unsigned count;
};

static void find(const struct bw_web_page *page, uint32_t group, struct failovers *found)
{
    uint64_t first, last;

    found->count = 0;
    bw_history_range(page->history, &first, &last);
    if (page->snapshot->history_last < last)
        last = page->snapshot->history_last;
    for (uint64_t n = last; n > 0 && n >= first && found->count <= FAILOVERS_SHOWN; n--) {
        struct bw_event *e = &found->events[found->count];

        if (bw_history_read(page->history, n, e) == 0 && e->kind == BW_EVENT_FAILOVER &&
            (group == 0 || e->group == group))
            found->count++;
    }
}

static unsigned place_by_name(const struct bw_web_page *page, const char *name)
{
    for (uint32_t i = 0; i < page->snapshot->members_count; i++)
        if (name[0] != '\0' && strcmp(page->snapshot->members[i].name, name) == 0)
            return i + 1;
    return 0;
}

/* Oldest on the left, now on the right. */
static void band(const struct bw_web_page *page, const struct failovers *f)
{
    int64_t now = page->snapshot->posted_wall, begin = f->events[f->count - 1].time_wall, whole = now - begin;
    unsigned used = 0;

    if (whole < (int64_t)BW_SEC)
        return;
    bw_buffer_text(page->b, "<figure class=\"held\"><figcaption>Who held it, from ");
    bw_html_time(page->b, begin);
    bw_buffer_text(page->b, " until now</figcaption><ol class=\"band\">");
    for (unsigned i = f->count; i-- > 0;) {
        int64_t until = i > 0 ? f->events[i - 1].time_wall : now;
        unsigned upto = (unsigned)((until - begin) * BAND_WHOLE / whole), part = upto > used ? upto - used : 0;
        const char *name = f->events[i].to[0] ? f->events[i].to : "nobody";

        part = part > BAND_WHOLE ? BAND_WHOLE : part < 1 ? 1 : part;
        used += part;
        bw_html(page->b, "<li class=\"w%u m%u\"><span>%t</span></li>", part, place_by_name(page, f->events[i].to),
                name);
    }
    bw_buffer_text(page->b, "</ol></figure>");
}

static void failover(const struct bw_web_page *page, const struct bw_event *e)
{
    struct bw_buffer *b = page->b;
    unsigned place = place_by_name(page, e->to);

    bw_html(b, "<li><i class=\"hue dot m%u\"></i><p class=\"move\"><b>%t</b> <span class=\"to\">to</span> <b>%t</b>",
            place, e->from[0] ? e->from : "nobody", e->to[0] ? e->to : "nobody");
    if (page->snapshot->groups_count > 1 && e->group > 0 && e->group <= page->snapshot->groups_count)
        bw_html(b, " <span class=\"chip\">%t</span>", page->snapshot->groups[e->group - 1].name);
    bw_html(b, " <span class=\"badge\">%t</span>", bw_enum_text(&bw_enum_cause, e->cause));
    if (e->took_ns > 0) {
        bw_buffer_text(b, " <span class=\"took\">took ");
        bw_html_duration(b, e->took_ns);
        bw_buffer_text(b, "</span>");
    }
    bw_buffer_text(b, "</p><p class=\"when\">");
    bw_html_time(b, e->time_wall);
    bw_html(b, "</p><p class=\"detail\">%t</p></li>", e->reason);
}

void bw_page_timeline(const struct bw_web_page *page)
{
    struct bw_buffer *b = page->b;
    struct failovers f;

    bw_html(b,
            "<section id=\"timeline\" class=\"panel\" aria-labelledby=\"timeline-title\"><h2 "
            "id=\"timeline-title\">Failovers <span class=\"n\">%u</span></h2>",
            (unsigned)page->snapshot->cluster.failovers);
    find(page, page->snapshot->groups_count > 1 ? 0 : 1, &f);
    if (f.count == 0) {
        bw_buffer_text(b, "<p class=\"none\">None that this member knows of.</p></section>");
        return;
    }
    if (page->snapshot->groups_count <= 1)
        band(page, &f);
    bw_buffer_text(b, "<ol class=\"line\">");
    for (unsigned i = 0; i < f.count && i < FAILOVERS_SHOWN; i++)
        failover(page, &f.events[i]);
    bw_buffer_text(b, "</ol></section>");
}

static void event_row(const struct bw_web_page *page, const struct bw_event *e)
{
    struct bw_buffer *b = page->b;
    unsigned place = bw_page_member_place(page, e->member);

    bw_html(b, "<tr id=\"event-%u\"><td>%u</td><td>", (unsigned)e->number, (unsigned)e->number);
    bw_html_time(b, e->time_wall);
    bw_html(b, "</td><td>%t</td><td>", bw_enum_text(&bw_enum_event_kind, e->kind));
    if (place > 0)
        bw_html(b, "<i class=\"hue m%u\"></i>%t", place, bw_page_member_name(page, e->member));
    bw_html(b, "</td><td>%t%r", e->object, e->object[0] && (e->from[0] || e->to[0]) ? ": " : "");
    if (e->from[0] != '\0')
        bw_html(b, "%t <span class=\"to\">to</span> ", e->from);
    bw_html(b, "%t</td><td class=\"say\">%t</td></tr>", e->to, e->reason);
}

void bw_page_events(const struct bw_web_page *page)
{
    struct bw_buffer *b = page->b;
    uint64_t first, last;
    struct bw_event event;
    unsigned shown = 0;

    bw_buffer_text(b,
                   "<section id=\"events\" class=\"panel\" aria-labelledby=\"events-title\"><h2 "
                   "id=\"events-title\">Last events</h2><div class=\"wide\" tabindex=\"0\" role=\"region\" "
                   "aria-labelledby=\"events-title\"><table><thead><tr><th scope=\"col\">No.</th><th scope=\"col\">Time"
                   "</th><th scope=\"col\">Event</th><th scope=\"col\">Member</th><th scope=\"col\">Change</th><th "
                   "scope=\"col\">Why</th></tr></thead><tbody>");
    bw_history_range(page->history, &first, &last);
    if (page->snapshot->history_last < last)
        last = page->snapshot->history_last;
    for (uint64_t n = last; n > 0 && n >= first && shown < EVENTS_SHOWN; n--) {
        if (bw_history_read(page->history, n, &event) != 0)
            continue;
        event_row(page, &event);
        shown++;
    }
    bw_buffer_text(b, "</tbody></table></div>");
    bw_html(b, "%r<p class=\"more\"><a href=\"/api/v1/history\">All as JSON</a></p></section>",
            shown == 0 ? "<p class=\"none\">None yet.</p>" : "");
}
