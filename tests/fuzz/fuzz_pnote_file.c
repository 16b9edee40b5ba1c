/* fuzz: agent/cli/pnote_file.c agent/model/text.c agent/model/address.c */
/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file form of critical devices: whatever is taken is fit to be registered, and whatever is refused says where.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/cli/pnote_file.h"
#include "bellwether/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void tell(void *context, unsigned line, const char *what)
{
    if (line == 0 || what[0] == '\0')
        abort();
    for (const char *c = what; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            abort(); /* not fit to be printed */
    ++*(unsigned *)context;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct bw_pnote_file file;
    unsigned told = 0;
    bool good = bw_pnote_file_parse((const char *)data, size, &file, tell, &told);

    if (told != file.errors || good != (told == 0) || (good && file.count == 0) || file.count > BW_MAX_PNOTES)
        abort();
    for (unsigned i = 0; i < file.count; i++)
        if (!bw_name_valid(file.lines[i].name) || !(file.lines[i].timeout_s >= 0 && file.lines[i].timeout_s <= 1e6) ||
            file.lines[i].status == NULL)
            abort();
    return 0;
}
