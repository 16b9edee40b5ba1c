/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CCP on the wire. Three parts, each usable alone:
 *   ccp    the codec: struct bw_message <-> plain bytes (clear CPHA part + our TLVs). Pure.
 *   seal   the sealed frame: authentication, encryption, boot ids, challenges, replay windows. Pure but for libsodium.
 *   port   one interface's sockets: AF_PACKET for multicast and broadcast, UDP for unicast.
 */
#ifndef BELLWETHER_NET_H
#define BELLWETHER_NET_H

#include "bellwether/config.h"
#include "bellwether/message.h"

#define BW_FRAME_MAX 1472 /* UDP payload bytes of one frame at an MTU of 1,500 */

/* ---- codec ---- */

/* The clear part: what a public analyser reads (reference: CPHA version 650). */
struct bw_clear {
    uint16_t cluster;  /* cluster id */
    uint16_t opcode;   /* 1 MY_STATE, 2 QUERY_STATE, 10 SYNC */
    uint16_t interface;
    uint16_t sender;   /* member id */
    uint16_t target;   /* member id, 0xfffe = all */
    uint16_t length;   /* bytes of the clear part, header included: where our part begins */
};

/* Facts for MY_STATE's state bytes beside the message itself: states as this sender sees all members, by index. */
struct bw_clear_facts {
    uint8_t members_count;
    uint8_t member_ids[BW_MAX_MEMBERS];
    uint8_t states[BW_MAX_MEMBERS];      /* enum bw_member_state */
    uint8_t last_heard[BW_MAX_MEMBERS];  /* in intervals, saturating */
    uint8_t mode;
    uint16_t interval_ms;
    uint8_t interfaces_up, interfaces_required;
    uint8_t recovery; /* enum bw_recovery; a heartbeat's own goes before */
};

/* Writes clear part and body (TLVs, not sealed) of a message. Returns bytes written, *clear_length set, or -ENOSPC. */
int bw_ccp_encode(const struct bw_message *message, uint8_t cluster, const struct bw_clear_facts *facts, uint8_t *buf,
                  size_t cap, size_t *clear_length);
/* Reads the clear part of a frame. 0; -EPROTO: somebody's CPHA, but of a version or cluster number that is none of
 * ours; -EBADMSG. */
int bw_ccp_decode_clear(const uint8_t *bytes, size_t length, struct bw_clear *clear);
/* Reads a body (our TLVs, opened). Unknown TLVs are skipped; lengths fail closed. kind, heartbeat, page … are set;
 * sender, boot, sequence, interface are the caller's. 0 or -EBADMSG. */
int bw_ccp_decode_body(const uint8_t *bytes, size_t length, struct bw_message *message);

/* ---- sealed frames and sessions ---- */

enum bw_verdict {
    BW_VERDICT_ACCEPT = 0, /* message is authentic, fresh, from an adopted boot id: give it to the core */
    BW_VERDICT_QUERY,      /* authentic, of a boot id not adopted: answer with a heartbeat, give nothing to the core */
    BW_VERDICT_FAREWELL,   /* an authentic farewell: give it to the core (it names the incarnation that is over) */
    BW_VERDICT_MALFORMED,
    BW_VERDICT_UNAUTHENTIC,
    BW_VERDICT_REPLAYED,
    BW_VERDICT_FOREIGN,    /* another cluster's number */
    BW_VERDICT_OWN,        /* own frame looped back */
    BW_VERDICT_DUPLICATE_ID, /* authentic, of our member id, another boot id, not our keeper's: two share an id, or it is a
                                recording; ACCEPT, with our id as the sender, once it has shown that it lives */
};

struct bw_seal; /* one per process: keys, own boot id, sequences, peers' sessions */

struct bw_seal_setup {
    uint8_t cluster;            /* id */
    uint8_t local;              /* member id */
    struct bw_boot_id boot;
    struct bw_boot_id keeper;   /* our keeper's boot id: its frames are not a duplicate id; zero = none */
    bool auth_none;
    unsigned keys_count;        /* 1 or 2: the first seals, both open */
    uint8_t keys[2][BW_KEY_BYTES];
    uint64_t seed[2];           /* randomness for challenges (from getrandom; from the simulator's seed there) */
};

size_t bw_seal_size(void);
/* Other keys from now on (1 or 2: the first seals, both open); sessions stay. Not for a seal with auth_none. 0 or -EINVAL. */
int bw_seal_rekey(struct bw_seal *seal, const uint8_t keys[2][BW_KEY_BYTES], unsigned count);
/* NULL when the setup cannot be: no boot id, a member id out of range, no key and not auth_none. */
struct bw_seal *bw_seal_init(void *memory, const struct bw_seal_setup *setup);
/* Builds a whole frame: fills in sequence and, in heartbeats, each echo's challenge and response. interface: index it
 * goes out on. facts may be NULL (a keeper has no view). Commands and answers for which there is no room wait for the
 * next turn. Returns its length; -ENOSPC; -EINVAL: a value out of its range; -EOVERFLOW: all sequence numbers used. */
int bw_seal_frame(struct bw_seal *seal, struct bw_message *message, const struct bw_clear_facts *facts,
                  uint8_t interface, uint8_t *frame, size_t cap);
/* The message of the last bw_seal_frame once more, for another interface: what is in it is encoded only once. */
int bw_seal_again(struct bw_seal *seal, uint8_t interface, uint8_t *frame, size_t cap);
/* Opens a frame that came in on interface index `interface`. *message is set for ACCEPT, FAREWELL and QUERY (there only
 * sender, boot). A farewell ends the session of the incarnation that it names. */
enum bw_verdict bw_open_frame(struct bw_seal *seal, const uint8_t *frame, size_t length, uint8_t interface,
                              struct bw_message *message);
/* Forgets the session of a member (it was declared over or dead for long); its next incarnation is adopted anew. */
void bw_seal_forget(struct bw_seal *seal, uint8_t member);
/* Is an incarnation of the member adopted? Then which one. */
bool bw_seal_adopted(struct bw_seal *seal, uint8_t member, struct bw_boot_id *boot);

/* ---- ports ---- */

struct bw_port; /* one interface of this member */

struct bw_port_setup {
    uint8_t index;             /* interface index */
    char device[BW_NAME_MAX];
    enum bw_transport transport;
    char multicast4[50], multicast6[50];
    struct bw_address peers[BW_MAX_MEMBERS]; /* unicast: where to send */
    uint8_t peers_count;
    bool send_only; /* for the keeper: never receives, and leaves UDP port 8116 to the agent */
};

/* What the port of an interface of the local member is set up with. False: the interface carries no CCP (neither cluster nor sync). */
bool bw_port_setup_of(const struct bw_cluster_config *config, uint8_t interface, struct bw_port_setup *setup);
/* A port that may be closed (device missing): bw_port_attach opens its sockets. NULL when out of memory. */
struct bw_port *bw_port_new(const struct bw_port_setup *setup);
void bw_port_free(struct bw_port *port);
/* (Re)binds to the device as it is now: ifindex, link-layer address and IPv4 address (family 0: source 0.0.0.0). Never
 * blocks. 0 or negative errno. ifindex 0 detaches. The descriptor stays the same over re-attachments once it exists. */
int bw_port_attach(struct bw_port *port, int ifindex, const uint8_t mac[6], const struct bw_address *source);
/* Descriptors to poll for reading, at most 2; -1 where there is none. */
void bw_port_fds(const struct bw_port *port, int fds[2]);
/* Sends one CCP frame (the UDP payload) to all peers of the interface. Never blocks. 0 or negative errno. */
int bw_port_send(struct bw_port *port, const uint8_t *frame, size_t length);
/* The next CCP frame (UDP payload) that is waiting: length, 0 = none, negative errno. Own frames are left out. */
int bw_port_receive(struct bw_port *port, uint8_t *frame, size_t cap);
/* A packet with a CCP frame in it: `length` bytes from `at`. */
#define BW_ARRIVAL_MAX 2048
struct bw_arrival {
    uint8_t interface; /* for the caller's own use */
    uint16_t at, length;
    uint8_t mac[6];           /* of the sender on this link; all zero: not known */
    struct bw_address source; /* family 0: not known */
    uint8_t bytes[BW_ARRIVAL_MAX];
};

/* As many of the waiting frames as fit, in one system call where there is one for that. Returns their number; *more: others may wait. */
unsigned bw_port_receive_many(struct bw_port *port, struct bw_arrival *arrivals, unsigned count, bool *more);
/* Throws away all that is queued (after a pause). Bounded. */
void bw_port_drain(struct bw_port *port);

#endif
