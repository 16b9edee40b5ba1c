/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The walker: reads a parsed section into a structure by its table of keys. It knows no key by name.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config/reader.h"
#include "bellwether/text.h"

#define ALLOWED_MAX 512

static const struct bw_config_key *find_key(const struct bw_config_section *section, const char *name)
{
    for (unsigned i = 0; i < section->keys_count; i++) {
        if (!strcmp(section->keys[i].name, name))
            return &section->keys[i];
    }
    return NULL;
}

const char *bw_config_allowed(const struct bw_config_key *key, char *buf, size_t cap)
{
    size_t at = 0;

    switch (key->type) {
    case BW_KEY_BOOL:
        snprintf(buf, cap, "true, false");
        break;
    case BW_KEY_INT:
        snprintf(buf, cap, "%lld-%lld", (long long)key->least, (long long)key->most);
        break;
    case BW_KEY_ENUM:
        buf[0] = '\0';
        for (const struct bw_enum_label *l = key->labels->labels; l->text && at < cap; l++)
            at += (size_t)snprintf(buf + at, cap - at, "%s\"%s\"", at ? ", " : "", l->text);
        break;
    default:
        snprintf(buf, cap, "%s", key->allowed ? key->allowed : "");
    }
    return buf;
}

/* The nearest key of this section, or where the key is at home, as " (…)". */
static void hint(const struct bw_config_section *section, const char *name, char *buf, size_t cap)
{
    unsigned most = strlen(name) < 6 ? 1 : strlen(name) < 10 ? 2 : 3;
    const char *nearest = NULL;

    buf[0] = '\0';
    for (const struct bw_config_section *const *other = bw_config_sections; *other; other++) {
        if (*other == section || !find_key(*other, name))
            continue;
        snprintf(buf, cap, " (it belongs to %s)", (*other)->title[0] ? (*other)->title : "the top of the file");
        return;
    }
    for (unsigned i = 0; i < section->keys_count; i++) {
        unsigned distance = bw_config_distance(name, section->keys[i].name, most);

        if (distance <= most) {
            nearest = section->keys[i].name;
            most = distance - 1;
        }
    }
    if (nearest)
        snprintf(buf, cap, " (did you mean \"%s\"?)", nearest);
}

static void unknown_key(struct bw_config_reader *reader, const struct bw_config_section *section,
                        const config_setting_t *setting)
{
    const char *name = config_setting_name(setting);
    char quote[BW_QUOTE_MAX], nearest[128], all[ALLOWED_MAX];
    size_t at = 0;

    all[0] = '\0';
    for (unsigned i = 0; i < section->keys_count && at < sizeof(all); i++)
        at += (size_t)snprintf(all + at, sizeof(all) - at, "%s%s", i ? ", " : "", section->keys[i].name);
    hint(section, name, nearest, sizeof(nearest));
    bw_config_problem(reader, setting, "unknown key %s in %s%s; allowed: %s",
                      bw_config_quote(name, strlen(name), quote), section->title[0] ? section->title : "the file",
                      nearest, all);
}

/* The value is of the wrong kind, or wrong in the way that `what` says. */
static void wrong_value(struct bw_config_reader *reader, const struct bw_config_section *section,
                        const struct bw_config_key *key, const config_setting_t *setting, const char *what)
{
    char shown[BW_QUOTE_MAX], allowed[ALLOWED_MAX];

    bw_config_problem(reader, setting, "%s%s%s: %s %s; allowed: %s", section->title, section->title[0] ? " " : "",
                      key->name, bw_config_shown(setting, shown), what,
                      bw_config_allowed(key, allowed, sizeof(allowed)));
}

static void store_number(const struct bw_config_key *key, void *base, uint64_t value)
{
    void *to = (char *)base + key->offset;

    switch (key->size) {
    case 1:
        *(uint8_t *)to = (uint8_t)value;
        break;
    case 4:
        *(uint32_t *)to = (uint32_t)value;
        break;
    default:
        *(uint64_t *)to = value;
    }
}

static void read_int(struct bw_config_reader *reader, const struct bw_config_section *section,
                     const struct bw_config_key *key, const config_setting_t *setting, void *base)
{
    int type = config_setting_type(setting);
    long long value = config_setting_get_int64(setting);

    if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64)
        wrong_value(reader, section, key, setting, "is not a whole number");
    else if (value < key->least || value > key->most)
        wrong_value(reader, section, key, setting, "is out of range");
    else
        store_number(key, base, (uint64_t)value * key->scale);
}

static void read_text(struct bw_config_reader *reader, const struct bw_config_section *section,
                      const struct bw_config_key *key, const config_setting_t *setting, void *base)
{
    const char *text = config_setting_get_string(setting);
    const char *wrong;
    uint32_t value;

    if (config_setting_type(setting) != CONFIG_TYPE_STRING) {
        wrong_value(reader, section, key, setting, "is not a text in double quotes");
    } else if (key->type == BW_KEY_ENUM) {
        if (bw_enum_value(key->labels, text, &value))
            wrong_value(reader, section, key, setting, "is unknown");
        else
            store_number(key, base, value);
    } else {
        wrong = key->wrong ? key->wrong(text) : NULL;
        if (!wrong && strlen(text) >= key->size)
            wrong = "is too long";
        if (wrong)
            wrong_value(reader, section, key, setting, wrong);
        else
            bw_copy((char *)base + key->offset, key->size, text);
    }
}

/* The array in the reader that remembers where the rows of a list were written, or NULL. */
static config_setting_t **places(struct bw_config_reader *reader, const struct bw_config_key *key)
{
    if (!strcmp(key->name, "members"))
        return reader->members;
    if (!strcmp(key->name, "groups"))
        return reader->groups;
    if (!strcmp(key->name, "monitors"))
        return reader->monitors;
    return !strcmp(key->name, "interfaces") ? reader->interfaces : NULL;
}

static void read_list(struct bw_config_reader *reader, const struct bw_config_section *section,
                      const struct bw_config_key *key, const config_setting_t *setting, void *base)
{
    config_setting_t **where = places(reader, key);
    uint8_t *count = (uint8_t *)base + key->count_offset;
    int length;

    if (config_setting_type(setting) != CONFIG_TYPE_LIST) {
        wrong_value(reader, section, key, setting, "is not a list in parentheses");
        return;
    }
    length = config_setting_length(setting);
    if (length < key->least || length > key->most)
        bw_config_problem(reader, setting, "%s %s: %d %s; allowed: %lld-%lld", section->title, key->name, length,
                          length == 1 ? "entry" : "entries", (long long)key->least, (long long)key->most);
    for (int i = 0; i < length && *count < key->most; i++) {
        config_setting_t *row = config_setting_get_elem(setting, (unsigned)i);
        char shown[BW_QUOTE_MAX];

        if (config_setting_type(row) != CONFIG_TYPE_GROUP) {
            bw_config_problem(reader, row, "%s %s: %s is not a section; allowed: %s", section->title, key->name,
                              bw_config_shown(row, shown), key->allowed);
            continue;
        }
        bw_config_read_section(reader, key->section, row, (char *)base + key->offset + (size_t)*count * key->size);
        if (where)
            where[*count] = row;
        ++*count;
    }
}

/* Gives the field its default; the tables' own text, so it can't be wrong (a test reads them all). */
static void read_initial(const struct bw_config_key *key, void *base)
{
    uint32_t value = 0;

    if (!key->initial)
        return;
    if (key->type == BW_KEY_INT)
        store_number(key, base, (uint64_t)strtoll(key->initial, NULL, 10) * key->scale);
    else if (key->type == BW_KEY_BOOL)
        *(bool *)((char *)base + key->offset) = !strcmp(key->initial, "true");
    else if (key->type == BW_KEY_ENUM && !bw_enum_value(key->labels, key->initial, &value))
        store_number(key, base, value);
    else if (key->type == BW_KEY_TEXT)
        bw_copy((char *)base + key->offset, key->size, key->initial);
}

static void read_key(struct bw_config_reader *reader, const struct bw_config_section *section,
                     const struct bw_config_key *key, config_setting_t *setting, void *base)
{
    switch (key->type) {
    case BW_KEY_BOOL:
        if (config_setting_type(setting) != CONFIG_TYPE_BOOL)
            wrong_value(reader, section, key, setting, "is neither true nor false");
        else
            *(bool *)((char *)base + key->offset) = config_setting_get_bool(setting);
        break;
    case BW_KEY_INT:
        read_int(reader, section, key, setting, base);
        break;
    case BW_KEY_TEXT:
    case BW_KEY_ENUM:
        read_text(reader, section, key, setting, base);
        break;
    case BW_KEY_LIST:
        read_list(reader, section, key, setting, base);
        break;
    case BW_KEY_GROUP:
    case BW_KEY_LATER:
        break;
    }
}

void bw_config_read_section(struct bw_config_reader *reader, const struct bw_config_section *section,
                            config_setting_t *setting, void *base)
{
    char allowed[ALLOWED_MAX];

    for (int i = 0; setting && i < config_setting_length(setting); i++) {
        const config_setting_t *child = config_setting_get_elem(setting, (unsigned)i);

        if (!find_key(section, config_setting_name(child)))
            unknown_key(reader, section, child);
    }
    for (unsigned i = 0; i < section->keys_count; i++) {
        const struct bw_config_key *key = &section->keys[i];
        config_setting_t *child = setting ? config_setting_get_member(setting, key->name) : NULL;

        read_initial(key, base);
        if (key->type == BW_KEY_GROUP) {
            if (child && config_setting_type(child) != CONFIG_TYPE_GROUP) {
                wrong_value(reader, section, key, child, "is not a section in braces");
                child = NULL;
            } else if (!child && setting && key->required) {
                bw_config_problem(reader, setting, "no %s; allowed: %s", key->name, key->allowed);
            }
            bw_config_read_section(reader, key->section, child, (char *)base + key->offset);
        } else if (child) {
            read_key(reader, section, key, child, base);
        } else if (setting && key->required) {
            bw_config_problem(reader, setting, "%s has no %s; allowed: %s", section->title, key->name,
                              bw_config_allowed(key, allowed, sizeof(allowed)));
        }
    }
}
