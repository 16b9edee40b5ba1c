/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Jobs: what is done outside the agent, since it needs a process of its own or may block for ever. The agent asks the runner, a
 * helper process forked before there were threads, over a socket of packets; for each job the runner forks a warden, which carries
 * it out, keeps its time limit, kills whatever it left behind, and answers.
 */
#ifndef BELLWETHER_MONITOR_JOB_H
#define BELLWETHER_MONITOR_JOB_H

#include "bellwether/config.h"

enum bw_job_kind {
    BW_JOB_COMMAND = 1,
    BW_JOB_RULESET, /* a command whose output is taken for a listing of nftables; keeps CAP_NET_ADMIN for it */
    BW_JOB_DISK,
    BW_JOB_RESOURCE, /* a command of a resource: answered when it has ended, and once more when nothing of it is left */
    BW_JOB_CANCEL,   /* ends the resource's job of the same ticket, which answers as ever */
};

#define BW_JOB_INPUT_MAX 12288

struct bw_job {
    uint64_t ticket; /* comes back with the answer; 0 in an answer: the runner has begun anew, nothing is under way */
    uint32_t kind;   /* enum bw_job_kind */
    uint32_t words;
    uint64_t timeout_ns;
    char name[BW_NAME_MAX];       /* of the monitor */
    char user[BW_NAME_MAX];       /* command: "" = stay who we are */
    char command[BW_COMMAND_MAX]; /* words, each ended by NUL */
    char path[BW_PATH_MAX];       /* disk */
    char table[64], chain[64];    /* ruleset */
    char group[BW_NAME_MAX];      /* resource: which group's; name is its own */
    char action[8];               /* resource: start, stop or watch; "" = no resource */
    bool stays;        /* resource: the command is the service: no time limit, and BW_JOB_STARTED comes first */
    bool leaves;       /* resource: what it leaves running after it has ended well is left alone */
    uint64_t grace_ns; /* resource that stays: from SIGTERM to SIGKILL when it is cancelled */
    /* An alert's command: what it finds in its environment ("NAME=value", each ended by NUL), then on its standard input. */
    uint32_t environment_bytes, input_bytes;
    char input[BW_JOB_INPUT_MAX];
};

enum bw_job_end {
    BW_JOB_DONE = 1, /* status is its exit status */
    BW_JOB_KILLED,   /* status is the signal */
    BW_JOB_LATE,     /* its time was over: it was killed */
    BW_JOB_FAILED,   /* it could not be carried out: status is an errno */
    BW_JOB_STARTED,  /* resource that stays: it runs */
    BW_JOB_GONE,     /* resource: nothing is left of it, or only what it may leave */
};

/* What a listing of nftables holds. */
struct bw_ruleset_found {
    uint64_t digest; /* of the whole listing */
    uint32_t rules;  /* in all */
    bool table, chain; /* those asked for are there */
    uint32_t wanted_rules; /* in the table or chain asked for */
};

/* What statvfs says. */
struct bw_disk_found {
    uint64_t blocks, blocks_free, blocks_available, files, files_available, block_bytes;
};

struct bw_job_answer {
    uint64_t ticket;
    uint32_t end;   /* enum bw_job_end */
    int32_t status;
    uint64_t took_ns;
    char line[96]; /* the first line of the output, printable UTF-8 */
    struct bw_ruleset_found ruleset;
    struct bw_disk_found disk;
};

/* Forks the runner: before any thread exists. Its socket, or negative errno. The runner ends when the socket is closed. */
int bw_runner_start(void);

/* warden.c: carries out one job in the calling process, which is for nothing else, and answers on fd. */
void bw_warden_run(const struct bw_job *job, int fd);
/* command.c: becomes the command; its output goes to `output`. ready: closed when it runs, a byte comes first when it cannot; -1 = none. Never returns. */
void bw_command_exec(const struct bw_job *job, int output, int ready) __attribute__((noreturn));

/* ruleset.c, pure: takes a listing piece by piece. */
struct bw_ruleset_reader {
    struct bw_ruleset_found found;
    const char *wanted_table, *wanted_chain; /* "" = any */
    bool in_table, in_chain, in_wanted_table, in_wanted_chain;
    uint32_t depth; /* of braces at the line's beginning */
    bool cut;       /* the present line is longer than `line` */
    size_t length;
    char line[512];
};
void bw_ruleset_begin(struct bw_ruleset_reader *reader, const char *table, const char *chain);
void bw_ruleset_take(struct bw_ruleset_reader *reader, const char *bytes, size_t count);
void bw_ruleset_end(struct bw_ruleset_reader *reader);

/* Makes a line of any bytes printable: cut at the first line's end, control characters and what is no UTF-8 as '?'. */
void bw_line_clean(const char *bytes, size_t count, char *line, size_t cap);

#endif
