/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Deliberate bugs: each takes one rule away, at the core's edge or in its memory, so that a test shows
 * that the simulator catches it.
 */
#include "tests/sim/sim.h"

const char *const sim_bug_names[SIM_BUGS] = {
    [SIM_BUG_NONE] = "none", [SIM_BUG_NO_VOTE] = "no-vote", [SIM_BUG_KEEP_ADDRESS] = "keep-address", [SIM_BUG_NO_PAUSE] = "no-pause",
    [SIM_BUG_NOT_MUTUAL] = "not-mutual", [SIM_BUG_NEVER_DEAF] = "never-deaf", [SIM_BUG_NO_RANK] = "no-rank",
    [SIM_BUG_NO_NAMES] = "no-names", [SIM_BUG_NO_EXPIRY] = "no-expiry", [SIM_BUG_NO_ADMIN] = "no-admin",
    [SIM_BUG_STALE_EPOCH] = "stale-epoch", [SIM_BUG_NO_REASON] = "no-reason", [SIM_BUG_RANDOM] = "random",
    [SIM_BUG_NO_WISH] = "no-wish", [SIM_BUG_NO_WITNESS] = "no-witness", [SIM_BUG_NO_VERSION] = "no-version",
    [SIM_BUG_NO_AGREEMENT] = "no-agreement", [SIM_BUG_NO_DENY] = "no-deny", [SIM_BUG_NO_PATIENCE] = "no-patience",
    [SIM_BUG_COPY] = "copy",
};

static uint8_t order_of(const struct bw_group_config *group, uint8_t member)
{
    for (uint8_t i = 0; i < group->policy_count; i++)
        if (group->policy[i] == member)
            return i;
    return 0;
}

static void bend_heartbeat(struct sim *sim, uint8_t node, uint8_t sender, struct bw_heartbeat *beat)
{
    struct sim_node *n = &sim->nodes[node];

    for (uint8_t g = 0; g < beat->groups_count; g++) {
        struct bw_group_part *part = &beat->groups[g];

        switch (sim->bug) {
        case SIM_BUG_NO_VOTE: /* everybody is taken to confirm whatever is claimed */
            part->confirm_member = (uint8_t)(node + 1);
            part->confirm_epoch = n->core->groups[g].claim_epoch;
            part->refuse_member = 0;
            break;
        case SIM_BUG_NO_NAMES: /* nobody names holders */
            part->holder = 0;
            break;
        case SIM_BUG_NO_AGREEMENT: /* everybody goes by its own configuration */
            part->order = order_of(&n->config.groups[g], sender);
            part->flags &= (uint8_t)~BW_GROUP_FAILBACK;
            break;
        case SIM_BUG_NO_DENY: /* denials are not told */
            part->flags &= (uint8_t)~BW_GROUP_DENY;
            break;
        case SIM_BUG_STALE_EPOCH: /* epochs of others are not learnt */
            part->epoch = part->holder_epoch = part->claim_epoch = part->confirm_epoch = 0;
            part->hold_epoch = part->hold_epoch > 0 ? 1 : 0;
            break;
        default:
            break;
        }
    }
    if (sim->bug == SIM_BUG_NO_WISH) /* nobody learns that a group is stopped */
        beat->wishes_count = 0;
    if (sim->bug == SIM_BUG_NO_VERSION) /* all versions are taken for ours */
        beat->protocol = n->core->protocol;
    if (sim->bug == SIM_BUG_NO_AGREEMENT)
        beat->priority = 0;
    if (sim->bug == SIM_BUG_NO_RANK)
        beat->interfaces_up = 0;
    for (uint8_t i = 0; sim->bug == SIM_BUG_COPY && i < beat->echoes_count; i++)
        if (beat->echoes[i].member == node + 1 && beat->echoes[i].turn > n->core->beat_turn)
            beat->echoes[i].turn = n->core->beat_turn; /* a copy from the past does not find out that it is one */
    for (uint8_t i = 0; sim->bug == SIM_BUG_NOT_MUTUAL && i < beat->echoes_count; i++)
        if (beat->echoes[i].member == node + 1)
            beat->echoes[i].boot = n->boot; /* named, whether it is or not */
}

void sim_bug_message(struct sim *sim, uint8_t node, struct bw_message *message)
{
    if (message->kind == BW_MESSAGE_HEARTBEAT)
        bend_heartbeat(sim, node, (uint8_t)(message->sender - 1), &message->heartbeat);
}

void sim_bug_turn(struct sim *sim, uint8_t node)
{
    struct sim_node *n = &sim->nodes[node];

    switch (sim->bug) {
    case SIM_BUG_NO_PAUSE: /* the clock hides that we were stopped */
        if (sim->now_ns - n->core->now_ns > sim->d_ns)
            n->core->now_ns = sim->now_ns - BW_MS;
        break;
    case SIM_BUG_NEVER_DEAF: /* something always seems to come in */
        n->core->evidence_ns = sim->now_ns;
        break;
    case SIM_BUG_NO_WITNESS: /* some witness always seems to answer */
        n->core->witness.heard_ns = sim->now_ns;
        break;
    case SIM_BUG_NO_PATIENCE: /* nobody knows that frames are lost */
        for (uint8_t i = 0; i < sim->members; i++)
            n->core->members[i].loss = 0, n->core->members[i].patience = 1;
        break;
    case SIM_BUG_NO_ADMIN: /* maintenance is only shown */
        n->core->excluded_ns = sim->now_ns;
        break;
    case SIM_BUG_RANDOM: /* something that the seed does not know: an address */
        sim->hash ^= (uint64_t)(uintptr_t)n->memory;
        break;
    default:
        break;
    }
}
