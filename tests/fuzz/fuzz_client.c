/* fuzz: agent/client/json.c */
/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The client library's reader of answers, and its writer: what it writes of any text is read back as valid.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/client/client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char value[24], line[BW_CLIENT_LINE_MAX], text[256], again[256];
    size_t used = 0;

    bw_client_get_string((const char *)data, size, "text", value, sizeof(value));
    if (strlen(value) >= sizeof(value))
        abort();
    if (size >= sizeof(text))
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (!bw_client_put(line, sizeof(line), &used, "{\"text\":") ||
        !bw_client_put_string(line, sizeof(line), &used, text, 159) || !bw_client_put(line, sizeof(line), &used, "}"))
        abort();
    if (!bw_client_get_string(line, used, "text", again, sizeof(again)) || strlen(again) > 159)
        abort();
    return 0;
}
