/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the store keeps over restarts, and what it makes of damaged and foreign files: agent/store/. */
#include "test_store.h"

/* Nothing there: everything empty, the directory made; a member that nobody touched gets no admin file. */
static void test_fresh(void **state)
{
    struct stage s;
    struct stat st;

    (void)state;
    stage_begin(&s);
    strcat(s.config->state_dir, "/deeper/still");
    stage_run(&s);
    assert_int_equal(s.start->admin, 0);
    assert_string_equal(s.start->admin_by, "");
    assert_int_equal(s.start->pnotes_count, 0);
    assert_int_equal(stat(s.config->state_dir, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0750);
    stage_post(&s);
    stage_event(&s, "one");
    stage_post(&s);
    STAGE_WAIT(stage_written(&s) == 1);
    stage_stop(&s);
    assert_false(stage_exists(&s, "admin"));
    assert_false(stage_exists(&s, "pnotes"));
    assert_int_equal(stat(stage_path(&s, "history"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(stage_said(&s, "state_dir"), 0);
    stage_end(&s);
}

static void test_history(void **state)
{
    struct bw_event event;
    uint64_t first, last;
    struct stage s;
    char text[32];

    (void)state;
    stage_begin(&s);
    for (unsigned run = 0; run < 3; run++) {
        stage_run(&s);
        bw_history_range(s.history, &first, &last);
        assert_int_equal(last, run * 10);
        for (unsigned i = 1; i <= 10; i++) {
            snprintf(text, sizeof(text), "event %u", run * 10 + i);
            stage_event(&s, text);
            stage_post(&s);
        }
        stage_stop(&s); /* writes what is not written yet */
    }
    stage_load(&s);
    bw_history_range(s.history, &first, &last);
    assert_int_equal(first, 1);
    assert_int_equal(last, 30);
    for (unsigned i = 1; i <= 30; i++) {
        assert_int_equal(bw_history_read(s.history, i, &event), 0);
        snprintf(text, sizeof(text), "event %u", i);
        assert_string_equal(event.reason, text);
        assert_int_equal(event.time_wall, 1767225600000000000LL);
    }
    stage_stop(&s);
    stage_end(&s);
}

/* The file stays bounded, the numbers go on. */
static void test_bounded(void **state)
{
    struct bw_event event;
    uint64_t first, last;
    struct stage s;
    struct stat st;
    off_t largest = 0;

    (void)state;
    stage_begin(&s);
    stage_run(&s);
    for (unsigned i = 1; i <= 5000; i++) {
        stage_event(&s, "some reason or other");
        if (i % 250)
            continue;
        stage_post(&s);
        STAGE_WAIT(stage_written(&s) == i);
        assert_int_equal(stat(stage_path(&s, "history"), &st), 0);
        if (st.st_size > largest)
            largest = st.st_size;
    }
    stage_stop(&s);
    assert_true(largest < 2300 * 120);
    stage_load(&s);
    bw_history_range(s.history, &first, &last);
    assert_int_equal(last, 5000);
    assert_int_equal(first, 4001);
    assert_int_equal(bw_history_read(s.history, 4001, &event), 0);
    stage_stop(&s);
    stage_end(&s);
}

static void test_admin(void **state)
{
    struct stage s;

    (void)state;
    stage_begin(&s);
    stage_run(&s);
    s.now.members[0].admin = BW_ADMIN_MAINTENANCE;
    s.now.members[0].admin_since_wall = 1767225600000000000LL;
    strcpy(s.now.members[0].admin_by, "cli root");
    stage_post(&s);
    STAGE_WAIT(stage_admin(&s) == BW_ADMIN_MAINTENANCE);
    s.now.members[0].admin = BW_ADMIN_DOWN;
    s.now.members[0].forced = true;
    s.now.members[0].admin_since_wall++;
    strcpy(s.now.members[0].admin_by, "snmp");
    stage_post(&s);
    STAGE_WAIT(stage_admin(&s) == BW_ADMIN_FORCE_DOWN);
    stage_stop(&s);

    stage_run(&s);
    assert_int_equal(s.start->admin, BW_ADMIN_FORCE_DOWN);
    assert_int_equal(s.start->admin_since_wall, 1767225600000000001LL);
    assert_string_equal(s.start->admin_by, "snmp");
    stage_stop(&s); /* without any post: what was kept stays */
    stage_run(&s);
    assert_int_equal(s.start->admin, BW_ADMIN_FORCE_DOWN);
    s.now.members[0].admin = BW_ADMIN_UP;
    s.now.members[0].forced = false;
    s.now.members[0].admin_since_wall++;
    stage_post(&s);
    STAGE_WAIT(stage_admin(&s) == BW_ADMIN_UP);
    stage_stop(&s);
    stage_load(&s);
    assert_int_equal(s.start->admin, BW_ADMIN_UP);
    stage_stop(&s);
    stage_end(&s);
}

static void add_pnote(struct stage *s, uint32_t member, const char *name, bool persistent)
{
    struct bw_pnote_row *row = &s->now.pnotes[s->now.pnotes_count++];

    *row = (struct bw_pnote_row){.member = member,
                                 .kind = BW_PNOTE_USER,
                                 .status = BW_PNOTE_OK,
                                 .timeout_ns = 5 * BW_SEC,
                                 .persistent = persistent};
    bw_copy(row->name, sizeof(row->name), name);
    bw_copy(row->detail, sizeof(row->detail), "fine");
}

static void test_pnotes(void **state)
{
    struct stage s;

    (void)state;
    stage_begin(&s);
    stage_run(&s);
    add_pnote(&s, 1, "passing", false);
    add_pnote(&s, 1, "backup-job", true);
    add_pnote(&s, 1, "vpn", true);
    add_pnote(&s, 2, "of-the-other", true);
    stage_post(&s);
    s.now.pnotes[2].status = BW_PNOTE_PROBLEM;
    stage_post(&s);
    stage_stop(&s); /* the last change is written although the first was just before */
    stage_run(&s);
    assert_int_equal(s.start->pnotes_count, 2);
    assert_string_equal(s.start->pnotes[0].name, "backup-job");
    assert_int_equal(s.start->pnotes[0].status, BW_PNOTE_OK);
    assert_string_equal(s.start->pnotes[1].name, "vpn");
    assert_int_equal(s.start->pnotes[1].status, BW_PNOTE_PROBLEM);
    assert_int_equal(s.start->pnotes[1].timeout_ns, 5 * BW_SEC);
    assert_int_equal(s.start->pnotes[1].kind, BW_PNOTE_USER);
    assert_int_equal(s.start->pnotes[1].member, 1);
    assert_string_equal(s.start->pnotes[1].detail, "fine");
    assert_true(s.start->pnotes[1].persistent);
    s.now.pnotes_count = 1;
    stage_post(&s);
    stage_stop(&s);
    stage_load(&s);
    assert_int_equal(s.start->pnotes_count, 0);
    stage_stop(&s);
    stage_end(&s);
}

static uint64_t kept_number(const struct stage *s, struct bw_kept_facts *facts)
{
    struct bw_store_place place = {.path = s->config->state_dir, .cluster = 17, .member = 1};
    struct bw_kept_file file;

    place.dir = open(place.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(place.dir >= 0);
    bw_store_read_facts(&place, facts, false, &file);
    close(place.dir);
    return facts->number;
}

static void test_facts(void **state)
{
    struct bw_kept_facts *facts = calloc(1, sizeof(*facts));
    struct bw_facts_others *others = calloc(1, sizeof(*others)), *back = calloc(1, sizeof(*back));
    struct bw_facts_own own;
    struct stage s;
    FILE *f;

    (void)state;
    stage_begin(&s);
    s.desk = bw_facts_desk_new();
    stage_run(&s);
    assert_int_equal(s.start->facts_number, 0);
    memset(&own, 0, sizeof(own));
    own.facts.number = 1000;
    own.facts.admin = BW_ADMIN_DOWN;
    others->count = 2;
    others->rows[0].member = 2;
    others->rows[0].facts.number = 77;
    others->rows[0].facts.admin = BW_ADMIN_MAINTENANCE;
    strcpy(others->rows[0].facts.admin_by, "snmp");
    others->rows[0].facts.pnotes_count = 1;
    others->rows[0].facts.pnotes[0] = (struct bw_fact_pnote){"backup", BW_PNOTE_USER, BW_PNOTE_PROBLEM, 5 * BW_SEC};
    others->rows[1].member = 3;
    others->rows[1].facts.number = 1;
    bw_published_write(s.desk->own, &own);
    bw_published_write(s.desk->others, others);
    stage_post(&s); /* where the member is still up */
    STAGE_WAIT(kept_number(&s, facts) == 0 && facts->others.count == 2);
    /* The number follows what it is the number of. */
    s.now.members[0].admin = BW_ADMIN_DOWN;
    stage_post(&s);
    STAGE_WAIT(kept_number(&s, facts) == 1000);
    assert_int_equal(stage_admin(&s), BW_ADMIN_DOWN);
    stage_stop(&s);

    bw_facts_desk_free(s.desk);
    s.desk = bw_facts_desk_new();
    stage_load(&s);
    assert_int_equal(s.start->facts_number, 1000);
    bw_store_load_others(s.config, s.desk);
    assert_true(bw_published_read(s.desk->others, back));
    assert_memory_equal(others, back, sizeof(*others));
    stage_stop(&s);

    /* Damaged in the middle: the member whose set is not whole any more is left out. */
    f = fopen(stage_path(&s, "facts"), "r+");
    assert_non_null(f);
    assert_int_equal(fseek(f, 70, SEEK_SET), 0);
    fputs("damage", f);
    fclose(f);
    stage_load(&s);
    bw_store_load_others(s.config, s.desk);
    assert_true(bw_published_read(s.desk->others, back));
    assert_int_equal(back->count, 1);
    assert_int_equal(back->rows[0].member, 3);
    assert_true(stage_exists(&s, "facts.damaged"));
    stage_stop(&s);
    bw_facts_desk_free(s.desk);
    stage_end(&s);
    free(facts);
    free(others);
    free(back);
}

/* By name, since the configuration may have them in another order at the next start. */
static void test_groups(void **state)
{
    struct stage s;

    (void)state;
    stage_begin(&s);
    s.config->cluster.groups_count = 2;
    bw_copy(s.config->cluster.groups[0].name, BW_NAME_MAX, "web");
    bw_copy(s.config->cluster.groups[1].name, BW_NAME_MAX, "mail");
    s.now.groups_count = 2;
    bw_copy(s.now.groups[0].name, BW_NAME_MAX, "web");
    bw_copy(s.now.groups[1].name, BW_NAME_MAX, "mail");
    stage_run(&s);
    assert_int_equal(s.start->decisions[0], 0);
    stage_post(&s);
    stage_stop(&s);
    assert_false(stage_exists(&s, "groups")); /* nobody decided anything */
    stage_run(&s);
    s.now.groups[1].decision = 7;
    stage_post(&s);
    stage_stop(&s);
    stage_load(&s);
    assert_int_equal(s.start->decisions[0], 0);
    assert_int_equal(s.start->decisions[1], 7);
    stage_stop(&s);
    bw_copy(s.config->cluster.groups[0].name, BW_NAME_MAX, "mail");
    bw_copy(s.config->cluster.groups[1].name, BW_NAME_MAX, "new");
    stage_run(&s);
    assert_int_equal(s.start->decisions[0], 7);
    assert_int_equal(s.start->decisions[1], 0);
    stage_stop(&s);
    stage_end(&s);
}

static void make_files(struct stage *s)
{
    stage_begin(s);
    stage_run(s);
    for (unsigned i = 0; i < 10; i++)
        stage_event(s, "an event");
    s->now.members[0].admin = BW_ADMIN_DOWN;
    s->now.members[0].admin_since_wall = 77;
    add_pnote(s, 1, "one", true);
    add_pnote(s, 1, "two", true);
    stage_post(s);
    stage_stop(s);
}

/* Overwrites bytes from `at` (negative: from the end), or cuts there when bytes is NULL. */
static void spoil(const struct stage *s, const char *name, off_t at, const char *bytes)
{
    int fd = open(stage_path(s, name), O_RDWR | O_CLOEXEC);
    struct stat st;

    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    if (at < 0)
        at += st.st_size;
    if (bytes)
        assert_int_equal(pwrite(fd, bytes, strlen(bytes), at), (ssize_t)strlen(bytes));
    else
        assert_int_equal(ftruncate(fd, at), 0);
    close(fd);
}

static unsigned count_events(const struct stage *s)
{
    struct bw_event event;
    uint64_t first, last;
    unsigned count = 0;

    bw_history_range(s->history, &first, &last);
    for (uint64_t n = first; n && n <= last; n++)
        count += bw_history_read(s->history, n, &event) == 0;
    return count;
}

/* Each kind of damage to the history: told, set aside, the readable part kept, and the file mended for the next time.
 */
static void test_damaged_history(void **state)
{
    static const struct {
        off_t at;
        const char *bytes;
        unsigned events;
        const char *said;
    } damages[] = {
        {-3, NULL, 9, "/history is damaged: "},   /* torn at the end */
        {400, "xyz", 9, "/history is damaged: "}, /* a record in the middle */
        {6, "xyz", 10, "/history is damaged: "},  /* the header */
        {0, NULL, 0, "/history is damaged: "},    /* empty */
        {5, NULL, 0, "/history is damaged: "},    /* a piece of the header */
        {-1, "xrubbish after the end", 9, "/history is damaged: "},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        struct stage s;

        make_files(&s);
        spoil(&s, "history", damages[i].at, damages[i].bytes);
        stage_load(&s);
        assert_int_equal(count_events(&s), damages[i].events);
        assert_int_equal(stage_said(&s, damages[i].said), 1);
        assert_int_equal(stage_said(&s, "it is now history.damaged"), 1);
        assert_true(stage_exists(&s, "history.damaged"));
        assert_int_equal(s.start->admin, BW_ADMIN_DOWN);
        assert_int_equal(s.start->pnotes_count, 2);
        stage_stop(&s);
        stage_run(&s); /* the second time all is well, and it goes on */
        assert_int_equal(count_events(&s), damages[i].events);
        assert_int_equal(stage_said(&s, "is damaged"), 1);
        stage_event(&s, "after");
        stage_post(&s);
        STAGE_WAIT(stage_written(&s) > 0);
        stage_stop(&s);
        stage_load(&s);
        assert_int_equal(count_events(&s), damages[i].events + 1);
        assert_int_equal(stage_said(&s, "is damaged"), 1);
        stage_stop(&s);
        stage_end(&s);
    }
}

static void test_damaged_others(void **state)
{
    struct stage s;

    (void)state;
    make_files(&s);
    spoil(&s, "admin", 30, "?");
    spoil(&s, "pnotes", -1, "?");
    stage_load(&s);
    assert_int_equal(s.start->admin, 0);
    assert_int_equal(s.start->pnotes_count, 1);
    assert_string_equal(s.start->pnotes[0].name, "one");
    assert_int_equal(count_events(&s), 10);
    assert_int_equal(stage_said(&s, "/admin is damaged: "), 1);
    assert_int_equal(stage_said(&s, "/pnotes is damaged: "), 1);
    assert_true(stage_exists(&s, "admin.damaged"));
    assert_true(stage_exists(&s, "pnotes.damaged"));
    stage_stop(&s);
    stage_end(&s);
}

/* What is no file of ours at all: a directory, a link, a fifo, a huge file in its place. */
static void test_no_file(void **state)
{
    static const char *const commands[] = {"mkdir", "ln -s /etc/passwd", "mkfifo", "truncate -s 5000000"};

    (void)state;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        char command[300];
        struct stage s;

        make_files(&s);
        assert_int_equal(unlink(stage_path(&s, "history")), 0);
        snprintf(command, sizeof(command), "%s %s", commands[i], stage_path(&s, "history"));
        assert_int_equal(system(command), 0);
        stage_run(&s);
        assert_int_equal(stage_said(&s, "/history cannot be read: "), 1);
        assert_true(stage_exists(&s, "history.damaged"));
        stage_event(&s, "after");
        stage_post(&s);
        STAGE_WAIT(stage_written(&s) == 1);
        stage_stop(&s);
        stage_end(&s);
    }
}

/* Files of another member, of another cluster, or under each other's name. */
static void test_foreign(void **state)
{
    struct stage s;

    (void)state;
    make_files(&s);
    s.config->cluster.local = 1;
    stage_load(&s);
    assert_int_equal(count_events(&s), 0);
    assert_int_equal(s.start->admin, 0);
    assert_int_equal(s.start->pnotes_count, 0);
    assert_int_equal(
        stage_said(&s, "/history belongs to member 1 of cluster 17, and this is member 2 of cluster 17; it is now "
                       "history.foreign"),
        1);
    assert_int_equal(stage_said(&s, "/admin belongs to member 1 of cluster 17"), 1);
    assert_int_equal(stage_said(&s, "/pnotes belongs to member 1 of cluster 17"), 1);
    assert_true(stage_exists(&s, "admin.foreign"));
    assert_false(stage_exists(&s, "admin"));
    stage_stop(&s);
    stage_end(&s);

    make_files(&s);
    s.config->cluster.id = 18;
    stage_load(&s);
    assert_int_equal(count_events(&s), 0);
    assert_int_equal(stage_said(&s, "and this is member 1 of cluster 18"), 3);
    stage_stop(&s);
    stage_end(&s);

    make_files(&s);
    {
        char from[300];

        strcpy(from, stage_path(&s, "history"));
        assert_int_equal(rename(from, stage_path(&s, "admin")), 0);
    }
    stage_load(&s);
    assert_int_equal(s.start->admin, 0);
    assert_int_equal(stage_said(&s, "/admin is not what its name says; it is now admin.foreign"), 1);
    stage_stop(&s);
    stage_end(&s);
}

/* A second daemon with the same state_dir touches nothing. */
static void test_shared(void **state)
{
    struct stage s;
    struct bw_history *history = bw_history_new();
    struct bw_config *config = calloc(1, sizeof(*config));
    struct bw_core_start *start = calloc(1, sizeof(*start));

    (void)state;
    make_files(&s);
    stage_run(&s);
    *config = *s.config;
    config->cluster.local = 1;
    start->admin = 7;
    bw_store_load(config, history, start);
    assert_int_equal(start->admin, 0);
    assert_int_equal(stage_said(&s, "another daemon uses it"), 1);
    assert_false(stage_exists(&s, "history.foreign"));
    stage_stop(&s);
    stage_end(&s);
    bw_history_free(history);
    free(config);
    free(start);
}

/* A temporary file that a crash left behind does no harm, whatever it is. */
static void test_left_behind(void **state)
{
    struct stage s;

    (void)state;
    make_files(&s);
    assert_int_equal(symlink("/etc/hostname", stage_path(&s, "admin.tmp")), 0);
    stage_run(&s);
    s.now.members[0].admin = BW_ADMIN_UP;
    s.now.members[0].admin_since_wall++;
    stage_post(&s);
    STAGE_WAIT(stage_admin(&s) == BW_ADMIN_UP);
    assert_false(stage_exists(&s, "admin.tmp"));
    stage_stop(&s);
    stage_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fresh),          cmocka_unit_test(test_history),
        cmocka_unit_test(test_bounded),        cmocka_unit_test(test_admin),
        cmocka_unit_test(test_pnotes),         cmocka_unit_test(test_damaged_history),
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_damaged_others), cmocka_unit_test(test_no_file),
        cmocka_unit_test(test_foreign),        cmocka_unit_test(test_shared),
        cmocka_unit_test(test_left_behind),    cmocka_unit_test(test_groups),
    };

    return cmocka_run_group_tests(tests, NULL, stage_clean);
}
