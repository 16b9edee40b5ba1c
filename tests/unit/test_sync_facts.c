/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Members' shared facts: the records they travel and are kept in, also damaged ones; providers of three members that tell each other
 * directly; and what a core takes over of what it is offered.
 */
#include "tests/unit/core_lab.h"

#include <errno.h>

#include "agent/sync/facts.h"

static const uint64_t all_ranges[BW_SYNC_RANGES / 64] = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};

static struct bw_facts facts_with(uint64_t number, uint32_t admin, unsigned pnotes)
{
    struct bw_facts f;

    memset(&f, 0, sizeof(f));
    f.number = number;
    f.admin = admin;
    f.admin_since_wall = 123456789;
    strcpy(f.admin_by, "cli root");
    for (unsigned i = 0; i < pnotes; i++) {
        snprintf(f.pnotes[i].name, sizeof(f.pnotes[i].name), "pnote-%02u", i);
        f.pnotes[i].kind = BW_PNOTE_USER;
        f.pnotes[i].status = BW_PNOTE_OK + i % 4;
        f.pnotes[i].timeout_ns = i * BW_SEC;
    }
    f.pnotes_count = pnotes;
    return f;
}

/* ---- records ---- */

static void test_round_trip(void **state)
{
    struct bw_fact_table t = {0};
    struct bw_facts in = facts_with(77, BW_ADMIN_FORCE_DOWN, BW_MAX_PNOTES), small = facts_with(1, BW_ADMIN_UP, 0), out;
    uint8_t flags;

    (void)state;
    assert_int_equal(bw_fact_table_get(&t, 9, &out, &flags), -ENOENT);
    assert_int_equal(bw_fact_table_put(&t, 9, &in, BW_FACT_ASKS), 0);
    assert_int_equal(bw_fact_table_put(&t, 254, &small, 0), 0);
    assert_int_equal(t.count, BW_MAX_PNOTES + 2);
    assert_int_equal(bw_fact_table_get(&t, 9, &out, &flags), 0);
    assert_int_equal(flags, BW_FACT_ASKS);
    assert_memory_equal(&in, &out, sizeof(in));
    assert_int_equal(bw_fact_table_get(&t, 254, &out, &flags), 0);
    assert_memory_equal(&small, &out, sizeof(small));
    assert_int_equal(bw_fact_table_get(&t, 8, &out, &flags), -ENOENT);
    bw_fact_table_fini(&t);
}

/* Cut anywhere, or with any byte changed: never something else that counts as whole, but for a head of other content. */
static void test_damaged(void **state)
{
    struct bw_facts in = facts_with(77, BW_ADMIN_DOWN, 3), out;
    struct bw_fact_table sound = {0};
    uint8_t flags;

    (void)state;
    assert_int_equal(bw_fact_table_put(&sound, 9, &in, 0), 0);
    for (uint32_t i = 0; i < sound.count; i++) {
        struct bw_sync_record record = bw_fact_as_record(sound.records[i], BW_SYNC_SET);
        bool head = bw_fact_is_head(sound.records[i]);
        uint8_t value[BW_SYNC_VALUE_MAX];
        struct bw_fact_table t = {0};

        memcpy(value, record.value, record.value_length);
        record.value = value;
        assert_int_equal(bw_fact_table_put(&t, 9, &in, 0), 0);
        for (uint16_t n = record.value_length; n-- > 0;) {
            record.value_length = n;
            assert_int_equal(bw_fact_table_set(&t, &record), 0);
            assert_int_equal(bw_fact_table_get(&t, 9, &out, &flags), -EAGAIN);
        }
        record = bw_fact_as_record(sound.records[i], BW_SYNC_SET);
        record.value = value;
        for (uint16_t n = 0; n < record.value_length; n++) {
            value[n] ^= 0x55;
            assert_int_equal(bw_fact_table_set(&t, &record), 0);
            if (!head)
                assert_int_equal(bw_fact_table_get(&t, 9, &out, &flags), -EAGAIN);
            else if (bw_fact_table_get(&t, 9, &out, &flags) == 0)
                assert_true(out.pnotes_count == 3 && out.admin <= BW_ADMIN_FORCE_DOWN);
            value[n] ^= 0x55;
        }
        bw_fact_table_remove(&t, &record);
        assert_int_equal(bw_fact_table_get(&t, 9, &out, &flags), head ? -ENOENT : -EAGAIN);
        bw_fact_table_fini(&t);
    }
    bw_fact_table_fini(&sound);
}

static void test_odd(void **state)
{
    static const uint8_t odd_key[] = {9, 77, 'x'}, bad_name[] = {9, 2, 'a', ' ', 'b'};
    struct bw_sync_record odd = {.range = 9, .key = odd_key, .key_length = 3}, one = {.range = 1, .value = odd_key, .value_length = 1};
    struct bw_facts in = facts_with(77, BW_ADMIN_DOWN, 3), out;
    struct bw_fact_table t = {0};
    uint8_t flags;

    (void)state;
    /* Of a kind that is not known: kept, and no matter. */
    assert_int_equal(bw_fact_table_put(&t, 9, &in, 0), 0);
    assert_int_equal(bw_fact_table_set(&t, &odd), 0);
    assert_int_equal(bw_fact_table_get(&t, 9, &out, &flags), 0);
    assert_memory_equal(&in, &out, sizeof(in));
    /* A pnote too many. */
    odd.key = bad_name;
    odd.key_length = sizeof(bad_name);
    assert_int_equal(bw_fact_table_set(&t, &odd), 0);
    assert_int_equal(bw_fact_table_get(&t, 9, &out, &flags), -EAGAIN);
    /* Bounds. */
    odd.key_length = 0;
    assert_int_equal(bw_fact_table_set(&t, &odd), -EINVAL);
    odd.key_length = BW_SYNC_KEY_MAX + 1;
    assert_int_equal(bw_fact_table_set(&t, &odd), -EINVAL);
    one.value_length = BW_SYNC_VALUE_MAX + 1;
    one.key = odd_key;
    one.key_length = 1;
    assert_int_equal(bw_fact_table_set(&t, &one), -EINVAL);
    one.value_length = 0;
    for (uint32_t i = 0; t.count < BW_FACT_RECORDS; i++) {
        one.key = (const uint8_t *)&i;
        one.key_length = sizeof(i);
        assert_int_equal(bw_fact_table_set(&t, &one), 0);
    }
    one.key = odd_key;
    one.key_length = 2;
    assert_int_equal(bw_fact_table_set(&t, &one), -ENOSPC);
    bw_fact_table_fini(&t);
}

/* ---- providers ---- */

#define MEMBERS 3

static struct party {
    struct bw_facts_provider *f; /* NULL = away */
    struct bw_config config;
} parties[MEMBERS];
static uint64_t now_ns;
static bool stuffed; /* the stream has no room */

/* What a member tells reaches all others at once. */
static bool update(void *context, const struct bw_sync_record *record)
{
    struct party *from = context;

    if (stuffed)
        return false;
    for (unsigned i = 0; i < MEMBERS; i++)
        if (parties[i].f != NULL && &parties[i] != from)
            assert_int_equal(bw_sync_facts.apply(parties[i].f, (uint8_t)(from - parties + 1), record, now_ns), 0);
    return true;
}

static bool give(void *context, const struct bw_sync_record *record)
{
    struct bw_facts_provider **pair = context;

    assert_int_equal(bw_sync_facts.apply(pair[0], pair[1]->ids[pair[1]->local], record, now_ns), 0);
    return true;
}

static void assert_same_digests(struct bw_facts_provider *a, struct bw_facts_provider *b, uint8_t owner)
{
    struct bw_sync_digest x[BW_SYNC_RANGES] = {{0}}, y[BW_SYNC_RANGES] = {{0}};

    bw_sync_facts.digests(a, owner, x);
    bw_sync_facts.digests(b, owner, y);
    assert_memory_equal(x, y, sizeof(x));
}

/* A full sync of what `from` tells. */
static void whole(struct bw_facts_provider *to, struct bw_facts_provider *from)
{
    struct bw_facts_provider *pair[2] = {to, from};
    uint64_t cursor = 0;
    uint8_t owner = from->ids[from->local];

    bw_sync_facts.repair_begin(to, owner, all_ranges);
    assert_int_equal(bw_sync_facts.dump(from, owner, all_ranges, &cursor, give, pair), 0);
    bw_sync_facts.repair_end(to, owner, all_ranges);
    assert_same_digests(to, from, owner);
}

static void views(void)
{
    for (unsigned i = 0; i < MEMBERS; i++) {
        uint16_t in_view = 0;

        for (unsigned k = 0; k < MEMBERS; k++)
            in_view |= (uint16_t)((parties[k].f != NULL) << k);
        if (parties[i].f != NULL)
            bw_facts_view(parties[i].f, in_view, now_ns);
    }
}

static void party_start(unsigned i, const struct bw_facts *kept)
{
    struct bw_sync_sink sink = {.context = &parties[i], .update = update};
    struct bw_facts_own own = {.offered = 0};
    void *self;

    memset(&parties[i].config, 0, sizeof(parties[i].config));
    parties[i].config.cluster.members_count = MEMBERS;
    parties[i].config.cluster.local = (uint8_t)i;
    for (unsigned k = 0; k < MEMBERS; k++)
        parties[i].config.cluster.members[k].id = (uint8_t)(k + 1);
    assert_int_equal(bw_sync_facts.open(&parties[i].config, &sink, &self), 0);
    parties[i].f = self;
    parties[i].f->alone_ns = now_ns + 2 * BW_SEC;
    views();
    for (unsigned k = 0; k < MEMBERS; k++) {
        if (k == i || parties[k].f == NULL)
            continue;
        whole(parties[i].f, parties[k].f);
        whole(parties[k].f, parties[i].f);
    }
    if (kept != NULL)
        own.facts = *kept;
    bw_facts_own(parties[i].f, &own);
}

static void party_stop(unsigned i)
{
    bw_sync_facts.close(parties[i].f);
    parties[i].f = NULL;
    views();
}

/* Time passes; everybody's turns. */
static void pass(uint64_t ms)
{
    for (uint64_t end_ns = now_ns + ms * BW_MS; now_ns < end_ns; now_ns += 5 * BW_MS)
        for (unsigned i = 0; i < MEMBERS; i++)
            if (parties[i].f != NULL && bw_sync_facts.deadline(parties[i].f) <= now_ns)
                bw_sync_facts.turn(parties[i].f, now_ns);
}

static void own_is(unsigned i, const struct bw_facts *facts, uint64_t offered)
{
    struct bw_facts_own own = {.facts = *facts, .offered = offered};

    bw_facts_own(parties[i].f, &own);
    pass(200);
}

static void end(void)
{
    for (unsigned i = 0; i < MEMBERS; i++)
        if (parties[i].f != NULL)
            party_stop(i);
    stuffed = false;
}

static void begin(void)
{
    now_ns = BW_SEC;
    for (unsigned i = 0; i < MEMBERS; i++)
        party_start(i, NULL);
    pass(500);
    for (unsigned i = 0; i < MEMBERS; i++) {
        assert_int_equal(parties[i].f->phase, BW_FACTS_SETTLED);
        assert_null(bw_facts_offer(parties[i].f));
        assert_false(bw_facts_pending(parties[i].f, now_ns));
    }
}

static void test_remembered(void **state)
{
    struct bw_facts down = facts_with(5, BW_ADMIN_DOWN, 4), up = facts_with(6, BW_ADMIN_UP, 2), none = {0};

    (void)state;
    begin();
    own_is(0, &down, 0);
    assert_memory_equal(&parties[1].f->memory[0], &down, sizeof(down));
    assert_memory_equal(&parties[2].f->memory[0], &down, sizeof(down));
    /* It comes back with nothing, and is offered what they remember; what it says itself meanwhile changes nothing of that. */
    party_stop(0);
    party_start(0, &none);
    assert_true(bw_facts_pending(parties[0].f, now_ns));
    pass(200);
    assert_non_null(bw_facts_offer(parties[0].f));
    assert_memory_equal(bw_facts_offer(parties[0].f), &down, sizeof(down));
    assert_true(bw_facts_pending(parties[0].f, now_ns));
    assert_memory_equal(&parties[1].f->memory[0], &down, sizeof(down));
    own_is(0, &down, down.number);
    assert_null(bw_facts_offer(parties[0].f));
    assert_false(bw_facts_pending(parties[0].f, now_ns));
    /* Nobody tells of others any more. */
    for (unsigned i = 0; i < MEMBERS; i++)
        assert_int_equal(parties[i].f->tables[i].count, i == 0 ? 5 : 1);
    /* One of them was away and remembers something older: the newest counts. */
    party_stop(2);
    own_is(0, &up, 0);
    party_start(2, &none);
    parties[2].f->memory[0] = down;
    party_stop(0);
    party_start(0, &none);
    pass(200);
    assert_memory_equal(bw_facts_offer(parties[0].f), &up, sizeof(up));
    end();
}

/* What one member says of another is nothing to a third one. */
static void test_liar(void **state)
{
    struct bw_facts down = facts_with(5, BW_ADMIN_DOWN, 4), lie = facts_with(500, BW_ADMIN_MAINTENANCE, 1), none = {0};
    struct bw_fact_table t = {0};

    (void)state;
    begin();
    own_is(0, &down, 0);
    assert_int_equal(bw_fact_table_put(&t, 1, &lie, 0), 0);
    for (uint32_t i = 0; i < t.count; i++) {
        struct bw_sync_record record = bw_fact_as_record(t.records[i], BW_SYNC_SET);

        update(&parties[1], &record);
    }
    bw_fact_table_fini(&t);
    pass(200);
    assert_memory_equal(&parties[2].f->memory[0], &down, sizeof(down));
    assert_null(bw_facts_offer(parties[0].f)); /* it runs and does not ask */
    /* And that one removes what it no longer finds when it compares. */
    whole(parties[2].f, parties[1].f);
    whole(parties[0].f, parties[1].f);
    party_stop(2);
    party_start(2, &none);
    pass(200);
    assert_memory_equal(&parties[2].f->memory[0], &down, sizeof(down));
    end();
}

static void test_waits(void **state)
{
    struct bw_facts none = {0}, down = facts_with(5, BW_ADMIN_DOWN, 4);

    (void)state;
    now_ns = BW_SEC;
    /* Alone: as long as others are waited for. It goes on asking. */
    party_start(0, &none);
    pass(1900);
    assert_true(bw_facts_pending(parties[0].f, now_ns));
    pass(200);
    assert_false(bw_facts_pending(parties[0].f, now_ns));
    /* Another one comes, which remembers. A third one is given a moment to come. */
    party_start(1, &none);
    parties[1].f->memory[0] = down;
    pass(500);
    assert_null(bw_facts_offer(parties[0].f));
    pass(1000);
    assert_non_null(bw_facts_offer(parties[0].f));
    own_is(0, &down, down.number);
    assert_int_equal(parties[0].f->phase, BW_FACTS_SETTLED);
    end();
    /* One in view that does not answer: of an older version. */
    now_ns = BW_SEC;
    party_start(0, &none);
    bw_facts_view(parties[0].f, 7, now_ns);
    pass(2900);
    assert_true(bw_facts_pending(parties[0].f, now_ns));
    pass(200);
    assert_false(bw_facts_pending(parties[0].f, now_ns));
    end();
}

/* No room in the stream: nothing is lost, nothing is told by halves. */
static void test_stuffed(void **state)
{
    struct bw_facts down = facts_with(5, BW_ADMIN_DOWN, 40);

    (void)state;
    begin();
    stuffed = true;
    own_is(0, &down, 0);
    assert_int_equal(parties[1].f->memory[0].number, 0);
    assert_same_digests(parties[0].f, parties[1].f, 1);
    stuffed = false;
    pass(200);
    assert_memory_equal(&parties[1].f->memory[0], &down, sizeof(down));
    assert_same_digests(parties[0].f, parties[1].f, 1);
    end();
}

static void test_kept(void **state)
{
    struct bw_facts down = facts_with(5, BW_ADMIN_DOWN, 4);
    struct bw_facts_others *others = malloc(sizeof(*others));

    (void)state;
    begin();
    own_is(1, &down, 0);
    bw_facts_remembered(parties[0].f, others);
    assert_int_equal(others->count, 1);
    assert_int_equal(others->rows[0].member, 2);
    party_stop(0);
    party_start(0, NULL);
    memset(&parties[0].f->memory, 0, sizeof(parties[0].f->memory));
    bw_facts_remember(parties[0].f, others);
    assert_memory_equal(&parties[0].f->memory[1], &down, sizeof(down));
    free(others);
    end();
}

/* ---- the core ---- */

static void offer(struct lab *lab, uint8_t who, const struct bw_facts *facts)
{
    struct bw_input input = {.kind = BW_INPUT_FACTS};

    input.facts = facts;
    lab_input(lab, who, input);
    lab_run(lab, 20);
}

static const struct bw_pnote_row *pnote_of(struct lab *lab, uint8_t who, const char *name)
{
    const struct bw_snapshot *s = lab_snapshot(lab, who);

    for (uint32_t i = 0; i < s->pnotes_count; i++)
        if (s->pnotes[i].member == who + 1U && strcmp(s->pnotes[i].name, name) == 0)
            return &s->pnotes[i];
    return NULL;
}

static void register_persistent(struct lab *lab, uint8_t who, const char *name)
{
    struct bw_request request = {.kind = BW_REQUEST_PNOTE_REGISTER, .status = BW_PNOTE_OK, .persistent = true};

    strcpy(request.name, name);
    lab_ask(lab, who, &request);
}

static void test_core_takes(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);
    struct bw_facts facts = facts_with(50, BW_ADMIN_DOWN, 3), older = facts_with(49, BW_ADMIN_MAINTENANCE, 1);
    struct bw_facts_own own;

    (void)state;
    facts.pnotes[2].kind = BW_PNOTE_BUILTIN; /* odd ones are left out */
    offer(lab, 1, &facts);
    assert_state(lab, 1, BW_MEMBER_DOWN);
    assert_int_equal(lab_row(lab, 1, 1)->admin, BW_ADMIN_DOWN);
    assert_string_equal(lab_row(lab, 1, 1)->admin_by, "cli root");
    assert_int_equal(lab_row(lab, 1, 1)->admin_since_wall, 123456789);
    assert_non_null(strstr(lab_event(lab, 1, BW_EVENT_ADMIN)->reason, "remember"));
    assert_true(pnote_of(lab, 1, "pnote-00")->persistent);
    assert_int_equal(pnote_of(lab, 1, "pnote-01")->status, BW_PNOTE_INIT);
    assert_null(pnote_of(lab, 1, "pnote-02"));
    bw_core_facts(lab->m[1].core, &own);
    assert_int_equal(own.offered, 50);
    assert_true(own.facts.number > 50);
    assert_int_equal(own.facts.pnotes_count, 2);
    /* An older one comes late. */
    offer(lab, 1, &older);
    assert_int_equal(lab_row(lab, 1, 1)->admin, BW_ADMIN_DOWN);
    assert_non_null(pnote_of(lab, 1, "pnote-01"));
    assert_holder(lab, 0);
    lab_free(lab);
}

/* What was asked since the start is newer than anything that others remember, each for itself. */
static void test_core_newer(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);
    struct bw_facts facts = facts_with(50, BW_ADMIN_MAINTENANCE, 2);
    struct bw_facts_own before, after;

    (void)state;
    bw_core_facts(lab->m[1].core, &before);
    assert_int_equal(before.facts.number, 0);
    register_persistent(lab, 1, "pnote-01");
    register_persistent(lab, 1, "mine");
    bw_core_facts(lab->m[1].core, &before);
    assert_true(before.facts.number >= LAB_WALL / BW_MS);
    assert_int_equal(lab_admin(lab, 1, 1, BW_ADMIN_DOWN), BW_RESULT_DONE);
    bw_core_facts(lab->m[1].core, &after);
    assert_true(after.facts.number > before.facts.number);
    offer(lab, 1, &facts);
    assert_int_equal(lab_row(lab, 1, 1)->admin, BW_ADMIN_DOWN);
    assert_int_equal(pnote_of(lab, 1, "pnote-01")->status, BW_PNOTE_OK);
    assert_non_null(pnote_of(lab, 1, "pnote-00"));
    assert_non_null(pnote_of(lab, 1, "mine"));
    lab_free(lab);
}

static void offer_alone(struct bw_core *core, const struct bw_facts *facts, uint64_t at_ns)
{
    struct bw_input input = {.kind = BW_INPUT_FACTS};

    input.facts = facts;
    bw_core_begin(core, at_ns, LAB_WALL, false);
    bw_core_input(core, &input);
    bw_core_end(core);
    while (bw_core_output(core) != NULL)
        ;
}

/* A store that is there, but older (a disk from a backup), or newer. */
static void test_core_store(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);
    struct bw_core_start *start = calloc(1, sizeof(*start));
    struct bw_facts older = facts_with(39, BW_ADMIN_MAINTENANCE, 1), newer = facts_with(50, BW_ADMIN_UP, 1);
    struct bw_facts_own own;
    void *memory = calloc(1, bw_core_size());
    struct bw_core *core;

    (void)state;
    start->now_ns = BW_SEC;
    start->wall = LAB_WALL;
    start->admin = BW_ADMIN_DOWN;
    start->pnotes_count = 1;
    start->pnotes[0] = (struct bw_pnote_row){.kind = BW_PNOTE_USER, .status = BW_PNOTE_OK, .persistent = true};
    strcpy(start->pnotes[0].name, "gone-since");
    core = bw_core_init(memory, &lab->m[0].config, start);
    bw_core_facts(core, &own);
    assert_int_equal(own.facts.number, 1); /* kept by a version that did not count */
    start->facts_number = 40;
    core = bw_core_init(memory, &lab->m[0].config, start);
    bw_core_facts(core, &own);
    assert_int_equal(own.facts.number, 40);
    offer_alone(core, &older, 2 * BW_SEC);
    bw_core_facts(core, &own);
    assert_true(own.facts.number == 40 && own.offered == 39 && own.facts.admin == BW_ADMIN_DOWN && own.facts.pnotes_count == 1);
    assert_string_equal(own.facts.pnotes[0].name, "gone-since");
    offer_alone(core, &newer, 3 * BW_SEC);
    bw_core_facts(core, &own);
    assert_true(own.facts.number > 50 && own.offered == 50 && own.facts.admin == BW_ADMIN_UP && own.facts.pnotes_count == 1);
    assert_string_equal(own.facts.pnotes[0].name, "pnote-00");
    free(memory);
    free(start);
    lab_free(lab);
}

/* Reports that change nothing are no change; those of pnotes that are not persistent neither. */
static void test_core_counts(void **state)
{
    struct lab *lab = lab_settled(2, 2, BW_RECOVERY_ACTIVE_UP);
    struct bw_facts_own before, after;

    (void)state;
    lab_pnote(lab, 0, BW_REQUEST_PNOTE_REGISTER, "passing", BW_PNOTE_OK, 0);
    lab_pnote(lab, 0, BW_REQUEST_PNOTE_REPORT, "passing", BW_PNOTE_INIT, 0);
    lab_pnote(lab, 0, BW_REQUEST_PNOTE_UNREGISTER, "passing", BW_PNOTE_OK, 0);
    assert_int_equal(lab_admin(lab, 0, 0, BW_ADMIN_UP), BW_RESULT_DONE);
    bw_core_facts(lab->m[0].core, &before);
    assert_int_equal(before.facts.number, 0);
    register_persistent(lab, 0, "stays");
    bw_core_facts(lab->m[0].core, &before);
    lab_pnote(lab, 0, BW_REQUEST_PNOTE_REPORT, "stays", BW_PNOTE_OK, 0);
    bw_core_facts(lab->m[0].core, &after);
    assert_memory_equal(&before, &after, sizeof(before));
    lab_pnote(lab, 0, BW_REQUEST_PNOTE_REPORT, "stays", BW_PNOTE_PROBLEM, 0);
    bw_core_facts(lab->m[0].core, &after);
    assert_true(after.facts.number > before.facts.number);
    lab_pnote(lab, 0, BW_REQUEST_PNOTE_UNREGISTER, "stays", BW_PNOTE_OK, 0);
    bw_core_facts(lab->m[0].core, &before);
    assert_true(before.facts.number > after.facts.number && before.facts.pnotes_count == 0);
    lab_free(lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_odd),
        cmocka_unit_test(test_remembered),
        cmocka_unit_test(test_liar),
        cmocka_unit_test(test_waits),
        cmocka_unit_test(test_stuffed),
        cmocka_unit_test(test_kept),
        cmocka_unit_test(test_core_takes),
        cmocka_unit_test(test_core_newer),
        cmocka_unit_test(test_core_store),
        cmocka_unit_test(test_core_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
