/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Multicast and broadcast over a packet socket. It hears below the firewall and the reverse-path filter, which would
 * make a UDP socket deaf, and sends from an interface without an address.
 *
 * A packet socket is hooked to the device by its index and stays the same file descriptor when it is hooked to another.
 * While detached a filter lets nothing in.
 */
#include "agent/net/port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/pkt_sched.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/net/ccp.h"
#include "agent/net/inet.h"

#define RECEIVE_BUFFER_BYTES (1 << 20)
#define SKIP_MAX             64 /* batches, and errors that are none, in one call */
#define BATCH_MAX            16
#define HELPER_STACK_BYTES   (64 << 10)

/* UDP to our port, not a later fragment, not another host's, and of no VLAN: what carries a tag is of another network.
 * Offsets count from the IP header. */
static struct sock_filter ccp_filter[] = {
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, SKF_AD_OFF + SKF_AD_PKTTYPE),
    BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, PACKET_MULTICAST, 18, 0),
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 3, 0),
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, SKF_AD_OFF + SKF_AD_VLAN_TAG),
    BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xfff),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 13),
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 11),
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, 9, 0),
    BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
    BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, BW_CCP_PORT, 0, 6),
    /* Frames of state synchronisation are another thread's (sync_port.c). One that is too short to tell is let in. */
    BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
    BPF_STMT(BPF_ALU | BPF_SUB | BPF_X, 0),
    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 16, 0, 2),
    BPF_STMT(BPF_LD | BPF_H | BPF_IND, 14),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, BW_CCP_OPCODE_SYNC, 1, 0),
    BPF_STMT(BPF_RET | BPF_K, 0xffff),
    BPF_STMT(BPF_RET | BPF_K, 0),
};

static struct sock_filter deaf_filter[] = {BPF_STMT(BPF_RET | BPF_K, 0)};

#define PROGRAM(filter) (&(struct sock_fprog){sizeof(filter) / sizeof((filter)[0]), filter})

static int set_filter(int fd, struct sock_fprog *program)
{
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, program, sizeof(*program)) == 0 ? 0 : -errno;
}

static int open_socket(struct bw_packet *packet)
{
    static const uint8_t flooded[] = {224, 0, 0}; /* switches send these to every port */
    int one = 1, size = RECEIVE_BUFFER_BYTES, priority = TC_PRIO_CONTROL, error;
    int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    error = set_filter(fd, PROGRAM(deaf_filter));
    if (error) {
        close(fd);
        return error;
    }
    /* The rest makes it better and is not needed. */
    (void)setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one));
    (void)setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one));
    (void)setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &priority, sizeof(priority));
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    if (!packet->broadcast && memcmp(packet->target, flooded, sizeof(flooded)) != 0)
        packet->group_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    packet->fd = fd;
    return 0;
}

/* ---- membership ---- */

/* Joins the device to the group's link-layer address; and, for a group that switches don't flood, the host to the
 * group, so that it is told to them by IGMP. */
struct membership {
    int fd, group_fd;
    struct packet_mreq leave, join;
    struct ip_mreqn group_leave, group_join;
};

static void *change_membership(void *argument)
{
    struct membership *m = argument;

    if (m->leave.mr_ifindex) {
        (void)setsockopt(m->fd, SOL_PACKET, PACKET_DROP_MEMBERSHIP, &m->leave, sizeof(m->leave));
        (void)setsockopt(m->group_fd, IPPROTO_IP, IP_DROP_MEMBERSHIP, &m->group_leave, sizeof(m->group_leave));
    }
    if (m->join.mr_ifindex) {
        (void)setsockopt(m->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &m->join, sizeof(m->join));
        (void)setsockopt(m->group_fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m->group_join, sizeof(m->group_join));
    }
    close(m->fd);
    if (m->group_fd >= 0)
        close(m->group_fd);
    free(m);
    return NULL;
}

static struct membership *new_membership(const struct bw_packet *packet, int from, int to)
{
    struct membership *m = calloc(1, sizeof(*m));

    if (!m)
        return NULL;
    m->fd = fcntl(packet->fd, F_DUPFD_CLOEXEC, 3);
    m->group_fd = packet->group_fd >= 0 ? fcntl(packet->group_fd, F_DUPFD_CLOEXEC, 3) : -1;
    m->leave = (struct packet_mreq){.mr_ifindex = from, .mr_type = PACKET_MR_MULTICAST, .mr_alen = ETH_ALEN};
    memcpy(m->leave.mr_address, packet->target_mac, ETH_ALEN);
    m->join = m->leave;
    m->join.mr_ifindex = to;
    m->group_leave.imr_ifindex = from;
    memcpy(&m->group_leave.imr_multiaddr, packet->target, sizeof(packet->target));
    m->group_join = m->group_leave;
    m->group_join.imr_ifindex = to;
    return m;
}

/* The kernel does this under a lock that others may hold for long, so a thread of its own waits for it. */
static void update_membership(const struct bw_packet *packet, int from, int to)
{
    struct membership *membership;
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t signals;
    int error;

    if (packet->broadcast || packet->send_only || from == to)
        return;
    membership = new_membership(packet, from, to);
    if (!membership)
        return;
    sigfillset(&signals);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, HELPER_STACK_BYTES);
    pthread_attr_setsigmask_np(&attributes, &signals);
    error = pthread_create(&thread, &attributes, change_membership, membership);
    pthread_attr_destroy(&attributes);
    if (error)
        change_membership(membership);
}

/* ---- */

int bw_packet_attach(struct bw_packet *packet, int ifindex, const struct bw_address *source)
{
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_ifindex = ifindex};
    int error = 0, before = packet->ifindex;

    memset(packet->source, 0, sizeof(packet->source));
    if (source && source->family == 4)
        memcpy(packet->source, source->bytes, sizeof(packet->source));
    if (packet->fd < 0 && ifindex > 0)
        error = open_socket(packet);
    if (error || packet->fd < 0 || ifindex == before)
        return error;
    packet->ifindex = 0;
    (void)set_filter(packet->fd, PROGRAM(deaf_filter)); /* never hears two devices at once */
    if (ifindex > 0) {
        address.sll_protocol = packet->send_only ? 0 : htons(ETH_P_IP);
        if (bind(packet->fd, (struct sockaddr *)&address, sizeof(address)) != 0)
            error = -errno;
        if (!error)
            error = set_filter(packet->fd, PROGRAM(ccp_filter));
        if (!error)
            packet->ifindex = ifindex;
    }
    update_membership(packet, before, packet->ifindex);
    return error;
}

int bw_packet_send(struct bw_packet *packet, const uint8_t *frame, size_t length)
{
    uint8_t header[BW_INET_HEADER_BYTES];
    struct sockaddr_ll address = {.sll_family = AF_PACKET,
                                  .sll_protocol = htons(ETH_P_IP),
                                  .sll_ifindex = packet->ifindex,
                                  .sll_halen = ETH_ALEN};
    struct iovec parts[] = {{header, sizeof(header)}, {(void *)(uintptr_t)frame, length}};
    struct msghdr message = {.msg_name = &address, .msg_namelen = sizeof(address), .msg_iov = parts, .msg_iovlen = 2};

    if (packet->ifindex == 0)
        return -ENETDOWN;
    memcpy(address.sll_addr, packet->target_mac, ETH_ALEN);
    bw_inet_build(header, packet->source, packet->target, BW_CCP_PORT, frame, length);
    return sendmsg(packet->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Has the checksum of this packet still to be filled in? So it is with what another namespace of this host sends. */
static bool checksum_pending(struct msghdr *message)
{
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
        if (part->cmsg_level == SOL_PACKET && part->cmsg_type == PACKET_AUXDATA) {
            struct tpacket_auxdata data;
            memcpy(&data, CMSG_DATA(part), sizeof(data));
            return data.tp_status & TP_STATUS_CSUMNOTREADY;
        }
    }
    return false;
}

/* What a batch of receptions needs beside the packets themselves. */
struct batch {
    struct mmsghdr headers[BATCH_MAX];
    struct iovec parts[BATCH_MAX];
    struct sockaddr_ll from[BATCH_MAX];
    union {
        struct cmsghdr header;
        uint8_t space[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
    } control[BATCH_MAX];
};

static void prepare(struct batch *batch, struct bw_arrival *arrivals, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        batch->parts[i] = (struct iovec){arrivals[i].bytes, sizeof(arrivals[i].bytes)};
        batch->headers[i].msg_hdr = (struct msghdr){.msg_name = &batch->from[i],
                                                    .msg_namelen = sizeof(batch->from[i]),
                                                    .msg_iov = &batch->parts[i],
                                                    .msg_iovlen = 1,
                                                    .msg_control = &batch->control[i],
                                                    .msg_controllen = sizeof(batch->control[i])};
    }
}

/* Is this a frame for us? Then where in the packet. */
static bool accept_packet(const struct bw_packet *packet, struct mmsghdr *header, const struct sockaddr_ll *from,
                          struct bw_arrival *arrival)
{
    const uint8_t *payload;
    size_t length;

    if (from->sll_ifindex != packet->ifindex || from->sll_pkttype == PACKET_OUTGOING ||
        header->msg_hdr.msg_flags & MSG_TRUNC)
        return false;
    if (bw_inet_parse(arrival->bytes, header->msg_len, BW_CCP_PORT, checksum_pending(&header->msg_hdr), &payload,
                      &length) != 0)
        return false;
    if (length == 0 || length > BW_FRAME_MAX)
        return false;
    arrival->at = (uint16_t)(payload - arrival->bytes);
    arrival->length = (uint16_t)length;
    arrival->source.family = 0; /* what stands in the packet is often 0.0.0.0 */
    if (from->sll_halen == sizeof(arrival->mac))
        memcpy(arrival->mac, from->sll_addr, sizeof(arrival->mac));
    else
        memset(arrival->mac, 0, sizeof(arrival->mac));
    return true;
}

/* One batch into the first free places. Returns how many packets there were, 0 = none. */
static unsigned receive_batch(struct bw_packet *packet, struct bw_arrival *arrivals, unsigned count, unsigned *accepted)
{
    struct batch batch;
    unsigned good = 0;
    int received;

    prepare(&batch, arrivals, count);
    for (int tries = 0;; tries++) {
        received = recvmmsg(packet->fd, batch.headers, count, MSG_DONTWAIT, NULL);
        if (received >= 0)
            break;
        if ((errno != ENETDOWN && errno != EINTR) || tries == SKIP_MAX)
            return 0; /* the device went down: told once, then what is queued still comes */
    }
    for (int i = 0; i < received; i++) {
        if (!accept_packet(packet, &batch.headers[i], &batch.from[i], &arrivals[i]))
            continue;
        if (good < (unsigned)i) {
            arrivals[good].at = arrivals[i].at;
            arrivals[good].length = arrivals[i].length;
            memcpy(arrivals[good].mac, arrivals[i].mac, sizeof(arrivals[i].mac));
            arrivals[good].source = arrivals[i].source;
            memcpy(arrivals[good].bytes, arrivals[i].bytes, sizeof(arrivals[i].bytes));
        }
        good++;
    }
    *accepted = good;
    return (unsigned)received;
}

unsigned bw_packet_receive(struct bw_packet *packet, struct bw_arrival *arrivals, unsigned count, bool *more)
{
    unsigned total = 0;

    *more = false;
    for (int i = 0; packet->fd >= 0 && i < SKIP_MAX; i++) {
        unsigned room = count - total < BATCH_MAX ? count - total : BATCH_MAX, accepted = 0;

        *more = false;
        if (room == 0 || receive_batch(packet, arrivals + total, room, &accepted) < room) {
            *more = room == 0;
            return total + accepted;
        }
        total += accepted;
        *more = true;
    }
    return total;
}
