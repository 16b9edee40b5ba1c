/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The HTTP surface alone, on the fixture's snapshot: for tests that need a server without a cluster, and for measuring
 * it. Posts every 100 ms and answers the mailbox by rote. Prints "ready ADDRESS:PORT" and runs until it is told to end.
 *
 *   http_fixture [--listen ADDRESS:PORT]… [--token-file FILE] [--frozen] [--big] [--slow-actions] [--scenario NAME]
 *                [--certificate FILE --key FILE [--client-ca FILE]] [--streams N] [--per-address N]
 *
 * --frozen posts once and never again. --big: 8 members, 4 interfaces, 8 pnotes each. --scenario: see http_scenarios.h.
 * SIGUSR1 adds an event to the history; with a scenario it goes from healthy to degraded and back, too.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "exporters/http/http.h"
#include "tests/tools/http_scenarios.h"

static volatile sig_atomic_t ended, flips;
static const char *scenario;
static struct bw_history *history;
static int64_t started_wall;

static void on_signal(int number)
{
    if (number == SIGUSR1)
        flips = flips + 1;
    else
        ended = 1;
}

static uint64_t now_ns(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * BW_SEC + (uint64_t)t.tv_nsec;
}

static void fill_big(struct bw_snapshot *s)
{
    s->members_count = s->interfaces_count = s->pnotes_count = 0;
    for (uint32_t m = 1; m <= 8; m++) {
        struct bw_member_row *member = &s->members[s->members_count++];

        *member = s->members[m == 1 ? 0 : 1];
        member->id = m;
        bw_format(member->name, sizeof(member->name), "member%u", m);
        for (uint32_t i = 1; i <= 4; i++) {
            struct bw_interface_row *r = &s->interfaces[s->interfaces_count++];

            *r = s->interfaces[0];
            r->member = m;
            r->index = i;
            bw_format(r->name, sizeof(r->name), "eth%u", i - 1);
        }
        for (uint32_t i = 1; i <= 8; i++) {
            struct bw_pnote_row *r = &s->pnotes[s->pnotes_count++];

            *r = s->pnotes[0];
            r->member = m;
            bw_format(r->name, sizeof(r->name), "pnote-number-%u", i);
        }
    }
}

/* What SIGUSR1 asked for: one event each. */
static void flip(void)
{
    static int done;
    struct bw_event e = {.kind = BW_EVENT_FAILOVER, .group = 1, .cause = BW_CAUSE_INTERFACE, .took_ns = 24 * BW_MS};

    for (; done < flips; done++) {
        bool back = scenario != NULL && strcmp(scenario, "degraded") == 0;

        e.time_wall = (int64_t)now_ns(CLOCK_REALTIME);
        e.member = back ? 1 : 2;
        bw_copy(e.from, sizeof(e.from), back ? "fw2" : "fw1");
        bw_copy(e.to, sizeof(e.to), back ? "fw1" : "fw2");
        bw_copy(e.reason, sizeof(e.reason), "asked for by a signal");
        bw_history_add(history, &e);
        if (scenario != NULL)
            scenario = back ? "healthy" : "degraded";
    }
}

static void post(struct bw_board *board, bool big)
{
    struct bw_snapshot *s = bw_board_draft(board);

    if (scenario == NULL || !scene_fill(scenario, s, started_wall))
        bw_fixture_fill(s);
    if (big)
        fill_big(s);
    bw_history_range(history, &s->history_first, &s->history_last);
    s->posted_ns = now_ns(CLOCK_BOOTTIME);
    s->posted_wall = (int64_t)now_ns(CLOCK_REALTIME);
    bw_board_post(board);
}

/* Down of fw2 is taken on by it, its forced down refused; pnotes called "gone" are not there; the rest is done. */
static void answer(struct bw_mailbox *mailbox)
{
    static bool registered;
    struct bw_request request;
    struct bw_answer reply;
    uint64_t ticket;

    while ((ticket = bw_mailbox_take(mailbox, &request)) != 0) {
        memset(&reply, 0, sizeof(reply));
        reply.result = BW_RESULT_DONE;
        if (request.kind == BW_REQUEST_ADMIN && request.member == 2) {
            reply.result = request.admin == BW_ADMIN_FORCE_DOWN ? BW_RESULT_REFUSED : BW_RESULT_PENDING;
            bw_copy(reply.text, sizeof(reply.text), request.admin == BW_ADMIN_FORCE_DOWN ? "no other member" : "");
        } else if (strcmp(request.name, "gone") == 0 && request.kind != BW_REQUEST_PNOTE_REGISTER && !registered) {
            reply.result = BW_RESULT_NOT_FOUND;
        } else if (request.kind == BW_REQUEST_PNOTE_REGISTER) {
            registered = true;
        }
        bw_copy(reply.text, sizeof(reply.text), reply.result == BW_RESULT_DONE ? request.who : reply.text);
        bw_mailbox_answer(mailbox, ticket, &reply);
    }
}

static void config_fill(struct bw_config *c)
{
    memset(c, 0, sizeof(*c));
    c->cluster.id = 17;
    bw_copy(c->cluster.name, sizeof(c->cluster.name), "edge");
    c->cluster.members_count = 2;
    for (uint8_t i = 0; i < 2; i++) {
        c->cluster.members[i].id = i + 1;
        bw_format(c->cluster.members[i].name, BW_NAME_MAX, "fw%u", i + 1U);
        c->cluster.members[i].address = bw_fixture_address(i == 0 ? "10.0.10.1" : "2001:db8::2");
    }
    c->cluster.groups_count = 1;
    bw_copy(c->cluster.groups[0].name, BW_NAME_MAX, "edge");
    bw_copy(c->http.listen, sizeof(c->http.listen), "127.0.0.1:0");
}

/* Posts and answers until the end. */
static void run(const struct bw_surface_context *context, bool frozen, bool big, bool slow)
{
    uint64_t next = now_ns(CLOCK_BOOTTIME) + 100 * BW_MS, now;

    while (!ended) {
        struct pollfd p = {.fd = slow ? -1 : bw_mailbox_fd(context->mailbox), .events = POLLIN};
        uint64_t counter;

        if (poll(&p, 1, 20) > 0 && read(p.fd, &counter, sizeof(counter)) < 0)
            counter = 0;
        if (!slow)
            answer(context->mailbox);
        now = now_ns(CLOCK_BOOTTIME);
        flip();
        if (!frozen && now >= next) {
            post(context->board, big);
            next = now + 100 * BW_MS;
        }
    }
}

int main(int argc, char **argv)
{
    static struct bw_config config;
    static struct bw_stats stats;
    struct bw_surface_context context = {.config = &config,
                                         .board = bw_board_new(),
                                         .mailbox = bw_mailbox_new(),
                                         .history = bw_history_new(),
                                         .stats = &stats};
    struct bw_http *http = NULL;
    bool frozen = false, big = false, slow = false;
    unsigned listens = 0;
    struct sigaction action = {.sa_handler = on_signal};

    config_fill(&config);
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;

        if (strcmp(argv[i], "--listen") == 0 && more && listens++ == 0)
            bw_copy(config.http.listen, sizeof(config.http.listen), argv[++i]);
        else if (strcmp(argv[i], "--listen") == 0 && more && listens < BW_MAX_LISTENS)
            bw_copy(config.http.listen_also[config.http.listen_also_count++], sizeof(config.http.listen), argv[++i]);
        else if (strcmp(argv[i], "--token-file") == 0 && more)
            bw_copy(config.http.token_file, sizeof(config.http.token_file), argv[++i]);
        else if (strcmp(argv[i], "--certificate") == 0 && more)
            bw_copy(config.http.tls_certificate, sizeof(config.http.tls_certificate), argv[++i]);
        else if (strcmp(argv[i], "--key") == 0 && more)
            bw_copy(config.http.tls_key, sizeof(config.http.tls_key), argv[++i]);
        else if (strcmp(argv[i], "--client-ca") == 0 && more)
            bw_copy(config.http.tls_client_ca, sizeof(config.http.tls_client_ca), argv[++i]);
        else if (strcmp(argv[i], "--streams") == 0 && more)
            config.http.streams = (uint32_t)strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--per-address") == 0 && more)
            config.http.connections_per_address = (uint32_t)strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--scenario") == 0 && more)
            scenario = argv[++i];
        else if (strcmp(argv[i], "--frozen") == 0)
            frozen = true;
        else if (strcmp(argv[i], "--big") == 0)
            big = true;
        else if (strcmp(argv[i], "--slow-actions") == 0)
            slow = true;
        else
            return 2;
    }
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
    history = context.history;
    started_wall = (int64_t)now_ns(CLOCK_REALTIME);
    if (scenario != NULL)
        scene_history(history, scenario, started_wall);
    else
        bw_fixture_history(history);
    post(context.board, big);
    if (bw_http_start(&context, &http) < 0)
        return 1;
    printf("ready %.*s:%u\n", (int)(strrchr(config.http.listen, ':') - config.http.listen), config.http.listen,
           bw_http_port(http));
    fflush(stdout);
    run(&context, frozen, big, slow);
    bw_http_stop(http);
    bw_history_free(context.history);
    bw_mailbox_free(context.mailbox);
    bw_board_free(context.board);
    return 0;
}
