/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the pnotes of trap rules should be, hold times, and how often they are reported: at once, but no more than
 * BURST changes in a row and then one every EVERY_NS, however fast notifications come. The newest counts. Pure.
 */
#include <string.h>

#include "agent/trap/trap.h"
#include "bellwether/text.h"

#define EVERY_NS (250 * BW_MS)
#define BURST    4
#define AGAIN_NS BW_SEC
#define RETRY_NS (100 * BW_MS)

void bw_trap_pnotes_init(struct bw_trap_pnotes *pnotes, const struct bw_traps_config *config)
{
    memset(pnotes, 0, sizeof(*pnotes));
    for (unsigned i = 0; i < config->rules_count; i++) {
        const struct bw_trap_rule_config *rule = &config->rules[i];
        unsigned row = 0;

        while (row < pnotes->count && strcmp(pnotes->rows[row].name, rule->pnote) != 0)
            row++;
        if (row == pnotes->count) {
            pnotes->count++;
            bw_copy(pnotes->rows[row].name, BW_NAME_MAX, rule->pnote);
            pnotes->rows[row].start = BW_PNOTE_OK;
            pnotes->rows[row].dirty = true;
        }
        if (rule->start == BW_PNOTE_INIT)
            pnotes->rows[row].start = BW_PNOTE_INIT;
        pnotes->of_rule[i] = (uint8_t)row;
    }
    for (unsigned row = 0; row < pnotes->count; row++) {
        pnotes->rows[row].status = pnotes->rows[row].start;
        bw_copy(pnotes->rows[row].text, BW_TEXT_MAX,
                pnotes->rows[row].start == BW_PNOTE_INIT ? "no notification yet" : "");
    }
}

void bw_trap_pnotes_match(struct bw_trap_pnotes *pnotes, const struct bw_trap_rule_config *rule, unsigned index,
                          const char *text, uint64_t now_ns)
{
    struct bw_trap_pnote *row = &pnotes->rows[pnotes->of_rule[index]];

    row->hold_end_ns = rule->hold_ns != 0 ? now_ns + rule->hold_ns : 0;
    row->after = rule->after;
    /* The same again is told now and then only: it must not use up what a change may need. (Told at all, since somebody
     * may have reported something else by hand.) */
    if (row->status == rule->set && now_ns < row->told_ns + AGAIN_NS)
        return;
    row->status = rule->set;
    bw_copy(row->text, BW_TEXT_MAX, text);
    row->dirty = true;
}

uint64_t bw_trap_pnotes_run(struct bw_trap_pnotes *pnotes, uint64_t now_ns)
{
    uint64_t due_ns = UINT64_MAX;

    for (unsigned i = 0; i < pnotes->count; i++) {
        struct bw_trap_pnote *row = &pnotes->rows[i];

        if (row->hold_end_ns != 0 && now_ns >= row->hold_end_ns) {
            row->hold_end_ns = 0;
            row->dirty = row->dirty || row->status != row->after;
            row->status = row->after;
            bw_copy(row->text, BW_TEXT_MAX, "the hold time of the last notification is over");
        }
        if (row->hold_end_ns != 0 && row->hold_end_ns < due_ns)
            due_ns = row->hold_end_ns;
        if (row->dirty && row->not_before_ns < due_ns)
            due_ns = row->not_before_ns;
    }
    return due_ns;
}

struct bw_trap_pnote *bw_trap_pnotes_next(struct bw_trap_pnotes *pnotes, uint64_t now_ns)
{
    for (unsigned i = 0; i < pnotes->count; i++)
        if (pnotes->rows[i].dirty && now_ns >= pnotes->rows[i].not_before_ns)
            return &pnotes->rows[i];
    return NULL;
}

void bw_trap_pnote_done(struct bw_trap_pnote *row, bool good, uint64_t now_ns)
{
    if (!good) {
        row->not_before_ns = now_ns + RETRY_NS;
        return;
    }
    row->dirty = false;
    row->told_ns = now_ns;
    /* Each report costs EVERY_NS of credit, of which BURST times as much is saved up at most. */
    if (row->credit_ns < now_ns)
        row->credit_ns = now_ns;
    row->credit_ns += EVERY_NS;
    row->not_before_ns = row->credit_ns > now_ns + (BURST - 1) * EVERY_NS ? row->credit_ns - (BURST - 1) * EVERY_NS : 0;
}
