/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket's place in the file system and who is at its other end. A socket file left behind by a dead daemon
 * is replaced; one that somebody listens on is an error, and so is a file of another kind.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/control/control.h"
#include "bellwether/log.h"
#include "bellwether/text.h"

#define GROUPS_MAX 1024 /* supplementary groups of a peer that are looked at */

static void fill_address(struct sockaddr_un *address, const char *path)
{
    memset(address, 0, sizeof(*address));
    address->sun_family = AF_UNIX;
    bw_copy(address->sun_path, sizeof(address->sun_path), path);
}

/* Makes the folders above the socket that are missing. */
static int make_folders(const char *path)
{
    char folder[BW_PATH_MAX];

    bw_copy(folder, sizeof(folder), path);
    for (char *slash = strchr(folder + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(folder, 0755) < 0 && errno != EEXIST) {
            int rc = -errno;

            bw_log(BW_LOG_ERROR, "control: cannot make the folder %s: %s", folder, strerror(-rc));
            return rc;
        }
        *slash = '/';
    }
    return 0;
}

/* Does anybody answer at the address? 0 when not, -EADDRINUSE when so, other negative errno. */
static int look_for_rival(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int rc = 0;

    if (fd < 0)
        return -errno;
    if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN)
        rc = -EADDRINUSE;
    else if (errno != ECONNREFUSED && errno != ENOENT)
        rc = -errno;
    close(fd);
    return rc;
}

static int remove_stale(const struct sockaddr_un *address)
{
    struct stat st;
    int rc;

    if (lstat(address->sun_path, &st) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(st.st_mode)) {
        bw_log(BW_LOG_ERROR, "control: %s exists and is not a socket", address->sun_path);
        return -EEXIST;
    }
    rc = look_for_rival(address);
    if (rc == -EADDRINUSE)
        bw_log(BW_LOG_ERROR, "control: another daemon answers at %s", address->sun_path);
    if (rc == 0 && unlink(address->sun_path) < 0 && errno != ENOENT)
        rc = -errno;
    return rc;
}

int bw_control_listen(struct bw_control *control)
{
    struct sockaddr_un address;
    struct stat st;
    int fd = -1, rc;

    fill_address(&address, control->path);
    rc = make_folders(control->path);
    if (rc < 0)
        return rc;
    rc = remove_stale(&address);
    if (rc < 0)
        goto out;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* Nobody can connect before listen, so the mode is right before anybody comes in. */
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 || chmod(control->path, 0660) < 0 ||
        stat(control->path, &st) < 0 || listen(fd, 64) < 0) {
        rc = -errno;
        goto out;
    }
    control->socket_device = st.st_dev;
    control->socket_inode = st.st_ino;
    control->listen_fd = fd;
    return 0;
out:
    if (rc != -EADDRINUSE && rc != -EEXIST)
        bw_log(BW_LOG_ERROR, "control: cannot listen at %s: %s", control->path, strerror(-rc));
    if (fd >= 0)
        close(fd);
    return rc;
}

void bw_control_unlisten(struct bw_control *control)
{
    struct stat st;

    if (control->listen_fd < 0)
        return;
    close(control->listen_fd);
    control->listen_fd = -1;
    if (lstat(control->path, &st) == 0 && st.st_dev == control->socket_device && st.st_ino == control->socket_inode)
        unlink(control->path);
}

int bw_control_peer(const struct bw_control *control, int fd, uid_t *uid, bool *may_change)
{
    struct ucred peer;
    gid_t groups[GROUPS_MAX];
    socklen_t length = sizeof(peer);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
        return -errno;
    *uid = peer.uid;
    *may_change = peer.uid == 0 || peer.uid == control->own_uid || peer.gid == control->own_gid;
    length = sizeof(groups);
    if (*may_change || getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &length) < 0)
        return 0;
    for (size_t i = 0; i < length / sizeof(groups[0]); i++)
        if (groups[i] == control->own_gid)
            *may_change = true;
    return 0;
}
