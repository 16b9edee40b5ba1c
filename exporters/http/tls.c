/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TLS: the files that the configuration names, and whether a client's certificate is good. GnuTLS itself is the HTTP
 * library's business and comes with it; the two of its functions that are needed here are looked up at run time.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bellwether/log.h"
#include "bellwether/text.h"
#include "exporters/http/http.h"

#define FILE_MAX_BYTES (1 << 20)

static int read_file(const char *key, const char *path, bool secret, char **text)
{
    struct stat st;
    ssize_t length = -1;
    int error = 0, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0 || fstat(fd, &st) < 0)
        error = -errno;
    else if (secret && (st.st_mode & 077) != 0)
        error = -EACCES;
    else if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX_BYTES)
        error = -EINVAL;
    if (error == 0) {
        *text = calloc(1, (size_t)st.st_size + 1);
        length = *text ? read(fd, *text, (size_t)st.st_size) : -1;
        error = *text == NULL ? -ENOMEM : length != st.st_size ? -EIO : 0;
    }
    if (error == -EACCES && fd >= 0)
        bw_log(BW_LOG_ERROR, "http: %s %s: others may read it (mode %04o, 0600 is needed)", key, path,
               st.st_mode & 07777);
    else if (error != 0)
        bw_log(BW_LOG_ERROR, "http: %s %s: %s", key, path, strerror(-error));
    if (fd >= 0)
        close(fd);
    return error;
}

int bw_tls_load(const struct bw_config *config, struct bw_tls *tls)
{
    int error;

    memset(tls, 0, sizeof(*tls));
    if (config->http.tls_certificate[0] == '\0')
        return 0;
    error = read_file("tls_certificate", config->http.tls_certificate, false, &tls->certificate);
    if (error == 0)
        error = read_file("tls_key", config->http.tls_key, true, &tls->key);
    if (error == 0 && config->http.tls_client_ca[0] != '\0')
        error = read_file("tls_client_ca", config->http.tls_client_ca, false, &tls->ca);
    if (error != 0)
        bw_tls_free(tls);
    return error;
}

void bw_tls_free(struct bw_tls *tls)
{
    if (tls->key != NULL)
        explicit_bzero(tls->key, strlen(tls->key));
    free(tls->certificate);
    free(tls->key);
    free(tls->ca);
    memset(tls, 0, sizeof(*tls));
}

bool bw_tls_client_good(struct MHD_Connection *connection, char *why, size_t cap)
{
    int (*verify)(gnutls_session_t, unsigned *) = NULL;
    const gnutls_datum_t *(*shown)(gnutls_session_t, unsigned *) = NULL;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    unsigned status = 0, count = 0;

    *(void **)&verify = dlsym(RTLD_DEFAULT, "gnutls_certificate_verify_peers2");
    *(void **)&shown = dlsym(RTLD_DEFAULT, "gnutls_certificate_get_peers");
    bw_copy(why, cap, "the client's certificate cannot be checked");
    if (info == NULL || verify == NULL || shown == NULL)
        return false;
    if (shown(info->tls_session, &count) == NULL || count == 0) {
        bw_copy(why, cap, "a client certificate is needed here");
        return false;
    }
    if (verify(info->tls_session, &status) != 0)
        return false;
    bw_format(why, cap, "the client's certificate is not good: %s",
              status & GNUTLS_CERT_EXPIRED            ? "it has expired"
              : status & GNUTLS_CERT_NOT_ACTIVATED    ? "it is not valid yet"
              : status & GNUTLS_CERT_REVOKED          ? "it was revoked"
              : status & GNUTLS_CERT_SIGNER_NOT_FOUND ? "no authority named here has signed it"
                                                      : "it does not verify");
    return status == 0;
}
