/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The keys of the alerts, those of all kinds of targets in one section; alerts.c says which go with which kind.
 */
#include <string.h>

#include "agent/config/reader.h"
#include "bellwether/event.h"
#include "bellwether/text.h"

#define KEYS(table) .keys = table, .keys_count = sizeof(table) / sizeof(table[0])
#define INTO(field)                                                                                                    \
    .offset = offsetof(struct bw_alert_target_config, field), .size = sizeof(((struct bw_alert_target_config *)0)->field)
#define RANGE(unit, low, high) .scale = (unit), .least = (low), .most = (high)

#define PATH_ALLOWED "an absolute path of at most 107 characters"
#define SECRET       "; readable by its owner only, read anew for each try"

static const struct bw_enum from_choices = {
    NULL, (const struct bw_enum_label[]){{BW_NOTIFY_OWN, "own", NULL}, {BW_NOTIFY_ALL, "all", NULL}, {0, NULL, NULL}}};

static const struct bw_enum protocols = {
    NULL, (const struct bw_enum_label[]){{BW_ALERT_UDP, "udp", NULL}, {BW_ALERT_TCP, "tcp", NULL}, {BW_ALERT_TLS, "tls", NULL}, {0, NULL, NULL}}};

static const struct bw_enum tls_choices = {NULL, (const struct bw_enum_label[]){{BW_ALERT_TLS_NONE, "none", NULL},
                                                                                {BW_ALERT_TLS_STARTTLS, "starttls", NULL},
                                                                                {BW_ALERT_TLS_IMPLICIT, "implicit", NULL},
                                                                                {0, NULL, NULL}}};

/* Stored with 1 added: 0 is no facility's number here. */
static const struct bw_enum facilities = {
    NULL, (const struct bw_enum_label[]){{2, "user", NULL},    {4, "daemon", NULL},  {5, "auth", NULL},    {17, "local0", NULL},
                                         {18, "local1", NULL}, {19, "local2", NULL}, {20, "local3", NULL}, {21, "local4", NULL},
                                         {22, "local5", NULL}, {23, "local6", NULL}, {24, "local7", NULL}, {0, NULL, NULL}}};

static const char *wrong_user(const char *value)
{
    if (value[0] == '\0' || value[0] == '-')
        return value[0] == '-' ? "begins with \"-\"" : "is empty";
    for (; *value; value++)
        if (*value <= ' ' || *value > '~' || *value == ':' || *value == '/')
            return "holds a character that it may not have";
    return NULL;
}

/* Where a host's name could stand: letters, digits, '-', '_' and '.', and not what should have been an address. */
static bool is_host(const char *name, size_t length)
{
    bool letter = false;

    if (length == 0 || length > 253 || name[0] == '.' || name[0] == '-')
        return false;
    for (size_t i = 0; i < length; i++) {
        bool one = (name[i] >= 'a' && name[i] <= 'z') || (name[i] >= 'A' && name[i] <= 'Z');

        if (!one && name[i] != '-' && name[i] != '_' && name[i] != '.' && (name[i] < '0' || name[i] > '9'))
            return false;
        letter = name[i] == '.' ? false : letter || one; /* of the last label */
    }
    return letter || name[length - 1] == '.';
}

static const char *wrong_server(const char *value)
{
    const char *wrong = bw_config_wrong_listen(value), *colon = strrchr(value, ':');
    char port[16];

    if (wrong == NULL || colon == NULL || !is_host(value, (size_t)(colon - value)))
        return wrong;
    bw_copy(port, sizeof(port), "0.0.0.0");
    return strlen(colon) >= sizeof(port) - strlen(port) ? "has no valid port" : bw_config_wrong_listen(strcat(port, colon));
}

static const char *wrong_login(const char *value)
{
    if (value[0] == '\0')
        return "is empty";
    for (; *value; value++)
        if (*value < ' ' || *value > '~' || *value == ':')
            return "holds a character that it may not have";
    return NULL;
}

const char *bw_config_wrong_mailbox(const char *value)
{
    const char *at = strchr(value, '@');

    if (at == NULL || at == value || at[1] == '\0' || strchr(at + 1, '@') != NULL)
        return "is no mail address";
    for (; *value; value++)
        if (*value <= ' ' || *value > '~' || strchr("<>()[],;:\\\"", *value))
            return "holds a character that it may not have";
    return NULL;
}

static const struct bw_config_key target_keys[] = {
    {.name = "name",
     .type = BW_KEY_TEXT,
     INTO(name),
     .required = true,
     .wrong = bw_config_wrong_name,
     .allowed = "1-31 letters, digits, '.', '_', '-', not only digits",
     .meaning = "Name of the target, each once; its queue on disk is kept under it"},
    {.name = "kind",
     .type = BW_KEY_ENUM,
     INTO(kind),
     .labels = &bw_enum_alert_kind,
     .required = true,
     .meaning = "How messages reach it"},
    {.name = "events",
     .type = BW_KEY_LATER,
     .derived = "all",
     .allowed = "[ \"kind of event\", ... ], the kinds as `bellwether history` shows them",
     .meaning = "Kinds of events that it is told"},
    {.name = "severity",
     .type = BW_KEY_ENUM,
     INTO(severity),
     .labels = &bw_enum_severity,
     .initial = "notice",
     .meaning = "The least grave events that it is told; what ends a trouble is told to whoever was told of its beginning"},
    {.name = "from",
     .type = BW_KEY_ENUM,
     INTO(from),
     .labels = &from_choices,
     .initial = "own",
     .meaning = "Which events this member tells: its own, with those of the whole cluster and of silent members told by "
                "the holder alone, so that each comes once; or all that it sees, as every member then does"},
    {.name = "rate_per_minute",
     .type = BW_KEY_INT,
     INTO(rate),
     RANGE(1, 0, 6000),
     .derived = "30 with kinds mail, webhook and exec, else 0",
     .meaning = "New messages a minute at most, 0 for any number; what is more is told together in one message, but for "
                "critical events, which always go out by themselves"},
    {.name = "queue",
     .type = BW_KEY_INT,
     INTO(queue),
     RANGE(1, 10, 2000),
     .initial = "1000",
     .meaning = "Messages that are kept, on disk too, while the target does not take them; beyond, the oldest is dropped "
                "and counted"},
    {.name = "digest_after",
     .type = BW_KEY_INT,
     INTO(digest_after),
     RANGE(1, 0, 1000),
     .derived = "6 with kinds mail, webhook and exec, else 0",
     .meaning = "Changes of one object within a minute after which the further ones are gathered into one message, 0 for "
                "never"},
    {.name = "digest_s",
     .type = BW_KEY_INT,
     INTO(digest_ns),
     RANGE(BW_SEC, 1, 3600),
     .initial = "60",
     .meaning = "Seconds without a change that end the gathering; it is told five times as long after it began at the latest"},
    {.name = "timeout_s",
     .type = BW_KEY_INT,
     INTO(timeout_ns),
     RANGE(BW_SEC, 1, 120),
     .initial = "10",
     .meaning = "Seconds that a try may take; failed ones are repeated after 1, 2, 4 ... 300 seconds"},
    {.name = "socket",
     .type = BW_KEY_TEXT,
     INTO(socket),
     .wrong = bw_config_wrong_path,
     .allowed = PATH_ALLOWED,
     .derived = "/dev/log with kind syslog, /run/systemd/journal/socket with kind journal",
     .meaning = "syslog, journal: the local socket"},
    {.name = "server",
     .type = BW_KEY_TEXT,
     INTO(server),
     .wrong = wrong_server,
     .allowed = "\"address:port\", \"[IPv6 address]:port\" or \"name:port\", port 1-65535",
     .derived = "none; the local socket is used",
     .meaning = "syslog: the server, in place of the local socket; a name is looked up when a connection is made, and once a "
                "minute with udp"},
    {.name = "protocol",
     .type = BW_KEY_ENUM,
     INTO(protocol),
     .labels = &protocols,
     .initial = "udp",
     .meaning = "syslog: how to reach the server; tcp counts octets and waits until the server's kernel has them; tls likewise, "
                "encrypted (RFC 5425, port 6514 as a rule)"},
    {.name = "facility",
     .type = BW_KEY_ENUM,
     INTO(facility),
     .labels = &facilities,
     .initial = "daemon",
     .meaning = "syslog: the facility"},
    {.name = "enterprise",
     .type = BW_KEY_INT,
     INTO(enterprise),
     RANGE(1, 1, 99999999),
     .derived = "none; then no structured data is sent",
     .meaning = "syslog: private enterprise number of whoever defines the names of structured data at this site"},
    {.name = "url",
     .type = BW_KEY_LATER,
     .allowed = "smtp://host:port with kind mail, else http://... or https://..., at most 255 characters, without user and "
                "password",
     .derived = "none; kinds mail, webhook and alertmanager need this or url_file",
     .meaning = "mail: the server; webhook: where to send; alertmanager: the server, /api/v2/alerts is added"},
    {.name = "url_file",
     .type = BW_KEY_TEXT,
     INTO(url_file),
     .wrong = bw_config_wrong_path,
     .allowed = PATH_ALLOWED,
     .derived = "none",
     .meaning = "webhook: file with the URL, where that is itself a secret" SECRET},
    {.name = "tls",
     .type = BW_KEY_ENUM,
     INTO(tls),
     .labels = &tls_choices,
     .initial = "starttls",
     .meaning = "mail: starttls refuses a server that does not offer it; implicit is TLS from the beginning (port 465)"},
    {.name = "sender",
     .type = BW_KEY_TEXT,
     INTO(sender),
     .wrong = bw_config_wrong_mailbox,
     .allowed = "a mail address of at most 127 characters",
     .derived = "none; needed with kind mail",
     .meaning = "mail: from whom"},
    {.name = "to",
     .type = BW_KEY_LATER,
     .allowed = "[ \"mail address\", ... ], 1-8 of them",
     .derived = "none; needed with kind mail",
     .meaning = "mail: to whom"},
    {.name = "login",
     .type = BW_KEY_TEXT,
     INTO(login),
     .wrong = wrong_login,
     .allowed = "1-63 printable characters without \":\"",
     .derived = "none; no login",
     .meaning = "mail, webhook, alertmanager: user name"},
    {.name = "password_file",
     .type = BW_KEY_TEXT,
     INTO(password_file),
     .wrong = bw_config_wrong_path,
     .allowed = PATH_ALLOWED,
     .derived = "none; needed with login",
     .meaning = "File whose first line is the password" SECRET},
    {.name = "token_file",
     .type = BW_KEY_TEXT,
     INTO(token_file),
     .wrong = bw_config_wrong_path,
     .allowed = PATH_ALLOWED,
     .derived = "none",
     .meaning = "webhook, alertmanager: file whose first line is a token for Authorization: Bearer" SECRET},
    {.name = "secret_file",
     .type = BW_KEY_TEXT,
     INTO(secret_file),
     .wrong = bw_config_wrong_path,
     .allowed = PATH_ALLOWED,
     .derived = "none; not signed",
     .meaning = "webhook: file whose first line is the key that signs the body, by HMAC with SHA-256 in the header "
                "X-Bellwether-Signature" SECRET},
    {.name = "ca_file",
     .type = BW_KEY_TEXT,
     INTO(ca_file),
     .wrong = bw_config_wrong_path,
     .allowed = PATH_ALLOWED,
     .derived = "those of the system",
     .meaning = "mail, webhook, alertmanager, syslog by tls: file with the authorities (PEM) that certificates are checked "
                "against"},
    {.name = "certificate_file",
     .type = BW_KEY_TEXT,
     INTO(certificate_file),
     .wrong = bw_config_wrong_path,
     .allowed = PATH_ALLOWED,
     .derived = "none is shown; needed with key_file",
     .meaning = "mail, webhook, alertmanager, syslog by tls: file with the certificate (PEM) that the server is shown"},
    {.name = "key_file",
     .type = BW_KEY_TEXT,
     INTO(key_file),
     .wrong = bw_config_wrong_path,
     .allowed = PATH_ALLOWED,
     .derived = "none; needed with certificate_file",
     .meaning = "File with the key (PEM) of that certificate" SECRET},
    {.name = "verify",
     .type = BW_KEY_BOOL,
     INTO(verify),
     .initial = "true",
     .meaning = "mail, webhook, alertmanager, syslog by tls: whether the server's certificate must be valid and for its host"},
    {.name = "repeat_s",
     .type = BW_KEY_INT,
     INTO(repeat_ns),
     RANGE(BW_SEC, 1, 300),
     .initial = "60",
     .meaning = "alertmanager: seconds between repetitions while a trouble lasts; after four of them without one it ends "
                "there by itself"},
    {.name = "command",
     .type = BW_KEY_LATER,
     .allowed = "[ \"/path/of/program\", \"argument\", ... ], at most 32 words and 511 characters",
     .derived = "none; needed with kind exec",
     .meaning = "exec: the program and its arguments; the message is JSON on its standard input and BELLWETHER_... in "
                "its environment, and delivered when the exit status is 0"},
    {.name = "user",
     .type = BW_KEY_TEXT,
     INTO(user),
     .wrong = wrong_user,
     .allowed = "a user's name, at most 31 characters",
     .derived = "the one that the daemon runs as",
     .meaning = "exec: the user that the program runs as, without capabilities in any case"},
};
const struct bw_config_section bw_config_alert_target = {.title = "alert target", KEYS(target_keys)};

static const struct bw_config_key alerts_keys[] = {
    {.name = "targets",
     .type = BW_KEY_LIST,
     .offset = offsetof(struct bw_alerts_config, targets),
     .size = sizeof(struct bw_alert_target_config),
     .count_offset = offsetof(struct bw_alerts_config, targets_count),
     .least = 0,
     .most = BW_MAX_ALERT_TARGETS,
     .section = &bw_config_alert_target,
     .allowed = "( { name = \"...\"; kind = \"...\"; ... }, ... )",
     .derived = "none",
     .meaning = "Who is told"},
    {.name = "link",
     .type = BW_KEY_LATER,
     .allowed = "http://... or https://..., at most 255 characters, without user and password",
     .derived = "none",
     .meaning = "Where people look: the URL of the status page, put into messages"},
};
const struct bw_config_section bw_config_alerts = {.title = "alerts", KEYS(alerts_keys)};
