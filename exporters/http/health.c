/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The health URLs: one question each about the local member, for load balancers and supervisors. A stale snapshot
 * answers no to all: an engine that does not turn must not be taken for an active one.
 */
#include "bellwether/json.h"
#include "bellwether/text.h"
#include "exporters/http/http.h"

static bool is_so(const struct bw_member_row *m, enum bw_health health)
{
    bool standby = m->state == BW_MEMBER_STANDBY && !m->problem;

    switch (health) {
    case BW_HEALTH_LIVE:
        return true;
    case BW_HEALTH_READY:
        return standby || (m->state == BW_MEMBER_ACTIVE && !m->problem);
    case BW_HEALTH_ACTIVE:
        return m->state == BW_MEMBER_ACTIVE || m->state == BW_MEMBER_ATTENTION;
    case BW_HEALTH_STANDBY: /* a ready member takes over as soon as the holder is gone */
        return standby || (m->state == BW_MEMBER_READY && !m->problem);
    }
    return false;
}

bool bw_health_check(const struct bw_snapshot *snapshot, uint64_t age_ns, enum bw_health health, char *reason)
{
    const struct bw_member_row *m = bw_member_row(snapshot, snapshot->cluster.local_member);

    if (snapshot->number == 0) {
        bw_copy(reason, BW_TEXT_MAX, "the engine has not told anything yet");
        return false;
    }
    if (age_ns >= BW_STALE_NS) {
        bw_format(reason, BW_TEXT_MAX, "the engine has told nothing for %lu s", (unsigned long)(age_ns / BW_SEC));
        return false;
    }
    if (health == BW_HEALTH_LIVE) {
        bw_copy(reason, BW_TEXT_MAX, "the engine runs");
        return true;
    }
    if (m == NULL) {
        bw_copy(reason, BW_TEXT_MAX, "the local member is not in the snapshot");
        return false;
    }
    bw_format(reason, BW_TEXT_MAX, "%s%s%s", bw_enum_text(&bw_enum_member_state, m->state), m->reason[0] ? ": " : "",
              m->reason);
    return is_so(m, health);
}

struct json_object *bw_health_json(const struct bw_snapshot *snapshot, uint64_t age_ns, enum bw_health health, bool ok,
                                   const char *reason)
{
    static const char *const names[] = {"live", "ready", "active", "standby"};
    const struct bw_member_row *m = bw_member_row(snapshot, snapshot->cluster.local_member);
    struct json_object *json = json_object_new_object();
    char age[32];

    if (json == NULL)
        return NULL;
    bw_format(age, sizeof(age), "%lu.%c%c%c", (unsigned long)(age_ns / BW_SEC),
              (char)('0' + age_ns / (100 * BW_MS) % 10), (char)('0' + age_ns / (10 * BW_MS) % 10),
              (char)('0' + age_ns / BW_MS % 10));
    json_object_object_add(json, names[health], json_object_new_boolean(ok));
    json_object_object_add(json, "reason", bw_json_text(reason, BW_TEXT_MAX));
    if (m != NULL) {
        json_object_object_add(json, "member", json_object_new_string(m->name));
        json_object_object_add(json, "state", json_object_new_string(bw_enum_text(&bw_enum_member_state, m->state)));
        json_object_object_add(json, "problem", json_object_new_boolean(m->problem));
    }
    json_object_object_add(json, "snapshot_age_seconds", json_object_new_double_s((double)age_ns / 1e9, age));
    return json;
}
