/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sync thread's scheduling class. On a busy machine what it does for single updates waits for milliseconds behind others
 * that want the processor, so it is real-time, below the engine; but only while it leaves enough of a processor to others. In a
 * full synchronisation or under very many updates it is an ordinary thread, and starves nobody.
 */
#include <sched.h>
#include <time.h>

#include "agent/linux/linux.h"
#include "agent/sync/sync_private.h"

#define PRIORITY      10 /* the engine's is higher */
#define SPAN_NS       (100 * BW_MS)
#define MOST_PERCENT  70 /* of a processor in a span: real-time no more */
#define LEAST_PERCENT 50 /* at most in each span for so long: real-time again */
#define CALM_NS       (500 * BW_MS)

static uint64_t used_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * BW_SEC + (uint64_t)t.tv_nsec;
}

static void be_ordinary(void)
{
    struct sched_param param = {.sched_priority = 0};

    (void)sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, &param);
}

bool bw_sync_class_judge(struct bw_sync_class *c, uint64_t now_ns, uint64_t used)
{
    uint64_t span_ns = now_ns - c->since_ns, percent;

    if (c->since_ns != 0 && span_ns < SPAN_NS)
        return c->realtime;
    percent = c->since_ns != 0 ? (used - c->used_ns) * 100 / span_ns : 0;
    c->since_ns = now_ns;
    c->used_ns = used;
    if (percent > LEAST_PERCENT || c->calm_ns == 0)
        c->calm_ns = now_ns;
    if (percent > MOST_PERCENT)
        c->realtime = false;
    else if (now_ns - c->calm_ns >= CALM_NS)
        c->realtime = true;
    return c->realtime;
}

void bw_sync_class_follow(struct bw_sync *sync)
{
    bool before = sync->class.realtime, now = bw_sync_class_judge(&sync->class, sync->now_ns, used_ns());

    if (now && !before)
        (void)bw_realtime(PRIORITY); /* without the right to it: ordinary */
    else if (!now && before)
        be_ordinary();
}
