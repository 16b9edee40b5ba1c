/* fuzz: agent/monitor/ruleset.c agent/model/text.c agent/model/address.c */
/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a helper's commands may print: a listing of nftables, taken in any pieces, and a line of text. Whatever the bytes, the
 * same listing gives the same answer however it is cut, and a line is printable UTF-8.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/monitor/job.h"

static void must(int claim)
{
    if (!claim)
        abort();
}

static struct bw_ruleset_found look(const char *bytes, size_t size, size_t piece)
{
    static struct bw_ruleset_reader reader;

    bw_ruleset_begin(&reader, "inet filter", "input");
    for (size_t at = 0; at < size; at += piece)
        bw_ruleset_take(&reader, bytes + at, size - at < piece ? size - at : piece);
    bw_ruleset_end(&reader);
    return reader.found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bw_ruleset_found whole = look((const char *)data, size, size + 1), cut = look((const char *)data, size, 7);
    char line[96];

    must(whole.digest == cut.digest && whole.rules == cut.rules && whole.table == cut.table && whole.chain == cut.chain &&
         whole.wanted_rules == cut.wanted_rules);
    must(whole.wanted_rules <= whole.rules && (whole.wanted_rules == 0 || whole.chain) && (!whole.chain || whole.table));
    bw_line_clean((const char *)data, size, line, sizeof(line));
    must(strlen(line) < sizeof(line) && strpbrk(line, "\n\r\t\x1b\x7f") == NULL);
    return 0;
}
