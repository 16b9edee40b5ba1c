/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Into the core: frames from the ports, notices from the kernel edge, requests from the mailbox.
 */
#include <string.h>

#include "agent/engine/engine_private.h"
#include "bellwether/text.h"

/* Kernel notices and requests taken in one turn at most. */
#define NOTICES_PER_TURN 512
#define REQUESTS_PER_TURN 64
#define NOTICES_EVERY_NS (50 * BW_MS)

bool bw_engine_receive(struct bw_engine *e)
{
    bool bounded = false;
    unsigned ready = 0;

    for (uint8_t i = 0; i < e->cluster->interfaces_count; i++)
        ready += e->ports[i] != NULL && bw_engine_ready(e, SOURCE_PORT + i);
    e->received_count = 0;
    for (uint8_t i = 0; i < e->cluster->interfaces_count; i++) {
        unsigned count;
        bool more;

        if (e->ports[i] == NULL || !bw_engine_ready(e, SOURCE_PORT + i))
            continue;
        count = bw_port_receive_many(e->ports[i], &e->received[e->received_count],
                                     FRAMES_PER_TURN / ready, &more); /* a flood on one leaves the others their share */
        for (unsigned n = 0; n < count; n++)
            e->received[e->received_count + n].interface = i;
        e->frames_received[i] += count;
        e->received_count += count;
        bounded = bounded || more;
    }
    return bounded;
}

/* What a frame that is refused is called in the log and in history. */
static const char *const trouble[] = {
    [BW_VERDICT_MALFORMED] = "frames that cannot be read",
    [BW_VERDICT_UNAUTHENTIC] = "frames under a wrong key, or forged",
    [BW_VERDICT_REPLAYED] = "frames that were seen before (replayed)",
    [BW_VERDICT_FOREIGN] = "frames of another cluster, or of a member that is not in the configuration",
    [BW_VERDICT_DUPLICATE_ID] = "frames of another process that uses this member's id",
};

/* Where a frame came from, for people. text: BW_SENDER_TEXT_MAX bytes; "" when it is not known. */
static const char *sender_of(const struct bw_arrival *r, char *text)
{
    static const uint8_t none[6];

    _Static_assert(BW_SENDER_TEXT_MAX >= BW_ADDRESS_TEXT_MAX && BW_SENDER_TEXT_MAX >= BW_MAC_TEXT_MAX, "both fit");
    text[0] = '\0';
    if (memcmp(r->mac, none, sizeof(none)) != 0)
        bw_mac_to_text(r->mac, text);
    else if (r->source.family != 0)
        bw_address_to_text(&r->source, false, text);
    return text;
}

static void refuse_frame(struct bw_engine *e, enum bw_verdict verdict, const struct bw_arrival *r)
{
    struct bw_input input = {.kind = BW_INPUT_AUTH_TROUBLE, .interface = r->interface};
    char from[BW_SENDER_TEXT_MAX];
    uint64_t held_back;

    if (verdict == BW_VERDICT_OWN || trouble[verdict] == NULL)
        return;
    if (!bw_log_allowed(&e->trouble_limits[verdict], e->now_ns, &held_back))
        return;
    sender_of(r, from);
    bw_format(input.text, sizeof(input.text), "%s on %s%s%s", trouble[verdict], e->cluster->interfaces[r->interface].name,
              from[0] != '\0' ? ", from " : "", from);
    bw_log(BW_LOG_WARNING, "refused: %s (%lu more since the last such line)", input.text, (unsigned long)held_back);
    bw_core_input(e->core, &input);
}

/* One that is not adopted yet learns our challenge from a heartbeat; at most one per interface and quarter interval. */
static void answer_query(struct bw_engine *e, uint8_t interface)
{
    if (e->now_ns - e->last_query_answer_ns[interface] < e->cluster->interval_ns / 4)
        return;
    e->last_query_answer_ns[interface] = e->now_ns;
    bw_engine_send_heartbeat(e, (uint16_t)(1U << interface));
}

/* Without authentication another cluster with this one's number reads like this one. */
static bool is_member(const struct bw_engine *e, uint8_t id)
{
    for (uint8_t i = 0; i < e->cluster->members_count; i++)
        if (e->cluster->members[i].id == id)
            return true;
    return false;
}

static void input_frame(struct bw_engine *e, const struct bw_arrival *r)
{
    static struct bw_message message; /* large; the engine is one thread */
    struct bw_input input = {.kind = BW_INPUT_MESSAGE, .interface = r->interface, .message = &message};
    enum bw_verdict verdict = bw_open_frame(e->seal, r->bytes + r->at, r->length, r->interface, &message);

    if ((verdict == BW_VERDICT_ACCEPT || verdict == BW_VERDICT_FAREWELL || verdict == BW_VERDICT_QUERY) && !is_member(e, message.sender))
        verdict = BW_VERDICT_FOREIGN;
    e->verdicts[verdict]++;
    switch (verdict) {
    case BW_VERDICT_ACCEPT:
    case BW_VERDICT_FAREWELL:
        message.interface = r->interface;
        sender_of(r, message.from);
        bw_core_input(e->core, &input);
        break;
    case BW_VERDICT_QUERY:
        answer_query(e, r->interface);
        break;
    default:
        refuse_frame(e, verdict, r);
        break;
    }
}

void bw_engine_attach(struct bw_engine *e, uint8_t interface)
{
    const struct bw_link *link = bw_linux_link(e->edge, interface);
    struct bw_link *attached = &e->attached[interface];
    struct bw_port *port = e->ports[interface];
    int fds[2], error;

    if (port == NULL || (link->ifindex == attached->ifindex && memcmp(link->mac, attached->mac, 6) == 0 &&
                         bw_address_compare(&link->address4, &attached->address4) == 0))
        return;
    error = bw_port_attach(port, link->ifindex, link->mac, &link->address4);
    if (error != 0) {
        bw_log(BW_LOG_WARNING, "interface %s: cannot attach to its device: %s",
               e->cluster->interfaces[interface].name, strerror(-error));
        memset(attached, 0, sizeof(*attached));
        return;
    }
    *attached = *link;
    bw_port_fds(port, fds);
    for (int i = 0; i < 2; i++)
        if (fds[i] >= 0)
            bw_engine_watch(e, fds[i], SOURCE_PORT + interface);
}

static void input_notices(struct bw_engine *e)
{
    for (int n = 0; n < NOTICES_PER_TURN; n++) {
        struct bw_input input;

        memset(&input, 0, sizeof(input));
        if (bw_linux_next(e->edge, &input) <= 0)
            return;
        if (input.kind == BW_INPUT_LINK)
            bw_engine_attach(e, input.interface);
        bw_core_input(e->core, &input);
    }
}

/* What the other members remember of this one. */
static void input_facts(struct bw_engine *e, uint64_t ticket)
{
    struct bw_input input = {.kind = BW_INPUT_FACTS};
    struct bw_answer answer = {.result = BW_RESULT_DONE};
    struct bw_facts facts;

    input.facts = &facts;
    if (e->agent->rows.facts != NULL && bw_published_read(e->agent->rows.facts->offer, &facts))
        bw_core_input(e->core, &input);
    else
        answer.result = BW_RESULT_BUSY;
    bw_mailbox_answer(e->agent->mailbox, ticket, &answer);
}

static void input_requests(struct bw_engine *e)
{
    for (int n = 0; n < REQUESTS_PER_TURN; n++) {
        struct bw_request request;
        struct bw_input input = {.kind = BW_INPUT_REQUEST, .request = &request};

        input.ticket = bw_mailbox_take(e->agent->mailbox, &request);
        if (input.ticket == 0)
            return;
        if (request.kind == BW_REQUEST_RELOAD)
            bw_engine_reload_begin(e, input.ticket);
        else if (request.kind == BW_REQUEST_FACTS)
            input_facts(e, input.ticket);
        else
            bw_core_input(e->core, &input);
        if (request.kind == BW_REQUEST_COUNTERS_RESET)
            atomic_fetch_add(&e->agent->stats->sync_resets, 1);
    }
}

/* The core has to know every link before the first decision. */
static void input_first_links(struct bw_engine *e)
{
    for (uint8_t i = 0; i < e->cluster->interfaces_count; i++) {
        struct bw_input input = {.kind = BW_INPUT_LINK, .interface = i, .up = bw_linux_link(e->edge, i)->up};

        bw_core_input(e->core, &input);
    }
}

void bw_engine_inputs(struct bw_engine *e)
{
    if (e->turns == 0)
        input_first_links(e);
    /* Links first: a frame from an interface that came up this instant finds it up. What the edge judges by the clock alone is asked for
     * now and then. */
    if (bw_engine_ready(e, SOURCE_EDGE) || e->now_ns - e->notices_ns >= NOTICES_EVERY_NS) {
        e->notices_ns = e->now_ns;
        bw_linux_readable(e->edge, bw_engine_ready(e, SOURCE_EDGE));
        input_notices(e);
    }
    bw_engine_reload_run(e);
    for (unsigned i = 0; i < e->received_count; i++)
        input_frame(e, &e->received[i]);
    if (bw_engine_ready(e, SOURCE_MAILBOX))
        input_requests(e);
}
