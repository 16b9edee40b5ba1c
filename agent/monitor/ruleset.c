/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads a listing of nftables ("nft -s -t list ruleset"): which tables and chains there are, how many rules, and a digest. Pure;
 * takes whatever bytes come.
 *
 * In a listing every block opens with a brace at a line's end and closes with a line that is a brace alone; rules are the lines of
 * a chain but for those that describe it.
 */
#include <string.h>

#include "agent/monitor/job.h"
#include "bellwether/text.h"

static bool begins(const char *line, const char *with)
{
    return strncmp(line, with, strlen(with)) == 0;
}

/* Is the line "word NAME {"? An empty name stands for any. */
static bool opens(const char *line, const char *word, const char *name)
{
    size_t length = strlen(name);

    if (!begins(line, word))
        return false;
    line += strlen(word);
    return length == 0 || (strncmp(line, name, length) == 0 && strcmp(line + length, " {") == 0);
}

static bool describes_chain(const char *line)
{
    return begins(line, "type ") || begins(line, "policy ") || begins(line, "comment ") || begins(line, "flags ");
}

static void take_line(struct bw_ruleset_reader *r, char *line)
{
    size_t length;

    line += strspn(line, " \t");
    length = strlen(line);
    if (length == 0 || line[0] == '#')
        return;
    if (!r->cut && strcmp(line, "}") == 0) {
        r->depth -= r->depth > 0;
        if (r->depth <= 1)
            r->in_chain = r->in_wanted_chain = false;
        if (r->depth == 0)
            r->in_table = r->in_wanted_table = false;
        return;
    }
    if (r->depth == 0 && begins(line, "table ")) {
        r->in_table = true;
        r->in_wanted_table = opens(line, "table ", r->wanted_table);
        r->found.table = r->found.table || r->in_wanted_table;
    } else if (r->depth == 1 && r->in_table && begins(line, "chain ")) {
        r->in_chain = true;
        r->in_wanted_chain = r->in_wanted_table && opens(line, "chain ", r->wanted_chain);
        r->found.chain = r->found.chain || r->in_wanted_chain;
    } else if (r->depth == 2 && r->in_chain && !describes_chain(line)) {
        r->found.rules++;
        r->found.wanted_rules += r->in_wanted_chain;
    }
    if (!r->cut && line[length - 1] == '{')
        r->depth++;
}

void bw_ruleset_begin(struct bw_ruleset_reader *reader, const char *table, const char *chain)
{
    memset(reader, 0, sizeof(*reader));
    reader->wanted_table = table;
    reader->wanted_chain = chain;
    reader->found.digest = BW_HASH_START;
}

static void end_line(struct bw_ruleset_reader *reader)
{
    reader->line[reader->length] = '\0';
    take_line(reader, reader->line);
    reader->length = 0;
    reader->cut = false;
}

void bw_ruleset_take(struct bw_ruleset_reader *reader, const char *bytes, size_t count)
{
    reader->found.digest = bw_hash(reader->found.digest, bytes, count);
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] == '\n')
            end_line(reader);
        else if (reader->length < sizeof(reader->line) - 1)
            reader->line[reader->length++] = bytes[i];
        else
            reader->cut = true;
    }
}

void bw_ruleset_end(struct bw_ruleset_reader *reader)
{
    if (reader->length > 0)
        end_line(reader);
}

/* Bytes of the UTF-8 character at the beginning, 0 when it is none. */
static size_t character(const unsigned char *at, size_t left)
{
    size_t length = at[0] < 0x80 ? 1 : at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    uint32_t code = at[0] & (length == 1 ? 0x7fU : 0xffU >> (length + 1));
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};

    if (length > left || (at[0] >= 0x80 && at[0] < 0xc0) || at[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (at[i] & 0x3f);
    }
    if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return 0;
    return code < 0x20 || (code >= 0x7f && code < 0xa0) ? 0 : length;
}

void bw_line_clean(const char *bytes, size_t count, char *line, size_t cap)
{
    const unsigned char *at = (const unsigned char *)bytes;
    size_t length = 0;

    for (size_t i = 0; i < count && at[i] != '\n' && at[i] != '\r' && length + 1 < cap;) {
        size_t size = character(at + i, count - i);

        if (size > 0 && length + size >= cap)
            break;
        if (size == 0)
            line[length] = '?';
        else
            memcpy(line + length, at + i, size);
        length += size > 0 ? size : 1;
        i += size > 0 ? size : 1;
    }
    while (length > 0 && line[length - 1] == ' ')
        length--;
    line[length] = '\0';
}
