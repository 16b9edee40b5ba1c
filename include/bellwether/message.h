/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What members tell each other, decoded: the language between core (which decides) and net (which
 * encodes, seals and checks). Fixed sizes, no pointers. Member fields are ids (0 = none).
 */
#ifndef BELLWETHER_MESSAGE_H
#define BELLWETHER_MESSAGE_H

#include "bellwether/mailbox.h"
#include "bellwether/model.h"

enum bw_message_kind {
    BW_MESSAGE_HEARTBEAT = 1,
    BW_MESSAGE_PAGE,
    BW_MESSAGE_PAGE_REQUEST,
    BW_MESSAGE_FAREWELL,    /* by an agent that stops, or by a keeper for its dead agent */
    BW_MESSAGE_STATE_QUERY, /* "who is there": answered with a heartbeat. What a member says before its first heartbeat */
};

/* One peer as the sender hears it. */
struct bw_echo {
    uint8_t member;
    struct bw_boot_id boot;  /* of the incarnation heard within the dead time */
    uint16_t heard_on;       /* bit i: its newest turns are heard on interface index i */
    uint64_t turn;           /* the newest turn of that peer that the sender heard */
    uint32_t held_us;        /* time between hearing that turn and sending this: for the round trip */
    uint64_t challenge;      /* the sender's present challenge for that peer (session layer fills it in) */
    uint64_t response;       /* the newest challenge that the sender heard from that peer for itself (session layer) */
};

/* Bits of bw_heartbeat.flags: the sender's own rank key and condition. */
enum {
    BW_FLAG_EXCLUDED = 1 << 0,   /* forced down or in maintenance: never holds */
    BW_FLAG_WAITING = 1 << 1,    /* start-up wait */
    BW_FLAG_LISTENING = 1 << 2,  /* after a pause */
    BW_FLAG_HEALTHY = 1 << 3,    /* no pnote in problem or init, not admin-down, at least one working interface */
    BW_FLAG_DEAF = 1 << 4,
    BW_FLAG_STOPPING = 1 << 5,
    BW_FLAG_DAMPED = 1 << 6,     /* flapping: ranked last until quiet */
    BW_FLAG_WITNESS = 1 << 7,    /* a witness answers the sender, which asks since members are missing somewhere */
    BW_FLAG_MISSES = 1 << 8,     /* a configured member is not in the sender's view */
    BW_FLAG_TIED = 1 << 9,       /* and nobody that it sees reaches a witness: it takes nothing */
};

/* Bits of bw_group_part.flags. */
enum {
    BW_GROUP_HOLDS = 1 << 0,
    BW_GROUP_DENY = 1 << 1,
    BW_GROUP_CLAIMS = 1 << 2,   /* claim_epoch is a present claim of the sender */
    BW_GROUP_RELEASED = 1 << 3, /* the sender's addresses of this group are gone, since it let go at `epoch` */
    BW_GROUP_MOVES = 1 << 4,    /* its claim is an administrator's move: measured by health alone */
    BW_GROUP_FAILBACK = 1 << 5, /* by the sender's configuration the group goes back to the first of its policy by itself */
};

/* One group as the sender sees it. */
struct bw_group_part {
    uint8_t group; /* index */
    uint8_t flags;
    uint8_t order;           /* the sender's position in this group's policy: lower is better */
    uint8_t holder;          /* whom it believes to hold the group, heard first-hand; itself when it holds */
    uint64_t epoch;          /* highest epoch seen from anyone */
    uint64_t hold_epoch;     /* the epoch at which the sender holds (or last held) */
    uint64_t holder_epoch;   /* the believed holder's epoch */
    uint64_t claim_epoch;
    uint8_t confirm_member;  /* last confirmation given: whom, at which epoch */
    uint8_t refuse_member;   /* last refusal given */
    uint8_t refuse_reason;   /* enum bw_refusal */
    uint8_t cause;           /* enum bw_cause of the present claim or hold */
    uint64_t confirm_epoch;
    uint64_t refuse_epoch;
    uint16_t name; /* digest of the group's name, 0 = not told: configurations may have them in another order */
};

/* What is wanted of a group, and whether the sender may start it. Groups with nothing to tell are left out. */
struct bw_group_wish {
    uint8_t group; /* index */
    uint8_t deny;  /* enum bw_deny of the sender */
    uint64_t wish; /* newest decision known: 0 = none yet, as configured; odd = stopped, even = started. The highest counts. */
};

enum bw_refusal { BW_REFUSAL_NONE, BW_REFUSAL_EPOCH, BW_REFUSAL_OUTRANKED, BW_REFUSAL_NOT_IN_VIEW };

/* A command to another member, resent in each heartbeat until answered or 3 s have passed. */
struct bw_command {
    uint8_t target;
    uint32_t number; /* per asker's boot id, from 1; 0 = unused slot */
    uint8_t kind;    /* enum bw_request_kind: admin, group move/start/stop */
    uint8_t group;   /* 1 = first */
    uint8_t admin;   /* enum bw_admin_state */
    uint8_t member;
    char who[64];
};

/* The answer to a command, kept for resends. */
struct bw_command_answer {
    uint8_t asker;
    struct bw_boot_id asker_boot;
    uint32_t number;
    uint8_t result; /* enum bw_result */
    char text[BW_TEXT_MAX];
};

#define BW_MAX_COMMANDS 4
#define BW_MAX_PAGES 16

struct bw_heartbeat {
    uint64_t turn;      /* the sender's turn number: the same on all interfaces that it sends this turn on */
    uint8_t state;      /* enum bw_member_state */
    uint8_t admin;      /* enum bw_admin_state as set, force-down included */
    uint8_t mode;       /* enum bw_mode */
    uint8_t recovery;   /* enum bw_recovery */
    uint16_t flags;     /* BW_FLAG_… */
    uint16_t protocol;  /* BW_PROTOCOL_VERSION of the sender */
    uint16_t protocol_least; /* oldest that it understands */
    uint8_t interfaces_up, interfaces_required;
    uint8_t secured_up, secured_required;
    uint16_t interfaces_down; /* bit i: the sender itself says that interface index i is down */
    uint32_t interval_us;     /* the sender's heartbeat interval */
    uint64_t config_digest;
    uint8_t priority;         /* by the sender's configuration; 0 = not told */
    uint64_t wall;            /* the sender's wall clock at this turn, ns since 1970; 0 = not told. Only compared and shown. */
    uint8_t echoes_count, groups_count, commands_count, answers_count, pages_count, wishes_count;
    struct bw_echo echoes[BW_MAX_MEMBERS];
    struct bw_group_part groups[BW_MAX_GROUPS];
    struct bw_command commands[BW_MAX_COMMANDS];
    struct bw_command_answer answers[BW_MAX_COMMANDS];
    uint32_t page_digests[BW_MAX_PAGES]; /* of the sender's own pages 0 … pages_count - 1 */
    struct bw_group_wish wishes[BW_MAX_GROUPS];
};

#ifndef BW_PROTOCOL_VERSION
#define BW_PROTOCOL_VERSION 1 /* another one may be given to a build, so that a rolling upgrade can be tried */
#endif
#ifndef BW_PROTOCOL_LEAST
#define BW_PROTOCOL_LEAST 1 /* the oldest that this version understands */
#endif

enum bw_page_kind { BW_PAGE_FACTS = 1, BW_PAGE_INTERFACES, BW_PAGE_PNOTES, BW_PAGE_RESOURCES };

#define BW_PAGE_INTERFACE_ROWS 8
#define BW_PAGE_PNOTE_ROWS 5
#define BW_PAGE_RESOURCE_ROWS 5

/* Part of the sender's facts. number: 0 facts, 1-2 interfaces, 3 … pnotes, then resources as far as there is room. A page replaces what its number held before.
 * digest: over the content without ages and counters (bw_page_digest in core). ≤ 1,200 bytes encoded. */
struct bw_page {
    uint8_t number;
    uint8_t kind; /* enum bw_page_kind */
    uint8_t count;
    uint32_t digest;
    union {
        struct {
            char version[BW_NAME_MAX];
            char reason[BW_TEXT_MAX];
            char reason_source[BW_NAME_MAX];
            char admin_by[BW_TEXT_MAX];
            int64_t admin_since_wall;
            int64_t since_wall;
            uint64_t heartbeats_sent;
        } facts;
        struct bw_interface_row interfaces[BW_PAGE_INTERFACE_ROWS];
        struct bw_pnote_row pnotes[BW_PAGE_PNOTE_ROWS];
        struct bw_resource_row resources[BW_PAGE_RESOURCE_ROWS];
    };
};

#define BW_SENDER_TEXT_MAX 50 /* a link-layer or network address as text */

struct bw_message {
    enum bw_message_kind kind;
    uint8_t sender;          /* member id */
    uint8_t interface;       /* index on which it was sent; set by net on receipt to the one it came in on */
    struct bw_boot_id boot;  /* of the sender's process */
    uint64_t sequence;       /* per boot id, class and interface */
    char from[BW_SENDER_TEXT_MAX]; /* set by the engine: the link-layer or network address that it came from, "" = not known */
    union {
        struct bw_heartbeat heartbeat;
        struct bw_page page;
        struct {
            uint8_t target;  /* whose pages are wanted */
            uint32_t wanted; /* bit n: page n */
        } page_request;
        struct {
            struct bw_boot_id over; /* this incarnation of `member` is over */
            uint8_t member;
        } farewell;
    };
};

#endif
