/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Configurations that differ. They have to be the same everywhere; while they are not, all members in
 * view go by the lowest that any of them says, so that they still decide alike: of the modes, service
 * is the highest, then load sharing, then ha; of the recoveries, active up before primary up. What a
 * member's place and priority are is what it says itself. Every difference is told when it is first seen,
 * and named in the reasons for as long as it lasts.
 */
#include "agent/core/core_private.h"

static unsigned level(uint32_t mode)
{
    switch (mode) {
    case BW_MODE_SERVICE:
        return 3;
    case BW_MODE_LS_MULTICAST:
    case BW_MODE_LS_UNICAST:
        return 2;
    case BW_MODE_HA_LEGACY: /* decides as ha does */
        return 1;
    default:
        return 0;
    }
}

static enum bw_mode lowest_mode(const struct bw_core *core)
{
    enum bw_mode lowest = core->config->mode;

    for (uint8_t i = 0; i < core->count; i++) {
        const struct bw_core_member *m = &core->members[i];

        if (m->in_view && m->told.mode != 0 && level(m->told.mode) < level(lowest))
            lowest = m->told.mode;
    }
    return lowest;
}

bool bw_core_own_failback(const struct bw_core *core, uint8_t group)
{
    enum bw_auto failback = core->config->groups[group].failback;

    return failback != 0 ? failback == BW_AUTO : core->config->recovery == BW_RECOVERY_PRIMARY_UP;
}

/* Does a group go back to the first of its policy by itself? So it does when any member says so. */
static bool goes_back(const struct bw_core *core, uint8_t group)
{
    if (bw_core_own_failback(core, group))
        return true;
    for (uint8_t i = 0; i < core->count; i++)
        if (core->members[i].in_view && (core->members[i].told.groups[group].flags & BW_GROUP_FAILBACK))
            return true;
    return false;
}

static unsigned differences(const struct bw_core *core, const struct bw_core_member *m)
{
    return (m->config_digest != core->config->digest ? BW_MISMATCH_CONFIG : 0U) |
           (m->told.mode != 0 && m->told.mode != core->config->mode ? BW_MISMATCH_MODE : 0U) |
           (m->told.recovery != 0 && m->told.recovery != core->config->recovery ? BW_MISMATCH_RECOVERY : 0U) |
           (m->told.protocol != core->protocol ? BW_MISMATCH_PROTOCOL : 0U);
}

static void tell_mismatch(struct bw_core *core, uint8_t member, unsigned what)
{
    const struct bw_core_member *m = &core->members[member];
    const char *its = bw_core_name(core, member), *own = bw_core_name(core, core->self);
    char text[BW_TEXT_MAX], from[BW_NAME_MAX] = "", to[BW_NAME_MAX] = "";

    switch (what) {
    case BW_MISMATCH_MODE:
        bw_copy(from, sizeof(from), bw_enum_text(&bw_enum_mode, m->told.mode));
        bw_copy(to, sizeof(to), bw_enum_text(&bw_enum_mode, level(m->told.mode) < level(core->config->mode) ? m->told.mode
                                                                                                            : core->config->mode));
        bw_format(text, sizeof(text), "%s is in mode %s, %s in mode %s: %s, the lowest of them, is in effect", its, from, own,
                  bw_enum_text(&bw_enum_mode, core->config->mode), to);
        break;
    case BW_MISMATCH_RECOVERY:
        bw_copy(from, sizeof(from), bw_enum_text(&bw_enum_recovery, m->told.recovery));
        bw_copy(to, sizeof(to), bw_enum_text(&bw_enum_recovery, BW_RECOVERY_PRIMARY_UP));
        bw_format(text, sizeof(text), "%s has recovery %s, %s has %s: %s, the lower one, is in effect", its, from, own,
                  bw_enum_text(&bw_enum_recovery, core->config->recovery), to);
        break;
    case BW_MISMATCH_PROTOCOL:
        bw_format(from, sizeof(from), "%u", m->told.protocol);
        bw_format(text, sizeof(text), "%s speaks protocol version %u, %s version %u", its, m->told.protocol, own, core->protocol);
        break;
    default:
        bw_format(text, sizeof(text), "%s has another configuration than %s", its, own);
        break;
    }
    bw_core_event(core, BW_EVENT_MISMATCH, member, NULL, from, to, text);
}

static void look_at(struct bw_core *core, uint8_t member)
{
    struct bw_core_member *m = &core->members[member];
    unsigned now = m->heard ? differences(core, m) : 0, fresh = now & ~(unsigned)m->mismatch;

    if (now == m->mismatch)
        return;
    m->mismatch = (uint8_t)now;
    core->trouble_serial++;
    core->dirty = true;
    for (unsigned bit = BW_MISMATCH_CONFIG; bit <= BW_MISMATCH_PROTOCOL; bit <<= 1)
        if (fresh & bit)
            tell_mismatch(core, member, bit);
}

void bw_core_agree_run(struct bw_core *core)
{
    enum bw_mode mode = lowest_mode(core);
    bool mismatch = false;

    if (mode != core->mode) {
        core->mode = mode;
        core->trouble_serial++;
        core->dirty = core->send = true;
    }
    for (uint8_t g = 0; g < core->config->groups_count; g++)
        core->groups[g].failback = goes_back(core, g);
    core->versions_differ = false;
    for (uint8_t i = 0; i < core->count; i++) {
        if (i == core->self)
            continue;
        look_at(core, i);
        mismatch = mismatch || (core->members[i].mismatch & ~BW_MISMATCH_PROTOCOL) != 0;
        core->versions_differ = core->versions_differ || (core->members[i].in_view && core->members[i].told.protocol != core->protocol);
    }
    core->mismatch = mismatch;
}

void bw_core_describe_mismatch(const struct bw_core *core, char *text, size_t cap)
{
    size_t n = 0;

    text[0] = '\0';
    for (uint8_t i = 0; i < core->count; i++) {
        unsigned what = core->members[i].mismatch;

        if ((what & ~BW_MISMATCH_PROTOCOL) == 0)
            continue;
        n += bw_format(text + n, cap - n, "%s%s", n == 0 ? "; differs from " : ", ", bw_core_name(core, i));
        n += bw_format(text + n, cap - n, " (%s)",
                       what & BW_MISMATCH_MODE       ? bw_enum_text(&bw_enum_mode, core->members[i].told.mode)
                       : what & BW_MISMATCH_RECOVERY ? bw_enum_text(&bw_enum_recovery, core->members[i].told.recovery)
                                                     : "configuration");
    }
}
