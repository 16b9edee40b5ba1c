/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The core: two processes with one member id. */
#include "core_lab.h"

/* fw1, fw2, and a second fw1 in the third place. */
static void copied(struct lab *lab, uint8_t member)
{
    struct bw_cluster_config *c = &lab->m[member].config;

    c->members_count = 2;
    c->groups[0].policy_count = 2;
    if (member == 2)
        c->local = 0;
}

static struct lab *make(void)
{
    struct lab *lab = lab_new(3, 2, BW_RECOVERY_ACTIVE_UP);

    lab->change = copied;
    return lab;
}

static unsigned told(const struct lab *lab, uint8_t by)
{
    unsigned count = 0;

    for (unsigned i = 0; i < lab->events_count; i++)
        count += lab->events[i].by == by && lab->events[i].event.kind == BW_EVENT_MISMATCH &&
                 strstr(lab->events[i].event.reason, "another process with the id 1") != NULL;
    return count;
}

static void the_later_one_stays_out(void **state)
{
    struct lab *lab = make();
    unsigned said;

    (void)state;
    lab_start(lab, 0);
    lab_start(lab, 1);
    lab_run(lab, 3000);
    assert_true(lab->m[0].holds[0]);
    lab_start(lab, 2); /* the copy */
    lab_run(lab, 5000);
    assert_true(lab->m[0].holds[0] && !lab->m[1].holds[0] && !lab->m[2].holds[0]);
    assert_int_equal(lab_row(lab, 2, 0)->state, BW_MEMBER_DOWN);
    assert_true(lab_row(lab, 2, 0)->problem);
    assert_non_null(strstr(lab_row(lab, 2, 0)->reason, "another process with the id 1 lives at 02:00:00:00:0"));
    assert_non_null(strstr(lab_event(lab, 2, BW_EVENT_MISMATCH)->reason, ":01, heard on eth")); /* the first one's */
    assert_non_null(strstr(lab_event(lab, 0, BW_EVENT_MISMATCH)->reason, ":03, heard on eth")); /* the copy's */
    assert_int_equal(told(lab, 2), 1);
    assert_int_equal(told(lab, 0), 1);
    assert_int_equal(lab_row(lab, 1, 0)->state, BW_MEMBER_ACTIVE); /* nobody else noticed */
    assert_int_equal(lab_count_events(lab, 1, BW_EVENT_FAILOVER), 0);
    said = lab->m[2].heartbeats;
    lab_run(lab, 10000);
    assert_int_equal(lab->m[2].heartbeats, said); /* it is silent */
    lab_kill(lab, 0); /* the first is gone: the other member takes, and the copy takes its place */
    lab_run(lab, 800);
    assert_true(lab->m[1].holds[0]);
    lab_run(lab, 8000);
    assert_int_equal(lab_row(lab, 2, 0)->state, BW_MEMBER_STANDBY);
    assert_int_equal(lab_row(lab, 1, 0)->state, BW_MEMBER_STANDBY);
    assert_true(lab->m[1].holds[0] && !lab->m[2].holds[0]);
    lab_free(lab);
}

static void of_two_that_begin_at_once_one_goes_on(void **state)
{
    struct lab *lab = make();

    (void)state;
    lab_start(lab, 0);
    lab_start(lab, 2);
    lab_start(lab, 1);
    lab_run(lab, 8000);
    assert_true(lab->m[0].holds[0] + lab->m[1].holds[0] + lab->m[2].holds[0] == 1);
    assert_true((lab_row(lab, 0, 0)->state == BW_MEMBER_DOWN) != (lab_row(lab, 2, 0)->state == BW_MEMBER_DOWN));
    lab_free(lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_later_one_stays_out), cmocka_unit_test(of_two_that_begin_at_once_one_goes_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
