/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the engine tells the sync thread: who is there, in which incarnation, who serves, the secured interfaces, the cluster keys. One writer, one
 * reader, neither waits; a descriptor wakes the reader.
 */
#ifndef BELLWETHER_SYNC_VIEW_H
#define BELLWETHER_SYNC_VIEW_H

#include "bellwether/model.h"

struct bw_sync_view {
    bool holds;           /* the local member serves: holds a group, or a share */
    uint32_t groups_held; /* bit per group index: held by the local member */
    uint8_t members_count;
    struct bw_sync_view_member {
        uint8_t id;
        bool in_view;
        uint32_t groups; /* bit per group index: held by it */
        uint16_t down;   /* bit per interface index: it says that the interface is down there */
        struct bw_boot_id boot; /* of its living incarnation; zero = none known */
    } members[BW_MAX_MEMBERS]; /* others */
    struct bw_sync_view_link {
        bool usable; /* secured, its link is up, and it is not known to be dead in either direction */
        int32_t ifindex;
        uint32_t mtu;
        uint8_t mac[6];
        struct bw_address address4;
    } links[BW_MAX_INTERFACES]; /* by interface index; those that are not secured are never usable */
    uint64_t facts_number, facts_offered; /* of the local member's facts, which lie on their desk (facts.h) */
    uint32_t keys_count; /* 0 with auth "none" */
    uint8_t keys[2][BW_KEY_BYTES];
};

struct bw_sync_view_box;

/* NULL when out of memory or descriptors. */
struct bw_sync_view_box *bw_sync_view_new(void);
/* Wipes it. NULL is allowed. */
void bw_sync_view_free(struct bw_sync_view_box *box);
/* The engine: writes when something differs from what it wrote last. */
void bw_sync_view_tell(struct bw_sync_view_box *box, const struct bw_sync_view *view);
/* The sync thread: readable when something is new (read it empty); false: nothing was told yet. */
int bw_sync_view_fd(const struct bw_sync_view_box *box);
bool bw_sync_view_read(const struct bw_sync_view_box *box, struct bw_sync_view *view);

#endif
