/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The desk over which members' facts pass between the engine, the sync thread and the store (see facts.h).
 */
#include "bellwether/facts.h"

#include <stdlib.h>

struct bw_facts_desk *bw_facts_desk_new(void)
{
    struct bw_facts_desk *desk = calloc(1, sizeof(*desk));

    if (desk == NULL)
        return NULL;
    desk->own = bw_published_new(sizeof(struct bw_facts_own));
    desk->offer = bw_published_new(sizeof(struct bw_facts));
    desk->others = bw_published_new(sizeof(struct bw_facts_others));
    if (desk->own != NULL && desk->offer != NULL && desk->others != NULL)
        return desk;
    bw_facts_desk_free(desk);
    return NULL;
}

void bw_facts_desk_free(struct bw_facts_desk *desk)
{
    if (desk == NULL)
        return;
    bw_published_free(desk->own);
    bw_published_free(desk->offer);
    bw_published_free(desk->others);
    free(desk);
}
