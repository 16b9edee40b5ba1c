/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tables cannot say about the traps section: lists of texts, values that are numbers or texts, and what must
 * hold between keys. A community is a secret: it never appears in a message.
 */
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/config/reader.h"
#include "bellwether/text.h"

#define LISTEN_INITIAL "0.0.0.0:162"
#define ARCS_MAX       128
#define REPEAT_MAX     255

static const char listen_allowed[] = "\"address:port\" or \"[IPv6 address]:port\", port 1-65535";
static const char sources_allowed[] = "( \"address\", \"network/prefix\", ... ), at most 32";
static const char communities_allowed[] = "( \"community\", ... ), at most 16 of 1-63 printable characters";

/* ---- what is wrong with a text ---- */

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || digit(c) || c == '-' || c == '_';
}

const char *bw_config_wrong_word(const char *value)
{
    if (value[0] == '\0')
        return "is empty";
    if (strlen(value) >= BW_NAME_MAX)
        return "is too long";
    return bw_name_valid(value) ? NULL : "holds a blank or an unprintable character";
}

/* Numbers joined by dots, to the end of the text. */
static const char *wrong_numbers(const char *at, unsigned least)
{
    for (unsigned arcs = 1;; arcs++) {
        size_t digits = strspn(at, "0123456789");

        if (digits == 0)
            return "is neither a number like 1.3.6.1 nor a name";
        if (arcs > ARCS_MAX)
            return "is too long";
        if (digits > 10 || strtoull(at, NULL, 10) > UINT32_MAX)
            return "holds a number above 4294967295";
        at += digits;
        if (*at == '\0')
            return arcs < least ? "is too short" : NULL;
        if (*at++ != '.')
            return "is neither a number like 1.3.6.1 nor a name";
    }
}

/* "1.3.6.1", "linkDown", "IF-MIB::ifIndex", "ifIndex.7" */
const char *bw_config_wrong_object(const char *value)
{
    const char *at = value, *colons = strstr(value, "::");

    if (strlen(value) >= BW_OID_TEXT_MAX)
        return "is too long";
    if (value[0] == '.' || digit(value[0]))
        return wrong_numbers(value + (value[0] == '.'), 2);
    if (colons != NULL) {
        for (; at < colons; at++)
            if (!name_character(*at))
                return "is neither a number like 1.3.6.1 nor a name";
        at += 2;
    }
    if (at == value + 2 || !name_character(*at) || digit(*at))
        return "is neither a number like 1.3.6.1 nor a name";
    while (name_character(*at))
        at++;
    if (*at == '\0')
        return NULL;
    return *at == '.' ? wrong_numbers(at + 1, 1) : "is neither a number like 1.3.6.1 nor a name";
}

const char *bw_config_wrong_notification(const char *value)
{
    char copy[BW_OID_TEXT_MAX];
    size_t length = strlen(value);

    if (length >= BW_OID_TEXT_MAX)
        return "is too long";
    bw_copy(copy, sizeof(copy), value);
    if (length > 2 && strcmp(copy + length - 2, ".*") == 0)
        copy[length - 2] = '\0';
    return bw_config_wrong_object(copy);
}

/* What a library could need too much time or memory for is refused: back-references, nested or long repetitions. */
static const char *wrong_form(const char *value)
{
    unsigned braces = 0;

    for (const char *at = value; *at != '\0'; at++) {
        if (*at == '\\' && at[1] != '\0') {
            if (digit(at[1]))
                return "holds a back-reference";
            at++;
        } else if (*at == '{') {
            if (++braces > 1)
                return "holds more than one {";
            for (const char *number = at + 1; digit(*number) || *number == ','; number++)
                if (digit(*number) && (strspn(number, "0123456789") > 3 || atoi(number) > REPEAT_MAX))
                    return "holds a repetition of more than 255";
        }
    }
    return NULL;
}

const char *bw_config_wrong_regex(const char *value)
{
    const char *wrong = wrong_form(value);
    regex_t compiled;

    if (value[0] == '\0')
        return "is empty";
    if (strlen(value) >= BW_TEXT_MAX)
        return "is too long";
    if (wrong != NULL)
        return wrong;
    if (regcomp(&compiled, value, REG_EXTENDED | REG_NOSUB) != 0)
        return "is no regular expression";
    regfree(&compiled);
    return NULL;
}

/* A host or a network; of a network the bits after the prefix are 0. */
static const char *wrong_source(const char *value, struct bw_address *address)
{
    static const uint8_t zeros[16];
    unsigned width;

    if (bw_address_from_text(value, address) != 0)
        return "is no address and no network";
    width = address->family == 4 ? 32 : 128;
    for (unsigned bit = address->prefix; bit < width; bit++)
        if (address->bytes[bit / 8] & (0x80 >> bit % 8))
            return "has bits set behind its prefix";
    return address->prefix == width && memcmp(address->bytes, zeros, sizeof(zeros)) == 0 ? "is the unspecified address"
                                                                                         : NULL;
}

/* ---- lists of texts ---- */

static void link_listen(struct bw_config_reader *reader, config_setting_t *list)
{
    struct bw_traps_config *t = &reader->config->traps;
    int count = bw_config_texts_count(reader, list, "traps listen", listen_allowed);
    config_setting_t *where;
    char quote[BW_QUOTE_MAX];

    if (count == 0 || count > BW_MAX_TRAP_LISTENS)
        bw_config_problem(reader, list, "traps listen: %d addresses; allowed: 1-%d of them", count,
                          BW_MAX_TRAP_LISTENS);
    for (int i = 0; i < count && i < BW_MAX_TRAP_LISTENS; i++) {
        const char *text = bw_config_text_at(reader, list, i, "traps listen", listen_allowed, &where);
        const char *wrong = text != NULL ? bw_config_wrong_listen(text) : NULL;

        for (unsigned k = 0; text != NULL && wrong == NULL && k < t->listen_count; k++)
            wrong = strcmp(text, t->listen[k]) == 0 ? "is written twice" : NULL;
        if (wrong != NULL)
            bw_config_problem(reader, where, "traps listen: %s %s; allowed: %s",
                              bw_config_quote(text, strlen(text), quote), wrong, listen_allowed);
        else if (text != NULL)
            bw_copy(t->listen[t->listen_count++], sizeof(t->listen[0]), text);
    }
}

static void link_sources(struct bw_config_reader *reader, config_setting_t *list)
{
    struct bw_traps_config *t = &reader->config->traps;
    int count = bw_config_texts_count(reader, list, "traps sources", sources_allowed);
    config_setting_t *where;
    char quote[BW_QUOTE_MAX];

    if (count == 0)
        bw_config_problem(reader, list, "traps sources: it is empty; allowed: %s, or no sources", sources_allowed);
    for (int i = 0; i < count; i++) {
        const char *text = bw_config_text_at(reader, list, i, "traps sources", sources_allowed, &where);
        struct bw_address address;
        const char *wrong = text != NULL ? wrong_source(text, &address) : NULL;

        if (text == NULL)
            continue;
        if (wrong == NULL && t->sources_count == BW_MAX_TRAP_SOURCES)
            wrong = "is one too many";
        if (wrong != NULL)
            bw_config_problem(reader, where, "traps sources: %s %s; allowed: %s",
                              bw_config_quote(text, strlen(text), quote), wrong, sources_allowed);
        else
            t->sources[t->sources_count++] = address;
    }
}

static void link_communities(struct bw_config_reader *reader, config_setting_t *list)
{
    struct bw_traps_config *t = &reader->config->traps;
    int type = config_setting_type(list);
    bool several = type == CONFIG_TYPE_ARRAY || type == CONFIG_TYPE_LIST;
    int count = several ? config_setting_length(list) : 1;

    if (count == 0)
        bw_config_problem(reader, list, "traps communities: it is empty; allowed: %s", communities_allowed);
    for (int i = 0; i < count; i++) {
        config_setting_t *where = several ? config_setting_get_elem(list, (unsigned)i) : list;
        const char *text = config_setting_type(where) == CONFIG_TYPE_STRING ? config_setting_get_string(where) : "";
        bool good = text[0] != '\0' && strlen(text) < sizeof(t->communities[0]);

        for (const char *at = text; *at != '\0'; at++)
            good = good && *at >= ' ' && *at <= '~';
        if (!good)
            bw_config_problem(reader, where, "traps communities: entry %d is no community; allowed: %s", i + 1,
                              communities_allowed);
        else if (t->communities_count == BW_MAX_TRAP_COMMUNITIES)
            bw_config_problem(reader, where, "traps communities: entry %d is one too many; allowed: %s", i + 1,
                              communities_allowed);
        else
            bw_copy(t->communities[t->communities_count++], sizeof(t->communities[0]), text);
    }
}

/* ---- users ---- */

static int hex(char c)
{
    if (digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool read_engine_id(const char *text, struct bw_trap_user_config *user)
{
    size_t length;

    if (strncasecmp(text, "0x", 2) == 0)
        text += 2;
    length = strlen(text);
    if (length % 2 != 0 || length < 10 || length > 2 * sizeof(user->engine_id))
        return false;
    for (size_t i = 0; i < length; i += 2) {
        int high = hex(text[i]), low = hex(text[i + 1]);

        if (high < 0 || low < 0)
            return false;
        user->engine_id[i / 2] = (uint8_t)(high << 4 | low);
    }
    user->engine_id_length = (uint8_t)(length / 2);
    return true;
}

static void link_user(struct bw_config_reader *reader, struct bw_trap_user_config *user, config_setting_t *where)
{
    config_setting_t *engine = config_setting_get_member(where, "engine_id");
    bool file = config_setting_get_member(where, "priv_file") != NULL;
    bool priv = config_setting_get_member(where, "priv") != NULL;
    const struct bw_traps_config *t = &reader->config->traps;
    char shown[BW_QUOTE_MAX];

    if (engine != NULL &&
        (config_setting_type(engine) != CONFIG_TYPE_STRING || !read_engine_id(config_setting_get_string(engine), user)))
        bw_config_problem(
            reader, engine,
            "trap user engine_id: %s is no engine id; allowed: 5-32 octets as hexadecimal digits, such as "
            "\"8000000001020304\"",
            bw_config_shown(engine, shown));
    if (priv != file)
        bw_config_problem(reader, where, "trap user priv: there is no %s; allowed: both or none",
                          priv ? "priv_file" : "priv");
    for (const struct bw_trap_user_config *other = t->users; other < user; other++)
        if (user->name[0] != '\0' && strcmp(other->name, user->name) == 0 &&
            other->engine_id_length == user->engine_id_length &&
            memcmp(other->engine_id, user->engine_id, user->engine_id_length) == 0)
            bw_config_problem_at(reader, bw_config_line(where, "name"),
                                 "trap user name: \"%s\" is written twice; allowed: once for each engine id",
                                 user->name);
}

/* ---- rules ---- */

static bool is_number(const config_setting_t *setting)
{
    int type = config_setting_type(setting);

    return type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64;
}

/* less or greater. True when it is written and good. */
static bool link_bound(struct bw_config_reader *reader, const config_setting_t *where, const char *key, int64_t *value)
{
    config_setting_t *setting = config_setting_get_member(where, key);
    char shown[BW_QUOTE_MAX];

    if (setting == NULL)
        return false;
    if (is_number(setting)) {
        *value = config_setting_get_int64(setting);
        return true;
    }
    bw_config_problem(reader, setting, "trap rule's match %s: %s is not a whole number; allowed: a whole number", key,
                      bw_config_shown(setting, shown));
    return false;
}

static void link_match(struct bw_config_reader *reader, struct bw_trap_match_config *match, config_setting_t *where)
{
    static const char *const tests[] = {"equal", "less", "greater", "regex"};
    config_setting_t *equal = config_setting_get_member(where, "equal");
    char shown[BW_QUOTE_MAX];
    bool any = false;

    match->has_less = link_bound(reader, where, "less", &match->less);
    match->has_greater = link_bound(reader, where, "greater", &match->greater);
    if (equal != NULL && is_number(equal)) {
        match->has_equal = true;
        match->equal = config_setting_get_int64(equal);
    } else if (equal != NULL) {
        const char *text = config_setting_type(equal) == CONFIG_TYPE_STRING ? config_setting_get_string(equal) : "";

        if (text[0] == '\0' || strlen(text) >= sizeof(match->text))
            bw_config_problem(reader, equal,
                              "trap rule's match equal: %s is neither; allowed: a whole number, or a text of 1-159 "
                              "characters",
                              bw_config_shown(equal, shown));
        else
            bw_copy(match->text, sizeof(match->text), text);
    }
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
        any = any || config_setting_get_member(where, tests[i]) != NULL;
    if (!any)
        bw_config_problem(reader, where,
                          "trap rule's match has nothing to compare with; allowed: equal, less, greater, regex");
    if (match->has_less && match->has_greater && (match->less == INT64_MIN || match->greater >= match->less - 1))
        bw_config_problem(reader, where,
                          "trap rule's match less: no number is below %lld and above %lld; allowed: a range",
                          (long long)match->less, (long long)match->greater);
}

static void link_rule(struct bw_config_reader *reader, struct bw_trap_rule_config *rule, config_setting_t *where)
{
    config_setting_t *source = config_setting_get_member(where, "source");
    config_setting_t *match = config_setting_get_member(where, "match");
    const char *text =
        source != NULL && config_setting_type(source) == CONFIG_TYPE_STRING ? config_setting_get_string(source) : NULL;
    const char *wrong = source == NULL ? NULL : text == NULL ? "is not a text" : wrong_source(text, &rule->source);
    const struct bw_traps_config *t = &reader->config->traps;
    char shown[BW_QUOTE_MAX];
    uint8_t taken = 0;

    if (wrong != NULL)
        bw_config_problem(reader, source,
                          "trap rule source: %s %s; allowed: an address, or a network such as \"10.0.0.0/8\"",
                          bw_config_shown(source, shown), wrong);
    if (match != NULL && config_setting_type(match) == CONFIG_TYPE_LIST)
        for (int i = 0; i < config_setting_length(match) && taken < rule->match_count; i++) {
            config_setting_t *row = config_setting_get_elem(match, (unsigned)i);

            if (config_setting_type(row) == CONFIG_TYPE_GROUP)
                link_match(reader, &rule->match[taken++], row);
        }
    if (rule->after == 0)
        rule->after = rule->set == BW_PNOTE_OK ? BW_PNOTE_PROBLEM : BW_PNOTE_OK;
    else if (rule->hold_ns == 0)
        bw_config_problem_at(reader, bw_config_line(where, "after"),
                             "trap rule after: there is no hold_s; allowed: only with hold_s above 0");
    for (const struct bw_trap_rule_config *other = t->rules; other < rule; other++)
        if (rule->name[0] != '\0' && strcasecmp(other->name, rule->name) == 0)
            bw_config_problem_at(reader, bw_config_line(where, "name"),
                                 "trap rule name: \"%s\" is used twice; allowed: each name once", rule->name);
}

/* ---- the whole ---- */

/* Setting of row i of a list, counting the rows that the tables took: sections. */
static config_setting_t *row_of(const config_setting_t *list, unsigned i)
{
    for (int k = 0; k < config_setting_length(list); k++) {
        config_setting_t *row = config_setting_get_elem(list, (unsigned)k);

        if (config_setting_type(row) == CONFIG_TYPE_GROUP && i-- == 0)
            return row;
    }
    return NULL;
}

static void check_traps(struct bw_config_reader *reader, const config_setting_t *section)
{
    const struct bw_traps_config *t = &reader->config->traps;

    if (!t->enabled)
        return;
    if (config_setting_get_member(section, "rules") == NULL)
        bw_config_problem(reader, section,
                          "traps has no rules; allowed: ( { name = \"...\"; oid = \"...\"; set = \"...\"; "
                          "pnote = \"...\"; }, ... ), or enabled = false");
    if (config_setting_get_member(section, "communities") == NULL &&
        config_setting_get_member(section, "users") == NULL)
        bw_config_problem(
            reader, section,
            "traps lets nobody in; allowed: communities for SNMPv1 and SNMPv2c, users for SNMPv3, or both");
}

void bw_config_link_traps(struct bw_config_reader *reader, const config_setting_t *root)
{
    config_setting_t *section = config_setting_get_member(root, "traps");
    struct bw_traps_config *t = &reader->config->traps;
    config_setting_t *list;

    if (section == NULL || config_setting_type(section) != CONFIG_TYPE_GROUP)
        return;
    if (config_setting_get_member(section, "enabled") == NULL)
        t->enabled = true;
    list = config_setting_get_member(section, "listen");
    if (list != NULL)
        link_listen(reader, list);
    else
        bw_copy(t->listen[t->listen_count++], sizeof(t->listen[0]), LISTEN_INITIAL);
    list = config_setting_get_member(section, "sources");
    if (list != NULL)
        link_sources(reader, list);
    list = config_setting_get_member(section, "communities");
    if (list != NULL)
        link_communities(reader, list);
    list = config_setting_get_member(section, "users");
    for (unsigned i = 0; i < t->users_count; i++)
        link_user(reader, &t->users[i], row_of(list, i));
    list = config_setting_get_member(section, "rules");
    for (unsigned i = 0; i < t->rules_count; i++)
        link_rule(reader, &t->rules[i], row_of(list, i));
    check_traps(reader, section);
}
