/* fuzz: exporters/alert/record.c exporters/alert/flow.c exporters/alert/text.c agent/model/event_kinds.c agent/model/text.c agent/model/enums.c agent/model/catalogue*.c */
/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The reader of queue files: whatever bytes are there, and what is made of the messages in them. */
#include <stdint.h>
#include <stdlib.h>

#include "exporters/alert/alert.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static const struct bw_alert_target_config config = {.queue = 10, .digest_ns = BW_SEC, .digest_after = 2, .rate = 10};
    static const struct bw_alert_origin origin = {.cluster_id = 1, .cluster = "c", .teller = "t"};
    static char body[BW_ALERT_BODY_MAX];
    static uint8_t again[BW_ALERT_RECORD_MAX];
    struct bw_flow flow = {0};
    struct bw_alert_record record;
    const struct bw_alert_message *m;
    size_t at = 0, bad = 0;

    bw_flow_configure(&flow, &config);
    while (bw_alert_record_next(bytes, length, &at, &bad, &record)) {
        if (bw_alert_record_put(again, &record) > sizeof(again))
            abort();
        if (record.kind == BW_ALERT_RECORD_MESSAGE || record.kind == BW_ALERT_RECORD_HELD)
            bw_flow_restore(&flow, &record.message, record.kind == BW_ALERT_RECORD_HELD, BW_SEC);
        else
            bw_alert_message_free(&record.message);
    }
    bw_flow_turn(&flow, 1000 * BW_SEC);
    while ((m = bw_flow_next(&flow, 1000 * BW_SEC)) != NULL) {
        if (bw_alert_body(&origin, m, body, sizeof(body)) >= sizeof(body))
            abort();
        bw_flow_result(&flow, BW_ALERT_DELIVERED, "", 1000 * BW_SEC, 1);
    }
    bw_flow_free(&flow);
    return 0;
}
