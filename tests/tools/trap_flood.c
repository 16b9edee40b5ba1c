/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sends SNMPv2c traps at a rate, for the tests of the trap receiver: trap_flood ADDRESS PORT COMMUNITY RATE SECONDS
 * [KIND] KIND: link (default) linkDown of interface 7 and 8 in turn; other another notification; junk random octets.
 * Prints "sent N in S seconds".
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH     20
#define BYTES_MAX 256

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Wraps what is from start to *end into a tag and a length (below 128). */
static void wrap(uint8_t *bytes, size_t start, size_t *end, uint8_t tag)
{
    memmove(bytes + start + 2, bytes + start, *end - start);
    bytes[start] = tag;
    bytes[start + 1] = (uint8_t)(*end - start);
    *end += 2;
}

static size_t put(uint8_t *bytes, size_t at, const void *from, size_t length)
{
    memcpy(bytes + at, from, length);
    return at + length;
}

static size_t make_trap(uint8_t *bytes, const char *community, uint8_t notification, uint8_t interface)
{
    static const uint8_t numbers[] = {2, 1, 1, 2, 1, 0, 2, 1, 0}; /* request id, error status and index */
    static const uint8_t uptime[] = {0x30, 13, 6, 8, 0x2b, 6, 1, 2, 1, 1, 3, 0, 0x43, 1, 1};
    const uint8_t trap[] = {0x30, 23, 6, 10,   0x2b, 6, 1, 6, 3, 1, 1, 4,           1,
                            0,    6,  9, 0x2b, 6,    1, 6, 3, 1, 1, 5, notification};
    const uint8_t index[] = {0x30, 15, 6, 10, 0x2b, 6, 1, 2, 1, 2, 2, 1, 1, interface, 2, 1, interface};
    size_t end = 0, variables;

    end = put(bytes, end, numbers, sizeof(numbers));
    variables = end;
    end = put(bytes, end, uptime, sizeof(uptime));
    end = put(bytes, end, trap, sizeof(trap));
    end = put(bytes, end, index, sizeof(index));
    wrap(bytes, variables, &end, 0x30);
    wrap(bytes, 0, &end, 0xa7);
    memmove(bytes + 5 + strlen(community), bytes, end);
    memcpy(bytes, (uint8_t[]){2, 1, 1, 4, (uint8_t)strlen(community)}, 5);
    memcpy(bytes + 5, community, strlen(community));
    end += 5 + strlen(community);
    /* The whole may need a length of two octets. */
    memmove(bytes + 3, bytes, end);
    bytes[0] = 0x30;
    bytes[1] = 0x81;
    bytes[2] = (uint8_t)end;
    return end + 3;
}

int main(int argc, char **argv)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH];
    static uint8_t bytes[BATCH][BYTES_MAX];
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const char *kind = argc > 6 ? argv[6] : "link";
    int64_t began = now_ns(), sent = 0;
    double rate, seconds;

    if (argc < 6 || fd < 0 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1 || strlen(argv[3]) > 32) {
        fprintf(stderr, "usage: trap_flood ADDRESS PORT COMMUNITY RATE SECONDS [link|other|junk]\n");
        return 2;
    }
    to.sin_port = htons((uint16_t)atoi(argv[2]));
    rate = atof(argv[4]);
    seconds = atof(argv[5]);
    memset(messages, 0, sizeof(messages));
    for (int i = 0; i < BATCH; i++) {
        parts[i].iov_base = bytes[i];
        parts[i].iov_len = make_trap(bytes[i], argv[3], strcmp(kind, "link") == 0 ? 3 : 1, (uint8_t)(7 + i % 2));
        messages[i].msg_hdr =
            (struct msghdr){.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &parts[i], .msg_iovlen = 1};
    }
    while ((double)(now_ns() - began) < seconds * 1e9) {
        int64_t due = (int64_t)(rate * (double)(now_ns() - began) / 1e9);

        while (sent < due) {
            int n;

            for (int i = 0; strcmp(kind, "junk") == 0 && i < BATCH; i++)
                for (size_t k = 0; k < parts[i].iov_len; k++)
                    bytes[i][k] = (uint8_t)random();
            n = sendmmsg(fd, messages, BATCH, 0);
            if (n <= 0)
                break;
            sent += n;
        }
        usleep(500);
    }
    printf("sent %lld in %.2f seconds\n", (long long)sent, (double)(now_ns() - began) / 1e9);
    close(fd);
    return 0;
}
