/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a file, or text in memory, to a checked configuration. Called by the daemon's start and reload, by `bellwether
 * check` and by the fuzzer; opens one file and nothing else.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/config/reader.h"

/* Far more than 16 members with 16 interfaces each and 256 addresses need. */
#define FILE_MAX_BYTES (256 * 1024)

/* May there be secrets among the texts of a line: communities, whose list may have begun on a line before, a URL with a password in it, or
 * a secret where only a file's name should be? What does not parse is not understood, either: better one too many. */
static bool has_secrets(const char *file, const char *line, size_t length)
{
    static const char *const words[] = {"communit", "://", "password", "token", "secret"};
    const char *statement = line;

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (memmem(line, length, words[i], strlen(words[i])) != NULL)
            return true;
    while (statement > file && statement[-1] != ';' && statement[-1] != '{')
        statement--;
    return memmem(statement, (size_t)(line - statement), words[0], strlen(words[0])) != NULL;
}

/* The line without what stands in double quotes. Returns the length. */
static size_t hide_texts(const char *line, size_t length, char shown[BW_QUOTE_MAX])
{
    bool inside = false;
    size_t at = 0;

    for (size_t i = 0; i < length && at + 4 < BW_QUOTE_MAX; i++) {
        if (!inside || line[i] == '"')
            shown[at++] = line[i];
        if (line[i] == '\\' && inside)
            i++;
        else if (line[i] == '"') {
            inside = !inside;
            if (inside && i + 1 < length && line[i + 1] != '"') {
                memcpy(shown + at, "...", 3);
                at += 3;
            }
        }
    }
    return at;
}

/* Line number `line` of the text, quoted without the blanks around it, for the message about a syntax error. */
static const char *quote_line(const char *text, int line, char *buf)
{
    const char *file = text, *end;
    char shown[BW_QUOTE_MAX];

    for (; line > 1 && (text = strchr(text, '\n')); line--)
        text++;
    if (!text)
        return "the end";
    text += strspn(text, " \t\r");
    end = text + strcspn(text, "\n");
    while (end > text && strchr(" \t\r", end[-1]))
        end--;
    if (text == end && *end == '\0')
        return "the end";
    if (has_secrets(file, text, (size_t)(end - text)))
        return bw_config_quote(shown, hide_texts(text, (size_t)(end - text), shown), buf);
    return bw_config_quote(text, (size_t)(end - text), buf);
}

static void syntax_error(struct bw_config_reader *reader, const char *text)
{
    const char *what = config_error_text(&reader->tree);
    int line = config_error_line(&reader->tree);
    char quote[BW_QUOTE_MAX];

    if (line < 1)
        line = 1;
    bw_config_problem_at(reader, (unsigned)line,
                         "%s at or before %s; allowed: name = value; with values 17, true, \"text\", [ \"a\", \"b\" ], "
                         "{ section }, ( list )",
                         what ? what : "syntax error", quote_line(text, line, quote));
}

/* The steps after libconfig. The messages need its tree, so it lives until they are written. */
static void read_tree(struct bw_config_reader *reader)
{
    config_setting_t *root = config_root_setting(&reader->tree);
    config_setting_t *cluster = config_setting_get_member(root, "cluster");

    bw_config_read_section(reader, &bw_config_root, root, reader->config);
    bw_config_link_surfaces(reader, root);
    bw_config_link_monitors(reader);
    bw_config_link_traps(reader, root);
    bw_config_link_alerts(reader, root);
    reader->config->cluster.local = BW_NONE;
    if (cluster && config_setting_type(cluster) == CONFIG_TYPE_GROUP) {
        reader->cluster = cluster;
        bw_config_link(reader);
        bw_config_link_sync(reader, cluster);
        bw_config_link_resources(reader);
        bw_config_check(reader);
        reader->config->cluster.digest =
            bw_config_digest_monitors(bw_config_digest(&reader->config->cluster), reader->config);
        reader->config->cluster.digest = bw_config_digest_resources(reader->config->cluster.digest, reader->config);
    }
}

/* libconfig with one of the copies. The tree is empty after a syntax error. */
static bool parse_text(struct bw_config_reader *reader, const char *text)
{
    config_init(&reader->tree);
    /* The guard refuses includes; should it ever miss one, nothing can be opened below a file that is no directory. */
    config_set_include_dir(&reader->tree, "/dev/null");
    return config_read_string(&reader->tree, text);
}

static void parse_texts(struct bw_config_reader *reader, const struct bw_config_texts *texts)
{
    bool good = parse_text(reader, texts->bare);

    if (good) {
        config_destroy(&reader->tree);
        good = parse_text(reader, texts->whole);
    }
    if (good)
        read_tree(reader);
    else
        syntax_error(reader, texts->whole);
    config_destroy(&reader->tree);
}

int bw_config_parse(const char *text, size_t length, const char *name, struct bw_config *config,
                    struct bw_config_errors *errors)
{
    struct bw_config_reader *reader;
    struct bw_config_texts texts = {.whole = NULL};
    int err;

    memset(config, 0, sizeof(*config));
    errors->count = 0;
    errors->length = 0;
    errors->text[0] = '\0';
    if (length > FILE_MAX_BYTES) {
        bw_config_tell(errors, "%s:1: the file has %zu bytes; allowed: at most %d", name, length, FILE_MAX_BYTES);
        return -EINVAL;
    }
    reader = calloc(1, sizeof(*reader));
    if (!reader)
        goto nomem;
    reader->name = name;
    reader->config = config;
    err = bw_config_guard(reader, text, length, &texts);
    if (err == 0)
        parse_texts(reader, &texts);
    bw_config_problems_tell(reader, errors);
    free(reader);
    free(texts.whole);
    free(texts.bare);
    if (err == -ENOMEM)
        goto nomem;
    return errors->count ? -EINVAL : 0;
nomem:
    bw_config_tell(errors, "%s:1: out of memory", name);
    return -ENOMEM;
}

/* Reads at most cap bytes. Returns the number, or negative errno. */
static ssize_t read_all(int fd, char *buf, size_t cap)
{
    size_t length = 0;

    while (length < cap) {
        ssize_t n = read(fd, buf + length, cap - length);

        if (n == 0)
            break;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        length += (size_t)n;
    }
    return (ssize_t)length;
}

int bw_config_load(const char *path, struct bw_config *config, struct bw_config_errors *errors)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    char *text = NULL;
    ssize_t length;
    int err;

    memset(config, 0, sizeof(*config));
    if (fd < 0) {
        err = -errno;
        bw_config_tell(errors, "%s: cannot be opened: %s", path, strerror(-err));
        return err;
    }
    text = malloc(FILE_MAX_BYTES + 1);
    length = text ? read_all(fd, text, FILE_MAX_BYTES + 1) : -ENOMEM;
    if (length < 0) {
        err = (int)length;
        bw_config_tell(errors, "%s: cannot be read: %s", path, strerror(-err));
    } else {
        err = bw_config_parse(text, (size_t)length, path, config, errors);
    }
    free(text);
    close(fd);
    return err;
}
