/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The store: keeps history, the local member's admin state, persistent pnotes, which groups are stopped and the other
 * members' facts in state_dir. bw_store_load reads them before the engine starts; after that one thread, woken by the
 * board, writes what changed. Only this thread waits for the disk; one that is full, read-only or gone is tried again
 * every second, said once a minute, and holds up nobody. It is looked at also while there is nothing to write, so that
 * every surface can say so before something has to be kept (bellwether/stats.h).
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "agent/store/disk.h"
#include "agent/store/files.h"
#include "bellwether/log.h"
#include "bellwether/surface.h"
#include "bellwether/text.h"

#define RETRY_NS        BW_SEC
#define LOOK_NS         (5 * BW_SEC) /* so often at a disk to which nothing has to be written */
#define PNOTES_PAUSE_NS BW_SEC /* pnotes that change all the time are written once in this */
#define STOP_WAIT_S     2
#define HISTORY_RECORDS (2 * BW_MAX_HISTORY) /* a longer file is written anew with the last BW_MAX_HISTORY */

struct bw_store {
    struct bw_board *board;
    const struct bw_history *history;
    const struct bw_facts_desk *desk; /* may be NULL */
    struct bw_stats *stats;
    struct bw_store_place place; /* .dir -1: not open */
    pthread_t thread;
    int wake_fd, stop_fd;
    _Atomic bool abandoned; /* stop gave up waiting: touch nothing shared any more */
    struct bw_kept_file history_file, admin_file, pnotes_file, groups_file, facts_file;
    struct bw_kept_admin admin, admin_kept;    /* as it is, as it is on disk */
    struct bw_kept_pnotes pnotes, pnotes_kept; /* likewise */
    struct bw_kept_groups groups, groups_kept; /* likewise */
    struct bw_kept_facts facts, facts_kept;    /* likewise */
    struct bw_facts_own own;                   /* as they lie on the desk */
    uint64_t retry_ns;                         /* after a failure: not before this */
    uint64_t look_ns;                          /* next look at a disk to which nothing has to be written */
    uint64_t pnotes_next_ns;                   /* pnotes: not before this */
    struct bw_log_limit failure_limit;
    bool failing;
    bool collected; /* a snapshot has come: before that there is nothing to compare with what is kept */
};

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * BW_SEC + (uint64_t)now.tv_nsec;
}

static struct bw_store_place place_of(const struct bw_config *config)
{
    const struct bw_cluster_config *c = &config->cluster;

    return (struct bw_store_place){.path = config->state_dir,
                                   .dir = -1,
                                   .cluster = c->id,
                                   .member = c->local < c->members_count ? c->members[c->local].id : 0};
}

static const char *open_error(int err)
{
    return err == -EBUSY ? "another daemon uses it" : strerror(-err);
}

/* Puts a file that was set aside back with what could be read of it. A failure is only told: the thread tries again. */
static void mend(const struct bw_store_place *place, const struct bw_history *history,
                 const struct bw_kept_admin *admin, const struct bw_kept_pnotes *pnotes,
                 const struct bw_kept_groups *groups, const struct bw_kept_facts *facts, struct bw_kept_file files[5])
{
    int err = 0;

    if (!files[0].sound && files[0].records)
        err = bw_store_write_history(place, history, &files[0]);
    if (!files[1].sound && admin->admin)
        err = err ? err : bw_store_write_admin(place, admin, &files[1]);
    if (!files[2].sound && pnotes->count)
        err = err ? err : bw_store_write_pnotes(place, pnotes, &files[2]);
    if (!files[3].sound && groups->count)
        err = err ? err : bw_store_write_groups(place, groups, &files[3]);
    if (!files[4].sound && (facts->number || facts->others.count))
        err = err ? err : bw_store_write_facts(place, facts, &files[4]);
    if (err)
        bw_log(BW_LOG_WARNING, "%s: cannot be written now: %s", place->path, strerror(-err));
}

/* By name: the configuration may have them in another order meanwhile. One that it no longer has is forgotten. */
static void give_decisions(const struct bw_cluster_config *cluster, const struct bw_kept_groups *groups,
                           uint64_t decisions[BW_MAX_GROUPS])
{
    for (uint32_t i = 0; i < groups->count; i++)
        for (uint8_t g = 0; g < cluster->groups_count; g++)
            if (!strcmp(cluster->groups[g].name, groups->rows[i].name))
                decisions[g] = groups->rows[i].decision;
}

void bw_store_load(const struct bw_config *config, struct bw_history *history, struct bw_core_start *start)
{
    struct bw_store_place place = place_of(config);
    struct bw_kept_pnotes *pnotes = calloc(1, sizeof(*pnotes));
    struct bw_kept_facts *facts = calloc(1, sizeof(*facts));
    struct bw_kept_groups groups;
    struct bw_kept_file files[5];
    struct bw_kept_admin admin;

    start->admin = 0;
    start->admin_by[0] = '\0';
    start->admin_since_wall = 0;
    start->pnotes_count = 0;
    start->facts_number = 0;
    memset(start->decisions, 0, sizeof(start->decisions));
    place.dir = bw_disk_open(place.path);
    if (place.dir < 0 || !pnotes || !facts) {
        bw_log(BW_LOG_ERROR, "state_dir %s: %s; starting without history and kept admin state", place.path,
               pnotes && facts ? open_error(place.dir) : "out of memory");
        goto out;
    }
    bw_store_read_history(&place, history, true, &files[0]);
    bw_store_read_admin(&place, &admin, true, &files[1]);
    bw_store_read_pnotes(&place, pnotes, true, &files[2]);
    bw_store_read_groups(&place, &groups, true, &files[3]);
    bw_store_read_facts(&place, facts, true, &files[4]);
    give_decisions(&config->cluster, &groups, start->decisions);
    start->admin = admin.admin;
    bw_copy(start->admin_by, sizeof(start->admin_by), admin.by);
    start->admin_since_wall = admin.since_wall;
    for (uint32_t i = 0; i < pnotes->count; i++) {
        start->pnotes[i] = pnotes->rows[i];
        start->pnotes[i].member = place.member;
    }
    start->pnotes_count = (uint8_t)pnotes->count;
    start->facts_number = facts->number;
    mend(&place, history, &admin, pnotes, &groups, facts, files);
out:
    if (place.dir >= 0)
        close(place.dir);
    free(pnotes);
    free(facts);
}

void bw_store_load_others(const struct bw_config *config, const struct bw_facts_desk *desk)
{
    struct bw_store_place place = place_of(config);
    struct bw_kept_facts *facts = calloc(1, sizeof(*facts));
    struct bw_kept_file file;

    place.dir = bw_disk_open(place.path);
    if (place.dir >= 0 && facts) {
        bw_store_read_facts(&place, facts, false, &file);
        bw_published_write(desk->others, &facts->others);
    }
    if (place.dir >= 0)
        close(place.dir);
    free(facts);
}

/* The facts' number is kept once that of which it is the number is. */
static bool own_facts_are_kept(const struct bw_store *store)
{
    const struct bw_facts *own = &store->own.facts;
    bool same = own->admin == store->admin.admin && own->admin_since_wall == store->admin.since_wall &&
                own->pnotes_count == store->pnotes.count;

    for (uint32_t i = 0; same && i < own->pnotes_count; i++)
        same = !strcmp(own->pnotes[i].name, store->pnotes.rows[i].name) && own->pnotes[i].kind == store->pnotes.rows[i].kind &&
               own->pnotes[i].status == store->pnotes.rows[i].status && own->pnotes[i].timeout_ns == store->pnotes.rows[i].timeout_ns;
    return same;
}

/* What lies on the desk; with an unlucky moment only at the next look. */
static void collect_facts(struct bw_store *store)
{
    if (!store->desk || !store->collected)
        return;
    if (bw_published_read(store->desk->own, &store->own) && own_facts_are_kept(store))
        store->facts.number = store->own.facts.number;
    if (!bw_published_read(store->desk->others, &store->facts.others))
        store->facts.others = store->facts_kept.others;
}

/* Copies from the newest snapshot what is to be kept, and lets the snapshot go before the disk is touched. */
static void collect(struct bw_store *store)
{
    const struct bw_snapshot *s = bw_board_take(store->board, BW_READER_STORE);

    for (uint32_t i = 0; i < s->members_count && s->number; i++) {
        const struct bw_member_row *m = &s->members[i];

        if (!m->local)
            continue;
        store->admin.admin = m->forced ? BW_ADMIN_FORCE_DOWN : m->admin;
        store->admin.since_wall = m->admin_since_wall;
        bw_copy(store->admin.by, sizeof(store->admin.by), m->admin_by);
        store->collected = true;
        store->pnotes.count = 0;
        for (uint32_t k = 0; k < s->pnotes_count; k++) {
            if (s->pnotes[k].member == m->id && s->pnotes[k].persistent && store->pnotes.count < BW_MAX_PNOTES)
                store->pnotes.rows[store->pnotes.count++] = s->pnotes[k];
        }
    }
    if (s->number) {
        store->groups.count = 0;
        for (uint32_t i = 0; i < s->groups_count && i < BW_MAX_GROUPS; i++) {
            struct bw_kept_group *kept = &store->groups.rows[store->groups.count];

            if (!s->groups[i].decision)
                continue;
            bw_copy(kept->name, sizeof(kept->name), s->groups[i].name);
            kept->decision = s->groups[i].decision;
            store->groups.count++;
        }
    }
    bw_board_release(store->board, BW_READER_STORE);
    collect_facts(store);
}

static bool facts_changed(const struct bw_store *store)
{
    return store->collected && memcmp(&store->facts, &store->facts_kept, sizeof(store->facts)) != 0;
}

static bool groups_changed(const struct bw_store *store)
{
    const struct bw_kept_groups *now = &store->groups, *kept = &store->groups_kept;

    if (now->count != kept->count)
        return store->collected;
    for (uint32_t i = 0; i < now->count && store->collected; i++)
        if (strcmp(now->rows[i].name, kept->rows[i].name) || now->rows[i].decision != kept->rows[i].decision)
            return true;
    return false;
}

/* A member that nobody ever touched needs no file. */
static bool admin_changed(const struct bw_store *store)
{
    const struct bw_kept_admin *now = &store->admin, *kept = &store->admin_kept;

    if (!store->collected || (!kept->admin && now->admin <= BW_ADMIN_UP && !now->since_wall))
        return false;
    return now->admin != kept->admin || now->since_wall != kept->since_wall || strcmp(now->by, kept->by);
}

/* The detail goes along, but is not worth a write of its own: it may change with every report. */
static bool pnotes_changed(const struct bw_store *store)
{
    const struct bw_kept_pnotes *now = &store->pnotes, *kept = &store->pnotes_kept;

    if (now->count != kept->count)
        return store->collected;
    for (uint32_t i = 0; i < now->count && store->collected; i++) {
        const struct bw_pnote_row *a = &now->rows[i], *b = &kept->rows[i];

        if (strcmp(a->name, b->name) || a->kind != b->kind || a->status != b->status || a->timeout_ns != b->timeout_ns)
            return true;
    }
    return false;
}

static bool history_changed(const struct bw_store *store)
{
    uint64_t first, last;

    if (atomic_load(&store->abandoned))
        return false;
    bw_history_range(store->history, &first, &last);
    return last > store->history_file.last;
}

/* Opens the directory when it is not open or no longer the one at that path, and looks at what is in it: a file that
 * stands there damaged, or was made by someone else meanwhile, is not appended to. */
static int open_place(struct bw_store *store)
{
    struct bw_store_place *place = &store->place;
    uint64_t first, last;

    if (place->dir >= 0 && bw_disk_same(place->dir, place->path))
        return 0;
    if (place->dir >= 0)
        close(place->dir);
    place->dir = bw_disk_open(place->path);
    if (place->dir < 0)
        return place->dir;
    bw_store_read_history(place, NULL, false, &store->history_file);
    bw_store_read_admin(place, &store->admin_kept, false, &store->admin_file);
    bw_store_read_pnotes(place, &store->pnotes_kept, false, &store->pnotes_file);
    bw_store_read_groups(place, &store->groups_kept, false, &store->groups_file);
    bw_store_read_facts(place, &store->facts_kept, false, &store->facts_file);
    /* Events newer than all of ours were not there to be loaded: that file is kept beside. */
    bw_history_range(store->history, &first, &last);
    if (store->history_file.last > last)
        store->history_file = (struct bw_kept_file){.in_the_way = true};
    return 0;
}

static int flush_history(struct bw_store *store)
{
    struct bw_kept_file *file = &store->history_file;
    int err;

    if (!history_changed(store))
        return 0;
    if (file->sound && file->records < HISTORY_RECORDS) {
        err = bw_store_append_history(&store->place, store->history, file);
        if (err != -ESTALE)
            return err;
    }
    return bw_store_write_history(&store->place, store->history, file);
}

static int flush_admin(struct bw_store *store)
{
    int err;

    if (!admin_changed(store))
        return 0;
    err = bw_store_write_admin(&store->place, &store->admin, &store->admin_file);
    if (err == 0)
        store->admin_kept = store->admin;
    return err;
}

static int flush_groups(struct bw_store *store)
{
    int err;

    if (!groups_changed(store))
        return 0;
    err = bw_store_write_groups(&store->place, &store->groups, &store->groups_file);
    if (err == 0)
        store->groups_kept = store->groups;
    return err;
}

static int flush_pnotes(struct bw_store *store, uint64_t now, bool last)
{
    int err;

    if (!pnotes_changed(store) || (now < store->pnotes_next_ns && !last))
        return 0;
    err = bw_store_write_pnotes(&store->place, &store->pnotes, &store->pnotes_file);
    if (err == 0) {
        store->pnotes_kept = store->pnotes;
        store->pnotes_next_ns = now + PNOTES_PAUSE_NS;
    }
    return err;
}

static int flush_facts(struct bw_store *store)
{
    int err;

    if (!facts_changed(store) || admin_changed(store) || pnotes_changed(store))
        return 0;
    err = bw_store_write_facts(&store->place, &store->facts, &store->facts_file);
    if (err == 0)
        store->facts_kept = store->facts;
    return err;
}

/* For the other threads: what the last try came to. After a stop that did not wait for this thread the counters are
 * gone. */
static void tell_surfaces(struct bw_store *store, int err)
{
    if (atomic_load(&store->abandoned))
        return;
    atomic_store(&store->stats->store_error, (uint64_t)-err);
    atomic_store(&store->stats->store_writable, err == 0);
    atomic_store(&store->stats->store_since_ns, 0);
}

static void tell_failure(struct bw_store *store, const char *what, int err, uint64_t now)
{
    uint64_t suppressed;

    store->failing = true;
    store->retry_ns = now + RETRY_NS;
    tell_surfaces(store, err);
    if (bw_log_allowed(&store->failure_limit, now, &suppressed))
        bw_log(BW_LOG_ERROR, "state_dir %s: %s cannot be written: %s; tried again every second", store->place.path,
               what, open_error(err));
}

static bool changed(const struct bw_store *store)
{
    return admin_changed(store) || groups_changed(store) || pnotes_changed(store) || facts_changed(store) ||
           history_changed(store);
}

/* The admin state first: it is the smallest, and matters most. */
static void try_all(struct bw_store *store, uint64_t now, bool last)
{
    int err, admin_err, groups_err, pnotes_err, facts_err, history_err;

    err = open_place(store);
    if (err) {
        tell_failure(store, "it", err, now);
        return;
    }
    admin_err = flush_admin(store);
    groups_err = flush_groups(store);
    pnotes_err = flush_pnotes(store, now, last);
    facts_err = flush_facts(store);
    history_err = flush_history(store);
    if (admin_err || groups_err || pnotes_err || facts_err || history_err) {
        tell_failure(store,
                     admin_err    ? "admin"
                     : groups_err ? "groups"
                     : pnotes_err ? "pnotes"
                     : facts_err  ? "facts"
                                  : "history",
                     admin_err    ? admin_err
                     : groups_err ? groups_err
                     : pnotes_err ? pnotes_err
                     : facts_err  ? facts_err
                                  : history_err,
                     now);
        return;
    }
    /* All that there is now is written; there may be no room for what comes next. */
    err = bw_disk_room(store->place.dir);
    if (err) {
        tell_failure(store, "it", err, now);
        return;
    }
    store->retry_ns = 0;
    if (store->failing)
        bw_log(BW_LOG_NOTICE, "state_dir %s: everything is written again", store->place.path);
    store->failing = false;
    tell_surfaces(store, 0);
}

/* Writes what changed, or looks whether it could. last: at the end, whatever the pauses. */
static void flush(struct bw_store *store, bool last)
{
    uint64_t now = now_ns();

    if (now < store->retry_ns && !last)
        return;
    if (!store->failing && !changed(store) && (now < store->look_ns || last))
        return;
    store->look_ns = now + LOOK_NS;
    atomic_store(&store->stats->store_since_ns, now);
    try_all(store, now, last);
}

/* Until the next try, the end of the pnotes' pause, or the next look. */
static int wait_ms(const struct bw_store *store)
{
    uint64_t now = now_ns(), until = store->look_ns;

    if (store->failing)
        until = store->retry_ns;
    else if (pnotes_changed(store) && store->pnotes_next_ns < until)
        until = store->pnotes_next_ns;
    return until <= now ? 1 : (int)((until - now) / BW_MS) + 1;
}

static void *run(void *argument)
{
    struct bw_store *store = argument;
    struct pollfd fds[2] = {{.fd = store->stop_fd, .events = POLLIN}, {.fd = store->wake_fd, .events = POLLIN}};
    uint64_t count;

    bw_surface_enter(BW_READER_STORE);
    pthread_setname_np(pthread_self(), "bw-store");
    for (bool stop = false; !stop;) {
        if (poll(fds, 2, wait_ms(store)) < 0 && errno != EINTR)
            break;
        stop = fds[0].revents != 0;
        while (read(store->wake_fd, &count, sizeof(count)) > 0)
            continue;
        if (atomic_load(&store->abandoned))
            break;
        collect(store);
        flush(store, stop);
    }
    return NULL;
}

static void release(struct bw_store *store)
{
    if (store->place.dir >= 0)
        close(store->place.dir);
    if (store->stop_fd >= 0)
        close(store->stop_fd);
    free(store);
}

int bw_store_start(const struct bw_surface_context *context, struct bw_store **result)
{
    struct bw_store *store = calloc(1, sizeof(*store));
    pthread_attr_t attributes;
    int err;

    *result = NULL;
    if (!store)
        return -ENOMEM;
    store->board = context->board;
    store->history = context->history;
    store->desk = context->rows.facts;
    store->stats = context->stats;
    store->place = place_of(context->config);
    store->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    store->wake_fd = bw_board_wakeup_fd(context->board, BW_READER_STORE);
    if (store->stop_fd < 0 || store->wake_fd < 0) {
        err = store->stop_fd < 0 ? -errno : store->wake_fd;
        goto failed;
    }
    err = open_place(store);
    if (err)
        tell_failure(store, "it", err, now_ns());
    else
        tell_surfaces(store, 0);
    store->admin = store->admin_kept;
    store->pnotes = store->pnotes_kept;
    store->groups = store->groups_kept;
    store->facts = store->facts_kept;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 256 * 1024);
    err = -pthread_create(&store->thread, &attributes, run, store);
    pthread_attr_destroy(&attributes);
    if (err == 0) {
        *result = store;
        return 0;
    }
failed:
    tell_surfaces(store, err);
    bw_log(BW_LOG_ERROR, "the store cannot start: %s", strerror(-err));
    release(store);
    return err;
}

void bw_store_stop(struct bw_store *store)
{
    struct timespec until;
    uint64_t one = 1;

    if (!store)
        return;
    if (write(store->stop_fd, &one, sizeof(one)) < 0)
        bw_log(BW_LOG_ERROR, "the store cannot be told to stop: %s", strerror(errno));
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += STOP_WAIT_S;
    if (pthread_timedjoin_np(store->thread, NULL, &until) == 0) {
        release(store);
        return;
    }
    /* The disk hangs. What the thread uses is left to it, since nobody can say when it comes back. */
    atomic_store(&store->abandoned, true);
    pthread_detach(store->thread);
    bw_log(BW_LOG_ERROR, "state_dir %s: the disk does not answer; what changed last is not written", store->place.path);
}
