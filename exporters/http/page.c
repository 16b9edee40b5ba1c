/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The page at `/`: says where everything is. Constant, without script or outside asset.
 */
#include "exporters/http/http.h"

/* clang-format off */
static const char page[] =
    "<!DOCTYPE html>\n"
    "<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>Bellwether</title>\n"
    "<style>:root{color-scheme:light dark}body{font:1rem/1.5 sans-serif;max-width:40em;margin:2em auto;padding:0 1em}</style>\n"
    "</head>\n<body>\n<h1>Bellwether</h1>\n"
    "<p>The failover cluster as this member sees it.</p>\n<ul>\n"
    "<li><a href=\"/metrics\">/metrics</a>: Prometheus</li>\n"
    "<li><a href=\"/api/v1/state\">/api/v1/state</a>: everything as JSON, or in parts:\n"
    "<a href=\"/api/v1/cluster\">cluster</a>, <a href=\"/api/v1/members\">members</a>,\n"
    "<a href=\"/api/v1/interfaces\">interfaces</a>, <a href=\"/api/v1/pnotes\">pnotes</a>,\n"
    "<a href=\"/api/v1/addresses\">addresses</a>, <a href=\"/api/v1/groups\">groups</a>,\n"
    "<a href=\"/api/v1/sync\">sync</a>, <a href=\"/api/v1/agent\">agent</a>,\n"
    "<a href=\"/api/v1/history?limit=20\">history</a></li>\n"
    "<li><a href=\"/health/live\">/health/live</a>, <a href=\"/health/ready\">ready</a>,\n"
    "<a href=\"/health/active\">active</a>, <a href=\"/health/standby\">standby</a>: 200 or 503, for load balancers</li>\n"
    "</ul>\n</body>\n</html>\n";
/* clang-format on */

struct bw_reply bw_reply_page(struct bw_http *http)
{
    struct bw_reply reply = {.status = MHD_HTTP_OK};

    (void)http;
    reply.response = MHD_create_response_from_buffer(sizeof(page) - 1, (void *)page, MHD_RESPMEM_PERSISTENT);
    if (reply.response != NULL) {
        MHD_add_response_header(reply.response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/html; charset=utf-8");
        MHD_add_response_header(reply.response, "Content-Security-Policy",
                                "default-src 'none'; style-src 'unsafe-inline'");
        MHD_add_response_header(reply.response, "X-Content-Type-Options", "nosniff");
    }
    return reply;
}
