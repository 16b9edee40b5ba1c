/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside agent/store: the five files. Each is read by one function that tells what is wrong with it and sets a bad one
 * aside, and written whole by another.
 */
#ifndef BELLWETHER_STORE_FILES_H
#define BELLWETHER_STORE_FILES_H

#include "agent/store/record.h"
#include "bellwether/config.h"
#include "bellwether/facts.h"
#include "bellwether/history.h"

/* Persistent pnotes of the local member. */
struct bw_kept_pnotes {
    uint32_t count;
    struct bw_pnote_row rows[BW_MAX_PNOTES];
};

/* Groups that an administrator started or stopped. */
struct bw_kept_groups {
    uint32_t count;
    struct bw_kept_group rows[BW_MAX_GROUPS];
};

/* The number of the own facts (admin state, pnotes), and what is kept of the other members'. */
struct bw_kept_facts {
    uint64_t number;
    struct bw_facts_others others;
};

/* What was found in a file. */
struct bw_kept_file {
    bool sound;       /* every byte of it is good: it may be appended to; false also when it is not there */
    bool in_the_way;  /* damaged or foreign, and could not be set aside: to be done before the file is replaced */
    size_t size;      /* bytes */
    unsigned records; /* without the header */
    uint64_t last;    /* history: newest number */
};

struct bw_store_place {
    const char *path; /* of the directory, for messages */
    int dir;
    uint8_t cluster, member; /* ids of the owner */
};

/* Read. history may be NULL: only *file is wanted then. tell: log what is wrong (and set aside what is not this
 * member's or damaged). */
void bw_store_read_history(const struct bw_store_place *place, struct bw_history *history, bool tell,
                           struct bw_kept_file *file);
void bw_store_read_admin(const struct bw_store_place *place, struct bw_kept_admin *admin, bool tell,
                         struct bw_kept_file *file);
void bw_store_read_pnotes(const struct bw_store_place *place, struct bw_kept_pnotes *pnotes, bool tell,
                          struct bw_kept_file *file);

void bw_store_read_groups(const struct bw_store_place *place, struct bw_kept_groups *groups, bool tell,
                          struct bw_kept_file *file);

void bw_store_read_facts(const struct bw_store_place *place, struct bw_kept_facts *facts, bool tell,
                         struct bw_kept_file *file);

/* Write whole. 0 or negative errno; *file then describes the new file. */
int bw_store_write_history(const struct bw_store_place *place, const struct bw_history *history,
                           struct bw_kept_file *file);
int bw_store_write_admin(const struct bw_store_place *place, const struct bw_kept_admin *admin,
                         struct bw_kept_file *file);
int bw_store_write_pnotes(const struct bw_store_place *place, const struct bw_kept_pnotes *pnotes,
                          struct bw_kept_file *file);
int bw_store_write_groups(const struct bw_store_place *place, const struct bw_kept_groups *groups,
                          struct bw_kept_file *file);
int bw_store_write_facts(const struct bw_store_place *place, const struct bw_kept_facts *facts,
                         struct bw_kept_file *file);
/* Appends what is newer than file->last. */
int bw_store_append_history(const struct bw_store_place *place, const struct bw_history *history,
                            struct bw_kept_file *file);

#endif
