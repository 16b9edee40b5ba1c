/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Texts without stdio, so that core can use them: bounded copies, a small formatter, addresses,
 * numbers, times. Nothing here allocates or calls the system.
 */
#ifndef BELLWETHER_TEXT_H
#define BELLWETHER_TEXT_H

#include <stdarg.h>

#include "bellwether/model.h"

#define BW_ADDRESS_TEXT_MAX 50 /* longest "IPv6/128" and its NUL, with room */
#define BW_WALL_TEXT_MAX 25    /* "2026-01-01T00:00:00.000Z" and its NUL */

/* Copies src into dst (cap bytes, cap > 0), cut at cap - 1 bytes (never inside a UTF-8 sequence),
 * always terminated. NULL src counts as "". Returns false when something was cut. */
bool bw_copy(char *dst, size_t cap, const char *src);

/* Makes a text of outside origin fit to be kept, shown and sent: bytes that are no valid UTF-8 and control characters (C0, DEL, C1)
 * become '?'. In place; cap bounds the search for the end, which is set when missing. */
void bw_clean(char *text, size_t cap);

/* A printf for texts of the model: %s (NULL = ""), %c, %d, %u, %lu (uint64_t as unsigned long), %x, %lx, %%.
 * Always terminated, cut like bw_copy. Returns the length written. */
size_t bw_format(char *dst, size_t cap, const char *format, ...) __attribute__((format(printf, 3, 4)));
size_t bw_vformat(char *dst, size_t cap, const char *format, va_list args);

/* Address to text, without or with "/prefix"; "" for family 0. dst: BW_ADDRESS_TEXT_MAX bytes. Returns dst.
 * IPv6 in RFC 5952's canonical form. */
char *bw_address_to_text(const struct bw_address *a, bool with_prefix, char *dst);
/* Text to address. "10.0.0.1" has prefix 32, "::1" 128. 0 or -EINVAL. */
int bw_address_from_text(const char *text, struct bw_address *a);
/* "02:00:5e:00:01:02". dst: BW_MAC_TEXT_MAX bytes. Returns dst. */
#define BW_MAC_TEXT_MAX 18
char *bw_mac_to_text(const uint8_t mac[6], char *dst);
/* Order by family, bytes, prefix: negative, 0, positive. */
int bw_address_compare(const struct bw_address *a, const struct bw_address *b);
/* Is a in the network of net (its prefix length)? */
bool bw_address_within(const struct bw_address *a, const struct bw_address *net);

/* Wall time (ns since 1970) as RFC 3339 in UTC with milliseconds; "" for 0. dst: BW_WALL_TEXT_MAX bytes. Returns dst. */
char *bw_wall_to_text(int64_t wall, char *dst);

/* Order of pnote names as SNMP orders them: shorter first, then by bytes. */
int bw_name_compare(const char *a, const char *b);
/* 1-31 printable ASCII characters other than blank and control (built-in names may hold blanks). */
bool bw_name_valid(const char *name);

/* FNV-1a, 64 bits, for digests that need not resist an attacker. Start with hash = BW_HASH_START. */
#define BW_HASH_START 0xcbf29ce484222325ULL
uint64_t bw_hash(uint64_t hash, const void *bytes, size_t len);

#endif
