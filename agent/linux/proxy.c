/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See proxy.h. One thread, one epoll; two packet sockets on each interface that has such addresses, with filters in the
 * kernel that let only questions for these through. */
#include "agent/linux/proxy.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/linux/announce.h"
#include "agent/linux/frames.h"
#include "agent/linux/picture.h"
#include "bellwether/board.h"
#include "bellwether/log.h"
#include "bellwether/surface.h"

#define STACK_BYTES   (128 * 1024)
#define READ_PER_TURN 256
#define LOOK_NS       (250 * BW_MS) /* devices are looked at so often */
#define FILTER_MAX    (2 * BW_MAX_PROXIED + 8)
#define ETHER_BYTES   14
#define IP6_BYTES     40
#define SOLICITATION  135
#define ANNOUNCEMENTS 4

/* After taking over, as for virtual addresses; then refreshed. */
static const uint64_t announce_after_ns[ANNOUNCEMENTS] = {0, 50 * BW_MS, 200 * BW_MS, BW_SEC};

struct line { /* an interface */
    bool wanted;
    struct bw_link link;
    int arp, nd; /* -1 = none */
    int groups;  /* socket that is in the multicast groups in which IPv6 asks */
    _Atomic int error;
};

struct permission { /* of a resource */
    _Atomic uint64_t until_ns;
    uint64_t since_ns; /* 0 = not now */
    unsigned announced;
    uint64_t next_ns; /* next announcement */
};

struct bw_proxy {
    const struct bw_config *config;
    pthread_t thread;
    bool runs;
    _Atomic bool ending;
    int epoll, wake, sender, control;
    uint64_t look_ns;
    struct bw_log_limit stranger_limit;
    struct line lines[BW_MAX_INTERFACES];
    struct permission permissions[BW_MAX_RESOURCES];
};

static bool allowed(const struct bw_proxy *p, uint8_t resource, uint64_t now_ns)
{
    return atomic_load_explicit(&p->permissions[resource].until_ns, memory_order_acquire) > now_ns;
}

/* ---- sockets ---- */

static void put(struct sock_filter *code, unsigned *n, uint16_t what, uint8_t yes, uint8_t no, uint32_t k)
{
    code[(*n)++] = (struct sock_filter){what, yes, no, k};
}

static void put_is(struct sock_filter *code, unsigned *n, uint32_t k)
{
    put(code, n, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, k);
    put(code, n, BPF_RET | BPF_K, 0, 0, 0);
}

/* Lets through what asks for one of the interface's addresses of the family: the last four bytes are compared. */
static void set_filter(const struct bw_proxy *p, int fd, uint8_t interface, int family)
{
    struct sock_filter code[FILTER_MAX + 8];
    struct sock_fprog program = {.filter = code};
    unsigned n = 0;

    if (family == 4) {
        put(code, &n, BPF_LD | BPF_H | BPF_ABS, 0, 0, ETHER_BYTES + 6);
        put(code, &n, BPF_JMP | BPF_JGT | BPF_K, 0, 1, 2);
        put(code, &n, BPF_RET | BPF_K, 0, 0, 0);
        put(code, &n, BPF_LD | BPF_W | BPF_ABS, 0, 0, ETHER_BYTES + 24);
    } else {
        put(code, &n, BPF_LD | BPF_B | BPF_ABS, 0, 0, ETHER_BYTES + 6);
        put_is(code, &n, IPPROTO_ICMPV6);
        put(code, &n, BPF_LD | BPF_B | BPF_ABS, 0, 0, ETHER_BYTES + IP6_BYTES);
        put_is(code, &n, SOLICITATION);
        put(code, &n, BPF_LD | BPF_W | BPF_ABS, 0, 0, ETHER_BYTES + IP6_BYTES + 20);
    }
    for (unsigned i = 0; i < p->config->proxied_count; i++) {
        const struct bw_proxied_config *a = &p->config->proxied[i];
        const uint8_t *tail = a->address.bytes + (family == 4 ? 0 : 12);

        if (a->interface != interface || a->address.family != family)
            continue;
        put(code, &n, BPF_JMP | BPF_JEQ | BPF_K, 0, 1,
            (uint32_t)tail[0] << 24 | (uint32_t)tail[1] << 16 | (uint32_t)tail[2] << 8 | tail[3]);
        put(code, &n, BPF_RET | BPF_K, 0, 0, 0x40000);
    }
    put(code, &n, BPF_RET | BPF_K, 0, 0, 0);
    program.len = (unsigned short)n;
    /* Without it there is only more to pass over. */
    (void)setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

static int open_socket(struct bw_proxy *p, uint8_t interface, int family, int *out)
{
    struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_ifindex = p->lines[interface].link.ifindex};
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = interface};
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1;

    if (fd < 0)
        return -errno;
    (void)setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one));
    set_filter(p, fd, interface, family);
    at.sll_protocol = htons(family == 4 ? ETH_P_ARP : ETH_P_IPV6);
    if (bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 || epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        int error = -errno;

        close(fd);
        return error;
    }
    *out = fd;
    return 0;
}

/* IPv6 asks in a multicast group that follows from the address: both the network card and switches must know that it is
 * wanted. */
static void join(struct bw_proxy *p, uint8_t interface, const struct bw_address *address)
{
    struct line *line = &p->lines[interface];
    struct ipv6_mreq group = {.ipv6mr_interface = (unsigned)line->link.ifindex};
    struct packet_mreq card = {.mr_ifindex = line->link.ifindex, .mr_type = PACKET_MR_MULTICAST, .mr_alen = 6};
    const uint8_t head[13] = {0xff, 0x02, [11] = 1, [12] = 0xff};

    memcpy(group.ipv6mr_multiaddr.s6_addr, head, sizeof(head));
    memcpy(group.ipv6mr_multiaddr.s6_addr + 13, address->bytes + 13, 3);
    memcpy(card.mr_address, (const uint8_t[3]){0x33, 0x33, 0xff}, 3);
    memcpy(card.mr_address + 3, address->bytes + 13, 3);
    if (line->groups >= 0)
        (void)setsockopt(line->groups, IPPROTO_IPV6, IPV6_JOIN_GROUP, &group, sizeof(group));
    (void)setsockopt(line->nd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &card, sizeof(card));
}

static void close_line(struct line *line)
{
    int *fds[] = {&line->arp, &line->nd, &line->groups};

    for (unsigned i = 0; i < 3; i++) {
        if (*fds[i] >= 0)
            close(*fds[i]);
        *fds[i] = -1;
    }
}

static int open_line(struct bw_proxy *p, uint8_t interface)
{
    struct line *line = &p->lines[interface];
    int error = 0;

    close_line(line);
    for (unsigned i = 0; error == 0 && i < p->config->proxied_count; i++) {
        const struct bw_proxied_config *a = &p->config->proxied[i];

        if (a->interface != interface)
            continue;
        if (a->address.family == 4 && line->arp < 0)
            error = open_socket(p, interface, 4, &line->arp);
        if (a->address.family == 6 && line->nd < 0) {
            error = open_socket(p, interface, 6, &line->nd);
            line->groups = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        }
        if (error == 0 && a->address.family == 6)
            join(p, interface, &a->address);
    }
    if (error != 0)
        close_line(line);
    return error;
}

/* ---- devices ---- */

static int ask_device(const struct bw_proxy *p, uint8_t interface, struct bw_link *link)
{
    struct ifreq request = {0};

    memset(link, 0, sizeof(*link));
    strncpy(request.ifr_name, bw_device(&p->config->cluster, interface), IFNAMSIZ - 1);
    if (ioctl(p->control, SIOCGIFINDEX, &request) != 0)
        return -errno;
    link->ifindex = request.ifr_ifindex;
    if (ioctl(p->control, SIOCGIFHWADDR, &request) != 0)
        return -errno;
    memcpy(link->mac, request.ifr_hwaddr.sa_data, 6);
    if (ioctl(p->control, SIOCGIFFLAGS, &request) != 0)
        return -errno;
    link->up = (request.ifr_flags & IFF_UP) && (request.ifr_flags & IFF_RUNNING);
    return 0;
}

/* Announces the resource's addresses on one interface, or (BW_NONE) on all. */
static void announce(struct bw_proxy *p, uint8_t resource, uint8_t interface)
{
    for (unsigned i = 0; i < p->config->proxied_count; i++) {
        const struct bw_proxied_config *a = &p->config->proxied[i];

        if (a->resource == resource && (interface == BW_NONE || a->interface == interface) &&
            p->lines[a->interface].link.up)
            (void)bw_announce(p->sender, &p->lines[a->interface].link, &a->address, false);
    }
}

static void look_at_line(struct bw_proxy *p, uint8_t interface, uint64_t now_ns)
{
    struct line *line = &p->lines[interface];
    struct bw_link link;
    int error = ask_device(p, interface, &link);
    bool came_up = error == 0 && link.up && (!line->link.up || memcmp(link.mac, line->link.mac, 6) != 0);
    bool other = link.ifindex != line->link.ifindex;

    line->link = link;
    if (error != 0)
        close_line(line);
    else if (other || atomic_load(&line->error) != 0)
        error = open_line(p, interface);
    atomic_store(&line->error, error);
    for (uint8_t r = 0; came_up && r < p->config->resources_count; r++)
        if (p->permissions[r].since_ns != 0 && allowed(p, r, now_ns))
            announce(p, r, interface);
}

/* ---- answers ---- */

static const struct bw_proxied_config *find(const struct bw_proxy *p, uint8_t interface,
                                            const struct bw_address *address)
{
    for (unsigned i = 0; i < p->config->proxied_count; i++) {
        const struct bw_proxied_config *a = &p->config->proxied[i];

        if (a->interface == interface && a->address.family == address->family &&
            memcmp(a->address.bytes, address->bytes, sizeof(address->bytes)) == 0)
            return a;
    }
    return NULL;
}

static void take_frame(struct bw_proxy *p, uint8_t interface, bool arp, const uint8_t *bytes, size_t length)
{
    const struct line *line = &p->lines[interface];
    const struct bw_proxied_config *asked;
    struct bw_neighbour_frame question;
    uint8_t answer[BW_NEIGHBOUR_FRAME_MAX];

    memset(&question, 0, sizeof(question));
    if (length < ETHER_BYTES || memcmp(bytes + 6, line->link.mac, 6) == 0 ||
        !(arp ? bw_frame_read_arp(bytes + ETHER_BYTES, length - ETHER_BYTES, &question)
              : bw_frame_read_nd(bytes + ETHER_BYTES, length - ETHER_BYTES, &question)) ||
        question.answer)
        return;
    asked = find(p, interface, &question.about);
    if (asked == NULL || !allowed(p, asked->resource, bw_now_ns()) ||
        /* Nobody is answered that he has the address himself. */
        (question.from.family == question.about.family && memcmp(question.from.bytes, question.about.bytes, 16) == 0))
        return;
    length = bw_frame_answer(answer, line->link.mac, &asked->address, &question.from, bytes + 6);
    (void)bw_sender_send(p->sender, line->link.ifindex, answer, length);
}

static void read_socket(struct bw_proxy *p, uint8_t interface, int fd, bool arp)
{
    uint8_t bytes[256];

    for (int i = 0; fd >= 0 && i < READ_PER_TURN; i++) {
        ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

        if (n < 0 && errno != EAGAIN && errno != EINTR)
            p->look_ns = 0; /* the device is gone or down */
        if (n < 0)
            return;
        take_frame(p, interface, arp, bytes, (size_t)n);
    }
}

/* ---- permissions ---- */

/* Begins and ends announcing. Returns when it wants to be called again. */
static uint64_t turn_permission(struct bw_proxy *p, uint8_t resource, uint64_t now_ns)
{
    struct permission *is = &p->permissions[resource];
    uint64_t refresh_ns = p->config->cluster.announce_refresh_ns;

    if (!allowed(p, resource, now_ns)) {
        is->since_ns = 0;
        return UINT64_MAX;
    }
    if (is->since_ns == 0) {
        is->since_ns = now_ns;
        is->announced = 0;
        is->next_ns = now_ns;
    }
    if (now_ns < is->next_ns)
        return is->next_ns;
    announce(p, resource, BW_NONE);
    is->announced += is->announced < ANNOUNCEMENTS;
    is->next_ns = is->announced < ANNOUNCEMENTS ? is->since_ns + announce_after_ns[is->announced]
                  : refresh_ns != 0             ? now_ns + refresh_ns
                                                : UINT64_MAX;
    return is->next_ns;
}

static void *run(void *argument)
{
    struct bw_proxy *p = argument;

    bw_surface_enter(BW_READER_RESOURCE);
    while (!atomic_load(&p->ending)) {
        uint64_t now_ns = bw_now_ns(), next_ns;
        struct epoll_event events[BW_MAX_INTERFACES];
        uint64_t count;
        int n;

        if (now_ns >= p->look_ns) {
            p->look_ns = now_ns + LOOK_NS;
            for (uint8_t i = 0; i < BW_MAX_INTERFACES; i++)
                if (p->lines[i].wanted)
                    look_at_line(p, i, now_ns);
        }
        next_ns = p->look_ns;
        for (uint8_t r = 0; r < p->config->resources_count; r++) {
            uint64_t at_ns = turn_permission(p, r, now_ns);

            next_ns = at_ns < next_ns ? at_ns : next_ns;
        }
        n = epoll_wait(p->epoll, events, BW_MAX_INTERFACES,
                       next_ns <= now_ns ? 0 : (int)((next_ns - now_ns + BW_MS - 1) / BW_MS));
        for (int i = 0; i < n; i++) {
            uint32_t interface = events[i].data.u32;

            if (interface >= BW_MAX_INTERFACES) {
                (void)!read(p->wake, &count, sizeof(count));
                continue;
            }
            read_socket(p, (uint8_t)interface, p->lines[interface].arp, true);
            read_socket(p, (uint8_t)interface, p->lines[interface].nd, false);
        }
    }
    return NULL;
}

/* ---- for others ---- */

void bw_proxy_answer(struct bw_proxy *p, uint8_t resource, uint64_t until_ns)
{
    uint64_t former_ns = atomic_exchange(&p->permissions[resource].until_ns, until_ns);

    if ((former_ns == 0) != (until_ns == 0) || former_ns <= bw_now_ns())
        (void)!write(p->wake, &(uint64_t){1}, sizeof(uint64_t));
}

int bw_proxy_error(const struct bw_proxy *p, uint8_t resource)
{
    for (unsigned i = 0; i < p->config->proxied_count; i++) {
        const struct bw_proxied_config *a = &p->config->proxied[i];
        int error = a->resource == resource ? atomic_load(&p->lines[a->interface].error) : 0;

        if (error != 0)
            return error;
    }
    return 0;
}

static int start_thread(struct bw_proxy *p)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = BW_MAX_INTERFACES};
    pthread_attr_t attributes;
    sigset_t every, before;
    int error;

    p->epoll = epoll_create1(EPOLL_CLOEXEC);
    p->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    p->control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    p->sender = bw_sender_open();
    if (p->epoll < 0 || p->wake < 0 || p->control < 0 || epoll_ctl(p->epoll, EPOLL_CTL_ADD, p->wake, &event) != 0)
        return -errno;
    if (p->sender < 0)
        return p->sender;
    sigfillset(&every);
    pthread_sigmask(SIG_SETMASK, &every, &before);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    error = -pthread_create(&p->thread, &attributes, run, p);
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    p->runs = error == 0;
    if (p->runs)
        pthread_setname_np(p->thread, "bw-proxy");
    return error;
}

int bw_proxy_new(const struct bw_config *config, struct bw_proxy **out)
{
    struct bw_proxy *p = calloc(1, sizeof(*p));
    int error;

    *out = NULL;
    if (p == NULL)
        return -ENOMEM;
    p->config = config;
    p->epoll = p->wake = p->sender = p->control = -1;
    for (unsigned i = 0; i < BW_MAX_INTERFACES; i++)
        p->lines[i].arp = p->lines[i].nd = p->lines[i].groups = -1;
    for (unsigned i = 0; i < config->proxied_count; i++)
        p->lines[config->proxied[i].interface].wanted = true;
    error = start_thread(p);
    if (error != 0) {
        bw_proxy_free(p);
        return error;
    }
    *out = p;
    return 0;
}

void bw_proxy_free(struct bw_proxy *p)
{
    if (p == NULL)
        return;
    if (p->runs) {
        atomic_store(&p->ending, true);
        (void)!write(p->wake, &(uint64_t){1}, sizeof(uint64_t));
        pthread_join(p->thread, NULL);
    }
    for (unsigned i = 0; i < BW_MAX_INTERFACES; i++)
        close_line(&p->lines[i]);
    for (unsigned i = 0; i < 4; i++) {
        int fd = (const int[]){p->epoll, p->wake, p->sender, p->control}[i];

        if (fd >= 0)
            close(fd);
    }
    free(p);
}
