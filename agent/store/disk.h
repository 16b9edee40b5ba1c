/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside agent/store: the state directory and whole files in it. Everything here may block on the disk. Functions
 * return 0 or a negative errno and log nothing.
 */
#ifndef BELLWETHER_STORE_DISK_H
#define BELLWETHER_STORE_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Largest file that is read: several times what a full history needs. */
#define BW_STORE_FILE_MAX (4u << 20)

/* Opens the directory and locks it against a second daemon; makes it (mode 0750) and those above it (0755) when
 * missing. The descriptor, or negative errno: -EBUSY when another process has it. */
int bw_disk_open(const char *path);
/* Is the descriptor still the directory at that path? */
bool bw_disk_same(int dir, const char *path);

/* Reads a whole file into *bytes (free it). -ENOENT, -EFBIG, -EINVAL (no regular file) or another error. */
int bw_disk_read(int dir, const char *name, uint8_t **bytes, size_t *length);
/* Makes a file have exactly this content, or stay as it was: writes beside it, syncs, renames, syncs the directory. */
int bw_disk_replace(int dir, const char *name, const uint8_t *bytes, size_t length);
/* Appends to a file that has exactly `size` bytes, and syncs. -ESTALE when it has not (or is not there); after another
 * error the file is cut back to size if that can be done. */
int bw_disk_append(int dir, const char *name, size_t size, const uint8_t *bytes, size_t length);
/* Is there room for more in it? 0, -EROFS, -ENOSPC (no block or no file can be had any more), or another error. */
int bw_disk_room(int dir);
/* Renames name to name + suffix, in place of an older one. */
int bw_disk_set_aside(int dir, const char *name, const char *suffix);

#endif
