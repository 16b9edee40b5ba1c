/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Prints the catalogue, and the control group, as the MIB must have them; tests/unit/check_mib compares. Tab-separated
 * lines: object ENTRY ARC table|scalars field ENTRY MIB-NAME COLUMN TYPE ACCESS ENUM SIZE HELP enum NAME VALUE LABEL
 */
#include <stdio.h>
#include <string.h>

#include "agent/snmp/notify.h"

static const char *const types[] = {
    [BW_TYPE_U32] = "u32",       [BW_TYPE_GAUGE] = "gauge",   [BW_TYPE_COUNTER] = "counter",
    [BW_TYPE_U64] = "u64",       [BW_TYPE_BOOL] = "bool",     [BW_TYPE_ENUM] = "enum",
    [BW_TYPE_TEXT] = "text",     [BW_TYPE_MEMBER] = "member", [BW_TYPE_WALL] = "wall",
    [BW_TYPE_NS] = "ns",         [BW_TYPE_BRIEF] = "brief",   [BW_TYPE_DIGEST] = "digest", [BW_TYPE_ADDRESS] = "address",
    [BW_TYPE_PREFIX] = "prefix", [BW_TYPE_HISTOGRAM] = "histogram", [BW_TYPE_OFFSET] = "offset",
};
static const char *const accesses[] = {
    [BW_ACCESS_INDEX] = "not-accessible", [BW_ACCESS_READ] = "read-only", [BW_ACCESS_WRITE] = "read-write",
    [BW_ACCESS_NOTIFY] = "accessible-for-notify"};

/* Enumerations already printed. */
static const struct bw_enum *seen[64];
static size_t seen_count;

static void print_enum(const struct bw_enum *e)
{
    for (size_t i = 0; i < seen_count; i++)
        if (seen[i] == e)
            return;
    if (seen_count < sizeof(seen) / sizeof(seen[0]))
        seen[seen_count++] = e;
    for (const struct bw_enum_label *l = e->labels; l->text != NULL; l++)
        printf("enum\t%s\t%u\t%s\n", e->name, l->value, l->mib);
}

static void print_object(const struct bw_object *o)
{
    printf("object\t%s\t%u\t%s\n", o->mib_entry, o->arc, o->table ? "table" : "scalars");
    for (uint32_t i = 0; i < o->fields_count; i++) {
        const struct bw_field *f = &o->fields[i];

        if (f->mib == NULL || f->access == BW_ACCESS_NONE)
            continue;
        printf("field\t%s\t%s\t%u\t%s\t%s\t%s\t%u\t%s\n", o->mib_entry, f->mib, f->column, types[f->type],
               accesses[f->access], f->labels != NULL ? f->labels->name : "-", f->size, f->help);
        if (f->labels != NULL)
            print_enum(f->labels);
    }
}

int main(void)
{
    for (int i = 0; i < BW_OBJECT_COUNT; i++)
        print_object(&bw_catalogue[i]);
    print_object(&bw_snmp_control_object);
    print_object(&bw_snmp_notify_object);
    return 0;
}
