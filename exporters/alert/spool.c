/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A target's queue on disk: records appended as things happen, and the file written anew from what is in memory when it has grown or
 * is damaged. The alert thread's alone; it may wait for the disk. Without a disk that works the queue lives in memory, which is told.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/store/disk.h"
#include "alert.h"
#include "bellwether/log.h"

#define GROWN_BYTES (256 * 1024) /* then it is written anew, if at least half of it is over */
#define AGAIN_NS    (10 * BW_SEC)

static bool add_pending(struct bw_spool *spool, const struct bw_alert_record *record)
{
    size_t room = spool->pending_room != 0 ? spool->pending_room * 2 : 4 * BW_ALERT_RECORD_MAX;

    if (spool->pending_room - spool->pending_length < BW_ALERT_RECORD_MAX) {
        uint8_t *bigger = realloc(spool->pending, room);

        if (bigger == NULL)
            return false;
        spool->pending = bigger;
        spool->pending_room = room;
    }
    spool->pending_length += bw_alert_record_put(spool->pending + spool->pending_length, record);
    return true;
}

static void keep(void *keeper, const struct bw_alert_record *record)
{
    struct bw_spool *spool = keeper;

    if (!add_pending(spool, record))
        spool->sound = false; /* all of it is written at the next flush */
}

/* Everything that is in memory, as records. */
static void add_all(struct bw_spool *spool)
{
    struct bw_alert_record record = {.kind = BW_ALERT_RECORD_HEADER, .cluster = spool->cluster, .member = spool->member};

    spool->pending_length = 0;
    bw_copy(record.name, sizeof(record.name), spool->name);
    add_pending(spool, &record);
    record = (struct bw_alert_record){.kind = BW_ALERT_RECORD_LAST, .number = spool->last_number, .wall = spool->last_wall};
    add_pending(spool, &record);
    record = (struct bw_alert_record){.kind = BW_ALERT_RECORD_MESSAGE};
    for (uint32_t i = 0; i < spool->flow->sent_count; i++) {
        record.message = spool->flow->sent[i].message;
        add_pending(spool, &record);
    }
    for (uint32_t i = 0; i < spool->flow->count; i++) {
        record.message = *bw_flow_at(spool->flow, i);
        add_pending(spool, &record);
    }
    record.kind = BW_ALERT_RECORD_HELD;
    for (int i = 0; i <= BW_ALERT_HELD_MAX; i++) {
        const struct bw_alert_held *h = i < BW_ALERT_HELD_MAX ? &spool->flow->held[i] : &spool->flow->rated;

        if (!h->gathers)
            continue;
        record.message = h->message;
        add_pending(spool, &record);
    }
}

static void tell_disk(struct bw_spool *spool, int error, uint64_t now_ns)
{
    if (error == 0 && spool->failing)
        bw_log(BW_LOG_NOTICE, "alerts: the queue of %s is kept on disk again", spool->name);
    if (error != 0 && !spool->failing)
        bw_log(BW_LOG_ERROR, "alerts: %s/%s cannot be written: %s; its messages would not outlive a restart", spool->path,
               spool->file, strerrordesc_np(-error));
    spool->failing = error != 0;
    spool->next_try_ns = error != 0 ? now_ns + AGAIN_NS : 0;
}

static int write_whole(struct bw_spool *spool)
{
    int error;

    add_all(spool);
    error = bw_disk_replace(spool->dir, spool->file, spool->pending, spool->pending_length);
    spool->sound = error == 0;
    spool->size = error == 0 ? spool->pending_length : 0;
    return error;
}

static bool is_grown(const struct bw_spool *spool)
{
    size_t live = 0;

    if (spool->size + spool->pending_length < GROWN_BYTES)
        return false;
    for (uint32_t i = 0; i < spool->flow->count; i++)
        live += 600 + (bw_flow_at(spool->flow, i)->lines != NULL ? 1500 : 0);
    return spool->size + spool->pending_length > 2 * live + GROWN_BYTES / 2;
}

void bw_spool_flush(struct bw_spool *spool, uint64_t now_ns)
{
    const struct bw_alert_record last = {.kind = BW_ALERT_RECORD_LAST, .number = spool->last_number, .wall = spool->last_wall};
    int error = -ESTALE;

    if (spool->pending_length > 0 && spool->last_new) {
        add_pending(spool, &last);
        spool->last_new = false;
    }
    if (spool->dir < 0 || (spool->pending_length == 0 && spool->sound))
        spool->pending_length = 0;
    else if (now_ns >= spool->next_try_ns) {
        if (spool->sound && !is_grown(spool))
            error = bw_disk_append(spool->dir, spool->file, spool->size, spool->pending, spool->pending_length);
        if (error == 0)
            spool->size += spool->pending_length;
        else
            error = write_whole(spool);
        spool->pending_length = 0;
        tell_disk(spool, error, now_ns);
    } else {
        spool->pending_length = 0; /* all of it is written when the disk works again */
        spool->sound = false;
    }
}

void bw_spool_last(struct bw_spool *spool, uint64_t number, int64_t wall)
{
    spool->last_number = number;
    spool->last_wall = wall;
    spool->last_known = true;
    spool->last_new = true;
}

/* ---- reading ---- */

/* What a file holds, before it goes into the flow: those waiting in order, and what is done of them. */
struct reading {
    struct bw_alert_record *records;
    size_t count, room;
    uint64_t newest; /* sequence */
    bool foreign;
};

static bool take_record(struct bw_spool *spool, struct reading *r, struct bw_alert_record *record)
{
    if (record->kind == BW_ALERT_RECORD_HEADER)
        r->foreign = r->foreign || record->cluster != spool->cluster || record->member != spool->member ||
                     strcmp(record->name, spool->name) != 0;
    if (record->kind == BW_ALERT_RECORD_LAST) {
        spool->last_number = record->number;
        spool->last_wall = record->wall;
        spool->last_known = true;
    }
    if (record->kind == BW_ALERT_RECORD_DONE || record->kind == BW_ALERT_RECORD_TOLD || record->kind == BW_ALERT_RECORD_HELD ||
        (record->kind == BW_ALERT_RECORD_MESSAGE && record->message.sequence <= r->newest))
        for (size_t i = r->count; i-- > 0;) {
            bool whole = record->kind == BW_ALERT_RECORD_HELD || record->kind == BW_ALERT_RECORD_MESSAGE;
            uint64_t sequence = whole ? record->message.sequence : record->number;

            if (r->records[i].message.sequence != sequence)
                continue;
            bw_alert_message_free(&r->records[i].message);
            r->records[i].kind = 0;
            break;
        }
    if (record->kind != BW_ALERT_RECORD_MESSAGE && record->kind != BW_ALERT_RECORD_HELD)
        return true;
    if (r->count == r->room) {
        size_t room = r->room != 0 ? r->room * 2 : 256;
        struct bw_alert_record *bigger = realloc(r->records, room * sizeof(*bigger));

        if (bigger == NULL) {
            bw_alert_message_free(&record->message);
            return false;
        }
        r->records = bigger;
        r->room = room;
    }
    r->records[r->count++] = *record;
    if (record->message.sequence > r->newest)
        r->newest = record->message.sequence;
    return true;
}

static void restore(struct bw_spool *spool, struct reading *r, uint64_t now_ns)
{
    for (size_t i = 0; i < r->count; i++) {
        struct bw_alert_record *record = &r->records[i];

        if (record->kind == 0)
            continue;
        if (r->foreign)
            bw_alert_message_free(&record->message);
        else
            bw_flow_restore(spool->flow, &record->message, record->kind == BW_ALERT_RECORD_HELD, now_ns);
    }
    free(r->records);
}

static void set_aside(struct bw_spool *spool, const char *why)
{
    int error = bw_disk_set_aside(spool->dir, spool->file, ".damaged");

    bw_log(BW_LOG_WARNING, "alerts: %s/%s %s; %s%s", spool->path, spool->file, why,
           error == 0 ? "set aside as .damaged" : "cannot be set aside: ", error == 0 ? "" : strerrordesc_np(-error));
    spool->sound = false;
}

static void read_file(struct bw_spool *spool, uint64_t now_ns)
{
    struct bw_alert_record record;
    struct reading r = {.foreign = false};
    size_t length = 0, at = 0, bad = 0;
    uint8_t *bytes = NULL;
    char why[64];
    int error = bw_disk_read(spool->dir, spool->file, &bytes, &length);

    if (error == -ENOENT)
        return;
    if (error != 0) {
        bw_format(why, sizeof(why), "cannot be read (%s)", strerrordesc_np(-error));
        set_aside(spool, why);
        return;
    }
    while (bw_alert_record_next(bytes, length, &at, &bad, &record))
        if (!take_record(spool, &r, &record))
            bad++;
    free(bytes);
    restore(spool, &r, now_ns);
    spool->size = length;
    spool->sound = bad == 0 && !r.foreign;
    if (r.foreign) {
        spool->last_known = false;
        set_aside(spool, "is of another cluster or member");
    } else if (bad > 0) {
        bw_format(why, sizeof(why), "holds %lu damaged bytes, the rest is used", (unsigned long)bad);
        set_aside(spool, why);
    }
}

void bw_spool_open(struct bw_spool *spool, struct bw_flow *flow, uint64_t now_ns)
{
    spool->flow = flow;
    bw_format(spool->file, sizeof(spool->file), "%s.queue", spool->name);
    flow->keep = NULL; /* what is restored is there already */
    if (spool->dir >= 0)
        read_file(spool, now_ns);
    flow->keep = keep;
    flow->keeper = spool;
    if (!spool->sound)
        spool->size = 0;
}

void bw_spool_close(struct bw_spool *spool)
{
    bw_spool_flush(spool, UINT64_MAX);
    free(spool->pending);
    spool->pending = NULL;
    spool->pending_length = spool->pending_room = 0;
}

void bw_spool_remove(struct bw_spool *spool)
{
    if (spool->dir >= 0)
        unlinkat(spool->dir, spool->file, 0);
    spool->pending_length = 0;
    spool->sound = true;
}
