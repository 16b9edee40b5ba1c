/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which rules fit a notification. Used by the receiver's process and by `bellwether trap-test`; knows nothing of
 * sockets or net-snmp.
 */
#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/trap/trap.h"
#include "bellwether/text.h"

struct condition {
    const struct bw_trap_match_config *config;
    struct bw_oid oid;
    bool has_regex;
    regex_t regex;
};

struct rule {
    const struct bw_trap_rule_config *config;
    const char *fault;
    struct bw_oid oid;
    bool below; /* oid and all below it */
    struct condition conditions[BW_MAX_TRAP_MATCHES];
};

struct bw_trap_rules {
    const struct bw_traps_config *config;
    struct rule rows[BW_MAX_TRAP_RULES];
};

typedef int resolver(const char *text, struct bw_oid *oid);

static void prepare_condition(struct rule *rule, struct condition *condition, resolver *resolve)
{
    const struct bw_trap_match_config *config = condition->config;

    if (resolve(config->oid, &condition->oid) != 0 && rule->fault == NULL)
        rule->fault = config->oid;
    if (config->regex[0] == '\0')
        return;
    condition->has_regex = regcomp(&condition->regex, config->regex, REG_EXTENDED | REG_NOSUB) == 0;
    if (!condition->has_regex && rule->fault == NULL)
        rule->fault = config->regex;
}

static void prepare_rule(struct rule *rule, resolver *resolve)
{
    char name[BW_OID_TEXT_MAX];
    size_t length;

    bw_copy(name, sizeof(name), rule->config->oid);
    length = strlen(name);
    rule->below = length > 2 && strcmp(name + length - 2, ".*") == 0;
    if (rule->below)
        name[length - 2] = '\0';
    if (resolve(name, &rule->oid) != 0)
        rule->fault = rule->config->oid;
    for (unsigned i = 0; i < rule->config->match_count; i++) {
        rule->conditions[i].config = &rule->config->match[i];
        prepare_condition(rule, &rule->conditions[i], resolve);
    }
}

int bw_trap_rules_new(const struct bw_traps_config *config, resolver *resolve, struct bw_trap_rules **out)
{
    struct bw_trap_rules *rules = calloc(1, sizeof(*rules));

    *out = rules;
    if (rules == NULL)
        return -ENOMEM;
    rules->config = config;
    for (unsigned i = 0; i < config->rules_count; i++) {
        rules->rows[i].config = &config->rules[i];
        prepare_rule(&rules->rows[i], resolve);
    }
    return 0;
}

void bw_trap_rules_free(struct bw_trap_rules *rules)
{
    if (rules == NULL)
        return;
    for (unsigned i = 0; i < rules->config->rules_count; i++)
        for (unsigned k = 0; k < BW_MAX_TRAP_MATCHES; k++)
            if (rules->rows[i].conditions[k].has_regex)
                regfree(&rules->rows[i].conditions[k].regex);
    free(rules);
}

const char *bw_trap_rule_fault(const struct bw_trap_rules *rules, unsigned rule)
{
    return rules->rows[rule].fault;
}

/* ---- one rule ---- */

static bool value_fits(const struct condition *condition, const struct bw_trap_value *value)
{
    const struct bw_trap_match_config *c = condition->config;

    if ((c->has_equal || c->has_less || c->has_greater) && !value->is_number)
        return false;
    if ((c->has_equal && value->number != c->equal) || (c->has_less && value->number >= c->less) ||
        (c->has_greater && value->number <= c->greater))
        return false;
    if (c->text[0] != '\0' && strcmp(value->text, c->text) != 0)
        return false;
    return !condition->has_regex || regexec(&condition->regex, value->text, 0, NULL, 0) == 0;
}

/* The first object that the condition is about, or that it fits: of several instances any may fit. */
static const struct bw_trap_value *find_value(const struct condition *condition, const struct bw_trap *trap,
                                              bool fitting)
{
    for (uint32_t i = 0; i < trap->values_count; i++)
        if (bw_oid_within(&trap->values[i].oid, &condition->oid) &&
            (!fitting || value_fits(condition, &trap->values[i])))
            return &trap->values[i];
    return NULL;
}

static bool notification_fits(const struct rule *rule, const struct bw_trap *trap)
{
    return rule->below ? bw_oid_within(&trap->oid, &rule->oid) : bw_oid_equal(&trap->oid, &rule->oid);
}

static bool source_fits(const struct rule *rule, const struct bw_trap *trap)
{
    return rule->config->source.family == 0 || bw_address_within(&trap->source, &rule->config->source);
}

uint64_t bw_trap_rules_match(const struct bw_trap_rules *rules, const struct bw_trap *trap)
{
    uint64_t fitting = 0;

    for (unsigned i = 0; i < rules->config->rules_count; i++) {
        const struct rule *rule = &rules->rows[i];
        bool fits = rule->fault == NULL && notification_fits(rule, trap) && source_fits(rule, trap);

        for (unsigned k = 0; fits && k < rule->config->match_count; k++)
            fits = find_value(&rule->conditions[k], trap, true) != NULL;
        if (fits)
            fitting |= 1ULL << i;
    }
    return fitting;
}

const char *bw_trap_rule_obstacle(const struct bw_trap_rules *rules, unsigned index, const struct bw_trap *trap,
                                  char *buf, size_t cap)
{
    const struct rule *rule = &rules->rows[index];

    buf[0] = '\0';
    if (rule->fault != NULL)
        snprintf(buf, cap, "no MIB file on this host has \"%s\"", rule->fault);
    else if (!notification_fits(rule, trap))
        snprintf(buf, cap, "another notification");
    else if (!source_fits(rule, trap))
        snprintf(buf, cap, "another source");
    for (unsigned k = 0; buf[0] == '\0' && k < rule->config->match_count; k++) {
        const struct condition *condition = &rule->conditions[k];
        const struct bw_trap_value *value = find_value(condition, trap, false);

        if (value == NULL)
            snprintf(buf, cap, "it has no object %s", condition->config->oid);
        else if (find_value(condition, trap, true) == NULL)
            snprintf(buf, cap, "%s is \"%.40s\"", condition->config->oid, value->text);
    }
    return buf;
}

void bw_trap_rule_tell(const struct bw_trap_rules *rules, unsigned index, const struct bw_trap *trap,
                       char text[BW_TEXT_MAX])
{
    const struct rule *rule = &rules->rows[index];
    char oid[BW_TEXT_MAX], from[BW_ADDRESS_TEXT_MAX];
    const char *name = bw_oid_builtin_name(&trap->oid);
    size_t at;

    if (name == NULL && !rule->below && (rule->config->oid[0] < '0' || rule->config->oid[0] > '9'))
        name = rule->config->oid;
    bw_address_to_text(&trap->source, false, from);
    at = bw_format(text, BW_TEXT_MAX, "%s from %s", name != NULL ? name : bw_oid_to_text(&trap->oid, oid, 80),
                   from[0] != '\0' ? from : "an unknown source");
    for (unsigned k = 0; k < rule->config->match_count; k++) {
        const struct bw_trap_value *value = find_value(&rule->conditions[k], trap, true);

        if (value != NULL)
            at += bw_format(text + at, BW_TEXT_MAX - at, ", %s is %s", rule->config->match[k].oid, value->text);
    }
    for (char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = ' ';
}

struct bw_trap_value *bw_trap_add_value(struct bw_trap *trap)
{
    struct bw_trap_value *value;

    if (trap->values_count == BW_TRAP_VALUES_MAX)
        return NULL;
    value = &trap->values[trap->values_count++];
    memset(value, 0, sizeof(*value));
    return value;
}

bool bw_trap_source_allowed(const struct bw_traps_config *config, const struct bw_address *source)
{
    for (unsigned i = 0; i < config->sources_count; i++)
        if (bw_address_within(source, &config->sources[i]))
            return true;
    return config->sources_count == 0;
}
