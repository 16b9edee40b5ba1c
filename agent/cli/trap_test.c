/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `bellwether trap-test FILE`: runs the configuration's trap rules on recorded notifications and says what they would
 * do. Needs no daemon and changes nothing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/cli/cli.h"
#include "agent/trap/trap.h"
#include "bellwether/catalogue.h"
#include "bellwether/json.h"
#include "bellwether/text.h"

#define FILE_MAX_BYTES (8u << 20)

struct trial {
    struct bw_cli *cli;
    const struct bw_traps_config *config;
    struct bw_trap_rules *rules;
    struct json_object *json; /* the array of results, or NULL */
    unsigned line;
    struct bw_trap trap;
};

static void tell_people(const struct trial *t, bool allowed, uint64_t matches)
{
    char source[BW_ADDRESS_TEXT_MAX], oid[BW_TEXT_MAX], text[BW_TEXT_MAX];
    const char *name = bw_oid_builtin_name(&t->trap.oid);
    FILE *out = t->cli->out;

    bw_address_to_text(&t->trap.source, false, source);
    bw_oid_to_text(&t->trap.oid, oid, sizeof(oid));
    fprintf(out, "line %u: %s from %s, %u object%s\n", t->line, name != NULL ? name : oid, source, t->trap.values_count,
            t->trap.values_count == 1 ? "" : "s");
    if (!allowed)
        fprintf(out, "  is dropped: %s is none of the sources; the rules say:\n", source);
    if (matches == 0)
        fprintf(out, "  no rule fits\n");
    for (unsigned i = 0; i < t->config->rules_count; i++) {
        const struct bw_trap_rule_config *rule = &t->config->rules[i];

        if ((matches >> i & 1) == 0) {
            bw_trap_rule_obstacle(t->rules, i, &t->trap, text, sizeof(text));
            bw_cli_clean(text);
            fprintf(out, "  rule %s does not fit: %s\n", rule->name, text);
            continue;
        }
        fprintf(out, "  rule %s sets pnote %s to %s", rule->name, rule->pnote,
                bw_enum_text(&bw_enum_pnote_status, rule->set));
        if (rule->hold_ns != 0)
            fprintf(out, ", after %lu s to %s", (unsigned long)(rule->hold_ns / BW_SEC),
                    bw_enum_text(&bw_enum_pnote_status, rule->after));
        fprintf(out, "\n");
    }
}

static void add_text(struct json_object *object, const char *key, const char *text)
{
    json_object_object_add(object, key, json_object_new_string(text));
}

static void tell_json(const struct trial *t, bool allowed, uint64_t matches)
{
    struct json_object *result = json_object_new_object(), *rules = json_object_new_array();
    char source[BW_ADDRESS_TEXT_MAX], oid[1500];

    json_object_object_add(result, "line", json_object_new_int((int)t->line));
    add_text(result, "source", bw_address_to_text(&t->trap.source, false, source));
    json_object_object_add(result, "source_allowed", json_object_new_boolean(allowed));
    add_text(result, "notification", bw_oid_to_text(&t->trap.oid, oid, sizeof(oid)));
    for (unsigned i = 0; i < t->config->rules_count; i++) {
        const struct bw_trap_rule_config *rule = &t->config->rules[i];
        struct json_object *row = json_object_new_object();
        char text[BW_TEXT_MAX];

        add_text(row, "name", rule->name);
        json_object_object_add(row, "fits", json_object_new_boolean((matches >> i & 1) != 0));
        add_text(row, "obstacle", bw_trap_rule_obstacle(t->rules, i, &t->trap, text, sizeof(text)));
        add_text(row, "pnote", rule->pnote);
        add_text(row, "sets", bw_enum_text(&bw_enum_pnote_status, rule->set));
        json_object_array_add(rules, row);
    }
    json_object_object_add(result, "rules", rules);
    json_object_array_add(t->json, result);
}

/* Every record of the text. The exit status. */
static int try_all(struct trial *t, const char *path, const char *text)
{
    char why[BW_TEXT_MAX];
    int rc = BW_EXIT_DONE, found;
    size_t at = 0;

    while ((found = bw_trap_record_next(text, &at, &t->line, &t->trap, why)) != 0) {
        bool allowed = bw_trap_source_allowed(t->config, &t->trap.source);

        if (found < 0) {
            bw_cli_clean(why);
            fprintf(t->cli->err, "%s:%u: %s\n", path, t->line, why);
            rc = BW_EXIT_PROBLEM;
        } else if (t->json != NULL) {
            tell_json(t, allowed, bw_trap_rules_match(t->rules, &t->trap));
        } else {
            tell_people(t, allowed, bw_trap_rules_match(t->rules, &t->trap));
        }
    }
    return rc;
}

/* The whole file, NUL-terminated; NULL with errno. */
static char *read_file(const char *path)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    char *text = malloc(FILE_MAX_BYTES + 1);
    size_t length = 0;
    int error = 0;

    if (file == NULL || text == NULL) {
        error = errno;
    } else {
        length = fread(text, 1, FILE_MAX_BYTES + 1, file);
        error = ferror(file) ? errno : length > FILE_MAX_BYTES ? EFBIG : 0;
    }
    if (file != NULL && file != stdin)
        fclose(file);
    if (error != 0) {
        free(text);
        errno = error;
        return NULL;
    }
    text[length] = '\0';
    return text;
}

BW_CLI_COMMAND(bw_cli_trap_test)
{
    const char *path = cli->config_option != NULL ? cli->config_option : BW_CLI_DEFAULT_CONFIG;
    struct bw_config *config = calloc(1, sizeof(*config));
    struct bw_config_errors *errors = calloc(1, sizeof(*errors));
    struct trial *t = calloc(1, sizeof(*t));
    char *text = NULL;
    int rc = BW_EXIT_PROBLEM;

    (void)command, (void)options, (void)argc;
    if (config == NULL || errors == NULL || t == NULL)
        goto out;
    t->cli = cli;
    t->config = &config->traps;
    if (bw_config_load(path, config, errors) != 0) {
        fputs(errors->text, cli->err);
        goto out;
    }
    if (config->traps.rules_count == 0) {
        fprintf(cli->err, "%s: there are no trap rules\n", path);
        goto out;
    }
    text = read_file(argv[0]);
    if (text == NULL) {
        fprintf(cli->err, "%s: cannot be read: %s\n", argv[0], strerror(errno));
        goto out;
    }
    if (bw_trap_rules_new(t->config, bw_trap_resolve, &t->rules) != 0)
        goto out;
    if (cli->json)
        t->json = json_object_new_array();
    rc = try_all(t, argv[0], text);
    if (cli->json)
        fprintf(
            cli->out, "%s\n",
            json_object_to_json_string_ext(t->json, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | BW_JSON_FLAGS));
out:
    if (t != NULL && t->json != NULL)
        json_object_put(t->json);
    if (t != NULL)
        bw_trap_rules_free(t->rules);
    bw_trap_resolve_end();
    free(t);
    free(text);
    free(errors);
    free(config);
    return rc;
}
