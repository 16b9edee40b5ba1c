/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is wrong with a request whatever it asks for: too long, or said in two ways at once. The library would refuse
 * some of it by itself, with a page; here every refusal is JSON that says why. Only what the library cannot read at all
 * is still answered by a page of its own: no HTTP/1, a header line without a colon, a Content-Length or a chunk's size
 * that is no number, and a request line and headers that do not even fit into a connection's memory.
 */
#include <string.h>
#include <strings.h>

#include "exporters/http/http.h"

void *bw_request_uri(void *cls, const char *uri, struct MHD_Connection *connection)
{
    struct bw_http *http = cls;

    (void)connection;
    return uri != NULL && strlen(uri) > BW_HTTP_URI_MAX ? &http->long_uri : NULL;
}

const char *bw_request_path(const char *path)
{
    const char *rest = strncasecmp(path, "http://", 7) == 0    ? path + 7
                       : strncasecmp(path, "https://", 8) == 0 ? path + 8
                                                               : NULL;

    if (rest == NULL)
        return path;
    rest = strchr(rest, '/');
    return rest != NULL ? rest : "/";
}

struct counts {
    unsigned hosts, lengths, encodings;
    const char *encoding;
};

static enum MHD_Result count(void *cls, enum MHD_ValueKind kind, const char *key, const char *value)
{
    struct counts *c = cls;

    (void)kind;
    if (strcasecmp(key, MHD_HTTP_HEADER_HOST) == 0) {
        c->hosts++;
    } else if (strcasecmp(key, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0) {
        c->lengths++;
    } else if (strcasecmp(key, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0) {
        c->encodings++;
        c->encoding = value ? value : "";
    }
    return MHD_YES;
}

static size_t header_size(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

    return info != NULL ? info->header_size : 0;
}

bool bw_request_refused(struct bw_exchange *exchange, const char *version, struct bw_reply *reply)
{
    struct bw_http *http = exchange->http;
    struct counts c = {.encoding = ""};

    MHD_get_connection_values(exchange->connection, MHD_HEADER_KIND, count, &c);
    if (exchange->uri_too_long)
        *reply = bw_reply_error(http, MHD_HTTP_URI_TOO_LONG, "a URI has at most %d bytes", BW_HTTP_URI_MAX);
    else if (header_size(exchange->connection) > BW_HTTP_HEADERS_MAX)
        *reply = bw_reply_error(http, MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE,
                                "a request line and its headers have at most %d bytes", BW_HTTP_HEADERS_MAX);
    else if (c.hosts > 1 || (c.hosts == 0 && strcmp(version, MHD_HTTP_VERSION_1_0) != 0))
        *reply = bw_reply_error(http, MHD_HTTP_BAD_REQUEST, "one Host header is needed, here are %u", c.hosts);
    else if (c.lengths + c.encodings > 1)
        *reply = bw_reply_error(http, MHD_HTTP_BAD_REQUEST,
                                "the length of the body is told more than once: one Content-Length or "
                                "Transfer-Encoding is allowed");
    else if (c.encodings == 1 && strcasecmp(c.encoding, "chunked") != 0)
        *reply = bw_reply_error(http, MHD_HTTP_NOT_IMPLEMENTED, "Transfer-Encoding: chunked is the one that is known");
    else
        return false;
    return true;
}
