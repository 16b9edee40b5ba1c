/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeps connections that hang from keeping others out. Up to the limits everybody may hang about until the server's
 * timeout; from there on each new connection costs the one that has gone longest without getting an answer, of the same
 * address when that address has too many. So no number of slow clients stops one that asks and reads. Called on the
 * server's thread only.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "exporters/http/http.h"

static void unlink_connection(struct bw_guard *guard, struct bw_connection *c)
{
    *(c->newer ? &c->newer->older : &guard->newest) = c->older;
    *(c->older ? &c->older->newer : &guard->oldest) = c->newer;
}

static void link_newest(struct bw_guard *guard, struct bw_connection *c)
{
    c->newer = NULL;
    c->older = guard->newest;
    *(guard->newest ? &guard->newest->newer : &guard->oldest) = c;
    guard->newest = c;
}

static void address_bytes(const struct sockaddr *address, unsigned char bytes[16])
{
    memset(bytes, 0, 16);
    if (address != NULL && address->sa_family == AF_INET) {
        memset(bytes + 10, 0xff, 2);
        memcpy(bytes + 12, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
    } else if (address != NULL && address->sa_family == AF_INET6) {
        memcpy(bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
    }
}

/* Closes the longest unused connection, of this address only when bytes is given. The server finds its end and calls
 * bw_guard_close. */
static void evict(struct bw_guard *guard, const unsigned char *bytes)
{
    for (struct bw_connection *c = guard->oldest; c != NULL; c = c->newer) {
        if (c->waiting || c->closing || (bytes != NULL && memcmp(c->address, bytes, sizeof(c->address)) != 0))
            continue;
        c->closing = true;
        shutdown(c->fd, SHUT_RDWR);
        return;
    }
}

static unsigned count_address(const struct bw_guard *guard, const unsigned char *bytes)
{
    unsigned n = 0;

    for (const struct bw_connection *c = guard->newest; c != NULL; c = c->older)
        n += !c->closing && memcmp(c->address, bytes, sizeof(c->address)) == 0;
    return n;
}

struct bw_connection *bw_guard_open(struct bw_guard *guard, int fd, const struct sockaddr *address)
{
    struct bw_connection *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    c->fd = fd;
    address_bytes(address, c->address);
    if (guard->count >= guard->limit_per_address && count_address(guard, c->address) >= guard->limit_per_address)
        evict(guard, c->address);
    else if (guard->count >= guard->limit)
        evict(guard, NULL);
    link_newest(guard, c);
    guard->count++;
    return c;
}

void bw_guard_used(struct bw_guard *guard, struct bw_connection *connection)
{
    unlink_connection(guard, connection);
    link_newest(guard, connection);
}

void bw_guard_close(struct bw_guard *guard, struct bw_connection *connection)
{
    unlink_connection(guard, connection);
    guard->count--;
    free(connection);
}
