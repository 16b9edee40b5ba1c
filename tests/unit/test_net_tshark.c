/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a public analyser makes of our frames: tshark must read every kind, sealed or not, as CPHA version 650, with the
 * members' states and without a malformed or unknown field.
 */
#include <stdio.h>
#include <unistd.h>

#include "agent/net/inet.h"
#include "test_net_fixture.h"

#define FRAMES (2 * 3 * FIXTURE_MESSAGES)

static char path[] = "/tmp/bw-tshark-XXXXXX";
static char expected[FRAMES][256]; /* opcode, interface, sender, states */

/* Our states as the analyser numbers them. */
static const int codes[] = {
    [BW_MEMBER_INITIALIZING] = 1, [BW_MEMBER_READY] = 3, [BW_MEMBER_STANDBY] = 2,    [BW_MEMBER_ACTIVE] = 4,
    [BW_MEMBER_ATTENTION] = 4,    [BW_MEMBER_DOWN] = 0,  [BW_MEMBER_UNREACHABLE] = 0};

static void put32(FILE *file, uint32_t value)
{
    fwrite(&value, sizeof(value), 1, file);
}

static void write_packet(FILE *file, const uint8_t *frame, size_t length)
{
    static const uint8_t ethernet[] = {0x01, 0, 0x5e, 0, 0, 0xfe, 0x02, 0, 0, 0, 0, 1, 8, 0};
    static const uint8_t source[4] = {0}, target[4] = {224, 0, 0, 254};
    uint8_t header[BW_INET_HEADER_BYTES];
    uint32_t total = (uint32_t)(sizeof(ethernet) + sizeof(header) + length);

    bw_inet_build(header, source, target, BW_CCP_PORT, frame, length);
    put32(file, 0);
    put32(file, 0);
    put32(file, total);
    put32(file, total);
    fwrite(ethernet, sizeof(ethernet), 1, file);
    fwrite(header, sizeof(header), 1, file);
    fwrite(frame, length, 1, file);
}

static void describe(char *text, size_t cap, const struct bw_message *message, const struct bw_clear_facts *facts,
                     unsigned interface)
{
    bool query = message->kind == BW_MESSAGE_PAGE_REQUEST || message->kind == BW_MESSAGE_STATE_QUERY;
    int at = snprintf(text, cap, "%d\t%u\t1\t", query ? 2 : 1, interface + 1);

    for (unsigned i = 0; !query && facts && i < facts->members_count; i++)
        at += snprintf(text + at, cap - (size_t)at, "%s%d", i ? "," : "", codes[facts->states[i]]);
}

static int write_frames(void **state)
{
    static struct bw_message message;
    struct bw_seal_setup setup = {.cluster = 17, .local = 1, .keys_count = 1};
    struct bw_clear_facts facts;
    struct bw_seal *seal = malloc(bw_seal_size());
    uint8_t frame[BW_FRAME_MAX];
    int fd = mkstemp(path);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;

    (void)state;
    assert_non_null(file);
    assert_non_null(seal);
    put32(file, 0xa1b2c3d4);
    put32(file, 2 | 4 << 16);
    put32(file, 0);
    put32(file, 0);
    put32(file, 65535);
    put32(file, 1);
    fixture_boot(&setup.boot);
    for (unsigned i = 0; i < FRAMES; i++) {
        static const unsigned members[] = {2, BW_MAX_MEMBERS, 0};
        unsigned count = members[i / 2 / FIXTURE_MESSAGES],
                 interface = (unsigned)fixture_between(0, BW_MAX_INTERFACES - 1);
        int length;

        setup.auth_none = i % 2;
        assert_non_null(bw_seal_init(seal, &setup));
        fixture_message(&message, i / 2 % FIXTURE_MESSAGES);
        fixture_facts(&facts, count);
        length = bw_seal_frame(seal, &message, count ? &facts : NULL, (uint8_t)interface, frame, sizeof(frame));
        assert_true(length > 0);
        write_packet(file, frame, (size_t)length);
        describe(expected[i], sizeof(expected[i]), &message, count ? &facts : NULL, interface);
    }
    free(seal);
    return fclose(file);
}

static int remove_frames(void **state)
{
    (void)state;
    return unlink(path);
}

static FILE *run_tshark(const char *options)
{
    char command[512];
    FILE *output;

    snprintf(command, sizeof(command),
             "tshark -o ip.check_checksum:TRUE -o udp.check_checksum:TRUE -r %s %s 2>/dev/null", path, options);
    output = popen(command, "r");
    assert_non_null(output);
    return output;
}

static void test_nothing_unknown(void **state)
{
    char line[1024];
    unsigned frames = 0, checksums = 0;
    FILE *output = run_tshark("-V");

    (void)state;
    while (fgets(line, sizeof(line), output)) {
        if (strstr(line, "alformed") || strstr(line, "nknown") || strstr(line, "Expert Info (Warn") ||
            strstr(line, "Expert Info (Err"))
            fail_msg("frame %u: %s", frames, line);
        frames += strncmp(line, "Check Point High Availability Protocol", 38) == 0;
        checksums += strcasestr(line, "status: good") != NULL;
    }
    assert_int_equal(pclose(output), 0);
    assert_int_equal(frames, FRAMES);
    assert_int_equal(checksums, 2 * FRAMES);
}

static void test_states(void **state)
{
    char line[1024];
    unsigned frames = 0;
    FILE *output =
        run_tshark("-T fields -e cpha.version -e cpha.cluster_number -e cpha.opcode -e cpha.src_if -e cpha.src_id "
                   "-e cpha.state_node");

    (void)state;
    while (fgets(line, sizeof(line), output)) {
        line[strcspn(line, "\n")] = '\0';
        assert_in_range(frames, 0, FRAMES - 1);
        assert_true(strncmp(line, "650\t17\t", 7) == 0);
        assert_string_equal(line + 7, expected[frames]);
        frames++;
    }
    assert_int_equal(pclose(output), 0);
    assert_int_equal(frames, FRAMES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_unknown),
        cmocka_unit_test(test_states),
    };

    return cmocka_run_group_tests(tests, write_frames, remove_frames);
}
