/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sync thread's turn: what the engine says, frames, the providers' events, what is due. It waits in one place only, and never holds
 * anything that the engine could wait for.
 */
#include <errno.h>
#include <linux/if_ether.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "agent/linux/linux.h"
#include "agent/net/inet.h"
#include "agent/sync/sync_private.h"
#include "bellwether/stats.h"
#include "bellwether/text.h"

#define PUBLISH_NS       (100 * BW_MS)
#define EVENTS_PER_READ  256
#define NICE             (-5)
#define CHECK_NS         (10 * BW_SEC)
#define DESCRIPTORS      8

/* What a descriptor is, beside an interface's (its index). */
enum { SOURCE_STOP = 100, SOURCE_VIEW, SOURCE_PROVIDER /* + its place */ };

static int watch(struct bw_sync *sync, int fd, uint64_t source)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = source};

    return epoll_ctl(sync->epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

/* ---- providers ---- */

static void open_provider(struct bw_sync *sync, const struct bw_sync_provider *ops)
{
    struct bw_sync_sink sink = bw_stream_sink(sync->stream);
    struct bw_sync_open *o = &sync->open[sync->open_count];
    int error;

    if (sync->open_count == BW_SYNC_OPEN_MAX)
        return;
    o->ops = ops;
    error = ops->open(sync->config, &sink, &o->self);
    if (error == 0)
        error = bw_stream_attach(sync->stream, ops, o->self);
    if (error != 0) {
        bw_log(BW_LOG_ERROR, "state synchronisation: %s cannot be synchronised: %s", ops->name, strerrordesc_np(-error));
        return;
    }
    sync->open_count++;
}

void bw_sync_watch_providers(struct bw_sync *sync)
{
    for (unsigned k = 0; k < sync->open_count; k++) {
        const struct bw_sync_open *o = &sync->open[k];
        int fds[DESCRIPTORS];
        unsigned count = o->ops->descriptors != NULL ? o->ops->descriptors(o->self, fds, DESCRIPTORS) : 0;

        for (unsigned i = 0; i < count; i++)
            if (watch(sync, fds[i], SOURCE_PROVIDER + k) != 0 && errno != EEXIST)
                bw_log(BW_LOG_ERROR, "state synchronisation: %s: epoll: %s", o->ops->name, strerrordesc_np(errno));
    }
}

static void read_providers(struct bw_sync *sync)
{
    for (unsigned i = 0; i < sync->open_count; i++) {
        struct bw_sync_open *o = &sync->open[i];

        if (o->waiting && bw_stream_has_room(sync->stream) && o->ops->read != NULL)
            o->waiting = o->ops->read(o->self, sync->now_ns, EVENTS_PER_READ);
        if (o->ops->deadline != NULL && o->ops->turn != NULL && sync->now_ns >= o->ops->deadline(o->self))
            o->ops->turn(o->self, sync->now_ns);
    }
}

/* ---- the view ---- */

/* Who served before tells whose records become whose. */
static void follow_holders(struct bw_sync *sync)
{
    bool changed = false;

    for (unsigned g = 0; g < BW_MAX_GROUPS; g++) {
        uint8_t before = sync->holder[g], now = 0;

        if (sync->view.groups_held >> g & 1)
            now = sync->seal.local;
        for (unsigned i = 0; i < sync->view.members_count; i++)
            if (sync->view.members[i].groups >> g & 1)
                now = sync->view.members[i].id;
        if (now == 0 || now == before)
            continue;
        sync->holder[g] = now;
        if (before == 0)
            continue;
        changed = true;
        for (unsigned i = 0; i < sync->open_count; i++) {
            const struct bw_sync_provider *ops = sync->open[i].ops;

            if (ops->owner_moved != NULL)
                ops->owner_moved(sync->open[i].self, before, now);
            else if (ops->owner_gone != NULL && before != sync->seal.local)
                ops->owner_gone(sync->open[i].self, before, now == sync->seal.local);
        }
    }
    if (changed)
        bw_stream_check_soon(sync->stream);
}

static void follow_members(struct bw_sync *sync)
{
    const struct bw_sync_view *view = &sync->view;
    bool served = view->holds;
    unsigned others = 0;

    for (unsigned i = 0; i < view->members_count; i++) {
        served = served || (view->members[i].in_view && view->members[i].groups != 0);
        others += view->members[i].in_view;
    }
    for (unsigned i = 0; i < view->members_count; i++) {
        const struct bw_sync_view_member *m = &view->members[i];
        const struct bw_stream_facts facts = {.in_view = m->in_view, .boot = m->boot, .needed = m->groups != 0 || !served};

        bw_stream_peer(sync->stream, m->id, &facts);
    }
    for (unsigned i = 0; i < sync->open_count; i++)
        if (sync->open[i].ops->role != NULL)
            sync->open[i].ops->role(sync->open[i].self, view->holds, others, sync->now_ns);
}

static void take_view(struct bw_sync *sync)
{
    struct bw_sync_view view;

    memset(&view, 0, sizeof(view));
    if (!bw_sync_view_read(sync->setup.context->rows.sync_view, &view))
        return; /* just being written: the next turn has it */
    sync->view = view;
    explicit_bzero(&view, sizeof(view));
    sync->view_waits = false;
    bw_sync_path_follow(sync);
    follow_members(sync);
    follow_holders(sync);
    bw_sync_facts_follow(sync);
}

/* ---- telling ---- */

static void publish(struct bw_sync *sync)
{
    const struct bw_surface_context *context = sync->setup.context;
    uint64_t resets = context->stats != NULL ? atomic_load(&context->stats->sync_resets) : 0;
    bool over = bw_stream_overloaded(sync->stream);

    sync->publish_ns = sync->now_ns + PUBLISH_NS;
    sync->changes = bw_stream_changes(sync->stream);
    bw_sync_class_follow(sync);
    bw_sync_reconfigure(sync);
    if (resets != sync->resets) {
        sync->resets = resets;
        bw_stream_reset(sync->stream, bw_wall());
    }
    for (unsigned i = 0; i < sync->open_count && over != sync->overloaded; i++)
        if (sync->open[i].ops->overload != NULL)
            sync->open[i].ops->overload(sync->open[i].self, over);
    sync->overloaded = over;
    bw_stream_rows(sync->stream, &sync->rows);
    if (context->rows.sync != NULL)
        bw_published_write(context->rows.sync, &sync->rows);
    bw_sync_pnote_tell(sync);
}

/* ---- the loop ---- */

static void wait_events(struct bw_sync *sync, uint64_t due_ns)
{
    struct epoll_event events[16];
    uint64_t now_ns = bw_now_ns(), left_ns = due_ns > now_ns ? due_ns - now_ns : 0;
    struct timespec timeout = {(time_t)(left_ns / BW_SEC), (long)(left_ns % BW_SEC)};
    int count = epoll_pwait2(sync->epoll, events, sizeof(events) / sizeof(events[0]), &timeout, NULL);

    for (int i = 0; i < count; i++) {
        uint64_t source = events[i].data.u64, ticks;

        if (source == SOURCE_STOP)
            atomic_store(&sync->ending, true);
        else if (source == SOURCE_VIEW) {
            (void)!read(bw_sync_view_fd(sync->setup.context->rows.sync_view), &ticks, sizeof(ticks));
            sync->view_waits = true;
        } else if (source >= SOURCE_PROVIDER && source < SOURCE_PROVIDER + BW_SYNC_OPEN_MAX) {
            sync->open[source - SOURCE_PROVIDER].waiting = true;
        }
    }
}

static uint64_t turn(struct bw_sync *sync)
{
    uint64_t due_ns;
    bool more;

    sync->now_ns = bw_now_ns();
    bw_stream_begin(sync->stream, sync->now_ns);
    if (sync->view_waits)
        take_view(sync);
    more = bw_sync_path_receive(sync);
    read_providers(sync);
    bw_sync_facts_tell(sync);
    due_ns = bw_stream_end(sync->stream);
    if (sync->now_ns >= sync->publish_ns || bw_stream_changes(sync->stream) != sync->changes)
        publish(sync);
    if (sync->publish_ns < due_ns)
        due_ns = sync->publish_ns;
    for (unsigned i = 0; i < sync->open_count; i++) {
        struct bw_sync_open *o = &sync->open[i];
        uint64_t at_ns = o->ops->deadline != NULL ? o->ops->deadline(o->self) : UINT64_MAX;

        due_ns = at_ns < due_ns ? at_ns : due_ns;
        more = more || (o->waiting && bw_stream_has_room(sync->stream));
    }
    return more || sync->view_waits ? 0 : due_ns;
}

static int make_stream(struct bw_sync *sync)
{
    const struct bw_cluster_config *c = &sync->config->cluster;
    struct bw_stream_setup setup = {
        .local = c->members[c->local].id,
        .boot = sync->setup.boot,
        .sending_queue = c->sync.sending_queue,
        .receiving_queue = c->sync.receiving_queue,
        .ack_count = c->sync.ack_count,
        .ack_ns = c->sync.ack_ns,
        .overload_percent = c->sync.overload_percent,
        .memory_bytes = c->sync.memory_bytes,
        .deadline_ns = c->sync.full_sync_deadline_ns,
        .check_ns = CHECK_NS,
        .overhead = ETH_HLEN + BW_INET_HEADER_BYTES + BW_SYNC_SEAL_BYTES,
        .now_ns = sync->now_ns,
        .wire = sync,
        .send = bw_sync_path_send,
    };

    for (uint8_t i = 0; i < c->members_count; i++)
        if (i != c->local)
            setup.members[setup.members_count++] = c->members[i].id;
    if (bw_random(&setup.seed, sizeof(setup.seed)) != 0)
        setup.seed = sync->now_ns;
    return bw_stream_new(&setup, &sync->stream);
}

/* Providers are opened here since reading a large table takes seconds. */
static int begin(struct bw_sync *sync)
{
    const struct bw_sync_provider *const *providers = sync->setup.providers;
    int error = make_stream(sync);

    if (error != 0)
        return error;
    for (unsigned i = 0; providers != NULL && providers[i] != NULL; i++)
        open_provider(sync, providers[i]);
    if (providers == NULL && sync->config->cluster.sync.connections)
        open_provider(sync, &bw_sync_conntrack);
    if (providers == NULL && (sync->open_count > 0 || !sync->config->cluster.sync.connections) &&
        sync->setup.context->rows.facts != NULL) {
        open_provider(sync, &bw_sync_facts);
        bw_sync_facts_link(sync);
    }
    if (sync->open_count == 0)
        return -ENODEV;
    bw_sync_watch_providers(sync);
    error = watch(sync, bw_sync_view_fd(sync->setup.context->rows.sync_view), SOURCE_VIEW);
    sync->view_waits = true;
    return error;
}

static void end(struct bw_sync *sync)
{
    for (unsigned i = 0; i < sync->open_count; i++)
        sync->open[i].ops->close(sync->open[i].self);
    sync->open_count = 0;
    sync->facts = NULL;
    bw_stream_free(sync->stream);
    sync->stream = NULL;
}

void *bw_sync_run(void *argument)
{
    struct bw_sync *sync = argument;
    int error;

    bw_surface_enter(BW_READER_SYNC);
    pthread_setname_np(pthread_self(), "bw-sync");
    (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), NICE); /* not needed, only better */
    error = watch(sync, sync->stop_fd, SOURCE_STOP);
    if (error == 0)
        error = begin(sync);
    if (error != 0) {
        bw_log(BW_LOG_ERROR, "state synchronisation is off: %s", error == -ENODEV ? "there is nothing to synchronise" : strerrordesc_np(-error));
        bw_sync_pnote_off(sync->setup.context, "off: it could not start");
    }
    while (error == 0 && !atomic_load(&sync->ending)) {
        uint64_t due_ns = turn(sync);

        wait_events(sync, due_ns);
    }
    end(sync);
    return NULL;
}
