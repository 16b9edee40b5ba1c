/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /sd: all members of the cluster, as Prometheus' HTTP service discovery reads them. One member is asked, all are
 * found: each at its own address of the configuration and at the port that this one listens on first.
 */
#include <json-c/json.h>
#include <string.h>

#include "bellwether/json.h"
#include "bellwether/text.h"
#include "exporters/http/http.h"

static struct json_object *target(const struct bw_http *http, const struct bw_member_config *member)
{
    const struct bw_cluster_config *c = &http->context.config->cluster;
    struct json_object *entry = json_object_new_object(), *targets = json_object_new_array(),
                       *labels = json_object_new_object();
    char address[BW_ADDRESS_TEXT_MAX], text[BW_ADDRESS_TEXT_MAX + 12], number[12];

    bw_address_to_text(&member->address, false, address);
    bw_format(text, sizeof(text), member->address.family == 6 ? "[%s]:%u" : "%s:%u", address, bw_http_port(http));
    json_object_array_add(targets, json_object_new_string(text));
    json_object_object_add(entry, "targets", targets);
    json_object_object_add(labels, "__scheme__", json_object_new_string(http->tls ? "https" : "http"));
    json_object_object_add(labels, "__metrics_path__", json_object_new_string("/metrics"));
    json_object_object_add(labels, "__meta_bellwether_cluster", bw_json_text(c->name, sizeof(c->name)));
    bw_format(number, sizeof(number), "%u", c->id);
    json_object_object_add(labels, "__meta_bellwether_cluster_id", json_object_new_string(number));
    json_object_object_add(labels, "__meta_bellwether_member", bw_json_text(member->name, sizeof(member->name)));
    bw_format(number, sizeof(number), "%u", member->id);
    json_object_object_add(labels, "__meta_bellwether_member_id", json_object_new_string(number));
    json_object_object_add(entry, "labels", labels);
    return entry;
}

struct bw_reply bw_reply_discovery(struct bw_http *http)
{
    const struct bw_cluster_config *c = &http->context.config->cluster;
    struct json_object *list = json_object_new_array();

    for (unsigned i = 0; i < c->members_count && list != NULL; i++)
        if (c->members[i].address.family != 0)
            json_object_array_add(list, target(http, &c->members[i]));
    return bw_reply_tagged_json(http, list);
}
