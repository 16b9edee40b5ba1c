/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an administrator may do from the page: buttons that carry the request and, for the confirmation, what it would
 * do to the cluster as it is now. Nothing happens without the token; the engine decides.
 */
#include "bellwether/text.h"
#include "exporters/http/page.h"

struct action {
    const char *label, *path; /* path: escaped, without force */
    const char *title, *consequence;
    const char *force; /* what forcing would do; NULL = it cannot be forced */
    const char *body;  /* JSON, or "" */
    bool grave;
};

static void button(struct bw_buffer *b, const struct action *a)
{
    bw_html(b, "<button type=\"button\" class=\"%r\" data-path=\"%t\" data-title=\"%t\" data-say=\"%t\"",
            a->grave ? "grave" : "mild", a->path, a->title, a->consequence);
    if (a->force != NULL)
        bw_html(b, " data-force=\"%t\"", a->force);
    if (a->body[0] != '\0')
        bw_html(b, " data-body=\"%t\"", a->body);
    bw_html(b, ">%t</button>", a->label);
}

static bool holds_any(const struct bw_web_page *page, uint32_t id)
{
    for (uint32_t i = 0; i < page->snapshot->groups_count; i++)
        if (page->snapshot->groups[i].holder == id)
            return true;
    return false;
}

/* What happens when this member stops serving for a reason of an administrator's. */
static void leaving(const struct bw_web_page *page, const struct bw_member_row *m, const char *then, char *text,
                    size_t cap)
{
    const struct bw_cluster_row *c = &page->snapshot->cluster;

    if (!holds_any(page, m->id))
        bw_format(text, cap,
                  "%s serves nothing now, so no traffic moves. %s With it out, fewer members can take over if "
                  "the active one fails.",
                  m->name, then);
    else if (c->takeover_possible)
        bw_format(text, cap,
                  "%s serves now. Another member takes its virtual addresses over at once; a planned move "
                  "loses no packet. %s",
                  m->name, then);
    else
        bw_format(text, cap,
                  "%s serves and nobody else can take over (%s). The cluster will refuse this, and %s goes on "
                  "serving.",
                  m->name, c->takeover_obstacle, m->name);
}

void bw_page_member_actions(const struct bw_web_page *page, const struct bw_member_row *m)
{
    char title[BW_TEXT_MAX], say[4 * BW_TEXT_MAX], force[2 * BW_TEXT_MAX], path[64];
    struct action a = {.path = path, .title = title, .consequence = say, .body = ""};

    if (!page->actions)
        return;
    bw_html(page->b, "<div class=\"actions\" role=\"group\" aria-label=\"Actions on %t\">", m->name);
    if (m->admin != BW_ADMIN_UP) {
        a.label = "Set up";
        bw_format(path, sizeof(path), "/api/v1/members/%u/up", m->id);
        bw_format(title, sizeof(title), "Set %s up?", m->name);
        bw_format(say, sizeof(say), "%s takes part again as soon as it is well. %s", m->name,
                  page->snapshot->cluster.recovery == BW_RECOVERY_PRIMARY_UP
                      ? "Recovery is primary-up: if it ranks higher than the active member it takes over again."
                      : "Recovery is active-up: whoever is active stays active.");
        button(page->b, &a);
    }
    if (m->admin != BW_ADMIN_DOWN) {
        a.label = "Set down";
        a.grave = true;
        bw_format(path, sizeof(path), "/api/v1/members/%u/down", m->id);
        bw_format(title, sizeof(title), "Set %s down?", m->name);
        leaving(page, m, "It counts as having a problem until it is set up again, over restarts too.", say,
                sizeof(say));
        bw_format(force, sizeof(force),
                  "Force it: %s stops serving even when nobody can take over, and never serves "
                  "until it is set up again. The virtual addresses may then be answered by nobody.",
                  m->name);
        a.force = force;
        button(page->b, &a);
        a.force = NULL;
    }
    if (m->admin != BW_ADMIN_MAINTENANCE) {
        a.label = "Maintenance";
        a.grave = true;
        bw_format(path, sizeof(path), "/api/v1/members/%u/maintenance", m->id);
        bw_format(title, sizeof(title), "Take %s into maintenance?", m->name);
        leaving(page, m, "It raises no alert and never serves until it is set up again, over restarts too.", say,
                sizeof(say));
        button(page->b, &a);
    }
    bw_buffer_text(page->b, "</div>");
}

void bw_page_sync_actions(const struct bw_web_page *page)
{
    const struct action a = {
        .label = "Reset counters",
        .path = "/api/v1/sync/reset",
        .title = "Reset the counters?",
        .consequence = "The counters of the synchronisation and of heartbeats begin anew at 0, for every surface of "
                       "this member. Nothing is lost but what was counted; no connection is touched.",
        .body = "",
    };

    if (!page->actions)
        return;
    bw_buffer_text(page->b, "<div class=\"actions\" role=\"group\" aria-label=\"Actions on the synchronisation\">");
    button(page->b, &a);
    bw_buffer_text(page->b, "</div>");
}

/* Could this member hold it, as far as the snapshot tells? The engine has the last word. */
static bool may_hold(const struct bw_member_row *m)
{
    return (m->state == BW_MEMBER_STANDBY || m->state == BW_MEMBER_READY || m->state == BW_MEMBER_ACTIVE) &&
           !m->problem && m->admin == BW_ADMIN_UP;
}

void bw_page_group_actions(const struct bw_web_page *page, const struct bw_group_row *group)
{
    char title[BW_TEXT_MAX], say[3 * BW_TEXT_MAX], path[96], body[32], label[BW_NAME_MAX + 16];
    struct action a = {.path = path, .title = title, .consequence = say, .body = body, .label = label, .grave = true};
    bool any = false;

    if (!page->actions)
        return;
    bw_html(page->b, "<div class=\"actions\" role=\"group\" aria-label=\"Actions on group %t\">", group->name);
    for (uint32_t i = 0; i < page->snapshot->members_count; i++) {
        const struct bw_member_row *m = &page->snapshot->members[i];

        if (m->id == group->holder || !may_hold(m))
            continue;
        bw_format(label, sizeof(label), "Move to %s", m->name);
        bw_format(path, sizeof(path), "/api/v1/groups/%s/move", group->name);
        bw_format(body, sizeof(body), "{\"to\":%u}", m->id);
        bw_format(title, sizeof(title), "Move %s to %s?", group->name, m->name);
        bw_format(say, sizeof(say),
                  "%s takes the virtual addresses of %s over from %s. A planned move loses no packet; "
                  "connections that are not synchronised may break.",
                  m->name, group->name, bw_page_member_name(page, group->holder));
        button(page->b, &a);
        any = true;
    }
    bw_buffer_text(page->b, any ? "</div>" : "<span class=\"none\">No other member can hold it now.</span></div>");
}
