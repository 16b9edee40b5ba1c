/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The SNMP surface alone, on the tests' fixture snapshot: what a manager sees can be tested without
 * a cluster. Usage: snmp_fixture SOCKET [-r ROOT] [-w] [-o] [-k] [-K] (-o: notify = "own"; -k: the
 * view of CHECKPOINT-MIB and its notifications; -K: that of KEEPALIVED-MIB). It plays the engine: it carries requests out on the snapshot, and takes commands on standard input, each answered by one line:
 *
 *   event KIND MEMBER OBJECT FROM TO   adds an event ("-" = empty)     history N   adds N start events
 *   burst N                            adds N pnote events             full        fills every table
 *   state MEMBER STATE                 changes a member's state        takeover 0|1
 *   hold 0|1                           leaves requests unanswered      refuse TEXT refuses requests from now on
 *   mismatch 0|1                       configurations differ           holder MEMBER holds the group
 *   lost N                             lost connections of the synchronisation (0 at first: it is healthy)
 *   stats    prints connected, connects, sent, dropped                 requests    prints how many came, and the last
 *   stop     stops the surface for good: seconds it took               quit
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../unit/fixture.h"
#include "bellwether/catalogue.h"
#include "bellwether/log.h"
#include "bellwether/surface.h"

struct fixture {
    struct bw_config config;
    struct bw_stats stats;
    struct bw_surface_context context;
    struct bw_snmp *snmp;
    struct bw_snapshot now; /* what is posted next */
    struct bw_request last_request;
    unsigned requests;
    bool hold;
    char refusal[BW_TEXT_MAX];
};

static void post(struct fixture *f)
{
    bw_history_range(f->context.history, &f->now.history_first, &f->now.history_last);
    f->now.agent.snmp_connected = atomic_load(&f->stats.snmp_connected) != 0;
    f->now.agent.snmp_connects = atomic_load(&f->stats.snmp_connects);
    f->now.agent.snmp_notifications_sent = atomic_load(&f->stats.snmp_notifications_sent);
    f->now.agent.snmp_notifications_dropped = atomic_load(&f->stats.snmp_notifications_dropped);
    *bw_board_draft(f->context.board) = f->now;
    bw_board_post(f->context.board);
}

static void add_event(struct fixture *f, uint32_t kind, uint32_t member, const char *object, const char *from,
                      const char *to)
{
    struct bw_event event = {
        .kind = kind, .member = member, .group = kind == BW_EVENT_FAILOVER, .cause = BW_CAUSE_ADMIN};

    event.time_wall = BW_FIXTURE_WALL;
    event.took_ns = 31 * BW_MS;
    bw_copy(event.object, sizeof(event.object), strcmp(object, "-") == 0 ? "" : object);
    bw_copy(event.from, sizeof(event.from), strcmp(from, "-") == 0 ? "" : from);
    bw_copy(event.to, sizeof(event.to), strcmp(to, "-") == 0 ? "" : to);
    bw_copy(event.reason, sizeof(event.reason), "the test said so");
    bw_history_add(f->context.history, &event);
}

/* Every table as long as it can be, rows sorted. */
static void fill(struct fixture *f)
{
    struct bw_snapshot *s = &f->now;

    for (uint32_t m = 0; m < BW_MAX_MEMBERS; m++) {
        s->members[m] = s->members[m < 2 ? m : 1];
        s->members[m].id = m + 1;
        for (uint32_t i = 0; i < BW_MAX_INTERFACES; i++) {
            s->interfaces[m * BW_MAX_INTERFACES + i] = s->interfaces[0];
            s->interfaces[m * BW_MAX_INTERFACES + i].member = m + 1;
            s->interfaces[m * BW_MAX_INTERFACES + i].index = i + 1;
        }
        for (uint32_t i = 0; i < BW_MAX_PNOTES; i++) {
            struct bw_pnote_row *row = &s->pnotes[m * BW_MAX_PNOTES + i];

            *row = s->pnotes[0];
            row->member = m + 1;
            memset(row->name, 'x', sizeof(row->name));
            row->name[i < 4 ? i + 6 : 31] = '\0';
            if (i >= 4)
                row->name[30] = (char)('0' + i);
        }
    }
    s->members_count = BW_MAX_MEMBERS;
    s->interfaces_count = BW_MAX_MEMBERS * BW_MAX_INTERFACES;
    s->pnotes_count = BW_MAX_MEMBERS * BW_MAX_PNOTES;
    for (uint32_t i = 0; i < BW_MAX_ADDRESSES; i++) {
        s->addresses[i] = s->addresses[0];
        s->addresses[i].address.bytes[3] = (uint8_t)i;
    }
    s->addresses_count = BW_MAX_ADDRESSES;
}

/* Plays the engine for one request. */
static void serve_request(struct fixture *f)
{
    struct bw_answer answer = {BW_RESULT_DONE, ""};
    struct bw_request *r = &f->last_request;
    uint64_t ticket = bw_mailbox_take(f->context.mailbox, r);

    if (ticket == 0)
        return;
    f->requests++;
    if (f->refusal[0] != '\0') {
        answer.result = BW_RESULT_REFUSED;
        bw_copy(answer.text, sizeof(answer.text), f->refusal);
    } else if (r->kind == BW_REQUEST_ADMIN && r->member >= 1 && r->member <= f->now.members_count) {
        struct bw_member_row *m = &f->now.members[r->member - 1];

        m->admin = r->admin == BW_ADMIN_FORCE_DOWN ? BW_ADMIN_DOWN : r->admin;
        m->forced = r->admin == BW_ADMIN_FORCE_DOWN;
        bw_copy(m->admin_by, sizeof(m->admin_by), r->who);
        post(f);
    } else if (r->kind == BW_REQUEST_GROUP_MOVE) {
        f->now.groups[r->group - 1].holder = r->member;
        post(f);
    } else if (r->kind == BW_REQUEST_COUNTERS_RESET) {
        f->now.sync.generated = f->now.sync.sent = 0;
        f->now.sync.reset_wall = BW_FIXTURE_WALL;
        post(f);
    }
    bw_mailbox_answer(f->context.mailbox, ticket, &answer);
}

static double stop(struct fixture *f)
{
    struct timespec begin, end;

    clock_gettime(CLOCK_MONOTONIC, &begin);
    bw_snmp_stop(f->snmp);
    f->snmp = NULL;
    clock_gettime(CLOCK_MONOTONIC, &end);
    return (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
}

static void hold(struct fixture *f, uint32_t member)
{
    struct bw_snapshot *s = &f->now;

    s->groups[0].holder = s->cluster.active_member = member;
    for (uint32_t i = 0; i < s->group_members_count; i++)
        s->group_members[i].state = s->group_members[i].member == member ? BW_GROUP_ONLINE : BW_GROUP_OFFLINE;
}

static void lose(struct fixture *f, unsigned connections)
{
    f->now.sync.lost_connections = connections;
    bw_sync_judge(&f->now.sync);
}

/* One command line. False for quit. */
static bool command(struct fixture *f, char *line)
{
    char object[32], from[32], to[32], word[32];
    unsigned member, n;
    uint32_t value;

    if (sscanf(line, "event %31s %u %31s %31s %31s", word, &member, object, from, to) == 5 &&
        bw_enum_value(&bw_enum_event_kind, word, &value) == 0)
        add_event(f, value, member, object, from, to);
    else if (sscanf(line, "burst %u", &n) == 1)
        for (unsigned i = 0; i < n; i++)
            add_event(f, BW_EVENT_PNOTE, 1, "vpn-watch", "ok", "problem");
    else if (sscanf(line, "history %u", &n) == 1)
        for (unsigned i = 0; i < n; i++)
            add_event(f, BW_EVENT_START, 1, "-", "-", "-");
    else if (sscanf(line, "state %u %31s", &member, word) == 2 &&
             bw_enum_value(&bw_enum_member_state, word, &value) == 0)
        f->now.members[member - 1].state = value;
    else if (sscanf(line, "takeover %u", &n) == 1)
        f->now.cluster.takeover_possible = n != 0;
    else if (sscanf(line, "mismatch %u", &n) == 1)
        f->now.cluster.config_mismatch = n != 0;
    else if (sscanf(line, "lost %u", &n) == 1)
        lose(f, n);
    else if (sscanf(line, "holder %u", &n) == 1)
        hold(f, n);
    else if (sscanf(line, "hold %u", &n) == 1)
        f->hold = n != 0;
    else if (strncmp(line, "refuse ", 7) == 0)
        bw_copy(f->refusal, sizeof(f->refusal), line + 7);
    else if (strcmp(line, "full") == 0)
        fill(f);
    else if (strcmp(line, "stats") == 0)
        printf("%u %u %u %u\n", (unsigned)f->stats.snmp_connected, (unsigned)f->stats.snmp_connects,
               (unsigned)f->stats.snmp_notifications_sent, (unsigned)f->stats.snmp_notifications_dropped);
    else if (strcmp(line, "requests") == 0)
        printf("%u kind %u member %u group %u admin %u who %s\n", f->requests, f->last_request.kind,
               f->last_request.member, f->last_request.group, f->last_request.admin, f->last_request.who);
    else if (strcmp(line, "stop") == 0)
        printf("%.3f\n", stop(f));
    else if (strcmp(line, "quit") == 0)
        return false;
    else
        fprintf(stderr, "snmp_fixture: what is \"%s\"?\n", line);
    post(f);
    if (strcmp(line, "stats") != 0 && strcmp(line, "requests") != 0 && strcmp(line, "stop") != 0)
        printf("ok\n");
    fflush(stdout);
    return true;
}

static void loop(struct fixture *f)
{
    char line[256];
    size_t used = 0;

    for (;;) {
        struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                               {.fd = f->hold ? -1 : bw_mailbox_fd(f->context.mailbox), .events = POLLIN}};

        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return;
        if (fds[1].revents != 0)
            serve_request(f);
        if (fds[0].revents == 0)
            continue;
        /* A byte at a time: commands are few, and poll then sees what is left. */
        if (read(STDIN_FILENO, line + used, 1) != 1 || used == sizeof(line) - 1)
            return;
        if (line[used++] != '\n')
            continue;
        line[used - 1] = '\0';
        used = 0;
        if (!command(f, line))
            return;
    }
}

int main(int argc, char **argv)
{
    struct fixture *f = calloc(1, sizeof(*f));
    int option, rc;

    if (f == NULL)
        return 1;
    bw_copy(f->config.snmp.root, sizeof(f->config.snmp.root), BW_OID_ROOT);
    while ((option = getopt(argc, argv, "r:wokK")) != -1) {
        if (option == 'r')
            bw_copy(f->config.snmp.root, sizeof(f->config.snmp.root), optarg);
        else if (option == 'w')
            f->config.snmp.writable = true;
        else if (option == 'o')
            f->config.snmp.notify = BW_NOTIFY_OWN;
        else if (option == 'K')
            f->config.snmp.keepalived_view = true;
        else if (option == 'k')
            f->config.snmp.checkpoint_view = f->config.snmp.checkpoint_traps = true;
        else
            return 2;
    }
    if (optind + 1 != argc) {
        fprintf(stderr, "usage: snmp_fixture SOCKET [-r ROOT] [-w] [-o] [-k] [-K]\n");
        return 2;
    }
    f->config.snmp.enabled = true;
    bw_copy(f->config.snmp.agentx, sizeof(f->config.snmp.agentx), argv[optind]);
    f->context = (struct bw_surface_context){.config = &f->config,
                                               .board = bw_board_new(),
                                               .mailbox = bw_mailbox_new(),
                                               .history = bw_history_new(),
                                               .stats = &f->stats};
    bw_fixture_fill(&f->now);
    lose(f, 0);
    bw_fixture_history(f->context.history);
    post(f);
    rc = bw_snmp_start(&f->context, &f->snmp);
    if (rc == 0) {
        printf("ready\n");
        fflush(stdout);
        loop(f);
        bw_snmp_stop(f->snmp);
    }
    bw_board_free(f->context.board);
    bw_mailbox_free(f->context.mailbox);
    bw_history_free(f->context.history);
    free(f);
    return rc == 0 ? 0 : 1;
}
