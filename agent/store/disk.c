/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state directory. Files are replaced whole (a crash leaves the old one or the new one) or appended to.
 */
#include "agent/store/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "bellwether/limits.h"

#define FILE_MODE      0640
#define DIRECTORY_MODE 0750
#define PARENT_MODE    0755
#define LOCK_TRIES     10 /* a predecessor that is just being killed may hold the lock for some milliseconds */
#define LOCK_WAIT_US   20000

static int make_directory(const char *path)
{
    char part[BW_PATH_MAX];

    if (strlen(path) >= sizeof(part))
        return -ENAMETOOLONG;
    strcpy(part, path);
    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(part, PARENT_MODE) && errno != EEXIST)
            return -errno;
        *slash = '/';
    }
    return mkdir(part, DIRECTORY_MODE) && errno != EEXIST ? -errno : 0;
}

int bw_disk_open(const char *path)
{
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int err;

    if (dir < 0 && errno == ENOENT) {
        err = make_directory(path);
        if (err)
            return err;
        dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (dir < 0)
        return -errno;
    for (int i = 0; flock(dir, LOCK_EX | LOCK_NB); i++) {
        err = errno == EWOULDBLOCK ? -EBUSY : -errno;
        if (err != -EBUSY || i == LOCK_TRIES) {
            close(dir);
            return err;
        }
        usleep(LOCK_WAIT_US);
    }
    return dir;
}

bool bw_disk_same(int dir, const char *path)
{
    struct stat open_one, present;

    return fstat(dir, &open_one) == 0 && stat(path, &present) == 0 && open_one.st_dev == present.st_dev &&
           open_one.st_ino == present.st_ino;
}

static int read_fully(int fd, uint8_t *bytes, size_t length)
{
    for (size_t at = 0; at < length;) {
        ssize_t n = read(fd, bytes + at, length - at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        at += (size_t)n;
    }
    return 0;
}

int bw_disk_read(int dir, const char *name, uint8_t **bytes, size_t *length)
{
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;
    int err = 0;

    *bytes = NULL;
    *length = 0;
    if (fd < 0)
        return -errno;
    if (fstat(fd, &st))
        err = -errno;
    else if (!S_ISREG(st.st_mode))
        err = -EINVAL;
    else if (st.st_size > (off_t)BW_STORE_FILE_MAX)
        err = -EFBIG;
    if (err == 0) {
        *length = (size_t)st.st_size;
        *bytes = malloc(*length + 1);
        err = *bytes ? read_fully(fd, *bytes, *length) : -ENOMEM;
    }
    if (err) {
        free(*bytes);
        *bytes = NULL;
        *length = 0;
    }
    close(fd);
    return err;
}

static int write_fully(int fd, const uint8_t *bytes, size_t length)
{
    for (size_t at = 0; at < length;) {
        ssize_t n = write(fd, bytes + at, length - at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -ENOSPC;
        at += (size_t)n;
    }
    return 0;
}

int bw_disk_replace(int dir, const char *name, const uint8_t *bytes, size_t length)
{
    char beside[64];
    int fd, err;

    snprintf(beside, sizeof(beside), "%s.tmp", name);
    /* One that a crash left behind may be anything: never written through. */
    if (unlinkat(dir, beside, 0) && errno != ENOENT)
        return -errno;
    fd = openat(dir, beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (fd < 0)
        return -errno;
    err = write_fully(fd, bytes, length);
    if (err == 0 && fsync(fd))
        err = -errno;
    if (close(fd) && err == 0)
        err = -errno;
    if (err == 0 && renameat(dir, beside, dir, name))
        err = -errno;
    if (err) {
        unlinkat(dir, beside, 0);
        return err;
    }
    return fsync(dir) ? -errno : 0;
}

int bw_disk_append(int dir, const char *name, size_t size, const uint8_t *bytes, size_t length)
{
    int fd = openat(dir, name, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;
    int err;

    if (fd < 0)
        return errno == ENOENT || errno == ELOOP || errno == EISDIR ? -ESTALE : -errno;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size != (off_t)size) {
        close(fd);
        return -ESTALE;
    }
    err = write_fully(fd, bytes, length);
    if (err == 0 && fdatasync(fd))
        err = -errno;
    /* A torn end would be found damaged at the next start. When cutting fails as well, the size tells at the next try.
     */
    if (err && ftruncate(fd, (off_t)size))
        err = -errno;
    close(fd);
    return err;
}

int bw_disk_room(int dir)
{
    struct statvfs fs;

    if (fstatvfs(dir, &fs))
        return -errno;
    if (fs.f_flag & ST_RDONLY)
        return -EROFS;
    /* Some file systems count neither, and tell 0 of 0. */
    return (fs.f_blocks > 0 && fs.f_bfree == 0) || (fs.f_files > 0 && fs.f_ffree == 0) ? -ENOSPC : 0;
}

int bw_disk_set_aside(int dir, const char *name, const char *suffix)
{
    char aside[64];

    snprintf(aside, sizeof(aside), "%s%s", name, suffix);
    return renameat(dir, name, dir, aside) ? -errno : 0;
}
