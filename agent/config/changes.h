/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside agent/config: whether a key can change while the daemon runs. Every key of the tables has a row, those inside a
 * section or list that changes only as a whole (class RESTART with a comparison of its own) excepted.
 */
#ifndef BELLWETHER_CONFIG_CHANGES_H
#define BELLWETHER_CONFIG_CHANGES_H

#include "agent/config/reader.h"
#include "bellwether/reload.h"

enum bw_change_class {
    BW_CHANGE_LIVE = 1, /* without dropping an address */
    BW_CHANGE_RESTART,  /* refused: needs a restart */
    BW_CHANGE_INSIDE,   /* its keys have classes of their own; a list's number of rows needs a restart */
};

struct walk;

struct bw_change_rule {
    const char *section; /* title of the section */
    const char *key;
    enum bw_change_class class;
    const char *why; /* RESTART: the reason; INSIDE, lists: that of its number */
    /* In place of the comparison by the key's type. row: index within the list around it. */
    void (*compare)(struct walk *walk, const struct bw_change_rule *rule, const char *path, unsigned row);
};

/* NULL: has no class. */
const struct bw_change_rule *bw_change_rule_of(const char *section, const char *key);

#endif
