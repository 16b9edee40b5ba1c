/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The top of the status page: who is active, since when and why; could another member take over now, and if not why.
 * Nothing is decided here: it puts into words what the snapshot says.
 */
#include <string.h>

#include "bellwether/text.h"
#include "exporters/http/page.h"

static bool stale(const struct bw_web_page *page)
{
    return page->snapshot->number == 0 || page->age_ns >= BW_STALE_NS;
}

static unsigned groups_without_holder(const struct bw_snapshot *s)
{
    unsigned n = 0;

    for (uint32_t i = 0; i < s->groups_count; i++)
        n += s->groups[i].holder == 0 && !s->groups[i].stopped;
    return n;
}

static bool all_stopped(const struct bw_snapshot *s)
{
    for (uint32_t i = 0; i < s->groups_count; i++)
        if (!s->groups[i].stopped)
            return false;
    return s->groups_count > 0;
}

static unsigned serving(const struct bw_snapshot *s)
{
    unsigned n = 0;

    for (uint32_t i = 0; i < s->members_count; i++)
        n += s->members[i].state == BW_MEMBER_ACTIVE || s->members[i].state == BW_MEMBER_ATTENTION;
    return n;
}

/* In a cluster where one serves at a time, two do. */
static bool two_serve(const struct bw_snapshot *s)
{
    return s->groups_count <= 1 && (s->cluster.mode == BW_MODE_HA || s->cluster.mode == BW_MODE_HA_LEGACY) &&
           serving(s) > 1;
}

enum bw_level bw_page_level(const struct bw_web_page *page)
{
    const struct bw_snapshot *s = page->snapshot;

    if (stale(page) || groups_without_holder(s) > 0 || (serving(s) == 0 && !all_stopped(s)) || two_serve(s))
        return BW_LEVEL_CRITICAL;
    if (!s->cluster.takeover_possible || s->cluster.config_mismatch || s->sync.state == BW_SYNC_LOST)
        return BW_LEVEL_WARNING;
    for (uint32_t i = 0; i < s->members_count; i++)
        if (s->members[i].admin != BW_ADMIN_MAINTENANCE && bw_page_state_level(&s->members[i]) >= BW_LEVEL_WARNING)
            return BW_LEVEL_WARNING;
    return BW_LEVEL_OK;
}

const char *bw_page_level_word(const struct bw_web_page *page, enum bw_level level)
{
    if (stale(page))
        return "Unknown";
    return level == BW_LEVEL_OK ? "Healthy" : level == BW_LEVEL_CRITICAL ? "Failed" : "Degraded";
}

const char *bw_page_level_name(enum bw_level level)
{
    static const char *const names[] = {"ok", "info", "warning", "critical"};

    return names[level];
}

void bw_page_headline(const struct bw_web_page *page, char *text, size_t cap)
{
    const struct bw_snapshot *s = page->snapshot;
    const struct bw_member_row *holder = bw_page_member(page, s->cluster.active_member);
    unsigned lost = groups_without_holder(s);
    size_t n = 0;

    if (s->number == 0) {
        bw_copy(text, cap, "Nothing is known yet");
    } else if (stale(page)) {
        bw_copy(text, cap, "The engine has stopped telling");
    } else if (two_serve(s)) {
        for (uint32_t i = 0; i < s->members_count; i++)
            if (s->members[i].state == BW_MEMBER_ACTIVE || s->members[i].state == BW_MEMBER_ATTENTION)
                n += bw_format(text + n, cap - n, "%s%s", n > 0 ? " and " : "", s->members[i].name);
        bw_format(text + n, cap - n, " both serve");
    } else if (s->groups_count > 1 && lost > 0) {
        bw_format(text, cap, "%u of %u groups are served by nobody", lost, s->groups_count);
    } else if (s->groups_count > 1) {
        bw_format(text, cap, "%u groups on %u members", s->groups_count, serving(s));
    } else if (holder == NULL) {
        bw_copy(text, cap, "No member is active");
    } else {
        bw_format(text, cap, "%s is active%s", holder->name,
                  holder->state == BW_MEMBER_ATTENTION ? ", with a problem" : "");
    }
}

/* The newest failover of a group (0: of any); false when the history knows none. */
static bool last_failover(const struct bw_web_page *page, struct bw_event *event)
{
    uint64_t first, last;

    bw_history_range(page->history, &first, &last);
    if (page->snapshot->history_last < last)
        last = page->snapshot->history_last;
    for (uint64_t n = last; n > 0 && n >= first; n--)
        if (bw_history_read(page->history, n, event) == 0 && event->kind == BW_EVENT_FAILOVER)
            return true;
    return false;
}

static void came_by(const struct bw_web_page *page)
{
    struct bw_buffer *b = page->b;
    struct bw_event event;

    if (!last_failover(page, &event))
        return;
    bw_html(b, "<p class=\"came\">Last failover: <b>%t</b>", event.from[0] ? event.from : "nobody");
    bw_html(b, " <span class=\"to\">to</span> <b>%t</b>, ", event.to[0] ? event.to : "nobody");
    bw_html_time(b, event.time_wall);
    bw_html(b, ", cause <b>%t</b>", bw_enum_text(&bw_enum_cause, event.cause));
    if (event.took_ns > 0) {
        bw_buffer_text(b, ", took ");
        bw_html_duration(b, event.took_ns);
    }
    bw_buffer_text(b, "</p>");
}

/* Who serves, since when, why. */
static void who(const struct bw_web_page *page, enum bw_level level)
{
    const struct bw_snapshot *s = page->snapshot;
    const struct bw_member_row *holder = bw_page_member(page, s->cluster.active_member);
    struct bw_buffer *b = page->b;
    char text[BW_TEXT_MAX];

    bw_page_headline(page, text, sizeof(text));
    bw_html(b, "<div class=\"who\"><p class=\"eyebrow\" id=\"level\">%t</p><h1 id=\"headline\">%t</h1>",
            bw_page_level_word(page, level), text);
    if (stale(page)) {
        bw_buffer_text(b, "<p class=\"since\">What is shown below is ");
        bw_html_duration(b, page->age_ns);
        bw_buffer_text(b, " old. Other members may know more.</p>");
    } else if (s->groups_count > 1) {
        bw_buffer_text(b, "<p class=\"since\">");
        for (uint32_t i = 0; i < s->groups_count && i < 8; i++)
            bw_html(b, "%r%t: <b>%t</b>", i > 0 ? " · " : "", s->groups[i].name,
                    bw_page_member_name(page, s->groups[i].holder));
        bw_buffer_text(b, s->groups_count > 8 ? " …</p>" : "</p>");
    } else if (holder != NULL) {
        bw_buffer_text(b, "<p class=\"since\">since ");
        bw_html_time(b, holder->since_wall);
        bw_html(b, "<span class=\"why\">%t</span></p>", holder->reason);
    } else {
        bw_buffer_text(b, "<p class=\"since\">The virtual addresses are answered by nobody.</p>");
    }
    came_by(page);
    bw_buffer_text(b, "</div>");
}

static void takeover(const struct bw_web_page *page)
{
    const struct bw_cluster_row *c = &page->snapshot->cluster;
    bool yes = c->takeover_possible && !stale(page);
    struct bw_buffer *b = page->b;

    bw_html(b,
            "<div class=\"takeover %r\" id=\"takeover\"><p class=\"eyebrow\">Could another member take over now?</p><p "
            "class=\"answer\">",
            yes ? "yes" : "no");
    bw_html_icon(b, yes ? "ok" : "no");
    bw_html(b, "%r</p>", stale(page) ? "Unknown" : yes ? "Yes" : "No");
    if (!yes && c->takeover_obstacle[0] != '\0')
        bw_html(b, "<p class=\"obstacle\">%t</p>", c->takeover_obstacle);
    bw_html(b, "<p class=\"count\">%u of %u members in view</p></div>", c->members_in_view, c->members);
}

void bw_page_verdict(const struct bw_web_page *page, enum bw_level level)
{
    struct bw_buffer *b = page->b;

    bw_html(b, "<section id=\"verdict\" class=\"verdict %r\" aria-labelledby=\"headline\"><div class=\"sign\">",
            bw_page_level_name(level));
    bw_html_icon(b, bw_page_level_name(level));
    bw_buffer_text(b, "</div>");
    who(page, level);
    takeover(page);
    bw_buffer_text(b, "</section>");
}
