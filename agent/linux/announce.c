/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Announcements (see announce.h). IPv4 goes out in both forms: some neighbours heed only the request, some only the
 * reply.
 */
#include "agent/linux/announce.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/linux/frames.h"

int bw_sender_open(void)
{
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    return fd < 0 ? -errno : fd;
}

int bw_sender_send(int fd, int ifindex, const uint8_t *frame, size_t length)
{
    struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = ifindex, .sll_halen = 6};

    memcpy(to.sll_addr, frame, 6);
    memcpy(&to.sll_protocol, frame + 12, 2);
    if (sendto(fd, frame, length, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to)) < 0)
        return -errno;
    return 0;
}

int bw_announce(int fd, const struct bw_link *link, const struct bw_address *address, bool router)
{
    static const uint8_t none[6];
    uint8_t frame[BW_NEIGHBOUR_FRAME_MAX];
    size_t length;
    int error;

    if (link->ifindex == 0 || memcmp(link->mac, none, 6) == 0)
        return -ENODEV;
    if (address->family == 6) {
        length = bw_frame_advertisement(frame, link->mac, address, router);
        return bw_sender_send(fd, link->ifindex, frame, length);
    }
    length = bw_frame_gratuitous(frame, link->mac, address, false);
    error = bw_sender_send(fd, link->ifindex, frame, length);
    length = bw_frame_gratuitous(frame, link->mac, address, true);
    return error != 0 ? error : bw_sender_send(fd, link->ifindex, frame, length);
}
