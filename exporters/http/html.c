/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes HTML: everything that comes from outside goes through bw_html_text.
 */
#include <stdarg.h>
#include <string.h>

#include "bellwether/json.h"
#include "bellwether/text.h"
#include "exporters/http/page.h"

void bw_html_text(struct bw_buffer *b, const char *text)
{
    static const struct {
        char byte;
        const char *written;
    } escapes[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
    size_t left = strlen(text);

    while (left > 0) {
        size_t n = bw_utf8_length((const unsigned char *)text, left);
        const char *written = n == 0 || (unsigned char)*text < 0x20 || *text == 0x7f ? "\xef\xbf\xbd" : NULL;

        for (size_t i = 0; written == NULL && i < sizeof(escapes) / sizeof(escapes[0]); i++)
            if (*text == escapes[i].byte)
                written = escapes[i].written;
        if (*text == '\n' || *text == '\t')
            written = " ";
        if (written != NULL)
            bw_buffer_text(b, written);
        else
            bw_buffer_bytes(b, text, n);
        n = n ? n : 1;
        text += n;
        left -= n;
    }
}

void bw_html(struct bw_buffer *b, const char *format, ...)
{
    const char *percent;
    va_list args;

    va_start(args, format);
    for (; (percent = strchr(format, '%')) != NULL; format = percent + 2) {
        bw_buffer_bytes(b, format, (size_t)(percent - format));
        if (percent[1] == 't')
            bw_html_text(b, va_arg(args, const char *));
        else if (percent[1] == 'r')
            bw_buffer_text(b, va_arg(args, const char *));
        else if (percent[1] == 'u')
            bw_buffer_u64(b, va_arg(args, unsigned));
        else
            bw_buffer_text(b, "%");
    }
    va_end(args);
    bw_buffer_text(b, format);
}

void bw_html_time(struct bw_buffer *b, int64_t wall)
{
    char text[BW_WALL_TEXT_MAX];

    if (wall == 0) {
        bw_buffer_text(b, "never");
        return;
    }
    bw_html(b, "<time datetime=\"%t\">", bw_wall_to_text(wall, text));
    text[10] = ' ';
    text[19] = '\0';
    bw_html(b, "%t UTC</time>", text);
}

void bw_html_duration(struct bw_buffer *b, uint64_t ns)
{
    static const struct {
        uint64_t from, unit;
        const char *name;
    } units[] = {{3 * 86400 * BW_SEC, 86400 * BW_SEC, " d"},
                 {2 * 3600 * BW_SEC, 3600 * BW_SEC, " h"},
                 {120 * BW_SEC, 60 * BW_SEC, " min"},
                 {10 * BW_SEC, BW_SEC, " s"},
                 {0, 0, ""}};

    for (size_t i = 0; units[i].unit > 0; i++) {
        if (ns >= units[i].from) {
            bw_buffer_u64(b, ns / units[i].unit);
            bw_buffer_text(b, units[i].name);
            return;
        }
    }
    if (ns >= BW_SEC) {
        bw_buffer_seconds(b, ns - ns % (100 * BW_MS));
        bw_buffer_text(b, " s");
    } else { /* milliseconds, of small ones two digits behind the point */
        bw_buffer_seconds(b, ns >= 10 * BW_MS ? ns / BW_MS * BW_SEC : ns * 1000 - ns * 1000 % (10 * BW_MS));
        bw_buffer_text(b, " ms");
    }
}

void bw_html_icon(struct bw_buffer *b, const char *name)
{
    bw_html(b, "<svg class=\"icon\" aria-hidden=\"true\"><use href=\"#i-%r\"/></svg>", name);
}
