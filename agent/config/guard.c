/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What stands between a file's text and libconfig. libconfig would open other files at an include directive, stop at a
 * NUL byte, cut numbers to 32 bits without a word (4294967313 becomes 17), and lose memory when a syntax error follows
 * a text. This walks the file by libconfig's lexical rules (texts, three kinds of comments, names, numbers) and deals
 * with each.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config/reader.h"

/* libconfig's time grows with the square of the keys in a section, so there must be some bound; the largest cluster
 * needs about 2,000. */
#define KEYS_MAX 8192

struct cursor {
    const char *at, *end;
    unsigned line;
    unsigned keys;   /* assignments so far */
    bool after_text; /* no token came since the last text: a text here continues it */
    char *whole;     /* grows by at most one character for each number of eight digits or more */
    char *bare;      /* grows by at most two characters for each text */
};

static bool starts(const struct cursor *c, const char *word)
{
    size_t length = strlen(word);

    return (size_t)(c->end - c->at) >= length && !memcmp(c->at, word, length);
}

static void take(struct cursor *c, size_t count)
{
    for (; count > 0 && c->at < c->end; count--) {
        c->line += *c->at == '\n';
        *c->whole++ = *c->bare++ = *c->at++;
    }
}

/* Copies up to and including `stop`, or to the end. escapes: a backslash takes the next character along. */
static void take_until(struct cursor *c, const char *stop, bool escapes)
{
    while (c->at < c->end) {
        if (starts(c, stop)) {
            take(c, strlen(stop));
            return;
        }
        take(c, escapes && *c->at == '\\' ? 2 : 1);
    }
}

static bool of(char ch, const char *set)
{
    return ch != '\0' && strchr(set, ch);
}

#define DIGITS     "0123456789"
#define HEX_DIGITS DIGITS "abcdefABCDEF"
#define LETTERS    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static size_t span(const struct cursor *c, size_t from, const char *set)
{
    size_t n = 0;

    while (from + n < (size_t)(c->end - c->at) && of(c->at[from + n], set))
        n++;
    return n;
}

/* A number: marked with L when it may need more than 32 bits and is not a fraction. In the bare copy only texts are
 * marked so. */
static void take_number(struct cursor *c)
{
    bool hex = starts(c, "0x") || starts(c, "0X");
    size_t digits = hex ? span(c, 2, HEX_DIGITS) : span(c, 0, DIGITS);
    size_t whole = hex ? digits + 2 : digits;
    bool ends = c->at + whole >= c->end || !of(c->at[whole], LETTERS DIGITS "._");

    take(c, whole);
    if (ends && digits >= (hex ? 8 : 10))
        *c->whole++ = 'L';
    for (unsigned i = 0; i < 2 && c->at < c->end && *c->at == 'L'; i++)
        *c->whole++ = *c->at++;
    take(c, span(c, 0, LETTERS DIGITS "._"));
}

/* Does an odd number of backslashes stand before `at`? */
static bool escaped(const char *start, const char *at)
{
    unsigned count = 0;

    while (at > start && *--at == '\\')
        count++;
    return count % 2;
}

/* A text: in the bare copy a number in its place, once for texts that follow each other and are one to libconfig. */
static int take_text(struct bw_config_reader *reader, struct cursor *c)
{
    unsigned line = c->line;
    char *bare = c->bare;
    const char *start = c->at;

    take(c, 1);
    take_until(c, "\"", true);
    if (c->at - start < 2 || c->at[-1] != '"' || escaped(start, c->at - 1)) {
        bw_config_problem_at(reader, line, "a text begins here and does not end; allowed: text between double quotes");
        return -EINVAL;
    }
    c->bare = bare;
    if (!c->after_text) {
        memcpy(c->bare, " 0L ", 4);
        c->bare += 4;
    }
    for (; start < c->at; start++) {
        if (*start == '\n')
            *c->bare++ = '\n';
    }
    c->after_text = true;
    return 0;
}

static bool blank(char ch)
{
    return of(ch, " \t\r\n\f\v");
}

/* One token, comment or blank. */
static int take_next(struct bw_config_reader *reader, struct cursor *c)
{
    if (*c->at == '"')
        return take_text(reader, c);
    if (starts(c, "/*")) {
        take(c, 2);
        take_until(c, "*/", false);
        return 0;
    }
    if (*c->at == '#' || starts(c, "//")) {
        take_until(c, "\n", false);
        return 0;
    }
    if (*c->at == '@') {
        bw_config_problem_at(reader, c->line,
                             "include directives are not supported; allowed: one file that holds everything");
        return -EINVAL;
    }
    if ((*c->at == '=' || *c->at == ':') && ++c->keys > KEYS_MAX) {
        bw_config_problem_at(reader, c->line, "one key too many; allowed: %d in a file", KEYS_MAX);
        return -EINVAL;
    }
    c->after_text = c->after_text && blank(*c->at);
    if (of(*c->at, LETTERS "*"))
        take(c, span(c, 0, LETTERS DIGITS "*_-"));
    else if (of(*c->at, DIGITS))
        take_number(c);
    else
        take(c, 1);
    return 0;
}

int bw_config_guard(struct bw_config_reader *reader, const char *text, size_t length, struct bw_config_texts *texts)
{
    struct cursor c = {.at = text, .end = text + length, .line = 1};
    const char *nul = memchr(text, '\0', length);
    int err = 0;

    texts->whole = malloc(length * 2 + 8);
    texts->bare = malloc(length * 2 + 8);
    if (!texts->whole || !texts->bare)
        return -ENOMEM;
    c.whole = texts->whole;
    c.bare = texts->bare;
    if (starts(&c, "\xef\xbb\xbf")) /* a byte order mark */
        c.at += 3;
    while (c.at < c.end && err == 0) {
        if (c.at == nul) {
            bw_config_problem_at(reader, c.line, "a NUL byte; allowed: text");
            err = -EINVAL;
        } else {
            err = take_next(reader, &c);
        }
    }
    *c.whole = *c.bare = '\0';
    return err;
}
