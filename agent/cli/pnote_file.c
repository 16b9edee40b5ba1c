/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Parser of the file of critical devices. Blanks separate the words of a line; empty lines and lines that begin with
 * "#" say nothing, and neither does what follows a "#" after the status. Pure; fuzzed by tests/fuzz/fuzz_pnote_file.c.
 */
#include "agent/cli/pnote_file.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bellwether/text.h"

#define WORDS_MAX   4
#define WORD_MAX    64 /* of a word that is quoted in a message */
#define SECONDS_MAX 1e6

struct parser {
    struct bw_pnote_file *file;
    bw_pnote_file_error error;
    void *context;
    unsigned line;
};

static void bad(struct parser *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void bad(struct parser *p, const char *format, ...)
{
    char what[2 * BW_TEXT_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    bw_clean(what, sizeof(what));
    p->file->errors++;
    p->error(p->context, p->line, what);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Copies the words of a line, cut to WORD_MAX; their number, at most WORDS_MAX. */
static unsigned split(const char *at, size_t length, char words[WORDS_MAX][WORD_MAX])
{
    const char *end = at + length;
    unsigned count = 0;

    while (at < end) {
        size_t size = 0;

        while (at < end && is_blank(*at))
            at++;
        if (at == end || ((count == 0 || count == 3) && *at == '#'))
            break;
        if (count == WORDS_MAX)
            break;
        while (at + size < end && !is_blank(at[size]))
            size++;
        memcpy(words[count], at, size < WORD_MAX ? size : WORD_MAX - 1);
        words[count][size < WORD_MAX ? size : WORD_MAX - 1] = '\0';
        at += size;
        count++;
    }
    return count;
}

/* Plain decimal numbers, as people write them; strtod alone would take "0x1p3" and "inf", too. */
static bool take_seconds(const char *word, double *seconds)
{
    char *end;

    if (word[0] == '\0' || strspn(word, "0123456789.") != strlen(word))
        return false;
    *seconds = strtod(word, &end);
    return *end == '\0' && isfinite(*seconds) && *seconds <= SECONDS_MAX;
}

static const char *take_status(const char *word)
{
    static const char *const statuses[] = {"ok", "init", "problem"};

    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
        if (strcmp(statuses[i], word) == 0)
            return statuses[i];
    return NULL;
}

static unsigned line_of(const struct bw_pnote_file *file, const char *name)
{
    for (unsigned i = 0; i < file->count; i++)
        if (strcmp(file->lines[i].name, name) == 0)
            return file->lines[i].line;
    return 0;
}

static void take_line(struct parser *p, const char *text, size_t length)
{
    struct bw_pnote_line row = {.line = p->line};
    char words[WORDS_MAX][WORD_MAX];
    unsigned count, errors = p->file->errors;

    if (memchr(text, '\0', length) != NULL) {
        bad(p, "it holds a zero byte: this is no text");
        return;
    }
    count = split(text, length, words);
    if (count == 0)
        return;
    if (count != 3) {
        bad(p, "%s: a line is \"name timeout status\"", count < 3 ? "something is missing" : "too many words");
        return;
    }
    if (strlen(words[0]) >= BW_NAME_MAX)
        bad(p, "the name \"%s\" is too long: it has 1 to %d characters", words[0], BW_NAME_MAX - 1);
    else if (!bw_name_valid(words[0]))
        bad(p, "the name \"%s\" holds other than printable ASCII characters", words[0]);
    else if (line_of(p->file, words[0]) != 0)
        bad(p, "\"%s\" is in line %u already", words[0], line_of(p->file, words[0]));
    if (!take_seconds(words[1], &row.timeout_s))
        bad(p, "the timeout must be seconds, 0 (none) to 1000000, not \"%s\"", words[1]);
    row.status = take_status(words[2]);
    if (row.status == NULL)
        bad(p, "the status must be ok, init or problem, not \"%s\"", words[2]);
    if (p->file->errors != errors)
        return;
    if (p->file->count == BW_MAX_PNOTES) {
        bad(p, "\"%s\" is one too many: a member has at most %d", words[0], BW_MAX_PNOTES);
        return;
    }
    bw_copy(row.name, sizeof(row.name), words[0]);
    p->file->lines[p->file->count++] = row;
}

bool bw_pnote_file_parse(const char *bytes, size_t length, struct bw_pnote_file *file, bw_pnote_file_error error,
                         void *context)
{
    struct parser p = {.file = file, .error = error, .context = context};
    const char *end = bytes + length;

    file->count = file->errors = 0;
    while (bytes < end) {
        const char *newline = memchr(bytes, '\n', (size_t)(end - bytes));
        size_t size = newline != NULL ? (size_t)(newline - bytes) : (size_t)(end - bytes);

        p.line++;
        take_line(&p, bytes, size);
        bytes += size + (newline != NULL);
    }
    if (file->errors == 0 && file->count == 0) {
        p.line = p.line > 0 ? p.line : 1;
        bad(&p, "no critical device is in here");
    }
    return file->errors == 0;
}
