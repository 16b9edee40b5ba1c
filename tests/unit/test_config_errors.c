/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every kind of mistake in a configuration, with the exact line and words that tell it: agent/config/. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bellwether/config.h"

/* A good file; a case replaces one of its lines. */
static const char *const lines[] = {
    "cluster = {",
    "  id = 17;",
    "  name = \"edge\";",
    "  mode = \"ha\";",
    "  recovery = \"active-up\";",
    "  key_file = \"/etc/bellwether/cluster.key\";",
    "  members = (",
    "    { id = 1; name = \"fw1\"; address = \"10.0.10.1\"; },",
    "    { id = 2; name = \"fw2\"; address = \"10.0.10.2\"; }",
    "  );",
    "  interfaces = (",
    "    { name = \"eth0\"; role = \"cluster\"; virtual = [ \"192.168.10.100/24\" ]; },",
    "    { name = \"eth2\"; role = \"sync\"; }",
    "  );",
    "  heartbeat = { interval_ms = 100; dead_after = 3; };",
    "};",
    "snmp = { agentx = \"/var/agentx/master\"; };",
    "http = { listen = \"127.0.0.1:8116\"; };",
    "control = { socket = \"/run/bellwether/control.sock\"; };",
    "state_dir = \"/var/lib/bellwether\";",
};

#define CLUSTER_KEYS                                                                                                   \
    "id, name, mode, recovery, key_file, auth, local, members, interfaces, groups, resources, heartbeat, sync, start_wait_ms, "         \
    "claim_ms, failback_delay_s, lease_s, renew_ms, announce_refresh_s, multicast, witness"
#define NAME    "1-31 letters, digits, '.', '_', '-', not only digits"
#define DEVICE  "1-15 printable characters without blank, '/', ':', '%'"
#define PATH    "an absolute path of at most 107 characters"
#define HOST    "an IPv4 or IPv6 address of a host, without prefix"
#define VIRTUAL "a host's address with its prefix, such as \"192.168.10.100/24\""
#define WITNESS "( \"address\", ... ), at most 4 different hosts outside the cluster"
#define MULTI   "an IPv4 multicast address, an IPv6 one, or an array of both"
#define LISTEN  "\"address:port\" or \"[IPv6 address]:port\", port 1-65535"
#define OID     "6-64 numbers joined by dots, such as \"1.3.6.1.4.1.8072.9999.9999.8116\""
#define FREE    "an address that no host has"
#define POLICY  "( \"member\", ... ), each member at most once"
#define SYNTAX  "; allowed: name = value; with values 17, true, \"text\", [ \"a\", \"b\" ], { section }, ( list )"
#define LONG32  "abcdefghijklmnopqrstuvwxyzabcdef"
#define LONG108 "/" LONG32 LONG32 LONG32 "abcdefghijk"

struct mistake {
    unsigned line; /* replaced; 0 = the text is the whole file */
    const char *text;
    const char *told; /* all of it, without file name and final newline */
};

static const struct mistake syntax[] = {
    {3, "  name \"edge\";", "3: syntax error at or before \"name \"edge\";\"" SYNTAX},
    {0, "cluster = {\n  id = 17;\n", "3: syntax error at or before the end" SYNTAX},
    {3, "  name = \"edge;", "20: a text begins here and does not end; allowed: text between double quotes"},
    {0, "a = \"\\\"", "1: a text begins here and does not end; allowed: text between double quotes"},
    {0, "a = \"x\" \"y\" /* one text */\n \"z\" 5;", "2: syntax error at or before \"\"z\" 5;\"" SYNTAX},
    {0, "traps = { communities = ( \"c\\\"0m\", \"x\" ;", "1: syntax error at or before \"traps = { communities = ( \"...\", \"...\" ;\"" SYNTAX},
    {0, "traps = { listen = [ \"a\" ]; communities = (\n  \"one\"\n  \"two\" 5 ); };",
     "3: syntax error at or before \"\"...\" 5 ); };\"" SYNTAX},
    {0, "u = \"http://u:p@h/\" 5;", "1: syntax error at or before \"u = \"...\" 5;\"" SYNTAX},
    {3, "  id = 18;", "3: duplicate setting name at or before \"id = 18;\"" SYNTAX},
    {12, "    { name = \"eth0\"; virtual = [ \"192.168.10.100/24\", 5 ]; },",
     "12: mismatched element type in array at or before \"{ name = \"eth0\"; virtual = [ \"192.168.10.100/24\", 5 ]; "
     "},\"" SYNTAX},
    {4, "@include \"/etc/hostname\"",
     "4: include directives are not supported; allowed: one file that holds everything"},
    {4, "  # @include in a comment\n  mode = \"@include\";",
     "5: cluster mode: \"@include\" is unknown; allowed: \"ha\", \"ha-legacy\", \"ls-multicast\", \"ls-unicast\", "
     "\"vrrp\", \"service\""},
};

static const struct mistake scalars[] = {
    {2, "", "1: cluster has no id; allowed: 1-254"},
    {2, "  id = 0;", "2: cluster id: 0 is out of range; allowed: 1-254"},
    {2, "  id = 255;", "2: cluster id: 255 is out of range; allowed: 1-254"},
    {2, "  id = 4294967313;", "2: cluster id: 4294967313 is out of range; allowed: 1-254"},
    {2, "  id = 0x100000011;", "2: cluster id: 4294967313 is out of range; allowed: 1-254"},
    {2, "  id = -1;", "2: cluster id: -1 is out of range; allowed: 1-254"},
    {2, "  id = \"17\";", "2: cluster id: \"17\" is not a whole number; allowed: 1-254"},
    {2, "  id = 17.5;", "2: cluster id: 17.5 is not a whole number; allowed: 1-254"},
    {2, "  id = true;", "2: cluster id: true is not a whole number; allowed: 1-254"},
    {3, "", "1: cluster has no name; allowed: " NAME},
    {3, "  name = \"\";", "3: cluster name: \"\" is empty; allowed: " NAME},
    {3, "  name = \"ed ge\";", "3: cluster name: \"ed ge\" holds a character that names may not have; allowed: " NAME},
    {3, "  name = \"-edge\";", "3: cluster name: \"-edge\" does not begin with a letter or digit; allowed: " NAME},
    {3, "  name = \"17\";", "3: cluster name: \"17\" could be taken for an id; allowed: " NAME},
    {3, "  name = \"" LONG32 "\";", "3: cluster name: \"" LONG32 "\" is too long; allowed: " NAME},
    {3, "  name = 5;", "3: cluster name: 5 is not a text in double quotes; allowed: " NAME},
    {4, "  mode = \"ls-unicast\";",
     "4: cluster mode: \"ls-unicast\" is not available in this version; allowed: \"ha\", \"ha-legacy\", \"service\""},
    {4, "  mode = \"vrrp\";", "4: cluster mode: \"vrrp\" is not available in this version; allowed: \"ha\", \"ha-legacy\", \"service\""},
    {5, "  sync = { select = 5; };", "5: sync select: 5 is not a list in parentheses; allowed: ( { protocol = \"udp\"; port = "
     "53; sync = \"no\"; }, ... )"},
    {5, "  sync = { select = ( { protocol = \"tpc\"; } ); };",
     "5: sync select protocol: \"tpc\" is unknown; allowed: \"tcp\", \"udp\", \"icmp\", \"gre\", \"icmpv6\", \"sctp\", "
     "\"esp\", \"ah\", \"udplite\""},
    {5, "  sync = { select = ( { protocol = \"icmp\"; port = 5; } ); };",
     "5: sync select port: the protocol has none; allowed: with \"tcp\", \"udp\", \"sctp\", \"udplite\", or without protocol"},
    {5, "  sync = { select = ( { port = 0; } ); };", "5: sync select port: 0 is out of range; allowed: 1-65535"},
    {5, "  sync = { select = ( { source = \"10.0.0.1/8\"; } ); };",
     "5: sync select source: \"10.0.0.1/8\" has bits set behind its prefix; allowed: an address, or a network such as "
     "\"10.0.0.0/8\""},
    {5, "  sync = { select = ( { destination = 5; } ); };",
     "5: sync select destination: 5 is not a text in double quotes; allowed: an address, or a network such as "
     "\"10.0.0.0/8\""},
    {5, "  sync = { select = ( { source = \"10.0.0.0/8\"; destination = \"fd00::1\"; } ); };",
     "5: sync select: source is IPv4 and destination IPv6; allowed: one of both"},
    {5, "  sync = { select = ( { sync = \"no\"; after_s = 3; } ); };",
     "5: sync select after_s: sync is \"no\"; allowed: with sync \"at-once\""},
    {5, "  sync = { block_allow = 32; };",
     "5: sync block_allow: 32 is no sum of these; allowed: [ \"icmp\", \"tcp\", \"udp\", \"tcp-data\", \"udp-data\" ] or some "
     "of these, or their sum as a number: 1, 2, 4, 8, 16"},
    {5, "  sync = { block_allow = [ \"icmp\", \"ftp\" ]; };",
     "5: sync block_allow: \"ftp\" is unknown; allowed: [ \"icmp\", \"tcp\", \"udp\", \"tcp-data\", \"udp-data\" ] or some "
     "of these, or their sum as a number: 1, 2, 4, 8, 16"},
    {5, "  sync = { hold_queue = 65536; };", "5: sync hold_queue: 65536 is out of range; allowed: 0-65535"},
    {5, "  recovery = \"up\";", "5: cluster recovery: \"up\" is unknown; allowed: \"active-up\", \"primary-up\""},
    {6, "",
     "1: cluster has no key; allowed: key_file = \"/etc/bellwether/cluster.key\", or auth = \"none\" to send "
     "everything "
     "unsealed"},
    {6, "  auth = \"nun\";", "6: cluster auth: \"nun\" is unknown; allowed: \"none\""},
    {6, "  auth = false;", "6: cluster auth: false is unknown; allowed: \"none\""},
    {6, "  key_file = \"/k\";\n  auth = \"none\";",
     "7: cluster auth: key_file is there too (line 6); allowed: exactly one of the two"},
    {6, "  key_file = \"cluster.key\";",
     "6: cluster key_file: \"cluster.key\" is not an absolute path; allowed: " PATH},
    {6, "  key_file = \"/a\\nb\";", "6: cluster key_file: \"/a\\x0ab\" holds a control character; allowed: " PATH},
    {15, "  heartbeat = { interval_ms = 9; dead_after = 101; };",
     "15: heartbeat interval_ms: 9 is out of range; allowed: 10-10000\n"
     "15: heartbeat dead_after: 101 is out of range; allowed: 2-100"},
    {15, "  heartbeat = { interval_ms = 10001; dead_after = 1; };",
     "15: heartbeat interval_ms: 10001 is out of range; allowed: 10-10000\n"
     "15: heartbeat dead_after: 1 is out of range; allowed: 2-100"},
    {15, "  heartbeat = 100;",
     "15: cluster heartbeat: 100 is not a section in braces; allowed: { interval_ms = 100; dead_after = 3; }"},
    {15, "  lease_s = 61;", "15: cluster lease_s: 61 is out of range; allowed: 1-60"},
    {15, "  lease_s = 1.5;", "15: cluster lease_s: 1.5 is not a whole number; allowed: 1-60"},
    {15, "  renew_ms = 500;", "15: cluster renew_ms: 500 is not less than half of lease_s (1 s); allowed: 10-499"},
    {15, "  renew_ms = 5;", "15: cluster renew_ms: 5 is out of range; allowed: 10-29999"},
    {15, "  start_wait_ms = 3600001;", "15: cluster start_wait_ms: 3600001 is out of range; allowed: 0-3600000"},
    {15, "  claim_ms = 0;", "15: cluster claim_ms: 0 is out of range; allowed: 10-60000"},
    {15, "  failback_delay_s = -1;", "15: cluster failback_delay_s: -1 is out of range; allowed: 0-86400"},
    {15, "  announce_refresh_s = 86401;", "15: cluster announce_refresh_s: 86401 is out of range; allowed: 0-86400"},
    {15, "  local = \"fw3\";", "15: cluster local: \"fw3\" is no member; allowed: \"fw1\", \"fw2\""},
};

static const struct mistake unknown[] = {
    {15, "  heartbeat = { intervall_ms = 100; };",
     "15: unknown key \"intervall_ms\" in heartbeat (did you mean \"interval_ms\"?); allowed: interval_ms, dead_after"},
    {15, "  membres = 5;",
     "15: unknown key \"membres\" in cluster (did you mean \"members\"?); allowed: " CLUSTER_KEYS},
    {15, "  interval_ms = 5;",
     "15: unknown key \"interval_ms\" in cluster (it belongs to heartbeat); allowed: " CLUSTER_KEYS},
    {15, "  colour = 5;", "15: unknown key \"colour\" in cluster; allowed: " CLUSTER_KEYS},
    {13, "    { name = \"eth2\"; rol = \"sync\"; }",
     "13: unknown key \"rol\" in interface (did you mean \"role\"?); allowed: name, role, transport, virtual"},
    {20, "state_dri = \"/x\";",
     "20: unknown key \"state_dri\" in the file (did you mean \"state_dir\"?); allowed: cluster, monitors, snmp, http, control, "
     "traps, alerts, state_dir, core, log_level"},
    {17, "snmp = { state_dir = \"/x\"; };",
     "17: unknown key \"state_dir\" in snmp (it belongs to the top of the file); allowed: enabled, agentx, writable, "
     "root, notify, checkpoint_view, checkpoint_traps, keepalived_view"},
    {17, "snmp = { notify = \"some\"; };", "17: snmp notify: \"some\" is unknown; allowed: \"own\", \"all\""},
    {17, "snmp = { checkpoint_view = 1; };",
     "17: snmp checkpoint_view: 1 is neither true nor false; allowed: true, false"},
    {0, "clutser = 1;\n",
     "1: unknown key \"clutser\" in the file (did you mean \"cluster\"?); allowed: cluster, monitors, snmp, http, control, "
     "traps, alerts, state_dir, core, log_level\n"
     "1: no cluster; allowed: { id = ...; name = ...; members = ( ... ); interfaces = ( ... ); ... }"},
    {0, "", "1: no cluster; allowed: { id = ...; name = ...; members = ( ... ); interfaces = ( ... ); ... }"},
};

static const struct mistake members[] = {
    {9, "    { id = 1; name = \"fw2\"; address = \"10.0.10.2\"; }",
     "9: member id: 1 is used twice (line 8); allowed: 1-254, each once"},
    {8, "    { id = 2; name = \"fw1\"; address = \"10.0.10.1\"; },",
     "9: member id: 2 is used twice (line 8); allowed: 1-254, each once"},
    {9, "    { id = 2; name = \"FW1\"; address = \"10.0.10.2\"; }",
     "9: member name: \"FW1\" is used twice (line 8); allowed: each name once"},
    {9, "    { id = 2; name = \"fw2\"; address = \"10.0.10.1\"; }",
     "9: member address: \"10.0.10.1\" is used twice (line 8); allowed: each address once"},
    {9, "    { id = 300; name = \"fw2\"; address = \"10.0.10.2\"; }",
     "9: member id: 300 is out of range; allowed: 1-254"},
    {9, "    { id = 2; name = \"2\"; address = \"10.0.10.2\"; }",
     "9: member name: \"2\" could be taken for an id; allowed: " NAME},
    {9, "    { id = 2; name = \"fw2\"; }", "9: member has no address; allowed: " HOST},
    {9, "    { name = \"fw2\"; address = \"10.0.10.2\"; }", "9: member has no id; allowed: 1-254"},
    {9, "    { id = 2; name = \"fw2\"; address = \"10.0.10.2\"; priority = 0; }",
     "9: member priority: 0 is out of range; allowed: 1-254"},
    {9, "    { id = 2; name = \"fw2\"; address = \"fw2.example\"; }",
     "9: member address: \"fw2.example\" is not an address; allowed: " HOST},
    {9, "    { id = 2; name = \"fw2\"; address = \"10.0.10.2/24\"; }",
     "9: member address: \"10.0.10.2/24\" has a prefix; allowed: " HOST},
    {9, "    { id = 2; name = \"fw2\"; address = \"0.0.0.0\"; }",
     "9: member address: \"0.0.0.0\" is the unspecified address; allowed: " HOST},
    {9, "    { id = 2; name = \"fw2\"; address = \"127.0.0.2\"; }",
     "9: member address: \"127.0.0.2\" is a loopback address; allowed: " HOST},
    {9, "    { id = 2; name = \"fw2\"; address = \"::1\"; }",
     "9: member address: \"::1\" is a loopback address; allowed: " HOST},
    {9, "    { id = 2; name = \"fw2\"; address = \"224.0.0.1\"; }",
     "9: member address: \"224.0.0.1\" is a multicast address; allowed: " HOST},
    {9, "    { id = 2; name = \"fw2\"; address = \"255.255.255.255\"; }",
     "9: member address: \"255.255.255.255\" is a reserved address; allowed: " HOST},
    {9, "    { id = 2; name = \"fw2\"; address = \"::ffff:10.0.0.1\"; }",
     "9: member address: \"::ffff:10.0.0.1\" is an IPv4-mapped IPv6 address; allowed: " HOST},
    {9, "    { id = 2; name = \"fw2\"; address = 10; }",
     "9: member address: 10 is not a text in double quotes; allowed: " HOST},
    {9, "    5",
     "9: cluster members: 5 is not a section; allowed: ( { id = 1; name = \"...\"; address = \"...\"; }, ... )"},
    {8, "", "7: cluster members: 1 entry; allowed: 2-16"},
    {9,
     "    { id = 2; name = \"fw2\"; address = \"10.0.10.2\"; interfaces = ( { name = \"eth7\"; device = \"x\"; } ); }",
     "9: member interfaces: \"eth7\" is no interface of the cluster; allowed: \"eth0\", \"eth2\""},
    {9,
     "    { id = 2; name = \"fw2\"; address = \"10.0.10.2\"; interfaces = ( { name = \"eth0\"; device = \"a/b\"; } ); "
     "}",
     "9: member's interface device: \"a/b\" holds a character that interfaces may not have; allowed: " DEVICE},
    {9,
     "    { id = 2; name = \"fw2\"; address = \"10.0.10.2\"; interfaces = ( { name = \"eth0\"; device = \"eth2\"; } ); "
     "}",
     "9: member interfaces: device \"eth2\" stands for both \"eth0\" and \"eth2\"; allowed: each device once"},
    {9,
     "    { id = 2; name = \"fw2\"; address = \"10.0.10.2\"; interfaces = ( { name = \"eth0\"; device = \"a\"; },\n"
     "      { name = \"eth0\"; device = \"b\"; } ); }",
     "10: member interfaces: \"eth0\" is written twice; allowed: each interface once"},
    {9, "    { id = 2; name = \"fw2\"; address = \"10.0.10.2\"; interfaces = ( { name = \"eth0\"; } ); }",
     "9: member interfaces: \"eth0\" says nothing of it; allowed: device, address or both"},
    {9,
     "    { id = 2; name = \"fw2\"; address = \"10.0.10.2\"; interfaces = ( { name = \"eth0\"; address = \"10.0.0.0/8\"; } ); "
     "}",
     "9: member's interface address: \"10.0.0.0/8\" has a prefix; allowed: an IPv4 or IPv6 address of a host, without prefix"},
    {9, "    { id = 2; name = \"fw2\"; address = \"10.0.10.2\"; interfaces = [ \"eth0\" ]; }",
     "9: member interfaces: [ ... ] is not a list in parentheses; allowed: ( { name = \"...\"; device = \"...\"; }, "
     "... )"},
    {9, "    { id = 2; name = \"fw2\"; address = \"10.0.10.2\"; interfaces = ( 5 ); }",
     "9: member interfaces: 5 is not a section; allowed: ( { name = \"...\"; device = \"...\"; }, ... )"},
};

static const struct mistake interfaces[] = {
    {13, "    { name = \"eth0\"; role = \"sync\"; }",
     "13: interface name: \"eth0\" is used twice (line 12); allowed: each name once"},
    {13, "    { name = \"eth0/x\"; role = \"sync\"; }",
     "13: interface name: \"eth0/x\" holds a character that interfaces may not have; allowed: " DEVICE},
    {13, "    { name = \"eth0123456789012\"; }",
     "13: interface name: \"eth0123456789012\" is too long; allowed: " DEVICE},
    {13, "    { name = \"..\"; }", "13: interface name: \"..\" is no name of an interface; allowed: " DEVICE},
    {13, "    { role = \"sync\"; }", "13: interface has no name; allowed: " DEVICE},
    {13, "    { name = \"eth2\"; role = \"secured\"; }",
     "13: interface role: \"secured\" is unknown; allowed: \"cluster\", \"sync\", \"monitored\", \"disconnected\""},
    {13, "    { name = \"eth2\"; transport = \"anycast\"; }",
     "13: interface transport: \"anycast\" is unknown; allowed: \"multicast\", \"broadcast\", \"unicast\""},
    {13, "    { name = \"eth2\"; role = \"monitored\"; virtual = [ \"10.1.0.5/24\" ]; }",
     "13: interface virtual: the role is \"monitored\"; allowed: role \"cluster\" or \"sync\" with it"},
    {13, "    { name = \"eth2\"; virtual = 5; }",
     "13: interface virtual: 5 is no list of texts; allowed: [ \"address/prefix\", ... ]"},
    {13, "    { name = \"eth2\"; virtual = ( 5 ); }",
     "13: interface virtual: 5 is not a text in double quotes; allowed: [ \"address/prefix\", ... ]"},
    {13, "    { name = \"eth2\"; virtual = [ \"10.1.0/24\" ]; }",
     "13: virtual address: \"10.1.0/24\" is not an address with a valid prefix; allowed: " VIRTUAL},
    {13, "    { name = \"eth2\"; virtual = [ \"10.1.0.5/33\" ]; }",
     "13: virtual address: \"10.1.0.5/33\" is not an address with a valid prefix; allowed: " VIRTUAL},
    {13, "    { name = \"eth2\"; virtual = [ \"vip\" ]; }",
     "13: virtual address: \"vip\" is not an address; allowed: " VIRTUAL},
    {13, "    { name = \"eth2\"; virtual = [ \"10.1.0.5/0\" ]; }",
     "13: virtual address: \"10.1.0.5/0\" has prefix 0; allowed: " VIRTUAL},
    {13, "    { name = \"eth2\"; virtual = [ \"10.1.0.0/24\" ]; }",
     "13: virtual address: \"10.1.0.0/24\" is the address of its network, not of a host; allowed: " VIRTUAL},
    {13, "    { name = \"eth2\"; virtual = [ \"10.1.0.255/24\" ]; }",
     "13: virtual address: \"10.1.0.255/24\" is the broadcast address of its network; allowed: " VIRTUAL},
    {13, "    { name = \"eth2\"; virtual = [ \"ff02::5/64\" ]; }",
     "13: virtual address: \"ff02::5/64\" is a multicast address; allowed: " VIRTUAL},
    {13, "    { name = \"eth2\"; virtual = [ \"10.1.0.5/24\",\n      \"192.168.10.100/25\" ]; }",
     "14: virtual address: \"192.168.10.100/25\" is used twice (line 12); allowed: each address once"},
    {13, "    { name = \"eth2\"; virtual = [ \"10.0.10.2/24\" ]; }",
     "13: virtual address: \"10.0.10.2/24\" is the address of member \"fw2\"; allowed: " FREE},
};

static const struct mistake lists[] = {
    {15, "  witness = ( \"10.0.10.2\" );",
     "15: cluster witness: \"10.0.10.2\" is a member's address; allowed: " WITNESS},
    {15, "  witness = ( \"10.9.0.1\",\n    \"10.9.0.1\" );",
     "16: cluster witness: \"10.9.0.1\" is written twice; allowed: " WITNESS},
    {15, "  witness = ( \"gw\" );", "15: cluster witness: \"gw\" is not an address; allowed: " WITNESS},
    {15, "  witness = ( \"10.9.0.1\", \"10.9.0.2\", \"10.9.0.3\", \"10.9.0.4\", \"10.9.0.5\" );",
     "15: cluster witness: \"10.9.0.5\" is one too many; allowed: " WITNESS},
    {15, "  witness = \"192.168.10.100\";",
     "12: virtual address: \"192.168.10.100/24\" is the address of a witness; allowed: " FREE},
    {15, "  multicast = \"10.0.0.1\";",
     "15: cluster multicast: \"10.0.0.1\" is not a multicast address; allowed: " MULTI},
    {15, "  multicast = \"all\";", "15: cluster multicast: \"all\" is not an address; allowed: " MULTI},
    {15, "  multicast = [ \"224.0.0.5\", \"224.0.0.6\" ];",
     "15: cluster multicast: \"224.0.0.6\" is a second one of its family; allowed: " MULTI},
    {15, "  multicast = 224;", "15: cluster multicast: 224 is no list of texts; allowed: " MULTI},
    {15, "  groups = ( { name = \"web\"; } );",
     "12: interface virtual: there are groups; allowed: virtual addresses within a group"},
};

static const struct mistake surfaces[] = {
    {17, "snmp = { agentx = \"master\"; };",
     "17: snmp agentx: \"master\" is not an absolute path; allowed: an absolute path, \"unix:/path\", "
     "\"tcp:host:port\""},
    {17, "snmp = { agentx = \"tcp:705\"; };",
     "17: snmp agentx: \"tcp:705\" has no host and port; allowed: an absolute path, \"unix:/path\", \"tcp:host:port\""},
    {17, "snmp = { enabled = 1; };", "17: snmp enabled: 1 is neither true nor false; allowed: true, false"},
    {17, "snmp = { writable = \"yes\"; };",
     "17: snmp writable: \"yes\" is neither true nor false; allowed: true, false"},
    {17, "snmp = { root = \".1.3.6.1.4.1.5\"; };",
     "17: snmp root: \".1.3.6.1.4.1.5\" is not a numeric object identifier; allowed: " OID},
    {17, "snmp = { root = \"1.3.6.1.4.1.5.\"; };",
     "17: snmp root: \"1.3.6.1.4.1.5.\" is not a numeric object identifier; allowed: " OID},
    {17, "snmp = { root = \"1.3.6.1\"; };",
     "17: snmp root: \"1.3.6.1\" is too short, it would take over the trees of others; allowed: " OID},
    {17, "snmp = { root = \"1.3.6.1.4.1.4294967296\"; };",
     "17: snmp root: \"1.3.6.1.4.1.4294967296\" holds a number above 4294967295; allowed: " OID},
    {17, "snmp = { root = \"3.3.6.1.4.1\"; };",
     "17: snmp root: \"3.3.6.1.4.1\" is not a valid object identifier; allowed: " OID},
    {18, "http = { listen = \"127.0.0.1\"; };", "18: http listen: \"127.0.0.1\" has no valid port; allowed: " LISTEN},
    {18, "http = { listen = \"127.0.0.1:0\"; };",
     "18: http listen: \"127.0.0.1:0\" has no valid port; allowed: " LISTEN},
    {18, "http = { listen = \"127.0.0.1:65536\"; };",
     "18: http listen: \"127.0.0.1:65536\" has no valid port; allowed: " LISTEN},
    {18, "http = { listen = \"localhost:80\"; };",
     "18: http listen: \"localhost:80\" is not an address and a port; allowed: " LISTEN},
    {18, "http = { listen = \"::1:80\"; };",
     "18: http listen: \"::1:80\" has an IPv6 address without brackets; allowed: " LISTEN},
    {18, "http = { listen = \"[10.0.0.1]:80\"; };",
     "18: http listen: \"[10.0.0.1]:80\" has brackets around an IPv4 address; allowed: " LISTEN},
    {18, "http = { listen = \"[::1:80\"; };", "18: http listen: \"[::1:80\" has no closing bracket; allowed: " LISTEN},
    {18, "http = { token_file = \"t\"; };", "18: http token_file: \"t\" is not an absolute path; allowed: " PATH},
    {19, "control = { socket = \"" LONG108 "\"; };",
     "19: control socket: \"/" LONG32 LONG32 "abcdefghijkl...\" is too long; allowed: " PATH},
    {19, "control = \"/run/x\";", "19: control: \"/run/x\" is not a section in braces; allowed: { socket = \"...\"; }"},
    {20, "state_dir = \"var\";", "20: state_dir: \"var\" is not an absolute path; allowed: " PATH},
    {20, "core = 0;", "20: core: 0 is neither true nor false; allowed: true, false"},
    {20, "log_level = \"warn\";",
     "20: log_level: \"warn\" is no level; allowed: \"error\", \"warning\", \"notice\", \"info\", \"debug\""},
};

/* The good file with one line replaced. The caller frees it. */
static char *make(unsigned line, const char *text)
{
    size_t at = 0, cap = 65536;
    char *file = malloc(cap);

    assert_non_null(file);
    if (line == 0)
        return strcpy(file, text);
    for (unsigned i = 1; i <= sizeof(lines) / sizeof(lines[0]); i++)
        at += (size_t)snprintf(file + at, cap - at, "%s\n", i == line ? text : lines[i - 1]);
    return file;
}

static struct bw_config config;
static struct bw_config_errors errors;

/* Puts "t.conf:" before every line and a newline at the end. */
static void expand(const char *told, char *buf, size_t cap)
{
    size_t at = 0;

    while (*told) {
        size_t length = strcspn(told, "\n");

        at += (size_t)snprintf(buf + at, cap - at, "t.conf:%.*s\n", (int)length, told);
        told += length + (told[length] == '\n');
    }
}

static void try_all(const struct mistake *table, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *file, expected[4096];
        unsigned told = 1;

        file = make(table[i].line, table[i].text);
        assert_int_equal(bw_config_parse(file, strlen(file), "t.conf", &config, &errors), -EINVAL);
        expand(table[i].told, expected, sizeof(expected));
        assert_string_equal(errors.text, expected);
        for (const char *c = table[i].told; *c; c++)
            told += *c == '\n';
        assert_int_equal(errors.count, told);
        assert_int_equal(errors.length, strlen(errors.text));
        free(file);
    }
}

#define TRY(table)                                                                                                     \
    static void test_##table(void **state)                                                                             \
    {                                                                                                                  \
        (void)state;                                                                                                   \
        try_all(table, sizeof(table) / sizeof(table[0]));                                                              \
    }
TRY(syntax)
TRY(scalars)
TRY(unknown)
TRY(members)
TRY(interfaces)
TRY(lists)
TRY(surfaces)

/* The file that the cases are made from is itself good: so each case has one mistake only. */
static void test_good(void **state)
{
    char *file = make(99, "");

    (void)state;
    assert_int_equal(bw_config_parse(file, strlen(file), "t.conf", &config, &errors), 0);
    assert_string_equal(errors.text, "");
    free(file);
}

#define CLUSTER_START                                                                                                  \
    "cluster = { id = 1; name = \"c\"; auth = \"none\";\n"                                                             \
    "members = ( { id = 1; name = \"a\"; address = \"10.0.0.1\"; }, { id = 2; name = \"b\"; address = \"10.0.0.2\"; "  \
    "} );\n"

/* Mistakes that need more than one line changed. */
static void test_whole(void **state)
{
    static const struct mistake whole[] = {
        {0,
         CLUSTER_START
         "interfaces = ( { name = \"eth0\"; role = \"monitored\"; },\n{ name = \"e\"; role = \"disconnected\"; } ); };",
         "3: cluster interfaces: none carries heartbeats; allowed: at least one with role \"cluster\" or \"sync\""},
        {0, CLUSTER_START "interfaces = (); };", "3: cluster interfaces: 0 entries; allowed: 1-16"},
        {0, CLUSTER_START "};", "1: cluster has no interfaces; allowed: ( { name = \"...\"; role = \"...\"; }, ... )"},
        {0, CLUSTER_START "interfaces = \"eth0\"; };",
         "3: cluster interfaces: \"eth0\" is not a list in parentheses; allowed: ( { name = \"...\"; role = \"...\"; "
         "}, ... )"},
        {0, CLUSTER_START "interfaces = ( { name = \"eth0\"; } ); lease_s = 1;\nrenew_ms = 2000; };",
         "4: cluster renew_ms: 2000 is not less than half of lease_s (1 s); allowed: 10-499"},
        {0,
         CLUSTER_START
         "interfaces = ( { name = \"eth0\"; } );\ngroups = ( { name = \"web\"; },\n{ name = \"Web\"; } ); };",
         "5: group name: \"Web\" is used twice (line 4); allowed: each name once"},
        {0,
         CLUSTER_START "interfaces = ( { name = \"eth0\"; } );\ngroups = ( { name = \"w\"; policy = ( \"a\",\n\"x\", "
                       "\"a\" ); } ); };",
         "5: group policy: \"x\" is no member; allowed: \"a\", \"b\"\n"
         "5: group policy: \"a\" is written twice; allowed: each member at most once"},
        {0, CLUSTER_START "interfaces = ( { name = \"eth0\"; } );\ngroups = ( { name = \"w\"; policy = ( ); } ); };",
         "4: group policy: it is empty; allowed: " POLICY},
        {0,
         CLUSTER_START
         "interfaces = ( { name = \"eth0\"; } );\ngroups = ( { name = \"w\"; start = \"no\"; failback = 1; } ); };",
         "4: group start: \"no\" is unknown; allowed: \"auto\", \"manual\"\n"
         "4: group failback: 1 is not a text in double quotes; allowed: \"auto\", \"manual\""},
        {0,
         CLUSTER_START "interfaces = ( { name = \"eth0\"; }, { name = \"eth1\"; role = \"monitored\"; } );\n"
                       "groups = ( { name = \"w\"; virtual = (\n{ interface = \"eth1\"; address = \"10.1.0.1/24\"; },\n"
                       "{ interface = \"eth7\"; address = \"10.1.0.2/24\"; },\n{ interface = \"eth0\"; },\n"
                       "{ interface = \"eth0\"; address = \"10.1.0.1/24\"; }, 7 ); } ); };",
         "5: virtual address: \"10.1.0.1/24\" is on a monitored interface; allowed: one with role \"cluster\", "
         "\"sync\"\n"
         "6: group's address interface: \"eth7\" is no interface of the cluster; allowed: \"eth0\", \"eth1\"\n"
         "7: group's address has no address; allowed: " VIRTUAL "\n"
         "8: group virtual: 7 is not a section; allowed: ( { interface = \"...\"; address = \"address/prefix\"; }, ... "
         ")\n"
         "8: virtual address: \"10.1.0.1/24\" is used twice (line 5); allowed: each address once"},
        {0,
         CLUSTER_START
         "interfaces = ( { name = \"eth0\"; } ); groups = ( { name = \"w\"; virtual = [ \"10.1.0.1/24\" ]; } ); };",
         "3: group virtual: [ ... ] is not a list in parentheses; allowed: ( { interface = \"...\"; address = "
         "\"address/prefix\"; }, ... )"},
        {0,
         CLUSTER_START "interfaces = ( { name = \"eth0\"; } );\ngroups = ( { name = \"w\"; virtual = ( { interface = \"eth0\"; "
                       "address = \"10.1.0.1/24\"; } ); }, { name = \"x\"; } );\nmode = \"service\"; };",
         "5: cluster mode: group \"x\" has no virtual address; allowed in mode \"service\": at least one each, since where "
         "they are tells who serves"},
        {0, CLUSTER_START "interfaces = ( { name = \"eth0\"; } ); groups = (); };",
         "3: cluster groups: 0 entries; allowed: 1-16"},
        {0, "cluster = 5;",
         "1: cluster: 5 is not a section in braces; allowed: { id = ...; name = ...; members = ( ... ); interfaces = ( "
         "... ); ... }"},
    };

    (void)state;
    try_all(whole, sizeof(whole) / sizeof(whole[0]));
}

/* All mistakes of a file are told at once, in the order of its lines. */
static void test_all_at_once(void **state)
{
    const char *text =
        "log_level = \"loud\";\ncluster = {\n id = 0;\n name = \"\";\n auth = \"none\"; colour = 1;\n members = (\n"
        " { id = 1; name = \"a\"; address = \"x\"; },\n { id = 1; name = \"b\"; address = \"10.0.0.2\"; } );\n"
        " interfaces = ( { name = \"eth0\";\n virtual = [ \"10.0.0.2/24\" ]; } );\n};\nhttp = 5;\n";
    unsigned line = 0, now;
    char *at;

    (void)state;
    assert_int_equal(bw_config_parse(text, strlen(text), "t.conf", &config, &errors), -EINVAL);
    assert_int_equal(errors.count, 8);
    for (at = errors.text; at && *at; at = strchr(at, '\n') + 1) {
        assert_int_equal(sscanf(at, "t.conf:%u: ", &now), 1);
        assert_true(now >= line);
        line = now;
    }
    assert_int_equal(line, 12);
}

/* More mistakes than there is room for: cut after a whole line, and the number of the rest is told. */
static void test_too_many(void **state)
{
    size_t at = 0, cap = 100000;
    char *file = malloc(cap), *last;
    unsigned shown = 0, more = 0;

    (void)state;
    assert_non_null(file);
    for (unsigned i = 0; i < 2000; i++)
        at += (size_t)snprintf(file + at, cap - at, "wrong%u = %u;\n", i, i);
    assert_int_equal(bw_config_parse(file, at, "t.conf", &config, &errors), -EINVAL);
    assert_int_equal(errors.count, 2001);
    assert_int_equal(errors.length, strlen(errors.text));
    assert_true(errors.length < sizeof(errors.text));
    for (const char *c = errors.text; *c; c++)
        shown += *c == '\n';
    errors.text[errors.length - 1] = '\0';
    last = strrchr(errors.text, '\n') + 1;
    assert_int_equal(sscanf(last, "t.conf: %u more", &more), 1);
    assert_int_equal(more + shown - 1, 2001);
    free(file);
}

/* 17 members, 17 interfaces, 257 addresses: told, and nothing is written beyond the arrays. */
static void test_capacity(void **state)
{
    size_t at = 0, cap = 200000;
    char *file = malloc(cap);

    (void)state;
    assert_non_null(file);
    at += (size_t)snprintf(file + at, cap - at, "cluster = { id = 1; name = \"c\"; auth = \"none\";\nmembers = (");
    for (unsigned i = 1; i <= 17; i++)
        at += (size_t)snprintf(file + at, cap - at, "%s{ id = %u; name = \"m%u\"; address = \"10.0.0.%u\"; }",
                               i > 1 ? "," : "", i, i, i);
    at += (size_t)snprintf(file + at, cap - at, ");\ninterfaces = (");
    for (unsigned i = 1; i <= 17; i++)
        at += (size_t)snprintf(file + at, cap - at, "%s{ name = \"e%u\"; }", i > 1 ? "," : "", i);
    at += (size_t)snprintf(file + at, cap - at, ");\ngroups = ( { name = \"w\"; virtual = (");
    for (unsigned i = 0; i < 257; i++)
        at += (size_t)snprintf(file + at, cap - at, "%s{ interface = \"e1\"; address = \"10.1.%u.%u/16\"; }",
                               i ? ",\n" : "", i / 200, i % 200 + 1);
    at += (size_t)snprintf(file + at, cap - at, "); } ); };\n");
    assert_int_equal(bw_config_parse(file, at, "t.conf", &config, &errors), -EINVAL);
    assert_string_equal(errors.text,
                        "t.conf:2: cluster members: 17 entries; allowed: 2-16\n"
                        "t.conf:3: cluster interfaces: 17 entries; allowed: 1-16\n"
                        "t.conf:260: virtual address: \"10.1.1.57/16\" is one too many; allowed: 256 in the cluster\n");
    free(file);
}

/* As many keys as would keep libconfig busy for seconds. */
static void test_endless(void **state)
{
    char *file = malloc(262144);
    size_t at = 0;

    (void)state;
    assert_non_null(file);
    for (unsigned i = 0; at < 262144 - 20; i++)
        at += (size_t)snprintf(file + at, 20, "a%u=1;\n", i);
    assert_int_equal(bw_config_parse(file, at, "t.conf", &config, &errors), -EINVAL);
    assert_string_equal(errors.text, "t.conf:8193: one key too many; allowed: 8192 in a file\n");
    memset(file, '(', 262144);
    assert_int_equal(bw_config_parse(file, 262144, "t.conf", &config, &errors), -EINVAL);
    free(file);
}

static void test_odd_bytes(void **state)
{
    static const char nul[] = "cluster = {\n\0};\n", weird[] = "a\x01 = \xff;";
    char *large = calloc(1, 300000);

    (void)state;
    assert_non_null(large);
    assert_int_equal(bw_config_parse(nul, sizeof(nul) - 1, "t.conf", &config, &errors), -EINVAL);
    assert_string_equal(errors.text, "t.conf:2: a NUL byte; allowed: text\n");
    assert_int_equal(bw_config_parse(weird, sizeof(weird) - 1, "t.conf", &config, &errors), -EINVAL);
    assert_non_null(strstr(errors.text, "t.conf:1: syntax error at or before \"a\\x01 = \\xff;\""));
    memset(large, ' ', 300000);
    assert_int_equal(bw_config_parse(large, 300000, "t.conf", &config, &errors), -EINVAL);
    assert_string_equal(errors.text, "t.conf:1: the file has 300000 bytes; allowed: at most 262144\n");
    free(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),        cmocka_unit_test(test_syntax),   cmocka_unit_test(test_scalars),
        cmocka_unit_test(test_unknown),     cmocka_unit_test(test_members),  cmocka_unit_test(test_interfaces),
        cmocka_unit_test(test_lists),       cmocka_unit_test(test_surfaces), cmocka_unit_test(test_whole),
        cmocka_unit_test(test_all_at_once), cmocka_unit_test(test_too_many), cmocka_unit_test(test_capacity),
        cmocka_unit_test(test_odd_bytes),   cmocka_unit_test(test_endless),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
