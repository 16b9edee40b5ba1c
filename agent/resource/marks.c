/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Marks: which resources were started and not stopped, one name a line in state_dir. Written before a start command
 * runs and after a stop command has run, so that whatever ends the daemon, its next run stops what may still be there.
 * They need not outlive the host: nothing that they speak of does, and a stop command must stand being run in vain.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/resource/private.h"
#include "bellwether/log.h"
#include "bellwether/text.h"

#define NAME "resources.started"

static void path_of(const struct bw_config *config, const char *ending, char *path, size_t cap)
{
    snprintf(path, cap, "%s/" NAME "%s", config->state_dir, ending);
}

uint64_t bw_resource_read_marks(const struct bw_config *config)
{
    char path[BW_PATH_MAX + 32], text[BW_MAX_RESOURCES * BW_NAME_MAX + 1];
    uint64_t marks = 0;
    ssize_t n;
    int fd;

    path_of(config, "", path, sizeof(path));
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return 0;
    n = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    for (char *rest = text, *name; (name = strsep(&rest, "\n")) != NULL;)
        for (unsigned i = 0; i < config->resources_count; i++)
            if (strcmp(name, config->resources[i].name) == 0)
                marks |= 1ULL << i;
    return marks;
}

static int write_file(const struct bw_config *config, uint64_t marks)
{
    char path[BW_PATH_MAX + 32], new[BW_PATH_MAX + 32], text[BW_MAX_RESOURCES * BW_NAME_MAX + 1] = "";
    size_t length = 0;
    int fd, error = 0;

    path_of(config, "", path, sizeof(path));
    path_of(config, ".new", new, sizeof(new));
    for (unsigned i = 0; i < config->resources_count; i++)
        if (marks >> i & 1)
            length += bw_format(text + length, sizeof(text) - length, "%s\n", config->resources[i].name);
    fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    if (write(fd, text, length) != (ssize_t)length)
        error = errno != 0 ? -errno : -EIO;
    close(fd);
    if (error == 0 && rename(new, path) != 0)
        error = -errno;
    return error;
}

void bw_resource_write_marks(struct bw_resources *all, uint64_t touched)
{
    uint64_t suppressed;
    int error;

    if (touched == all->marked)
        return;
    error = write_file(all->context.config, touched);
    all->marked = touched; /* not tried again at each turn */
    if (error != 0 && bw_log_allowed(&all->mark_limit, bw_monitor_now_ns(), &suppressed))
        bw_log(BW_LOG_WARNING,
               "resources: what was started cannot be noted in %s (%s): were the daemon killed, it would stay",
               all->context.config->state_dir, strerrordesc_np(-error));
}
