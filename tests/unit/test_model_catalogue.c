/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The catalogue's tables are consistent in themselves: agent/model/catalogue.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "bellwether/catalogue.h"

#define EACH_FIELD(o, f)                                                                                               \
    for (const struct bw_object *o = bw_catalogue; o < bw_catalogue + BW_OBJECT_COUNT; o++)                            \
        for (const struct bw_field *f = o->fields; f < o->fields + o->fields_count; f++)

static size_t width_of(enum bw_type type)
{
    switch (type) {
    case BW_TYPE_U32:
    case BW_TYPE_GAUGE:
    case BW_TYPE_ENUM:
    case BW_TYPE_MEMBER:
        return 4;
    case BW_TYPE_BOOL:
        return 1;
    case BW_TYPE_ADDRESS:
    case BW_TYPE_PREFIX:
        return sizeof(struct bw_address);
    case BW_TYPE_TEXT:
        return 0;
    case BW_TYPE_HISTOGRAM:
        return sizeof(struct bw_late_histogram);
    default:
        return 8;
    }
}

static void fields_lie_in_their_rows(void **state)
{
    (void)state;
    EACH_FIELD(o, f) {
        assert_true((size_t)f->offset + f->size <= o->row_size);
        if (width_of(f->type) != 0)
            assert_int_equal(f->size, width_of(f->type));
        assert_true((f->type == BW_TYPE_ENUM) == (f->labels != NULL));
        assert_non_null(f->help);
        assert_true(strlen(f->help) > 0 && f->help[strlen(f->help) - 1] != '.');
    }
}

static void objects_are_where_their_kind_says(void **state)
{
    (void)state;
    for (int i = 0; i < BW_OBJECT_COUNT; i++) {
        assert_int_equal(bw_catalogue[i].kind, i);
        assert_ptr_equal(bw_object_by_key(bw_catalogue[i].key), &bw_catalogue[i]);
        for (int j = 0; j < i; j++)
            assert_int_not_equal(bw_catalogue[i].arc, bw_catalogue[j].arc);
    }
}

static void keys_and_columns_are_unique(void **state)
{
    (void)state;
    EACH_FIELD(o, f) {
        assert_ptr_equal(bw_field_by_key(o, f->key), f);
        for (const struct bw_field *g = o->fields; g < f; g++) {
            if (f->column == 0 || g->column == 0)
                continue;
            assert_int_not_equal(f->column, g->column);
            /* An address takes two columns. */
            if (g->type == BW_TYPE_ADDRESS)
                assert_int_not_equal(f->column, g->column + 1);
        }
    }
}

static void metrics_follow_the_conventions(void **state)
{
    (void)state;
    EACH_FIELD(o, f) {
        size_t length;

        if (f->metric_kind == BW_METRIC_NONE || f->metric_kind == BW_METRIC_INFO)
            continue;
        length = strlen(f->metric);
        assert_memory_equal(f->metric, "bellwether_", 11);
        for (size_t i = 0; i < length; i++)
            assert_true(islower(f->metric[i]) || isdigit(f->metric[i]) || f->metric[i] == '_');
        assert_true((f->metric_kind == BW_METRIC_COUNTER) == (strcmp(f->metric + length - 6, "_total") == 0));
        if (f->type == BW_TYPE_NS || f->type == BW_TYPE_BRIEF || f->type == BW_TYPE_OFFSET)
            assert_string_equal(f->metric + length - 8, "_seconds");
        /* One family: one help text, one kind. */
        EACH_FIELD(p, g)
            if (g->metric != NULL && strcmp(g->metric, f->metric) == 0) {
                assert_string_equal(g->help, f->help);
                assert_int_equal(g->metric_kind, f->metric_kind);
                assert_ptr_equal(o, p);
            }
    }
}

static void labels_are_known_both_ways(void **state)
{
    char choices[256];
    uint32_t value;

    (void)state;
    EACH_FIELD(o, f) {
        if (f->labels == NULL)
            continue;
        for (const struct bw_enum_label *l = f->labels->labels; l->text != NULL; l++) {
            assert_int_equal(bw_enum_value(f->labels, l->text, &value), 0);
            assert_int_equal(value, l->value);
            assert_string_equal(bw_enum_text(f->labels, l->value), l->text);
            assert_null(strchr(l->mib, '-'));
        }
        assert_int_equal(bw_enum_value(f->labels, "no such label", &value), -EINVAL);
        assert_string_equal(bw_enum_text(f->labels, 9999), "unknown");
    }
    assert_string_equal(bw_enum_choices(&bw_enum_recovery, choices, sizeof(choices)), "active-up, primary-up");
    assert_string_equal(bw_enum_choices(&bw_enum_recovery, choices, 9), "active-u");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_lie_in_their_rows),       cmocka_unit_test(objects_are_where_their_kind_says),
        cmocka_unit_test(keys_and_columns_are_unique),    cmocka_unit_test(metrics_follow_the_conventions),
        cmocka_unit_test(labels_are_known_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
