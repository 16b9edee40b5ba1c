/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the engine hears from the kernel and from the address thread. One round of bw_linux_next reads everything into
 * flags, then hands the flags out one by one as inputs: so nothing can overflow, and what happens twice is told once.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/linux/edge.h"
#include "agent/linux/service.h"
#include "bellwether/log.h"
#include "bellwether/text.h"

#define NOTICES_AT_ONCE        256
#define TELL_STRANGER_EVERY_NS (10 * BW_SEC)

static void merge(struct bw_linux *e, uint8_t interface)
{
    struct bw_link link = e->picture.interfaces[interface].link;
    const struct bw_link *own = &e->own[interface];

    memset(&link.address4, 0, sizeof(link.address4));
    memset(&link.address6, 0, sizeof(link.address6));
    if (link.ifindex != 0 && own->ifindex == link.ifindex) {
        link.address4 = own->address4;
        link.address6 = own->address6;
    }
    if (memcmp(&link, &e->links[interface], sizeof(link)) == 0)
        return;
    if (link.ifindex != e->links[interface].ifindex)
        bw_probing_device(&e->probing, interface, link.ifindex);
    e->links[interface] = link;
    e->links_changed |= 1U << interface;
}

static void ask_for_dump(struct bw_linux *e)
{
    e->dump_wanted++;
    e->noticed = 0;
    atomic_store_explicit(&e->cells->dumps, e->dump_wanted, memory_order_release);
    bw_edge_wake_thread(e, bw_now_ns());
}

static void visit_notice(void *arg, const struct nlmsghdr *message)
{
    struct bw_linux *e = arg;
    struct bw_notice notice;
    uint16_t changed = bw_picture_apply(&e->picture, message, &notice);

    e->noticed |= notice.links;
    for (uint8_t i = 0; changed != 0 && i < e->config->interfaces_count; i++)
        if (changed >> i & 1)
            merge(e, i);
}

static void read_fact(struct bw_linux *e, const struct bw_fact *fact, uint64_t now_ns)
{
    uint8_t i = fact->interface;

    switch (fact->kind) {
    case BW_FACT_OWN:
        e->own[i] = fact->link;
        merge(e, i);
        break;
    case BW_FACT_LINK:
        /* A notice that came since may be newer than the dump. */
        if (fact->number != e->dump_wanted || (e->noticed >> i & 1))
            break;
        e->picture.interfaces[i].link = fact->link;
        e->own[i] = fact->link;
        merge(e, i);
        break;
    case BW_FACT_DUMPED:
        if (fact->number != e->dump_wanted)
            break;
        e->dump_got = fact->number;
        if (e->noticed != 0)
            ask_for_dump(e);
        break;
    case BW_FACT_NEIGHBOUR:
        bw_probing_learn(&e->probing, i, &fact->neighbour, fact->link.mac, fact->gateway, now_ns);
        break;
    }
}

/* The address thread's answers; one that was overtaken by what the engine wanted since is void. */
static void read_answers(struct bw_linux *e, uint64_t now_ns)
{
    for (unsigned g = 0; g < e->config->groups_count; g++) {
        uint64_t installed = atomic_load_explicit(&e->cells->answers[g].installed, memory_order_acquire);
        uint64_t released = atomic_load_explicit(&e->cells->answers[g].released, memory_order_acquire);
        uint32_t revokes = e->groups[g].revokes;

        if (released != e->groups[g].released) {
            e->groups[g].released = released;
            if ((uint32_t)released == revokes && e->groups[g].until_ns == 0)
                e->released |= 1U << g;
        }
        if (installed != e->groups[g].installed) {
            e->groups[g].installed = installed;
            if ((uint32_t)installed == revokes && e->groups[g].until_ns != 0) {
                e->installed |= 1U << g;
                e->groups[g].installed_ns = now_ns;
            }
        }
    }
    for (unsigned i = 0; e->coming == NULL && i < BW_MAX_ADDRESSES / 64; i++)
        if (atomic_load_explicit(&e->cells->lost[i], memory_order_relaxed) != 0)
            e->lost[i] |= atomic_exchange(&e->cells->lost[i], 0);
}

/* Are writes overdue by half a lease? Time in which this thread itself was away does not count. */
static void judge_writes(struct bw_linux *e, uint64_t now_ns)
{
    uint64_t bound = e->config->lease_ns / 2;
    uint64_t due = atomic_load_explicit(&e->cells->due_ns, memory_order_relaxed);
    uint32_t handled = atomic_load_explicit(&e->cells->handled, memory_order_acquire);
    bool overdue = false;

    if (e->read_ns != 0 && now_ns - e->read_ns > bound / 2)
        e->excuse_ns = now_ns;
    if (due != 0)
        overdue = now_ns > (due > e->excuse_ns ? due : e->excuse_ns) + bound;
    if (handled != e->requests)
        overdue |= now_ns > (e->request_ns > e->excuse_ns ? e->request_ns : e->excuse_ns) + bound;
    e->overdue = overdue;
}

static uint64_t stranger_patience(const struct bw_linux *e)
{
    return BW_SEC + 2 * e->config->interval_ns;
}

static void heard(void *arg, uint8_t interface, const struct bw_neighbour_frame *frame)
{
    struct bw_linux *e = arg;
    int address = bw_virtual_find(e->config, interface, &frame->from);
    struct bw_stranger *s;

    if (address < 0 || !bw_linux_installed(e, (uint16_t)address))
        return;
    s = &e->strangers[address];
    if (s->pending || (s->told_ns != 0 && bw_now_ns() - s->told_ns < TELL_STRANGER_EVERY_NS))
        return;
    s->pending = true;
    s->heard_ns = bw_now_ns();
    memcpy(s->mac, frame->mac, 6);
    e->strangers_pending++;
}

static void read_all(struct bw_linux *e)
{
    struct bw_fact fact;
    uint16_t spoke, received;
    uint64_t now_ns = bw_now_ns();
    int n;

    if (!e->nothing_to_read) {
        bw_wake_drain(e->cells->engine_fd);
        n = bw_rtnl_notices(&e->notices, NOTICES_AT_ONCE, visit_notice, e);
        if (n == -ENOBUFS)
            ask_for_dump(e);
    }
    while (bw_ring_take(&e->cells->ring, &fact))
        read_fact(e, &fact, now_ns);
    read_answers(e, now_ns);
    judge_writes(e, now_ns);
    bw_probing_read(&e->probing, e->links, now_ns, e->nothing_to_read, &spoke, &received, heard, e);
    if (!e->nothing_to_read && bw_witness_read(&e->witness, e->config))
        e->witnessed = true;
    e->spoke |= spoke;
    e->received |= received;
    e->read_ns = now_ns;
}

void bw_linux_readable(struct bw_linux *e, bool readable)
{
    e->nothing_to_read = !readable;
}

/* ---- handing out ---- */

static bool take_bit(uint64_t *mask, unsigned *bit)
{
    if (*mask == 0)
        return false;
    *bit = (unsigned)__builtin_ctzll(*mask);
    *mask &= *mask - 1;
    return true;
}

static bool next_lost(struct bw_linux *e, struct bw_input *input)
{
    for (unsigned word = 0; word < BW_MAX_ADDRESSES / 64; word++) {
        unsigned bit;

        while (take_bit(&e->lost[word], &bit)) {
            const struct bw_address_config *a = &e->config->addresses[word * 64 + bit];

            if (e->groups[a->group].until_ns == 0)
                continue;
            input->kind = BW_INPUT_ADDRESS_LOST;
            input->interface = a->interface;
            input->group = a->group;
            input->address = a->address;
            return true;
        }
    }
    return false;
}

static bool next_stranger(struct bw_linux *e, struct bw_input *input)
{
    for (unsigned i = 0; e->strangers_pending > 0 && i < e->config->addresses_count; i++) {
        const struct bw_address_config *a = &e->config->addresses[i];
        struct bw_stranger *s = &e->strangers[i];
        uint64_t since = e->groups[a->group].installed_ns;

        if (!s->pending || e->read_ns < s->heard_ns + stranger_patience(e))
            continue;
        s->pending = false;
        e->strangers_pending--;
        /* Heard when it was not quite ours, or it is not any more: that was a hand-over. */
        if (since == 0 || s->heard_ns < since + stranger_patience(e) || !bw_linux_installed(e, (uint16_t)i))
            continue;
        s->told_ns = e->read_ns;
        input->kind = BW_INPUT_ADDRESS_DUPLICATE;
        input->interface = a->interface;
        input->group = a->group;
        input->address = a->address;
        bw_mac_to_text(s->mac, input->text);
        return true;
    }
    return false;
}

static bool next_flag(struct bw_linux *e, struct bw_input *input)
{
    unsigned bit;

    if (take_bit(&e->links_changed, &bit)) {
        input->kind = BW_INPUT_LINK;
        input->interface = (uint8_t)bit;
        input->up = e->links[bit].up;
    } else if (take_bit(&e->released, &bit)) {
        input->kind = BW_INPUT_RELEASED;
        input->group = (uint8_t)bit;
    } else if (take_bit(&e->installed, &bit)) {
        input->kind = BW_INPUT_INSTALLED;
        input->group = (uint8_t)bit;
    } else if (e->overdue != e->overdue_told) {
        e->overdue_told = e->overdue;
        input->kind = BW_INPUT_OVERDUE;
        input->up = e->overdue;
    } else if (take_bit(&e->spoke, &bit)) {
        input->kind = BW_INPUT_PROBE_REPLY;
        input->interface = (uint8_t)bit;
    } else if (take_bit(&e->received, &bit)) {
        input->kind = BW_INPUT_RECEIVED;
        input->interface = (uint8_t)bit;
    } else if (e->witnessed) {
        e->witnessed = false;
        input->kind = BW_INPUT_WITNESS;
    } else {
        return false;
    }
    return true;
}

int bw_linux_next(struct bw_linux *e, struct bw_input *input)
{
    if (!e->reading) {
        read_all(e);
        e->reading = true;
    }
    memset(input, 0, sizeof(*input));
    if (next_flag(e, input) || next_lost(e, input) || next_stranger(e, input) ||
        bw_service_next(e, input))
        return 1;
    e->reading = false;
    return 0;
}
