/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Unicast over a UDP socket, bound to the device; it crosses routers, and is subject to the host's firewall.
 */
#include "agent/net/port.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/pkt_sched.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/net/ccp.h"

#define RECEIVE_BUFFER_BYTES (1 << 20)
#define TOS_CONTROL          0xc0
#define HOPS                 255

static void tune(int fd, int family)
{
    int size = RECEIVE_BUFFER_BYTES, priority = TC_PRIO_CONTROL, tos = TOS_CONTROL, hops = HOPS;

    if (family == AF_INET) {
        (void)setsockopt(fd, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
        (void)setsockopt(fd, IPPROTO_IP, IP_TTL, &hops, sizeof(hops));
    } else {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof(tos));
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof(hops));
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &priority, sizeof(priority));
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

/* Frames of state synchronisation are another thread's (sync_port.c). Offsets count from the UDP header. */
static void leave_out_sync(int fd)
{
    static struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 16, 0, 2),
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 14),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, BW_CCP_OPCODE_SYNC, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, 0xffff),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};

    (void)setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

/* By index when the kernel lets us, else by name; else (no right to) sending goes by the routes alone. */
static void bind_device(int fd, int ifindex)
{
    char name[IF_NAMESIZE] = "";

    if (setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &ifindex, sizeof(ifindex)) == 0)
        return;
    if (if_indextoname((unsigned)ifindex, name))
        (void)setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, (socklen_t)strlen(name));
}

static int open_socket(struct bw_unicast *unicast, int ifindex)
{
    union {
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {0};
    uint16_t port = htons(unicast->send_only ? 0 : BW_CCP_PORT);
    socklen_t length;
    int one = 1, error;
    int fd = socket(unicast->family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    tune(fd, unicast->family);
    leave_out_sync(fd);
    bind_device(fd, ifindex);
    if (unicast->family == AF_INET6) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
        address.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = port};
    } else {
        address.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = port};
    }
    length = unicast->family == AF_INET6 ? sizeof(address.v6) : sizeof(address.v4);
    if (bind(fd, (struct sockaddr *)&address, length) != 0) {
        error = -errno;
        close(fd);
        return error;
    }
    unicast->fd = fd;
    return 0;
}

int bw_unicast_attach(struct bw_unicast *unicast, int ifindex)
{
    int error = 0;

    if (ifindex == unicast->ifindex)
        return 0;
    if (ifindex > 0 && unicast->fd < 0)
        error = open_socket(unicast, ifindex);
    else if (ifindex > 0)
        bind_device(unicast->fd, ifindex);
    unicast->ifindex = error ? 0 : ifindex;
    return error;
}

static ssize_t send_to(const struct bw_unicast *unicast, const struct bw_address *peer, const uint8_t *frame,
                       size_t length)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(BW_CCP_PORT)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(BW_CCP_PORT)};
    int flags = MSG_DONTWAIT | MSG_NOSIGNAL;

    if (unicast->family == AF_INET) {
        memcpy(&v4.sin_addr, peer->bytes, sizeof(v4.sin_addr));
        return sendto(unicast->fd, frame, length, flags, (struct sockaddr *)&v4, sizeof(v4));
    }
    memcpy(&v6.sin6_addr, peer->bytes, sizeof(v6.sin6_addr));
    if (IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr))
        v6.sin6_scope_id = (uint32_t)unicast->ifindex;
    return sendto(unicast->fd, frame, length, flags, (struct sockaddr *)&v6, sizeof(v6));
}

int bw_unicast_send(struct bw_unicast *unicast, const uint8_t *frame, size_t length)
{
    int result = 0;

    if (unicast->ifindex == 0)
        return -ENETDOWN;
    for (unsigned i = 0; i < unicast->peers_count; i++) {
        if (send_to(unicast, &unicast->peers[i], frame, length) < 0)
            result = -errno; /* one that cannot be reached keeps nothing from the others */
    }
    return result;
}

union sender {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static void note_sender(const union sender *from, struct bw_address *source)
{
    bool v6 = from->any.sa_family == AF_INET6;

    memset(source, 0, sizeof(*source));
    source->family = v6 ? 6 : 4;
    source->prefix = v6 ? 128 : 32;
    if (v6)
        memcpy(source->bytes, &from->v6.sin6_addr, sizeof(from->v6.sin6_addr));
    else
        memcpy(source->bytes, &from->v4.sin_addr, sizeof(from->v4.sin_addr));
}

int bw_unicast_receive(struct bw_unicast *unicast, uint8_t *frame, size_t cap, struct bw_address *source)
{
    for (int i = 0; unicast->fd >= 0 && i < 64; i++) {
        union sender from = {0};
        socklen_t size = sizeof(from);
        ssize_t length = recvfrom(unicast->fd, frame, cap, MSG_DONTWAIT | MSG_TRUNC, &from.any, &size);

        if (length < 0 && errno == EAGAIN)
            return 0;
        if (length < 0 && errno != EINTR && errno != ENETDOWN && errno != ECONNREFUSED)
            return -errno;
        if (length > 0 && (size_t)length <= cap && unicast->ifindex && !unicast->send_only) {
            note_sender(&from, source);
            return (int)length;
        }
    }
    return 0;
}
