/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stream of state synchronisation in virtual time: 2-5 members over a network that loses, delays, duplicates, reorders and cuts, with
 * members that crash, come back and stop for a while. The invariants are those of stream.h:
 *   1. a copy that is called whole at number n is the sender's table at number n;
 *   2. what a member counts as acknowledged by all in its view, they have applied;
 *   3. once the faults are over, all copies are whole and equal within a bound.
 * Each deliberate bug must break one of them. SEEDS and FIRST in the environment choose the runs; a failing seed replays exactly.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "agent/sync/stream_private.h"
#include "tests/unit/sync_map.h"

#define NODES     5
#define KEYS_MOST 4000
#ifdef __SANITIZE_ADDRESS__
#define RUNS 150
#else
#define RUNS 1500
#endif
#define SETTLE_NS (120 * BW_SEC) /* the slowest: 30 % lost, 140 ms there and back, the least queues, 4,000 rows */

struct change {
    uint64_t number;
    uint32_t key;
    uint64_t value;
};

/* A member. Its journal is what its table went through since its process began. */
struct node {
    bool alive;
    uint8_t id;
    uint64_t boot;
    struct bw_stream *stream;
    struct map map;
    uint64_t wake_ns, act_ns, paused_until_ns, restart_ns;
    uint64_t *first; /* its table when the process began */
    struct change *journal;
    size_t journal_count, journal_room;
    /* What it knows of the others. */
    struct {
        bool in_view;
        uint64_t boot, learn_ns; /* learns the truth then, 0 = knows it */
    } knows[NODES];
};

/* Where member i's shadow of member j stands: j's table as it was at that number. */
struct shadow {
    uint64_t boot, number;
    size_t at;
    uint64_t *values;
};

struct packet {
    uint64_t at_ns, order, boot;
    uint8_t from, to;
    uint16_t length;
    uint8_t *bytes;
};

struct run {
    uint64_t seed, random, now_ns, order;
    unsigned count;
    uint32_t keys;
    uint32_t bug;
    /* The network. */
    unsigned loss_percent, duplicate_percent;
    uint64_t delay_least_ns, delay_spread_ns;
    bool cut[NODES][NODES];
    uint64_t dark_until_ns; /* the sync network carries nothing, while views stay */
    bool faults, changes;
    uint64_t act_every_ns, fault_ns;
    unsigned burst;
    uint32_t sending_queue, receiving_queue, fail_every;
    struct node nodes[NODES];
    struct shadow shadows[NODES][NODES];
    struct packet *heap;
    size_t heap_count, heap_room;
    char failure[200];
    uint64_t updates, packets;
};

static uint64_t dice(struct run *r)
{
    return bw_sync_mix(r->random += UINT64_C(0x9e3779b97f4a7c15));
}

static uint64_t up_to(struct run *r, uint64_t most)
{
    return most > 0 ? dice(r) % most : 0;
}

static void fail_run(struct run *r, const char *what, unsigned a, unsigned b)
{
    if (r->failure[0] == '\0')
        snprintf(r->failure, sizeof(r->failure), "seed %lu at %.3f s: %s (members %u, %u)", (unsigned long)r->seed,
                 (double)r->now_ns / 1e9, what, a + 1, b + 1);
}

/* ---- the network ---- */

static bool before(const struct packet *a, const struct packet *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void push(struct run *r, struct packet packet)
{
    size_t i = r->heap_count++;

    if (r->heap_count > r->heap_room) {
        r->heap_room = 2 * r->heap_count;
        r->heap = realloc(r->heap, r->heap_room * sizeof(r->heap[0]));
    }
    packet.order = r->order++;
    while (i > 0 && before(&packet, &r->heap[(i - 1) / 2])) {
        r->heap[i] = r->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    r->heap[i] = packet;
}

static struct packet pop(struct run *r)
{
    struct packet top = r->heap[0], last = r->heap[--r->heap_count];
    size_t i = 0;

    while (2 * i + 1 < r->heap_count) {
        size_t child = 2 * i + 1;

        if (child + 1 < r->heap_count && before(&r->heap[child + 1], &r->heap[child]))
            child++;
        if (!before(&r->heap[child], &last))
            break;
        r->heap[i] = r->heap[child];
        i = child;
    }
    r->heap[i] = last;
    return top;
}

struct wire {
    struct run *run;
    unsigned node;
};
static struct wire wires[NODES];

static int send_all(void *context, const uint8_t *body, size_t length)
{
    struct wire *w = context;
    struct run *r = w->run;

    r->packets++;
    for (unsigned to = 0; to < r->count; to++) {
        unsigned copies = up_to(r, 100) < r->duplicate_percent ? 2 : 1;

        if (to == w->node || !r->nodes[to].alive || r->cut[w->node][to] || r->now_ns < r->dark_until_ns)
            continue;
        for (; copies > 0; copies--) {
            struct packet p = {.from = (uint8_t)w->node, .to = (uint8_t)to, .length = (uint16_t)length,
                               .boot = r->nodes[w->node].boot};

            if (up_to(r, 100) < r->loss_percent)
                continue;
            p.at_ns = r->now_ns + r->delay_least_ns + up_to(r, r->delay_spread_ns);
            p.bytes = malloc(length);
            memcpy(p.bytes, body, length);
            push(r, p);
        }
    }
    return 0;
}

/* ---- members ---- */

static struct bw_boot_id boot_id(uint64_t boot)
{
    struct bw_boot_id id = {{0}};

    memcpy(id.bytes, &boot, sizeof(boot));
    id.bytes[15] = 1;
    return id;
}

static void start_node(struct run *r, unsigned i, bool table_kept)
{
    struct node *n = &r->nodes[i];
    struct bw_stream_setup setup = {
        .local = n->id, .members_count = (uint8_t)(r->count - 1), .sending_queue = r->sending_queue,
        .receiving_queue = r->receiving_queue, .ack_count = 64, .ack_ns = 20 * BW_MS, .overload_percent = 80,
        .deadline_ns = 10 * BW_SEC, .check_ns = 2 * BW_SEC, .now_ns = r->now_ns, .wire = &wires[i], .send = send_all, .bug = r->bug};
    struct map_table *own;

    n->boot = dice(r) | 1;
    setup.boot = boot_id(n->boot);
    setup.seed = dice(r);
    for (unsigned k = 0, m = 0; k < r->count; k++)
        if (k != i)
            setup.members[m++] = r->nodes[k].id;
    if (!table_kept)
        map_free(&n->map);
    n->map.local = n->id;
    n->map.keys = r->keys;
    n->map.fail_every = r->fail_every;
    assert_int_equal(bw_stream_new(&setup, &n->stream), 0);
    n->map.sink = bw_stream_sink(n->stream);
    assert_int_equal(bw_stream_attach(n->stream, &map_provider, &n->map), 0);
    bw_stream_path(n->stream, 620 + (uint32_t)up_to(r, 900), "sync", 20 + (uint32_t)up_to(r, 500));
    own = map_of(&n->map, n->id);
    memcpy(n->first, own->values, r->keys * sizeof(n->first[0]));
    n->journal_count = 0;
    n->alive = true;
    n->wake_ns = r->now_ns;
    n->paused_until_ns = 0;
    for (unsigned k = 0; k < r->count; k++) {
        n->knows[k].in_view = false;
        n->knows[k].learn_ns = r->now_ns + 1 + up_to(r, 200 * BW_MS);
        r->nodes[k].knows[i].learn_ns = r->now_ns + 1 + up_to(r, 400 * BW_MS);
    }
}

static void stop_node(struct run *r, unsigned i)
{
    struct node *n = &r->nodes[i];

    bw_stream_free(n->stream);
    n->stream = NULL;
    n->alive = false;
    for (unsigned k = 0; k < r->count; k++)
        r->nodes[k].knows[i].learn_ns = r->now_ns + 1 + up_to(r, 400 * BW_MS);
}

static void learn(struct run *r, unsigned i, unsigned k)
{
    struct node *n = &r->nodes[i], *other = &r->nodes[k];
    struct bw_stream_facts facts = {.in_view = other->alive && !r->cut[i][k], .needed = true};

    n->knows[k].learn_ns = 0;
    if (other->alive)
        n->knows[k].boot = other->boot;
    n->knows[k].in_view = facts.in_view;
    facts.boot = boot_id(n->knows[k].boot);
    bw_stream_peer(n->stream, other->id, &facts);
}

static void act(struct run *r, struct node *n)
{
    for (unsigned i = 0; i < r->burst; i++) {
        uint32_t key = (uint32_t)up_to(r, r->keys);
        uint64_t value = up_to(r, 4) == 0 ? 0 : dice(r) | 1;

        if (!bw_stream_has_room(n->stream) || !map_set(&n->map, key, value))
            return;
        if (n->journal_count == n->journal_room) {
            n->journal_room = 2 * n->journal_room + 1024;
            n->journal = realloc(n->journal, n->journal_room * sizeof(n->journal[0]));
        }
        n->journal[n->journal_count++] = (struct change){n->map.sink.newest(n->map.sink.context), key, value};
        r->updates++;
    }
}

/* ---- invariants ---- */

static void move_shadow(struct run *r, struct shadow *shadow, const struct node *owner, uint64_t number)
{
    if (shadow->boot != owner->boot) {
        if (shadow->values == NULL)
            shadow->values = calloc(KEYS_MOST, sizeof(shadow->values[0]));
        memcpy(shadow->values, owner->first, r->keys * sizeof(shadow->values[0]));
        shadow->boot = owner->boot;
        shadow->at = 0;
    }
    while (shadow->at < owner->journal_count && owner->journal[shadow->at].number <= number) {
        shadow->values[owner->journal[shadow->at].key] = owner->journal[shadow->at].value;
        shadow->at++;
    }
    shadow->number = number;
}

static void check_copy(struct run *r, unsigned i, unsigned k)
{
    struct node *n = &r->nodes[i], *owner = &r->nodes[k];
    struct bw_stream_peer_state *p = bw_stream_find(n->stream, owner->id);
    struct shadow *shadow = &r->shadows[i][k];

    if (!owner->alive || n->knows[k].boot != owner->boot || !bw_copy_whole(&p->copy))
        return;
    if (shadow->boot == owner->boot && p->copy.next - 1 < shadow->number)
        shadow->boot = 0; /* went back: began anew */
    move_shadow(r, shadow, owner, p->copy.next - 1);
    if (memcmp(shadow->values, map_of(&n->map, owner->id)->values, r->keys * sizeof(shadow->values[0])) != 0)
        fail_run(r, "a copy that is called whole differs", i, k);
}

static void check_acknowledged(struct run *r, unsigned i)
{
    struct node *n = &r->nodes[i];
    uint64_t number = bw_stream_acknowledged(n->stream);

    for (unsigned k = 0; k < r->count && number != UINT64_MAX; k++) {
        struct node *other = &r->nodes[k];
        struct bw_stream_peer_state *p;

        if (k == i || !other->alive || !n->knows[k].in_view || n->knows[k].boot != other->boot ||
            other->knows[i].boot != n->boot)
            continue;
        p = bw_stream_find(other->stream, n->id);
        if (bw_copy_placed(&p->copy) && p->copy.next - 1 < number)
            fail_run(r, "acknowledged, but not applied", i, k);
    }
}

static void turn(struct run *r, unsigned i)
{
    struct node *n = &r->nodes[i];

    for (unsigned k = 0; k < r->count; k++)
        if (k != i && n->knows[k].learn_ns != 0 && r->now_ns >= n->knows[k].learn_ns)
            learn(r, i, k);
    if (r->changes && r->now_ns >= n->act_ns) {
        act(r, n);
        n->act_ns = r->now_ns + 1 + up_to(r, 2 * r->act_every_ns);
    }
    n->wake_ns = bw_stream_end(n->stream);
    if (n->wake_ns <= r->now_ns)
        n->wake_ns = r->now_ns + 10000;
    for (unsigned k = 0; k < r->count; k++)
        if (k != i)
            check_copy(r, i, k);
    check_acknowledged(r, i);
}

/* ---- faults ---- */

/* Other lengths of queues, as by a reload. */
static void tune(struct run *r, struct node *n)
{
    const struct bw_stream_tuning tuning = {.sending_queue = 512 << up_to(r, 4), .receiving_queue = 256 << up_to(r, 5),
                                            .ack_count = 1 + (uint32_t)up_to(r, 100), .ack_ns = (1 + up_to(r, 50)) * BW_MS,
                                            .overload_percent = 80, .deadline_ns = 10 * BW_SEC};
    int error = bw_stream_tune(n->stream, &tuning);

    if (error != 0 && error != -ENOSPC)
        fail_run(r, "other lengths of queues are refused", (unsigned)(n - r->nodes), (unsigned)(n - r->nodes));
}

static void fault(struct run *r)
{
    unsigned i = (unsigned)up_to(r, r->count), k = (unsigned)up_to(r, r->count);
    struct node *n = &r->nodes[i];

    switch (up_to(r, 7)) {
    case 0: /* a crash, or a restart at once */
        if (!n->alive)
            break;
        stop_node(r, i);
        n->restart_ns = r->now_ns + up_to(r, 1500 * BW_MS);
        break;
    case 1: /* stopped for a while */
        if (n->alive)
            n->paused_until_ns = r->now_ns + up_to(r, 2 * BW_SEC);
        break;
    case 2: /* cut apart, or together again */
        if (i == k)
            break;
        r->cut[i][k] = r->cut[k][i] = !r->cut[i][k];
        n->knows[k].learn_ns = r->now_ns + 1 + up_to(r, 400 * BW_MS);
        r->nodes[k].knows[i].learn_ns = r->now_ns + 1 + up_to(r, 400 * BW_MS);
        break;
    case 3: /* the sync network alone is dark for a while */
        r->dark_until_ns = r->now_ns + up_to(r, 2 * BW_SEC);
        break;
    case 4:
        r->loss_percent = (unsigned)up_to(r, 31);
        break;
    case 5:
        if (n->alive)
            tune(r, n);
        break;
    default:
        r->delay_spread_ns = up_to(r, 20 * BW_MS);
        break;
    }
    r->fault_ns = r->now_ns + up_to(r, 1200 * BW_MS);
}

static void end_faults(struct run *r)
{
    r->faults = false;
    r->dark_until_ns = 0;
    r->fail_every = 0;
    for (unsigned i = 0; i < r->count; i++) {
        r->nodes[i].paused_until_ns = 0;
        r->nodes[i].map.fail_every = 0;
        if (!r->nodes[i].alive)
            start_node(r, i, up_to(r, 2) == 0);
        for (unsigned k = 0; k < r->count; k++) {
            r->cut[i][k] = false;
            r->nodes[i].knows[k].learn_ns = r->now_ns + 1 + up_to(r, 400 * BW_MS);
        }
    }
}

/* ---- a run ---- */

static void settle_parameters(struct run *r)
{
    static const uint32_t queues[] = {512, 1024, 4096};
    static const uint64_t every_ns[] = {2 * BW_MS, 10 * BW_MS, 30 * BW_MS, 150 * BW_MS};

    r->count = 2 + (unsigned)(up_to(r, 3) == 0 ? up_to(r, NODES - 1) : 0);
    r->keys = up_to(r, 40) == 0 ? KEYS_MOST : 50 + (uint32_t)up_to(r, 400);
    r->loss_percent = up_to(r, 3) == 0 ? (unsigned)up_to(r, 31) : (unsigned)up_to(r, 4);
    r->duplicate_percent = (unsigned)up_to(r, 5);
    r->delay_least_ns = 20000 + up_to(r, 8) * up_to(r, 10 * BW_MS);
    r->delay_spread_ns = up_to(r, 2) == 0 ? 0 : up_to(r, 3 * BW_MS);
    r->sending_queue = queues[up_to(r, 3)];
    r->receiving_queue = 256 << up_to(r, 4);
    r->act_every_ns = every_ns[up_to(r, 4)];
    r->burst = 1 + (unsigned)up_to(r, 5) * (unsigned)up_to(r, 3) * (up_to(r, 100) == 0 ? 20 : 1);
    r->fail_every = up_to(r, 5) == 0 ? 20 + (uint32_t)up_to(r, 200) : 0;
    r->faults = r->changes = true;
    r->fault_ns = up_to(r, BW_SEC);
}

static uint64_t next_time(const struct run *r, uint64_t end_ns)
{
    uint64_t at = end_ns;

    if (r->heap_count > 0 && r->heap[0].at_ns < at)
        at = r->heap[0].at_ns;
    if (r->faults && r->fault_ns < at)
        at = r->fault_ns;
    for (unsigned i = 0; i < r->count; i++) {
        const struct node *n = &r->nodes[i];
        uint64_t wake = n->wake_ns;

        if (!n->alive) {
            at = r->faults && n->restart_ns < at ? n->restart_ns : at;
            continue;
        }
        if (r->changes && n->act_ns < wake)
            wake = n->act_ns;
        for (unsigned k = 0; k < r->count; k++)
            if (k != i && n->knows[k].learn_ns != 0 && n->knows[k].learn_ns < wake)
                wake = n->knows[k].learn_ns;
        if (wake < n->paused_until_ns)
            wake = n->paused_until_ns;
        if (wake < at)
            at = wake;
    }
    return at > r->now_ns ? at : r->now_ns;
}

static void deliver(struct run *r, struct packet p)
{
    struct node *n = &r->nodes[p.to];

    if (n->alive && r->now_ns < n->paused_until_ns) {
        p.at_ns = n->paused_until_ns; /* waits in its socket, unless that is full */
        if (up_to(r, 4) != 0) {
            push(r, p);
            return;
        }
    } else if (n->alive && n->knows[p.from].boot == p.boot) {
        bw_stream_begin(n->stream, r->now_ns);
        (void)bw_stream_input(n->stream, r->nodes[p.from].id, p.bytes, p.length);
        n->wake_ns = r->now_ns;
    }
    free(p.bytes);
}

static bool has_to_do(const struct run *r, unsigned i)
{
    const struct node *n = &r->nodes[i];
    bool any = n->wake_ns <= r->now_ns || (r->changes && n->act_ns <= r->now_ns);

    for (unsigned k = 0; k < r->count; k++)
        any = any || (k != i && n->knows[k].learn_ns != 0 && n->knows[k].learn_ns <= r->now_ns);
    return any;
}

static void run_until(struct run *r, uint64_t end_ns)
{
    while (r->now_ns < end_ns && r->failure[0] == '\0') {
        r->now_ns = next_time(r, end_ns);
        if (r->faults && r->now_ns >= r->fault_ns)
            fault(r);
        while (r->heap_count > 0 && r->heap[0].at_ns <= r->now_ns)
            deliver(r, pop(r));
        for (unsigned i = 0; i < r->count; i++) {
            struct node *n = &r->nodes[i];

            if (!n->alive && r->faults && r->now_ns >= n->restart_ns)
                start_node(r, i, up_to(r, 2) == 0);
            if (!n->alive || r->now_ns < n->paused_until_ns || !has_to_do(r, i))
                continue;
            bw_stream_begin(n->stream, r->now_ns);
            turn(r, i);
        }
    }
}

static bool settled(struct run *r)
{
    for (unsigned i = 0; i < r->count; i++) {
        struct bw_sync_rows rows;

        bw_stream_rows(r->nodes[i].stream, &rows);
        if (rows.sync.state != BW_SYNC_OK || rows.sync.queue_length != 0)
            return false;
    }
    return true;
}

/* For whoever replays a seed. */
static void tell_states(const struct run *r)
{
    for (unsigned i = 0; i < r->count && getenv("FIRST") != NULL; i++) {
        const struct bw_stream *s = r->nodes[i].stream;

        printf("# member %u: log %lu..%lu unsent %lu window %u rtt %lu us session %d body %u\n", s->setup.local,
               (unsigned long)s->log.oldest, (unsigned long)s->log.next - 1, (unsigned long)s->log.unsent, s->window,
               (unsigned long)s->rtt_ns / 1000, s->session.active, s->body_max);
        for (unsigned k = 0; k < s->peers_count; k++) {
            const struct bw_stream_peer_state *p = &s->peers[k];

            printf("#   peer %u: view %d active %d whole %d acked %lu window %lu credit %u start %d | copy %d next %lu top %lu held %u "
                   "repairs %u\n", p->id, p->in_view, p->active, p->whole, (unsigned long)p->acked, (unsigned long)p->window, p->credit,
                   p->start_due, p->copy.state, (unsigned long)p->copy.next, (unsigned long)p->copy.top, p->copy.held_count,
                   p->copy.repairs);
        }
    }
}

static void compare_all(struct run *r)
{
    for (unsigned i = 0; i < r->count; i++)
        for (unsigned k = 0; k < r->count; k++)
            if (memcmp(map_of(&r->nodes[i].map, r->nodes[k].id)->values, map_of(&r->nodes[k].map, r->nodes[k].id)->values,
                       r->keys * sizeof(uint64_t)) != 0)
                fail_run(r, "all is settled, but tables differ", i, k);
}

static void end_run(struct run *r)
{
    while (r->heap_count > 0)
        free(pop(r).bytes);
    free(r->heap);
    for (unsigned i = 0; i < r->count; i++) {
        bw_stream_free(r->nodes[i].stream);
        map_free(&r->nodes[i].map);
        free(r->nodes[i].first);
        free(r->nodes[i].journal);
        for (unsigned k = 0; k < r->count; k++)
            free(r->shadows[i][k].values);
    }
}

static bool play(struct run *r, uint64_t seed, uint32_t bug)
{
    uint64_t calm_ns;

    memset(r, 0, sizeof(*r));
    r->seed = r->random = seed;
    r->bug = bug;
    settle_parameters(r);
    for (unsigned i = 0; i < r->count; i++) {
        wires[i] = (struct wire){r, i};
        r->nodes[i].id = (uint8_t)(3 + 7 * i);
        r->nodes[i].first = calloc(KEYS_MOST, sizeof(uint64_t));
    }
    for (unsigned i = 0; i < r->count; i++) {
        start_node(r, i, true);
        r->nodes[i].map.sink.update = NULL;
        for (uint32_t key = 0; key < r->keys; key++)
            if (up_to(r, 2) == 0)
                map_set(&r->nodes[i].map, key, dice(r) | 1);
        r->nodes[i].map.sink = bw_stream_sink(r->nodes[i].stream);
        memcpy(r->nodes[i].first, map_of(&r->nodes[i].map, r->nodes[i].id)->values, r->keys * sizeof(uint64_t));
    }
    run_until(r, 4 * BW_SEC);
    end_faults(r);
    run_until(r, 5 * BW_SEC);
    r->changes = false;
    calm_ns = r->now_ns;
    while (r->failure[0] == '\0' && !settled(r)) {
        run_until(r, r->now_ns + 100 * BW_MS);
        if (r->now_ns - calm_ns <= SETTLE_NS)
            continue;
        fail_run(r, "not settled long after the faults", 0, 0);
        tell_states(r);
    }
    if (r->failure[0] == '\0')
        compare_all(r);
    end_run(r);
    return r->failure[0] == '\0';
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? strtoull(text, NULL, 0) : otherwise;
}

static void test_seeds(void **state)
{
    static struct run run;
    uint64_t first = number_of("FIRST", 1), count = number_of("SEEDS", RUNS), updates = 0, packets = 0;

    (void)state;
    for (uint64_t seed = first; seed < first + count; seed++) {
        if (!play(&run, seed, BW_STREAM_BUG_NONE))
            fail_msg("%s", run.failure);
        updates += run.updates;
        packets += run.packets;
    }
    print_message("# %lu runs, %lu updates, %lu frames\n", (unsigned long)count, (unsigned long)updates, (unsigned long)packets);
}

static void test_same_again(void **state)
{
    static struct run a, b;

    (void)state;
    (void)play(&a, 7, BW_STREAM_BUG_NONE);
    (void)play(&b, 7, BW_STREAM_BUG_NONE);
    assert_int_equal(a.random, b.random);
    assert_int_equal(a.packets, b.packets);
}

/* Each deliberate bug is found within some hundred seeds. */
static void test_bugs(void **state)
{
    static struct run run;

    (void)state;
    for (uint32_t bug = 1; bug < BW_STREAM_BUGS; bug++) {
        uint64_t seed = 1;

        while (seed < 400 && play(&run, seed, bug))
            seed++;
        if (seed == 400)
            fail_msg("the deliberate bug %u is not found", bug);
        print_message("# bug %u: %s\n", bug, run.failure);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seeds),
        cmocka_unit_test(test_same_again),
        cmocka_unit_test(test_bugs),
    };

    return cmocka_run_group_tests_name("stream of state synchronisation, simulated", tests, NULL, NULL);
}
