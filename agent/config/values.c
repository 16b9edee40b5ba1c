/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a single text may be: names, device names, paths, addresses, listen addresses, object identifiers. Each function
 * says what is wrong with a value in words that follow it in a message, or NULL.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/config/reader.h"
#include "bellwether/text.h"

static bool letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

const char *bw_config_wrong_name(const char *value)
{
    size_t length = strlen(value);

    if (length == 0)
        return "is empty";
    if (length >= BW_NAME_MAX)
        return "is too long";
    if (strspn(value, "0123456789") == length)
        return "could be taken for an id";
    if (!letter(value[0]) && !digit(value[0]))
        return "does not begin with a letter or digit";
    for (size_t i = 0; i < length; i++) {
        if (!letter(value[i]) && !digit(value[i]) && !strchr("._-", value[i]))
            return "holds a character that names may not have";
    }
    return NULL;
}

/* As the kernel sees it (dev_valid_name), and printable. */
const char *bw_config_wrong_device(const char *value)
{
    size_t length = strlen(value);

    if (length == 0)
        return "is empty";
    if (length > 15)
        return "is too long";
    if (!strcmp(value, ".") || !strcmp(value, ".."))
        return "is no name of an interface";
    for (size_t i = 0; i < length; i++) {
        if (value[i] <= ' ' || value[i] > '~' || value[i] == '/' || value[i] == ':' || value[i] == '%')
            return "holds a character that interfaces may not have";
    }
    return NULL;
}

const char *bw_config_wrong_path(const char *value)
{
    if (value[0] != '/')
        return "is not an absolute path";
    if (strlen(value) >= BW_PATH_MAX)
        return "is too long";
    for (; *value; value++) {
        if ((unsigned char)*value < ' ' || *value == 0x7f)
            return "holds a control character";
    }
    return NULL;
}

/* 1-65535, digits only and to the end of the text. */
static bool valid_port(const char *text)
{
    size_t length = strlen(text);
    long port;

    if (length == 0 || length > 5 || strspn(text, "0123456789") != length)
        return false;
    port = strtol(text, NULL, 10);
    return port >= 1 && port <= 65535;
}

const char *bw_config_wrong_agentx(const char *value)
{
    const char *colon;

    if (strlen(value) >= BW_PATH_MAX)
        return "is too long";
    if (!strncmp(value, "unix:", 5))
        return bw_config_wrong_path(value + 5);
    if (!strncmp(value, "tcp:", 4)) {
        colon = strrchr(value, ':');
        if (colon <= value + 4)
            return "has no host and port";
        return valid_port(colon + 1) ? NULL : "has no valid port";
    }
    return bw_config_wrong_path(value);
}

const char *bw_config_wrong_listen(const char *value)
{
    const char *colon = strrchr(value, ':');
    size_t length = colon ? (size_t)(colon - value) : 0;
    bool brackets = value[0] == '[';
    struct bw_address address;
    char host[64];

    if (!colon || length == 0 || !valid_port(colon + 1))
        return "has no valid port";
    if (length >= sizeof(host))
        return "is too long";
    if (brackets && value[length - 1] != ']')
        return "has no closing bracket";
    memcpy(host, value + brackets, length - 2 * brackets);
    host[length - 2 * brackets] = '\0';
    if (strchr(host, '/') || bw_address_from_text(host, &address))
        return "is not an address and a port";
    if ((address.family == 6) != brackets)
        return brackets ? "has brackets around an IPv4 address" : "has an IPv6 address without brackets";
    return NULL;
}

const char *bw_config_wrong_oid(const char *value)
{
    unsigned numbers = 0;
    unsigned long first = 0;

    for (const char *at = value;; at++) {
        char *end;
        unsigned long long number;

        if (!digit(*at) || (*at == '0' && digit(at[1])))
            return "is not a numeric object identifier";
        if (strspn(at, "0123456789") > 10)
            return "holds a number above 4294967295";
        number = strtoull(at, &end, 10);
        if (number > UINT32_MAX)
            return "holds a number above 4294967295";
        if ((numbers == 0 && number > 2) || (numbers == 1 && first < 2 && number > 39))
            return "is not a valid object identifier";
        if (numbers == 0)
            first = (unsigned long)number;
        numbers++;
        if (*end == '\0')
            break;
        if (*end != '.')
            return "is not a numeric object identifier";
        at = end;
    }
    if (numbers < 6)
        return "is too short, it would take over the trees of others";
    return numbers > 64 ? "is too long" : NULL;
}

const char *bw_config_wrong_log_level(const char *value)
{
    static const char *const levels[] = {"error", "warning", "notice", "info", "debug"};

    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (!strcmp(value, levels[i]))
            return NULL;
    }
    return "is no level";
}

static bool all_zero(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes[i])
            return false;
    }
    return true;
}

static bool multicast(const struct bw_address *a)
{
    return a->family == 4 ? (a->bytes[0] & 0xf0) == 0xe0 : a->bytes[0] == 0xff;
}

/* What no host can have as its own address on a network. */
static const char *wrong_for_host(const struct bw_address *a)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    if (all_zero(a->bytes, a->family == 4 ? 4 : 16) || (a->family == 4 && a->bytes[0] == 0))
        return "is the unspecified address";
    if (multicast(a))
        return "is a multicast address";
    if (a->family == 4 && a->bytes[0] == 127)
        return "is a loopback address";
    if (a->family == 4 && a->bytes[0] >= 240)
        return "is a reserved address";
    if (a->family == 6 && all_zero(a->bytes, 15) && a->bytes[15] == 1)
        return "is a loopback address";
    if (a->family == 6 && !memcmp(a->bytes, mapped, sizeof(mapped)))
        return "is an IPv4-mapped IPv6 address";
    return NULL;
}

const char *bw_config_wrong_host(const char *value, struct bw_address *address)
{
    if (strchr(value, '/'))
        return "has a prefix";
    if (bw_address_from_text(value, address))
        return "is not an address";
    return wrong_for_host(address);
}

const char *bw_config_wrong_host_text(const char *value)
{
    struct bw_address address;

    return bw_config_wrong_host(value, &address);
}

/* Are all bits after the prefix 0 (or, for one = true, 1)? */
static bool host_bits(const struct bw_address *a, bool one)
{
    unsigned width = a->family == 4 ? 32 : 128;

    for (unsigned bit = a->prefix; bit < width; bit++) {
        if (!!(a->bytes[bit / 8] & (0x80 >> bit % 8)) != one)
            return false;
    }
    return true;
}

const char *bw_config_wrong_virtual(const char *value, struct bw_address *address)
{
    const char *wrong;

    if (bw_address_from_text(value, address))
        return strchr(value, '/') ? "is not an address with a valid prefix" : "is not an address";
    wrong = wrong_for_host(address);
    if (wrong)
        return wrong;
    if (address->prefix == 0)
        return "has prefix 0";
    if (address->family == 4 && address->prefix < 31 && host_bits(address, false))
        return "is the address of its network, not of a host";
    if (address->family == 4 && address->prefix < 31 && host_bits(address, true))
        return "is the broadcast address of its network";
    return NULL;
}

const char *bw_config_wrong_multicast(const char *value, struct bw_address *address)
{
    if (strchr(value, '/') || bw_address_from_text(value, address))
        return "is not an address";
    return multicast(address) ? NULL : "is not a multicast address";
}

bool bw_config_same_host(const struct bw_address *a, const struct bw_address *b)
{
    return a->family == b->family && !memcmp(a->bytes, b->bytes, a->family == 4 ? 4 : 16);
}
