/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sim --seeds N --first S [--members M] [--bug NAME]: runs seeds S … S + N - 1 for 2, 3 and 5 members (or M) and prints one TAP line
 * per scenario class and member count. sim --seed S --members M [--trace] runs one and tells the story. sim --hours H --members M
 * measures: cluster-hours per CPU-minute. sim --schedules [PART OF A NAME] runs the fault catalogue (--first: other chances).
 */
#include "tests/sim/sim.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct options {
    uint64_t seeds, first, seed;
    unsigned members, interfaces;
    double hours;
    bool one, trace, schedules;
    const char *only;
    enum sim_bug bug;
};

struct tally {
    uint64_t runs, failures, failovers, splits;
    double both, over, none;
};

static struct sim *run(const struct options *o, uint64_t seed, uint8_t members, bool trace)
{
    struct sim *sim = calloc(1, sizeof(*sim));

    if (sim == NULL)
        abort();
    sim->seed = seed;
    sim->class = (enum sim_class)(seed % SIM_CLASSES);
    sim->members = members;
    sim->interfaces = (uint8_t)o->interfaces;
    sim->trace = trace;
    sim->bug = o->bug;
    sim_init(sim);
    sim_run(sim);
    return sim;
}

static void done(struct sim *sim)
{
    sim_fini(sim);
    free(sim);
}

static void say_failure(const struct sim *sim)
{
    printf("# seed %lu, %u members, %s: %s\n", (unsigned long)sim->seed, sim->members, sim_class_names[sim->class], sim->failure);
    printf("#   replay: sim --seed %lu --members %u --trace\n", (unsigned long)sim->seed, sim->members);
}

/* The same events give the same run. */
static bool same_again(const struct options *o, const struct sim *first)
{
    struct sim *again = run(o, first->seed, first->members, false);
    bool same = again->hash == first->hash && again->turns == first->turns;

    if (!same)
        printf("# seed %lu, %u members: two runs differ\n", (unsigned long)first->seed, first->members);
    done(again);
    return same;
}

static int one(const struct options *o)
{
    struct sim *sim = run(o, o->seed, (uint8_t)(o->members != 0 ? o->members : 2), o->trace);
    int status = sim->failed;

    if (sim->failed)
        say_failure(sim);
    printf("# %lu turns, %.1f s, %lu failovers, %lu split brains, hash %016lx\n", (unsigned long)sim->turns,
           (double)(sim->now_ns - SIM_START_NS) / 1e9, (unsigned long)sim->failovers, (unsigned long)sim->splits,
           (unsigned long)sim->hash);
    printf("%s 1 - seed %lu\n1..1\n", sim->failed ? "not ok" : "ok", (unsigned long)o->seed);
    done(sim);
    return status;
}

static void add_up(struct tally *tally, const struct sim *sim, bool bad)
{
    tally->runs++;
    tally->failures += bad;
    tally->failovers += sim->failovers;
    tally->splits += sim->splits;
    if (sim->worst_both > tally->both)
        tally->both = sim->worst_both;
    if (sim->worst_over > tally->over)
        tally->over = sim->worst_over;
    if (sim->worst_none > tally->none)
        tally->none = sim->worst_none;
}

static unsigned say_tally(const struct tally *tally, uint8_t members, unsigned number)
{
    for (unsigned c = 0; c < SIM_CLASSES; c++)
        if (tally[c].runs > 0)
            printf("%s %u - %u members, %s: %lu of %lu seeds\n"
                   "# %lu failovers, %lu split brains seen; at most of the bounds: two holders %.0f %%, hand-over %.0f %%, none %.0f %%\n",
                   tally[c].failures > 0 ? "not ok" : "ok", ++number, members, sim_class_names[c],
                   (unsigned long)(tally[c].runs - tally[c].failures), (unsigned long)tally[c].runs,
                   (unsigned long)tally[c].failovers, (unsigned long)tally[c].splits, tally[c].both * 100, tally[c].over * 100,
                   tally[c].none * 100);
    return number;
}

static int many(const struct options *o)
{
    static const uint8_t counts[] = {2, 3, 5};
    unsigned number = 0, shown = 0;
    uint64_t failures = 0;
    double hours = 0;

    for (unsigned k = 0; k < sizeof(counts); k++) {
        struct tally tally[SIM_CLASSES] = {{0}};

        if (o->members != 0 && k > 0)
            break;
        for (uint64_t seed = o->first; seed < o->first + o->seeds; seed++) {
            struct sim *sim = run(o, seed, (uint8_t)(o->members != 0 ? o->members : counts[k]), false);
            bool bad = sim->failed || (seed % 64 == 1 && !same_again(o, sim));

            add_up(&tally[sim->class], sim, bad);
            failures += bad;
            hours += (double)(sim->now_ns - SIM_START_NS) / 3.6e12;
            if (sim->failed && shown++ < 40)
                say_failure(sim);
            done(sim);
        }
        number = say_tally(tally, (uint8_t)(o->members != 0 ? o->members : counts[k]), number);
    }
    printf("# %.1f cluster-hours in %.1f CPU-seconds\n", hours, (double)clock() / CLOCKS_PER_SEC);
    printf("1..%u\n", number);
    return failures > 0;
}

/* Nothing happens, for a long time. */
static int measure(const struct options *o)
{
    struct sim *sim = calloc(1, sizeof(*sim));
    double seconds, hours;

    if (sim == NULL)
        abort();
    sim->seed = SIM_CLASSES;
    sim->class = SIM_CLEAN;
    sim->members = (uint8_t)(o->members != 0 ? o->members : 2);
    sim->interfaces = (uint8_t)(o->interfaces != 0 ? o->interfaces : 2);
    sim_init(sim);
    sim->end_ns = sim->now_ns + (uint64_t)(o->hours * 3600) * BW_SEC;
    sim_run(sim);
    seconds = (double)clock() / CLOCKS_PER_SEC;
    hours = (double)(sim->now_ns - SIM_START_NS) / 3.6e12;
    printf("%u members, %u interfaces, 100 ms: %.2f cluster-hours in %.2f CPU-seconds: %.0f a CPU-minute (%.2f us a turn)\n",
           sim->members, sim->interfaces, hours, seconds, hours / seconds * 60, seconds * 1e6 / (double)sim->turns);
    done(sim);
    return 0;
}

static enum sim_bug find_bug(const char *name)
{
    for (unsigned i = 0; i < SIM_BUGS; i++)
        if (strcmp(sim_bug_names[i], name) == 0)
            return (enum sim_bug)i;
    fprintf(stderr, "sim: no bug is called %s; there are:", name);
    for (unsigned i = 0; i < SIM_BUGS; i++)
        fprintf(stderr, " %s", sim_bug_names[i]);
    fputc('\n', stderr);
    exit(2);
}

int main(int argc, char **argv)
{
    static const struct option names[] = {
        {"seeds", required_argument, NULL, 'n'}, {"first", required_argument, NULL, 'f'}, {"members", required_argument, NULL, 'm'},
        {"interfaces", required_argument, NULL, 'i'}, {"seed", required_argument, NULL, 's'}, {"trace", no_argument, NULL, 't'},
        {"bug", required_argument, NULL, 'b'}, {"schedules", optional_argument, NULL, 'c'}, {"hours", required_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    struct options o = {.seeds = 2000, .first = 1};
    int c;

    while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (c) {
        case 'n': o.seeds = strtoull(optarg, NULL, 10); break;
        case 'f': o.first = strtoull(optarg, NULL, 10); break;
        case 'm': o.members = (unsigned)strtoul(optarg, NULL, 10); break;
        case 'i': o.interfaces = (unsigned)strtoul(optarg, NULL, 10); break;
        case 's': o.seed = strtoull(optarg, NULL, 10), o.one = true; break;
        case 't': o.trace = true; break;
        case 'c': o.schedules = true, o.only = optarg; break;
        case 'b': o.bug = find_bug(optarg); break;
        case 'h': o.hours = strtod(optarg, NULL); break;
        default: return 2;
        }
    }
    if (o.members > BW_MAX_MEMBERS || o.members == 1 || o.interfaces > BW_MAX_INTERFACES) {
        fprintf(stderr, "sim: 2 to 16 members, 1 to 16 interfaces\n");
        return 2;
    }
    if (o.schedules)
        return sim_schedules(o.only != NULL ? o.only : argv[optind], o.first, o.bug, o.trace);
    return o.hours > 0 ? measure(&o) : o.one ? one(&o) : many(&o);
}
