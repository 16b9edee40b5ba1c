/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Texts without stdio: bounded copies, a small formatter, names. Core uses these, so nothing here
 * allocates, calls the system, or depends on a locale.
 */
#include "bellwether/text.h"

#include <string.h>

/* Bytes of src that fit into cap - 1 without cutting a UTF-8 sequence. */
static size_t fitting(const char *src, size_t length, size_t cap)
{
    if (length < cap)
        return length;
    length = cap - 1;
    while (length > 0 && ((unsigned char)src[length] & 0xc0) == 0x80)
        length--;
    return length;
}

bool bw_copy(char *dst, size_t cap, const char *src)
{
    size_t length = src != NULL ? strlen(src) : 0;
    size_t fits = length > 0 ? fitting(src, length, cap) : 0;

    if (fits > 0)
        memmove(dst, src, fits);
    dst[fits] = '\0';
    return fits == length;
}

/* Length of the valid UTF-8 sequence at p (1 to 4), 0 when there is none (RFC 3629: no overlong form, no surrogate). */
static size_t sequence_at(const unsigned char *p)
{
    size_t length = p[0] < 0x80 ? 1 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : p[0] >= 0xe0 && p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;

    if (p[0] >= 0x80 && p[0] < 0xc2)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0) || (p[0] == 0xf0 && p[1] < 0x90) ||
        (p[0] == 0xf4 && p[1] >= 0x90))
        return 0;
    return length;
}

void bw_clean(char *text, size_t cap)
{
    unsigned char *p = (unsigned char *)text;

    text[cap - 1] = '\0';
    while (*p != '\0') {
        size_t length = sequence_at(p);
        bool control = *p < ' ' || *p == 0x7f || (length == 2 && p[0] == 0xc2 && p[1] < 0xa0);

        if (length == 0 || control) {
            *p++ = '?';
            for (size_t i = 1; i < length; i++)
                *p++ = '?';
        } else {
            p += length;
        }
    }
}

struct out {
    char *dst;
    size_t cap, length;
    bool full; /* something did not fit: nothing more is written, so that no later piece joins a cut one */
};

static void put(struct out *o, const char *bytes, size_t length)
{
    size_t fits;

    if (o->full)
        return;
    fits = fitting(bytes, length, o->cap - o->length);
    memcpy(o->dst + o->length, bytes, fits);
    o->length += fits;
    o->full = fits < length;
}

static void put_number(struct out *o, uint64_t value, unsigned base, bool negative, unsigned width, char pad)
{
    char digits[24];
    size_t at = sizeof(digits);

    do {
        digits[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value > 0);
    while (sizeof(digits) - at < width && at > 1)
        digits[--at] = pad;
    if (negative)
        digits[--at] = '-';
    put(o, digits + at, sizeof(digits) - at);
}

static void put_conversion(struct out *o, char conversion, bool is_long, unsigned width, char pad, va_list *args)
{
    switch (conversion) {
    case 's': {
        const char *text = va_arg(*args, const char *);
        put(o, text != NULL ? text : "", text != NULL ? strlen(text) : 0);
        break;
    }
    case 'c': {
        char c = (char)va_arg(*args, int);
        put(o, &c, 1);
        break;
    }
    case 'd': {
        long value = is_long ? va_arg(*args, long) : va_arg(*args, int);
        put_number(o, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 10, value < 0, width, pad);
        break;
    }
    case 'u':
        put_number(o, is_long ? va_arg(*args, unsigned long) : va_arg(*args, unsigned), 10, false, width, pad);
        break;
    case 'x':
        put_number(o, is_long ? va_arg(*args, unsigned long) : va_arg(*args, unsigned), 16, false, width, pad);
        break;
    default: /* '%' and anything unknown stand for themselves */
        put(o, &conversion, 1);
        break;
    }
}

size_t bw_vformat(char *dst, size_t cap, const char *format, va_list args)
{
    struct out o = {dst, cap, 0, false};
    va_list copy;

    va_copy(copy, args);
    while (*format != '\0' && !o.full) {
        const char *end = strchr(format, '%');
        size_t plain = end != NULL ? (size_t)(end - format) : strlen(format);
        bool is_long = false;
        unsigned width = 0;
        char pad = ' ';

        put(&o, format, plain);
        format += plain;
        if (*format == '\0')
            break;
        format++;
        if (*format == '0') {
            pad = '0';
            format++;
        }
        for (; *format >= '0' && *format <= '9'; format++)
            width = width * 10 + (unsigned)(*format - '0');
        for (; *format == 'l'; format++)
            is_long = true;
        if (*format == '\0')
            break;
        put_conversion(&o, *format++, is_long, width, pad, &copy);
    }
    va_end(copy);
    dst[o.length] = '\0';
    return o.length;
}

size_t bw_format(char *dst, size_t cap, const char *format, ...)
{
    va_list args;
    size_t length;

    va_start(args, format);
    length = bw_vformat(dst, cap, format, args);
    va_end(args);
    return length;
}

char *bw_mac_to_text(const uint8_t mac[6], char *dst)
{
    static const char digits[] = "0123456789abcdef";

    for (unsigned i = 0; i < 6; i++) {
        dst[3 * i] = digits[mac[i] >> 4];
        dst[3 * i + 1] = digits[mac[i] & 0xf];
        dst[3 * i + 2] = ':';
    }
    dst[BW_MAC_TEXT_MAX - 1] = '\0';
    return dst;
}

int bw_name_compare(const char *a, const char *b)
{
    size_t la = strlen(a), lb = strlen(b);

    if (la != lb)
        return la < lb ? -1 : 1;
    return memcmp(a, b, la);
}

bool bw_name_valid(const char *name)
{
    size_t length = 0;

    for (; name[length] != '\0'; length++)
        if (name[length] <= ' ' || name[length] > '~' || length >= BW_NAME_MAX - 1)
            return false;
    return length > 0;
}

uint64_t bw_hash(uint64_t hash, const void *bytes, size_t len)
{
    const uint8_t *p = bytes;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ p[i]) * 0x100000001b3ULL;
    return hash;
}

/* Days since 1970-01-01 to a civil date in the proleptic Gregorian calendar. */
static void civil_date(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
    int64_t era, day_of_era, year_of_era, day_of_year, shifted_month;

    days += 719468; /* to 0000-03-01 */
    era = (days >= 0 ? days : days - 146096) / 146097;
    day_of_era = days - era * 146097;
    year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    shifted_month = (5 * day_of_year + 2) / 153;
    *day = (unsigned)(day_of_year - (153 * shifted_month + 2) / 5 + 1);
    *month = (unsigned)(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
    *year = year_of_era + era * 400 + (*month <= 2 ? 1 : 0);
}

char *bw_wall_to_text(int64_t wall, char *dst)
{
    int64_t ms, seconds, days, year;
    unsigned month, day, of_day;

    dst[0] = '\0';
    if (wall == 0)
        return dst;
    ms = wall / 1000000 - (wall % 1000000 < 0 ? 1 : 0);
    seconds = ms / 1000 - (ms % 1000 < 0 ? 1 : 0);
    days = seconds / 86400 - (seconds % 86400 < 0 ? 1 : 0);
    of_day = (unsigned)(seconds - days * 86400);
    civil_date(days, &year, &month, &day);
    bw_format(dst, BW_WALL_TEXT_MAX, "%04lu-%02u-%02uT%02u:%02u:%02u.%03uZ", (unsigned long)year, month, day,
              of_day / 3600, of_day / 60 % 60, of_day % 60, (unsigned)(ms - seconds * 1000));
    return dst;
}
