/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Load for state synchronisation: makes connection entries in one network namespace and watches them arrive in another, whatever
 * program carries them over.
 *
 *   sync_load fill NETNS COUNT [FIRST]        established, source-translated TCP entries, as fast as the kernel takes them
 *   sync_load drop NETNS COUNT [FIRST]        removes them
 *   sync_load digest NETNS                    how many of these entries are there, and a sum over all but their timeouts
 *   sync_load lag FROM TO RATE SECONDS [FIRST]  as many a second; says what arrived, and after how long
 *   sync_load count NETNS                     entries there
 *   sync_load watch NETNS COUNT SECONDS       waits until so many are there; when the first came and the last (CLOCK_MONOTONIC)
 *
 * The entry is made by one request and arrives when the other kernel raises its event for it, so the lag holds everything: the
 * event here, the reader, the network, the reader there and the request to its kernel.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "agent/sync/ct_entry.h"

#define PER_ADDRESS 60000
#define BATCH_BYTES 32768
#define WAIT_NS     UINT64_C(2000000000) /* for the last ones */

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "sync_load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

/* A socket of another namespace. */
static int open_in(const char *netns, unsigned groups)
{
    struct sockaddr_nl local = {.nl_family = AF_NETLINK, .nl_groups = groups};
    char path[256];
    int ns, fd, bytes = 64 << 20;

    snprintf(path, sizeof(path), "/run/netns/%s", netns);
    ns = open(path, O_RDONLY | O_CLOEXEC);
    if (ns < 0 || setns(ns, CLONE_NEWNET) != 0)
        die(netns);
    close(ns);
    fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
    if (fd < 0 || bind(fd, (struct sockaddr *)&local, sizeof(local)) != 0)
        die("netlink");
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
    return fd;
}

static void nth(uint32_t i, struct bw_ct_entry *e)
{
    uint32_t client = htonl(0x0a400000 + i / PER_ADDRESS), server = htonl(0x0a020001),
             outside = htonl(0xc6120001 + i / PER_ADDRESS);

    memset(e, 0, sizeof(*e));
    e->parts = BW_CT_REPLY | BW_CT_STATUS | BW_CT_TIMEOUT | BW_CT_PROTOCOL;
    e->key.family = 4;
    e->key.protocol = IPPROTO_TCP;
    memcpy(e->key.tuple.src, &client, 4);
    memcpy(e->key.tuple.dst, &server, 4);
    e->key.tuple.sport = (uint16_t)(1024 + i % PER_ADDRESS);
    e->key.tuple.dport = 443;
    bw_ct_invert(IPPROTO_TCP, &e->key.tuple, &e->reply);
    memcpy(e->reply.dst, &outside, 4);
    e->status = IPS_CONFIRMED | IPS_SEEN_REPLY | IPS_ASSURED | IPS_SRC_NAT;
    e->timeout_s = 3600;
    e->state = 3;
    e->scale[0] = e->scale[1] = 7;
}

static void make(int fd, enum bw_ct_request kind, uint32_t first, uint32_t count)
{
    static _Alignas(8) uint8_t buffer[BATCH_BYTES + BW_CT_MESSAGE_MAX];
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    size_t length = 0;

    for (uint32_t i = 0; i < count; i++) {
        struct bw_ct_entry e;

        nth(first + i, &e);
        length += bw_ct_build(buffer + length, kind, &e, 1);
        if (length < BATCH_BYTES && i + 1 < count)
            continue;
        if (sendto(fd, buffer, length, 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
            die("making entries");
        length = 0;
    }
}

/* ---- what is there ---- */

static bool is_ours(const struct bw_ct_entry *e)
{
    return e->key.family == 4 && e->key.protocol == IPPROTO_TCP && e->key.tuple.src[0] == 10 && e->key.tuple.src[1] >= 64;
}

/* False: the dump ended. */
static bool add_digests(int fd, uint32_t *count, uint64_t *sum)
{
    static _Alignas(8) uint8_t buffer[65536];
    ssize_t n = recv(fd, buffer, sizeof(buffer), 0);
    struct bw_ct_entry e;

    if (n <= 0)
        die("reading the table");
    for (const struct nlmsghdr *m = (const void *)buffer; NLMSG_OK(m, (size_t)n); m = NLMSG_NEXT(m, n)) {
        uint8_t key[BW_CT_WIRE_KEY_MAX], value[BW_CT_WIRE_VALUE_MAX];

        if (m->nlmsg_type == NLMSG_DONE)
            return false;
        if (m->nlmsg_type == NLMSG_ERROR || bw_ct_parse(NLMSG_DATA(m), m->nlmsg_len - NLMSG_HDRLEN, &e) != 0)
            die("reading the table");
        if (!is_ours(&e))
            continue;
        ++*count;
        *sum += bw_ct_digest(key, bw_ct_encode_key(&e.key, key), value,
                             bw_ct_encode_value(&e, (struct bw_ct_turn){0, false}, value));
    }
    return true;
}

static void print_digest(int fd)
{
    struct {
        struct nlmsghdr header;
        struct nfgenmsg generic;
    } request = {.header = {.nlmsg_len = sizeof(request),
                            .nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET,
                            .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP}};
    uint32_t count = 0;
    uint64_t sum = 0;

    if (send(fd, &request, sizeof(request), 0) != sizeof(request))
        die("reading the table");
    while (add_digests(fd, &count, &sum))
        ;
    printf("%u %016lx\n", count, (unsigned long)sum);
}

/* ---- lag ---- */

struct watch {
    int fd;
    uint32_t first, count;
    uint64_t *made, *arrived;
    uint64_t took_ns; /* to make them */
    _Atomic uint32_t arrivals;
    _Atomic unsigned overruns;
    _Atomic bool ending;
};

static void note(struct watch *w, const struct nlmsghdr *m, uint64_t at_ns)
{
    struct bw_ct_entry e;
    uint32_t client, i;

    if (bw_ct_parse(NLMSG_DATA(m), m->nlmsg_len - NLMSG_HDRLEN, &e) != 0)
        return;
    memcpy(&client, e.key.tuple.src, 4);
    i = (ntohl(client) - 0x0a400000) * PER_ADDRESS + (uint32_t)(e.key.tuple.sport - 1024) - w->first;
    if (i < w->count && w->arrived[i] == 0) {
        w->arrived[i] = at_ns;
        atomic_fetch_add(&w->arrivals, 1);
    }
}

/* So that what is measured is not this program. */
static void be_realtime(int priority)
{
    struct sched_param param = {.sched_priority = priority};

    (void)sched_setscheduler(0, SCHED_FIFO, &param);
}

static void *watch(void *argument)
{
    static _Alignas(8) uint8_t buffers[64][2048];
    struct watch *w = argument;
    struct mmsghdr messages[64];
    struct iovec vectors[64];
    struct timeval patience = {.tv_usec = 50000};

    be_realtime(3);
    setsockopt(w->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    for (unsigned i = 0; i < 64; i++) {
        vectors[i] = (struct iovec){buffers[i], sizeof(buffers[i])};
        messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &vectors[i], .msg_iovlen = 1}};
    }
    while (!atomic_load(&w->ending)) {
        int n = recvmmsg(w->fd, messages, 64, MSG_WAITFORONE, NULL);
        uint64_t at_ns = now_ns();

        if (n < 0 && errno == ENOBUFS)
            atomic_fetch_add(&w->overruns, 1);
        for (int i = 0; i < n; i++)
            note(w, (const struct nlmsghdr *)buffers[i], at_ns);
    }
    return NULL;
}

static int order(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void tell(struct watch *w)
{
    uint64_t *lags = calloc(w->count, sizeof(*lags));
    uint32_t n = 0;

    for (uint32_t i = 0; i < w->count; i++)
        if (w->arrived[i])
            lags[n++] = w->arrived[i] > w->made[i] ? w->arrived[i] - w->made[i] : 0;
    qsort(lags, n, sizeof(*lags), order);
    printf("{\"made\": %u, \"missing\": %u, \"median_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f, \"overruns\": %u, "
           "\"rate\": %.0f}\n",
           w->count, w->count - n, n ? (double)lags[n / 2] / 1e6 : 0, n ? (double)lags[(uint64_t)n * 99 / 100] / 1e6 : 0,
           n ? (double)lags[n - 1] / 1e6 : 0, atomic_load(&w->overruns), w->count * 1e9 / (double)w->took_ns);
    free(lags);
}

static void lag(const char *from, const char *to, uint32_t rate, double seconds, uint32_t first)
{
    struct watch w = {.first = first, .count = (uint32_t)(rate * seconds)};
    int fd = open_in(from, 0);
    uint64_t start_ns, end_ns;
    pthread_t thread;

    w.fd = open_in(to, 1U << (NFNLGRP_CONNTRACK_NEW - 1));
    w.made = calloc(w.count, sizeof(*w.made));
    w.arrived = calloc(w.count, sizeof(*w.arrived));
    if (!w.made || !w.arrived || pthread_create(&thread, NULL, watch, &w) != 0)
        die("memory");
    be_realtime(2);
    start_ns = now_ns();
    for (uint32_t done = 0; done < w.count;) {
        uint32_t due = (uint32_t)((double)(now_ns() - start_ns) * rate / 1e9) + 1, most = rate / 2000 + 1;
        struct timespec pause = {.tv_nsec = 100000};

        due = due < w.count ? due : w.count;
        if (due <= done) {
            nanosleep(&pause, NULL);
            continue;
        }
        due = due - done < most ? due : done + most;
        for (uint32_t i = done; i < due; i++)
            w.made[i] = now_ns();
        make(fd, BW_CT_CREATE, first + done, due - done);
        done = due;
    }
    end_ns = now_ns();
    w.took_ns = end_ns - start_ns;
    while (atomic_load(&w.arrivals) < w.count && now_ns() < end_ns + WAIT_NS)
        usleep(1000);
    atomic_store(&w.ending, true);
    pthread_join(thread, NULL);
    tell(&w);
}

static int open_count(const char *netns)
{
    int fd;

    close(open_in(netns, 0));
    fd = open("/proc/sys/net/netfilter/nf_conntrack_count", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        die("count");
    return fd;
}

static uint32_t read_count(int fd)
{
    char text[32] = "";

    if (pread(fd, text, sizeof(text) - 1, 0) <= 0)
        die("count");
    return (uint32_t)atol(text);
}

/* Until nothing came for a quarter of the time at the latest. */
static void watch_count(const char *netns, uint32_t wanted, double seconds)
{
    int fd = open_count(netns);
    uint32_t base = read_count(fd), most = base, now = base;
    uint64_t start_ns = now_ns(), first_ns = 0, last_ns = start_ns, span_ns = (uint64_t)(seconds * 1e9), at_ns = start_ns;

    while (most < wanted && at_ns - start_ns < span_ns && (first_ns == 0 || at_ns - last_ns < span_ns / 4)) {
        usleep(1000);
        now = read_count(fd);
        at_ns = now_ns();
        if (now > base + 20 && first_ns == 0)
            first_ns = at_ns;
        if (now > most) {
            most = now;
            last_ns = at_ns;
        }
    }
    printf("{\"count\": %u, \"first\": %.6f, \"last\": %.6f}\n", most, (double)(first_ns ? first_ns : last_ns) / 1e9,
           (double)last_ns / 1e9);
}

int main(int argc, char **argv)
{
    if (argc >= 4 && (strcmp(argv[1], "fill") == 0 || strcmp(argv[1], "drop") == 0))
        make(open_in(argv[2], 0), argv[1][0] == 'f' ? BW_CT_CREATE : BW_CT_DELETE, argc > 4 ? (uint32_t)atol(argv[4]) : 0,
             (uint32_t)atol(argv[3]));
    else if (argc == 3 && strcmp(argv[1], "digest") == 0)
        print_digest(open_in(argv[2], 0));
    else if (argc >= 6 && strcmp(argv[1], "lag") == 0)
        lag(argv[2], argv[3], (uint32_t)atol(argv[4]), atof(argv[5]), argc > 6 ? (uint32_t)atol(argv[6]) : 0);
    else if (argc == 3 && strcmp(argv[1], "count") == 0)
        printf("%u\n", read_count(open_count(argv[2])));
    else if (argc == 5 && strcmp(argv[1], "watch") == 0)
        watch_count(argv[2], (uint32_t)atol(argv[3]), atof(argv[4]));
    else
        return 2;
    return 0;
}
