/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/monitor/tally.h"

#include <string.h>

#include "bellwether/text.h"

#define DETAIL_NS BW_SEC         /* between two details of other words */
#define NUMBERS_NS (10 * BW_SEC) /* between two that differ in their numbers */

void bw_tally_start(struct bw_tally *tally, const struct bw_monitor_config *config)
{
    *tally = (struct bw_tally){.status = config->start, .rise = config->rise, .fall = config->fall};
}

bool bw_tally_check(struct bw_tally *tally, bool good)
{
    uint32_t before = tally->status;

    if (tally->in_a_row == 0 || tally->good != good)
        tally->in_a_row = 0;
    tally->good = good;
    if (tally->in_a_row < UINT32_MAX)
        tally->in_a_row++;
    if (good && tally->in_a_row >= tally->rise)
        tally->status = BW_PNOTE_OK;
    else if (!good && tally->in_a_row >= tally->fall)
        tally->status = BW_PNOTE_PROBLEM;
    return tally->status != before;
}

bool bw_tally_fall(struct bw_tally *tally)
{
    uint32_t before = tally->status;

    tally->good = false;
    tally->in_a_row = tally->fall;
    tally->status = BW_PNOTE_PROBLEM;
    return tally->status != before;
}

void bw_tally_detail(const struct bw_tally *tally, const char *said, char *text)
{
    bool decided = tally->status == (tally->good ? BW_PNOTE_OK : BW_PNOTE_PROBLEM);

    if (tally->in_a_row == 0)
        bw_copy(text, BW_TEXT_MAX, "no check has ended yet");
    else if (decided)
        bw_copy(text, BW_TEXT_MAX, said);
    else
        bw_format(text, BW_TEXT_MAX, "%s %u of %u: %s", tally->good ? "good" : "failed", tally->in_a_row,
                  tally->good ? tally->rise : tally->fall, said);
}

uint64_t bw_told_refresh_ns(const struct bw_monitor_config *config)
{
    return config->interval_ns > BW_SEC ? config->interval_ns : BW_SEC;
}

uint64_t bw_told_timeout_ns(const struct bw_monitor_config *config)
{
    return 3 * bw_told_refresh_ns(config) + config->timeout_ns;
}

/* Do two details say the same with other numbers, hexadecimal ones too? */
static bool same_words(const char *a, const char *b)
{
    static const char digits[] = "0123456789abcdef.";

    for (;; a++, b++) {
        a += strspn(a, digits);
        b += strspn(b, digits);
        if (*a != *b)
            return false;
        if (*a == '\0')
            return true;
    }
}

enum bw_tell bw_told_due(const struct bw_told *told, const struct bw_tally *tally, const char *detail, uint64_t refresh_ns,
                         uint64_t now_ns)
{
    if (told->status != tally->status)
        return BW_TELL_NEW;
    if (strcmp(told->detail, detail) != 0 &&
        now_ns - told->detail_ns >= (same_words(told->detail, detail) ? NUMBERS_NS : DETAIL_NS))
        return BW_TELL_NEW;
    return now_ns - told->at_ns >= refresh_ns ? BW_TELL_SAME : BW_TELL_NOTHING;
}
