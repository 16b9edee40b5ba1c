/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Published data: what a reader gets is one whole write, never older than what it got before. agent/model/published.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "bellwether/published.h"

#define BYTES      1003 /* no whole words */
#define GOOD_READS 2000
#define SECONDS    20

struct data {
    uint8_t bytes[BYTES];
};

struct bed {
    struct bw_published *published;
    atomic_bool stop;
    atomic_uint good, torn, missed, older;
};

/* The write's number in the first eight bytes, and bytes that follow from it in all others. */
static void fill(struct data *d, uint64_t number)
{
    memset(d->bytes, (int)(number * 37 & 0xff), sizeof(d->bytes));
    memcpy(d->bytes, &number, sizeof(number));
}

static bool is_whole(const struct data *d, uint64_t *number)
{
    struct data wanted;

    memcpy(number, d->bytes, sizeof(*number));
    fill(&wanted, *number);
    return memcmp(&wanted, d, sizeof(*d)) == 0;
}

static void *write_all_the_time(void *argument)
{
    struct bed *bed = argument;
    struct data d;

    for (uint64_t n = 1; !atomic_load(&bed->stop); n++) {
        fill(&d, n);
        bw_published_write(bed->published, &d);
        if (n % 64 == 0) /* a moment in which every reader gets through */
            nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
    }
    return NULL;
}

static void *read_all_the_time(void *argument)
{
    struct bed *bed = argument;
    uint64_t number, last = 0;
    struct data d;

    while (!atomic_load(&bed->stop)) {
        if (!bw_published_read(bed->published, &d)) {
            atomic_fetch_add(&bed->missed, 1);
            continue;
        }
        if (!is_whole(&d, &number)) {
            number = 0;
            for (size_t i = 0; i < sizeof(d.bytes); i++)
                number += d.bytes[i];
            if (number != 0) /* all zero: nothing was written yet */
                atomic_fetch_add(&bed->torn, 1);
            continue;
        }
        if (number < last)
            atomic_fetch_add(&bed->older, 1);
        last = number;
        atomic_fetch_add(&bed->good, 1);
    }
    return NULL;
}

static void reads_are_whole_and_never_go_back(void **state)
{
    struct bed bed = {.published = bw_published_new(sizeof(struct data))};
    pthread_t writer, readers[2];
    time_t end = time(NULL) + SECONDS;

    (void)state;
    assert_non_null(bed.published);
    assert_int_equal(pthread_create(&writer, NULL, write_all_the_time, &bed), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_all_the_time, &bed), 0);
    while (atomic_load(&bed.good) < GOOD_READS && time(NULL) < end)
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    atomic_store(&bed.stop, true);
    pthread_join(writer, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(readers[i], NULL);
    assert_int_equal(atomic_load(&bed.torn), 0);
    assert_int_equal(atomic_load(&bed.older), 0);
    assert_true(atomic_load(&bed.good) >= GOOD_READS);
    bw_published_free(bed.published);
}

static void it_begins_with_zeros_and_keeps_to_its_size(void **state)
{
    struct bw_published *p = bw_published_new(BYTES);
    struct {
        struct data data;
        uint8_t after;
    } to;
    struct data from;
    uint64_t number;

    (void)state;
    memset(&to, 0x5a, sizeof(to));
    assert_true(bw_published_read(p, &to.data));
    for (size_t i = 0; i < BYTES; i++)
        assert_int_equal(to.data.bytes[i], 0);
    assert_int_equal(to.after, 0x5a);
    fill(&from, 7);
    bw_published_write(p, &from);
    assert_true(bw_published_read(p, &to.data));
    assert_true(is_whole(&to.data, &number));
    assert_int_equal(number, 7);
    assert_int_equal(to.after, 0x5a);
    bw_published_free(p);
    bw_published_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_begins_with_zeros_and_keeps_to_its_size),
        cmocka_unit_test(reads_are_whole_and_never_go_back),
    };

    return cmocka_run_group_tests_name("published", tests, NULL, NULL);
}
