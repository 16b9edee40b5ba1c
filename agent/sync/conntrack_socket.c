/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Netlink sockets of the connection tracking provider. One hears events, and never those of our own requests: the kernel drops
 * them before they are queued. One carries requests; the kernel carries them out, and queues the answers, before sendmsg() returns.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/sync/conntrack.h"
#include "bellwether/log.h"

#define EVENT_BUFFER_BYTES   (16 << 20) /* of the kernel, used only while events wait */
#define REQUEST_BUFFER_BYTES (1 << 20)

static void set_buffer(int fd, int bytes)
{
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
}

static int open_socket(uint32_t *port)
{
    struct sockaddr_nl local = {.nl_family = AF_NETLINK};
    socklen_t length = sizeof(local);
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER), one = 1, err;

    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
    if (bind(fd, (struct sockaddr *)&local, sizeof(local)) == 0 &&
        getsockname(fd, (struct sockaddr *)&local, &length) == 0) {
        *port = local.nl_pid;
        return fd;
    }
    err = -errno;
    close(fd);
    return err;
}

/* Events that our own requests caused stay out: their messages carry the port of the requests' socket. */
static int set_filter(int fd, uint32_t port)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_pid)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(port), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    };
    struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0 ? 0 : -errno;
}

static int join(int fd)
{
    static const int groups[] = {NFNLGRP_CONNTRACK_NEW,     NFNLGRP_CONNTRACK_UPDATE,  NFNLGRP_CONNTRACK_DESTROY,
                                 NFNLGRP_CONNTRACK_EXP_NEW, NFNLGRP_CONNTRACK_EXP_DESTROY};

    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i], sizeof(groups[i])) != 0)
            return -errno;
    }
    return 0;
}

static int make_batch(struct bw_ct_batch *batch)
{
    batch->bytes = malloc(BW_CT_BATCH * BW_CT_DATAGRAM);
    if (!batch->bytes)
        return -ENOMEM;
    for (unsigned i = 0; i < BW_CT_BATCH; i++) {
        batch->vectors[i] = (struct iovec){batch->bytes + (size_t)i * BW_CT_DATAGRAM, BW_CT_DATAGRAM};
        batch->messages[i].msg_hdr = (struct msghdr){.msg_iov = &batch->vectors[i], .msg_iovlen = 1};
    }
    return 0;
}

int bw_ct_sockets_open(struct bw_ct *ct)
{
    uint32_t port;
    int err;

    ct->requests = open_socket(&ct->requests_port);
    if (ct->requests < 0)
        return ct->requests;
    ct->events = open_socket(&port);
    if (ct->events < 0)
        return ct->events;
    set_buffer(ct->requests, REQUEST_BUFFER_BYTES);
    set_buffer(ct->events, EVENT_BUFFER_BYTES);
    err = set_filter(ct->events, ct->requests_port);
    if (!err)
        err = join(ct->events);
    if (!err)
        err = make_batch(&ct->incoming);
    return err ? err : make_batch(&ct->answers);
}

void bw_ct_sockets_close(struct bw_ct *ct)
{
    if (ct->requests >= 0)
        close(ct->requests);
    if (ct->events >= 0)
        close(ct->events);
    free(ct->incoming.bytes);
    free(ct->answers.bytes);
}

int bw_ct_receive(int fd, struct bw_ct_batch *batch)
{
    int n;

    batch->count = batch->at = 0;
    do {
        n = recvmmsg(fd, batch->messages, BW_CT_BATCH, MSG_DONTWAIT, NULL);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EAGAIN ? 0 : -errno;
    batch->count = (unsigned)n;
    return n;
}

const struct nlmsghdr *bw_ct_message(const struct bw_ct_batch *batch, unsigned i)
{
    const struct nlmsghdr *m = batch->vectors[i].iov_base;
    unsigned length = batch->messages[i].msg_len;

    if (batch->messages[i].msg_hdr.msg_flags & MSG_TRUNC || length < NLMSG_HDRLEN || m->nlmsg_len < NLMSG_HDRLEN ||
        m->nlmsg_len > length)
        return NULL;
    return m;
}

static int send_all(int fd, const void *bytes, size_t length)
{
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    ssize_t n;

    do {
        n = sendto(fd, bytes, length, 0, (struct sockaddr *)&kernel, sizeof(kernel));
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0;
}

/* The next batch of answers; what is left of earlier ones goes by. */
static int send_gets(struct bw_ct *ct, const struct bw_ct_key *keys, unsigned count)
{
    struct bw_ct_entry entry = {.parts = 0};
    size_t length = 0;

    for (unsigned i = 0; i < count; i++) {
        entry.key = keys[i];
        length += bw_ct_build(ct->dump + length, BW_CT_GET, &entry, ++ct->sequence);
    }
    return send_all(ct->requests, ct->dump, length);
}

static bool take_answer(const struct nlmsghdr *m, unsigned i,
                        bool (*found)(void *context, unsigned i, const struct bw_ct_entry *entry), void *context)
{
    struct bw_ct_entry entry;

    if (m->nlmsg_type == NLMSG_ERROR) {
        const struct nlmsgerr *e = NLMSG_DATA(m);

        return m->nlmsg_len < NLMSG_LENGTH(sizeof(*e)) || e->error != -ENOENT || found(context, i, NULL);
    }
    if (bw_ct_parse(NLMSG_DATA(m), m->nlmsg_len - NLMSG_HDRLEN, &entry) != 0)
        return true;
    return found(context, i, &entry);
}

static bool get_some(struct bw_ct *ct, const struct bw_ct_key *keys, unsigned first, unsigned count,
                     bool (*found)(void *context, unsigned i, const struct bw_ct_entry *entry), void *context)
{
    uint32_t sequence = ct->sequence + 1;
    bool wanted = true;

    if (send_gets(ct, keys + first, count) != 0)
        return false;
    while (bw_ct_receive(ct->requests, &ct->answers) > 0) {
        for (unsigned i = 0; i < ct->answers.count; i++) {
            const struct nlmsghdr *m = bw_ct_message(&ct->answers, i);

            if (m && wanted && m->nlmsg_seq - sequence < count)
                wanted = take_answer(m, first + m->nlmsg_seq - sequence, found, context);
        }
    }
    return wanted;
}

void bw_ct_get(struct bw_ct *ct, const struct bw_ct_key *keys, unsigned count,
               bool (*found)(void *context, unsigned i, const struct bw_ct_entry *entry), void *context)
{
    for (unsigned first = 0; first < count; first += BW_CT_BATCH) {
        unsigned some = count - first < BW_CT_BATCH ? count - first : BW_CT_BATCH;

        if (!get_some(ct, keys, first, some, found, context))
            return;
    }
}

int bw_ct_request_one(struct bw_ct *ct, const void *message, size_t length)
{
    const struct nlmsghdr *sent = message;
    int err = send_all(ct->requests, message, length), result = 0;

    if (err)
        return err;
    while (bw_ct_receive(ct->requests, &ct->answers) > 0) {
        for (unsigned i = 0; i < ct->answers.count; i++) {
            const struct nlmsghdr *m = bw_ct_message(&ct->answers, i);
            const struct nlmsgerr *e = m ? NLMSG_DATA(m) : NULL;

            if (m && m->nlmsg_type == NLMSG_ERROR && m->nlmsg_seq == sent->nlmsg_seq &&
                m->nlmsg_len >= NLMSG_LENGTH(sizeof(*e)))
                result = e->error;
        }
    }
    return result;
}
