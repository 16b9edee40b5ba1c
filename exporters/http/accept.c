/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a client asks for in its headers and its query: a format, an entity tag, some families. Text in, answer out.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "exporters/http/http.h"

/* ---- Accept ---- */

/* One range of an Accept header: "type; parameter=value; q=0.5". Parts are cut off where blanks and semicolons are. */
struct range {
    const char *type, *version;
    size_t type_length, version_length;
    double q;
};

static bool is(const char *text, size_t length, const char *wanted)
{
    return length == strlen(wanted) && strncasecmp(text, wanted, length) == 0;
}

/* Reads the range at p; returns the place behind it (behind its comma, or the end). */
static const char *read_range(const char *p, struct range *r)
{
    *r = (struct range){.q = 1};
    p += strspn(p, " \t,");
    r->type = p;
    r->type_length = strcspn(p, " \t,;");
    p += r->type_length;
    while (*(p += strspn(p, " \t")) == ';') {
        const char *name, *value;
        size_t length;

        name = p += 1 + strspn(p + 1, " \t");
        value = p += strcspn(p, "=,; \t");
        length = (size_t)(value - name);
        if (*p != '=')
            continue;
        value = ++p;
        if (*p == '"') {
            value = ++p;
            p += strcspn(p, "\"");
        } else {
            p += strcspn(p, ",; \t");
        }
        if (is(name, length, "version")) {
            r->version = value;
            r->version_length = (size_t)(p - value);
        } else if (is(name, length, "q")) {
            r->q = *value == '1' ? 1 : *value == '0' ? strtod(value, NULL) : 0;
        }
        p += *p == '"';
    }
    p += strcspn(p, ",");
    return p;
}

enum bw_metrics_format bw_accept_metrics(const char *accept)
{
    double open = 0, text = 0;
    bool named = false; /* text */
    struct range r;

    for (const char *p = accept ? accept : ""; *p != '\0';) {
        p = read_range(p, &r);
        if (is(r.type, r.type_length, "application/openmetrics-text") &&
            (r.version == NULL || is(r.version, r.version_length, "1.0.0"))) {
            open = r.q > open ? r.q : open;
        } else if (is(r.type, r.type_length, "text/plain") &&
                   (r.version == NULL || is(r.version, r.version_length, "0.0.4"))) {
            text = !named || r.q > text ? r.q : text;
            named = true;
        } else if (!named && (is(r.type, r.type_length, "text/*") || is(r.type, r.type_length, "*/*"))) {
            text = r.q > text ? r.q : text;
        }
    }
    return open > 0 && open >= text ? BW_METRICS_OPEN : BW_METRICS_TEXT;
}

/* ---- If-None-Match ---- */

bool bw_etag_named(const char *header, const char *etag)
{
    size_t length = strlen(etag);

    for (const char *p = header; p != NULL && *p != '\0'; p += strcspn(p, ",")) {
        p += strspn(p, " \t,");
        if (*p == '*')
            return true;
        if (p[0] == 'W' && p[1] == '/')
            p += 2;
        if (strncmp(p, etag, length) == 0 && strchr(" \t,", p[length]) != NULL)
            return true;
        if (*p == '"')
            p += 1 + strcspn(p + 1, "\"");
    }
    return false;
}

/* ---- ?name[]= ---- */

static size_t without(const char *name, size_t length, const char *ending)
{
    size_t end = strlen(ending);

    return length > end && memcmp(name + length - end, ending, end) == 0 ? length - end : length;
}

bool bw_metrics_wanted(const char *name, size_t length, const char *wanted)
{
    size_t wanted_length = strlen(wanted);

    if (wanted_length > 0 && wanted[wanted_length - 1] == '*')
        return length >= wanted_length - 1 && memcmp(name, wanted, wanted_length - 1) == 0;
    length = without(name, without(name, length, "_total"), "_info");
    wanted_length = without(wanted, without(wanted, wanted_length, "_total"), "_info");
    return length == wanted_length && memcmp(name, wanted, length) == 0;
}

void bw_metrics_filter(const char *text, size_t length, const char *const *wanted, unsigned count, struct bw_buffer *b)
{
    const char *end = text + length, *first = NULL; /* of the family's comments */
    bool take = false;

    for (const char *line = text, *next; line < end; line = next) {
        const char *name = line + 7;

        next = memchr(line, '\n', (size_t)(end - line));
        next = next ? next + 1 : end;
        if (line[0] == '#' && next - line > 8 && (first == NULL || memcmp(line, first, 7) == 0)) {
            first = first ? first : line; /* a family's first comment: all of them begin with the same word */
            take = false;
            for (unsigned i = 0; i < count && !take; i++)
                take = bw_metrics_wanted(name, strcspn(name, " \n"), wanted[i]);
        }
        if (take || (next - line == 6 && memcmp(line, "# EOF\n", 6) == 0))
            bw_buffer_bytes(b, line, (size_t)(next - line));
    }
}
