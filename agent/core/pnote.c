/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Critical devices of the local member: the built-in ones, and those that users and monitors
 * register and report, with timeouts. Kept in the order in which they are shown (by name, as SNMP
 * orders). One in problem or init makes the member unfit to be preferred.
 */
#include "agent/core/core_private.h"

#define INTERFACE_CHECK "Interface Active Check"
#define SYNCHRONIZATION "Synchronization"
#define DAEMON "bellwetherd"

static struct bw_core_pnote *find(struct bw_core *core, const char *name)
{
    for (uint32_t i = 0; i < core->pnotes_count; i++)
        if (strcmp(core->pnotes[i].name, name) == 0)
            return &core->pnotes[i];
    return NULL;
}

static struct bw_core_pnote *add(struct bw_core *core, const char *name, uint32_t kind, uint32_t status)
{
    uint32_t at = core->pnotes_count;
    struct bw_core_pnote *p;

    if (core->pnotes_count == BW_MAX_PNOTES)
        return NULL;
    while (at > 0 && bw_name_compare(core->pnotes[at - 1].name, name) > 0)
        at--;
    p = &core->pnotes[at];
    memmove(p + 1, p, (core->pnotes_count - at) * sizeof(*p));
    core->pnotes_count++;
    memset(p, 0, sizeof(*p));
    bw_copy(p->name, sizeof(p->name), name);
    p->kind = kind;
    p->status = status;
    p->reported_ns = core->now_ns;
    core->dirty = core->pages_dirty = true;
    core->trouble_serial++;
    return p;
}

void bw_core_pnotes_init(struct bw_core *core, const struct bw_core_start *start)
{
    static const char *const built_in[] = {INTERFACE_CHECK, SYNCHRONIZATION, DAEMON};

    for (unsigned i = 0; i < sizeof(built_in) / sizeof(built_in[0]); i++)
        add(core, built_in[i], BW_PNOTE_BUILTIN, BW_PNOTE_OK)->fixed = true;
    if (start->syncs) /* the sync thread reports it soon */
        find(core, SYNCHRONIZATION)->status = BW_PNOTE_INIT;
    for (uint8_t i = 0; i < start->pnotes_count && i < BW_MAX_PNOTES; i++) {
        const struct bw_pnote_row *row = &start->pnotes[i];
        struct bw_core_pnote *p;

        if (!bw_name_valid(row->name) || find(core, row->name) != NULL)
            continue;
        p = add(core, row->name, row->kind != 0 ? row->kind : BW_PNOTE_USER, row->status != 0 ? row->status : BW_PNOTE_INIT);
        if (p == NULL)
            return;
        p->timeout_ns = row->timeout_ns;
        p->persistent = true;
        bw_copy(p->detail, sizeof(p->detail), row->detail);
    }
}

bool bw_core_synchronizing(const struct bw_core *core)
{
    for (uint32_t i = 0; i < core->pnotes_count; i++)
        if (core->pnotes[i].fixed && strcmp(core->pnotes[i].name, SYNCHRONIZATION) == 0)
            return core->pnotes[i].status == BW_PNOTE_INIT;
    return false;
}

static void set_status(struct bw_core *core, struct bw_core_pnote *p, uint32_t status, const char *detail)
{
    uint32_t before = p->status;

    if (strcmp(p->detail, detail) != 0) {
        bw_copy(p->detail, sizeof(p->detail), detail);
        core->dirty = core->pages_dirty = true;
        core->trouble_serial++;
    }
    if (before == status)
        return;
    p->status = status;
    if (p->fixed) /* nobody reports it: its age is that of its status */
        p->reported_ns = core->now_ns;
    if (p->persistent)
        bw_core_fact_changed(core);
    core->dirty = core->pages_dirty = true;
    core->trouble_serial++;
    bw_core_event(core, BW_EVENT_PNOTE, core->self, p->name, bw_enum_text(&bw_enum_pnote_status, before),
                  bw_enum_text(&bw_enum_pnote_status, status), detail);
}

const struct bw_core_pnote *bw_core_pnote_in(const struct bw_core *core, uint32_t status)
{
    for (uint32_t pass = 0; pass < 2; pass++)
        for (uint32_t i = 0; i < core->pnotes_count; i++)
            if (core->pnotes[i].status == status && core->pnotes[i].fixed == (pass == 0))
                return &core->pnotes[i];
    return NULL;
}

/* "2 interfaces are required, only 1 works: eth1 is down" */
static void check_interfaces(struct bw_core *core)
{
    struct bw_core_pnote *p = find(core, INTERFACE_CHECK);
    uint8_t up = bw_core_working(core, false);
    char text[BW_TEXT_MAX];
    size_t n;

    if (up >= core->required) {
        set_status(core, p, BW_PNOTE_OK, "");
        return;
    }
    n = bw_format(text, sizeof(text), "%u interface%s required, only %u work%s", core->required, core->required == 1 ? " is" : "s are",
                  up, up == 1 ? "s" : "");
    for (uint8_t i = 0; i < core->config->interfaces_count; i++)
        if (bw_core_counted(core, i) && !bw_core_works(core, i))
            n += bw_format(text + n, sizeof(text) - n, "; %s is %s", core->config->interfaces[i].name,
                           core->interfaces[i].link_known ? "down" : "not known yet");
    set_status(core, p, BW_PNOTE_PROBLEM, text);
}

void bw_core_pnotes_run(struct bw_core *core)
{
    check_interfaces(core);
    set_status(core, find(core, DAEMON), core->overdue ? BW_PNOTE_PROBLEM : BW_PNOTE_OK,
               core->overdue ? "address writes to the kernel are overdue by half a lease" : "");
    for (uint32_t i = 0; i < core->pnotes_count; i++) {
        struct bw_core_pnote *p = &core->pnotes[i];
        char text[BW_TEXT_MAX];

        if (p->timeout_ns == 0 || p->status == BW_PNOTE_PROBLEM)
            continue;
        if (core->now_ns < p->reported_ns + p->timeout_ns) {
            bw_core_due(core, p->reported_ns + p->timeout_ns);
            continue;
        }
        bw_format(text, sizeof(text), "no report for %lu.%03lu s", (unsigned long)(p->timeout_ns / BW_SEC),
                  (unsigned long)(p->timeout_ns / BW_MS % 1000));
        set_status(core, p, BW_PNOTE_PROBLEM, text);
    }
}

static void refuse(struct bw_answer *answer, enum bw_result result, const char *name, const char *why)
{
    answer->result = result;
    bw_format(answer->text, sizeof(answer->text), "pnote \"%s\": %s", name, why);
}

static bool check_request(struct bw_core *core, const struct bw_request *r, struct bw_answer *answer)
{
    /* Built-in names may hold blanks; what can't be done with these is told by their own reasons. */
    if (!bw_name_valid(r->name) && (r->kind == BW_REQUEST_PNOTE_REGISTER || find(core, r->name) == NULL)) {
        refuse(answer, BW_RESULT_INVALID, r->name, "allowed are 1 to 31 printable characters without blanks");
        return false;
    }
    if (r->kind != BW_REQUEST_PNOTE_UNREGISTER && (r->status < BW_PNOTE_OK || r->status > BW_PNOTE_PROBLEM)) {
        refuse(answer, BW_RESULT_INVALID, r->name, "unknown status; allowed: ok, init, problem");
        return false;
    }
    return true;
}

static void enroll(struct bw_core *core, const struct bw_request *r, struct bw_answer *answer)
{
    struct bw_core_pnote *p;

    if (find(core, r->name) != NULL) {
        refuse(answer, BW_RESULT_REFUSED, r->name, "it is already registered; unregister it first, or report its status");
        return;
    }
    p = add(core, r->name, r->pnote_kind != 0 ? r->pnote_kind : BW_PNOTE_USER, BW_PNOTE_UNKNOWN);
    if (p == NULL) {
        refuse(answer, BW_RESULT_REFUSED, r->name, "64 are registered already, no more fit; unregister one first");
        return;
    }
    p->timeout_ns = r->timeout_ns;
    p->persistent = r->persistent;
    p->asked = true;
    if (p->persistent)
        bw_core_fact_changed(core);
    set_status(core, p, r->status, r->text);
}

static void report(struct bw_core *core, const struct bw_request *r, struct bw_answer *answer)
{
    struct bw_core_pnote *p = find(core, r->name);

    if (p == NULL) {
        refuse(answer, BW_RESULT_NOT_FOUND, r->name, "it is not registered; register it first");
        return;
    }
    /* The one that a thread of ours reports, which nobody else can pass for: outside requests are always of another kind. */
    if (p->fixed && (r->pnote_kind != BW_PNOTE_BUILTIN || strcmp(p->name, SYNCHRONIZATION) != 0)) {
        refuse(answer, BW_RESULT_REFUSED, r->name, "it is built in and reports by itself");
        return;
    }
    if (r->timeout_ns != UINT64_MAX && r->timeout_ns != p->timeout_ns) {
        p->timeout_ns = r->timeout_ns;
        core->dirty = core->pages_dirty = true;
        if (p->persistent)
            bw_core_fact_changed(core);
    }
    p->reported_ns = core->now_ns;
    p->asked = true;
    core->dirty = true;
    set_status(core, p, r->status, r->text);
}

static void drop(struct bw_core *core, struct bw_core_pnote *p, const char *why)
{
    bw_core_event(core, BW_EVENT_PNOTE, core->self, p->name, bw_enum_text(&bw_enum_pnote_status, p->status), "unregistered", why);
    if (p->persistent)
        bw_core_fact_changed(core);
    core->pnotes_count--;
    memmove(p, p + 1, (size_t)(&core->pnotes[core->pnotes_count] - p) * sizeof(*p));
    core->dirty = core->pages_dirty = true;
    core->trouble_serial++;
}

static void unregister(struct bw_core *core, const struct bw_request *r, struct bw_answer *answer)
{
    struct bw_core_pnote *p = find(core, r->name);

    if (p == NULL) {
        refuse(answer, BW_RESULT_NOT_FOUND, r->name, "it is not registered");
        return;
    }
    if (p->fixed) {
        refuse(answer, BW_RESULT_REFUSED, r->name, "it is built in and cannot be unregistered");
        return;
    }
    drop(core, p, "it was unregistered");
}

static const struct bw_fact_pnote *fact_of(const struct bw_facts *facts, const char *name)
{
    for (uint32_t i = 0; i < facts->pnotes_count && i < BW_MAX_PNOTES; i++)
        if (strcmp(facts->pnotes[i].name, name) == 0)
            return &facts->pnotes[i];
    return NULL;
}

static void restore(struct bw_core *core, const struct bw_fact_pnote *fact, const char *why)
{
    struct bw_core_pnote *p = find(core, fact->name);

    if (!bw_name_valid(fact->name) || (p != NULL && (p->fixed || p->asked)) || fact->kind < BW_PNOTE_MONITOR ||
        fact->kind > BW_PNOTE_USER || fact->status < BW_PNOTE_OK || fact->status > BW_PNOTE_UNKNOWN)
        return;
    if (p == NULL)
        p = add(core, fact->name, fact->kind, BW_PNOTE_UNKNOWN);
    if (p == NULL)
        return;
    p->timeout_ns = fact->timeout_ns;
    p->persistent = true;
    p->reported_ns = core->now_ns;
    set_status(core, p, fact->status, why);
}

void bw_core_pnotes_restore(struct bw_core *core, const struct bw_facts *facts, const char *why)
{
    for (uint32_t i = core->pnotes_count; i > 0; i--) {
        struct bw_core_pnote *p = &core->pnotes[i - 1];

        if (p->persistent && !p->asked && fact_of(facts, p->name) == NULL)
            drop(core, p, "it was unregistered before this member's store was lost");
    }
    for (uint32_t i = 0; i < facts->pnotes_count && i < BW_MAX_PNOTES; i++)
        restore(core, &facts->pnotes[i], why);
}

void bw_core_pnote_request(struct bw_core *core, const struct bw_request *r, struct bw_answer *answer)
{
    if (!check_request(core, r, answer))
        return;
    if (r->kind == BW_REQUEST_PNOTE_REGISTER)
        enroll(core, r, answer);
    else if (r->kind == BW_REQUEST_PNOTE_REPORT)
        report(core, r, answer);
    else
        unregister(core, r, answer);
}
