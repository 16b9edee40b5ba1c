/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests from this host's surfaces, and commands between members: a command rides in every
 * heartbeat until it is answered or 3 s have passed, is carried out once, and its answer is kept for
 * as long as the asker repeats it.
 */
#include "agent/core/core_private.h"

#define ANSWER_WITHIN_NS (3 * BW_SEC)

void bw_core_answer(struct bw_core *core, uint64_t ticket, const struct bw_answer *answer)
{
    struct bw_output *out = bw_core_put(core, BW_OUTPUT_ANSWER);

    out->ticket = ticket;
    out->answer = *answer;
}

static void answer_text(struct bw_answer *answer, enum bw_result result, const char *text, const char *name)
{
    answer->result = result;
    bw_format(answer->text, sizeof(answer->text), text, name);
}

/* ---- asking another member ---- */

static void ask_member(struct bw_core *core, uint8_t member, uint64_t ticket, const struct bw_request *r, struct bw_answer *answer)
{
    struct bw_core_asked *slot = NULL;

    for (int i = 0; i < BW_MAX_COMMANDS && slot == NULL; i++)
        if (core->asked[i].command.number == 0)
            slot = &core->asked[i];
    if (slot == NULL) {
        answer_text(answer, BW_RESULT_BUSY, "four commands to other members are under way%s; ask again later", "");
        return;
    }
    if (!core->members[member].heard) {
        answer_text(answer, BW_RESULT_REFUSED, "%s is unreachable: it must be heard to be asked", bw_core_name(core, member));
        return;
    }
    memset(slot, 0, sizeof(*slot));
    slot->ticket = ticket;
    slot->until_ns = core->now_ns + ANSWER_WITHIN_NS;
    slot->command.number = ++core->command_number;
    slot->command.target = bw_core_id(core, member);
    slot->command.kind = (uint8_t)r->kind;
    slot->command.group = (uint8_t)r->group;
    slot->command.admin = (uint8_t)r->admin;
    slot->command.member = (uint8_t)r->member;
    bw_copy(slot->command.who, sizeof(slot->command.who), r->who);
    answer->result = BW_RESULT_PENDING;
    core->send = true;
}

static void close_asked(struct bw_core *core, struct bw_core_asked *slot, const struct bw_answer *answer)
{
    bw_core_answer(core, slot->ticket, answer);
    slot->command.number = 0;
}

void bw_core_commands_run(struct bw_core *core)
{
    for (int i = 0; i < BW_MAX_COMMANDS; i++) {
        struct bw_core_asked *slot = &core->asked[i];
        struct bw_answer answer = {.result = BW_RESULT_TIMEOUT};

        if (slot->command.number == 0)
            continue;
        if (core->now_ns < slot->until_ns) {
            bw_core_due(core, slot->until_ns);
            continue;
        }
        answer_text(&answer, BW_RESULT_TIMEOUT, "%s did not answer within 3 s",
                    bw_core_name(core, bw_core_index(core, slot->command.target)));
        close_asked(core, slot, &answer);
    }
}

/* ---- being asked ---- */

static struct bw_done_command *done_slot(struct bw_core_member *m, uint32_t number)
{
    for (int i = 0; i < BW_CORE_ANSWERS; i++)
        if (m->done[i].number == number)
            return &m->done[i];
    return NULL;
}

static void carry_out(struct bw_core *core, uint8_t asker, const struct bw_command *command, struct bw_answer *answer)
{
    struct bw_core_move move = {.asker = asker, .asker_boot = core->members[asker].boot, .number = command->number};
    char who[sizeof(command->who) + 1], text[BW_TEXT_MAX];
    uint8_t member = command->member == 0 ? BW_NONE : core->self;

    memcpy(who, command->who, sizeof(command->who));
    who[sizeof(command->who)] = '\0';
    bw_format(text, sizeof(text), "%s on %s", who, bw_core_name(core, asker));
    if (command->kind == BW_REQUEST_ADMIN)
        bw_core_admin_set(core, command->admin, text, answer);
    else if (command->group < 1 || command->group > core->config->groups_count)
        answer_text(answer, BW_RESULT_NOT_FOUND, "%s has no group of that number", bw_core_name(core, core->self));
    else if (command->kind == BW_REQUEST_GROUP_MOVE)
        bw_core_move_start(core, (uint8_t)(command->group - 1), &move, answer);
    else if (command->kind == BW_REQUEST_GROUP_START)
        bw_core_group_start(core, (uint8_t)(command->group - 1), member, &move, text, answer);
    else if (command->kind == BW_REQUEST_GROUP_STOP)
        bw_core_group_stop(core, (uint8_t)(command->group - 1), member, &move, text, answer);
    else
        answer_text(answer, BW_RESULT_REFUSED, "%s does not know this command", bw_core_name(core, core->self));
}

static void hear_command(struct bw_core *core, uint8_t asker, const struct bw_command *command)
{
    struct bw_core_member *m = &core->members[asker];
    struct bw_answer answer = {.result = BW_RESULT_DONE};
    struct bw_done_command *slot;

    if (command->number == 0 || command->number <= m->done_newest)
        return; /* carried out already: its answer rides along while it is repeated */
    carry_out(core, asker, command, &answer);
    m->done_newest = command->number;
    slot = &m->done[command->number % BW_CORE_ANSWERS];
    slot->number = command->number;
    slot->result = (uint8_t)answer.result;
    bw_copy(slot->text, sizeof(slot->text), answer.text);
    core->send = true;
}

static void hear_answer(struct bw_core *core, uint8_t member, const struct bw_command_answer *a)
{
    struct bw_answer answer = {.result = a->result};

    if (a->asker != bw_core_id(core, core->self) || !bw_core_boot_equal(&a->asker_boot, &core->boot) ||
        a->result == BW_RESULT_PENDING)
        return;
    for (int i = 0; i < BW_MAX_COMMANDS; i++) {
        struct bw_core_asked *slot = &core->asked[i];

        if (slot->command.number == 0 || slot->command.number != a->number || slot->command.target != bw_core_id(core, member))
            continue;
        bw_copy(answer.text, sizeof(answer.text), a->text);
        close_asked(core, slot, &answer);
    }
}

void bw_core_commands_heard(struct bw_core *core, uint8_t member, const struct bw_heartbeat *beat)
{
    struct bw_core_member *m = &core->members[member];
    uint8_t self = bw_core_id(core, core->self);

    m->asked_count = 0;
    for (uint8_t i = 0; i < beat->commands_count && i < BW_MAX_COMMANDS; i++)
        if (beat->commands[i].target == self)
            m->asked[m->asked_count++] = beat->commands[i];
    /* In the order in which they were given. */
    for (uint8_t i = 1; i < m->asked_count; i++)
        for (uint8_t k = i; k > 0 && m->asked[k].number < m->asked[k - 1].number; k--) {
            struct bw_command swapped = m->asked[k];
            m->asked[k] = m->asked[k - 1];
            m->asked[k - 1] = swapped;
        }
    for (uint8_t i = 0; i < m->asked_count; i++)
        hear_command(core, member, &m->asked[i]);
    for (uint8_t i = 0; i < beat->answers_count && i < BW_MAX_COMMANDS; i++)
        hear_answer(core, member, &beat->answers[i]);
}

void bw_core_commands_fill(struct bw_core *core, struct bw_heartbeat *beat)
{
    beat->commands_count = beat->answers_count = 0;
    for (int i = 0; i < BW_MAX_COMMANDS; i++)
        if (core->asked[i].command.number != 0)
            beat->commands[beat->commands_count++] = core->asked[i].command;
    /* Several askers share the room; whoever finds none hears its answer a heartbeat later. */
    for (uint8_t step = 0; step < core->count; step++) {
        uint8_t member = (uint8_t)((core->beat_turn + step) % core->count);
        struct bw_core_member *m = &core->members[member];

        for (uint8_t k = 0; m->heard && k < m->asked_count && beat->answers_count < BW_MAX_COMMANDS; k++) {
            const struct bw_done_command *done = done_slot(m, m->asked[k].number);
            struct bw_command_answer *a = &beat->answers[beat->answers_count];

            if (done == NULL || m->asked[k].number == 0)
                continue;
            a->asker = bw_core_id(core, member);
            a->asker_boot = m->boot;
            a->number = done->number;
            a->result = done->result;
            bw_copy(a->text, sizeof(a->text), done->text);
            beat->answers_count++;
        }
    }
}

void bw_core_command_done(struct bw_core *core, const struct bw_core_move *asker, const struct bw_answer *answer)
{
    struct bw_core_member *m;
    struct bw_done_command *slot;

    if (asker->ticket != 0) {
        bw_core_answer(core, asker->ticket, answer);
        return;
    }
    if (asker->asker == BW_NONE)
        return;
    m = &core->members[asker->asker];
    slot = done_slot(m, asker->number);
    if (slot == NULL || !bw_core_boot_equal(&m->boot, &asker->asker_boot))
        return;
    slot->result = (uint8_t)answer->result;
    bw_copy(slot->text, sizeof(slot->text), answer->text);
    core->send = true;
}

/* ---- requests ---- */

static void request_admin(struct bw_core *core, uint64_t ticket, const struct bw_request *r, struct bw_answer *answer)
{
    uint8_t member = r->member == 0 ? core->self : r->member > UINT8_MAX ? BW_NONE : bw_core_index(core, (uint8_t)r->member);

    if (member == BW_NONE)
        answer_text(answer, BW_RESULT_NOT_FOUND, "no member has that id%s", "");
    else if (r->admin < BW_ADMIN_UP || r->admin > BW_ADMIN_FORCE_DOWN)
        answer_text(answer, BW_RESULT_INVALID, "unknown admin state; allowed: up, down, maintenance, force-down%s", "");
    else if (member == core->self)
        bw_core_admin_set(core, r->admin, r->who, answer);
    else
        ask_member(core, member, ticket, r, answer);
}

static void request_move(struct bw_core *core, uint64_t ticket, const struct bw_request *r, struct bw_answer *answer)
{
    uint8_t member = r->member == 0 ? core->self : r->member > UINT8_MAX ? BW_NONE : bw_core_index(core, (uint8_t)r->member);
    struct bw_core_move asker = {.ticket = ticket, .asker = BW_NONE};

    if (r->group < 1 || r->group > core->config->groups_count)
        answer_text(answer, BW_RESULT_NOT_FOUND, "no group has that number%s", "");
    else if (member == BW_NONE)
        answer_text(answer, BW_RESULT_NOT_FOUND, "no member has that id%s", "");
    else if (member == core->self)
        bw_core_move_start(core, (uint8_t)(r->group - 1), &asker, answer);
    else
        ask_member(core, member, ticket, r, answer);
}

/* Start and stop: of a member, or (0) of whichever it concerns. */
static void request_group(struct bw_core *core, uint64_t ticket, const struct bw_request *r, struct bw_answer *answer)
{
    uint8_t member = r->member == 0 || r->member > UINT8_MAX ? BW_NONE : bw_core_index(core, (uint8_t)r->member), asked = member;
    struct bw_core_move asker = {.ticket = ticket, .asker = BW_NONE};
    bool start = r->kind == BW_REQUEST_GROUP_START;

    if (r->group < 1 || r->group > core->config->groups_count) {
        answer_text(answer, BW_RESULT_NOT_FOUND, "no group has that number%s", "");
        return;
    }
    if (r->member != 0 && member == BW_NONE) {
        answer_text(answer, BW_RESULT_NOT_FOUND, "no member has that id%s", "");
        return;
    }
    if (asked == BW_NONE && !start) /* it is stopped where it runs */
        asked = bw_core_known_holder(core, (uint8_t)(r->group - 1));
    if (asked != BW_NONE && asked != core->self)
        ask_member(core, asked, ticket, r, answer);
    else if (start)
        bw_core_group_start(core, (uint8_t)(r->group - 1), member, &asker, r->who, answer);
    else
        bw_core_group_stop(core, (uint8_t)(r->group - 1), member, &asker, r->who, answer);
}

static void reset_counters(struct bw_core *core)
{
    core->sent = 0;
    for (uint8_t i = 0; i < core->count; i++)
        core->members[i].sent = core->members[i].received = core->members[i].missed = 0;
    core->dirty = true;
}

void bw_core_request(struct bw_core *core, uint64_t ticket, const struct bw_request *r)
{
    struct bw_answer answer = {.result = BW_RESULT_DONE};

    switch (r->kind) {
    case BW_REQUEST_ADMIN:
        request_admin(core, ticket, r, &answer);
        break;
    case BW_REQUEST_GROUP_MOVE:
        request_move(core, ticket, r, &answer);
        break;
    case BW_REQUEST_GROUP_START:
    case BW_REQUEST_GROUP_STOP:
        request_group(core, ticket, r, &answer);
        break;
    case BW_REQUEST_PNOTE_REGISTER:
    case BW_REQUEST_PNOTE_REPORT:
    case BW_REQUEST_PNOTE_UNREGISTER:
        bw_core_pnote_request(core, r, &answer);
        break;
    case BW_REQUEST_GROUP_DENY:
    case BW_REQUEST_GROUP_ALLOW:
        bw_core_deny_request(core, r, &answer);
        break;
    case BW_REQUEST_SERVICE:
        bw_core_service_request(core, r, &answer);
        break;
    case BW_REQUEST_RESOURCE:
        bw_core_resource_request(core, r, &answer);
        break;
    case BW_REQUEST_COUNTERS_RESET:
        reset_counters(core);
        break;
    default:
        answer_text(&answer, BW_RESULT_REFUSED, "the engine does not know this request%s", "");
        break;
    }
    if (answer.result != BW_RESULT_PENDING)
        bw_core_answer(core, ticket, &answer);
}
