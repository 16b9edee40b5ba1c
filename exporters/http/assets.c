/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the status page needs besides itself, taken into the program as it stands in exporters/http/page.
 */
#include <string.h>

#include "exporters/http/http.h"

/* clang-format off */
#define FILE_TEXT(name, path)                                                                                          \
    __asm__(".pushsection .rodata\n"                                                                                   \
            "bw_page_" #name ":\n.incbin \"exporters/http/page/" path "\"\n"                                           \
            "bw_page_" #name "_end:\n.byte 0\n.popsection\n");                                                         \
    extern const char bw_page_##name[], bw_page_##name##_end[]
/* clang-format on */

FILE_TEXT(symbols, "symbols.html");
FILE_TEXT(dialog, "dialog.html");
FILE_TEXT(links, "links.html");
FILE_TEXT(style, "page.css");
FILE_TEXT(script, "page.js");
FILE_TEXT(icon_ok, "ok.svg");
FILE_TEXT(icon_warning, "warning.svg");
FILE_TEXT(icon_critical, "critical.svg");

/* Those whose path begins with a slash are served; the others are parts of the page. */
static const struct bw_asset assets[] = {
    {"symbols.html", NULL, bw_page_symbols, bw_page_symbols_end},
    {"dialog.html", NULL, bw_page_dialog, bw_page_dialog_end},
    {"links.html", NULL, bw_page_links, bw_page_links_end},
    {"/page.css", "text/css; charset=utf-8", bw_page_style, bw_page_style_end},
    {"/page.js", "text/javascript; charset=utf-8", bw_page_script, bw_page_script_end},
    {"/ok.svg", "image/svg+xml", bw_page_icon_ok, bw_page_icon_ok_end},
    {"/warning.svg", "image/svg+xml", bw_page_icon_warning, bw_page_icon_warning_end},
    {"/critical.svg", "image/svg+xml", bw_page_icon_critical, bw_page_icon_critical_end},
};

const struct bw_asset *bw_asset_find(const char *path)
{
    for (size_t i = 0; i < sizeof(assets) / sizeof(assets[0]); i++)
        if (strcmp(assets[i].path, path) == 0)
            return &assets[i];
    return NULL;
}

void bw_asset_add(struct bw_buffer *b, const char *path)
{
    const struct bw_asset *asset = bw_asset_find(path);

    if (asset != NULL)
        bw_buffer_bytes(b, asset->text, (size_t)(asset->end - asset->text));
}
