/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finding processes: by pid file and by name. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/monitor/monitor.h"
#include "bellwether/text.h"

pid_t bw_find_by_file(const char *path, struct bw_file_id *id)
{
    /* Not to wait where somebody has put a pipe. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), error = 0;
    char text[32], *end;
    struct stat s;
    ssize_t n = 0;
    long pid;

    if (fd < 0)
        return -errno;
    if (fstat(fd, &s) != 0)
        error = -errno;
    else if (!S_ISREG(s.st_mode))
        error = -EINVAL;
    else if ((n = read(fd, text, sizeof(text) - 1)) < 0)
        error = -errno;
    close(fd);
    if (error != 0)
        return error;
    text[n] = '\0';
    pid = strtol(text, &end, 10);
    if (end == text || (*end != '\0' && strchr(" \t\r\n", *end) == NULL) || pid < 1 || pid > 4194304)
        return -ENOMSG;
    *id = (struct bw_file_id){s.st_dev, s.st_ino, s.st_mtim, s.st_ctim};
    return (pid_t)pid;
}

bool bw_find_same_file(const struct bw_file_id *a, const struct bw_file_id *b)
{
    return a->device == b->device && a->inode == b->inode && a->modified.tv_sec == b->modified.tv_sec &&
           a->modified.tv_nsec == b->modified.tv_nsec && a->changed.tv_sec == b->changed.tv_sec &&
           a->changed.tv_nsec == b->changed.tv_nsec;
}

bool bw_find_look(pid_t pid, char *name, char *state)
{
    char path[64], text[256], *begin, *end;
    int fd;
    ssize_t n;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    n = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (n <= 0)
        return false;
    text[n] = '\0';
    /* "pid (name) state …": the name may hold anything, also ")". */
    begin = strchr(text, '(');
    end = strrchr(text, ')');
    if (begin == NULL || end == NULL || end < begin || end[1] != ' ')
        return false;
    *state = end[2];
    *end = '\0';
    bw_copy(name, 16, begin + 1);
    return true;
}

pid_t bw_find_by_name(const char *name)
{
    DIR *proc = opendir("/proc");
    const struct dirent *entry;
    pid_t found = 0;

    if (proc == NULL)
        return -errno;
    while ((entry = readdir(proc)) != NULL) {
        long pid = strtol(entry->d_name, NULL, 10);
        char its_name[16], state;

        if (pid < 1 || (found != 0 && pid > found) || !bw_find_look((pid_t)pid, its_name, &state))
            continue;
        if (strcmp(its_name, name) == 0 && strchr("ZXx", state) == NULL)
            found = (pid_t)pid;
    }
    closedir(proc);
    return found != 0 ? found : -ESRCH;
}
