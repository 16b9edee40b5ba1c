/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The transport: a non-blocking stream socket. connect fails at once when the master's backlog is
 * full. A send that makes no progress for SEND_MS shuts the socket down: the library then sees the
 * end of the stream, closes the session and opens a new one.
 */
#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <net-snmp/library/snmp_transport.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bellwether/limits.h"
#include "transport.h"

#define SEND_MS 200

/* A number of its own is needed to tell transports apart; it never leaves the process. */
static const oid domain_oid[] = {1, 3, 6, 1, 4, 1, 8072, 9999, 9999, 8116, 255};
/* The library keeps a pointer to the domain and has no argument to pass for the rest: so they are static. */
static netsnmp_tdomain domain;
static int last_errno;
/* The mutex keeps a cancelling thread from shutting down a descriptor that is somebody else's by now. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int current = -1; /* the open connection */
static bool cancelled;

static int transport_recv(netsnmp_transport *transport, void *bytes, int size, void **opaque, int *opaque_length)
{
    ssize_t rc;

    *opaque = NULL;
    *opaque_length = 0;
    do
        rc = recv(transport->sock, bytes, (size_t)size, MSG_DONTWAIT);
    while (rc < 0 && errno == EINTR);
    return (int)rc;
}

/* Writes everything or gives the connection up: half a PDU would garble all that follow. */
static int transport_send(netsnmp_transport *transport, const void *bytes, int size, void **opaque, int *opaque_length)
{
    int done = 0;

    (void)opaque;
    (void)opaque_length;
    while (done < size) {
        struct pollfd wait = {.fd = transport->sock, .events = POLLOUT};
        ssize_t rc =
            send(transport->sock, (const char *)bytes + done, (size_t)(size - done), MSG_DONTWAIT | MSG_NOSIGNAL);

        if (rc >= 0)
            done += (int)rc;
        else if (errno == EAGAIN && poll(&wait, 1, SEND_MS) == 1 && (wait.revents & POLLOUT) != 0)
            continue;
        else if (errno != EINTR) {
            shutdown(transport->sock, SHUT_RDWR);
            return -1;
        }
    }
    return done;
}

static int transport_close(netsnmp_transport *transport)
{
    int rc;

    pthread_mutex_lock(&mutex);
    if (current == transport->sock)
        current = -1;
    rc = transport->sock >= 0 ? close(transport->sock) : -1;
    transport->sock = -1;
    pthread_mutex_unlock(&mutex);
    return rc;
}

static char *transport_text(netsnmp_transport *transport, const void *data, int length)
{
    (void)transport;
    (void)data;
    (void)length;
    return strdup("AgentX master");
}

/* 0 or an errno; *fd is set in both cases. Non-blocking on a local socket: done, EAGAIN when the backlog is full, or
 * refused. */
static int connect_to(const struct sockaddr_un *address, int *fd)
{
    int rc = 0;

    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0 || connect(*fd, (const struct sockaddr *)address, sizeof(*address)) != 0)
        return errno;
    pthread_mutex_lock(&mutex);
    if (cancelled)
        rc = ECANCELED;
    else
        current = *fd;
    pthread_mutex_unlock(&mutex);
    return rc;
}

static netsnmp_transport *transport_open(const char *path, int local, const char *fallback)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    netsnmp_transport *transport;

    (void)fallback;
    if (local || path == NULL || strlen(path) >= sizeof(address.sun_path))
        return NULL;
    memcpy(address.sun_path, path, strlen(path));
    transport = SNMP_MALLOC_TYPEDEF(netsnmp_transport);
    if (transport == NULL)
        return NULL;
    transport->domain = domain_oid;
    transport->domain_length = OID_LENGTH(domain_oid);
    transport->flags = NETSNMP_TRANSPORT_FLAG_STREAM;
    transport->msgMaxSize = SNMP_MAX_PACKET_LEN;
    transport->f_recv = transport_recv;
    transport->f_send = transport_send;
    transport->f_close = transport_close;
    transport->f_fmtaddr = transport_text;
    last_errno = connect_to(&address, &transport->sock);
    if (last_errno == 0)
        return transport;
    transport_close(transport);
    netsnmp_transport_free(transport);
    return NULL;
}

int bw_snmp_transport_register(void)
{
    const char **prefixes = calloc(2, sizeof(*prefixes)); /* the library frees it */

    if (prefixes == NULL)
        return -ENOMEM;
    prefixes[0] = BW_SNMP_TRANSPORT;
    last_errno = 0;
    domain = (netsnmp_tdomain){
        .name = domain_oid,
        .name_length = OID_LENGTH(domain_oid),
        .prefix = prefixes,
        .f_create_from_tstring_new = transport_open,
    };
    netsnmp_tdomain_register(&domain);
    return 0;
}

void bw_snmp_transport_unregister(void)
{
    netsnmp_tdomain_unregister(&domain);
}

void bw_snmp_transport_cancel(void)
{
    pthread_mutex_lock(&mutex);
    cancelled = true;
    if (current >= 0)
        shutdown(current, SHUT_RDWR);
    pthread_mutex_unlock(&mutex);
}

int bw_snmp_transport_errno(void)
{
    return last_errno;
}
