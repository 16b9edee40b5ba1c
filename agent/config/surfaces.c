/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tables cannot say about the http section: several addresses to listen on, and that certificate and key come
 * together.
 */
#include <string.h>

#include "agent/config/reader.h"
#include "bellwether/text.h"

#define LISTEN_INITIAL "127.0.0.1:8116"

static void link_listen(struct bw_config_reader *reader, config_setting_t *list)
{
    static const char what[] = "http listen", allowed[] = "\"address:port\" or \"[IPv6 address]:port\", port 1-65535";
    struct bw_config *config = reader->config;
    int count = bw_config_texts_count(reader, list, what, allowed);
    config_setting_t *where;
    char quote[BW_QUOTE_MAX];

    if (count == 0)
        bw_config_problem(reader, list, "%s: there is no address; allowed: 1-%d of them", what, BW_MAX_LISTENS);
    if (count > BW_MAX_LISTENS)
        bw_config_problem(reader, list, "%s: %d addresses; allowed: 1-%d of them", what, count, BW_MAX_LISTENS);
    for (int i = 0; i < count && i < BW_MAX_LISTENS; i++) {
        const char *text = bw_config_text_at(reader, list, i, what, allowed, &where);
        const char *wrong = text ? bw_config_wrong_listen(text) : NULL;
        bool again = text && i > 0 && strcmp(text, config->http.listen) == 0;

        if (!text)
            continue;
        for (unsigned k = 0; k < config->http.listen_also_count; k++)
            again = again || strcmp(text, config->http.listen_also[k]) == 0;
        if (!wrong && again)
            wrong = "is written twice";
        if (wrong)
            bw_config_problem(reader, where, "%s: %s %s; allowed: %s", what, bw_config_quote(text, strlen(text), quote),
                              wrong, allowed);
        else if (i == 0)
            bw_copy(config->http.listen, sizeof(config->http.listen), text);
        else
            bw_copy(config->http.listen_also[config->http.listen_also_count++], sizeof(config->http.listen), text);
    }
}

void bw_config_link_surfaces(struct bw_config_reader *reader, const config_setting_t *root)
{
    config_setting_t *http = config_setting_get_member(root, "http");
    config_setting_t *listen = NULL, *certificate = NULL, *key = NULL, *ca = NULL;

    bw_copy(reader->config->http.listen, sizeof(reader->config->http.listen), LISTEN_INITIAL);
    if (http == NULL || config_setting_type(http) != CONFIG_TYPE_GROUP)
        return;
    listen = config_setting_get_member(http, "listen");
    certificate = config_setting_get_member(http, "tls_certificate");
    key = config_setting_get_member(http, "tls_key");
    ca = config_setting_get_member(http, "tls_client_ca");
    if (listen != NULL)
        link_listen(reader, listen);
    if (certificate != NULL && key == NULL)
        bw_config_problem(reader, certificate, "http tls_certificate: there is no tls_key; allowed: both or none");
    if (key != NULL && certificate == NULL)
        bw_config_problem(reader, key, "http tls_key: there is no tls_certificate; allowed: both or none");
    if (ca != NULL && certificate == NULL)
        bw_config_problem(reader, ca, "http tls_client_ca: there is no tls_certificate; allowed: only with it");
}
