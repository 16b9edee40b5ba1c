/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Does a target fail for long? It does when a minute has gone by since the first of its tries that failed in a row, when messages
 * had to be dropped, or when its server goes on breaking connections off (whose kernel acknowledges what nobody reads); and no more
 * when one was delivered, nothing dropped for a minute, and the connection holds. Pure. What is about targets' troubles itself is no
 * reason for any: two targets that fail now and then would tell each other of it for ever.
 */
#include "alert.h"

#define LONG_NS     (60 * BW_SEC)
#define BREAKING_NS (120 * BW_SEC) /* a server that was just started anew some times has a connection that holds by then */
#define BREAKS_MANY 3

void bw_trouble_failed(struct bw_trouble *trouble, const char *reason, uint64_t now_ns)
{
    if (trouble->since_ns == 0)
        trouble->since_ns = now_ns;
    bw_copy(trouble->reason, sizeof(trouble->reason), reason[0] != '\0' ? reason : "it takes nothing");
}

void bw_trouble_delivered(struct bw_trouble *trouble)
{
    trouble->since_ns = 0;
}

void bw_trouble_look(struct bw_trouble *trouble, uint64_t losses, uint32_t breaks, uint64_t now_ns)
{
    bool fails = trouble->since_ns != 0 && now_ns >= trouble->since_ns + LONG_NS;

    if (breaks < BREAKS_MANY)
        trouble->breaking_ns = 0;
    else if (trouble->breaking_ns == 0)
        trouble->breaking_ns = now_ns;
    if (trouble->breaking_ns != 0 && now_ns >= trouble->breaking_ns + BREAKING_NS) {
        fails = true;
        if (trouble->since_ns == 0)
            bw_copy(trouble->reason, sizeof(trouble->reason), "it takes connections and breaks them off again");
    }

    if (losses != trouble->losses) {
        trouble->losses = losses;
        trouble->lost_ns = now_ns;
        if (trouble->since_ns == 0) /* it takes them, but not as fast as they come */
            bw_copy(trouble->reason, sizeof(trouble->reason), "more messages came than its queue holds");
    }
    fails = fails || (trouble->lost_ns != 0 && now_ns < trouble->lost_ns + LONG_NS);
    if (fails)
        trouble->failing = true;
    else if (trouble->since_ns == 0 && trouble->breaking_ns == 0)
        trouble->failing = false;
}

void bw_trouble_restore(struct bw_trouble *trouble, const char *reason, uint64_t now_ns)
{
    bw_trouble_failed(trouble, reason, now_ns);
    trouble->failing = true;
}
