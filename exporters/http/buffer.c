/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A text that grows while an answer is rendered. Out of memory is remembered and asked for once, at the end.
 */
#include <stdlib.h>
#include <string.h>

#include "bellwether/json.h"
#include "exporters/http/http.h"

static bool reserve(struct bw_buffer *b, size_t more)
{
    size_t cap = b->cap ? b->cap : 16384;
    char *data;

    if (b->failed)
        return false;
    if (b->cap - b->length >= more)
        return true;
    while (cap - b->length < more)
        cap *= 2;
    data = realloc(b->data, cap);
    if (data == NULL) {
        b->failed = true;
        return false;
    }
    b->data = data;
    b->cap = cap;
    return true;
}

void bw_buffer_bytes(struct bw_buffer *b, const char *bytes, size_t length)
{
    if (length == 0 || !reserve(b, length))
        return;
    memcpy(b->data + b->length, bytes, length);
    b->length += length;
}

void bw_buffer_text(struct bw_buffer *b, const char *text)
{
    bw_buffer_bytes(b, text, strlen(text));
}

void bw_buffer_u64(struct bw_buffer *b, uint64_t value)
{
    char digits[20];
    size_t i = sizeof(digits);

    do {
        digits[--i] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    bw_buffer_bytes(b, digits + i, sizeof(digits) - i);
}

void bw_buffer_seconds(struct bw_buffer *b, uint64_t ns)
{
    char fraction[10] = ".";
    uint64_t rest = ns % BW_SEC;
    size_t length = 0;

    bw_buffer_u64(b, ns / BW_SEC);
    if (rest == 0)
        return;
    for (size_t i = 9; i > 0; i--) {
        fraction[i] = (char)('0' + rest % 10);
        if (length == 0 && rest % 10 != 0)
            length = i;
        rest /= 10;
    }
    bw_buffer_bytes(b, fraction, length + 1);
}

static void escaped(struct bw_buffer *b, const char *text, bool quotes)
{
    size_t left = strlen(text);

    while (left > 0) {
        size_t n = bw_utf8_length((const unsigned char *)text, left);

        if (n == 0)
            bw_buffer_text(b, "\xef\xbf\xbd");
        else if (*text == '\\')
            bw_buffer_text(b, "\\\\");
        else if (*text == '\n')
            bw_buffer_text(b, "\\n");
        else if (*text == '"' && quotes)
            bw_buffer_text(b, "\\\"");
        else
            bw_buffer_bytes(b, text, n);
        n = n ? n : 1;
        text += n;
        left -= n;
    }
}

void bw_buffer_label(struct bw_buffer *b, const char *text)
{
    escaped(b, text, true);
}

void bw_buffer_help(struct bw_buffer *b, const char *text)
{
    escaped(b, text, false);
}

void bw_buffer_free(struct bw_buffer *b)
{
    free(b->data);
    memset(b, 0, sizeof(*b));
}
