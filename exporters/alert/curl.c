/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mail, webhook and Alertmanager by libcurl's multi interface: it waits for nothing, its resolver has threads of its own. Redirections
 * are not followed and proxies not used. Secrets are read for each try, given to libcurl and forgotten; libcurl's memory is wiped when
 * it gives it back, and kept out of core dumps as far as it is ours.
 */
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alert.h"
#include "bellwether/log.h"

#define SECRET_MAX 512
#define PUSH_PATH  "/api/v2/alerts"

/* ---- memory that forgets ---- */

static void forgetful_free(void *memory)
{
    if (memory != NULL)
        explicit_bzero(memory, malloc_usable_size(memory));
    free(memory);
}

static void *forgetful_realloc(void *memory, size_t size)
{
    size_t had = memory != NULL ? malloc_usable_size(memory) : 0;
    void *other;

    if (memory != NULL && size <= had && size > 0)
        return memory;
    other = malloc(size != 0 ? size : 1);
    if (other != NULL && memory != NULL) {
        memcpy(other, memory, had < size ? had : size);
        forgetful_free(memory);
    }
    return other;
}

int bw_alert_curl_init(void)
{
    return curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, forgetful_free, forgetful_realloc, strdup, calloc) == 0 ? 0
                                                                                                                     : -ENOMEM;
}

int bw_alert_secret(const char *path, char *text, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), error = 0;
    struct stat st;
    ssize_t n = -1;

    text[0] = '\0';
    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) != 0)
        error = -errno;
    else if (!S_ISREG(st.st_mode))
        error = -EINVAL;
    else if ((st.st_mode & 077) != 0)
        error = -EPERM;
    else if ((n = read(fd, text, cap - 1)) < 0)
        error = -errno;
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    text[strcspn(text, "\r\n")] = '\0';
    if (error == 0 && text[0] == '\0')
        error = -ENODATA;
    if (error != 0)
        explicit_bzero(text, cap);
    return error;
}

/* ---- what comes back ---- */

static size_t on_answer(char *bytes, size_t one, size_t count, void *user)
{
    struct bw_attempt *a = user;
    size_t room = sizeof(a->answer) - 1 - a->answer_length, taken = count < room ? count : room;

    (void)one;
    memcpy(a->answer + a->answer_length, bytes, taken);
    a->answer_length += taken;
    a->answer[a->answer_length] = '\0';
    a->done += count;
    return a->done <= 1024 * 1024 ? count : CURL_WRITEFUNC_ERROR; /* enough of that */
}

static size_t on_header(char *bytes, size_t one, size_t count, void *user)
{
    (void)bytes, (void)one, (void)user;
    return count;
}

static size_t on_read(char *bytes, size_t one, size_t count, void *user)
{
    struct bw_attempt *a = user;
    size_t left = a->length - a->done, room = one * count, taken = left < room ? left : room;

    memcpy(bytes, a->text + a->done, taken);
    a->done += taken;
    return taken;
}

/* A message that its target will not take, however often. */
static bool is_refused(const struct bw_target *target, long status)
{
    if (target->config.kind == BW_ALERT_MAIL)
        return status == 552 || status == 554 || status == 501;
    return status == 400 || status == 413 || status == 415 || status == 422;
}

static void judge(struct bw_attempt *a, CURLcode code)
{
    const struct bw_target *target = a->target;
    bool mail = target->config.kind == BW_ALERT_MAIL;
    long status = 0;

    curl_easy_getinfo(a->easy, CURLINFO_RESPONSE_CODE, &status);
    bw_clean(a->answer, sizeof(a->answer));
    a->answer[strcspn(a->answer, "\r\n?")] = '\0';
    /* A web server that has said 200 has it, whatever it says then, or doesn't. */
    if (mail ? code == CURLE_OK : status >= 200 && status <= 299)
        bw_attempt_done(a, BW_ALERT_DELIVERED, mail ? "accepted by the mail server" : "status %ld", status);
    else if (mail && status >= 400)
        bw_attempt_done(a, is_refused(target, status) ? BW_ALERT_REFUSED : BW_ALERT_FAILED, "the mail server answers %ld: %s",
                        status, curl_easy_strerror(code));
    else if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && status != 0))
        bw_attempt_done(a, is_refused(target, status) ? BW_ALERT_REFUSED : BW_ALERT_FAILED, "status %ld%s%s", status,
                        status >= 300 && status <= 399 ? ", a redirection, which is not followed" : "", "");
    else if (target->config.url_file[0] != '\0') /* libcurl's words may name the host, which is part of the secret */
        bw_attempt_done(a, BW_ALERT_FAILED, "%s", curl_easy_strerror(code));
    else
        bw_attempt_done(a, BW_ALERT_FAILED, "%s", a->error[0] != '\0' ? a->error : curl_easy_strerror(code));
}

void bw_alert_curl_collect(struct bw_alerts *all)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(all->multi, &left)) != NULL) {
        struct bw_attempt *a = NULL;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&a);
        judge(a, message->data.result);
    }
}

/* ---- what goes out ---- */

static bool add_header(struct bw_attempt *a, const char *header)
{
    struct curl_slist *more = curl_slist_append(a->headers, header);

    if (more != NULL)
        a->headers = more;
    return more != NULL;
}

/* Header text: printable ASCII stays, the rest becomes an encoded word (RFC 2047) as a whole. */
static void encode_subject(const char *subject, char *header, size_t cap)
{
    bool plain = true;
    size_t at = bw_format(header, cap, "Subject: ");

    for (const char *c = subject; *c != '\0'; c++)
        plain = plain && *c >= ' ' && *c <= '~';
    if (plain && strncmp(subject, "=?", 2) != 0) {
        bw_format(header + at, cap - at, "%s", subject);
        return;
    }
    /* Words of at most 75 characters, never within a character. */
    while (*subject != '\0' && at + 90 < cap) {
        at += bw_format(header + at, cap - at, "=?UTF-8?Q?");
        for (unsigned used = 0; *subject != '\0' && (used < 50 || (*subject & 0xc0) == 0x80) && used < 60; subject++) {
            bool same = (*subject >= 'a' && *subject <= 'z') || (*subject >= 'A' && *subject <= 'Z') ||
                        (*subject >= '0' && *subject <= '9');

            if (same)
                header[at++] = *subject;
            else
                at += (size_t)snprintf(header + at, cap - at, "=%02X", (unsigned char)*subject);
            used += same ? 1 : 3;
        }
        header[at] = '\0';
        at += bw_format(header + at, cap - at, "?=%s", *subject != '\0' ? "\r\n " : "");
    }
}

static void put_line(struct bw_attempt *a, size_t cap, const char *line)
{
    a->length += bw_format(a->text + a->length, cap - a->length, "%s\r\n", line);
}

static void put_date(struct bw_attempt *a, size_t cap, int64_t wall)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(wall / (int64_t)BW_SEC);
    struct tm t;
    char line[64];

    gmtime_r(&seconds, &t);
    snprintf(line, sizeof(line), "Date: %s, %02d %s %04d %02d:%02d:%02d +0000", days[t.tm_wday % 7], t.tm_mday,
             months[t.tm_mon % 12], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
    put_line(a, cap, line);
}

/* A mail as it goes over the wire; the lines that begin with a dot are libcurl's business. */
static bool make_mail(struct bw_attempt *a, const struct bw_alert_message *m)
{
    const struct bw_target *target = a->target;
    const struct bw_alert_origin *origin = &target->all->origin;
    size_t cap = 3 * BW_ALERT_BODY_MAX;
    char *body = malloc(BW_ALERT_BODY_MAX), line[2048], subject[BW_TEXT_MAX * 4], id[BW_ALERT_ID_MAX];
    const char *to = target->config.to;

    a->text = malloc(cap);
    if (a->text == NULL || body == NULL) {
        free(body);
        return false;
    }
    put_date(a, cap, m->event.time_wall);
    bw_format(line, sizeof(line), "From: bellwether %s <%s>", origin->cluster, target->config.sender);
    put_line(a, cap, line);
    for (uint32_t i = 0; i < target->config.to_count; i++, to += strlen(to) + 1) {
        bw_format(line, sizeof(line), "%s <%s>%s", i == 0 ? "To:" : "", to, i + 1 < target->config.to_count ? "," : "");
        put_line(a, cap, line);
    }
    bw_alert_subject(origin, m, subject, sizeof(subject));
    encode_subject(subject, line, sizeof(line));
    put_line(a, cap, line);
    bw_format(line, sizeof(line), "Message-ID: <%s@bellwether.%s>", bw_alert_id(origin, m, id), origin->cluster);
    put_line(a, cap, line);
    if (m->status == BW_EVENT_CLEARED) {
        bw_alert_raise_id(origin, m, id);
        bw_format(line, sizeof(line), "References: <%s@bellwether.%s>\r\nIn-Reply-To: <%s@bellwether.%s>", id, origin->cluster, id,
                  origin->cluster);
        put_line(a, cap, line);
    }
    put_line(a, cap, "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit\r\n"
                     "Auto-Submitted: auto-generated\r\n");
    bw_alert_body(origin, m, body, BW_ALERT_BODY_MAX);
    for (char *at = body; at != NULL && *at != '\0';) {
        char *newline = strchr(at, '\n');

        if (newline != NULL)
            *newline = '\0';
        put_line(a, cap, at);
        at = newline != NULL ? newline + 1 : NULL;
    }
    free(body);
    return true;
}

/* Gives a secret to libcurl. 0, or negative errno with the attempt ended. */
static int use_secret(struct bw_attempt *a, const char *path, const char *what,
                      void (*use)(struct bw_attempt *a, const char *secret))
{
    char secret[SECRET_MAX];
    int error = bw_alert_secret(path, secret, sizeof(secret));

    if (error == 0)
        use(a, secret);
    explicit_bzero(secret, sizeof(secret));
    if (error != 0)
        bw_attempt_done(a, BW_ALERT_FAILED, "%s %s: %s", what, path,
                        error == -EPERM ? "group or others have access to it" : strerrordesc_np(-error));
    return error;
}

static void use_password(struct bw_attempt *a, const char *secret)
{
    curl_easy_setopt(a->easy, CURLOPT_USERNAME, a->target->config.login);
    curl_easy_setopt(a->easy, CURLOPT_PASSWORD, secret);
    curl_easy_setopt(a->easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
}

static void use_token(struct bw_attempt *a, const char *secret)
{
    curl_easy_setopt(a->easy, CURLOPT_XOAUTH2_BEARER, secret);
    curl_easy_setopt(a->easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
}

static void use_url(struct bw_attempt *a, const char *secret)
{
    curl_easy_setopt(a->easy, CURLOPT_URL, secret);
}

static void use_signature(struct bw_attempt *a, const char *secret)
{
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    char header[64 + 2 * sizeof(mac)];
    size_t at = bw_format(header, sizeof(header), "X-Bellwether-Signature: sha256=");

    crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret, strlen(secret));
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)a->text, a->length);
    crypto_auth_hmacsha256_final(&state, mac);
    sodium_memzero(&state, sizeof(state));
    sodium_bin2hex(header + at, sizeof(header) - at, mac, sizeof(mac));
    add_header(a, header);
}

static bool set_mail(struct bw_attempt *a, const struct bw_alert_message *m)
{
    const struct bw_alert_target_config *c = &a->target->config;
    struct curl_slist *recipients = NULL;
    const char *to = c->to;
    char url[sizeof(c->url) + 8];

    if (!make_mail(a, m))
        return false;
    for (uint32_t i = 0; i < c->to_count; i++, to += strlen(to) + 1)
        recipients = curl_slist_append(recipients, to);
    a->recipients = recipients;
    bw_format(url, sizeof(url), "%s%s", c->tls == BW_ALERT_TLS_IMPLICIT ? "smtps://" : "smtp://", c->url + strlen("smtp://"));
    curl_easy_setopt(a->easy, CURLOPT_URL, url);
    curl_easy_setopt(a->easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(a->easy, CURLOPT_USE_SSL, (long)(c->tls == BW_ALERT_TLS_NONE ? CURLUSESSL_NONE : CURLUSESSL_ALL));
    curl_easy_setopt(a->easy, CURLOPT_MAIL_FROM, c->sender);
    curl_easy_setopt(a->easy, CURLOPT_MAIL_RCPT, recipients);
    curl_easy_setopt(a->easy, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L); /* the others get it all the same */
    curl_easy_setopt(a->easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(a->easy, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(a->easy, CURLOPT_READDATA, a);
    curl_easy_setopt(a->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)a->length);
    return true;
}

static bool set_http(struct bw_attempt *a, const struct bw_alert_message *messages, unsigned count)
{
    const struct bw_target *target = a->target;
    const struct bw_alert_target_config *c = &target->config;
    char header[BW_ALERT_ID_MAX + 32], id[BW_ALERT_ID_MAX], url[sizeof(c->url) + sizeof(PUSH_PATH)];
    size_t length = strlen(c->url);

    if (c->kind == BW_ALERT_WEBHOOK)
        a->text = bw_alert_webhook_json(&target->all->origin, messages, c->name);
    else
        a->text = bw_alert_push_json(&target->all->origin, messages, count, bw_alert_wall(), c->repeat_ns);
    if (a->text == NULL)
        return false;
    a->length = strlen(a->text);
    while (c->kind == BW_ALERT_ALERTMANAGER && length > 0 && c->url[length - 1] == '/')
        length--;
    memcpy(url, c->url, length);
    bw_copy(url + length, sizeof(url) - length, c->kind == BW_ALERT_ALERTMANAGER ? PUSH_PATH : "");
    curl_easy_setopt(a->easy, CURLOPT_URL, url);
    curl_easy_setopt(a->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(a->easy, CURLOPT_POSTFIELDS, a->text);
    curl_easy_setopt(a->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)a->length);
    add_header(a, "Content-Type: application/json");
    add_header(a, "Expect:");
    if (count == 1) {
        bw_format(header, sizeof(header), "Idempotency-Key: %s", bw_alert_id(&target->all->origin, messages, id));
        add_header(a, header);
    }
    return true;
}

/* Of a hung server nothing is waited for, not even its name's resolver. */
static void set_common(struct bw_attempt *a)
{
    const struct bw_alert_target_config *c = &a->target->config;
    long timeout_ms = (long)(c->timeout_ns / BW_MS);

    curl_easy_setopt(a->easy, CURLOPT_PRIVATE, a);
    curl_easy_setopt(a->easy, CURLOPT_ERRORBUFFER, a->error);
    curl_easy_setopt(a->easy, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(a->easy, CURLOPT_WRITEDATA, a);
    curl_easy_setopt(a->easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(a->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(a->easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(a->easy, CURLOPT_TIMEOUT_MS, timeout_ms);
    curl_easy_setopt(a->easy, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms);
    curl_easy_setopt(a->easy, CURLOPT_PROXY, "");
    curl_easy_setopt(a->easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(a->easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(a->easy, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(a->easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(a->easy, CURLOPT_USERAGENT, "bellwether/" BW_VERSION);
    curl_easy_setopt(a->easy, CURLOPT_SSL_VERIFYPEER, c->verify ? 1L : 0L);
    curl_easy_setopt(a->easy, CURLOPT_SSL_VERIFYHOST, c->verify ? 2L : 0L);
    if (c->ca_file[0] != '\0') {
        curl_easy_setopt(a->easy, CURLOPT_CAINFO, c->ca_file);
        curl_easy_setopt(a->easy, CURLOPT_CAPATH, NULL);
    }
    if (c->certificate_file[0] != '\0') {
        curl_easy_setopt(a->easy, CURLOPT_SSLCERT, c->certificate_file);
        curl_easy_setopt(a->easy, CURLOPT_SSLKEY, c->key_file);
        curl_easy_setopt(a->easy, CURLOPT_KEYPASSWD, ""); /* nobody is there to be asked for one */
    }
}

static void begin(struct bw_attempt *a, const struct bw_alert_message *messages, unsigned count)
{
    const struct bw_alert_target_config *c = &a->target->config;
    bool mail = c->kind == BW_ALERT_MAIL;

    a->length = a->done = a->answer_length = 0;
    a->answer[0] = a->error[0] = '\0';
    a->easy = curl_easy_init();
    if (a->easy == NULL || !(mail ? set_mail(a, messages) : set_http(a, messages, count))) {
        bw_attempt_done(a, BW_ALERT_FAILED, "out of memory");
        return;
    }
    set_common(a);
    if ((c->url_file[0] != '\0' && use_secret(a, c->url_file, "url_file", use_url) != 0) ||
        (c->password_file[0] != '\0' && use_secret(a, c->password_file, "password_file", use_password) != 0) ||
        (c->token_file[0] != '\0' && use_secret(a, c->token_file, "token_file", use_token) != 0) ||
        (c->secret_file[0] != '\0' && use_secret(a, c->secret_file, "secret_file", use_signature) != 0))
        return;
    if (a->headers != NULL)
        curl_easy_setopt(a->easy, CURLOPT_HTTPHEADER, a->headers);
    if (curl_multi_add_handle(a->target->all->multi, a->easy) != CURLM_OK)
        bw_attempt_done(a, BW_ALERT_FAILED, "libcurl does not take it");
}

static void ready(struct bw_attempt *a, short revents)
{
    (void)a, (void)revents;
}

static void end(struct bw_attempt *a)
{
    if (a->easy != NULL) {
        curl_multi_remove_handle(a->target->all->multi, a->easy);
        curl_easy_cleanup(a->easy);
    }
    curl_slist_free_all(a->headers);
    curl_slist_free_all(a->recipients);
    a->easy = a->headers = a->recipients = NULL;
}

const struct bw_alert_transport bw_transport_curl = {begin, ready, end};

int bw_alert_curl_open(struct bw_alerts *all)
{
    if (bw_alert_curl_init() != 0)
        return -ENOMEM;
    all->multi = curl_multi_init();
    return all->multi != NULL ? 0 : -ENOMEM;
}

void bw_alert_curl_close(struct bw_alerts *all)
{
    if (all->multi == NULL)
        return;
    curl_multi_cleanup(all->multi);
    curl_global_cleanup();
    all->multi = NULL;
}
