/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * History, admin state, pnotes, groups and facts as files. Reading keeps all that can be read; a file that is damaged, or another
 * member's, is told and set aside, so that nothing is ever lost by writing a new one.
 */
#include "agent/store/files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/store/disk.h"
#include "agent/sync/facts.h"
#include "bellwether/log.h"

#define HISTORY_NAME "history"
#define ADMIN_NAME   "admin"
#define PNOTES_NAME  "pnotes"
#define GROUPS_NAME  "groups"
#define FACTS_NAME   "facts"

/* Takes one record. 0, or negative errno when it is not to be believed. */
typedef int (*take_record)(const struct bw_record *record, void *to, struct bw_kept_file *file);

static struct bw_store_identity identity_of(const struct bw_store_place *place, enum bw_record_kind kind)
{
    return (struct bw_store_identity){.cluster = place->cluster, .member = place->member, .kind = (uint8_t)kind};
}

static void set_aside(const struct bw_store_place *place, const char *name, const char *suffix, bool tell,
                      const char *why, struct bw_kept_file *file)
{
    int err = tell ? bw_disk_set_aside(place->dir, name, suffix) : -EALREADY;

    file->sound = false;
    file->in_the_way = err != 0;
    if (tell && err)
        bw_log(BW_LOG_ERROR, "%s/%s %s, and cannot be renamed to %s%s: %s", place->path, name, why, name, suffix,
               strerror(-err));
    else if (tell)
        bw_log(BW_LOG_ERROR, "%s/%s %s; it is now %s%s", place->path, name, why, name, suffix);
}

/* Says whether the header is somebody else's; the buffer gets the words. */
static bool foreign(const struct bw_store_identity *own, const struct bw_record *record, char *why, size_t cap)
{
    struct bw_store_identity other;

    if (bw_record_get_header(record, &other) ||
        (other.cluster == own->cluster && other.member == own->member && other.kind == own->kind))
        return false;
    if (other.kind != own->kind)
        snprintf(why, cap, "is not what its name says");
    else
        snprintf(why, cap, "belongs to member %u of cluster %u, and this is member %u of cluster %u", other.member,
                 other.cluster, own->member, own->cluster);
    return true;
}

static void read_records(const struct bw_store_place *place, const char *name, enum bw_record_kind kind,
                         take_record take, void *to, bool tell, const uint8_t *bytes, size_t length,
                         struct bw_kept_file *file)
{
    struct bw_store_identity own = identity_of(place, kind);
    size_t at = 0, bad = 0, start = 0;
    struct bw_record record;
    bool header = false;
    char why[160];

    while (bw_record_next(bytes, length, &own, &at, &bad, &record)) {
        if (record.kind == BW_RECORD_HEADER && foreign(&own, &record, why, sizeof(why))) {
            set_aside(place, name, ".foreign", tell, why, file);
            return;
        }
        if (record.kind == BW_RECORD_HEADER)
            header = header || start == 0;
        else if (take(&record, to, file))
            bad += BW_RECORD_OVERHEAD + record.length;
        else
            file->records++;
        start = at;
    }
    file->size = length;
    file->sound = header && bad == 0;
    if (file->sound)
        return;
    if (header || bad)
        snprintf(why, sizeof(why), "is damaged: %zu of %zu bytes cannot be read, %u entries are kept", bad, length,
                 file->records);
    else
        snprintf(why, sizeof(why), "is damaged: it has no header, %u entries are kept", file->records);
    set_aside(place, name, ".damaged", tell, why, file);
}

static void read_file(const struct bw_store_place *place, const char *name, enum bw_record_kind kind, take_record take,
                      void *to, bool tell, struct bw_kept_file *file)
{
    uint8_t *bytes;
    size_t length;
    char why[160];
    int err = bw_disk_read(place->dir, name, &bytes, &length);

    memset(file, 0, sizeof(*file));
    if (err == -ENOENT)
        return;
    if (err) {
        snprintf(why, sizeof(why), "cannot be read: %s", strerror(-err));
        set_aside(place, name, ".damaged", tell, why, file);
        return;
    }
    read_records(place, name, kind, take, to, tell, bytes, length, file);
    free(bytes);
}

static int take_event(const struct bw_record *record, void *to, struct bw_kept_file *file)
{
    struct bw_history *history = to;
    struct bw_event event;
    int err = bw_record_get_event(record, &event);

    if (err || event.number <= file->last)
        return -EBADMSG;
    file->last = event.number;
    if (history)
        bw_history_restore(history, &event);
    return 0;
}

static int take_admin(const struct bw_record *record, void *to, struct bw_kept_file *file)
{
    (void)file;
    return bw_record_get_admin(record, to);
}

static int take_pnote(const struct bw_record *record, void *to, struct bw_kept_file *file)
{
    struct bw_kept_pnotes *pnotes = to;
    struct bw_pnote_row row;

    if (pnotes->count == BW_MAX_PNOTES || bw_record_get_pnote(record, &row))
        return -EBADMSG;
    (void)file;
    for (uint32_t i = 0; i < pnotes->count; i++) {
        if (!strcmp(pnotes->rows[i].name, row.name))
            return -EBADMSG;
    }
    pnotes->rows[pnotes->count++] = row;
    return 0;
}

static int take_group(const struct bw_record *record, void *to, struct bw_kept_file *file)
{
    struct bw_kept_groups *groups = to;
    struct bw_kept_group row;

    (void)file;
    if (groups->count == BW_MAX_GROUPS || bw_record_get_group(record, &row))
        return -EBADMSG;
    for (uint32_t i = 0; i < groups->count; i++) {
        if (!strcmp(groups->rows[i].name, row.name))
            return -EBADMSG;
    }
    groups->rows[groups->count++] = row;
    return 0;
}

static int take_fact(const struct bw_record *record, void *to, struct bw_kept_file *file)
{
    struct bw_sync_record fact;

    (void)file;
    return bw_record_get_fact(record, &fact) || bw_fact_table_set(to, &fact) ? -EBADMSG : 0;
}

void bw_store_read_history(const struct bw_store_place *place, struct bw_history *history, bool tell,
                           struct bw_kept_file *file)
{
    read_file(place, HISTORY_NAME, BW_RECORD_EVENT, take_event, history, tell, file);
}

void bw_store_read_admin(const struct bw_store_place *place, struct bw_kept_admin *admin, bool tell,
                         struct bw_kept_file *file)
{
    struct bw_kept_admin found = {.admin = 0};

    read_file(place, ADMIN_NAME, BW_RECORD_ADMIN, take_admin, &found, tell, file);
    *admin =
        found.admin >= BW_ADMIN_UP && found.admin <= BW_ADMIN_FORCE_DOWN ? found : (struct bw_kept_admin){.admin = 0};
}

void bw_store_read_pnotes(const struct bw_store_place *place, struct bw_kept_pnotes *pnotes, bool tell,
                          struct bw_kept_file *file)
{
    pnotes->count = 0;
    read_file(place, PNOTES_NAME, BW_RECORD_PNOTE, take_pnote, pnotes, tell, file);
}

void bw_store_read_groups(const struct bw_store_place *place, struct bw_kept_groups *groups, bool tell,
                          struct bw_kept_file *file)
{
    groups->count = 0;
    read_file(place, GROUPS_NAME, BW_RECORD_GROUP, take_group, groups, tell, file);
}

void bw_store_read_facts(const struct bw_store_place *place, struct bw_kept_facts *facts, bool tell,
                         struct bw_kept_file *file)
{
    struct bw_fact_table table = {0};

    memset(facts, 0, sizeof(*facts)); /* padding too: it is compared */
    read_file(place, FACTS_NAME, BW_RECORD_FACT, take_fact, &table, tell, file);
    for (uint32_t i = 0; i < table.count; i++) {
        uint8_t subject = table.records[i]->bytes[0], flags;
        struct bw_facts found;

        if (!bw_fact_is_head(table.records[i]) || bw_fact_table_get(&table, subject, &found, &flags))
            continue;
        if (subject == place->member) {
            facts->number = found.number;
        } else if (facts->others.count < BW_MAX_MEMBERS) {
            facts->others.rows[facts->others.count].member = subject;
            facts->others.rows[facts->others.count++].facts = found;
        }
    }
    bw_fact_table_fini(&table);
}

/* Replaces a file; what is in the way goes aside first. */
static int replace(const struct bw_store_place *place, const char *name, const uint8_t *bytes, size_t length,
                   struct bw_kept_file *file)
{
    int err = 0;

    if (file->in_the_way)
        err = bw_disk_set_aside(place->dir, name, ".damaged");
    if (err == 0 || err == -ENOENT) {
        file->in_the_way = false;
        err = bw_disk_replace(place->dir, name, bytes, length);
    }
    file->sound = err == 0;
    file->size = length;
    return err;
}

/* Puts the events from `from` to the newest into a new buffer, behind `at` bytes of room. Returns its length, -ENOMEM.
 */
static ssize_t gather(const struct bw_history *history, const struct bw_store_identity *identity, uint64_t from,
                      uint64_t last, size_t at, uint8_t **bytes, unsigned *records)
{
    size_t room = at + (size_t)(last - from + 1) * BW_RECORD_MAX;
    struct bw_event event;

    *records = 0;
    *bytes = malloc(room + BW_RECORD_MAX);
    if (!*bytes)
        return -ENOMEM;
    for (uint64_t number = from; number <= last; number++) {
        if (bw_history_read(history, number, &event))
            continue; /* it fell out of the ring, or was lost with a damaged record */
        at += bw_record_put_event(*bytes + at, identity, &event);
        ++*records;
    }
    return (ssize_t)at;
}

int bw_store_write_history(const struct bw_store_place *place, const struct bw_history *history,
                           struct bw_kept_file *file)
{
    struct bw_store_identity own = identity_of(place, BW_RECORD_EVENT);
    uint64_t first, last;
    uint8_t *bytes;
    unsigned records;
    ssize_t length;
    int err;

    bw_history_range(history, &first, &last);
    if (first == 0)
        first = last + 1;
    length = gather(history, &own, first, last, BW_RECORD_HEADER_BYTES, &bytes, &records);
    if (length < 0)
        return (int)length;
    bw_record_put_header(bytes, &own);
    err = replace(place, HISTORY_NAME, bytes, (size_t)length, file);
    free(bytes);
    if (err == 0) {
        file->records = records;
        file->last = last;
    }
    return err;
}

int bw_store_append_history(const struct bw_store_place *place, const struct bw_history *history,
                            struct bw_kept_file *file)
{
    struct bw_store_identity own = identity_of(place, BW_RECORD_EVENT);
    uint64_t first, last;
    uint8_t *bytes;
    unsigned records;
    ssize_t length;
    int err;

    bw_history_range(history, &first, &last);
    if (first <= file->last)
        first = file->last + 1;
    if (last < first)
        return 0;
    length = gather(history, &own, first, last, 0, &bytes, &records);
    if (length < 0)
        return (int)length;
    err = bw_disk_append(place->dir, HISTORY_NAME, file->size, bytes, (size_t)length);
    free(bytes);
    if (err == 0) {
        file->size += (size_t)length;
        file->records += records;
        file->last = last;
    }
    return err;
}

int bw_store_write_admin(const struct bw_store_place *place, const struct bw_kept_admin *admin,
                         struct bw_kept_file *file)
{
    struct bw_store_identity own = identity_of(place, BW_RECORD_ADMIN);
    uint8_t bytes[2 * BW_RECORD_MAX];
    size_t at = bw_record_put_header(bytes, &own);

    at += bw_record_put_admin(bytes + at, &own, admin);
    return replace(place, ADMIN_NAME, bytes, at, file);
}

int bw_store_write_pnotes(const struct bw_store_place *place, const struct bw_kept_pnotes *pnotes,
                          struct bw_kept_file *file)
{
    struct bw_store_identity own = identity_of(place, BW_RECORD_PNOTE);
    uint8_t *bytes = malloc((BW_MAX_PNOTES + 1) * BW_RECORD_MAX);
    size_t at;
    int err;

    if (!bytes)
        return -ENOMEM;
    at = bw_record_put_header(bytes, &own);
    for (uint32_t i = 0; i < pnotes->count; i++)
        at += bw_record_put_pnote(bytes + at, &own, &pnotes->rows[i]);
    err = replace(place, PNOTES_NAME, bytes, at, file);
    free(bytes);
    return err;
}

int bw_store_write_groups(const struct bw_store_place *place, const struct bw_kept_groups *groups,
                          struct bw_kept_file *file)
{
    struct bw_store_identity own = identity_of(place, BW_RECORD_GROUP);
    uint8_t bytes[(BW_MAX_GROUPS + 1) * BW_RECORD_MAX];
    size_t at = bw_record_put_header(bytes, &own);

    for (uint32_t i = 0; i < groups->count; i++)
        at += bw_record_put_group(bytes + at, &own, &groups->rows[i]);
    return replace(place, GROUPS_NAME, bytes, at, file);
}

int bw_store_write_facts(const struct bw_store_place *place, const struct bw_kept_facts *facts,
                         struct bw_kept_file *file)
{
    struct bw_store_identity own = identity_of(place, BW_RECORD_FACT);
    const struct bw_facts number = {.number = facts->number};
    struct bw_fact_table table = {0};
    uint8_t *bytes = NULL;
    size_t at;
    int err = bw_fact_table_put(&table, place->member, &number, 0);

    for (uint32_t i = 0; i < facts->others.count && !err; i++)
        err = bw_fact_table_put(&table, (uint8_t)facts->others.rows[i].member, &facts->others.rows[i].facts, 0);
    if (!err)
        bytes = malloc((table.count + 1) * BW_RECORD_MAX);
    if (bytes) {
        at = bw_record_put_header(bytes, &own);
        for (uint32_t i = 0; i < table.count; i++) {
            struct bw_sync_record record = bw_fact_as_record(table.records[i], BW_SYNC_SET);

            at += bw_record_put_fact(bytes + at, &own, &record);
        }
        err = replace(place, FACTS_NAME, bytes, at, file);
    } else {
        err = err ? err : -ENOMEM;
    }
    free(bytes);
    bw_fact_table_fini(&table);
    return err;
}
