/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Published data: the writer makes the sequence odd, stores the words, makes it even; a reader that saw the same even number before
 * and after has one whole write. Words are atomic, so that a torn read is harmless and thrown away.
 */
#include "bellwether/published.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define TRIES 4

struct bw_published {
    _Atomic uint32_t sequence;
    size_t bytes, words;
    uint64_t *copy; /* the writer's, so that only whole words are touched */
    _Atomic uint64_t data[];
};

struct bw_published *bw_published_new(size_t bytes)
{
    size_t words = (bytes + 7) / 8;
    struct bw_published *p = calloc(1, sizeof(*p) + words * sizeof(p->data[0]));

    if (p == NULL)
        return NULL;
    p->bytes = bytes;
    p->words = words;
    p->copy = calloc(words > 0 ? words : 1, 8);
    if (p->copy == NULL) {
        free(p);
        return NULL;
    }
    return p;
}

void bw_published_free(struct bw_published *published)
{
    if (published != NULL)
        free(published->copy);
    free(published);
}

void bw_published_write(struct bw_published *published, const void *data)
{
    uint32_t sequence = atomic_load_explicit(&published->sequence, memory_order_relaxed);

    memcpy(published->copy, data, published->bytes);
    atomic_store_explicit(&published->sequence, sequence + 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    for (size_t i = 0; i < published->words; i++)
        atomic_store_explicit(&published->data[i], published->copy[i], memory_order_relaxed);
    atomic_store_explicit(&published->sequence, sequence + 2, memory_order_release);
}

bool bw_published_read(const struct bw_published *published, void *data)
{
    for (unsigned try = 0; try < TRIES; try++) {
        uint32_t before = atomic_load_explicit(&published->sequence, memory_order_acquire);
        uint8_t *to = data;

        if ((before & 1) != 0)
            continue;
        for (size_t i = 0, left = published->bytes; left > 0; i++) {
            uint64_t word = atomic_load_explicit(&published->data[i], memory_order_relaxed);
            size_t part = left < 8 ? left : 8;

            memcpy(to, &word, part);
            to += part;
            left -= part;
        }
        atomic_thread_fence(memory_order_acquire);
        if (atomic_load_explicit(&published->sequence, memory_order_relaxed) == before)
            return true;
    }
    return false;
}
