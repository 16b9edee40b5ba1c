/* fuzz: agent/control/request.c agent/control/command.c agent/model/json.c agent/model/catalogue*.c agent/model/event_kinds.c agent/model/enums.c agent/model/late_bounds.c agent/model/sync_health.c agent/model/text.c agent/model/address.c agent/model/history.c -ljson-c */
/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket's request lines: whatever is parsed, its command is then carried out on a small snapshot as far as it goes
 * without an engine.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/control/control.h"
#include "tests/unit/fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct bw_snapshot *snapshot;
    static struct bw_history *history;
    struct bw_control_request request;
    struct bw_request out = {0};
    char error[BW_TEXT_MAX];

    if (snapshot == NULL) {
        snapshot = calloc(1, sizeof(*snapshot));
        history = bw_history_new();
        bw_fixture_fill(snapshot);
        bw_fixture_history(history);
    }
    if (bw_control_parse((const char *)data, size, &request, error) < 0) {
        if (error[0] == '\0')
            abort(); /* refused without a reason */
        return 0;
    }
    if (request.command->read != NULL)
        json_object_put(request.command->read(&request, snapshot, history));
    else if (request.command->change(&request, snapshot, &out, error) == 0 && out.kind == 0)
        abort(); /* nothing to ask */
    return 0;
}
