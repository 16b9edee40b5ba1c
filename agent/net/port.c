/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One interface's port: chooses the sockets by transport and joins them to one interface for the engine (see net.h).
 * Nothing here blocks: the sockets are non-blocking, and what the kernel does under its global lock is done by a thread
 * of its own (port_packet.c).
 */
#include "agent/net/port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DRAIN_MAX 4096 /* frames: more than a receive buffer holds */

struct bw_port {
    enum bw_transport transport;
    struct bw_packet packet;
    struct bw_unicast unicast[2]; /* IPv4, IPv6 */
};

static void choose_target(struct bw_packet *packet, const struct bw_port_setup *setup)
{
    packet->broadcast = setup->transport == BW_TRANSPORT_BROADCAST;
    if (packet->broadcast) {
        memset(packet->target, 0xff, sizeof(packet->target));
        memset(packet->target_mac, 0xff, sizeof(packet->target_mac));
        return;
    }
    if (inet_pton(AF_INET, setup->multicast4, packet->target) != 1)
        memcpy(packet->target, (const uint8_t[]){224, 0, 0, 254}, sizeof(packet->target));
    memcpy(packet->target_mac,
           (const uint8_t[]){0x01, 0x00, 0x5e, packet->target[1] & 0x7f, packet->target[2], packet->target[3]},
           sizeof(packet->target_mac));
}

struct bw_port *bw_port_new(const struct bw_port_setup *setup)
{
    struct bw_port *port = calloc(1, sizeof(*port));

    if (!port)
        return NULL;
    port->transport = setup->transport;
    port->packet.fd = port->packet.group_fd = -1;
    port->packet.send_only = setup->send_only;
    choose_target(&port->packet, setup);
    for (int i = 0; i < 2; i++) {
        struct bw_unicast *unicast = &port->unicast[i];

        unicast->fd = -1;
        unicast->family = i == 0 ? AF_INET : AF_INET6;
        unicast->send_only = setup->send_only;
        for (unsigned j = 0; j < setup->peers_count && j < BW_MAX_MEMBERS; j++) {
            if (setup->peers[j].family == (i == 0 ? 4 : 6))
                unicast->peers[unicast->peers_count++] = setup->peers[j];
        }
    }
    return port;
}

void bw_port_free(struct bw_port *port)
{
    if (!port)
        return;
    if (port->packet.fd >= 0)
        close(port->packet.fd);
    if (port->packet.group_fd >= 0)
        close(port->packet.group_fd);
    for (int i = 0; i < 2; i++) {
        if (port->unicast[i].fd >= 0)
            close(port->unicast[i].fd);
    }
    free(port);
}

int bw_port_attach(struct bw_port *port, int ifindex, const uint8_t mac[6], const struct bw_address *source)
{
    int result = 0;

    (void)mac; /* the kernel writes the device's own into what it sends */
    if (port->transport != BW_TRANSPORT_UNICAST)
        return bw_packet_attach(&port->packet, ifindex, source);
    for (int i = 0; i < 2; i++) {
        int error = 0;

        if (port->unicast[i].peers_count)
            error = bw_unicast_attach(&port->unicast[i], ifindex);
        if (error)
            result = error;
    }
    return result;
}

void bw_port_fds(const struct bw_port *port, int fds[2])
{
    bool unicast = port->transport == BW_TRANSPORT_UNICAST;

    fds[0] = unicast ? port->unicast[0].fd : port->packet.fd;
    fds[1] = unicast ? port->unicast[1].fd : -1;
}

int bw_port_send(struct bw_port *port, const uint8_t *frame, size_t length)
{
    int result = 0;

    if (length == 0 || length > BW_FRAME_MAX)
        return -EMSGSIZE;
    if (port->transport != BW_TRANSPORT_UNICAST)
        return bw_packet_send(&port->packet, frame, length);
    for (int i = 0; i < 2; i++) {
        int error = port->unicast[i].peers_count ? bw_unicast_send(&port->unicast[i], frame, length) : 0;
        if (error)
            result = error;
    }
    return result;
}

static int receive_unicast(struct bw_port *port, uint8_t *frame, size_t cap, struct bw_address *source)
{
    int result = 0;

    for (int i = 0; i < 2 && result == 0; i++)
        result = bw_unicast_receive(&port->unicast[i], frame, cap, source);
    return result;
}

int bw_port_receive(struct bw_port *port, uint8_t *frame, size_t cap)
{
    struct bw_arrival arrival;
    bool more;

    if (port->transport == BW_TRANSPORT_UNICAST)
        return receive_unicast(port, frame, cap, &arrival.source);
    if (bw_packet_receive(&port->packet, &arrival, 1, &more) == 0 || arrival.length > cap)
        return 0;
    memcpy(frame, arrival.bytes + arrival.at, arrival.length);
    return arrival.length;
}

unsigned bw_port_receive_many(struct bw_port *port, struct bw_arrival *arrivals, unsigned count, bool *more)
{
    unsigned total = 0;

    if (port->transport != BW_TRANSPORT_UNICAST)
        return bw_packet_receive(&port->packet, arrivals, count, more);
    while (total < count) {
        struct bw_arrival *arrival = &arrivals[total];
        int length = receive_unicast(port, arrival->bytes, BW_FRAME_MAX, &arrival->source);

        if (length <= 0)
            break;
        arrival->at = 0;
        arrival->length = (uint16_t)length;
        memset(arrival->mac, 0, sizeof(arrival->mac));
        total++;
    }
    *more = total == count;
    return total;
}

static void drain(int fd)
{
    uint8_t byte;

    for (int i = 0; fd >= 0 && i < DRAIN_MAX; i++) {
        if (recv(fd, &byte, sizeof(byte), MSG_DONTWAIT) < 0 && errno != ENETDOWN)
            break;
    }
}

void bw_port_drain(struct bw_port *port)
{
    drain(port->packet.fd);
    drain(port->unicast[0].fd);
    drain(port->unicast[1].fd);
}
