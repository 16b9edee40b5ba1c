/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Slows down guessing of the token. Every address may guess wrong a few times in a row, then once in a while; all
 * together have a bound as well, so that many addresses do not make many guesses. While an address has to wait its
 * token is not even looked at. A request without a token is no guess.
 */
#include <string.h>

#include "exporters/http/http.h"

#define BURST     5.0   /* wrong guesses of one address in a row */
#define EVERY_S   12.0  /* then one in so many seconds */
#define ALL_BURST 200.0 /* of all addresses */
#define ALL_S     0.5

static double leaked(double failures, uint64_t at_ns, uint64_t now_ns, double every_s)
{
    double left = now_ns > at_ns ? failures - (double)(now_ns - at_ns) / (double)BW_SEC / every_s : failures;

    return left > 0 ? left : 0;
}

/* Hosts of one IPv6 network count as one. */
static void net_of(const unsigned char address[16], unsigned char net[16])
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

    memcpy(net, address, 16);
    if (memcmp(address, mapped, sizeof(mapped)) != 0)
        memset(net + 8, 0, 8);
}

unsigned bw_login_wait(const struct bw_logins *logins, const unsigned char address[16], uint64_t now_ns)
{
    double over = -(BURST - 1) * EVERY_S, all = leaked(logins->all, logins->all_at_ns, now_ns, ALL_S);
    unsigned char net[16];

    net_of(address, net);
    for (size_t i = 0; i < BW_LOGINS; i++) {
        if (memcmp(logins->rows[i].address, net, sizeof(net)) == 0) {
            over = leaked(logins->rows[i].failures, logins->rows[i].at_ns, now_ns, EVERY_S) - (BURST - 1);
            over *= EVERY_S;
        }
    }
    /* Who guesses for the first time gets through whatever others do: they cannot lock an administrator out. */
    if (all > ALL_BURST - 1 && over > -(BURST - 1) * EVERY_S + 1)
        over = over > ALL_S ? over : ALL_S;
    return over > 0 ? (unsigned)over + 1 : 0;
}

void bw_login_failed(struct bw_logins *logins, const unsigned char address[16], uint64_t now_ns)
{
    size_t row = 0;
    double least = 1e9;
    unsigned char net[16];

    net_of(address, net);
    for (size_t i = 0; i < BW_LOGINS; i++) {
        double left = leaked(logins->rows[i].failures, logins->rows[i].at_ns, now_ns, EVERY_S);

        if (memcmp(logins->rows[i].address, net, sizeof(net)) == 0) {
            row = i;
            break;
        }
        if (left < least) {
            least = left;
            row = i;
        }
    }
    if (memcmp(logins->rows[row].address, net, sizeof(net)) != 0) {
        memcpy(logins->rows[row].address, net, sizeof(net));
        logins->rows[row].failures = 0;
    }
    logins->rows[row].failures = leaked(logins->rows[row].failures, logins->rows[row].at_ns, now_ns, EVERY_S) + 1;
    logins->rows[row].at_ns = now_ns;
    logins->all = leaked(logins->all, logins->all_at_ns, now_ns, ALL_S) + 1;
    logins->all_at_ns = now_ns;
}
