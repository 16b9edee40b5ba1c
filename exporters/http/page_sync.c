/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * State synchronisation on the status page: how it is, what each rule says, and the peers. Counters run all the time,
 * so only whole percents are told here; every number is on the page of all values.
 */
#include "bellwether/sync_health.h"
#include "bellwether/text.h"
#include "exporters/http/page.h"

static const struct look {
    const char *level, *icon;
} looks[] = {
    [BW_SYNC_OFF] = {"none", "none"},          [BW_SYNC_ALONE] = {"info", "init"},
    [BW_SYNC_FULL] = {"info", "init"},         [BW_SYNC_OK] = {"ok", "ok"},
    [BW_SYNC_BEHIND] = {"warning", "warning"}, [BW_SYNC_LOST] = {"critical", "critical"},
};

static void state_cell(struct bw_buffer *b, uint32_t state)
{
    const struct look *look = &looks[state <= BW_SYNC_LOST && state > 0 ? state : BW_SYNC_OFF];

    bw_page_cell(b, look->level, look->icon, bw_enum_text(&bw_enum_sync_state, state));
    bw_buffer_text(b, "</td>");
}

static void verdict_row(struct bw_buffer *b, const struct bw_sync_verdict *v)
{
    bw_html(b, "<tr><th scope=\"row\">%t</th><td>", v->title);
    if (v->unit == BW_SYNC_UNIT_PERCENT)
        bw_html(b, "%u %%</td><td>%u %%</td>", (unsigned)(v->value / 100), (unsigned)v->limit);
    else
        bw_html(b, "%t</td><td>%u</td>", v->shown, (unsigned)v->limit);
    bw_page_cell(b, v->healthy ? "ok" : "warning", v->healthy ? "ok" : "warning",
                 v->healthy ? "healthy" : "look at it");
    if (!v->healthy)
        bw_html(b, "<span class=\"detail\">%t</span>", v->advice);
    bw_buffer_text(b, "</td></tr>");
}

static void peer_row(const struct bw_web_page *page, const struct bw_sync_peer_row *peer)
{
    struct bw_buffer *b = page->b;

    bw_html(b, "<tr><th scope=\"row\"><i class=\"hue m%u\"></i>%t</th>", bw_page_member_place(page, peer->member),
            bw_page_member_name(page, peer->member));
    state_cell(b, peer->state);
    bw_html(b, "<td>%t</td><td>", peer->interface[0] ? peer->interface : "none");
    if (peer->full_sync_percent < 100)
        bw_html(b, "%u %% done</td></tr>", peer->full_sync_percent);
    else
        bw_buffer_text(b, "none runs</td></tr>");
}

static void peers(const struct bw_web_page *page)
{
    const struct bw_snapshot *s = page->snapshot;
    struct bw_buffer *b = page->b;

    bw_buffer_text(b, "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Peers of the state "
                      "synchronisation\"><table><thead><tr><th scope=\"col\">Peer</th><th scope=\"col\">State</th><th "
                      "scope=\"col\">Interface</th><th scope=\"col\">Full synchronisation</th></tr></thead><tbody>");
    for (uint32_t i = 0; i < s->sync_peers_count; i++)
        peer_row(page, &s->sync_peers[i]);
    bw_buffer_text(b, "</tbody></table></div>");
}

void bw_page_sync(const struct bw_web_page *page)
{
    const struct bw_sync_row *sync = &page->snapshot->sync;
    struct bw_sync_verdict verdicts[BW_SYNC_VERDICTS_MAX];
    unsigned count = bw_sync_verdicts(sync, verdicts);
    struct bw_buffer *b = page->b;

    bw_page_section(b, "sync", "State synchronisation");
    if (count == 0) {
        bw_buffer_text(b, "<p class=\"none\">This cluster synchronises no connection state.</p></section>");
        return;
    }
    bw_html(b, "<p class=\"state\">State <b>%t</b>, %r", bw_enum_text(&bw_enum_sync_state, sync->state),
            sync->healthy ? "healthy" : "<b>look at it</b>: ");
    bw_html(b, "%t.", sync->healthy ? "" : sync->advice);
    if (sync->detail[0] != '\0')
        bw_html(b, "<span class=\"detail\">%t</span>", sync->detail);
    bw_buffer_text(b, "</p>");
    if (page->snapshot->sync_peers_count > 0)
        peers(page);
    bw_page_table(b, "sync");
    bw_buffer_text(b, "<th scope=\"col\">Rule</th><th scope=\"col\">Value</th><th scope=\"col\">Healthy up to</th><th "
                      "scope=\"col\">Verdict</th></tr></thead><tbody>");
    for (unsigned i = 0; i < count; i++)
        verdict_row(b, &verdicts[i]);
    bw_buffer_text(b, "</tbody></table></div><p class=\"more\">Counted since ");
    if (sync->reset_wall != 0)
        bw_html_time(b, sync->reset_wall);
    else
        bw_buffer_text(b, "the agent's start");
    bw_buffer_text(b, "; <a href=\"/all#all-sync\">all counters</a>.</p>");
    bw_page_sync_actions(page);
    bw_buffer_text(b, "</section>");
}
