/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The core: witnesses break the tie between two halves that do not see each other. */
#include "core_lab.h"

static struct lab *started(uint8_t members)
{
    struct lab *lab = lab_new(members, 2, BW_RECOVERY_ACTIVE_UP);

    lab->witness = true;
    for (uint8_t i = 0; i < members; i++)
        lab_start(lab, i);
    lab_run(lab, 1000);
    assert_holder(lab, 0);
    return lab;
}

static void the_half_with_the_witness_serves(void **state)
{
    struct lab *lab = started(2);

    (void)state;
    lab->unseen[0] = true;
    lab_cut_both(lab, 0, 1, true);
    lab_run(lab, 900);
    assert_holder(lab, 1);
    assert_state(lab, 0, BW_MEMBER_DOWN);
    assert_string_equal(lab_row(lab, 0, 0)->reason, "members are missing and no witness answers: others may serve, this one does not");
    assert_true(lab_row(lab, 0, 0)->problem);
    lab_run(lab, 5000);
    assert_holder(lab, 1);
    lab_cut_both(lab, 0, 1, false);
    lab_run(lab, 500);
    assert_holder(lab, 1);
    assert_state(lab, 0, BW_MEMBER_STANDBY);
    assert_int_equal(lab_snapshot(lab, 0)->cluster.split_brains, 0);
    /* Healed while the witness answers at once and heartbeats are yet to come. */
    lab->unseen[0] = true;
    lab_cut_both(lab, 0, 1, true);
    lab_run(lab, 2000);
    lab->unseen[0] = false;
    lab_run(lab, 110);
    lab_cut_both(lab, 0, 1, false);
    lab_run(lab, 500);
    assert_holder(lab, 1);
    assert_int_equal(lab_snapshot(lab, 0)->cluster.split_brains, 0);
    /* The other way round: the holder reaches it, the standby does not take. */
    lab->unseen[0] = true;
    lab_cut_both(lab, 0, 1, true);
    lab_run(lab, 2000);
    assert_holder(lab, 1);
    lab_free(lab);
}

static void unneeded_while_all_are_in_view(void **state)
{
    struct lab *lab = started(2);
    unsigned asked;

    (void)state;
    lab_run(lab, 30000);
    asked = lab->m[0].witness_asked;
    lab_run(lab, 60000);
    assert_in_range(lab->m[0].witness_asked - asked, 5, 7); /* seldom */
    assert_true(lab_snapshot(lab, 0)->cluster.takeover_possible);
    lab->unseen[0] = lab->unseen[1] = true;
    lab_run(lab, 60000);
    assert_holder(lab, 0);
    assert_state(lab, 0, BW_MEMBER_ACTIVE);
    assert_string_equal(lab_snapshot(lab, 0)->cluster.takeover_obstacle, "no witness answers: whoever is left would not serve");
    lab_free(lab);
}

static void one_that_said_it_is_over_is_not_missed(void **state)
{
    struct lab *lab = started(2);

    (void)state;
    lab->unseen[0] = lab->unseen[1] = true;
    lab_input(lab, 0, (struct bw_input){.kind = BW_INPUT_STOP});
    lab_run(lab, 3000);
    assert_true(lab->m[0].stopped);
    assert_holder(lab, 1);
    lab_free(lab);
}

static void a_dead_member_and_a_witness(void **state)
{
    struct lab *lab = started(2);
    unsigned asked;

    (void)state;
    lab_kill(lab, 0);
    lab_run(lab, 400);
    assert_holder(lab, 1); /* as fast as without one */
    asked = lab->m[1].witness_asked;
    lab_run(lab, 1000);
    assert_in_range(lab->m[1].witness_asked - asked, 9, 11); /* once an interval */
    lab->unseen[1] = true;
    lab_run(lab, 1000);
    assert_int_equal(lab_holders(lab, 0), 0);
    lab->unseen[1] = false;
    lab_run(lab, 250); /* a dead time: it may hear one that took meanwhile */
    assert_int_equal(lab_holders(lab, 0), 0);
    lab_run(lab, 200);
    assert_holder(lab, 1);
    lab_free(lab);
}

static void one_of_a_half_is_enough(void **state)
{
    struct lab *lab = started(3);

    (void)state;
    lab->unseen[0] = lab->unseen[1] = true; /* fw3 reaches it */
    lab_cut_both(lab, 0, 1, true);
    lab_cut_both(lab, 0, 2, true);
    lab_run(lab, 1000);
    assert_holder(lab, 1);
    lab_free(lab);
}

static void nobody_takes_at_the_start_without_it(void **state)
{
    struct lab *lab = lab_new(2, 2, BW_RECOVERY_ACTIVE_UP);

    (void)state;
    lab->witness = lab->unseen[0] = true;
    lab_start(lab, 0);
    lab_run(lab, 10000);
    assert_int_equal(lab_holders(lab, 0), 0);
    lab->unseen[0] = false;
    lab_run(lab, 500);
    assert_holder(lab, 0);
    lab_free(lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_half_with_the_witness_serves), cmocka_unit_test(unneeded_while_all_are_in_view),
        cmocka_unit_test(one_that_said_it_is_over_is_not_missed), cmocka_unit_test(a_dead_member_and_a_witness),
        cmocka_unit_test(one_of_a_half_is_enough), cmocka_unit_test(nobody_takes_at_the_start_without_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
