/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TLS to a syslog server (RFC 5425), by GnuTLS, which comes with the HTTP library: on a connected socket that does not block, so that
 * nothing here waits. What the server says, it says for nothing: it is read and forgotten.
 */
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "alert.h"

#define PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

struct bw_tls_session {
    gnutls_session_t session;
    gnutls_certificate_credentials_t credentials;
    bool made; /* the handshake is done */
    char host[256]; /* GnuTLS looks at it whenever it checks a certificate */
};

static int set_credentials(struct bw_tls_session *tls, const struct bw_alert_target_config *c, char *why, size_t cap)
{
    int result = gnutls_certificate_allocate_credentials(&tls->credentials);

    if (result == GNUTLS_E_SUCCESS && c->verify)
        result = c->ca_file[0] != '\0'
                     ? gnutls_certificate_set_x509_trust_file(tls->credentials, c->ca_file, GNUTLS_X509_FMT_PEM)
                     : gnutls_certificate_set_x509_system_trust(tls->credentials);
    if (result < 0 || (result == 0 && c->verify)) {
        bw_format(why, cap, "the authorities%s%s cannot be used: %s", c->ca_file[0] != '\0' ? " of " : "", c->ca_file,
                  result < 0 ? gnutls_strerror(result) : "there are none");
        return -EINVAL;
    }
    if (c->certificate_file[0] != '\0')
        result = gnutls_certificate_set_x509_key_file(tls->credentials, c->certificate_file, c->key_file, GNUTLS_X509_FMT_PEM);
    if (result < 0) {
        bw_format(why, cap, "certificate_file %s with its key_file cannot be used: %s", c->certificate_file, gnutls_strerror(result));
        return -EINVAL;
    }
    return 0;
}

static int set_session(struct bw_tls_session *tls, const struct bw_alert_target_config *c, int fd)
{
    struct bw_address address;
    int result = gnutls_init(&tls->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL | GNUTLS_NO_TICKETS);

    if (result < 0)
        return result;
    result = gnutls_priority_set_direct(tls->session, PRIORITIES, NULL);
    if (result >= 0)
        result = gnutls_credentials_set(tls->session, GNUTLS_CRD_CERTIFICATE, tls->credentials);
    if (result >= 0 && bw_address_from_text(tls->host, &address) != 0)
        result = gnutls_server_name_set(tls->session, GNUTLS_NAME_DNS, tls->host, strlen(tls->host));
    if (result >= 0 && c->verify)
        gnutls_session_set_verify_cert(tls->session, tls->host, 0);
    gnutls_transport_set_int(tls->session, fd);
    gnutls_handshake_set_timeout(tls->session, 0); /* the try has its own */
    return result;
}

struct bw_tls_session *bw_tls_session_new(const struct bw_alert_target_config *config, const char *host, int fd, char *why, size_t cap)
{
    struct bw_tls_session *tls = calloc(1, sizeof(*tls));
    int result;

    bw_copy(why, cap, "out of memory");
    if (tls == NULL)
        return NULL;
    bw_copy(tls->host, sizeof(tls->host), host);
    if (set_credentials(tls, config, why, cap) == 0) {
        result = set_session(tls, config, fd);
        if (result >= 0)
            return tls;
        bw_format(why, cap, "TLS cannot be used: %s", gnutls_strerror(result));
    }
    bw_tls_session_free(tls);
    return NULL;
}

/* A failed handshake, told. */
static void tell(struct bw_tls_session *tls, int result, char *why, size_t cap)
{
    gnutls_datum_t text = {0};

    if (result == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR &&
        gnutls_certificate_verification_status_print(gnutls_session_get_verify_cert_status(tls->session), GNUTLS_CRT_X509, &text,
                                                     0) == 0)
        bw_format(why, cap, "its certificate is not good: %s", (const char *)text.data);
    else if (result == GNUTLS_E_FATAL_ALERT_RECEIVED)
        bw_format(why, cap, "it refuses TLS: %s", gnutls_alert_get_name(gnutls_alert_get(tls->session)));
    else
        bw_format(why, cap, "TLS: %s", gnutls_strerror(result));
    gnutls_free(text.data);
}

static bool is_again(int result)
{
    return result == GNUTLS_E_AGAIN || result == GNUTLS_E_INTERRUPTED;
}

int bw_tls_session_shake(struct bw_tls_session *tls, short *events, char *why, size_t cap)
{
    int result = gnutls_handshake(tls->session);

    while (result < 0 && result != GNUTLS_E_AGAIN && !gnutls_error_is_fatal(result)) /* a warning, say */
        result = gnutls_handshake(tls->session);
    *events = gnutls_record_get_direction(tls->session) == 1 ? POLLOUT : POLLIN;
    if (result == GNUTLS_E_AGAIN)
        return -EAGAIN;
    if (result < 0) {
        tell(tls, result, why, cap);
        return -EPROTO;
    }
    tls->made = true;
    return 0;
}

ssize_t bw_tls_session_send(struct bw_tls_session *tls, const char *bytes, size_t length, short *events)
{
    ssize_t n = gnutls_record_send(tls->session, bytes, length);

    *events = gnutls_record_get_direction(tls->session) == 1 ? POLLOUT : POLLIN;
    if (n >= 0)
        return n;
    return is_again((int)n) ? -EAGAIN : n == GNUTLS_E_PUSH_ERROR ? -EPIPE : -EPROTO;
}

int bw_tls_session_look(struct bw_tls_session *tls, char *why, size_t cap)
{
    char bytes[1024];
    ssize_t n;

    for (int most = 64; most > 0; most--) {
        n = gnutls_record_recv(tls->session, bytes, sizeof(bytes));
        if (n == 0)
            return -ECONNRESET;
        if (n < 0 && (is_again((int)n) || !gnutls_error_is_fatal((int)n)))
            return 0;
        if (n < 0) {
            tell(tls, (int)n, why, cap);
            return -EPROTO;
        }
    }
    return 0;
}

void bw_tls_session_free(struct bw_tls_session *tls)
{
    if (tls == NULL)
        return;
    if (tls->session != NULL) {
        if (tls->made)
            gnutls_bye(tls->session, GNUTLS_SHUT_WR);
        gnutls_deinit(tls->session);
    }
    if (tls->credentials != NULL)
        gnutls_certificate_free_credentials(tls->credentials);
    free(tls);
}
