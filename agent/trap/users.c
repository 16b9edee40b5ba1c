/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SNMPv3 in the receiver: the engine's own id and boot count, and the users with their passphrases. Runs before
 * privileges are given up. Passphrases are wiped after use and appear in no message.
 */
#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/trap/trap.h"
#include "bellwether/text.h"

#define SECRET_MIN 8
#define SECRET_MAX 256
#define BOOTS_FILE "trap-boots"
#define BOOTS_MOST 2147483646UL

static const char *const auth_names[] = {
    [BW_TRAP_AUTH_MD5] = "MD5",        [BW_TRAP_AUTH_SHA] = "SHA",        [BW_TRAP_AUTH_SHA224] = "SHA-224",
    [BW_TRAP_AUTH_SHA256] = "SHA-256", [BW_TRAP_AUTH_SHA384] = "SHA-384", [BW_TRAP_AUTH_SHA512] = "SHA-512",
};
static const char *const priv_names[] = {
    [BW_TRAP_PRIV_DES] = "DES",
    [BW_TRAP_PRIV_AES] = "AES",
    [BW_TRAP_PRIV_AES192] = "AES-192",
    [BW_TRAP_PRIV_AES256] = "AES-256",
};

/* ---- passphrases ---- */

/* The file's first line. NULL, or what is wrong. */
static const char *read_secret(const char *path, char secret[SECRET_MAX])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat st;
    ssize_t n;

    secret[0] = '\0';
    if (fd < 0)
        return strerror(errno);
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        close(fd);
        return "it must be a regular file that gives nothing to group and others (mode 0600)";
    }
    n = read(fd, secret, SECRET_MAX - 1);
    close(fd);
    secret[n > 0 ? n : 0] = '\0';
    secret[strcspn(secret, "\r\n")] = '\0';
    if (n == SECRET_MAX - 1 && strlen(secret) == SECRET_MAX - 1)
        return "its first line is too long";
    return strlen(secret) >= SECRET_MIN ? NULL : "its first line has less than 8 characters";
}

/* Appends a text in quotes, as the library's line reader takes it. */
static void add_quoted(char *line, size_t cap, const char *text)
{
    size_t at = strlen(line);

    if (at + 2 * strlen(text) + 4 > cap)
        return;
    line[at++] = ' ';
    line[at++] = '"';
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            line[at++] = '\\';
        line[at++] = *text;
    }
    line[at++] = '"';
    line[at] = '\0';
}

static void add_user(const struct bw_trap_link *link, const struct bw_trap_user_config *user)
{
    char line[4 * SECRET_MAX + 256] = "", auth[SECRET_MAX] = "", priv[SECRET_MAX] = "";
    const char *wrong = read_secret(user->auth_file, auth), *path = user->auth_file;
    size_t at = 0;

    if (wrong == NULL && user->priv != BW_TRAP_PRIV_NONE) {
        path = user->priv_file;
        wrong = read_secret(path, priv);
    }
    if (wrong != NULL) {
        bw_trap_say(link, BW_LOG_ERROR, "traps: user %s is left out: %s: %s", user->name, path, wrong);
        goto out;
    }
    if (user->engine_id_length > 0)
        at += (size_t)snprintf(line + at, sizeof(line) - at, "-e 0x");
    for (unsigned i = 0; i < user->engine_id_length; i++)
        at += (size_t)snprintf(line + at, sizeof(line) - at, "%02x", user->engine_id[i]);
    add_quoted(line, sizeof(line), user->name);
    strcat(strcat(line, " "), auth_names[user->auth]);
    add_quoted(line, sizeof(line), auth);
    if (user->priv != BW_TRAP_PRIV_NONE) {
        strcat(strcat(line, " "), priv_names[user->priv]);
        add_quoted(line, sizeof(line), priv);
    }
    usm_parse_create_usmUser("createUser", line + strspn(line, " "));
out:
    explicit_bzero(line, sizeof(line));
    explicit_bzero(auth, sizeof(auth));
    explicit_bzero(priv, sizeof(priv));
}

/* ---- the engine ---- */

/* Counts this start. Without the file an inform's sender that has met us before finds us only after its own restart. */
static unsigned long count_boot(const struct bw_trap_link *link)
{
    char path[BW_PATH_MAX + 32], fresh[BW_PATH_MAX + 40], text[32] = "";
    unsigned long boots;
    int fd, n;

    mkdir(link->config->state_dir, 0700);
    snprintf(path, sizeof(path), "%s/" BOOTS_FILE, link->config->state_dir);
    snprintf(fresh, sizeof(fresh), "%s.new", path);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0) {
        (void)!read(fd, text, sizeof(text) - 1);
        close(fd);
    }
    boots = strtoul(text, NULL, 10);
    boots = boots < BOOTS_MOST ? boots + 1 : BOOTS_MOST;
    n = snprintf(text, sizeof(text), "%lu\n", boots);
    fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || write(fd, text, (size_t)n) != n || fsync(fd) != 0 || rename(fresh, path) != 0)
        bw_trap_say(link, BW_LOG_WARNING, "traps: %s cannot be written: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return boots;
}

/* 8072 (net-snmp's, as for the rest of our MIB) in its text form: stable over restarts, different on each member. */
static void set_engine(const struct bw_trap_link *link)
{
    const struct bw_cluster_config *c = &link->config->cluster;
    char id[32] = "\x80\x00\x1f\x88\x04", boots[32];
    int length = 5 + snprintf(id + 5, sizeof(id) - 5, "bellwether-%u-%u", c->id, c->members[c->local].id);

    set_exact_engineID((u_char *)id, (size_t)length);
    snprintf(boots, sizeof(boots), "%lu", count_boot(link) - 1); /* the library adds one to what it is told */
    engineBoots_conf("engineBoots", boots);
}

void bw_trap_users_init(const struct bw_trap_link *link)
{
    set_engine(link);
    snmp_call_callbacks(SNMP_CALLBACK_LIBRARY, SNMP_CALLBACK_POST_READ_CONFIG, NULL);
    for (unsigned i = 0; i < link->config->traps.users_count; i++)
        add_user(link, &link->config->traps.users[i]);
}

bool bw_trap_engine_known(const struct bw_traps_config *config, const uint8_t *engine, size_t length)
{
    uint8_t own[64];
    size_t own_length = snmpv3_get_engineID(own, sizeof(own));

    if (length == 0 || (length == own_length && memcmp(engine, own, length) == 0))
        return true;
    for (unsigned i = 0; i < config->users_count; i++)
        if (config->users[i].engine_id_length == length && memcmp(config->users[i].engine_id, engine, length) == 0)
            return true;
    return false;
}

bool bw_trap_user_allowed(const struct bw_traps_config *config, const char *name, size_t length, int level)
{
    bool known = false;

    /* The library accepts a known user's message at any level: only what the user is configured for is taken. */
    for (unsigned i = 0; i < config->users_count; i++) {
        const struct bw_trap_user_config *user = &config->users[i];

        if (strlen(user->name) != length || memcmp(user->name, name, length) != 0)
            continue;
        if (level < (user->priv != BW_TRAP_PRIV_NONE ? SNMP_SEC_LEVEL_AUTHPRIV : SNMP_SEC_LEVEL_AUTHNOPRIV))
            return false; /* of a user written for several devices, the strictest holds */
        known = true;
    }
    return known;
}
