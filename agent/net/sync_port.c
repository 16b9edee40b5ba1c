/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One secured interface for the sync thread (see sync_port.h). Called by that thread only.
 */
#include "agent/net/sync_port.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/net/ccp.h"
#include "agent/net/inet.h"

#define RECEIVE_BUFFER_BYTES (4 << 20)
#define FRAME_COST           2560 /* bytes of the buffer that a full frame takes */
#define SKIP_MAX             64   /* packets that are none of ours, in one call */
#define IP6_BYTES            40
#define UDP_BYTES            8
#define ROOM                 2048

struct bw_sync_port {
    struct bw_port *out;
    int fds[2]; /* IPv4, IPv6; -1 = none */
    bool wants6;
    int ifindex; /* 0 = detached */
    unsigned credit;
};

/* UDP to our port with our opcode for synchronisation, not a later fragment, not another host's, of no VLAN. Offsets count from the IP header. */
static struct sock_filter filter4[] = {
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, SKF_AD_OFF + SKF_AD_PKTTYPE),
    BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, PACKET_MULTICAST, 15, 0),
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 3, 0),
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, SKF_AD_OFF + SKF_AD_VLAN_TAG),
    BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xfff),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 10),
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 8),
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, 6, 0),
    BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
    BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, BW_CCP_PORT, 0, 3),
    BPF_STMT(BPF_LD | BPF_H | BPF_IND, 14),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, BW_CCP_OPCODE_SYNC, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, 0xffff),
    BPF_STMT(BPF_RET | BPF_K, 0),
};

static struct sock_filter filter6[] = {
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, SKF_AD_OFF + SKF_AD_PKTTYPE),
    BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, PACKET_MULTICAST, 12, 0),
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 3, 0),
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, SKF_AD_OFF + SKF_AD_VLAN_TAG),
    BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xfff),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 7),
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 6),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 5),
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, IP6_BYTES + 2),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, BW_CCP_PORT, 0, 3),
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, IP6_BYTES + 14),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, BW_CCP_OPCODE_SYNC, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, 0xffff),
    BPF_STMT(BPF_RET | BPF_K, 0),
};

static struct sock_filter deaf_filter[] = {BPF_STMT(BPF_RET | BPF_K, 0)};

#define PROGRAM(filter) (&(struct sock_fprog){sizeof(filter) / sizeof((filter)[0]), filter})

static int set_filter(int fd, struct sock_fprog *program)
{
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, program, sizeof(*program)) == 0 ? 0 : -errno;
}

struct bw_sync_port *bw_sync_port_new(const struct bw_port_setup *setup)
{
    struct bw_port_setup out = *setup;
    struct bw_sync_port *port = calloc(1, sizeof(*port));

    if (port == NULL)
        return NULL;
    out.send_only = true;
    port->fds[0] = port->fds[1] = -1;
    port->out = bw_port_new(&out);
    if (port->out == NULL) {
        free(port);
        return NULL;
    }
    for (unsigned i = 0; i < setup->peers_count; i++)
        port->wants6 = port->wants6 || (setup->transport == BW_TRANSPORT_UNICAST && setup->peers[i].family == 6);
    return port;
}

void bw_sync_port_free(struct bw_sync_port *port)
{
    if (port == NULL)
        return;
    for (int i = 0; i < 2; i++)
        if (port->fds[i] >= 0)
            close(port->fds[i]);
    bw_port_free(port->out);
    free(port);
}

static int open_socket(struct bw_sync_port *port, int which)
{
    int one = 1, size = RECEIVE_BUFFER_BYTES, error;
    socklen_t length = sizeof(size);
    int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    error = set_filter(fd, PROGRAM(deaf_filter));
    if (error != 0) {
        close(fd);
        return error;
    }
    (void)setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one));
    (void)setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one));
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    /* Half of it stays free: for what is sent again, and for whoever sends more than it was told. */
    if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, &length) == 0)
        port->credit = (unsigned)size / FRAME_COST / 2;
    port->fds[which] = fd;
    return 0;
}

static int attach(struct bw_sync_port *port, int which, int ifindex)
{
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_ifindex = ifindex,
                                  .sll_protocol = htons(which == 0 ? ETH_P_IP : ETH_P_IPV6)};
    int error = 0;

    if (port->fds[which] < 0 && ifindex > 0)
        error = open_socket(port, which);
    if (error != 0 || port->fds[which] < 0)
        return error;
    (void)set_filter(port->fds[which], PROGRAM(deaf_filter)); /* never hears two devices at once */
    if (ifindex == 0)
        return 0;
    if (bind(port->fds[which], (struct sockaddr *)&address, sizeof(address)) != 0)
        return -errno;
    return set_filter(port->fds[which], which == 0 ? PROGRAM(filter4) : PROGRAM(filter6));
}

int bw_sync_port_attach(struct bw_sync_port *port, int ifindex, const uint8_t mac[6], const struct bw_address *source)
{
    int error = bw_port_attach(port->out, ifindex, mac, source), before = port->ifindex;

    if (error != 0 || ifindex == before)
        return error;
    port->ifindex = 0;
    error = attach(port, 0, ifindex);
    if (error == 0 && port->wants6)
        error = attach(port, 1, ifindex);
    if (error == 0)
        port->ifindex = ifindex;
    return error;
}

void bw_sync_port_fds(const struct bw_sync_port *port, int fds[2])
{
    fds[0] = port->fds[0];
    fds[1] = port->fds[1];
}

unsigned bw_sync_port_credit(const struct bw_sync_port *port)
{
    return port->credit;
}

int bw_sync_port_send(struct bw_sync_port *port, const uint8_t *frame, size_t length)
{
    return bw_port_send(port->out, frame, length);
}

/* Has the checksum of this packet still to be filled in? So it is with what another namespace of this host sends. */
static bool checksum_pending(struct msghdr *message)
{
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part != NULL; part = CMSG_NXTHDR(message, part)) {
        struct tpacket_auxdata data;

        if (part->cmsg_level != SOL_PACKET || part->cmsg_type != PACKET_AUXDATA)
            continue;
        memcpy(&data, CMSG_DATA(part), sizeof(data));
        return data.tp_status & TP_STATUS_CSUMNOTREADY;
    }
    return false;
}

/* The seal tells whether an IPv6 packet was damaged: its checksum is not looked at. */
static int parse6(const uint8_t *packet, size_t length, const uint8_t **payload, size_t *payload_length)
{
    size_t udp_length;

    if (length < IP6_BYTES + UDP_BYTES || packet[0] >> 4 != 6 || packet[6] != IPPROTO_UDP)
        return -EBADMSG;
    udp_length = (size_t)packet[IP6_BYTES + 4] << 8 | packet[IP6_BYTES + 5];
    if (udp_length < UDP_BYTES || udp_length > length - IP6_BYTES)
        return -EBADMSG;
    *payload = packet + IP6_BYTES + UDP_BYTES;
    *payload_length = udp_length - UDP_BYTES;
    return 0;
}

static int receive(struct bw_sync_port *port, int which, uint8_t *frame, size_t cap)
{
    uint8_t bytes[ROOM];
    union {
        struct cmsghdr header;
        uint8_t space[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
    } control;

    for (int i = 0; port->fds[which] >= 0 && i < SKIP_MAX; i++) {
        struct sockaddr_ll from;
        struct iovec part = {bytes, sizeof(bytes)};
        struct msghdr message = {.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &part, .msg_iovlen = 1,
                                 .msg_control = &control, .msg_controllen = sizeof(control)};
        const uint8_t *payload;
        size_t payload_length;
        ssize_t length = recvmsg(port->fds[which], &message, MSG_DONTWAIT);
        int error;

        if (length < 0 && errno == EAGAIN)
            return 0;
        if (length < 0 && (errno == ENETDOWN || errno == EINTR))
            continue; /* the device went down: told once, then what is queued still comes */
        if (length < 0)
            return -errno;
        if (from.sll_ifindex != port->ifindex || from.sll_pkttype == PACKET_OUTGOING || message.msg_flags & MSG_TRUNC)
            continue;
        error = which == 0 ? bw_inet_parse(bytes, (size_t)length, BW_CCP_PORT, checksum_pending(&message), &payload, &payload_length)
                           : parse6(bytes, (size_t)length, &payload, &payload_length);
        if (error != 0 || payload_length == 0 || payload_length > cap)
            continue;
        memcpy(frame, payload, payload_length);
        return (int)payload_length;
    }
    return 0;
}

int bw_sync_port_receive(struct bw_sync_port *port, uint8_t *frame, size_t cap)
{
    int n = receive(port, 0, frame, cap);

    return n != 0 || port->fds[1] < 0 ? n : receive(port, 1, frame, cap);
}
