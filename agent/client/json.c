/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * As much JSON as the control socket's lines need: writing strings, and finding a string among the members of an
 * object. Pure; reads what comes from outside.
 */
#include <string.h>

#include "agent/client/client.h"

#define DEPTH_MAX 32

bool bw_client_put(char *dst, size_t cap, size_t *used, const char *text)
{
    size_t length = strlen(text);

    if (*used + length + 1 > cap)
        return false;
    memcpy(dst + *used, text, length + 1);
    *used += length;
    return true;
}

/* Length of the UTF-8 sequence at text, 0 when it is none. */
static size_t sequence(const unsigned char *text)
{
    size_t length = text[0] < 0x80                       ? 1
                    : text[0] >= 0xc2 && text[0] <= 0xdf ? 2
                    : text[0] >= 0xe0 && text[0] <= 0xef ? 3
                    : text[0] >= 0xf0 && text[0] <= 0xf4 ? 4
                                                         : 0;

    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) || /* overlong; surrogates */
        (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f))
        return 0;
    return length;
}

bool bw_client_put_string(char *dst, size_t cap, size_t *used, const char *text, size_t most)
{
    const unsigned char *at = (const unsigned char *)text;
    const unsigned char *end = at + strnlen(text, most + 4);

    if (!bw_client_put(dst, cap, used, "\""))
        return false;
    while (at < end) {
        size_t length = sequence(at), step = length > 0 ? length : 1;
        char piece[8] = "?";

        if ((size_t)(at - (const unsigned char *)text) + step > most)
            break;
        if (length == 1 && (*at == '"' || *at == '\\'))
            memcpy(piece, (char[]){'\\', (char)*at, '\0'}, 3);
        else if (length == 1 && (*at < ' ' || *at == 0x7f))
            memcpy(piece, " ", 2);
        else if (length > 0) {
            memcpy(piece, at, length);
            piece[length] = '\0';
        }
        if (!bw_client_put(dst, cap, used, piece))
            return false;
        at += step;
    }
    return bw_client_put(dst, cap, used, "\"");
}

/* ---- reading ---- */

struct reader {
    const char *at;
    const char *end;
};

static void skip_blanks(struct reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\r' || *r->at == '\n'))
        r->at++;
}

static bool take(struct reader *r, char c)
{
    skip_blanks(r);
    if (r->at == r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

/* Four hexadecimal digits; -1 when they are not. */
static int32_t take_code(struct reader *r)
{
    int32_t code = 0;

    if (r->end - r->at < 4)
        return -1;
    for (int i = 0; i < 4; i++, r->at++) {
        char c = *r->at;
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;

        if (digit < 0)
            return -1;
        code = code * 16 + digit;
    }
    return code;
}

/* An escape's character, after the backslash, as UTF-8 (at least 5 bytes). */
static bool take_escape(struct reader *r, char *dst)
{
    static const char plain[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
    const char *place;
    int32_t code, low;

    if (r->at == r->end)
        return false;
    memset(dst, 0, 5);
    place = *r->at != '\0' ? strchr(plain, *r->at) : NULL;
    if (place != NULL) {
        dst[0] = means[place - plain];
        r->at++;
        return true;
    }
    if (*r->at++ != 'u' || (code = take_code(r)) < 0)
        return false;
    if (code >= 0xd800 && code < 0xdc00) {
        if (r->end - r->at < 2 || r->at[0] != '\\' || r->at[1] != 'u')
            return false;
        r->at += 2;
        low = take_code(r);
        if (low < 0xdc00 || low > 0xdfff)
            return false;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    if (code == 0 || (code >= 0xdc00 && code < 0xe000))
        code = '?';
    if (code < 0x80) {
        dst[0] = (char)code;
    } else if (code < 0x800) {
        dst[0] = (char)(0xc0 | code >> 6);
        dst[1] = (char)(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        dst[0] = (char)(0xe0 | code >> 12);
        dst[1] = (char)(0x80 | (code >> 6 & 0x3f));
        dst[2] = (char)(0x80 | (code & 0x3f));
    } else {
        dst[0] = (char)(0xf0 | code >> 18);
        dst[1] = (char)(0x80 | (code >> 12 & 0x3f));
        dst[2] = (char)(0x80 | (code >> 6 & 0x3f));
        dst[3] = (char)(0x80 | (code & 0x3f));
    }
    return true;
}

/* Takes an unfinished UTF-8 sequence off the end. */
static void drop_part(char *text, size_t used)
{
    while (used > 0 && ((unsigned char)text[used - 1] & 0xc0) == 0x80)
        used--;
    if (used > 0 && (unsigned char)text[used - 1] >= 0xc0)
        used--;
    text[used] = '\0';
}

/* A string, cut to cap - 1 bytes. */
static bool take_string(struct reader *r, char *dst, size_t cap)
{
    size_t used = 0;

    if (!take(r, '"'))
        return false;
    dst[0] = '\0';
    while (r->at < r->end && *r->at != '"') {
        char piece[8] = {*r->at++};

        if (piece[0] == '\0' || (piece[0] == '\\' && !take_escape(r, piece)))
            return false;
        if (used + strlen(piece) < cap) {
            memcpy(dst + used, piece, strlen(piece) + 1);
            used += strlen(piece);
        } else if (cap > 0) {
            if (((unsigned char)piece[0] & 0xc0) == 0x80)
                drop_part(dst, used);
            cap = 0; /* nothing after the cut */
        }
    }
    return take(r, '"');
}

/* Any other value: skipped, nested ones with what is in them. */
static bool skip_value(struct reader *r)
{
    unsigned depth = 0;
    char ignored[8];

    do {
        skip_blanks(r);
        if (r->at == r->end)
            return false;
        if (*r->at == '"') {
            if (!take_string(r, ignored, sizeof(ignored)))
                return false;
        } else if (*r->at == '{' || *r->at == '[') {
            if (++depth > DEPTH_MAX)
                return false;
            r->at++;
        } else if (*r->at == '}' || *r->at == ']') {
            if (depth == 0)
                return false;
            depth--;
            r->at++;
        } else if (*r->at == ',' || *r->at == ':') {
            if (depth == 0)
                return false;
            r->at++;
        } else {
            const char *start = r->at;

            while (r->at < r->end && *r->at != '\0' && strchr(",:{}[]\" \t\r\n", *r->at) == NULL)
                r->at++;
            if (r->at == start)
                return false;
        }
    } while (depth > 0);
    return true;
}

bool bw_client_get_string(const char *line, size_t length, const char *key, char *dst, size_t cap)
{
    struct reader r = {line, line + length};
    bool found = false;
    char name[64];

    dst[0] = '\0';
    if (!take(&r, '{'))
        return false;
    if (take(&r, '}'))
        return false;
    do {
        if (!take_string(&r, name, sizeof(name)) || !take(&r, ':'))
            return false;
        skip_blanks(&r);
        if (!found && strcmp(name, key) == 0 && r.at < r.end && *r.at == '"') {
            if (!take_string(&r, dst, cap))
                return false;
            found = true;
        } else if (!skip_value(&r)) {
            return false;
        }
    } while (take(&r, ','));
    return found && take(&r, '}');
}
