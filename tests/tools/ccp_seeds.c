/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes the seeds of tests/fuzz/fuzz_ccp.c into a folder: run it again when the wire format grows.
 *
 *   ccp_seeds FOLDER
 */
#include <stdio.h>

#include "tests/unit/test_net_fixture.h"

static int save(const char *folder, const char *name, unsigned number, uint8_t first, const uint8_t *bytes,
                size_t length)
{
    char path[512];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s-%u", folder, name, number);
    file = fopen(path, "w");
    if (!file || fputc(first, file) == EOF || fwrite(bytes, 1, length, file) != length || fclose(file) != 0) {
        perror(path);
        return -1;
    }
    return 0;
}

/* The talk of two members, one of which is the fuzzed one: its own seed is known, so that adoption succeeds. */
static size_t record_talk(uint8_t *talk, size_t cap)
{
    static struct bw_message message, heard;
    struct bw_seal_setup one = {
        .cluster = 17, .local = 1, .boot = {"fuzzed member 01"}, .auth_none = true, .seed = {1, 2}};
    struct bw_seal_setup two = {
        .cluster = 17, .local = 2, .boot = {"the other one 02"}, .auth_none = true, .seed = {3, 4}};
    struct bw_seal *a = bw_seal_init(malloc(bw_seal_size()), &one), *b = bw_seal_init(malloc(bw_seal_size()), &two);
    struct bw_clear_facts facts;
    uint8_t frame[BW_FRAME_MAX];
    size_t at = 0;

    fixture_facts(&facts, 2);
    for (unsigned i = 0; a && b && i < 2 * FIXTURE_MESSAGES; i++) {
        int length;

        fixture_heartbeat(&message, 1, 1, 0, 0);
        length = bw_seal_frame(a, &message, &facts, 0, frame, sizeof(frame));
        bw_open_frame(b, frame, (size_t)length, 0, &heard);
        fixture_message(&message, i < 3 ? 0 : i % FIXTURE_MESSAGES);
        if (message.kind == BW_MESSAGE_FAREWELL)
            message.farewell.member = 2;
        length = bw_seal_frame(b, &message, &facts, 0, frame, sizeof(frame));
        if (length < 0 || at + 2 + (size_t)length > cap)
            break;
        bw_open_frame(a, frame, (size_t)length, 0, &heard);
        talk[at++] = (uint8_t)(length >> 8);
        talk[at++] = (uint8_t)length;
        memcpy(talk + at, frame, (size_t)length);
        at += (size_t)length;
    }
    free(a);
    free(b);
    return at;
}

int main(int argc, char **argv)
{
    static struct bw_message message;
    static uint8_t talk[65536];
    struct bw_clear_facts facts;
    uint8_t buf[BW_FRAME_MAX];
    size_t clear_length;

    if (argc != 2) {
        fprintf(stderr, "usage: ccp_seeds FOLDER\n");
        return 2;
    }
    fixture_facts(&facts, 2);
    for (unsigned i = 0; i < 2 * FIXTURE_MESSAGES; i++) {
        int length;

        fixture_message(&message, i % FIXTURE_MESSAGES);
        message.sender = 2;
        length = bw_ccp_encode(&message, 17, &facts, buf, sizeof(buf), &clear_length);
        if (length < 0 || save(argv[1], "clear", i, 0, buf, clear_length) != 0 ||
            save(argv[1], "body", i, 1, buf + clear_length, (size_t)length - clear_length) != 0)
            return 1;
    }
    for (unsigned i = 0; i < 4; i++) {
        size_t length = record_talk(talk, sizeof(talk));
        if (save(argv[1], "frames", i, 2, talk, length) != 0)
            return 1;
    }
    return 0;
}
