/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sync thread's way out and in: sealed frames on the secured interfaces. It hears on all of them, and sends to each member on the first
 * that is usable at both ends, as the engine knows; so one interface carries it all as long as one reaches everybody, and the next one
 * takes over at once.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "agent/linux/linux.h"
#include "agent/net/inet.h"
#include "agent/sync/sync_private.h"
#include "bellwether/text.h"

#define RECEIVE_NS (1000 * UINT64_C(1000)) /* a turn reads so long: what was applied is acknowledged, and own updates go out, in between */
#define IP6_MORE        20 /* bytes that an IPv6 header is longer */

int bw_sync_path_open(struct bw_sync *sync)
{
    const struct bw_cluster_config *c = &sync->config->cluster;

    for (uint8_t i = 0; i < c->interfaces_count; i++) {
        struct bw_port_setup setup;

        if (c->interfaces[i].role != BW_ROLE_SYNC || !bw_port_setup_of(c, i, &setup))
            continue;
        sync->ports[i] = bw_sync_port_new(&setup);
        if (sync->ports[i] == NULL)
            return -ENOMEM;
    }
    return bw_sync_seal_init(&sync->seal, c->id, c->members[c->local].id, &sync->setup.boot, c->auth_none);
}

void bw_sync_path_close(struct bw_sync *sync)
{
    for (unsigned i = 0; i < BW_MAX_INTERFACES; i++)
        bw_sync_port_free(sync->ports[i]);
    explicit_bzero(&sync->seal, sizeof(sync->seal));
    explicit_bzero(&sync->view, sizeof(sync->view));
}

static void watch(struct bw_sync *sync, uint8_t interface)
{
    int fds[2];

    bw_sync_port_fds(sync->ports[interface], fds);
    for (int i = 0; i < 2; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u64 = interface};

        if (fds[i] >= 0 && epoll_ctl(sync->epoll, EPOLL_CTL_ADD, fds[i], &event) != 0 && errno != EEXIST)
            bw_log(BW_LOG_ERROR, "state synchronisation: epoll: %s", strerrordesc_np(errno));
    }
}

static void attach(struct bw_sync *sync, uint8_t interface)
{
    const struct bw_sync_view_link *link = &sync->view.links[interface];
    int error;

    if (link->ifindex == sync->attached[interface] && bw_address_compare(&link->address4, &sync->attached4[interface]) == 0)
        return;
    error = bw_sync_port_attach(sync->ports[interface], link->ifindex, link->mac, &link->address4);
    if (error != 0) {
        bw_log(BW_LOG_WARNING, "state synchronisation: interface %s: cannot attach to its device: %s",
               sync->config->cluster.interfaces[interface].name, strerrordesc_np(-error));
        sync->attached[interface] = 0;
        return;
    }
    sync->attached[interface] = link->ifindex;
    sync->attached4[interface] = link->address4;
    watch(sync, interface);
}

/* Bytes of a body that fit an unfragmented packet of the interface. */
static uint32_t body_of(const struct bw_sync *sync, uint8_t interface)
{
    const struct bw_cluster_config *c = &sync->config->cluster;
    uint32_t mtu = sync->view.links[interface].mtu, around = BW_INET_HEADER_BYTES + BW_SYNC_SEAL_BYTES;

    if (c->interfaces[interface].transport == BW_TRANSPORT_UNICAST)
        around += IP6_MORE;
    if (mtu == 0 || mtu > BW_FRAME_MAX + BW_INET_HEADER_BYTES)
        mtu = BW_FRAME_MAX + BW_INET_HEADER_BYTES;
    return mtu > around ? mtu - around : 0;
}

/* The first interface that is usable here and not in `down`; BW_NONE = none. */
static uint8_t first_usable(const struct bw_sync *sync, uint16_t down)
{
    for (uint8_t i = 0; i < sync->config->cluster.interfaces_count; i++)
        if (sync->ports[i] != NULL && sync->view.links[i].usable && sync->attached[i] != 0 && (down >> i & 1) == 0)
            return i;
    return BW_NONE;
}

static uint16_t choose(const struct bw_sync *sync)
{
    uint16_t paths = 0;
    uint8_t any = first_usable(sync, 0);

    for (unsigned k = 0; k < sync->view.members_count; k++) {
        const struct bw_sync_view_member *m = &sync->view.members[k];
        uint8_t i = m->in_view ? first_usable(sync, m->down) : BW_NONE;

        if (i != BW_NONE)
            paths |= (uint16_t)(1U << i);
    }
    return paths == 0 && any != BW_NONE ? (uint16_t)(1U << any) : paths;
}

static void use(struct bw_sync *sync, uint16_t paths)
{
    uint32_t body = UINT32_MAX;
    unsigned credit = UINT32_MAX;
    const char *name = "";

    for (uint8_t i = 0; i < BW_MAX_INTERFACES; i++) {
        if ((paths >> i & 1) == 0)
            continue;
        if (name[0] == '\0')
            name = sync->config->cluster.interfaces[i].name;
        body = body_of(sync, i) < body ? body_of(sync, i) : body;
        credit = bw_sync_port_credit(sync->ports[i]) < credit ? bw_sync_port_credit(sync->ports[i]) : credit;
    }
    bw_stream_path(sync->stream, paths != 0 ? body : 0, name, credit);
    if (paths != sync->paths && paths != 0)
        bw_stream_path_changed(sync->stream);
    sync->paths = paths;
}

void bw_sync_path_follow(struct bw_sync *sync)
{
    const struct bw_sync_view *view = &sync->view;

    for (unsigned i = 0; i < view->members_count; i++)
        if (view->members[i].in_view)
            bw_sync_seal_peer(&sync->seal, view->members[i].id, &view->members[i].boot);
    if (view->keys_count > 0)
        (void)bw_sync_seal_rekey(&sync->seal, view->keys, view->keys_count);
    for (uint8_t i = 0; i < BW_MAX_INTERFACES; i++)
        if (sync->ports[i] != NULL)
            attach(sync, i);
    use(sync, choose(sync));
}

static void refuse(struct bw_sync *sync, enum bw_verdict verdict, uint8_t interface)
{
    uint64_t held_back;

    if (verdict == BW_VERDICT_OWN || verdict == BW_VERDICT_QUERY || !bw_log_allowed(&sync->refused_limit, sync->now_ns, &held_back))
        return;
    bw_log(BW_LOG_WARNING, "state synchronisation: refused frames on %s: %s (%lu more since the last such line)",
           sync->config->cluster.interfaces[interface].name,
           verdict == BW_VERDICT_UNAUTHENTIC ? "under a wrong key, or forged"
           : verdict == BW_VERDICT_REPLAYED  ? "seen before (replayed)"
           : verdict == BW_VERDICT_FOREIGN   ? "of another cluster"
                                             : "cannot be read",
           (unsigned long)held_back);
}

static void take(struct bw_sync *sync, uint8_t interface, const uint8_t *frame, size_t length)
{
    uint8_t body[BW_FRAME_MAX], sender;
    size_t body_length;
    enum bw_verdict verdict = bw_sync_open_frame(&sync->seal, frame, length, interface, &sender, body, &body_length);

    sync->verdicts[verdict]++;
    if (verdict == BW_VERDICT_ACCEPT)
        (void)bw_stream_input(sync->stream, sender, body, body_length);
    else
        refuse(sync, verdict, interface);
}

bool bw_sync_path_receive(struct bw_sync *sync)
{
    uint64_t until_ns = sync->now_ns + RECEIVE_NS;

    for (uint8_t i = 0; i < BW_MAX_INTERFACES; i++) {
        uint8_t frame[BW_FRAME_MAX];
        int n;

        while (sync->ports[i] != NULL && (n = bw_sync_port_receive(sync->ports[i], frame, sizeof(frame))) > 0) {
            take(sync, i, frame, (size_t)n);
            if (bw_now_ns() >= until_ns)
                return true;
        }
    }
    return false;
}

int bw_sync_path_send(void *context, const uint8_t *body, size_t length)
{
    struct bw_sync *sync = context;
    uint8_t frame[BW_FRAME_MAX];
    int result = -ENETDOWN;

    for (uint8_t i = 0; i < BW_MAX_INTERFACES; i++) {
        int n;

        if ((sync->paths >> i & 1) == 0)
            continue;
        n = bw_sync_seal_frame(&sync->seal, i, body, length, frame, sizeof(frame));
        if (n > 0)
            n = bw_sync_port_send(sync->ports[i], frame, (size_t)n);
        if (n >= 0 || result == -ENETDOWN)
            result = n;
    }
    return result;
}
