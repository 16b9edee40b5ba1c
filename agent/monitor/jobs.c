/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kinds whose checks are jobs of the runner: commands of the user, the firewall's ruleset, file systems. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "agent/monitor/monitor.h"
#include "bellwether/text.h"

static void late_job(struct bw_monitor *m)
{
    bw_monitor_done(m, false, "it cannot be ended, %lu ms are over", (unsigned long)(m->config->timeout_ns / BW_MS));
}

static void close_job(struct bw_monitor *m)
{
    (void)m;
}

/* The ends that are failures whatever the job. True when it was one. */
static bool failed(struct bw_monitor *m, const struct bw_job_answer *answer)
{
    const char *colon = answer->line[0] != '\0' ? ": " : "";

    switch (answer->end) {
    case BW_JOB_LATE:
        bw_monitor_done(m, false, "not done within %lu ms, killed%s%s", (unsigned long)(m->config->timeout_ns / BW_MS),
                        colon, answer->line);
        return true;
    case BW_JOB_KILLED:
        bw_monitor_done(m, false, "ended by signal %d (%s)%s%s", answer->status, sigdescr_np(answer->status), colon,
                        answer->line);
        return true;
    case BW_JOB_FAILED:
        bw_monitor_done(m, false, "%s", strerrordesc_np(answer->status));
        return true;
    default:
        break;
    }
    if (answer->status != 0)
        bw_monitor_done(m, false, "exit status %d%s%s", answer->status, colon, answer->line);
    return answer->status != 0;
}

/* ---- exec ---- */

static void begin_exec(struct bw_monitor *m)
{
    struct bw_job job = {.kind = BW_JOB_COMMAND, .words = m->config->words};

    memcpy(job.command, m->config->command, sizeof(job.command));
    bw_copy(job.user, sizeof(job.user), m->config->user);
    bw_job_submit(m, &job);
}

static void take_exec(struct bw_monitor *m, const struct bw_job_answer *answer)
{
    if (failed(m, answer))
        return;
    if (answer->line[0] != '\0')
        bw_monitor_done(m, true, "%s", answer->line);
    else
        bw_monitor_done(m, true, "exit status 0 after %.0f ms", (double)answer->took_ns / 1e6);
}

const struct bw_monitor_ops bw_monitor_exec = {
    .begin = begin_exec, .late = late_job, .answer = take_exec, .close = close_job, .jobs = true};

/* ---- ruleset ---- */

static void begin_ruleset(struct bw_monitor *m)
{
    static const char *const words[] = {"nft", "-s", "-t", "list", "ruleset"};
    struct bw_job job = {.kind = BW_JOB_RULESET};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        bw_job_word(&job, words[i]);
    bw_copy(job.table, sizeof(job.table), m->config->table);
    bw_copy(job.chain, sizeof(job.chain), m->config->chain);
    bw_job_submit(m, &job);
}

static void take_ruleset(struct bw_monitor *m, const struct bw_job_answer *answer)
{
    const struct bw_ruleset_found *found = &answer->ruleset;
    const struct bw_monitor_config *c = m->config;
    char digest[17], differs[64];

    if (failed(m, answer))
        return;
    if (c->table[0] != '\0' && !found->table)
        bw_monitor_done(m, false, "there is no table %s", c->table);
    else if (c->chain[0] != '\0' && !found->chain)
        bw_monitor_done(m, false, "there is no chain %s in table %s", c->chain, c->table);
    else if (found->wanted_rules == 0)
        bw_monitor_done(m, false, "%s%s%s%s has no rule",
                        c->chain[0] != '\0'   ? "chain "
                        : c->table[0] != '\0' ? "table "
                                              : "the ruleset",
                        c->chain[0] != '\0' ? c->chain : c->table, c->chain[0] != '\0' ? " of table " : "",
                        c->chain[0] != '\0' ? c->table : "");
    else {
        snprintf(digest, sizeof(digest), "%016lx", (unsigned long)found->digest);
        bw_tell_digest_differs(m->all, c->name, digest, differs, sizeof(differs));
        bw_monitor_done(m, true, "%u rules, digest %s%s", found->rules, digest, differs);
    }
}

const struct bw_monitor_ops bw_monitor_ruleset = {
    .begin = begin_ruleset, .late = late_job, .answer = take_ruleset, .close = close_job, .jobs = true};

/* ---- disk ---- */

static void begin_disk(struct bw_monitor *m)
{
    struct bw_job job = {.kind = BW_JOB_DISK};

    bw_copy(job.path, sizeof(job.path), m->config->path);
    bw_job_submit(m, &job);
}

static void take_disk(struct bw_monitor *m, const struct bw_job_answer *answer)
{
    const struct bw_disk_found *d = &answer->disk;
    uint64_t usable = d->blocks - d->blocks_free + d->blocks_available; /* what is kept for root does not count */
    double space = usable > 0 ? 100.0 * (double)d->blocks_available / (double)usable : 100;
    double inodes = d->files > 0 ? 100.0 * (double)d->files_available / (double)d->files : 100;
    double mib = (double)d->blocks_available * (double)d->block_bytes / (1024.0 * 1024.0);

    if (failed(m, answer))
        return;
    if (space < m->config->free_percent)
        bw_monitor_done(m, false, "%.1f %% (%.0f MiB) free, least is %u %%", space, mib, m->config->free_percent);
    else if (inodes < m->config->inodes_percent)
        bw_monitor_done(m, false, "%.1f %% of the inodes free, least is %u %%", inodes, m->config->inodes_percent);
    else if (d->files > 0)
        bw_monitor_done(m, true, "%.1f %% (%.0f MiB) and %.1f %% of the inodes free", space, mib, inodes);
    else
        bw_monitor_done(m, true, "%.1f %% (%.0f MiB) free", space, mib);
}

static void late_disk(struct bw_monitor *m)
{
    bw_monitor_done(m, false, "the file system does not answer within %lu ms",
                    (unsigned long)(m->config->timeout_ns / BW_MS));
}

const struct bw_monitor_ops bw_monitor_disk = {
    .begin = begin_disk, .late = late_disk, .answer = take_disk, .close = close_job, .jobs = true};
