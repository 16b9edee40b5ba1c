/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Watches virtual addresses that somebody else moves (see service.h). An address counts in whatever form it was put on
 * its interface: with its network's prefix, or as /32 or /128, or both; so a removal is looked into by a dump.
 */
#include "agent/linux/service.h"

#include <string.h>

#include "agent/linux/edge.h"
#include "agent/linux/holder_private.h"
#include "bellwether/text.h"

/* ---- the address thread's side ---- */

static void set_present(struct bw_holder *h, unsigned address, bool present)
{
    if (atomic_exchange_explicit(&h->cells->present[address], present, memory_order_relaxed) != present)
        bw_wake(h->cells->engine_fd);
}

void bw_service_seen(struct bw_holder *h, const bool *seen)
{
    for (unsigned i = 0; i < h->config->addresses_count; i++)
        set_present(h, i, seen[i]);
}

void bw_service_heed(struct bw_holder *h, const struct bw_notice *notice)
{
    if (notice->removed)
        h->lost_notices = true; /* it may still be there in another form */
    else
        set_present(h, (unsigned)notice->address, true);
}

/* Only while a member in another mode is in view does the core decide, and grant what this host can't take then. */
static void tell_granted(struct bw_holder *h, unsigned group, uint64_t now_ns)
{
    uint64_t held_back;

    if (bw_log_allowed(&h->failure_limit, now_ns, &held_back))
        bw_log(BW_LOG_ERROR,
               "%s fell to this member, which in mode service puts no address on: another member's mode is not service",
               h->config->groups[group].name);
}

void bw_service_work(struct bw_holder *h)
{
    uint64_t now_ns = bw_now_ns(), due_ns = 0;

    for (unsigned g = 0; g < h->config->groups_count; g++) {
        struct group_hold *group = &h->groups[g];
        uint32_t revokes = atomic_load_explicit(&h->cells->groups[g].revokes, memory_order_acquire);

        group->until_ns = atomic_load_explicit(&h->cells->groups[g].until_ns, memory_order_acquire);
        if (revokes != group->revokes) {
            group->revokes = revokes;
            group->answers++;
            atomic_store_explicit(&h->cells->answers[g].released, (uint64_t)group->answers << 32 | revokes,
                                  memory_order_release);
            bw_wake(h->cells->engine_fd);
        }
        if (group->until_ns > now_ns && !group->wanted) {
            group->since_ns = now_ns;
            tell_granted(h, g, now_ns);
        }
        group->wanted = group->until_ns > now_ns;
        if (group->wanted && (due_ns == 0 || group->since_ns < due_ns))
            due_ns = group->since_ns;
    }
    atomic_store_explicit(&h->cells->due_ns, due_ns, memory_order_relaxed);
}

/* ---- the engine's side ---- */

static bool is_served(const struct bw_linux *e, uint8_t group)
{
    bool any = false;

    for (unsigned i = 0; i < e->config->addresses_count; i++) {
        if (e->config->addresses[i].group != group)
            continue;
        if (!bw_linux_installed(e, (uint16_t)i))
            return false;
        any = true;
    }
    return any;
}

bool bw_service_next(struct bw_linux *e, struct bw_input *input)
{
    struct bw_request *request = &e->service_request;

    if (!bw_service_watches(e->config) || e->coming != NULL)
        return false;
    for (uint8_t g = 0; g < e->config->groups_count; g++) {
        bool served = is_served(e, g);

        if (served == e->groups[g].served)
            continue;
        e->groups[g].served = served;
        e->groups[g].installed_ns = served ? e->read_ns : 0;
        memset(request, 0, sizeof(*request));
        request->kind = BW_REQUEST_SERVICE;
        request->group = g + 1U;
        request->held = served;
        bw_copy(request->text, sizeof(request->text), served ? "its addresses are on this host" : "its addresses are not on this host");
        bw_copy(request->who, sizeof(request->who), "kernel");
        input->kind = BW_INPUT_REQUEST; /* ticket 0: nobody waits for the answer */
        input->request = request;
        return true;
    }
    return false;
}
