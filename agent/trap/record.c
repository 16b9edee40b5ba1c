/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recorded notifications as text, for `bellwether trap-test`. Two forms, mixed as one likes; lines that begin with #
 * are comments:
 *
 *   10.0.0.2 linkDown 1.3.6.1.2.1.2.2.1.1.7=7 1.3.6.1.2.1.2.2.1.2.7="port 7"
 *
 *   2026-01-01 00:00:00 sw1 [UDP: [10.0.0.2]:1024->[10.0.0.1]:162]:                        (as snmptrapd -f -Lo -OQn
 * prints) .1.3.6.1.2.1.1.3.0 = 0:0:00:01.00 <tab> .1.3.6.1.6.3.1.1.4.1.0 = .1.3.6.1.6.3.1.1.5.3 <tab> ...
 *
 * Pure: numbers and generic notifications only, no MIB files.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "agent/trap/trap.h"
#include "bellwether/text.h"

#define LINE_MAX_BYTES 16384

/* snmpTrapOID.0 */
static const struct bw_oid trap_oid = {11, {1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0}};

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Takes the next word of *at, up to a blank or one of stop; quotes keep what is between them together and are taken
 * off. False at the end of the line, or when it is too long or a quote is not closed. */
static bool take_word(const char **at, const char *stop, char *word, size_t cap, bool *quoted)
{
    size_t length = 0;

    *quoted = false;
    word[0] = '\0'; /* a text at every moment: those that fail are quoted in messages, too */
    while (blank(**at))
        ++*at;
    if (**at == '\0')
        return false;
    if (**at == '"') {
        *quoted = true;
        for (++*at; **at != '"'; ++*at) {
            if (**at == '\\' && (*at)[1] != '\0')
                ++*at;
            if (**at == '\0')
                return false;
            if (length + 1 < cap) {
                word[length++] = **at;
                word[length] = '\0';
            }
        }
        ++*at;
    } else {
        for (; **at != '\0' && !blank(**at) && strchr(stop, **at) == NULL; ++*at) {
            if (length + 1 == cap)
                return false;
            word[length++] = **at;
            word[length] = '\0';
        }
    }
    return true;
}

static int read_oid(const char *text, struct bw_oid *oid)
{
    return bw_oid_from_text(text, oid) == 0 || bw_oid_builtin(text, oid) == 0 ? 0 : -EINVAL;
}

static void set_value(struct bw_trap_value *value, const char *text, bool quoted)
{
    char *end;

    bw_copy(value->text, sizeof(value->text), text);
    errno = 0;
    value->number = strtoll(text, &end, 10);
    value->is_number = !quoted && end != text && *end == '\0' && errno == 0;
}

static int fail(char why[BW_TEXT_MAX], const char *what, const char *word)
{
    bw_format(why, BW_TEXT_MAX, "%s \"%s\"", what, word);
    return -EINVAL;
}

/* "source notification object=value ..." */
static int read_short(const char *line, struct bw_trap *trap, char why[BW_TEXT_MAX])
{
    char word[BW_TEXT_MAX], text[BW_TRAP_VALUE_MAX];
    bool quoted;

    if (!take_word(&line, "", word, sizeof(word), &quoted) || bw_address_from_text(word, &trap->source) != 0 ||
        strchr(word, '/') != NULL)
        return fail(why, "the line begins with no address:", word);
    if (!take_word(&line, "", word, sizeof(word), &quoted))
        return fail(why, "there is no notification after", "the address");
    if (read_oid(word, &trap->oid) != 0)
        return fail(why, "no number and no generic notification:", word);
    while (take_word(&line, "=", word, sizeof(word), &quoted)) {
        struct bw_trap_value *value = bw_trap_add_value(trap);
        struct bw_oid oid;

        if (value == NULL)
            return fail(why, "too many objects, the first one too many is", word);
        if (quoted || *line != '=' || bw_oid_from_text(word, &oid) != 0)
            return fail(why, "not of the form number=value:", word);
        line++;
        value->oid = oid;
        text[0] = '\0';
        if (*line != '\0' && !blank(*line) && !take_word(&line, "", text, sizeof(text), &quoted))
            return fail(why, "the value cannot be read of", word);
        set_value(value, text, quoted);
    }
    while (blank(*line))
        line++;
    return *line == '\0' ? 0 : fail(why, "cannot be read:", line);
}

/* "... [UDP: [10.0.0.2]:1024->[10.0.0.1]:162]:" */
static bool read_header(const char *line, struct bw_address *source)
{
    const char *at = strstr(line, "[UDP"), *end;
    char text[64];

    at = at != NULL ? strstr(at, ": [") : NULL;
    if (at == NULL)
        return false;
    at += 3;
    end = strchr(at, ']');
    if (end == NULL || (size_t)(end - at) >= sizeof(text))
        return false;
    memcpy(text, at, (size_t)(end - at));
    text[end - at] = '\0';
    return strchr(text, '/') == NULL && bw_address_from_text(text, source) == 0;
}

/* ".1.3.6.1 = value <tab> .1.3.6.1 = value" */
static int read_long(char *line, struct bw_trap *trap, char why[BW_TEXT_MAX])
{
    for (char *rest = NULL, *part = strtok_r(line, "\t\r", &rest); part != NULL; part = strtok_r(NULL, "\t\r", &rest)) {
        char *equals = strstr(part, " = "), *text;
        bool quoted;
        struct bw_trap_value *value;
        struct bw_oid oid;

        if (equals == NULL)
            return fail(why, "not of the form \".1.3.6.1 = value\":", part);
        *equals = '\0';
        text = equals + 3;
        quoted = text[0] == '"';
        if (quoted && strlen(text) >= 2 && text[strlen(text) - 1] == '"') {
            text[strlen(text) - 1] = '\0';
            text++;
        }
        if (bw_oid_from_text(part + strspn(part, " "), &oid) != 0)
            return fail(why, "no number of an object:", part);
        if (bw_oid_equal(&oid, &trap_oid)) {
            if (read_oid(text, &trap->oid) != 0)
                return fail(why, "no number of a notification:", text);
            continue;
        }
        value = bw_trap_add_value(trap);
        if (value == NULL)
            return fail(why, "too many objects, the first one too many is", part);
        value->oid = oid;
        set_value(value, text, quoted);
    }
    return trap->oid.length > 0 ? 0 : fail(why, "the notification is missing: no object", ".1.3.6.1.6.3.1.1.4.1.0");
}

/* Copies the next line that is neither empty nor a comment. 1, 0 at the end, -EINVAL when it is too long. */
static int next_line(const char *text, size_t *at, unsigned *line, char *copy)
{
    while (text[*at] != '\0') {
        const char *start = text + *at;
        size_t length = strcspn(start, "\n");

        *at += length + (start[length] == '\n');
        ++*line;
        while (length > 0 && blank(*start)) {
            start++;
            length--;
        }
        if (length == 0 || *start == '#')
            continue;
        if (length >= LINE_MAX_BYTES)
            return -EINVAL;
        memcpy(copy, start, length);
        copy[length] = '\0';
        return 1;
    }
    return 0;
}

int bw_trap_record_next(const char *text, size_t *at, unsigned *line, struct bw_trap *trap, char why[BW_TEXT_MAX])
{
    char copy[LINE_MAX_BYTES];
    int rc = next_line(text, at, line, copy);

    memset(trap, 0, sizeof(*trap));
    why[0] = '\0';
    if (rc == 0)
        return 0;
    if (rc < 0)
        return fail(why, "the line is longer than", "16383");
    if (!read_header(copy, &trap->source)) {
        rc = read_short(copy, trap, why);
        return rc == 0 ? 1 : rc;
    }
    rc = next_line(text, at, line, copy);
    if (rc <= 0)
        return fail(why, "no objects follow", "the line that snmptrapd begins with");
    rc = read_long(copy, trap, why);
    return rc == 0 ? 1 : rc;
}
