/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a server is: its address as it is written, or what the resolver says of its name. The resolver waits for as long as it likes, so
 * each lookup has a thread of its own and whoever asked goes on; whichever of the two is last frees what they share.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "alert.h"

#define FRESH_NS    (60 * BW_SEC) /* so long a name stands for what was found */
#define STACK_BYTES (512 * 1024)  /* the modules of the name service want some */

struct bw_lookup {
    _Atomic int holders; /* the asker and the thread */
    _Atomic bool done;
    bool stream;
    int wake_fd; /* its own */
    int error;   /* getaddrinfo's */
    uint32_t count;
    struct bw_place found[BW_PLACES_MAX];
    char host[256], port[8];
};

static void let_go(struct bw_lookup *lookup)
{
    if (atomic_fetch_sub(&lookup->holders, 1) > 1)
        return;
    close(lookup->wake_fd);
    free(lookup);
}

static void *look_up(void *user)
{
    struct bw_lookup *lookup = user;
    struct addrinfo hints = {.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV, .ai_socktype = lookup->stream ? SOCK_STREAM : SOCK_DGRAM};
    struct addrinfo *list = NULL;

    bw_surface_enter(BW_READER_ALERT);
    pthread_setname_np(pthread_self(), "bw-lookup");
    lookup->error = getaddrinfo(lookup->host, lookup->port, &hints, &list);
    for (const struct addrinfo *one = list; one != NULL && lookup->count < BW_PLACES_MAX; one = one->ai_next) {
        struct bw_place *place = &lookup->found[lookup->count];

        if (one->ai_addrlen > sizeof(place->address))
            continue;
        memcpy(&place->address, one->ai_addr, one->ai_addrlen);
        place->length = one->ai_addrlen;
        lookup->count++;
    }
    if (list != NULL)
        freeaddrinfo(list);
    atomic_store(&lookup->done, true);
    (void)!write(lookup->wake_fd, &(uint64_t){1}, sizeof(uint64_t));
    let_go(lookup);
    return NULL;
}

static int start(struct bw_lookup *lookup)
{
    pthread_attr_t attributes;
    sigset_t every, before;
    pthread_t thread;
    int error;

    sigfillset(&every);
    pthread_sigmask(SIG_SETMASK, &every, &before);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    error = -pthread_create(&thread, &attributes, look_up, lookup);
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

static int begin(struct bw_places *places, const char *server, bool stream, int wake_fd)
{
    struct bw_lookup *lookup = calloc(1, sizeof(*lookup));
    int error = -ENOMEM;

    if (lookup == NULL)
        return error;
    bw_places_split(server, lookup->host, sizeof(lookup->host), lookup->port, sizeof(lookup->port));
    lookup->stream = stream;
    lookup->wake_fd = dup(wake_fd);
    atomic_init(&lookup->holders, 2);
    error = lookup->wake_fd < 0 ? -errno : start(lookup);
    if (error == 0) {
        places->pending = lookup;
        return 0;
    }
    if (lookup->wake_fd >= 0)
        close(lookup->wake_fd);
    free(lookup);
    return error;
}

/* ---- */

void bw_places_split(const char *server, char *host, size_t host_cap, char *port, size_t port_cap)
{
    const char *colon = strrchr(server, ':');
    bool brackets = server[0] == '[';
    size_t length = colon != NULL ? (size_t)(colon - server) : strlen(server);

    bw_copy(port, port_cap, colon != NULL ? colon + 1 : "");
    length = length > 2 * brackets ? length - 2 * brackets : 0;
    if (length >= host_cap)
        length = host_cap - 1;
    memcpy(host, server + brackets, length);
    host[length] = '\0';
}

static bool is_address(const char *server, struct bw_place *place)
{
    struct sockaddr_in *four = (struct sockaddr_in *)&place->address;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&place->address;
    struct bw_address address;
    char host[256], port[8];

    bw_places_split(server, host, sizeof(host), port, sizeof(port));
    if (bw_address_from_text(host, &address) != 0)
        return false;
    memset(place, 0, sizeof(*place));
    if (address.family == 4) {
        four->sin_family = AF_INET;
        four->sin_port = htons((uint16_t)atoi(port));
        memcpy(&four->sin_addr, address.bytes, 4);
        place->length = sizeof(*four);
    } else {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons((uint16_t)atoi(port));
        memcpy(&six->sin6_addr, address.bytes, 16);
        place->length = sizeof(*six);
    }
    return true;
}

/* The lookup that was under way, if it is over. */
static void take(struct bw_places *places, uint64_t now_ns)
{
    struct bw_lookup *lookup = places->pending;

    if (lookup == NULL || !atomic_load(&lookup->done))
        return;
    places->pending = NULL;
    bw_copy(places->error, sizeof(places->error),
            lookup->error != 0 ? gai_strerror(lookup->error) : lookup->count == 0 ? "no address" : "");
    if (places->error[0] == '\0') {
        places->count = lookup->count;
        places->next = 0;
        memcpy(places->found, lookup->found, sizeof(places->found));
        places->found_ns = now_ns;
    }
    let_go(lookup);
}

const struct bw_place *bw_places_get(struct bw_places *places, const char *server, bool stream, bool late, int wake_fd,
                                     uint64_t now_ns)
{
    bool asked = places->pending != NULL;
    int error = 0;

    if (is_address(server, &places->found[0])) {
        places->count = 1;
        return &places->found[0];
    }
    take(places, now_ns);
    if (places->pending == NULL && !(asked && places->error[0] != '\0') &&
        (places->found_ns == 0 || now_ns >= places->found_ns + FRESH_NS))
        error = begin(places, server, stream, wake_fd);
    if (error != 0)
        bw_copy(places->error, sizeof(places->error), strerrordesc_np(-error));
    if (places->pending != NULL && !(late && places->count > 0))
        return NULL;
    return places->count > 0 ? &places->found[places->next % places->count] : NULL;
}

bool bw_places_wait(const struct bw_places *places)
{
    return places->pending != NULL;
}

void bw_places_failed(struct bw_places *places)
{
    if (++places->next >= places->count) {
        places->next = 0;
        places->found_ns = 0;
    }
}

void bw_places_free(struct bw_places *places)
{
    if (places->pending != NULL)
        let_go(places->pending);
    places->pending = NULL;
}
