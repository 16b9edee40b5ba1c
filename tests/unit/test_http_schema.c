/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The JSON schema: made from the catalogue, the same as the published file (BW_GOLDEN=write makes that anew). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "bellwether/json.h"
#include "exporters/http/http.h"
#include "tests/unit/golden.h"

static void the_published_file_is_the_served_schema(void **state)
{
    struct json_object *schema = bw_schema();
    const char *text;
    char *copy;
    size_t length;

    (void)state;
    assert_non_null(schema);
    text = json_object_to_json_string_length(schema, BW_JSON_FLAGS | JSON_C_TO_STRING_PRETTY, &length);
    copy = malloc(length + 1);
    memcpy(copy, text, length);
    copy[length] = '\n';
    assert_true(bw_golden_same("../../conf/json-schema/bellwether.schema.json", copy, length + 1));
    free(copy);
    json_object_put(schema);
}

static void every_field_is_described(void **state)
{
    struct json_object *schema = bw_schema(), *defs = NULL, *row, *properties, *property;

    (void)state;
    assert_true(json_object_object_get_ex(schema, "$defs", &defs));
    for (int o = 0; o < BW_OBJECT_COUNT; o++) {
        assert_true(json_object_object_get_ex(defs, bw_catalogue[o].key, &row));
        assert_true(json_object_object_get_ex(row, "properties", &properties));
        assert_int_equal(json_object_object_length(properties),
                         bw_catalogue[o].fields_count + (o == BW_OBJECT_SYNC ? 2 : 0)); /* peers, verdicts */
        for (uint32_t f = 0; f < bw_catalogue[o].fields_count; f++) {
            assert_true(json_object_object_get_ex(properties, bw_catalogue[o].fields[f].key, &property));
            assert_true(json_object_object_get_ex(property, "description", NULL));
            assert_true(json_object_object_get_ex(property, "type", NULL) ||
                        json_object_object_get_ex(property, "enum", NULL) ||
                        json_object_object_get_ex(property, "$ref", NULL));
        }
    }
    json_object_put(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_file_is_the_served_schema),
        cmocka_unit_test(every_field_is_described),
    };

    return cmocka_run_group_tests_name("http_schema", tests, NULL, NULL);
}
