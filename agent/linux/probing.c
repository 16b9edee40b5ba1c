/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Neighbours (see probing.h). One packet socket for ARP and one for neighbour discovery listen on all devices, so that
 * a device that comes and goes needs no binding: that would wait for other processors.
 */
#include "agent/linux/probing.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/linux/announce.h"
#include "agent/linux/picture.h"
#include "bellwether/log.h"
#include "bellwether/text.h"

#define FRAMES_AT_ONCE  64
#define ASKED_AT_ONCE   4
#define WATCH_NS        (3 * BW_SEC) /* replies count this long after a probe */
#define SAMPLE_EVERY_NS (5 * BW_MS)
#define COUNTERS_BYTES  131072 /* about a thousand devices */
#define RECEIVE_BYTES   65536
#define SHUT_NS         (100 * BW_MS)
#define STORM_ROUNDS    4 /* full readings in a row that make a storm */

static const uint8_t no_mac[6];

/* ---- filters ---- */

/* Refuses everything; the last two statements of each program refuse and accept. */
static struct sock_filter nothing[] = {BPF_STMT(BPF_RET | BPF_K, 0)};

/* IPv6 with ICMPv6, hop limit 255, neighbour solicitation or advertisement; offsets from the IPv6 header. */
static const struct sock_filter nd_only[] = {
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 58 << 8 | 255, 0, 3),
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 40),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 135, 2, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 136, 1, 0),
    BPF_STMT(BPF_RET | BPF_K, 0),
    BPF_STMT(BPF_RET | BPF_K, 0xffff),
};
#define ND_ONLY (sizeof(nd_only) / sizeof(nd_only[0]))

static void set_filter(int fd, struct sock_filter *program, size_t length)
{
    struct sock_fprog filter = {(unsigned short)length, program};

    (void)setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter));
}

/* Only from our devices, and of IPv6 only neighbour discovery. */
static void open_filter(struct bw_probing *p, int fd, bool six)
{
    struct sock_filter program[BW_MAX_INTERFACES + ND_ONLY + 4];
    size_t n = 0;
    unsigned count = p->config->interfaces_count;

    program[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_IFINDEX));
    for (unsigned i = 0; i < count; i++) /* a hit skips what is left of the list and the refusal */
        program[n++] =
            (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)p->devices[i], (uint8_t)(count - i), 0);
    program[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
    if (six) {
        memcpy(program + n, nd_only, sizeof(nd_only));
        n += ND_ONLY;
    } else {
        program[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0xffff);
    }
    set_filter(fd, program, n);
}

static void open_filters(struct bw_probing *p)
{
    open_filter(p, p->arp_fd, false);
    if (p->nd_fd >= 0)
        open_filter(p, p->nd_fd, true);
    p->shut_ns = 0;
}

void bw_probing_device(struct bw_probing *p, uint8_t interface, int ifindex)
{
    memset(&p->interfaces[interface], 0, sizeof(p->interfaces[interface]));
    p->devices[interface] = ifindex;
    open_filters(p);
}

/* A storm: the sockets are shut for a moment, so that reading them does not become this thread's only work. */
static void shut(struct bw_probing *p, uint64_t now_ns)
{
    p->shut_ns = now_ns;
    set_filter(p->arp_fd, nothing, 1);
    if (p->nd_fd >= 0)
        set_filter(p->nd_fd, nothing, 1);
}

/* A socket that takes nothing until its filter is opened. */
static int listen_to(uint16_t protocol)
{
    struct sockaddr_ll local = {.sll_family = AF_PACKET, .sll_protocol = htons(protocol)};
    int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), bytes = RECEIVE_BYTES;

    if (fd < 0)
        return -errno;
    set_filter(fd, nothing, 1);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    if (bind(fd, (struct sockaddr *)&local, sizeof(local)) != 0) {
        int error = -errno;
        close(fd);
        return error;
    }
    return fd;
}

static bool has_ipv6(const struct bw_cluster_config *config)
{
    for (unsigned i = 0; i < config->addresses_count; i++)
        if (config->addresses[i].address.family == 6)
            return true;
    return false;
}

int bw_probing_open(struct bw_probing *p, const struct bw_cluster_config *config)
{
    bool six = has_ipv6(config);

    memset(p, 0, sizeof(*p));
    p->config = config;
    p->nd_fd = -1;
    p->counters = malloc(COUNTERS_BYTES);
    p->counters_fd = p->counters != NULL ? open("/proc/self/net/dev", O_RDONLY | O_CLOEXEC) : -1;
    p->arp_fd = listen_to(ETH_P_ARP);
    if (p->arp_fd >= 0 && six)
        p->nd_fd = listen_to(ETH_P_IPV6);
    if (p->arp_fd < 0 || (six && p->nd_fd < 0)) {
        int error = p->arp_fd < 0 ? p->arp_fd : p->nd_fd;
        bw_probing_close(p);
        return error;
    }
    return 0;
}

void bw_probing_reconfigure(struct bw_probing *p, const struct bw_cluster_config *config)
{
    p->config = config;
    if (p->nd_fd >= 0 || !has_ipv6(config))
        return;
    p->nd_fd = listen_to(ETH_P_IPV6);
    if (p->nd_fd < 0) { /* only who else answers for an address stays unseen */
        bw_log(BW_LOG_WARNING, "cannot listen to IPv6 neighbours: %s", strerror(-p->nd_fd));
        p->nd_fd = -1;
        return;
    }
    open_filters(p);
}

void bw_probing_close(struct bw_probing *p)
{
    int *fds[] = {&p->arp_fd, &p->nd_fd, &p->counters_fd};

    for (unsigned i = 0; i < 3; i++) {
        if (*fds[i] >= 0)
            close(*fds[i]);
        *fds[i] = -1;
    }
    free(p->counters);
    p->counters = NULL;
}

/* ---- neighbours ---- */

void bw_probing_learn(struct bw_probing *p, uint8_t interface, const struct bw_address *address, const uint8_t mac[6],
                      bool gateway, uint64_t now_ns)
{
    struct bw_neighbour *kept = p->interfaces[interface].neighbours, *at = NULL;

    for (int i = 0; i < BW_NEIGHBOURS_KEPT && at == NULL; i++)
        if (bw_address_compare(&kept[i].address, address) == 0)
            at = &kept[i];
    if (at == NULL) {
        /* The longest unheard goes; gateways stay before others. */
        at = &kept[0];
        for (int i = 1; i < BW_NEIGHBOURS_KEPT; i++)
            if (kept[i].gateway != at->gateway ? at->gateway : kept[i].seen_ns < at->seen_ns)
                at = &kept[i];
        if (at->gateway && !gateway)
            return;
        memset(at, 0, sizeof(*at));
        at->address = *address;
    }
    if (memcmp(mac, no_mac, 6) != 0)
        memcpy(at->mac, mac, 6);
    at->gateway |= gateway;
    at->seen_ns = now_ns;
}

/* ---- the receive counter ---- */

/* Received packets of a device, by its line in /proc/net/dev. False when it is not there. */
static bool find_packets(const char *text, const char *device, uint64_t *packets)
{
    size_t length = strlen(device);

    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += strspn(line, "\n ");
        if (strncmp(line, device, length) == 0 && line[length] == ':') {
            char *end;
            strtoull(line + length + 1, &end, 10); /* bytes */
            *packets = strtoull(end, NULL, 10);
            return true;
        }
        if (*line == '\0')
            return false;
    }
    return false;
}

/* Takes samples for the interfaces in the mask. Returns the mask of those whose counter moved since the sample before.
 */
static uint16_t sample(struct bw_probing *p, uint16_t interfaces, uint64_t now_ns)
{
    char *text = p->counters;
    size_t length = 0;
    uint16_t moved = 0;

    while (length < COUNTERS_BYTES - 1) {
        ssize_t n = pread(p->counters_fd, text + length, COUNTERS_BYTES - 1 - length, (off_t)length);

        if (n <= 0)
            break;
        length += (size_t)n;
    }
    text[length] = '\0';
    for (uint8_t i = 0; i < p->config->interfaces_count; i++) {
        uint64_t packets;

        if (!(interfaces >> i & 1) || !find_packets(text, bw_device(p->config, i), &packets))
            continue;
        if (p->interfaces[i].sampled_ns != 0 && now_ns - p->interfaces[i].sampled_ns < WATCH_NS &&
            packets != p->interfaces[i].packets)
            moved |= (uint16_t)(1U << i);
        p->interfaces[i].packets = packets;
        p->interfaces[i].sampled_ns = now_ns;
    }
    return moved;
}

static bool watched(const struct bw_probing *p, uint8_t interface, uint64_t now_ns)
{
    return p->interfaces[interface].probed_ns != 0 && now_ns - p->interfaces[interface].probed_ns < WATCH_NS;
}

/* ---- asking ---- */

void bw_probing_ask(struct bw_probing *p, int sender, uint8_t interface, const struct bw_link *link, uint64_t now_ns)
{
    bool asked[BW_NEIGHBOURS_KEPT] = {false};
    struct bw_neighbour *kept = p->interfaces[interface].neighbours;
    /* By turns to the address we know and to all: a neighbour may have got another one. */
    bool direct = p->interfaces[interface].round++ % 2 == 0;

    if (!watched(p, interface, now_ns) && p->counters_fd >= 0)
        sample(p, (uint16_t)(1U << interface), now_ns);
    p->interfaces[interface].probed_ns = now_ns;
    if (link->ifindex == 0 || memcmp(link->mac, no_mac, 6) == 0)
        return;
    for (int n = 0; n < ASKED_AT_ONCE; n++) {
        const struct bw_address *own;
        uint8_t frame[BW_NEIGHBOUR_FRAME_MAX];
        size_t length;
        int best = -1;

        for (int i = 0; i < BW_NEIGHBOURS_KEPT; i++)
            if (kept[i].address.family != 0 && !asked[i] &&
                (best < 0 ||
                 (kept[i].gateway != kept[best].gateway ? kept[i].gateway : kept[i].seen_ns > kept[best].seen_ns)))
                best = i;
        if (best < 0)
            return;
        asked[best] = true;
        own = kept[best].address.family == 4 ? &link->address4 : &link->address6;
        length = bw_frame_ask(frame, link->mac, own, &kept[best].address,
                              direct && memcmp(kept[best].mac, no_mac, 6) != 0 ? kept[best].mac : NULL);
        bw_sender_send(sender, link->ifindex, frame, length);
    }
}

/* ---- listening ---- */

struct reading {
    struct bw_probing *probing;
    const struct bw_link *links;
    uint64_t now_ns;
    uint16_t spoke, received; /* masks of interfaces */
    bw_probing_heard *heard;
    void *arg;
};

static void take(struct reading *r, uint8_t interface, struct bw_neighbour_frame *frame, const uint8_t sender[6])
{
    struct bw_probing *p = r->probing;
    const struct bw_link *link = &r->links[interface];

    r->received |= (uint16_t)(1U << interface);
    if (memcmp(frame->mac, no_mac, 6) == 0)
        memcpy(frame->mac, sender, 6);
    if (frame->from.family == 0 || memcmp(frame->mac, link->mac, 6) == 0)
        return;
    r->heard(r->arg, interface, frame);
    if (bw_virtual_find(p->config, BW_NONE, &frame->from) >= 0 || bw_member_address(p->config, &frame->from))
        return;
    r->spoke |= (uint16_t)(1U << interface);
    bw_probing_learn(p, interface, &frame->from, frame->mac, false, r->now_ns);
}

/* True when more may be waiting. */
static bool read_socket(struct reading *r, int fd, bool arp)
{
    for (int n = 0; n < FRAMES_AT_ONCE; n++) {
        uint8_t bytes[256];
        struct sockaddr_ll from;
        socklen_t length = sizeof(from);
        struct bw_neighbour_frame frame;
        ssize_t got = recvfrom(fd, bytes, sizeof(bytes), MSG_DONTWAIT, (struct sockaddr *)&from, &length);

        if (got < 0)
            return false;
        if (from.sll_pkttype == PACKET_OUTGOING ||
            !(arp ? bw_frame_read_arp(bytes, (size_t)got, &frame) : bw_frame_read_nd(bytes, (size_t)got, &frame)))
            continue;
        for (uint8_t i = 0; i < r->probing->config->interfaces_count; i++)
            if (r->links[i].ifindex == from.sll_ifindex)
                take(r, i, &frame, from.sll_addr);
    }
    return true;
}

static void read_sockets(struct reading *r, bool idle)
{
    struct bw_probing *p = r->probing;
    bool full = !idle && read_socket(r, p->arp_fd, true);

    if (!idle && p->nd_fd >= 0)
        full |= read_socket(r, p->nd_fd, false);
    p->full_rounds = full ? p->full_rounds + 1 : 0;
    if (p->shut_ns == 0 && p->full_rounds >= STORM_ROUNDS)
        shut(p, r->now_ns);
    else if (p->shut_ns != 0 && r->now_ns - p->shut_ns >= SHUT_NS)
        open_filters(p);
}

void bw_probing_read(struct bw_probing *p, const struct bw_link *links, uint64_t now_ns, bool idle,
                     uint16_t *spoke, uint16_t *received, bw_probing_heard *heard, void *arg)
{
    struct reading r = {.probing = p, .links = links, .now_ns = now_ns, .heard = heard, .arg = arg};
    uint16_t watching = 0, due = 0;

    read_sockets(&r, idle);
    for (uint8_t i = 0; i < p->config->interfaces_count; i++) {
        if (!watched(p, i, now_ns))
            continue;
        watching |= (uint16_t)(1U << i);
        if (now_ns - p->interfaces[i].sampled_ns >= SAMPLE_EVERY_NS)
            due |= (uint16_t)(1U << i);
    }
    if (due != 0 && p->counters_fd >= 0)
        r.received |= sample(p, due, now_ns);
    *spoke = r.spoke & watching;
    *received = r.received & watching;
}
