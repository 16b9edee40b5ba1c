/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Addresses to and from text, order, and containment. Pure, like text.c.
 */
#include <errno.h>
#include <string.h>

#include "bellwether/text.h"

static size_t width(const struct bw_address *a)
{
    return a->family == 4 ? 4 : a->family == 6 ? 16 : 0;
}

/* The longest run of two or more zero groups (RFC 5952 4.2): start in *at, length or 0. */
static unsigned longest_zeros(const uint16_t groups[8], unsigned *at)
{
    unsigned best = 0;

    for (unsigned i = 0; i < 8; i++) {
        unsigned n = 0;
        while (i + n < 8 && groups[i + n] == 0)
            n++;
        if (n > best) {
            best = n;
            *at = i;
        }
        i += n;
    }
    return best >= 2 ? best : 0;
}

static size_t ipv6_text(const uint8_t bytes[16], char *dst)
{
    uint16_t groups[8];
    unsigned at = 8, zeros;
    size_t length = 0;

    for (unsigned i = 0; i < 8; i++)
        groups[i] = (uint16_t)(bytes[2 * i] << 8 | bytes[2 * i + 1]);
    zeros = longest_zeros(groups, &at);
    dst[0] = '\0';
    for (unsigned i = 0; i < 8; i++) {
        if (zeros > 0 && i == at) {
            length += bw_format(dst + length, BW_ADDRESS_TEXT_MAX - length, "::");
            i += zeros - 1;
            continue;
        }
        length += bw_format(dst + length, BW_ADDRESS_TEXT_MAX - length, "%s%x",
                            i > 0 && !(zeros > 0 && i == at + zeros) ? ":" : "", groups[i]);
    }
    return length;
}

char *bw_address_to_text(const struct bw_address *a, bool with_prefix, char *dst)
{
    size_t length = 0;

    dst[0] = '\0';
    if (a->family == 4)
        length = bw_format(dst, BW_ADDRESS_TEXT_MAX, "%u.%u.%u.%u", a->bytes[0], a->bytes[1], a->bytes[2], a->bytes[3]);
    else if (a->family == 6)
        length = ipv6_text(a->bytes, dst);
    if (length > 0 && with_prefix)
        bw_format(dst + length, BW_ADDRESS_TEXT_MAX - length, "/%u", a->prefix);
    return dst;
}

/* A decimal number of at most three digits without leading zeros, at most `most`. Returns digits read, 0 = none. */
static size_t number(const char *text, unsigned most, unsigned *value)
{
    size_t n = 0;

    *value = 0;
    while (text[n] >= '0' && text[n] <= '9' && n < 4)
        *value = *value * 10 + (unsigned)(text[n++] - '0');
    if (n > 3 || (n > 1 && text[0] == '0') || *value > most)
        return 0;
    return n;
}

/* Dotted quad; returns characters read, 0 = not one. */
static size_t quad(const char *text, uint8_t bytes[4])
{
    size_t at = 0;

    for (int i = 0; i < 4; i++) {
        unsigned value;
        size_t n;

        if (i > 0 && text[at++] != '.')
            return 0;
        n = number(text + at, 255, &value);
        if (n == 0)
            return 0;
        bytes[i] = (uint8_t)value;
        at += n;
    }
    return at;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* IPv6 (RFC 4291 2.2); returns characters read, 0 = not one. */
static size_t ipv6(const char *text, uint8_t bytes[16])
{
    uint8_t out[16] = {0};
    size_t at = 0;
    int filled = 0, gap = -1;

    if (text[0] == ':' && text[1] != ':')
        return 0;
    while (filled < 16) {
        unsigned value = 0, digits = 0;
        uint8_t v4[4];
        size_t n;

        if (text[at] == ':' && text[at + 1] == ':') {
            if (gap >= 0)
                return 0;
            gap = filled;
            at += 2;
            if (hex_digit(text[at]) < 0)
                break;
        } else if (filled > 0 && gap != filled) {
            if (text[at] != ':')
                break;
            at++;
        }
        n = filled <= 12 ? quad(text + at, v4) : 0;
        if (n > 0) {
            memcpy(out + filled, v4, 4);
            filled += 4;
            at += n;
            break;
        }
        for (; digits < 4 && hex_digit(text[at]) >= 0; digits++)
            value = value << 4 | (unsigned)hex_digit(text[at++]);
        if (digits == 0)
            return 0;
        out[filled++] = (uint8_t)(value >> 8);
        out[filled++] = (uint8_t)value;
    }
    if (gap < 0 && filled != 16)
        return 0;
    if (gap >= 0) {
        if (filled > 14)
            return 0;
        memmove(out + gap + (16 - filled), out + gap, (size_t)(filled - gap));
        memset(out + gap, 0, (size_t)(16 - filled));
    }
    memcpy(bytes, out, 16);
    return at;
}

int bw_address_from_text(const char *text, struct bw_address *a)
{
    struct bw_address out = {0};
    unsigned prefix, most;
    size_t at = quad(text, out.bytes), n;

    if (at > 0 && (text[at] == '\0' || text[at] == '/')) {
        out.family = 4;
        most = 32;
    } else {
        memset(out.bytes, 0, sizeof(out.bytes));
        at = ipv6(text, out.bytes);
        if (at == 0)
            return -EINVAL;
        out.family = 6;
        most = 128;
    }
    prefix = most;
    if (text[at] == '/') {
        n = number(text + at + 1, most, &prefix);
        if (n == 0)
            return -EINVAL;
        at += 1 + n;
    }
    if (text[at] != '\0')
        return -EINVAL;
    out.prefix = (uint8_t)prefix;
    *a = out;
    return 0;
}

int bw_address_compare(const struct bw_address *a, const struct bw_address *b)
{
    int order;

    if (a->family != b->family)
        return a->family < b->family ? -1 : 1;
    order = memcmp(a->bytes, b->bytes, width(a));
    if (order != 0)
        return order;
    return (a->prefix > b->prefix) - (a->prefix < b->prefix);
}

bool bw_address_within(const struct bw_address *a, const struct bw_address *net)
{
    unsigned whole = net->prefix / 8, rest = net->prefix % 8;

    if (a->family != net->family || width(a) == 0)
        return false;
    if (memcmp(a->bytes, net->bytes, whole) != 0)
        return false;
    return rest == 0 || (uint8_t)((a->bytes[whole] ^ net->bytes[whole]) >> (8 - rest)) == 0;
}
