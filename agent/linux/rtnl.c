/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Routing netlink (see rtnl.h). The socket is our own, because notices must be told apart from overruns and requests
 * sent in batches; messages are built and taken apart with libnl.
 */
#include "agent/linux/rtnl.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECEIVE_BYTES   (1 << 20)
#define ANSWER_WITHIN_S 1
#define DUMP_ATTEMPTS   8

static int address_bytes(const struct bw_address *a)
{
    return a->family == 4 ? 4 : 16;
}

static uint8_t kernel_family(const struct bw_address *a)
{
    return a->family == 4 ? AF_INET : AF_INET6;
}

static int bind_socket(struct bw_rtnl *rtnl, uint32_t groups)
{
    struct sockaddr_nl local = {.nl_family = AF_NETLINK, .nl_groups = groups};
    socklen_t length = sizeof(local);
    struct timeval patience = {.tv_sec = ANSWER_WITHIN_S};
    int bytes = RECEIVE_BYTES, one = 1;

    if (setsockopt(rtnl->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0)
        setsockopt(rtnl->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    setsockopt(rtnl->fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
    setsockopt(rtnl->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (bind(rtnl->fd, (struct sockaddr *)&local, sizeof(local)) != 0)
        return -errno;
    if (getsockname(rtnl->fd, (struct sockaddr *)&local, &length) != 0)
        return -errno;
    rtnl->port = local.nl_pid;
    return 0;
}

int bw_rtnl_open(struct bw_rtnl *rtnl, uint32_t groups)
{
    int error;

    memset(rtnl, 0, sizeof(*rtnl));
    rtnl->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (rtnl->fd < 0)
        return -errno;
    rtnl->scratch = nlmsg_alloc();
    rtnl->buffer = malloc(BW_RTNL_BUFFER);
    error = rtnl->scratch != NULL && rtnl->buffer != NULL ? bind_socket(rtnl, groups) : -ENOMEM;
    if (error != 0)
        bw_rtnl_close(rtnl);
    return error;
}

void bw_rtnl_close(struct bw_rtnl *rtnl)
{
    if (rtnl->fd >= 0)
        close(rtnl->fd);
    if (rtnl->scratch != NULL)
        nlmsg_free(rtnl->scratch);
    free(rtnl->buffer);
    memset(rtnl, 0, sizeof(*rtnl));
    rtnl->fd = -1;
}

/* One datagram from the kernel. Its length, 0 = not from the kernel, or negative errno. */
static int receive(struct bw_rtnl *rtnl, int flags)
{
    struct sockaddr_nl from;
    struct iovec part = {rtnl->buffer, BW_RTNL_BUFFER};
    struct msghdr header = {.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &part, .msg_iovlen = 1};
    ssize_t n;

    do
        n = recvmsg(rtnl->fd, &header, flags);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    if (header.msg_flags & MSG_TRUNC)
        return -ENOBUFS;
    return from.nl_pid == 0 ? (int)n : 0;
}

int bw_rtnl_notices(struct bw_rtnl *rtnl, unsigned limit, bw_rtnl_visit *visit, void *arg)
{
    for (unsigned count = 0; count < limit; count++) {
        int n = receive(rtnl, MSG_DONTWAIT);

        if (n == -EAGAIN)
            return (int)count;
        if (n < 0)
            return n;
        for (struct nlmsghdr *h = (struct nlmsghdr *)rtnl->buffer; nlmsg_ok(h, n); h = nlmsg_next(h, &n))
            visit(arg, h);
    }
    return (int)limit;
}

static int request_dump(struct bw_rtnl *rtnl, uint16_t type)
{
    struct {
        struct nlmsghdr header;
        uint8_t fixed[sizeof(struct ifinfomsg)]; /* the longest of them; all zero: everything */
    } request = {.header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
                            .nlmsg_type = type,
                            .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                            .nlmsg_seq = ++rtnl->seq}};

    if (type == RTM_GETADDR)
        request.header.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifaddrmsg));
    if (type == RTM_GETNEIGH)
        request.header.nlmsg_len = NLMSG_LENGTH(sizeof(struct ndmsg));
    if (send(rtnl->fd, &request, request.header.nlmsg_len, 0) < 0)
        return -errno;
    return 0;
}

/* Reads a dump to its end. 1 = it changed under way, once more. */
static int read_dump(struct bw_rtnl *rtnl, bw_rtnl_visit *visit, void *arg)
{
    bool changed = false;

    for (;;) {
        int n = receive(rtnl, 0);

        if (n < 0)
            return n;
        for (struct nlmsghdr *h = (struct nlmsghdr *)rtnl->buffer; nlmsg_ok(h, n); h = nlmsg_next(h, &n)) {
            if (h->nlmsg_seq != rtnl->seq)
                continue;
            if (h->nlmsg_flags & NLM_F_DUMP_INTR)
                changed = true;
            if (h->nlmsg_type == NLMSG_DONE)
                return changed ? 1 : 0;
            if (h->nlmsg_type == NLMSG_ERROR)
                return ((struct nlmsgerr *)nlmsg_data(h))->error;
            visit(arg, h);
        }
    }
}

int bw_rtnl_dump(struct bw_rtnl *rtnl, uint16_t type, bw_rtnl_visit *visit, void *arg)
{
    int error = 1;

    for (int attempt = 0; attempt < DUMP_ATTEMPTS && error == 1; attempt++) {
        error = request_dump(rtnl, type);
        if (error == 0)
            error = read_dump(rtnl, visit, arg);
    }
    /* Still changing after all attempts: what was seen is as good as it gets, and notices follow. */
    return error == 1 ? 0 : error;
}

/* An empty message of that type in the scratch, with its fixed part. */
static struct nl_msg *begin_message(struct bw_rtnl *rtnl, uint16_t type, uint16_t flags, void *fixed, size_t length)
{
    struct nlmsghdr *h = nlmsg_hdr(rtnl->scratch);

    memset(h, 0, sizeof(*h));
    h->nlmsg_len = NLMSG_HDRLEN;
    h->nlmsg_type = type;
    h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
    nlmsg_append(rtnl->scratch, fixed, length, NLMSG_ALIGNTO);
    return rtnl->scratch;
}

static void visit_gateway(void *arg, const struct nlmsghdr *message)
{
    struct bw_address *gateway = arg;
    struct nlattr *attributes[RTA_MAX + 1], *bytes;
    int length;

    if (message->nlmsg_type != RTM_NEWROUTE ||
        nlmsg_parse((struct nlmsghdr *)message, sizeof(struct rtmsg), attributes, RTA_MAX, NULL) < 0)
        return;
    bytes = attributes[RTA_GATEWAY];
    length = bytes != NULL ? nla_len(bytes) : 0;
    if (length != address_bytes(gateway))
        return;
    memcpy(gateway->bytes, nla_data(bytes), (size_t)length);
    gateway->prefix = (uint8_t)(length * 8);
}

int bw_rtnl_gateway(struct bw_rtnl *rtnl, int ifindex, int family, struct bw_address *gateway)
{
    /* Only looked up, never sent to: any address of the world outside. */
    static const uint8_t far4[4] = {198, 51, 100, 1}, far6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
    struct rtmsg fixed = {.rtm_family = family == 4 ? AF_INET : AF_INET6,
                          .rtm_dst_len = (uint8_t)(family == 4 ? 32 : 128)};
    struct nl_msg *m = begin_message(rtnl, RTM_GETROUTE, 0, &fixed, sizeof(fixed));
    int n;

    memset(gateway, 0, sizeof(*gateway));
    gateway->family = (uint8_t)family;
    nla_put(m, RTA_DST, family == 4 ? 4 : 16, family == 4 ? far4 : far6);
    nla_put_u32(m, RTA_OIF, (uint32_t)ifindex);
    nlmsg_hdr(m)->nlmsg_seq = ++rtnl->seq;
    if (send(rtnl->fd, nlmsg_hdr(m), nlmsg_hdr(m)->nlmsg_len, 0) < 0)
        return -errno;
    n = receive(rtnl, 0);
    if (n < 0)
        return n;
    for (struct nlmsghdr *h = (struct nlmsghdr *)rtnl->buffer; nlmsg_ok(h, n); h = nlmsg_next(h, &n))
        if (h->nlmsg_seq == rtnl->seq)
            visit_gateway(gateway, h);
    return gateway->prefix != 0 ? 0 : -ENOENT;
}

void bw_rtnl_begin(struct bw_rtnl *rtnl, struct bw_rtnl_batch *batch)
{
    batch->count = 0;
    batch->length = 0;
    batch->first_seq = rtnl->seq + 1;
}

static int put_message(struct bw_rtnl *rtnl, struct bw_rtnl_batch *batch)
{
    struct nlmsghdr *h = nlmsg_hdr(rtnl->scratch);
    size_t room = NLMSG_ALIGN(h->nlmsg_len);

    if (batch->count == BW_RTNL_BATCH || batch->length + room > sizeof(batch->bytes))
        return -ENOSPC;
    h->nlmsg_seq = ++rtnl->seq;
    memset(batch->bytes + batch->length, 0, room);
    memcpy(batch->bytes + batch->length, h, h->nlmsg_len);
    batch->last = batch->length;
    batch->length += room;
    return (int)batch->count++;
}

int bw_rtnl_add_address(struct bw_rtnl *rtnl, struct bw_rtnl_batch *batch, int ifindex,
                        const struct bw_address *address, uint32_t lifetime_s, uint16_t flags)
{
    int bytes = address_bytes(address);
    struct ifaddrmsg fixed = {.ifa_family = kernel_family(address),
                              .ifa_prefixlen = (uint8_t)(bytes * 8),
                              .ifa_scope = RT_SCOPE_UNIVERSE,
                              .ifa_index = (uint32_t)ifindex};
    struct ifa_cacheinfo life = {.ifa_prefered = 0, .ifa_valid = lifetime_s};
    struct nl_msg *m = begin_message(rtnl, RTM_NEWADDR, NLM_F_CREATE | flags, &fixed, sizeof(fixed));

    nla_put(m, IFA_LOCAL, bytes, address->bytes);
    nla_put(m, IFA_ADDRESS, bytes, address->bytes);
    nla_put_u32(m, IFA_FLAGS, IFA_F_NOPREFIXROUTE | (address->family == 6 ? IFA_F_NODAD : 0));
    nla_put(m, IFA_CACHEINFO, sizeof(life), &life);
    return put_message(rtnl, batch);
}

int bw_rtnl_remove_address(struct bw_rtnl *rtnl, struct bw_rtnl_batch *batch, int ifindex,
                           const struct bw_address *address)
{
    int bytes = address_bytes(address);
    struct ifaddrmsg fixed = {
        .ifa_family = kernel_family(address), .ifa_prefixlen = (uint8_t)(bytes * 8), .ifa_index = (uint32_t)ifindex};
    struct nl_msg *m = begin_message(rtnl, RTM_DELADDR, 0, &fixed, sizeof(fixed));

    nla_put(m, IFA_LOCAL, bytes, address->bytes);
    nla_put(m, IFA_ADDRESS, bytes, address->bytes);
    return put_message(rtnl, batch);
}

/* The message's common part for our route; scope nowhere matches any scope on removal. */
static struct nl_msg *begin_route(struct bw_rtnl *rtnl, uint16_t type, uint16_t flags, uint8_t scope, int ifindex,
                                  const struct bw_address *address)
{
    struct rtmsg fixed = {.rtm_family = kernel_family(address),
                          .rtm_dst_len = address->prefix,
                          .rtm_table = RT_TABLE_MAIN,
                          .rtm_protocol = BW_RTPROT,
                          .rtm_scope = scope,
                          .rtm_type = RTN_UNICAST};
    uint8_t network[16] = {0};
    struct nl_msg *m = begin_message(rtnl, type, flags, &fixed, sizeof(fixed));

    for (int bit = 0; bit < address->prefix; bit++)
        network[bit / 8] |= address->bytes[bit / 8] & (uint8_t)(0x80 >> (bit % 8));
    nla_put(m, RTA_DST, address_bytes(address), network);
    nla_put_u32(m, RTA_OIF, (uint32_t)ifindex);
    return m;
}

int bw_rtnl_add_route(struct bw_rtnl *rtnl, struct bw_rtnl_batch *batch, int ifindex, const struct bw_address *address)
{
    bool v4 = address->family == 4;
    struct nl_msg *m = begin_route(rtnl, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL,
                                   v4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE, ifindex, address);

    /* The kernel drops an IPv4 route along with its preferred source: the lease of the address ends the route too. */
    if (v4)
        nla_put(m, RTA_PREFSRC, 4, address->bytes);
    return put_message(rtnl, batch);
}

int bw_rtnl_remove_route(struct bw_rtnl *rtnl, struct bw_rtnl_batch *batch, int ifindex,
                         const struct bw_address *address)
{
    begin_route(rtnl, RTM_DELROUTE, 0, address->family == 4 ? RT_SCOPE_NOWHERE : RT_SCOPE_UNIVERSE, ifindex, address);
    return put_message(rtnl, batch);
}

int bw_rtnl_add_macvlan(struct bw_rtnl *rtnl, struct bw_rtnl_batch *batch, int parent, const char *name,
                        const uint8_t mac[6])
{
    struct ifinfomsg fixed = {.ifi_family = AF_UNSPEC};
    struct nl_msg *m = begin_message(rtnl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &fixed, sizeof(fixed));
    struct nlattr *info, *data;

    nla_put_string(m, IFLA_IFNAME, name);
    nla_put(m, IFLA_ADDRESS, 6, mac);
    nla_put_u32(m, IFLA_LINK, (uint32_t)parent);
    info = nla_nest_start(m, IFLA_LINKINFO);
    nla_put_string(m, IFLA_INFO_KIND, "macvlan");
    data = nla_nest_start(m, IFLA_INFO_DATA);
    nla_put_u32(m, IFLA_MACVLAN_MODE, MACVLAN_MODE_PRIVATE);
    nla_nest_end(m, data);
    nla_nest_end(m, info);
    return put_message(rtnl, batch);
}

int bw_rtnl_set_link(struct bw_rtnl *rtnl, struct bw_rtnl_batch *batch, int ifindex, bool up)
{
    struct ifinfomsg fixed = {
        .ifi_family = AF_UNSPEC, .ifi_index = ifindex, .ifi_flags = up ? IFF_UP : 0, .ifi_change = IFF_UP};

    begin_message(rtnl, RTM_NEWLINK, 0, &fixed, sizeof(fixed));
    return put_message(rtnl, batch);
}

int bw_rtnl_remove_link(struct bw_rtnl *rtnl, struct bw_rtnl_batch *batch, int ifindex)
{
    struct ifinfomsg fixed = {.ifi_family = AF_UNSPEC, .ifi_index = ifindex};

    begin_message(rtnl, RTM_DELLINK, 0, &fixed, sizeof(fixed));
    return put_message(rtnl, batch);
}

bool bw_rtnl_absent(int result)
{
    return result == -EADDRNOTAVAIL || result == -ENODEV || result == -ENXIO || result == -ESRCH;
}

static int collect_results(struct bw_rtnl *rtnl, struct bw_rtnl_batch *batch)
{
    for (;;) {
        int n = receive(rtnl, 0);

        if (n < 0)
            return n;
        for (struct nlmsghdr *h = (struct nlmsghdr *)rtnl->buffer; nlmsg_ok(h, n); h = nlmsg_next(h, &n)) {
            uint32_t index = h->nlmsg_seq - batch->first_seq;

            if (h->nlmsg_type != NLMSG_ERROR || index >= batch->count)
                continue;
            batch->results[index] = ((struct nlmsgerr *)nlmsg_data(h))->error;
            if (index == batch->count - 1)
                return 0;
        }
    }
}

int bw_rtnl_send(struct bw_rtnl *rtnl, struct bw_rtnl_batch *batch)
{
    int error = 0;

    if (batch->count == 0)
        return 0;
    /* Only failures are answered, and the last request in any case: it ends the answers. */
    ((struct nlmsghdr *)(void *)(batch->bytes + batch->last))->nlmsg_flags |= NLM_F_ACK;
    memset(batch->results, 0, sizeof(batch->results));
    if (send(rtnl->fd, batch->bytes, batch->length, 0) < 0)
        error = -errno;
    else
        error = collect_results(rtnl, batch);
    for (unsigned i = 0; error != 0 && i < batch->count; i++)
        batch->results[i] = error;
    return error;
}
