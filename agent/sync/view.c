/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine's view for the sync thread (see sync_view.h).
 */
#include "bellwether/sync_view.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "bellwether/published.h"

struct bw_sync_view_box {
    struct bw_published *published;
    _Atomic bool told;
    int fd;
    struct bw_sync_view last; /* the writer's */
};

struct bw_sync_view_box *bw_sync_view_new(void)
{
    struct bw_sync_view_box *box = calloc(1, sizeof(*box));

    if (box == NULL)
        return NULL;
    box->published = bw_published_new(sizeof(box->last));
    box->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (box->published != NULL && box->fd >= 0)
        return box;
    bw_sync_view_free(box);
    return NULL;
}

void bw_sync_view_free(struct bw_sync_view_box *box)
{
    if (box == NULL)
        return;
    explicit_bzero(&box->last, sizeof(box->last));
    if (box->published != NULL)
        bw_published_write(box->published, &box->last);
    bw_published_free(box->published);
    if (box->fd >= 0)
        close(box->fd);
    free(box);
}

void bw_sync_view_tell(struct bw_sync_view_box *box, const struct bw_sync_view *view)
{
    if (atomic_load_explicit(&box->told, memory_order_relaxed) && memcmp(&box->last, view, sizeof(*view)) == 0)
        return;
    memcpy(&box->last, view, sizeof(*view));
    bw_published_write(box->published, view);
    atomic_store_explicit(&box->told, true, memory_order_release);
    (void)!write(box->fd, &(uint64_t){1}, sizeof(uint64_t));
}

int bw_sync_view_fd(const struct bw_sync_view_box *box)
{
    return box->fd;
}

bool bw_sync_view_read(const struct bw_sync_view_box *box, struct bw_sync_view *view)
{
    return atomic_load_explicit(&box->told, memory_order_acquire) && bw_published_read(box->published, view);
}
