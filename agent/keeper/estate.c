/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shared memory for the configuration in use (see estate.h).
 */
#include "agent/keeper/estate.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

struct bw_estate {
    _Atomic uint64_t begun, done; /* number of the newest writing; its slot is number % 2 */
    struct {
        unsigned keys_count;
        uint8_t keys[2][BW_KEY_BYTES];
        struct bw_config config;
    } slots[2];
};

struct bw_estate *bw_estate_new(void)
{
    struct bw_estate *estate =
        mmap(NULL, sizeof(*estate), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    return estate != MAP_FAILED ? estate : NULL;
}

void bw_estate_free(struct bw_estate *estate)
{
    if (estate == NULL)
        return;
    for (unsigned i = 0; i < 2; i++)
        explicit_bzero(estate->slots[i].keys, sizeof(estate->slots[i].keys));
    munmap(estate, sizeof(*estate));
}

void bw_estate_keep_private(struct bw_estate *estate)
{
    if (estate != NULL)
        (void)madvise(estate, sizeof(*estate), MADV_DONTFORK);
}

void bw_estate_write(struct bw_estate *estate, const struct bw_config *config, const uint8_t keys[2][BW_KEY_BYTES],
                     unsigned keys_count)
{
    uint64_t number = atomic_load(&estate->done) + 1;

    atomic_store(&estate->begun, number);
    estate->slots[number % 2].config = *config;
    estate->slots[number % 2].keys_count = keys_count;
    memcpy(estate->slots[number % 2].keys, keys, sizeof(estate->slots[number % 2].keys));
    atomic_store(&estate->done, number);
}

bool bw_estate_read(struct bw_estate *estate, uint64_t *seen, struct bw_config *config, uint8_t keys[2][BW_KEY_BYTES],
                    unsigned *keys_count)
{
    uint64_t number = atomic_load(&estate->done);

    if (number == *seen)
        return false;
    *config = estate->slots[number % 2].config;
    *keys_count = estate->slots[number % 2].keys_count;
    memcpy(keys, estate->slots[number % 2].keys, sizeof(estate->slots[number % 2].keys));
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load(&estate->begun) >= number + 2 || *keys_count > 2) /* the slot was being written anew */
        return false;
    *seen = number;
    return true;
}
