/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exporters/http/http.h"

void bw_page_render(const struct bw_snapshot *snapshot, const struct bw_history *history, uint64_t age_ns,
                    bool actions, struct bw_buffer *b)
{
    (void)snapshot;
    (void)history;
    (void)age_ns;
    (void)actions;
    bw_buffer_text(b, "<!DOCTYPE html>");
}
