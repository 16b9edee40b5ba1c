/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Gives up what the daemon does not need: all capabilities but five, and with a user's name also being root.
 */
#include <cap-ng.h>
#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "agent/linux/linux.h"
#include "bellwether/log.h"

static const unsigned kept[] = {CAP_NET_ADMIN, CAP_NET_RAW, CAP_NET_BIND_SERVICE, CAP_SYS_NICE, CAP_IPC_LOCK};
/* For the helper that runs commands as other users; the agent gives them up when it has forked it. */
static const unsigned for_commands[] = {CAP_SETUID, CAP_SETGID, CAP_KILL};

static int keep(const unsigned *capabilities, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET, capabilities[i]) != 0)
            return -EINVAL;
    return 0;
}

/* Those of for_commands that this process has, to the front of `had`. Returns how many. */
static size_t for_commands_had(unsigned *had)
{
    size_t count = 0;

    for (size_t i = 0; i < sizeof(for_commands) / sizeof(for_commands[0]); i++)
        if (capng_have_capability(CAPNG_PERMITTED, for_commands[i]))
            had[count++] = for_commands[i];
    return count;
}

static int drop(const char *user, bool commands)
{
    unsigned had[sizeof(for_commands) / sizeof(for_commands[0])];
    size_t had_count = commands ? for_commands_had(had) : 0;
    const struct passwd *entry = NULL;
    int error = 0;

    if (geteuid() != 0)
        return 0;
    if (user != NULL && user[0] != '\0') {
        entry = getpwnam(user);
        if (entry == NULL) {
            bw_log(BW_LOG_ERROR, "there is no user \"%s\" on this host", user);
            return -ENOENT;
        }
    }
    capng_clear(CAPNG_SELECT_BOTH);
    if (keep(kept, sizeof(kept) / sizeof(kept[0])) != 0 || keep(had, had_count) != 0)
        return -EINVAL;
    if (entry != NULL)
        error = capng_change_id((int)entry->pw_uid, (int)entry->pw_gid, CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING);
    else
        error = capng_apply(CAPNG_SELECT_BOTH);
    if (error != 0) {
        bw_log(BW_LOG_ERROR, "cannot give up privileges (libcap-ng says %d)", error);
        return -EPERM;
    }
    return 0;
}

int bw_drop_privileges(const char *user)
{
    return drop(user, false);
}

int bw_drop_privileges_but_commands(void)
{
    return drop(NULL, true);
}
