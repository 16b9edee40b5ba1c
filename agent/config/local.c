/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which member this host is: `local` in the file, else by address, else by host name.
 */
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/config/reader.h"
#include "bellwether/text.h"

/* More than this many addresses of a host are not looked at. */
#define HOST_ADDRESSES_MAX 4096

static bool has_address(const struct bw_address *addresses, size_t count, const struct bw_address *wanted)
{
    for (size_t i = 0; i < count; i++) {
        if (bw_config_same_host(&addresses[i], wanted))
            return true;
    }
    return false;
}

/* Is the member called like the host, whole or up to the first dot? */
static bool same_name(const char *member, const char *hostname)
{
    size_t length = strcspn(hostname, ".");

    if (!hostname[0])
        return false;
    return !strcasecmp(member, hostname) || (strlen(member) == length && !strncasecmp(member, hostname, length));
}

static void tell_unknown(const struct bw_cluster_config *c, const struct bw_address *addresses, size_t count,
                         const char *hostname, struct bw_config_errors *errors)
{
    char members[BW_MAX_MEMBERS * (BW_NAME_MAX + BW_ADDRESS_TEXT_MAX + 8)] = "", own[1024] = "";
    char text[BW_ADDRESS_TEXT_MAX];
    size_t at = 0;

    for (unsigned i = 0; i < c->members_count && at < sizeof(members); i++)
        at += (size_t)snprintf(members + at, sizeof(members) - at, "%s\"%s\" (%s)", i ? ", " : "", c->members[i].name,
                               bw_address_to_text(&c->members[i].address, false, text));
    at = 0;
    for (size_t i = 0; i < count && at < sizeof(own); i++)
        at += (size_t)snprintf(own + at, sizeof(own) - at, "%s%s", i ? ", " : "",
                               bw_address_to_text(&addresses[i], false, text));
    bw_config_tell(
        errors,
        "this host is none of the members %s: its name is \"%s\", its addresses are %s; allowed: local = \"NAME\" in "
        "the cluster section, or a member with one of these addresses or this name",
        members, hostname, count ? own : "none");
}

int bw_config_resolve_local(struct bw_config *config, const struct bw_address *addresses, size_t count,
                            const char *hostname, struct bw_config_errors *errors)
{
    struct bw_cluster_config *c = &config->cluster;

    errors->count = 0;
    errors->length = 0;
    errors->text[0] = '\0';
    c->local = BW_NONE;
    for (uint8_t i = 0; c->local_name[0] && i < c->members_count; i++) {
        if (!strcasecmp(c->members[i].name, c->local_name))
            c->local = i;
    }
    if (c->local != BW_NONE)
        return 0;
    for (uint8_t i = 0; i < c->members_count; i++) {
        if (!has_address(addresses, count, &c->members[i].address))
            continue;
        if (c->local != BW_NONE) {
            bw_config_tell(
                errors,
                "this host has the addresses of both members \"%s\" and \"%s\"; allowed: local = \"NAME\" in the "
                "cluster section",
                c->members[c->local].name, c->members[i].name);
            c->local = BW_NONE;
            return -ENOENT;
        }
        c->local = i;
    }
    for (uint8_t i = 0; c->local == BW_NONE && i < c->members_count; i++) {
        if (same_name(c->members[i].name, hostname ? hostname : ""))
            c->local = i;
    }
    if (c->local != BW_NONE)
        return 0;
    tell_unknown(c, addresses, count, hostname ? hostname : "", errors);
    return -ENOENT;
}

static bool take_address(const struct sockaddr *from, struct bw_address *to)
{
    *to = (struct bw_address){.family = 0};
    if (from && from->sa_family == AF_INET) {
        to->family = 4;
        to->prefix = 32;
        memcpy(to->bytes, &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
    } else if (from && from->sa_family == AF_INET6) {
        to->family = 6;
        to->prefix = 128;
        memcpy(to->bytes, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, 16);
    }
    return to->family != 0;
}

int bw_config_resolve_host(struct bw_config *config, struct bw_config_errors *errors)
{
    struct bw_address *addresses = calloc(HOST_ADDRESSES_MAX, sizeof(*addresses));
    struct ifaddrs *all = NULL;
    char hostname[256] = "";
    size_t count = 0;
    int err;

    if (!addresses || getifaddrs(&all)) {
        err = addresses ? -errno : -ENOMEM;
        bw_config_tell(errors, "this host's addresses cannot be read: %s", strerror(-err));
        free(addresses);
        return err;
    }
    for (const struct ifaddrs *a = all; a && count < HOST_ADDRESSES_MAX; a = a->ifa_next)
        count += take_address(a->ifa_addr, &addresses[count]);
    if (gethostname(hostname, sizeof(hostname) - 1))
        hostname[0] = '\0';
    err = bw_config_resolve_local(config, addresses, count, hostname, errors);
    freeifaddrs(all);
    free(addresses);
    return err;
}
