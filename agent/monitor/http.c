/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HTTP and HTTPS by libcurl's multi interface, driven by the loop: it never waits, uses no signals, and resolves no name, since
 * every URL has an address or comes with one. Each check is a connection of its own.
 */
#include "agent/monitor/monitor.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "bellwether/log.h"
#include "bellwether/text.h"

#define BODY_MOST_BYTES (256 * 1024)
#define SOCKETS (2 * BW_MAX_MONITORS)

struct bw_http_engine {
    CURLM *multi;
    uint64_t timer_ns; /* 0 = none */
    struct bw_source sockets[SOCKETS];
};

/* ---- libcurl's sockets and timer in our loop ---- */

static void collect(struct bw_monitors *all);

static void act(struct bw_monitors *all, curl_socket_t fd, int what)
{
    int running;

    curl_multi_socket_action(all->http->multi, fd, what, &running);
    collect(all);
}

static void socket_ready(struct bw_source *source, uint32_t events)
{
    int what = (events & EPOLLIN ? CURL_CSELECT_IN : 0) | (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
               (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);

    act(source->owner, source->fd, what);
}

static struct bw_source *free_source(struct bw_http_engine *engine)
{
    for (unsigned i = 0; i < SOCKETS; i++)
        if (engine->sockets[i].fd < 0)
            return &engine->sockets[i];
    return NULL;
}

/* libcurl opens and closes its sockets itself; the sources only borrow them. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *source_pointer)
{
    struct bw_monitors *all = user;
    struct bw_source *source = source_pointer;

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (source != NULL) {
            epoll_ctl(all->epoll, EPOLL_CTL_DEL, fd, NULL);
            source->fd = -1;
            curl_multi_assign(all->http->multi, fd, NULL);
        }
        return 0;
    }
    if (source == NULL) {
        source = free_source(all->http);
        if (source == NULL)
            return 0; /* that check then runs out of time */
        *source = (struct bw_source){fd, socket_ready, all};
        curl_multi_assign(all->http->multi, fd, source);
    }
    bw_source_watch(all, source, (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0));
    return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *user)
{
    struct bw_monitors *all = user;

    (void)multi;
    all->http->timer_ns = timeout_ms < 0 ? 0 : bw_monitor_now_ns() + (uint64_t)timeout_ms * BW_MS;
    return 0;
}

int bw_http_engine_wait_ms(const struct bw_monitors *all)
{
    if (all->http == NULL || all->http->timer_ns == 0)
        return -1;
    return all->http->timer_ns <= all->now_ns ? 0 : (int)((all->http->timer_ns - all->now_ns + BW_MS - 1) / BW_MS);
}

void bw_http_engine_turn(struct bw_monitors *all)
{
    if (all->http == NULL || all->http->timer_ns == 0 || bw_monitor_now_ns() < all->http->timer_ns)
        return;
    all->http->timer_ns = 0;
    act(all, CURL_SOCKET_TIMEOUT, 0);
}

int bw_http_engine_open(struct bw_monitors *all)
{
    bool needed = false;

    for (unsigned i = 0; i < all->context.config->monitors_count; i++)
        needed = needed || all->context.config->monitors[i].kind == BW_MONITOR_HTTP;
    if (!needed)
        return 0;
    all->http = calloc(1, sizeof(*all->http));
    if (all->http == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != 0 || (all->http->multi = curl_multi_init()) == NULL)
        return -ENOMEM;
    for (unsigned i = 0; i < SOCKETS; i++)
        all->http->sockets[i].fd = -1;
    curl_multi_setopt(all->http->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(all->http->multi, CURLMOPT_SOCKETDATA, all);
    curl_multi_setopt(all->http->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(all->http->multi, CURLMOPT_TIMERDATA, all);
    return 0;
}

void bw_http_engine_close(struct bw_monitors *all)
{
    if (all->http == NULL)
        return;
    if (all->http->multi != NULL) {
        curl_multi_cleanup(all->http->multi);
        curl_global_cleanup();
    }
    free(all->http);
    all->http = NULL;
}

/* ---- one check ---- */

static void end(struct bw_monitor *m)
{
    if (m->http.easy != NULL) {
        curl_multi_remove_handle(m->all->http->multi, m->http.easy);
        curl_easy_cleanup(m->http.easy);
    }
    curl_slist_free_all(m->http.connect_to);
    m->http.easy = m->http.connect_to = NULL;
}

/* Looks for the text in what was kept of the last piece and this one. */
static void search(struct bw_monitor *m, const char *bytes, size_t count)
{
    struct bw_http_state *h = &m->http;
    size_t wanted = strlen(m->config->match), kept = wanted > 0 ? wanted - 1 : 0, head = count < kept ? count : kept;
    char seam[2 * sizeof(h->tail)];

    if (h->matched || wanted == 0)
        return;
    memcpy(seam, h->tail, h->tail_length);
    memcpy(seam + h->tail_length, bytes, head);
    h->matched = memmem(seam, h->tail_length + head, m->config->match, wanted) != NULL ||
                 memmem(bytes, count, m->config->match, wanted) != NULL;
    if (count >= kept) {
        memcpy(h->tail, bytes + count - kept, kept);
        h->tail_length = kept;
    } else {
        size_t all_of = h->tail_length + count, drop = all_of > kept ? all_of - kept : 0;

        memcpy(h->tail, seam + drop, all_of - drop);
        h->tail_length = all_of - drop;
    }
}

static size_t on_body(char *bytes, size_t one, size_t count, void *user)
{
    struct bw_monitor *m = user;
    size_t room = BODY_MOST_BYTES - m->http.seen, taken = count < room ? count : room;

    (void)one;
    search(m, bytes, taken);
    m->http.seen += taken;
    return taken == count ? count : CURL_WRITEFUNC_ERROR; /* enough was seen */
}

static void judge(struct bw_monitor *m, CURLcode code)
{
    struct bw_http_state *h = &m->http;
    bool whole = code == CURLE_OK || (code == CURLE_WRITE_ERROR && h->seen == BODY_MOST_BYTES);
    long status = 0;
    bool wanted;

    curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
    end(m);
    wanted = m->config->status != 0 ? status == (long)m->config->status : status >= 200 && status <= 299;
    if (!whole)
        bw_monitor_done(m, false, "%s", h->error[0] != '\0' ? h->error : curl_easy_strerror(code));
    else if (!wanted)
        bw_monitor_done(m, false, "status %ld", status);
    else if (m->config->match[0] != '\0' && !h->matched)
        bw_monitor_done(m, false, "status %ld, but the body does not hold the text wanted", status);
    else
        bw_monitor_done(m, true, "status %ld in %.1f ms", status, bw_monitor_took_ms(m));
}

static void collect(struct bw_monitors *all)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(all->http->multi, &left)) != NULL) {
        struct bw_monitor *m = NULL;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&m);
        judge(m, message->data.result);
    }
}

static void set_target(struct bw_monitor *m, CURL *easy)
{
    char address[BW_ADDRESS_TEXT_MAX], to[BW_ADDRESS_TEXT_MAX + 8];

    curl_easy_setopt(easy, CURLOPT_URL, m->config->url);
    if (m->config->address.family != 0) {
        bw_address_to_text(&m->config->address, false, address);
        bw_format(to, sizeof(to), m->config->address.family == 6 ? "::[%s]:" : "::%s:", address);
        m->http.connect_to = curl_slist_append(NULL, to);
        curl_easy_setopt(easy, CURLOPT_CONNECT_TO, m->http.connect_to);
    }
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, m->config->verify ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, m->config->verify ? 2L : 0L);
    if (m->config->ca_file[0] != '\0')
        curl_easy_setopt(easy, CURLOPT_CAINFO, m->config->ca_file);
}

static void begin_http(struct bw_monitor *m)
{
    CURL *easy = curl_easy_init();

    if (easy == NULL) {
        bw_monitor_done(m, false, "out of memory");
        return;
    }
    m->http.easy = easy;
    m->http.matched = false;
    m->http.seen = m->http.tail_length = 0;
    m->http.error[0] = '\0';
    set_target(m, easy);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, m);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, m->http.error);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, m);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(m->config->timeout_ns / BW_MS));
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)(m->config->timeout_ns / BW_MS));
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "bellwether/" BW_VERSION);
    if (curl_multi_add_handle(m->all->http->multi, easy) != CURLM_OK) {
        end(m);
        bw_monitor_done(m, false, "libcurl does not take it");
    }
}

static void late_http(struct bw_monitor *m)
{
    end(m);
    bw_monitor_done(m, false, "no answer within %lu ms", (unsigned long)(m->config->timeout_ns / BW_MS));
}

const struct bw_monitor_ops bw_monitor_http = {.begin = begin_http, .late = late_http, .close = end};

