/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside the core: its state and what its files give each other. Members, interfaces and groups are
 * named by their index in the configuration here; ids appear only in messages, events and rows.
 *
 * A turn runs in this order: inputs (view, pnote, admin, command) → expiry and verdicts (view,
 * interface, deaf, pnote) → per group: votes, then keep, let go, claim or take (vote, election, hold)
 * → what is shown (state, track) → what is sent (page, beat). Each part notes with bw_core_due when
 * it wants to run again.
 */
#ifndef BELLWETHER_CORE_PRIVATE_H
#define BELLWETHER_CORE_PRIVATE_H

#include <string.h>

#include "bellwether/catalogue.h"
#include "bellwether/core.h"
#include "bellwether/text.h"

#define BW_CORE_OUTPUTS 352
#define BW_CORE_OLD_BOOTS 4
#define BW_CORE_SENT_TURNS 64 /* own turns whose sending time is remembered for the round trip */
#define BW_CORE_ANSWERS 8     /* answers to one asker's commands kept for resends */

/* What a member last said of itself; for the local one what it says now. */
struct bw_told {
    uint8_t state, admin, mode, recovery;
    uint16_t flags, protocol, protocol_least;
    uint8_t interfaces_up, interfaces_required, secured_up, secured_required;
    uint16_t interfaces_down;
    uint16_t hears_me_on; /* interfaces on which it hears the local member */
    uint16_t groups_told; /* bit per group index: groups that it knows, too */
    uint8_t priority;     /* 0 = not told */
    struct bw_group_wish wishes[BW_MAX_GROUPS]; /* by group index */
    struct bw_group_part groups[BW_MAX_GROUPS]; /* by group index */
};

/* In what a member's configuration differs from ours. */
enum bw_mismatch {
    BW_MISMATCH_CONFIG = 1 << 0,
    BW_MISMATCH_MODE = 1 << 1,
    BW_MISMATCH_RECOVERY = 1 << 2,
    BW_MISMATCH_PROTOCOL = 1 << 3, /* version; no trouble, but told */
};

enum bw_vote_kind { BW_VOTE_NONE, BW_VOTE_CONFIRMED, BW_VOTE_REFUSED };

/* Our answer to a member's newest claim of a group. */
struct bw_vote {
    uint64_t epoch;
    uint64_t confirmed; /* newest epoch confirmed for it, also when the answer was taken back since */
    uint8_t kind;   /* enum bw_vote_kind */
    uint8_t reason; /* enum bw_refusal */
};

/* What was heard of a member on one interface. */
struct bw_ear {
    uint64_t heard_ns; /* its newest frame here; at first when its incarnation was first heard anywhere */
    uint8_t missed;    /* later turns heard elsewhere and not here, saturating */
    uint8_t fresh;     /* turns heard here since it last was silent here, saturating */
};

struct bw_done_command {
    uint32_t number; /* 0 = unused */
    uint8_t result;  /* enum bw_result; PENDING = still being carried out */
    char text[BW_TEXT_MAX];
};

struct bw_core_member {
    /* View. */
    bool heard;   /* within the dead time */
    bool in_view; /* and its newest heartbeat names our boot id */
    bool known;   /* boot is set */
    bool met;     /* was heard at least once since our start */
    bool farewell; /* its last incarnation said that it is over, and no newer one was heard */
    struct bw_boot_id boot;
    uint64_t turn; /* newest heard */
    uint64_t heard_ns;
    uint64_t heard_since_ns; /* first heard again */
    uint64_t interval_ns;    /* from one of its heartbeats to the next, as it says */
    uint8_t patience;       /* dead times of silence until it counts as gone; more than 1 on a path that loses much */
    uint16_t loss;          /* part of its turns that is heard on no interface, lately: of 65536 */
    uint64_t keep_state_until_ns; /* after a pause of ours: shown as before until then */
    struct bw_ear ears[BW_MAX_INTERFACES];
    struct bw_told told;
    /* Groups. */
    struct bw_vote votes[BW_MAX_GROUPS];
    uint64_t confirmed_us[BW_MAX_GROUPS]; /* epoch of our claim that it last confirmed */
    bool rival[BW_MAX_GROUPS];            /* a two-holders episode with it is known */
    bool unheard_rival[BW_MAX_GROUPS];    /* it held what we hold, and did not hear us yet: an episode that is not told */
    /* Shown. */
    uint32_t state;
    int64_t since_wall;
    char reason[BW_TEXT_MAX];
    char source[BW_NAME_MAX];
    uint64_t config_digest;
    uint8_t mismatch; /* enum bw_mismatch bits, while it is heard */
    uint64_t sent, received, missed;
    uint64_t round_trip_ns;
    int64_t clock_offset_ns; /* its wall clock against ours; 0 = not known */
    struct bw_boot_id old_boots[BW_CORE_OLD_BOOTS];
    uint8_t old_boots_next;
    /* Commands that it asked for, and its answers. */
    struct bw_done_command done[BW_CORE_ANSWERS];
    uint32_t done_newest; /* highest number carried out */
    struct bw_command asked[BW_MAX_COMMANDS]; /* in its newest heartbeat, for us */
    uint8_t asked_count;
    /* Pages. */
    uint8_t pages_count;
    uint32_t pages_told[BW_MAX_PAGES]; /* digests in its newest heartbeat */
    uint32_t pages_held[BW_MAX_PAGES]; /* digests of what we hold, 0 = nothing */
    uint64_t pages_asked_ns;
    uint64_t pages_ns[BW_MAX_PAGES]; /* when received */
    char version[BW_NAME_MAX];
    char facts_reason[BW_TEXT_MAX];
    char facts_source[BW_NAME_MAX];
    char admin_by[BW_TEXT_MAX];
    int64_t admin_since_wall;
    int64_t facts_since_wall;
    uint8_t rows_count[BW_MAX_PAGES];
    struct bw_interface_row interfaces[2 * BW_PAGE_INTERFACE_ROWS];
    uint8_t rows_kind[BW_MAX_PAGES]; /* enum bw_page_kind */
    struct bw_pnote_row pnotes[(BW_MAX_PAGES - 3) * BW_PAGE_PNOTE_ROWS];
    struct bw_resource_row resources[BW_MAX_RESOURCES]; /* by index from 1 on; state 0 = none */
    uint8_t resource_pages[BW_MAX_RESOURCES];           /* the page that it came with */
};

struct bw_core_interface {
    bool link_known, link;
    bool receive, transmit; /* working, as far as is known */
    uint32_t state;         /* enum bw_interface_state */
    uint64_t suspect_ns;    /* since when */
    uint64_t reply_ns;      /* a neighbour that is no peer last answered a probe */
    uint64_t received_ns;   /* frames of any kind were last seen to come in */
    uint64_t heard_ns;      /* last CCP frame */
    uint64_t probe_ns, probe_before_ns; /* the last two probes: a sample of the receive counter tells of the time between */
    bool fresh_link;        /* its link has just come up */
};

struct bw_core_pnote {
    char name[BW_NAME_MAX];
    uint32_t kind, status;
    uint64_t timeout_ns, reported_ns;
    bool persistent, fixed; /* fixed: built in */
    bool asked;             /* registered or reported since the start */
    char detail[BW_TEXT_MAX];
};

#define BW_CORE_ANNOUNCEMENTS 3

struct bw_core_group {
    bool holding;
    bool releasing; /* let go, RELEASED not yet come */
    bool released;  /* our addresses are gone since we let go */
    bool installed;
    bool quiet;     /* holds, but as a deaf member has announced nothing */
    bool granted;   /* holds by our own decision: the addresses are ours to put on and take off */
    bool served;    /* mode service: whoever decides has given it to us */
    uint64_t served_ns; /* since when it is so */
    bool failback;  /* by what all members in view say: the rank's order counts more than who holds it */
    uint64_t epoch; /* highest seen from anyone */
    uint64_t hold_epoch;
    uint32_t cause; /* of the present claim or hold */
    /* Claim. */
    bool claiming, moving; /* moving: by an administrator's wish, not by rank */
    uint64_t claim_epoch, claim_ns, retry_ns;
    uint64_t move_until_ns;
    uint64_t failback_ns; /* since when only the failback delay holds us back, 0 = it does not */
    /* Last answers to claims of others. */
    uint8_t confirm_member; /* index or BW_NONE */
    uint64_t confirm_epoch;
    uint8_t refuse_member; /* index or BW_NONE */
    uint8_t refuse_reason;
    uint64_t refuse_epoch;
    /* Timers while holding. */
    uint64_t grant_ns, refresh_ns;
    uint64_t announce_ns[BW_CORE_ANNOUNCEMENTS]; /* 0 = done */
    /* Tracking. */
    uint8_t shown_holder, last_holder, previous_holder; /* index or BW_NONE; last: the last one known */
    uint64_t sign_ns;   /* first sign that the holder would change, 0 = none */
    bool cancelled;     /* the event for a change that had no successor was given */
    /* What administrators want, and whether the local member may start it. */
    uint64_t wish; /* newest decision known (see struct bw_group_wish) */
    uint8_t deny;    /* enum bw_deny: the first of those in force */
    uint8_t denied;  /* bit per enum bw_deny: in force */
    uint8_t failing; /* bit per enum bw_deny: said, and not yet taken back by who said it */
    char deny_reasons[BW_DENY_LAST + 1][BW_TEXT_MAX];
};

/* A command to another member, asked for here. */
struct bw_core_asked {
    struct bw_command command; /* number 0 = unused */
    uint64_t ticket;
    uint64_t until_ns;
};

/* Who waits for the end of a group move that we carry out. */
struct bw_core_move {
    uint64_t ticket; /* local asker, 0 = none */
    uint8_t asker;   /* member index, BW_NONE = none */
    struct bw_boot_id asker_boot;
    uint32_t number;
};

/* Who waits for a group to be started or stopped, in a way that is not a claim of ours. */
struct bw_core_wait {
    enum { BW_WAIT_NONE, BW_WAIT_HELD, BW_WAIT_GONE, BW_WAIT_LEFT } kind; /* held by anybody; off this member; by another */
    uint64_t until_ns;
    struct bw_core_move asker;
};

enum bw_trouble { BW_TROUBLE_NONE, BW_TROUBLE_ADMIN, BW_TROUBLE_INTERFACE, BW_TROUBLE_PNOTE, BW_TROUBLE_INIT };

struct bw_core {
    const struct bw_cluster_config *config;
    uint8_t self;  /* index */
    uint8_t count; /* members */
    uint64_t dead_ns, expire_ns; /* the dead time; and with a quarter interval for lateness, when silence is acted upon */
    uint64_t slowest_ns;         /* the interval by which silence is judged (reconfigure.c) */
    uint64_t pace_ns, pace_until_ns; /* own interval; a longer one of the configuration waits until then, 0 = none does */
    struct bw_boot_id boot;
    char version[BW_NAME_MAX];
    uint16_t protocol, protocol_least;
    enum bw_mode mode;   /* in effect: the lowest that any member in view says */
    struct {
        uint64_t quiet_until_ns; /* asks who is there, and is not heard yet */
        uint64_t heard_ns;       /* another process that uses our id, 0 = never */
        bool yields, told;       /* it was there before us; its being there was told */
        uint8_t interface;       /* where it was heard */
        char from[BW_SENDER_TEXT_MAX]; /* and the address that it has there, "" = not known */
    } twin;
    uint16_t group_names[BW_MAX_GROUPS]; /* digests of the groups' names, never 0 */
    char refused[BW_TEXT_MAX]; /* frames that were refused last, and where; "" = none since the start */
    bool versions_differ; /* somebody in view has another protocol version */
    /* Turn. */
    uint64_t now_ns;
    int64_t wall;
    uint64_t turns, start_ns, deadline_ns, random;
    bool bounded, paused, again, dirty, send, pages_dirty, exiting, stopped;
    uint64_t pause_ns; /* length of the last pause */
    /* Sending. */
    uint64_t beat_turn, beat_next_ns, beat_due_ns; /* due: when the last regular one was to be sent */
    bool heard_turn; /* a new turn of another member was heard in this turn of ours */
    uint64_t beat_sent_ns[BW_CORE_SENT_TURNS];
    uint8_t at_once; /* heartbeats sent at once since the last regular one */
    uint64_t greeted_ns;
    uint64_t sent;
    struct bw_told last_told; /* as it was when last sent */
    /* Conditions. */
    bool waiting, listening, deaf, damped, stopping, overdue;
    uint64_t wait_until_ns, wait_end_ns, listen_until_ns, deaf_since_ns, evidence_ns, stop_ns;
    uint64_t last_heard_ns; /* newest turn of anybody, 0 = nobody was heard, or the last one said farewell */
    uint8_t required, secured_required; /* interfaces */
    uint32_t admin;
    char admin_by[BW_TEXT_MAX];
    int64_t admin_since_wall;
    bool admin_asked; /* since the start */
    uint64_t facts_number, facts_kept, facts_offered; /* (facts.c) of the last change; of what the store or the others kept; offered */
    uint64_t excluded_ns; /* since when in maintenance, forced down or stopping */
    uint64_t losses_ns[3]; /* newest last, for the damping */
    uint64_t quiet_ns;     /* since when a damped member is well and has lost nothing */
    bool damp_was_well;
    bool cut_off; /* no interface works */
    bool regained; /* listening is for that, not for a pause */
    uint64_t takes_ns[3], hold_off_ns; /* own takings alone, newest last; none before hold_off_ns */
    bool held_off;
    char serves_reason[BW_TEXT_MAX]; /* why it serves, without what is added to it */
    /* Shown reason of the local member: what it was made from. */
    uint32_t reason_kind, reason_trouble;
    uint64_t reason_detail;
    uint64_t trouble_serial; /* counts changes of pnotes, interfaces and admin state */
    /* Counters. */
    uint64_t failovers, split_brains, causes[BW_CAUSE_LAST + 1];
    bool mismatch;
    /* Tables. */
    uint32_t pnotes_count;
    uint32_t command_number;
    struct bw_core_asked asked[BW_MAX_COMMANDS];
    struct bw_core_move moves[BW_MAX_GROUPS];
    struct bw_core_wait waits[BW_MAX_GROUPS];
    struct {
        bool needed, lost;
        uint64_t since_ns; /* needed since */
        uint64_t asked_ns, heard_ns; /* 0 = never */
        uint64_t regained_ns;        /* last no longer lost */
    } witness;
    struct bw_core_interface interfaces[BW_MAX_INTERFACES];
    struct bw_core_group groups[BW_MAX_GROUPS];
    struct bw_core_pnote pnotes[BW_MAX_PNOTES];
    uint8_t pages_count, page_turn;
    uint8_t page_interface;
    uint64_t page_due_ns; /* earliest next page in turn */
    uint32_t page_digests[BW_MAX_PAGES];
    uint32_t pages_wanted; /* bit per page: to be sent at once, on all interfaces */
    uint16_t outputs_count, outputs_next;
    struct bw_core_member members[BW_MAX_MEMBERS];
    struct bw_event dropped; /* events that found no room are written here */
    struct bw_output outputs[BW_CORE_OUTPUTS];
};

/* ---- core.c ---- */
/* The turn after this one is due at at_ns at the latest. */
static inline void bw_core_due(struct bw_core *core, uint64_t at_ns)
{
    if (at_ns < core->deadline_ns)
        core->deadline_ns = at_ns;
}
/* Room for one more output of this turn. Never NULL. */
struct bw_output *bw_core_put(struct bw_core *core, enum bw_output_kind kind);

static inline const char *bw_core_name(const struct bw_core *core, uint8_t member)
{
    return member < core->count ? core->config->members[member].name : "";
}
static inline uint8_t bw_core_id(const struct bw_core *core, uint8_t member)
{
    return member < core->count ? core->config->members[member].id : 0;
}
/* Index of a member id, or BW_NONE. */
uint8_t bw_core_index(const struct bw_core *core, uint8_t id);
static inline bool bw_core_boot_equal(const struct bw_boot_id *a, const struct bw_boot_id *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}
static inline bool bw_core_speaks_ccp(const struct bw_core *core, uint8_t interface)
{
    enum bw_interface_role role = core->config->interfaces[interface].role;
    return role == BW_ROLE_CLUSTER || role == BW_ROLE_SYNC;
}
/* Interfaces that heartbeats go out on: all that speak CCP and are not known to have no link. */
uint16_t bw_core_send_mask(const struct bw_core *core);

/* ---- reconfigure.c ---- */
/* Sets the dead time by the slowest member that is heard. */
void bw_core_judge_by_slowest(struct bw_core *core);
/* Own interval, as it is kept now. */
uint64_t bw_core_pace(struct bw_core *core);

/* ---- view.c ---- */
void bw_core_hear(struct bw_core *core, const struct bw_message *message);
void bw_core_pause(struct bw_core *core);
void bw_core_view_run(struct bw_core *core);
bool bw_core_anyone_in_view(const struct bw_core *core);
bool bw_core_anyone_heard(const struct bw_core *core);
/* Is the member silent on that interface while its turns are heard elsewhere? */
bool bw_core_silent_on(const struct bw_core *core, const struct bw_core_member *m, uint8_t interface);
/* Interfaces on which its newest turns are heard. */
uint16_t bw_core_heard_on(const struct bw_core *core, const struct bw_core_member *m);

/* ---- interface.c ---- */
void bw_core_link(struct bw_core *core, uint8_t interface, bool up);
void bw_core_probe_reply(struct bw_core *core, uint8_t interface);
void bw_core_received(struct bw_core *core, uint8_t interface);
void bw_core_interfaces_run(struct bw_core *core);
/* Probes an interface when the last time is every_ns ago, and sees to the next time. */
void bw_core_probe_each(struct bw_core *core, uint8_t interface, uint64_t every_ns);
/* Is the interface counted (configured, not disconnected), and does it work (up or suspect)? */
bool bw_core_counted(const struct bw_core *core, uint8_t interface);
bool bw_core_works(const struct bw_core *core, uint8_t interface);
uint8_t bw_core_working(const struct bw_core *core, bool secured_only);

/* ---- deaf.c ---- */
void bw_core_deaf_run(struct bw_core *core);
/* Somebody still counts as heard, but nothing at all has come in since the last turn that is missing. */
bool bw_core_may_be_deaf(const struct bw_core *core);

/* ---- facts.c ---- */
void bw_core_facts_init(struct bw_core *core, const struct bw_core_start *start);
/* The admin state or a persistent pnote is another one now. */
void bw_core_fact_changed(struct bw_core *core);
void bw_core_facts_offered(struct bw_core *core, const struct bw_facts *facts);

/* ---- pnote.c ---- */
void bw_core_pnotes_init(struct bw_core *core, const struct bw_core_start *start);
void bw_core_pnotes_run(struct bw_core *core);
/* Makes the persistent ones those of the facts, but for what was registered or reported since the start. */
void bw_core_pnotes_restore(struct bw_core *core, const struct bw_facts *facts, const char *why);
void bw_core_pnote_request(struct bw_core *core, const struct bw_request *request, struct bw_answer *answer);
/* Is the first full sync still under way? The start-up wait lasts as long, within its bound. */
bool bw_core_synchronizing(const struct bw_core *core);
/* The first pnote (built-in ones first, then by name) in that status, or NULL. */
const struct bw_core_pnote *bw_core_pnote_in(const struct bw_core *core, uint32_t status);

/* ---- rank.c ---- */
/* Rank as a number: smaller is better; the top bits say whether the member is fit to hold at all. */
uint64_t bw_core_rank(const struct bw_core *core, uint8_t group, uint8_t member);
bool bw_core_fit(uint64_t rank);
bool bw_core_healthy_rank(uint64_t rank);
/* Rank without who holds, order, priority and id: only how well the member works. */
uint64_t bw_core_rank_health(uint64_t rank);
/* Rank as it will be when the start-up wait is over. */
uint64_t bw_core_rank_started(uint64_t rank);
/* Rank as it would be if the member were allowed to start the group. */
uint64_t bw_core_rank_allowed(uint64_t rank);
/* The first fit member among those in view and the local one, or BW_NONE. */
uint8_t bw_core_candidate(const struct bw_core *core, uint8_t group);
/* The best fit member in view (the local one included) other than `except`; healthy ones only when asked. BW_NONE = none. */
uint8_t bw_core_successor(const struct bw_core *core, uint8_t group, uint8_t except, bool healthy);
/* Who would be the candidate if the local member had that rank? */
uint8_t bw_core_preferred(const struct bw_core *core, uint8_t group, uint64_t own);
/* Does the local member wait for a holder of another protocol version to go? Its index, or BW_NONE. */
uint8_t bw_core_waits_for_version(const struct bw_core *core);
/* Does holding a group now count in its rank (active up)? */
bool bw_core_sticky(const struct bw_core *core, uint8_t group);

/* ---- agree.c ---- */
/* What is in effect when members in view have different configurations; tells what differs. */
void bw_core_agree_run(struct bw_core *core);
/* By our own configuration: does the group go back to the first of its policy by itself? */
bool bw_core_own_failback(const struct bw_core *core, uint8_t group);
/* What differs where, as an addition to a reason; "" when nothing does. */
void bw_core_describe_mismatch(const struct bw_core *core, char *text, size_t cap);

/* ---- service.c ---- */
/* Somebody else decides who holds. */
static inline bool bw_core_only_watches(const struct bw_core *core)
{
    return core->mode == BW_MODE_SERVICE;
}
void bw_core_service_request(struct bw_core *core, const struct bw_request *request, struct bw_answer *answer);
void bw_core_service_run(struct bw_core *core, uint8_t group);
/* Refuses what only whoever decides can do. True when it was refused. */
bool bw_core_service_refuses(const struct bw_core *core, struct bw_answer *answer);

/* ---- twin.c ---- */
void bw_core_twin_init(struct bw_core *core);
void bw_core_twin_heard(struct bw_core *core, const struct bw_message *message);
void bw_core_twin_run(struct bw_core *core);
bool bw_core_quiet(const struct bw_core *core);

/* ---- vote.c ---- */
void bw_core_vote_run(struct bw_core *core, uint8_t group);
/* Was a move to another member confirmed that it still claims? Then nobody claims by rank meanwhile. */
bool bw_core_move_confirmed(const struct bw_core *core, uint8_t group);
void bw_core_refusal_rotate(struct bw_core *core, uint8_t group);

/* ---- election.c ---- */
void bw_core_elect(struct bw_core *core, uint8_t group);
void bw_core_withdraw(struct bw_core *core, uint8_t group);

/* ---- hold.c ---- */
void bw_core_take(struct bw_core *core, uint8_t group, uint64_t epoch, uint32_t cause);
/* Goes on holding at a newer epoch (won against a rival). */
void bw_core_hold_anew(struct bw_core *core, uint8_t group);
void bw_core_let_go(struct bw_core *core, uint8_t group);
void bw_core_released(struct bw_core *core, uint8_t group);
void bw_core_installed(struct bw_core *core, uint8_t group);
void bw_core_announce(struct bw_core *core, uint8_t group);
/* Now and three times more within a second. */
void bw_core_announce_series(struct bw_core *core, uint8_t group);
void bw_core_hold_run(struct bw_core *core);
bool bw_core_holds_any(const struct bw_core *core);

/* ---- damp.c ---- */
void bw_core_damp_loss(struct bw_core *core, uint8_t group);
void bw_core_damp_run(struct bw_core *core);
/* Alone: may it take now? Notes the taking. Not before a pause when it took three times in short order. */
bool bw_core_damp_alone(struct bw_core *core);

/* ---- admin.c ---- */
bool bw_core_excluded(const struct bw_core *core);
void bw_core_admin_set(struct bw_core *core, uint32_t admin, const char *who, struct bw_answer *answer);
/* As it was before the store was lost. */
void bw_core_admin_restore(struct bw_core *core, uint32_t admin, const char *who, int64_t since_wall, const char *why);
void bw_core_move_start(struct bw_core *core, uint8_t group, const struct bw_core_move *asker, struct bw_answer *answer);
void bw_core_moves_run(struct bw_core *core);
void bw_core_stop(struct bw_core *core);
void bw_core_stop_run(struct bw_core *core);

/* ---- group.c ---- */
/* Is the group not to run anywhere: stopped by an administrator, or never started though that is left to one? */
bool bw_core_stopped(const struct bw_core *core, uint8_t group);
/* A decision that a member tells. The newest counts. */
void bw_core_wish_heard(struct bw_core *core, uint8_t group, uint64_t wish, uint8_t from);
/* Decides that the group runs, or is stopped, everywhere. who: for the history. */
void bw_core_wish(struct bw_core *core, uint8_t group, bool run, const char *who);
/* The local member may not start the group any more (it ranks behind all that may, and still serves when no other can): for
 * resources of the group and for administrators. A pnote's problem is no reason: that is the member's health. Said again,
 * it changes the reason only: what an administrator lifted comes into force again after the cause was gone. */
void bw_core_deny(struct bw_core *core, uint8_t group, enum bw_deny deny, const char *reason);
/* One cause is gone. False when it is not lifted by that: a resource's failure stays in force once the group has left. */
bool bw_core_allow(struct bw_core *core, uint8_t group, enum bw_deny deny, const char *reason);
/* An administrator starts it here: nothing is in force any more. */
void bw_core_allow_all(struct bw_core *core, uint8_t group, const char *reason);
/* A resource's change of state: an event (resource.c). */
void bw_core_resource_request(struct bw_core *core, const struct bw_request *r, struct bw_answer *answer);
/* Requests of the group's resources. */
void bw_core_deny_request(struct bw_core *core, const struct bw_request *request, struct bw_answer *answer);
/* A group that the local member holds though it may not start it; BW_NONE = none. */
uint8_t bw_core_held_denied(const struct bw_core *core);
/* Why a member may not start the group; "" when it may. */
const char *bw_core_deny_reason(const struct bw_core *core, uint8_t group, uint8_t member);
/* start: member = self: here; BW_NONE: on the first that can. stop: member = self: here only; BW_NONE: everywhere, asked of the
 * member that runs it. asker waits for the end. */
void bw_core_group_start(struct bw_core *core, uint8_t group, uint8_t member, const struct bw_core_move *asker, const char *who,
                         struct bw_answer *answer);
void bw_core_group_stop(struct bw_core *core, uint8_t group, uint8_t member, const struct bw_core_move *asker, const char *who,
                        struct bw_answer *answer);
void bw_core_waits_run(struct bw_core *core);

/* Another configuration: what runs goes on, what is stopped stays so, however they start from now on. */
void bw_core_groups_reconfigured(struct bw_core *core, const struct bw_cluster_config *former);

/* ---- witness.c ---- */
void bw_core_witness_run(struct bw_core *core);
void bw_core_witness_heard(struct bw_core *core);
/* BW_FLAG_… of the local member. */
uint16_t bw_core_witness_flags(const struct bw_core *core);
/* Is a member missing while nobody in view reaches a witness? Then another half may serve, and nothing is taken. */
bool bw_core_witness_lost(const struct bw_core *core);
/* Was that so until a moment ago? Then somebody may still be about to be heard who took meanwhile. */
bool bw_core_witness_regained(struct bw_core *core);
/* And for as long as a holder waits before it lets go. */
bool bw_core_witness_lets_go(struct bw_core *core);
/* Would nobody serve if a member went missing now? */
bool bw_core_witness_would_be_missed(const struct bw_core *core);

/* ---- obstacle.c ---- */
/* Could another member take over from `from` (index)? Else why not, and what would be needed. */
bool bw_core_takeover_possible(const struct bw_core *core, uint8_t group, uint8_t from, char *obstacle, size_t cap);

/* Could any member but `except` (index, BW_NONE = nobody) run the group? Else why not, for each. */
bool bw_core_anyone_can(const struct bw_core *core, uint8_t group, uint8_t except, char *obstacle, size_t cap);

/* ---- command.c ---- */
void bw_core_request(struct bw_core *core, uint64_t ticket, const struct bw_request *request);
void bw_core_answer(struct bw_core *core, uint64_t ticket, const struct bw_answer *answer);
void bw_core_commands_heard(struct bw_core *core, uint8_t member, const struct bw_heartbeat *beat);
void bw_core_commands_run(struct bw_core *core);
void bw_core_commands_fill(struct bw_core *core, struct bw_heartbeat *beat);
/* The end of a command that was pending. */
void bw_core_command_done(struct bw_core *core, const struct bw_core_move *asker, const struct bw_answer *answer);

/* ---- state.c ---- */
enum bw_trouble bw_core_trouble(const struct bw_core *core);
bool bw_core_healthy(const struct bw_core *core);
/* The one writer of a member's state: stamps it, counts it, gives the event. */
void bw_core_set_state(struct bw_core *core, uint8_t member, uint32_t state, const char *reason, const char *source);
void bw_core_state_run(struct bw_core *core);
uint32_t bw_core_expected(const struct bw_core *core, uint8_t member);

/* ---- track.c ---- */
void bw_core_track_run(struct bw_core *core);
/* Why the group would change its holder to the local member now. */
uint32_t bw_core_cause(const struct bw_core *core, uint8_t group);
/* Notes when the first sign came that the group's holder would change. */
void bw_core_look_for_sign(struct bw_core *core, uint8_t group);
/* The holder that the local member names: itself, else first-hand the newest epoch, then the lowest id. BW_NONE = none. */
uint8_t bw_core_named_holder(const struct bw_core *core, uint8_t group);
/* The same, and when it names none, one that only others hear. */
uint8_t bw_core_known_holder(const struct bw_core *core, uint8_t group);

/* ---- event.c ---- */
/* An event with member (index or BW_NONE) and the texts; NULL = "". */
struct bw_event *bw_core_event(struct bw_core *core, enum bw_event_kind kind, uint8_t member, const char *object,
                               const char *from, const char *to, const char *reason);

/* ---- beat.c ---- */
/* Fills in what the local member says of itself now. */
void bw_core_tell(struct bw_core *core);
void bw_core_beat_run(struct bw_core *core);

/* ---- page.c ---- */
uint32_t bw_core_page_digest(const struct bw_page *page);
/* Own page `number` as it is now. */
void bw_core_fill_page(const struct bw_core *core, uint8_t number, struct bw_page *page);
void bw_core_page_heard(struct bw_core *core, uint8_t member, const struct bw_page *page);
void bw_core_page_asked(struct bw_core *core, uint32_t wanted);
void bw_core_pages_run(struct bw_core *core, bool regular);

#endif
