/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bearer token for requests that change something. Only its hash is kept; comparing takes the same time wherever a
 * guess is wrong.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bellwether/log.h"
#include "exporters/http/http.h"

#define TOKEN_MIN 16 /* characters */

_Static_assert(sizeof(((struct bw_token *)0)->hash) == crypto_generichash_BYTES, "a token's hash");

static void identify(const struct stat *st, int64_t seen[4])
{
    seen[0] = (int64_t)st->st_dev;
    seen[1] = (int64_t)st->st_ino;
    seen[2] = st->st_size;
    seen[3] = (int64_t)st->st_ctim.tv_sec * (int64_t)BW_SEC + st->st_ctim.tv_nsec;
}

int bw_token_load(struct bw_token *token, const char *path)
{
    struct stat st;
    char text[256];
    ssize_t length = -1;
    int fd;

    token->usable = false;
    memset(token->seen, 0, sizeof(token->seen));
    if (sodium_init() < 0)
        return -ENOSYS;
    if (path[0] == '\0')
        return 0;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not stop the server */
    if (fd < 0 || fstat(fd, &st) < 0) {
        bw_log(BW_LOG_ERROR, "http: token_file %s: %s: nothing can be changed over HTTP", path, strerror(errno));
    } else if (!S_ISREG(st.st_mode)) {
        bw_log(BW_LOG_ERROR, "http: token_file %s: it is no file: nothing can be changed over HTTP", path);
    } else if ((st.st_mode & 077) != 0) {
        bw_log(BW_LOG_ERROR,
               "http: token_file %s: others may read it (mode %04o, 0600 is needed): nothing can be changed over HTTP",
               path, st.st_mode & 07777);
    } else {
        length = read(fd, text, sizeof(text) - 1);
        text[length > 0 ? length : 0] = '\0';
        text[strcspn(text, "\r\n")] = '\0';
        length = (ssize_t)strlen(text);
        if (length < TOKEN_MIN)
            bw_log(BW_LOG_ERROR,
                   "http: token_file %s: its first line has %d characters, at least %d are needed: nothing can be "
                   "changed over HTTP",
                   path, (int)length, TOKEN_MIN);
    }
    if (fd >= 0 && fstat(fd, &st) == 0)
        identify(&st, token->seen);
    if (fd >= 0)
        close(fd);
    if (length >= TOKEN_MIN) {
        crypto_generichash(token->hash, sizeof(token->hash), (unsigned char *)text, (unsigned long long)length, NULL,
                           0);
        token->usable = true;
    }
    sodium_memzero(text, sizeof(text));
    return 0;
}

void bw_token_refresh(struct bw_token *token, const char *path)
{
    int64_t seen[4] = {0};
    struct stat st;

    if (path[0] == '\0') { /* there never was one, or the configuration names none any more */
        token->usable = false;
        memset(token->seen, 0, sizeof(token->seen));
        return;
    }
    if (stat(path, &st) == 0)
        identify(&st, seen);
    if (memcmp(seen, token->seen, sizeof(seen)) != 0 && bw_token_load(token, path) == 0)
        bw_log(BW_LOG_NOTICE, "http: token_file %s was read again: %s", path,
               token->usable ? "the new token counts from now on" : "nothing can be changed over HTTP");
}

bool bw_token_matches(const struct bw_token *token, const char *authorization)
{
    static const char scheme[] = "Bearer ";
    unsigned char hash[crypto_generichash_BYTES];

    if (!token->usable || authorization == NULL || strncasecmp(authorization, scheme, sizeof(scheme) - 1) != 0)
        return false;
    authorization += sizeof(scheme) - 1;
    crypto_generichash(hash, sizeof(hash), (const unsigned char *)authorization, strlen(authorization), NULL, 0);
    return sodium_memcmp(hash, token->hash, sizeof(hash)) == 0;
}
