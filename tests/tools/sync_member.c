/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A member that synchronises a table in memory, with the real thread and sockets but no engine: it is told on its command line who is there.
 *
 *   sync_member DEVICE ID BOOT KEYS [option=value ...] PEER:BOOT ...
 *   options: queue= receiving= rows= (rows at the start) padding= (bytes a value) mtu= key= (auth, a number) fresh
 *
 * Commands on its standard input, each answered by one line: `set N` changes N keys as fast as it can, `rate R S` R changes a second for S
 * seconds, `peer ID BOOT` another incarnation (BOOT 0: gone), `holds 0|1`, `device up|down`, `show`, `quit`.
 */
#include <inttypes.h>
#include <net/if.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "agent/linux/linux.h"
#include "bellwether/config.h"
#include "bellwether/log.h"
#include "bellwether/stats.h"
#include "bellwether/sync_view.h"
#include "bellwether/text.h"
#include "tests/unit/sync_map.h"

#define TURN_NS BW_MS

/* What the main thread wants of the provider, and what it is told. */
static _Atomic uint64_t wanted, rate, until_ns, made, waited;
static _Atomic uint32_t fill;
static struct map map;
static pthread_mutex_t map_lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t next_value = 1, next_ns, per_turn_left;

static int open_map(const struct bw_config *config, const struct bw_sync_sink *sink, void **self)
{
    uint32_t rows = atomic_load(&fill);

    (void)config;
    pthread_mutex_lock(&map_lock);
    for (uint32_t key = 0; key < rows; key++)
        map_set(&map, key, next_value++);
    pthread_mutex_unlock(&map_lock);
    map.sink = *sink;
    *self = &map;
    return 0;
}

static void close_map(void *self)
{
    (void)self;
}

static uint64_t deadline(void *self)
{
    (void)self;
    return next_ns;
}

static void change(struct map *m, uint64_t *left)
{
    uint64_t next = next_value;

    while (*left > 0 && map_set(m, (uint32_t)(next % m->keys), next)) {
        next++;
        --*left;
        atomic_fetch_add(&made, 1);
    }
    next_value = next;
}

static void turn(void *self, uint64_t now_ns)
{
    uint64_t left = atomic_load(&wanted), end_ns = atomic_load(&until_ns);
    static uint64_t last_ns, owed;

    pthread_mutex_lock(&map_lock);
    if (end_ns > now_ns) {
        owed += (now_ns - (last_ns != 0 ? last_ns : now_ns)) / 1000 * atomic_load(&rate);
        per_turn_left = owed / 1000000;
        owed %= 1000000;
        change(self, &per_turn_left);
        owed += per_turn_left * 1000000; /* what was refused is still owed */
        last_ns = now_ns;
    } else {
        last_ns = owed = 0;
    }
    if (left > 0) {
        uint64_t part = left < 2000 ? left : 2000, before = part;

        change(self, &part);
        atomic_fetch_sub(&wanted, before - part);
        atomic_fetch_add(&waited, part > 0);
    }
    pthread_mutex_unlock(&map_lock);
    next_ns = left > 2000 ? now_ns : now_ns + TURN_NS / (end_ns > now_ns ? 4 : 1);
}

static int locked_apply(void *self, uint8_t owner, const struct bw_sync_record *record, uint64_t now_ns)
{
    int rc;

    pthread_mutex_lock(&map_lock);
    rc = map_apply(self, owner, record, now_ns);
    pthread_mutex_unlock(&map_lock);
    return rc;
}

static void locked_repair_begin(void *self, uint8_t owner, const uint64_t ranges[BW_SYNC_WORDS])
{
    pthread_mutex_lock(&map_lock);
    map_repair_begin(self, owner, ranges);
    pthread_mutex_unlock(&map_lock);
}

static void locked_repair_end(void *self, uint8_t owner, const uint64_t ranges[BW_SYNC_WORDS])
{
    pthread_mutex_lock(&map_lock);
    map_repair_end(self, owner, ranges);
    pthread_mutex_unlock(&map_lock);
}

static void locked_digests(void *self, uint8_t owner, struct bw_sync_digest digests[BW_SYNC_RANGES])
{
    pthread_mutex_lock(&map_lock); /* it may make the table */
    map_digests(self, owner, digests);
    pthread_mutex_unlock(&map_lock);
}

static struct bw_sync_view view;
static struct bw_config config;
static char device[BW_NAME_MAX];

static struct bw_boot_id boot_id(uint64_t boot)
{
    struct bw_boot_id id = {{0}};

    memcpy(id.bytes, &boot, sizeof(boot));
    return id;
}

static void set_peer(uint8_t id, uint64_t boot)
{
    for (unsigned i = 0; i < view.members_count; i++)
        if (view.members[i].id == id) {
            view.members[i].in_view = boot != 0;
            if (boot != 0)
                view.members[i].boot = boot_id(boot);
        }
}

static void add_peer(const char *text)
{
    unsigned id = 0;
    unsigned long boot = 0;

    if (sscanf(text, "%u:%lu", &id, &boot) != 2)
        return;
    config.cluster.members[config.cluster.members_count++].id = (uint8_t)id;
    view.members[view.members_count++].id = (uint8_t)id;
    set_peer((uint8_t)id, boot);
}

static void option(const char *text)
{
    struct bw_sync_config *s = &config.cluster.sync;
    unsigned long value = strchr(text, '=') != NULL ? strtoul(strchr(text, '=') + 1, NULL, 0) : 0;

    if (strncmp(text, "queue=", 6) == 0)
        s->sending_queue = (uint32_t)value;
    else if (strncmp(text, "receiving=", 10) == 0)
        s->receiving_queue = (uint32_t)value;
    else if (strncmp(text, "rows=", 5) == 0)
        atomic_store(&fill, (uint32_t)value);
    else if (strncmp(text, "padding=", 8) == 0)
        map.padding = (unsigned)value;
    else if (strncmp(text, "mtu=", 4) == 0)
        view.links[0].mtu = (uint32_t)value;
    else if (strncmp(text, "key=", 4) == 0) {
        view.keys_count = 1;
        view.keys[0][0] = (uint8_t)value;
        config.cluster.auth_none = false;
    } else if (strchr(text, ':') != NULL)
        add_peer(text);
}

static void show(struct bw_published *published)
{
    static struct bw_sync_rows rows;
    const struct bw_sync_row *r = &rows.sync;
    uint64_t sum = 0;

    while (!bw_published_read(published, &rows))
        usleep(1000);
    pthread_mutex_lock(&map_lock);
    printf("{\"tables\": {");
    for (unsigned i = 0, n = 0; i < BW_MAX_MEMBERS; i++) {
        uint32_t records = 0;

        if (map.tables[i].owner == 0)
            continue;
        sum = 0;
        for (unsigned k = 0; k < BW_SYNC_RANGES; k++) {
            sum += map.tables[i].digests[k].sum;
            records += map.tables[i].digests[k].records;
        }
        printf("%s\"%u\": [%" PRIu32 ", \"%" PRIx64 "\"]", n++ > 0 ? ", " : "", map.tables[i].owner, records, sum);
    }
    pthread_mutex_unlock(&map_lock);
    printf("}, \"state\": %u, \"detail\": \"%s\", \"generated\": %" PRIu64 ", \"sent\": %" PRIu64 ", \"retransmitted\": %" PRIu64
           ", \"received\": %" PRIu64 ", \"requests_sent\": %" PRIu64 ", \"requests_illegal\": %" PRIu64 ", \"too_old\": %" PRIu64
           ", \"missing_unsynced\": %" PRIu64 ", \"full_syncs\": %" PRIu64 ", \"full_sync_ms\": %.1f, \"lag_median_us\": %" PRIu64
           ", \"lag_p99_us\": %" PRIu64 ", \"bytes_sent\": %" PRIu64 ", \"acks_sent\": %" PRIu64 ", \"queue\": %u, \"queue_max\": %u, "
           "\"made\": %" PRIu64 ", \"wanted\": %" PRIu64 ", \"waited\": %" PRIu64 ", \"interface\": \"%s\"}\n",
           r->state, r->detail, r->generated, r->sent, r->retransmitted, r->received, r->requests_sent, r->requests_illegal, r->too_old,
           r->missing_unsynced, r->full_syncs, (double)r->full_sync_last_ns / 1e6, r->lag_median_ns / 1000, r->lag_p99_ns / 1000,
           r->bytes_sent, r->acks_sent, r->queue_length, r->queue_max, atomic_load(&made), atomic_load(&wanted), atomic_load(&waited),
           rows.peers_count > 0 ? rows.peers[0].interface : "");
}

static void follow_device(bool up)
{
    view.links[0].ifindex = up ? (int)if_nametoindex(device) : 0;
    view.links[0].usable = up && view.links[0].ifindex != 0;
}

static void serve(struct bw_sync_view_box *box, struct bw_published *rows)
{
    char line[200];

    while (fgets(line, sizeof(line), stdin) != NULL) {
        unsigned long a = 0, b = 0;

        if (strncmp(line, "quit", 4) == 0)
            return;
        if (sscanf(line, "set %lu", &a) == 1)
            atomic_fetch_add(&wanted, a);
        else if (sscanf(line, "rate %lu %lu", &a, &b) == 2) {
            atomic_store(&rate, a);
            atomic_store(&until_ns, bw_now_ns() + b * BW_SEC);
        } else if (sscanf(line, "peer %lu %lu", &a, &b) == 2)
            set_peer((uint8_t)a, b);
        else if (sscanf(line, "holds %lu", &a) == 1)
            view.holds = a != 0;
        else if (strncmp(line, "device", 6) == 0)
            follow_device(strstr(line, "up") != NULL);
        bw_sync_view_tell(box, &view);
        if (strncmp(line, "show", 4) == 0)
            show(rows);
        else
            printf("{}\n");
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    struct bw_sync_provider provider = map_provider;
    const struct bw_sync_provider *providers[] = {&provider, NULL};
    struct bw_published *rows = bw_published_new(sizeof(struct bw_sync_rows));
    struct bw_sync_view_box *box = bw_sync_view_new();
    static struct bw_stats stats;
    struct bw_surface_context context = {.config = &config, .stats = &stats, .rows = {.sync = rows, .sync_view = box}};
    struct bw_sync_setup setup = {.context = &context, .providers = providers};
    struct bw_sync *sync = NULL;

    if (argc < 5)
        return 2;
    bw_copy(device, sizeof(device), argv[1]);
    config.cluster = (struct bw_cluster_config){
        .id = 17, .auth_none = true, .members_count = 1, .interfaces_count = 1, .interval_ns = 100 * BW_MS, .dead_after = 3,
        .members = {{.id = (uint8_t)atoi(argv[2])}}, .interfaces = {{.role = BW_ROLE_SYNC, .transport = BW_TRANSPORT_MULTICAST}},
        .sync = {true, true, 32768, 16384, 64, 20 * BW_MS, 80, 16 << 20, 60 * BW_SEC}};
    bw_copy(config.cluster.interfaces[0].name, BW_NAME_MAX, device);
    bw_copy(config.cluster.multicast4, sizeof(config.cluster.multicast4), "224.0.0.254");
    setup.boot = boot_id(strtoul(argv[3], NULL, 0));
    map.local = config.cluster.members[0].id;
    map.keys = (uint32_t)atoi(argv[4]);
    view.links[0].mtu = 1500;
    follow_device(true);
    for (int i = 5; i < argc; i++)
        option(argv[i]);
    provider.open = open_map;
    provider.close = close_map;
    provider.deadline = deadline;
    provider.turn = turn;
    provider.apply = locked_apply;
    provider.repair_begin = locked_repair_begin;
    provider.repair_end = locked_repair_end;
    provider.digests = locked_digests;
    (void)map_of(&map, map.local);
    bw_sync_view_tell(box, &view);
    if (bw_sync_start(&setup, &sync) != 0 || sync == NULL)
        return 1;
    serve(box, rows);
    bw_sync_stop(sync);
    map_free(&map);
    bw_published_free(rows);
    bw_sync_view_free(box);
    return 0;
}
