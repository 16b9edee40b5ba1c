/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cluster's key file. Nothing of its content ever appears in a message, and what was read is wiped.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/config/reader.h"

#define KEY_FILE_MAX_BYTES 8192
#define KEY_ALLOWED        "64 hexadecimal digits, as \"bellwether key\" prints them"

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* One line without its blanks around. NULL, or what is wrong with it. */
static const char *read_line(const char *line, size_t length, uint8_t key[BW_KEY_BYTES])
{
    uint8_t any = 0;

    if (length != 2 * BW_KEY_BYTES)
        return "is not a key";
    for (size_t i = 0; i < BW_KEY_BYTES; i++) {
        int high = hex(line[2 * i]), low = hex(line[2 * i + 1]);

        if (high < 0 || low < 0)
            return "is not a key";
        key[i] = (uint8_t)(high << 4 | low);
        any |= key[i];
    }
    return any ? NULL : "is a key of zeros only";
}

static int read_text(const char *path, const char *text, uint8_t keys[2][BW_KEY_BYTES], unsigned *count,
                     struct bw_config_errors *errors)
{
    unsigned line = 1;

    *count = 0;
    for (const char *at = text; *at; line++) {
        size_t whole = strcspn(at, "\n"), length;
        const char *start = at + strspn(at, " \t\r"), *wrong;

        at += whole;
        length = start < at ? (size_t)(at - start) : 0;
        while (length && strchr(" \t\r", start[length - 1]))
            length--;
        at += *at == '\n';
        if (length == 0 || *start == '#')
            continue;
        if (*count == 2) {
            bw_config_tell(errors,
                           "%s:%u: a third key; allowed: one key, and below it the older one that is still accepted",
                           path, line);
            return -EINVAL;
        }
        wrong = read_line(start, length, keys[*count]);
        if (wrong) {
            bw_config_tell(errors, "%s:%u: the line %s; allowed: " KEY_ALLOWED, path, line, wrong);
            return -EINVAL;
        }
        ++*count;
    }
    if (*count)
        return 0;
    bw_config_tell(errors, "%s:%u: the file holds no key; allowed: " KEY_ALLOWED, path, line);
    return -EINVAL;
}

static int check_file(const char *path, int fd, struct bw_config_errors *errors)
{
    struct stat st;

    if (fstat(fd, &st)) {
        int err = -errno;

        bw_config_tell(errors, "%s: cannot be examined: %s", path, strerror(-err));
        return err;
    }
    if (!S_ISREG(st.st_mode)) {
        bw_config_tell(errors, "%s: is not a regular file; allowed: a key file, made with \"bellwether key\"", path);
        return -EINVAL;
    }
    if (st.st_mode & (S_IRWXG | S_IRWXO)) {
        bw_config_tell(errors, "%s: its mode %04o lets others in; allowed: 0600 or 0400 (chmod 600)", path,
                       (unsigned)(st.st_mode & 07777));
        return -EPERM;
    }
    if (st.st_uid != 0 && st.st_uid != geteuid()) {
        bw_config_tell(errors, "%s: it belongs to user %u; allowed: root, or the user that the daemon runs as", path,
                       (unsigned)st.st_uid);
        return -EPERM;
    }
    if (st.st_size > KEY_FILE_MAX_BYTES) {
        bw_config_tell(errors, "%s: it has %lld bytes; allowed: at most %d", path, (long long)st.st_size,
                       KEY_FILE_MAX_BYTES);
        return -EINVAL;
    }
    return 0;
}

int bw_config_read_key(const char *path, uint8_t keys[2][BW_KEY_BYTES], unsigned *count,
                       struct bw_config_errors *errors)
{
    char text[KEY_FILE_MAX_BYTES + 1];
    size_t length = 0;
    ssize_t n = 1;
    int fd, err;

    errors->count = 0;
    errors->length = 0;
    errors->text[0] = '\0';
    *count = 0;
    memset(keys, 0, 2 * BW_KEY_BYTES);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        err = -errno;
        bw_config_tell(errors, "%s: cannot be opened: %s; allowed: a key file, made with \"bellwether key\"", path,
                       strerror(-err));
        return err;
    }
    err = check_file(path, fd, errors);
    while (err == 0 && n > 0 && length < KEY_FILE_MAX_BYTES) {
        n = read(fd, text + length, KEY_FILE_MAX_BYTES - length);
        if (n > 0)
            length += (size_t)n;
        if (n < 0 && errno != EINTR) {
            err = -errno;
            bw_config_tell(errors, "%s: cannot be read: %s", path, strerror(-err));
        } else if (n < 0) {
            n = 1;
        }
    }
    close(fd);
    text[length] = '\0';
    if (err == 0)
        err = read_text(path, text, keys, count, errors);
    if (err) {
        *count = 0;
        explicit_bzero(keys, 2 * BW_KEY_BYTES);
    }
    explicit_bzero(text, sizeof(text));
    return err;
}
