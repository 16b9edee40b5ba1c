/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside agent/config: the tables of keys, the reader that walks them over a parsed file, and the list of problems
 * found.
 *
 * A file goes through: guard (text that libconfig must not see) → libconfig → tables (types, ranges, unknown keys) →
 * links (what refers to something else in the file) → check (what must hold between values) → digest.
 */
#ifndef BELLWETHER_CONFIG_READER_H
#define BELLWETHER_CONFIG_READER_H

#include <libconfig.h>

#include "bellwether/catalogue.h"
#include "bellwether/config.h"

enum bw_config_type {
    BW_KEY_BOOL,
    BW_KEY_INT,   /* stored as value × scale in an unsigned field of `size` bytes */
    BW_KEY_TEXT,  /* stored in char[size] */
    BW_KEY_ENUM,  /* text with labels, stored as uint32_t */
    BW_KEY_GROUP, /* a section in braces, its fields at base + offset */
    BW_KEY_LIST,  /* sections in parentheses: rows of `size` bytes each from offset on, their number in a uint8_t at
                     count_offset */
    BW_KEY_LATER, /* read by links.c, which needs the rest of the file for it */
};

struct bw_config_section;

/* One key. Order within a section is the order of the documentation. */
struct bw_config_key {
    const char *name;
    enum bw_config_type type;
    uint32_t offset; /* in the section's structure */
    uint32_t size;
    uint64_t scale;      /* BW_KEY_INT: stored units per written unit */
    int64_t least, most; /* BW_KEY_INT: range; BW_KEY_LIST: number of rows */
    uint32_t count_offset;
    bool required;
    const char *initial; /* default, written as in the file without quotes; NULL = none */
    const char *derived; /* in words, when the default depends on other keys; documentation only */
    const struct bw_enum *labels;
    const char *(*wrong)(const char *value); /* BW_KEY_TEXT: what is wrong with it ("is not …"), NULL = nothing */
    const char *allowed; /* for messages and documentation; BW_KEY_INT and _BOOL and _ENUM make their own */
    const struct bw_config_section *section; /* BW_KEY_GROUP, BW_KEY_LIST */
    const char *meaning;                     /* one sentence without its full stop */
};

struct bw_config_section {
    const char *title; /* in messages: "cluster", "member" … */
    const struct bw_config_key *keys;
    unsigned keys_count;
};

/* Tables (keys.c). bw_config_sections: all of them, for documentation and hints; ends with NULL. */
extern const struct bw_config_section bw_config_root, bw_config_override, bw_config_group_address, bw_config_monitor, bw_config_resource;
extern const struct bw_enum bw_config_monitor_kind; /* monitor_keys.c */
extern const struct bw_config_section bw_config_sync; /* sync_keys.c */
extern const struct bw_enum bw_config_resource_kind; /* resource_keys.c */
/* Those of trap_keys.c. */
extern const struct bw_config_section bw_config_traps, bw_config_trap_user, bw_config_trap_rule, bw_config_trap_match;
/* Those of alert_keys.c. */
extern const struct bw_config_section bw_config_alerts, bw_config_alert_target;
extern const struct bw_config_section bw_config_sync_select; /* sync_select.c */
extern const struct bw_config_section *const bw_config_sections[];

/* Rows that links.c reads through the tables. */
struct bw_config_override_row {
    char name[BW_NAME_MAX];
    char device[BW_NAME_MAX];
    char address[64];
};
struct bw_config_group_address_row {
    char interface[BW_NAME_MAX];
    char address[64];
};

struct bw_config_problem {
    unsigned line;
    char *text;
};

struct bw_config_reader {
    const char *name; /* of the file, for messages */
    config_t tree;
    struct bw_config *config;
    unsigned problems_count; /* found; the array may hold fewer when memory ran out */
    unsigned problems_kept;
    unsigned problems_room;
    struct bw_config_problem *problems;
    /* Where each row was written, for messages; same order as the configuration's arrays. */
    config_setting_t *cluster;
    config_setting_t *members[BW_MAX_MEMBERS];
    config_setting_t *interfaces[BW_MAX_INTERFACES];
    config_setting_t *groups[BW_MAX_GROUPS];
    config_setting_t *addresses[BW_MAX_ADDRESSES];
    config_setting_t *monitors[BW_MAX_MONITORS];
    config_setting_t *resources[BW_MAX_RESOURCES];
};

/* ---- problems.c ---- */

/* Notes a problem at a setting's line (NULL: line 1). The text is "what; allowed: what is allowed". */
void bw_config_problem(struct bw_config_reader *reader, const config_setting_t *where, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void bw_config_problem_at(struct bw_config_reader *reader, unsigned line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Writes all problems by line into errors and frees them. */
void bw_config_problems_tell(struct bw_config_reader *reader, struct bw_config_errors *errors);
/* Empties errors and puts one line in. */
void bw_config_tell(struct bw_config_errors *errors, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define BW_QUOTE_MAX 88
/* value in double quotes, cut, with everything unprintable as \xHH. Returns buf (BW_QUOTE_MAX bytes). */
const char *bw_config_quote(const char *value, size_t length, char *buf);
/* What a setting holds, for messages: quoted text, number, true, false, "a list" … Returns buf (BW_QUOTE_MAX bytes). */
const char *bw_config_shown(const config_setting_t *setting, char *buf);
/* The line of a key within a section, or the section's own when the key is not written. */
unsigned bw_config_line(const config_setting_t *section, const char *key);
/* Number of single-character changes that turn a into b, at most `most` + 1. */
unsigned bw_config_distance(const char *a, const char *b, unsigned most);

/* ---- values.c: what is wrong with a text; NULL = nothing ---- */
const char *bw_config_wrong_name(const char *value);
const char *bw_config_wrong_device(const char *value);
const char *bw_config_wrong_path(const char *value);
const char *bw_config_wrong_agentx(const char *value);
const char *bw_config_wrong_listen(const char *value);
const char *bw_config_wrong_oid(const char *value);
const char *bw_config_wrong_log_level(const char *value);
/* Those of traps.c: a word without blanks, an object's or notification's number or name, a regular expression. */
const char *bw_config_wrong_word(const char *value);
const char *bw_config_wrong_object(const char *value);
const char *bw_config_wrong_notification(const char *value);
const char *bw_config_wrong_regex(const char *value);
const char *bw_config_wrong_mailbox(const char *value);   /* alert_keys.c */
const char *bw_config_wrong_alert_url(const char *value); /* alerts.c: http and https */
/* Addresses: those of a host (member, witness), and virtual ones with their prefix. *address is set when nothing is
 * wrong. */
const char *bw_config_wrong_host(const char *value, struct bw_address *address);
const char *bw_config_wrong_host_text(const char *value);
const char *bw_config_wrong_virtual(const char *value, struct bw_address *address);
const char *bw_config_wrong_multicast(const char *value, struct bw_address *address);
bool bw_config_same_host(const struct bw_address *a, const struct bw_address *b); /* whatever their prefixes */

/* ---- read.c ---- */

/* Reads one section into base by its table; setting NULL: defaults only. */
void bw_config_read_section(struct bw_config_reader *reader, const struct bw_config_section *section,
                            config_setting_t *setting, void *base);
/* "a, b, c" of a key's allowed values. Returns buf. */
const char *bw_config_allowed(const struct bw_config_key *key, char *buf, size_t cap);

/* ---- guard.c ---- */

/* Two copies of a file's text, line by line the same. whole: with numbers that don't fit 32 bits marked as 64 bits, so
 * that the range check sees them. bare: with numbers in place of texts, for a first parse that can only fail without
 * leaking. */
struct bw_config_texts {
    char *whole, *bare;
};

/* Makes both (the caller frees them, whatever is returned; they may be NULL). 0, -EINVAL with a problem noted: an
 * include directive, a NUL byte, a text without end, far too many keys; or -ENOMEM. */
int bw_config_guard(struct bw_config_reader *reader, const char *text, size_t length, struct bw_config_texts *texts);

/* ---- links.c: shared by it and groups.c ---- */

#define BW_NAMES_MAX (16 * (BW_NAME_MAX + 4)) /* room for all names of members or interfaces, quoted and joined */

/* Number of texts in a setting that is one text, or an array or list (of texts, which bw_config_text_at checks); -1 for
 * anything else, with a problem noted: what is its name in the message, allowed the end of it. */
int bw_config_texts_count(struct bw_config_reader *reader, const config_setting_t *setting, const char *what,
                          const char *allowed);
/* Text i of it, with *where the setting that holds it; NULL with a problem noted when it is no text. */
const char *bw_config_text_at(struct bw_config_reader *reader, config_setting_t *setting, int i, const char *what,
                              const char *allowed, config_setting_t **where);
/* Index by name, or BW_NONE. */
uint8_t bw_config_find_interface(const struct bw_cluster_config *c, const char *name);
uint8_t bw_config_find_member(const struct bw_cluster_config *c, const char *name);
/* Names in quotes joined by ", ", for what is allowed. Return buf. */
const char *bw_config_member_names(const struct bw_cluster_config *c, char *buf, size_t cap);
const char *bw_config_interface_names(const struct bw_cluster_config *c, char *buf, size_t cap);

/* ---- links.c, groups.c, check.c, digest.c: the steps after the tables ---- */
void bw_config_link(struct bw_config_reader *reader);
void bw_config_link_groups(struct bw_config_reader *reader);
void bw_config_link_surfaces(struct bw_config_reader *reader, const config_setting_t *root); /* surfaces.c */
void bw_config_link_traps(struct bw_config_reader *reader, const config_setting_t *root);    /* traps.c */
void bw_config_link_alerts(struct bw_config_reader *reader, const config_setting_t *root);   /* alerts.c */
void bw_config_link_monitors(struct bw_config_reader *reader); /* monitors.c; sorts them, so the last that needs their places */
void bw_config_link_resources(struct bw_config_reader *reader); /* resources.c; needs groups and addresses */
void bw_config_link_sync(struct bw_config_reader *reader, const config_setting_t *cluster); /* sync_select.c */
void bw_config_check(struct bw_config_reader *reader);
uint64_t bw_config_digest(const struct bw_cluster_config *cluster);
/* The cluster's digest with the monitors' added; without monitors it stays as it was. */
uint64_t bw_config_digest_monitors(uint64_t hash, const struct bw_config *config);
/* Likewise with the resources of groups. */
uint64_t bw_config_digest_resources(uint64_t hash, const struct bw_config *config);
/* A list of words as a command: into words (BW_COMMAND_MAX bytes) and *count. what: the key's name in messages. */
void bw_config_link_command(struct bw_config_reader *reader, const char *what, config_setting_t *list, char *words,
                            uint32_t *count);

#endif
