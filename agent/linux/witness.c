/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asking witnesses by ICMP echo on raw sockets. The kernel lets only answers with our id in, and chooses the source:
 * virtual addresses are never one. An answer counts when it comes from a witness, carries the secret that the questions
 * carry, so that nobody elsewhere can speak for a witness, and is to one of the newest questions.
 */
#include "agent/linux/witness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/linux/linux.h"

#define ANSWERS_AT_ONCE 64

/* As it goes out, and as its answer comes back. */
struct echo {
    uint8_t type, code;
    uint16_t checksum, id, sequence;
    uint64_t cookie; /* so aligned that the structure has no holes */
};

static uint16_t checksum(const struct echo *echo)
{
    const uint8_t *at = (const uint8_t *)echo;
    uint32_t sum = 0;

    for (size_t i = 0; i < sizeof(*echo); i += 2)
        sum += (uint32_t)(at[i] << 8 | at[i + 1]);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return htons((uint16_t)~sum);
}

/* Only echo replies with our id. Without it there is only more to pass over. */
static void filter(int fd, bool ipv4, uint16_t id)
{
    struct sock_filter code[] = {
        ipv4 ? (struct sock_filter)BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0) : (struct sock_filter)BPF_STMT(BPF_LDX | BPF_IMM, 0),
        BPF_STMT(BPF_LD | BPF_B | BPF_IND, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ipv4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY, 0, 3),
        BPF_STMT(BPF_LD | BPF_H | BPF_IND, offsetof(struct echo, id)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohs(id), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0x40000),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

    (void)!setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

static int open_socket(bool ipv4, uint16_t id)
{
    int fd = ipv4 ? socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMP)
                  : socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6);

    if (fd < 0)
        return errno == EAFNOSUPPORT || errno == EPROTONOSUPPORT ? -1 : -errno;
    filter(fd, ipv4, id);
    return fd;
}

int bw_witness_open(struct bw_witness *w)
{
    int error = bw_random(&w->id, sizeof(w->id));

    w->sequence = 0;
    w->cookie = 0;
    w->fd4 = w->fd6 = -1;
    if (error != 0)
        return error;
    w->fd4 = open_socket(true, w->id);
    w->fd6 = open_socket(false, w->id);
    error = w->fd4 < -1 ? w->fd4 : w->fd6 < -1 ? w->fd6 : 0;
    if (error != 0)
        bw_witness_close(w);
    return error;
}

void bw_witness_close(struct bw_witness *w)
{
    if (w->fd4 >= 0)
        close(w->fd4);
    if (w->fd6 >= 0)
        close(w->fd6);
    w->fd4 = w->fd6 = -1;
}

void bw_witness_ask(struct bw_witness *w, const struct bw_cluster_config *config)
{
    struct echo echo = {.id = w->id, .sequence = htons(++w->sequence)};

    if (w->cookie == 0 && bw_random(&w->cookie, sizeof(w->cookie)) != 0)
        return;
    echo.cookie = w->cookie;
    for (uint8_t i = 0; i < config->witnesses_count; i++) {
        const struct bw_address *a = &config->witnesses[i];
        struct sockaddr_in to4 = {.sin_family = AF_INET};
        struct sockaddr_in6 to6 = {.sin6_family = AF_INET6};

        echo.checksum = 0;
        if (a->family == 4 && w->fd4 >= 0) {
            memcpy(&to4.sin_addr, a->bytes, 4);
            echo.type = ICMP_ECHO;
            echo.checksum = checksum(&echo);
            (void)!sendto(w->fd4, &echo, sizeof(echo), MSG_DONTWAIT, (struct sockaddr *)&to4, sizeof(to4));
        } else if (a->family == 6 && w->fd6 >= 0) { /* its checksum is the kernel's */
            memcpy(&to6.sin6_addr, a->bytes, 16);
            echo.type = ICMP6_ECHO_REQUEST;
            (void)!sendto(w->fd6, &echo, sizeof(echo), MSG_DONTWAIT, (struct sockaddr *)&to6, sizeof(to6));
        }
    }
}

static bool is_witness(const struct bw_cluster_config *config, uint8_t family, const uint8_t *bytes)
{
    for (uint8_t i = 0; i < config->witnesses_count; i++)
        if (config->witnesses[i].family == family && memcmp(config->witnesses[i].bytes, bytes, family == 4 ? 4 : 16) == 0)
            return true;
    return false;
}

/* To a question of the last dead time: an older one was too long under way to tell of the present. */
static bool is_answer(const struct bw_witness *w, uint32_t dead_after, const uint8_t *bytes, size_t length, uint8_t type)
{
    struct echo echo;

    if (length < sizeof(echo))
        return false;
    memcpy(&echo, bytes, sizeof(echo));
    return echo.type == type && echo.id == w->id && echo.cookie == w->cookie &&
           (uint16_t)(w->sequence - ntohs(echo.sequence)) < dead_after;
}

bool bw_witness_read(struct bw_witness *w, const struct bw_cluster_config *config)
{
    uint8_t packet[256];
    bool answered = false;

    for (int n = 0; n < ANSWERS_AT_ONCE && w->fd4 >= 0; n++) {
        ssize_t length = recv(w->fd4, packet, sizeof(packet), MSG_DONTWAIT);
        size_t header = length >= (ssize_t)sizeof(struct iphdr) ? (packet[0] & 0xfU) * 4U : 0;

        if (length < 0)
            break;
        if (header >= sizeof(struct iphdr) && (size_t)length >= header &&
            is_answer(w, config->dead_after, packet + header, (size_t)length - header, ICMP_ECHOREPLY) &&
            is_witness(config, 4, packet + offsetof(struct iphdr, saddr)))
            answered = true;
    }
    for (int n = 0; n < ANSWERS_AT_ONCE && w->fd6 >= 0; n++) {
        struct sockaddr_in6 from;
        socklen_t size = sizeof(from);
        ssize_t length = recvfrom(w->fd6, packet, sizeof(packet), MSG_DONTWAIT, (struct sockaddr *)&from, &size);

        if (length < 0)
            break;
        if (is_answer(w, config->dead_after, packet, (size_t)length, ICMP6_ECHO_REPLY) && is_witness(config, 6, from.sin6_addr.s6_addr))
            answered = true;
    }
    return answered;
}
