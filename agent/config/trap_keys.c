/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The keys of the traps section, in the form of keys.c: who may send notifications, and what they do to pnotes.
 */
#include "agent/config/reader.h"

#define KEYS(table) .keys = table, .keys_count = sizeof(table) / sizeof(table[0])
#define INTO(structure, field)                                                                                         \
    .offset = offsetof(struct structure, field), .size = sizeof(((struct structure *)0)->field)
#define ROWS(structure, field)                                                                                         \
    .offset = offsetof(struct structure, field), .size = sizeof(((struct structure *)0)->field[0]),                    \
    .count_offset = offsetof(struct structure, field##_count)
#define RANGE(unit, low, high) .scale = (unit), .least = (low), .most = (high)

#define NAME_ALLOWED "1-31 letters, digits, '.', '_', '-', not only digits"
#define FILE_ALLOWED "an absolute path of at most 107 characters"

static const struct bw_enum_label auth_labels[] = {
    {BW_TRAP_AUTH_MD5, "MD5", "md5"},
    {BW_TRAP_AUTH_SHA, "SHA", "sha"},
    {BW_TRAP_AUTH_SHA224, "SHA224", "sha224"},
    {BW_TRAP_AUTH_SHA256, "SHA256", "sha256"},
    {BW_TRAP_AUTH_SHA384, "SHA384", "sha384"},
    {BW_TRAP_AUTH_SHA512, "SHA512", "sha512"},
    {0, NULL, NULL},
};
static const struct bw_enum auth_enum = {"", auth_labels};

static const struct bw_enum_label priv_labels[] = {
    {BW_TRAP_PRIV_DES, "DES", "des"},
    {BW_TRAP_PRIV_AES, "AES", "aes"},
    {BW_TRAP_PRIV_AES192, "AES192", "aes192"},
    {BW_TRAP_PRIV_AES256, "AES256", "aes256"},
    {0, NULL, NULL},
};
static const struct bw_enum priv_enum = {"", priv_labels};

static const struct bw_enum_label set_labels[] = {
    {BW_PNOTE_OK, "ok", "ok"},
    {BW_PNOTE_INIT, "init", "init"},
    {BW_PNOTE_PROBLEM, "problem", "problem"},
    {0, NULL, NULL},
};
static const struct bw_enum set_enum = {"", set_labels};

static const struct bw_enum_label start_labels[] = {
    {BW_PNOTE_OK, "ok", "ok"},
    {BW_PNOTE_INIT, "init", "init"},
    {0, NULL, NULL},
};
static const struct bw_enum start_enum = {"", start_labels};

static const struct bw_config_key user_keys[] = {
    {.name = "name",
     .type = BW_KEY_TEXT,
     INTO(bw_trap_user_config, name),
     .required = true,
     .wrong = bw_config_wrong_word,
     .allowed = "1-31 printable characters without blank",
     .meaning = "Security name of an SNMPv3 user"},
    {.name = "auth",
     .type = BW_KEY_ENUM,
     INTO(bw_trap_user_config, auth),
     .labels = &auth_enum,
     .initial = "SHA",
     .meaning = "How the user's messages are authenticated; what is not authenticated is refused"},
    {.name = "auth_file",
     .type = BW_KEY_TEXT,
     INTO(bw_trap_user_config, auth_file),
     .required = true,
     .wrong = bw_config_wrong_path,
     .allowed = FILE_ALLOWED,
     .meaning = "File whose first line is the passphrase for it, of at least 8 characters; readable by its owner only"},
    {.name = "priv",
     .type = BW_KEY_ENUM,
     INTO(bw_trap_user_config, priv),
     .labels = &priv_enum,
     .derived = "none; messages need not be encrypted",
     .meaning = "How the user's messages are encrypted; with it, what is not encrypted is refused"},
    {.name = "priv_file",
     .type = BW_KEY_TEXT,
     INTO(bw_trap_user_config, priv_file),
     .wrong = bw_config_wrong_path,
     .allowed = FILE_ALLOWED,
     .derived = "none; needed with priv",
     .meaning = "File whose first line is the passphrase for it, of at least 8 characters; readable by its owner only"},
    {.name = "engine_id",
     .type = BW_KEY_LATER,
     .derived = "none; the user sends informs, no traps",
     .allowed = "5-32 octets as hexadecimal digits, such as \"8000000001020304\"",
     .meaning = "Engine id of the device that sends the user's traps (informs need none); a user of several devices is "
                "written once for each"},
};
const struct bw_config_section bw_config_trap_user = {.title = "trap user", KEYS(user_keys)};

static const struct bw_config_key match_keys[] = {
    {.name = "oid",
     .type = BW_KEY_TEXT,
     INTO(bw_trap_match_config, oid),
     .required = true,
     .wrong = bw_config_wrong_object,
     .allowed = "an object's number, such as \"1.3.6.1.2.1.2.2.1.1\", or its name",
     .meaning = "The object, with its instance or, for any instance, without"},
    {.name = "equal",
     .type = BW_KEY_LATER,
     .derived = "none",
     .allowed = "a whole number, or a text of 1-159 characters",
     .meaning = "The value is this number, or this text"},
    {.name = "less",
     .type = BW_KEY_LATER,
     .derived = "none",
     .allowed = "a whole number",
     .meaning = "The value is a number below this one"},
    {.name = "greater",
     .type = BW_KEY_LATER,
     .derived = "none",
     .allowed = "a whole number",
     .meaning = "The value is a number above this one"},
    {.name = "regex",
     .type = BW_KEY_TEXT,
     INTO(bw_trap_match_config, regex),
     .wrong = bw_config_wrong_regex,
     .allowed =
         "an extended regular expression of 1-159 characters, without back-references and with at most one {...}",
     .derived = "none",
     .meaning = "The regular expression fits some part of the value as text"},
};
const struct bw_config_section bw_config_trap_match = {.title = "trap rule's match", KEYS(match_keys)};

static const struct bw_config_key rule_keys[] = {
    {.name = "name",
     .type = BW_KEY_TEXT,
     INTO(bw_trap_rule_config, name),
     .required = true,
     .wrong = bw_config_wrong_name,
     .allowed = NAME_ALLOWED,
     .meaning = "Name of the rule, each once"},
    {.name = "source",
     .type = BW_KEY_LATER,
     .derived = "any that sources lets in",
     .allowed = "an address, or a network such as \"10.0.0.0/8\"",
     .meaning = "Where the notification comes from"},
    {.name = "oid",
     .type = BW_KEY_TEXT,
     INTO(bw_trap_rule_config, oid),
     .required = true,
     .wrong = bw_config_wrong_notification,
     .allowed =
         "a notification's number, such as \"1.3.6.1.6.3.1.1.5.3\", or its name, such as \"linkDown\"; \".*\" at "
         "the end for all below",
     .meaning = "The notification; names other than coldStart, warmStart, linkDown, linkUp, authenticationFailure and "
                "egpNeighborLoss need the MIB's file on this host. SNMPv1 traps are seen with their SNMPv2 numbers"},
    {.name = "match",
     .type = BW_KEY_LIST,
     ROWS(bw_trap_rule_config, match),
     .least = 1,
     .most = BW_MAX_TRAP_MATCHES,
     .section = &bw_config_trap_match,
     .allowed = "( { oid = \"...\"; equal = 7; }, ... )",
     .derived = "none: the notification is enough",
     .meaning = "Conditions on values of the notification's objects; all must hold"},
    {.name = "set",
     .type = BW_KEY_ENUM,
     INTO(bw_trap_rule_config, set),
     .labels = &set_enum,
     .required = true,
     .meaning = "What the pnote becomes"},
    {.name = "pnote",
     .type = BW_KEY_TEXT,
     INTO(bw_trap_rule_config, pnote),
     .required = true,
     .wrong = bw_config_wrong_word,
     .allowed = "1-31 printable characters without blank",
     .meaning = "The pnote; several rules may set the same one"},
    {.name = "hold_s",
     .type = BW_KEY_INT,
     INTO(bw_trap_rule_config, hold_ns),
     RANGE(BW_SEC, 0, 86400),
     .initial = "0",
     .meaning = "Seconds after which the pnote becomes what after says, unless a rule matched meanwhile; 0: it stays"},
    {.name = "after",
     .type = BW_KEY_ENUM,
     INTO(bw_trap_rule_config, after),
     .labels = &set_enum,
     .derived = "ok, or problem where set is ok",
     .meaning = "What the pnote becomes after the hold time"},
    {.name = "start",
     .type = BW_KEY_ENUM,
     INTO(bw_trap_rule_config, start),
     .labels = &start_enum,
     .initial = "ok",
     .meaning = "What the pnote is when the daemon starts; init holds the member back until a notification says more"},
};
const struct bw_config_section bw_config_trap_rule = {.title = "trap rule", KEYS(rule_keys)};

static const struct bw_config_key traps_keys[] = {
    {.name = "enabled",
     .type = BW_KEY_BOOL,
     INTO(bw_traps_config, enabled),
     .derived = "true when there is a traps section",
     .meaning = "Whether notifications are received"},
    {.name = "listen",
     .type = BW_KEY_LATER,
     .derived = "\"0.0.0.0:162\"",
     .allowed = "\"address:port\" or \"[IPv6 address]:port\", port 1-65535; or an array of at most 4 of them",
     .meaning = "Address and UDP port for notifications"},
    {.name = "sources",
     .type = BW_KEY_LATER,
     .derived = "everybody",
     .allowed = "( \"address\", \"network/prefix\", ... ), at most 32",
     .meaning = "Senders that are listened to; messages of others are dropped unread"},
    {.name = "communities",
     .type = BW_KEY_LATER,
     .derived = "none; SNMPv1 and SNMPv2c are refused",
     .allowed = "( \"community\", ... ), at most 16 of 1-63 characters",
     .meaning = "Communities of SNMPv1 and SNMPv2c notifications that are taken"},
    {.name = "users",
     .type = BW_KEY_LIST,
     ROWS(bw_traps_config, users),
     .least = 1,
     .most = BW_MAX_TRAP_USERS,
     .section = &bw_config_trap_user,
     .allowed = "( { name = \"...\"; auth_file = \"...\"; ... }, ... )",
     .derived = "none; SNMPv3 is refused",
     .meaning = "Users of SNMPv3 notifications that are taken"},
    {.name = "rules",
     .type = BW_KEY_LIST,
     ROWS(bw_traps_config, rules),
     .least = 1,
     .most = BW_MAX_TRAP_RULES,
     .section = &bw_config_trap_rule,
     .allowed = "( { name = \"...\"; oid = \"...\"; set = \"...\"; pnote = \"...\"; }, ... )",
     .derived = "none; needed when notifications are received",
     .meaning = "What notifications do; every rule that fits acts, in this order"},
};
const struct bw_config_section bw_config_traps = {.title = "traps", KEYS(traps_keys)};
