/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Alert targets: which keys go with which kind, what a kind cannot do without, and (apart from the file) whether the files with
 * secrets can be used. No message here shows a URL, which may hold a secret.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/config/reader.h"
#include "bellwether/event.h"
#include "bellwether/text.h"

#define MAILBOXES_MOST 8
#define WORDS_MOST     32

/* ---- which keys go with which kind; all others go with all ---- */

#define FOR(kind) (1U << (kind))
#define HTTP      (FOR(BW_ALERT_WEBHOOK) | FOR(BW_ALERT_ALERTMANAGER))
#define TLS       (HTTP | FOR(BW_ALERT_MAIL))

static const struct {
    const char *key;
    uint32_t kinds, needed; /* masks */
} keys_of_kinds[] = {
    {"socket", FOR(BW_ALERT_SYSLOG) | FOR(BW_ALERT_JOURNAL), 0},
    {"server", FOR(BW_ALERT_SYSLOG), 0},
    {"protocol", FOR(BW_ALERT_SYSLOG), 0},
    {"facility", FOR(BW_ALERT_SYSLOG), 0},
    {"enterprise", FOR(BW_ALERT_SYSLOG), 0},
    {"url", TLS, FOR(BW_ALERT_MAIL) | FOR(BW_ALERT_ALERTMANAGER)},
    {"url_file", FOR(BW_ALERT_WEBHOOK), 0},
    {"tls", FOR(BW_ALERT_MAIL), 0},
    {"sender", FOR(BW_ALERT_MAIL), FOR(BW_ALERT_MAIL)},
    {"to", FOR(BW_ALERT_MAIL), FOR(BW_ALERT_MAIL)},
    {"login", TLS, 0},
    {"password_file", TLS, 0},
    {"token_file", HTTP, 0},
    {"secret_file", FOR(BW_ALERT_WEBHOOK), 0},
    {"ca_file", TLS | FOR(BW_ALERT_SYSLOG), 0},
    {"certificate_file", TLS | FOR(BW_ALERT_SYSLOG), 0},
    {"key_file", TLS | FOR(BW_ALERT_SYSLOG), 0},
    {"verify", TLS | FOR(BW_ALERT_SYSLOG), 0},
    {"repeat_s", FOR(BW_ALERT_ALERTMANAGER), 0},
    {"command", FOR(BW_ALERT_EXEC), FOR(BW_ALERT_EXEC)},
    {"user", FOR(BW_ALERT_EXEC), 0},
    /* net-snmp and snmpd do these for notifications */
    {"rate_per_minute", ~FOR(BW_ALERT_SNMP), 0},
    {"queue", ~FOR(BW_ALERT_SNMP), 0},
    {"digest_after", ~FOR(BW_ALERT_SNMP), 0},
    {"digest_s", ~FOR(BW_ALERT_SNMP), 0},
    {"timeout_s", ~FOR(BW_ALERT_SNMP), 0},
};

static void check_keys(struct bw_config_reader *reader, const struct bw_alert_target_config *t, config_setting_t *row)
{
    const char *kind = bw_enum_text(&bw_enum_alert_kind, t->kind);

    for (size_t i = 0; t->kind && i < sizeof(keys_of_kinds) / sizeof(keys_of_kinds[0]); i++) {
        const config_setting_t *written = config_setting_get_member(row, keys_of_kinds[i].key);
        char kinds[128] = "";
        size_t at = 0;

        for (uint32_t k = BW_ALERT_SYSLOG; k <= BW_ALERT_SNMP; k++)
            if (keys_of_kinds[i].kinds & FOR(k))
                at += bw_format(kinds + at, sizeof(kinds) - at, "%s\"%s\"", at ? ", " : "",
                                bw_enum_text(&bw_enum_alert_kind, k));
        if (written && !(keys_of_kinds[i].kinds & FOR(t->kind)))
            bw_config_problem(reader, written, "alert target %s: the kind is \"%s\"; allowed: with kind %s",
                              keys_of_kinds[i].key, kind, kinds);
        if (!written && (keys_of_kinds[i].needed & FOR(t->kind)))
            bw_config_problem(reader, row, "alert target has no %s, which kind \"%s\" needs; allowed: to write one",
                              keys_of_kinds[i].key, kind);
    }
}

static void check_tls(struct bw_config_reader *reader, const struct bw_alert_target_config *t, config_setting_t *row)
{
    static const char *const keys[] = {"ca_file", "certificate_file", "key_file", "verify"};
    bool certificate = config_setting_get_member(row, "certificate_file"), key = config_setting_get_member(row, "key_file");

    if (certificate != key)
        bw_config_problem_at(reader, bw_config_line(row, key ? "key_file" : "certificate_file"),
                             "alert target %s: there is no %s; allowed: both or none", key ? "key_file" : "certificate_file",
                             key ? "certificate_file" : "key_file");
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (t->kind == BW_ALERT_SYSLOG && t->protocol != BW_ALERT_TLS && config_setting_get_member(row, keys[i]))
            bw_config_problem_at(reader, bw_config_line(row, keys[i]),
                                 "alert target %s: there is no encryption; allowed: with protocol \"tls\"", keys[i]);
}

static void check_pairs(struct bw_config_reader *reader, const struct bw_alert_target_config *t, config_setting_t *row)
{
    bool login = config_setting_get_member(row, "login"), password = config_setting_get_member(row, "password_file");
    bool url = config_setting_get_member(row, "url"), file = config_setting_get_member(row, "url_file");

    if (login != password)
        bw_config_problem_at(reader, bw_config_line(row, login ? "login" : "password_file"),
                             "alert target %s: there is no %s; allowed: both or none", login ? "login" : "password_file",
                             login ? "password_file" : "login");
    if (login && config_setting_get_member(row, "token_file"))
        bw_config_problem_at(reader, bw_config_line(row, "token_file"),
                             "alert target token_file: there is a login too; allowed: one of them");
    if (t->kind == BW_ALERT_WEBHOOK && url == file)
        bw_config_problem(reader, row, "alert target of kind \"webhook\" has %s; allowed: url or url_file",
                          url ? "url and url_file" : "neither url nor url_file");
    if (t->kind == BW_ALERT_SYSLOG && t->server[0] != '\0' && config_setting_get_member(row, "socket"))
        bw_config_problem_at(reader, bw_config_line(row, "socket"),
                             "alert target socket: there is a server too; allowed: one of them");
    if (t->kind == BW_ALERT_SYSLOG && t->server[0] == '\0' && config_setting_get_member(row, "protocol"))
        bw_config_problem_at(reader, bw_config_line(row, "protocol"),
                             "alert target protocol: there is no server; allowed: only with server");
    if (t->kind == BW_ALERT_MAIL && t->tls == BW_ALERT_TLS_NONE && login)
        bw_config_problem_at(reader, bw_config_line(row, "login"),
                             "alert target login: the password would go out unencrypted; allowed: with tls \"starttls\" or "
                             "\"implicit\"");
    if (t->kind == BW_ALERT_SNMP && !reader->config->snmp.enabled)
        bw_config_problem_at(reader, bw_config_line(row, "kind"),
                             "alert target kind: SNMP is not enabled; allowed: \"snmp\" with snmp enabled");
}

/* ---- values that the tables cannot read ---- */

static const char *wrong_url(const char *value, bool mail)
{
    static const char *const schemes[2][3] = {{"http://", "https://", NULL}, {"smtp://", NULL}};
    const char *host = NULL;

    for (const char *const *scheme = schemes[mail]; *scheme && !host; scheme++)
        host = strncmp(value, *scheme, strlen(*scheme)) == 0 ? value + strlen(*scheme) : NULL;
    if (!host)
        return mail ? "does not begin with smtp://" : "does not begin with http:// or https://";
    if (memchr(host, '@', strcspn(host, "/?#")))
        return "holds a user or password";
    if (strcspn(host, "/?#") == 0 || host[0] == ':')
        return "has no host";
    if (mail && host[strcspn(host, "/?#")] != '\0')
        return "has a path";
    for (const char *c = value; *c; c++)
        if (*c <= ' ' || *c > '~' || strchr("\"<>\\^`{|}", *c))
            return "holds a character that it may not have";
    return strlen(value) > 255 ? "is too long" : NULL;
}

const char *bw_config_wrong_alert_url(const char *value)
{
    return wrong_url(value, false);
}

/* Never shows what is written. */
static void link_url(struct bw_config_reader *reader, const char *what, bool mail, config_setting_t *setting, char *to,
                     size_t cap)
{
    const char *text = config_setting_type(setting) == CONFIG_TYPE_STRING ? config_setting_get_string(setting) : NULL;
    const char *wrong = text ? wrong_url(text, mail) : "is not a text in double quotes";

    if (wrong)
        bw_config_problem(reader, setting, "%s: it %s; allowed: %s, without user and password", what, wrong,
                          mail ? "smtp://host:port" : "http://... or https://..., at most 255 characters");
    else
        bw_copy(to, cap, text);
}

static void link_events(struct bw_config_reader *reader, struct bw_alert_target_config *t, config_setting_t *list)
{
    static const char what[] = "alert target events";
    char allowed[512], quote[BW_QUOTE_MAX];
    int count;
    config_setting_t *where;

    bw_enum_choices(&bw_enum_event_kind, allowed, sizeof(allowed));
    count = bw_config_texts_count(reader, list, what, allowed);
    if (count == 0)
        bw_config_problem(reader, list, "%s: there is none; allowed: %s", what, allowed);
    for (int i = 0; i < count; i++) {
        const char *text = bw_config_text_at(reader, list, i, what, allowed, &where);
        uint32_t kind;

        if (!text)
            continue;
        if (bw_enum_value(&bw_enum_event_kind, text, &kind) || kind > 31)
            bw_config_problem(reader, where, "%s: %s is no kind of event; allowed: %s", what,
                              bw_config_quote(text, strlen(text), quote), allowed);
        else
            t->events |= FOR(kind);
    }
}

/* Texts one after the other into a field, each with its NUL. */
static uint32_t link_texts(struct bw_config_reader *reader, config_setting_t *list, const char *what, const char *allowed,
                           const char *(*wrong_one)(const char *), bool first_only, int most, char *to, size_t cap)
{
    int count = bw_config_texts_count(reader, list, what, allowed);
    config_setting_t *where;
    char quote[BW_QUOTE_MAX];
    uint32_t taken = 0;
    size_t at = 0;

    if (count == 0)
        bw_config_problem(reader, list, "%s: it is empty; allowed: %s", what, allowed);
    for (int i = 0; i < count; i++) {
        const char *text = bw_config_text_at(reader, list, i, what, allowed, &where);
        const char *wrong = text && (i == 0 || !first_only) ? wrong_one(text) : NULL;

        if (!text)
            return taken;
        if (!wrong && (i == most || at + strlen(text) + 1 > cap))
            wrong = "makes it too long";
        if (wrong) {
            bw_config_problem(reader, where, "%s: %s %s; allowed: %s", what, bw_config_quote(text, strlen(text), quote),
                              wrong, allowed);
            return taken;
        }
        memcpy(to + at, text, strlen(text) + 1);
        at += strlen(text) + 1;
        taken++;
    }
    return taken;
}

static void link_values(struct bw_config_reader *reader, struct bw_alert_target_config *t, config_setting_t *row)
{
    config_setting_t *events = config_setting_get_member(row, "events"), *url = config_setting_get_member(row, "url");
    config_setting_t *to = config_setting_get_member(row, "to"), *command = config_setting_get_member(row, "command");

    if (events)
        link_events(reader, t, events);
    if (url)
        link_url(reader, "alert target url", t->kind == BW_ALERT_MAIL, url, t->url, sizeof(t->url));
    if (to)
        t->to_count = link_texts(reader, to, "alert target to", "[ \"mail address\", ... ], 1-8 of them",
                                 bw_config_wrong_mailbox, false, MAILBOXES_MOST, t->to, sizeof(t->to));
    if (command)
        t->words = link_texts(reader, command, "alert target command",
                              "[ \"/path/of/program\", \"argument\", ... ], at most 32 words and 511 characters",
                              bw_config_wrong_path, true, WORDS_MOST, t->command, sizeof(t->command));
    if (t->kind == BW_ALERT_MAIL || t->kind == BW_ALERT_WEBHOOK || t->kind == BW_ALERT_EXEC) { /* people read these */
        t->rate = config_setting_get_member(row, "rate_per_minute") ? t->rate : 30;
        t->digest_after = config_setting_get_member(row, "digest_after") ? t->digest_after : 6;
    }
    if (t->kind == BW_ALERT_SYSLOG && t->server[0] == '\0') {
        t->protocol = BW_ALERT_LOCAL;
        if (t->socket[0] == '\0')
            bw_copy(t->socket, sizeof(t->socket), "/dev/log");
    }
    if (t->kind == BW_ALERT_JOURNAL && t->socket[0] == '\0')
        bw_copy(t->socket, sizeof(t->socket), "/run/systemd/journal/socket");
}

void bw_config_link_alerts(struct bw_config_reader *reader, const config_setting_t *root)
{
    struct bw_alerts_config *alerts = &reader->config->alerts;
    config_setting_t *section = config_setting_get_member(root, "alerts"), *list, *where;

    if (!section || config_setting_type(section) != CONFIG_TYPE_GROUP)
        return;
    where = config_setting_get_member(section, "link");
    if (where)
        link_url(reader, "alerts link", false, where, alerts->link, sizeof(alerts->link));
    list = config_setting_get_member(section, "targets");
    for (int i = 0, n = 0; list && n < alerts->targets_count && i < config_setting_length(list); i++) {
        config_setting_t *row = config_setting_get_elem(list, (unsigned)i);
        struct bw_alert_target_config *t = &alerts->targets[n];

        if (config_setting_type(row) != CONFIG_TYPE_GROUP)
            continue;
        alerts->lines[n] = bw_config_line(row, "name");
        link_values(reader, t, row);
        check_keys(reader, t, row);
        check_pairs(reader, t, row);
        check_tls(reader, t, row);
        for (int k = 0; t->name[0] && k < n; k++)
            if (!strcmp(t->name, alerts->targets[k].name))
                bw_config_problem_at(reader, alerts->lines[n],
                                     "alert target name: \"%s\" is used twice (line %u); allowed: each name once", t->name,
                                     alerts->lines[k]);
        n++;
    }
}

/* ---- the files that are named ---- */

/* What is wrong with a file, or NULL. */
static const char *wrong_file(const char *path, bool secret)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    const char *wrong = NULL;
    struct stat st;
    char first;

    if (fd < 0)
        return strerrordesc_np(errno);
    if (fstat(fd, &st) != 0)
        wrong = strerrordesc_np(errno);
    else if (!S_ISREG(st.st_mode))
        wrong = "it is no regular file";
    else if (secret && (st.st_mode & 077) != 0)
        wrong = "group or others have access to it; allowed: mode 0600";
    else if (read(fd, &first, 1) != 1 || first == '\n')
        wrong = "its first line is empty";
    close(fd);
    return wrong;
}

int bw_config_check_alerts(const char *path, const struct bw_config *config, struct bw_config_errors *errors)
{
    size_t length = 0;
    unsigned count = 0;

    for (unsigned i = 0; i < config->alerts.targets_count; i++) {
        const struct bw_alert_target_config *t = &config->alerts.targets[i];
        const struct {
            const char *key, *file;
            bool secret;
        } files[] = {{"url_file", t->url_file, true},
                     {"password_file", t->password_file, true},
                     {"token_file", t->token_file, true},
                     {"secret_file", t->secret_file, true},
                     {"ca_file", t->ca_file, false},
                     {"certificate_file", t->certificate_file, false},
                     {"key_file", t->key_file, true}};

        for (size_t k = 0; k < sizeof(files) / sizeof(files[0]); k++) {
            const char *wrong = files[k].file[0] != '\0' ? wrong_file(files[k].file, files[k].secret) : NULL;

            if (wrong == NULL)
                continue;
            if (count++ == 0)
                errors->text[0] = '\0';
            length += bw_format(errors->text + length, sizeof(errors->text) - length, "%s:%u: alert target %s: %s %s: %s\n",
                                path, config->alerts.lines[i], t->name, files[k].key, files[k].file, wrong);
        }
    }
    if (count > 0) {
        errors->count = count;
        errors->length = length;
    }
    return count > 0 ? -EINVAL : 0;
}
