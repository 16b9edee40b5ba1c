/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private to the status page: what its parts share. The page is rendered on the server from one snapshot, whole and
 * readable without script; page.js then fetches it anew whenever an event comes and changes what differs. So there is
 * one renderer, and every text goes through one function that escapes it. What changes all the time (counters, ages)
 * stays out or is told coarsely: while nothing happens the page stays the same, and so does its entity tag.
 */
#ifndef BELLWETHER_EXPORTERS_HTTP_PAGE_H
#define BELLWETHER_EXPORTERS_HTTP_PAGE_H

#include "exporters/http/http.h"

enum bw_level { BW_LEVEL_OK, BW_LEVEL_INFO, BW_LEVEL_WARNING, BW_LEVEL_CRITICAL };

/* ---- page.c ---- */

/* Everything up to <main>; title: what comes after the headline, or "". */
void bw_page_head(const struct bw_web_page *page, const char *title);

/* ---- html.c ---- */

/* Appends format, in which %t is a text that is escaped, %r one that is not, %u an unsigned number, %% a percent. */
void bw_html(struct bw_buffer *b, const char *format, ...);
/* A text with &, <, >, quotes escaped, and everything that is not printable UTF-8 as U+FFFD. */
void bw_html_text(struct bw_buffer *b, const char *text);
/* <time> with the UTC time; page.js shows it in the reader's own time, and how long ago it was. */
void bw_html_time(struct bw_buffer *b, int64_t wall);
/* "0.31 ms", "24 ms", "1.5 s", "12 s", "3 min", "2 h", "5 d": to be read at a glance. */
void bw_html_duration(struct bw_buffer *b, uint64_t ns);
/* One of the page's pictures, hidden from screen readers: there is always a word beside it. */
void bw_html_icon(struct bw_buffer *b, const char *name);

/* ---- page_verdict.c ---- */

/* Level and its word; then the two sentences that matter, and the list of all that is wrong. */
enum bw_level bw_page_level(const struct bw_web_page *page);
const char *bw_page_level_word(const struct bw_web_page *page, enum bw_level level);
const char *bw_page_level_name(enum bw_level level);
/* "fw1 is active": as one line, for the title as well. */
void bw_page_headline(const struct bw_web_page *page, char *text, size_t cap);
void bw_page_verdict(const struct bw_web_page *page, enum bw_level level);

/* ---- page_problems.c ---- */

void bw_page_problems(const struct bw_web_page *page);

/* ---- page_tables.c ---- */

/* A panel with its heading; ends with </section>. id and title are not escaped. */
void bw_page_section(struct bw_buffer *b, const char *id, const char *title);
/* A table in it, up to its headings. It scrolls sideways by itself where it is too wide; reachable by keyboard. */
void bw_page_table(struct bw_buffer *b, const char *id);
/* Ends the table and the panel. */
void bw_page_table_end(struct bw_buffer *b);
/* A heading for each member, then the table's body. */
void bw_page_member_headings(const struct bw_web_page *page);
/* Begins a cell with an icon and a word. */
void bw_page_cell(struct bw_buffer *b, const char *level, const char *icon, const char *text);

/* ---- page_members.c, page_actions.c, page_tables.c, page_history.c, page_sync.c, page_others.c ---- */

void bw_page_members(const struct bw_web_page *page);
void bw_page_member_actions(const struct bw_web_page *page, const struct bw_member_row *member);
void bw_page_group_actions(const struct bw_web_page *page, const struct bw_group_row *group);
void bw_page_interfaces(const struct bw_web_page *page);
void bw_page_pnotes(const struct bw_web_page *page);
void bw_page_addresses(const struct bw_web_page *page);
void bw_page_groups(const struct bw_web_page *page);
void bw_page_sync(const struct bw_web_page *page);
void bw_page_sync_actions(const struct bw_web_page *page);
/* Each shown only where there are any. */
void bw_page_resources(const struct bw_web_page *page);
void bw_page_alerts(const struct bw_web_page *page);
void bw_page_traps(const struct bw_web_page *page);
void bw_page_timeline(const struct bw_web_page *page);
void bw_page_events(const struct bw_web_page *page);

/* The icon and the level of a member's state. */
const char *bw_page_state_icon(const struct bw_member_row *member);
enum bw_level bw_page_state_level(const struct bw_member_row *member);
/* The member with that id, NULL when there is none. */
const struct bw_member_row *bw_page_member(const struct bw_web_page *page, uint32_t id);
/* A member's name, "nobody" for 0. */
const char *bw_page_member_name(const struct bw_web_page *page, uint32_t id);
/* Its position among the members from 1, 0 for none: colours go by it. */
unsigned bw_page_member_place(const struct bw_web_page *page, uint32_t id);

#endif
