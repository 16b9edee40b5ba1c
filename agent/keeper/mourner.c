/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the keeper does for a dead agent: takes its addresses off and says farewell. Everything is open beforehand, so
 * that it costs about a millisecond when it matters.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/keeper/private.h"
#include "agent/linux/linux.h"
#include "agent/net/net.h"
#include "bellwether/log.h"
#include "bellwether/text.h"

static const uint64_t pauses_ns[] = {2 * BW_MS, 5 * BW_MS, 0}; /* after each round of farewells */

struct bw_mourner {
    const struct bw_agent_context *context;
    struct bw_watch *watch;
    struct bw_seal *seal;
    struct bw_port *ports[BW_MAX_INTERFACES]; /* NULL: no CCP there */
};

static void attach(struct bw_mourner *m, uint8_t interface)
{
    const struct bw_link *link = bw_watch_link(m->watch, interface);

    if (m->ports[interface] != NULL)
        (void)bw_port_attach(m->ports[interface], link->ifindex, link->mac, &link->address4);
}

static int open_ports(struct bw_mourner *m)
{
    const struct bw_cluster_config *c = &m->context->config->cluster;

    for (uint8_t i = 0; i < c->interfaces_count; i++) {
        struct bw_port_setup setup;

        if (!bw_port_setup_of(c, i, &setup))
            continue;
        setup.send_only = true;
        m->ports[i] = bw_port_new(&setup);
        if (m->ports[i] == NULL)
            return -ENOMEM;
        attach(m, i);
    }
    return 0;
}

int bw_mourner_new(const struct bw_agent_context *context, struct bw_mourner **out)
{
    struct bw_mourner *m = calloc(1, sizeof(*m));
    int error;

    if (m == NULL)
        return -ENOMEM;
    m->context = context;
    error = bw_watch_new(&context->config->cluster, &m->watch);
    if (error == 0)
        error = bw_seal_of_process(context, &context->lifeline->keeper_boot, NULL, &m->seal);
    if (error == 0)
        error = open_ports(m);
    if (error != 0) {
        bw_mourner_free(m);
        return error;
    }
    *out = m;
    return 0;
}

void bw_mourner_free(struct bw_mourner *m)
{
    if (m == NULL)
        return;
    for (unsigned i = 0; i < BW_MAX_INTERFACES; i++)
        if (m->ports[i] != NULL)
            bw_port_free(m->ports[i]);
    if (m->seal != NULL) {
        explicit_bzero(m->seal, bw_seal_size());
        free(m->seal);
    }
    bw_watch_free(m->watch);
    free(m);
}

int bw_mourner_fd(const struct bw_mourner *m)
{
    return bw_watch_fd(m->watch);
}

void bw_mourner_refresh(struct bw_mourner *m, bool addresses)
{
    uint16_t changed = bw_watch_read(m->watch, addresses);

    for (uint8_t i = 0; i < BW_MAX_INTERFACES; i++)
        if (changed >> i & 1)
            attach(m, i);
}

void bw_mourner_reconfigure(struct bw_mourner *m)
{
    const struct bw_agent_context *context = m->context;

    bw_watch_reconfigure(m->watch, &context->config->cluster);
    if (context->keys_count > 0)
        (void)bw_seal_rekey(m->seal, context->keys, context->keys_count);
}

static void fill_facts(const struct bw_cluster_config *c, struct bw_clear_facts *facts)
{
    memset(facts, 0, sizeof(*facts));
    facts->mode = (uint8_t)c->mode;
    facts->interval_ms = (uint16_t)(c->interval_ns / BW_MS);
    facts->members_count = c->members_count;
    for (uint8_t i = 0; i < c->members_count; i++) {
        facts->member_ids[i] = c->members[i].id;
        facts->states[i] = i == c->local ? BW_MEMBER_DOWN : BW_MEMBER_UNREACHABLE;
    }
}

static void say_farewell(struct bw_mourner *m, const struct bw_boot_id *over)
{
    static struct bw_message message; /* large; the keeper is one thread */
    const struct bw_cluster_config *c = &m->context->config->cluster;
    struct bw_clear_facts facts;

    fill_facts(c, &facts);
    for (uint8_t i = 0; i < c->interfaces_count; i++) {
        uint8_t frame[BW_FRAME_MAX];
        int length;

        if (m->ports[i] == NULL || bw_watch_link(m->watch, i)->ifindex == 0)
            continue;
        message.kind = BW_MESSAGE_FAREWELL;
        message.sender = c->members[c->local].id;
        message.boot = m->context->lifeline->keeper_boot;
        message.farewell.over = *over;
        message.farewell.member = message.sender;
        length = bw_seal_frame(m->seal, &message, &facts, i, frame, sizeof(frame));
        if (length > 0)
            (void)bw_port_send(m->ports[i], frame, (size_t)length);
    }
}

void bw_mourner_mourn(struct bw_mourner *m, const struct bw_boot_id *over)
{
    int removed = bw_linux_remove_all(&m->context->config->cluster);

    for (unsigned round = 0; round < sizeof(pauses_ns) / sizeof(pauses_ns[0]); round++) {
        struct timespec pause = {.tv_nsec = (long)pauses_ns[round]};

        say_farewell(m, over);
        nanosleep(&pause, NULL);
    }
    if (removed < 0)
        bw_log(BW_LOG_ERROR, "the keeper cannot take the virtual addresses off (%s): left to their lease",
               strerror(-removed));
    else if (removed > 0)
        bw_log(BW_LOG_NOTICE, "the keeper took %d virtual addresses off and said farewell", removed);
}
