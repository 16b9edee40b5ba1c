/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The list of all that is wrong, in one place: what an operator would otherwise have to find in the tables below. A
 * member that is not there at all is told once; what it last said of its interfaces and pnotes is not repeated.
 */
#include <string.h>

#include "bellwether/text.h"
#include "exporters/http/page.h"

#define SHOWN_MAX 40

struct list {
    const struct bw_web_page *page;
    unsigned count, shown;
};

/* Begins an entry: who it is about (NULL: the cluster). False: there are too many. */
static bool begin(struct list *list, enum bw_level level, const char *who, const char *what)
{
    static const char *const words[] = {"Fine", "Note", "Warning", "Critical"};
    struct bw_buffer *b = list->page->b;

    if (++list->count > SHOWN_MAX)
        return false;
    bw_html(b, "<li class=\"%r\">", bw_page_level_name(level));
    bw_html_icon(b, bw_page_level_name(level));
    bw_html(b, "<span class=\"unseen\">%r: </span><span class=\"what\">", words[level]);
    if (who != NULL)
        bw_html(b, "<b>%t</b> ", who);
    bw_html(b, "%t", what);
    return true;
}

static void more(struct list *list, const char *text)
{
    if (text[0] != '\0')
        bw_html(list->page->b, "<span class=\"detail\">%t</span>", text);
}

static void end(struct list *list)
{
    bw_buffer_text(list->page->b, "</span></li>");
}

static void one(struct list *list, enum bw_level level, const char *who, const char *what, const char *detail)
{
    if (!begin(list, level, who, what))
        return;
    more(list, detail);
    end(list);
}

static bool is_there(const struct bw_member_row *m)
{
    return m->view == BW_VIEW_LOCAL || m->view == BW_VIEW_MUTUAL || m->view == BW_VIEW_ONE_WAY;
}

static void about_cluster(struct list *list)
{
    const struct bw_snapshot *s = list->page->snapshot;
    char text[BW_TEXT_MAX];

    for (uint32_t i = 0; i < s->groups_count; i++)
        if (s->groups[i].holder == 0)
            one(list, !s->groups[i].stopped ? BW_LEVEL_CRITICAL : BW_LEVEL_INFO, s->groups[i].name,
                s->groups[i].stopped ? "is stopped" : "is held by nobody", "");
    if (s->cluster.config_mismatch)
        one(list, BW_LEVEL_WARNING, NULL, "The members run different configurations", "");
    if (strcmp(s->cluster.version, s->cluster.oldest_version) != 0 && s->cluster.oldest_version[0] != '\0') {
        bw_format(text, sizeof(text), "oldest %s, here %s", s->cluster.oldest_version, s->cluster.version);
        one(list, BW_LEVEL_INFO, NULL, "The members run different versions", text);
    }
}

static void about_admin(struct list *list, const struct bw_member_row *m)
{
    char text[BW_TEXT_MAX];

    if (m->admin == BW_ADMIN_UP)
        return;
    bw_format(text, sizeof(text), "is %s%s, set by %s", m->admin == BW_ADMIN_MAINTENANCE ? "in " : "",
              m->forced                          ? "forced down"
              : m->admin == BW_ADMIN_MAINTENANCE ? "maintenance"
                                                 : "down by an administrator",
              m->admin_by[0] ? m->admin_by : "an administrator");
    if (!begin(list, BW_LEVEL_INFO, m->name, text))
        return;
    bw_buffer_text(list->page->b, "<span class=\"detail\">since ");
    bw_html_time(list->page->b, m->admin_since_wall);
    bw_buffer_text(list->page->b, "</span>");
    end(list);
}

static void about_member(struct list *list, const struct bw_member_row *m)
{
    char text[BW_TEXT_MAX];

    if (!is_there(m)) {
        if (begin(list, BW_LEVEL_WARNING, m->name, "is ")) {
            bw_html(list->page->b, "%t", bw_enum_text(&bw_enum_member_state, m->state));
            more(list, m->reason);
            end(list);
        }
        return;
    }
    about_admin(list, m);
    bw_format(text, sizeof(text), "is in state %s", bw_enum_text(&bw_enum_member_state, m->state));
    if (m->state == BW_MEMBER_ATTENTION || (m->problem && m->admin == BW_ADMIN_UP && m->reason_source[0] == '\0'))
        one(list, BW_LEVEL_WARNING, m->name, text, m->reason);
    if (m->deaf)
        one(list, BW_LEVEL_WARNING, m->name, "is deaf: it receives nothing although its links are up", "");
    if (m->view == BW_VIEW_ONE_WAY)
        one(list, BW_LEVEL_WARNING, m->name, "is heard here but does not hear this member", "");
}

static void about_interface(struct list *list, const struct bw_interface_row *r)
{
    const struct bw_member_row *m = bw_page_member(list->page, r->member);
    char what[BW_TEXT_MAX], detail[BW_TEXT_MAX];

    if (m == NULL || !is_there(m) || r->role == BW_ROLE_DISCONNECTED || r->state == BW_INTERFACE_UP ||
        r->state == BW_INTERFACE_UNKNOWN)
        return;
    bw_format(what, sizeof(what), "interface %s is %s", r->name, bw_enum_text(&bw_enum_interface_state, r->state));
    bw_format(detail, sizeof(detail), "%s; receive %s, transmit %s", r->link ? "link up" : "no link",
              bw_enum_text(&bw_enum_direction, r->receive), bw_enum_text(&bw_enum_direction, r->transmit));
    one(list, BW_LEVEL_WARNING, m->name, what, detail);
}

static void about_pnote(struct list *list, const struct bw_pnote_row *r)
{
    const struct bw_member_row *m = bw_page_member(list->page, r->member);
    char what[BW_TEXT_MAX];

    if (m == NULL || !is_there(m) || r->status == BW_PNOTE_OK)
        return;
    bw_format(what, sizeof(what), "pnote %s is %s%s", r->name, r->status == BW_PNOTE_PROBLEM ? "in " : "",
              bw_enum_text(&bw_enum_pnote_status, r->status));
    one(list, r->status == BW_PNOTE_PROBLEM ? BW_LEVEL_WARNING : BW_LEVEL_INFO, m->name, what, r->detail);
}

static void about_resource(struct list *list, const struct bw_resource_row *r)
{
    const struct bw_member_row *m = bw_page_member(list->page, r->member);
    char what[BW_TEXT_MAX];

    if (m == NULL || !is_there(m) || r->state != BW_GROUP_ERROR)
        return;
    bw_format(what, sizeof(what), "resource %s is in error", r->name);
    one(list, BW_LEVEL_WARNING, m->name, what, r->detail);
}

/* What this member itself is busy with besides. */
static void about_surfaces(struct list *list)
{
    const struct bw_snapshot *s = list->page->snapshot;
    char what[BW_TEXT_MAX];

    if (!s->agent.store_writable)
        one(list, BW_LEVEL_WARNING, bw_page_member_name(list->page, s->cluster.local_member), "cannot write its state_dir",
            "What is set now, and the history, may be lost in a restart; its log says why");
    if (s->sync.state > BW_SYNC_OFF && !s->sync.healthy)
        one(list, s->sync.state == BW_SYNC_LOST ? BW_LEVEL_WARNING : BW_LEVEL_INFO, NULL,
            "The state synchronisation wants a look", s->sync.advice);
    for (uint32_t i = 0; i < s->alerts_count; i++) {
        if (s->alerts[i].last_error[0] == '\0')
            continue;
        bw_format(what, sizeof(what), "Alerts do not reach %s", s->alerts[i].name);
        one(list, BW_LEVEL_INFO, NULL, what, s->alerts[i].last_error);
    }
}

void bw_page_problems(const struct bw_web_page *page)
{
    const struct bw_snapshot *s = page->snapshot;
    struct bw_buffer entries = {0};
    struct bw_web_page inner = *page;
    struct list list = {.page = &inner};

    inner.b = &entries;
    about_cluster(&list);
    for (uint32_t i = 0; i < s->members_count; i++)
        about_member(&list, &s->members[i]);
    for (uint32_t i = 0; i < s->interfaces_count; i++)
        about_interface(&list, &s->interfaces[i]);
    for (uint32_t i = 0; i < s->pnotes_count; i++)
        about_pnote(&list, &s->pnotes[i]);
    for (uint32_t i = 0; i < s->resources_count; i++)
        about_resource(&list, &s->resources[i]);
    about_surfaces(&list);
    for (uint32_t i = 0; i < s->addresses_count; i++)
        if (s->addresses[i].holder == s->cluster.local_member && s->addresses[i].holder != 0 &&
            !s->addresses[i].installed) {
            char text[BW_ADDRESS_TEXT_MAX];

            one(&list, BW_LEVEL_WARNING, bw_page_member_name(page, s->cluster.local_member),
                "holds an address that is not in its kernel", bw_address_to_text(&s->addresses[i].address, true, text));
        }
    bw_html(page->b, "<section id=\"problems\" class=\"problems\" aria-labelledby=\"problems-title\"%r>",
            list.count == 0 ? " hidden" : "");
    bw_html(page->b, "<h2 id=\"problems-title\">What is wrong <span class=\"n\">%u</span></h2><ul>", list.count);
    bw_buffer_bytes(page->b, entries.data ? entries.data : "", entries.length);
    page->b->failed = page->b->failed || entries.failed;
    bw_buffer_free(&entries);
    if (list.count > SHOWN_MAX)
        bw_html(page->b, "<li class=\"info\"><span class=\"what\">and %u more, in the tables below</span></li>",
                list.count - SHOWN_MAX);
    bw_buffer_text(page->b, "</ul></section>");
}
