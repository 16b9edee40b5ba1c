/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The own log: the last numbered records, encoded, in a ring of bytes. What everybody acknowledged stays as long as nothing newer
 * needs its place, so that a peer that was away for a moment can catch up. Memory is taken once, at the start.
 */
#include <errno.h>
#include <stdlib.h>

#include "agent/sync/stream_private.h"

int bw_update_log_init(struct bw_update_log *log, uint32_t updates, uint64_t bytes)
{
    uint32_t size = 512;

    while (size < updates)
        size *= 2;
    memset(log, 0, sizeof(*log));
    log->size = size;
    log->bytes_size = (uint32_t)(bytes < UINT32_MAX / 2 ? bytes : UINT32_MAX / 2);
    if (log->bytes_size < 512U * BW_SYNC_UPDATE_MAX)
        log->bytes_size = 512U * BW_SYNC_UPDATE_MAX;
    log->oldest = log->next = log->unsent = 1;
    log->entries = calloc(size, sizeof(log->entries[0]));
    log->bytes = malloc(log->bytes_size);
    if (log->entries == NULL || log->bytes == NULL) {
        bw_update_log_fini(log);
        return -ENOMEM;
    }
    return 0;
}

void bw_update_log_fini(struct bw_update_log *log)
{
    free(log->entries);
    free(log->bytes);
    log->entries = NULL;
    log->bytes = NULL;
}

/* Where `length` bytes would go when the entries from `oldest` on are kept; UINT32_MAX = nowhere. */
static uint32_t place(const struct bw_update_log *log, uint64_t oldest, uint32_t write, size_t length)
{
    uint32_t begin;

    if (oldest == log->next)
        return length <= log->bytes_size ? 0 : UINT32_MAX;
    begin = log->entries[oldest & (log->size - 1)].at;
    if (write > begin) {
        if (length <= log->bytes_size - write)
            return write;
        return length < begin ? 0 : UINT32_MAX;
    }
    return length < begin - write ? write : UINT32_MAX;
}

static void drop_oldest(struct bw_update_log *log)
{
    log->bytes_used -= log->entries[log->oldest & (log->size - 1)].length;
    log->oldest++;
}

uint64_t bw_update_log_add(struct bw_update_log *log, const uint8_t *bytes, size_t length, uint64_t needed, uint64_t now_ns)
{
    struct bw_log_entry *entry;
    uint32_t at;

    while ((at = place(log, log->oldest, log->write, length)) == UINT32_MAX || log->next - log->oldest >= log->size) {
        if (log->oldest >= needed || log->oldest == log->next)
            return 0;
        drop_oldest(log);
    }
    entry = bw_log_at(log, log->next);
    *entry = (struct bw_log_entry){.at = at, .length = (uint16_t)length, .made = bw_tick(now_ns)};
    memcpy(log->bytes + at, bytes, length);
    log->write = at + (uint32_t)length;
    log->bytes_used += length;
    return log->next++;
}

bool bw_update_log_fits(const struct bw_update_log *log, unsigned records, size_t length, uint64_t needed)
{
    uint64_t kept = log->next > needed ? log->next - needed : 0;
    uint32_t begin;

    if (kept + records > log->size)
        return false;
    if (kept == 0)
        return true;
    begin = log->entries[needed & (log->size - 1)].at;
    if (log->write > begin)
        return log->bytes_size - log->write >= records * length || begin > records * length;
    return begin - log->write > records * length;
}
